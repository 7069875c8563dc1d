"""Even powers and remainders of variables, and reasons in the terms of what was written."""

import numpy as np
import pytest
from scipy import stats

import probtensor as pt
from probtensor import GraphError

R = pt.random


def message(expression):
    with pytest.raises(GraphError) as caught:
        pt.logp(expression, 0.0)
    return str(caught.value)


def test_a_function_that_expands_is_named_itself():
    x = R.normal(0.0, 1.0, shape=3)
    assert "no rule is known for log_softmax of random tensors" in message(pt.log_softmax(x))
    assert "softmax is derived of logarithms of gamma" in message(pt.softmax(x))
    text = message(pt.sigmoid(pt.softmax(x)))
    assert "softmax at " in text and "isinf" not in text


def test_a_clear_reason_inside_of_a_function_that_expands_is_told_of_it():
    walk = pt.scan(lambda x: R.normal(x, 1.0), outputs_info=0.0, n_steps=3)[0]
    assert "entries that depend on each other are censored" in message(pt.clip(walk, -1.0, 1.0))


@pytest.mark.parametrize("mean", [0.0, 0.4])
def test_a_negative_even_power_of_values_of_both_signs(mean):
    x, y = R.normal(mean, 1.0) ** -2, np.array([1e-3, 0.5, 1.5, 9.0])
    base, root = stats.norm(mean, 1.0), y**-0.5
    density = (base.pdf(root) + base.pdf(-root)) * 0.5 * y**-1.5
    np.testing.assert_allclose(pt.logp(x, y).eval(), np.log(density), rtol=1e-12)
    outside = base.sf(root) + base.cdf(-root)
    np.testing.assert_allclose(np.exp(pt.logcdf(x, y).eval()), outside, rtol=1e-12)
    np.testing.assert_allclose(np.exp(pt.logccdf(x, y).eval()), 1 - outside, rtol=1e-12)
    assert pt.logp(x, [0.0, -1.0]).eval().tolist() == [-np.inf, -np.inf]


def test_remainders_of_values_with_bounds_of_their_own_by_divisors_of_their_own():
    x, factors = R.uniform(0.0, 1.0, shape=2), np.array([-1.0, 2.0])
    found = pt.logp(pt.mod(factors * x, 0.75), [0.1, 0.2]).eval()
    np.testing.assert_allclose(found, np.log([1.0, 1.5]), atol=1e-12)
    found = pt.logp(pt.mod(x, np.array([0.5, 2.0])), [0.2, 0.3]).eval()
    np.testing.assert_allclose(found, np.log([2.0, 1.0]), atol=1e-12)
    text = message(pt.mod(x, pt.exp(pt.scalar("s"))))
    assert "the number of periods that its values extend over is not known" in text
