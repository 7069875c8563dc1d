"""Derivatives of loops with random bodies: equal to those of the steps written out, and to finite
differences, to second order."""

import random

import numpy as np
import pytest

import probtensor as pt
from probtensor.testing.reference import evaluate_numpy
from tests.transform.test_loop_derivatives import (
    CASES,
    Program,
    assert_same_derivatives,
    cost_of,
    derivatives_of,
)

UNARY = (pt.tanh, pt.sin, pt.sigmoid, pt.cos, lambda x: x * x * 0.3, lambda x: -x)


def random_step(seed):
    """A step over a vector, a scalar and a counter, with a random graph of each."""

    def step(carries, elements, shared):
        rng = random.Random(seed)
        (h, s, i), (x, u), (w, b) = carries, elements, shared
        vectors, scalars, matrices = [h, x, b], [s, u, pt.cos(i)], [w]
        for _ in range(rng.randint(4, 12)):
            kind = rng.choice(("unary", "sum", "product", "scale", "fold", "matrix", "times",
                               "select", "pick", "softmax"))  # fmt: skip
            v, other, m = rng.choice(vectors), rng.choice(vectors), rng.choice(matrices)
            if kind == "unary":
                scalars.append(rng.choice(UNARY)(rng.choice(scalars)))
                vectors.append(rng.choice(UNARY)(v))
            elif kind == "sum":
                vectors.append(v - 0.5 * other)
            elif kind == "product":
                vectors.append(v * other)
            elif kind == "scale":
                vectors.append(v * rng.choice(scalars))
            elif kind == "fold":
                scalars.append(rng.choice((pt.sum, pt.logsumexp, pt.max))(v) * 0.4)
            elif kind == "matrix":
                matrices.append(pt.tanh(pt.outer(v, other)) + m * 0.5)
            elif kind == "times":
                vectors.append(rng.choice((m @ v, v @ m)) * 0.5)
            elif kind == "select":
                vectors.append(pt.where(v > other, v, rng.choice(scalars)))
            elif kind == "pick":
                scalars.append(v[(i + rng.randint(0, 2)) % 3])
            else:
                vectors.append(pt.softmax(v))
        last = pt.tanh(rng.choice(vectors[-3:])), pt.tanh(rng.choice(scalars[-3:])), i + 1
        stacked = rng.choice(vectors), rng.choice(matrices), last[0], i
        return last, rng.sample(stacked, rng.randint(0, 4)), last[1] > 0.6

    return step


def random_program(seed):
    """A program of a random body and random options."""
    rng = random.Random(seed)
    steps = rng.choice((1, 2, 3, 5))
    case = rng.choice(list(CASES))
    options = dict(CASES[case])
    if options.get("truncate", 0) > steps:
        options["truncate"] = steps
    count = options.pop("count", None)
    return Program(random_step(seed), steps, options, count and min(count, steps))


def check(seed):
    program = random_program(seed)
    found = derivatives_of(program.loop(), program)
    values = evaluate_numpy(found, program.values)
    assert_same_derivatives(values, program, f"seed {seed}: {program.options}")
    return program, values


@pytest.mark.parametrize("seed", range(4))
def test_derivatives_of_random_loops(seed):
    check(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4, 150))
def test_derivatives_of_many_random_loops(seed):
    program, values = check(seed)
    if program.options.get("truncate"):
        return
    # The slope along the directions that `derivatives_of` takes, by differences.
    cost = cost_of(program.loop())
    directions = [np.cos(3 * a + k) for k, a in enumerate(program.arrays)]

    def at(h):
        moved = [a + h * d for a, d in zip(program.arrays, directions)]
        return float(evaluate_numpy([cost], dict(zip(program.inputs, moved)))[0])

    h = 1e-5
    np.testing.assert_allclose(values[-2], (at(h) - at(-h)) / (2 * h), 1e-5, 1e-7)
