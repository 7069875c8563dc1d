"""The number of operations per element after rewriting."""

import numpy as np
import pytest

from probtensor import ops
from probtensor.graph import toposort
from probtensor.ops.kinds import Contraction, Elementwise, Reduction, Scatter
from probtensor.rules import COMPILED, STABLE, divide_once, value_and_grad
from probtensor.testing.reference import evaluate_numpy
from probtensor.transform import apply_rules, autodiff
from probtensor.transform.passes import expand_composites

RNG = np.random.default_rng(0)
N = 40


def vector(name):
    return ops.tensor(name, (None,))


def normal(x, mu, sigma):
    return -0.5 * ops.square((x - mu) / sigma) - ops.log(sigma) - 0.5 * np.log(2 * np.pi)


def location_scale():
    x, mu, sigma = vector("x"), ops.tensor("mu"), ops.tensor("sigma")
    return ops.sum(normal(x, mu, sigma)), [mu, sigma], {x: RNG.normal(size=N), mu: 0.3, sigma: 1.7}


def regression():
    x, y = ops.tensor("x", (None, 3)), vector("y")
    w, sigma = ops.tensor("w", (3,)), ops.tensor("sigma")
    at = {x: RNG.normal(size=(N, 3)), y: RNG.normal(size=N), w: RNG.normal(size=3), sigma: 1.2}
    return ops.sum(normal(y, x @ w, sigma)), [w, sigma], at


def logistic():
    x, y, w = ops.tensor("x", (None, 3)), vector("y"), ops.tensor("w", (3,))
    eta = x @ w
    at = {x: RNG.normal(size=(N, 3)), y: RNG.integers(0, 2, N), w: RNG.normal(size=3)}
    return ops.sum(y * eta - ops.log(1 + ops.exp(eta))), [w], at


def varying_intercepts():
    y, group = vector("y"), ops.tensor("group", (None,), "int64")
    mu, tau, sigma = (ops.tensor(n) for n in ("mu", "tau", "sigma"))
    z = ops.tensor("z", (5,))
    at = {
        y: RNG.normal(size=N), group: RNG.integers(0, 5, N), mu: 0.2, tau: 0.7, sigma: 1.1,
        z: RNG.normal(size=5),
    }  # fmt: skip
    return ops.sum(normal(y, (mu + tau * z)[group], sigma)), [mu, tau, z, sigma], at


def poisson():
    y, w = vector("y"), ops.tensor("w")
    x = vector("x")
    eta = w * x
    at = {y: RNG.integers(0, 4, N), x: RNG.normal(size=N), w: 0.3}
    return ops.sum(y * eta - ops.exp(eta) - ops.lgamma(y + 1)), [w], at


# What is done at each datum, for the value and all gradients together. Sums, products with a
# matrix and scatters are folds: one addition (and product) each.
# A value divided by a scale is multiplied by its inverse, where squares of numbers and of scales
# that are both small, or both large, would leave the range apart. Sums and products with a matrix
# take a factor out only where nothing else changes, so that a regression multiplies each residual.
WORK = {
    location_scale: {"sub": 1, "mul": 1, "square": 1, "sum": 2},
    regression: {"sub": 1, "mul": 4, "square": 1, "sum": 1, "contract": 2},
    logistic: {"mul": 1, "sub": 2, "softplus": 1, "sigmoid": 1, "sum": 1, "contract": 2},
    varying_intercepts: {"sub": 1, "mul": 4, "square": 1, "sum": 1, "scatter": 1},
}


def rewritten_to_run(outputs):
    """What is compiled, but for other composites."""
    return divide_once(apply_rules(expand_composites(outputs, ops.SumTo), COMPILED))


def work(outputs):
    """Operations on full-size operands, by name."""
    found = {}
    for node in toposort(outputs):
        kinds = (Elementwise, Reduction, Contraction, Scatter)
        large = any(not x.type.is_static for x in (node, *node.inputs))
        if isinstance(node.op, kinds) and large and node.op.name != "cast":
            found[node.op.name] = found.get(node.op.name, 0) + 1
    return found


@pytest.mark.parametrize("model", WORK, ids=lambda m: m.__name__)
def test_work_at_each_datum(model):
    cost, wrt, _ = model()
    value, gradients = value_and_grad(cost, wrt)
    assert work(rewritten_to_run([value, *gradients])) == WORK[model]


@pytest.mark.parametrize("model", [*WORK, poisson], ids=lambda m: m.__name__)
def test_value_and_gradients_are_those_of_the_plain_graph(model):
    cost, wrt, at = model()
    value, gradients = value_and_grad(cost, wrt)
    rewritten = rewritten_to_run([value, *gradients])
    plain = [cost, *autodiff.gradient(cost, wrt)]
    for got, wanted in zip(evaluate_numpy(rewritten, at), evaluate_numpy(plain, at)):
        np.testing.assert_allclose(got, wanted, rtol=1e-11)


def test_a_sum_of_exact_differences_is_not_taken_apart():
    """sum(x - mean) cancels; n * mean taken from sum(x) would lose its digits."""
    x, mean = vector("x"), ops.tensor("mean")
    (after,) = apply_rules([ops.sum(x - mean)], STABLE)
    at = {x: 1e8 + RNG.normal(size=N), mean: 1e8}
    (value,) = evaluate_numpy([after], at)
    np.testing.assert_allclose(value, np.sum(at[x] - 1e8), rtol=1e-15)


def test_what_is_no_sum_keeps_its_quotients():
    """An output is correctly rounded at each step, as NumPy's is; literals and signs still meet."""
    x, s = vector("x"), ops.tensor("s")
    (after,) = rewritten_to_run([-(x / s) * 2.0 / 4.0 / s])
    assert work([after]) == {"div": 2, "mul": 1}
    at = {x: np.array([98.0, 49.0]), s: 49.0}
    assert np.array_equal(evaluate_numpy([after], at)[0], -at[x] / 49 / 2 / 49)


def test_gradient_of_a_vector_read_in_parts_is_joined():
    q = ops.tensor("q", (6,))
    cost = ops.exp(q[0]) + ops.sum(ops.square(q[1:4])) + ops.sum(ops.sin(q[4:]))
    _, gradient = value_and_grad(cost, q)
    (after,) = apply_rules([gradient], STABLE)
    assert not any(isinstance(n.op, ops.Add) and n.shape == (6,) for n in toposort([after]))
    at = {q: RNG.normal(size=6)}
    wanted = np.concatenate([np.exp(at[q][:1]), 2 * at[q][1:4], np.cos(at[q][4:])])
    np.testing.assert_allclose(evaluate_numpy([after], at)[0], wanted, rtol=1e-14)
