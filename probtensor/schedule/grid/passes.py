"""The passes from a kernel to its phases, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from probtensor.kernel.ir import Call, For, If, Kernel, Let, Scan, walk
from probtensor.kernel.touch import expr_names, loads_of, names_set
from probtensor.kernel.touch import writes_of as writes
from probtensor.schedule.grid.check import check
from probtensor.schedule.grid.fills import start_from_fills
from probtensor.schedule.grid.fission import fission, split_inner_loops
from probtensor.schedule.grid.flat import flattened
from probtensor.schedule.grid.folds import fold_columns, fold_rows, fold_scalars, private_copies
from probtensor.schedule.grid.nests import nest, term_by_term, without_ones
from probtensor.schedule.grid.ordered import order_data_stores
from probtensor.schedule.grid.phases import Facts, Loop, MapPhase, Once, Phase, Routine, Schedule
from probtensor.schedule.grid.scalars import attach_scalars, join_scalars, pass_scalars
from probtensor.schedule.grid.supply import Supply
from probtensor.schedule.grid.syncs import insert_syncs
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


GRID: tuple[Callable[[Schedule], Schedule], ...] = (
    lower_loops,
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
    """The schedule that the passes start from: a phase for each statement of the kernel. Branches,
    loops in order, and loops around these are run by one thread."""
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
            case For() if not any(isinstance(part, (If, Scan)) for part in walk(stmt.body)):
                phases.append(_as_loop(stmt))
            case Call():
                phases.append(Routine(stmt))
            case _:
                phases.append(Once((stmt,)))
    return Schedule(facts, tuple(phases), free=tuple(free.values()), written=written)


def _as_loop(loop: For) -> Loop:
    return Loop(*without_ones(*nest(loop)))
