"""Divergences of Kullback and Leibler between variables of one distribution.

Those of exponential families are in Nielsen and Garcia (2009), "Statistical exponential families: a
digest with flash cards". The difference y - log(1 + y) is `-log1pmx(y)`, which does not cancel
where the parameters are nearly equal."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from probtensor import ops
from probtensor.graph import Const, Node
from probtensor.prob.distributions.continuous.families import EULER
from probtensor.prob.distributions.formulas import log_of
from probtensor.prob.distributions.multivariate.factors import as_float, gram
from probtensor.prob.distributions.processes.vectors import factor_of_inverse


def excess(ratio: Node) -> Node:
    """ratio - 1 - log(ratio)."""
    return -ops.log1pmx(ratio - 1)


def squared_excess(ratio: Node) -> Node:
    """ratio^2 - 1 - 2 log(ratio)."""
    return -ops.log1pmx((ratio - 1) * (ratio + 1))


def normal(mu, sigma, mu_q, sigma_q):
    """Of normal(mu, sigma) from normal(mu_q, sigma_q)."""
    return 0.5 * squared_excess(sigma / sigma_q) + 0.5 * ops.square((mu - mu_q) / sigma_q)


def half_normal(sigma, sigma_q):
    """Of half_normal(sigma) from half_normal(sigma_q)."""
    return 0.5 * squared_excess(sigma / sigma_q)


def squared_ratio(sigma, sigma_q):
    """Of rayleigh(sigma) from rayleigh(sigma_q)."""
    return squared_excess(sigma / sigma_q)


def exponential(lam, lam_q):
    """Of exponential(lam) from exponential(lam_q)."""
    return excess(lam_q / lam)


def gamma(alpha, beta, alpha_q, beta_q):
    """Of gamma(alpha, beta) from gamma(alpha_q, beta_q)."""
    shapes = (alpha - alpha_q) * ops.digamma(alpha) + ops.lgamma(alpha_q) - ops.lgamma(alpha)
    ratio = beta_q / beta
    rates = alpha_q * excess(ratio) + (alpha - alpha_q) * (ratio - 1)
    return shapes + rates


def chi_squared(nu, nu_q):
    """Of chi_squared(nu) from chi_squared(nu_q)."""
    return gamma(0.5 * nu, ops.ones_like(nu), 0.5 * nu_q, ops.ones_like(nu_q))


def beta(alpha, beta, alpha_q, beta_q):
    """Of beta(alpha, beta) from beta(alpha_q, beta_q)."""
    total = alpha + beta
    change = (alpha - alpha_q) * (ops.digamma(alpha) - ops.digamma(total))
    change = change + (beta - beta_q) * (ops.digamma(beta) - ops.digamma(total))
    return ops.lbeta(alpha_q, beta_q) - ops.lbeta(alpha, beta) + change


def bernoulli(p, q):
    """Of bernoulli(p) from bernoulli(q)."""
    return ops.rel_entr(p, q) + ops.rel_entr(1 - p, 1 - q)


def bernoulli_logit(d, d_q):
    """Of bernoulli_logit(d) from bernoulli_logit(d_q)."""
    parts = []
    for own, other in ((d, d_q), (-d, -d_q)):
        p, change = ops.sigmoid(own), ops.log_sigmoid(own) - ops.log_sigmoid(other)
        parts.append(ops.where(p > 0, p * change, 0.0))
    return parts[0] + parts[1]


def same(n: Node, m: Node) -> bool:
    """Are two parameters known to be equal?"""
    literal = isinstance(n.op, Const) and isinstance(m.op, Const)
    return n is m or (literal and np.array_equal(n.op.array, m.op.array))


def binomial(n, p, n_q, q):
    """Of binomial(n, p) from binomial(n_q, q)."""
    return n * bernoulli(p, q) if same(n, n_q) else None


def binomial_logit(n, d, n_q, d_q):
    """Of binomial_logit(n, d) from binomial_logit(n_q, d_q)."""
    return n * bernoulli_logit(d, d_q) if same(n, n_q) else None


def poisson(mu, mu_q):
    """Of poisson(mu) from poisson(mu_q)."""
    return ops.kl_div(mu, mu_q)


def geometric(p, q):
    """Of geometric(p) from geometric(q)."""
    return (ops.rel_entr(p, q) + ops.rel_entr(1 - p, 1 - q)) / p


def laplace(mu, b, mu_q, b_q):
    """Of laplace(mu, b) from laplace(mu_q, b_q)."""
    gap = ops.abs(mu - mu_q)
    ratio = b / b_q
    return excess(ratio) + ratio * (gap / b + ops.expm1(-gap / b))


def uniform(low, high, low_q, high_q):
    """Of uniform(low, high) from uniform(low_q, high_q)."""
    inside = (low >= low_q) & (high <= high_q)
    return ops.where(inside, ops.log(high_q - low_q) - ops.log(high - low), math.inf)


def discrete_uniform(lower, upper, lower_q, upper_q):
    """Of discrete_uniform(lower, upper) from discrete_uniform(lower_q, upper_q)."""
    return uniform(lower, upper + 1, lower_q, upper_q + 1)


def cauchy(mu, sigma, mu_q, sigma_q):
    """Of cauchy(mu, sigma) from cauchy(mu_q, sigma_q)."""
    apart = ops.square(sigma - sigma_q) + ops.square(mu - mu_q)
    return ops.log1p(apart / (4 * sigma * sigma_q))


def gumbel(mu, beta, mu_q, beta_q):
    """Of gumbel(mu, beta) from gumbel(mu_q, beta_q)."""
    ratio, gap = beta / beta_q, (mu - mu_q) / beta_q
    power = ops.exp(ops.lgamma(1 + ratio) - gap)
    return log_of(beta_q) - log_of(beta) + EULER * (ratio - 1) + gap + power - 1


def weibull(alpha, beta, alpha_q, beta_q):
    """Of weibull(alpha, beta) from weibull(alpha_q, beta_q)."""
    ratio, log_scale = alpha_q / alpha, ops.log(beta / beta_q)
    power = ops.exp(alpha_q * log_scale + ops.lgamma(1 + ratio))
    return power - 1 - ops.log(ratio) - alpha_q * log_scale + EULER * (ratio - 1)


def pareto(alpha, m, alpha_q, m_q):
    """Of pareto(alpha, m) from pareto(alpha_q, m_q)."""
    value = excess(alpha_q / alpha) + alpha_q * ops.log(ops.maximum(m / m_q, 1.0))
    return ops.where(m >= m_q, value, math.inf)


def von_mises(mu, kappa, mu_q, kappa_q):
    """Of von_mises(mu, kappa) from von_mises(mu_q, kappa_q)."""
    share = ops.i1e(kappa) / ops.i0e(kappa)
    norms = ops.log(ops.i0e(kappa_q)) - ops.log(ops.i0e(kappa)) + kappa_q - kappa
    return norms + share * (kappa - kappa_q * ops.cos(mu - mu_q))


def categorical(p, q):
    """Of categorical(p) from categorical(q)."""
    return ops.sum(ops.rel_entr(p, q), axis=-1)


def categorical_logit(d, d_q):
    """Of categorical_logit(d) from categorical_logit(d_q)."""
    change = ops.log_softmax(d, axis=-1) - ops.log_softmax(d_q, axis=-1)
    p = ops.softmax(d, axis=-1)
    return ops.sum(ops.where(p > 0, p * change, 0.0), axis=-1)


def dirichlet(alpha, alpha_q):
    """Of dirichlet(alpha) from dirichlet(alpha_q)."""
    total, total_q = ops.sum(alpha, axis=-1), ops.sum(alpha_q, axis=-1)
    change = (alpha - alpha_q) * (ops.digamma(alpha) - ops.digamma(total)[..., None])
    own = ops.sum(ops.lgamma(alpha_q) - ops.lgamma(alpha) + change, axis=-1)
    return ops.lgamma(total) - ops.lgamma(total_q) + own


def multivariate_normal(mu, factor, mu_q, factor_q):
    """Of multivariate_normal(mu, factor) from multivariate_normal(mu_q, factor_q)."""
    scaled = ops.solve_lower(factor_q, ops.tril(factor))
    shift = ops.solve_lower(factor_q, (mu_q - mu)[..., None])
    ratios = ops.diagonal(scaled, axis1=-2, axis2=-1)
    spread = ops.sum(ops.square(scaled), axis=(-2, -1)) - ops.sum(ops.square(ratios), axis=-1)
    own = ops.sum(squared_excess(ratios), axis=-1)
    return 0.5 * (own + spread + ops.sum(ops.square(shift), axis=(-2, -1)))


def half_cauchy(sigma, sigma_q):
    """Of half_cauchy(sigma) from half_cauchy(sigma_q)."""
    return ops.log1p(ops.square(sigma - sigma_q) / (4 * sigma * sigma_q))


def frechet(alpha, sigma, alpha_q, sigma_q):
    """Of frechet(alpha, sigma) from frechet(alpha_q, sigma_q), whose reciprocals are Weibull."""
    return weibull(alpha, 1 / sigma, alpha_q, 1 / sigma_q)


def log_uniform(low, high, low_q, high_q):
    """Of log_uniform(low, high) from log_uniform(low_q, high_q)."""
    return uniform(*(ops.log(x) for x in (low, high, low_q, high_q)))


def gaps(factor, factor_q):
    """tr(A) - n and tr(A) - n - log det A of A = S_q^-1 S, by the Cholesky factors of S and S_q."""
    scaled = ops.solve_lower(factor_q, ops.tril(factor))
    ratios = ops.diagonal(scaled, axis1=-2, axis2=-1)
    spread = ops.sum(ops.square(ops.tril(scaled, -1)), axis=(-2, -1))
    own = ops.sum((ratios - 1) * (ratios + 1), axis=-1)
    return own + spread, ops.sum(squared_excess(ratios), axis=-1) + spread


def wishart(nu, factor, nu_q, factor_q):
    """Of wishart(nu, factor) from wishart(nu_q, factor_q), of matrices or of their factors."""
    trace, rest = gaps(factor, factor_q)
    halves = 0.5 * (nu[..., None] - ops.arange(factor.shape[-1]).astype(nu.dtype))
    halves_q = halves + 0.5 * (nu_q - nu)[..., None]
    logs = ops.sum(ops.lgamma(halves_q) - ops.lgamma(halves), axis=-1)
    slopes = ops.sum(ops.digamma(halves), axis=-1) + trace - rest
    return 0.5 * nu * rest + logs + 0.5 * (nu - nu_q) * slopes


def inverse_wishart(nu, factor, nu_q, factor_q):
    """Of inverse_wishart(nu, factor) from inverse_wishart(nu_q, factor_q), whose inverses are
    Wishart with the inverse scales."""
    return wishart(nu, factor_q, nu_q, factor)


def matrix_normal(mu, rows, columns, mu_q, rows_q, columns_q):
    """Of matrix_normal(mu, rows, columns) from matrix_normal(mu_q, rows_q, columns_q)."""
    (by_rows, rest), (by_columns, others) = gaps(rows, rows_q), gaps(columns, columns_q)
    m, n = (as_float(size, mu) for size in mu.shape[-2:])
    half = ops.solve_lower(rows_q, mu_q - mu)
    shift = ops.solve_lower(columns_q, ops.matrix_transpose(half))
    spread = n * rest + m * others + by_rows * by_columns
    return 0.5 * (spread + ops.sum(ops.square(shift), axis=(-2, -1)))


def _covariance_factor(loc, cov_factor, cov_diag):
    """The mean and the Cholesky factor of a normal vector of low rank."""
    size = cov_diag.shape[-1]
    own = ops.eye(size, dtype=cov_diag.dtype) * cov_diag[..., None, :]
    return loc, ops.cholesky(own + cov_factor @ ops.matrix_transpose(cov_factor))


# The classes that a variable of a class belongs to as well, and its parameters there.
WIDER = {
    "Bernoulli": [("BernoulliLogit", lambda p: (ops.logit(p),))],
    "Binomial": [("BinomialLogit", lambda n, p: (n, ops.logit(p)))],
    "Categorical": [("CategoricalLogit", lambda p: (ops.log(p),))],
    "ChiSquared": [("Gamma", lambda nu: (0.5 * nu, ops.full_like(nu, 0.5)))],
    "Exponential": [
        ("Gamma", lambda lam: (ops.ones_like(lam), lam)),
        ("Weibull", lambda lam: (ops.ones_like(lam), 1 / lam)),
    ],
    "InverseChiSquared": [("InverseGamma", lambda nu: (0.5 * nu, ops.full_like(nu, 0.5)))],
    "LowRankMultivariateNormal": [("MultivariateNormal", _covariance_factor)],
    "MultivariateNormalPrecision": [
        ("MultivariateNormal", lambda mu, tril: (mu, factor_of_inverse(gram(ops.tril(tril)))))
    ],
    "Rayleigh": [("Weibull", lambda s: (ops.full_like(s, 2.0), math.sqrt(2) * s))],
    "ScaledInverseChiSquared": [
        ("InverseGamma", lambda nu, s: (0.5 * nu, 0.5 * nu * ops.square(s)))
    ],
}

# By the class of both variables.
FORMULAS = {
    "Bernoulli": bernoulli,
    "BernoulliLogit": bernoulli_logit,
    "Beta": beta,
    "Binomial": binomial,
    "BinomialLogit": binomial_logit,
    "Categorical": categorical,
    "CategoricalLogit": categorical_logit,
    "Cauchy": cauchy,
    "ChiSquared": chi_squared,
    "Dirichlet": dirichlet,
    "DiscreteUniform": discrete_uniform,
    "Exponential": exponential,
    "Frechet": frechet,
    "Gamma": gamma,
    "Geometric": geometric,
    "Gumbel": gumbel,
    "HalfCauchy": half_cauchy,
    "HalfNormal": half_normal,
    "InverseGamma": gamma,
    "InverseWishart": inverse_wishart,
    "InverseWishartFactor": inverse_wishart,
    "Laplace": laplace,
    "LogNormal": normal,
    "LogUniform": log_uniform,
    "LogitNormal": normal,
    "MatrixNormal": matrix_normal,
    "MultivariateNormal": multivariate_normal,
    "Normal": normal,
    "Pareto": pareto,
    "Poisson": poisson,
    "Rayleigh": squared_ratio,
    "Uniform": uniform,
    "VonMises": von_mises,
    "Weibull": weibull,
    "Wishart": wishart,
    "WishartFactor": wishart,
}


Known = tuple[str, tuple[Node, ...]]  # a class and the parameters of a variable


def formula_of(first: Known, second: Known) -> tuple[Callable | None, tuple[Node, ...]]:
    """The formula for two variables and what it takes, by a class to which both belong; None for a
    pair that has none."""
    for name, parameters in wider(first):
        for other, others in wider(second):
            if name == other and name in FORMULAS:
                return FORMULAS[name], (*parameters, *others)
    return None, (*first[1], *second[1])


def wider(own: Known) -> list[Known]:
    """A variable by its class, and by those to which it belongs as well."""
    name, parameters = own
    return [own, *((other, convert(*parameters)) for other, convert in WIDER.get(name, ()))]
