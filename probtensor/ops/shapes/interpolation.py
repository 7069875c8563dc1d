"""Interpolation between points of one variable: NumPy's `interp`, PyTensor's `interpolate1d`."""

from __future__ import annotations

from collections.abc import Callable

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.ops.arrays.require import asked_for
from probtensor.ops.kinds import as_tensor_of
from probtensor.ops.reductions.composite import floats
from probtensor.ops.reductions.folds import described, flag
from probtensor.types import Size, SizeCheck, promote, size_max


def _points(x: TensorLike, y: TensorLike, what: str, least: int) -> tuple[Node, Node]:
    """The coordinates of points as float vectors of one length, which is at least `least`."""
    x, y = floats(as_tensor(x)), floats(as_tensor(y))
    for vector in (x, y):
        if vector.ndim != 1:
            text = f"{what}: the points are two vectors, not of {vector.ndim} axes"
            raise GraphError(text + described(vector))
    (n,), (m,) = x.shape, y.shape
    if isinstance(n, int) and isinstance(m, int) and n != m:
        raise GraphError(f"{what}: {n} places for {m} values{described(y)}")
    if isinstance(n, int) and n < least:
        raise GraphError(f"{what}: at least {least} points are needed, not {n}{described(x)}")
    laws = (
        SizeCheck(n, "==", m, (n, " places for ", m, " values")),
        SizeCheck(least, "<=", n, (f"at least {least} points are needed, not ", n)),
    )
    return asked_for(x, what, *laws), y


def _left_point(x: Node, at: Node, side: str) -> Node:
    """The index of the point on the left of the interval in which a place lies, or of the first or
    last interval beyond the ends."""
    last: Size = size_max(x.shape[0] - 2, 0)
    return ops.clip(ops.searchsorted(x, at, side=side) - 1, 0, last)


def _between(x: Node, y: Node, at: Node, left: Node) -> Node:
    """Linear interpolation in the intervals that begin at the points `left`."""
    x0, y0 = ops.take(x, left), ops.take(y, left)
    slopes = ops.diff(y) / ops.diff(x)
    return y0 + ops.take(slopes, left) * (at - x0)


@public
def interp(
    x: TensorLike,
    xp: TensorLike,
    fp: TensorLike,
    left: TensorLike | None = None,
    right: TensorLike | None = None,
    period: TensorLike | None = None,
) -> Node:
    """Linear interpolation at x between the points (xp, fp), whose places ascend.

    left, right  the value before the first and after the last point (fp[0] and fp[-1] if None)
    period       the period of the function: places are taken modulo it, in any order, and left and
                 right have no effect

    The result has derivatives by x, xp and fp; at a point the slope by x is that of the interval on
    its right.

    Returns a tensor of the shape of x: float32 if x, xp and fp are, else float64.
    Raises GraphError, a TypeError, for points that are no vectors of one length, or none at all;
    ValueError where only a call can tell.

        >>> pt.interp([0.5, 2.5, 9.0], [0.0, 1.0, 2.0, 3.0], [0.0, 10.0, 20.0, 30.0]).eval()
        array([ 5., 25., 30.])
    """
    places, values = _points(xp, fp, "interp", 1)
    at = floats(as_tensor(x))
    dtype = promote(at.dtype, places.dtype, values.dtype)
    at, places, values = (as_tensor_of(v, dtype) for v in (at, places, values))
    if period is not None:
        places, values, at = _periodic(places, values, at, as_tensor_of(period, dtype))
        left = right = None
    first, last = ops.take(places, 0), ops.take(places, places.shape[0] - 1)
    ends = ops.take(values, 0), ops.take(values, values.shape[0] - 1)
    before, after = (
        end if given is None else as_tensor_of(given, dtype)
        for given, end in zip((left, right), ends, strict=True)
    )
    inside = ops.clip(at, first, last)
    if isinstance(places.shape[0], int) and places.shape[0] == 1:
        found = ops.broadcast_to(ends[0], at.shape)
    else:
        found = _between_some(places, values, inside, ends[0])
    # At the last point itself is its value, not what rounding makes of it.
    found = ops.where(ops.ge(at, last), ops.where(ops.gt(at, last), after, ends[1]), found)
    found = ops.where(ops.lt(at, first), before, found)
    return ops.where(ops.isnan(at), at, found)


def _between_some(x: Node, y: Node, at: Node, first: Node) -> Node:
    """`_between`, for points that may be a single one, which has no interval."""
    left = _left_point(x, at, "right")
    if isinstance(x.shape[0], int):
        return _between(x, y, at, left)
    # One more point behind a single one, so that there is an interval; it is never read for others.
    beyond = ops.take(x, x.shape[0] - 1) + 1, ops.take(y, y.shape[0] - 1)
    x, y = (ops.append(v, ops.reshape(end, (1,))) for v, end in zip((x, y), beyond, strict=True))
    return _between(x, y, at, left)


def _periodic(x: Node, y: Node, at: Node, period: Node) -> tuple[Node, Node, Node]:
    """Points of a periodic function in ascending order, with one more at each end, and the places
    within the period."""
    if period.ndim:
        raise GraphError(f"interp: the period is a number, not of {period.ndim} axes")
    period = ops.abs(period)
    x, at = x % period, at % period
    order = ops.argsort(x)
    x, y = ops.take(x, order), ops.take(y, order)
    n = x.shape[0]
    x = ops.concatenate([x[n - 1 : n] - period, x, x[:1] + period])
    return x, ops.concatenate([y[n - 1 : n], y, y[:1]]), at


def _linear(x: Node, y: Node, at: Node) -> Node:
    return _between(x, y, at, _left_point(x, at, "left"))


def _nearest(x: Node, y: Node, at: Node) -> Node:
    left = _left_point(x, at, "left")
    is_left = ops.le(at - ops.take(x, left), ops.take(x, left + 1) - at)
    return ops.where(is_left, ops.take(y, left), ops.take(y, left + 1))


def _first(x: Node, y: Node, at: Node) -> Node:
    last = x.shape[0] - 1
    return ops.take(y, ops.clip(ops.searchsorted(x, at, side="right") - 1, 0, last))


def _last(x: Node, y: Node, at: Node) -> Node:
    return ops.take(y, ops.clip(ops.searchsorted(x, at), 0, x.shape[0] - 1))


def _mean(x: Node, y: Node, at: Node) -> Node:
    left = _left_point(x, at, "left")
    return (ops.take(y, left) + ops.take(y, left + 1)) / 2


_METHODS: dict[str, Callable[[Node, Node, Node], Node]] = {
    "linear": _linear,
    "nearest": _nearest,
    "first": _first,
    "last": _last,
    "mean": _mean,
}


@public
def interpolate1d(
    x: TensorLike,
    y: TensorLike,
    method: str = "linear",
    left_pad: TensorLike | None = None,
    right_pad: TensorLike | None = None,
    extrapolate: bool = True,
) -> Callable[[TensorLike], Node]:
    """A function of one variable through the points (x, y), which may be in any order.

    method               between two points: "linear"; "nearest" the value of the nearer one, the
                         left one in the middle; "first" that of the left point, "last" that of the
                         right one; "mean" of both
    left_pad, right_pad  the value before the first and after the last point, if not `extrapolate`:
                         y of that point if None
    extrapolate          whether the method goes on beyond the points

    At a point itself "first" and "last" give its value.

    Returns a function, which gives a tensor of the shape of its argument, with derivatives by that,
    by y and, but for steps, by x.
    Raises GraphError, a TypeError, for another method and for points that are no vectors of one
    length, or fewer than two.

        >>> f = pt.interpolate1d([0.0, 1.0, 2.0], [0.0, 10.0, 40.0])
        >>> f([0.5, 1.5, 3.0]).eval()
        array([ 5., 25., 70.])
    """
    if method not in _METHODS:
        known = ", ".join(_METHODS)
        raise GraphError(f"interpolate1d: method is one of {known}, not {method!r:.60}")
    extrapolate = flag(extrapolate, "interpolate1d: extrapolate")
    places, values = _points(x, y, "interpolate1d", 2)
    order = ops.argsort(places)
    places, values = ops.take(places, order), ops.take(values, order)
    ends = (left_pad, 0, ops.lt), (right_pad, places.shape[0] - 1, ops.gt)

    @public(name="interpolate1d")
    def interpolated(x_hat: TensorLike) -> Node:
        at = floats(as_tensor(x_hat))
        found = _METHODS[method](places, values, at)
        if extrapolate:
            return found
        for given, k, beyond in ends:
            value = ops.take(values, k) if given is None else as_tensor(given)
            found = ops.where(beyond(at, ops.take(places, k)), value, found)
        return found

    return interpolated
