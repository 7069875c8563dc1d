"""Ranges, grids, indices of triangles and diagonals, and windows, by NumPy's names."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import DTypeLike

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, GraphValueError, Node, TensorLike, as_tensor
from probtensor.ops.arrays.creation import counted
from probtensor.ops.arrays.views import one_size, size_tuple
from probtensor.ops.kinds import as_tensor_of, weak_operand
from probtensor.ops.reductions.folds import described, flag, one_integer
from probtensor.types import Size, check_dtype, promote, promote_float


@public
def logspace(
    start: TensorLike,
    stop: TensorLike,
    num: Size = 50,
    endpoint: bool = True,
    base: TensorLike = 10.0,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> Node:
    """`base` to the powers of `num` evenly spaced values from start to stop, along a new axis. All
    but `num` and `axis` may be tensors, by which the result has derivatives.

    Returns a tensor of the broadcast shape of start, stop and base with an axis of size `num` put
    in, in `dtype`, or else float32 or float64 as these are.
    Raises GraphError, a TypeError, for a negative `num`.

        >>> pt.logspace(0.0, 2.0, 3).eval()
        array([  1.,  10., 100.])
    """
    joint = promote_float(*map(weak_operand, (start, stop, base)))
    wide = "float64" if joint.is_float else "complex128"
    start, stop, base = (as_tensor_of(x, wide) for x in (start, stop, base))
    start, stop, base = ops.broadcast_arrays(start, stop, base)
    powers = ops.linspace(start, stop, num, endpoint)
    return _ranged(ops.power(base, powers), joint, dtype, axis)


@public
def geomspace(
    start: TensorLike,
    stop: TensorLike,
    num: Size = 50,
    endpoint: bool = True,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> Node:
    """`num` values of one sign from start to stop, whose quotients are equal, along a new axis. The
    ends may be tensors, by which the result has derivatives: start**(1 - t) * stop**t for evenly
    spaced t. Between complex ends lie start * (stop / start)**t.

    Returns a tensor of the broadcast shape of start and stop with an axis of size `num` put in, in
    `dtype`, or else float32 or float64 as these are; NaN where the ends have not the same sign, or
    one of them is 0.
    Raises GraphError, a TypeError, for a negative `num`; ValueError for an end that is a Python 0.

        >>> pt.geomspace(1.0, 8.0, 4).eval()
        array([1., 2., 4., 8.])
    """
    for end in (start, stop):
        if isinstance(end, (int, float)) and end == 0:
            raise GraphValueError("geomspace: an end is 0, and no quotient leads there")
    joint = promote_float(weak_operand(start), weak_operand(stop))
    wide = "float64" if joint.is_float else "complex128"
    first, last = ops.broadcast_arrays(*(as_tensor_of(x, wide) for x in (start, stop)))
    t = ops.linspace(0.0, 1.0, num, endpoint)
    t = ops.reshape(t, (t.shape[0], *[1] * first.ndim))
    if not joint.is_float:
        return _ranged(first * (last / first) ** t, joint, dtype, axis)
    size = ops.abs(first) ** (1 - t) * ops.abs(last) ** t
    sign = ops.sign(first)
    values = ops.where(ops.eq(sign * ops.sign(last), 1), sign * size, np.nan)
    return _ranged(values, joint, dtype, axis)


def _ranged(values: Node, joint: str, dtype: DTypeLike | None, axis: int) -> Node:
    """A range along the leading axis, in its dtype, with that axis where it is asked for."""
    values = ops.astype(values, joint if dtype is None else check_dtype(dtype))
    return ops.moveaxis(values, 0, axis)


class Grid:
    """Coordinates of the points of a grid, by slices: `pt.mgrid[0:2, 0:1:0.5]`. With a step of 3j a
    slice has 3 points, its end among them. Bounds and steps may be sizes.

    Returns for several slices a tensor whose first axis runs over the coordinates, for one slice a
    vector; `pt.ogrid` a tuple of tensors that broadcast to these coordinates.
    Raises GraphError, a TypeError, for what is no slice with an end.

        >>> pt.mgrid[0:2, 0:3].shape
        (2, 2, 3)
        >>> [y.shape for y in pt.ogrid[0:2, 0:1:5j]]
        [(2, 1), (1, 5)]
    """

    for_users = True

    def __init__(self, name: str, sparse: bool) -> None:
        self.__name__, self._sparse = name, sparse

    def __repr__(self) -> str:
        return f"pt.{self.__name__}"

    def __reduce__(self) -> str:
        return self.__name__

    @public(name="grid")
    def __getitem__(self, key: object) -> Node | tuple[Node, ...]:
        if not isinstance(key, tuple):
            return self._line(key)
        lines = [self._line(part) for part in key]
        dtype = promote(*(x.dtype for x in lines))
        lines = [ops.astype(x, dtype) for x in lines]
        grid = ops.meshgrid(*lines, indexing="ij", sparse=self._sparse)
        return tuple(grid) if self._sparse else ops.stack(grid)

    def _line(self, part: object) -> Node:
        if not isinstance(part, slice) or part.stop is None:
            raise GraphError(f"{self.__name__}: each axis is a slice with an end, not {part!r:.60}")
        start = 0 if part.start is None else part.start
        step = 1 if part.step is None else part.step
        if isinstance(step, complex):
            return ops.linspace(start, part.stop, int(abs(step)))
        return ops.arange(start, part.stop, step)


mgrid = Grid("mgrid", sparse=False)
ogrid = Grid("ogrid", sparse=True)


@public
def indices(
    dimensions: Sequence[Size], dtype: DTypeLike = "int64", sparse: bool = False
) -> Node | tuple[Node, ...]:
    """The indices along each axis of an array of the shape `dimensions`.

    Returns a tensor whose first axis runs over the axes; with `sparse` a tuple of tensors that
    broadcast to these indices.
    Raises GraphError, a TypeError, for what is no shape.

        >>> pt.indices((2, 3))[1].eval()
        array([[0, 1, 2],
               [0, 1, 2]])
    """
    shape = size_tuple(dimensions)
    lines = [ops.astype(counted("indices", n), dtype) for n in shape]
    if not lines:
        return () if sparse else ops.zeros((0,), dtype)
    grid = ops.meshgrid(*lines, indexing="ij", sparse=flag(sparse, "indices: sparse"))
    return tuple(grid) if sparse else ops.stack(grid)


@public
def ix_(*args: TensorLike) -> tuple[Node, ...]:
    """Vectors of indices, or masks, as tensors that index the rows, columns, ... which they name:
    `A[pt.ix_(rows, columns)]` is a submatrix.

    Returns a tuple of integer tensors that broadcast together.
    Raises GraphError, a TypeError, for what is no vector.

        >>> [y.shape for y in pt.ix_([0, 1], [2, 3, 4])]
        [(2, 1), (1, 3)]
    """
    lines = []
    for part in args:
        x = as_tensor(part)
        if x.ndim != 1:
            raise GraphError(f"ix_: takes vectors, not {x.ndim} axes{described(x)}")
        lines.append(ops.nonzero(x)[0] if x.dtype == "bool" else x)
    return tuple(ops.meshgrid(*lines, indexing="ij", sparse=True)) if lines else ()


def _triangle(what: str, n: Size, k: int, m: Size | None, upper: bool) -> tuple[Node, Node]:
    n = one_size(n, f"{what}: n")
    m = n if m is None else one_size(m, f"{what}: m")
    k = one_integer(k, f"{what}: k")
    if isinstance(n, int) and isinstance(m, int) and isinstance(k, int):
        found = np.triu_indices(n, k, m) if upper else np.tril_indices(n, k, m)
        return as_tensor(found[0]), as_tensor(found[1])
    below = ops.tri(n, m, k - 1 if upper else k, "bool")
    return ops.nonzero(ops.logical_not(below) if upper else below)


@public
def tril_indices(n: Size, k: int = 0, m: Size | None = None) -> tuple[Node, Node]:
    """The indices of the elements at and below diagonal k of an n by m matrix (m is n if None).

    Returns (rows, columns): int64 vectors, for symbolic sizes of a length that a call measures.
    Raises GraphError, a TypeError, for what is no size.

        >>> [i.eval() for i in pt.tril_indices(2)]
        [array([0, 1, 1]), array([0, 0, 1])]
    """
    return _triangle("tril_indices", n, k, m, upper=False)


@public
def triu_indices(n: Size, k: int = 0, m: Size | None = None) -> tuple[Node, Node]:
    """The indices of the elements at and above diagonal k of an n by m matrix (m is n if None).

    Returns (rows, columns): int64 vectors, for symbolic sizes of a length that a call measures.
    Raises GraphError, a TypeError, for what is no size.

        >>> [i.eval() for i in pt.triu_indices(2)]
        [array([0, 0, 1]), array([0, 1, 1])]
    """
    return _triangle("triu_indices", n, k, m, upper=True)


@public
def tril_indices_from(arr: TensorLike, k: int = 0) -> tuple[Node, Node]:
    """The indices of the elements at and below diagonal k of a matrix.

    Returns (rows, columns): int64 vectors.
    Raises GraphError, a TypeError, for other than two axes.

        >>> [i.eval() for i in pt.tril_indices_from(np.ones((2, 2)))]
        [array([0, 1, 1]), array([0, 0, 1])]
    """
    n, m = _matrix_shape(arr, "tril_indices_from")
    return _triangle("tril_indices_from", n, k, m, upper=False)


@public
def triu_indices_from(arr: TensorLike, k: int = 0) -> tuple[Node, Node]:
    """The indices of the elements at and above diagonal k of a matrix.

    Returns (rows, columns): int64 vectors.
    Raises GraphError, a TypeError, for other than two axes.

        >>> [i.eval() for i in pt.triu_indices_from(np.ones((2, 2)))]
        [array([0, 0, 1]), array([0, 1, 1])]
    """
    n, m = _matrix_shape(arr, "triu_indices_from")
    return _triangle("triu_indices_from", n, k, m, upper=True)


def _matrix_shape(arr: TensorLike, what: str) -> tuple[Size, Size]:
    x = as_tensor(arr)
    if x.ndim != 2:
        raise GraphError(f"{what}: takes a matrix, not {x.ndim} axes{described(x)}")
    return x.shape


@public
def diag_indices(n: Size, ndim: int = 2) -> tuple[Node, ...]:
    """The indices of the main diagonal of an array of `ndim` axes of size n.

    Returns a tuple of `ndim` equal int64 vectors.
    Raises GraphError, a TypeError, for what is no size.

        >>> [i.eval() for i in pt.diag_indices(2)]
        [array([0, 1]), array([0, 1])]
    """
    return (counted("diag_indices", n),) * one_integer(ndim, "diag_indices: ndim", tensors=False)


@public
def diag_indices_from(arr: TensorLike) -> tuple[Node, ...]:
    """The indices of the main diagonal of a tensor whose axes have one size.

    Returns a tuple of int64 vectors, one for each axis.
    Raises GraphError, a TypeError, for fewer than two axes and for sizes that differ.

        >>> [i.eval() for i in pt.diag_indices_from(np.ones((2, 2)))]
        [array([0, 1]), array([0, 1])]
    """
    x = as_tensor(arr)
    if x.ndim < 2 or len({n for n in x.shape if isinstance(n, int)}) > 1:
        raise GraphError(f"diag_indices_from: takes axes of one size, two or more{described(x)}")
    fixed = [n for n in x.shape if isinstance(n, int)]
    return diag_indices(fixed[0] if fixed else x.shape[0], x.ndim)


@public
def diagflat(v: TensorLike, k: int = 0) -> Node:
    """The matrix with the elements of `v`, row by row, on diagonal k, and zeros elsewhere.

    Returns a matrix in the dtype of `v`.
    Raises GraphError, a TypeError, for a `k` that is no integer.

        >>> pt.diagflat([[1.0, 2.0]]).eval()
        array([[1., 0.],
               [0., 2.]])
    """
    return ops.diag(ops.ravel(v), one_integer(k, "diagflat: k", tensors=False))


@public
def vander(x: TensorLike, N: Size | None = None, increasing: bool = False) -> Node:
    """The powers of the elements of a vector: column j is x**(N - 1 - j), or x**j if `increasing`.

    Returns a matrix with N columns (as many as x has elements if None), in the dtype of x, int64
    for smaller integers.
    Raises GraphError, a TypeError, for other than one axis.

        >>> pt.vander([2.0, 3.0], 3).eval()
        array([[4., 2., 1.],
               [9., 3., 1.]])
    """
    x = as_tensor(x)
    if x.ndim != 1:
        raise GraphError(f"vander: takes a vector, not {x.ndim} axes{described(x)}")
    x = ops.astype(x, promote(x.dtype, "int64" if x.dtype.kind in "bi" else x.dtype))
    powers = counted("vander", x.shape[0] if N is None else N)
    powers = powers if flag(increasing, "vander: increasing") else powers[::-1]
    return ops.power(ops.expand_dims(x, 1), ops.astype(powers, x.dtype))


def _window(what: str, M: Size, weight: Callable[[Node], Node]) -> Node:
    """A window of M points, given its weight as a function of the place, from -1 to 1."""
    n = one_size(M, f"{what}: M")
    if isinstance(n, int) and n < 1:
        return ops.zeros((0,))
    last = ops.maximum(n - 1, 1) if not isinstance(n, int) else max(n - 1, 1)
    twice = 2.0 * ops.arange(n) - (n - 1)
    return weight(twice / last)


@public
def bartlett(M: Size) -> Node:
    """The triangular window of M points, from 0 to 1 to 0: 1 - |x| for x from -1 to 1.

    Returns a float64 vector.
    Raises GraphError, a TypeError, for what is no size.

        >>> pt.bartlett(5).eval()
        array([0. , 0.5, 1. , 0.5, 0. ])
    """
    return _window("bartlett", M, lambda x: 1 - ops.abs(x))


@public
def hanning(M: Size) -> Node:
    """The Hann window of M points: 0.5 + 0.5 cos(pi x) for x from -1 to 1.

    Returns a float64 vector.
    Raises GraphError, a TypeError, for what is no size.

        >>> pt.hanning(3).eval()
        array([0., 1., 0.])
    """
    return _window("hanning", M, lambda x: 0.5 + 0.5 * ops.cos(np.pi * x))


@public
def hamming(M: Size) -> Node:
    """The Hamming window of M points: 0.54 + 0.46 cos(pi x) for x from -1 to 1.

    Returns a float64 vector.
    Raises GraphError, a TypeError, for what is no size.

        >>> pt.hamming(3).eval()
        array([0.08, 1.  , 0.08])
    """
    return _window("hamming", M, lambda x: 0.54 + 0.46 * ops.cos(np.pi * x))


@public
def blackman(M: Size) -> Node:
    """The Blackman window of M points: 0.42 + 0.5 cos(pi x) + 0.08 cos(2 pi x) for x from -1 to 1.

    Returns a float64 vector.
    Raises GraphError, a TypeError, for what is no size.

        >>> abs(pt.blackman(3).eval()).round(8)
        array([0., 1., 0.])
    """
    return _window(
        "blackman",
        M,
        lambda x: 0.42 + 0.5 * ops.cos(np.pi * x) + 0.08 * ops.cos(2 * np.pi * x),
    )


@public
def kaiser(M: Size, beta: TensorLike) -> Node:
    """The Kaiser window of M points: i0(beta sqrt(1 - x**2)) / i0(beta) for x from -1 to 1. `beta`
    may be a tensor without axes, by which the window has derivatives.

    Returns a float64 vector.
    Raises GraphError, a TypeError, for what is no size, and a `beta` with axes.

        >>> pt.kaiser(3, 0.0).eval()
        array([1., 1., 1.])
    """
    beta = as_tensor_of(beta, "float64")
    if beta.ndim:
        raise GraphError(f"kaiser: beta is a number, not of {beta.ndim} axes{described(beta)}")
    arch = _window("kaiser", M, lambda x: ops.sqrt(ops.maximum(1 - x * x, 0.0)))
    return ops.i0(beta * arch) / ops.i0(beta)
