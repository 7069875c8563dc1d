"""Sums in memory as a fold for each element: the loops over elements outside, the folds inside.

Lanes that divide all loops of a sum would add to one element at the same time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from probtensor.kernel.ir import FOLDS, Acc, Apply, For, Let, Ref, Scan, Stmt, Store, map_blocks
from probtensor.kernel.touch import loads_of, names_set
from probtensor.schedule.carry import widened
from probtensor.schedule.grid.nests import nest, without_ones
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

    Sums and products of float32 are accumulated in float64, and rounded once.
    """
    done: list[Stmt] = []
    for stmt in body:
        turned = _turned(stmt) if isinstance(stmt, For) else None
        done.append(map_blocks(stmt, by_column) if turned is None else turned)
    return tuple(done)


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
