"""Sums of products, by subscripts."""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, NamedTuple

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph.node import Node, make
from probtensor.ops.kinds.base import Kind
from probtensor.ops.kinds.batch import Batch
from probtensor.ops.size_laws import equal
from probtensor.types import ShapeError, Size, SizeCheck, TensorType

MAX_LOOP_PRODUCTS = 4096  # a product of constant sizes with more multiplications calls BLAS


class MatrixForm(NamedTuple):
    """A contraction as a (batched) product of matrices, each perhaps transposed.

    swapped      whether the first operand has the columns, and the second the rows
    groups       the letters that are the batch, the rows, the columns and what is summed over
    transposed   of the operand of the rows, and of that of the columns
    """

    swapped: bool
    groups: tuple[str, str, str, str]
    transposed: tuple[bool, bool]


@dataclass(frozen=True)
class _Subscripts(Kind):
    """What has a sum of products of its first two operands, by einsum subscripts such as
    "ij,jk->ik".

    Each letter occurs at most once in an operand; a letter not in the output is summed over.
    """

    subscripts: str

    def parts(self) -> tuple[str, str, str]:
        """The letters of the two operands and of the output."""
        operands, out = self.subscripts.split("->")
        first, second = operands.split(",")
        return first, second, out

    def matrix_form(self) -> MatrixForm | None:
        """The contraction as a product of matrices; None if it is none.

        Neighbouring letters that occur together are one axis of the product: those of both operands
        and the result are the batch, those of both operands only are summed over, and those of one
        operand and the result are the rows or the columns.
        """
        first, second, out = self.parts()
        batch = "".join(c for c in out if c in first and c in second)
        swapped = bool(out) and out[-1] in first
        if swapped:
            first, second = second, first
        # Now the columns are of `second`; rows and columns are contiguous in the result.
        rows = "".join(c for c in out if c in first and c not in second)
        columns = "".join(c for c in out if c in second and c not in first)
        inner = "".join(c for c in first if c not in out)
        transposed = (first == batch + inner + rows, second == batch + columns + inner)
        fits = (
            out == batch + rows + columns
            and (transposed[0] or first == batch + rows + inner)
            and (transposed[1] or second == batch + inner + columns)
        )
        if not fits or not (rows and columns and inner):
            return None
        return MatrixForm(swapped, (batch, rows, columns, inner), transposed)

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

    def product_type(self, x: TensorType, y: TensorType) -> TensorType:
        """The type of the sum of products."""
        if x.dtype != y.dtype:
            raise TypeError(f"dtypes {x.dtype} and {y.dtype} differ")
        sizes = self.letter_sizes((x, y))
        return TensorType(x.dtype, tuple(sizes[letter] for letter in self.parts()[2]))

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        seen: dict[str, Size] = {}
        for letters, x in zip(self.parts()[:2], node.inputs, strict=False):
            for letter, n in zip(letters, x.type.shape, strict=True):
                yield equal(seen.setdefault(letter, n), n, " along a joined axis")


class Contraction(_Subscripts):
    """A sum of products of two operands, by subscripts."""

    def infer(self, x: TensorType, y: TensorType) -> TensorType:
        return self.product_type(x, y)

    def batched(self, batch: Batch) -> Node:
        first, second, out = self.parts()
        letter = next(c for c in string.ascii_letters if c not in first + second)
        pairs = zip((first, second), batch.inputs, strict=True)
        parts = [letters if b is None else letter + letters for letters, b in pairs]
        return make(type(self)(f"{parts[0]},{parts[1]}->{letter}{out}"), batch.mixed())


class Accumulation(_Subscripts):
    """A product of matrices added to a base: base + scale * (the contraction of x and y), of the
    inputs x, y, scale, base. The scale has no axes, the base all of the result.

    The value of a base that nothing else reads is computed in the place of the result. On a device
    the routine runs on the host: there it is not made.
    """

    device: ClassVar[bool] = False

    def infer(
        self, x: TensorType, y: TensorType, scale: TensorType, base: TensorType
    ) -> TensorType:
        found = self.product_type(x, y)
        if self.matrix_form() is None:
            raise TypeError(f"{self.subscripts} is no product of matrices")
        if x.dtype not in ("float32", "float64"):
            raise TypeError(f"needs floats, not {x.dtype}")
        if scale.ndim or {scale.dtype, base.dtype} != {x.dtype}:
            raise TypeError(f"needs a scale without axes and a base of {x.dtype}")
        known = [(n, m) for n, m in zip(base.shape, found.shape) if isinstance(n, int)]
        if base.ndim != found.ndim or any(n != m for n, m in known if isinstance(m, int)):
            raise ShapeError(f"the base is {base}, the product {found}")
        return base

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        yield from super().requires(node)
        x, y, _, base = (x.type for x in node.inputs)
        for n, m in zip(base.shape, self.product_type(x, y).shape, strict=True):
            yield equal(n, m, " of the base and the product")

    def apart(self, x: Node, y: Node, scale: Node, base: Node) -> Node:
        """The same as a product and a sum."""
        return base + scale * ops.Contract(self.subscripts)(x, y)

    def batched(self, batch: Batch) -> Node:
        pairs = zip(batch.node.inputs, batch.inputs, strict=True)
        given = {x: b for x, b in pairs if b is not None}
        return batch.outputs([self.apart(*batch.node.inputs)], given)[0]
