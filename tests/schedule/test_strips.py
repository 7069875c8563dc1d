"""Loops cut into strips, run segment by segment, against the same loops run in order."""

import itertools
import random
import re
from itertools import groupby

import numpy as np
import pytest

from probtensor.kernel.interp import Machine
from probtensor.kernel.ir import FOLDS, Acc, Apply, For, Kernel, Let, Lit, Load, Ref, Store
from probtensor.kernel.tidy import inline_locals
from probtensor.kernel.touch import names_set
from probtensor.schedule.strips import passes
from probtensor.schedule.strips.forms import (
    AtOnce,
    Dot,
    RowsAdd,
    RowsDot,
    ScatterAdd,
    SerialSegment,
    Strip,
    Sum,
    VectorSegment,
    is_at_once,
)
from probtensor.schedule.strips.passes import strip
from probtensor.types import Dim

I, J, N, M = (Dim.name(c) for c in "ijnm")
WIDTH = 4  # of strips here, so that few iterations make several of them
FUNCTIONS = {"pt_twice": lambda x: x * 2}


class Stripped(Machine):
    """Runs strips: each segment runs all iterations of a strip before the next segment starts."""

    def __init__(self, *given):
        super().__init__(*given)
        self.wide, self.lane = {}, 0

    def _stmt(self, stmt):
        if isinstance(stmt, Strip):
            self._strip(stmt)
        elif isinstance(stmt, (Dot, Sum)):
            self._fold(stmt)
        else:
            super()._stmt(stmt)
            for name in names_set(stmt):
                self._set_lane(name)

    def _set_lane(self, name):
        if name in self.wide:
            self.wide[name][self.lane] = self.names.pop(name)

    def value(self, expr):
        if isinstance(expr, Ref) and expr.name in self.wide:
            found = self.wide[expr.name][self.lane]
            assert found is not None, f"{expr.name} is read before it is set"
            return found
        return super().value(expr)

    def _strip(self, loop):
        extent, outer = self.integer(loop.extent), (self.wide, self.lane)
        accs = [acc for segment in loop.segments for acc in segment.accs]
        sums = {acc.name: [acc.identity] * loop.width for acc in accs}
        for first in range(0, extent, loop.width):
            count = min(loop.width, extent - first)
            self.wide = {**outer[0], **{name: [None] * loop.width for name, _ in loop.wide}}
            for segment in loop.segments:
                self._segment(segment, loop, first, count, sums)
        self.wide, self.lane = outer
        for acc in accs:
            total = acc.identity
            for lane in sums[acc.name]:
                total = FOLDS[acc.op].numpy(total, lane)
            self.names[acc.name] = np.asarray(total).astype(acc.term.dtype)[()]
            self._set_lane(acc.name)

    def _segment(self, segment, loop, first, count, sums):
        runs = [(at_once, tuple(run)) for at_once, run in groupby(segment.body, is_at_once)]
        assert not (segment.accs and len(runs) > 1)
        for at_once, run in runs or [(False, ())]:
            for stmt in run if at_once else ():
                self._routine(stmt, count, first)
            for self.lane in range(0 if at_once else count):
                self.names[loop.var] = first + self.lane
                self._body(run)
                for acc in segment.accs:
                    lanes = sums[acc.name]
                    lanes[self.lane] = FOLDS[acc.op].numpy(lanes[self.lane], self.value(acc.term))

    def _fold(self, stmt):
        loads = (stmt.left, stmt.right) if isinstance(stmt, Dot) else (stmt.terms,)
        parts = [self._from(load, self.integer(stmt.extent)) for load in loads]
        self.names[stmt.result] = np.float64(np.prod(parts, axis=0).sum())
        self._set_lane(stmt.result)

    def _from(self, load, extent, skip=0):
        return self.buffers[load.buffer][self.integer(load.index) + skip :][:extent]

    def _routine(self, stmt, count, first):
        """The routines of pt_loops.h: pointers are computed once, in the first iteration."""
        self.names[stmt.var] = first
        for k in range(count):
            match stmt:
                case RowsDot(result, extent, matrix, stride, vector):
                    extent = self.integer(extent)
                    row = self._from(matrix, extent, k * self.integer(stride))
                    self.wide[result][k] = row @ self._from(vector, extent)
                case RowsAdd(buffer, offset, extent, matrix, stride, weight):
                    extent, offset = self.integer(extent), self.integer(offset)
                    out = self.buffers[buffer]
                    row = self._from(matrix, extent, k * self.integer(stride))
                    assert out.dtype == "float64" and weight.name in self.wide
                    out[offset : offset + extent] += self.wide[weight.name][k] * row
                case ScatterAdd(buffer, offset, index, weight):
                    out = self.buffers[buffer]
                    assert out.dtype == "float64" and weight.name in self.wide
                    assert index.dtype in ("int64", "int32")
                    (loaded,) = self._from(index, 1, k)
                    out[self.integer(offset) + loaded] += self.wide[weight.name][k]


def load(buffer, index, dtype="float64"):
    return Load(buffer, index, dtype)


def times(a, b):
    return Apply("*", (a, b), "float64")


class Kernels:
    """Writes random loops of the forms that lowering makes: one statement stores to each buffer,
    and others read it only after that statement."""

    twice = "pt_twice"  # a function
    backwards = 9 - I
    stride = 1

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.count = itertools.count()
        self.locals, self.indices, self.stored, self.rows = [], [], [], []
        self.sizes = {}

    def fresh(self, letter):
        return f"{letter}{next(self.count)}"

    def number(self):
        """A double that is available in an iteration of the loop."""
        ways = [lambda: load("x", self.rng.choice([I, I, 2 * I, self.backwards]))]
        ways += [lambda: Ref(self.rng.choice(self.locals), "float64")] * (2 * bool(self.locals))
        ways += [lambda: load(self.rng.choice(self.stored), I)] * (2 * bool(self.stored))
        ways += [lambda: load("x", Dim.name(self.rng.choice(self.indices)))] * bool(self.indices)
        return self.rng.choice(ways)()

    def term(self):
        a, b = self.number(), self.number()
        return self.rng.choice([
            lambda: times(a, Lit(2.0, "float64")),
            lambda: Apply("+", (a, b), "float64"),
            lambda: Apply(self.twice, (a,), "float64"),
            lambda: Apply("/", (a, Lit(2.0, "float64")), "float64"),
            lambda: a,
        ])()  # fmt: skip

    def last(self):
        """A term that reads the last buffer stored to, if there is one: it may depend on all
        statements before."""
        return times(load(self.stored[-1], I), load("x", I)) if self.stored else self.term()

    def let(self):
        name = self.fresh("t")
        stmt = Let(name, self.term())
        self.locals.append(name)
        return [stmt]

    def computed_index(self):
        name = self.fresh("k")
        dtype, buffer = self.rng.choice([("int64", "p"), ("int32", "q"), ("uint32", "r")])
        index = self.rng.choice([I, I, I, 2 * I])
        self.indices.append(name)
        return [Let(name, load(buffer, index, dtype))]

    def store(self):
        name = self.fresh("y")
        late = self.locals and self.rng.random() < 0.5
        stmt = Store(name, I, Ref(self.locals[-1], "float64") if late else self.term())
        self.sizes[name] = "float64"
        self.stored.append(name)
        return [stmt]

    def scatter(self):
        made = [] if self.indices and self.rng.random() < 0.5 else self.computed_index()
        name, k = self.fresh("g"), Dim.name(self.rng.choice(self.indices))
        dtype = self.rng.choice(["float64", "float64", "float32"])
        index = self.rng.choice([
            k, k + 3, k * M + 1, k + self.stride * I, k + I // 2, 2 * k,
        ])  # fmt: skip
        if len(self.indices) > 1 and self.rng.random() < 0.2:
            index = Dim.name(self.indices[0]) + Dim.name(self.indices[1])
        self.sizes[name] = dtype
        value = self.term()
        if dtype == "float32":
            value = Apply("cast", (value,), "float32")
        elif self.rng.random() < 0.4 and self.locals:
            value = Ref(self.rng.choice(self.locals), "float64")
        op = self.rng.choice(["add", "add", "add", "max"])
        return [*made, Store(name, index, value, op)]

    def fold(self):
        """An inner loop that folds a row: `pt_dot` if its terms are products."""
        var, name = self.fresh("j"), self.fresh("a")
        j = Dim.name(var)
        matrix = load(self.rng.choice(["m0", "m1", *self.rows]), I * M + j)
        vector = load("b", self.rng.choice([j, j, j, j + I, 2 * j]))
        terms = [times(matrix, vector), times(vector, matrix),
                 Apply(self.twice, (matrix,), "float64")]  # fmt: skip
        acc = Acc(name, self.rng.choice(["add", "add", "add", "max"]), 0.0, self.rng.choice(terms))
        self.locals.append(name)
        return [For(var, M, (), (acc,))]

    def add_rows(self):
        """An inner loop that adds a weighted row, to one row for all iterations or to one each."""
        var, name = self.fresh("j"), self.fresh("v")
        j = Dim.name(var)
        matrix = load(self.rng.choice(["m0", "m1", *self.rows]), self.rng.choice([I * M + j, j]))
        weight = Ref(self.rng.choice(self.locals), "float64") if self.locals else load("x", I)
        factors = (weight, matrix) if self.rng.random() < 0.5 else (matrix, weight)
        index = self.rng.choice([j, j, j + 2, I * M + j, 2 * j])
        self.sizes[name] = "float64"
        return [For(var, M, (Store(name, index, times(*factors), "add"),))]

    def make_rows(self):
        var, name = self.fresh("j"), self.fresh("w")
        index = I * M + Dim.name(var)
        self.sizes[name] = "float64"
        self.rows.append(name)
        return [For(var, M, (Store(name, index, times(self.number(), load("m0", index))),))]

    def loop(self):
        kinds = [self.let, self.computed_index, self.store, self.scatter, self.scatter, self.fold,
                 self.fold, self.add_rows, self.add_rows, self.make_rows]  # fmt: skip
        body = [s for _ in range(self.rng.randint(2, 7)) for s in self.rng.choice(kinds)()]
        ops = [("add", 0.0), ("add", 0.0), ("max", -np.inf)]
        accs = tuple(
            Acc(self.fresh("s"), *self.rng.choice(ops), self.last() if k else self.term())
            for k in range(self.rng.choice([0, 1, 2, 2]))
        )
        extent = self.rng.choice([N, N, N, N, 3, 4, 6])
        ends = tuple(Store("e", k, Ref(acc.name, "float64")) for k, acc in enumerate(accs))
        return (For("i", extent, tuple(body), accs), *ends)


def buffers(sizes, n, m):
    """New arrays: small integers to read, and ones in those that are stored to."""
    rng = np.random.default_rng(n)
    n = max(n, 6)
    found = {name: rng.integers(-4, 5, count) * 1.0 for name, count in
             (("x", 2 * n + 9), ("b", n + 2 * m), ("m0", n * m), ("m1", n * m))}  # fmt: skip
    for name, dtype in (("p", "int64"), ("q", "int32"), ("r", "uint32")):
        found[name] = rng.integers(0, 5, 2 * n).astype(dtype)
    found["e"] = np.zeros(2)
    return found | {name: np.ones(9 * (n + m) * m, dtype) for name, dtype in sizes.items()}


def run(machine, body, sizes, n, m):
    arrays = buffers(sizes, n, m)
    machine(arrays, {"n": n, "m": m}, FUNCTIONS).run(Kernel("k", body))
    return arrays


@pytest.mark.parametrize("first", range(0, 270, 90))
def test_strips_have_the_results_of_their_loops(monkeypatch, first):
    monkeypatch.setattr(passes, "WIDTH", WIDTH)
    cut, routines = 0, set()
    for seed in range(first, first + 90):
        made = Kernels(seed)
        body = made.loop()
        short = inline_locals(body)
        after = strip(short if seed % 2 else body)
        cut += isinstance(after[0], Strip)
        routines |= {form.__name__ for form in (Dot, RowsDot, RowsAdd, ScatterAdd)
                     if re.search(rf"\b{form.__name__}\(", repr(after))}  # fmt: skip
        for n, m in ((0, 2), (3, 3), (7, 2)):
            expected = run(Machine, body, made.sizes, n, m)
            ways = [(Stripped, after)] + [(Machine, short)] * (n == 7)
            for machine, way in ways:
                found = run(machine, way, made.sizes, n, m)
                for name in expected:
                    np.testing.assert_array_equal(
                        found[name], expected[name], err_msg=f"seed {seed}, {name}, n = {n}"
                    )
    assert cut > 30
    assert len(routines) == 4


def exp(expr):
    return Apply("pt_exp", (expr,), "float64")


def test_a_plain_loop_is_left_to_the_compiler():
    loop = For("i", N, (Store("y", I, exp(load("x", I))),))
    assert strip((loop,)) == (loop,)


def test_a_fold_gets_lanes():
    (loop,) = strip((For("i", N, (), (Acc("s", "add", 0.0, exp(load("x", I))),)),))
    assert isinstance(loop, Strip)
    assert [type(segment) for segment in loop.segments] == [VectorSegment]


def test_products_with_rows_of_a_matrix_become_row_routines():
    dot = For("j", M, (), (Acc("e", "add", 0.0, times(load("x", I * M + J), load("b", J))),))
    weight = Let("r", exp(Ref("e", "float64")))
    back = For(
        "j2", M, (Store("g", Dim.name("j2"),
                        times(Ref("r", "float64"), load("x", I * M + Dim.name("j2"))), "add"),),
    )  # fmt: skip
    (loop,) = strip((For("i", N, (dot, weight, back)),))
    kinds = [type(segment) for segment in loop.segments]
    assert kinds == [SerialSegment, VectorSegment, SerialSegment]
    routines = [type(s) for seg in loop.segments for s in seg.body if isinstance(s, AtOnce)]
    assert routines == [RowsDot, RowsAdd]
    assert dict(loop.wide) == {"e": "float64", "r": "float64"}


def test_additions_at_computed_indices_are_serial():
    body = (
        Let("k", Load("index", I, "int64")),
        Let("t", exp(load("x", I))),
        Store("g", Dim.name("k"), times(Ref("t", "float64"), load("x", I)), "add"),
    )
    (loop,) = strip((For("i", N, body),))
    assert [type(segment) for segment in loop.segments] == [VectorSegment, SerialSegment]
    (add,) = loop.segments[1].body
    assert isinstance(add, ScatterAdd)
