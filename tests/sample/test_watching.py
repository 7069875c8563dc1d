"""Threads, progress and Ctrl-C."""

import io
import os
import signal
import threading
import time

import numpy as np
import pytest

from cython_ext.cpus import available_cpus
from probtensor.sample import sample
from probtensor.sample.kernels.nuts import Nuts
from probtensor.sample.runs.draws import most_draws
from probtensor.sample.runs.progress import Bars, ChainState, bar_rows
from probtensor.sample.runs.threads import run_jobs

pytestmark = pytest.mark.filterwarnings("ignore::probtensor.sample.SamplerWarning")


@pytest.fixture
def interrupting():
    """Make a progress callback that sends SIGINT once the chains are as far as asked for.

    Half of the time the signal comes from a timer, and so while the main thread waits.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timers = []

    def press():
        os.kill(os.getpid(), signal.SIGINT)

    def make(far_enough, delay):
        def watch(states):
            if not timers and far_enough(states):
                timers.append(threading.Timer(delay, press))
                timers[0].start() if delay else press()

        return watch

    yield make
    for timer in timers:
        timer.cancel()
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("delay", [0.0, 0.05])
def test_an_interrupt_returns_what_was_drawn(density, interrupting, delay):
    posterior = density("slow", 3)
    some = interrupting(lambda states: min(state.done for state in states) > 60, delay)
    idata = sample(posterior, draws=100_000, tune=50, chains=2, cores=2, seed=1, progress=some)
    drawn = np.asarray(idata["posterior"]["q"])
    assert drawn.ndim == 3 and 10 <= drawn.shape[1] < 100_000
    assert np.isfinite(drawn).all()
    assert "interrupted" in idata["posterior"].attrs["interrupted"]
    assert idata["sample_stats"]["lp"].shape == drawn.shape[:2]
    whole = sample(posterior, draws=10, tune=50, chains=2, seed=1, progress=False)
    # A chain that was late to start may have been left out; those kept are what they always are.
    alone = np.asarray(whole["posterior"]["q"])
    assert all(any(np.array_equal(a, kept[:10]) for a in alone) for kept in drawn)


def test_an_interrupt_before_the_first_draw_is_an_interrupt(density, interrupting):
    at_once = interrupting(lambda states: True, 0.0)
    with pytest.raises(KeyboardInterrupt):
        sample(density("slow", 3), tune=1_000_000, chains=2, seed=1, progress=at_once)


@pytest.mark.parametrize(
    "done,chosen,length",
    [
        ([1100, 1100], [0, 1], 1000),
        ([600, 590, 580, 610], [0, 1, 2, 3], 480),
        ([1100, 103, 0, 0], [0], 1000),
        ([1100, 1100, 700, 0], [0, 1], 1000),
        ([1100, 1100, 900, 0], [0, 1, 2], 800),
    ],
)
def test_an_interrupt_keeps_themost_draws(done, chosen, length):
    assert most_draws(Nuts(draws=1000, tune=100), done) == (chosen, length)


def test_an_interrupted_warmup_is_nothing_unless_it_is_kept():
    assert most_draws(Nuts(draws=1000, tune=100), [50, 60])[1] == 0
    nuts = Nuts(draws=1000, tune=100, keep_warmup=True)
    assert most_draws(nuts, [60, 50]) == ([0, 1], 50)
    assert most_draws(nuts, [600, 90]) == ([0], 600)


def test_a_failing_chain_stops_the_others():
    stopped = threading.Event()

    class Stop:
        def stop(self):
            stopped.set()

    def fails():
        raise ArithmeticError("first")

    def waits():
        assert stopped.wait(10.0)
        return 3

    with pytest.raises(ArithmeticError, match="first"):
        run_jobs([waits, fails], 2, [Stop()], lambda: None)


def test_a_callback_sees_the_run(density):
    seen = []
    # Long enough, on any machine, for chains to be seen on their way.
    settings = {"draws": 3800, "tune": 200, "chains": 2, "cores": 2, "seed": 1}
    sample(density("slow", 3), progress=seen.append, **settings)
    assert len(seen) >= 2
    assert [state.chain for state in seen[0]] == [0, 1]
    assert all(state.done == state.total == 4000 for state in seen[-1])
    assert seen[0][0].done < 4000
    assert seen[-1][0].gradients >= 4000 and seen[-1][0].gradients_per_second > 0.0
    assert seen[-1][0].step_size > 0.0


def test_silence_and_the_closing_line(schools, capfd):
    sample(schools, draws=50, tune=50, seed=1, progress=False)
    assert capfd.readouterr() == ("", "")
    sample(schools, draws=50, tune=50, chains=3, seed=1, progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("sampled 3 chains of 50 + 50 iterations in")


def test_bars_show_each_chain():
    console = pytest.importorskip("rich.console").Console(
        file=io.StringIO(), force_terminal=True, width=120
    )
    states = [
        ChainState(0, 30, 200, 100, 0, 0.25, 300, 1234.0),
        ChainState(1, 150, 200, 100, 7, 0.5, 900, 5678.0),
    ]
    bars = Bars(console, states)
    bars.show(states)
    bars.close()
    text = console.file.getvalue()
    for part in ("chain 0 warm-up", "chain 1", "30/200", "7 divergences", "5,678 grads/s", "0.25"):
        assert part in text


@pytest.mark.parametrize(
    "files,expected",
    [
        ({}, 64),
        ({"sys/fs/cgroup/cpu.max": "max 100000\n"}, 64),
        ({"sys/fs/cgroup/cpu.max": "250000 100000\n"}, 2),
        ({"sys/fs/cgroup/cpu.max": "50000 100000\n"}, 1),
        (
            {
                "proc/self/cgroup": "0::/jobs/one\n",
                "sys/fs/cgroup/cpu.max": "max 100000\n",
                "sys/fs/cgroup/jobs/cpu.max": "300000 100000\n",
                "sys/fs/cgroup/jobs/one/cpu.max": "max 100000\n",
            },
            3,
        ),
        (
            {
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "400000\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            4,
        ),
        (
            {
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            64,
        ),
    ],
)
def test_cpus_are_those_granted(tmp_path, monkeypatch, files, expected):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)), raising=False)
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert available_cpus(tmp_path) == expected


def test_threads_release_the_interpreter(density):
    """Python runs on while a chain does: this thread counts during the run."""
    counts, over = [0], threading.Event()

    def count():
        while not over.is_set():
            counts[0] += 1
            time.sleep(0.001)

    counter = threading.Thread(target=count)
    counter.start()
    began = time.perf_counter()
    sample(density("slow", 3), draws=100, tune=100, chains=1, seed=1, progress=False)
    seconds = time.perf_counter() - began
    over.set()
    counter.join()
    assert counts[0] > 20 * seconds


def test_hundreds_of_chains_are_one_bar():
    states = [ChainState(chain, 10 * chain, 400, 100, 1, 0.5, 7, 3.0) for chain in range(20)]
    ((name, one),) = bar_rows(states)
    assert name == "20 chains"
    assert (one.done, one.divergences, one.gradients, one.step_size) == (95, 20, 140, 0.5)
    assert [name for name, _ in bar_rows(states[:2])] == ["chain 0", "chain 1"]
