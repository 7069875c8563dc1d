"""A plan as Cython: one pointer-only module, a function for each kernel, loops in strips."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from itertools import groupby

from probtensor.dataclass import dataclass, field, replace
from probtensor.kernel.ir import (
    FOLDS,
    NOT_GATHERED,
    Acc,
    Call,
    Carry,
    Check,
    For,
    If,
    Let,
    Load,
    Scan,
    Store,
)
from probtensor.lower.plan import Plan
from probtensor.schedule.carry import (
    BLOCK,
    LANE_BLOCK,
    STRIPS_PER_BLOCK,
    block,
    in_blocks,
    is_optional,
    target,
    threshold,
)
from probtensor.schedule.strips.forms import (
    Dot,
    Jammed,
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
    name_of,
)
from probtensor.schedule.strips.jam import ROWS
from probtensor.schedule.strips.passes import strip
from probtensor.targets.cython.copies import shared_functions
from probtensor.targets.cython.exported import exported
from probtensor.targets.cython.parts import PartText, grouped, wrapped
from probtensor.targets.cython.routines import modules
from probtensor.targets.declare import CFunction, Declared
from probtensor.targets.spell import (
    c_type,
    factors,
    local_type,
    register_kind,
    unwrapped,
)
from probtensor.types import Dim, Size, dtype_of, size_substitute

HEAD = """\
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, binding=False, embedsignature=False, annotation_typing=False
from libc.stdint cimport (int8_t, int16_t, int32_t, int64_t,
                          uint8_t, uint16_t, uint32_t, uint64_t)
"""


def render(
    plan: Plan,
    comments: bool = True,
    writer: type[KernelText] | None = None,
    marked: bool = False,
) -> str:
    """The module text of a plan; with comments, each statement has the user's line, and `marked`
    each line the mark of its statement (`targets/marks.py`). `writer` writes the kernels, instead
    of `KernelText`."""
    shared, writer = shared_functions(plan), writer or KernelText
    bodies = [
        writer(
            plan=plan, kernel=kernel, comments=comments, shared=shared,
            within=kernel.name if marked else "",
        )
        for kernel in plan.kernels
    ]  # fmt: skip
    functions = [body.text() for body in bodies]
    used = {name: declared for body in bodies for name, declared in body.used.items()}
    routines = {name for body in bodies for name in body.routines}
    parts = [HEAD, _declarations(used, routines), *functions, exported(plan, bodies)]
    return "\n".join(parts)


def _declarations(used: Mapping[str, Declared], routines: Set[str]) -> str:
    """Declarations of what the kernels use of the headers and of the modules of routines."""
    found = [used[name] for name in sorted(used)]
    lines = []
    for header in ("pt_loops.h", "pt_random.h", "pt_scipy.h"):
        calls = [f"    {c.text}" for c in found if c.inline and c.header == header]
        if calls:
            lines += [f'cdef extern from "{header}" nogil:', *calls]
    once = [c for c in found if isinstance(c, CFunction) and not c.inline]
    if once:
        lines += ["cdef extern from *:", '    """', *(f"    {c.definition}" for c in once)]
        lines += ['    """', *(f"    {c.text} noexcept nogil" for c in once)]
    if routines:
        of = modules()
        for module in sorted({of[name] for name in routines}):
            names = sorted(name for name in routines if of[name] == module)
            lines.append(f"from cython_ext.{module} cimport {', '.join(names)}")
    return "\n".join(lines) + "\n"


@dataclass(kw_only=True)
class KernelText(PartText):
    """Writes one kernel function, and its parts."""

    whole: Sequence[Stripped] = ()  # the statements of the kernel
    lane_count: int = 0
    limits: dict[str, int] = field(default_factory=dict)  # of sums that are not always gathered

    def text(self) -> str:
        self.whole = strip(self.kernel.body)
        self._body(self.whole, 1)
        self.locals.update(self.array_types())
        result = "int" if self.checks else "void"
        args = [f"{kind} {name}" for name, kind in self.parameters()]
        head = f"cdef {result} {self.kernel.name}({', '.join([*args, 'const int64_t* n'])})"
        found = [*self.functions, wrapped(f"{head} noexcept nogil:")]
        found += grouped(self.locals)
        if self.checks:
            found.append("    cdef int status = 0")
        found += self.lines or ["    pass"]
        if self.checks:
            found.append("    return status")
        return self._finished("\n".join(found) + "\n\n")

    # Statements.

    def _body(self, body: Iterable[Stripped], depth: int) -> None:
        self._runs(body, self.whole, depth)

    def _statement(self, stmt: Stripped, depth: int) -> None:
        match stmt:
            case Let(name, expr, origin):
                self._comment(depth, origin)
                self._set(name, expr.dtype, unwrapped(self._expr(expr)), depth)
            case Store():
                self._store(stmt, depth)
            case For():
                self._for(stmt, depth)
            case Scan():
                self._scan(stmt, depth)
            case Jammed(loop, rows):
                self._for(loop, depth, rows)
            case If():
                self._branch(stmt, depth)
            case Strip():
                self._strip(stmt, depth)
            case Dot() | Sum():
                self._routine(stmt, depth)
            case Check(condition, code):
                self.checks = True
                self._line(depth, f"if not {self._expr(condition)}:")
                self._line(depth + 1, f"status = {code}")
            case Call(routine, origin=origin):
                self._comment(depth, origin)
                self.routines.add(routine)
                self._line(depth, f"{routine}({self._arguments(stmt)})")

    def _for(self, loop: For, depth: int, rows: Sequence[Stripped] = ()) -> None:
        for acc in loop.accs:
            self._set(acc.name, acc.term.dtype, self._literal(acc.identity, acc.term.dtype), depth)
        blocked_accs = self._open_sums(loop, loop.accs, depth)
        gathered = in_blocks(loop.carries, BLOCK, self.limits)
        self.locals[loop.var] = "int64_t"
        first, extent, inner = "", self._index(loop.extent), depth
        if blocked_accs or gathered:
            iterations = self._block_iterations(gathered, depth)
            first, extent = self._open_block(extent, iterations, depth)
            inner += 1
        if rows:
            first = self._jammed(loop.var, first, extent, rows, inner)
        before = self.held
        self.held = before | self._hold_numbers(loop, inner)
        self._line(inner, f"for {loop.var} in range({first}{extent}):")
        self._open_body(loop.body, loop.accs, loop.var, inner + 1)
        self.loops += 1
        self._body(loop.body, inner + 1)
        self._accumulate(loop.accs, inner + 1)
        self.loops -= 1
        self.held = before
        if not loop.body and not loop.accs:
            self._line(inner + 1, "pass")
        self._count_scattered(loop.carries, "1", inner + 1)
        for carry in gathered:
            self._add_sums(carry, inner)
        self._end_blocked(loop, blocked_accs, depth)
        self._close_sums(loop.carries, depth)

    def _jammed(
        self, var: str, first: str, extent: str, rows: Sequence[Stripped], depth: int
    ) -> str:
        """A loop over groups of jammed iterations; gives the first remaining iteration."""
        self._use("pt_by_fours", "int64_t", "int64_t")
        self.lane_count += 1
        rest = f"r{self.lane_count}"
        self.locals[rest] = "int64_t"
        start = first.rstrip(", ")
        iterations = f"{start} + pt_by_fours({extent} - {start})" if start else (
            f"pt_by_fours({extent})"
        )
        self._line(depth, f"{rest} = {iterations}")
        self._line(depth, f"for {var} in range({first or '0, '}{rest}, {ROWS}):")
        self.loops += 1
        self._body(rows, depth + 1)
        self.loops -= 1
        return f"{rest}, "

    def _block_iterations(self, carries: Sequence[Carry], depth: int) -> str:
        """The iterations of a block; fewer if inner loops add to an element several times in
        each."""
        several = dict.fromkeys(carry.additions for carry in carries if carry.additions != 1)
        if not several:
            return str(BLOCK)
        found = ""
        for each in several:
            self._use("pt_block_turns", "int64_t", "int64_t", "int64_t")
            iterations = f"pt_block_turns({BLOCK}, {self._index(each)})"
            found = self._apply("minimum", [found, iterations], "int64") if found else iterations
        name = f"b{self.lane_count + 1}"
        self.locals[name] = "int64_t"
        self._line(depth, f"{name} = {found}")
        return name

    def _open_block(self, extent: str, size: str, depth: int) -> tuple[str, str]:
        """A loop over blocks of iterations; gives the bounds of a block. The end of a block is
        outside the loop over its iterations, so that this can keep sums in registers."""
        self.lane_count += 1
        base, end = f"s{self.lane_count}", f"e{self.lane_count}"
        self.locals[base] = self.locals[end] = "int64_t"
        if size.isdecimal():
            self._line(depth, f"for {base} in range(0, {extent}, {size}):")
        else:  # Cython has no efficient range with a step known only at run time
            number, count = f"q{self.lane_count}", f"({extent} + {size} - 1) // {size}"
            self.locals[number] = "int64_t"
            self._line(depth, f"for {number} in range({count}):")
            self._line(depth + 1, f"{base} = {number} * {size}")
        iterations = f"{extent} - {base}" if extent.isidentifier() else f"({extent}) - {base}"
        count = f"{size} if {iterations} > {size} else {iterations}"
        self._line(depth + 1, f"{end} = {base} + ({count})")
        return f"{base}, ", end

    def _end_blocked(self, loop: For, blocked_accs: Sequence[Acc], depth: int) -> None:
        """The end of a block, and of the loop, for accumulators that are summed in blocks."""
        several = f"if {self._index(loop.extent)} > {BLOCK}:"
        for acc in blocked_accs:
            self._use("pt_keep", "void", "double*", "double")
            self._use("pt_kept", "double", "const double*")
            self._line(depth + 1, several)
            self._line(depth + 2, f"pt_keep({acc.name}_s, {self._name(acc.name)})")
            self._line(depth + 2, f"{self._name(acc.name)} = 0.0")
        for acc in blocked_accs:
            self._line(depth, several)
            self._line(depth + 1, f"{self._name(acc.name)} = pt_kept({acc.name}_s)")

    def _accumulate(self, accs: Sequence[Acc], depth: int, fused: bool = False) -> None:
        outside = self.mark
        for acc in accs:
            self._begin(acc.name.removesuffix("_l"))
            self._comment(depth, acc.origin)
            name = self._name(acc.name)
            product = factors(acc) if fused else None
            if product is not None:
                self._use("pt_ma", "double", "double", "double", "double")
                joined = f"pt_ma({', '.join(unwrapped(self._expr(x)) for x in product)}, {name})"
            else:
                values = [name, self._expr(acc.term)]
                joined = self._apply(FOLDS[acc.op].symbol, values, acc.term.dtype)
            self._line(depth, f"{name} = {unwrapped(joined)}")
        self.mark = outside

    # Strips.

    def _strip(self, loop: Strip, depth: int) -> None:
        self.lane_count += 1
        number = self.lane_count
        lane, count, base = f"l{number}", f"m{number}", f"s{number}"
        for name in (lane, loop.var):
            self.locals[name] = "int64_t"
        accs = [acc for segment in loop.segments for acc in segment.accs]
        tile = 0 if self.wide else loop.tile
        if not tile:
            self.locals.update((n, f"{local_type(d)}[{loop.width}]") for n, d in loop.wide)
        lanes = self._lanes(loop, accs, depth)
        self._open_lanes(accs, loop.width, lanes, lane, depth)
        blocked_accs = self._open_sums(loop, accs, depth)
        gathered = in_blocks(loop.carries, NOT_GATHERED, self.limits)
        before, kept = self.held, self._hold(loop, number, tile, depth)
        single = isinstance(loop.extent, int) and loop.extent == loop.width
        if single:
            inner, first, iterations = depth, "0", str(loop.width)
        else:
            self.locals[count] = self.locals[base] = "int64_t"
            extent = self._index(loop.extent)
            self._line(depth, f"for {base} in range(0, {extent}, {loop.width}):")
            width = loop.width
            self._line(depth + 1, f"{count} = {extent} - {base} if {extent} - {base} < {width} "
                                  f"else {width}")
            inner, first, iterations = depth + 1, base, count
        self._place_lanes(loop, accs, lane, tile)
        self.held = before | kept
        self.loops += 1
        if tile:
            self._tiles(loop, number, tile, first, iterations, inner)
        for segment in () if tile else loop.segments:
            self._segment(segment, loop, lane, first, iterations, inner)
        self.loops -= 1
        self.held = before
        if blocked_accs:
            self._use("pt_end_block", "void", "double*", "int64_t", "double*")
            last = LANE_BLOCK - loop.width
            self._line(inner, f"if {base} & {LANE_BLOCK - 1} == {last}:")
            for acc in blocked_accs:
                self._line(inner + 1, f"pt_end_block({acc.name}_l, {loop.width}, {acc.name}_s)")
        self._count_scattered(loop.carries, iterations, inner)
        for carry in gathered:
            size = (STRIPS_PER_BLOCK if carry.additions == 1 else 1) * loop.width
            self._line(inner, f"if {base} & {size - 1} == {size - loop.width}:")
            self._add_sums(carry, inner + 1)
        for name in [*dict(loop.wide), *(f"{a.name}_l" for a in accs)]:
            del self.wide[name]
        self._close_lanes(accs, loop, lanes, blocked_accs, depth)
        self._close_sums(loop.carries, depth)

    def _place_lanes(self, loop: Strip, accs: Sequence[Acc], lane: str, tile: int) -> None:
        """Where the lane of each wide local and accumulator is."""
        for name, dtype in loop.wide:
            self.wide[name] = f"{name}[{lane}]"
            if tile:
                array, start = self._place(f"wide{self.lane_count}", dtype, tile)
                self.wide[name] = f"{array}[{start} + {lane}]"
        self.wide.update((f"{acc.name}_l", f"{acc.name}_l[{lane}]") for acc in accs)

    def _tiles(
        self, loop: Strip, number: int, tile: int, first: str, iterations: str, depth: int
    ) -> None:
        """The segments of a long strip, vector segments as parts, which compute a tile of lanes."""
        lane, count, base = f"l{number}", f"m{number}", f"s{number}"
        at, offset = first, ""
        if tile < loop.width:
            start, size = f"h{number}", f"g{number}"
            self.locals[start] = self.locals[size] = "int64_t"
            self._line(depth, f"for {start} in range(0, {iterations}, {tile}):")
            left = f"{iterations} - {start}"
            self._line(depth + 1, f"{size} = {left} if {left} < {tile} else {tile}")
            at, offset = start if first == "0" else f"{first} + {start}", f" + {start}"
            iterations, depth = size, depth + 1
        for segment in loop.segments:
            if isinstance(segment, SerialSegment):
                self._segment(segment, loop, lane, at, iterations, depth)
                continue
            outside = self._open_part()
            self.locals[lane] = self.locals[loop.var] = "int64_t"
            own = {count: ("int64_t", iterations), base: ("int64_t", at)}
            for acc in segment.accs:
                kind = self._pointer_type(_lane_type(acc.term.dtype))
                own[f"{acc.name}_l"] = kind, f"{acc.name}_l{offset}"
            self._segment(segment, loop, lane, base, count, 1, fused=first != "0")
            self._close_part(outside, own, depth)

    def _lanes(self, loop: Strip, accs: Sequence[Acc], depth: int) -> str:
        """The number of lanes of accumulators: all, or one vector for few iterations in an inner
        loop, where initialising and folding all lanes would take longer than the loop."""
        if not accs or not self.loops or isinstance(loop.extent, int):
            return str(loop.width)
        name, iterations = f"v{self.lane_count}", self._index(loop.extent)
        self.locals[name] = "int64_t"
        self._line(depth, f"{name} = 8 if 0 < {iterations} <= 8 else {loop.width}")
        return name

    def _open_lanes(
        self, accs: Sequence[Acc], width: int, lanes: str, lane: str, depth: int
    ) -> None:
        if not accs:
            return
        self._line(depth, f"for {lane} in range({lanes}):")
        for acc in accs:
            kind = _lane_type(acc.term.dtype)
            self.locals[f"{acc.name}_l"] = f"{c_type(kind)}[{width}]"
            identity = self._literal(acc.identity, acc.term.dtype)
            self._line(depth + 1, f"{acc.name}_l[{lane}] = {identity}")

    def _close_lanes(
        self, accs: Sequence[Acc], loop: Strip, lanes: str, blocked_accs: Sequence[Acc], depth: int
    ) -> None:
        blocked = {acc.name for acc in blocked_accs}
        for acc in accs:
            kind = _lane_type(acc.term.dtype)
            prefix = {"float64": "", "int64": "i", "uint64": "u"}[kind]
            fold = f"pt_fold_{prefix}{FOLDS[acc.op].integer}"
            wide = c_type(kind)
            self._use(fold, wide, f"{wide}*", "int64_t")
            value = f"{fold}({acc.name}_l, {lanes})"
            if acc.name in blocked:
                self._use("pt_end_sum", "double", "double*", "int64_t", "double*", "int64_t")
                iterations = self._index(loop.extent)
                value = f"pt_end_sum({acc.name}_l, {lanes}, {acc.name}_s, {iterations})"
            if acc.term.dtype != kind:
                value = f"<{local_type(acc.term.dtype)}> {value}"
            self._set(acc.name, acc.term.dtype, value, depth)

    # Long sums, block by block.

    def _open_sums(self, loop: For | Strip, accs: Sequence[Acc], depth: int) -> list[Acc]:
        """Initialise the sums in memory and the block accumulators before a loop; gives the
        accumulators that are summed in blocks."""
        for carry in loop.carries:
            count, out = self._index(carry.count), self._pointer(carry.buffer, carry.offset)
            self._use("pt_open_sums", "void", "int64_t", "double*")
            if carry.dtype == "float32":
                self._line(depth, f"pt_open_sums({count}, {carry.scratch})")
                continue
            inside = depth
            if is_optional(carry):
                self._open_optional(carry, out, depth)
                inside += 1
            self._line(inside, f"pt_open_sums(2 * ({count}), {carry.scratch})")
        longest = LANE_BLOCK if isinstance(loop, Strip) else BLOCK
        short = isinstance(loop.extent, int) and loop.extent <= longest
        blocked_accs = [
            a
            for a in accs
            if a.op == "add" and dtype_of(a.term.dtype).is_float and not short
        ]
        for acc in blocked_accs:
            self.locals[f"{acc.name}_s"] = "double[2]"
            self._line(depth, f"{acc.name}_s[0] = {acc.name}_s[1] = 0.0")
        return blocked_accs

    def _open_optional(self, carry: Carry, out: str, depth: int) -> None:
        """Select the target of sums that are gathered only under a condition, and open them."""
        pointer, done = target(carry), f"{carry.scratch}k"
        self.locals[pointer] = "double*"
        self._line(depth, f"{pointer} = {out}")
        if carry.scatter_additions is not None:  # negative: without gathering no block becomes full
            self.locals[done] = "int64_t"
            self._line(depth, f"{done} = -({self._index(carry.scatter_additions)})")
        self._line(depth, f"if {self._gathered(carry)}:")
        self._line(depth + 1, f"{pointer} = {carry.scratch}")
        if carry.scatter_additions is not None:
            self._line(depth + 1, f"{done} = 0")

    def _gathered(self, carry: Carry) -> str:
        """The condition under which optional sums are gathered."""
        if carry.outer_additions is not None:
            return f"{self._index(carry.outer_additions)} > {self.limits[carry.buffer]}"
        return f"{self._index(carry.scatter_additions)} > {self._index(threshold(carry))}"

    def _add_sums(self, carry: Carry, depth: int) -> None:
        """The end of a block of sums in memory."""
        if carry.outer_additions is not None:
            self._line(depth, f"if {self._gathered(carry)}:")
            depth += 1
        self._use("pt_add_sums", "void", "int64_t", "double*", "double*")
        out, count = self._pointer(carry.buffer, carry.offset), self._index(carry.count)
        self._line(depth, f"pt_add_sums({count}, {carry.scratch}, {out})")

    def _count_scattered(self, carries: Sequence[Carry], iterations: str, depth: int) -> None:
        """After iterations of a scatter: end the block if it is full."""
        for carry in carries:
            if carry.scatter_additions is None or not is_optional(carry):
                continue
            done = f"{carry.scratch}k"
            each = f" * ({self._index(carry.additions)})" if carry.additions != 1 else ""
            more = f"{iterations}{each}"
            self._line(depth, f"{done} += {more}")
            self._line(depth, f"if {done} >= {self._index(block(carry))}:")
            self._add_sums(carry, depth + 1)
            self._line(depth + 1, f"{done} = 0")

    def _close_sums(self, carries: Sequence[Carry], depth: int) -> None:
        for carry in carries:
            name = f"pt_close_sums_{carry.dtype}"
            out, count = self._pointer(carry.buffer, carry.offset), self._index(carry.count)
            self._use(name, "void", "int64_t", "double*", f"{c_type(carry.dtype)}*")
            inside = depth
            if is_optional(carry):
                self._line(depth, f"if {self._gathered(carry)}:")
                inside += 1
            self._line(inside, f"{name}({count}, {carry.scratch}, {out})")

    def _segment(
        self,
        segment: VectorSegment | SerialSegment,
        loop: Strip,
        lane: str,
        first: str,
        iterations: str,
        depth: int,
        fused: bool | None = None,
    ) -> None:
        for is_routine, run in groupby(segment.body, is_at_once):
            if is_routine:
                for stmt in run:
                    self._routine(stmt, depth, first, iterations)
            else:
                self._open_iterations(loop, lane, first, iterations, depth)
                statements = list(run)
                self._open_body(statements, segment.accs, loop.var, depth + 1)
                for stmt in statements:
                    self._stmt(stmt, depth + 1)
        if not segment.accs:
            return
        if not segment.body:
            self._open_iterations(loop, lane, first, iterations, depth)
        lanes = [replace(acc, name=f"{acc.name}_l") for acc in segment.accs]
        self._accumulate(lanes, depth + 1, first != "0" if fused is None else fused)

    def _open_iterations(
        self, loop: Strip, lane: str, first: str, iterations: str, depth: int
    ) -> None:
        self._line(depth, f"for {lane} in range({iterations}):")
        start = lane if first == "0" else f"{first} + {lane}"
        self._line(depth + 1, f"{loop.var} = {start}")

    def _routine(
        self, stmt: Routine, depth: int, first: str = "0", iterations: str = "1"
    ) -> None:
        outside = self._begin(name_of(stmt))
        match stmt:
            case Sum(result, extent, terms):
                name = "pt_sum_float32" if terms.dtype == "float32" else "pt_sum"
                kind = c_type(terms.dtype)
                self._use(name, "double", f"const {kind}*", "int64_t")
                call = f"{name}({self._first(terms)}, {self._index(extent)})"
                self._set(result, "float64", call, depth)
            case Dot(result, extent, left, right):
                self._use("pt_dot", "double", "const double*", "const double*", "int64_t")
                call = f"pt_dot({self._first(left)}, {self._first(right)}, {self._index(extent)})"
                self._set(result, "float64", call, depth)
            case ScatterAdd(buffer, offset, index, weight, var):
                kind = index.dtype
                name = f"pt_scatter_add_{kind}"
                args = ("int64_t", f"const {kind}_t*", "const double*", "double*")
                self._use(name, "void", *args)
                source, out = self._first(index, var, first), self._pointer(buffer, offset)
                lanes = self._lane_0(weight.name)
                self._line(depth, f"{name}({iterations}, {source}, {lanes}, {out})")
            case RowsDot(result, extent, matrix, step, vector, var):
                rows = self._first(matrix, var, first)
                self._rows("pt_rows_dot", iterations, extent, rows, step, self._first(vector),
                           self._lane_0(result), depth)  # fmt: skip
            case RowsAdd(buffer, offset, extent, matrix, step, weight, var):
                rows, out = self._first(matrix, var, first), self._pointer(buffer, offset)
                self._rows("pt_rows_add", iterations, extent, rows, step,
                           self._lane_0(weight.name), out, depth)  # fmt: skip
        self.mark = outside

    def _lane_0(self, name: str) -> str:
        """A pointer to the lanes of a wide local."""
        array, _, element = self.wide[name].rstrip("]").partition("[")
        start, plus, _ = element.partition(" + ")
        return f"{array} + {start}" if plus else array

    def _first(self, load: Load, var: str = "", first: str = "0") -> str:
        """A pointer to the loaded element at the first iteration of a strip over `var`."""
        return self._pointer(load.buffer, _at(load.index, var, first))

    def _rows(
        self, name: str, iterations: str, extent: Size, rows: str, step: Size, last: str, out: str,
        depth: int,
    ) -> None:  # fmt: skip
        """A routine over the rows of a strip."""
        doubles = "const double*"
        self._use(name, "void", "int64_t", "int64_t", doubles, "int64_t", doubles, "double*")
        size, each = self._index(extent), self._index(step)
        self._line(depth, f"{name}({iterations}, {size}, {rows}, {each}, {last}, {out})")


def _lane_type(dtype: str) -> str:
    return {"f": "float64", "u": "uint64", "i": "int64"}[register_kind(dtype)]


def _at(index: Size, var: str, first: str) -> Size:
    """The index at the first iteration of a strip."""
    if not var:
        return index
    return size_substitute(index, {var: 0 if first == "0" else Dim.name(first)})
