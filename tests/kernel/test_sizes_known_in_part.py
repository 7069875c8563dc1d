"""Random graphs of views whose sizes are known in part: results meet arrays, so that sizes follow
from several laws together. Every kernel must be proved free of races, and be right."""

import numpy as np
import pytest

import probtensor as pt

LARGEST = 3000


def padded(rng, x, a, axis):
    pads = [(0, 0)] * a.ndim
    pads[axis] = tuple(map(int, rng.integers(0, 3, 2)))
    mode = str(rng.choice(["constant", "edge", "wrap"]))
    return pt.pad(x, pads, mode), np.pad(a, pads, mode)


def sliced(rng, x, a, axis):
    key = [slice(None)] * a.ndim
    choices = [slice(None, None, k) for k in (2, 3, -1)] + [slice(int(a.shape[axis] > 1), None)]
    key[axis] = choices[rng.integers(len(choices))]
    return x[tuple(key)], a[tuple(key)]


def windows(rng, x, a, axis):
    if a.ndim == 4 or a.shape[axis] < 2:
        return x, a
    sliding = np.lib.stride_tricks.sliding_window_view
    return pt.sliding_window_view(x, 2, axis), sliding(a, 2, axis)


def permuted(rng, x, a, axis):
    axes = [int(k) for k in rng.permutation(a.ndim)]
    return pt.transpose(x, axes), a.transpose(axes)


def shares(rng, x, a, axis):
    powers = np.exp(a - a.max(axis, keepdims=True))
    return pt.softmax(x, axis), powers / powers.sum(axis, keepdims=True)


STEPS = (
    padded, sliced, windows, permuted, shares,
    lambda rng, x, a, k: (pt.concatenate([x, x], k), np.concatenate([a, a], k)),
    lambda rng, x, a, k: (pt.cumsum(x, k), np.cumsum(a, k)),
    lambda rng, x, a, k: (pt.roll(x, 1, k), np.roll(a, 1, k)),
    lambda rng, x, a, k: (pt.reshape(x, (-1,)), a.reshape(-1)),
    lambda rng, x, a, k: (pt.tanh(x), np.tanh(a)),
)  # fmt: skip


def met(rng, x, a):
    """Times an array, whose sizes are known."""
    factor = rng.normal(size=a.shape)
    return x * factor, a * factor


def check(seed):
    rng = np.random.default_rng(seed)
    value = rng.normal(size=rng.integers(2, 5, rng.integers(1, 4)))
    known = [n if rng.random() < 0.3 else None for n in value.shape]
    given = x = pt.tensor("x", dtype="float64", shape=tuple(known))
    a, pairs = value, []
    for _ in range(rng.integers(2, 6)):
        if a.size > LARGEST:
            break
        x, a = STEPS[rng.integers(len(STEPS))](rng, x, a, int(rng.integers(a.ndim)))
        if rng.random() < 0.35:
            x, a = met(rng, x, a)
        if rng.random() < 0.3:
            pairs.append((x, a))
    x, a = met(rng, pt.tanh(x), np.tanh(a))
    outputs = [pt.sum(x), *(y for y, _ in pairs), pt.grad(pt.sum(x), given)]
    found = pt.function([given], outputs, target="machine")(value)
    for y, meant in zip(found, [a.sum(), *(b for _, b in pairs)]):
        np.testing.assert_allclose(y, meant, rtol=1e-9, atol=1e-12)
    # The same with all sizes known has the same derivative.
    other = pt.tensor("x", dtype="float64", shape=value.shape)
    slope = pt.function([other], pt.clone_replace(outputs[-1], {given: other}), target="machine")
    np.testing.assert_allclose(found[-1], slope(value), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("seed", range(100))
def test_random_views(seed):
    check(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 1000))
def test_more_random_views(seed):
    check(seed)
