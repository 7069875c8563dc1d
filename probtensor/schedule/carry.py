"""Sums that a loop accumulates in memory, by way of scratch memory (`ir.Carry`).

A float32 sum is accumulated in double and rounded once, at the end. A float64 sum is accumulated in
blocks: each block starts from 0, and is added to the sum by compensated summation (Knuth 1969;
Neumaier 1974, ZAMM 54:39), so that rounding errors grow with the length of a block and not with
that of the loop.
"""

from __future__ import annotations

from collections.abc import Sequence

from probtensor.dataclass import replace
from probtensor.kernel.ir import Apply, Carry, Expr, For, Lit, Load, Stmt, Store, map_blocks
from probtensor.types import Dim, Size

BLOCK = 128  # iterations per block
# Additions per block of a scatter: more, because each block ends with a pass over all elements.
SCATTERED_BLOCK, ADDITIONS_PER_ELEMENT = 512, 16
LANE_BLOCK = 2048  # iterations of a block of lanes: PT_BLOCK of pt_loops.h
STRIPS_PER_BLOCK = 4  # of sums in memory, where a loop is cut into strips
MIN_SCATTER_BLOCKS = 4  # for fewer, the passes at the beginning and the end are not worthwhile


def widened(term: Expr) -> Expr:
    """A float32 term as float64; if it is a rounded float64, the value before rounding."""
    match term:
        case Apply("cast", (inner,)) if inner.dtype == "float64":
            return inner
    return Apply("cast", (term,), "float64")


def block(carry: Carry) -> Size:
    """The number of additions in a block of a scatter."""
    return SCATTERED_BLOCK + carry.count * ADDITIONS_PER_ELEMENT


def threshold(carry: Carry) -> Size:
    """The number of additions up to which an optional scatter uses no scratch memory."""
    return block(carry) * MIN_SCATTER_BLOCKS


def is_optional(carry: Carry) -> bool:
    """Whether each call decides, by its sizes, if the sums use scratch memory."""
    scattered = carry.scatter_additions is not None and carry.dtype == "float64"
    return scattered or carry.outer_additions is not None


def in_blocks(carries: Sequence[Carry], limit: int, limits: dict[str, int]) -> list[Carry]:
    """The carries whose blocks end after a number of iterations. Inner loops with at most `limit`
    additions to an element in each iteration do not gather their sums: `limits` gets that number,
    by the target of the sums."""
    found = [c for c in carries if c.dtype == "float64" and c.scatter_additions is None]
    limits.update((target(carry), limit) for carry in found)
    return found


def target(carry: Carry) -> str:
    """The name that additions go to: the scratch memory, or a pointer that is set to it or to the
    sums themselves."""
    return f"{carry.scratch}p" if is_optional(carry) else carry.scratch


def redirected(body: Sequence[Stmt], carries: Sequence[Carry]) -> tuple[Stmt, ...]:
    """The statements with additions to the sums replaced by additions to the carries' targets."""
    carry_of = {carry.buffer: carry for carry in carries}

    def redirect(stmt: Stmt) -> Stmt:
        match stmt:
            case For():
                carries = tuple(_moved(c, carry_of[c.buffer]) if c.buffer in carry_of else c
                                for c in stmt.carries)  # fmt: skip
                return replace(map_blocks(stmt, redirect_all), carries=carries)
            case Store(buffer, index, expr, "add") if buffer in carry_of:
                carry = carry_of[buffer]
                offset = index - carry.offset
                return replace(stmt, buffer=target(carry), index=offset, expr=_term(expr, carry))
        return map_blocks(stmt, redirect_all)

    def redirect_all(stmts: Sequence[Stmt]) -> tuple[Stmt, ...]:
        return tuple(redirect(stmt) for stmt in stmts)

    return redirect_all(body)


def as_loops(body: Sequence[Stmt], scattered: bool = False) -> tuple[Stmt, ...]:
    """Statements in which the float32 sums (only those of scatters, if `scattered`) are accumulated
    in scratch memory by explicit loops: one before that clears it, and one after that adds it to
    the sums. The other carries remain."""
    done: list[Stmt] = []
    for stmt in body:
        if not isinstance(stmt, For):
            done.append(map_blocks(stmt, lambda inner: as_loops(inner, scattered)))
            continue
        carries = tuple(c for c in stmt.carries if c.dtype == "float32")
        carries = tuple(c for c in carries if c.scatter_additions is not None or not scattered)
        inner = as_loops(redirected(stmt.body, carries), scattered)
        others = tuple(c for c in stmt.carries if not any(c is own for own in carries))
        done += [_cleared(carry) for carry in carries]
        done.append(replace(stmt, body=inner, carries=others))
        done += [_added(carry) for carry in carries]
    return tuple(done)


def _moved(inner: Carry, outer: Carry) -> Carry:
    """The carry of an inner loop, whose sums are then in the target of the outer one."""
    return replace(
        inner, buffer=target(outer), dtype="float64", offset=inner.offset - outer.offset
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
    index = Dim.name(var) + carry.offset
    before = _double(Load(carry.buffer, index, carry.dtype))
    total = Apply("+", (before, Load(carry.scratch, Dim.name(var), "float64")), "float64")
    rounded = Apply("cast", (total,), carry.dtype)
    return For(var, carry.count, (Store(carry.buffer, index, rounded),))
