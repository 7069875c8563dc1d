"""Chains: a * b / c as a list of factors, some inverted; a - b + c as a list of terms.

Rules match two leaves of a chain at any positions, since the order of the factors of a derivative
depends on the code.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping

from probtensor import ops
from probtensor.graph.node import Node, Op
from probtensor.transform.facts import FactTable

# Leaves of a chain that are examined, so that a rewriting pass is linear in the graph.
MAX_CHAIN_LEAVES = 8
CHAIN_ROOTS: dict[type[Op], tuple[type[Op], ...]] = {
    ops.Mul: (ops.Mul, ops.Div),
    ops.Div: (ops.Mul, ops.Div),
    ops.Add: (ops.Add, ops.Sub),
    ops.Sub: (ops.Add, ops.Sub),
}
INVERSE = {ops.Mul: False, ops.Add: False, ops.Div: True, ops.Sub: True}


Leaf = tuple[tuple[int, ...], Node, bool]


def combine_in_chain(
    node: Node,
    facts: FactTable,
    combine: Callable[[Node, Node, bool], Node | None],
    wanted: Iterable[type[Op]] = (),
) -> Node | None:
    """The chain of products and quotients (or sums and differences) at `node` with two of its
    leaves combined; None if no two combine. `combine(first, second, inverted)` gives the
    replacement of first * second (first / second if `inverted`), or None. It takes the position of
    the first leaf. `wanted` are ops that must occur among the leaves."""
    leaves, present = facts.remember(node, _leaves_and_ops)
    if not present.issuperset(wanted):
        return None
    for first, second in itertools.permutations(leaves, 2):
        found = combine(first[1], second[1], first[2] != second[2])
        if found is not None:
            return regrow(node, {first[0]: found, second[0]: None})
    return None


def ops_of_leaves(node: Node, facts: FactTable) -> set[type[Op]]:
    """The op classes of the leaves of the chain at a node."""
    return facts.remember(node, _leaves_and_ops)[1]


def _leaves_and_ops(node: Node) -> tuple[list[Leaf], set[type[Op]]]:
    leaves = chain_leaves(node)
    return leaves, {type(leaf.op) for _, leaf, _ in leaves}


def chain_leaves(node: Node, opaque: Node | None = None) -> list[Leaf]:
    """(path, leaf, inverted) for the leaves of the chain at `node`, MAX_CHAIN_LEAVES of them at
    most. `opaque` is not expanded."""
    roots = CHAIN_ROOTS[type(node.op)]
    leaves = [((), node, False)]
    k = 0
    while k < len(leaves) < MAX_CHAIN_LEAVES:
        path, x, inverted = leaves[k]
        if not isinstance(x.op, roots) or x is opaque:
            k += 1
            continue
        flip = INVERSE[type(x.op)]
        leaves[k : k + 1] = [
            ((*path, 0), x.inputs[0], inverted),
            ((*path, 1), x.inputs[1], inverted != flip),
        ]
    return leaves


def regrow(node: Node, changes: Mapping[tuple, Node | None]) -> Node | None:
    """The chain with the leaves at some paths replaced, or removed where the change is None."""
    return _regrow(node, (), changes)


def _regrow(node: Node, path: tuple[int, ...], changes: Mapping[tuple, Node | None]) -> Node | None:
    if path in changes:
        return changes[path]
    if not any(changed[: len(path)] == path for changed in changes):
        return node
    left = _regrow(node.inputs[0], (*path, 0), changes)
    right = _regrow(node.inputs[1], (*path, 1), changes)
    if right is None:
        return left
    if left is None:
        if not INVERSE[type(node.op)]:
            return right
        return ops.div(1, right) if isinstance(node.op, ops.Div) else -right
    return node.op(left, right)
