"""Several loops as one: places numbered in row-major order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from probtensor.kernel.ir import Apply, Check, Expr, For, Let, Load, Place, Stmt, Store
from probtensor.kernel.simplify import coefficient, substitute
from probtensor.types import Dim, Size


def flat_place(loops: Sequence[tuple[str, Size]]) -> Size:
    """The number of a turn of nested loops, given as (variable, extent), outermost first."""
    place: Size = 0
    for name, extent in loops:
        place = place * extent + Dim.name(name)
    return place


def flattened(
    body: Sequence[Stmt], loops: Sequence[tuple[str, Size]], flat: str
) -> tuple[Stmt, ...]:
    """The statements with `flat` in place of the loops' variables where an index is their number,
    up to a fixed distance."""
    whole = flat_place(loops)
    strides = []
    stride: Size = 1
    for name, extent in reversed(loops):
        strides.append((name, stride))
        stride = stride * extent

    def size(index: Size) -> Size:
        matching = all(coefficient(index, name) == factor for name, factor in strides)
        return index - whole + Dim.name(flat) if matching else index

    return tuple(_stmt(stmt, size) for stmt in body)


def fixed(body: Sequence[Stmt], names: Mapping[str, Size]) -> tuple[Stmt, ...]:
    """The statements with variables replaced in all indices."""
    return tuple(_stmt(stmt, lambda index: substitute(index, names)) for stmt in body)


def _expr(expr: Expr, size: Callable[[Size], Size]) -> Expr:
    match expr:
        case Load(index=index) | Place(index=index):
            return replace(expr, index=size(index))
        case Apply(args=args):
            return replace(expr, args=tuple(_expr(arg, size) for arg in args))
    return expr


def _stmt(stmt: Stmt, size: Callable[[Size], Size]) -> Stmt:
    match stmt:
        case Let(expr=expr):
            return replace(stmt, expr=_expr(expr, size))
        case Store(index=index, expr=expr):
            return replace(stmt, index=size(index), expr=_expr(expr, size))
        case For(body=body, accs=accs):
            return replace(
                stmt,
                extent=size(stmt.extent),
                body=tuple(_stmt(s, size) for s in body),
                accs=tuple(replace(acc, term=_expr(acc.term, size)) for acc in accs),
            )
        case Check(condition):
            return replace(stmt, condition=_expr(condition, size))
    return stmt
