"""Seconds for each kernel of a function on a device."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from probtensor.dataclass import dataclass
from probtensor.function.device.layout import DeviceLayout
from probtensor.function.device.streams import Stream
from probtensor.inspect.profile import PROFILE_SECONDS, Profile
from probtensor.late import late
from probtensor.lower.plan import Plan
from probtensor.targets.cuda.launches import Deferred

measure = late("probtensor.inspect.profile.measure")


@dataclass(frozen=True)
class Work:
    """A plan with the layout, the addresses and the stream of one call."""

    plan: Plan
    runner: Deferred
    layout: DeviceLayout
    table: Sequence[int]
    stream: Stream


def timed(work: Work, n: int | None) -> Profile:
    """Time the plan, then each kernel alone, over the memory as the plan has left it."""
    once = seconds_of(work, lambda: work.layout.launch(work.table, work.stream), 3)
    plan = work.plan
    parts = max(1, len(plan.kernels)) + 2
    count = n or max(1, min(100_000, int(PROFILE_SECONDS / parts / max(once, 1e-8))))
    total = seconds_of(work, lambda: work.layout.launch(work.table, work.stream), count)
    seconds = [seconds_of_kernel(work, k, count) for k in range(len(plan.kernels))]
    return measure.by_kernels(plan, work.layout.sizes, seconds, total, count)


def seconds_of_kernel(work: Work, k: int, count: int) -> float:
    """Seconds of kernel number k alone."""
    driver = work.layout.driver
    sequence = work.runner.sequence_of_kernel(k, work.layout.sizes)
    scratch = driver.alloc(max(sequence.scratch, 1))
    driver.fill(scratch.address, 0, scratch.nbytes, work.stream.queue)
    return seconds_of(
        work, lambda: sequence.enqueue(work.table, scratch.address, work.stream.queue), count
    )


def seconds_of(work: Work, launch: Callable[[], None], count: int) -> float:
    """Seconds of one launch, measured over `count` launches queued together."""
    synchronize = work.layout.driver.synchronize
    launch()
    synchronize(work.stream.queue)
    began = time.perf_counter()
    for _ in range(count):
        launch()
    synchronize(work.stream.queue)
    return (time.perf_counter() - began) / count


def seconds_of_calls(function: Callable, args: tuple, count: int) -> float:
    """Seconds of one call from Python."""
    began = time.perf_counter()
    for _ in range(count):
        function(*args)
    return (time.perf_counter() - began) / count
