"""A call computed again, node by node, with all values kept.

    Evaluation   a graph in its order: what the call did not compute, since it was in a branch that
                 was not taken, is not computed here
    Level        the values of one graph: that of the call, or of a body in one step of a loop or
                 in the branch that was taken
    replayed     the graph of a function after the passes, as it was compiled, given the values of
                 the plan's inputs (draws have the key of the call among these)

The one idea: a body has values only in a step, so what asks about it gets a level for that step,
made when it is asked for from the carries of all steps, which are all that is kept of a loop.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from probtensor.dataclass import dataclass, field
from probtensor.graph.closed import Closed
from probtensor.graph.evaluate import Value, value_of
from probtensor.graph.node import Const, Input, Node, line_of
from probtensor.graph.sizes import measured_sizes, resized
from probtensor.graph.walk import Contexts, taken, toposort
from probtensor.inspect.subject import Subject
from probtensor.ops.kinds import Branch, Loop
from probtensor.types import size_name


def sizes_of(values: Mapping[Node, np.ndarray]) -> dict[str, int]:
    """The sizes of a call by name, from the values of the inputs."""
    return {
        name: n
        for node, array in values.items()
        for size, n in zip(node.shape, array.shape)
        if (name := size_name(size)) is not None
    }


def meaning(node: Node, arguments: Sequence[Value], sizes: Mapping[str, int]) -> Value:
    """The value of a node from those of its inputs, by the NumPy meaning of its op, in the dtype of
    the node."""
    value = value_of(node, arguments, sizes)
    several = isinstance(value, tuple)  # outputs with dtypes of their own
    return value if several else value.astype(node.dtype, copy=False)


class Evaluation:
    """A graph that is evaluated again by the NumPy meaning of each op. What the call did not
    compute is not.

    values   of the inputs, or of any nodes: what only these need is not evaluated
    sources  nodes that give names of sizes their values, by the key of the name
    sizes    values of names of sizes, by key, beside those that the inputs give
    """

    def __init__(
        self,
        outputs: Sequence[Node],
        values: Mapping[Node, Value],
        sources: Mapping[str, Node] | None = None,
        sizes: Mapping[str, int] | None = None,
    ) -> None:
        sources = sources or {}
        every = [*sources.values(), *outputs]
        self.outputs = list(outputs)
        self.order = [*values, *toposort(every, values)]
        self.names = {node: name for name, node in sources.items()}
        plain = {x: v for x, v in values.items() if not isinstance(v, tuple)}
        self.sizes = {**sizes_of(plain), **(sizes or {})}
        self.found: dict[Node, Value] = dict(values)
        self.given = set(values)
        self.contexts = Contexts(self.order, every)
        for node in self.names:
            self._measure(node)

    def nodes(self, outputs: Sequence[Node]) -> Iterator[tuple[Node, list[Value]]]:
        """The nodes that outputs need, in order, each with the values of its inputs, before it is
        evaluated; not at all if its value is in `found` then."""
        with np.errstate(all="ignore"):
            for node in toposort([*self.names, *outputs], self.given, self._needs):
                held = any(c.holds(self.found) for c in self.contexts.of[node])
                if node in self.found or not held:
                    self._measure(node)
                    continue
                arguments = self.arguments(node)
                self.sizes.update(measured_sizes(node, self.found))
                yield node, arguments
                if node not in self.found:
                    self.found[node] = meaning(node, arguments, self.sizes)
                self._measure(node)

    def _needs(self, node: Node) -> list[Node]:
        return [*node.size_sources, *self.contexts.needs(node)]

    def arguments(self, node: Node) -> list[Value]:
        """The values of the inputs of a node; None for alternatives that are not taken."""
        if node.op.chooses:
            return [self.found.get(x) for x in node.inputs]
        return [self.found[x] for x in node.inputs]

    def _measure(self, node: Node) -> None:
        if node in self.names and node in self.found:
            self.sizes[self.names[node]] = int(self.found[node])

    def run(self) -> Evaluation:
        """Evaluate all of it."""
        for _ in self.nodes(self.outputs):
            pass
        return self


@dataclass(eq=False)
class Level:
    """The values of the nodes of one graph.

    order   its nodes, in the order of computation
    place   where it is in the order of computation: longer for what is inside of a node
    where   the bodies around it as text, as in "step 3 of the loop at model.py:7"
    around  the level of the node that has the body, this node, and the step; None outside
    """

    order: list[Node]
    values: dict[Node, Value]
    sizes: dict[str, int]
    place: tuple[int, ...] = ()
    where: tuple[str, ...] = ()
    outer: Level | None = None
    owner: Node | None = None
    step: int = 0
    cache: dict = field(default_factory=dict, repr=False)

    def position(self, node: Node) -> tuple[int, ...]:
        """The place of a node in the order of computation of the call."""
        if "positions" not in self.cache:
            self.cache["positions"] = {x: k for k, x in enumerate(self.order)}
        return (*self.place, self.cache["positions"].get(node, -1))

    def op(self, node: Node) -> object:
        """The op of a node with the sizes of the call."""
        return resized(node.op, self.sizes)

    def body(self, node: Node, step: int) -> tuple[Closed, Level]:
        """The body of a loop in a step, counted from 0 in the order in which steps run, or that of
        the branch that is taken; and its level."""
        key = (node, step)
        if key not in self.cache:
            run = self.runs(node)
            body, arguments = run.calls[step]
            kind = f"step {step} of the loop" if isinstance(node.op, Loop) else run.label
            self.cache[key] = body, Level(
                list(body.order()),
                body_values(body, arguments),
                self.sizes,
                (*self.position(node), step),
                (*self.where, f"{kind} at {line_of(node)}"),
                self,
                node,
                step,
            )
        return self.cache[key]

    def runs(self, node: Node) -> BodyRuns:
        """How often the bodies of a node ran, and with what."""
        key = ("runs", node)
        if key not in self.cache:
            self.cache[key] = BodyRuns(self.op(node), [self.values[x] for x in node.inputs])
        return self.cache[key]


class BodyRuns:
    """The bodies that an op ran, in order, each with the values of its parameters."""

    def __init__(self, op: Loop | Branch, arguments: Sequence[np.ndarray]) -> None:
        self.op = op
        self.calls: list[tuple[Closed, list[Value]]] = []
        self.label = ""
        self.limit: int | None = None
        if isinstance(op, Loop):
            self.limit = int(arguments[-1]) if op.counted else op.steps
        if isinstance(op, Branch):
            which = taken(arguments[0], len(op.bodies))
            self.label = f"alternative {which} of the choice"
        with np.errstate(all="ignore"):
            op.computed(arguments, self._run)

    def _run(self, body: Closed, values: Sequence[Value]) -> list[Value]:
        self.calls.append((body, list(values)))
        found = body_values(body, values)
        return [found[y] for y in body.outputs]

    def element(self, step: int) -> int:
        """The element of the sequences that a step of a loop reads."""
        return self.limit - 1 - step if self.op.backwards else step


def body_values(body: Closed, arguments: Sequence[Value]) -> dict[Node, Value]:
    """The values of all nodes of a body in which no size is symbolic."""
    found = dict(zip(body.parameters, map(np.asarray, arguments), strict=True))
    order = body.order()
    if any(node.op.chooses for node in order):
        return Evaluation(body.outputs, found).run().found
    with np.errstate(all="ignore"):
        for node in order:
            if node in found:
                continue
            if isinstance(node.op, Const):
                found[node] = node.op.array
                continue
            value = node.op.numpy(*[found[x] for x in node.inputs])
            if isinstance(node.type, tuple):
                found[node] = tuple(map(np.asarray, value))
            else:
                found[node] = np.asarray(value).astype(node.dtype, copy=False)
    return found


def level_of(evaluation: Evaluation) -> Level:
    """The outermost level of a graph that has been evaluated."""
    return Level(evaluation.order, evaluation.found, evaluation.sizes)


@dataclass(frozen=True)
class Compiled:
    """The graph that a plan computes.

    inputs   the plan's inputs, in order
    outputs  after the passes
    sources  nodes that give names of sizes their values, by the key of the name
    """

    inputs: tuple[Node, ...]
    outputs: tuple[Node, ...]
    sources: Mapping[str, Node]

    def computed(self) -> list[Node]:
        """The tensors that it computes outside of bodies, in order; parts in place of nodes with
        several results."""
        order = toposort([*self.sources.values(), *self.outputs])
        leaves = (Input, Const)
        return [x for x in order if not isinstance(x.op, leaves) and not isinstance(x.type, tuple)]


def compiled(function: Subject) -> Compiled:
    """The graph of a function after the passes."""
    lowered = function.compilation.lowered()
    plan = lowered.plan
    inputs = tuple(plan.buffers[k].node for k in plan.inputs)
    return Compiled(inputs, lowered.outputs, lowered.values)


def replayed(function: Subject, values: Sequence[np.ndarray]) -> Level:
    """All values of a call, by the NumPy meaning of the graph after the passes, given those of the
    plan's inputs in order."""
    graph = compiled(function)
    given = dict(zip(graph.inputs, values, strict=True))
    return level_of(Evaluation(graph.outputs, given, graph.sources).run())

