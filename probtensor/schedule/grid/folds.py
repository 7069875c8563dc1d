"""Loops that combine values: folds over all iterations, private copies, a fold an element."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from probtensor.kernel.ir import Call, Check, For, Let, Stmt, Store, exprs_of, walk
from probtensor.kernel.touch import loads_of
from probtensor.schedule.grid.flat import flat_place
from probtensor.schedule.grid.nests import nest, stores_of
from probtensor.schedule.grid.phases import Loop, Phase, PrivateCopy, Reduce
from probtensor.schedule.grid.supply import Supply, with_total
from probtensor.types import size_names, size_product

LARGEST_PRIVATE = 48  # elements of private copies: what fits a thread's registers beside its work
SHORT = 16  # loops up to which one thread does all iterations


def fold_scalars(loop: Loop, supply: Supply) -> list[Phase]:
    """Stores that combine at one fixed index become folds over all iterations.

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
    """Short buffers that all iterations combine into, at indices by loops of known length: each
    thread has a copy of its own, and the copies are folded at the end."""
    facts, variables = supply.facts, loop.variables
    stores = [s for s, _ in stores_of(loop.body) if is_shared(s, variables, supply.locals)]
    buffers = dict.fromkeys(s.buffer for s in stores)
    lengths = [facts.elements[buffer] for buffer in buffers]
    if not buffers or not all(isinstance(n, int) for n in lengths):
        return [loop]
    if sum(lengths) > LARGEST_PRIVATE or any(size_names(s.index) & variables for s in stores):
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
    """Whether several iterations combine into one element, which loop variables alone decide."""
    names = size_names(store.index)
    return bool(store.op and variables - names and not names & locals_)


def sharing(loop: Loop, body: Sequence[Stmt], supply: Supply) -> list[Stmt]:
    """Statements in which iterations combine into elements that loop variables decide."""
    return [
        stmt
        for stmt in body
        if not (isinstance(stmt, For) and stmt.accs)
        and any(is_shared(s, loop.variables, supply.locals) for s, _ in stores_of((stmt,)))
    ]


def fold_columns(loop: Loop, supply: Supply) -> list[Phase]:
    """Stores that combine over some of the loops, and nothing else: a fold for each element.

    for i, j:  y[j] add= x[i, j]   ->   for each j: a = sum over i of x[i, j];  y[j] add= a
    """
    stores = [stmt for stmt in loop.body if isinstance(stmt, Store)]
    lets = [stmt for stmt in loop.body if isinstance(stmt, Let)]
    if loop.privates or loop.accs or len(stores) + len(lets) < len(loop.body):
        return [loop]
    if not sharing(loop, stores, supply):
        return [loop]
    variables = {name for name, _ in loop.loops}
    kept = size_names(stores[0].index) & variables
    alike = all(
        s.op and size_names(s.index) & variables == kept and not size_names(s.index)
        & supply.locals for s in stores
    )  # fmt: skip
    if not alike or not kept or len({s.buffer for s in stores}) < len(stores):
        return [loop]
    own = tuple((name, n) for name, n in loop.loops if name in kept)
    other = tuple((name, n) for name, n in loop.loops if name not in kept)
    accs = [supply.fold_of(store) for store in stores]
    each = [with_total(store, acc) for store, acc in zip(stores, accs, strict=True)]
    whole = [s.buffer for s in stores
             if s.index == flat_place(own) and supply.facts.fills(own, s.buffer)]  # fmt: skip
    return [Reduce(own, other, tuple(lets), tuple(accs), tuple(each), whole=tuple(whole))]


def fold_rows(loop: Loop, supply: Supply) -> list[Phase]:
    """One inner fold, with scalars before and statements after it.

    for i: (for j with a add= x[i, j]);  y[i] = a   ->   for each i: a = sum over j; y[i] = a
    """
    inner = [k for k, stmt in enumerate(loop.body) if isinstance(stmt, For)]
    if loop.split or loop.privates or loop.accs or sharing(loop, loop.body, supply):
        return [loop]
    if len(inner) != 1 or any(isinstance(stmt, (Call, Check)) for stmt in walk(loop.body)):
        return [loop]
    reduced, terms, accs = nest(loop.body[inner[0]])
    long = not all(isinstance(n, int) for _, n in reduced)
    total = size_product(n for _, n in reduced)
    if not accs or not all(isinstance(stmt, Let) for stmt in terms):
        return [loop]
    if not long and total <= SHORT:
        return [loop]
    head, each = loop.body[: inner[0]], loop.body[inner[0] + 1 :]
    if not all(isinstance(stmt, Let) for stmt in head):
        return [loop]
    return [Reduce(loop.loops, reduced, terms, accs, each, head)]
