"""Random draws in steps: fresh in each, the same for the same seed, on every target."""

import numpy as np
import pytest

import probtensor as pt


def gibbs(steps):
    """Draws of a bivariate normal with correlation 0.8, each coordinate given the other."""
    rho = 0.8
    spread = np.sqrt(1 - rho**2)

    def step(x, y):
        x = pt.random.normal(rho * y, spread)
        y = pt.random.normal(rho * x, spread)
        return [x, y]

    outputs, updates = pt.scan(step, outputs_info=[0.0, 0.0], n_steps=steps)
    assert updates == {}
    return outputs


def contrastive_steps(visible, weights, steps):
    """Gibbs steps of a restricted Boltzmann machine, as in Theano's documentation."""

    def step(v):
        h = pt.random.bernoulli(pt.sigmoid(pt.dot(v, weights)))
        return pt.cast(pt.random.bernoulli(pt.sigmoid(pt.dot(h, weights.T))), "float64")

    return pt.scan(step, outputs_info=visible, n_steps=steps)[0]


def test_draws_in_steps(target):
    """Many loops in one function, so that each target builds once."""
    z = pt.random.normal(0, 1, name="z")
    walk, _ = pt.scan(lambda h: h + pt.random.normal(0, 1), None, 0.0, n_steps=200)
    ramp, _ = pt.scan(lambda h: h + z, None, 0.0, n_steps=5)
    counts, _ = pt.scan(lambda: pt.random.binomial(10, 0.3, shape=(20,)), n_steps=20)
    nested, _ = pt.scan(
        lambda: pt.scan(lambda: pt.random.normal(0, 1), n_steps=3)[0], n_steps=4
    )
    shared = pt.shared(0.0, "total")
    draws, updates = pt.scan(
        lambda: (lambda u: (u, {shared: shared + u}))(pt.random.uniform(0, 1)), n_steps=30
    )
    machine = contrastive_steps(pt.ones(6), pt.as_tensor(np.zeros((6, 4))), 60)
    outputs = [walk, ramp, counts, nested, draws, *gibbs(900), machine]
    f = pt.function([], outputs, updates=updates, seed=11)
    walk, ramp, counts, nested, draws, x, y, machine = f()
    increments = np.diff(walk, prepend=0.0)
    assert abs(increments.mean()) < 0.25 and abs(increments.std() - 1) < 0.2
    np.testing.assert_allclose(ramp, ramp[0] * np.arange(1, 6), rtol=1e-12)
    assert abs(counts.mean() - 3) < 0.3 and len({tuple(row) for row in counts}) == 20
    assert len(set(nested.ravel())) == 12
    assert shared.get_value() == pytest.approx(draws.sum())
    assert abs(np.corrcoef(x, y)[0, 1] - 0.8) < 0.1 and abs(x.std() - 1) < 0.2
    assert abs(machine.mean() - 0.5) < 0.1
    again = f()
    assert not np.any(again[4] == draws)
    assert shared.get_value() == pytest.approx(draws.sum() + again[4].sum())


def test_draws_are_the_same_on_every_target(device_driver):
    x, y = gibbs(5)
    targets = ("interp", "interp", "cython", "cuda")
    found = [pt.function([], [x, y], seed=3, target=t)() for t in targets]
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], rtol=1e-12)


def test_draws_of_structured_loops_are_fresh():
    def walk(h, _):
        return h + pt.random.normal(0, 1), None

    last, _ = pt.loop.scan(walk, 0.0, length=3)
    counted = pt.loop.fori_loop(0, 3, lambda i, h: h + pt.random.normal(0, 1), 0.0)
    values = pt.draw([last, counted], draws=4000, seed=2)
    for found in values:
        assert abs(found.var() - 3) < 0.3, found.var()
