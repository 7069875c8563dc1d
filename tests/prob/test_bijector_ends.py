"""Bijectors far out and beside their bounds, against mpmath: values, Jacobians, the way back."""

import numpy as np
import pytest
from mpmath import mp, mpf

import probtensor as pt
from probtensor.prob.bijectors.choice import bijector_for
from probtensor.prob.distributions.support import POSITIVE, UNIT, Interval, Ordered, Simplex
from probtensor.prob.model.data import evaluate

FAR = (0.0, 1e-300, 1e-10, 0.3, 5.0, 20.0, 36.0, 36.7, 37.0, 40.0, 100.0, 700.0, 745.0, 800.0, 1e15)
PLACES = np.array([*FAR, *(-u for u in FAR)])
BOUNDS = (
    (0.0, 1.0), (0.0, 5.5), (0.0, 1e-300), (-3.0, 0.0), (-1.0, 1.0), (0.1, 0.7), (1 / 3, 2 / 3),
    (-1e15, 1.0), (1.0, 1e15), (2.9999, 3.0), (0.9999999999999998, 1.0), (-1e308, 1e308),
)  # fmt: skip
TINY = mpf(2) ** -1022


def run(support, places, dtype="float64", known=True):
    """(value, log-Jacobian) of scalars; where the bounds are inputs, one module serves for all."""
    u = pt.tensor("u", (None,), dtype)
    if not known:
        low, high = pt.scalar("low", dtype), pt.scalar("high", dtype)
        ends = [np.asarray(v, dtype) for v in (support.low, support.high)]
        bijector = bijector_for(Interval(low, high))
        outputs = [bijector.forward(u), bijector.log_jacobian(u)]
        return pt.function([u, low, high], outputs)(places, *ends)
    bijector = bijector_for(support)
    outputs = [bijector.forward(u), bijector.log_jacobian(u)]
    return pt.function([u], outputs, target="interp")(places)


def exact_share(u):
    """(sigmoid(u), sigmoid(-u)), each to all digits."""
    e = mp.exp(-abs(u))
    small, large = e / (1 + e), 1 / (1 + e)
    return (large, small) if u >= 0 else (small, large)


@pytest.mark.parametrize("known", [True, False], ids=["literal", "input"])
@pytest.mark.parametrize(("low", "high"), BOUNDS)
def test_numbers_between_two_bounds(low, high, known):
    value, slope = run(Interval(low, high), PLACES, known=known)
    assert np.all((low <= value) & (value <= high))
    with mp.workdps(60):
        for u, x, s in zip(PLACES, value, slope):
            above, below = exact_share(mpf(float(u)))
            want = low * below + high * above
            # In the middle a value may be near 0, where bounds cancel.
            middle = mpf(2) ** -51 * max(abs(low), abs(high)) if abs(u) < 30 else 0
            assert abs(x - want) <= mpf(2) ** -50 * abs(want) + middle + TINY, (u, x, want)
            jacobian = mp.log(above) + mp.log(below) + mp.log(mpf(high) - low)
            assert abs(s - jacobian) <= mpf(2) ** -49 * (abs(jacobian) + 1420), (u, s, jacobian)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-1, 1), (0.1, 0.7), (1 / 3, 2 / 3), (-1e6, 1)])
def test_no_bound_is_passed_in_single_precision(low, high):
    low, high = float(np.float32(low)), float(np.float32(high))
    places = np.concatenate([PLACES[abs(PLACES) < 1e3], np.linspace(-30, 30, 997)])
    value, slope = run(Interval(low, high), places.astype("float32"), "float32", known=False)
    assert value.dtype == slope.dtype == "float32"
    assert np.all((low <= value) & (value <= high)) and np.all(np.isfinite(slope))


def test_no_bound_is_passed_at_many_bounds():
    """Where low + (high - low) rounds past high, as it does for a quarter of all bounds."""
    rng = np.random.default_rng(3)
    low, high = np.sort(rng.normal(size=(2, 2000)), axis=0)
    assert np.any(low + (high - low) > high)
    u, a, b = pt.vector("u"), pt.vector("a"), pt.vector("b")
    values = pt.function([u, a, b], bijector_for(Interval(a, b)).forward(u))
    for far in (-50.0, -37.0, -36.8, 36.8, 37.0, 50.0):
        value = values(np.full(2000, far), low, high)
        assert np.all((low <= value) & (value <= high))
        near = low if far < 0 else high
        assert np.all(abs(value - near) <= 4e-16 * (high - low) + np.spacing(abs(near)))


@pytest.mark.parametrize("support", [POSITIVE, Interval(low=-2.5), Interval(low=1e15),
                                     Interval(high=4.0), Interval(high=0.0)], ids=str)  # fmt: skip
def test_numbers_beyond_one_bound(support):
    places = PLACES[abs(PLACES) < 709]
    value, slope = run(support, places)
    sign, bound = (1, support.low) if support.bounded_below else (-1, support.high)
    assert np.all(sign * (value - bound) >= 0) and np.array_equal(slope, places)
    with mp.workdps(60):
        for u, x in zip(places, value):
            want = bound + sign * mp.exp(mpf(float(u)))
            # Beside a bound exp(u) is all that counts, and is exact to its own last places.
            assert abs(x - want) <= mpf(2) ** -51 * max(abs(want), abs(mpf(bound))), (u, x, want)


@pytest.mark.parametrize("support", [UNIT, Interval(0.0, 5.5), Interval(-1e15, 0.0), POSITIVE,
                                     Interval(high=0.0)], ids=str)  # fmt: skip
def test_the_way_back_from_values_near_0(support):
    """Small values are numbers apart, and come back as what they are."""
    sign = -1.0 if support.low < 0 else 1.0
    values = sign * np.array([1e-290, 1e-200, 1e-30, 1e-15, 0.1])
    x = pt.vector("x")
    bijector = bijector_for(support)
    back = evaluate([bijector.forward(bijector.inverse(x))], {x: values})[0]
    # exp of a number near 700 loses what its argument lost: 700 last places.
    np.testing.assert_allclose(back, values, rtol=2e-13)


@pytest.mark.parametrize("low", [-np.inf, 0.0, 1e15], ids=str)
def test_ordered_vectors_do_not_decrease(low):
    rng = np.random.default_rng(5)
    u = pt.tensor("u", (200, 9))
    bijector = bijector_for(Ordered(low))
    places = rng.uniform(-60, 40, (200, 9)) * rng.choice([0.1, 1.0, 1.0], (200, 9))
    value, slope = pt.function([u], [bijector.forward(u), bijector.log_jacobian(u)])(places)
    assert np.all(np.diff(value) >= 0) and np.all(value >= low)
    moved = places if low > -np.inf else places[:, 1:]
    np.testing.assert_allclose(slope, moved.sum(1), rtol=1e-13, atol=1e-12)


def test_simplexes_reach_entries_of_1e_minus_300():
    bijector = bijector_for(Simplex())
    x, u = pt.tensor("x", (4,)), pt.tensor("u", (3,))
    share = np.array([1e-300, 0.25, 1e-150, 0.75])
    place = evaluate([bijector.inverse(x)], {x: share})[0]
    value, slope = evaluate([bijector.forward(u), bijector.log_jacobian(u)], {u: place})
    np.testing.assert_allclose(value, share, rtol=1e-12)
    assert np.isclose(slope, np.sum(np.log(share)) + 0.5 * np.log(4), rtol=1e-13)


def test_a_long_simplex_has_an_exact_jacobian():
    bijector = bijector_for(Simplex())
    u = pt.tensor("u", (999,))
    place = 30 * np.random.default_rng(6).normal(size=999)
    value, slope = pt.function([u], [bijector.forward(u), bijector.log_jacobian(u)])(place)
    with mp.workdps(40):
        want = mp.fsum(mp.log(mpf(float(v))) for v in value) + mp.log(1000) / 2
        assert abs(slope - want) <= 1e-13 * abs(want)
