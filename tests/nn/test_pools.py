"""Pools against loops; their derivatives by differences."""

import numpy as np
import pytest

import probtensor as pt
from probtensor.graph.node import GraphError
from tests.nn import loops
from tests.ops.linalg.checks import agree, batch, run, slopes
from tests.ops.numpy_twin import static

NN = pt.nn
# shape, size, stride, pads, ceil_mode
CASES = [
    ((2, 3, 9), (2,), (2,), [(0, 0)], False),
    ((2, 9), (3,), (2,), [(1, 1)], True),
    ((1, 2, 7, 6), (3, 2), (2, 1), [(1, 1), (0, 1)], False),
    ((2, 8, 7), (3, 3), (2, 3), [(1, 1), (1, 1)], True),
    ((1, 1, 4, 5, 6), (2, 2, 3), (1, 2, 3), [(1, 0), (0, 0), (2, 2)], False),
]


def named(kind, rank):
    return getattr(NN, f"{kind}_pool{rank}d")


def test_values_of_all_ranks_and_settings():
    arrays = [batch(*case[0]) for case in CASES]

    def outputs(*xs):
        found = []
        for x, (_, size, stride, pads, ceil) in zip(xs, CASES, strict=True):
            k = len(size)
            found.append(named("max", k)(x, size, stride, pads, 1, ceil))
            found.append(named("sum", k)(x, size, stride, pads, ceil))
            found += [named("avg", k)(x, size, stride, pads, ceil, both) for both in (True, False)]
        return found

    def meant(*xs):
        found = []
        for x, (_, size, stride, pads, ceil) in zip(xs, CASES, strict=True):
            for f, around in ((np.nanmax, np.nan), (np.nansum, 0), (np.nanmean, 0),
                              (np.nanmean, np.nan)):  # fmt: skip
                found.append(loops.pooled(f, x, size, stride, pads, None, ceil, around))
        return found

    agree(outputs, meant, *arrays)


def test_same_size_other_steps_and_divisors():
    x = batch(2, 7, 8)
    one = np.ones(2, int)
    agree(
        lambda x: [
            NN.max_pool2d(x, 3, 1, "same"), NN.avg_pool2d(x, 2, 1, "same"), NN.max_pool1d(x, 3),
            NN.max_pool2d(x, 2, 1, 0, (3, 2)), NN.avg_pool2d(x, 2, 2, 0, False, True, 3),
            NN.avg_pool1d(x, 4, 3, "same", count_include_pad=False),
        ],
        lambda x: [
            loops.pooled(np.nanmax, x, (3, 3), one, [(1, 1)] * 2, None, False, np.nan),
            loops.pooled(np.mean, x, (2, 2), one, [(0, 1)] * 2),
            loops.pooled(np.max, x, (3,), (3,), [(0, 0)]),
            loops.pooled(np.max, x, (2, 2), one, [(0, 0)] * 2, (3, 2)),
            loops.pooled(np.sum, x, (2, 2), 2 * one, [(0, 0)] * 2) / 3,
            loops.pooled(np.nanmean, x, (4,), (3,), [(1, 1)], None, False, np.nan),
        ],
        x,
    )  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{len(case[1])}d")
def test_derivatives(case):
    shape, size, stride, pads, ceil = case
    k = len(size)
    # Elements are apart, so that the largest one does not change with a difference.
    x = np.random.default_rng(5).permutation(np.prod(shape)).reshape(shape) / 8.0
    slopes(lambda x: named("max", k)(x, size, stride, pads, 1, ceil) ** 2, x)
    slopes(lambda x: named("avg", k)(x, size, stride, pads, ceil, False) ** 2, x)


def test_equal_elements_share_the_derivative_and_nan_propagates():
    x = static(np.zeros((1, 4)))
    y = NN.max_pool1d(x, 2)
    values, slope = run([x], [y, pt.grad(pt.sum(y), x)], np.array([[1.0, 1.0, 0.0, np.nan]]))
    np.testing.assert_array_equal(values, [[1.0, np.nan]])
    np.testing.assert_array_equal(slope[0, :3], [0.5, 0.5, 0.0])


@pytest.mark.parametrize("dtype", ["bool", "int32", "uint8", "float32"])
def test_dtypes(dtype):
    x = (9 * batch(2, 5, 6)).astype(dtype)
    a = static(x)
    found = run([a], [NN.max_pool2d(a, 2, padding=1), NN.avg_pool1d(a, 2)], x)
    wanted = loops.pooled(np.nanmax, x.astype(float), (2, 2), (2, 2), [(1, 1)] * 2, around=np.nan)
    assert found[0].dtype == dtype and found[1].dtype == ("float64", "float32")[dtype == "float32"]
    np.testing.assert_allclose(found[0], wanted.astype(dtype), rtol=1e-6)
    np.testing.assert_allclose(found[1], x.astype(float).reshape(2, 5, 3, 2).mean(-1), rtol=1e-6)


def test_symbolic_sizes():
    x = pt.tensor3("x")
    y = NN.max_pool2d(x, 2, None, 1, ceil_mode=True)
    f = pt.function([x], [y, NN.avg_pool2d(x, 3, 2, "same", count_include_pad=False),
                          pt.grad(pt.sum(y), x)], target="machine")  # fmt: skip
    for shape in ((2, 5, 6), (1, 4, 3), (0, 4, 3)):
        a = batch(*shape)
        largest, mean, slope = f(a)
        around = {"ceil": True, "around": np.nan}
        wanted = loops.pooled(np.nanmax, a, (2, 2), (2, 2), [(1, 1)] * 2, **around)
        np.testing.assert_array_equal(largest, wanted)
        pads = [((-(-n // 2) * 2 + 1 - n) // 2, (-(-n // 2) * 2 + 2 - n) // 2) for n in shape[1:]]
        wanted = loops.pooled(np.nanmean, a, (3, 3), (2, 2), pads, None, False, np.nan)
        np.testing.assert_allclose(mean, wanted, rtol=1e-12)
        assert slope.sum() == largest.size


def test_what_is_refused():
    x = np.ones((1, 1, 4))
    cases = [
        (lambda: NN.max_pool2d(np.ones(3), 2), "input has 2 axes or more"),
        (lambda: NN.max_pool1d(x, 5), "the window reaches over 5 elements of axis 2, which has 4"),
        (lambda: NN.max_pool1d(x, 0), "kernel_size is a whole number from 1 on"),
        (lambda: NN.avg_pool1d(x, 2, 0), "stride is a whole number from 1 on"),
        (lambda: NN.sum_pool1d(x, 2, padding=2), "may leave a window of 2 empty"),
        (lambda: NN.max_pool1d(x, 2, 1, 2, 2), "may leave a window of 3 empty"),
        (lambda: NN.max_pool1d(x * 1j, 2), "complex numbers have no order"),
        (lambda: NN.max_pool1d(x, (2, 2)), "kernel_size is one number"),
        (lambda: NN.avg_pool1d(x, 2, divisor_override=0), "divisor_override is a whole number"),
        (lambda: NN.avg_pool1d(x, 2, ceil_mode=2), "ceil_mode must be True or False"),
    ]
    for call, words in cases:
        with pytest.raises((GraphError, ValueError), match=words):
            call()
    y = pt.tensor3("y")
    with pytest.raises(ValueError, match="window reaches over 5 elements of axis 2, which has 4"):
        pt.function([y], NN.max_pool1d(y, 5), target="machine")(x)
