"""The walk over a graph of PyTensor: each op by its row in a table."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from probtensor import ops
from probtensor.calls import line_text, public
from probtensor.graph import Const, GraphError, Node, as_tensor, made_by
from probtensor.graph.evaluate import value_of
from probtensor.graph.node import Input, SizeOf, new_input
from probtensor.graph.sizes import signed, size_of_value
from probtensor.interop.pytensor.absent import reason_for
from probtensor.interop.pytensor.sparse import is_sparse, product
from probtensor.interop.pytensor.xtensors import lowered
from probtensor.ops.kinds import Random
from probtensor.process import numpy_part
from probtensor.types import Size

Variable = Any  # of PyTensor
Apply = Any
Result = Node | Sequence[Node]
Row = Callable[..., Result]
ROWS: dict[str, Row] = {}
BATCHED: set[str] = set()  # the core ops whose rows take leading axes
MODULES = (
    "scalars", "arrays", "indexing", "products", "factors", "ordering", "signals", "control",
    "lists", "loops", "draws",
)  # fmt: skip
MAX_FOLDED = 4096  # elements of what is computed while a graph is translated
MAX_DEPTH = 8  # ops that one op of PyTensor becomes, one after the other, where it is computed


def row(*names: str, batched: bool = False) -> Callable[[Row], Row]:
    """Decorator: the translation of ops whose class has one of these names: a function of the
    translator, the PyTensor node and the translated inputs. `batched` says of a core op that it
    may have any leading axes, which broadcast."""

    def register(function: Row) -> Row:
        ROWS.update(dict.fromkeys(names, function))
        BATCHED.update(names if batched else ())
        return function

    return register


@cache
def load_rows() -> None:
    """Import the modules that fill the table."""
    for name in MODULES:
        import_module(f"probtensor.interop.pytensor.rows.{name}")


@public(name="interop.pytensor.translate")
def translate(
    outputs: Sequence[Variable], inputs: Mapping[Variable, object] | Sequence[Variable] = ()
) -> list[Node]:
    """Variables of a PyTensor graph as tensors of this library.

    outputs  variables of PyTensor
    inputs   {variable: tensor or array that stands for it}, or variables, which become inputs of
             their names. Shared variables that are not among them have their present values

    Returns a tensor for each output, in double precision where PyTensor has literals in single
    precision. What depends on literals alone and has no translation is evaluated by PyTensor.
    Raises GraphError for an input that is not given, and for an op that has no translation; it
    names the op and the line where the user made it.

        >>> import pytensor.tensor as at  # doctest: +SKIP
        >>> x = at.vector("x")  # doctest: +SKIP
        >>> (y,) = translate([at.exp(x).sum()], {x: [0.0, 1.0]})  # doctest: +SKIP
        >>> y.eval()  # doctest: +SKIP
        array(3.71828183)
    """
    given = inputs if isinstance(inputs, Mapping) else {x: input_of(x) for x in inputs}
    outputs, known = lowered(outputs, {x: as_tensor(value) for x, value in given.items()})
    return Translator(known).nodes(outputs)


def input_of(variable: Variable) -> Node:
    """A new input of the type of a variable."""
    return new_input(variable.name, wide(variable.type.dtype), variable.type.shape)


def wide(dtype: str) -> str:
    """The dtype in which numbers of this one are computed."""
    kind = np.dtype(dtype).kind
    if kind == "f":
        return "float64"
    return {"c": "complex128", "i": "int64"}.get(kind, dtype)


class Translator:
    """Translations of the variables of a graph; `given` are those at hand.

    checks  the conditions of values that were checked, with what PyTensor says where one does not
            hold; if None is given, values are nan there
    """

    def __init__(
        self, given: Mapping[Variable, Node], checks: list[tuple[Node, str]] | None = None
    ) -> None:
        load_rows()
        self.known: dict[Variable, Node | None] = dict(given)
        self.checks = checks

    def nodes(self, variables: Iterable[Variable]) -> list[Node]:
        """The tensors of variables."""
        variables = list(variables)
        self._walk(variables)
        return [self.known[x] for x in variables]

    def node(self, variable: Variable) -> Node:
        """The tensor of a variable."""
        return self.nodes([variable])[0]

    def value(self, variable: Variable) -> np.ndarray | None:
        """The value of a variable that is known while the graph is translated, or None."""
        node = self.node(variable)
        return node.op.array if node is not None and isinstance(node.op, Const) else None

    def inner(self, fgraph: Any, inputs: Sequence[Node]) -> list[Node]:
        """The outputs of an inner graph at inputs."""
        own = Translator(dict(zip(fgraph.inputs, inputs, strict=True)), self.checks)
        return own.nodes(fgraph.outputs)

    def unchecked(self) -> Translator:
        """A translator of steps and items, whose values are nan where a check fails: what is
        computed there cannot be read outside."""
        return Translator({}, None)

    def inner_node(self, apply: Apply, inputs: Sequence[Node]) -> list[Node]:
        """The results of a node at inputs in place of its own."""
        own = Translator(dict(zip(apply.inputs, inputs, strict=True)), self.checks)
        return own.nodes(apply.outputs)

    def checked(self, apply: Apply, x: Node, conditions: Sequence[Node]) -> Node:
        """A value under conditions."""
        message = str(getattr(apply.op, "msg", apply.op))
        for condition in conditions:
            holds = condition if condition.dtype == "bool" else ops.not_equal(condition, 0)
            if isinstance(holds.op, Const) and holds.op.array.all():
                continue
            if self.checks is not None:
                self.checks.append((holds, message))
            elif np.dtype(x.dtype).kind in "fc":
                x = ops.where(ops.all(holds), x, np.nan)
        return x

    def _walk(self, variables: Sequence[Variable]) -> None:
        stack = list(variables)
        while stack:
            x = stack[-1]
            if x in self.known:
                stack.pop()
                continue
            if x.owner is None:
                self.known[x] = self._leaf(x)
                continue
            waiting = [y for y in x.owner.inputs if y not in self.known]
            if waiting:
                stack += waiting
            else:
                self._apply(x.owner)

    def _leaf(self, x: Variable) -> Node | None:
        if hasattr(x, "data"):  # a literal
            return literal(x.data)
        if hasattr(x, "get_value"):
            return literal(x.get_value(borrow=True))
        raise GraphError(
            f"translate: the graph depends on {x}, which is not given\n  at {line_text()}\n"
            "  give a tensor or an array for it: inputs={variable: array}"
        )

    def _apply(self, apply: Apply) -> None:
        inputs = [self.known[x] for x in apply.inputs]
        function = row_of(apply.op)
        line = user_line(apply)
        with made_by(None, line) if line else nullcontext():
            try:
                if is_sparse(apply):
                    found = product(apply, inputs)
                    found = self.performed(apply, inputs) if found is None else found
                elif function is None:
                    found = self.performed(apply, inputs)
                else:
                    found = function(self, apply, *inputs)
            except Exception as error:
                error.add_note(f"  translating {described(apply)}")
                raise
        results = list(found) if isinstance(found, (list, tuple)) else [found]
        if _sized_by_literals(results, inputs):
            results = self.performed(apply, inputs)
        results = [folded(x) if isinstance(x, Node) else x for x in results]
        self.known.update(zip(apply.outputs, results, strict=True))

    def performed(self, apply: Apply, inputs: Sequence[Node | None]) -> list[Node]:
        """The results of an op without a row, of values that are known."""
        if any(isinstance(x, Node) and not isinstance(x.op, Const) for x in inputs):
            reason = reason_for(apply.op)
            raise GraphError(
                f"translate: {described(apply)} ({type(apply.op).__name__}) has no translation, "
                f"and depends on values that are not known yet\n  at {line_text()}\n"
                + (f"  {reason}\n" if reason else "")
                + "  write it by other functions, or evaluate it by PyTensor and pass the result "
                "as data"
            )
        arrays = [
            np.asarray(x.op.array, v.type.dtype) if isinstance(x, Node) else x
            for x, v in zip(inputs, apply.inputs, strict=True)
        ]
        cells: list[list[object]] = [[None] for _ in apply.outputs]
        apply.op.perform(apply, arrays, cells)
        return [literal(cell[0]) for cell in cells]


def _sized_by_literals(results: Sequence[object], inputs: Sequence[object]) -> bool:
    """Do values decide sizes of results, and are all of these values literals?"""
    tensors = [x for x in results if isinstance(x, Node) and not isinstance(x.type, tuple)]
    sizes = [n for x in tensors for n in x.shape]
    known = all(isinstance(x, Node) and isinstance(x.op, Const) for x in inputs)
    return known and not all(isinstance(n, int) for n in sizes)


def row_of(op: Any) -> Row | None:
    """The translation of an op, by the first of its classes that has one."""
    for kind in type(op).__mro__:
        if kind.__name__ in ROWS:
            return ROWS[kind.__name__]
    return None


def user_line(apply: Apply) -> tuple[str, int] | None:
    """The line of the user's code that made a node, as PyTensor recorded it."""
    for x in apply.outputs:
        for trace in reversed(getattr(x.tag, "trace", None) or []):
            for file, line, *_ in reversed(trace):
                if not any(part in file for part in FOREIGN):
                    return file, line
    return None


# Packages whose lines are not the user's.
LIBRARIES = ("pytensor", "pymc", "pymc_extras", "pymc_marketing", "bambi")
FOREIGN = tuple(f"{os.sep}{name}{os.sep}" for name in LIBRARIES)


def described(apply: Apply) -> str:
    """A node of PyTensor in a message: op, variable, and the user's line."""
    named = next((x.name for x in apply.outputs if x.name), None)
    line = user_line(apply)
    what = f" for the variable {named}" if named else ""
    return f"{apply.op}{what}" + (f", made at {line[0]}:{line[1]}" if line else "")


def literal(value: object) -> Any:
    """A value as a tensor, in double precision; None for a generator; a sparse matrix or a slice
    as it is."""
    if value is None or isinstance(value, numpy_part("random").Generator):
        return None
    if isinstance(value, slice) or hasattr(value, "tocoo"):
        return value
    array = np.asarray(value)
    return as_tensor(array.astype(wide(array.dtype), copy=False))


def folded(x: Node) -> Node:
    """A tensor as a literal, if it is made of literals and not large."""
    array = None if isinstance(x.op, Const) else value_by_literals(x)
    return x if array is None else as_tensor(array)


def value_by_literals(x: Node, depth: int = 0) -> np.ndarray | None:
    """The value of a tensor that is made of literals by what one op of PyTensor became, if it has
    not many more elements than these; else None."""
    if isinstance(x.op, Const):
        return x.op.array
    if depth > MAX_DEPTH or isinstance(x.op, (Input, Random, SizeOf)) or isinstance(x.type, tuple):
        return None
    if not all(isinstance(n, int) for n in x.shape):
        return None
    arrays = []
    for y in x.inputs:
        arrays.append(value_by_literals(y, depth + 1))
        if arrays[-1] is None:
            return None
    if math.prod(x.shape) > max([MAX_FOLDED, *(a.size for a in arrays)]):
        return None
    with np.errstate(all="ignore"):
        return np.asarray(value_of(x, arrays, {}), x.dtype)


def number(x: Node) -> int | Node:
    """A size or an axis: an integer where it is known."""
    return int(x.op.array) if isinstance(x.op, Const) else x


def stacked(x: Node) -> tuple[Node, ...] | None:
    """The scalars that a vector was stacked of, or None if it was made in another way."""
    parts = x.inputs if isinstance(x.op, ops.Concatenate) else (x,)
    if x.ndim == 1 and all(isinstance(y.op, ops.ExpandDims) for y in parts):
        return tuple(y.inputs[0] for y in parts)
    return None


def entries_of(x: Node) -> tuple[Node, ...]:
    """The entries of a vector of known length."""
    return stacked(x) or tuple(folded(x[k]) for k in range(x.shape[0]))


def sizes_of(x: Node) -> tuple[Size, ...]:
    """The entries of a vector of sizes, of which one may be -1."""
    if isinstance(x.op, Const):
        return tuple(int(n) for n in np.atleast_1d(x.op.array))
    return tuple(size_of_value(signed(folded(n))) for n in entries_of(x))
