"""Diagonal matrices plus ones of low rank are solved by small factors."""

import numpy as np
import pytest

import probtensor as pt
from probtensor import ops
from probtensor.compile import PIPELINE
from probtensor.graph import toposort
from probtensor.transform.passes import run

N, K = 60, 3


def made(diagonal):
    """(inputs, solution, log determinant, sign) of a graph of diag(d) + u @ u.mT."""
    u, s, b = pt.tensor("u", (N, K)), pt.tensor("s", (N,)), pt.tensor("b", (N, 2))
    a = diagonal(s) + u @ u.mT
    found = pt.linalg.slogdet(a)
    return [u, s, b], [pt.linalg.solve(a, b), found.logabsdet, found.sign]


DIAGONALS = {
    "exp": (lambda s: pt.diag(pt.exp(s)), lambda s: np.diag(np.exp(s))),
    "scaled": (lambda s: pt.exp(s[0]) * pt.eye(N), lambda s: np.exp(s[0]) * np.eye(N)),
}


@pytest.mark.parametrize("name", DIAGONALS)
@pytest.mark.parametrize("size", [1e-3, 1.0, 1e4])
def test_values_are_those_of_the_dense_matrix(name, size):
    symbolic, dense = DIAGONALS[name]
    inputs, outputs = made(symbolic)
    f = pt.function(inputs, outputs, target="machine")
    rng = np.random.default_rng(1)
    u, s, b = size * rng.normal(size=(N, K)), rng.normal(size=N), rng.normal(size=(N, 2))
    x, logs, sign = f(u, s, b)
    a = dense(s) + u @ u.T
    # As exact as the condition number of the matrix allows.
    digits = 1e-15 * max(100.0, np.linalg.cond(a))
    np.testing.assert_allclose(x, np.linalg.solve(a, b), rtol=digits, atol=digits)
    np.testing.assert_allclose(logs, np.linalg.slogdet(a)[1], rtol=digits)
    assert sign == 1


def test_only_a_small_matrix_is_factored():
    inputs, outputs = made(DIAGONALS["exp"][0])
    cost = pt.sum(outputs[0]) + outputs[1]
    graph = pt.rewrite_graph([cost, *pt.grad(cost, inputs)])
    factors = [x for x in toposort(graph) if isinstance(x.op, (ops.Cholesky, ops.Solve, ops.Inv))]
    assert {x.shape[-2:] for x in factors} == {(K, K)}


def test_gradients_are_those_of_differences():
    u, s, b = (np.random.default_rng(2).normal(size=shape) for shape in ((9, 2), (9,), (9, 1)))

    def cost(u, s, b):
        a = pt.diag(pt.exp(s)) + u @ u.mT
        return pt.sum(pt.square(pt.linalg.solve(a, b))) + pt.linalg.slogdet(a).logabsdet

    pt.autodiff.verify_grad(cost, [u, s, b], target="machine")


def test_a_diagonal_that_may_be_zero_is_left_dense():
    d = np.array([0.0, *np.ones(5)])
    u, b = np.ones((6, 1)), np.arange(6.0)
    own = pt.tensor("u", (6, 1))
    x = pt.function([own], pt.linalg.solve(pt.diag(d) + own @ own.T, b), target="machine")(u)
    np.testing.assert_allclose(x, np.linalg.solve(np.diag(d) + u @ u.T, b), rtol=1e-12)


def test_sizes_may_be_unknown_and_have_two_names():
    """Also where u and d have different sizes in a call, as they broadcast."""
    s, u, b = pt.vector("s"), pt.matrix("u", shape=(None, K)), pt.vector("b")
    a = pt.diag(pt.exp(s)) + u @ u.T
    logs = pt.linalg.slogdet(a).logabsdet
    outputs = [pt.linalg.inv(a) @ b, logs, pt.linalg.inv(a)]
    grads = pt.grad(outputs[0] @ b + logs, [s, u, b])
    f = pt.function([s, u, b], [*outputs, *grads], target="machine")
    rng = np.random.default_rng(3)
    for rows, others, n in ((2, 2, 2), (30, 30, 30), (1, 2, 2), (30, 1, 30)):
        s_, u_, b_ = rng.normal(size=rows), rng.normal(size=(others, K)), rng.normal(size=n)
        dense = np.diag(np.exp(s_)) + u_ @ u_.T
        inverse = np.linalg.inv(dense)
        x = inverse @ b_
        slope = inverse - np.outer(x, x)
        # What is broadcast has the sum of the derivatives along the axis.
        of_s = np.diag(slope) * np.exp(s_) if rows > 1 else slope.sum(keepdims=True)[0] * np.exp(s_)
        scale = slope if others > 1 or n == 1 else slope.sum(keepdims=True)
        wanted = [x, np.linalg.slogdet(dense)[1], inverse, of_s, 2 * scale @ u_, 2 * x]
        for value, meant in zip(f(s_, u_, b_), wanted, strict=True):
            np.testing.assert_allclose(value, meant, rtol=1e-11, atol=1e-12)

    routines = (ops.Cholesky, ops.Solve, ops.Inv, ops.LogAbsDet)
    final = run(PIPELINE, [*outputs, *grads])
    assert {x.shape for y in toposort(final) if isinstance(y.op, routines)
            for x in y.inputs[:1]} == {(K, K)}  # fmt: skip
    # Of two names for one size in a call, or of one name.
    (same,) = pt.rewrite_graph([pt.linalg.slogdet(pt.exp(s[0]) * pt.eye(u.shape[0]) + u @ u.T)[1]])
    assert {x.inputs[0].shape for x in toposort([same]) if isinstance(x.op, routines)} == {(K, K)}
