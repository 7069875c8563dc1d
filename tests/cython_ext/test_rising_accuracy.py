"""Differences of log gammas and kernels of densities against mpmath, over the whole range."""

import functools
import math

import numpy as np
import pytest
from mpmath import mp, mpf

from probtensor.inspect.exact.values import meanings
from tests.cython_ext.compiled import Loop, binary, build, unary

CALLED = (
    "log_rising_factorial", "digamma_difference", "trigamma_difference", "lbeta",
    "lgamma_rest_change", "digamma_rest_change", "trigamma_rest_change",
    "log_multiset_coefficient",
)  # fmt: skip
UNARY = ("log1pmx", "expm1mx", "lgamma_rest", "digamma_rest", "trigamma_rest")
BINARY = (
    "kl_div_exp",
    "poisson_divergence",
    "poisson_slope",
)
TERNARY = (
    "kl_div",
    "power_divergence",
    "log_ratio",
    "surplus",
    "binomial_divergence",
    "beta_divergence",
    "inverse_divergence",
    "share_divergence",
    "share_slope",
    "share_drift",
    "student_kernel",
    "student_slope",
    "student_drift",
)
LOOPS = (
    *(unary(name) for name in UNARY),
    *(binary(name) for name in (*CALLED, *BINARY)),
    *(Loop(name, f"pt_{name}(x0[i], x1[i], x2[i])", 3) for name in TERNARY),
    Loop("log_share_ratio", "pt_log_share_ratio(x0[i], x1[i], x2[i], x3[i])", 4),
    Loop("lbeta_change", "pt_lbeta_change(x0[i], x1[i], x2[i], x3[i])", 4),
    Loop("plain", "pt_lgamma(x0[i] + x1[i]) - pt_lgamma(x0[i])", 2),
)
# Units of the last place, of the value or of what rounding of the arguments changes it by.
ULPS = 8
SMALL = {
    "lgamma_rest": 80,
    "digamma_rest": 40,
    "trigamma_rest": 40,
    "lgamma_rest_change": 40,
    "digamma_rest_change": 40,
    "trigamma_rest_change": 40,
    "expm1mx": 12,
    "kl_div_exp": 20,
    "lbeta_change": 40,
}


@functools.cache
def library(flags="native"):
    return build("pt_special.h", LOOPS, flags)


def exponents(rng, low, high, count):
    return 10.0 ** rng.uniform(low, high, count)


def near(rng, count):
    return exponents(rng, -18, -0.3, count) * rng.choice([-1, 1], count)


def points(name, count, seed=0):
    """Columns of arguments: ordinary ones, the whole range, and those where digits cancel."""
    rng = np.random.default_rng(seed)
    part = count // 4

    def wide(low=-300, high=300, inner=3):
        return np.concatenate(
            [
                exponents(rng, low, high, part),
                exponents(rng, -inner, inner, part),
                exponents(rng, 0, 20, part),
                rng.integers(1, 40, part) * 1.0,
            ]
        )

    if name == "log1pmx":
        return (np.concatenate([near(rng, 2 * part), exponents(rng, -1, 300, part)]),)
    if name == "expm1mx":
        return (np.concatenate([near(rng, 2 * part), rng.uniform(-700, 700, part)]),)
    if name in UNARY:
        return (wide(-150, 300),)
    if name in ("log_rising_factorial", "log_multiset_coefficient", "lbeta", "plain"):
        return wide(), wide(inner=12)
    if name in ("digamma_difference", "trigamma_difference"):
        return wide(-90, 90), wide(-90, 90, 12)
    if name in CALLED:
        return np.maximum(wide(0, 90), 0.5), np.maximum(wide(0, 90), 0.5)
    if name == "lbeta_change":
        a, b = exponents(rng, -2, 20, count), exponents(rng, -2, 20, count)
        return a, np.floor(exponents(rng, 0, 6, count)), b, np.floor(exponents(rng, 0, 6, count))
    if name in ("log_share_ratio", "beta_divergence"):
        a, b = exponents(rng, -9, 15, count), exponents(rng, -9, 15, count)
        # Of 40 bits, so that 1 - x is no rounded number.
        x = np.round(a / (a + b) * (1 + near(rng, count)) * 2**40) / 2**40
        x = np.clip(x, 2**-40, 1 - 2**-40)
        return (a, b, x, 1 - x) if name == "log_share_ratio" else (a, b, x)
    if name.startswith("student"):
        x = exponents(rng, -10, 300, count) * rng.choice([-1, 1], count)
        return x, exponents(rng, -20, 20, count), wide(-15, 20)
    a = exponents(rng, -15, 15, count)
    if name == "kl_div_exp":
        return a, np.log(a) + np.concatenate([near(rng, 2 * part), rng.uniform(-9, 9, 2 * part)])
    counts = np.concatenate([[0.0], np.floor(exponents(rng, 0, 15, count - 1))])
    # Some beyond the range of exp: a share of such odds is one of few floats, not its logarithm.
    far = rng.uniform(-1500, 700 if name.startswith("poisson") else 1500, part)
    d = np.concatenate([near(rng, 2 * part), rng.uniform(-50, 50, part), far])
    if name.startswith("poisson"):
        return counts, d
    if name.startswith("share"):
        return counts, exponents(rng, -15, 20, count), d
    if name.startswith("binomial"):
        n = np.floor(exponents(rng, 0, 15, count))
        x = np.floor(n * rng.random(count))
        return x, n, np.clip((x + 0.3) / (n + 0.6) * (1 + near(rng, count)), 1e-9, 1 - 1e-9)
    b = np.concatenate(
        [a[: 2 * part] * (1 + near(rng, 2 * part)), exponents(rng, -15, 15, 2 * part)]
    )
    one = np.where(np.arange(count) < 3 * part, 1.0, exponents(rng, -200, 200, count))
    return a, b, one


def conditioning(meaning, arguments, value):
    """How much the value changes where each argument does by one part, in parts of itself."""
    total, step = mpf(0), mpf(10) ** -60
    for k, x in enumerate(arguments):
        if x:
            moved = [*arguments[:k], x * (1 + step), *arguments[k + 1 :]]
            total += abs(meaning(*moved) - value) / step
    return total


def worst(name, count, flags="native", seed=0, meaning=None):
    """(error in units, arguments, got, meant) at the worst point."""
    columns = points(name, count, seed)
    got = library(flags)(name, *columns)
    meaning = meanings()[meaning or name]
    found = (0.0,)
    with mp.workdps(700):
        for row, g in zip(zip(*columns, strict=True), got, strict=True):
            arguments = [mpf(float(x)) for x in row]
            value = meaning(*arguments)
            if abs(value) < mpf(10) ** -290 or abs(value) > mpf(10) ** 300:
                continue
            scale = abs(value) + conditioning(meaning, arguments, value)
            units = (
                float(abs(mpf(float(g)) - value) / scale * 2**53) if np.isfinite(g) else math.inf
            )
            found = max(found, (units, row, float(g), float(value)))
    return found


NAMES = [loop.name for loop in LOOPS if loop.name != "plain"]


@pytest.mark.parametrize("name", NAMES)
def test_as_accurate_as_its_arguments(name):
    error = worst(name, 28)
    assert error[0] <= SMALL.get(name, ULPS), error


def test_the_drift_of_a_share_far_beyond_its_counts():
    """The logarithm of the share of the smaller count, of odds that the other exceeds by far."""
    x, m = np.array([3, 5e8, 2, 8]), np.array([2.5, 4.9e8, 1e-9, 7])
    for d in (1.5, 20.0, 600.0, 1200.0, math.inf):
        got = library()("share_drift", x, m, np.full(4, -d))
        with mp.workdps(700):
            wanted = [meanings()["share_drift"](*map(mpf, row), mpf(-min(d, 1500))) for row in
                      zip(x, m, strict=True)]  # fmt: skip
        np.testing.assert_allclose(got, np.array(wanted, float), rtol=2e-15, err_msg=str(d))


@pytest.mark.slow
@pytest.mark.parametrize("flags", ["native", "no_fma", "uncontracted"])
@pytest.mark.parametrize("name", NAMES)
def test_as_accurate_as_its_arguments_on_a_large_grid(name, flags):
    error = worst(name, 400, flags, seed=1)
    assert error[0] <= 2 * SMALL.get(name, ULPS), error


def test_the_difference_as_written_is_found_wanting():
    assert worst("plain", 48, meaning="log_rising_factorial")[0] > 1e6


INF, NAN = math.inf, math.nan
EDGES = {
    "log_rising_factorial": [
        (3, 0, 0), (0, 0, 0), (0, 2, -INF), (1, 1, 0), (INF, 2, INF), (2, INF, INF), (INF, 0, 0),
        (NAN, 1, NAN), (1, NAN, NAN), (5, 3, math.log(210)), (8, -3, -math.log(210)),
    ],
    "digamma_difference": [
        (2, 0, 0), (1, 3, 11 / 6), (INF, 2, 0), (4, -3, -11 / 6), (2, INF, INF), (NAN, 1, NAN),
    ],
    "trigamma_difference": [(2, 0, 0), (1, 2, -1.25), (3, -2, 1.25), (NAN, 1, NAN)],
    "lbeta": [(0, 3, INF), (3, 0, INF), (2, INF, -INF), (1, 1, 0)],
    "poisson_divergence": [(0, -INF, 0), (0, 2, math.exp(2)), (3, 0, 0), (3, -1000, 2997)],
}  # fmt: skip


@pytest.mark.parametrize("name", EDGES)
def test_edges(name):
    x, n, expected = (np.array(column, float) for column in zip(*EDGES[name]))
    np.testing.assert_allclose(library()(name, x, n), expected, rtol=4e-15, atol=4e-16)


def test_a_share_at_its_ends():
    rows = [
        (0, 7, INF, INF),
        (7, 0, INF, 0),
        (0, 7, -INF, 0),
        (7, 0, -INF, INF),
        (2, 3, INF, INF),
        (2, 3, -INF, INF),
        (0, 0, 1, 0),
        (2, 3, 0, 0),
        (0, 5, -800, 0),
        (3, 2, 1000, 1997.4),
    ]
    x, m, d, expected = (np.array(column, float) for column in zip(*rows))
    got = library()("share_divergence", x, m, d)
    np.testing.assert_allclose(got, expected, rtol=1e-3)


def test_deviances_at_zero():
    rows = [
        (0, 2, 3, 6),
        (2, 0, 3, math.inf),
        (2, 3, 0, math.inf),
        (0, 0, 0, 0),
        (-1, 2, 1, math.nan),
    ]
    a, b, x, expected = (np.array(column, float) for column in zip(*rows))
    np.testing.assert_array_equal(library()("kl_div", a, b, x), expected)
    edge = library()("power_divergence", np.array([0.5, 1, 2]), np.full(3, 3.0), np.zeros(3))
    np.testing.assert_allclose(edge, [-math.inf, -1 - math.log(3), math.inf])


def test_loops_over_kernels_become_vector_code():
    vectorised = library("avx2").vectorised
    wanted = {*UNARY, *BINARY, *TERNARY}
    assert wanted <= vectorised, f"scalar loops: {sorted(wanted - vectorised)}"


def test_densities_of_students_t_at_infinities():
    inf, nan = math.inf, math.nan
    x = np.array([inf, -inf, 1, inf, 0, inf, 2])
    w = np.array([1, 2, inf, 0, inf, inf, 1.0])
    nu = np.array([3, 3, 3, 3, 3, 3, inf])
    wanted = {
        "student_kernel": [inf, inf, inf, nan, nan, inf, 4],
        "student_slope": [0, 0, 8, 0, nan, 0, 4],
        "student_drift": [inf, inf, inf, nan, nan, inf, 0],
    }
    for name, values in wanted.items():
        np.testing.assert_allclose(library()(name, x, w, nu), values, err_msg=name)
