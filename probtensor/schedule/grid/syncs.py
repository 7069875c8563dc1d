"""Where the lanes of a group wait for each other."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field, replace

from probtensor.kernel.ir import Call, Stmt, Store, exprs_of
from probtensor.kernel.touch import deep, loads_of
from probtensor.kernel.touch import writes_of as writes
from probtensor.schedule.grid.phases import MapPhase, Schedule, Sync


def insert_syncs(schedule: Schedule) -> Schedule:
    """In phases whose inner loops a group of threads may share, the lanes wait for each other where
    one would read, or overwrite, what others may still be busy with."""
    phases = tuple(
        replace(phase, body=with_syncs(phase.body))
        if isinstance(phase, MapPhase) and phase.inner else phase
        for phase in schedule.phases
    )  # fmt: skip
    return replace(schedule, phases=phases)


def with_syncs(
    body: Iterable[Stmt], uniform: Container[str] = frozenset()
) -> tuple[Stmt | Sync, ...]:
    """Statements that all lanes of a group go through together, loops and routines side by side and
    single stores by the first lane alone, with a `Sync` between any two of which one writes what
    the other touches, and at the end. `uniform` are buffers of which each lane has a copy.

    for j: w[j] = ...; s = w[0]   ->   for j: w[j] = ...; Sync; s = w[0]; Sync
    """
    done: list[Stmt | Sync] = []
    pending = _Pending()
    for stmt in body:
        stored = {buffer for buffer in writes(stmt) if buffer not in uniform}
        loaded = {buffer for buffer in _reads(stmt) if buffer not in uniform}
        single = isinstance(stmt, Store)
        if pending.conflicts(stored, loaded, single):
            done.append(Sync())
            pending = _Pending()
        (pending.first if single else pending.written).update(stored)
        pending.read.update(loaded)
        done.append(stmt)
    if pending.read or pending.written or pending.first:
        done.append(Sync())
    return tuple(done)


@dataclass(frozen=True)
class _Pending:
    """Buffers that lanes have read, that any of them has written, and that the first lane alone
    has, since they last waited for each other."""

    read: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)
    first: set[str] = field(default_factory=set)

    def conflicts(self, stored: set[str], loaded: set[str], single: bool) -> bool:
        """Whether a statement has to wait. A single store is the first lane's work alone, which
        sees what it did itself."""
        late = self.written if single else self.written | self.first
        return bool(loaded & late or stored & late or stored & self.read)


def _reads(stmt: Stmt) -> set[str]:
    found = {b for part in deep(stmt) for e in exprs_of(part) for b in loads_of(e)}
    if isinstance(stmt, Call):
        found |= {buffer for buffer, _ in stmt.pointers}
    return found
