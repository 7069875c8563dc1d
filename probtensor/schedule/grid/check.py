"""The invariants of schedules."""

from __future__ import annotations

from probtensor.kernel.check import KernelError
from probtensor.kernel.ir import walk
from probtensor.kernel.touch import names_set
from probtensor.kernel.touch import writes_of as writes
from probtensor.schedule.grid.phases import (
    InOrder,
    Loop,
    Phase,
    Routine,
    Schedule,
    defined_after,
    folds,
    needed,
    statements,
    touched,
)
from probtensor.types import size_names


def check(schedule: Schedule, after: str) -> None:
    """Raise KernelError, with the name of the last pass, unless

    - every `Loop` has become a phase;
    - the locals that a phase reads are set in it, free, or set by an earlier phase; after
      `pass_scalars`, they are set in it;
    - all buffers are of the kernel or scratch, and scratch is written before it is read;
    - the phases of each step of a loop in order have the same properties, set no scalar that is
      read outside of the loop, and each call can know the number of steps.
    """
    _Checker(schedule, after).run()


class _Checker:
    def __init__(self, schedule: Schedule, after: str) -> None:
        self.schedule = schedule
        self.after = after
        self.locals = schedule.locals
        self.scratch = {memory.name for memory in schedule.scratch}
        self.buffers = set(schedule.facts.elements)
        self.passed = after in ("pass_scalars", "insert_syncs")

    def run(self) -> None:
        schedule = self.schedule
        if len(self.scratch) < len(schedule.scratch):
            self._fail("two pieces of scratch memory have one name")
        free = {let.name for let in schedule.free}
        self._phases(schedule.phases, set(free), set(), "phase")

    def _fail(self, text: str) -> None:
        raise KernelError(f"{self.schedule.facts.kernel}, after {self.after}: {text}")

    def _phases(
        self, phases: tuple[Phase, ...], available: set[str], filled: set[str], label: str
    ) -> None:
        """Check phases that follow each other. `available` are the scalars that earlier ones set,
        `filled` the scratch memory that they have stored to."""
        for k, phase in enumerate(phases):
            self._phase(phase, available, filled, f"{label} {k}")
            filled |= {buffer for stmt in statements(phase) for buffer in writes(stmt)}
            available |= set(defined_after(phase))

    def _phase(self, phase: Phase, available: set[str], filled: set[str], label: str) -> None:
        if isinstance(phase, Loop):
            self._fail(f"the loops {phase.loops} of {label} are no phase that a target renders")
        missing = needed(phase) & self.locals
        if not self.passed or isinstance(phase, Routine):
            missing -= available
        if missing:
            self._fail(f"{label} reads {sorted(missing)}, which nothing before it sets")
        if unknown := set(touched(phase)) - self.buffers:
            self._fail(f"{label} touches {sorted(unknown)}, which are no buffers of the schedule")
        stored = {buffer for stmt in statements(phase) for buffer in writes(stmt)}
        if unset := set(touched(phase)) & self.scratch - filled - stored:
            self._fail(f"{label} reads {sorted(unset)} before any phase stores to it")
        if isinstance(phase, InOrder):
            self._in_order(phase, available, filled, label)

    def _in_order(
        self, phase: InOrder, available: set[str], filled: set[str], label: str
    ) -> None:
        steps = phase.steps
        if phase.alone and (steps is None):
            self._fail(f"{label} is run neither by a group nor as launches")
        if steps is None:
            return
        if unset := set(steps.memory.values()) - self.scratch:
            self._fail(f"the states of {label} are in {sorted(unset)}, which is no scratch memory")
        stored = {b for part in steps.first for stmt in statements(part) for b in writes(stmt)}
        if unset := set(steps.memory.values()) - stored:
            self._fail(f"{label} stores nothing to {sorted(unset)} before its first step")
        if size_names(steps.extent) & self.locals:
            self._fail(f"no launch knows the number of steps of {label}: {steps.extent}")
        inside = (*steps.first, *steps.phases)
        stmts = walk(tuple(stmt for part in inside for stmt in statements(part)))
        own = {name for stmt in stmts for name in names_set(stmt)}
        own |= {acc.name for part in inside for acc in folds(part)}
        own -= self.locals
        self.locals |= own
        available, filled = set(available), set(filled)
        self._phases(steps.first, available, filled, f"{label}, start")
        self._phases(steps.phases, available, filled, f"{label}, step")
        self.locals -= own
