"""The end of a launch: values are reduced across all threads, and the results used once."""

from __future__ import annotations

from collections.abc import Sequence

from probtensor.dataclass import dataclass, replace
from probtensor.kernel.ir import FOLDS, Acc
from probtensor.schedule.grid.phases import MapPhase, PrivateCopy
from probtensor.targets.cuda.group import ACCUMULATOR_TYPES, GroupText
from probtensor.targets.spell import c_type, local_type, register_kind

THREADS = 256


@dataclass(kw_only=True)
class FinishText(GroupText):
    """Writes the end of a kernel with `block` threads a block: values are reduced across a warp by
    shuffles, across a block through shared memory, then stored; the last block to arrive reduces
    those of all blocks in a fixed order."""

    block: int = THREADS

    def finish(self, phase: MapPhase) -> None:
        """Reduce across all threads, then run the statements that need the results."""
        if not (phase.accs or phase.privates or phase.after):
            return
        slots = _Slots(phase)
        for letter, count in slots.counts.items():
            warps = self.block // 32
            self.line(1, f"__shared__ {ACCUMULATOR_TYPES[letter]} space_{letter}[{warps * count}];")
        if slots.counts:
            self.line(1, "const int warp = threadIdx.x >> 5;")
        for slot in slots.accs:
            self._reduce_to_warp(slot, slot.name if self.group == "thread"
                        else f"g.lane() == 0 ? {slot.name} : {slot.none(self)}")  # fmt: skip
        for private, slot in slots.privates:
            self._reduce_to_warp(slot, f"own_{private.buffer}[k]", private.count)
        if slots.counts:
            self.line(1, "__syncthreads();")
        for letter, runs in slots.runs.items():
            self._reduce_to_block(letter, slots, runs)
        self.line(1, "if (!pt_last(a.counters, gridDim.x))")
        self.line(2, "return;")
        for letter, runs in slots.runs.items():
            self._reduce_blocks(letter, runs)
        if slots.counts:
            self.line(1, "__syncthreads();")
        for private, slot in slots.privates:
            self._store_private_copy(private, slot)
        if slots.privates and phase.after:
            self.line(1, "__syncthreads();")
        if phase.after:
            self._after(phase, slots)

    def _after(self, phase: MapPhase, slots: _Slots) -> None:
        self.line(1, "if (threadIdx.x == 0) {")
        for slot in slots.accs:
            kind = local_type(slot.dtype)
            self.line(2, f"{slot.name} = ({kind}) space_{slot.letter}[{slot.offset}];")
        self.private, self.lane_variables = {}, frozenset()
        for stmt in phase.after:
            self.thread_stmt(stmt, 2)
        self.line(1, "}")

    def _reduce_to_warp(self, slot: _Slot, value: str, count: int | None = None) -> None:
        """Reduce a value of each thread across its warp."""
        letter = slot.letter
        address = f"space_{letter} + warp * {slot.stride} + {slot.offset}"
        depth = 1
        if count is not None:
            self.line(1, "#pragma unroll")
            self.line(1, f"for (int k = 0; k < {count}; k++)")
            address, depth = f"{address} + k", 2
        self.line(depth, f"pt_to_warp_{slot.join}_{letter}({value}, {address});")

    def _reduce_to_block(self, letter: str, slots: _Slots, runs: Sequence[_Run]) -> None:
        """Reduce across the block, and store the result."""
        kind, stride = ACCUMULATOR_TYPES[letter], slots.counts[letter]
        self.line(1, f"{kind} *const part_{letter} = ({kind} *) a.partial + "
                     f"(size_t) {slots.offsets[letter]} * gridDim.x;")  # fmt: skip
        for run in runs:
            where = f"space_{letter}, {stride}, {run.first}, {run.end}, part_{letter}"
            self.line(1, f"pt_to_block_{run.join}_{letter}({where});")

    def _reduce_blocks(self, letter: str, runs: Sequence[_Run]) -> None:
        """Reduce the values of all blocks, by the warps of the last block, in a fixed order."""
        for run in runs:
            where = f"space_{letter}, {run.first}, {run.end}, part_{letter}"
            self.line(1, f"pt_to_all_{run.join}_{letter}({where});")

    def _store_private_copy(self, private: PrivateCopy, slot: _Slot) -> None:
        kind, name = c_type(private.dtype), private.buffer
        total = f"({kind}) space_{slot.letter}[{slot.offset} + k]"
        first = f"{name}[k]"
        if private.initial is not None:
            first = self._literal(private.initial.value, private.dtype)
            if private.initial.value == FOLDS[private.op].identity(private.dtype):
                first = ""
        joined = total
        if first:
            joined = self._apply(FOLDS[private.op].symbol, [first, total], private.dtype)
        self.line(1, f"for (int k = threadIdx.x; k < {private.count}; k += blockDim.x)")
        self.line(2, f"{name}[k] = {joined};")


@dataclass(frozen=True)
class _Slot:
    """The shared memory of a fold: type letter, operation, offset and stride of its array."""

    name: str
    dtype: str
    letter: str
    join: str
    offset: int
    stride: int

    def none(self, text: GroupText) -> str:
        return text._literal(FOLDS[self.join].identity(self.dtype), self.dtype)


@dataclass(frozen=True)
class _Run:
    """Adjacent slots with one operation."""

    join: str
    first: int
    end: int


class _Slots:
    """The layout of a phase's folds in shared memory, by accumulator type."""

    def __init__(self, phase: MapPhase) -> None:
        items = [(a, register_kind(a.term.dtype), FOLDS[a.op].integer, 1) for a in phase.accs]
        items += [(p, register_kind(p.dtype), FOLDS[p.op].integer, p.count) for p in phase.privates]
        self.counts: dict[str, int] = {}
        self.runs: dict[str, list[_Run]] = {}
        for _, letter, join, count in items:
            first = self.counts.get(letter, 0)
            self.counts[letter] = first + count
            self.runs.setdefault(letter, []).append(_Run(join, first, first + count))
        self.offsets, total = {}, 0
        for letter, count in self.counts.items():
            self.offsets[letter] = total
            total += count
        self.accs: list[_Slot] = []
        self.privates: list[tuple[PrivateCopy, _Slot]] = []
        used = dict.fromkeys(self.counts, 0)
        for item, letter, join, count in items:
            is_acc = isinstance(item, Acc)
            dtype = item.term.dtype if is_acc else item.dtype
            name = item.name if is_acc else item.buffer
            slot = _Slot(name, dtype, letter, join, used[letter], self.counts[letter])
            used[letter] += count
            if is_acc:
                self.accs.append(slot)
            else:
                self.privates.append((item, slot))
        self.runs = {letter: _merged(runs) for letter, runs in self.runs.items()}


def _merged(runs: Sequence[_Run]) -> list[_Run]:
    found: list[_Run] = []
    for run in runs:
        if found and found[-1].join == run.join:
            found[-1] = replace(found[-1], end=run.end)
        else:
            found.append(run)
    return found
