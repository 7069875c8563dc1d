"""Inlining of locals that are read once into the expression that reads them.

This makes the text shorter for readers and faster to translate; a C compiler would do it anyway.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from probtensor.dataclass import replace
from probtensor.kernel.ir import (
    Apply,
    Call,
    Check,
    Expr,
    For,
    If,
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

MAX_OPERATIONS = 9  # operations in one expression: about what fits on a line
# Functions whose spelling contains the operand twice.
REPEATED = ("square", "isnan", "isinf")


def inline_locals(body: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
    """The statements with single-use locals inlined."""
    uses, fixed = _uses(body)
    once = {name for name, count in uses.items() if count == 1 and name not in fixed}
    return _body(body, (), once)[0]


def _uses(body: tuple[Stmt, ...]) -> tuple[Counter[str], set[str]]:
    """How often each local is read in expressions, and the locals that cannot be inlined: those
    read in indices, in arguments of routines or in checks."""
    uses: Counter[str] = Counter()
    fixed: set[str] = set()
    for stmt in walk(body):
        for expr in exprs_of(stmt):
            for part in walk_expr(expr):
                if isinstance(part, Ref):
                    uses[part.name] += 1
        for index in indices_of(stmt):
            fixed |= size_names(index)
        if isinstance(stmt, Scan):  # its `next` and `stop` are evaluated after all of the body
            fixed |= {p.name for e in exprs_of(stmt) for p in walk_expr(e) if isinstance(p, Ref)}
        if isinstance(stmt, Check):
            fixed |= {p.name for p in walk_expr(stmt.condition) if isinstance(p, Ref)}
    return uses, fixed


def _body(
    body: tuple[Stmt, ...], ends: Sequence[Expr], once: set[str]
) -> tuple[tuple[Stmt, ...], tuple[Expr, ...]]:
    """The statements, and the expressions that are evaluated after them."""
    pending: dict[str, Let] = {}  # locals that may still be inlined, in order
    loading: dict[str, None] = {}  # those of them that load
    position = {stmt.name: k for k, stmt in enumerate(body) if isinstance(stmt, Let)}
    done: list[Stmt] = []

    def flush(names: Iterable[str]) -> None:
        """Write pending locals, and the pending locals they read, as statements in order."""
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name in pending and name not in found:
                found.add(name)
                waiting += _refs(pending[name])
        done.extend(pending.pop(name) for name in sorted(found, key=position.__getitem__))

    for stmt in body:
        if isinstance(stmt, For):
            # A local inlined into the loop would be computed again in each iteration.
            flush(pending)
            inner, terms = _body(stmt.body, [acc.term for acc in stmt.accs], once)
            accs = tuple(replace(a, term=t) for a, t in zip(stmt.accs, terms, strict=True))
            done.append(replace(stmt, body=inner, accs=accs))
            continue
        if isinstance(stmt, Scan):
            flush(pending)
            done.append(replace(stmt, body=_body(stmt.body, (), once)[0]))
            continue
        if isinstance(stmt, If):
            condition = _inlined(stmt.condition, pending, True)
            flush(pending)
            done.append(_if(replace(stmt, condition=condition), once))
            continue
        stmt = _inlined_stmt(stmt, pending)
        if isinstance(stmt, Let) and stmt.name in once and _size(stmt.expr) <= MAX_OPERATIONS:
            pending[stmt.name] = stmt
            if _reads_memory(stmt.expr):
                loading[stmt.name] = None
            continue
        flush(_refs(stmt))
        if isinstance(stmt, (Store, Call)):
            flush(loading)
            loading.clear()
        done.append(stmt)
    ends = tuple(_inlined(end, pending, True) for end in ends)
    flush(pending)
    return tuple(done), ends


def _if(stmt: If, once: set[str]) -> If:
    then, firsts = _body(stmt.then, [c.first for c in stmt.choices], once)
    otherwise, seconds = _body(stmt.otherwise, [c.second for c in stmt.choices], once)
    choices = tuple(
        replace(choice, first=first, second=second)
        for choice, first, second in zip(stmt.choices, firsts, seconds, strict=True)
    )
    return replace(stmt, then=then, otherwise=otherwise, choices=choices)


def _refs(stmt: Stmt) -> set[str]:
    return {p.name for e in exprs_of(stmt) for p in walk_expr(e) if isinstance(p, Ref)}


def _inlined_stmt(stmt: Stmt, pending: dict[str, Let]) -> Stmt:
    if isinstance(stmt, (Let, Store)):
        expr = _inlined(stmt.expr, pending, True)
        return stmt if expr is stmt.expr else replace(stmt, expr=expr)
    return stmt


def _inlined(expr: Expr, pending: dict[str, Let], movable: bool) -> Expr:
    """The expression with pending locals inlined; a Ref itself only if it is `movable`."""
    if isinstance(expr, Ref) and movable and expr.name in pending:
        return pending.pop(expr.name).expr
    if not isinstance(expr, Apply):
        return expr
    args, allowed = [], None
    for k, arg in enumerate(expr.args):
        # Work in the branches of a `where` would be done under a condition.
        by_name = expr.fn in REPEATED or (expr.fn == "where" and k > 0)
        is_pending = isinstance(arg, Ref) and arg.name in pending
        if is_pending and allowed is None:
            allowed = MAX_OPERATIONS - _size(expr)
        fits = is_pending and _size(pending[arg.name].expr) <= allowed
        if by_name and not isinstance(arg, Ref):
            args.append(arg)
        else:
            args.append(_inlined(arg, pending, not by_name and fits))
    same = all(a is b for a, b in zip(expr.args, args, strict=True))
    return expr if same else Apply(expr.fn, tuple(args), expr.dtype)


def _size(expr: Expr) -> int:
    return 1 + sum(map(_size, expr.args)) if expr.__class__ is Apply else 0


def _reads_memory(expr: Expr) -> bool:
    return any(isinstance(part, Load) for part in walk_expr(expr))
