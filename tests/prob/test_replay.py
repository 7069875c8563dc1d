"""Divergences of a run, followed again and explained."""

import linecache
import re
import warnings

import numpy as np
import pytest

import probtensor as pt
from probtensor.prob.replay.causes import cause_of
from probtensor.prob.replay.path import Path
from probtensor.prob.replay.stiffness import DENSE, stiffest, stiffness


def line_text(place):
    """The text of a user's line, given as file:number."""
    file, number = re.match(r"(.*):(\d+)", place).groups()
    return linecache.getline(file, int(number))


def drawn(posterior, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pt.sample(posterior, progress=False, **options)


@pytest.fixture(scope="module")
def funnel():
    log_sigma = pt.random.normal(0, 3, name="log_sigma")  # the driver
    effects = pt.random.normal(0, pt.exp(log_sigma / 2), name="effects", shape=9)  # the term
    y = pt.random.normal(effects[0], 5.0, name="y")
    posterior = pt.condition({y: 0.0})
    return posterior, drawn(posterior, seed=3, keep_divergences=True, target_accept=0.5)


def test_a_funnel_names_the_scale_and_its_line(funnel):
    posterior, idata = funnel
    found = posterior.explain_divergences(idata, limit=6)
    assert found.total == int(idata.sample_stats["diverging"].sum()) > 6
    assert len(found.divergences) == 6
    drivers = [d.driver for d in found.divergences]
    assert drivers.count("log_sigma") >= 5
    first = next(d for d in found.divergences if d.driver)
    assert first.kind == "stiff" and first.owner == "effects"
    assert "# the driver" in line_text(first.driver_line)
    assert "# the term" in line_text(first.line) and first.term == "the normal prior of effects"
    assert "its scale log_sigma" in str(found) and "centered=False" in str(found)


def test_a_path_is_the_one_of_the_sampler_bit_for_bit(funnel):
    posterior, idata = funnel
    stats, group = idata.sample_stats, idata["divergences"]
    limit = group.sizes["divergence"]
    for d in posterior.explain_divergences(idata, limit=limit).divergences:
        path = d.path
        before = stats["divergence_start"].values[path.chain, path.draw]
        np.testing.assert_array_equal(path.positions[-2], before)
        assert path.energies[-1] - path.energies[0] > 1000.0
        assert abs(path.step_size) == stats["step_size"].values[path.chain, path.draw]
        if path.draw:
            values = [idata.posterior[n].values[path.chain, path.draw - 1] for n in posterior.names]
            start = np.concatenate([np.ravel(x) for x in values])
            np.testing.assert_array_equal(path.positions[0], start)


def test_divergences_are_kept_for_each_chain_up_to_a_limit(funnel):
    _, idata = funnel
    diverging = idata.sample_stats["diverging"].values
    group = idata["divergences"]
    for chain in range(4):
        draws = np.flatnonzero(diverging[chain])[:20]
        np.testing.assert_array_equal(group["draw"].values[group["chain"].values == chain], draws)


def test_an_edge_names_the_term_and_its_line():
    x = pt.random.normal(0.0, 1.0, name="x")
    pt_term = pt.potential(pt.log(x - 0.5), name="edge")  # zero below one half
    posterior = pt.condition({}, potentials=[pt_term])
    idata = drawn(posterior, seed=1, chains=2, draws=300, tune=200, init={"x": 1.0})
    found = posterior.explain_divergences(idata, limit=3)
    assert found.total
    for d in found.divergences:
        assert d.kind == "edge" and d.variable == "edge"
        assert "# zero below one half" in line_text(d.line)
        # The operation and its line too, and no empty list of parameters.
        assert "edge because log(x - 0.5) is " in str(d)
    assert "constraint or a prior" in str(found) and "()" not in str(found)


def test_an_edge_of_a_support_is_told_by_what_it_demands_alone():
    low = pt.random.normal(0.0, 1.0, name="low")
    y = pt.random.uniform(low, low + 1.0, name="y", shape=2)
    posterior = pt.condition({y: np.array([0.2, 0.7])}, target="machine")
    found = posterior.explain_divergences(drawn(posterior, seed=1, draws=50, tune=50), limit=2)
    for d in found.divergences:
        assert (d.kind, d.owner) == ("edge", "y") and "in [low, add(low, 1.0)]" in str(d)
    assert found.divergences and "because" not in str(found)


def test_a_hierarchy_is_told_to_be_written_with_standardised_effects():
    sigma = pt.random.half_normal(5.0, name="sigma")
    mu = pt.random.normal(0, 5, name="mu")
    theta = pt.random.normal(mu, sigma, name="theta", shape=8)
    y = pt.random.normal(theta, np.array([15.0, 10, 16, 11, 9, 11, 10, 18]), name="y")
    posterior = pt.condition({y: np.array([28.0, 8, -3, 7, -1, 1, 18, 12])})
    found = posterior.explain_divergences(drawn(posterior, seed=1))
    causes = [(d.owner, d.driver) for d in found.divergences]
    assert causes.count(("theta", "sigma")) > 5 and len(causes) == 10
    assert re.search(r"sigma, which is 0\.\d+ there; [\d.]+% of the draws", str(found))
    assert "write theta with standardised effects" in str(found)


def test_runs_without_divergences_and_of_other_models(funnel):
    _, idata = funnel
    x = pt.random.normal(0.0, 1.0, name="x")
    other = pt.condition({pt.random.normal(x, 1.0, name="z"): 0.5})
    quiet = drawn(other, seed=1, chains=2, draws=50, tune=100)
    assert "divergences" not in quiet.groups()
    assert str(other.explain_divergences(quiet)) == "no draw diverged"
    with pytest.raises(ValueError, match=r"have 10 coordinates and this posterior has 1"):
        other.explain_divergences(idata)
    with pytest.raises(ValueError, match=r"what pt.sample returned"):
        other.explain_divergences({"x": 1})


def test_states_alone_are_explained_where_paths_were_not_recorded(funnel):
    posterior, idata = funnel
    old = idata.copy()
    del old.divergences
    found = posterior.explain_divergences(old, limit=4)
    assert [d.driver for d in found.divergences].count("log_sigma") >= 3


@pytest.mark.parametrize("n", [3, DENSE + 20])
def test_the_largest_curvature_of_a_normal_density(n):
    rng = np.random.default_rng(n)
    basis, _ = np.linalg.qr(rng.normal(size=(n, n)))
    values = np.r_[1e4, np.linspace(1.0, 50.0, n - 1)]
    matrix = basis @ np.diag(values) @ basis.T
    curvature, direction = stiffest(lambda q: -matrix @ q, rng.normal(size=n), np.ones(n))
    np.testing.assert_allclose(curvature, 1e4, rtol=1e-3)
    np.testing.assert_allclose(abs(direction @ basis[:, 0]), 1.0, rtol=1e-4)


def test_the_change_of_curvature_is_a_third_derivative():
    a = pt.random.normal(0.0, 1.0, name="a")
    b = pt.random.normal(0.0, pt.exp(a), name="b")
    posterior = pt.condition({pt.random.normal(b, 100.0, name="y"): 0.0})
    q = np.array([-3.0, 0.0])
    found = stiffness(posterior, q, np.ones(2))
    np.testing.assert_allclose(found.curvature, np.exp(6.0), rtol=1e-2)
    np.testing.assert_allclose(found.change, [-2.0, 0.0], atol=0.05)
    assert found.terms[0][1].name == "b"


@pt.custom_vjp
def wrong_square(x):
    return x * x


wrong_square.defvjp(lambda x: (wrong_square(x), x), lambda x, g: (-2.0 * g * x,))


def with_wrong_derivative():
    x = pt.random.normal(0.0, 1.0, name="x", shape=3)
    term = pt.potential(-5.0 * pt.sum(wrong_square(x)), name="penalty")  # the wrong derivative
    return pt.condition({}, potentials=[term])


def test_a_gradient_that_is_not_the_slope_names_the_term_and_its_line():
    report = with_wrong_derivative().check_gradient([1.0, -2.0, 0.0])
    assert not report and {f.variable for f in report.faults} == {"x[0]", "x[1]"}
    fault = report.faults[0]
    assert "penalty" in fault.term and "# the wrong derivative" in line_text(fault.line)
    np.testing.assert_allclose([fault.derivative, fault.slope], [10.0, -10.0], rtol=1e-6)


def test_gradients_that_are_right_are_found_right(funnel):
    posterior, idata = funnel
    for q in (np.linspace(-1, 1, posterior.dim), idata["divergences"]["position"].values[0]):
        report = posterior.check_gradient(q)
        assert report and report.compared >= 2 * posterior.dim
    k = pt.random.categorical(np.array([0.3, 0.7]), name="k")
    mu = pt.random.normal(0, 2, name="mu")
    y = pt.random.normal(pt.where(k > 0, mu, -mu), 1.0, name="y")
    assert pt.condition({y: 0.4}).check_gradient([0.7]).compared == 1


def test_divergences_of_a_wrong_derivative_are_told_from_stiff_ones():
    posterior = with_wrong_derivative()
    positions = np.array([[1.0, -2.0, 0.5], [1.1, -2.2, 0.6]])
    path = Path(0, 0, 0.01, positions, np.array([10.0, 2000.0]), np.ones(3))
    found = cause_of(posterior, path)
    assert (found.kind, found.owner) == ("slope", "penalty")
    assert "# the wrong derivative" in line_text(found.line)


def test_a_start_at_which_no_step_is_small_enough_names_the_term_that_jumps():
    x = pt.random.normal(0.0, 1.0, name="x", shape=2)
    step = pt.potential(pt.where(pt.all(x == 0.0), 0.0, -10.0), name="step")  # the jump
    posterior = pt.condition({}, potentials=[step])
    with pytest.raises(RuntimeError, match="no step size") as caught:
        drawn(posterior, seed=1, chains=1, draws=10, tune=10, init={"x": np.zeros(2)})
    assert "step jumps by -20 along x[0]" in str(caught.value)


# Points at which there is nothing to compare, and names in reports.


def test_a_point_without_a_density_has_no_slope():
    a = pt.random.normal(0.0, 1.0, name="a")
    y = pt.random.normal(pt.log(a), 1.0, name="y")
    posterior = pt.condition({y: 1.0}, target="interp")
    report = posterior.check_gradient([-1.0])
    assert not report and report.undefined == ("the normal likelihood of y is nan",)
    assert "diagnose(q) says why" in str(report) and posterior.check_gradient([1.0])
    text = posterior.diagnose([-1.0])
    assert "y because log(a) is nan: log of a negative number" in text and "a = -1.0" in text


def test_a_derivative_that_is_no_number_is_a_fault():
    square = pt.custom_vjp(lambda x: x**2)
    square.defvjp(lambda x: (x**2, x), lambda x, g: (g * pt.log(x - 10.0),))
    a = pt.random.normal(0.0, 1.0, name="a")
    posterior = pt.condition({pt.random.normal(square(a), 1.0, name="y"): 1.0}, target="interp")
    (fault,) = posterior.check_gradient([0.5]).faults
    assert fault.variable == "a" and np.isnan(fault.derivative) and abs(fault.slope - 0.75) < 1e-3


def test_reports_name_variables_and_their_unconstrained_values():
    high = pt.random.uniform(0.0, 1.0, name="high")
    for bound, shown in ((high, "high"), (high + 0.5, "add(high, 0.5)")):
        y = pt.random.uniform(0.0, bound, name="y", shape=2)
        posterior = pt.condition({y: [0.2, 2.0]}, target="interp")
        text = posterior.diagnose([0.3])
        assert f"must be a number in [0, {shown}]; entry [1] is 2" in text
    scale = pt.random.half_normal(1.0, name="scale")
    y = pt.random.normal(0.0, pt.sqrt(pt.log(scale)), name="y")
    text = str(pt.condition({y: 1.0}, target="interp").terms([-0.5]).problems[0].origin)
    assert "unconstrained scale" in text


def test_draws_of_other_data_and_wrong_limits_are_refused():
    tau = pt.random.half_cauchy(5.0, name="tau")
    theta = pt.random.normal(0.0, tau, name="theta", shape=8)
    y = pt.random.normal(theta, 10.0, name="y")
    posterior = pt.condition({y: np.arange(8.0)}, target="machine")
    idata = drawn(posterior, seed=1, draws=300, tune=300)
    assert posterior.explain_divergences(idata, limit=1).divergences
    other = posterior.with_data({y: np.zeros(8)})
    with pytest.raises(ValueError, match=r"of another model or of other data\n  at .*test_replay"):
        other.explain_divergences(idata)
    for limit, error in ((0, ValueError), (-1, ValueError), ("a", TypeError), (True, TypeError)):
        with pytest.raises(error, match="explain_divergences: limit"):
            posterior.explain_divergences(idata, limit=limit)
