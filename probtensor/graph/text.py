"""Graphs as text: a program of one assignment a node, read back; a tree; Graphviz dot.

The program is Python syntax, so that editors colour it and `ast` reads it:

    x: float64[x.shape[0], 3] = input("x")
    v0: float64[x.shape[0], 3] = exp(x)
    v1: float64[3] = sum(axes=(0,))(v0)
    return v1

An op with parameters is called twice, first with these. A symbolic size is written as the axis of
the input it comes from. Names depend only on the graph, not on graphs made before.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np

from probtensor.calls import public
from probtensor.graph.node import Const, Frozen, Input, Node, Op, SizeOf, line_of, make, new_input
from probtensor.graph.parts import Get
from probtensor.graph.walk import toposort
from probtensor.types import (
    Atom,
    Dim,
    Size,
    TensorType,
    check_dtype,
    size_floordiv,
    size_max,
    size_min,
    size_name,
)

MAX_ELEMENTS = 16  # a constant with more is abbreviated, unless the text is to be parsed
_PLAIN = {"float64": float, "int64": int, "bool": bool}


@public
def to_text(outputs: Iterable[Node] | Node, *, whole: bool = False, lines: bool = False) -> str:
    """The graph as a program. `whole` writes long constants out, as `parse` needs them; `lines`
    adds the user's file and line to each node.

    Returns text: a line for each node, with its type. Raises GraphError, a TypeError, for what is
    no tensor.

        >>> print(pt.to_text(pt.exp(pt.scalar("x"))), end="")
        x: float64 = input('x')
        v0: float64 = exp(x)
        return v0
    """
    outputs = [outputs] if isinstance(outputs, Node) else list(outputs)
    writer = _Writer(toposort(outputs), whole)
    rows = []
    for node in sorted(writer.order, key=lambda node: not isinstance(node.op, Input)):
        if _inline(node):
            continue
        row = f"{writer.names[node]}: {writer.type(node.type)} = {writer.call(node)}"
        rows.append(f"{row}  # {line_of(node)}" if lines else row)
    rows.append(f"return {', '.join(writer.operand(x) for x in outputs)}")
    return "\n".join(rows) + "\n"


def _inline(node: Node) -> bool:
    return isinstance(node.op, Const) and node.op.array.ndim == 0


class _Writer:
    """Names of the nodes and sizes of one graph, and the text of its ops, types and sizes."""

    def __init__(self, order: list[Node], whole: bool) -> None:
        self.order = order
        self.whole = whole
        self.names: dict[Node, str] = {}
        self.atoms: dict[str, str] = {}  # names of sizes, by their keys
        self.sizes: set[str] = set()  # the texts of names that are no axis of an input
        taken = {"input", "const", "size_of", "inf", "nan", "min", "max"}
        for node in order:
            if isinstance(node.op, Input):
                self.names[node] = _fresh(_identifier(node.op.label or "input"), taken)
                self._name_sizes(node)
        count = 0
        for node in order:
            if node not in self.names and not _inline(node):
                self.names[node] = _fresh(f"v{count}", taken)
                count += 1

    def _name_sizes(self, node: Node) -> None:
        for axis, size in enumerate(node.op.tensor_type.shape):
            key = size_name(size)
            if key is not None:
                self.atoms.setdefault(key, f"{self.names[node]}.shape[{axis}]")

    def operand(self, node: Node) -> str:
        return self.constant(node.op.array) if _inline(node) else self.names[node]

    def call(self, node: Node) -> str:
        op = node.op
        if isinstance(op, Input):
            return f"input({op.label!r})"
        if isinstance(op, Const):
            return self.constant(op.array)
        if isinstance(op, SizeOf):
            return f"size_of({self.size(op.size)})"
        return f"{self.op(op)}({', '.join(map(self.operand, node.inputs))})"

    def op(self, op: Op) -> str:
        shown = [f"{f.name}={self.value(getattr(op, f.name))}" for f in fields(op)]
        return f"{op.name}({', '.join(shown)})" if shown else op.name

    def value(self, value: object) -> str:
        if isinstance(value, tuple):
            inner = ", ".join(map(self.value, value))
            return f"({inner},)" if len(value) == 1 else f"({inner})"
        if isinstance(value, Dim):
            return self.size(value)
        if isinstance(value, Op):
            return self.op(value) if fields(value) else f"{value.name}()"
        if isinstance(value, Frozen):
            return self.constant(value.array)
        if isinstance(value, TensorType):
            return self.type(value)
        if isinstance(value, (float, np.floating)):
            return repr(float(value))
        return repr(value)

    def type(self, kind: TensorType | tuple[TensorType, ...]) -> str:
        if isinstance(kind, tuple):
            return f"({', '.join(map(self.type, kind))},)"
        sizes = ", ".join(map(self.size, kind.shape))
        return f"{kind.dtype}[{sizes}]" if sizes else kind.dtype

    def constant(self, array: np.ndarray) -> str:
        dtype = array.dtype.name
        if array.ndim == 0 and dtype in _PLAIN:
            return repr(array.item())
        shown = array.ravel().tolist()
        if len(shown) > MAX_ELEMENTS and not self.whole:
            inner = ", ".join([*map(repr, shown[:3]), "...", *map(repr, shown[-2:])])
        else:
            inner = ", ".join(map(repr, shown)) + ("," if len(shown) == 1 else "")
        return f"const({dtype!r}, {array.shape!r}, ({inner}))"

    def size(self, size: Size) -> str:
        if not isinstance(size, Dim):
            return str(size)
        # Sorted by the text: the order of keys depends on uids, which differ between runs.
        terms = [(sorted(map(self.atom, atoms)), factor) for atoms, factor in size.terms]
        text = ""
        for atoms, factor in sorted(terms, key=lambda term: (-len(term[0]), term[0])):
            product = "*".join(atoms) or str(abs(factor))
            if atoms and abs(factor) != 1:
                product = f"{abs(factor)}*{product}"
            sign = "-" if factor < 0 else "+"
            text += f" {sign} {product}" if text else f"{'-' if factor < 0 else ''}{product}"
        return text

    def atom(self, atom: Atom) -> str:
        if not atom.args:
            if atom.key not in self.atoms:
                self.atoms[atom.key] = _fresh(_identifier(atom.name), self.sizes)
            return self.atoms[atom.key]
        if atom.name == "//":
            return f"(({self.size(atom.args[0])})//({self.size(atom.args[1])}))"
        return f"{atom.name}({', '.join(sorted(map(self.size, atom.args)))})"


def _identifier(name: str) -> str:
    name = re.sub(r"\W", "_", name)
    return name if name.isidentifier() else f"_{name}"


def _fresh(name: str, taken: set[str]) -> str:
    tried = name
    count = 1
    while tried in taken:
        tried = f"{name}_{count}"
        count += 1
    taken.add(tried)
    return tried


def parse(
    text: str, ops: Mapping[str, type[Op]], inputs: Mapping[str, Node] | None = None
) -> list[Node]:
    """The outputs of a program written by `to_text(..., whole=True)`.

    `ops` maps names to op classes (`ops.REGISTRY`); `inputs` maps variables of the program to nodes
    to use in place of new inputs. ValueError with the line that cannot be read.
    """
    return _Reader(ops, dict(inputs or {})).program(text)


_ARITHMETIC: dict[type, Callable] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.FloorDiv: size_floordiv,
}


class _Reader:
    """Builds the nodes of a program, statement by statement."""

    def __init__(self, ops: Mapping[str, type[Op]], inputs: dict[str, Node]) -> None:
        self.ops = ops
        self.given = inputs
        self.nodes: dict[str, Node] = {}

    def program(self, text: str) -> list[Node]:
        statements = ast.parse(text).body
        # All inputs are declared first: their sizes may refer to later inputs, or to themselves.
        for read in (self.declare, self.statement):
            for statement in statements:
                try:
                    outputs = read(statement)
                except (KeyError, TypeError, ValueError, AttributeError) as error:
                    line = text.splitlines()[statement.lineno - 1]
                    raise ValueError(f"line {statement.lineno}: {line!r}: {error!r}") from error
                if outputs is not None:
                    return outputs
        raise ValueError("the program does not end in `return`")

    def declare(self, statement: ast.stmt) -> None:
        """Make an input, with the sizes that are its own axes; the others are 1 until its statement
        is read."""
        if isinstance(statement, ast.Return) or not _is_input(statement):
            return
        name, call = statement.target.id, statement.value
        dtype, sizes = _type_parts(statement.annotation)
        shape = [
            None if ast.unparse(size) == f"{name}.shape[{axis}]" else 1
            for axis, size in enumerate(sizes)
        ]
        given = self.given.get(name)
        made = new_input(call.args[0].value, dtype, shape) if given is None else given
        self.nodes[name] = made

    def statement(self, statement: ast.stmt) -> list[Node] | None:
        """Read an assignment, or the outputs."""
        if isinstance(statement, ast.Return):
            value = statement.value
            parts = value.elts if isinstance(value, ast.Tuple) else [value]
            return [self.operand(part) for part in parts]
        name = statement.target.id
        if _is_input(statement):
            if name not in self.given:
                op = replace(self.nodes[name].op, tensor_type=self.type(statement.annotation))
                self.nodes[name] = make(op, ())
            return None
        self.nodes[name] = self.node(statement.value)
        written = self.type(statement.annotation)
        if self.nodes[name].type != written:
            raise ValueError(f"has type {self.nodes[name].type}, written as {written}")
        return None

    def node(self, call: ast.Call) -> Node:
        if isinstance(call.func, ast.Call):
            return make(self.op(call.func), self.operands(call))
        if call.func.id == "const":
            return make(Const(Frozen(self.array(call))), ())
        if call.func.id == "size_of":
            return make(SizeOf(self.size(call.args[0])), ())
        return make(self.ops[call.func.id](), self.operands(call))

    def operands(self, call: ast.Call) -> tuple[Node, ...]:
        return tuple(self.operand(x) for x in call.args)

    def operand(self, expression: ast.expr) -> Node:
        if isinstance(expression, ast.Name) and expression.id in self.nodes:
            return self.nodes[expression.id]
        if isinstance(expression, ast.Call):
            return self.node(expression)
        return make(Const(Frozen(np.asarray(_literal(expression)))), ())

    def op(self, call: ast.Call) -> Op:
        name = call.func.id
        made = Get if name == Get.name else self.ops[name]
        return made(**{k.arg: self.value(k.value) for k in call.keywords})

    def value(self, expression: ast.expr) -> Any:
        if isinstance(expression, ast.Tuple):
            return tuple(self.value(x) for x in expression.elts)
        if isinstance(expression, ast.Call) and expression.func.id == "const":
            return Frozen(self.array(expression))
        # Parameters are named; min(a, b) is a size.
        if isinstance(expression, ast.Call) and not expression.args:
            return self.op(expression)
        if isinstance(expression, ast.Constant) or _is_number(expression):
            return _literal(expression)
        if isinstance(expression, ast.Subscript) and isinstance(expression.value, ast.Name):
            return self.type(expression)
        return self.size(expression)

    def array(self, call: ast.Call) -> np.ndarray:
        dtype, shape, items = call.args
        values = [_literal(item) for item in items.elts]
        return np.array(values, dtype=check_dtype(dtype.value)).reshape(ast.literal_eval(shape))

    def type(self, annotation: ast.expr) -> TensorType | tuple[TensorType, ...]:
        if isinstance(annotation, ast.Tuple):
            return tuple(self.type(part) for part in annotation.elts)
        dtype, sizes = _type_parts(annotation)
        return TensorType(dtype, tuple(self.size(size) for size in sizes))

    def size(self, expression: ast.expr) -> Size:
        match expression:
            case ast.Constant(int(value)):
                return value
            case ast.UnaryOp(ast.USub(), inner):
                return -self.size(inner)
            case ast.BinOp(left, operator, right):
                return _ARITHMETIC[type(operator)](self.size(left), self.size(right))
            case ast.Call(ast.Name("min" | "max" as name), [left, right]):
                choose = size_min if name == "min" else size_max
                return choose(self.size(left), self.size(right))
            case ast.Subscript(ast.Attribute(ast.Name(name), "shape"), ast.Constant(axis)):
                return self.nodes[name].shape[axis]
            case ast.Name(name):
                return Dim.name(name)
        raise ValueError(f"{ast.unparse(expression)} is no size")


def _is_input(statement: ast.AnnAssign) -> bool:
    return getattr(statement.value.func, "id", None) == "input"


def _type_parts(annotation: ast.expr) -> tuple[str, list[ast.expr]]:
    if isinstance(annotation, ast.Name):
        return annotation.id, []
    sizes = annotation.slice
    return annotation.value.id, sizes.elts if isinstance(sizes, ast.Tuple) else [sizes]


def _is_number(expression: ast.expr) -> bool:
    inner = expression.operand if isinstance(expression, ast.UnaryOp) else expression
    return isinstance(inner, ast.Constant) or getattr(inner, "id", None) in ("inf", "nan")


def _literal(expression: ast.expr) -> Any:
    if isinstance(expression, ast.UnaryOp) and isinstance(expression.op, ast.USub):
        return -_literal(expression.operand)
    if isinstance(expression, ast.Name) and expression.id in ("inf", "nan"):
        return float(expression.id)
    if not isinstance(expression, ast.Constant) or expression.value is ...:
        raise ValueError(f"{ast.unparse(expression)} is no value (an abbreviated constant?)")
    return expression.value


def to_tree(outputs: Iterable[Node] | Node, *, lines: bool = False) -> str:
    """The graph as a tree, one node per line; a repeated node is only a reference: `[3]`."""
    outputs = [outputs] if isinstance(outputs, Node) else list(outputs)
    writer = _Writer(toposort(outputs), whole=False)
    marks: dict[Node, int] = {}
    rows = []
    stack = [(node, "", "") for node in reversed(outputs)]
    while stack:
        node, lead, below = stack.pop()
        if _inline(node):
            rows.append(lead + writer.operand(node))
            continue
        if node in marks:
            rows.append(f"{lead}[{marks[node]}]")
            continue
        marks[node] = len(marks)
        rows.append(lead + _tree_row(node, writer, marks[node], lines))
        for position, x in reversed(list(enumerate(node.inputs))):
            last = position == len(node.inputs) - 1
            branch, trunk = ("└─ ", "   ") if last else ("├─ ", "│  ")
            stack.append((x, below + branch, below + trunk))
    return "\n".join(rows) + "\n"


def _tree_row(node: Node, writer: _Writer, mark: int, lines: bool) -> str:
    named = isinstance(node.op, Input)
    what = writer.names[node] if named else writer.op(node.op) if node.inputs else writer.call(node)
    where = f"  # {line_of(node)}" if lines else ""
    return f"{what}: {writer.type(node.type)} [{mark}]{where}"


def to_dot(outputs: Iterable[Node] | Node) -> str:
    """The graph in Graphviz's dot language: inputs green, constants grey, outputs blue."""
    outputs = [outputs] if isinstance(outputs, Node) else list(outputs)
    writer = _Writer(toposort(outputs), whole=False)
    numbers = {node: k for k, node in enumerate(writer.order)}
    given = set(outputs)
    rows = ["digraph graph_ {", '  node [shape=box, style=filled, fillcolor="white"];']
    for node, number in numbers.items():
        label = writer.constant(node.op.array) if isinstance(node.op, Const) else (
            writer.names[node] if isinstance(node.op, Input) else writer.op(node.op)
        )  # fmt: skip
        label = f"{label}\n{writer.type(node.type)}".replace("\\", "\\\\").replace('"', '\\"')
        label = label.replace("\n", "\\n")
        rows.append(f'  n{number} [label="{label}"{_colour(node, node in given)}];')
        for position, x in enumerate(node.inputs):
            mark = f' [label="{position}"]' if len(node.inputs) > 1 else ""
            rows.append(f"  n{numbers[x]} -> n{number}{mark};")
    return "\n".join([*rows, "}"]) + "\n"


def _colour(node: Node, is_output: bool) -> str:
    if is_output:
        return ', fillcolor="lightblue"'
    if isinstance(node.op, Input):
        return ', fillcolor="lightgreen"'
    return ', fillcolor="lightgrey"' if isinstance(node.op, Const) else ""
