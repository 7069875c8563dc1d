"""Equations of matrices: Sylvester's and Lyapunov's; square roots, updates of Cholesky factors."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor, make
from probtensor.ops.kinds import Composite, Core, op
from probtensor.ops.kinds.function import as_tensor_of
from probtensor.ops.linalg.factors import by_item
from probtensor.ops.linalg.products import matrices
from probtensor.ops.linalg.solving import Solve
from probtensor.ops.linalg.triangular import spd
from probtensor.ops.samples import Sample
from probtensor.ops.size_laws import aligned, equal
from probtensor.types import ShapeError, SizeCheck, TensorType, broadcast_shapes, shape_text


def _stable(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Matrices whose eigenvalues have positive real parts."""
    return rng.normal(size=shape) + 4 * np.eye(shape[-1])


@op
class Sylvester(Core):
    """x with a @ x + x @ b == q; all nan where one is not finite, or where eigenvalues of a and -b
    are equal."""

    core, routine = "(m,m),(n,n),(m,n)->(m,n)", "pt_sylvester"
    rounding = 100.0
    samples = (
        Sample(lambda rng: (_stable(rng, 3, 3), _stable(rng, 2, 2), rng.normal(size=(3, 2)))),
        Sample(lambda rng: (_stable(rng, 2, 1, 1), _stable(rng, 2, 3, 3),
                            rng.normal(size=(2, 1, 3)))),
        Sample(lambda rng: (np.stack([np.eye(2), np.eye(2) * np.nan, np.eye(2)]),
                            np.stack([np.eye(2), np.eye(2), -np.eye(2)]), np.ones((3, 2, 2))),
               smooth=False),
    )  # fmt: skip

    def workspace(self, sizes):
        m, n = sizes["m"], sizes["n"]
        return 2 * m * m + 2 * n * n + m * n + 37 * (m + n)

    def numpy(self, a, b, q):
        out = np.full(q.shape, np.nan)
        for item in np.ndindex(a.shape[:-2]):
            m, n = q.shape[-2:]
            whole = np.kron(a[item], np.eye(n)) + np.kron(np.eye(m), b[item].T)
            if np.isfinite(whole).all() and np.isfinite(q[item]).all():
                try:
                    out[item] = np.linalg.solve(whole, q[item].ravel()).reshape(m, n)
                except np.linalg.LinAlgError:
                    continue
        return out

    def vjp(self, g, out, a, b, q):
        """Of the equation itself: its adjoint has the transposed matrices."""
        turned = ops.matrix_transpose(out)
        gq = make(self, (ops.matrix_transpose(a), ops.matrix_transpose(b), g))
        return -gq @ turned, -turned @ gq, gq


@op
class Sqrtm(Core):
    """The principal square root of a matrix; all nan where it is not finite, or has no root that is
    real: where an eigenvalue is negative, or 0 more than once."""

    core, routine = "(n,n)->(n,n)", "pt_sqrtm"
    rounding = 100.0
    samples = (
        Sample(lambda rng: (_stable(rng, 3, 3),)),
        Sample(lambda rng: (spd(rng, 2, 4, 4),)),
        Sample(lambda rng: (np.stack([np.diag([1.0, 4.0]), np.diag([1.0, -4.0]),
                                      np.full((2, 2), np.nan)]),), smooth=False),
    )  # fmt: skip

    def workspace(self, sizes):
        n = sizes["n"]
        return 3 * n * n + 37 * n

    def numpy(self, a):
        from scipy.linalg import sqrtm

        def factor(x):
            root = sqrtm(x)
            return (root if np.isrealobj(root) else np.full(x.shape, np.nan),)

        return by_item(a, (np.empty(a.shape),), factor)[0]

    def vjp(self, g, out, a):
        """Of its square: an equation of Sylvester."""
        turned = ops.matrix_transpose(out)
        return (make(Sylvester(), (turned, turned, g)),)


@op
class CholeskyUpdate(Core):
    """The lower factor of a @ a.mT + sign * v @ v.T, for a lower triangular `a`; all nan where
    there is none. The upper triangle of `a` is not read."""

    name = "cholesky_update"
    core, routine = "(n,n),(n),()->(n,n)", "pt_cholesky_update"
    rounding = 10.0
    samples = (
        Sample(lambda rng: (np.linalg.cholesky(spd(rng, 3, 3)), rng.normal(size=3),
                            np.asarray(1.0)), smooth=False),
        Sample(lambda rng: (np.linalg.cholesky(spd(rng, 2, 3, 3)), 0.3 * rng.normal(size=(2, 3)),
                            -np.ones(2)), smooth=False),
        Sample(lambda rng: (np.stack([np.eye(2)] * 2), np.array([[2.0, 0.0], [np.nan, 0.0]]),
                            -np.ones(2)), smooth=False),
    )  # fmt: skip

    def workspace(self, sizes):
        return sizes["n"]

    def numpy(self, a, v, sign):
        lower = np.tril(a)
        whole = lower @ np.swapaxes(lower, -1, -2)
        return ops.Cholesky().numpy(
            whole + sign[..., None, None] * v[..., :, None] * v[..., None, :]
        )

    def vjp(self, g, out, a, v, sign):
        """Through the matrix that the result is the factor of."""
        (inner,) = ops.Cholesky().vjp(g, out, out)
        scale = ops.expand_dims(sign, (-2, -1))
        column = ops.expand_dims(v, -1)
        moved = inner @ column
        gv = ops.squeeze(2.0 * scale * moved, -1)
        return ops.tril(2.0 * inner @ ops.tril(a)), gv, ops.sum(moved * column, (-2, -1))


class _Lyapunov(Composite):
    """An equation for a square matrix x, with a and q of its size."""

    def infer(self, a: TensorType, q: TensorType) -> TensorType:
        if a.dtype != "float64" or q.dtype != "float64":
            raise TypeError(f"needs float64, not {a.dtype} and {q.dtype}")
        sizes = {n for n in (*a.shape[-2:], *q.shape[-2:]) if isinstance(n, int)}
        if len(sizes) > 1:
            raise ShapeError(
                f"needs two square matrices of one size, not {shape_text(a.shape)} and "
                f"{shape_text(q.shape)}"
            )
        leading = broadcast_shapes(a.shape[:-2], q.shape[:-2])
        return TensorType("float64", (*leading, *q.shape[-2:]))

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        a, q = (x.type.shape for x in node.inputs)
        yield equal(a[-2], a[-1], ": the matrices must be square")
        yield equal(a[-1], q[-2])
        yield equal(a[-1], q[-1])
        yield from aligned([a[:-2], q[:-2]])

    def _by_item(self, a: np.ndarray, q: np.ndarray, solve: Callable) -> np.ndarray:
        a, q = np.broadcast_arrays(a, q)
        out = np.full(q.shape, np.nan)
        for item in np.ndindex(q.shape[:-2]):
            if np.isfinite(a[item]).all() and np.isfinite(q[item]).all():
                out[item] = solve(a[item], q[item])
        return out


@op
class DiscreteLyapunov(_Lyapunov):
    """x with a @ x @ a.mT - x + q == 0: directly, by a system of n * n unknowns, or by a bilinear
    transformation to an equation of Sylvester: Gajic and Qureshi (1995), "Lyapunov Matrix Equation
    in System Stability and Control"."""

    name = "discrete_lyapunov"
    direct: bool = False
    samples = tuple(
        Sample(lambda rng: (0.4 * rng.normal(size=(2, 3, 3)), rng.normal(size=(3, 3))),
               {"direct": direct})
        for direct in (False, True)
    )  # fmt: skip

    def numpy(self, a, q):
        def solve(x, y):
            n = x.shape[0]
            return np.linalg.solve(np.eye(n * n) - np.kron(x, x), y.ravel()).reshape(n, n)

        return self._by_item(a, q, solve)

    def expand(self, a, q):
        if self.direct:
            return _directly(a, q)
        unit = ops.eye(a.shape[-1])
        less = a - unit
        left = make(Solve(), (less, a + unit))
        half = ops.matrix_transpose(make(Solve(), (less, q)))
        right = -2.0 * make(Solve(), (less, half))
        return _sylvester(left, ops.matrix_transpose(left), ops.matrix_transpose(right))

    def vjp(self, g, out, a, q):
        """Of the equation itself: its adjoint has the transposed matrix."""
        s = make(self, (ops.matrix_transpose(a), g))
        turned = ops.matrix_transpose(out)
        return s @ a @ turned + ops.matrix_transpose(s) @ a @ out, s


def _directly(a: Node, q: Node) -> Node:
    n = a.shape[-1]
    product = ops.expand_dims(a, (-3, -1)) * ops.expand_dims(a, (-4, -2))
    system = ops.eye(n * n) - ops.reshape(product, (*a.shape[:-2], n * n, n * n))
    right = ops.reshape(q, (*q.shape[:-2], n * n, 1))
    found = make(Solve(), (system, right))
    return ops.reshape(found, (*found.shape[:-2], n, n))


def _sylvester(a: Node, b: Node, q: Node, what: str | None = None) -> Node:
    return Sylvester().apply(a, b, q, what=what)


@public
def solve_sylvester(a: TensorLike, b: TensorLike, q: TensorLike) -> Node:
    """x with a @ x + x @ b == q; SciPy's signature.

    a: shape (..., m, m); b: (..., n, n); q: (..., m, n), as float64; leading axes broadcast.

    Returns a float64 tensor of the shape of q, with leading axes broadcast; nan where an operand is
    not finite, and where a and -b have equal eigenvalues, so that there is no solution, or many.
    Raises GraphError, a TypeError, for matrices that are not square and sizes that do not fit;
    ValueError where only a call can tell.
    Source: Bartels and Stewart (1972), Communications of the ACM 15(9); the derivative is that of
    the equation.

        >>> pt.linalg.solve_sylvester([[2.0]], [[1.0]], [[6.0]]).eval()
        array([[2.]])
    """
    what = "solve_sylvester"
    return _sylvester(*(matrices(what, x) for x in (a, b, q)), what=what)


@public
def solve_continuous_lyapunov(a: TensorLike, q: TensorLike) -> Node:
    """x with a @ x + x @ a.mT == q; SciPy's signature.

    a, q: shape (..., n, n), as float64; leading axes broadcast.

    Returns a float64 tensor of the shape of q, with leading axes broadcast; nan where an operand is
    not finite, and where there is no solution, or many.
    Raises GraphError, a TypeError, for matrices that are not square and sizes that do not fit;
    ValueError where only a call can tell.
    Source: Bartels and Stewart (1972), Communications of the ACM 15(9).

        >>> pt.linalg.solve_continuous_lyapunov([[2.0]], [[8.0]]).eval()
        array([[2.]])
    """
    what = "solve_continuous_lyapunov"
    a, q = matrices(what, a), matrices(what, q)
    return _sylvester(a, ops.matrix_transpose(a), q, what)


@public
def solve_discrete_lyapunov(a: TensorLike, q: TensorLike, method: str | None = None) -> Node:
    """x with a @ x @ a.mT - x + q == 0; SciPy's signature.

    a, q: shape (..., n, n), as float64; leading axes broadcast. method: "direct" solves a system of
    n * n unknowns, "bilinear" an equation of Sylvester, which fails where 1 is an eigenvalue of a;
    None takes the first for n <= 9.

    Returns a float64 tensor of the shape of q, with leading axes broadcast; not finite where an
    operand is not, or there is no solution.
    Raises GraphError, a TypeError, for matrices that are not square, sizes that do not fit, and
    other methods.
    Source: Gajic and Qureshi (1995), "Lyapunov Matrix Equation in System Stability and Control".

        >>> pt.linalg.solve_discrete_lyapunov([[0.5]], [[3.0]]).eval()
        array([[4.]])
    """
    what = "solve_discrete_lyapunov"
    a, q = (as_tensor_of(matrices(what, x), "float64") for x in (a, q))
    if method not in (None, "direct", "bilinear"):
        raise GraphError(f"{what}: method is 'direct', 'bilinear' or None, not {method!r:.60}")
    n = a.shape[-1]
    direct = method == "direct" or (method is None and isinstance(n, int) and n <= 9)
    return make(DiscreteLyapunov(direct), (a, q), what=what)


@public
def sqrtm(A: TensorLike) -> Node:
    """The principal square root of square matrices on the last two axes: x with x @ x == A, whose
    eigenvalues have no negative real parts; SciPy's signature.

    A: shape (..., n, n), as float64.

    Returns a float64 tensor of the shape of `A`; nan where it is not finite, or has no such root
    that is real (where an eigenvalue is negative, or 0 more than once).
    Raises GraphError, a TypeError, for matrices that are not square.
    Source: Higham (1987), Linear Algebra and its Applications 88/89; the derivative is that of the
    square.

        >>> pt.linalg.sqrtm([[4.0, 0.0], [0.0, 9.0]]).eval()
        array([[2., 0.],
               [0., 3.]])
    """
    return Sqrtm().apply(matrices("sqrtm", A), what="sqrtm")


@public
def cholesky_update(L: TensorLike, v: TensorLike, sign: TensorLike = 1.0) -> Node:
    """The lower Cholesky factor of L @ L.mT + sign * outer(v, v), given that of L @ L.mT.

    L: shape (..., n, n), as float64, lower triangular with a positive diagonal; its upper triangle
    is not read. v: shape (..., n). `sign` is a weight, mostly 1 or -1; leading axes broadcast. In
    n * n steps; the derivative takes n ** 3, as that of `cholesky`.

    Returns a float64 tensor of the shape of `L`; nan where what is left is not positive definite,
    or not finite.
    Raises GraphError, a TypeError, for matrices that are not square and sizes that do not fit.
    Source: Golub and Van Loan (2013), "Matrix Computations", 6.5.4.

        >>> pt.linalg.cholesky_update([[2.0]], [1.5]).eval()
        array([[2.5]])
    """
    what = "cholesky_update"
    return CholeskyUpdate().apply(matrices(what, L), as_tensor(v), as_tensor(sign), what=what)
