"""Hierarchies, comparisons of groups, latent traits, and mixtures."""

import numpy as np
import pymc as pm
import pytensor.tensor as at

from tests.interop.gallery.registry import model

EFFECTS = np.array([28.0, 8, -3, 7, -1, 1, 18, 12])
ERRORS = np.array([15.0, 10, 16, 11, 9, 11, 10, 18])


def grouped(rows, groups, seed):
    """A random generator, and the group of each row."""
    rng = np.random.default_rng(seed)
    return rng, np.arange(rows) % groups


@model(8, 8)
def eight_schools(rows):
    with pm.Model(coords={"school": list("ABCDEFGH")}) as m:
        mu = pm.Normal("mu", 0, 5)
        tau = pm.HalfCauchy("tau", 5)
        z = pm.Normal("z", 0, 1, dims="school")
        theta = pm.Deterministic("theta", mu + tau * z, dims="school")
        pm.Normal("y", theta, ERRORS, observed=EFFECTS, dims="school")
    return m


@model(8, 8)
def eight_schools_centred(rows):
    with pm.Model(coords={"school": list("ABCDEFGH")}) as m:
        mu = pm.Normal("mu", 0, 5)
        tau = pm.HalfNormal("tau", 10)
        theta = pm.Normal("theta", mu, tau, dims="school")
        pm.Normal("y", theta, ERRORS, observed=EFFECTS, dims="school")
    return m


@model(40, 900)
def radon(rows):
    rng, county = grouped(rows, 85 if rows > 85 else 7, 20)
    counties = county.max() + 1
    floor = rng.binomial(1, 0.2, rows)
    y = 1.5 + 0.3 * rng.normal(size=counties)[county] - 0.7 * floor + 0.7 * rng.normal(size=rows)
    with pm.Model(coords={"county": np.arange(counties)}) as m:
        county_of, basement = pm.Data("county_of", county), pm.Data("floor", floor)
        mu_a = pm.Normal("mu_a", 0, 10)
        sigma_a = pm.Exponential("sigma_a", 1)
        z = pm.Normal("z", 0, 1, dims="county")
        a = pm.Deterministic("a", mu_a + sigma_a * z, dims="county")
        b = pm.Normal("b", 0, 10)
        sigma = pm.Exponential("sigma", 1)
        pm.Normal("y", a[county_of] + b * basement, sigma, observed=y)
    return m


@model(20, 71)
def rats(rows):
    rng = np.random.default_rng(21)
    count = rng.integers(10, 30, rows)
    died = rng.binomial(count, rng.beta(2, 12, rows))

    def prior(value):
        return at.log(at.pow(at.sum(value), -5 / 2))

    with pm.Model() as m:
        ab = pm.HalfNormal("ab", sigma=10, shape=2)
        pm.Potential("prior", prior(ab))
        theta = pm.Beta("theta", alpha=ab[0], beta=ab[1], shape=rows)
        pm.Binomial("y", n=count, p=theta, observed=died)
    return m


@model(30, 240)
def rugby(rows):
    rng = np.random.default_rng(22)
    home, away = rng.integers(0, 6, rows), rng.integers(0, 6, rows)
    goals = rng.poisson(20, rows), rng.poisson(17, rows)
    with pm.Model(coords={"team": ["W", "F", "I", "S", "T", "E"]}) as m:
        advantage = pm.Normal("home", 0, 1)
        intercept = pm.Normal("intercept", 3, 1)
        sd_att, sd_def = pm.HalfNormal("sd_att", 2), pm.HalfNormal("sd_def", 2)
        atts_star = pm.Normal("atts_star", 0, sd_att, dims="team")
        defs_star = pm.Normal("defs_star", 0, sd_def, dims="team")
        atts = pm.Deterministic("atts", atts_star - at.mean(atts_star), dims="team")
        defs = pm.Deterministic("defs", defs_star - at.mean(defs_star), dims="team")
        home_theta = at.exp(intercept + advantage + atts[home] + defs[away])
        away_theta = at.exp(intercept + atts[away] + defs[home])
        pm.Poisson("home_points", home_theta, observed=goals[0])
        pm.Poisson("away_points", away_theta, observed=goals[1])
    return m


@model(30, 400)
def best(rows):
    rng = np.random.default_rng(23)
    first, second = 101 + rng.standard_t(4, rows), 100 + 1.5 * rng.standard_t(4, rows)
    with pm.Model() as m:
        means = [pm.Normal(f"mean_{k}", 100, 5) for k in (1, 2)]
        stds = [pm.Uniform(f"std_{k}", 0.1, 10) for k in (1, 2)]
        nu = pm.Exponential("nu_minus_one", 1 / 29.0) + 1
        pm.Deterministic("normality", at.log10(nu))
        pm.StudentT("first", nu=nu, mu=means[0], lam=stds[0] ** -2, observed=first)
        pm.StudentT("second", nu=nu, mu=means[1], lam=stds[1] ** -2, observed=second)
        gap = pm.Deterministic("gap", means[0] - means[1])
        pooled = at.sqrt((stds[0] ** 2 + stds[1] ** 2) / 2)
        pm.Deterministic("effect size", gap / pooled)
    return m


@model(40, 2000)
def lkj_slopes(rows):
    rng, group = grouped(rows, 50 if rows > 500 else 5, 24)
    groups = group.max() + 1
    x = rng.normal(size=rows)
    y = (1 + x) * rng.normal(size=groups)[group] + rng.normal(size=rows)
    with pm.Model() as m:
        chol, _, _ = pm.LKJCholeskyCov("chol", n=2, eta=2.0, sd_dist=pm.Exponential.dist(1))
        z = pm.Normal("z", 0, 1, shape=(2, groups))
        mean = pm.Normal("mean", 0, 5, shape=2)
        coefficients = pm.Deterministic("coefficients", mean[:, None] + at.dot(chol, z))
        sigma = pm.Exponential("sigma", 1)
        pm.Normal("y", coefficients[0, group] + coefficients[1, group] * x, sigma, observed=y)
    return m


@model(30, 500)
def mvnormal(rows):
    rng = np.random.default_rng(25)
    y = rng.normal(size=(rows, 4)) @ rng.normal(size=(4, 4))
    with pm.Model() as m:
        mu = pm.Normal("mu", 0, 5, shape=4)
        chol, _, _ = pm.LKJCholeskyCov(
            "chol", n=4, eta=1.5, sd_dist=pm.HalfNormal.dist(3), compute_corr=True
        )
        pm.MvNormal("y", mu=mu, chol=chol, observed=y)
    return m


@model(12, 100)
def irt_2pl(rows):
    rng = np.random.default_rng(26)
    items = 8 if rows < 50 else 30
    ability, difficulty = rng.normal(size=(rows, 1)), rng.normal(size=items)
    y = rng.binomial(1, 1 / (1 + np.exp(difficulty - ability)))
    with pm.Model(coords={"person": np.arange(rows), "item": np.arange(items)}) as m:
        theta = pm.Normal("theta", 0, 1, dims="person")
        sigma = pm.HalfNormal("sigma", 2)
        b = pm.Normal("b", 0, sigma, dims="item")
        a = pm.LogNormal("a", 0, 0.5, dims="item")
        eta = pm.math.invlogit(a * (theta[:, None] - b))
        pm.Bernoulli("y", p=eta, observed=y, dims=("person", "item"))
    return m


@model(30, 1000)
def zero_sum(rows):
    rng, group = grouped(rows, 6, 27)
    y = rng.normal(size=6)[group] + rng.normal(size=rows)
    with pm.Model(coords={"group": list("abcdef")}) as m:
        level = pm.Normal("level", 0, 5)
        sigma_g = pm.HalfNormal("sigma_g", 2)
        effect = pm.ZeroSumNormal("effect", sigma=sigma_g, dims="group")
        sigma = pm.HalfNormal("sigma", 2)
        pm.Normal("y", level + effect[group], sigma, observed=y)
    return m


@model(12, 100)
def dirichlet_multinomial(rows):
    rng = np.random.default_rng(28)
    share = rng.dirichlet(10 * np.array([0.5, 0.3, 0.2, 0.1, 0.1]), rows)
    y = np.array([rng.multinomial(50, p) for p in share])
    with pm.Model(coords={"tree": list("abcde"), "forest": np.arange(rows)}) as m:
        frac = pm.Dirichlet("frac", a=np.ones(5), dims="tree")
        conc = pm.LogNormal("conc", 1, 1)
        pm.DirichletMultinomial(
            "counts", n=50, a=frac * conc, observed=y, dims=("forest", "tree")
        )
    return m


@model(30, 1000)
def normal_mixture(rows):
    rng = np.random.default_rng(29)
    y = rng.normal(np.array([-3.0, 0, 4])[np.arange(rows) % 3], 0.8)
    with pm.Model(coords={"cluster": range(3)}) as m:
        mu = pm.Normal(
            "mu", 0, 5, transform=pm.distributions.transforms.ordered, initval=[-4, 0, 4],
            dims="cluster",
        )  # fmt: skip
        sigma = pm.HalfNormal("sigma", 1, dims="cluster")
        weights = pm.Dirichlet("w", np.ones(3), dims="cluster")
        pm.NormalMixture("y", w=weights, mu=mu, sigma=sigma, observed=y)
    return m


@model(30, 500)
def poisson_mixture(rows):
    rng = np.random.default_rng(30)
    y = rng.poisson(np.array([2.0, 12])[np.arange(rows) % 2])
    with pm.Model() as m:
        w = pm.Dirichlet("w", a=np.array([1.0, 1.0]))
        low = pm.Gamma("low", 2, 1)
        high = pm.Gamma("high", 12, 1)
        parts = [pm.Poisson.dist(low), pm.Poisson.dist(high)]
        pm.Mixture("y", w=w, comp_dists=parts, observed=y)
    return m


@model(30, 500)
def dp_mixture(rows):
    """A truncated Dirichlet process, its sticks broken by a cumulative product."""
    rng = np.random.default_rng(31)
    y = rng.normal(np.array([-2.0, 1])[np.arange(rows) % 2], 0.5)
    parts = 8

    def stick_breaking(beta):
        left = at.concatenate([[1], at.extra_ops.cumprod(1 - beta)[:-1]])
        return beta * left

    with pm.Model(coords={"component": np.arange(parts)}) as m:
        alpha = pm.Gamma("alpha", 1.0, 1.0)
        beta = pm.Beta("beta", 1.0, alpha, dims="component")
        w = pm.Deterministic("w", stick_breaking(beta), dims="component")
        tau = pm.Gamma("tau", 1.0, 1.0, dims="component")
        lambda_ = pm.Gamma("lambda_", 10.0, 1.0, dims="component")
        mu = pm.Normal("mu", 0, tau=lambda_ * tau, dims="component")
        pm.NormalMixture("y", w / w.sum(), mu, tau=lambda_ * tau, observed=y)
    return m


@model(20, 200)
def latent_classes(rows):
    """Marks of each row by several raters; the class of each row is discrete and summed out by
    hand."""
    rng = np.random.default_rng(32)
    y = rng.binomial(1, np.where(rng.random(rows) < 0.4, 0.85, 0.2)[:, None], (rows, 5))
    with pm.Model() as m:
        share = pm.Beta("share", 2, 2)
        low, high = pm.Beta("low", 2, 5), pm.Beta("high", 5, 2)
        by_class = [pm.logp(pm.Bernoulli.dist(p), y).sum(axis=1) for p in (low, high)]
        joint = at.stack([at.log1p(-share) + by_class[0], at.log(share) + by_class[1]])
        pm.Potential("y", at.logsumexp(joint, axis=0))
    return m
