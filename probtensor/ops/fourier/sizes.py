"""What NumPy's and SciPy's functions of transforms are given: sizes, axes and norms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from probtensor import ops
from probtensor.graph.node import GraphError, Node, as_tensor
from probtensor.ops.arrays.views import one_size
from probtensor.ops.reductions.folds import Axis, described, listed_axes, one_axis
from probtensor.types import Dim, Size, size_product

NORMS = ("backward", "ortho", "forward")


def given_pairs(x: Node) -> Node:
    """Complex numbers, or reals, as pairs along a last axis, of float64."""
    if x.is_complex:
        return ops.astype(ops.stack(x.inputs, -1), "float64")
    re = ops.astype(x, "float64")
    return ops.stack([re, ops.zeros_like(re)], -1)


def reals(x: Node, what: str) -> Node:
    """Reals as float64; GraphError for complex numbers."""
    if x.is_complex:
        ways = "pt.fft.fft takes complex ones, pt.real(z) and pt.imag(z) are real"
        raise GraphError(f"{what}: is of real tensors{described(x)}\n  {ways}")
    return ops.astype(x, "float64")


def float_like(x: Node) -> str:
    """The dtype of results' parts: float32 where x is float32 or complex64, else float64."""
    return "float32" if x.dtype.part == "float32" else "float64"


def scale_of(norm: str | None, sizes: Sequence[Size], backward: bool, what: str) -> Node | float:
    """The factor of a transform over axes of these sizes; GraphError for another norm."""
    if norm not in (None, *NORMS):
        raise GraphError(f"{what}: norm is one of {', '.join(map(repr, NORMS))}, not {norm!r:.60}")
    norm = norm or "backward"
    count = size_product(sizes)
    if norm != "ortho" and (norm == "backward") != backward:
        return 1.0
    if isinstance(count, int):
        return (1 / np.sqrt(count) if norm == "ortho" else 1 / count) if count else np.nan
    whole = ops.astype(as_tensor(count), "float64")
    return 1 / (ops.sqrt(whole) if norm == "ortho" else whole)


def one_length(n: object, what: str) -> Size:
    """A number of points; GraphError unless it is a size of 1 or more."""
    n = one_size(n, f"{what}: n")
    if isinstance(n, int) and n < 1:
        raise GraphError(f"{what}: the number of points is 1 or more, not {n}")
    return n


def resized(x: Node, axis: int, n: Size, what: str) -> Node:
    """x with `n` elements along an axis: the first ones, or zeros after them."""
    size = x.shape[axis]
    if isinstance(size, int) and size < 1:
        raise GraphError(f"{what}: axis {axis} has no points{described(x)}")
    if n is size or (not isinstance(n, Dim) and not isinstance(size, Dim) and n == size):
        return x
    static = isinstance(n, int) and isinstance(size, int)
    if not static or n > size:
        shape = list(x.shape)
        shape[axis] = n - size if static else n
        x = ops.concatenate([x, ops.zeros(tuple(shape), x.dtype)], axis)
    return x if static and n > size else ops.narrow(x, axis, 0, n)


def sizes_and_axes(
    x: Node, s: Sequence[Size] | None, axes: Axis, what: str, distinct: bool = False
) -> tuple[list[Size | None], tuple[int, ...]]:
    """The sizes asked for, None where an axis has its own, and the axes, in order, which may stand
    twice unless `distinct`."""
    if s is not None and not isinstance(s, (tuple, list)):
        raise GraphError(f"{what}: s is a sequence of sizes, one for each axis, not {s!r:.60}")
    if axes is None:
        count = x.ndim if s is None else len(s)
        if count > x.ndim:
            raise GraphError(f"{what}: {count} sizes for {x.ndim} axes{described(x)}")
        found = tuple(range(x.ndim - count, x.ndim))
    else:
        found = listed_axes(axes, x, what, distinct=distinct)
    if s is not None and len(s) != len(found):
        raise GraphError(f"{what}: {len(s)} sizes for {len(found)} axes{described(x)}")
    if not found:
        raise GraphError(f"{what}: there is no axis to transform{described(x)}")
    given = [None] * len(found) if s is None else list(s)
    whole = [n is None or (isinstance(n, (int, np.integer)) and n == -1) for n in given]
    return [None if w else one_length(n, what) for n, w in zip(given, whole)], found


def one_place(axis: object, x: Node, what: str) -> int:
    """An axis of x, which has at least one."""
    if not x.ndim:
        raise GraphError(f"{what}: a scalar has no axis to transform{described(x)}")
    return one_axis(axis, x, what)
