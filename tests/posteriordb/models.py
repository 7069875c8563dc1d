"""Reference posteriors as models: each function takes posteriordb's data and gives a posterior.

Names are those of the reference draws. The mathematics is posteriordb's; where that is easier to
sample, parameters are standardised by a constant linear map, which leaves the posterior as it is.
"""

import numpy as np

import probtensor as pt

r = pt.random


def eight_schools_noncentered(data):
    y, sigma = np.array(data["y"], float), np.array(data["sigma"], float)
    mu = r.normal(0, 5, name="mu")
    tau = r.half_cauchy(5, name="tau")
    z = r.normal(0, 1, shape=len(y), name="theta_trans")
    theta = pt.deterministic(mu + tau * z, name="theta")
    return pt.condition({r.normal(theta, sigma, name="y"): y})


def linear(columns, outcome, scale):
    """outcome ~ normal(columns @ beta, scale) with a flat prior on beta."""
    x = np.column_stack([np.broadcast_to(np.asarray(c, float), len(outcome)) for c in columns])
    beta = r.flat(shape=x.shape[1], name="beta")
    y = r.normal(pt.as_tensor(x) @ beta, scale, name="y")
    return pt.condition({y: np.asarray(outcome, float)})


def earn_height(data):
    return linear([1.0, data["height"]], data["earn"], r.half_flat(name="sigma"))


def kidscore_momiq(data):
    return linear([1.0, data["mom_iq"]], data["kid_score"], r.half_cauchy(2.5, name="sigma"))


def mesquite(data):
    names = ("diam1", "diam2", "canopy_height", "total_height", "density", "group")
    columns = [1.0, *(data[name] for name in names)]
    return linear(columns, data["weight"], r.half_flat(name="sigma"))


def nes(data):
    ages = [np.array(data["age_discrete"]) == k for k in (2, 3, 4)]
    columns = [1.0, data["real_ideo"], data["race_adj"], *ages]
    columns += [data["educ1"], data["gender"], data["income"]]
    return linear(columns, data["partyid7"], r.half_flat(name="sigma"))


def blr(data):
    x, outcome = np.array(data["X"], float), np.array(data["y"], float)
    beta = r.normal(0, 10, shape=x.shape[1], name="beta")
    sigma = r.half_normal(10, name="sigma")
    y = r.normal(pt.as_tensor(x) @ beta, sigma, name="y")
    return pt.condition({y: outcome})


def diamonds(data):
    """b = inverse(R) theta with X = Q R: theta is nearly white, and the map's Jacobian constant."""
    x = np.array(data["X"], float)[:, 1:]
    outcome = np.array(data["Y"], float)
    centred = x - x.mean(0)
    q, upper = np.linalg.qr(centred)
    theta = r.flat(shape=x.shape[1], name="theta")
    inverse = np.linalg.inv(upper)
    b = pt.deterministic(pt.as_tensor(inverse) @ theta, name="b")
    prior = pt.potential(pt.logp(r.normal(0, 1, shape=x.shape[1]), b), name="b_prior")
    intercept = r.student_t(3, 8, 10, name="Intercept")
    sigma = r.half_student_t(3, 10, name="sigma")
    y = r.normal(intercept + pt.as_tensor(q) @ theta, sigma, name="y")
    return pt.condition({y: outcome}, potentials=[prior], track=[b])


# posterior -> (model, draws of each of four chains)
MODELS = {
    "eight_schools-eight_schools_noncentered": (eight_schools_noncentered, 4000),
    "earnings-earn_height": (earn_height, 2000),
    "kidiq-kidscore_momiq": (kidscore_momiq, 2000),
    "mesquite-mesquite": (mesquite, 2000),
    "nes1992-nes": (nes, 2000),
    "sblrc-blr": (blr, 2000),
    "diamonds-diamonds": (diamonds, 1500),
}
