"""Shapes, views, joins and folds of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from probtensor import ops
from probtensor.graph import Const, Node, as_tensor
from probtensor.interop.pytensor.translate import (
    Translator,
    folded,
    literal,
    number,
    row,
    sizes_of,
    value_by_literals,
    wide,
)


@row("DimShuffle")
def dimshuffle(t: Translator, apply: Any, x: Node) -> Node:
    """Axes in another order, without some of size 1 and with new ones."""
    order = apply.op.new_order
    kept = [k for k in order if k != "x"]
    dropped = tuple(k for k in range(x.ndim) if k not in kept)
    x = ops.squeeze(x, dropped) if dropped else x
    below = [k for k in range(x.ndim + len(dropped)) if k not in dropped]
    moved = tuple(below.index(k) for k in kept)
    x = ops.transpose(x, moved) if moved != tuple(range(x.ndim)) else x
    new = tuple(k for k, place in enumerate(order) if place == "x")
    return ops.expand_dims(x, new) if new else x


@row("Shape")
def shape(t: Translator, apply: Any, x: Node) -> Node:
    """The sizes of all axes, as a vector."""
    return vector([ops.as_tensor(n) for n in x.shape])


@row("Shape_i")
def shape_i(t: Translator, apply: Any, x: Node) -> Node:
    """The size of one axis."""
    return ops.as_tensor(x.shape[apply.op.i])


@row("MakeVector")
def make_vector(t: Translator, apply: Any, *entries: Node) -> Node:
    """Scalars as a vector."""
    return vector(entries)


def vector(entries: Sequence[Node]) -> Node:
    """A vector of scalars; those of literals are a literal, so that sizes are known."""
    if not entries:
        return as_tensor(np.zeros(0, "int64"))
    if all(isinstance(x.op, Const) for x in entries):
        return as_tensor(np.array([x.op.array for x in entries]))
    return ops.stack(entries)


@row("ScalarFromTensor", "TensorFromScalar", "ViewOp", "DeepCopyOp", "TypeCastingOp", "Identity",
     "TransferTo", "OutputGuard", "TensorFromXTensor", "XTensorFromTensor", "UnbroadcastOp",
     "CpuContiguous", "Print", "Output")  # fmt: skip
def same(t: Translator, apply: Any, x: Node, *_: Node) -> Node:
    """Ops that give what they are given; what `Print` would print is not printed."""
    return x


@row("SpecifyShape")
def specify_shape(t: Translator, apply: Any, x: Node, *sizes: Node | None) -> Node:
    """A tensor whose sizes are asserted."""
    wanted = tuple(None if n is None else number(n) for n in sizes)
    return ops.specify_shape(x, wanted)


@row("Reshape")
def reshape(t: Translator, apply: Any, x: Node, sizes: Node) -> Node:
    """The elements in another shape, in their order."""
    return ops.reshape(x, sizes_of(sizes))


@row("JoinDims")
def join_dims(t: Translator, apply: Any, x: Node) -> Node:
    """Neighbouring axes as one."""
    first, count = apply.op.start_axis, apply.op.n_axes
    if not count:
        return ops.expand_dims(x, first)
    return ops.join_dims(x, first, count)


@row("SplitDims")
def split_dims(t: Translator, apply: Any, x: Node, sizes: Node) -> Node:
    """One axis as several."""
    axis = apply.op.axis
    return ops.reshape(x, (*x.shape[:axis], *sizes_of(sizes), *x.shape[axis + 1 :]))


@row("Alloc")
def alloc(t: Translator, apply: Any, x: Node, *sizes: Node) -> Node:
    """A value repeated to a shape."""
    return ops.broadcast_to(x, tuple(map(number, sizes)))


@row("AllocEmpty")
def alloc_empty(t: Translator, apply: Any, *sizes: Node) -> Node:
    """An array of a shape, whose values nothing reads before they are set."""
    return ops.zeros(tuple(map(number, sizes)), wide(apply.op.dtype))


@row("BroadcastTo")
def broadcast_to(t: Translator, apply: Any, x: Node, *sizes: Node) -> Node:
    """A value repeated to a shape."""
    return ops.broadcast_to(x, tuple(map(number, sizes)))


@row("ARange", batched=True)
def arange(t: Translator, apply: Any, start: Node, stop: Node, step: Node) -> Node:
    """Evenly spaced numbers; those of whole numbers have a size that is known of these. In a batch
    all items have one size, that of the first."""
    given = (start, stop, step)
    if any(x.ndim for x in given):
        first = [x[(0,) * x.ndim] for x in given]
        count = arange(t, apply, *(folded(x) for x in first)).shape[0]
        return start[..., None] + step[..., None] * ops.arange(count)
    values = [value_by_literals(x) for x in given]
    if not _whole(*given) and all(a is not None for a in values):
        return literal(np.arange(*(a.item() for a in values), dtype=apply.outputs[0].type.dtype))
    return ops.arange(*map(number, given)) if _whole(*given) else ops.arange(*given)


def _whole(*xs: Node) -> bool:
    return all(x.dtype.startswith(("int", "uint")) for x in xs)


@row("Eye")
def eye(t: Translator, apply: Any, n: Node, m: Node, k: Node) -> Node:
    """Ones on a diagonal."""
    return ops.eye(number(n), number(m), number(k), dtype=wide(apply.op.dtype))


@row("Tri")
def tri(t: Translator, apply: Any, n: Node, m: Node, k: Node) -> Node:
    """Ones on and below a diagonal."""
    return ops.tri(number(n), number(m), number(k), dtype=wide(apply.op.dtype))


# Joins.


@row("Join")
def join(t: Translator, apply: Any, *inputs: Node) -> Node:
    """Arrays one behind the other along an axis."""
    axis = getattr(apply.op, "axis", None)
    if axis is None:
        axis, inputs = number(inputs[0]), inputs[1:]
    return ops.concatenate(inputs, axis=int(axis))


@row("Split")
def split(t: Translator, apply: Any, x: Node, *rest: Node) -> list[Node]:
    """The parts of an array along an axis."""
    axis = getattr(apply.op, "axis", None)
    if axis is None:
        axis, *rest = number(rest[0]), *rest[1:]
    sizes = sizes_of(rest[0])
    found, start = [], 0
    for n in sizes:
        key = (*(slice(None),) * (int(axis) % x.ndim), slice(start, start + n))
        found.append(x[key])
        start = start + n
    return found


# Folds.


@row("CumOp")
def cum_op(t: Translator, apply: Any, x: Node) -> Node:
    """Running sums or products."""
    function = ops.cumprod if apply.op.mode == "mul" else ops.cumsum
    return function(x, axis=apply.op.axis)


@row("Argmax")
def argmax(t: Translator, apply: Any, x: Node) -> Node:
    """The index of the first largest element, along one axis or over several flattened."""
    axis = apply.op.axis
    if axis is None:
        return ops.argmax(x)
    kept = [k for k in range(x.ndim) if k not in axis]
    if len(axis) != 1:  # the index into the flattened axes
        x = ops.transpose(x, (*kept, *axis))
        x = ops.reshape(x, (*x.shape[: len(kept)], ops.prod(ops.stack(x.shape[len(kept) :]))))
        return ops.argmax(x, axis=-1)
    return ops.argmax(x, axis=axis[0])


@row("MaxAndArgmax")
def max_and_argmax(t: Translator, apply: Any, x: Node) -> list[Node]:
    """The largest elements and their indices."""
    axes = tuple(apply.op.axis) if apply.op.axis is not None else tuple(range(x.ndim))
    return [ops.max(x, axis=axes), argmax(t, apply, x)]


@row("Softmax")
def softmax(t: Translator, apply: Any, x: Node) -> Node:
    """exp(x) divided by its sum along an axis, or over all elements."""
    return ops.softmax(x, axis=apply.op.axis)


@row("LogSoftmax")
def log_softmax(t: Translator, apply: Any, x: Node) -> Node:
    """The logarithm of softmax."""
    return ops.log_softmax(x, axis=apply.op.axis)


@row("ProdWithoutZeros")
def prod_without_zeros(t: Translator, apply: Any, x: Node) -> Node:
    """The product of the elements that are not 0."""
    axes = apply.op.axis
    return ops.prod(ops.where(x == 0, 1, x), axis=None if axes is None else tuple(axes))


@row("Repeat")
def repeat(t: Translator, apply: Any, x: Node, times: Node) -> Node:
    """Each element repeated along an axis."""
    return ops.repeat(x, number(folded(times)) if not times.ndim else times, axis=apply.op.axis)
