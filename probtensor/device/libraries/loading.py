"""NVIDIA's libraries by ctypes: where they are found, and tables of their functions.

A library is described by a table of names and argument types, and a function that explains its
return codes. Libraries come as wheels (`nvidia-...`), with a toolkit, or from the search path of
the dynamic linker.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

from probtensor.device.errors import DeviceError

TOOLKIT_VARIABLES = ("CUDA_HOME", "CUDA_PATH", "CONDA_PREFIX")
LIBRARY_FOLDERS = ("lib64", "lib", "targets/x86_64-linux/lib", "targets/sbsa-linux/lib")
VERSION = re.compile(r"\.so\.(\d+(?:\.\d+)*)$")


def wheel_folders() -> Iterator[Path]:
    """The `lib` folders of installed nvidia-... wheels."""
    try:
        spec = importlib.util.find_spec("nvidia")
    except (ImportError, ValueError):
        return
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        yield from Path(folder).glob("*/lib")


def toolkit_folders() -> Iterator[Path]:
    """The library folders of toolkits: of the environment's variables, of nvcc on PATH, of
    /usr/local."""
    roots = [Path(os.environ[name]) for name in TOOLKIT_VARIABLES if os.environ.get(name)]
    nvcc = shutil.which("nvcc")
    if nvcc:
        roots.append(Path(nvcc).resolve().parent.parent)
    roots += [Path("/usr/local/cuda"), *sorted(Path("/usr/local").glob("cuda-*"), reverse=True)]
    for root in roots:
        for folder in LIBRARY_FOLDERS:
            if (root / folder).is_dir():
                yield root / folder


def version_of(path: Path) -> tuple[int, ...]:
    """`libnvrtc.so.13.0.88` -> (13, 0, 88)."""
    found = VERSION.search(path.name)
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def _major(path: Path) -> int:
    return (version_of(path) or (0,))[0]


def find_library(name: str, newest: int | None = None) -> Path | None:
    """The file of the highest `lib<name>.so.<version>` whose major version is at most `newest`.

    Libraries of wheels are preferred to those of toolkits.
    """
    for folders in (wheel_folders(), toolkit_folders()):
        files = [path for folder in folders for path in folder.glob(f"lib{name}.so.*")]
        fitting = [path for path in files if 0 < _major(path) <= (newest or _major(path))]
        if fitting:
            return max(fitting, key=version_of)
    return None


def load_library(
    name: str, versions: Sequence[int], dependencies: Sequence[str] = ()
) -> ctypes.CDLL | None:
    """The library of `name`, or None where there is none.

    versions: the accepted major versions, which the dynamic linker is asked for where no folder
    has one. dependencies: libraries that it needs, loaded first, from the same folder.
    """
    path = find_library(name, max(versions))
    try:
        if path is None or version_of(path)[0] not in versions:
            return _from_linker_path(name, versions)
        for dependency in dependencies:
            for other in path.parent.glob(f"lib{dependency}.so.{version_of(path)[0]}*"):
                ctypes.CDLL(str(other), ctypes.RTLD_GLOBAL)
        return ctypes.CDLL(str(path))
    except OSError:
        return None


def load_beside(name: str, versions: Sequence[int]) -> None:
    """Load a library that another one needs, for all to see; where it is not found, the dynamic
    linker may still find it."""
    path = find_library(name, max(versions)) if versions else None
    if path is not None and version_of(path)[0] in versions:
        with suppress(OSError):
            ctypes.CDLL(str(path), ctypes.RTLD_GLOBAL)


def _from_linker_path(name: str, versions: Sequence[int]) -> ctypes.CDLL | None:
    for version in sorted(versions, reverse=True):
        try:
            return ctypes.CDLL(f"lib{name}.so.{version}")
        except OSError:
            continue
    return None


def bind(library: ctypes.CDLL, table: Mapping[str, tuple[type, ...]],
         error_text: Callable[[int], str]) -> SimpleNamespace:  # fmt: skip
    """The functions of `table` (name -> argument types), which raise if they do not return 0."""
    bound = SimpleNamespace()
    for name, arguments in table.items():
        function = getattr(library, name)
        function.argtypes = arguments
        function.restype = ctypes.c_int
        function.errcheck = _error_check(name, error_text)
        setattr(bound, name, function)
    return bound


def _error_check(name: str, error_text: Callable[[int], str]) -> Callable[..., None]:
    def check(code: int, function: Callable[..., int], arguments: tuple) -> None:
        if code:
            raise DeviceError(f"{name}: {error_text(code)}")

    return check
