"""Sets of values: supports of distributions and of their parameters, and constraints.

A support has a membership test (`contains`), a text for messages, and the number of event axes
(`event_ndim`: 0 for numbers, 1 for vectors). Bounds are numbers or nodes.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from probtensor import ops
from probtensor.calls import line_text, public
from probtensor.dataclass import dataclass, fields, replace
from probtensor.graph import Const, Node, as_tensor
from probtensor.graph.node import SizeOf, TensorLike
from probtensor.types import Size


@dataclass(frozen=True)
class Support(ABC):
    """A set of points; see the module."""

    event_ndim: ClassVar[int] = 0
    discrete: ClassVar[bool] = False
    indexes: ClassVar[bool] = False  # a parameter used as indices, an int64 beside floats
    partial: ClassVar[bool] = False  # whether some entries need not lie in it

    @abstractmethod
    def contains(self, x: TensorLike) -> TensorLike:
        """The mask where `x` lies inside, for arrays and nodes; None if every number does.

        The trailing `event_ndim` axes are reduced. nan lies in no support with a mask.
        """

    @abstractmethod
    def __str__(self) -> str:
        """The support in messages."""

    def problem(self, shape: Sequence[Size]) -> str | None:
        """What an array of a shape must be to have points of this support; None if it can."""
        return None


@dataclass(frozen=True)
class Interval(Support):
    """Real numbers from `low` to `high`; an open end excludes the bound."""

    low: TensorLike = -np.inf
    high: TensorLike = np.inf
    low_open: bool = False
    high_open: bool = False

    def contains(self, x: TensorLike) -> TensorLike:
        inside = None
        if self.bounded_below:
            inside = x > self.low if self.low_open else x >= self.low
        if self.bounded_above:
            below = x < self.high if self.high_open else x <= self.high
            inside = below if inside is None else inside & below
        return inside

    @property
    def bounded_below(self) -> bool:
        return is_bound(self.low)

    @property
    def bounded_above(self) -> bool:
        return is_bound(self.high)

    def __str__(self) -> str:
        if self.bounded_below and self.bounded_above:
            left, right = "(["[not self.low_open], ")]"[not self.high_open]
            return f"a number in {left}{bound_text(self.low)}, {bound_text(self.high)}{right}"
        if self.bounded_below:
            return f"a number {'>' if self.low_open else '>='} {bound_text(self.low)}"
        if self.bounded_above:
            return f"a number {'<' if self.high_open else '<='} {bound_text(self.high)}"
        return "a number"


@dataclass(frozen=True)
class Above(Support):
    """The domain of an upper bound, above the lower one."""

    low: TensorLike

    def contains(self, x: TensorLike) -> TensorLike:
        return x > self.low

    def __str__(self) -> str:
        return "above the lower one"


def is_bound(bound: TensorLike) -> bool:
    """Is this end of an interval anything but infinite?"""
    if type(bound) is float:
        return math.isfinite(bound)
    return isinstance(bound, (Node, BoundSlot)) or bool(np.any(np.isfinite(bound)))


def is_zero(bound: TensorLike) -> bool:
    """Is the bound the number 0?"""
    return not isinstance(bound, Node) and bool(np.all(bound == 0))


def half_width(low: TensorLike, high: TensorLike) -> TensorLike:
    """(high - low) / 2 without overflow."""
    return 0.5 * high - 0.5 * low


def log_width(low: TensorLike, high: TensorLike) -> Node:
    """log(high - low), also if the difference overflows."""
    if is_zero(low):
        return ops.log(high)
    return ops.log(half_width(low, high)) + float(np.log(2))


def bound_text(bound: TensorLike) -> str:
    """A bound as text for messages."""
    if isinstance(bound, Node):
        while isinstance(bound.op, ops.Cast):
            bound = bound.inputs[0]
        return str(bound.op.size) if isinstance(bound.op, SizeOf) else bound.described
    if isinstance(bound, BoundSlot):
        return "a bound"
    return f"{bound:g}" if np.ndim(bound) == 0 else str(bound)


@dataclass(frozen=True)
class BoundSlot:
    """The index of a bound among the inputs of a random variable."""

    index: int


def detach_bounds(support: Support, first: int) -> tuple[Support, tuple[Node, ...]]:
    """A support with its nodes replaced by slots, numbered from `first` on, and the nodes."""
    nodes, slots = [], {}
    for f in fields(support):
        if isinstance(value := getattr(support, f.name), Node):
            slots[f.name] = BoundSlot(first + len(nodes))
            nodes.append(value)
    return replace(support, **slots), tuple(nodes)


def attach_bounds(support: Support, inputs: TensorLike) -> Support:
    """A support with its slots replaced by a random variable's inputs."""
    nodes = {
        f.name: inputs[value.index]
        for f in fields(support)
        if isinstance(value := getattr(support, f.name), BoundSlot)
    }
    return replace(support, **nodes) if nodes else support


@dataclass(frozen=True)
class Integers(Support):
    """Whole numbers from `low` to `high`, both included; unbounded if `high` is infinite."""

    low: TensorLike = 0
    high: TensorLike = np.inf
    discrete: ClassVar[bool] = True

    def contains(self, x: TensorLike) -> TensorLike:
        floor = ops.floor(x) if isinstance(x, Node) and x.type.is_float else x
        floor = np.floor(x) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else floor
        inside = x >= self.low
        if isinstance(self.high, Node) or np.isfinite(self.high):
            inside = inside & (x <= self.high)
        if floor is x:
            return inside
        return inside & (ops.eq(x, floor) if isinstance(x, Node) else x == floor)

    def __str__(self) -> str:
        if isinstance(self.high, Node) or np.isfinite(self.high):
            return f"a whole number from {bound_text(self.low)} to {bound_text(self.high)}"
        if isinstance(self.low, Node) or np.isfinite(self.low):
            return f"a whole number >= {bound_text(self.low)}"
        return "a whole number"


@dataclass(frozen=True)
class Point(Support):
    """One number."""

    value: TensorLike

    def contains(self, x: TensorLike) -> TensorLike:
        return ops.eq(x, self.value) if isinstance(x, Node) else x == self.value

    def __str__(self) -> str:
        return f"the number {bound_text(self.value)}"


def closeness(x: TensorLike) -> TensorLike:
    """The tolerance of sums or products along the last axis of `x`: a few rounding errors, which
    grow with the square root of its size. A number, or a node if the size is symbolic."""
    single = str(x.dtype) == "float32"
    least, each = (1e-5, 8 * 2.0**-23) if single else (1e-8, 8 * 2.0**-52)
    size = x.shape[-1]
    if isinstance(size, (int, np.integer)):
        return max(least, each * float(size) ** 0.5)
    return ops.maximum(least, each * ops.sqrt(as_tensor(size).astype("float64")))


@dataclass(frozen=True)
class Simplex(Support):
    """Vectors (last axis) of non-negative entries with sum 1, to within rounding."""

    event_ndim: ClassVar[int] = 1

    def contains(self, x: TensorLike) -> TensorLike:
        close = closeness(x)
        if isinstance(x, Node):
            near = ops.abs(ops.sum(x.astype("float64"), axis=-1) - 1) <= close
            return ops.all(x >= 0, axis=-1) & near
        total = np.sum(x, axis=-1, dtype="float64")
        return np.all(x >= 0, axis=-1) & (abs(total - 1) <= close)

    def __str__(self) -> str:
        return "a vector of non-negative entries with sum 1"


@dataclass(frozen=True)
class Ordered(Support):
    """Vectors (last axis) whose entries increase, the first one above `low`."""

    low: TensorLike = -np.inf
    event_ndim: ClassVar[int] = 1

    @property
    def bounded_below(self) -> bool:
        return is_bound(self.low)

    def contains(self, x: TensorLike) -> TensorLike:
        reduce_all = ops.all if isinstance(x, Node) else np.all
        inside = reduce_all(x[..., 1:] > x[..., :-1], axis=-1)
        return inside & (x[..., 0] > self.low) if self.bounded_below else inside

    def __str__(self) -> str:
        above = f" above {bound_text(self.low)}" if self.bounded_below else ""
        return f"a vector of increasing entries{above}"


@dataclass(frozen=True)
class Vector(Support):
    """Vectors (last axis), each entry of which lies in `entries`; stacks of vectors or matrices
    where the entries are such."""

    entries: Support = Interval()

    @property
    def event_ndim(self) -> int:
        return 1 + self.entries.event_ndim

    def contains(self, x: TensorLike) -> TensorLike:
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

    def contains(self, x: TensorLike) -> TensorLike:
        if isinstance(x, Node):
            return ops.all(ops.diagonal(x, axis1=-2, axis2=-1) > 0, axis=-1)
        # A literal with entries above the diagonal is most likely a covariance matrix.
        low = np.all(np.triu(x, 1) == 0, axis=(-2, -1))
        return low & np.all(np.diagonal(x, axis1=-2, axis2=-1) > 0, axis=-1)

    def __str__(self) -> str:
        return "a lower triangular matrix with a positive diagonal"


@dataclass(frozen=True)
class Covariance(Support):
    """Symmetric positive definite matrices (last two axes)."""

    event_ndim: ClassVar[int] = 2

    def contains(self, x: TensorLike) -> TensorLike:
        if isinstance(x, Node):
            # The factor is nan where there is none; it is needed for the density anyway.
            positive = ops.diagonal(ops.cholesky(x), axis1=-2, axis2=-1) > 0
            return ops.all(positive, axis=-1)
        gap = np.max(np.abs(x - np.swapaxes(x, -1, -2)), axis=(-2, -1), initial=0.0)
        size = np.max(np.abs(x), axis=(-2, -1), initial=0.0)
        with np.errstate(all="ignore"):
            factor = ops.Cholesky().numpy(np.asarray(x, "float64"))
        positive = np.all(np.diagonal(factor, axis1=-2, axis2=-1) > 0, axis=-1)
        return (gap <= closeness(x) * size) & positive

    def __str__(self) -> str:
        return "a symmetric positive definite matrix"


REAL = Interval()
POSITIVE = Interval(0.0, low_open=True)
NONNEGATIVE = Interval(0.0)
UNIT = Interval(0.0, 1.0)
POSITIVE_UNIT = Interval(0.0, 1.0, low_open=True)
OPEN_UNIT = Interval(0.0, 1.0, low_open=True, high_open=True)
COUNT = Integers()
BINARY = Integers(0, 1)
SIMPLEX = Simplex()
POSITIVE_VECTOR = Vector(POSITIVE)
REAL_VECTOR = Vector(REAL)
SCALE_FACTOR = ScaleFactor()
COVARIANCE = Covariance()


@public
def ordered(low: TensorLike | None = None) -> Ordered:
    """Vectors whose entries increase, for `constraint=`; all above `low` where that is given: a
    number, or a tensor, which may depend on other variables.

    n entries of one distribution are in order with probability 1 / n!, which their density is
    divided by: each entry of `pt.logp` has its share, log(n!) / n.

    Returns a support, for `constraint=`. Raises TypeError for a bound that is not numeric.

        >>> x = pt.random.normal(0, 1, shape=3, constraint=pt.ordered(), name="x")
        >>> pt.draw(x, seed=1).argsort()
        array([0, 1, 2])
    """
    return Ordered(bound_of("ordered", low=low, infinite=-np.inf))


@public
def interval(low: TensorLike | None = None, high: TensorLike | None = None) -> Interval:
    """Numbers from `low` to `high`, for `constraint=`; None is no bound.

    `normal(mu, sigma, constraint=pt.interval(low=0))` is the normal distribution truncated at 0:
    its density is divided by the probability of what is left, as in a model of data that were kept
    because they were positive. `pt.random` says for which distributions that is known.

    Bounds are numbers, arrays (one bound an entry) or tensors, which may depend on other variables:
    `pt.interval(0, a)` with a random `a`. Arrays are copied. ValueError where `low` is not below
    `high`; where they are random, the density is zero there.

    Returns a support, for `constraint=`. Raises TypeError for bounds that are not numeric,
    ValueError as above.

        >>> x = pt.random.normal(0, 1, constraint=pt.interval(low=0), name="x")
        >>> pt.draw(x, draws=99, seed=1).min() >= 0
        np.True_
    """
    lower = bound_of("interval", low=low, infinite=-np.inf)
    upper = bound_of("interval", high=high, infinite=np.inf)
    ends = [x.op.array if isinstance(x, Node) and isinstance(x.op, Const) else x
            for x in (lower, upper)]  # fmt: skip
    if not any(isinstance(x, Node) for x in ends) and not np.all(ends[0] < ends[1]):
        raise ValueError(f"interval: low={low} must be below high={high}\n  at {line_text()}")
    return Interval(lower, upper)


def bound_of(what: str, infinite: float, **given: TensorLike) -> TensorLike:
    """A bound as a float, or as a node where it is an array or a tensor."""
    ((name, value),) = given.items()
    if value is None:
        return infinite
    node = as_tensor(value)
    if node.is_complex:
        raise TypeError(f"{what}: {name} is complex; give .real or .imag\n  at {line_text()}")
    if not isinstance(node.op, Const):
        return node
    array = node.op.array
    if np.isnan(array).any() or (array.ndim and np.isinf(array).any()):
        raise ValueError(
            f"{what}: {name}={value!r:.60} must be numbers; None is no bound\n  at {line_text()}"
        )
    return node if array.ndim else float(array)


def intersect(own: Support, constraint: Support) -> Support:
    """The intersection of two supports, whose bounds may be tensors.

    ValueError if it is empty, or if there is no bijector onto it.
    """
    unbounded = isinstance(own, Interval) and not own.bounded_below and not own.bounded_above
    if unbounded and type(constraint) not in (Interval, Ordered):
        return constraint  # of flat variables, see `check_constraint`
    if not isinstance(own, Interval) or not isinstance(constraint, (Interval, Ordered)):
        raise ValueError("only variables with real values take an interval or an order")
    low, low_open = own.low, own.low_open
    if constraint.bounded_below:
        inside = is_number(low, constraint.low) and low >= constraint.low
        low_open = low_open and inside
        low = larger(low, constraint.low)
    if isinstance(constraint, Ordered):
        if own.bounded_above or isinstance(own.low, Node):
            raise ValueError(f"the entries of {own} cannot be ordered")
        return Ordered(low)
    high, high_open = own.high, own.high_open
    if constraint.bounded_above:
        inside = is_number(high, constraint.high) and high <= constraint.high
        high_open = high_open and inside
        high = smaller(high, constraint.high)
    if is_number(low, high) and not low < high:
        raise ValueError(f"{constraint} leaves nothing of {own}")
    return Interval(low, high, low_open, high_open)


def is_number(*bounds: TensorLike) -> bool:
    """Are all bounds known numbers?"""
    return not any(isinstance(bound, Node) for bound in bounds)


def larger(a: TensorLike, b: TensorLike) -> TensorLike:
    """The larger of two bounds, each a number or a tensor."""
    if is_number(a, b):
        return max(a, b)
    if not is_bound(a) or not is_bound(b):
        return b if not is_bound(a) else a
    return ops.maximum(a, b)


def smaller(a: TensorLike, b: TensorLike) -> TensorLike:
    """The smaller of two bounds, each a number or a tensor."""
    if is_number(a, b):
        return min(a, b)
    if not is_bound(a) or not is_bound(b):
        return b if not is_bound(a) else a
    return ops.minimum(a, b)
