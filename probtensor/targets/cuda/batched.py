"""A plan as one device function, run for each row of some inputs: many chains in one launch.

A group of threads (one, a warp or a block) runs all kernels of the plan for its row. Some inputs
and all outputs have a value for each row; all other buffers are shared. Kernels of a sampler may
follow the function in the module, and call it as `pt_density`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence

from probtensor import device
from probtensor.dataclass import dataclass, field
from probtensor.device import Driver, Image, LaunchQueue
from probtensor.kernel.ir import Call, For, Stmt, Store, blocks
from probtensor.kernel.touch import writes_of as writes
from probtensor.lower.memory import layout
from probtensor.lower.plan import Buffer, Plan
from probtensor.schedule.carry import as_loops
from probtensor.schedule.grid.nests import nest
from probtensor.schedule.group.columns import in_columns
from probtensor.schedule.group.syncs import with_syncs
from probtensor.targets.base import require_device_routines
from probtensor.targets.cuda.arguments import shared_data
from probtensor.targets.cuda.group import GroupText, headers_of
from probtensor.targets.spell import c_type
from probtensor.types import Size, size_names, size_product, size_value

HEAD = """\
#include "pt_random.h"
#include "pt_group.cuh"
#include "pt_atomic.cuh"
#include "pt_float.cuh"
"""
TYPES = {"thread": "pt_thread", "warp": "pt_warp", "block": "pt_block"}
BLOCK_THREADS = {"thread": 128, "warp": 128, "block": 256}
MAX_LOCAL_ELEMENTS = 64  # of a temporary in thread-local memory
THREAD_MAX_TERMS, WARP_MAX_TERMS = 64, 2048  # of the longest loop for a group of that size
MAX_BLOCKS_PER_MULTIPROCESSOR = 32  # of a launch
ROW_ALIGNMENT_BYTES = 64  # of a row's workspace and its parts


@dataclass(frozen=True)
class DensityProgram:
    """The positions in a plan's buffers of the point, the log density and its gradient."""

    q: int
    logp: int
    gradient: int


@dataclass
class BatchedProgram:
    """A plan over rows, loaded on the device.

    group       "thread", "warp" or "block", which runs the plan for one row
    threads     of a group
    work_bytes  workspace of each group, aligned to 64 bytes
    """

    plan: Plan
    rows: tuple[int, ...]
    sizes: tuple[int, ...]
    group: str
    source: str
    module: Image
    driver: Driver
    work_bytes: int
    offsets: tuple[int, ...]
    row_sizes: Mapping[int, int] = field(default_factory=dict)

    @property
    def threads(self) -> int:
        """Threads of a group."""
        return {"thread": 1, "warp": 32, "block": BLOCK_THREADS["block"]}[self.group]

    @property
    def may_fail(self) -> bool:
        """Whether a status has to be read after a call."""
        return bool(self.plan.failures)

    def shape(self, rows: int) -> tuple[int, int]:
        """(blocks, threads of a block) for so many rows; blocks are small enough for all
        multiprocessors to have work."""
        block = max(32, self.threads)
        threads_needed = rows * self.threads
        enough = 2 * self.driver.multiprocessors  # times the size of a block
        while 2 * block <= BLOCK_THREADS[self.group] and threads_needed > enough * block:
            block *= 2
        max_grid = MAX_BLOCKS_PER_MULTIPROCESSOR * self.driver.multiprocessors
        return max(1, min(-(-threads_needed // block), max_grid)), block

    def groups(self, rows: int) -> int:
        """How many groups, and so workspaces, `enqueue` uses for so many rows."""
        grid, block = self.shape(rows)
        return grid * block // self.threads

    def data_bytes(self, pointers: Sequence[int]) -> bytes:
        """The bytes of `pt_data`. `pointers`: addresses in the order of the plan's buffers; those
        of row buffers and temporaries are not used."""
        layout = shared_data(len(pointers), len(self.sizes), len(self.offsets))
        return layout.pack(
            {"b": pointers or (0,), "n": self.sizes or (0,), "o": self.offsets or (0,)}
        )

    def enqueue(
        self,
        pointers: Sequence[int],
        rows: int,
        work: int,
        status: int,
        stream: LaunchQueue | None = None,
    ) -> None:
        """Queue the plan for all rows. `pointers`: device addresses in the order of the plan's
        buffers; those of row inputs and of outputs are of arrays [rows, ...]. `work`: memory of
        `groups(rows) * work_bytes` bytes; `status`: an int32 that failures set."""
        if rows <= 0:
            return
        row_buffers = _row_buffers(self.plan, self.rows)
        packed = self.data_bytes(pointers)
        packed += struct.pack(f"{len(row_buffers)}Q", *(pointers[k] for k in row_buffers))
        packed += struct.pack("qQqQ", rows, work, self.work_bytes, status)
        grid, block = self.shape(rows)
        self.driver.launch(self.module.function("pt_rows"), grid, block, 0, packed, stream)


def batched_program(
    plan: Plan,
    rows: Sequence[int],
    sizes: Sequence[int],
    *,
    group: str | None = None,
    tail: str = "",
    density: DensityProgram | None = None,
) -> BatchedProgram:
    """The program that runs a plan for each row of the buffers `rows`, built for the device.

    sizes    the values of the plan's sizes
    group    "thread", "warp" or "block" for each row; by the length of loops if None
    tail     text after the plan's function, such as kernels of a sampler
    density  defines `pt_density(g, data, q, grad, work, status)` and PT_DIM for `tail`

    BuildError for a routine that a GPU has not.
    """
    require_device_routines(plan)
    values = {s.name: n for s, n in zip(plan.sizes, sizes, strict=True)}
    group = group or _group_for(plan, values)
    writer = _BatchedText(plan=plan, rows=tuple(rows), group=group)
    source = writer.module(density, tail)
    total, offsets = layout(plan, values)
    temps = [k for k in plan.lifetimes if k not in writer.thread_local]
    driver = device.driver()
    return BatchedProgram(
        plan=plan,
        rows=tuple(rows),
        sizes=tuple(sizes),
        group=group,
        source=source,
        module=driver.module(driver.compile(source)),
        driver=driver,
        # The first aligned part is the log density, which is shared by all lanes of a group.
        work_bytes=ROW_ALIGNMENT_BYTES + (total if temps else 0),
        offsets=tuple(ROW_ALIGNMENT_BYTES + offsets[k] for k in temps),
    )


def _row_buffers(plan: Plan, rows: Sequence[int]) -> list[int]:
    """Buffers that have a value for each row: the given inputs, then all outputs."""
    return [*rows, *(k for k, b in enumerate(plan.buffers) if b.role == "output")]


def _group_for(plan: Plan, values: Mapping[str, int]) -> str:
    """The group for the length of the longest loop: a thread for small models."""
    found = (_terms(stmt, values) for k in plan.kernels for stmt in _shared(k.body))
    longest = max(found, default=0)
    if longest <= THREAD_MAX_TERMS:
        return "thread"
    return "warp" if longest <= WARP_MAX_TERMS else "block"


def _shared(body: Sequence[Stmt]) -> Iterator[Stmt]:
    """The statements that the threads of a group run together: those of branches and of loops in
    order included."""
    for stmt in body:
        yield stmt
        if not isinstance(stmt, For):
            for inner in blocks(stmt):
                yield from _shared(inner)


def _terms(stmt: Stmt, values: Mapping[str, int]) -> int:
    """The iterations of a loop that a group divides, or the size of a routine. A length that is
    computed counts as one."""

    def value(size: Size) -> int:
        return size_value(size, values) if size_names(size) <= values.keys() else 1

    match stmt:
        case For():
            loops, _, _ = nest(stmt)
            return value(size_product(n for _, n in loops))
        case Call():
            numbers = list(map(value, stmt.numbers))
            return max(*numbers, *(n * n for n in numbers[1:3]))
    return 0


@dataclass(kw_only=True)
class _BatchedText(GroupText):
    """Writes the plan's function and its kernel."""

    rows: tuple[int, ...]
    thread_local: dict[int, Buffer] = field(default_factory=dict)  # temporaries

    def module(self, density: DensityProgram | None, tail: str) -> str:
        plan = self.plan
        for k in plan.lifetimes:
            buffer = plan.buffers[k]
            count = size_product(buffer.shape)
            small = isinstance(count, int) and count <= MAX_LOCAL_ELEMENTS
            if small and (self.group == "thread" or self._is_replicated(buffer.name)):
                self.thread_local[k] = buffer
        shared = self.group != "thread"
        if shared:
            self.replicated = {buffer.name for buffer in self.thread_local.values()}
        for kernel in plan.kernels:
            self.line(1, "{")
            body = as_loops(in_columns(kernel.body))
            self.group_body(with_syncs(body, self.replicated) if shared else body, 2)
            self.line(1, "}")
        function = self._function()
        parts = [HEAD, headers_of(self.routines)]
        parts.append(f"typedef {TYPES[self.group]} pt_chain;\n")
        if density is not None:
            parts.append(f"#define PT_DIM {size_product(plan.buffers[density.q].shape)}\n")
        temps = len(plan.lifetimes) - len(self.thread_local)
        parts.append(
            "\n/* What all rows share: buffers, sizes, places of temporaries in a workspace. */\n"
            + shared_data(len(plan.buffers), len(plan.sizes), temps).declaration
            + "\n"
        )
        parts += [function, self._kernel()]
        if density is not None:
            parts.append(self._density(density))
        return "".join(parts) + tail

    def _is_replicated(self, name: str) -> bool:
        """Whether only scalars, which every lane computes, are stored to a temporary."""
        for kernel in self.plan.kernels:
            for stmt in _shared(kernel.body):
                if isinstance(stmt, Store) and stmt.buffer == name and stmt.op is not None:
                    return False
                if isinstance(stmt, Call) and any(name == buffer for buffer, _ in stmt.pointers):
                    return False
                if isinstance(stmt, For) and name in writes(stmt):
                    return False
        return True

    def _parameters(self) -> list[tuple[str, str]]:
        """(type, name) of the buffers that have a value for each row."""
        plan = self.plan
        found = []
        for k in _row_buffers(plan, self.rows):
            buffer = plan.buffers[k]
            const = "const " if buffer.role == "input" else ""
            found.append((f"{const}{c_type(buffer.dtype)} *", buffer.name))
        return found

    def _function(self) -> str:
        plan = self.plan
        row_buffers = set(_row_buffers(plan, self.rows))
        used = {name for kernel in plan.kernels for name in (*kernel.reads, *kernel.writes)}
        row = [f"{kind}{name}" for kind, name in self._parameters()]
        lines = [
            "static __device__ void pt_plan(",
            "    const pt_chain &g, const pt_data &data, char *work, int *status,",
            "    " + ", ".join(row) + ")",
            "{",
            "    const long long *const n = data.n;",
        ]
        offset = 0
        for k, buffer in enumerate(plan.buffers):
            kind, name = c_type(buffer.dtype), buffer.name
            if k in self.thread_local:
                lines.append(f"    {kind} {name}[{max(1, size_product(buffer.shape))}];")
            elif buffer.role == "temp":
                lines.append(f"    {kind} *const {name} = ({kind} *) (work + data.o[{offset}]);")
                offset += 1
            elif k not in row_buffers and name in used:
                lines.append(
                    f"    const pt_in_{buffer.dtype} {name} = (const {kind} *) data.b[{k}];"
                )
        return "\n".join([*lines, *self.lines, "}", ""])

    def _kernel(self) -> str:
        arrays, values = [], []
        for (kind, name), k in zip(
            self._parameters(), _row_buffers(self.plan, self.rows), strict=True
        ):
            arrays.append(f"{kind}{name}")
            size = self._index(size_product(self.plan.buffers[k].shape))
            values.append(f"{name} + row * ({size})")
        return "\n".join((
            "",
            f'extern "C" __global__ void __launch_bounds__({BLOCK_THREADS[self.group]})',
            f"pt_rows(const __grid_constant__ pt_data data, {', '.join(arrays)},",
            "        long long rows, char *work, long long work_bytes, int *status)",
            "{",
            "    const pt_chain g = {};",
            "    const long long *const n = data.n;",
            "    for (long long row = g.index(); row < rows; row += g.count())",
            "        pt_plan(g, data, work + g.index() * work_bytes, status,",
            f"                {', '.join(values)});",
            "}",
            "",
        ))  # fmt: skip

    def _density(self, density: DensityProgram) -> str:
        names = {density.q: "q", density.gradient: "grad", density.logp: "logp"}
        given = ", ".join(names[k] for k in _row_buffers(self.plan, self.rows))
        declaration = "double value, *const logp = &value;"
        if self.group != "thread":
            declaration = "double *const logp = (double *) work;"
        return "\n".join((
            "",
            "static __device__ double pt_density(const pt_chain &g, const pt_data &data,",
            "                                    const double *q, double *grad, char *work,",
            "                                    int *status)",
            "{",
            f"    {declaration}",
            f"    pt_plan(g, data, work, status, {given});",
            "    g.sync();",
            "    const double found = *logp;",
            "    g.sync();",
            "    return found;",
            "}",
            "",
        ))  # fmt: skip
