"""Load the file of a built module, and link its routines."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from cython_ext.library import Library


def load_module(path: Path) -> Library:
    """The shared object at `path`, linked; ImportError if it is not one."""
    library = Library(path)
    if library.needs_routines:
        library.link(routines())
    return library


@cache
def routines() -> Mapping[str, int]:
    """Addresses of the routines; imports SciPy."""
    from cython_ext import linalg, ordering

    name_of = ctypes.pythonapi.PyCapsule_GetName
    name_of.restype, name_of.argtypes = ctypes.c_char_p, (ctypes.py_object,)
    address_of = ctypes.pythonapi.PyCapsule_GetPointer
    address_of.restype, address_of.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    return {
        name: address_of(capsule, name_of(capsule))
        for name, capsule in (linalg.__pyx_capi__ | ordering.__pyx_capi__).items()
    }
