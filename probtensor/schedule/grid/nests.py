"""Perfect loop nests: which nested loops can be collapsed, with their innermost body."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from probtensor.dataclass import replace
from probtensor.kernel.ir import Acc, Apply, Expr, For, Let, Ref, Stmt, Store, blocks
from probtensor.kernel.touch import names_read, names_set
from probtensor.schedule.grid.flat import fixed
from probtensor.schedule.grid.phases import Loops
from probtensor.types import Size, size_names


def nest(loop: For) -> tuple[Loops, tuple[Stmt, ...], tuple[Acc, ...]]:
    """The loops of a perfect nest, its innermost body, and its folds. Scalars between the loops
    move into the body, where each iteration computes them. Folds of folds become one fold."""
    loops: list[tuple[str, Size]] = [(loop.var, loop.extent)]
    scalars: list[Stmt] = []
    while True:
        inner = loop.body[-1] if loop.body else None
        lets = loop.body[:-1]
        if not isinstance(inner, For) or not all(isinstance(s, Let) for s in lets):
            break
        outside = {name for name, _ in loops} | {s.name for s in (*scalars, *lets)}
        if size_names(inner.extent) & outside:
            break
        accs = _joined(loop.accs, inner.accs)
        if accs is None:
            break
        scalars += lets
        loop = replace(inner, accs=accs)
        loops.append((loop.var, loop.extent))
    return tuple(loops), (*scalars, *loop.body), loop.accs


def without_ones(
    loops: Loops, body: tuple[Stmt, ...], accs: tuple[Acc, ...]
) -> tuple[Loops, tuple[Stmt, ...], tuple[Acc, ...]]:
    """The same without loops of a single iteration; one of them remains if there is no other."""
    zeros = {name: 0 for name, extent in loops if extent == 1}
    if not zeros:
        return loops, body, accs
    others = tuple((name, n) for name, n in loops if n != 1) or loops[:1]
    terms = fixed([Let(acc.name, acc.term) for acc in accs], zeros)
    accs = tuple(replace(a, term=t.expr) for a, t in zip(accs, terms, strict=True))
    return others, fixed(body, zeros), accs


def _joined(outer: Sequence[Acc], inner: Sequence[Acc]) -> tuple[Acc, ...] | None:
    """The folds of two nested loops as folds over both; None if they cannot be joined."""
    if not outer and not inner:
        return ()
    terms = {acc.name: acc for acc in inner}
    if len(outer) != len(inner):
        return None
    found = []
    for acc in outer:
        if not isinstance(acc.term, Ref):
            return None
        below = terms.pop(acc.term.name, None)
        if below is None or (below.op, below.identity) != (acc.op, acc.identity):
            return None
        found.append(replace(acc, term=below.term))
    return tuple(found)


def term_by_term(body: Sequence[Stmt]) -> tuple[Stmt, ...]:
    """The statements with each fold that is only combined into memory replaced by a store that
    combines every term, so that the loops around it are a perfect nest.

    for i: (for j with a add= x[i, j]);  y[i] add= a   ->   for i, j: y[i] add= x[i, j]
    """
    done: list[Stmt] = []
    removed: list[Store] = []
    for stmt in body:
        if not isinstance(stmt, For):
            done.append(stmt)
            continue
        found = [(acc, _only_use(acc, body)) for acc in stmt.accs]
        accs = tuple(acc for acc, store in found if store is None)
        moved = [replace(s, expr=_like(acc.term, s.expr)) for acc, s in found if s is not None]
        removed += [store for _, store in found if store is not None]
        done.append(replace(stmt, body=term_by_term((*stmt.body, *moved)), accs=accs))
    return tuple(stmt for stmt in done if not any(stmt is store for store in removed))


def _only_use(acc: Acc, body: Sequence[Stmt]) -> Store | None:
    """The store that combines a fold into memory by the same op, if it is the fold's only use."""
    readers = [stmt for stmt in body if acc.name in names_read(stmt)]
    local = {name for stmt in body for name in names_set(stmt)}
    match readers:
        case [Store(_, index, Ref() | Apply("cast", (Ref(),)), op) as store] if op == acc.op:
            return None if size_names(index) & local else store
    return None


def _like(term: Expr, before: Expr) -> Expr:
    """A term cast to the dtype that its fold was cast to."""
    return term if term.dtype == before.dtype else Apply("cast", (term,), before.dtype)


def stores_of(body: Sequence[Stmt], inner: Loops = ()) -> Iterator[tuple[Store, Loops]]:
    """All stores, each with the loops around it that run in any order."""
    for stmt in body:
        if isinstance(stmt, Store):
            yield stmt, inner
        around = ((stmt.var, stmt.extent),) if isinstance(stmt, For) else ()
        for block in blocks(stmt):
            yield from stores_of(block, (*inner, *around))
