"""Models of `pymc.dims`: variables with named dimensions as tensors whose axes have an order."""

from __future__ import annotations

from importlib import import_module
from typing import Any

Variable = Any  # of PyTensor


def tensors_of(model: Any) -> dict[Variable, Variable]:
    """{variable of a model: the same as a tensor}, of all its random variables, deterministics and
    potentials, by PyTensor's own rewrites; empty for a model without named dimensions. The model is
    not changed."""
    variables = [*model.basic_RVs, *model.deterministics, *model.potentials]
    ancestors = import_module("pytensor.graph.traversal").ancestors(variables)
    if not any(type(x.type).__name__ == "XTensorType" for x in ancestors):
        return {}
    rewrite = import_module("pytensor.graph.rewriting.utils").rewrite_graph
    found = rewrite(variables, include=("lower_xtensor",), clone=True)
    return {x: _inner(y) for x, y in zip(variables, found, strict=True)}


def _inner(x: Variable) -> Variable:
    """What a variable with named dimensions is made of, where that is a tensor."""
    while x.owner is not None and type(x.owner.op).__name__ == "XTensorFromTensor":
        (x,) = x.owner.inputs
    return x
