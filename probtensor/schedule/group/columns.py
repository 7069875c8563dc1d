"""Sums in memory as a fold for each element: the loops over elements outside, the folds inside.

Lanes that divide all loops of a sum would add to one element at the same time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from probtensor.dataclass import replace
from probtensor.kernel.ir import (
    FOLDS,
    Acc,
    Apply,
    For,
    Let,
    Ref,
    Scan,
    Stmt,
    Store,
    exprs_of,
    map_blocks,
    walk,
)
from probtensor.kernel.touch import loads_of, names_read, names_set, writes_of
from probtensor.schedule.carry import widened
from probtensor.schedule.grid.nests import nest, stores_of, without_ones
from probtensor.types import size_names


def in_columns(body: Sequence[Stmt]) -> tuple[Stmt, ...]:
    """The statements with those in loops in order `by_column`: outside of them a sum is computed
    once."""
    done: list[Stmt] = []
    for stmt in body:
        inside = by_column if isinstance(stmt, Scan) else in_columns
        done.append(stmt if isinstance(stmt, For) else map_blocks(stmt, inside))
    return tuple(done)


def by_column(body: Sequence[Stmt]) -> tuple[Stmt, ...]:
    """The statements with nests of nothing but combining stores, at indices of some of the loop
    variables, turned around.

    for i, j:  y[j] add= x[i, j]   ->   for j: (for i with a add= x[i, j]);  y[j] add= a

    A loop with other statements beside such a nest is split. Sums and products of float32 are
    accumulated in float64, and rounded once.
    """
    done: list[Stmt] = []
    for stmt in body:
        for part in _split(stmt) if isinstance(stmt, For) else (stmt,):
            turned = _turned(part) if isinstance(part, For) else None
            done.append(map_blocks(part, by_column) if turned is None else turned)
    return tuple(done)


def _split(loop: For) -> list[For]:
    """A loop as several over the same iterations: one without the nests that combine into elements
    that all iterations share, and after it one for each of those nests. The scalars that a nest
    reads are computed again."""
    lets = {stmt.name: stmt for stmt in loop.body if isinstance(stmt, Let)}
    moved: list[Stmt] = []
    rest: list[Stmt] = []
    stored_after: set[str] = set()  # by the statements that remain
    for stmt in reversed(loop.body):
        own = _with_scalars(loop, (stmt,), lets)
        loaded = {b for part in walk((own,)) for e in exprs_of(part) for b in loads_of(e)}
        shares = not any(loop.var in size_names(s.index) for s, _ in stores_of((stmt,)))
        movable = isinstance(stmt, For) and shares and not loaded & stored_after
        if movable and _turned(own) is not None:
            moved.append(stmt)
        else:
            rest.append(stmt)
            stored_after |= set(writes_of(stmt))
    others = [stmt for stmt in rest if not isinstance(stmt, Let)]
    if loop.accs or not (moved and others):
        return [loop]
    parts = [_with_scalars(loop, (stmt,), lets) for stmt in reversed(moved)]
    computed = {name for stmt in others for name in names_set(stmt)}
    loaded = {b for part in parts for let in part.body[:-1] for b in loads_of(let.expr)}
    if loaded & stored_after or any(computed & names_read(part) for part in parts):
        return [loop]
    return [_with_scalars(loop, others[::-1], lets), *parts]


def _with_scalars(loop: For, body: Sequence[Stmt], lets: Mapping[str, Let]) -> For:
    """The loop with these statements, and the scalars that they read, directly or through
    others."""
    needed = {name for stmt in body for name in names_read(stmt)}
    for let in reversed(lets.values()):
        if let.name in needed:
            needed |= names_read(let)
    scalars = [let for let in lets.values() if let.name in needed]
    stored = {buffer for stmt in body for buffer in writes_of(stmt)}
    carries = tuple(carry for carry in loop.carries if carry.buffer in stored)
    return replace(loop, body=(*scalars, *body), carries=carries)


def _turned(loop: For) -> For | None:
    """A nest with its folds inside; None if it has other statements, or nothing to fold."""
    loops, body, accs = without_ones(*nest(loop))
    stores = [stmt for stmt in body if isinstance(stmt, Store)]
    lets = tuple(stmt for stmt in body if isinstance(stmt, Let))
    if accs or not stores or len(stores) + len(lets) < len(body):
        return None
    variables = {name for name, _ in loops}
    computed = {name for let in lets for name in names_set(let)}
    along = size_names(stores[0].index) & variables
    if not along < variables:
        return None
    written = {store.buffer for store in stores}
    if len(written) < len(stores) or written & {b for s in body for b in loads_of(s.expr)}:
        return None
    if not all(
        s.op and size_names(s.index) & variables == along and not size_names(s.index) & computed
        for s in stores
    ):
        return None
    made = [_fold(store, f"{loop.var}_sum{k}") for k, store in enumerate(stores)]
    folds, totals = tuple(acc for acc, _ in made), tuple(total for _, total in made)
    reduced = [(name, extent) for name, extent in loops if name not in along]
    inner: tuple[Stmt, ...] = (_nested(reduced, lets, folds), *totals)
    for name, extent in reversed([item for item in loops if item[0] in along]):
        inner = (For(name, extent, inner),)
    return inner[0] if along else None


def _fold(store: Store, name: str) -> tuple[Acc, Store]:
    """The fold of the terms that a store combines, and the store that combines its result."""
    term, dtype = store.expr, store.expr.dtype
    if dtype == "float32" and store.op in ("add", "mul"):
        term = widened(term)
    total = Ref(name, term.dtype)
    value = total if term.dtype == dtype else Apply("cast", (total,), dtype)
    acc = Acc(name, store.op, FOLDS[store.op].identity(term.dtype), term, store.origin)
    return acc, replace(store, expr=value)


def _nested(
    loops: Sequence[tuple[str, object]], body: tuple[Stmt, ...], accs: tuple[Acc, ...]
) -> For:
    """Loops around statements, with folds over all of them."""
    for depth, (name, extent) in enumerate(reversed(loops)):
        last = depth + 1 == len(loops)
        named = accs if last else tuple(replace(a, name=f"{a.name}_{depth}") for a in accs)
        body = (For(name, extent, body, named),)
        accs = tuple(
            replace(acc, term=Ref(own.name, acc.term.dtype))
            for acc, own in zip(accs, named, strict=True)
        )
    return body[0]
