"""A built module's file to the address of its plan."""

from __future__ import annotations

import importlib.util
from importlib.machinery import ExtensionFileLoader
from pathlib import Path
from types import ModuleType


def load_module(name: str, path: Path) -> ModuleType:
    """Import the extension module `name` from `path`; ImportError if it is not one.

    The module is not entered in sys.modules: modules are found by content, not by name.
    """
    loader = ExtensionFileLoader(name, str(path))
    spec = importlib.util.spec_from_loader(name, loader)
    if spec is None:
        raise ImportError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module
