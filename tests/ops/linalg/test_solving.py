"""Systems by what is known of the matrix; factors for systems; bands."""

import numpy as np
import pytest
import scipy.linalg

import probtensor as pt
from probtensor import ops
from probtensor.graph.node import GraphError
from probtensor.testing.reference import evaluate_numpy
from tests.ops.linalg.checks import agree, batch, definite, run, slopes
from tests.ops.linalg.test_equations import by_item
from tests.ops.numpy_twin import static

KINDS = {
    "gen": lambda a: a, "sym": lambda a: a, "her": lambda a: a,
    "pos": lambda a: a @ np.swapaxes(a, -1, -2),
    "diagonal": lambda a: a * np.eye(a.shape[-1]),
    "tridiagonal": lambda a: np.triu(np.tril(a, 1), -1),
    "banded": lambda a: np.triu(np.tril(a, 2), -1),
    "upper triangular": np.triu, "lower triangular": np.tril,
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_systems_of_every_kind_are_those_of_scipy(kind):
    for lead, right in (((), (4,)), ((), (4, 2)), ((2, 3), (4, 2)), ((2,), (2, 4, 1))):
        a = KINDS[kind](batch(*lead, 4, 4) + 4 * np.eye(4))
        b = batch(*right)
        for lower in (False, True):
            for transposed in (False, True):
                options = {"assume_a": kind, "lower": lower, "transposed": transposed}
                if kind in ("sym", "her") and transposed:
                    continue  # SciPy refuses it
                meant = scipy.linalg.solve(a, b, **options)
                agree(lambda x, y, o=options: [pt.linalg.solve(x, y, **o)],
                      lambda x, y, m=meant: [m], a, b)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_derivatives_by_the_elements_that_are_read(kind):
    a = batch(3, 3) + 4 * np.eye(3)
    a = a + a.T if kind in ("sym", "her", "pos") else a

    def made(x):  # the derivative of a factor is that of a symmetric matrix
        return (x + x.mT) / 2 if kind == "pos" else x

    for transposed in (False, True):
        slopes(lambda x, y, t=transposed: pt.linalg.solve(made(x), y, assume_a=kind, transposed=t),
               a, batch(3, 2))  # fmt: skip


def test_vectors_by_b_ndim():
    a, b = batch(2, 3, 3), batch(2, 3)
    meant = np.linalg.solve(a, b[..., None])[..., 0]
    agree(lambda x, y: [pt.linalg.solve(x, y, b_ndim=1)], lambda *_: [meant], a, b)


def test_failures_are_nan():
    a = np.stack([np.eye(2), -np.eye(2), np.zeros((2, 2)), np.full((2, 2), np.nan)])
    x = static(a)
    b = np.ones((2, 1))
    outputs = [pt.linalg.solve(x, b, assume_a="pos"), pt.linalg.solve(x, b),
               pt.linalg.solve(x, b, assume_a="tridiagonal")]  # fmt: skip
    positive, general, banded = run([x], outputs, a)
    assert np.isfinite(positive[0]).all() and np.isnan(positive[1:]).all()
    for value in (general, banded):
        assert np.isfinite(value[:2]).all() and not np.isfinite(value[2:]).any()


def test_factors_for_systems():
    a, b = batch(5, 5), batch(5, 2)
    p = a @ a.T + np.eye(5)
    agree(
        lambda x, y, z: [
            *(pt.linalg.lu_solve(pt.linalg.lu_factor(x), y, t) for t in (0, 1, "T")),
            pt.linalg.lu_solve(pt.linalg.lu_factor(x), y[:, 0]),
            *(pt.linalg.cho_solve(pt.linalg.cho_factor(z, low), y) for low in (False, True)),
            pt.linalg.cho_factor(z)[0], pt.linalg.cho_factor(z, lower=True)[0],
        ],
        lambda x, y, z: [
            *(scipy.linalg.lu_solve(scipy.linalg.lu_factor(x), y, t) for t in (0, 1, 1)),
            scipy.linalg.lu_solve(scipy.linalg.lu_factor(x), y[:, 0]),
            *(scipy.linalg.cho_solve(scipy.linalg.cho_factor(z, low), y) for low in (0, 1)),
            np.triu(scipy.linalg.cho_factor(z)[0]), np.tril(scipy.linalg.cho_factor(z, True)[0]),
        ],
        a, b, p,
    )  # fmt: skip
    slopes(lambda x, y: pt.linalg.lu_solve(pt.linalg.lu_factor(x), y, 1), a, b)
    stacked = batch(2, 3, 3)
    agree(lambda x: [pt.linalg.lu_solve(pt.linalg.lu_factor(x), np.ones((3, 1)))],
          lambda x: [np.linalg.solve(x, np.ones((3, 1)))], stacked)  # fmt: skip


def test_pivots_and_orders():
    pivots = np.array([[2, 3, 2, 3], [0, 1, 2, 3]])
    meant = np.array([[2, 3, 0, 1], [0, 1, 2, 3]])
    agree(lambda p: [pt.linalg.pivot_to_permutation(p), pt.linalg.pivot_to_permutation(p, True)],
          lambda p: [meant, np.argsort(meant)], pivots)  # fmt: skip


def test_banded_systems_are_those_of_scipy():
    for n, below, above in ((1, 0, 0), (5, 1, 1), (6, 2, 1), (4, 0, 3), (5, 3, 0)):
        ab, b = batch(below + above + 1, n), batch(n, 2)
        ab[above] += 5
        pair = (below, above)
        agree(lambda x, y, p=pair: [pt.linalg.solve_banded(p, x, y),
                                    pt.linalg.solve_banded(p, x, y[:, 0])],
              lambda x, y, p=pair: [scipy.linalg.solve_banded(p, x, y),
                                    scipy.linalg.solve_banded(p, x, y[:, 0])], ab, b)  # fmt: skip
        slopes(lambda x, y, p=pair: pt.linalg.solve_banded(p, x, y), ab, b)
    many, right = batch(2, 3, 4), batch(4, 1)
    many[:, 1] += 5
    meant = np.stack([scipy.linalg.solve_banded((1, 1), x, right) for x in many])
    agree(lambda x, y: [pt.linalg.solve_banded((1, 1), x, y)], lambda *_: [meant], many, right)
    for count in (1, 2, 3):
        ab = batch(count, 5)
        for lower in (False, True):
            half = ab.copy()
            half[0 if lower else -1] += 6
            agree(lambda x, y, low=lower: [pt.linalg.solveh_banded(x, y, lower=low)],
                  lambda x, y, low=lower: [scipy.linalg.solveh_banded(x, y, lower=low)],
                  half, batch(5))  # fmt: skip
            slopes(lambda x, y, low=lower: pt.linalg.solveh_banded(x, y, lower=low), half, batch(5))


@pytest.mark.parametrize("shape", [(4, 3), (3, 5), (2, 3, 3), (1, 1), (0, 2), (3, 0)], ids=str)
def test_every_form_of_qr(shape):
    a = batch(*shape)

    def ours(x):
        q, r = pt.linalg.qr(x, "complete")
        qp, rp, p = pt.linalg.qr(x, pivoting=True)
        return [q @ r, q @ q.mT, ops.abs(r), ops.abs(pt.linalg.qr(x, "economic")[1]),
                pt.linalg.qr(x, "full", pivoting=True)[2], p, qp @ rp,
                pt.linalg.qr(x, "r", pivoting=True)[0], *pt.linalg.qr(x, "raw")]  # fmt: skip

    def meant(x):
        r = np.linalg.qr(x, "complete")[1]
        order = by_item(lambda y: scipy.linalg.qr(y, pivoting=True)[2], x) if x.size else np.arange(
            x.shape[-1]
        )
        taken = np.take_along_axis(x, np.broadcast_to(order[..., None, :], x.shape), -1)
        return [x, np.broadcast_to(np.eye(x.shape[-2]), (*x.shape[:-2], *[x.shape[-2]] * 2)),
                np.abs(r), np.abs(np.linalg.qr(x)[1]), order, order, taken,
                np.linalg.qr(taken, "r"), *np.linalg.qr(x, "raw")]  # fmt: skip

    agree(ours, meant, a, atol=1e-13)


@pytest.mark.parametrize("shape", [(5, 3), (3, 3), (2, 4)], ids=str)
def test_derivatives_of_square_and_pivoted_factors(shape):
    a, w = batch(*shape), batch(shape[0], shape[0])
    k = min(shape)

    def reads(x):
        q, r = pt.linalg.qr(x, "complete")
        qp, rp, _ = pt.linalg.qr(x, pivoting=True)
        rest = q[:, k:] @ q[:, k:].mT
        return ops.sum(w * rest) + ops.sum(q[:, :k] ** 3) + ops.sum(r**2 * 0.1) + ops.sum(
            qp**3
        ) + ops.sum(rp**3)

    slopes(reads, a, rtol=1e-5)


def test_wrong_calls_say_what_is_wrong():
    x = pt.tensor("x", (3, 4))
    s = x[:, :3]
    for call, words in (
        (lambda: pt.linalg.solve(s, x, assume_a="odd"), "solve: assume_a is one of 'gen'"),
        (lambda: pt.linalg.solve(s, x, b_ndim=3), "solve: b_ndim is 1 or 2, not 3"),
        (lambda: pt.linalg.solve(s, 1.0), "solve: b is a vector or has columns"),
        (lambda: pt.linalg.lu_solve(s, x), "lu_solve: the factors are a pair"),
        (lambda: pt.linalg.lu_solve((s, [0, 1, 2]), x, "x"), "lu_solve: trans is one of"),
        (lambda: pt.linalg.pivot_to_permutation(x), "takes pivots, whole numbers"),
        (lambda: pt.linalg.cho_factor(x), "cho_factor: needs square matrices"),
        (lambda: pt.linalg.solve_banded((1, 2), x, x[0]), "solve_banded: ab needs 4 diagonals"),
        (lambda: pt.linalg.solve_banded(1, x, x[0]), "l_and_u is a pair of numbers"),
        (lambda: pt.linalg.qr(x, "thin"), "qr: mode is one of 'reduced'"),
        (lambda: pt.linalg.qr(x, "raw", pivoting=True), "qr: mode 'raw' is without pivoting"),
    ):
        with pytest.raises(GraphError, match=words):
            call()


def test_positive_definite_systems_factor_once():
    x = static(definite(3, 3))
    f = pt.function([x], pt.linalg.solve(x, np.ones(3), assume_a="pos"), target="machine")
    assert f.explain("kernels").count("pt_cholesky") == 1


@pytest.mark.parametrize("transposed", [False, True])
def test_items_that_are_singular_have_no_finite_solution_and_leave_others_alone(transposed):
    a = np.array([[[1.0, 2.0], [2.0, 4.0]], [[2.0, 1.0], [0.0, 4.0]]])
    b = np.ones((2, 1))
    wanted = np.linalg.solve(a[1].T if transposed else a[1], b)
    system = pt.linalg.solve(a, b, transposed=transposed)
    factored = pt.linalg.lu_solve(pt.linalg.lu_factor(a), b, trans=int(transposed))
    for x in (system, factored):
        found = evaluate_numpy([x], {})[0]
        assert np.isnan(found[0]).all()
        np.testing.assert_allclose(found[1], wanted, rtol=1e-15)


@pytest.mark.parametrize("n", [2, 3, 8, 9, 40])
def test_solutions_of_singular_systems_are_nan(n):
    """All of an item: substitution would leave infinite and finite entries in it."""
    a, b, columns = ops.tensor("a", (3, n, n)), ops.tensor("b", (3, n)), ops.tensor("c", (3, n, 20))
    weights = np.append(np.ones(n - 1), 2.0)
    rows = np.stack([np.zeros((n, n)), np.eye(n), np.outer(weights, weights)])
    right = np.ones((3, n))
    for kind in ("gen", "sym"):
        for turned in (False, True):
            outputs = [
                pt.linalg.solve(a, b[..., None], assume_a=kind, transposed=turned),
                pt.linalg.solve(a, columns, assume_a=kind, transposed=turned),
            ]
            for target in ("interp", "machine"):
                f = pt.function([a, b, columns], outputs, target=target)
                for x in f(rows, right, np.ones((3, n, 20))):
                    assert np.isnan(x[[0, 2]]).all(), (kind, turned, target)
                    np.testing.assert_array_equal(x[1], 1.0)


def test_vectors_are_solved_by_each_triangle():
    """With more rows than small matrices have, as a routine of its own, both ways."""
    numbers = np.random.default_rng(7)
    full, vector = numbers.normal(size=(20, 20)) / 20 + np.eye(20), numbers.normal(size=20)
    a, b = pt.matrix("a"), pt.vector("b")
    outputs, meant = [pt.linalg.solve(a, b), pt.linalg.solve(a.mT, b)], [full, full.T]
    for lower in (False, True):
        for turned in (0, 1):
            outputs.append(pt.linalg.solve_triangular(a, b, lower=lower, trans=turned))
            half = np.tril(full) if lower else np.triu(full)
            meant.append(half.T if turned else half)
    for found, matrix in zip(pt.function([a, b], outputs, target="machine")(full, vector), meant):
        np.testing.assert_allclose(found, np.linalg.solve(matrix, vector), rtol=1e-10)
