"""Statements and expressions as text, for people."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from probtensor.kernel.ir import (
    Apply,
    Call,
    Check,
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
)

INFIX = {"+", "-", "*", "/", "//", "%", "**", "<", "<=", ">", ">=", "==", "!=", "&", "|", "^",
         "<<", ">>"}


def statements(body: tuple[Stmt, ...], depth: int) -> Iterator[str]:
    """Statements as lines of text."""
    for row in rows(body, depth):
        yield row.text


def name_of(stmt: object) -> str:
    """What a statement defines or writes: a local, a buffer, the variable of a loop. Empty for a
    check, and for a branch that defines no local."""
    match stmt:
        case Let(name):
            return name
        case Store(buffer):
            return buffer
        case For(var) | Scan(var):
            return var
        case If(choices=choices) if choices:
            return choices[0].name
        case Call(writes=writes) if writes:
            return writes[0][0]
    return ""


class Row(NamedTuple):
    """A line of text, what it defines or writes (`name_of`, or a fold, state or choice), the user's
    line, and the statement of which it is a part."""

    text: str
    name: str
    origin: str
    stmt: Stmt


def rows(body: tuple[Stmt, ...], depth: int) -> Iterator[Row]:
    """Statements as lines, each with what it belongs to."""
    pad = "  " * depth
    for stmt in body:
        own = partial(Row, name=name_of(stmt), origin=getattr(stmt, "origin", ""), stmt=stmt)
        match stmt:
            case Let(name, expr):
                yield own(f"{pad}{name} = {expression(expr)}")
            case Store(buffer, index, expr, op):
                yield own(f"{pad}{buffer}[{index}] {op or ''}= {expression(expr)}")
            case For(var, extent, inner, accs):
                for acc in accs:
                    yield Row(f"{pad}{acc.name} = {acc.identity}", acc.name, acc.origin, stmt)
                yield own(f"{pad}for {var} in range({extent}):")
                yield from rows(inner, depth + 1)
                for acc in accs:
                    text = f"{pad}  {acc.name} {acc.op}= {expression(acc.term)}"
                    yield Row(text, acc.name, acc.origin, stmt)
            case Scan():
                yield from _scan(stmt, depth)
            case If():
                yield from _branch(stmt, depth)
            case Check(condition, code):
                yield own(f"{pad}check {expression(condition)} else {code}")
            case Call(routine, numbers=numbers):
                texts = [f"{buffer} + {offset}" for buffer, offset in stmt.pointers]
                texts += map(str, numbers)
                yield own(f"{pad}{routine}({', '.join(texts)})")
            case _:  # of a schedule, without operands: a barrier
                yield own(f"{pad}{type(stmt).__name__.lower()}")


def _branch(stmt: If, depth: int) -> Iterator[Row]:
    pad, name = "  " * depth, name_of(stmt)
    yield Row(f"{pad}if {expression(stmt.condition)}:", name, "", stmt)
    yield from rows(stmt.then, depth + 1)
    for choice in stmt.choices:
        text = f"{pad}  {choice.name} = {expression(choice.first)}"
        yield Row(text, choice.name, choice.origin, stmt)
    if stmt.otherwise or stmt.choices:
        yield Row(f"{pad}else:", name, "", stmt)
    yield from rows(stmt.otherwise, depth + 1)
    for choice in stmt.choices:
        text = f"{pad}  {choice.name} = {expression(choice.second)}"
        yield Row(text, choice.name, choice.origin, stmt)


def _scan(scan: Scan, depth: int) -> Iterator[Row]:
    pad, var = "  " * depth, scan.var
    for state in scan.states:
        yield Row(f"{pad}{state.name} = {expression(state.init)}", state.name, state.origin, scan)
    extent = "" if scan.extent is None else scan.extent
    yield Row(f"{pad}in order for {var} in range({extent}):", var, "", scan)
    yield from rows(scan.body, depth + 1)
    if scan.states:
        names = ", ".join(state.name for state in scan.states)
        text = f"{pad}  {names} = {', '.join(expression(state.next) for state in scan.states)}"
        yield Row(text, scan.states[0].name, scan.states[0].origin, scan)
    if scan.stop is not None:
        yield Row(f"{pad}  stop if {expression(scan.stop)}", var, "", scan)
    if scan.count is not None:
        yield Row(f"{pad}{scan.count} = iterations", scan.count, "", scan)


def expression(expr: Expr) -> str:
    """An expression as text."""
    match expr:
        case Lit(value):
            return str(value)
        case Ref(name):
            return name
        case IndexValue(index):
            return f"({index})"
        case Load(buffer, index):
            return f"{buffer}[{index}]"
        case Apply(fn, (left, right)) if fn in INFIX:
            return f"({expression(left)} {fn} {expression(right)})"
        case Apply(fn, args, dtype):
            label = dtype if fn == "cast" else fn
            return f"{label}({', '.join(map(expression, args))})"
