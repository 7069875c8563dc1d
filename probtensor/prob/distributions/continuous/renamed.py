"""Distributions that are others in parameters of their own, or functions of them."""

from __future__ import annotations

from probtensor import ops
from probtensor.prob.distributions.continuous.families import Mapped, Renamed
from probtensor.prob.distributions.continuous.real import Logistic
from probtensor.prob.distributions.continuous.skewed import AsymmetricLaplace
from probtensor.prob.distributions.formulas import LOG_2, log_of
from probtensor.prob.distributions.parameters import check_literal
from probtensor.prob.distributions.support import OPEN_UNIT, POSITIVE, REAL


class SkewDoubleExponential(Renamed):
    """Laplace with location `mu` and scale `sigma`, asymmetric: the rate is 2 (1 - tau) / sigma
    below mu and 2 tau / sigma above it, and values are below it with probability `tau`.

    Support: all real numbers.
    Mean: mu + sigma * (1 - 2 * tau) / (2 * tau * (1 - tau)).
    Variance: sigma**2 * (1 - 2 * tau + 2 * tau**2) / (4 * tau**2 * (1 - tau)**2).
    Source: Stan Functions Reference (2024), "Skew double exponential distribution".
    """

    name = "skew_double_exponential"
    parameters = {"mu": REAL, "sigma": POSITIVE, "tau": OPEN_UNIT}
    defaults = {"mu": 0.0, "sigma": 1.0, "tau": 0.5}
    shown = (0.0, 1.0, 0.3)
    base = AsymmetricLaplace()

    def inner(self, mu, sigma, tau):
        # kappa**2 is the odds of tau.
        return ops.sqrt(tau / (1 - tau)), mu, 2 * ops.sqrt(tau * (1 - tau)) / sigma


class RelaxedBernoulli(Mapped):
    """sigmoid((logit_p + z) / temperature) of a standard logistic z: a number between 0 and 1 that
    approaches a Bernoulli variable as `temperature` goes to 0, with derivatives by `logit_p`; or
    with a probability `p`.

    Support: 0 < x < 1.
    Mean: none in closed form.
    Variance: none in closed form.
    Source: Maddison, Mnih and Teh (2017), "The Concrete Distribution: a Continuous Relaxation of
    Discrete Random Variables", International Conference on Learning Representations.
    """

    name = "relaxed_bernoulli"
    parameters = {"temperature": POSITIVE, "logit_p": REAL}
    shown = (0.5, 1.0)
    over = OPEN_UNIT
    base = Logistic()

    def inner(self, temperature, logit_p):
        return logit_p / temperature, 1 / temperature

    def to_base(self, x, temperature, logit_p):
        return ops.logit(x)

    def from_base(self, z, temperature, logit_p):
        return ops.sigmoid(z)

    def logpdf(self, x, temperature, logit_p):
        score = temperature * ops.logit(x) - logit_p
        rest = ops.log(x) + ops.log1p(-x)
        return log_of(temperature) - 2 * ops.log_cosh(0.5 * score) - 2 * LOG_2 - rest


def _from_probability(what, temperature, p):
    return temperature, ops.logit(check_literal(what, domain=OPEN_UNIT, p=p))


RelaxedBernoulli.alternatives = {("temperature", "p"): _from_probability}
