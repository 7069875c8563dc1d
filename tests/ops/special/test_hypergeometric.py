"""Gauss's hypergeometric function over all of its arguments, against mpmath."""

from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest
import scipy.special

import probtensor as pt
from cython_ext.scalars import apply

# Of either sign, integers, half-integers and others, also next to a pole and with differences
# that are whole numbers.
PARAMETERS = [
    -7.5, -3.0, -2.3, -1.0, -0.5, 1e-12, 0.25, 0.5, 1.0, 1.5, 2.0, 3.3, 5.0, 12.0, 30.5, 35.5,
]  # fmt: skip
LAST = [-4.5, -0.5, 0.5, 1.0, 1.5, 2.0, 3.3, 5.0, 12.0, 40.0]
PLACES = [
    -1e300, -1e150, -1e30, -1e16, -1e8, -1e3, -5.0, -1.0, -0.5, 0.3, 0.7, 0.9, 0.99, 1 - 1e-8,
    1 - 2.0**-53,
]  # fmt: skip


def relative_errors(found, meant):
    """Of overflowing and underflowing values 0 where the result is inf or 0 as well."""
    errors = []
    for value, exact in zip(found, meant, strict=True):
        if abs(exact) > 1.7e308 or abs(exact) < 1e-305:
            errors.append(0 if value == float(exact) or abs(value) < 1e-304 else np.inf)
        else:
            errors.append(float(abs(mp.mpf(float(value)) - exact) / abs(exact)))
    return np.array(errors)


def exact(a, b, c, x):
    """Polynomials by rational numbers, also those of Euler's transformation, as mpmath does not
    find their zeros."""
    a, b, c, x = (Fraction(float(v)) for v in (a, b, c, x))
    for first, second, power in ((a, b, 0), (b, a, 0), (c - a, c - b, 1), (c - b, c - a, 1)):
        if first <= 0 and first.denominator == 1:
            term = total = Fraction(1)
            for k in range(-int(first)):
                term *= (first + k) * (second + k) * x / ((c + k) * (k + 1))
                total += term
            factor = number(1 - x) ** number(c - a - b) if power else 1
            return factor * number(total)
    return mp.re(mp.hyp2f1(*map(number, (a, b, c, x))))


def number(fraction):
    return mp.mpf(fraction.numerator) / fraction.denominator


def arguments(count, seed):
    rng = np.random.default_rng(seed)
    a, b = rng.choice(PARAMETERS, (2, count))
    c, x = rng.choice(LAST, count), rng.choice(PLACES, count)
    kind = rng.integers(0, 10, count)
    c = np.where(kind == 0, a + b, np.where((kind == 1) & (a > 0), a, c))  # a pole, a power
    b = np.where(kind == 2, a + 1e-9, np.where(kind == 3, a, b))
    keep = ~((c <= 0) & (c == np.rint(c)))
    return a[keep], b[keep], c[keep], x[keep]


@pytest.mark.parametrize("count", [200, pytest.param(6000, marks=pytest.mark.slow)])
def test_values_and_slopes_from_minus_infinity_to_one(count):
    at = arguments(count, 3)
    nodes = [pt.vector(n) for n in "abcx"]
    value = pt.special.hyp2f1(*nodes)
    slope = pt.grad(pt.sum(value), nodes[3])
    found = pt.function(nodes, [value, slope], target="machine")(*at)
    with mp.workdps(60):
        meant = [exact(*p) for p in zip(*at)]
        slopes = [
            mp.mpf(u) * v / w * exact(u + 1, v + 1, w + 1, z)
            for u, v, w, z in zip(*at)
        ]  # fmt: skip
    assert relative_errors(found[0], meant).max() < 2e-11
    keep = [k for k, s in enumerate(slopes) if 1e-290 < abs(s) < 1e290]
    assert relative_errors(found[1][keep], [slopes[k] for k in keep]).max() < 2e-10
    assert len(keep) > 0.8 * len(slopes)


def test_limits_poles_and_polynomials():
    cases = [
        ((1, 2, 3, -np.inf), 0), ((-1.5, 2, 3, -np.inf), np.inf), ((-2, 3, 1.5, np.inf), np.inf),
        ((1, 1, 3, 1), 2), ((1, 1, 2, 1), np.inf), ((2, 3, 1.5, 1), np.inf),
        ((-0.5, 3, 1.5, 1), -np.inf), ((1, 2, 3, 1.5), np.nan), ((-2, 3, 1.5, 3), 17.8),
        ((1, 2, -3, 0.5), np.inf), ((-4, 2, -3, 0.5), np.inf), ((-2, 2, -3, 0.5), 23 / 12),
        ((-1, 2, -2, -1), 0), ((0, 1, 2, 0.3), 1), ((3, 2, 1, 0), 1), ((1, np.nan, 1, 1), np.nan),
        ((np.inf, 1, 1, 0.2), np.nan), ((1, 1, 2, 1e-320), 1), ((3.3, 5, 5, -1), 2**-3.3),
        ((0.5, 1, 1.5, -1e308), np.pi * 5e-155), ((1, 1, 2, -1.7e308), 4.174863746430733e-306),
        ((-1000, 3.3, 2, 0.9), 5.362334943325128e-11), ((1e6, 2, 1e6 + 1, 0.9), 99.99820005039814),
    ]  # fmt: skip
    points, meant = zip(*cases)
    found = pt.special.hyp2f1(*np.array(points, float).T).eval()
    np.testing.assert_allclose(found, meant, rtol=1e-12)
    single = pt.special.hyp2f1(np.float32(0.5), np.float32(1), np.float32(2), np.float32(-9)).eval()
    assert single.dtype == "float32"
    np.testing.assert_allclose(single, scipy.special.hyp2f1(0.5, 1, 2, -9), rtol=1e-6)
    assert pt.special.hyp2f1(np.ones((0, 3)), 1.0, 2.0, 0.5).eval().shape == (0, 3)


# Counts of derivatives in a, b, c and x, and where.
SLOPES = [
    (1, 2.0, -2.3, 3.3, -1e30), (16, 5.0, 0.25, 5.0, -1e300), (256, 5.0, 0.25, 1.5, -1e300),
    (16, 1.5, 3.3, 1.5, -1e30), (16, 0.5, 8.5, -1.5, -1e3), (1, 3.3, 1.5, -1.5, -1e30),
    (16, -3.0, 8.5, 1.5, 1 - 1e-8), (256, -3.0, 5.0, 1.5, 1 - 2.0**-53), (1, 8.5, 3.3, 3.3, -1e8),
    (17, 2.0, -0.5, 2.5, -1e100), (32, -0.5, 3.3, -0.5, -1e8),
]  # fmt: skip


def test_derivatives_in_parameters_far_out_and_of_either_sign():
    found = apply("pt_hyp2f1", *np.array(SLOPES).T.copy())
    for (counts, *at), value in zip(SLOPES, found, strict=True):
        orders = [counts >> 4 * k & 15 for k in range(4)]
        with mp.workdps(150):
            meant = mp.diff(mp.hyp2f1, [mp.mpf(v) for v in at], orders, h=mp.mpf(10) ** -25)
            assert value == pytest.approx(float(mp.re(meant)), rel=1e-10), (counts, at)
