"""What a kind says to lowering: its tasks, and how each becomes statements.

A task's own loop variables are `@0, @1, ...` in loop order; `accesses` says which computed values
or leaves it reads, at which indices of theirs. Fusion needs nothing else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from probtensor.graph.node import Node, Op
from probtensor.kernel.ir import Carry, Expr, Stmt
from probtensor.lower.buffers import Memory
from probtensor.lower.reader import Reader
from probtensor.lower.sizes import CanonicalSizes
from probtensor.types import Size

Access = tuple[Node, tuple[Size, ...]]


@dataclass(eq=False)
class Task(ABC):
    """One computed node, with all its parts, or one piece of it.

    domain    extents of its loops, outermost first
    outs      for each loop, the output axis it runs along, or None where it is folded away
    accesses  what it reads: (node, indices in terms of @0, @1, ...)
    """

    node: Node
    domain: tuple[Size, ...]
    outs: tuple[int | None, ...]
    accesses: list[Access] = field(default_factory=list)

    # Whether it has no loop of ours and shares no kernel: a routine on whole buffers.
    alone: ClassVar[bool] = False
    # Whether it costs nothing to compute it in the loop that reads it, in place of its own.
    movable: ClassVar[bool] = False

    @property
    def first_fold(self) -> int | None:
        """The outermost loop that is folded away."""
        return next((k for k, axis in enumerate(self.outs) if axis is None), None)

    @property
    def last_folds(self) -> int | None:
        """The outermost of the innermost loops if these are folded away, so that what they fold
        is a local; None where the innermost loop is not."""
        kept = [k for k, axis in enumerate(self.outs) if axis is not None]
        first = kept[-1] + 1 if kept else 0
        return first if first < len(self.outs) else None

    @property
    def in_place(self) -> bool:
        """Whether its value exists only in its buffer, once all its loops are done."""
        first = self.first_fold
        return first is not None and any(axis is not None for axis in self.outs[first:])

    @property
    def depth(self) -> int | None:
        """The number of loops around the local that holds its value; None where only a buffer
        does."""
        if self.in_place:
            return None
        return len(self.domain) if self.last_folds is None else self.last_folds

    def extent(self, level: int) -> Size | None:
        """The extent of its loop of a level; None where it has no loop left."""
        return self.domain[level] if level < len(self.domain) else None

    def finished_axis(self, level: int) -> int | None:
        """The output axis along which each iteration of the loop of a level finishes its part, so
        that others in the loop may read it; None where there is none."""
        return self.outs[level] if level < len(self.outs) else None

    def index(self, variables: Sequence[Size]) -> tuple[Size, ...]:
        """Indices along the node's axes, given a value for each loop variable (0 on size 1)."""
        found: list[Size] = [0] * self.node.type.ndim
        for variable, axis in zip(variables, self.outs, strict=True):
            if axis is not None:
                found[axis] = variable
        return tuple(found)

    def local_index(self, variables: Sequence[Size]) -> tuple[Size, ...]:
        """The index of the element that its local holds, given the variables of the loops around
        it."""
        return self.index([*variables, *[0] * (len(self.outs) - len(variables))])

    # What it reads, and what it writes.

    @abstractmethod
    def reads(self, reader: Reader, variables: Sequence[Size]) -> list[Expr]:
        """The values it combines at one iteration, in the order of the node's inputs."""

    def reads_before(self, reader: Reader) -> None:
        """Read what it needs before its loops."""

    def starts_at(self, level: int) -> bool:
        """Whether its buffer is filled just before the loop of a level."""
        return False

    def start(self, writer: Writer, level: int, variables: Sequence[Size]) -> None:
        """Fill its buffer before anything is combined into it, where `starts_at` says so."""

    @abstractmethod
    def write(self, writer: Writer, variables: list[Size]) -> None:
        """Write one iteration, all its loop variables known."""

    def carry(self, writer: Writer, level: int, variables: list[Size]) -> Carry | None:
        """The sums in memory that the loop of a level adds up; None where there are none."""
        return None


class Writer(Reader):
    """Reads values as expressions of the kernel, and writes its statements."""

    memory: Memory

    @abstractmethod
    def fresh(self, letter: str) -> str:
        """A name that no local has."""

    @abstractmethod
    def emit(self, stmt: Stmt) -> None:
        """Write a statement at the end of the block."""

    @abstractmethod
    def failure(self, message: str) -> int:
        """The status that stands for a message."""

    @abstractmethod
    def flat(self, node: Node, index: Sequence[Size]) -> Size:
        """The offset of an element in the buffer of a node."""

    @abstractmethod
    def bind(self, node: Node, index: tuple[Size, ...], value: Expr) -> None:
        """Let a value stand for an element as long as its block lasts, and store it if it is read
        from elsewhere."""

    @abstractmethod
    def store(
        self, node: Node, index: Sequence[Size], value: Expr, op: str | None, origin: str
    ) -> None:
        """Write an element of a node's buffer, or combine the value into it."""

    @abstractmethod
    def copy(self, node: Node, index: Sequence[Size], value: Expr) -> None:
        """Write an element of a view or leaf, which may be an output."""

    @abstractmethod
    def fold(self, task: Task, term: Expr, variables: list[Size]) -> None:
        """Fold the term of an iteration: into memory, or an accumulator of the loops around."""

    @abstractmethod
    def workspace(self, node: Node, count: Size) -> str:
        """Memory of so many doubles, for the routine that computes a node."""

    @abstractmethod
    def fill(
        self,
        node: Node,
        fixed: Mapping[int, Size],
        value_at: Callable[[list[Size]], Expr],
    ) -> None:
        """Fill a buffer before it is combined into, where its indices along the axes `fixed` are
        those."""

    @abstractmethod
    def scratch(self, node: Node, shape: Sequence[Size], suffix: str) -> str:
        """Scratch memory for sums of a node in doubles, and for those of doubles what they lose."""


class Lowering(ABC):
    """How the nodes of a kind are computed."""

    kind: ClassVar[type[Op] | tuple[type[Op], ...]]
    # Whether a node is read by those of its inputs, and makes the expressions of readers deeper.
    inlined: ClassVar[bool] = False

    @abstractmethod
    def tasks(self, node: Node, sizes: CanonicalSizes, buffer: bool) -> list[Task]:
        """The tasks that compute a node; none for what is read by its inputs alone, unless it is
        wanted in a `buffer`."""

    def buffers_read(self, node: Node, sizes: CanonicalSizes) -> Sequence[Node]:
        """Inputs that have to be buffers, whatever they are."""
        return ()

    def inline(self, reader: Reader, node: Node, index: Sequence[Size]) -> Expr | None:
        """The element of the node at an index, by those of its inputs; None where it takes a
        task."""
        return None


def loops_along(shape: Sequence[Size]) -> tuple[tuple[Size, ...], tuple[int, ...]]:
    """The loops over the elements of a shape, and the axis of each."""
    axes = tuple(a for a, n in enumerate(shape) if n != 1)
    return tuple(shape[a] for a in axes), axes
