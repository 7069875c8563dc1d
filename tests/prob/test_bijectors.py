"""Bijectors: onto the support, back again, and the Jacobian that autodiff finds."""

import numpy as np
import pytest

import probtensor as pt
from probtensor.prob.bijectors.choice import bijector_for
from probtensor.prob.bijectors.vectors import LogRatio, zero_sum_basis
from probtensor.prob.distributions.support import (
    COUNT,
    POSITIVE,
    REAL,
    SIMPLEX,
    UNIT,
    Interval,
    Ordered,
    Vector,
)
from probtensor.prob.model.data import evaluate
from probtensor.transform.jacobians import stacked_jacobian

SUPPORTS = {
    "real": (REAL, (3,)),
    "positive": (POSITIVE, (3,)),
    "lower": (Interval(low=-2.5), (3,)),
    "upper": (Interval(high=4.0), (3,)),
    "unit": (UNIT, (3,)),
    "interval": (Interval(-2.0, 7.0), (3,)),
    "ordered": (Ordered(), (4,)),
    "positive ordered": (Ordered(0.0), (4,)),
    "simplex": (SIMPLEX, (5,)),
    "pair": (SIMPLEX, (2,)),
    "positive vector": (Vector(POSITIVE), (3,)),
}
each = pytest.mark.parametrize(("support", "shape"), SUPPORTS.values(), ids=SUPPORTS)


def graphs(support, shape):
    """(bijector, unconstrained input, value, log-Jacobian summed over entries)."""
    bijector = bijector_for(support)
    u = pt.tensor("u", bijector.unconstrained_shape(shape))
    slope = bijector.log_jacobian(u)
    return bijector, u, bijector.forward(u), pt.as_tensor(0.0) if slope is None else pt.sum(slope)


@each
@pytest.mark.parametrize("scale", [0.1, 1.0, 3.0])
def test_round_trip(support, shape, scale):
    bijector, u, x, _ = graphs(support, shape)
    place = scale * np.random.default_rng(0).normal(size=u.shape)
    value, back = evaluate([x, bijector.inverse(x)], {u: place})
    inside = support.contains(value)
    assert inside is None or np.all(inside)
    # Near the end of an interval the value itself is rounded, and the way back with it.
    np.testing.assert_allclose(back, place, rtol=1e-12, atol=1e-12)


@each
def test_log_jacobian_is_that_of_autodiff(support, shape):
    _, u, x, slope = graphs(support, shape)
    # A point of the simplex has one entry fewer to move than to name.
    moving = x[: u.shape[0]]
    place = np.random.default_rng(1).normal(size=u.shape)
    matrix, got = evaluate([stacked_jacobian(moving, u), slope], {u: place})
    sign, expected = np.linalg.slogdet(matrix)
    assert sign != 0
    assert np.isclose(got, expected, rtol=1e-12, atol=1e-12)


@each
def test_leading_axes_are_a_batch(support, shape):
    bijector = bijector_for(support)
    single = pt.tensor("u", bijector.unconstrained_shape(shape))
    batch = pt.tensor("v", bijector.unconstrained_shape((3, *shape)))
    places = np.random.default_rng(2).normal(size=batch.shape)
    together = evaluate([bijector.forward(batch)], {batch: places})[0]
    rows = [evaluate([bijector.forward(single)], {single: place})[0] for place in places]
    np.testing.assert_allclose(together, rows, rtol=1e-15, atol=1e-300)


def test_far_out_values_stay_in_the_simplex():
    u = pt.vector("u", shape=(3,))
    x = evaluate([LogRatio().forward(u)], {u: np.array([700.0, -300.0, 5.0])})[0]
    assert np.isfinite(x).all()
    assert np.isclose(x.sum(), 1)


def test_the_basis_is_orthonormal_and_sums_to_zero():
    basis = zero_sum_basis(6)
    np.testing.assert_allclose(basis.T @ basis, np.eye(5), atol=1e-14)
    np.testing.assert_allclose(basis.sum(0), 0, atol=1e-14)


def test_bounds_may_be_tensors():
    low, high, u = pt.scalar("low"), pt.scalar("high"), pt.scalar("u")
    bijector = bijector_for(Interval(low, high))
    values = {low: np.array(-1.0), high: np.array(3.0), u: np.array(0.4)}
    x, slope = evaluate([bijector.forward(u), bijector.log_jacobian(u)], values)
    p = 1 / (1 + np.exp(-0.4))
    assert np.isclose(x, -1 + 4 * p)
    assert np.isclose(slope, np.log(4 * p * (1 - p)))


def test_counts_have_no_map():
    with pytest.raises(TypeError, match="whole number"):
        bijector_for(COUNT)
