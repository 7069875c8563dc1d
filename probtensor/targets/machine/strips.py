"""Strips of iterations: vector segments, folds over lanes, and routines."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from probtensor.kernel.ir import (
    FOLDS,
    NOT_GATHERED,
    Acc,
    Expr,
    IndexValue,
    Let,
    Load,
    Ref,
    State,
    Store,
    walk_expr,
)
from probtensor.kernel.simplify import coefficient
from probtensor.kernel.touch import touched, writes_of
from probtensor.schedule.carry import BLOCK, LANE_BLOCK, STRIPS_PER_BLOCK, in_blocks
from probtensor.schedule.strips.forms import (
    Dot,
    Recurrence,
    Routine,
    RowsAdd,
    RowsDot,
    ScatterAdd,
    SerialSegment,
    Strip,
    Stripped,
    Sum,
    VectorSegment,
    is_at_once,
    names_in,
)
from probtensor.schedule.strips.inner import stored_in
from probtensor.schedule.strips.passes import are_apart
from probtensor.targets.machine.code import Assembler, Label, Scope, Value
from probtensor.targets.machine.operators import conversion
from probtensor.targets.machine.sums import Sums
from probtensor.targets.machine.values import Vector
from probtensor.targets.spell import factors, register_kind
from probtensor.types import Size, size_names

LONG = 256  # iterations of a strip that has only vector segments, with at most so many statements:
FEW_STATEMENTS = 24  # their registers fit in the first-level cache
LANE_FOLDS = {"f": "", "i": "i", "u": "u"}
LANE_DTYPES = {"f": "float64", "i": "int64", "u": "uint64"}


class Strips(Sums):
    """Encodes strips.

    dtypes  of the buffers
    wide    names of the locals with an element for each iteration of a strip
    loops   nesting depth of the current code
    """

    def __init__(
        self, code: Assembler, sizes: Mapping[str, int], pointers: Mapping[str, int],
        dtypes: Mapping[str, str],
    ) -> None:  # fmt: skip
        super().__init__(code, sizes, pointers)
        self.dtypes = dtypes
        self.wide: set[str] = set()
        self.loops = 0
        self.limits = {}
        self.counts = {}

    @abstractmethod
    def body(self, body: Iterable[Stripped]) -> None:
        """Encode statements in order."""

    @abstractmethod
    def define(self, name: str, value: Value) -> None:
        """Make a local of a scalar."""

    def define_last(self, name: str, cell: int) -> None:
        """Make a local of the cell that a loop changed, after the loop."""
        self.changing.discard(cell)
        self.define(name, Value(cell, level=self.code.depth))

    @abstractmethod
    def end_step(
        self, changed: Sequence[State], states: dict[str, int], until: Expr | None = None
    ) -> Value | None:
        """The end of an iteration: the states change. Gives the condition of the last one."""

    @abstractmethod
    def loop(self, cell: int, first: int, end: int, step: int, body: Scope) -> None:
        """The code of a loop over a cell."""

    def strip(self, loop: Strip) -> None:
        """Encode a loop in strips."""
        code = self.code
        accs = [acc for segment in loop.segments for acc in segment.accs]
        extent = self.index(loop.extent)
        serial = any(isinstance(segment, SerialSegment) for segment in loop.segments)
        many = sum(len(segment.body) for segment in loop.segments) > FEW_STATEMENTS
        single = serial or many or loop.carries or loop.width % 64 or loop.ordered
        chunk = loop.width if single else LONG
        registers = {name: code.register(chunk, fresh=True) for name, _ in loop.wide}
        lanes, count = self._open_lanes(loop, accs, extent)
        handed = self._open_states(loop, lanes)
        kept = self.open_sums(loop, [acc for acc in accs if acc.name not in handed])
        states = {name: cell for name, cell in handed.items() if name not in lanes}
        gathered = in_blocks(loop.carries, BLOCK if loop.ordered else NOT_GATHERED, self.limits)
        base, start, behind = code.cell(), Label(), Label()
        before = self._elements(loop)
        hidden = self.wide
        self.wide = hidden | registers.keys()
        splats: dict[int, int] = {}
        with code.scope() as lines:
            for name, cell in registers.items():
                self.names[name] = Value(cell, vector=True, level=code.depth)
            for segment in loop.segments:
                self.names[loop.var] = Value(base, level=code.depth)
                if isinstance(segment, SerialSegment):
                    self._serial(segment, loop, base, states)
                else:
                    self._vector(segment, loop, chunk, extent, lanes, splats)
            self._end_strip(loop, base, lanes, kept, gathered)
        code.emit("strip_open", base, extent, chunk, behind)
        code.place(start)
        code.append(lines)
        code.emit("strip_next", base, extent, chunk, start)
        code.place(behind)
        self.wide = hidden
        for name in registers:
            self.names.pop(name)
        self.names.update(before)
        for cell in (*registers.values(), *splats.values()):
            code.release_register(cell)
        self._close_lanes(loop, accs, lanes, kept, count, extent)
        self.close_sums(loop.carries)
        for name, cell in states.items():
            self.define_last(name, cell)

    def _elements(self, loop: Strip) -> dict[str, Value]:
        """Make scalars of the elements, in the current iteration, of wide locals of a strip around
        this one; gives what the names meant before. In a strip between the two they are scalars
        already."""
        before = {}
        for name in sorted(self.wide & names_in(loop)):
            if not self.names[name].vector:
                continue
            before[name] = self.names[name]
            cell = self.code.cell()
            self.code.emit("element", cell, before[name].cell, self.lane)
            self.names[name] = Value(cell, level=self.code.depth)
        return before

    # Lanes.

    def _open_lanes(
        self, loop: Strip, accs: Sequence[Acc], extent: int
    ) -> tuple[dict[str, int], int]:
        """Initialise the lanes, or the cells of a fold in order; gives the registers or cells, and
        the cell of the number of lanes: all, or one vector for few iterations in an inner loop."""
        code = self.code
        if loop.ordered:
            return self.open_accumulators(accs), -1
        lanes = {acc.name: code.register(loop.width) for acc in accs}
        count = code.constant(loop.width)
        if accs and self._is_inner() and not isinstance(loop.extent, int):
            count = code.cell()
            code.emit("lanes_count", count, extent, loop.width)
        for acc in accs:
            identity = acc.identity
            kind = register_kind(acc.term.dtype)
            value = float(identity) if kind == "f" else int(identity)
            code.emit("lanes_open", lanes[acc.name], count, code.constant(value))
        return lanes, count

    def _open_states(self, loop: Strip, lanes: Mapping[str, int]) -> dict[str, int]:
        """The cells of what iterations hand on, with the first values."""
        found = {}
        for state in loop.states:
            found[state.name] = cell = lanes.get(state.name, -1)
            if cell < 0:
                found[state.name] = cell = self.code.cell()
                self.changing.add(cell)
            self.set(cell, self.expr(state.init))
        return found

    def open_accumulators(self, accs: Sequence[Acc]) -> dict[str, int]:
        """Cells of accumulators that are folded in order."""
        found = {}
        for acc in accs:
            found[acc.name] = cell = self.code.cell()
            self.changing.add(cell)
            self.code.emit("move", cell, self.literal(acc.identity, acc.term.dtype))
        return found

    def _is_inner(self) -> bool:
        """Whether the current code is in a loop."""
        return self.loops > 0

    def _end_strip(
        self, loop: Strip, base: int, lanes: dict[str, int], kept: dict[str, int],
        gathered: Sequence,
    ) -> None:  # fmt: skip
        """After the iterations of a strip: the ends of blocks."""
        code = self.code
        if loop.ordered:
            self.end_block(kept, lanes, self.index(loop.extent))
            for carry in gathered:
                self.add_sums(carry)
            return
        if kept:
            behind = Label()
            code.emit("strip_ends", base, LANE_BLOCK, loop.width, behind)
            for name, both in kept.items():
                code.emit("block_end", lanes[name], loop.width, both)
            code.place(behind)
        if loop.carries:
            turns = code.cell()
            code.emit("get_length", turns)
            self.count_scattered(loop.carries, turns)
        for carry in gathered:
            size = (STRIPS_PER_BLOCK if carry.additions == 1 else 1) * loop.width
            behind = Label()
            code.emit("strip_ends", base, size, loop.width, behind)
            with code.scope() as lines:
                self.add_sums(carry)
            code.append(lines)
            code.place(behind)

    def _close_lanes(
        self, loop: Strip, accs: Sequence[Acc], lanes: dict[str, int], kept: dict[str, int],
        count: int, extent: int,
    ) -> None:  # fmt: skip
        """Fold the lanes into a local for each accumulator."""
        code = self.code
        if loop.ordered:
            self.close_blocks(kept, lanes, extent)
            for name, cell in lanes.items():
                self.define_last(name, cell)
            return
        for acc in accs:
            kind = register_kind(acc.term.dtype)
            total = code.cell()
            if acc.name in kept:
                code.emit("sum_end", total, lanes[acc.name], count, kept[acc.name])
                code.more(extent)
            else:
                fold = f"fold_{LANE_FOLDS[kind]}{FOLDS[acc.op].integer}"
                code.emit(fold, total, lanes[acc.name], count)
            code.release_register(lanes[acc.name])
            value = Value(total, level=code.depth)
            name = conversion(LANE_DTYPES[kind], acc.term.dtype)
            if name and acc.term.dtype != "bool":
                code.emit(name, total, total)
            self.define(acc.name, value)

    # Segments.

    def _vector(
        self, segment: VectorSegment, loop: Strip, chunk: int, extent: int,
        lanes: dict[str, int], splats: dict[int, int],
    ) -> None:  # fmt: skip
        """Statements that run for all iterations of the strip together."""
        code = self.code
        stored = {b for part in loop.segments for stmt in part.body for b in writes_in(stmt)}
        fused = loop.extent != loop.width and not loop.ordered
        uses = uses_in(segment, fused)
        for name in self.wide:
            uses.pop(name, None)
        self.vector = Vector(
            loop.var, extent, chunk, code.depth, frozenset(stored), splats, uses
        )
        local = {stmt.name for stmt in segment.body if isinstance(stmt, Let)} - self.wide
        for stmt in segment.body:
            self.body((stmt,))
            self._free_unused()
        for acc in segment.accs:
            if loop.ordered:
                self._fold_in_order(acc, lanes[acc.name])
            else:
                self._fold(acc, lanes[acc.name], loop.width, fused)
            self._free_unused()
        for name in local:
            value = self.names.pop(name)
            if value.vector and (name not in self.vector.uses or self.vector.uses[name] > 0):
                code.release_register(value.cell)
        self.vector = None

    def _free_unused(self) -> None:
        """Free the registers of locals that were read for the last time. Within a statement they
        are kept: operands may be read after others are computed."""
        assert self.vector is not None
        while self.vector.unused:
            self.code.release_register(self.vector.unused.pop())

    def _fold(self, acc: Acc, lanes: int, width: int, fused: bool) -> None:
        """Combine the terms of an accumulator into its lanes."""
        code = self.code
        product = factors(acc) if fused else None
        if product is not None:
            values = [self.as_vector(self.expr(part)) for part in unique(product)]
            code.emit("lanes_product", lanes, values[0].cell, values[-1].cell, width)
            code.release(*values)
            return
        kind = register_kind(acc.term.dtype)
        value = self.as_vector(self.expr(acc.term))
        same = "i" if kind == "u" and acc.op in ("add", "mul") else kind
        code.emit(f"lanes_{acc.op}_{same}", lanes, value.cell, width)
        code.release(value)

    def _fold_in_order(self, acc: Acc, cell: int) -> None:
        """Combine the terms of an accumulator, one after the other."""
        kind = register_kind(acc.term.dtype)
        value = self.as_vector(self.expr(acc.term))
        same = "i" if kind == "u" and acc.op in ("add", "mul") else kind
        if acc.term.dtype == "float32" and acc.op in ("add", "mul"):
            same = "float32"
        self.code.emit(f"turns_{acc.op}_{same}", cell, value.cell)
        self.code.release(value)
        name = conversion("uint64" if kind == "u" else "int64", acc.term.dtype)
        if kind != "f" and name and acc.term.dtype != "bool":
            self.code.emit(name, cell, cell)

    def _serial(
        self, segment: SerialSegment, loop: Strip, base: int, states: dict[str, int]
    ) -> None:
        """Statements that run one iteration at a time, and routines for all of them."""
        code = self.code
        turns = code.cell()
        code.emit("get_length", turns)
        for name, cell in states.items():
            self.names[name] = Value(cell, level=code.depth)
        runs = [(at_once, tuple(run)) for at_once, run in groupby(segment.body, is_at_once)]
        for at_once, stmts in runs or [(False, ())]:
            if at_once:
                for stmt in stmts:
                    self.routine(stmt, turns, loop.ordered)
                continue
            if not states and self._are_folds(stmts, loop.var):
                for stmt in stmts:
                    self._fold_at(stmt)
                continue
            lane, before = code.cell(), self.lane
            with code.loop_scope(stored_in(stmts)) as scope:
                self.lane = lane
                var = code.cell()
                code.emit("add_i", var, base, lane)
                self.names[loop.var] = Value(var, level=code.depth)
                self.loops += 1
                for name, cell in states.items():
                    self.names[name] = Value(cell, level=code.depth)
                self.body(stmts)
                if states:
                    self.end_step([s for s in loop.states if s.name in states], states)
                self.loops -= 1
            self.lane = before
            self.names[loop.var] = Value(base, level=code.depth)
            self.loop(lane, code.constant(0), turns, code.constant(1), scope)
        for name in states:
            self.names.pop(name)
        code.emit("set_length", turns)

    def _are_folds(self, stmts: Sequence[Stripped], var: str) -> bool:
        """Whether statements combine wide locals with elements that are the same in all iterations,
        each statement with one of its own."""
        stores: dict[str, list[Store]] = {}
        for stmt in stmts:
            if not isinstance(stmt, Store) or stmt.op is None:
                return False
            one = coefficient(stmt.index, var) == 0 and not self.varies(stmt.index)
            wide = isinstance(stmt.expr, Ref) and stmt.expr.name in self.wide
            if not one or not wide or stmt.expr.dtype != "float64":
                return False
            stores.setdefault(stmt.buffer, []).append(stmt)
        return all(map(are_apart, stores.values()))

    def _fold_at(self, store: Store) -> None:
        """Combine an element with a wide local, one iteration after the other."""
        code = self.code
        place = self.element_place(store.buffer, "float64", store.index)
        total = code.temporary()
        code.emit("load_float64", total, *place)
        code.emit(f"turns_{store.op}_f", total, self.names[store.expr.name].cell)
        base, index, offset = place
        code.emit("store_float64", base, index, total, offset)
        code.release(Value(total, owned=True))

    # Routines.

    def routine(self, stmt: Routine, turns: int = -1, ordered: bool = False) -> None:
        """A routine; `turns` is the cell of the iterations of the strip, whose first iteration is
        the value of the loop variable."""
        code, each = self.code, "_each" if ordered else ""
        match stmt:
            case Sum(result, extent, terms):
                total = code.cell()
                name = "sum_float32" if terms.dtype == "float32" else "sum"
                code.emit(name, total, self._first(terms), self.index(extent))
                self.define(result, Value(total, level=code.depth))
            case Dot(result, extent, left, right):
                total = code.cell()
                first, second = self._first(left), self._first(right)
                code.emit("dot", total, first, second, self.index(extent))
                self.define(result, Value(total, level=code.depth))
            case ScatterAdd(buffer, offset, index, weight):
                source, out = self._first(index), self.address(buffer, offset, "float64")
                values = self.names[weight.name].cell
                name = "scatter_each" if ordered else "scatter_add"
                code.emit(f"{name}_{index.dtype}", turns, source, values, out)
            case Recurrence(result, state, factor, term):
                value = self.expr(factor)
                cell, out = self.names[state].cell, self.names[result].cell
                code.emit("recur", cell, value.cell, self.names[term.name].cell, out)
                code.release(value)
            case RowsDot(result, extent, matrix, stride, vector):
                self._rows(f"rows_dot{each}", turns, extent, matrix, stride, self._first(vector),
                           self.names[result].cell)  # fmt: skip
            case RowsAdd(buffer, offset, extent, matrix, stride, weight):
                self._rows(f"rows_add{each}", turns, extent, matrix, stride,
                           self.names[weight.name].cell,
                           self.address(buffer, offset, "float64"))  # fmt: skip

    def _first(self, load: Load) -> int:
        """The cell of the address of an element at the first iteration of a strip."""
        return self.address(load.buffer, load.index, load.dtype)

    def _rows(
        self, name: str, turns: int, extent: Size, matrix: Load, stride: Size, last: int, out: int
    ) -> None:
        self.code.emit(name, turns, self.index(extent), self._first(matrix), self.index(stride))
        self.code.more(last, out)


def writes_in(stmt: Stripped) -> Iterable[str]:
    """Buffers that a statement of a strip stores to."""
    match stmt:
        case RowsAdd(buffer=buffer) | ScatterAdd(buffer=buffer):
            return (buffer,)
        case Dot() | Sum() | RowsDot() | Recurrence():
            return ()
    return writes_of(stmt)


def uses_in(segment: VectorSegment, fused: bool) -> Counter[str]:
    """How often the locals of a segment are read by expressions; not those in indices, whose
    values are needed to the end."""
    refs: list[str] = []
    kept: set[str] = set()
    for stmt in segment.body:
        found = touched(stmt)
        refs += found.refs
        kept |= found.indexed
    for acc in segment.accs:
        product = factors(acc) if fused else None
        for term in (acc.term,) if product is None else unique(product):
            for part in walk_expr(term):
                if isinstance(part, Ref):
                    refs.append(part.name)
                elif isinstance(part, (Load, IndexValue)):
                    kept |= size_names(part.index)
    counted = {stmt.name for stmt in segment.body if isinstance(stmt, Let)} - kept
    return Counter([name for name in refs if name in counted])


def unique(product: tuple[Expr, Expr]) -> tuple[Expr, ...]:
    """The factors of a product; one for the square of an expression."""
    return product[:1] if product[0] is product[1] else product
