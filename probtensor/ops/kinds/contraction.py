"""Sums of products, by subscripts."""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence
from typing import Any

from probtensor.dataclass import dataclass
from probtensor.graph.node import Node, make
from probtensor.ops.kinds.base import Kind
from probtensor.ops.kinds.batch import Batch
from probtensor.ops.size_laws import equal
from probtensor.types import ShapeError, Size, SizeCheck, TensorType


@dataclass(frozen=True)
class Contraction(Kind):
    """A sum of products of two operands, by einsum subscripts such as "ij,jk->ik".

    Each letter occurs at most once in an operand; a letter not in the output is summed over.
    """

    subscripts: str

    def parts(self) -> tuple[str, str, str]:
        """The letters of the two operands and of the output."""
        operands, out = self.subscripts.split("->")
        first, second = operands.split(",")
        return first, second, out

    def letter_sizes(self, types: Sequence[TensorType]) -> dict[str, Any]:
        """The size of each letter; ShapeError if the operands disagree."""
        sizes: dict[str, object] = {}
        for letters, operand in zip(self.parts(), types, strict=False):
            if len(letters) != operand.ndim:
                raise ShapeError(f"needs {len(letters)} axes for {letters!r}, not {operand.ndim}")
            for letter, n in zip(letters, operand.shape, strict=True):
                m = sizes.setdefault(letter, n)
                if isinstance(m, int) and isinstance(n, int) and m != n:
                    raise ShapeError(f"sizes {m} and {n} of the joined axes differ")
                if isinstance(n, int):
                    sizes[letter] = n
        return sizes

    def infer(self, x: TensorType, y: TensorType) -> TensorType:
        if x.dtype != y.dtype:
            raise TypeError(f"dtypes {x.dtype} and {y.dtype} differ")
        sizes = self.letter_sizes((x, y))
        return TensorType(x.dtype, tuple(sizes[letter] for letter in self.parts()[2]))

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        seen: dict[str, Size] = {}
        for letters, x in zip(self.parts(), node.inputs, strict=False):
            for letter, n in zip(letters, x.type.shape, strict=True):
                yield equal(seen.setdefault(letter, n), n, " along a joined axis")

    def batched(self, batch: Batch) -> Node:
        first, second, out = self.parts()
        letter = next(c for c in string.ascii_letters if c not in first + second)
        pairs = zip((first, second), batch.inputs, strict=True)
        parts = [letters if b is None else letter + letters for letters, b in pairs]
        return make(type(self)(f"{parts[0]},{parts[1]}->{letter}{out}"), batch.mixed())
