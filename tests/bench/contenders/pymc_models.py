"""The benchmark models in PyMC, for the contenders `pymc` and `nutpie`.

Covariates are `pm.Data`: as constants they give the same gradients but a slower warm start, since
the numba cache hashes them.
"""

import pymc as pm


def eight_schools(data):
    with pm.Model() as model:
        mu = pm.Normal("mu", 0, 5)
        tau = pm.HalfCauchy("tau", 5)
        theta_trans = pm.Normal("theta_trans", 0, 1, shape=8)
        pm.Normal("y", mu + tau * theta_trans, data["sigma"], observed=data["y"])
    return model


def logistic(data):
    with pm.Model() as model:
        x = pm.Data("x", data["x"])
        beta = pm.Normal("beta", 0, 2.5, shape=data["x"].shape[1])
        pm.Bernoulli("y", logit_p=pm.math.dot(x, beta), observed=data["y"])
    return model


def radon(data):
    with pm.Model() as model:
        county = pm.Data("county", data["county"])
        floor = pm.Data("floor", data["floor"])
        sigma_y = pm.HalfNormal("sigma_y", 1)
        sigma_alpha = pm.HalfNormal("sigma_alpha", 1)
        sigma_beta = pm.HalfNormal("sigma_beta", 1)
        alpha_raw = pm.Normal("alpha_raw", 0, 1, shape=data["counties"])
        beta_raw = pm.Normal("beta_raw", 0, 1, shape=data["counties"])
        mu_alpha = pm.Normal("mu_alpha", 0, 10)
        mu_beta = pm.Normal("mu_beta", 0, 10)
        alpha = mu_alpha + sigma_alpha * alpha_raw
        beta = mu_beta + sigma_beta * beta_raw
        mean = alpha[county] + beta[county] * floor
        pm.Normal("y", mean, sigma_y, observed=data["y"])
    return model


def irt_2pl(data):
    items, persons = data["y"].shape
    with pm.Model() as model:
        sigma_theta = pm.HalfCauchy("sigma_theta", 2)
        theta = pm.Normal("theta", 0, sigma_theta, shape=persons)
        sigma_a = pm.HalfCauchy("sigma_a", 2)
        a = pm.LogNormal("a", 0, sigma_a, shape=items)
        mu_b = pm.Normal("mu_b", 0, 5)
        sigma_b = pm.HalfCauchy("sigma_b", 2)
        b = pm.Normal("b", mu_b, sigma_b, shape=items)
        logit = a[:, None] * (theta[None, :] - b[:, None])
        pm.Bernoulli("y", logit_p=logit, observed=data["y"])
    return model


MODELS = {
    "eight_schools": eight_schools,
    "logistic": logistic,
    "radon": radon,
    "irt_2pl": irt_2pl,
}
