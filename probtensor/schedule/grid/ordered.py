"""Stores at computed indices for which the order of iterations matters."""

from __future__ import annotations

from collections.abc import Sequence

from probtensor.dataclass import replace
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
from probtensor.schedule.grid.flat import flat_index
from probtensor.schedule.grid.phases import Loop, Loops, Phase
from probtensor.schedule.grid.supply import Supply
from probtensor.types import Dim, dtype_of, size_names, size_product


def order_data_stores(loop: Loop, supply: Supply) -> list[Phase | For]:
    """Each iteration stores its value in scratch memory, and loops over the elements of the buffer
    select from it: for plain stores the last value, and for sums of floats, if `deterministic`, all
    values in order.

    for i: y[k[i]] = x[i]   ->   for q: last[q] = -1
                                 for i: values[i] = x[i]; last[k[i]] max= i
                                 for p: y[p] = values[last[p]] if last[p] >= 0 else y[p]
    """
    before: list[For] = []
    after: list[For] = []

    def ordered(stmts: Sequence[Stmt], around: Loops) -> tuple[Stmt, ...]:
        done: list[Stmt] = []
        for stmt in stmts:
            if isinstance(stmt, For):
                inner = ordered(stmt.body, (*around, (stmt.var, stmt.extent)))
                done.append(replace(stmt, body=inner))
            elif isinstance(stmt, Store) and _order_matters(stmt, loop.variables, supply):
                rewrite = _last_value if stmt.op is None else _fold_in_order
                done += rewrite(stmt, around, before, after, supply)
            else:
                done.append(stmt)
        return tuple(done)

    body = ordered(loop.body, loop.loops)
    return [*before, replace(loop, body=body, split=loop.split or bool(after)), *after]


def _order_matters(store: Store, variables: set[str], supply: Supply) -> bool:
    """Whether the index of a store is computed, and its result depends on the order of
    iterations."""
    names = size_names(store.index)
    if store.unique or not names & supply.locals or not variables - names:
        return False
    if store.op is None:
        return True
    inexact = dtype_of(store.expr.dtype).is_float and store.op in ("add", "mul")
    return supply.facts.deterministic and inexact


def _last_value(
    store: Store, around: Loops, before: list[For], after: list[For], supply: Supply
) -> list[Stmt]:
    """A plain store: each element gets the value of the last iteration that stores to it."""
    dtype, buffer = store.expr.dtype, store.buffer
    number, elements = flat_index(around), supply.facts.elements[buffer]
    values = supply.memory(dtype, size_product(n for _, n in around))
    element, cleared, _ = supply.fresh("p"), supply.fresh("q"), supply.local("a")
    last = supply.memory("int64", elements)
    before.append(For(cleared, elements, (Store(last, Dim.name(cleared), Lit(-1, "int64")),)))
    writer, zero = Load(last, Dim.name(element), "int64"), Lit(0, "int64")
    name = supply.local("v")
    value = Apply(
        "where",
        (Apply(">=", (writer, zero), "bool"),
         Load(values, Dim.name(name), dtype),
         Load(buffer, Dim.name(element), dtype)),
        dtype,
    )  # fmt: skip
    write = Store(buffer, Dim.name(element), value, None, store.origin)
    let = Let(name, Apply("maximum", (writer, zero), "int64"))
    after.append(For(element, elements, (let, write)))
    return [
        Store(values, number, store.expr, None, store.origin),
        Store(last, store.index, IndexValue(number), "max", store.origin),
    ]


def _fold_in_order(
    store: Store, around: Loops, before: list[For], after: list[For], supply: Supply
) -> list[Stmt]:
    """A combining store: for each element, a fold over all iterations of the values stored to it.

    for i: y[k[i]] add= x[i]   ->   for i: values[i] = x[i]; indices[i] = k[i]
                                    for p: (for q with a add= values[q] if indices[q] == p else 0)
                                           y[p] add= a
    """
    dtype, buffer = store.expr.dtype, store.buffer
    number, count = flat_index(around), size_product(n for _, n in around)
    values = supply.memory(dtype, count)
    element, other, total = supply.fresh("p"), supply.fresh("q"), supply.local("a")
    indices = supply.memory("int64", count)
    index = Load(indices, Dim.name(other), "int64")
    selected = Apply("==", (index, IndexValue(Dim.name(element))), "bool")
    identity = Lit(FOLDS[store.op].identity(dtype), dtype)
    term = Apply("where", (selected, Load(values, Dim.name(other), dtype), identity), dtype)
    fold = For(other, count, (), (Acc(total, store.op, identity.value, term, store.origin),))
    combine = replace(store, index=Dim.name(element), expr=Ref(total, dtype))
    after.append(For(element, supply.facts.elements[buffer], (fold, combine)))
    return [
        Store(values, number, store.expr, None, store.origin),
        Store(indices, number, IndexValue(store.index)),
    ]
