"""Linear algebra of complex matrices: values of NumPy and SciPy, gradients by differences."""

import numpy as np
import pytest
import scipy.linalg

import probtensor as pt

RNG = np.random.default_rng(7)
N, L = np.linalg, scipy.linalg


def normal(*shape):
    return RNG.normal(size=shape) + 1j * RNG.normal(size=shape)


A, B, TALL, WIDE, MANY, V = (
    normal(3, 3), normal(3, 2), normal(4, 3), normal(2, 3), normal(2, 3, 3), normal(3)
)  # fmt: skip
POS = A @ A.conj().T + np.eye(3)
HER = A + A.conj().T
LOW = np.tril(A) + 2j * np.eye(3)


def values(*outputs, target="machine"):
    """What constant tensors are."""
    return pt.function([], list(outputs), target=target)()


def same(cases, rtol=1e-11):
    """Each case is (our tensor, NumPy's value)."""
    for k, (got, (_, meant)) in enumerate(zip(values(*(y for y, _ in cases)), cases)):
        meant = np.asarray(meant)
        assert got.dtype == meant.dtype and got.shape == meant.shape, (k, got, meant)
        np.testing.assert_allclose(got, meant, rtol=rtol, atol=1e-12, err_msg=str(k))


def const(x):
    """An array that only a call knows."""
    return pt.shared(x)


Z, W, T, H, M, P, U, D = map(const, (A, B, TALL, HER, MANY, POS, V, LOW))


def test_determinants_factors_and_systems():
    p, low, up = L.lu(A)
    rows, pl = L.lu(A, p_indices=True)[0], L.lu(A, permute_l=True)[0]
    ours = pt.linalg.lu(Z)
    piv = pt.linalg.lu_factor(Z)
    chol = L.cho_factor(POS)
    sign, log = N.slogdet(MANY)
    same([
        (pt.linalg.det(Z), N.det(A)), (pt.linalg.det(M), N.det(MANY)),
        (pt.linalg.slogdet(M).sign, sign), (pt.linalg.slogdet(M).logabsdet, log),
        (ours[0], p.real), (ours[1], low), (ours[2], up),
        (pt.linalg.lu(Z, p_indices=True)[0], rows.astype("int64")),
        (pt.linalg.lu(Z, permute_l=True)[0], pl),
        (piv[0], L.lu_factor(A)[0]), (piv[1], L.lu_factor(A)[1].astype("int64")),
        *((pt.linalg.lu_solve(piv, W, t), L.lu_solve(L.lu_factor(A), B, t)) for t in (0, 1, 2)),
        *((pt.linalg.solve_triangular(D, x, t, lower=True), L.solve_triangular(LOW, b, t, True))
          for t in (0, 1, 2) for x, b in ((W, B), (U, V))),
        (pt.linalg.solve_triangular(D.real, U), L.solve_triangular(LOW.real, V)),
        (pt.linalg.solve_triangular(M, W), np.stack([L.solve_triangular(x, B) for x in MANY])),
        (pt.linalg.solve_triangular(D, U, unit_diagonal=True),
         L.solve_triangular(LOW, V, unit_diagonal=True)),
        (pt.linalg.cho_solve(pt.linalg.cho_factor(P), U), L.cho_solve(chol, V)),
        (pt.linalg.solve(P, U, assume_a="pos"), N.solve(POS, V)),
        (pt.linalg.solve(H, U, assume_a="her"), N.solve(HER, V)),
        (pt.linalg.solve(Z, U, assume_a="sym"), L.solve(A, V, assume_a="sym")),
        (pt.linalg.solve(Z, U, assume_a="sym", lower=True),
         L.solve(A, V, assume_a="sym", lower=True)),
        (pt.linalg.solve(D, U, assume_a="lower triangular", transposed=True), N.solve(LOW.T, V)),
        (pt.linalg.solve(Z, U, assume_a="diagonal"), V / np.diag(A)),
        (pt.linalg.inv(M), N.inv(MANY)), (pt.linalg.matrix_power(Z, 5), N.matrix_power(A, 5)),
        (pt.linalg.matrix_power(Z, -2), N.matrix_power(A, -2)), (pt.linalg.expm(M), L.expm(MANY)),
        (pt.linalg.expm(20 * Z), L.expm(20 * A)), (pt.kron(Z, W), np.kron(A, B)),
        (pt.einsum("bij,jk,bkl->il", M, Z, M), np.einsum("bij,jk,bkl->il", MANY, A, MANY)),
    ])  # fmt: skip


def test_eigenvalues_and_singular_values():
    w, v = N.eig(A)
    u, s, vh = N.svd(TALL, full_matrices=False)
    q, r = N.qr(TALL)
    pivoted = L.qr(TALL, pivoting=True, mode="economic")
    full = pt.linalg.svd(T)
    x, residuals, rank, singular = N.lstsq(TALL, TALL @ B + 1j, rcond=None)
    fit = pt.linalg.lstsq(T, const(TALL @ B + 1j))
    same([
        (pt.linalg.eig(Z).eigenvalues, w), (pt.linalg.eig(Z).eigenvectors, v),
        (pt.linalg.eigvals(M), N.eigvals(MANY)), (pt.linalg.eigvalsh(H), N.eigvalsh(HER)),
        (pt.linalg.eigvalsh(Z, "U"), N.eigvalsh(A, "U")), (pt.linalg.svdvals(M), N.svdvals(MANY)),
        (pt.linalg.eigvalsh(H, b=P), L.eigvalsh(HER, POS)),
        (pt.linalg.eigvalsh(H, b=P, type=2), L.eigvalsh(HER, POS, type=2)),
        (pt.linalg.svd(T, compute_uv=False), s), (pt.linalg.svd(T, False)[0], u),
        (pt.linalg.svd(T, False)[2], vh), (full[0], N.svd(TALL)[0]), (full[2], N.svd(TALL)[2]),
        (pt.linalg.qr(T)[0], q), (pt.linalg.qr(T, mode="r"), r),
        (pt.linalg.qr(const(WIDE))[1], N.qr(WIDE)[1]),
        *zip(pt.linalg.qr(T, mode="complete"), N.qr(TALL, "complete")),
        *zip(pt.linalg.qr(T, pivoting=True), (*pivoted[:2], pivoted[2].astype("int64"))),
        (pt.linalg.pinv(T), N.pinv(TALL)), (pt.linalg.pinv(const(WIDE)), N.pinv(WIDE)),
        (pt.linalg.pinv(H, hermitian=True), N.pinv(HER, hermitian=True)),
        (pt.linalg.pinv(const(np.outer(V, V))), N.pinv(np.outer(V, V), 1e-12)),
        (fit.x, x), (fit.residuals, residuals), (fit.rank, np.int64(rank)), (fit.s, singular),
        (pt.linalg.matrix_rank(const(np.outer(V, V))), np.int64(1)),
        (pt.linalg.cond(Z), N.cond(A)), (pt.linalg.cond(Z, 1), N.cond(A, 1)),
        (pt.linalg.norm(M, "nuc", (1, 2)), N.norm(MANY, "nuc", (1, 2))),
    ], rtol=1e-10)  # fmt: skip


def test_vectors_solve_their_equations():
    w, v = pt.linalg.eigh(H)
    g, x = pt.linalg.eigh(H, b=P)
    u, s, vh = pt.linalg.svd(M)
    upper = pt.linalg.eigh(H, "U").eigenvectors
    w, v, g, x, u, s, vh, upper = values(w, v, g, x, u, s, vh, upper)
    np.testing.assert_allclose(HER @ v, v * w, atol=1e-13)
    np.testing.assert_allclose(v.conj().T @ v, np.eye(3), atol=1e-13)
    np.testing.assert_allclose(HER @ upper, upper * w, atol=1e-13)
    np.testing.assert_allclose(HER @ x, POS @ x * g, atol=1e-12)
    np.testing.assert_allclose(x.conj().T @ POS @ x, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(u * s[:, None] @ vh, MANY, atol=1e-13)


def test_what_is_not_finite_or_singular_is_nan_by_itself():
    given = MANY.copy()
    given[1, 2, 0] = complex(0, np.inf)
    bad = const(given)
    found = values(
        pt.linalg.det(bad), *pt.linalg.slogdet(bad), *pt.linalg.eigh(bad), *pt.linalg.eig(bad),
        *pt.linalg.svd(bad), *pt.linalg.qr(bad), *pt.linalg.lu(bad)[1:2], pt.linalg.expm(bad),
        pt.linalg.pinv(bad), pt.linalg.eigvalsh(bad), pt.linalg.svdvals(bad),
    )  # fmt: skip
    for k, x in enumerate(found):
        assert np.isfinite(x[0]).all() and np.isnan(x[1]).any(), k
    flat = const(np.stack([np.outer(V, V), np.zeros((3, 3))]))
    det, sign, log, inverse, factor = values(
        pt.linalg.det(flat[1]), *pt.linalg.slogdet(flat[1]), pt.linalg.inv(flat[1]),
        pt.linalg.cholesky(-P),
    )  # fmt: skip
    assert det == 0 and sign == 0 and log == -np.inf
    assert np.isnan(inverse).all() and np.isnan(factor).all()


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0), (2, 0, 0)])
def test_matrices_without_elements(shape):
    z = const(np.zeros(shape, complex))
    outputs = [*pt.linalg.svd(z), *pt.linalg.qr(z)]
    meant = [*N.svd(np.zeros(shape, complex)), *N.qr(np.zeros(shape, complex))]
    if shape[-1] == shape[-2]:
        outputs += [pt.linalg.det(z), pt.linalg.eigvals(z), pt.linalg.eigvalsh(z), pt.linalg.inv(z)]
        meant += [f(np.zeros(shape, complex)) for f in (N.det, N.eigvals, N.eigvalsh, N.inv)]
    for got, expected in zip(values(*outputs), meant):
        np.testing.assert_array_equal(got, expected)


def slopes(cost, z, step=1e-6):
    """du/dx - i du/dy by central differences, of a cost by each element."""
    found = np.zeros(z.shape, complex)
    for k in np.ndindex(z.shape):
        for unit, place in ((1, 1), (1j, -1j)):
            moved = np.zeros_like(z)
            moved[k] = unit * step
            found[k] += place * (cost(z + moved) - cost(z - moved)) / (2 * step)
    return found


R = normal(3, 3)
PROJECTED = np.diag([1.0, 2.0, -1.0])


def _both(build):
    """A cost of complex matrices, in our functions and in NumPy's."""
    return lambda z: build(pt.linalg, pt, z), lambda z: build(N, np, z)


COSTS = {
    "det": _both(lambda n, p, z: p.imag(n.det(z) * (1 + 2j))),
    "slogdet": _both(lambda n, p, z: n.slogdet(z)[1] + p.real(n.slogdet(z)[0] * 2j)),
    "eigh": _both(lambda n, p, z: p.real(p.sum(_spectral(n, p, z) * R))),
    "eigh of a triangle": _both(lambda n, p, z: p.real(p.sum(_spectral(n, p, z, True) * R))),
    "eigvalsh of a triangle": _both(lambda n, p, z: p.sum(n.eigvalsh(z) ** 3)),
    "eigvals": _both(lambda n, p, z: p.sum(p.abs(n.eigvals(z)) ** 3)),
    "eig": _both(lambda n, p, z: p.real(p.sum(p.abs(n.eig(z)[1]) ** 3 * p.abs(n.eig(z)[0])))),
    "eig phases": _both(lambda n, p, z: p.imag(p.sum(n.eig(z)[1] * R))),
    "svd": _both(lambda n, p, z: p.real(p.sum(_polar(p, n.svd(z)) * R))),
    "svdvals": _both(lambda n, p, z: p.sum(n.svd(z)[1] ** 3)),
    "qr": _both(lambda n, p, z: p.real(p.sum(n.qr(z)[0] * R) + p.sum(n.qr(z)[1] * (R - 1j)))),
    "pinv": _both(lambda n, p, z: p.real(p.sum(n.pinv(z[:, :2])[0] * R[0]))),
    "matrix_power": _both(lambda n, p, z: p.real(p.sum(n.matrix_power(z, 3) * R))),
    "cond": _both(lambda n, p, z: n.cond(z)),
    "expm": (lambda z: pt.real(pt.sum(pt.linalg.expm(z) * R)),
             lambda z: np.sum(L.expm(z) * R).real),
    "lu": (lambda z: pt.real(pt.sum(pt.linalg.lu(z)[1] * R + pt.linalg.lu(z)[2] * R.T)),
           lambda z: np.sum(L.lu(z)[1] * R + L.lu(z)[2] * R.T).real),
    "solve_triangular": (
        lambda z: pt.real(pt.sum(pt.linalg.solve_triangular(z, R, 2, lower=True) * R)),
        lambda z: np.sum(L.solve_triangular(z, R, 2, lower=True) * R).real),
    "lstsq": (lambda z: pt.real(pt.sum(pt.linalg.lstsq(z[:, :2], R).x * R[:2])),
              lambda z: np.sum(N.lstsq(z[:, :2], R, rcond=None)[0] * R[:2]).real),
    "full_qr": (lambda z: _outside(pt, pt.linalg.qr(z[:, :2], mode="complete")[0]),
                lambda z: _outside(np, N.qr(z[:, :2], "complete")[0])),
    "full_svd": (lambda z: _outside(pt, pt.linalg.svd(z[:, :2])[0]),
                 lambda z: _outside(np, N.svd(z[:, :2])[0])),
    "kron": _both(lambda n, p, z: p.real(p.sum(p.kron(z, z)[2] * np.arange(9)))),
    "generalised": (lambda z: pt.sum(pt.linalg.eigvalsh(H, b=_positive(z)) ** 2),
                    lambda z: np.sum(L.eigvalsh(HER, _positive(z)) ** 2)),
}  # fmt: skip


def _spectral(n, p, z, half=False):
    """A function of a Hermitian matrix by its vectors, whatever their phases: of a matrix and its
    mirror image, or of one of which only the lower triangle counts."""
    w, v = n.eigh(z if half else z + p.conj(z).T)
    return (v * p.exp(w / 5)) @ p.conj(v).T


def _polar(p, factors):
    u, s, vh = factors
    return (u * s**2) @ vh


def _outside(p, q):
    """What depends on the last column by its span alone."""
    return p.real(p.sum(q[:, 2:] @ p.conj(q[:, 2:]).T * R))


def _positive(z):
    return z @ z.conj().T + np.eye(3)


def test_gradients():
    z = pt.zmatrix("z")
    found = pt.function([z], [pt.grad(ours(z), z) for ours, _ in COSTS.values()],
                        target="machine")(A)  # fmt: skip
    for got, (name, (_, theirs)) in zip(found, COSTS.items()):
        meant = slopes(theirs, A)
        np.testing.assert_allclose(got, meant, rtol=5e-6, atol=2e-6, err_msg=name)


def test_second_derivatives_and_tangents():
    z = pt.zmatrix("z")
    step = normal(3, 3)
    for name in ("det", "slogdet", "eigh", "svd", "qr", "eigvals"):
        cost, theirs = COSTS[name]
        slope = pt.grad(cost(z), z)
        once, again = pt.jvp(cost(z), z, step), pt.jvp(slope, z, step)
        once, again = pt.function([z], [once, again], target="machine")(A)
        assert once == pytest.approx(np.sum(slopes(theirs, A) * step).real, rel=1e-5), name
        near = [pt.function([z], slope, target="machine")(A + s * 1e-6 * step) for s in (1, -1)]
        np.testing.assert_allclose(again, (near[0] - near[1]) / 2e-6, rtol=1e-5, atol=1e-5)


def test_a_singular_matrix_has_the_gradient_of_its_determinant():
    z = pt.zmatrix("z")
    f = pt.function([z], pt.grad(pt.real(pt.linalg.det(z)), z), target="machine")
    one_less = np.array([[1, 2, 3], [2j, 4j, 6j], [1, 1j, 0]])  # of rank 2, exactly
    meant = slopes(lambda x: N.det(x).real, one_less)
    np.testing.assert_allclose(f(one_less), meant, atol=1e-8)
    np.testing.assert_array_equal(f(np.outer([1, 1j, 2], [1.0, 2, 4])), np.zeros((3, 3)))


def test_batches():
    z = pt.ztensor3("z")
    def both(x):
        vectors = pt.linalg.eigh(x + pt.conj(x).T).eigenvectors
        return pt.linalg.det(x), pt.abs(vectors), pt.linalg.eig(x).eigenvalues

    found = pt.function([z], [*pt.vmap(both)(z), *both(z)[:1]], target="machine")(MANY)
    for got, meant in zip(found, (N.det(MANY), None, N.eigvals(MANY))):
        if meant is not None:
            np.testing.assert_allclose(got, meant, rtol=1e-12)
    vectors = [np.abs(N.eigh(x + x.conj().T)[1]) for x in MANY]
    np.testing.assert_allclose(found[1], vectors, rtol=1e-10)
