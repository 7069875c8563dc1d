"""Modules that are imported when they are first used.

`late` stands at the top of a file, as imports do. It is for what most programs never use and would
take a noticeable part of the import of the library: what runs on devices, parts of the face that
solve or integrate, and modules of the standard library that only builds and messages need.
"""

from __future__ import annotations

import importlib
from types import ModuleType

from probtensor.process import importing


class Late:
    """A module in waiting: its attributes are those of the module."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> object:
        return getattr(load(self._name), name)

    def __repr__(self) -> str:
        return f"<late {self._name}>"


def late(name: str) -> Late:
    """The module of this name, imported when one of its attributes is read."""
    return Late(name)


def load(name: str) -> ModuleType:
    """The module of this name, now; forks wait for the end of its import."""
    with importing(own=name.startswith(("probtensor.", "cython_ext."))):
        return importlib.import_module(name)
