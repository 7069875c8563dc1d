"""JAX in double precision: gradients of NumPyro's potential energy, NumPyro's NUTS."""

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
from jax.flatten_util import ravel_pytree
from numpyro.infer import MCMC, NUTS
from numpyro.infer.util import potential_energy

from tests.bench.contenders.base import Contender

numpyro.enable_x64()


def eight_schools(data):
    mu = numpyro.sample("mu", dist.Normal(0, 5))
    tau = numpyro.sample("tau", dist.HalfCauchy(5))
    theta_trans = numpyro.sample("theta_trans", dist.Normal(0, 1).expand([8]))
    numpyro.sample("y", dist.Normal(mu + tau * theta_trans, data["sigma"]), obs=data["y"])


def logistic(data):
    beta = numpyro.sample("beta", dist.Normal(0, 2.5).expand([data["x"].shape[1]]))
    numpyro.sample("y", dist.Bernoulli(logits=data["x"] @ beta), obs=data["y"])


def radon(data):
    counties, county = data["counties"], data["county"]
    sigma_y = numpyro.sample("sigma_y", dist.HalfNormal(1))
    sigma_alpha = numpyro.sample("sigma_alpha", dist.HalfNormal(1))
    sigma_beta = numpyro.sample("sigma_beta", dist.HalfNormal(1))
    alpha_raw = numpyro.sample("alpha_raw", dist.Normal(0, 1).expand([counties]))
    beta_raw = numpyro.sample("beta_raw", dist.Normal(0, 1).expand([counties]))
    mu_alpha = numpyro.sample("mu_alpha", dist.Normal(0, 10))
    mu_beta = numpyro.sample("mu_beta", dist.Normal(0, 10))
    alpha = mu_alpha + sigma_alpha * alpha_raw
    beta = mu_beta + sigma_beta * beta_raw
    mean = alpha[county] + beta[county] * data["floor"]
    numpyro.sample("y", dist.Normal(mean, sigma_y), obs=data["y"])


def irt_2pl(data):
    items, persons = data["y"].shape
    sigma_theta = numpyro.sample("sigma_theta", dist.HalfCauchy(2))
    theta = numpyro.sample("theta", dist.Normal(0, sigma_theta).expand([persons]))
    sigma_a = numpyro.sample("sigma_a", dist.HalfCauchy(2))
    a = numpyro.sample("a", dist.LogNormal(0, sigma_a).expand([items]))
    mu_b = numpyro.sample("mu_b", dist.Normal(0, 5))
    sigma_b = numpyro.sample("sigma_b", dist.HalfCauchy(2))
    b = numpyro.sample("b", dist.Normal(mu_b, sigma_b).expand([items]))
    logits = a[:, None] * (theta[None, :] - b[:, None])
    numpyro.sample("y", dist.Bernoulli(logits=logits), obs=data["y"])


MODELS = {
    "eight_schools": eight_schools,
    "logistic": logistic,
    "radon": radon,
    "irt_2pl": irt_2pl,
}


class Adapter(Contender):
    """The potential energy is jitted as one function of the flat vector, data as constants."""

    def build(self):
        data = {
            name: jnp.asarray(value) if isinstance(value, np.ndarray) else value
            for name, value in self.case.data.items()
        }
        program = MODELS[self.case.name]
        self.model = lambda: program(data)
        _, self.unravel = ravel_pytree(self.case.point(0))

    def compile(self):
        def logp(q):
            return -potential_energy(self.model, (), {}, self.unravel(q))

        function = jax.jit(jax.value_and_grad(logp))
        return lambda q: jax.block_until_ready(function(q))

    def flatten(self, point):
        return np.asarray(ravel_pytree(point)[0])

    def prepare(self, draws, tune, chains, cores, seed):
        """Compiles the chains ahead of time, since `MCMC.run` compiles anew at each call."""

        def one_chain(key):
            mcmc = MCMC(
                NUTS(self.model),
                num_warmup=tune,
                num_samples=draws,
                num_chains=1,
                progress_bar=False,
            )
            mcmc.run(key)
            return mcmc.get_samples()

        self.keys = jax.random.split(jax.random.key(seed), chains)
        self.chains = jax.pmap(one_chain).lower(self.keys).compile()

    def sample(self, draws, tune, chains, cores, seed):
        samples = jax.block_until_ready(self.chains(self.keys))
        return {p.name: np.asarray(samples[p.name]) for p in self.case.parameters}
