"""The locals and buffers that statements and expressions read and write."""

from __future__ import annotations

from collections.abc import Iterable

from probtensor.kernel.ir import (
    Call,
    Expr,
    For,
    IndexValue,
    Let,
    Load,
    Ref,
    Scan,
    Stmt,
    Store,
    exprs_of,
    indices_of,
    walk,
    walk_expr,
)
from probtensor.types import size_names


def deep(stmt: Stmt) -> Iterable[Stmt]:
    """A statement and all statements inside it."""
    return walk((stmt,))


def names_read(stmt: Stmt) -> set[str]:
    """Locals and sizes that a statement or a statement inside it reads."""
    names: set[str] = set()
    for part in deep(stmt):
        for index in indices_of(part):
            names |= size_names(index)
        for expr in exprs_of(part):
            names |= {e.name for e in walk_expr(expr) if isinstance(e, Ref)}
    return names


def expr_names(expr: Expr) -> set[str]:
    """Locals and sizes that an expression reads."""
    names: set[str] = set()
    for part in walk_expr(expr):
        if isinstance(part, Ref):
            names.add(part.name)
        elif isinstance(part, (Load, IndexValue)):
            names |= size_names(part.index)
    return names


def names_set(stmt: Stmt) -> list[str]:
    """Locals that a statement defines for the statements after it."""
    if isinstance(stmt, Let):
        return [stmt.name]
    if isinstance(stmt, Scan):
        count = [] if stmt.count is None else [stmt.count]
        return [state.name for state in stmt.states] + count
    return [acc.name for acc in stmt.accs] if isinstance(stmt, For) else []


def writes_of(stmt: Stmt) -> list[str]:
    """Buffers that a statement stores to, or that a routine in it writes."""
    found = [part.buffer for part in deep(stmt) if isinstance(part, Store)]
    for part in deep(stmt):
        if isinstance(part, Call):
            found += [buffer for buffer, _ in part.writes]
    return found


def buffers_of(stmt: Stmt) -> list[str]:
    """Buffers that a statement writes or reads."""
    found = writes_of(stmt)
    for part in deep(stmt):
        if isinstance(part, Call):
            found += [buffer for buffer, _ in part.reads]
        for expr in exprs_of(part):
            found += loads_of(expr)
    return found


def loads_of(expr: Expr) -> list[str]:
    """Buffers that an expression reads."""
    return [part.buffer for part in walk_expr(expr) if isinstance(part, Load)]
