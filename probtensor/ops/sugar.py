"""NumPy's functions that are graphs of other ops."""

from __future__ import annotations

from typing import Any

from probtensor import ops
from probtensor.graph.node import Node, as_tensor
from probtensor.ops.kinds import method
from probtensor.ops.reduce import Axis, normal_axes
from probtensor.types import size_product


@method
def clip(x: Any, min: Any = None, max: Any = None) -> Node:
    """x kept between `min` and `max`; either may be None. Outside, the derivative is 0."""
    out = as_tensor(x)
    if min is not None:
        out = ops.maximum(out, min)
    return out if max is None else ops.minimum(out, max)


@method
def mean(x: Any, axis: Axis = None, keepdims: bool = False, dtype: Any = None) -> Node:
    """The mean over `axis` (all axes if None); integers and bools give float64."""
    x = _floats(x, dtype)
    axes = normal_axes(axis, x.ndim, "mean")
    return ops.sum(x, axes, keepdims) / _count(x, axes)


@method
def var(x: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Node:
    """The mean squared deviation over `axis`, divided by n - ddof; by two passes, so that it is
    accurate where the mean is large."""
    x = _floats(x, None)
    axes = normal_axes(axis, x.ndim, "var")
    deviations = x - mean(x, axes, keepdims=True)
    return ops.sum(ops.square(deviations), axes, keepdims) / (_count(x, axes) - ddof)


@method
def std(x: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Node:
    """The square root of `var`."""
    return ops.sqrt(var(x, axis, ddof, keepdims))


def _floats(x: Any, dtype: Any) -> Node:
    x = as_tensor(x)
    if dtype is not None:
        return ops.astype(x, dtype)
    return x if x.type.is_float else ops.astype(x, "float64")


def _count(x: Node, axes: tuple[int, ...]) -> Any:
    count = size_product(x.shape[a] for a in axes)
    return float(count) if isinstance(count, int) else ops.astype(as_tensor(count), x.dtype)
