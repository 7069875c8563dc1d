"""The locals and buffers that statements and expressions read and write."""

from __future__ import annotations

from collections.abc import Iterable

from probtensor.kernel.ir import (
    Call,
    Expr,
    For,
    If,
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


def locals_set(stmt: Stmt) -> dict[str, str]:
    """The locals that a statement defines for the statements after it, with their dtypes."""
    match stmt:
        case Let(name, expr):
            return {name: expr.dtype}
        case For(accs=accs):
            return {acc.name: acc.term.dtype for acc in accs}
        case Scan(states=states, count=count):
            found = {state.name: state.dtype for state in states}
            return found if count is None else {**found, count: "int64"}
        case If(choices=choices):
            return {choice.name: choice.dtype for choice in choices}
    return {}


def names_set(stmt: Stmt) -> list[str]:
    """Locals that a statement defines for the statements after it."""
    return list(locals_set(stmt))


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
