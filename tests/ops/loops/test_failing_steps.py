"""Errors of calls in the steps of loops: they name the line in the body, and the step."""

import numpy as np
import pytest

import probtensor as pt

LINE = 15  # of the index that fails


def walk(w, start, x, **options):
    """Reads w at an index that the steps before it decide."""

    def step(place, u):
        value = w[pt.astype(place, "int64")]  # the line that fails
        return place + u, value

    return pt.loop.scan(step, start, x, **options)


@pytest.mark.parametrize("target", ["cython", "interp"])
def test_the_line_and_the_step_are_named(target):
    w, x = pt.vector("w"), pt.vector("x")
    f = pt.function([w, x], walk(w, 0.0, x), target=target)
    np.testing.assert_array_equal(f([1.0, 2.0, 3.0], [1.0, 1.0, 0.0])[1], [1.0, 2.0, 3.0])
    with pytest.raises(IndexError) as error:
        f([1.0, 2.0, 3.0], [1.0, 1.0, 1.0, 1.0, 1.0])
    text = str(error.value)
    assert "out of bounds" in text
    assert f"{__file__}:{LINE}" in text
    assert "in step 3 of a loop, counted from 0" in text


def test_the_step_of_a_loop_in_a_loop_is_that_of_the_outer_one():
    w, x = pt.vector("w"), pt.matrix("x")

    def outer(total, row):
        last, values = walk(w, total, row)
        return total + 1.0, pt.sum(values) + last

    f = pt.function([w, x], pt.loop.scan(outer, 0.0, x)[1])
    with pytest.raises(IndexError, match="in step 2 of a loop"):
        f([1.0, 2.0, 3.0], np.array([[1.0, 1.0], [1.0, 0.0], [1.0, 1.0]]))
