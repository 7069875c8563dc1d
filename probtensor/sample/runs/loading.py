"""ArviZ, imported when first needed.

More than half of the import of ArviZ 0.x is plots and statistics, which the result of a run does
not need. So its package `data` is imported alone, and stands in `sys.modules` below a module that
runs the rest of ArviZ when a name of it is first asked for: by the user, as in `az.summary`. The
classes are ArviZ's own. Where that is not possible, and for ArviZ 1.x, all of it is imported.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

from probtensor.late import late
from probtensor.process import importing

tempfile, logging = late("tempfile"), late("logging")
VERSION = re.compile(r"""^__version__ = ["'](0\.[\w.]+)["']$""", re.MULTILINE)


def load_arviz() -> ModuleType:
    """ArviZ, of which at least `data` and its names are imported."""
    with importing():
        if "arviz" not in sys.modules:
            with contextlib.suppress(Exception), quietly():
                return Unfinished.begin()
        with quietly():
            return _where_it_can_write(lambda: importlib.import_module("arviz"))


class Unfinished(ModuleType):
    """The module `arviz` while only a part of it is imported."""

    @classmethod
    def begin(cls) -> ModuleType:
        """Import the part. Any exception where this version of ArviZ does not allow it."""
        spec = importlib.util.find_spec("arviz")
        found = VERSION.search(Path(spec.origin).read_text(encoding="utf-8"))
        module = importlib.util.module_from_spec(spec)
        module.__version__, module._log = found[1], logging.getLogger("arviz")
        module.__class__ = cls
        module._lock, module._importer = threading.RLock(), None
        if sys.modules.setdefault("arviz", module) is not module:
            raise ImportError("another thread imports it")
        with module._importing():
            try:
                data = importlib.import_module("arviz.data")
                for name in data.__all__:
                    setattr(module, name, getattr(data, name))
            except BaseException:
                for name in [x for x in sys.modules if x.split(".")[0] == "arviz"]:
                    del sys.modules[name]
                raise
        return module

    @contextlib.contextmanager
    def _importing(self) -> Iterator[None]:
        """A block of one thread in which the module has only the attributes that it has; other
        threads that ask for more wait for its end."""
        own = self.__dict__
        with importing(), own["_lock"]:
            own["_importer"] = threading.get_ident()
            try:
                yield
            finally:
                own["_importer"] = None

    def __getattr__(self, name: str) -> object:
        own = self.__dict__
        if name.startswith("__") or own.get("_importer") == threading.get_ident():
            raise AttributeError(f"module 'arviz' has no attribute {name!r}")
        self._finish()
        return getattr(self, name)

    def __dir__(self) -> list[str]:
        self._finish()
        return dir(self)

    def _finish(self) -> None:
        """Import the rest, once."""
        with self._importing(), quietly():
            if type(self) is Unfinished:  # else another thread was first
                _where_it_can_write(lambda: self.__spec__.loader.exec_module(self))
                self.__class__ = ModuleType


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """A block without the FutureWarning about version 1 of ArviZ."""
    with warnings.catch_warnings():
        downgrade_errors("ignore")
        warnings.simplefilter("ignore", FutureWarning)
        yield


def _where_it_can_write(load: Callable[[], ModuleType]) -> ModuleType:
    """The result, with another cache folder where that of the user is read-only: ArviZ writes a
    file there."""
    try:
        return load()
    except OSError:
        with tempfile.TemporaryDirectory() as folder, cache_home(folder):
            return load()


def downgrade_errors(action: str) -> None:
    """Inside `catch_warnings`: set the action of warnings that would be raised as errors, as under
    `python -W error`. A warning of ArviZ or its imports must not lose draws."""
    for strict in [found for found in warnings.filters if found[0] == "error"]:
        warnings.simplefilter(action, strict[2])


@contextlib.contextmanager
def cache_home(folder: str) -> Iterator[None]:
    """The folder as XDG_CACHE_HOME."""
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = folder
    try:
        yield
    finally:
        if before is None:
            del os.environ["XDG_CACHE_HOME"]
        else:
            os.environ["XDG_CACHE_HOME"] = before
