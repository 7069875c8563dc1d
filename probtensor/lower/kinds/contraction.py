"""Contractions: a matrix product by a routine, or a fold of products; products that are added."""

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
from probtensor.ops.kinds import Accumulation, Contraction
from probtensor.ops.kinds.contraction import MAX_LOOP_PRODUCTS
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


class AccumulationLowering(Lowering):
    """One task: a routine, whatever the sizes are."""

    kind = Accumulation

    def tasks(self, node: Node, sizes: CanonicalSizes, buffer: bool) -> list[Task]:
        product = gemm(node, sizes)
        numbers = (*product.sizes, *map(int, product.transposed))
        operands, routine = (*product.operands, *node.inputs[2:]), ADDED_PRODUCTS[node.dtype]
        return [RoutineTask(node, routine, operands, numbers, device=node.op.device)]

    def buffers_read(self, node: Node, sizes: CanonicalSizes) -> Sequence[Node]:
        return node.inputs

    def in_place(self, node: Node) -> Node | None:
        return node.inputs[3]


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
ADDED_PRODUCTS = {"float64": "pt_add_product", "float32": "pt_add_product_float32"}


def gemm(node: Node, sizes: CanonicalSizes) -> Gemm | None:
    """A contraction as a matrix product for BLAS; None if it is none, or is faster as loops."""
    routine, form = PRODUCTS.get(node.dtype), node.op.matrix_form()
    if routine is None or form is None:
        return None
    found: dict[str, Size] = {}
    for letters, x in zip(node.op.parts(), node.inputs[:2], strict=False):
        found |= dict(zip(letters, sizes.shape(x), strict=True))
    x, y = node.inputs[:2]
    batch, m, n, k = (size_product(found[c] for c in group) for group in form.groups)
    count = size_product((m, n, k))
    if isinstance(count, int) and count <= MAX_LOOP_PRODUCTS and len(node.inputs) == 2:
        return None
    operands = (y, x) if form.swapped else (x, y)
    return Gemm(routine, operands, (batch, m, n, k), form.transposed)
