"""What a graph costs, by a table: floating-point operations, and bytes read and written.

The numbers compare forms of an expression; they are no prediction of times. Each node counts as if
it were computed alone: its operands are read and its result is written. Fusion saves many of these
bytes, the same for both forms. Functions count as the additions that they take as long as.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from probtensor.dataclass import dataclass
from probtensor.graph.closed import Closed
from probtensor.graph.node import Const, Input, Node
from probtensor.graph.parts import Get, types_of
from probtensor.graph.walk import toposort
from probtensor.ops.kinds import (
    Branch,
    Choice,
    Composite,
    Contraction,
    Core,
    Elementwise,
    Loop,
    Reduction,
    View,
)
from probtensor.types import Size, TensorType, dtype_of, size_names, size_value

UNKNOWN_SIZE = 100  # what a size counts as that is not known
# Elementwise functions, in additions; any other function of one C name counts 15.
WEIGHTS: Mapping[str, float] = {
    **dict.fromkeys(("add", "sub", "mul", "neg", "abs", "minimum", "maximum", "square", "sign",
                     "lt", "le", "gt", "ge", "eq", "ne", "where", "logical_and", "logical_or",
                     "logical_not", "floor", "ceil", "trunc", "round"), 1.0),
    **dict.fromkeys(("cast", "after", "assume", "is_nan", "is_inf", "copysign"), 0.5),
    **dict.fromkeys(("div", "sqrt", "mod", "floor_div"), 5.0),
    **dict.fromkeys(("pow", "arctan2", "cbrt"), 30.0),
    **dict.fromkeys(("lgamma", "digamma", "gamma", "erfinv", "ndtri", "trigamma"), 40.0),
}  # fmt: skip
FUNCTION = 15.0
# Routines: flops for an n-by-n matrix, in n cubed.
CUBIC: Mapping[str, float] = {
    "cholesky": 1 / 3, "cholesky_gradient": 2.0, "lu": 2 / 3, "qr": 4 / 3, "inv": 2.0, "eigh": 9.0,
    "eigvalsh": 4 / 3, "eig": 25.0, "eigvals": 10.0, "svd": 20.0, "singular_values": 8 / 3,
    "schur": 25.0, "expm": 30.0, "sqrtm": 28.0, "logm": 50.0, "adjugate": 4.0,
}  # fmt: skip
PER_ELEMENT = 10.0  # of another routine


@dataclass(frozen=True)
class Cost:
    """Floating-point operations, and bytes moved."""

    flops: float = 0.0
    bytes: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.flops + other.flops, self.bytes + other.bytes)

    def __mul__(self, times: float) -> Cost:
        return Cost(self.flops * times, self.bytes * times)


class Costs:
    """Costs of nodes, given the sizes by key; others count as UNKNOWN_SIZE."""

    def __init__(self, sizes: Mapping[str, int] | None = None) -> None:
        self.sizes = dict(sizes or {})
        self.assumed: set[str] = set()  # the keys of sizes that were not given
        self._nodes: dict[Node, Cost] = {}
        self._bodies: dict[Closed, Cost] = {}

    def size(self, size: Size) -> int:
        """The value of a size."""
        if isinstance(size, int):
            return size
        for name in size_names(size) - self.sizes.keys():
            self.assumed.add(name)
            self.sizes[name] = UNKNOWN_SIZE
        return max(0, size_value(size, self.sizes))

    def elements(self, kind: TensorType) -> int:
        """The number of elements of a type."""
        count = 1
        for n in kind.shape:
            count *= self.size(n)
        return count

    def moved(self, kind: TensorType) -> int:
        """The bytes of a value of a type."""
        return self.elements(kind) * dtype_of(kind.dtype).bytes

    def of_graph(self, outputs: Iterable[Node]) -> Cost:
        """The cost of all nodes that the outputs need."""
        total = Cost()
        for node in toposort(outputs):
            total += self.of(node)
        return total

    def of_body(self, body: Closed) -> Cost:
        """The cost of one run of a body."""
        if body not in self._bodies:
            total = Cost()
            for node in body.order():
                total += self.of(node)
            self._bodies[body] = total
        return self._bodies[body]

    def of(self, node: Node) -> Cost:
        """The cost of one node."""
        if node not in self._nodes:
            self._nodes[node] = self._made(node)
        return self._nodes[node]

    def _made(self, node: Node) -> Cost:
        op = node.op
        if isinstance(op, (Input, Const, Get)) or node.is_complex:
            return Cost()
        if isinstance(op, Loop):
            return self.of_body(op.body) * self._steps(node)
        if isinstance(op, Branch):
            return max((self.of_body(b) for b in op.bodies), key=lambda c: c.flops)
        if isinstance(op, Choice):
            return Cost()
        if isinstance(op, View):  # its readers read other elements; a gather is such a read
            return Cost()
        if isinstance(op, Composite):
            return self._of_composite(node)
        return Cost(self._flops(node), self._traffic(node))

    def _steps(self, node: Node) -> int:
        steps = node.op.steps
        return UNKNOWN_SIZE if steps is None else self.size(steps)

    def _of_composite(self, node: Node) -> Cost:
        try:
            made = node.op.expand(*node.inputs)
        except Exception:  # one that needs sizes that are known only later
            return Cost(self._traffic(node) / 8, self._traffic(node))
        below, total = set(toposort(node.inputs)), Cost()
        for inner in toposort([made] if isinstance(made, Node) else list(made)):
            total += Cost() if inner in below else self.of(inner)
        return total

    def _traffic(self, node: Node) -> float:
        results = types_of(node)
        return float(sum(self.moved(t) for x in node.inputs for t in types_of(x))
                     + sum(map(self.moved, results)))  # fmt: skip

    def _flops(self, node: Node) -> float:
        op = node.op
        count = sum(self.elements(kind) for kind in types_of(node))
        if isinstance(op, Elementwise):
            return count * WEIGHTS.get(op.name, FUNCTION)
        if isinstance(op, Reduction):
            return float(self.elements(node.inputs[0].type))
        if isinstance(op, Contraction):
            return self._of_contraction(node)
        if isinstance(op, Core):
            x = node.inputs[0].type
            n = self.size(x.shape[-1]) if x.shape else 1
            cubic = CUBIC.get(op.name)
            if cubic:
                return cubic * n * self.elements(x)
            if len(node.inputs) > 1 and x.ndim > 1:  # a solve: each column of the right side
                return 1.0 * n * self.elements(node.inputs[-1].type)
            return PER_ELEMENT * self.elements(x)
        return float(count)

    def _of_contraction(self, node: Node) -> float:
        sizes: dict[str, int] = {}
        text = getattr(node.op, "subscripts", "").partition("->")[0]
        for letters, x in zip(text.split(","), node.inputs):
            for letter, n in zip(letters, x.shape):
                sizes[letter] = max(sizes.get(letter, 1), self.size(n))
        total = 2.0
        for n in sizes.values():
            total *= n
        return total


NEAR = 64  # nodes on each side of a rewrite that are looked at


def difference(before: Node, after: Node, costs: Costs) -> tuple[Cost, Cost]:
    """The costs of what only the first of two nodes needs, and of what only the second does. The
    graphs are looked at from the top, as far as a rule may reach."""
    one, other = near(before), near(after)
    first = [x for x in one if x not in other]
    second = [x for x in other if x not in one]
    totals = []
    for nodes in (first, second):
        total = Cost()
        for node in nodes:
            total += costs.of(node)
        totals.append(total)
    return totals[0], totals[1]


def near(node: Node) -> dict[Node, None]:
    """The nodes below one, nearest first, as many as NEAR."""
    found, queue = {node: None}, [node]
    for x in queue:
        for y in x.inputs:
            if len(found) >= NEAR:
                return found
            if y not in found:
                found[y] = None
                queue.append(y)
    return found


def amount(value: float, unit: str) -> str:
    """A number of flops or bytes, with a prefix."""
    for size, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}"


def change(before: Cost, after: Cost) -> str:
    """Two costs in words."""
    return (
        f"{amount(before.flops, 'flop')} -> {amount(after.flops, 'flop')}, "
        f"{amount(before.bytes, 'B')} -> {amount(after.bytes, 'B')}"
    )
