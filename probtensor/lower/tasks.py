"""From nodes to tasks: the loops of each task, and its reads with their indices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from probtensor.graph.closed import with_bodies
from probtensor.graph.node import Const, Input, Node, made_by
from probtensor.graph.parts import parts
from probtensor.graph.walk import toposort
from probtensor.kernel.ir import Expr, Ref
from probtensor.lower.kinds import Access, Task, inliner, lowering
from probtensor.lower.reader import Reader
from probtensor.lower.sizes import CanonicalSizes
from probtensor.lower.values import uniform_value
from probtensor.ops.kinds import Observing, has_effect
from probtensor.process import made_at
from probtensor.types import Dim, Size

MAX_INLINED = 24  # nested views that are inlined into one expression


class _Recorder(Reader):
    """Records the accesses of a task after the other."""

    def __init__(self, sizes: CanonicalSizes, written_out: frozenset[Node]) -> None:
        super().__init__(sizes, inliner, written_out)
        self.found: list[Access] = []
        self.values: dict[str, Ref] = {}  # what an expression has for a leaf, by dtype

    def begin(self, domain: Sequence[Size]) -> list[Dim]:
        """Record the accesses of another task. Gives its loop variables."""
        self.found, self.bounds = [], {}
        if not domain:
            return []
        names = [f"@{k}" for k in range(len(domain))]
        self.bounds = dict(zip(names, domain))
        return list(map(Dim.name, names))

    def value(self, node: Node, index: Sequence[Size]) -> Expr:
        if self.inliner(node.op.__class__) is None:  # the usual case of `Reader.value`
            return self.leaf(node, index if index.__class__ is tuple else tuple(index))
        return super().value(node, index)

    def leaf(self, node: Node, index: tuple[Size, ...]) -> Expr:
        self.found.append((node, index))
        dtype = node.type.dtype
        found = self.values.get(dtype)
        if found is None:
            found = self.values[dtype] = Ref("@value", dtype)
        return found

    def checked_index(self, view: Node, position: int, value: Expr) -> Size:
        return Dim.name("@computed")


def deep_views(order: Sequence[Node]) -> frozenset[Node]:
    """Views that are materialised, so that no expression gets too deep to read or to compile."""
    depth: dict[Node, int] = {}
    found = []
    for node in order:
        if not lowering(node.op).inlined:
            continue
        depth[node] = 1 + max((depth.get(x, 0) for x in node.inputs), default=0)
        if depth[node] > MAX_INLINED:
            found.append(node)
            depth[node] = 0
    return frozenset(found)


def with_parts(order: Sequence[Node]) -> list[Node]:
    """The order with all parts of nodes that have several results, since tasks write each."""
    found: dict[Node, None] = {}
    for node in order:
        found.setdefault(node)
        if isinstance(node.type, tuple):
            with made_by(node):
                found.update(dict.fromkeys(parts(node)))
    return list(found)


def tasks_of(
    order: Sequence[Node],
    outputs: Sequence[Node],
    sizes: CanonicalSizes,
    written_out: frozenset[Node],
) -> list[Task]:
    """The tasks of a graph in topological order, each with its accesses."""
    order, before = in_order_of_effects(order)
    in_buffers = {*outputs, *_buffers_read(order, sizes), *written_out}
    found: list[Task] = []
    recorder = _Recorder(sizes, written_out)
    for node in order:
        for task in lowering(node.op).tasks(node, sizes, node in in_buffers):
            task.reads(recorder, recorder.begin(task.domain))
            task.reads_before(recorder)
            if node.op.has_bodies:
                # A routine in a body reads the buffer of a view, not what the view is made of.
                for x in _operands_in_buffers(node, sizes):
                    recorder.leaf(x, (Dim.name("@all"),) * x.type.ndim)
            if node in before:  # as if it read something of that node
                recorder.found.append((before[node], (Dim.name("@all"),)))
            task.accesses = recorder.found
            found.append(task)
    return found


def in_order_of_effects(order: Sequence[Node]) -> tuple[Sequence[Node], dict[Node, Node]]:
    """The order with the nodes that have effects in the order in which these were made, as far as
    they do not depend on each other; and for each such node the one before it."""
    found = {node: made for node in order if (made := _made_at(node)) is not None}
    if len(found) < 2:
        return order, {}
    reads: dict[Node, set[Node]] = {}  # the nodes with effects that a node depends on
    for node in order:
        reads[node] = {x for y in node.inputs for x in (reads[y] | {y} if y in found else reads[y])}
    left, before = dict.fromkeys(sorted(found, key=found.__getitem__)), {}
    last = None
    while left:
        node = next(x for x in left if reads[x].isdisjoint(left))
        del left[node]
        if last is not None:
            before[node] = last
        last = node
    return toposort(order, needs=lambda node: _with_one_before(node, before)), before


def _with_one_before(node: Node, before: Mapping[Node, Node]) -> Sequence[Node]:
    return (before[node], *node.inputs) if node in before else node.inputs


def _made_at(node: Node) -> tuple[int, str] | None:
    """When the first effect of a node was made; None if it has none."""
    if not has_effect(node):
        return None
    return min(made_at(x.op.uid) for x in with_bodies([node]) if isinstance(x.op, Observing))


def arrays_read(
    results: Sequence[Node], sizes: CanonicalSizes, written_out: frozenset[Node]
) -> set[Node]:
    """The computed tensors of which scalar results are elements: views that no task reads."""
    recorder = _Recorder(sizes, written_out)
    for x in results:
        recorder.value(x, ())
    found = {node for node, _ in recorder.found if node.type.ndim}
    return {node for node in found if not isinstance(node.op, (Input, Const))}


def _buffers_read(order: Sequence[Node], sizes: CanonicalSizes) -> list[Node]:
    """The nodes that routines read, which must be in buffers, even if they are views."""
    return [
        x
        for node in order
        for x in _operands_in_buffers(node, sizes)
        if not isinstance(x.op, Input)
        and not (isinstance(x.op, Const) and uniform_value(x) is None)
    ]


def _operands_in_buffers(node: Node, sizes: CanonicalSizes) -> list[Node]:
    """The inputs of a node that routines read, those in its bodies too."""
    found = list(lowering(node.op).buffers_read(node, sizes))
    if node.op.has_bodies:
        for body, arguments in node.op.arguments(node.inputs):
            read = {x for inner in body.order() for x in _operands_in_buffers(inner, sizes)}
            found += [x for own, x in arguments.items() if own in read]
    return found
