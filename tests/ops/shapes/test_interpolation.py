"""Interpolation against NumPy and against formulas, with derivatives by places and points."""

import numpy as np
import pytest

import probtensor as pt

RNG = np.random.default_rng(3)
PLACES = np.sort(RNG.normal(size=7))
VALUES = RNG.normal(size=7)
AT = np.concatenate([2 * RNG.normal(size=15), PLACES, [np.inf, -np.inf]])
X, XP, FP = pt.vector("x"), pt.vector("xp"), pt.vector("fp")
FORMS = ({}, {"left": -5.0, "right": 7.0}, {"period": 1.3}, {"period": -2.0, "left": 3.0})


@pytest.fixture(scope="module")
def interpolations():
    """One function with all forms."""
    outputs = [pt.interp(X, XP, FP, **form) for form in FORMS]
    return pt.function([X, XP, FP], outputs, target="machine")


@pytest.mark.parametrize("count", [1, 2, 7])
def test_values_are_those_of_numpy(interpolations, count):
    points = PLACES[:count], VALUES[:count]
    with np.errstate(invalid="ignore"):
        meant = [np.interp(AT, *points, **form) for form in FORMS]
    for found, value in zip(interpolations(AT, *points), meant, strict=True):
        np.testing.assert_allclose(found, value, rtol=1e-14, equal_nan=True)
    assert all(np.isnan(found).all() for found in interpolations([np.nan], *points))
    fixed = pt.interp(pt.constant(AT), *points)
    np.testing.assert_allclose(fixed.eval(), meant[0], rtol=1e-14)


def test_points_in_any_order_of_a_periodic_function(interpolations):
    order = RNG.permutation(7)
    found = interpolations(AT[:-2], PLACES[order], VALUES[order])[2]
    meant = np.interp(AT[:-2], PLACES[order], VALUES[order], period=1.3)
    np.testing.assert_allclose(found, meant, rtol=1e-14)


def test_other_shapes_and_dtypes():
    assert pt.interp(0.5, [0, 1], [0, 10]).eval() == 5
    single = [np.array(v, "float32") for v in ([[0.5, 1.5]], [0, 1], [0, 10])]
    assert pt.interp(*single).dtype == "float32" and pt.interp(*single).shape == (1, 2)
    assert pt.interp(np.zeros((0, 3)), [0, 1], [0, 10]).eval().shape == (0, 3)


def test_derivatives():
    at = np.setdiff1d(AT, PLACES)[1:-1]
    weights = RNG.normal(size=at.size)
    direction = [RNG.normal(size=v.size) for v in (at, PLACES, VALUES)]
    smooth = [pt.interp(X, XP, FP, **form) for form in FORMS]
    smooth += [
        pt.interpolate1d(XP, FP, method, extrapolate=goes_on)(X)
        for method in ("linear", "nearest", "mean", "first")
        for goes_on in (False, True)
    ]
    costs = [pt.sum(weights * y) for y in smooth]
    slopes = [pt.grad(cost, [X, XP, FP], disconnected_inputs="ignore") for cost in costs]
    f = pt.function([X, XP, FP], [costs, slopes], target="machine")
    point = at, PLACES, VALUES
    plus, minus = (
        f(*(v + h * d for v, d in zip(point, direction, strict=True)))[0] for h in (1e-7, -1e-7)
    )
    for k, by in enumerate(f(*point)[1]):
        found = sum(np.sum(g * d) for g, d in zip(by, direction, strict=True))
        np.testing.assert_allclose(found, (plus[k] - minus[k]) / 2e-7, rtol=1e-5, err_msg=str(k))


def rows(method):
    """The values at 0.25, at the point 1, at 1.5 and at 2.75, for y = x**2 at 0, 1, 2 and 3."""
    return {
        "linear": [0.25, 1, 2.5, 7.75],
        "nearest": [0, 1, 1, 9],
        "first": [0, 1, 1, 4],
        "last": [1, 1, 4, 9],
        "mean": [0.5, 0.5, 2.5, 6.5],
    }[method]


@pytest.mark.parametrize("method", ["linear", "nearest", "first", "last", "mean"])
def test_methods_between_points(method):
    x = np.array([3.0, 1, 0, 2])
    f = pt.interpolate1d(x, x**2, method)
    np.testing.assert_array_equal(f([0.25, 1, 1.5, 2.75]).eval(), rows(method))
    beyond = {"linear": [-1, 14], "mean": [0.5, 6.5]}.get(method, [0, 9])
    np.testing.assert_array_equal(f([-1.0, 4.0]).eval(), beyond)
    ends = pt.interpolate1d(x, x**2, method, extrapolate=False)
    np.testing.assert_array_equal(ends([-1.0, 4.0, 1.0]).eval(), [0, 9, rows(method)[1]])
    pads = pt.interpolate1d(x, x**2, method, -5.0, 5.0, extrapolate=False)
    np.testing.assert_array_equal(pads([-1.0, 4.0, 1.5]).eval(), [-5, 5, rows(method)[2]])


def test_wrong_points():
    for call, words in (
        (lambda: pt.interp(0.0, [0, 1], [0, 1, 2]), "interp: 2 places for 3 values"),
        (lambda: pt.interp(0.0, [], []), "interp: at least 1 points are needed, not 0"),
        (lambda: pt.interp(0.0, [[0, 1]], [0, 1]), "interp: the points are two vectors"),
        (lambda: pt.interp(0.0, [0, 1], [0, 1], period=[1.0]), "interp: the period is a number"),
        (lambda: pt.interpolate1d([0], [0]), "interpolate1d: at least 2 points are needed, not 1"),
        (lambda: pt.interpolate1d([0, 1], [0, 1], "cubic"), "method is one of linear, nearest"),
    ):
        with pytest.raises(TypeError, match=words):
            call()
    f = pt.function([X, XP, FP], pt.interp(X, XP, FP), target="interp")
    with pytest.raises(ValueError, match=r"interp: 2 places for 3 values"):
        f([0.0], [0.0, 1.0], [0.0, 1.0, 2.0])
    with pytest.raises(ValueError, match=r"interp: at least 1 points are needed, not 0"):
        f([0.0], [], [])
