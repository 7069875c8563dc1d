"""Polar and Hessenberg forms, RQ factors, angles between subspaces."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor, make
from probtensor.graph.parts import parts
from probtensor.ops.kinds import Composite, Core, op
from probtensor.ops.kinds.function import as_tensor_of
from probtensor.ops.linalg.factors import QR, QRResult, by_item
from probtensor.ops.linalg.functions.equations import Sylvester
from probtensor.ops.linalg.orthogonal import FullQR
from probtensor.ops.linalg.products import matrices
from probtensor.ops.linalg.singular import EPS, SVD, Pinv, svdvals
from probtensor.ops.linalg.solving import Solve
from probtensor.ops.reductions.folds import described, flag
from probtensor.ops.samples import Sample
from probtensor.types import SizeCheck, TensorType, size_max


@op
class PolarFactor(Composite):
    """The matrix of orthonormal columns, or rows, next to a matrix: u @ vh of its singular vectors.
    It has a derivative where the singular values are not 0, be they equal or not."""

    name = "polar_factor"
    samples = (
        Sample(lambda rng: (rng.normal(size=(3, 3)),)),
        Sample(lambda rng: (rng.normal(size=(2, 4, 2)),)),
        Sample(lambda rng: (rng.normal(size=(2, 3)),)),
        Sample(lambda rng: (np.stack([np.eye(2), np.full((2, 2), np.nan)]),), smooth=False),
    )

    def infer(self, a: TensorType) -> TensorType:
        if a.dtype != "float64":
            raise TypeError(f"needs float64, not {a.dtype}")
        return a

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        yield from ()

    def numpy(self, a):
        def factor(x):
            u, _, vh = np.linalg.svd(x, full_matrices=False)
            return (u @ vh,)

        return by_item(a, (np.empty(a.shape),), factor)[0]

    def expand(self, a):
        u, _, vh = parts(SVD()(a))
        return u @ vh

    def vjp(self, g, out, a):
        """With a == u @ p, p symmetric: u.T @ du is skew and solves an equation of Sylvester with
        p on both sides, and what is outside of the columns of u is that of da @ inv(p). Of a wide
        matrix the same holds of the transpose; a square one has no outside. Higham (2008),
        "Functions of Matrices", 8.2 and 8.3."""
        m, n = a.shape[-2:]
        known = isinstance(m, int) and isinstance(n, int)
        tall = m != n and not (known and m < n)
        wide = m != n and not (known and m > n)
        turned = ops.matrix_transpose(out)
        inner, p = turned @ g, turned @ a
        if wide:
            p = p + (ops.eye(n) - turned @ out)
            inner = inner @ (turned @ out)
        p = (p + ops.matrix_transpose(p)) / 2
        skew = inner - ops.matrix_transpose(inner)
        found = out @ make(Sylvester(), (p, p, skew))
        if tall:
            outside = g - out @ (turned @ g)
            found = found + ops.matrix_transpose(
                make(Solve(), (p, ops.matrix_transpose(outside)))
            )  # fmt: skip
        if wide:
            left = a @ turned
            left = left + (ops.eye(m) - out @ turned) if tall else left
            found = found + make(Solve(), (left, g - (g @ turned) @ out))
        return (found,)


@public
def polar(a: TensorLike, side: str = "right") -> tuple[Node, Node]:
    """The polar form of matrices on the last two axes: (u, p) with a == u @ p, or with side="left"
    a == p @ u; SciPy's signature.

    a: shape (..., m, n), as float64. u has that shape and orthonormal columns (rows, where m < n);
    p is symmetric, its eigenvalues are not negative, and of size n, or m for "left". The derivative
    exists where the singular values of `a` are not 0.

    Returns a pair of float64 tensors; nan where a is not finite.
    Raises GraphError, a TypeError, for less than two axes and another side.
    Source: Higham (2008), "Functions of Matrices", 8.

        >>> u, p = pt.linalg.polar([[0.0, -2.0], [3.0, 0.0]])
        >>> p.eval().round(9)
        array([[3., 0.],
               [0., 2.]])
    """
    if side not in ("right", "left"):
        raise GraphError(f"polar: side is 'right' or 'left', not {side!r:.60}")
    a = as_tensor_of(matrices("polar", a), "float64")
    u = make(PolarFactor(), (a,), what="polar")
    turned = ops.matrix_transpose(u)
    p = turned @ a if side == "right" else a @ turned
    return u, (p + ops.matrix_transpose(p)) / 2


@public(lacks=("check_finite",))
def orthogonal_procrustes(
    A: TensorLike, B: TensorLike, check_finite: bool = False
) -> tuple[Node, Node]:
    """The orthogonal matrix R for which A @ R is nearest to B by least squares: (R, scale); SciPy's
    signature.

    A, B: shape (..., m, n), as float64; leading axes broadcast. `scale` is the sum of the singular
    values of A.mT @ B. The derivative exists where these are not 0.

    Returns a pair of float64 tensors, of shapes (..., n, n) and (...); nan where an operand is not
    finite.
    Raises GraphError, a TypeError, for less than two axes and sizes that do not fit.
    Source: Golub and Van Loan (2013), "Matrix Computations", 6.4.1.

        >>> pt.linalg.orthogonal_procrustes([[1.0, 0.0], [0.0, 1.0]],
        ...                                 [[0.0, 2.0], [2.0, 0.0]])[0].eval().round(9)
        array([[0., 1.],
               [1., 0.]])
    """
    what = "orthogonal_procrustes"
    a, b = (as_tensor_of(matrices(what, x), "float64") for x in (A, B))
    product = ops.matrix_transpose(a) @ b
    r = make(PolarFactor(), (product,), what=what)
    return r, ops.sum(r * product, (-2, -1))


@op
class Hessenberg(Core):
    """h and q with q @ h @ q.mT == a: q is orthogonal, and h has zeros below the diagonal under the
    main one. All nan where a is not finite."""

    core, routine = "(n,n)->(n,n),(n,n)", "pt_hessenberg"
    differentiable = False
    no_derivative = "it is a step of other factorisations, and they have derivatives"
    rounding = 30.0
    samples = (
        Sample(lambda rng: (rng.normal(size=(4, 4)),), smooth=False),
        Sample(lambda rng: (np.stack([np.eye(2), np.full((2, 2), np.nan)]),), smooth=False),
    )

    def workspace(self, sizes):
        n = sizes["n"]
        return n * n + 33 * n

    def numpy(self, a):
        from scipy.linalg import hessenberg as of_scipy

        outs = (np.empty(a.shape), np.empty(a.shape))
        return by_item(a, outs, lambda x: of_scipy(x, calc_q=True))


@public(lacks=("check_finite",))
def hessenberg(
    a: TensorLike, calc_q: bool = False, overwrite_a: bool = False, check_finite: bool = False
) -> Node | tuple[Node, Node]:
    """The Hessenberg form of square matrices: h, or with `calc_q` (h, q), with q @ h @ q.mT == a;
    SciPy's signature.

    a: shape (..., n, n), as float64. q is orthogonal, and h has zeros below the diagonal under the
    main one. There is no derivative.

    Returns float64 tensors of the shape of `a`; nan where it is not finite.
    Raises GraphError, a TypeError, for matrices that are not square; also when its derivative is
    taken.
    Source: Golub and Van Loan (2013), "Matrix Computations", 7.4.

        >>> pt.linalg.hessenberg([[1.0, 2.0], [3.0, 4.0]]).eval()
        array([[1., 2.],
               [3., 4.]])
    """
    h, q = parts(Hessenberg().apply(matrices("hessenberg", a), what="hessenberg"))
    return (h, q) if flag(calc_q, "hessenberg: calc_q") else h


@public(lacks=("lwork", "check_finite"))
def rq(
    a: TensorLike,
    overwrite_a: bool = False,
    lwork: None = None,
    mode: str = "full",
    check_finite: bool = False,
) -> tuple[Node, Node] | Node:
    """An upper triangular factor and orthonormal rows: (R, Q) with a == R @ Q; SciPy's signature.

    a: shape (..., m, n), as float64. `mode`: "full", with R of shape (..., m, n) and Q
    (..., n, n); "economic", with k = min(m, n), R (..., m, k) and Q (..., k, n); "r" for R as
    "full" has it, alone. It is `qr` of the transpose, with rows and columns in reverse order, and
    has its derivative; the signs are those of LAPACK.

    Returns float64 tensors as above; nan where a is not finite.
    Raises GraphError, a TypeError, for less than two axes and another mode.
    Source: Golub and Van Loan (2013), "Matrix Computations", 5.2.

        >>> abs(pt.linalg.rq([[3.0, 4.0]], mode="economic")[0]).eval()
        array([[5.]])
    """
    if mode not in ("full", "economic", "r"):
        raise GraphError(f"rq: mode is 'full', 'economic' or 'r', not {mode!r:.60}")
    a = as_tensor_of(matrices("rq", a), "float64")
    factors = QR() if mode == "economic" else FullQR()
    reverse = ops.matrix_transpose(ops.flip(a, (-2, -1)))
    q, r = QRResult(*parts(factors.apply(reverse, what="rq")))
    upper = ops.flip(ops.matrix_transpose(r), (-2, -1))
    return upper if mode == "r" else (upper, ops.flip(ops.matrix_transpose(q), (-2, -1)))


@public(lacks=("check_finite",))
def pinvh(
    a: TensorLike,
    atol: TensorLike | None = None,
    rtol: TensorLike | None = None,
    lower: bool = True,
    return_rank: bool = False,
    check_finite: bool = False,
) -> Node | tuple[Node, Node]:
    """The pseudo-inverse of symmetric matrices; SciPy's signature.

    a: shape (..., n, n), as float64, of which the lower triangle counts, or the upper one with
    lower=False. Eigenvalues of at most `atol` + `rtol` times the largest modulus count as 0; by
    default `atol` is 0, and `rtol` n times the spacing of floats. The derivative is that for a
    constant rank.

    Returns a float64 tensor of the shape of `a`, and with `return_rank` the rank, int64, too; nan
    where a is not finite.
    Raises GraphError, a TypeError, for matrices that are not square.
    Source: Golub and Van Loan (2013), "Matrix Computations", 5.5.

        >>> pt.linalg.pinvh([[2.0, 0.0], [0.0, 0.0]]).eval()
        array([[0.5, 0. ],
               [0. , 0. ]])
    """
    a = as_tensor_of(matrices("pinvh", a), "float64")
    a = a if flag(lower, "pinvh: lower") else ops.matrix_transpose(a)
    cutoff = as_tensor_of(EPS if rtol is None else as_tensor(rtol), "float64")
    if rtol is None:
        cutoff = cutoff * as_tensor_of(as_tensor(size_max(a.shape[-1], 1)), "float64")
    ranked = flag(return_rank, "pinvh: return_rank")
    size = ops.abs(ops.eigvalsh(a)) if ranked or atol is not None else None
    if atol is not None:
        largest = ops.stop_gradient(ops.max(size, -1))
        cutoff = cutoff + as_tensor_of(as_tensor(atol), "float64") / ops.where(
            largest > 0, largest, 1.0
        )
    inverse = make(Pinv(hermitian=True), (a, cutoff), what="pinvh")
    if not ranked:
        return inverse
    least = cutoff * ops.max(size, -1)
    return inverse, ops.sum(size > ops.expand_dims(least, -1), -1, "int64")


@public
def subspace_angles(A: TensorLike, B: TensorLike) -> Node:
    """The angles between the subspaces that the columns of two matrices span, descending; SciPy's
    signature.

    A, B: shape (..., m, p) and (..., m, q), as float64, with independent columns, of which there
    are at most m; leading axes broadcast. Angles are accurate where they are small, too: of those
    below pi / 4 the sines are computed. Derivatives exist where the angles differ and are not 0.

    Returns a float64 tensor of shape (..., min(p, q)), of radians; nan where an operand is not
    finite.
    Raises GraphError, a TypeError, for less than two axes, sizes that do not fit, and numbers of
    columns that are not known.
    Source: Knyazev and Argentati (2002), SIAM J. Sci. Comput. 23(6).

        >>> pt.linalg.subspace_angles([[1.0], [0.0]], [[1.0], [1.0]]).eval().round(6)
        array([0.785398])
    """
    what = "subspace_angles"
    given = [as_tensor_of(matrices(what, x), "float64") for x in (A, B)]
    for x in given:
        if not isinstance(x.shape[-1], int):
            raise GraphError(f"{what}: needs a number of columns that is known{described(x)}")
    given.sort(key=lambda x: -x.shape[-1])
    wide, narrow = (parts(QR().apply(x, what=what))[0] for x in given)
    shared = ops.matrix_transpose(wide) @ narrow
    cosines = ops.flip(svdvals(shared), -1)
    sines = svdvals(narrow - wide @ shared)
    small = cosines**2 >= 0.5
    by_sine = ops.arcsin(ops.clip(ops.where(small, sines, 0.0), -1.0, 1.0))
    by_cosine = ops.arccos(ops.clip(ops.where(small, 0.0, cosines), -1.0, 1.0))
    return ops.where(small, by_sine, by_cosine)
