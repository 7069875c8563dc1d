"""Sums: what does not vary along the summed axes is taken out, so that a pass over N data does as
little as it can at each of them.

The log density of N observations and its gradient are sums of scalar * (something of the data).
After these rules a normal likelihood costs one difference, one product and two additions a datum.
"""

from __future__ import annotations

from collections.abc import Sequence

from probtensor import ops
from probtensor.graph.node import Const, Input, Node, as_tensor, make
from probtensor.rules.products import whole
from probtensor.rules.shapes import renamed
from probtensor.transform.facts import constant_of
from probtensor.transform.rewrite import Ruleset, rewrite
from probtensor.types import size_product

# Products looked through in one summand, so that a sweep stays linear and recursion shallow.
CHAIN = 12


def _data() -> Node:
    return ops.tensor("x", (4, 3))


def is_constant_along(x: Node, axes: Sequence[int], ndim: int) -> bool:
    """Is an operand of a result with `ndim` axes the same all along `axes` of the result?"""
    lead = ndim - x.ndim
    return all(a < lead or x.shape[a - lead] == 1 for a in axes)


def drop_constant_axes(x: Node, axes: Sequence[int], ndim: int) -> Node:
    """Such an operand, made to broadcast with the result after its `axes` are gone."""
    lead = ndim - x.ndim
    return ops.squeeze(x, tuple(a - lead for a in axes if a >= lead))


def count_along(x: Node, axes: Sequence[int]) -> Node:
    """The number of elements along `axes`, as a scalar of the dtype of x."""
    return ops.astype(as_tensor(size_product(x.shape[a] for a in axes)), x.dtype)


class _Factors:
    """The factors of a summand that do not vary along the axes, and the rest of it.

    Squares are looked into: square(x / s) is square(x) / square(s).
    """

    def __init__(self, node: Node, axes: tuple[int, ...]) -> None:
        self.ndim = node.ndim
        self.axes = axes
        self.products = 0
        self.above: list[Node] = []
        self.below: list[Node] = []
        self.rest = self.walk(node, False)

    def walk(self, x: Node, inverted: bool) -> tuple[Node | None, Node | None]:
        """What is left of x above and below the line."""
        if is_constant_along(x, self.axes, self.ndim):
            (self.below if inverted else self.above).append(x)
            return None, None
        self.products += 1
        if self.products < CHAIN:
            if isinstance(x.op, (ops.Mul, ops.Div)):
                return self.walk_pair(x, inverted)
            if isinstance(x.op, ops.Neg):
                self.above.append(ops.constant(-1.0, x.dtype))
                return self.walk(x.inputs[0], inverted)
            if isinstance(x.op, ops.Square):
                return self.walk_square(x, inverted)
        return x, None

    def walk_pair(self, x: Node, inverted: bool) -> tuple[Node | None, Node | None]:
        a, b = x.inputs
        divides = isinstance(x.op, ops.Div)
        left, right = self.walk(a, inverted), self.walk(b, inverted != divides)
        if left[0] is a and right[0] is b and left[1] is right[1] is None:
            return x, None
        if divides:
            right = right[::-1]
        above = [part for part in (left[0], right[0]) if part is not None]
        below = [part for part in (left[1], right[1]) if part is not None]
        return _product(above), _product(below)

    def walk_square(self, x: Node, inverted: bool) -> tuple[Node | None, Node | None]:
        marks = len(self.above), len(self.below)
        above, below = self.walk(x.inputs[0], inverted)
        if (len(self.above), len(self.below)) == marks:
            return x, None
        self.above[marks[0] :] = [ops.square(f) for f in self.above[marks[0] :]]
        self.below[marks[1] :] = [ops.square(f) for f in self.below[marks[1] :]]
        return ops.square(whole((above, below))), None

    def small(self) -> Node:
        """The constant factors as one operand of the reduced result."""
        above, below = (
            _product([drop_constant_axes(f, self.axes, self.ndim) for f in part])
            for part in (self.above, self.below)
        )
        return whole((above, below))


def _product(factors: list[Node]) -> Node | None:
    product = None
    for factor in factors:
        product = factor if product is None else product * factor
    return product


@rewrite(
    on=ops.Sum,
    example=lambda: (
        ops.sum(ops.tensor("s") * _data(), 0),
        ops.sum(ops.square(_data() / ops.tensor("s"))),
        ops.sum(-_data()),
        ops.sum(ops.tensor("s") / ops.exp(_data())),
        ops.sum(ops.tensor("r", (4, 1)) * _data(), 1),
    ),
)
def pull_factor_out_of_sum(node: Node) -> Node | None:
    """sum(c * x) -> c * sum(x) where c does not vary along the summed axes."""
    x, axes = node.inputs[0], node.op.axes
    products = (ops.Mul, ops.Div, ops.Neg, ops.Square)
    if not x.type.is_float or not isinstance(x.op, products):
        return None
    factors = _Factors(x, axes)
    if not factors.below and all(constant_of(f) == 1 for f in factors.above):
        return None
    rest = whole(factors.rest)
    if rest is None:
        return factors.small() * count_along(x, axes)
    summed = make(node.op, (ops.broadcast_to(rest, x.shape),))
    return factors.small() * summed


@rewrite(
    on=ops.Sum,
    example=lambda: (
        ops.sum(ops.broadcast_to(ops.tensor("r", (3,)), (4, 3)), 0),
        ops.sum(ops.broadcast_to(ops.tensor("s"), (ops.tensor("y", (None,)).shape[0],))),
    ),
)
def sum_repeated_values(node: Node) -> Node | None:
    """The sum of a value repeated n times is n times the value."""
    x, axes = node.inputs[0], node.op.axes
    if not isinstance(x.op, ops.BroadcastTo):
        return None
    source = x.inputs[0]
    repeated = tuple(a for a in axes if is_constant_along(source, (a,), x.ndim))
    if not repeated:
        return None
    once = drop_constant_axes(source, repeated, x.ndim)
    kept = [a for a in range(x.ndim) if a not in repeated]
    rest = tuple(kept.index(a) for a in axes if a not in repeated)
    once = ops.broadcast_to(once, tuple(x.shape[a] for a in kept))
    summed = make(ops.Sum(rest), (once,)) if rest else once
    return summed * count_along(x, repeated)


_EXACT = (Input, Const)
_MOVES = (
    ops.BroadcastTo, ops.ExpandDims, ops.DropAxes, ops.Reshape, ops.Transpose, ops.Slice,
    ops.Gather, ops.Concatenate, ops.Neg, ops.Cast,
)  # fmt: skip


def is_rounded(x: Node) -> bool:
    """Does each element already carry a rounding error of its own size? Then taking a constant
    out of a sum of such elements loses nothing; of exact data it may: sum(x - mean)."""
    while isinstance(x.op, _MOVES):
        x = x.inputs[0]
    return not isinstance(x.op, _EXACT)


@rewrite(
    on=ops.Sum,
    example=lambda: (
        ops.sum(ops.exp(_data()) - ops.tensor("s")),
        ops.sum(ops.tensor("r", (3,)) + ops.square(_data()), 0),
    ),
)
def pull_term_out_of_sum(node: Node) -> Node | None:
    """sum(x + s) -> sum(x) + n * s where s does not vary along the summed axes and x is rounded."""
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


@rewrite(
    on=ops.Sum,
    example=lambda: ops.sum(2.0 * _data() - ops.tensor("s") * ops.exp(_data())),
)
def sum_scaled_terms_apart(node: Node) -> Node | None:
    """sum(c * x + d * y) -> c * sum(x) + d * sum(y): the products leave the loop."""
    x, axes = node.inputs[0], node.op.axes
    if not x.type.is_float or not isinstance(x.op, (ops.Add, ops.Sub)):
        return None
    scaled = [_has_constant_factor(term, axes, x.ndim) for term in x.inputs]
    if not any(scaled) or not all(is_rounded(term) for term in x.inputs):
        return None
    return x.op(*(make(node.op, (ops.broadcast_to(term, x.shape),)) for term in x.inputs))


def _has_constant_factor(term: Node, axes: tuple[int, ...], ndim: int) -> bool:
    if not isinstance(term.op, ops.Mul):
        return False
    return any(is_constant_along(f, axes, ndim) for f in term.inputs)


@rewrite(
    on=ops.Contract,
    example=lambda: ops.matmul(_data(), ops.tensor("s") * ops.tensor("v", (3,))),
)
def pull_scalar_out_of_contraction(node: Node) -> Node | None:
    """(s * x) @ y -> s * (x @ y) for a scalar s."""
    if not node.type.is_float or (node.ndim == 0 and not node.inputs[0].ndim):
        return None
    for place, x in enumerate(node.inputs):
        if not isinstance(x.op, ops.Mul) or x.ndim == 0:
            continue
        for scalar, rest in (x.inputs, x.inputs[::-1]):
            if scalar.ndim == 0 and rest.shape == x.shape:
                operands = list(node.inputs)
                operands[place] = rest
                return scalar * make(node.op, operands)
    return None


@rewrite(
    on=ops.Contract,
    example=lambda: ops.matmul(_data(), ops.broadcast_to(ops.tensor("s"), (3,))),
)
def contract_repeated_scalar(node: Node) -> Node | None:
    """A contraction with one repeated scalar is that scalar times a sum: the gradient of x @ w in
    w, summed over all rows, is the sum of the columns of x."""
    first, second, out = node.op.parts()
    pairs = ((0, first, 1, second), (1, second, 0, first))
    for place, letters, other_place, other_letters in pairs:
        x, other = node.inputs[place], node.inputs[other_place]
        repeats = isinstance(x.op, ops.BroadcastTo) and x.inputs[0].ndim == 0
        # Letters of the repeated operand alone would have to be counted, or repeated again.
        if repeats and node.type.is_float and set(letters) <= set(other_letters):
            axes = tuple(k for k, c in enumerate(other_letters) if c not in out)
            kept = [c for c in other_letters if c in out]
            summed = ops.sum(other, axes) if axes else other
            return x.inputs[0] * ops.transpose(summed, tuple(kept.index(c) for c in out))
    return None


@rewrite(
    on=ops.Scatter,
    example=lambda: ops.zeros((5,)).at[ops.tensor("i", (3,), "int64")].add(
        ops.tensor("s") * ops.tensor("u", (3,))
    ),
)  # fmt: skip
def pull_scalar_out_of_scatter(node: Node) -> Node | None:
    """Adding s * x into zeros is s times adding x into zeros."""
    base, updates, *places = node.inputs
    if node.op.mode != "add" or not node.type.is_float or constant_of(base) != 0:
        return None
    product = renamed(updates)
    if not isinstance(product.op, ops.Mul) or product.ndim == 0:
        return None
    scalar, rest = product.inputs
    if scalar.ndim > 0 or rest.shape != product.shape:
        return None
    rest = ops.broadcast_to(rest, updates.shape)
    return scalar * make(node.op, (base, rest, *places))


@rewrite(
    on=ops.Scatter,
    example=lambda: ops.tensor("b", (5,)).at[ops.tensor("i", (3,), "int64")].add(ops.zeros(3)),
)
def scatter_nothing(node: Node) -> Node | None:
    """Adding zeros anywhere changes nothing."""
    return node.inputs[0] if node.op.mode == "add" and constant_of(node.inputs[1]) == 0 else None


SUMS = Ruleset(
    pull_factor_out_of_sum,
    sum_repeated_values,
    pull_term_out_of_sum,
    sum_scaled_terms_apart,
    pull_scalar_out_of_contraction,
    contract_repeated_scalar,
    pull_scalar_out_of_scatter,
    scatter_nothing,
)
