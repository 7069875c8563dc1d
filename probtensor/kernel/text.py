"""Statements and expressions as text, for people."""

from __future__ import annotations

from collections.abc import Iterator

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
    pad = "  " * depth
    for stmt in body:
        match stmt:
            case Let(name, expr):
                yield f"{pad}{name} = {expression(expr)}"
            case Store(buffer, index, expr, op):
                yield f"{pad}{buffer}[{index}] {op or ''}= {expression(expr)}"
            case For(var, extent, inner, accs):
                for acc in accs:
                    yield f"{pad}{acc.name} = {acc.identity}"
                yield f"{pad}for {var} in range({extent}):"
                yield from statements(inner, depth + 1)
                for acc in accs:
                    yield f"{pad}  {acc.name} {acc.op}= {expression(acc.term)}"
            case Scan():
                yield from _scan(stmt, depth)
            case If(condition, then, otherwise, choices):
                yield f"{pad}if {expression(condition)}:"
                yield from statements(then, depth + 1)
                for choice in choices:
                    yield f"{pad}  {choice.name} = {expression(choice.first)}"
                if otherwise or choices:
                    yield f"{pad}else:"
                yield from statements(otherwise, depth + 1)
                for choice in choices:
                    yield f"{pad}  {choice.name} = {expression(choice.second)}"
            case Check(condition, code):
                yield f"{pad}check {expression(condition)} else {code}"
            case Call(routine, numbers=numbers):
                texts = [f"{buffer} + {offset}" for buffer, offset in stmt.pointers]
                texts += map(str, numbers)
                yield f"{pad}{routine}({', '.join(texts)})"
            case _:  # of a schedule, without operands: a barrier
                yield f"{pad}{type(stmt).__name__.lower()}"


def _scan(scan: Scan, depth: int) -> Iterator[str]:
    pad = "  " * depth
    for state in scan.states:
        yield f"{pad}{state.name} = {expression(state.init)}"
    extent = "" if scan.extent is None else scan.extent
    yield f"{pad}in order for {scan.var} in range({extent}):"
    yield from statements(scan.body, depth + 1)
    if scan.states:
        names = ", ".join(state.name for state in scan.states)
        yield f"{pad}  {names} = {', '.join(expression(state.next) for state in scan.states)}"
    if scan.stop is not None:
        yield f"{pad}  stop if {expression(scan.stop)}"
    if scan.count is not None:
        yield f"{pad}{scan.count} = iterations"


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
