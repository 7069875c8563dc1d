"""Slopes and integrals of tabulated functions."""

from __future__ import annotations

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.ops.reductions.composite import floats
from probtensor.ops.reductions.folds import Axis, described, listed_axes, one_axis, one_integer


def _part(x: Node, axis: int, start: int | None, stop: int | None) -> Node:
    return x[(slice(None),) * axis + (slice(start, stop),)]


@public
def trapezoid(
    y: TensorLike, x: TensorLike | None = None, dx: TensorLike = 1.0, axis: int = -1
) -> Node:
    """The integral along an axis of the function through the values y, straight between them.

    x   where the values are: a vector along the axis, or a tensor that broadcasts against y
    dx  the distance between them, where x is not given

    Returns a tensor without that axis, float32 if all are, else float64.
    Raises GraphError, a TypeError, for an axis that y has not, and for sizes that differ.

        >>> pt.trapezoid([1.0, 2.0, 3.0]).eval()
        array(4.)
    """
    y = floats(y)
    position = one_axis(axis, y, "trapezoid")
    if x is None:
        steps = dx if isinstance(dx, (int, float)) else as_tensor(dx)
    else:
        x = as_tensor(x)
        if x.ndim == 1:
            steps = ops.expand_dims(ops.diff(x), tuple(range(1, y.ndim - position)))
        else:
            steps = ops.diff(x, axis=one_axis(axis, x, "trapezoid"))
    pairs = _part(y, position, 1, None) + _part(y, position, None, -1)
    return ops.sum(steps * pairs / 2.0, position)


@public
def ediff1d(
    ary: TensorLike, to_end: TensorLike | None = None, to_begin: TensorLike | None = None
) -> Node:
    """The differences of neighbours in the flattened tensor, between `to_begin` and `to_end`.

    Returns a vector of the dtype of `ary`.
    Raises GraphError, a TypeError, for ends that the dtype does not hold.

        >>> pt.ediff1d([1.0, 4.0, 9.0], to_end=[0.0]).eval()
        array([3., 5., 0.])
    """
    x = ops.ravel(as_tensor(ary))
    parts = [ops.diff(x)]
    for end, first in ((to_begin, True), (to_end, False)):
        if end is not None:
            found = ops.ravel(as_tensor(end))
            if found.type.is_float and not x.type.is_float:
                text = f"ediff1d: {found.dtype} beside differences of {x.dtype}"
                raise GraphError(text + described(x))
            found = ops.astype(found, x.dtype)
            parts = [found, *parts] if first else [*parts, found]
    return ops.concatenate(parts) if len(parts) > 1 else parts[0]


@public
def gradient(
    f: TensorLike, *varargs: TensorLike, axis: Axis = None, edge_order: int = 1
) -> Node | tuple[Node, ...]:
    """The slopes of a tabulated function along each axis (all of them if None): by central
    differences inside, and at the ends by differences of first or second order (`edge_order`).

    varargs  the distance between neighbours: none for 1, a number for all axes, or for each axis a
             number or a vector of where the values are

    This is `np.gradient`, which calls it; `pt.grad` is the derivative of a graph. Source: Fornberg
    (1988), Mathematics of Computation 51:699.

    Returns a tensor of the shape of `f`, or a tuple of one for each axis if there are several;
    float32 if `f` is, else float64.
    Raises GraphError, a TypeError, for an axis that `f` has not, another number of distances, and
    an axis known to have no more than `edge_order` elements; ValueError where only a call can tell.

        >>> pt.gradient([1.0, 4.0, 9.0]).eval()
        array([3., 4., 5.])
    """
    x = floats(f)
    axes = listed_axes(axis, x, "gradient")
    order = one_integer(edge_order, "gradient: edge_order", tensors=False)
    if order not in (1, 2):
        raise GraphError(f"gradient: edge_order is 1 or 2, not {edge_order!r:.60}")
    if not varargs:
        steps = [as_tensor(1.0)] * len(axes)
    elif len(varargs) == 1 and not as_tensor(varargs[0]).ndim:
        steps = [as_tensor(varargs[0])] * len(axes)
    else:
        steps = [as_tensor(step) for step in varargs]
    if len(steps) != len(axes):
        text = f"gradient: {len(steps)} distances for {len(axes)} axes"
        raise GraphError(text + described(x))
    found = tuple(_slopes(x, k, step, order) for k, step in zip(axes, steps, strict=True))
    return found[0] if len(found) == 1 else found


def _slopes(f: Node, axis: int, given: Node, order: int) -> Node:
    """The slopes along one axis."""
    n = f.shape[axis]
    if isinstance(n, int) and n <= order:
        raise GraphError(
            f"gradient: axis {axis} has {n} elements, and at least {order + 1} are needed"
            f"{described(f)}"
        )
    if given.ndim > 1:
        raise GraphError(f"gradient: a distance is a number or a vector{described(given)}")
    last = ops.moveaxis(f, axis, -1)
    if given.ndim:
        places = floats(given)
        if isinstance(n, int) and isinstance(places.shape[0], int) and places.shape[0] != n:
            text = f"gradient: {places.shape[0]} places for axis {axis}, of size {n}"
            raise GraphError(text + described(f))
        steps = ops.diff(places)
        found = _uneven(last, steps, order)
    else:
        found = _even(last, ops.astype(given, last.dtype), order)
    return ops.moveaxis(ops.astype(found, f.dtype), -1, axis)


def _even(f: Node, h: Node, order: int) -> Node:
    inside = (f[..., 2:] - f[..., :-2]) / (2.0 * h)
    if order == 1:
        first, last = (f[..., 1] - f[..., 0]) / h, (f[..., -1] - f[..., -2]) / h
    else:
        first = -1.5 / h * f[..., 0] + 2.0 / h * f[..., 1] - 0.5 / h * f[..., 2]
        last = 0.5 / h * f[..., -3] - 2.0 / h * f[..., -2] + 1.5 / h * f[..., -1]
    return _joined(first, inside, last)


def _uneven(f: Node, h: Node, order: int) -> Node:
    """With the distances h between neighbours."""
    a, b = h[:-1], h[1:]
    inside = (
        -b / (a * (a + b)) * f[..., :-2]
        + (b - a) / (a * b) * f[..., 1:-1]
        + a / (b * (a + b)) * f[..., 2:]
    )
    if order == 1:
        first, last = (f[..., 1] - f[..., 0]) / h[0], (f[..., -1] - f[..., -2]) / h[-1]
        return _joined(first, inside, last)
    a, b = h[0], h[1]
    first = (
        -(2.0 * a + b) / (a * (a + b)) * f[..., 0]
        + (a + b) / (a * b) * f[..., 1]
        - a / (b * (a + b)) * f[..., 2]
    )
    a, b = h[-2], h[-1]
    last = (
        b / (a * (a + b)) * f[..., -3]
        - (b + a) / (a * b) * f[..., -2]
        + (2.0 * b + a) / (b * (a + b)) * f[..., -1]
    )
    return _joined(first, inside, last)


def _joined(first: Node, inside: Node, last: Node) -> Node:
    ends = (ops.expand_dims(x, -1) for x in (first, last))
    return ops.concatenate([next(ends), inside, next(ends)], -1)
