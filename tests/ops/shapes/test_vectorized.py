"""Functions of items as functions of arrays of items."""

import numpy as np
import pytest

import probtensor as pt
from tests.ops.numpy_twin import check, compare, symbolic

RNG = np.random.default_rng(11)
A, B = RNG.normal(size=(4, 2, 3)), RNG.normal(size=(5, 1, 3))
C = RNG.normal(size=(2, 3, 4))


def test_signatures_name_core_axes():
    product = pt.vectorize(lambda m, v: m @ v, "(m,n),(n)->(m)")
    x, v = symbolic(A, "x"), symbolic(B[:, 0], "v")
    compare(product(x, B[0, 0]), A @ B[0, 0], [x], [A])
    compare(product(A[0], v), B[:, 0] @ A[0].T, [v], [B[:, 0]])
    stacked = RNG.normal(size=(5, 4, 2, 3))
    y = symbolic(stacked, "y")
    compare(
        product(y, A[:, 0]), np.einsum("...mn,...n->...m", stacked, A[:, 0]), [y], [stacked], 1e-9
    )
    compare(product(A[:1], B[:, 0][:4]), np.einsum("bmn,bn->bm", A[[0] * 4], B[:4, 0]), [], [])


def test_scalars_and_several_results():
    both = pt.vectorize(lambda a, b: (a + b, pt.where(a > b, a, b)))
    sums, larger = both(A, A[0])
    compare(sums, A + A[0], [], [])
    compare(larger, np.maximum(A, A[0]), [], [])
    parts = pt.vectorize(lambda v: (v[0], v[1:]), " ( n ) -> (), (k)")(A)
    compare(parts[0], A[..., 0], [], [])
    compare(parts[1], A[..., 1:], [], [])
    assert pt.vectorize(lambda: 1.0, "->()") is not None
    compare(pt.vectorize(pt.exp)(2.0), np.exp(np.array(2.0)), [], [])


def test_gradients_and_calls():
    x, v = pt.tensor3("x"), pt.vector("v")
    y = pt.vectorize(lambda m, v: pt.tanh(m @ v), "(m,n),(n)->(m)")(x, v)
    cost, direct = pt.sum(y**2), pt.sum(pt.tanh(x @ v) ** 2)
    f = pt.function([x, v], [*pt.grad(cost, [x, v]), *pt.grad(direct, [x, v])], target="interp")
    first, second, *meant = f(A, B[0, 0])
    np.testing.assert_allclose(first, meant[0], rtol=1e-13)
    np.testing.assert_allclose(second, meant[1], rtol=1e-13)
    with pytest.raises(ValueError, match=r"vectorize: axis n has size 2 in v, not 3"):
        f(A, B[0, 0, :2])


@pytest.mark.parametrize(
    "signature, arguments, words",
    [
        ("(n),(n)->()", (A, A[0, 0, :2]), "axis n has size 3 in .*, and 2 in"),
        ("(3),(n)->()", (A[..., :2], A), "axis 3 has size 3 in .*, and 2 in"),
        ("(m,n),()->()", (A[0, 0], 1.0), r"an argument \(m,n\) of 1 axes"),
        ("(n),(n)->()", (A,), "2 arguments, not 1, for"),
        ("(n),(n)->(n)", (A, A), r"the function gives float64\[\], which are not \(n\)"),
        ("(n),(n)->(),()", (A, A), r"the function gives float64\[\], which are not \(\),\(\)"),
        ("(n),(n)->()", (A, RNG.normal(size=(3, 2, 3))), "sizes of leading axes differ, 4 and 3"),
    ],
)
def test_wrong_arguments(signature, arguments, words):
    with pytest.raises(TypeError, match=f"vectorize: {words}"):
        pt.vectorize(lambda v, w: pt.sum(v) * pt.sum(w), signature)(*arguments)


def test_wrong_signatures():
    for signature in ("n->n", "(n)", "(n)->(n", 3, "(n)(m)->()"):
        with pytest.raises(TypeError, match=r"vectorize: a signature is text"):
            pt.vectorize(pt.exp, signature)
    with pytest.raises(TypeError, match=r"vectorize: takes a function of tensors"):
        pt.vectorize("exp")
    with pytest.raises(TypeError, match=r"vectorize: at least one argument"):
        pt.vectorize(pt.exp)()


def test_along_and_over_axes():
    for axis in (0, 1, -1):
        for ours, twin in (
            (pt.sum, np.sum),
            (lambda v: v[::-1] * 2, lambda v: v[::-1] * 2),
            (lambda v: pt.outer(v, v), lambda v: np.outer(v, v)),
        ):
            check(
                lambda x, f=ours, axis=axis: pt.apply_along_axis(f, axis, x),
                lambda x, f=twin, axis=axis: np.apply_along_axis(f, axis, x),
                C,
            )
    power = pt.apply_along_axis(lambda v, k, scale: scale * v**k, 0, C, 2, scale=3.0)
    compare(power, 3 * C**2, [], [])
    for axes in (0, (0, 2), [-1, 1]):
        check(
            lambda x, axes=axes: pt.apply_over_axes(pt.sum, x, axes),
            lambda x, axes=axes: np.apply_over_axes(np.sum, x, axes),
            C,
        )
    with pytest.raises(TypeError, match=r"apply_over_axes: the function gives 1 axes of 3"):
        pt.apply_over_axes(lambda x, axis: x[0, 0], C, 0)
