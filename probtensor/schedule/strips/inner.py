"""What an interpreter asks of loops that run one iteration at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from probtensor.dataclass import replace
from probtensor.kernel.ir import (
    Expr,
    For,
    If,
    Let,
    Ref,
    Scan,
    Store,
    blocks,
    exprs_of,
    indices_of,
    walk_expr,
)
from probtensor.kernel.touch import loads_of, writes_of
from probtensor.schedule.carry import target
from probtensor.schedule.strips.forms import (
    Dot,
    Jammed,
    RowsAdd,
    RowsDot,
    ScatterAdd,
    Strip,
    Stripped,
    Sum,
)
from probtensor.types import size_names


def stored_in(body: Iterable[Stripped]) -> frozenset[str]:
    """Buffers that statements store to, those of sums in blocks included."""
    return frozenset(_stored(body))


def _stored(body: Iterable[Stripped]) -> Iterator[str]:
    for stmt in body:
        match stmt:
            case RowsAdd(buffer=buffer) | ScatterAdd(buffer=buffer):
                yield buffer
            case Dot() | Sum() | RowsDot():
                pass
            case Jammed(loop, rows):
                yield from _stored((loop, *rows))
            case Strip(segments=segments, carries=carries):
                for segment in segments:
                    yield from _stored(segment.body)
                for carry in carries:
                    yield from (carry.buffer, carry.scratch, target(carry))
            case For() | Scan() | If():
                for inner in blocks(stmt):
                    yield from _stored(inner)
                for carry in stmt.carries if isinstance(stmt, For) else ():
                    yield from (carry.buffer, carry.scratch, target(carry))
            case _:
                yield from writes_of(stmt)


def without_lost_stores(body: Sequence[Stripped]) -> tuple[Stripped, ...]:
    """Straight-line statements without the stores that a later one overwrites before any read."""
    if not all(isinstance(stmt, (Let, Store)) for stmt in body):
        return tuple(body)
    kept: list[Stripped] = []
    lost: dict[str, list] = {}  # buffer -> indices that are stored to before it is read
    for stmt in reversed(body):
        plain = isinstance(stmt, Store) and stmt.op is None
        if plain and stmt.index in lost.get(stmt.buffer, ()):
            continue
        if plain:
            lost.setdefault(stmt.buffer, []).append(stmt.index)
        for expr in exprs_of(stmt):
            for buffer in loads_of(expr):
                lost.pop(buffer, None)
        if isinstance(stmt, Store) and not plain:
            lost.pop(stmt.buffer, None)
        kept.append(stmt)
    return tuple(reversed(kept))


def with_last_values(scan: Scan) -> Scan:
    """The scan without lost stores, and without locals that are the next value of one state and
    nothing else: the state becomes their expression, at the end of the iteration."""
    body = without_lost_stores(scan.body)
    if not all(isinstance(stmt, (Let, Store)) for stmt in body):
        return scan
    ends = [state.next for state in scan.states]
    uses = _uses(body, [*ends, *(() if scan.stop is None else (scan.stop,))])
    stored = {buffer for stmt in body for buffer in writes_of(stmt)}
    found: dict[str, Expr] = {}
    for end in ends:
        if isinstance(end, Ref) and uses[end.name] == 1:
            found[end.name] = end
    lets = {
        stmt.name: stmt.expr
        for stmt in body
        if isinstance(stmt, Let) and stmt.name in found and not stored & set(loads_of(stmt.expr))
    }
    states = tuple(
        replace(state, next=lets[state.next.name])
        if isinstance(state.next, Ref) and state.next.name in lets
        else state
        for state in scan.states
    )
    rest = tuple(stmt for stmt in body if not (isinstance(stmt, Let) and stmt.name in lets))
    return replace(scan, body=rest, states=states)


def _uses(body: Sequence[Stripped], ends: Sequence[Expr]) -> Counter[str]:
    """How often names are read, those in indices included."""
    uses: Counter[str] = Counter()
    for stmt in body:
        for index in indices_of(stmt):
            uses.update(size_names(index))
    for expr in (*(expr for stmt in body for expr in exprs_of(stmt)), *ends):
        for part in walk_expr(expr):
            if isinstance(part, Ref):
                uses[part.name] += 1
            elif hasattr(part, "index"):
                uses.update(size_names(part.index))
    return uses
