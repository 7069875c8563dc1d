"""Divergences between variables of different distributions: minus the entropy of the first one, and
minus the expectation of the log density of the second one over it.

That expectation is known where the log density is a sum of the value, its square, its logarithm and
powers of it, of which the first one has moments."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from probtensor import ops
from probtensor.graph import Node
from probtensor.prob.density.divergences import wider
from probtensor.prob.distributions.continuous.families import EULER
from probtensor.prob.distributions.distribution import Unknown
from probtensor.prob.distributions.formulas import HALF_LOG_2PI, LOG_2, log_of
from probtensor.prob.distributions.support import Interval, is_number

HALF_LOG_HALF_PI = 0.5 * math.log(math.pi / 2)

# The mean and the variance of the logarithm, by the class of a positive variable.
LOGARITHMS = {
    "Beta": lambda alpha, beta: (
        ops.digamma(alpha) - ops.digamma(alpha + beta),
        ops.trigamma(alpha) - ops.trigamma(alpha + beta),
    ),
    "Gamma": lambda alpha, beta: (ops.digamma(alpha) - log_of(beta), ops.trigamma(alpha)),
    "InverseGamma": lambda alpha, beta: (log_of(beta) - ops.digamma(alpha), ops.trigamma(alpha)),
    "Weibull": lambda alpha, beta: (
        log_of(beta) - EULER / alpha, math.pi**2 / 6 / ops.square(alpha)
    ),
    "LogNormal": lambda mu, sigma: (mu, ops.square(sigma)),
    "HalfNormal": lambda sigma: (
        log_of(sigma) - 0.5 * (EULER + LOG_2), ops.full_like(sigma, math.pi**2 / 8)
    ),
}  # fmt: skip
# The logarithm of the expectation of a power k.
POWERS = {
    "Beta": lambda k, alpha, beta: log_gamma_ratio(alpha, k) - log_gamma_ratio(alpha + beta, k),
    "Gamma": lambda k, alpha, beta: log_gamma_ratio(alpha, k) - k * log_of(beta),
    "InverseGamma": lambda k, alpha, beta: log_gamma_ratio(alpha, -k) + k * log_of(beta),
    "Weibull": lambda k, alpha, beta: k * log_of(beta) + log_gamma_ratio(1.0, k / alpha),
    "LogNormal": lambda k, mu, sigma: k * mu + 0.5 * ops.square(k * sigma),
    "HalfNormal": lambda k, sigma: (
        k * (log_of(sigma) + 0.5 * LOG_2) + log_gamma_ratio(0.5, 0.5 * k)
    ),
}  # fmt: skip


def log_gamma_ratio(alpha: Node | float, k: Node | float) -> Node:
    """log(Gamma(alpha + k) / Gamma(alpha)); inf where the integral is."""
    inside = ops.as_tensor(alpha + k) > 0
    found = ops.lgamma(ops.where(inside, alpha + k, 1.0)) - ops.lgamma(ops.as_tensor(alpha))
    return ops.where(inside, found, math.inf)


class Expected:
    """Expectations over the first variable (`Own` of summaries.py)."""

    def __init__(self, own: Any) -> None:
        self.own = own
        known = (type(own.distribution).__name__, own.parameters)
        forms = [form for form in wider(known) if form[0] in LOGARITHMS]
        self.kind, self.parameters = forms[0] if forms else known

    def within(self, low: float) -> bool:
        """Whether values lie above a bound for certain."""
        over = self.own.distribution.over
        return isinstance(over, Interval) and is_number(over.low) and over.low >= low

    def moments(self) -> tuple[Node, Node]:
        """The mean and the variance."""
        if not isinstance(self.own.distribution.over, Interval):
            raise Unknown("values are no real numbers")
        return self.own.known("mean"), self.own.known("variance")

    def mean(self) -> Node:
        """The mean of positive values."""
        return self._positive().known("mean")

    def square(self) -> Node:
        """The mean of squares of positive values."""
        self._positive()
        mean, variance = self.moments()
        return variance + ops.square(mean)

    def _positive(self) -> Any:
        if not self.within(0.0):
            raise Unknown("values may be negative")
        return self.own

    def logarithm(self) -> tuple[Node, Node]:
        """The mean and the variance of the logarithm."""
        if self.kind not in LOGARITHMS:
            raise Unknown("its logarithm has no known moments")
        return LOGARITHMS[self.kind](*self.parameters)

    def power(self, k: Node | float) -> Node:
        """The mean of a power, of a kind that has a logarithm."""
        return ops.exp(POWERS[self.kind](k, *self.parameters))


def normal(p: Expected, mu: Node, sigma: Node) -> Node:
    """Minus the mean log density of normal(mu, sigma) over p."""
    mean, variance = p.moments()
    spread = (variance + ops.square(mean - mu)) / ops.square(sigma)
    return 0.5 * spread + log_of(sigma) + HALF_LOG_2PI


def exponential(p: Expected, lam: Node) -> Node:
    """Minus the mean log density of exponential(lam) over p."""
    return lam * p.mean() - log_of(lam)


def half_normal(p: Expected, sigma: Node) -> Node:
    """Minus the mean log density of half_normal(sigma) over p."""
    return 0.5 * p.square() / ops.square(sigma) + log_of(sigma) + HALF_LOG_HALF_PI


def gamma(p: Expected, alpha: Node, beta: Node) -> Node:
    """Minus the mean log density of gamma(alpha, beta) over p."""
    log, _ = p.logarithm()
    return ops.lgamma(alpha) - alpha * log_of(beta) - (alpha - 1) * log + beta * p.power(1.0)


def inverse_gamma(p: Expected, alpha: Node, beta: Node) -> Node:
    """Minus the mean log density of inverse_gamma(alpha, beta) over p."""
    log, _ = p.logarithm()
    return ops.lgamma(alpha) - alpha * log_of(beta) + (alpha + 1) * log + beta * p.power(-1.0)


def weibull(p: Expected, alpha: Node, beta: Node) -> Node:
    """Minus the mean log density of weibull(alpha, beta) over p."""
    log, _ = p.logarithm()
    scale = log_of(beta)
    ratio = p.power(alpha) * ops.exp(-alpha * scale)
    return alpha * scale - log_of(alpha) - (alpha - 1) * log + ratio


def log_normal(p: Expected, mu: Node, sigma: Node) -> Node:
    """Minus the mean log density of log_normal(mu, sigma) over p."""
    log, spread = p.logarithm()
    rest = (spread + ops.square(log - mu)) / ops.square(sigma)
    return log + log_of(sigma) + HALF_LOG_2PI + 0.5 * rest


def laplace(p: Expected, mu: Node, b: Node) -> Node:
    """Minus the mean log density of laplace(mu, b) over p."""
    if p.kind != "Normal":
        raise Unknown("its distance from a point has no known mean")
    mean, sigma = p.parameters
    z = (mean - mu) / sigma
    far = 2 * ops.exp(-0.5 * ops.square(z) - HALF_LOG_2PI) + z * (1 - 2 * ops.ndtr(-z))
    return log_of(b) + LOG_2 + sigma * far / b


def uniform(p: Expected, low: Node, high: Node) -> Node:
    """Minus the mean log density of uniform(low, high) over p."""
    support = p.own.distribution.support(*p.own.parameters)
    if not isinstance(support, Interval):
        raise Unknown("values are no real numbers")
    inside = (low <= support.low) & (support.high <= high)
    return ops.where(inside, ops.log(high - low), math.inf)


CROSSES: dict[str, Callable[..., Node]] = {
    "Exponential": exponential,
    "Gamma": gamma,
    "HalfNormal": half_normal,
    "InverseGamma": inverse_gamma,
    "Laplace": laplace,
    "LogNormal": log_normal,
    "Normal": normal,
    "Uniform": uniform,
    "Weibull": weibull,
}


def divergence(first: Any, second: Any, parameters: Sequence[Node]) -> Node | None:
    """The divergence of the first variable from the second one, by the class `second` and its
    parameters; None where it is not known."""
    formula = CROSSES.get(second)
    if formula is None:
        return None
    try:
        cross = formula(Expected(first), *parameters)
        # Means that are nan are those of tails too heavy for any.
        return ops.where(ops.isnan(cross), math.inf, cross) - first.distribution.entropy(
            *first.parameters
        )
    except Unknown:
        return None
