"""Short loops inside of loops, unrolled for an interpreter.

A loop over a few states or columns in each iteration of a loop over data becomes statements, which
then run for all iterations of a strip together. The order of its folds stays.
"""

from __future__ import annotations

from collections.abc import Sequence

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
    Load,
    Ref,
    Stmt,
    Store,
    walk,
)
from probtensor.kernel.touch import names_set
from probtensor.schedule.strips.routines import dot_of, rows_of, sum_of
from probtensor.types import Dim, Size, size_names, size_substitute

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
    return replace(loop, body=body)


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
        if not isinstance(stmt.extent, int) or stmt.extent >= shortest or stmt.carries:
            return None
        inner = _statements(stmt.body, "", shortest)
        if inner is None or any(isinstance(part, For) for part in inner):
            return None
        done += _unrolled(replace(stmt, body=inner))
        if len(done) > MAX_STATEMENTS:
            return None
    return tuple(done)


def _unrolled(loop: For) -> list[Stmt]:
    """The iterations of a loop whose body is straight-line code, one after the other."""
    done: list[Stmt] = []
    local = {name for stmt in walk(loop.body) for name in names_set(stmt)}
    totals: dict[str, Expr] = {a.name: Lit(a.identity, a.term.dtype) for a in loop.accs}
    for k in range(loop.extent):
        change = _Iteration(loop.var, k, local)
        done += map(change.statement, loop.body)
        for acc in loop.accs:
            term, dtype = change.expr(acc.term), acc.term.dtype
            total = Apply(FOLDS[acc.op].symbol, (totals[acc.name], term), dtype)
            name = acc.name if k + 1 == loop.extent else f"{acc.name}_{loop.var}{k}"
            done.append(Let(name, total, acc.origin))
            totals[acc.name] = Ref(name, dtype)
    return done


class _Iteration:
    """Changes statements to those of one iteration: its number for the loop variable, and names of
    its own for locals."""

    def __init__(self, var: str, number: int, local: set[str]) -> None:
        self.names = {name: f"{name}_{var}{number}" for name in local}
        self.sizes: dict[str, Size] = {old: Dim.name(new) for old, new in self.names.items()}
        self.sizes[var] = number

    def statement(self, stmt: Stmt) -> Stmt:
        match stmt:
            case Let(name, expr):
                return replace(stmt, name=self.names[name], expr=self.expr(expr))
            case Store(index=index, expr=expr):
                return replace(stmt, index=self.size(index), expr=self.expr(expr))
            case Check(condition):
                return replace(stmt, condition=self.expr(condition))
        raise TypeError(f"not straight-line code: {stmt!r}")

    def size(self, size: Size) -> Size:
        return size_substitute(size, self.sizes) if size_names(size) & self.sizes.keys() else size

    def expr(self, expr: Expr) -> Expr:
        match expr:
            case Ref(name) if name in self.names:
                return replace(expr, name=self.names[name])
            case Load(index=index):
                return replace(expr, index=self.size(index))
            case IndexValue(index=index):
                return replace(expr, index=self.size(index))
            case Apply(args=args):
                return replace(expr, args=tuple(map(self.expr, args)))
        return expr
