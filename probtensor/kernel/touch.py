"""The locals and buffers that statements and expressions read and write."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from probtensor.kernel.ir import (
    Apply,
    Call,
    Expr,
    For,
    If,
    IndexValue,
    Let,
    Lit,
    Load,
    Ref,
    Scan,
    Stmt,
    Store,
    blocks,
    exprs_of,
    own_indices,
    walk,
    walk_expr,
)
from probtensor.types import Dim


def deep(stmt: Stmt) -> Iterable[Stmt]:
    """A statement and all statements inside it."""
    return walk((stmt,))


class Touched(NamedTuple):
    """What a statement reads and writes, with the statements inside it.

    refs     locals that expressions read, as often as they do
    indexed  locals and sizes that indices, extents and offsets read
    names    both
    loads    in order
    stores   buffers that are stored to
    called   buffers that routines write
    reads    buffers that are loaded, or that routines read
    """

    refs: tuple[str, ...]
    indexed: frozenset[str]
    names: frozenset[str]
    loads: tuple[Load, ...]
    stores: tuple[str, ...]
    called: tuple[str, ...]
    reads: tuple[str, ...]

    @property
    def writes(self) -> tuple[str, ...]:
        """Buffers that are written."""
        return self.stores + self.called


def touched(stmt: Stmt) -> Touched:
    """What a statement and the statements inside it read and write; found once."""
    found = getattr(stmt, "touched", None)
    if found is None:
        found = _touched(stmt)
        object.__setattr__(stmt, "touched", found)
    return found


def _touched(stmt: Stmt) -> Touched:
    refs, loads, indexed = [], [], set()
    for expr in exprs_of(stmt):
        stack = [expr]
        while stack:
            part = stack.pop()
            kind = part.__class__
            if kind is Ref:
                refs.append(part.name)
            elif kind is Apply:
                stack += part.args[::-1]
            elif kind is not Lit:
                if part.index.__class__ is Dim:
                    indexed |= part.index.names()
                if kind is Load:
                    loads.append(part)
    for index in own_indices(stmt):
        if index.__class__ is Dim:
            indexed |= index.names()
    stores = [stmt.buffer] if stmt.__class__ is Store else []
    called, reads = [], []
    if stmt.__class__ is Call:
        called += [buffer for buffer, _ in stmt.writes]
        reads += [buffer for buffer, _ in stmt.reads]
    reads += [load.buffer for load in loads]
    for inner in [touched(inner) for body in blocks(stmt) for inner in body]:
        refs += inner.refs
        indexed |= inner.indexed
        loads += inner.loads
        stores += inner.stores
        called += inner.called
        reads += inner.reads
    parts = map(tuple, (loads, stores, called, reads))
    return Touched(tuple(refs), frozenset(indexed), frozenset(indexed.union(refs)), *parts)


def names_read(stmt: Stmt) -> frozenset[str]:
    """Locals and sizes that a statement or a statement inside it reads."""
    return touched(stmt).names


def expr_names(expr: Expr) -> set[str]:
    """Locals and sizes that an expression reads."""
    names: set[str] = set()
    for part in walk_expr(expr):
        kind = part.__class__
        if kind is Ref:
            names.add(part.name)
        elif (kind is Load or kind is IndexValue) and part.index.__class__ is Dim:
            names |= part.index.names()
    return names


def locals_set(stmt: Stmt) -> dict[str, str]:
    """The locals that a statement defines for the statements after it, with their dtypes."""
    if stmt.__class__ is Let:
        return {stmt.name: stmt.expr.dtype}
    match stmt:
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


def writes_of(stmt: Stmt) -> tuple[str, ...]:
    """Buffers that a statement stores to, or that a routine in it writes."""
    return touched(stmt).writes


def buffers_of(stmt: Stmt) -> tuple[str, ...]:
    """Buffers that a statement writes or reads."""
    found = touched(stmt)
    return found.writes + found.reads


def loads_of(expr: Expr) -> list[str]:
    """Buffers that an expression reads."""
    return [part.buffer for part in walk_expr(expr) if isinstance(part, Load)]
