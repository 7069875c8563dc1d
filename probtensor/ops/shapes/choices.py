"""Elements chosen by conditions, functions of indices, polynomials and phases, by NumPy's names."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import DTypeLike

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.ops.kinds import as_tensor_of, weak_operand
from probtensor.ops.reductions.folds import described, one_axis
from probtensor.types import Size, promote, size_min


@public
def select(
    condlist: Sequence[TensorLike], choicelist: Sequence[TensorLike], default: TensorLike = 0
) -> Node:
    """Where several conditions hold, the choice of the first of them; `default` where none does.
    What is not chosen has a derivative of 0, also where its slope is infinite or NaN.

    Returns a tensor of the shape that all broadcast to, in the dtype that choices and default
    promote to.
    Raises GraphError, a TypeError, for other conditions than bools, and as many of them as choices
    are not given.

        >>> x = pt.as_tensor([-1.0, 0.5, 3.0])
        >>> pt.select([x < 0, x < 1], [0.0, x], 1.0).eval()
        array([0. , 0.5, 1. ])
    """
    if len(condlist) != len(choicelist) or not len(condlist):
        counts = f"{len(condlist)} conditions and {len(choicelist)} choices"
        raise GraphError(f"select: {counts}; as many of both are needed, at least one")
    dtype = promote(*map(weak_operand, (*choicelist, default)))
    out = as_tensor_of(default, dtype)
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        chosen = _condition(condition, "select")
        out = ops.where(chosen, as_tensor_of(choice, dtype), out)
    return out


def _condition(value: TensorLike, what: str) -> Node:
    node = as_tensor(value)
    if node.dtype != "bool":
        raise GraphError(f"{what}: a condition is a tensor of bools, not {node.type}")
    return node


@public
def piecewise(
    x: TensorLike,
    condlist: TensorLike | Sequence[TensorLike],
    funclist: Sequence[Callable[..., TensorLike] | TensorLike],
    *args: object,
    **kw: object,
) -> Node:
    """Functions, or numbers, where their conditions on x hold; of several that hold the last one
    counts. With one function more than conditions the last is for the rest; else that is 0.

    Each function is applied to all of x, with the further arguments, and must be elementwise; where
    it is not chosen it has a derivative of 0.

    Returns a tensor of the shape of x, in its dtype.
    Raises GraphError, a TypeError, for other conditions than bools, and as many functions as
    conditions, or one more, are not given.

        >>> x = pt.as_tensor([-1.0, 0.0, 4.0])
        >>> pt.piecewise(x, [x < 0, x >= 0], [lambda x: -x, pt.sqrt]).eval()
        array([1., 0., 2.])
    """
    x = as_tensor(x)
    one = not isinstance(condlist, (list, tuple)) or all(isinstance(c, bool) for c in condlist)
    conditions = [_condition(c, "piecewise") for c in ([condlist] if one else condlist)]
    functions = list(funclist)
    if len(functions) not in (len(conditions), len(conditions) + 1):
        counts = f"{len(functions)} functions for {len(conditions)} conditions"
        raise GraphError(f"piecewise: {counts}; as many are needed, or one more")
    values = [f(x, *args, **kw) if callable(f) else f for f in functions]
    out = as_tensor_of(values.pop() if len(values) > len(conditions) else 0, x.dtype)
    for condition, value in zip(conditions, values, strict=True):
        out = ops.where(condition, as_tensor_of(value, x.dtype), out)
    return ops.broadcast_to(out, x.shape)


@public(lacks=("like",))
def fromfunction(
    function: Callable[..., TensorLike],
    shape: Sequence[Size],
    *,
    dtype: DTypeLike = "float64",
    like: None = None,
    **kwargs: object,
) -> Node:
    """`function` of the indices along each axis of an array of `shape`, given as tensors of that
    shape, in `dtype`.

    Returns what the function returns.
    Raises GraphError, a TypeError, for what is no shape.

        >>> pt.fromfunction(lambda i, j: i + 10 * j, (2, 3)).eval()
        array([[ 0., 10., 20.],
               [ 1., 11., 21.]])
    """
    return function(*ops.unstack(ops.indices(shape, dtype)), **kwargs)


@public
def polyval(p: TensorLike, x: TensorLike) -> Node:
    """The value at x of the polynomial with coefficients `p`, that of the highest power first, by
    Horner's scheme.

    Returns a tensor of the shape of x, in the dtype that both promote to.
    Raises GraphError, a TypeError, for coefficients that are no vector of known length.

        >>> pt.polyval([1.0, 0.0, -2.0], 3.0).eval()
        array(7.)
    """
    coefficients, x = as_tensor(p), as_tensor(x)
    if coefficients.ndim != 1 or not isinstance(coefficients.shape[0], int):
        raise GraphError(
            f"polyval: the coefficients are a vector of known length, not {coefficients.type}"
            f"{described(coefficients)}"
        )
    value = ops.zeros_like(x, promote(coefficients.dtype, x.dtype))
    for c in ops.unstack(coefficients):
        value = value * x + c
    return value


@public
def unwrap(
    p: TensorLike,
    discont: TensorLike | None = None,
    axis: int = -1,
    *,
    period: float = 2 * math.pi,
) -> Node:
    """`p` with multiples of the period added along an axis, so that neighbours differ by at most
    half a period: phases without jumps. Differences below `discont` stay as they are, if that is
    more than half a period. The derivative by `p` is 1.

    Returns a tensor of the shape of `p`, in the dtype that it and the period promote to.
    Raises GraphError, a TypeError, for an axis that `p` has not, and a period that is no number.

        >>> pt.unwrap([0.0, 3.0, 6.5], period=4).eval()
        array([ 0. , -1. , -1.5])
    """
    x = as_tensor(p)
    position = one_axis(axis, x, "unwrap")
    if not isinstance(period, (int, float, np.number)):
        raise GraphError(f"unwrap: the period is a number of Python, not {period!r:.60}")
    x = ops.astype(x, promote(x.dtype, weak_operand(period)))
    whole = x.dtype.is_integer
    high, odd = divmod(period, 2) if whole else (period / 2, 0)
    low = -high
    steps = ops.diff(x, axis=position)
    near = (steps - low) % period + low
    if not odd:  # a step of half a period may go either way: it keeps its sign
        near = ops.where(ops.logical_and(ops.eq(near, low), steps > 0), high, near)
    turns = near - steps
    if discont is not None:
        turns = ops.where(ops.abs(steps) < ops.maximum(discont, period / 2), 0, turns)
    else:
        turns = ops.where(ops.abs(steps) < period / 2, 0, turns)
    first = ops.zeros_like(ops.narrow(x, position, 0, size_min(x.shape[position], 1)))
    return x + ops.concatenate([first, ops.cumsum(turns, position, dtype=x.dtype)], position)
