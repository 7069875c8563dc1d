"""The end of a launch: what all threads have folded is brought together, and acted on once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from probtensor.kernel.ir import FOLDS, Acc
from probtensor.schedule.grid.phases import MapPhase, Private
from probtensor.targets.cuda.group import WIDE, GroupText
from probtensor.targets.spell import c_type, local_type, register_kind

THREADS = 256


@dataclass(kw_only=True)
class FinishText(GroupText):
    """Writes the end of a kernel whose turns were dealt out to `block` threads a block: folds go
    from threads to warps by shuffles, to blocks through shared memory, to memory, and the last
    block to arrive folds those in one order."""

    block: int = THREADS

    def finish(self, phase: MapPhase) -> None:
        """Folds over all threads, and what waits for them."""
        if not (phase.accs or phase.privates or phase.after):
            return
        slots = _Slots(phase)
        for letter, count in slots.counts.items():
            warps = self.block // 32
            self.line(1, f"__shared__ {WIDE[letter]} space_{letter}[{warps * count}];")
        if slots.counts:
            self.line(1, "const int warp = threadIdx.x >> 5;")
        for slot in slots.accs:
            self._bring(slot, slot.name if self.group == "thread"
                        else f"g.lane() == 0 ? {slot.name} : {slot.none(self)}")  # fmt: skip
        for private, slot in slots.privates:
            self._bring(slot, f"own_{private.buffer}[k]", private.count)
        if slots.counts:
            self.line(1, "__syncthreads();")
        for letter, runs in slots.runs.items():
            self._partial(letter, slots, runs)
        self.line(1, "if (!pt_last(a.counters, gridDim.x))")
        self.line(2, "return;")
        for letter, runs in slots.runs.items():
            self._total(letter, runs)
        if slots.counts:
            self.line(1, "__syncthreads();")
        for private, slot in slots.privates:
            self._close_private(private, slot)
        if slots.privates and phase.after:
            self.line(1, "__syncthreads();")
        if phase.after:
            self._after(phase, slots)

    def _after(self, phase: MapPhase, slots: _Slots) -> None:
        self.line(1, "if (threadIdx.x == 0) {")
        for slot in slots.accs:
            kind = local_type(slot.dtype)
            self.line(2, f"{slot.name} = ({kind}) space_{slot.letter}[{slot.place}];")
        self.private, self.apart = {}, frozenset()
        for stmt in phase.after:
            self.thread_stmt(stmt, 2)
        self.line(1, "}")

    def _bring(self, slot: _Slot, value: str, count: int | None = None) -> None:
        """A value of each thread to one of each warp."""
        letter = slot.letter
        place = f"space_{letter} + warp * {slot.stride} + {slot.place}"
        depth = 1
        if count is not None:
            self.line(1, "#pragma unroll")
            self.line(1, f"for (int k = 0; k < {count}; k++)")
            place, depth = f"{place} + k", 2
        self.line(depth, f"pt_to_warp_{slot.join}_{letter}({value}, {place});")

    def _partial(self, letter: str, slots: _Slots, runs: Sequence[_Run]) -> None:
        """One value of each block, to memory."""
        kind, stride = WIDE[letter], slots.counts[letter]
        self.line(1, f"{kind} *const part_{letter} = ({kind} *) a.partial + "
                     f"(size_t) {slots.offsets[letter]} * gridDim.x;")  # fmt: skip
        for run in runs:
            where = f"space_{letter}, {stride}, {run.first}, {run.end}, part_{letter}"
            self.line(1, f"pt_to_block_{run.join}_{letter}({where});")

    def _total(self, letter: str, runs: Sequence[_Run]) -> None:
        """The values of all blocks, folded in one order by the warps of the last one."""
        for run in runs:
            where = f"space_{letter}, {run.first}, {run.end}, part_{letter}"
            self.line(1, f"pt_to_all_{run.join}_{letter}({where});")

    def _close_private(self, private: Private, slot: _Slot) -> None:
        kind, name = c_type(private.dtype), private.buffer
        total = f"({kind}) space_{slot.letter}[{slot.place} + k]"
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
    """Where a fold is found in shared memory: class, join, place and stride of its array."""

    name: str
    dtype: str
    letter: str
    join: str
    place: int
    stride: int

    def none(self, text: GroupText) -> str:
        return text._literal(FOLDS[self.join].identity(self.dtype), self.dtype)


@dataclass(frozen=True)
class _Run:
    """Neighbouring slots that are joined alike."""

    join: str
    first: int
    end: int


class _Slots:
    """The folds of a phase laid out by the type that they are folded in."""

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
        self.privates: list[tuple[Private, _Slot]] = []
        taken = dict.fromkeys(self.counts, 0)
        for item, letter, join, count in items:
            is_acc = isinstance(item, Acc)
            dtype = item.term.dtype if is_acc else item.dtype
            name = item.name if is_acc else item.buffer
            slot = _Slot(name, dtype, letter, join, taken[letter], self.counts[letter])
            taken[letter] += count
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
