"""Toeplitz and circulant matrices, whose elements are equal along diagonals: systems, products."""

from __future__ import annotations

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor, make
from probtensor.late import late
from probtensor.ops.kinds import Core, op
from probtensor.ops.kinds.function import as_tensor_of
from probtensor.ops.linalg.solving import columns_of
from probtensor.ops.reductions.folds import described, one_axis
from probtensor.ops.samples import Sample

_fourier = late("probtensor.ops.fourier.functions")


def _dominant(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Vectors with a large first element."""
    c = rng.normal(size=shape)
    c[..., 0] = 2 * shape[-1] + 1
    return c


@op
class SolveToeplitz(Core):
    """x with t @ x == b, for the matrix with the first column c and the first row r, whose first
    element is not read, and equal elements along diagonals; all nan where a leading block is
    singular."""

    name = "solve_toeplitz"
    core, routine = "(n),(n),(n,k)->(n,k)", "pt_solve_toeplitz"
    rounding = 30.0
    samples = (
        Sample(lambda rng: (_dominant(rng, 4), rng.normal(size=4), rng.normal(size=(4, 2)))),
        Sample(lambda rng: (_dominant(rng, 2, 3), rng.normal(size=(2, 3)),
                            rng.normal(size=(2, 3, 1)))),
        Sample(lambda rng: (np.array([[1.0, 1.0], [2.0, 1.0]]), np.ones((2, 2)),
                            np.ones((2, 2, 1))), smooth=False),
    )  # fmt: skip

    def workspace(self, sizes):
        return 2 * sizes["n"]

    def numpy(self, c, r, b):
        out, n = np.full(b.shape, np.nan), b.shape[-2]
        shift = np.arange(n)[:, None] - np.arange(n)
        for item in np.ndindex(b.shape[:-2]):
            whole = np.where(shift >= 0, c[item][shift], r[item][-shift])
            if all(np.linalg.det(whole[:k, :k]) != 0 for k in range(1, n + 1)):
                out[item] = np.linalg.solve(whole, b[item])
        return out

    def vjp(self, g, out, c, r, b):
        """As for any system, summed along diagonals; its adjoint exchanges column and row."""
        first = ops.concatenate([c[..., :1], r[..., 1:]], -1)
        gb = make(self, (first, c, g))
        unread = ops.eq(ops.arange(c.shape[-1]), 0)
        return -_along(gb, out), -ops.where(unread, 0.0, _along(out, gb)), gb


def _along(x: Node, y: Node) -> Node:
    """The sums of x[j + k] y[j] over j and columns, for each k."""
    n = x.shape[-2]
    places = ops.expand_dims(ops.arange(n), -1) + ops.arange(n)
    ends = [(0, 0)] * (x.ndim - 2) + [(0, n), (0, 0)]
    found = ops.take(ops.pad(x, ends), places, axis=-2, mode="clip")
    return ops.sum(found * ops.expand_dims(y, -3), (-2, -1))


def _pair(what: str, c_or_cr: object) -> tuple[Node, Node]:
    """The first column and the first row."""
    pair = c_or_cr if isinstance(c_or_cr, tuple) else (c_or_cr, c_or_cr)
    if len(pair) != 2:
        raise GraphError(f"{what}: takes the first column, or a tuple of it and the first row")
    column, row = (as_tensor(x) for x in pair)
    for x in (column, row):
        if x.ndim < 1:
            raise GraphError(f"{what}: takes vectors, not a number{described(x)}")
    return column, (row if isinstance(c_or_cr, tuple) else ops.conj(row))


@public(lacks=("check_finite",))
def solve_toeplitz(
    c_or_cr: TensorLike | tuple[TensorLike, TensorLike],
    b: TensorLike,
    check_finite: bool = False,
) -> Node:
    """x with t @ x == b, for square matrices with equal elements along diagonals; SciPy's
    signature.

    c_or_cr: the first column of t, of shape (..., n), which is symmetric then, or a tuple of it and
    the first row, whose first element is not read. b: a vector, or columns on its last two axes;
    leading axes broadcast. By Levinson's recursion, in about 4 n * n steps and memory for the
    vectors; it asks that leading blocks of t are not singular, and is accurate where they are well
    conditioned, as those of positive definite ones are.

    Returns a float64 tensor of the shape of `b`, with leading axes broadcast; nan where a leading
    block of t is singular.
    Raises GraphError, a TypeError, for numbers and sizes that do not fit; ValueError where only a
    call can tell.
    Source: Golub and Van Loan (2013), "Matrix Computations", 4.7.

        >>> pt.linalg.solve_toeplitz(([2.0, 1.0], [2.0, 0.0]), [2.0, 3.0]).eval()
        array([1., 1.])
    """
    column, row = _pair("solve_toeplitz", c_or_cr)
    b, is_vector = columns_of("solve_toeplitz", b)
    found = SolveToeplitz().apply(column, row, b, what="solve_toeplitz")
    return ops.squeeze(found, -1) if is_vector else found


@public(lacks=("check_finite", "workers"))
def matmul_toeplitz(
    c_or_cr: TensorLike | tuple[TensorLike, TensorLike],
    x: TensorLike,
    check_finite: bool = False,
    workers: int | None = None,
) -> Node:
    """t @ x, for matrices with equal elements along diagonals; SciPy's signature.

    c_or_cr: the first column of t, of shape (..., m), or a tuple of it and the first row, of shape
    (..., n), whose first element is not read; the column alone makes t square, and symmetric
    (Hermitian where complex). x: a vector of n elements, or columns on its last two axes; leading
    axes broadcast. By Fourier transforms, in about (m + n) log(m + n) steps for each column.

    Returns a tensor of shape (..., m), or (..., m, k) for k columns: float64, or complex128 where
    an operand is complex.
    Raises GraphError, a TypeError, for numbers and sizes that do not fit; ValueError where only a
    call can tell.
    Source: Golub and Van Loan (2013), "Matrix Computations", 4.7 and 4.8.

        >>> pt.linalg.matmul_toeplitz(([2.0, 1.0], [2.0, 0.0]), [1.0, 1.0]).eval().round(9)
        array([2., 3.])
    """
    what = "matmul_toeplitz"
    column, row = _pair(what, c_or_cr)
    x = as_tensor(x)
    if x.ndim < 1:
        raise GraphError(f"{what}: x is a vector or has columns{described(x)}")
    is_vector, m, n = x.ndim == 1, column.shape[-1], row.shape[-1]
    x = ops.expand_dims(x, -1) if is_vector else x
    rows = x.shape[-2]
    if isinstance(n, int) and isinstance(rows, int) and n != rows:
        raise GraphError(f"{what}: t has {n} columns, and x {rows} rows{described(x)}")
    # The transform of all diagonals, wrapped around a circle of m + n points, of which one is 0:
    # there is one if both are empty, and their number has small factors if m and n are equal.
    apart = ops.zeros((*row.shape[:-1], 1))
    around = _joined(what, column, ops.concatenate([apart, ops.flip(row[..., 1:], -1)], -1))
    more = around.shape[-1] - n
    product = _circular(ops.expand_dims(around, -1), _resized(x, more), -2)
    found = product[..., :m, :]
    return ops.squeeze(found, -1) if is_vector else found


def _joined(what: str, column: Node, rest: Node) -> Node:
    batch = ops.linalg.functions.composed._together(what, (column, rest), 1)
    spread = [ops.broadcast_to(x, (*batch, x.shape[-1])) for x in (column, rest)]
    return ops.concatenate(spread, -1)


def _resized(x: Node, more: object) -> Node:
    """x with this many rows of zeros after its own."""
    return ops.pad(x, [(0, 0)] * (x.ndim - 2) + [(0, more), (0, 0)])


def _circular(x: Node, y: Node, axis: int) -> Node:
    """The circular convolution along an axis."""
    if x.is_complex or y.is_complex:
        return _fourier.ifft(_fourier.fft(x, axis=axis) * _fourier.fft(y, axis=axis), axis=axis)
    x, y = (as_tensor_of(part, "float64") for part in (x, y))
    product = _fourier.rfft(x, axis=axis) * _fourier.rfft(y, axis=axis)
    return _fourier.irfft(product, n=y.shape[axis], axis=axis)


@public
def solve_circulant(
    c: TensorLike,
    b: TensorLike,
    singular: str = "raise",
    tol: TensorLike | None = None,
    caxis: int = -1,
    baxis: int = 0,
    outaxis: int = 0,
) -> Node:
    """x with circulant(c) @ x == b; SciPy's signature.

    c: the first columns, along the axis `caxis`; b: right-hand sides along the axis `baxis`; the
    other axes of both broadcast, and x lies along the axis `outaxis` of the result. By Fourier
    transforms, in about n log n steps. A matrix counts as singular where an eigenvalue has at most
    the modulus `tol`, by default the largest one times n times the spacing of floats; the result is
    nan then, since values are not known while a graph is built, or with singular="lstsq" a
    solution by least squares.

    Returns a tensor: float64, or complex128 where an operand is complex.
    Raises GraphError, a TypeError, for an axis that an operand has not, sizes that do not fit, and
    another way for singular ones.
    Source: Golub and Van Loan (2013), "Matrix Computations", 4.8.

        >>> pt.linalg.solve_circulant([2.0, 1.0, 0.0], [3.0, 3.0, 3.0]).eval().round(9)
        array([1., 1., 1.])
    """
    what = "solve_circulant"
    if singular not in ("raise", "lstsq"):
        raise GraphError(f"{what}: singular is 'raise' or 'lstsq', not {singular!r:.60}")
    c, b = as_tensor(c), as_tensor(b)
    c = ops.moveaxis(c, one_axis(caxis, c, what), -1)
    b = ops.moveaxis(b, one_axis(baxis, b, what), -1)
    n, m = c.shape[-1], b.shape[-1]
    if isinstance(n, int) and isinstance(m, int) and n != m:
        raise GraphError(f"{what}: c has {n} elements along its axis, and b {m}{described(b)}")
    is_complex = c.is_complex or b.is_complex
    if not is_complex:
        c, b = (as_tensor_of(x, "float64") for x in (c, b))
    transform = _fourier.fft if is_complex else _fourier.rfft
    values = transform(c)
    size = ops.abs(values)
    if tol is None:
        spacing = float(np.finfo(np.float64).eps) * as_tensor_of(as_tensor(n), "float64")
        tol = ops.max(size, -1, keepdims=True) * spacing
    bad = size <= tol
    quotient = transform(b) / ops.where(bad, 1.0, values)
    if singular == "lstsq":
        quotient = ops.where(bad, 0.0, quotient)
    else:
        quotient = ops.where(ops.any(bad, -1, keepdims=True), np.nan, quotient)
    found = _fourier.ifft(quotient) if is_complex else _fourier.irfft(quotient, n=m)
    return ops.moveaxis(found, -1, outaxis)
