"""Which operation's derivative is wrong, where that of a whole graph is.

Each operation is differentiated by itself at the values of the run, and compared with finite
differences of its NumPy meaning: what it is made of, and what is made of it, has no part in it.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Sequence

import numpy as np

from probtensor import ops
from probtensor.compile import function
from probtensor.graph.closed import depending
from probtensor.graph.node import Const, Input, Node, as_tensor, line_of, make, new_input, origin_of
from probtensor.graph.parts import Get, parts
from probtensor.graph.walk import replace, toposort
from probtensor.inspect.numbers.words import expression
from probtensor.inspect.replay import Evaluation, Level, level_of
from probtensor.ops.derivatives import CustomVjp, SameValue
from probtensor.ops.kinds import Branch, Choice, Loop
from probtensor.process import numpy_part
from probtensor.rules import grad

MOST_STEPS = 3  # of a loop, in which the operations are looked at
MOST_ELEMENTS = 400  # of the operands of an operation, for which differences are taken

NumericGrad = Callable[..., list[np.ndarray]]
Differs = Callable[[np.ndarray, np.ndarray], np.ndarray]


def wrong_derivative(
    out: Node,
    xs: Sequence[Node],
    points: Sequence[np.ndarray],
    numeric_grad: NumericGrad,
    differs: Differs,
) -> str:
    """The first operation in the graph of `out` whose derivative differs from finite differences,
    as text; of those that set a derivative on purpose, one that does; empty if there is none."""
    level = level_of(Evaluation([out], dict(zip(xs, points, strict=True))).run())
    blame = _Blame(numeric_grad, differs)
    found = blame.first(level, [out], set(xs))
    return found or blame.on_purpose


class _Blame:
    def __init__(self, numeric_grad: NumericGrad, differs: Differs) -> None:
        self.numeric_grad = numeric_grad
        self.differs = differs
        self.on_purpose = ""

    def first(self, level: Level, outputs: Sequence[Node], sources: set[Node]) -> str:
        """The text about the first operation of a level, or in a body of it, with a wrong
        derivative by what depends on `sources`, among those that the derivative of the outputs
        is made of."""
        moving = depending(level.order, sources)
        for node in toposort(outputs, needs=_led_through):
            if node not in moving or node not in level.values or _is_leaf(node):
                continue
            text = self._inside(level, node) or self._alone(level, node, moving)
            if text:
                return text
        return ""

    def _inside(self, level: Level, node: Node) -> str:
        if not isinstance(node.op, (Loop, Branch)):
            return ""
        for step in range(min(MOST_STEPS, len(level.runs(node).calls))):
            body, inner = level.body(node, step)
            floats = {x for x in body.parameters if x.type.is_float}
            text = self.first(inner, body.outputs, floats)
            if text:
                return text
        return ""

    def _alone(self, level: Level, node: Node, moving: set[Node]) -> str:
        """The text about one operation; empty where its derivative is right, or is not known."""
        if isinstance(node.op, SameValue):
            self.on_purpose = self.on_purpose or (
                f"{node.op.user_name()} sets the derivative of what it is given"
                f"{_place(node)}"
            )
            return ""
        wanted = [x for x in _followed(node) if x.type.is_float and x in moving]
        wanted = list(dict.fromkeys(wanted))
        sizes = [np.size(level.values[x]) for x in wanted]
        if not wanted or sum(sizes) > MOST_ELEMENTS:
            return ""
        points = [np.asarray(level.values[x]) for x in wanted]
        try:
            got, meant = self._both(level, node, wanted, points)
        except (TypeError, ValueError, ArithmeticError):
            return ""  # no derivative, or none of these sizes
        for x, a, b in zip(wanted, got, meant, strict=True):
            wrong = self.differs(a, b)
            if wrong.any():
                at = tuple(map(int, np.argwhere(wrong)[0]))
                index = f", element {list(at)}" if at else ""
                return (
                    f"the derivative of {node.op.user_name()} is wrong{_place(node)}\n"
                    f"  {_text(node, level)} by {expression(x, level, 2)}{index}: "
                    f"{float(a[at])!r}, finite differences give {float(b[at])!r}"
                )
        return ""

    def _both(
        self, level: Level, node: Node, wanted: list[Node], points: list[np.ndarray]
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """The gradients of the operation, by its derivative and by differences."""
        fresh = [new_input(None, x.dtype, p.shape) for x, p in zip(wanted, points, strict=True)]
        made = _applied(level, node, dict(zip(wanted, fresh, strict=True)))
        results = [y for y in parts(made) if y.type.is_float]
        rng = numpy_part("random").default_rng(0)
        weights = [rng.uniform(0.5, 1.5, _known(y)).astype(y.dtype) for y in results]
        cost = sum(ops.sum(y * as_tensor(w)) for y, w in zip(results, weights, strict=True))
        slopes = grad(cost, fresh, disconnected_inputs="ignore")
        got = function(fresh, slopes, target="interp", on_unused_input="ignore")(*points)

        def value(*arrays: np.ndarray) -> float:
            given = dict(zip(fresh, arrays, strict=True))
            found = Evaluation([cost], given).run().found
            return float(found[cost])

        return got, self.numeric_grad(value, points)


def _led_through(node: Node) -> Sequence[Node]:
    """The inputs whose own derivatives have a part in that of a node: the value of a function with
    a derivative of the user's has none, and a rule may compute it by calling the function."""
    repeated = isinstance(node.op, CustomVjp) and node.op.of_value
    return node.inputs if repeated else _followed(node)


def _followed(node: Node) -> Sequence[Node]:
    """What an operation is differentiated by."""
    if isinstance(node.op, CustomVjp):
        return [node.inputs[1 + k] for k in node.op.followed]
    return node.inputs


def _text(node: Node, level: Level) -> str:
    """An operation on its operands; a function with a derivative of the user's by its name."""
    if not isinstance(node.op, CustomVjp) or not node.op.of:
        return expression(node, level)
    given = node.inputs[1 : 1 + node.op.count]
    return f"{node.op.of}({', '.join(expression(x, level, 2) for x in given)})"


def _applied(level: Level, node: Node, fresh: dict[Node, Node]) -> Node:
    """The operation on other operands; those that do not change are their values. The value of one
    with a derivative of the user's is a graph of its arguments, and so is what it keeps."""
    if isinstance(node.op, CustomVjp):
        others = {x: as_tensor(level.values[x]) for x in level.order
                  if isinstance(x.op, Input) and x not in fresh}  # fmt: skip
        return replace([node], {**others, **fresh})[0]
    inputs = [fresh[x] if x in fresh else as_tensor(level.values[x]) for x in node.inputs]
    return make(level.op(node), inputs, type(node))


def _known(y: Node) -> tuple[int, ...]:
    """The shape of a result. ValueError where it is not known before it is computed."""
    if not all(isinstance(n, int) for n in y.shape):
        raise ValueError("the shape of a result is not known")
    return y.shape


def _is_leaf(node: Node) -> bool:
    return isinstance(node.op, (Input, Const, Get, Choice))


def _place(node: Node) -> str:
    file, number = origin_of(node)
    code = linecache.getline(file, number).strip()
    return f"\n  at {line_of(node)}" + (f":  {code}" if code else "")
