"""Load the file of a built module, and link its routines and functions of SciPy."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path

from cython_ext import scipy_special
from cython_ext.library import Library
from probtensor.targets.cython.routines import MODULES, modules

SCIPY = "scipy"  # stands for the module of SciPy's functions


def load_module(path: Path) -> Library:
    """The shared object at `path`, linked; ImportError if it is not one."""
    library = Library(path)
    for module in (*MODULES, SCIPY):
        if library.needs_routines(module):
            library.link(module, of_module(module))
    return library


@cache
def of_module(module: str) -> Mapping[str, int]:
    """Addresses of the routines of one module of cython_ext, which is imported, or of the functions
    of SciPy."""
    if module == SCIPY:
        return scipy_special.addresses()
    name_of = ctypes.pythonapi.PyCapsule_GetName
    name_of.restype, name_of.argtypes = ctypes.c_char_p, (ctypes.py_object,)
    address_of = ctypes.pythonapi.PyCapsule_GetPointer
    address_of.restype, address_of.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    exported = import_module(f"cython_ext.{module}").__pyx_capi__
    return {name: address_of(capsule, name_of(capsule)) for name, capsule in exported.items()}


def addresses(names: Iterable[str]) -> dict[str, int]:
    """The address of each of these routines; only their modules are imported."""
    return {name: of_module(_module_of(name))[name] for name in names}


def _module_of(name: str) -> str:
    return SCIPY if scipy_special.is_scipy(name) else modules()[name]
