"""Value and gradient of a model of the gallery, ours and PyTensor's."""

import warnings

import numpy as np

from tests.interop.gallery import MODELS
from tests.interop.gallery.reference import order, start_of

SPREAD = 0.1


def built(name):
    """The model at its large size."""
    entry = MODELS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return entry.build(entry.large)


def ours(model):
    """The posterior, in native code."""
    from probtensor.interop import pymc as ptpm

    posterior = ptpm.posterior(model, progress=False)
    point = np.zeros(posterior.dim)
    while posterior.tier == "machine":
        posterior.expect_calls(10**9)
        posterior.logp_and_grad(point)
    return posterior


def theirs(model):
    """PyTensor's function of a vector, by numba."""
    function = model.logp_dlogp_function(ravel_inputs=True, mode="NUMBA")
    function.trust_input = True
    return function


def point_of(model):
    """A point near PyMC's initial one, in its order."""
    start = start_of(model)
    return start + SPREAD * np.random.default_rng(3).normal(size=len(start))


def calls(model):
    """{library: call at one point} of a model, and the relative difference of the gradients."""
    posterior, function = ours(model), theirs(model)
    q = point_of(model)
    own = order(posterior, model)
    mine = q[own]
    slope = np.asarray(function(q)[1])[own]
    largest = np.abs(slope).max()
    difference = np.abs(posterior.logp_and_grad(mine)[1] - slope).max() / largest
    found = {
        "probtensor": lambda: posterior.logp_and_grad(mine),
        "numba": lambda: function(q),
    }
    return found, difference
