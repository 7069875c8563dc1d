"""The exact meanings of special functions that SciPy computes, in mpmath's precision."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

# Of differences with steps of 1e-12, whose own error is 1e-24; `mpmath.diff` adds those that
# differences lose. The second is for what is next to nothing, as a slope that is zero by symmetry.
DIGITS = 40, 120


def integral_meanings() -> dict[str, Callable]:
    """Those of exponential integrals and of other integrals, by the names of their ops."""
    import mpmath as mp

    def ei(x: Any) -> Any:
        return mp.ei(x) if x != 0 else -mp.inf

    def e1(x: Any) -> Any:
        if not x >= 0:
            return mp.nan
        return mp.e1(x) if 0 < x < math.inf else mp.inf if x == 0 else mp.mpf(0)

    def expn(n: Any, x: Any) -> Any:
        if not x >= 0:
            return mp.nan
        if x == 0:
            return 1 / (n - 1) if n > 1 else mp.inf
        return mp.expint(int(n), x) if x < math.inf else mp.mpf(0)

    def dawsn(x: Any) -> Any:
        if abs(x) > 10**20:
            return 1 / (2 * x)
        with mp.workprec(mp.mp.prec + 100):
            return mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x)

    def spence(x: Any) -> Any:
        if not x >= 0:
            return mp.nan
        return mp.re(mp.polylog(2, 1 - x)) if x < math.inf else -mp.inf

    def owens_t(h: Any, a: Any) -> Any:
        if h != h or a != a:
            return mp.nan
        if mp.isinf(h):
            return mp.mpf(0)
        if mp.isinf(a):
            return mp.sign(a) * mp.erfc(abs(h) / mp.sqrt(2)) / 4
        # By t = sinh(u) the integrand is smooth on a finite scale for any a.
        def density(u: Any) -> Any:
            return mp.exp(-(h * mp.cosh(u)) ** 2 / 2) / mp.cosh(u) / (2 * mp.pi)

        return mp.quad(density, mp.linspace(0, mp.asinh(a), 5))

    def ndtri_exp(x: Any) -> Any:
        if x > 0 or x != x:
            return mp.nan
        if x == 0 or x == -math.inf:
            return mp.inf if x == 0 else -mp.inf
        with mp.workprec(mp.mp.prec + 100):
            tail = mp.erfinv(2 * mp.exp(x) - 1) if x > -20 else _lower_quantile(x)
            return mp.sqrt(2) * tail

    return {
        "expi": ei, "exp1": e1, "expn": expn, "dawsn": dawsn, "erfi": mp.erfi, "spence": spence,
        "owens_t": owens_t, "ndtri_exp": ndtri_exp,
    }  # fmt: skip


def _lower_quantile(x: Any) -> Any:
    """The z with log(erfc(-z) / 2) = x, for x far below 0 (Newton's method)."""
    import mpmath as mp

    z = -mp.sqrt(-x)
    for _ in range(40):
        z -= (mp.log(mp.erfc(-z) / 2) - x) * mp.erfc(-z) * mp.sqrt(mp.pi) * mp.exp(z * z) / 2
    return z


def _in_order(function: Callable) -> Callable:
    """The n-th derivative of a function of an order and an argument in the order."""
    import mpmath as mp

    def derivative(n: Any, v: Any, x: Any) -> Any:
        step = mp.mpf(10) ** -12
        return _precise(
            lambda: mp.diff(lambda order: function(order, x), v, int(n), h=step),
            lambda: function(v, x),
        )

    return derivative


def _in_both(function: Callable) -> Callable:
    """The n-th derivative in the order and m-th in the argument."""
    import mpmath as mp

    def derivative(n: Any, m: Any, v: Any, x: Any) -> Any:
        if not (m and 0 < x < math.inf):
            return _in_order(function)(n, v, x)
        step = min(x, 1) * mp.mpf(10) ** -12
        return _precise(
            lambda: mp.diff(function, (v, x), (int(n), int(m)), h=step), lambda: function(v, x)
        )

    return derivative


def _precise(derivative: Callable, value: Callable) -> Any:
    """A derivative in as many digits as it takes, given the function's value; 0 where nothing but
    rounding is left of it."""
    import mpmath as mp

    for digits in DIGITS:
        with mp.workdps(digits):
            found, size = derivative(), abs(value())
            if not abs(found) < 1e-12 * size:
                return found
    return mp.mpf(0) if abs(found) < 1e-60 * size else found


def bessel_meanings() -> dict[str, Callable]:
    """Those of Bessel functions and of their derivatives in the order."""
    import mpmath as mp

    def first(v: Any, x: Any) -> Any:
        if v != v or x != x or abs(v) == math.inf:
            return mp.nan
        if abs(x) == math.inf:
            return mp.mpf(0) if x > 0 or v == mp.floor(v) else mp.nan
        return mp.besselj(v, x)

    def second(v: Any, x: Any) -> Any:
        if not x >= 0 or v != v or abs(v) == math.inf:
            return mp.nan
        if x == 0:
            factor = mp.cospi(v) if v < 0 else mp.mpf(1)
            return -mp.sign(factor) * mp.inf if factor else mp.mpf(0)
        return mp.bessely(v, x) if x < math.inf else mp.mpf(0)

    def ive(v: Any, x: Any) -> Any:
        return mp.besseli(v, x) * mp.exp(-abs(x))

    def kve(v: Any, x: Any) -> Any:
        if not x > 0:
            return mp.inf if x == 0 else mp.nan
        return mp.besselk(v, x) * mp.exp(x) if x < math.inf else mp.mpf(0)

    def kv(v: Any, x: Any) -> Any:
        return kve(v, x) * mp.exp(-x)

    found = {
        "jv": first, "yv": second, "iv": mp.besseli, "ive": ive, "kv": kv, "kve": kve,
        "jv_in_order": _in_order(first), "yv_in_order": _in_order(second),
        "iv_in_order": _in_order(mp.besseli), "kv_in_order": _in_order(kv),
        "ive_in_order": _in_both(ive), "kve_in_order": _in_both(kve),
    }  # fmt: skip
    for order in (0, 1):
        pairs = (("j", first), ("y", second), ("i", mp.besseli), ("k", kv))
        for letter, function in pairs:
            found[f"{letter}{order}"] = partial(function, order)
        found[f"i{order}e"], found[f"k{order}e"] = partial(ive, order), partial(kve, order)
    return found


def series_meanings() -> dict[str, Callable]:
    """Those of zeta, Lambert's W and hypergeometric functions."""
    import mpmath as mp

    def zeta(n: Any, s: Any, q: Any) -> Any:
        if s != s or q != q or s < 1:
            return mp.nan
        if s == 1 or (q <= 0 and q == mp.floor(q)):
            return mp.inf
        return mp.zeta(s, q, int(n))

    def lambert(x: Any, branch: int) -> Any:
        if x == 0 and branch:
            return -mp.inf
        value = mp.lambertw(x, branch)
        return value if mp.im(value) else mp.re(value)

    def in_parameters(function: Callable) -> Callable:
        def derivative(counts: Any, *at: Any) -> Any:
            orders = tuple(int(counts) >> 4 * k & 15 for k in range(len(at)))
            with mp.workdps(60):
                return mp.diff(function, at, orders, h=mp.mpf(10) ** -12)

        return derivative

    return {
        "hurwitz_zeta": zeta, "lambert_w": lambda x: lambert(x, 0),
        "lambert_wbelow": lambda x: lambert(x, -1), "hyp1f1": mp.hyp1f1, "hyp2f1": mp.hyp2f1,
        "hyp1f1_in_parameters": in_parameters(mp.hyp1f1),
        "hyp2f1_in_parameters": in_parameters(mp.hyp2f1),
    }  # fmt: skip
