"""The machine of tier 0: its results are those of the compiled module, bit for bit."""

import contextlib
import gc
import re
import types
from pathlib import Path

import numpy as np
import pytest

import probtensor as pt
from cython_ext.machine import PROGRAMS, Program, live_programs, names_of
from cython_ext.scipy_special import is_scipy
from probtensor.compile import function
from probtensor.lower import lower
from probtensor.ops.kinds import REGISTRY
from probtensor.targets.machine.levels import machine
from probtensor.targets.machine.target import MachineTarget
from probtensor.testing import conform
from probtensor.testing.fuzz import random_graph
from tests.conftest import compiled_at
from tests.models.programs import MODELS, SIZES, arrays_of, plan_of
from tests.plans import same_bits
from tests.targets.test_ops import NAMES, on_machine


def on_machine_alone(inputs, outputs, arrays):
    return on_machine(lower(inputs, outputs), arrays)


def test_the_comparison_sees_a_bit_and_not_a_nan():
    x = np.array([1.0, np.nan, 0.0])
    assert same_bits(x, x.copy())
    assert not same_bits(x, np.array([1.0 + 2.0**-52, np.nan, 0.0]))
    assert not same_bits(x, np.array([1.0, np.nan, -0.0]))
    assert not same_bits(x, x.astype("f4"))


def test_a_freed_program_leaves_the_table_without_a_call_of_python():
    """There Ctrl-C would be lost."""
    x = pt.vector("x")
    before = set(PROGRAMS)
    f = pt.function([x], pt.exp(x) - 3.25, target="machine")
    (own,) = set(PROGRAMS) - before
    assert own() in live_programs()
    assert isinstance(own.__callback__, types.BuiltinMethodType)
    del f
    gc.collect()
    assert own not in PROGRAMS


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_sample_of_an_op_is_what_numpy_gives(name):
    for dtype in ("float64", "float32"):
        if dtype == "float32" and not conform.takes_float32(REGISTRY[name]):
            continue
        for case in conform.cases_of(REGISTRY[name], dtype):
            conform.check_target(case, on_machine_alone)


def test_the_golden_models_are_those_of_the_modules():
    """All models in one module, at the first and last sizes of each."""
    rng = np.random.default_rng(0)
    inputs, outputs, arrays = [], [], ([], [])
    for model in MODELS:
        given, results, _ = model()
        plan = plan_of(model)
        if len(plan.inputs) != len(given):
            continue  # with shared variables or draws
        inputs += given
        outputs += results
        sizes = SIZES[model.__name__]
        arrays[0].extend(arrays_of(plan, sizes[0], rng))
        arrays[1].extend(arrays_of(plan, sizes[-1], rng))
    assert len(outputs) > 15
    native = pt.function(inputs, outputs, target="cython")
    found = pt.function(inputs, outputs, target="machine")
    for values in arrays:
        assert all(map(same_bits, found(*values), native(*values)))


def on_both(graphs):
    """(tier 0, native) results of random graphs and their derivatives, in one function."""
    inputs = [x for graph in graphs for x in graph.values]
    arrays = [value for graph in graphs for value in graph.values.values()]
    outputs = []
    for graph in graphs:
        outputs += graph.outputs
        floats = [x for x in graph.values if x.dtype.startswith("float")]
        first = graph.outputs[0]
        if first.dtype.startswith("float") and floats:
            with contextlib.suppress(pt.GraphError):  # some draws have no derivative
                outputs += pt.grad(first.sum(), floats, disconnected_inputs="ignore")
    return [
        function(inputs, outputs, target=target, on_unused_input="ignore")(*arrays)
        for target in ("machine", "cython")
    ]


@pytest.mark.parametrize("first", [0, 20000])
def test_random_graphs_are_those_of_the_modules(first):
    graphs = [random_graph(seed, 10) for seed in range(first, first + 12)]
    with compiled_at("-O1"):
        found, native = on_both(graphs)
    assert len(found) >= 24
    assert all(map(same_bits, found, native))


def test_random_graphs_with_loops_are_those_of_the_modules():
    graphs = [random_graph(seed, 10, True) for seed in range(500, 508)]
    with compiled_at("-O1"):
        found, native = on_both(graphs)
    assert all(map(same_bits, found, native))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1000, 1500, 20))
def test_many_random_graphs_are_those_of_the_modules(first):
    with compiled_at("-O1"):
        for loops in (False, True):
            for start in (first, first + 10):
                graphs = [random_graph(k, 12, loops) for k in range(start, start + 10)]
                assert all(map(same_bits, *on_both(graphs)))


def test_all_sizes_around_a_strip():
    """Vectors from empty to several strips: remainders, blocks of sums, and a scatter."""
    x, k = pt.vector("x"), pt.vector("k", dtype="int64")
    y = pt.exp(x) * 0.5 + x
    outputs = [y, y.sum(), pt.max(y), (x * x).sum(), pt.zeros(7).at[k].add(y), x[k].sum()]
    found, native = (pt.function([x, k], outputs, target=t) for t in ("machine", "cython"))
    rng = np.random.default_rng(1)
    for n in (0, 1, 2, 7, 8, 9, 63, 64, 65, 127, 129, 256, 300, 2047, 2049, 9000):
        value = rng.normal(size=max(n, 1))[:n]
        index = rng.integers(0, min(max(n, 1), 7), size=n)
        if n == 0:  # it has no largest element
            continue
        assert all(map(same_bits, found(value, index), native(value, index)))


def test_loops_in_order_of_all_lengths():
    """Parts before and after the states of a loop run in strips, recurrences as a routine, sums of
    states as folds; and the derivatives of all of these."""
    x, a, b = pt.vector("x"), pt.scalar("a"), pt.scalar("b")

    def recurrence(step, state):
        return a * state + pt.exp(b * step)

    def several(step, state, total):
        grown = pt.tanh(state * a + pt.sin(step) * b * step)
        return grown, total + grown * pt.cos(grown - step)

    def lags(step, first, second):
        return pt.where(step > 0.0, step / 2.0, first), first * second

    outputs = []
    for step, count in ((recurrence, 1), (several, 2), (lags, 2)):
        found, _ = pt.scan(step, x, outputs_info=[0.25] * count)
        for states in found if count > 1 else [found]:
            value = (states * states * x).sum() + states[-1]
            outputs += [states, value, *pt.grad(value, [x, a, b], disconnected_inputs="ignore")]
    with compiled_at("-O1"):
        found, native = (pt.function([x, a, b], outputs, target=t) for t in ("machine", "cython"))
    rng = np.random.default_rng(3)
    for n in (1, 2, 7, 63, 64, 65, 128, 129, 300):
        given = rng.normal(size=n), 0.7, -0.3
        assert all(map(same_bits, found(*given), native(*given)))


def test_rows_of_all_lengths():
    """Loops over rows, which compiled code runs one by one and the machine in strips."""
    x, y, w = pt.matrix("x"), pt.vector("y"), pt.vector("w")
    error = y - x @ w
    loss = (error * error).sum()
    outputs = [loss, *pt.grad(loss, [w, x])]
    found, native = (pt.function([x, y, w], outputs, target=t) for t in ("machine", "cython"))
    rng = np.random.default_rng(2)
    for rows in (1, 2, 5, 127, 128, 129, 300):
        for columns in (1, 2, 3, 7, 8, 9, 20):
            given = [rng.normal(size=s) for s in ((rows, columns), rows, columns)]
            assert all(map(same_bits, found(*given), native(*given)))


def test_long_programs_do_not_use_the_stack():
    """Instructions call the next one as the last thing they do, which must be a jump."""
    a, b = pt.scalar("a"), pt.scalar("b")

    def step(s):
        grown = pt.log1p(pt.exp(-pt.abs(s))) + pt.minimum(s, b) / (1.0 + s * s)
        return pt.where(grown > 1.0, pt.lgamma(grown), pt.sqrt(pt.abs(grown)))

    states, _ = pt.scan(step, outputs_info=[a], n_steps=300_000)
    found = pt.function([a, b], states[-1], target="machine")(0.3, 0.7)
    assert np.isfinite(found)


def test_the_machine_has_all_functions_of_the_ops():
    """Every C function of an op, for scalars and vectors; one call for those of SciPy that have so
    many arguments."""
    ops = [cls for cls in REGISTRY.values() if getattr(cls, "c", None)]
    names = {f"scipy_{cls.arity}" if is_scipy(cls.c) else cls.c for cls in ops}
    have = machine().instructions
    assert len(names) > 80
    assert not [name for name in names if name not in have or f"{name}_v" not in have]


def test_all_levels_have_the_same_instructions():
    folder = Path(machine.__wrapped__.__code__.co_filename).parents[3] / "cython_ext" / "levels"
    levels = [path.read_text() for path in folder.glob("*.pyx")]
    assert len(levels) == 3
    assert len({re.sub(r'""".*?"""', "", text, flags=re.S) for text in levels}) == 1
    assert names_of(machine().table) == list(machine().instructions)


def test_a_program_is_made_once_and_reports_its_size():
    x = pt.vector("x")
    program = MachineTarget().build(lower([x], [pt.exp(x).sum()])).program
    assert isinstance(program, Program)
    assert program.length > 3
    assert program.frame_bytes >= 256 * 8
    with pytest.raises(RuntimeError, match="once"):
        empty = [np.zeros(0, t) for t in "iqqq"]
        program.__init__(machine().table, machine().pairs, *empty, 0, 0, 0)


def test_locals_of_strips_are_read_in_strips_within_strips():
    """A value computed for all rows at once, read in two loops below."""
    x = pt.tensor("x", (None, None, None))
    a = np.arange(30.0).reshape(5, 2, 3)
    meant = a.copy()
    meant[:, -1, 2] += 1
    f = pt.function([x], x.at[:, -1, 2].add(np.ones(5)), target="machine")
    assert np.array_equal(f(a), meant)
