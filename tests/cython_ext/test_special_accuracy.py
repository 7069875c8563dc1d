"""pt_special.h against mpmath over the whole double range, with FMA and without.

Within 2 ulp (4 for the gamma family), exact at zeros, infinities, nan and poles, the same bits
wherever an element stands, for any vector width, and whether or not the compiler fuses a*b + c;
vectorised by gcc.
"""

import functools
import math
import re

import numpy as np
import pytest
from mpmath import mp, mpf

from tests.cython_ext import exact
from tests.cython_ext.compiled import INCLUDE, Loop, binary, build, unary

BUILDS = ("native", "no_fma")
INF = math.inf
NAN = math.nan
UNARY = tuple(exact.MEANING)
BINARY = (
    "pow", "atan2", "logaddexp", "lbeta", "xlogy", "xlog1py", "xtimes", "xexpy", "log1p_square",
    "mod", "floor_div",
)  # fmt: skip
FLOATS = ("exp", "log", "log1p", "tanh", "sigmoid", "softplus")
LOOPS = (
    *(unary(name) for name in UNARY),
    *(unary(name) for name in ("round", "sign")),
    *(binary(name) for name in BINARY),
    *(Loop(f"{name}_f", f"pt_{name}_f(x0[i])", 1, "float", "float") for name in FLOATS),
    *(binary(name, "int64_t") for name in ("ifloordiv", "imod", "ipow")),
)
# Integers divide one by one; lbeta has branches. Only these need not be vector code.
SCALAR = {"lbeta", "ifloordiv", "imod", "ipow"}


def library(name="native"):
    """The compiled loops of one build."""
    return build("pt_special.h", LOOPS, name)


@functools.cache
def exact_values(name, every=3):
    """Points and exact values, computed once for all builds."""
    return exact.exact_values(name, every)


def assert_same(got, expected, points):
    """Equal element by element, the sign of zero and nan included."""
    expected = np.asarray(expected, dtype=float)
    same = (got == expected) & (np.signbit(got) == np.signbit(expected))
    same |= np.isnan(got) & np.isnan(expected)
    bad = [(x, g, e) for x, g, e, ok in zip(points, got, expected, same) if not ok]
    assert not bad, f"(argument, got, expected): {bad[:5]}"


@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("flags", BUILDS)
@pytest.mark.parametrize("name", UNARY)
def test_within_ulp(name, flags, every):
    meaning = exact.MEANING[name]
    points, values = exact_values(name, every)
    got = library(flags)(name, points)
    with mp.workprec(exact.PRECISION):
        worst = max(
            (exact.error_in_ulp(g, v, meaning.scale(mpf(float(x)), v)), float(x), float(g))
            for x, g, v in zip(points, got, values)
        )
    assert worst[0] <= meaning.ulp, f"{name}: (ulp, argument, got) = {worst}"


# Pairs, for 0.0 and -0.0 are one key of a dict.
ODD = ((0.0, 0.0), (-0.0, -0.0), (NAN, NAN), (5e-324, 5e-324), (-5e-324, -5e-324))
EDGES = {
    "exp": ((0.0, 1), (-0.0, 1), (INF, INF), (-INF, 0), (NAN, NAN), (5e-324, 1), (710, INF),
            (-746, 0)),
    "exp2": ((0.0, 1), (INF, INF), (-INF, 0), (NAN, NAN), (1024, INF), (-1074, 5e-324), (-1076, 0),
             (10, 1024)),
    "expm1": (*ODD, (INF, INF), (-INF, -1), (1e308, INF), (-1e308, -1)),
    "log": ((0.0, -INF), (-0.0, -INF), (1, 0), (INF, INF), (-INF, NAN), (-1, NAN), (NAN, NAN),
            (-5e-324, NAN)),
    "log2": ((0.0, -INF), (1, 0), (8, 3), (5e-324, -1074), (2.0**1023, 1023), (INF, INF), (-1, NAN),
             (NAN, NAN)),
    "log10": ((0.0, -INF), (1, 0), (1000, 3), (1e22, 22), (INF, INF), (-1, NAN), (NAN, NAN)),
    "log1p": (*ODD, (-1, -INF), (INF, INF), (-INF, NAN), (-2, NAN)),
    "sin": (*ODD, (INF, NAN), (-INF, NAN)),
    "cos": ((0.0, 1), (-0.0, 1), (INF, NAN), (-INF, NAN), (NAN, NAN)),
    "tan": (*ODD, (INF, NAN), (-INF, NAN)),
    "asin": (*ODD, (1, math.pi / 2), (-1, -math.pi / 2), (2, NAN), (INF, NAN)),
    "acos": ((1, 0), (0.0, math.pi / 2), (-1, math.pi), (2, NAN), (-INF, NAN), (NAN, NAN)),
    "atan": (*ODD, (1, math.pi / 4), (INF, math.pi / 2), (-INF, -math.pi / 2)),
    "sinh": (*ODD, (INF, INF), (-INF, -INF), (711, INF)),
    "cosh": ((0.0, 1), (-0.0, 1), (INF, INF), (-INF, INF), (NAN, NAN)),
    "tanh": (*ODD, (INF, 1), (-INF, -1), (30, 1)),
    "asinh": (*ODD, (INF, INF), (-INF, -INF)),
    "acosh": ((1, 0), (0.5, NAN), (INF, INF), (-INF, NAN), (NAN, NAN)),
    "atanh": (*ODD, (1, INF), (-1, -INF), (2, NAN), (INF, NAN)),
    "cbrt": (*ODD[:3], (27, 3), (-8, -2), (INF, INF), (-INF, -INF),
             (5e-324, 1.7031839360032603e-108), (-5e-324, -1.7031839360032603e-108)),
    "sigmoid": ((0.0, 0.5), (INF, 1), (-INF, 0), (NAN, NAN), (-800, 0), (800, 1)),
    "softplus": ((INF, INF), (-INF, 0), (NAN, NAN), (-800, 0), (800, 800)),
    "log_sigmoid": ((INF, -0.0), (-INF, -INF), (NAN, NAN), (-800, -800)),
    "log1mexp": ((0.0, -INF), (-0.0, -INF), (1, NAN), (INF, NAN), (-INF, 0), (NAN, NAN)),
    "logit": ((0.0, -INF), (1, INF), (0.5, 0), (-1, NAN), (2, NAN), (INF, NAN), (-INF, NAN),
              (NAN, NAN)),
    "erf": (*ODD, (INF, 1), (-INF, -1)),
    "erfc": ((0.0, 1), (-0.0, 1), (INF, 0), (-INF, 2), (NAN, NAN)),
    "erfcx": ((0.0, 1), (INF, 0), (-INF, INF), (NAN, NAN)),
    "ndtr": ((0.0, 0.5), (INF, 1), (-INF, 0), (NAN, NAN)),
    "log_ndtr": ((INF, 0.0), (-INF, -INF), (NAN, NAN), (-1e200, -INF)),
    "inverse_mills": ((INF, 0), (-INF, INF), (NAN, NAN), (-1e200, 1e200), (40, 0)),
    "log_cexpexp": ((INF, 0.0), (-INF, -INF), (NAN, NAN), (-1e3, -1e3), (1e3, 0.0)),
    "log_cexpexp_slope": ((INF, 0), (-INF, 1), (NAN, NAN), (-1e3, 1), (1e3, 0)),
    "log_softplus": ((INF, INF), (-INF, -INF), (NAN, NAN), (-1e3, -1e3), (1e300, math.log(1e300))),
    "erfinv": (*ODD, (1, INF), (-1, -INF), (1.5, NAN), (INF, NAN)),
    "erfcinv": ((0.0, INF), (1, 0), (2, -INF), (-1, NAN), (3, NAN), (NAN, NAN)),
    "ndtri": ((0.0, -INF), (0.5, 0), (1, INF), (-1, NAN), (2, NAN), (NAN, NAN)),
    "lgamma": ((0.0, INF), (-0.0, INF), (1, 0), (2, 0), (-1, INF), (-7, INF), (-2.0**60, INF),
               (INF, INF), (-INF, -INF), (NAN, NAN), (1e308, INF)),
    "gamma": ((0.0, INF), (-0.0, -INF), (1, 1), (5, 24), (11, 3628800), (-1, NAN), (-2.0**60, NAN),
              (INF, INF), (-INF, NAN), (NAN, NAN), (172, INF), (1e300, INF)),
    "digamma": ((0.0, -INF), (-0.0, INF), (-1, NAN), (-2.0**60, NAN), (INF, INF), (-INF, NAN),
                (NAN, NAN)),
    "trigamma": ((0.0, INF), (-0.0, INF), (-1, INF), (INF, 0), (-INF, INF), (NAN, NAN)),
    "round": ((0.5, 0), (1.5, 2), (2.5, 2), (-0.5, -0.0), (-1.5, -2), (1e300, 1e300), (INF, INF),
              (NAN, NAN)),
    "sign": ((3, 1), (-0.1, -1), (0.0, 0), (-0.0, 0), (INF, 1), (-INF, -1), (NAN, NAN),
             (5e-324, 1)),
}


@pytest.mark.parametrize("flags", BUILDS)
@pytest.mark.parametrize("name", EDGES)
def test_edges_are_exact(name, flags):
    points, expected = np.array(EDGES[name], dtype=float).T
    assert_same(library(flags)(name, points), expected, points)


@pytest.mark.slow
@pytest.mark.parametrize("flags", ["avx2", "uncontracted"])
@pytest.mark.parametrize("name", UNARY)
def test_neither_vector_width_nor_contraction_changes_a_bit(name, flags):
    """Every fused multiply-add is spelled out, so -ffp-contract has nothing to decide."""
    points, _ = exact_values(name, 1)
    assert_same(library(flags)(name, points), library("native")(name, points), points)


@pytest.mark.parametrize("flags", BUILDS)
@pytest.mark.parametrize("name", UNARY)
def test_place_in_the_array_does_not_matter(name, flags):
    """The vector body and the scalar rest of a loop give the same bits."""
    points = exact_values(name)[0][::2]
    whole = library(flags)(name, points)
    assert_same(library(flags)(name, points[3:]), whole[3:], points[3:])
    one_by_one = [library(flags)(name, points[k : k + 1])[0] for k in range(0, points.size, 5)]
    assert_same(np.array(one_by_one), whole[::5], points[::5])


def pairs(seed):
    """Pairs of moderate, wide and nearly equal numbers."""
    rng = np.random.default_rng(seed)
    wide = 10.0 ** rng.uniform(-300, 300, (2, 300)) * rng.choice([-1, 1], (2, 300))
    near = rng.normal(size=300)
    close = np.stack([near, near * (1 + 1e-9 * rng.normal(size=300))])
    return np.concatenate([rng.normal(size=(2, 400)), wide, close], axis=1)


def worst_pair(flags, name, points, value, scale):
    """The largest error over pairs, in ulp of scale(a, b, value)."""
    got = library(flags)(name, *points)
    worst = (0.0,)
    with mp.workprec(exact.PRECISION):
        for a, b, g in zip(*points, got):
            x, y = mpf(float(a)), mpf(float(b))
            v = value(x, y)
            worst = max(worst, (exact.error_in_ulp(g, v, scale(x, y, v)), a, b, g))
    return worst


def test_the_table_of_the_logarithm_is_exact():
    """Factors times any number of their step are next to 1, and leave a remainder of 53 bits."""
    text = (INCLUDE / "pt_log_table.h").read_text()
    found = re.findall(r"pt__log_(\w+)\[128\] = {(.*?)};", text, re.DOTALL)
    tables = {name: [float(x) for x in row.replace(",", " ").split()] for name, row in found}
    first = 0x3FE6A00000000000
    for k, row in enumerate(zip(*tables.values(), strict=True)):
        factor, high, low = map(mpf, row)
        ends = np.array([first + (k << 45), first + (k + 1 << 45) - 1], np.uint64).view(float)
        remainder = max(abs(mpf(float(x)) * factor - 1) for x in ends)
        places = 53 if ends[0] < 1 else 52
        assert remainder <= mpf(2) ** -7 and (factor * 128) % 1 == 0
        assert remainder * mpf(2) ** (places + 7) <= 2**53
        with mp.workprec(200):
            assert (high * 2**41) % 1 == 0 and abs(high + low + mp.log(factor)) < mpf(2) ** -94
        assert factor == 1 or not ends[0] <= 1 <= ends[1]
    assert k == 127


@pytest.mark.parametrize("flags", BUILDS)
def test_pow_within_ulp(flags):
    rng = np.random.default_rng(6)
    base = np.concatenate([10.0 ** rng.uniform(-300, 300, 500), 1 + rng.normal(size=300) * 1e-4,
                           rng.uniform(0, 20, 500)])
    power = np.concatenate([rng.normal(size=500), rng.normal(size=300) * 1e6,
                            rng.normal(size=500) * 50])
    worst = worst_pair(flags, "pow", (base, power), lambda a, b: a**b, lambda a, b, v: v)
    assert worst[0] <= 1.0, worst


@pytest.mark.parametrize("flags", BUILDS)
def test_atan2_within_ulp(flags):
    worst = worst_pair(flags, "atan2", pairs(7), mp.atan2, lambda a, b, v: v)
    assert worst[0] <= 2.0, worst


@pytest.mark.parametrize("flags", BUILDS)
def test_logaddexp_within_ulp_of_its_larger_argument(flags):
    points = np.concatenate([between_pairs(8, -700, 700), between_pairs(9, -3, 3)], axis=1)
    worst = worst_pair(flags, "logaddexp", points, lambda a, b: mp.log(mp.exp(a) + mp.exp(b)),
                       lambda a, b, v: max(abs(v), min(1, abs(max(a, b)))))
    assert worst[0] <= 2.0, worst


def between_pairs(seed, low, high, count=400):
    """Uniform pairs."""
    return np.random.default_rng(seed).uniform(low, high, (2, count))


@pytest.mark.parametrize("flags", BUILDS)
def test_lbeta_within_ulp_of_its_terms(flags):
    """SciPy's betaln loses a million ulp on these pairs."""
    wide = 10.0 ** between_pairs(10, -10, 10)
    points = np.concatenate([wide, between_pairs(11, 0, 30), 10.0 ** between_pairs(12, -2, 2)], 1)

    def value(a, b):
        with mp.workprec(400):
            return mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)

    def scale(a, b, v):
        return max(1, abs(v), abs(mp.loggamma(min(a, b))))

    worst = worst_pair(flags, "lbeta", points, value, scale)
    assert worst[0] <= 16.0, worst


@pytest.mark.parametrize("name", ["pow", "atan2", "logaddexp", "mod", "floor_div"])
def test_pairs_of_edges_follow_numpy(name):
    edges = np.array([0.0, -0.0, 1, -1, 2, -2, 0.5, -0.5, 3, 2.5, -2.5, 5e-324, 1e308, -1e308,
                      2.0**53 - 1, 2.0**53, INF, -INF, NAN])
    a, b = (grid.ravel() for grid in np.meshgrid(edges, edges))
    twin = {"pow": np.power, "atan2": np.arctan2, "logaddexp": np.logaddexp, "mod": np.mod,
            "floor_div": np.floor_divide}[name]
    with np.errstate(all="ignore"):
        expected = twin(a, b)
        got = library()(name, a, b)
        near = np.abs(got - expected) <= 4e-16 * np.abs(expected)
    got = np.where(near, expected, got)
    assert_same(got, expected, list(zip(a, b)))


def test_zero_times_log_is_zero():
    x = np.array([0.0, 0.0, 0.0, 2.0, 1.0])
    y = np.array([0.0, INF, NAN, 0.0, math.e])
    assert_same(library()("xlogy", x, y), [0, 0, NAN, -INF, 1], y)
    assert_same(library()("xlog1py", x, y - 1), [0, 0, NAN, -INF, 1], y)
    assert_same(library()("xtimes", x, y), [0, 0, NAN, 0, math.e], y)
    assert_same(library()("xexpy", x, y), [0, 0, NAN, 2, math.exp(math.e)], y)


def test_lbeta_edges():
    a = np.array([0.0, 0.0, 1.0, INF, NAN, 1.0, 2.0, 1e300])
    b = np.array([0.0, 3.0, INF, INF, 1.0, NAN, 1.0, 1.0])
    expected = [INF, INF, -INF, -INF, NAN, NAN, -math.log(2), -math.log(1e300)]
    got = library()("lbeta", a, b)
    np.testing.assert_allclose(got, expected, rtol=4e-16)


@pytest.mark.parametrize("flags", BUILDS)
def test_log1p_square_within_ulp(flags):
    """Over the whole range of both factors, so that squares and products overflow."""
    wide = np.concatenate([exact.every_exponent(20, sign=False), exact.every_exponent(21, -60, 60)])
    factors = 10.0 ** np.random.default_rng(22).uniform(-30, 30, wide.size)
    near = exact.between(-3, 3, 400)
    points = np.array([np.concatenate([wide, near]), np.concatenate([factors, near[::-1]])])

    def value(x, w):
        return mp.log1p((x * w) ** 2)

    worst = worst_pair(flags, "log1p_square", points, value, lambda x, w, v: v)
    assert worst[0] <= 2.0, worst


def test_log1p_square_edges():
    x = np.array([0.0, -0.0, INF, -INF, NAN, 1.0, 0.0, 1e308, 5e-324])
    w = np.array([3.0, 1.0, 1.0, 2.0, 0.0, NAN, INF, 1e20, 1.0])
    far = 2 * (math.log(1e308) + math.log(1e20))
    got = library()("log1p_square", x, w)
    np.testing.assert_allclose(got, [0, 0, INF, INF, NAN, NAN, NAN, far, 0], rtol=4e-16)


def test_small_factorials_and_powers_are_exact():
    n = np.arange(1.0, 24.0)
    assert_same(library()("gamma", n), [math.factorial(int(k) - 1) for k in n], n)
    assert_same(library()("cbrt", n**3), n, n)
    assert_same(library()("log10", 10.0**n[:22]), n[:22], n)
    assert_same(library()("pow", n, np.full(23, 3.0)), n**3, n)
    assert_same(library()("exp2", n - 30), 2.0 ** (n - 30), n)


def test_integer_division_follows_numpy():
    extremes = [0, 1, -1, 2, -3, 7, -7, 10**12, -(10**12) - 1, 2**63 - 1, -(2**63)]
    a, b = (grid.ravel() for grid in np.meshgrid(np.array(extremes), np.array(extremes)))
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(library()("ifloordiv", a, b), np.floor_divide(a, b))
        np.testing.assert_array_equal(library()("imod", a, b), np.mod(a, b))


def test_integer_powers_follow_numpy():
    base, power = (g.ravel() for g in np.meshgrid(np.arange(-5, 6), np.array([0, 1, 2, 7, 40, 63])))
    np.testing.assert_array_equal(library()("ipow", base, power), np.power(base, power))
    units = library()("ipow", np.array([1, -1, -1, 2, 0]), np.array([-3, -3, -4, -1, -1]))
    np.testing.assert_array_equal(units, [1, -1, 1, 0, 0])


def remainders():
    """Pairs over all exponents, subnormal ones, quotients next to integers, and special values."""
    rng = np.random.default_rng(8)
    size = 20_000
    any_bits = rng.integers(0, 2**64, (2, size), dtype=np.uint64)
    tiny = any_bits >> rng.integers(11, 64, (2, size), dtype=np.uint64)
    divisors = np.ldexp(1 + rng.random(size), rng.integers(-1050, 900, size))
    close = np.ldexp(1 + rng.random(size), rng.integers(-8, 60, size)) * divisors
    whole = np.floor(np.ldexp(rng.random(size), rng.integers(0, 54, size))) * divisors
    steps = rng.choice([-np.inf, 0.0, np.inf], size)
    whole = np.where(steps == 0.0, whole, np.nextafter(whole, steps))
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -3.0, 5e-324, 1.7e308, 2.0**52, 2.0**1000]
    grid = np.meshgrid(special, special)
    pairs = [any_bits.view(float), tiny.view(float), (close, divisors), (whole, -divisors)]
    return np.hstack([np.stack([np.ravel(a), np.ravel(b)]) for a, b in (*pairs, grid)])


@pytest.mark.parametrize("flags", ["native", "avx2", "no_fma"])
def test_remainders_are_those_of_libm_bit_for_bit(flags):
    a, b = remainders()
    with np.errstate(all="ignore"):
        expected, quotient = np.mod(a, b), np.floor_divide(a, b)
    np.testing.assert_array_equal(expected, library(flags)("mod", a, b))
    signs = np.signbit(expected) == np.signbit(library(flags)("mod", a, b))
    assert np.all(signs | np.isnan(expected))
    np.testing.assert_array_equal(quotient, library(flags)("floor_div", a, b))


@pytest.mark.parametrize("name", FLOATS)
def test_float32_is_the_rounded_double(name):
    points = exact.between(0.01, 5, 500).astype(np.float32)
    expected = library()(name, points.astype(float)).astype(np.float32)
    np.testing.assert_array_equal(library()(f"{name}_f", points), expected)


@pytest.mark.parametrize("flags", ["native", "avx2"])
def test_loops_become_vector_code(flags):
    """Branches, calls and conversions AVX2 lacks would each show here."""
    vectorised = library(flags).vectorised
    if flags == "native" and not vectorised:
        pytest.skip("the compiler reports no vector loops for this processor")
    wanted = {loop.name for loop in LOOPS} - SCALAR
    assert wanted <= vectorised, f"scalar loops: {sorted(wanted - vectorised)}"
