"""Straight-line code made shorter: a local that is read once is written where it is read.

This is for the reader (and for the time that translating takes); a C compiler would do it anyway.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from probtensor.kernel.ir import (
    Acc,
    Apply,
    Call,
    Check,
    Expr,
    For,
    Let,
    Load,
    Ref,
    Stmt,
    Store,
    exprs_of,
    indices_of,
    walk,
    walk_expr,
)
from probtensor.types import size_names

LARGEST = 9  # operations in one expression: about what fits a line
# Their spelling repeats the operand.
REPEATED = ("square", "isnan", "isinf")


def inline_locals(body: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
    """The statements with single-use locals moved into the expressions that read them."""
    uses, fixed = _uses(body)
    once = {name for name, count in uses.items() if count == 1 and name not in fixed}
    return _body(body, (), once)[0]


def _uses(body: tuple[Stmt, ...]) -> tuple[Counter[str], set[str]]:
    """How often each local is read, and those read by index arithmetic or inside routines."""
    uses: Counter[str] = Counter()
    fixed: set[str] = set()
    for stmt in walk(body):
        for expr in exprs_of(stmt):
            for part in walk_expr(expr):
                if isinstance(part, Ref):
                    uses[part.name] += 1
        for index in indices_of(stmt):
            fixed |= size_names(index)
        if isinstance(stmt, Check):
            fixed |= {p.name for p in walk_expr(stmt.condition) if isinstance(p, Ref)}
    return uses, fixed


def _body(
    body: tuple[Stmt, ...], accs: tuple[Acc, ...], once: set[str]
) -> tuple[tuple[Stmt, ...], tuple[Acc, ...]]:
    held: dict[str, Let] = {}  # locals not written yet, in order
    loading: dict[str, None] = {}  # those of them that read memory
    place = {stmt.name: k for k, stmt in enumerate(body) if isinstance(stmt, Let)}
    done: list[Stmt] = []

    def flush(names: Iterable[str]) -> None:
        """Write held locals, and what they read if that is still held too, in order."""
        wanted: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name in held and name not in wanted:
                wanted.add(name)
                waiting += _refs(held[name])
        done.extend(held.pop(name) for name in sorted(wanted, key=place.__getitem__))

    for stmt in body:
        if isinstance(stmt, For):
            # A local read inside the loop must not be computed again at each turn.
            flush(held)
            inner, folded = _body(stmt.body, stmt.accs, once)
            done.append(replace(stmt, body=inner, accs=folded))
            continue
        stmt = _filled(stmt, held)
        if isinstance(stmt, Let) and stmt.name in once and _size(stmt.expr) <= LARGEST:
            held[stmt.name] = stmt
            if _reads_memory(stmt.expr):
                loading[stmt.name] = None
            continue
        flush(_refs(stmt))
        if isinstance(stmt, (Store, Call)):
            flush(loading)
            loading.clear()
        done.append(stmt)
    folded = tuple(replace(acc, term=_fill(acc.term, held, True)) for acc in accs)
    flush(held)
    return tuple(done), folded


def _refs(stmt: Stmt) -> set[str]:
    return {p.name for e in exprs_of(stmt) for p in walk_expr(e) if isinstance(p, Ref)}


def _filled(stmt: Stmt, held: dict[str, Let]) -> Stmt:
    if isinstance(stmt, (Let, Store)):
        return replace(stmt, expr=_fill(stmt.expr, held, True))
    return stmt


def _fill(expr: Expr, held: dict[str, Let], movable: bool) -> Expr:
    """The expression with held locals put in; those that stay named are left for the caller."""
    if isinstance(expr, Ref) and movable and expr.name in held:
        return held.pop(expr.name).expr
    if not isinstance(expr, Apply):
        return expr
    args = []
    for k, arg in enumerate(expr.args):
        # The branches of a choice stay names: work in them would be done under a condition.
        keep = expr.fn in REPEATED or (expr.fn == "where" and k > 0)
        room = LARGEST - _size(expr)
        fits = isinstance(arg, Ref) and arg.name in held and _size(held[arg.name].expr) <= room
        inside = isinstance(arg, Ref) or not keep
        args.append(_fill(arg, held, not keep and fits) if inside else arg)
    return replace(expr, args=tuple(args))


def _size(expr: Expr) -> int:
    return sum(isinstance(part, Apply) for part in walk_expr(expr))


def _reads_memory(expr: Expr) -> bool:
    return any(isinstance(part, Load) for part in walk_expr(expr))
