"""Eigenvalues of symmetric and of any matrices, and of pairs of matrices; Schur forms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike
from probtensor.graph.parts import parts
from probtensor.late import late
from probtensor.ops.complexes.pair import pair
from probtensor.ops.kinds import Core, op
from probtensor.ops.kinds.function import as_tensor_of
from probtensor.ops.linalg.factors import (
    Eigh,
    EighResult,
    by_item,
    eigh_of,
    hermitian_of,
    read_triangles,
)
from probtensor.ops.linalg.products import adjoint, matrices
from probtensor.ops.linalg.triangular import solved
from probtensor.ops.samples import Sample

_linear = late("probtensor.ops.complexes.linear")


@op
class Eigvalsh(Core):
    """Ascending eigenvalues of a symmetric matrix, of which the lower triangle is read; all nan
    where it is not finite."""

    core, routine = "(n,n)->(n)", "pt_eigvalsh"
    mirrored = True
    rounding = 10.0
    samples = Eigh.samples

    def workspace(self, sizes):
        n = sizes["n"]
        return n * n + 34 * n + 2

    def numpy(self, a):
        out = (np.empty(a.shape[:-1]),)
        return by_item(np.tril(a), out, lambda x: (np.linalg.eigvalsh(x),))[0]

    def vjp(self, g, out, a):
        vectors = parts(Eigh()(a))[1]
        return ((vectors * ops.expand_dims(g, -2)) @ ops.matrix_transpose(vectors),)


def _spread(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Matrices with well separated eigenvalues, of which two are conjugate where n > 1."""
    n = shape[-1]
    d = np.diag(np.arange(n, dtype=float) + 1)
    if n > 1:
        d[:2, :2] = [[1.0, 2.0], [-2.0, 1.0]]
    v = np.eye(n) + 0.3 * rng.normal(size=shape)
    return v @ d @ np.linalg.inv(v)


@op
class Eig(Core):
    """Eigenvalues of a matrix and its eigenvectors in columns, as real and imaginary parts: (real
    values, imaginary values, real vectors, imaginary vectors). Of two conjugate values the one
    with the positive imaginary part is first; each vector has length 1, and a largest component
    that is real. All nan where the matrix is not finite.

    The derivatives of the vectors are inf or nan where two eigenvalues are equal, and those of all
    where the vectors are not independent.
    """

    core, routine = "(n,n)->(n),(n),(n,n),(n,n)", "pt_eig"
    rounding = 100.0
    samples = (
        Sample(lambda rng: (_spread(rng, 3, 3),)),
        Sample(lambda rng: (_spread(rng, 2, 4, 4),)),
        Sample(lambda rng: (np.stack([np.diag([1.0, 2.0]), np.full((2, 2), np.nan)]),),
               smooth=False),
    )  # fmt: skip

    def workspace(self, sizes):
        n = sizes["n"]
        return 2 * n * n + 34 * n

    def numpy(self, a):
        shape = a.shape
        outs = (*(np.empty(shape[:-1]) for _ in "ri"), *(np.empty(shape) for _ in "ri"))

        def factor(x):
            w, v = np.linalg.eig(x)
            return np.real(w), np.imag(w), np.real(v), np.imag(v)

        return by_item(a, outs, factor)

    def vjp(self, g, out, a):
        values, vectors = pair(*out[:2]), pair(*out[2:])
        g = [ops.zeros_like(x) if gx is None and pairs else gx
             for gx, x, pairs in zip(g, out, _of_either(g), strict=True)]  # fmt: skip
        g_values = None if g[0] is None else pair(*g[:2])
        g_vectors = None if g[2] is None else pair(*g[2:])
        return (ops.real(eig_cotangent(g_values, g_vectors, values, vectors)),)


def _of_either(g: Sequence[Node | None]) -> tuple[bool, ...]:
    """Whether a complex result, two parts, has a cotangent: for each of its parts."""
    found = [g[k] is not None or g[k + 1] is not None for k in (0, 2)]
    return (found[0], found[0], found[1], found[1])


def eig_cotangent(
    g_values: Node | None, g_vectors: Node | None, values: Node, vectors: Node
) -> Node:
    """The cotangent of a matrix, from those of its eigenvalues and eigenvectors, all complex: that
    of a holomorphic matrix (Giles 2008, "An extended collection of matrix derivative results",
    3.1), after that of the length and of the largest component of the vectors."""
    unit = ops.eye(values.shape[-1], dtype="bool")
    inner = 0.0
    if g_values is not None:
        inner = ops.where(unit, ops.expand_dims(g_values, -1), 0.0)
    turned_back = adjoint(vectors)
    if g_vectors is not None:
        turned = turned_back @ _of_free_vectors(g_vectors, vectors)
        gap = ops.expand_dims(values, -2) - ops.expand_dims(values, -1)
        size = ops.where(unit, 1.0, ops.real(gap) ** 2 + ops.imag(gap) ** 2)
        # The quotient by the conjugate of the gap.
        inner = inner + ops.where(unit, 0.0, turned * gap / size)
    return ops.solve(turned_back, inner) @ turned_back


def _of_free_vectors(g: Node, v: Node) -> Node:
    """The cotangent of vectors of any length and phase, from that of vectors v / |v| whose largest
    component is real: what changes length or phase is taken out."""
    (gr, gi), (vr, vi) = g.inputs, v.inputs
    along = ops.sum(gr * vr + gi * vi, -2, keepdims=True)
    around = ops.sum(gr * vi - gi * vr, -2, keepdims=True)
    size = ops.stop_gradient(vr**2 + vi**2)
    place = ops.expand_dims(ops.argmax(size, -2), -2)
    largest = ops.take_along_axis(vr, place, -2)
    rows = ops.expand_dims(ops.arange(vr.shape[-2]), -1)
    turn = ops.where(ops.eq(rows, place), around / largest, 0.0)
    return pair(gr - along * vr, gi - along * vi + turn)


@op
class Eigvals(Core):
    """Eigenvalues of a matrix, as (real parts, imaginary parts); all nan where it is not finite."""

    core, routine = "(n,n)->(n),(n)", "pt_eigvals"
    rounding = 100.0
    samples = Eig.samples

    def workspace(self, sizes):
        n = sizes["n"]
        return n * n + 34 * n

    def numpy(self, a):
        outs = tuple(np.empty(a.shape[:-1]) for _ in "ri")

        def factor(x):
            w = np.linalg.eigvals(x)
            return np.real(w), np.imag(w)

        return by_item(a, outs, factor)

    def vjp(self, g, out, a):
        return Eig().vjp((*g, None, None), parts(Eig()(a)), a)


@public
def eigvalsh(
    a: TensorLike, UPLO: str = "L", *, b: TensorLike | None = None, type: int = 1
) -> Node:
    """Eigenvalues of symmetric matrices, ascending: those of `eigh`.

    a: shape (..., n, n), as float64. Only one triangle is read, the lower one or, with UPLO="U",
        the upper one, also by derivatives.
    b: positive definite, of the shape of a, and read as a is, for the generalised problem of this
        `type`; see `eigh`.

    Returns a float64 tensor of shape (..., n); nan where a or b is not finite, or b not positive
    definite.
    Raises GraphError, a TypeError, for matrices that are not square, and for another UPLO or type.
    Source: Golub and Van Loan (2013), "Matrix Computations", 8.3 and 8.7.

        >>> pt.linalg.eigvalsh([[2.0, 0.0], [0.0, 1.0]]).eval()
        array([1., 2.])
    """
    a, b = read_triangles("eigvalsh", a, b, UPLO)
    if b is not None:
        a, _ = _reduced("eigvalsh", a, b, type)
    return _linear.eigvalsh(a) if a.is_complex else Eigvalsh().apply(a, what="eigvalsh")


def _reduced(what: str, a: Node, b: Node, type: object) -> tuple[Node, Node]:
    """The symmetric matrix with the eigenvalues of a and b, and the lower factor of b."""
    if type not in (1, 2, 3):
        raise GraphError(f"{what}: type is 1, 2 or 3, not {type!r:.60}")
    factor = _linear.cholesky(b) if b.is_complex else ops.Cholesky().apply(b, what=what)
    whole = hermitian_of(a)
    if type == 1:
        half = solved(factor, whole, True)
        return solved(factor, adjoint(half), True), factor
    return adjoint(factor) @ whole @ factor, factor


def generalised(what: str, a: Node, b: Node, type: object) -> EighResult:
    """Eigenvalues and eigenvectors of a and b, whose lower triangles are read: a @ v == w * b @ v
    for type 1, a @ b @ v == w * v for type 2, b @ a @ v == w * v for type 3."""
    reduced, factor = _reduced(what, a, b, type)
    values, vectors = eigh_of(reduced, what)
    if type == 3:
        return EighResult(values, factor @ vectors)
    return EighResult(values, solved(adjoint(factor), vectors, False))


SORTS = {None: 0, "lhp": 1, "rhp": 2, "iuc": 3, "ouc": 4}


@op
class Schur(Core):
    """t, z and a count, with z @ t @ z.mT == a: z is orthogonal, t upper triangular but for blocks
    of two conjugate eigenvalues. By a number, of SORTS, some eigenvalues are first: the count is of
    these. All nan where a is not finite."""

    core, routine = "(n,n),()->(n,n),(n,n),()", "pt_schur"
    differentiable = False
    no_derivative = "the form depends on the order of eigenvalues, which jumps"
    takes, gives = ("float64", "int64"), ("float64", "float64", "int64")
    rounding = 100.0
    samples = (
        Sample(lambda rng: (_spread(rng, 4, 4), np.asarray(0)), smooth=False),
        Sample(lambda rng: (np.diag([3.0, -1, 2, 0.5]), np.asarray(1)), smooth=False),
    )

    def workspace(self, sizes):
        n = sizes["n"]
        return 2 * n * n + 37 * n

    def numpy(self, a, sort):
        from scipy.linalg import schur

        names = {number: name for name, number in SORTS.items()}
        t, z, count = np.full(a.shape, np.nan), np.full(a.shape, np.nan), np.zeros(sort.shape, "i8")
        for item in np.ndindex(a.shape[:-2]):
            if np.isfinite(a[item]).all() and a.shape[-1]:
                name = names[int(sort[item])]
                t[item], z[item], *rest = schur(a[item], sort=name)
                count[item] = rest[0] if rest else 0
        return t, z, count


@op
class QZ(Core):
    """s, t, three vectors, q and z, with q @ s @ z.mT == a and q @ t @ z.mT == b: q and z are
    orthogonal, t upper triangular, and s but for blocks of two conjugate eigenvalues. The vectors
    are real and imaginary parts of numerators of the eigenvalues, and their denominators. A number,
    of SORTS, says which are first. All nan where a or b is not finite."""

    core = "(n,n),(n,n),()->(n,n),(n,n),(n),(n),(n),(n,n),(n,n)"
    routine = "pt_qz"
    differentiable = False
    no_derivative = "the form depends on the order of eigenvalues, which jumps"
    takes = ("float64", "float64", "int64")
    rounding = 100.0
    gives = ("float64",) * 7
    samples = (
        Sample(lambda rng: (_spread(rng, 3, 3), np.eye(3), np.asarray(0)), smooth=False),
        Sample(lambda rng: (np.diag([3.0, -1, 2]), np.eye(3), np.asarray(1)), smooth=False),
    )

    def workspace(self, sizes):
        n = sizes["n"]
        return 4 * n * n + 41 * n + 17

    def numpy(self, a, b, sort):
        from scipy.linalg import lapack, ordqz

        names = {number: name for name, number in SORTS.items()}
        shapes = [a.shape, a.shape, *[a.shape[:-1]] * 3, a.shape, a.shape]
        outs = [np.full(shape, np.nan) for shape in shapes]
        for item in np.ndindex(a.shape[:-2]):
            if not (np.isfinite(a[item]).all() and np.isfinite(b[item]).all()) or not a.shape[-1]:
                continue
            if name := names[int(sort[item])]:
                s, t, alpha, beta, q, z = ordqz(a[item], b[item], sort=name)
                found = s, t, np.real(alpha), np.imag(alpha), beta, q, z
            else:  # to reorder nothing would give the eigenvalues other denominators
                s, t, _, *found = lapack.dgges(lambda *_: False, a[item], b[item])
                found = s, t, *found[:5]
            for out, value in zip(outs, found, strict=True):
                out[item] = value
        return tuple(outs)


def _sort(what: str, sort: object) -> Node:
    if not (sort is None or isinstance(sort, str)) or sort not in SORTS:
        names = ", ".join(repr(name) for name in SORTS if name)
        raise GraphError(f"{what}: sort is None or one of {names}, not {sort!r:.60}")
    return as_tensor_of(SORTS[sort], "int64")


def _only_real(what: str, output: object) -> None:
    if output not in ("real", "r"):
        raise GraphError(f"{what}: output is 'real', not {output!r:.60}")


class SchurResult(NamedTuple):
    """The result of `schur` without an order."""

    T: Node
    Z: Node


@public(lacks=("lwork", "check_finite"))
def schur(
    a: TensorLike,
    output: str = "real",
    lwork: None = None,
    overwrite_a: bool = False,
    sort: str | None = None,
    check_finite: bool = False,
) -> tuple[Node, ...]:
    """The real Schur form of square matrices: (T, Z) with Z @ T @ Z.mT == a; SciPy's signature.

    a: shape (..., n, n), as float64. Z is orthogonal, T upper triangular but for blocks of two
    conjugate eigenvalues on its diagonal. `sort` says which eigenvalues are first: those with
    negative real parts ("lhp"), the others ("rhp"), those within the unit circle ("iuc"), the
    others ("ouc"); then there is a third result, their number, int64. `output` is "real". All nan
    where a is not finite. There is no derivative.

    Returns a tuple of tensors, as above.
    Raises GraphError, a TypeError, for matrices that are not square and other arguments; also when
    its derivative is taken.
    Source: Golub and Van Loan (2013), "Matrix Computations", 7.4.

        >>> t, z = pt.linalg.schur([[1.0, 2.0], [0.0, 3.0]])
        >>> t.eval()
        array([[1., 2.],
               [0., 3.]])
    """
    _only_real("schur", output)
    order = _sort("schur", sort)
    t, z, count = parts(Schur().apply(matrices("schur", a), order, what="schur"))
    return SchurResult(t, z) if sort is None else (t, z, count)


@public(lacks=("lwork", "sort", "check_finite"))
def qz(
    A: TensorLike,
    B: TensorLike,
    output: str = "real",
    lwork: None = None,
    sort: None = None,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = False,
) -> tuple[Node, Node, Node, Node]:
    """The generalised real Schur form of two square matrices: (AA, BB, Q, Z) with
    Q @ AA @ Z.mT == A and Q @ BB @ Z.mT == B; SciPy's signature.

    A, B: shape (..., n, n), as float64; leading axes broadcast. Q and Z are orthogonal, BB is upper
    triangular, and AA but for blocks of two conjugate eigenvalues of the pair. All nan where A or B
    is not finite. There is no derivative.

    Returns a tuple of float64 tensors, as above.
    Raises GraphError, a TypeError, for matrices that are not square and other arguments; also when
    its derivative is taken.
    Source: Golub and Van Loan (2013), "Matrix Computations", 7.7.

        >>> pt.linalg.qz([[1.0, 2.0], [0.0, 3.0]], [[1.0, 0.0], [0.0, 1.0]])[0].eval()
        array([[1., 2.],
               [0., 3.]])
    """
    _only_real("qz", output)
    pair = matrices("qz", A), matrices("qz", B)
    s, t, _, _, _, q, z = parts(QZ().apply(*pair, _sort("qz", None), what="qz"))
    return s, t, q, z


class EigResult(NamedTuple):
    """The result of `eig`."""

    eigenvalues: Node
    eigenvectors: Node


@public
def eig(a: TensorLike) -> EigResult:
    """Eigenvalues and eigenvectors of square matrices: (eigenvalues, eigenvectors); NumPy's
    signature.

    a: shape (..., n, n), as float64. Both results are complex128, also where all values are real,
    of shapes (..., n) and (..., n, n). Of two conjugate values the one with the positive imaginary
    part is first. Column k of the vectors belongs to value k: it has length 1, and a largest
    component that is real. Where a is not finite all are nan.

    Derivatives are those of the results with this length and phase; those of vectors do not exist
    where eigenvalues are equal, and none where the vectors are not independent.

        values, vectors = pt.linalg.eig(transition)
        slowest = pt.max(pt.abs(values))

    Returns a pair of complex128 tensors, `eigenvalues` and `eigenvectors`.
    Raises GraphError, a TypeError, for matrices that are not square.
    Source: Golub and Van Loan (2013), "Matrix Computations", 7.5; for derivatives Giles (2008),
    "An extended collection of matrix derivative results", 3.1.

        >>> pt.linalg.eig([[0.0, 1.0], [-1.0, 0.0]]).eigenvalues.eval()
        array([0.+1.j, 0.-1.j])
    """
    if (a := matrices("eig", a)).is_complex:
        return EigResult(*_linear.eig(a))
    wr, wi, vr, vi = parts(Eig().apply(a, what="eig"))
    return EigResult(ops.complex(wr, wi), ops.complex(vr, vi))


@public
def eigvals(a: TensorLike) -> Node:
    """The eigenvalues of square matrices, those of `eig`; NumPy's signature.

    Returns a complex128 tensor of shape (..., n) for a of shape (..., n, n), also where all values
    are real; nan where a is not finite.
    Raises GraphError, a TypeError, for matrices that are not square.

        >>> pt.linalg.eigvals([[0.0, 1.0], [-1.0, 0.0]]).eval()
        array([0.+1.j, 0.-1.j])
    """
    if (a := matrices("eigvals", a)).is_complex:
        return _linear.eigvals(a)
    return ops.complex(*parts(Eigvals().apply(a, what="eigvals")))


@public(lacks=("check_finite",))
def ordqz(
    A: TensorLike,
    B: TensorLike,
    sort: str = "lhp",
    output: str = "real",
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = False,
) -> tuple[Node, ...]:
    """`qz` with an order of the eigenvalues: (AA, BB, alpha, beta, Q, Z); SciPy's signature.

    A, B: shape (..., n, n), as float64; leading axes broadcast. `sort` says which of the
    eigenvalues alpha / beta are first: those with negative real parts ("lhp"), positive ones
    ("rhp"), inside the unit circle ("iuc"), outside of it ("ouc"). alpha is complex128, of shape
    (..., n); all else is float64. All nan where A or B is not finite. There is no derivative.

    Returns a tuple of tensors, as above.
    Raises GraphError, a TypeError, for matrices that are not square and other arguments; also when
    its derivative is taken.
    Source: Golub and Van Loan (2013), "Matrix Computations", 7.7.

        >>> found = pt.linalg.ordqz([[3.0, 0.0], [0.0, -2.0]], [[1.0, 0.0], [0.0, 1.0]])
        >>> found[2].eval().real
        array([-2.,  3.])
    """
    _only_real("ordqz", output)
    if sort is None:
        raise GraphError("ordqz: sort says which eigenvalues are first; qz is without an order")
    pair = matrices("ordqz", A), matrices("ordqz", B)
    s, t, reals, imags, beta, q, z = parts(QZ().apply(*pair, _sort("ordqz", sort), what="ordqz"))
    return s, t, ops.complex(reals, imags), beta, q, z
