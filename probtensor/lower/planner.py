"""A graph to a plan: tasks, fusion, kernels, buffers, and the checks of a call."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence

from probtensor.dataclass import dataclass, replace
from probtensor.graph.closed import with_bodies
from probtensor.graph.node import Const, GraphError, Input, Node, SizeOf, line_of
from probtensor.graph.parts import types_of
from probtensor.graph.walk import toposort
from probtensor.kernel.check import check
from probtensor.kernel.failing import end_where_failed
from probtensor.kernel.ir import (
    Call,
    For,
    Kernel,
    Let,
    Load,
    Scan,
    Stmt,
    Store,
    exprs_of,
    walk,
    walk_expr,
)
from probtensor.kernel.scans import Storage, with_small_states
from probtensor.kernel.tidy import inline_locals
from probtensor.lower.buffers import Memory, Needs, Trace, memory_of
from probtensor.lower.kinds import lowering
from probtensor.lower.large import LargeSizes
from probtensor.lower.loops import KernelWriter
from probtensor.lower.nest import Nest, buffered, launches, nests
from probtensor.lower.plan import Buffer, IndexCheck, Plan
from probtensor.lower.reader import Marks
from probtensor.lower.sizes import CanonicalSizes, Stages
from probtensor.lower.tasks import deep_views, tasks_of, with_parts
from probtensor.types import size_product


def lower(
    inputs: Sequence[Node],
    outputs: Sequence[Node],
    written: Sequence[Node] = (),
    values: Mapping[str, Node] | None = None,
    marks: Marks | None = None,
    trace: Trace | None = None,
) -> Plan:
    """The plan that computes the outputs from the inputs; `trace` records what nodes become.

    `written` are the outputs before any pass, whose size laws are checked as well. `values` are
    nodes that give names of sizes their values, by the key of the name; no node has a size of a
    later one. `marks` marks expressions of kernels. The graph must contain no composite ops and no
    random variables, and no Input that is not among `inputs`. GraphError if a size cannot be
    derived from the shapes of the inputs.
    """
    fusion = fused(inputs, outputs, written, values)
    sizes, outputs = fusion.sizes, fusion.outputs
    order = _with_body_constants(fusion.order)
    memory, needs = memory_of(order, inputs, outputs, fusion), Needs(trace=trace)
    bodies = [_body(nests, sizes, memory, needs, marks) for nests in fusion.kernels]
    sizes.require(needs.limits)
    bodies = _with_small_states(bodies, sizes, memory, needs)
    if trace is not None:
        trace.bodies += bodies
        for names in (memory.names, memory.results):
            trace.buffers.update((name, node) for node, name in names.items())
        trace.buffers.update((n, node) for n, (node, _) in (needs.inner | needs.scratch).items())
    large = LargeSizes(sizes.sources)
    plain = [_kernel(f"k{k}", body) for k, body in enumerate(bodies)]
    kernels = tuple(map(large.kernel, plain))
    buffers = _buffers(order, inputs, outputs, kernels, sizes, memory, needs)
    elements = {buffer.name: size_product(buffer.shape) for buffer in buffers}
    # Named sizes would hide how large ones relate: that 32 rows of 32 are within 1024 elements.
    names, laws = frozenset(source.name for source in sizes.sources), sizes.laws()
    for kernel in plain:
        check(kernel, elements, names, laws)
    return _plan(buffers, inputs, kernels, fusion, memory, needs)


def _body(
    nests: Sequence[Nest], sizes: CanonicalSizes, memory: Memory, needs: Needs, marks: Marks | None
) -> tuple[Stmt, ...]:
    """The statements of a kernel."""
    writer = KernelWriter(sizes, memory, needs)
    writer.marks = marks
    body = writer.kernel(nests)
    return body if marks is None else marks.statements(body)


@dataclass(frozen=True)
class Fusion:
    """The fusion choice: the loops and tasks of each kernel, and the nodes that are stored.

    `starts` are the numbers of the first kernels of each stage.
    """

    sizes: CanonicalSizes
    order: list[Node]
    outputs: list[Node]
    written_out: frozenset[Node]
    kernels: tuple[tuple[Nest, ...], ...]
    starts: tuple[int, ...] = (0,)

    @property
    def results(self) -> list[Node]:
        """What is read when kernels have run: the outputs, and the values of sizes."""
        return [*self.outputs, *self.sizes.measured.values()]

    @property
    def stored(self) -> set[Node]:
        """The computed nodes that have a buffer: results, and those that `buffered` finds."""
        return buffered(self.kernels) | {x for x in self.results if _computed(x)}

    @property
    def in_place(self) -> dict[Node, Node]:
        """The nodes whose value is computed in the memory of the only node that reads them."""
        readers = Counter(x for node in self.order for x in node.inputs)
        found, results = {}, set(self.results)
        for node in self.order:
            x = lowering(node.op).in_place(node)
            if x is None or readers[x] > 1 or not _computed(x) or x in results:
                continue
            if self.sizes.shape(x) == self.sizes.shape(node):
                found[x] = node
        return found


def fused(
    inputs: Sequence[Node],
    outputs: Sequence[Node],
    written: Sequence[Node] = (),
    values: Mapping[str, Node] | None = None,
) -> Fusion:
    """The fusion choice of a plan; arguments and errors are those of `lower`."""
    values = values or {}
    order = toposort([*outputs, *values.values()])
    _require_inputs(order, inputs)
    sizes = CanonicalSizes(inputs, order, toposort(written), values)
    _require_sizes(order, sizes)
    plain = [_without_broadcast(node, sizes) for node in outputs]
    if values or any(new is not old for new, old in zip(plain, outputs, strict=True)):
        order = toposort([*plain, *sizes.measured.values()])
    outputs, order = plain, with_parts(order)
    results = [*outputs, *sizes.measured.values()]
    written_out = deep_views(order)
    stages = Stages(order, sizes)
    tasks = tasks_of(order, results, sizes, written_out)
    kernels: list[tuple[Nest, ...]] = []
    starts = []
    for stage in range(stages.count):
        starts.append(len(kernels))
        kernels += launches(nests([task for task in tasks if stages(task.node) == stage]))
    return Fusion(sizes, order, outputs, written_out, tuple(kernels), tuple(starts))


def _plan(
    buffers: tuple[Buffer, ...],
    inputs: Sequence[Node],
    kernels: tuple[Kernel, ...],
    fusion: Fusion,
    memory: Memory,
    needs: Needs,
) -> Plan:
    position = {buffer.name: k for k, buffer in enumerate(buffers)}
    sizes, starts = fusion.sizes, fusion.starts
    results = [memory.results[node] for node in fusion.outputs]
    writers: dict[str, int] = {}  # of each buffer, the first kernel that writes it
    for k, kernel in enumerate(kernels):
        for name in kernel.writes:
            writers.setdefault(name, k)
    return Plan(
        buffers=buffers,
        inputs=tuple(range(len(inputs))),
        outputs=tuple(position[name] for name in results),
        kernels=kernels,
        sizes=tuple(
            replace(source, buffer=position[memory.names[sizes.measured[source.name]]])
            if source.measured
            else source
            for source in sizes.sources
        ),
        size_checks=tuple(sizes.checks),
        index_checks=tuple(
            IndexCheck(position[memory.names[leaf]], bound, message)
            for (leaf, bound), message in needs.checked.items()
        ),
        lifetimes=_lifetimes(buffers, kernels, fusion),
        failures=tuple(needs.failures),
        starts=starts,
        output_stages=tuple(bisect_right(starts, writers.get(n, 0)) - 1 for n in results),
    )


def kernel_count(inputs: Sequence[Node], outputs: Sequence[Node]) -> int:
    """The number of kernels that compute the outputs."""
    return len(lower(inputs, outputs).kernels)


def _with_body_constants(order: Sequence[Node]) -> list[Node]:
    """The order with the constants of bodies, which are buffers of the plan."""
    if not any(node.op.has_bodies for node in order):
        return list(order)
    constants = [node for node in with_bodies(order) if isinstance(node.op, Const)]
    return list(dict.fromkeys((*order, *constants)))


def _require_inputs(order: Sequence[Node], inputs: Sequence[Node]) -> None:
    given = set(inputs)
    for node in order:
        if isinstance(node.op, Input) and node not in given:
            raise GraphError(
                f"the graph needs {node.name or 'an unnamed input'} ({node.type}), made at "
                f"{line_of(node)}, which is not among the inputs"
            )


def _require_sizes(order: Sequence[Node], sizes: CanonicalSizes) -> None:
    known: set[int] = set()  # the shapes without such names, by `id`
    for node in with_bodies(order):
        shapes = [kind.shape for kind in types_of(node) if id(kind.shape) not in known]
        is_size = isinstance(node.op, SizeOf)
        if not shapes and not is_size:
            continue
        known.update(map(id, shapes))
        unknown = sizes.unknown(node)
        if unknown:
            names = ", ".join(sorted(map(str, unknown)))
            what = "the graph" if is_size else f"the shape of {node.op.user_name()}"
            raise GraphError(
                f"{what} needs {names}, which no input of this function has\n  at {line_of(node)}"
            )


def _without_broadcast(node: Node, sizes: CanonicalSizes) -> Node:
    """The node without broadcasts that do not change its shape, now that equal sizes are merged."""
    while node.op.repeats and sizes.shape(node) == sizes.shape(node.inputs[0]):
        node = node.inputs[0]
    return node


def _computed(node: Node) -> bool:
    return not isinstance(node.op, (Input, Const))


def _touched(body: tuple[Stmt, ...]) -> tuple[dict[str, None], dict[str, None]]:
    reads: dict[str, None] = {}
    writes: dict[str, None] = {}
    for stmt in walk(body):
        for expr in exprs_of(stmt):
            for part in walk_expr(expr):
                if part.__class__ is Load:
                    reads[part.buffer] = None
        if stmt.__class__ is Let:
            continue
        match stmt:
            case Store(buffer, op=op):
                writes[buffer] = None
                if op is not None:
                    reads[buffer] = None
            case Call():
                reads.update((buffer, None) for buffer, _ in stmt.reads)
                writes.update((buffer, None) for buffer, _ in stmt.writes)
            case For(carries=carries):
                writes.update(dict.fromkeys(carry.scratch for carry in carries))
    return reads, writes


def _with_small_states(
    bodies: Sequence[tuple[Stmt, ...]], sizes: CanonicalSizes, memory: Memory, needs: Needs
) -> list[tuple[Stmt, ...]]:
    """The kernels with the small states of their loops in order as scalars."""
    if not any(isinstance(stmt, Scan) for body in bodies for stmt in walk(body)):
        return list(bodies)
    users = Counter(name for body in bodies for name in set().union(*_touched(body)))
    nodes = {name: node for node, name in memory.names.items() if not isinstance(node.type, tuple)}
    found = {name: (node.dtype, sizes.shape(node)) for name, node in nodes.items() if users[name]}
    found |= {name: (node.dtype, shape) for name, (node, shape) in needs.inner.items()
              if users[name]}  # fmt: skip
    temporary = {name for name in found if name.startswith("w") or name in needs.inner}
    storages = {
        name: Storage(dtype, size_product(shape), name in temporary and users[name] == 1)
        for name, (dtype, shape) in found.items()
    }
    return [with_small_states(body, storages) for body in bodies]


def _kernel(name: str, body: tuple[Stmt, ...]) -> Kernel:
    body = inline_locals(end_where_failed(body))
    reads, writes = _touched(body)
    return Kernel(name, body, tuple(reads), tuple(writes))


def _buffers(order, inputs, outputs, kernels, sizes, memory, needs) -> tuple[Buffer, ...]:
    used = {name for kernel in kernels for name in (*kernel.reads, *kernel.writes)}
    found = [Buffer(memory.names[n], n.dtype, sizes.shape(n), "input", n) for n in inputs]
    for node in order:
        name = memory.names[node]
        if name.startswith("c") and name in used:
            found.append(Buffer(name, node.dtype, sizes.shape(node), "constant", node))
    for node in dict.fromkeys(outputs):
        found.append(Buffer(memory.results[node], node.dtype, sizes.shape(node), "output", node))
    temporary = {memory.names[node]: node for node in order}
    for name, node in temporary.items():
        if name.startswith("w") and name in used:
            found.append(Buffer(name, node.dtype, sizes.shape(node), "temp", node))
    for name, (node, shape) in needs.inner.items():
        if name in used:
            found.append(Buffer(name, node.dtype, shape, "temp", node))
    for name, (node, shape) in needs.scratch.items():
        found.append(Buffer(name, "float64", shape, "temp", node))
    return tuple(found)


def _lifetimes(buffers, kernels, fusion: Fusion) -> dict[int, tuple[int, int]]:
    """The first and last kernel of each temp. The values of sizes are read after a stage."""
    kept = {
        node: fusion.starts[source.stage] - 1
        for source in fusion.sizes.sources
        if (node := fusion.sizes.measured.get(source.name)) is not None
    }
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for k, kernel in enumerate(kernels):
        for name in (*kernel.reads, *kernel.writes):
            first.setdefault(name, k)
            last[name] = k
    return {
        k: (first[buffer.name], max(last[buffer.name], kept.get(buffer.node, 0)))
        for k, buffer in enumerate(buffers)
        if buffer.role == "temp"
    }
