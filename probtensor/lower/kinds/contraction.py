"""Contractions: a matrix product by a routine, or a fold of products."""

from __future__ import annotations

from collections.abc import Sequence

from probtensor.dataclass import dataclass
from probtensor.graph.node import Node
from probtensor.kernel.ir import Apply, Expr
from probtensor.lower.kinds.base import Lowering, Task
from probtensor.lower.kinds.core import RoutineTask
from probtensor.lower.kinds.reduction import FoldTask, combined_as
from probtensor.lower.reader import Reader
from probtensor.lower.sizes import CanonicalSizes
from probtensor.lower.values import cast
from probtensor.ops.kinds import Contraction
from probtensor.types import Size, size_product


class ProductTask(FoldTask):
    """A sum of products of two operands."""

    wide = True

    @property
    def combine(self) -> str:
        return combined_as(self.node.dtype, "add")

    def reads(self, reader: Reader, variables: Sequence[Size]) -> list[Expr]:
        index_of = dict(zip(letter_order(self.node), variables, strict=True))
        found = []
        for x, letters in zip(self.node.inputs, self.node.op.parts(), strict=False):
            sized = zip(letters, reader.sizes.shape(x), strict=True)
            found.append(reader.value(x, [0 if n == 1 else index_of[c] for c, n in sized]))
        return found

    def term(self, values: list[Expr]) -> Expr:
        wide = "float64" if values[0].dtype == "float32" else values[0].dtype
        first, second = (cast(v, wide) for v in values)
        return Apply("and" if wide == "bool" else "*", (first, second), wide)


class ContractionLowering(Lowering):
    """One task: a routine, or a loop nest over all letters."""

    kind = Contraction

    def tasks(self, node: Node, sizes: CanonicalSizes, buffer: bool) -> list[Task]:
        product = gemm(node, sizes)
        if product is not None:
            numbers = (*product.sizes, *map(int, product.transposed))
            return [RoutineTask(node, product.routine, product.operands, numbers)]
        found: dict[str, Size] = {}
        for letters, x in zip(node.op.parts(), node.inputs, strict=False):
            for letter, n in zip(letters, sizes.shape(x), strict=True):
                found[letter] = n if found.get(letter, 1) == 1 else found[letter]
        out = node.op.parts()[2]
        order = letter_order(node)
        outs = tuple(out.index(c) if c in out else None for c in order)
        return [ProductTask(node, tuple(found[c] for c in order), outs)]

    def buffers_read(self, node: Node, sizes: CanonicalSizes) -> Sequence[Node]:
        return node.inputs if gemm(node, sizes) else ()


def letter_order(node: Node) -> list[str]:
    """The loop order of a contraction: the letters of the first operand, and each letter that only
    the second has before the next one they share, so that inner loops run along the last axes of
    both. If sums are in memory, letters of the result are in its order, so that neighbouring sums
    are accumulated together."""
    first, second, _ = node.op.parts()
    if len(second) > len(first):
        first, second = second, first
    order = list(first)
    for position, letter in enumerate(second):
        if letter not in order:
            following = [order.index(c) for c in second[position:] if c in order]
            order.insert(min(following, default=len(order)), letter)
    result = node.op.parts()[2]
    outer = [k for k, letter in enumerate(order) if letter in result]
    if outer != list(range(len(outer))):  # a fold encloses a loop along the result
        for k, letter in zip(outer, result, strict=True):
            order[k] = letter
    return order


@dataclass(frozen=True)
class Gemm:
    """A contraction as a (batched) matrix product by a routine; each operand may be transposed."""

    routine: str
    operands: tuple[Node, Node]
    sizes: tuple[Size, Size, Size, Size]  # batch, m, n, k
    transposed: tuple[bool, bool]


# The routine of each dtype; that of float32 accumulates in float32.
PRODUCTS = {"float64": "pt_gemm", "float32": "pt_gemm_float32"}
MAX_LOOP_PRODUCTS = 4096  # a product of constant sizes with more multiplications calls BLAS


def gemm(node: Node, sizes: CanonicalSizes) -> Gemm | None:
    """A contraction as a matrix product for BLAS; None if it is none, or is faster as loops.

    Neighbouring letters that occur together are one axis of the product: those of both operands
    and the result are the batch, those of both operands only are summed over, and those of one
    operand and the result are the rows or the columns.
    """
    routine = PRODUCTS.get(node.dtype)
    first, second, out = node.op.parts()
    (x, y), batch = node.inputs, "".join(c for c in out if c in first and c in second)
    if out and out[-1] in first:
        first, second, x, y = second, first, y, x
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
    if routine is None or not fits or not (rows and columns and inner):
        return None
    found = dict(zip(first, sizes.shape(x), strict=True))
    found |= dict(zip(second, sizes.shape(y), strict=True))
    extents = [size_product(found[c] for c in group) for group in (batch, rows, columns, inner)]
    count = size_product(extents[1:])
    if isinstance(count, int) and count <= MAX_LOOP_PRODUCTS:
        return None
    return Gemm(routine, (x, y), tuple(extents), transposed)
