"""The meanings of ops on complex operands: one table, from op to a function of the operands.

Ops that move, choose or add elements act on the real and on the imaginary parts; products,
elementary functions and comparisons have a formula. An op without a meaning is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from probtensor import ops
from probtensor.calls import line_text, outermost_call
from probtensor.graph.node import GraphError, Node, Op, make
from probtensor.ops.complexes import arithmetic, elementary
from probtensor.ops.complexes.pair import pair
from probtensor.ops.loops.structured import foldl, scan
from probtensor.types import size_product

Meaning = Callable[..., Node]
# Ops on each part alone: all views, and these.
BY_PARTS = (
    ops.Concatenate, ops.Sum, ops.Where, ops.StopGradient, ops.ValueOf, ops.Transfer,
)  # fmt: skip
ORDERED = (
    ops.Lt, ops.Le, ops.Gt, ops.Ge, ops.Minimum, ops.Maximum, ops.Max, ops.Min, ops.Argmax,
    ops.Argmin, ops.FloorDiv, ops.Mod, ops.Floor, ops.Ceil, ops.Trunc, ops.Sort,
)  # fmt: skip
# What changes the dtype alone, and functions of an order that read their operands as real numbers.
CASTS = ("astype", "cast", "as_tensor", "asarray", "array", "constant")
OF_ORDER = (
    "median", "nanmedian", "quantile", "nanquantile", "percentile", "nanpercentile", "partition",
    "argpartition", "topk", "argtopk", "searchsorted", "digitize", "cummax", "cummin", "histogram",
    "histogram2d", "histogramdd", "histogram_bin_edges",
)  # fmt: skip
WAY = "take pt.real(z), pt.imag(z) or pt.abs(z)"


def by_parts(op: Op, inputs: Sequence[Node]) -> Node:
    """An op that is linear in its complex operands and acts on each part alone; real operands, such
    as indices and masks, are those of both."""
    parts = [x.inputs if x.is_complex else (x, x) for x in inputs]
    return pair(*(make(op, side) for side in zip(*parts, strict=True)))


def contracted(op: Op, inputs: Sequence[Node]) -> Node:
    """A sum of products, by four of real numbers, or two where an operand is real."""
    z, w = inputs
    (a, b), (c, d) = z.inputs, w.inputs
    if arithmetic.is_real(w):
        return pair(make(op, (a, c)), make(op, (b, c)))
    if arithmetic.is_real(z):
        return pair(make(op, (a, c)), make(op, (a, d)))
    return pair(
        make(op, (a, c)) - make(op, (b, d)),
        make(op, (a, d)) + make(op, (b, c)),
    )


def scattered(op: Op, inputs: Sequence[Node]) -> Node:
    """Elements written or added at indices."""
    if op.mode not in ("set", "add"):
        raise _refused(f"x.at[...].{op.mode}")
    return by_parts(op, inputs)


def cast(op: Op, inputs: Sequence[Node]) -> Node:
    """To another complex dtype, or to bool; other real dtypes would lose the imaginary part."""
    (z,) = inputs
    if op.dtype == "bool":
        return ops.logical_or(*(ops.astype(part, "bool") for part in z.inputs))
    name = outermost_call("astype")
    if name in OF_ORDER:
        raise _refused(name, ordered=True)
    why = f"complex numbers have no {op.dtype}" if name in CASTS else "takes real numbers alone"
    raise GraphError(f"{name}: {why}\n  at {line_text()}\n  {WAY}")


def product(op: Op, inputs: Sequence[Node]) -> Node:
    """The product over axes."""
    (z,) = inputs
    rest = [k for k in range(z.ndim) if k not in op.axes]
    count = size_product(z.shape[k] for k in op.axes)
    rows = ops.reshape(ops.transpose(z, (*op.axes, *rest)), (count, *(z.shape[k] for k in rest)))
    return product_of_rows(rows)


FEW = 64  # factors that are multiplied in pairs; more, or an unknown number, by a loop


def product_of_rows(rows: Node) -> Node:
    """The product along axis 0."""
    count = rows.shape[0]
    one = ops.ones(rows.shape[1:], rows.dtype)
    if not isinstance(count, int) or count > FEW:
        return foldl(arithmetic.multiply, one, rows)
    factors = [rows[k] for k in range(count)] or [one]
    while len(factors) > 1:
        pairs = zip(factors[::2], factors[1::2])
        factors = [arithmetic.multiply(z, w) for z, w in pairs] + factors[len(factors) // 2 * 2 :]
    return factors[0]


def running_products(x: Node) -> Node:
    """The products of the first elements along the last axis."""
    rows = ops.moveaxis(x, -1, 0)

    def step(product: Node, factor: Node) -> tuple[Node, Node]:
        following = arithmetic.multiply(product, factor)
        return following, following

    return ops.moveaxis(scan(step, ops.ones(rows.shape[1:], x.dtype), rows)[1], 0, -1)


def _elementwise(function: Meaning) -> Meaning:
    """The meaning of an op with a function of the operands, which broadcast."""
    return lambda op, inputs: function(*inputs)


ELEMENTWISE: Mapping[type[Op], Meaning] = {
    ops.Add: arithmetic.add,
    ops.Sub: arithmetic.subtract,
    ops.Mul: arithmetic.multiply,
    ops.Div: arithmetic.divide,
    ops.Neg: arithmetic.negative,
    ops.Pow: arithmetic.power,
    ops.IntegerPow: arithmetic.power,
    ops.Square: arithmetic.square,
    ops.Abs: arithmetic.modulus,
    ops.Sign: arithmetic.sign,
    ops.Eq: arithmetic.equal,
    ops.Ne: arithmetic.not_equal,
    ops.IsNan: arithmetic.isnan,
    ops.IsInf: arithmetic.isinf,
    ops.Round: lambda z: pair(*map(ops.rint, z.inputs)),
    ops.Exp: elementary.exp,
    ops.Exp2: elementary.exp2,
    ops.Expm1: elementary.expm1,
    ops.Log: elementary.log,
    ops.Log2: elementary.log_to(elementary.LN2),
    ops.Log10: elementary.log_to(elementary.LN10),
    ops.Log1p: elementary.log1p,
    ops.Sqrt: elementary.sqrt,
    ops.Sin: elementary.sin,
    ops.Cos: elementary.cos,
    ops.Tan: elementary.tan,
    ops.Arcsin: elementary.arcsin,
    ops.Arccos: elementary.arccos,
    ops.Arctan: elementary.arctan,
    ops.Sinh: elementary.sinh,
    ops.Cosh: elementary.cosh,
    ops.Tanh: elementary.tanh,
    ops.Arcsinh: elementary.arcsinh,
    ops.Arccosh: elementary.arccosh,
    ops.Arctanh: elementary.arctanh,
}
MEANINGS: Mapping[type[Op], Meaning] = {
    **dict.fromkeys(BY_PARTS, by_parts),
    **{kind: _elementwise(function) for kind, function in ELEMENTWISE.items()},
    ops.Contract: contracted,
    ops.Scatter: scattered,
    ops.Cast: cast,
    ops.Prod: product,
}


def meaning_of(op: Op, inputs: Sequence[Node], what: str | None) -> Node:
    """The result of an op that has complex operands; GraphError where it has no meaning."""
    found = MEANINGS.get(type(op))
    if found is None and isinstance(op, ops.kinds.View):
        found = by_parts
    if found is None:
        raise _refused(what or outermost_call(op.user_name()), isinstance(op, ORDERED))
    return found(op, inputs)


def _refused(name: str, ordered: bool = False) -> GraphError:
    why = "complex numbers have no order" if ordered else "is not defined for complex tensors"
    return GraphError(f"{name}: {why}\n  at {line_text()}\n  {WAY}")
