"""Numbers of values: the same only for values that are certain to be equal."""

import numpy as np
import pytest

import probtensor as pt
from probtensor import ops
from probtensor.transform.loops.numbers import Numbers

x, y = pt.vectors("x", "y")


def test_operands_are_equal_in_any_order_only_where_they_commute():
    outputs = [x + y, x * y, ops.maximum(x, y), x - y, x / y, x**y, x < y, ops.arctan2(x, y)]
    swapped = [y + x, y * x, ops.maximum(y, x), y - x, y / x, y**x, y < x, ops.arctan2(y, x)]
    numbers = Numbers().round([*outputs, *swapped], {x: "x", y: "y"})
    first, second = numbers[: len(outputs)], numbers[len(outputs) :]
    same = [a == b for a, b in zip(first, second, strict=True)]
    assert same == [True] * 3 + [False] * 5
    assert len({*first, *second}) == len(outputs) + 5


def test_inputs_of_one_value_are_one():
    different, equal = [Numbers().round([x - y, y - x], {x: "x", y: v}) for v in ("y", "x")]
    assert different[0] != different[1] and equal[0] == equal[1]


@pytest.mark.parametrize("target", ["interp", "machine"])
def test_carries_that_differ_by_the_order_of_operands_stay_apart(target):
    s = pt.scalar("s")

    def inner(c):
        return pt.loop.fori_loop(0, 2, lambda i, v: pt.sin(v) + 0.25, c)

    def step(i, state):
        a, b = state
        return inner(a) - b * 0.5, b * 0.5 - inner(a)

    def by_hand(value):
        a = b = value
        for _ in range(3):
            turned = a
            for _ in range(2):
                turned = np.sin(turned) + 0.25
            a, b = turned - b * 0.5, b * 0.5 - turned
        return a, b

    f = pt.function([s], list(pt.loop.fori_loop(0, 3, step, (s, s))), target=target)
    np.testing.assert_allclose(f(0.7), by_hand(0.7), rtol=1e-14)
