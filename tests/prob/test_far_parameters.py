"""Every positive parameter written as an exponential that leaves the range of floats: the log
density and its slopes are those of the exact distribution wherever these are floats."""

import numpy as np
import pytest
from mpmath import mp, mpf

import probtensor as pt
from tests.prob import truth
from tests.prob.truth import Dual

R = pt.random
REALS, POSITIVES, COUNTS = (0.3, 1.0, -2.5), (1.0, 2.5), (0, 3, 1000)
# How a distribution is made, its formula, its parameters and its values; mu is the first of these.
DISTRIBUTIONS = {
    "normal": (R.normal, truth.normal, {"mu": 0.3, "sigma": 1.5}, REALS),
    "half_normal": (R.half_normal, truth.half_normal, {"sigma": 1.5}, (0.0, 1.0)),
    "cauchy": (R.cauchy, truth.cauchy, {"mu": 0.3, "sigma": 1.5}, REALS),
    "half_cauchy": (R.half_cauchy, truth.half_cauchy, {"sigma": 1.5}, (0.0, 1.0)),
    "student_t": (R.student_t, truth.student_t, {"nu": 3.0, "mu": 0.3, "sigma": 1.5}, REALS),
    "half_student_t": (R.half_student_t, truth.half_student_t, {"nu": 300.0, "sigma": 1.5},
                       (0.0, 1.0)),
    "log_normal": (R.log_normal, truth.log_normal, {"mu": 0.3, "sigma": 1.5}, POSITIVES),
    "exponential": (R.exponential, truth.exponential, {"lam": 1.5}, (0.0, *POSITIVES)),
    "exponential by scale": (R.exponential, truth.exponential_scale, {"scale": 1.5},
                             (0.0, *POSITIVES)),
    "gamma": (R.gamma, truth.gamma, {"alpha": 2.5, "beta": 1.5}, POSITIVES),
    "inverse_gamma": (R.inverse_gamma, truth.inverse_gamma, {"alpha": 2.5, "beta": 1.5}, POSITIVES),
    "beta": (R.beta, truth.beta, {"alpha": 2.5, "beta": 1.5}, (0.25, 0.9)),
    "beta by mean": (R.beta, truth.beta_mean, {"mu": 0.3, "kappa": 1.5}, (0.25, 0.9)),
    "laplace": (R.laplace, truth.laplace, {"mu": 0.3, "b": 1.5}, REALS),
    "logistic": (R.logistic, truth.logistic, {"mu": 0.3, "s": 1.5}, REALS),
    "poisson": (R.poisson, truth.poisson, {"mu": 1.5}, COUNTS),
    "negative_binomial": (R.negative_binomial, truth.negative_binomial, {"mu": 1.5, "alpha": 2.5},
                          COUNTS),
    "negative_binomial by chance": (R.negative_binomial, truth.negative_binomial_chance,
                                    {"n": 1.5, "p": 0.3}, COUNTS),
}  # fmt: skip
SHAPES = ("alpha", "nu", "kappa", "n")
WAYS = {
    "exp": lambda s: pt.exp(s),
    "1 / exp(-s)": lambda s: 1 / pt.exp(-s),
    "exp / exp": lambda s: pt.exp(2 * s) / pt.exp(s),
    "square of a root": lambda s: pt.square(pt.sqrt(pt.exp(s))),
}
# Exponentials among other factors, under a root and not.
AMONG = {
    "3 exp / 3 exp": lambda s: 3 * pt.exp(2 * s) / (pt.exp(s) * 3),
    "root of 4 exp / exp": lambda s: pt.sqrt(4 * pt.exp(4 * s) / pt.exp(2 * s)) / 2,
}
AT = {"float64": (0.0, 1.0, 10.0, 300.0, 705.0, 745.0, 800.0, 1000.0),
      "float32": (0.0, 1.0, 10.0, 40.0, 95.0, 103.0, 110.0, 200.0)}  # fmt: skip
SLACK = {"float64": mpf("1e-10"), "float32": mpf("2e-5")}


def positive(name):
    """The parameters of a distribution that are positive numbers of any size."""
    free = ("mu",) if name in ("poisson", "negative_binomial") else ()
    return [k for k in DISTRIBUTIONS[name][2] if k in free or k not in ("mu", "p")]


def logs_at(name, parameter, dtype):
    """The logarithms asked for: of shapes those that exact arithmetic is quick for."""
    ups = AT[dtype]
    shape = parameter in SHAPES or name.startswith("beta")
    return sorted({-v for v in ups} | {v for v in ups if v <= 10 or not shape})


def exact(formula, parameters, parameter, s, x):
    """[value, slope by s, slope by x]"""
    with mp.workdps(80):
        log, place = Dual(mpf(s), [mpf(1), mpf(0)]), Dual(mpf(x), [mpf(0), mpf(1)])
        own = [truth.exp(log) if k == parameter else Dual(mpf(v), [mpf(0), mpf(0)])
               for k, v in parameters.items()]  # fmt: skip
        found = formula(place, *own)
        return [found.value, *found.slopes]


def wrong_places(name, parameter, dtype, ways=("exp",), target="interp"):
    make, formula, parameters, places = DISTRIBUTIONS[name]
    counts = isinstance(places[0], int)
    parameters = {k: float(np.asarray(v, dtype)) for k, v in parameters.items()}
    places = [x if counts else float(np.asarray(x, dtype)) for x in places]
    rows = [(s, x) for s in logs_at(name, parameter, dtype) for x in places]
    wanted = [exact(formula, parameters, parameter, *row) for row in rows]
    # One value alone is known far beyond where the inverse of a scale overflows.
    s, kind = pt.scalar("s", dtype=dtype), "int64" if counts else dtype
    x = pt.vector("x", dtype=kind) if dtype == "float64" else pt.scalar("x", dtype=kind)
    outputs = {}
    for way in ways:
        own = {**WAYS, **AMONG}[way](s)
        given = {k: own if k == parameter else v for k, v in parameters.items()}
        density = pt.logp(make(**given), x)
        wrt = [s] if counts else [s, x]
        outputs[way] = [density, *pt.grad(pt.sum(density), wrt, disconnected_inputs="ignore")]
    f = pt.function([s, x], outputs, target=target)
    calls = [f(row[0], np.array([row[1]] if x.ndim else row[1], kind)) for row in rows]
    found = {way: [np.ravel(c) for c in zip(*(call[way] for call in calls))] for way in ways}
    most, eps = float(np.finfo(dtype).max) / 4, float(np.finfo(dtype).eps)
    wrong = []
    for way, arrays in found.items():
        for k, array in enumerate(arrays):
            for row, got, want in zip(rows, array, (w[k] for w in wanted)):
                room = SLACK[dtype] * abs(want) + 100 * eps * (20 + abs(row[0]))
                if abs(want) < most and not abs(mpf(float(got)) - want) <= room:
                    wrong.append((name, parameter, way, row, k, float(got), mp.nstr(want, 9)))
    return wrong


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_values_and_slopes_beyond_the_range_of_floats(name, dtype):
    all_ways = dtype == "float64" and name in ("cauchy", "gamma", "laplace")
    ways = tuple(WAYS) if all_ways else ("exp",)
    wrong = [w for p in positive(name) for w in wrong_places(name, p, dtype, ways)]
    assert not wrong, wrong[:5]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_values_and_slopes_beyond_the_range_of_floats_compiled(name, dtype):
    wrong = [w for p in positive(name) for w in wrong_places(name, p, dtype, tuple(WAYS), "cython")]
    assert not wrong, wrong[:5]


@pytest.mark.parametrize(("name", "parameter", "ways"), [
    ("beta by mean", "kappa", ("exp / exp", *AMONG)),
    ("negative_binomial", "alpha", tuple(AMONG)),
    ("half_cauchy", "sigma", tuple(AMONG)),
])  # fmt: skip
def test_exponentials_among_other_factors(name, parameter, ways):
    wrong = wrong_places(name, parameter, "float64", ways)
    assert not wrong, wrong[:5]


def test_shapes_without_end():
    """Student's t becomes normal, and negative binomial counts Poisson ones, with slopes of 0."""
    s = pt.scalar("s")
    terms = [pt.logp(R.student_t(pt.exp(s), 0.3, 1.5), 1.0),
             pt.logp(R.negative_binomial(1.5, pt.exp(s)), 3)]  # fmt: skip
    limits = [pt.logp(R.normal(0.3, 1.5), 1.0), pt.logp(R.poisson(1.5), 3)]
    outputs = [[t, pt.grad(t, s), limit] for t, limit in zip(terms, limits)]
    f = pt.function([s], outputs, target="interp")
    for at in (80.0, 705.0, 745.0, 800.0, 1e4):
        for value, slope, limit in f(at):
            np.testing.assert_allclose([value, slope], [limit, 0], 1e-14, 1e-30)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_one_subnormal_scale(dtype):
    """Its inverse overflows; where observations are a few scales away, the density does not."""
    scale, steps = {"float64": 1e-310, "float32": 1e-40}[dtype], (0.0, 2.0, 10.0)
    s, x = pt.scalar("s", dtype=dtype), pt.vector("x", dtype=dtype)
    zero = np.asarray(0.0, dtype)
    distributions = {
        "normal": (R.normal(zero, s), lambda z: -z * z / 2 - mp.log(2 * mp.pi) / 2),
        "half_normal": (R.half_normal(s), lambda z: -z * z / 2 + mp.log(2 / mp.pi) / 2),
        "laplace": (R.laplace(zero, s), lambda z: -abs(z) - mp.log(2)),
        "logistic": (R.logistic(zero, s), lambda z: -z - 2 * mp.log1p(mp.exp(-z))),
    }
    terms = {name: pt.logp(rv, x) for name, (rv, _) in distributions.items()}
    outputs = [*terms.values(), *map(pt.sum, terms.values())]
    at = np.asarray(scale, dtype), np.asarray([scale * z for z in steps], dtype)
    for target in ("interp", "cython"):
        found = pt.function([s, x], outputs, target=target)(*at)
        for (name, (_, distribution)), rows, total in zip(
            distributions.items(), found[:4], found[4:], strict=True
        ):
            unit = mpf(float(at[0]))
            exact = [distribution(mpf(float(v)) / unit) - mp.log(unit) for v in at[1]]
            rtol = 1e-13 if dtype == "float64" else 2e-6
            np.testing.assert_allclose(rows, [float(v) for v in exact], rtol, err_msg=name)
            np.testing.assert_allclose(total, float(sum(exact)), rtol, err_msg=name)
