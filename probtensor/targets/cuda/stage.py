"""Coalesced reads by the threads of a block: packs of 16 bytes, or rows through shared memory."""

from __future__ import annotations

from collections.abc import Mapping

from probtensor.dataclass import dataclass
from probtensor.kernel.ir import (
    Check,
    For,
    Kernel,
    Let,
    Load,
    Stmt,
    Store,
    blocks,
    exprs_of,
    walk,
    walk_expr,
)
from probtensor.kernel.touch import names_set
from probtensor.kernel.touch import writes_of as writes
from probtensor.lower.plan import Plan
from probtensor.schedule.grid.phases import MapPhase
from probtensor.types import Dim, Size, dtype_of, size_names, size_substitute

MIN_ROW_ELEMENTS, MAX_ROW_ELEMENTS = 3, 48  # of a row in shared memory
SHARED_MEMORY_BYTES = 40 << 10  # for rows
TILE_ROWS = (128, 64)  # one a thread: the larger that fits


@dataclass(frozen=True)
class Tile:
    """Rows of `stride` elements of a buffer, one for each iteration of `var`."""

    buffer: str
    dtype: str
    var: str
    stride: int

    @property
    def padded(self) -> int:
        """Row stride in shared memory: odd, so that threads use different banks."""
        return self.stride | 1


def tiles(phase: MapPhase, plan: Plan, kernel: Kernel) -> dict[str, Tile]:
    """The buffers of which each iteration reads only its own short row, by name."""
    if len(phase.loops) != 1:
        return {}
    var = phase.loops[0][0]
    extents = {s.var: s.extent for s in walk(phase.body) if isinstance(s, For)}
    written = {b for stmt in kernel.body for b in writes(stmt)}
    dtypes = {b.name: b.dtype for b in plan.buffers}
    found: dict[str, Tile | None] = {}
    for load in _loads(phase):
        stride = _row_stride(load.index, var, extents)
        fits = stride is not None and load.buffer not in written and load.buffer in dtypes
        tile = Tile(load.buffer, load.dtype, var, stride) if fits else None
        found[load.buffer] = tile if found.get(load.buffer, tile) == tile else None
    tiled = {name: tile for name, tile in found.items() if tile is not None}
    return tiled if tile_rows(tiled) else {}


def tile_rows(found: Mapping[str, Tile]) -> int:
    """How many rows of each buffer fit in shared memory; 0 if too few."""
    each = sum(tile.padded * dtype_of(tile.dtype).bytes for tile in found.values())
    return next((rows for rows in TILE_ROWS if rows * each <= SHARED_MEMORY_BYTES), 0)


def _row_stride(index: Size, var: str, extents: Mapping[str, Size]) -> int | None:
    """The stride of an access between iterations, if each accesses only its own row."""
    if not isinstance(index, Dim):
        return None
    strides = [f for atoms, f in index.terms if [a.name for a in atoms] == [var]]
    if not strides or not MIN_ROW_ELEMENTS <= strides[0] <= MAX_ROW_ELEMENTS:
        return None
    rest = index - Dim.name(var) * strides[0]
    if size_names(rest) - extents.keys() or not all(
        isinstance(extents[name], int) for name in size_names(rest)
    ):
        return None
    highest = size_substitute(rest, {name: extents[name] - 1 for name in size_names(rest)})
    lowest = size_substitute(rest, dict.fromkeys(size_names(rest), 0))
    if not (isinstance(highest, int) and isinstance(lowest, int)):
        return None
    within = lowest >= 0 and 0 <= highest < strides[0]
    return strides[0] if within and (rest == 0 or _rises(rest)) else None


def _rises(index: Size) -> bool:
    return not isinstance(index, Dim) or all(
        factor > 0 and not any(a.args for a in atoms) for atoms, factor in index.terms
    )


def packed(phase: MapPhase, dtypes: Mapping[str, str]) -> int:
    """Elements of a pack that a thread loads and stores at once; 0 for none.

    Accesses of other strides, such as a broadcast row, are not packed; if there are no others, keep
    one element per thread (coalesced)."""
    if phase.privates or any(blocks(s) or isinstance(s, Check) for s in phase.body):
        return 0
    flat = Dim.name(phase.flat)
    computed = {name for stmt in phase.body for name in names_set(stmt)}
    unit: set[str] = set()
    scattered = False
    for load in _loads(phase):
        if load.index == flat:
            unit.add(load.buffer)
        elif size_names(load.index) & ({v for v, _ in phase.loops} | {phase.flat}) - computed:
            scattered = True
    if scattered and not unit:
        return 0
    stored = [stmt for stmt in phase.body if isinstance(stmt, Store)]
    if any(s.op is not None or s.index != flat for s in stored):
        return 0
    buffers = unit | {s.buffer for s in stored}
    read = {load.buffer for load in _loads(phase)}
    if not buffers or read & {s.buffer for s in stored}:
        return 0
    return 4 if any(dtype_of(dtypes[b]).bytes <= 4 for b in buffers) else 2


def _loads(phase: MapPhase) -> list[Load]:
    stmts: list[Stmt] = list(walk(phase.body))
    exprs = [e for stmt in stmts for e in exprs_of(stmt)] + [a.term for a in phase.accs]
    exprs += [s.expr for s in stmts if isinstance(s, Let)]
    return [part for e in exprs for part in walk_expr(e) if isinstance(part, Load)]
