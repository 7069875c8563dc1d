"""Loops cut into several over the same iterations, where statements need other schedules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from probtensor.kernel.ir import Apply, For, Let, Load, Ref, Stmt, Store, walk_expr
from probtensor.kernel.touch import loads_of, names_read, names_set
from probtensor.schedule.grid.flat import flat_place
from probtensor.schedule.grid.folds import sharing
from probtensor.schedule.grid.phases import Loop, Loops, Phase
from probtensor.schedule.grid.supply import Supply
from probtensor.types import size_product


def split_inner_loops(loop: Loop, supply: Supply) -> list[Phase]:
    """Inner loops that fold and also combine into shared elements become two loops each, unless
    what is combined needs folds of loops further in."""
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
        folds = {n for s in others if isinstance(s, For) for n in names_set(s)}
        for let in (s for s in stmt.body if isinstance(s, Let)):
            folds |= {let.name} if folds & names_read(let) else set()
        lets = [s for s in stmt.body if isinstance(s, Let) and s.name not in folds]
        again = tuple(s for s in stmt.body if s in lets or s in stores)
        if folds & {name for s in stores for name in names_read(s)}:
            done.append(stmt)
            continue
        done.append(replace(stmt, body=others))
        done.append(replace(stmt, body=again, accs=()))
    return [replace(loop, body=tuple(done))]


def fission(loop: Loop, supply: Supply) -> list[Phase | For]:
    """Statements that combine into shared elements get loops of their own, if there are others
    beside them. Scalars that they read are computed again, or passed on through memory.

    for i: t = f(x[i]); z[i] = t; (for j: y[j] add= t * w[i, j])
    ->  for i: t = f(x[i]); z[i] = t; s[i] = t;   for i, j: y[j] add= s[i] * w[i, j]
    """
    moved = [] if loop.privates else sharing(loop, loop.body, supply)
    busy = [stmt for stmt in loop.body if not isinstance(stmt, Let)]
    if not moved or not (len(busy) > 1 or loop.accs):
        return [loop]
    first = [stmt for stmt in loop.body if not any(stmt is other for other in moved)]
    passed: dict[str, tuple[Store, Let]] = {}
    later = [_alone(stmt, first, passed, loop.loops, supply) for stmt in moved]
    first += [store for store, _ in passed.values()]
    if not loop.accs and all(isinstance(stmt, Let) for stmt in first):
        return later
    return [replace(loop, body=tuple(first), split=True), *later]


def _alone(
    stmt: Stmt,
    others: Sequence[Stmt],
    passed: dict[str, tuple[Store, Let]],
    loops: Loops,
    supply: Supply,
) -> For:
    """Loops with one statement and the scalars that it reads, set by `others`. `passed` collects
    how those are stored and read that are passed on through memory."""
    again: dict[str, Stmt] = {}
    wanted = names_read(stmt)
    for other in reversed(others):
        names = [name for name in names_set(other) if name in wanted]
        if isinstance(other, Let) and names and _is_cheap(other, supply):
            again[other.name] = other
            wanted |= names_read(other)
            continue
        for name in names:
            if name not in passed:
                passed[name] = _through_memory(name, _dtype_of(other, name), loops, supply)
            again[name] = passed[name][1]
    body: tuple[Stmt, ...] = (*reversed(again.values()), stmt)
    for name, extent in reversed(loops):
        body = (For(name, extent, body),)
    return body[0]


def _is_cheap(let: Let, supply: Supply) -> bool:
    """Whether a scalar may be computed again, and costs little."""
    if set(loads_of(let.expr)) & supply.written:
        return False
    work = [part for part in walk_expr(let.expr) if isinstance(part, Apply)]
    return len(work) <= 2 and not any(part.fn.startswith("pt_") for part in work)


def _through_memory(name: str, dtype: str, loops: Loops, supply: Supply) -> tuple[Store, Let]:
    memory = supply.memory(dtype, size_product(n for _, n in loops))
    place = flat_place(loops)
    return Store(memory, place, Ref(name, dtype)), Let(name, Load(memory, place, dtype))


def _dtype_of(stmt: Stmt, name: str) -> str:
    if isinstance(stmt, Let):
        return stmt.expr.dtype
    return next(acc.term.dtype for acc in stmt.accs if acc.name == name)
