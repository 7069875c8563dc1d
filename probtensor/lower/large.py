"""Large constant sizes become named ones, so that a module's text does not depend on them.

A loop over 10,000 rows need not know that there are 10,000: with the number passed in at run time,
the same model over other data is the same module, found in the cache. Small sizes stay in the text,
where the C compiler unrolls them.
"""

from __future__ import annotations

from dataclasses import replace

from probtensor.kernel.ir import (
    Acc,
    Apply,
    Call,
    Carry,
    Check,
    Expr,
    For,
    Kernel,
    Let,
    Load,
    Place,
    Stmt,
    Store,
)
from probtensor.lower.plan import SizeSource
from probtensor.types import Dim, Size

LARGEST = 64  # sizes up to this stay in the text


class LargeSizes:
    """Names for large integers, in order of first use; `sources` is what the plan has to bind."""

    def __init__(self, sources: list[SizeSource]) -> None:
        self.sources = sources
        self._names: dict[int, Dim] = {}

    def kernel(self, kernel: Kernel) -> Kernel:
        return replace(kernel, body=self._body(kernel.body))

    def _name(self, value: int) -> Dim:
        if value not in self._names:
            name = f"n{len(self.sources)}"
            self.sources.append(SizeSource(name, -1, -1, value))
            self._names[value] = Dim.name(name)
        return self._names[value]

    def _size(self, size: Size) -> Size:
        if not isinstance(size, Dim):
            return self._name(size) if size > LARGEST else size
        total: Size = 0
        for atoms, factor in size.terms:
            product = Dim(((atoms, 1),)) if atoms else 1
            sign = -1 if factor < 0 else 1
            total = total + self._size(abs(factor)) * product * sign
        return total

    def _body(self, body: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
        return tuple(self._stmt(stmt) for stmt in body)

    def _stmt(self, stmt: Stmt) -> Stmt:
        match stmt:
            case Let(expr=expr):
                return replace(stmt, expr=self._expr(expr))
            case Store(index=index, expr=expr):
                return replace(stmt, index=self._size(index), expr=self._expr(expr))
            case For(extent=extent, start=start, body=body, accs=accs):
                return replace(
                    stmt,
                    extent=self._size(extent),
                    start=self._size(start),
                    body=self._body(body),
                    accs=tuple(self._acc(acc) for acc in accs),
                    carries=tuple(map(self._carry, stmt.carries)),
                )
            case Check(condition):
                return replace(stmt, condition=self._expr(condition))
            case Call(args=args):
                return replace(stmt, args=tuple(self._argument(arg) for arg in args))

    def _acc(self, acc: Acc) -> Acc:
        return replace(acc, term=self._expr(acc.term))

    def _carry(self, carry: Carry) -> Carry:
        turns = None if carry.scattered is None else self._size(carry.scattered)
        return replace(
            carry,
            first=self._size(carry.first),
            count=self._size(carry.count),
            scattered=turns,
            each=self._size(carry.each),
            within=None if carry.within is None else self._size(carry.within),
        )

    def _argument(self, arg):
        return (arg[0], self._size(arg[1])) if isinstance(arg, tuple) else self._size(arg)

    def _expr(self, expr: Expr) -> Expr:
        match expr:
            case Load(index=index) | Place(index=index):
                return replace(expr, index=self._size(index))
            case Apply(args=args):
                return replace(expr, args=tuple(self._expr(arg) for arg in args))
        return expr
