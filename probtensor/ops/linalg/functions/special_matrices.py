"""Matrices that are made of vectors, by the names of scipy.linalg."""

from __future__ import annotations

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.ops.reductions.folds import described
from probtensor.types import size_max, size_min


def _vector(what: str, x: TensorLike, least: int = 1) -> Node:
    x = as_tensor(x)
    if x.ndim < 1 or (isinstance(x.shape[-1], int) and x.shape[-1] < least):
        raise GraphError(f"{what}: takes vectors of {least} elements and more{described(x)}")
    return x


@public
def companion(a: TensorLike) -> Node:
    """The companion matrix of a polynomial with the coefficients `a`, from the highest power down:
    its eigenvalues are the roots; SciPy's signature.

    a: shape (..., n), with n >= 2.

    Returns a tensor of shape (..., n - 1, n - 1), of floats: -a[1:] / a[0] is its first row, and
    ones are under the diagonal.
    Raises GraphError, a TypeError, for less than two coefficients.

        >>> pt.linalg.companion([1.0, -3.0, 2.0]).eval()
        array([[ 3., -2.],
               [ 1.,  0.]])
    """
    a = _vector("companion", a, 2)
    row = -a[..., 1:] / a[..., :1]
    n = row.shape[-1]
    below = ops.eye(n, k=-1, dtype=row.dtype)[1:]
    below = ops.broadcast_to(below, (*row.shape[:-1], n - 1, n))
    return ops.concatenate([ops.expand_dims(row, -2), below], -2)


@public
def leslie(f: TensorLike, s: TensorLike) -> Node:
    """The matrix of Leslie: the fecundities `f` in its first row, the survival rates `s` under the
    diagonal; SciPy's signature.

    f: shape (..., n), with n >= 2; s: shape (..., n - 1); leading axes broadcast.

    Returns a tensor of shape (..., n, n), in the dtype that the operands promote to.
    Raises GraphError, a TypeError, for sizes that do not fit.

        >>> pt.linalg.leslie([0.0, 2.0], [0.5]).eval()
        array([[0. , 2. ],
               [0.5, 0. ]])
    """
    f, s = _vector("leslie", f, 2), _vector("leslie", s)
    n, m = f.shape[-1], s.shape[-1]
    if isinstance(n, int) and isinstance(m, int) and n != m + 1:
        raise GraphError(f"leslie: s has one element less than f, not {m} for {n}{described(s)}")
    padded = ops.pad(s, [(0, 0)] * (s.ndim - 1) + [(0, 1)])  # of the size of f, which is checked
    places = ops.arange(n)
    rows = ops.expand_dims(places, -1)
    first = ops.where(ops.eq(rows, 0), ops.expand_dims(f, -2), 0)
    return first + ops.where(ops.eq(rows, places + 1), ops.expand_dims(padded, -2), 0)


@public
def fiedler(a: TensorLike) -> Node:
    """The matrix of the distances |a[i] - a[j]|; SciPy's signature.

    Returns a tensor of shape (..., n, n) for `a` of shape (..., n), in its dtype.
    Raises GraphError, a TypeError, for numbers.

        >>> pt.linalg.fiedler([1, 4, 9]).eval()
        array([[0, 3, 8],
               [3, 0, 5],
               [8, 5, 0]])
    """
    a = _vector("fiedler", a, 0)
    return ops.abs(ops.expand_dims(a, -1) - ops.expand_dims(a, -2))


@public
def convolution_matrix(a: TensorLike, n: int, mode: str = "full") -> Node:
    """The matrix whose product with a vector of n elements is `pt.convolve(a, vector, mode)`;
    SciPy's signature.

    a: shape (..., m), with m >= 1. n: a whole number from 1 on.

    Returns a tensor of n columns in the dtype of `a`: of m + n - 1 rows for "full", max(m, n) for
    "same", max(m, n) - min(m, n) + 1 for "valid".
    Raises GraphError, a TypeError, for no elements, other n and another mode.

        >>> pt.linalg.convolution_matrix([1, 2], 2).eval()
        array([[1, 0],
               [2, 1],
               [0, 2]])
    """
    a = _vector("convolution_matrix", a)
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
        raise GraphError(f"convolution_matrix: n is a whole number from 1 on, not {n!r:.60}")
    m, n = a.shape[-1], int(n)
    short, long = size_min(m, n), size_max(m, n)
    starts = {"full": (0, m + n - 1), "same": ((short - 1) // 2, long), "valid":
              (short - 1, long - short + 1)}  # fmt: skip
    if mode not in starts:
        modes = ", ".join(map(repr, starts))
        raise GraphError(f"convolution_matrix: mode is one of {modes}, not {mode!r:.60}")
    start, count = starts[mode]
    places = ops.expand_dims(ops.arange(count), -1) + start - ops.arange(n)
    found = ops.take(a, places, axis=-1, mode="clip")
    return ops.where((places >= 0) & (places < m), found, 0)


@public
def khatri_rao(a: TensorLike, b: TensorLike) -> Node:
    """The products of Kronecker of the columns of two matrices; SciPy's signature.

    a, b: shape (..., m, k) and (..., n, k); leading axes broadcast.

    Returns a tensor of shape (..., m * n, k), in the dtype that the operands promote to.
    Raises GraphError, a TypeError, for less than two axes and sizes that do not fit.

        >>> pt.linalg.khatri_rao([[1, 2]], [[1, 1], [3, 4]]).eval()
        array([[1, 2],
               [3, 8]])
    """
    a, b = as_tensor(a), as_tensor(b)
    for x in (a, b):
        if x.ndim < 2:
            raise GraphError(f"khatri_rao: takes matrices, not {x.ndim} axes{described(x)}")
    k, other = a.shape[-1], b.shape[-1]
    if isinstance(k, int) and isinstance(other, int) and k != other:
        raise GraphError(f"khatri_rao: a has {k} columns, and b {other}{described(b)}")
    found = ops.expand_dims(a, -2) * ops.expand_dims(b, -3)
    rows = a.shape[-2] * b.shape[-2]
    return ops.reshape(found, (*found.shape[:-3], rows, found.shape[-1]))


@public
def diagsvd(s: TensorLike, M: int, N: int) -> Node:
    """The matrix of M rows and N columns with `s` on its diagonal, and zeros; SciPy's signature.

    s: shape (..., min(M, N)).

    Returns a tensor of shape (..., M, N), in the dtype of `s`.
    Raises GraphError, a TypeError, for another number of elements.

        >>> pt.linalg.diagsvd([1.0, 2.0], 2, 3).eval()
        array([[1., 0., 0.],
               [0., 2., 0.]])
    """
    s, least = _vector("diagsvd", s, 0), size_min(M, N)
    if isinstance(least, int) and isinstance(s.shape[-1], int) and s.shape[-1] != least:
        raise GraphError(f"diagsvd: s has {least} elements, not {s.shape[-1]}{described(s)}")
    ends = [(0, 0)] * (s.ndim - 1) + [(0, N - least)]
    rows = ops.expand_dims(ops.arange(M), -1)
    return ops.where(ops.eq(rows, ops.arange(N)), ops.expand_dims(ops.pad(s, ends), -2), 0)
