"""Loops that combine values: folds over all iterations, private copies, a fold per element."""

from __future__ import annotations

from collections.abc import Sequence

from probtensor.dataclass import replace
from probtensor.kernel.ir import Call, Check, For, Let, Scan, Stmt, Store, exprs_of, walk
from probtensor.kernel.touch import loads_of, names_set
from probtensor.schedule.grid.flat import flat_index
from probtensor.schedule.grid.nests import nest, stores_of
from probtensor.schedule.grid.phases import Loop, Phase, PrivateCopy, Reduce
from probtensor.schedule.grid.supply import Supply, with_total
from probtensor.types import size_names, size_product

MAX_PRIVATE_ELEMENTS = 48  # elements of private copies, which are to fit a thread's registers
MAX_THREAD_FOLD = 16  # terms of a fold that one thread computes alone


def fold_scalars(loop: Loop, supply: Supply) -> list[Phase]:
    """Stores that combine at a loop-invariant index become folds over all iterations.

    for i:  y[0] add= x[i]   ->   for i with a add= x[i];  after it  y[0] add= a
    """
    body: list[Stmt] = []
    accs, after = list(loop.accs), list(loop.after)
    for stmt in loop.body:
        if not isinstance(stmt, Store) or not stmt.op or (
            size_names(stmt.index) & (loop.variables | supply.locals)
        ):
            body.append(stmt)
            continue
        acc = supply.fold_of(stmt)
        accs.append(acc)
        after.append(with_total(stmt, acc))
    return [replace(loop, body=tuple(body), accs=tuple(accs), after=tuple(after))]


def private_copies(loop: Loop, supply: Supply) -> list[Phase]:
    """Privatise short buffers that all iterations combine into, at indices that depend on inner
    loops only: each thread has a copy, and the copies are folded at the end."""
    facts, variables = supply.facts, loop.variables
    stores = [s for s, _ in stores_of(loop.body) if is_shared(s, variables, supply.locals)]
    buffers = dict.fromkeys(s.buffer for s in stores)
    lengths = [facts.elements[buffer] for buffer in buffers]
    if not buffers or not all(isinstance(n, int) for n in lengths):
        return [loop]
    if sum(lengths) > MAX_PRIVATE_ELEMENTS or any(size_names(s.index) & variables for s in stores):
        return [loop]
    ops = {s.buffer: s.op for s in stores}
    mixed = any(ops[s.buffer] != s.op for s in stores)
    reads = {b for stmt in walk(loop.body) for e in exprs_of(stmt) for b in loads_of(e)}
    plain = {s.buffer for s, _ in stores_of(loop.body) if s.op is None}
    if mixed or (reads | plain) & set(buffers):
        return [loop]
    privates = [PrivateCopy(b, facts.elements[b], ops[b], facts.dtypes[b]) for b in buffers]
    return [replace(loop, privates=tuple(privates))]


def is_shared(store: Store, variables: set[str], locals_: set[str]) -> bool:
    """Whether several iterations combine into one element, at an index of loop variables only."""
    names = size_names(store.index)
    return bool(store.op and variables - names and not names & locals_)


def sharing(loop: Loop, body: Sequence[Stmt], supply: Supply) -> list[Stmt]:
    """The statements in which several iterations combine into one element (see `is_shared`),
    without those that also compute scalars."""
    return [
        stmt
        for stmt in body
        if not names_set(stmt)
        and any(is_shared(s, loop.variables, supply.locals) for s, _ in stores_of((stmt,)))
    ]


def fold_columns(loop: Loop, supply: Supply) -> list[Phase]:
    """A nest of nothing but stores that combine over some of its loops: a fold for each element.

    for i, j:  y[j] add= x[i, j]   ->   for each j: a = sum over i of x[i, j];  y[j] add= a
    """
    stores = [stmt for stmt in loop.body if isinstance(stmt, Store)]
    lets = [stmt for stmt in loop.body if isinstance(stmt, Let)]
    if loop.privates or loop.accs or len(stores) + len(lets) < len(loop.body):
        return [loop]
    if not sharing(loop, stores, supply):
        return [loop]
    variables = {name for name, _ in loop.loops}
    along = size_names(stores[0].index) & variables
    same_axes = all(
        s.op and size_names(s.index) & variables == along and not size_names(s.index)
        & supply.locals for s in stores
    )  # fmt: skip
    if not same_axes or not along or len({s.buffer for s in stores}) < len(stores):
        return [loop]
    outer = tuple((name, n) for name, n in loop.loops if name in along)
    reduced = tuple((name, n) for name, n in loop.loops if name not in along)
    accs = [supply.fold_of(store) for store in stores]
    each = [with_total(store, acc) for store, acc in zip(stores, accs, strict=True)]
    full = [s.buffer for s in stores
            if s.index == flat_index(outer) and supply.facts.fills(outer, s.buffer)]  # fmt: skip
    return [Reduce(outer, reduced, tuple(lets), tuple(accs), tuple(each), full=tuple(full))]


def fold_rows(loop: Loop, supply: Supply) -> list[Phase]:
    """A loop whose body is one inner fold, with scalars before and statements after it.

    for i: (for j with a add= x[i, j]);  y[i] = a   ->   for each i: a = sum over j; y[i] = a
    """
    inner = [k for k, stmt in enumerate(loop.body) if isinstance(stmt, For)]
    if loop.split or loop.privates or loop.accs or sharing(loop, loop.body, supply):
        return [loop]
    if len(inner) != 1 or any(isinstance(stmt, (Call, Check, Scan)) for stmt in walk(loop.body)):
        return [loop]
    reduced, terms, accs = nest(loop.body[inner[0]])
    constant = all(isinstance(n, int) for _, n in reduced)
    count = size_product(n for _, n in reduced)
    if not accs or not all(isinstance(stmt, Let) for stmt in terms):
        return [loop]
    if constant and count <= MAX_THREAD_FOLD:
        return [loop]
    head, each = loop.body[: inner[0]], loop.body[inner[0] + 1 :]
    if not all(isinstance(stmt, Let) for stmt in head):
        return [loop]
    return [Reduce(loop.loops, reduced, terms, accs, each, head)]
