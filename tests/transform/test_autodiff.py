"""Derivatives against finite differences, closed forms and each other; their errors and limits."""

import numpy as np
import pytest

import probtensor as pt
from probtensor import ops
from probtensor.graph import GraphError, line_of, toposort
from probtensor.graph.check import check
from probtensor.rules import hessian, hvp, value_and_grad
from probtensor.testing.reference import evaluate_numpy
from probtensor.transform import gradient, pull_back, push_forward, stacked_jacobian

RNG = np.random.default_rng(7)


def value(node, values):
    return evaluate_numpy([node], values)[0]


def test_gradients_of_broadcast_operands_are_summed_back():
    x, s, r = ops.tensor("x", (4, 3)), ops.tensor("s"), ops.tensor("r", (3,))
    c = ops.tensor("c", (4, 1))
    cost = ops.sum(ops.exp(x * s) * r + c * x)
    at = {
        x: RNG.normal(size=(4, 3)), s: np.array(0.7), r: RNG.normal(size=3),
        c: RNG.normal(size=(4, 1)),
    }  # fmt: skip
    found = gradient(cost, [x, s, r, c])
    assert [g.type for g in found] == [n.type for n in (x, s, r, c)]
    e = np.exp(at[x] * at[s])
    wanted = [
        e * at[s] * at[r] + at[c],
        np.sum(e * at[x] * at[r]),
        e.sum(0),
        at[x].sum(1, keepdims=True),
    ]
    for g, w in zip(evaluate_numpy(found, at), wanted):
        np.testing.assert_allclose(g, w, rtol=1e-13)


def test_symbolic_sizes_pass_through():
    x, w = ops.tensor("x", (None, 3)), ops.tensor("w", (3,))
    cost = ops.sum(ops.softplus(x @ w))
    gx, gw = gradient(cost, [x, w])
    assert gx.type == x.type and gw.type == w.type
    check([gx, gw], [x, w])
    at = {x: RNG.normal(size=(5, 3)), w: RNG.normal(size=3)}
    p = 1 / (1 + np.exp(-(at[x] @ at[w])))
    np.testing.assert_allclose(value(gw, at), at[x].T @ p, rtol=1e-13)
    np.testing.assert_allclose(value(gx, at), p[:, None] * at[w], rtol=1e-13)


def test_a_node_used_often_collects_every_contribution():
    x = ops.tensor("x")
    y = x
    for _ in range(5):
        y = y * y + x
    at = 0.3
    h = 1e-6
    finite = (value(y, {x: at + h}) - value(y, {x: at - h})) / (2 * h)
    np.testing.assert_allclose(value(gradient(y, x), {x: at}), finite, rtol=1e-8)


def test_gradient_with_respect_to_an_inner_node_and_what_it_depends_on():
    x = ops.tensor("x")
    y = ops.exp(x)
    cost = y * y + x
    gy, gx = gradient(cost, [y, x])
    at = {x: np.array(0.4)}
    np.testing.assert_allclose(value(gy, at), 2 * np.exp(0.4))
    np.testing.assert_allclose(value(gx, at), 2 * np.exp(0.8) + 1)


def test_known_gradients_and_constants():
    x = ops.tensor("x", (3,))
    y = ops.exp(x)
    at = {x: np.array([0.1, 0.2, 0.3])}
    seeded = gradient(None, x, known_grads={y: np.array([1.0, 2.0, 3.0])})
    np.testing.assert_allclose(value(seeded, at), np.array([1, 2, 3]) * np.exp(at[x]))
    held = gradient(ops.sum(y * x), x, consider_constant=[y])
    np.testing.assert_allclose(value(held, at), np.exp(at[x]))
    stopped = gradient(ops.sum(ops.stop_gradient(y) * x), x)
    np.testing.assert_allclose(value(stopped, at), np.exp(at[x]))
    clipped = gradient(ops.sum(ops.grad_clip(x, -1, 1) * 5), x)
    np.testing.assert_allclose(value(clipped, at), np.ones(3))


def test_value_and_grad_shares_the_cost():
    x = ops.tensor("x", (3,))
    cost = ops.sum(ops.exp(x))
    same, g = value_and_grad(cost, [x])
    assert same is cost and g[0].type == x.type


def test_dtypes_follow_the_operands():
    x, k = ops.tensor("x", (3,), "float32"), ops.tensor("k", (3,), "int64")
    cost = ops.sum(x * ops.astype(k, "float64"))
    g = gradient(cost, x)
    assert g.dtype == "float32"
    at = {x: np.ones(3, "float32"), k: np.array([1, 2, 3])}
    assert value(g, at).tolist() == [1, 2, 3]


@pytest.mark.parametrize("make", [
    lambda x: ops.sum(ops.floor(x) * 2.0),
    lambda x: ops.sum(ops.astype(x, "int64") * 2.0),
    lambda x: ops.sum(ops.where(x > 0, 1.0, 2.0)),
    lambda x: ops.sum(ops.stop_gradient(x)),
])  # fmt: skip
def test_flat_functions_have_zero_gradients(make):
    x = ops.tensor("x", (3,))
    g = gradient(make(x), x, disconnected_inputs="ignore")
    assert value(g, {x: np.array([0.5, -1.5, 2.5])}).tolist() == [0, 0, 0]


def test_zero_derivatives_are_not_multiplied_on():
    """d floor(log(x)) is zero even where log has an infinite derivative."""
    x = ops.tensor("x", (2,))
    g = gradient(ops.sum(ops.floor(ops.log(x))) + ops.sum(x), x)
    assert value(g, {x: np.zeros(2)}).tolist() == [1, 1]


# Errors.


def test_the_cost_must_be_a_scalar():
    with pytest.raises(GraphError, match=r"shape \(3,\).*\n.*pt\.sum"):
        gradient(ops.tensor("x", (3,)), ops.tensor("y"))


def test_the_cost_must_be_a_float():
    i = ops.tensor("i", (), "int64")
    with pytest.raises(GraphError, match="cost is int64"):
        gradient(i, i)


@pytest.mark.parametrize("dtype", ["int64", "bool"])
def test_only_floats_have_derivatives(dtype):
    k = ops.tensor("k", (3,), dtype)
    with pytest.raises(GraphError, match=f"respect to k.*test_autodiff.py:.*{dtype}"):
        gradient(ops.sum(k * 2.0), k)


def test_disconnected_inputs():
    x, y = ops.tensor("x"), ops.tensor("lonely", (2,))
    with pytest.raises(GraphError, match=r"does not depend on lonely.*test_autodiff.py"):
        gradient(x * x, [x, y])
    with pytest.warns(UserWarning, match="lonely"):
        gradient(x * x, [x, y], disconnected_inputs="warn")
    zero = gradient(x * x, [x, y], disconnected_inputs="ignore")[1]
    assert value(zero, {x: 1.0, y: np.ones(2)}).tolist() == [0, 0]
    options = {"disconnected_inputs": "ignore", "return_disconnected": "none"}
    assert gradient(x * x, [x, y], **options)[1] is None
    with pytest.raises(ValueError, match="disconnected_inputs='often'"):
        gradient(x * x, x, disconnected_inputs="often")


def test_what_is_not_a_node_is_named():
    with pytest.raises(GraphError, match="not list"):
        gradient(ops.tensor("x"), [[1.0]])


def test_wrong_number_of_cotangents():
    x = ops.tensor("x", (3,))
    with pytest.raises(GraphError, match="1 cotangents for 2 outputs"):
        pull_back([x, x], [x], [np.ones(3)])


# Forward mode, and both together.


def mixed(x, w):
    """A bit of every kind: products, views, gathers, reductions, choices, compositions."""
    t = ops.tanh(x @ w)
    picked = t[ops.constant(np.array([2, 0, 2]))]
    joined = ops.concatenate([picked, ops.square(t)[::2]])
    return ops.where(joined > 0, joined * joined, ops.exp(joined)) + ops.logsumexp(t) * ops.prod(w)


def test_forward_and_reverse_mode_agree():
    x, w = ops.tensor("x", (4, 3)), ops.tensor("w", (3,))
    y = mixed(x, w)
    at = {x: RNG.normal(size=(4, 3)), w: RNG.normal(size=3)}
    tx, tw = RNG.normal(size=(4, 3)), RNG.normal(size=3)
    u = RNG.normal(size=y.shape)
    pushed = value(push_forward(y, [x, w], [tx, tw]), at)
    gx, gw = evaluate_numpy(pull_back(y, [x, w], u), at)
    np.testing.assert_allclose(np.sum(u * pushed), np.sum(gx * tx) + np.sum(gw * tw), rtol=1e-12)
    h = 1e-6
    ahead = value(y, {x: at[x] + h * tx, w: at[w] + h * tw})
    behind = value(y, {x: at[x] - h * tx, w: at[w] - h * tw})
    np.testing.assert_allclose(pushed, (ahead - behind) / (2 * h), rtol=1e-6, atol=1e-8)


def test_jacobian_and_hessian():
    x = ops.tensor("x", (3,))
    a = RNG.normal(size=(2, 3))
    at = {x: RNG.normal(size=3)}
    np.testing.assert_allclose(
        value(stacked_jacobian(ops.constant(a) @ ops.exp(x), x), at), a * np.exp(at[x])
    )
    cost = ops.sum(x) * ops.sum(x * x)
    v = at[x]
    wanted = 2 * v[:, None] + 2 * v[None, :] + 2 * v.sum() * np.eye(3)
    np.testing.assert_allclose(value(hessian(cost, x), at), wanted, rtol=1e-12)
    p = RNG.normal(size=3)
    np.testing.assert_allclose(value(hvp(cost, x, p), at), wanted @ p, rtol=1e-12)


def test_jacobian_of_a_vector_of_unknown_size():
    x = ops.tensor("x", (None,))
    j = stacked_jacobian(ops.square(x) * ops.sum(x), x)
    at = np.array([1.0, 2.0, -3.0, 0.5])
    wanted = np.diag(2 * at * at.sum()) + (at**2)[:, None]
    np.testing.assert_allclose(value(j, {x: at}), wanted)


def test_jacobians_of_several():
    x, y = ops.tensor("x", (2,)), ops.tensor("y", (3,))
    out = [ops.sum(x) * y, ops.sum(y)]
    rows = stacked_jacobian(out, [x, y])
    assert [[j.shape for j in row] for row in rows] == [[(3, 2), (3, 3)], [(2,), (3,)]]


def test_derivatives_to_the_fourth_order():
    x = ops.tensor("x")
    y = ops.exp(2 * x) * ops.sin(x)
    d = y
    for _ in range(4):
        d = gradient(d, x)
    at = 0.3
    # (2 + i)**4 = -7 + 24i
    wanted = np.exp(2 * at) * (-7 * np.sin(at) + 24 * np.cos(at))
    np.testing.assert_allclose(value(d, {x: at}), wanted, rtol=1e-12)


def test_forward_over_forward():
    x = ops.tensor("x")
    first = push_forward(ops.sin(x), x, 1.0)
    second = push_forward(first, x, 1.0)
    np.testing.assert_allclose(value(second, {x: 0.4}), -np.sin(0.4))


# Size and depth.


def test_deep_graphs_need_no_stack_and_linear_time():
    x = ops.tensor("x")
    y = x
    for k in range(3000):
        y = ops.sin(y) if k % 2 else y * 0.999
    g = gradient(y, x)
    assert len(toposort([g])) < 8 * 3000
    assert np.isfinite(value(g, {x: 0.5}))
    t = push_forward(y, x, 1.0)
    np.testing.assert_allclose(value(t, {x: 0.5}), value(g, {x: 0.5}), rtol=1e-10)


def test_gradients_know_the_line_of_the_forward_node():
    x = ops.tensor("x", (3,))
    inner = ops.sinh(x)
    cost = ops.sum(inner)
    found = [n for n in toposort([gradient(cost, x)]) if isinstance(n.op, ops.Cosh)]
    assert [line_of(n) for n in found] == [line_of(inner)]


def test_second_derivatives_of_slices_with_symbolic_bounds():
    x, y = ops.tensor("x", (None,)), ops.tensor("y", (None,))
    m = y.shape[0]
    parts = {"start": x[:m], "end": x[m:], "middle": x[1:m], "backwards": x[m:0:-1]}
    costs = {name: ops.sum(part**3) for name, part in parts.items()}
    made = {name: hessian(cost, x) for name, cost in costs.items()}
    function = pt.function([x, y], made, target="interp")
    values = np.array([1.0, 2.0, 3.0, 4.0])
    chosen = {"start": [0, 1, 2], "end": [3], "middle": [1, 2], "backwards": [3, 2, 1]}
    for name, found in function(values, np.zeros(3)).items():
        wanted = np.zeros(4)
        wanted[chosen[name]] = 6 * values[chosen[name]]
        np.testing.assert_allclose(found, np.diag(wanted), err_msg=name)
