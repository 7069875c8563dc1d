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
# Orders that mpmath's sums do not reach: v, x, jv, yv, kve and ive by Arb's (Johansson 2017).
FAR = [
    (1000.0, 999.0, 0.04064330787535862, -0.08463824228301954, 3.872307547152762e201,
     9.134868306417713e-206),
    (1000.0, 1020.5, -0.019723387548254742, 0.05209847338859703, 6.043324387332629e197,
     5.790657373021286e-202),
    (-2345.25, 2300.0, -10.533843512477876, 10.533777467492703, np.inf, 0.0),
    (5000.0, 4000.0, 3.942314042071116e-205, -2.691397185239484e200, np.inf, 0.0),
    (20000.0, 20000.0, 0.016478942106974082, -0.028542366363990934, np.inf, 0.0),
    (20000.0, 20050.0, 0.0006196612525610345, 0.021091377015635078, np.inf, 0.0),
    (100000.0, 99000.0, 2.481286891333077e-44, -9.09389574193382e38, np.inf, 0.0),
    (100000.0, 101000.0, 0.0025872595203564257, -0.006181377744129126, np.inf, 0.0),
    (100000.0, 1e7, 0.00018827219246718503, -0.00016798435081272136, 5.539626980841449e213,
     9.025427228295071e-222),
    (99999.75, 1e10, 7.34298477992957e-06, -3.1213060986811114e-06, 2.0663605110738706e-05,
     2.4197132944393823e-06),
    (-64890.25, 65000.0, -0.005941217577269504, -0.011520122995136113, np.inf, 0.0),
    (10000.0, 20000.0, 0.003649510048557752, -0.004841108968594892, np.inf, 0.0),
]  # fmt: skip
IN_ORDER = {
    "jv": "pt_jv_order", "yv": "pt_yv_order", "iv": "pt_iv_order", "kv": "pt_kv_order",
    "ive": "pt_ive_order", "kve": "pt_kve_order",
}  # fmt: skip


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


def derivative(name, n, m, v, x):
    """What the compiled function of derivatives in the order gives, of ive and kve also in x."""
    counts = (n, m) if name in ("ive", "kve") else (n,)
    return apply(IN_ORDER[name], *[np.asarray(k, float) for k in (*counts, v, x)])


@pytest.mark.parametrize("every", [6, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", IN_ORDER)
def test_integrals_give_the_function_and_its_derivatives_in_the_order(name, every):
    points = POINTS[3 % every :: every]
    for n in (0, 1, 2):
        found = derivative(name, n, 0, *zip(*points))
        for (v, x), value in zip(points, found):
            right = exact(name, n, 0, v, x)
            least = size(name, n, v, x, right)
            if name in ("iv", "ive") and n == 1:  # tiny beside it where the order is 0
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
        np.testing.assert_allclose(found[k], getattr(scipy.special, name)(at), rtol=1e-14)
        for n in (1, 2):
            right = [float(exact(kind, 0, n, int(name[1]), t)) for t in at]
            np.testing.assert_allclose(found[n * 12 + k], right, rtol=1e-10, err_msg=name)


def test_edges_and_negative_arguments():
    edges = [
        (1.0, 1.0, 0.0, 0), (2.0, 0.0, 0.0, np.inf), (1.0, 0.0, 0.0, -np.inf),
        (0.0, 2.0, np.inf, 0), (1.0, 1.0, -1.0, np.nan), (9.0, 2.0, 1.0, np.nan),
        (1.0, np.nan, 1.0, np.nan),
    ]  # fmt: skip
    n, v, x, meant = map(np.array, zip(*edges))
    np.testing.assert_array_equal(derivative("jv", n, 0, v, x), meant)
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
    found = pt.kn([0, 3], 2.0).eval()
    np.testing.assert_allclose(found, scipy.special.kn([0, 3], 2.0), rtol=5e-15)


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


EDGES = {
    "jv": [
        (0.0, 0.0, 1), (0.3, 0.0, 0), (-2.0, 0.0, 0), (-1.5, 0.0, -np.inf), (-2.5, 0.0, np.inf),
        (3.0, -2.0, -scipy.special.jv(3, 2)), (0.5, -1.0, np.nan), (2.0, -np.inf, 0),
        (0.5, np.inf, 0), (np.inf, 1.0, np.nan), (1.0, np.nan, np.nan),
    ],
    "yv": [
        (0.0, 0.0, -np.inf), (2.5, 0.0, -np.inf), (-1.0, 0.0, np.inf), (-1.5, 0.0, 0),
        (-0.25, 0.0, -np.inf), (1.0, -1.0, np.nan), (1.0, np.inf, 0), (np.nan, 1.0, np.nan),
    ],
    "kve": [
        (0.0, 0.0, np.inf), (-2.5, 0.0, np.inf), (1.0, np.inf, 0), (1.0, -1.0, np.nan),
        (np.inf, 1.0, np.nan), (-2.5, 2.0, scipy.special.kve(2.5, 2)),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", EDGES)
def test_values_at_edges(name):
    v, x, meant = map(np.array, zip(*EDGES[name]))
    np.testing.assert_allclose(getattr(pt.special, name)(v, x).eval(), meant, rtol=1e-14)


def random_points(seed, count):
    """Orders up to 300 of either sign, whole and halves too, at arguments of all sizes, in the
    middle, and next to the order."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        v = rng.uniform(-5, 5) if rng.random() < 0.5 else 10 ** rng.uniform(-9, 2.5)
        v = v * rng.choice([-1, 1])
        v = np.round(2 * v) / 2 if rng.random() < 0.3 else v
        near = abs(v) + rng.normal() * (1 + abs(v)) ** (1 / 3)
        sizes = (10 ** rng.uniform(-300, 300), 10 ** rng.uniform(-3, 3), max(near, 1e-3))
        yield float(v), float(sizes[rng.integers(3)])


def check_values(points, right, limit=2e-13):
    """Relative to the functions, or to the larger of jv and yv where these oscillate."""
    v, x = map(np.array, zip(*points))
    found = {name: getattr(pt.special, name)(v, x).eval() for name in EXACT}
    for k, point in enumerate(points):
        for name in set(EXACT) & set(right[k]):
            meant, value = right[k][name], found[name][k]
            waves = name in ("jv", "yv") and abs(point[0]) < point[1]
            scale = max(map(abs, (right[k]["jv"], right[k]["yv"]))) if waves else abs(meant)
            if not 1e-300 < abs(meant) < 1e308:
                assert value == meant or abs(value - meant) < 1e-300, (name, point, value, meant)
            else:
                assert abs(value - meant) <= limit * scale, (name, point, value, meant)


@pytest.mark.parametrize("count", [150, pytest.param(2000, marks=pytest.mark.slow)])
def test_values_at_all_scales(count):
    points, right = list(random_points(11, count)), []
    with mpmath.workdps(40):
        for v, x in points:
            at = mpmath.mpf(v), mpmath.mpf(x)
            values = {name: f(*at) for name, f in EXACT.items()}
            right.append({name: as_double(value) for name, value in values.items()})
    check_values(points, right)


def as_double(x):
    """mpmath cannot round numbers to doubles whose exponents have hundreds of digits."""
    size = mpmath.mag(x) if x else -2000
    return float(x) if abs(size) < 1100 else float(mpmath.sign(x)) * (np.inf if size > 0 else 0.0)


def test_large_orders():
    names = ("jv", "yv", "kve", "ive")
    check_values([row[:2] for row in FAR], [dict(zip(names, row[2:])) for row in FAR])


def test_next_to_half_an_order_below_0():
    """Where J and Y of the order above 0 are beyond all doubles, and one of them has no share."""
    for k in (0, 1, 4):
        v, x = np.array(-k - 0.5), np.array([1e-300, 1e-100, 0.25, 3.0])
        for name, other, sign in (("yv", "jv", (-1) ** k), ("jv", "yv", (-1) ** (k + 1))):
            found = getattr(pt.special, name)(v, x).eval()
            meant = sign * getattr(pt.special, other)(-v, x).eval()
            np.testing.assert_array_equal(found, meant)


def test_slopes_of_scaled_functions_do_not_cancel():
    v, x = np.array([0.0, 0.75, -2.5, 30.0]), np.array([0.3, 45.0, 1e3, 1e9, 1e200])[:, None]
    order, at = pt.tensor("v", (4,)), pt.tensor("x", (5, 4))
    outputs = []
    for name in ("ive", "kve"):
        slope = pt.grad(pt.sum(getattr(pt.special, name)(order, at)), at)
        outputs += [slope, pt.grad(pt.sum(slope), at)]
    for name in ("i0e", "k0e", "i1e", "k1e"):
        outputs.append(pt.grad(pt.sum(getattr(pt.special, name)(at)), at))
    found = pt.function([order, at], outputs, target="machine")(v, np.broadcast_to(x, (5, 4)))
    kinds = ["ive", "ive", "kve", "kve", "ive", "kve", "ive", "kve"]
    with mpmath.workdps(60):
        for j, (kind, values) in enumerate(zip(kinds, found)):
            for (row, column), value in np.ndenumerate(values):
                a = v[column] if j < 4 else [0.0, 0.0, 1.0, 1.0][j - 4]
                times = 1 + (j in (1, 3))
                right = derivative_far(kind, times, a, x[row, 0])
                close = pytest.approx(float(right), rel=3e-12, abs=1e-305)
                assert value == close, (kind, j, a, x[row])


def derivative_far(kind, times, v, x):
    """By the expansion of Hankel (DLMF 10.40), differentiated, for large x; else by differences."""
    if x < 1e3:
        return exact(kind, 0, times, v, x)
    v, x = mpmath.mpf(v), mpmath.mpf(x)
    term, total, turn = mpmath.mpf(1), mpmath.mpf(0), -1 if kind == "ive" else 1
    for k in range(60):
        falling = mpmath.rf(k + mpmath.mpf("0.5"), times) * (-1) ** times
        total += turn**k * term * falling * x ** (-k - times - mpmath.mpf("0.5"))
        term *= (4 * v * v - (2 * k + 1) ** 2) / (8 * (k + 1))
    return total * (mpmath.sqrt(mpmath.pi / 2) if kind == "kve" else 1 / mpmath.sqrt(2 * mpmath.pi))


def test_derivatives_in_the_order_far_out():
    """Of large arguments, tiny ones, and where exp(x) or the scaled function overflows."""
    for name, v, x in (
        ("jv", 2.3, 1e9), ("yv", -0.7, 1e12), ("kve", 3.5, 1e250), ("ive", -1.25, 1e30),
        ("yv", 2.5, 1e-80), ("jv", -4.0625, 1e-60), ("kv", 300.0, 800.0), ("iv", 300.0, 900.0),
        ("kv", 0.5, 705.0),
    ):  # fmt: skip
        with mpmath.workdps(60):
            right = derivative_in_order(name, v, x)
        value = derivative(name, 1, 0, v, x).item()
        assert value == pytest.approx(right, rel=1e-12), (name, v, x)


def derivative_in_order(name, v, x):
    step = mpmath.mpf(10) ** -20
    ends = [EXACT[name](mpmath.mpf(v) + s * step, mpmath.mpf(x)) for s in (1, -1)]
    return as_double((ends[0] - ends[1]) / (2 * step))
