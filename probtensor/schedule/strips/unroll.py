"""Short loops inside of loops, unrolled for an interpreter.

A loop over a few states or columns in each iteration of a loop over data becomes statements, which
then run for all iterations of a strip together. The order of its folds stays, their identities
included: `kernel/scans/unroll.py`, whose loops all targets run, leaves these out.
"""

from __future__ import annotations

from collections.abc import Sequence

from probtensor.dataclass import replace
from probtensor.kernel.ir import FOLDS, Apply, Check, Expr, For, Let, Lit, Ref, Stmt, Store
from probtensor.kernel.scans.substitute import expr_at, statement_at
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
