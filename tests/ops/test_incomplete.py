"""The incomplete gamma and beta functions: values, logarithms, inverses and all derivatives up to
the second, against mpmath far into both tails and against SciPy at edges."""

import mpmath
import numpy as np
import pytest
from scipy import special

import probtensor as pt
from cython_ext.scalars import apply
from probtensor import ops
from probtensor.graph.node import GraphError
from probtensor.inspect.exact.gammas import derivative
from probtensor.inspect.exact.values import meanings
from probtensor.ops.kinds import REGISTRY
from probtensor.testing.reference import evaluate_numpy
from probtensor.transform.autodiff import gradient

GAMMA = [
    "gammainc", "gammaincc", "log_gammainc", "log_gammaincc", "gammainc_x", "gammainc_a",
    "gammainc_aa", "log_gammainc_a", "log_gammainc_aa", "log_gammaincc_a", "log_gammaincc_aa",
    "log_gammainc_x", "log_gammaincc_x", "gammal", "gammau",
]  # fmt: skip
BETA = [
    "beta_mass", "log_beta_mass", "beta_mass_x", "log_beta_mass_x",
    *(f"{f}_{by}" for f in ("beta_mass", "log_beta_mass") for by in ("a", "b", "aa", "ab", "bb")),
]  # fmt: skip
EDGES = [0.0, 1e-300, 1e-10, 0.5, 1.0, 2.5, 1e5, np.inf, np.nan, -1.0]


def gamma_points(count, largest, seed=1):
    """Parameters down to 1e-6, and x far from them, near them, and anywhere."""
    rng = np.random.default_rng(seed)
    a = 10 ** rng.uniform(-6, np.log10(largest), count)
    near = np.abs(a * (1 + rng.normal(0, 3, count) / np.sqrt(a + 1))) + 1e-5
    far = a * 10 ** rng.uniform(-2, 1, count)
    anywhere = 10 ** rng.uniform(-8, np.log10(largest), count)
    return a, np.choose(rng.integers(0, 3, count), [near, far, anywhere])


def beta_points(count, smallest, largest, seed=1):
    """Log odds far from their mean, near it, and anywhere."""
    rng = np.random.default_rng(seed)
    a, b = 10 ** rng.uniform(np.log10(smallest), np.log10(largest), (2, count))
    spread = np.minimum(np.sqrt(1 / a + 1 / b), 5)
    odds = np.log(a / b) + rng.normal(0, rng.choice([2.0, 8.0], count)) * spread
    odds = np.where(rng.random(count) < 0.7, odds, rng.normal(0, 10, count))
    small = 1 / (1 + np.exp(np.abs(odds)))
    return a, b, np.where(odds < 0, small, 1 - small), np.where(odds < 0, 1 - small, small)


def worst(name, points, bits=160):
    """The largest relative error of a compiled function, and where."""
    got, found = apply(REGISTRY[name].c, *points), (0.0, None)
    for value, at in zip(got, zip(*points), strict=True):
        with mpmath.workprec(bits):
            exact = meanings()[name](*map(mpmath.mpf, at))
            if abs(exact) < 1e-290 or abs(exact) > 1e300:
                continue
            found = max(found, (float(abs(value / exact - 1)), at), key=lambda pair: pair[0])
    return found


@pytest.mark.parametrize("name", GAMMA)
def test_gamma_is_accurate_in_both_tails(name):
    error, at = worst(name, gamma_points(16, 200.0))
    assert error < 1e-12, at


@pytest.mark.parametrize("name", BETA)
def test_beta_is_accurate_in_both_tails(name):
    error, at = worst(name, beta_points(8, 1e-2, 200.0))
    assert error < 1e-12, at


@pytest.mark.slow
@pytest.mark.parametrize("name", GAMMA)
def test_gamma_is_accurate_on_a_wide_grid(name):
    for largest in (10.0, 1e4):
        error, at = worst(name, gamma_points(200, largest, 2))
        # Next to the roots of second derivatives, digits are lost.
        assert error < (1e-10 if name.endswith("aa") else 1e-12), at


@pytest.mark.slow
@pytest.mark.parametrize("name", BETA)
def test_beta_is_accurate_on_a_wide_grid(name):
    for smallest, largest in ((1e-2, 30.0), (1e-9, 10.0), (10.0, 1e4)):
        error, at = worst(name, beta_points(60, smallest, largest, 2))
        tiny = name == "log_beta_mass_ab" and smallest < 1e-6
        assert error < (1e-5 if tiny else 1e-10), at


def test_tails_beyond_floats_have_logarithms():
    with mpmath.workprec(200):
        for name, at in {
            "log_gammainc": (2000.0, 0.5), "log_gammaincc": (3.0, 5e4), "log_gammainc_a":
            (2000.0, 0.5), "log_gammaincc_aa": (3.0, 5e3), "log_gammainc_x": (1e4, 1e-3),
        }.items():  # fmt: skip
            exact = meanings()[name](*map(mpmath.mpf, at))
            got = apply(REGISTRY[name].c, *map(np.array, at))
            assert abs(float(got / exact - 1)) < 1e-13, name


def test_edges_are_those_of_scipy():
    a, x = (z.ravel() for z in np.meshgrid(EDGES, EDGES, indexing="ij"))
    for name in ("gammainc", "gammaincc"):
        meant = getattr(special, name)(a, x)
        np.testing.assert_allclose(getattr(ops, name).values(a, x), meant, rtol=1e-12)
    shares = [0.0, 1e-300, 1e-10, 0.3, 0.5, 0.999, 1.0, -0.1, 1.1, np.nan]
    a, b, x = (z.ravel() for z in np.meshgrid(EDGES, EDGES, shares, indexing="ij"))
    # SciPy gives half the mass to either end at b = 1e-300, whatever a is.
    known = ~((b == 1e-300) & (a > 0) & (a < 1e-5)) & ~((a == 1e-300) & (b > 0) & (b < 1e-5))
    a, b, x = a[known], b[known], x[known]
    nodes = [ops.vector(name, shape=a.shape) for name in "abx"]
    values = dict(zip(nodes, (a, b, x), strict=True))
    for name in ("betainc", "betaincc"):
        got = evaluate_numpy([getattr(ops, name)(*nodes)], values)[0]
        np.testing.assert_allclose(got, getattr(special, name)(a, b, x), rtol=1e-12)


def test_edges_of_the_inverses():
    p = [0.0, 1.0, -0.1, 1.1, np.nan]
    np.testing.assert_equal(apply("pt_gammaincinv", np.array(2.0), np.array(p)),
                            [0, np.inf, np.nan, np.nan, np.nan])  # fmt: skip
    np.testing.assert_equal(apply("pt_gammainccinv", np.array(2.0), np.array(p)),
                            [np.inf, 0, np.nan, np.nan, np.nan])  # fmt: skip
    two = np.array(2.0)
    quantiles = apply("pt_beta_quantile", two, two, np.array(p), 1 - np.array(p))
    np.testing.assert_equal(quantiles, [0, 1, np.nan, np.nan, np.nan])


def test_operands_of_any_kind():
    assert pt.gammainc(2, 3).eval() == pytest.approx(special.gammainc(2, 3), rel=1e-15)
    assert pt.betainc(2, 3, 1).eval() == 1
    single = pt.gammaincc(np.float32(2.5), np.ones((2, 1), "float32")).eval()
    assert single.dtype == np.float32 and single.shape == (2, 1)
    np.testing.assert_allclose(single, special.gammaincc(2.5, 1.0), rtol=1e-7)
    assert pt.betaincc(np.ones((0, 3)), 2.0, 0.5).eval().shape == (0, 3)
    assert pt.chi2sf(3.84, [1, 2]).eval() == pytest.approx(special.chdtrc([1, 2], 3.84), rel=1e-14)
    with pytest.raises(GraphError, match="broadcast"):
        pt.gammainc(np.ones(2), np.ones(3))
    with pytest.raises(TypeError):
        pt.betainc("a", 1.0, 0.5)


def test_inverses_invert():
    rng = np.random.default_rng(3)
    a, b = 10 ** rng.uniform(-1, 4, (2, 400))
    p = np.where(rng.random(400) < 0.5, rng.random(400), 10 ** rng.uniform(-30, 0, 400))
    for inverse, log in (("gammaincinv", "log_gammainc"), ("gammainccinv", "log_gammaincc")):
        x = apply(f"pt_{inverse}", a, p)
        slope = np.abs(x * apply(f"pt_{log}_x", a, x)) + 1e-3
        off = np.abs(apply(f"pt_{log}", a, x) - np.log(p)) / slope
        assert off.max() < 1e-13
    x = apply("pt_beta_quantile", a, b, p, 1 - p)
    slope = x * apply("pt_log_beta_mass_x", a, b, x, 1 - x) + 1e-3
    off = np.abs(apply("pt_log_beta_mass", a, b, x, 1 - x) - np.log(p)) / slope
    assert off[x < 0.5].max() < 1e-12


# ---- derivatives of the public functions ----

AT = {
    "gammainc": [(0.2, 0.05), (2.5, 1.7), (30.0, 45.0)],
    "gammaincc": [(0.2, 0.05), (2.5, 9.0), (30.0, 25.0)],
    "log_gammainc": [(0.3, 1e-4), (40.0, 3.0), (3.0, 12.0)],
    "log_gammaincc": [(0.3, 0.1), (2.5, 60.0), (30.0, 20.0)],
    "gammal": [(0.7, 0.4), (5.0, 9.0)],
    "gammau": [(0.7, 0.4), (5.0, 9.0)],
    "betainc": [(0.3, 2.0, 0.1), (20.0, 30.0, 0.3)],
    "betaincc": [(4.0, 0.6, 0.9), (20.0, 30.0, 0.6)],
    "log_betainc": [(0.3, 2.0, 0.1), (9.0, 2.0, 1e-3)],
    "log_betaincc": [(0.3, 2.0, 0.7), (4.0, 9.0, 0.95)],
}


def exact_value(name, *at):
    """The exact function by its public name, of numbers that need not be floats."""
    found = meanings()
    if "beta" not in name:
        return found[name](*at)
    a, b, x = at
    mass = found["log_beta_mass" if "log" in name else "beta_mass"]
    return mass(b, a, 1 - x, x) if name.endswith("cc") else mass(a, b, x, 1 - x)


def exact_derivatives(name, at):
    """All first and second partial derivatives, by differences in 60 digits."""
    n = len(at)
    with mpmath.workdps(60):
        h = mpmath.mpf(10) ** -14
        steps = [h * mpmath.mpf(x) for x in at]

        def value(*moves):
            return exact_value(name, *(mpmath.mpf(x) + m * s for x, m, s in zip(at, moves, steps)))

        unit = np.eye(n, dtype=int)
        first = [(value(*unit[i]) - value(*-unit[i])) / (2 * steps[i]) for i in range(n)]
        second = [
            (value(*(unit[i] + unit[j])) - value(*(unit[i] - unit[j]))
             - value(*(unit[j] - unit[i])) + value(*(-unit[i] - unit[j])))
            / (4 * steps[i] * steps[j])
            for i in range(n) for j in range(i, n)
        ]  # fmt: skip
    return [float(v) for v in first + second]


@pytest.mark.parametrize("name", sorted(AT))
def test_first_and_second_derivatives_in_all_arguments(name):
    columns = [np.array(c) for c in zip(*AT[name])]
    n = len(columns)
    nodes = [ops.vector(f"x{k}", shape=c.shape) for k, c in enumerate(columns)]
    first = gradient(ops.sum(getattr(ops, name)(*nodes)), nodes)
    second = [gradient(ops.sum(first[i]), nodes) for i in range(n)]
    outputs = [*first, *(second[i][j] for i in range(n) for j in range(i, n))]
    got = evaluate_numpy(outputs, dict(zip(nodes, columns, strict=True)))
    back = evaluate_numpy([second[j][i] for i in range(n) for j in range(i, n)],
                          dict(zip(nodes, columns, strict=True)))  # fmt: skip
    np.testing.assert_allclose(back, got[n:], rtol=1e-9, err_msg="symmetry")
    for k, at in enumerate(AT[name]):
        meant = exact_derivatives(name, at)
        np.testing.assert_allclose([v[k] for v in got], meant, rtol=1e-10, err_msg=f"{name}{at}")


@pytest.mark.parametrize("family", ["gammainc", "gammaincc", "betainc", "betaincc"])
def test_derivatives_of_inverses_are_those_of_the_identity(family):
    rows = [(0.6, 0.3), (8.0, 0.9), (2.0, 1e-9)]
    if "beta" in family:
        rows = [(a, 3.0 / a, p) for a, p in rows]
    columns = [np.array(c) for c in zip(*rows)]
    nodes = [ops.vector(f"x{k}", shape=c.shape) for k, c in enumerate(columns)]
    x = getattr(ops, f"{family}inv")(*nodes)
    first = gradient(ops.sum(getattr(ops, family)(*nodes[:-1], x)), nodes)
    second = [g for y in first for g in gradient(ops.sum(y), nodes)]
    values = dict(zip(nodes, columns, strict=True))
    got = np.array(evaluate_numpy([*first, *second], values))
    meant = np.zeros_like(got)
    meant[len(nodes) - 1] = 1
    size = columns[-1] ** 2  # second derivatives of the inverse are of the size of 1 / p**2
    np.testing.assert_allclose(got * size, meant * size, atol=1e-12)


def test_derivatives_that_others_refuse_run_compiled():
    a, b, x = (pt.scalar(name) for name in "abx")
    mass = pt.log_betainc(a, b, x) + pt.log_gammaincc(a, b)
    f = pt.function([a, b, x], pt.grad(pt.grad(mass, a), b), target="machine")
    with mpmath.workdps(40):
        found = meanings()
        meant = found["log_beta_mass_ab"](*map(mpmath.mpf, (3, 2, 0.25, 0.75)))
        meant += mpmath.diff(lambda t: found["log_gammaincc_a"](mpmath.mpf(3), t), 2)
    assert f(3.0, 2.0, 0.25) == pytest.approx(float(meant), rel=1e-12)


# ---- third and further derivatives ----

TRIPLES = {
    "gammainc": ([(0.2, 0.05), (2.5, 1.7), (30.0, 45.0)], [(3, 0), (2, 1), (1, 2), (0, 3)]),
    "gammaincc": ([(2.5, 9.0)], [(3, 0), (2, 1)]),
    "log_gammainc": ([(0.3, 1e-4), (40.0, 8.0), (3.0, 12.0)], [(3, 0), (2, 1), (1, 2)]),
    "log_gammaincc": ([(0.3, 0.1), (2.5, 60.0), (30.0, 20.0)], [(3, 0), (2, 1), (1, 2)]),
    "gammal": ([(0.7, 0.4), (5.0, 9.0)], [(3, 0), (2, 1)]),
    "gammau": ([(0.7, 0.4), (5.0, 9.0)], [(3, 0), (2, 1)]),
    "betainc": ([(0.3, 2.0, 0.1), (20.0, 30.0, 0.3)], [(3, 0, 0), (0, 3, 0), (1, 1, 1)]),
    "betaincc": ([(4.0, 0.6, 0.9), (20.0, 30.0, 0.6)], [(2, 1, 0), (0, 2, 1), (1, 0, 2)]),
    "log_betainc": ([(0.3, 2.0, 0.1), (9.0, 2.0, 1e-3)], [(3, 0, 0), (1, 2, 0), (1, 1, 1)]),
    "log_betaincc": ([(0.3, 2.0, 0.7), (4.0, 9.0, 0.95)], [(0, 3, 0), (2, 0, 1), (0, 1, 2)]),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(TRIPLES))
def test_third_derivatives_in_all_arguments(name):
    points, triples = TRIPLES[name]
    columns = [np.array(c) for c in zip(*points)]
    nodes = [ops.vector(f"x{k}", shape=c.shape) for k, c in enumerate(columns)]
    outputs = []
    for orders in triples:
        slope = getattr(ops, name)(*nodes)
        for node, order in zip(nodes, orders):
            for _ in range(order):
                (slope,) = gradient(ops.sum(slope), [node])
        outputs.append(slope)
    got = evaluate_numpy(outputs, dict(zip(nodes, columns, strict=True)))
    with mpmath.workprec(80):
        for orders, values in zip(triples, got, strict=True):
            for at, value in zip(points, values, strict=True):
                meant = derivative(lambda *z: exact_value(name, *z), at, orders)
                assert value == pytest.approx(float(meant), rel=1e-10), (at, orders)


@pytest.mark.parametrize("name", ["gammainc", "log_gammaincc", "beta_mass", "log_beta_mass"])
def test_seventh_derivatives_in_the_parameters(name):
    if "gamma" in name:
        points, counts = [(0.4, 0.3), (4.0, 2.0), (12.0, 30.0)], 7.0
    else:
        points, counts = [(0.4, 3.0, 0.2, 0.8), (20.0, 9.0, 0.75, 0.25)], 4.0 + 3 * 16
    columns = [np.array(c) for c in zip(*points)]
    got = apply(f"pt_{name}_orders", np.array(counts), *columns)
    with mpmath.workprec(60):
        for value, at in zip(got, points, strict=True):
            meant = meanings()[f"{name}_in_parameters"](counts, *map(mpmath.mpf, at))
            assert value == pytest.approx(float(meant), rel=1e-6), at
    ninth = apply(f"pt_{name}_orders", np.array(9.0), *columns)
    assert np.isnan(ninth).all()


@pytest.mark.parametrize("family", ["gammainc", "gammaincc", "betainc"])
def test_third_derivatives_of_inverses_are_those_of_the_identity(family):
    at = [np.array(v) for v in ((2.0, 0.3) if "gamma" in family else (2.0, 3.0, 0.3))]
    nodes = [ops.scalar(f"x{k}") for k in range(len(at))]
    x = getattr(ops, f"{family}inv")(*nodes)
    third = getattr(ops, family)(*nodes[:-1], x)
    for _ in range(3):
        third = gradient(third, nodes[0])
    got = evaluate_numpy([third], dict(zip(nodes, at, strict=True)))[0]
    assert abs(got) < 1e-11


def test_any_order_in_the_argument():
    x = ops.scalar("x")
    slope = ops.gammainc(3.0, x)
    for _ in range(4):
        slope = gradient(slope, x)
    got = evaluate_numpy([slope], {x: 2.0})[0]
    with mpmath.workdps(40):
        meant = mpmath.diff(lambda t: t**2 * mpmath.exp(-t) / 2, 2, 3)
    assert got == pytest.approx(float(meant), rel=1e-12)
