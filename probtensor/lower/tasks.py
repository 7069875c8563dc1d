"""From nodes to tasks: what is computed, over which loops, reading what at which indices.

Views are no tasks: they are composed into the index expressions of whoever reads through them. A
task's own loop variables are `@0, @1, ...` in loop order; `accesses` says which computed values or
leaves it reads, at which indices of theirs. Fusion needs nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import eq, ge, gt, le, lt, ne

import numpy as np

from probtensor.graph.node import Const, Input, Node, SizeOf
from probtensor.kernel.ir import Apply, Expr, Lit, Place, Ref
from probtensor.kernel.simplify import Index, resimplify
from probtensor.lower.sizes import Sizes
from probtensor.ops.kinds import Contraction, Core, Elementwise, Join, Reduction, Scatter, View
from probtensor.types import Dim, Size, size_product

Access = tuple[Node, tuple[Size, ...]]
COMPARE = {"<": lt, "<=": le, ">": gt, ">=": ge, "==": eq, "!=": ne}


@dataclass(eq=False)
class Task:
    """One computed node, or one piece of a Join.

    kind      "map", "copy" (an output that is a view or leaf), "fold", "product", "scatter",
              "join" or "call"
    domain    extents of its loops, outermost first
    outs      for each loop, the output axis it runs along, or None where it is folded away
    accesses  what it reads: (node, indices in terms of @0, @1, ...)
    """

    node: Node
    kind: str
    domain: tuple[Size, ...]
    outs: tuple[int | None, ...]
    part: int = 0
    accesses: list[Access] = field(default_factory=list)

    @property
    def first_fold(self) -> int | None:
        """The outermost loop that is folded away."""
        return next((k for k, axis in enumerate(self.outs) if axis is None), None)

    @property
    def last_folds(self) -> int | None:
        """The outermost of the innermost loops if these are folded away, so that what they fold
        is a local; None where the innermost loop is not."""
        kept = [k for k, axis in enumerate(self.outs) if axis is not None]
        first = kept[-1] + 1 if kept else 0
        return first if first < len(self.outs) else None

    @property
    def in_place(self) -> bool:
        """Whether its value exists only in its buffer, once all its loops are done."""
        if self.kind in ("scatter", "join", "call"):
            return True
        first = self.first_fold
        return first is not None and any(axis is not None for axis in self.outs[first:])

    def index(self, variables: Sequence[Size]) -> tuple[Size, ...]:
        """Indices along the node's axes, given a value for each loop variable (0 on size 1)."""
        places: list[Size] = [0] * self.node.type.ndim
        for variable, axis in zip(variables, self.outs, strict=True):
            if axis is not None:
                places[axis] = variable
        return tuple(places)


class Reader:
    """Reads nodes at indices, composing views but for those `kept`, which are written out.

    Subclasses say what a read of a task or leaf is.
    """

    def __init__(self, sizes: Sizes, kept: frozenset[Node] = frozenset()) -> None:
        self.sizes = sizes
        self.kept = kept
        self.bounds: dict[str, Size] = {}
        self.guards: list[Expr] = []  # what must hold for the place that is being read to exist

    def leaf(self, node: Node, index: tuple[Size, ...]) -> Expr:
        raise NotImplementedError

    def place(self, view: Node, position: int, value: Expr) -> Size:
        """The checked index held in input `position` of a view, as a polynomial."""
        raise NotImplementedError

    def available(self, node: Node, index: tuple[Size, ...]) -> Expr | None:
        """A value at hand for the node at the index, whatever its op."""
        return None

    def value(self, node: Node, index: Sequence[Size]) -> Expr:
        """The element of a node at an index (one entry an axis)."""
        ready = self.available(node, tuple(index))
        if ready is not None:
            return ready
        if isinstance(node.op, Const):
            literal = uniform_value(node)
            if literal is not None:
                return literal
        if isinstance(node.op, SizeOf):
            return Place(self.sizes(node.op.size))
        if isinstance(node.op, View) and node not in self.kept:
            return self.view(node, index)
        return self.leaf(node, tuple(index))

    def view(self, node: Node, index: Sequence[Size]) -> Expr:
        """The element of a view, by those of its inputs."""
        held = node.op.index_inputs()
        read = [
            self._place_reader(node, k) if k in held else self._value_reader(x)
            for k, x in enumerate(node.inputs)
        ]
        items = [Index(i, self.bounds) for i in index]
        types = [self.sizes.type(x) for x in node.inputs]
        op = self.sizes.op(node.op)
        result = op.element(items, read, types, self.sizes.type(node), self._select)
        return as_value(result, node.dtype, self._canonical)

    def _value_reader(self, x: Node) -> Callable[[list], Expr]:
        def read(index: list) -> Expr:
            return self.value(x, [self._canonical(i) for i in index])

        return read

    def _place_reader(self, view: Node, position: int) -> Callable[[list], Index]:
        def read(index: list) -> Index:
            value = self.value(view.inputs[position], [self._canonical(i) for i in index])
            return Index(self.place(view, position, value), self.bounds)

        return read

    def _select(self, condition: Expr | bool, a: Callable, b: Callable) -> object:
        known = decided(condition)
        if known is not None:
            return a() if known else b()
        self.guards.append(condition)
        first = a()
        self.guards.pop()
        return choice(condition, first, b())

    def _canonical(self, index: object) -> Size:
        size = index.size if isinstance(index, Index) else index
        return resimplify(size, self.bounds)

    def operand(self, x: Node, index: Sequence[Size]) -> Expr:
        """The element of a broadcast operand, given the index of the result."""
        shape = self.sizes.shape(x)
        tail = list(index)[len(index) - len(shape) :]
        return self.value(x, [0 if n == 1 else i for n, i in zip(shape, tail, strict=True)])


def choice(condition: Expr, a: object, b: object) -> Expr:
    """`a` where the condition holds, else `b`; only the chosen one is read."""
    if b is False:
        return Apply("and", (condition, as_value(a, "bool")), "bool")
    first, second = as_value(a, None), as_value(b, None)
    dtype = first.dtype if not isinstance(first, Lit) else second.dtype
    return Apply("where", (condition, as_value(a, dtype), as_value(b, dtype)), dtype)


def decided(condition: Expr | bool) -> bool | None:
    """Whether a comparison of indices holds, if that does not depend on any."""
    match condition:
        case bool():
            return condition
        case Lit(value):
            return bool(value)
        case Apply(symbol, (Place(a), Place(b))) if isinstance(a - b, int):
            return COMPARE[symbol](a - b, 0)
    return None


def as_value(value: object, dtype: str | None, canonical: Callable = lambda i: i.size) -> Expr:
    """An expression of a value that may be an index, a size or a number; cast to `dtype`."""
    if isinstance(value, (bool, int, float, np.generic)):
        python = value.item() if isinstance(value, np.generic) else value
        kind = {bool: "bool", int: "int64", float: "float64"}[type(python)]
        return Lit(python, dtype or kind)
    if isinstance(value, Index):
        value = Place(canonical(value))
    if isinstance(value, Dim):
        value = Place(value)
    if dtype is not None and value.dtype != dtype:
        return Apply("cast", (value,), dtype)
    return value


def uniform_value(node: Node) -> Lit | None:
    """The literal of a constant whose elements are all the same, bit for bit."""
    array = node.op.array
    if array.size == 0:
        return None
    first = array.reshape(-1)[:1]
    if array.size > 1 and array.tobytes() != first.tobytes() * array.size:
        return None
    return Lit(first[0].item(), node.dtype)


class _Recorder(Reader):
    """Notes the accesses of one task."""

    def __init__(self, sizes: Sizes, kept: frozenset[Node]) -> None:
        super().__init__(sizes, kept)
        self.found: list[Access] = []

    def leaf(self, node: Node, index: tuple[Size, ...]) -> Expr:
        self.found.append((node, index))
        return Ref("@value", node.dtype)

    def place(self, view: Node, position: int, value: Expr) -> Size:
        return Dim.name("@computed")


DEEPEST = 24  # views of views up to which all are composed


def kept_views(order: Sequence[Node]) -> frozenset[Node]:
    """Views that are written out, so that no expression gets too deep to read or to compile."""
    depth: dict[Node, int] = {}
    kept = []
    for node in order:
        if not isinstance(node.op, View):
            continue
        depth[node] = 1 + max((depth.get(x, 0) for x in node.inputs), default=0)
        if depth[node] > DEEPEST:
            kept.append(node)
            depth[node] = 0
    return frozenset(kept)


def tasks_of(
    order: Sequence[Node], outputs: Sequence[Node], sizes: Sizes, kept: frozenset[Node]
) -> list[Task]:
    """The tasks of a graph in topological order, each with its accesses."""
    wanted = {*outputs, *_routine_inputs(order, sizes), *kept}
    tasks: list[Task] = []
    for node in order:
        for task in _make(node, node in wanted, sizes):
            recorder = _Recorder(sizes, kept)
            recorder.bounds = {f"@{k}": n for k, n in enumerate(task.domain)}
            read_all(recorder, task, [Dim.name(f"@{k}") for k in range(len(task.domain))])
            if task.kind == "scatter":
                _read_base(recorder, node)
            task.accesses = recorder.found
            tasks.append(task)
    return tasks


def _read_base(recorder: _Recorder, node: Node) -> None:
    """A scatter copies its whole base before its own loops, so it needs all of it by then."""
    base = node.inputs[0]
    shape = recorder.sizes.shape(base)
    recorder.bounds |= {f"@base{axis}": n for axis, n in enumerate(shape)}
    index = [0 if n == 1 else Dim.name(f"@base{axis}") for axis, n in enumerate(shape)]
    recorder.value(base, index)


def _routine_inputs(order: Sequence[Node], sizes: Sizes) -> list[Node]:
    """What routines read: they take whole buffers, so even a view has to be written out."""
    return [
        x
        for node in order
        if isinstance(node.op, Core) or (isinstance(node.op, Contraction) and gemm(node, sizes))
        for x in node.inputs
        if not isinstance(x.op, Input)
        and not (isinstance(x.op, Const) and uniform_value(x) is None)
    ]


def read_all(reader: Reader, task: Task, variables: Sequence[Size]) -> list[Expr]:
    """The values a task combines at one turn of its loops, in the order of the node's inputs."""
    node = task.node
    if task.kind == "map":
        return [reader.operand(x, task.index(variables)) for x in node.inputs]
    if task.kind == "copy":
        read = reader.view if isinstance(node.op, View) else reader.value
        return [read(node, task.index(variables))]
    if task.kind == "fold":
        return [reader.value(node.inputs[0], _spread(sizes_of(reader, node.inputs[0]), variables))]
    if task.kind == "product":
        places = dict(zip(letter_order(node), variables, strict=True))
        found = []
        for x, letters in zip(node.inputs, node.op.parts(), strict=False):
            sized = zip(letters, sizes_of(reader, x), strict=True)
            found.append(reader.value(x, [0 if n == 1 else places[c] for c, n in sized]))
        return found
    if task.kind == "join":
        piece = node.inputs[task.part]
        return [reader.value(piece, _spread(sizes_of(reader, piece), variables))]
    if task.kind == "scatter":
        return scatter_reads(reader, task, variables)
    for x in node.inputs:  # a routine reads whole buffers: no index of its own
        reader.leaf(x, (Dim.name("@all"),) * x.type.ndim)
    return []


def sizes_of(reader: Reader, node: Node) -> tuple[Size, ...]:
    """The canonical shape of a node."""
    return reader.sizes.shape(node)


def _spread(shape: Sequence[Size], variables: Sequence[Size]) -> list[Size]:
    """One index an axis: loops run along the axes whose size is not 1."""
    turn = iter(variables)
    return [0 if n == 1 else next(turn) for n in shape]


def places_shape(node: Node, sizes: Sizes) -> tuple[Size, ...]:
    """The loops of a scatter: the base's other axes, with the index shape put in."""
    base, _, *indices = node.inputs
    kept = [n for a, n in enumerate(sizes.shape(base)) if a not in node.op.axes]
    shapes = [sizes.shape(x) for x in indices]
    ndim = max(map(len, shapes), default=0)
    padded = [(1,) * (ndim - len(s)) + s for s in shapes]
    index = tuple(
        next((n for n in column if n != 1), 1) for column in zip(*padded, strict=True)
    )
    return (*kept[: node.op.at], *index, *kept[node.op.at :])


def scatter_reads(reader: Reader, task: Task, variables: Sequence[Size]) -> list[Expr]:
    """The update, then the place along each scattered axis (as Place expressions)."""
    node = task.node
    op = node.op
    full = places_shape(node, reader.sizes)
    index = _spread(full, variables)
    count = len(full) - (node.type.ndim - len(op.axes))
    inner = index[op.at : op.at + count]
    update = reader.operand(node.inputs[1], index)
    places = [
        Place(reader.place(node, k, reader.operand(x, inner)))
        for k, x in enumerate(node.inputs[2:], 2)
    ]
    return [update, *places]


def letter_order(node: Node) -> list[str]:
    """Loop order of a contraction: the first operand's letters, those of the second put where
    they stand in it; so inner loops run along the last axes of both. Sums in memory are those of
    neighbours: the letters of the result keep its order then."""
    first, second, _ = node.op.parts()
    if len(second) > len(first):
        first, second = second, first
    order = list(first)
    for position, letter in enumerate(second):
        if letter not in order:
            following = [order.index(c) for c in second[position:] if c in order]
            order.insert(min(following, default=len(order)), letter)
    result = node.op.parts()[2]
    kept = [k for k, letter in enumerate(order) if letter in result]
    if kept != list(range(len(kept))):  # some loop is folded outside of others
        for k, letter in zip(kept, result, strict=True):
            order[k] = letter
    return order


def _loops(shape: Sequence[Size]) -> tuple[tuple[Size, ...], tuple[int, ...]]:
    axes = tuple(a for a, n in enumerate(shape) if n != 1)
    return tuple(shape[a] for a in axes), axes


def _make(node: Node, is_output: bool, sizes: Sizes) -> list[Task]:
    op = node.op
    shape = sizes.shape(node)
    domain, axes = _loops(shape)
    if isinstance(op, Elementwise):
        return [Task(node, "map", domain, axes)]
    if isinstance(op, Reduction):
        return [_fold(node, sizes)]
    if isinstance(op, Contraction):
        return [Task(node, "call", (), ()) if gemm(node, sizes) else _product(node, sizes)]
    if isinstance(op, Join):
        pieces = []
        for part, x in enumerate(node.inputs):
            loops, along = _loops(sizes.shape(x))
            pieces.append(Task(node, "join", loops, along, part))
        return pieces
    if isinstance(op, Scatter):
        loops, _ = _loops(places_shape(node, sizes))
        return [Task(node, "scatter", loops, (None,) * len(loops))]
    if isinstance(op, Core):
        return [Task(node, "call", (), ())]
    if isinstance(op, (View, Input, Const, SizeOf)):
        return [Task(node, "copy", domain, axes)] if is_output else []
    raise TypeError(f"no lowering for the op {op.text()} of kind {type(op).__mro__[1].__name__}")


@dataclass(frozen=True)
class Gemm:
    """A contraction that is a (batched) matrix product by a routine: op(first) op(second)."""

    routine: str
    first: Node
    second: Node
    sizes: tuple[Size, Size, Size, Size]  # batch, m, n, k
    turned: tuple[bool, bool]


# The routine for each dtype that has one; products of float32 are summed in float32.
PRODUCTS = {"float64": "pt_gemm", "float32": "pt_gemm_float32"}
SHORT = 4096  # multiplications up to which a product of known sizes stays a loop


def gemm(node: Node, sizes: Sizes) -> Gemm | None:
    """How a contraction is a matrix product for BLAS; None if it is not, or is better as loops."""
    routine = PRODUCTS.get(node.dtype)
    if routine is None:
        return None
    first, second, out = node.op.parts()
    shared = [c for c in out if c in first and c in second]
    summed = [c for c in first if c in second and c not in out]
    batch = "".join(shared)
    if len(summed) != 1 or {len(first), len(second), len(out)} != {len(batch) + 2}:
        return None
    if not all(letters.startswith(batch) for letters in (first, second, out)):
        return None
    x, y = node.inputs
    row, column = out[-2], out[-1]
    if row in second:
        first, second, x, y = second, first, y, x
    found = dict(zip(first, sizes.shape(x), strict=True)) | dict(
        zip(second, sizes.shape(y), strict=True)
    )
    inner = summed[0]
    turns = size_product(found[c] for c in (row, column, inner))
    if isinstance(turns, int) and turns <= SHORT:
        return None
    count = size_product(found[c] for c in batch)
    turned = (first[-1] == row, second[-1] == inner)
    return Gemm(routine, x, y, (count, found[row], found[column], found[inner]), turned)


def _fold(node: Node, sizes: Sizes) -> Task:
    shape = sizes.shape(node.inputs[0])
    kept = [a for a in range(len(shape)) if a not in node.op.axes]
    domain, axes = _loops(shape)
    outs = tuple(None if a in node.op.axes else kept.index(a) for a in axes)
    return Task(node, "fold", domain, outs)


def _product(node: Node, sizes: Sizes) -> Task:
    found: dict[str, Size] = {}
    for letters, x in zip(node.op.parts(), node.inputs, strict=False):
        for letter, n in zip(letters, sizes.shape(x), strict=True):
            found[letter] = n if found.get(letter, 1) == 1 else found[letter]
    out = node.op.parts()[2]
    order = letter_order(node)
    outs = tuple(out.index(c) if c in out else None for c in order)
    return Task(node, "product", tuple(found[c] for c in order), outs)
