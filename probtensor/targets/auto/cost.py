"""When a native build pays, and what the machine costs where none is possible."""

from __future__ import annotations

import os
import warnings
from functools import cache

from probtensor.targets.base import BuildError
from probtensor.targets.cython.toolchain import compiler_command

VARIABLE = "PROBTENSOR_BUILD"
# When native code is built: before the function is returned, at once in the background, when the
# time of its calls has reached that of a build, or not at all.
CHOICES = ("now", "background", "auto", "never")
# Seconds of a build: translator, compiler and linker alone, and for each instruction of the
# machine's program.
BUILD_SECONDS = 0.5
INSTRUCTION_SECONDS = 0.5e-3
# Native time is below that of the machine by about these factors.
USUAL_GAIN = "1.2 to 3 times"


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


@cache
def warn_without_compiler() -> None:
    """Say once what is lost without a compiler."""
    warnings.warn(
        f"probtensor finds no C compiler (cc, gcc or clang; CC may name one): functions run on its "
        f"machine, with the same results; native code is {USUAL_GAIN} as fast where a call takes "
        "long. See `python -m probtensor doctor`.",
        RuntimeWarning,
        stacklevel=2,
    )
