"""ProbTensor: `posterior.logp_and_grad`, `posterior.address` and `pt.sample`."""

import importlib

import numpy as np

import probtensor as pt
from tests.bench.contenders.base import Contender, Pointer


def eight_schools(data):
    mu = pt.random.normal(0, 5, name="mu")
    tau = pt.random.half_cauchy(5, name="tau")
    theta_trans = pt.random.normal(0, 1, shape=8, name="theta_trans")
    y = pt.random.normal(mu + tau * theta_trans, data["sigma"], name="y")
    return {y: data["y"]}


def logistic(data):
    beta = pt.random.normal(0, 2.5, shape=data["x"].shape[1], name="beta")
    y = pt.random.bernoulli(logit_p=pt.dot(data["x"], beta), name="y")
    return {y: data["y"]}


def radon(data):
    county = data["county"]
    sigma_y = pt.random.half_normal(1, name="sigma_y")
    sigma_alpha = pt.random.half_normal(1, name="sigma_alpha")
    sigma_beta = pt.random.half_normal(1, name="sigma_beta")
    alpha_raw = pt.random.normal(0, 1, shape=data["counties"], name="alpha_raw")
    beta_raw = pt.random.normal(0, 1, shape=data["counties"], name="beta_raw")
    mu_alpha = pt.random.normal(0, 10, name="mu_alpha")
    mu_beta = pt.random.normal(0, 10, name="mu_beta")
    alpha = mu_alpha + sigma_alpha * alpha_raw
    beta = mu_beta + sigma_beta * beta_raw
    y = pt.random.normal(alpha[county] + beta[county] * data["floor"], sigma_y, name="y")
    return {y: data["y"]}


def irt_2pl(data):
    items, persons = data["y"].shape
    sigma_theta = pt.random.half_cauchy(2, name="sigma_theta")
    theta = pt.random.normal(0, sigma_theta, shape=persons, name="theta")
    sigma_a = pt.random.half_cauchy(2, name="sigma_a")
    a = pt.random.log_normal(0, sigma_a, shape=items, name="a")
    mu_b = pt.random.normal(0, 5, name="mu_b")
    sigma_b = pt.random.half_cauchy(2, name="sigma_b")
    b = pt.random.normal(mu_b, sigma_b, shape=items, name="b")
    logit = a[:, None] * (theta[None, :] - b[:, None])
    y = pt.random.bernoulli(logit_p=logit, name="y")
    return {y: data["y"]}


MODELS = {
    "eight_schools": eight_schools,
    "logistic": logistic,
    "radon": radon,
    "irt_2pl": irt_2pl,
}


class Adapter(Contender):
    """`pt.condition` counts as compilation, since peers derive the log density there too."""

    def build(self):
        self.observed = MODELS[self.case.name](self.case.data)

    def compile(self):
        self.posterior = pt.condition(self.observed)
        return self.posterior.logp_and_grad

    def flatten(self, point):
        return self.posterior.unconstrain(self.case.constrained(point))

    def pointer(self):
        context = self.posterior.context()
        owner = (self.posterior, context)
        return Pointer("direct", self.posterior.address, context.address, owner)

    def prepare(self, draws, tune, chains, cores, seed):
        """ArviZ, which peers import with themselves, and the function from draws to variables."""
        importlib.import_module("arviz")
        self.posterior.expand(np.zeros((1, self.posterior.dim)))

    def sample(self, draws, tune, chains, cores, seed):
        idata = pt.sample(
            self.posterior,
            draws=draws,
            tune=tune,
            chains=chains,
            cores=cores,
            seed=seed,
            progress=False,
        )
        posterior = idata["posterior"]
        return {p.name: np.asarray(posterior[p.name]) for p in self.case.parameters}
