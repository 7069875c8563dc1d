"""Times several ways of doing the same work, in turn."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

CALLS_AT_MOST = 2000


@dataclass(frozen=True)
class Run:
    """`call()` queues the work and returns its result; `wait(result)` returns when it is done."""

    call: Callable[[], Any]
    wait: Callable[[Any], None]


@dataclass(frozen=True)
class Time:
    """Seconds a call: the median of the blocks, the quickest, and the calls in a block."""

    median: float
    best: float
    calls: int


def block(run, calls):
    """Seconds that `calls` calls took, from an idle device to an idle device."""
    start = time.perf_counter()
    for _ in range(calls):
        result = run.call()
    run.wait(result)
    return time.perf_counter() - start


def once(run):
    """The result of one call, finished, and the seconds until then."""
    start = time.perf_counter()
    result = run.call()
    run.wait(result)
    return result, time.perf_counter() - start


def calls_in(run, seconds):
    """How many calls make up about a block of that many seconds."""
    elapsed = max(block(run, 2) / 2, 1e-7)
    if elapsed < seconds / 20:
        calls = max(1, int(seconds / 5 / elapsed))
        elapsed = max(block(run, min(calls, CALLS_AT_MOST)) / min(calls, CALLS_AT_MOST), 1e-7)
    return max(1, min(CALLS_AT_MOST, round(seconds / elapsed)))


def compare(runs, seconds=0.02, rounds=7):
    """{name: Time} of {name: Run}; blocks of about `seconds`, one of each in turn, `rounds` times.

    All were called before, so that nothing is compiled here.
    """
    calls = {name: calls_in(run, seconds) for name, run in runs.items()}
    blocks = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            blocks[name].append(block(run, calls[name]) / calls[name])
    return {
        name: Time(statistics.median(found), min(found), calls[name])
        for name, found in blocks.items()
    }
