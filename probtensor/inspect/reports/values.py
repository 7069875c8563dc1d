"""Values of nodes by their NumPy meaning: of the graph around and in the bodies of its loops, in
the precision of their types or in a longer one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from probtensor.dataclass import dataclass
from probtensor.graph.closed import Closed, all_bodies
from probtensor.graph.evaluate import Value, evaluate, evaluate_body, value_of
from probtensor.graph.node import Node
from probtensor.graph.sizes import measured_sizes, resized
from probtensor.graph.walk import toposort

MOST_RUNS = 3  # of a body, of which values are kept
WIDE = np.longdouble


@dataclass(frozen=True, eq=False)
class Scope:
    """Values known in one run of a body, or of the graph around: of nodes, and of sizes by key.
    They grow as nodes are evaluated."""

    known: dict[Node, Value]
    sizes: dict[str, int]

    def value(self, node: Node) -> Value:
        """The value of a node. What its op raises is passed on."""
        if node not in self.known:
            for _ in evaluate(toposort([node], self.known), self.known, self.sizes):
                pass
        return self.known[node]

    def inside(self, owner: Node, body: Closed) -> Iterator[Scope]:
        """The first runs of a body of a node, which is evaluated for that."""
        arguments = [self.value(x) for x in owner.inputs]
        self.sizes.update(measured_sizes(owner, self.known))
        op = resized(owner.op, self.sizes)
        place = all_bodies(owner.op).index(body)
        mine, runs = all_bodies(op)[place], []

        def run(made: Closed, values: Sequence[Value]) -> list[Value]:
            if made == mine and len(runs) < MOST_RUNS:
                runs.append(list(map(np.asarray, values)))
            return evaluate_body(made, values)

        with np.errstate(all="ignore"):
            op.computed(arguments, run)
        for values in runs:
            yield Scope(dict(zip(body.parameters, values)), self.sizes)


def wide_values(
    outputs: Iterable[Node], given: Mapping[Node, Value], sizes: Mapping[str, int]
) -> tuple[dict[Node, Value], bool]:
    """The values of the nodes between what is given and the outputs, floats in the longest
    precision that NumPy has; and whether all ops computed in it: some functions, and conversions,
    give shorter numbers. What an op raises that is not defined for it is passed on."""
    found = {node: _wide(value) for node, value in given.items()}
    whole = True
    with np.errstate(all="ignore"):
        for node in toposort(outputs, found):
            value = value_of(node, [found[x] for x in node.inputs], sizes)
            if node.inputs and isinstance(value, np.ndarray) and value.dtype.kind == "f":
                whole = whole and value.dtype == WIDE
            found[node] = _wide(value)
    return found, whole


def _wide(value: Value) -> Value:
    if isinstance(value, tuple):
        return tuple(map(_wide, value))
    return value.astype(WIDE) if value.dtype.kind == "f" else value
