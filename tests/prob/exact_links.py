"""Links and what is made of them, in mpmath: log probabilities that keep their digits far out, and
derivatives by differences in 100 digits."""

from functools import cache

import mpmath
import numpy as np

import probtensor as pt

DIGITS = 100
HUGE = mpmath.mpf("1e2000")
AT = np.array([-1e3, -745.0, -40.0, -9.0, -1.0, 0.0, 1.0, 9.0, 40.0, 745.0, 1e3])
# The relative errors that values, first and second derivatives may have.
ALLOWED = (1e-12, 1e-10, 1e-9)


def exp(x):
    """exp as an extended real: past what any double holds it is one huge number."""
    return mpmath.exp(x) if x < 5000 else HUGE


def softplus(x):
    return mpmath.log1p(exp(x)) if x < 5000 else x


def log_sigmoid(x):
    return -softplus(-x)


def log1mexp(x):
    return mpmath.log(-mpmath.expm1(x)) if x > -1 else mpmath.log1p(-mpmath.exp(x))


def log_ndtr(x):
    tail = mpmath.erfc(abs(x) / mpmath.sqrt(2)) / 2
    return mpmath.log(tail) if x < 0 else mpmath.log1p(-tail)


def log_cauchy(x):
    tail = mpmath.atan2(1, abs(x)) / mpmath.pi
    return mpmath.log(tail) if x < 0 else mpmath.log1p(-tail)


def log_cexpexp(x):
    return log1mexp(-exp(x))


# (log p, log(1 - p)) of each link.
LOG = {
    "logistic": (log_sigmoid, lambda x: log_sigmoid(-x)),
    "probit": (log_ndtr, lambda x: log_ndtr(-x)),
    "cloglog": (log_cexpexp, lambda x: -exp(x)),
    "loglog": (lambda x: -exp(-x), lambda x: log_cexpexp(-x)),
    "cauchit": (log_cauchy, lambda x: log_cauchy(-x)),
}


def log_between(cdf, a, b):
    """log(F(a) - F(b)) for a > b."""
    if cdf == "logistic":
        return log_sigmoid(a) + log_sigmoid(-b) + log1mexp(b - a)
    if cdf == "probit":
        a, b = (-b, -a) if a + b > 0 else (a, b)
        return log_ndtr(a) + log1mexp(log_ndtr(b) - log_ndtr(a))
    if cdf == "cauchit":
        return mpmath.log(mpmath.atan2(a - b, 1 + a * b) / mpmath.pi)
    if cdf == "loglog":
        return -exp(-a) + log1mexp(exp(-a) - exp(-b))
    return -exp(b) + log1mexp(exp(b) - exp(a))


@cache
def truth(f, order, at=None):
    """The derivative of a function of the extended reals at AT, or at other points, as doubles."""
    found = []
    with mpmath.workdps(DIGITS):
        h = mpmath.mpf(10) ** -25
        for x in AT if at is None else at:
            x = mpmath.mpf(float(x))
            if order == 0:
                found.append(f(x))
            elif order == 1:
                found.append((f(x + h) - f(x - h)) / (2 * h))
            else:
                found.append((f(x + h) - 2 * f(x) + f(x - h)) / (h * h))
        return np.array([float(v) for v in found])


def derivatives(term, eta):
    first = pt.grad(pt.sum(term), eta)
    return [term, first, pt.grad(pt.sum(first), eta)]


def check(cases, target, near=(0.0, 0.0, 0.0)):
    """Each case is (term of eta, exact function): values and two derivatives at AT, within ALLOWED
    of the exact ones or `near` to them."""
    eta = pt.vector("eta", shape=(len(AT),))
    outputs = {name: derivatives(make(eta), eta) for name, (make, _) in cases.items()}
    found = pt.function([eta], outputs, target=target)(AT)
    wrong = []
    for name, got in found.items():
        for order, (value, rtol, atol) in enumerate(zip(got, ALLOWED, near, strict=True)):
            right = truth(cases[name][1], order)
            # Second differences of the exact function leave noise of this size.
            least = 1e-40 if order == 2 else 1e-300
            with np.errstate(invalid="ignore"):
                good = abs(value - right) <= rtol * abs(right) + atol + least
            good |= value == right
            rows = zip(AT, value, right, good, strict=True)
            wrong += [(name, order, float(x), float(v), float(r)) for x, v, r, ok in rows if not ok]
    assert not wrong, f"(case, order, at, got, right): {wrong[:5]}"
