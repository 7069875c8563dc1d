"""Products of matrices against NumPy: every rank, broadcasting, integers and bools."""

import itertools

import numpy as np
import pytest

from probtensor import ops
from probtensor.autodiff import verify_grad
from probtensor.graph.node import GraphError
from probtensor.rules import derivatives
from probtensor.transform.autodiff import gradient
from tests.ops.numpy_twin import check, compare, static, symbolic

rng = np.random.default_rng(21)


def draw(*shape):
    """A normal draw of this shape."""
    return rng.normal(size=shape)


RANKS = [
    ((4,), (4,)), ((3, 4), (4,)), ((3,), (3, 4)), ((3, 4), (4, 5)), ((2, 3, 4), (4, 5)),
    ((3, 4), (2, 4, 5)), ((2, 3, 4), (2, 4, 5)), ((2, 1, 3, 4), (5, 4, 2)), ((2, 3, 4), (4,)),
    ((4,), (2, 4, 5)), ((1, 4), (4, 1)), ((6, 1, 1, 4), (1, 2, 4, 1)), ((0, 3), (3, 2)),
]  # fmt: skip


@pytest.mark.parametrize("first, second", RANKS, ids=str)
def test_matmul(first, second):
    makers = (static, symbolic) if 1 not in first + second else (static,)
    check(lambda x, y: x @ y, np.matmul, draw(*first), draw(*second), makers=makers, rtol=1e-12)


DOTS = list(itertools.product([(), (4,), (3, 4), (2, 3, 4)], [(), (4,), (4, 3), (2, 4, 3)]))


@pytest.mark.parametrize("first, second", DOTS, ids=str)
def test_dot(first, second):
    check(ops.dot, np.dot, draw(*first), draw(*second), rtol=1e-12)


@pytest.mark.parametrize("axes", [0, 1, 2, ([1], [0]), ([0, 1], [1, 0]), (1, 0), ([-1], [-2])])
def test_tensordot(axes):
    a, b = draw(4, 4), draw(4, 4)
    check(lambda x, y: ops.tensordot(x, y, axes), lambda x, y: np.tensordot(x, y, axes), a, b,
          rtol=1e-12)  # fmt: skip


def test_vector_products():
    check(ops.outer, np.outer, draw(3), draw(2, 2))
    check(ops.inner, np.inner, draw(2, 4), draw(3, 4), rtol=1e-12)
    check(ops.inner, np.inner, draw(4), draw(4), rtol=1e-12)
    check(ops.vecdot, lambda x, y: (x * y).sum(-1), draw(3, 4), draw(4), rtol=1e-12)
    check(lambda x, y: ops.vecdot(x, y, axis=0), lambda x, y: (x * y).sum(0), draw(4, 3),
          draw(4, 3), rtol=1e-12)  # fmt: skip
    check(ops.matvec, lambda x, y: (x @ y[..., None])[..., 0], draw(5, 3, 4), draw(4), rtol=1e-12)
    check(ops.vecmat, lambda x, y: (x[..., None, :] @ y)[..., 0, :], draw(5, 4), draw(4, 2),
          rtol=1e-12)  # fmt: skip


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "int64", "float32"])
def test_dtypes(dtype):
    a, b = (rng.integers(0, 3, s).astype(dtype) for s in ((3, 4), (4, 2)))
    check(lambda x, y: x @ y, np.matmul, a, b, rtol=1e-6)
    check(lambda x, y: x @ y, np.matmul, a, b.astype("float64"), rtol=1e-6)
    check(lambda x: x @ b, lambda x: x @ b, a, rtol=1e-6)
    check(lambda x: b.T @ x.T, lambda x: b.T @ x.T, a, rtol=1e-6)


EINSUMS = [
    ("ij,jk->ik", (3, 4), (4, 2)), ("ij,jk", (3, 4), (4, 2)), ("ij->ji", (3, 4)), ("ij", (3, 4)),
    ("ji", (3, 4)), ("ij->", (3, 4)), ("ij->j", (3, 4)), ("ii->i", (3, 3)), ("ii", (3, 3)),
    ("iij->j", (3, 3, 2)), ("i,i", (4,), (4,)), ("i,j->ij", (4,), (3,)), ("i,j->ji", (4,), (3,)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)), ("...ij,...jk->...ik", (2, 3, 4), (4, 5)),
    ("...ij,...jk", (2, 1, 3, 4), (5, 4, 2)), ("ij,j,k->ik", (3, 4), (4,), (2,)),
    ("ij,jk,kl->il", (3, 4), (4, 2), (2, 5)), ("ab,cb,ad->", (3, 4), (2, 4), (3, 5)),
    ("i...->...", (3, 4, 2)), ("...i->i...", (3, 4, 2)), ("ij,ij->ij", (3, 4), (1, 4)),
    ("ij,ik,il->ijkl", (2, 3), (2, 4), (2, 5)), ("i,i,i->", (4,), (4,), (4,)),
    ("ijk,k->ij", (3, 1, 2), (2,)), ("i->", (1,)), ("ij,kl->", (1, 3), (2, 1)),
]  # fmt: skip


@pytest.mark.parametrize("subscripts, shapes", [(e[0], e[1:]) for e in EINSUMS], ids=str)
def test_einsum(subscripts, shapes):
    arrays = [draw(*shape) for shape in shapes]
    makers = (static,) if any(1 in shape for shape in shapes) else (static, symbolic)
    check(lambda *x: ops.einsum(subscripts, *x), lambda *a: np.einsum(subscripts, *a), *arrays,
          makers=makers, rtol=1e-11)  # fmt: skip


@pytest.mark.parametrize("axes", [
    ([0, 1], [1, 2], [2, 0]), ([0, 1], [1, 2]), ([51, 1], [1, 0]), ([..., 1], (1, 2), [2, ...]),
], ids=str)  # fmt: skip
def test_einsum_of_integers(axes):
    def called(einsum):
        return lambda x, y: einsum(x, axes[0], y, *axes[1:])

    a, b = draw(3, 4), draw(4, 2)
    check(called(ops.einsum), called(np.einsum), a, b, rtol=1e-11)


@pytest.mark.parametrize("bad, words", [
    (lambda x, y: y @ y, r"matmul: sizes 2 and 4 of the joined axes differ"),
    (lambda x, y: x @ 2.0, r"matmul: needs at least 1 axis each, not 2 and 0; use \*"),
    (lambda x, y: ops.tensordot(x, y, ([0, 1], [0])), "2 axes of a for 1 of b"),
    (lambda x, y: ops.einsum("ij,jk->iz", x, y), "'z' of the output"),
    (lambda x, y: ops.einsum("ij->i", x, y), "names 1 operands, not 2"),
    (lambda x, y: ops.einsum("ijk,jk->i", x, y), "'ijk' in .* is for an operand of"),
    (lambda x, y: ops.einsum("ij,ik->jk", x, y), "sizes 3 and 4 of 'i' differ"),
    (lambda x, y: ops.einsum("i1,ik->k", x, y), "not made of letters"),
    (lambda x, y: ops.einsum("...i->i", x), r"lacks the axes of '\.\.\.'"),
    (lambda x, y: ops.einsum(x, y), r"(?s)come first.*after each operand: einsum\(x, \[0, 1\], y"),
    (lambda x, y: ops.einsum(x, [0, 52]), "integers from 0 to 51, not 52"),
    (lambda x, y: ops.einsum(x, [0, 1], y), "the output are a list of integers"),
])  # fmt: skip
def test_bad_calls_say_what_is_wrong(bad, words):
    with pytest.raises(GraphError, match=words):
        bad(static(draw(3, 4)), static(draw(4, 2)))


# Factors, triangular systems, running sums.


def spd(*shape):
    """A batch of symmetric positive definite matrices."""
    a = draw(*shape)
    return a @ np.swapaxes(a, -1, -2) + np.eye(shape[-1])


@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (2, 3, 3)], ids=str)
def test_cholesky_and_its_solves(shape):
    a, b = spd(*shape), draw(*shape[:-1], 2)
    check(ops.cholesky, np.linalg.cholesky, a, rtol=1e-12)
    check(lambda a, b: ops.cho_solve(ops.cholesky(a), b), np.linalg.solve, a, b, rtol=1e-9)


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("trans", [True, False])
def test_solve_triangular_reads_one_triangle(lower, trans):
    t = draw(3, 3) + 4 * np.eye(3)
    half = np.tril(t) if lower else np.triu(t)
    for b in (draw(3), draw(3, 2), draw(5, 3, 2)):
        check(
            lambda t, b: ops.solve_triangular(t, b, trans=trans, lower=lower),
            lambda t, b: np.linalg.solve(half.T if trans else half, b), t, b, rtol=1e-12,
        )  # fmt: skip


def of_lower(cotangent):
    """Of a symmetric cotangent, that of the elements of the lower triangle."""
    return np.tril(cotangent) + np.tril(cotangent, -1)


def test_cholesky_has_the_gradient_of_the_triangle_that_it_reads():
    a = spd(3, 3)
    x = static(a)
    log_det = 2 * ops.sum(ops.log(ops.diagonal(ops.cholesky(x))))
    inverse = np.linalg.inv(a)
    compare(gradient(log_det, x), of_lower(inverse), [x], [a], rtol=1e-10)
    slope = ops.sum(gradient(log_det, x) * np.eye(3))
    compare(gradient(slope, x), of_lower(-inverse @ inverse), [x], [a], rtol=1e-9)


def test_the_gradient_of_what_is_known_to_be_symmetric_is():
    a = spd(3, 3)
    x = static(a)
    whole = ops.assume(x, symmetric=True)
    log_det = 2 * ops.sum(ops.log(ops.diagonal(ops.cholesky(whole))))
    compare(gradient(log_det, x), np.linalg.inv(a), [x], [a], rtol=1e-10)


OF_ONE_TRIANGLE = {
    "cholesky": ops.cholesky,
    "eigvalsh": ops.linalg.eigen.eigvalsh,
    "pinv": lambda x: ops.pinv(x, hermitian=True),
    "solve": lambda x: ops.linalg.solving.solve(x, np.eye(3), lower=True, assume_a="pos"),
}


@pytest.mark.parametrize("name", OF_ONE_TRIANGLE)
def test_derivatives_of_a_triangle_filled_by_hand_are_differences(name):
    fun, (rows, columns) = OF_ONE_TRIANGLE[name], np.tril_indices(3)

    def of_elements(v):
        return fun(ops.zeros((3, 3)).at[rows, columns].set(v) + np.diag([4.0, 6.0, 8.0]))

    verify_grad(of_elements, [np.random.default_rng(5).normal(size=6)], target="interp")
    a, step = spd(3, 3), np.tri(3)
    x = static(a)
    cost = ops.sum(ops.exp(fun(x)))
    backward = ops.sum(gradient(cost, x) * step).eval({x: a})
    compare(derivatives.jvp(cost, x, step), backward, [x], [a], rtol=1e-9)


def test_no_factor_is_nan_and_leaves_other_items_alone():
    a = np.stack([np.eye(2), -np.eye(2)])
    check(ops.cholesky, lambda a: np.stack([np.eye(2), np.full((2, 2), np.nan)]), a)


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "bool"])
def test_cumsum(axis, dtype):
    a = (np.round(80 * draw(3, 4)) / 8).astype(dtype)  # sums are exact, in any order
    check(lambda x: ops.cumsum(x, axis), lambda a: np.cumsum(a, axis), a, rtol=0)


def test_routines_refuse_what_has_no_matrix():
    square = r"cholesky: needs square matrices: n=3 and n=4 differ in \(x: float64\[3, 4\]\)"
    with pytest.raises(GraphError, match=square):
        ops.cholesky(static(draw(3, 4)))
    with pytest.raises(GraphError, match="solve_triangular: takes matrices, not 1 axes"):
        ops.solve_triangular(static(draw(3)), draw(3))
