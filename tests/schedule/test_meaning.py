"""Schedules of random kernels mean what the kernels mean, in whatever order the iterations run."""

import random
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from probtensor.kernel.check import KernelError
from probtensor.kernel.check import check as check_kernel
from probtensor.kernel.interp import Machine
from probtensor.kernel.ir import (
    Acc,
    Apply,
    For,
    IndexValue,
    Kernel,
    Let,
    Lit,
    Load,
    Ref,
    Scan,
    State,
    Store,
    map_blocks,
)
from probtensor.schedule.grid.flat import fixed, flat_index
from probtensor.schedule.grid.passes import schedule
from probtensor.schedule.grid.phases import InOrder, MapPhase, Once, Reduce, Routine, Sync
from probtensor.types import Dim, size_value

N = Dim.name("n")
SIZES = {"n": 5}
ONE, TWO, THREE, LONG = 1, 2, 3, 50
DIMS = {"v": N, "w": N, "x": N * 3, "k": N,
        "y": THREE, "z": N, "u": LONG, "p": N, "s": ONE, "t": ONE}  # fmt: skip
DTYPES = {name: "int64" if name == "k" else "float64" for name in DIMS}
READ, WRITTEN = ("v", "w", "x"), ("y", "z", "u", "p", "s", "t")
EXTENTS = (N, N, N, THREE, THREE, LONG, TWO, ONE)
VERDICTS = 200


def nested(loops, body, accs=()):
    """Loops around statements, the folds over all of them."""
    for depth, (name, extent) in enumerate(reversed(loops)):
        last = depth + 1 == len(loops)
        named = [acc if last else replace(acc, name=f"{acc.name}_{depth}") for acc in accs]
        body = (For(name, extent, tuple(body), tuple(named)),)
        accs = [replace(acc, term=Ref(own.name, acc.term.dtype))
                for acc, own in zip(accs, named, strict=True)]  # fmt: skip
    return tuple(body)


def without_syncs(body):
    return tuple(map_blocks(s, without_syncs) for s in body if not isinstance(s, Sync))


def as_statements(phase, launched=False):
    """A phase as statements; its parallel iterations run backwards. Loops in order are those of a
    group or `launched` for each step."""
    match phase:
        case InOrder(steps=steps) if steps is not None and launched:
            first = (stmt for part in steps.first for stmt in as_statements(part))
            each = (stmt for part in steps.phases for stmt in as_statements(part, True))
            return (*first, Scan(steps.var, steps.extent, tuple(each)))
        case InOrder(body):
            return without_syncs(body)
        case Once(body, before):
            return (*before, *body)
        case Routine(call):
            return (call,)
        case MapPhase(loops):
            body = tuple(stmt for stmt in phase.body if not isinstance(stmt, Sync))
            number = Let(phase.flat, IndexValue(flat_index(loops)))
            terms = tuple(Let(acc.name, acc.term) for acc in phase.accs)
            back = {name: n - 1 - Dim.name(name) for name, n in loops}
            number, *rest = fixed((number, *body, *terms), back)
            own = ([] if len(loops) == 1 else [number]) + rest[: len(body)]
            accs = [replace(acc, term=let.expr)
                    for acc, let in zip(phase.accs, rest[len(body) :], strict=True)]  # fmt: skip
            fills = tuple(
                For(f"f_{p.buffer}", p.count, (Store(p.buffer, Dim.name(f"f_{p.buffer}"),
                                                     p.initial),))
                for p in phase.privates if p.initial is not None
            )  # fmt: skip
            return (*phase.before, *fills, *nested(loops, own, accs), *phase.after)
        case Reduce():
            fold = nested(phase.reduced, phase.body, phase.accs)
            return (*phase.before, *nested(phase.outer, (*phase.head, *fold, *phase.each)))


def arrays(seed):
    """Numbers that are exact in any order of additions and multiplications by 1 and 2."""
    rng = np.random.default_rng(seed)
    found = {}
    for name, count in DIMS.items():
        top = 3 if name == "k" else 9
        found[name] = rng.integers(0, top, size_value(count, SIZES)).astype(DTYPES[name])
    return found


class Maker:
    """Random kernels whose accesses lie within their buffers."""

    def __init__(self, rng, in_order):
        self.rng = rng
        self.in_order = in_order  # whether there are loops in order
        self.count = 0
        self.locals = []
        # As lowering does it: a buffer is combined into by one op, or stored to by one statement;
        # it is read when that is done, and written no more.
        self.ops = {name: rng.choice((None, "add", "add", "max")) for name in WRITTEN[1:]}
        self.ops["y"] = "add"
        self.free = set(WRITTEN)
        self.busy = set()

    def fresh(self, letter):
        self.count += 1
        return f"{letter}{self.count}"

    def place(self, buffer, loops):
        """A place in a buffer by the loops around: (variable, extent)."""
        by = {id(extent): Dim.name(name) for name, extent in loops}
        one = by.get(id(ONE), 0)
        if buffer == "x":
            return by.get(id(N), 0) * 3 + by.get(id(THREE), 1) + one
        return one if DIMS[buffer] is ONE else one + by.get(id(DIMS[buffer]), 0)

    def value(self, loops, depth=2):
        rng = self.rng
        if depth == 0 or rng.random() < 0.3:
            if self.locals and rng.random() < 0.6:
                return Ref(rng.choice(self.locals), "float64")
            if rng.random() < 0.3:
                return Lit(float(rng.randint(0, 2)), "float64")
            buffer = rng.choice((*READ, *sorted({*WRITTEN} - self.busy)))
            self.free.discard(buffer)
            return Load(buffer, self.place(buffer, loops), "float64")
        first, second = (self.value(loops, depth - 1) for _ in range(2))
        return Apply(rng.choice(("+", "-", "maximum", "minimum")), (first, second), "float64")

    def store(self, loops, value=None):
        rng = self.rng
        if not self.free:
            return []
        buffer = rng.choice(sorted(self.free))
        self.busy.add(buffer)
        op = self.ops[buffer]
        if op is None:
            self.free.remove(buffer)
        if buffer in "yu" and rng.random() < 0.3 and any(n is N for _, n in loops):
            name = self.fresh("i")
            long = next(Dim.name(v) for v, n in loops if n is N)
            index = Let(name, Load("k", long, "int64"))
            return [index, Store(buffer, Dim.name(name), value or self.value(loops), op)]
        return [Store(buffer, self.place(buffer, loops), value or self.value(loops), op)]

    def scan(self):
        """A loop in order: a state that each step reads, and statements that may read what the
        steps before stored."""
        rng, outside = self.rng, list(self.locals)
        init, state, var = self.value((), 1), self.fresh("s"), self.fresh("j")
        extent = rng.choice((N, N, THREE))
        self.locals.append(state)
        self.in_order = rng.random() < 0.3  # for loops in the loop
        inner = self.body((), 3)
        following = Apply("minimum", (self.value((), 1), Lit(50.0, "float64")), "float64")
        stop = count = None
        if rng.random() < 0.3:
            stop = Apply("<", (Ref(state, "float64"), Lit(0.0, "float64")), "bool")
            count = self.fresh("c")
        self.in_order, self.locals = True, [*outside, state]
        states = (State(state, init, following),)
        return Scan(var, extent, tuple(inner), states, stop, count)

    def body(self, loops=(), most=4):
        rng, done, outer = self.rng, [], list(self.locals)
        for _ in range(rng.randint(1, most)):
            way = rng.random()
            if not loops:
                self.busy.clear()
            if not loops and self.in_order and way < 0.4:
                done.append(self.scan())
            elif way < 0.25:
                name = self.fresh("t")
                done.append(Let(name, self.value(loops)))
                self.locals.append(name)
            elif way < 0.55 or len(loops) == 3:
                done += self.store(loops)
            else:
                other = [n for n in EXTENTS if not any(n is m for _, m in loops)]
                extent = rng.choice(other)
                var = self.fresh("j")
                around = (*loops, (var, extent))
                outside = list(self.locals)
                inner = self.body(around, 3) if rng.random() < 0.8 else ()
                accs = []
                for _ in range(rng.choice((0, 0, 1, 2))):
                    op = rng.choice(("add", "max"))
                    start = 0.0 if op == "add" else float("-inf")
                    accs.append(Acc(self.fresh("a"), op, start, self.value(around, 1)))
                self.locals = [*outside, *(acc.name for acc in accs)]
                if inner or accs:
                    done.append(For(var, extent, tuple(inner), tuple(accs)))
                if accs and rng.random() < 0.5:
                    done += self.store(loops, Ref(accs[0].name, "float64"))
        if loops:
            self.locals = outer
        return done


def random_kernel(seed, in_order=False):
    """A kernel that the verifier takes."""
    maker = Maker(random.Random(seed), in_order)
    fills = []
    for buffer in maker.rng.sample(WRITTEN, 2):
        var = maker.fresh("q")
        value = Lit(float(maker.rng.randint(0, 2)), "float64")
        place = Dim.name(var) if DIMS[buffer] is not ONE else 0
        fills.append(For(var, DIMS[buffer], (Store(buffer, place, value),))
                     if DIMS[buffer] is not ONE else Store(buffer, 0, value))  # fmt: skip
    kernel = Kernel("k", (*fills, *maker.body()))
    try:
        check_kernel(kernel, DIMS, SIZES)
    except KernelError:
        return None
    return kernel


def outcome(body, buffers):
    Machine(buffers, SIZES, {}).run(Kernel("k", tuple(body)))
    return {name: buffers[name] for name in WRITTEN}


def compare_schedules(verdicts, in_order=False):
    """Counts of phases in schedules, each compared with its kernel."""
    seen, seed = Counter(), 0
    while seen["kernels"] < verdicts:
        seed += 1
        kernel = random_kernel(seed, in_order)
        if kernel is None:
            continue
        seen["kernels"] += 1
        deterministic = seed % 2 == 0
        made = schedule(kernel, DIMS, DTYPES, {}, deterministic, verify=True)
        wanted = outcome(kernel.body, arrays(seed))
        for launched in (False, True)[: 1 + in_order]:
            buffers = arrays(seed)
            for memory in made.scratch:
                count = size_value(memory.count, SIZES)
                buffers[memory.name] = np.full(count, -77).astype(memory.dtype)
            for phase in made.phases:
                seen[type(phase).__name__] += 1
                seen["privates"] += bool(getattr(phase, "privates", ()))
                seen["steps"] += getattr(phase, "steps", None) is not None
                outcome(as_statements(phase, launched), buffers)
            for name in WRITTEN:
                np.testing.assert_array_equal(
                    buffers[name], wanted[name], err_msg=f"{seed}, {launched}: {name}"
                )
    return seen


def test_schedules_mean_what_their_kernels_mean():
    seen = compare_schedules(VERDICTS)
    assert min(seen[k] for k in ("MapPhase", "Reduce", "Once", "privates")) > 20, seen


@pytest.mark.slow
def test_loops_in_order_mean_what_their_kernels_mean():
    seen = compare_schedules(VERDICTS // 4, in_order=True)
    assert min(seen[k] for k in ("MapPhase", "Reduce", "Once", "InOrder", "steps")) >= 8, seen


def assert_meaning(body, dims):
    """Fail unless the schedule of a kernel gives what the kernel does, in all its buffers."""
    kernel = Kernel("k", body, tuple(dims), tuple(dims))
    check_kernel(kernel, dims, ["n"])
    made = schedule(kernel, dims, dict.fromkeys(dims, "float64"), {}, verify=True)
    results = []
    for parts in ((body,), [as_statements(phase) for phase in made.phases]):
        counts = {name: size_value(n, SIZES) for name, n in dims.items()}
        buffers = {name: np.arange(1.0, n + 1) for name, n in counts.items()}
        memory = {m.name: np.zeros(size_value(m.count, SIZES), m.dtype) for m in made.scratch}
        for part in parts:
            Machine({**buffers, **memory}, SIZES, {}).run(Kernel("k", tuple(part)))
        results.append(buffers)
    for name in dims:
        np.testing.assert_array_equal(results[1][name], results[0][name], err_msg=name)


def test_what_reads_the_rows_of_a_statement_that_also_combines_comes_after_it():
    i, j, k = (Dim.name(name) for name in ("i", "j", "k"))
    row = Store("x", 3 * i + j, Load("w", i, "float64"))
    shared = For("k", N, (Store("y", k, Load("v", k, "float64"), "add"),))
    rows = For("j", THREE, (row, shared))
    value = Load("x", 3 * i + 2, "float64")
    reader = For("l", THREE, (Store("q", 3 * i + Dim.name("l"), value),))
    dims = {"v": N, "w": N, "x": N * 3, "y": N, "q": N * 3}
    assert_meaning((For("i", N, (rows, reader)),), dims)


def test_what_a_statement_combines_is_not_overwritten_before_it_runs():
    i, k = Dim.name("i"), Dim.name("k")
    shared = For("k", N, (Store("y", k, Load("w", i, "float64"), "add"),))
    replaced = Store("w", i, Lit(0.0, "float64"))
    assert_meaning((For("i", N, (shared, replaced)),), {"w": N, "y": N})
