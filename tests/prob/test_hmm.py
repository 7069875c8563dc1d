"""Hidden Markov models against sums over all paths, finite differences and one another."""

import itertools

import numpy as np
import pytest
from scipy.special import logsumexp

import probtensor as pt
from probtensor.prob import hmm
from tests.plans import CountingTarget

K, T = 3, 5


def by_paths(initial, moves, e):
    """(log density, probabilities of states, most probable path), by all paths."""
    paths = list(itertools.product(range(e.shape[1]), repeat=len(e)))
    with np.errstate(divide="ignore"):
        first = np.log(initial)
        steps = np.log(np.broadcast_to(moves, (len(e) - 1, *moves.shape[-2:])))
    logs = np.array([
        first[z[0]] + e[0, z[0]]
        + sum(steps[t - 1, z[t - 1], z[t]] + e[t, z[t]] for t in range(1, len(e)))
        for z in paths
    ])  # fmt: skip
    total = logsumexp(logs)
    weights = np.exp(logs - total)
    marginals = np.zeros(e.shape)
    for z, w in zip(paths, weights, strict=True):
        marginals[np.arange(len(e)), z] += w
    return total, marginals, np.array(paths[int(np.argmax(logs))])


def by_products(initial, moves, e):
    """The log density by plain products, which take probabilities on both sides of 0."""
    p = initial * np.exp(e[0])
    for row in e[1:]:
        p = (p @ moves) * np.exp(row)
    return np.log(p.sum())


@pytest.fixture(scope="module")
def compiled():
    """Density by both recursions and by the choice between them, gradients, smoothing, path."""
    first, moves = pt.vector("first", shape=(K,)), pt.matrix("moves", shape=(K, K))
    e = pt.matrix("e", shape=(None, K))
    given = [first, moves, e]
    found = []
    for logp in (hmm._scaled(*given), hmm._scaled_by_state(*given), pt.hmm.logp(*given)):
        found += [logp, *pt.grad(logp, given)]
    return pt.function(given, [*found, pt.hmm.smooth(*given), pt.hmm.viterbi(*given)])


def random_case(rng, zeros=False):
    initial, moves = rng.dirichlet(np.ones(K)), rng.dirichlet(np.ones(K), size=K)
    if zeros:
        initial, moves = np.array([1.0, 0.0, 0.0]), np.triu(moves)
        moves /= moves.sum(1, keepdims=True)
    return initial, moves, 3 * rng.normal(size=(T, K))


@pytest.mark.parametrize("zeros", [False, True])
def test_all_recursions_are_the_sum_over_paths(compiled, zeros):
    case = random_case(np.random.default_rng(1), zeros)
    total, marginals, path = by_paths(*case)
    *results, smooth, best = compiled(*case)
    for k in range(3):
        logp, _, _, by_emission = results[4 * k : 4 * k + 4]
        np.testing.assert_allclose(logp, total, rtol=1e-13)
        np.testing.assert_allclose(by_emission, marginals, atol=1e-13)
    np.testing.assert_allclose(smooth, marginals, atol=1e-13)
    np.testing.assert_array_equal(best, path)
    for k in range(3):
        np.testing.assert_allclose(results[1 + k], results[5 + k], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("zeros", [False, True])
def test_gradients_are_those_of_finite_differences(compiled, zeros):
    case = random_case(np.random.default_rng(2), zeros)
    *results, _, _ = compiled(*case)
    for k, base in enumerate(case):
        for index in np.ndindex(base.shape):
            ends = []
            for sign in (1, -1):
                moved = [np.array(x) for x in case]
                moved[k][index] += sign * 1e-6
                ends.append(by_products(*moved))
            slope = (ends[0] - ends[1]) / 2e-6
            for logp in range(3):
                assert abs(results[4 * logp + 1 + k][index] - slope) < 1e-6 * (1 + abs(slope))


def test_states_of_tiny_probability_are_not_lost(compiled):
    """Where transitions are impossible, a state of probability exp(-2000) may be the only one that
    explains what comes later."""
    initial, moves = np.array([0.5, 0.5, 0.0]), np.array([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]])
    e = np.array([[0.0, -2000, 0], [0, -1, 0], [-9000.0, 0, 0], [0, 0, 0]])
    total, marginals, _ = by_paths(initial, moves, e)
    *results, smooth, _ = compiled(initial, moves, e)
    np.testing.assert_allclose(results[8], total, rtol=1e-14)
    np.testing.assert_allclose(smooth, marginals, atol=1e-14)
    impossible = np.full((4, 3), -np.inf)
    assert compiled(initial, moves, impossible)[8] == -np.inf


def test_transitions_that_depend_on_the_step():
    rng = np.random.default_rng(3)
    initial, e = rng.dirichlet(np.ones(K)), rng.normal(size=(T, K))
    moves = rng.dirichlet(np.ones(K), size=(T - 1, K))
    total, marginals, path = by_paths(initial, moves, e)
    given = [pt.as_tensor(x) for x in (initial, moves, e)]
    draws = pt.hmm.sample_path(*given)
    found = pt.function([], [pt.hmm.logp(*given), pt.hmm.smooth(*given), pt.hmm.viterbi(*given)])()
    np.testing.assert_allclose(found[0], total, rtol=1e-13)
    np.testing.assert_allclose(found[1], marginals, atol=1e-13)
    np.testing.assert_array_equal(found[2], path)
    paths = pt.draw(draws, draws=20_000, seed=1)
    shares = np.stack([(paths == k).mean(0) for k in range(K)], axis=1)
    assert np.abs(shares - marginals).max() < 0.015


def test_only_one_recursion_runs():
    """The slower recursion, with a scale for each state, is not run where it is not needed."""
    rng = np.random.default_rng(4)
    size, steps = 5, 20
    target = CountingTarget()
    first, moves = pt.vector("first", shape=(size,)), pt.matrix("moves", shape=(size, size))
    e = pt.matrix("e", shape=(None, size))
    f = pt.function([first, moves, e], pt.hmm.logp(first, moves, e), target=target)
    dense = rng.dirichlet(np.ones(size), size=size)
    sparse = np.where(np.eye(size) > 0, 0.0, dense)
    given = np.full(size, 1 / size), rng.normal(size=(steps, size))
    one = target.computed(f, given[0], dense, given[1])
    both = target.computed(f, given[0], sparse, given[1])
    assert one <= steps * (size + 1) and both > 4 * one


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(pt.GraphError, match="transition float64\\[3, 3\\]"):
        pt.hmm.logp(np.ones(2), np.ones((3, 3)), np.ones((4, 2)))
