"""Nests to loops: writes the statements of a kernel in one pass.

This file has what all kinds share: blocks, names, locals and accumulators. `kinds/` has what a task
writes in an iteration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from probtensor.graph.node import Node, line_of
from probtensor.kernel.ir import FOLDS, Acc, Expr, For, Load, Ref, Stmt, Store
from probtensor.lower.buffers import Memory, Needs
from probtensor.lower.indices import IndexWriter
from probtensor.lower.kinds.reduction import FoldTask
from probtensor.lower.nest import Nest
from probtensor.lower.sizes import CanonicalSizes
from probtensor.lower.tasks import inline
from probtensor.lower.values import cast
from probtensor.types import Dim, Size


class KernelWriter(IndexWriter):
    """Writes the statements of one kernel.

    bodies   the statements of each enclosing block
    scopes   the values available in each enclosing block
    pending  folds in progress, each with the term of the loop being written
    """

    def __init__(self, sizes: CanonicalSizes, memory: Memory, needs: Needs) -> None:
        super().__init__(sizes, inline, memory.written_out)
        self.memory = memory
        self.needs = needs
        self.bodies: list[list[Stmt]] = []
        self.scopes: list[dict[tuple[Node, tuple[Size, ...]], Expr]] = []
        self.indices = []
        self.pending: dict[FoldTask, Expr] = {}
        self.count = 0

    def kernel(self, found: Sequence[Nest]) -> tuple[Stmt, ...]:
        """The statements of a kernel."""
        return self._block(lambda: self._nests(found, 0, []))

    # Reads.

    def available(self, node: Node, index: tuple[Size, ...]) -> Expr | None:
        for scope in reversed(self.scopes):
            if (node, index) in scope:
                return scope[node, index]
        return None

    def leaf(self, node: Node, index: tuple[Size, ...]) -> Expr:
        return Load(self.memory.names[node], self.flat(node, index), node.dtype)

    # Blocks and names.

    def fresh(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count}"

    def emit(self, stmt: Stmt) -> None:
        self.bodies[-1].append(stmt)

    def _block(self, write: Callable[[], None]) -> tuple[Stmt, ...]:
        self.bodies.append([])
        self.scopes.append({})
        self.indices.append({})
        write()
        self.scopes.pop()
        self.indices.pop()
        return tuple(self.bodies.pop())

    def flat(self, node: Node, index: Sequence[Size]) -> Size:
        flat: Size = 0
        for i, size in zip(index, self.sizes.shape(node), strict=True):
            flat = flat * size + i
        return self.canonical(flat)

    # Loops.

    def _nests(self, found: Sequence[Nest], level: int, variables: list[Size]) -> None:
        for nest in found:
            if nest.extent is None:
                for task in nest.tasks:
                    task.write(self, variables)
            else:
                self._loop(nest, level, variables)

    def _loop(self, nest: Nest, level: int, variables: list[Size]) -> None:
        for task in nest.tasks:
            if task.starts_at(level):
                task.start(self, level, variables)
        name = self.fresh("i")
        self.bounds[name] = nest.extent
        inner = [*variables, Dim.name(name)]
        accs: list[Acc] = []

        def write() -> None:
            self._nests(nest.inner, level + 1, inner)
            accs.extend(self._accumulators(nest, level))

        carries = [task.carry(self, level, variables) for task in nest.tasks]
        body = self._block(write)
        found = tuple(carry for carry in carries if carry is not None)
        self.emit(For(name, nest.extent, body, tuple(accs), carries=found))
        for task in nest.tasks:
            if task in self.pending and task.last_folds == level:
                self._finish_fold(task, variables)

    def _accumulators(self, nest: Nest, level: int) -> list[Acc]:
        found = []
        for task in nest.tasks:
            if task not in self.pending or task.outs[level] is not None:
                continue
            term = self.pending[task]
            name = self.fresh("a")
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
        self.scopes[-1][node, index] = value
        if node in self.memory.stored:
            self.store(node, index, value, None, line_of(node))

    def store(
        self, node: Node, index: Sequence[Size], value: Expr, op: str | None, origin: str
    ) -> None:
        self.emit(Store(self.memory.names[node], self.flat(node, index), value, op, origin))

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
        body = self._block(lambda: self.store(node, index, value_at(index), None, line_of(node)))
        for name, size in reversed(loops):
            body = (For(name, size, body),)
        for stmt in body:
            self.emit(stmt)

    def scratch(self, node: Node, shape: Sequence[Size], suffix: str) -> str:
        name = f"{self.memory.names[node]}{suffix}"
        self.needs.scratch[name] = node, (*shape,) if node.dtype == "float32" else (2, *shape)
        return name
