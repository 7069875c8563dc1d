"""The kinds of op. A kind owns what follows from structure; an op states only its mathematics.

    Elementwise   out[i] = f(x[i], y[i], ...) with broadcasting; inputs promoted to one dtype
    Reduction     out[o] = combine over the reduced axes of x[o, r]
    View          out[i] = x[map(i)]: reshape, transpose, slices, gathers, arange
    Join          inputs laid one after the other along an axis (never a View: pieces are written
                  straight to their place by whoever computes them)
    Scatter       a copy of a base with updates written or added at computed places
    Contraction   out[o] = sum over r of x[..] * y[..]: every matrix product, by subscripts
    Core          a routine on the last axes, batched over the others: factorisations, solves
    Composite     a name for a graph of other ops: it has a derivative of its own, then expands

Type inference, promotion, lowering and batching follow from the kind. What an op adds: `numpy`, its
meaning on arrays; `vjp`, its derivative; a C name; `samples`, the inputs it is tested on; and where
its kind does not say it all, `requires`, the size law that a call is checked by.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from probtensor import ops
from probtensor.calls import REASONS, WRONG, add_line, line_text, refusal
from probtensor.graph.node import (
    METHODS,
    OPERATORS,
    Const,
    Node,
    Op,
    array_of,
    as_tensor,
    make,
)
from probtensor.ops.laws import aligned, equal, folds_something, places_exist, repeated_to
from probtensor.ops.values import Needed, Pole
from probtensor.types import (
    Dim,
    Shape,
    ShapeError,
    Size,
    SizeCheck,
    TensorType,
    broadcast_shapes,
    promote,
    promote_float,
    shape_text,
)

REGISTRY: dict[str, type[Op]] = {}


def op(cls: type) -> type:
    """Class decorator: freeze the op, enter it in REGISTRY, and refuse it if it is incomplete."""
    # Making a dataclass takes half a millisecond, which most of some 150 ops can spare.
    if any(not str(kind).startswith("ClassVar") for kind in cls.__annotations__.values()):
        cls = dataclass(frozen=True)(cls)
    if cls.name in REGISTRY:
        raise TypeError(f"two ops are called {cls.name!r}")
    missing = [part for part in cls.needs if getattr(cls, part, None) is None]
    if missing:
        raise TypeError(f"op {cls.__name__} lacks {', '.join(missing)}")
    if not cls.has_code(cls):
        raise TypeError(f"op {cls.__name__} has no c, symbol, routine, element or expand")
    REGISTRY[cls.name] = cls
    return cls


def operator(symbol: str) -> Callable[[Callable], Callable]:
    """Decorator: the function behind an operator of Node ("+", "getitem", ...)."""

    def enter(function: Callable) -> Callable:
        OPERATORS[symbol] = function
        return function

    return enter


def method(function: Callable, name: str | None = None) -> Callable:
    """Decorator: a function of a tensor that is a method of Node as well."""
    METHODS[name or function.__name__] = function
    return function


@dataclass(frozen=True)
class Range:
    """The interval a value lies in; an open end excludes the bound (for finite arguments)."""

    low: float = -np.inf
    high: float = np.inf
    low_open: bool = False
    high_open: bool = False


REAL = Range()
POSITIVE = Range(0.0, np.inf, low_open=True)
NONNEGATIVE = Range(0.0, np.inf)
UNIT = Range(0.0, 1.0)
OPEN_UNIT = Range(0.0, 1.0, low_open=True, high_open=True)


@dataclass(frozen=True)
class Facts:
    """What is always true of an op: the range of its value, and how it moves with its argument."""

    range: Range = REAL
    increasing: bool = False
    decreasing: bool = False
    commutative: bool = False
    associative: bool = False


class Kind(Op):
    """What every op of every kind has."""

    needs: ClassVar[tuple[str, ...]] = ("numpy", "samples")
    facts: ClassVar[Facts] = Facts()
    samples: ClassVar[Any] = None
    linear: ClassVar[bool] = False  # in all inputs jointly: then jvp(t) = op(t)
    differentiable: ClassVar[bool] = True

    numpy: ClassVar[Callable[..., np.ndarray]]

    @staticmethod
    def has_code(cls: type) -> bool:
        return True

    def vjp(self, g: Node, out: Node, *inputs: Node) -> Sequence[Node | None]:
        """Gradients for each input, given `g` of the output; None where there is none.

        A gradient may have the broadcast shape: the driver sums it back to the input's shape.
        """
        raise NotImplementedError(f"{self.name} has no derivative")


class Signature:
    """The signature of an op's one instance, for `inspect.signature` and `help`: x, or x1, x2."""

    def __get__(self, instance: Any, owner: type) -> inspect.Signature | None:
        return None if instance is None else instance.signature_of_operands()


class Function(Kind):
    """A kind whose ops have no parameters: the op's one instance is a function that users call."""

    operands: ClassVar[tuple[str, ...]] = ()  # their names, where they are not x1, x2
    __signature__ = Signature()

    def __call__(self, *inputs: Any, **keywords: Any) -> Node:
        try:
            if keywords or len(inputs) != self.count():
                raise TypeError(self._wrong_call(inputs, keywords))
            return self.apply(*inputs)
        except WRONG as error:
            add_line(error, self.public_name())
            raise

    def apply(self, *inputs: Any) -> Node:
        """The node of the op for operands as users give them."""
        raise NotImplementedError(f"{self.name} does not say how it is applied")

    def count(self) -> int:
        """How many operands there are."""
        raise NotImplementedError(f"{self.name} does not say how many operands it has")

    def signature_of_operands(self) -> inspect.Signature:
        """The operands, which go by position, as NumPy's do."""
        count = self.count()
        names = self.operands or (("x",) if count == 1 else [f"x{k + 1}" for k in range(count)])
        only = inspect.Parameter.POSITIONAL_ONLY
        return inspect.Signature([inspect.Parameter(name, only) for name in names])

    def public_name(self) -> str:
        """What users call the op: its name in NumPy if it has one there."""
        names = [name for name, value in vars(ops).items() if value is self]
        return min(names, key=lambda name: not hasattr(np, name), default=self.name)

    def _wrong_call(self, inputs: Sequence[Any], keywords: Mapping[str, Any]) -> str:
        label, signature = self.public_name(), self.signature_of_operands()
        unknown = [name for name in keywords if name not in signature.parameters]
        if unknown and unknown[0] in REASONS:
            return refusal(label, unknown[0])
        if keywords:
            first = (unknown or list(keywords))[0]
            wrong = f": no argument {first!r}" if unknown else f": {first!r} goes by position"
        else:
            wrong = f" takes {self.count()} arguments, not {len(inputs)}"
        return f"{label}{wrong}\n  at {line_text()}\n  it takes {label}{signature}"


class Elementwise(Function):
    """A scalar function applied at each place of broadcast inputs.

    `dtypes` says how input dtypes meet and what comes out:
    "float": integers go to float64, output alike; "same": NumPy's promotion, output alike;
    "bool": NumPy's promotion, bool out; "logic": bool in, bool out; "integer": integers only.
    Exactly one of `c` (a C function: double -> double) and `symbol` (an operator that each target
    spells) is given.
    """

    arity: ClassVar[int] = 1
    dtypes: ClassVar[str] = "float"
    c: ClassVar[str | None] = None
    symbol: ClassVar[str | None] = None
    # What a call is refused by where it does not hold of the values.
    needed: ClassVar[Needed | None] = None
    # Where slopes are not finite: a derivative is 0 there where it is weighed by 0.
    poles: ClassVar[tuple[Pole, ...]] = ()

    @staticmethod
    def has_code(cls: type) -> bool:
        return (cls.c is None) != (cls.symbol is None)

    def count(self) -> int:
        return self.arity

    def apply(self, *inputs: Any) -> Node:
        dtype = self.meeting_dtype(inputs)
        return make(self, tuple(as_tensor_of(x, dtype, self.name, WIDER) for x in inputs))

    def meeting_dtype(self, inputs: Sequence[Any]) -> str:
        """The dtype the inputs are cast to before the function is applied."""
        if self.dtypes == "logic":
            return "bool"
        operands = [weak_operand(x) for x in inputs]
        return promote_float(*operands) if self.dtypes == "float" else promote(*operands)

    def infer(self, *types: TensorType) -> TensorType:
        dtype = types[0].dtype
        if any(t.dtype != dtype for t in types):
            raise TypeError(f"dtypes {', '.join(t.dtype for t in types)} differ")
        if self.dtypes == "float" and not types[0].is_float:
            raise TypeError(f"needs floats, not {dtype}")
        if self.dtypes == "integer" and types[0].is_float:
            raise TypeError(f"needs integers or bools, not {dtype}")
        return TensorType(self.result_dtype(dtype), joint_shape(types))

    def result_dtype(self, dtype: str) -> str:
        return "bool" if self.dtypes in ("bool", "logic") else dtype

    def poles_of(self, place: int, *inputs: Node) -> tuple[Pole, ...]:
        """The poles of the slope by input `place`."""
        return self.poles

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        return aligned([x.type.shape for x in node.inputs])


def joint_shape(types: Sequence[TensorType]) -> tuple:
    """The broadcast shape of operand types; ShapeError says which shapes do not fit."""
    try:
        return broadcast_shapes(*(t.shape for t in types))
    except ShapeError as error:
        shapes = " and ".join(shape_text(t.shape) for t in types)
        raise ShapeError(f"shapes {shapes} do not broadcast: sizes {error}") from None


# The way out where a Python number does not fit in the dtype of what it is combined with.
WIDER = (
    "\n  a Python number takes the dtype of the tensor beside it: for a wider result, give a NumPy "
    "scalar such as np.int64(...) or cast the tensor with .astype"
)


def weak_operand(value: Any) -> Any:
    """What promotion sees of an operand: a bare Python number is weak, all else has a dtype."""
    if isinstance(value, (bool, int, float)) and not isinstance(value, np.generic):
        return value
    return as_tensor(value).dtype


def as_tensor_of(value: Any, dtype: str, what: str = "", hint: str = "") -> Node:
    """The operand as a node of exactly this dtype. A Python number, alone or in a list, must fit in
    it, as in NumPy: OverflowError where it does not, which begins with `what` and ends with `hint`.
    """
    bare = isinstance(value, (bool, int, float, list, tuple)) and not isinstance(value, np.generic)
    node = as_tensor(value) if not bare or isinstance(value, (list, tuple)) else None
    if bare and (node is None or isinstance(node.op, Const)):
        return as_tensor(array_of(value, dtype, what, hint))
    return node if node.dtype == dtype else METHODS["astype"](node, dtype)


@dataclass(frozen=True)
class Reduction(Kind):
    """A fold of one operand over `axes` (sorted, non-negative), which the output lacks.

    `combine` is one of "add", "mul", "max", "min", "and", "or"; `identity` its neutral value, or
    None where an empty fold is an error (max, min).
    """

    axes: tuple[int, ...]
    combine: ClassVar[str]
    identity: ClassVar[float | bool | None]

    def infer(self, x: TensorType) -> TensorType:
        if any(not 0 <= a < x.ndim for a in self.axes) or list(self.axes) != sorted(set(self.axes)):
            raise ShapeError(f"axes {self.axes} of a tensor with {x.ndim} axes")
        if self.identity is None and any(x.shape[a] == 0 for a in self.axes):
            empty = next(a for a in self.axes if x.shape[a] == 0)
            raise ShapeError(
                f"has no value over an empty axis, axis {empty} of {x}: initial= is that of nothing"
            )
        kept = tuple(n for a, n in enumerate(x.shape) if a not in self.axes)
        return TensorType(self.result_dtype(x.dtype), kept)

    def result_dtype(self, dtype: str) -> str:
        return dtype

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        if self.identity is None:
            yield folds_something(node, self.axes)


class View(Kind):
    """Each element of the output is an element of an input, or a function of its index alone.

    `element(index, read, types, out, select)` gives the element at `index` (a list of index
    expressions, one an axis of the output). `read[k](indices)` is the element of input k; index
    expressions take + - * // % and comparisons with each other and with sizes;
    `select(condition, a, b)` chooses between what two functions give; only `a` may read places that
    do not exist where the condition fails. `index_inputs` maps the position of an input that holds
    indices to (position of the input they point into, its axis); what `read` gives for such an
    input is within bounds already, by the `mode` of the op ("raise", "wrap" or "clip").
    """

    @staticmethod
    def has_code(cls: type) -> bool:
        return cls.element is not View.element

    def element(
        self,
        index: list[Any],
        read: list[Callable[[list[Any]], Any]],
        types: Sequence[TensorType],
        out: TensorType,
        select: Callable[[Any, Callable[[], Any], Callable[[], Any]], Any],
    ) -> Any:
        raise NotImplementedError

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        held = self.index_inputs()
        yield from aligned([node.inputs[k].type.shape for k in held])
        for position, (source, axis) in held.items():
            yield places_exist(node.inputs[position], node.inputs[source], axis)


@dataclass(frozen=True)
class Join(Kind):
    """The inputs, all of one dtype and rank, one after the other along `axis` (concatenate)."""

    axis: int
    linear: ClassVar[bool] = True

    def infer(self, *types: TensorType) -> TensorType:
        if len({t.dtype for t in types}) != 1 or len({t.ndim for t in types}) != 1:
            raise TypeError("needs at least one input, all of one dtype and number of axes")
        if not 0 <= self.axis < types[0].ndim:
            raise ShapeError(f"axis {self.axis} of tensors with {types[0].ndim} axes")
        others = [
            TensorType(t.dtype, (*t.shape[: self.axis], *t.shape[self.axis + 1 :])) for t in types
        ]
        if any(1 in t.shape and t.shape != others[0].shape for t in others):
            raise ShapeError("sizes off the joined axis differ (they do not broadcast)")
        kept = joint_shape(others)
        total: Any = 0
        for t in types:
            total = t.shape[self.axis] + total
        return TensorType(types[0].dtype, (*kept[: self.axis], total, *kept[self.axis :]))

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        first = node.inputs[0].type.shape
        for x in node.inputs[1:]:
            for axis, (a, b) in enumerate(zip(first, x.type.shape, strict=True)):
                if axis != self.axis:
                    yield equal(a, b, f" off the joined axis, {self.axis}")


@dataclass(frozen=True)
class Scatter(Kind):
    """A copy of input 0 with input 1 written (`mode="set"`) or combined ("add", "max", "min").

    Inputs: base, updates, then one integer index array for each of `axes`, all of one shape B.
    `updates` has the shape of base with `axes` removed and B put in at position `at`.
    """

    axes: tuple[int, ...]
    at: int
    mode: str

    def index_inputs(self) -> dict[int, tuple[int, int]]:
        return {k + 2: (0, axis) for k, axis in enumerate(self.axes)}

    def infer(self, base: TensorType, updates: TensorType, *indices: TensorType) -> TensorType:
        wanted = gathered_shape(base, self.axes, self.at, indices)
        fits = len(wanted) == updates.ndim and all(
            n in (1, m) or not isinstance(n, int) or not isinstance(m, int)
            for n, m in zip(updates.shape, wanted, strict=True)
        )
        if not fits:
            raise ShapeError(f"updates have shape {updates.shape}, the places have {wanted}")
        if base.dtype != updates.dtype:
            raise TypeError(f"updates are {updates.dtype}, the base is {base.dtype}")
        return base

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        base, updates, *indices = (x.type for x in node.inputs)
        yield from aligned([t.shape for t in indices])
        places = gathered_shape(base, self.axes, self.at, indices)
        what, into = "updates have shape", "and the places have"
        yield from repeated_to(updates.shape, places, what, into)
        for index, axis in zip(node.inputs[2:], self.axes, strict=True):
            yield places_exist(index, node.inputs[0], axis)


def gathered_shape(
    base: TensorType, axes: tuple[int, ...], at: int, indices: Sequence[TensorType]
) -> tuple:
    """The shape of base[indices on axes], the index shape put in at position `at`."""
    if len(indices) != len(axes):
        raise ShapeError(f"{len(indices)} index arrays for axes {axes}")
    for index in indices:
        if index.is_float or index.dtype == "bool":
            raise TypeError(f"indices must be integers, not {index.dtype}")
    kept = [n for a, n in enumerate(base.shape) if a not in axes]
    return (*kept[:at], *joint_shape(indices), *kept[at:])


@dataclass(frozen=True)
class Contraction(Kind):
    """A sum of products of two operands, by einsum subscripts such as "ij,jk->ik".

    Each letter stands at most once in an operand; a letter that the output lacks is summed over.
    """

    subscripts: str

    def parts(self) -> tuple[str, str, str]:
        """The letters of the two operands and of the output."""
        operands, out = self.subscripts.split("->")
        first, second = operands.split(",")
        return first, second, out

    def letter_sizes(self, types: Sequence[TensorType]) -> dict[str, Any]:
        """The size of each letter; ShapeError where the operands disagree."""
        sizes: dict[str, Any] = {}
        for letters, operand in zip(self.parts(), types, strict=False):
            if len(letters) != operand.ndim:
                raise ShapeError(f"needs {len(letters)} axes for {letters!r}, not {operand.ndim}")
            for letter, n in zip(letters, operand.shape, strict=True):
                m = sizes.setdefault(letter, n)
                if isinstance(m, int) and isinstance(n, int) and m != n:
                    raise ShapeError(f"sizes {m} and {n} of the joined axes differ")
                if isinstance(n, int):
                    sizes[letter] = n
        return sizes

    def infer(self, x: TensorType, y: TensorType) -> TensorType:
        if x.dtype != y.dtype:
            raise TypeError(f"dtypes {x.dtype} and {y.dtype} differ")
        sizes = self.letter_sizes((x, y))
        return TensorType(x.dtype, tuple(sizes[letter] for letter in self.parts()[2]))

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        seen: dict[str, Size] = {}
        for letters, x in zip(self.parts(), node.inputs, strict=False):
            for letter, n in zip(letters, x.type.shape, strict=True):
                yield equal(seen.setdefault(letter, n), n, " along a joined axis")


class Core(Function):
    """A routine on the last axes of its inputs, repeated over the leading axes.

    A call broadcasts the leading axes; the op itself takes inputs that all have the same, since the
    routine runs over whole items.

    `core` is a gufunc signature such as "(n,n),(n)->(n)"; `routine` the C name of the routine on
    one C-contiguous item, called with pointers to the inputs, the output, then the core sizes in
    order of first appearance.
    """

    core: ClassVar[str]
    routine: ClassVar[str]

    def count(self) -> int:
        return len(self.signature()[0])

    def signature(self) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
        """Core axis names of each input and of the output."""
        ins, out = self.core.split("->")
        groups = [part.strip("(),") for part in ins.replace("),(", ")|(").split("|")]
        names = [tuple(filter(None, group.split(","))) for group in groups]
        return names, tuple(filter(None, out.strip("()").split(",")))

    def core_sizes(self, types: Sequence[TensorType]) -> dict[str, Any]:
        """The size of each core axis name; ShapeError where inputs disagree."""
        sizes: dict[str, Any] = {}
        for names, operand in zip(self.signature()[0], types, strict=True):
            if operand.ndim < len(names):
                raise ShapeError(self.rank_text(types))
            for name, n in zip(names, operand.shape[operand.ndim - len(names) :], strict=True):
                m = sizes.setdefault(name, n)
                if isinstance(m, int) and isinstance(n, int) and m != n:
                    square = "needs square matrices: " if names.count(name) > 1 else ""
                    raise ShapeError(f"{square}{name}={m} and {name}={n} differ")
                if isinstance(n, int):
                    sizes[name] = n
        return sizes

    def rank_text(self, types: Sequence[TensorType]) -> str:
        """What is wrong with operands of which one has too few axes."""
        pairs = zip(self.signature()[0], types, strict=True)
        names, operand = next((n, t) for n, t in pairs if t.ndim < len(n))
        return f"needs at least {len(names)} axes, not shape {shape_text(operand.shape)}"

    def apply(self, *inputs: Any) -> Node:
        nodes = [as_tensor_of(x, "float64") for x in inputs]
        names = self.signature()[0]
        if any(x.ndim < len(core) for x, core in zip(nodes, names, strict=True)):
            return make(self, nodes)  # which says what is wrong
        cores = [x.shape[x.ndim - len(core) :] for x, core in zip(nodes, names, strict=True)]
        try:
            batch = broadcast_shapes(*self._batches([x.type for x in nodes]))
        except ShapeError:
            return make(self, nodes)
        spread = OPERATORS["broadcast_to"]
        pairs = zip(nodes, cores, strict=True)
        return make(self, [spread(x, (*batch, *core)) for x, core in pairs])

    def _batches(self, types: Sequence[TensorType]) -> list[Shape]:
        """The leading axes of each input."""
        pairs = zip(types, self.signature()[0], strict=True)
        return [t.shape[: t.ndim - len(core)] for t, core in pairs]

    def batch_shape(self, types: Sequence[TensorType]) -> Shape:
        """The leading axes that all inputs have; ShapeError where they are known to differ."""
        shapes = self._batches(types)
        if len({len(s) for s in shapes}) > 1:
            raise ShapeError(f"leading axes {' and '.join(map(shape_text, shapes))} differ")
        for sizes in zip(*shapes, strict=True):
            if len({n for n in sizes if isinstance(n, int)}) > 1:
                raise ShapeError(f"leading axes {' and '.join(map(shape_text, shapes))} differ")
        return tuple(min(sizes, key=lambda n: isinstance(n, Dim)) for sizes in zip(*shapes))

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        types = [x.type for x in node.inputs]
        seen: dict[str, Size] = {}
        for names, t in zip(self.signature()[0], types, strict=True):
            for name, n in zip(names, t.shape[t.ndim - len(names) :], strict=True):
                yield equal(seen.setdefault(name, n), n, f" as {name} of {self.core}")
        for sizes in zip(*self._batches(types), strict=True):
            for n in sizes[1:]:
                yield equal(sizes[0], n, " along a leading axis")

    def infer(self, *types: TensorType) -> TensorType:
        if any(t.dtype != "float64" for t in types):
            raise TypeError("needs float64")
        sizes = self.core_sizes(types)
        core = tuple(sizes[name] for name in self.signature()[1])
        return TensorType("float64", self.batch_shape(types) + core)

    def on_flat_arrays(self, *args: Any) -> None:
        """The routine as compiled code calls it, by `numpy`: flat arrays of the inputs and the
        output, which is written, then the number of items and the core sizes."""
        names, out_names = self.signature()
        order = dict.fromkeys(name for group in names for name in group)
        *arrays, out = args[: len(names) + 1]
        count, *numbers = args[len(names) + 1 :]
        sizes = dict(zip(order, numbers, strict=True))

        def item(flat: np.ndarray, axes: tuple[str, ...]) -> np.ndarray:
            shape = [count, *(sizes[name] for name in axes)]
            return flat[: int(np.prod(shape))].reshape(shape)

        given = [item(flat, axes) for flat, axes in zip(arrays, names, strict=True)]
        item(out, out_names)[...] = self.numpy(*given)


class Composite(Kind):
    """An op that the pipeline replaces by `expand(*inputs)`; until then rules can see it whole."""

    @staticmethod
    def has_code(cls: type) -> bool:
        return cls.expand is not Composite.expand

    def expand(self, *inputs: Node) -> Node:
        raise NotImplementedError

    def infer(self, *types: TensorType) -> TensorType:
        raise NotImplementedError
