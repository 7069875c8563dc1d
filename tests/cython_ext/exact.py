"""What the functions of pt_special.h mean, in mpmath, and the points they are judged at."""

from dataclasses import dataclass, field

import mpmath
import numpy as np
from mpmath import mp, mpf

PRECISION = 160
DIGAMMA_ROOT = 1.4616321449683622


def every_exponent(seed=0, low=-1074, high=1023, sign=True):
    """One random double in each binade, subnormals included, of both signs."""
    rng = np.random.default_rng(seed)
    exponents = np.arange(low, high + 1)
    points = np.ldexp(1.0 + rng.uniform(0, 1, exponents.size), exponents)
    points = points[(points > 0) & np.isfinite(points)]
    return np.concatenate([points, -points]) if sign else points


def around(centre, count=120, closest=-16, widest=-0.3, seed=1):
    """Points at log-spaced distances on both sides of a centre."""
    rng = np.random.default_rng(seed)
    distance = 10.0 ** rng.uniform(closest, widest, count)
    return centre + np.concatenate([distance, -distance]) * max(1.0, abs(centre))


def between(low, high, count=600, seed=2):
    """Uniform points."""
    return np.random.default_rng(seed).uniform(low, high, count)


def near_quarter_turns():
    """Doubles nearest to multiples of pi/2, where all leading digits cancel."""
    rng = np.random.default_rng(3)
    turns = np.concatenate([np.arange(1, 100), rng.integers(1, 2**29, 300), 2**60 + np.arange(20)])
    with mp.workprec(200):
        return np.array([float(int(k) * mp.pi / 2) for k in turns])


def erfc_tail(x):
    """erfc for x > 50 by its asymptotic series, which is all digits there."""
    term = total = mpf(1)
    for k in range(1, 40):
        term *= -(2 * k - 1) / (2 * x * x)
        if abs(term) < mpf(2) ** -PRECISION:
            break
        total += term
    return total / (x * mp.sqrt(mp.pi))


def erfcx(x):
    """e^(x^2) erfc(x)."""
    if x < -40:
        return mp.inf
    return erfc_tail(x) if x > 50 else mp.exp(x * x) * mp.erfc(x)


def erfc(x):
    """erfc, also where mpmath's own becomes slow."""
    return mp.exp(-x * x) * erfc_tail(x) if x > 50 else mp.erfc(x)


def log_ndtr(x):
    """log of the normal distribution function."""
    if x > 0:
        return mp.log1p(-erfc(x / mp.sqrt(2)) / 2)
    return mp.log(erfcx(-x / mp.sqrt(2)) / 2) - x * x / 2


def ndtri(p):
    """Newton's method on log ndtr, from the smaller tail."""
    q = min(p, 1 - p)
    if q <= 0:
        return mp.sign(p - 0.5) * mp.inf if q == 0 else mp.nan
    if q == 0.5:
        return mpf(0)
    if abs(q - 0.5) < mpf(2) ** -60:
        return (p - 0.5) * mp.sqrt(2 * mp.pi)
    z = -mp.sqrt(-2 * mp.log(q)) if q < 0.1 else (q - 0.5) * mpf(2.5)
    for _ in range(200):
        value = log_ndtr(z)
        slope = mp.exp(-z * z / 2 - value) / mp.sqrt(2 * mp.pi)
        step = (value - mp.log(q)) / slope
        z -= step
        if abs(step) < abs(z) * mpf(2) ** -100:
            break
    return z if p < 0.5 else -z


def erfinv(x):
    """The inverse of erf."""
    if abs(x) < mpf(2) ** -40:
        return mp.sqrt(mp.pi) / 2 * (x + mp.pi / 12 * x**3)
    return ndtri((1 + x) / 2) / mp.sqrt(2)


def log_cosh(x):
    """log cosh x, by a sine hyperbolic where cosh x is 1 beside it."""
    return mp.log1p(2 * mp.sinh(x / 2) ** 2) if abs(x) < 1 else abs(x) + mp.log1p(
        mp.exp(-2 * abs(x))) - mp.log(2)  # fmt: skip


def lgamma(x):
    """log |gamma(x)|, inf at the poles."""
    if x > 0:
        return mp.loggamma(x)
    if x == mp.floor(x):
        return mp.inf
    return mp.log(mp.pi / abs(mp.sinpi(x))) - mp.loggamma(1 - x)


def gamma(x):
    """gamma, by reflection left of zero so that tiny arguments keep their digits."""
    if x > 200:
        return mp.inf
    if x > 0:
        return mp.gamma(x)
    if x == mp.floor(x):
        return mp.nan
    return mp.sign(mp.sinpi(x)) * mp.exp(lgamma(x))


def digamma(x):
    """The logarithmic derivative of gamma."""
    if x > 0:
        return mp.log(x) if x > mpf(2) ** 200 else mp.psi(0, x)
    if x == mp.floor(x):
        return mp.nan
    return mp.psi(0, 1 - x) - mp.pi * mp.cospi(x) / mp.sinpi(x)


def trigamma(x):
    """The derivative of digamma."""
    if x > 0:
        return 1 / x if x > mpf(2) ** 200 else mp.psi(1, x)
    if x == mp.floor(x):
        return mp.inf
    return (mp.pi / mp.sinpi(x)) ** 2 - mp.psi(1, 1 - x)


def reflected(function):
    """Left of zero the reflection formula subtracts: errors count against its larger term."""
    return lambda x, value: value if x > 0 else max(1, abs(function(1 - x)), abs(value))


def relative(x, value):
    """Errors count against the value itself."""
    return value


@dataclass(frozen=True)
class Meaning:
    """A function's exact value, where it is judged, in how many ulp, and ulp of what."""

    value: object
    points: tuple = field(default=())
    ulp: float = 2.0
    scale: object = relative


# Where people stand, and where implementations change formula: decimals and their neighbours (0 is
# among the edges).
DECIMALS = np.delete(np.arange(-400, 401) / 20, 400)
ROUND = np.concatenate([DECIMALS, np.nextafter(DECIMALS, np.inf), np.nextafter(DECIMALS, -np.inf)])
WIDE = every_exponent()
SMALL = every_exponent(low=-30, high=4, seed=4)
POSITIVE = every_exponent(sign=False)
INTO_ONE = np.concatenate([every_exponent(low=-1074, high=-1), 1.0 - POSITIVE[1020:1074]])
GAMMA_POINTS = (every_exponent(low=-1074, high=1013, sign=False), between(0, 12, 1500),
                around(1.0), around(2.0), around(DIGAMMA_ROOT), between(-10, 0),
                np.nextafter(np.arange(1, 160) / 16, 0), np.arange(1, 160) / 16,
                -every_exponent(low=-1074, high=60, sign=False, seed=5))

def twice_exp(x, value):
    """The scale of errors of a function of exp(-exp(x)): what the last place of x stands for."""
    return value * max(1, mp.exp(x) / 8)


MEANING = {
    "exp": Meaning(mp.exp, (WIDE, between(-746, 710, 2000), between(-746, -707, 300))),
    "exp2": Meaning(lambda x: mpf(2) ** x, (WIDE, between(-1076, 1025, 2000))),
    "expm1": Meaning(mp.expm1, (WIDE, between(-40, 710), between(-2, 2, 1000))),
    "log": Meaning(mp.log, (WIDE, around(1.0, 500), between(0, 3))),
    "log2": Meaning(lambda x: mp.log(x) / mp.log(2), (WIDE, around(1.0, 500), between(0, 3))),
    "log10": Meaning(mp.log10, (WIDE, around(1.0, 500), between(0, 3))),
    "log1p": Meaning(mp.log1p, (WIDE, around(-1.0, 200), between(-1, 2, 1000))),
    "sin": Meaning(mp.sin, (WIDE, near_quarter_turns(), between(-40, 40, 1000))),
    "cos": Meaning(mp.cos, (WIDE, near_quarter_turns(), between(-40, 40, 1000))),
    "tan": Meaning(mp.tan, (WIDE, near_quarter_turns(), between(-40, 40, 1000))),
    "asin": Meaning(mp.asin, (INTO_ONE, between(-1, 1, 1000))),
    "acos": Meaning(mp.acos, (INTO_ONE, between(-1, 1, 1000))),
    "atan": Meaning(mp.atan, (WIDE, between(-4, 4, 1000), around(2**0.5 - 1), around(2**0.5 + 1))),
    "sinh": Meaning(mp.sinh, (WIDE, between(-711, 711), SMALL, between(-3, 3))),
    "cosh": Meaning(mp.cosh, (WIDE, between(-711, 711), SMALL, between(-3, 3))),
    "tanh": Meaning(mp.tanh, (WIDE, between(-25, 25), SMALL, between(-3, 3, 1500))),
    "asinh": Meaning(mp.asinh, (WIDE, SMALL, between(-3, 3, 1500))),
    "acosh": Meaning(mp.acosh, (POSITIVE[1074:], 1 + POSITIVE[1022:1074], between(1, 4, 1000))),
    "atanh": Meaning(mp.atanh, (INTO_ONE, between(-1, 1, 1500))),
    "cbrt": Meaning(lambda x: mp.sign(x) * mp.cbrt(abs(x)), (WIDE, between(-9, 9))),
    "sigmoid": Meaning(lambda x: 1 / (1 + mp.exp(-x)), (SMALL, between(-746, 40), between(-5, 5))),
    "softplus": Meaning(lambda x: mp.log1p(mp.exp(x)), (SMALL, between(-746, 40), between(-5, 5))),
    "log_sigmoid": Meaning(lambda x: -mp.log1p(mp.exp(-x)), (SMALL, between(-40, 746))),
    "log_cosh": Meaning(log_cosh, (WIDE, SMALL, between(-30, 30), between(-3, 3, 1500)), 3.0),
    "log1mexp": Meaning(lambda x: mp.log(-mp.expm1(x)) if x > -1 else mp.log1p(-mp.exp(x)),
                        (-POSITIVE[:1090], between(-746, 0), between(-3, 0, 1500))),
    "logit": Meaning(lambda p: mp.log(p / (1 - p)), (abs(INTO_ONE), around(0.5), between(0, 1))),
    "erf": Meaning(mp.erf, (WIDE[:1090], SMALL, between(-6, 6, 1500), around(1.0))),
    "erfc": Meaning(erfc, (SMALL, between(-6, 27.3, 1500), between(25, 27.3), between(0, 1))),
    "erfcx": Meaning(erfcx, (SMALL, POSITIVE, between(-26.7, 30, 1500), between(0, 2))),
    "ndtr": Meaning(lambda x: erfc(-x / mp.sqrt(2)) / 2,
                    (SMALL, between(-38.6, 9, 1500), between(-38.6, -36))),
    "log_ndtr": Meaning(log_ndtr, (SMALL, between(-60, 38), -POSITIVE[1074:1580:3])),
    "inverse_mills": Meaning(
        lambda x: mp.npdf(x) / (erfcx(-x / mp.sqrt(2)) * mp.exp(-x * x / 2) / 2) if x < 0
        else mp.npdf(x) / mp.ncdf(x), (SMALL, between(-60, 38.6, 1500), -POSITIVE[1074:1580:3])),
    "log_cexpexp": Meaning(lambda x: mp.log(-mp.expm1(-mp.exp(x))) if x < 1
                           else mp.log1p(-mp.exp(-mp.exp(x))),
                           (SMALL, between(-745, 6.61), between(-5, 6.61, 1500)), 2.0, twice_exp),
    "log_cexpexp_slope": Meaning(lambda x: mp.exp(x) / mp.expm1(mp.exp(x)),
                                 (SMALL, between(-745, 6.62), between(-5, 6.62, 1500)), 2.0,
                                 twice_exp),
    "log_softplus": Meaning(lambda x: mp.log(mp.log1p(mp.exp(x))),
                            (SMALL, between(-745, 40), around(0.5413248546129181),
                             between(-5, 5, 1500)), 2.0, lambda x, v: max(abs(v), mpf(0.3))),
    "erfinv": Meaning(erfinv, (INTO_ONE[::4], between(-1, 1, 400))),
    "erfcinv": Meaning(lambda y: -ndtri(y / 2) / mp.sqrt(2),
                       (POSITIVE[:1073:4], between(0, 2, 400))),
    "ndtri": Meaning(ndtri, (POSITIVE[:1073:4], around(0.5), between(0, 1, 400))),
    "lgamma": Meaning(lgamma, GAMMA_POINTS, 4.0, reflected(lgamma)),
    "gamma": Meaning(gamma, (*GAMMA_POINTS[1:], POSITIVE[:1084], between(-185, 172, 1000)), 4.0),
    "digamma": Meaning(digamma, GAMMA_POINTS, 4.0, reflected(digamma)),
    "trigamma": Meaning(trigamma, GAMMA_POINTS, 4.0),
}


def exact_values(name, every=1):
    """The points of a function, or one of `every` so many, and its exact values there, as mpf."""
    meaning = MEANING[name]
    points = np.unique(np.concatenate([*meaning.points, ROUND]))[::every]
    with mp.workprec(PRECISION):
        values = [real_value(meaning.value, mpf(float(x))) for x in points]
    regular = np.array([value is not None for value in values])
    return points[regular], [value for value in values if value is not None]


def real_value(function, x):
    """nan where mpmath leaves the real line; None at a pole, where it raises."""
    try:
        value = function(x)
    except (ValueError, ZeroDivisionError):
        return None
    return value if isinstance(value, mpmath.mpf) else mp.nan


def ulp_of(value):
    """The spacing of doubles in the binade of a value."""
    exponent = max(mp.frexp(value)[1] - 53, -1074) if value else -1074
    return mp.ldexp(mpf(1), exponent)


def error_in_ulp(got, value, scale):
    """|got - value| in ulp of scale; overflow, nan and signs of infinity must agree."""
    rounded = float(value)
    if np.isnan(got) or np.isnan(rounded) or np.isinf(got) or np.isinf(rounded):
        same = got == rounded or (np.isnan(got) and np.isnan(rounded))
        return 0.0 if same else np.inf
    return float(abs(mpf(float(got)) - value) / ulp_of(scale))
