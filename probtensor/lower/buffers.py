"""What writing the loops of a plan is given, and what it finds that the plan must hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from probtensor.graph.node import Const, Input, Node
from probtensor.lower.values import uniform_value
from probtensor.types import Size, SizeCheck


@dataclass(frozen=True)
class Memory:
    """Buffer names of nodes, and which nodes need one. Shared by all kernels of a plan.

    `results` are the names of outputs; they differ from `names` for an input that is returned.
    `values` are nodes that are read otherwise than to point into an axis, `written_out` the views
    that are not inlined.
    """

    names: dict[Node, str]
    results: dict[Node, str]
    stored: set[Node]
    values: set[Node]
    written_out: frozenset[Node]


@dataclass
class Needs:
    """What the statements of a plan rely on.

    checked   index arrays that the entry of a call checks, by (input, size of the axis)
    limits    size laws of literal indices
    scratch   further buffers of doubles, each with its node and shape
    failures  messages of the statuses that kernels return
    """

    checked: dict[tuple[Node, Size], str] = field(default_factory=dict)
    limits: dict[SizeCheck, None] = field(default_factory=dict)
    scratch: dict[str, tuple[Node, tuple[Size, ...]]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


def memory_of(
    order: Sequence[Node],
    inputs: Sequence[Node],
    outputs: Sequence[Node],
    stored: set[Node],
    written_out: frozenset[Node],
) -> Memory:
    """Names for all buffers: x for inputs, c for constants, y for outputs, w for the rest."""
    names = {node: f"x{k}" for k, node in enumerate(inputs)}
    constants = (n for n in order if isinstance(n.op, Const) and uniform_value(n) is None)
    names |= {node: f"c{k}" for k, node in enumerate(constants)}
    for k, node in enumerate(order):
        names.setdefault(node, f"w{k}")
    results = {node: f"y{k}" for k, node in enumerate(dict.fromkeys(outputs))}
    computed = {n: name for n, name in results.items() if not isinstance(n.op, (Input, Const))}
    names |= computed
    values = read_as_values(order, outputs)
    return Memory(names, results, stored | computed.keys(), values, written_out)


def read_as_values(order: Sequence[Node], outputs: Sequence[Node]) -> set[Node]:
    """Nodes read otherwise than as indices that must lie within an axis."""
    found = set(outputs)
    for node in reversed(order):
        pointing = node.op.index_inputs() if node.op.index_mode == "raise" else ()
        for position, x in enumerate(node.inputs):
            if position not in pointing and (node in found or not node.op.reads_all):
                found.add(x)
    return found
