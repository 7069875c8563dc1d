"""What elementwise ops say of the values of their operands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Needed:
    """What must hold of an input of an op for it to have a value: low <= x, and x < high unless it
    is None; nan does neither. `said` and `way_out` are the first and the last lines of the
    ValueError where it does not hold."""

    position: int
    low: float
    high: float | None
    said: str
    way_out: str


@dataclass(frozen=True)
class Pole:
    """A value of an operand at which a slope of an op is infinite or nan; its own value is finite
    there, or infinite or nan too."""

    operand: int
    at: float
    finite: bool = False
