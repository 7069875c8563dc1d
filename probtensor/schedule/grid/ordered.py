"""Stores for which the order of iterations matters, at elements that data decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from probtensor.kernel.ir import (
    FOLDS,
    Acc,
    Apply,
    For,
    IndexValue,
    Let,
    Lit,
    Load,
    Ref,
    Stmt,
    Store,
)
from probtensor.schedule.grid.flat import flat_place
from probtensor.schedule.grid.phases import Loop, Loops, Phase
from probtensor.schedule.grid.supply import Supply
from probtensor.types import Dim, dtype_of, size_names, size_product


def order_data_stores(loop: Loop, supply: Supply) -> list[Phase | For]:
    """Each iteration keeps its value, and loops over the elements of the buffer take what is meant
    for them: of plain stores the last, and of sums of floats all in order if `deterministic`.

    for i: y[k[i]] = x[i]   ->   for q: last[q] = -1
                                 for i: values[i] = x[i]; last[k[i]] max= i
                                 for p: y[p] = values[last[p]] if last[p] >= 0 else y[p]
    """
    before: list[For] = []
    after: list[For] = []

    def settled(stmts: Sequence[Stmt], around: Loops) -> tuple[Stmt, ...]:
        done: list[Stmt] = []
        for stmt in stmts:
            if isinstance(stmt, For):
                inner = settled(stmt.body, (*around, (stmt.var, stmt.extent)))
                done.append(replace(stmt, body=inner))
            elif isinstance(stmt, Store) and _order_matters(stmt, loop.variables, supply):
                write = _last_one if stmt.op is None else _folds_in_order
                done += write(stmt, around, before, after, supply)
            else:
                done.append(stmt)
        return tuple(done)

    body = settled(loop.body, loop.loops)
    return [*before, replace(loop, body=body, split=loop.split or bool(after)), *after]


def _order_matters(store: Store, variables: set[str], supply: Supply) -> bool:
    """Whether data decide the element of a store for which the order of iterations matters."""
    names = size_names(store.index)
    if not names & supply.locals or not variables - names:
        return False
    if store.op is None:
        return True
    inexact = dtype_of(store.expr.dtype).is_float and store.op in ("add", "mul")
    return supply.facts.deterministic and inexact


def _last_one(
    store: Store, around: Loops, before: list[For], after: list[For], supply: Supply
) -> list[Stmt]:
    """A plain store: the last iteration that wants an element decides it, as in NumPy."""
    dtype, buffer = store.expr.dtype, store.buffer
    place, elements = flat_place(around), supply.facts.elements[buffer]
    values = supply.memory(dtype, size_product(n for _, n in around))
    here, turn, _ = supply.fresh("p"), supply.fresh("q"), supply.local("a")
    last = supply.memory("int64", elements)
    before.append(For(turn, elements, (Store(last, Dim.name(turn), Lit(-1, "int64")),)))
    won, none = Load(last, Dim.name(here), "int64"), Lit(0, "int64")
    name = supply.local("v")
    taken = Apply(
        "where",
        (Apply(">=", (won, none), "bool"),
         Load(values, Dim.name(name), dtype),
         Load(buffer, Dim.name(here), dtype)),
        dtype,
    )  # fmt: skip
    write = Store(buffer, Dim.name(here), taken, None, store.origin)
    after.append(For(here, elements, (Let(name, Apply("maximum", (won, none), "int64")), write)))
    return [
        Store(values, place, store.expr, None, store.origin),
        Store(last, store.index, IndexValue(place), "max", store.origin),
    ]


def _folds_in_order(
    store: Store, around: Loops, before: list[For], after: list[For], supply: Supply
) -> list[Stmt]:
    """A combining store: each element folds the values that are meant for it, in one order."""
    dtype, buffer = store.expr.dtype, store.buffer
    place, count = flat_place(around), size_product(n for _, n in around)
    values = supply.memory(dtype, count)
    here, turn, found = supply.fresh("p"), supply.fresh("q"), supply.local("a")
    places = supply.memory("int64", count)
    mine = Apply("==", (Load(places, Dim.name(turn), "int64"), IndexValue(Dim.name(here))), "bool")
    none = Lit(FOLDS[store.op].identity(dtype), dtype)
    term = Apply("where", (mine, Load(values, Dim.name(turn), dtype), none), dtype)
    acc = Acc(found, store.op, none.value, term, store.origin)
    gather = replace(store, index=Dim.name(here), expr=Ref(found, dtype))
    after.append(For(here, supply.facts.elements[buffer], (For(turn, count, (), (acc,)), gather)))
    return [
        Store(values, place, store.expr, None, store.origin),
        Store(places, place, IndexValue(store.index)),
    ]
