"""PyMC with its default (numba) backend: gradients by `logp_dlogp_function`, its own NUTS."""

import pymc as pm

from tests.bench.contenders.base import Contender
from tests.bench.contenders.pymc_models import MODELS


class Adapter(Contender):
    """`pm.sample` hands its models to nutpie by default; that is the contender `nutpie`."""

    def build(self):
        self.model = MODELS[self.case.name](self.case.data)

    def compile(self):
        function = self.model.logp_dlogp_function(ravel_inputs=True)
        function.trust_input = True
        return function

    def sample(self, draws, tune, chains, cores, seed):
        idata = pm.sample(
            draws,
            tune=tune,
            chains=chains,
            cores=cores,
            random_seed=seed,
            model=self.model,
            nuts_sampler="pymc",
            progressbar=False,
            quiet=True,
            compute_convergence_checks=False,
        )
        return {p.name: idata["posterior"][p.name].values for p in self.case.parameters}
