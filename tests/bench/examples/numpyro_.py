"""The examples by NumPyro, in double precision."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jax import lax
from jax.flatten_util import ravel_pytree
from jax.scipy.special import logsumexp
from numpyro.contrib.hsgp.approximation import hsgp_squared_exponential
from numpyro.infer.util import initialize_model
from scipy.sparse import csr_matrix

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

numpyro.enable_x64()


def autoregression_model():
    y = jnp.asarray(autoregression.data()[: autoregression.SEEN])
    constant = numpyro.sample("constant", dist.Normal(0, 2))
    lags = numpyro.sample("lags", dist.Normal(0, 1).expand([2]))
    sigma = numpyro.sample("sigma", dist.HalfNormal(1))
    numpyro.sample("start", dist.Normal(0, 5), obs=y[:2])
    mean = constant + lags[0] * y[1:-1] + lags[1] * y[:-2]
    numpyro.sample("y", dist.Normal(mean, sigma), obs=y[2:])


def disease_map_model():
    cases, expected, share, _ = disease_map.data()
    effect = numpyro.sample("effect", dist.Normal(0, 1))
    alpha = numpyro.sample("alpha", dist.Beta(4.0, 1.0))
    tau = numpyro.sample("tau", dist.Gamma(2.0, 0.5))
    near = csr_matrix(disease_map.neighbours())
    field = numpyro.sample("field", dist.CAR(0.0, alpha, tau, near, is_sparse=True))
    rate = expected * jnp.exp(effect * share + field)
    numpyro.sample("cases", dist.Poisson(rate), obs=cases)


def dose_response_model():
    alpha = numpyro.sample("alpha", dist.Normal(0, 2))
    beta = numpyro.sample("beta", dist.TruncatedNormal(10, 10, low=0))
    eta = alpha + beta * dose_response.LOG_DOSE
    deaths = dist.Binomial(dose_response.ANIMALS, logits=eta)
    numpyro.sample("deaths", deaths, obs=dose_response.DEATHS)


def gaussian_process_model():
    x, y = gaussian_process.data()
    length = numpyro.sample("lengthscale", dist.InverseGamma(5, 8))
    height = numpyro.sample("height", dist.HalfNormal(2))
    slope = numpyro.sample("slope", dist.Normal(0, 1))
    sigma = numpyro.sample("sigma", dist.HalfNormal(1))
    far = np.sqrt(5) * np.abs(x[:, None] - x) / length
    matrix = height**2 * (1 + far + far**2 / 3) * jnp.exp(-far)
    matrix += sigma**2 * jnp.eye(len(x))
    numpyro.sample("y", dist.MultivariateNormal(slope * x, matrix), obs=y)


def intervention_model():
    stone, treatment, recovered = intervention.data()
    share = numpyro.sample("share_large", dist.Beta(1, 1))
    policy = numpyro.sample("policy", dist.Beta(1, 1).expand([2]))
    rate = numpyro.sample("rate", dist.Beta(1, 1).expand([2, 2]))
    with numpyro.plate("patient", len(stone)):
        numpyro.sample("stone", dist.Bernoulli(share), obs=stone)
        numpyro.sample("treatment", dist.Bernoulli(policy[stone]), obs=treatment)
        numpyro.sample("recovered", dist.Bernoulli(rate[stone, treatment]), obs=recovered)


def item_response_model():
    answers, *_ = item_response.data()
    people, questions = answers.shape
    ability = numpyro.sample("ability", dist.Normal(0, 1).expand([people]))
    spread = numpyro.sample("spread", dist.HalfNormal(2))
    difficulty = numpyro.sample("difficulty", dist.Normal(0, spread).expand([questions]))
    discrimination = numpyro.sample("discrimination", dist.LogNormal(0, 0.5).expand([questions]))
    eta = discrimination * (ability[:, None] - difficulty)
    numpyro.sample("answer", dist.Bernoulli(logits=eta), obs=answers.astype(int))


def missing_data_model():
    (x_seen, x_gaps), (y_seen, y_gaps) = data.gaps()
    mean = numpyro.sample("mean", dist.Normal(0, 2))
    spread = numpyro.sample("spread", dist.HalfNormal(2))
    line = numpyro.sample("line", dist.Normal(0, 5).expand([2]))
    sigma = numpyro.sample("sigma", dist.HalfNormal(2))
    free = dist.ImproperUniform(dist.constraints.real, (), ())
    x_free = numpyro.sample("x_free", free.expand([len(x_gaps)]))
    y_free = numpyro.sample("y_free", free.expand([len(y_gaps)]))
    x = jnp.asarray(x_seen).at[x_gaps].set(x_free)
    y = jnp.asarray(y_seen).at[y_gaps].set(y_free)
    numpyro.sample("x", dist.Normal(mean, spread), obs=x)
    numpyro.sample("y", dist.Normal(line[0] + line[1] * x, sigma), obs=y)


def mixture_model():
    _, lengths = mixture.data()
    weight = numpyro.sample("weight", dist.Dirichlet(jnp.ones(3)))
    mean = _ordered("mean", 3, dist.constraints.ordered_vector, dist.Normal(25, 10))
    scale = numpyro.sample("scale", dist.HalfNormal(5))
    ages = dist.MixtureSameFamily(dist.Categorical(weight), dist.Normal(mean, scale))
    numpyro.sample("length", ages, obs=lengths)


def _ordered(name, count, constraint, prior):
    """Numbers that increase, of which each has this prior."""
    value = numpyro.sample(name, dist.ImproperUniform(constraint, (), (count,)))
    numpyro.factor(f"{name}_prior", prior.log_prob(value).sum())
    return value


def ordinal_model():
    x, answer = ordinal.data()
    beta = numpyro.sample("beta", dist.Normal(0, 1).expand([2]))
    cutpoints = _ordered("cutpoints", 4, dist.constraints.ordered_vector, dist.Normal(0, 3))
    numpyro.sample("answer", dist.OrderedLogistic(x @ beta, cutpoints), obs=answer)


def recapture_model():
    interval, seen, last = data.histories()
    phi = numpyro.sample("phi", dist.Beta(1, 1).expand([recapture.YEARS - 1]))
    p = numpyro.sample("p", dist.Beta(1, 1))
    chi = [jnp.ones(())]  # that a bird alive in a year is not seen after it
    for t in reversed(range(recapture.YEARS - 1)):
        chi.insert(0, 1 - phi[t] + phi[t] * (1 - p) * chi[0])
    numpyro.sample("survives", dist.Bernoulli(phi[interval]), obs=np.ones(len(interval), int))
    numpyro.sample("seen", dist.Bernoulli(p), obs=seen)
    numpyro.factor("unseen", jnp.sum(jnp.log(jnp.stack(chi))[last]))


def regimes_model():
    _, series = regimes.data()
    stay = numpyro.sample("stay", dist.Beta(9, 1).expand([2]))
    scale = _ordered("scale", 2, dist.constraints.positive_ordered_vector, dist.HalfNormal(5))
    moves = jnp.array([[stay[0], 1 - stay[0]], [1 - stay[1], stay[1]]])
    log_moves = jnp.log(moves)
    emissions = dist.Normal(0, scale).log_prob(series[:, None])

    def day(before, emission):
        return logsumexp(before[:, None] + log_moves, axis=0) + emission, None

    last, _ = lax.scan(day, jnp.log(jnp.array([0.5, 0.5])), emissions)
    numpyro.factor("y", logsumexp(last))


def state_space_model():
    _, y = state_space.data()
    half = dist.HalfNormal(1)
    level, season, obs = (numpyro.sample(name, half) for name in state_space.SIGMA)
    move = np.array([[1.0, 0, 0, 0], [0, -1, -1, -1], [0, 1, 0, 0], [0, 0, 1, 0]])
    z = np.array([1.0, 1, 0, 0])
    noise = jnp.diag(jnp.array([level**2, season**2, 0.0, 0.0]))

    def quarter(state, value):
        a, p = state
        seen = ~jnp.isnan(value)
        pz = p @ z
        variance = z @ pz + obs**2
        error = jnp.where(seen, value, 0.0) - z @ a
        logp = jnp.where(seen, dist.Normal(0, jnp.sqrt(variance)).log_prob(error), 0.0)
        a = a + jnp.where(seen, error / variance, 0.0) * pz
        p = p - jnp.where(seen, 1 / variance, 0.0) * jnp.outer(pz, pz)
        return (move @ a, move @ p @ move.T + noise), logp

    first = jnp.array([20.0, 0, 0, 0]), 100.0 * jnp.eye(4)
    _, logp = lax.scan(quarter, first, jnp.asarray(y))
    numpyro.factor("y", logp.sum())


def stochastic_volatility_model():
    returns, _ = stochastic_volatility.data()
    step = numpyro.sample("step", dist.HalfNormal(0.5))
    weeks = np.arange(float(len(returns)))
    walk = dist.EulerMaruyama(weeks, lambda x, t: (0.0 * x, step), dist.Normal(0, 1))
    level = numpyro.sample("level", walk)
    numpyro.sample("return", dist.Normal(0, jnp.exp(level)[:, None]), obs=returns)


def survival_model():
    shape = numpyro.sample("shape", dist.LogNormal(0, 0.5))
    base = numpyro.sample("base", dist.Normal(0, 2))
    effect = numpyro.sample("effect", dist.Normal(0, 1))
    scale = 10 * jnp.exp(-(base + effect * survival.DRUG) / shape)
    weeks = dist.RightCensoredDistribution(dist.Weibull(scale, shape), ~survival.ENDED)
    numpyro.sample("weeks", weeks, obs=survival.WEEKS)


def varying_slopes_model():
    cafe, afternoon, wait, _ = varying_slopes.data()
    stds = numpyro.sample("stds", dist.Exponential(1.0).expand([2]))
    factor = numpyro.sample("factor", dist.LKJCholesky(2, 2.0))
    mu = numpyro.sample("mu", dist.Normal(np.array([5.0, -1.0]), np.array([2.0, 0.5])))
    z = numpyro.sample("z", dist.Normal(0, 1).expand([varying_slopes.CAFES, 2]))
    beta = mu + z @ (stds[:, None] * factor).T
    sigma = numpyro.sample("sigma", dist.Exponential(1.0))
    mean = beta[cafe, 0] + beta[cafe, 1] * afternoon
    numpyro.sample("wait", dist.Normal(mean, sigma), obs=wait)


def weekly_counts_model():
    weeks, width = data.box()
    height = numpyro.sample("height", dist.HalfNormal(0.5))
    length = numpyro.sample("length", dist.InverseGamma(6, 250))
    level = numpyro.sample("level", dist.Normal(2, 1))
    trend = hsgp_squared_exponential(weeks, height**2, length, ell=width, m=12)
    season = data.waves() @ numpyro.sample("season", dist.Normal(0, 0.3).expand([6]))
    alpha = numpyro.sample("alpha", dist.Exponential(0.1))
    rate = jnp.exp(level + trend + season)
    counts = dist.NegativeBinomial2(rate, alpha)
    numpyro.sample("counts", counts, obs=weekly_counts.data())


def zero_inflated_model():
    people, camper, fish = zero_inflated.data()
    odds = numpyro.sample("odds", dist.Normal(0, 1.5).expand([2]))
    intercept = numpyro.sample("intercept", dist.Normal(0, 1))
    slope = numpyro.sample("slope", dist.Normal(0, 1))
    catch = dist.Poisson(jnp.exp(intercept + slope * people))
    gate = -odds[1 - camper]  # the log odds of a zero that is not of the Poisson distribution
    numpyro.sample("fish", dist.ZeroInflatedDistribution(catch, gate_logits=gate), obs=fish)


def load(name):
    """(function of q with value and gradient, its size)."""
    info = initialize_model(jax.random.PRNGKey(0), globals()[f"{name}_model"])
    flat, unravel = ravel_pytree(info.param_info.z)
    found = jax.jit(jax.value_and_grad(lambda q: -info.potential_fn(unravel(q))))
    return lambda q: jax.block_until_ready(found(q)), flat.size
