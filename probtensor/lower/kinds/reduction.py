"""Folds: accumulators if the folded loops are innermost, else sums in memory."""

from __future__ import annotations

from collections.abc import Sequence

from probtensor.graph.node import Node
from probtensor.kernel.ir import FOLDS, NOT_GATHERED, Carry, Expr, Lit
from probtensor.lower.kinds.base import Lowering, Task, Writer, loops_along
from probtensor.lower.reader import Reader
from probtensor.lower.sizes import CanonicalSizes
from probtensor.lower.values import spread
from probtensor.ops.kinds import Reduction
from probtensor.types import Size, size_product

# Sums in memory of at most so many terms are added without scratch memory: few rounding errors.
MAX_PLAIN_TERMS = {"float32": 1, "float64": 256}


def combined_as(dtype: str, op: str) -> str:
    """The fold operation for a dtype: for bools a logical one, as in NumPy."""
    logic = {"add": "or", "max": "or", "mul": "and", "min": "and"}
    return logic.get(op, op) if dtype == "bool" else op


class FoldTask(Task):
    """A fold of the elements of its input."""

    @property
    def combine(self) -> str:
        """The fold operation."""
        return combined_as(self.node.dtype, self.node.op.combine)

    @property
    def wide(self) -> bool:
        """Whether terms may be added in memory in double, before they are rounded to its dtype."""
        return self.last_folds is not None

    def reads(self, reader: Reader, variables: Sequence[Size]) -> list[Expr]:
        x = self.node.inputs[0]
        return [reader.value(x, spread(reader.sizes.shape(x), variables))]

    def term(self, values: list[Expr]) -> Expr:
        """The term of one iteration."""
        return values[0]

    def write(self, writer: Writer, variables: list[Size]) -> None:
        writer.fold(self, self.term(self.reads(writer, variables)), variables)

    def starts_at(self, level: int) -> bool:
        return self.in_memory and level == self.first_fold

    def start(self, writer: Writer, level: int, variables: Sequence[Size]) -> None:
        node = self.node
        pairs = zip(self.outs[:level], variables, strict=True)
        fixed = {axis: v for axis, v in pairs if axis is not None}
        neutral = Lit(FOLDS[self.combine].identity(node.dtype), node.dtype)
        writer.fill(node, fixed, lambda index: neutral)

    def carry(self, writer: Writer, level: int, variables: list[Size]) -> Carry | None:
        """The sums in memory that the loop at this level accumulates; None if there are none, or
        if they have so few terms that scratch memory would gain nothing."""
        node = self.node
        if not self.in_memory or node.dtype not in MAX_PLAIN_TERMS or self.combine != "add":
            return None
        folded = self._folded_from(level)
        if folded is None:
            return None
        is_outermost = self.first_fold == level
        outer = None if is_outermost else size_product(folded)
        count = size_product(self._folded_from(self.first_fold))
        if isinstance(count, int) and count <= MAX_PLAIN_TERMS[node.dtype]:
            return None
        # Partial sums of inner loops need it only for float64 (those of float32 are in double
        # already), and only if they are long.
        short = isinstance(outer, int) and outer <= NOT_GATHERED
        if not is_outermost and (node.dtype == "float32" or short):
            return None
        fixed = {axis: v for axis, v in zip(self.outs[:level], variables, strict=True)
                 if axis is not None}  # fmt: skip
        shape = writer.sizes.shape(node)
        rest = [n for axis, n in enumerate(shape) if n != 1 and axis not in fixed]
        return Carry(
            writer.memory.names[node],
            node.dtype,
            writer.scratch(node, rest, "s" if is_outermost else f"s{level}"),
            writer.flat(node, [fixed.get(axis, 0) for axis in range(len(shape))]),
            size_product(rest),
            additions=size_product(folded[1:]),
            outer_additions=outer,
            wide=self.wide,
        )

    def _folded_from(self, level: int) -> list[Size] | None:
        """The extents of the folds from a level on that accumulate in memory (those with a loop
        along an output axis inside); None if the loop at the level is no such fold."""
        last = len(self.outs) if self.last_folds is None else self.last_folds
        if level >= last or self.outs[level] is not None:
            return None
        loops = zip(self.domain[level:last], self.outs[level:last], strict=True)
        return [n for n, axis in loops if axis is None]


class ReductionLowering(Lowering):
    """One task: a loop over the elements of the input."""

    kind = Reduction

    def tasks(self, node: Node, sizes: CanonicalSizes, buffer: bool) -> list[Task]:
        shape = sizes.shape(node.inputs[0])
        output_axes = [a for a in range(len(shape)) if a not in node.op.axes]
        domain, axes = loops_along(shape)
        outs = tuple(None if a in node.op.axes else output_axes.index(a) for a in axes)
        return [FoldTask(node, domain, outs)]
