"""Load the file of a built module, and link its routines and functions of SciPy."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from cython_ext.library import Library
from cython_ext.scipy_special import addresses, is_scipy


def load_module(path: Path) -> Library:
    """The shared object at `path`, linked; ImportError if it is not one."""
    library = Library(path)
    for linker, known in (("pt_link", routines), ("pt_link_scipy", addresses)):
        if library.has(linker):
            library.link(linker, known())
    return library


def addresses_of(names: Iterable[str]) -> Mapping[str, int]:
    """The addresses of what a plan calls by these names, at least; imports what they are in."""
    found: dict[str, int] = {}
    if any(is_scipy(name) for name in names):
        found |= addresses()
    if not all(is_scipy(name) for name in names):
        found |= routines()
    return found


@cache
def routines() -> Mapping[str, int]:
    """Addresses of the matrix routines; imports SciPy."""
    from cython_ext import linalg

    name_of = ctypes.pythonapi.PyCapsule_GetName
    name_of.restype, name_of.argtypes = ctypes.c_char_p, (ctypes.py_object,)
    address_of = ctypes.pythonapi.PyCapsule_GetPointer
    address_of.restype, address_of.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    return {
        name: address_of(capsule, name_of(capsule))
        for name, capsule in linalg.__pyx_capi__.items()
    }
