"""Systems whose matrices are given by their diagonals."""

from __future__ import annotations

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike
from probtensor.ops.kinds import Core, op
from probtensor.ops.kinds.function import as_tensor_of
from probtensor.ops.linalg.products import matrices
from probtensor.ops.linalg.solving import columns_of
from probtensor.ops.reductions.folds import described, flag
from probtensor.ops.samples import Sample


@op
class SolveTridiagonal(Core):
    """x with a @ x == b, for a of three diagonals: below, on and above the main one; all nan where
    a is singular."""

    name = "solve_tridiagonal"
    core, routine = "(l),(n),(l),(n,k)->(n,k)", "pt_solve_tridiagonal"
    rounding = 10.0
    samples = (
        Sample(lambda rng: (rng.normal(size=3), 3 + rng.normal(size=4), rng.normal(size=3),
                            rng.normal(size=(4, 2)))),
        Sample(lambda rng: (rng.normal(size=(2, 1)), 3 + rng.normal(size=(2, 2)),
                            rng.normal(size=(2, 1)), rng.normal(size=(2, 2, 1)))),
        Sample(lambda rng: (np.zeros((2, 1)), np.array([[1.0, 2.0], [0.0, 1.0]]),
                            np.zeros((2, 1)), np.ones((2, 2, 1))), smooth=False),
    )  # fmt: skip

    def workspace(self, sizes):
        n = sizes["n"]
        return 3 * n + n * sizes["k"]

    def numpy(self, below, middle, above, b):
        out, n = np.full(b.shape, np.nan), b.shape[-2]
        for item in np.ndindex(b.shape[:-2]):
            a = np.diag(middle[item])
            if n > 1:
                a += np.diag(below[item], -1) + np.diag(above[item], 1)
            try:
                out[item] = np.linalg.solve(a, b[item])
            except np.linalg.LinAlgError:
                continue
        return out

    def vjp(self, g, out, below, middle, above, b):
        """As for any system, on the diagonals alone; its adjoint exchanges below and above."""
        gb = self(above, middle, below, g)
        first = -ops.sum(gb[..., 1:, :] * out[..., :-1, :], -1)
        last = -ops.sum(gb[..., :-1, :] * out[..., 1:, :], -1)
        return first, -ops.sum(gb * out, -1), last, gb


def _bands(rng: np.random.Generator, below: int, above: int, n: int) -> np.ndarray:
    """Diagonals with a large main one, and elements outside of the matrix."""
    bands = rng.normal(size=(below + above + 1, n))
    bands[above] += 4
    return bands


@op
class SolveBanded(Core):
    """x with a @ x == b, for the diagonals of a as rows of `bands`, of which a number are below the
    main one: bands[above + i - j, j] == a[i, j]. All nan where a is singular."""

    name = "solve_banded"
    core, routine = "(r,n),(n,k),()->(n,k)", "pt_solve_banded"
    takes = ("float64", "float64", "int64")
    rounding = 10.0
    samples = (
        Sample(lambda rng: (_bands(rng, 1, 2, 5), rng.normal(size=(5, 2)), np.asarray(1))),
        Sample(lambda rng: (_bands(rng, 0, 1, 4), rng.normal(size=(4, 1)), np.asarray(0))),
        Sample(lambda rng: (np.zeros((1, 3)), np.ones((3, 1)), np.asarray(0)), smooth=False),
    )

    def workspace(self, sizes):
        r, n = sizes["r"], sizes["n"]
        return 2 * r * n + n * sizes["k"] + n

    def numpy(self, bands, b, below):
        out, (r, n) = np.full(b.shape, np.nan), bands.shape[-2:]
        for item in np.ndindex(b.shape[:-2]):
            above = r - 1 - int(below[item])
            a = np.zeros((n, n))
            for row, j in np.ndindex(r, n):
                if 0 <= j + row - above < n:
                    a[j + row - above, j] = bands[(*item, row, j)]
            try:
                out[item] = np.linalg.solve(a, b[item])
            except np.linalg.LinAlgError:
                continue
        return out

    def vjp(self, g, out, bands, b, below):
        """As for any system, on the diagonals alone; its adjoint has them in reverse order, each
        moved along."""
        (r, n), above = bands.shape[-2:], (bands.shape[-2] - 1) - below
        rows, columns = ops.expand_dims(ops.arange(r), -1), ops.arange(n)
        offset = rows - ops.expand_dims(above, (-2, -1))
        gb = self(ops.flip(taken(bands, columns - offset), -2), g, above)
        found = taken_rows(gb, columns + offset)  # the row of each element of a
        return -ops.sum(found * ops.expand_dims(out, -3), -1), gb, None


def taken(x: Node, places: Node) -> Node:
    """The elements of each row of x at these places; 0 beyond its ends."""
    n = x.shape[-1]
    within = ops.take_along_axis(x, ops.broadcast_to(ops.clip(places, 0, n - 1), x.shape), -1)
    return ops.where((places >= 0) & (places < n), within, 0.0)


def taken_rows(x: Node, places: Node) -> Node:
    """The rows of x at these places, of shape (..., r, n); 0 beyond its ends."""
    n = x.shape[-2]
    flat = ops.reshape(
        ops.clip(places, 0, n - 1), (*places.shape[:-2], places.shape[-2] * places.shape[-1])
    )
    flat = ops.broadcast_to(flat, (*x.shape[:-2], flat.shape[-1]))
    found = ops.take_along_axis(x, ops.expand_dims(flat, -1), -2)
    shaped = ops.reshape(found, (*x.shape[:-2], *places.shape[-2:], x.shape[-1]))
    inside = ops.expand_dims((places >= 0) & (places < n), -1)
    return ops.where(inside, shaped, 0.0)


@op
class PivotOrder(Core):
    """The new order of rows that are exchanged in turn, row i with row pivots[i]; all 0 where a
    pivot is no row."""

    name = "pivot_order"
    core, routine = "(n)->(n)", "pt_pivot_order"
    takes = gives = ("int64",)
    differentiable = False
    samples = (
        Sample(lambda rng: (np.array([2, 2, 2]),), smooth=False),
        Sample(lambda rng: (np.array([[3, 1, 2, 3], [0, 4, 2, 3]]),), smooth=False),
    )

    def numpy(self, pivots):
        out = np.zeros(pivots.shape, "int64")
        for item in np.ndindex(pivots.shape[:-1]):
            rows, n = np.arange(pivots.shape[-1]), pivots.shape[-1]
            for i, other in enumerate(pivots[item]):
                if not 0 <= other < n:
                    rows[:] = 0
                    break
                rows[[i, other]] = rows[[other, i]]
            out[item] = rows
        return out


@public(lacks=("check_finite",))
def solve_banded(
    l_and_u: tuple[int, int],
    ab: TensorLike,
    b: TensorLike,
    overwrite_ab: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = False,
) -> Node:
    """x with a @ x == b, for matrices of few diagonals; SciPy's signature.

    l_and_u: how many diagonals are below and above the main one. ab: shape (..., l + u + 1, n), the
    diagonals from above to below, ab[u + i - j, j] == a[i, j]; what lies outside of `a` is not
    read. b: a vector, or columns on its last two axes; leading axes broadcast. In about n * l *
    (l + u) steps; the gradient by `ab` in n * (l + u + 1) for each column of b.

    Returns a float64 tensor of the shape of `b`, with leading axes broadcast; nan where a is
    singular.
    Raises GraphError, a TypeError, for another number of diagonals, and sizes that do not fit;
    ValueError where only a call can tell.
    Source: Golub and Van Loan (2013), "Matrix Computations", 4.3.

        >>> ab = [[0.0, 1.0], [2.0, 4.0], [0.0, 0.0]]
        >>> pt.linalg.solve_banded((1, 1), ab, [3.0, 4.0]).eval()
        array([1., 1.])
    """
    below, above = counts_of_diagonals("solve_banded: l_and_u", l_and_u)
    ab = as_tensor_of(matrices("solve_banded", ab), "float64")
    if isinstance(ab.shape[-2], int) and ab.shape[-2] != below + above + 1:
        raise GraphError(f"solve_banded: ab needs {below + above + 1} diagonals{described(ab)}")
    b, is_vector = columns_of("solve_banded", b)
    found = _solved("solve_banded", ab, b, below, above)
    return ops.squeeze(found, -1) if is_vector else found


def _solved(what: str, bands: Node, b: Node, below: int, above: int) -> Node:
    """The solution by the op for this number of diagonals."""
    if below == above == 1:
        low, middle, high = bands[..., 2, :-1], bands[..., 1, :], bands[..., 0, 1:]
        return SolveTridiagonal().apply(low, middle, high, b, what=what)
    return SolveBanded().apply(bands, b, as_tensor_of(below, "int64"), what=what)


def counts_of_diagonals(what: str, l_and_u: object) -> tuple[int, int]:
    """Numbers of diagonals below and above the main one, as a function was given them; GraphError
    for anything else."""
    pair = tuple(l_and_u) if isinstance(l_and_u, (tuple, list)) else ()
    whole = [isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in pair]
    if len(pair) != 2 or not all(whole) or min(pair) < 0:
        raise GraphError(f"{what} is a pair of numbers of diagonals, not {l_and_u!r:.60}")
    return int(pair[0]), int(pair[1])


@public(lacks=("check_finite",))
def solveh_banded(
    ab: TensorLike,
    b: TensorLike,
    overwrite_ab: bool = False,
    overwrite_b: bool = False,
    lower: bool = False,
    check_finite: bool = False,
) -> Node:
    """x with a @ x == b, for symmetric matrices of few diagonals; SciPy's signature. Unlike SciPy's
    it does not ask that `a` is positive definite.

    ab: shape (..., u + 1, n), the diagonals of the upper triangle, ab[u + i - j, j] == a[i, j], or
    with `lower` of the lower one, ab[i - j, j] == a[i, j]. b: a vector, or columns on its last two
    axes; leading axes broadcast. In about n * u * u steps.

    Returns a float64 tensor of the shape of `b`, with leading axes broadcast; nan where a is
    singular.
    Raises GraphError, a TypeError, for a number of diagonals that is not known, and sizes that do
    not fit; ValueError where only a call can tell.
    Source: Golub and Van Loan (2013), "Matrix Computations", 4.3.

        >>> pt.linalg.solveh_banded([[0.0, 1.0], [2.0, 2.0]], [3.0, 3.0]).eval()
        array([1., 1.])
    """
    what = "solveh_banded"
    half = as_tensor_of(matrices(what, ab), "float64")
    count = half.shape[-2]
    if not isinstance(count, int) or count < 1:
        raise GraphError(f"{what}: needs a number of diagonals that is known{described(half)}")
    reach, places = count - 1, ops.arange(half.shape[-1])
    rows = ops.expand_dims(ops.arange(count), -1)
    if flag(lower, f"{what}: lower"):
        mirrored = ops.flip(taken(half, places - rows), -2)
        whole = ops.concatenate([mirrored[..., :-1, :], half], -2)
    else:
        mirrored = ops.flip(taken(half, places - rows + reach), -2)
        whole = ops.concatenate([half, mirrored[..., 1:, :]], -2)
    b, is_vector = columns_of(what, b)
    found = _solved(what, whole, b, reach, reach)
    return ops.squeeze(found, -1) if is_vector else found
