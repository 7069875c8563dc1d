"""Draws one by one against the methods they name, written from the papers over Philox in NumPy: no
squeezes, and SciPy's distributions in the place of formulas for logarithms of masses.

Tests of whole distributions cannot see a constant that is off in its third digit; these do.
"""

import numpy as np
import pytest
from scipy import special, stats

from tests.cython_ext.test_philox import KEY, sample

MASK = np.uint64(0xFFFFFFFF)
COUNT = 20_000
DRAW, BOOST = 0, 1  # the last word of the counter


def words(i, attempt=0, purpose=DRAW):
    """Philox 4x32-10 (Salmon, Moraes, Dror and Shaw 2011) of an array of indices: four words."""
    attempts, last = (np.full(i.shape, x, np.uint64) for x in (attempt, purpose))
    a, b, c, d = i & MASK, i >> np.uint64(32), attempts, last
    k0, k1 = KEY & 0xFFFFFFFF, KEY >> 32
    for _ in range(10):
        left, right = a * np.uint64(0xD2511F53), c * np.uint64(0xCD9E8D57)
        a, b, c, d = (
            (right >> np.uint64(32)) ^ b ^ np.uint64(k0), right & MASK,
            (left >> np.uint64(32)) ^ d ^ np.uint64(k1), left & MASK,
        )  # fmt: skip
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return a, b, c, d


def unit(high, low):
    """The upper 52 bits of two words, in the middle of their cell."""
    bits = (high << np.uint64(20)) | (low >> np.uint64(12))
    return (bits.astype(float) + 0.5) * 2.0**-52


def pairs(i, attempt=0, purpose=DRAW):
    """Two uniforms for each index."""
    a, b, c, d = words(i, attempt, purpose)
    return unit(a, b), unit(c, d)


def first_accepted(proposal):
    """For each index the value of its first attempt that `proposal(u, v)` accepts."""
    found = np.full(COUNT, np.nan)
    waiting = np.arange(COUNT, dtype=np.uint64)
    attempt = 0
    while waiting.size:
        with np.errstate(all="ignore"):
            value, accepted = proposal(*pairs(waiting, attempt))
        found[waiting[accepted]] = value[accepted]
        waiting, attempt = waiting[~accepted], attempt + 1
    return found


def gamma_at_least_one(alpha):
    """Marsaglia and Tsang (2000)."""
    d = alpha - 1 / 3
    c = 1 / np.sqrt(9 * d)

    def proposal(u, w):
        z = special.ndtri(u)
        v = (1 + c * z) ** 3
        return d * v, (v > 0) & (np.log(w) < z**2 / 2 + d - d * v + d * np.log(v))

    return first_accepted(proposal)


def log_gamma(alpha):
    if alpha >= 1:
        return np.log(gamma_at_least_one(alpha))
    boost, _ = pairs(np.arange(COUNT, dtype=np.uint64), purpose=BOOST)
    return np.log(gamma_at_least_one(alpha + 1)) + np.log(boost) / alpha


def poisson(mu):
    """By inversion below 10, else PTRS of Hoermann (1993, Insurance 12:39)."""
    if mu < 10:
        return stats.poisson(mu).ppf(pairs(np.arange(COUNT, dtype=np.uint64))[0])
    b = 0.931 + 2.53 * np.sqrt(mu)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)

    def proposal(u, v):
        u = u - 0.5
        us = 0.5 - abs(u)
        k = np.floor((2 * a / us + b) * u + mu + 0.43)
        height = np.log(v * inverse_alpha / (a / us**2 + b))
        return k, (k >= 0) & (height <= stats.poisson(mu).logpmf(k))

    return first_accepted(proposal)


def binomial(n, p):
    """By inversion below a mean of 10, else BTRS of Hoermann (1993, J. Stat. Comput. Simul. 46)."""
    if p > 0.5:
        return n - binomial(n, 1 - p)
    if n * p < 10:
        return stats.binom(n, p).ppf(pairs(np.arange(COUNT, dtype=np.uint64))[0])
    spread = np.sqrt(n * p * (1 - p))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    alpha = (2.83 + 5.1 / b) * spread
    law = stats.binom(n, p)
    top = law.logpmf(np.floor((n + 1) * p))

    def proposal(u, v):
        u = u - 0.5
        us = 0.5 - abs(u)
        k = np.floor((2 * a / us + b) * u + n * p + 0.5)
        height = np.log(v * alpha / (a / us**2 + b))
        return k, (k >= 0) & (k <= n) & (height <= law.logpmf(k) - top)

    return first_accepted(proposal)


@pytest.mark.parametrize("alpha", [1e-3, 0.3, 0.999, 1.0, 1.5, 4.0, 200.0, 1e6])
def test_gamma_draws(alpha):
    logs = log_gamma(alpha)
    np.testing.assert_allclose(sample("log_gamma", size=COUNT, alpha=alpha), logs, rtol=1e-12,
                               atol=1e-13)  # fmt: skip
    np.testing.assert_allclose(sample("gamma", size=COUNT, alpha=alpha), np.exp(logs), rtol=1e-11)


@pytest.mark.parametrize("mu", [1e-3, 0.7, 5.0, 9.99, 10.0, 12.5, 60.0, 3e3])
def test_poisson_draws(mu):
    np.testing.assert_array_equal(sample("poisson", size=COUNT, mu=mu), poisson(mu))


@pytest.mark.parametrize(("n", "p"), [
    (1, 0.4), (7, 0.5), (30, 0.3), (30, 0.8), (10**6, 5e-6), (20, 0.5), (50, 0.25), (60, 0.7),
    (25, 0.47), (500, 0.499), (10**4, 0.02), (10**5, 0.97),
])  # fmt: skip
def test_binomial_draws(n, p):
    np.testing.assert_array_equal(sample("binomial", size=COUNT, n=n, p=p), binomial(n, p))


def test_uniform_normal_and_exponential_draws():
    u, _ = pairs(np.arange(COUNT, dtype=np.uint64))
    np.testing.assert_array_equal(sample("uniform", size=COUNT), u)
    np.testing.assert_allclose(sample("normal", size=COUNT), special.ndtri(u), rtol=1e-12)
    np.testing.assert_allclose(sample("exponential", size=COUNT), -np.log(u), rtol=1e-14)
