"""Declarations of elementwise ops about the values of their operands."""

from __future__ import annotations

from probtensor.dataclass import dataclass


@dataclass(frozen=True)
class Needed:
    """The domain of an input of an op: low <= x, and x < high unless that is None; nan is outside.
    `said` and `way_out` are the first and last lines of the ValueError for values outside."""

    position: int
    low: float
    high: float | None
    said: str
    way_out: str


@dataclass(frozen=True)
class Pole:
    """A value of an operand at which a slope of an op is infinite or nan. `finite`: the value of
    the op is finite there."""

    operand: int
    at: float
    finite: bool = False
