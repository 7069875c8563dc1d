"""Chains as threads of this process: how they are watched, and how they stop."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

from cython_ext.chain import Progress

WATCH_SECONDS = 0.1


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
