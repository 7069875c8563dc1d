"""What an interpreter asks of loops that run one iteration at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import is_

from probtensor.dataclass import replace
from probtensor.kernel.ir import (
    Apply,
    Expr,
    For,
    If,
    Let,
    Load,
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
    Recurrence,
    RowsAdd,
    RowsDot,
    ScatterAdd,
    Strip,
    Stripped,
    Sum,
)
from probtensor.types import size_names

SMALL = 24  # operands and operations of a local that moves to where it is read


def stored_in(body: Iterable[Stripped]) -> frozenset[str]:
    """Buffers that statements store to, those of sums in blocks included."""
    return frozenset(_stored(body))


def _stored(body: Iterable[Stripped]) -> Iterator[str]:
    for stmt in body:
        match stmt:
            case RowsAdd(buffer=buffer) | ScatterAdd(buffer=buffer):
                yield buffer
            case Dot() | Sum() | RowsDot() | Recurrence():
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
    """The scan without lost stores, and with the locals that are read once in the place where they
    are read: an instruction takes a value from the one before it at no cost."""
    body = without_lost_stores(scan.body)
    if not all(isinstance(stmt, (Let, Store)) for stmt in body):
        return scan
    ends = [state.next for state in scan.states]
    uses = _uses(body, [*ends, *(() if scan.stop is None else (scan.stop,))])
    stored = {buffer for stmt in body for buffer in writes_of(stmt)}
    last = {end.name for end in ends if isinstance(end, Ref)}
    moved: dict[str, Expr] = {}
    rest: list[Stripped] = []
    for stmt in body:
        stmt = replace(stmt, expr=substituted(stmt.expr, moved))
        once = isinstance(stmt, Let) and uses[stmt.name] == 1
        if once and (_is_small(stmt.expr) or stmt.name in last) and not stored & set(
            loads_of(stmt.expr)
        ):
            moved[stmt.name] = stmt.expr
        else:
            rest.append(stmt)
    states = tuple(replace(s, next=substituted(s.next, moved)) for s in scan.states)
    stop = None if scan.stop is None else substituted(scan.stop, moved)
    return replace(scan, body=tuple(rest), states=states, stop=stop)


def _is_small(expr: Expr) -> bool:
    """Whether an expression has few operations, and may be part of a choice: it needs no jump."""
    parts = walk_expr(expr)
    return len(parts) <= SMALL and not any(
        isinstance(part, Load) or (isinstance(part, Apply) and part.fn.startswith("pt_"))
        for part in parts
    )


def substituted(expr: Expr, values: Mapping[str, Expr]) -> Expr:
    """An expression with other ones in place of locals, indices apart."""
    if not values:
        return expr
    if isinstance(expr, Ref):
        return values.get(expr.name, expr)
    if not isinstance(expr, Apply):
        return expr
    args = tuple(substituted(arg, values) for arg in expr.args)
    return expr if all(map(is_, args, expr.args)) else replace(expr, args=args)


def _uses(body: Sequence[Stripped], ends: Sequence[Expr]) -> Counter[str]:
    """How often names are read; those in indices more than once."""
    uses: Counter[str] = Counter()
    for stmt in body:
        for index in indices_of(stmt):
            uses.update(2 * list(size_names(index)))
    for expr in (*(expr for stmt in body for expr in exprs_of(stmt)), *ends):
        for part in walk_expr(expr):
            if isinstance(part, Ref):
                uses[part.name] += 1
            elif hasattr(part, "index"):
                uses.update(2 * list(size_names(part.index)))
    return uses
