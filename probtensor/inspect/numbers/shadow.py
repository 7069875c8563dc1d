"""A graph in longer precision, along the values that were computed.

    Exact   numbers of mpmath, at 50 digits: every elementwise op, sums, products, moves of
            elements, and the routines of matrices.py
    Wide    NumPy's longdouble where there are too many elements for that, or no mpmath: 64 bits on
            x86, for arithmetic, elementary functions and sums

The shadow takes the way that was computed: the branch that was taken, the side that `where` chose,
the steps of loops; of comparisons and integers it has the computed values. What has no meaning here
is computed in float64 from the values of the shadow: its own rounding does not show then, but what
its operands have lost does. Draws are data: they have the values that were drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

import numpy as np

from probtensor.graph.evaluate import Value
from probtensor.graph.node import Const, GraphError, Input, Node
from probtensor.graph.parts import Get
from probtensor.graph.walk import taken
from probtensor.inspect.numbers.matrices import ROUTINES
from probtensor.inspect.replay import Evaluation, Level, level_of
from probtensor.late import late
from probtensor.ops.kinds import (
    Branch,
    Choice,
    Composite,
    Contraction,
    Core,
    Elementwise,
    Join,
    Loop,
    Reduction,
    Scatter,
    View,
)

exact = late("probtensor.inspect.exact.values")

DIGITS = 50  # of Exact
MOST_NUMBERS = 60_000  # elements of all nodes together, for Exact: a second or two
WORST = 1.0  # the relative error of a value that has no digit right


class Numbers(Protocol):
    """Numbers of longer precision. They are computed within their `context()`."""

    digits: int

    def context(self) -> AbstractContextManager: ...

    def array(self, value: np.ndarray) -> np.ndarray:
        """Floats as such numbers."""
        ...

    def elementwise(self, node: Node, op: object, operands: list[np.ndarray]) -> np.ndarray:
        """The value of an op of elements, a reduction or a contraction. GraphError if it is not
        known."""
        ...

    def error(self, computed: np.ndarray, shadow: np.ndarray) -> np.ndarray:
        """The relative errors of computed values, at most 1, as float64."""
        ...


def mpmath_is_there() -> bool:
    """Whether mpmath, which is optional, can be imported."""
    try:
        import mpmath  # noqa: F401
    except ImportError:
        return False
    return True


class Exact:
    """Object arrays of mpmath's numbers."""

    digits = DIGITS

    def array(self, value: np.ndarray) -> np.ndarray:
        return exact.exact_array(value)

    def context(self) -> AbstractContextManager:
        import mpmath

        return mpmath.workdps(self.digits)

    def elementwise(self, node: Node, op: object, operands: list[np.ndarray]) -> np.ndarray:
        return exact.applied(node, op, [np.asarray(x).astype(object) for x in operands])

    def error(self, computed: np.ndarray, shadow: np.ndarray) -> np.ndarray:
        import mpmath

        def of_one(x: object, y: object) -> float:
            if x == y or (x != x and y != y):
                return 0.0
            if y == 0 or x != x or y != y or not abs(x) < math.inf or not abs(y) < math.inf:
                return WORST
            return min(WORST, float(abs((mpmath.mpf(x) - y) / y)))

        if not np.size(computed):
            return np.zeros(np.shape(computed))
        plain = np.asarray(computed).astype(float).astype(object)
        with np.errstate(all="ignore"):  # comparisons with NaN
            return np.asarray(np.frompyfunc(of_one, 2, 1)(plain, shadow), float)


class Wide:
    """Arrays of NumPy's longdouble."""

    digits = int(np.finfo(np.longdouble).precision)

    def context(self) -> AbstractContextManager:
        return np.errstate(all="ignore")

    def array(self, value: np.ndarray) -> np.ndarray:
        return np.asarray(value).astype(np.longdouble)

    def elementwise(self, node: Node, op: object, operands: list[np.ndarray]) -> np.ndarray:
        if isinstance(op, Elementwise):
            function = _WIDE.get(op.name)
            if function is None:
                raise GraphError(f"{op.name} has no meaning in longer precision")
            return np.asarray(function(*operands))
        if isinstance(op, Contraction):
            return np.einsum(op.subscripts, *operands)
        return np.asarray(op.numpy(*operands))

    def error(self, computed: np.ndarray, shadow: np.ndarray) -> np.ndarray:
        computed = np.asarray(computed)
        found = np.abs((computed.astype(np.longdouble) - shadow) / shadow).astype(float)
        same = (computed == shadow) | (np.isnan(computed) & np.isnan(shadow))
        return np.where(same, 0.0, np.where(found <= WORST, found, WORST))


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


_WIDE: dict[str, Callable[..., np.ndarray]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "neg": np.negative,
    "abs": np.abs, "sqrt": np.sqrt, "square": np.square, "pow": np.power, "mod": np.mod,
    "floor_div": np.floor_divide, "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log": np.log,
    "log2": np.log2, "log10": np.log10, "log1p": np.log1p, "sin": np.sin, "cos": np.cos,
    "tan": np.tan, "arcsin": np.arcsin, "arccos": np.arccos, "arctan": np.arctan,
    "arctan2": np.arctan2, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh,
    "arcsinh": np.arcsinh, "arccosh": np.arccosh, "arctanh": np.arctanh, "cbrt": np.cbrt,
    "minimum": np.minimum, "maximum": np.maximum, "floor": np.floor, "ceil": np.ceil,
    "trunc": np.trunc, "round": np.rint, "sign": np.sign, "copysign": np.copysign,
    "where": np.where, "cast": lambda x: x, "after": lambda x, y: x, "sigmoid": _sigmoid,
    "softplus": lambda x: np.logaddexp(0, x), "logaddexp": np.logaddexp,
    "log_sigmoid": lambda x: -np.logaddexp(0, -x),
    "log1mexp": lambda x: np.where(x > -0.7, np.log(-np.expm1(x)), np.log1p(-np.exp(x))),
    "xtimes": lambda x, y: np.where(x == 0, 0, x * y),
    "xlogy": lambda x, y: np.where(x == 0, 0, x * np.log(y)),
    "xlog1py": lambda x, y: np.where(x == 0, 0, x * np.log1p(y)),
    "logit": lambda p: np.log(p) - np.log1p(-p),
}  # fmt: skip


class Shadow:
    """The values in longer precision of the nodes of levels, and the errors of what was computed.

    values  of a level, by node, once `of` has been asked for it
    errors  relative errors of floats, by (id of the level, node)
    rough   nodes without a meaning in longer precision
    """

    def __init__(self, numbers: Numbers) -> None:
        self.numbers = numbers
        self.errors: dict[tuple[int, Node], np.ndarray] = {}
        self.values: dict[int, dict[Node, Value]] = {}
        self.levels: dict[int, Level] = {}
        self.rough: set[Node] = set()

    def of(self, level: Level, given: Mapping[Node, Value] | None = None) -> dict[Node, Value]:
        """The values of the nodes of a level, given those of its inputs if they are not exact."""
        found: dict[Node, Value] = dict(given or {})
        self.values[id(level)], self.levels[id(level)] = found, level
        for node in level.order:
            if node not in level.values:
                continue
            computed = level.values[node]
            if node not in found:
                found[node] = self._value(level, node, found, computed)
            if not isinstance(computed, tuple) and computed.dtype.kind == "f":
                self.errors[id(level), node] = self.numbers.error(computed, found[node])
        return found

    def _value(self, level: Level, node: Node, found: dict, computed: Value) -> Value:
        if isinstance(node.op, Get):
            return found[node.inputs[0]][node.op.index]
        if isinstance(computed, tuple):
            return self._several(level, node, found, computed)
        if computed.dtype.kind != "f":
            return computed
        if isinstance(node.op, (Input, Const)):
            return self.numbers.array(computed)
        if isinstance(node.op, Choice):
            selector, *values = node.inputs
            return found[values[taken(level.values[selector], len(values))]]
        return self.applied(level, node, [found.get(x) for x in node.inputs], computed)

    def applied(
        self, level: Level, node: Node, operands: list[np.ndarray], computed: np.ndarray
    ) -> np.ndarray:
        """The value of a node of one result, given those of its operands."""
        op = level.op(node)
        if node.op.name.startswith(("draw_", "key_fold")):
            return self.numbers.array(computed)
        if isinstance(op, Core):
            return self._items(node, op, operands, [computed])[0]
        if isinstance(op, Composite):
            return self._expanded(level, node, operands)
        try:
            if isinstance(op, (View, Join, Scatter)):
                return np.asarray(op.numpy(*operands))
            if isinstance(op, (Elementwise, Reduction, Contraction)):
                return self.numbers.elementwise(node, op, operands)
        except (GraphError, TypeError, ArithmeticError, ValueError):
            pass
        return self._rough(node, op, operands)

    def _rough(self, node: Node, op: object, operands: list[np.ndarray]) -> np.ndarray:
        """The value in float64 of the operands, rounded."""
        self.rough.add(node)
        plain = [
            np.asarray(x, x_node.dtype) for x, x_node in zip(operands, node.inputs, strict=True)
        ]
        with np.errstate(all="ignore"):
            value = op.numpy(*plain)
        if isinstance(value, tuple):
            return tuple(map(self._number_array, value))
        return self._number_array(value)

    def _number_array(self, value: np.ndarray) -> np.ndarray:
        value = np.asarray(value)
        return self.numbers.array(value) if value.dtype.kind == "f" else value

    def _several(self, level: Level, node: Node, found: dict, computed: tuple) -> tuple:
        op = level.op(node)
        operands = [found[x] for x in node.inputs]
        if isinstance(op, Loop):
            return self._loop(level, node, operands, computed)
        if isinstance(op, Branch):
            body, inner = level.body(node, 0)
            values = self.of(inner, dict(zip(body.parameters, operands[1:], strict=True)))
            return tuple(values[y] for y in body.outputs)
        if isinstance(op, Core):
            return tuple(self._items(node, op, operands, list(computed)))
        return self._rough(node, op, operands)

    def _items(
        self, node: Node, op: Core, operands: list[np.ndarray], computed: list[np.ndarray]
    ) -> list[np.ndarray]:
        """The results of a routine on items."""
        function = ROUTINES.get(node.op.name)
        if function is None:
            found = self._rough(node, op, operands)
            return list(found) if isinstance(found, tuple) else [found]
        _, outs = op.signature()
        batch = computed[0].shape[: computed[0].ndim - len(outs[0])]
        like = self.numbers.array(np.zeros(0)).dtype
        results = [
            np.empty(x.shape, like if x.dtype.kind == "f" else x.dtype) for x in computed
        ]
        for index in np.ndindex(*batch):
            item = [np.asarray(x[index]) for x in operands]
            made = function(item, [np.asarray(x[index]) for x in computed])
            for result, part in zip(results, made, strict=True):
                result[index] = part
        return results

    def _expanded(self, level: Level, node: Node, operands: list[np.ndarray]) -> np.ndarray:
        """The value of an op that stands for a graph."""
        made = node.op.expand(*node.inputs)
        given = {x: level.values[x] for x in node.inputs}
        inner = level_of(Evaluation([made], given, None, level.sizes).run())
        shadow = Shadow(self.numbers)
        return shadow.of(inner, dict(zip(node.inputs, operands, strict=True)))[made]

    def _loop(
        self, level: Level, node: Node, operands: list[np.ndarray], computed: tuple
    ) -> tuple:
        op, runs = level.op(node), level.runs(node)
        first, second = op.carries, op.carries + op.sequences
        carries = operands[:first]
        invariants = operands[second : len(op.body.parameters)]
        stacks: list[np.ndarray] = [
            self._number_array(np.zeros_like(x)) if x.dtype.kind == "f" else x
            for x in computed[first : first + op.stacked]
        ]
        for step in range(len(runs.calls)):
            body, inner = level.body(node, step)
            t = runs.element(step)
            given = [*carries, *[np.asarray(x[t]) for x in operands[first:second]], *invariants]
            values = self.of(inner, dict(zip(body.parameters, given, strict=True)))
            carries = [values[y] for y in body.outputs[:first]]
            for stack, y in zip(stacks, body.outputs[first:]):
                if stack.dtype.kind in "Of":
                    stack[t] = values[y]
        return (*carries, *stacks, *computed[first + op.stacked :])


def numbers_for(size: int) -> Numbers:
    """The numbers for a graph with so many elements. ImportError where neither kind is there."""
    if mpmath_is_there() and size <= MOST_NUMBERS:
        return Exact()
    if Wide.digits <= np.finfo(np.float64).precision:
        raise ImportError(
            "longer precision needs mpmath here (pip install mpmath), and smaller arguments: "
            "NumPy's longdouble is no longer than float64 on this machine"
        )
    return Wide()


def size_of(level: Level) -> int:
    """The number of elements of all nodes of a level, and of the bodies in it."""
    total = 0
    for node, value in level.values.items():
        parts = value if isinstance(value, tuple) else (value,)
        total += sum(int(np.size(x)) for x in parts)
        if node.op.has_bodies and isinstance(node.op, (Loop, Branch)):
            runs = level.runs(node)
            if runs.calls:
                body = level.body(node, 0)[1]
                total += len(runs.calls) * size_of(body)
    return total
