"""Cholesky factors and triangular systems.

Routines on the last axes, repeated over the leading ones, that compiled plans call by name. Systems
of a transposed matrix are ops of their own, so that no transpose is formed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor
from probtensor.late import late
from probtensor.ops.kinds import Core, op
from probtensor.ops.linalg.products import adjoint, matrices
from probtensor.ops.reductions.folds import described, flag
from probtensor.ops.samples import Sample
from probtensor.types import TensorType

_linear = late("probtensor.ops.complexes.linear")


def spd(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Well conditioned symmetric positive definite matrices, a batch of this shape."""
    a = rng.normal(size=shape)
    return a @ np.swapaxes(a, -1, -2) + shape[-1] * np.eye(shape[-1])


def triangular(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """A square matrix with a large diagonal and both triangles, of which a solver reads one."""
    return rng.normal(size=shape) + 4 * np.eye(shape[-1])


SYSTEMS = (
    Sample(lambda rng: (triangular(rng, 3, 3), rng.normal(size=(3, 2)))),
    Sample(lambda rng: (triangular(rng, 2, 4, 4), rng.normal(size=(2, 4, 1)))),
    Sample(lambda rng: (np.diag([1.0, 0.0, np.nan]), np.ones((3, 1))), smooth=False),
)


@op
class Cholesky(Core):
    """Lower L with L @ L.mT == a, where a is positive definite; elsewhere all nan. Of a only the
    lower triangle is read, also by derivatives."""

    core, routine = "(n,n)->(n,n)", "pt_cholesky"
    device = True
    mirrored = True
    samples = (
        Sample(lambda rng: (spd(rng, 3, 3),)),
        Sample(lambda rng: (spd(rng, 2, 4, 4) + np.triu(rng.normal(size=(4, 4)), 1),)),
        Sample(lambda rng: (np.stack([np.eye(2), -np.eye(2), np.full((2, 2), np.nan)]),),
               smooth=False),
    )  # fmt: skip

    def numpy(self, a):
        out = np.full(a.shape, np.nan)
        for item in np.ndindex(a.shape[:-2]):
            try:
                found = np.linalg.cholesky(a[item])
                out[item] = found if np.isfinite(np.diag(found)).all() else np.nan
            except np.linalg.LinAlgError:
                continue
        return out

    def vjp(self, g, out, a):
        """Reverse rule of Murray (2016), arXiv:1602.07527."""
        return (cholesky_gradient(out, g),)


def _half(x: Node) -> Node:
    """The lower triangle of x with half of its diagonal."""
    unit = ops.eye(x.shape[-1], dtype="bool")
    return ops.tril(ops.where(unit, x / 2, x))


@op
class CholeskyGradient(Core):
    """The cotangent of a symmetric matrix, symmetric itself, given its lower Cholesky factor and
    the cotangent of that, whose upper triangles are not read: with P the lower triangle of
    L.mT @ g, half of its diagonal, the symmetric part of L^-T P L^-1. Murray (2016),
    arXiv:1602.07527."""

    core, routine = "(n,n),(n,n)->(n,n)", "pt_cholesky_gradient"
    device = True
    rounding = 10.0
    operands = ("factor", "g")
    example = ([[2.0, 0.0], [0.0, 4.0]], [[1.0, 0.0], [0.0, 1.0]])
    samples = (
        Sample(lambda rng: (_factors(rng, 3, 3), rng.normal(size=(3, 3))), smooth=False),
        Sample(lambda rng: (_factors(rng, 2, 12, 12), rng.normal(size=(2, 12, 12))), smooth=False),
    )

    def numpy(self, factor, g):
        factor = np.tril(factor)
        inner = np.tril(np.swapaxes(factor, -1, -2) @ np.tril(g))
        n = factor.shape[-1]
        inner[..., range(n), range(n)] /= 2
        out = np.full(g.shape, np.nan)
        for item in np.ndindex(g.shape[:-2]):
            try:
                left = np.linalg.solve(factor[item].T, inner[item])
                found = np.linalg.solve(factor[item].T, left.T)
                out[item] = (found + found.T) / 2
            except np.linalg.LinAlgError:
                continue
        return out

    def vjp(self, g, out, factor, cotangent):
        """With G the symmetric part of g and W = L^-1 G L^-T: the derivative by the cotangent is
        what `cholesky` pushes forward of G, and that by L follows from the definition."""
        g = (g + ops.matrix_transpose(g)) / 2
        left = solve_lower(factor, g)
        w = _half(solve_lower(factor, ops.matrix_transpose(left)))
        of_factor = ops.tril(cotangent) @ ops.matrix_transpose(w)
        of_factor = of_factor - 2 * ops.matrix_transpose(left @ out)
        return ops.tril(of_factor), factor @ w


def _factors(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Lower triangular matrices with a large diagonal."""
    return np.tril(rng.normal(size=shape)) + 4 * np.eye(shape[-1])


class Triangular(Core):
    """x with t @ x == b, where t is triangular; the other triangle of t is not read."""

    core = "(n,n),(n,k)->(n,k)"
    device = True
    operands = ("a", "b")
    example = ([[2.0, 0.0], [0.0, 4.0]], [[1.0], [2.0]])
    samples = SYSTEMS

    def rank_text(self, types: Sequence[TensorType]) -> str:
        lower = self.name.startswith("solve_lower")
        return f"{super().rank_text(types)}; pt.solve_triangular(a, b, lower={lower}) takes vectors"


def _substituted(t: np.ndarray, b: np.ndarray, lower: bool) -> np.ndarray:
    """x with t @ x == b, row by row, of one triangle of t."""
    x, n = np.array(b), b.shape[-2]
    for i in range(n) if lower else reversed(range(n)):
        found = slice(0, i) if lower else slice(i + 1, n)
        x[..., i, :] -= np.einsum("...j,...jk->...k", t[..., i, found], x[..., found, :])
        x[..., i, :] /= t[..., i, i, None]
    return x


@op
class SolveLower(Triangular):
    """x with a @ x == b, for lower triangular `a`, whose upper triangle is not read. Golub and Van
    Loan (2013), "Matrix Computations", 3.1."""

    routine = "pt_solve_lower"

    def numpy(self, t, b):
        return _substituted(t, b, lower=True)

    def vjp(self, g, out, t, b):
        gb = solve_lower_transposed(t, g)
        return ops.tril(-gb @ ops.matrix_transpose(out)), gb


@op
class SolveUpper(Triangular):
    """x with a @ x == b, for upper triangular `a`, whose lower triangle is not read. Golub and Van
    Loan (2013), "Matrix Computations", 3.1."""

    routine = "pt_solve_upper"

    def numpy(self, t, b):
        return _substituted(t, b, lower=False)

    def vjp(self, g, out, t, b):
        gb = solve_upper_transposed(t, g)
        return ops.triu(-gb @ ops.matrix_transpose(out)), gb


@op
class SolveLowerTransposed(Triangular):
    """x with a.mT @ x == b, for lower triangular `a`, whose upper triangle is not read. Golub and
    Van Loan (2013), "Matrix Computations", 3.1."""

    routine = "pt_solve_lower_transposed"

    def numpy(self, t, b):
        return _substituted(np.swapaxes(t, -1, -2), b, lower=False)

    def vjp(self, g, out, t, b):
        gb = solve_lower(t, g)
        return ops.tril(-out @ ops.matrix_transpose(gb)), gb


@op
class SolveUpperTransposed(Triangular):
    """x with a.mT @ x == b, for upper triangular `a`, whose lower triangle is not read. Golub and
    Van Loan (2013), "Matrix Computations", 3.1."""

    routine = "pt_solve_upper_transposed"

    def numpy(self, t, b):
        return _substituted(np.swapaxes(t, -1, -2), b, lower=True)

    def vjp(self, g, out, t, b):
        gb = solve_upper(t, g)
        return ops.triu(-out @ ops.matrix_transpose(gb)), gb


cholesky_gradient = CholeskyGradient()
solve_lower = SolveLower()
solve_upper = SolveUpper()
solve_lower_transposed = SolveLowerTransposed()
solve_upper_transposed = SolveUpperTransposed()
# By (whether the triangle that is read is the lower one, whether the system is transposed).
SOLVES = {
    (True, False): solve_lower,
    (False, False): solve_upper,
    (True, True): solve_lower_transposed,
    (False, True): solve_upper_transposed,
}


@public
def cholesky(a: TensorLike, *, upper: bool = False) -> Node:
    """The lower Cholesky factor of the last two axes, or with `upper` the upper one; all nan where
    `a` is not positive definite. Of `a` only that triangle is read. (NumPy's signature: SciPy's
    `cholesky` gives the upper factor.)

    Returns a float64 tensor of the shape of `a`, complex128 for complex (Hermitian) matrices. Its
    derivative: Murray (2016), arXiv:1602.07527.
    Raises GraphError, a TypeError, for matrices that are not square.

        >>> pt.linalg.cholesky([[4.0, 2.0], [2.0, 2.0]]).eval()
        array([[2., 0.],
               [1., 1.]])
    """
    a = matrices("cholesky", a)
    factor = _linear.cholesky if a.is_complex else Cholesky()
    if not flag(upper, "cholesky: upper"):
        return factor(a)
    return adjoint(factor(adjoint(a)))


def solved(t: Node, b: Node, lower: bool, *, turned: bool = False) -> Node:
    """x with t @ x == b or, if `turned`, adjoint(t) @ x == b, for triangular t and columns b."""
    if t.is_complex or b.is_complex:
        return _linear.solve_triangular(*((adjoint(t), b, not lower) if turned else (t, b, lower)))
    return SOLVES[lower, turned](t, b)


TRANSPOSED = {0: False, "N": False, 1: True, "T": True, 2: True, "C": True}
PLAIN = (1, "T")  # of complex matrices the transpose, not the adjoint


@public(lacks=("check_finite",))
def solve_triangular(
    a: TensorLike,
    b: TensorLike,
    trans: int | str = 0,
    lower: bool = False,
    unit_diagonal: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = False,
) -> Node:
    """x with a @ x == b, where `a` is triangular on its last two axes; SciPy's signature.

    `trans` is 0 or "N" for a @ x == b, 1 or "T" for a.mT @ x == b, and 2 or "C" for the same with
    the conjugate of complex `a`. Only one triangle of `a` is read, the upper one unless `lower`;
    its diagonal counts as ones with `unit_diagonal`. `b` is a vector or has columns; leading axes
    broadcast. `overwrite_b` makes no difference, and nan or inf are not looked for: they reach the
    result.

    Returns a float64 tensor of the shape of `b`, with leading axes broadcast; complex128 if an
    operand is complex. Source: Golub and Van Loan (2013), "Matrix Computations", 3.1.
    Raises GraphError, a TypeError, for matrices that are not square, another `trans`, and sizes
    that do not fit; ValueError where only a call can tell.

        >>> pt.linalg.solve_triangular([[2.0, 0.0], [0.0, 4.0]], [2.0, 8.0]).eval()
        array([1., 2.])
    """
    what = "solve_triangular"
    a = matrices(what, a)
    lower = flag(lower, f"{what}: lower")
    transposed = transposed_of(what, trans)
    if flag(unit_diagonal, f"{what}: unit_diagonal"):
        a = ops.where(ops.eye(a.shape[-2], a.shape[-1], dtype="bool"), 1, a)
    return _solved(what, ops.conj(a) if trans in PLAIN else a, b, lower, transposed)


def _solved(what: str, a: Node, b: TensorLike, lower: bool, transposed: bool) -> Node:
    """x with a @ x == b or, if `transposed`, adjoint(a) @ x == b, for the function `what`."""
    b = as_tensor(b)
    if b.ndim < 1:
        raise GraphError(f"{what}: b is a vector or has columns{described(b)}")
    if a.is_complex or b.is_complex:
        columns = ops.expand_dims(b, 1) if b.ndim == 1 else b
        found = solved(a, columns, lower, turned=transposed)
        return ops.squeeze(found, -1) if b.ndim == 1 else found
    solve = SOLVES[lower, transposed]
    if b.ndim == 1:
        return ops.squeeze(solve.apply(a, ops.expand_dims(b, 1), what=what), -1)
    return solve.apply(a, b, what=what)


def transposed_of(what: str, trans: object) -> bool:
    """Whether the system is that of the transposed matrix, by SciPy's argument `trans`."""
    plain = isinstance(trans, (int, str, np.integer))
    if not plain or trans not in TRANSPOSED:
        choices = ", ".join(map(repr, TRANSPOSED))
        raise GraphError(f"{what}: trans is one of {choices}, not {trans!r:.60}")
    return TRANSPOSED[trans]


@public(lacks=("check_finite",))
def cho_solve(
    c_and_lower: TensorLike, b: TensorLike, overwrite_b: bool = False, check_finite: bool = False
) -> Node:
    """x with a @ x == b, given (c, lower): a Cholesky factor of `a` and whether it is the lower
    one; SciPy's signature. A factor alone is a lower one, as `cholesky` gives it.

    Returns a float64 tensor of the shape of `b`, with leading axes broadcast; complex128 if an
    operand is complex. Source: Golub and Van Loan (2013), "Matrix Computations", 4.2.
    Raises GraphError, a TypeError, for factors that are not square and sizes that do not fit;
    ValueError where only a call can tell.

        >>> pt.linalg.cho_solve(([[2.0, 0.0], [0.0, 1.0]], True), [4.0, 3.0]).eval()
        array([1., 3.])
    """
    if isinstance(c_and_lower, (tuple, list)) and len(c_and_lower) == 2:
        c, lower = c_and_lower[0], flag(c_and_lower[1], "cho_solve: lower of (c, lower)")
    else:
        c, lower = c_and_lower, True
    c = matrices("cho_solve", c)
    inner = _solved("cho_solve", c, b, lower, transposed=not lower)
    return _solved("cho_solve", c, inner, lower, transposed=lower)
