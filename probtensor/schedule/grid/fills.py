"""Loops that fill a buffer with one value, removed if a fold can start from that value."""

from __future__ import annotations

from probtensor.dataclass import replace
from probtensor.kernel.ir import FOLDS, Apply, Lit, Store
from probtensor.schedule.grid.phases import Facts, MapPhase, Once, Phase, Reduce, Schedule, touched
from probtensor.types import Dim


def start_from_fills(schedule: Schedule) -> Schedule:
    """If folds are combined into all elements of a buffer that was just filled with one value, they
    start from that value, and the fill is removed.

    for j: y[j] = 0;  for each j: a = ...; y[j] add= a   ->   for each j: a = ...; y[j] = a
    """
    facts, done = schedule.facts, []
    for phase in schedule.phases:
        match phase:
            case MapPhase():
                after = tuple(
                    _started(store, _take(store.buffer, done, facts))
                    if isinstance(store, Store) and facts.elements[store.buffer] == 1 else store
                    for store in phase.after
                )  # fmt: skip
                privates = tuple(
                    replace(p, initial=_take(p.buffer, done, facts)) for p in phase.privates
                )
                done.append(replace(phase, after=after, privates=privates))
            case Reduce():
                each = tuple(
                    _started(store, _take(store.buffer, done, facts))
                    if isinstance(store, Store) and store.buffer in phase.full else store
                    for store in phase.each
                )  # fmt: skip
                done.append(replace(phase, each=each))
            case _:
                done.append(phase)
    return replace(schedule, phases=tuple(done))


def _take(buffer: str, done: list[Phase], facts: Facts) -> Lit | None:
    """The value that a buffer was filled with, if nothing has accessed it since. The fill is then
    removed, unless scalars follow it, which are to be computed at the end of its phase."""
    for k in reversed(range(len(done))):
        if buffer not in touched(done[k]):
            continue
        value = _filled_with(buffer, done[k], facts)
        if value is None or (k + 1 < len(done) and isinstance(done[k + 1], Once)):
            return None
        del done[k]
        return value
    return None


def _filled_with(buffer: str, phase: Phase, facts: Facts) -> Lit | None:
    """The value that a phase stores to every element of a buffer, if it does nothing else."""
    match phase:
        case MapPhase(
            body=(Store(name, index, Lit() as value, None),), accs=(), privates=(), after=()
        ):
            full = index == Dim.name(phase.flat) and facts.fills(phase.loops, buffer)
            return value if name == buffer and full else None
    return None


def _started(store: Store, value: Lit | None) -> Store:
    """The store of a fold as a plain store, combined with the fill value, if there is one."""
    if value is None:
        return store
    fold, dtype = FOLDS[store.op], store.expr.dtype
    if value.value == fold.identity(dtype):
        return replace(store, op=None)
    return replace(store, expr=Apply(fold.symbol, (value, store.expr), dtype), op=None)
