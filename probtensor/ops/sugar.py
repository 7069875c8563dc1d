"""NumPy's functions that are graphs of other ops."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from probtensor import ops
from probtensor.graph.node import GraphError, Node, as_tensor
from probtensor.ops.composite import floats
from probtensor.ops.kinds import method
from probtensor.ops.reduce import Axis, normal_axes
from probtensor.types import Size, is_size, size_floordiv, size_max, size_min, size_product

# Elementwise.


@method
def clip(x: Any, min: Any = None, max: Any = None) -> Node:
    """x kept between `min` and `max`; either may be None. Outside, the derivative is 0. Python
    integers beyond what the dtype of an integer x holds bound nothing."""
    out = as_tensor(x)
    if out.dtype.startswith(("int", "uint")):
        ends = np.iinfo(out.dtype)
        min = None if type(min) is int and min <= ends.min else min
        max = None if type(max) is int and max >= ends.max else max
    if min is not None:
        out = ops.maximum(out, min)
    return out if max is None else ops.minimum(out, max)


@method
def round(x: Any, decimals: int = 0) -> Node:
    """x to a number of decimals; halves go to the even digit, as in NumPy. Integers stay so."""
    if decimals == 0 or (decimals > 0 and as_tensor(x).dtype.startswith(("int", "uint"))):
        return ops.rint(x)
    scale = 10.0 ** abs(decimals)
    if decimals > 0:
        return ops.rint(as_tensor(x) * scale) / scale
    return ops.astype(ops.rint(as_tensor(x) / scale) * scale, as_tensor(x).dtype)


def nan_to_num(x: Any, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Node:
    """x with nan and the infinities replaced, the latter by the largest finite floats if None."""
    x = as_tensor(x)
    if not x.type.is_float:
        return x
    largest = float(np.finfo(x.dtype).max)
    out = ops.where(ops.isnan(x), nan, x)
    out = ops.where(ops.eq(x, np.inf), largest if posinf is None else posinf, out)
    return ops.where(ops.eq(x, -np.inf), -largest if neginf is None else neginf, out)


def isclose(x: Any, y: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False):
    """|x - y| <= atol + rtol * |y|; equal infinities are close."""
    x, y = floats(x), floats(y)
    near = ops.le(ops.abs(x - y), atol + rtol * ops.abs(y))
    out = ops.logical_or(ops.logical_and(near, ops.isfinite(y)), ops.eq(x, y))
    both = ops.logical_and(ops.isnan(x), ops.isnan(y))
    return ops.logical_or(out, both) if equal_nan else out


def allclose(x: Any, y: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False):
    """Whether all elements are close."""
    return ops.all(isclose(x, y, rtol, atol, equal_nan))


def relu(x: Any) -> Node:
    """x where it is positive, else 0; so is the derivative, which is 0 at 0."""
    x = as_tensor(x)
    return ops.where(x > 0, x, 0)


def deg2rad(x: Any) -> Node:
    """Degrees as radians."""
    return floats(x) * float(np.pi / 180)


def rad2deg(x: Any) -> Node:
    """Radians as degrees."""
    return floats(x) * float(180 / np.pi)


def heaviside(x: Any, at_zero: Any) -> Node:
    """0 below 0, 1 above it, `at_zero` at 0; nan stays."""
    x = floats(x)
    return ops.where(x < 0, 0, ops.where(x > 0, 1, ops.where(ops.eq(x, 0), at_zero, x)))


# Statistics.


@method
def mean(x: Any, axis: Axis = None, keepdims: bool = False, dtype: Any = None) -> Node:
    """The mean over `axis` (all axes if None); integers and bools give float64."""
    x = floats(x) if dtype is None else ops.astype(x, dtype)
    axes = normal_axes(axis, x.ndim, "mean")
    return ops.sum(x, axes, keepdims) / _count(x, axes)


@method
def var(x: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Node:
    """The mean squared deviation over `axis`, divided by n - ddof; by two passes, so that it is
    accurate where the mean is large."""
    x = floats(x)
    axes = normal_axes(axis, x.ndim, "var")
    deviations = x - mean(x, axes, keepdims=True)
    return ops.sum(ops.square(deviations), axes, keepdims) / (_count(x, axes) - ddof)


@method
def std(x: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Node:
    """The square root of `var`."""
    return ops.sqrt(var(x, axis, ddof, keepdims))


@method
def ptp(x: Any, axis: Axis = None, keepdims: bool = False) -> Node:
    """The largest less the smallest element."""
    return ops.max(x, axis, keepdims) - ops.min(x, axis, keepdims)


def count_nonzero(x: Any, axis: Axis = None, keepdims: bool = False) -> Node:
    """How many elements are not 0."""
    return ops.sum(ops.astype(x, "bool"), axis, keepdims)


def norm(x: Any, axis: Axis = None, keepdims: bool = False) -> Node:
    """The Euclidean length over `axis` (of all elements if None)."""
    return ops.sqrt(ops.sum(ops.square(floats(x)), axis, keepdims))


def _count(x: Node, axes: tuple[int, ...]) -> Any:
    count = size_product(x.shape[a] for a in axes)
    return float(count) if isinstance(count, int) else ops.astype(as_tensor(count), x.dtype)


# Shapes.


@method
def flatten(x: Any) -> Node:
    """x as a vector, in row-major order."""
    return ops.ravel(x)


@method
def dimshuffle(x: Any, *pattern: Any) -> Node:
    """Theano's way to reorder axes: each entry is an axis of x, or "x" for a new one of size 1.
    Axes that are left out must have size 1."""
    x = as_tensor(x)
    given = (
        tuple(pattern[0])
        if len(pattern) == 1 and not isinstance(pattern[0], (int, str))
        else (pattern)
    )
    axes = [int(p) % x.ndim for p in given if p != "x"]
    left = tuple(a for a in range(x.ndim) if a not in axes)
    out = ops.squeeze(ops.transpose(x, (*left, *axes)), tuple(range(len(left))))
    return ops.expand_dims(out, tuple(k for k, p in enumerate(given) if p == "x"))


def atleast_1d(x: Any) -> Node:
    """x, with an axis if it has none."""
    x = as_tensor(x)
    return x if x.ndim else ops.expand_dims(x, 0)


def atleast_2d(x: Any) -> Node:
    """x, with leading axes to make two."""
    x = as_tensor(x)
    return x if x.ndim > 1 else ops.expand_dims(x, tuple(range(2 - x.ndim)))


def flip(x: Any, axis: Axis = None) -> Node:
    """x in reverse order along `axis` (all axes if None)."""
    x = as_tensor(x)
    axes = normal_axes(axis, x.ndim, "flip")
    back = slice(None, None, -1)
    return x[tuple(back if a in axes else slice(None) for a in range(x.ndim))]


def roll(x: Any, shift: Any, axis: int | None = None) -> Node:
    """x moved on by `shift` places along an axis (flattened if None), what falls off put in front.
    The shift is an integer, which may be a tensor."""
    x = as_tensor(x)
    if axis is None:
        return ops.reshape(roll(ops.ravel(x), shift, 0), x.shape)
    place = normal_axes(axis, x.ndim, "roll")[0]
    return ops.take(x, ops.arange(x.shape[place]) - shift, place, mode="wrap")


@method
def repeat(x: Any, repeats: Size, axis: int | None = None) -> Node:
    """Each element of x `repeats` times along an axis (of x flattened if None)."""
    x = as_tensor(x)
    if not is_size(repeats):
        raise GraphError(f"repeat: the number is one integer or size, not {repeats!r:.60}")
    if axis is None:
        x, axis = ops.ravel(x), 0
    place = normal_axes(axis, x.ndim, "repeat")[0]
    front, back = x.shape[: place + 1], x.shape[place + 1 :]
    wide = ops.broadcast_to(ops.expand_dims(x, place + 1), (*front, repeats, *back))
    return ops.reshape(wide, (*front[:-1], front[-1] * repeats, *back))


def tile(x: Any, reps: Any) -> Node:
    """x laid side by side `reps[k]` times along axis k."""
    x = as_tensor(x)
    counts = (reps,) if is_size(reps) else tuple(reps)
    ndim = max(x.ndim, len(counts))
    counts = (1,) * (ndim - len(counts)) + counts
    shape = (1,) * (ndim - x.ndim) + x.shape
    apart = [part for n in shape for part in (1, n)]
    spread = [part for r, n in zip(counts, shape, strict=True) for part in (r, n)]
    wide = ops.broadcast_to(ops.reshape(x, apart), spread)
    return ops.reshape(wide, [r * n for r, n in zip(counts, shape, strict=True)])


def split(x: Any, sections: int | Sequence[int], axis: int = 0) -> list[Node]:
    """x cut along an axis: into so many equal parts, or before the given places."""
    x = as_tensor(x)
    place = normal_axes(axis, x.ndim, "split")[0]
    n = x.shape[place]
    if is_size(sections):
        if isinstance(n, int) and n % sections:
            raise GraphError(f"split: an axis of size {n} has no {sections} equal parts")
        part = size_floordiv(n, sections)
        return [ops.narrow(x, place, k * part, part) for k in range(sections)]
    cuts = [None, *sections, None]
    front = (slice(None),) * place
    return [x[(*front, slice(a, b))] for a, b in pairwise(cuts)]


def diff(x: Any, n: int = 1, axis: int = -1) -> Node:
    """The n-th differences of neighbours along an axis."""
    out = as_tensor(x)
    place = normal_axes(axis, out.ndim, "diff")[0]
    front = (slice(None),) * place
    for _ in range(n):
        later, sooner = out[(*front, slice(1, None))], out[(*front, slice(None, -1))]
        out = ops.ne(later, sooner) if out.dtype == "bool" else later - sooner
    return out


def meshgrid(*vectors: Any, indexing: str = "xy") -> list[Node]:
    """Coordinates on the grid that the vectors span; `indexing` "xy" swaps the first two axes."""
    if indexing not in ("xy", "ij"):
        raise GraphError(f"meshgrid: indexing {indexing!r} is not 'xy' or 'ij'")
    lines = []
    for k, vector in enumerate(vectors):
        shape = [1] * len(vectors)
        shape[k] = -1
        lines.append(ops.reshape(vector, shape))
    if indexing == "xy" and len(lines) > 1:
        lines = [ops.swapaxes(line, 0, 1) for line in lines]
    return ops.broadcast_arrays(*lines)


# Matrices.


@method
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Node:
    """The elements x[i, i + offset] of two axes, along a new last axis."""
    x = ops.moveaxis(x, (axis1, axis2), (-2, -1))
    rows, columns = x.shape[-2] + min(offset, 0), x.shape[-1] - max(offset, 0)
    places = ops.arange(size_max(size_min(rows, columns), 0))
    return x[..., places - min(offset, 0), places + max(offset, 0)]


@method
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Node:
    """The sum of a diagonal."""
    return ops.sum(diagonal(x, offset, axis1, axis2), -1)


def diag(x: Any, k: int = 0) -> Node:
    """Diagonal k of a matrix, or the matrix with a vector there and zeros elsewhere."""
    x = as_tensor(x)
    if x.ndim == 2:
        return diagonal(x, k)
    if x.ndim != 1:
        raise GraphError(f"diag: takes a vector or a matrix, not {x.ndim} axes")
    n = x.shape[0] + abs(k)
    places = ops.arange(x.shape[0])
    return ops.zeros((n, n), x.dtype).at[places - min(k, 0), places + max(k, 0)].set(x)


def tri(n: Size, m: Size | None = None, k: int = 0, dtype: Any = "float64") -> Node:
    """Ones at and below diagonal k of an n by m matrix, zeros above it."""
    return ops.astype(_at_or_below(n, n if m is None else m, k), dtype)


def tril(x: Any, k: int = 0) -> Node:
    """x with zeros above diagonal k of its last two axes."""
    x = as_tensor(x)
    return ops.where(_at_or_below(x.shape[-2], x.shape[-1], k), x, ops.zeros_like(x))


def triu(x: Any, k: int = 0) -> Node:
    """x with zeros below diagonal k of its last two axes."""
    x = as_tensor(x)
    return ops.where(_at_or_below(x.shape[-2], x.shape[-1], k - 1), ops.zeros_like(x), x)


def _at_or_below(n: Size, m: Size, k: int) -> Node:
    return ops.ge(ops.expand_dims(ops.arange(n), 1) + k, ops.arange(m))
