"""Symbolic sizes among values: what sizes themselves do not answer makes a tensor.

`x.shape[0] + 1` is a size, which shapes are made of. `x.shape[0] / 2`, `2.5 * x.shape[0]`,
NumPy's functions of sizes, and comparisons such as `x.shape[0] == 3` that depend on the sizes of a
call, are values of the graph.
"""

from __future__ import annotations

import operator
from collections.abc import Callable

import numpy as np

from probtensor.graph.node import OPERATORS, as_tensor
from probtensor.graph.symbolic import refusal
from probtensor.types import Dim, is_size

# What two sizes make of NumPy's functions, so that np.int64(3) + x.shape[0] stays a size.
_OF_SIZES = {
    np.add: operator.add, np.subtract: operator.sub, np.multiply: operator.mul,
    np.floor_divide: operator.floordiv, np.remainder: operator.mod,
}  # fmt: skip


def _value(name: str) -> Callable[..., object]:
    """The operator of tensors, with a size as its first operand."""
    return lambda self, *others: getattr(as_tensor(self), name)(*others)


def _size_or_value(
    size: Callable[[Dim, object], object], name: str
) -> Callable[[Dim, object], object]:
    """The operator of sizes, and that of tensors where it has no answer."""
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
        _own = getattr(Dim, _method, None)
        setattr(Dim, _method, _size_or_value(_own, _method) if _own else _value(_method))
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
