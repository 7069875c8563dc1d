"""Seconds for each kernel of a function on a device."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from probtensor.dataclass import dataclass, replace
from probtensor.function.device.layout import DeviceLayout
from probtensor.function.device.streams import Stream
from probtensor.inspect.profile import PROFILE_SECONDS, Profile
from probtensor.inspect.subject import Subject
from probtensor.late import late
from probtensor.lower.plan import Plan
from probtensor.targets.cuda.launches import Deferred

measure = late("probtensor.inspect.profile.measure")
peaks = late("probtensor.inspect.profile.peaks")


@dataclass(frozen=True)
class Work:
    """A plan with the layout and the addresses of each stage of one call, and its stream."""

    plan: Plan
    runner: Deferred
    stages: Sequence[tuple[DeviceLayout, Sequence[int]]]
    stream: Stream

    def launch(self) -> None:
        """Queue all stages, with the sizes that they had in the call."""
        for layout, table in self.stages:
            layout.launch(table, self.stream)

    @property
    def sizes(self) -> Sequence[int]:
        """The values of the plan's sizes, all of which the last stage knows."""
        return self.stages[-1][0].sizes


def timed(function: Subject, work: Work, n: int | None) -> Profile:
    """Time the plan, then each kernel alone, over the memory as the plan has left it."""
    once = seconds_of(work, work.launch, 3)
    plan = work.plan
    parts = max(1, len(plan.kernels)) + 2
    count = n or max(1, min(100_000, int(PROFILE_SECONDS / parts / max(once, 1e-8))))
    total = seconds_of(work, work.launch, count)
    seconds = [seconds_of_kernel(work, k, count) for k in range(len(plan.kernels))]
    found = measure.by_kernels(function, work.sizes, seconds, total, count)
    return replace(found, peaks=peaks.peaks_of(work.runner.driver))


def seconds_of_kernel(work: Work, k: int, count: int) -> float:
    """Seconds of kernel number k alone."""
    layout, table = work.stages[work.plan.stage_of(k)]
    driver = layout.driver
    sequence = work.runner.sequence_of_kernel(k, layout.sizes)
    scratch = driver.alloc(max(sequence.scratch, 1))
    driver.fill(scratch.address, 0, scratch.nbytes, work.stream.queue)
    return seconds_of(
        work, lambda: sequence.enqueue(table, scratch.address, work.stream.queue), count
    )


def seconds_of(work: Work, launch: Callable[[], None], count: int) -> float:
    """Seconds of one launch, measured over `count` launches queued together."""
    synchronize = work.runner.driver.synchronize
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
