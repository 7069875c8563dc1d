"""Distributions with a point mass at 0 added, or all of their mass at 0 replaced.

Formulas: Cameron and Trivedi (2013), "Regression Analysis of Count Data", 4.3 and 4.4.
"""

from __future__ import annotations

from probtensor import ops
from probtensor.dataclass import dataclass, replace
from probtensor.graph import Node, as_tensor
from probtensor.prob.distributions.combined.anywhere import (
    density_at,
    hull,
    log_above,
    log_below,
    replaced,
)
from probtensor.prob.distributions.combined.parts import (
    Combined,
    given,
    log_rest,
    log_share,
    number_of,
)
from probtensor.prob.distributions.distribution import element_indices
from probtensor.prob.distributions.pathwise import drawn, moves
from probtensor.prob.distributions.support import UNIT, Integers, Interval, Support

ZERO_COUNT, ZERO = Integers(0, 0), Interval(0.0, 0.0)


@dataclass(frozen=True)
class AboveZero(Combined):
    """A distribution of counts, given that the count is not 0."""

    @property
    def over(self) -> Support:
        return Integers(1, number_of(self.part.over.high))

    def support(self, *parameters):
        return Integers(1, self.part.support(*parameters).high)

    def logpdf(self, x, *parameters):
        return given(self.part.logpdf(x, *parameters), self.log_rest(parameters))

    def log_rest(self, parameters):
        """The log of the probability of what is above 0."""
        return self.part.logccdf(at_zero(parameters), *parameters)

    def logcdf(self, x, *parameters):
        zero = at_zero(parameters)
        return self.part.log_between(zero, x, *parameters) - self.log_rest(parameters)

    def logccdf(self, x, *parameters):
        return self.part.logccdf(x, *parameters) - self.log_rest(parameters)

    def lower_quantile(self, log_p, *parameters):
        found = ops.exp(log_p)
        return self.part.quantile_between(found, at_zero(parameters), None, *parameters)

    def upper_quantile(self, log_p, *parameters):
        log_q = log_p + self.log_rest(parameters)
        return self.part.quantile(log_q, as_tensor(True), *parameters)

    def sample(self, key, shape, *parameters):
        found = self.part.sample_between(key, shape, at_zero(parameters), None, *parameters)
        return ops.maximum(found, 1.0)

    def mean(self, *parameters):
        return self.part.mean(*parameters) * ops.exp(-self.log_rest(parameters))

    def variance(self, *parameters):
        share, mean = ops.exp(-self.log_rest(parameters)), self.part.mean(*parameters)
        square = (self.part.variance(*parameters) + ops.square(mean)) * share
        return square - ops.square(mean * share)


def at_zero(parameters) -> Node:
    """The value 0 in the dtype of the parameters."""
    return as_tensor(0.0).astype(parameters[0].dtype)


@dataclass(frozen=True)
class Inflated(Combined):
    """With probability psi a value of the part, else 0; with `gated`, the parameter is 1 - psi."""

    gated: bool = False

    @property
    def own(self) -> dict[str, Support]:
        return {"gate" if self.gated else "psi": UNIT}

    @property
    def has_atoms(self) -> bool:
        return not self.part.discrete

    @property
    def smooth_draws(self) -> bool:
        return moves(self.part)

    @property
    def steps(self) -> tuple[str, ...]:
        return tuple(self.own)

    @property
    def over(self) -> Support:
        return with_zero(self.part.over)

    def support(self, psi, *parameters):
        return with_zero(self.part.support(*parameters))

    def logs(self, psi: Node) -> tuple[Node, Node]:
        """The logs of the probabilities of a value of the part and of a 0 of its own."""
        pair = log_share(psi), log_rest(psi)
        return pair[::-1] if self.gated else pair

    @property
    def has_mass(self) -> bool:
        """Whether the part may be 0 with positive probability."""
        low = self.part.over.low
        return self.part.discrete and (isinstance(low, Node) or low <= 0)

    @property
    def is_signed(self) -> bool:
        """Whether the part may be below 0."""
        low = self.part.over.low
        return isinstance(low, Node) or low < 0

    def logpdf(self, x, psi, *parameters):
        log_in, log_out = self.logs(psi)
        zero, at = ops.eq(x, 0), log_out
        if self.has_mass:
            none = ops.zeros((), dtype=psi.dtype)
            at = ops.logaddexp(log_out, log_in + density_at(self.part, none, parameters))
        part, whole = self.part.support(*parameters), self.support(psi, *parameters)
        inner = x if self.has_mass else replaced(zero, x, part)
        if isinstance(whole, Interval):  # 0 is none of the values that are left
            whole = replace(whole, low_open=part.low_open, high_open=part.high_open)
        return ops.where(zero, at, log_in + density_at(self.part, inner, parameters, whole))

    def logcdf(self, x, psi, *parameters):
        log_in, log_out = self.logs(psi)
        whole = self.support(psi, *parameters)
        below = log_in + log_below(self.part, x, parameters, whole)
        both = ops.logaddexp(log_out, below)
        return ops.where(x < 0, below, both) if self.is_signed else both

    def logccdf(self, x, psi, *parameters):
        log_in, log_out = self.logs(psi)
        whole = self.support(psi, *parameters)
        above = log_in + log_above(self.part, x, parameters, whole)
        if not self.is_signed:
            return above
        return ops.where(x < 0, ops.logaddexp(log_out, above), above)

    def log_negative(self, psi: Node, parameters, above: bool) -> Node:
        """The log of the probability below 0, or of its rest."""
        last = as_tensor(-1.0 if self.part.discrete else 0.0).astype(psi.dtype)
        log_in, log_out = self.logs(psi)
        if not above:
            return log_in + log_below(self.part, last, parameters)
        return ops.logaddexp(log_out, log_in + log_above(self.part, last, parameters))

    def lower_quantile(self, log_p, psi, *parameters):
        zero = ops.zeros((), dtype=psi.dtype)
        log_in, upto = self.logs(psi)[0], self.logcdf(zero, psi, *parameters)
        large = self.quantile_at(ops.log1mexp(log_p) - log_in, log_p > upto, True, parameters)
        found = ops.where(log_p > upto, large, 0.0)
        if not self.is_signed:
            return found
        below = self.log_negative(psi, parameters, above=False)
        small = self.quantile_at(log_p - log_in, log_p <= below, False, parameters)
        return ops.where(log_p <= below, small, found)

    def upper_quantile(self, log_p, psi, *parameters):
        zero = ops.zeros((), dtype=psi.dtype)
        log_in, beyond = self.logs(psi)[0], self.logccdf(zero, psi, *parameters)
        large = self.quantile_at(log_p - log_in, log_p < beyond, True, parameters)
        found = ops.where(log_p < beyond, large, 0.0)
        if not self.is_signed:
            return found
        rest = self.log_negative(psi, parameters, above=True)
        small = self.quantile_at(ops.log1mexp(log_p) - log_in, log_p >= rest, False, parameters)
        return ops.where(log_p >= rest, small, found)

    def quantile_at(self, log_p: Node, mask: Node, above: bool, parameters) -> Node:
        """The quantile of the part where it is needed."""
        log_p = ops.minimum(ops.where(mask, log_p, -1.0), -1e-300)
        return self.part.quantile(log_p, as_tensor(above), *parameters)

    def sample(self, key, shape, psi, *parameters):
        u = ops.draw_uniform(ops.key_fold(key, 0), element_indices(shape))
        inside = u > psi if self.gated else u < psi
        value = drawn(self.part, ops.key_fold(key, 1), shape, *parameters)
        return ops.where(inside, value, 0.0)

    def mean(self, psi, *parameters):
        share = 1 - psi if self.gated else psi
        return share * self.part.mean(*parameters)

    def variance(self, psi, *parameters):
        share = 1 - psi if self.gated else psi
        mean = self.part.mean(*parameters)
        return share * (self.part.variance(*parameters) + (1 - share) * ops.square(mean))


def with_zero(support: Support) -> Support:
    """A support and 0."""
    zero = ZERO_COUNT if support.discrete else ZERO
    return hull([support, zero])
