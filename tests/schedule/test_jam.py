"""Jammed rows of a loop, against the same rows one by one."""

import random

import numpy as np
import pytest

from probtensor.kernel.interp import Machine
from probtensor.kernel.ir import (
    Acc,
    Apply,
    For,
    IndexValue,
    Kernel,
    Let,
    Load,
    Ref,
    Store,
    map_indices,
)
from probtensor.schedule.strips.jam import ROWS, several_rows
from probtensor.types import Dim, size_substitute

I, J, K, M, N, P = (Dim.name(c) for c in "ijkmnp")


def load(buffer, index, dtype="float64"):
    return Load(buffer, index, dtype)


def random_loop(rng):
    """A loop over rows i, of the forms that lowering makes or nearly of these."""
    rare = lambda often, *seldom: rng.choice([often] * 9 + [*seldom])  # noqa: E731
    locals_ = [Ref("t", "float64")]
    body = [Let("t", load("x", rare(I, 0 * I, 2 * I)))]
    if rng.random() < 0.5:
        body.append(Let("p", load("k", I, "int64")))
    deep = rng.random() < 0.5
    var = K if deep else J

    def term():
        found = rng.choice([
            load("a", I * M + J), load("a", I * M + var), load("x", I), rng.choice(locals_),
            load("x", I + J), Apply("cast", (IndexValue(rare(J, I)),), "float64"),
        ])  # fmt: skip
        return rare(found, load("y", 0), load("z", J))

    def store(buffer):
        value = Apply(rng.choice("+-*"), (term(), term()), "float64")
        index = rare(var, I + var, var + 2, I * M + var, var + P if len(body) > 1 else var, J + var)
        return Store(buffer, index, value, rare("add", "max", None))

    inner = [store("y")]
    if rng.random() < 0.3:
        inner.append(store(rng.choice("yz")))
    if rng.random() < 0.3:
        inner.insert(0, Let("u", Apply("*", (term(), term()), "float64")))
        locals_.append(Ref("u", "float64"))
        inner.append(store("y"))
    accs = rare((), (Acc("s", "add", 0.0, load("x", J)),))
    if deep:
        extent = rare(M, I + 1, J + 1, 3)
        inner = [For("k", extent, tuple(inner))]
        if rng.random() < 0.2:
            inner.insert(0, Let("w", load("x", J)))
    loop = For("j", rare(M, I + 1, P if len(body) > 1 else M), tuple(inner), accs)
    return For("i", N, (*body, loop), rare((), (Acc("r", "add", 0.0, load("x", I)),)))


def buffers(n, m):
    rng = np.random.default_rng(n)
    arrays = {name: rng.integers(-3, 4, 9 * (n + m + 4)) * 1.0 for name in "xyz"}
    arrays["a"] = rng.integers(-3, 4, (n + 1) * (m + 1) + 9) * 1.0
    return arrays | {"k": rng.integers(0, 4, n + 9)}


def run(loop, rows, n, m):
    """The buffers after the loop, with as many rows as possible run as `rows`."""
    arrays, first = buffers(n, m), 0
    while rows is not None and n - first >= ROWS:
        Machine(arrays, {"n": n, "m": m, "i": first}, {}).run(Kernel("k", rows))
        first += ROWS
    later = {loop.var: Dim.name(loop.var) + first}
    body = [map_indices(stmt, lambda index: size_substitute(index, later)) for stmt in loop.body]
    rest = For(loop.var, loop.extent - first, tuple(body), loop.accs)
    Machine(arrays, {"n": n, "m": m}, {}).run(Kernel("k", (rest,)))
    return arrays


@pytest.mark.parametrize("first", range(0, 1200, 400))
def test_jammed_rows_have_the_results_of_single_rows(first):
    jammed = 0
    for seed in range(first, first + 400):
        loop = random_loop(random.Random(seed))
        rows = several_rows(loop)
        if rows is None:
            continue
        jammed += 1
        for n, m in ((4, 3), (9, 2)):
            one, several = run(loop, None, n, m), run(loop, rows, n, m)
            for name in one:
                np.testing.assert_array_equal(several[name], one[name], err_msg=f"{seed} {loop}")
    assert jammed > 40
