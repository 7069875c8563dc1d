"""Random walks, volatility, hidden states, recursions by scan, Gaussian processes, and maps."""

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as at

from tests.interop.gallery.registry import model


def walk(rows, seed):
    """A random generator and a random walk."""
    rng = np.random.default_rng(seed)
    return rng, np.cumsum(0.2 * rng.normal(size=rows))


@model(30, 1000)
def stochastic_volatility(rows):
    rng, level = walk(rows, 40)
    returns = rng.normal(size=rows) * np.exp(0.3 * level - 2)
    with pm.Model() as m:
        step = pm.Exponential("step", 10)
        volatility = pm.GaussianRandomWalk(
            "volatility", sigma=step, shape=rows, init_dist=pm.Normal.dist(0, 10)
        )
        nu = pm.Exponential("nu", 0.1)
        pm.StudentT("returns", nu=nu, lam=at.exp(-2 * volatility), observed=returns)
    return m


@model(30, 1000)
def random_walk(rows):
    rng, level = walk(rows, 41)
    y = level + 0.3 * rng.normal(size=rows)
    with pm.Model() as m:
        sigma = pm.HalfNormal("sigma", 1)
        drift = pm.Normal("drift", 0, 0.1)
        state = pm.GaussianRandomWalk(
            "state", mu=drift, sigma=sigma, init_dist=pm.Normal.dist(0, 1), steps=rows - 1
        )
        noise = pm.HalfNormal("noise", 1)
        pm.Normal("y", state, noise, observed=y)
    return m


@model(30, 1000)
def garch(rows):
    rng = np.random.default_rng(42)
    y = rng.normal(size=rows) * np.sqrt(1 + 0.5 * np.sin(np.arange(rows) / 5))
    with pm.Model() as m:
        omega = pm.HalfNormal("omega", 1)
        alpha = pm.Uniform("alpha", 0, 1)
        beta = pm.Uniform("beta", 0, 1 - alpha)
        pm.GARCH11(
            "y", omega=omega, alpha_1=alpha, beta_1=beta, initial_vol=1.0, shape=rows, observed=y
        )
    return m


@model(30, 1000)
def autoregression(rows):
    rng = np.random.default_rng(43)
    y = np.zeros(rows)
    for t in range(2, rows):
        y[t] = 0.5 * y[t - 1] - 0.3 * y[t - 2] + rng.normal()
    with pm.Model() as m:
        rho = pm.Normal("rho", 0, 1, shape=3)
        sigma = pm.HalfNormal("sigma", 2)
        start = pm.Normal.dist(0, 10, shape=2)
        pm.AR("y", rho=rho, sigma=sigma, constant=True, init_dist=start, observed=y)
    return m


@model(25, 300)
def hidden_states(rows):
    """A hidden Markov model of two states, its forward recursion by scan."""
    rng = np.random.default_rng(44)
    y = rng.normal(np.where(np.arange(rows) // 10 % 2, 2.0, -1.0), 1)
    with pm.Model() as m:
        stay = pm.Beta("stay", 8, 2, shape=2)
        mu = pm.Normal("mu", [-1, 2], 2)
        sigma = pm.HalfNormal("sigma", 2)
        rest = at.stack([at.stack([stay[0], 1 - stay[0]]), at.stack([1 - stay[1], stay[1]])])
        emission = pm.logp(pm.Normal.dist(mu, sigma), y[:, None])

        def forward(now, before, log_step):
            return now + at.logsumexp(before[:, None] + log_step, axis=0)

        alpha = pytensor.scan(
            forward, sequences=[emission[1:]], outputs_info=[np.log(0.5) + emission[0]],
            non_sequences=[at.log(rest)], return_updates=False,
        )  # fmt: skip
        pm.Potential("y", at.logsumexp(alpha[-1]))
    return m


@model(15, 100)
def lotka_volterra(rows):
    """Predators and prey by steps of Euler's method in a scan."""
    rng = np.random.default_rng(45)
    step, x, path = 0.1, np.array([10.0, 5.0]), []
    for _ in range(rows):
        x = x + step * np.array([0.5 * x[0] - 0.05 * x[0] * x[1], -0.6 * x[1] + 0.04 * x[0] * x[1]])
        path.append(x)
    y = np.array(path) * np.exp(0.1 * rng.normal(size=(rows, 2)))
    with pm.Model() as m:
        rates = [pm.LogNormal(name, at.log(x), 0.3)
                 for name, x in (("alpha", 0.5), ("beta", 0.05), ("gamma", 0.6), ("delta", 0.04))]
        start = pm.LogNormal("start", np.log([10.0, 5.0]), 0.3, shape=2)
        sigma = pm.HalfNormal("sigma", 0.5)

        def advance(now, a, b, c, d):
            prey, predators = now[0], now[1]
            eaten = prey * predators
            return now + step * at.stack([a * prey - b * eaten, d * eaten - c * predators])

        path = pytensor.scan(
            advance, outputs_info=[start], non_sequences=rates, n_steps=rows, return_updates=False
        )
        pm.LogNormal("y", at.log(path), sigma, observed=y)
    return m


@model(15, 100)
def gp_marginal(rows):
    rng = np.random.default_rng(46)
    x = np.sort(rng.uniform(0, 10, rows))[:, None]
    y = np.sin(x[:, 0]) + 0.2 * rng.normal(size=rows)
    with pm.Model() as m:
        length = pm.Gamma("length", 2, 1)
        eta = pm.HalfNormal("eta", 2)
        sigma = pm.HalfNormal("sigma", 1)
        process = pm.gp.Marginal(cov_func=eta**2 * pm.gp.cov.ExpQuad(1, ls=length))
        process.marginal_likelihood("y", X=x, y=y, sigma=sigma)
    return m


@model(15, 100)
def gp_latent(rows):
    rng = np.random.default_rng(47)
    x = np.sort(rng.uniform(0, 10, rows))[:, None]
    y = rng.binomial(1, 1 / (1 + np.exp(-2 * np.sin(x[:, 0]))))
    with pm.Model() as m:
        length = pm.InverseGamma("length", 5, 5)
        eta = pm.HalfNormal("eta", 2)
        process = pm.gp.Latent(cov_func=eta**2 * pm.gp.cov.Matern52(1, ls=length))
        f = process.prior("f", X=x)
        pm.Bernoulli("y", logit_p=f, observed=y)
    return m


@model(25, 500)
def hsgp(rows):
    rng = np.random.default_rng(48)
    x = np.sort(rng.uniform(0, 10, rows))[:, None]
    y = np.sin(x[:, 0]) + 0.2 * rng.normal(size=rows)
    with pm.Model() as m:
        length = pm.InverseGamma("length", 5, 5)
        eta = pm.Exponential("eta", 1)
        process = pm.gp.HSGP(m=[15], c=1.5, cov_func=eta**2 * pm.gp.cov.ExpQuad(1, ls=length))
        f = process.prior("f", X=x)
        sigma = pm.HalfNormal("sigma", 1)
        pm.Normal("y", f, sigma, observed=y)
    return m


@model(9, 100)
def disease_map(rows):
    rng = np.random.default_rng(49)
    side = int(np.sqrt(rows))
    place = np.stack(np.unravel_index(np.arange(side * side), (side, side)), axis=1)
    near = (np.abs(place[:, None] - place).sum(-1) == 1).astype(float)
    expected = rng.uniform(5, 20, len(near))
    y = rng.poisson(expected * np.exp(0.3 * rng.normal(size=len(near))))
    with pm.Model() as m:
        beta = pm.Normal("beta", 0, 1)
        tau = pm.Gamma("tau", 2, 2)
        alpha = pm.Uniform("alpha", 0.01, 0.99)
        phi = pm.CAR("phi", mu=np.zeros(len(near)), tau=tau, alpha=alpha, W=near)
        pm.Poisson("y", expected * at.exp(beta + phi), observed=y)
    return m


@model(9, 100)
def intrinsic_map(rows):
    rng = np.random.default_rng(50)
    side = int(np.sqrt(rows))
    place = np.stack(np.unravel_index(np.arange(side * side), (side, side)), axis=1)
    near = (np.abs(place[:, None] - place).sum(-1) == 1).astype(int)
    y = rng.poisson(8, len(near))
    with pm.Model() as m:
        beta = pm.Normal("beta", 2, 1)
        sigma = pm.HalfNormal("sigma", 1)
        phi = pm.ICAR("phi", W=near)
        pm.Poisson("y", at.exp(beta + sigma * phi), observed=y)
    return m
