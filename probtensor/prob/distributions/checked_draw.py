"""Draws with parameters outside their supports: nan for floats, and for integers an error that
names the parameter.

A formula for a draw may assume valid parameters, as that of a density may. Their supports state
what is valid; invalid parameters are handled here for all distributions. What can be proved is not
checked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph import Const, Node, as_tensor
from probtensor.graph.node import make
from probtensor.ops.kinds import Composite
from probtensor.prob.distributions.support import (
    Integers,
    Interval,
    Simplex,
    Support,
    Vector,
    is_number,
)
from probtensor.transform.facts import FactTable
from probtensor.types import TensorType

WAY_OUT = (
    "write the parameter so that it cannot leave its range (pt.exp, pt.sigmoid, pt.softmax), or "
    "cut what it is made of with constraint="
)


@dataclass(frozen=True)
class Requirement:
    """`value`, named `what` in messages, must be `range`; `inside` is the mask where it is, and
    `domain` the support that says so, where there is one."""

    what: str
    value: Node
    inside: Node
    range: str
    domain: Support | None = None


@dataclass(frozen=True)
class CheckedDraw(Composite):
    """A draw that is checked for valid parameters.

    Inputs: the draw, then each parameter to be checked with the mask of its valid entries;
    `names` and `ranges` describe these, `all_names` are the names of all parameters. The draw of an
    integer is a float64 with an integral value, cast to int64 here. With `propagates_nan` the
    formula gives nan by itself, and the parameters serve messages only. A point of the draw has
    `event_ndim` axes.
    """

    display_name: str
    all_names: tuple[str, ...]
    names: tuple[str, ...]
    ranges: tuple[str, ...]
    event_ndim: int
    whole: bool
    propagates_nan: bool

    def infer(self, value: TensorType, *pairs: TensorType) -> TensorType:
        return value.with_dtype("int64") if self.whole else value

    def expand(self, value: Node, *pairs: Node) -> Node:
        if pairs and not self.propagates_nan:
            inside = [x[self.over_points] for x in pairs[1::2]]
            # A factor, since with `where` compilers would draw under a mask, which is slower.
            value = value * ops.where(reduce(ops.logical_and, inside), 1.0, math.nan)
        return make(ops.DrawWhole(self.message, WAY_OUT), (value,)) if self.whole else value

    @property
    def over_points(self) -> tuple:
        """The index that broadcasts a mask of points to their entries."""
        return (..., *(None,) * self.event_ndim)

    @property
    def stops(self) -> bool:
        return self.whole

    @property
    def message(self) -> str:
        """The message if the values are not known."""
        wanted = [f"{n} must be {r}" for n, r in zip(self.names, self.ranges, strict=True)]
        names = " and ".join(self.all_names)
        wanted.append(f"{names} such that it is a whole number below 2**63")
        return f"{self.display_name} cannot be drawn: {', and '.join(wanted)}"

    def numpy(self, value, *pairs):
        for inside in pairs[1::2]:
            value = np.where(inside[self.over_points], value, math.nan)
        if not self.whole:
            return value
        if (error := self.refused("", value, *pairs)) is not None:
            raise error
        return value.astype("int64")

    def refused(self, line: str, value: np.ndarray, *pairs: np.ndarray) -> ValueError | None:
        """The error for invalid values; None for valid ones."""
        found = zip(self.names, self.ranges, pairs[::2], pairs[1::2], strict=True)
        for name, domain, parameter, inside in found:
            if not np.all(inside):
                what = f"{name} of {self.display_name}"
                return outside_support(what, parameter, inside, domain, line, WAY_OUT)
        fits = (value >= -(2.0**63)) & (value < 2.0**63)
        if not self.whole or np.all(fits):
            return None
        return outside_support(
            f"a draw of {self.display_name}", value, fits, "a whole number below 2**63", line,
            f"{' and '.join(self.all_names)} must be such that it is: int64 holds no others",
        )  # fmt: skip


def checked_draw(
    value: Node, distribution: object, display_name: str, requirements: Iterable[Requirement]
) -> Node:
    """A draw that is nan where a requirement does not hold, or an error if it is an integer."""
    requirements = tuple(requirements)
    if not requirements and not distribution.discrete:
        return value
    pairs = [x for need in requirements for x in (need.value, need.inside)]
    texts = tuple(need.what for need in requirements), tuple(need.range for need in requirements)
    op = CheckedDraw(
        display_name,
        tuple(distribution.parameters),
        *texts,
        distribution.event_ndim,
        distribution.discrete,
        distribution.propagates_nan,
    )
    return make(op, (value, *pairs))


def parameter_requirements(
    parameters: Sequence[tuple[str, Node, Support]], whole: bool
) -> Iterator[Requirement]:
    """The requirements on parameters (name, value, support) that cannot be proved."""
    facts = FactTable()
    for name, value, domain in parameters:
        inside = domain.contains(value)
        if inside is None and whole:
            # An integer draw cannot be nan, as a float draw of a nan parameter is.
            axes = tuple(range(value.ndim - domain.event_ndim, value.ndim))
            inside = ops.all(ops.logical_not(ops.isnan(value)), axis=axes)
        if inside is not None and not is_surely_within(value, domain, facts):
            yield Requirement(name, value, inside, str(domain))


def order_requirements(distribution: object, parameters: Sequence[Node]) -> Iterator[Requirement]:
    """The requirements on the order of parameters (`increasing`). Literals are checked when the
    variable is made."""
    given, facts = dict(zip(distribution.parameters, parameters)), FactTable()
    for less, more, equal in distribution.increasing:
        low, high = given[less], given[more]
        if isinstance(low.op, Const) and isinstance(high.op, Const):
            continue
        if facts.bounds(high).low <= facts.bounds(low).high or not facts.bounds(high).finite:
            inside = low <= high if equal else low < high
            high = ops.broadcast_to(high, inside.shape)
            axes = distribution.parameters[more].event_ndim
            inside = ops.all(inside, axis=tuple(range(-axes, 0))) if axes else inside
            domain: Support = Interval(low, low_open=not equal)
            for _ in range(axes):
                domain = Vector(domain)
            yield Requirement(more, high, inside, order_text(less, equal), domain)


def order_text(less: str, equal: bool) -> str:
    """What the larger one of two parameters must be."""
    return f"{'at least' if equal else 'above'} {less}"


def bound_requirements(support: Support) -> Iterator[Requirement]:
    """The requirement that the lower bound of an interval is below the upper one."""
    if not isinstance(support, Interval) or is_number(support.low, support.high):
        return
    if support.bounded_below and support.bounded_above:
        low, high = as_tensor(support.low), as_tensor(support.high)
        yield Requirement("the upper bound", high, low < high, "above the lower one")


def is_surely_within(node: Node, domain: Support, facts: FactTable) -> bool:
    """Can it be proved that the values of a node lie in a support and are not nan?"""
    if isinstance(domain, Vector):
        return is_surely_within(node, domain.entries, facts)
    if isinstance(node.op, Const):
        inside = domain.contains(node.op.array)
        return bool(np.all(~np.isnan(node.op.array) if inside is None else inside))
    if isinstance(domain, Simplex):
        # Draws of a nan are nan.
        return isinstance(node.op, ops.Softmax)
    found = facts.bounds(node)
    if isinstance(domain, Integers):
        high = np.inf if isinstance(domain.high, Node) else domain.high
        return found.integral and found.finite and domain.low <= found.low and found.high <= high
    if not isinstance(domain, Interval) or not found.finite:
        return False
    low = found.low > domain.low or (
        found.low == domain.low and (found.low_open or not domain.low_open)
    )
    high = found.high < domain.high or (
        found.high == domain.high and (found.high_open or not domain.high_open)
    )
    return (low or not domain.bounded_below) and (high or not domain.bounded_above)


def outside_support(
    what: str, values: np.ndarray, inside: np.ndarray, domain: object, line: str, way_out: str = ""
) -> ValueError:
    """The error that names the first of `values` that is not `inside`."""
    first = np.unravel_index(np.argmin(inside), np.shape(inside))
    position = f"[{', '.join(map(str, first))}]" if first else ""
    count = int(np.size(inside) - np.count_nonzero(inside))
    more = f" (and {count - 1} more)" if count > 1 else ""
    wrong = np.broadcast_to(values, np.shape(inside) + values.shape[np.ndim(inside) :])[first]
    first_few = wrong[(slice(30),) * np.ndim(wrong)]
    shown = str(wrong) if not np.ndim(wrong) else f"{first_few.tolist()!s:.60}"
    lines = [f"{what} must be {domain}; {'entry ' + position + ' is' if position else 'it is'} "
             f"{shown}{more}", f"at {line}" if line else "", way_out]  # fmt: skip
    return ValueError("\n  ".join(filter(None, lines)))
