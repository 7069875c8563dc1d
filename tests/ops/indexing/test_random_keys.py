"""Random keys read, write and have the slopes that NumPy's arrays say; illegal ones are refused.

The quick tests take some hundred keys, the slow ones the first 10,000 of the same streams. Many
results are the outputs of one function.
"""

import functools
import operator

import numpy as np
import pytest

import probtensor as pt
from probtensor.graph.node import GraphError
from tests.ops.indexing.keys import MODES, Keys, meant, meant_slopes

TARGET = "machine"
TOGETHER = 200


def check(cases, rtol=0.0):
    """Each (case, node, meaning, what): the node has the value, dtype and shape of the meaning."""
    cases = list(cases)
    for k in range(0, len(cases), TOGETHER):
        some = cases[k : k + TOGETHER]
        given = functools.reduce(operator.or_, (case.values for case, *_ in some))
        nodes = [node for _, node, _, _ in some]
        f = pt.function(list(given), nodes, target=TARGET, on_unused_input="ignore")
        for (case, _, wanted, what), got in zip(some, f(*given.values()), strict=True):
            text = f"{what} {case}"
            assert got.dtype == case.a.dtype, text
            assert got.shape == wanted.shape, text
            np.testing.assert_allclose(got, wanted, rtol=rtol, atol=0, err_msg=text)


def reads_and_writes(seed, count):
    keys = Keys(seed)
    for _ in range(count):
        case = keys.case()
        yield case, case.x[case.key], np.asarray(case.a[case.parts]), "read"
        value = keys.written(case)
        for mode in MODES:
            written = getattr(case.x.at[case.key], mode)(value)
            yield case, written, meant(case, value, mode), f"{mode} {value.tolist()} in"


def slopes(seed, count):
    keys = Keys(seed)
    for _ in range(count):
        case = keys.case(floats=True)
        weights = keys.rng.integers(1, 9, case.places.shape).astype(case.a.dtype)
        of_read = np.zeros(case.a.size)
        np.add.at(of_read, case.places.ravel(), weights.ravel())
        read = pt.grad(pt.sum(case.x[case.key] * weights), case.x)
        yield case, read, of_read.reshape(case.a.shape), "slopes of a read"
        value = keys.written(case)
        y = keys.tensor(value, case.values, static=True)
        weights = keys.rng.integers(1, 9, case.a.shape).astype(case.a.dtype)
        for mode in MODES:
            cost = pt.sum(weights * getattr(case.x.at[case.key], mode)(y))
            found = pt.grad(cost, [case.x, y], disconnected_inputs="ignore")
            for node, wanted in zip(found, meant_slopes(case, value, mode, weights), strict=True):
                yield case, node, wanted, f"slopes of {mode} {value.tolist()} in"


def test_random_keys_read_and_write_as_numpys():
    check(reads_and_writes(1, 200))


def test_slopes_of_random_keys_are_those_of_their_places():
    check(slopes(2, 30), rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_many_random_keys_read_and_write_as_numpys(part):
    check(reads_and_writes(100 + part, 1000))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_slopes_of_many_random_keys_are_those_of_their_places(part):
    check(slopes(200 + part, 500), rtol=1e-6)


def refusal(case):
    """The error of a key, made or computed; None if there is none."""
    try:
        node = case.x[case.key]
    except (GraphError, IndexError) as error:
        return error
    try:
        pt.function(list(case.values), node, target=TARGET, on_unused_input="ignore")(
            *case.values.values()
        )
    except (IndexError, ValueError) as error:
        return error
    return None


@pytest.mark.parametrize("seed", range(4))
def test_keys_that_numpy_refuses_are_refused(seed):
    keys = Keys(300 + seed)
    for _ in range(15):
        case, words = keys.illegal()
        with pytest.raises((IndexError, ValueError, TypeError)):
            case.a[case.parts]
        error = refusal(case)
        assert error is not None, str(case)
        for word in words:
            assert word in str(error), f"{case}: {error}"
        assert __file__ in str(error), f"{case}: {error}"

