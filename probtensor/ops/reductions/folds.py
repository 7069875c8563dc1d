"""Reductions over axes: sum, prod, max, min, all, any. Means and variances are graphs of these
(statistics.py).

The ops take sorted, non-negative axes and drop them; the functions take NumPy's `axis`, `keepdims`
and `dtype`.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from probtensor import ops
from probtensor.calls import line_text, public
from probtensor.graph.node import Const, GraphError, Node, TensorLike, as_tensor, line_of, make
from probtensor.ops.kinds import Reduction, as_tensor_of, method, op
from probtensor.ops.samples import Sample, arrays, cases
from probtensor.types import Dim, Size, TensorType, check_dtype, dtype_of, shape_text

Axis = int | Sequence[int] | None
FEW = 32  # elements of which each is left out in turn, in a time that grows with their square
AXES = cases((3, 4), axes=[(0,), (1,), (0, 1)]) + cases((2, 3, 2), axes=[(0, 2), (1,), ()])
TRUTHS = tuple(
    Sample(lambda rng: (rng.random((3, 4)) < 0.7,), {"axes": axes}, smooth=False)
    for axes in ((0,), (0, 1))
)


def listed_axes(
    axis: Axis,
    x: Node,
    what: str,
    ndim: int | None = None,
    several: bool = True,
    distinct: bool = True,
) -> tuple[int, ...]:
    """NumPy's `axis` as non-negative axes in the order given; None means all. `ndim` is the number
    of axes if that is not the one of x. Without `several` only one integer is accepted; without
    `distinct` an axis may occur twice."""
    ndim = x.ndim if ndim is None else ndim
    if axis is None and several:
        return tuple(range(ndim))
    given = tuple(axis) if several and isinstance(axis, (tuple, list)) else (axis,)
    found = []
    for a in given:
        axis_index = _as_index(a)
        if axis_index is None:
            wanted = "an integer, a tuple of integers or None" if several else "an integer"
            raise GraphError(f"{what}: axis must be {wanted}, not {axis!r:.60}{described(x)}")
        if not -ndim <= axis_index < ndim:
            text = f"{what}: axis {axis_index} of a tensor with {ndim} axes"
            last = f"; they go from {-ndim} to {ndim - 1}" if ndim else ""
            raise GraphError(text + last + described(x))
        found.append(axis_index % ndim)
    if distinct and len(set(found)) != len(found):
        raise GraphError(f"{what}: an axis stands twice in {given}{described(x)}")
    return tuple(found)


def normal_axes(axis: Axis, x: Node, what: str, ndim: int | None = None) -> tuple[int, ...]:
    """NumPy's `axis` as sorted, non-negative axes; None means all."""
    return tuple(sorted(listed_axes(axis, x, what, ndim)))


def one_axis(axis: object, x: Node, what: str, ndim: int | None = None) -> int:
    """An axis that is one integer, as a non-negative one; GraphError for a tuple or None."""
    return listed_axes(axis, x, what, ndim, several=False)[0]


def _as_index(value: object) -> int | None:
    """An integer of any library; None for anything else, including bools and tensors."""
    if isinstance(value, (bool, np.bool_, Node)):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def one_integer(value: object, what: str, tensors: bool = True) -> Size:
    """An integer of any library as a Python one; a symbolic size as it is, and with `tensors` also
    an integer tensor without axes. GraphError, which begins with `what`, for anything else."""
    if isinstance(value, Dim):
        return value
    if isinstance(value, Node):
        if tensors and not value.shape and np.dtype(value.dtype).kind in "iu":
            return value
    else:
        found = int(value) if isinstance(value, bool) else _as_index(value)
        if found is not None:
            return found
    raise GraphError(f"{what} is an integer, not {value!r:.60}")


def described(x: Node) -> str:
    """The lines of a message with the user's line and the tensor that it is about."""
    while isinstance(x.op, ops.Cast):
        x = x.inputs[0]
    if isinstance(x.op, Const):
        return f"\n  at {line_text()}\n  the tensor is a constant of shape {shape_text(x.shape)}"
    called = x.name or x.op.node_text(x)
    return (
        f"\n  at {line_text()}\n  {called} has shape {shape_text(x.shape)}, made at {line_of(x)}"
    )


def flag(value: object, what: str) -> bool:
    """A bool from a bool, 0 or 1; GraphError for anything else."""
    if isinstance(value, (bool, np.bool_)) or (isinstance(value, int) and value in (0, 1)):
        return bool(value)
    raise GraphError(f"{what} must be True or False, not {value!r:.60}")


def spread(x: Node, axes: tuple[int, ...], shape: tuple) -> Node:
    """A reduced value broadcast over the reduced axes again."""
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


def before(x: Node, first: TensorLike) -> Node:
    """The element before each one along the last axis; `first` for the first one."""
    head = ops.full((*x.shape[:-1], 1), first, x.dtype)
    return ops.concatenate([head, x], -1)[..., : x.shape[-1]]


def _product_of_the_others(x: Node, axes: tuple[int, ...]) -> Node:
    """For each element, the product of all other elements along `axes`.

    Not out / x, which is nan at a zero. Of up to FEW elements each is masked out of a second copy
    of the reduced axes; of more, or of an unknown number, those before it are multiplied by those
    after it. Either way the result and all its derivatives are right at zeros.
    """
    remaining = [a for a in range(x.ndim) if a not in axes]
    last = ops.transpose(x, (*remaining, *axes))
    outer = last.shape[: len(remaining)]
    flat = ops.reshape(last, (*outer, -1))
    n = flat.shape[-1]
    if isinstance(n, int) and n <= FEW:
        is_same = ops.eq(ops.expand_dims(ops.arange(n), 1), ops.arange(n))
        others = ops.prod(ops.where(is_same, 1, ops.expand_dims(flat, -2)), axis=-1)
    else:
        later = ops.flip(ops.cumprod(before(ops.flip(flat, -1), 1), -1), -1)
        others = ops.cumprod(before(flat, 1), -1) * later
    back = np.argsort((*remaining, *axes))
    return ops.transpose(ops.reshape(others, last.shape), tuple(int(a) for a in back))


class Extreme(Reduction):
    """Base of `max` and `min`: equal extremes share the derivative evenly; nan propagates."""

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
class Peak(Max):
    """The largest element over `axes`; the smallest value of the dtype (-inf) if there is none."""

    identity = -np.inf
    samples = cases((3, 4), axes=[(0,), (0, 1)])

    def numpy(self, x):
        kind = x.dtype.kind
        least = -np.inf if kind == "f" else False if kind == "b" else np.iinfo(x.dtype).min
        return np.max(x, axis=self.axes, initial=least)


@op
class Min(Extreme):
    """The smallest element over `axes`; nan where there is one."""

    combine = "min"

    def numpy(self, x):
        return np.min(x, axis=self.axes)


@op
class Trough(Min):
    """The smallest element over `axes`; the largest value of the dtype (inf) if there is none."""

    identity = np.inf
    samples = cases((3, 4), axes=[(0,), (0, 1)])

    def numpy(self, x):
        kind = x.dtype.kind
        most = np.inf if kind == "f" else True if kind == "b" else np.iinfo(x.dtype).max
        return np.min(x, axis=self.axes, initial=most)


class Truth(Reduction):
    """A reduction of bools."""

    differentiable = False
    samples = TRUTHS

    def infer(self, x: TensorType) -> TensorType:
        if x.dtype != "bool":
            raise TypeError("needs bools")
        return super().infer(x)


@op
class All(Truth):
    """True if no element over `axes` is false."""

    combine, identity = "and", True

    def numpy(self, x):
        return np.all(x, axis=self.axes)


@op
class Any_(Truth):
    """True if an element over `axes` is true."""

    name = "any"
    combine, identity = "or", False

    def numpy(self, x):
        return np.any(x, axis=self.axes)


def wide(x: Node, dtype: DTypeLike) -> Node:
    """x in the dtype in which NumPy sums and multiplies it."""
    if dtype is not None:
        return ops.astype(x, check_dtype(dtype))
    if x.dtype.startswith("uint"):
        return ops.astype(x, "uint64")
    return x if x.dtype.is_inexact else ops.astype(x, "int64")


def folded(
    kind: type[Reduction],
    x: Node,
    axis: Axis,
    keepdims: bool,
    initial: TensorLike | None = None,
    where: TensorLike | None = None,
) -> Node:
    """A reduction of x by NumPy's arguments."""
    name = kind.name
    axes = normal_axes(axis, x, name)
    start = None if initial is None else _start(initial, x.dtype, name)
    x = chosen(x, where, start if kind.identity is None else kind.identity, name)
    if start is not None and kind.identity is None and 0 in [x.shape[a] for a in axes]:
        remaining = tuple(n for a, n in enumerate(x.shape) if a not in axes)
        out = ops.broadcast_to(start, remaining)
    else:
        if start is not None and [a for a in axes if not isinstance(x.shape[a], int)]:
            kind = {Max: Peak, Min: Trough}.get(kind, kind)  # there may be no elements
        out = make(kind(axes), (x,)) if axes else x
        out = out if start is None else JOINED[kind.combine](out, start)
    return ops.expand_dims(out, axes) if flag(keepdims, f"{name}: keepdims") and axes else out


JOINED = {
    "add": lambda x, y: x + y,
    "mul": lambda x, y: x * y,
    "max": lambda x, y: ops.maximum(x, y),
    "min": lambda x, y: ops.minimum(x, y),
}


def _start(initial: TensorLike, dtype: str, what: str) -> Node:
    node = as_tensor(initial)
    if node.shape:
        raise GraphError(f"{what}: initial is a number, not of shape {shape_text(node.shape)}")
    if node.dtype.is_inexact and not dtype_of(dtype).is_inexact:
        raise GraphError(f"{what}: initial is {node.dtype}, the tensor {dtype}; cast one of them")
    if isinstance(initial, (np.integer, np.ndarray)) and not dtype_of(dtype).is_inexact:
        initial = initial.item()  # which has to fit, as in NumPy
    elif isinstance(initial, Node) and not (
        node.dtype.is_inexact or np.can_cast(node.dtype, dtype)
    ):
        text = f"{what}: initial is {node.dtype}, which {dtype} does not hold; cast one of them"
        raise GraphError(text)
    return as_tensor_of(initial, dtype, f"{what}: initial")


def chosen(x: Node, where: TensorLike, other: TensorLike, what: str) -> Node:
    """x with `other` where the mask `where`, which broadcasts to x, is false."""
    if where is None or where is True:
        return x
    mask = as_tensor(where)
    if mask.dtype != "bool":
        raise GraphError(f"{what}: where= is a mask of bools, not {mask.dtype}{described(mask)}")
    if other is None:
        raise GraphError(f"{what}: where= needs initial=, the value of a fold of nothing")
    return ops.where(ops.broadcast_to(mask, x.shape), x, other)


def _extreme(
    kind: type[Reduction],
    x: Node,
    axis: Axis,
    keepdims: bool,
    initial: TensorLike,
    where: TensorLike,
) -> Node:
    """The largest or smallest element; of bools as of 0 and 1."""
    if x.dtype != "bool":
        return folded(kind, x, axis, keepdims, initial, where)
    if initial is None and where is None:
        return folded(Any_ if kind is Max else All, x, axis, keepdims)
    small = ops.astype(x, "uint8")
    start = None if initial is None else ops.astype(as_tensor(initial), "uint8")
    return ops.astype(folded(kind, small, axis, keepdims, start, where), "bool")


@method
@public(lacks=("out",))
def sum(
    a: TensorLike,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    keepdims: bool = False,
    initial: TensorLike | None = None,
    where: TensorLike | None = None,
) -> Node:
    """The sum over `axis` (all axes if None). Bools and integers are summed as int64 (uint64).

    `initial` is added; where the mask `where` does not hold, elements count as 0.

    Returns a tensor without the reduced axes (of size 1 with `keepdims`), in the dtype of `a` if
    that is a float, or in `dtype`.
    Raises GraphError, a TypeError, for an axis that `a` has not, or one that stands twice.

        >>> pt.sum([[1.0, 2.0], [3.0, 4.0]], axis=0).eval()
        array([4., 6.])
    """
    return folded(Sum, wide(as_tensor(a), dtype), axis, keepdims, initial, where)


@method
@public(lacks=("out",))
def prod(
    a: TensorLike,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    out: None = None,
    keepdims: bool = False,
    initial: TensorLike | None = None,
    where: TensorLike | None = None,
) -> Node:
    """The product over `axis` (all axes if None), with NumPy's arguments as in `sum`. Its
    derivatives of any order are right at zeros, and take as many steps as there are elements.

    Returns a tensor without the reduced axes (of size 1 with `keepdims`), in the dtype of `a` if
    that is a float (integers: int64 or uint64), or in `dtype`.
    Raises GraphError, a TypeError, for an axis that `a` has not, or one that stands twice.

        >>> pt.prod([[1.0, 2.0], [3.0, 4.0]], axis=1).eval()
        array([ 2., 12.])
    """
    return folded(Prod, wide(as_tensor(a), dtype), axis, keepdims, initial, where)


@method
@public(lacks=("out",))
def max(
    a: TensorLike,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    initial: TensorLike | None = None,
    where: TensorLike | None = None,
) -> Node:
    """The largest element over `axis` (all axes if None); nan where there is one. Equal largest
    elements share the derivative. `where`, a mask of what counts, needs `initial`.

    Returns a tensor without the reduced axes (of size 1 with `keepdims`), in the dtype of `a`.
    Raises GraphError, a TypeError, for an axis that `a` has not, or one that stands twice,
    and for an empty axis without `initial`; ValueError where only a call can tell.

        >>> pt.max([[1.0, 2.0], [3.0, 4.0]], axis=0).eval()
        array([3., 4.])
    """
    return _extreme(Max, as_tensor(a), axis, keepdims, initial, where)


@method
@public(lacks=("out",))
def min(
    a: TensorLike,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    initial: TensorLike | None = None,
    where: TensorLike | None = None,
) -> Node:
    """The smallest element over `axis` (all axes if None); nan where there is one. Equal smallest
    elements share the derivative. `where`, a mask of what counts, needs `initial`.

    Returns a tensor without the reduced axes (of size 1 with `keepdims`), in the dtype of `a`.
    Raises GraphError, a TypeError, for an axis that `a` has not, or one that stands twice,
    and for an empty axis without `initial`; ValueError where only a call can tell.

        >>> pt.min([[1.0, 2.0], [3.0, 4.0]], axis=0).eval()
        array([1., 2.])
    """
    return _extreme(Min, as_tensor(a), axis, keepdims, initial, where)


@method
@public(lacks=("out",))
def all(
    a: TensorLike,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    *,
    where: TensorLike | None = None,
) -> Node:
    """Whether every element over `axis` (that the mask `where` selects) is true (not 0).

    Returns a tensor without the reduced axes (of size 1 with `keepdims`), of bools.
    Raises GraphError, a TypeError, for an axis that `a` has not, or one that stands twice.

        >>> pt.all([[True, False], [True, True]], axis=1).eval()
        array([False,  True])
    """
    return folded(All, ops.astype(a, "bool"), axis, keepdims, where=where)


@method
@public(lacks=("out",))
def any(
    a: TensorLike,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    *,
    where: TensorLike | None = None,
) -> Node:
    """Whether some element over `axis` (that the mask `where` selects) is true (not 0).

    Returns a tensor without the reduced axes (of size 1 with `keepdims`), of bools.
    Raises GraphError, a TypeError, for an axis that `a` has not, or one that stands twice.

        >>> pt.any([[False, False], [True, False]], axis=1).eval()
        array([False,  True])
    """
    return folded(Any_, ops.astype(a, "bool"), axis, keepdims, where=where)


amax, amin = max, min
