"""Guessing, lapses, mixtures, products, powers and rates of links, written as people write them:
log densities of 0/1 data and their first two derivatives against mpmath, from -1000 to 1000."""

import math

import mpmath
import numpy as np
import pytest
from mpmath import mpf

import probtensor as pt
from tests.prob import exact_chances as exact
from tests.prob.exact_chances import Chance, event, guessed, logistic, mixed, probit
from tests.prob.exact_links import AT, check

N = len(AT)
S, E, ndtr = pt.sigmoid, pt.exp, pt.special.ndtr
SHARE = pt.sigmoid(pt.data(np.array(-1.0), name="share"))


def number(value, name):
    return pt.data(np.array(value), name=name)


def share():
    """sigmoid(-1) in the digits that are asked for."""
    return logistic(mpf(-1)).p


def part(x):
    """A logistic probability apart from that of x."""
    return logistic(x / 2 - 1)


def s2(e):
    return S(e / 2 - 1)


GUESSES = {
    "0.25 + 0.75 s": (lambda e: 0.25 + 0.75 * S(e), lambda x: guessed(0.25, logistic(x))),
    "c + (1 - c) / (1 + exp(-e))": (
        lambda e: 0.1 + (1 - 0.1) / (1 + E(-e)),
        lambda x: mixed((mpf("0.1"), exact.ALWAYS), (mpf("0.9"), logistic(x))),
    ),
    "probit": (lambda e: 0.25 + 0.75 * ndtr(e), lambda x: guessed(0.25, probit(x))),
    "erfc": (
        lambda e: 0.25 + 0.375 * pt.erfc(-e / math.sqrt(2)), lambda x: guessed(0.25, probit(x)),
    ),
    "tanh": (
        lambda e: 0.25 + 0.375 * (1 + pt.tanh(e / 2)), lambda x: guessed(0.25, logistic(x)),
    ),
    "parameter": (
        lambda e: (lambda c: c + (1 - c) * S(e))(number(0.25, "c")),
        lambda x: guessed(0.25, logistic(x)),
    ),
    "sigmoid parameter": (
        lambda e: SHARE + (1 - SHARE) * S(e), lambda x: guessed(share(), logistic(x)),
    ),
    "moving sigmoid": (
        lambda e: s2(e) + (1 - s2(e)) * S(e), lambda x: ~(~part(x) * ~logistic(x)),
    ),
    "four parameters": (
        lambda e: (lambda c, d: c + (d - c) * S(e))(number(0.25, "c"), number(0.875, "d")),
        lambda x: mixed((0.25, exact.ALWAYS), (0.625, logistic(x)), (0.125, exact.NEVER)),
    ),
    "upper end of 1": (
        lambda e: (lambda c, d: c + (d - c) * S(e))(number(0.0, "c"), number(1.0, "d")), logistic,
    ),
    "lapse": (
        lambda e: 0.125 / 2 + (1 - 0.125) * S(e),
        lambda x: mixed((0.0625, exact.ALWAYS), (0.875, logistic(x)), (0.0625, exact.NEVER)),
    ),
    "missed": (lambda e: 1 - 0.75 * S(-e), lambda x: guessed(0.25, logistic(x))),
    "complementary log-log": (
        lambda e: 0.25 + 0.75 * (1 - E(-E(e / 2))), lambda x: guessed(0.25, event(x / 2)),
    ),
}  # fmt: skip
PRODUCTS = {
    "s t": (lambda e: S(e) * s2(e), lambda x: logistic(x) * part(x)),
    "s t u": (
        lambda e: S(e) * s2(e) * ndtr(e / 9), lambda x: logistic(x) * part(x) * probit(x / 9),
    ),
    "noisy or": (lambda e: 1 - (1 - S(e)) * (1 - s2(e)), lambda x: ~(~logistic(x) * ~part(x))),
    "s + t - s t": (lambda e: S(e) + s2(e) - S(e) * s2(e), lambda x: ~(~logistic(x) * ~part(x))),
    "s**2": (lambda e: S(e) ** 2, lambda x: logistic(x) ** 2),
    "s**5": (lambda e: S(e) ** 5, lambda x: logistic(x) ** 5),
    "s**k": (lambda e: S(e) ** number(2.5, "k"), lambda x: logistic(x) ** 2.5),
    "sqrt": (lambda e: pt.sqrt(S(e)), lambda x: logistic(x) ** 0.5),
    "probit**3": (lambda e: ndtr(e) ** 3, lambda x: probit(x) ** 3),
    "pooled": (lambda e: 1 - (1 - 1 / (1 + E(-e))) ** 5, lambda x: ~((~logistic(x)) ** 5)),
    "pooled by log1p": (
        lambda e: 1 - E(5 * pt.log1p(-S(e))), lambda x: ~((~logistic(x)) ** 5),
    ),
    "1 - 1 / (1 + exp(e))**2": (
        lambda e: 1 - 1 / (1 + E(e)) ** 2, lambda x: ~((~logistic(x)) ** 2),
    ),
    "1 - (1 + exp(e))**-3": (lambda e: 1 - (1 + E(e)) ** -3, lambda x: ~((~logistic(x)) ** 3)),
    "exp(-log(1 + exp(-e)))": (lambda e: E(-pt.log(1 + E(-e))), logistic),
    "exp(-2 softplus(-e))": (lambda e: E(-2 * pt.softplus(-e)), lambda x: logistic(x) ** 2),
    "1 - exp(log_ndtr(e))": (lambda e: 1 - E(pt.special.log_ndtr(e)), lambda x: ~probit(x)),
    "prod": (
        lambda e: 1 - pt.prod(1 - S(pt.stack([e, e / 2 - 1], -1)), axis=-1),
        lambda x: ~(~logistic(x) * ~part(x)),
    ),
}  # fmt: skip
MIXTURES = {
    "halves": (
        lambda e: 0.5 * S(e) + 0.5 * s2(e), lambda x: mixed((0.5, logistic(x)), (0.5, part(x))),
    ),
    "mean": (lambda e: (S(e) + s2(e)) / 2, lambda x: mixed((0.5, logistic(x)), (0.5, part(x)))),
    "parameter": (
        lambda e: (lambda w: w * S(e) + (1 - w) * s2(e))(number(0.25, "w")),
        lambda x: mixed((0.25, logistic(x)), (0.75, part(x))),
    ),
    "sigmoid parameter": (
        lambda e: SHARE * S(e) + (1 - SHARE) * s2(e),
        lambda x: mixed((share(), logistic(x)), (1 - share(), part(x))),
    ),
    "three": (
        lambda e: 0.25 * S(e) + 0.5 * ndtr(e / 9) + 0.25 * s2(e),
        lambda x: mixed((0.25, logistic(x)), (0.5, probit(x / 9)), (0.25, part(x))),
    ),
    "literal weights": (
        lambda e: pt.sum(np.array([0.25, 0.75]) * S(pt.stack([e, e / 2 - 1], -1)), axis=-1),
        lambda x: mixed((0.25, logistic(x)), (0.75, part(x))),
    ),
    "product with weights": (
        lambda e: np.array([0.25, 0.5, 0.25]) @ pt.stack([S(e), ndtr(e / 9), s2(e)]),
        lambda x: mixed((0.25, logistic(x)), (0.5, probit(x / 9)), (0.25, part(x))),
    ),
    "sensitivity": (
        lambda e: S(e) + (1 - S(e)) * 0.125, lambda x: guessed(0.125, logistic(x)),
    ),
    "two heterozygotes": (
        lambda e: S(e) ** 2 + 2 * S(e) * (1 - S(e)), lambda x: ~((~logistic(x)) ** 2),
    ),
}  # fmt: skip
RATES = {
    "exp(e) 3": (lambda e: 1 - E(-E(e) * 3), lambda x: event(x, 3)),
    "rate dose": (
        lambda e: 1 - E(-E(e) * pt.data(np.full(N, 2.0), name="dose")), lambda x: event(x, 2),
    ),
    "expm1": (lambda e: -pt.expm1(-3 * E(e)), lambda x: event(x, 3)),
    "softplus": (lambda e: 1 - E(-2 * pt.softplus(e)), lambda x: ~((~logistic(x)) ** 2)),
    "two rates": (
        lambda e: 1 - E(-(E(e / 2) + E(e / 4 - 1))),
        lambda x: ~exact.survival(exact.exp(x / 2) + exact.exp(x / 4 - 1)),
    ),
    "of a sigmoid": (lambda e: 1 - E(-S(e)), lambda x: ~exact.survival(logistic(x).p)),
    "Gompertz": (lambda e: E(-3 * E(-e)), lambda x: ~event(-x, 3)),
    "Weibull": (lambda e: 1 - E(-((2 * E(e)) ** 2)), lambda x: event(2 * x, 4)),
    "different literals": (
        lambda e: 1 - 2 / (E(e) + 4),
        lambda x: guessed(0.5, logistic(x - mpmath.log(4))),
    ),
}  # fmt: skip
GROUPS = {"guesses": GUESSES, "products": PRODUCTS, "mixtures": MIXTURES, "rates": RATES}
NEAR = (2e-14, 1e-13, 3e-13)


def both(links):
    """y = 1 and y = 0 of cross entropies of data."""
    cases = {}
    for name, (link, chance) in links.items():
        for y in (1, 0):

            def term(eta, link=link, y=y):
                p, data = link(eta), pt.data(np.full(N, float(y)))
                return data * pt.log(p) + (1 - data) * pt.log(1 - p)

            def right(x, chance=chance, y=y):
                found: Chance = chance(x)
                return found.log if y else (~found).log

            cases[f"{name}, {y}"] = term, right
    return cases


@pytest.mark.parametrize("group", GROUPS)
def test_made_of_links(group):
    check(both(GROUPS[group]), "interp", near=NEAR)
