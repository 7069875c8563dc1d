"""Loops mean what the documentation of Theano, PyTensor and JAX says, on every target."""

import numpy as np
import pytest

import probtensor as pt
from probtensor.testing.reference import evaluate_numpy
from tests.ops.loops.cases import CASES


def check(name, found, expected):
    assert len(found) == len(expected)
    for k, (value, wanted) in enumerate(zip(found, expected, strict=True)):
        np.testing.assert_allclose(value, wanted, rtol=1e-6 if value.dtype == "float32" else 1e-12,
                                   atol=1e-12, err_msg=f"{name}, output {k}")  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_loops_by_their_numpy_meaning(name):
    case = CASES[name]()
    check(name, evaluate_numpy(case.outputs, case.values), case.expected)
    check(name, evaluate_numpy(list(case.updates.values()), case.values), case.after)


def test_loops_on_every_target(target):
    """All cases in one function."""
    cases = {name: make() for name, make in CASES.items()}
    given = {
        x: value for case in cases.values() for x, value in case.values.items()
        if not isinstance(x, pt.Shared)
    }  # fmt: skip
    updates = {x: new for case in cases.values() for x, new in case.updates.items()}
    outputs = {name: case.outputs for name, case in cases.items()}
    f = pt.function(list(given), outputs, updates=updates, on_unused_input="ignore")
    found = f(*given.values())
    for name, case in cases.items():
        check(name, found[name], case.expected)
        check(name, [x.get_value() for x in case.updates], case.after)
