"""Times of a profile as a page shows them: seconds of kernels, and of the user's lines."""

from __future__ import annotations

from collections.abc import Mapping

from probtensor.inspect.explore.sources import Sources
from probtensor.lower.plan import Plan


def times_of(profile: object, plan: Plan, sources: Sources) -> dict[str, object] | None:
    """The seconds of each kernel, by its number, and of each line; None without a profile.

    A profile is a mapping from names of kernels and from lines, as `file:line`, to seconds; or an
    object with `rows`, of which each has `kernel` and `seconds`, and perhaps `lines`.
    """
    if profile is None:
        return None
    seconds = profile if isinstance(profile, Mapping) else _of_rows(profile)
    numbers = {kernel.name: k for k, kernel in enumerate(plan.kernels)}
    _require_same(profile, numbers, sources)
    kernels = {numbers[name]: float(s) for name, s in seconds.items() if name in numbers}
    lines = {}
    for name, s in seconds.items():
        number = -1 if name in numbers else sources.of_text(str(name))
        if number >= 0:
            lines[number] = float(s)
    if not kernels and not lines:
        known = ", ".join(numbers) or "no kernels"
        raise ValueError(
            f"explore: the profile has none of the kernels of this function ({known}), and no "
            "line as file:line; give that of `profile` of the same function"
        )
    return {"kernels": kernels, "lines": lines}


def _require_same(profile: object, numbers: Mapping[str, int], sources: Sources) -> None:
    """ValueError for the profile of another function: other kernels, or none of its lines."""
    if isinstance(profile, Mapping):
        return
    measured = {row.kernel for row in profile.rows if getattr(row, "kernel", None)}
    lines = [row.line for row in getattr(profile, "lines", ()) or () if row.line]
    strange = bool(lines) and not any(sources.known(line) for line in lines)
    if measured - numbers.keys() or strange:
        other = f"its lines are {', '.join(lines[:3])}" if strange else (
            f"its kernels are {', '.join(sorted(measured))}, here they are {', '.join(numbers)}")
        raise ValueError(f"explore: the profile is of another function: {other}")


def _of_rows(profile: object) -> dict[str, float]:
    rows = getattr(profile, "rows", None)
    if rows is None:
        raise TypeError(
            "explore: profile is a mapping from kernels and lines to seconds, or what `profile` "
            f"returns, not {type(profile).__name__}"
        )
    found = {row.kernel: row.seconds for row in rows if getattr(row, "kernel", None)}
    for row in getattr(profile, "lines", ()) or ():
        found[row.line] = row.seconds
    return found
