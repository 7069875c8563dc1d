"""nutpie over PyMC and numba: gradients through its compiled C callback, its own NUTS."""

import numpy as np
import nutpie

from tests.bench.contenders.base import Contender, Pointer
from tests.bench.contenders.pymc_models import MODELS


class Adapter(Contender):
    def build(self):
        self.model = MODELS[self.case.name](self.case.data)

    def compile(self):
        self.compiled = nutpie.compile_pymc_model(self.model)
        jitted = self.compiled.logp_func.vm.jit_fn
        shared = [v.get_value() for v in self.compiled.logp_func.get_shared()]
        return lambda q: jitted(q, *shared)

    def pointer(self):
        compiled = self.compiled
        return Pointer(
            "nutpie",
            compiled.compiled_logp_func.address,
            compiled.user_data.ctypes.data,
            compiled,
        )

    def sample(self, draws, tune, chains, cores, seed):
        idata = nutpie.sample(
            self.compiled,
            draws=draws,
            tune=tune,
            chains=chains,
            cores=cores,
            seed=seed,
            progress_bar=False,
            save_warmup=False,
        )
        posterior = idata["posterior"]
        return {p.name: np.asarray(posterior[p.name]) for p in self.case.parameters}
