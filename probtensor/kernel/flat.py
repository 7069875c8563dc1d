"""Several loops as one: places numbered in row-major order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from probtensor.kernel.ir import Apply, Check, Expr, For, Let, Load, Place, Stmt, Store
from probtensor.kernel.simplify import coefficient
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
    return tuple(_Flat(loops, flat).stmt(stmt) for stmt in body)


class _Flat:
    def __init__(self, loops: Sequence[tuple[str, Size]], flat: str) -> None:
        self.whole = flat_place(loops)
        self.flat = Dim.name(flat)
        self.strides = []
        stride: Size = 1
        for name, extent in reversed(loops):
            self.strides.append((name, stride))
            stride = stride * extent

    def size(self, index: Size) -> Size:
        matching = all(coefficient(index, name) == stride for name, stride in self.strides)
        return index - self.whole + self.flat if matching else index

    def expr(self, expr: Expr) -> Expr:
        match expr:
            case Load(index=index) | Place(index=index):
                return replace(expr, index=self.size(index))
            case Apply(args=args):
                return replace(expr, args=tuple(self.expr(arg) for arg in args))
        return expr

    def stmt(self, stmt: Stmt) -> Stmt:
        match stmt:
            case Let(expr=expr):
                return replace(stmt, expr=self.expr(expr))
            case Store(index=index, expr=expr):
                return replace(stmt, index=self.size(index), expr=self.expr(expr))
            case For(body=body, accs=accs):
                return replace(
                    stmt,
                    body=tuple(self.stmt(s) for s in body),
                    accs=tuple(replace(acc, term=self.expr(acc.term)) for acc in accs),
                )
            case Check(condition):
                return replace(stmt, condition=self.expr(condition))
        return stmt
