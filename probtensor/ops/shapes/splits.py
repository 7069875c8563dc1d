"""Parts of a tensor along an axis, by NumPy's and PyTensor's names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.ops.arrays.require import asked_for
from probtensor.ops.arrays.views import size_tuple
from probtensor.ops.reductions.folds import described, one_axis
from probtensor.ops.shapes.joins import kept_axes
from probtensor.types import Size, SizeCheck, is_size, shape_text, size_floordiv, size_product


@public
def array_split(
    ary: TensorLike, indices_or_sections: int | Sequence[int], axis: int = 0
) -> list[Node]:
    """`ary` split along an axis: before the given indices, or into a number of parts, the first of
    which are longer by one if they are not equal.

    Returns a list of tensors of the dtype of `ary`.
    Raises GraphError, a TypeError, for an axis that `ary` has not.

        >>> [y.shape for y in pt.array_split(np.ones(5), 3)]
        [(2,), (2,), (1,)]
    """
    if not is_size(indices_or_sections):
        return ops.split(ary, indices_or_sections, axis)
    x, parts = as_tensor(ary), indices_or_sections
    if not isinstance(parts, (int, np.integer)) or parts <= 0:
        text = f"array_split: a number of parts is a positive integer, not {parts!r:.60}"
        raise GraphError(text + described(x))
    position = one_axis(axis, x, "array_split")
    found, start = [], 0
    for k in range(parts):
        size = size_floordiv(x.shape[position] + (int(parts) - 1 - k), int(parts))
        found.append(ops.narrow(x, position, start, size))
        start = start + size
    return found


@public
def vsplit(ary: TensorLike, indices_or_sections: int | Sequence[int]) -> list[Node]:
    """`ary` split along axis 0: `split` of a tensor of two axes or more.

    Returns a list of tensors of the dtype of `ary`.
    Raises GraphError, a TypeError, for fewer axes and for parts that are not equal.

        >>> [y.shape for y in pt.vsplit(np.ones((4, 3)), 2)]
        [(2, 3), (2, 3)]
    """
    return ops.split(_with_axes(ary, 2, "vsplit"), indices_or_sections, 0)


@public
def hsplit(ary: TensorLike, indices_or_sections: int | Sequence[int]) -> list[Node]:
    """`ary` split along axis 1, or a vector along its only axis.

    Returns a list of tensors of the dtype of `ary`.
    Raises GraphError, a TypeError, for a tensor without axes and for parts that are not equal.

        >>> [y.shape for y in pt.hsplit(np.ones((3, 4)), 2)]
        [(3, 2), (3, 2)]
    """
    x = _with_axes(ary, 1, "hsplit")
    return ops.split(x, indices_or_sections, min(1, x.ndim - 1))


@public
def dsplit(ary: TensorLike, indices_or_sections: int | Sequence[int]) -> list[Node]:
    """`ary` split along axis 2.

    Returns a list of tensors of the dtype of `ary`.
    Raises GraphError, a TypeError, for fewer than three axes and for parts that are not equal.

        >>> [y.shape for y in pt.dsplit(np.ones((2, 3, 4)), 2)]
        [(2, 3, 2), (2, 3, 2)]
    """
    return ops.split(_with_axes(ary, 3, "dsplit"), indices_or_sections, 2)


def _with_axes(ary: TensorLike, count: int, what: str) -> Node:
    x = as_tensor(ary)
    if x.ndim < count:
        raise GraphError(f"{what}: takes {count} axes or more, not {x.ndim}{described(x)}")
    return x


@public
def unstack(x: TensorLike, /, *, axis: int = 0) -> tuple[Node, ...]:
    """The entries of x along an axis of known size, each without the axis: the reverse of `stack`.

    Returns a tuple of tensors of the dtype of x.
    Raises GraphError, a TypeError, for an axis that x has not, and one whose size a call decides.

        >>> [y.eval() for y in pt.unstack([[1.0, 2.0], [3.0, 4.0]], axis=1)]
        [array([1., 3.]), array([2., 4.])]
    """
    x = as_tensor(x)
    position = one_axis(axis, x, "unstack")
    n = x.shape[position]
    if not isinstance(n, int):
        raise GraphError(
            f"unstack: a call decides the size of axis {position}{described(x)}\n"
            "  shape= of the input fixes it, and pt.vmap goes over entries of any number"
        )
    front = (slice(None),) * position
    return tuple(x[(*front, k)] for k in range(n))


@public
def unpack(
    packed_input: TensorLike,
    packed_shapes: Sequence[Size | Sequence[Size]],
    keep_axes: int | Sequence[int] | None = None,
) -> list[Node]:
    """The tensors of which `pack` made one, given the shapes it returned.

    Returns a list of tensors of the dtype of `packed_input`.
    Raises GraphError, a TypeError, for axes that are neither the first nor the last, and for shapes
    that do not make up the packed axis; ValueError where only a call can tell.

        >>> packed, shapes = pt.pack(np.ones((2, 3)), np.zeros(4))
        >>> [y.shape for y in pt.unpack(packed, shapes)]
        [(2, 3), (4,)]
    """
    x = as_tensor(packed_input)
    first, last = kept_axes(keep_axes, "unpack")
    if x.ndim != first + last + 1:
        text = f"unpack: a packed tensor has {first + last + 1} axes, not {x.ndim}"
        raise GraphError(text + described(x))
    shapes = [size_tuple(shape) for shape in packed_shapes]
    counts = [size_product(shape) for shape in shapes]
    total, n = sum(counts), x.shape[first]
    if isinstance(n, int) and isinstance(total, int) and n != total:
        shown = ", ".join(map(shape_text, shapes))
        raise GraphError(f"unpack: {n} elements are not those of shapes {shown}{described(x)}")
    text = ("the shapes have ", total, " elements, and the packed axis ", n)
    x = asked_for(x, "unpack", SizeCheck(n, "==", total, text))
    found, start = [], 0
    for shape, count in zip(shapes, counts, strict=True):
        found.append(ops.split_dims(ops.narrow(x, first, start, count), shape, first))
        start = start + count
    return found
