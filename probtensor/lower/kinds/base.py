"""The interface of a kind: its tasks, and the statements that each becomes.

The loop variables of a task are `@0, @1, ...` in loop order; its `accesses` are the computed nodes
and leaves it reads, with their indices. Fusion needs nothing else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import ClassVar

from probtensor.dataclass import dataclass, field
from probtensor.graph.node import Node, Op
from probtensor.kernel.ir import Carry, Expr, Stmt
from probtensor.lower.buffers import Memory
from probtensor.lower.reader import Reader
from probtensor.lower.sizes import CanonicalSizes
from probtensor.types import Size

Access = tuple[Node, tuple[Size, ...]]


@dataclass(eq=False)
class Task(ABC):
    """The computation of one node, with all its parts, or of one piece of it.

    domain    extents of its loops, outermost first
    outs      for each loop, the output axis it runs along, or None for a fold
    accesses  its reads: (node, indices in terms of @0, @1, ...)
    """

    node: Node
    domain: tuple[Size, ...]
    outs: tuple[int | None, ...]
    accesses: list[Access] = field(default_factory=list)

    # Whether it has no loops and shares no kernel: a routine on entire buffers.
    alone: ClassVar[bool] = False
    # Whether it may as well be computed in the loop of its consumer.
    movable: ClassVar[bool] = False

    @property
    def first_fold(self) -> int | None:
        """The level of the outermost fold; None if there is none."""
        return _folds(self.outs)[0]

    @property
    def last_folds(self) -> int | None:
        """The level from which on all loops are folds, whose result is thus a local; None if the
        innermost loop is no fold."""
        return _folds(self.outs)[1]

    @property
    def in_memory(self) -> bool:
        """Whether its value exists only in its buffer, after all its loops: if a loop along an
        output axis is inside a fold."""
        return _folds(self.outs)[2]

    @property
    def depth(self) -> int | None:
        """The number of loops around the local with its value; None if the value is only in a
        buffer."""
        if self.in_memory:
            return None
        level = _folds(self.outs)[1]
        return len(self.domain) if level is None else level

    def extent(self, level: int) -> Size | None:
        """The extent of its loop at a level; None if it has no loop there."""
        return self.domain[level] if level < len(self.domain) else None

    def finished_axis(self, level: int) -> int | None:
        """The output axis whose elements are complete after each iteration of the loop at a level,
        so that other tasks in the loop may read them; None if there is none."""
        return self.outs[level] if level < len(self.outs) else None

    def index(self, variables: Sequence[Size]) -> tuple[Size, ...]:
        """Indices along the node's axes, given a value for each loop variable (0 on size 1)."""
        shape = self.node.type.shape
        if not self.outs:
            return (0,) * len(shape) if shape else ()
        if self.outs == (0,) and len(shape) == 1:
            return tuple(variables)
        found: list[Size] = [0] * len(shape)
        for variable, axis in zip(variables, self.outs, strict=True):
            if axis is not None:
                found[axis] = variable
        return tuple(found)

    def local_index(self, variables: Sequence[Size]) -> tuple[Size, ...]:
        """The index of the element that is its local, given the variables of the enclosing
        loops."""
        return self.index([*variables, *[0] * (len(self.outs) - len(variables))])

    # Reads and writes.

    @abstractmethod
    def reads(self, reader: Reader, variables: Sequence[Size]) -> list[Expr]:
        """The values read in one iteration, in the order of the node's inputs."""

    def reads_before(self, reader: Reader) -> None:
        """Read the values that are needed before its loops."""

    def starts_at(self, level: int) -> bool:
        """Whether its buffer is initialised just before the loop at a level."""
        return False

    def start(self, writer: Writer, level: int, variables: Sequence[Size]) -> None:
        """Initialise its buffer, which the loop then combines values into."""

    @abstractmethod
    def write(self, writer: Writer, variables: list[Size]) -> None:
        """Write the statements of one iteration, given all loop variables."""

    def carry(self, writer: Writer, level: int, variables: list[Size]) -> Carry | None:
        """The sums in memory that the loop at a level accumulates; None if there are none."""
        return None


@cache
def _folds(outs: tuple[int | None, ...]) -> tuple[int | None, int | None, bool]:
    """The first fold of a task, its last folds, and whether it is in memory."""
    first = next((k for k, axis in enumerate(outs) if axis is None), None)
    along_axes = [k for k, axis in enumerate(outs) if axis is not None]
    level = along_axes[-1] + 1 if along_axes else 0
    in_memory = first is not None and any(axis is not None for axis in outs[first:])
    return first, level if level < len(outs) else None, in_memory


@dataclass(frozen=True)
class Read:
    """How a parameter of a body is read: an element of it at an index, and a pointer to all of
    it."""

    element: Callable[[tuple[Size, ...]], Expr]
    pointer: Callable[[], tuple[str, Size]]


@dataclass(frozen=True)
class Place:
    """Where a result of a body is stored: a buffer, from an offset on; None: any memory."""

    buffer: str | None = None
    offset: Size = 0


class Writer(Reader):
    """Reads values as kernel expressions, and writes kernel statements."""

    memory: Memory
    steps: tuple[Size, ...] = ()  # the numbers of the steps of all loops around

    @abstractmethod
    def block(self, write: Callable[[], None]) -> tuple[Stmt, ...]:
        """The statements that `write` emits, as a block of their own."""

    @abstractmethod
    def pointer(self, node: Node) -> tuple[str, Size]:
        """The buffer of a node, and the offset of its first element."""

    @abstractmethod
    def inside(
        self, outputs: Sequence[Node], given: Mapping[Node, Read], placed: Mapping[Node, Place]
    ) -> BodyWriter:
        """A writer of the tasks of a body, whose parameters are read as `given`, and of whose
        results some are stored."""

    @abstractmethod
    def fresh(self, letter: str) -> str:
        """An unused name for a local."""

    @abstractmethod
    def emit(self, stmt: Stmt) -> None:
        """Append a statement to the current block."""

    @abstractmethod
    def failure(self, message: str) -> int:
        """The status code of an error message."""

    @abstractmethod
    def flat(self, node: Node, index: Sequence[Size]) -> Size:
        """The offset of an element in the buffer of a node."""

    @abstractmethod
    def bind(self, node: Node, index: tuple[Size, ...], value: Expr) -> None:
        """Make a value available as an element within the current block, and store it if the node
        has a buffer."""

    @abstractmethod
    def store(
        self, node: Node, index: Sequence[Size], value: Expr, op: str | None, origin: str,
        unique: bool = False,
    ) -> None:  # fmt: skip
        """Store a value to an element of a node's buffer, or combine it into the element; `unique`
        if no other iteration stores to that element."""

    @abstractmethod
    def copy(self, node: Node, index: Sequence[Size], value: Expr) -> None:
        """Store an element of a view or leaf to its buffer, that of an output if it is one."""

    @abstractmethod
    def fold(self, task: Task, term: Expr, variables: list[Size]) -> None:
        """Combine the term of an iteration into memory, or into an accumulator."""

    @abstractmethod
    def workspace(self, node: Node, count: Size) -> str:
        """A scratch buffer of `count` doubles for the routine that computes a node."""

    @abstractmethod
    def fill(
        self,
        node: Node,
        fixed: Mapping[int, Size],
        value_at: Callable[[list[Size]], Expr],
    ) -> None:
        """Store `value_at(index)` for all indices of a node whose indices along the axes `fixed`
        have these values."""

    @abstractmethod
    def copied(
        self, target: str, to: Size, source: str, start: Size, count: Size, dtype: str
    ) -> None:
        """Copy `count` elements from one buffer to another, each from an offset on."""

    @abstractmethod
    def scratch(self, node: Node, shape: Sequence[Size], suffix: str) -> str:
        """A scratch buffer for sums of a node in doubles; with room for their rounding errors
        unless the node is float32."""


class BodyWriter(Writer):
    """A writer of the tasks of a body. `offsets` are those of nodes that are stored to a part of a
    buffer."""

    offsets: dict[Node, Size]

    @abstractmethod
    def step(self) -> None:
        """Write all tasks of the body into the current block."""


class Lowering(ABC):
    """The lowering of the ops of a kind."""

    kind: ClassVar[type[Op] | tuple[type[Op], ...]]
    # Whether nodes are inlined into the expressions that read them.
    inlined: ClassVar[bool] = False

    @abstractmethod
    def tasks(self, node: Node, sizes: CanonicalSizes, buffer: bool) -> list[Task]:
        """The tasks that compute a node. An inlined node has none, unless a `buffer` is needed."""

    def buffers_read(self, node: Node, sizes: CanonicalSizes) -> Sequence[Node]:
        """The inputs that must be in buffers."""
        return ()

    def in_place(self, node: Node) -> Node | None:
        """The input whose memory the node's value may have, if nothing else reads it."""
        return None

    def inline(self, reader: Reader, node: Node, index: Sequence[Size]) -> Expr | None:
        """The element of a node as an expression of its inputs; None if a task computes it."""
        return None


def loops_along(shape: Sequence[Size]) -> tuple[tuple[Size, ...], tuple[int, ...]]:
    """The loops over the elements of a shape, and the axis of each."""
    if not shape:
        return (), ()
    axes = tuple([a for a, n in enumerate(shape) if n.__class__ is not int or n != 1])
    return (shape if len(axes) == len(shape) else tuple([shape[a] for a in axes])), axes
