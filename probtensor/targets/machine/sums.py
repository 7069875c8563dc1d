"""Sums that a loop accumulates in memory, in blocks (`schedule/carry.py`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from probtensor.kernel.ir import Acc, Carry, For
from probtensor.schedule.carry import (
    BLOCK,
    LANE_BLOCK,
    block,
    is_optional,
    target,
    threshold,
)
from probtensor.schedule.strips.forms import Strip
from probtensor.targets.machine.code import Label, Value
from probtensor.targets.machine.operators import element
from probtensor.targets.machine.values import Values
from probtensor.types import Size, dtype_of


class Sums(Values):
    """Encodes what a loop needs for sums in blocks. `limits` are as in `carry.in_blocks`, `counts`
    the cells that count the additions of scatters, by scratch memory."""

    limits: dict[str, int]
    counts: dict[str, int]

    def address(self, buffer: str, index: Size, dtype: str) -> int:
        """The cell of the address of an element."""
        if isinstance(index, int) and index == 0:
            return self.pointers[buffer]
        made = self.code.cell()
        self.code.emit(f"address_{element(dtype)}", made, self.pointers[buffer], self.index(index))
        return made

    def open_sums(self, loop: For | Strip, accs: Sequence[Acc]) -> dict[str, int]:
        """Initialise sums in memory, and the block sums of accumulators: gives the first cells of
        those, by accumulator."""
        code = self.code
        for carry in loop.carries:
            scratch = self.pointers[carry.scratch]
            if carry.dtype == "float32":
                code.emit("sums_open", self.index(carry.count), scratch)
                continue
            count = self.index(2 * carry.count)
            if is_optional(carry):
                self._open_optional(carry, count)
            else:
                code.emit("sums_open", count, scratch)
        in_lanes = isinstance(loop, Strip) and not loop.ordered
        longest = LANE_BLOCK if in_lanes else BLOCK
        if isinstance(loop.extent, int) and loop.extent <= longest:
            return {}
        found = {}
        for acc in accs:
            if acc.op == "add" and dtype_of(acc.term.dtype).is_float:
                found[acc.name] = both = code.pair()
                code.emit("move", both, code.constant(0.0))
                code.emit("move", both + 1, code.constant(0.0))
        return found

    def _open_optional(self, carry: Carry, count: int) -> None:
        """Select the target of sums that are gathered only under a condition, and open them."""
        code, scratch = self.code, self.pointers[carry.scratch]
        pointer = self.pointers[target(carry)] = code.cell()
        self.changing.add(pointer)
        code.emit("move", pointer, self.address(carry.buffer, carry.offset, carry.dtype))
        scattered = carry.scatter_additions
        if scattered is not None:  # negative: without gathering no block becomes full
            done = self.counts[carry.scratch] = code.cell()
            self.changing.add(done)
            code.emit("neg_i", done, self.index(scattered))
        with self._where_gathered(carry):
            code.emit("move", pointer, scratch)
            if scattered is not None:
                code.emit("move", self.counts[carry.scratch], code.constant(0))
            code.emit("sums_open", count, scratch)

    @contextmanager
    def _where_gathered(self, carry: Carry) -> Iterator[None]:
        """Code that runs only where optional sums are gathered."""
        code = self.code
        if carry.outer_additions is not None:
            many, limit = carry.outer_additions, code.constant(self.limits[carry.buffer])
        elif carry.scatter_additions is not None:
            many, limit = carry.scatter_additions, self.index(threshold(carry))
        else:
            yield
            return
        holds = code.temporary()
        code.emit("gt_i", holds, self.index(many), limit)
        behind = Label()
        with code.scope() as lines:
            yield
        code.emit("jump_unless", holds, d=behind)
        code.append(lines)
        code.place(behind)
        code.release(Value(holds, owned=True))

    def add_sums(self, carry: Carry) -> None:
        """The end of a block of sums in memory."""
        if carry.outer_additions is not None:
            with self._where_gathered(carry):
                self._add(carry)
        else:
            self._add(carry)

    def _add(self, carry: Carry) -> None:
        out = self.address(carry.buffer, carry.offset, carry.dtype)
        self.code.emit("sums_add", self.index(carry.count), self.pointers[carry.scratch], out)

    def count_scattered(self, carries: Sequence[Carry], iterations: int) -> None:
        """After iterations of a scatter, whose number is in a cell: end the block if it is full."""
        code = self.code
        for carry in carries:
            if carry.scatter_additions is None or not is_optional(carry):
                continue
            done, more = self.counts[carry.scratch], iterations
            if carry.additions != 1:
                more = code.temporary()
                code.emit("mul_i", more, iterations, self.index(carry.additions))
            code.emit("add_i", done, done, more)
            full, behind = code.temporary(), Label()
            code.emit("ge_i", full, done, self.index(block(carry)))
            with code.scope() as lines:
                self.add_sums(carry)
                code.emit("move", done, code.constant(0))
            code.emit("jump_unless", full, d=behind)
            code.append(lines)
            code.place(behind)
            code.release(Value(full, owned=True))

    def close_sums(self, carries: Sequence[Carry]) -> None:
        """After a loop: the last blocks of sums in memory."""
        for carry in carries:
            if is_optional(carry):
                with self._where_gathered(carry):
                    self._close(carry)
            else:
                self._close(carry)

    def _close(self, carry: Carry) -> None:
        out = self.address(carry.buffer, carry.offset, carry.dtype)
        count, scratch = self.index(carry.count), self.pointers[carry.scratch]
        self.code.emit(f"sums_close_{carry.dtype}", count, scratch, out)

    def block_turns(self, carries: Sequence[Carry]) -> int:
        """The cell of the iterations of a block; fewer if inner loops add to an element several
        times in each."""
        code = self.code
        most, found = code.constant(BLOCK), -1
        for each in dict.fromkeys(c.additions for c in carries if c.additions != 1):
            turns = code.cell()
            code.emit("block_turns", turns, most, self.index(each))
            if found >= 0:
                code.emit("min_i", turns, found, turns)
            found = turns
        return most if found < 0 else found

    def end_block(self, kept: Mapping[str, int], accs: Mapping[str, int], extent: int) -> None:
        """The end of a block of a fold in order: if there are several, the sums are kept."""
        self._if_several(kept, extent, lambda name, both: (
            self.code.emit("keep", both, accs[name]),
            self.code.emit("move", accs[name], self.code.constant(0.0)),
        ))  # fmt: skip

    def close_blocks(self, kept: Mapping[str, int], accs: Mapping[str, int], extent: int) -> None:
        """The sums of the blocks of a fold in order, if there were several."""
        self._if_several(kept, extent, lambda name, both: self.code.emit("kept", accs[name], both))

    def _if_several(
        self, kept: Mapping[str, int], extent: int, each: Callable[[str, int], object]
    ) -> None:
        if not kept:
            return
        code = self.code
        several, behind = code.temporary(), Label()
        code.emit("gt_i", several, extent, code.constant(BLOCK))
        code.emit("jump_unless", several, d=behind)
        code.release(Value(several, owned=True))
        for name, both in kept.items():
            each(name, both)
        code.place(behind)
