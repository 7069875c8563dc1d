"""The unrolling of short loops: iterations written one after the other, with constant indices.

    for j in range(2):              t_0 = p[0]*x[i*2 + 0]
      t = p[j]*x[i*2 + j]     ->    a_0 = t_0
      a += t                        t_1 = p[1]*x[i*2 + 1]
                                    a_1 = a_0 + t_1

A fold becomes a chain of locals, its terms combined from the first to the last. The identity is not
combined, so that a sum of zeros of negative sign is such a zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Set

from probtensor.dataclass import replace
from probtensor.kernel.ir import (
    FOLDS,
    Acc,
    Apply,
    Expr,
    For,
    If,
    IndexValue,
    Let,
    Lit,
    Ref,
    Scan,
    Stmt,
)
from probtensor.kernel.scans.substitute import Names, expr_at, head_at, index_at, statement_at
from probtensor.types import Size


def unrolled(body: tuple[Stmt, ...], chosen: Set[int], names: Names) -> tuple[Stmt, ...]:
    """The statements with loops unrolled: those whose `id` is in `chosen`, with all loops inside
    them. Their extents are constant, and nothing in them is a `Scan` or a `Call`."""
    return tuple(_Unroller(chosen, names).block(body, {}, {}))


class _Unroller:
    def __init__(self, chosen: Set[int], names: Names) -> None:
        self.chosen = chosen
        self.names = names

    def block(
        self, body: tuple[Stmt, ...], values: dict[str, Expr], bounds: Mapping[str, Size]
    ) -> list[Stmt]:
        """The statements of a block; adds to `values` what is read in place of locals."""
        done: list[Stmt] = []
        for stmt in body:
            match stmt:
                case For() if id(stmt) in self.chosen:
                    done += self._iterations(stmt, values, bounds)
                case For():
                    done.append(self._loop(stmt, values, bounds))
                case Scan():
                    done.append(self._scan(stmt, values, bounds))
                case If():
                    done.append(self._if(stmt, values, bounds))
                case _:
                    done.append(statement_at(stmt, values, bounds))
        return done

    def _if(self, stmt: If, values: Mapping[str, Expr], bounds: Mapping[str, Size]) -> If:
        first, second = dict(values), dict(values)
        then = self.block(stmt.then, first, bounds)
        otherwise = self.block(stmt.otherwise, second, bounds)
        choices = tuple(
            replace(
                choice,
                first=expr_at(choice.first, first, bounds),
                second=expr_at(choice.second, second, bounds),
            )
            for choice in stmt.choices
        )
        return If(expr_at(stmt.condition, values, bounds), tuple(then), tuple(otherwise), choices)

    def _loop(
        self, loop: For, values: Mapping[str, Expr], bounds: Mapping[str, Size]
    ) -> For:
        head, inner = head_at(loop, values, bounds), dict(values)
        within = {**bounds, loop.var: head.extent}
        body = self.block(loop.body, inner, within)
        accs = tuple(replace(acc, term=expr_at(acc.term, inner, within)) for acc in loop.accs)
        return replace(head, body=tuple(body), accs=accs)

    def _scan(
        self, scan: Scan, values: Mapping[str, Expr], bounds: Mapping[str, Size]
    ) -> Scan:
        inner = dict(values)
        extent = None if scan.extent is None else index_at(scan.extent, values, bounds)
        within = bounds if extent is None else {**bounds, scan.var: extent}
        body = self.block(scan.body, inner, within)
        states = tuple(
            replace(
                state,
                init=expr_at(state.init, values, bounds),
                next=expr_at(state.next, inner, within),
            )
            for state in scan.states
        )
        stop = None if scan.stop is None else expr_at(scan.stop, inner, within)
        return replace(scan, extent=extent, body=tuple(body), states=states, stop=stop)

    def _iterations(
        self, loop: For, values: dict[str, Expr], bounds: Mapping[str, Size]
    ) -> list[Stmt]:
        """The iterations of a loop, one after the other."""
        done: list[Stmt] = []
        totals: list[Expr | None] = [None] * len(loop.accs)
        for iteration in range(int(loop.extent)):
            inner = {**values, loop.var: Lit(iteration, "int64")}
            for stmt in loop.body:
                if isinstance(stmt, For):
                    done += self._iterations(stmt, inner, bounds)
                    continue
                found = statement_at(stmt, inner, bounds)
                if isinstance(found, Let):
                    found = replace(found, name=self.names.fresh(stmt.name))
                    inner[stmt.name] = _named(found)
                done.append(found)
            for k, acc in enumerate(loop.accs):
                let = self._combined(acc, totals[k], expr_at(acc.term, inner, bounds))
                done.append(let)
                totals[k] = _named(let)
        for acc, total in zip(loop.accs, totals, strict=True):
            values[acc.name] = Lit(acc.identity, acc.term.dtype) if total is None else total
        return done

    def _combined(self, acc: Acc, total: Expr | None, term: Expr) -> Let:
        symbol, dtype = FOLDS[acc.op].symbol, acc.term.dtype
        value = term if total is None else Apply(symbol, (total, term), dtype)
        return Let(self.names.fresh(acc.name), value, acc.origin)


def _named(let: Let) -> Expr:
    """What is read in place of the local: its value if that is a literal or another local."""
    if isinstance(let.expr, (Lit, Ref)):
        return let.expr
    if isinstance(let.expr, IndexValue):
        return let.expr
    return Ref(let.name, let.expr.dtype)
