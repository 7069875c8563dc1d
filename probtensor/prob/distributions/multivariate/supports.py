"""Supports of vectors and matrices with structure, and the functions that make them for
`constraint=` of `pt.random.flat`.

The density of a variable on such a set is one of some of its entries, or of lengths and areas on
it; each class says which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from probtensor import ops
from probtensor.calls import line_text, public
from probtensor.dataclass import dataclass
from probtensor.graph import GraphError, Node, as_tensor
from probtensor.graph.node import TensorLike
from probtensor.prob.distributions.support import (
    SIMPLEX,
    Covariance,
    Interval,
    Ordered,
    ScaleFactor,
    Simplex,
    Support,
    closeness,
)
from probtensor.types import Size


def all_of(x: TensorLike, count: int) -> TensorLike:
    """Whether all entries along the last axes are true, for arrays and nodes."""
    reduce_all = ops.all if isinstance(x, Node) else np.all
    return reduce_all(x, axis=tuple(range(-count, 0)))


def total(x: TensorLike, axis: int, keepdims: bool = False) -> TensorLike:
    """Sums in double precision, for arrays and nodes."""
    sum_of = ops.sum if isinstance(x, Node) else np.sum
    return sum_of(x.astype("float64"), axis=axis, keepdims=keepdims)


def count_of(size: Size) -> TensorLike:
    """A size, known or not, as a number."""
    return float(size) if isinstance(size, int) else as_tensor(size).astype("float64")


def size_of(x: TensorLike) -> TensorLike:
    """Absolute values, for arrays and nodes."""
    return ops.abs(x) if isinstance(x, Node) else np.abs(x)


def largest(x: TensorLike, count: int) -> TensorLike:
    """The largest absolute value along the last axes, 0 of none; these axes have size 1."""
    axis = tuple(range(-count, 0))
    if isinstance(x, Node):
        return ops.max(ops.abs(x), axis=axis, keepdims=True)
    return np.max(np.abs(x), axis=axis, keepdims=True, initial=0.0)


def diagonal_of(x: TensorLike) -> TensorLike:
    """The diagonals of matrices, for arrays and nodes."""
    take = ops.diagonal if isinstance(x, Node) else np.diagonal
    return take(x, axis1=-2, axis2=-1)


def is_lower(x: TensorLike) -> TensorLike:
    """Whether the entries above the diagonal are 0."""
    above = ops.triu(x, 1) if isinstance(x, Node) else np.triu(x, 1)
    return all_of(ops.eq(above, 0) if isinstance(x, Node) else above == 0, 2)


def is_symmetric(x: TensorLike) -> TensorLike:
    """Whether matrices are symmetric, to within rounding of their largest entries."""
    turned = ops.matrix_transpose(x) if isinstance(x, Node) else np.swapaxes(x, -1, -2)
    return all_of(size_of(x - turned) <= closeness(x) * largest(x, 2), 2)


def square_problem(shape: Sequence[Size]) -> str | None:
    """Why a shape is not that of square matrices; None if it is."""
    if len(shape) < 2 or shape[-1] != shape[-2]:
        return "is a square matrix: its last two axes have one size"
    return None if isinstance(shape[-1], int) else "has a size that is a number"


@dataclass(frozen=True)
class RealArray(Support):
    """Arrays of real numbers, of which the last `axes` axes are one point."""

    axes: int = 2

    @property
    def event_ndim(self) -> int:
        return self.axes

    def contains(self, x: TensorLike) -> TensorLike:
        return None

    def __str__(self) -> str:
        return "a matrix" if self.axes == 2 else f"an array of {self.axes} axes"


@dataclass(frozen=True)
class ZeroSum(Support):
    """Arrays whose sums along each of the last `axes` axes are 0, to within rounding. The density
    is one of volumes on this plane."""

    axes: int = 1

    @property
    def event_ndim(self) -> int:
        return self.axes

    def contains(self, x: TensorLike) -> TensorLike:
        room, inside = closeness(x) * largest(x, self.axes), None
        for axis in range(-self.axes, 0):
            held = size_of(total(x, axis, keepdims=True)) <= room * count_of(x.shape[axis])
            held = all_of(held, self.axes)
            inside = held if inside is None else inside & held
        return inside

    def __str__(self) -> str:
        if self.axes == 1:
            return "a vector of sum 0"
        return f"an array with sums of 0 along each of its last {self.axes} axes"


@dataclass(frozen=True)
class UnitVector(Support):
    """Vectors (last axis) of length 1, to within rounding. The density is one of areas on the
    sphere."""

    event_ndim: ClassVar[int] = 1

    def contains(self, x: TensorLike) -> TensorLike:
        return size_of(total(x * x, -1) - 1) <= closeness(x)

    def __str__(self) -> str:
        return "a vector of length 1"


@dataclass(frozen=True)
class Circular(Interval):
    """Angles from -pi to pi, of which both ends are one point."""

    low: TensorLike = -float(np.pi)
    high: TensorLike = float(np.pi)


@dataclass(frozen=True)
class L1Ball(Support):
    """Vectors (last axis) whose absolute values sum to at most 1."""

    event_ndim: ClassVar[int] = 1

    def contains(self, x: TensorLike) -> TensorLike:
        return total(size_of(x), -1) <= 1 + closeness(x)

    def __str__(self) -> str:
        return "a vector whose absolute values sum to at most 1"


@dataclass(frozen=True)
class Stochastic(Support):
    """Matrices (last two axes) whose rows, or `columns`, are non-negative with sum 1. The density
    is that of all but the last entry of each."""

    columns: bool = False
    event_ndim: ClassVar[int] = 2

    def contains(self, x: TensorLike) -> TensorLike:
        if self.columns:
            x = ops.matrix_transpose(x) if isinstance(x, Node) else np.swapaxes(x, -1, -2)
        return all_of(Simplex().contains(x), 1)

    def __str__(self) -> str:
        lines = "columns" if self.columns else "rows"
        return f"a matrix of non-negative entries whose {lines} have sum 1"


@dataclass(frozen=True)
class CholeskyCov(ScaleFactor):
    """Lower triangular matrices with a positive diagonal: Cholesky factors of covariance matrices.
    The density is that of the entries up to the diagonal."""

    def contains(self, x: TensorLike) -> TensorLike:
        return is_lower(x) & all_of(diagonal_of(x) > 0, 1)

    def problem(self, shape: Sequence[Size]) -> str | None:
        return square_problem(shape)


@dataclass(frozen=True)
class CholeskyCorr(CholeskyCov):
    """Cholesky factors of correlation matrices: their rows have length 1. The density is that of
    the entries below the diagonal."""

    def contains(self, x: TensorLike) -> TensorLike:
        return super().contains(x) & all_of(size_of(total(x * x, -1) - 1) <= closeness(x), 1)

    def __str__(self) -> str:
        return "a lower triangular matrix with a positive diagonal and rows of length 1"


@dataclass(frozen=True)
class SymmetricCovariance(Covariance):
    """Symmetric positive definite matrices as values: that they are symmetric is checked, too. The
    density is that of the entries up to the diagonal."""

    def contains(self, x: TensorLike) -> TensorLike:
        inside = super().contains(x)
        return inside & is_symmetric(x) if isinstance(x, Node) else inside

    def problem(self, shape: Sequence[Size]) -> str | None:
        return square_problem(shape)


@dataclass(frozen=True)
class Corr(SymmetricCovariance):
    """Correlation matrices. The density is that of the entries below the diagonal."""

    def contains(self, x: TensorLike) -> TensorLike:
        return super().contains(x) & all_of(size_of(diagonal_of(x) - 1) <= closeness(x), 1)

    def __str__(self) -> str:
        return "a symmetric positive definite matrix with ones on the diagonal"


ZERO_SUM = ZeroSum()
UNIT_VECTOR = UnitVector()
CIRCULAR = Circular()
L1_BALL = L1Ball()
CHOLESKY_CORR = CholeskyCorr()
CHOLESKY_COV = CholeskyCov()
CORR = Corr()
COVARIANCE_VALUE = SymmetricCovariance()


@public
def simplex() -> Support:
    """Vectors of non-negative entries with sum 1, for `constraint=` of `pt.random.flat`: a flat
    variable there has density 1 in all entries but the last.

    Returns a support.

        >>> p = pt.random.flat(shape=3, constraint=pt.simplex(), name="p")
        >>> pt.condition({pt.random.multinomial(5, p, name="y"): [1, 0, 4]}).dim
        2
    """
    return SIMPLEX


@public
def positive_ordered() -> Support:
    """Vectors of increasing positive entries, for `constraint=`: `pt.ordered(0.0)`.

    Returns a support.

        >>> c = pt.random.flat(shape=3, constraint=pt.positive_ordered(), name="c")
        >>> post = pt.condition({pt.random.normal(c, 1.0, name="y"): [1.0, 2.0, 4.0]})
        >>> post.constrain([0.0, 0.0, 0.0])["c"]
        array([1., 2., 3.])
    """
    return Ordered(0.0)


@public
def unit_vector() -> Support:
    """Vectors of length 1, for `constraint=` of `pt.random.flat`: a flat variable there has density
    1 in areas of the sphere.

    They are unconstrained vectors of one entry more, divided by their lengths, whose directions
    alone count (their lengths get the distribution of a normal vector).

    Returns a support.

        >>> v = pt.random.flat(shape=2, constraint=pt.unit_vector(), name="v")
        >>> post = pt.condition({pt.random.normal(v, 1.0, name="y"): [1.0, 2.0]})
        >>> post.constrain([3.0, 4.0])["v"]
        array([0.6, 0.8])
    """
    return UNIT_VECTOR


@public
def circular() -> Support:
    """Angles from -pi to pi, whose ends are one point, for `constraint=` of `pt.random.flat`.

    An angle is that of a point in the plane, whose distance from 0 gets the distribution of a
    normal vector, so that there is no end to get stuck at.

    Returns a support.

        >>> a = pt.random.flat(constraint=pt.circular(), name="a")
        >>> post = pt.condition({pt.random.normal(pt.sin(a), 1.0, name="y"): 0.5})
        >>> post.constrain([1.0, 0.0])["a"]
        array(0.)
    """
    return CIRCULAR


@public
def zero_sum(axes: int = 1) -> Support:
    """Arrays that sum to 0 along each of the last `axes` axes, for `constraint=` of
    `pt.random.flat`; `pt.random.zero_sum_normal` is a distribution of such arrays.

    Returns a support. Raises GraphError, a TypeError, for `axes` that are not 1, 2, ...

        >>> e = pt.random.flat(shape=3, constraint=pt.zero_sum(), name="e")
        >>> post = pt.condition({pt.random.normal(e, 1.0, name="y"): [1.0, 2.0, 4.0]})
        >>> abs(post.constrain([0.5, 2.0])["e"].sum()) < 1e-15
        np.True_
    """
    return ZeroSum(checked_axes("zero_sum", axes))


def checked_axes(what: str, axes: object) -> int:
    """A number of axes that sums are taken along."""
    if not isinstance(axes, (int, np.integer)) or isinstance(axes, bool) or axes < 1:
        raise GraphError(
            f"{what}: the number of axes must be 1, 2, ..., not {axes!r:.60}\n  at {line_text()}"
        )
    return int(axes)


@public
def l1_ball() -> Support:
    """Vectors whose absolute values sum to at most 1, for `constraint=` of `pt.random.flat`.

    Returns a support.

        >>> b = pt.random.flat(shape=2, constraint=pt.l1_ball(), name="b")
        >>> post = pt.condition({pt.random.normal(b, 1.0, name="y"): [1.0, 2.0]})
        >>> post.constrain([0.0, 0.0])["b"]
        array([0., 0.])
    """
    return L1_BALL


@public
def row_stochastic() -> Support:
    """Matrices of non-negative entries whose rows sum to 1, for `constraint=` of `pt.random.flat`.

    Returns a support.

        >>> t = pt.random.flat(shape=(2, 3), constraint=pt.row_stochastic(), name="t")
        >>> pt.condition({pt.random.multinomial(5, t, name="y"): [[1, 0, 4], [2, 2, 1]]}).dim
        4
    """
    return Stochastic()


@public
def column_stochastic() -> Support:
    """Matrices of non-negative entries whose columns sum to 1, for `constraint=` of
    `pt.random.flat`.

    Returns a support.

        >>> t = pt.random.flat(shape=(2, 3), constraint=pt.column_stochastic(), name="t")
        >>> post = pt.condition({pt.random.normal(t, 1.0, name="y"): np.ones((2, 3))})
        >>> post.constrain(np.zeros(3))["t"].sum(0)
        array([1., 1., 1.])
    """
    return Stochastic(columns=True)


@public
def corr_matrix() -> Support:
    """Correlation matrices, for `constraint=` of `pt.random.flat`, which then has density 1 in the
    entries below the diagonal, as `pt.random.lkj_corr(n, 1.0)` has up to a constant.

    Returns a support.

        >>> c = pt.random.flat(shape=(3, 3), constraint=pt.corr_matrix(), name="c")
        >>> y = pt.random.multivariate_normal(np.zeros(3), cov=c, name="y")
        >>> pt.condition({y: np.ones(3)}).dim
        3
    """
    return CORR


@public
def cov_matrix() -> Support:
    """Symmetric positive definite matrices, for `constraint=` of `pt.random.flat`, which then has
    density 1 in the entries up to the diagonal.

    Returns a support.

        >>> c = pt.random.flat(shape=(3, 3), constraint=pt.cov_matrix(), name="c")
        >>> y = pt.random.multivariate_normal(np.zeros(3), cov=c, name="y")
        >>> pt.condition({y: np.ones(3)}).dim
        6
    """
    return COVARIANCE_VALUE


@public
def cholesky_factor_corr() -> Support:
    """Cholesky factors of correlation matrices, for `constraint=` of `pt.random.flat`, which then
    has density 1 in the entries below the diagonal; see `pt.random.lkj_cholesky`.

    Returns a support.

        >>> f = pt.random.flat(shape=(3, 3), constraint=pt.cholesky_factor_corr(), name="f")
        >>> y = pt.random.multivariate_normal(np.zeros(3), f, name="y")
        >>> pt.condition({y: np.ones(3)}).dim
        3
    """
    return CHOLESKY_CORR


@public
def cholesky_factor_cov() -> Support:
    """Cholesky factors of covariance matrices, for `constraint=` of `pt.random.flat`, which then
    has density 1 in the entries up to the diagonal.

    Returns a support.

        >>> f = pt.random.flat(shape=(3, 3), constraint=pt.cholesky_factor_cov(), name="f")
        >>> y = pt.random.multivariate_normal(np.zeros(3), f, name="y")
        >>> pt.condition({y: np.ones(3)}).dim
        6
    """
    return CHOLESKY_COV
