"""Statements, loops and branches as instructions of the machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from probtensor.kernel.ir import (
    FOLDS,
    Acc,
    Call,
    Check,
    Choice,
    Expr,
    For,
    If,
    Let,
    Scan,
    State,
    Store,
)
from probtensor.kernel.simplify import coefficient
from probtensor.kernel.touch import expr_names
from probtensor.schedule.carry import BLOCK, in_blocks
from probtensor.schedule.strips.forms import (
    Dot,
    Jammed,
    Strip,
    Stripped,
    Sum,
    VectorSegment,
)
from probtensor.schedule.strips.inner import stored_in
from probtensor.schedule.strips.jam import ROWS
from probtensor.schedule.strips.passes import is_independent
from probtensor.targets.machine.code import Label, Scope, Value
from probtensor.targets.machine.operators import element
from probtensor.targets.machine.strips import Strips

CHUNK = 64  # iterations of a strip of a loop without accumulators


class Statements(Strips):
    """Encodes the statements of a kernel."""

    def body(self, body: Iterable[Stripped]) -> None:
        """Encode statements in order."""
        for stmt in body:
            self.statement(stmt)

    def statement(self, stmt: Stripped) -> None:
        """Encode a statement."""
        if stmt.__class__ is Let:
            self._let(stmt.name, stmt.expr)
            return
        match stmt:
            case Store():
                self._store(stmt)
            case For() if is_independent(stmt):
                self.strip(Strip(stmt.var, stmt.extent, CHUNK, (VectorSegment(stmt.body),), ()))
            case For():
                self._for(stmt)
            case Scan():
                self._scan(stmt)
            case Jammed(loop, rows):
                self._for(loop, rows)
            case If():
                self._if(stmt)
            case Strip():
                self.strip(stmt)
            case Dot() | Sum():
                self.routine(stmt)
            case Check(condition, code):
                value = self.expr(condition)
                self.code.emit("check", value.cell, code)
                self.code.release(value)
            case Call():
                self._call(stmt)

    # Straight-line statements.

    def _let(self, name: str, expr: Expr) -> None:
        vector = self.vector
        wide = self.names.get(name)
        if vector is not None and wide is not None and wide.vector and name in self.wide:
            self.set(wide.cell, self.expr(expr, wide.cell), vector=True)
            return
        value = self.expr(expr)
        if vector is not None and value.vector:
            if not value.owned:
                made = self.code.register(vector.width)
                self.code.emit("move_v", made, value.cell)
                value = Value(made, vector=True)
            self.names[name] = value._replace(owned=False)
            return
        self.define(name, value)

    def define(self, name: str, value: Value) -> None:
        """Make a local of a scalar; an element of it where it is wide."""
        code = self.code
        if name in self.wide:
            code.emit("set_element", self.names[name].cell, self.lane, value.cell)
            code.release(value)
            return
        if value.cell in self.changing:
            made = code.cell()
            code.emit("move", made, value.cell)
            value = Value(made, level=code.depth)
        self.names[name] = value._replace(owned=False)

    def _store(self, store: Store) -> None:
        code, kind = self.code, element(self._dtype(store.buffer))
        if self.vector is not None:
            self._store_vector(store, kind, self.pointers[store.buffer])
            return
        value = self.expr(store.expr)
        base, index, offset = self.element_place(
            store.buffer, self._dtype(store.buffer), store.index
        )
        if store.op is not None:
            before = code.temporary()
            code.emit(f"load_{kind}", before, base, index, offset)
            value = self._combined(store, Value(before, level=code.depth, owned=True), value)
        code.emit(f"store_{kind}", base, index, value.cell, offset)
        code.release(value)

    def _dtype(self, buffer: str) -> str:
        """The dtype of a buffer; scratch memory and its targets hold doubles."""
        return self.dtypes.get(buffer, "float64")

    def _combined(self, store: Store, before: Value, value: Value) -> Value:
        dtype = store.expr.dtype
        symbol = FOLDS[store.op].symbol
        return self.apply(symbol, [(before, self._dtype(store.buffer)), (value, dtype)], dtype)

    def _store_vector(self, store: Store, kind: str, base: int) -> None:
        code, vector = self.code, self.vector
        if self.varies(store.index):
            self._store_at(store, kind, base)
            return
        step = coefficient(store.index, vector.var)
        value = self.expr(store.expr)
        index, offset = self.place(store.index) if step == 1 else (self.index(store.index), 0)
        if store.op is not None:
            before = code.register(vector.width, loads=step == 1)
            if step == 1:
                code.emit(f"load_copy_{kind}", before, base, index, offset)
            else:
                code.emit(f"load_step_{kind}", before, base, index, self.index(step))
            value = self._combined(store, Value(before, vector=True, owned=True), value)
        if step == 1:
            form = "store_v" if value.vector else "store_fill"
            code.emit(f"{form}_{kind}", base, index, value.cell, offset)
        else:
            value = self.as_vector(value)
            code.emit(f"store_step_{kind}", base, index, value.cell, self.index(step))
        code.release(value)

    def _store_at(self, store: Store, kind: str, base: int) -> None:
        """A store in a vector segment to elements that are computed, all of them different."""
        code = self.code
        value, at = self.expr(store.expr), self.index_value(store.index)
        if store.op is not None:
            before = code.register(self.vector.width)
            code.emit(f"load_at_{kind}", before, base, at.cell)
            value = self._combined(store, Value(before, vector=True, owned=True), value)
        value = self.as_vector(value)
        code.emit(f"store_at_{kind}", base, at.cell, value.cell)
        code.release(value, at)

    def _call(self, call: Call) -> None:
        code = self.code
        first = code.arguments()
        for k, (buffer, offset) in enumerate(call.pointers):
            kind = element(self.dtypes[buffer])
            code.emit(f"address_{kind}", first + k, self.pointers[buffer], self.index(offset))
        count = len(call.pointers)
        for k, number in enumerate(call.numbers):
            code.emit("move", first + count + k, self.index(number))
        code.emit("call", code.routine(call.routine), count + len(call.numbers), first)

    # Loops.

    def loop(self, cell: int, first: int, end: int, step: int, body: Scope) -> None:
        """The code of a loop over a cell."""
        code = self.code
        start, behind = Label(), Label()
        code.emit("loop_open", cell, first, end, behind)
        code.append(body.before)
        code.place(start)
        code.append(body.lines)
        code.emit("loop_next", cell, step, end, start)
        code.place(behind)

    def _for(self, loop: For, rows: Sequence[Stripped] = ()) -> None:
        code = self.code
        accs = self.open_accumulators(loop.accs)
        kept = self.open_sums(loop, loop.accs)
        gathered = in_blocks(loop.carries, BLOCK, self.limits)
        extent = self.index(loop.extent)
        if kept or gathered:
            self._in_blocks(loop, rows, accs, kept, extent, gathered)
        else:
            self._turns(loop, rows, accs, code.constant(0), extent)
        self.close_blocks(kept, accs, extent)
        self.close_sums(loop.carries)
        for acc in loop.accs:
            self.define_last(acc.name, accs[acc.name])

    def _in_blocks(
        self, loop: For, rows: Sequence[Stripped], accs: dict[str, int], kept: dict[str, int],
        extent: int, gathered: Sequence,
    ) -> None:  # fmt: skip
        """A loop in blocks of iterations."""
        code = self.code
        turns = self.block_turns(gathered)
        base, end = code.cell(), code.cell()
        with code.loop_scope(stored_in((loop, *rows))) as scope:
            code.emit("add_i", end, base, turns)
            code.emit("min_i", end, end, extent)
            self._turns(loop, rows, accs, base, end)
            for carry in gathered:
                self.add_sums(carry)
            self.end_block(kept, accs, extent)
        self.loop(base, code.constant(0), extent, turns, scope)

    def _turns(
        self, loop: For, rows: Sequence[Stripped], accs: dict[str, int], first: int, end: int
    ) -> None:
        """The iterations of a loop from `first` up to `end`, both cells."""
        code = self.code
        if rows:
            first = self._jammed(loop.var, rows, first, end)
        var = code.cell()
        with code.loop_scope(stored_in((loop,))) as scope:
            self.names[loop.var] = Value(var, level=code.depth)
            self.loops += 1
            self.body(loop.body)
            self.loops -= 1
            for acc in loop.accs:
                self._accumulate(acc, accs[acc.name])
            self.count_scattered(loop.carries, code.constant(1))
        self.loop(var, first, end, code.constant(1), scope)

    def _jammed(self, var: str, rows: Sequence[Stripped], first: int, end: int) -> int:
        """A loop over groups of jammed iterations; gives the first remaining iteration."""
        code = self.code
        rest, cell = code.cell(), code.cell()
        code.emit("sub_i", rest, end, first)
        code.emit("by_fours", rest, rest)
        code.emit("add_i", rest, rest, first)
        with code.loop_scope(stored_in(rows)) as scope:
            self.names[var] = Value(cell, level=code.depth)
            self.loops += 1
            self.body(rows)
            self.loops -= 1
        self.loop(cell, first, rest, code.constant(ROWS), scope)
        return rest

    def _accumulate(self, acc: Acc, cell: int) -> None:
        dtype = acc.term.dtype
        total = Value(cell, level=self.code.depth)
        args = [(total, dtype), (self.expr(acc.term), dtype)]
        self.set(cell, self.apply(FOLDS[acc.op].symbol, args, dtype, cell))

    def _scan(self, scan: Scan) -> None:
        code = self.code
        states = {}
        for state in scan.states:
            states[state.name] = cell = code.cell()
            self.set(cell, self.expr(state.init))
            self.changing.add(cell)
        var, count = code.cell(), code.cell()
        self.changing.add(count)
        extent = None if scan.extent is None else self.index(scan.extent)
        code.emit("move", count, code.constant(0))
        start, behind = Label(), Label()
        with code.loop_scope(stored_in((scan,))) as scope:
            self.names[scan.var] = Value(var, level=code.depth)
            for name, cell in states.items():
                self.names[name] = Value(cell, level=code.depth)
            self.loops += 1
            self.body(scan.body)
            self.loops -= 1
            stop = self.end_step(scan.states, states, scan.stop)
            if scan.count is not None:
                code.emit("add_i", count, var, code.constant(1))
            if stop is not None:
                code.emit("jump_if", stop.cell, d=behind)
                code.release(stop)
        if extent is None:
            code.emit("move", var, code.constant(0))
            code.append(scope.before)
            code.place(start)
            code.append(scope.lines)
            code.emit("add_i", var, var, code.constant(1))
            code.emit("jump", d=start)
        else:
            code.emit("loop_open", var, code.constant(0), extent, behind)
            code.append(scope.before)
            code.place(start)
            code.append(scope.lines)
            code.emit("loop_next", var, code.constant(1), extent, start)
        code.place(behind)
        for name, cell in states.items():
            self.names.pop(name, None)
            self.define_last(name, cell)
        if scan.count is not None:
            self.define_last(scan.count, count)

    def end_step(
        self, changed: Sequence[State], states: dict[str, int], until: Expr | None = None
    ) -> Value | None:
        """The end of an iteration: the states change. Gives the condition of the last one."""
        stop = None
        if until is not None:
            stop = self.expr(until)
            if not stop.owned:
                made = self.code.temporary()
                self.code.emit("move", made, stop.cell)
                stop = Value(made, owned=True)
        shared = {
            name
            for state in changed
            for name in expr_names(state.next) & states.keys() - {state.name}
        }
        for state in changed:
            if state.name not in shared:  # no other state reads it
                cell = states[state.name]
                self.set(cell, self.expr(state.next, cell))
        later = [state for state in changed if state.name in shared]
        self._move({states[state.name]: self.expr(state.next) for state in later})
        return stop

    def _move(self, values: dict[int, Value]) -> None:
        """Set cells to values together, though some are cells that are set."""
        code = self.code
        while values:
            read = [value.cell for cell, value in values.items() if value.cell != cell]
            free = next((cell for cell in values if cell not in read), None)
            if free is not None:
                self.set(free, values.pop(free))
                continue
            cell = next(iter(values))  # they read each other in a circle
            saved = code.temporary()
            code.emit("move", saved, cell)
            values = {
                to: Value(saved, owned=False) if value.cell == cell else value
                for to, value in values.items()
            }

    def _if(self, stmt: If) -> None:
        code = self.code
        condition = self.expr(stmt.condition)
        cells = {choice.name: code.cell() for choice in stmt.choices}
        bodies = []
        for body, ends in (
            (stmt.then, [(c, c.first) for c in stmt.choices]),
            (stmt.otherwise, [(c, c.second) for c in stmt.choices]),
        ):
            with code.scope() as lines:
                self.body(body)
                self._ends(ends, cells)
            bodies.append(lines)
        otherwise, end = Label(), Label()
        code.emit("jump_unless", condition.cell, d=otherwise)
        code.release(condition)
        code.append(bodies[0])
        code.emit("jump", d=end)
        code.place(otherwise)
        code.append(bodies[1])
        code.place(end)
        for name, cell in cells.items():
            self.define(name, Value(cell, level=code.depth))

    def _ends(self, ends: Sequence[tuple[Choice, Expr]], cells: dict[str, int]) -> None:
        for choice, value in ends:
            cell = cells[choice.name]
            self.set(cell, self.expr(value, cell))
