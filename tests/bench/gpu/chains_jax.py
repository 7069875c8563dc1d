"""Many chains with JAX: NumPyro's density and vectorised NUTS, BlackJAX's ChEES-HMC."""

import importlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Draws:
    """What a run gives: {name: [chains, draws, ...]}, the leapfrog steps of each chain and draw (or
    None), and the seconds of the sampling itself where the library tells them."""

    samples: dict
    steps: np.ndarray | None
    sampling_s: float | None = None


class Model:
    """A model of NumPyro's in one precision.

    wide : float64, as ours; without it float32, which is NumPyro's default.
    """

    def __init__(self, case, wide):
        self.jax = importlib.import_module("jax")
        self.infer = importlib.import_module("numpyro.infer")
        programs = importlib.import_module("tests.bench.contenders.jax_").MODELS
        # Not numpyro.enable_x64(False), which asks the environment again.
        self.jax.config.update("jax_enable_x64", wide)
        self.case = case
        self.dtype = np.float64 if wide else np.float32
        numpy = importlib.import_module("jax.numpy")
        data = {name: self._held(numpy, value) for name, value in case.data.items()}
        program = programs[case.name]
        self.model = lambda: program(data)
        ravel = importlib.import_module("jax.flatten_util").ravel_pytree
        self.flatten = lambda point: np.asarray(ravel(point)[0])
        start = {name: np.asarray(value, self.dtype) for name, value in case.point(0).items()}
        _, self.unravel = ravel(start)
        energy = importlib.import_module("numpyro.infer.util").potential_energy
        self.logp = lambda q: -energy(self.model, (), {}, self.unravel(q))

    def _held(self, numpy, value):
        if not isinstance(value, np.ndarray):
            return value
        return numpy.asarray(value, self.dtype if value.dtype.kind == "f" else value.dtype)

    def put(self, q):
        return self.jax.device_put(q.astype(self.dtype)).block_until_ready()

    def get(self, value):
        return np.asarray(value)

    def wait(self, result):
        result[-1].block_until_ready()

    def gradient(self):
        """The compiled function from q [chains, dim] to (logp [chains], gradient)."""
        return self.jax.jit(self.jax.vmap(self.jax.value_and_grad(self.logp)))

    def _compiled(self, function, seed):
        """A call that takes no time but the chains' own: compiled, then run once for each call."""
        key = self.jax.random.key(seed)
        compiled = self.jax.jit(function).lower(key).compile()

        def call():
            samples, steps = self.jax.block_until_ready(compiled(key))
            return Draws({name: np.asarray(x) for name, x in samples.items()}, np.asarray(steps))

        return call

    def nuts(self, plan):
        """`call()` -> `Draws`, all of it on the host."""

        def run(key):
            mcmc = self.infer.MCMC(
                self.infer.NUTS(self.model, max_tree_depth=plan.depth),
                num_warmup=plan.tune,
                num_samples=plan.draws,
                num_chains=plan.chains,
                chain_method="vectorized",
                progress_bar=False,
            )
            mcmc.run(key, extra_fields=("num_steps",))
            steps = mcmc.get_extra_fields(group_by_chain=True)["num_steps"]
            return mcmc.get_samples(group_by_chain=True), steps

        return self._compiled(run, plan.seed)

    def chees(self, plan):
        """The same for ChEES-HMC with a diagonal mass matrix, warm-up over all chains together."""
        blackjax = importlib.import_module("blackjax")
        optax = importlib.import_module("optax")
        jax = self.jax

        def run(key):
            starts, warm, sampling = jax.random.split(key, 3)
            shape = (plan.chains, self.case.dim)
            first = jax.random.uniform(starts, shape, self.dtype, -2, 2)
            warmup = blackjax.chees_adaptation(
                self.logp,
                plan.chains,
                mass_matrix_estimation="diagonal",
                adaptation_info_fn=lambda *_: None,
            )
            adapted, _ = warmup.run(warm, first, 0.1, optax.adam(0.05), num_steps=plan.tune)
            states, parameters = adapted
            step = jax.vmap(blackjax.dynamic_hmc(self.logp, **parameters).step)

            def draw(states, key):
                states, info = step(jax.random.split(key, plan.chains), states)
                return states, (states.position, info.num_integration_steps)

            _, (q, steps) = jax.lax.scan(draw, states, jax.random.split(sampling, plan.draws))
            named = jax.vmap(jax.vmap(self.unravel))(q.swapaxes(0, 1))
            return named, steps.swapaxes(0, 1)

        call = self._compiled(run, plan.seed)

        def constrained():
            found = call()
            return Draws(self.case.constrained(found.samples), found.steps)

        return constrained
