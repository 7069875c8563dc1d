"""Tensors with named dimensions: PyTensor's own rewrite makes graphs of tensors of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from probtensor.graph import Node


def lowered(
    outputs: Sequence[Any], given: Mapping[Any, Node]
) -> tuple[Sequence[Any], Mapping[Any, Node]]:
    """The outputs without ops of named dimensions, and what is given for the variables that they
    are made of; both as they are where there is no such op."""
    from pytensor.graph.replace import clone_replace
    from pytensor.graph.rewriting.utils import rewrite_graph
    from pytensor.graph.traversal import ancestors

    within = ancestors(outputs, blockers=list(given))
    if not any(is_named(x.owner.op) for x in within if x.owner is not None and x not in given):
        return outputs, given
    fresh = {x: x if x.owner is None else x.type(name=x.name) for x in given}
    replaced = {x: y for x, y in fresh.items() if x is not y}
    outputs = clone_replace(list(outputs), replaced) if replaced else list(outputs)
    outputs = rewrite_graph(outputs, include=("lower_xtensor",), clone=True)
    return outputs, {fresh[x]: node for x, node in given.items()}


def is_named(op: Any) -> bool:
    """Is an op one of tensors with named dimensions?"""
    return any(kind.__name__ in ("XOp", "XTypeCastOp") for kind in type(op).__mro__)
