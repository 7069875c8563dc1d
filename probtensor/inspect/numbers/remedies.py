"""Expressions that lose digits, and what to write instead.

The left sides are patterns of the rewriting engine, which match in either order of commutative
operands, and literals by value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache

from probtensor import ops
from probtensor.graph.node import Node
from probtensor.inspect.numbers.words import expression
from probtensor.transform.facts import FactTable
from probtensor.transform.pattern import match, var

LONGEST = 24  # characters of an expression that stands for a variable
# What to write instead of an op whose digits went, where no pattern tells.
ADVICE: dict[str, str] = {
    "sub": "the difference of close numbers: rearrange it so that they are not subtracted, as "
    "(x - y) * (x + y) for x**2 - y**2",
    "add": "a sum of numbers that almost cancel: rearrange it so that they do not",
    "sum": "the terms almost cancel: subtract a common value before summing",
    "contract": "the terms almost cancel: subtract a common value before the product",
    "log": "the argument is close to 1: pt.log1p of what it differs from 1 by",
    "log1p": "the argument is close to -1: what it is made of has the digits, as pt.log1mexp(y) "
    "for log1p(-exp(y))",
    "sin": "a large multiple of pi, of which few digits are left: reduce the angle before",
    "cos": "a large multiple of pi, of which few digits are left: reduce the angle before",
    "exp": "the argument is large, and its rounding is multiplied by it: stay in logarithms",
    "pow": "a large exponent multiplies the error of the base: pt.exp(y * pt.log1p(x - 1))",
    "inv": "the matrix is nearly singular: pt.linalg.solve(a, b) in place of inv(a) @ b",
    "solve_factored": "the matrix is nearly singular: scale it, or regularise its diagonal",
    "lu": "the matrix is nearly singular: scale it, or regularise its diagonal",
    "cholesky": "the matrix is nearly singular: add to its diagonal",
    "mod": "few digits are left of the remainder of a large number: reduce it before",
    "cast": "the narrower type has fewer digits: stay in float64",
}


@cache
def remedies() -> tuple[tuple, ...]:
    """Patterns, each with what to write instead, and True if that helps only where the operation at
    its root loses the digits; the first that matches is given."""
    x, y = var("x"), var("y")
    return (
        (ops.log(1 - ops.exp(x)), "pt.log1mexp(x)"),
        (ops.log(1 + ops.exp(x)), "pt.softplus(x)"),
        (ops.log(1 - ops.sigmoid(x)), "pt.log_sigmoid(-x)"),
        (ops.log(ops.sigmoid(x)), "pt.log_sigmoid(x)"),
        (ops.log(ops.exp(x) - 1), "x + pt.log1mexp(-x)"),
        (ops.log(ops.exp(x) + ops.exp(y)), "pt.logaddexp(x, y)"),
        (ops.log(1 + x), "pt.log1p(x)", True),
        (ops.log(1 - x), "pt.log1p(-x)", True),
        (ops.log(x) - ops.log(y), "pt.log1p((x - y) / y), where x is close to y"),
        (ops.log(x / y), "pt.log1p((x - y) / y), where x is close to y", True),
        (ops.exp(x) - 1, "pt.expm1(x)"),
        (1 - ops.exp(x), "-pt.expm1(x)"),
        (1 - ops.sigmoid(x), "pt.sigmoid(-x)"),
        (1 - ops.erf(x), "pt.erfc(x)"),
        (1 - ops.erfc(x), "pt.erf(x)"),
        (1 - ops.ndtr(x), "pt.ndtr(-x), the upper tail"),
        (1 - ops.gammainc(x, y), "pt.special.gammaincc(x, y), the upper tail"),
        (1 - ops.gammaincc(x, y), "pt.special.gammainc(x, y)"),
        (1 - ops.tanh(x), "2 * pt.sigmoid(-2 * x)"),
        (1 - ops.tanh(x) * ops.tanh(x), "1 / pt.cosh(x)**2"),
        (1 - ops.square(ops.tanh(x)), "1 / pt.cosh(x)**2"),
        (1 - ops.cos(x), "2 * pt.sin(x / 2)**2"),
        (1 - ops.square(ops.cos(x)), "pt.sin(x)**2"),
        (ops.sqrt(1 + x) - 1, "x / (pt.sqrt(1 + x) + 1)"),
        (ops.sqrt(x) - ops.sqrt(y), "(x - y) / (pt.sqrt(x) + pt.sqrt(y))"),
        (ops.square(x) - ops.square(y), "(x - y) * (x + y)"),
        (x * x - y * y, "(x - y) * (x + y)"),
        (ops.sqrt(ops.square(x) - y) - x, "-y / (pt.sqrt(x**2 - y) + x)"),
        (x - ops.sqrt(ops.square(x) - y), "y / (x + pt.sqrt(x**2 - y))"),
        (ops.sqrt(ops.square(x) + y) - x, "y / (pt.sqrt(x**2 + y) + x)"),
        (-x + ops.sqrt(ops.square(x) - y), "-y / (x + pt.sqrt(x**2 - y))"),
        (ops.exp(x) - ops.exp(-x), "2 * pt.sinh(x)"),
        (ops.exp(x) - ops.exp(y), "pt.exp(y) * pt.expm1(x - y)"),
        (ops.cosh(x) - 1, "2 * pt.sinh(x / 2)**2"),
        (ops.sin(x) - ops.sin(y), "2 * pt.cos((x + y) / 2) * pt.sin((x - y) / 2)"),
        (1 / x - 1 / y, "(y - x) / (x * y)"),
        (ops.lgamma(x) - ops.lgamma(y), "pt.special.digamma(y) * (x - y), where x is close to y"),
        (ops.gamma(x) / ops.gamma(y), "pt.exp(pt.special.gammaln(x) - pt.special.gammaln(y))"),
    )


def remedy(node: Node, readers: Callable[[Node], Sequence[Node]]) -> str:
    """What to write instead of an expression that lost digits at a node, or of what reads that."""
    nearby = [z for y in readers(node) for z in (y, *readers(y))]
    facts = FactTable()
    around = [*[x for x in nearby if _is_log(x)], node, *nearby]
    for candidate in around:
        for pattern, text, *root_only in remedies():
            if candidate is node or (not root_only and any(x is node for x in candidate.inputs)):
                bound = next(match(pattern, candidate, {}, facts), None)
                if bound is not None:
                    return _with_names(text, bound)
    if isinstance(node.op, ops.Sub) and facts.constant(node.inputs[0]) == 1:
        return (
            "1 - x for x close to 1: compute the complement without x, by pt.expm1, pt.erfc, an "
            "upper tail, or from what x is made of"
        )
    if _is_variance(node):
        return "pt.var(x), or pt.mean((x - pt.mean(x))**2)"
    return ADVICE.get(node.op.name, "")


def _is_log(node: Node) -> bool:
    return isinstance(node.op, ops.Log)


def _with_names(text: str, bound: Mapping[str, Node]) -> str:
    """A remedy with what the variables of its pattern matched, where that is short."""
    words = {}
    for name, node in bound.items():
        found = expression(node, depth=2)
        if len(found) > LONGEST or "..." in found:
            return text
        words[name] = found if re.fullmatch(r"\w+(\(.*\))?", found) else f"({found})"
    names = "|".join(words)
    text = re.sub(rf"\b({names})\b", lambda m: words[m[0]], text)
    return re.sub(r"\(\(([^()]*)\)\)", r"(\1)", text)


def _is_variance(node: Node) -> bool:
    """Whether a node is a mean of squares less the square of a mean."""
    if not isinstance(node.op, ops.Sub):
        return False
    kinds = [{type(x.op) for x in _below(operand, 4)} for operand in node.inputs]
    return all(ops.Sum in kind for kind in kinds) and ops.Square in kinds[0] | kinds[1]


def _below(node: Node, depth: int) -> list[Node]:
    if depth == 0:
        return [node]
    return [node, *[y for x in node.inputs for y in _below(x, depth - 1)]]
