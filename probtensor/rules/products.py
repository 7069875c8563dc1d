"""Products in one form: small factors first, gathered into one.

A chain of products, quotients and signs over a tensor, as in -x / s * 2 * y, becomes (small) * rest
with all scalars gathered in the small part: (-2 / s) * (x * y). The small part is computed once and
not at every element, division by a scalar becomes multiplication by its reciprocal (which moves a
result by one rounding), and literals meet and are folded. For a scalar chain the literals are the
small part. Factors keep their order, and the rest its structure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from probtensor import ops
from probtensor.graph.node import Node
from probtensor.transform.facts import constant_of
from probtensor.transform.rewrite import Ruleset, rewrite

# Products looked through in one chain, so that a sweep stays linear and recursion shallow.
CHAIN = 12
PRODUCTS = (ops.Mul, ops.Div, ops.Neg)


def literal(value: float, like: Node) -> Node | None:
    """The scalar constant in the dtype of `like`; None if it is no normal number there."""
    info = np.finfo(like.dtype)
    if not math.isfinite(value) or abs(value) > info.max or (value and abs(value) < info.tiny):
        return None
    return ops.constant(np.asarray(value, like.dtype))


@dataclass
class Small:
    """The small factors of a chain: a literal, scalars, and scalars it is divided by."""

    value: float = 1.0
    literals: int = 0
    above: list[Node] = field(default_factory=list)
    below: list[Node] = field(default_factory=list)

    def product(self, like: Node) -> Node | None:
        """All of them as one scalar; None if the literal is out of range."""
        number = literal(self.value, like)
        if number is None:
            return None
        above = _multiplied(self.above)
        below = _multiplied(self.below)
        if above is None:
            above = number
        elif self.value != 1:
            above = number * above
        return above if below is None else above / below


def _multiplied(factors: list[Node]) -> Node | None:
    product = None
    for factor in factors:
        product = factor if product is None else product * factor
    return product


class _Chain:
    """One walk over a chain: takes the small factors out and rebuilds the rest.

    The rest comes back as (above, below), either None: what is left above and below the line.
    """

    def __init__(self, root: Node) -> None:
        self.root = root
        self.small = Small()
        self.products = 0

    def walk(self, node: Node, inverted: bool) -> tuple[Node | None, Node | None]:
        inner = node is self.root or (node.ndim > 0 or self.root.ndim == 0)
        if isinstance(node.op, PRODUCTS) and inner and self.products < CHAIN:
            self.products += 1
            if isinstance(node.op, ops.Neg):
                self.small.value = -self.small.value
                return self.walk(node.inputs[0], inverted)
            return self._walk_pair(node, inverted)
        return (None, None) if self._take(node, inverted) else (node, None)

    def _walk_pair(self, node: Node, inverted: bool) -> tuple[Node | None, Node | None]:
        a, b = node.inputs
        divides = isinstance(node.op, ops.Div)
        left = self.walk(a, inverted)
        right = self.walk(b, inverted != divides)
        if left[0] is a and right[0] is b and left[1] is right[1] is None:
            return node, None
        if divides:
            right = right[::-1]
        above = _joined(left, right)
        if above is not None:
            return above, None
        # One side has nothing above the line: the other side takes its place.
        kept, lost = (left, right) if left[0] is not None else (right, left)
        below = [x for x in (kept[1], lost[1]) if x is not None]
        return kept[0], _multiplied(below)

    def _take(self, leaf: Node, inverted: bool) -> bool:
        value = constant_of(leaf)
        if value is not None:
            usable = math.isfinite(value) and value != 0
            if usable:
                self.small.value = self.small.value / value if inverted else (
                    self.small.value * value
                )  # fmt: skip
                self.small.literals += 1
            return usable
        if leaf.ndim == 0 and self.root.ndim > 0:
            (self.small.below if inverted else self.small.above).append(leaf)
            return True
        return False


def _joined(left: tuple, right: tuple) -> Node | None:
    """left * right where both have something above the line."""
    if left[0] is None or right[0] is None:
        return None
    if right[1] is None or left[1] is None:
        below = left[1] if right[1] is None else right[1]
        top = left[0] * right[0]
        return top if below is None else top / below
    return (left[0] * right[0]) / (left[1] * right[1])


def whole(rest: tuple[Node | None, Node | None]) -> Node | None:
    """above / below as one node; None if there is nothing."""
    above, below = rest
    if below is None:
        return above
    return 1 / below if above is None else above / below


def split_product(node: Node) -> tuple[Small, tuple[Node | None, Node | None]]:
    """The small factors of the chain at `node`, and the rest as (above, below)."""
    chain = _Chain(node)
    rest = chain.walk(node, False)
    return chain.small, rest


@rewrite(on=PRODUCTS, example=lambda: -(ops.tensor("x", (3,)) / ops.tensor("s")) * 2.0)
def gather_small_factors(node: Node) -> Node | None:
    """-(x / s) * 2 -> (-2 / s) * x: scalars are multiplied once, not at every element."""
    if not node.type.is_float:
        return None
    small, (above, below) = split_product(node)
    if _is_plain_quotient(node, small):
        return None
    if above is None and below is None:
        return small.product(node) if node.ndim == 0 else None
    if not (small.above or small.below) and small.value in (1.0, -1.0):
        rest = whole((above, below))
        return rest if small.value == 1.0 else -rest
    factor = small.product(node)
    if factor is None:
        return None
    if above is None:
        return factor / below
    return factor * whole((above, below))


def _is_plain_quotient(node: Node, small: Small) -> bool:
    """x / c of scalars, which is exact to one rounding as it stands (but for c = 2**k)."""
    if node.ndim > 0 or not isinstance(node.op, ops.Div) or small.literals != 1:
        return False
    value = constant_of(node.inputs[1])
    return value is not None and small.value > 0 and math.frexp(value)[0] not in (0.5, -0.5)


PRODUCT_FORM = Ruleset(gather_small_factors)
