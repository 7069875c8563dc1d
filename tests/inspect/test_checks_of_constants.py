"""Checks whose operands are all constants: each call raises what does not hold."""

import numpy as np
import pytest

import probtensor as pt


@pytest.mark.parametrize("target", ["machine", "cython", "interp"])
def test_a_condition_that_is_a_constant_is_checked(target):
    x = pt.vector("x")
    for holds in (True, False):
        known = pt.as_tensor(np.array([3, 1 if holds else -1]))
        scaled = pt.check(known, known > 0, "not positive", error=IndexError) * pt.sum(x)
        f = pt.function([x], scaled, target=target)
        if holds:
            np.testing.assert_array_equal(f(np.ones(2)), [6.0, 2.0])
        else:
            with pytest.raises(IndexError, match="not positive"):
                f(np.ones(2))
