"""What a loop collects over its steps: sums and stacks of values.

A sum over the steps of products of two values, each of which changes with the step, is one product
of the stacked values after the loop: the gradient of a matrix that a recurrent network multiplies
by is one product over all steps. Likewise a stack of products with a tensor that does not change.
"""

from __future__ import annotations

import string
from collections.abc import Collection, Mapping, Sequence

from probtensor import ops
from probtensor.graph.node import Node, make, new_input
from probtensor.ops.arrays.views import BroadcastTo, DropAxes, ExpandDims, Reshape, Transpose
from probtensor.ops.elementwise.arithmetic import Add, Neg, Sub
from probtensor.ops.kinds import Contraction
from probtensor.types import Size

# Sums and views that products are looked for under.
MAX_DEPTH = 40
# Ops of which the sum over steps is the op of the sums.
_LINEAR = (Add, Sub, Neg, Transpose, Reshape, ExpandDims, DropAxes, BroadcastTo)


class Collector:
    """Totals and stacks of values of a body, as graphs of what a loop sums and stacks.

    `total` and `stack` are called for all values before the loop is made, to enter what it sums and
    stacks into `summed` and `stacked`; then `finish` with the results of the loop; then again.

    changing  the nodes of the body that change with the step; all others are nodes from outside
    known     the sequences of which some inputs of the body are the elements
    steps     the number of steps, none of which is omitted if `known` is not empty
    """

    def __init__(
        self, changing: Collection[Node], known: Mapping[Node, Node], steps: Size
    ) -> None:
        self._changing = changing
        self._known, self._steps = known, steps
        self.summed: dict[Node, Node] = {}
        self.stacked: dict[Node, Node] = {}
        self._has_product: dict[Node, bool] = {}

    def finish(self, results: Sequence[Node]) -> None:
        """The results of the loop: what is summed, and then what is stacked."""
        self.summed = dict(zip(self.summed, results))
        self.stacked = dict(zip(self.stacked, results[len(self.summed) :]))

    def total(self, x: Node) -> Node:
        """The sum of a value over the steps."""
        if not self._reaches_product(x, MAX_DEPTH):
            return self._entered(self.summed, x, x.shape)
        if not isinstance(x.op, Contraction):
            return make(x.op, tuple(map(self.total, x.inputs)))
        a, b = x.inputs
        if a in self._changing and b in self._changing:
            first, second, out = x.op.parts()
            t = _unused(x.op.subscripts)
            return ops.contract(f"{t}{first},{t}{second}->{out}", self.stack(a), self.stack(b))
        return make(x.op, (self.total(a), b) if a in self._changing else (a, self.total(b)))

    def stack(self, x: Node) -> Node:
        """The values of all steps along a new axis 0."""
        if x in self._known:
            return self._known[x]
        if isinstance(x.op, Contraction) and x in self._changing:
            (first, second, out), (a, b) = x.op.parts(), x.inputs
            t = _unused(x.op.subscripts)
            if a not in self._changing:
                return ops.contract(f"{first},{t}{second}->{t}{out}", a, self.stack(b))
            if b not in self._changing:
                return ops.contract(f"{t}{first},{second}->{t}{out}", self.stack(a), b)
        return self._entered(self.stacked, x, (self._steps, *x.shape))

    def _entered(self, table: dict[Node, Node], x: Node, shape: tuple[Size, ...]) -> Node:
        if x not in table:
            table[x] = new_input("collected", x.dtype, shape)
        return table[x]

    def _reaches_product(self, x: Node, depth: int) -> bool:
        """Whether a value is a product, or a sum or view of one, that is computed after the
        loop."""
        if x not in self._has_product:
            self._has_product[x] = x in self._changing and self._is_product(x, depth)
        return self._has_product[x]

    def _is_product(self, x: Node, depth: int) -> bool:
        if isinstance(x.op, Contraction):
            first, second, out = map(set, x.op.parts())
            one_changes = (x.inputs[0] in self._changing) != (x.inputs[1] in self._changing)
            # Else the stacked factors would be larger than the product.
            return one_changes or not (first >= out or second >= out)
        if not isinstance(x.op, _LINEAR) or not depth:
            return False
        return any(self._reaches_product(a, depth - 1) for a in x.inputs)


def _unused(subscripts: str) -> str:
    return next(c for c in string.ascii_letters if c not in subscripts)
