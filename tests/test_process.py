"""A forked child has its own token and draws, and all its locks are free."""

import ast
import gc
import os
import pickle
import threading
import types
import weakref

import numpy as np
import pytest

import probtensor as pt
from cython_ext.cell import CellLocks
from probtensor import process
from probtensor.process import PROCESS, computed_once, new_lock
from tests.architecture import source

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
SECONDS = 20


def child(work):
    """The result of `work` in a forked child; fails if it hangs or raises there."""
    readable, writable = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(readable)
            stop = threading.Timer(SECONDS, os._exit, [3])
            stop.daemon = True
            stop.start()
            with os.fdopen(writable, "wb") as out:
                pickle.dump(work(), out)
            code = 0
        finally:
            os._exit(code)
    os.close(writable)
    with os.fdopen(readable, "rb") as found:
        data = found.read()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert code == 0, f"the child {'hangs' if code == 3 else f'fails with {code}'}"
    return pickle.loads(data)


def test_inputs_of_two_children_are_different_in_the_parent():
    pt.vector("warm"), pt.random.normal(0, 1)

    def make():
        return PROCESS.token, pt.vector("x"), pt.random.normal(0, 1, name="a"), pt.shared(1.0)

    (token1, x1, a1, w1), (token2, x2, a2, w2) = child(make), child(make)
    assert len({token1, token2, PROCESS.token}) == 3
    assert len({x1, x2, pt.vector("x")}) == 3
    assert len({a1, a2, pt.random.normal(0, 1, name="a")}) == 3
    assert len({w1, w2, pt.shared(1.0)}) == 3
    f = pt.function([x1, x2], x1 - x2, target="interp")
    assert f([3.0], [1.0]).tolist() == [2]
    assert pt.draw([a1, a2], seed=1)[0] != pt.draw([a1, a2], seed=1)[1]
    assert pickle.loads(pickle.dumps(x1)) is x1


def test_unseeded_streams_differ_between_processes_and_seeded_ones_do_not():
    z = pt.random.normal(0, 1)
    free, seeded = (pt.function([], z, seed=s, target="interp") for s in (None, 7))
    again = pt.function([], z, seed=7, target="interp")
    again.seed()
    free(), seeded()

    def draws():
        return [float(f()) for f in (free, seeded, again)] + [float(pt.draw(z))]

    first, second, here = child(draws), child(draws), draws()
    for k, name in ((0, "free"), (2, "seeded anew from nothing"), (3, "pt.draw")):
        assert len({first[k], second[k], here[k]}) == 3, name
    assert first[1] == second[1] == here[1]
    restored = pickle.loads(pickle.dumps(free))
    assert len({child(lambda: float(restored())) for _ in range(2)}) == 2


def test_grandchildren_have_other_tokens():
    z = pt.random.normal(0, 1)
    free = pt.function([], z, target="interp")

    def family():
        return child(lambda: (PROCESS.token, float(free()))), PROCESS.token, float(free())

    (token, value), parent, other = family()
    assert token != parent
    assert value != other
    nested = child(family)
    assert len({nested[0][0], nested[1], PROCESS.token}) == 3
    assert nested[0][1] != nested[2]


@pytest.mark.parametrize("reentrant", [False, True])
def test_a_freed_lock_leaves_the_table_without_a_call_of_python(reentrant):
    """There Ctrl-C would be lost."""
    lock = new_lock(reentrant)
    (entry,) = weakref.getweakrefs(lock)
    assert isinstance(entry.__callback__, types.BuiltinMethodType)
    assert entry in process._LOCKS
    del lock
    assert entry not in process._LOCKS


def test_no_lock_that_another_thread_holds_hangs_a_child():
    """Another thread holds every lock of the library at the fork; all are free in the child."""
    w = pt.shared(0.0)
    add = pt.function([], [], updates={w: w + 1}, target="interp")
    locks = [lock for entry in list(process._LOCKS) if (lock := entry()) is not None]
    assert len(locks) >= 3
    held, done = threading.Event(), threading.Event()

    def hold():
        with CellLocks((w.op.cell,)):
            for lock in locks:
                lock.acquire()
            held.set()
            done.wait(SECONDS)
            for lock in locks:
                lock.release()

    thread = threading.Thread(target=hold, daemon=True)
    thread.start()
    assert held.wait(SECONDS)
    try:

        def work():
            add()
            w.set_value(w.get_value() + 1)
            x = pt.vector("x")
            f = pt.function([x], pt.exp(x) + w, target="interp")
            return float(f([0.0])[0]), [lock.acquire(blocking=False) for lock in locks]

        value, taken = child(work)
    finally:
        done.set()
        thread.join(SECONDS)
    assert value == 3
    assert all(taken)


def test_children_of_a_process_whose_threads_build_graphs_and_update():
    w = pt.shared(0.0)
    add = pt.function([], [], updates={w: w + 1})
    stop = threading.Event()

    def busy(k):
        while not stop.is_set():
            pt.sum(pt.exp(pt.vector(f"x{k}")) * 2.0)
            add()

    threads = [threading.Thread(target=busy, args=(k,), daemon=True) for k in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            child(lambda: (add(), w.set_value(1.0), repr(pt.vector("x") + 1.0)))
    finally:
        stop.set()
        for thread in threads:
            thread.join(SECONDS)


# Primitives that block must come from process.py, or be listed here with a reason.
WAITING = {
    "Lock", "RLock", "Condition", "Semaphore", "BoundedSemaphore", "Event", "Barrier", "Queue",
    "LifoQueue", "PriorityQueue", "SimpleQueue", "allocate_lock", "cached_property", "pymutex",
    "PyThread_allocate_lock", "ThreadPoolExecutor", "ProcessPoolExecutor",
}  # fmt: skip
REASONS = {
    ("probtensor/process.py", "Lock"): "where locks are made",
    ("probtensor/process.py", "RLock"): "has hooks of its own",
    ("probtensor/sample/runs/threads.py", "Lock"): "lives within one call",
    ("probtensor/sample/runs/loading.py", "RLock"): "held in blocks that a fork waits for",
    ("probtensor/system/stages.py", "Event"): "lives within one call",
    ("probtensor/targets/cython/toolchain.py", "Event"): "nobody waits for it",
    ("cython_ext/cell.pyx", "RLock"): "made anew in a child, see Cell.lock",
    ("probtensor/device/nvidia.py", "Event"): "CUDA's, not of threads",
    ("probtensor/inspect/profile/code/sampled.py", "Event"): "lives within one profile",
    ("cython_ext/sampling.pyx", "Lock"): "made anew in a child, see _forked",
}


def test_every_lock_is_free_in_a_child():
    """A lock made elsewhere could stay locked in a child, by a thread that does not exist there."""
    found = set()
    for path in source.code_files(".py", under=("probtensor", "cython_ext")):
        if not any(word in source.text(path) for word in WAITING):
            continue
        for node in ast.walk(source.tree(path)):
            called = node.func if isinstance(node, ast.Call) else node
            name = getattr(called, "attr", None) or getattr(called, "id", None)
            if name in WAITING and isinstance(node, (ast.Call, ast.Attribute, ast.Name)):
                found.add((str(path), name))
    for path in source.code_files(".pyx", ".pxd", under=("cython_ext",)):
        for line in source.text(path).splitlines():
            words = set(line.replace("(", " ").replace(".", " ").split())
            found |= {(str(path), word) for word in words & WAITING}
    assert found <= set(REASONS), f"see process.py: {sorted(found - set(REASONS))}"


def test_new_locks_are_free_in_a_child():
    lock = new_lock()
    with lock:
        assert child(lambda: lock.acquire(timeout=1))
        assert lock.locked()


def test_computed_once():
    class Thing:
        calls = 0

        @computed_once
        def value(self):
            """What it is."""
            self.calls += 1
            return np.array(self.calls)

    thing = Thing()
    assert thing.value is thing.value
    assert thing.calls == 1
    assert Thing.value.__doc__ == "What it is."
    assert Thing().value == 1


@pytest.fixture
def nothing_frozen():
    """No object is left out of searches for garbage; afterwards all that are there now."""
    gc.unfreeze()
    yield
    gc.freeze()


def test_no_garbage_is_collected_in_a_block_of_objects_that_are_kept(nothing_frozen):
    passes = []
    gc.callbacks.append(lambda phase, info: passes.append(phase))
    try:
        for enabled in (True, False):
            (gc.enable if enabled else gc.disable)()
            passes.clear()
            with process.uncollected():
                kept = [[] for _ in range(10_000)]
            [[] for _ in range(100)]
            assert not passes and gc.isenabled() == enabled
            assert gc.is_tracked(kept) and gc.get_freeze_count() == 0
    finally:
        gc.callbacks.pop()
        gc.enable()


def test_a_block_of_kept_objects_leaves_what_was_frozen(nothing_frozen):
    gc.freeze()
    with process.uncollected():
        pass
    assert gc.get_freeze_count()


def test_garbage_is_looked_for_rarely_while_anything_is_compiled():
    usual = gc.get_threshold()
    collections = process.Collections()
    first, second = collections.rare(), collections.rare()
    with first:
        assert gc.get_threshold() == (collections.YOUNG, *usual[1:])
        second.__enter__()
    assert gc.get_threshold() == (collections.YOUNG, *usual[1:])
    second.__exit__(None, None, None)
    assert gc.get_threshold() == usual
    try:
        with collections.rare():
            gc.set_threshold(123)  # which the user wants from now on
        assert gc.get_threshold()[0] == 123
        gc.set_threshold(0)
        with collections.rare():
            assert gc.get_threshold()[0] == 0
        assert gc.get_threshold()[0] == 0
    finally:
        gc.set_threshold(*usual)


class Interrupted:
    """A lock, during the first release of which Ctrl-C is pressed."""

    def __init__(self):
        self.pressed = False

    def __enter__(self):
        pass

    def __exit__(self, *error):
        if not self.pressed:
            self.pressed = True
            raise KeyboardInterrupt


def test_ctrl_c_at_the_start_of_a_block_leaves_collections_as_usual():
    usual = gc.get_threshold()
    collections = process.Collections()
    collections.lock = Interrupted()
    with pytest.raises(KeyboardInterrupt), collections.rare():
        raise AssertionError("it has begun")
    assert gc.get_threshold() == usual
    assert not collections.blocks


def test_a_signal_handler_may_compile_wherever_it_interrupts_a_compilation():
    usual = gc.get_threshold()
    collections = process.Collections()
    lock = collections.lock

    class Late(Interrupted):
        def __enter__(self):
            lock.acquire()
            if not self.pressed:  # a signal comes while the lock is held
                self.pressed = True
                with collections.rare():
                    assert gc.get_threshold() != usual

        def __exit__(self, *error):
            lock.release()

    collections.lock = Late()
    done = []

    def compile_once():
        with collections.rare():
            assert gc.get_threshold() != usual
        done.append(True)

    thread = threading.Thread(target=compile_once, daemon=True)
    thread.start()
    thread.join(SECONDS)
    assert done, "it waits for itself"
    assert gc.get_threshold() == usual


def test_a_child_has_no_block_of_another_thread():
    usual = gc.get_threshold()
    inside, over = threading.Event(), threading.Event()

    def compile_for_long():
        with process.COLLECTIONS.rare():
            inside.set()
            over.wait(SECONDS)

    thread = threading.Thread(target=compile_for_long)
    thread.start()
    try:
        assert inside.wait(SECONDS)
        assert child(gc.get_threshold) == usual
        with process.COLLECTIONS.rare():
            assert child(gc.get_threshold) != usual
    finally:
        over.set()
        thread.join()
    assert gc.get_threshold() == usual
