"""Operators of symbolic sizes: those whose result is no size give a tensor.

`x.shape[0] + 1` is a size, of which shapes are made. `x.shape[0] / 2`, `2.5 * x.shape[0]`, NumPy's
functions of sizes, and comparisons such as `x.shape[0] == 3` that depend on the sizes of a call,
are tensors.
"""

from __future__ import annotations

import operator
from collections.abc import Callable

import numpy as np

from probtensor.graph.node import OPERATORS, as_tensor
from probtensor.graph.symbolic import refusal
from probtensor.types import Dim, is_size

# NumPy's functions of two sizes that give a size, so that np.int64(3) + x.shape[0] is one.
_OF_SIZES = {
    np.add: operator.add, np.subtract: operator.sub, np.multiply: operator.mul,
    np.floor_divide: operator.floordiv, np.remainder: operator.mod,
}  # fmt: skip


def _value(name: str) -> Callable[..., object]:
    """The operator of tensors, applied to a size as its first operand."""
    return lambda self, *others: getattr(as_tensor(self), name)(*others)


def _size_or_value(
    size: Callable[[Dim, object], object], name: str
) -> Callable[[Dim, object], object]:
    """The operator of sizes, and that of tensors where it gives NotImplemented."""
    value = _value(name)

    def applied(self: Dim, other: object) -> object:
        found = size(self, other) if is_size(other) else NotImplemented
        return value(self, other) if found is NotImplemented else found

    return applied


def _refused(what: str) -> Callable[[Dim], object]:
    def method(self: Dim) -> object:
        raise refusal(
            f"the size {self} is not known while the graph is built: {what}",
            "give the input a shape= where it is made, or stay in the graph: pt.zeros((n, 2)), "
            "pt.where(n > 3, a, b)",
        )

    return method


def _array_ufunc(
    self: Dim, ufunc: np.ufunc, method: str, *args: object, **kwargs: object
) -> object:
    if ufunc in _OF_SIZES and method == "__call__" and all(map(is_size, args)):
        return _OF_SIZES[ufunc](*(x if isinstance(x, Dim) else int(x) for x in args))
    args = tuple(as_tensor(x) if isinstance(x, Dim) else x for x in args)
    return OPERATORS["ufunc"](ufunc, method, args, kwargs)


for _name in ("add", "sub", "mul", "floordiv", "mod", "lt", "le", "gt", "ge"):
    for _method in (f"__{_name}__", f"__r{_name}__"):
        _of_dim = getattr(Dim, _method, None)
        setattr(Dim, _method, _size_or_value(_of_dim, _method) if _of_dim else _value(_method))
for _name in ("truediv", "pow", "rtruediv", "rpow", "abs", "round"):
    setattr(Dim, f"__{_name}__", _value(f"__{_name}__"))
for _name, _what in {
    "bool": "it has no truth value until a function is called",
    "int": "it is no Python number",
    "float": "it is no Python number",
    "complex": "it is no Python number",
    "index": "it is no Python number, and makes no array of NumPy's",
}.items():
    setattr(Dim, f"__{_name}__", _refused(_what))
Dim.__array_ufunc__ = _array_ufunc
Dim.undecided = lambda self, relation, other: _value(relation)(self, other)
