"""Short loops inside of loops, unrolled for an interpreter.

A loop over a few states or columns in each iteration of a loop over data becomes statements, which
then run for all iterations of a strip together. The order of its folds stays, their identities
included: `kernel/scans/unroll.py`, whose loops all targets run, leaves these out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from probtensor.dataclass import replace
from probtensor.kernel.ir import (
    FOLDS,
    Apply,
    Check,
    Expr,
    For,
    IndexValue,
    Let,
    Lit,
    Ref,
    Stmt,
    Store,
    walk_expr,
)
from probtensor.kernel.scans.substitute import expr_at, statement_at
from probtensor.kernel.touch import loads_of, writes_of
from probtensor.schedule.strips.routines import dot_of, rows_of, sum_of

MAX_STATEMENTS = 96  # of the body of a loop after its inner loops are unrolled


class Everything:
    """Contains every name."""

    def __contains__(self, name: object) -> bool:
        return True


def unrolled(loop: For, shortest: int) -> For:
    """The loop with the loops of its body that have less than `shortest` iterations unrolled, if
    all loops of its body can be; else the loop itself."""
    body = _statements(loop.body, loop.var, shortest)
    if body is None or len(body) > MAX_STATEMENTS:
        return loop
    return replace(loop, body=_with_shared_choices(body, loop.var))


def _with_shared_choices(body: Sequence[Stmt], var: str) -> tuple[Stmt, ...]:
    """The statements with a local for each choice by an index that several of the unrolled
    iterations read: an element behind the edge of an array. The first one reads it always."""
    counts = Counter(part for stmt in body for part in _choices(stmt))
    stored = {buffer for stmt in body for buffer in writes_of(stmt)}
    shared: dict[Expr, Ref] = {}
    done: list[Stmt] = []
    for stmt in body:
        for part in _choices(stmt):
            often = counts[part] > 1 and part not in shared and not stored & set(loads_of(part))
            if often and _is_always_read(part, stmt.expr):
                shared[part] = Ref(f"e{len(shared)}_{var}", part.dtype)
                done.append(Let(shared[part].name, part))
        if isinstance(stmt, (Let, Store)) and shared:
            stmt = replace(stmt, expr=_shared(stmt.expr, shared))
        done.append(stmt)
    return tuple(done)


def _choices(stmt: Stmt) -> Iterator[Expr]:
    """The choices by indices alone in a statement that only read elements."""
    if isinstance(stmt, (Let, Store)):
        for part in walk_expr(stmt.expr):
            if isinstance(part, Apply) and part.fn == "where":
                chosen = walk_expr(part.args[0])
                if all(isinstance(x, (Apply, IndexValue, Lit)) for x in chosen):
                    yield part


def _is_always_read(part: Expr, expr: Expr) -> bool:
    """Whether an expression contains another one outside of its choices."""
    if expr == part:
        return True
    if not isinstance(expr, Apply):
        return False
    return any(_is_always_read(part, arg) for arg in expr.args[: 1 if expr.fn == "where" else None])


def _shared(expr: Expr, shared: Mapping[Expr, Ref]) -> Expr:
    if not isinstance(expr, Apply):
        return expr
    if expr in shared:
        return shared[expr]
    return replace(expr, args=tuple(_shared(arg, shared) for arg in expr.args))


def _statements(body: Sequence[Stmt], var: str, shortest: int) -> tuple[Stmt, ...] | None:
    done: list[Stmt] = []
    for stmt in body:
        if not isinstance(stmt, For):
            if not isinstance(stmt, (Let, Store, Check)):
                return None
            done.append(stmt)
            continue
        if dot_of(stmt) or sum_of(stmt) or rows_of(stmt, var, Everything()):
            done.append(stmt)
            continue
        if not isinstance(stmt.extent, int) or not 0 < stmt.extent < shortest or stmt.carries:
            return None
        inner = _statements(stmt.body, "", shortest)
        if inner is None or any(isinstance(part, For) for part in inner):
            return None
        done += _unrolled(replace(stmt, body=inner))
        if len(done) > MAX_STATEMENTS:
            return None
    return tuple(done)


def _unrolled(loop: For) -> list[Stmt]:
    """The iterations of a loop whose body is straight-line code, one after the other. Its folds
    begin with their identity, as those of the loop do."""
    done: list[Stmt] = []
    dtypes = {let.name: let.expr.dtype for let in loop.body if isinstance(let, Let)}
    totals: dict[str, Expr] = {a.name: Lit(a.identity, a.term.dtype) for a in loop.accs}
    for k in range(int(loop.extent)):
        named: dict[str, Expr] = {n: Ref(f"{n}_{loop.var}{k}", of) for n, of in dtypes.items()}
        values = {**named, loop.var: Lit(k, "int64")}
        for stmt in loop.body:
            found = statement_at(stmt, values, {})
            if isinstance(found, Let):
                found = replace(found, name=f"{found.name}_{loop.var}{k}")
            done.append(found)
        for acc in loop.accs:
            term, dtype = expr_at(acc.term, values, {}), acc.term.dtype
            total = Apply(FOLDS[acc.op].symbol, (totals[acc.name], term), dtype)
            name = acc.name if k + 1 == loop.extent else f"{acc.name}_{loop.var}{k}"
            done.append(Let(name, total, acc.origin))
            totals[acc.name] = Ref(name, dtype)
    return done
