"""`graph_hash`: graphs that are written alike have one hash, in all processes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping

import numpy as np

from probtensor.calls import public
from probtensor.dataclass import fields, is_dataclass
from probtensor.graph.closed import Closed
from probtensor.graph.node import Frozen, Input, Node, Op, as_tensor
from probtensor.graph.symbolic import refusal
from probtensor.graph.walk import toposort
from probtensor.inspect.subject import function_in
from probtensor.types import Atom, Dim, TensorType, size_name

VERSION = "1"  # of the form of the text that is hashed
_PLAIN = (str, int, float, bool, bytes, complex, type(None))
# Fields that distinguish variables of one form, and values that are none of the graph's.
_OMITTED = ("cell", "default")


@public
def graph_hash(given: object, *, names: bool = True) -> str:
    """A hash of a graph: the same for graphs that are written alike, in all processes and whatever
    was made before, and another for every other graph.

    given  tensors: one, a list or a dict; or a compiled function, for the graph it was made from
    names  whether the names of inputs are part of the graph

    Inputs are told apart by where they are read, not by when they were made. The order of operands
    counts: x + y and y + x differ, and so do x + x and 2 * x. The user's lines do not count.

    Returns 64 hexadecimal digits. Raises TypeError for what is no graph, and for a graph with an
    object that has no stable text, as a Python function.

        >>> x, z = pt.vector("x"), pt.vector("z")
        >>> pt.graph_hash(pt.exp(x) + 1) == pt.graph_hash(pt.exp(pt.vector("x")) + 1)
        True
        >>> pt.graph_hash(pt.exp(x)) == pt.graph_hash(pt.exp(z), names=False)
        False
        >>> pt.graph_hash(pt.exp(x), names=False) == pt.graph_hash(pt.exp(z), names=False)
        True
    """
    function = None if isinstance(given, (Node, Mapping, list, tuple)) else function_in(given)
    if function is not None:
        outputs = list(function.program.graph or function.compilation.lowered().written)
        own = [x.variable for x in function.program.inputs]
    else:
        parts = list(given.values()) if isinstance(given, Mapping) else given
        parts = list(parts) if isinstance(parts, (list, tuple)) else [parts]
        if not all(isinstance(part, Node) for part in parts):
            raise refusal(f"graph_hash: {given!r:.60} is no graph", "give tensors or a function")
        outputs, own = [as_tensor(part) for part in parts], []
    return hashlib.sha256(_Text(names).graph(own, outputs).encode()).hexdigest()


class _Text:
    """The text of a graph, in which nodes and inputs are numbered as they are met."""

    def __init__(self, names: bool) -> None:
        self.names = names
        self.uids: dict[str, int] = {}
        self.numbers: dict[Node, int] = {}
        self.bodies: dict[Closed, str] = {}
        self.ops: dict[Op, str] = {}
        self.axes: dict[str, str] = {}  # of which input a size is an axis, by its key
        self.sizes: dict[str, str] = {}  # the names of other sizes, by their keys

    def graph(self, inputs: list[Node], outputs: list[Node]) -> str:
        order = toposort([*inputs, *outputs])
        for node in order:
            if isinstance(node.op, Input):
                number = self.uids.setdefault(node.op.uid, len(self.uids))
                for axis, size in enumerate(node.op.tensor_type.shape):
                    self.axes.setdefault(size_name(size), f"axis {axis} of {number}")
        rows = [VERSION, *self.rows(order, self.numbers)]
        ends = [self.numbers[x] for x in (*inputs, *outputs)]
        return "\n".join([*rows, f"{len(inputs)} {ends}"])

    def rows(self, order: list[Node], numbers: dict[Node, int]) -> list[str]:
        rows = []
        for node in order:
            numbers[node] = len(numbers)
            kind = "" if type(node) is Node else type(node).__name__
            rows.append(f"{self.op(node.op)}{kind}{[numbers[x] for x in node.inputs]}")
        return rows

    def op(self, op: Op) -> str:
        if hasattr(op, "uid"):
            return self.made(op)
        found = self.ops.get(op)
        if found is None:
            found = self.ops[op] = self.made(op)
        return found

    def made(self, value: object) -> str:
        """A value of a dataclass by its fields."""
        parts = []
        for f in fields(value):
            if f.name in _OMITTED or (f.name == "label" and not self.names):
                continue
            part = getattr(value, f.name)
            if f.name == "uid":
                part = self.uids.setdefault(part, len(self.uids))
            parts.append(f"{f.name}={self.value(part)}")
        return f"{type(value).__module__}.{type(value).__qualname__}({', '.join(parts)})"

    def value(self, value: object) -> str:
        found = _HANDLED.get(type(value))
        if found is not None:
            return found(self, value)
        if isinstance(value, str):
            return repr(str(value))
        if isinstance(value, np.generic):
            return repr(value.item())
        if isinstance(value, np.dtype):
            return value.str
        if is_dataclass(value) and not isinstance(value, type):
            return self.made(value)
        raise refusal(
            f"graph_hash: {value!r:.60} ({type(value).__name__}) has no text that is the same in "
            "all processes"
        )

    def sequence(self, values: tuple | list) -> str:
        return f"[{', '.join(map(self.value, values))}]"

    def mapping(self, values: Mapping) -> str:
        return f"{{{', '.join(sorted(f'{k!r}: {self.value(v)}' for k, v in values.items()))}}}"

    def frozen(self, value: Frozen) -> str:
        array = value.array
        digest = hashlib.sha256(array.tobytes()).hexdigest()
        return f"{array.dtype.newbyteorder('<').str}{array.shape}{digest}"

    def body(self, body: Closed) -> str:
        """A body, whose parameters are its first nodes."""
        if body not in self.bodies:
            numbers = {x: k for k, x in enumerate(body.parameters)}
            types = self.sequence([x.type for x in body.parameters])
            rows = self.rows([x for x in body.order() if x not in numbers], numbers)
            text = "\n".join([types, *rows, str([numbers[y] for y in body.outputs])])
            self.bodies[body] = hashlib.sha256(text.encode()).hexdigest()
        return self.bodies[body]

    def type(self, kind: TensorType) -> str:
        return f"{kind.dtype}{self.sequence(kind.shape)}"

    def size(self, size: Dim) -> str:
        """A size in an order of terms that does not depend on when names were made."""
        terms = [f"{factor}*{'*'.join(sorted(map(self.atom, atoms)))}"
                 for atoms, factor in size.terms]  # fmt: skip
        return f"<{' + '.join(sorted(terms))}>"

    def atom(self, atom: Atom) -> str:
        if atom.source is not None:
            return f"value({self.numbers.get(atom.source, '?')})"
        if atom.args:
            args = map(self.value, atom.args)
            return f"{atom.name}({', '.join(args if atom.name == '//' else sorted(args))})"
        if atom.key in self.axes:
            return self.axes[atom.key]
        if atom.key not in self.sizes:
            name = re.sub(r"\W", "_", atom.name)
            taken = sum(other.partition("#")[0] == name for other in self.sizes.values())
            self.sizes[atom.key] = f"{name}#{taken}" if taken else name
        return self.sizes[atom.key]


_HANDLED: Mapping[type, Callable[[_Text, object], str]] = {
    **{kind: lambda text, value: repr(value) for kind in _PLAIN},
    tuple: _Text.sequence,
    list: _Text.sequence,
    dict: _Text.mapping,
    Frozen: _Text.frozen,
    Closed: _Text.body,
    TensorType: _Text.type,
    Dim: _Text.size,
}
