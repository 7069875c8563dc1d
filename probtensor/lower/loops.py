"""Nests to loops: writes the statements of a kernel in one pass.

The body of a loop in order is a graph of its own, whose tasks are fused among themselves: a
`BodyWriter` writes them into the kernel of the loop.

This file has what all kinds share: blocks, names, locals and accumulators. `kinds/` has what a task
writes in an iteration.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

from probtensor.graph.node import Const, Input, Node, line_of
from probtensor.graph.walk import toposort
from probtensor.kernel.ir import FOLDS, Acc, Expr, For, Load, Ref, Stmt, Store
from probtensor.lower.buffers import Memory, Needs
from probtensor.lower.indices import IndexWriter
from probtensor.lower.kinds import base, inliner
from probtensor.lower.kinds.base import Place, Read
from probtensor.lower.kinds.reduction import FoldTask
from probtensor.lower.nest import Nest, buffered, nests
from probtensor.lower.sizes import CanonicalSizes
from probtensor.lower.tasks import arrays_read, deep_views, tasks_of, with_parts
from probtensor.lower.values import cast, uniform_value
from probtensor.types import Dim, Size


class KernelWriter(IndexWriter):
    """Writes the statements of one kernel.

    bodies   the statements of each enclosing block
    scopes   the values available in each enclosing block, by node, with their indices
    pending  folds in progress, each with the term of the loop being written
    outer    the writer of the graph around a body; None for the graph of the plan
    given    the reads of a body's parameters
    offsets  offsets of nodes that are stored to a part of a buffer
    """

    def __init__(
        self,
        sizes: CanonicalSizes,
        memory: Memory,
        needs: Needs,
        outer: KernelWriter | None = None,
    ) -> None:
        super().__init__(sizes, inliner, memory.written_out)
        self.memory = memory
        self.needs = needs
        self.bodies: list[list[Stmt]] = []
        self.scopes: list[dict[Node, list[tuple[tuple[Size, ...], Expr]]]] = []
        self.indices = []
        self.pending: dict[FoldTask, Expr] = {}
        self.count = itertools.count(1)
        self.outer = outer
        self.given: dict[Node, Read] = {}
        self.offsets: dict[Node, Size] = {}
        self.node: Node | None = None  # whose task is being written
        if outer is not None:
            self.marks = outer.marks
            # One kernel: blocks, names of locals, extents and guards are common.
            self.bodies, self.count = outer.bodies, outer.count
            self.bounds, self.guards = outer.bounds, outer.guards
            self.steps = outer.steps

    def kernel(self, found: Sequence[Nest]) -> tuple[Stmt, ...]:
        """The statements of a kernel."""
        if self.needs.trace is not None:
            self.needs.trace.locals.append({})
        return self.block(lambda: self._nests(found, 0, []))

    # Reads.

    def available(self, node: Node, index: tuple[Size, ...]) -> Expr | None:
        for scope in reversed(self.scopes):
            for other, value in reversed(scope.get(node, ())):
                if other == index:
                    return value
        return None

    def operand(self, x: Node, index: Sequence[Size]) -> Expr:
        if not x.type.shape:  # its local is quick to find
            for scope in reversed(self.scopes):
                if x in scope:
                    return scope[x][-1][1]
        return super().operand(x, index)

    def leaf(self, node: Node, index: tuple[Size, ...]) -> Expr:
        if node in self.given:
            return self.given[node].element(index)
        if self.outer is not None and isinstance(node.op, Const):
            return self.outer.leaf(node, index)
        return Load(self.memory.names[node], self.flat(node, index), node.dtype)

    # Blocks and names.

    def fresh(self, letter: str) -> str:
        return f"{letter}{next(self.count)}"

    def emit(self, stmt: Stmt) -> None:
        self.bodies[-1].append(stmt)
        if self.needs.trace is not None and self.node is not None:
            self.needs.trace.emitted(stmt, self.node)

    def block(self, write: Callable[[], None]) -> tuple[Stmt, ...]:
        writers = [self]
        while writers[-1].outer is not None:
            writers.append(writers[-1].outer)
        for writer in writers:
            writer.scopes.append({})
            writer.indices.append({})
        self.bodies.append([])
        write()
        for writer in writers:
            writer.scopes.pop()
            writer.indices.pop()
        return tuple(self.bodies.pop())

    def flat(self, node: Node, index: Sequence[Size]) -> Size:
        flat: Size = 0
        for i, size in zip(index, self.sizes.shape(node), strict=True):
            flat = flat * size + i
        return self.canonical(self.offsets.get(node, 0) + flat)

    def pointer(self, node: Node) -> tuple[str, Size]:
        if node in self.given:
            return self.given[node].pointer()
        if self.outer is not None and isinstance(node.op, Const) and uniform_value(node) is None:
            return self.outer.pointer(node)
        return self.memory.names[node], self.flat(node, [0] * node.type.ndim)

    # Bodies.

    def inside(
        self, outputs: Sequence[Node], given: Mapping[Node, Read], placed: Mapping[Node, Place]
    ) -> BodyWriter:
        return BodyWriter(self, outputs, given, placed)

    # Loops.

    def _nests(self, found: Sequence[Nest], level: int, variables: list[Size]) -> None:
        for nest in found:
            if nest.extent is None:
                for task in nest.tasks:
                    self.node = task.node
                    task.write(self, variables)
            else:
                self._loop(nest, level, variables)

    def _loop(self, nest: Nest, level: int, variables: list[Size]) -> None:
        for task in nest.tasks:
            if task.starts_at(level):
                self.node = task.node
                task.start(self, level, variables)
        name = self.fresh("i")
        self.bounds[name] = nest.extent
        inner = [*variables, Dim.name(name)]
        accs: list[Acc] = []

        def write() -> None:
            self._nests(nest.inner, level + 1, inner)
            accs.extend(self._accumulators(nest, level))

        carries = [task.carry(self, level, variables) for task in nest.tasks]
        body = self.block(write)
        found = tuple(carry for carry in carries if carry is not None)
        self.emit(For(name, nest.extent, body, tuple(accs), carries=found))
        for task in nest.tasks:
            if task in self.pending and task.last_folds == level:
                self.node = task.node
                self._finish_fold(task, variables)

    def _accumulators(self, nest: Nest, level: int) -> list[Acc]:
        found = []
        for task in nest.tasks:
            if task not in self.pending or task.outs[level] is not None:
                continue
            term = self.pending[task]
            name = self.fresh("a")
            if self.needs.trace is not None:
                self.needs.trace.named(name, task.node)
            neutral = FOLDS[task.combine].identity(term.dtype)
            found.append(Acc(name, task.combine, neutral, term, line_of(task.node)))
            self.pending[task] = Ref(name, term.dtype)
        return found

    def _finish_fold(self, task: FoldTask, variables: list[Size]) -> None:
        value = cast(self.pending.pop(task), task.node.dtype)
        index = task.local_index(variables)
        if task.in_memory:
            self._combine_into(task, index, value)
        else:
            self.bind(task.node, index, value)

    # Writes.

    def bind(self, node: Node, index: tuple[Size, ...], value: Expr) -> None:
        self.scopes[-1].setdefault(node, []).append((index, value))
        if node in self.memory.stored:
            self.store(node, index, value, None, line_of(node))

    def store(
        self, node: Node, index: Sequence[Size], value: Expr, op: str | None, origin: str,
        unique: bool = False,
    ) -> None:  # fmt: skip
        name, place = self.memory.names[node], self.flat(node, index)
        self.emit(Store(name, place, value, op, origin, unique))

    def copy(self, node: Node, index: Sequence[Size], value: Expr) -> None:
        name = self.memory.results.get(node) or self.memory.names[node]
        self.emit(Store(name, self.flat(node, index), value, None, line_of(node)))

    def fold(self, task: FoldTask, term: Expr, variables: list[Size]) -> None:
        node = task.node
        if task.in_memory and task.last_folds is None:
            self._combine_into(task, task.index(variables), cast(term, node.dtype))
            return
        # Sums and products of float32 are accumulated in float64.
        wide = node.dtype == "float32" and task.combine in ("add", "mul")
        self.pending[task] = cast(term, "float64" if wide else node.dtype)
        if task.first_fold is None:  # every folded axis has size 1: the term is the value
            value = cast(self.pending.pop(task), node.dtype)
            self.bind(node, task.index(variables), value)

    def _combine_into(self, task: FoldTask, index: Sequence[Size], value: Expr) -> None:
        self.store(task.node, index, value, task.combine, line_of(task.node))

    def workspace(self, node: Node, count: Size) -> str:
        name = f"{self.memory.names[node]}_work"
        self.needs.scratch[name] = node, (count,)
        return name

    def fill(
        self,
        node: Node,
        fixed: Mapping[int, Size],
        value_at: Callable[[list[Size]], Expr],
    ) -> None:
        index: list[Size] = []
        loops: list[tuple[str, Size]] = []
        for axis, size in enumerate(self.sizes.shape(node)):
            if axis in fixed or size == 1:
                index.append(fixed.get(axis, 0))
                continue
            name = self.fresh("i")
            self.bounds[name] = size
            loops.append((name, size))
            index.append(Dim.name(name))
        body = self.block(lambda: self.store(node, index, value_at(index), None, line_of(node)))
        for name, size in reversed(loops):
            body = (For(name, size, body),)
        for stmt in body:
            self.emit(stmt)

    def copied(
        self, target: str, to: Size, source: str, start: Size, count: Size, dtype: str
    ) -> None:
        name = self.fresh("i")
        self.bounds[name] = count
        index = Dim.name(name)
        load = Load(source, self.canonical(start + index), dtype)
        self.emit(For(name, count, (Store(target, self.canonical(to + index), load),)))

    def scratch(self, node: Node, shape: Sequence[Size], suffix: str) -> str:
        name = f"{self.memory.names[node]}{suffix}"
        self.needs.scratch[name] = node, (*shape,) if node.dtype == "float32" else (2, *shape)
        return name


class BodyWriter(KernelWriter, base.BodyWriter):
    """Writes one step of a body into the kernel of its loop."""

    def __init__(
        self,
        outer: KernelWriter,
        outputs: Sequence[Node],
        given: Mapping[Node, Read],
        placed: Mapping[Node, Place],
    ) -> None:
        sizes, needs = outer.sizes, outer.needs
        order = with_parts(toposort(outputs))
        written_out = deep_views(order)
        self.nests = nests(tasks_of(order, [*placed], sizes, written_out))
        stored = buffered([self.nests]) | {x for x in placed if not isinstance(x.op, Input)}
        scalars = [x for x in outputs if not x.type.ndim]
        stored |= arrays_read(scalars, sizes, written_out)
        names = {node: needs.temporary(node, sizes) for node in order}
        results = {node: place.buffer for node, place in placed.items() if place.buffer}
        names |= results
        memory = Memory(names, results, stored, set(), written_out)
        super().__init__(sizes, memory, needs, outer)
        self.given.update(given)
        self.offsets.update((node, place.offset) for node, place in placed.items())

    def step(self) -> None:
        """Write the tasks of the body."""
        self._nests(self.nests, 0, [])

    def _entry_checks(self, view: Node, position: int, bound: Size, mode: str) -> bool:
        return False  # its index arrays are elements of what the entry could check
