"""Phases as text."""

from __future__ import annotations

from collections.abc import Container, Iterator

from probtensor.kernel.ir import Acc, Stmt
from probtensor.kernel.text import expression, statements
from probtensor.schedule.grid.phases import (
    InOrder,
    Loops,
    MapPhase,
    Once,
    Phase,
    Reduce,
    Routine,
    Schedule,
    Sync,
)


def to_text(
    schedule: Schedule, by_library: Container[str] = (), on_host: bool = False
) -> str:
    """The phases of a kernel, in order, and the memory that they share. `by_library`: the routines
    that a library has for sizes that are large enough; `on_host`: the kernel runs on the host.

    k0: phase 0, rows over i2 < n0
      a4 = ...
    """
    if on_host:
        return f"{schedule.facts.kernel}: on the host, as its loops stand\n"
    rows: list[str] = []
    for k, phase in enumerate(schedule.phases):
        rows += _phase(f"{schedule.facts.kernel}: phase {k}", phase, by_library)
    for memory in schedule.scratch:
        rows.append(f"{schedule.facts.kernel}: {memory.name} is {memory.dtype}[{memory.count}]")
    return "\n".join(rows) + "\n"


def _phase(label: str, phase: Phase, by_library: Container[str]) -> Iterator[str]:
    match phase:
        case MapPhase():
            flat = f", numbered by {phase.flat}" if len(phase.loops) > 1 else ""
            yield f"{label}, in parallel over {_loops(phase.loops)}{flat}"
            yield from _part("each thread", phase.before)
            for private in phase.privates:
                yield f"  private {private.buffer}[{private.count}], folded by {private.op}" + (
                    f" from {private.initial.value}" if private.initial is not None else ""
                )
            for stmt in phase.body:
                yield from ("  sync",) if isinstance(stmt, Sync) else statements((stmt,), 1)
            yield from _folds(phase.accs)
            yield from _part("at the end, once", phase.after)
        case Reduce():
            yield f"{label}, for each of {_loops(phase.outer)} a fold over {_loops(phase.reduced)}"
            yield from _part("each thread", phase.before)
            yield from _part("each element", phase.head)
            yield from statements(phase.body, 1)
            yield from _folds(phase.accs)
            yield from _part("at the end of each", phase.each)
        case Once():
            yield f"{label}, once"
            yield from statements((*phase.before, *phase.body), 1)
        case InOrder():
            yield from _in_order(label, phase, by_library)
        case Routine(call):
            library = " of a library" if call.routine in by_library else ""
            other = "" if call.device else " on the host"
            yield f"{label}, a routine" + (" or".join(filter(None, (library, other))))
            yield from statements((call,), 1)


def _in_order(label: str, phase: InOrder, by_library: Container[str]) -> Iterator[str]:
    if not phase.alone:
        yield f"{label}, by a group"
        yield from statements(phase.body, 1)
    if phase.steps is None:
        return
    steps = phase.steps
    yield f"{label}, {'launched' if phase.alone else 'or launched'} for each step"
    for k, part in enumerate(steps.first):
        yield from (f"  {line}" for line in _phase(f"before them {k}", part, by_library))
    yield f"  in order for {steps.var} in range({steps.extent}):"
    for k, part in enumerate(steps.phases):
        yield from (f"    {line}" for line in _phase(f"phase {k}", part, by_library))


def _loops(loops: Loops) -> str:
    return ", ".join(f"{name} < {extent}" for name, extent in loops)


def _folds(accs: tuple[Acc, ...]) -> Iterator[str]:
    for acc in accs:
        yield f"  fold {acc.name} from {acc.identity}: {acc.op}= {expression(acc.term)}"


def _part(title: str, body: tuple[Stmt, ...]) -> Iterator[str]:
    if body:
        yield f"  {title}:"
        yield from statements(body, 2)
