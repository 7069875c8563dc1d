"""Chains as threads of this process: how many, how they are watched, and how they stop."""

import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from cython_ext.chain import Progress

WATCH_SECONDS = 0.1


def available_cpus(root: Path = Path("/")) -> int:
    """CPUs this process may use: its affinity, and the quota of its control group, v2 or v1."""
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    return max(1, math.floor(min(count, _cgroup_quota(root))))


def _cgroup_quota(root: Path) -> float:
    """CPUs that the tightest enclosing control group grants; infinity where none limits them."""
    top = root / "sys/fs/cgroup"
    quota = _quota_v1(top / "cpu")
    for line in _words_of_lines(root / "proc/self/cgroup"):
        group = top / line[0].split(":", 2)[-1].strip("/")
        while group != top and top in group.parents:
            quota = min(quota, _quota_v2(group))
            group = group.parent
    return min(quota, _quota_v2(top))


def _quota_v2(group: Path) -> float:
    for limit, period in _words_of_lines(group / "cpu.max"):
        return math.inf if limit == "max" else int(limit) / int(period)
    return math.inf


def _quota_v1(group: Path) -> float:
    limit = _words_of_lines(group / "cpu.cfs_quota_us")
    period = _words_of_lines(group / "cpu.cfs_period_us")
    if not limit or not period or int(limit[0][0]) <= 0:
        return math.inf
    return int(limit[0][0]) / int(period[0][0])


def _words_of_lines(path: Path) -> list[list[str]]:
    try:
        return [line.split() for line in path.read_text().splitlines() if line]
    except OSError:
        return []


def single_threaded_blas() -> AbstractContextManager:
    """One BLAS thread while chains run, where threadpoolctl is there to see to it."""
    try:
        import threadpoolctl
    except ImportError:
        return nullcontext()
    return threadpoolctl.threadpool_limits(1, user_api="blas")


def run_all(
    jobs: Sequence[Callable[[], int]],
    cores: int,
    progresses: Sequence[Progress],
    watch: Callable[[], None],
) -> tuple[list[int], bool]:
    """Run the jobs on `cores` threads; call `watch` ten times a second from this one.

    Returns (results in order, interrupted). At Ctrl-C all chains are told to stop and what they
    return then counts. Where a job raises, the others are stopped and the exception of the first
    job that raised, in their order, is raised here.
    """
    interrupted = False
    with ThreadPoolExecutor(cores, thread_name_prefix="chain") as pool:
        futures = [pool.submit(job) for job in jobs]
        waiting = set(futures)
        try:
            while waiting:
                try:
                    done, waiting = wait(waiting, WATCH_SECONDS, FIRST_EXCEPTION)
                    if any(future.exception() for future in done):
                        _stop(progresses)
                    watch()
                except KeyboardInterrupt:
                    interrupted = True
                    _stop(progresses)
        finally:
            _stop(progresses)
    return [future.result() for future in futures], interrupted


def _stop(progresses: Sequence[Progress]) -> None:
    for progress in progresses:
        progress.stop()
