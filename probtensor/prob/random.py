"""`pt.random`: the functions that make random variables.

All take by name, after their parameters: `shape`, of the value (by default what the parameters
broadcast to, extended to the left by `dims`); `name`, which models report; `dims`, one name an
axis; and those of one real number `constraint`, a support to cut the distribution down to
(`pt.interval(low, high)`; `pt.ordered()` along the last axis), whose bounds may be tensors.
Parameters are numbers, arrays or tensors, random ones among them. A literal outside its range is a
ValueError here and now; where a random parameter leaves its range, the density of a model is zero,
and a draw is nan, or a ValueError if it is a whole number.

A variable under `constraint=` has the truncated distribution: its density is normalised, whatever
is random, and it can be drawn. Where no formula for the probability of the interval is known
(gamma, inverse_gamma, beta, student_t, half_student_t, and orders of entries with parameters of
their own), the density is up to a constant as long as all parameters are fixed, and refused with a
GraphError where they are not or the variable is observed. flat and half_flat stay 1.
"""

from __future__ import annotations

import numpy as np

from probtensor import ops
from probtensor.calls import absent, is_public, line_text, public
from probtensor.graph import Const, GraphError, Node, as_tensor
from probtensor.graph.node import TensorLike, make
from probtensor.ops.arrays.require import asked_for
from probtensor.prob.distributions import continuous, discrete, multivariate
from probtensor.prob.distributions.base import (
    Bounded,
    check_parameter,
    check_values,
    random_variable,
    shape_text,
    to_tensor,
)
from probtensor.prob.distributions.support import COVARIANCE, POSITIVE, UNIT
from probtensor.types import SizeCheck

Dims = str | tuple[str, ...] | list[str] | None


@public
def normal(mu=0.0, sigma=None, *, tau=None, shape=None, name=None, dims: Dims = None,
           constraint=None) -> Node:  # fmt: skip
    """Normal with mean `mu` and standard deviation `sigma` (1 by default), or precision `tau`.

    Support: all real numbers.
    Mean: mu.
    Variance: sigma**2.
    Source: Johnson, Kotz and Balakrishnan (1994), "Continuous Univariate Distributions", ch. 13.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.normal(0.0, 2.0), draws=5, seed=1).shape
        (5,)
    """
    sigma = scale_from_precision(variable_text("normal", name), sigma, tau)
    return random_variable(continuous.Normal(), (mu, sigma), shape, name, dims, constraint)


@public
def half_normal(sigma=1.0, *, shape=None, name=None, dims: Dims = None, constraint=None) -> Node:
    """The absolute value of normal(0, sigma).

    Support: x >= 0.
    Mean: sigma * sqrt(2 / pi).
    Variance: sigma**2 * (1 - 2 / pi).
    Source: Johnson, Kotz and Balakrishnan (1994), "Continuous Univariate Distributions", ch. 13.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.half_normal(2.0), draws=5, seed=1).shape
        (5,)
    """
    return random_variable(continuous.HalfNormal(), (sigma,), shape, name, dims, constraint)


@public
def cauchy(mu=0.0, sigma=1.0, *, shape=None, name=None, dims: Dims = None, constraint=None) -> Node:
    """Cauchy with location `mu` and scale `sigma`.

    Support: all real numbers.
    Mean: none.
    Variance: none.
    Source: Johnson, Kotz and Balakrishnan (1994), "Continuous Univariate Distributions", ch. 16.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.cauchy(0.0, 2.0), draws=5, seed=1).shape
        (5,)
    """
    return random_variable(continuous.Cauchy(), (mu, sigma), shape, name, dims, constraint)


@public
def half_cauchy(sigma=1.0, *, shape=None, name=None, dims: Dims = None, constraint=None) -> Node:
    """The absolute value of cauchy(0, sigma).

    Support: x >= 0.
    Mean: none.
    Variance: none.
    Source: Johnson, Kotz and Balakrishnan (1994), "Continuous Univariate Distributions", ch. 16.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.half_cauchy(2.0), draws=5, seed=1).shape
        (5,)
    """
    return random_variable(continuous.HalfCauchy(), (sigma,), shape, name, dims, constraint)


@public
def student_t(nu, mu=0.0, sigma=1.0, *, shape=None, name=None, dims: Dims = None,
              constraint=None) -> Node:  # fmt: skip
    """Student's t with `nu` degrees of freedom, location `mu` and scale `sigma`.

    Support: all real numbers.
    Mean: mu for nu > 1.
    Variance: sigma**2 * nu / (nu - 2) for nu > 2.
    Source: Johnson, Kotz and Balakrishnan (1994), "Continuous Univariate Distributions", ch. 28.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.student_t(4.0, 0.0, 2.0), draws=5, seed=1).shape
        (5,)
    """
    return random_variable(continuous.StudentT(), (nu, mu, sigma), shape, name, dims, constraint)


@public
def half_student_t(nu, sigma=1.0, *, shape=None, name=None, dims: Dims = None,
                   constraint=None) -> Node:  # fmt: skip
    """The absolute value of student_t(nu, 0, sigma).

    Support: x >= 0.
    Mean: 2 * sigma * sqrt(nu / pi) * gamma((nu + 1) / 2) / (gamma(nu / 2) * (nu - 1)) for nu > 1.
    Variance: sigma**2 * nu / (nu - 2) - mean**2 for nu > 2.
    Source: Johnson, Kotz and Balakrishnan (1994), "Continuous Univariate Distributions", ch. 28.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.half_student_t(4.0, 2.0), draws=5, seed=1).shape
        (5,)
    """
    return random_variable(continuous.HalfStudentT(), (nu, sigma), shape, name, dims, constraint)


@public
def log_normal(mu=0.0, sigma=1.0, *, shape=None, name=None, dims: Dims = None,
               constraint=None) -> Node:  # fmt: skip
    """exp of normal(mu, sigma).

    Support: x > 0.
    Mean: exp(mu + sigma**2 / 2).
    Variance: (exp(sigma**2) - 1) * exp(2 * mu + sigma**2).
    Source: Johnson, Kotz and Balakrishnan (1994), "Continuous Univariate Distributions", ch. 14.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.log_normal(0.0, 0.5), draws=5, seed=1).shape
        (5,)
    """
    return random_variable(continuous.LogNormal(), (mu, sigma), shape, name, dims, constraint)


@public
def uniform(low=0.0, high=1.0, *, shape=None, name=None, dims: Dims = None,
            constraint=None) -> Node:  # fmt: skip
    """Uniform between `low` and `high`.

    Support: low <= x <= high.
    Mean: (low + high) / 2.
    Variance: (high - low)**2 / 12.
    Source: Johnson, Kotz and Balakrishnan (1994), "Continuous Univariate Distributions", ch. 26.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.uniform(0.0, 2.0), draws=5, seed=1).shape
        (5,)
    """
    what = variable_text("uniform", name)
    ends = to_tensor(f"low of {what}", low).op, to_tensor(f"high of {what}", high).op
    known = [end.array for end in ends if isinstance(end, Const)]
    if not all(np.isfinite(end).all() for end in known):
        raise ValueError(
            f"{what}: low={low} and high={high} must be finite\n  at {line_text()}\n "
            " pt.random.flat "
            "has no bounds, half_flat one"
        )
    if len(known) == 2 and (known[1] <= known[0]).any():
        raise ValueError(f"{what}: low={low} must be below high={high}\n  at {line_text()}")
    return random_variable(continuous.Uniform(), (low, high), shape, name, dims, constraint)


@public
def exponential(lam=None, *, scale=None, shape=None, name=None, dims: Dims = None,
                constraint=None) -> Node:  # fmt: skip
    """Exponential with rate `lam` (1 by default), or with mean `scale`.

    Support: x >= 0.
    Mean: 1 / lam.
    Variance: 1 / lam**2.
    Source: Johnson, Kotz and Balakrishnan (1994), "Continuous Univariate Distributions", ch. 19.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.exponential(scale=2.0), draws=5, seed=1).shape
        (5,)
    """
    if scale is not None:
        exactly_one("exponential", lam=lam, scale=scale)
        lam = ops.reciprocal(check_literal(variable_text("exponential", name), scale=scale))
    lam = 1.0 if lam is None else lam
    return random_variable(continuous.Exponential(), (lam,), shape, name, dims, constraint)


@public
def gamma(alpha=None, beta=None, *, mu=None, sigma=None, shape=None, name=None, dims: Dims = None,
          constraint=None) -> Node:  # fmt: skip
    """Gamma with shape `alpha` and rate `beta`, or mean `mu` and standard deviation `sigma`.

    Support: x > 0.
    Mean: alpha / beta.
    Variance: alpha / beta**2.
    Source: Johnson, Kotz and Balakrishnan (1994), "Continuous Univariate Distributions", ch. 17.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.gamma(mu=3.0, sigma=1.0), draws=5, seed=1).shape
        (5,)
    """
    if second_parametrisation("gamma", alpha=alpha, beta=beta, mu=mu, sigma=sigma):
        what = variable_text("gamma", name)
        # In this order alpha is exactly 1 for mu = sigma, and squares do not overflow needlessly.
        sigma = check_literal(what, sigma=sigma)
        ratio = check_literal(what, mu=mu) / sigma
        alpha, beta = ops.square(ratio), ratio / sigma
    return random_variable(continuous.Gamma(), (alpha, beta), shape, name, dims, constraint)


@public
def inverse_gamma(alpha, beta=1.0, *, shape=None, name=None, dims: Dims = None,
                  constraint=None) -> Node:  # fmt: skip
    """1 / x of x ~ gamma(alpha, beta).

    Support: x > 0.
    Mean: beta / (alpha - 1) for alpha > 1.
    Variance: beta**2 / ((alpha - 1)**2 * (alpha - 2)) for alpha > 2.
    Source: Johnson, Kotz and Balakrishnan (1994), "Continuous Univariate Distributions", ch. 17.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.inverse_gamma(3.0, 2.0), draws=5, seed=1).shape
        (5,)
    """
    return random_variable(continuous.InverseGamma(), (alpha, beta), shape, name, dims, constraint)


@public
def beta(alpha=None, beta=None, *, mu=None, kappa=None, shape=None, name=None, dims: Dims = None,
         constraint=None) -> Node:  # fmt: skip
    """Beta with shapes `alpha` and `beta`, or with mean `mu` and their sum `kappa`.

    Support: 0 < x < 1.
    Mean: alpha / (alpha + beta).
    Variance: alpha * beta / ((alpha + beta)**2 * (alpha + beta + 1)).
    Source: Johnson, Kotz and Balakrishnan (1994), "Continuous Univariate Distributions", ch. 25.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.beta(2.0, 3.0), draws=5, seed=1).shape
        (5,)
    """
    if second_parametrisation("beta", alpha=alpha, beta=beta, mu=mu, kappa=kappa):
        what = variable_text("beta", name)
        mean, total = check_literal(what, domain=UNIT, mu=mu), check_literal(what, kappa=kappa)
        alpha, beta = mean * total, (1 - mean) * total
    return random_variable(continuous.Beta(), (alpha, beta), shape, name, dims, constraint)


@public
def laplace(mu=0.0, b=1.0, *, shape=None, name=None, dims: Dims = None, constraint=None) -> Node:
    """Laplace (double exponential) with location `mu` and scale `b`.

    Support: all real numbers.
    Mean: mu.
    Variance: 2 * b**2.
    Source: Johnson, Kotz and Balakrishnan (1994), "Continuous Univariate Distributions", ch. 24.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.laplace(0.0, 2.0), draws=5, seed=1).shape
        (5,)
    """
    return random_variable(continuous.Laplace(), (mu, b), shape, name, dims, constraint)


@public
def logistic(mu=0.0, s=1.0, *, shape=None, name=None, dims: Dims = None, constraint=None) -> Node:
    """Logistic with location `mu` and scale `s`.

    Support: all real numbers.
    Mean: mu.
    Variance: pi**2 * s**2 / 3.
    Source: Johnson, Kotz and Balakrishnan (1994), "Continuous Univariate Distributions", ch. 23.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.logistic(0.0, 2.0), draws=5, seed=1).shape
        (5,)
    """
    return random_variable(continuous.Logistic(), (mu, s), shape, name, dims, constraint)


@public
def flat(*, shape=None, name=None, dims: Dims = None, constraint=None) -> Node:
    """Density 1 on all real numbers: improper, for variables that have a proper posterior.

    Support: all real numbers.
    Mean: none.
    Variance: none.
    Source: an improper density; Gelman et al. (2013), "Bayesian Data Analysis", 2.8.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.logp(pt.random.flat(), 3.0).eval()
        array(0.)
    """
    return random_variable(continuous.Flat(), (), shape, name, dims, constraint)


@public
def half_flat(*, shape=None, name=None, dims: Dims = None, constraint=None) -> Node:
    """Density 1 on the positive numbers: improper, for variables that have a proper posterior.

    Support: x > 0.
    Mean: none.
    Variance: none.
    Source: an improper density; Gelman et al. (2013), "Bayesian Data Analysis", 2.8.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.logp(pt.random.half_flat(), -3.0).eval()
        array(-inf)
    """
    return random_variable(continuous.HalfFlat(), (), shape, name, dims, constraint)


@public
def bernoulli(p=None, *, logit_p=None, shape=None, name=None, dims: Dims = None) -> Node:
    """1 with probability `p`, or sigmoid(logit_p), else 0.

    Support: 0 and 1.
    Mean: p.
    Variance: p * (1 - p).
    Source: Johnson, Kemp and Kotz (2005), "Univariate Discrete Distributions", ch. 3.
    Returns a random variable, an int64 tensor. Raises ValueError for a literal parameter outside
    its range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.bernoulli(0.3), draws=5, seed=1).shape
        (5,)
    """
    if exactly_one("bernoulli", p=p, logit_p=logit_p) == "p":
        return random_variable(discrete.Bernoulli(), (p,), shape, name, dims)
    return random_variable(discrete.BernoulliLogit(), (logit_p,), shape, name, dims)


@public
def binomial(n, p=None, *, logit_p=None, shape=None, name=None, dims: Dims = None) -> Node:
    """The number of successes among `n` of probability `p`, or sigmoid(logit_p).

    Support: 0, 1, ..., n.
    Mean: n * p.
    Variance: n * p * (1 - p).
    Source: Johnson, Kemp and Kotz (2005), "Univariate Discrete Distributions", ch. 3.
    Returns a random variable, an int64 tensor. Raises ValueError for a literal parameter outside
    its range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.binomial(10, 0.3), draws=5, seed=1).shape
        (5,)
    """
    if exactly_one("binomial", p=p, logit_p=logit_p) == "p":
        return random_variable(discrete.Binomial(), (n, p), shape, name, dims)
    return random_variable(discrete.BinomialLogit(), (n, logit_p), shape, name, dims)


@public
def poisson(mu, *, shape=None, name=None, dims: Dims = None) -> Node:
    """Poisson with mean `mu`.

    Support: 0, 1, 2, ...
    Mean: mu.
    Variance: mu.
    Source: Johnson, Kemp and Kotz (2005), "Univariate Discrete Distributions", ch. 4.
    Returns a random variable, an int64 tensor. Raises ValueError for a literal parameter outside
    its range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.poisson(3.0), draws=5, seed=1).shape
        (5,)
    """
    return random_variable(discrete.Poisson(), (mu,), shape, name, dims)


@public
def negative_binomial(mu=None, alpha=None, *, n=None, p=None, shape=None, name=None,
                      dims: Dims = None) -> Node:  # fmt: skip
    """Negative binomial with mean `mu` and variance mu + mu^2 / alpha, or the number of failures
    before `n` successes of probability `p`.

    Support: 0, 1, 2, ...
    Mean: mu.
    Variance: mu + mu**2 / alpha.
    Source: Johnson, Kemp and Kotz (2005), "Univariate Discrete Distributions", ch. 5.
    Returns a random variable, an int64 tensor. Raises ValueError for a literal parameter outside
    its range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.negative_binomial(3.0, 2.0), draws=5, seed=1).shape
        (5,)
    """
    if second_parametrisation("negative_binomial", mu=mu, alpha=alpha, n=n, p=p):
        return random_variable(discrete.NegativeBinomialProbability(), (n, p), shape, name, dims)
    return random_variable(discrete.NegativeBinomial(), (mu, alpha), shape, name, dims)


@public
def categorical(p=None, *, logit_p=None, shape=None, name=None, dims: Dims = None) -> Node:
    """The index k with probability p[..., k], or softmax(logit_p)[..., k].

    Support: 0, 1, ..., K - 1, where K is the size of the last axis.
    Mean: none, as indices have none.
    Variance: none.
    Source: Johnson, Kemp and Kotz (2005), "Univariate Discrete Distributions", ch. 11.
    Returns a random variable, an int64 tensor without that axis. Raises ValueError for a literal
    parameter outside its range, TypeError for too few or too many parameters, GraphError for shapes
    that do not fit.

        >>> pt.draw(pt.random.categorical([0.2, 0.8]), draws=5, seed=1).shape
        (5,)
    """
    if exactly_one("categorical", p=p, logit_p=logit_p) == "p":
        return random_variable(discrete.Categorical(), (p,), shape, name, dims)
    return random_variable(discrete.CategoricalLogit(), (logit_p,), shape, name, dims)


@public
def dirichlet(alpha, *, shape=None, name=None, dims: Dims = None) -> Node:
    """Dirichlet with concentrations `alpha` (last axis); `shape` includes the last axis.

    Support: vectors of positive numbers that sum to 1.
    Mean: alpha / a, where a = sum(alpha).
    Variance: alpha * (a - alpha) / (a**2 * (a + 1)) of each entry.
    Source: Kotz, Balakrishnan and Johnson (2000), "Continuous Multivariate Distributions", ch. 49.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.dirichlet([1.0, 2.0, 3.0]), draws=5, seed=1).shape
        (5, 3)
    """
    return random_variable(multivariate.Dirichlet(), (alpha,), shape, name, dims)


@public
def multivariate_normal(mu=0.0, scale_tril=None, *, cov=None, shape=None, name=None,
                        dims: Dims = None) -> Node:  # fmt: skip
    """Normal vectors (last axis) with mean `mu` and covariance `cov`, or its lower Cholesky factor
    `scale_tril`. `shape` includes the last axis.

    Support: all real vectors.
    Mean: mu.
    Variance: cov, or scale_tril @ scale_tril.mT.
    Source: Kotz, Balakrishnan and Johnson (2000), "Continuous Multivariate Distributions", ch. 45.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> x = pt.random.multivariate_normal(0.0, cov=[[2.0, 1.0], [1.0, 2.0]])
        >>> pt.draw(x, draws=5, seed=1).shape
        (5, 2)
    """
    what = variable_text("multivariate_normal", name)
    if exactly_one(what, scale_tril=scale_tril, cov=cov) == "cov":
        square("cov", cov, what)
        cov = check_literal(what, domain=COVARIANCE, cov=cov)
        scale_tril = ops.cholesky(cov)
    factor, mean = square("scale_tril", scale_tril, what), as_tensor(mu)
    if not mean.ndim:
        mean = ops.broadcast_to(mean, factor.shape[-1:])
    sizes = mean.shape[-1], factor.shape[-1]
    if all(isinstance(n, int) for n in sizes) and sizes[0] != sizes[1]:
        raise GraphError(
            f"{what}: mu of shape {shape_text(mean.shape)} does not fit a scale of shape "
            f"{shape_text(factor.shape)}\n  at {line_text()}"
        )
    distribution = multivariate.MultivariateNormal()
    return random_variable(distribution, (mean, factor), shape, name, dims)


__all__ = [name for name, value in globals().items() if is_public(value)]
__getattr__ = absent("pt.random", dict.fromkeys(__all__))

# Parametrisations.


def variable_text(kind: str, name: str | None) -> str:
    """The variable in messages: its distribution and name."""
    return f"{kind} {name!r}" if name else kind


def square(label: str, value: TensorLike, what: str) -> Node:
    """A stack of square matrices as a node; GraphError otherwise."""
    node = to_tensor(f"{label} of {what}", value)
    rows, columns = node.shape[-2:] if node.ndim > 1 else (0, 1)
    if isinstance(rows, int) and isinstance(columns, int) and rows != columns:
        raise GraphError(
            f"{label} of {what} must be a square matrix, not of shape {shape_text(node.shape)}\n"
            f"  at {line_text()}"
        )
    text = (f"{label} must be a square matrix, not of shape ", node.shape)
    return asked_for(node, what, SizeCheck(rows, "==", columns, text))


def exactly_one(what: str, **given: TensorLike) -> str:
    """The one parameter that was given; TypeError for none or several."""
    names = [name for name, value in given.items() if value is not None]
    if len(names) != 1:
        wanted = " or ".join(given)
        got = " and ".join(names) or "neither"
        raise TypeError(f"{what}: give {wanted}, not {got}\n  at {line_text()}")
    return names[0]


def second_parametrisation(what: str, **given: TensorLike) -> bool:
    """Of four parameters: were the last two given (True) or the first two? TypeError otherwise."""
    names = list(given)
    have = [name for name in names if given[name] is not None]
    if have not in (names[:2], names[2:]):
        first, second = " and ".join(names[:2]), " and ".join(names[2:])
        got = ", ".join(have) or "nothing"
        raise TypeError(f"{what}: give {first}, or {second}; got {got}\n  at {line_text()}")
    return have == names[2:]


def check_literal(what: str, domain=POSITIVE, **given: TensorLike) -> Node:
    """A parameter of an alternative parametrisation: checked at once if it is a literal, else when
    it is used, because the parameters computed from it may be valid nevertheless."""
    ((name, value),) = given.items()
    node = to_tensor(f"{name} of {what}", value)
    if node.ndim < domain.event_ndim:
        check_parameter(f"{name} of {what}", node, node, domain)
    if isinstance(node.op, Const) and not (isinstance(value, Node) and domain.event_ndim):
        check_values(f"{name} of {what}", node.op.array, domain)
        return node
    node = node if node.type.is_float else node.astype("float64")
    return make(Bounded(f"{name} of {what}", domain), (node,))


def scale_from_precision(what: str, sigma: TensorLike, tau: TensorLike) -> TensorLike:
    """sigma, or 1 / sqrt(tau), or 1 if neither is given."""
    if tau is None:
        return 1.0 if sigma is None else sigma
    exactly_one(what, sigma=sigma, tau=tau)
    return 1 / ops.sqrt(check_literal(what, tau=tau))
