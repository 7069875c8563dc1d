"""Truncated and censored distributions, and observations that are intervals.

Formulas: Klein and Moeschberger (2003), "Survival Analysis", 3.3 to 3.5.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph import Node, as_tensor
from probtensor.prob.distributions.combined.anywhere import (
    density_at,
    log_above,
    log_below,
    log_inside,
)
from probtensor.prob.distributions.combined.parts import Combined, given, number_of
from probtensor.prob.distributions.continuous import truncated
from probtensor.prob.distributions.distribution import Unknown, element_indices
from probtensor.prob.distributions.pathwise import drawn, moves
from probtensor.prob.distributions.support import (
    BINARY,
    REAL,
    Integers,
    Interval,
    Support,
    is_number,
    larger,
    smaller,
)


@dataclass(frozen=True)
class Cut(Combined):
    """The base of distributions with a lower bound, an upper bound, or both, as parameters."""

    has_lower: bool = True
    has_upper: bool = True

    @property
    def own(self) -> Mapping[str, Support]:
        names = ("lower",) * self.has_lower + ("upper",) * self.has_upper
        return dict.fromkeys(names, REAL)

    @property
    def own_order(self) -> tuple[tuple[str, str, bool], ...]:
        both = self.has_lower and self.has_upper
        return (("lower", "upper", self.part.discrete),) if both else ()

    @property
    def over(self) -> Support:
        over = self.part.over
        low = -math.inf if self.has_lower else over.low
        high = math.inf if self.has_upper else over.high
        return Integers(low, high) if over.discrete else Interval(low, high)

    def split(self, parameters: Sequence[Node]) -> tuple[Node | None, Node | None, tuple]:
        """(lower bound or None, upper bound or None, parameters of the part)."""
        count = self.has_lower + self.has_upper
        lower = parameters[0] if self.has_lower else None
        upper = parameters[count - 1] if self.has_upper else None
        return lower, upper, tuple(parameters[count:])

    def of_inside(self, method: str, parameters: Sequence[Node]) -> tuple[Node, Node]:
        """A moment of the part given that its value lies from the lower to the upper bound; whether
        there are such values."""
        lower, upper, own = self.split(parameters)
        support = self.part.support(*own)
        if support.discrete:
            raise Unknown(f"that of {self.name} {self.part.name} counts is not known here")
        low = larger(number_of(support.low), number_or(lower, -math.inf))
        high = smaller(number_of(support.high), number_or(upper, math.inf))
        some = as_tensor(high) > as_tensor(low)
        ends = [None if is_number(y) and math.isinf(y) else as_tensor(y).astype(own[0].dtype)
                for y in (low, high)]  # fmt: skip
        return truncated.known(self.part, method, *ends, *own), some


def between(x: Node, lower: Node | None, upper: Node | None) -> Node:
    """x, and a bound where it lies beyond it."""
    x = x if lower is None else ops.maximum(x, lower)
    return x if upper is None else ops.minimum(x, upper)


def number_or(x: Node | None, other: object) -> object:
    """A bound as a number where it is one; `other` where there is none."""
    return other if x is None else number_of(x)


@dataclass(frozen=True)
class Truncated(Cut):
    """The part given that its value lies from `lower` to `upper`."""

    def support(self, *parameters):
        lower, upper, own = self.split(parameters)
        support = self.part.support(*own)
        if support.discrete:
            lower, upper = self.rounded_ends(lower, upper)
        low = larger(number_of(support.low), number_or(lower, -math.inf))
        high = smaller(number_of(support.high), number_or(upper, math.inf))
        if support.discrete:
            return Integers(low, high)
        opens = [
            getattr(support, f"{end}_open") and are_same(number_of(getattr(support, end)), bound)
            for end, bound in (("low", low), ("high", high))
        ]
        return Interval(low, high, *opens)

    def rounded_ends(self, lower: Node | None, upper: Node | None) -> tuple:
        """The least and the largest whole number that is left."""
        return rounded(lower, math.ceil, ops.ceil), rounded(upper, math.floor, ops.floor)

    def ends(self, lower: Node | None, upper: Node | None) -> tuple[Node | None, Node | None]:
        """The bounds of the interval that is open below: (low, high]."""
        if self.part.discrete:
            lower, upper = self.rounded_ends(lower, upper)
            lower = lower if lower is None else lower - 1
        return lower, upper

    def log_whole(self, parameters: Sequence[Node]) -> Node:
        """The log of the probability of what is left."""
        lower, upper, own = self.split(parameters)
        return log_inside(self.part, *self.ends(lower, upper), own)

    def logpdf(self, x, *parameters):
        own = self.split(parameters)[2]
        return given(self.part.logpdf(x, *own), self.log_whole(parameters))

    def logcdf(self, x, *parameters):
        lower, upper, own = self.split(parameters)
        low, _ = self.ends(lower, upper)
        found = log_inside(self.part, low, x, own) - self.log_whole(parameters)
        return ops.minimum(found, 0.0)

    def logccdf(self, x, *parameters):
        lower, upper, own = self.split(parameters)
        _, high = self.ends(lower, upper)
        found = log_inside(self.part, x, high, own) - self.log_whole(parameters)
        return ops.minimum(found, 0.0)

    def log_between(self, low, high, *parameters):
        if low is None or high is None:
            return super().log_between(low, high, *parameters)
        own = self.split(parameters)[2]
        return log_inside(self.part, low, high, own) - self.log_whole(parameters)

    def lower_quantile(self, log_p, *parameters):
        return self.found(ops.exp(log_p), parameters)

    def upper_quantile(self, log_p, *parameters):
        return self.found(-ops.expm1(log_p), parameters)

    def found(self, u: Node, parameters: Sequence[Node]) -> Node:
        """The quantile at u of what is left."""
        lower, upper, own = self.split(parameters)
        return self.clipped(
            self.part.quantile_between(u, *self.ends(lower, upper), *own), parameters
        )

    def clipped(self, x: Node, parameters: Sequence[Node]) -> Node:
        """A value that rounding may have moved past a bound, at the bound."""
        lower, upper, _ = self.split(parameters)
        if self.part.discrete:
            lower, upper = self.rounded_ends(lower, upper)
        return between(x, lower, upper)

    def sample(self, key, shape, *parameters):
        lower, upper, own = self.split(parameters)
        drawn = self.part.sample_between(key, shape, *self.ends(lower, upper), *own)
        return self.clipped(drawn, parameters)

    def mean(self, *parameters):
        return self.moment("mean", parameters)

    def variance(self, *parameters):
        return self.moment("variance", parameters)

    def moment(self, method: str, parameters: Sequence[Node]) -> Node:
        found, some = self.of_inside(method, parameters)
        return ops.where(some, found, math.nan)


def rounded(x: Node | None, whole: Callable, op: Callable) -> object:
    """A bound rounded to a whole number; None where there is none."""
    if x is None:
        return None
    value = number_of(x)
    return op(value) if isinstance(value, Node) else as_tensor(float(whole(value)))


def are_same(a: object, b: object) -> bool:
    """Whether two bounds are known to be equal."""
    return a is b or (is_number(a, b) and a == b)


@dataclass(frozen=True)
class Censored(Cut):
    """The part, with values beyond a bound recorded as that bound."""

    @property
    def own(self) -> Mapping[str, Support]:
        domain = Integers(-math.inf) if self.part.discrete else REAL
        return dict.fromkeys(super().own, domain)

    @property
    def has_atoms(self) -> bool:
        return not self.part.discrete

    @property
    def smooth_draws(self) -> bool:
        return moves(self.part)

    def support(self, *parameters):
        lower, upper, own = self.split(parameters)
        support = self.part.support(*own)
        low = number_of(support.low) if lower is None else number_of(lower)
        high = number_of(support.high) if upper is None else number_of(upper)
        if support.discrete:
            return Integers(low, high)
        return Interval(
            low, high, lower is None and support.low_open, upper is None and support.high_open
        )

    def logpdf(self, x, *parameters):
        lower, upper, own = self.split(parameters)
        within = self.support(*parameters)
        found = density_at(self.part, x, own, within)
        if upper is not None:
            before = upper - 1 if self.part.discrete else upper
            found = ops.where(x >= upper, log_above(self.part, before, own), found)
        if lower is not None:
            found = ops.where(x <= lower, log_below(self.part, lower, own), found)
        return found

    def logcdf(self, x, *parameters):
        _, upper, own = self.split(parameters)
        below = log_below(self.part, x, own, self.support(*parameters))
        return below if upper is None else ops.where(x >= upper, 0.0, below)

    def logccdf(self, x, *parameters):
        _, upper, own = self.split(parameters)
        above = log_above(self.part, x, own, self.support(*parameters))
        return above if upper is None else ops.where(x >= upper, -math.inf, above)

    def lower_quantile(self, log_p, *parameters):
        own = self.split(parameters)[2]
        return self.clipped(self.part.lower_quantile(log_p, *own), parameters)

    def upper_quantile(self, log_p, *parameters):
        own = self.split(parameters)[2]
        return self.clipped(self.part.upper_quantile(log_p, *own), parameters)

    def sample(self, key, shape, *parameters):
        own = self.split(parameters)[2]
        return self.clipped(drawn(self.part, key, shape, *own), parameters)

    def masses(self, parameters: Sequence[Node]) -> tuple[list[tuple[Node, Node]], Node]:
        """The mean and the probability of values between the bounds, and the bounds with theirs;
        the mean of all of them."""
        lower, upper, own = self.split(parameters)
        inside, some = self.of_inside("mean", parameters)
        inside = ops.where(some, inside, 0.0)
        found = [(inside, ops.where(some, ops.exp(log_inside(self.part, lower, upper, own)), 0.0))]
        if lower is not None:
            found.append((lower, ops.exp(log_below(self.part, lower, own))))
        if upper is not None:
            found.append((upper, ops.exp(log_above(self.part, upper, own))))
        return found, sum(x * p for x, p in found)

    def mean(self, *parameters):
        return self.masses(parameters)[1]

    def variance(self, *parameters):
        found, mean = self.masses(parameters)
        inside, some = self.of_inside("variance", parameters)
        apart = sum(ops.square(x - mean) * p for x, p in found)
        return apart + ops.where(some, inside, 0.0) * found[0][1]

    def clipped(self, x: Node, parameters: Sequence[Node]) -> Node:
        """A value as it is recorded."""
        lower, upper, _ = self.split(parameters)
        return between(x, lower, upper)


@dataclass(frozen=True)
class InInterval(Combined):
    """1 where a value of the part is above `lower` and at most `upper`, else 0."""

    own: ClassVar = {"lower": REAL, "upper": REAL}
    own_order: ClassVar = (("lower", "upper", False),)

    @property
    def over(self) -> Support:
        return BINARY

    @property
    def has_atoms(self) -> bool:
        return False

    @property
    def indexes(self) -> bool:
        return False

    def log_inside(self, lower, upper, own):
        return log_inside(self.part, lower, upper, own)

    def log_outside(self, lower, upper, own):
        beyond = log_above(self.part, upper, own)
        return ops.logaddexp(log_below(self.part, lower, own), beyond)

    def logpdf(self, x, lower, upper, *own):
        inside = self.log_inside(lower, upper, own)
        return ops.where(x > 0.5, inside, self.log_outside(lower, upper, own))

    def logcdf(self, x, lower, upper, *own):
        return ops.where(x < 1, self.log_outside(lower, upper, own), 0.0)

    def logccdf(self, x, lower, upper, *own):
        return ops.where(x < 1, self.log_inside(lower, upper, own), -math.inf)

    def lower_quantile(self, log_p, lower, upper, *own):
        return (self.log_outside(lower, upper, own) < log_p).astype(log_p.dtype)

    def upper_quantile(self, log_p, lower, upper, *own):
        return (self.log_inside(lower, upper, own) > log_p).astype(log_p.dtype)

    def sample(self, key, shape, lower, upper, *own):
        u = ops.draw_uniform(key, element_indices(shape))
        return (u < self.mean(lower, upper, *own)).astype("float64")

    def mean(self, lower, upper, *own):
        return ops.exp(self.log_inside(lower, upper, own))

    def variance(self, lower, upper, *own):
        return ops.exp(self.log_inside(lower, upper, own) + self.log_outside(lower, upper, own))
