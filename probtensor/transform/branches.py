"""Choices as branches, and back: what only an alternative that is not taken needs is not computed.

A node is computed in the contexts that `graph.walk` finds: once, or in several branches. All
choices of one selector in one context that do not depend on each other become one branch: a
value and its gradient, for example, share what their alternatives compute. A choice between what
is computed anyway stays one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from probtensor import ops
from probtensor.graph.closed import Closed, closed, is_literal, map_bodies, map_nodes, with_outputs
from probtensor.graph.node import Node, made_by, make
from probtensor.graph.parts import Get, parts
from probtensor.graph.walk import Context, Contexts, ancestors, conditional, rebuild, toposort
from probtensor.ops.kinds import Branch, Choice, opened


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
    closing = _Closing(order, [*outputs, *kept])
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


class _Closing:
    """The nodes of a graph as nodes in the contexts in which they are computed.

    images  the node that stands for a node in a context
    made    for each context, the nodes made in it
    """

    def __init__(self, order: Sequence[Node], always: Sequence[Node]) -> None:
        self.contexts = Contexts(order, always)
        self.images: dict[tuple[Node, Context], Node] = {}
        self.made: dict[Context, set[Node]] = {}
        waiting: list[tuple[Node, Context]] = []
        group = 0
        for node, context, together in _ordered(order, self.contexts):
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
        self.images[node, context] = image
        # Bodies capture the parts of a result in several parts, not the tuple.
        self.made.setdefault(context, set()).update((image, *parts(image)))

    def _image(self, node: Node, context: Context) -> Node:
        return self.images[node, self.contexts.place(node, context)]

    def _simple(self, node: Node, context: Context) -> Node:
        """A node that is no choice, or a choice that the context has made."""
        operands = [self._image(*operand) for operand in self.contexts.operands(node, context)]
        return operands[0] if isinstance(node.op, Choice) else rebuild(node, tuple(operands))

    def _branch(self, choices: Sequence[tuple[Node, Context]]) -> None:
        """Choices of one selector in one context, as results of one branch."""
        context = choices[0][1]
        made = [self.made[c] for c in context.chain if c in self.made]

        def is_outside(x: Node) -> bool:
            return any(x in nodes for nodes in made)

        lazy: dict[tuple[Node, ...], list[Node]] = {}
        for node, _ in choices:
            operands = self.contexts.operands(node, context)
            selector, *values = (self._image(*operand) for operand in operands)
            if all(is_outside(x) or is_literal(x) for x in values):
                with made_by(node):
                    same = all(x is values[0] for x in values)
                    image = values[0] if same else rebuild(node, (selector, *values))
                    self._enter(node, context, image)
            else:
                lazy.setdefault(tuple(values), []).append(node)
        if not lazy:
            return
        bodies, captured = _closed_rows(list(zip(*lazy, strict=True)), is_outside)
        with made_by(choices[0][0]):
            results = parts(make(ops.Cond(bodies), (selector, *captured)))
        for image, nodes in zip(results, lazy.values(), strict=True):
            for node in nodes:
                with made_by(node):
                    self._enter(node, context, image)


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
