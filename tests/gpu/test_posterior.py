"""Posteriors with target="cuda": the density, many points at once, draws to values, new data."""

import pickle
import struct
from collections import Counter

import numpy as np
import pytest

import probtensor as pt
from probtensor.sample.runs.output import to_arviz
from tests.models import EIGHT_SCHOOLS

pytestmark = pytest.mark.usefixtures("device_driver")

Y = np.array(EIGHT_SCHOOLS["y"])
SIGMA = np.array(EIGHT_SCHOOLS["sigma"])
CLOSE = {"rtol": 1e-10, "atol": 1e-10}


def schools(target):
    mu = pt.random.normal(0, 5, name="mu")
    tau = pt.random.half_cauchy(5, name="tau")
    z = pt.random.normal(0, 1, name="z", dims="school")
    theta = pt.deterministic(mu + tau * z, name="theta", dims="school")
    y = pt.random.normal(theta, SIGMA, name="y", dims="school")
    return pt.condition({y: Y}, coords={"school": list("abcdefgh")}, target=target)


def radon_data(homes=120, counties=9, seed=3):
    rng = np.random.default_rng(seed)
    county = rng.integers(0, counties, homes)
    floor = rng.integers(0, 2, homes).astype(float)
    return county, floor, 1.3 - 0.6 * floor + 0.3 * rng.normal(size=homes), counties


def radon(target, **options):
    """Varying intercepts and slopes: gathers forward, scatters backward."""
    county, floor, log_radon, counties = radon_data(**options)
    where, x = pt.data(county, name="county", dims="home"), pt.data(floor, "floor", dims="home")
    mu_a = pt.random.normal(0, 10, name="mu_a")
    sigma_a = pt.random.half_normal(5, name="sigma_a")
    a = pt.random.normal(mu_a, sigma_a, shape=counties, name="a")
    b = pt.random.normal(0, 1, shape=counties, name="b")
    sigma = pt.random.exponential(1.0, name="sigma")
    y = pt.random.normal(a[where] + b[where] * x, sigma, name="y", dims="home")
    return pt.condition({y: log_radon}, target=target)


def covariance(target):
    """Dense algebra in the density: a covariance of three coefficients, and an ordered pair."""
    cut = pt.random.normal(0, 2, name="cut", shape=2, constraint=pt.ordered())
    scale = pt.random.half_normal(1, name="scale")
    cov = scale * (np.eye(3) + 0.3)
    beta = pt.random.multivariate_normal(np.zeros(3), cov, name="beta")
    y = pt.random.normal(pt.sum(beta) + cut[1] - cut[0], 1.0, name="y", shape=4)
    return pt.condition({y: np.array([0.3, 1.0, -0.2, 0.9])}, target=target)


MODELS = pytest.mark.parametrize("model", [schools, radon, covariance])


@MODELS
def test_the_density_is_that_of_the_cpu(model):
    there, here = model("cuda"), model("cython")
    assert there.on_device and not here.on_device
    rng = np.random.default_rng(0)
    for _ in range(4):
        q = rng.normal(size=there.dim)
        logp, gradient = there.logp_and_grad(q)
        expected, slope = here.logp_and_grad(q)
        assert type(logp) is float and np.isclose(logp, expected, **CLOSE)
        np.testing.assert_allclose(gradient, slope, **CLOSE)
        assert there.logp(q) == logp and there(q)[0] == logp
    assert there.diagnose(q) == here.diagnose(q)


@MODELS
@pytest.mark.parametrize("count", [1, 3, 70])
def test_many_points_are_one_launch(model, count, device_driver):
    there, here = model("cuda"), model("cython")
    q = np.random.default_rng(1).normal(size=(count, there.dim))
    logp, gradient = there.batched(q)
    expected, slope = here.batched(q)
    assert logp.shape == (count,) and gradient.shape == q.shape
    np.testing.assert_allclose(logp, expected, **CLOSE)
    np.testing.assert_allclose(gradient, slope, **CLOSE)
    before = dict(device_driver.counts)
    there.batched(q)
    counts = Counter({name: n - before.get(name, 0) for name, n in device_driver.counts.items()})
    assert counts["launches"] == counts["uploads"] == 1
    status = bool(there.function.plan.failures)
    assert counts["downloads"] == 2 + status and counts["allocations"] == 0


def test_points_on_the_device_stay_there(device_driver):
    there = schools("cuda")
    q = np.random.default_rng(2).normal(size=(33, 10))
    points = pt.device_array(q)
    before = dict(device_driver.counts)
    logp, gradient = there.batched(points)
    assert device_driver.counts["downloads"] == before.get("downloads", 0)
    assert isinstance(logp, pt.DeviceArray) and isinstance(gradient, pt.DeviceArray)
    expected, slope = schools("cython").batched(q)
    np.testing.assert_allclose(logp.get(), expected, **CLOSE)
    np.testing.assert_allclose(gradient.get(), slope, **CLOSE)
    assert there.batched(q[:0])[1].shape == (0, 10)


def test_draws_become_values_in_one_launch(device_driver):
    there, here = schools("cuda"), schools("cython")
    draws = np.random.default_rng(3).normal(size=(50, 10))
    there.expand(draws[:1])
    before = dict(device_driver.counts)
    found = there.expand(draws)
    assert device_driver.counts["launches"] - before["launches"] == 1
    for name, values in here.expand(draws).items():
        np.testing.assert_allclose(found[name], values, **CLOSE)
    np.testing.assert_array_equal(there.expand(pt.device_array(draws))["theta"], found["theta"])
    assert there.expand(np.empty((0, 10)))["theta"].shape == (0, 8)
    for name, value in there.constrain(draws[0]).items():
        np.testing.assert_allclose(found[name][0], value, **CLOSE)


TAIL = """
extern "C" __global__ void each(pt_data data, const double *q, double *grad, double *logp,
                                long long chains, char *work, long long work_bytes, int *status)
{
    const pt_chain g = {};
    for (long long row = g.index(); row < chains; row += g.count()) {
        const double value = pt_density(g, data, q + row * PT_DIM, grad + row * PT_DIM,
                                        work + g.index() * work_bytes, status);
        if (g.lane() == 0)
            logp[row] = value;
    }
}
"""


@MODELS
def test_the_density_is_device_code_for_samplers(model, device_driver):
    there = model("cuda")
    many = there.device_code(TAIL)
    program, count, dim = many.program, 20, there.dim
    points = np.random.default_rng(6).normal(size=(count, dim))
    q, grad = pt.device_array(points), pt.device_array(np.empty((count, dim)))
    logp, status = pt.device_array(np.empty(count)), pt.device_array(np.zeros(1, "int32"))
    grid, block = program.shape(count)
    groups = program.groups(count)
    work = pt.device_array(np.empty(groups * many.work_bytes, "uint8"))
    packed = many.data + struct.pack(
        "QQQqQqQ", q.address, grad.address, logp.address, count, work.address, many.work_bytes,
        status.address,
    )  # fmt: skip
    device_driver.launch(program.module.function("each"), grid, block, 0, packed)
    expected, slope = there.batched(points)
    np.testing.assert_allclose(logp.get(), expected, **CLOSE)
    np.testing.assert_allclose(grad.get(), slope, **CLOSE)
    assert not status.get().any()


def test_a_long_vector_of_unknowns():
    """Sizes past what is written into the text: PT_DIM must be a number all the same."""
    there, here = radon("cuda", counties=150), radon("cython", counties=150)
    q = np.random.default_rng(7).normal(size=(5, there.dim))
    for found, expected in zip(there.batched(q), here.batched(q), strict=True):
        np.testing.assert_allclose(found, expected, **CLOSE)
    assert f"#define PT_DIM {there.dim}\n" in there.device_code("").program.source


def test_other_data_of_another_length():
    there, here = radon("cuda"), radon("cython")
    q = np.random.default_rng(4).normal(size=there.dim)
    there.logp(q)
    county, floor, log_radon, _ = radon_data(homes=31, seed=8)
    new = {"county": county, "floor": floor, "y": log_radon}
    moved, expected = there.with_data(new), here.with_data(new)
    np.testing.assert_allclose(moved.logp_and_grad(q)[1], expected.logp_and_grad(q)[1], **CLOSE)
    np.testing.assert_allclose(moved.batched(q[None])[0][0], expected.logp(q), **CLOSE)
    assert moved.function.compilation.built is there.function.compilation.built


def test_data_with_negative_indices():
    there, here = radon("cuda"), radon("cython")
    county, _, _, counties = radon_data()
    new = {"county": np.where(county > 4, county - counties, county)}
    q = np.random.default_rng(5).normal(size=there.dim)
    np.testing.assert_allclose(there.with_data(new).batched(q[None])[0], here.logp(q), **CLOSE)


def test_pickling_keeps_the_target():
    there = schools(pt.Cuda(deterministic=True))
    again = pickle.loads(pickle.dumps(there))
    assert again.on_device and again.function.compilation.target == pt.Cuda(deterministic=True)
    q = np.zeros(10)
    assert again.logp(q) == there.logp(q)


def test_the_environment_names_the_target(monkeypatch):
    monkeypatch.setenv("PROBTENSOR_TARGET", "cuda")
    assert schools(None).on_device


def test_what_needs_a_pointer_says_so():
    there = schools("cuda")
    for use in (lambda: there.address, there.context):
        with pytest.raises(TypeError, match=r"on a device.*sample"):
            use()
    with pytest.raises(TypeError, match="target='cuda'"):
        schools("cython").device_code("")
    for q in (np.zeros(9), np.zeros((2, 10)), pt.device_array(np.zeros(9))):
        with pytest.raises(ValueError, match=r"must have shape \(10,\)"):
            there.logp_and_grad(q)
    with pytest.raises(ValueError, match=r"q must have shape \(n, 10\), not \(2, 9\)"):
        there.batched(np.zeros((2, 9)))
    with pytest.raises(ValueError, match=r"must have shape \(n, 10\)"):
        there.batched(pt.device_array(np.zeros(10)))


def test_one_point_may_lie_on_the_device_and_data_are_asked_for_here():
    there, q = schools("cuda"), np.linspace(-1, 1, 10)
    logp, gradient = there.logp_and_grad(pt.device_array(q))
    assert logp == there.logp(q) and type(gradient) is np.ndarray
    y = pt.random.normal(0, pt.random.half_normal(1, name="s"), name="y", shape=2)
    with pytest.raises(TypeError, match=r"value of normal 'y': .*\.get\(\)"):
        pt.condition({y: pt.device_array([1.0, 2.0])}, target="cuda")
    x = pt.data(np.ones(2), "x")
    line = pt.random.normal(pt.random.normal(0, 1, name="b") * x, 1, name="line")
    with pytest.raises(TypeError, match=r"^x: .*\.get\(\)"):
        pt.condition({line: [1.0, 2.0]}).with_data({x: pt.device_array([1.0, 2.0])})
    with pytest.raises(TypeError, match=r"^sample: init: .*\.get\(\)"):
        pt.sample(there, init=pt.device_array(q))


def test_prior_and_predictive_draws():
    here, there = schools("cython"), schools("cuda")
    expected, found = (pt.sample_prior(m, draws=40, seed=3) for m in (here, there))
    for group in ("prior", "prior_predictive"):
        for name, values in getattr(expected, group).items():
            np.testing.assert_allclose(getattr(found, group)[name], values, **CLOSE)
    values = here.expand(np.random.default_rng(0).normal(size=(30, 10)))
    draws = {name: array[None] for name, array in values.items()}
    idata = to_arviz({"posterior": draws}, dims=here.dims, coords=here.coords, attrs={})
    first, second = (pt.log_likelihood(m, idata) for m in (here, there))
    np.testing.assert_allclose(second.log_likelihood["y"], first.log_likelihood["y"], **CLOSE)


def test_the_density_is_zero_where_a_parameter_leaves_its_range():
    s = pt.random.normal(0, 1, shape=3, name="s")
    y = pt.random.normal(0, s, name="y")
    there, here = (pt.condition({y: [0.0, 1.0, 2.0]}, target=t) for t in ("cuda", "cython"))
    points = np.array([[1.0, 0.5, 2.0], [1.0, -0.5, 2.0], [-1.0, -2.0, -3.0], [1.0, np.nan, 1.0]])
    logp, _gradient = there.batched(points)
    assert np.isfinite(logp[0]) and np.all(logp[1:] == -np.inf)
    np.testing.assert_allclose(logp, here.batched(points)[0], rtol=1e-12)
    assert there.logp(points[1]) == -np.inf
