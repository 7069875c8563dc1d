"""Validation of settings: each of the right type and in its range, or an error with a fix."""

from __future__ import annotations

import math
import numbers
import operator
import os

import numpy as np

from probtensor.calls import line_text
from probtensor.process import numpy_part

SEED_BITS = 63


def integer(what: str, name: str, value: object, least: int, most: int | None = None) -> int:
    """A whole number from `least` to `most`. TypeError for other types, including bool and float;
    ValueError outside the range."""
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, (bool, np.bool_)):
        raise TypeError(
            f"{what}: {name} is a whole number, not {value_text(value)}\n"
            f"  write {name}={_nearest(value, least)}"
        )
    if number < least and most is None and least in (0, 1):
        wrong = "must not be negative" if least == 0 else "must be at least 1"
        raise ValueError(f"{what}: {name} {wrong}, not {number}")
    if number < least or (most is not None and number > most):
        raise ValueError(f"{what}: {name} lies between {least} and {most}, not at {number}")
    return number


def _nearest(value: object, least: int) -> int:
    """The valid whole number nearest to an invalid setting, for the message."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return max(least, 1)
    usable = not isinstance(value, (bool, np.bool_)) and math.isfinite(found)
    return max(least, round(found)) if usable else max(least, 1)


def fraction(what: str, name: str, value: object) -> float:
    """A number between 0 and 1, both excluded."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise TypeError(
            f"{what}: {name} is a number between 0 and 1, not {value_text(value)}\n"
            f"  write {name}=0.9, say"
        )
    if not 0.0 < value < 1.0:
        raise ValueError(f"{what}: {name} lies between 0 and 1, not at {value}")
    return float(value)


def boolean(what: str, name: str, value: object) -> bool:
    """True or False; 0 and 1 are refused."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(
            f"{what}: {name} is True or False, not {value_text(value)}\n  write {name}=True, or "
            "leave it out"
        )
    return bool(value)


def seed_integer(what: str, seed: object, limit: int | None = None) -> int | list[int] | None:
    """A seed as an integer from 0 to below `limit`. None is returned as it is, and without a limit
    so is a list of integers.

    A NumPy Generator (or its BitGenerator, or a RandomState) is asked for a number, so that the
    next call with it has another seed; a SeedSequence always gives the same.
    """
    if seed is None:
        return None
    if type(seed).__module__.startswith("numpy.random"):
        return _number_of(seed)
    listed = limit is None and isinstance(seed, (list, tuple, np.ndarray))
    values = [_seed_integer(what, seed, one) for one in (seed if listed else [seed])]
    if any(value < 0 or (limit is not None and value >= limit) for value in values):
        raise ValueError(
            f"{what}: seed is a whole number from 0 to 2**{SEED_BITS} - 1, not {seed!r:.40}"
        )
    return values if listed else values[0]


def seed_or_new(what: str, seed: object) -> int:
    """A seed below 2**63 as `seed_integer` reads it; for None a new one of the operating system."""
    found = seed_integer(what, seed, 2**SEED_BITS)
    return int.from_bytes(os.urandom(8)) >> (64 - SEED_BITS) if found is None else found


def _number_of(source: object) -> int:
    """A number from one of NumPy's sources of random numbers."""
    random = numpy_part("random")
    if isinstance(source, random.BitGenerator):
        source = random.Generator(source)
    if isinstance(source, random.Generator):
        return int(source.integers(2**SEED_BITS))
    if isinstance(source, random.RandomState):
        return int(source.randint(2**62, dtype=np.int64))
    return int(source.generate_state(1, np.uint64)[0]) >> (64 - SEED_BITS)


def _seed_integer(what: str, seed: object, value: object) -> int:
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        return operator.index(value)
    except TypeError:
        raise TypeError(
            f"{what}: seed is a whole number from 0 to 2**{SEED_BITS} - 1, not {value_text(seed)}\n"
            "  write seed=1, or pass a numpy.random.Generator or SeedSequence"
        ) from None


def check_memory(what: str, thing: str, nbytes: int) -> None:
    """MemoryError if arrays need more memory than the machine has, before they are allocated: the
    system overcommits, and would kill the process once the memory is used."""
    try:
        there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return
    if nbytes > there > 0:
        raise MemoryError(
            f"{what}: {thing} take {nbytes / 2**30:.3g} GiB, and this machine has "
            f"{there / 2**30:.3g} GiB\n  draw less, or run fewer chains"
        )


def value_text(value: object) -> str:
    """A value in a message, with its type."""
    text = repr(value)
    text = text if len(text) <= 40 else f"{text[:37]}..."
    return f"{text} ({type(value).__name__})"


def with_user_line(error: Exception) -> Exception:
    """The error with the user's line under its first line."""
    first, *rest = str(error.args[0] if error.args else error).split("\n")
    return type(error)("\n".join([first, f"  at {line_text()}", *rest]))
