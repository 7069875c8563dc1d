"""The assembler: cells, vector registers, instructions and labels of a program."""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from typing import NamedTuple

from probtensor.dataclass import dataclass, field

FIRST = 2  # cell of the first size: PT_FIRST of pt_machine.h
LANES = 8  # elements to which registers are rounded up
ARGUMENTS = 16  # cells for the arguments of a routine

# Instructions that take an operand from the one before, if that is what it has computed; those
# that compute one for them, of scalars; and those whose operands b and c may change places.
TERNARY = frozenset(("mul_add", "mul_sub", "sub_mul", "select"))
CHAINED = TERNARY | {"add_f", "sub_f", "mul_f", "div_f", "max_f", "min_f"}
GIVING = CHAINED | {f"{name}_{form}" for name in CHAINED for form in "tu"} | {
    "neg_f", "abs_f", "square_f", "sqrt_f", "load_float64", "element"
}  # fmt: skip
COMMUTING = frozenset(("mul_add", "mul_sub", "sub_mul", "mul_f", "add_f"))


class Label:
    """A place in the code that jumps lead to."""

    __slots__ = ("position",)

    def __init__(self) -> None:
        self.position = -1


class Value(NamedTuple):
    """A scalar in a cell, or the vector in the register with that cell. `level` is the depth of
    the scope in which a scalar is computed. `owned`: whether nothing else refers to the cell or
    register, so that who reads it frees it."""

    cell: int
    vector: bool = False
    level: int = 0
    owned: bool = False


Line = tuple | Label


@dataclass
class Scope:
    """The code of a loop's body or of a branch.

    indices  those computed in it, by their terms: the first ones, or all of them as a size
    stored   buffers that the loop stores to; None for a branch
    before   code that runs once, before the first iteration
    loads    cells of elements that were read, by their place
    """

    lines: list[Line] = field(default_factory=list)
    indices: dict[object, int] = field(default_factory=dict)
    stored: frozenset[str] | None = None
    before: list[Line] = field(default_factory=list)
    loads: dict[tuple, int] = field(default_factory=dict)


class Register(NamedTuple):
    """A vector register of `width` elements. A load may set its cell to memory; its own address
    is then in the next cell."""

    cell: int
    loads: bool
    width: int
    offset: int


class Assembler:
    """Collects the instructions of a program.

    sizes, buffers  how many the plan has: their cells come first
    """

    def __init__(self, instructions: Mapping[str, int], sizes: int, buffers: int) -> None:
        self.instructions = instructions
        self.names = tuple(instructions)
        self.sizes, self.buffers = sizes, buffers
        self.cells: list[int] = [0] * (FIRST + sizes + buffers)  # initial values, as integers
        self.scopes: list[Scope] = [Scope()]
        self.registers: list[Register] = []
        self.links: dict[str, int] = {}  # routine -> cell of its address
        self._constants: dict[int, int] = {}
        self._free_cells: list[int] = []
        self._free_registers: dict[tuple[bool, int], list[int]] = {}
        self._register_of: dict[int, Register] = {}
        self._vector_bytes = 0
        self._arguments = -1

    # Cells and registers.

    def cell(self) -> int:
        """A new cell."""
        self.cells.append(0)
        return len(self.cells) - 1

    def pair(self) -> int:
        """The first of two new cells in a row."""
        self.cells += [0, 0]
        return len(self.cells) - 2

    def temporary(self) -> int:
        """A cell that is free."""
        return self._free_cells.pop() if self._free_cells else self.cell()

    def constant(self, value: float | int | bool) -> int:
        """The cell of a constant: a double for a float, else an integer."""
        if isinstance(value, float):
            (bits,) = struct.unpack("<q", struct.pack("<d", value))
        else:
            bits = int(value) - (1 << 64 if value >= 1 << 63 else 0)
        found = self._constants.get(bits)
        if found is None:
            found = self._constants[bits] = self.cell()
            self.cells[found] = bits
        return found

    def routine(self, name: str) -> int:
        """The cell of the address of a routine."""
        if name not in self.links:
            self.links[name] = self.cell()
        return self.links[name]

    def arguments(self) -> int:
        """The first of the cells for the arguments of a routine."""
        if self._arguments < 0:
            self._arguments = len(self.cells)
            self.cells += [0] * ARGUMENTS
        return self._arguments

    def register(self, width: int, loads: bool = False, fresh: bool = False) -> int:
        """The cell of a free vector register of `width` elements; `fresh` for one that no
        instruction has used."""
        free = self._free_registers.get((loads, width))
        if free and not fresh:
            return free.pop()
        cell = self.pair() if loads else self.cell()
        made = Register(cell, loads, width, self._vector_bytes)
        self._vector_bytes += -(-width // LANES) * LANES * 8
        self.registers.append(made)
        self._register_of[cell] = made
        return cell

    def release(self, *values: Value) -> None:
        """Free what the values own."""
        for value in values:
            if not value.owned:
                continue
            if value.vector:
                self.release_register(value.cell)
            else:
                self._free_cells.append(value.cell)

    def release_register(self, cell: int) -> None:
        """Free a register."""
        made = self._register_of[cell]
        self._free_registers.setdefault((made.loads, made.width), []).append(cell)

    # Code.

    @property
    def depth(self) -> int:
        """The depth of the current scope."""
        return len(self.scopes) - 1

    def emit(
        self, name: str, a: int = 0, b: int = 0, c: int = 0, d: int | Label = 0, *, at: int = -1
    ) -> None:
        """Append an instruction to the current scope, or to that at depth `at`."""
        lines = self.scopes[at].lines
        if name in CHAINED and lines and lines[-1].__class__ is tuple:
            last = lines[-1]
            if self.names[last[0]] in GIVING:
                name, b, c = _chained(last[1], name, b, c, d)
        lines.append((self.instructions[name], a, b, c, d))

    def more(self, a: int = 0, b: int = 0, c: int = 0) -> None:
        """Append further operands of the last instruction."""
        self.scopes[-1].lines.append((self.instructions["end"], a, b, c, 0))

    def place(self, label: Label) -> None:
        """Put a label here."""
        self.scopes[-1].lines.append(label)

    @contextmanager
    def scope(self) -> Iterator[list[Line]]:
        """Collect code in a new scope; the list has it afterwards."""
        with self.loop_scope(None) as scope:
            yield scope.lines

    @contextmanager
    def loop_scope(self, stored: frozenset[str] | None) -> Iterator[Scope]:
        """Collect the code of a loop, which stores to these buffers."""
        scope = Scope(stored=stored)
        self.scopes.append(scope)
        try:
            yield scope
        finally:
            self.scopes.pop()

    def keeps(self, buffer: str) -> bool:
        """Whether the loop around the current code leaves a buffer as it is."""
        for scope in reversed(self.scopes):
            if scope.stored is not None:
                return buffer not in scope.stored
        return False

    def known(self, key: tuple) -> int | None:
        """The cell of an element that the code up to here has read, by its place."""
        for scope in reversed(self.scopes):
            found = scope.loads.get(key)
            if found is not None:
                return found
        return None

    def append(self, lines: list[Line]) -> None:
        """Append collected code to the current scope."""
        self.scopes[-1].lines += lines

    # The result.

    def code(self, begins: list[int]) -> tuple[array, array]:
        """All instructions, five numbers each, with distances in place of labels; and the
        positions of the lines `begins`."""
        lines = self.scopes[0].lines
        labels = [k for k, line in enumerate(lines) if line.__class__ is Label]
        for before, k in enumerate(labels):
            lines[k].position = k - before
        flat = list(chain.from_iterable([x for x in lines if x.__class__ is not Label]))
        for k in range(4, len(flat), 5):
            if flat[k].__class__ is Label:
                flat[k] = flat[k].position - k // 5
        return array("i", flat), array("q", [k - bisect_left(labels, k) for k in begins])

    @property
    def cell_bytes(self) -> int:
        """Bytes of the cells, up to the first register."""
        return -(-len(self.cells) * 8 // 64) * 64

    @property
    def frame_bytes(self) -> int:
        """Bytes of the frame: cells, then registers."""
        return self.cell_bytes + self._vector_bytes


def _chained(cell: int, name: str, b: int, c: int, d: int | Label) -> tuple[str, int, int]:
    """The form of an instruction that takes the value of this cell, if it reads it, from the
    instruction before; and its operands."""
    if c == cell and name in COMMUTING:
        b, c = c, b
    first, second = (c, d) if name == "select" else (b, d if name in TERNARY else c)
    if first == cell:
        return f"{name}_t", b, c
    return (f"{name}_u" if second == cell else name), b, c
