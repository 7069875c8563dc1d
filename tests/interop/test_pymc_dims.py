"""Models of `pymc.dims`: axes in another order, transforms of named dimensions, whole fits."""

import warnings

import numpy as np
import pytest

pytest.importorskip("pymc")

import pymc as pm
import pytensor
import pytensor.xtensor as px
from pymc import dims as pmd

from probtensor.interop import pymc as ptpm
from tests.interop.gallery.reference import density, order, start_of

COORDS = {"g": list("abc"), "k": range(4), "r": range(6)}
RNG = np.random.default_rng(3)
Y, K = RNG.normal(size=(3, 6)), RNG.integers(0, 4, size=(3, 6))


@pytest.fixture(autouse=True)
def without_compilers():
    with pytensor.config.change_flags(mode="FAST_COMPILE", cxx=""), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that pymc.dims is new
        yield


def seen(array):
    return pmd.Data("seen", array, dims=("g", "r"))


def sums_to_zero(core, **dims):
    def build():
        sigma = pmd.HalfNormal("sigma", 1)
        a = pmd.ZeroSumNormal("a", sigma=sigma, core_dims=core, **dims)
        pmd.Normal("y", a, 1.0, observed=seen(Y))

    return build


def simplex(*dims):
    def build():
        alpha = pmd.HalfNormal("alpha", 1.0, dims="k")
        p = pmd.Dirichlet("p", alpha, core_dims="k", dims=dims)
        pmd.Categorical("y", p, core_dims="k", observed=seen(K))

    return build


def between():
    a, b = pmd.Uniform("a", -1.0, 2.0, dims="g"), pmd.Beta("b", 2.0, 3.0)
    sigma = pmd.TruncatedNormal("sigma", 0.0, 1.0, lower=0.1, upper=3.0)
    pmd.Normal("y", a * b, sigma, observed=seen(Y))


def bounds_of_rows():
    low = px.as_xtensor(np.array([-1.0, -2.0, 0.5]), dims=("g",))
    between = pmd.distributions.transforms.IntervalTransform(low, 2.0)
    a = pmd.Flat("a", dims=("r", "g"), transform=between)
    pmd.Normal("y", a, 1.0, observed=seen(Y))


def transposed():
    a, s = pmd.Normal("a", 0.0, 1.0, dims="g"), pmd.HalfNormal("s", 1.0, dims="k")
    b = pmd.Normal("b", a, s, dims=("k", "g"))
    c = pmd.Gamma("c", mu=s + 1, sigma=2.0, dims=("k", "g"))
    e = pmd.Normal("e", (a * s).transpose("k", "g"), 1.0, dims=("g", "k"))
    pmd.Deterministic("total", (b * c).sum("k"))
    mu = (b * c + e).sum("k")
    pmd.Normal("y", mu, 1.0, dims=("g", "r"), observed=seen(Y))


MODELS = {
    "ZeroSum": sums_to_zero("g", dims="g"),
    "ZeroSum of the first axis": sums_to_zero("g", dims=("g", "r")),
    "ZeroSum of two axes": sums_to_zero(("g", "r")),
    "Dirichlet": simplex("g", "k"),
    "Dirichlet of the first axis": simplex("k", "g"),
    "between bounds": between,
    "bounds of rows": bounds_of_rows,
    "transposed": transposed,
}


def built(name):
    with pm.Model(coords=COORDS) as model:
        MODELS[name]()
    return model


@pytest.mark.parametrize("name", MODELS)
def test_densities_and_gradients_are_those_of_pymc(name):
    posterior = ptpm.posterior(built(name), target="machine", progress=False)
    model, reference = density(lambda _: built(name), None)
    own, rng, gaps = order(posterior, model), np.random.default_rng(0), []
    start = np.nan_to_num(start_of(model), neginf=0.0)
    for _ in range(3):
        q = start + 0.3 * rng.normal(size=posterior.dim)
        wanted, slope = reference(q)
        value, gradient = posterior.logp_and_grad(q[own])
        scale = np.abs(slope).max()
        np.testing.assert_allclose(gradient, slope[own], rtol=1e-9, atol=1e-9 * scale)
        gaps.append(value - wanted)
    np.testing.assert_allclose(gaps, 0, atol=1e-10 * (1 + abs(wanted)))


def test_draws_have_the_dims_in_the_order_of_the_model():
    idata = ptpm.sample(
        30, tune=50, chains=1, random_seed=1, progressbar=False, model=built("transposed"),
        target="machine", compute_convergence_checks=False,
    ).posterior  # fmt: skip
    assert idata["b"].dims == ("chain", "draw", "k", "g")
    assert idata["e"].dims == ("chain", "draw", "g", "k")
    np.testing.assert_allclose(idata["total"], (idata["b"] * idata["c"]).sum("k"), rtol=1e-12)
