"""Bessel functions and their derivatives in the argument and in the order, against mpmath."""

import mpmath
import numpy as np
import pytest
import scipy.special

import probtensor as pt
from cython_ext.scalars import apply

EXACT = {
    "jv": mpmath.besselj, "yv": mpmath.bessely, "iv": mpmath.besseli, "kv": mpmath.besselk,
    "ive": lambda v, x: mpmath.besseli(v, x) * mpmath.exp(-x),
    "kve": lambda v, x: mpmath.besselk(v, x) * mpmath.exp(x),
}  # fmt: skip
# Small, moderate and large arguments, at, below and above the order; orders of either sign.
POINTS = [
    (0.0, 1.0), (0.0, 30.0), (0.3, 1e-8), (0.5, 2.5), (1.0, 0.01), (2.5, 2.4), (2.5, 2.6),
    (5.0, 5.0), (7.7, 100.0), (10.0, 9.99), (29.9, 3.0), (30.3, 30.0), (100.0, 99.0),
    (100.0, 101.0), (-0.4, 0.5), (-2.0, 3.0), (-3.7, 12.0), (3.25, 500.0),
]  # fmt: skip
COMPILED = {"jv": "pt_bessel_j", "yv": "pt_bessel_y", "ive": "pt_bessel_i", "kve": "pt_bessel_k"}


def exact(name, in_order, in_argument, v, x):
    """The derivative of so many times in the order and in the argument."""
    with mpmath.workdps(50):
        v, x = mpmath.mpf(v), mpmath.mpf(x)
        if not in_order + in_argument:
            return EXACT[name](v, x)
        orders = (in_order, in_argument)
        h = min(x, 1) * mpmath.mpf(10) ** -12
        return mpmath.diff(EXACT[name], (v, x), orders, h=h)


def size(name, in_order, v, x, value):
    """What an error is relative to: of oscillating functions the larger of the two kinds."""
    if name not in ("jv", "yv") or abs(v) > x:
        return abs(value)
    return max(abs(exact(kind, in_order, 0, v, x)) for kind in ("jv", "yv"))


@pytest.mark.parametrize("every", [6, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", COMPILED)
def test_integrals_give_the_function_and_its_derivatives_in_the_order(name, every):
    points = POINTS[3 % every :: every]
    for n in (0, 1, 2):
        found = apply(COMPILED[name], *map(np.array, zip(*[(n, *point) for point in points])))
        for (v, x), value in zip(points, found):
            right = exact(name, n, 0, v, x)
            least = size(name, n, v, x, right)
            if name == "ive" and n == 1:  # tiny beside the function where the order is 0
                least = max(least, exact(name, 0, 0, v, x))
            assert abs(value - right) <= 3e-12 * least, (n, v, x, value, float(right))


@pytest.mark.parametrize("name", EXACT)
def test_first_and_second_derivatives(name):
    points = [(0.7, 1.3), (-1.6, 2.2), (4.5, 0.6)]
    v, x = pt.vector("v"), pt.vector("x")
    y = getattr(pt, name)(v, x)
    in_v, in_x = pt.grad(pt.sum(y), [v, x])
    outputs = [in_v, in_x, *pt.grad(pt.sum(in_v), [v, x]), *pt.grad(pt.sum(in_x), [v, x])]
    orders = [(1, 0), (0, 1), (2, 0), (1, 1), (1, 1), (0, 2)]
    found = pt.function([v, x], outputs, target="machine")(*map(np.array, zip(*points)))
    for (n, k), values in zip(orders, found):
        for point, value in zip(points, values):
            right = float(exact(name, n, k, *point))
            assert value == pytest.approx(right, rel=1e-10), (n, k, point)


def test_functions_of_orders_0_and_1():
    x = pt.vector("x")
    at = np.array([0.6, 4.7])
    names = ("j0", "j1", "y0", "y1", "i0", "i1", "k0", "k1", "i0e", "i1e", "k0e", "k1e")
    values = [getattr(pt.special, name)(x) for name in names]
    slopes = [pt.grad(pt.sum(value), x) for value in values]
    curves = [pt.grad(pt.sum(slope), x) for slope in slopes]
    found = pt.function([x], [*values, *slopes, *curves], target="machine")(at)
    for k, name in enumerate(names):
        kind = f"{name[0]}v{name[2:]}"
        np.testing.assert_array_equal(found[k], getattr(scipy.special, name)(at))
        for n in (1, 2):
            right = [float(exact(kind, 0, n, int(name[1]), t)) for t in at]
            np.testing.assert_allclose(found[n * 12 + k], right, rtol=1e-10, err_msg=name)


def test_edges_and_negative_arguments():
    found = apply("pt_bessel_j", *map(np.array, zip(
        (1.0, 2.0, 0.0), (1.0, 0.0, 0.0), (1.0, 0.0, np.inf), (1.0, 2.0, -1.0), (9.0, 2.0, 1.0),
        (1.0, np.nan, 1.0), (2.0, 0.0, 0.0),
    )))  # fmt: skip
    meant = [0, -np.inf, 0, np.nan, np.nan, np.nan, np.inf]
    np.testing.assert_array_equal(found, meant)
    v = pt.scalar("v")
    x = pt.vector("x")
    slope = pt.grad(pt.sum(pt.jv(2, x)), x)
    at = np.array([-1.5, 0.0, 3.0])
    np.testing.assert_allclose(
        pt.function([x], slope, target="machine")(at), scipy.special.jvp(2, at), rtol=1e-13
    )
    assert np.isnan(pt.function([v], pt.grad(pt.jv(v, -1.0), v), target="machine")(2.0))
    with pytest.raises(TypeError, match="kn: n holds integers"):
        pt.kn(1.5, x)
    np.testing.assert_array_equal(pt.kn([0, 3], 2.0).eval(), scipy.special.kn([0, 3], 2.0))


def test_the_first_modified_function_next_to_zero_and_far_out():
    v = np.array([0.25, 0.5, 1.0, 1.5, 2.0, -0.5, -1.0, -1.5, 149.5, -2.25, 3.3, 0.0])[:, None]
    x = np.array([1e-320, 1e-300, 1e-160, 1e-8, 0.1, 31.0, 712.5, 1e12, 1e300])
    found = {"iv": pt.special.iv(v, x).eval(), "ive": pt.special.ive(v, x).eval()}
    with mpmath.workdps(40):
        for name, values in found.items():
            for (i, j), value in np.ndenumerate(values):
                right = float(exact(name, 0, 0, v[i, 0], x[j]))
                assert value == pytest.approx(right, rel=2e-13, abs=1e-307), (name, v[i], x[j])
    order, t = pt.scalar("v"), pt.scalar("x")
    slope = pt.function([order, t], pt.grad(pt.special.iv(order, t), t), target="machine")
    assert slope(0.5, 1e-300) == pytest.approx(np.sqrt(0.5e300 / np.pi), rel=1e-13)
    assert slope(1.0, 1e-300) == 0.5
    edges = [
        (2, -3.0, scipy.special.iv(2, 3)), (3, -3.0, -scipy.special.iv(3, 3)), (0.5, -1.0, np.nan),
        (0.0, 0.0, 1), (-1.5, 0.0, -np.inf), (-2.5, 0.0, np.inf), (-2.0, 0.0, 0), (0.3, 0.0, 0),
        (1, -np.inf, -np.inf), (2, np.inf, np.inf), (np.inf, 1, np.nan), (1, np.nan, np.nan),
    ]  # fmt: skip
    orders, at, meant = map(np.array, zip(*edges))
    np.testing.assert_allclose(pt.special.iv(orders, at).eval(), meant, rtol=1e-14)
