"""Functions with updates, called from several threads: no lost update, and no deadlock."""

import gc
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import probtensor as pt

THREADS = 8
TARGETS = pytest.mark.parametrize("target", ["interp", "cython"])


def together(*calls):
    """Run each call in a thread, all starting at once; raises what they raise."""
    start = threading.Barrier(len(calls))

    def run(call):
        start.wait()
        call()

    with ThreadPoolExecutor(len(calls)) as pool:
        for future in [pool.submit(run, call) for call in calls]:
            future.result(timeout=60)


def many(function, count):
    """A call that calls a function repeatedly."""
    return lambda: [function() for _ in range(count)]


@TARGETS
def test_no_update_is_lost(target):
    w = pt.shared(0.0)
    add = pt.function([], [], updates={w: w + 1.0}, target=target)
    count = {"cython": 2000, "interp": 100}[target]
    together(*[many(add, count)] * THREADS)
    assert w.get_value() == THREADS * count


def test_updates_by_different_functions_of_different_sizes_meet_in_one_value():
    w, x = pt.shared(np.zeros(3)), pt.vector("x")
    up = pt.function([x], pt.sum(w), updates={w: w + x})
    down = pt.function([], [w, w * 2], updates={w: w - 1})
    both = pt.function([], {"sum": pt.sum(w)}, updates={w: w + 1}, name="up").copy(name="other")
    together(*[many(lambda: up([1.0, 1.0, 1.0]), 300), many(down, 300), many(both, 300)] * 2)
    assert w.get_value().tolist() == [600, 600, 600]


def test_two_values_in_two_orders():
    a, b = pt.shared(0.0), pt.shared(0.0)
    there = pt.function([], [], updates=[(a, a - 1), (b, b + 1)])
    back = pt.function([], [], updates=[(b, b - 1), (a, a + 1)])
    swap = pt.function([], [], updates={a: b, b: a})
    read = pt.function([], [a + b, a * 1, b * 1])
    sums = []
    together(*[many(there, 500), many(back, 500), many(swap, 501)] * 2,
             lambda: sums.extend(read()[0] for _ in range(500)))  # fmt: skip
    assert set(map(float, sums)) == {0.0}
    assert a.get_value() + b.get_value() == 0


def test_what_is_read_is_what_the_others_left_behind():
    """Each of two values is updated from the other. Whichever call comes first, one value ends as 2
    and the other as 3; calls that both read the old values would leave 2 and 2."""
    a, b = pt.shared(1), pt.shared(1)
    total = pt.sum(pt.arange(200)) * 0
    first = pt.function([], [], updates={a: a + b + total}, target="interp")
    second = pt.function([], [], updates={b: a + b + total}, target="interp")
    for _ in range(20):
        a.set_value(1)
        b.set_value(1)
        together(first, second)
        assert {int(a.get_value()), int(b.get_value())} == {2, 3}


def test_a_value_that_is_set_meanwhile_is_not_overwritten_by_an_older_one():
    w = pt.shared(0.0)
    add = pt.function([], [], updates={w: w + 1.0})
    for _ in range(20):
        together(many(add, 50), lambda: w.set_value(1e6))
        assert 1e6 <= w.get_value() <= 1e6 + 50
        w.set_value(0.0)


def test_data_that_nobody_updates_keep_no_one_waiting():
    data = pt.shared(np.ones(4))
    slow = threading.Event()

    class Waits:
        """An argument whose conversion waits for an event."""

        def __array__(self, dtype=None, copy=None):
            assert slow.wait(30)
            return np.ones(4)

    w, x = pt.shared(0.0), pt.vector("x")
    one = pt.function([x], [], updates={w: w + pt.sum(x * data)})
    thread = threading.Thread(target=lambda: one(Waits()), daemon=True)
    thread.start()
    one(np.ones(4))  # while the other call still converts its argument
    assert w.get_value() == 4
    slow.set()
    thread.join(30)
    assert w.get_value() == 8


@pytest.mark.parametrize("target", ["cython", "cuda"], indirect=True)
def test_an_argument_may_call_the_function_itself(target):
    w, x = pt.shared(0.0), pt.scalar("x")
    add = pt.function([x], w + x, updates={w: w + x})

    class Calls:
        def __array__(self, dtype=None, copy=None):
            add(1.0)
            return np.array(10.0)

    assert add(Calls()) == 11
    assert w.get_value() == 11


def test_a_handler_of_signals_may_call_it_too():
    """A finalizer runs within the call that it interrupts, on the interpreter, whose plan is
    Python."""
    w, v = pt.shared(0.0), pt.shared(0.0)
    slow = pt.function([], [], updates={w: w + pt.sum(pt.arange(3000.0)) * 0 + 1}, target="interp")
    quick = pt.function([], [], updates={v: v + 1, w: w + 0})
    calls = []
    before = signal.signal(signal.SIGALRM, lambda *_: calls.append(quick()))
    try:
        signal.setitimer(signal.ITIMER_REAL, 1e-3, 1e-3)
        for _ in range(200):
            slow()
            if len(calls) >= 3:
                break
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert v.get_value() == len(calls) >= 1


def test_a_call_that_fails_leaves_no_lock_behind():
    w, i = pt.shared(np.zeros(3)), pt.vector("i", dtype="int64")
    add = pt.function([i], [], updates={w: w.at[i].add(1.0)})
    with pytest.raises(IndexError):
        add([5])
    with pytest.raises(TypeError):
        add("text")
    together(lambda: add([0]), lambda: w.set_value(w.get_value()))


def test_functions_without_updates_take_no_lock():
    w = pt.shared(0.0)
    read, add = pt.function([], w + 0.0), pt.function([], [], updates={w: w + 1})
    assert read.locked_cells is None
    assert add.locked_cells == (w.op.cell,)
    del add
    gc.collect()
    assert read() == 0
