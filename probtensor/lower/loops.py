"""Groups to loops: writes the statements of a kernel, one function for each kind of task.

Values computed at a turn of a loop live in locals as long as that turn lasts; a task gets a buffer
only if someone reads it from outside its turn. That is found by writing: a read that finds no local
asks for the buffer, and the kernel is written again with the store in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from probtensor.graph.law import inside, placed
from probtensor.graph.node import Const, Input, Node, line_of
from probtensor.kernel.carry import NOT_GATHERED
from probtensor.kernel.ir import (
    FOLDS,
    Acc,
    Apply,
    Call,
    Carry,
    Check,
    Expr,
    For,
    Let,
    Lit,
    Load,
    Place,
    Ref,
    Stmt,
    Store,
)
from probtensor.lower.fuse import Group, fuse
from probtensor.lower.sizes import Sizes
from probtensor.lower.tasks import Reader, Task, gemm, places_shape, read_all
from probtensor.ops.kinds import Contraction, Scatter, View
from probtensor.types import Dim, Size, SizeCheck, dtype_of, size_product

# Turns up to which a sum in memory is added up as it is: their roundings are few.
FEW = {"float32": 1, "float64": 256}


@dataclass
class Places:
    """Buffer names of nodes, and which nodes need one. Shared by all kernels of a plan.

    `results` are the names of outputs; they differ from `names` for an input that is returned.
    `values` are nodes that are read otherwise than to point into an axis, `kept` the views that
    are written out. `scratch` are further buffers of doubles, each with its node and shape.
    """

    names: dict[Node, str] = field(default_factory=dict)
    results: dict[Node, str] = field(default_factory=dict)
    stored: set[Node] = field(default_factory=set)
    values: set[Node] = field(default_factory=set)
    kept: frozenset[Node] = frozenset()
    checked: dict[tuple[Node, Size], str] = field(default_factory=dict)
    limits: dict[SizeCheck, None] = field(default_factory=dict)
    scratch: dict[str, tuple[Node, tuple[Size, ...]]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


class Writer(Reader):
    """Writes the statements of one kernel."""

    def __init__(self, sizes: Sizes, places: Places) -> None:
        super().__init__(sizes, places.kept)
        self.places = places
        self.missing: list[Node] = []
        self.bodies: list[list[Stmt]] = []
        self.scopes: list[dict[tuple[Node, tuple[Size, ...]], Expr]] = []
        self.indices: list[dict[tuple, Size]] = []
        self.pending: dict[Task, Expr] = {}
        self.count = 0

    def kernel(self, groups: Sequence[Group]) -> tuple[Stmt, ...]:
        return self._block(lambda: self._groups(groups, 0, []))

    # What a read means here.

    def available(self, node: Node, index: tuple[Size, ...]) -> Expr | None:
        for scope in reversed(self.scopes):
            if (node, index) in scope:
                return scope[node, index]
        return None

    def leaf(self, node: Node, index: tuple[Size, ...]) -> Expr:
        if node not in self.places.stored and not isinstance(node.op, (Input, Const)):
            self.missing.append(node)
        return Load(self.places.names[node], self._flat(node, index), node.dtype)

    def place(self, view: Node, position: int, value: Expr) -> Size:
        """An index read from memory: a local, made non-negative, checked if the entry does not."""
        bound = self._bound(view, position)
        mode = getattr(view.op, "mode", "raise")
        mode = mode if mode in ("wrap", "clip") else "raise"
        known = self._known_index((value, bound, mode))
        if known is not None:
            return known
        name = self._fresh("k")
        guard = self._guard()
        # Unsigned ones stay so until they are known to be small: 2**64 - 1 is not the last place.
        whole = _cast(value, "uint64" if dtype_of(value.dtype).kind == "u" else "int64")
        held = Lit(0, whole.dtype)
        given = whole if guard is None else Apply("where", (guard, whole, held), whole.dtype)
        if isinstance(value, Lit) and mode == "raise":
            self._emit(Let(name, self._fixed_place(view, position, value.value)))
        elif mode == "raise" and self._counts_back(view, position):
            raw = Ref(f"{name}_raw", "int64")
            self._emit(Let(raw.name, _int64(given)))
            self._emit(Let(name, _from_end(raw, Place(bound))))
        elif self._entry_checks(view, position, bound, mode):
            self._emit(Let(name, _int64(given)))
        else:
            self._checked(name, given, bound, mode, self._index_message(view, position))
        self.indices[-1][value, bound, mode] = Dim.name(name)
        return Dim.name(name)

    def _guard(self) -> Expr | None:
        """Where what is being read lies inside the tensors it is read from; None if everywhere."""
        found = None
        for guard in self.guards:
            found = guard if found is None else Apply("and", (found, guard), "bool")
        return found

    def _fixed_place(self, view: Node, position: int, place: int) -> Expr:
        """A literal index, counted from the front; that it exists is checked with the sizes."""
        source, axis = self._indexed(view, position)
        n = source.type.shape[axis]
        front = place + n if place < 0 else place
        for law in inside(source, axis, front, front):
            self.places.limits[placed(law, view)] = None
        return Place(self.sizes(front))

    def _known_index(self, key: tuple) -> Size | None:
        for scope in reversed(self.indices):
            if key in scope:
                return scope[key]
        return None

    def _indexed(self, view: Node, position: int) -> tuple[Node, int]:
        """The tensor and the axis of it that the index array in input `position` points into."""
        if isinstance(view.op, View):
            source, axis = view.op.index_inputs()[position]
            return view.inputs[source], axis
        return view.inputs[0], view.op.axes[position - 2]

    def _bound(self, view: Node, position: int) -> Size:
        source, axis = self._indexed(view, position)
        return self.sizes.shape(source)[axis]

    def _index_message(self, view: Node, position: int) -> str:
        source, axis = self._indexed(view, position)
        named = f" of {source.name}" if source.name else ""
        place = f"axis {axis}{named}\n  at {line_of(view)}"
        return f"{view.op.name}: an index is out of bounds for {place}"

    def _counts_back(self, view: Node, position: int) -> bool:
        """Whether the index array is a literal with negative places. Its extremes, which must
        exist, are checked with the sizes; the rest is counted from the end of whichever axis."""
        leaf = _whole(view.inputs[position])
        if not isinstance(leaf.op, Const) or not (leaf.op.array < 0).any():
            return False
        for place in sorted({int(leaf.op.array.min()), int(leaf.op.array.max())}):
            self._fixed_place(view, position, place)
        return True

    def _entry_checks(self, view: Node, position: int, bound: Size, mode: str) -> bool:
        """Leave the check to the call's entry where the index array is an input seen as it is."""
        leaf = _whole(view.inputs[position])
        # The entry makes negative indices non-negative, which no other reader may see.
        if mode != "raise" or leaf in self.places.values:
            return False
        if not isinstance(leaf.op, (Input, Const)):
            return False
        # The entry keeps the dtype, in which a place counted from the front may not fit.
        longest = 2**7 if leaf.dtype == "int8" else 2**15 if leaf.dtype == "int16" else None
        if longest is not None and not (isinstance(bound, int) and bound <= longest):
            return False
        self.places.checked.setdefault((leaf, bound), self._index_message(view, position))
        return True

    def _checked(self, name: str, value: Expr, bound: Size, mode: str, message: str) -> None:
        """`value` is int64 or uint64."""
        size, zero = Place(bound), Lit(0, "int64")
        kind, unsigned = value.dtype, value.dtype == "uint64"
        if mode == "wrap":
            rest = Apply("%", (value, _cast(size, kind)), kind)
            self._emit(Let(name, _int64(rest)))
            return
        self._emit(Let(f"{name}_raw", value if mode == "clip" else _int64(value)))
        given = Ref(f"{name}_raw", kind if mode == "clip" else "int64")
        if mode == "clip":
            top = _cast(Apply("-", (size, Lit(1, "int64")), "int64"), kind)
            low = given if unsigned else Apply("maximum", (given, zero), "int64")
            self._emit(Let(name, _int64(Apply("minimum", (low, top), kind))))
            return
        # What is negative as an int64 was past all axes as a uint64, and stays outside.
        self._emit(Let(f"{name}_from", given if unsigned else _from_end(given, size)))
        start = Ref(f"{name}_from", "int64")
        inside = Apply(
            "and",
            (Apply(">=", (start, zero), "bool"), Apply("<", (start, size), "bool")),
            "bool",
        )
        self._emit(Let(f"{name}_ok", inside))
        fine = Ref(f"{name}_ok", "bool")
        needed: Expr = fine
        for guard in self.guards:
            needed = Apply("or", (Apply("not", (guard,), "bool"), needed), "bool")
        self._emit(Check(needed, self._failure(message)))
        self._emit(Let(name, Apply("where", (fine, start, zero), "int64")))

    # Blocks and names.

    def _fresh(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count}"

    def _emit(self, stmt: Stmt) -> None:
        self.bodies[-1].append(stmt)

    def _block(self, write) -> tuple[Stmt, ...]:
        self.bodies.append([])
        self.scopes.append({})
        self.indices.append({})
        write()
        self.scopes.pop()
        self.indices.pop()
        return tuple(self.bodies.pop())

    def _flat(self, node: Node, index: Sequence[Size]) -> Size:
        flat: Size = 0
        for place, size in zip(index, self.sizes.shape(node), strict=True):
            flat = flat * size + place
        return self._canonical(flat)

    # Levels.

    def _groups(self, groups: Sequence[Group], level: int, variables: list[Size]) -> None:
        for group in groups:
            if group.extent is None:
                for task in group.tasks:
                    self._turn(task, variables)
            elif group.extent == "call":
                for task in group.tasks:
                    self._routine(task)
            else:
                self._loop(group, level, variables)

    def _loop(self, group: Group, level: int, variables: list[Size]) -> None:
        for task in group.tasks:
            if task.in_place and _starts_at(task, level):
                self._start(task, level, variables)
        name = self._fresh("i")
        self.bounds[name] = group.extent
        inner = [*variables, Dim.name(name)]
        accs: list[Acc] = []

        def write() -> None:
            self._groups(fuse(group.tasks, level + 1), level + 1, inner)
            accs.extend(self._accumulators(group, level))

        carries = [self._carry(task, level, variables) for task in group.tasks]
        body = self._block(write)
        mine = tuple(carry for carry in carries if carry is not None)
        self._emit(For(name, group.extent, body, tuple(accs), carries=mine))
        for task in group.tasks:
            if task in self.pending and task.last_folds == level:
                self._finish_fold(task, variables)

    def _carry(self, task: Task, level: int, variables: list[Size]) -> Carry | None:
        """The sums of a task that the loop of this level adds up in memory; None where there are
        none, or so few turns that gathering them would gain nothing."""
        node = task.node
        if not task.in_place or node.dtype not in FEW:
            return None
        if task.kind == "scatter":
            return self._scattered(task, level)
        folded = _turns_in_memory(task, level)
        if folded is None or _combine(task) != "add":
            return None
        first = task.first_fold == level
        outer = None if first else size_product(folded)
        turns, few = size_product(_turns_in_memory(task, task.first_fold)), FEW[node.dtype]
        if isinstance(turns, int) and turns <= few:
            return None
        # In doubles the roundings of sums of float32 are few, and of inner ones that are short.
        short = isinstance(outer, int) and outer <= NOT_GATHERED
        if not first and (node.dtype == "float32" or short):
            return None
        fixed = {axis: v for axis, v in zip(task.outs[:level], variables, strict=True)
                 if axis is not None}  # fmt: skip
        shape = self.sizes.shape(node)
        rest = [axis for axis, n in enumerate(shape) if n != 1 and axis not in fixed]
        place = self._flat(node, [fixed.get(axis, 0) for axis in range(len(shape))])
        return Carry(
            self.places.names[node],
            node.dtype,
            self._scratch(node, [shape[axis] for axis in rest], "s" if first else f"s{level}"),
            place,
            size_product(shape[axis] for axis in rest),
            each=size_product(folded[1:]),
            within=outer,
            wide=task.kind == "product" or task.last_folds is not None,
        )

    def _scattered(self, task: Task, level: int) -> Carry | None:
        """The same of a scatter, whose outermost loop adds up everything."""
        node, turns = task.node, size_product(task.domain)
        few = isinstance(turns, int) and turns <= FEW[node.dtype]
        if level > 0 or node.op.mode != "add" or few:
            return None
        shape = [n for n in self.sizes.shape(node) if n != 1]
        each = size_product(task.domain[1:])
        name, scratch = self.places.names[node], self._scratch(node, shape, "s")
        return Carry(name, node.dtype, scratch, 0, size_product(shape), turns, each)

    def _scratch(self, node: Node, shape: Sequence[Size], mark: str) -> str:
        """Scratch memory for sums of a node in doubles, and for those of doubles what they lose."""
        name = f"{self.places.names[node]}{mark}"
        self.places.scratch[name] = node, (*shape,) if node.dtype == "float32" else (2, *shape)
        return name

    def _accumulators(self, group: Group, level: int) -> list[Acc]:
        found = []
        for task in group.tasks:
            if task not in self.pending or task.outs[level] is not None:
                continue
            term = self.pending[task]
            op = _combine(task)
            name = self._fresh("a")
            found.append(Acc(name, op, FOLDS[op].identity(term.dtype), term, line_of(task.node)))
            self.pending[task] = Ref(name, term.dtype)
        return found

    def _finish_fold(self, task: Task, variables: list[Size]) -> None:
        node = task.node
        value = _cast(self.pending.pop(task), node.dtype)
        index = task.index([*variables, *[0] * (len(task.outs) - len(variables))])
        if task.in_place:
            self._combine_into(task, index, value)
        else:
            self._bind(node, index, value)

    def _combine_into(self, task: Task, index: Sequence[Size], value: Expr) -> None:
        """Fold a value into the element of a buffer."""
        self.places.stored.add(task.node)
        self._store(task.node, index, value, _combine(task), line_of(task.node))

    # One turn of a task, all its loop variables known.

    def _turn(self, task: Task, variables: list[Size]) -> None:
        values = read_all(self, task, variables)
        node = task.node
        origin = line_of(node)
        if task.kind == "map":
            self._map(task, values, variables)
        elif task.kind == "copy":
            self._bind_copy(task, values[0], variables)
        elif task.kind == "join":
            before = sum((self.sizes.shape(x)[node.op.axis] for x in node.inputs[: task.part]), 0)
            index = _piece_index(self, task, variables)
            index[node.op.axis] = index[node.op.axis] + before
            self._store(node, index, values[0], None, origin)
        elif task.kind == "scatter":
            self._scatter(task, values, variables)
        else:
            self._term(task, _combined(task, values), variables)

    def _map(self, task: Task, values: list[Expr], variables: list[Size]) -> None:
        op = task.node.op
        name = self._fresh("t")
        fn = op.c or op.symbol
        if op.needed is not None:
            self._refuse_others(name, task.node, values)
        expr = Apply(fn, tuple(values), task.node.dtype)
        self._emit(Let(name, expr, line_of(task.node)))
        self._bind(task.node, task.index(variables), Ref(name, task.node.dtype))

    def _refuse_others(self, name: str, node: Node, values: list[Expr]) -> None:
        """Check the operand of an op that has no value for others than it needs."""
        needed = node.op.needed
        value = values[needed.position]
        low, high, dtype = needed.low, needed.high, value.dtype
        unsigned = dtype_of(dtype).kind == "u"
        known = value.value if isinstance(value, Lit) else low if unsigned else None
        if known is not None and low <= known and (high is None or known < high):
            return
        fine: Expr = Apply(">=", (value, Lit(low, dtype)), "bool")
        if high is not None:
            fine = Apply("and", (fine, Apply("<", (value, Lit(high, dtype)), "bool")), "bool")
        message = f"ValueError: {needed.said}\n  at {line_of(node)}\n  {needed.way_out}"
        self._emit(Let(f"{name}_ok", fine))
        self._emit(Check(Ref(f"{name}_ok", "bool"), self._failure(message)))

    def _failure(self, message: str) -> int:
        """The status that stands for a message."""
        if message not in self.places.failures:
            self.places.failures.append(message)
        return self.places.failures.index(message) + 1

    def _bind_copy(self, task: Task, value: Expr, variables: list[Size]) -> None:
        place = self._flat(task.node, task.index(variables))
        name = self.places.results.get(task.node) or self.places.names[task.node]
        self.places.stored.add(task.node)
        self._emit(Store(name, place, value, None, line_of(task.node)))

    def _bind(self, node: Node, index: tuple[Size, ...], value: Expr) -> None:
        self.scopes[-1][node, index] = value
        if node in self.places.stored:
            self._store(node, index, value, None, line_of(node))

    def _store(
        self, node: Node, index: Sequence[Size], value: Expr, op: str | None, origin: str
    ) -> None:
        self._emit(Store(self.places.names[node], self._flat(node, index), value, op, origin))

    def _term(self, task: Task, term: Expr, variables: list[Size]) -> None:
        if task.in_place and task.last_folds is None:
            self._combine_into(task, task.index(variables), _cast(term, task.node.dtype))
            return
        # Sums and products of float32 are carried in float64.
        sums = task.node.dtype == "float32" and _combine(task) in ("add", "mul")
        self.pending[task] = _cast(term, "float64" if sums else task.node.dtype)
        if task.first_fold is None:  # every folded axis has size 1: the term is the value
            value = _cast(self.pending.pop(task), task.node.dtype)
            self._bind(task.node, task.index(variables), value)

    def _scatter(self, task: Task, values: list[Expr], variables: list[Size]) -> None:
        node = task.node
        if not task.domain:
            self._start(task, 0, [])
        update, *places = values
        full = _scatter_index(self, task, variables, [p.index for p in places])
        mode = None if node.op.mode == "set" else _on(node.dtype, node.op.mode)
        self.places.stored.add(node)
        self._store(node, full, update, mode, line_of(node))

    def _start(self, task: Task, level: int, variables: list[Size]) -> None:
        """Fill a buffer before it is combined into: with the identity, or a scatter's base."""
        node = task.node
        self.places.stored.add(node)
        shape = self.sizes.shape(node)
        if task.kind == "scatter":
            fixed: dict[int, Size] = {}
        else:
            pairs = zip(task.outs[:level], variables, strict=True)
            fixed = {axis: v for axis, v in pairs if axis is not None}
        index: list[Size] = []
        loops: list[tuple[str, Size]] = []
        for axis, size in enumerate(shape):
            if axis in fixed or size == 1:
                index.append(fixed.get(axis, 0))
                continue
            name = self._fresh("i")
            self.bounds[name] = size
            loops.append((name, size))
            index.append(Dim.name(name))

        def write() -> None:
            if task.kind == "scatter":
                value = self.value(node.inputs[0], index)
            else:
                value = Lit(FOLDS[_combine(task)].identity(node.dtype), node.dtype)
            self._store(node, index, value, None, line_of(node))

        body = self._block(write)
        for name, size in reversed(loops):
            body = (For(name, size, body),)
        for stmt in body:
            self._emit(stmt)

    def _routine(self, task: Task) -> None:
        node = task.node
        self.places.stored.add(node)
        product = gemm(node, self.sizes) if isinstance(node.op, Contraction) else None
        if product is not None:
            routine, operands = product.routine, (product.first, product.second)
            numbers = (*product.sizes, *map(int, product.turned))
        else:
            routine, operands = node.op.routine, node.inputs
            types = [self.sizes.type(x) for x in operands]
            batch = size_product(node.op.batch_shape(types))
            numbers = (batch, *node.op.core_sizes(types).values())
        for x in operands:
            if not isinstance(x.op, (Input, Const)) and x not in self.places.stored:
                self.missing.append(x)
        reads = tuple((self.places.names[x], 0) for x in operands)
        writes = ((self.places.names[node], 0),)
        self._emit(Call(routine, reads, writes, numbers, line_of(node)))


def read_as_values(order: Sequence[Node], outputs: Sequence[Node]) -> set[Node]:
    """Nodes read otherwise than as indices that must lie within an axis."""
    found = set(outputs)
    for node in reversed(order):
        pointing = index_positions(node)
        for position, x in enumerate(node.inputs):
            if position in pointing:
                continue
            if node in found or node.op.name not in WHOLE_VIEWS:
                found.add(x)
    return found


def index_positions(node: Node) -> Sequence[int]:
    """The inputs that hold indices which must lie within an axis."""
    if getattr(node.op, "mode", "raise") in ("wrap", "clip"):
        return ()
    if isinstance(node.op, View):
        return tuple(node.op.index_inputs())
    return range(2, len(node.inputs)) if isinstance(node.op, Scatter) else ()


# Views under which an index array is still read whole, each element once or more.
WHOLE_VIEWS = ("expand_dims", "drop_axes", "transpose", "broadcast_to", "reshape")


def _starts_at(task: Task, level: int) -> bool:
    """Whether the buffer of a task is filled just before the loop of this level."""
    return level == (0 if task.kind == "scatter" else task.first_fold)


def _turns_in_memory(task: Task, level: int) -> list[Size] | None:
    """The sizes of the loops from a level on of which each turn adds to sums in memory, if that of
    the level is one: folded loops with others inside that are not."""
    last = len(task.outs) if task.last_folds is None else task.last_folds
    if level >= last or task.outs[level] is not None:
        return None
    loops = zip(task.domain[level:last], task.outs[level:last], strict=True)
    return [n for n, axis in loops if axis is None]


def _combine(task: Task) -> str:
    return _on(task.node.dtype, "add" if task.kind == "product" else task.node.op.combine)


def _on(dtype: str, op: str) -> str:
    """How values of a dtype are combined: bools by logic, as in NumPy."""
    logic = {"add": "or", "max": "or", "mul": "and", "min": "and"}
    return logic.get(op, op) if dtype == "bool" else op


def _combined(task: Task, values: list[Expr]) -> Expr:
    if task.kind == "fold":
        return values[0]
    wide = "float64" if values[0].dtype == "float32" else values[0].dtype
    first, second = (_cast(v, wide) for v in values)
    return Apply("and" if wide == "bool" else "*", (first, second), wide)


def _cast(value: Expr, dtype: str) -> Expr:
    if value.dtype == dtype:
        return value
    if isinstance(value, Lit) and dtype_of(dtype).is_float:
        return Lit(float(value.value), dtype)
    return Apply("cast", (value,), dtype)


def _int64(value: Expr) -> Expr:
    return _cast(value, "int64")


def _from_end(place: Expr, size: Expr) -> Expr:
    """An int64 place, counted from the end of an axis where it is negative."""
    negative = Apply("<", (place, Lit(0, "int64")), "bool")
    return Apply("where", (negative, Apply("+", (place, size), "int64"), place), "int64")


def _whole(node: Node) -> Node:
    """The array under views that read all of it."""
    while isinstance(node.op, View) and node.op.name in WHOLE_VIEWS:
        node = node.inputs[0]
    return node


def _piece_index(writer: Writer, task: Task, variables: Sequence[Size]) -> list[Size]:
    turn = iter(variables)
    return [0 if n == 1 else next(turn) for n in writer.sizes.shape(task.node.inputs[task.part])]


def _scatter_index(
    writer: Writer, task: Task, variables: Sequence[Size], places: Sequence[Size]
) -> list[Size]:
    """The index into the base: computed places on the scattered axes, loops on the others."""
    op = task.node.op
    turn = iter(variables)
    full = [0 if n == 1 else next(turn) for n in places_shape(task.node, writer.sizes)]
    ndim = task.node.type.ndim
    count = len(full) - (ndim - len(op.axes))
    rest = iter(full[: op.at] + full[op.at + count :])
    chosen = dict(zip(op.axes, places, strict=True))
    return [chosen[axis] if axis in chosen else next(rest) for axis in range(ndim)]
