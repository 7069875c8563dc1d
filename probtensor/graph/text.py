"""Graphs as text: a program of one assignment a node, read back; a tree.

The program is Python syntax, so that editors colour it and `ast` reads it:

    x: float64[x.shape[0], 3] = input("x")
    v0: float64[x.shape[0], 3] = exp(x)
    v1: float64[3] = sum(axes=(0,))(v0)
    return v1

An op with parameters is called twice, first with these. A symbolic size is written as the axis of
the input it comes from, or as `value(v0)` where a tensor decides it. A body of an op is a function,
defined before the first node that uses it:

    def f0(p0: float64, p1: float64):
        v0: float64 = add(p0, p1)
        return v0
    v0: (float64,) = scan(body=f0, steps=3, carries=1, sequences=1)(0.0, x)

Names depend only on the graph, not on graphs made before.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from probtensor.calls import public
from probtensor.dataclass import fields, replace
from probtensor.graph.closed import Closed, all_bodies, closed, parameter
from probtensor.graph.node import (
    Const,
    Frozen,
    Input,
    Node,
    Op,
    SizeOf,
    as_tensor,
    line_of,
    make,
    new_input,
)
from probtensor.graph.parts import Get
from probtensor.graph.sizes import size_of_value
from probtensor.graph.walk import toposort
from probtensor.types import (
    SIZE_FUNCTIONS,
    Atom,
    Dim,
    Size,
    TensorType,
    check_dtype,
    size_floordiv,
    size_name,
)

MAX_ELEMENTS = 16  # a constant with more is abbreviated, unless the text is to be parsed
INDENT = "    "
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
    outputs = [as_tensor(y) for y in ([outputs] if isinstance(outputs, Node) else outputs)]
    writer = GraphWriter(toposort(outputs), whole)
    return "\n".join(_statements(writer, outputs, lines)) + "\n"


def _statements(writer: GraphWriter, outputs: Sequence[Node], lines: bool) -> Iterator[str]:
    """The lines of a program, or of a function in it."""
    defined: set[Closed] = set()
    for node in sorted(writer.order, key=lambda node: not isinstance(node.op, Input)):
        if is_inline(node) or node in writer.parameters:
            continue
        for body in graphs_of(node.op):
            if body not in defined:
                yield f"def {writer.head(body)}:"
                inner = writer.bodies[body][1]
                yield from (INDENT + row for row in _statements(inner, body.outputs, lines))
            defined.add(body)
        row = f"{writer.names[node]}: {writer.type(node.type)} = {writer.call(node)}"
        yield f"{row}  # {line_of(node)}" if lines else row
    yield f"return {', '.join(writer.operand(x) for x in outputs) or '()'}"


def graphs_of(op: Op) -> list[Closed]:
    """The closed graphs among the parameters of an op: its bodies, or the rule of a derivative."""
    if op.has_bodies:
        return all_bodies(op)
    return [value for f in fields(op) if isinstance(value := getattr(op, f.name), Closed)]


def is_inline(node: Node) -> bool:
    """Whether a node is a scalar constant, which is written where it is used."""
    return isinstance(node.op, Const) and node.op.array.ndim == 0


class GraphWriter:
    """Names of the nodes and sizes of one graph, and the text of its ops, types and sizes.

    A body has a writer of its own, which has the names of sizes of the graph around it, `outer`.
    """

    def __init__(
        self,
        order: list[Node],
        whole: bool,
        outer: GraphWriter | None = None,
        parameters: Sequence[Node] = (),
    ) -> None:
        self.order = order
        self.whole = whole
        self.outer = outer if outer is None or outer.outer is None else outer.outer
        self.parameters = set(parameters)
        self.names: dict[Node, str] = {}
        self.atoms: dict[str, str] = {}  # names of sizes, by their keys
        self.sizes: set[str] = set()  # the texts of names that are no axis of an input
        self.reserved = {"input", "const", "size_of", "value", "inf", "nan", "min", "max"}
        self.functions: set[str] = set()  # the names of bodies
        if outer is not None:
            self.atoms, self.sizes, self.reserved = outer.atoms, outer.sizes, outer.reserved
            self.functions = outer.functions
        taken = set(self.reserved)
        for k, node in enumerate(parameters):
            self.names[node] = _fresh(f"p{k}", taken)
        for node in order:
            if isinstance(node.op, Input) and node not in self.names:
                self.names[node] = _fresh(_identifier(node.op.label or "input"), taken)
                self._name_sizes(node)
        if outer is None:
            self.reserved = set(taken)  # bodies write sizes as axes of these inputs
        count = 0
        for node in order:
            if node not in self.names and not is_inline(node):
                self.names[node] = _fresh(f"v{count}", taken)
                count += 1
        # The name and the writer of each body.
        self.bodies: dict[Closed, tuple[str, GraphWriter]] = {}
        for body in (body for node in order for body in graphs_of(node.op)):
            if body not in self.bodies:
                name = _fresh(f"f{len(self.functions)}", taken, self.sizes)
                self.functions.add(name)
                inner = GraphWriter(body.order(), whole, self, body.parameters)
                self.bodies[body] = name, inner

    def head(self, body: Closed) -> str:
        """The name of a body, with its parameters and their types."""
        name, inner = self.bodies[body]
        shown = (f"{inner.names[x]}: {self.type(x.type)}" for x in body.parameters)
        return f"{name}({', '.join(shown)})"

    def _name_sizes(self, node: Node) -> None:
        for axis, size in enumerate(node.op.tensor_type.shape):
            key = size_name(size)
            if key is not None:
                self.atoms.setdefault(key, f"{self.names[node]}.shape[{axis}]")

    def operand(self, node: Node) -> str:
        return self.constant(node.op.array) if is_inline(node) else self.names[node]

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
        shown = [
            f"{f.name}={self.value(getattr(op, f.name))}"
            for f in fields(op)
            if f.compare and not (op.has_bodies and getattr(op, f.name) == f.default)
        ]
        return f"{op.name}({', '.join(shown)})" if shown else op.name

    def value(self, value: object) -> str:
        if isinstance(value, tuple):
            inner = ", ".join(map(self.value, value))
            return f"({inner},)" if len(value) == 1 else f"({inner})"
        if isinstance(value, Dim):
            return self.size(value)
        if isinstance(value, Op):
            return self.op(value) if fields(value) else f"{value.name}()"
        if isinstance(value, Closed):
            return self.bodies[value][0]
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
        if atom.source is not None:
            names = self.names if self.outer is None else self.outer.names
            return f"value({names[atom.source]})"
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


def _fresh(name: str, *taken: set[str]) -> str:
    """The name, or the name with a number, that is in none of the sets; added to all of them."""
    tried = name
    count = 1
    while any(tried in names for names in taken):
        tried = f"{name}_{count}"
        count += 1
    for names in taken:
        names.add(tried)
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


class _Unreadable(ValueError):
    """A line that cannot be read, named in the message."""


class _Reader:
    """Builds the nodes of a program, statement by statement."""

    def __init__(self, ops: Mapping[str, type[Op]], inputs: dict[str, Node]) -> None:
        self.ops = ops
        self.given = inputs
        self.nodes: dict[str, Node] = {}
        self.bodies: dict[str, Closed] = {}

    def program(self, text: str) -> list[Node]:
        return self.statements(ast.parse(text).body, text.splitlines())

    def statements(self, statements: Sequence[ast.stmt], lines: Sequence[str]) -> list[Node]:
        """The outputs of a program, or of a function in it."""
        # All inputs are declared first: their sizes may refer to later inputs, or to themselves.
        for read in (self.declare, self.statement):
            for statement in statements:
                try:
                    outputs = read(statement, lines)
                except _Unreadable:
                    raise
                except (KeyError, TypeError, ValueError, AttributeError) as error:
                    number = statement.lineno
                    text = f"line {number}: {lines[number - 1]!r}: {error!r}"
                    raise _Unreadable(text) from error
                if outputs is not None:
                    return outputs
        raise ValueError("the program does not end in `return`")

    def body(self, function: ast.FunctionDef, lines: Sequence[str]) -> Closed:
        """A function as a closed graph; its sizes are those of the inputs of the program."""
        inner = _Reader(self.ops, {})
        inner.nodes = dict(self.nodes)
        own = [parameter(k, self.type(x.annotation)) for k, x in enumerate(function.args.args)]
        inner.nodes.update(zip((x.arg for x in function.args.args), own))
        return closed(own, inner.statements(function.body, lines))

    def declare(self, statement: ast.stmt, lines: Sequence[str]) -> None:
        """Make an input, with the sizes that are its own axes; the others are 1 until its statement
        is read."""
        if not isinstance(statement, ast.AnnAssign) or not _is_input(statement):
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

    def statement(self, statement: ast.stmt, lines: Sequence[str]) -> list[Node] | None:
        """Read an assignment, a function, or the outputs."""
        if isinstance(statement, ast.FunctionDef):
            self.bodies[statement.name] = self.body(statement, lines)
            return None
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
        if name != Get.name and name not in self.ops:
            raise _Unreadable(f"{name} has no text")
        made = Get if name == Get.name else self.ops[name]
        return made(**{k.arg: self.value(k.value) for k in call.keywords})

    def value(self, expression: ast.expr) -> Any:
        if isinstance(expression, ast.Tuple):
            return tuple(self.value(x) for x in expression.elts)
        if isinstance(expression, ast.Name) and expression.id in self.bodies:
            return self.bodies[expression.id]
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
            case ast.Call(ast.Name(name), parts) if name in SIZE_FUNCTIONS:
                return SIZE_FUNCTIONS[name](*map(self.size, parts))
            case ast.Call(ast.Name("value"), [ast.Name(name)]):
                return size_of_value(self.nodes[name])
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
    """The graph as a tree, one node per line; a repeated node is only a reference: `[3]`. A body
    comes before the inputs of the node that has it, once."""
    outputs = [outputs] if isinstance(outputs, Node) else list(outputs)
    writer = GraphWriter(toposort(outputs), whole=False)
    marks: dict[tuple[GraphWriter, Node], int] = {}
    rows = []
    stack: list = [(node, writer, "", "") for node in reversed(outputs)]
    shown: set[GraphWriter] = set()
    while stack:
        item, writer, lead, below = stack.pop()
        children: list[tuple[Node | Closed, GraphWriter]] = []
        if isinstance(item, Closed):
            name, inner = writer.bodies[item]
            rows.append(lead + (name if inner in shown else writer.head(item)))
            children = [(x, inner) for x in item.outputs if inner not in shown]
            shown.add(inner)
        elif is_inline(item):
            rows.append(lead + writer.operand(item))
        elif (writer, item) in marks:
            rows.append(f"{lead}[{marks[writer, item]}]")
        else:
            mark = marks[writer, item] = len(marks)
            rows.append(lead + _tree_row(item, writer, mark, lines))
            children = [(x, writer) for x in (*graphs_of(item.op), *item.inputs)]
        for position, (x, where) in reversed(list(enumerate(children))):
            last = position == len(children) - 1
            branch, trunk = ("└─ ", "   ") if last else ("├─ ", "│  ")
            stack.append((x, where, below + branch, below + trunk))
    return "\n".join(rows) + "\n"


def _tree_row(node: Node, writer: GraphWriter, mark: int, lines: bool) -> str:
    named = isinstance(node.op, Input)
    what = writer.names[node] if named else writer.op(node.op) if node.inputs else writer.call(node)
    where = f"  # {line_of(node)}" if lines else ""
    return f"{what}: {writer.type(node.type)} [{mark}]{where}"
