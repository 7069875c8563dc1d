"""What is known of tensors while a graph is built: values of constants, lengths, shapes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from probtensor.calls import public
from probtensor.graph.evaluate import evaluate
from probtensor.graph.node import GraphError, Input, Node, SizeOf, TensorLike, as_tensor
from probtensor.graph.walk import toposort
from probtensor.ops.reductions.folds import described, listed_axes
from probtensor.types import Dim, Size, TensorType, size_product


def constant_value(value: TensorLike, what: str, through: bool) -> np.ndarray:
    """The one number that a tensor has everywhere, if it depends on constants alone, as an array
    without axes; GraphError if there is none, or, unless `through`, if the tensor has axes."""
    x = as_tensor(value)
    if x.ndim and not through:
        raise GraphError(f"{what}: a scalar has no axes, unlike {x.type}{described(x)}")
    if x.is_complex:
        re, im = (constant_value(part, what, through) for part in x.inputs)
        return np.array(complex(re, im), x.dtype)
    node = x
    while node.op.reads_all:  # its elements are those of its input
        node = node.inputs[0]
    order = toposort([node])
    for inner in order:
        if isinstance(inner.op, Input):
            named = inner.name or "an input"
            raise GraphError(f"{what}: the value depends on {named}{described(x)}")
    of_sizes = any(isinstance(x.op, SizeOf) and isinstance(x.op.size, Dim) for x in order)
    if of_sizes or not all(kind.is_static for inner in order for kind in _types(inner)):
        raise GraphError(f"{what}: the value depends on sizes that a call decides{described(x)}")
    found: dict[Node, np.ndarray] = {}
    for _ in evaluate(order, found, {}):
        pass
    array = found[node]
    if not array.size or not np.array_equal(array, np.full_like(array, array.flat[0]), True):
        raise GraphError(f"{what}: the elements are not one number{described(x)}")
    return np.array(array.flat[0])


def _types(node: Node) -> Iterable[TensorType]:
    return node.type if isinstance(node.type, tuple) else (node.type,)


@public
def get_scalar_constant_value(v: TensorLike) -> np.ndarray:
    """The value of a tensor without axes that depends on constants alone.

    Returns an array without axes, of the dtype of `v`.
    Raises GraphError, a TypeError, for a tensor with axes, and one that depends on inputs.

        >>> pt.get_scalar_constant_value(pt.constant(2.0) * 3)
        array(6.)
    """
    return constant_value(v, "get_scalar_constant_value", through=False)


@public
def get_underlying_scalar_constant_value(v: TensorLike) -> np.ndarray:
    """The number that a tensor has everywhere, if it depends on constants alone; the tensor may be
    broadcast to any shape.

    Returns an array without axes, of the dtype of `v`.
    Raises GraphError, a TypeError, for elements that differ, and for a tensor that depends on
    inputs.

        >>> x = pt.vector("x")
        >>> pt.get_underlying_scalar_constant_value(pt.full_like(x, 7.0))
        array(7.)
    """
    return constant_value(v, "get_underlying_scalar_constant_value", through=True)


@public
def get_vector_length(v: TensorLike) -> int:
    """The length of a vector whose size is known while the graph is built.

    Returns an int.
    Raises GraphError, a TypeError, for other than one axis, and for a size that a call decides.

        >>> pt.get_vector_length(pt.vector("x", shape=(3,)))
        3
    """
    x = as_tensor(v)
    if x.ndim != 1:
        raise GraphError(f"get_vector_length: a vector has one axis, unlike {x.type}{described(x)}")
    if not isinstance(x.shape[0], int):
        raise GraphError(
            f"get_vector_length: a call decides the length of {x.described}{described(x)}\n"
            "  x.shape[0] is the length inside the graph; shape= of the input fixes it"
        )
    return x.shape[0]


@public
def is_flat(var: TensorLike, ndim: int = 1) -> bool:
    """Whether a tensor has `ndim` axes.

    Returns a bool of Python.

        >>> pt.is_flat(pt.vector("x")), pt.is_flat(pt.matrix("A"))
        (True, False)
    """
    return as_tensor(var).ndim == ndim


@public
def shape(a: TensorLike) -> tuple[Size, ...]:
    """The sizes of the axes: integers, or symbolic sizes, of which shapes of other tensors are made
    and which compute nothing. `pt.stack(pt.shape(a))` is a vector of them.

    Returns a tuple: the attribute `shape`.

        >>> pt.shape([[1.0, 2.0]])
        (1, 2)
    """
    return as_tensor(a).shape


@public
def ndim(a: TensorLike) -> int:
    """The number of axes.

    Returns an int: the attribute `ndim`.

        >>> pt.ndim([[1.0, 2.0]])
        2
    """
    return as_tensor(a).ndim


@public
def size(a: TensorLike, axis: int | Sequence[int] | None = None) -> Size:
    """The number of elements, or the product of the sizes of some axes.

    Returns an integer, or a symbolic size.
    Raises GraphError, a TypeError, for an axis that `a` has not.

        >>> pt.size([[1.0, 2.0]]), pt.size([[1.0, 2.0]], 0)
        (2, 1)
    """
    x = as_tensor(a)
    return size_product(x.shape[k] for k in listed_axes(axis, x, "size"))


@public
def scalar_from_tensor(t: TensorLike) -> Node:
    """A tensor without axes, as it is: a scalar is no type of its own here (PyTensor's name).

    Returns `t` as a tensor.
    Raises GraphError, a TypeError, for a tensor with axes.

        >>> pt.scalar_from_tensor(3.0).eval()
        array(3.)
    """
    return _without_axes(t, "scalar_from_tensor")


@public
def tensor_from_scalar(s: TensorLike) -> Node:
    """A scalar as a tensor without axes, which it is here (PyTensor's name).

    Returns `s` as a tensor.
    Raises GraphError, a TypeError, for a tensor with axes.

        >>> pt.tensor_from_scalar(3.0).eval()
        array(3.)
    """
    return _without_axes(s, "tensor_from_scalar")


def _without_axes(value: TensorLike, what: str) -> Node:
    x = as_tensor(value)
    if x.ndim:
        raise GraphError(f"{what}: a scalar has no axes, unlike {x.type}{described(x)}")
    return x


@public(lacks=("order", "subok"))
def copy(a: TensorLike, order: str = "K", subok: bool = False) -> Node:
    """`a` as a tensor, which is never written to: a copy makes no difference to anyone.

    Returns `a` itself if it is a tensor, else a constant with its value.

        >>> pt.copy([1.0, 2.0]).eval()
        array([1., 2.])
    """
    return as_tensor(a)


@public
def tensor_copy(x: TensorLike) -> Node:
    """`x` as a tensor, which is never written to (PyTensor's name for `copy`).

    Returns `x` itself if it is a tensor, else a constant with its value.

        >>> pt.tensor_copy([1.0, 2.0]).eval()
        array([1., 2.])
    """
    return as_tensor(x)
