"""Whatever ends a run after its first draw: the draws are returned, or on the exception."""

import contextlib
import gc
import io
import os
import signal
import sys
import threading
import time
import warnings
import weakref

import numpy as np
import pytest

from probtensor.sample import Draws, SamplerWarning, SamplingError, sample
from probtensor.sample import run as run_module
from probtensor.sample.diagnostics import measures as diagnostics
from probtensor.sample.diagnostics import warnings as warn_module
from probtensor.sample.runs import progress as progress_module
from probtensor.sample.runs import threads as threads_module
from probtensor.sample.runs.interrupts import Interrupts
from probtensor.sample.runs.output import load_arviz
from probtensor.sample.runs.progress import Watcher
from probtensor.sample.runs.threads import parallel_for

pytestmark = pytest.mark.filterwarnings("ignore::probtensor.sample.SamplerWarning")
SETTINGS = {"draws": 60, "tune": 40, "chains": 2, "cores": 2, "seed": 5, "progress": False}


def press(times=1):
    for _ in range(times):
        signal.raise_signal(signal.SIGINT)


@pytest.fixture(autouse=True)
def python_handler():
    """Python's own handler of SIGINT, as in a script; it must be there again afterwards."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    after = signal.signal(signal.SIGINT, before)
    assert after is signal.default_int_handler


@pytest.fixture
def whole(schools):
    """The draws of an undisturbed run."""
    return np.asarray(sample(schools, **SETTINGS)["posterior"]["theta"])


def before(monkeypatch, place, name, action):
    """Do the action when a function is called first, and then what it does."""
    real = getattr(place, name)
    actions = [action]

    def wrapped(*args, **settings):
        if actions:
            actions.pop()()
        return real(*args, **settings)

    monkeypatch.setattr(place, name, wrapped)


def kept(error, whole):
    """The draws that an exception has: all of them."""
    assert isinstance(error.draws, Draws)
    assert any("error.draws" in note for note in error.__notes__)
    np.testing.assert_array_equal(error.draws.groups()["posterior"]["theta"], whole)
    again = error.draws.to_arviz()
    np.testing.assert_array_equal(np.asarray(again["posterior"]["theta"]), whole)
    assert again["posterior"].attrs["seed"] == SETTINGS["seed"]
    assert again["posterior"].attrs["sampling_time"] > 0.0
    assert [len(chain) for chain in error.draws.chains] == [60, 60]
    return error.draws


# ---- Ctrl-C at each place ----

PLACES = {
    "the ArviZ object is built": (run_module, "to_arviz"),
    "draws become variables": (run_module.Draws, "groups"),
    "the run is over": (run_module.DrawCollector, "gather"),
    "what was prepared is waited for": (run_module.HostRun, "prepare"),
    "the draws are checked": (run_module, "warn_about_draws"),
    "Rich's bars are closed": (Watcher, "close"),
}


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("place", PLACES)
def test_once_or_twice_changes_nothing_when_all_is_drawn(schools, whole, monkeypatch, place, times):
    before(monkeypatch, *PLACES[place], lambda: press(times))
    idata = sample(schools, **SETTINGS)
    np.testing.assert_array_equal(np.asarray(idata["posterior"]["theta"]), whole)
    assert idata["posterior"].attrs["interrupted"] == ""


@pytest.mark.parametrize("place", PLACES)
def test_the_third_time_raises_and_the_exception_has_the_draws(schools, whole, monkeypatch, place):
    with monkeypatch.context() as patch:
        before(patch, *PLACES[place], lambda: press(3))
        with pytest.raises(KeyboardInterrupt) as caught:
            sample(schools, **SETTINGS)
    kept(caught.value, whole)


def test_in_the_moment_when_the_handler_is_put_back(schools, whole, monkeypatch):
    real = Interrupts.restore

    def restore(self):
        real(self)
        press()

    monkeypatch.setattr(Interrupts, "restore", restore)
    with pytest.raises(KeyboardInterrupt) as caught:
        sample(schools, **SETTINGS)
    assert kept(caught.value, whole).result is not None


@pytest.mark.parametrize("times", [1, 2])
def test_while_threads_start(density, monkeypatch, times):
    """The chains end at once, and not after all their draws."""
    posterior = density("slow", 3)
    sample(posterior, **SETTINGS)
    before(monkeypatch, threads_module.WorkerThreads, "start", lambda: press(times))
    began = time.perf_counter()
    with pytest.raises(KeyboardInterrupt, match="before the first draw") as caught:
        sample(posterior, **SETTINGS | {"draws": 10**7})
    assert time.perf_counter() - began < 30.0
    assert not hasattr(caught.value, "draws")


def test_before_any_thread_is_started(density, monkeypatch):
    """Under a handler that raises: there is no thread that could end the jobs."""

    def start(self, count):
        raise KeyboardInterrupt

    monkeypatch.setattr(threads_module.WorkerThreads, "start", start)
    with pytest.raises(KeyboardInterrupt, match="before the first draw"):
        sample(density("slow", 3), **SETTINGS)


@pytest.mark.parametrize("refused", [0, 1])
def test_a_system_that_grants_no_more_threads(schools, whole, monkeypatch, refused):
    """Those there are do all the work; without one it cannot be done."""
    real = threading.Thread.start

    def start(self):
        if self.name.startswith("chain_") and int(self.name[6:]) >= refused:
            raise RuntimeError("can't start new thread")
        real(self)

    monkeypatch.setattr(threading.Thread, "start", start)
    if refused == 0:
        with pytest.raises(RuntimeError, match="new thread"):
            sample(schools, **SETTINGS)
    else:
        idata = sample(schools, **SETTINGS)
        np.testing.assert_array_equal(np.asarray(idata["posterior"]["theta"]), whole)


def test_a_thread_that_was_started_last_stops_too(density, monkeypatch):
    real = threading.Thread.start

    def start(self):
        real(self)
        if self.name.startswith("chain"):
            press()

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(KeyboardInterrupt):
        sample(density("slow", 3), **SETTINGS | {"draws": 10**7, "tune": 10**5})


def test_impatience_while_a_gradient_is_slow(density):
    """The third Ctrl-C does not wait for the chains, and has what they have drawn."""

    def watch(states):
        if min(state.done for state in states) > 60:
            press(3)

    settings = SETTINGS | {"draws": 10**5, "progress": watch}
    with pytest.raises(KeyboardInterrupt) as caught:
        sample(density("slow", 3), **settings)
    draws = caught.value.draws
    assert all(20 <= len(chain) < 10**5 and np.isfinite(chain).all() for chain in draws.chains)
    assert 20 <= draws.length < 10**5
    assert "interrupted" in draws.to_arviz()["posterior"].attrs["interrupted"]


def test_interrupts_of_an_exception_on_its_way(schools, whole, monkeypatch):
    """Under a handler that raises each time, and a user who presses on."""
    left = [3]
    real = run_module.DrawCollector.gather

    def gather(self):
        if left[0] and self.draws is not None:
            left[0] -= 1
            raise KeyboardInterrupt
        return real(self)

    with monkeypatch.context() as patch:
        before(patch, run_module, "to_arviz", out_of_memory)
        patch.setattr(run_module.DrawCollector, "gather", gather)
        with pytest.raises(MemoryError) as caught:
            sample(schools, **SETTINGS)
    kept(caught.value, whole)
    assert left == [0]


def test_an_interrupt_does_not_wait_for_what_is_done_aside():
    """Nor does it leave a lock behind."""
    over = threading.Event()
    timer = threading.Timer(0.2, press)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        threads_module.in_other_thread(over.wait)
    over.set()
    assert threads_module.in_other_thread(lambda: 7) == 7
    with pytest.raises(MemoryError, match="full"):
        threads_module.in_other_thread(out_of_memory)


def test_the_second_time_leaves_a_note(schools, monkeypatch, capsys):
    before(monkeypatch, run_module, "to_arviz", lambda: press(2))
    sample(schools, **SETTINGS | {"progress": True})
    assert "once more ends at once" in capsys.readouterr().err


def test_another_handler_stays_and_its_exception_has_the_draws(schools, whole, monkeypatch):
    def handler(number, frame):
        raise KeyboardInterrupt("mine")

    outer = signal.signal(signal.SIGINT, handler)
    try:
        with monkeypatch.context() as patch:
            before(patch, run_module, "to_arviz", press)
            with pytest.raises(KeyboardInterrupt, match="mine") as caught:
                sample(schools, **SETTINGS)
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, outer)
    kept(caught.value, whole)


def test_under_another_handler_an_interrupt_of_the_chains_returns(density):
    def handler(number, frame):
        raise KeyboardInterrupt("mine")

    def watch(states):
        if min(state.done for state in states) > 60:
            press()

    outer = signal.signal(signal.SIGINT, handler)
    try:
        idata = sample(density("slow", 3), **SETTINGS | {"draws": 10**5, "progress": watch})
    except KeyboardInterrupt as error:  # the callback's last call raises once more
        idata = error.draws.to_arviz()
    finally:
        signal.signal(signal.SIGINT, outer)
    assert 20 <= idata["posterior"].sizes["draw"] < 10**5


def test_a_handler_that_is_installed_meanwhile_stays(schools):
    mine = []

    def watch(states):
        signal.signal(signal.SIGINT, lambda *_: mine.append(1))

    sample(schools, **SETTINGS | {"progress": watch})
    press()
    assert mine
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.SIG_DFL])
def test_a_process_that_ignores_ctrl_c_goes_on_ignoring_it(schools, monkeypatch, handler):
    outer = signal.signal(signal.SIGINT, handler)
    try:
        if handler is signal.SIG_IGN:
            before(monkeypatch, run_module, "to_arviz", lambda: press(5))
        sample(schools, **SETTINGS)
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, outer)


def test_a_forked_child_has_python_s_handler(schools):
    statuses = []

    def watch(states):
        if statuses:
            return
        child = os.fork()
        if child == 0:
            try:
                press()
            except KeyboardInterrupt:
                os._exit(7)
            os._exit(1)
        statuses.append(os.waitpid(child, 0)[1])

    idata = sample(schools, **SETTINGS | {"progress": watch})
    assert os.waitstatus_to_exitcode(statuses[0]) == 7
    assert idata["posterior"].sizes["draw"] == 60


def test_outside_the_main_thread(schools, whole):
    found = []
    thread = threading.Thread(target=lambda: found.append(sample(schools, **SETTINGS)))
    thread.start()
    thread.join()
    np.testing.assert_array_equal(np.asarray(found[0]["posterior"]["theta"]), whole)


# ---- other exceptions ----


@pytest.mark.parametrize("kind", [TimeoutError, SystemExit, MemoryError])
def test_an_exception_of_an_alarm(density, kind):
    """A time limit of the user's own, which strikes anywhere in the main thread."""

    def ring(number, frame):
        raise kind("time is up")

    outer = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.25)
        with pytest.raises(kind, match="time is up") as caught:
            sample(density("slow", 3), **SETTINGS | {"draws": 10**6, "tune": 20})
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, outer)
    assert 1 <= caught.value.draws.length < 10**6


def test_a_callback_that_raises(density):
    def watch(states):
        if min(state.done for state in states) > 60:
            raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine") as caught:
        sample(density("slow", 3), **SETTINGS | {"draws": 10**5, "progress": watch})
    assert 20 <= caught.value.draws.length < 10**5


def test_a_callback_that_raises_at_the_end(schools, whole):
    def watch(states):
        if all(state.done == state.total for state in states):
            raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError) as caught:
        sample(schools, **SETTINGS | {"progress": watch})
    kept(caught.value, whole)


def test_an_exception_before_the_first_draw_has_none(density):
    def watch(states):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError) as caught:
        sample(density("slow", 3), **SETTINGS | {"tune": 10**6, "progress": watch})
    assert not hasattr(caught.value, "draws")


def test_an_exception_used_again_has_the_draws_of_the_last_run(schools):
    error = ZeroDivisionError("mine")

    def watch(states):
        if all(state.done == state.total for state in states):
            raise error

    for seed in (1, 2):
        with contextlib.suppress(ZeroDivisionError):
            sample(schools, **SETTINGS | {"progress": watch, "seed": seed})
        assert error.draws.attrs["seed"] == seed


def test_a_chain_that_fails_while_others_are_done(library, density):
    """The third chain's density fails after 300 calls; two are through before it begins."""
    posterior = density("failing", 3)
    limits = iter([2**30, 2**30, 300])

    def context():
        posterior.fail_after = next(limits)
        return type(posterior).context(posterior)

    posterior.context = context
    with pytest.raises(SamplingError, match="chain 2 stopped at iteration") as caught:
        sample(posterior, **SETTINGS | {"chains": 3, "cores": 1})
    draws = caught.value.draws
    assert draws.length == 60 and draws.chosen == [0, 1]
    assert len(draws.chains[2]) < 60
    assert "2 of 3 chains" in draws.to_arviz()["posterior"].attrs["interrupted"]


def out_of_memory():
    raise MemoryError("full")


@pytest.mark.parametrize("place", ["the ArviZ object is built", "draws become variables"])
def test_no_memory_for_the_output(schools, whole, monkeypatch, place):
    with monkeypatch.context() as patch:
        before(patch, *PLACES[place], out_of_memory)
        with pytest.raises(MemoryError, match="full") as caught:
            sample(schools, **SETTINGS)
    kept(caught.value, whole)


def test_checks_that_fail_are_told_of_and_lose_nothing(schools, whole, monkeypatch):
    before(monkeypatch, warn_module.diagnostics, "bfmi", out_of_memory)
    with pytest.warns(SamplerWarning, match=r"not all of them could be checked.*full"):
        idata = sample(schools, **SETTINGS | {"draws": 200})
    assert idata["posterior"].sizes["draw"] == 200


@pytest.mark.parametrize("state", ["missing", "broken"])
def test_without_arviz(schools, whole, monkeypatch, tmp_path, state):
    with monkeypatch.context() as patch:
        if state == "missing":
            patch.setitem(sys.modules, "arviz", None)
        else:
            (tmp_path / "arviz.py").write_text("raise AttributeError('half installed')")
            patch.delitem(sys.modules, "arviz")
            patch.syspath_prepend(tmp_path)
        with pytest.raises((ImportError, AttributeError)) as caught:
            sample(schools, **SETTINGS)
        assert caught.value.draws.result is None
        groups = caught.value.draws.groups()
        assert {"posterior", "sample_stats", "observed_data"} <= set(groups)
    kept(caught.value, whole)


def test_a_run_that_is_over_holds_no_memory(schools, monkeypatch):
    """The arrays go with the result, not when the garbage collector comes by."""
    runs = []

    class Seen(run_module.HostRun):
        def __init__(self, *args):
            super().__init__(*args)
            runs.append(weakref.ref(self))

    monkeypatch.setattr(run_module, "HostRun", Seen)
    gc.disable()
    try:
        sample(schools, **SETTINGS)
        assert runs[0]() is None
    finally:
        gc.enable()


# ---- warnings, floating point, standard error ----


def test_warnings_that_are_errors(schools):
    settings = SETTINGS | {"draws": 150, "tune": 10}
    whole = sample(schools, **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(SamplerWarning, match=r"effective sample size|R-hat") as caught:
            sample(schools, **settings)
    idata = caught.value.draws.to_arviz()
    assert idata is caught.value.draws.result
    np.testing.assert_array_equal(idata["posterior"]["theta"], whole["posterior"]["theta"])


def test_what_arviz_warns_of_is_no_error(schools, whole, monkeypatch):
    def warn():
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        warnings.warn("strange", UserWarning, stacklevel=1)

    arviz = load_arviz()
    before(monkeypatch, arviz, "from_dict", warn)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", SamplerWarning)
        with contextlib.redirect_stderr(io.StringIO()):
            idata = sample(schools, **SETTINGS)
    np.testing.assert_array_equal(np.asarray(idata["posterior"]["theta"]), whole)


def test_floating_point_errors_that_are_raised_are_no_concern_of_the_checks():
    rng = np.random.default_rng(1)
    draws = rng.normal(size=(4, 200, 600)) * 1e200
    with np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(diagnostics.bfmi(np.ones((2, 200)))).all()
        for threads in (1, 2):
            rhat, _, _ = diagnostics.convergence(draws, threads)
            assert np.isfinite(rhat).all()
        diagnostics.nested(draws)


class Broken(io.StringIO):
    """A terminal that has gone away."""

    def write(self, text):
        raise BrokenPipeError("gone")

    def isatty(self):
        return True


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.filterwarnings("default::probtensor.sample.SamplerWarning")
@pytest.mark.parametrize("bars", [False, True])
@pytest.mark.parametrize("make", [Broken, closed, lambda: None], ids=["broken", "closed", "none"])
def test_a_standard_error_that_is_no_more(schools, whole, monkeypatch, make, bars, capsys):
    monkeypatch.setattr(sys, "stderr", make())
    monkeypatch.setattr(warnings, "showwarning", warnings._showwarning_orig)
    if bars:
        monkeypatch.setattr(progress_module, "BARS_AFTER_SECONDS", -1.0)
    idata = sample(schools, **SETTINGS | {"progress": True})
    np.testing.assert_array_equal(np.asarray(idata["posterior"]["theta"]), whole)
    assert capsys.readouterr().out == ""


def test_work_is_shared_out_once_even_where_no_pool_takes_it(monkeypatch):
    for refusing in (False, True):
        if refusing:

            def start(self):
                raise RuntimeError("can't create new thread at interpreter shutdown")

            monkeypatch.setattr(threads_module.threading.Thread, "start", start)
        done = []
        parallel_for(done.append, range(7), 3)
        assert sorted(done) == list(range(7))
    monkeypatch.undo()
    with pytest.raises(ZeroDivisionError):
        parallel_for(lambda n: 1 // n, [1, 0, 2], 2)
