"""Counts of integers, and of numbers in bins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import Const, GraphError, Node, TensorLike, as_tensor
from probtensor.graph.sizes import size_of_value
from probtensor.ops.arrays.views import one_size
from probtensor.ops.ordering.searching import a_vector, searched
from probtensor.ops.reductions.composite import floats
from probtensor.ops.reductions.folds import described, flag
from probtensor.types import Size, is_size, promote, shape_text, size_product


@public
def bincount(
    x: TensorLike,
    /,
    weights: TensorLike | None = None,
    minlength: Size = 0,
    *,
    length: Size | None = None,
    assert_nonneg: bool = False,
) -> Node:
    """How often each integer from 0 on stands in a vector, or the sum of the `weights` of these
    elements.

    minlength      the result has at least that many elements; else one more than the largest
                   number, a size that the values decide
    length         exactly how many it has (JAX's argument)
    assert_nonneg  changes nothing: negative numbers are refused always (PyTensor's argument)

    Returns a vector of int64, with weights of float64. Its derivative is that of the weights.
    Raises GraphError, a TypeError, for what is no vector of integers, and for weights of another
    shape. A call raises ValueError for a negative number without `length`, and IndexError for one
    that is negative or not below `length`.

        >>> pt.bincount([0, 2, 2]).eval()
        array([1, 0, 2])
    """
    flag(assert_nonneg, "bincount: assert_nonneg")
    x = a_vector("bincount", "x", as_tensor(x))
    if x.type.is_float or x.dtype == "uint64":
        raise GraphError(f"bincount: x holds integers, not {x.dtype}{described(x)}")
    places = ops.astype(x, "int64")
    added = ops.ones(x.shape, "int64")
    if weights is not None:
        added = a_vector("bincount", "weights", ops.astype(as_tensor(weights), "float64"))
        own, others = x.shape[0], added.shape[0]
        if isinstance(own, int) and isinstance(others, int) and own != others:
            raise GraphError(f"bincount: {others} weights for {own} elements{described(x)}")
        added = ops.broadcast_to(added, x.shape)
    if length is None:
        least = as_tensor(one_size(0 if minlength is None else minlength, "bincount: minlength"))
        count = ops.maximum(ops.max(places, initial=-1) + 1, least)
        count = ops.where(ops.any(ops.lt(places, 0)), -1, count)  # a negative size is refused
        size = size_of_value(count)
    else:
        size = one_size(length, "bincount: length")
        places = ops.where(ops.lt(places, 0), as_tensor(size), places)
    return ops.zeros((size,), added.dtype).at[places].add(added)


def _check_range(what: str, range_: Any) -> tuple[Node, Node] | None:
    if range_ is None:
        return None
    if not isinstance(range_, (tuple, list, np.ndarray)) or len(range_) != 2:
        raise GraphError(f"{what}: range is a pair (lower, upper) or None, not {range_!r:.60}")
    first, last = (as_tensor(x) for x in range_)
    known = [x.op.array for x in (first, last) if isinstance(x.op, Const)]
    if len(known) == 2 and not (known[0] <= known[1] and np.isfinite(known).all()):
        raise GraphError(f"{what}: range is from a smaller to a larger number, not {range_!r:.60}")
    return first, last


def _outer_edges(what: str, x: Node, range_: Any) -> tuple[Node, Node]:
    """The lower and upper end of the bins, which differ."""
    ends = _check_range(what, range_)
    if x.is_complex:
        way = "take pt.real(z), pt.imag(z) or pt.abs(z)"
        raise GraphError(f"{what}: complex numbers have no order{described(x)}\n  {way}")
    if ends is None:
        empty = ops.eq(as_tensor(x.shape[0]), 0)
        kind = x.dtype
        low, high = (
            f(x, initial=ops.constant(start, dtype=kind))
            for f, start in ((ops.min, _largest(kind)), (ops.max, _smallest(kind)))
        )
        ends = ops.where(empty, 0, low), ops.where(empty, 1, high)
    first, last = (floats(end) for end in ends)
    same = ops.eq(first, last)
    return ops.where(same, first - 0.5, first), ops.where(same, last + 0.5, last)


def _largest(kind: str) -> float | int:
    if kind == "bool":
        return 1
    return np.inf if kind.startswith("float") else int(np.iinfo(kind).max)


def _smallest(kind: str) -> float | int:
    if kind == "bool":
        return 0
    return -np.inf if kind.startswith("float") else int(np.iinfo(kind).min)


def _edges(what: str, x: Node, bins: Any, range_: Any, weights: Any = None) -> Node:
    """The edges of the bins of a vector."""
    if isinstance(bins, str):
        if weights is not None:
            raise GraphError(f"{what}: the number of bins is not estimated from weighted data")
        first, last = _outer_edges(what, x, range_)
        inside = x if range_ is None else x[ops.logical_and(ops.ge(x, first), ops.le(x, last))]
        count = size_of_value(_estimated(what, bins, floats(inside), first, last))
    elif is_size(bins) or (isinstance(bins, Node) and not bins.ndim):
        first, last = _outer_edges(what, x, range_)
        count = one_size(bins, f"{what}: bins")
        if isinstance(count, int) and count < 1:
            raise GraphError(f"{what}: bins is a number of at least 1, not {count}")
    else:
        edges = a_vector(what, "bins", as_tensor(bins))
        if isinstance(edges.op, Const) and (np.diff(edges.op.array) < 0).any():
            raise GraphError(f"{what}: the edges of the bins do not ascend{described(edges)}")
        return edges
    kind = x.dtype if x.type.is_float else promote(first.dtype, last.dtype)
    return ops.astype(ops.linspace(first, last, count + 1), kind)


def _estimated(what: str, name: str, x: Node, first: Node, last: Node) -> Node:
    """The number of bins by one of NumPy's estimators of their width."""
    n = ops.astype(as_tensor(x.shape[0]), "float64")
    spread = ops.astype(ops.max(x, initial=-np.inf) - ops.min(x, initial=np.inf), "float64")

    def scott() -> Node:
        return (24.0 * np.pi**0.5 / n) ** (1.0 / 3.0) * ops.std(x)

    def sturges() -> Node:
        return spread / (ops.log2(n) + 1.0)

    def freedman_diaconis() -> Node:
        upper, lower = (ops.nanquantile(x, q) for q in (0.75, 0.25))
        return 2.0 * (upper - lower) / n ** (1.0 / 3.0)

    def doane() -> Node:
        error = ops.sqrt(6.0 * (n - 2) / ((n + 1.0) * (n + 3)))
        skew = ops.mean(((x - ops.mean(x)) / ops.std(x)) ** 3)
        width = spread / (1.0 + ops.log2(n) + ops.log2(1.0 + ops.abs(skew) / error))
        return ops.where(ops.logical_and(n > 2, ops.std(x) > 0), width, 0.0)

    def auto() -> Node:
        # NumPy's: the smaller one, but never fewer bins than half of what the root gives.
        wide = freedman_diaconis()
        least = ops.where(wide > 0, ops.maximum(wide, spread / ops.sqrt(n) / 2), sturges())
        return ops.minimum(least, sturges())

    estimators = {
        "sqrt": lambda: spread / ops.sqrt(n),
        "sturges": sturges,
        "rice": lambda: spread / (2.0 * n ** (1.0 / 3.0)),
        "scott": scott,
        "doane": doane,
        "fd": freedman_diaconis,
        "auto": auto,
    }
    if name not in estimators:
        raise GraphError(
            f"{what}: bins is a number, edges, or one of {', '.join(estimators)}, not {name!r:.60}"
        )
    width = estimators[name]()
    known = ops.logical_and(width > 0, n > 0)
    count = ops.ceil((last - first) / ops.where(known, width, 1.0))
    return ops.astype(ops.where(known, count, 1.0), "int64")


def _bins(x: Node, edges: Node) -> Node:
    """The bin of each element, whose upper edge does not belong to it but in the last one; the
    number of bins for an element in none."""
    count = as_tensor(edges.shape[0]) - 1
    found = searched(edges, x, "right") - 1
    found = ops.where(ops.eq(x, edges[-1]), count - 1, found)
    outside = ops.logical_or(ops.lt(found, 0), ops.logical_not(ops.le(x, edges[-1])))
    return ops.where(outside, count, found)


def _weights(what: str, weights: TensorLike | None, shape: tuple) -> Node:
    if weights is None:
        return ops.ones((size_product(shape),), "int64")
    node = as_tensor(weights)
    if len(node.shape) != len(shape) or any(
        isinstance(a, int) and isinstance(b, int) and a != b
        for a, b in zip(node.shape, shape, strict=True)
    ):
        shapes = f"{shape_text(node.shape)}, not {shape_text(shape)}"
        raise GraphError(f"{what}: weights are of the shape of the data{described(node)}; {shapes}")
    return ops.ravel(ops.astype(node, "int64") if node.dtype == "bool" else node)


@public
def histogram_bin_edges(
    a: TensorLike,
    bins: Any = 10,
    range: tuple[TensorLike, TensorLike] | None = None,
    weights: TensorLike | None = None,
) -> Node:
    """The edges of the bins that `histogram` counts in.

    bins     a number of bins of equal width; edges, which are the result; or one of "sqrt",
             "sturges", "rice", "scott", "doane", "fd", "auto", by which data decide the number
    range    the lower and upper end of the bins; those of the data by default (0 and 1 for none)
    weights  only to be the signature of `histogram`; they are refused with estimated numbers

    Returns a vector of one more element than there are bins, float32 if `a` is, else float64.
    Raises GraphError, a TypeError, for bins that are none of these, or literal ones that do not
    ascend.

        >>> pt.histogram_bin_edges([0.0, 1.0, 4.0], bins=2).eval()
        array([0., 2., 4.])
    """
    return _edges("histogram_bin_edges", ops.ravel(as_tensor(a)), bins, range, weights)


@public
def histogram(
    a: TensorLike,
    bins: Any = 10,
    range: tuple[TensorLike, TensorLike] | None = None,
    density: bool | None = None,
    weights: TensorLike | None = None,
) -> tuple[Node, Node]:
    """How many elements lie in each bin, or the sum of their weights. A bin has its lower edge, the
    last one also the upper edge; what lies in none, nan included, does not count.

    bins, range  see `histogram_bin_edges`
    density      whether the result is divided by its sum and the width of each bin
    weights      of the elements, in the shape of `a`

    Returns a tuple of the counts, int64 (in the dtype of the weights, float64 with `density`), and
    the edges. The derivative of the counts is that of the weights. Where the range of the data is
    not finite the edges are nan, and all counts 0.
    Raises GraphError, a TypeError, for bins that are no number and no edges, or do not ascend.

        >>> counts, edges = pt.histogram([1.0, 2.0, 1.5], bins=[0.0, 1.0, 2.0])
        >>> counts.eval()
        array([0, 3])
    """
    x = as_tensor(a)
    added = _weights("histogram", weights, x.shape)
    x = ops.ravel(x)
    edges = _edges("histogram", x, bins, range, weights)
    counts, widths = edges.shape[0] - 1, edges[1:] - edges[:-1]
    found = ops.zeros((counts + 1,), added.dtype).at[_bins(x, edges)].add(added)[:-1]
    if density is not None and flag(density, "histogram: density"):
        found = found / ops.astype(widths, "float64") / ops.sum(found)
    return found, edges


@public
def histogramdd(
    sample: Any,
    bins: Any = 10,
    range: Sequence | None = None,
    density: bool | None = None,
    weights: TensorLike | None = None,
) -> tuple[Node, list[Node]]:
    """How many points lie in each bin of several dimensions, or the sum of their weights.

    sample   a matrix of a row for each point, or a list of a vector for each dimension
    bins     a number of bins for all dimensions, or a list of a number or edges for each
    range    None, or a list of (lower, upper) or None for each dimension
    density  whether the result is divided by its sum and the volume of each bin
    weights  of the points, a vector

    Returns a tuple of the counts, float64, with an axis for each dimension, and a list of the edges
    along each. The derivative of the counts is that of the weights.
    Raises GraphError, a TypeError, for lists of other lengths than there are dimensions, and for
    bins and ranges that are none.

        >>> counts, edges = pt.histogramdd([[0.0, 1.0, 1.0], [0.0, 0.0, 1.0]], bins=2)
        >>> counts.eval()
        array([[1., 0.],
               [1., 1.]])
    """
    return _histogramdd("histogramdd", sample, bins, range, density, weights)


def _histogramdd(
    what: str, sample: Any, bins: Any, range_: Any, density: Any, weights: Any
) -> tuple[Node, list[Node]]:
    if isinstance(sample, (list, tuple)):
        axes = [a_vector(what, "each dimension", as_tensor(x)) for x in sample]
    else:
        points = as_tensor(sample)
        if points.ndim != 2 or not isinstance(points.shape[1], int):
            raise GraphError(
                f"{what}: the sample is a matrix with a known number of columns, or a list of a "
                f"vector for each dimension{described(points)}"
            )
        axes = [points[:, k] for k in np.arange(points.shape[1])]
    each = bins if isinstance(bins, (list, tuple)) else [bins] * len(axes)
    ranges = [None] * len(axes) if range_ is None else list(range_)
    for name, found in (("bins", each), ("range", ranges)):
        if len(found) != len(axes):
            raise GraphError(f"{what}: {name} for {len(found)} of {len(axes)} dimensions")
    edges = [_edges(what, x, b, r) for x, b, r in zip(axes, each, ranges, strict=True)]
    sizes = [e.shape[0] - 1 for e in edges]
    flat, outside = as_tensor(0), as_tensor(False)
    for x, e, n in zip(axes, edges, sizes, strict=True):
        place = _bins(x, e)
        outside = ops.logical_or(outside, ops.eq(place, as_tensor(n)))
        flat = flat * as_tensor(n) + place
    total = size_product(sizes)
    flat = ops.where(outside, as_tensor(total), flat)
    added = ops.astype(_weights(what, weights, axes[0].shape), "float64")
    counts = ops.zeros((total + 1,), "float64").at[flat].add(added)[:-1]
    counts = ops.reshape(counts, tuple(sizes))
    if density is not None and flag(density, f"{what}: density"):
        counts = counts / ops.sum(counts)
        for k, e in enumerate(edges):
            rest = tuple(a for a in np.arange(len(edges)) if a != k)
            counts = counts / ops.expand_dims(ops.astype(e[1:] - e[:-1], "float64"), rest)
    return counts, edges


@public
def histogram2d(
    x: TensorLike,
    y: TensorLike,
    bins: Any = 10,
    range: Sequence | None = None,
    density: bool | None = None,
    weights: TensorLike | None = None,
) -> tuple[Node, Node, Node]:
    """How many points (x[i], y[i]) lie in each bin of two dimensions, or the sum of their weights.

    `bins` is a number for both dimensions, edges for both, or a pair of a number or edges for each;
    the other arguments are those of `histogramdd`.

    Returns a tuple of the counts, a float64 matrix with a row for each bin of x, the edges along x
    and those along y.
    Raises what `histogramdd` raises.

        >>> counts, xs, ys = pt.histogram2d([0.0, 1.0, 1.0], [0.0, 0.0, 1.0], bins=2)
        >>> counts.eval()
        array([[1., 0.],
               [1., 1.]])
    """
    pair = isinstance(bins, (list, tuple)) and len(bins) == 2
    both = bins if pair or is_size(bins) else [bins, bins]
    counts, edges = _histogramdd("histogram2d", [x, y], both, range, density, weights)
    return counts, *edges
