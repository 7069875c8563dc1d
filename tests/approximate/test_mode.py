"""`find_MAP`: modes with a closed form, in both coordinates; starts and ends that are none."""

import warnings

import numpy as np
import pytest

import probtensor as pt
from probtensor.approximate.density import Density
from probtensor.graph import GraphError

QUIET = {"progress": False, "seed": 1}


class Plain:
    """A bare density: normal with means 0, 1, 2, ... and standard deviation 1."""

    dim, address = 3, 0

    def context(self):
        return None

    def logp_and_grad(self, q):
        away = q - np.arange(3.0)
        return -0.5 * float(away @ away), -away


def told(*variables, **data):
    """A posterior of variables that no data say anything of."""
    read = sum(0.0 * pt.sum(x) for x in variables)
    return pt.condition({pt.random.normal(read, 1.0, name="y"): 0.0, **data})


@pytest.fixture(scope="module")
def bounded():
    return told(
        pt.random.gamma(3.0, 2.0, name="g"),
        pt.random.beta(3.0, 2.0, name="b"),
        pt.random.inverse_gamma(3.0, 2.0, name="i"),
        pt.random.dirichlet(np.array([2.0, 3.0, 5.0]), name="w"),
        pt.random.normal(2.0, 3.0, name="x", shape=2),
    )


MODES = {
    False: {"g": 2 / 2, "b": 2 / 3, "i": 2 / 4, "w": np.array([1, 2, 4]) / 7, "x": [2, 2]},
    True: {"g": 3 / 2, "b": 3 / 5, "i": 2 / 3, "w": np.array([2, 3, 5]) / 10, "x": [2, 2]},
}


@pytest.mark.parametrize("jacobian", [False, True])
def test_modes_have_their_closed_forms(bounded, jacobian):
    found = pt.find_MAP(bounded, include_jacobian=jacobian, hessian=True, **QUIET)
    assert found.converged and set(found.values) == set(MODES[jacobian])
    for name, expected in MODES[jacobian].items():
        np.testing.assert_allclose(found[name], expected, rtol=1e-6)
    if jacobian:
        assert found.logp == bounded.logp(found.q)
    density = Density(bounded, jacobian)
    np.testing.assert_allclose(found.hessian, density._differences(found.q), atol=1e-7)
    assert np.linalg.eigvalsh(found.hessian).max() < 0
    again = pt.find_MAP(bounded, found, include_jacobian=jacobian, **QUIET)
    assert again.evaluations < 10 and np.allclose(again.q, found.q, atol=1e-6)


def test_the_density_without_jacobians_is_that_of_the_variables():
    """Its value and slope, of a variable in centred coordinates, too."""
    mu = pt.random.normal(0.0, 2.0, name="mu")
    tau = pt.random.half_normal(1.5, name="tau")
    theta = pt.random.normal(mu, tau, name="theta", shape=2, centered=False)
    density = Density(told(theta), jacobian=False)
    q = np.array([0.3, -0.4, 0.5, -1.2])
    value, slope = density.at(q)
    at = density.posterior.constrain(q)
    terms = [pt.logp(pt.random.normal(0.0, 2.0), at["mu"]), pt.logp(pt.random.normal(0, 1), 0.0)]
    terms += [pt.logp(pt.random.half_normal(1.5), at["tau"])]
    terms += [pt.sum(pt.logp(pt.random.normal(at["mu"], at["tau"]), at["theta"]))]
    np.testing.assert_allclose(value, sum(term.eval() for term in terms), rtol=1e-12)
    for i, step in enumerate(1e-6 * np.eye(4)):
        rise = (density.at(q + step)[0] - density.at(q - step)[0]) / 2e-6
        np.testing.assert_allclose(slope[i], rise, rtol=1e-7)
    np.testing.assert_allclose(density.hessian(q), density._differences(q), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    "method", ["BFGS", "cg", "Newton-CG", "trust-exact", "TNC", "SLSQP", "Powell", "Nelder-Mead"]
)
def test_methods_of_scipy(method):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = pt.find_MAP(
            Plain(), method=method, include_jacobian=True, options={"disp": False}, **QUIET
        )
    assert found.converged
    np.testing.assert_allclose(found["q"], np.arange(3.0), atol=1e-3)


def test_variables_of_very_different_scales():
    big = pt.random.normal(1e6, 1e5, name="big")
    small = pt.random.normal(0.0, 1e-6, name="small")
    y = pt.random.normal(1e-6 * big + 1e6 * small, 1.0, name="y")
    found = pt.find_MAP(pt.condition({y: 1.0}), **QUIET)
    assert found.converged
    np.testing.assert_allclose([found["big"], 1e6 * found["small"]], [1e6, 0.0], atol=1e-6)


def test_restarts_find_the_higher_mode_and_a_seed_repeats_them():
    x = pt.random.normal(0.0, 10.0, name="x")
    peaks = pt.logaddexp(-0.5 * ((x + 1.5) / 0.1) ** 2 - 3, -0.5 * ((x - 1.5) / 0.1) ** 2)
    posterior = pt.condition({pt.random.normal(0 * x, 1.0, name="y"): 0.0}, potentials=[peaks])
    first = pt.find_MAP(posterior, {"x": -1.4}, **QUIET)
    assert np.isclose(first["x"], -1.5, atol=1e-2)
    best, same = (pt.find_MAP(posterior, restarts=8, **QUIET) for _ in range(2))
    assert np.isclose(best["x"], 1.5, atol=1e-2) and best.logp > first.logp + 2
    assert np.array_equal(best.q, same.q)


def test_starts_without_a_density_and_without_parameters(capsys):
    u = pt.random.normal(0.0, 1.0, name="u")
    wide = pt.condition({pt.random.uniform(0.0, pt.exp(u), name="y"): 5.0})
    with pytest.raises(pt.SamplingError, match=r"-inf at the start(?s:.*)'y' must be"):
        pt.find_MAP(wide, {"u": 0.0}, **QUIET)
    with pytest.warns(pt.SamplerWarning, match="has not converged"):  # its top is an edge
        assert np.isclose(pt.find_MAP(wide, **QUIET)["u"], np.log(5.0))
    never = pt.condition({pt.random.uniform(0.0, 1.0 + 0 * u, name="y"): 5.0})
    with pytest.raises(pt.SamplingError, match="at all 101 points tried"):
        pt.find_MAP(never, **QUIET)
    found = pt.find_MAP(pt.condition({pt.random.normal(0.0, 1.0, name="y"): 1.0}))
    assert found.converged and not found.values and found.q.shape == (0,)
    assert np.isclose(found.logp, -0.5 - 0.5 * np.log(2 * np.pi))
    assert "find_MAP: 2 evaluations in" in capsys.readouterr().err


def test_searches_that_do_not_end_at_a_mode_warn():
    edge = told(pt.random.beta(0.5, 0.5, name="b"))
    with pytest.warns(pt.SamplerWarning, match="no bound, at the edge of the support of b"):
        assert not pt.find_MAP(edge, {"b": 0.3}, maxiter=50, **QUIET).converged
    x = pt.random.normal(0.0, np.arange(1.0, 6.0), name="x")
    far = told(x)
    with pytest.warns(pt.SamplerWarning, match="the limit of 1 iterations"):
        found = pt.find_MAP(far, np.ones(5), maxiter=1, **QUIET)
    assert not found.converged and "not converged" in repr(found)


def test_wrong_settings_are_refused(bounded):
    k = pt.random.poisson(3.0, name="k")
    with pytest.raises(GraphError, match="'k' is discrete and not observed"):
        pt.find_MAP(told(k), **QUIET)
    for error, text, call in [
        (TypeError, "the first argument is a posterior", lambda: pt.find_MAP(3)),
        (TypeError, "write include_jacobian=True", lambda: pt.find_MAP(Plain())),
        (TypeError, "did you mean 'start'", lambda: pt.find_MAP(bounded, init=0)),
        (ValueError, "method is one of SciPy's", lambda: pt.find_MAP(bounded, method="x")),
        (ValueError, "restarts must be at least 1", lambda: pt.find_MAP(bounded, restarts=0)),
        (ValueError, r"start has shape \(2,\)", lambda: pt.find_MAP(bounded, np.ones(2))),
        (TypeError, "start is {name: value}", lambda: pt.find_MAP(bounded, "prior")),
        (KeyError, "find_MAP: start: no value is given", lambda: pt.find_MAP(bounded, {"g": 1})),
    ]:
        with pytest.raises(error, match=text):
            call()
