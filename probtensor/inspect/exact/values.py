"""The exact value of a graph, in mpmath's arbitrary precision: the reference for rules and C code.

    evaluate_exact([y], {x: array})      object arrays of mpf (bools and integers as Python's own)
    lost([y], {x: array}, [exact])       where infinities and nan are due to too few bits
    ulps(got, exact)                     the error of floats, in ulps of the exact values

Literals are exact, operations are exact to `bits` bits, and casts between floats do not round.
Infinities and nan follow NumPy's rules: log(0) is -inf, sqrt(-1) is nan. There is no signed zero,
so 1 / -0 is +inf here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from probtensor import ops
from probtensor.graph.node import Const, GraphError, Input, Node, SizeOf
from probtensor.graph.sizes import measured_sizes, resized
from probtensor.graph.walk import toposort
from probtensor.inspect.exact.gammas import gamma_meanings
from probtensor.inspect.exact.special import (
    bessel_meanings,
    integral_meanings,
    series_meanings,
)
from probtensor.inspect.replay import sizes_of
from probtensor.ops.kinds import Composite, Contraction, Elementwise, Reduction
from probtensor.types import size_value

BITS = 2000
# exp of arguments far beyond all doubles would need more digits than fit in memory.
LARGEST = 10**400
# Limits that functions do not attain.
UNREACHED = {
    "sigmoid": (1,), "tanh": (-1, 1), "erf": (-1, 1), "erfc": (2,), "ndtr": (1,), "expm1": (-1,),
}  # fmt: skip


def evaluate_exact(
    outputs: Sequence[Node], values: Mapping[Node, Any], bits: int = BITS, upset: bool = False
) -> list[np.ndarray]:
    """The exact values of the outputs, as object arrays, given arrays for the inputs. With `upset`,
    sums and limits that are not exact in `bits` bits are perturbed, to detect lost terms."""
    import mpmath

    names = sizes_of({x: np.asarray(value) for x, value in values.items()})
    found: dict[Node, np.ndarray] = {}
    with mpmath.workprec(bits):
        for node in toposort(outputs):
            names.update(measured_sizes(node, found))
            found[node] = _value(node, found, values, names, upset)
    return [found[node] for node in outputs]


def lost(
    outputs: Sequence[Node], values: Mapping[Node, Any], exact: Sequence[np.ndarray], bits: int
) -> list[np.ndarray]:
    """Where exact values are wrong because bits were lost: log(1 - sigmoid(1e170)) is finite, but
    the digits of that sigmoid do not fit in memory."""
    upset = evaluate_exact(outputs, values, bits, upset=True)
    differ = np.frompyfunc(lambda a, b: _kind(a) != _kind(b), 2, 1)
    return [np.asarray(differ(*both), bool) for both in zip(exact, upset, strict=True)]


def _kind(x: Any) -> str:
    return "nan" if _nan(x) else "number" if abs(x) < math.inf else str(x > 0)


def _value(
    node: Node, found: dict, values: Mapping[Node, Any], names: dict, upset: bool
) -> np.ndarray:
    if isinstance(node.op, Const):
        return exact_array(node.op.array)
    if isinstance(node.op, Input):
        return exact_array(np.asarray(values[node], dtype=node.dtype))
    if isinstance(node.op, SizeOf):
        return _objects(size_value(node.op.size, names))
    op: Any = resized(node.op, names)
    arrays = [found[x] for x in node.inputs]
    if isinstance(op, Composite):
        return _expanded(node, arrays, values, names, upset)
    return applied(node, op, arrays, upset)


def applied(
    node: Node, op: Any, arrays: list[np.ndarray], upset: bool = False
) -> np.ndarray:
    """The exact value of a node from those of its inputs, at the present precision of mpmath; `op`
    is its op with the sizes of the values. GraphError for an op without an exact meaning."""
    if isinstance(op, Elementwise):
        return _elementwise(node, op, arrays, upset)
    if isinstance(op, Reduction):
        return _reduced(op, arrays[0])
    if isinstance(op, Contraction):
        return _objects(np.einsum(op.subscripts, *arrays))
    if not node.type.is_float:
        return _objects(op.numpy(*arrays))
    # Views and scatters move values; what they are moved by are plain integers.
    moved = [a if x.type.is_float else a.astype(x.dtype) for a, x in zip(arrays, node.inputs)]
    return _objects(op.numpy(*moved))


def exact_array(array: Any) -> np.ndarray:
    """The elements of an array as mpf, int or bool, without rounding."""
    import mpmath

    array = np.asarray(array)
    if array.dtype.kind != "f":
        return array.astype(object)
    out = np.empty(array.shape, dtype=object)
    for index in np.ndindex(array.shape):
        out[index] = mpmath.mpf(float(array[index]))
    return out


def _objects(value: Any) -> np.ndarray:
    out = np.empty(np.shape(value), dtype=object)
    out[...] = value
    return out


def _elementwise(node: Node, op: Elementwise, arrays: list[np.ndarray], upset: bool) -> np.ndarray:
    if isinstance(op, ops.Cast):
        convert = _casts()[node.dtype[:4] if node.type.is_float else node.dtype.strip("u1234568")]
        return _objects(np.frompyfunc(convert, 1, 1)(arrays[0]))
    meaning = meanings().get(op.name)
    if meaning is None:
        raise GraphError(f"{op.name} has no exact meaning")
    if upset:
        meaning = _upset(op.name, meaning)
    guarded = np.frompyfunc(_guarded(meaning), len(arrays), 1)
    return _objects(guarded(*arrays))


def _casts() -> dict[str, Callable]:
    import mpmath

    return {"floa": mpmath.mpf, "int": lambda x: int(x), "bool": lambda x: bool(x)}


def _reduced(op: Reduction, x: np.ndarray) -> np.ndarray:
    fold = {
        "add": lambda a, b: _sum(a, b),
        "mul": lambda a, b: a * b,
        "max": lambda a, b: meanings()["maximum"](a, b),
        "min": lambda a, b: meanings()["minimum"](a, b),
        "and": lambda a, b: a and b,
        "or": lambda a, b: a or b,
    }[op.combine]
    remaining = [a for a in range(x.ndim) if a not in op.axes]
    shape = [x.shape[a] for a in remaining]
    rows = np.transpose(x, (*remaining, *op.axes)).reshape(*shape, -1)
    out = np.empty(shape, dtype=object)
    for index in np.ndindex(*shape):
        values = list(rows[index])
        total = values.pop(0) if values else op.identity
        for value in values:
            total = fold(total, value)
        out[index] = total
    return out


def _expanded(
    node: Node, arrays: list[np.ndarray], values: Mapping[Node, Any], names: dict, upset: bool
) -> np.ndarray:
    """The value of a composite from its expansion."""
    expanded = node.op.expand(*node.inputs)
    found = dict(zip(node.inputs, arrays, strict=True))
    for inner in toposort([expanded]):
        if inner not in found:
            found[inner] = _value(inner, found, values, names, upset)
    return found[expanded]


def _upset(name: str, meaning: Callable) -> Callable:
    """The value of a function off its limits, or of a sum with a lost term, perturbed slightly:
    the less, the further the argument and the smaller the term."""
    import mpmath

    def small(value: Any, lost: Any) -> Any:
        relative = 1 + 1 / (2 + abs(mpmath.log(abs(lost))))
        return mpmath.ldexp(abs(value) * relative, -mpmath.mp.prec // 2)

    def call(*args: Any) -> Any:
        value = meaning(*args)
        if not isinstance(value, mpmath.mpf) or not all(0 < abs(x) < math.inf for x in args):
            return value
        if value in UNREACHED.get(name, ()):
            return value - mpmath.sign(value) * small(value, args[0])
        if name in ("add", "sub"):
            terms = sorted((args[0], args[1] if name == "add" else -args[1]), key=abs)
            if value == terms[1]:
                return value + mpmath.sign(terms[0]) * small(value, terms[0])
        return value

    return call


def _guarded(meaning: Callable) -> Callable:
    """Complex values and poles that mpmath reports become nan."""
    import mpmath

    def call(*args: Any) -> Any:
        try:
            value = meaning(*args)
        except (ValueError, ZeroDivisionError, OverflowError, mpmath.libmp.NoConvergence):
            return mpmath.nan
        return mpmath.nan if isinstance(value, mpmath.mpc) else value

    return call


def _sum(a: Any, b: Any) -> Any:
    return a + b


def _nan(x: Any) -> bool:
    return x != x


@cache
def meanings() -> dict[str, Callable]:
    """The exact scalar function of each elementwise op, by the op's name."""
    known = _arithmetic() | _logic() | _elementary() | _special()
    return known | gamma_meanings() | integral_meanings() | bessel_meanings() | series_meanings()


def _arithmetic() -> dict[str, Callable]:
    import mpmath as mp

    def divide(x, y):
        if y == 0 and not _nan(x):
            return mp.nan if x == 0 else mp.sign(x) * mp.inf
        return mp.mpf(x) / y

    def power(x, y):
        if y == 0 or x == 1:
            return mp.mpf(1)
        if x == 0 and not _nan(y):
            return mp.mpf(0) if y > 0 else mp.inf
        return mp.power(x, y)

    def modulo(x, y):
        return x - y * mp.floor(divide(x, y)) if y != 0 else mp.nan

    return {
        "add": _sum, "sub": lambda x, y: x - y, "mul": lambda x, y: x * y, "div": divide,
        "floor_div": lambda x, y: mp.floor(divide(x, y)), "mod": modulo, "pow": power,
        "integer_pow": lambda x, y: x**y, "neg": lambda x: -x, "abs": abs,
        "sign": lambda x: x if _nan(x) else mp.sign(x), "sqrt": mp.sqrt, "square": lambda x: x * x,
        "minimum": lambda x, y: x if _nan(x) or x < y else y if _nan(y) or y < x else x,
        "maximum": lambda x, y: x if _nan(x) or x > y else y if _nan(y) or y > x else x,
        "floor": _finite(mp.floor), "ceil": _finite(mp.ceil), "round": _finite(mp.nint),
        "trunc": _finite(lambda x: mp.floor(x) if x > 0 else mp.ceil(x)),
        "nextafter": lambda x, y: mp.mpf(float(np.nextafter(float(x), float(y)))),
        "nextafter_single": lambda x, y: mp.mpf(float(np.nextafter(np.float32(x), np.float32(y)))),
        "copysign": lambda x, y: abs(x) if y >= 0 or _nan(y) else -abs(x), "gcd": math.gcd,
        "mantissa": lambda x: mp.frexp(x)[0] if abs(x) < math.inf else x,
        "exponent": lambda x: mp.mpf(mp.frexp(x)[1] if abs(x) < math.inf else 0),
        "ldexp": lambda x, n: x if n == 0 else x * mp.mpf(2) ** n,
    }  # fmt: skip


def _logic() -> dict[str, Callable]:
    import mpmath as mp

    return {
        "lt": lambda x, y: x < y, "le": lambda x, y: x <= y, "gt": lambda x, y: x > y,
        "ge": lambda x, y: x >= y, "eq": lambda x, y: x == y, "ne": lambda x, y: x != y,
        "logical_and": lambda x, y: x and y, "logical_or": lambda x, y: x or y,
        "logical_not": lambda x: not x, "bit_and": lambda x, y: x & y,
        "bit_or": lambda x, y: x | y, "bit_xor": lambda x, y: x ^ y, "bit_not": lambda x: ~x,
        "left_shift": lambda x, n: x << n if 0 <= n < 64 else 0,
        "right_shift": lambda x, n: x >> n if n >= 0 else -(x < 0),
        "is_nan": _nan, "is_inf": lambda x: bool(mp.isinf(x)),
        "where": lambda condition, x, y: x if condition else y,
    }  # fmt: skip


def _elementary() -> dict[str, Callable]:
    import mpmath as mp

    def exp(x):
        if abs(x) > LARGEST:
            return mp.inf if x > 0 else mp.mpf(0)
        if abs(x) < 10**5 or _nan(x) or mp.isinf(x):
            return mp.exp(x)
        # mpmath takes powers of e, bit by bit of the exponent, for whole numbers.
        with mp.workprec(mp.mp.prec + 1400):
            n = mp.floor(x / mp.ln2)
            return mp.ldexp(mp.exp(x - n * mp.ln2), int(n))

    def log(x):
        return mp.nan if x < 0 else mp.log(x)

    def log1p(x):
        return log(1 + x) if not abs(x) < 0.5 else mp.log1p(x)

    def expm1(x):
        return exp(x) - 1 if not abs(x) < 1 else mp.expm1(x)

    def angle(y, x):
        return mp.nan if _nan(x) or _nan(y) else mp.atan2(y, x)

    return {
        "exp": exp, "exp2": lambda x: exp(x * mp.log(2)), "expm1": expm1,
        "log": log, "log2": lambda x: log(x) / mp.log(2), "log10": lambda x: log(x) / mp.log(10),
        "log1p": log1p, "cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)),
        "sin": _bounded(mp.sin), "cos": _bounded(mp.cos), "tan": _bounded(mp.tan),
        "arcsin": mp.asin, "arccos": mp.acos, "arctan": mp.atan, "arctan2": angle,
        "sinh": lambda x: (expm1(x) - expm1(-x)) / 2, "cosh": lambda x: (exp(x) + exp(-x)) / 2,
        "tanh": mp.tanh, "arcsinh": mp.asinh, "arccosh": mp.acosh, "arctanh": _atanh,
    }  # fmt: skip


def _special() -> dict[str, Callable]:
    import mpmath as mp

    exp, log, log1p = (_elementary()[name] for name in ("exp", "log", "log1p"))

    def sigmoid(x):
        return 1 / (1 + exp(-x))

    def ndtr(x):
        return mp.erfc(-x / mp.sqrt(2)) / 2

    def log1mexp(x):
        return log(-mp.expm1(x)) if x > -1 else log1p(-exp(x))

    def log_cexpexp_slope(x):
        u = exp(x)
        if u == 0 or u > LARGEST:
            return mp.mpf(u == 0)
        return u / mp.expm1(u)

    return {
        "sigmoid": sigmoid, "logit": lambda x: log(x / (1 - x)) if x != 1 else mp.inf,
        "softplus": lambda x: log1p(exp(x)), "log_sigmoid": lambda x: -log1p(exp(-x)),
        "log1mexp": log1mexp, "logaddexp": lambda x, y: log(exp(x) + exp(y)),
        "after": lambda x, y: x,
        "logaddexp2": lambda x, y: log(exp(x * mp.ln2) + exp(y * mp.ln2)) / mp.ln2,
        "xlogy": lambda x, y: mp.mpf(0) if x == 0 and not _nan(y) else x * log(y),
        "log1p_square": lambda x, w: log(1 + (x * w) ** 2),
        "log_cosh": lambda x: abs(x) + log((1 + exp(-2 * abs(x))) / 2),
        "xlog1py": lambda x, y: mp.mpf(0) if x == 0 and not _nan(y) else x * log1p(y),
        "erf": mp.erf, "erfc": mp.erfc, "erfcx": lambda x: mp.exp(x * x) * mp.erfc(x),
        "erfinv": mp.erfinv, "erfcinv": lambda x: mp.erfinv(1 - x), "ndtr": ndtr,
        "log_ndtr": lambda x: log(ndtr(x)), "ndtri": lambda p: mp.sqrt(2) * mp.erfinv(2 * p - 1),
        "xtimes": lambda x, y: mp.mpf(0) if x == 0 and not _nan(y) else x * y,
        "xexpy": lambda x, y: mp.mpf(0) if x == 0 and not _nan(y) else x * exp(y),
        "log_cexpexp": lambda x: log(-mp.expm1(-exp(x))),
        "log_cexpexp_slope": log_cexpexp_slope,
        "log_softplus": lambda x: log(log1p(exp(x))),
        "inverse_mills": _inverse_mills,
        "gamma": mp.gamma,
    }  # fmt: skip


def _inverse_mills(x: Any) -> Any:
    """The standard normal density over the distribution function; far out its asymptotic series
    (Abramowitz and Stegun 26.2.12), whose next term is below 1e-150 of it."""
    import mpmath as mp

    if x > -(10**20) or _nan(x):
        return 2 * mp.npdf(x) / mp.erfc(-x / mp.sqrt(2))
    return -x * (1 + x**-2 - 2 * x**-4 + 10 * x**-6) if x > -mp.inf else mp.inf


def _atanh(x: Any) -> Any:
    import mpmath as mp

    return mp.sign(x) * mp.inf if abs(x) == 1 else mp.atanh(x)


def _finite(function: Callable) -> Callable:
    """A rounding: infinities and nan are as round as they get."""
    return lambda x: function(x) if abs(x) < math.inf else x


def _bounded(function: Callable) -> Callable:
    """A periodic function, which has no value at infinity."""
    import mpmath

    return lambda x: function(x) if abs(x) < math.inf else mpmath.nan


def ulps(got: Any, exact: np.ndarray) -> np.ndarray:
    """|got - exact| in ulps of the exact value rounded to got's dtype.

    0 where both are nan, or the same infinity (an exact value beyond the largest float counts as
    one); inf where only one of them is.
    """
    import mpmath

    got = np.asarray(got)
    info = np.finfo(got.dtype)
    out = np.empty(got.shape)
    with mpmath.workprec(BITS):
        for index in np.ndindex(got.shape):
            out[index] = _distance(float(got[index]), exact[index], info)
    return out


def _distance(value: float, exact: Any, info: np.finfo) -> float:
    import mpmath

    if _nan(exact) or _nan(value):
        return 0.0 if _nan(exact) and _nan(value) else math.inf
    # Half an ulp past the largest float rounds to infinity.
    edge = mpmath.mpf(float(info.max)) * (1 + mpmath.mpf(float(info.eps)) / 4)
    if abs(exact) >= edge or math.isinf(value):
        same = abs(exact) >= edge and math.isinf(value) and (exact > 0) == (value > 0)
        return 0.0 if same else math.inf
    nearest = abs(np.asarray(float(exact)).astype(info.dtype))
    ulp = max(float(np.spacing(nearest)), float(info.smallest_subnormal))
    return float(abs(mpmath.mpf(value) - exact) / mpmath.mpf(ulp))
