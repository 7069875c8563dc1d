"""NVIDIA's libraries by ctypes: where they lie, and tables of their functions.

A library is a table of names and argument types and one reader of return codes, so that another
one is a few lines more. Libraries come as wheels (`nvidia-...`), with a toolkit, or from wherever
the dynamic linker looks.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

from probtensor.device.errors import DeviceError

TOOLKITS = ("CUDA_HOME", "CUDA_PATH", "CONDA_PREFIX")
FOLDERS = ("lib64", "lib", "targets/x86_64-linux/lib", "targets/sbsa-linux/lib")
VERSION = re.compile(r"\.so\.(\d+(?:\.\d+)*)$")


def wheel_folders() -> Iterator[Path]:
    """The `lib` folders of installed nvidia-... wheels."""
    try:
        spec = importlib.util.find_spec("nvidia")
    except (ImportError, ValueError):
        return
    for place in (spec.submodule_search_locations or ()) if spec else ():
        yield from Path(place).glob("*/lib")


def toolkit_folders() -> Iterator[Path]:
    """The library folders of toolkits: those of the environment, nvcc's, and the usual place."""
    roots = [Path(os.environ[name]) for name in TOOLKITS if os.environ.get(name)]
    nvcc = shutil.which("nvcc")
    if nvcc:
        roots.append(Path(nvcc).resolve().parent.parent)
    roots += [Path("/usr/local/cuda"), *sorted(Path("/usr/local").glob("cuda-*"), reverse=True)]
    for root in roots:
        for folder in FOLDERS:
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

    What wheels bring goes before what toolkits do.
    """
    for folders in (wheel_folders(), toolkit_folders()):
        files = [path for folder in folders for path in folder.glob(f"lib{name}.so.*")]
        fitting = [path for path in files if 0 < _major(path) <= (newest or _major(path))]
        if fitting:
            return max(fitting, key=version_of)
    return None


def load_library(
    name: str, versions: Sequence[int], before: Sequence[str] = ()
) -> ctypes.CDLL | None:
    """The library of `name`, or None where there is none.

    versions: the major versions that will do, for the dynamic linker to look for where no folder
    is known to hold one. before: libraries that it needs, loaded first from beside it.
    """
    path = find_library(name, max(versions))
    try:
        if path is None or version_of(path)[0] not in versions:
            return _by_the_linker(name, versions)
        for needed in before:
            for other in path.parent.glob(f"lib{needed}.so.{version_of(path)[0]}*"):
                ctypes.CDLL(str(other), ctypes.RTLD_GLOBAL)
        return ctypes.CDLL(str(path))
    except OSError:
        return None


def _by_the_linker(name: str, versions: Sequence[int]) -> ctypes.CDLL | None:
    for version in sorted(versions, reverse=True):
        try:
            return ctypes.CDLL(f"lib{name}.so.{version}")
        except OSError:
            continue
    return None


def bind(library: ctypes.CDLL, table: Mapping[str, tuple[type, ...]],
         meaning: Callable[[int], str]) -> SimpleNamespace:  # fmt: skip
    """The functions of `table` (name -> argument types), which raise where they return not 0."""
    bound = SimpleNamespace()
    for name, arguments in table.items():
        function = getattr(library, name)
        function.argtypes = arguments
        function.restype = ctypes.c_int
        function.errcheck = _checker(name, meaning)
        setattr(bound, name, function)
    return bound


def _checker(name: str, meaning: Callable[[int], str]) -> Callable[..., None]:
    def check(code: int, function: Callable[..., int], arguments: tuple) -> None:
        if code:
            raise DeviceError(f"{name}: {meaning(code)}")

    return check
