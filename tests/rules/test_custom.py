"""Derivatives that users give, and functions that a derivative computes again."""

import pickle

import numpy as np
import pytest

import probtensor as pt
from probtensor.graph import GraphError
from probtensor.lower.memory import layout
from probtensor.testing.reference import evaluate_numpy


def doubled():
    """x * y and x + y with gradients of the first that are ten times too large, to be seen."""

    @pt.custom_vjp
    def both(x, y):
        return pt.sum(x * y), x + y

    def forward(x, y):
        return both(x, y), (x, y)

    def backward(residuals, cotangents):
        x, y = residuals
        first, second = cotangents
        return 10 * first * y + second, 10 * first * x + second

    both.defvjp(forward, backward)
    return both


def test_a_gradient_is_that_of_the_rule_in_every_mode():
    both = doubled()
    x, y = pt.vector("x"), pt.vector("y")
    a, b = both(x, y)
    at = {x: np.array([1.0, 2.0]), y: np.array([3.0, 4.0])}
    cost = a + pt.sum(b * b)
    outs = [a, b, *pt.grad(cost, [x, y]), pt.jvp(a, x, np.ones(2)), pt.hessian(cost, [x, y])[0][1]]
    f = pt.function([x, y], outs)
    for g in (f, pickle.loads(pickle.dumps(f))):
        value, joined, by_x, by_y, pushed, mixed = g(*at.values())
        assert value == 11
        np.testing.assert_array_equal(joined, [4, 6])
        np.testing.assert_array_equal(by_x, [38, 52])
        np.testing.assert_array_equal(by_y, [18, 32])
        assert pushed == 70
        np.testing.assert_array_equal(mixed, 12 * np.eye(2))


def test_a_batch_has_the_gradients_of_its_items_and_sums_for_what_they_share():
    both = doubled()
    rows, y = pt.matrix("rows"), pt.vector("y")
    values = {rows: np.arange(6.0).reshape(3, 2), y: np.array([3.0, 4.0])}
    first = pt.vmap(lambda x: both(x, y)[0])(rows)
    inner = pt.vmap(lambda x: pt.grad(both(x, y)[0], x))(rows)
    by_row, by_y = pt.grad(pt.sum(first), [rows, y])
    got = evaluate_numpy([first, inner, by_row, by_y], values)
    np.testing.assert_array_equal(got[0], values[rows] @ values[y])
    np.testing.assert_array_equal(got[1], np.tile([30.0, 40.0], (3, 1)))
    np.testing.assert_array_equal(got[2], got[1])
    np.testing.assert_array_equal(got[3], 10 * values[rows].sum(0))


def test_forward_rules_are_transposed_and_hold_for_higher_orders():
    @pt.custom_jvp
    def sine(x, scale):
        return pt.sin(x * scale)

    @sine.defjvp
    def rule(arguments, tangents):
        x, scale = arguments
        slope = pt.cos(x * scale)
        return sine(x, scale), slope * (tangents[0] * scale + x * tangents[1])

    x, s = pt.vector("x"), pt.scalar("s")
    plain, own = pt.sum(pt.sin(x * s) ** 2), pt.sum(sine(x, s) ** 2)
    at = {x: np.array([0.3, -1.2]), s: np.array(1.7)}
    pairs = []
    for cost in (plain, own):
        slopes = pt.grad(cost, [x, s])
        pairs.append([*slopes, pt.jvp(cost, s, 1.0), pt.hessian(cost, x),
                      pt.grad(pt.sum(pt.hessian(cost, x)), x)])  # fmt: skip
    for a, b in zip(*(evaluate_numpy(nodes, at) for nodes in pairs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_a_rule_that_calls_its_function_ends_with_a_refusal_not_without_end():
    @pt.custom_vjp
    def exponential(x):
        return pt.exp(x)

    def forward(x):
        y = exponential(x)
        return y, y

    exponential.defvjp(forward, lambda y, g: (g * y,))
    x = pt.scalar("x")
    y = exponential(x)
    for _ in range(4):
        y = pt.grad(y, x)
        np.testing.assert_allclose(y.eval({x: 1.0}), np.e)
    with pytest.raises(GraphError, match="undefined_grad has no derivative"):
        pt.grad(y, x)


def test_what_is_wrong_is_refused():
    x, w = pt.vector("x"), pt.vector("w")

    with pytest.raises(GraphError, match="no derivative yet"):
        pt.custom_vjp(lambda x: x)(x)
    with pytest.raises(GraphError, match="takes a function"):
        pt.custom_jvp(3)
    reads = pt.custom_vjp(lambda x: x * w)
    reads.defvjp(lambda x: (x * w, x), lambda r, g: (g,))
    with pytest.raises(GraphError, match="depends on w, which is none of its arguments"):
        reads(x)
    few = pt.custom_vjp(lambda x, y: x * y)
    few.defvjp(lambda x, y: (x * y, (x, y)), lambda r, g: (g,))
    with pytest.raises(GraphError, match="gives 1 gradients"):
        few(x, w)
    wide = pt.custom_vjp(pt.sum)
    wide.defvjp(lambda x: (pt.sum(x), x), lambda x, g: (pt.ones((2, 3)),))
    with pytest.raises(GraphError, match=r"a gradient of .* has shape \(2, 3\)"):
        wide(x)


def test_integers_have_no_gradient_and_pass_through():
    pick = pt.custom_vjp(lambda x, i: x[i])
    pick.defvjp(lambda x, i: (x[i], (x, i)), lambda r, g: (pt.ones_like(r[0]) * g, None))
    x, i = pt.vector("x"), pt.lscalar("i")
    got = pt.grad(pick(x, i), x).eval({x: [1.0, 2.0, 3.0], i: 1})
    np.testing.assert_array_equal(got, np.ones(3))


def layers(weights, x, wrap):
    """tanh layers in two blocks, each wrapped."""
    half = len(weights) // 2

    def block(own):
        def run(x):
            for w in own:
                x = pt.tanh(x @ w)
            return x

        return wrap(run)

    return pt.sum(block(weights[half:])(block(weights[:half])(x)) ** 2)


def test_a_checkpointed_function_keeps_less_and_gives_the_same():
    weights = [pt.matrix(f"w{k}") for k in range(8)]
    x = pt.matrix("x")
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(6, 6)) / 3 for _ in range(9)]
    memory, results = [], []
    for wrap in (lambda f: f, pt.checkpoint):
        cost = layers(weights, x, wrap)
        f = pt.function([x, *weights], [cost, pt.grad(cost, x)], target="machine")
        results.append(f(*arrays))
        sizes = {source.name: 6 for source in f.plan.sizes}
        memory.append(layout(f.plan, sizes)[0])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)
    assert memory[1] < 0.8 * memory[0]
