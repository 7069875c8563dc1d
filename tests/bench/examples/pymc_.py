"""The examples by PyMC, with its default backend, numba."""

import numpy as np
import pymc as pm

from examples import dose_response, item_response


def dose_response_model():
    alpha = pm.Normal("alpha", 0, 2)
    beta = pm.TruncatedNormal("beta", 10, 10, lower=0)
    eta = alpha + beta * dose_response.LOG_DOSE
    pm.Binomial("deaths", dose_response.ANIMALS, logit_p=eta, observed=dose_response.DEATHS)


def item_response_model():
    answers, *_ = item_response.data()
    people, questions = answers.shape
    ability = pm.Normal("ability", 0, 1, shape=people)
    spread = pm.HalfNormal("spread", 2)
    difficulty = pm.Normal("difficulty", 0, spread, shape=questions)
    discrimination = pm.LogNormal("discrimination", 0, 0.5, shape=questions)
    eta = discrimination * (ability[:, None] - difficulty)
    pm.Bernoulli("answer", logit_p=eta, observed=answers.astype(int))


def load(name):
    """(function of q with value and gradient, its size)."""
    with pm.Model() as model:
        globals()[f"{name}_model"]()
    function = model.logp_dlogp_function(ravel_inputs=True)
    function.trust_input = True
    size = sum(int(np.prod(x.shape)) for x in model.initial_point().values())
    return function, size
