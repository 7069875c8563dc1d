"""One measurement: `python -m tests.bench.pymc.worker KIND LIBRARY MODEL`; see the package.

The answer is a line of JSON at the end of standard output.
"""

import json
import sys
import time
import warnings

import numpy as np

DRAWS = {"draws": 1000, "tune": 1000, "chains": 4, "random_seed": 1, "progressbar": False}


def first(library, name):
    """Seconds from the built model to its first value and gradient."""
    from tests.bench.pymc import gradients

    model = gradients.built(name)
    q = gradients.point_of(model)
    began = time.perf_counter()
    if library == "numba":
        gradients.theirs(model)(q)
    else:
        from probtensor.interop import pymc as ptpm

        posterior = ptpm.posterior(model, progress=False)
        posterior.logp_and_grad(np.zeros(posterior.dim))
    return {"seconds": time.perf_counter() - began}


def fit(library, name):
    """Seconds of a whole fit from the built model, with means and errors of its variables."""
    from tests.bench.pymc import gradients

    model = gradients.built(name)
    began = time.perf_counter()
    if library == "nutpie":
        import pymc as pm

        idata = pm.sample(**DRAWS, model=model, nuts_sampler="nutpie")
    else:
        from probtensor.interop import pymc as ptpm

        idata = ptpm.sample(**DRAWS, model=model)
    seconds = time.perf_counter() - began
    import arviz as az

    names = [rv.name for rv in model.free_RVs if rv.name in idata.posterior]
    table = az.summary(idata, var_names=names, round_to="none")
    ess = float(table["ess_bulk"].min())
    found = {k: [float(table.loc[k, "mean"]), float(table.loc[k, "sd"]) / ess**0.5]
             for k in table.index}  # fmt: skip
    return {"seconds": seconds, "ess": ess, "means": found}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    kind, *what = sys.argv[1:]
    print(json.dumps({"first": first, "fit": fit}[kind](*what)))
