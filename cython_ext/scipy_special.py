"""Scalar functions of SciPy that compiled plans call: by address, without the GIL.

`FUNCTIONS` is the table: an op whose C name is `pt_scipy_NAME` computes `scipy.special.NAME` of so
many doubles. To add such a function, enter it here and write its op. SciPy is imported when a plan
that calls one of them is built or loaded, not before. Python is not there in exports to C, and not
on a device: those refuse such an op, or run the kernel it is in on the host.
"""

import ctypes
import re
from functools import cache

PREFIX = "pt_scipy_"
FUNCTIONS = {
    "expi": 1, "exp1": 1, "expn": 2, "dawsn": 1, "erfi": 1, "spence": 1,
    "ndtri_exp": 1, "i0": 1, "i1": 1, "i0e": 1, "i1e": 1, "k0": 1, "k1": 1, "k0e": 1, "k1e": 1,
    "hyp1f1": 3,
}  # fmt: skip
# What Cython calls a function of doubles that Python can call as well: the last argument is 0.
_SIGNATURE = "double ({}, int __pyx_skip_dispatch)"


def is_scipy(name):
    """Whether a C name is that of a function of SciPy."""
    return name.startswith(PREFIX)


def declarations():
    """The functions as inline C functions, which call through pointers, and `pt_link_scipy`, which
    sets a pointer by its name."""
    parts = ["#ifndef PT_SCIPY_H", "#define PT_SCIPY_H", "#include <string.h>"]
    fills = []
    for name, count in FUNCTIONS.items():
        types = ", ".join(["double"] * count + ["int"])
        names = [f"x{k}" for k in range(count)]
        given = ", ".join(f"double {x}" for x in names)
        parts += [
            f"static double (*{PREFIX}{name}_at)({types});",
            f"static inline __attribute__((unused)) double {PREFIX}{name}({given})",
            f"{{ return {PREFIX}{name}_at({', '.join([*names, '0'])}); }}",
        ]
        fills += [
            f'    if (strcmp(name, "{PREFIX}{name}") == 0)',
            f"        {PREFIX}{name}_at = (double (*)({types}))address;",
        ]
    parts += [
        '__attribute__((visibility("default")))',
        "void pt_link_scipy(const char *name, void *address)", "{", *fills, "}", "#endif", "",
    ]  # fmt: skip
    return "\n".join(parts)


@cache
def addresses():
    """{C name: address} of all functions; imports SciPy. ImportError where this SciPy lacks one."""
    from scipy.special import cython_special

    name_of = ctypes.pythonapi.PyCapsule_GetName
    name_of.restype, name_of.argtypes = ctypes.c_char_p, (ctypes.py_object,)
    address_of = ctypes.pythonapi.PyCapsule_GetPointer
    address_of.restype, address_of.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    # A function of several types has one capsule for each, which a number tells apart.
    capsules = {}
    for full, capsule in cython_special.__pyx_capi__.items():
        signature = name_of(capsule)
        plain = re.sub(r"^__pyx_fuse(?:_\d+)+", "", full)
        capsules[plain, signature.decode()] = address_of(capsule, signature)
    found = {}
    for name, count in FUNCTIONS.items():
        key = name, _SIGNATURE.format(", ".join(["double"] * count))
        if key not in capsules:
            raise ImportError(f"scipy.special.cython_special has no {name} of {count} doubles")
        found[PREFIX + name] = capsules[key]
    return found
