"""Logarithms, real powers, trigonometric and hyperbolic functions of matrices."""

from __future__ import annotations

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import Node, TensorLike, as_tensor, make
from probtensor.ops.kinds import Core, op
from probtensor.ops.kinds.function import as_tensor_of
from probtensor.ops.linalg.factors import by_item
from probtensor.ops.linalg.functions.exponential import Expm, ExpmFrechet
from probtensor.ops.linalg.products import matrices
from probtensor.ops.linalg.solving import Solve
from probtensor.ops.reductions.folds import flag
from probtensor.ops.samples import Sample


def _stable(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Matrices whose eigenvalues have positive real parts."""
    return 0.5 * rng.normal(size=shape) + 3 * np.eye(shape[-1])


def _largest(x: Node) -> Node:
    """The largest absolute value of each matrix; 0 of a matrix without elements."""
    return ops.max(ops.abs(x), (-2, -1), keepdims=True, initial=0.0)


@op
class Logm(Core):
    """The principal logarithm of a matrix; all nan where it is not finite, or has a real eigenvalue
    that is not positive."""

    core, routine = "(n,n)->(n,n)", "pt_logm"
    rounding = 100.0
    samples = (
        Sample(lambda rng: (_stable(rng, 3, 3),)),
        Sample(lambda rng: (_stable(rng, 2, 2, 2),)),
        Sample(lambda rng: (np.stack([np.diag([1.0, 4.0]), np.diag([1.0, -4.0]),
                                      np.diag([1.0, 0.0]), np.full((2, 2), np.nan)]),),
               smooth=False),
    )  # fmt: skip

    def workspace(self, sizes):
        n = sizes["n"]
        return 6 * n * n + 37 * n

    def numpy(self, a):
        from scipy.linalg import logm

        def factor(x):
            if not x.size:
                return (x,)
            values = np.linalg.eigvals(x)
            if ((np.imag(values) == 0) & (np.real(values) <= 0)).any():
                return (np.full(x.shape, np.nan),)
            return (np.real(logm(x)),)

        return by_item(a, (np.empty(a.shape),), factor)[0]

    def vjp(self, g, out, a):
        """The derivative at the transpose in the direction of g, which is the upper right block of
        the logarithm of [[a.mT, g], [0, a.mT]]: Higham (2008), "Functions of Matrices", 3.2. It is
        linear in g, which is taken of the size of a."""
        turned, n = ops.matrix_transpose(a), a.shape[-1]
        size, own = (_largest(x) for x in (g, a))
        scale = ops.stop_gradient(ops.where(size > 0, size, 1.0) / own)
        rows = [
            ops.concatenate([turned, g / scale], -1),
            ops.concatenate([ops.zeros_like(a), turned], -1),
        ]
        found = make(self, (ops.concatenate(rows, -2),))
        return (found[..., :n, n:] * scale,)


@public(lacks=("disp",))
def logm(A: TensorLike, disp: bool = True) -> Node:
    """The principal logarithm of square matrices on the last two axes: x with expm(x) == A, whose
    eigenvalues have imaginary parts between -pi and pi; SciPy's signature.

    A: shape (..., n, n), as float64. By roots of the Schur form until it is near the identity, and
    an approximant of Pade there. The gradient costs about eight logarithms.

    Returns a float64 tensor of the shape of `A`; nan where it is not finite, or has no such
    logarithm that is real (where a real eigenvalue is not positive).
    Raises GraphError, a TypeError, for matrices that are not square; ValueError where only a call
    can tell.
    Source: Higham (2008), "Functions of Matrices", 11.5; for derivatives 3.2.

        >>> pt.linalg.logm([[1.0, 2.0], [0.0, 1.0]]).eval()
        array([[0., 2.],
               [0., 0.]])
    """
    return Logm().apply(matrices("logm", A), what="logm")


@public
def fractional_matrix_power(A: TensorLike, t: TensorLike) -> Node:
    """Square matrices on the last two axes to the power t, expm(t * logm(A)); SciPy's signature.

    A: shape (..., n, n), as float64; t: a number, or a tensor of one. Whole numbers of Python are
    as in `matrix_power`, for any A.

    Returns a float64 tensor of the shape of `A`; nan where `logm` is, for other t.
    Raises GraphError, a TypeError, for matrices that are not square.
    Source: Higham (2008), "Functions of Matrices", 1.2 and 7.1.

        >>> pt.linalg.fractional_matrix_power([[4.0, 0.0], [0.0, 9.0]], 0.5).eval().round(9)
        array([[2., 0.],
               [0., 3.]])
    """
    a = as_tensor_of(matrices("fractional_matrix_power", A), "float64")
    if isinstance(t, (int, np.integer)) and not isinstance(t, bool):
        return ops.matrix_power(a, t)
    power = as_tensor_of(as_tensor(t), "float64")
    logarithm = Logm().apply(a, what="fractional_matrix_power")
    return make(Expm(), (ops.expand_dims(power, (-2, -1)) * logarithm,))


def _both(what: str, A: TensorLike, sign: float) -> tuple[Node, Node]:
    """The exponential of [[0, sign A], [A, 0]]: its blocks below and on the diagonal."""
    a = as_tensor_of(matrices(what, A), "float64")
    n, zeros = a.shape[-1], ops.zeros_like(a)
    rows = [ops.concatenate([zeros, a * sign], -1), ops.concatenate([a, zeros], -1)]
    found = Expm().apply(ops.concatenate(rows, -2), what=what)
    return found[..., n:, :n], found[..., :n, :n]


@public
def cosm(A: TensorLike) -> Node:
    """The cosine of square matrices on the last two axes, as that of a power series, by the
    exponential of [[0, -A], [A, 0]]; SciPy's signature.

    Returns a float64 tensor of the shape of `A`; nan where it is not finite.
    Raises GraphError, a TypeError, for matrices that are not square; ValueError where only a call
    can tell.
    Source: Higham (2008), "Functions of Matrices", 12.1.

        >>> pt.linalg.cosm([[0.0, 1.0], [0.0, 0.0]]).eval()
        array([[1., 0.],
               [0., 1.]])
    """
    return _both("cosm", A, -1.0)[1]


@public
def sinm(A: TensorLike) -> Node:
    """The sine of square matrices on the last two axes, as `cosm` has the cosine; SciPy's
    signature.

    Returns a float64 tensor of the shape of `A`; nan where it is not finite. Raises what `cosm`
    raises.

        >>> pt.linalg.sinm([[0.0, 1.0], [0.0, 0.0]]).eval()
        array([[0., 1.],
               [0., 0.]])
    """
    return _both("sinm", A, -1.0)[0]


@public
def tanm(A: TensorLike) -> Node:
    """The tangent of square matrices on the last two axes, inv(cosm(A)) @ sinm(A); SciPy's
    signature.

    Returns a float64 tensor of the shape of `A`; nan where it is not finite. Raises what `cosm`
    raises.

        >>> pt.linalg.tanm([[0.0, 1.0], [0.0, 0.0]]).eval()
        array([[0., 1.],
               [0., 0.]])
    """
    sine, cosine = _both("tanm", A, -1.0)
    return make(Solve(), (cosine, sine))


@public
def coshm(A: TensorLike) -> Node:
    """The hyperbolic cosine of square matrices on the last two axes, by the exponential of
    [[0, A], [A, 0]]; SciPy's signature.

    Returns a float64 tensor of the shape of `A`; nan where it is not finite. Raises what `cosm`
    raises.

        >>> pt.linalg.coshm([[0.0, 1.0], [0.0, 0.0]]).eval()
        array([[1., 0.],
               [0., 1.]])
    """
    return _both("coshm", A, 1.0)[1]


@public
def sinhm(A: TensorLike) -> Node:
    """The hyperbolic sine of square matrices on the last two axes, as `coshm` has the cosine, also
    where it is small; SciPy's signature.

    Returns a float64 tensor of the shape of `A`; nan where it is not finite. Raises what `cosm`
    raises.

        >>> pt.linalg.sinhm([[0.0, 1.0], [0.0, 0.0]]).eval()
        array([[0., 1.],
               [0., 0.]])
    """
    return _both("sinhm", A, 1.0)[0]


@public
def tanhm(A: TensorLike) -> Node:
    """The hyperbolic tangent of square matrices on the last two axes, inv(coshm(A)) @ sinhm(A);
    SciPy's signature.

    Returns a float64 tensor of the shape of `A`; nan where it is not finite. Raises what `cosm`
    raises.

        >>> pt.linalg.tanhm([[0.0, 1.0], [0.0, 0.0]]).eval()
        array([[0., 1.],
               [0., 0.]])
    """
    sine, cosine = _both("tanhm", A, 1.0)
    return make(Solve(), (cosine, sine))


@public(lacks=("disp",))
def signm(A: TensorLike, disp: bool = True) -> Node:
    """The sign of square matrices on the last two axes: inv(sqrtm(A @ A)) @ A, which has the
    eigenvectors of A, and 1 or -1 for eigenvalues with positive or negative real parts; SciPy's
    signature.

    Returns a float64 tensor of the shape of `A`; nan where it is not finite, or has an eigenvalue
    whose real part is 0.
    Raises GraphError, a TypeError, for matrices that are not square.
    Source: Higham (2008), "Functions of Matrices", 5.

        >>> pt.linalg.signm([[4.0, 0.0], [0.0, -9.0]]).eval()
        array([[ 1.,  0.],
               [ 0., -1.]])
    """
    a = as_tensor_of(matrices("signm", A), "float64")
    # That of a / size is the same, and its square is a float.
    size = ops.stop_gradient(_largest(a))
    a = a / ops.where(size > 0, size, 1.0)
    return make(Solve(), (ops.sqrtm(a @ a), a), what="signm")


@public(lacks=("method", "check_finite"))
def expm_frechet(
    A: TensorLike,
    E: TensorLike,
    method: None = None,
    compute_expm: bool = True,
    check_finite: bool = False,
) -> tuple[Node, Node] | Node:
    """The exponential of square matrices, and its derivative in the direction of E: (expm(A), L);
    SciPy's signature. The method is that of scaling, Pade approximants and squaring.

    A, E: shape (..., n, n), as float64; leading axes broadcast. With compute_expm=False L alone.

    Returns float64 tensors of the shapes of A and E, with leading axes broadcast; nan where an
    operand is not finite.
    Raises GraphError, a TypeError, for matrices that are not square and sizes that do not fit;
    ValueError where only a call can tell.
    Source: Al-Mohy and Higham (2009), SIAM J. Matrix Anal. Appl. 30(4).

        >>> pt.linalg.expm_frechet([[0.0]], [[2.0]])[1].eval()
        array([[2.]])
    """
    a, e = (matrices("expm_frechet", x) for x in (A, E))
    slope = ExpmFrechet().apply(a, e, what="expm_frechet")
    if not flag(compute_expm, "expm_frechet: compute_expm"):
        return slope
    return Expm().apply(a, what="expm_frechet"), slope
