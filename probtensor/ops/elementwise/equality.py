"""`==` and `!=` of tensors: comparisons, which also have a truth value."""

from __future__ import annotations

import warnings
from collections.abc import Callable

from cython_ext.graph import unfinished
from probtensor.graph.node import Node, TensorLike, _tensor_like, as_tensor, made_by, present_line
from probtensor.ops.elementwise.logic import eq, ne
from probtensor.ops.kinds import operator


class Equality(Node):
    """What `x == y` and `x != y` of two tensors give: the elementwise comparison, which has a truth
    value if it must.

    In a graph it is the node that `pt.eq` or `pt.ne` makes: `as_tensor` puts that in its place.
    Python asks for its truth where `in`, `list.index` and `==` of lists compare tensors: the answer
    is whether the two are one, with a warning where they are not, as their values may be equal all
    the same. Dicts and sets never ask, for no two nodes have one hash (weak ones ask whether a node
    is itself). The node is made when it is first needed, so tensors of any shapes may stand in one
    list.
    """

    __slots__ = ("_compare", "_made", "_operands")

    stands_for_another = True
    op = property(lambda self: self.node.op)
    inputs = property(lambda self: self.node.inputs)
    type = property(lambda self: self.node.type)

    def __hash__(self) -> int:
        # Two of one comparison are one key, as two of one sum are.
        return hash(self.node)

    @property
    def node(self) -> Node:
        """The comparison itself. GraphError where the shapes do not fit."""
        if self._made is None:
            with made_by(None, self._origin):
                object.__setattr__(self, "_made", self._compare(*self._operands))
        return self._made

    def __bool__(self) -> bool:
        left, right = self._operands
        symbol = self._compare.symbol
        if left is not right:
            warnings.warn(
                f"{left.described} {symbol} {right.described} was asked for its truth, which is "
                "whether they are one tensor, not whether their values are equal: write `is`, or "
                "keep tensors in a set or dict; pt.where chooses by values",
                stacklevel=2,
            )
        return (left is right) == (symbol == "==")

    def __reduce__(self) -> tuple:
        return self.node.__reduce__()


def equality(compare: Callable[..., Node]) -> Callable[[Node, object], Node | bool]:
    """The operator that builds a comparison: a node against what can be an operand, an `Equality`
    of two tensors. What is no number at all equals no tensor; a number that cannot be an operand
    raises GraphError."""

    def compared(node: Node, other: TensorLike) -> Node | bool:
        if isinstance(other, Node):
            made = unfinished(Equality, present_line())
            operands = (as_tensor(node), as_tensor(other))
            for name, value in (
                ("_compare", compare),
                ("_operands", operands),
                ("_made", None),
            ):
                object.__setattr__(made, name, value)
            return made
        kind = type(other)
        if _tensor_like(other) or hasattr(kind, "__float__") or hasattr(kind, "__complex__"):
            return compare(node, other)
        return NotImplemented

    return compared


operator("==")(equality(eq))
operator("!=")(equality(ne))
