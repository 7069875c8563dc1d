"""Temporaries in one arena: those with overlapping live ranges share no byte."""

import itertools
import random

import numpy as np
import pytest

import probtensor as pt
from probtensor.lower.memory import layout
from probtensor.lower.plan import ALIGNMENT, Buffer, Plan
from probtensor.types import DTYPES, Dim

N = Dim.name("n")


def arena(seed):
    """A plan with buffers of random dtypes, sizes and live ranges."""
    rng = random.Random(seed)
    buffers, lifetimes = [], {}
    for k in range(rng.randint(1, 12)):
        shape = rng.choice([(), (N,), (7,), (N, 3), (2, N, N), (0, N), (64,), (65,)])
        role = rng.choice(["temp", "temp", "temp", "input"])
        buffers.append(Buffer(f"w{k}", rng.choice(DTYPES), shape, role, None))
        if role == "temp":
            lifetimes[k] = tuple(sorted(rng.choices(range(6), k=2)))
    return Plan(tuple(buffers), (), (), (), (), (), (), lifetimes)


@pytest.mark.parametrize("n", [0, 1, 5, 100])
def test_buffers_that_are_live_together_do_not_overlap(n):
    shared = 0
    for seed in range(300):
        plan, sizes = arena(seed), {"n": n}
        total, offsets = layout(plan, sizes)
        assert offsets.keys() == plan.lifetimes.keys()
        ends = {}
        for k, offset in offsets.items():
            count = int(np.prod(plan.shape(k, sizes)))
            ends[k] = offset + count * np.dtype(plan.buffers[k].dtype).itemsize
            assert offset >= 0 and offset % ALIGNMENT == 0
            assert ends[k] <= total
        for a, b in itertools.combinations(offsets, 2):
            disjoint = ends[a] <= offsets[b] or ends[b] <= offsets[a]
            (start, end), (first, last) = plan.lifetimes[a], plan.lifetimes[b]
            assert disjoint or end < first or last < start, (seed, a, b)
            shared += not disjoint
    assert shared > 100 or n == 0


def test_every_dtype_has_its_size():
    for dtype in DTYPES:
        assert Buffer("w", dtype, (), "temp", None).itemsize == np.dtype(dtype).itemsize


def test_temporaries_live_from_the_kernel_that_writes_to_the_last_that_reads():
    x = pt.matrix("x")
    a = pt.exp(x @ x.T)
    b = pt.cholesky(a + a.T + 50 * pt.eye(x.shape[0]))
    c = b @ a + pt.cumsum(a, axis=1)
    plan = pt.function([x], [c @ c, pt.sum(b)], target="interp").plan
    assert len(plan.lifetimes) > 2
    for k, (first, last) in plan.lifetimes.items():
        name = plan.buffers[k].name
        used = [i for i, kernel in enumerate(plan.kernels)
                if f"'{name}'" in repr(kernel.body)]  # fmt: skip
        assert (first, last) == (min(used), max(used))
