"""What PyMC makes of precisions, moments, powers and missing values, read back."""

import numpy as np
import pytest

pytest.importorskip("pymc")
pytest.importorskip("pytensor")

import pymc as pm
import pytensor.tensor as at
from pytensor import config

from probtensor import ops
from probtensor.graph import GraphError, toposort
from probtensor.interop import pymc as ptpm
from probtensor.interop.pymc.models import Translation
from probtensor.interop.pytensor.translate import Translator
from tests.interop.gallery.reference import density, order

Y = np.array([0.5, 1.5, 2.5])


def model(name, **parameters):
    """A model of data whose distribution has parameters that are functions of `v`."""
    with pm.Model() as m:
        v = pm.Normal("v", 0, 1, shape=3)
        getattr(pm, name)("y", **{key: f(v) for key, f in parameters.items()}, observed=Y)
    return m


def precision(v):
    return at.exp(-2 * v)


CASES = {
    "normal": ("Normal", {"mu": lambda v: v, "tau": precision}),
    "student": ("StudentT", {"nu": lambda v: 3.0, "mu": lambda v: v, "lam": precision}),
    "gamma": ("Gamma", {"mu": at.exp, "sigma": lambda v: at.exp(0.5 * v)}),
}


@pytest.mark.parametrize("case", CASES)
def test_the_density_is_that_of_the_parameters(case):
    name, parameters = CASES[case]
    m = model(name, **parameters)
    own = ptpm.posterior(m, target="interp", progress=False)
    q = np.array([0.3, -0.7, 1.2])
    np.testing.assert_allclose(own.logp(q), m.compile_logp()({"v": q}), rtol=1e-7)


@pytest.mark.parametrize("case", CASES)
def test_signs_and_sizes_are_not_computed(case):
    name, parameters = CASES[case]
    (node,) = Translation(model(name, **parameters)).observed
    assert not [x for x in toposort([node]) if isinstance(x.op, (ops.Sign, ops.Abs, ops.Pow))]


@pytest.mark.parametrize("case", ["normal", "student"])
def test_exponentials_in_a_precision_do_not_overflow(case):
    name, parameters = CASES[case]
    own = ptpm.posterior(model(name, **parameters), target="interp", progress=False)
    value, slope = own.logp_and_grad(np.array([400.0, 0.1, 0.2]))
    assert np.isfinite(value)
    assert np.isfinite(slope).all()


def test_a_negative_precision_has_no_density():
    own = ptpm.posterior(model("Normal", mu=lambda v: v, tau=lambda v: v), target="interp",
                         progress=False)  # fmt: skip
    assert own.logp(np.array([1.0, 2.0, 0.5])) > -np.inf
    assert own.logp(np.array([1.0, -2.0, 0.5])) == -np.inf


@pytest.mark.parametrize("power", [2, -1, np.int8(3)])
def test_a_power_by_a_whole_literal_is_one_of_real_numbers(power):
    x = at.vector("x", dtype="float64")
    own = ops.tensor("x", (3,))
    found = Translator({x: own}, []).node(x**power)
    value = {2: ops.square(own), -1: own ** -1.0, 3: own**3.0}[int(power)]
    assert found is value


def partly_seen_regressors():
    """A matrix with missing entries, which missing responses depend on."""
    x = np.ma.masked_less(np.arange(10.0).reshape(5, 2) % 7, 1)
    y = np.ma.masked_invalid([0.5, np.nan, 1.0, -0.4, np.nan])
    x = pm.Normal("x", pm.Normal("mu", 0, 1, shape=2), 1.5, observed=x)
    pm.Normal("y", x @ pm.Normal("b", 0, 1, shape=2), 1, observed=y)


def free_behind_observed():
    """A free variable whose mean is observed, and is observed before it; two that are apart."""
    b = pm.HalfNormal("b")
    y = pm.Normal("y", 0, b, observed=Y)
    pm.Normal("z", mu=pm.Normal("a", mu=y, sigma=b).sum(), sigma=1, observed=2.0)
    pm.Normal("unobserved")
    pm.Normal("last")


def in_model(build):
    with pm.Model() as m:
        build()
    return m


@pytest.mark.filterwarnings("ignore:Data in")
@pytest.mark.parametrize("build", [partly_seen_regressors, free_behind_observed])
def test_variables_behind_observed_ones_depend_on_what_was_observed(build):
    with config.change_flags(mode="FAST_COMPILE", cxx=""):
        own = ptpm.posterior(in_model(build), target="interp", progress=False)
        m, reference = density(lambda _: in_model(build), None)
        q = np.random.default_rng(2).normal(size=len(order(own, m)))
        wanted, slope = reference(q)
    value, gradient = own.logp_and_grad(q[order(own, m)])
    np.testing.assert_allclose(value, wanted, rtol=1e-12)
    np.testing.assert_allclose(gradient, slope[order(own, m)], rtol=1e-9, atol=1e-12)
    assert [v.name for v in own.model.free] == [v.name for v in m.free_RVs]


def test_random_variables_without_a_name_are_refused():
    with pm.Model() as m:
        pm.Normal("y", pm.Gamma.dist(2, 1), 1, observed=2.0)
    with pytest.raises(GraphError, match=r"'y' depends on a random variable \(gamma\) that has no"):
        ptpm.posterior(m, target="interp", progress=False)
