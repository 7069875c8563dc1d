"""Functions of matrices that are graphs of products, joins and systems of equations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.ops.reductions.folds import described, listed_axes, one_axis
from probtensor.types import Shape, ShapeError, Size, broadcast_shapes, shape_text


@public
def block_diag(*arrs: TensorLike) -> Node:
    """Matrices along the diagonal of one, with zeros elsewhere; SciPy's signature.

    arrs: matrices of any sizes, of shape (..., m, n); a vector counts as one row, a number as a
    matrix of one element; leading axes broadcast.

    Returns a tensor in the dtype that the operands promote to; of none a matrix of shape (1, 0), as
    in SciPy.

        >>> pt.linalg.block_diag([[1, 2]], 3).eval()
        array([[1, 2, 0],
               [0, 0, 3]])
    """
    given = [ops.atleast_2d(x) for x in arrs]
    if not given:
        return ops.zeros((1, 0))
    spread = _together("block_diag", given)
    rows = []
    for k, x in enumerate(given):
        shapes = [(*spread, x.shape[-2], other.shape[-1]) for other in given]
        row = [ops.zeros(shape, x.dtype) for shape in shapes]
        row[k] = ops.broadcast_to(x, shapes[k])
        rows.append(ops.concatenate(row, -1) if len(row) > 1 else row[0])
    return ops.concatenate(rows, -2) if len(rows) > 1 else rows[0]


def _together(what: str, nodes: Sequence[Node], core: int = 2) -> Shape:
    """The leading axes of all, broadcast."""
    try:
        return broadcast_shapes(*(x.shape[: x.ndim - core] for x in nodes))
    except ShapeError as error:
        raise GraphError(f"{what}: leading axes: {error}{described(nodes[0])}") from None


@public
def matrix_dot(*args: TensorLike) -> Node:
    """The product of matrices, from left to right, as PyTensor has it.

    Returns a tensor in the dtype that the operands promote to.
    Raises GraphError, a TypeError, for no operands and sizes that do not fit.

        >>> pt.linalg.matrix_dot([[1.0, 2.0]], [[3.0], [4.0]], [[2.0]]).eval()
        array([[22.]])
    """
    if not args:
        raise GraphError("matrix_dot: needs at least one matrix")
    return reduce(ops.dot, (as_tensor(x) for x in args))


@public(lacks=("out",))
def multi_dot(arrays: Sequence[TensorLike], *, out: None = None) -> Node:
    """The product of matrices, in the order of the fewest multiplications; NumPy's signature.

    arrays: at least two; the first and the last may be vectors, as a row and a column. The order is
    found for sizes that are known; if any is not, products are from left to right.

    Returns a tensor in the dtype that the operands promote to, without the axes of vectors.
    Raises GraphError, a TypeError, for fewer operands, other numbers of axes, and sizes that do not
    fit.
    Source: Cormen, Leiserson, Rivest and Stein (2009), "Introduction to Algorithms", 15.2.

        >>> pt.linalg.multi_dot([[1.0, 2.0], [[3.0], [4.0]], [[2.0]]]).eval()
        array([22.])
    """
    given = [as_tensor(x) for x in arrays]
    if len(given) < 2:
        raise GraphError(f"multi_dot: needs at least two arrays, not {len(given)}")
    for k, x in enumerate(given):
        if x.ndim != 2 and not (x.ndim == 1 and k in (0, len(given) - 1)):
            raise GraphError(f"multi_dot: takes matrices, not {x.ndim} axes{described(x)}")
    sizes = [given[0].shape[0] if given[0].ndim == 2 else 1]
    sizes += [x.shape[0] for x in given[1:]]
    sizes.append(given[-1].shape[1] if given[-1].ndim == 2 else 1)
    if not all(isinstance(n, int) for n in sizes):
        return reduce(ops.dot, given)
    return _product(given, _splits(sizes), 0, len(given) - 1)


def _splits(sizes: Sequence[int]) -> dict[tuple[int, int], int]:
    """Where to cut each run of matrices, for the fewest multiplications."""
    count = len(sizes) - 1
    cost = {(i, i): 0 for i in range(count)}
    found = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            costs = {
                k: cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1]
                for k in range(i, j)
            }
            found[i, j] = min(costs, key=costs.get)
            cost[i, j] = costs[found[i, j]]
    return found


def _product(given: Sequence[Node], splits: dict[tuple[int, int], int], i: int, j: int) -> Node:
    if i == j:
        return given[i]
    k = splits[i, j]
    return ops.dot(_product(given, splits, i, k), _product(given, splits, k + 1, j))


@public
def cross(
    a: TensorLike,
    b: TensorLike,
    axisa: int = -1,
    axisb: int = -1,
    axisc: int = -1,
    axis: int | None = None,
) -> Node:
    """The cross product of vectors of three components; NumPy's signature.

    axisa, axisb: the axes of a and b that hold the components; axisc: that of the result; `axis`
    stands for all three. The other axes broadcast.

    Returns a tensor in the dtype that the operands promote to.
    Raises GraphError, a TypeError, for axes that the operands have not, and for those of a size
    other than 3.

        >>> pt.linalg.cross([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]).eval()
        array([0., 0., 1.])
    """
    a, b = as_tensor(a), as_tensor(b)
    if axis is not None:
        axisa = axisb = axisc = axis
    x = ops.moveaxis(a, one_axis(axisa, a, "cross"), -1)
    y = ops.moveaxis(b, one_axis(axisb, b, "cross"), -1)
    for node, moved in ((a, x), (b, y)):
        if isinstance(moved.shape[-1], int) and moved.shape[-1] != 3:
            raise GraphError(f"cross: takes vectors of 3 components{described(node)}")
    (x0, x1, x2), (y0, y1, y2) = ([v[..., k] for k in range(3)] for v in (x, y))
    parts = [x1 * y2 - x2 * y1, x2 * y0 - x0 * y2, x0 * y1 - x1 * y0]
    found = ops.stack(parts, -1)
    return ops.moveaxis(found, -1, one_axis(axisc, found, "cross"))


@public
def tensorsolve(
    a: TensorLike, b: TensorLike, axes: Sequence[int] | None = None
) -> Node:
    """x with tensordot(a, x, x.ndim) == b; NumPy's signature.

    a: of shape b.shape + x.shape, once the `axes` are moved to its end, where the product of the
    sizes of both is the same and known.

    Returns a float64 tensor.
    Raises GraphError, a TypeError, for sizes that are not known or do not fit.

        >>> pt.linalg.tensorsolve(np.eye(6).reshape(2, 3, 6), np.ones((2, 3))).eval()
        array([1., 1., 1., 1., 1., 1.])
    """
    a, b = as_tensor(a), as_tensor(b)
    if axes is not None:
        moved = listed_axes(tuple(axes), a, "tensorsolve")
        a = ops.transpose(a, [k for k in range(a.ndim) if k not in moved] + list(moved))
    shape = a.shape[b.ndim :]
    _known("tensorsolve", (*a.shape, *b.shape))
    count, other = math.prod(shape), math.prod(b.shape)
    if count != other or math.prod(a.shape) != count * other:
        raise GraphError(
            f"tensorsolve: {shape_text(a.shape)} and {shape_text(b.shape)} do not fit: a.shape is "
            f"b.shape + x.shape, of equal products{described(a)}"
        )
    found = ops.solve(ops.reshape(a, (count, count)), ops.ravel(b))
    return ops.reshape(found, shape)


@public
def tensorinv(a: TensorLike, ind: int = 2) -> Node:
    """The inverse of a tensor: x of shape a.shape[ind:] + a.shape[:ind], for which
    tensordot(x, a, ind) is the identity; NumPy's signature.

    Returns a float64 tensor; nan where there is none.
    Raises GraphError, a TypeError, for sizes that are not known, or whose products differ, and for
    `ind` below 1.

        >>> pt.linalg.tensorinv(np.eye(6).reshape(2, 3, 6)).eval().shape
        (6, 2, 3)
    """
    a = as_tensor(a)
    if isinstance(ind, bool) or not isinstance(ind, (int, np.integer)) or ind < 1:
        raise GraphError(f"tensorinv: ind is a whole number above 0, not {ind!r:.60}")
    first, last = (_known("tensorinv", shape) for shape in (a.shape[:ind], a.shape[ind:]))
    n = math.prod(last)
    if math.prod(first) != n:
        raise GraphError(f"tensorinv: the products of {first} and {last} differ{described(a)}")
    return ops.reshape(ops.inv(ops.reshape(a, (n, n))), (*last, *first))


def _known(what: str, shape: Sequence[object]) -> tuple[int, ...]:
    if not all(isinstance(n, int) for n in shape):
        raise GraphError(f"{what}: needs sizes that are known, not {shape_text(shape)}")
    return tuple(shape)


@public
def toeplitz(c: TensorLike, r: TensorLike | None = None) -> Node:
    """The matrix with equal elements along each diagonal: `c` is its first column, `r` its first
    row, whose first element is not read; without it the matrix is symmetric. SciPy's signature.

    c: shape (..., m); r: shape (..., n); leading axes broadcast.

    Returns a tensor of shape (..., m, n), in the dtype that the operands promote to.
    Raises GraphError, a TypeError, for numbers.

        >>> pt.linalg.toeplitz([1, 2], [1, 5, 6]).eval()
        array([[1, 5, 6],
               [2, 1, 5]])
    """
    column = _vector("toeplitz", c)
    row = column if r is None else _vector("toeplitz", r)
    return _along_diagonals(
        "toeplitz", ops.flip(column, -1), row[..., 1:], column.shape[-1], False
    )


@public
def hankel(c: TensorLike, r: TensorLike | None = None) -> Node:
    """The matrix with equal elements along each counter-diagonal: `c` is its first column, `r` its
    last row, whose first element is not read, and 0 without it. SciPy's signature.

    c: shape (..., m); r: shape (..., n); leading axes broadcast.

    Returns a tensor of shape (..., m, n), in the dtype that the operands promote to.
    Raises GraphError, a TypeError, for numbers.

        >>> pt.linalg.hankel([1, 2], [2, 5, 6]).eval()
        array([[1, 2, 5],
               [2, 5, 6]])
    """
    column = _vector("hankel", c)
    row = ops.zeros_like(column) if r is None else _vector("hankel", r)
    return _along_diagonals("hankel", column, row[..., 1:], column.shape[-1], True)


@public
def circulant(c: TensorLike) -> Node:
    """The square matrix whose columns are those of `c`, shifted by one each; SciPy's signature.

    c: shape (..., n).

    Returns a tensor of shape (..., n, n), in the dtype of `c`.
    Raises GraphError, a TypeError, for a number.

        >>> pt.linalg.circulant([1, 2, 3]).eval()
        array([[1, 3, 2],
               [2, 1, 3],
               [3, 2, 1]])
    """
    column = _vector("circulant", c)
    places = ops.arange(column.shape[-1])
    shifted = ops.expand_dims(places, -1) - places
    wrapped = ops.where(shifted < 0, shifted + column.shape[-1], shifted)
    return ops.take(column, wrapped, axis=-1)


def _vector(what: str, x: TensorLike) -> Node:
    x = as_tensor(x)
    if x.ndim < 1:
        raise GraphError(f"{what}: takes vectors, not a number{described(x)}")
    return x


def _along_diagonals(
    what: str, first: Node, rest: Node, m: Size, mirrored: bool
) -> Node:
    """The matrix of m rows whose diagonals are, in order, the elements of both."""
    batch = _together(what, (first, rest), 1)
    both = [ops.broadcast_to(x, (*batch, x.shape[-1])) for x in (first, rest)]
    values = ops.concatenate(both, -1)
    rows, columns = ops.expand_dims(ops.arange(m), -1), ops.arange(rest.shape[-1] + 1)
    places = rows + columns if mirrored else (m - 1) - rows + columns
    return ops.take(values, places, axis=-1)
