"""Nodes of the tensor graph, their interning, and their operators."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import Signature
from typing import ClassVar, NoReturn

import numpy as np
from numpy.typing import ArrayLike

from cython_ext.graph import Fields, Interned
from probtensor.calls import IMPORTED, outermost_call
from probtensor.dataclass import dataclass, fields

# Some are re-exported.
from probtensor.graph.literals import array_of, literal  # noqa: F401
from probtensor.graph.origin import (  # noqa: F401
    OBSERVERS,
    DerivativeLine,
    GraphError,
    GraphIndexError,
    GraphOverflowError,
    GraphValueError,
    in_derivative,
    line_of,
    located,
    made_by,
    noted,
    origin_of,
    present_line,
    read_back,
    record_line,
    stored_line,
    writing,
)
from probtensor.graph.symbolic import SETTERS, Symbolic, TypeOnly, described, no_attribute, refusal
from probtensor.process import new_lock, new_uid
from probtensor.types import (
    FLOAT16,
    Dim,
    ShapeError,
    SizeCheck,
    TensorType,
    check_dtype,
    sources,
)

MAX_NAMED = 5  # operands in one message

# Filled by `ops`: "+" -> add, "getitem" -> ..., and method names such as "sum".
OPERATORS: dict[str, Callable[..., Node]] = {}
METHODS: dict[str, Callable[..., object]] = {}


@dataclass(frozen=True)
class Op:
    """The operation of a node. Subclasses are frozen dataclasses whose fields are the parameters;
    one that adds no parameters need not be decorated."""

    name: ClassVar[str] = "op"
    users_write: ClassVar[str | None] = None  # the user's notation, if it is not the name
    complete: ClassVar[bool] = False  # whether the messages of its laws already name op and line
    asks: ClassVar[bool] = False  # whether its laws are what a function asks of its operands
    # Whether the output consists of the elements of input 0, all of them, each once or more.
    reads_all: ClassVar[bool] = False
    repeats: ClassVar[bool] = False  # whether the output is input 0 if their shapes are equal
    # Whether input 0 selects one of the others, of which only that one need be computed.
    chooses: ClassVar[bool] = False
    cut: ClassVar[tuple[int, ...]] = ()  # inputs by which it never has a derivative
    has_bodies: ClassVar[bool] = False  # whether some of its parameters are closed graphs
    ended_by_values: ClassVar[bool] = False  # whether it is a loop that values of a call end
    # The effect of an index that is out of range: "raise", "wrap" or "clip".
    index_mode: ClassVar[str] = "raise"

    def __hash__(self) -> int:
        return hash(type(self))

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in cls.__dict__:
            cls.name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()

    def infer(self, *types: TensorType) -> TensorType | tuple[TensorType, ...]:
        """The type of the output from those of the inputs. Raises ShapeError or TypeError."""
        raise NotImplementedError(f"{type(self).__name__} does not say its output type")

    def requires(self, node: Node) -> Iterable[SizeCheck]:
        """The size laws of `node`, whose op this is: conditions on sizes for it to have a meaning.

        `infer` refuses sizes that certainly do not fit; these laws are checked at each call.
        Messages omit the op's name and line, which `graph.law` adds.
        """
        return ()

    def inputs_read(self, result: int) -> Iterable[int] | None:
        """The positions of the inputs on which one of several results depends; None for all."""
        return None

    def index_inputs(self) -> Mapping[int, tuple[int, int]]:
        """For each input that holds indices, by position: (position of the indexed input, axis)."""
        return {}

    def __call__(self, *inputs: object) -> Node:
        return make(self, tuple(as_tensor(x) for x in inputs))

    def text(self) -> str:
        """The op with its parameters, for printing."""
        values = [
            f"{f.name}={_short(getattr(self, f.name))}"
            for f in fields(self)
            if f.repr
        ]
        return f"{self.name}{{{', '.join(values)}}}" if values else self.name

    def spelled(self) -> str:
        """The text of an op without inputs in messages."""
        return self.text()

    def node_text(self, node: Node) -> str:
        """The text of this op, which is that of `node`, in messages about the node."""
        return self.text()

    def call_text(self, operands: Sequence[str]) -> str:
        """A node of this op in messages, given the texts of its operands."""
        return f"{self.name}({', '.join(operands)})"

    def user_name(self) -> str:
        """The name of the op in messages: the user's notation, if there is one."""
        return self.users_write or self.name


def _short(value: object) -> str:
    text = value.text() if isinstance(value, Op) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


class Node(Fields, Symbolic):
    """One value of the graph: an op applied to inputs. Immutable; the same node is the same object.

    Attributes: `op`, `inputs` (nodes), `type` (a TensorType, or a tuple of them), `needs` (its
    inputs, and before them the nodes that compute its sizes), and NumPy's names `shape`, `ndim`,
    `dtype`, `size`, `T`. Arithmetic, comparison and indexing build new nodes, and
    so do NumPy's functions of which there is a namesake here. Nodes hash by identity, so dicts and
    sets distinguish them by `is`; see `ops/elementwise/equality.py` for `==`.

        >>> x = pt.matrix("x")
        >>> (x.T @ x).ndim, x.dtype
        (2, 'float64')
    """

    __slots__ = ()
    __signature__ = Signature()  # `inspect` finds none in a compiled base class
    # Above that of pandas, so that `series + node` calls `Node.__radd__`.
    __pandas_priority__ = 5000
    # Whether its attribute `node` replaces it wherever it is used.
    stands_for_another: ClassVar[bool] = False
    # Whether it is a pair of real tensors, which are its inputs (see `ops/complexes`).
    is_complex: ClassVar[bool] = False

    # Fields.
    op: Op
    inputs: tuple[Node, ...]
    needs: tuple[Node, ...]
    type: TensorType

    def __setattr__(self, name: str, value: object) -> None:
        raise refusal(
            f"{self.described} is a tensor, and tensors are immutable: cannot set {name!r}",
            self.birthplace,
            SETTERS.get(name, "write y = x.at[key].set(value) for other values"),
            kind=AttributeError,
        )

    def __reduce__(self) -> tuple:
        return _rebuild, (node_steps([self])[0],)

    def __repr__(self) -> str:
        named = _operand(self)
        if self.inputs and not isinstance(self.inputs[0].type, tuple):
            named += f"({', '.join(_operand(x) for x in self.inputs)})"
        return f"<{named}: {self.type}>"

    @property
    def size_sources(self) -> tuple[Node, ...]:
        """The nodes that compute sizes in its op and its type."""
        return self.needs[: len(self.needs) - len(self.inputs)]

    @property
    def shape(self) -> tuple:
        return self.type.shape

    @property
    def ndim(self) -> int:
        return self.type.ndim

    @property
    def dtype(self) -> str:
        return self.type.dtype

    @property
    def size(self) -> int | Dim:
        return self.type.size

    @property
    def name(self) -> str | None:
        return getattr(self.op, "label", None)

    def __getattr__(self, name: str) -> object:
        method = METHODS.get(name)
        if method is None:
            raise no_attribute(self, name, METHODS)
        if isinstance(method, property):
            return method.fget(self)
        return method.__get__(self)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *METHODS]

    @property
    def described(self) -> str:
        """The tensor in messages: its name, or the call that makes it."""
        return described(self, 3)

    @property
    def birthplace(self) -> str:
        """The line of a message that says where the tensor was made."""
        return f"{self.described} made at {line_of(self)}"

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> Node | bool:
        return OPERATORS["=="](self, other)

    def __ne__(self, other: object) -> Node | bool:
        return OPERATORS["!="](self, other)

    def __getitem__(self, key: object) -> Node:
        return OPERATORS["getitem"](self, key)

    def __divmod__(self, other: object) -> tuple[Node, Node]:
        return self // other, self % other

    def __rdivmod__(self, other: object) -> tuple[Node, Node]:
        return other // self, other % self

    def __round__(self, ndigits: int | None = None) -> Node:
        return METHODS["round"](self, ndigits or 0)

    @TypeOnly
    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *args: object, **kwargs: object
    ) -> object:
        return OPERATORS["ufunc"](ufunc, method, args, kwargs)

    def __array_function__(
        self, function: object, types: object, args: object, kwargs: object
    ) -> object:
        return OPERATORS["numpy"](function, args, kwargs)


def _operand(node: Node) -> str:
    return getattr(node.op, "label", None) or node.op.node_text(node)


# All nodes of the process.
INTERNED = Interned(new_lock(reentrant=True), Op.__hash__, DerivativeLine)
TensorLike = Node | ArrayLike  # accepted by `as_tensor`


def _binary(symbol: str) -> Callable[[Node, TensorLike], Node]:
    def method(self: Node, other: TensorLike, modulus: None = None) -> Node:
        if modulus is not None:
            raise refusal(f"pow: {self.described} is a tensor, which takes no modulus", "x**y % z")
        if not _tensor_like(other):
            return _no_operand(symbol, self, other)
        return OPERATORS[symbol](self, other)

    return method


def _reflected(symbol: str) -> Callable[[Node, TensorLike], Node]:
    def method(self: Node, other: TensorLike) -> Node:
        if not _tensor_like(other):
            return _no_operand(symbol, self, other)
        return OPERATORS[symbol](other, self)

    return method


def _no_operand(symbol: str, node: Node, other: object) -> NoReturn:
    """Raise for builtin types that cannot be operands; NotImplemented, so that Python tries the
    reflected operator, for types of other libraries."""
    if type(other).__module__ not in ("builtins", "fractions", "decimal"):
        return NotImplemented
    raise refusal(
        f"{symbol}: {node.described} ({node.type}) meets the {type(other).__name__} {other!r:.40}, "
        "which is no number or array of numbers",
        node.birthplace,
        "convert it first, as in float(value) or np.asarray(values, dtype=float)",
    )


def _unary(symbol: str) -> Callable[[Node], Node]:
    return lambda self: OPERATORS[symbol](self)


_ACCEPTED = (Node, bool, int, float, complex, np.ndarray, np.generic, list, tuple, Dim)


def _tensor_like(value: object) -> bool:
    if isinstance(value, _ACCEPTED):
        return True
    if getattr(type(value), "__array_ufunc__", True) is None:
        return False  # its class leaves no operator to arrays
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray)):
        return True  # a range, a deque, an array.array, a memoryview
    # Sparse matrices have no __array__; `as_tensor` refuses them with advice.
    return hasattr(value, "__array__") or hasattr(value, "toarray")


_BINARY = {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "pow": "**",
    "matmul": "@", "and": "&", "or": "|", "xor": "^", "lshift": "<<", "rshift": ">>",
}  # fmt: skip
for _name, _symbol in _BINARY.items():
    setattr(Node, f"__{_name}__", _binary(_symbol))
    setattr(Node, f"__r{_name}__", _reflected(_symbol))
for _name, _symbol in {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}.items():
    setattr(Node, f"__{_name}__", _binary(_symbol))
for _name, _symbol in {"neg": "neg", "pos": "pos", "abs": "abs", "invert": "~"}.items():
    setattr(Node, f"__{_name}__", _unary(_symbol))


def make(
    op: Op, inputs: Sequence[Node], kind: type[Node] = Node, what: str | None = None,
    known: TensorType | None = None,
) -> Node:
    """The interned node of `op` applied to `inputs`, made if there is none yet.

    `what` is the function that the user called, if several functions use the op; `known` its type,
    where it is known that the op accepts these inputs, and none stands for another or is complex.
    """
    inputs = tuple(inputs)
    found = INTERNED.find(kind, op, inputs)
    if found is not None:
        if found.inputs or found._origin is IMPORTED:  # literals have no line
            record_line(INTERNED, found)
        if OBSERVERS:
            noted(found)
        return found
    if known is None:
        if kind.stands_for_another:
            return make(op, inputs, what=what)
        for x in inputs:
            if x.stands_for_another:
                return make(op, tuple(map(as_tensor, inputs)), kind, what)
            if x.is_complex:
                return OPERATORS["complex"](op, inputs, what)
        try:
            known = op.infer(*[x.type for x in inputs])
        except (ShapeError, TypeError) as error:
            if isinstance(error, GraphError):
                raise
            called = what or outermost_call(op.user_name())
            raise GraphError(_bad_call(called, inputs, error)) from None
    made = INTERNED.enter(kind, op, inputs, known, sources((op, known)), present_line())
    if OBSERVERS:
        noted(made)
    return made


def claim_again() -> None:
    """Let what is made now of the user's nodes have their lines where it is there already."""
    if writing():
        INTERNED.begin()


def remake(node: Node, inputs: tuple[Node, ...]) -> Node:
    """The node of the same op and class on other inputs, made by the same line of the user; the
    node itself on its own inputs."""
    found = INTERNED.similar(node, inputs)
    if found is None:
        with made_by(node):
            found = make(node.op, inputs, type(node))
    return found


def _bad_call(what: str, inputs: Sequence[Node], error: Exception) -> str:
    types = [
        f"{x.op.label}: {x.type}" if getattr(x.op, "label", None) else str(x.type) for x in inputs
    ]
    if len(types) > MAX_NAMED:
        types[MAX_NAMED:] = [f"{len(types) - MAX_NAMED} more"]
    file, line = present_line()
    text = f"{what}: {error} in ({', '.join(types)})\n  at {file}:{line}"
    made = [x.birthplace for x in inputs if not isinstance(x.op, Const)]
    return text + "".join(f"\n  {row}" for row in [*dict.fromkeys(made)][:MAX_NAMED])


NodeSteps = list[tuple[type[Node], Op, tuple[int, ...], tuple[str, int]]]


def node_steps(outputs: Iterable[Node]) -> tuple[NodeSteps, list[int]]:
    """What pickle stores of nodes: the steps that make them (class, op, numbers of the steps that
    make the inputs, line), and the numbers of the steps that make the outputs."""
    index: dict[Node, int] = {}
    outputs = list(outputs)
    stack = outputs[::-1]
    while stack:
        node = stack[-1]
        waiting = [x for x in node.inputs if x not in index]
        if waiting:
            stack.extend(waiting)
            continue
        stack.pop()
        index.setdefault(node, len(index))
    steps = [(type(n), n.op, tuple(index[x] for x in n.inputs), stored_line(n)) for n in index]
    return steps, [index[x] for x in outputs]


def made_by_steps(steps: NodeSteps) -> list[Node]:
    """The nodes that the steps make, in order."""
    nodes: list[Node] = []
    for kind, op, inputs, line in steps:
        with read_back(line):
            nodes.append(make(op, tuple(nodes[i] for i in inputs), kind))
    return nodes


def _rebuild(steps: NodeSteps) -> Node:
    return made_by_steps(steps)[-1]


# Leaves.


class Frozen:
    """A read-only array, in the byte order of the machine, that hashes and compares by its bytes,
    dtype and shape."""

    __slots__ = ("_hash", "array")

    def __init__(self, array: np.ndarray) -> None:
        native = None if array.dtype.isnative else array.dtype.newbyteorder("=")
        value = np.array(array, native, order="C", copy=True)
        value.setflags(write=False)
        self.array = value
        self._hash = hash((value.dtype.str, value.shape, value.tobytes()))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Frozen):
            return NotImplemented
        mine, theirs = self.array, other.array
        same = mine.dtype == theirs.dtype and mine.shape == theirs.shape
        return same and mine.tobytes() == theirs.tobytes()

    def __reduce__(self) -> tuple:
        return Frozen, (np.array(self.array),)

    def __str__(self) -> str:
        return str(self.array) if self.array.size <= 6 else f"array{list(self.array.shape)}"


@dataclass(frozen=True)
class Const(Op):
    """A literal value."""

    value: Frozen
    name: ClassVar[str] = "const"

    @property
    def array(self) -> np.ndarray:
        return self.value.array

    def infer(self) -> TensorType:
        return TensorType(check_dtype(self.array.dtype), self.array.shape)

    def text(self) -> str:
        return str(self.value)


@dataclass(frozen=True)
class Input(Op):
    """A value given at call time. `uid` distinguishes inputs of the same name and type."""

    label: str | None
    tensor_type: TensorType
    uid: str
    name: ClassVar[str] = "input"
    persistent: ClassVar[bool] = False  # whether its value persists between calls

    def infer(self) -> TensorType:
        return self.tensor_type

    def text(self) -> str:
        return self.label or f"input{self.uid.split('.')[0]}"


@dataclass(frozen=True)
class SizeOf(Op):
    """A symbolic size as an int64 scalar of the graph."""

    size: Dim
    name: ClassVar[str] = "size_of"

    def spelled(self) -> str:
        return str(self.size)

    def infer(self) -> TensorType:
        return TensorType("int64", ())


def new_input(
    name: str | None,
    dtype: object,
    shape: Sequence[int | Dim | None],
    kind: type[Node] = Node,
) -> Node:
    """A fresh input; each `None` in `shape` becomes a symbolic size named after the input."""
    uid, dtype = new_uid(), check_dtype(dtype, stored=True)
    sizes = tuple(
        Dim.name(f"{name or 'input'}.shape[{axis}]", uid) if n is None else n
        for axis, n in enumerate(shape)
    )
    if dtype.kind == "c":
        return OPERATORS["complex input"](name, TensorType(dtype, sizes), uid)
    if dtype == FLOAT16:
        return OPERATORS["half input"](name, TensorType(dtype, sizes), uid)
    return make(Input(name, TensorType(dtype, sizes), uid), (), kind)


def as_tensor(value: object, dtype: str | None = None) -> Node:
    """A node for a node, number, array, size or nested list (which may hold nodes).

    Python's float becomes float64, int int64 (uint64 from 2**63 on), bool bool, complex complex128;
    arrays keep their dtype and are copied. GraphError, a TypeError, for anything that is not
    numeric or would lose something: masked arrays, missing entries, sparse matrices, categories,
    text, dates. It is an OverflowError too for a number that `dtype`, or 64 bits, cannot hold.

    Returns a tensor of the shape of the value; a node that needs no conversion is returned as it
    is. Raises GraphError as above, OverflowError too where a number does not fit.

        >>> pt.as_tensor([1, 2]).eval()
        array([1, 2])
    """
    if isinstance(value, Node):
        value = value.node if value.stands_for_another else value
        return value if dtype is None or dtype == value.dtype else METHODS["astype"](value, dtype)
    if isinstance(value, Dim):
        return make(SizeOf(value), ())
    if isinstance(value, (list, tuple)) and _holds_nodes(value):
        return OPERATORS["stack"]([as_tensor(x, dtype) for x in value])
    array = literal(value, dtype)
    if array.dtype.kind == "c":
        return OPERATORS["complex literal"](array)
    return make(Const(Frozen(array)), ())


def _holds_nodes(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_holds_nodes(x) for x in value)
    return isinstance(value, (Node, Dim))
