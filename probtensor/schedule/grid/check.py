"""What holds of a schedule after each pass."""

from __future__ import annotations

from probtensor.kernel.check import KernelError
from probtensor.kernel.touch import writes_of as writes
from probtensor.schedule.grid.phases import (
    Loop,
    Routine,
    Schedule,
    known_after,
    needed,
    statements,
    touched,
)


def check(schedule: Schedule, after: str) -> None:
    """Raise KernelError, naming the pass that was the last, unless

    - all loops are settled: none is left that a target cannot render;
    - the locals that a phase reads are its own, free, or known after an earlier one; after
      `pass_scalars`, its own;
    - shared memory is written before it is read, and scratch names are of this schedule.
    """
    kernel = schedule.facts.kernel

    def fail(text: str) -> None:
        raise KernelError(f"{kernel}, after {after}: {text}")

    known = schedule.locals
    free = {let.name for let in schedule.free}
    scratch = {memory.name for memory in schedule.scratch}
    buffers = set(schedule.facts.elements)
    if len(scratch) < len(schedule.scratch):
        fail("two pieces of scratch memory have one name")
    home: set[str] = set()
    filled: set[str] = set()
    for k, phase in enumerate(schedule.phases):
        if isinstance(phase, Loop):
            fail(f"the loops {phase.loops} of phase {k} are not settled")
        missing = needed(phase) & known
        if after not in ("pass_scalars", "insert_syncs") or isinstance(phase, Routine):
            missing -= free | home
        if missing:
            fail(f"phase {k} reads {sorted(missing)}, which nothing before it sets")
        if unknown := set(touched(phase)) - buffers:
            fail(f"phase {k} touches {sorted(unknown)}, which are no buffers of the schedule")
        stored = {buffer for stmt in statements(phase) for buffer in writes(stmt)}
        if unset := set(touched(phase)) & scratch - filled - stored:
            fail(f"phase {k} reads {sorted(unset)} before any phase stores to it")
        filled |= stored
        home |= set(known_after(phase))
