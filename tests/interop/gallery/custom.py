"""Densities of one's own, potentials, missing values, changes of points, and named dims."""

import warnings

import numpy as np
import pymc as pm
import pytensor.tensor as at

from tests.interop.gallery.registry import model

DISASTERS = np.array(
    [4, 5, 4, 0, 1, 4, 3, 4, 0, 6, 3, 3, 4, 0, 2, 6, 3, 3, 5, 4, 5, 3, 1, 4, 4, 1, 5, 5, 3, 4,
     1, 1, 0, 1, 1, 0, 0, 0, 1, 1, 0, 1, 1, 0, 0, 2, 1, 0, 0, 1]
)  # fmt: skip


@model(30, 1000)
def custom_logp(rows):
    rng = np.random.default_rng(60)
    y = rng.gumbel(1.0, 2.0, rows)

    def logp(value, mu, scale):
        z = (value - mu) / scale
        return -at.log(scale) - z - at.exp(-z)

    with pm.Model() as m:
        mu = pm.Normal("mu", 0, 5)
        scale = pm.HalfNormal("scale", 5)
        pm.CustomDist("y", mu, scale, logp=logp, observed=y)
    return m


@model(30, 1000)
def custom_dist(rows):
    rng = np.random.default_rng(61)
    y = np.exp(0.5 + 0.7 * rng.normal(size=rows))

    def dist(mu, sigma, size):
        return pm.math.exp(pm.Normal.dist(mu, sigma, size=size))

    with pm.Model() as m:
        mu = pm.Normal("mu", 0, 1)
        sigma = pm.HalfNormal("sigma", 1)
        pm.CustomDist("y", mu, sigma, dist=dist, observed=y)
    return m


@model(20, 500)
def density_dist_free(rows):
    """A custom density of a free variable."""
    rng = np.random.default_rng(62)
    y = rng.normal(1, 1, rows)

    def logp(value, scale):
        return -2 * at.log1p(at.sqr(value / scale)) - at.log(scale)

    with pm.Model() as m:
        mu = pm.CustomDist("mu", 2.0, logp=logp)
        sigma = pm.Uniform("sigma", 0.1, 10)
        pm.Normal("y", mu, sigma, observed=y)
    return m


@model(30, 1000)
def potentials(rows):
    rng = np.random.default_rng(63)
    x = rng.normal(size=rows)
    y = 1 + 2 * x + rng.normal(size=rows)
    with pm.Model() as m:
        a, b = pm.Flat("a"), pm.Flat("b")
        sigma = pm.HalfFlat("sigma")
        pm.Potential("loss", -0.5 * at.sum(((y - a - b * x) / sigma) ** 2) - rows * at.log(sigma))
        pm.Potential("soft", at.switch(b > 0, 0.0, -10 * b**2))
    return m


@model(30, 300)
def missing(rows):
    rng = np.random.default_rng(64)
    x = rng.normal(size=rows)
    y = 1 + 2 * x + rng.normal(size=rows)
    y[::5] = np.nan
    with pm.Model() as m, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        a, b = pm.Normal("a", 0, 5), pm.Normal("b", 0, 5)
        sigma = pm.HalfNormal("sigma", 2)
        pm.Normal("y", a + b * x, sigma, observed=y)
    return m


@model(40, 1000)
def interpolated(rows):
    rng = np.random.default_rng(65)
    points = np.linspace(-3, 5, 60)
    y = rng.normal(1, 1, rows)
    with pm.Model() as m:
        mu = pm.Interpolated("mu", points, np.exp(-0.5 * (points - 0.5) ** 2))
        sigma = pm.HalfNormal("sigma", 2)
        pm.Normal("y", mu, sigma, observed=y)
    return m


@model(50, 50)
def change_point(rows):
    years = np.arange(len(DISASTERS))
    with pm.Model() as m:
        when = pm.Uniform("when", 0, len(DISASTERS))
        early, late = pm.Exponential("early", 1), pm.Exponential("late", 1)
        share = pm.math.sigmoid(2.0 * (years - when))
        pm.Poisson("y", early * (1 - share) + late * share, observed=DISASTERS)
    return m


@model(50, 50)
def discrete_change_point(rows):
    """The year of the change is discrete: it is summed out."""
    years = np.arange(len(DISASTERS))
    with pm.Model() as m:
        when = pm.DiscreteUniform("when", 0, len(DISASTERS) - 1)
        early, late = pm.Exponential("early", 1), pm.Exponential("late", 1)
        pm.Poisson("y", pm.math.switch(when >= years, early, late), observed=DISASTERS)
    return m


@model(30, 1000)
def bounded(rows):
    """Uniform, triangular and circular variables, with limits that depend on others."""
    rng = np.random.default_rng(66)
    y = rng.uniform(0, 3, rows)
    with pm.Model() as m:
        top = pm.Pareto("top", alpha=2.0, m=3.0)
        middle = pm.Triangular("middle", lower=0, c=0.5, upper=1)
        low = pm.Uniform("low", lower=-1, upper=0)
        pm.Uniform("y", lower=low, upper=top, observed=y)
        pm.Normal("z", middle * top, 1.0, observed=y)
    return m


@model(20, 500)
def named_dims(rows):
    from pymc import dims as pmd

    rng = np.random.default_rng(67)
    x, y = rng.normal(size=(rows, 3)), rng.normal(size=rows)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pm.Model(coords={"row": range(rows), "covariate": ["a", "b", "c"]}) as m:
            data = pmd.Data("x", x, dims=("row", "covariate"))
            alpha = pmd.Normal("alpha", 0, 5)
            beta = pmd.Normal("beta", 0, 2, dims="covariate")
            sigma = pmd.HalfNormal("sigma", 2)
            mu = pmd.Deterministic("mu", alpha + (data * beta).sum("covariate"))
            pmd.Normal("y", mu, sigma, observed=pmd.Data("seen", y, dims="row"))
    return m
