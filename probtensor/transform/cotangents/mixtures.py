"""Derivatives of mixtures: log(sum(p * exp(c))), written as logsumexp(log(p) + c), and of terms
exp(log(p) + c).

The derivative with respect to p is r = exp(c - out), which is finite where p is 0. By the chain
rule through the logarithm it is 0 / 0 there: exp(log(p) + c - out) / p. So where p may be 0, the
vjp of logsumexp gives a gradient directly to p, bypassing the logarithm, and gives the other
summands of the term p * r, whose derivative with respect to p is right at 0 too.

The terms of a mixture are stacked, broadcast, selected and sliced from others. All of these ops are
linear, so a logarithm is found below them, removed from the term by putting 0 in its place, and its
gradient is computed by their vjp. Joined terms contain one logarithm each; these have the same
level, and are removed together. (The level of a logarithm is the number of others that are added to
it.)

A mixture within a mixture is -inf where all its weights are 0, as for a state of a hidden Markov
chain that only transitions of probability 0 lead to. There the outer mixture has derivative 0 with
respect to log(v), v being the inner sum, but a nonzero one with respect to v. So inner mixtures are
treated as logarithms too, and where one is -inf it gets a cotangent for v as well, in units of
exp(s), s being the mixture with weights of 1: for a term t it is w * exp(t + s - out), and the
inner weights get exp(c - s) times that. Such a `Part` is `hidden`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import reduce

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph.node import Node, make
from probtensor.ops.reductions.folds import spread
from probtensor.transform.cotangents.layers import VIEWS
from probtensor.transform.facts import FactTable

Fit = Callable[[Node, Node], Node]
Widen = Callable[[Node], Node]
MIXTURES = (ops.LogSumExp, ops.Logaddexp, ops.Softplus, ops.Softmax, ops.Exp)
# Mixtures that are -inf where all their weights are 0.
_VANISHING = (ops.LogSumExp, ops.Logaddexp)
# Nodes of one term that are examined, at most.
MAX_TERM_NODES = 400
_SUMS = (ops.Add, ops.Sub, ops.Neg)
_JOINING = (ops.Concatenate, ops.Where, ops.SetSlice)
_OPENED = (*_SUMS, *_JOINING, *VIEWS, ops.Gather, ops.Cast)


@dataclass(frozen=True)
class Part:
    """A contribution of a mixture to the gradient of x. `hidden`: with respect to exp(x), in units
    of its scale, where x is -inf. `steep`: it may be infinite (the argument of a logarithm)."""

    x: Node
    gradient: Node
    hidden: bool = False
    steep: bool = False


class Mixtures:
    """The mixtures of one differentiation: their terms, and the scales of those that may vanish (be
    -inf). `opaque` nodes are not expanded."""

    def __init__(self, facts: FactTable, opaque: Collection[Node]) -> None:
        self.facts, self.opaque = facts, opaque
        self._terms: dict[Node, list[Term]] = {}
        self._scales: dict[Node, Node] = {}

    def note(self, node: Node) -> None:
        """Register a mixture that may vanish, after the mixtures within it."""
        if isinstance(node.op, _VANISHING) and node not in self.opaque:
            levels = [term.levels for term in self.terms(node)]
            if levels and all(levels):
                self._scales[node] = self._scale(node)

    def terms(self, node: Node) -> list[Term]:
        """The terms of a mixture if they contain logarithms with an argument that may be 0; else
        an empty list."""
        if not isinstance(node.op, MIXTURES):
            return []
        if node not in self._terms:
            terms = [Term(x, self) for x in node.inputs]
            self._terms[node] = terms if any(term.levels for term in terms) else []
        return self._terms[node]

    def vanishes(self, x: Node) -> bool:
        """Is x a registered mixture, which may be -inf?"""
        return x in self._scales and x not in self.opaque

    def with_scale(self, x: Node) -> Node:
        """A mixture that may vanish, with its scale where it does."""
        return ops.where(ops.eq(x, -np.inf), self._scales[x], x)

    def _scale(self, node: Node) -> Node:
        """The mixture with weights of 1, as a constant."""
        return ops.stop_gradient(make(node.op, [term.scale() for term in self.terms(node)]))

    def parts(
        self, node: Node, g: Node, fit: Fit, widened: Widen, out: Node | None = None
    ) -> list[Part]:
        """The gradients of the summands of the terms of a mixture; instead of logarithms with an
        argument that may be 0, of these arguments. `fit(g, x)` sums a gradient to the shape of x,
        `widened` puts the mask of the cotangent around the gradient of a term, and `out` replaces
        the mixture where that is -inf."""
        found: list[Part] = []
        terms = self.terms(node)
        for term, part in zip(terms, node.op.vjp(g, node, *node.inputs), strict=True):
            x = term.root
            if not term.levels:
                found.append(Part(x, fit(widened(part), x)))
                continue
            weight, total = _weight_and_total(node, g, x, out)
            slopes = [term.slope(k, total) for k in range(term.levels)]
            part = weight * term.weighted(slopes[0], total)
            found += term.pull_back(
                fit(widened(part), x), [fit(widened(weight * r), x) for r in slopes], fit
            )
        return found


def _weight_and_total(
    node: Node, g: Node, x: Node, out: Node | None
) -> tuple[Node, Node | None]:
    """(weight, total) for the gradient weight * exp(x - total) with respect to x; the total is None
    for an exponential."""
    if isinstance(node.op, ops.Exp):
        return g, None
    out = node if out is None else out
    if isinstance(node.op, (ops.Logaddexp, ops.Softplus)):
        return g, out
    axes = node.op.axes
    if isinstance(node.op, ops.LogSumExp):
        return spread(g, axes, x.shape), spread(out, axes, x.shape)
    total = make(ops.LogSumExp(axes), (x,))
    return g - spread(ops.sum(g * node, axes), axes, x.shape), spread(total, axes, x.shape)


def _exp_of_difference(rest: Node | None, out: Node | None, x: Node) -> Node:
    """exp(rest - out), but 0 where both are -inf. None stands for 0."""
    if out is None:
        return ops.ones_like(x) if rest is None else ops.exp(rest)
    if rest is None:
        return ops.exp(-out)
    nothing = ops.logical_and(ops.eq(rest, -np.inf), ops.eq(out, -np.inf))
    return ops.exp(rest - ops.where(nothing, 0, out))


class Term:
    """A term as a tree of sums, joins, selections and views, with the level of each logarithm in it
    whose argument may be 0. A mixture that may vanish counts as such a logarithm."""

    def __init__(self, root: Node, mixtures: Mixtures) -> None:
        self.root = root
        self._mixtures = mixtures
        self._facts, self._opaque = mixtures.facts, mixtures.opaque
        self._levels_by_path: dict[tuple[int, ...], int] = {}
        self._leaves: list[tuple[Node, int]] = []
        self._budget = MAX_TERM_NODES
        self.levels = self._number(root, (), 0, False)
        if self._budget < 0:
            self.levels, self._levels_by_path, self._leaves = 0, {}, []
        self._opened = {path[:n] for path in self._levels_by_path for n in range(len(path))}

    def _number(self, x: Node, path: tuple[int, ...], level: int, inverted: bool) -> int:
        """Numbers the logarithms in x, from `level` on, and returns the next level. Subtracted
        logarithms (`inverted`) are not numbered."""
        self._budget -= 1
        if self._budget < 0 or x in self._opaque:
            return level
        if self._is_logarithm(x) or self._mixtures.vanishes(x):
            if inverted:
                return level
            self._levels_by_path[path] = level
            self._leaves.append((x, level))
            return level + 1
        if not isinstance(x.op, _OPENED):
            return level
        after = level
        for position, inner in _branches(x):
            flips = isinstance(x.op, ops.Neg) or (isinstance(x.op, ops.Sub) and position == 1)
            start = after if isinstance(x.op, _SUMS) else level
            after = max(after, self._number(inner, (*path, position), start, inverted != flips))
        return after

    def _is_logarithm(self, x: Node) -> bool:
        """Is x a logarithm whose argument may be 0?"""
        if not isinstance(x.op, (ops.Log, ops.Log1p)):
            return False
        if self._facts.constant(x.inputs[0]) is not None:
            return False
        least = self._facts.bounds(x.inputs[0])
        end = 0.0 if isinstance(x.op, ops.Log) else -1.0
        return not (least.low > end or (least.low == end and least.low_open))

    def without(self, level: int) -> Node | None:
        """The term without the logarithms of a level, and with the mixtures of that level replaced
        by their scale where they vanish; None if no summand remains."""
        return self._without(self.root, (), (level,), True)

    def scale(self) -> Node:
        """The term without its logarithms, and with the scales of mixtures where they vanish."""
        found = self._without(self.root, (), range(self.levels), True)
        return ops.zeros_like(self.root) if found is None else found

    def slope(self, level: int, out: Node | None) -> Node:
        """exp(term - out) without the logarithms of a level. Clipped to a finite value if the level
        has a mixture, whose weights may have a tangent of 0 (0 * inf)."""
        slope = _exp_of_difference(self.without(level), out, self.root)
        if not self._has_mixture(level):
            return slope
        kind = np.finfo(self.root.dtype)
        return ops.minimum(slope, float(kind.max * kind.eps))

    def _has_mixture(self, level: int) -> bool:
        return any(n == level and self._mixtures.vanishes(x) for x, n in self._leaves)

    def weighted(self, slope: Node, out: Node | None) -> Node:
        """exp(term - out) as the product of the arguments of the first level's logarithms and the
        rest; the rest is `slope` if the level has no mixtures."""
        rest = slope
        if self._has_mixture(0):
            rest = self._without(self.root, (), (0,), False)
            rest = _exp_of_difference(rest, out, self.root)
        if out is None:
            return self.product_of_arguments() * rest
        # Where the slope r overflows, p is 0, and p * r must be 0.
        return self.product_of_arguments() * ops.minimum(rest, float(np.finfo(self.root.dtype).max))

    def _without(
        self, x: Node, path: tuple[int, ...], levels: Collection[int], with_scale: bool
    ) -> Node | None:
        if self._levels_by_path.get(path) in levels:
            if not self._mixtures.vanishes(x):
                return None
            return self._mixtures.with_scale(x) if with_scale else x
        if path not in self._opened:
            return x
        op, inputs = x.op, list(x.inputs)
        for position, inner in _branches(x):
            inputs[position] = self._without(inner, (*path, position), levels, with_scale)
        if isinstance(op, _SUMS):
            return _sum_of(op, inputs)
        return self._remade(x, inputs, ops.zeros_like)

    def product_of_arguments(self) -> Node:
        """The product of the arguments of the first level's logarithms, 1 without logarithms."""
        found = self._argument(self.root, ())
        return ops.ones_like(self.root) if found is None else found

    def _argument(self, x: Node, path: tuple[int, ...]) -> Node | None:
        if self._levels_by_path.get(path) == 0 and not self._mixtures.vanishes(x):
            p = x.inputs[0]
            return p if isinstance(x.op, ops.Log) else 1 + p
        if path not in self._opened:
            return None
        inputs = list(x.inputs)
        for position, inner in _branches(x):
            inputs[position] = self._argument(inner, (*path, position))
        if isinstance(x.op, _SUMS):
            factors = [p for p in inputs if p is not None]
            return reduce(ops.mul, factors) if factors else None
        return self._remade(x, inputs, ops.ones_like)

    def _remade(self, x: Node, inputs: list[Node | None], empty: Callable) -> Node | None:
        """The join, selection or view x of other inputs, where None stands for `empty(input)`."""
        positions = dict(_branches(x))
        if all(inputs[position] is None for position in positions):
            return None
        for position, inner in positions.items():
            value = empty(inner) if inputs[position] is None else inputs[position]
            inputs[position] = ops.broadcast_to(value, inner.shape)
        return make(x.op, inputs)

    def pull_back(self, part: Node, parts: list[Node], fit: Fit) -> list[Part]:
        """The gradients of the leaves of the tree. `part` is the gradient of the term, for ordinary
        leaves and mixtures; `parts[k]` is for the arguments of the logarithms of level k, and the
        hidden gradient of the mixtures of level k."""
        found: list[Part] = []
        stack = [(self.root, (), part, parts)]
        while stack:
            x, path, part, parts = stack.pop()
            if path in self._levels_by_path:
                slope = parts[self._levels_by_path[path]]
                if self._mixtures.vanishes(x):
                    hidden_part = ops.where(ops.eq(x, -np.inf), slope, 0)
                    found += [Part(x, part), Part(x, hidden_part, hidden=True)]
                else:
                    found.append(Part(x.inputs[0], fit(slope, x.inputs[0]), steep=True))
            elif path not in self._opened:
                found.append(Part(x, part))
            else:
                every = [x.op.vjp(a, x, *x.inputs) for a in (part, *parts)]
                for position, inner in _branches(x):
                    first, *rest = (fit(a[position], inner) for a in every)
                    stack.append((inner, (*path, position), first, rest))
        return found


def _branches(x: Node) -> list[tuple[int, Node]]:
    """(position, input) for the inputs of a node of the tree: not conditions and indices."""
    if isinstance(x.op, ops.Where):
        return [*enumerate(x.inputs)][1:]
    if isinstance(x.op, (*_SUMS, *_JOINING)):
        return [*enumerate(x.inputs)]
    return [(0, x.inputs[0])]


def _sum_of(op: object, inputs: list[Node | None]) -> Node | None:
    if isinstance(op, ops.Neg):
        return None if inputs[0] is None else -inputs[0]
    left, right = inputs
    if right is None:
        return left
    if left is None:
        return right if isinstance(op, ops.Add) else -right
    return op(left, right)
