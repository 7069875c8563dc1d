"""The routines of `cython_ext` as compiled plans call them: through pointers.

A plan is a bare shared object, no module of Python, so it cannot import them. For its translation a
file stands in the place of each module's .pxd that declares the same signatures as C names, and a
header defines these names as pointers, with a function by which the loader fills them. Both are
made of the .pxd, where a signature is written once. A plan includes the headers of the modules that
it calls, and only these are imported.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import cython_ext

# The modules of cython_ext whose .pxd declares routines and nothing else.
MODULES = (
    "bands", "complexes", "effects", "equations", "exponential", "fourier", "linalg", "ordering",
    "spectra", "systems", "triangular",
)  # fmt: skip
_DECLARATION = re.compile(r"^cdef void (\w+)\(([^)]*)\) noexcept nogil$", re.MULTILINE)


def header_name(module: str) -> str:
    """The file of the pointers to the routines of a module."""
    return f"pt_routines_{module}.h"


@cache
def signatures(module: str) -> dict[str, tuple[str, ...]]:
    """{name: its parameters} of every routine of a module, as C declares them."""
    text = (Path(cython_ext.__file__).parent / f"{module}.pxd").read_text(encoding="utf-8")
    found = {name: tuple(re.split(r",\s*", rest)) for name, rest in _DECLARATION.findall(text)}
    if len(found) != text.count("cdef "):
        raise ValueError(f"{module}.pxd declares more than `cdef void ... noexcept nogil`")
    return found


@cache
def modules() -> dict[str, str]:
    """The module of each routine, by its name."""
    return {name: module for module in MODULES for name in signatures(module)}


@cache
def declarations(module: str) -> str:
    """What stands in the place of a module's .pxd while a plan is translated."""
    rows = [f"    void {name}({', '.join(args)})" for name, args in signatures(module).items()]
    head = "from libc.stdint cimport int32_t, int64_t, uint8_t\n\n"
    return head + f'cdef extern from "{header_name(module)}" nogil:\n' + "\n".join(rows) + "\n"


@cache
def header(module: str) -> str:
    """The pointers to the routines of a module, and the function that fills them by name."""
    kinds = {
        name: ", ".join(arg.rpartition(" ")[0] for arg in args)
        for name, args in signatures(module).items()
    }
    pointers = [f"static void (*{name})({of});" for name, of in kinds.items()]
    fills = [
        f'    if (strcmp(name, "{name}") == 0)\n        {name} = (void (*)({of}))address;'
        for name, of in kinds.items()
    ]
    guard = f"PT_ROUTINES_{module.upper()}_H"
    return "\n".join(
        [
            f"#ifndef {guard}",
            f"#define {guard}",
            "#include <stdint.h>",
            "#include <string.h>",
            *pointers,
            '__attribute__((visibility("default")))',
            f"void pt_link_{module}(const char *name, void *address)",
            "{",
            *fills,
            "}",
            "#endif",
            "",
        ]
    )
