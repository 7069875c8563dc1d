"""The examples by NumPyro, in double precision."""

import jax
import numpyro
import numpyro.distributions as dist
from jax.flatten_util import ravel_pytree
from numpyro.infer.util import initialize_model

from examples import dose_response, item_response

numpyro.enable_x64()


def dose_response_model():
    alpha = numpyro.sample("alpha", dist.Normal(0, 2))
    beta = numpyro.sample("beta", dist.TruncatedNormal(10, 10, low=0))
    eta = alpha + beta * dose_response.LOG_DOSE
    deaths = dist.Binomial(dose_response.ANIMALS, logits=eta)
    numpyro.sample("deaths", deaths, obs=dose_response.DEATHS)


def item_response_model():
    answers, *_ = item_response.data()
    people, questions = answers.shape
    ability = numpyro.sample("ability", dist.Normal(0, 1).expand([people]))
    spread = numpyro.sample("spread", dist.HalfNormal(2))
    difficulty = numpyro.sample("difficulty", dist.Normal(0, spread).expand([questions]))
    discrimination = numpyro.sample("discrimination", dist.LogNormal(0, 0.5).expand([questions]))
    eta = discrimination * (ability[:, None] - difficulty)
    numpyro.sample("answer", dist.Bernoulli(logits=eta), obs=answers.astype(int))


def load(name):
    """(function of q with value and gradient, its size)."""
    info = initialize_model(jax.random.PRNGKey(0), globals()[f"{name}_model"])
    flat, unravel = ravel_pytree(info.param_info.z)
    found = jax.jit(jax.value_and_grad(lambda q: -info.potential_fn(unravel(q))))
    return lambda q: jax.block_until_ready(found(q)), flat.size
