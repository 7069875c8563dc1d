"""The passes of schedules one at a time, the invariants after each, and schedules as text."""

import random
from dataclasses import replace
from itertools import combinations, groupby, pairwise

import pytest

import probtensor as pt
from probtensor.kernel.check import KernelError
from probtensor.kernel.ir import (
    Acc,
    Apply,
    Call,
    For,
    Kernel,
    Let,
    Lit,
    Load,
    Ref,
    Scan,
    State,
    Store,
)
from probtensor.kernel.touch import buffers_of, writes_of
from probtensor.schedule.grid.check import check
from probtensor.schedule.grid.passes import GRID, outline, schedule
from probtensor.schedule.grid.phases import (
    Facts,
    InOrder,
    Loop,
    MapPhase,
    Once,
    Reduce,
    Schedule,
    Scratch,
    Sync,
)
from probtensor.schedule.group.columns import by_column
from probtensor.schedule.group.syncs import with_syncs
from probtensor.schedule.strips.check import check as check_strip
from probtensor.schedule.strips.forms import Strip
from probtensor.schedule.strips.passes import STRIPS, Draft, strip
from probtensor.targets.cuda.launches import CudaTarget
from probtensor.types import Dim
from tests.models.programs import varying_intercepts

I, J, N, M = (Dim.name(c) for c in "ijnm")
ELEMENTS = {"x": N * M, "v": N, "y": M, "z": N, "total": 1}
DTYPES = dict.fromkeys(ELEMENTS, "float64")


def load(buffer, index):
    return Load(buffer, index, "float64")


def times(a, b):
    return Apply("*", (a, b), "float64")


def fill(*accs):
    return For("j0", M, (Store("y", Dim.name("j0"), Lit(0.0, "float64")),), accs)


def add_columns(factor):
    """for i, j: y[j] += x[i, j] * factor."""
    store = Store("y", J, times(load("x", I * M + J), factor), "add")
    return For("i", N, (For("j", M, (store,)),))


def phases(*body):
    return schedule(Kernel("k", body), ELEMENTS, DTYPES, {}, verify=True).phases


def test_a_fold_starts_from_the_value_that_was_filled_in():
    (columns,) = phases(fill(), add_columns(Lit(2.0, "float64")))
    assert isinstance(columns, Reduce)
    (store,) = columns.each
    assert store.op is None and isinstance(store.expr, Ref)


def test_a_fill_that_also_folds_is_not_removed():
    largest = Acc("s", "max", 0.0, load("y2", Dim.name("j0")))
    facts = ELEMENTS | {"y2": M}, DTYPES | {"y2": "float64"}
    body = (fill(largest), add_columns(Ref("s", "float64")))
    first, columns = schedule(Kernel("k", body), *facts, {}, verify=True).phases
    assert [acc.name for acc in first.accs] == ["s"]
    assert columns.each[0].op == "add"
    assert [let.name for let in columns.before] == ["s"]


@pytest.mark.parametrize(
    "between",
    [
        Store("total", 0, load("y", 0)),
        For("k", M, (Store("z", Dim.name("k"), load("y", Dim.name("k"))),)),
    ],
)
def test_a_fill_that_is_read_is_not_removed(between):
    found = phases(fill(), between, add_columns(Lit(2.0, "float64")))
    assert isinstance(found[0], MapPhase) and found[-1].each[0].op == "add"


def test_fission_of_loops_that_fission_has_split_off():
    """Loops that a pass makes go through all passes: here twice, each time one level further in."""
    deep = [
        For("j", M, (
            For(f"a{k}", 70, (Store(f"o{k}", Dim.name(f"a{k}"), load("x", I * M + J), "add"),)),
            For(f"b{k}", 70, (Store(f"p{k}", Dim.name(f"b{k}"), load("x", I * M + J), "add"),)),
        ))
        for k in range(2)
    ]  # fmt: skip
    elements = ELEMENTS | {f"{c}{k}": 70 for c in "op" for k in range(2)}
    loop = For("i", N, (*deep, Store("z", I, load("v", I))))
    dtypes = dict.fromkeys(elements, "float64")
    made = schedule(Kernel("k", (loop,)), elements, dtypes, {}, verify=True)
    assert [type(phase) for phase in made.phases] == [MapPhase, *[Reduce] * 4]
    assert [phase.each[0].buffer for phase in made.phases[1:]] == ["o0", "p0", "o1", "p1"]


def random_body(rng):
    """Stores, loops and routines over a few buffers."""
    body = []
    for k in range(rng.randint(1, 6)):
        source, to = rng.choice("abcd"), rng.choice("abcd")
        body.append(rng.choice([
            lambda: Store(to, 0, load(source, k)),  # noqa: B023
            lambda: For("j", N, (Store(to, J, load(source, J)),)),  # noqa: B023
            lambda: For("j", N, (), (Acc(f"s{k}", "add", 0.0, load(source, J)),)),  # noqa: B023
            lambda: Call("pt_gemm", ((source, 0),), ((to, 0),), ()),  # noqa: B023
            lambda: Let(f"t{k}", load(source, 0)),  # noqa: B023
        ])())  # fmt: skip
    return body


def touches(stmt, replicated):
    stored = set(writes_of(stmt)) - replicated
    return stored, set(buffers_of(stmt)) - replicated


@pytest.mark.parametrize("replicated", [set(), {"a"}])
def test_barriers_are_between_conflicting_accesses_and_nowhere_else(replicated):
    waits = 0
    for seed in range(300):
        made = with_syncs(random_body(random.Random(seed)), replicated)
        runs = [list(run) for sync, run in groupby(made, lambda s: isinstance(s, Sync)) if not sync]
        for run in runs:
            assert not any(conflict(a, b, replicated) for a, b in combinations(run, 2))
        for run, (following, *_) in pairwise(runs):
            stored, seen = touches(following, replicated)
            assert any(stored & s or stored & t or s & seen
                       for s, t in (touches(stmt, replicated) for stmt in run))  # fmt: skip
        waits += len(runs) - 1
        touched = set().union(*(touches(stmt, replicated)[1] for stmt in runs[-1]))
        assert isinstance(made[-1], Sync) == bool(touched)
    assert waits > 100


def conflict(one, two, replicated):
    """Whether a barrier is needed between two statements. The first lane runs all single stores,
    so none is needed between two of them."""
    (stored, seen), (stored2, seen2) = touches(one, replicated), touches(two, replicated)
    alone = isinstance(one, Store) and isinstance(two, Store)
    return not alone and bool(stored & seen2 or stored2 & seen)


def test_phases_whose_loops_threads_divide_have_barriers():
    body = (
        For("j", 40, (Store("y", J, load("v", J)),)),
        For("k", 40, (), (Acc("a", "add", 0.0, load("y", Dim.name("k"))),)),
        Store("z", I, Ref("a", "float64")),
    )
    (rows,) = phases(For("i", N, body))
    assert [type(stmt) for stmt in rows.body] == [For, Sync, For, Store, Sync]
    (alone,) = phases(For("i", N, (Store("z", I, load("v", I)),)))
    assert [type(stmt) for stmt in alone.body] == [Store]


BROKEN = {
    "no phase": lambda s: replace(s, phases=(Loop((("i", N),), ()), *s.phases)),
    "reads \\['t9'\\]": lambda s: replace(
        s, phases=(*s.phases, Once((Store("total", 0, Ref("t9", "float64")),)),
                   Once((Let("t9", Lit(0.0, "float64")),)))),
    "no buffers": lambda s: replace(s, phases=(Once((Store("q", 0, Lit(0.0, "float64")),)),)),
    "before any phase stores": lambda s: replace(
        s, phases=(Once((Store("total", 0, load("m", 0)),)),),
        scratch=(Scratch("m", "float64", 1),),
        facts=replace(s.facts, elements={**s.facts.elements, "m": 1})),
    "one name": lambda s: replace(s, scratch=(Scratch("m", "float64", 1),) * 2),
}  # fmt: skip


@pytest.mark.parametrize("message", BROKEN)
def test_a_broken_schedule_is_refused_by_the_name_of_the_pass(message):
    body = (For("i", N, (Store("z", I, load("v", I)),)),)
    good = schedule(Kernel("k", body), ELEMENTS, DTYPES, {})
    check(good, "pass_scalars")
    with pytest.raises(KernelError, match=f"k, after lower_loops: .*{message}"):
        check(BROKEN[message](good), "lower_loops")


def test_every_pass_leaves_its_argument_as_it_is():
    inputs, outputs, _ = varying_intercepts()
    plan = pt.function(inputs, outputs, target="interp").plan
    for kernel in plan.kernels:
        found = outline(kernel, Facts(kernel.name, *_buffers(plan), {}))
        for step in GRID:
            before = repr(found)
            after = step(found)
            assert repr(found) == before
            found = after
        for stmt in kernel.body:
            draft = Draft(stmt) if isinstance(stmt, For) else None
            for step in STRIPS if draft else ():
                before = repr(draft)
                after = step(draft)
                assert repr(draft) == before
                draft = after


def _buffers(plan):
    sizes = {b.name: b.shape[0] * b.shape[1] if len(b.shape) > 1 else (*b.shape, 1)[0]
             for b in plan.buffers}  # fmt: skip
    return sizes, {b.name: b.dtype for b in plan.buffers}


def test_a_strip_that_reads_what_nothing_sets_is_refused():
    body = (
        Let("t", Apply("pt_exp", (load("v", I),), "float64")),
        For("j", M, (Store("x", I * M + J, times(load("x", J), Ref("t", "float64"))),)),
    )
    loop = For("i", N, body, (Acc("a", "add", 0.0, Ref("t", "float64")),))
    (made,) = strip((loop,))
    assert isinstance(made, Strip) and dict(made.wide) == {"t": "float64"}
    check_strip(made, loop)
    for broken, message in (
        (replace(made, segments=made.segments[::-1]), "segment 0 .* reads \\['t'\\]"),
        (replace(made, wide=()), "segment 1 .* reads \\['t'\\]"),
        (replace(made, segments=made.segments[1:]), "other folds"),
    ):
        with pytest.raises(KernelError, match=message):
            check_strip(broken, loop)


def test_the_text_of_a_schedule_shows_every_phase():
    x, y, w = pt.matrix("x"), pt.vector("y"), pt.vector("w")
    loss = pt.sum(pt.softplus(x @ w) - y * (x @ w))
    at = pt.vector("i", dtype="int64")
    z, b = pt.matrix("z", shape=(None, 5)), pt.vector("b", shape=(5,))
    u = pt.matrix("u")
    outputs = [loss, pt.grad(loss, w), y.at[at].set(w), pt.linalg.cholesky(x), pt.exp(u)]
    outputs.append(pt.grad(pt.sum(pt.softplus(z @ b)), b))
    plan = pt.function([x, y, w, at, z, b, u], outputs, target="interp").plan
    text = CudaTarget().schedule(plan)
    for part in ("in parallel over", "for each of", "a routine", "at the end, once:", "fold ",
                 "numbered by", " is float64[", "max=", "private "):  # fmt: skip
        assert part in text
    calls = [stmt for kernel in plan.kernels for stmt in kernel.body if isinstance(stmt, Call)]
    assert calls and all(call.routine in text for call in calls)


@pytest.mark.parametrize("added", ["t", "v"])
def test_what_is_combined_may_read_a_scalar_of_an_inner_fold(added):
    """for i, j with c: (for k with a); t = a; y[k] add= t or another value."""
    k = Dim.name("k")
    value = Ref("t", "float64") if added == "t" else load("v", I)
    body = (
        For("k", M, (), (Acc("a", "add", 0.0, load("y2", k)),)),
        Let("t", Ref("a", "float64")),
        Store("y", J, value, "add"),
    )
    inner = For("j", M, body, (Acc("c", "max", 0.0, Ref("t", "float64")),))
    loop = For("i", N, (inner, Store("z", I, Ref("c", "float64"))))
    facts = ELEMENTS | {"y2": M}, DTYPES | {"y2": "float64"}
    made = schedule(Kernel("k", (loop,)), *facts, {}, verify=True)
    assert [type(phase) for phase in made.phases] == [MapPhase] + [Reduce] * (added == "v")


def test_an_iteration_ends_before_any_lane_begins_the_next():
    """What a loop in order reads at the end of an iteration is read before its last barrier."""
    state = State("s", load("z", 0), load("total", 0))
    stop = Apply("<", (load("y", 0), Lit(0.0, "float64")), "bool")
    store = Store("total", 0, times(Ref("s", "float64"), load("v", I)))
    made = with_syncs((Scan("i", N, (store,), (state,), stop),))
    start, scan, _ = made
    assert isinstance(start, Let) and start.expr == load("z", 0)
    assert [type(stmt) for stmt in scan.body] == [Store, Sync, Let, Let, Sync]
    read = [stmt.expr for stmt in scan.body if isinstance(stmt, Let)]
    assert read == [load("total", 0), stop]
    assert scan.states[0].next == Ref(scan.body[2].name, "float64")
    assert scan.stop == Ref(scan.body[3].name, "bool")


def test_a_loop_in_order_waits_for_what_was_stored_before_it():
    fill_y, scan = fill(), Scan("i", N, (Store("total", 0, load("y", 0)),))
    assert [type(stmt) for stmt in with_syncs((fill_y, scan))] == [For, Sync, Scan]
    other = Scan("i", N, (Store("total", 0, load("v", 0)),))
    assert [type(stmt) for stmt in with_syncs((fill_y, other))] == [For, Scan, Sync]


def test_sums_that_lanes_share_become_folds():
    """Also in a loop that has other statements, with the scalars that they read."""
    scalar = Let("t", load("v", I))
    add = For("j", M, (Store("y", J, times(load("x", I * M + J), Ref("t", "float64")), "add"),))
    own = Store("z", I, times(Ref("t", "float64"), Lit(2.0, "float64")))
    first, columns = by_column((For("i", N, (scalar, add, own)),))
    assert first == For("i", N, (scalar, own))
    assert columns.var == "j"
    inner, total = columns.body
    assert inner.var == "i" and [acc.op for acc in inner.accs] == ["add"]
    assert total.buffer == "y" and total.expr == Ref(inner.accs[0].name, "float64")


@pytest.mark.parametrize(
    "between",
    [
        Store("v", I, Lit(1.0, "float64")),  # changes what the scalar was loaded from
        Store("x", I * M, Lit(1.0, "float64")),  # changes what the sum reads
    ],
)
def test_sums_of_values_that_the_loop_changes_stay(between):
    scalar = Let("t", load("v", I))
    add = For("j", M, (Store("y", J, times(load("x", I * M + J), Ref("t", "float64")), "add"),))
    loop = For("i", N, (scalar, add, between))
    assert by_column((loop,)) == (loop,)


def rows_in_order(size=N):
    """for i in order: s += y[0]; for j: y[j] += x[i, j] * s"""
    state = State("s", load("v", 0), Apply("+", (Ref("s", "float64"), load("y", 0)), "float64"))
    store = Store("y", J, times(load("x", I * M + J), Ref("s", "float64")), "add")
    after = Store("total", 0, Ref("s", "float64"))
    return Scan("i", size, (For("j", M, (store,)),), (state,)), after


def test_states_of_steps_that_are_launched_are_in_memory():
    found, last = phases(*rows_in_order())
    assert isinstance(found, InOrder) and isinstance(last, Once)
    memory = found.steps.memory["s"]
    assert found.body[-2] == Store(memory, 0, Ref("s", "float64"))
    assert last.before == (Let("s", Load(memory, 0, "float64")),)
    (columns,) = found.steps.phases
    assert isinstance(columns, MapPhase) and columns.before == last.before
    assert columns.after[-1].buffer == memory  # at the end, when no thread reads it any more


def test_steps_of_unknown_number_are_of_one_group():
    scan, after = rows_in_order()
    stop = Apply("<", (Ref("s", "float64"), Lit(0.0, "float64")), "bool")
    (found,) = phases(replace(scan, stop=stop), after)
    assert isinstance(found, InOrder) and found.steps is None
    assert found.body[-2] == after  # in the same launch


def test_invariants_of_loops_in_order():
    found, _ = phases(*rows_in_order())
    facts = Facts("k", {**ELEMENTS, "ks1": 1}, {**DTYPES, "ks1": "float64"}, {})
    scratch = (Scratch("ks1", "float64", 1),)

    def broken(phase, **changes):
        steps = replace(phase.steps, **changes)
        schedule = _schedule(facts, replace(phase, steps=steps), scratch)
        with pytest.raises(KernelError) as info:
            check(schedule, "insert_syncs")
        return str(info.value)

    check(_schedule(facts, found, scratch), "insert_syncs")
    (columns,) = found.steps.phases
    assert "before its first step" in broken(found, first=())
    assert "no scratch memory" in broken(found, memory={"s": "y"})
    assert "reads ['s']" in broken(found, phases=(replace(columns, before=()),))
    assert "no launch knows" in broken(found, extent=Dim.name("s"))
    nowhere = _schedule(facts, replace(found, steps=None, alone=True), scratch)
    with pytest.raises(KernelError, match="neither"):
        check(nowhere, "insert_syncs")


def _schedule(facts, phase, scratch):
    return Schedule(facts, (phase,), scratch)
