"""Eigenvalues of symmetric and of any matrices, generalised ones, Schur forms."""

import numpy as np
import pytest
import scipy.linalg

import probtensor as pt
from probtensor import ops
from probtensor.graph.node import GraphError, make
from probtensor.graph.parts import parts
from tests.ops.linalg.checks import agree, batch, close, definite, run, slopes
from tests.ops.numpy_twin import static


@pytest.mark.parametrize("kind", [1, 2, 3])
@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (2, 3, 3)], ids=str)
def test_generalised_eigenvalues_are_those_of_scipy(kind, shape):
    a, b = definite(*shape) - 2 * np.eye(shape[-1]), definite(*shape)

    def ours(x, y):
        w, v = pt.linalg.eigh(x, b=y, type=kind)
        u = pt.linalg.eigh(x, "U", b=y, type=kind)[0]
        return [w, ops.abs(v), u, pt.linalg.eigvalsh(x, b=y, type=kind)]

    def meant(x, y):
        pairs = zip(x.reshape(-1, *shape[-2:]), y.reshape(-1, *shape[-2:]), strict=True)
        found = [scipy.linalg.eigh(p, q, type=kind) for p, q in pairs]
        w = np.stack([f[0] for f in found]).reshape(shape[:-1])
        return [w, np.abs(np.stack([f[1] for f in found])).reshape(shape), w, w]

    agree(ours, meant, a, b, rtol=1e-8, atol=1e-9)


def test_derivatives_of_generalised_eigenvalues():
    a, b = definite(3, 3) - np.diag([1.0, 5.0, 9.0]), definite(3, 3)

    def reads(x, y):
        w, v = pt.linalg.eigh(x + x.mT, b=y + y.mT)
        return ops.sum(w**2) + ops.sum(v[..., 0] ** 2 * v[..., 1] ** 2)

    slopes(reads, a, b, rtol=1e-5)
    slopes(lambda x, y: pt.linalg.eigvalsh(x + x.mT, b=y + y.mT, type=2), a, b)


def test_eigvalsh_reads_one_triangle():
    a = batch(2, 4, 4)
    agree(lambda x: [pt.linalg.eigvalsh(x), pt.linalg.eigvalsh(x, "U")],
          lambda x: [np.linalg.eigvalsh(x), np.linalg.eigvalsh(x, "U")], a)  # fmt: skip
    slopes(lambda x: pt.linalg.eigvalsh((x + x.mT) / 2), a)


@pytest.mark.parametrize("shape", [(0, 0), (1, 1), (5, 5), (3, 4, 4)], ids=str)
def test_eigenvalues_of_any_matrix(shape):
    a = batch(*shape)
    x = static(a)
    wr, wi, vr, vi = run([x], [*parts(make(ops.Eig(), (x,)))], a)
    w, v = wr + 1j * wi, vr + 1j * vi
    np.testing.assert_allclose(a @ v, v * w[..., None, :], atol=1e-12)
    np.testing.assert_allclose(np.sum(np.abs(v) ** 2, -2), np.ones(shape[:-1]))
    alone = run([x], [*parts(make(ops.Eigvals(), (x,)))], a)
    np.testing.assert_allclose(alone[0] + 1j * alone[1], np.linalg.eigvals(a), atol=1e-12)


def test_derivatives_of_eigenvectors_have_their_length_and_phase():
    """Of vectors that are complex, with every part of them in the weight."""
    slopes(lambda x: ops.concatenate([ops.ravel(p) for p in parts(make(ops.Eig(), (x,)))]),
           ops.Eig.samples[0].make(np.random.default_rng(3))[0])  # fmt: skip


def test_complex_results_are_those_of_numpy_and_scipy():
    a, b = batch(5, 5), batch(5, 5)
    x, y = static(a), static(b)
    values, vectors = pt.linalg.eig(x)
    outputs = [values, vectors, pt.linalg.eigvals(x)]
    for sort in ("lhp", "rhp", "iuc", "ouc"):
        outputs += [*pt.linalg.ordqz(x, y, sort)]
    w, v, alone, *ordered = run([x, y], outputs, a, b)
    assert w.dtype == v.dtype == np.complex128
    for found in (w, alone):
        np.testing.assert_allclose(np.sort_complex(found), np.sort_complex(np.linalg.eigvals(a)))
    np.testing.assert_allclose(a @ v, v * w, atol=1e-12)
    for k, sort in enumerate(("lhp", "rhp", "iuc", "ouc")):
        s, t, alpha, beta, q, z = ordered[6 * k : 6 * k + 6]
        close(q @ s @ z.T, a, atol=1e-12)
        close(q @ t @ z.T, b, atol=1e-12)
        meant = scipy.linalg.ordqz(a, b, sort=sort)
        first, second = ((m / n)[np.lexsort(((m / n).imag, (m / n).real))]
                         for m, n in ((alpha, beta), (meant[2], meant[3])))  # fmt: skip
        np.testing.assert_allclose(first, second, rtol=1e-9)
        close(np.abs(np.diag(t)), np.abs(np.diag(meant[1])), atol=1e-9)
    slope = pt.grad(ops.sum(ops.abs(pt.linalg.eigvals(x)) ** 2), x)
    slopes(lambda x: ops.abs(pt.linalg.eigvals(x)) ** 2, a)
    assert np.isfinite(run([x], [slope], a)[0]).all()


@pytest.mark.parametrize("shape", [(1, 1), (5, 5), (2, 4, 4)], ids=str)
def test_schur_forms(shape):
    a, b = batch(*shape), batch(*shape)
    x, y = static(a), static(b)
    outputs = [*pt.linalg.schur(x), *pt.linalg.qz(x, y)]
    for sort in ("lhp", "rhp", "iuc", "ouc"):
        outputs += [*pt.linalg.schur(x, sort=sort)]
    found = run([x, y], outputs, a, b)
    t, z, s, r, q, w, *ordered = found
    turned = [np.swapaxes(m, -1, -2) for m in (z, q, w)]
    close(z @ t @ turned[0], a, atol=1e-12)
    close(q @ s @ turned[2], a, atol=1e-12)
    close(q @ r @ turned[2], b, atol=1e-12)
    for m in (z, q, w):
        close(m @ np.swapaxes(m, -1, -2), np.broadcast_to(np.eye(shape[-1]), shape), atol=1e-13)
    for k, sort in enumerate(("lhp", "rhp", "iuc", "ouc")):
        t, z, count = ordered[3 * k : 3 * k + 3]
        close(z @ t @ np.swapaxes(z, -1, -2), a, atol=1e-12)
        for item in np.ndindex(shape[:-2]):
            meant = scipy.linalg.schur(a[item], sort=sort)
            assert count[item] == meant[2] and count.dtype == np.int64
            close(np.abs(t[item]), np.abs(meant[0]), atol=1e-10)


def test_items_that_are_not_finite_are_nan():
    a = np.stack([np.eye(2), np.full((2, 2), np.nan)])
    x = static(a)
    nodes = [*pt.linalg.schur(x), *pt.linalg.qz(x, np.eye(2)), pt.linalg.eigvalsh(x),
             *parts(make(ops.Eig(), (x,))), *pt.linalg.eigh(np.eye(2), b=x)]  # fmt: skip
    for value in run([x], nodes, a):
        assert np.isfinite(value[0]).all() and np.isnan(value[1]).all()


def test_schur_forms_have_no_derivative_and_say_so():
    x = pt.tensor("x", (3, 3))
    for call in (pt.linalg.schur, lambda x: pt.linalg.qz(x, x)):
        with pytest.raises(GraphError, match="has no derivative"):
            pt.grad(ops.sum(call(x)[0]), x)


def test_wrong_calls_say_what_is_wrong():
    x = pt.tensor("x", (3, 4))
    s = x[:, :3]
    for call, words in (
        (lambda: pt.linalg.schur(x), "schur: needs square matrices"),
        (lambda: pt.linalg.schur(s, sort="up"), "schur: sort is None or one of 'lhp'"),
        (lambda: pt.linalg.schur(s, output="complex"), "schur: output is 'real'"),
        (lambda: pt.linalg.qz(x, x), "qz: needs square matrices"),
        (lambda: pt.linalg.eig(x), "eig: needs square matrices"),
        (lambda: pt.linalg.ordqz(s, s, None), "ordqz: sort says which eigenvalues are first"),
        (lambda: pt.linalg.eigvalsh(x), "eigvalsh: needs square matrices"),
        (lambda: pt.linalg.eigvalsh(s, UPLO="X"), "eigvalsh: UPLO is 'L' or 'U'"),
        (lambda: pt.linalg.eigvalsh(s, s), "a second matrix goes by b="),
        (lambda: pt.linalg.eigh(s, b=s, type=4), "eigh: type is 1, 2 or 3, not 4"),
    ):
        with pytest.raises(GraphError, match=words):
            call()


@pytest.mark.parametrize("scale", [5e-324, 1e-308, 1e-300, 1e-120, 1e120, 1e300])
def test_eigenvalues_of_very_small_and_very_large_matrices(scale):
    """LAPACK scales such matrices, and not all versions of it scale their eigenvalues back."""
    a = np.array([[2.0, 1.0], [-1.0, 3.0]]) * scale
    z = np.array([[2.0, 1j], [-1j, 3.0 + 1j]]) * scale
    x, w = pt.matrix("x"), pt.tensor("w", dtype="complex128", shape=(2, 2))
    f = pt.function([x, w], [pt.linalg.eigvals(x), pt.linalg.eig(x)[0], pt.linalg.eigvals(w)],
                    target="machine")  # fmt: skip
    for found, matrix in zip(f(a, z), (a, a, z)):
        wanted = np.linalg.eigvals(matrix)
        room = 1e-13 * scale + 3e-323
        gaps = np.abs(found[:, None] / scale - wanted / scale) if scale > 1e-308 else None
        if gaps is None:
            assert np.abs(found).max() <= 4 * scale + room
        else:
            assert gaps.min(0).max() < 1e-12 and gaps.min(1).max() < 1e-12
