"""Functions that remain one op, with a derivative in closed form, until late in the pipeline.

So rules can match them (the logarithm of a softmax, say), and derivatives do not go through the
maximum that their stable form subtracts.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.dataclass import dataclass
from probtensor.graph.node import Const, Node, TensorLike, as_tensor, make
from probtensor.ops.kinds import (
    NONNEGATIVE,
    UNIT,
    Composite,
    Facts,
    Range,
    method,
    op,
)
from probtensor.ops.reductions.folds import Axis, flag, normal_axes, one_axis, spread
from probtensor.ops.samples import Sample, cases
from probtensor.ops.size_laws import folds_something
from probtensor.types import ShapeError, SizeCheck, TensorType, size_product

EXTREMES = np.array(
    [[-np.inf, -np.inf, -np.inf], [np.inf, 1, -np.inf], [800, -800, 799], [np.nan, 1, np.inf]]
)
AXES = (
    *cases((3, 4), axes=[(0,), (1,), (0, 1)]),
    *cases((2, 3, 2), axes=[(0, 2)]),
    Sample(lambda rng: (EXTREMES,), {"axes": (1,)}, smooth=False),
)


def finite_shift(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """The maximum over `axes`, with axes of size 1 for these; 0 where it is infinite or nan."""
    top = np.max(x, axis=axes, keepdims=True, initial=-np.inf)
    return np.where(np.isfinite(top), top, x.dtype.type(0))


def shift_of(x: Node, axes: tuple[int, ...]) -> Node:
    """`finite_shift` as a graph, except that nan propagates; of equal literals, the literal."""
    value = _unspread(x)
    if isinstance(value.op, Const) and not value.ndim and np.isfinite(value.op.array):
        return ops.broadcast_to(value, [1 if a in axes else n for a, n in enumerate(x.shape)])
    top = ops.expand_dims(make(ops.Peak(axes), (x,)), axes)
    return ops.where(ops.isinf(top), 0, top)


def is_shifted(x: Node) -> bool:
    """Is x, or -x, a part of a difference from the `shift_of` something? Its exponentials do not
    overflow."""
    while isinstance(x.op, (ops.Neg, ops.Slice)):
        x = x.inputs[0]
    return isinstance(x.op, (ops.Add, ops.Sub)) and any(map(_is_shift, x.inputs))


def _is_shift(x: Node) -> bool:
    top = _unspread(x)
    if isinstance(top.op, ops.Where) and isinstance(top.inputs[0].op, ops.IsInf):
        top = _unspread(top.inputs[2])
    return isinstance(top.op, ops.Peak)


def _unspread(x: Node) -> Node:
    while isinstance(x.op, (ops.BroadcastTo, ops.ExpandDims)):
        x = x.inputs[0]
    return x


@dataclass(frozen=True)
class OverAxes(Composite):
    """A function of all elements along `axes` (sorted, non-negative)."""

    axes: tuple[int, ...]
    samples = AXES

    def check(self, x: TensorType) -> None:
        """TypeError for axes that x has not, or a dtype that is no float."""
        if any(not 0 <= a < x.ndim for a in self.axes):
            raise ShapeError(f"axes {self.axes} of a tensor with {x.ndim} axes")
        if not x.is_float:
            raise TypeError(f"needs floats, not {x.dtype}")

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        yield folds_something(node, self.axes)


@op
class LogSumExp(OverAxes):
    """log(sum(exp(x))) over `axes`; -inf if all elements are -inf or there are none, +inf if one
    is."""

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        yield from ()

    def infer(self, x: TensorType) -> TensorType:
        self.check(x)
        remaining = tuple(n for a, n in enumerate(x.shape) if a not in self.axes)
        return TensorType(x.dtype, remaining)

    def numpy(self, x):
        shift = finite_shift(x, self.axes)
        total = np.sum(np.exp(x - shift), axis=self.axes)
        return np.log(total) + np.squeeze(shift, self.axes)

    def vjp(self, g, out, x):
        # exp(x - out); where out is infinite, 1 for elements of +inf and 0 for all others.
        infinite = ops.isinf(out)
        safe = spread(ops.where(infinite, 0, out), self.axes, x.shape)
        at_infinity = spread(infinite, self.axes, x.shape)
        weight = ops.where(at_infinity, ops.astype(ops.eq(x, np.inf), x.dtype), ops.exp(x - safe))
        return (spread(g, self.axes, x.shape) * weight,)

    def expand(self, x):
        shift = shift_of(x, self.axes)
        total = ops.sum(ops.exp(x - shift), self.axes)
        return ops.log(total) + ops.squeeze(shift, self.axes)


@op
class Softmax(OverAxes):
    """exp(x) / sum(exp(x)) over `axes`."""

    facts = Facts(range=UNIT)

    def infer(self, x: TensorType) -> TensorType:
        self.check(x)
        return x

    def numpy(self, x):
        e = np.exp(x - finite_shift(x, self.axes))
        return e / np.sum(e, axis=self.axes, keepdims=True)

    def vjp(self, g, out, x):
        return (out * (g - ops.sum(g * out, self.axes, keepdims=True)),)

    def expand(self, x):
        e = ops.exp(x - shift_of(x, self.axes))
        return e / ops.sum(e, self.axes, keepdims=True)


@op
class LogSoftmax(OverAxes):
    """x - log(sum(exp(x))) over `axes`."""

    facts = Facts(range=Range(high=0.0))

    def infer(self, x: TensorType) -> TensorType:
        self.check(x)
        return x

    def numpy(self, x):
        shifted = x - finite_shift(x, self.axes)
        return shifted - np.log(np.sum(np.exp(shifted), axis=self.axes, keepdims=True))

    def vjp(self, g, out, x):
        return (g - ops.exp(out) * ops.sum(g, self.axes, keepdims=True),)

    def expand(self, x):
        shifted = x - shift_of(x, self.axes)
        return shifted - ops.log(ops.sum(ops.exp(shifted), self.axes, keepdims=True))


@dataclass(frozen=True)
class ArgExtreme(Composite):
    """The first index along `axis` of the extreme, or of a nan if there is one."""

    axis: int
    differentiable = False
    facts = Facts(range=NONNEGATIVE)
    samples = (
        *cases((3, 4), axis=[0, 1]),
        Sample(lambda rng: (rng.integers(0, 3, (4, 9)),), {"axis": 1}, smooth=False),
        Sample(lambda rng: (EXTREMES,), {"axis": 1}, smooth=False),
    )

    def infer(self, x: TensorType) -> TensorType:
        if not 0 <= self.axis < x.ndim:
            raise ShapeError(f"axis {self.axis} of a tensor with {x.ndim} axes")
        if x.shape[self.axis] == 0:
            raise ShapeError(f"has no value over an empty axis, axis {self.axis} of {x}")
        if x.dtype == "bool":
            raise TypeError("needs numbers, not bools")
        return TensorType("int64", tuple(n for a, n in enumerate(x.shape) if a != self.axis))

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        yield folds_something(node, (self.axis,))

    def first_of(self, x: Node, extreme: Node) -> Node:
        """The smallest index at which x is the extreme or nan."""
        n = x.shape[self.axis]
        ones = (1,) * (x.ndim - self.axis - 1)
        counts = ops.reshape(ops.arange(n), (n, *ones))
        hit = ops.logical_or(ops.eq(x, extreme), ops.ne(x, x))
        return ops.min(ops.where(hit, counts, as_tensor(n)), self.axis)


@op
class Argmax(ArgExtreme):
    """The first index of the largest element along `axis`; of the first nan if there is one."""

    def numpy(self, x):
        return np.argmax(x, axis=self.axis)

    def expand(self, x):
        return self.first_of(x, ops.max(x, self.axis, keepdims=True))


@op
class Argmin(ArgExtreme):
    """The first index of the smallest element along `axis`; of the first nan if there is one."""

    def numpy(self, x):
        return np.argmin(x, axis=self.axis)

    def expand(self, x):
        return self.first_of(x, ops.min(x, self.axis, keepdims=True))


def floats(x: TensorLike) -> Node:
    """x as floats: integers and bools become float64; complex numbers stay."""
    x = as_tensor(x)
    return x if x.dtype.is_inexact else ops.astype(x, "float64")


@public
def logsumexp(
    a: TensorLike,
    axis: Axis = None,
    b: TensorLike | None = None,
    keepdims: bool = False,
    return_sign: bool = False,
) -> Node | tuple[Node, Node]:
    """log(sum(b * exp(a))) over `axis` (all axes if None), without overflow; -inf if all terms
    are 0 or there are none, nan if the sum is negative. Weights `b` left out are 1. With
    `return_sign` the logarithm is that of the sum's absolute value, and its sign is given, too.

    Returns a tensor without the reduced axes (of size 1 with `keepdims`), float32 if `a` is, else
    float64; or a tuple of it and the sign, -1, 0 or 1.
    Raises GraphError, a TypeError, for an axis that `a` has not, or one that stands twice.
    Source: Blanchard, Higham and Higham (2021), IMA J. Numer. Anal. 41:2311.

        >>> pt.logsumexp([1000.0, 1000.0]).eval()
        array(1000.69314718)
    """
    a = floats(a)
    signed = flag(return_sign, "logsumexp: return_sign")
    if b is not None:
        return _weighted(a, floats(b), axis, keepdims, signed)
    axes = normal_axes(axis, a, "logsumexp")
    out = make(LogSumExp(axes), (a,)) if axes else a
    out = ops.expand_dims(out, axes) if flag(keepdims, "logsumexp: keepdims") and axes else out
    if not signed:
        return out
    return out, ops.where(ops.isnan(out), out, ops.where(ops.eq(out, -np.inf), 0, 1))


def _weighted(
    a: Node, b: Node, axis: Axis, keepdims: bool, signed: bool
) -> Node | tuple[Node, Node]:
    """The logarithm of a weighted sum, and with `signed` the sign of that."""
    a, b = ops.broadcast_arrays(a, b)
    axes = normal_axes(axis, a, "logsumexp")
    a = ops.where(ops.eq(b, 0), -np.inf, a)
    top = ops.expand_dims(make(LogSumExp(axes), (a,)), axes) if axes else ops.zeros_like(a)
    shift = ops.stop_gradient(ops.where(ops.isinf(top), 0, top))
    total = ops.sum(b * ops.exp(a - shift), axes, keepdims=True) if axes else b * ops.exp(a)
    found = [ops.log(ops.abs(total) if signed else total) + shift]
    if signed:
        found.append(ops.sign(total))
    if not flag(keepdims, "logsumexp: keepdims") and axes:
        found = [ops.squeeze(x, axes) for x in found]
    return tuple(found) if signed else found[0]


@public
def softmax(x: TensorLike, axis: Axis = None) -> Node:
    """exp(x) / sum(exp(x)) over `axis`, without overflow. As in SciPy the default is all axes: use
    axis=-1 for the rows of a matrix.

    Returns a tensor of the shape of `x`, float32 if x is, else float64.
    Raises GraphError, a TypeError, for an axis that x has not, or one that stands twice.
    Source: Blanchard, Higham and Higham (2021), IMA J. Numer. Anal. 41:2311.

        >>> pt.softmax([0.0, 0.0], axis=-1).eval()
        array([0.5, 0.5])
    """
    x = floats(x)
    return make(Softmax(normal_axes(axis, x, "softmax")), (x,))


@public
def log_softmax(x: TensorLike, axis: Axis = None) -> Node:
    """log(softmax(x)) over `axis` (all axes if None, as in SciPy), without overflow or
    underflow.

    Returns a tensor of the shape of `x`, float32 if x is, else float64.
    Raises GraphError, a TypeError, for an axis that x has not, or one that stands twice.

        >>> pt.log_softmax([0.0, 0.0], axis=-1).eval()
        array([-0.69314718, -0.69314718])
    """
    x = floats(x)
    return make(LogSoftmax(normal_axes(axis, x, "log_softmax")), (x,))


@method
@public(lacks=("out",))
def argmax(
    a: TensorLike, axis: int | None = None, out: None = None, *, keepdims: bool = False
) -> Node:
    """The first index of the largest element along an axis (of `a` flattened if None), as int64.

    Returns an int64 tensor without that axis (of size 1 with `keepdims`).
    Raises GraphError, a TypeError, for an axis that `a` has not and for several.

        >>> pt.argmax([3.0, 7.0, 5.0]).eval()
        array(1)
    """
    return _place(Argmax, a, axis, keepdims)


@method
@public(lacks=("out",))
def argmin(
    a: TensorLike, axis: int | None = None, out: None = None, *, keepdims: bool = False
) -> Node:
    """The first index of the smallest element along an axis (of `a` flattened if None), as int64.

    Returns an int64 tensor without that axis (of size 1 with `keepdims`).
    Raises GraphError, a TypeError, for an axis that `a` has not and for several.

        >>> pt.argmin([3.0, 7.0, 5.0]).eval()
        array(0)
    """
    return _place(Argmin, a, axis, keepdims)


def _place(kind: type[ArgExtreme], x: TensorLike, axis: int | None, keepdims: bool) -> Node:
    x = as_tensor(x)
    keepdims = flag(keepdims, f"{kind.name}: keepdims")
    values = ops.astype(x, "int8") if x.dtype == "bool" else x
    if axis is None:
        out = make(kind(0), (ops.ravel(values),))
        return ops.expand_dims(out, tuple(range(x.ndim))) if keepdims else out
    position = one_axis(axis, x, kind.name)
    out = make(kind(position), (values,))
    return ops.expand_dims(out, position) if keepdims else out


@public
def max_and_argmax(a: TensorLike, axis: Axis = None, keepdims: bool = False) -> tuple[Node, Node]:
    """The largest elements over `axis` (all axes if None), and the index of the first one.

    With several axes the index counts the elements of these axes in row-major order, the axes in
    their order in `a`. A nan is the largest element. The derivative is that of `max`.

    Returns two tensors without the reduced axes (of size 1 with `keepdims`): the values in the
    dtype of `a`, and the indices, int64. The maximum is computed once for both.
    Raises GraphError, a TypeError, for an axis that `a` has not, or one that stands twice.

        >>> value, index = pt.max_and_argmax([[3.0, 7.0], [5.0, 1.0]], axis=1)
        >>> value.eval(), index.eval()
        (array([7., 5.]), array([1, 0]))
    """
    a = as_tensor(a)
    axes = normal_axes(axis, a, "max_and_argmax")
    keepdims = flag(keepdims, "max_and_argmax: keepdims")
    if not axes:
        return a, ops.zeros(a.shape, "int64")
    rest = [k for k in range(a.ndim) if k not in axes]
    count = size_product(a.shape[k] for k in axes)
    rows = ops.reshape(ops.transpose(a, (*rest, *axes)), (*(a.shape[k] for k in rest), count))
    found = ops.max(rows, -1), ops.argmax(rows, -1)
    return tuple(ops.expand_dims(x, axes) for x in found) if keepdims else found
