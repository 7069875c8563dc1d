"""Profiles: planted slow lines are first, the tables sum to the call, and nothing is changed."""

import re
import time
from pathlib import Path

import numpy as np
import pytest

import probtensor as pt
from cython_ext import sampling
from probtensor.inspect.profile import measure
from probtensor.inspect.profile import peaks as roofline
from probtensor.inspect.profile.code import encoded, twin
from probtensor.inspect.profile.rows import text_of
from probtensor.targets.cython.native import code_of
from probtensor.targets.cython.render import render
from probtensor.targets.machine.target import encode

rng = np.random.default_rng(0)
SAMPLED = pytest.mark.skipif(not sampling.available, reason="no samples on this system")


def in_a_loop():
    """A function on one line of a fused loop takes longer than all others."""
    x, y = pt.vector("x"), pt.vector("y")
    a = pt.sqrt(x * x + 1.0)
    b = pt.special.gammaln(a)  # SLOW
    c = pt.exp(y) + b
    return [x, y], [pt.sum(c * y)], [rng.normal(size=4000), rng.normal(size=4000)]


def in_an_inlined_expression():
    """The slow line is inlined into the statement of another line."""
    x = pt.vector("x")
    a = pt.special.digamma(x)  # SLOW
    b = pt.abs(a) + 1.0
    c = pt.sqrt(b)
    return [x], [pt.sum(c)], [rng.uniform(1, 2, size=4000)]


def a_product():
    """BLAS, far from any generated code."""
    x, m = pt.vector("x"), pt.matrix("m")
    d = m @ m  # SLOW
    return [x, m], [d, pt.exp(x)], [rng.normal(size=500), rng.normal(size=(120, 120))]


def a_row_product():
    """A matrix-vector product fused into a loop over its rows, as a routine."""
    m, w = pt.matrix("m"), pt.vector("w")
    u = m @ w  # SLOW
    return [m, w], [pt.sum(pt.abs(u))], [rng.normal(size=(400, 300)), rng.normal(size=300)]


def a_gather():
    """Reads of an array far larger than the caches, in random order."""
    x, i = pt.vector("x"), pt.vector("i", dtype="int64")
    g = x[i]  # SLOW
    size = 3_000_000
    return [x, i], [pt.sum(g * 2.0)], [np.ones(size), rng.integers(0, size, 200_000)]


def a_step():
    """A line in the body of a loop in order."""
    s0, r = pt.vector("s0"), pt.vector("r")

    def step(s, x):
        u = pt.tanh(s) * 0.5
        v = pt.special.gammaln(s * s + 1.0)  # SLOW
        return u + 0.01 * v * x, u

    last, _ = pt.loop.scan(step, s0, r)
    return [s0, r], [last], [rng.normal(size=64), rng.normal(size=60)]


def a_branch():
    """A line of the branch that is taken."""
    x = pt.vector("x")
    slow = pt.special.gammaln(pt.exp(x))  # SLOW
    y = pt.ifelse(pt.sum(x) < 1e9, pt.sum(slow), pt.sum(x))
    return [x], [y], [rng.normal(size=2000)]


PLANTS = [
    in_a_loop, in_an_inlined_expression, a_product, a_row_product, a_gather, a_step, a_branch
]  # fmt: skip
NATIVE = (in_a_loop, a_product, a_step)
CASES = [(plant, "machine") for plant in PLANTS] + [(plant, "cython") for plant in NATIVE]
CASES += [pytest.param(plant, "cython", marks=pytest.mark.slow)
          for plant in PLANTS if plant not in NATIVE]  # fmt: skip


@SAMPLED
@pytest.mark.parametrize(("plant", "target"), CASES)
def test_the_planted_line_is_first(plant, target):
    inputs, outputs, args = plant()
    f = pt.function(inputs, outputs, target=target)
    frame = measure.Frame(f, tuple(args))
    once = min(frame.time(f.code, 1) for _ in range(10))
    found = f.profile(*args, n=max(2, int(0.2 / max(once, 1e-7))))
    assert found.how == "sampled" and found.target == target
    assert "SLOW" in found.lines[0].text, found
    assert_sums(found)


def assert_sums(found):
    tables = {
        "lines": sum(row.seconds for row in found.lines if row.line),
        "ops": sum(row.seconds for row in found.ops),
        "loops": sum(row.seconds for row in found.loops),
        "kernels": sum(row.seconds for row in found.rows),
    }
    for name, seconds in tables.items():
        assert seconds == pytest.approx(found.total, rel=0.05), (name, found)
        assert seconds + found.python >= 0.95 * found.call


@pytest.mark.parametrize("target", ["machine", "interp"])
def test_the_lines_of_a_function_without_elements_sum_to_its_plan(target):
    x, m = pt.vector("x"), pt.matrix("m")
    for inputs, out, shape in (([x], pt.exp(x) * 2, (0,)), ([m], m @ m.T, (0, 5))):
        found = pt.function(inputs, out, target=target).profile(np.ones(shape), n=3)
        for rows in (found.lines, found.ops, found.rows):
            assert sum(row.seconds for row in rows) == pytest.approx(found.total)


@pytest.mark.parametrize("plant", [in_a_loop, a_step, a_product])
def test_interpreted_statements_are_timed(plant):
    inputs, outputs, args = plant()
    small = [a[:20, :20] if a.ndim == 2 else a[:20] for a in args]
    f = pt.function(inputs, outputs, target="interp")
    found = f.profile(*small, n=1)
    assert (found.how, found.target, found.count) == ("timed", "interp", 1)
    assert any("SLOW" in row.text for row in found.lines)
    assert_sums(found)


def programs():
    """Graphs of many kinds, for what must hold of any."""
    x, m, z = pt.vector("x"), pt.matrix("m"), pt.tensor("z", dtype="complex128", shape=(None,))
    h = pt.vector("h", dtype="float32")
    for plant in PLANTS:
        yield plant.__name__, *plant()[:2]
    yield "float32", [h], [pt.sum(pt.exp(h) * 2 + h), pt.log(h)]
    yield "complex", [z], [pt.sum(pt.abs(pt.exp(z)))]
    yield "gradient", [x, m], [pt.grad(pt.sum(pt.softplus(m @ x)), x)]
    yield "cholesky", [m], [pt.linalg.slogdet(m @ m.T + pt.eye(4))[1], pt.linalg.cholesky(m)]
    yield "draws", [x], [pt.random.normal(x, 1.0, name="n") + pt.cumsum(x)]
    yield "many", [x], [sum(pt.sin(x * k) * pt.cos(x + k) for k in range(60))]
    yield "while", [x], [pt.loop.while_loop(lambda s: pt.sum(s) < 99.0, lambda s: s * 2 + 1, x)]


def plans(graphs):
    for name, inputs, outputs in graphs:
        f = pt.function(inputs, outputs, target="machine")
        yield name, f.plan, measure.marked_plan(f)


def test_marks_change_no_kernel():
    for name, plan, marked in plans(programs()):
        assert code_of(render(marked)) == code_of(render(plan)), name
        one, other = encode(plan), encode(marked)
        assert (one.lines, one.cells) == (other.lines, other.cells), name
        parts = encoded.parts_of_program(marked)
        assert 5 * len(parts) == len(one.lines), name
        assert any(part is not None and part.line for part in parts), name


def test_every_operation_of_a_line_is_marked_by_it():
    inputs, outputs, _ = in_an_inlined_expression()
    f = pt.function(inputs, outputs, target="interp")
    work = measure.work_of(measure.marked_plan(f), {"n0": 10, "n1": 10})
    parts = [part for kernel in work.values() for part in kernel.parts]
    texts = {part.op: text_of(part.line) for part in parts}
    assert "SLOW" in texts["digamma"] and texts["sqrt"] == "c = pt.sqrt(b)"
    assert texts["abs"] == texts["add"] == "b = pt.abs(a) + 1.0"
    assert "pt.sum(c)" in texts["sum"]


@SAMPLED
@pytest.mark.parametrize("plant", NATIVE)
def test_the_twin_has_the_same_instructions(plant):
    """So its lines are those of the code that runs, and no build is changed for a profile."""
    inputs, outputs, _ = plant()
    f = pt.function(inputs, outputs, target="cython")
    before = f.source, f.path, f.code.address, Path(f.path).read_bytes()
    found = twin.twin_of(measure.marked_plan(f), f.source, f.path)
    assert found.same
    assert {part.op for part in found.lines if part is not None and part.line}
    assert (f.source, f.path, f.code.address, Path(f.path).read_bytes()) == before
    again = pt.function(inputs, outputs, target="cython")
    assert (again.source, again.path) == before[:2]


def test_an_operation_around_another_keeps_its_line():
    assert twin._pieces("  t = pt_at_float64(3, (pt_at_float64(1, pt_exp(x)) * 2.0));") == [
        ("  t = (", None), (" ((", 3), (" pt_exp(x))", 1), (" * 2.0))", 3), (";", None),
    ]  # fmt: skip


def test_an_operation_on_a_read_at_an_index_is_of_the_line_of_the_read():
    """The processor waits for the read in the product, the quotient or the sum that uses it."""
    x, y, i = pt.vector("x"), pt.vector("y"), pt.vector("i", dtype="int64")
    read = x[i]  # READ
    product = read * y  # PRODUCT
    other = y * y + 3.0  # OTHER
    quotient = y / pt.exp(x)[i]  # QUOTIENT
    f = pt.function([x, y, i], [product, other, quotient, pt.sum(read)], target="machine")
    parts = []
    text = render(measure.marked_plan(f), writer=twin._writer(parts, wrapped=True))
    of = {}  # by operator, the lines that it is marked with
    for row in text.splitlines():
        for piece, number in twin._pieces(row):
            for operator in "*/+" if number is not None else "":
                if operator in piece:
                    of.setdefault(operator, set()).add(text_of(parts[number].line).split("# ")[1])
    assert of == {"*": {"READ", "OTHER"}, "/": {"QUOTIENT"}, "+": {"OTHER"}}
    (sum_,) = re.findall(r"pt_line\((\d+)\)\n\s+a\w+\[l1\] = a\w+\[l1\] \+", text)
    assert "READ" in text_of(parts[int(sum_)].line)


def test_without_samples_kernels_are_timed_one_by_one(monkeypatch):
    def refuse(*args):
        raise OSError("no timers here")

    monkeypatch.setattr(sampling, "begin", refuse)
    inputs, outputs, args = a_product()
    f = pt.function(inputs, outputs, target="cython")
    found = f.profile(*args, n=20)
    assert found.how == "estimated" and "SLOW" in found.lines[0].text
    assert_sums(found)


def test_shared_variables_keep_their_values():
    state = pt.shared(np.arange(3.0), name="state")
    x = pt.vector("x")
    for target in ("cython", "interp"):
        f = pt.function([x], pt.sum(x + state), updates={state: state * 2.0}, target=target)
        f.profile(np.ones(3), n=3)
        assert np.array_equal(state.get_value(), np.arange(3.0))


def test_counts_of_a_product_are_exact():
    inputs, outputs, _ = a_product()
    f = pt.function(inputs, outputs, target="cython")
    found = f.profile(np.ones(7), np.ones((120, 120)), n=2)
    gemm = next(row for row in found.rows if (row.flops or 0) > 1000)
    assert gemm.flops == 2 * 120**3 and gemm.exact
    assert gemm.bytes == 8 * 3 * 120**2 - 8 * 120**2  # one matrix is read, one written
    exp = next(row for row in found.rows if "exp" in row.calls)
    assert exp.calls == {"exp": 7} and exp.bytes == 2 * 7 * 8


def test_counts_follow_loops():
    inputs, outputs, _ = a_step()
    f = pt.function(inputs, outputs, target="interp")
    small = [np.ones(4), np.ones(5)]
    rows = f.profile(*small, n=1).rows
    calls = {name: sum(row.calls.get(name, 0) for row in rows) for name in ("tanh", "lgamma")}
    assert calls == {"tanh": 20, "lgamma": 20}


def test_memory_names_what_holds_it():
    x = pt.matrix("x")
    y = pt.exp(x)
    big = y @ y  # HELD
    f = pt.function([x], pt.sum(pt.tanh(big @ y)), target="interp")
    memory = f.profile(np.ones((10, 10)), n=1).memory
    assert memory.inputs == 800 and memory.outputs == 8
    assert memory.arena >= 3 * 800 and memory.peak == 808 + memory.arena
    assert {h.bytes for h in memory.held} == {800}
    assert any("HELD" in text_of(h.line) for h in memory.held)


TIPS = {
    "not C-contiguous": lambda f: f.profile(np.ones(20)[::2], np.ones(10, "f4"), n=2),
    "each call makes an array": lambda f: f.profile([1.0] * 10, np.ones(10, "f4"), n=2),
    "float32 is widened, since x is float64": lambda f: f.profile(
        np.ones(10), np.ones(10, "f4"), n=2
    ),
}


def test_tips():
    x, h = pt.vector("x"), pt.vector("h", dtype="float32")
    f = pt.function([x, h], pt.sum(x * pt.exp(h)), target="cython")
    for text, run in TIPS.items():
        assert any(text in tip for tip in run(f).tips), text
    assert not any("contiguous" in tip for tip in f.profile(np.ones(9), np.ones(9, "f4"), n=2).tips)
    small = pt.function([x], x + 1.0, target="cython")  # a plan of a tenth of its call
    assert any("of a call are Python" in tip for tip in small.profile(np.ones(1), n=50).tips)


def test_where_the_time_of_making_it_went():
    x = pt.vector("x")
    f = pt.function([x], pt.log(pt.exp(x)), target="interp")
    found = f.profile_compilation()
    fired = {row.rule: row for row in found.rules if row.fired}
    assert any("log(exp" in rule for rule in fired)
    assert all(0 < row.fired <= row.tried and row.seconds > 0 for row in fired.values())
    assert {"stabilize", "tidy"} <= {step.name for step in found.passes}
    assert "lower" in found.stages and "stabilize" in str(found)


@pytest.mark.parametrize("target", ["machine", "interp", "cuda"])
def test_a_function_in_stages(target, request):
    """Data decide sizes between its stages, each of which has kernels."""
    if target == "cuda":
        request.getfixturevalue("device_driver")
    x, total = pt.vector("x"), pt.shared(np.zeros(()), name="total")
    kept = x[x > 0]
    slow = pt.special.gammaln(pt.exp(kept)) + pt.special.betainc(kept + 1, 2.0, 0.3)  # SLOW
    outputs = [kept, pt.sum(slow), pt.nonzero(kept > 1)[0]]
    f = pt.function([x], outputs, updates={total: total + pt.sum(kept)}, target=target)
    given = rng.normal(size=50 if target == "interp" else 3000)
    found = f.profile(given, n=None if target == "machine" else 1)
    assert total.get_value() == 0 and len(found.rows) >= 3
    assert_sums(found)
    assert found.memory.peak > 0 and found.peaks is not None and "roof" in str(found)
    if target == "machine" and sampling.available:
        assert found.how == "sampled"
        assert "SLOW" in found.lines[0].text, found
    if target != "interp":
        (row,) = [row for row in found.rows if "lgamma" in row.calls]
        assert row.calls["lgamma"] == np.sum(given > 0)
    plan = f.plan
    for k in range(len(plan.kernels)):
        assert plan.alone(k).stage_of(0) == plan.stage_of(k)
    assert {plan.stage_of(k) for k in range(len(plan.kernels))} >= {0, 1}
    if target == "machine":  # too short for samples: each kernel is built alone
        short = f.profile(given, n=1)
        assert short.how == "estimated" and all(row.seconds > 0 for row in short.rows)
        assert_sums(short)


@SAMPLED
def test_a_thread_that_sleeps_counts_for_nothing():
    sampling.begin(4096, 1e-3)
    try:
        sampling.watch(sampling.this_thread())
        time.sleep(0.1)
        slept = sampling.take()["spent"].sum()
        until = time.thread_time() + 0.05
        while time.thread_time() < until:
            pass
        worked = sampling.take()["spent"].sum()
    finally:
        sampling.end()
    assert slept < 2e7 and 3e7 < worked < 8e7


@SAMPLED
def test_one_profile_at_a_time():
    with pt.profiling():
        with pytest.raises(RuntimeError, match="another profile"), pt.profiling():
            pass
        x = pt.vector("x")
        f = pt.function([x], pt.exp(x), target="machine")
        assert f.profile(np.ones(5), n=5).how == "estimated"


def test_peaks_are_the_best_that_was_measured(monkeypatch, tmp_path):
    monkeypatch.setattr(roofline, "cache_folder", lambda: tmp_path)
    for flops, bandwidth in ((3e9, 1e9), (2e9, 5e9)):
        monkeypatch.setattr(roofline, "measured", lambda f=flops, b=bandwidth: roofline.Peaks(f, b))
        found = roofline.peaks.__wrapped__()
    assert (found.flops, found.bandwidth) == (3e9, 5e9)
    assert found.ridge == pytest.approx(0.6) and found.bound(3e9, 1e9) == 1.0


def test_the_machine_is_measured():
    found = roofline.measured()
    assert found.flops > 1e8 and found.bandwidth > 1e8


def test_a_device_is_measured(device_driver, monkeypatch, tmp_path):
    monkeypatch.setattr(roofline, "cache_folder", lambda: tmp_path)
    found = roofline._peaks_of.__wrapped__(device_driver)
    assert found.flops > 1e8 and found.bandwidth > 1e8
    assert str(found).split(";")[0].endswith(f"GB/s on {device_driver.name}")
    monkeypatch.setattr(type(device_driver), "memory", lambda driver: (1 << 20, 1 << 32))
    small = roofline.measured_on(device_driver)  # no room for products
    assert small.flops is None and small.ridge is None and "not known" in str(small)
    assert small.bound(1e30, small.bandwidth) == 1.0


@pytest.mark.parametrize("target", ["machine", "interp", "cuda"])
def test_operations_of_a_product_with_its_own_transpose(target, request):
    """Half of them are done from some rows on, but in the library of a device."""
    if target == "cuda":
        request.getfixturevalue("device_driver")
    m, w = pt.matrix("m"), pt.matrix("w")
    f = pt.function([m, w], [m @ m.T, m.T @ m, m @ w.T], target=target)
    for rows, columns in ((130, 129), (130, 7), (40, 30)):
        found = f.profile(np.ones((rows, columns)), np.ones((rows, columns)), n=1)
        whole = 2 * rows * rows * columns
        mine = [
            n * (n + 1) * k if (target == "interp" or (n >= 128 and target != "cuda"))
            else 2 * n * n * k
            for n, k in ((rows, columns), (columns, rows))
        ]  # fmt: skip
        assert sum(row.flops for row in found.rows) == whole + sum(mine)
    square = pt.function([m], [m @ m], target=target).profile(np.ones((130, 130)), n=1)
    assert sum(row.flops for row in square.rows) == 2 * 130**3  # no transpose


def test_wrong_numbers_of_runs():
    x = pt.vector("x")
    f = pt.function([x], pt.exp(x), target="machine")
    for n, error in ((0, ValueError), (-3, ValueError), (2.5, TypeError), (True, TypeError)):
        with pytest.raises(error, match="n is a number of runs"):
            f.profile([1.0], n=n)


@SAMPLED
@pytest.mark.parametrize("target", ["machine", "cython"])
def test_time_in_a_library_is_that_of_its_line(target):
    """Products have buffers on the stack, in which earlier calls have left addresses."""
    x, m = pt.vector("x"), pt.matrix("m")
    args = [np.linspace(1.0, 2.0, 3000), rng.normal(size=(60, 60))]
    single = pt.function([m], m @ m.T, target=target)
    both = pt.function([x, m], [pt.sum(pt.special.gammaln(x)), m @ m.T], target=target)
    tried = []
    for _ in range(5):  # one run is of a busy machine, another is not
        alone, found = single.profile(args[1], n=4000).total, both.profile(*args, n=4000)
        (product,) = [op for op in found.ops if op.name == "gemm"]
        tried.append(product.seconds / alone)
        if 0.6 < tried[-1] < 1.6:
            break
    else:
        raise AssertionError(f"{tried}: a third where the callers of products are not found")
