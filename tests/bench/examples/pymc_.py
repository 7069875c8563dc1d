"""The examples by PyMC, with its default backend, numba."""

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as at

from examples import (
    autoregression,
    disease_map,
    dose_response,
    gaussian_process,
    intervention,
    item_response,
    mixture,
    ordinal,
    recapture,
    regimes,
    state_space,
    stochastic_volatility,
    survival,
    varying_slopes,
    weekly_counts,
    zero_inflated,
)
from tests.bench.examples import data

ORDERED = pm.distributions.transforms.ordered


def autoregression_model():
    y = autoregression.data()[: autoregression.SEEN]
    constant = pm.Normal("constant", 0, 2)
    lags = pm.Normal("lags", 0, 1, shape=2)
    sigma = pm.HalfNormal("sigma", 1)
    rho = at.concatenate([constant[None], lags])
    start = pm.Normal.dist(0, 5, shape=2)
    pm.AR("y", rho, sigma, constant=True, init_dist=start, observed=y)


def disease_map_model():
    cases, expected, share, _ = disease_map.data()
    near = disease_map.neighbours()
    effect = pm.Normal("effect", 0, 1)
    alpha = pm.Beta("alpha", 4.0, 1.0)
    tau = pm.Gamma("tau", 2.0, 0.5)
    field = pm.CAR("field", np.zeros(len(near)), near, alpha, tau)
    pm.Poisson("cases", expected * at.exp(effect * share + field), observed=cases)


def dose_response_model():
    alpha = pm.Normal("alpha", 0, 2)
    beta = pm.TruncatedNormal("beta", 10, 10, lower=0)
    eta = alpha + beta * dose_response.LOG_DOSE
    pm.Binomial("deaths", dose_response.ANIMALS, logit_p=eta, observed=dose_response.DEATHS)


def gaussian_process_model():
    x, y = gaussian_process.data()
    length = pm.InverseGamma("lengthscale", 5, 8)
    height = pm.HalfNormal("height", 2)
    slope = pm.Normal("slope", 0, 1)
    sigma = pm.HalfNormal("sigma", 1)
    line, curve = pm.gp.mean.Linear(slope), height**2 * pm.gp.cov.Matern52(1, length)
    gp = pm.gp.Marginal(mean_func=line, cov_func=curve)
    gp.marginal_likelihood("y", x[:, None], y, sigma, jitter=0.0)


def intervention_model():
    stone, treatment, recovered = intervention.data()
    share = pm.Beta("share_large", 1, 1)
    policy = pm.Beta("policy", 1, 1, shape=2)
    rate = pm.Beta("rate", 1, 1, shape=(2, 2))
    pm.Bernoulli("stone", share, observed=stone)
    pm.Bernoulli("treatment", policy[stone], observed=treatment)
    pm.Bernoulli("recovered", rate[stone, treatment], observed=recovered)


def item_response_model():
    answers, *_ = item_response.data()
    people, questions = answers.shape
    ability = pm.Normal("ability", 0, 1, shape=people)
    spread = pm.HalfNormal("spread", 2)
    difficulty = pm.Normal("difficulty", 0, spread, shape=questions)
    discrimination = pm.LogNormal("discrimination", 0, 0.5, shape=questions)
    eta = discrimination * (ability[:, None] - difficulty)
    pm.Bernoulli("answer", logit_p=eta, observed=answers.astype(int))


def missing_data_model():
    (x_seen, _), (y_seen, _) = data.gaps()
    mean = pm.Normal("mean", 0, 2)
    spread = pm.HalfNormal("spread", 2)
    line = pm.Normal("line", 0, 5, shape=2)
    sigma = pm.HalfNormal("sigma", 2)
    x = pm.Normal("x", mean, spread, observed=np.ma.masked_invalid(x_seen))
    y = np.ma.masked_invalid(y_seen)
    pm.Normal("y", line[0] + line[1] * x, sigma, observed=y)


def mixture_model():
    _, lengths = mixture.data()
    weight = pm.Dirichlet("weight", np.ones(3))
    mean = pm.Normal("mean", 25, 10, shape=3, transform=ORDERED, initval=[20.0, 25.0, 30.0])
    scale = pm.HalfNormal("scale", 5)
    pm.NormalMixture("length", weight, mean, sigma=scale, observed=lengths)


def ordinal_model():
    x, answer = ordinal.data()
    beta = pm.Normal("beta", 0, 1, shape=2)
    cutpoints = pm.Normal(
        "cutpoints", 0, 3, shape=4, transform=ORDERED, initval=[-2.0, -1.0, 0.0, 1.0]
    )
    pm.OrderedLogistic("answer", x @ beta, cutpoints, compute_p=False, observed=answer)


def recapture_model():
    interval, seen, last = data.histories()
    phi = pm.Beta("phi", 1, 1, shape=recapture.YEARS - 1)
    p = pm.Beta("p", 1, 1)
    chi = [at.ones(())]  # that a bird alive in a year is not seen after it
    for t in reversed(range(recapture.YEARS - 1)):
        chi.insert(0, 1 - phi[t] + phi[t] * (1 - p) * chi[0])
    pm.Bernoulli("survives", phi[interval], observed=np.ones(len(interval), int))
    pm.Bernoulli("seen", p, observed=seen)
    pm.Potential("unseen", at.sum(at.log(at.stack(chi))[last]))


def regimes_model():
    _, series = regimes.data()
    stay = pm.Beta("stay", 9, 1, shape=2)
    rising = pm.distributions.transforms.Ordered(positive=True)
    free = {"default_transform": None, "transform": rising}
    scale = pm.HalfNormal("scale", 5, shape=2, initval=[1.0, 2.0], **free)
    moves = at.stack([at.stack([stay[0], 1 - stay[0]]), at.stack([1 - stay[1], stay[1]])])
    emissions = pm.logp(pm.Normal.dist(0, scale), series[:, None])

    def day(emission, before, log_moves):
        return at.logsumexp(before[:, None] + log_moves, axis=0) + emission

    first = at.as_tensor(np.log([0.5, 0.5]))
    states = pytensor.scan(
        day, [emissions], [first], [at.log(moves)], strict=True, return_updates=False
    )
    pm.Potential("y", at.logsumexp(states[-1]))


def state_space_model():
    _, y = state_space.data()
    level, season, obs = (pm.HalfNormal(name, 1) for name in state_space.SIGMA)
    move = np.array([[1.0, 0, 0, 0], [0, -1, -1, -1], [0, 1, 0, 0], [0, 0, 1, 0]])
    z = np.array([1.0, 1, 0, 0])
    seen = ~np.isnan(y)

    def quarter(value, seen, a, p, obs, noise):
        pz = p @ z
        variance = z @ pz + obs**2
        error = value - z @ a
        logp = seen * pm.logp(pm.Normal.dist(0, at.sqrt(variance)), error)
        a = a + seen * error / variance * pz
        p = p - seen / variance * at.outer(pz, pz)
        return move @ a, move @ p @ move.T + noise, logp

    noise = at.diag(at.stack([level**2, season**2, 0.0, 0.0]))
    first = [at.as_tensor(np.array([20.0, 0, 0, 0])), at.as_tensor(100 * np.eye(4)), None]
    given = [at.as_tensor(np.where(seen, y, 0.0)), at.as_tensor(seen.astype(float))]
    *_, logp = pytensor.scan(
        quarter, given, first, [obs, noise], strict=True, return_updates=False
    )
    pm.Potential("y", logp.sum())


def stochastic_volatility_model():
    returns, _ = stochastic_volatility.data()
    step = pm.HalfNormal("step", 0.5)
    first = pm.Normal.dist(0, 1)
    level = pm.GaussianRandomWalk("level", 0.0, step, init_dist=first, shape=len(returns))
    pm.Normal("return", 0.0, at.exp(level)[:, None], observed=returns)


def survival_model():
    shape = pm.LogNormal("shape", 0, 0.5)
    base = pm.Normal("base", 0, 2)
    effect = pm.Normal("effect", 0, 1)
    scale = 10 * at.exp(-(base + effect * survival.DRUG) / shape)
    limit = np.where(survival.ENDED, np.inf, survival.WEEKS)
    weeks = pm.Weibull.dist(shape, scale)
    pm.Censored("weeks", weeks, lower=None, upper=limit, observed=survival.WEEKS)


def varying_slopes_model():
    cafe, afternoon, wait, _ = varying_slopes.data()
    stds = pm.Exponential.dist(1.0, shape=2)
    chol, _, _ = pm.LKJCholeskyCov("chol", eta=2.0, n=2, sd_dist=stds)
    mu = pm.Normal("mu", [5.0, -1.0], [2.0, 0.5])
    z = pm.Normal("z", 0, 1, shape=(varying_slopes.CAFES, 2))
    beta = mu + z @ chol.T
    sigma = pm.Exponential("sigma", 1.0)
    pm.Normal("wait", beta[cafe, 0] + beta[cafe, 1] * afternoon, sigma, observed=wait)


def weekly_counts_model():
    height = pm.HalfNormal("height", 0.5)
    length = pm.InverseGamma("length", 6, 250)
    level = pm.Normal("level", 2, 1)
    smooth = height**2 * pm.gp.cov.ExpQuad(1, length)
    gp = pm.gp.HSGP([12], c=1.5, cov_func=smooth, mean_func=pm.gp.mean.Constant(level))
    trend = gp.prior("trend", weekly_counts.WEEKS[:, None])
    season = data.waves() @ pm.Normal("season", 0, 0.3, shape=6)
    alpha = pm.Exponential("alpha", 0.1)
    rate = at.exp(trend + season)
    pm.NegativeBinomial("counts", mu=rate, alpha=alpha, observed=weekly_counts.data())


def zero_inflated_model():
    people, camper, fish = zero_inflated.data()
    odds = pm.Normal("odds", 0, 1.5, shape=2)
    intercept = pm.Normal("intercept", 0, 1)
    slope = pm.Normal("slope", 0, 1)
    psi, mean = pm.math.sigmoid(odds)[1 - camper], at.exp(intercept + slope * people)
    pm.ZeroInflatedPoisson("fish", psi, mean, observed=fish)


def load(name):
    """(function of q with value and gradient, its size)."""
    with pm.Model() as model:
        globals()[f"{name}_model"]()
    function = model.logp_dlogp_function(ravel_inputs=True)
    function.trust_input = True
    size = sum(int(np.prod(x.shape)) for x in model.initial_point().values())
    return function, size
