"""`probtensor.interop.pymc`: models of PyMC, sampled here.

    from probtensor.interop import pymc as ptpm

    idata = ptpm.sample(model=model)

    models.py         a model of PyMC as a posterior of this library
    rebinding.py      other data for such a posterior, of other lengths too
    sampling.py       `sample` with the arguments of `pm.sample`
    arguments.py      arguments of PyMC's functions: what has a meaning here
    starts.py         where chains begin
    predictive.py     predictive draws and log likelihoods: PyMC's functions, compiled here
    optimum.py        `find_MAP`
    replacing.py      these functions in place of PyMC's, for packages that call these
    variables/        random variables of PyMC as those of `pt.random`
    named.py          variables with named dimensions as tensors
    transforms.py     transforms of free variables as bijectors

A variable whose class has a row becomes one of `pt.random`, with the density, the draws and the
rules of this library. Any other keeps the graph of its density that PyMC makes, translated. The
unconstrained space is PyMC's either way.
"""

from probtensor.interop.pymc.models import posterior
from probtensor.interop.pymc.optimum import find_MAP
from probtensor.interop.pymc.predictive import (
    compute_log_likelihood,
    sample_posterior_predictive,
    sample_prior_predictive,
)
from probtensor.interop.pymc.replacing import in_place_of_pymc
from probtensor.interop.pymc.sampling import NUTS, sample

__all__ = [
    "NUTS",
    "compute_log_likelihood",
    "find_MAP",
    "in_place_of_pymc",
    "posterior",
    "sample",
    "sample_posterior_predictive",
    "sample_prior_predictive",
]
