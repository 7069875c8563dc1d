"""Sums: factors and terms that are constant along the summed axes are taken out.

The log density of N observations and its gradient are sums of scalar * f(data). A factor c is taken
out of sum(c * x) where that cannot cause an overflow. Additions never underflow, so this holds for
|c| >= 1. A smaller c is taken out only of sums of squares and of products, and a scale only of sums
of values that were divided by it: these sums may overflow earlier than written (`sums_first`),
namely where the value of the log density does. Any other factor is left inside: sum(x / 10) is
right for numbers near the largest, and s * sum(x) is wrong for an infinite s. A factor inside costs
nothing, since sums use fused multiply-add.
"""

from __future__ import annotations

from collections.abc import Sequence

from probtensor import ops
from probtensor.graph.node import Const, Input, Node, as_tensor, made_by, make
from probtensor.rules.arithmetic.products import factor_of
from probtensor.rules.structure.shapes import renamed
from probtensor.transform.facts import FactTable, constant_of
from probtensor.transform.rewrite import Ruleset, rewrite
from probtensor.types import size_product

# Ops of one summand that are examined, so that a rewriting pass is linear in the graph.
MAX_SUMMAND_OPS = 12


def _data() -> Node:
    return ops.tensor("x", (4, 3))


def is_constant_along(x: Node, axes: Sequence[int], ndim: int) -> bool:
    """Is an operand of a result with `ndim` axes constant along `axes` of the result?"""
    lead = ndim - x.ndim
    return all(a < lead or x.shape[a - lead] == 1 for a in axes)


def drop_constant_axes(x: Node, axes: Sequence[int], ndim: int) -> Node:
    """An operand that is constant along `axes`, without them: it broadcasts with the reduced
    result."""
    lead = ndim - x.ndim
    return ops.squeeze(x, tuple(a - lead for a in axes if a >= lead))


def count_along(x: Node, axes: Sequence[int]) -> Node:
    """The number of elements along `axes`, as a scalar of the dtype of x."""
    return ops.astype(as_tensor(size_product(x.shape[a] for a in axes)), x.dtype)


def outer_factor(x: Node, axes: Sequence[int]) -> tuple[Node, Node, bool] | None:
    """(c, rest, inverted) for x = c * rest, or rest / c if `inverted`, where c is constant along
    `axes` and rest is not."""
    if not isinstance(x.op, (ops.Mul, ops.Div)):
        return None
    pairs = (x.inputs[::-1],) if isinstance(x.op, ops.Div) else (x.inputs, x.inputs[::-1])
    for c, rest in pairs:
        if is_constant_along(c, axes, x.ndim) and not is_constant_along(rest, axes, x.ndim):
            return c, rest, isinstance(x.op, ops.Div)
    return None


def may_take_out(c: Node, rest: Node, inverted: bool, facts: FactTable) -> bool:
    """May c be taken out of the sum of c * rest? It must not cause an overflow, except of the sum
    of squares, of products or of values scaled by c."""
    value = factor_of(c)
    if value is not None:
        return (abs(value) <= 1 if inverted else abs(value) >= 1) or _is_product(rest)
    if constant_of(c) is not None:
        return False
    bounds = facts.bounds(c)
    if bounds.finite and not inverted and (bounds.low >= 1 or bounds.high <= -1):
        return True
    return _is_scaled_by(c, rest)


def _is_product(x: Node) -> bool:
    while isinstance(x.op, ops.Neg):
        x = x.inputs[0]
    if isinstance(x.op, ops.Mul):
        return all(a.ndim > 0 for a in x.inputs)
    return isinstance(x.op, ops.Square)


_HOMOGENEOUS = (ops.Mul, ops.Div, ops.Neg, ops.Square, ops.Abs)


def _is_scaled_by(c: Node, x: Node) -> bool:
    """Is c already a factor or divisor within x? Then, where c is 0, infinite or nan, either all
    elements of x are as well, or all are nan."""
    stack, seen = [x], 0
    while stack and seen < MAX_SUMMAND_OPS:
        top = stack.pop()
        seen += 1
        if isinstance(top.op, (ops.Mul, ops.Div)) and any(a is c for a in top.inputs):
            return True
        if isinstance(top.op, _HOMOGENEOUS):
            stack.extend(a for a in top.inputs if a.ndim > 0)
    return False


@rewrite(
    on=ops.Sum,
    example=lambda: (
        ops.sum(-_data()),
        ops.sum(3.0 * _data(), 0),
        ops.sum(_data() / 0.1, 0),
        ops.sum(-0.5 * ops.square(_data())),
        (lambda s: ops.sum(ops.square(_data() / s) / s, 0))(ops.tensor("s")),
        (lambda s: ops.sum(s * (s * _data()), 1))(ops.tensor("s")),
    ),
    sums_first=True,
)
def pull_factor_out_of_sum(node: Node, facts: FactTable) -> Node | None:
    """sum(c * x) -> c * sum(x) where c is constant along the summed axes, if |c| >= 1 by its
    bounds, or if the terms are squares, products, or already scaled by c."""
    x, axes = node.inputs[0], node.op.axes
    if not x.type.is_float:
        return None
    if isinstance(x.op, ops.Neg):
        return -make(node.op, x.inputs)
    found = outer_factor(x, axes)
    if found is None or not may_take_out(*found, facts):
        return None
    c, rest, inverted = found
    c = drop_constant_axes(c, axes, x.ndim)
    summed = make(node.op, (ops.broadcast_to(rest, x.shape),))
    with made_by(x):  # the product has the line where it was written
        return summed / c if inverted else c * summed


@rewrite(
    on=ops.Mul,
    operands=ops.Sum,
    example=lambda: (lambda s, x: ops.sum(s * x * x) * s)(ops.tensor("s"), _data()),
)
def square_in_scaled_sum(node: Node) -> Node | None:
    """s * sum((s * x) * x) -> sum((s * x)**2): the gradient with respect to a scale then shares
    this sum with the density."""
    for s, total in (node.inputs, node.inputs[::-1]):
        product = total.inputs[0] if isinstance(total.op, ops.Sum) else total
        if s.ndim or product is total or not isinstance(product.op, ops.Mul):
            continue
        for scaled, x in (product.inputs, product.inputs[::-1]):
            factors = {id(a) for a in scaled.inputs} if isinstance(scaled.op, ops.Mul) else set()
            if factors == {id(s), id(x)}:
                return make(total.op, (ops.square(scaled),))
    return None


@rewrite(
    on=ops.Sum,
    example=lambda: (
        ops.sum(ops.broadcast_to(ops.tensor("r", (3,)), (4, 3)), 0),
        ops.sum(ops.broadcast_to(ops.tensor("s"), (ops.tensor("y", (None,)).shape[0],))),
    ),
)
def sum_repeated_values(node: Node) -> Node | None:
    """The sum of n equal values is n times the value."""
    x, axes = node.inputs[0], node.op.axes
    if not isinstance(x.op, ops.BroadcastTo):
        return None
    source = x.inputs[0]
    repeated = tuple(a for a in axes if is_constant_along(source, (a,), x.ndim))
    if not repeated:
        return None
    once = drop_constant_axes(source, repeated, x.ndim)
    remaining = [a for a in range(x.ndim) if a not in repeated]
    rest = tuple(remaining.index(a) for a in axes if a not in repeated)
    once = ops.broadcast_to(once, tuple(x.shape[a] for a in remaining))
    summed = make(ops.Sum(rest), (once,)) if rest else once
    return summed * count_along(x, repeated)


_MOVES = (
    ops.Slice, ops.Gather, ops.Concatenate, ops.SetSlice, ops.Neg, ops.Cast, ops.Abs,
)  # fmt: skip
# Ops whose results may be exact if their operands are: selections, sums, differences.
_EXACT = (
    *_MOVES, ops.Floor, ops.Ceil, ops.Trunc, ops.Round, ops.Sign, ops.Where, ops.Maximum,
    ops.Minimum, ops.Add, ops.Sub, ops.Sum, ops.Max, ops.Min, ops.Cumsum, ops.CumsumColumns,
    ops.Scatter, ops.Iota,
)  # fmt: skip


def is_computed(x: Node) -> bool:
    """Is x computed, and not just a view or rearrangement of inputs and constants?"""
    while x.op.reads_all or isinstance(x.op, _MOVES):
        x = x.inputs[0]
    return not isinstance(x.op, (Input, Const))


def is_rounded(x: Node) -> bool:
    """Does each element have a rounding error in proportion to its size? Then taking a constant
    term out of their sum loses nothing; for exact data it may, as in sum(x - mean)."""
    stack, seen = [x], 0
    while stack:
        top = stack.pop()
        seen += 1
        exact = top.op.reads_all or isinstance(top.op, _EXACT)
        if exact and seen < MAX_SUMMAND_OPS:
            stack.extend(top.inputs)
        elif (
            top.type.is_float
            and constant_of(top) is None
            and not exact
            and not isinstance(top.op, (Input, Const))
        ):
            return True
    return False


@rewrite(
    on=ops.Sum,
    example=lambda: (
        ops.sum(ops.exp(_data()) - ops.tensor("s")),
        ops.sum(ops.tensor("r", (3,)) + ops.square(_data()), 0),
    ),
    sums_first=True,
)
def pull_term_out_of_sum(node: Node) -> Node | None:
    """sum(x + s) -> sum(x) + n * s where s is constant along the summed axes and x is a computed
    value with a rounding error."""
    x, axes = node.inputs[0], node.op.axes
    if not x.type.is_float or not isinstance(x.op, (ops.Add, ops.Sub)):
        return None
    a, b = x.inputs
    for constant, varying in ((a, b), (b, a)):
        if is_constant_along(constant, axes, x.ndim) and is_rounded(varying):
            parts = {
                constant: drop_constant_axes(constant, axes, x.ndim) * count_along(x, axes),
                varying: make(node.op, (ops.broadcast_to(varying, x.shape),)),
            }
            return x.op(parts[a], parts[b])
    return None


@rewrite(on=ops.Contract, example=lambda: ops.matmul(-_data(), ops.tensor("v", (3,))))
def pull_sign_out_of_contraction(node: Node) -> Node | None:
    """-x @ y -> -(x @ y): negations cancel further outwards."""
    if not node.type.is_float:
        return None
    for position, x in enumerate(node.inputs):
        if isinstance(x.op, ops.Neg):
            operands = list(node.inputs)
            operands[position] = x.inputs[0]
            return -make(node.op, operands)
    return None


@rewrite(
    on=ops.Contract,
    example=lambda: ops.matmul(_data(), ops.broadcast_to(ops.tensor("s"), (3,))),
)
def contract_repeated_scalar(node: Node) -> Node | None:
    """A contraction with a broadcast scalar is a sum of products with the scalar: the gradient of
    sum(x @ w) with respect to w is the sum of the rows of x."""
    first, second, out = node.op.parts()
    pairs = ((0, first, 1, second), (1, second, 0, first))
    for position, letters, other_position, other_letters in pairs:
        x, other = node.inputs[position], node.inputs[other_position]
        repeats = isinstance(x.op, ops.BroadcastTo) and x.inputs[0].ndim == 0
        # An axis that only the repeated operand has would need a factor or a broadcast.
        if repeats and node.type.is_float and set(letters) <= set(other_letters):
            axes = tuple(k for k, c in enumerate(other_letters) if c not in out)
            remaining = [c for c in other_letters if c in out]
            product = x.inputs[0] * other
            summed = ops.sum(product, axes) if axes else product
            return ops.transpose(summed, tuple(remaining.index(c) for c in out))
    return None


@rewrite(
    on=ops.Scatter,
    example=lambda: tuple(
        ops.zeros((5,)).at[ops.tensor("i", (3,), "int64")].add(u)
        for x in [ops.tensor("u", (3,))]
        for u in [-x, 2.0 * x, -0.5 * ops.square(x)]
    ),
    sums_first=True,
)  # fmt: skip
def pull_literal_out_of_scatter(node: Node, facts: FactTable) -> Node | None:
    """zeros.at[i].add(c * x) -> c * zeros.at[i].add(x), for literals c that may be taken out of
    sums. (An infinite or nan c would change the elements that nothing is added to.)"""
    base, updates, *indices = node.inputs
    if node.op.mode != "add" or not node.type.is_float or constant_of(base) != 0:
        return None
    product = renamed(updates)
    if isinstance(product.op, ops.Neg):
        c, rest, inverted = None, product.inputs[0], False
    else:
        found = outer_factor(product, range(product.ndim))
        if found is None or factor_of(found[0]) is None or not may_take_out(*found, facts):
            return None
        c, rest, inverted = found
    if rest.shape != product.shape:
        return None
    added = make(node.op, (base, ops.broadcast_to(rest, updates.shape), *indices))
    if c is None:
        return -added
    return added / c if inverted else c * added


@rewrite(
    on=ops.Scatter,
    example=lambda: ops.tensor("b", (5,)).at[ops.tensor("i", (3,), "int64")].add(ops.zeros(3)),
)
def drop_scatter_of_zeros(node: Node) -> Node | None:
    """x.at[i].add(0) -> x."""
    return node.inputs[0] if node.op.mode == "add" and constant_of(node.inputs[1]) == 0 else None


SUMS = Ruleset(
    pull_factor_out_of_sum,
    square_in_scaled_sum,
    sum_repeated_values,
    pull_term_out_of_sum,
    pull_sign_out_of_contraction,
    contract_repeated_scalar,
    pull_literal_out_of_scatter,
    drop_scatter_of_zeros,
)
