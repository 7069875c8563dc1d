"""Scalars between loops: which phase computes them, and how later phases get their values."""

from __future__ import annotations

from collections.abc import Sequence

from probtensor.dataclass import replace
from probtensor.kernel.ir import Acc, Let, Load, Ref, Stmt, Store
from probtensor.kernel.touch import buffers_of, expr_names, locals_set, names_set
from probtensor.kernel.touch import writes_of as writes
from probtensor.schedule.grid.phases import (
    InOrder,
    MapPhase,
    Once,
    Phase,
    Routine,
    Schedule,
    defined_after,
    needed,
    statements,
    touched,
)
from probtensor.schedule.grid.supply import Supply


def join_scalars(schedule: Schedule) -> Schedule:
    """Merge a scalar-only phase into the phase before it: at the end of a map phase, or after the
    scalars of another scalar-only phase or of a group. A group also takes the scalars before it."""
    done: list[Phase] = []
    for phase in schedule.phases:
        last = done[-1] if done else None
        if isinstance(phase, Once) and isinstance(last, MapPhase):
            done[-1] = replace(last, after=(*last.after, *phase.body))
        elif isinstance(phase, Once) and (isinstance(last, Once) or _by_group_only(last)):
            done[-1] = replace(last, body=(*last.body, *phase.body))
        elif isinstance(last, Once) and _by_group_only(phase):
            done[-1] = replace(phase, body=(*last.body, *phase.body))
        else:
            done.append(phase)
    return replace(schedule, phases=tuple(done))


def _by_group_only(phase: Phase | None) -> bool:
    return isinstance(phase, InOrder) and phase.steps is None


def attach_scalars(schedule: Schedule) -> Schedule:
    """Attach a scalar-only phase to the end of the nearest earlier map phase, if no phase in
    between conflicts with it, else to the end of the next map phase, if they are independent."""
    locals_ = schedule.locals
    done: list[Phase] = []
    for phase in schedule.phases:
        if isinstance(phase, Once):
            k = _earlier_phase(done, phase, locals_)
            if k is not None:
                done[k] = replace(done[k], after=(*done[k].after, *phase.body))
                continue
        before = done[-1] if done else None
        if isinstance(before, Once) and isinstance(phase, MapPhase) and _independent(before, phase):
            done.pop()
            phase = replace(phase, after=(*before.body, *phase.after))
        done.append(phase)
    return replace(schedule, phases=tuple(done))


def _earlier_phase(done: Sequence[Phase], scalars: Once, locals_: set[str]) -> int | None:
    """The last map phase, if the scalars can be computed at its end; else None."""
    read = needed(scalars) & locals_
    stored = {buffer for stmt in scalars.body for buffer in writes(stmt)}
    accessed = {buffer for stmt in scalars.body for buffer in buffers_of(stmt)}
    for k in reversed(range(len(done))):
        phase = done[k]
        if isinstance(phase, MapPhase):
            return k
        written = {buffer for stmt in statements(phase) for buffer in writes(stmt)}
        conflict = read & set(defined_after(phase)) or stored & set(touched(phase))
        if conflict or accessed & written:
            return None
    return None


def _independent(scalars: Once, phase: MapPhase) -> bool:
    """Whether scalars before a map phase can be computed after it instead."""
    stored = {buffer for stmt in scalars.body for buffer in writes(stmt)}
    accessed = {buffer for stmt in scalars.body for buffer in buffers_of(stmt)}
    names = {name for stmt in scalars.body for name in names_set(stmt)}
    written = {buffer for stmt in phase.body for buffer in writes(stmt)}
    written |= {private.buffer for private in phase.privates}
    return not (stored & set(touched(phase)) or accessed & written or names & needed(phase))


def pass_scalars(schedule: Schedule) -> Schedule:
    """Give each phase the scalars that it reads and does not compute: free scalars are recomputed,
    others are stored to memory by the phase that computes them, and loaded."""
    supply, phases = Supply(schedule), list(schedule.phases)
    locals_ = schedule.locals
    set_in: dict[str, int] = {}
    for k, phase in enumerate(phases):
        names = needed(phase) & locals_
        before = [_loaded(n, set_in[n], phases, supply) for n in sorted(names & set_in.keys())]
        before += _recomputed(names - set_in.keys(), schedule.free)
        phases[k] = _given(phase, before)
        for name in defined_after(phase):
            set_in.setdefault(name, k)
    return supply.closed(phases)


def _given(phase: Phase, scalars: Sequence[Let]) -> Phase:
    """A phase with the scalars that it reads."""
    if isinstance(phase, Routine):
        return phase
    if not isinstance(phase, InOrder):
        return replace(phase, before=(*scalars, *phase.before))
    found = replace(phase, body=(*scalars, *phase.body))
    if phase.steps is None:
        return found
    first, steps = (
        tuple(_given(part, _read_by(part, scalars)) for part in parts)
        for parts in (phase.steps.first, phase.steps.phases)
    )
    return replace(found, steps=replace(phase.steps, first=first, phases=steps))


def _read_by(phase: Phase, scalars: Sequence[Let]) -> list[Let]:
    """Those of the scalars that a phase reads, directly or through others of them."""
    names, found = needed(phase), []
    for let in reversed(scalars):
        if let.name in names:
            names |= expr_names(let.expr)
            found.append(let)
    return found[::-1]


def _recomputed(names: set[str], free: Sequence[Let]) -> list[Let]:
    """The free scalars with these names, and the free scalars that they read."""
    by_name = {let.name: let for let in free}
    found, waiting = set(), list(names)
    while waiting:
        name = waiting.pop()
        if name in by_name and name not in found:
            found.add(name)
            waiting += expr_names(by_name[name].expr)
    return [let for let in free if let.name in found]


def _loaded(name: str, k: int, phases: list[Phase], supply: Supply) -> Let:
    """Let phase k store a scalar to scratch memory; returns the load of it."""
    phase = phases[k]
    in_body = isinstance(phase, (Once, InOrder))
    stmts = phase.body if in_body else (*phase.accs, *phase.after)
    dtype = next(found[name] for found in map(_locals_set, stmts) if name in found)
    in_steps = isinstance(phase, InOrder) and phase.steps is not None
    memory = phase.steps.memory[name] if in_steps else supply.memory(dtype, 1)
    store = Store(memory, 0, Ref(name, dtype))
    if in_body:
        phases[k] = replace(phase, body=(*phase.body, store))
    else:
        phases[k] = replace(phase, after=(*phase.after, store))
    return Let(name, Load(memory, 0, dtype))


def _locals_set(stmt: Stmt | Acc) -> dict[str, str]:
    return {stmt.name: stmt.term.dtype} if isinstance(stmt, Acc) else locals_set(stmt)
