"""Reading: the element of a node at an index, through the views above it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Protocol

from probtensor.graph.node import Node
from probtensor.kernel.ir import Expr
from probtensor.kernel.simplify import Index, resimplify
from probtensor.lower.sizes import CanonicalSizes
from probtensor.types import Size


class Inline(Protocol):
    """The element of a node at an index where that takes no task; None where it takes one."""

    def __call__(self, reader: Reader, node: Node, index: Sequence[Size]) -> Expr | None: ...


class Reader(ABC):
    """Reads nodes at indices. Views are inlined, except those in `written_out`.

    Subclasses say what a read of a task or leaf is.
    """

    def __init__(self, sizes: CanonicalSizes, inline: Inline, written_out: frozenset[Node]) -> None:
        self.sizes = sizes
        self.inline = inline
        self.written_out = written_out
        self.bounds: dict[str, Size] = {}
        self.guards: list[Expr] = []  # conditions under which the element being read exists

    @abstractmethod
    def leaf(self, node: Node, index: tuple[Size, ...]) -> Expr:
        ...

    @abstractmethod
    def place(self, view: Node, position: int, value: Expr) -> Size:
        """The checked index held in input `position` of a node, as a polynomial."""

    def available(self, node: Node, index: tuple[Size, ...]) -> Expr | None:
        """A local that holds the element; None where there is none."""
        return None

    def value(self, node: Node, index: Sequence[Size]) -> Expr:
        """The element of a node at an index (one entry an axis)."""
        ready = self.available(node, tuple(index))
        if ready is not None:
            return ready
        if node not in self.written_out:
            inlined = self.inline(self, node, index)
            if inlined is not None:
                return inlined
        return self.leaf(node, tuple(index))

    def operand(self, x: Node, index: Sequence[Size]) -> Expr:
        """The element of a broadcast operand, given the index of the result."""
        shape = self.sizes.shape(x)
        tail = list(index)[len(index) - len(shape) :]
        return self.value(x, [0 if n == 1 else i for n, i in zip(shape, tail, strict=True)])

    def canonical(self, index: object) -> Size:
        """An index as the polynomial that equal ones are."""
        size = index.size if isinstance(index, Index) else index
        return resimplify(size, self.bounds)

    def guarded(self, condition: Expr, read: Callable[[], object]) -> object:
        """What `read` gives where the condition holds; elements may not exist elsewhere."""
        self.guards.append(condition)
        found = read()
        self.guards.pop()
        return found
