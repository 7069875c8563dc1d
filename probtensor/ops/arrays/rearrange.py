"""NumPy's functions that are graphs of other ops."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.graph.sizes import signed, size_of_value
from probtensor.ops.arrays.require import asked_for
from probtensor.ops.arrays.views import one_size, size_tuple
from probtensor.ops.kinds import as_tensor_of, method
from probtensor.ops.reductions.composite import floats
from probtensor.ops.reductions.folds import (
    Axis,
    described,
    flag,
    listed_axes,
    normal_axes,
    one_axis,
    one_integer,
)
from probtensor.types import Size, SizeCheck, is_size, size_floordiv, size_max, size_min

# Elementwise.


@method
@public(lacks=("out",))
def clip(
    a: TensorLike,
    a_min: TensorLike | None = None,
    a_max: TensorLike | None = None,
    out: None = None,
    *,
    min: TensorLike | None = None,
    max: TensorLike | None = None,
) -> Node:
    """`a` clipped to `a_min` and `a_max`, which are called `min` and `max` as well; either may be
    None. Outside, the derivative is 0. Python integers out of the range of the dtype of an integer
    `a` have no effect.

    Returns a tensor of the shape that `a` and the bounds broadcast to, in the dtype they promote
    to.
    Raises GraphError, a TypeError, for a bound that is given twice and shapes that do not
    broadcast.

        >>> pt.clip([-1.0, 0.5, 2.0], 0.0, 1.0).eval()
        array([0. , 0.5, 1. ])
    """
    low, high = _one_name("a_min", a_min, "min", min), _one_name("a_max", a_max, "max", max)
    out = as_tensor(a)
    if out.dtype.is_integer:
        ends = np.iinfo(out.dtype)
        low = None if type(low) is int and low <= ends.min else low
        high = None if type(high) is int and high >= ends.max else high
    if low is not None:
        out = ops.maximum(out, low)
    return out if high is None else ops.minimum(out, high)


def _one_name(first: str, value: TensorLike, second: str, other: TensorLike) -> TensorLike | None:
    if value is not None and other is not None:
        raise GraphError(f"clip: {first} and {second} are one bound, and both are given")
    return other if value is None else value


@method
@public(lacks=("out",))
def round(a: TensorLike, decimals: int = 0, out: None = None) -> Node:
    """`a` to a number of decimals; halves round to even, as in NumPy. Integers are unchanged.

    Returns a tensor of the shape of `a`, in its dtype.
    Raises GraphError, a TypeError, for decimals that are no integer.

        >>> pt.round([1.25, 2.5]).eval()
        array([1., 2.])
    """
    x = a
    if not isinstance(decimals, (int, np.integer)):
        raise GraphError(f"round: decimals must be an integer, not {decimals!r:.60}")
    if decimals == 0 or (decimals > 0 and as_tensor(x).dtype.is_integer):
        return ops.rint(x)
    scale = 10.0 ** abs(decimals)
    if decimals > 0:
        return ops.rint(as_tensor(x) * scale) / scale
    return ops.astype(ops.rint(as_tensor(x) / scale) * scale, as_tensor(x).dtype)


around = round


@public(lacks=("copy",))
def nan_to_num(
    x: TensorLike,
    copy: bool = True,
    nan: TensorLike = 0.0,
    posinf: TensorLike | None = None,
    neginf: TensorLike | None = None,
) -> Node:
    """x with nan and the infinities replaced, the latter by the largest finite floats if None.

    Returns a tensor of the shape of x, in its dtype.

        >>> pt.nan_to_num([np.nan, 1.0]).eval()
        array([0., 1.])
    """
    x = as_tensor(x)
    if not x.type.is_float:
        return x
    largest = float(np.finfo(x.dtype).max)
    highest, lowest = largest if posinf is None else posinf, -largest if neginf is None else neginf
    nan, highest, lowest = (as_tensor_of(value, x.dtype) for value in (nan, highest, lowest))
    out = ops.where(ops.isnan(x), nan, x)
    out = ops.where(ops.eq(x, np.inf), highest, out)
    return ops.where(ops.eq(x, -np.inf), lowest, out)


@public
def isclose(
    a: TensorLike, b: TensorLike, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
):
    """|a - b| <= atol + rtol * |b|; equal infinities are close.

    Returns a tensor of bools of the shape that `a` and `b` broadcast to.
    Raises GraphError, a TypeError, for shapes that do not broadcast.

        >>> pt.isclose([1.0, 2.0], [1.0, 2.1]).eval()
        array([ True, False])
    """
    x, y = floats(a), floats(b)
    near = ops.le(ops.abs(x - y), atol + rtol * ops.abs(y))
    out = ops.logical_or(ops.logical_and(near, ops.isfinite(y)), ops.eq(x, y))
    both = ops.logical_and(ops.isnan(x), ops.isnan(y))
    return ops.logical_or(out, both) if equal_nan else out


@public
def allclose(
    a: TensorLike, b: TensorLike, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
):
    """Whether all elements are close.

    Returns a bool tensor without axes.
    Raises GraphError, a TypeError, for shapes that do not broadcast.

        >>> pt.allclose([1.0, 2.0], [1.0, 2.1]).eval()
        array(False)
    """
    return ops.all(isclose(a, b, rtol, atol, equal_nan))


@public
def relu(x: TensorLike) -> Node:
    """x where it is positive, else 0; nan propagates. The derivative is 1 where x is positive, else
    0, also at 0.

    Returns a tensor of the shape of x, in its dtype.

        >>> pt.relu([-1.0, 2.0]).eval()
        array([0., 2.])
    """
    x = as_tensor(x)
    return ops.where(x <= 0, 0, x)


@public
def deg2rad(x: TensorLike) -> Node:
    """Degrees as radians.

    Returns a tensor of the shape of x: float32 if x is, else float64.

        >>> pt.deg2rad(180.0).eval()
        array(3.14159265)
    """
    return floats(x) * float(np.pi / 180)


@public
def rad2deg(x: TensorLike) -> Node:
    """Radians as degrees.

    Returns a tensor of the shape of x: float32 if x is, else float64.

        >>> pt.rad2deg(np.pi).eval()
        array(180.)
    """
    return floats(x) * float(180 / np.pi)


radians, degrees = deg2rad, rad2deg


@public
def modf(x: TensorLike) -> tuple[Node, Node]:
    """Fractional and integral parts, both with the sign of x: (x - trunc(x), trunc(x)) as floats.

    An infinite x has no fractional part: it is 0. That a zero part of a negative x is -0.0, as in
    NumPy, is not promised. The integral part has a derivative of 0.

        fraction, integral = pt.modf(x)

    Returns a pair of tensors of the shape of x: float32 if x is, else float64.

        >>> [part.eval() for part in pt.modf([1.5, -2.25])]
        [array([ 0.5 , -0.25]), array([ 1., -2.])]
    """
    x = floats(x)
    integral = ops.trunc(x)
    return ops.where(ops.isinf(x), 0.0, x - integral), integral


@public
def divmod(x1: TensorLike, x2: TensorLike) -> tuple[Node, Node]:
    """Quotient and remainder at once: (x1 // x2, x1 % x2), in the common dtype of both.

    quotient, remainder = pt.divmod(x, 3)

    Returns a pair of tensors of the shape that x1 and x2 broadcast to.
    Raises GraphError, a TypeError, for shapes that do not broadcast.

        >>> [part.eval() for part in pt.divmod([7, 8], 3)]
        [array([2, 2]), array([1, 2])]
    """
    return ops.floor_divide(x1, x2), ops.remainder(x1, x2)


@public
def heaviside(x: TensorLike, at_zero: TensorLike) -> Node:
    """0 below 0, 1 above it, `at_zero` at 0; nan propagates.

    Returns a float tensor of the shape that the arguments broadcast to.

        >>> pt.heaviside([-1.0, 0.0, 2.0], 0.5).eval()
        array([0. , 0.5, 1. ])
    """
    x = floats(x)
    return ops.where(x < 0, 0, ops.where(x > 0, 1, ops.where(ops.eq(x, 0), at_zero, x)))


# Shapes.


@method
@public
def flatten(a: TensorLike, order: str = "C") -> Node:
    """`a` as a vector, row by row, or with order="F" column by column.

    Returns a tensor of one axis, of the dtype of `a`.
    Raises GraphError, a TypeError, for another order.

        >>> pt.flatten([[1.0, 2.0], [3.0, 4.0]]).eval()
        array([1., 2., 3., 4.])
    """
    return ops.ravel(a, order)


@method
@public
def dimshuffle(x: TensorLike, *pattern: object) -> Node:
    """Theano's way to reorder axes: each entry is an axis of x, or "x" for a new one of size 1.
    Axes that are left out must have size 1.

    Returns a tensor of the dtype of x.
    Raises GraphError, a TypeError, for entries that are no axes of x.

        >>> pt.dimshuffle([1.0, 2.0], 0, "x").eval()
        array([[1.],
               [2.]])
    """
    x = as_tensor(x)
    given = (
        tuple(pattern[0])
        if len(pattern) == 1 and not isinstance(pattern[0], (int, str))
        else (pattern)
    )
    axes = listed_axes([p for p in given if p != "x"], x, "dimshuffle")
    left = tuple(a for a in range(x.ndim) if a not in axes)
    out = ops.squeeze(ops.transpose(x, (*left, *axes)), tuple(range(len(left))))
    return ops.expand_dims(out, tuple(k for k, p in enumerate(given) if p == "x"))


@public
def atleast_1d(*arys: TensorLike) -> Node | list[Node]:
    """Each argument, with an axis if it has none; a tuple of them where there are several.

    Returns a tensor, or a tuple of tensors.

        >>> pt.atleast_1d(3.0).eval()
        array([3.])
    """
    return _at_least(1, arys)


@public
def atleast_2d(*arys: TensorLike) -> Node | list[Node]:
    """Each argument, with leading axes to make two; a tuple of them where there are several.

    Returns a tensor, or a tuple of tensors.

        >>> pt.atleast_2d([3.0, 4.0]).eval()
        array([[3., 4.]])
    """
    return _at_least(2, arys)


def _at_least(ndim: int, given: Sequence[TensorLike]) -> Node | list[Node]:
    nodes = [as_tensor(x) for x in given]
    wide = tuple(
        x if x.ndim >= ndim else ops.expand_dims(x, tuple(range(ndim - x.ndim))) for x in nodes
    )
    return wide[0] if len(wide) == 1 else wide


@public
def flip(m: TensorLike, axis: Axis = None) -> Node:
    """`m` in reverse order along `axis` (all axes if None).

    Returns a tensor of the shape of `m`, in its dtype.
    Raises GraphError, a TypeError, for an axis that `m` has not, or one that stands twice.

        >>> pt.flip([1.0, 2.0]).eval()
        array([2., 1.])
    """
    x = as_tensor(m)
    axes = normal_axes(axis, x, "flip")
    back = slice(None, None, -1)
    return x[tuple(back if a in axes else slice(None) for a in range(x.ndim))]


@public
def roll(a: TensorLike, shift: Size | Sequence[Size], axis: Axis = None) -> Node:
    """`a` shifted cyclically by `shift` elements along `axis` (flattened if None).
    A shift is an integer, which may be a tensor; several axes take one shift each, or the same.

    Returns a tensor of the shape of `a`, in its dtype.
    Raises GraphError, a TypeError, for a shift that is no integer and for an axis that `a` has not.

        >>> pt.roll([1.0, 2.0, 3.0], 1).eval()
        array([3., 1., 2.])
    """
    x = as_tensor(a)
    if axis is None:
        return ops.reshape(roll(ops.ravel(x), shift, 0), x.shape)
    axes = listed_axes(axis, x, "roll", distinct=False)
    many = isinstance(shift, (tuple, list)) or (isinstance(shift, np.ndarray) and shift.ndim == 1)
    shifts = list(shift) if many else [shift]
    if not shifts or not axes:
        return x
    if len(shifts) != len(axes) and 1 not in (len(shifts), len(axes)):
        raise GraphError(f"roll: {len(shifts)} shifts for {len(axes)} axes{described(x)}")
    shifts *= len(axes) if len(shifts) == 1 else 1
    for position, count in zip(axes * (len(shifts) // len(axes)), shifts, strict=True):
        x = _rolled(x, one_integer(count, "roll: a shift"), position)
    return x


def _rolled(x: Node, count: Size | Node, axis: int) -> Node:
    """x shifted cyclically along an axis."""
    n = x.shape[axis]
    if isinstance(count, Node):
        number = ops.astype(count, "int64")
        return ops.take(x, ops.arange(n) - number, axis, mode="wrap")
    several = size_max(n, 1)
    back = count - several * size_floordiv(count, several)  # count modulo n
    back = size_min(back, n)  # 0 for an empty axis
    if isinstance(back, int) and back == 0:
        return x
    parts = ops.narrow(x, axis, n - back, back), ops.narrow(x, axis, 0, n - back)
    return ops.concatenate(parts, axis)


@method
@public
def repeat(
    a: TensorLike,
    repeats: TensorLike,
    axis: int | None = None,
    *,
    total_repeat_length: Size | None = None,
) -> Node:
    """Each element of `a` `repeats` times along an axis (of `a` flattened if None).

    repeats              a size, or a vector of integers with one for each element of the axis; the
                         sum of a tensor is a size that the values decide
    total_repeat_length  the length of the axis of the result (JAX's): the first ones, or the last
                         one more often

    Returns a tensor of the dtype of `a`.
    Raises GraphError, a TypeError, for an axis that `a` has not and for repeats that are neither;
    ValueError for a negative number.

        >>> pt.repeat([1.0, 2.0], 2).eval()
        array([1., 1., 2., 2.])
        >>> pt.repeat([1.0, 2.0], pt.as_tensor([2, 1])).eval()
        array([1., 1., 2.])
    """
    x = as_tensor(a)
    if axis is None:
        x, axis = ops.ravel(x), 0
    position = one_axis(axis, x, "repeat")
    several = isinstance(repeats, (list, tuple, np.ndarray)) or getattr(repeats, "ndim", 0)
    if (several and np.ndim(repeats)) or total_repeat_length is not None:
        counts = _counts(repeats, x, position)
        return ops.take(x, _repeated_places(counts, total_repeat_length), position, mode="clip")
    repeats = one_size(repeats, "repeat: the number")
    front, back = x.shape[: position + 1], x.shape[position + 1 :]
    wide = ops.broadcast_to(ops.expand_dims(x, position + 1), (*front, repeats, *back))
    return ops.reshape(wide, (*front[:-1], front[-1] * repeats, *back))


def _counts(repeats: TensorLike, x: Node, axis: int) -> Node:
    """How often each element of an axis of x is repeated, as an int64 vector."""
    counts, n = as_tensor(repeats), x.shape[axis]
    if counts.ndim > 1 or counts.type.is_float or counts.dtype == "bool":
        raise GraphError(
            f"repeat: the numbers are a vector of integers, not {counts.type}{described(counts)}"
        )
    given = counts.shape[0] if counts.ndim else 1
    if isinstance(given, int) and isinstance(n, int) and given not in (1, n):
        raise GraphError(f"repeat: {given} numbers for an axis of size {n}{described(x)}")
    return ops.broadcast_to(signed(counts), (n,))


def _repeated_places(counts: Node, total: object) -> Node:
    """For each element of the result, the index of the element that it repeats; one past the last
    after all of them."""
    # In float64, for the sum of large numbers in int64 may be small; no array has 2**62 elements.
    ends = ops.minimum(ops.cumsum(ops.astype(counts, "float64")), 2.0**62)
    ends = ops.astype(ends, "int64")
    if total is None:
        every = ops.astype(ops.minimum(ops.sum(ops.astype(counts, "float64")), 2.0**62), "int64")
        # A negative size is refused at the call, and so is a negative count by this.
        length = size_of_value(ops.where(ops.any(ops.lt(counts, 0)), -1, every))
    else:
        length = one_size(total, "total_repeat_length")
    steps = ops.zeros((length + 1,), "float64").at[ops.clip(ends, 0, as_tensor(length))].add(1.0)
    return ops.astype(ops.cumsum(steps), "int64")[:length]


@public
def tile(A: TensorLike, reps: Size | Sequence[Size]) -> Node:
    """`A` laid side by side `reps[k]` times along axis k.

    Returns a tensor of the dtype of `A`.
    Raises GraphError, a TypeError, for repetitions that are no sizes.

        >>> pt.tile([1.0, 2.0], 2).eval()
        array([1., 2., 1., 2.])
    """
    x = as_tensor(A)
    if not (is_size(reps) or isinstance(reps, (tuple, list, np.ndarray, Node))):
        raise GraphError(f"tile: reps are integers or sizes, not {reps!r:.60}{described(x)}")
    counts = size_tuple(reps)
    ndim = max(x.ndim, len(counts))
    counts = (1,) * (ndim - len(counts)) + counts
    shape = (1,) * (ndim - x.ndim) + x.shape
    interleaved = [part for n in shape for part in (1, n)]
    spread = [part for r, n in zip(counts, shape, strict=True) for part in (r, n)]
    wide = ops.broadcast_to(ops.reshape(x, interleaved), spread)
    return ops.reshape(wide, [r * n for r, n in zip(counts, shape, strict=True)])


@public
def split(ary: TensorLike, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Node]:
    """`ary` split along an axis: into a number of equal parts, or before the given indices.

    Returns a list of tensors of the dtype of `ary`.
    Raises GraphError, a TypeError, for an axis that `ary` has not and for parts that are not equal;
    ValueError where only a call can tell.

        >>> [y.shape for y in pt.split([1.0, 2.0, 3.0], [1])]
        [(1,), (2,)]
    """
    x, sections = as_tensor(ary), indices_or_sections
    position = one_axis(axis, x, "split")
    n = x.shape[position]
    if is_size(sections):
        if not isinstance(sections, (int, np.integer)) or sections <= 0:
            raise GraphError(f"split: a number of parts is a positive integer, not {sections}")
        if isinstance(n, int) and n % sections:
            text = f"split: an axis of size {n} has no {sections} equal parts"
            raise GraphError(text + described(x))
        part = size_floordiv(n, sections)
        text = (f"axis {position}, of size ", n, f", has no {sections} equal parts")
        x = asked_for(x, "split", SizeCheck(n, "==", part * sections, text))
        return [ops.narrow(x, position, k * part, part) for k in range(sections)]
    cuts = [None, *sections, None]
    front = (slice(None),) * position
    return [x[(*front, slice(a, b))] for a, b in pairwise(cuts)]


@public
def diff(
    a: TensorLike,
    n: int = 1,
    axis: int = -1,
    prepend: TensorLike | None = None,
    append: TensorLike | None = None,
) -> Node:
    """The n-th differences of neighbours along an axis, of which `prepend` and `append` are put at
    the ends first: tensors, or numbers for one element.

    Returns a tensor of the dtype of `a` (bool for bools), whose axis is shorter by n.
    Raises GraphError, a TypeError, for an axis that `a` has not and a negative n.

        >>> pt.diff([1.0, 4.0, 9.0]).eval()
        array([3., 5.])
    """
    out = as_tensor(a)
    if not is_size(n) or not isinstance(n, (int, np.integer)) or n < 0:
        raise GraphError(f"diff: the order n is an integer from 0 on, not {n!r:.60}")
    if n == 0:
        return out
    position = one_axis(axis, out, "diff")
    parts = [prepend, out, append]
    if prepend is not None or append is not None:
        out = ops.concatenate([_end(x, out, position) for x in parts if x is not None], position)
    front = (slice(None),) * position
    for _ in range(n):
        later, sooner = out[(*front, slice(1, None))], out[(*front, slice(None, -1))]
        out = ops.ne(later, sooner) if out.dtype == "bool" else later - sooner
    return out


def _end(end: TensorLike, x: Node, position: int) -> Node:
    """A value to be joined to an end of x; a number stands for one element."""
    node = as_tensor(end)
    shape = [1 if a == position else n for a, n in enumerate(x.shape)]
    return node if node.ndim else ops.broadcast_to(node, shape)


@public
def meshgrid(
    *xi: TensorLike, copy: bool = True, sparse: bool = False, indexing: str = "xy"
) -> list[Node]:
    """Coordinates on the grid that vectors span; `indexing` "xy" swaps the first two axes. With
    `sparse` each is as small as broadcasting allows; `copy` makes no difference.

    Returns a list of tensors, one for each vector.
    Raises GraphError, a TypeError, for another `indexing`.

        >>> [y.shape for y in pt.meshgrid([1.0, 2.0, 3.0], [4.0, 5.0])]
        [(2, 3), (2, 3)]
    """
    if indexing not in ("xy", "ij"):
        raise GraphError(f"meshgrid: indexing {indexing!r} is not 'xy' or 'ij'")
    lines = []
    for k, vector in enumerate(xi):
        shape = [1] * len(xi)
        shape[k] = -1
        lines.append(ops.reshape(vector, shape))
    if indexing == "xy" and len(lines) > 1:
        lines = [ops.swapaxes(line, 0, 1) for line in lines]
    return lines if flag(sparse, "meshgrid: sparse") else ops.broadcast_arrays(*lines)
