"""Long kernels in parts: C functions of bounded size, as compilers need more than linear time.

Statements one after the other, and the vector segments of long strips, become functions of their
own. A local that several parts use is kept in an array of the kernel's function: `kept_float64`,
or for a value in each lane of a strip `wide1_float64`. A part gets these arrays, the buffers it
uses and the values of other locals that it reads.
"""

from __future__ import annotations

import re
from collections import ChainMap, Counter
from collections.abc import Iterable, Iterator, Sequence

from probtensor.dataclass import dataclass, field
from probtensor.kernel.ir import Call, Expr, For, If, Let, Scan, Store, blocks, map_blocks
from probtensor.kernel.touch import expr_names, names_read
from probtensor.schedule.strips.forms import Jammed, Strip, Stripped, names_in, operations
from probtensor.schedule.strips.passes import LONG, MOST_OPERATIONS
from probtensor.targets.cython.held import chosen_numbers, held
from probtensor.targets.cython.statements import StatementText
from probtensor.targets.declare import CName
from probtensor.targets.spell import c_type, local_type, unwrapped
from probtensor.types import size_names

WORD = re.compile(r"[A-Za-z_]\w*")
LINE = 96


@dataclass(kw_only=True)
class PartText(StatementText):
    """Writes the functions of a kernel."""

    functions: list[str] = field(default_factory=list)  # texts of parts
    kept: dict[str, str] = field(default_factory=dict)  # local -> its element of an array
    arrays: dict[str, tuple[str, int]] = field(default_factory=dict)  # name -> dtype, length
    readers: Counter[str] | None = None  # of each local, in the whole kernel

    # Locals in memory.

    def _name(self, name: str) -> str:
        return self.kept.get(name) or super()._name(name)

    def _set(self, name: str, dtype: str, value: str, depth: int) -> None:
        if name in self.kept:
            self._line(depth, f"{self._name(name)} = {value}")
        else:
            super()._set(name, dtype, value, depth)

    def _size(self, name: str) -> str:
        in_memory = name in self.kept or name in self.wide
        return self._name(name) if in_memory else super()._size(name)

    def _place(self, prefix: str, dtype: str, count: int) -> tuple[str, int]:
        """An array of the kernel's function, and its first of `count` elements not in use."""
        dtype = "int64" if dtype == "bool" else dtype
        array = f"{prefix}_{dtype}"
        _, start = self.arrays.get(array, (dtype, 0))
        self.arrays[array] = dtype, start + count
        return array, start

    def array_types(self) -> dict[str, str]:
        """The types of the arrays, as locals of the kernel's function."""
        return {name: f"{local_type(d)}[{count}]" for name, (d, count) in self.arrays.items()}

    def _pointer_type(self, dtype: str) -> str:
        """The type of a parameter that is such an array."""
        kind = f"pt_out_{dtype}"
        self.used[kind] = CName(kind, f"ctypedef {c_type(dtype)}* {kind}")
        return kind

    # What does not change in a strip.

    def _hold(self, loop: Strip, number: int, tile: int, depth: int) -> dict[Expr, str]:
        """Compute before a strip what is the same in all its iterations, where that is needed;
        gives the texts that read it there."""
        found = held(loop, self.kernel.writes, self.shared, {**self.wide, **self.kept})
        texts: dict[Expr, str] = {}
        for expr in found.locals:
            name = f"c{number}_{len(texts)}"
            self._set(name, expr.dtype, unwrapped(self._expr(expr)), depth)
            texts[expr] = name
        if not found.arrays:
            return texts
        lane, count = f"l{number}", str(loop.width)
        if self.loops and not isinstance(loop.extent, int):
            count = f"m{number}"
            self.locals[count] = "int64_t"
            iterations = self._index(loop.extent)
            least = f"{iterations} if {iterations} < {loop.width} else {loop.width}"
            self._line(depth, f"{count} = {least}")
        self._line(depth, f"for {lane} in range({count}):")
        for expr in found.arrays:
            name, start = f"c{number}_{len(texts)}", ""
            if tile:
                name, first = self._place("held", expr.dtype, loop.width)
                start = f"{first} + "
            else:
                self.locals[name] = f"{local_type(expr.dtype)}[{loop.width}]"
            value = unwrapped(self._expr(expr))
            texts[expr] = f"{name}[{start}{lane}]"
            self._line(depth + 1, f"{texts[expr]} = {value}")
        return texts

    def _hold_numbers(self, loop: For, depth: int) -> dict[Expr, str]:
        """Load before a loop the numbers that it chooses by conditions; gives their names."""
        texts: dict[Expr, str] = {}
        for load in chosen_numbers(loop, self.kernel.writes):
            if load not in self.held:
                self.lane_count += 1
                texts[load] = f"c{self.lane_count}_n"  # buffers have names like c2
                self._set(texts[load], load.dtype, unwrapped(self._expr(load)), depth)
        return texts

    # Parts.

    def _runs(self, body: Iterable[Stripped], whole: Sequence[Stripped], depth: int) -> None:
        """Write statements; those of long runs in parts."""
        statements = list(body)
        if self.wide or sum(map(operations, statements)) <= LONG:
            for stmt in statements:
                self._stmt(stmt, depth)
            return
        for run in _divided(statements):
            if len(run) == 1:
                self._stmt(run[0], depth)
            else:
                self._keep(run, whole)
                self._part(run, depth)

    def _keep(self, run: Sequence[Stripped], whole: Sequence[Stripped]) -> None:
        """Keep in memory the locals of a part that are read outside it."""
        if self.readers is None:
            self.readers = Counter(name for names in _readings(whole) for name in names)
        inside = Counter(name for stmt in run for name in names_read(stmt))
        for stmt in run:
            if isinstance(stmt, Let) and self.readers[stmt.name] > inside[stmt.name]:
                array, start = self._place("kept", stmt.expr.dtype, 1)
                self.kept[stmt.name] = f"{array}[{start}]"

    def _part(self, run: Sequence[Stripped], depth: int) -> None:
        outside = self._open_part()
        for stmt in run:
            self._stmt(stmt, 1)
        self._close_part(outside, {}, depth)

    def _open_part(self) -> tuple[list[str], dict[str, str]]:
        """Begin the function of a part; gives the lines and locals outside it."""
        outside = self.lines, self.locals
        self.lines, self.locals, self.origin = [], ChainMap({}, self.locals), ""
        return outside

    def _close_part(
        self, outside: tuple[list[str], dict[str, str]], own: dict[str, tuple[str, str]], depth: int
    ) -> None:
        """End the function of a part, and call it. `own` are parameters with type and argument."""
        lines, inside = self.lines, self.locals.maps[0]
        self.lines, self.locals = outside
        self.origin = ""
        code = (line for line in lines if not line.lstrip().startswith("#"))
        words = dict.fromkeys(word for line in code for word in WORD.findall(line))
        parameters = {name: (kind, name) for name, kind in self.parameters() if name in words}
        for name in words:
            if name in own:
                parameters[name] = own[name]
            elif name in self.arrays:
                parameters[name] = self._pointer_type(self.arrays[name][0]), name
            elif name in self.locals and name not in inside:
                parameters[name] = self.locals[name], name
        for name in own:
            inside.pop(name, None)
        self.used["pt_part"] = CName("pt_part", "ctypedef void pt_part")
        function = f"{self.kernel.name}_part{len(self.functions)}"
        declared = [f"{kind} {name}" for name, (kind, _) in parameters.items()]
        head = f"cdef pt_part {function}({', '.join([*declared, 'const int64_t* n'])})"
        text = [wrapped(f"{head} noexcept nogil:"), *grouped(inside), *lines]
        self.functions.append("\n".join(text) + "\n\n")
        arguments = [argument for _, argument in parameters.values()]
        self._line(depth, f"{function}({', '.join([*arguments, 'n'])})")


def _divided(body: Sequence[Stripped]) -> Iterator[Sequence[Stripped]]:
    """Runs of statements that become parts, and other statements alone."""
    run, size = [], 0
    for stmt in body:
        cost = operations(stmt)
        straight = isinstance(stmt, (Let, Store, Call))
        if run and (not straight or size + cost > MOST_OPERATIONS):
            yield run
            run, size = [], 0
        if straight:
            run.append(stmt)
            size += cost
        else:
            yield [stmt]
    if run:
        yield run


def _readings(body: Iterable[Stripped]) -> Iterator[set[str]]:
    """The names that each statement reads, with those inside others on their own."""
    for stmt in body:
        match stmt:
            case For() | Scan() | If():
                yield names_in(map_blocks(stmt, lambda inner: ()))
                for inner in blocks(stmt):
                    yield from _readings(inner)
            case Jammed(loop, rows):
                yield from _readings((loop, *rows))
            case Strip():
                yield size_names(stmt.extent)
                for segment in stmt.segments:
                    yield from _readings(segment.body)
                    yield from (expr_names(acc.term) for acc in segment.accs)
            case _:
                yield names_in(stmt)


def grouped(names: dict[str, str]) -> list[str]:
    """Declarations of locals, grouped by type."""
    lines: list[str] = []
    for kind in dict.fromkeys(names.values()):
        if kind.endswith("*"):  # in `T* a, b` only `a` is a pointer
            lines += [f"    cdef {kind} {n}" for n, k in names.items() if k == kind]
            continue
        line = f"    cdef {kind} "
        for name in (n for n, k in names.items() if k == kind):
            if len(line) + len(name) > LINE:
                lines.append(line.rstrip(", "))
                line = f"    cdef {kind} "
            line += f"{name}, "
        lines.append(line.rstrip(", "))
    return lines


def wrapped(head: str) -> str:
    """A long signature over several lines."""
    lines = [""]
    for piece in head.split(", "):
        if len(lines[-1]) + len(piece) > LINE - 1:
            lines.append("        ")
        lines[-1] += f"{piece}, "
    return "\n".join(line.rstrip() for line in lines).rstrip(",")
