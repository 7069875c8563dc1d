"""When a native build pays, and what the machine costs where none is possible."""

from __future__ import annotations

import hashlib
import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from functools import cache

from probtensor.calls import LIBRARY
from probtensor.system import files
from probtensor.targets.base import BuildError
from probtensor.targets.cache import cache_folder, reading_stores, writing_store
from probtensor.targets.cython.toolchain import compiler_command, cpu_identity

VARIABLE = "PROBTENSOR_BUILD"
# When native code is built: before the function is returned, at once in the background, when the
# time of its calls has reached that of a build, or not at all.
CHOICES = ("now", "background", "auto", "never")
# Seconds of a build: translator, compiler and linker alone, and for each instruction of the
# machine's program.
BUILD_SECONDS = 0.5
INSTRUCTION_SECONDS = 0.5e-3
# What native code gains, as measured on models.
USUAL_GAIN = "1 to 3 times as fast, in recursions up to 5 times,"
GAIN_NOTE = "gain-{}.txt"  # in the cache, for each kind of processor: the least and the greatest


def choice(asked: str | None) -> str:
    """When to build: as asked, else as $PROBTENSOR_BUILD says, else "auto". ValueError."""
    given, what = (asked, "build") if asked is not None else (os.environ.get(VARIABLE), VARIABLE)
    if given in (None, ""):
        return "auto"
    if given not in CHOICES:
        raise ValueError(f"{what} is one of {', '.join(map(repr, CHOICES))}, not {given!r:.40}")
    return given


def build_seconds(instructions: int) -> float:
    """How long the native build of a plan takes, about."""
    return BUILD_SECONDS + INSTRUCTION_SECONDS * instructions


def has_compiler() -> bool:
    """Is there a C compiler?"""
    return _has_compiler(os.environ.get("CC"), os.environ.get("PATH"))


@cache
def _has_compiler(_cc: str | None, _path: str | None) -> bool:
    try:
        compiler_command()
    except BuildError:
        return False
    return True


def note_gain(gains: Sequence[float]) -> None:
    """Note in the cache how many times as fast native code was; errors of the disk are ignored."""
    text = f"{min(gains):.1f} {max(gains):.1f}"
    with suppress(OSError):
        files.write(writing_store(cache_folder()).folder, _gain_note(), text.encode())


def noted_gain() -> tuple[float, float] | None:
    """The least and the greatest gain that were noted on a processor of this kind."""
    with suppress(OSError, ValueError):
        for store in reading_stores(cache_folder()):
            with suppress(FileNotFoundError):
                least, greatest = map(float, files.read(store.folder / _gain_note()).split())
                return least, greatest
    return None


def _gain_note() -> str:
    return GAIN_NOTE.format(hashlib.sha256(cpu_identity().encode()).hexdigest()[:24])


def loss() -> str:
    """What is lost without native code, in half a sentence."""
    gain = noted_gain()
    if gain is None:
        return f"native code is {USUAL_GAIN} where a call takes long"
    return f"native code was {gain[0]:.1f} to {gain[1]:.1f} times as fast in `doctor`"


@cache
def warn_without_compiler() -> None:
    """Say once what is lost without a compiler, at the user's line."""
    level, frame = 1, sys._getframe(0)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(LIBRARY):
        level, frame = level + 1, frame.f_back
    warnings.warn(
        "probtensor finds no C compiler (cc, gcc or clang; CC may name one): functions run on its "
        f"machine, with the same results; {loss()}. `python -m probtensor doctor` says more.",
        RuntimeWarning,
        stacklevel=level,
    )
