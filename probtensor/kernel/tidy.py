"""Inlining of locals that are read once into the expression that reads them.

This makes the text shorter for readers and faster to translate; a C compiler would do it anyway.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

from probtensor.dataclass import replace
from probtensor.kernel.ir import (
    Apply,
    Call,
    Check,
    Expr,
    For,
    If,
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
)
from probtensor.types import Dim, Size

MAX_OPERATIONS = 9  # operations in one expression: about what fits on a line
# Functions whose spelling contains the operand twice.
REPEATED = ("square", "isnan", "isinf")
PLAIN = (Let, Store)  # statements of one expression
NESTED = (For, Scan, If)  # statements with bodies


def inline_locals(body: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
    """The statements with single-use locals inlined."""
    survey = _Survey()
    survey.block(body)
    once = {n for n, count in survey.uses.items() if count == 1 and n not in survey.fixed}
    return _Inliner(once, survey.facts).block(body, ())[0]


# What is known of the expressions of a statement: the locals that they read, the number of their
# operations, and whether they load.
_Facts = tuple[list[str], int, bool]


class _Survey:
    """How often each local is read in expressions, the locals that cannot be inlined (those read
    in indices, in arguments of routines or in checks), and the facts of each statement, by `id`."""

    def __init__(self) -> None:
        self.uses: dict[str, int] = {}
        self.fixed: set[str] = set()
        self.facts: dict[int, _Facts] = {}

    def block(self, body: tuple[Stmt, ...]) -> None:
        for stmt in body:
            kind = stmt.__class__
            facts = self._facts((stmt.expr,) if kind in PLAIN else exprs_of(stmt))
            self.facts[id(stmt)] = facts
            for name in facts[0]:
                self.uses[name] = self.uses.get(name, 0) + 1
            if kind is Let:
                continue
            if kind is Store:
                self._fix(stmt.index)
                continue
            if kind is Check or kind is Scan:  # `next` and `stop` are evaluated after all of a body
                self.fixed.update(facts[0])
            for index in own_indices(stmt):
                self._fix(index)
            for inner in blocks(stmt):
                self.block(inner)

    def _fix(self, index: Size) -> None:
        if index.__class__ is Dim:
            self.fixed |= index.names()

    def _facts(self, exprs: Sequence[Expr]) -> _Facts:
        refs, size, loads = [], 0, False
        stack = [*exprs]
        while stack:
            part = stack.pop()
            kind = part.__class__
            if kind is Ref:
                refs.append(part.name)
            elif kind is Apply:
                size += 1
                stack += part.args
            elif kind is not Lit:
                loads = loads or kind is Load
                self._fix(part.index)
        return refs, size, loads


class _Pending(NamedTuple):
    """A local that may still be inlined, its position in the block, and the facts of its value."""

    let: Let
    position: int
    refs: list[str]
    size: int
    loads: bool


class _Inliner:
    """Writes statements with the locals `once` inlined; `facts` are those of the statements."""

    def __init__(self, once: set[str], facts: Mapping[int, _Facts]) -> None:
        self.once = once
        self.facts = facts

    def block(
        self, body: tuple[Stmt, ...], ends: Sequence[Expr]
    ) -> tuple[tuple[Stmt, ...], tuple[Expr, ...]]:
        """The statements, and the expressions that are evaluated after them."""
        pending: dict[str, _Pending] = {}  # in order
        loading: dict[str, None] = {}  # those of them that load
        done: list[Stmt] = []
        for position, stmt in enumerate(body):
            kind = stmt.__class__
            if kind in NESTED:
                done += self._nested(stmt, pending)
                continue
            refs, size, loads = self.facts[id(stmt)]
            if pending and kind in PLAIN:
                taken: list[_Pending] = []
                expr = _inlined(stmt.expr, pending, True, taken)
                if taken:
                    stmt = _with_expr(stmt, expr)
                    # The names of locals that were taken are left: they are pending no longer.
                    refs = refs + [name for part in taken for name in part.refs]
                    size += sum([part.size for part in taken])
                    loads = loads or any(part.loads for part in taken)
            if kind is Let and size <= MAX_OPERATIONS and stmt.name in self.once:
                pending[stmt.name] = _Pending(stmt, position, refs, size, loads)
                if loads:
                    loading[stmt.name] = None
                continue
            if pending:
                done += _flushed(refs, pending)
                if kind is Store or kind is Call:
                    done += _flushed(loading, pending)
                    loading.clear()
            done.append(stmt)
        ends = tuple([_inlined(end, pending, True, []) for end in ends])
        done += _flushed(pending, pending)
        return tuple(done), ends

    def _nested(self, stmt: For | Scan | If, pending: dict[str, _Pending]) -> list[Stmt]:
        """What becomes of a statement with bodies: locals inlined into it would be computed
        again in each iteration, or under a condition."""
        if isinstance(stmt, If):
            condition = _inlined(stmt.condition, pending, True, [])
            return [*_flushed(pending, pending), self._if(replace(stmt, condition=condition))]
        before = _flushed(pending, pending)
        if isinstance(stmt, Scan):
            return [*before, replace(stmt, body=self.block(stmt.body, ())[0])]
        inner, terms = self.block(stmt.body, [acc.term for acc in stmt.accs])
        accs = tuple(replace(a, term=t) for a, t in zip(stmt.accs, terms, strict=True))
        return [*before, replace(stmt, body=inner, accs=accs)]

    def _if(self, stmt: If) -> If:
        then, firsts = self.block(stmt.then, [c.first for c in stmt.choices])
        otherwise, seconds = self.block(stmt.otherwise, [c.second for c in stmt.choices])
        choices = tuple(
            replace(choice, first=first, second=second)
            for choice, first, second in zip(stmt.choices, firsts, seconds, strict=True)
        )
        return replace(stmt, then=then, otherwise=otherwise, choices=choices)


def _with_expr(stmt: Let | Store, expr: Expr) -> Let | Store:
    if stmt.__class__ is Let:
        return Let(stmt.name, expr, stmt.origin)
    return Store(stmt.buffer, stmt.index, expr, stmt.op, stmt.origin, stmt.unique)


def _flushed(names: Iterable[str], pending: dict[str, _Pending]) -> list[Stmt]:
    """The pending locals of these, and the pending locals they read, as statements in order."""
    found: list[_Pending] = []
    waiting = list(names)
    while waiting:
        part = pending.pop(waiting.pop(), None)
        if part is not None:
            found.append(part)
            waiting += part.refs
    found.sort(key=_position)
    return [part.let for part in found]


_position = attrgetter("position")


def _inlined(
    expr: Expr, pending: dict[str, _Pending], movable: bool, taken: list[_Pending]
) -> Expr:
    """The expression with pending locals inlined, which are added to `taken`; a Ref itself only if
    it is `movable`."""
    if expr.__class__ is Ref:
        found = pending.pop(expr.name, None) if movable else None
        if found is None:
            return expr
        taken.append(found)
        return found.let.expr
    if expr.__class__ is not Apply or not pending:
        return expr
    args, allowed, fn = None, None, expr.fn
    for k, arg in enumerate(expr.args):
        # Work in the branches of a `where` would be done under a condition.
        if fn in REPEATED or (k > 0 and fn == "where"):
            continue
        if arg.__class__ is Ref:
            found = pending.get(arg.name)
            if found is None:
                continue
            if allowed is None:
                allowed = MAX_OPERATIONS - _size(expr)
            if found.size > allowed:
                continue
        elif arg.__class__ is not Apply:
            continue
        made = _inlined(arg, pending, True, taken)
        if made is not arg:
            args = args or [*expr.args]
            args[k] = made
    return expr if args is None else Apply(fn, tuple(args), expr.dtype)


def _size(expr: Expr) -> int:
    return 1 + sum(map(_size, expr.args)) if expr.__class__ is Apply else 0
