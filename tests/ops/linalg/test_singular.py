"""Singular values, pseudo-inverses, least squares, ranks, conditions and norms."""

import numpy as np
import pytest

import probtensor as pt
from probtensor import ops
from probtensor.graph.node import GraphError
from tests.ops.linalg.checks import agree, batch, definite, run, slopes
from tests.ops.numpy_twin import static

SHAPES = [(3, 3), (5, 3), (2, 3, 5), (2, 1, 4, 2), (1, 1), (0, 3), (3, 0), (0, 2, 2)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_factors_are_those_of_numpy(shape):
    a = batch(*shape)
    a = a if a.size == 0 else np.stack([a, np.ones_like(a)])

    def ours(x):
        full, thin = pt.linalg.svd(x), pt.linalg.svd(x, full_matrices=False)
        k = min(shape[-2:])
        whole = [(f.U[..., :k] * f.S[..., None, :]) @ f.Vh[..., :k, :] for f in (full, thin)]
        square = [m.mT @ m for m in (full.U, thin.U, full.Vh.mT, thin.Vh.mT)]
        values = [full.S, thin.S, pt.linalg.svd(x, compute_uv=False), pt.linalg.svdvals(x)]
        return [*whole, *square, *values]

    def meant(x):
        full, thin = np.linalg.svd(x), np.linalg.svd(x, full_matrices=False)
        square = [np.swapaxes(m, -1, -2) @ m for m in (full.U, thin.U)]
        square += [m @ np.swapaxes(m, -1, -2) for m in (full.Vh, thin.Vh)]
        return [x, x, *square, *[full.S] * 4]

    agree(ours, meant, a, atol=1e-13)


def test_items_that_are_not_finite_leave_others_alone():
    a = np.stack([np.eye(3), np.full((3, 3), np.nan), np.full((3, 3), np.inf)])[..., :2]
    x = static(a)
    outputs = [*pt.linalg.svd(x), pt.linalg.svdvals(x), pt.linalg.pinv(x)]
    for value in run([x], outputs, a):
        assert np.isfinite(value[0]).all() and np.isnan(value[1:]).all()


def test_pinv_lstsq_rank_and_cond_are_those_of_numpy():
    low = batch(5, 2) @ batch(2, 3)
    for a in (batch(5, 3), batch(2, 3), low, np.zeros((3, 2)), batch(2, 4, 4), batch(1, 1)):
        agree(lambda x: [pt.linalg.pinv(x), pt.linalg.pinv(x, 0.3), pt.linalg.pinv(x, rtol=1e-9),
                         pt.linalg.matrix_rank(x), pt.linalg.matrix_rank(x, 0.5),
                         1 / pt.linalg.cond(x), pt.linalg.cond(x, -2)],
              lambda x: [np.linalg.pinv(x), np.linalg.pinv(x, 0.3), np.linalg.pinv(x, rtol=1e-9),
                         np.linalg.matrix_rank(x), np.linalg.matrix_rank(x, 0.5),
                         1 / np.linalg.cond(x), np.linalg.cond(x, -2)],
              a, rtol=1e-6)  # fmt: skip
    for shape, right in (((5, 3), (5,)), ((5, 3), (5, 2)), ((3, 3), (3, 1)), ((2, 4), (2,))):
        a, b = batch(*shape), batch(*right)
        agree(pt.linalg.lstsq, lambda x, y: np.linalg.lstsq(x, y, rcond=None), a, b)
    b = batch(5)
    x, y = static(low), static(b)
    found = run([x, y], list(pt.linalg.lstsq(x, y)), low, b)
    x, _, rank, s = np.linalg.lstsq(low, b, rcond=None)
    np.testing.assert_allclose(found[0], x, rtol=1e-9)
    assert found[2] == rank == 2 and found[2].dtype == np.int64
    np.testing.assert_allclose(found[3], s, atol=1e-12)


def test_symmetric_forms_read_eigenvalues():
    a = np.diag([3.0, -2.0, 0.0])
    for m in (a, definite(2, 3, 3)):
        agree(lambda x: [pt.linalg.pinv(x, hermitian=True), pt.linalg.svd(x, hermitian=True).S,
                         pt.linalg.matrix_rank(x, hermitian=True), pt.linalg.eigvalsh(x)],
              lambda x: [np.linalg.pinv(x, hermitian=True), np.linalg.svd(x, hermitian=True)[1],
                         np.linalg.matrix_rank(x, hermitian=True), np.linalg.eigvalsh(x)],
              m)  # fmt: skip


def test_norms_of_every_order():
    a = batch(2, 3, 4)
    orders = [None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf]
    pairs = [(o, axes) for o in orders for axes in ((-2, -1), (2, 0), (1, 0))]
    agree(lambda x: [pt.linalg.norm(x, o, axes, keepdims=k) for o, axes in pairs for k in (0, 1)],
          lambda x: [np.linalg.norm(x, o, axes, keepdims=k) for o, axes in pairs for k in (0, 1)],
          a)  # fmt: skip
    vectors = [None, 0, 1, -1, 2, -2, 3, 0.5, np.inf, -np.inf]
    agree(lambda x: [pt.linalg.vector_norm(x, ord=o or 2, axis=1) for o in vectors],
          lambda x: [np.linalg.vector_norm(x, ord=o or 2, axis=1) for o in vectors], a)  # fmt: skip
    agree(lambda x: [pt.linalg.matrix_norm(x, ord=o) for o in orders[1:]],
          lambda x: [np.linalg.matrix_norm(x, ord=o) for o in orders[1:]], a)  # fmt: skip
    small = a.astype("float32")
    x = static(small)
    found = run([x], [pt.linalg.norm(x, "nuc", (1, 2))], small)[0]
    assert found.dtype == np.float32
    square = [1, -1, 2, -2, np.inf, -np.inf, "fro", "nuc"]
    agree(lambda x: [pt.linalg.cond(x, p) for p in square],
          lambda x: [np.linalg.cond(x, p) for p in square], batch(2, 3, 3), rtol=1e-7)  # fmt: skip
    singular = np.zeros((2, 2))
    x = static(singular)
    assert np.isinf(run([x], [pt.linalg.cond(x, 1), pt.linalg.cond(x)], singular)).all()


@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 4), (3, 3)], ids=str)
def test_derivatives(shape):
    a = batch(*shape) + 2 * np.eye(*shape[-2:])
    b = batch(*shape[:-1], 2)
    slopes(pt.linalg.pinv, a)
    slopes(lambda x, y: pt.linalg.lstsq(x, y).x, a, b)
    slopes(lambda x: pt.linalg.norm(x, "nuc", (-2, -1)), a)
    slopes(lambda x: pt.linalg.cond(x), a, rtol=1e-5)
    slopes(lambda x: pt.linalg.norm(x, 2, (-2, -1)), a)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (2, 4, 2)], ids=str)
def test_derivatives_of_square_factors_by_the_spans_of_their_vectors(shape):
    """The projection on the vectors that belong to no singular value, weighed with the others."""
    a, w = batch(*shape), batch(shape[-2], shape[-2])
    v = batch(shape[-1], shape[-1])
    k = min(shape[-2:])

    def reads(x):
        u, s, vh = pt.linalg.svd(x)
        left, right = u[..., k:], vh[..., k:, :]
        total = ops.sum(w * (left @ left.mT)) + ops.sum(v * (right.mT @ right))
        return total + ops.sum(u[..., :k] ** 3 * s[..., None, :]) + ops.sum(vh[..., :k, :] ** 3)

    slopes(reads, a, rtol=1e-5)


def test_equal_singular_values_have_a_derivative_of_their_sum():
    a = np.diag([2.0, 1.0, 1.0])
    x = static(a)
    slope = pt.grad(ops.sum(pt.linalg.svdvals(x) ** 2), x)
    np.testing.assert_allclose(run([x], [slope], a)[0], 2 * a, atol=1e-14)


def test_a_square_matrix_has_the_derivative_of_its_factors_where_a_value_is_zero():
    """Nothing is outside of the span of the vectors, so nothing is divided by that value."""

    def slope(n):
        w, x = batch(2, n, n), static(np.eye(n))
        u, s, vh = pt.linalg.svd(x)
        total = ops.sum(u * w[0]) + ops.sum(s) + ops.sum(vh * w[1])
        return pt.function([x], pt.grad(total, x), target="interp")

    f = slope(3)
    near = f(np.diag([3.0, 2.0, 1e-12]))
    np.testing.assert_allclose(f(np.diag([3.0, 2.0, 0.0])), near, rtol=1e-10)
    text = slope(40).explain("kernels")
    assert text.count("pt_gemm(") == 4 and "pt_add_product" not in text


def test_wrong_calls_say_what_is_wrong():
    x = pt.tensor("x", (3, 4))
    for call, words in (
        (lambda: pt.linalg.svd(x[0]), "svd: takes matrices, not 1 axes"),
        (lambda: pt.linalg.pinv(x, 0.1, rtol=0.1), "pinv: rcond and rtol are the same"),
        (lambda: pt.linalg.pinv(x, hermitian=True), "pinv: needs square matrices"),
        (lambda: pt.linalg.lstsq(x, x[0]), r"lstsq: .* do not fit"),
        (lambda: pt.linalg.lstsq(x, 1.0), "lstsq: b is a vector or has columns"),
        (lambda: pt.linalg.matrix_rank(x, 1, rtol=1), "matrix_rank: tol and rtol exclude"),
        (lambda: pt.linalg.cond(x, 1), "cond: needs square matrices"),
        (lambda: pt.linalg.norm(x, 7), "norm: matrices have no order 7"),
    ):
        with pytest.raises(GraphError, match=words):
            call()


def test_sizes_that_only_a_call_knows():
    x = pt.matrix("x")
    outputs = [pt.linalg.pinv(x), pt.linalg.matrix_rank(x), *pt.linalg.lstsq(x, x)[2:]]
    f = pt.function([x], outputs, target="machine")
    for a in (np.ones((3, 2)), np.diag([3.0, 2, 0]), np.zeros((2, 2))):
        inverse, rank, also, s = f(a)
        np.testing.assert_allclose(inverse, np.linalg.pinv(a), atol=1e-15)
        assert rank == also == np.linalg.matrix_rank(a)
        np.testing.assert_allclose(s, np.linalg.svdvals(a), atol=1e-15)
    assert [y.shape for y in f(np.zeros((0, 2)))] == [(2, 0), (), (), (0,)]
