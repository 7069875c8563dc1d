"""The invariants of schedules."""

from __future__ import annotations

from probtensor.kernel.check import KernelError
from probtensor.kernel.touch import writes_of as writes
from probtensor.schedule.grid.phases import (
    Loop,
    Routine,
    Schedule,
    defined_after,
    needed,
    statements,
    touched,
)


def check(schedule: Schedule, after: str) -> None:
    """Raise KernelError, with the name of the last pass, unless

    - every `Loop` has become a phase;
    - the locals that a phase reads are set in it, free, or set by an earlier phase; after
      `pass_scalars`, they are set in it;
    - all buffers are of the kernel or scratch, and scratch is written before it is read.
    """
    kernel = schedule.facts.kernel

    def fail(text: str) -> None:
        raise KernelError(f"{kernel}, after {after}: {text}")

    locals_ = schedule.locals
    free = {let.name for let in schedule.free}
    scratch = {memory.name for memory in schedule.scratch}
    buffers = set(schedule.facts.elements)
    if len(scratch) < len(schedule.scratch):
        fail("two pieces of scratch memory have one name")
    available: set[str] = set()
    filled: set[str] = set()
    for k, phase in enumerate(schedule.phases):
        if isinstance(phase, Loop):
            fail(f"the loops {phase.loops} of phase {k} are no phase that a target renders")
        missing = needed(phase) & locals_
        if after not in ("pass_scalars", "insert_syncs") or isinstance(phase, Routine):
            missing -= free | available
        if missing:
            fail(f"phase {k} reads {sorted(missing)}, which nothing before it sets")
        if unknown := set(touched(phase)) - buffers:
            fail(f"phase {k} touches {sorted(unknown)}, which are no buffers of the schedule")
        stored = {buffer for stmt in statements(phase) for buffer in writes(stmt)}
        if unset := set(touched(phase)) & scratch - filled - stored:
            fail(f"phase {k} reads {sorted(unset)} before any phase stores to it")
        filled |= stored
        available |= set(defined_after(phase))
