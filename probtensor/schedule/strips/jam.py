"""Unroll and jam: loops over rows that accumulate in memory, several rows in one iteration.

Such a loop adds each row to the same sums, so it reads and writes all sums once per row. Jammed,
the terms of several rows are added first, pairwise, and the sums are read and written once for all
of them:

    for i:                          for i in steps of 4:
      for j: y[j] += x[i*m + j]       for j: y[j] += (x[i*m + j] + x[(i + 1)*m + j])
                                                     + (x[(i + 2)*m + j] + x[(i + 3)*m + j])
"""

from __future__ import annotations

from collections.abc import Sequence

from probtensor.dataclass import replace
from probtensor.kernel.ir import (
    Apply,
    Expr,
    For,
    IndexValue,
    Let,
    Load,
    Ref,
    Stmt,
    Store,
    walk_expr,
)
from probtensor.kernel.simplify import coefficient
from probtensor.kernel.touch import loads_of
from probtensor.types import Dim, Size, size_names, size_substitute

ROWS = 4  # iterations in one
SIMPLE = ("+", "-", "*", "neg", "square", "cast", "where", "<", "<=", ">", ">=", "==", "!=")
MAX_OPERATIONS = 32  # of all rows together: longer bodies gain nothing and are slow to compile


def several_rows(loop: For) -> tuple[Stmt, ...] | None:
    """The body of `ROWS` iterations in one; None if the results differ or nothing is gained."""
    names = _names(loop.body)
    if loop.accs or not _nest(loop.body, loop.var, (), names):
        return None
    stores = _stores(loop.body)
    summed = {store.buffer for store in stores}
    exprs = _exprs(loop.body)
    if any(buffer in summed for expr in exprs for buffer in loads_of(expr)):
        return None
    work = [part for expr in exprs for part in walk_expr(expr) if isinstance(part, Apply)]
    if len(work) * ROWS > MAX_OPERATIONS or any(part.fn not in SIMPLE for part in work):
        return None
    return _jammed(loop.body, loop.var, names)


def _nest(body: Sequence[Stmt], var: str, around: tuple[str, ...], names: set[str]) -> bool:
    """Whether the body is a perfect loop nest whose innermost statements add float64 terms to
    memory, with stride 1 along the innermost loop and stride 0 along `var`, at indices that depend
    on none of the locals `names`."""
    rest = [stmt for stmt in body if not isinstance(stmt, Let)]
    if len(rest) == 1 and isinstance(rest[0], For):
        inner = rest[0]
        plain = not inner.accs and not inner.carries
        invariant = not size_names(inner.extent) & {var, *around, *names}
        return plain and invariant and _nest(inner.body, var, (*around, inner.var), names)
    return bool(rest) and bool(around) and all(
        isinstance(stmt, Store)
        and stmt.op == "add"
        and stmt.expr.dtype == "float64"
        and coefficient(stmt.index, var) == 0
        and coefficient(stmt.index, around[-1]) == 1
        and not size_names(stmt.index) & names
        for stmt in rest
    )  # fmt: skip


def _stores(body: Sequence[Stmt]) -> list[Store]:
    found = [stmt for stmt in body if isinstance(stmt, Store)]
    return found + [s for stmt in body if isinstance(stmt, For) for s in _stores(stmt.body)]


def _names(body: Sequence[Stmt]) -> set[str]:
    found = {stmt.name for stmt in body if isinstance(stmt, Let)}
    return found.union(*(_names(stmt.body) for stmt in body if isinstance(stmt, For)))


def _exprs(body: Sequence[Stmt]) -> list[Expr]:
    found = [stmt.expr for stmt in body if isinstance(stmt, (Let, Store))]
    return found + [e for stmt in body if isinstance(stmt, For) for e in _exprs(stmt.body)]


def _jammed(body: Sequence[Stmt], var: str, names: set[str]) -> tuple[Stmt, ...]:
    done: list[Stmt] = []
    for stmt in body:
        if isinstance(stmt, Let):
            for k in range(ROWS):
                expr = _row(stmt.expr, var, k, names)
                done.append(replace(stmt, name=_named(stmt.name, k), expr=expr))
        elif isinstance(stmt, For):
            done.append(replace(stmt, body=_jammed(stmt.body, var, names)))
        else:
            terms = [_row(stmt.expr, var, k, names) for k in range(ROWS)]
            while len(terms) > 1:
                pairs = zip(terms[::2], terms[1::2], strict=True)
                terms = [Apply("+", pair, stmt.expr.dtype) for pair in pairs]
            done.append(replace(stmt, expr=terms[0]))
    return tuple(done)


def _row(expr: Expr, var: str, k: int, names: set[str]) -> Expr:
    """The expression of `k` iterations later."""

    def size(index: Size) -> Size:
        later = {name: Dim.name(_named(name, k)) for name in names & size_names(index)}
        return size_substitute(index, {var: Dim.name(var) + k, **later})

    match expr:
        case Ref(name) if name in names:
            return replace(expr, name=_named(name, k))
        case Load(index=index) | IndexValue(index=index):
            return replace(expr, index=size(index))
        case Apply(args=args):
            return replace(expr, args=tuple(_row(arg, var, k, names) for arg in args))
    return expr


def _named(name: str, k: int) -> str:
    return f"{name}_{k}"
