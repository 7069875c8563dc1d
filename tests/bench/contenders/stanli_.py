"""stanli, an interpreter of the Stan language over Stan's own mathematics and sampler."""

import ctypes
from pathlib import Path

import numpy as np
import stanli

from tests.bench.contenders.base import Contender, Pointer

PROGRAMS = Path(__file__).resolve().parent.parent / "stan"


def _stan_data(case):
    """The case's data under the names, sizes and one-based indices of its Stan program."""
    data = case.data
    match case.name:
        case "eight_schools":
            return {"J": 8, "y": data["y"], "sigma": data["sigma"]}
        case "logistic":
            rows, columns = data["x"].shape
            return {"N": rows, "D": columns, "x": data["x"], "y": data["y"]}
        case "radon":
            return {
                "N": len(data["y"]),
                "J": data["counties"],
                "county": data["county"] + 1,
                "floor_measure": data["floor"],
                "y": data["y"],
            }
        case "irt_2pl":
            items, persons = data["y"].shape
            return {"I": items, "J": persons, "y": data["y"]}


class Adapter(Contender):
    def build(self):
        self.source = (PROGRAMS / f"{self.case.name}.stan").read_text()
        self.data = _stan_data(self.case)

    def compile(self):
        self.model = stanli.Model(stan_code=self.source, data=self.data)
        return self.model.log_prob_grad

    def pointer(self):
        address = ctypes.cast(stanli._lib.stanli_grad, ctypes.c_void_p).value
        return Pointer("stanli", address, self.model._m, self.model)

    def sample(self, draws, tune, chains, cores, seed):
        fit = self.model.sample(
            chains=chains,
            seed=seed,
            warmup=tune,
            samples=draws,
            parallel_chains=cores,
            refresh=0,
        )
        return {
            p.name: np.asarray(fit[p.name]).reshape(chains, draws, *p.shape)
            for p in self.case.parameters
        }
