"""Sets of values: where a density lives, what a parameter may be, what a variable is held to.

A support says what is inside (`contains`), how it reads in a message, and how many trailing axes
make one point of it (`event_ndim`: 0 for numbers, 1 for vectors). Bounds are numbers or nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from probtensor import ops
from probtensor.graph import Node


@dataclass(frozen=True)
class Support:
    """A set of points; see the module."""

    event_ndim: ClassVar[int] = 0
    discrete: ClassVar[bool] = False

    def contains(self, x: Any) -> Any:
        """True where `x` lies inside, for arrays and nodes alike; None where every number does.

        Trailing `event_ndim` axes are reduced. nan lies in no support that says anything.
        """
        raise NotImplementedError

    def __str__(self) -> str:
        raise NotImplementedError


@dataclass(frozen=True)
class Interval(Support):
    """Real numbers from `low` to `high`; an open end leaves the bound out."""

    low: Any = -np.inf
    high: Any = np.inf
    low_open: bool = False
    high_open: bool = False

    def contains(self, x: Any) -> Any:
        inside = None
        if self.bounded_below:
            inside = x > self.low if self.low_open else x >= self.low
        if self.bounded_above:
            below = x < self.high if self.high_open else x <= self.high
            inside = below if inside is None else inside & below
        return inside

    @property
    def bounded_below(self) -> bool:
        return isinstance(self.low, Node) or bool(np.any(np.isfinite(self.low)))

    @property
    def bounded_above(self) -> bool:
        return isinstance(self.high, Node) or bool(np.any(np.isfinite(self.high)))

    def __str__(self) -> str:
        if self.bounded_below and self.bounded_above:
            left, right = "(["[not self.low_open], ")]"[not self.high_open]
            return f"a number in {left}{bound_text(self.low)}, {bound_text(self.high)}{right}"
        if self.bounded_below:
            return f"a number {'>' if self.low_open else '>='} {bound_text(self.low)}"
        if self.bounded_above:
            return f"a number {'<' if self.high_open else '<='} {bound_text(self.high)}"
        return "a number"


def bound_text(bound: Any) -> str:
    """A bound as it reads in a message."""
    if isinstance(bound, Node):
        return bound.name or bound.op.text()
    return f"{bound:g}" if np.ndim(bound) == 0 else str(bound)


@dataclass(frozen=True)
class Integers(Support):
    """Whole numbers from `low` to `high`, both included; without bound where `high` is infinite."""

    low: Any = 0
    high: Any = np.inf
    discrete: ClassVar[bool] = True

    def contains(self, x: Any) -> Any:
        whole = ops.floor(x) if isinstance(x, Node) and x.type.is_float else x
        whole = np.floor(x) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else whole
        inside = x >= self.low
        if isinstance(self.high, Node) or np.isfinite(self.high):
            inside = inside & (x <= self.high)
        if whole is x:
            return inside
        return inside & (ops.eq(x, whole) if isinstance(x, Node) else x == whole)

    def __str__(self) -> str:
        if isinstance(self.high, Node) or np.isfinite(self.high):
            return f"a whole number from {bound_text(self.low)} to {bound_text(self.high)}"
        if isinstance(self.low, Node) or np.isfinite(self.low):
            return f"a whole number >= {bound_text(self.low)}"
        return "a whole number"


@dataclass(frozen=True)
class Simplex(Support):
    """Vectors (last axis) of non-negative entries with sum 1, to within rounding."""

    event_ndim: ClassVar[int] = 1
    tolerance: ClassVar[float] = 1e-8

    def contains(self, x: Any) -> Any:
        if isinstance(x, Node):
            close = ops.abs(ops.sum(x, axis=-1) - 1) <= self.tolerance
            return ops.all(x >= 0, axis=-1) & close
        return np.all(x >= 0, axis=-1) & (abs(np.sum(x, axis=-1) - 1) <= self.tolerance)

    def __str__(self) -> str:
        return "a vector of non-negative entries with sum 1"


@dataclass(frozen=True)
class Ordered(Support):
    """Vectors (last axis) whose entries increase, the first one above `low`."""

    low: float = -np.inf
    event_ndim: ClassVar[int] = 1

    def contains(self, x: Any) -> Any:
        together = ops.all if isinstance(x, Node) else np.all
        inside = together(x[..., 1:] > x[..., :-1], axis=-1)
        return inside & (x[..., 0] > self.low) if np.isfinite(self.low) else inside

    def __str__(self) -> str:
        above = f" above {self.low:g}" if np.isfinite(self.low) else ""
        return f"a vector of increasing entries{above}"


@dataclass(frozen=True)
class Vector(Support):
    """Vectors (last axis), each entry of which lies in `entries`."""

    entries: Support = Interval()
    event_ndim: ClassVar[int] = 1

    def contains(self, x: Any) -> Any:
        inside = self.entries.contains(x)
        if inside is None:
            return None
        return ops.all(inside, axis=-1) if isinstance(x, Node) else np.all(inside, axis=-1)

    def __str__(self) -> str:
        return f"a vector, each entry of it {self.entries}"


@dataclass(frozen=True)
class ScaleFactor(Support):
    """Square matrices (last two axes) with a positive diagonal; the lower triangle is read."""

    event_ndim: ClassVar[int] = 2

    def contains(self, x: Any) -> Any:
        if isinstance(x, Node):
            return ops.all(ops.diagonal(x, axis1=-2, axis2=-1) > 0, axis=-1)
        # A literal with something above the diagonal is most likely a covariance.
        low = np.all(np.triu(x, 1) == 0, axis=(-2, -1))
        return low & np.all(np.diagonal(x, axis1=-2, axis2=-1) > 0, axis=-1)

    def __str__(self) -> str:
        return "a lower triangular matrix with a positive diagonal"


REAL = Interval()
POSITIVE = Interval(0.0, low_open=True)
NONNEGATIVE = Interval(0.0)
UNIT = Interval(0.0, 1.0)
OPEN_UNIT = Interval(0.0, 1.0, low_open=True, high_open=True)
COUNT = Integers()
BINARY = Integers(0, 1)
SIMPLEX = Simplex()
POSITIVE_VECTOR = Vector(POSITIVE)
REAL_VECTOR = Vector(REAL)
SCALE_FACTOR = ScaleFactor()


def ordered(low: float = -np.inf) -> Ordered:
    """Vectors whose entries increase, for `constraint=`; all above `low` where that is given."""
    return Ordered(float(low))


def interval(low: float = -np.inf, high: float = np.inf) -> Interval:
    """Numbers from `low` to `high`, for `constraint=`."""
    if not low < high:
        raise ValueError(f"interval: low={low} must be below high={high}")
    return Interval(float(low), float(high))


def cut(own: Support, constraint: Support) -> Support:
    """What two supports share: `own` is a distribution's, and its bounds may be tensors.

    ValueError where that is empty, or is no support that a bijector reaches.
    """
    if not isinstance(own, Interval) or not isinstance(constraint, (Interval, Ordered)):
        raise ValueError("only variables with real values take an interval or an order")
    low, low_open = own.low, own.low_open
    if np.isfinite(constraint.low):
        inside = not isinstance(low, Node) and low >= constraint.low
        low_open = low_open and inside
        low = larger(low, constraint.low)
    if isinstance(constraint, Ordered):
        if own.bounded_above or isinstance(low, Node):
            raise ValueError(f"the entries of {own} cannot be ordered")
        return Ordered(low)
    high, high_open = own.high, own.high_open
    if np.isfinite(constraint.high):
        inside = not isinstance(high, Node) and high <= constraint.high
        high_open = high_open and inside
        high = -larger(-high, -constraint.high)
    if not isinstance(low, Node) and not isinstance(high, Node) and not low < high:
        raise ValueError(f"{constraint} leaves nothing of {own}")
    return Interval(low, high, low_open, high_open)


def larger(bound: Any, number: float) -> Any:
    """The larger of a bound, which may be a tensor, and a number."""
    return ops.maximum(bound, number) if isinstance(bound, Node) else max(bound, number)
