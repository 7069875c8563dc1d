"""A plan as CUDA C++: one module, a kernel for each phase, and the launch of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from probtensor.dataclass import dataclass, field, replace
from probtensor.kernel.ir import (
    FOLDS,
    Acc,
    Call,
    For,
    Kernel,
    Let,
    Load,
    Stmt,
    Store,
    exprs_of,
    walk,
    walk_expr,
)
from probtensor.kernel.touch import buffers_of, loads_of
from probtensor.kernel.touch import writes_of as writes
from probtensor.lower.plan import Plan
from probtensor.schedule.carry import as_loops
from probtensor.schedule.grid.passes import schedule
from probtensor.schedule.grid.phases import (
    InOrder,
    MapPhase,
    Once,
    Phase,
    Reduce,
    Routine,
    Schedule,
    Scratch,
    Sync,
    statements,
)
from probtensor.schedule.grid.steps import waits_inside
from probtensor.targets.base import scipy_function
from probtensor.targets.cuda.arguments import arguments
from probtensor.targets.cuda.finish import THREADS, FinishText
from probtensor.targets.cuda.group import ACCUMULATOR_TYPES, headers_of
from probtensor.targets.cuda.stage import Tile, packed, tile_rows, tiles
from probtensor.targets.spell import c_type, local_type, register_kind
from probtensor.types import Dim, Size, size_names, size_product

HEAD = """\
#include "pt_random.h"
#include "pt_grid.cuh"
#include "pt_atomic.cuh"
#include "pt_float.cuh"
"""
TILE_BLOCKS_PER_MULTIPROCESSOR = 4  # so that some blocks load while others compute
MAX_TILED_SUMS = 26  # of a thread, with so many resident blocks
GEMM = {"pt_gemm": "float64", "pt_gemm_float32": "float32"}
# The launches, in order, of a routine with few, long items.
CHUNKED_STAGES = {"pt_cumsum": ("chunks", "ends", "spread")}
GROUP_THREADS = {"thread": 32, "warp": 32, "block": 512}  # of the one block of a loop in order
MAX_THREAD_WORK, MAX_WARP_WORK = 4, 512  # of a step, for the group that runs a loop in order
GROUPS = {"thread": "pt_thread", "warp": "pt_warp", "block": "pt_block"}


@dataclass(frozen=True)
class Launch:
    """One phase's launch.

    kernels     names and block sizes of its kernels, by the group of threads for an iteration
    kind        "map", "reduce", "once", "routine", "product", "host", "group" or "steps"
    iterations  parallel iterations (outputs, for a reduce; items, for a routine)
    inner       extents of loops shared by a group; the number of terms, for a reduce; the work of
                a step, for a group
    slots       folds that are reduced across blocks
    along       for a reduce: whether adjacent threads take adjacent terms
    call        the routine's call, for a product and for a routine on the host
    host        the name of a kernel that runs on the host
    staged      whether threads read entire rows through shared memory
    numbered    the variables of the loops in order around it: arguments of its kernels
    first, each, extent
                the launches of a loop in order by steps: once, for each step, the number of steps;
                for a group, if `each` is not empty, in its place
    """

    kind: str
    kernels: Mapping[str, tuple[str, int]]
    iterations: Size = 1
    inner: tuple[Size, ...] = ()
    slots: int = 0
    along: bool = True
    call: Call | None = None
    host: str = ""
    staged: bool = False
    numbered: tuple[str, ...] = ()
    first: tuple[Launch, ...] = ()
    each: tuple[Launch, ...] = ()
    extent: Size = 0


@dataclass(frozen=True)
class CudaModule:
    """The text of a plan, the launches in order, and the memory that they share. `firsts` are the
    numbers of the first launches of each kernel."""

    source: str
    launches: tuple[Launch, ...]
    scratch: tuple[Scratch, ...]
    firsts: tuple[int, ...] = ()

    def of_stage(self, plan: Plan, stage: int) -> tuple[Launch, ...]:
        """The launches of a stage of the plan."""
        firsts = [*self.firsts, len(self.launches)]
        start, *stop = plan.starts[stage : stage + 2]
        return self.launches[firsts[start] : firsts[stop[0]] if stop else None]


def render(
    plan: Plan, comments: bool = True, deterministic: bool = False, marked: bool = False
) -> CudaModule:
    """The module of a plan; with comments, each statement carries the user's line, and `marked`
    each line the mark of its statement (`targets/marks.py`)."""
    writer = _ModuleText(plan, comments, deterministic=deterministic, marked=marked)
    for kernel, found in schedules(plan, deterministic):
        writer.kernel(kernel, found)
    return writer.module()


def schedules(plan: Plan, deterministic: bool = False) -> Iterator[tuple[Kernel, Schedule]]:
    """The kernels of a plan as they are scheduled, each with its phases."""
    elements = {b.name: size_product(b.shape) for b in plan.buffers}
    dtypes = {b.name: b.dtype for b in plan.buffers}
    static = {s.name: s.value for s in plan.sizes if s.value is not None}
    for kernel in plan.kernels:
        kernel = replace(kernel, body=as_loops(kernel.body, scattered=True))
        yield kernel, schedule(kernel, elements, dtypes, static, deterministic)


def groups_for(phase: InOrder) -> tuple[str, ...]:
    """The groups that may run loops in order, one of which each call chooses by its sizes."""
    if all(isinstance(n, int) for n in phase.work):
        return (group_for(max(phase.work, default=0)),)
    return ("warp", "block")


def group_for(work: int) -> str:
    """The group for steps of so much work."""
    if work <= MAX_THREAD_WORK:
        return "thread"
    return "warp" if work <= MAX_WARP_WORK else "block"


def runs_on_host(kernel: Kernel, found: Schedule) -> bool:
    """Whether a kernel runs on the host: it calls functions of SciPy, or a routine that a GPU has
    not where no launch of the device can wait for it."""
    return scipy_function(kernel) is not None or waits_inside(found.phases)


@dataclass
class _ModuleText:
    plan: Plan
    comments: bool
    texts: list[str] = field(default_factory=list)
    launches: list[Launch] = field(default_factory=list)
    scratch: list[Scratch] = field(default_factory=list)
    routines: set[str] = field(default_factory=set)
    numbered: tuple[str, ...] = ()  # variables of the loops in order around the phase
    deterministic: bool = False
    marked: bool = False
    firsts: list[int] = field(default_factory=list)

    def kernel(self, kernel: Kernel, found: Schedule) -> None:
        self.firsts.append(len(self.launches))
        if runs_on_host(kernel, found):
            self._launch(Launch("host", {}, host=kernel.name))
            return
        self.scratch += found.scratch
        for k, phase in enumerate(found.phases):
            self._phase(f"{kernel.name}_{k}", kernel, phase)

    def _phase(self, name: str, kernel: Kernel, phase: Phase) -> None:
        match phase:
            case MapPhase():
                self._map(name, kernel, phase)
            case Reduce():
                text = self._text(name, kernel, phase, "thread")
                self.texts.append(text.reduce(phase))
                outputs = size_product(n for _, n in phase.outer)
                terms = size_product(n for _, n in phase.reduced)
                self._launch(Launch(
                    "reduce", {"thread": (name, THREADS)}, outputs, (terms,), len(phase.accs),
                    along=phase.contiguous_terms,
                ))  # fmt: skip
            case Once():
                self.texts.append(self._text(name, kernel, phase, "thread").once(phase))
                self._launch(Launch("once", {"thread": (name, 32)}))
            case InOrder():
                self._in_order(name, kernel, phase)
            case Routine(call):
                self._routine(name, kernel, phase, call)

    def _map(self, name: str, kernel: Kernel, phase: MapPhase) -> None:
        groups = ["thread"]
        if phase.inner:
            static = all(isinstance(n, int) and n <= 64 for n in phase.inner)
            groups = ["thread", "warp"] if static else ["thread", "warp", "block"]
        kernels = {}
        staged = False
        for group in groups:
            label = name if len(groups) == 1 else f"{name}_{group}"
            text = self._text(label, kernel, phase, group)
            self.texts.append(text.map(phase))
            kernels[group] = (label, text.block)
            staged = staged or bool(text.tiles)
        slots = len(phase.accs) + sum(private.count for private in phase.privates)
        iterations = size_product(n for _, n in phase.loops)
        slots += bool(phase.after)
        self._launch(Launch("map", kernels, iterations, phase.inner, slots, staged=staged))

    def _routine(self, name: str, kernel: Kernel, phase: Routine, call: Call) -> None:
        if not call.device:
            self._launch(Launch("host", {}, call=call))
            return
        self.routines.add(call.routine)
        if call.routine in GEMM:
            self._launch(Launch("product", {}, call=call))
            return
        batch, *sizes = call.numbers
        kernels = {}
        for group in ("warp", "block"):
            label = f"{name}_{group}"
            self.texts.append(self._text(label, kernel, phase, group).routine(call, "grid"))
            kernels[group] = (label, THREADS)
        for stage in CHUNKED_STAGES.get(call.routine, ()):
            label = f"{name}_{stage}"
            self.texts.append(self._text(label, kernel, phase, "block").routine(call, stage))
            kernels[stage] = (label, THREADS)
        self._launch(Launch("routine", kernels, batch, tuple(sizes), call=call))

    def _in_order(self, name: str, kernel: Kernel, phase: InOrder) -> None:
        kernels = {}
        for group in () if phase.alone else groups_for(phase):
            label = f"{name}_{group}"
            text = self._text(label, kernel, phase, group)
            self.texts.append(text.in_order(phase))
            self.routines |= text.routines
            kernels[group] = (label, GROUP_THREADS[group])
        found = Launch("group", kernels, inner=phase.work)
        steps = phase.steps
        if steps is not None:
            first = self._inner(f"{name}_start", kernel, steps.first, self.numbered)
            each = self._inner(f"{name}_step", kernel, steps.phases, (*self.numbered, steps.var))
            found = replace(found, first=first, each=each, extent=steps.extent)
        self._launch(found)

    def _inner(
        self, name: str, kernel: Kernel, phases: Sequence[Phase], numbered: tuple[str, ...]
    ) -> tuple[Launch, ...]:
        """The launches of the phases of a step."""
        outer, self.launches = self.launches, []
        around, self.numbered = self.numbered, numbered
        for k, phase in enumerate(phases):
            self._phase(f"{name}{k}", kernel, phase)
        found, self.launches, self.numbered = tuple(self.launches), outer, around
        return found

    def _launch(self, launch: Launch) -> None:
        self.launches.append(replace(launch, numbered=self.numbered))

    def _text(self, name: str, kernel: Kernel, phase: Phase, group: str) -> _PhaseText:
        return _PhaseText(
            plan=self.plan, name=name, kernel=kernel, phase=phase, group=group,
            comments=self.comments, scratch=self.scratch, numbered=self.numbered,
            deterministic=self.deterministic and isinstance(phase, InOrder),
            locals=dict.fromkeys(self.numbered, "int64_t"),
            within=kernel.name if self.marked else "",
        )  # fmt: skip

    def module(self) -> CudaModule:
        plan = self.plan
        parts = [HEAD, headers_of(self.routines)]
        parts.append(
            "/* What every kernel is given: buffers, sizes, memory shared by phases, partial folds,"
            "\n * counters of blocks, and where a failed check leaves its number. */\n"
            + arguments(len(plan.buffers), len(plan.sizes), len(self.scratch)).declaration
            + "\n"
        )
        return CudaModule("".join(parts) + "\n".join(self.texts), tuple(self.launches),
                      tuple(self.scratch), tuple(self.firsts))  # fmt: skip


@dataclass(kw_only=True)
class _PhaseText(FinishText):
    """Writes the kernel of one phase."""

    name: str
    kernel: Kernel
    phase: Phase
    scratch: Sequence[Scratch]
    numbered: tuple[str, ...] = ()
    tiles: Mapping[str, Tile] = field(default_factory=dict)
    pack: Mapping[str, str] = field(default_factory=dict)  # buffer -> its pack, in a packed loop

    # Frames.

    def _frame(self, extra: str = "") -> str:
        """The kernel's head and buffers, and the lines written so far as its body."""
        bounds = str(self.block)
        if self.tiles and self.few_sums:
            bounds += f", {TILE_BLOCKS_PER_MULTIPROCESSOR}"
        numbers = "".join(f", const long long {name}" for name in self.numbered)
        head = [
            f'extern "C" __global__ void __launch_bounds__({bounds})',
            f"{self.name}(const __grid_constant__ pt_args a{numbers}{extra})",
            "{",
        ]
        head += self._buffers()
        if any("n[" in line for line in self.lines):
            head.append("    const long long *const n = a.n;")
        if self.checks:
            head.append("    int *const status = a.status;")
        if any("g." in line or "(g," in line for line in self.lines):
            head.append(f"    const {GROUPS[self.group]} g = {{}};")
        return self._finished("\n".join([*head, *self.lines, "}", ""]))

    @property
    def few_sums(self) -> bool:
        """Whether the sums of a thread fit in its registers with several resident blocks."""
        sums = len(self.phase.accs) + sum(private.count for private in self.phase.privates)
        return sums <= MAX_TILED_SUMS

    def _buffers(self) -> list[str]:
        phase = self.phase
        found = [buffer for stmt in statements(phase) for buffer in buffers_of(stmt)]
        for stmt in walk(statements(phase)):
            if isinstance(stmt, For):
                found += [b for acc in stmt.accs for b in loads_of(acc.term)]
        for acc in getattr(phase, "accs", ()):
            found += loads_of(acc.term)
        written = {b for stmt in statements(phase) for b in writes(stmt)}
        lines = []
        sources = {b.name: (f"a.b[{k}]", b.dtype) for k, b in enumerate(self.plan.buffers)}
        sources |= {s.name: (f"a.s[{k}]", s.dtype) for k, s in enumerate(self.scratch)}
        for name in dict.fromkeys(found):
            source, dtype = sources[name]
            mode = "out" if name in written else "in"
            const = "" if mode == "out" else "const "
            kind = f"({const}{c_type(dtype)} *)"
            lines.append(f"    const pt_{mode}_{dtype} {name} = {kind} {source};")
        return lines

    def _before(self, stmts: Sequence[Stmt]) -> None:
        for stmt in stmts:
            self.thread_stmt(stmt, 1)

    # Phases.

    def once(self, phase: Once) -> str:
        self.line(1, "if (threadIdx.x != 0)")
        self.line(2, "return;")
        self._before((*phase.before, *phase.body))
        return self._frame()

    def in_order(self, phase: InOrder) -> str:
        self.block = GROUP_THREADS[self.group]
        if self.group == "thread":
            self.line(1, "if (threadIdx.x != 0)")
            self.line(2, "return;")
        self.group_body(phase.body, 1)
        return self._frame()

    def routine(self, call: Call, stage: str) -> str:
        self.line(1, f"{call.routine}_{stage}(g, {self._arguments(call)});")
        return self._frame()

    def map(self, phase: MapPhase) -> str:
        self.private = {private.buffer: private for private in phase.privates}
        self.lane_variables = frozenset({v for v, n in phase.loops if n != 1} | {phase.flat})
        self._before(phase.before)
        self.open_accs(phase.accs, 1)
        for private in phase.privates:
            self.open_private_copy(private, 1)
        alone = self.group == "thread"
        self.tiles = tiles(phase, self.plan, self.kernel) if alone else {}
        width = packed(phase, self.dtypes()) if alone else 0
        if self.tiles:
            self._tiled(phase)
        elif width:
            self._packs(phase, width)
        else:
            self._plain_map(phase, "g.index()")
        self.finish(phase)
        return self._frame()

    def dtypes(self) -> dict[str, str]:
        """The dtype of each buffer, shared memory included."""
        found = {b.name: b.dtype for b in self.plan.buffers}
        return found | {s.name: s.dtype for s in self.scratch}

    def _plain_map(self, phase: MapPhase, start: str) -> None:
        self.open_loop(phase.flat, phase.loops, 1, start, "g.count()")
        self._iteration(phase, 2)
        self.line(1, "}")

    def _iteration(self, phase: MapPhase, depth: int) -> None:
        """One iteration: its variables, its statements, its terms of the folds."""
        if len(phase.loops) > 1:
            used = self.used_in(phase.body, phase.accs)
            self.unpack(phase.loops, phase.flat, used, depth)
        body, last = phase.body, ()
        if body and isinstance(body[-1], Sync):  # synchronize after accumulating
            body, last = body[:-1], body[-1:]
        self.group_body(body, depth)
        self.accumulate(phase.accs, size_product(n for _, n in phase.loops), depth)
        self.group_body(last, depth)

    # Rows of a matrix through shared memory: read once, coalesced.

    def _tiled(self, phase: MapPhase) -> None:
        self.block = tile_rows(self.tiles)
        threads, total = self.block, self.product(phase.loops)
        for tile in self.tiles.values():
            size = threads * tile.padded
            kind = f"__shared__ __align__(16) {c_type(tile.dtype)}"
            self.line(1, f"{kind} tile_{tile.buffer}[{size}];")
            self.names[tile.buffer] = f"tile_{tile.buffer}"
        self.line(1, f"for (int64_t base = (int64_t) blockIdx.x * {threads}; base < {total};")
        self.line(1, f"     base += (int64_t) gridDim.x * {threads}) {{")
        self.line(2, f"const int here = {total} - base < {threads} ? {total} - base : {threads};")
        self.line(2, "__syncthreads();")
        for tile in self.tiles.values():
            self.line(2, f"pt_send_rows<{threads}, {tile.stride}, {tile.padded}>("
                         f"tile_{tile.buffer}, {tile.buffer} + base * {tile.stride}, here, "
                         f"a.aligned);")  # fmt: skip
        self.line(2, "pt_arrived();")
        self.line(2, "__syncthreads();")
        self.line(2, f"const int64_t {phase.flat} = base + threadIdx.x;")
        self.locals[phase.flat] = "int64_t"
        self.line(2, "if (threadIdx.x < here) {")
        self._iteration(phase, 3)
        self.line(2, "}")
        self.line(1, "}")
        self.names.clear()

    def _load(self, buffer: str, index: Size) -> str:
        tile = self.tiles.get(buffer)
        if tile is not None:
            rest = index - Dim.name(tile.var) * tile.stride
            offset = self._index(rest)
            element = f"threadIdx.x * {tile.padded}" + ("" if offset == "0" else f" + {offset}")
            return f"tile_{buffer}[{element}]"
        if buffer in self.pack and index == Dim.name(self.phase.flat):
            return f"{self.pack[buffer]}.v[k]"
        return super()._load(buffer, index)

    # Elements in packs.

    def _packs(self, phase: MapPhase, width: int) -> None:
        flat, dtypes = phase.flat, self.dtypes()
        loads, stores = _unit_accesses(phase)
        total = self.product(phase.loops)
        self.locals[flat] = "int64_t"
        self.line(1, f"const int64_t whole = a.aligned ? ({total}) / {width} * {width} : 0;")
        self.line(1, f"for (int64_t first = g.index() * {width}; first < whole;")
        self.line(1, f"     first += g.count() * {width}) {{")
        for name in loads:
            kind = f"pt_span<{c_type(dtypes[name])}, {width}>"
            self.line(2, f"const {kind} in_{name} = *(const {kind} *) ({name} + first);")
        for name in stores:
            self.line(2, f"pt_span<{c_type(dtypes[name])}, {width}> out_{name};")
        self.pack = {name: f"in_{name}" for name in loads}
        self.pack |= {name: f"out_{name}" for name in stores}
        self.line(2, "#pragma unroll")
        self.line(2, f"for (int k = 0; k < {width}; k++) {{")
        self.line(3, f"const int64_t {flat} = first + k;")
        self._iteration(phase, 3)
        self.line(2, "}")
        self.pack = {}
        for name in stores:
            kind = f"pt_span<{c_type(dtypes[name])}, {width}>"
            self.line(2, f"*({kind} *) ({name} + first) = out_{name};")
        self.line(1, "}")
        self._plain_map(phase, "whole + g.index()")

    def _store(self, store: Store, depth: int) -> None:
        if store.buffer in self.pack:
            self.comment(depth, store.origin)
            self.line(depth, f"{self.pack[store.buffer]}.v[k] = {self._expr(store.expr)};")
            return
        super()._store(store, depth)

    # One fold for each output element.

    def reduce(self, phase: Reduce) -> str:
        self._before(phase.before)
        kept, terms = self.product(phase.outer), self.product(phase.reduced)
        along = phase.contiguous_terms
        self.line(1, "const int place = threadIdx.x " + ("/ d.terms;" if along else "% d.places;"))
        self.line(1, "const int term = threadIdx.x " + ("% d.terms;" if along else "/ d.places;"))
        self.line(1, "const int64_t tile = blockIdx.x / d.chunks, chunk = blockIdx.x % d.chunks;")
        self.line(1, f"const int64_t kept = tile * d.places + place, count = {kept};")
        self.locals |= {"kept": "int64_t", "each": "int64_t"}
        self.open_accs(phase.accs, 1)
        self.line(1, "if (kept < count) {")
        shared = (*phase.head, *phase.body, *(Let(a.name, a.term) for a in phase.accs))
        self.unpack(phase.outer, "kept", self.used_in(shared, ()), 2)
        for stmt in phase.head:
            self.thread_stmt(stmt, 2)
        self.line(2, f"for (int64_t each = chunk * d.terms + term; each < {terms};")
        self.line(2, "     each += (int64_t) d.terms * d.chunks) {")
        if len(phase.reduced) > 1:
            self.iteration(phase.reduced, "each", phase.body, phase.accs, 3)
        else:
            self._single(phase)
        self.line(2, "}")
        self.line(1, "}")
        self._close_reduce(phase)
        return self._frame(", const __grid_constant__ pt_split d")

    def _single(self, phase: Reduce) -> None:
        name = phase.reduced[0][0]
        self.locals[name] = "int64_t"
        self.line(3, f"const int64_t {name} = each;")
        for stmt in phase.body:
            self.thread_stmt(stmt, 3)
        self.accumulate(phase.accs, size_product(n for _, n in phase.reduced), 3)

    def _close_reduce(self, phase: Reduce) -> None:
        for acc in phase.accs:
            self._split_fold(acc, 1)
        self.line(1, "if (d.chunks > 1) {")
        for k, acc in enumerate(phase.accs):
            kind = ACCUMULATOR_TYPES[register_kind(acc.term.dtype)]
            self.line(2, f"{kind} *const part{k} = ({kind} *) a.partial + "
                         f"(size_t) {k} * d.chunks * count;")  # fmt: skip
            self.line(2, "if (term == 0 && kept < count)")
            self.line(3, f"part{k}[chunk * count + kept] = {acc.name};")
        self.line(2, "if (!pt_last(a.counters + tile, d.chunks))")
        self.line(3, "return;")
        for k, acc in enumerate(phase.accs):
            dtype = acc.term.dtype
            self.line(2, f"{acc.name} = {self._literal(acc.identity, dtype)};")
            self.line(2, "for (int j = term; j < d.chunks && kept < count; j += d.terms)")
            other = f"(({local_type(dtype)}) part{k}[j * count + kept])"
            joined = self._apply(FOLDS[acc.op].symbol, [acc.name, other], dtype)
            self.line(3, f"{acc.name} = {joined};")
            self._split_fold(acc, 2)
        self.line(1, "}")
        self.line(1, "if (term == 0 && kept < count) {")
        used = self.used_in((*phase.head, *phase.each), ())
        self.unpack(phase.outer, "kept", used, 2)
        read = {name for stmt in phase.each for name in self.used_in((stmt,), ())}
        for stmt in phase.head:
            if isinstance(stmt, Let) and _reaches(stmt, phase.head, read):
                self.thread_stmt(stmt, 2)
        for stmt in phase.each:
            self.thread_stmt(stmt, 2)
        self.line(1, "}")

    def _split_fold(self, acc: Acc, depth: int) -> None:
        letter = register_kind(acc.term.dtype)
        op, kind = FOLDS[acc.op].integer, local_type(acc.term.dtype)
        value = f"pt_split_{op}_{letter}(({ACCUMULATOR_TYPES[letter]}) {acc.name}, term, d)"
        self.line(depth, f"{acc.name} = ({kind}) {value};")


def _reaches(let: Let, head: Sequence[Stmt], read: set[str]) -> bool:
    """Whether a scalar is read, directly or through others."""
    needed = set(read)
    for stmt in reversed(head):
        if isinstance(stmt, Let) and stmt.name in needed:
            for part in walk_expr(stmt.expr):
                needed |= {getattr(part, "name", "")}
                if isinstance(part, Load):
                    needed |= size_names(part.index)
    return let.name in needed


def _unit_accesses(phase: MapPhase) -> tuple[list[str], list[str]]:
    """Buffers read, and written, at the flat index of the iteration."""
    loads: dict[str, None] = {}
    stores: dict[str, None] = {}
    flat = Dim.name(phase.flat)
    exprs = [e for stmt in phase.body for e in exprs_of(stmt)] + [a.term for a in phase.accs]
    for expr in exprs:
        for part in walk_expr(expr):
            if isinstance(part, Load) and part.index == flat:
                loads[part.buffer] = None
    for stmt in phase.body:
        if isinstance(stmt, Store):
            stores[stmt.buffer] = None
    return list(loads), list(stores)
