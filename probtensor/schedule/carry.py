"""Sums that a loop adds up in memory, gathered in scratch memory (`ir.Carry`).

A sum of float32 is gathered in doubles and rounded once, at the end. One of float64 is gathered
block by block: each block starts from nothing, and is added to the sum with the error of that
addition kept (Knuth 1969; Neumaier 1974, ZAMM 54:39), so that rounding errors grow with the length
of a block and not with that of the loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from probtensor.kernel.ir import Apply, Carry, Expr, For, Lit, Load, Stmt, Store
from probtensor.types import Dim, Size

BLOCK = 128  # turns after which what was gathered is added to the sum
# The same where data decide the places: the end of a block costs a pass over all of them.
SCATTERED_BLOCK, TURNS_A_PLACE = 512, 16
LONG_SCATTER = 4  # blocks: a scatter of fewer is not worth the passes at its beginning and end


def widened(term: Expr) -> Expr:
    """A float32 term as float64; a term that was rounded to float32 is taken as it was before."""
    match term:
        case Apply("cast", (inner,)) if inner.dtype == "float64":
            return inner
    return Apply("cast", (term,), "float64")


def block(carry: Carry) -> Size:
    """Additions of a scatter that make a block."""
    return SCATTERED_BLOCK + carry.count * TURNS_A_PLACE


def threshold(carry: Carry) -> Size:
    """Additions up to which a scatter is not gathered where that is optional."""
    return block(carry) * LONG_SCATTER


def is_optional(carry: Carry) -> bool:
    """Whether it is decided at each call if the sums are gathered."""
    scattered = carry.scattered is not None and carry.dtype == "float64"
    return scattered or carry.within is not None


def target(carry: Carry) -> str:
    """Where what is added goes: the scratch memory, or a pointer that is to be set to it or to the
    sums themselves."""
    return f"{carry.scratch}p" if is_optional(carry) else carry.scratch


def redirected(body: Sequence[Stmt], carries: Sequence[Carry]) -> tuple[Stmt, ...]:
    """The statements with what they add to the sums going to the targets of the carries."""
    homes = {carry.buffer: carry for carry in carries}

    def turned(stmt: Stmt) -> Stmt:
        match stmt:
            case For():
                carries = tuple(_moved(c, homes[c.buffer]) if c.buffer in homes else c
                                for c in stmt.carries)  # fmt: skip
                inner = tuple(turned(inner) for inner in stmt.body)
                return replace(stmt, body=inner, carries=carries)
            case Store(buffer, index, expr, "add") if buffer in homes:
                carry = homes[buffer]
                place = index - carry.first
                return replace(stmt, buffer=target(carry), index=place, expr=_term(expr, carry))
        return stmt

    return tuple(turned(stmt) for stmt in body)


def as_loops(body: Sequence[Stmt], scattered: bool = False) -> tuple[Stmt, ...]:
    """Statements in which sums of float32 (or those that are scattered alone) are gathered by loops
    of their own: one that clears the scratch memory, and one that adds what was gathered."""
    done: list[Stmt] = []
    for stmt in body:
        if not isinstance(stmt, For):
            done.append(stmt)
            continue
        mine = tuple(c for c in stmt.carries if c.dtype == "float32")
        mine = tuple(c for c in mine if c.scattered is not None or not scattered)
        inner = as_loops(redirected(stmt.body, mine), scattered)
        done += [_cleared(carry) for carry in mine]
        done.append(replace(stmt, body=inner, carries=()))
        done += [_added(carry) for carry in mine]
    return tuple(done)


def _moved(inner: Carry, outer: Carry) -> Carry:
    """A carry of an inner loop, whose sums go where those of the outer one are gathered."""
    return replace(
        inner, buffer=target(outer), dtype="float64", first=inner.first - outer.first
    )


def _term(expr: Expr, carry: Carry) -> Expr:
    return widened(expr) if carry.wide and expr.dtype == "float32" else _double(expr)


def _double(expr: Expr) -> Expr:
    return expr if expr.dtype == "float64" else Apply("cast", (expr,), "float64")


def _cleared(carry: Carry) -> For:
    var = f"{carry.scratch}_0"
    return For(var, carry.count, (Store(carry.scratch, Dim.name(var), Lit(0.0, "float64")),))


def _added(carry: Carry) -> For:
    var = f"{carry.scratch}_1"
    place = Dim.name(var) + carry.first
    before = _double(Load(carry.buffer, place, carry.dtype))
    total = Apply("+", (before, Load(carry.scratch, Dim.name(var), "float64")), "float64")
    rounded = Apply("cast", (total,), carry.dtype)
    return For(var, carry.count, (Store(carry.buffer, place, rounded),))
