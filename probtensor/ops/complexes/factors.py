"""Factors, determinants, eigenvalues and singular values of complex matrices, by LAPACK.

Each op takes the real and the imaginary part of a matrix, and gives each complex result as its two
parts. Derivatives are those of the real ops with adjoints in the place of transposes: a cotangent
is x + iy for the slopes x and y by the parts of what it belongs to, of which the sum of products
with the parts of a change is the real part of the sum of conj(cotangent) times the change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np

from cython_ext.convert import paired as as_complex
from probtensor import ops
from probtensor.graph.node import Node
from probtensor.graph.parts import parts
from probtensor.ops.complexes.arithmetic import paired
from probtensor.ops.complexes.pair import pair
from probtensor.ops.kinds import Core, op
from probtensor.ops.linalg import eigen, factors, orthogonal, singular
from probtensor.ops.linalg.products import adjoint
from probtensor.ops.samples import Sample
from probtensor.types import size_max, size_min


def _given(make: Callable[..., np.ndarray], *shape: int, smooth: bool = True) -> Sample:
    """Complex matrices, as their parts."""

    def drawn(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        found = make(rng, *shape)
        return np.real(found).copy(), np.imag(found).copy()

    return Sample(drawn, smooth=smooth)


def _normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


def _strong(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Well conditioned square matrices."""
    return _normal(rng, *shape) + 4 * np.eye(shape[-1])


def _separated(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Matrices with well separated singular values, about 1, 2, ..., k."""
    u, _, vh = np.linalg.svd(_normal(rng, *shape), full_matrices=False)
    s = np.arange(min(shape[-2:]), 0, -1) + rng.uniform(-0.2, 0.2, u.shape[-1])
    return (u * s) @ vh


def _spread(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Matrices with well separated eigenvalues."""
    n = shape[-1]
    v = np.eye(n) + 0.3 * _normal(rng, *shape)
    return v @ np.diag(np.arange(n) * (1 + 0.5j) + 1) @ np.linalg.inv(v)


def _hermitian(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Hermitian matrices with well separated eigenvalues."""
    q = np.linalg.qr(_normal(rng, *shape))[0]
    values = np.arange(1, shape[-1] + 1) + rng.uniform(-0.2, 0.2, shape[:-1])
    return (q * values[..., None, :]) @ np.conj(np.swapaxes(q, -1, -2))


def _unknown(rng: np.random.Generator, m: int, n: int) -> np.ndarray:
    """A known matrix and two that are not finite, one of them in its imaginary part."""
    whole = np.stack([np.eye(m, n) * (2 - 1j), np.zeros((m, n)), np.full((m, n), np.nan)])
    whole[1, m - 1, 0] = complex(0, np.inf)
    return whole


class _OfParts(Core):
    """A routine on a matrix in two parts.

    results       a letter for each result: c for a complex one, of two outputs, r for one that is
                  real, n for one without a derivative
    of_item       (matrix) -> the results for one matrix that is finite
    cotangent_of  (cotangents, results, matrix) -> the cotangent of the matrix
    """

    needs = (*Core.needs, "results", "of_item", "cotangent_of")
    results: ClassVar[str]
    rounding = 30.0

    def of(self, z: Node, what: str | None = None) -> tuple[Node, ...]:
        """The results for a complex or real matrix, complex ones as complex tensors."""
        both = z.inputs if z.is_complex else (z, ops.zeros_like(z))
        return self._joined(parts(self.apply(*both, what=what)))

    def _joined(self, given: Sequence[Node | None]) -> tuple[Node | None, ...]:
        rest, found = iter(given), []
        for letter in self.results:
            found.append(next(rest) if letter != "c" else _paired(next(rest), next(rest)))
        return tuple(found)

    def numpy(self, re, im):
        names = self.signature()
        sizes = dict(zip(names[0][0], re.shape[-2:]))
        sizes |= self.derived_sizes(sizes)
        batch = re.shape[:-2]
        gives = self._dtypes()[1]
        outs = [
            np.full((*batch, *(sizes[n] for n in axes)), np.nan if dtype == "float64" else 0, dtype)
            for axes, dtype in zip(names[1], gives)
        ]
        for item in np.ndindex(batch):
            z = as_complex(np.stack([re[item], im[item]], -1))
            if np.isfinite(self.read(z)).all():
                for out, value in zip(outs, self._apart(self.of_item(z)), strict=True):
                    out[item] = value
        return tuple(outs) if len(outs) > 1 else outs[0]

    def _apart(self, values: Sequence[np.ndarray]) -> list[np.ndarray]:
        found = []
        for letter, value in zip(self.results, values, strict=True):
            found += [np.real(value), np.imag(value)] if letter == "c" else [value]
        return found

    def read(self, z: np.ndarray) -> np.ndarray:
        """The elements of a matrix that count."""
        return z

    def vjp(self, g, out, re, im):
        many = isinstance(out, tuple)
        g, out = (self._joined(x if many else (x,)) for x in (g, out))
        return self.cotangent_of(g, out, paired(re, im)).inputs


def _paired(re: Node | None, im: Node | None) -> Node | None:
    """The complex tensor of parts of which one may be None, that is zeros."""
    if re is None and im is None:
        return None
    re = ops.zeros_like(im) if re is None else re
    return pair(re, ops.zeros_like(re) if im is None else im)


SQUARES = (_given(_strong, 3, 3), _given(_strong, 2, 4, 4), _given(_unknown, 2, 2, smooth=False))


class _OfSquare(_OfParts):
    samples = SQUARES

    def workspace(self, sizes):
        n = sizes["n"]
        return 2 * n * n + n


@op
class ComplexLU(_OfSquare):
    """L and U of a complex matrix in one matrix, pivots and rows, as LU has them."""

    name = "complex_lu"
    core, routine = "(n,n),(n,n)->(n,n),(n,n),(n),(n)", "pt_zlu"
    gives = ("float64", "float64", "int64", "int64")
    results = "cnn"

    def of_item(self, z):
        from scipy.linalg import lu_factor

        factor, pivots = lu_factor(z, check_finite=False)
        rows = np.arange(len(pivots))
        for k in reversed(range(len(pivots))):
            rows[[k, pivots[k]]] = rows[[pivots[k], k]]
        return factor, pivots, rows

    def cotangent_of(self, g, out, z):
        return factors.LU().vjp(g, out, z)[0]


def _quiet(function: Callable[..., object]) -> Callable[..., object]:
    """A function without warnings for what is singular."""

    def quiet(*args: object) -> object:
        with np.errstate(all="ignore"):
            return function(*args)

    return quiet


@op
class ComplexDet(_OfSquare):
    """The determinant of a complex matrix, by its LU factor."""

    name = "complex_det"
    core, routine = "(n,n),(n,n)->(),()", "pt_zdet"
    results = "c"

    def of_item(self, z):
        return (_quiet(np.linalg.det)(z),)

    def cotangent_of(self, g, out, z):
        """Jacobi's formula: the cofactors, also where the matrix is singular. Magnus and Neudecker
        (2019), "Matrix Differential Calculus", 8.3."""
        return ops.expand_dims(g[0], (-2, -1)) * adjoint(ComplexAdjugate().of(z)[0])


@op
class ComplexAdjugate(_OfSquare):
    """The transposed matrix of the cofactors of a complex matrix, which is det(a) * inv(a) where
    that exists; all nan where a is not finite. Its derivative is nan where a is singular."""

    name = "complex_adjugate"
    core, routine = "(n,n),(n,n)->(n,n),(n,n)", "pt_zadjugate"
    results = "c"
    samples = (
        *SQUARES,
        Sample(
            lambda rng: (
                np.stack([np.arange(9.0).reshape(3, 3), np.ones((3, 3)), np.diag([0.0, 2, 3])]),
                np.stack([np.arange(9.0).reshape(3, 3)[::-1], np.ones((3, 3)), np.diag([0, 1.0, 2])]
                         ),
            ),
            smooth=False,
        ),
    )  # fmt: skip

    def workspace(self, sizes):
        n = sizes["n"]
        return 4 * n * n + 65 * n

    def of_item(self, z):
        found = np.empty_like(z)
        for i, j in np.ndindex(z.shape):
            minor = np.delete(np.delete(z, j, 0), i, 1)
            found[i, j] = (-1) ** (i + j) * _quiet(np.linalg.det)(minor)
        return (found,)

    def cotangent_of(self, g, out, z):
        inverse, turned = adjoint(ops.inv(z)), adjoint(out[0])
        weight = ops.sum(g[0] * ops.matrix_transpose(inverse), (-2, -1), keepdims=True)
        return weight * turned - turned @ g[0] @ inverse


@op
class ComplexSlogdet(_OfSquare):
    """The determinant of a complex matrix over its absolute value, and the logarithm of that."""

    name = "complex_slogdet"
    core, routine = "(n,n),(n,n)->(),(),()", "pt_zslogdet"
    results = "cr"

    def of_item(self, z):
        return _quiet(np.linalg.slogdet)(z)

    def cotangent_of(self, g, out, z):
        """By the adjoint of the inverse: the logarithm has its real part, and the angle of the sign
        its imaginary part. Magnus and Neudecker (2019), 8.4."""
        (g_sign, g_log), sign = g, out[0]
        weight = ops.zeros_like(out[1]) if g_log is None else g_log
        turn = ops.zeros_like(weight) if g_sign is None else ops.imag(ops.conj(sign) * g_sign)
        return ops.expand_dims(ops.complex(weight, turn), (-2, -1)) * adjoint(ops.inv(z))


@op
class ComplexEigh(_OfParts):
    """Ascending eigenvalues and eigenvectors (columns) of a Hermitian matrix, of which the lower
    triangle is read; all nan where that is not finite. The derivative of the vectors is that for
    which none of them changes along itself, as for any choice of phases."""

    name = "complex_eigh"
    mirrored = True
    core, routine = "(n,n),(n,n)->(n),(n,n),(n,n)", "pt_zeigh"
    results = "rc"
    samples = (
        _given(_hermitian, 4, 4, smooth=False), _given(_hermitian, 2, 3, 3, smooth=False),
        _given(_unknown, 2, 2, smooth=False),
    )  # fmt: skip

    def workspace(self, sizes):
        n = sizes["n"]
        return 6 * n * n + 78 * n + 6

    def read(self, z):
        return np.tril(z, -1) + np.diag(np.diag(z).real)

    def of_item(self, z):
        return np.linalg.eigh(z)

    def cotangent_of(self, g, out, z):
        return factors.Eigh().vjp(g, out, z)[0]


@op
class ComplexEigvalsh(_OfParts):
    """The eigenvalues of ComplexEigh."""

    name = "complex_eigvalsh"
    mirrored = True
    core, routine = "(n,n),(n,n)->(n)", "pt_zeigvalsh"
    results = "r"
    samples = ComplexEigh.samples

    def workspace(self, sizes):
        n = sizes["n"]
        return 2 * n * n + 70 * n + 4

    def read(self, z):
        return ComplexEigh().read(z)

    def of_item(self, z):
        return (np.linalg.eigvalsh(z),)

    def cotangent_of(self, g, out, z):
        vectors = ComplexEigh().of(z)[1]
        return (vectors * ops.expand_dims(g[0], -2)) @ adjoint(vectors)


@op
class ComplexEig(_OfParts):
    """Eigenvalues of a complex matrix and its eigenvectors in columns, as Eig has them: of length 1
    and with a largest component that is real."""

    name = "complex_eig"
    core, routine = "(n,n),(n,n)->(n),(n),(n,n),(n,n)", "pt_zeig"
    results = "cc"
    rounding = 100.0
    samples = (
        _given(_spread, 3, 3), _given(_spread, 2, 4, 4), _given(_unknown, 1, 1, smooth=False),
    )  # fmt: skip

    def workspace(self, sizes):
        n = sizes["n"]
        return 4 * n * n + 72 * n

    def of_item(self, z):
        return np.linalg.eig(z)

    def cotangent_of(self, g, out, z):
        return eigen.eig_cotangent(*g, *out)


@op
class ComplexEigvals(_OfParts):
    """The eigenvalues of ComplexEig."""

    name = "complex_eigvals"
    core, routine = "(n,n),(n,n)->(n),(n)", "pt_zeigvals"
    results = "c"
    rounding = 100.0
    samples = ComplexEig.samples

    def workspace(self, sizes):
        n = sizes["n"]
        return 2 * n * n + 72 * n

    def of_item(self, z):
        return (np.linalg.eigvals(z),)

    def cotangent_of(self, g, out, z):
        return eigen.eig_cotangent(g[0], None, *ComplexEig().of(z))


class _OfSingular(_OfParts):
    """A factorisation by zgesdd of items of shape (m, n), with k = min(m, n)."""

    vectors: ClassVar[str] = "none"  # of these "none", "thin" or "full"
    samples = (
        _given(_separated, 4, 3, smooth=False), _given(_separated, 2, 2, 3, smooth=False),
        _given(_separated, 3, 3, smooth=False), _given(_unknown, 3, 2, smooth=False),
    )  # fmt: skip

    def derived_sizes(self, sizes):
        return {"k": size_min(sizes["m"], sizes["n"])}

    def workspace(self, sizes):
        m, n = sizes["m"], sizes["n"]
        most, least = size_max(m, n), size_min(m, n)
        blocks = least * least + 3 * least + most + 64 * (most + least)
        if self.vectors == "none":
            return 2 * m * n + 2 * blocks + 11 * least
        kept = m * m + n * n if self.vectors == "full" else least * (m + n)
        reals = 5 * least * least + 2 * most * least + 6 * least
        return 2 * m * n + 2 * kept + 2 * blocks + reals + 4 * least


@op
class ComplexSVD(_OfSingular):
    """u, s and vh with u @ diag(s) @ vh == a, as SVD has them. The derivative is right for what
    does not depend on the phases of the vectors, which are not specified: those of vh are held."""

    name = "complex_svd"
    core, routine = "(m,n),(m,n)->(m,k),(m,k),(k),(k,n),(k,n)", "pt_zsvd"
    results, vectors = "crc", "thin"

    def of_item(self, z):
        return np.linalg.svd(z, full_matrices=False)

    def cotangent_of(self, g, out, z):
        return singular.SVD().vjp(g, out, z)[0]


@op
class ComplexFullSVD(_OfSingular):
    """As ComplexSVD, with square u and vh; see FullSVD."""

    name = "complex_full_svd"
    core, routine = "(m,n),(m,n)->(m,m),(m,m),(k),(n,n),(n,n)", "pt_zsvd_full"
    results, vectors = "crc", "full"

    def of_item(self, z):
        return np.linalg.svd(z)

    def cotangent_of(self, g, out, z):
        return singular.FullSVD().vjp(g, out, z)[0]


@op
class ComplexSingularValues(_OfSingular):
    """The singular values of a complex matrix, descending; all nan where it is not finite."""

    name = "complex_singular_values"
    core, routine = "(m,n),(m,n)->(k)", "pt_zsvdvals"
    results = "r"
    samples = (
        _given(_separated, 4, 3), _given(_separated, 2, 2, 3), _given(_unknown, 3, 2, smooth=False),
    )  # fmt: skip

    def of_item(self, z):
        return (np.linalg.svd(z, compute_uv=False),)

    def cotangent_of(self, g, out, z):
        u, _, vh = ComplexSVD().of(z)
        return (u * ops.expand_dims(g[0], -2)) @ vh


class _OfQR(_OfParts):
    results = "cc"
    rounding = 10.0

    def derived_sizes(self, sizes):
        return {"k": size_min(sizes["m"], sizes["n"])}

    def workspace(self, sizes):
        m, n = sizes["m"], sizes["n"]
        most = size_max(m, n)
        return 2 * m * most + 2 * size_min(m, n) + 64 * most


@op
class ComplexQR(_OfQR):
    """q and r with q @ r == a, as QR has them; the diagonal of r is real."""

    name = "complex_qr"
    core, routine = "(m,n),(m,n)->(m,k),(m,k),(k,n),(k,n)", "pt_zqr"
    samples = (
        _given(_normal, 4, 3), _given(_normal, 2, 3, 4), _given(_normal, 3, 3),
        _given(_unknown, 3, 2, smooth=False),
    )  # fmt: skip

    def of_item(self, z):
        return np.linalg.qr(z)

    def cotangent_of(self, g, out, z):
        return factors.QR().vjp(g, out, z)[0]


@op
class ComplexFullQR(_OfQR):
    """As ComplexQR, with square q and the rows of zeros of r; see FullQR."""

    name = "complex_full_qr"
    core, routine = "(m,n),(m,n)->(m,m),(m,m),(m,n),(m,n)", "pt_zqr_full"
    samples = (
        _given(_normal, 4, 3, smooth=False), _given(_normal, 2, 2, 3), _given(_normal, 3, 3),
        _given(_unknown, 3, 2, smooth=False),
    )  # fmt: skip

    def of_item(self, z):
        return np.linalg.qr(z, "complete")

    def cotangent_of(self, g, out, z):
        return orthogonal.FullQR().vjp(g, out, z)[0]


@op
class ComplexQROrder(_OfParts):
    """The order in which QR with pivots takes the columns of a complex matrix, as QROrder."""

    name = "complex_qr_order"
    core, routine = "(m,n),(m,n)->(n)", "pt_zqr_order"
    gives = ("int64",)
    needs, results = Core.needs, "n"
    differentiable = False
    samples = tuple(Sample(sample.make, smooth=False) for sample in ComplexQR.samples)

    def workspace(self, sizes):
        m, n = sizes["m"], sizes["n"]
        return 2 * m * n + 2 * size_min(m, n) + 71 * n + 64

    def numpy(self, re, im):
        from scipy.linalg import qr

        out = np.empty((*re.shape[:-2], re.shape[-1]), "int64")
        out[...] = np.arange(re.shape[-1])
        for item in np.ndindex(re.shape[:-2]):
            z = as_complex(np.stack([re[item], im[item]], -1))
            if np.isfinite(z).all() and z.size:
                out[item] = qr(z, mode="r", pivoting=True)[1]
        return out
