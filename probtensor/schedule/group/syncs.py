"""Barriers between the lanes of a group of threads."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

from probtensor.dataclass import dataclass, field, replace
from probtensor.kernel.ir import (
    Call,
    Expr,
    If,
    Let,
    Ref,
    Scan,
    Stmt,
    Store,
    exprs_of,
    map_blocks,
)
from probtensor.kernel.touch import deep, loads_of
from probtensor.kernel.touch import writes_of as writes
from probtensor.schedule.grid.phases import Sync


def with_syncs(
    body: Iterable[Stmt], replicated: Container[str] = frozenset()
) -> tuple[Stmt | Sync, ...]:
    """Statements of a group of lanes, with a `Sync` at the end and between any two statements of
    which one writes a buffer that the other accesses. All lanes take part in loops and routines;
    only the first lane runs single stores. `replicated` are buffers of which each lane has a copy.

    for j: w[j] = ...; s = w[0]   ->   for j: w[j] = ...; Sync; s = w[0]; Sync

    A loop in order has them in its body, so that its iterations are separate too.
    """
    done: list[Stmt | Sync] = []
    pending = _Pending()
    for stmt in _held(body):
        stored = {buffer for buffer in writes(stmt) if buffer not in replicated}
        loaded = {buffer for buffer in _reads(stmt) if buffer not in replicated}
        single = isinstance(stmt, Store)
        if pending.conflicts(stored, loaded, single):
            done.append(Sync())
            pending = _Pending()
        if isinstance(stmt, Scan):  # no access of its body is pending after it
            done.append(replace(stmt, body=with_syncs(stmt.body, replicated)))
            continue
        (pending.by_first if single else pending.written).update(stored)
        pending.read.update(loaded)
        done.append(_synced_branches(stmt, replicated) if isinstance(stmt, If) else stmt)
    if pending.read or pending.written or pending.by_first:
        done.append(Sync())
    return tuple(done)


def _synced_branches(stmt: If, replicated: Container[str]) -> If:
    """A branch whose bodies have barriers; they begin with one if all lanes have to read the
    condition before the first lane stores to what it reads."""
    first = (Sync(),) if set(loads_of(stmt.condition)) & set(writes(stmt)) else ()
    return map_blocks(stmt, lambda body: (*first, *with_syncs(body, replicated)))


def _held(body: Iterable[Stmt]) -> Iterator[Stmt]:
    """The statements with loops in order whose states and stop conditions load nothing: a lane
    would load them after the last barrier of an iteration, when others may have begun the next one.
    Locals hold what they load, before the loop and at the end of its body."""
    for stmt in body:
        if not isinstance(stmt, Scan):
            yield stmt
            continue
        ends: list[Let] = []
        states = []
        for state in stmt.states:
            init, following = state.init, state.next
            if loads_of(init):
                init = Ref(f"{state.name}_start", init.dtype)
                yield Let(init.name, state.init, state.origin)
            following = _local(f"{state.name}_end", following, ends)
            states.append(replace(state, init=init, next=following))
        stop = None if stmt.stop is None else _local(f"{stmt.var}_end", stmt.stop, ends)
        yield replace(stmt, body=(*stmt.body, *ends), states=tuple(states), stop=stop)


def _local(name: str, expr: Expr, ends: list[Let]) -> Expr:
    if not loads_of(expr):
        return expr
    ends.append(Let(name, expr))
    return Ref(name, expr.dtype)


@dataclass(frozen=True)
class _Pending:
    """Buffers accessed since the last barrier: those that lanes have read, those that all lanes
    have written, and those that only the first lane has written."""

    read: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)
    by_first: set[str] = field(default_factory=set)

    def conflicts(self, stored: set[str], loaded: set[str], single: bool) -> bool:
        """Whether a statement needs a barrier before it. Two single stores need none between them,
        since the same lane runs both."""
        unsynced = self.written if single else self.written | self.by_first
        return bool(loaded & unsynced or stored & unsynced or stored & self.read)


def _reads(stmt: Stmt) -> set[str]:
    found = {b for part in deep(stmt) for e in exprs_of(part) for b in loads_of(e)}
    calls = (part for part in deep(stmt) if isinstance(part, Call))
    return found | {buffer for call in calls for buffer, _ in call.pointers}
