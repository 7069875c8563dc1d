"""Choices as branches, and back: what only an alternative that is not taken needs is not computed.

A node is computed in the contexts that `graph.walk` finds: once, or in several branches. All
choices of one selector in one context that do not depend on each other become one branch: a
value and its gradient, for example, share what their alternatives compute. Of choices of which one
depends on the other each becomes a branch: what both compute, and is more than a few operations
per element, or has an effect, is a result of the first, which the second reads. A choice between
what is computed anyway stays one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from probtensor import ops
from probtensor.graph.closed import Closed, closed, is_literal, map_bodies, map_nodes, with_outputs
from probtensor.graph.node import Node, made_by, make
from probtensor.graph.parts import Get, parts
from probtensor.graph.walk import (
    Context,
    Contexts,
    ancestors,
    conditional,
    rebuild,
    replace,
    toposort,
)
from probtensor.ops.kinds import (
    Branch,
    Choice,
    Contraction,
    Core,
    Observing,
    Reduction,
    opened,
)


def close_branches(outputs: Iterable[Node]) -> list[Node]:
    """The outputs with choices as branches."""
    return closed_around(outputs, ())[0]


def closed_around(
    outputs: Iterable[Node], kept: Iterable[Node]
) -> tuple[list[Node], dict[Node, Node]]:
    """The outputs with choices as branches, outside of which the nodes `kept` stay; and these
    nodes in the new graph: none if there is no choice.

    A graph in which data decide sizes within an alternative stays as it is, since a body has no
    sizes of its own; one whose sizes are detached has none of these."""
    outputs = list(outputs)
    order = toposort(outputs)
    if not any(isinstance(node.op, Choice) for node in order):
        return outputs, {}
    if any(node.size_sources for node in conditional(outputs, order)):
        return outputs, {}
    reached = set(order)
    kept = [x for x in kept if x in reached]
    closing = _closed(order, [*outputs, *kept])
    return [closing.always(y) for y in outputs], {x: closing.always(x) for x in kept}


def open_branches(outputs: Iterable[Node]) -> list[Node]:
    """The outputs with branches as choices, but for those in bodies of loops."""
    results: dict[Node, list[Node]] = {}

    def change(node: Node, inputs: tuple[Node, ...]) -> Node:
        if isinstance(node.op, Get) and inputs[0] in results:
            return results[inputs[0]][node.op.index]
        if not isinstance(node.op, Branch):
            return rebuild(node, inputs)
        op = map_bodies(node.op, lambda body: with_outputs(body, open_branches(body.outputs)))
        found = make(op, inputs)
        results[found] = opened(found)
        return found

    return map_nodes(outputs, change)


def _closed(order: Sequence[Node], always: Sequence[Node]) -> _Closing:
    """A graph with choices as branches, none of which computes what one before it does: what that
    is, is known when all are made, so they are made again with these results too."""
    contexts = Contexts(order, always)
    entries = _ordered(order, contexts)
    shared: Shared = {}
    while True:
        closing = _Closing(contexts, entries, shared)
        if closing.repeated.keys() <= shared.keys():
            return closing
        shared |= closing.repeated


# A node, or for a result that is shared beyond its own branch, that node with its context.
Name = Node | tuple[Node, Context]
Shared = dict[tuple[Name, Context], None]


class _Closing:
    """The nodes of a graph as nodes in the contexts in which they are computed.

    images    the node that stands for a node in a context
    made      for each context, the nodes made in it, each with what it stands for
    shared    what a branch computes that later ones of the same selector need
    given     for the context of an alternative, the nodes of it that are results of a branch
    computed  for the context of an alternative, what its branches compute
    repeated  what a branch computes that one before it did, and takes more than a moment
    """

    def __init__(
        self, contexts: Contexts, entries: Sequence[tuple[Node, Context, int]], shared: Shared
    ) -> None:
        self.contexts = contexts
        self.shared = shared
        self.images: dict[tuple[Name, Context], Node] = {}
        self.made: dict[Context, dict[Node, Name]] = {}
        self.given: dict[Context, dict[Node, Node]] = {}
        self.computed: dict[Context, set[Node]] = {}
        self.repeated: Shared = {}
        waiting: list[tuple[Node, Context]] = []
        group = 0
        for node, context, together in entries:
            if together != group and waiting:
                self._branch(waiting)
                waiting = []
            group = together
            if not together:
                self._enter(node, context, self._simple(node, context))
            else:
                waiting.append((node, context))
        if waiting:
            self._branch(waiting)

    def always(self, node: Node) -> Node:
        """The node that stands for one that is always computed."""
        return self.images[node, self.contexts.root]

    def _enter(self, node: Node, context: Context, image: Node) -> None:
        if image.type != node.type:  # sizes that are equal by law
            image = ops.broadcast_to(image, node.shape)
        self._name(node, context, image)

    def _name(self, name: Name, context: Context, image: Node) -> None:
        self.images[name, context] = image
        made = self.made.setdefault(context, {})
        made[image] = name
        # Bodies capture the parts of a result in several parts, not the tuple.
        for x in parts(image):
            made.setdefault(x, name)

    def _image(self, node: Node, context: Context) -> Node:
        return self.images[node, self.contexts.place(node, context)]

    def _simple(self, node: Node, context: Context) -> Node:
        """A node that is no choice, or a choice that the context has made."""
        operands = [self._image(*operand) for operand in self.contexts.operands(node, context)]
        return operands[0] if isinstance(node.op, Choice) else rebuild(node, tuple(operands))

    def _branch(self, choices: Sequence[tuple[Node, Context]]) -> None:
        """Choices of one selector in one context, as results of one branch."""
        first, context = choices[0]
        selector = self._image(first.inputs[0], context)
        inner = self.contexts.alternatives(context, first.inputs[0], len(first.inputs) - 1)
        made = [self.made[c] for c in context.chain if c in self.made]

        def is_outside(x: Node) -> bool:
            return any(x in nodes for nodes in made)

        lazy: dict[tuple[Node, ...], list[Node]] = {}
        for node, _ in choices:
            found = (self._image(x, c) for x, c in zip(node.inputs[1:], inner, strict=True))
            values = [replace([x], self.given.get(c, {}))[0] for x, c in zip(found, inner)]
            if all(is_outside(x) or is_literal(x) for x in values):
                with made_by(node):
                    same = all(x is values[0] for x in values)
                    image = values[0] if same else rebuild(node, (selector, *values))
                    self._enter(node, context, image)
            else:
                lazy.setdefault(tuple(values), []).append(node)
        if not lazy:
            return
        rows = list(zip(*lazy, strict=True))
        exports = [(k, name) for k, (row, alternative) in enumerate(zip(rows, inner))
                   for name in self._exported(row, alternative, is_outside)]  # fmt: skip
        for k, name in exports:
            image = self.images[name, inner[k]]
            zero = ops.zeros(image.shape, image.dtype)
            rows = [(*row, image if j == k else zero) for j, row in enumerate(rows)]
        bodies, captured = _closed_rows(rows, is_outside)
        with made_by(first):
            results = parts(make(ops.Cond(bodies), (selector, *captured)))
        for image, nodes in zip(results, lazy.values()):
            for node in nodes:
                with made_by(node):
                    self._enter(node, context, image)
        for (k, name), result in zip(exports, results[len(lazy) :], strict=True):
            image = self.images[name, inner[k]]
            self.given.setdefault(inner[k], {})[image] = result
            self._name((name if isinstance(name, Node) else name[0], inner[k]), context, result)

    def _exported(
        self, row: Sequence[Node], context: Context, is_outside: Callable[[Node], bool]
    ) -> list[Name]:
        """What the results of an alternative compute that later branches need; what they compute
        that branches before did becomes known."""
        own, before = self.made.get(context, {}), self.computed.setdefault(context, set())

        def is_again(x: Node) -> bool:
            return x in own and not isinstance(x.type, tuple) and _takes_time(x, before)

        for x in ancestors(row, lambda x: is_outside(x) or is_again(x)):
            if is_again(x):
                self.repeated.setdefault((own[x], context))
        reached = {x for x in ancestors(row, is_outside) if not is_outside(x)}
        before |= reached
        names = [name for name, where in self.shared if where is context]
        images = [self.images.get((name, context)) for name in names]
        return [name for name, x in zip(names, images) if x is not None and _source(x) in reached]


def _source(node: Node) -> Node:
    """What computes a tensor: itself, or what it is a part of."""
    return node.inputs[0] if isinstance(node.op, Get) else node


def _takes_time(node: Node, computed: Collection[Node]) -> bool:
    """Whether a tensor is the result of one of these nodes, by more than a few operations per
    element, or of an effect."""
    source = _source(node)
    heavy = (Observing, Core, Contraction, Reduction)
    return source in computed and (source.op.has_bodies or isinstance(source.op, heavy))


def _closed_rows(
    rows: Sequence[Sequence[Node]], is_outside: Callable[[Node], bool]
) -> tuple[tuple[Closed, ...], list[Node]]:
    """The results of each alternative as bodies with common parameters, and what these are: the
    nodes from outside that they read."""
    reached = (x for row in rows for x in ancestors(row, is_outside))
    captured = dict.fromkeys(x for x in reached if is_outside(x) and not is_literal(x))
    return tuple(closed([*captured], row) for row in rows), [*captured]


def _ordered(
    order: Sequence[Node], contexts: Contexts
) -> list[tuple[Node, Context, int]]:
    """The nodes with their contexts, each after what it reads there, and each with the number of
    the group of choices it belongs to; 0 for a node of no group.

    The level of a node in a context is the number of choices there, one after the other, that it
    depends on. A node comes after those of lower levels in its outermost context; among those of
    one level come nodes of that context, then what is computed in alternatives, then the choices.
    """
    levels: dict[tuple[Node, Context], tuple[int, ...]] = {}
    groups: dict[tuple[Context, Node, int, int], int] = {}
    entries = []
    for number, node in enumerate(order):
        for context in contexts.of[node]:
            operands = contexts.operands(node, context)
            found = [0] * len(context.chain)
            for x, where in operands:
                for k, level in enumerate(levels[x, contexts.place(x, where)][: len(found)]):
                    found[k] = max(found[k], level)
            group = 0
            is_made = isinstance(node.op, Choice) and len(operands) == 1
            if isinstance(node.op, Choice) and not is_made:
                own = (context, node.inputs[0], len(node.inputs), found[-1])
                group = groups.setdefault(own, len(groups) + 1)
            key = [part for level in found[:-1] for part in (level, 1)]
            key += [found[-1], 2 if group else 0]
            if group:
                found[-1] += 1
            levels[node, context] = tuple(found)
            entries.append((key, group, number, node, context))
    entries.sort(key=lambda entry: entry[:3])
    return [(node, context, group) for _, group, _, node, context in entries]
