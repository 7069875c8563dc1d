"""The exact values of the gamma family, its differences, and of deviances."""

from __future__ import annotations

from collections.abc import Callable


def gamma_meanings() -> dict[str, Callable]:
    """The exact scalar function of each op of these families, by the op's name."""
    return _family() | _divergences() | _shares()


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
