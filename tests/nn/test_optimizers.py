"""Optimisers against their published rules, written in NumPy."""

import numpy as np
import pytest

import probtensor as pt
from probtensor import nn

CURVES = np.array([0.3, 1.0, 2.0, 0.5])
START = np.array([1.0, -2.0, 0.5, 3.0])


def slope(w):
    """Of sum(cosh(curve * w))."""
    return CURVES * np.sinh(CURVES * w)


def sgd(w, state, t, rate=0.05):
    return w - rate * slope(w)


def momentum(w, s, t, rate=0.05, m=0.9):
    s["v"] = m * s.get("v", 0) - rate * slope(w)
    return w + s["v"]


def nesterov_momentum(w, s, t, rate=0.05, m=0.9):
    s["v"] = m * s.get("v", 0) - rate * slope(w)
    return w + m * s["v"] - rate * slope(w)


def adagrad(w, s, t, rate=0.05, e=1e-6):
    s["a"] = s.get("a", 0) + slope(w) ** 2
    return w - rate * slope(w) / np.sqrt(s["a"] + e)


def rmsprop(w, s, t, rate=0.05, rho=0.9, e=1e-6):
    s["a"] = rho * s.get("a", 0) + (1 - rho) * slope(w) ** 2
    return w - rate * slope(w) / np.sqrt(s["a"] + e)


def adadelta(w, s, t, rate=0.05, rho=0.95, e=1e-6):
    g = slope(w)
    s["a"] = rho * s.get("a", 0) + (1 - rho) * g**2
    change = np.sqrt(s.get("d", 0) + e) / np.sqrt(s["a"] + e) * g
    s["d"] = rho * s.get("d", 0) + (1 - rho) * change**2
    return w - rate * change


def adam(w, s, t, rate=0.05, b1=0.9, b2=0.999, e=1e-8, decay=0.0, amsgrad=False):
    g = slope(w)
    s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
    s["s"] = b2 * s.get("s", 0) + (1 - b2) * g**2
    s["top"] = np.maximum(s.get("top", 0), s["s"])
    mean = s["m"] / (1 - b1**t)
    square = (s["top"] if amsgrad else s["s"]) / (1 - b2**t)
    return w - rate * mean / (np.sqrt(square) + e) - rate * decay * w


def adamax(w, s, t, rate=0.05, b1=0.9, b2=0.999, e=1e-8):
    g = slope(w)
    s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
    s["u"] = np.maximum(b2 * s.get("u", 0), abs(g))
    return w - rate / (1 - b1**t) * s["m"] / (s["u"] + e)


RULES = {
    "sgd": (sgd, {}), "momentum": (momentum, {}), "nesterov_momentum": (nesterov_momentum, {}),
    "adagrad": (adagrad, {}), "rmsprop": (rmsprop, {}), "adadelta": (adadelta, {}),
    "adam": (adam, {}), "adamax": (adamax, {}), "adam amsgrad": (adam, {"amsgrad": True}),
    "adam weight_decay": (adam, {"weight_decay": 0.1}),
}  # fmt: skip


def loss_of(w):
    return pt.sum(pt.cosh(pt.as_tensor(CURVES) * w))


@pytest.mark.parametrize("name", RULES)
def test_steps_are_those_of_the_published_rule(name):
    rule, settings = RULES[name]
    optimizer = getattr(nn, name.split()[0])
    w, other = pt.shared(START, "w"), pt.shared(np.float32([1.0, 2.0]), "b")
    loss = loss_of(w) + pt.sum(other.astype("float64") ** 2)
    updates = optimizer(loss, [w, other], learning_rate=0.05, **settings)
    f = pt.function([], loss, updates=updates)
    expected, state = START, {}
    settings = {{"weight_decay": "decay"}.get(k, k): v for k, v in settings.items()}
    losses = []
    for t in range(1, 30):
        losses.append(float(f()))
        expected = rule(expected, state, t, **settings)
        np.testing.assert_allclose(w.get_value(), expected, rtol=1e-12, err_msg=f"step {t}")
    assert losses[-1] < losses[0] and other.get_value().dtype == np.float32


@pytest.mark.parametrize("name", sorted({name.split()[0] for name in RULES}))
def test_minima_are_found(name):
    rates = {"adadelta": 1.0, "adagrad": 1.0, "sgd": 0.2, "momentum": 0.05}
    w = pt.shared(START)
    optimizer = getattr(nn, name)
    f = pt.function([], updates=optimizer(loss_of(w), [w], rates.get(name, 0.05)))
    for _ in range(2000):
        f()
    assert np.abs(w.get_value()).max() < 0.06


def test_gradients_of_ones_own_and_schedules():
    w, rate = pt.shared(START, "w"), pt.shared(0.1)
    (slopes,) = nn.total_norm_constraint([pt.grad(loss_of(w), w)], 1.0)
    f = pt.function([], updates={**nn.sgd([slopes], [w], rate), rate: rate / 2})
    expected, size = START, 0.1
    for _ in range(4):
        g = slope(expected)
        expected = expected - size * g * min(np.linalg.norm(g), 1.0) / (1e-7 + np.linalg.norm(g))
        size /= 2
        f()
    np.testing.assert_allclose(w.get_value(), expected, rtol=1e-12)


def test_constraints_of_norms():
    rng = np.random.default_rng(2)
    for shape, axes in (((4, 3), (0,)), ((5, 2, 3), (1, 2)), ((4, 3), (1,))):
        x = rng.normal(size=shape)
        norms = np.sqrt((x**2).sum(axis=axes, keepdims=True))
        given = {} if axes != (1,) else {"norm_axes": axes}
        found = nn.norm_constraint(x, 1.2, **given).eval()
        np.testing.assert_allclose(found, x * np.minimum(norms, 1.2) / (1e-7 + norms))
    a, b = rng.normal(size=3), rng.normal(size=(2, 2)).astype("float32")
    (c, d), norm = nn.total_norm_constraint([a, b], 0.5, return_norm=True)
    whole = np.sqrt((a**2).sum() + (b**2).sum())
    np.testing.assert_allclose(norm.eval(), whole, rtol=1e-6)
    np.testing.assert_allclose(c.eval(), a * 0.5 / whole, rtol=1e-6)
    assert d.dtype == "float32"


ERRORS = {
    "an input": (lambda: nn.adam(pt.sum(pt.vector("x")), [pt.vector("x")]), "list of shared"),
    "nothing": (lambda: nn.sgd(pt.scalar("x"), []), "not no variables"),
    "twice": (lambda: nn.sgd(loss_of(W), [W, W]), "given twice"),
    "too many gradients": (lambda: nn.sgd([W, W], [W]), "2 gradients for 1"),
    "a vector as loss": (lambda: nn.adam(W * 2.0, [W]), "reduce it with pt.sum"),
    "norms of a vector": (lambda: nn.norm_constraint(W, 1.0), "norm_axes"),
    "no tensors": (lambda: nn.total_norm_constraint([], 1.0), "no tensor is given"),
}
W = pt.shared(START, "w")


@pytest.mark.parametrize("case", ERRORS)
def test_what_is_refused(case):
    do, message = ERRORS[case]
    with pytest.raises((TypeError, ValueError), match=message) as caught:
        do()
    assert __file__ in str(caught.value)
