"""BLAS keeps to one thread while a call of ours runs, and has its own number again afterwards."""

import ctypes
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest
from numpy._core import _multiarray_umath
from scipy.linalg import cython_blas

import probtensor as pt
from cython_ext import blas
from cython_ext.blas import Library, OneThread, of_numpy, of_scipy
from cython_ext.linalg import gemm

SCIPY, NUMPY = of_scipy(), of_numpy()
MODULES = {SCIPY: cython_blas, NUMPY: _multiarray_umath}
# Where the setting is each thread's own there is nothing to be seen from another.
PER_PROCESS = SCIPY.control and NUMPY.control and "Local" not in SCIPY.control + NUMPY.control
needs_control = pytest.mark.skipif(not PER_PROCESS, reason="this BLAS has no number to look at")
pytestmark = pytest.mark.filterwarnings("ignore::probtensor.sample.SamplerWarning")


def set_threads(library, count):
    """What a user of the library, or threadpoolctl, does."""
    getattr(ctypes.CDLL(MODULES[library].__file__), library.control)(count)


@pytest.fixture
def three():
    """Both libraries with three threads each: more than one on every machine, and no default."""
    before = {library: library.threads() for library in MODULES}
    for library in MODULES:
        set_threads(library, 3)
    yield
    for library, count in before.items():
        set_threads(library, count)


@pytest.fixture
def one_for_numpy():
    with OneThread(NUMPY):
        yield


def settings():
    return SCIPY.threads(), NUMPY.threads()


@contextmanager
def watched():
    """A list that another thread fills with the settings it sees, until the context ends."""
    seen, done = [], threading.Event()

    def watch():
        while not done.is_set():
            seen.append(settings())
            time.sleep(0.0005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        done.set()
        watcher.join()


def square(n, dtype="float64", seed=3):
    return np.random.default_rng(seed).normal(size=(n, n)).astype(dtype)


def multiply(n, count=1):
    a = square(n)[None]
    for _ in range(count):
        gemm(a, a, np.empty((1, n, n)), False, True)


# The bound itself.


@needs_control
def test_it_nests_overlaps_and_is_lifted_by_the_last(three):
    first, second = OneThread(SCIPY), OneThread(SCIPY, NUMPY)
    with first:
        assert settings() == (1, 3)
        with OneThread(SCIPY):
            assert settings() == (1, 3)
        assert settings() == (1, 3)
        second.__enter__()
    assert settings() == (1, 1)
    second.__exit__(None, None, None)
    assert settings() == (3, 3)


@needs_control
def test_it_is_lifted_by_an_exception(three):
    with pytest.raises(ZeroDivisionError), OneThread(SCIPY, NUMPY):
        1 / 0  # noqa: B018
    assert settings() == (3, 3)


@needs_control
def test_what_the_user_sets_meanwhile_stays(three):
    with OneThread(SCIPY):
        set_threads(SCIPY, 2)
    assert SCIPY.threads() == 2
    set_threads(SCIPY, 1)
    with OneThread(SCIPY):
        assert SCIPY.threads() == 1
    assert SCIPY.threads() == 1


@needs_control
def test_contexts_of_many_threads(three):
    def enter_and_leave(turns):
        for _ in range(turns):
            with OneThread(SCIPY, NUMPY):
                if settings() != (1, 1):
                    return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(enter_and_leave, [2000] * 8))
    assert settings() == (3, 3)


def in_child(action):
    """The exit status of a forked child that runs `action`."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if action() else 1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@needs_control
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_forked_inside_begins_with_the_own_number(three):
    with OneThread(SCIPY) as held:

        def leave_and_multiply():
            fresh = settings() == (3, 3)
            held.__exit__(None, None, None)
            with OneThread(SCIPY):
                inside = settings() == (1, 3)
            multiply(100)
            return fresh and inside and settings() == (3, 3)

        assert in_child(leave_and_multiply) == 0
        assert settings() == (1, 3)
    assert settings() == (3, 3)


@needs_control
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_forks_while_other_threads_multiply(three):
    def enters():
        with OneThread(SCIPY, NUMPY):
            return settings() == (1, 1)

    stop = threading.Event()

    def keep_entering():
        while not stop.is_set():
            with OneThread(SCIPY, NUMPY):
                pass

    threads = [threading.Thread(target=keep_entering) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        assert [in_child(enters) for _ in range(20)] == [0] * 20
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert settings() == (3, 3)


# Libraries of other kinds, by stand-ins that have their names.

STAND_IN = """
static THREAD int threads = 6;
int GET(void) { return threads; }
#ifdef HERE
int SET(int n) { int before = threads; threads = n ? n : 6; return before == 6 ? 0 : before; }
#else
void SET(int n) { threads = n; }
#endif
"""
KINDS = [
    ("openblas_get_num_threads", "openblas_set_num_threads"),
    ("openblas_get_num_threads64_", "openblas_set_num_threads64_"),
    ("bli_thread_get_num_threads", "bli_thread_set_num_threads"),
    ("flexiblas_get_num_threads", "flexiblas_set_num_threads"),
    ("MKL_Get_Max_Threads", "MKL_Set_Num_Threads_Local"),
    ("a_get_num_threads", "a_set_num_threads"),
]


@pytest.mark.parametrize(("getter", "setter"), KINDS)
def test_libraries_of_all_kinds(getter, setter, tmp_path):
    own, known = "Local" in setter, not setter.startswith("a_")
    (tmp_path / "it.c").write_text(STAND_IN)
    flags = [f"-DGET={getter}", f"-DSET={setter}", "-DTHREAD=" + "__thread" * own]
    flags += ["-DHERE"] * own
    path = str(tmp_path / "it.so")
    subprocess.run(
        ["cc", "-shared", "-fPIC", *flags, str(tmp_path / "it.c"), "-o", path], check=True
    )
    library = Library(path)
    assert library.control == setter * known
    assert library.threads() == 6 * known
    with OneThread(library):
        assert library.threads() == known
        with OneThread(library):
            assert library.threads() == known
        assert library.threads() == known
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(library.threads).result() == (6 if own else known)
    assert library.threads() == 6 * known


def test_no_module_is_a_library_without_a_number():
    library = Library("/nowhere.so")
    assert (library.control, library.threads()) == ("", 0)
    with OneThread(library):
        pass


# Calls: none of them uses a thread of the library.


def test_a_call_keeps_to_one_thread_and_gives_it_back():
    if not PER_PROCESS:
        pytest.skip("this BLAS has no number to look at")
    before = settings()
    set_threads(SCIPY, 3)
    try:
        with watched() as seen:
            multiply(1000)
        assert (1, before[1]) in seen
        assert settings() == (3, before[1])
    finally:
        set_threads(SCIPY, before[0])


@pytest.fixture(scope="module")
def calls():
    """{name: a call}, each of some 10^7 multiplications: OpenBLAS would start threads for them,
    but not we."""
    x, y = pt.matrix("x"), pt.matrix("y")
    chol = pt.cholesky(x)
    routines = pt.function([x, y], [chol, pt.solve_triangular(chol, y, lower=True), chol @ y])
    u = pt.tensor("u", (None, None), "float32")
    single = pt.function([u], u @ u)
    slow = pt.function([x, y], [x @ y, pt.cholesky(x)], target="interp")
    n = 250
    with OneThread(NUMPY):
        good = square(n) @ square(n).T + n * np.eye(n)
    return {
        "routines": lambda: routines(good, square(n)),
        "float32": lambda: single(square(n, "float32")),
        "interp": lambda: slow(good, square(n)),
        "gemm": lambda: multiply(n),
    }


def share_of_other_threads(call):
    """Their CPU time over this thread's, in the best of some rounds: the threads of OpenBLAS look
    for work for a moment after their last, or after they were made."""
    shares = []
    for _ in range(6):
        process, thread = time.process_time(), time.thread_time()
        call()
        here = time.thread_time() - thread
        shares.append((time.process_time() - process - here) / here)
        time.sleep(0.02)
    return min(shares)


@needs_control
@pytest.mark.parametrize("name", ["routines", "float32", "interp", "gemm"])
def test_calls_use_no_other_thread(name, calls, three):
    assert share_of_other_threads(calls[name]) < 0.1
    assert settings() == (3, 3)


@needs_control
def test_functions_from_many_threads(calls, three):
    wanted = calls["routines"]()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: calls["routines"](), range(40)))
    for outputs in found:
        for got, meant in zip(outputs, wanted, strict=True):
            np.testing.assert_array_equal(got, meant)
    assert settings() == (3, 3)


# Large calls: pieces for threads of our own.


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("turned", [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("sizes", [(1, 1030, 521, 513), (3, 40, 1201, 1900), (300, 99, 101, 100)])
def test_pieces_make_the_whole(dtype, turned, sizes):
    batch, m, n, k = sizes
    rng = np.random.default_rng(8)
    a, b = (rng.random(size=s, dtype=dtype) for s in ((batch, m, k), (batch, k, n)))
    stored = [
        np.ascontiguousarray(np.swapaxes(x, 1, 2) if turn else x)
        for x, turn in zip((a, b), turned, strict=True)
    ]
    found = [np.full((batch, m, n), np.nan, dtype) for _ in range(2)]
    gemm(*stored, found[0], *turned)
    with OneThread(SCIPY, NUMPY):
        gemm(*stored, found[1], *turned)
        meant = a @ b
    np.testing.assert_allclose(found[0], meant, rtol=1e-12 if dtype == "float64" else 1e-4)
    np.testing.assert_array_equal(*found)


def test_pieces_of_systems_and_factors(one_for_numpy):
    a, b = pt.tensor("a", (None, None, None)), pt.tensor("b", (None, None, None))
    lower = pt.cholesky(a)
    upper = pt.swapaxes(lower, 1, 2)
    f = pt.function(
        [a, b],
        [lower, *(pt.solve_triangular(t, b, lower=t is lower) for t in (lower, upper))],
    )
    rng = np.random.default_rng(4)
    for batch, n, k in ((2, 400, 1701), (110, 200, 150)):
        x = rng.normal(size=(batch, n, n))
        spd, right = x @ np.swapaxes(x, 1, 2) + n * np.eye(n), rng.normal(size=(batch, n, k))
        first = f(spd, right)
        np.testing.assert_allclose(first[0], np.linalg.cholesky(spd), atol=1e-9)
        np.testing.assert_allclose(first[0] @ first[1], right, atol=1e-9)
        np.testing.assert_allclose(np.swapaxes(first[0], 1, 2) @ first[2], right, atol=1e-9)
        with OneThread(SCIPY):
            for got, meant in zip(f(spd, right), first, strict=True):
                np.testing.assert_array_equal(got, meant)


@needs_control
@pytest.mark.skipif(SCIPY.cpus < 2, reason="needs two CPUs")
@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="threads are counted in /proc")
def test_only_a_large_call_alone_has_helpers(three):
    def most_threads(work):
        before, most = len(os.listdir("/proc/self/task")), 0
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(work)
            while not running.done():
                most = max(most, len(os.listdir("/proc/self/task")) - before - 1)
        return most

    def inside():
        with OneThread(SCIPY):
            multiply(1300)

    assert most_threads(lambda: multiply(1300)) == min(3, SCIPY.cpus) - 1
    assert most_threads(inside) == 0
    assert most_threads(lambda: multiply(300, 40)) == 0
    set_threads(SCIPY, 1)
    assert most_threads(lambda: multiply(1300)) == 0


# Samplers.


def process_of(n=12):
    """A Gaussian process with n points."""
    at = np.linspace(0, 1, n)
    scale, noise = pt.random.half_normal(1, name="scale"), pt.random.half_normal(1, name="noise")
    distance = (at[:, None] - at) ** 2
    cov = scale**2 * pt.exp(-distance) + (noise**2 + 1e-6) * np.eye(n)
    return pt.condition(
        {pt.random.multivariate_normal(np.zeros(n), cov=cov, name="y"): np.sin(at)},
    )


@pytest.fixture(scope="module")
def posterior():
    return process_of()


@needs_control
def test_chains_have_one_thread_each(posterior, three):
    seen = []
    pt.sample(posterior, draws=50, tune=50, seed=1, progress=lambda _: seen.append(settings()))
    assert set(seen) == {(1, 1)}
    assert settings() == (3, 3)


@needs_control
def test_posteriors_sampled_at_once(posterior, three):
    def draw(seed):
        seen = []
        pt.sample(
            posterior, draws=20 * seed, tune=50, chains=2, seed=seed,
            progress=lambda _: seen.append(settings()),
        )  # fmt: skip
        return set(seen)

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(draw, (1, 10, 20))) == [{(1, 1)}] * 3
    assert settings() == (3, 3)


@needs_control
def test_a_sampler_that_fails_gives_the_threads_back(posterior, three):
    def fail(_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        pt.sample(posterior, draws=50, tune=50, seed=1, progress=fail)
    assert settings() == (3, 3)


def test_scipy_is_not_imported_for_its_threads():
    code = (
        "import sys; from cython_ext import blas; print(len(blas.loaded()), 'scipy' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["1", "False"]
    assert len(blas.loaded()) == 2


# The rule: on a busy machine no call takes more than 1.2 times as long as on one thread.


def time_of(call, seconds=0.3):
    began = time.perf_counter()
    calls = 0
    while time.perf_counter() < began + seconds:
        call()
        calls += 1
    return (time.perf_counter() - began) / calls


@needs_control
@pytest.mark.slow
@pytest.mark.parametrize("n", [200, 400, 700, 1200])
def test_no_product_is_slower_than_on_one_thread_of_a_busy_machine(n, three):
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(SCIPY.cpus)]
    try:
        times = {1: [], 3: []}
        for _ in range(9):
            for threads in times:
                set_threads(SCIPY, threads)
                times[threads].append(time_of(lambda: multiply(n)))
    finally:
        for process in busy:
            process.kill()
            process.wait()
    assert np.median(times[3]) < 1.2 * np.median(times[1])
