"""Probabilities in mpmath as pairs (p, 1 - p), neither of which is made of the other."""

import mpmath
from mpmath import mpf

from tests.prob.exact_links import exp


class Chance:
    """A probability and its rest; products and powers are those of independent events."""

    def __init__(self, p, rest):
        self.p, self.rest = mpf(p), mpf(rest)

    def __mul__(self, other):
        return Chance(self.p * other.p, self.rest + self.p * other.rest)

    def __invert__(self):
        return Chance(self.rest, self.p)

    def __pow__(self, k):
        log = k * self.log
        return Chance(mpmath.exp(log), -mpmath.expm1(log))

    @property
    def log(self):
        """log p."""
        return mpmath.log1p(-self.rest) if self.rest < 0.5 else mpmath.log(self.p)


ALWAYS, NEVER = Chance(1, 0), Chance(0, 1)


def mixed(*parts):
    """The mixture of (weight, chance), whose weights add to 1."""
    p, rest = (sum(w * q for w, q in zip([w for w, _ in parts], side))
               for side in ([c.p for _, c in parts], [c.rest for _, c in parts]))  # fmt: skip
    return Chance(p, rest)


def guessed(share, c):
    """c where nothing is guessed, which happens with probability `share`."""
    return ~(~Chance(share, 1 - mpf(share)) * ~c)


def logistic(x):
    return Chance(1 / (1 + mpmath.exp(-x)), 1 / (1 + mpmath.exp(x)))


def probit(x):
    tail = mpmath.erfc(abs(x) / mpmath.sqrt(2)) / 2
    return Chance(1 - tail, tail) if x > 0 else Chance(tail, 1 - tail)


def survival(t):
    """exp(-t)."""
    return Chance(mpmath.exp(-t), -mpmath.expm1(-t))


def event(x, rate=1):
    """1 - exp(-rate * exp(x))."""
    return ~survival(rate * exp(x))
