"""The continuous adjoint: gradients of closed forms, beside those of the steps."""

import numpy as np
import pytest

import probtensor as pt


def problem(method="dopri5"):
    """Inputs k, y0, t0, ts and a cost of the solution of dy/dt = -k t y, by its adjoint."""
    inputs = pt.scalar("k"), pt.tensor("y0", shape=(1,)), pt.scalar("t0"), pt.vector("ts")
    k, y0, t0, ts = inputs
    found = pt.ode.solve(
        lambda t, y: -k * t * y, y0, ts, t0=t0, method=method, rtol=1e-10, atol=1e-10,
        adjoint="continuous",
    )  # fmt: skip
    return inputs, pt.sum(pt.cos(ts) * found.y[:, 0])


def expected(k, y0, t0, ts):
    """The terms of the cost, and their derivatives by k relative to them."""
    return np.cos(ts) * y0 * np.exp(-k * (ts**2 - t0**2) / 2), (t0**2 - ts**2) / 2


@pytest.mark.parametrize("method", ["dopri5", pytest.param("rodas5p", marks=pytest.mark.slow)])
def test_gradients_are_those_of_a_closed_form(method):
    inputs, cost = problem(method)
    f = pt.function(inputs, [cost, *pt.grad(cost, list(inputs))])
    for t0, ts in [(0.2, [0.2, 0.5, 1.0, 2.2]), (0.9, [0.5, 0.2, -1.0])]:
        k, y0, ts = 0.7, 1.3, np.array(ts)
        terms, by_k = expected(k, y0, t0, ts)
        value, *slopes = f(k, [y0], t0, ts)
        np.testing.assert_allclose(value, terms.sum(), rtol=1e-9)
        np.testing.assert_allclose(slopes[0], np.sum(terms * by_k), rtol=1e-7)
        np.testing.assert_allclose(slopes[1], [np.sum(terms) / y0], rtol=1e-7)
        np.testing.assert_allclose(slopes[2], np.sum(terms) * k * t0, rtol=1e-7)
        by_time = -k * ts - np.tan(ts)
        np.testing.assert_allclose(slopes[3], terms * by_time, rtol=1e-7, atol=1e-9)


@pytest.mark.slow
def test_forward_mode_batches_and_second_derivatives_are_there():
    """The first two are those of the steps; the gradient can be differentiated again."""
    inputs, cost = problem()
    k, y0, t0, ts = inputs
    batch = pt.vmap(lambda k: pt.ode.solve(
        lambda t, y: -k * t * y, y0, ts, t0=t0, rtol=1e-10, atol=1e-10, adjoint="continuous"
    ).y)(pt.stack([k, 2 * k]))  # fmt: skip
    both = pt.grad(pt.sum(pt.cos(ts) * batch[0, :, 0]), k)
    f = pt.function(inputs, [pt.jvp(cost, k, 1.0), both, pt.grad(pt.grad(cost, k), k)])
    at = 0.7, 1.3, 0.2, np.array([0.2, 1.7])
    terms, by_k = expected(*at)
    forward, of_batch, second = f(at[0], [at[1]], *at[2:])
    np.testing.assert_allclose([forward, of_batch], np.sum(terms * by_k), rtol=1e-7)
    np.testing.assert_allclose(second, np.sum(terms * by_k**2), rtol=1e-6)


def test_elements_of_one_vector_that_the_slope_reads_have_gradients():
    p = pt.vector("p")
    found = pt.ode.solve(
        lambda t, y: p[1] - p[0] * y, 1.0, np.array([0.0, 0.5, 1.0]), rtol=1e-9, atol=1e-9,
        adjoint="continuous",
    )  # fmt: skip
    slope = pt.function([p], pt.grad(found.y[-1], p), target="interp")([0.5, 0.2])
    end = np.exp(-0.5)
    expected = [-end - 0.2 * (1 - end) / 0.25 + 0.2 * end / 0.5, (1 - end) / 0.5]
    np.testing.assert_allclose(slope, expected, rtol=1e-7)


def test_another_adjoint_is_refused():
    with pytest.raises(ValueError, match="continuous"):
        pt.ode.solve(lambda t, y: -y, 1.0, [0.0, 1.0], adjoint="discrete")
