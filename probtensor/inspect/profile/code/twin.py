"""The twin of a native module: the same instructions, and the line and op of each address.

The module that runs is built without tables for debuggers. Its twin is translated from the same
kernels with marked operations (marks.py), one operation a line of C, and compiled with a line
table. Line breaks and tables do not change what a compiler emits: the twin is used only where its
instructions are equal to those that run, byte for byte. Nothing of it is ever called.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from probtensor.dataclass import dataclass, field, replace
from probtensor.inspect.profile.code.marks import FOLD_NAMES, Part, mark_of, op_name, operation_of
from probtensor.kernel.ir import Acc, Apply, Expr, For, Let, Load, Scan, walk_expr
from probtensor.lower.plan import Plan
from probtensor.schedule.strips.forms import Jammed, Routine, Strip, Stripped
from probtensor.system.files import readable
from probtensor.targets.cache import cache_folder
from probtensor.targets.cython.native import code_of, key_of
from probtensor.targets.cython.render import KernelText, render
from probtensor.targets.cython.toolchain import (
    compile_c,
    compiler_command,
    find_compiler,
    translate,
)
from probtensor.targets.declare import CName
from probtensor.targets.spell import c_type
from probtensor.types import size_names

DEBUG = ("-g1",)  # a line table with what was inlined where, for a debugger
AT = re.compile(r"\bpt_at_float(?:64|32)\(\s*(\d+)\s*,")
KERNEL = re.compile(r"__pyx_f_\w*?_(k\d+)(?:_part\d+)?\(")
LINE = re.compile(r"^\s*pt_line\(\(?(-?\d+)\)?\);$")
SYMBOLIZER_SECONDS = 60
LOOPS = "loops"  # the op of what is in no statement


@dataclass
class Twin:
    """The parts of the code at addresses in the text of a module.

    file      the twin, which a debugger's tools read
    code      its C file
    lines     the part of each line of the C file; None for lines of no operation
    statements  the parts of the statement around each line that has operations
    same      whether its instructions are those of the module
    """

    file: Path
    code: Path
    lines: list[Part | None]
    statements: dict[int, list[Part]]
    same: bool
    known: dict[int, Part | None] = field(default_factory=dict)
    targets: dict[int, bool] = field(default_factory=dict)

    def parts(self, offsets: Sequence[int]) -> list[Part | None]:
        """The part at each offset in the file; None for code of no operation."""
        missing = sorted({k for k in offsets if k not in self.known})
        for start in range(0, len(missing), 2000):
            some = missing[start : start + 2000]
            self.known.update(zip(some, self._found(some), strict=True))
        return [self.known[k] for k in offsets]

    def leaves(self, target: int) -> bool:
        """Whether the function at an offset may call functions of other files: a kernel, or a stub
        of the linker."""
        if target not in self.targets:
            name = symbols(str(self.file), "-f", hex(target)).partition("\n")[0]
            self.targets[target] = name == "??" or KERNEL.search(f"{name}(") is not None
        return self.targets[target]

    def _found(self, offsets: Sequence[int]) -> list[Part | None]:
        text = symbols(str(self.file), "-i", "-f", "-a", *map(hex, offsets))
        found: list[Part | None] = []
        name = callee = ""
        for row in text.splitlines():
            file, colon, line = row.partition(" ")[0].rpartition(":")
            if row.startswith("0x"):
                found.append(None)
                name = callee = ""
            elif not colon:
                callee, name = name, row
            elif found and found[-1] is None and file.endswith(self.code.name):
                found[-1] = self._part(int(line) if line.isdecimal() else 0, callee)
        return found + [None] * (len(offsets) - len(found))

    def _part(self, line: int, callee: str) -> Part | None:
        """The part of a line of C, in a function that was inlined there. A compiler gives the
        arguments of a call the line of the call, so the function decides within the statement."""
        if line >= len(self.lines):
            return None
        part, op = self.lines[line], op_name(callee)
        if part is None or not callee or part.op == op:
            return part
        near = (other for other in self.statements.get(line, ()) if other.op == op)
        return next(near, part)


def symbols(file: str, *arguments: str) -> str:
    """What the tool of the linker says of addresses in a file; empty where it fails."""
    command = ["addr2line", "-e", file, *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=SYMBOLIZER_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


class Twins:
    """The twins of this process, in a folder that is removed with it."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], Twin] = {}
        self.folder = ""
        self.process = 0

    def of(self, plan: Plan, source: str, module: str) -> Twin:
        """The twin of the module of a text at a path; see `twin_of`."""
        if self.process != os.getpid():  # a forked child has a folder of its own
            self.folder = tempfile.mkdtemp(prefix="probtensor-profile-")
            self.found, self.process = {}, os.getpid()
            atexit.register(_remove, self.folder, self.process)
        key = (source, module)
        if key not in self.found:
            if len(self.found) >= MAX_TWINS:
                self.found.clear()
            self.found[key] = self._build(plan, source, Path(module))
        return self.found[key]

    def _build(self, plan: Plan, source: str, module: Path) -> Twin:
        if shutil.which("addr2line") is None:
            raise OSError("addr2line, of GNU binutils, is not there")
        compiler = find_compiler(compiler_command(), readable(cache_folder()))
        name = f"pt_{key_of(code_of(source), compiler)[:16]}"
        for wrapped in (True, False):  # each operation on a line of its own, if that is possible
            folder = Path(tempfile.mkdtemp(dir=self.folder))
            parts: list[Part] = []
            text = render(plan, writer=_writer(parts, wrapped))
            pyx = folder / f"{name}.pyx"
            pyx.write_text(text, encoding="utf-8")
            code = translate(pyx, name)
            lines, statements = _broken(code, parts)
            built = folder / f"{name}.so"
            compile_c(compiler, code, built, DEBUG)
            twin = Twin(built, code, lines, statements, instructions(built) == instructions(module))
            if twin.same:
                break
        return twin


def _remove(folder: str, process: int) -> None:
    """Remove a folder at the end of the process that has made it."""
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)


TWINS = Twins()
MAX_TWINS = 32


def twin_of(plan: Plan, source: str, module: str) -> Twin:
    """The twin of the module of a text at a path, of a plan with marked operations. BuildError
    where there is no compiler; OSError where files cannot be written or read."""
    return TWINS.of(plan, source, module)


# The text.


def _writer(parts: list[Part], wrapped: bool) -> type[KernelText]:
    """A class that writes kernels with the number of a part at each operation."""

    shared = {"parts": parts, "numbers": {}, "wrapped": wrapped}
    return dataclass(kw_only=True)(type("Writer", (_MarkedText,), shared))


@dataclass(kw_only=True)
class _MarkedText(KernelText):
    """Writes `pt_line` with the number of its part before each statement, and `pt_at` with a number
    around each operation, which `_broken` removes from the C text."""

    parts: ClassVar[list[Part]]
    numbers: ClassVar[dict[Part, int]]
    wrapped: ClassVar[bool]
    outer: int = -1  # the number of the present loop
    loops_seen: int = 0
    inside: str = ""  # the line of the present statement, and its op
    doing: str = ""
    pointers: set[str] = field(default_factory=set)  # locals with indices that are read from memory

    def _number(self, line: str, op: str) -> int:
        part = Part(self.kernel.name, line, op, self.outer)
        if part not in self.numbers:
            self.numbers[part] = len(self.parts)
            self.parts.append(part)
        return self.numbers[part]

    def _comment(self, depth: int, origin: str) -> None:
        self.inside = origin

    def _line(self, depth: int, text: str) -> None:
        if not text.startswith(("else", "elif", "#")):
            inside = self.inside and not text.startswith(("for ", "while "))
            number = self._number(self.inside, self.doing) if inside else -1
            self.used["pt_line"] = CName("pt_line", "void pt_line(int)")
            super()._line(depth, f"pt_line({number})")
        super()._line(depth, text)

    def _stmt(self, stmt: Stripped, depth: int) -> None:
        top = depth == 1 and isinstance(stmt, (For, Scan, Strip, Jammed))
        if top:
            self.outer, self.loops_seen = self.loops_seen, self.loops_seen + 1
        before = self.inside, self.doing
        self.inside, self.doing = getattr(stmt, "origin", ""), operation_of(stmt)
        if stmt.__class__ is Let and any(x.__class__ is Load for x in walk_expr(stmt.expr)):
            self.pointers.add(stmt.name)
        super()._stmt(stmt, depth)
        self.inside, self.doing = before
        if top:
            self.outer = -1

    def _routine(
        self, stmt: Routine, depth: int, first: str = "0", iterations: str = "1"
    ) -> None:
        before = self.inside, self.doing
        self.inside, self.doing = getattr(stmt, "origin", ""), operation_of(stmt)
        super()._routine(stmt, depth, first, iterations)
        self.inside, self.doing = before

    def _accumulate(self, accs: Sequence[Acc], depth: int, fused: bool = False) -> None:
        for acc in accs:
            operation = acc.origin, FOLD_NAMES.get(acc.op, acc.op)
            line, self.doing = self._gathered([acc.term]) or operation
            super()._accumulate([replace(acc, origin=line)], depth, fused)
        self.inside = self.doing = ""

    def _gathered(self, operands: Sequence[Expr]) -> tuple[str, str] | None:
        """The mark of an operand at an index that is read from memory. The compiler makes one
        instruction of the read and the operation, or the processor waits for the read in the
        operation: its time is that of the read."""
        for x in operands:
            if x.__class__ is Load and not self.pointers.isdisjoint(size_names(x.index)):
                found = mark_of(x)
                if found is not None:
                    return found
        return None

    def _expr(self, expr: Expr) -> str:
        text = super()._expr(expr)
        mark = mark_of(expr)
        if not self.wrapped or mark is None or expr.dtype not in ("float64", "float32"):
            return text
        if expr.__class__ is Apply and expr.fn in "+-*/":
            mark = self._gathered(expr.args) or mark
        name = f"pt_at_{expr.dtype}"
        kind = c_type(expr.dtype)
        self.used[name] = CName(name, f"{kind} {name}(int, {kind})")
        return f"{name}({self._number(*mark)}, {text})"


# The C text.


def _broken(
    code: Path, parts: Sequence[Part]
) -> tuple[list[Part | None], dict[int, list[Part]]]:
    """Break the lines of a C file, so that each has one operation; gives the part of each line,
    counted from 1, and the parts of the statements around lines. What is in no statement of a
    kernel is for its loops, as is a call of it."""
    rows: list[str] = []
    found: list[Part | None] = [None]
    statements: dict[int, list[Part]] = {}
    inside: list[Part] = []
    kernel: Part | None = None  # for the loops of the present function
    present: Part | None = None
    for row in code.read_text(encoding="utf-8").splitlines():
        place, called = LINE.match(row), KERNEL.search(row)
        if place:
            present = parts[int(place[1])] if int(place[1]) >= 0 else kernel
            inside = []
            continue
        if row[:1].isalpha() or row.startswith("}"):
            own = called and not row.rstrip().endswith(";")
            kernel = present = Part(called[1], "", LOOPS) if own else None
        for piece, number in _pieces(row):
            rows.append(piece)
            part = present if number is None else parts[number]
            if kernel is None and called:
                part = Part(called[1], "", LOOPS)
            found.append(part)
            if part is not None and part.line:
                inside.append(part)
                statements[len(rows)] = inside
    code.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return found, statements


def _pieces(row: str) -> list[tuple[str, int | None]]:
    """A line of C in pieces, each with the number of the operation around it."""
    if "pt_at_float" not in row or row.lstrip().startswith(("*", "/*", "//")):
        return [(row, None)]
    made: list[tuple[str, int | None]] = []
    stack: list[tuple[int, int]] = []  # number, depth of its parenthesis
    at = start = depth = 0
    while at < len(row):
        place = AT.match(row, at)
        if place:
            made.append((row[start:at] + "(", stack[-1][0] if stack else None))
            depth += 1
            stack.append((int(place[1]), depth))
            at = start = place.end()
            continue
        if row[at] == "(":
            depth += 1
        elif row[at] == ")":
            if stack and stack[-1][1] == depth:
                number, _ = stack.pop()
                made.append((row[start : at + 1], number))
                start = at + 1
            depth -= 1
        at += 1
    made.append((row[start:], stack[-1][0] if stack else None))
    return made


# Instructions.


def instructions(path: Path) -> bytes:
    """The machine code in a shared object: its section .text."""
    data = path.read_bytes()
    if data[:5] != b"\x7fELF\x02":
        return data
    (table,) = struct.unpack_from("<Q", data, 0x28)
    size, count, names = struct.unpack_from("<HHH", data, 0x3A)
    headers = [struct.unpack_from("<IIQQQQ", data, table + k * size) for k in range(count)]
    strings = headers[names][4]
    for name, _, _, address, offset, length in headers:
        start = strings + name
        if data[start : start + 6] == b".text\0":
            return struct.pack("<Q", address) + data[offset : offset + length]
    return data
