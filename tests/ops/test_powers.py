"""Powers and roots with their first and second derivatives, at all edges, against exact values."""

import functools

import mpmath
import numpy as np
import pytest

import probtensor as pt

BASES = np.array([
    0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.25, -0.25, 1e-9, -1e-9, 1e9, np.inf, -np.inf, np.nan,
])  # fmt: skip
EXPONENTS = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, -1.0, -2.0, -3.0, 0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 1 / 3,
             0.1, 3.7)  # fmt: skip


def exact_power(x, y):
    """x**y by the rules of C, from mpmath where it is a number."""
    if y == 0 or x == 1:
        return 1.0
    if x != x:
        return np.nan
    if x == 0 or np.isinf(x):
        with np.errstate(all="ignore"):
            return float(np.power(np.float64(x), y))
    if x < 0 and y != np.floor(y):
        return np.nan
    with mpmath.workdps(40):
        return float(mpmath.mpf(x) ** mpmath.mpf(y))


def exact_slope(x, y, order):
    """The derivative in x of that order: a product with 0 is 0, whatever the power."""
    factor = 1.0
    for k in range(order):
        factor *= y - k
    return factor * exact_power(x, y - order) if factor else 0.0


def exact_slope_of_exponent(x, y):
    """x**y * log(x) and its limits; at 0**0 there is none, and 0 is taken."""
    if x == 0 or x == np.inf:
        end = -np.inf if x == 0 else np.inf
        return 0.0 if (y >= 0) == (x == 0) and not (x == np.inf and y == 0) else end
    if x != x or x < 0:
        return np.nan
    with mpmath.workdps(40):
        return float(mpmath.mpf(x) ** mpmath.mpf(y) * mpmath.log(mpmath.mpf(x)))


def is_left_out(x, y):
    """A half power of -inf is nan as a product, and inf or 0 in C."""
    return x == -np.inf and y != np.floor(y)


def expected(function, dtype):
    table = [
        [np.nan if is_left_out(x, y) else function(float(np.asarray(x, dtype)), y) for x in BASES]
        for y in EXPONENTS
    ]
    with np.errstate(over="ignore"):
        return np.array(table).astype(dtype)


def compare(found, right, what, dtype):
    rtol, tiny = (1e-14, 1e-300) if dtype == "float64" else (2e-6, 1e-37)
    skipped = np.array([[is_left_out(x, y) for x in BASES] for y in EXPONENTS])
    huge = np.abs(right) > 1e37 if dtype == "float32" else np.zeros(right.shape, bool)
    good = np.isclose(found, right, rtol, tiny, equal_nan=True) | skipped
    good |= huge & (np.abs(found) > 1e37)
    # The slope of a root at -0 has the sign of the zero.
    good[:, 1] |= np.isinf(found[:, 1]) & np.isinf(right[:, 1])
    rows = [
        f"{what} of {BASES[j]}**{EXPONENTS[i]}: {found[i, j]}, not {right[i, j]}"
        for i, j in np.argwhere(~good)
    ]
    assert not rows, "\n".join(rows)


def derivatives(power, x):
    """(value, slope, curvature) of power(x), each with the shape of x."""
    value = power(x)
    slope = pt.grad(pt.sum(value), x, disconnected_inputs="ignore")
    return value, slope, pt.grad(pt.sum(slope), x, disconnected_inputs="ignore")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("target", ["cython", "interp"])
def test_literal_exponents(target, dtype):
    x = pt.tensor("x", BASES.shape, dtype=dtype)
    outputs = [derivatives(lambda x, y=y: x**y, x) for y in EXPONENTS]
    found = pt.function([x], outputs, target=target)(BASES.astype(dtype))
    for order, what in enumerate(("value", "slope", "curvature")):
        got = np.array([row[order] for row in found])
        compare(got, expected(functools.partial(exact_slope, order=order), dtype), what, dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("literal", [True, False])
def test_arrays_of_exponents(literal, dtype):
    x = pt.tensor("x", BASES.shape, dtype=dtype)
    given = np.array(EXPONENTS, dtype)[:, None]
    y = given if literal else pt.tensor("y", given.shape, dtype=dtype)
    table = x + 0 * np.zeros(given.shape, dtype)
    value, slope, curvature = derivatives(lambda x: x**y, pt.tensor("t", table.shape, dtype=dtype))
    t = np.broadcast_to(BASES.astype(dtype), table.shape)
    inputs = [value.inputs[0]] if literal else [value.inputs[0], y]
    values = [t] if literal else [t, given]
    found = pt.function(inputs, [value, slope, curvature], on_unused_input="ignore")(*values)
    skip = [EXPONENTS.index(1 / 3), EXPONENTS.index(0.1), EXPONENTS.index(3.7)]
    tested = [k for k in range(len(EXPONENTS)) if dtype == "float64" or k not in skip]
    for order, what in enumerate(("value", "slope", "curvature")):
        right = expected(functools.partial(exact_slope, order=order), dtype)
        got = np.where(np.isin(np.arange(len(right)), tested)[:, None], found[order], right)
        compare(got, right, what, dtype)


def test_slopes_by_the_exponent():
    x, y = pt.tensor("x", (1, len(BASES))), pt.tensor("y", (len(EXPONENTS), 1))
    t, u = (pt.tensor(n, (len(EXPONENTS), len(BASES))) for n in "tu")
    slope = pt.grad(pt.sum(t**u), u)
    grid = np.broadcast_arrays(BASES[None], np.array(EXPONENTS)[:, None])
    found = pt.function([t, u], slope)(*grid)
    compare(found, expected(exact_slope_of_exponent, "float64"), "slope by the exponent", "float64")
    # By both, in either order, at numbers: (1 + y * log(x)) * x**(y - 1).
    mixed = pt.grad(pt.sum(pt.grad(pt.sum(x**y), x)), y)
    other = pt.grad(pt.sum(pt.grad(pt.sum(x**y), y)), x)
    at, exponents = np.array([[0.5, 2, 3]]), np.array([[0.0], [1], [-1], [2.5]])
    right = (1 + exponents * np.log(at)) * at ** (exponents - 1)
    x3, y4 = pt.tensor("x", (1, 3)), pt.tensor("y", (4, 1))
    mixed = pt.grad(pt.sum(pt.grad(pt.sum(x3**y4), x3)), y4)
    other = pt.grad(pt.sum(pt.grad(pt.sum(x3**y4), y4)), x3)
    by_y, by_x = pt.function([x3, y4], [mixed, other])(at, exponents)
    np.testing.assert_allclose(by_y[:, 0], right.sum(1), rtol=1e-13)
    np.testing.assert_allclose(by_x[0], right.sum(0), rtol=1e-13)


ROOTS = {
    "sqrt": (pt.sqrt, 0.5), "square": (pt.square, 2.0), "reciprocal": (pt.reciprocal, -1.0),
    "product": (lambda x: x * x * x, 3.0), "quotient": (lambda x: 1 / (x * x), -2.0),
    "array of 0": (lambda x: x ** np.zeros(len(BASES)), 0.0),
    "int": (lambda x: x**3, 3.0), "int below 0": (lambda x: x**-2, -2.0),
}  # fmt: skip


@pytest.mark.parametrize("target", ["cython", "interp"])
def test_roots_squares_and_quotients(target):
    x = pt.tensor("x", BASES.shape)
    outputs = [derivatives(f, x) for f, _ in ROOTS.values()]
    found = pt.function([x], outputs, target=target)(BASES)
    for (name, (_, y)), row in zip(ROOTS.items(), found, strict=True):
        for order, got in enumerate(row):
            right = np.array([exact_slope(x, y, order) for x in BASES])
            good = np.isclose(got, right, 1e-14, 1e-300, equal_nan=True)
            good |= [is_left_out(x, y) for x in BASES]
            good[1] |= np.isinf(got[1]) and np.isinf(right[1])
            assert good.all(), f"{name}, derivative {order}: {got}, not {right}"
    curved = pt.function([x], derivatives(pt.cbrt, x), target=target)(BASES)
    finite = np.isfinite(BASES) & (BASES != 0)
    size = np.abs(BASES[finite])
    np.testing.assert_allclose(curved[1][finite], size ** (-2 / 3) / 3, rtol=1e-13)
    np.testing.assert_allclose(
        curved[2][finite], -2 / 9 * np.sign(BASES[finite]) * size ** (-5 / 3), rtol=1e-13
    )
    assert np.isposinf(curved[1][:2]).all()
