"""Expressions in reports: as the user would write them, short, with names for what a step of a loop
is given."""

from __future__ import annotations

from probtensor import ops
from probtensor.graph.node import Const, Input, Node
from probtensor.graph.parts import Get
from probtensor.inspect.replay import Level
from probtensor.inspect.texts.stored import stored_as
from probtensor.ops.derivatives import CustomVjp, UndefinedGrad
from probtensor.ops.kinds import Branch, Passing

LONGEST = 72
_LEVELS = {
    "+": 4, "-": 4, "*": 5, "/": 5, "//": 5, "%": 5, "<": 2, "<=": 2, ">": 2, ">=": 2, "==": 2,
    "!=": 2, "&": 3, "|": 3, "**": 7,
}  # fmt: skip
_ATOM = 9
# What a user did not write, or what is the same to the eye.
_UNSEEN = (ops.Sized, ops.Cast, ops.Checked, Passing, CustomVjp, UndefinedGrad)


def expression(node: Node, level: Level | None = None, depth: int = 3) -> str:
    """The expression of a node, nested as deeply as is short."""
    for d in range(depth, 0, -1):
        text = _text(node, level, d)[0]
        if len(text) <= LONGEST:
            return text
    return _text(node, level, 0)[0]


def _text(node: Node, level: Level | None, depth: int) -> tuple[str, int]:
    op = node.op
    if isinstance(op, Input):
        return _input(node, level), _ATOM
    label = getattr(op, "label", None)
    if label:
        return str(label), _ATOM
    if isinstance(op, Const):
        return _literal(op)
    if not node.inputs:
        return op.spelled(), _ATOM
    if depth == 0:
        return "...", _ATOM
    part, source = stored_as(node)
    if source is not None:
        name = _input(source, level)
        return f"{part}({name})" if part else name, _ATOM
    if isinstance(op, Get):
        return f"{_text(node.inputs[0], level, depth)[0]}[{op.index}]", _ATOM
    if op.reads_all or op.repeats or isinstance(op, _UNSEEN):
        return _text(node.inputs[0], level, depth)
    if isinstance(op, (ops.Slice, ops.Gather)):
        return f"{_within(_text(node.inputs[0], level, depth), _ATOM)}[...]", _ATOM
    symbol = getattr(op, "symbol", None)
    parts = [_text(x, level, depth - 1) for x in node.inputs]
    if symbol == "neg":
        return f"-{_within(parts[0], 6)}", 6
    if symbol in _LEVELS and len(parts) == 2:
        own = _LEVELS[symbol]
        return f"{_within(parts[0], own)} {symbol} {_within(parts[1], own + 1)}", own
    name = getattr(op, "users_write", None)
    name = name if name and name.isidentifier() else op.name
    return f"{name}({', '.join(text for text, _ in parts)})", _ATOM


def _within(part: tuple[str, int], level: int) -> str:
    return part[0] if part[1] >= level else f"({part[0]})"


def _literal(op: Const) -> tuple[str, int]:
    if op.array.size == 1:
        value = op.array.reshape(()).item()
        text = f"{value:g}" if isinstance(value, float) else str(value)
        return text, _ATOM if not text.startswith("-") else 6
    return f"array{list(op.array.shape)}", _ATOM


def _input(node: Node, level: Level | None) -> str:
    """The name of an input; of a parameter of a body, of what it is in the graph around."""
    if level is None or level.outer is None:
        return node.op.text()
    owner, outer = level.owner, level.outer
    body = outer.body(owner, level.step)[0]
    k = next((k for k, x in enumerate(body.parameters) if x is node), None)
    if k is None:
        return node.op.text()
    op = owner.op
    if isinstance(op, Branch):
        return expression(owner.inputs[k + 1], outer, 1)
    around = expression(owner.inputs[k], outer, 1)
    if k < op.carries:
        return f"carry {k}" if op.carries > 1 else "the carry"
    return f"{around}[step]" if k < op.carries + op.sequences else around
