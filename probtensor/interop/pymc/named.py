"""Models of `pymc.dims`: variables with named dimensions as tensors whose axes have an order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from probtensor.dataclass import dataclass

Variable = Any  # of PyTensor
Transform = Any  # of PyMC
LOWERING = ("lower_xtensor",)


def tensors_of(model: Any) -> dict[Variable, Variable]:
    """{variable of a model: the same as a tensor}, of all its random variables, deterministics and
    potentials, by PyTensor's own rewrites; empty for a model without named dimensions. A variable
    with a batch whose axes have another order is one of parameters with this order. The model is
    not changed."""
    variables = [*model.basic_RVs, *model.deterministics, *model.potentials]
    ancestors = import_module("pytensor.graph.traversal").ancestors(variables)
    if not any(type(x.type).__name__ == "XTensorType" for x in ancestors):
        return {}
    rewrite = import_module("pytensor.graph.rewriting.utils").rewrite_graph
    found = rewrite(variables, include=LOWERING, clone=True)
    found = _in_order([_inner(y) for y in found])
    return dict(zip(variables, found, strict=True))


def _inner(x: Variable) -> Variable:
    """What a variable with named dimensions is made of, where that is a tensor."""
    while x.owner is not None and type(x.owner.op).__name__ == "XTensorFromTensor":
        (x,) = x.owner.inputs
    return x


def _in_order(variables: list[Variable]) -> list[Variable]:
    """Variables, and random ones of them of which only the axes have another order by their
    parameters in this order; not those whose event has other axes."""
    graph = import_module("pytensor.graph.fg").FunctionGraph(outputs=variables, clone=False)
    rules = import_module("pytensor.tensor.random.rewriting")
    walk = import_module("pytensor.graph.rewriting.basic").dfs_rewriter
    walk(rules.local_dimshuffle_rv_lift).rewrite(graph)
    return list(graph.outputs)


def is_named(transform: Transform) -> bool:
    """Is a transform one of tensors with named dimensions?"""
    return any(kind.__name__ == "DimTransform" for kind in type(transform).__mro__)


def positional(transform: Transform, dims: Sequence[str]) -> Transform:
    """A transform of named dimensions as one of tensors whose axes are `dims`: that of PyMC which
    has the same map, where there is one."""
    home, name = type(transform).__module__.split(".")[0], type(transform).__name__
    made = SAME[name](transform, tuple(dims)) if home == "pymc" and name in SAME else None
    return OfNamed(transform, tuple(dims)) if made is None else made


def _pymc() -> Any:
    return import_module("pymc.distributions.transforms")


def _interval(transform: Transform, dims: tuple[str, ...]) -> Transform | None:
    ends = [np.asarray(x.data) for x in (transform.lower, transform.upper)]
    if any(x.ndim for x in ends):
        return None
    return _pymc().Interval(*(None if np.isinf(x) else float(x) for x in ends))


def _zero_sum(transform: Transform, dims: tuple[str, ...]) -> Transform:
    return _pymc().ZeroSumTransform(tuple(dims.index(d) - len(dims) for d in transform.dims))


SAME: dict[str, Callable[[Transform, tuple[str, ...]], Transform | None]] = {
    "LogTransform": lambda *_: _pymc().log,
    "LogOddsTransform": lambda *_: _pymc().logodds,
    "IntervalTransform": _interval,
    "SimplexTransform": lambda x, dims: _pymc().simplex if x.core_dim == dims[-1] else None,
    "ZeroSumTransform": _zero_sum,
}


@dataclass(frozen=True)
class OfNamed:
    """A transform of named dimensions with tensors of these dims in and out; its log-Jacobian is
    one number."""

    transform: Transform
    dims: tuple[str, ...]

    def forward(self, value: Variable, *inputs: Variable) -> Variable:
        return self._lowered(self.transform.forward, value, inputs)

    def backward(self, value: Variable, *inputs: Variable) -> Variable:
        return self._lowered(self.transform.backward, value, inputs)

    def log_jac_det(self, value: Variable, *inputs: Variable) -> Variable:
        found = self.transform.log_jac_det(self._named(value), *inputs)
        return self._tensor(found.sum())

    def _named(self, value: Variable) -> Variable:
        return import_module("pytensor.xtensor").as_xtensor(value, dims=self.dims)

    def _lowered(self, call: Callable, value: Variable, inputs: Sequence[Variable]) -> Variable:
        return self._tensor(call(self._named(value), *inputs).transpose(*self.dims))

    def _tensor(self, x: Variable) -> Variable:
        rewrite = import_module("pytensor.graph.rewriting.utils").rewrite_graph
        return rewrite(x.values, include=LOWERING, clone=True)
