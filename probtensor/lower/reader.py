"""Reading: the element of a node at an index, through the views above it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Protocol

from probtensor.graph.node import Node, Op
from probtensor.kernel.ir import Expr, Stmt
from probtensor.kernel.simplify import Index, resimplify
from probtensor.lower.sizes import CanonicalSizes
from probtensor.types import Size


class Inline(Protocol):
    """The element of a node at an index, if no task computes it; else None."""

    def __call__(self, reader: Reader, node: Node, index: Sequence[Size]) -> Expr | None: ...


# What inlines the nodes of an op's class; None where a task computes all of them.
Inliner = Callable[[type[Op]], Inline | None]


class Marks(Protocol):
    """What marks a plan that is lowered to be looked at: expressions that equal the plain ones."""

    def statements(self, body: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
        """The statements of a kernel, before any is inlined into another."""
        ...

    def read(self, node: Node, value: Expr) -> Expr:
        """The element of a node that is inlined, a view."""
        ...


class Reader(ABC):
    """Reads nodes at indices. Views are inlined, except those in `written_out`.

    Subclasses define the read of a leaf: a computed node, an input or a constant.
    """

    def __init__(
        self, sizes: CanonicalSizes, inliner: Inliner, written_out: frozenset[Node]
    ) -> None:
        self.sizes = sizes
        self.inliner = inliner
        self.written_out = written_out
        self.bounds: dict[str, Size] = {}
        self.marks: Marks | None = None
        self.guards: list[Expr] = []  # conditions under which the element being read exists

    @abstractmethod
    def leaf(self, node: Node, index: tuple[Size, ...]) -> Expr:
        ...

    @abstractmethod
    def checked_index(self, view: Node, position: int, value: Expr) -> Size:
        """The index that `value`, read from input `position` of a node, stands for, checked."""

    def available(self, node: Node, index: tuple[Size, ...]) -> Expr | None:
        """The local that is the element; None if there is none in scope."""
        return None

    def value(self, node: Node, index: Sequence[Size]) -> Expr:
        """The element of a node at an index (one entry per axis)."""
        if index.__class__ is not tuple:
            index = tuple(index)
        ready = self.available(node, index)
        if ready is not None:
            return ready
        inline = self.inliner(node.op.__class__)
        if inline is not None and node not in self.written_out:
            inlined = inline(self, node, index)
            if inlined is not None:
                return inlined if self.marks is None else self.marks.read(node, inlined)
        return self.leaf(node, index)

    def inlined(self, node: Node, index: tuple[Size, ...]) -> Expr | None:
        """The element of a node, if no task computes it unless it is to be in a buffer."""
        inline = self.inliner(node.op.__class__)
        return None if inline is None else inline(self, node, index)

    def operand(self, x: Node, index: Sequence[Size]) -> Expr:
        """The element of a broadcast operand, given the index of the result."""
        if not x.type.shape:
            return self.value(x, ())
        shape = self.sizes.shape(x)
        tail = index[len(index) - len(shape) :]
        if self.sizes.has_one(x):
            tail = tuple([0 if n == 1 else i for n, i in zip(shape, tail, strict=True)])
        return self.value(x, tail)

    def canonical(self, index: object) -> Size:
        """An index as a polynomial in canonical form, in which equal indices are equal."""
        size = index.size if isinstance(index, Index) else index
        return resimplify(size, self.bounds)

    def guarded(self, condition: Expr, read: Callable[[], object]) -> object:
        """The result of `read`, whose elements need to exist only where the condition holds."""
        self.guards.append(condition)
        found = read()
        self.guards.pop()
        return found
