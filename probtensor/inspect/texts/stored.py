"""Inputs that are stored otherwise than they are written: complex ones as pairs of floats, float16
ones as their bits."""

from __future__ import annotations

from probtensor import ops
from probtensor.graph.node import Const, Node
from probtensor.ops.complexes.pair import ComplexInput
from probtensor.ops.halves import HalfInput


def stored_as(node: Node) -> tuple[str, Node | None]:
    """("real" or "imag", the complex input of which a node is that part), with the parts along a
    last axis; ("", the input of float16 of which a node is the value); ("", None) for others."""
    op = node.op
    if isinstance(op, ops.Slice) and isinstance(node.inputs[0].op, ComplexInput):
        source = node.inputs[0]
        *whole, (start, _, size) = zip(op.starts, op.steps, node.shape, strict=True)
        ends = zip(whole, source.shape, strict=False)
        if size == 1 and all(axis == (0, 1, n) for axis, n in ends):
            return ("real", "imag")[start], source
    if isinstance(op, ops.Where) and isinstance(node.inputs[0].op, ops.Gt):
        bits, limit = node.inputs[0].inputs  # as `FromHalf` is expanded
        if isinstance(bits.op, HalfInput) and isinstance(limit.op, Const):
            return "", bits
    return "", None
