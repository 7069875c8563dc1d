"""`pt.ode.solve` against closed forms and SciPy: values, derivatives, and what goes wrong."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import probtensor as pt
from probtensor.graph import GraphError

TIGHT = {"rtol": 1e-11, "atol": 1e-11}


def decay(k, y0, t0, ts):
    """The solution of dy/dt = -k t y."""
    return y0 * np.exp(-k * (ts**2 - t0**2) / 2)


@pytest.fixture
def decaying():
    """Inputs k, y0, t0, ts and the solution of dy/dt = -k t y."""
    k, y0, t0, ts = pt.scalar("k"), pt.scalar("y0"), pt.scalar("t0"), pt.vector("ts")
    solution = pt.ode.solve(lambda t, y, k: -k * t * y, y0, ts, (k,), t0=t0, **TIGHT)
    return (k, y0, t0, ts), solution


def test_values_and_gradients_are_those_of_a_closed_form(decaying, target):
    """By all that the solution depends on, at times of which one is t0; back in time as well."""
    inputs, solution = decaying
    cost = pt.sum(pt.cos(inputs[3]) * solution.y)
    f = pt.function(inputs, [solution.y, solution.status, *pt.grad(cost, list(inputs))])
    for t0, ts in [(0.9, [0.2, 1.5]), (0.0, [0.2, 0.1])]:
        y, status, *_ = f(0.7, 1.3, t0, ts)
        assert np.isnan(y).all() and status == 3
    for t0, ts in [(0.2, [0.2, 0.5, 1.0, 2.2]), (0.9, [0.5, 0.2, -1.0]), (0.4, [0.4])]:
        k, y0, ts = 0.7, 1.3, np.array(ts)
        y, status, *slopes = f(k, y0, t0, ts)
        exact = decay(k, y0, t0, ts)
        np.testing.assert_allclose(y, exact, rtol=1e-10)
        assert status == 0
        w = np.cos(ts) * exact
        np.testing.assert_allclose(slopes[0], np.sum(w * (t0**2 - ts**2) / 2), atol=1e-9)
        np.testing.assert_allclose(slopes[1], np.sum(w) / y0, atol=1e-9)
        np.testing.assert_allclose(slopes[2], np.sum(w) * k * t0, atol=1e-9)
        np.testing.assert_allclose(slopes[3], -w * k * ts - np.sin(ts) * exact, atol=1e-9)


@pytest.mark.parametrize("of_both", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_second_derivatives_and_forward_mode(decaying, of_both):
    inputs, solution = decaying
    k, _, t0, _ = inputs
    cost = pt.sum(solution.y)
    slope = pt.grad(cost, k)
    outputs = [pt.grad(slope, k), pt.jvp(cost, k, 1.0)]
    outputs += [pt.grad(slope, t0), pt.hessian(cost, t0)] if of_both else []
    f = pt.function(inputs, outputs, target="interp")
    found = f(0.7, 1.3, 0.2, [0.2, 0.8, 1.7])
    times = np.array([0.2, 0.8, 1.7])
    exact, d = decay(0.7, 1.3, 0.2, times), 0.02 - times**2 / 2
    expected = [d * d, d, d * 0.14 + 0.2, 0.7 + 0.14**2]
    np.testing.assert_allclose(
        found, [np.sum(exact * e) for e in expected[: len(outputs)]], atol=1e-8
    )


def lotka_volterra(t, z, a=0.55, b=0.028, c=0.8, d=0.024):
    return [(a - b * z[1]) * z[0], (-c + d * z[0]) * z[1]]


def pendulum(t, z):
    return [z[1], -9.81 * pt.sin(z[0]) - 0.1 * z[1] + pt.cos(t)]


def pendulum_by_numpy(t, z):
    return [z[1], -9.81 * np.sin(z[0]) - 0.1 * z[1] + np.cos(t)]


def test_solutions_are_those_of_scipy():
    """Also at many times within one step."""
    options = {"method": "DOP853", "rtol": 1e-12, "atol": 1e-12}
    ts = np.array([0.5, 1.0, 1.01, 1.02, 7.0, 20.0])
    z = pt.tensor("z", shape=(2,))
    first = pt.ode.solve(lotka_volterra, 30 * z, ts, t0=0.0, rtol=1e-11, atol=1e-10)
    second = pt.ode.solve(pendulum, z, ts / 5, t0=0.0, rtol=1e-11, atol=1e-11)
    y, u = pt.function([z], [first.y, second.y])([1.1, 0.2])
    expected = solve_ivp(lotka_volterra, (0, 20), [33.0, 6.0], t_eval=ts, **options).y.T
    np.testing.assert_allclose(y, expected, rtol=2e-9)
    expected = solve_ivp(pendulum_by_numpy, (0, 4), [1.1, 0.2], t_eval=ts / 5, **options).y.T
    np.testing.assert_allclose(u, expected, rtol=0, atol=1e-9)


def test_the_error_follows_the_tolerance():
    tolerance = pt.scalar("tolerance")
    found = pt.ode.solve(
        lotka_volterra, [33.0, 6.0], [0.0, 10.0, 20.0], rtol=tolerance, atol=tolerance
    )
    f = pt.function([tolerance], [found.y, found.steps])
    exact = solve_ivp(lotka_volterra, (0, 20), [33.0, 6.0], rtol=1e-12, atol=1e-12,
                      method="DOP853", t_eval=[0, 10, 20]).y.T  # fmt: skip
    steps = []
    for value in (1e-4, 1e-6, 1e-8, 1e-10):
        y, count = f(value)
        assert np.max(np.abs(y - exact)) < 2000 * value
        steps.append(int(count))
    ratios = np.divide(steps[1:], steps[:-1])
    assert np.all((ratios > 1.5) & (ratios < 3.0)), steps  # 100 ** (1 / 5) is 2.5


def test_what_goes_wrong_is_nan_with_a_status():
    """y' = k y^2 from y(0) = 1 ends at t = 1 / k; it begins with `ts[0]`, the time of y0."""
    k = pt.scalar("k")
    solution = pt.ode.solve(lambda t, y: k * y * y, 1.0, [0.0, 0.5, 0.8, 1.5], max_steps=120)
    slope = pt.grad(pt.sum(solution.y[:3]), k)
    few = pt.ode.solve(lambda t, y: k * pt.cos(40 * t), 1.0, [0.0, 0.01, 5.0], max_steps=20)
    outputs = [solution.y, solution.status, solution.steps, slope, few.y, few.status, few.steps]
    f = pt.function([k], outputs)
    y, status, steps, slope, cut, too_few, tried = f(1.0)
    np.testing.assert_allclose(y, [1.0, 2.0, 5.0, np.nan], rtol=1e-5)
    np.testing.assert_allclose(slope, 0.5 / 0.5**2 + 0.8 / 0.2**2, rtol=1e-5)
    assert (status, steps < 121) == (1, True) or status == 2
    np.testing.assert_allclose(cut, [1.0, 1 + np.sin(0.4) / 40, np.nan], rtol=1e-6)
    assert (too_few, tried) == (1, 20)
    y, status, steps, *_ = f(np.nan)
    assert (status, steps) == (2, 1) and np.isnan(y[1:]).all()
    assert f(0.1)[1] == 0


def test_a_batch_goes_through_the_steps_together():
    """Each item has steps of its own; one that is not finite does not disturb the others."""
    k, y0, ts = pt.vector("k"), pt.vector("y0"), np.array([0.0, 1.0, 2.0])

    def one(k, y):
        return pt.ode.solve(lambda t, y: -k * y, y, ts, rtol=1e-10, atol=1e-10)

    y, status, steps = pt.vmap(lambda k, y: tuple(one(k, y)))(k, y0)
    f = pt.function([k, y0], [y, status, steps, *pt.grad(pt.sum(y), [k, y0])])
    rates, first = np.array([0.1, 1.0, 5.0, np.nan]), np.array([1.0, 2.0, 3.0, 4.0])
    y, status, steps, by_k, by_y0 = f(rates, first)
    factor = np.exp(-rates[:3, None] * ts)
    np.testing.assert_allclose(y[:3], first[:3, None] * factor, atol=1e-9)
    np.testing.assert_allclose(by_k[:3], -first[:3] * (ts * factor).sum(1), atol=1e-9)
    np.testing.assert_allclose(by_y0[:3], factor.sum(1), atol=1e-9)
    assert np.isnan(y[3]).all() or np.isnan(y[3, 1:]).all()
    assert list(status) == [0, 0, 0, 2] and steps[0] < steps[1] < steps[2]


def test_states_are_structures_of_any_shapes():
    """Scalars, vectors and matrices in dicts and tuples, in float32; a list for a vector."""
    k = pt.scalar("k", dtype="float32")
    first = {"x": np.float32(1), "y": (np.float32([[1], [2]]), np.float32(0))}
    found = pt.ode.solve(
        lambda t, s: {"x": -k * s["x"], "y": (-s["y"][0], s["x"])},
        first,
        np.float32([0, 1]),
        rtol=1e-5,
        atol=1e-5,
    )
    f = pt.function([k], [found.y["x"], *found.y["y"]], target="interp")
    x, y, z = f(np.float32(0.5))
    assert x.dtype == y.dtype == np.float32
    np.testing.assert_allclose(x, np.exp([0, -0.5]), rtol=1e-5)
    np.testing.assert_allclose(y[..., 0], np.exp([[0], [-1]]) * [1, 2], rtol=1e-5)
    np.testing.assert_allclose(z[1], 2 * (1 - np.exp(-0.5)), rtol=1e-5)


@pytest.mark.parametrize("slopes", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_states_of_many_elements_are_not_scalars(slopes):
    a = pt.matrix("a")
    found = pt.ode.solve(lambda t, m: a @ m, pt.eye(5), [0.0, 0.5], rtol=1e-10, atol=1e-10).y
    outputs = [found, *([pt.grad(pt.sum(found), a)] if slopes else [])]
    matrix = np.random.default_rng(0).normal(size=(5, 5))
    m, *rest = pt.function([a], outputs, target="interp")(matrix)
    np.testing.assert_allclose(m[1], expm(0.5 * matrix), rtol=0, atol=1e-9)
    for slope in rest:
        shift = np.zeros((5, 5))
        shift[1, 3] = 1e-6
        change = np.sum(expm(0.5 * (matrix + shift)) - expm(0.5 * (matrix - shift))) / 2e-6
        np.testing.assert_allclose(slope[1, 3], change, rtol=1e-6)


def expm(a):
    values, vectors = np.linalg.eig(a)
    return (vectors * np.exp(values) @ np.linalg.inv(vectors)).real


def test_a_step_of_given_size_comes_first():
    size = pt.scalar("size")
    found = pt.ode.solve(lambda t, y: -y, 1.0, [0.0, 1.0], first_step=size)
    f = pt.function([size], found.steps)
    assert f(1e-7) > f(0.05) + 4


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"method": "rk4"}, ValueError, '"dopri5"'),
        ({"ts": 1.0}, GraphError, "vector of times"),
        ({"ts": [0.0, 1.0, 0.5]}, ValueError, "neither rises nor falls"),
        ({"ts": [1.0, 2.0], "t0": 1.5}, ValueError, "t0 = 1.5"),
        ({"max_steps": 0}, GraphError, "max_steps"),
        ({"rtol": [1e-3, 1e-4]}, GraphError, "rtol"),
        ({"y0": ()}, GraphError, "no tensors"),
        ({"fun": lambda t, y: pt.zeros(3)}, GraphError, "float64[3]"),
        ({"fun": lambda t, y: {"y": y}}, GraphError, "structure"),
    ],
)
def test_wrong_arguments_are_refused_by_name(change, error, words):
    given = {"fun": lambda t, y: -y, "y0": [1.0, 2.0], "ts": [0.0, 1.0]} | change
    with pytest.raises(error, match=r"ode\.solve") as caught:
        pt.ode.solve(**given)
    assert words in str(caught.value) and len(str(caught.value).splitlines()) <= 8


@pytest.mark.slow
def test_an_equation_is_solved_in_each_step_of_a_loop():
    """y' = -x y over a unit of time, for each x in turn."""
    x = pt.vector("x")

    def step(c, x):
        y = pt.ode.solve(lambda t, y: -x * y, c, [0.0, 1.0], rtol=1e-10, atol=1e-10).y[1]
        return y, y

    last, y = pt.loop.scan(step, 1.0, x)
    found, slope = pt.function([x], [y, pt.grad(last, x)])([1.0, 2.0, 0.5])
    np.testing.assert_allclose(found, np.exp([-1.0, -3.0, -3.5]), rtol=1e-8)
    np.testing.assert_allclose(slope, np.full(3, -np.exp(-3.5)), rtol=1e-7)
