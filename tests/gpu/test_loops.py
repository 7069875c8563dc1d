"""Loops in order on a device: by one group of threads, or as launches of each step."""

import numpy as np
import pytest

import probtensor as pt
from probtensor.graph.node import new_input
from probtensor.ops.loops.op import run
from probtensor.ops.loops.trace import body_of
from probtensor.targets.cuda import launches
from probtensor.targets.cuda.launches import CudaTarget
from probtensor.targets.cuda.render import render
from probtensor.testing.reference import evaluate_numpy
from tests.gpu.test_compile import compile_all, needs_nvcc

HERE = "test_loops.py"
NEVER = 1 << 60
FORMS = ("warp", "block", "steps")  # of a loop whose sizes only a call knows

pytestmark = pytest.mark.usefixtures("device_driver")


def programs():
    """(inputs, outputs): loops of all kinds, in one function."""
    x, w, u, start, k = pt.matrix("x"), pt.matrix("w"), pt.matrix("u"), pt.vector("start"), (
        pt.lvector("k")
    )  # fmt: skip
    v, z, small = pt.vector("v"), pt.tensor("z", (None, None, None)), pt.matrix("small", dtype="f4")
    count = pt.tensor("count", (), dtype="int64")
    inputs = [x, w, u, start, k, v, z, small, count]
    outputs = []

    def keep(*found):
        for part in found:
            outputs.extend(part if isinstance(part, (tuple, list)) else [part])

    def network(h, row):
        h = pt.tanh(h @ w + row @ u)
        return h, h

    keep(*pt.loop.scan(network, start, x))  # vector-matrix products in a step
    keep(*pt.loop.scan(lambda h, row: (pt.tanh(h @ w + row),) * 2, w * 0.5, z))  # a routine
    keep(*pt.loop.scan(lambda s, y: (0.1 + 0.8 * s + 0.1 * y**2, pt.log(s)), 0.5, v))  # GARCH
    swapped, seen = pt.loop.scan(
        lambda c, y: ((c[1], c[0], c[3], c[2] + y), (c[0], c[2])), (start, start * 2, 0.0, 1.0), v
    )
    keep(swapped, seen)
    rows = pt.loop.scan(
        lambda c, row: (lambda last, inner: (c * 0.5 + last, (inner.sum(), inner)))(
            *pt.loop.scan(lambda s, y: (s * 0.9 + y + c[0], s), 0.0, row)
        ), start, x)  # fmt: skip
    keep(*rows)
    wide = pt.tanh(start.astype("float32"))
    keep(*pt.loop.scan(lambda h, row: (pt.tanh(h @ small + row[0]),) * 2, wide, small))
    carries = (pt.as_tensor(1), pt.as_tensor(True), pt.arange(5))
    keep(*pt.loop.scan(
        lambda c, i: ((c[0] * 3 + i, c[1] ^ (i > 1), c[2][::-1] + i), (c[0], c[1])), carries, k
    ))  # fmt: skip
    keep(*pt.loop.scan(lambda c, i: (c * 0.5 + w[i].sum(), w[i]), 0.0, k, reverse=True))
    keep(*pt.loop.scan(lambda c, y: (c.at[k].add(y * c[0]), c.sum()), start, v))
    keep(*pt.loop.scan(lambda c, y: (c.at[k].set(y * c[0]), c.sum()), start, v))
    keep(pt.loop.while_loop(lambda c: c.sum() < 40.0, lambda c: c * 1.5 + 1, start**2))
    h, e = new_input("h", "float64", ()), new_input("e", "float64", ())
    body, outside = body_of([h, e], [h * 0.7 + e, h * e, (h * 0.7 + e) > 1.5])
    for backwards in (False, True):
        first = [pt.as_tensor(0.3)]
        keep(list(run(body, v.shape[0], first, [v], outside, stops=True, backwards=backwards)))
    body, outside = body_of([h, e], [h * 0.7 + e, h * e])
    given = [*outside, count]
    keep(list(run(body, v.shape[0], first, [v], given, counted=True, backwards=True)))
    three = pt.eye(3)

    def filtered(p, y):
        factor = pt.linalg.cholesky(p + three * y**2)
        solved = pt.linalg.solve_triangular(factor, p, lower=True)
        return pt.ifelse(y > 0, p @ p.T * 0.1 + factor, three), solved

    keep(*pt.loop.scan(filtered, three, v))
    return inputs, outputs


def values(steps, n=5, columns=3, seed=0):
    """Arrays for the inputs of `programs`."""
    rng = np.random.default_rng(seed)
    k = rng.integers(-n, n, steps)
    return [
        rng.normal(size=(steps, columns)), rng.normal(size=(n, n)), rng.normal(size=(columns, n)),
        rng.normal(size=n), k, rng.normal(size=steps), rng.normal(size=(steps, n, n)),
        rng.normal(size=(n, n)).astype("f"), np.array(max(steps - 2, 0)),
    ]  # fmt: skip


def compare(found, expected):
    assert len(found) == len(expected)
    for k, (a, b) in enumerate(zip(found, expected, strict=True)):
        assert a.dtype == b.dtype and a.shape == b.shape, k
        rtol = 2e-5 if a.dtype == "float32" else 1e-11
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol / 5, err_msg=f"output {k}")


@pytest.fixture(params=FORMS)
def form(request, monkeypatch):
    """How loops are run whose sizes only a call knows."""
    choice = request.param
    monkeypatch.setattr(launches, "STEP_MIN_WORK", 0 if choice == "steps" else NEVER)
    monkeypatch.setattr(launches, "group_for", lambda work: choice)
    return choice


@pytest.fixture(scope="module")
def loops():
    """The inputs and outputs, and the values that NumPy gives for some numbers of steps."""
    inputs, outputs = programs()
    found = {}
    for steps in (6, 1, 0):
        given = values(steps)
        found[steps] = given, evaluate_numpy(outputs, dict(zip(inputs, given, strict=True)))
    return inputs, outputs, found


def test_loops_of_all_kinds_in_every_form_and_order_of_threads(loops, form, monkeypatch):
    inputs, outputs, cases = loops
    there = pt.function(inputs, outputs, target="cuda")
    for order in ("", "3"):
        monkeypatch.setenv("CUDA_ON_HOST_ORDER", order)
        for given, expected in cases.values():
            for _ in range(3 if order else 1):  # the third call is that of a graph
                compare(there(*given), expected)


def test_large_steps_are_launches_and_small_ones_are_not(device_driver):
    h, w, z = pt.matrix("h"), pt.matrix("w"), pt.tensor("z", (None, None, None))
    last, _ = pt.loop.scan(lambda h, row: (pt.tanh(h @ w + row), None), h, z)
    there = pt.function([h, w, z], last, target="cuda")
    here = pt.function([h, w, z], last, target="cython")
    assert "or launched for each step" in there.explain("schedule")
    counts = []
    for n in (8, 48):
        given = [np.ones((n, n)), np.ones((n, n)) / n, np.ones((4, n, n))]
        before = device_driver.counts["launches"]
        np.testing.assert_allclose(there(*given), here(*given), rtol=1e-12)
        counts.append(device_driver.counts["launches"] - before)
    assert counts[0] <= 3 < 8 <= counts[1]


@pytest.mark.parametrize("form", ["steps"], indirect=True)
def test_a_long_loop_of_launches_is_no_graph(monkeypatch, form):
    v = pt.vector("v")
    last, _ = pt.loop.scan(lambda c, y: (c * y + v.sum(), None), v, v)
    there = pt.function([v], last, target="cuda")
    monkeypatch.setattr(launches, "MAX_GRAPH_LAUNCHES", 10)
    before = there._driver.counts["graphs"]
    given = np.linspace(0.1, 0.3, 20)
    found = [there(given) for _ in range(3)]
    np.testing.assert_array_equal(found[0], found[2])
    assert there._driver.counts["graphs"] == before


def test_an_index_that_is_computed_in_a_step_is_checked(form):
    k, v = pt.lvector("k"), pt.vector("v")
    last, seen = pt.loop.scan(lambda c, i: ((c + i) % 7, v[c] + v.sum()), pt.as_tensor(2), k)
    there = pt.function([k, v], [last, seen], target="cuda")
    given = np.array([3, 1, 2, 4])
    np.testing.assert_array_equal(there(given, np.arange(7.0))[1], [23, 26, 27, 22])
    with pytest.raises(IndexError, match=rf"out of bounds.*\n.*{HERE}"):
        there(given, np.ones(3))
    np.testing.assert_array_equal(there(given, np.ones(7))[1], [8, 8, 8, 8])


def test_routines_of_the_host_run_between_the_steps(device_driver):
    a, v = pt.matrix("a"), pt.vector("v")

    def step(p, s):
        values, _ = pt.linalg.eigh(p)
        return p * 0.9 + s * pt.outer(values, values), (values, p)

    outputs = [*pt.loop.scan(step, a, v, reverse=True)]
    outputs = [outputs[0], *outputs[1]]
    outputs.append(pt.loop.scan(lambda p, s: (pt.loop.scan(step, p, v)[0] * 0.5, None), a, v)[0])
    there, here = (pt.function([a, v], outputs, target=target) for target in ("cuda", "cython"))
    symmetric = np.array([[2.0, 0.3, 0.1], [0.3, 1.0, 0.2], [0.1, 0.2, 3.0]])
    for steps in (3, 0):
        given = symmetric, np.linspace(-0.2, 0.3, steps)
        for _ in range(3):
            compare(there(*given), here(*given))


def test_loops_and_branches_that_call_the_host_run_there(device_driver):
    """No launch of the device waits for the host in the middle: its kernel runs there as a whole.
    """
    a, v = pt.matrix("a"), pt.vector("v")
    least = pt.loop.while_loop(lambda p: pt.linalg.slogdet(p)[1] > 0.1, lambda p: p * 0.9, a)

    def inner(p, s):
        last = pt.loop.while_loop(
            lambda q: pt.max(q) < 9.0, lambda q: pt.linalg.eigh(q)[1] * q + q, p
        )
        return last / 11.0 + s, s

    scanned = pt.loop.scan(inner, a, v)[0]
    chosen = pt.ifelse(pt.sum(v) > 0, pt.linalg.slogdet(a)[1], pt.sum(a))
    outputs = [least, scanned, chosen, pt.grad(chosen, a), pt.exp(least) @ v]
    there, here = (pt.function([a, v], outputs, target=target) for target in ("cuda", "cython"))
    assert "on the host, as its loops stand" in there.explain("schedule")
    for sign in (1.0, -1.0):
        for _ in range(2):
            given = np.eye(3) * 2 + 0.1, sign * np.array([0.1, 0.2, 0.5])
            compare(there(*given), here(*given))


def test_sums_are_the_same_in_every_order_of_threads(monkeypatch):
    v, k, w = pt.vector("v"), pt.lvector("k"), pt.matrix("w")
    last, seen = pt.loop.scan(
        lambda c, y: ((c.at[k].add(y * c / 3) @ w) / pt.sum(c), pt.sum(c * y)), v, v
    )
    there = pt.function([v, k, w], [last, seen], target=CudaTarget(deterministic=True))
    rng = np.random.default_rng(5)
    given = rng.normal(size=9), rng.integers(0, 9, 9), rng.normal(size=(9, 9))
    found = []
    for order in ("", "3", "5"):
        monkeypatch.setenv("CUDA_ON_HOST_ORDER", order)
        found.append(there(*given))
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def density(theta, y, w):
    """A value with loops of scalars, of vectors, and of matrices, and one that a condition ends."""
    _, scales = pt.loop.scan(
        lambda s, e: (theta[0] ** 2 + 0.1 + 0.5 * s + 0.1 * e**2,) * 2, 0.5, y
    )
    value = -0.5 * pt.sum(pt.log(scales) + y**2 / scales)
    h, _ = pt.loop.scan(lambda h, e: (pt.tanh(h @ w * theta[1] + e), None), w[0] + theta[0], y)
    p, _ = pt.loop.scan(
        lambda p, e: (w @ pt.linalg.cholesky(p @ p.T + pt.eye(4)) * 0.3 + e, None), w, y
    )
    end = pt.loop.while_loop(lambda c: c < 10.0, lambda c: c * 1.5 + theta[0] ** 2, theta[1] ** 2)
    smooth = value + pt.sum(h) + pt.sum(p) * 0.01
    return [smooth + end, pt.grad(smooth, theta)]


@pytest.mark.parametrize("group", ["thread", "warp", "block"])
def test_every_row_of_a_batch_runs_its_loops(group, monkeypatch):
    theta, y, w = pt.tensor("theta", (2,)), pt.vector("y"), pt.tensor("w", (4, 4))
    outputs = density(theta, y, w)
    rng = np.random.default_rng(1)
    data = {"y": rng.normal(size=5), "w": rng.normal(size=(4, 4)) * 0.5}
    here, there = (
        pt.function([theta, y, w], outputs, target=target).bind(data)
        for target in ("cython", "cuda")
    )
    monkeypatch.setattr("probtensor.targets.cuda.batched._group_for", lambda plan, values: group)
    points = rng.normal(size=(3, 2))
    expected = [np.array(column) for column in zip(*map(here, points), strict=True)]
    for order in ("", "3"):
        monkeypatch.setenv("CUDA_ON_HOST_ORDER", order)
        compare(there.rows([points]), expected)


def test_a_density_with_a_loop_is_sampled_in_a_kernel():
    scale = pt.random.half_normal(1.0, name="scale")
    y = np.array([0.3, -0.2, 0.9, 0.4])
    _, level = pt.loop.scan(lambda s, e: (0.5 * s + scale * e,) * 2, 0.0, y)
    seen = pt.random.normal(level, 1.0, name="seen")
    posterior = pt.condition({seen: y}, target="cuda")
    draws = pt.sample(posterior, draws=20, tune=20, chains=2, seed=1, progress=False)
    found = draws.posterior["scale"].values
    assert np.isfinite(found).all() and (found > 0).all() and np.ptp(found) > 0


@needs_nvcc
@pytest.mark.slow
def test_loops_compile_for_a_device(tmp_path):
    inputs, outputs = programs()
    plan = pt.function(inputs, outputs, target="interp").plan
    said = compile_all({"loops": render(plan).source}, "-cubin", tmp_path)
    assert not any(said.values()), said["loops"]
