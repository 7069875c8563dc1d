"""Combined distributions with what SciPy and NumPy say of them, for the tests of combinators.

Each case has parameters by name, so that a graph of inputs can take them, and functions of values
and these parameters in NumPy: the log density or mass, and the distribution function.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

import probtensor as pt

R, S = pt.random, stats


@dataclass(frozen=True)
class Combination:
    """`make(**parameters, **options)` is the variable; `log_density(x, **parameters)` and
    `cdf(x, **parameters)` what it must have; `inside` are values of it, `outside` others."""

    name: str
    make: Callable
    parameters: dict
    log_density: Callable
    cdf: Callable | None
    inside: tuple
    outside: tuple = ()
    discrete: bool = False
    atoms: bool = False
    quantiles: bool = True

    def variable(self, **options):
        return self.make(**self.parameters, **options)

    def expected(self, x):
        with np.errstate(all="ignore"):
            return self.log_density(np.asarray(x, float), **self.parameters)

    def share(self, x):
        with np.errstate(all="ignore"):
            return self.cdf(np.asarray(x, float), **self.parameters)

    def __str__(self):
        return self.name


def log_sum(*terms):
    return special.logsumexp(np.broadcast_arrays(*terms), axis=0)


def normals(x, w, a, b, s, t):
    return log_sum(np.log(w) + S.norm(a, s).logpdf(x), np.log1p(-w) + S.norm(b, t).logpdf(x))


def normals_cdf(x, w, a, b, s, t):
    return w * S.norm(a, s).cdf(x) + (1 - w) * S.norm(b, t).cdf(x)


def pair(w):
    """Two weights along a new last axis."""
    return pt.stack([pt.as_tensor(w), 1 - pt.as_tensor(w)], axis=-1)


def along(*values):
    return pt.stack([pt.as_tensor(v) for v in values], axis=-1)


def two(w, first, second, **options):
    return R.mixture(pair(w), [first, second], **options)


def poissons(x, w, m, n):
    return log_sum(np.log(w) + S.poisson(m).logpmf(x), np.log1p(-w) + S.nbinom(n, 0.3).logpmf(x))


def inflated(log_mass):
    """The log mass of a zero-inflated distribution."""

    def found(x, psi, **own):
        return log_sum(np.where(x == 0, np.log1p(-psi), -np.inf), np.log(psi) + log_mass(x, **own))

    return found


def hurdled(log_mass):
    """The log mass of a hurdle distribution."""

    def found(x, psi, **own):
        rest = np.log(psi) + log_mass(x, **own) - np.log1p(-np.exp(log_mass(0, **own)))
        return np.where(x == 0, np.log1p(-psi), rest)

    return found


def summed(log_mass):
    """The distribution function of counts from their log mass."""

    def found(x, **own):
        k = np.arange(-60, 400)
        mass = np.exp(log_mass(k.astype(float), **own))
        return np.array([mass[k <= v].sum() for v in np.atleast_1d(np.floor(x))]).reshape(
            np.shape(x)
        )

    return found


def binomial(x, n, p):
    return S.binom(n, p).logpmf(x)


def poisson(x, mu):
    return S.poisson(mu).logpmf(x)


def negative(x, mu, alpha):
    return S.nbinom(alpha, alpha / (mu + alpha)).logpmf(x)


def gamma_hurdle(x, psi, alpha, beta):
    rest = np.log(psi) + S.gamma(alpha, scale=1 / beta).logpdf(x)
    return np.where(x == 0, np.log1p(-psi), rest)


def cut_normal(x, lower, upper, mu, sigma):
    inside = S.truncnorm((lower - mu) / sigma, (upper - mu) / sigma, mu, sigma)
    return inside.logpdf(x)


def cut_poisson(x, lower, mu):
    rest = S.poisson(mu).logsf(np.ceil(lower) - 1)
    return np.where(x >= lower, S.poisson(mu).logpmf(x) - rest, -np.inf)


def censored_normal(x, lower, upper, mu, sigma):
    own = S.norm(mu, sigma)
    found = np.where(x >= upper, own.logsf(upper), own.logpdf(x))
    found = np.where(x <= lower, own.logcdf(lower), found)
    return np.where((x < lower) | (x > upper), -np.inf, found)


def censored_poisson(x, upper, mu):
    own = S.poisson(mu)
    found = np.where(x >= upper, own.logsf(upper - 1), own.logpmf(x))
    return np.where(x > upper, -np.inf, found)


def in_interval(x, lower, upper, mu, sigma):
    p = S.norm(mu, sigma).cdf(upper) - S.norm(mu, sigma).cdf(lower)
    return np.where(x == 1, np.log(p), np.where(x == 0, np.log1p(-p), -np.inf))


def folded_normal(x, loc, mu, sigma):
    own = S.norm(mu, sigma)
    both = log_sum(own.logpdf(x), own.logpdf(2 * loc - x))
    return np.where(x >= loc, both, -np.inf)


def folded_uniform(x, lower, upper):
    own = S.randint(lower, upper + 1)
    both = log_sum(own.logpmf(x), own.logpmf(-x))
    return np.where(x < 0, -np.inf, np.where(x == 0, own.logpmf(0), both))


CUTS = np.array([-1.0, 0.3, 1.7])


def ordinal(law):
    def found(x, eta, sigma=1.0):
        ends = np.concatenate([[-np.inf], CUTS, [np.inf]])
        k = np.clip(x, 0, 3).astype(int)
        mass = law.cdf((ends[k + 1] - eta) / sigma) - law.cdf((ends[k] - eta) / sigma)
        return np.where((x < 0) | (x > 3), -np.inf, np.log(mass))

    return found


POINTS, HEIGHTS = np.array([-1.0, 0.5, 1.0, 4.0]), np.array([0.0, 2.0, 0.5, 1.0])


def interpolated(x, scale):
    area = np.trapezoid(HEIGHTS, POINTS * scale)
    density = np.interp(x, POINTS * scale, HEIGHTS, left=0, right=0)
    return np.log(density / area)


def interpolated_cdf(x, scale):
    points = POINTS * scale
    areas = np.append(0, np.cumsum(0.5 * np.diff(points) * (HEIGHTS[1:] + HEIGHTS[:-1])))
    x = np.clip(x, points[0], points[-1])
    k = np.clip(np.searchsorted(points, x, side="right") - 1, 0, len(points) - 2)
    last = 0.5 * (x - points[k]) * (HEIGHTS[k] + np.interp(x, points, HEIGHTS))
    return (areas[k] + last) / areas[-1]


def laplace(x, scale):
    return -abs(x) / scale - np.log(2 * scale)


NORMALS = {"w": 0.3, "a": -1.0, "b": 2.5, "s": 1.2, "t": 0.5}
REALS = (-9.0, -1.3, 0.4, 2.4, 2.6, 7.0)
COUNTS = (0, 1, 2, 5, 11)

COMBINATIONS = [
    Combination("mixture of a list",
        lambda w, a, b, s, t, **o: two(w, R.normal(a, s), R.normal(b, t), **o),
        NORMALS, normals, normals_cdf, REALS),
    Combination("mixture along an axis",
        lambda w, a, b, s, t, **o: R.mixture(pair(w), R.normal(along(a, b), along(s, t)), **o),
        NORMALS, normals, normals_cdf, REALS),
    Combination("normal_mixture",
        lambda w, a, b, s, t, **o: R.normal_mixture(pair(w), along(a, b), along(s, t), **o),
        NORMALS, normals, normals_cdf, REALS),
    Combination("mixture of supports",
        lambda w, m, h, **o: two(w, R.normal(m, 2.0), R.half_normal(h), **o),
        {"w": 0.3, "m": -1.0, "h": 1.5},
        lambda x, w, m, h: log_sum(np.log(w) + S.norm(m, 2).logpdf(x),
            np.log1p(-w) + S.halfnorm(0, h).logpdf(x)),
        lambda x, w, m, h: w * S.norm(m, 2).cdf(x) + (1 - w) * S.halfnorm(0, h).cdf(x), REALS),
    Combination("mixture of bounds",
        lambda w, low, high, **o: two(w, R.uniform(low, high), R.gamma(2.0, 1.5), **o),
        {"w": 0.3, "low": -1.0, "high": 2.0},
        lambda x, w, low, high: log_sum(np.log(w) + S.uniform(low, high - low).logpdf(x),
            np.log1p(-w) + S.gamma(2, scale=1 / 1.5).logpdf(x)),
        lambda x, w, low, high: w * S.uniform(low, high - low).cdf(x)
            + (1 - w) * S.gamma(2, scale=1 / 1.5).cdf(x),
        (-0.7, 0.3, 1.9, 3.0), (-1.5,)),
    Combination("mixture of counts",
        lambda w, m, n, **o: two(w, R.poisson(m), R.negative_binomial(n=n, p=0.3), **o),
        {"w": 0.6, "m": 2.5, "n": 4.0}, poissons, summed(poissons), COUNTS, (-1,), True),
    Combination("zero_inflated", lambda psi, p, **o: R.zero_inflated(psi, R.geometric(p), **o),
        {"psi": 0.7, "p": 0.4}, inflated(lambda x, p: S.geom(p).logpmf(x)),
        summed(inflated(lambda x, p: S.geom(p).logpmf(x))), COUNTS, (-1,), True),
    Combination("zero_inflated below 0",
        lambda psi, p, **o: R.zero_inflated(psi, R.discrete_uniform(-3, p), **o),
        {"psi": 0.7, "p": 4.0}, inflated(lambda x, p: S.randint(-3, p + 1).logpmf(x)),
        summed(inflated(lambda x, p: S.randint(-3, p + 1).logpmf(x))), (-3, -1, 0, 2, 4), (5,),
        True),
    Combination("zero_inflated_poisson", R.zero_inflated_poisson, {"psi": 0.7, "mu": 2.5},
        inflated(poisson), summed(inflated(poisson)), COUNTS, (-1,), True),
    Combination("zero_inflated_binomial", R.zero_inflated_binomial,
        {"psi": 0.7, "n": 12.0, "p": 0.3}, inflated(binomial), summed(inflated(binomial)), COUNTS,
        (-1, 13), True),
    Combination("zero_inflated_negative_binomial", R.zero_inflated_negative_binomial,
        {"psi": 0.7, "mu": 2.5, "alpha": 1.5}, inflated(negative), summed(inflated(negative)),
        COUNTS, (-1,), True),
    Combination("hurdle_poisson", R.hurdle_poisson, {"psi": 0.7, "mu": 2.5}, hurdled(poisson),
        summed(hurdled(poisson)), COUNTS, (-1,), True),
    Combination("hurdle_negative_binomial", R.hurdle_negative_binomial,
        {"psi": 0.7, "mu": 2.5, "alpha": 1.5}, hurdled(negative), summed(hurdled(negative)),
        COUNTS, (-1,), True),
    Combination("hurdle_gamma", R.hurdle_gamma, {"psi": 0.7, "alpha": 2.5, "beta": 1.5},
        gamma_hurdle, lambda x, psi, alpha, beta: np.where(x < 0, 0,
            1 - psi + psi * S.gamma(alpha, scale=1 / beta).cdf(x)),
        (0.0, 0.1, 1.0, 4.0), (-0.5,), atoms=True),
    Combination("hurdle_log_normal", R.hurdle_log_normal, {"psi": 0.7, "mu": 0.3, "sigma": 0.8},
        lambda x, psi, mu, sigma: np.where(x == 0, np.log1p(-psi),
            np.log(psi) + S.lognorm(sigma, scale=np.exp(mu)).logpdf(x)),
        lambda x, psi, mu, sigma: np.where(x < 0, 0,
            1 - psi + psi * S.lognorm(sigma, scale=np.exp(mu)).cdf(x)),
        (0.0, 0.1, 1.0, 4.0), (-0.5,), atoms=True),
    Combination("hurdle of reals", lambda psi, mu, **o: R.hurdle(psi, R.normal(mu, 1.5), **o),
        {"psi": 0.7, "mu": 0.4}, lambda x, psi, mu: np.where(x == 0, np.log1p(-psi),
            np.log(psi) + S.norm(mu, 1.5).logpdf(x)),
        lambda x, psi, mu: psi * S.norm(mu, 1.5).cdf(x) + (1 - psi) * (x >= 0),
        (-2.0, 0.0, 0.3, 3.0), atoms=True),
    Combination("truncated", lambda lower, upper, mu, sigma, **o:
            R.truncated(R.normal(mu, sigma), lower, upper, **o),
        {"lower": -0.5, "upper": 2.0, "mu": 0.3, "sigma": 1.4}, cut_normal,
        lambda x, lower, upper, mu, sigma: S.truncnorm((lower - mu) / sigma, (upper - mu) / sigma,
            mu, sigma).cdf(x), (-0.4, 0.3, 1.9), (-0.6, 2.1)),
    Combination("truncated counts", lambda lower, mu, **o: R.truncated(R.poisson(mu), lower, **o),
        {"lower": 1.5, "mu": 2.5}, cut_poisson, summed(cut_poisson), (2, 3, 5, 11), (0, 1), True),
    Combination("censored", lambda lower, upper, mu, sigma, **o:
            R.censored(R.normal(mu, sigma), lower, upper, **o),
        {"lower": -0.5, "upper": 2.0, "mu": 0.3, "sigma": 1.4}, censored_normal,
        lambda x, lower, upper, mu, sigma: np.where(x >= upper, 1, np.where(x < lower, 0,
            S.norm(mu, sigma).cdf(x))), (-0.5, 0.3, 1.9, 2.0), (-0.6, 2.1), atoms=True),
    Combination("censored counts", lambda upper, mu, **o: R.censored(R.poisson(mu), None, upper,
            **o), {"upper": 5.0, "mu": 2.5}, censored_poisson, summed(censored_poisson),
        (0, 2, 4, 5), (6,), True),
    Combination("interval_censored", lambda lower, upper, mu, sigma, **o:
            R.interval_censored(R.normal(mu, sigma), lower, upper, **o),
        {"lower": -0.5, "upper": 2.0, "mu": 0.3, "sigma": 1.4}, in_interval, None, (0, 1), (2,),
        True),
    Combination("folded", lambda loc, mu, sigma, **o: R.folded(R.normal(mu, sigma), loc, **o),
        {"loc": 0.5, "mu": 0.9, "sigma": 1.4}, folded_normal,
        lambda x, loc, mu, sigma: np.where(x < loc, 0,
            S.norm(mu, sigma).cdf(x) - S.norm(mu, sigma).cdf(2 * loc - x)),
        (0.6, 1.0, 4.0), (0.4,)),
    Combination("folded counts", lambda lower, upper, **o:
            R.folded(R.discrete_uniform(lower, upper), **o),
        {"lower": -3.0, "upper": 5.0}, folded_uniform, summed(folded_uniform), (0, 1, 3, 4, 5),
        (-1, 6), True),
    Combination("masked", lambda mu, **o: R.masked(R.normal(mu, 2.0), True, **o), {"mu": 0.4},
        lambda x, mu: S.norm(mu, 2).logpdf(x), lambda x, mu: S.norm(mu, 2).cdf(x), REALS),
    Combination("ordered_logistic", lambda eta, **o: R.ordered_logistic(eta, CUTS, **o),
        {"eta": 0.4}, ordinal(S.logistic), summed(ordinal(S.logistic)), (0, 1, 2, 3), (-1, 4),
        True),
    Combination("ordered_probit", lambda eta, sigma, **o: R.ordered_probit(eta, CUTS, sigma, **o),
        {"eta": 0.4, "sigma": 1.3}, ordinal(S.norm), summed(ordinal(S.norm)), (0, 1, 2, 3),
        (-1, 4), True),
    Combination("interpolated", lambda scale, **o: R.interpolated(
            pt.as_tensor(scale)[..., None] * POINTS, HEIGHTS, **o), {"scale": 1.5}, interpolated,
        interpolated_cdf, (-1.2, 0.7, 1.1, 5.9), (-1.6, 6.1)),
    Combination("custom", lambda scale, **o: R.custom(scale, logp=lambda x, s:
            -pt.abs(x) / s - pt.log(2 * s), random=lambda s, shape: R.laplace(0.0, s, shape=shape),
            logcdf=lambda x, s: pt.logcdf(R.laplace(0.0, s), x), **o),
        {"scale": 1.5}, laplace, lambda x, scale: S.laplace(0, scale).cdf(x), REALS,
        quantiles=False),
]  # fmt: skip
