"""Scalars between loops: which launch computes them, and how those that follow get them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from probtensor.kernel.ir import Acc, Let, Load, Ref, Stmt, Store
from probtensor.kernel.touch import buffers_of, expr_names, names_set
from probtensor.kernel.touch import writes_of as writes
from probtensor.schedule.grid.phases import (
    MapPhase,
    Once,
    Phase,
    Routine,
    Schedule,
    known_after,
    needed,
    statements,
    touched,
)
from probtensor.schedule.grid.supply import Supply


def join_scalars(schedule: Schedule) -> Schedule:
    """Scalars that follow a loop are computed at its end, those that follow others beside them."""
    done: list[Phase] = []
    for phase in schedule.phases:
        last = done[-1] if done else None
        if isinstance(phase, Once) and isinstance(last, MapPhase):
            done[-1] = replace(last, after=(*last.after, *phase.body))
        elif isinstance(phase, Once) and isinstance(last, Once):
            done[-1] = replace(last, body=(*last.body, *phase.body))
        else:
            done.append(phase)
    return replace(schedule, phases=tuple(done))


def attach_scalars(schedule: Schedule) -> Schedule:
    """Scalars that stand alone are computed at the end of the nearest earlier loop that no phase in
    between keeps them from, else at that of the loop that follows."""
    known = schedule.locals
    done: list[Phase] = []
    for phase in schedule.phases:
        if isinstance(phase, Once):
            k = _earlier_rows(done, phase, known)
            if k is not None:
                done[k] = replace(done[k], after=(*done[k].after, *phase.body))
                continue
        before = done[-1] if done else None
        if isinstance(before, Once) and isinstance(phase, MapPhase) and _independent(before, phase):
            done.pop()
            phase = replace(phase, after=(*before.body, *phase.after))
        done.append(phase)
    return replace(schedule, phases=tuple(done))


def _earlier_rows(done: Sequence[Phase], scalars: Once, known: set[str]) -> int | None:
    """The last loop after which the scalars can be computed, before all later phases."""
    wanted = needed(scalars) & known
    stored = {buffer for stmt in scalars.body for buffer in writes(stmt)}
    seen = {buffer for stmt in scalars.body for buffer in buffers_of(stmt)}
    for k in reversed(range(len(done))):
        phase = done[k]
        if isinstance(phase, MapPhase):
            return k
        written = {buffer for stmt in statements(phase) for buffer in writes(stmt)}
        late = wanted & set(known_after(phase)) or stored & set(touched(phase))
        if late or seen & written:
            return None
    return None


def _independent(scalars: Once, rows: MapPhase) -> bool:
    """Whether scalars that stand before a loop may as well be computed after it."""
    stored = {buffer for stmt in scalars.body for buffer in writes(stmt)}
    seen = {buffer for stmt in scalars.body for buffer in buffers_of(stmt)}
    known = {name for stmt in scalars.body for name in names_set(stmt)}
    written = {buffer for stmt in rows.body for buffer in writes(stmt)}
    written |= {private.buffer for private in rows.privates}
    return not (stored & set(touched(rows)) or seen & written or known & needed(rows))


def pass_scalars(schedule: Schedule) -> Schedule:
    """Every phase gets the scalars that it reads and does not compute: computed again where they
    are free, else read from memory in which an earlier phase keeps them."""
    supply, phases = Supply(schedule), list(schedule.phases)
    known = schedule.locals
    home: dict[str, int] = {}
    for k, phase in enumerate(phases):
        names = needed(phase) & known
        before = [_received(n, home[n], phases, supply) for n in sorted(names & home.keys())]
        before += _again(names - home.keys(), schedule.free)
        if not isinstance(phase, Routine):
            phases[k] = replace(phase, before=tuple(before))
        for name in known_after(phases[k]):
            home.setdefault(name, k)
    return supply.closed(phases)


def _again(names: set[str], free: Sequence[Let]) -> list[Let]:
    """The free scalars with some names, and those that they read."""
    by_name = {let.name: let for let in free}
    wanted, waiting = set(), list(names)
    while waiting:
        name = waiting.pop()
        if name in by_name and name not in wanted:
            wanted.add(name)
            waiting += expr_names(by_name[name].expr)
    return [let for let in free if let.name in wanted]


def _received(name: str, k: int, phases: list[Phase], supply: Supply) -> Let:
    """Have phase k keep a scalar in memory; how to read it."""
    phase = phases[k]
    stmts = phase.body if isinstance(phase, Once) else (*phase.accs, *phase.after)
    dtype = next(_dtype_of(stmt) for stmt in stmts if getattr(stmt, "name", None) == name)
    memory = supply.memory(dtype, 1)
    keep = Store(memory, 0, Ref(name, dtype))
    if isinstance(phase, Once):
        phases[k] = replace(phase, body=(*phase.body, keep))
    else:
        phases[k] = replace(phase, after=(*phase.after, keep))
    return Let(name, Load(memory, 0, dtype))


def _dtype_of(stmt: Stmt | Acc) -> str:
    return stmt.term.dtype if isinstance(stmt, Acc) else stmt.expr.dtype
