"""Densities of vectors and of indices at extreme parameters, against mpmath."""

import itertools

import numpy as np
import pytest

import probtensor as pt
from tests.prob import truth
from tests.prob.judge import faults, report
from tests.prob.truth import Dual, exp, lgamma, log, mp, square, times_log

R = pt.random
TARGETS = pytest.mark.parametrize("target", ["interp", "cython"])


def columns(rows):
    return [np.array(column, dtype=float) for column in zip(*rows)]


def compare(formula, rows, outputs, scale=0):
    """What is wrong with [value, slope by each argument] over the rows; nothing is asked of slopes
    where the value is past all floats."""
    bad = []
    for k, row in enumerate(rows):
        got = [column[k] for column in outputs]
        if got[0] == -np.inf:
            got[1:] = [None] * len(row)
        bad += faults(formula, row, got, "float64", scale)
    assert not bad, report(bad)


def normal_pair(x, y, mu, a, b, c):
    """(x, y) normal with mean (mu, 0) and lower factor [[a, 0], [b, c]]."""
    z = (x - mu) / a
    w = (y - b * z) / c
    return -(square(z) + square(w)) / 2 - log(a) - log(c) - truth.constant("log 2pi")


@TARGETS
def test_multivariate_normal(target):
    scales, places = (1e-15, 1.0, 1e15), (0.0, 1e-150, 0.7, -1e15, 1e250)
    rows = list(itertools.product(places, places, (0.0, 1e15), scales, (0.0, -0.5, 1e7), scales))
    rows = rows[::7]
    x, y, mu, a, b, c = inputs = [pt.vector(name) for name in ("x", "y", "mu", "a", "b", "c")]
    zero = pt.zeros_like(a)
    factor = pt.stack([pt.stack([a, zero], -1), pt.stack([b, c], -1)], -2)
    mean = pt.stack([mu, zero], -1)
    density = pt.logp(R.multivariate_normal(mean, factor), pt.stack([x, y], -1))
    f = pt.function(inputs, [density, *pt.grad(pt.sum(density), inputs)], target=target)
    compare(normal_pair, rows, f(*columns(rows)))


def logits(u, v, w):
    """log softmax of three numbers, at the first; exponentials are kept small."""
    top = max(u.value, v.value, w.value)
    return u - top - log(exp(u - top) + exp(v - top) + exp(w - top))


@TARGETS
def test_categorical_by_logits(target):
    places = (0.0, 1e-15, 0.7, -40.0, 800.0, -1e15, 1e15)
    rows = list(itertools.product(places, repeat=3))[::3]
    inputs = [pt.vector(name) for name in "uvw"]
    distribution = R.categorical(logit_p=pt.stack(inputs, -1))
    density = pt.logp(distribution, np.zeros(len(rows), int))
    f = pt.function(inputs, [density, *pt.grad(pt.sum(density), inputs)], target=target)
    # The slope by the logit of what was observed is 1 less its share.
    compare(logits, rows, f(*columns(rows)), scale=1)


@TARGETS
def test_categorical_by_probabilities(target):
    rows = [(1e-300, 0.25, 0.75), (0.25, 1e-300, 0.75), (1.0, 0.0, 0.0), (0.0, 0.5, 0.5),
            (1 - 2**-53, 2**-53, 0.0), (1e-15, 1.0, 0.0)]  # fmt: skip
    inputs = [pt.vector(name) for name in "uvw"]
    density = pt.logp(R.categorical(pt.stack(inputs, -1)), np.zeros(len(rows), int))
    f = pt.function(inputs, [density, *pt.grad(pt.sum(density), inputs)], target=target)
    compare(lambda u, v, w: log(u), rows, f(*columns(rows)))


def dirichlet(x, y, w, a, b, c):
    total = lgamma(a + b + c) - lgamma(a) - lgamma(b) - lgamma(c)
    return total + times_log(a - 1, x) + times_log(b - 1, y) + times_log(c - 1, w)


@TARGETS
def test_dirichlet(target):
    shares = [(0.25, 0.25, 0.5), (1e-300, 0.25, 0.75), (0.0, 0.25, 0.75), (0.5, 1e-15, 0.5),
              (1e-300, 1e-200, 1.0)]  # fmt: skip
    shapes = [(1.0, 1.0, 1.0), (1.0, 2.0, 0.3), (2.5, 1.0, 30.0), (0.3, 0.3, 0.3), (1e-3, 7.0, 1.0)]
    rows = [(*share, *shape) for share in shares for shape in shapes]
    inputs = [pt.vector(name) for name in ("x", "y", "w", "a", "b", "c")]
    share, shape = pt.stack(inputs[:3], -1), pt.stack(inputs[3:], -1)
    density = pt.logp(R.dirichlet(shape), share)
    f = pt.function(inputs, [density, *pt.grad(pt.sum(density), inputs)], target=target)
    compare(dirichlet, rows, f(*columns(rows)))


def test_the_exact_slopes_are_those_of_differences():
    """The judge is judged: slopes of the formulas here against mpmath's own derivative."""
    points = [
        (normal_pair, (0.3, -0.7, 0.1, 1.3, 0.4, 2.0)),
        (logits, (0.3, 1.1, -0.4)),
        (dirichlet, (0.2, 0.3, 0.5, 1.5, 0.7, 3.0)),
        (truth.student_t, (0.7, 2.5, 0.1, 1.3)),
        (truth.logistic, (0.7, 0.1, 1.3)),
        (truth.beta_mean, (0.2, 0.3, 4.0)),
        (truth.negative_binomial, (3.0, 2.0, 1.5)),
        (truth.log_normal, (0.7, 0.2, 1.1)),
        (truth.cauchy_cdf, (0.7, 0.1, 1.3)),
        (truth.half_normal_cdf, (0.7, 1.3)),
        (truth.exponential_cdf, (0.7, 1.3)),
        (truth.logistic_cdf, (0.7, 0.1, 1.3)),
    ]

    def plain(formula, arguments):
        return formula(*(Dual(mp.mpf(a), [mp.mpf(0)]) for a in arguments)).value

    with mp.workdps(50):
        for formula, point in points:
            count = len(point)
            exact = formula(*(Dual(mp.mpf(a), [mp.mpf(int(i == k)) for i in range(count)])
                              for k, a in enumerate(point)))  # fmt: skip
            for k, slope in enumerate(exact.slopes):
                moved = [(*point[:k], mp.mpf(point[k]) + h, *point[k + 1 :])
                         for h in (mp.mpf("1e-15"), mp.mpf("-1e-15"))]  # fmt: skip
                rise = plain(formula, moved[0]) - plain(formula, moved[1])
                assert abs(rise / mp.mpf("2e-15") - slope) < mp.mpf("1e-25"), (formula, k)
