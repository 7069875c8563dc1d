"""Nodes as columns of a table, which all graphs of a page share: a graph is the numbers of its
outputs. Nodes are immutable and interned, so what two graphs have in common is one row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from probtensor.graph.closed import Closed, all_bodies
from probtensor.graph.node import Const, Input, Node, Op, SizeOf
from probtensor.graph.origin import origin_of
from probtensor.graph.parts import Get
from probtensor.inspect.explore.sources import Sources
from probtensor.ops.kinds import Contraction, Core, Elementwise, Reduction, Scatter, View

# What a node is, for its colour; the first class that fits.
KINDS = (
    ("input", Input), ("constant", (Const, SizeOf)), ("part", Get), ("product", Contraction),
    ("fold", Reduction), ("index", Scatter), ("view", View), ("routine", Core),
    ("elementwise", Elementwise),
)  # fmt: skip
LONGEST = 160  # characters of the text of an op


class Table:
    """The nodes of all graphs of a page, numbered as they are met.

    Rows have an op, a type and a line by their numbers in other tables, and inputs by their rows.
    """

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.numbers: dict[Node, int] = {}
        self.nodes: list[tuple[int, int, int, Sequence[int]]] = []
        self.names: dict[int, str] = {}
        self.ops: list[tuple[str, str, int]] = []
        self.types: dict[str, int] = {}
        self.bodies: list[dict[str, object]] = []
        self._ops: dict[Op, int] = {}
        self._bodies: dict[Closed, int] = {}
        self._types: dict[object, int] = {}
        self.bodies_of: dict[int, list[int]] = {}  # of ops

    def graph(self, outputs: Iterable[Node]) -> list[int]:
        """The rows of outputs, after all that they need."""
        outputs, known = list(outputs), self.numbers
        stack = outputs[::-1]
        while stack:
            node = stack[-1]
            waiting = [x for x in node.inputs if x not in known]
            if waiting:
                stack += reversed(waiting)
                continue
            stack.pop()
            if node not in known:
                self._enter(node)
        return [known[node] for node in outputs]

    def _enter(self, node: Node) -> None:
        inputs = [self.numbers[x] for x in node.inputs]
        # Literals are shared by all programs: the line is of the one that wrote them first.
        shared = isinstance(node.op, (Const, SizeOf))
        line = -1 if shared else self.sources.line(*origin_of(node))
        row = self._op(node.op), self._type(node.type), line, inputs
        self.numbers[node] = number = len(self.nodes)
        self.nodes.append(row)
        label = getattr(node.op, "label", None)
        if label:
            self.names[number] = str(label)

    def _type(self, kind: object) -> int:
        found = self._types.get(kind)
        if found is None:
            parts = kind if isinstance(kind, tuple) else (kind,)
            text = ", ".join(str(part).removesuffix("[]") for part in parts) or "nothing"
            found = self._types[kind] = self.types.setdefault(text, len(self.types))
        return found

    def _op(self, op: Op) -> int:
        found = self._ops.get(op)
        if found is None:
            found = self._ops[op] = len(self.ops)
            name, text = (_value(op), "constant") if isinstance(op, Const) else (op.name, _text(op))
            self.ops.append((name, text, _kind(op)))
            if op.has_bodies:
                self.bodies_of[found] = [self._body(body) for body in all_bodies(op)]
        return found

    def _body(self, body: Closed) -> int:
        """The number of a body, whose nodes are rows as all others."""
        if body not in self._bodies:
            parameters = self.graph(body.parameters)
            outputs = self.graph(body.outputs)
            self._bodies[body] = len(self.bodies)
            self.bodies.append({"parameters": parameters, "outputs": outputs})
        return self._bodies[body]

    def arguments(self, node: Node) -> list[list[int]]:
        """For each body of a node, for each parameter the position of the input that it is, or
        begins as; -1 where it is neither."""
        given = {x: k for k, x in enumerate(node.inputs)}
        pairs = {own: given.get(x, -1) for own, x in node.op.elements_inside(node)}
        pairs |= {own: given.get(x, -1) for own, x, _ in node.op.values_inside(node)}
        return [[pairs.get(x, -1) for x in b.parameters] for b in all_bodies(node.op)]

    def data(self) -> dict[str, object]:
        """The table as columns."""
        ops, types, lines, inputs = zip(*self.nodes) if self.nodes else ((), (), (), ())
        held = {n: self.arguments(node) for node, n in self.numbers.items() if node.op.has_bodies}
        return {
            "op": ops, "type": types, "line": lines, "inputs": inputs, "names": self.names,
            "ops": self.ops, "types": list(self.types), "bodies": self.bodies,
            "bodiesOf": self.bodies_of, "arguments": held, "kinds": [*_KIND_NAMES, "loop", "other"],
        }  # fmt: skip


_KIND_NAMES = tuple(name for name, _ in KINDS)


def _kind(op: Op) -> int:
    if op.has_bodies:
        return len(KINDS)
    found = (k for k, (_, classes) in enumerate(KINDS) if isinstance(op, classes))
    return next(found, len(KINDS) + 1)


def _value(op: Const) -> str:
    """A constant in a few characters."""
    array = op.array
    if array.ndim:
        return f"const[{', '.join(map(str, array.shape))}]"
    value = array.item()
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _text(op: Op) -> str:
    if isinstance(op, Input):
        return "input"
    text = " ".join(op.text().split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
