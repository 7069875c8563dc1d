"""Links written as people write them: log densities and their first two derivatives against mpmath,
from -1000 to 1000, where probabilities round to 0 and 1 and exponentials overflow."""

import math
from functools import cache

import mpmath
import numpy as np
import pytest

import probtensor as pt

R = pt.random
AT = np.array([-1e3, -745.0, -40.0, -9.0, -1.0, 0.0, 0.5, 1.0, 9.0, 40.0, 745.0, 1e3])
DIGITS = 100
HUGE = mpmath.mpf("1e2000")


def exp(x):
    """exp as an extended real: past what any double holds it is one huge number."""
    return mpmath.exp(x) if x < 5000 else HUGE


def ndtr_log(x):
    tail = mpmath.erfc(abs(x) / mpmath.sqrt(2)) / 2
    return mpmath.log(tail) if x < 0 else mpmath.log1p(-tail)


def cauchy_log(x):
    tail = mpmath.atan2(1, abs(x)) / mpmath.pi
    return mpmath.log(tail) if x < 0 else mpmath.log1p(-tail)


def loglog_rest(x):
    """log(1 - exp(-exp(-x)))."""
    u = exp(-x)
    return mpmath.log(-mpmath.expm1(-u)) if u < 1 else mpmath.log1p(-mpmath.exp(-u))


# (log p, log(1 - p)) of each link.
EXACT = {
    "logistic": (lambda x: -mpmath.log1p(exp(-x)), lambda x: -mpmath.log1p(exp(x))),
    "probit": (ndtr_log, lambda x: ndtr_log(-x)),
    "cloglog": (lambda x: loglog_rest(-x), lambda x: -exp(x)),
    "loglog": (lambda x: -exp(-x), loglog_rest),
    "cauchit": (cauchy_log, lambda x: cauchy_log(-x)),
}
LINKS = {
    "sigmoid": ("logistic", lambda e: pt.sigmoid(e)),
    "1 / (1 + exp(-e))": ("logistic", lambda e: 1 / (1 + pt.exp(-e))),
    "exp(e) / (1 + exp(e))": ("logistic", lambda e: pt.exp(e) / (1 + pt.exp(e))),
    "exp(e) / (exp(e) + 1)": ("logistic", lambda e: (lambda u: u / (u + 1))(pt.exp(e))),
    "1 - 1 / (1 + exp(e))": ("logistic", lambda e: 1 - 1 / (1 + pt.exp(e))),
    "tanh": ("logistic", lambda e: 0.5 * (1 + pt.tanh(e / 2))),
    "tanh apart": ("logistic", lambda e: 0.5 + 0.5 * pt.tanh(0.5 * e)),
    "tanh over 2": ("logistic", lambda e: (1 + pt.tanh(e / 2)) / 2),
    "expit": ("logistic", lambda e: pt.special.expit(e)),
    "ndtr": ("probit", lambda e: pt.special.ndtr(e)),
    "erfc": ("probit", lambda e: 0.5 * pt.erfc(-e / np.sqrt(2))),
    "erfc halved": ("probit", lambda e: pt.erfc(-e / math.sqrt(2)) / 2),
    "erfc by sqrt(0.5)": ("probit", lambda e: 0.5 * pt.erfc(-math.sqrt(0.5) * e)),
    "erf": ("probit", lambda e: 0.5 * (1 + pt.erf(e / np.sqrt(2)))),
    "erf apart": ("probit", lambda e: 0.5 + 0.5 * pt.erf(e / pt.sqrt(2.0))),
    "1 - exp(-exp(e))": ("cloglog", lambda e: 1 - pt.exp(-pt.exp(e))),
    "-expm1(-exp(e))": ("cloglog", lambda e: -pt.expm1(-pt.exp(e))),
    "exp(-exp(-e))": ("loglog", lambda e: pt.exp(-pt.exp(-e))),
    "arctan": ("cauchit", lambda e: 0.5 + pt.arctan(e) / np.pi),
    "arctan by 1 / pi": ("cauchit", lambda e: (1 / math.pi) * pt.arctan(e) + 0.5),
}


@cache
def truth(f, order):
    """The derivative of a function of the extended reals at AT, as doubles."""
    with mpmath.workdps(DIGITS):
        found = []
        for x in AT:
            x, h = mpmath.mpf(float(x)), mpmath.mpf(10) ** -25
            if order == 0:
                found.append(f(x))
            elif order == 1:
                found.append((f(x + h) - f(x - h)) / (2 * h))
            else:
                found.append((f(x + h) - 2 * f(x) + f(x - h)) / (h * h))
        return np.array([float(v) for v in found])


def assert_near(got, wanted, rtol, what, atol=0.0):
    """Equal infinities, and numbers within rtol; what is below 1e-300 may be 0."""
    got = np.asarray(got, float)
    same = (got == wanted) | (np.abs(got - wanted) <= rtol * np.abs(wanted) + 1e-300 + atol)
    wrong = [(float(x), float(g), float(w)) for x, g, w, ok in zip(AT, got, wanted, same) if not ok]
    assert not wrong, f"{what}: (at, got, right) {wrong}"


def derivatives(term, eta):
    first = pt.grad(pt.sum(term), eta)
    return [term, first, pt.grad(pt.sum(first), eta)]


def bernoulli_terms(link, eta):
    """log p and log(1 - p) in all the ways that densities of 0/1 data are written."""
    one, zero = np.ones(len(AT)), np.zeros(len(AT))
    p = link(eta)
    both = []
    for y in (one, zero):
        data = pt.data(y)
        flag = pt.eq(data, 1)
        both.append([
            pt.logp(R.bernoulli(p), y.astype(int)),
            pt.logp(R.bernoulli(p), data.astype("int64")),
            data * pt.log(p) + (1 - data) * pt.log(1 - p),
            pt.log(pt.where(flag, p, 1 - p)),
            pt.where(flag, pt.log(p), pt.log1p(-p)),
            pt.xlogy(data, p) + pt.xlogy(1 - data, 1 - p),
            pt.logp(R.binomial(1, p), y.astype(int)),
        ])  # fmt: skip
    return both


def check_links(names, target, ways=range(7)):
    eta = pt.vector("eta", shape=(len(AT),))
    outputs = {}
    for name in names:
        for y, terms in zip((1, 0), bernoulli_terms(LINKS[name][1], eta)):
            for k in ways:
                term = terms[k]
                outputs[f"{name}|{y}|{k}"] = derivatives(term, eta)
    found = pt.function([eta], outputs, target=target)(AT)
    for key, got in found.items():
        name, y, _ = key.split("|")
        exact = EXACT[LINKS[name][0]][1 - int(y)]
        for order, (value, rtol) in enumerate(zip(got, (1e-12, 1e-10, 1e-9))):
            assert_near(value, truth(exact, order), rtol, f"{key} order {order} {target}")


@pytest.mark.parametrize("name", LINKS)
def test_bernoulli(name):
    check_links([name], "interp")


def test_bernoulli_compiled():
    """All links in one module."""
    check_links(LINKS, "cython", ways=(1, 2, 3))
