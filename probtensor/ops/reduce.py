"""Folds over axes: sum, product, extremes, truth. Means and variances are made of them in sugar.py.

The ops take sorted, non-negative axes and drop them; the functions take NumPy's `axis`, `keepdims`
and `dtype`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from probtensor import ops
from probtensor.graph.node import GraphError, Node, as_tensor, make
from probtensor.ops.kinds import Reduction, method, op
from probtensor.ops.samples import Sample, arrays, cases
from probtensor.types import TensorType, check_dtype

Axis = int | Sequence[int] | None
AXES = cases((3, 4), axes=[(0,), (1,), (0, 1)]) + cases((2, 3, 2), axes=[(0, 2), (1,), ()])
TRUTHS = tuple(
    Sample(lambda rng: (rng.random((3, 4)) < 0.7,), {"axes": axes}, smooth=False)
    for axes in ((0,), (0, 1))
)


def normal_axes(axis: Axis, ndim: int, what: str) -> tuple[int, ...]:
    """NumPy's `axis` as sorted, non-negative axes; None is all of them."""
    if axis is None:
        return tuple(range(ndim))
    given = (axis,) if isinstance(axis, (int, np.integer)) else tuple(axis)
    found = []
    for a in given:
        if not -ndim <= a < ndim:
            raise GraphError(f"{what}: axis {a} of a tensor with {ndim} axes")
        found.append(int(a) % ndim)
    if len(set(found)) != len(found):
        raise GraphError(f"{what}: an axis stands twice in {given}")
    return tuple(sorted(found))


def spread(x: Node, axes: tuple[int, ...], shape: tuple) -> Node:
    """A reduced value put back over the axes it lost."""
    return ops.broadcast_to(ops.expand_dims(x, axes), shape)


@op
class Sum(Reduction):
    """The sum over `axes`, in the dtype of x."""

    combine, identity = "add", 0
    linear = True
    samples = AXES + arrays(lambda rng: rng.integers(-9, 9, (3, 4)), smooth=False, axes=(1,))

    def numpy(self, x):
        return np.sum(x, axis=self.axes, dtype=x.dtype)

    def vjp(self, g, out, x):
        return (spread(g, self.axes, x.shape),)


@op
class Prod(Reduction):
    """The product over `axes`, in the dtype of x."""

    combine, identity = "mul", 1
    samples = AXES + arrays(lambda rng: rng.integers(-9, 9, (3, 4)), smooth=False, axes=(1,))

    def numpy(self, x):
        return np.prod(x, axis=self.axes, dtype=x.dtype)

    def vjp(self, g, out, x):
        return (spread(g, self.axes, x.shape) * _product_of_the_others(x, self.axes),)


def _product_of_the_others(x: Node, axes: tuple[int, ...]) -> Node:
    """At each place, the product of all other elements along `axes`.

    Not out / x, which has no value at a zero: the element itself is masked out of a second copy of
    the reduced axes, so that the result, and every derivative of it, is right whatever is zero.
    """
    kept = [a for a in range(x.ndim) if a not in axes]
    last = ops.transpose(x, (*kept, *axes))
    outer = last.shape[: len(kept)]
    flat = ops.reshape(last, (*outer, -1))
    n = flat.shape[-1]
    own = ops.eq(ops.expand_dims(ops.arange(n), 1), ops.arange(n))
    others = ops.prod(ops.where(own, 1, ops.expand_dims(flat, -2)), axis=-1)
    back = np.argsort((*kept, *axes))
    return ops.transpose(ops.reshape(others, last.shape), tuple(int(a) for a in back))


class Extreme(Reduction):
    """What `max` and `min` share: equal extremes share the derivative evenly; nan spreads."""

    identity = None
    samples = AXES[:-1] + arrays(
        lambda rng: np.array([[1.0, np.nan, 2.0], [np.inf, 0.0, -np.inf]]), smooth=False, axes=(1,)
    )

    def vjp(self, g, out, x):
        extreme = ops.eq(x, spread(out, self.axes, x.shape))
        count = ops.sum(ops.astype(extreme, x.dtype), self.axes)
        return (ops.where(extreme, spread(g / count, self.axes, x.shape), 0),)


@op
class Max(Extreme):
    """The largest element over `axes`; nan where there is one."""

    combine = "max"

    def numpy(self, x):
        return np.max(x, axis=self.axes)


@op
class Min(Extreme):
    """The smallest element over `axes`; nan where there is one."""

    combine = "min"

    def numpy(self, x):
        return np.min(x, axis=self.axes)


class Truth(Reduction):
    """A fold of bools."""

    differentiable = False
    samples = TRUTHS

    def infer(self, x: TensorType) -> TensorType:
        if x.dtype != "bool":
            raise TypeError("needs bools")
        return super().infer(x)


@op
class All(Truth):
    """True where no element over `axes` is false."""

    combine, identity = "and", True

    def numpy(self, x):
        return np.all(x, axis=self.axes)


@op
class Any_(Truth):
    """True where some element over `axes` is true."""

    name = "any"
    combine, identity = "or", False

    def numpy(self, x):
        return np.any(x, axis=self.axes)


def wide(x: Node, dtype: Any) -> Node:
    """x in the dtype that NumPy sums and multiplies it in."""
    if dtype is not None:
        return ops.astype(x, check_dtype(dtype))
    if x.dtype.startswith("uint"):
        return ops.astype(x, "uint64")
    return x if x.type.is_float else ops.astype(x, "int64")


def folded(kind: type[Reduction], x: Node, axis: Axis, keepdims: bool) -> Node:
    """A reduction of x by NumPy's arguments."""
    axes = normal_axes(axis, x.ndim, kind.name)
    out = make(kind(axes), (x,)) if axes else x
    return ops.expand_dims(out, axes) if keepdims and axes else out


@method
def sum(x: Any, axis: Axis = None, keepdims: bool = False, dtype: Any = None) -> Node:
    """The sum over `axis` (all axes if None). Bools and integers are summed as int64 (uint64)."""
    return folded(Sum, wide(as_tensor(x), dtype), axis, keepdims)


@method
def prod(x: Any, axis: Axis = None, keepdims: bool = False, dtype: Any = None) -> Node:
    """The product over `axis` (all axes if None). Its derivative is right at zeros as well; it
    costs the square of the number of elements."""
    return folded(Prod, wide(as_tensor(x), dtype), axis, keepdims)


@method
def max(x: Any, axis: Axis = None, keepdims: bool = False) -> Node:
    """The largest element over `axis` (all axes if None); nan where there is one. Equal largest
    elements share the derivative."""
    x = as_tensor(x)
    return any(x, axis, keepdims) if x.dtype == "bool" else folded(Max, x, axis, keepdims)


@method
def min(x: Any, axis: Axis = None, keepdims: bool = False) -> Node:
    """The smallest element over `axis` (all axes if None); nan where there is one. Equal smallest
    elements share the derivative."""
    x = as_tensor(x)
    return all(x, axis, keepdims) if x.dtype == "bool" else folded(Min, x, axis, keepdims)


@method
def all(x: Any, axis: Axis = None, keepdims: bool = False) -> Node:
    """Whether every element over `axis` is true (not 0)."""
    return folded(All, ops.astype(x, "bool"), axis, keepdims)


@method
def any(x: Any, axis: Axis = None, keepdims: bool = False) -> Node:
    """Whether some element over `axis` is true (not 0)."""
    return folded(Any_, ops.astype(x, "bool"), axis, keepdims)


amax, amin = max, min
