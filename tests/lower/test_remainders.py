"""Generated loops at every number of iterations around the width of a strip.

Values are small integers, whose sums are exact in any order, so results are NumPy's to the
last bit.
"""

import numpy as np
import pytest

import probtensor as pt
from probtensor.schedule.strips.passes import WIDTH

SIZES = [*range(WIDTH + 20), *range(2 * WIDTH - 9, 2 * WIDTH + 10), 3 * WIDTH + 1, 1000, 1023]
GROUPS = 7


def add_at(np_or_pt, size, index, values):
    if np_or_pt is pt:
        return pt.zeros(size).at[index].add(values)
    out = np.zeros(size)
    np.add.at(out, index, values)
    return out


def max_at(np_or_pt, size, index, values):
    if np_or_pt is pt:
        return pt.zeros(size).at[index].max(values)
    out = np.zeros(size)
    np.maximum.at(out, index, values)
    return out


PROGRAMS = {  # of x, y (n), a (5, n), b (n, 5), k (n) sorted groups, j (n) any groups, i8 (n) int8
    "elementwise": lambda m, x, y, a, b, k, j, i8: x * y + 1,
    "two outputs of one loop": lambda m, x, y, a, b, k, j, i8: m.where(x > y, x, y) - x,
    "sum": lambda m, x, y, a, b, k, j, i8: m.sum(x * y),
    "two sums": lambda m, x, y, a, b, k, j, i8: m.sum(x) * m.sum(y * y) - m.sum(x - y),
    "max": lambda m, x, y, a, b, k, j, i8: m.max(m.concatenate([x, y[:0] + 1, x[:0], m.ones(1)])),
    "min": lambda m, x, y, a, b, k, j, i8: m.min(m.concatenate([x * y, m.ones(1)])),
    "product": lambda m, x, y, a, b, k, j, i8: m.prod(m.sign(x) * m.where(y > 990, 2.0, 1.0)),
    "any": lambda m, x, y, a, b, k, j, i8: m.any(x > 990),
    "all": lambda m, x, y, a, b, k, j, i8: m.all(x > -995),
    "dot": lambda m, x, y, a, b, k, j, i8: m.dot(x, y),
    "rows": lambda m, x, y, a, b, k, j, i8: a @ x,
    "columns": lambda m, x, y, a, b, k, j, i8: b @ m.arange(1.0, 6.0),
    "rows of few": lambda m, x, y, a, b, k, j, i8: m.arange(1.0, 6.0) @ a,
    "columns of many": lambda m, x, y, a, b, k, j, i8: y @ b,
    "both": lambda m, x, y, a, b, k, j, i8: (m.square(b @ m.arange(1.0, 6.0)) - y) @ b,
    "sum of rows": lambda m, x, y, a, b, k, j, i8: m.sum(a, axis=1),
    "sum of columns": lambda m, x, y, a, b, k, j, i8: m.sum(a, axis=0),
    "sum over the first axis": lambda m, x, y, a, b, k, j, i8: m.sum(b, axis=0),
    "max over the last axis": lambda m, x, y, a, b, k, j, i8: m.max(b, axis=1),
    "gather": lambda m, x, y, a, b, k, j, i8: m.arange(10.0, 17.0)[j] * x,
    "groups": lambda m, x, y, a, b, k, j, i8: add_at(m, GROUPS, k, x),
    "groups in any order": lambda m, x, y, a, b, k, j, i8: add_at(m, GROUPS, j, x * y),
    "groups of a sum": lambda m, x, y, a, b, k, j, i8: add_at(m, GROUPS, k, m.sum(b, axis=1)),
    "largest of groups": lambda m, x, y, a, b, k, j, i8: max_at(m, GROUPS, k, x),
    "reversed": lambda m, x, y, a, b, k, j, i8: x[::-1] + y,
    "every other": lambda m, x, y, a, b, k, j, i8: m.sum(x[::2]) - m.sum(y[1::3]),
    "shifted": lambda m, x, y, a, b, k, j, i8: x[1:] - x[:-1],
    "joined": lambda m, x, y, a, b, k, j, i8: m.concatenate([x, y, x * 2]),
    "transposed": lambda m, x, y, a, b, k, j, i8: m.transpose(b) + a,
    "small integers": lambda m, x, y, a, b, k, j, i8: i8 * i8 + i8,
    "sum of small integers": lambda m, x, y, a, b, k, j, i8: m.sum(i8),
    "float32": lambda m, x, y, a, b, k, j, i8: m.sum(x.astype("float32") * i8.astype("float32")),
    "running": lambda m, x, y, a, b, k, j, i8: m.cumsum(x),
    "outer": lambda m, x, y, a, b, k, j, i8: m.sum(x[:, None] * m.arange(3.0), axis=0),
}


@pytest.fixture(scope="module")
def compiled():
    x, y, a, b = pt.vector("x"), pt.vector("y"), pt.matrix("a"), pt.matrix("b")
    k, j = pt.vector("k", dtype="int64"), pt.vector("j", dtype="int32")
    i8 = pt.vector("i8", dtype="int8")
    inputs = [x, y, a, b, k, j, i8]
    return pt.function(inputs, {name: f(pt, *inputs) for name, f in PROGRAMS.items()})


@pytest.mark.parametrize("seed", [0, 1])
def test_every_number_of_iterations(compiled, seed):
    rng = np.random.default_rng(seed)
    for n in SIZES:
        x, y, a, b = (rng.integers(-999, 999, s) * 1.0 for s in (n, n, (5, n), (n, 5)))
        k = np.sort(rng.integers(0, 1 + min(n // 5, GROUPS - 1), n))
        j = rng.integers(-GROUPS, GROUPS, n).astype("int32")
        values = x, y, a, b, k, j, rng.integers(-128, 128, n).astype("int8")
        with np.errstate(all="ignore"):
            found = compiled(*values)
            for name, program in PROGRAMS.items():
                expected = program(np, *values)
                np.testing.assert_array_equal(found[name], expected, err_msg=f"{name}, n = {n}")
