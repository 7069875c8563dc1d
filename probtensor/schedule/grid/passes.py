"""The passes from a kernel to its phases, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from probtensor.dataclass import replace
from probtensor.kernel.ir import (
    Call,
    For,
    If,
    Kernel,
    Let,
    Load,
    Ref,
    Scan,
    Store,
    walk,
)
from probtensor.kernel.touch import expr_names, loads_of, names_set
from probtensor.kernel.touch import writes_of as writes
from probtensor.schedule.grid.check import check
from probtensor.schedule.grid.fills import start_from_fills
from probtensor.schedule.grid.fission import fission, split_inner_loops
from probtensor.schedule.grid.flat import flattened
from probtensor.schedule.grid.folds import fold_columns, fold_rows, fold_scalars, private_copies
from probtensor.schedule.grid.nests import nest, term_by_term, without_ones
from probtensor.schedule.grid.ordered import order_data_stores
from probtensor.schedule.grid.phases import (
    Facts,
    InOrder,
    Loop,
    MapPhase,
    Once,
    Phase,
    Routine,
    Schedule,
    Steps,
)
from probtensor.schedule.grid.scalars import attach_scalars, join_scalars, pass_scalars
from probtensor.schedule.grid.steps import (
    by_group,
    calls_host,
    is_large,
    is_small,
    may_launch,
    runs_in_order,
)
from probtensor.schedule.grid.supply import Supply
from probtensor.schedule.group.syncs import with_syncs
from probtensor.types import Size

# A pass over one loop returns the phases that replace it. Those that are plain loops of the kernel
# language go through all of LOOPS again.
LoopPass = Callable[[Loop, Supply], Sequence[Phase | For]]


def flatten(loop: Loop, supply: Supply) -> list[Phase]:
    """Collapse several loops into one, whose variable indices use where they can.

    for i < n, j < m: y[i*m + j] = x[i*m + j]   ->   in parallel over t < n*m: y[t] = x[t]
    """
    loops, body, accs = loop.loops, loop.body, loop.accs
    flat = loops[0][0]
    if len(loops) > 1:
        flat = supply.fresh("t")
        body = flattened(body, loops, flat)
        terms = flattened([Let(a.name, a.term) for a in accs], loops, flat)
        accs = tuple(replace(a, term=t.expr) for a, t in zip(accs, terms, strict=True))
    return [MapPhase(loops, body, flat, accs, loop.privates, (), loop.after)]


LOOPS: tuple[LoopPass, ...] = (
    fold_scalars,
    order_data_stores,
    private_copies,
    split_inner_loops,
    fold_columns,
    fission,
    fold_rows,
    flatten,
)


def lower_loops(schedule: Schedule) -> Schedule:
    """Apply LOOPS to every loop, and again to the loops that a pass splits off."""
    supply = Supply(schedule)

    def lowered(part: Phase | For, passes: Sequence[LoopPass]) -> Iterator[Phase]:
        if isinstance(part, For):
            part, passes = _as_loop(part), LOOPS
        if not isinstance(part, Loop):
            yield part
            return
        for made in passes[0](part, supply):
            yield from lowered(made, passes[1:])

    phases = [done for phase in schedule.phases for done in lowered(phase, LOOPS)]
    return supply.closed(phases)


def lower_orders(schedule: Schedule) -> Schedule:
    """Loops in order as statements of a group, and as launches of each step where steps may be
    large or need the host."""
    return _orders(schedule, inner=False)


def _orders(schedule: Schedule, inner: bool) -> Schedule:
    supply, locals_ = Supply(schedule), schedule.locals
    phases: list[Phase] = []
    for phase in schedule.phases:
        if isinstance(phase, InOrder):
            (stmt,) = phase.body
            phase = by_group(stmt)
            host = calls_host((stmt,))
            if isinstance(stmt, Scan) and may_launch(stmt, locals_) and (
                host or not (inner or is_small(phase))
            ):
                alone = host or is_large(phase)
                phase = replace(phase, steps=_steps(stmt, supply), alone=alone)
        phases.append(phase)
    return supply.closed(phases)


def _steps(scan: Scan, supply: Supply) -> Steps:
    """The steps of a loop as launches. Each step loads the states, and its last phase stores the
    next ones."""
    memory = {state.name: supply.memory(state.dtype, 1) for state in scan.states}
    first, loads, ends, last = [], [], [], []
    for state in scan.states:
        place, end = memory[state.name], f"{state.name}_end"
        first.append(Store(place, 0, state.init, None, state.origin))
        loads.append(Let(state.name, Load(place, 0, state.dtype)))
        ends.append(Let(end, state.next, state.origin))
        last.append(Store(place, 0, Ref(end, state.dtype)))
    found = outline(Kernel(supply.facts.kernel, (*scan.body, *ends)), supply.facts)
    found = supply.inner(replace(found, free=(*loads, *found.free)))
    found = _orders(found, inner=True)
    for step in (lower_loops, start_from_fills, join_scalars, attach_scalars):
        found = step(found)
    if last:
        found = join_scalars(replace(found, phases=(*found.phases, Once(tuple(last)))))
    found = pass_scalars(found)
    supply.adopt(found)
    starts = (Once(tuple(first)),) if first else ()
    return Steps(scan.var, scan.extent, starts, insert_syncs(found).phases, memory)


def insert_syncs(schedule: Schedule) -> Schedule:
    """Insert barriers into phases whose inner loops a group of threads may divide, wherever a lane
    could otherwise read or overwrite elements that other lanes are still writing or reading."""
    phases = tuple(
        replace(phase, body=with_syncs(phase.body))
        if isinstance(phase, InOrder) or (isinstance(phase, MapPhase) and phase.inner) else phase
        for phase in schedule.phases
    )  # fmt: skip
    return replace(schedule, phases=phases)


GRID: tuple[Callable[[Schedule], Schedule], ...] = (
    lower_loops,
    lower_orders,
    start_from_fills,
    join_scalars,
    attach_scalars,
    pass_scalars,
    insert_syncs,
)


def schedule(
    kernel: Kernel,
    elements: Mapping[str, Size],
    dtypes: Mapping[str, str],
    constants: Mapping[str, int],
    deterministic: bool = False,
    verify: bool = False,
) -> Schedule:
    """The phases of a kernel. `elements` and `dtypes` describe its buffers, `constants` are the
    values of constant sizes. The schedule is checked at the end, and after each pass if
    `verify`."""
    found = outline(kernel, Facts(kernel.name, elements, dtypes, constants, deterministic))
    for step in GRID:
        found = step(found)
        if verify or step is GRID[-1]:
            check(found, step.__name__)
    return found


def outline(kernel: Kernel, facts: Facts) -> Schedule:
    """The schedule that the passes start from: a phase for each statement of the kernel."""
    body = term_by_term(kernel.body)
    written = frozenset(buffer for stmt in body for buffer in writes(stmt))
    locals_ = {name for stmt in walk(body) for name in names_set(stmt)}
    free: dict[str, Let] = {}
    phases: list[Phase] = []
    for stmt in body:
        match stmt:
            case Let(name, expr) if not set(loads_of(expr)) & written and (
                expr_names(expr) & locals_ <= free.keys()
            ):
                free[name] = stmt
            case For() | Scan() | If() if runs_in_order(stmt, facts.deterministic):
                phases.append(InOrder((stmt,)))
            case For():
                phases.append(_as_loop(stmt))
            case Call():
                phases.append(Routine(stmt))
            case _:
                phases.append(Once((stmt,)))
    return Schedule(facts, tuple(phases), free=tuple(free.values()), written=written)


def _as_loop(loop: For) -> Loop:
    return Loop(*without_ones(*nest(loop)))
