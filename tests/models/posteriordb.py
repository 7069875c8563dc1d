"""Reference posteriors as models: each function takes posteriordb's data and gives a posterior.

Names are those of the reference draws. The mathematics is posteriordb's; where that is easier to
sample, parameters are standardised by a constant linear map, which leaves the posterior as it is.
"""

import numpy as np

import probtensor as pt
from tests.models import time_series

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


def logearn_interaction(data):
    height, male = np.array(data["height"], float), np.array(data["male"], float)
    columns = [1.0, height, male, height * male]
    return linear(columns, np.log(data["earn"]), r.half_flat(name="sigma"))


def log10earn_height(data):
    return linear([1.0, data["height"]], np.log10(data["earn"]), r.half_flat(name="sigma"))


def kidscore_interaction(data):
    high_school, iq = np.array(data["mom_hs"], float), np.array(data["mom_iq"], float)
    columns = [1.0, high_school, iq, high_school * iq]
    return linear(columns, data["kid_score"], r.half_cauchy(2.5, name="sigma"))


def kidscore_mom_work(data):
    work = np.array(data["mom_work"])
    columns = [1.0, *(work == k for k in (2, 3, 4))]
    return linear(columns, data["kid_score"], r.half_flat(name="sigma"))


def logmesquite_logva(data):
    first, second, height = (np.log(data[k]) for k in ("diam1", "diam2", "canopy_height"))
    columns = [1.0, first + second + height, first + second, data["group"]]
    return linear(columns, np.log(data["weight"]), r.half_flat(name="sigma"))


def low_dim_gauss_mix(data):
    """A mixture of two normals with ordered means; its density is a potential."""
    mu = r.normal(0, 2, shape=2, name="mu", constraint=pt.ordered())
    sigma = r.half_normal(2, shape=2, name="sigma")
    theta = r.beta(5, 5, name="theta")
    y = np.array(data["y"], float)
    first = pt.log(theta) + pt.logp(r.normal(mu[0], sigma[0], shape=len(y)), y)
    second = pt.log1p(-theta) + pt.logp(r.normal(mu[1], sigma[1], shape=len(y)), y)
    return pt.condition({}, potentials=[pt.potential(pt.logaddexp(first, second), name="y")])


def gp_regr(data):
    """A Gaussian process, whose noise variance, not sd, is sigma."""
    x, y = np.array(data["x"], float), np.array(data["y"], float)
    rho, alpha = r.gamma(25, 4, name="rho"), r.half_normal(2, name="alpha")
    sigma = r.half_normal(1, name="sigma")
    squared = (x[:, None] - x) ** 2
    cov = pt.square(alpha) * pt.exp(-squared / (2 * pt.square(rho))) + sigma * np.eye(len(x))
    return pt.condition({r.multivariate_normal(0.0, cov=cov, name="y"): y})


# posterior -> (model, draws of each of four chains)
MODELS = {
    "eight_schools-eight_schools_noncentered": (eight_schools_noncentered, 4000),
    "earnings-earn_height": (earn_height, 2000),
    "kidiq-kidscore_momiq": (kidscore_momiq, 2000),
    "mesquite-mesquite": (mesquite, 2000),
    "nes1992-nes": (nes, 2000),
    "sblrc-blr": (blr, 2000),
    "diamonds-diamonds": (diamonds, 1500),
    "earnings-logearn_interaction": (logearn_interaction, 2000),
    "earnings-log10earn_height": (log10earn_height, 2000),
    "kidiq-kidscore_interaction": (kidscore_interaction, 2000),
    "kidiq_with_mom_work-kidscore_mom_work": (kidscore_mom_work, 2000),
    "mesquite-logmesquite_logva": (logmesquite_logva, 2000),
    "nes1972-nes": (nes, 2000),
    "arK-arK": (time_series.ar_k, 2000),
    "gp_pois_regr-gp_regr": (gp_regr, 2000),
    "low_dim_gauss_mix-low_dim_gauss_mix": (low_dim_gauss_mix, 2000),
    "garch-garch11": (time_series.garch11, 2000),
    "bball_drive_event_0-hmm_drive_0": (time_series.hmm_drive, 2000),
    "hudson_lynx_hare-lotka_volterra": (time_series.lotka_volterra, 1500),
    "hmm_example-hmm_example": (time_series.hmm_example, 2000),
}
