"""Medians and quantiles over axes: elements by their place in the order, and what lies between two.

Places are found by selection, so the time grows with the number of elements alone. The methods are
those of Hyndman and Fan (1996), "Sample quantiles in statistical packages", American Statistician
50:361, under NumPy's names, and NumPy's others.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.dataclass import dataclass, replace
from probtensor.graph.node import Const, GraphError, Node, TensorLike, as_tensor
from probtensor.ops.arrays.require import asked_for
from probtensor.ops.ordering.routines import SearchLeft
from probtensor.ops.ordering.selection import selected
from probtensor.ops.reductions.composite import floats
from probtensor.ops.reductions.folds import Axis, described, flag, normal_axes
from probtensor.types import SizeCheck, promote, shape_text, size_product

# Between which places a quantile lies: n q + alpha + q (1 - alpha - beta) - 1.
CONTINUOUS = {
    "interpolated_inverted_cdf": (0.0, 1.0),
    "hazen": (0.5, 0.5),
    "weibull": (0.0, 0.0),
    "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8),
}


def _inverted_cdf(n: Node, q: Node) -> Node:
    return ops.ceil(n * q) - 1


def _closest_observation(n: Node, q: Node) -> Node:
    index = n * q - 1.5
    low = ops.floor(index)
    stays = ops.logical_and(ops.eq(index, low), ops.eq(low % 2, 1))
    return ops.where(stays, low, low + 1)


# Methods that give an element: its place among n.
DISCRETE: dict[str, Callable[[Node, Node], Node]] = {
    "inverted_cdf": _inverted_cdf,
    "closest_observation": _closest_observation,
    "lower": lambda n, q: ops.floor((n - 1) * q),
    "higher": lambda n, q: ops.ceil((n - 1) * q),
    "nearest": lambda n, q: ops.round((n - 1) * q),
}
BETWEEN = (*CONTINUOUS, "linear", "averaged_inverted_cdf", "midpoint")


def _between(method: str, n: Node, q: Node) -> tuple[Node, Node]:
    """The place before a quantile, and the weight of the element after it."""
    if method == "averaged_inverted_cdf":
        index = n * q - 1
        low = ops.floor(index)
        return low, ops.where(ops.eq(index, low), 0.5, 1.0)
    if method in ("linear", "midpoint"):
        index = (n - 1) * q
    else:
        alpha, beta = CONTINUOUS[method]
        index = n * q + (alpha + q * (1 - alpha - beta)) - 1
    low = ops.floor(index)
    if method == "midpoint":
        return low, ops.where(ops.eq(index, low), 0.0, 0.5)
    return low, index - low


@dataclass(frozen=True)
class Rows:
    """A tensor as rows of the elements over some axes.

    values  the rows, along the last axis
    axes    of the tensor, that are gone
    count   how many elements of each row there are: a scalar, or an axis of size 1 for each row
    has_nan  whether a row has a nan that makes the result nan; None for no row
    """

    values: Node
    axes: tuple[int, ...]
    count: Node
    has_nan: Node | None

    def restored(self, x: Node, keepdims: bool, front: int = 0) -> Node:
        """A result without the axes, with axes of size 1 in their place if they are kept; `front`
        axes stand before all of them."""
        return ops.expand_dims(x, tuple(a + front for a in self.axes)) if keepdims else x


def _rows(what: str, x: Node, axis: Axis, skip_nan: bool) -> Rows:
    axes = normal_axes(axis, x, what)
    rest = tuple(a for a in range(x.ndim) if a not in axes)
    flat = ops.transpose(x, (*rest, *axes))
    count = size_product(x.shape[a] for a in axes)
    flat = ops.reshape(flat, (*(x.shape[a] for a in rest), count))
    if not x.type.is_float:
        return Rows(flat, axes, as_tensor(count), None)
    if not skip_nan:
        return Rows(flat, axes, as_tensor(count), ops.any(ops.isnan(flat), -1))
    real = ops.logical_not(ops.isnan(flat))
    return Rows(flat, axes, ops.sum(real, -1, keepdims=True), None)


def _clipped(place: Node, n: Node) -> Node:
    return ops.minimum(ops.maximum(place, 0), n - 1)


def _in_rows(what: str, rows: Rows, q: Node, method: str) -> Node:
    """The quantiles of each row, along the last axis; nan where q is not from 0 to 1."""
    n = ops.astype(rows.count, "float64")
    wanted = ops.astype(q, "float64")
    inside = ops.logical_and(ops.ge(wanted, 0), ops.le(wanted, 1))
    wanted = ops.where(inside, wanted, 0)
    x = rows.values
    if method in DISCRETE:
        places = ops.astype(_clipped(DISCRETE[method](n, wanted), n), "int64")
        found = selected(x, places)[0]
        if isinstance(q.op, Const) or not x.type.is_float:
            return found
        return ops.where(inside, found, np.nan)
    low, weight = _between(method, n, wanted)
    first, last = _clipped(low, n), _clipped(low + 1, n)
    count = wanted.shape[0]
    places = ops.astype(ops.concatenate([first, last], -1), "int64")
    found = floats(selected(x, places)[0])
    kind = promote(found.dtype, q.dtype)
    a, b = (ops.astype(part, kind) for part in (found[..., :count], found[..., count:]))
    value = _interpolated(a, b, ops.where(ops.eq(first, last), 0, weight))
    return ops.astype(ops.where(inside, value, np.nan), kind)


def _interpolated(a: Node, b: Node, weight: Node) -> Node:
    """From a to b by a weight from 0 to 1: an end exactly, and nan only between -inf and inf."""
    t = ops.astype(weight, a.dtype)
    step = b - a
    nearer = ops.logical_and(ops.lt(t, 0.5), ops.logical_not(ops.isinf(a)))
    between = ops.where(ops.logical_or(nearer, ops.isinf(b)), a + step * t, b - step * (1 - t))
    at_start = ops.logical_or(ops.le(t, 0), ops.logical_and(ops.isinf(a), ops.eq(a, b)))
    return ops.where(at_start, a, ops.where(ops.ge(t, 1), b, between))


def _quantiles(what: str, q: TensorLike, x: Node, scale: float) -> Node:
    """The wanted quantiles, from 0 to 1, of the dtype in which NumPy takes them."""
    weak = isinstance(q, Real) and not isinstance(q, (bool, np.generic))
    given = as_tensor(q)
    if given.ndim > 1:
        raise GraphError(f"{what}: q is a number or a vector{described(given)}")
    kind = x.dtype if weak and x.type.is_float else floats(given).dtype
    if not isinstance(given.op, Const):
        wanted = ops.astype(given, kind)
        return wanted if scale == 1 else wanted / scale
    values = given.op.array
    if not ((values >= 0) & (values <= scale)).all():
        raise GraphError(f"{what}: q is from 0 to {scale:g}, not {q!r:.60}")
    return ops.constant((values / scale).astype(kind))


def _computed(
    what: str,
    a: TensorLike,
    q: TensorLike,
    axis: Axis,
    method: str,
    keepdims: bool,
    weights: TensorLike | None,
    scale: float = 1.0,
) -> Node:
    """A quantile function by NumPy's arguments."""
    x = as_tensor(a)
    keepdims = flag(keepdims, f"{what}: keepdims")
    if method not in DISCRETE and method not in BETWEEN:
        names = ", ".join((*DISCRETE, *BETWEEN))
        raise GraphError(f"{what}: method is one of {names}, not {method!r:.60}")
    if x.dtype == "bool" and method in BETWEEN:
        raise GraphError(f"{what}: there is nothing between two bools; use another method")
    wanted = _quantiles(what, q, x, scale)
    rows = _rows(what, x, axis, what.startswith("nan"))
    n = size_product(x.shape[a] for a in rows.axes)
    if not what.startswith("nan"):
        if n == 0:
            raise GraphError(f"{what}: there is none of no elements{described(x)}")
        some = SizeCheck(1, "<=", n, ("there is none of no elements",))
        rows = replace(rows, values=asked_for(rows.values, what, some))
    if weights is None:
        found = _in_rows(what, rows, ops.atleast_1d(wanted), method)
    else:
        found = _weighted(what, x, rows, ops.atleast_1d(wanted), method, weights)
    if rows.has_nan is not None:
        found = ops.where(ops.expand_dims(rows.has_nan, -1), np.nan, found)
    found = ops.moveaxis(found, -1, 0)
    return rows.restored(found if wanted.ndim else found[0], keepdims, wanted.ndim)


def _weighted(
    what: str, x: Node, rows: Rows, q: Node, method: str, weights: TensorLike
) -> Node:
    """The first element at which the share of the weights reaches q, in each row."""
    if method != "inverted_cdf":
        raise GraphError(f"{what}: weights need method='inverted_cdf', not {method!r}")
    w = floats(weights)
    if w.ndim == 1 and len(rows.axes) == 1:
        along = w
    elif w.ndim == x.ndim:
        along = _rows(what, ops.broadcast_to(w, x.shape), rows.axes, False).values
    else:
        shapes = f"{shape_text(w.shape)} for {shape_text(x.shape)}"
        raise GraphError(f"{what}: weights are of the shape of the data, or a vector along the "
                         f"axis, not {shapes}{described(w)}")  # fmt: skip
    along = ops.astype(ops.broadcast_to(along, rows.values.shape), "float64")
    if x.type.is_float and rows.has_nan is None:
        along = ops.where(ops.isnan(rows.values), 0, along)
    order = ops.argsort(rows.values, -1)
    shares = ops.cumsum(ops.take_along_axis(along, order, -1), -1)
    shares = shares / ops.expand_dims(shares[..., -1], -1)
    places = SearchLeft()(ops.where(ops.eq(shares, 0), -1, shares), ops.astype(q, "float64"))
    last = as_tensor(rows.values.shape[-1]) - 1
    places = ops.take_along_axis(order, ops.minimum(places, last), -1)
    return ops.take_along_axis(rows.values, places, -1)


def _median(what: str, a: TensorLike, axis: Axis, keepdims: bool) -> Node:
    x = floats(a)
    rows = _rows(what, x, axis, what.startswith("nan"))
    n = ops.atleast_1d(rows.count)
    places = ops.concatenate([(n - 1) // 2, n // 2], -1)
    pair = selected(rows.values, places)[0]
    low, high = pair[..., 0], pair[..., 1]
    found = ops.where(ops.eq((n % 2)[..., 0], 1), low, (low + high) / 2)
    if rows.has_nan is not None:
        found = ops.where(rows.has_nan, np.nan, found)
    return rows.restored(found, flag(keepdims, f"{what}: keepdims"))


@public(lacks=("out", "overwrite_input"))
def median(
    a: TensorLike,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    keepdims: bool = False,
) -> Node:
    """The middle element over `axis` (all axes if None), or the mean of the two in the middle; nan
    where there is a nan or nothing. The derivative is shared by these.

    Returns a tensor without the reduced axes (of size 1 with `keepdims`), float32 if `a` is, else
    float64. The time grows with the number of elements alone.
    Raises GraphError, a TypeError, for an axis that `a` has not, or one that stands twice.

        >>> pt.median([[1.0, 9.0, 2.0], [4.0, 3.0, 5.0]], axis=1).eval()
        array([2., 4.])
    """
    return _median("median", a, axis, keepdims)


@public(lacks=("out", "overwrite_input"))
def nanmedian(
    a: TensorLike,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    keepdims: bool = False,
) -> Node:
    """`median` of the elements that are not nan; nan where all are.

    Returns a tensor without the reduced axes (of size 1 with `keepdims`), float32 if `a` is, else
    float64.
    Raises GraphError, a TypeError, for an axis that `a` has not, or one that stands twice.

        >>> pt.nanmedian([1.0, np.nan, 2.0]).eval()
        array(1.5)
    """
    return _median("nanmedian", a, axis, keepdims)


@public(lacks=("out", "overwrite_input"))
def quantile(
    a: TensorLike,
    q: TensorLike,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: TensorLike | None = None,
) -> Node:
    """The quantiles q, from 0 to 1, over `axis` (all axes if None): with q = 0.5 the median. A nan
    among the elements makes the result nan.

    method   NumPy's: "linear", "hazen", "weibull", "median_unbiased", "normal_unbiased",
             "interpolated_inverted_cdf", "averaged_inverted_cdf" and "midpoint" lie between two
             elements; "inverted_cdf", "closest_observation", "lower", "higher" and "nearest" are
             an element, in the dtype of `a`
    weights  of the elements, in the shape of `a` or along the axis; with "inverted_cdf" only

    Returns a tensor with the axis of q, if it has one, before the axes of `a` that are left (of
    size 1 for those reduced, with `keepdims`). It has derivatives by the elements and by q. A q
    that is no literal gives nan outside of 0 to 1. At an element it is that element, and
    next to an infinity an infinity, where NumPy gives nan.
    Raises GraphError, a TypeError, for an axis that `a` has not, another method, and a literal q
    outside of 0 to 1; ValueError where a call has no elements. Source: Hyndman and Fan (1996),
    American Statistician 50:361.

        >>> pt.quantile([1.0, 2.0, 3.0, 4.0], [0.25, 0.5]).eval()
        array([1.75, 2.5 ])
    """
    return _computed("quantile", a, q, axis, method, keepdims, weights)


@public(lacks=("out", "overwrite_input"))
def percentile(
    a: TensorLike,
    q: TensorLike,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: TensorLike | None = None,
) -> Node:
    """`quantile` of q / 100, with the same arguments: q is from 0 to 100.

    Returns what `quantile` returns.
    Raises what `quantile` raises.

        >>> pt.percentile([1.0, 2.0, 3.0, 4.0], 25).eval()
        array(1.75)
    """
    return _computed("percentile", a, q, axis, method, keepdims, weights, 100.0)


@public(lacks=("out", "overwrite_input"))
def nanquantile(
    a: TensorLike,
    q: TensorLike,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: TensorLike | None = None,
) -> Node:
    """`quantile` of the elements that are not nan, with the same arguments; nan where all are.

    Returns what `quantile` returns.
    Raises what `quantile` raises, but for no elements.

        >>> pt.nanquantile([1.0, np.nan, 3.0], 0.5).eval()
        array(2.)
    """
    return _computed("nanquantile", a, q, axis, method, keepdims, weights)


@public(lacks=("out", "overwrite_input"))
def nanpercentile(
    a: TensorLike,
    q: TensorLike,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: TensorLike | None = None,
) -> Node:
    """`percentile` of the elements that are not nan, with the same arguments; nan where all are.

    Returns what `quantile` returns.
    Raises what `quantile` raises, but for no elements.

        >>> pt.nanpercentile([1.0, np.nan, 3.0], 50).eval()
        array(2.)
    """
    return _computed("nanpercentile", a, q, axis, method, keepdims, weights, 100.0)
