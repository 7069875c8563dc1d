"""Logarithms and other functions of matrices; polar and Hessenberg forms, RQ, angles."""

import numpy as np
import pytest
import scipy.linalg

import probtensor as pt
from probtensor.graph.node import GraphError
from tests.ops.linalg.checks import agree, batch, definite, run, slopes
from tests.ops.linalg.test_equations import by_item
from tests.ops.numpy_twin import static


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (6, 6), (2, 5, 5)], ids=str)
def test_logarithms(shape):
    n = shape[-1]
    a = batch(*shape) + 4 * np.eye(n)
    agree(lambda x: [pt.linalg.logm(x), pt.linalg.expm(pt.linalg.logm(x))],
          lambda x: [by_item(scipy.linalg.logm, x), x], a, rtol=1e-9)  # fmt: skip
    if shape == (2, 2):
        slopes(pt.linalg.logm, a)


def test_logarithms_of_matrices_of_every_kind():
    """With eigenvalues of many sizes, equal ones, conjugate ones far from the reals, far from
    normal; orthogonal ones, and the identity."""
    rng = np.random.default_rng(3)
    q = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    turn = scipy.linalg.expm(3.0 * np.array([[0.0, 1.0], [-1.0, 0.0]]))
    given = [
        (q * [1e-4, 1e-3, 1.0, 10.0, 1e3]) @ q.T, np.array([[1.0, 1e6], [0.0, 2.0]]),
        np.array([[2.0, 1.0, 0.0], [0.0, 2.0, 1.0], [0.0, 0.0, 2.0]]), turn, np.eye(3),
    ]  # fmt: skip
    pairs = [(a, scipy.linalg.logm(a)) for a in given]
    pairs += [(1e-200 * np.eye(2), np.log(1e-200) * np.eye(2)), (np.zeros((0, 0)),) * 2]
    for a, meant in pairs:
        size = np.abs(meant).max(initial=1.0)
        agree(lambda x: [pt.linalg.logm(x)], lambda _, m=meant: [m], a, rtol=0, atol=1e-9 * size)
    rotation = static(turn)
    grad = pt.grad(pt.sum(pt.linalg.logm(rotation) * np.arange(4.0).reshape(2, 2)), rotation)
    assert np.isfinite(grad.eval({rotation: turn})).all()


def test_logarithms_that_are_not_real_are_nan():
    a = np.stack([np.diag([4.0, 0.0]), np.diag([-1.0, 2.0]), np.full((2, 2), np.nan), np.eye(2)])
    (found,) = run([x := static(a)], [pt.linalg.logm(x)], a)
    assert np.isnan(found[:3]).all() and (found[3] == 0).all()


def test_functions_of_matrices_are_those_of_scipy():
    a, e = 0.7 * batch(2, 4, 4), batch(4, 4)
    names = ("cosm", "sinm", "tanm", "coshm", "sinhm", "tanhm")
    agree(lambda a, e: [*(getattr(pt.linalg, name)(a) for name in names),
                        pt.linalg.signm(a), *pt.linalg.expm_frechet(a, e),
                        pt.linalg.expm_frechet(a, e, compute_expm=False)],
          lambda a, e: [*(by_item(getattr(scipy.linalg, name), a) for name in names),
                        by_item(scipy.linalg.signm, a), by_item(scipy.linalg.expm, a),
                        *[by_item(lambda x: scipy.linalg.expm_frechet(x, e, compute_expm=False),
                                  a)] * 2], a, e, rtol=1e-7)  # fmt: skip
    small = a[0] * 1e-9
    agree(lambda x: [pt.linalg.sinhm(x)], lambda x: [x], small, rtol=1e-12, atol=0)
    slopes(pt.linalg.tanm, a[0, :2, :2])
    slopes(pt.linalg.tanhm, a[0, :2, :2])
    slopes(lambda x, y: pt.linalg.expm_frechet(x, y, compute_expm=False), a[0, :2, :2], e[:2, :2])


def test_real_powers():
    a = definite(2, 2)
    powers = (0.5, -1.5, 3, -2, np.int64(0))
    agree(lambda x: [pt.linalg.fractional_matrix_power(x, t) for t in powers],
          lambda x: [scipy.linalg.fractional_matrix_power(x, t) for t in powers],
          a, rtol=1e-8)  # fmt: skip
    slopes(pt.linalg.fractional_matrix_power, a, np.array(0.3))
    slopes(pt.linalg.signm, a - 3 * np.eye(2))


@pytest.mark.parametrize("shape", [(3, 3), (5, 2), (2, 4), (2, 4, 3)], ids=str)
def test_polar_forms(shape):
    a = batch(*shape)

    def meant(x):
        items = [scipy.linalg.polar(x[item], side) for side in ("right", "left")
                 for item in np.ndindex(x.shape[:-2])]  # fmt: skip
        count = len(items) // 2
        for k in (0, count):
            for part in zip(*items[k : k + count], strict=True):
                yield np.reshape(part, (*x.shape[:-2], *part[0].shape))

    agree(lambda x: [*pt.linalg.polar(x), *pt.linalg.polar(x, "left")], meant, a)
    if len(shape) == 2:
        slopes(lambda x: pt.linalg.polar(x)[0], a)
        slopes(lambda x: pt.linalg.polar(x)[1], a)
        x = pt.matrix("x")  # of unknown sizes, by the same derivative
        found = pt.function([x], pt.grad(pt.sum(pt.linalg.polar(x)[0] ** 3), x))(a)
        x = static(a)
        known = pt.grad(pt.sum(pt.linalg.polar(x)[0] ** 3), x).eval({x: a})
        np.testing.assert_allclose(found, known, atol=1e-10)


def test_polar_forms_have_derivatives_where_singular_values_are_equal():
    q = np.linalg.qr(batch(3, 3))[0]
    slopes(lambda x: pt.linalg.polar(x)[0], 2 * q)
    slopes(lambda x, y: pt.linalg.orthogonal_procrustes(x, y)[0], batch(4, 3), batch(4, 3))


def test_procrustes_and_pseudo_inverses_are_those_of_scipy():
    a, b = batch(5, 3), batch(5, 3)
    s = a @ a.T  # of rank 3
    agree(lambda a, b, s: [*pt.linalg.orthogonal_procrustes(a, b), pt.linalg.pinvh(s),
                           *pt.linalg.pinvh(s, atol=1.0, rtol=1e-3, return_rank=True),
                           pt.linalg.pinvh(pt.tril(s)), pt.linalg.pinvh(pt.triu(s), lower=False)],
          lambda a, b, s: [*scipy.linalg.orthogonal_procrustes(a, b), scipy.linalg.pinvh(s),
                           *scipy.linalg.pinvh(s, atol=1.0, rtol=1e-3, return_rank=True),
                           *[scipy.linalg.pinvh(s)] * 2], a, b, s)  # fmt: skip
    slopes(lambda x: pt.linalg.pinvh(x @ x.mT, rtol=1e-8), a[:3, :2])


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (6, 6), (0, 0)], ids=str)
def test_hessenberg_forms_are_those_of_scipy(shape):
    agree(lambda x: [*pt.linalg.hessenberg(x, calc_q=True), pt.linalg.hessenberg(x)],
          lambda x: [*scipy.linalg.hessenberg(x, calc_q=True), scipy.linalg.hessenberg(x)],
          batch(*shape))  # fmt: skip


@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (5, 2)], ids=str)
def test_rq_factors_are_those_of_scipy(shape):
    a = batch(*shape)

    def calls(of):
        return lambda x: [*of.rq(x), *of.rq(x, mode="economic"), of.rq(x, mode="r")]

    agree(calls(pt.linalg), calls(scipy.linalg), a)
    slopes(lambda x: pt.linalg.rq(x, mode="economic")[0], a)


def test_angles_of_subspaces():
    """Those of SciPy, which has not the small ones beside large ones: these by construction."""
    a, b, none = batch(6, 3), batch(6, 2), np.zeros((6, 0))

    def calls(of):
        return lambda a, b, c: [of.subspace_angles(*pair) for pair in ((a, b), (b, a), (b, c))]

    agree(calls(pt.linalg), calls(scipy.linalg), a, b, none)
    angles = np.array([1.2, 1e-3, 1e-9])
    q = np.linalg.qr(batch(6, 6))[0]
    first, second = q[:, :3], q[:, :3] * np.cos(angles) + q[:, 3:] * np.sin(angles)
    agree(lambda x, y: [pt.linalg.subspace_angles(x, y)], lambda x, y: [angles[None]],
          first[None] @ batch(3, 3), second @ batch(3, 3), rtol=1e-6)  # fmt: skip
    slopes(pt.linalg.subspace_angles, a, b)


@pytest.mark.parametrize("call, text", [
    (lambda x: pt.linalg.polar(x, "both"), "side is"),
    (lambda x: pt.linalg.rq(x, mode="raw"), "mode is"),
    (lambda x: pt.linalg.logm(x), "square"),
    (lambda x: pt.linalg.cosm(x[:, 0]), "takes matrices"),
    (lambda x: pt.linalg.subspace_angles(pt.matrix("y"), x), "columns that is known"),
    (lambda x: pt.grad(pt.sum(pt.linalg.hessenberg(x @ x.mT)), x), "step of other"),
])  # fmt: skip
def test_errors(call, text):
    with pytest.raises(GraphError, match=text):
        call(pt.matrix("x", shape=(2, 3)))


def test_the_derivative_of_a_logarithm_of_no_rows():
    a = pt.matrix("a")
    f = pt.function([a], pt.grad(pt.sum(pt.linalg.logm(a)), a))
    assert f(np.zeros((0, 0))).shape == (0, 0)


def test_the_sign_of_a_matrix_of_any_size():
    a = np.array([[2.0, 1.0], [1.0, -3.0]])
    f = pt.function([x := pt.matrix("x")], pt.linalg.signm(x))
    for size in (1e-300, 1e-5, 1e300):
        np.testing.assert_allclose(f(a * size), scipy.linalg.signm(a), atol=1e-12)
