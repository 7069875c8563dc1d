"""States in memory that are updated in place, where the next state needs no memory of its own.

    for j: w[j] = f(s[j])     ->    for j: s[j] = f(s[j])
    for j: s[j] = w[j]

The copy at the end of an iteration is dropped, and the next state is stored to the state directly,
if no statement reads the state between the first store of the next one and the copy. The loop with
that store may read it at the index that it stores to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set

from probtensor.dataclass import dataclass, replace
from probtensor.kernel.ir import (
    Apply,
    Call,
    Expr,
    For,
    If,
    Let,
    Load,
    Ref,
    Scan,
    Stmt,
    Store,
    exprs_of,
    walk,
    walk_expr,
)
from probtensor.kernel.scans.choose import Storage
from probtensor.kernel.scans.substitute import Names
from probtensor.kernel.simplify import coefficient
from probtensor.kernel.touch import buffers_of, loads_of, writes_of
from probtensor.types import Dim, Size, size_names


def in_place(
    body: tuple[Stmt, ...], storages: Mapping[str, Storage], names: Names
) -> tuple[Stmt, ...]:
    """The statements with copies to states dropped where the next state can be stored in place."""
    return _in_place(body, storages, {n for n, s in storages.items() if s.private}, names)


def _in_place(
    body: tuple[Stmt, ...], storages: Mapping[str, Storage], private: Set[str], names: Names
) -> tuple[Stmt, ...]:
    """Of statements that alone access the buffers `private`."""
    done: list[Stmt] = []
    for stmt in body:
        if isinstance(stmt, Scan):
            others = {name for s in body if s is not stmt for name in buffers_of(s)}
            own = private - others
            inner = _step(stmt, {name: storages[name] for name in own}, storages, names)
            stmt = replace(stmt, body=_in_place(inner, storages, own, names))
        done.append(stmt)
    return tuple(done)


@dataclass(frozen=True)
class _Copy:
    """A copy of all elements of `source` to `target`, from `offset` on, at a position in a body."""

    position: int
    target: str
    offset: Size
    source: str


def _step(
    scan: Scan, own: Mapping[str, Storage], storages: Mapping[str, Storage], names: Names
) -> tuple[Stmt, ...]:
    """The body of a `Scan` without copies that can be dropped: of buffers that only it accesses."""
    ends = {name for expr in exprs_of(replace(scan, body=())) for name in loads_of(expr)}
    body = scan.body
    refused: set[_Copy] = set()
    while True:
        found = [
            copy
            for copy in _copies(body, own)
            if copy not in refused
            and copy.source not in ends
            and copy.target in storages
            and storages[copy.target].dtype == own[copy.source].dtype
        ]
        if not found:
            return body
        # A state before a row of stacked results, which could take its place only afterwards.
        copy = min(found, key=lambda copy: (scan.var in size_names(copy.offset), copy.position))
        changed = _without(body, copy, names)
        if changed is None:
            refused.add(copy)
        else:
            body, refused = changed, set()


def _copies(body: Sequence[Stmt], own: Mapping[str, Storage]) -> Iterator[_Copy]:
    """The loops of a body that copy all of one of these buffers."""
    for position, stmt in enumerate(body):
        match stmt:
            case For(var, extent, (Store(target, to, Load(source, index), None),), (), ()):
                is_whole = source in own and own[source].count == extent and index == Dim.name(var)
                if is_whole and source != target and coefficient(to, var) == 1:
                    yield _Copy(position, target, to - index, source)


def _without(body: tuple[Stmt, ...], copy: _Copy, names: Names) -> tuple[Stmt, ...] | None:
    """The body without a copy; None if the copy is needed."""
    touching = [k for k, stmt in enumerate(body) if copy.source in buffers_of(stmt)]
    first = touching[0]
    rest = [stmt for k, stmt in enumerate(body) if k != copy.position]
    if copy.source not in writes_of(body[first]) or first >= copy.position:
        return None
    if any(copy.target in writes_of(stmt) for stmt in rest):
        return None
    if any(copy.target in buffers_of(stmt) for stmt in body[first + 1 : copy.position]):
        return None
    if any(_carries(stmt, copy.source) for stmt in rest):
        return None
    storing: Stmt | None = body[first]
    if copy.target in buffers_of(storing):
        storing = _reading_before(storing, copy, names)
    if storing is None:
        return None
    done = [*body[:first], storing, *body[first + 1 : copy.position], *body[copy.position + 1 :]]
    return tuple(_redirected(stmt, copy) for stmt in done)


def _carries(stmt: Stmt, buffer: str) -> bool:
    """Whether a loop accumulates the buffer in scratch memory."""
    loops = (part for part in walk((stmt,)) if isinstance(part, For))
    return any(carry.buffer == buffer for loop in loops for carry in loop.carries)


def _reading_before(stmt: Stmt, copy: _Copy, names: Names) -> Stmt | None:
    """A statement that reads the target at no other index than it stores the source at, and before
    that store; None if it cannot have this form."""
    stores = [s for s in walk((stmt,)) if isinstance(s, Store) and s.buffer == copy.source]
    if len(stores) != 1 or stores[0].op is not None:
        return None
    if any(isinstance(part, (Call, Scan)) for part in walk((stmt,))):
        return None
    return _with_let(stmt, stores[0], copy, names)


def _with_let(stmt: Stmt, store: Store, copy: _Copy, names: Names) -> Stmt | None:
    if not isinstance(stmt, For):
        return stmt if stmt == store and _reads_at(stmt, store, copy) else None
    position = next((k for k, inner in enumerate(stmt.body) if store in walk((inner,))), None)
    if position is None:
        return None
    if stmt.body[position] != store:
        others = (*stmt.body[:position], *stmt.body[position + 1 :])
        terms = [name for acc in stmt.accs for name in loads_of(acc.term)]
        if copy.target in terms or any(copy.target in buffers_of(s) for s in others):
            return None
        inner = _with_let(stmt.body[position], store, copy, names)
        body = (*stmt.body[:position], inner, *stmt.body[position + 1 :])
        return None if inner is None else replace(stmt, body=body)
    return _in_block(stmt, position, store, copy, names)


def _in_block(
    loop: For, position: int, store: Store, copy: _Copy, names: Names
) -> For | None:
    """The innermost loop around the store: what it reads of the target after it, it reads before
    it into a local."""
    if not all(_reads_at(stmt, store, copy) for stmt in (replace(loop, body=()), *loop.body)):
        return None
    before, after = loop.body[:position], loop.body[position + 1 :]
    terms = [name for acc in loop.accs for name in loads_of(acc.term)]
    if copy.target not in terms and not any(copy.target in buffers_of(s) for s in after):
        return loop
    if not all(isinstance(stmt, (Let, Store)) for stmt in after):
        return None
    reads = (e for s in (replace(loop, body=()), *after) for e in exprs_of(s))
    load = next(p for e in reads for p in walk_expr(e)
                if isinstance(p, Load) and p.buffer == copy.target)  # fmt: skip
    local = Ref(names.fresh(copy.target), load.dtype)
    later = [replace(stmt, expr=_replaced(stmt.expr, load, local)) for stmt in after]
    accs = tuple(replace(acc, term=_replaced(acc.term, load, local)) for acc in loop.accs)
    return replace(loop, body=(*before, Let(local.name, load), store, *later), accs=accs)


def _reads_at(stmt: Stmt, store: Store, copy: _Copy) -> bool:
    """Whether a statement reads the target at no other index than it is stored to in place."""
    return all(
        part.index == store.index + copy.offset
        for inner in walk((stmt,))
        for expr in exprs_of(inner)
        for part in walk_expr(expr)
        if isinstance(part, Load) and part.buffer == copy.target
    )


def _replaced(expr: Expr, old: Expr, new: Expr) -> Expr:
    if expr == old:
        return new
    if isinstance(expr, Apply):
        return replace(expr, args=tuple(_replaced(arg, old, new) for arg in expr.args))
    return expr


def _redirected(stmt: Stmt, copy: _Copy) -> Stmt:
    """A statement with accesses to the source made to the target."""

    def at(expr: Expr) -> Expr:
        match expr:
            case Load(buffer, index) if buffer == copy.source:
                return replace(expr, buffer=copy.target, index=index + copy.offset)
            case Apply(args=args):
                return replace(expr, args=tuple(map(at, args)))
        return expr

    def pointers(found: Sequence[tuple[str, Size]]) -> tuple[tuple[str, Size], ...]:
        return tuple(
            (copy.target, offset + copy.offset) if buffer == copy.source else (buffer, offset)
            for buffer, offset in found
        )

    match stmt:
        case Store(buffer, index):
            if buffer == copy.source:
                stmt = replace(stmt, buffer=copy.target, index=index + copy.offset)
            return replace(stmt, expr=at(stmt.expr))
        case Let():
            return replace(stmt, expr=at(stmt.expr))
        case For(body=body, accs=accs):
            inner = tuple(_redirected(s, copy) for s in body)
            return replace(stmt, body=inner, accs=tuple(replace(a, term=at(a.term)) for a in accs))
        case Scan(body=body, states=states, stop=stop):
            inner = tuple(_redirected(s, copy) for s in body)
            found = tuple(replace(s, init=at(s.init), next=at(s.next)) for s in states)
            return replace(stmt, body=inner, states=found, stop=None if stop is None else at(stop))
        case If(condition, then, otherwise, choices):
            return If(
                at(condition),
                tuple(_redirected(s, copy) for s in then),
                tuple(_redirected(s, copy) for s in otherwise),
                tuple(replace(c, first=at(c.first), second=at(c.second)) for c in choices),
            )
        case Call(reads=reads, writes=writes):
            return replace(stmt, reads=pointers(reads), writes=pointers(writes))
    return replace(stmt, condition=at(stmt.condition))
