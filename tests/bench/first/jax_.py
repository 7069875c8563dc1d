"""JAX, and NumPyro where variables have names."""

import jax
import jax.numpy as jnp
import numpyro
import numpyro.distributions as dist
from jax.flatten_util import ravel_pytree
from numpyro.infer.util import potential_energy

from tests.bench import cases
from tests.bench.contenders.jax_ import Adapter
from tests.bench.first.contenders import EULER_STEP, WIDTH, graph

numpyro.enable_x64()


def load(group, name):
    """`build() -> (function, size)` of a model or graph."""
    if group == "models":
        case = cases.load(name)
        return lambda: (Adapter(case, "jax").compile(), case.dim)
    kind, count = graph(name)
    return lambda: GRAPHS[kind](count)


def _compiled(function, size):
    found = jax.jit(jax.value_and_grad(function))
    return lambda q: jax.block_until_ready(found(q)), size


def chain(count):
    def value(x):
        for k in range(count):
            x = jnp.sin(x) if k % 3 == 0 else x * 1.01 if k % 3 == 1 else x + 0.3
        return jnp.sum(x)

    return _compiled(value, WIDTH)


def scalars(count):
    def model():
        for k in range(count):
            mu = numpyro.sample(f"m{k}", dist.Normal(0, 1))
            numpyro.sample(f"y{k}", dist.Normal(mu, 1.0), obs=0.5 + k / count)

    _, unravel = ravel_pytree({f"m{k}": 0.0 for k in range(count)})
    return _compiled(lambda q: -potential_energy(model, (), {}, unravel(q)), count)


def euler(count):
    def value(th):
        a, b, c, d, u, v = th
        us, vs = [], []
        for _ in range(count):
            u, v = u + EULER_STEP * (a * u - b * u * v), v + EULER_STEP * (d * u * v - c * v)
            us.append(u)
            vs.append(v)
        return jnp.sum((jnp.stack(us) - 1.0) ** 2) + jnp.sum((jnp.stack(vs) - 2.0) ** 2)

    return _compiled(value, 6)


GRAPHS = {"chain": chain, "scalars": scalars, "euler": euler}
