"""Functions with target="cuda": calls, memory, copies, graphs, threads, errors."""

import contextlib
import pickle
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import probtensor as pt
from probtensor import In, Out

HERE = "test_functions.py"
X = np.array([[1.0, 0.5], [-2.0, 3.0], [0.0, 1.5]])
W = np.array([0.3, -0.7])

pytestmark = pytest.mark.usefixtures("device_driver")


@pytest.fixture
def counted(device_driver):
    """What the driver did in a block of work: `counted(work) -> {name: count}`."""

    def count(work):
        before = dict(device_driver.counts)
        work()
        return {k: n - before.get(k, 0) for k, n in device_driver.counts.items()}

    return count


def logistic(target="cuda", **options):
    x, w = pt.matrix("x"), pt.vector("w")
    loss = pt.sum(pt.softplus(x @ w))
    return pt.function([x, w], [loss, pt.grad(loss, w)], target=target, name="logistic", **options)


def same(f, g, *args, times=3, rtol=1e-12):
    """Both functions give the same, call after call."""
    for _ in range(times):
        for a, b in zip(np.atleast_1d(f(*args)), np.atleast_1d(g(*args)), strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-14)


class Foreign:
    """An array of another library, with nothing but the interface."""

    def __init__(self, array, **changes):
        self.array = array
        self.__cuda_array_interface__ = array.__cuda_array_interface__ | changes


class Slotted:
    """The same, which cannot be referred to weakly."""

    __slots__ = ("__cuda_array_interface__", "array")

    def __init__(self, array):
        self.array = array
        self.__cuda_array_interface__ = array.__cuda_array_interface__


# Arguments and results.


def test_a_call_gives_what_the_cpu_gives():
    f, g = logistic(), logistic("cython")
    for _ in range(4):
        for a, b in zip(f(X, W), g(X, W), strict=True):
            assert type(a) is np.ndarray and a.flags.writeable and a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=1e-12)
    assert f(X[:1], w=W)[0].shape == ()
    assert "__global__" in f.source and f.explain("source") == f.source
    assert f.address == 0 and "no C function" in f.header
    assert "target cuda" in repr(f)


def test_kernels_are_built_when_they_are_needed(device_driver, monkeypatch):
    sources = []
    compile_ = device_driver.compile
    monkeypatch.setattr(device_driver, "compile", lambda s: sources.append(s) or compile_(s))
    f = logistic()
    g = f.bind({"x": X})
    assert not sources and set(f.timings) == {"rewrite", "lower"}
    f(X, W), g(W), f(X, W)
    assert sources == [f.source] and set(f.timings) >= {"render", "build"}
    logistic().rows([X[None], W[None]])
    assert len(sources) == 2 and "pt_rows" in sources[1]


def test_results_are_fresh_unless_they_are_lent():
    x = pt.vector("x")
    total = pt.sum(x).transfer("cuda")
    outputs = [x + 1, Out(x * 2, borrow=True), Out(total, borrow=True), total]
    f = pt.function([x], outputs, target="cuda")
    first, lent, there, fresh = f([1, 2])
    second, again, same_there, other = f([3, 4])
    assert lent is again and there is same_there and fresh is not other
    assert first.tolist() == [2, 3] and second.tolist() == [4, 5] and lent.tolist() == [6, 8]
    assert (there.get(), fresh.get(), other.get()) == (7, 3, 7)


def test_a_lent_result_may_be_the_next_argument():
    x = pt.vector("x")
    f = pt.function([x], Out((2 * x[::-1]).transfer("cuda"), borrow=True), target="cuda")
    value = np.arange(1000.0)
    once = f(value)
    twice = f(once)
    np.testing.assert_array_equal(twice.get(), 4 * value)
    np.testing.assert_array_equal(f(twice).get(), 8 * value[::-1])


def test_names_defaults_givens_and_structures():
    x, y, scale = pt.vector("x"), pt.vector("y"), pt.scalar("scale")
    f = pt.function(
        [x, In(scale, value=2.0)], {"a": y * scale, "b": [x]}, givens={y: x + 1}, target="cuda"
    )
    found = f(x=[1, 2])
    assert found["a"].tolist() == [4, 6] and found["b"][0].tolist() == [1, 2]
    assert f([1, 2], scale=3)["a"].tolist() == [6, 9]


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int32", "int64", "float32"])
def test_every_dtype_goes_there_and_back(dtype):
    x = pt.tensor("x", dtype=dtype, shape=(None, None))
    f = pt.function([x], [x, pt.transpose(x)], target="cuda")
    value = np.arange(6).reshape(2, 3).astype(dtype)
    for found in zip(f(value), (value, value.T), strict=True):
        np.testing.assert_array_equal(*found)
        assert found[0].dtype == dtype


@pytest.mark.parametrize("n", [0, 1, 7, 5000])
def test_sizes_may_change_from_call_to_call(n):
    x = pt.vector("x")
    f = pt.function([x], [pt.sum(x), x * x, x[1:]] if n else [pt.sum(x), x * x], target="cuda")
    g = pt.function([x], [pt.sum(x), x * x, x[1:]] if n else [pt.sum(x), x * x], target="interp")
    f(np.ones(3))
    value = np.linspace(-1, 2, n)
    for a, b in zip(f(value), g(value), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)


def test_float32_follows_its_inputs():
    x = pt.matrix("x", dtype="float32")
    outputs = [pt.sum(pt.exp(x)), pt.tanh(x)]
    f = pt.function([x], outputs, target="cuda")
    g = pt.function([x], outputs, target="cython")
    for a, b in zip(f(X.astype("f")), g(X.astype("f")), strict=True):
        assert a.dtype == b.dtype == "float32"
        np.testing.assert_allclose(a, b, rtol=2e-6)


def test_large_and_small_arrays_in_one_call():
    x, y = pt.vector("x"), pt.scalar("y")
    f = pt.function([x, y], [x * y, pt.sum(x), Out(x + y, borrow=True)], target="cuda")
    value = np.linspace(0, 1, 40_000)
    product, total, lent = f(value, 3.0)
    np.testing.assert_array_equal(product, value * 3)
    np.testing.assert_array_equal(lent, value + 3)
    assert np.isclose(total, value.sum())


# Arrays on the device.


def test_arrays_on_the_device_are_used_in_place(counted):
    f = logistic()
    x, w = pt.device_array(X), pt.device_array(W)
    for a, b in zip(f(x, w), f(X, W), strict=True):
        np.testing.assert_array_equal(a, b)
    f(x, w)
    counts = counted(lambda: f(x, w))
    assert counts["uploads"] == 0 and counts["downloads"] == 1 and counts["allocations"] == 0


def test_arrays_of_other_libraries_are_taken_over():
    f = logistic()
    x = Foreign(pt.device_array(X))
    np.testing.assert_array_equal(f(x, W)[1], f(X, W)[1])


def test_arrays_of_other_libraries_live_until_they_were_used():
    x = pt.vector("x")
    f = pt.function([x], (x * 2).transfer("cuda"), target="cuda")
    g = pt.function([x], pt.sum(x), target="cuda")
    value = Foreign(pt.device_array(np.arange(3.0)))
    gone = weakref.ref(value)
    there = f(value)
    del value
    assert gone() is not None  # f has not waited for its work
    for _ in range(70):
        f(Foreign(pt.device_array(np.ones(3))))
    assert gone() is None
    value = Foreign(pt.device_array(np.arange(3.0)))
    gone = weakref.ref(value)
    assert g(value) == 3
    del value
    assert gone() is None
    assert there.get().tolist() == [0, 2, 4]


def test_an_output_may_stay_on_the_device(counted):
    x = pt.vector("x")
    f = pt.function([x], [(x * 2).transfer("cuda"), (x + 1).transfer("cpu")], target="cuda")
    there, here = f([1, 2])
    assert isinstance(there, pt.DeviceArray) and type(here) is np.ndarray
    assert there.get().tolist() == [2, 4] and here.tolist() == [2, 3]
    g = pt.function([x], (x * 3).transfer("cuda"), target="cuda")
    chain = [there]
    for _ in range(3):
        chain.append(g(chain[-1]))
    assert counted(lambda: chain.append(g(chain[-1]))).get("downloads", 0) == 0
    assert chain[-1].get().tolist() == [2 * 3**4, 4 * 3**4]
    assert chain[1].get().tolist() == [6, 12]


def test_outputs_that_are_inputs_or_each_other():
    x = pt.vector("x")
    c = pt.shared(np.array([5.0]))
    y = x * 2
    outputs = [x, x.transfer("cuda"), y, y.transfer("cuda"), y, c, c.transfer("cuda")]
    f = pt.function([x], outputs, target="cuda", updates={c: c + 1})
    given = pt.device_array(np.array([1.0, 2.0]))
    for argument in (np.array([1.0, 2.0]), given):
        found = [getattr(a, "get", lambda a=a: a)() for a in f(argument)]
        for k, expected in enumerate([[1, 2], [1, 2], [2, 4], [2, 4], [2, 4]]):
            assert found[k].tolist() == expected
    assert found[5].tolist() == found[6].tolist() == [6]
    assert f(given)[1].address != given.address


def test_marks_inside_a_graph_change_nothing():
    x = pt.vector("x")
    y = pt.sum(pt.exp(x.transfer("cuda")) * 2)
    f = pt.function([x], [y, pt.grad(y, x)], target="cuda")
    np.testing.assert_allclose(f([1.0])[1], 2 * np.exp([1.0]))
    cpu = pt.function([x], (x + 1).transfer("cuda"), target="interp")
    assert type(cpu([1.0])) is np.ndarray
    with pytest.raises(ValueError, match="'tpu' is none of cpu, cuda"):
        x.transfer("tpu")


def test_transfer_of_values():
    there = pt.transfer(X, "cuda")
    assert isinstance(there, pt.DeviceArray) and there.shape == X.shape
    np.testing.assert_array_equal(pt.transfer(there, "cpu"), X)
    assert pt.transfer(pt.vector("x"), "cuda").op.place == "cuda"


# Shared variables.


def descent(w, target):
    x, y = pt.matrix("x"), pt.vector("y")
    loss = pt.mean((x @ w - y) ** 2)
    return pt.function([x, y], loss, updates={w: w - 0.1 * pt.grad(loss, w)}, target=target)


def test_shared_variables_live_on_the_device(counted, device_driver):
    w = pt.shared(np.zeros(2), name="w")
    step = descent(w, "cuda")
    x, y = pt.device_array(X), pt.device_array(X @ W)
    for _ in range(10):
        step(x, y)
    counts = counted(lambda: [step(x, y) for _ in range(50)])
    assert counts["uploads"] == counts["allocations"] == counts["launches"] == 0
    assert counts["downloads"] == counts["graphs"] == 50  # the loss that was asked for
    counts = counted(lambda: (w.get_value(), w.get_value()))
    assert counts["downloads"] == 1
    mirror = pt.shared(np.zeros(2))
    twin = descent(mirror, "cython")
    for _ in range(60):
        twin(X, X @ W)
    np.testing.assert_allclose(w.get_value(), mirror.get_value(), rtol=1e-12)


def test_updates_without_outputs_copy_nothing(counted):
    a = pt.shared(np.arange(4.0))
    f = pt.function([], None, updates={a: a * 1.5 + 1}, target="cuda")
    for _ in range(8):
        f()
    counts = counted(lambda: [f() for _ in range(20)])
    for name in ("uploads", "downloads", "allocations", "launches"):
        assert counts.get(name, 0) == 0, name
    assert counts["graphs"] == 20
    expected = np.arange(4.0)
    for _ in range(28):
        expected = expected * 1.5 + 1
    np.testing.assert_allclose(a.get_value(), expected, rtol=1e-13)


def test_a_shared_variable_of_an_array_on_the_device(counted):
    there = pt.device_array(np.arange(3.0))
    count = pt.shared(there, "count")
    step = pt.function([], updates={count: count + 1}, target="cuda")
    assert counted(step).get("uploads", 0) == 0
    assert count.get_value().tolist() == [1.0, 2.0, 3.0]
    assert there.get().tolist() == [0.0, 1.0, 2.0]
    with pytest.raises(TypeError, match=f'dtype="float64"\n  count was made at .*{HERE}'):
        pt.shared(there, "count", dtype="float32")


def test_a_shared_variable_between_device_and_cpu(counted):
    a = pt.shared(np.ones(3), name="a")
    there = pt.function([], None, updates={a: a * 2}, target="cuda")
    here = pt.function([], pt.sum(a), target="cython")
    there()
    assert counted(lambda: here() == 6 and here())["downloads"] == 1
    a.set_value([1, 2, 3])
    there()
    assert a.get_value().tolist() == [2, 4, 6]
    pt.function([], None, updates={a: a + 1}, target="cython")()
    there()
    assert here() == 2 * (3 + 5 + 7)
    a.set_value(pt.device_array(np.full(2, 5.0)))
    there()
    assert a.get_value().tolist() == [10, 10]
    with pytest.raises(ValueError, match="a: expected 1 axes, got 0"):
        a.set_value(pt.device_array(np.array(1.0)))
    with pytest.raises(TypeError, match="a: expected float64, got float32"):
        a.set_value(pt.device_array(np.ones(3, "float32")))


def test_swaps_growth_and_copies():
    a, b = pt.shared(1.0, name="a"), pt.shared(2.0, name="b")
    f = pt.function([], [a, b], updates={a: b, b: a}, target="cuda")
    assert f() == [1, 2] and f() == [2, 1]
    assert (a.get_value(), b.get_value()) == (1, 2)
    c = pt.shared(np.ones(2))
    grow = pt.function([], None, updates=[(c, pt.concatenate([c, c * 2]))], target="cuda")
    grow(), grow()
    assert c.get_value().tolist() == [1, 1, 2, 2, 2, 2, 4, 4]
    count = pt.function([], a, updates={a: a + 1}, target="cuda")
    other = count.copy(swap={a: b})
    assert other() == 2 and b.get_value() == 3 and a.get_value() == 1
    assert count.copy(delete_updates=True)() == 1 and a.get_value() == 1


def test_an_update_does_not_write_to_a_borrowed_array():
    mine = pt.device_array(np.zeros(2))
    a = pt.shared(np.ones(2))
    a.set_value(mine, borrow=True)
    pt.function([], None, updates={a: a + 1}, target="cuda")()
    assert mine.get().tolist() == [0, 0] and a.get_value().tolist() == [1, 1]


# Bound arrays, pickling, random draws.


def test_bound_arrays_go_over_once(counted):
    f = logistic().bind({"x": X})
    for _ in range(3):
        np.testing.assert_allclose(f(W)[0], logistic("cython")(X, W)[0], rtol=1e-12)
    counts = counted(lambda: f(W))
    assert counts["uploads"] == 1 and counts["downloads"] == 1
    again = f.bind({"w": W})
    assert counted(again)["uploads"] == 1  # x is there
    g = logistic().bind({"x": pt.device_array(X)})
    np.testing.assert_array_equal(g(W)[1], f(W)[1])
    again = pickle.loads(pickle.dumps(g))
    np.testing.assert_array_equal(again(W)[1], f(W)[1])


def test_a_function_and_its_options_pickle():
    target = pt.Cuda(deterministic=True)
    again = pickle.loads(pickle.dumps(logistic(target)))
    assert again.compilation.target == target
    np.testing.assert_allclose(again(X, W)[1], logistic("cython")(X, W)[1], rtol=1e-12)


def test_the_environment_names_the_target(monkeypatch):
    monkeypatch.setenv("PROBTENSOR_TARGET", "cuda")
    f = logistic(None)
    assert f.compilation.target.name == "cuda"
    assert pt.sum(pt.arange(4)).eval() == 6


def test_draws_are_those_of_the_cpu():
    u = pt.random.uniform(0, 1, shape=(50, 3))
    i = pt.random.poisson(3.0, shape=20)
    n = pt.random.normal(0, 1, shape=64)
    f = pt.function([], [u, i, n], target="cuda", seed=5)
    g = pt.function([], [u, i, n], target="cython", seed=5)
    before = None
    for _ in range(3):
        found, expected = f(), g()
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[1], expected[1])
        np.testing.assert_allclose(found[2], expected[2], rtol=1e-13)
        assert before is None or (found[0] != before).any()
        before = found[0]
    f.seed(5)
    g.seed(5)
    np.testing.assert_array_equal(f()[0], g()[0])


# Graphs, threads, streams.


def test_equal_calls_are_one_graph_and_allocate_nothing(counted):
    f = logistic()
    f(X, W), f(X, W)
    counts = counted(lambda: [f(X, W + k) for k in range(10)])
    assert counts["allocations"] == counts["launches"] == 0
    assert counts["uploads"] == counts["downloads"] == counts["graphs"] == 10
    counts = counted(lambda: [f(np.ones((4, 2)), W) for k in range(10)])
    assert counts["graphs"] == 9  # the first call of these sizes is launch by launch


def test_calls_from_many_threads():
    f, g = logistic(), logistic("cython")
    wrong = []

    def work(k):
        x = np.full((k + 1, 2), 0.1 * k)
        for _ in range(20):
            if not np.allclose(f(x, W)[1], g(x, W)[1], rtol=1e-12):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_functions_side_by_side_on_streams():
    done = []

    def work(k):
        a = pt.shared(np.full(3, float(k)))
        x = pt.vector("x")
        step = pt.function([x], pt.sum(a), updates={a: a * 0.5 + x}, target="cuda")
        expected = np.full(3, float(k))
        with pt.stream() if k else contextlib.nullcontext():
            for i in range(40):
                value = np.full(3, 0.1 * i)
                found = step(pt.device_array(value) if i % 3 else value)
                np.testing.assert_allclose(found, expected.sum(), rtol=1e-12)
                expected = expected * 0.5 + value
        np.testing.assert_allclose(a.get_value(), expected, rtol=1e-12)
        done.append(k)

    with ThreadPoolExecutor(4) as pool:
        for result in [pool.submit(work, k) for k in range(4)]:
            result.result()
    assert sorted(done) == [0, 1, 2, 3]


def test_streams_hand_over_what_they_made():
    x = pt.vector("x")
    f = pt.function([x], (x * 2).transfer("cuda"), target="cuda")
    g = pt.function([x], (x + 1).transfer("cuda"), target="cuda")
    with pt.stream() as s:
        a = f(np.arange(3.0))
        with pt.stream():
            b = g(a)
        c = f(b)
    s.synchronize()
    assert s.handle and s.__cuda_stream__() == (0, s.handle)
    assert g(c).get().tolist() == [3, 7, 11]
    for _ in range(200):
        with pt.stream():
            a = f(a)
            a = g(a)
        a = f(a)
        a = pt.device_array(a.get() % 7)
    expected = np.arange(3.0) * 2
    for _ in range(200):
        expected = ((expected * 2 + 1) * 2) % 7
    assert a.get().tolist() == expected.tolist()


def test_a_stream_that_goes_is_waited_for(device_driver, monkeypatch):
    x = pt.vector("x")
    f = pt.function([x], (x * 2).transfer("cuda"), target="cuda")
    value = pt.device_array(np.ones(3))
    f(value)
    waited = []
    monkeypatch.setattr(device_driver, "synchronize", waited.append)
    with pt.stream() as s:
        y = f(value)
    memory, queue = weakref.ref(y), s.queue
    del s
    assert not waited  # y knows the stream that makes it
    del y
    f(value)
    assert memory() is None and queue in waited


# Errors.


def both(call_of, *words):
    """The message of the device and that of the CPU, which are one."""
    texts = []
    for target in ("cuda", "cython"):
        with pytest.raises(Exception) as caught:
            call_of(target)
        texts.append((caught.type, str(caught.value)))
    assert texts[0] == texts[1]
    for word in words:
        assert word in texts[0][1]


def test_errors_are_those_of_the_cpu():
    f = {target: logistic(target) for target in ("cuda", "cython")}
    both(lambda t: f[t](X), "missing", HERE)
    both(lambda t: f[t](X, [1, 2, 3]), HERE)
    both(lambda t: f[t](X, W.astype("complex")), "w: expected float64")
    both(lambda t: f[t](X[0], W), "2 axes", HERE)
    both(lambda t: f[t](X, "text"), "w", HERE)


def test_indices_are_checked_as_on_the_cpu():
    x, i = pt.vector("x"), pt.vector("i", dtype="int64")
    f = {t: pt.function([x, i], x[i], target=t) for t in ("cuda", "cython")}
    assert f["cuda"]([1, 2, 3], [-1, 0]).tolist() == [3, 1]
    both(lambda t: f[t]([1, 2, 3], [0, 3]), "value[1] = 3", HERE)
    both(lambda t: f[t].bind({"i": [-4]})([1, 2, 3]), "value[0] = -4", HERE)
    assert f["cuda"].bind({"i": [-1]})([1, 2]).tolist() == [2]
    g = {t: pt.function([x, i], x[i * 2], target=t) for t in ("cuda", "cython")}
    both(lambda t: g[t]([1, 2, 3], [2]), HERE)
    assert g["cuda"]([1, 2, 3], [1, 0]).tolist() == [3, 1]


def test_indices_on_the_device_are_checked_when_first_seen(counted):
    x, i = pt.vector("x"), pt.vector("i", dtype="int64")
    f = pt.function([x, i], x[i], target="cuda")
    value, good = pt.device_array(np.array([1.0, 2, 3])), pt.device_array(np.array([-1, 0]))
    for _ in range(3):
        assert f(value, good).tolist() == [3, 1]
    assert counted(lambda: f(value, good))["downloads"] == 1
    assert f(pt.device_array(np.arange(9.0)), good).tolist() == [8, 0]
    assert f(value, Foreign(good)).tolist() == f(value, Slotted(good)).tolist() == [3, 1]
    with pytest.raises(IndexError, match=r"value\[0\] = 5, the axis has size 3"):
        f(value, pt.device_array(np.array([5])))
    c = pt.shared(np.array([-1, 1]))
    h = pt.function([x], x[c], updates={c: c * -1}, target="cuda")
    assert h(value).tolist() == [3, 2] and c.get_value().tolist() == [1, -1]
    assert h(value).tolist() == [2, 3]


def test_a_failed_call_updates_nothing_and_spoils_nothing():
    x, i = pt.vector("x"), pt.vector("i", dtype="int64")
    a = pt.shared(0.0)
    f = pt.function([x, i], x[i + 1], updates={a: a + 1}, target="cuda")
    for bad in range(3):
        with pytest.raises(IndexError):
            f([1, 2], [1 + bad])
        assert f([1, 2], [0]).tolist() == [2]
    assert a.get_value() == 3


def test_arrays_on_the_device_that_do_not_fit():
    f = logistic()
    x = pt.device_array(X)
    with pytest.raises(TypeError, match="x: expected float64, got float32 on the device"):
        f(pt.device_array(X.astype("f")), W)
    with pytest.raises(ValueError, match=r"x: expected 2 axes, got 1 \(shape \(2,\)\)"):
        f(pt.device_array(W), W)
    with pytest.raises((TypeError, ValueError), match="x: "):
        f(Foreign(x, strides=(8, 24), shape=(2, 3)), W)


def test_memory_that_is_not_enough_names_the_arrays(device_driver, monkeypatch):
    f = logistic()

    def full(nbytes):
        raise pt.DeviceError("out of device memory")

    monkeypatch.setattr(device_driver, "alloc", full)
    with pytest.raises(
        pt.DeviceError, match=r"logistic: out .*\n  called with x \(3, 2\), w \(2,\)"
    ):
        f(X, W)


def test_a_target_that_is_none():
    with pytest.raises(TypeError, match=r"pt\.Cuda\(\)"):
        logistic(target=pt.Cuda)
    x = pt.scalar("x")
    with pytest.raises(TypeError, match="a target is a name or an object with build"):
        pt.function([x], x, target=3)


def test_profile_names_the_kernels():
    f = logistic()
    found = f.profile(X, W, n=5)
    assert [row.kernel for row in found.rows] == [kernel.name for kernel in f.plan.kernels]
    assert found.total > 0 and any(HERE in line for row in found.rows for line in row.lines)
    assert found.target == "cuda" and any(HERE in row.line for row in found.lines)
    assert sum(row.seconds for row in found.lines) == pytest.approx(found.total)
    assert found.memory.inputs >= X.nbytes and "build" in found.timings
