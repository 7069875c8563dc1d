"""The exact values of the gamma family, its differences, of deviances, and of the incomplete gamma
and beta functions with their derivatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any


def gamma_meanings() -> dict[str, Callable]:
    """The exact scalar function of each op of these families, by the op's name."""
    return _family() | _divergences() | _shares() | _incomplete_gamma() | _incomplete_beta()


def _family() -> dict[str, Callable]:
    import mpmath as mp

    def lgamma(x):
        if x == mp.inf or (x <= 0 and x == mp.floor(x)):
            return mp.inf
        return mp.log(abs(mp.gamma(x))) if x < 0 else mp.loggamma(x)

    def trigamma(x):
        return mp.polygamma(1, x)

    def rest(f, g, pole):
        return lambda x: f(x) - g(x) if x > 0 else pole if x == 0 else mp.nan

    def change(f):
        return lambda x, n: mp.mpf(0) if n == 0 and x == x else f(x + n) - f(x)

    rests = (
        rest(lgamma, lambda x: x * mp.log(x) - x, mp.inf),
        rest(mp.digamma, mp.log, -mp.inf),
        rest(trigamma, lambda x: 1 / x, mp.inf),
    )

    def lbeta(x, y):
        return lgamma(x) + lgamma(y) - lgamma(x + y)

    return {
        "lgamma": lgamma, "digamma": mp.digamma, "trigamma": trigamma,
        "lbeta": lbeta, "lbeta_change": lambda a, x, b, y: lbeta(a + x, b + y) - lbeta(a, b),
        "log_multiset_coefficient": lambda a, n: change(lgamma)(a, n) - lgamma(n + 1),
        "log_rising_factorial": change(lgamma), "digamma_difference": change(mp.digamma),
        "trigamma_difference": change(trigamma), "lgamma_rest": rests[0],
        "digamma_rest": rests[1], "trigamma_rest": rests[2],
        "lgamma_rest_change": change(rests[0]), "digamma_rest_change": change(rests[1]),
        "trigamma_rest_change": change(rests[2]),
    }  # fmt: skip


def _shares() -> dict[str, Callable]:
    import mpmath as mp

    def share(x, m, d):
        """The probability of a success whose log odds are those of x to m and d."""
        odds = (x or mp.mpf(1)) / (m or mp.mpf(1)) * mp.exp(d)
        return odds / (1 + odds)

    def share_divergence(x, m, d):
        if x < 0 or m < 0:
            return mp.nan
        p, n = share(x, m, d), x + m
        value = x * mp.log(x / (n * p)) if x else mp.mpf(0)
        return value + (m * mp.log(m / (n * (1 - p))) if m else 0)

    def share_drift(x, m, d):
        if x < 0 or m < 0:
            return mp.nan
        mean = (x or mp.mpf(1)) * mp.exp(d)
        t = (x - mean) / (m + mean)
        return t - (mp.log(1 + t) if t > -1 else -mp.inf if t == -1 else mp.nan)

    return {
        "share_divergence": share_divergence, "share_drift": share_drift,
        "share_slope": lambda x, m, d: (x + m) * share(x, m, d) - x,
    }  # fmt: skip


def _divergences() -> dict[str, Callable]:
    import mpmath as mp

    def log1p(x):
        return -mp.inf if x == -1 else mp.nan if x < -1 else mp.log(1 + x)

    def ratio(a, b, x):
        return mp.log(a / (b * x))

    def kl_div(a, b, x):
        return b * x if a == 0 else a * ratio(a, b, x) + b * x - a

    def log_share(x, y):
        if x + y == 0:
            return mp.inf if x > 0 else mp.nan
        q = x / (x + y)
        return -mp.inf if q == 0 else mp.nan if q < 0 else mp.log(q)

    def power_divergence(a, b, x):
        if x > 0:
            return kl_div(a, b, x)
        return -1 - mp.log(b) if a == 1 else mp.inf if a > 1 else -mp.inf

    def student_drift(x, w, nu):
        r = (x * w) ** 2 / nu
        return log1p(r) - (1 + 1 / nu) * r / (1 + r)

    return {
        "log1pmx": lambda x: -x if x == mp.inf else log1p(x) - x,
        "expm1mx": lambda x: abs(x) if abs(x) == mp.inf else mp.exp(x) - 1 - x,
        "kl_div": kl_div, "power_divergence": power_divergence,
        "binomial_divergence": lambda x, n, p: kl_div(x, n, p) + kl_div(n - x, n, 1 - p),
        "beta_divergence": lambda a, b, x: power_divergence(a, a + b, x)
        + power_divergence(b, a + b, 1 - x),
        "inverse_divergence": lambda a, b, x: kl_div(a, b, 1 / x),
        "log_share_ratio": lambda a, b, x, y: ratio(a, a + b, x),
        "log_share": log_share,
        "log_ratio": ratio,
        "surplus": lambda a, b, x: x - a / b,
        "kl_div_exp": lambda a, l: mp.exp(l) - a + (a * (mp.log(a) - l) if a else 0),
        "poisson_divergence": lambda a, d: a * (mp.exp(d) - 1 - d) if a else mp.exp(d),
        "poisson_slope": lambda a, d: a * (mp.exp(d) - 1) if a else mp.exp(d),
        "student_kernel": lambda x, w, nu: (nu + 1) * log1p((x * w) ** 2 / nu),
        "student_slope": lambda x, w, nu: 2 * (nu + 1) * w * w * x / (nu + (x * w) ** 2),
        "student_drift": student_drift,
    }  # fmt: skip


def derivative(function: Callable, at: Sequence[Any], orders: Sequence[int]) -> Any:
    """A partial derivative by central differences, whose error is of the size of the last digit:
    the step has half of them, and there are enough inside for values next to 1, whose logarithm is
    next to 0."""
    import mpmath as mp

    digits = mp.mp.prec
    enough = max(4, sum(orders))
    is_near_one = abs(function(*at)) > 0.999999 or abs(function(*at)) < 1e-6
    with mp.workprec(enough * digits + 1000 * is_near_one):
        points = [(mp.mpf(1), [mp.mpf(x) for x in at])]
        for k, order in enumerate(orders):
            step = mp.ldexp(mp.mpf(at[k]) or mp.mpf(1), -digits // 2 - 8)
            for _ in range(order):
                points = [
                    (sign * weight / (2 * step), _moved(point, k, sign * step))
                    for weight, point in points
                    for sign in (1, -1)
                ]
        value = mp.fsum(weight * function(*point) for weight, point in points)
    return +value


def in_parameters(function: Callable) -> Callable:
    """The derivatives of a function that the digits of counts, to the base 16, stand for."""

    def value(counts: Any, *at: Any) -> Any:
        return derivative(function, at, [int(counts) >> 4 * k & 15 for k in range(len(at))])

    return value


def _moved(point: Sequence[Any], k: int, step: Any) -> list[Any]:
    return [x + step if j == k else x for j, x in enumerate(point)]


def _log(function: Callable) -> Callable:
    def log(*arguments: Any) -> Any:
        import mpmath as mp

        value = function(*arguments)
        return mp.log(value) if value else -mp.inf

    return log


def _incomplete_gamma() -> dict[str, Callable]:
    import mpmath as mp

    def mass(upper: bool, a: Any, x: Any) -> Any:
        if not (a >= 0 and x >= 0) or a == x == 0 or a == x == mp.inf:
            return mp.nan
        if a in (0, mp.inf) or x in (0, mp.inf):
            return mp.mpf((a == 0 or x == mp.inf) != upper)
        if x > 2 * a + 100:
            above = mp.gammainc(a, x) / mp.gamma(a)
            return above if upper else 1 - above
        # A sum of positive terms for P (DLMF 8.7.1), with the digits that 1 - P loses.
        with mp.workprec(mp.mp.prec + int(3 * x) + 60):
            lower = mp.exp(a * mp.log(x) - x - mp.loggamma(a + 1)) * _series(mp.mpf(1), a + 1, x)
            value = 1 - lower if upper else lower
        return +value

    def density(a: Any, x: Any) -> Any:
        return mp.exp((a - 1) * mp.log(x) - x - mp.loggamma(a))

    lower, upper = partial(mass, False), partial(mass, True)
    found: dict[str, Callable] = {
        "gammainc": lower, "gammaincc": upper, "gammainc_x": density,
        "log_gammainc_x": lambda a, x: density(a, x) / lower(a, x),
        "log_gammaincc_x": lambda a, x: -density(a, x) / upper(a, x),
        "log_gammainc": _log(lower), "log_gammaincc": _log(upper),
        "gammal": lambda k, x: lower(k, x) * mp.gamma(k),
        "gammau": lambda k, x: upper(k, x) * mp.gamma(k),
    }  # fmt: skip
    differentiated = {
        "gammainc": lower, "log_gammainc": _log(lower), "log_gammaincc": _log(upper),
    }  # fmt: skip
    for name, f in differentiated.items():
        found[f"{name}_a"] = _derivatives(f, (1, 0))
        found[f"{name}_aa"] = _derivatives(f, (2, 0))
        found[f"{name}_in_parameters"] = in_parameters(f)
    found["gammaincinv"] = lambda a, p: _root(lambda x: lower(a, mp.exp(x)) - p)
    found["gammainccinv"] = lambda a, q: _root(lambda x: q - upper(a, mp.exp(x)))
    return found


def _series(first: Any, below: Any, x: Any, above: Any = None) -> Any:
    """first (1 + (above / below) x + ...), a hypergeometric series of positive terms, 1F1 where
    `above` is None: in integers, which are several times as fast. The sum is at least 1, so that
    bits behind the point are significant ones; 40 more cover what is cut off of all terms."""
    import mpmath as mp

    bits = mp.mp.prec + 40
    one, factor, divisor = (mp.libmp.to_fixed(mp.mpf(v)._mpf_, bits) for v in (1, x, below))
    upper = None if above is None else mp.libmp.to_fixed(mp.mpf(above)._mpf_, bits)
    total = term = one
    while True:
        ratio = factor if upper is None else upper * factor >> bits
        term = term * ratio // divisor
        total += term
        if term < total >> mp.mp.prec and 100 * ratio < 99 * divisor:
            return first * mp.ldexp(mp.mpf(total), -bits)
        divisor += one
        upper = None if upper is None else upper + one


def _derivatives(function: Callable, orders: Sequence[int]) -> Callable:
    return lambda *at: derivative(function, at, orders)


def _root(rises: Callable) -> Any:
    """exp of where an increasing function is 0: by bisection, then by secants."""
    import mpmath as mp

    low, high = mp.mpf(-700), mp.mpf(700)
    with mp.workprec(30):
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (low, middle) if rises(middle) > 0 else (middle, high)
    values = rises(low), rises(high)
    for _ in range(12):
        if values[0] == values[1]:
            break
        following = high - values[1] * (high - low) / (values[1] - values[0])
        low, high, values = high, following, (values[1], rises(following))
    return mp.exp(high)


def _incomplete_beta() -> dict[str, Callable]:
    import mpmath as mp

    def mass(a: Any, b: Any, x: Any, y: Any) -> Any:
        x = x if x < y else 1 - y
        if not (a >= 0 and b >= 0 and 0 <= x <= 1) or a == b == 0 or a == b == mp.inf:
            return mp.nan
        if x in (0, 1) or not 0 < a < mp.inf or not 0 < b < mp.inf:
            return mp.mpf(x == 1 or (x > 0 and (a == 0 or b == mp.inf)))
        prec = mp.mp.prec
        value = below(a, b, x, prec + 60)
        return value if value > 1e-9 else below(a, b, x, prec + 1100)

    def below(a: Any, b: Any, x: Any, prec: int) -> Any:
        """A sum of positive terms (DLMF 8.17.8), or 1 less one."""
        with mp.workprec(prec):
            y = 1 - x
            lead = mp.exp(a * mp.log(x) + b * mp.log(y) - log_beta(a, b))
            if x <= 0.5:
                return lead * _series(1 / a, a + 1, x, a + b)
            return 1 - lead * _series(1 / b, b + 1, y, a + b)

    def log_beta(a: Any, b: Any) -> Any:
        return mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)

    def density(a: Any, b: Any, x: Any, y: Any) -> Any:
        x, y = (x, 1 - x) if x < y else (1 - y, y)
        return mp.exp((a - 1) * mp.log(x) + (b - 1) * mp.log(y) - log_beta(a, b))

    def quantile(a: Any, b: Any, p: Any, q: Any) -> Any:
        p = p if p < q else 1 - q
        odds = _root(lambda o: mass(a, b, 1 / (1 + mp.exp(-o)), 1 / (1 + mp.exp(o))) - p)
        return odds / (1 + odds)

    def of_shares(made: Callable, f: Callable) -> Callable:
        """Derivatives in x along x + y = 1, in the smaller of the two, which is exact."""
        below = made(lambda a, b, x: f(a, b, x, 1 - x))
        above = made(lambda a, b, y: f(a, b, 1 - y, y))

        def value(counts: Any, a: Any, b: Any, x: Any, y: Any) -> Any:
            odd = int(counts) >> 8 & 1
            return below(counts, a, b, x) if x < y else above(counts, a, b, y) * (-1) ** odd

        return value

    found: dict[str, Callable] = {
        "beta_mass": mass, "log_beta_mass": _log(mass), "beta_mass_x": density,
        "log_beta_mass_x": lambda *at: density(*at) / mass(*at), "beta_quantile": quantile,
    }  # fmt: skip
    for name, f in {"beta_mass": mass, "log_beta_mass": _log(mass)}.items():
        for by in ("a", "b", "aa", "ab", "bb"):
            orders = (by.count("a"), by.count("b"), 0, 0)
            found[f"{name}_{by}"] = _derivatives(f, orders)
    found["beta_mass_in_parameters"] = of_shares(in_parameters, mass)
    found["log_beta_mass_in_parameters"] = of_shares(in_parameters, _log(mass))
    return found
