"""Loops that are easily cut, sorted or shared wrongly: each against NumPy, by both targets."""

import numpy as np
import pytest

import probtensor as pt
from probtensor import ops
from probtensor.graph.node import new_input
from probtensor.testing.reference import evaluate_numpy
from tests.lower.running import evaluate

RNG = np.random.default_rng(0)
N, M, P = 150, 7, 5  # more than two strips of turns; short rows; groups
A, C, V = RNG.normal(size=(N, M)), RNG.normal(size=(N, M)), RNG.normal(size=N)
B, X, T = RNG.normal(size=(P, M)), RNG.normal(size=M), RNG.normal(size=(N, 4, M))
G, H = RNG.integers(0, P, N), RNG.integers(-20, 20, P)
F = np.float32(RNG.normal(size=500))


def agree(make, *arrays, rtol=1e-10):
    """The outputs that `make` makes of inputs like the arrays are what NumPy gives."""
    inputs = [
        new_input(f"x{k}", str(a.dtype), (None,) * a.ndim) for k, a in enumerate(arrays)
    ]
    outputs = make(*inputs)
    meant = evaluate_numpy(outputs, dict(zip(inputs, arrays, strict=True)))
    compiled = pt.function(inputs, outputs, on_unused_input="ignore")
    for got in (evaluate(inputs, outputs, arrays), compiled(*arrays)):
        for k, (found, wanted) in enumerate(zip(got, meant, strict=True)):
            assert found.dtype == wanted.dtype
            if wanted.dtype == bool:
                assert np.all(found.view("uint8") <= 1), f"output {k}"
            np.testing.assert_allclose(found, wanted, rtol=rtol, atol=1e-12, err_msg=f"output {k}")


def busy(v):
    """A sum whose terms make a loop over v worth its lanes."""
    return ops.sum(ops.exp(v) / (1 + v * v))


def column(v):
    return ops.expand_dims(v, 1)


def varying_slopes(a, b, g, v):
    logit = ops.sum(a * b[g], axis=1)
    loss = ops.sum(ops.log(1 + ops.exp(logit)) * v)
    return [loss, pt.grad(loss, b), pt.grad(loss, a)]


def gathered_by_row_and_column(a, g, v):
    loss = ops.sum(ops.log(1 + ops.exp(a[ops.arange(a.shape[0]), g])) * v)
    return [loss, pt.grad(loss, a)]


def added_at_two_computed_places(a, g, v):
    rows = (ops.arange(a.shape[0]) + 1) % a.shape[0]
    return [busy(v), ops.zeros_like(a).at[rows, g].add(ops.exp(v) / 2)]


def weights_made_by_an_inner_loop(a, c, v, g):
    s = ops.sum(ops.exp(a), axis=1)
    return [
        ops.sum(ops.log(s)),
        ops.Contract("i,ij->j")(s, c),
        ops.sum(column(s) * c, axis=0),
        ops.zeros_like(v).at[g].add(s),
    ]


def rows_made_in_place_and_read(t, v, x):
    rows = ops.sum(t, axis=1)
    dot = ops.Contract("ij,j->i")(rows, x)
    return [busy(v), ops.sum(ops.exp(dot * 0.1) / 2), ops.sum(rows[:, 0]), rows]


def an_element_of_a_row_made_in_place(t, v):
    return [busy(v), ops.sum(ops.sum(t, axis=1)[:, 0])]


def indices_of_indices(x, g, h, v):
    k = (g + 1) % 5
    return [
        ops.sum(ops.exp(x[h[k]]) / v),
        ops.zeros_like(x).at[h[k]].add(ops.exp(v)),
        ops.sum(ops.exp(x[h[g]]) / v),
    ]


LOOPS = (
    (varying_slopes, A, B, G, V),
    (gathered_by_row_and_column, A, G, V),
    (added_at_two_computed_places, A, G, V),
    (weights_made_by_an_inner_loop, A, C, V, G),
    (rows_made_in_place_and_read, T, V, X),
    (an_element_of_a_row_made_in_place, T, V),
    (indices_of_indices, RNG.normal(size=20), G, H, V),
)


@pytest.mark.parametrize("case", LOOPS, ids=lambda case: case[0].__name__)
def test_strips_keep_the_order_of_reads_and_writes(case):
    agree(*case)
