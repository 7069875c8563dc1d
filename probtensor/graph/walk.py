"""Orders, replacement and contexts. All iterative: graphs may be deeper than Python's stack.

A node needs its inputs, and what computes its sizes where data decide them (`Node.needs`).

Of the alternatives of an op that `chooses`, only one is needed. A context is where a selector takes
one of its alternatives, within another context; the root is always. The contexts of a node follow
from those of the nodes that read it. A node that all alternatives of a selector need belongs to the
context around them, and so does one that is needed there anyway; a node that alternatives of
different selectors need belongs to each of these.

    u = exp(x);  ifelse(c, u, u + 1) * u    exp: always    u + 1: where c takes the second
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter

import numpy as np

from cython_ext.graph import replaced, sort
from probtensor.dataclass import dataclass
from probtensor.graph.node import INTERNED, Const, Input, Node, remake
from probtensor.graph.sizes import rebuilt
from probtensor.process import computed_once

_NEEDS = attrgetter("needs")


def toposort(
    outputs: Iterable[Node],
    given: Iterable[Node] = (),
    needs: Callable[[Node], Iterable[Node]] = _NEEDS,
) -> list[Node]:
    """All nodes the outputs need, inputs before users, in an order that the graph determines.

    Nodes in `given`, and nodes that only they need, are omitted. `needs` gives what must come
    before a node, if that is not just what it needs.
    """
    if needs is _NEEDS:
        return sort(outputs, given)
    order: list[Node] = []
    done: set[Node] = set(given)
    for output in outputs:
        if output in done:
            continue
        path, waiting = [output], [iter(needs(output))]  # a node, and what it needs first
        while path:
            for x in waiting[-1]:
                if x not in done:
                    path.append(x)
                    waiting.append(iter(needs(x)))
                    break
            else:
                waiting.pop()
                node = path.pop()
                done.add(node)
                order.append(node)
    return order


def inputs_of(outputs: Iterable[Node]) -> list[Node]:
    """The inputs the outputs depend on, in order of first use."""
    return [node for node in toposort(outputs) if isinstance(node.op, Input)]


def ancestors(outputs: Iterable[Node], stop: Callable[[Node], bool] = lambda node: False):
    """The nodes the outputs need, without the inputs of nodes for which `stop` holds."""
    seen: dict[Node, None] = {}
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen[node] = None
        if not stop(node):
            stack.extend(node.needs)
    return list(seen)


def users_of(order: Iterable[Node]) -> dict[Node, list[Node]]:
    """For each node of a topological order, the nodes that need it (once for each use)."""
    users: dict[Node, list[Node]] = {}
    for node in order:
        users.setdefault(node, [])
        for x in node.needs:
            users.setdefault(x, []).append(node)
    return users


def rebuild(node: Node, inputs: tuple[Node, ...]) -> Node:
    """The same op on other inputs of the same values; the same node if they are the same."""
    return remake(node, inputs)


def replace(outputs: Iterable[Node], changes: Mapping[Node, Node]) -> list[Node]:
    """The outputs with some nodes replaced, also where they decide sizes. Replacements are not
    rewritten themselves."""
    return replaced(INTERNED, list(outputs), dict(changes), rebuilt)


# What is needed under which condition.


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
        return (*self._outer, self)

    @computed_once
    def _outer(self) -> tuple[Context, ...]:
        return () if self.around is None else self.around.chain

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
            uses.setdefault(node, {})[self.root] = None
        self.of: dict[Node, list[Context]] = {}
        for node in reversed(order):
            is_leaf = isinstance(node.op, (Input, Const))
            self.of[node] = [self.root] if is_leaf else self._joined(uses[node])
            for context in self.of[node]:
                if not node.op.chooses:
                    for x in node.inputs:
                        uses.setdefault(x, {})[context] = None
                    continue
                for x, where in self.operands(node, context):
                    uses.setdefault(x, {})[where] = None

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
        """The selectors that decide whether a node is computed, then its inputs."""
        chains = (c for context in self.of[node] for c in context.chain[1:])
        return [*(c.selector for c in chains), *node.inputs]

    def place(self, node: Node, context: Context) -> Context:
        """The context in which a node that is read in a context is computed: this or one around
        it."""
        where = self.of[node]
        return next(c for c in context.chain if c in where)

    def _joined(self, contexts: Iterable[Context]) -> list[Context]:
        """The contexts without those within others; in place of all alternatives of a selector,
        the context around them."""
        found = dict.fromkeys(contexts)
        if len(found) == 1 and next(iter(found)).count != 1:
            return list(found)
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


def conditional(outputs: Iterable[Node], order: Sequence[Node] | None = None) -> set[Node]:
    """The nodes that the outputs need under some condition only; of a topological order, if it is
    given."""
    outputs = list(outputs)
    order = toposort(outputs) if order is None else order
    if not any(node.op.chooses for node in order):
        return set()
    contexts = Contexts(order, outputs)
    return {node for node in order if contexts.root not in contexts.of[node]}
