"""Contexts: under which conditions the nodes of a graph have to be computed.

Of the alternatives of an op that `chooses`, only one is needed. A context is where a selector takes
one of its alternatives, within another context; the root is always. The contexts of a node follow
from those of the nodes that read it. A node that all alternatives of a selector need belongs to the
context around them, and so does one that is needed there anyway; a node that alternatives of
different selectors need belongs to each of these.

    u = exp(x);  ifelse(c, u, u + 1) * u    exp: always    u + 1: where c takes the second
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from probtensor.graph.node import Const, Input, Node
from probtensor.graph.walk import toposort


def taken(selector: np.ndarray, count: int) -> int:
    """The number of the alternative that a selector takes: the first for True, else by index,
    clamped to the alternatives there are."""
    if selector.dtype == bool:
        return 0 if selector else 1
    return min(max(int(selector), 0), count - 1)


@dataclass(frozen=True, eq=False)
class Context:
    """Where alternative `taken` of `count` of a selector is taken, within the context `around`;
    always, if there is none. `chain`: the contexts around it, from the outermost, and itself."""

    around: Context | None = None
    selector: Node | None = None
    count: int = 0
    taken: int = 0

    @property
    def chain(self) -> tuple[Context, ...]:
        return (self,) if self.around is None else (*self.around.chain, self)

    def holds(self, values: Mapping[Node, np.ndarray]) -> bool:
        """Whether the alternatives are taken, given the values of the selectors."""
        return all(taken(values[c.selector], c.count) == c.taken for c in self.chain[1:])

    def alternative(self, selector: Node, count: int) -> int | None:
        """Which alternative of a selector is known to be taken; None if that is not known."""
        return next(
            (c.taken for c in self.chain if c.selector is selector and c.count == count), None
        )


class Contexts:
    """The contexts in which each node of a graph is computed.

    of    the contexts of a node
    root  the context of what is always computed
    """

    def __init__(self, order: Sequence[Node], always: Iterable[Node]) -> None:
        self.root = Context()
        self.inner: dict[tuple[Context, Node, int], list[Context]] = {}
        uses: dict[Node, dict[Context, None]] = {node: {} for node in order}
        for node in (*always, *(x for y in order for x in y.size_sources if x in uses)):
            uses[node][self.root] = None
        self.of: dict[Node, list[Context]] = {}
        for node in reversed(order):
            is_leaf = isinstance(node.op, (Input, Const))
            self.of[node] = [self.root] if is_leaf else self._joined(uses[node])
            for context in self.of[node]:
                for x, where in self.operands(node, context):
                    uses[x][where] = None

    def operands(self, node: Node, context: Context) -> list[tuple[Node, Context]]:
        """What a node reads in a context, each with the context in which it is needed."""
        if not node.op.chooses:
            return [(x, context) for x in node.inputs]
        selector, *values = node.inputs
        known = context.alternative(selector, len(values))
        if known is not None:
            return [(values[known], context)]
        inner = self.alternatives(context, selector, len(values))
        return [(selector, context), *zip(values, inner, strict=True)]

    def alternatives(self, context: Context, selector: Node, count: int) -> list[Context]:
        """The contexts of the alternatives of a selector."""
        key = (context, selector, count)
        if key not in self.inner:
            self.inner[key] = [Context(context, selector, count, k) for k in range(count)]
        return self.inner[key]

    def needs(self, node: Node) -> list[Node]:
        """The selectors that decide whether a node is computed, then what it needs itself."""
        chains = (c for context in self.of[node] for c in context.chain[1:])
        return [*(c.selector for c in chains), *node.needs]

    def place(self, node: Node, context: Context) -> Context:
        """The context in which a node that is read in a context is computed: this or one around
        it."""
        where = self.of[node]
        return next(c for c in context.chain if c in where)

    def _joined(self, contexts: Iterable[Context]) -> list[Context]:
        """The contexts without those within others; in place of all alternatives of a selector,
        the context around them."""
        found = dict.fromkeys(contexts)
        for length in range(max((len(c.chain) for c in found), default=0), 1, -1):
            for context in [c for c in found if len(c.chain) == length]:
                others = self.alternatives(context.around, context.selector, context.count)
                if all(other in found for other in others):
                    found = {c: None for c in found if c not in others} | {context.around: None}
        return [c for c in found if not any(outer in found for outer in c.chain[:-1])]


def contexts_of(
    order: Sequence[Node], outputs: Iterable[Node]
) -> dict[Node, frozenset[Context]]:
    """The contexts in which each node of an order is computed; empty if there is no choice."""
    if not any(node.op.chooses for node in order):
        return {}
    return {node: frozenset(found) for node, found in Contexts(order, outputs).of.items()}


def conditional(outputs: Iterable[Node]) -> set[Node]:
    """The nodes that the outputs need under some condition only."""
    outputs = list(outputs)
    order = toposort(outputs)
    if not any(node.op.chooses for node in order):
        return set()
    contexts = Contexts(order, outputs)
    return {node for node in order if contexts.root not in contexts.of[node]}
