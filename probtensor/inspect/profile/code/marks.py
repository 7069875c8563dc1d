"""Operations of kernels that know their line and op, wherever lowering moves them.

Lowering gives each statement the user's line. But operations of several lines are inlined into one
expression of a fused loop, which keeps the line of the last one. So the graph is lowered once more
with *marked* operations: `fn` of an `Apply` is a text that equals the plain one and carries the
line. It survives all passes over kernels, since they keep `fn`, and no pass can tell it from the
plain text, so that the kernels are the same.
"""

from __future__ import annotations

from probtensor.dataclass import dataclass, replace
from probtensor.graph.node import Node, line_of
from probtensor.kernel.ir import (
    Apply,
    Call,
    Expr,
    For,
    If,
    Let,
    Load,
    Scan,
    Stmt,
    Store,
    map_blocks,
)
from probtensor.schedule.strips.forms import Dot, RowsAdd, RowsDot, Stripped, Sum


class Mark(str):
    """The name of an operation or a buffer, with the user's line."""

    __slots__ = ("origin",)

    def __new__(cls, name: str, origin: str) -> Mark:
        made = super().__new__(cls, name)
        made.origin = origin
        return made

    def __reduce__(self) -> tuple:
        return Mark, (str(self), self.origin)


@dataclass(frozen=True)
class Part:
    """What time is attributed to: an op on a line of the user, in a kernel. `loop` is the number of
    the outermost loop in the kernel; -1 outside of loops."""

    kernel: str
    line: str
    op: str
    loop: int = -1


class Marked:
    """Marks a plan: `marks` of `lower`. Operations have the line of their statement, and elements
    that are read through views that of the view next to the memory."""

    def statements(self, body: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
        """The statements of a kernel with all operations marked."""
        return marked(body)

    def read(self, node: Node, value: Expr) -> Expr:
        """The element of a view, marked by its line."""
        line = line_of(node)
        if value.__class__ is Load and not isinstance(value.buffer, Mark):
            return Load(Mark(value.buffer, line), value.index, value.dtype)
        return _expr(value, line)


def marked(body: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
    """Statements with all operations marked by the line of their statement."""
    return tuple(_statement(stmt) for stmt in body)


def _statement(stmt: Stmt) -> Stmt:
    match stmt:
        case Let(name, expr, origin):
            return Let(name, _expr(expr, origin), origin)
        case Store(expr=expr, origin=origin):
            return replace(stmt, expr=_expr(expr, origin))
        case For(accs=accs):
            accs = tuple(replace(a, term=_expr(a.term, a.origin)) for a in accs)
            return map_blocks(replace(stmt, accs=accs), marked)
        case Scan(states=states):
            states = tuple(
                replace(s, init=_expr(s.init, s.origin), next=_expr(s.next, s.origin))
                for s in states
            )
            return map_blocks(replace(stmt, states=states), marked)
        case If(choices=choices):
            choices = tuple(
                replace(c, first=_expr(c.first, c.origin), second=_expr(c.second, c.origin))
                for c in choices
            )
            return map_blocks(replace(stmt, choices=choices), marked)
    return stmt


def _expr(expr: Expr, origin: str) -> Expr:
    if expr.__class__ is not Apply or not origin:
        return expr
    args = tuple(_expr(arg, origin) for arg in expr.args)
    fn = expr.fn if isinstance(expr.fn, Mark) else Mark(expr.fn, origin)
    return Apply(fn, args, expr.dtype)


FOLD_NAMES = {"add": "sum", "mul": "prod", "max": "max", "min": "min", "and": "all", "or": "any"}
SYMBOLS = {
    "+": "add", "-": "sub", "*": "mul", "/": "div", "//": "floordiv", "%": "mod", "**": "pow",
    "<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal", "==": "equal",
    "!=": "not_equal", "cast": "astype",
}  # fmt: skip


def op_name(fn: str) -> str:
    """The name of an operation of kernels as users know it."""
    return SYMBOLS.get(str(fn), str(fn).removeprefix("pt_scipy_").removeprefix("pt_"))


READ = "read"  # the op of elements that are read through views


def mark_of(expr: Expr) -> tuple[str, str] | None:
    """The line and the op of a marked expression; None for any other."""
    if expr.__class__ is Apply and isinstance(expr.fn, Mark):
        return expr.fn.origin, op_name(expr.fn)
    if expr.__class__ is Load and isinstance(expr.buffer, Mark):
        return expr.buffer.origin, READ
    return None


def operation_of(stmt: Stripped) -> str:
    """The op of a statement beside those in its expression."""
    match stmt:
        case Store(op=op):
            return "copy" if op is None else FOLD_NAMES.get(op, op)
        case Call(routine=routine):
            return op_name(routine)
        case Dot() | RowsDot() | RowsAdd():
            return "dot"
        case Sum():
            return "sum"
    expr = getattr(stmt, "expr", None)
    return op_name(expr.fn) if expr.__class__ is Apply else "copy"
