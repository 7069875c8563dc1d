"""Loops in order: which statements one group runs, and which loops may be launched step by step."""

from __future__ import annotations

from collections.abc import Sequence

from probtensor.kernel.ir import Call, For, If, Scan, Stmt, Store, walk
from probtensor.kernel.touch import names_set
from probtensor.schedule.carry import as_loops
from probtensor.schedule.grid.phases import InOrder, Phase, Sync
from probtensor.schedule.group.columns import by_column
from probtensor.schedule.group.work import work
from probtensor.types import dtype_of, size_names

STEP_MIN_WORK = 1 << 16  # of the largest loop of a step that is launched: see grid/__init__.py


def runs_in_order(stmt: Stmt, deterministic: bool) -> bool:
    """Whether a statement of a kernel is run by one group: a `Scan`, a branch with loops or
    routines in it, a loop around a branch, and a loop around a `Scan` in which several iterations
    may store to one element, at an index that is computed inside."""
    parts = list(walk((stmt,)))
    match stmt:
        case Scan():
            return True
        case If():
            return any(isinstance(part, (For, Scan, Call)) for part in parts)
        case For() if any(isinstance(part, If) for part in parts):
            return True
        case For():
            pass
        case _:
            return False
    computed = {name for part in parts for name in names_set(part)}
    inside = (part for scan in parts if isinstance(scan, Scan) for part in walk(scan.body))
    return any(
        isinstance(part, Store)
        and bool(size_names(part.index) & computed)
        and (part.op is None or (deterministic and dtype_of(part.expr.dtype).is_float))
        for part in inside
    )


def by_group(stmt: Stmt) -> InOrder:
    """The phase of such a statement, by one group."""
    body = as_loops(by_column((stmt,)))
    return InOrder(body, work=work(body, _set_inside(body)))


def calls_host(body: Sequence[Stmt | Sync]) -> bool:
    """Whether statements call a routine that a GPU has not."""
    return any(isinstance(stmt, Call) and not stmt.device for stmt in walk(tuple(body)))


def waits_inside(phases: Sequence[Phase]) -> bool:
    """Whether one group would call a routine that a GPU has not: in a branch, or in a loop whose
    number of steps no call knows. No group can wait for the host."""
    for phase in phases:
        if not isinstance(phase, InOrder):
            continue
        if not phase.alone and calls_host(phase.body):
            return True
        steps = phase.steps
        if steps is not None and (waits_inside(steps.first) or waits_inside(steps.phases)):
            return True
    return False


def may_launch(scan: Scan, locals_: set[str]) -> bool:
    """Whether the steps of a loop may be launches: each call knows their number, all extents in
    them, and which routines run on the host."""
    if scan.extent is None or scan.stop is not None or scan.count is not None:
        return False
    branches = (part for part in walk((scan,)) if isinstance(part, If))
    if any(calls_host((branch,)) for branch in branches):
        return False
    computed = locals_ | {name for part in walk((scan,)) for name in names_set(part)}
    unknown = computed | _set_inside((scan,))
    for part in walk((scan,)):
        if isinstance(part, Call):
            offsets = {name for _, offset in part.pointers for name in size_names(offset)}
            numbers = {name for number in part.numbers for name in size_names(number)}
            if offsets & computed or numbers & unknown:
                return False
        extent = getattr(part, "extent", None)
        if extent is not None and size_names(extent) & unknown:
            return False
    return True


def is_small(phase: InOrder) -> bool:
    """Whether the steps of a loop are small in all calls."""
    return all(isinstance(n, int) and n < STEP_MIN_WORK for n in phase.work)


def is_large(phase: InOrder) -> bool:
    """Whether they are large in all calls."""
    return any(isinstance(n, int) and n >= STEP_MIN_WORK for n in phase.work)


def _set_inside(body: Sequence[Stmt]) -> set[str]:
    """Locals and loop variables of statements."""
    parts = list(walk(tuple(body)))
    found = {name for stmt in parts for name in names_set(stmt)}
    return found | {stmt.var for stmt in parts if isinstance(stmt, (For, Scan))}
