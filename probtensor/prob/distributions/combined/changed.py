"""Folded distributions, and distributions of which only some entries count."""

from __future__ import annotations

import math
from typing import ClassVar

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph import Node
from probtensor.graph.node import TensorLike
from probtensor.prob.distributions.combined.anywhere import (
    density_at,
    log_above,
    log_below,
    log_inside,
    most,
    two_inside,
    typed,
)
from probtensor.prob.distributions.combined.parts import Combined, number_of
from probtensor.prob.distributions.combined.search import least_between, root_between
from probtensor.prob.distributions.distribution import LOG_HALF
from probtensor.prob.distributions.formulas import LOG_2
from probtensor.prob.distributions.pathwise import drawn, moves
from probtensor.prob.distributions.support import (
    BINARY,
    REAL,
    Integers,
    Interval,
    Support,
    is_bound,
)


@dataclass(frozen=True)
class Folded(Combined):
    """loc + |x - loc| of a value x of the part.

    Source: Leone, Nelson and Nottingham (1961), "The Folded Normal Distribution", Technometrics
    3:543.
    """

    @property
    def own(self) -> dict[str, Support]:
        return {"loc": Integers(-math.inf) if self.part.discrete else REAL}

    @property
    def over(self) -> Support:
        return Integers(-math.inf) if self.part.discrete else Interval()

    def support(self, loc, *own):
        low, part = number_of(loc), self.part.support(*own)
        ends = number_of(part.low), number_of(part.high)
        high = most(2 * low - ends[0], ends[1]) if all(map(is_bound, ends)) else math.inf
        return Integers(low, high) if self.part.discrete else Interval(low, high)

    def logpdf(self, x, loc, *own):
        distance = x - loc
        right = density_at(self.part, loc + distance, own)
        both = ops.logaddexp(right, density_at(self.part, loc - distance, own))
        return ops.where(ops.eq(distance, 0), right, both) if self.part.discrete else both

    def logcdf(self, x, loc, *own):
        distance = x - loc
        low = loc - distance - 1 if self.part.discrete else loc - distance
        return log_inside(self.part, low, loc + distance, own)

    def logccdf(self, x, loc, *own):
        distance = x - loc
        low = loc - distance - 1 if self.part.discrete else loc - distance
        right = log_above(self.part, loc + distance, own)
        return ops.logaddexp(right, log_below(self.part, low, own))

    def lower_quantile(self, log_p, loc, *own):
        # Above this, on both sides, there is at least half of the probability.
        return self.searched(log_p, ops.full_like(log_p, LOG_HALF), False, loc, own)

    def upper_quantile(self, log_p, loc, *own):
        return self.searched(log_p, log_p, True, loc, own)

    def searched(self, log_p: Node, tail: Node, above: bool, loc: Node, own) -> Node:
        """The quantile, which is at most as far from loc as both of the part's are that have half
        of the tail each."""
        left = self.part.lower_quantile(tail - LOG_2, *own)
        right = self.part.upper_quantile(tail - LOG_2, *own)
        far = loc + ops.maximum(ops.abs(left - loc), ops.abs(right - loc))

        def log_tail(x: Node) -> Node:
            return (self.logccdf if above else self.logcdf)(x, loc, *own)

        def density(x: Node) -> Node:
            return self.logpdf(x, loc, *own)

        if not self.part.discrete:
            return root_between(ops.broadcast_to(loc, far.shape), far, log_tail, log_p, density,
                                falls=above)  # fmt: skip

        def reached(x: Node) -> Node:
            at = log_tail(ops.maximum(x, loc))
            return (at <= log_p if above else at >= log_p) & (x >= loc)

        return least_between(ops.broadcast_to(loc - 1, far.shape), far + 1, reached)

    def sample(self, key, shape, loc, *own):
        return loc + ops.abs(self.part.sample(key, shape, *own) - loc)


@dataclass(frozen=True)
class MaskedInterval(Interval):
    """Real numbers in an interval, and any number where `mask` is 0."""

    mask: TensorLike = 1.0
    partial: ClassVar[bool] = True

    def contains(self, x: TensorLike) -> TensorLike:
        inside = super().contains(x)
        return inside if inside is None else inside | (self.mask < 0.5)


@dataclass(frozen=True)
class MaskedIntegers(Integers):
    """Whole numbers in an interval, and any number where `mask` is 0."""

    mask: TensorLike = 1.0
    partial: ClassVar[bool] = True

    def contains(self, x: TensorLike) -> TensorLike:
        return super().contains(x) | (self.mask < 0.5)


@dataclass(frozen=True)
class Masked(Combined):
    """The part, with a log density of 0 where `mask` is 0."""

    own: ClassVar = {"mask": BINARY}
    spreads_nan = False  # what is masked may be nan

    def support(self, mask, *own):
        part = self.part.support(*own)
        if type(part) is Interval:
            return MaskedInterval(part.low, part.high, part.low_open, part.high_open, mask)
        return MaskedIntegers(part.low, part.high, mask) if type(part) is Integers else part

    def logpdf(self, x, mask, *own):
        counts, part = mask > 0.5, self.part.support(*own)
        if type(part) in (Interval, Integers):
            # Values that do not count may lie anywhere.
            x = typed(self.part, ops.where(counts, x, two_inside(part, x.dtype)[0]))
        return ops.where(counts, self.part.logpdf(x, *own), 0.0)

    @property
    def smooth_draws(self) -> bool:
        return moves(self.part)

    def sample(self, key, shape, mask, *own):
        return drawn(self.part, key, shape, *own)

    def mean(self, mask, *own):
        return self.part.mean(*own)

    def variance(self, mask, *own):
        return self.part.variance(*own)

    def mode(self, mask, *own):
        return self.part.mode(*own)

    def entropy(self, mask, *own):
        return self.part.entropy(*own)

    def logcdf(self, x, mask, *own):
        return self.part.logcdf(x, *own)

    def logccdf(self, x, mask, *own):
        return self.part.logccdf(x, *own)

    def lower_quantile(self, log_p, mask, *own):
        return self.part.lower_quantile(log_p, *own)

    def upper_quantile(self, log_p, mask, *own):
        return self.part.upper_quantile(log_p, *own)

    def log_between(self, low, high, mask, *own):
        return self.part.log_between(low, high, *own)

    def quantile_between(self, u, low, high, mask, *own):
        return self.part.quantile_between(u, low, high, *own)

    def sample_between(self, key, shape, low, high, mask, *own):
        return self.part.sample_between(key, shape, low, high, *own)
