"""The routines of `cython_ext/linalg.pyx` and `ordering.pyx` as compiled plans call them: through
pointers.

A plan is a bare shared object, no module of Python, so it cannot import them. For its translation a
file stands in the place of linalg.pxd that declares the signatures of all routines as C names, and
a header defines these names as pointers, with the function `pt_link` by which the loader fills
them. Both are made of the .pxd files, where a signature is written once.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import cython_ext

MODULES = ("linalg", "ordering")
HEADER = "pt_routines.h"
_DECLARATION = re.compile(r"^cdef void (\w+)\(([^)]*)\) noexcept nogil$", re.MULTILINE)


@cache
def signatures() -> dict[str, tuple[str, ...]]:
    """{name: its parameters} of every routine, as C declares them."""
    folder = Path(cython_ext.__file__).parent
    text = "\n".join((folder / f"{name}.pxd").read_text(encoding="utf-8") for name in MODULES)
    found = {name: tuple(re.split(r",\s*", rest)) for name, rest in _DECLARATION.findall(text)}
    if len(found) != text.count("cdef "):
        files = " or ".join(f"{name}.pxd" for name in MODULES)
        raise ValueError(f"{files} declares more than routines `cdef void ... noexcept nogil`")
    return found


@cache
def declarations() -> str:
    """What stands in the place of linalg.pxd while a plan is translated."""
    rows = [f"    void {name}({', '.join(args)})" for name, args in signatures().items()]
    head = f'from libc.stdint cimport int64_t, uint8_t\n\ncdef extern from "{HEADER}" nogil:\n'
    return head + "\n".join(rows) + "\n"


@cache
def header() -> str:
    """The pointers, and the function that fills them by name."""
    kinds = {
        name: ", ".join(arg.rpartition(" ")[0] for arg in args)
        for name, args in signatures().items()
    }
    pointers = [f"static void (*{name})({of});" for name, of in kinds.items()]
    fills = [
        f'    if (strcmp(name, "{name}") == 0)\n        {name} = (void (*)({of}))address;'
        for name, of in kinds.items()
    ]
    return "\n".join(
        [
            "#ifndef PT_ROUTINES_H",
            "#define PT_ROUTINES_H",
            "#include <stdint.h>",
            "#include <string.h>",
            *pointers,
            '__attribute__((visibility("default")))',
            "void pt_link(const char *name, void *address)",
            "{",
            *fills,
            "}",
            "#endif",
            "",
        ]
    )
