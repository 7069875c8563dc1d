"""Methods of tensors that are functions of the language, and what only tensors have.

The functions that take a tensor first are methods by their names: `x.exp()` is `pt.exp(x)`. Most
are entered where they are defined (`@method`), and those of one operand from the table here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from probtensor.calls import public
from probtensor.graph.node import Const, GraphError, Input, Node, Op, TensorLike, new_input
from probtensor.graph.text import to_text
from probtensor.ops.complexes.pair import as_leaf
from probtensor.ops.kinds import method
from probtensor.ops.shapes.scalars import constant_value

# Functions of one operand, which are ops.
OF_ONE_OPERAND = (
    "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "ceil", "cos", "cosh", "exp",
    "exp2", "expm1", "floor", "log", "log10", "log1p", "log2", "sin", "sinh", "sqrt", "tan", "tanh",
    "trunc",
)  # fmt: skip
# Other functions, which take the tensor first.
OF_FUNCTIONS = (
    "argsort", "deg2rad", "norm", "ones_like", "partition", "rad2deg", "sort", "zeros_like",
)  # fmt: skip
# Methods that go by another name than the function.
RENAMED = {"set": "set_subtensor", "inc": "inc_subtensor", "fill": "full_like", "__dot__": "dot"}


def enter(language: dict[str, object]) -> None:
    """Make the functions of the tables, which are in `language` by their names, methods."""
    for name in OF_ONE_OPERAND:
        method(public(_of_operand(language[name]), name=name), name)
    for name in OF_FUNCTIONS:
        method(language[name])
    for name, function in RENAMED.items():
        method(_renamed(language[function], name), name)


def _of_operand(function: Callable[[Node], Node]) -> Callable[[Node], Node]:
    def bound(self: Node) -> Node:
        return function(self)

    bound.__doc__ = f"`pt.{function.__name__}` of the tensor."
    return bound


def _renamed(function: Callable[..., Node], name: str) -> Callable[..., Node]:
    def bound(self: Node, value: TensorLike) -> Node:
        return function(self, value)

    bound.__doc__ = f"`pt.{function.__name__}` of the tensor and the value."
    return public(bound, name=name)


def _copy(x: Node, name: str | None = None) -> Node:
    """x itself: a tensor is never written to. (`name` is Theano's; a tensor has a name where it is
    made, or by `pt.deterministic`.)"""
    if name is not None and not isinstance(name, str):
        raise GraphError(f"copy: a name is a string, not {name!r:.60}")
    return x


def _clone(x: Node, name: str | None = None) -> Node:
    """Another input of the dtype of x, and of its sizes where they are integers; x itself if it is
    a constant. GraphError, a TypeError, for what is computed."""
    if isinstance(x.op, Const) or (x.is_complex and all(isinstance(y.op, Const) for y in x.inputs)):
        return x
    if not isinstance(as_leaf(x).op, Input):
        raise GraphError(
            f"clone: {x.described} is computed; a clone is another input\n  {x.birthplace}\n"
            "  pt.function(..., givens={node: other}) computes it of other tensors"
        )
    sizes = [n if isinstance(n, int) else None for n in x.shape]
    return new_input(x.name if name is None else name, x.dtype, sizes)


def _dprint(x: Node, *, whole: bool = False, lines: bool = False) -> None:
    """Print the graph of x, one assignment a node; the options are those of `pt.to_text`."""
    print(to_text(x, whole=whole, lines=lines), end="")


def _parents(x: Node) -> list[Node]:
    """The tensors that x is computed of: its `inputs`."""
    return list(x.inputs)


def _op_of(x: Node) -> Op | None:
    """The op that computes x; None for an input or a constant."""
    return None if isinstance(as_leaf(x).op, (Const, Input)) else x.op


def _op_and_inputs(x: Node) -> tuple[Op | None, ...]:
    """The op that computes x, and its inputs after it."""
    return (_op_of(x), *x.inputs)


def _broadcastable(x: Node) -> tuple[bool, ...]:
    """For each axis whether it is known to have size 1; such axes are repeated beside others."""
    return tuple(isinstance(n, int) and n == 1 for n in x.shape)


def _underlying(x: Node) -> np.ndarray:
    """The number that a constant has everywhere, also through broadcasts and other views."""
    return constant_value(x, "get_underlying_scalar_constant", through=True)


def _public(functions: Iterable[tuple[str, Callable]]) -> None:
    for name, function in functions:
        method(public(function, name=name), name)


_public(
    {
        "clone": _clone,
        "copy": _copy,
        "dprint": _dprint,
        "get_parents": _parents,
        "get_underlying_scalar_constant": _underlying,
    }.items()
)
method(property(_broadcastable), "broadcastable")
method(property(_op_of), "owner_op")
method(property(_op_and_inputs), "owner_op_and_inputs")
