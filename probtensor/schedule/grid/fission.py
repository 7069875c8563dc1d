"""Loop fission: loops split into several over the same iterations, for different schedules."""

from __future__ import annotations

from collections.abc import Sequence

from probtensor.dataclass import replace
from probtensor.kernel.ir import Apply, For, If, Let, Load, Ref, Scan, Stmt, Store, walk_expr
from probtensor.kernel.touch import (
    buffers_of,
    loads_of,
    locals_set,
    names_read,
    names_set,
    writes_of,
)
from probtensor.schedule.grid.flat import flat_index
from probtensor.schedule.grid.folds import is_shared, sharing, stores_of
from probtensor.schedule.grid.phases import Loop, Loops, Phase
from probtensor.schedule.grid.supply import Supply
from probtensor.types import size_product


def split_inner_loops(loop: Loop, supply: Supply) -> list[Phase]:
    """Inner loops that have folds and also combine into shared elements are split into two, unless
    the combined values depend on folds inside the loop."""
    if loop.privates:
        return [loop]
    done: list[Stmt] = []
    for stmt in loop.body:
        bare = replace(stmt, accs=()) if isinstance(stmt, For) else stmt
        if bare is stmt or not stmt.accs or not sharing(loop, (bare,), supply):
            done.append(stmt)
            continue
        stores = [s for s in stmt.body if sharing(loop, (s,), supply)]
        others = tuple(s for s in stmt.body if not any(s is other for other in stores))
        folds = {n for s in others if isinstance(s, (For, Scan, If)) for n in names_set(s)}
        for let in (s for s in stmt.body if isinstance(s, Let)):
            folds |= {let.name} if folds & names_read(let) else set()
        lets = [s for s in stmt.body if isinstance(s, Let) and s.name not in folds]
        combining = tuple(s for s in stmt.body if s in lets or s in stores)
        if folds & {name for s in stores for name in names_read(s)}:
            done.append(stmt)
            continue
        done.append(replace(stmt, body=others))
        done.append(replace(stmt, body=combining, accs=()))
    return [replace(loop, body=tuple(done))]


def fission(loop: Loop, supply: Supply) -> list[Phase | For]:
    """Move each statement that combines into shared elements to a loop of its own, unless it is the
    only one. Scalars that it reads are recomputed there, or passed through memory.

    for i: t = f(x[i]); z[i] = t; (for j: y[j] add= t * w[i, j])
    ->  for i: t = f(x[i]); z[i] = t; s[i] = t;   for i, j: y[j] add= s[i] * w[i, j]

    A statement stays that has other effects which the loop's statements need in order.
    """
    moved = [] if loop.privates else sharing(loop, loop.body, supply)
    moved = [stmt for stmt in moved if _may_be_last(stmt, loop, supply)]
    effects = [stmt for stmt in loop.body if not isinstance(stmt, Let)]
    if not moved or not (len(effects) > 1 or loop.accs):
        return [loop]
    rest = [stmt for stmt in loop.body if not any(stmt is other for other in moved)]
    passed: dict[str, tuple[Store, Let]] = {}
    later = [_separate(stmt, rest, passed, loop.loops, supply) for stmt in moved]
    rest += [store for store, _ in passed.values()]
    if not loop.accs and all(isinstance(stmt, Let) for stmt in rest):
        return later
    return [replace(loop, body=tuple(rest), split=True), *later]


def _may_be_last(stmt: Stmt, loop: Loop, supply: Supply) -> bool:
    """Whether a statement may run after all others of the loop's body: these touch nothing that it
    writes, but for the elements it combines into, and write nothing later that it reads."""
    position = next(k for k, other in enumerate(loop.body) if other is stmt)
    stores = [store for store, _ in stores_of((stmt,))]
    shared = {s.buffer for s in stores if is_shared(s, loop.variables, supply.locals)}
    plain = set(writes_of(stmt)) - shared
    later = loop.body[position + 1 :]
    touched = {b for other in loop.body if other is not stmt for b in buffers_of(other)}
    touched |= {b for acc in loop.accs for b in loads_of(acc.term)}
    read = set(buffers_of(stmt)) - set(writes_of(stmt))
    return not plain & touched and not read & {b for other in later for b in writes_of(other)}


def _separate(
    stmt: Stmt,
    others: Sequence[Stmt],
    passed: dict[str, tuple[Store, Let]],
    loops: Loops,
    supply: Supply,
) -> For:
    """The loops with one statement, and with the scalars that it reads, which `others` set. To
    `passed` are added the store and the load of each scalar that is passed through memory."""
    scalars: dict[str, Stmt] = {}
    needed = names_read(stmt)
    for other in reversed(others):
        names = [name for name in names_set(other) if name in needed]
        if isinstance(other, Let) and names and _is_cheap(other, supply):
            scalars[other.name] = other
            needed |= names_read(other)
            continue
        for name in names:
            if name not in passed:
                passed[name] = _through_memory(name, locals_set(other)[name], loops, supply)
            scalars[name] = passed[name][1]
    body: tuple[Stmt, ...] = (*reversed(scalars.values()), stmt)
    for name, extent in reversed(loops):
        body = (For(name, extent, body),)
    return body[0]


def _is_cheap(let: Let, supply: Supply) -> bool:
    """Whether a scalar can be recomputed at little cost."""
    if set(loads_of(let.expr)) & supply.written:
        return False
    work = [part for part in walk_expr(let.expr) if isinstance(part, Apply)]
    return len(work) <= 2 and not any(part.fn.startswith("pt_") for part in work)


def _through_memory(name: str, dtype: str, loops: Loops, supply: Supply) -> tuple[Store, Let]:
    memory = supply.memory(dtype, size_product(n for _, n in loops))
    index = flat_index(loops)
    return Store(memory, index, Ref(name, dtype)), Let(name, Load(memory, index, dtype))
