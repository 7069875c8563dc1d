"""Why an operation gives NaN or infinity at the values of its operands, and what to write instead.

A row is the name of an op, a condition on the values of its operands, what that is called, and the
way out. The first row of the op that fits is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

Predicate = Callable[..., bool]
Row = tuple[Predicate, str, str]


def _pole(x: float) -> bool:
    return x <= 0 and x == np.floor(x)


def _opposite(a: float, b: float) -> bool:
    return np.isinf(a) and np.isinf(b) and np.sign(a) != np.sign(b)


_LOG_ZERO = "pt.xlogy(x, y) is 0 at x = 0; pt.log1p(x) keeps small x; keep the argument positive"
_EXP = (
    "stay in logarithms: pt.logsumexp, pt.logaddexp, pt.softplus and pt.log_softmax do not overflow"
)
_LGAMMA = "the argument must not be 0 or a negative integer"

ROWS: dict[str, Sequence[Row]] = {
    "log": (
        (lambda x: x == 0, "log of 0", _LOG_ZERO),
        (lambda x: x < 0, "log of a negative number",
         "keep the argument positive, as pt.softplus(x) or pt.exp(x) is"),
    ),
    "log1p": (
        (lambda x: x == -1, "log1p of -1", _LOG_ZERO),
        (lambda x: x < -1, "log1p of a number below -1", "keep the argument above -1"),
    ),
    "sqrt": (
        (lambda x: x < 0, "square root of a negative number",
         "pt.sqrt(pt.maximum(x, 0)) if it is negative by rounding alone"),
    ),
    "div": (
        (lambda a, b: a == 0 and b == 0, "0 / 0",
         "pt.where(b == 0, value, a / pt.where(b == 0, 1.0, b)) chooses a value there"),
        (lambda a, b: b == 0, "division by 0",
         "keep the divisor from 0, or mask it before dividing"),
        (lambda a, b: np.isinf(a) and np.isinf(b), "inf / inf",
         "compare logarithms, log(a) - log(b), or scale both before dividing"),
        (lambda a, b: True, "overflow of a quotient",
         "the divisor is tiny: divide logarithms, or scale the numerator"),
    ),
    "add": (
        (_opposite, "inf - inf", "the infinities are what to look at"),
        (lambda a, b: True, "overflow of a sum", "scale the terms, or use float64"),
    ),
    "sub": (
        (lambda a, b: _opposite(a, -b), "inf - inf", "the infinities are what to look at"),
        (lambda a, b: True, "overflow of a difference", "scale the terms, or use float64"),
    ),
    "mul": (
        (lambda a, b: (a == 0 and np.isinf(b)) or (b == 0 and np.isinf(a)), "0 * inf",
         "pt.where selects instead of a product with a 0/1 mask; pt.xlogy(x, y) is 0 at x = 0"),
        (lambda a, b: True, "overflow of a product", "add logarithms instead of multiplying"),
    ),
    "exp": ((lambda x: x > 0, "overflow of exp", _EXP),),
    "exp2": ((lambda x: x > 0, "overflow of exp2", _EXP),),
    "expm1": ((lambda x: x > 0, "overflow of expm1", _EXP),),
    "xexpy": ((lambda x, y: y > 0, "overflow of exp", _EXP),),
    "sinh": ((lambda x: True, "overflow of sinh", _EXP),),
    "cosh": ((lambda x: True, "overflow of cosh", _EXP),),
    "pow": (
        (lambda x, y: x < 0 and y != np.floor(y), "fractional power of a negative number",
         "pt.abs(x) ** y, or an integer exponent"),
        (lambda x, y: x == 0 and y < 0, "negative power of 0", "keep the base from 0"),
        (lambda x, y: True, "overflow of a power", "y * pt.log(x) is its logarithm"),
    ),
    "square": (
        (lambda x: True, "overflow of a square", "scale before squaring, as pt.hypot does"),
    ),
    "arcsin": ((lambda x: abs(x) > 1, "arcsin outside of [-1, 1]", "pt.clip(x, -1, 1)"),),
    "arccos": ((lambda x: abs(x) > 1, "arccos outside of [-1, 1]", "pt.clip(x, -1, 1)"),),
    "arccosh": ((lambda x: x < 1, "arccosh below 1", "pt.maximum(x, 1.0)"),),
    "arctanh": (
        (lambda x: abs(x) == 1, "arctanh of 1 or -1", "keep the argument inside of (-1, 1)"),
        (lambda x: abs(x) > 1, "arctanh outside of (-1, 1)", "keep the argument inside of (-1, 1)"),
    ),
    "mod": ((lambda a, b: b == 0, "remainder by 0", "keep the divisor from 0"),),
    "floor_div": ((lambda a, b: b == 0, "division by 0", "keep the divisor from 0"),),
    "lgamma": ((_pole, "pole of the gamma function", _LGAMMA),),
    "gamma": (
        (_pole, "pole of the gamma function", _LGAMMA),
        (lambda x: x > 0, "overflow of gamma", "pt.special.gammaln is its logarithm"),
    ),
    "digamma": ((_pole, "pole of digamma", _LGAMMA),),
    "trigamma": ((_pole, "pole of trigamma", _LGAMMA),),
    "logit": (
        (lambda p: p in (0, 1), "logit of 0 or 1", "keep the logits, of which p is the sigmoid"),
        (lambda p: True, "logit outside of [0, 1]", "keep the probability inside of (0, 1)"),
    ),
    "ndtri": (
        (lambda p: p in (0, 1), "normal quantile of 0 or 1", "keep p inside of (0, 1)"),
        (lambda p: True, "normal quantile outside of [0, 1]", "keep p inside of (0, 1)"),
    ),
    "erfinv": (
        (lambda x: abs(x) == 1, "erfinv of 1 or -1", "keep the argument inside of (-1, 1)"),
        (lambda x: True, "erfinv outside of [-1, 1]", "keep the argument inside of (-1, 1)"),
    ),
    "log1mexp": (
        (lambda x: x == 0, "log(1 - exp(x)) at x = 0", "keep the argument below 0"),
        (lambda x: x > 0, "log(1 - exp(x)) at x > 0", "keep the argument below 0"),
    ),
    "xlogy": (
        (lambda x, y: y == 0, "log of 0", "keep y positive where x is not 0"),
        (lambda x, y: y < 0, "log of a negative number", "keep y positive"),
    ),
    "xlog1py": (
        (lambda x, y: y == -1, "log of 0", "keep y above -1 where x is not 0"),
        (lambda x, y: y < -1, "log of a negative number", "keep y above -1"),
    ),
    "sin": ((np.isinf, "sin of infinity", ""),),
    "cos": ((np.isinf, "cos of infinity", ""),),
    "tan": ((np.isinf, "tan of infinity", ""),),
    "cast": ((lambda x: True, "overflow of a conversion to a narrower type", "stay in float64"),),
}  # fmt: skip

# Of ops that read whole arrays.
WHOLE: dict[str, tuple[str, str]] = {
    "cholesky": (
        "cholesky of a matrix that is not positive definite",
        "add a little to its diagonal, as in K + 1e-6 * pt.eye(n), or check that it is symmetric",
    ),
    "cholesky_banded": ("cholesky of a band that is not positive definite", "check its diagonal"),
    "inv": ("inverse of a singular matrix", "pt.linalg.pinv or lstsq, or regularise the diagonal"),
    "lu": ("LU factors of a matrix that is not finite", ""),
    "solve_lower": ("triangular system with a zero on its diagonal", ""),
    "solve_upper": ("triangular system with a zero on its diagonal", ""),
    "solve_factored": ("system with a singular matrix", "regularise the diagonal, or use lstsq"),
    "sum": ("overflow of a sum", "pt.logsumexp of logarithms, or smaller terms"),
    "prod": ("overflow of a product", "pt.sum(pt.log(x)) is its logarithm"),
    "contract": ("overflow of a sum of products", "scale the operands"),
}


def reason_of(name: str, operands: Sequence[np.ndarray]) -> tuple[str, str]:
    """What went wrong in an op with these values of its operands, and the way out; two empty texts
    where that is not known."""
    scalars = all(np.size(x) == 1 for x in operands)
    if scalars and name in ROWS:
        values = [np.asarray(x).reshape(()).astype("float64")[()] for x in operands]
        with np.errstate(all="ignore"):
            for condition, what, hint in ROWS[name]:
                if condition(*values):
                    return what, hint
    if name == "contract" and _zero_by_infinity(operands):
        return "0 * inf, or inf - inf, in a sum of products", "the infinities are what to look at"
    if name == "sum" and operands and np.isinf(operands[0]).any():
        return "inf - inf in a sum", "the infinities are what to look at"
    return WHOLE.get(name, ("", ""))


def _zero_by_infinity(operands: Sequence[np.ndarray]) -> bool:
    return any(np.isinf(x).any() for x in operands)
