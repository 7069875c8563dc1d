"""Draws are pure functions of a key and an index; their distributions are tested in tests/prob."""

import numpy as np
import pytest

from probtensor import ops
from probtensor.graph.node import GraphError
from probtensor.testing.reference import evaluate_numpy
from probtensor.transform.autodiff import gradient

PLACES = np.arange(2000, dtype="uint64")


def value(node):
    """The value of a graph without inputs."""
    return evaluate_numpy([node], {})[0]


DRAWS = {
    "uniform": (ops.draw_uniform, (), 1 / 2, 1 / 12),
    "normal": (ops.draw_normal, (), 0, 1),
    "exponential": (ops.draw_exponential, (), 1, 1),
    "gamma": (ops.draw_gamma, (2.5,), 2.5, 2.5),
    "poisson": (ops.draw_poisson, (30.0,), 30, 30),
    "binomial": (ops.draw_binomial, (40, 0.3), 12, 8.4),
    "hypergeometric": (ops.draw_hypergeometric, (60, 40, 15), 10, 10 / 3 * 45 / 59),
    "von_mises": (ops.draw_von_mises, (0.0,), 0, np.pi**2 / 3),
}


@pytest.mark.parametrize("name", DRAWS)
def test_moments_and_purity(name):
    draw, parameters, mean, variance = DRAWS[name]
    first = value(draw(7, PLACES, *parameters))
    assert first.dtype == "float64"
    np.testing.assert_array_equal(first, value(draw(7, PLACES, *parameters)))
    np.testing.assert_array_equal(first[::-3], value(draw(7, PLACES[::-3], *parameters)))
    other = value(draw(8, PLACES, *parameters))
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.1
    both = np.concatenate([first, other])
    assert abs(both.mean() - mean) < 4 * np.sqrt(variance / both.size)
    assert abs(both.var() / variance - 1) < 0.2


def test_log_gamma_is_finite_where_gamma_underflows():
    log = value(ops.draw_log_gamma(3, PLACES, 1e-4))
    assert np.isfinite(log).all()
    assert (value(ops.draw_gamma(3, PLACES, 1e-4)) == 0).any()
    moderate = value(ops.draw_gamma(3, PLACES, 0.7))
    np.testing.assert_allclose(np.log(moderate), value(ops.draw_log_gamma(3, PLACES, 0.7)))


def test_keys():
    folded = value(ops.key_fold(7, PLACES))
    assert folded.dtype == "uint64"
    assert len(np.unique(folded)) == len(PLACES)
    assert value(ops.key_fold(2**64 - 1, 0)) != value(ops.key_fold(0, 0))
    grid = value(ops.draw_uniform(folded[:3, None], PLACES[:4]))
    assert len(np.unique(grid)) == 12


def test_a_draw_is_no_function_to_differentiate():
    alpha = ops.scalar("alpha")
    with pytest.raises(GraphError, match="draw_gamma has no derivative"):
        gradient(ops.sum(ops.draw_gamma(1, PLACES, alpha)), alpha)


def test_wrong_numbers_of_arguments():
    with pytest.raises(TypeError, match="draw_gamma takes 3 arguments, not 2"):
        ops.draw_gamma(1, PLACES)
