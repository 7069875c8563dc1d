"""Linear algebra, Fourier transforms, convolutions and pads of PyTensor, translated."""

import numpy as np
import pytest

pytest.importorskip("pytensor")

import pytensor.tensor as at
import pytensor.tensor.linalg as la
from pytensor.tensor import fft as transforms
from pytensor.tensor.blockwise import Blockwise
from pytensor.tensor.fourier import fft
from pytensor.tensor.linalg.decomposition.lu import LUFactor, PivotToPermutations
from pytensor.tensor.linalg.solvers.linear_control import TRSYL
from pytensor.tensor.signal import convolve1d, convolve2d

from tests.interop.agreement import agree

rng = np.random.default_rng(5)


def spd(*shape):
    a = rng.normal(size=(*shape, shape[-1]))
    return a @ np.swapaxes(a, -1, -2) + shape[-1] * np.eye(shape[-1])


def products():
    a, b, v = at.matrix("a"), at.tensor3("b"), at.vector("v")
    c, w = at.tensor3("c"), at.tensor("w", dtype="float64", shape=(3, None))
    values = {
        a: rng.normal(size=(3, 4)), b: rng.normal(size=(2, 4, 3)), v: rng.normal(size=4),
        c: rng.normal(size=(2, 3, 5)), w: rng.normal(size=(3, 2)),
    }  # fmt: skip
    cases = {
        "dot": [a @ a.T, a @ v, at.dot(v, v), at.dot(v, a.T), b @ a, b @ v[:3], a @ b, b @ c],
        "columns": [a @ v[:, None], v[None] @ a.T, v[:, None] @ v[None]],
        "empty": a[:0] @ a.T,
        "outer": at.outer(v, v), "tensordot": at.tensordot(b, c, axes=[[0, 2], [0, 1]]),
        "einsum": [at.einsum("ij,kj->ik", a, a), at.einsum("bij,bjk->ik", b, c),
                   at.einsum("ii", a[:, :3]), at.einsum("...i,i->...", a, v)],
        "kron": [la.kron(a, a[:2]), la.block_diag(a, w)], "matvec": at.matvec(b, v[:3]),
        "vecmat": at.vecmat(v, b), "trace": at.trace(a),
    }  # fmt: skip
    return cases, values


def solutions():
    s, b, v = at.tensor3("s"), at.tensor3("b"), at.matrix("v")
    g = at.tensor3("g")
    values = {
        s: spd(2, 4), g: rng.normal(size=(2, 4, 4)) + 4 * np.eye(4), b: rng.normal(size=(2, 4, 3)),
        v: rng.normal(size=(2, 4)),
    }  # fmt: skip
    lower, one = la.cholesky(s), s[0]
    three = at.triu(at.tril(g, 1), -1)
    cases = {
        f"solve {kind}": [la.solve(x, b, assume_a=kind, b_ndim=2),
                          la.solve(x[0], v[0], assume_a=kind, b_ndim=1)]
        for kind, x in {"gen": g, "sym": s, "her": s, "pos": s, "tridiagonal": three,
                        "diagonal": at.eye(4) * s}.items()
    }  # fmt: skip
    cases |= {
        "solve by lower": la.solve(s, b, assume_a="pos", lower=True, b_ndim=2),
        "transposed": la.solve(g, b, transposed=True, b_ndim=2),
        "triangular": [la.solve_triangular(lower, b, lower=True, b_ndim=2),
                       la.solve_triangular(lower.mT, v, lower=False, b_ndim=1),
                       la.solve_triangular(lower, b, lower=True, trans=1, b_ndim=2),
                       la.solve_triangular(lower, b, lower=True, unit_diagonal=True, b_ndim=2)],
        "cho_solve": [la.cho_solve((lower, True), b, b_ndim=2),
                      la.cho_solve((lower[0].T, False), v[0], b_ndim=1)],
        "lu_solve": la.lu_solve(la.lu_factor(g), b, b_ndim=2),
        "tridiagonal": la.tridiagonal_lu_solve(la.tridiagonal_lu_factor(three[0]), v[0], b_ndim=1),
        "lstsq": la.lstsq(b[0], v[0], -1.0)[0],
        "tensorsolve": la.tensorsolve(g[0].reshape((2, 2, 2, 2)),
                                      at.specify_shape(b[0, :2, :2], (2, 2))),
        "sylvester": [la.solve_sylvester(one, g[0], s[1]), la.solve_sylvester(s, g, s)],
        "trsyl": TRSYL()(at.triu(one), at.triu(g[0]), s[1]),
        "lyapunov": [la.solve_discrete_lyapunov(g[0] / 20, one),
                     la.solve_discrete_lyapunov(g[0] / 20, one, method="bilinear"),
                     la.solve_continuous_lyapunov(-g[0], one)],
        "riccati": la.solve_discrete_are(g[0] / 8, b[0], one, s[1, :3, :3]),
    }  # fmt: skip
    return cases, values


def factors():
    s, g, r = at.tensor3("s"), at.tensor3("g"), at.matrix("r")
    values = {s: spd(2, 3), g: rng.normal(size=(2, 3, 3)), r: rng.normal(size=(4, 2))}
    one, other = g[0], s[1]
    u, d, vt = la.svd(r, full_matrices=False)
    vectors = la.eigh(s)[1]
    pair = la.eigh(one + one.T, other)
    w, v = la.eig(one)
    schur = la.schur(one)
    aa, bb, q, z = la.qz(one, other)
    found = {
        "cholesky": [la.cholesky(s), la.cholesky(other, lower=False), la.cholesky(s[:, :0, :0])],
        "not positive definite": la.cholesky(-s),
        "lu": [*la.lu(g), *la.lu(one, permute_l=True), *la.lu(one, p_indices=True)],
        "lu_factor": Blockwise(LUFactor())(g),
        "pivots": [PivotToPermutations(inverse=True)([1, 2, 2]),
                   PivotToPermutations(inverse=False)([1, 2, 2])],
        "qr": [*la.qr(r), *la.qr(r, mode="full"), la.qr(r, mode="r"), *la.qr(r.T, mode="raw"),
               *la.qr(r, mode="raw"), *la.qr(r, pivoting=True), la.qr(r.T, mode="r")],
        "svd": [d, (u * d) @ vt, la.svd(g, compute_uv=False), abs(la.svd(r)[0])],
        "eigh": [la.eigh(s)[0], vectors @ (la.eigh(s)[0][..., None] * vectors.mT), pair[0],
                 abs(pair[1]), la.eigvalsh(s, None), la.eigvalsh(one, other, lower=False)],
        "eig": [at.sort(at.real(w)), at.real((v * w) @ la.inv(v))],
        "schur": [schur[1] @ schur[0] @ schur[1].T, *la.schur(other, sort="rhp")],
        "qz": [q @ aa @ z.T, q @ bb @ z.T, *la.qz(one, other, return_eigenvalues=True)[2:4],
               *la.qz(one, other, sort="lhp", return_eigenvalues=True)[2:4]],
        "inverses": [la.inv(g), la.pinv(r), la.tensorinv(one.reshape((1, 3, 3)).transpose(1, 0, 2),
                     ind=2), la.pinv(s, hermitian=True)],
        "determinants": [la.det(g), *la.slogdet(g), la.det(s[0, :1, :1])], "expm": la.expm(g),
        "power": [la.matrix_power(one, 3), la.matrix_power(one, -1)],
    }  # fmt: skip
    return found, values


def signals():
    x, k, y = at.matrix("x"), at.vector("k"), at.tensor3("y")
    n, z = at.lscalar("n"), at.matrix("z")
    values = {
        x: rng.normal(size=(3, 7)), k: rng.normal(size=3), y: rng.normal(size=(2, 4, 5)),
        n: np.array(6), z: rng.normal(size=(2, 3)),
    }  # fmt: skip
    modes = ("full", "valid", "same")
    cases = {f"convolve {mode}": [convolve1d(x, k, mode), convolve1d(x[0], k, mode),
                                  convolve2d(x, z, mode), convolve2d(y, z, mode)]
             for mode in modes}  # fmt: skip
    cases |= {
        "smaller by larger": convolve1d(k, x[0], "valid"),
        "wrapped": convolve2d(x, z, "same", "wrap"),
        "rfft": [transforms.rfft(x), transforms.rfft(y, norm="ortho")],
        "irfft": [transforms.irfft(transforms.rfft(x), is_odd=True),
                  transforms.irfft(transforms.rfft(y), is_odd=True)],
        "fourier": [fft(x, n, 1), fft(x, 8, 0)],
    }  # fmt: skip
    widths = ((1, 2), (0, 3))
    for mode in ("edge", "wrap", "symmetric", "reflect", "maximum", "minimum", "mean"):
        cases[f"pad {mode}"] = at.pad(x, widths, mode=mode)
    cases |= {
        "pad": [at.pad(x, 2), at.pad(x, widths, constant_values=1.5), at.pad(k, at.stack([n, 1])),
                at.pad(x, at.stack([n, 0]), mode="edge"),
                at.pad(x, widths, mode="linear_ramp", end_values=2.0),
                at.pad(x, widths, mode="mean", stat_length=2)],
    }  # fmt: skip
    return cases, values


ALL = [products, solutions, factors, signals]


@pytest.mark.parametrize("made", ALL, ids=lambda f: f.__name__)
def test_results_are_those_of_pytensor(made):
    agree(*made(), rtol=1e-9)
