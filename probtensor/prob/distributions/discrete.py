"""Discrete distributions: the log mass of a count or of an index.

Formulas are those of Johnson, Kemp and Kotz, "Univariate Discrete Distributions" (2005). Success
probabilities are given directly or on the logit scale, where nothing over- or underflows.
"""

from __future__ import annotations

import math

from probtensor import ops
from probtensor.graph import as_tensor
from probtensor.ops.kinds.elementwise import joint_shape
from probtensor.ops.loops.whiles import while_loop
from probtensor.prob.distributions.continuous.families import number
from probtensor.prob.distributions.distribution import Distribution, element_indices
from probtensor.prob.distributions.formulas import (
    at_least,
    has_log,
    in_range,
    log_of,
    log_shortfall,
    times_log,
    times_log1m,
)
from probtensor.prob.distributions.support import (
    BINARY,
    COUNT,
    NONNEGATIVE,
    POSITIVE,
    POSITIVE_UNIT,
    REAL,
    REAL_VECTOR,
    SIMPLEX,
    UNIT,
    Integers,
)
from probtensor.rules.probability import links
from probtensor.transform.facts import FactTable

MOST = 2.0**53  # the largest count that the search considers


class Counted(Distribution):
    """A distribution of whole numbers from 0 on whose quantiles are searched for."""

    def lower_quantile(self, log_p, *parameters):
        return least_count(lambda x: self.logcdf(x, *parameters) >= log_p, log_p, *parameters)

    def upper_quantile(self, log_p, *parameters):
        return least_count(lambda x: self.logccdf(x, *parameters) <= log_p, log_p, *parameters)


def least_count(reached, *like):
    """The least count for which a condition holds that holds for all larger ones: the bracket is
    halved, in its logarithm as long as it is wide. nan beyond the whole numbers of a float."""
    shape = joint_shape([x.type for x in like])
    low, high = ops.full(shape, -1.0), ops.full(shape, MOST)

    def halved(ends):
        low, high = ends
        wide = high > 8 * low + 64
        middle = ops.where(wide, ops.sqrt((low + 2) * high), 0.5 * (low + high))
        middle = ops.clip(ops.floor(middle), low, high - 1)
        up = reached(ops.maximum(middle, 0.0)) & (middle >= 0)
        return ops.where(up, low, middle), ops.where(up, middle, high)

    ends = while_loop(lambda ends: ops.any(ends[1] - ends[0] > 1), halved, (low, high),
                      max_steps=128)  # fmt: skip
    return ops.where(ends[1] < MOST, ends[1], math.nan)


class Bernoulli(Distribution):
    """1 with probability `p`, or sigmoid(logit_p), else 0.

    Support: 0 and 1.
    Mean: p.
    Variance: p * (1 - p).
    Source: Johnson, Kemp and Kotz (2005), "Univariate Discrete Distributions", ch. 3.
    """

    name = "bernoulli"
    parameters = {"p": UNIT}
    shown = (0.3,)
    over = BINARY

    def logpdf(self, x, p):
        return times_log(x, p) + times_log1m(1 - x, p)

    def sample(self, key, shape, p):
        return (ops.draw_uniform(key, element_indices(shape)) < p).astype("float64")

    def mean(self, p):
        return p

    def variance(self, p):
        return p * (1 - p)

    def logcdf(self, x, p):
        return ops.where(x < 1, ops.log1p(-p), 0.0)

    def logccdf(self, x, p):
        return ops.where(x < 1, ops.log(p), -math.inf)

    def mode(self, p):
        return (p > 0.5).astype("float64")

    def entropy(self, p):
        return ops.entr(p) + ops.entr(1 - p)

    def lower_quantile(self, log_p, p):
        return (ops.log1p(-p) < log_p).astype("float64")

    def upper_quantile(self, log_p, p):
        return (ops.log(p) > log_p).astype("float64")


class BernoulliLogit(Distribution):
    """Bernoulli with p = sigmoid(logit_p)."""

    name = "bernoulli"
    parameters = {"logit_p": REAL}
    over = BINARY

    def logpdf(self, x, logit_p):
        return -ops.softplus((1 - 2 * x) * logit_p)

    def sample(self, key, shape, logit_p):
        return Bernoulli().sample(key, shape, ops.sigmoid(logit_p))

    def mean(self, logit_p):
        return ops.sigmoid(logit_p)

    def variance(self, logit_p):
        return ops.sigmoid(logit_p) * ops.sigmoid(-logit_p)

    def logcdf(self, x, logit_p):
        return ops.where(x < 1, ops.log_sigmoid(-logit_p), 0.0)

    def logccdf(self, x, logit_p):
        return ops.where(x < 1, ops.log_sigmoid(logit_p), -math.inf)

    def mode(self, logit_p):
        return (logit_p > 0).astype("float64")

    def entropy(self, logit_p):
        size = ops.abs(logit_p)
        return ops.softplus(-size) + size * ops.sigmoid(-size)

    def lower_quantile(self, log_p, logit_p):
        return (ops.log_sigmoid(-logit_p) < log_p).astype("float64")

    def upper_quantile(self, log_p, logit_p):
        return (ops.log_sigmoid(logit_p) > log_p).astype("float64")


# The log mass of a count is its maximum over the parameter, which depends on data alone, minus a
# deviance that is 0 there. So there is no difference of large log gammas (Loader 2000, "Fast and
# accurate computation of binomial probabilities").


def odds_of_link(p):
    """The log odds of a probability p, if log p and log(1 - p) are known by construction (links);
    None otherwise."""
    if isinstance(p.op, ops.Sigmoid):
        return p.inputs[0]
    facts = FactTable()
    success, failure = links.log_of(p, facts), links.log_of_rest(p, facts)
    return None if success is None or failure is None else success - failure


def positive(x):
    """A count, with 0 replaced by 1."""
    return ops.maximum(x, 1)


def log_factorial_rest(x):
    """log x! - (x log x - x) for a count."""
    return ops.where(ops.eq(x, 0), 0.0, ops.lgamma_rest(positive(x)) + ops.log(positive(x)))


def in_double(x):
    """x in double precision: a deviance is a difference of logarithms of counts that may be 30
    times larger, and in float32 it would have their rounding error."""
    return ops.astype(x, "float64")


def share_divergence(x, m, d):
    """The divergence of x successes and m failures at d in double precision, in the dtype of x,
    m."""
    return ops.astype(ops.share_divergence(in_double(x), in_double(m), d), (x + m).dtype)


def log_choose_rest(n, x):
    """The maximum over p of the log mass of x successes in n trials."""
    return log_factorial_rest(n) - log_factorial_rest(x) - log_factorial_rest(n - x)


class Binomial(Counted):
    """The number of successes among `n` of probability `p`, or sigmoid(logit_p).

    Support: 0, 1, ..., n.
    Mean: n * p.
    Variance: n * p * (1 - p).
    Source: Johnson, Kemp and Kotz (2005), "Univariate Discrete Distributions", ch. 3.
    """

    name = "binomial"
    parameters = {"n": COUNT, "p": UNIT}
    shown = (10, 0.3)
    over = COUNT
    propagates_nan = True

    def support(self, n, p):
        return Integers(0, number(n))

    def logpdf(self, x, n, p):
        if isinstance(p.op, ops.Sigmoid):
            return BinomialLogit().logpdf(x, n, p.inputs[0])
        return log_choose_rest(n, x) - ops.binomial_divergence(x, n, p)

    def sample(self, key, shape, n, p):
        return ops.draw_binomial(key, element_indices(shape), n, p)

    def mean(self, n, p):
        return n * p

    def variance(self, n, p):
        return n * p * (1 - p)

    def logcdf(self, x, n, p):
        return ops.where(x < n, ops.log_betaincc(x + 1, ops.maximum(n - x, 1.0), p), 0.0)

    def logccdf(self, x, n, p):
        return ops.where(x < n, ops.log_betainc(x + 1, ops.maximum(n - x, 1.0), p), -math.inf)

    def mode(self, n, p):
        return ops.minimum(ops.floor((n + 1) * p), n)


class BinomialLogit(Counted):
    """Binomial with p = sigmoid(logit_p)."""

    name = "binomial"
    parameters = {"n": COUNT, "logit_p": REAL}
    over = COUNT
    propagates_nan = True

    def support(self, n, logit_p):
        return Integers(0, number(n))

    def logpdf(self, x, n, logit_p):
        odds = ops.log_ratio(positive(in_double(x)), positive(in_double(n - x)), 1)
        return log_choose_rest(n, x) - share_divergence(x, n - x, in_double(logit_p) - odds)

    def sample(self, key, shape, n, logit_p):
        return Binomial().sample(key, shape, n, ops.sigmoid(logit_p))

    def mean(self, n, logit_p):
        return n * ops.sigmoid(logit_p)

    def variance(self, n, logit_p):
        return n * ops.sigmoid(logit_p) * ops.sigmoid(-logit_p)

    def logcdf(self, x, n, logit_p):
        # Also where logit_p is infinite.
        return ops.where(x >= n, 0.0, self.logccdf(n - x - 1, n, -logit_p))

    def logccdf(self, x, n, logit_p):
        return Binomial().logccdf(x, n, ops.sigmoid(logit_p))

    def mode(self, n, logit_p):
        return Binomial().mode(n, ops.sigmoid(logit_p))


class Poisson(Counted):
    """Poisson with mean `mu`.

    Support: 0, 1, 2, ...
    Mean: mu.
    Variance: mu.
    Source: Johnson, Kemp and Kotz (2005), "Univariate Discrete Distributions", ch. 4.
    """

    name = "poisson"
    parameters = {"mu": NONNEGATIVE}
    shown = (3.0,)
    over = COUNT
    propagates_nan = True

    def logpdf(self, x, mu):
        if has_log(mu):
            d = in_double(log_of(mu)) - ops.log(positive(in_double(x)))
            deviance = ops.astype(ops.poisson_divergence(in_double(x), d), (x + mu).dtype)
        else:
            deviance = ops.kl_div(x, mu)
        return -deviance - log_factorial_rest(x)

    def sample(self, key, shape, mu):
        return ops.draw_poisson(key, element_indices(shape), mu)

    def mean(self, mu):
        return mu

    def variance(self, mu):
        return mu

    def logcdf(self, x, mu):
        return ops.log_gammaincc(x + 1, mu)

    def logccdf(self, x, mu):
        return ops.log_gammainc(x + 1, mu)

    def mode(self, mu):
        return ops.floor(mu)


def log_multichoose_rest(alpha, x):
    """log of Gamma(x + alpha) / (Gamma(alpha) x!) minus its Stirling approximation. As alpha goes
    to 0 it approaches log alpha for any count but 0."""
    ways = ops.lgamma_rest_change(in_range(alpha), x) - log_factorial_rest(x)
    return ways + ops.where(ops.eq(x, 0), 0.0, log_shortfall(alpha)) if has_log(alpha) else ways


class NegativeBinomial(Counted):
    """Negative binomial with mean `mu` and variance mu + mu^2 / alpha, or the number of failures
    before `n` successes of probability `p`.

    Support: 0, 1, 2, ...
    Mean: mu.
    Variance: mu + mu**2 / alpha.
    Source: Johnson, Kemp and Kotz (2005), "Univariate Discrete Distributions", ch. 5.
    """

    name = "negative_binomial"
    parameters = {"mu": NONNEGATIVE, "alpha": POSITIVE}
    shown = (3.0, 2.0)
    over = COUNT

    def logpdf(self, x, mu, alpha):
        if has_log(mu):
            d = in_double(log_of(mu)) - ops.log(positive(in_double(x)))
        else:
            d = -ops.log_ratio(positive(in_double(x)), in_double(mu), 1)
        ways = log_multichoose_rest(alpha, x)
        return ways - share_divergence(x, in_range(alpha), d)

    def sample(self, key, shape, mu, alpha):
        rate = ops.draw_gamma(ops.key_fold(key, 0), element_indices(shape), alpha) * (mu / alpha)
        return Poisson().sample(ops.key_fold(key, 1), shape, rate)

    def mean(self, mu, alpha):
        return mu

    def variance(self, mu, alpha):
        return mu + ops.square(mu) / alpha

    def logcdf(self, x, mu, alpha):
        return ops.log_betaincc(x + 1, alpha, mu / (mu + alpha))

    def logccdf(self, x, mu, alpha):
        return ops.log_betainc(x + 1, alpha, mu / (mu + alpha))

    def mode(self, mu, alpha):
        return ops.floor(ops.maximum(mu * (1 - 1 / alpha), 0.0))


class NegativeBinomialProbability(Counted):
    """Failures before n successes of probability p: Gamma(x + n) / (Gamma(n) x!) p^n (1 - p)^x.

    The two deviances are those of the counts n and x of n + x trials. With the mean as a parameter
    instead, the derivative in n would be a difference of two numbers of the size of x / n.
    """

    name = "negative_binomial"
    parameters = {"n": POSITIVE, "p": POSITIVE_UNIT}
    over = COUNT

    def logpdf(self, x, n, p):
        ways, n = log_multichoose_rest(n, x), at_least(n)
        odds = odds_of_link(p)
        if odds is not None:
            d = -in_double(odds) - ops.log_ratio(positive(in_double(x)), in_double(n), 1)
            return ways - share_divergence(x, n, d)
        trials = x + n
        deviance = ops.scaled_kl_div(n, trials, p) + ops.scaled_kl_div(x, trials, 1 - p)
        return ways - deviance

    def sample(self, key, shape, n, p):
        rate = ops.draw_gamma(ops.key_fold(key, 0), element_indices(shape), n) * ((1 - p) / p)
        return Poisson().sample(ops.key_fold(key, 1), shape, rate)

    def mean(self, n, p):
        return n * (1 - p) / p

    def variance(self, n, p):
        return n * (1 - p) / ops.square(p)

    def logcdf(self, x, n, p):
        return ops.log_betainc(n, x + 1, p)

    def logccdf(self, x, n, p):
        return ops.log_betaincc(n, x + 1, p)

    def mode(self, n, p):
        return ops.floor(ops.maximum((n - 1) * (1 - p) / p, 0.0))


class CategoricalLogit(Distribution):
    """Index k with probability softmax(logit_p)[..., k]."""

    name = "categorical"
    parameters = {"logit_p": REAL_VECTOR}
    over = COUNT
    propagates_nan = True
    indexes = True

    def support(self, logit_p):
        return classes(logit_p)

    def logpdf(self, x, logit_p):
        return chosen(ops.log_softmax(logit_p, axis=-1), x)

    def sample(self, key, shape, logit_p):
        """The argmin of exponentials whose rates are the probabilities (Gumbel-max)."""
        size = logit_p.shape[-1]
        clocks = ops.draw_exponential(key, element_indices((*shape, size)))
        leads = logit_p - ops.log(clocks)
        # If no class has a positive probability, or several are certain, there is no draw.
        some = ops.isfinite(ops.max(leads, axis=-1))
        return ops.where(some, ops.argmax(leads, axis=-1).astype("float64"), math.nan)

    def mean(self, logit_p):
        return ops.sum(ops.softmax(logit_p, axis=-1) * ops.arange(logit_p.shape[-1]), axis=-1)

    def variance(self, logit_p):
        offset = ops.arange(logit_p.shape[-1]) - self.mean(logit_p)[..., None]
        return ops.sum(ops.softmax(logit_p, axis=-1) * ops.square(offset), axis=-1)

    def mode(self, logit_p):
        return ops.argmax(logit_p, axis=-1).astype("float64")

    def entropy(self, logit_p):
        return ops.sum(ops.entr(ops.softmax(logit_p, axis=-1)), axis=-1)


class Categorical(Distribution):
    """Index k with probability p[..., k]."""

    name = "categorical"
    parameters = {"p": SIMPLEX}
    over = COUNT
    indexes = True

    def support(self, p):
        return classes(p)

    def logpdf(self, x, p):
        return chosen(ops.log(p), x)

    def sample(self, key, shape, p):
        return CategoricalLogit().sample(key, shape, ops.log(p))

    def mean(self, p):
        return ops.sum(p * ops.arange(p.shape[-1]), axis=-1)

    def variance(self, p):
        offset = ops.arange(p.shape[-1]) - self.mean(p)[..., None]
        return ops.sum(p * ops.square(offset), axis=-1)

    def mode(self, p):
        return ops.argmax(p, axis=-1).astype("float64")

    def entropy(self, p):
        return ops.sum(ops.entr(p), axis=-1)


def classes(table):
    """The indices of the last axis, whose size may be symbolic."""
    return Integers(0, number(as_tensor(table.shape[-1] - 1)))


def chosen(table, x):
    """table[..., x]: for each entry of x, the entry of the last axis at that index."""
    if table.ndim == 1:
        return table[x]
    table = ops.broadcast_to(table, (*x.shape, table.shape[-1]))
    indices_before = [
        ops.reshape(ops.arange(n), (n, *(1,) * (x.ndim - axis - 1)))
        for axis, n in enumerate(x.shape)
    ]
    return table[(*indices_before, x)]


Bernoulli.alternatives = {("logit_p",): lambda what, logit_p: (BernoulliLogit, (logit_p,))}
Binomial.alternatives = {
    ("n", "logit_p"): lambda what, n, logit_p: (BinomialLogit, (n, logit_p)),
}
NegativeBinomial.alternatives = {
    ("n", "p"): lambda what, n, p: (NegativeBinomialProbability, (n, p)),
}
