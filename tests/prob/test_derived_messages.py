"""Why the density of an expression is not derived, in the terms of what was written."""

import pytest

import probtensor as pt
from probtensor import GraphError

R = pt.random


def message(expression):
    with pytest.raises(GraphError) as caught:
        pt.logp(expression, 0.0)
    return str(caught.value)


def test_a_function_that_expands_is_named_itself():
    x = R.normal(0.0, 1.0, shape=3)
    assert "no rule is known for softmax of random tensors" in message(pt.softmax(x))
    text = message(pt.sigmoid(pt.softmax(x)))
    assert "softmax at " in text and "isinf" not in text


def test_a_clear_reason_inside_of_a_function_that_expands_is_told_of_it():
    walk = pt.scan(lambda x: R.normal(x, 1.0), outputs_info=0.0, n_steps=3)[0]
    assert "entries that depend on each other are censored" in message(pt.clip(walk, -1.0, 1.0))
