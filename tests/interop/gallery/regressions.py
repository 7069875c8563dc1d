"""Generalised linear models, and outcomes that are ordered, categorical, cut off or inflated."""

import numpy as np
import pymc as pm

from tests.interop.gallery.registry import model


def design(rows, columns, seed):
    """A random generator, covariates, and slopes."""
    rng = np.random.default_rng(seed)
    return rng, rng.normal(size=(rows, columns)), rng.normal(size=columns) / np.sqrt(columns)


@model(30, 2000)
def linear(rows):
    rng, x, b = design(rows, 3, 1)
    y = 1 + x @ b + rng.normal(size=rows)
    with pm.Model(coords={"covariate": ["a", "b", "c"], "row": np.arange(rows)}) as m:
        data = pm.Data("x", x, dims=("row", "covariate"))
        alpha = pm.Normal("alpha", 0, 10)
        beta = pm.Normal("beta", 0, 2, dims="covariate")
        sigma = pm.Exponential("sigma", 1)
        mu = pm.Deterministic("mu", alpha + data @ beta, dims="row")
        pm.Normal("y", mu, sigma, observed=y, dims="row")
    return m


@model(40, 2000)
def logistic(rows):
    rng, x, b = design(rows, 10, 2)
    y = rng.binomial(1, 1 / (1 + np.exp(-x @ b)))
    with pm.Model() as m:
        alpha = pm.Normal("alpha", 0, 2)
        beta = pm.Normal("beta", 0, 2.5, shape=10)
        p = pm.math.sigmoid(alpha + pm.math.dot(x, beta))
        pm.Bernoulli("y", p=p, observed=y)
    return m


@model(40, 2000)
def poisson(rows):
    rng, x, b = design(rows, 6, 3)
    y = rng.poisson(np.exp(1 + 0.5 * x @ b))
    with pm.Model() as m:
        alpha = pm.Normal("alpha", 0, 5)
        beta = pm.Normal("beta", 0, 1, shape=6)
        pm.Poisson("y", pm.math.exp(alpha + x @ beta), observed=y)
    return m


@model(40, 2000)
def negative_binomial(rows):
    rng, x, b = design(rows, 4, 4)
    y = rng.poisson(np.exp(1 + 0.5 * x @ b) * rng.gamma(3, 1 / 3, rows))
    with pm.Model() as m:
        beta = pm.Normal("beta", 0, 1, shape=4)
        alpha = pm.Gamma("alpha", 2, 0.5)
        mu = pm.math.exp(1 + pm.math.dot(x, beta))
        pm.NegativeBinomial("y", mu=mu, alpha=alpha, observed=y)
    return m


@model(30, 1000)
def beta_regression(rows):
    rng, x, b = design(rows, 3, 5)
    mean = 1 / (1 + np.exp(-x @ b))
    y = np.clip(rng.beta(20 * mean, 20 * (1 - mean)), 1e-6, 1 - 1e-6)
    with pm.Model() as m:
        beta = pm.Normal("beta", 0, 1, shape=3)
        kappa = pm.HalfNormal("kappa", 20)
        mu = pm.math.invlogit(x @ beta)
        pm.Beta("y", alpha=mu * kappa, beta=(1 - mu) * kappa, observed=y)
    return m


@model(30, 1000)
def gamma_regression(rows):
    rng, x, b = design(rows, 3, 6)
    y = rng.gamma(4, np.exp(x @ b) / 4)
    with pm.Model() as m:
        beta = pm.Normal("beta", 0, 1, shape=3)
        shape = pm.HalfNormal("shape", 5)
        mu = pm.math.exp(x @ beta)
        pm.Gamma("y", mu=mu, sigma=mu / pm.math.sqrt(shape), observed=y)
    return m


@model(30, 1000)
def robust(rows):
    rng, x, b = design(rows, 2, 7)
    y = 1 + x @ b + rng.standard_t(3, rows)
    with pm.Model() as m:
        alpha = pm.Normal("alpha", 0, 10)
        beta = pm.Normal("beta", 0, 10, shape=2)
        sigma = pm.HalfCauchy("sigma", 1)
        nu = pm.Gamma("nu", 2, 0.1)
        pm.StudentT("y", nu=nu, mu=alpha + x @ beta, sigma=sigma, observed=y)
    return m


@model(30, 1000)
def quantile(rows):
    rng, x, b = design(rows, 2, 8)
    y = 1 + x @ b + rng.exponential(size=rows)
    with pm.Model() as m:
        alpha = pm.Normal("alpha", 0, 5)
        beta = pm.Normal("beta", 0, 5, shape=2)
        scale = pm.HalfNormal("scale", 2)
        pm.AsymmetricLaplace("y", q=0.8, mu=alpha + x @ beta, b=1 / scale, observed=y)
    return m


@model(30, 1000)
def skewed(rows):
    rng, x, b = design(rows, 2, 9)
    y = x @ b + rng.gamma(2, 1, rows)
    with pm.Model() as m:
        beta = pm.Normal("beta", 0, 2, shape=2)
        sigma = pm.HalfNormal("sigma", 2)
        alpha = pm.Normal("alpha", 0, 3)
        pm.SkewNormal("y", mu=x @ beta, sigma=sigma, alpha=alpha, observed=y)
    return m


@model(30, 1000)
def ordinal(rows):
    rng, x, b = design(rows, 3, 10)
    y = np.digitize(x @ b + rng.logistic(size=rows), [-1.5, -0.5, 0.5, 1.5])
    with pm.Model() as m:
        cutpoints = pm.Normal(
            "cutpoints", 0, 2, shape=4, transform=pm.distributions.transforms.ordered,
            initval=[-1.5, -0.5, 0.5, 1.5],
        )  # fmt: skip
        beta = pm.Normal("beta", 0, 1, shape=3)
        pm.OrderedLogistic("y", eta=x @ beta, cutpoints=cutpoints, observed=y)
    return m


@model(30, 1000)
def ordinal_probit(rows):
    rng, x, b = design(rows, 2, 11)
    y = np.digitize(x @ b + rng.normal(size=rows), [-1, 0, 1])
    with pm.Model() as m:
        steps = pm.Dirichlet("steps", np.ones(3))
        cutpoints = pm.Deterministic("cutpoints", 4 * pm.math.cumsum(steps) - 3)
        beta = pm.Normal("beta", 0, 1, shape=2)
        pm.OrderedProbit("y", eta=x @ beta, cutpoints=cutpoints, observed=y)
    return m


@model(30, 1000)
def multinomial_logit(rows):
    rng, x, _ = design(rows, 3, 12)
    logits = np.concatenate([np.zeros((rows, 1)), x @ rng.normal(size=(3, 3))], axis=1)
    y = (logits + rng.gumbel(size=logits.shape)).argmax(1)
    with pm.Model() as m:
        beta = pm.Normal("beta", 0, 1, shape=(3, 3))
        free = pm.math.dot(x, beta)
        full = pm.math.concatenate([np.zeros((rows, 1)), free], axis=1)
        pm.Categorical("y", p=pm.math.softmax(full, axis=1), observed=y)
    return m


@model(30, 2000)
def zero_inflated(rows):
    rng, x, _ = design(rows, 1, 13)
    y = rng.binomial(1, 0.7, rows) * rng.poisson(np.exp(1 + 0.5 * x[:, 0]))
    with pm.Model() as m:
        psi = pm.Beta("psi", 1, 1)
        beta = pm.Normal("beta", 0, 2, shape=2)
        mu = pm.math.exp(beta[0] + beta[1] * x[:, 0])
        pm.ZeroInflatedPoisson("y", psi=psi, mu=mu, observed=y)
    return m


@model(30, 1000)
def hurdle(rows):
    rng = np.random.default_rng(14)
    y = rng.binomial(1, 0.6, rows) * rng.gamma(2, 1.5, rows)
    with pm.Model() as m:
        psi = pm.Beta("psi", 2, 2)
        alpha = pm.HalfNormal("alpha", 3)
        beta = pm.HalfNormal("beta", 3)
        pm.HurdleGamma("y", psi=psi, alpha=alpha, beta=beta, observed=y)
    return m


@model(30, 1000)
def censored_weibull(rows):
    rng, x, b = design(rows, 2, 15)
    times = np.exp(1 + 0.5 * x @ b) * rng.weibull(1.5, rows)
    with pm.Model() as m:
        alpha = pm.HalfNormal("alpha", 2)
        beta = pm.Normal("beta", 0, 1, shape=2)
        latent = pm.Weibull.dist(alpha=alpha, beta=pm.math.exp(1 + x @ beta))
        pm.Censored("y", latent, lower=None, upper=4.0, observed=np.minimum(times, 4))
    return m


@model(30, 1000)
def survival(rows):
    """Weibull survival in accelerated time: densities of events, tails of the others by a
    potential."""
    rng, x, b = design(rows, 2, 16)
    times = np.exp(1 + x @ b + 0.5 * np.log(rng.exponential(size=rows)))
    end = rng.uniform(2, 8, rows)
    failed = times < end
    seen = np.log(np.minimum(times, end))
    with pm.Model() as m:
        beta = pm.Normal("beta", 0, 2, shape=2)
        s = pm.HalfNormal("s", 2)
        eta = 1 + pm.math.dot(x, beta)
        pm.Gumbel("event", eta[failed], s, observed=seen[failed])
        late = (seen[~failed] - eta[~failed]) / s
        pm.Potential("alive", -pm.math.exp(late))
    return m


@model(30, 1000)
def truncated(rows):
    rng = np.random.default_rng(17)
    y = rng.normal(0.5, 1.5, 20 * rows)
    y = y[(y > -1) & (y < 3)][:rows]
    with pm.Model() as m:
        mu = pm.Normal("mu", 0, 5)
        sigma = pm.HalfNormal("sigma", 5)
        pm.Truncated("y", pm.Normal.dist(mu, sigma), lower=-1, upper=3, observed=y)
    return m


@model(20, 500)
def directions(rows):
    rng = np.random.default_rng(18)
    y = rng.vonmises(1.0, 3.0, rows)
    with pm.Model() as m:
        mu = pm.VonMises("mu", 0, 0.5)
        kappa = pm.HalfNormal("kappa", 5)
        pm.VonMises("y", mu=mu, kappa=kappa, observed=y)
    return m
