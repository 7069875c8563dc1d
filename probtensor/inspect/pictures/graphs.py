"""Pictures of graphs, whose bodies are groups, and of plans: kernels, buffers, reads and writes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from probtensor.dataclass import fields
from probtensor.graph.closed import Closed
from probtensor.graph.node import Const, Input, Node, line_of
from probtensor.graph.text import GraphWriter, graphs_of, is_inline, parse, to_text
from probtensor.graph.walk import toposort
from probtensor.inspect.pictures.picture import Arrow, Group, Item, Picture
from probtensor.late import load
from probtensor.lower.plan import Plan
from probtensor.ops.kinds import REGISTRY
from probtensor.types import TensorType

Facts = Callable[[Node], dict[str, object]]
# Ops that are known once a module is imported which the library imports when it is first used.
LATE_OPS = {
    "adjoint_solution": "probtensor.ode.adjoint",
    "implicit": "probtensor.optimize.implicit",
}


def no_facts(node: Node) -> dict[str, object]:
    """Nothing more about a node."""
    return {}


def of_graph(
    outputs: Sequence[Node], title: str = "graph", facts: Facts = no_facts, program: bool = True
) -> Picture:
    """The picture of a graph; with `program`, its facts have the graph as text, from which
    `read_program` makes it again, or the reason why it cannot be read."""
    outputs = list(outputs)
    describer = _Describer(facts)
    writer = GraphWriter(toposort(outputs), whole=False)
    describer.graph(writer, outputs, "")
    known: dict[str, object] = {}
    if program:
        text, why = written_program(outputs)
        known = {"program": text, "why_no_program": why} if why else {"program": text}
    known["outputs"] = [describer.ids[writer, y] for y in outputs]
    return Picture(
        title, tuple(describer.items), tuple(describer.arrows), tuple(describer.groups), known
    )


class _Describer:
    """Items, arrows and groups as they are found."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.items: list[Item] = []
        self.arrows: list[Arrow] = []
        self.groups: list[Group] = []
        self.ids: dict[tuple[GraphWriter, Node], str] = {}

    def graph(self, writer: GraphWriter, outputs: Sequence[Node], group: str) -> None:
        """A graph, or a body; its own bodies come first."""
        for name, inner, body in ((*found, body) for body, found in writer.bodies.items()):
            self.groups.append(Group(name, name, "body", group))
            # Parameters that nothing reads are shown as well.
            inner.order = [*dict.fromkeys((*body.parameters, *inner.order))]
            self.graph(inner, body.outputs, name)
        given = set(outputs)
        for node in writer.order:
            self.node(writer, node, group, node in given)

    def node(self, writer: GraphWriter, node: Node, group: str, is_output: bool) -> None:
        name = self.ids[writer, node] = f"n{len(self.ids)}"
        op, kind = node.op, writer.type(node.type)
        if isinstance(op, Const):
            label = writer.constant(op.array)
        else:
            label = node.name or writer.names[node] if isinstance(op, Input) else writer.op(op)
        leaf = {Input: "input", Const: "constant"}
        role = next((word for cls, word in leaf.items() if isinstance(op, cls)), "op")
        known: dict[str, object] = {"op": op.name, "type": kind, **_type_facts(node, writer)}
        if role == "op":
            known["parameters"] = {
                f.name: writer.value(getattr(op, f.name)) for f in fields(op) if f.repr
            }
        if not is_inline(node):
            known["name"] = writer.names[node]
        if node.name:
            known["label_of_user"] = node.name
        known["is_output"] = is_output
        self.items.append(
            Item(name, f"{label}\n{kind}", "output" if is_output else role, group, line_of(node),
                 {**known, **self.facts(node)})
        )  # fmt: skip
        for position, x in enumerate(node.inputs):
            mark = str(position) if len(node.inputs) > 1 else ""
            self.arrows.append(Arrow(self.ids[writer, x], name, mark))
        for body in graphs_of(op):
            inner = writer.bodies[body][1]
            for x in dict.fromkeys(body.outputs):
                self.arrows.append(Arrow(self.ids[inner, x], name, "", "body"))


def _type_facts(node: Node, writer: GraphWriter) -> dict[str, object]:
    kind = node.type
    if not isinstance(kind, TensorType):
        return {}
    shape = [n if isinstance(n, int) else writer.size(n) for n in kind.shape]
    return {"dtype": kind.dtype, "shape": shape}


def written_program(outputs: Sequence[Node]) -> tuple[str | None, str]:
    """(the graph as a program that `read_program` reads, or None; why it is none)."""
    try:
        text = to_text(outputs, whole=True)
        if any(node.is_complex for node in toposort(outputs)):
            return None, "complex tensors have no text"
        again = to_text(read_program(text), whole=True)
    except Exception as error:  # an op of the user's, a callable, a distribution: any of them
        return None, " ".join(str(error).split())[:300] or type(error).__name__
    return (text, "") if again == text else (None, "it reads back as another graph")


def read_program(text: str) -> list[Node]:
    """The outputs of a program, over new inputs."""
    for name, module in LATE_OPS.items():
        if name not in REGISTRY and f" {name}(" in text:
            load(module)
    return parse(text, REGISTRY)


def bodies_in(outputs: Iterable[Node]) -> list[Closed]:
    """The bodies of a graph, those within them too, each once."""
    found: dict[Closed, None] = {}
    stack = list(toposort(outputs))
    while stack:
        for body in graphs_of(stack.pop().op):
            if body not in found:
                found[body] = None
                stack += body.order()
    return list(found)


def of_plan(plan: Plan, title: str = "plan") -> Picture:
    """The picture of a plan: buffers, kernels, and what each kernel reads and writes."""
    items, arrows = [], []
    ids = {buffer.name: f"b{k}" for k, buffer in enumerate(plan.buffers)}
    stages = tuple(
        Group(f"stage{k}", f"stage {k}", "stage") for k in range(len(plan.starts) * plan.staged)
    )
    for k, buffer in enumerate(plan.buffers):
        kind = TensorType(buffer.dtype, buffer.shape)
        life = plan.lifetimes.get(k)
        known: dict[str, object] = {
            "role": buffer.role, "dtype": buffer.dtype, "shape": list(map(str, buffer.shape)),
        }  # fmt: skip
        known |= {"lifetime": list(life)} if life else {}
        line = line_of(buffer.node) if buffer.node is not None else ""
        items.append(
            Item(f"b{k}", f"{buffer.name}\n{kind}", buffer.role, "", line, known)
        )
    for k, kernel in enumerate(plan.kernels):
        stage = f"stage{plan.stage_of(k)}" if plan.staged else ""
        known = {"reads": list(kernel.reads), "writes": list(kernel.writes)}
        items.append(Item(f"k{k}", kernel.name, "kernel", stage, "", known))
        arrows += [Arrow(ids[name], f"k{k}") for name in kernel.reads]
        arrows += [Arrow(f"k{k}", ids[name]) for name in kernel.writes]
    sizes = {
        source.name: str(source.value) if source.value is not None else "measured"
        if source.measured else f"axis {source.axis} of {plan.buffers[source.buffer].name}"
        for source in plan.sizes
    }  # fmt: skip
    return Picture(title, tuple(items), tuple(arrows), stages, {"sizes": sizes})
