"""Generated Cython as C: the lines of a module of `targets/cython/render.py`, one by one.

The modules are a small part of Cython: functions of pointers, typed locals, loops over ranges,
branches, assignments and calls. Each line becomes one line of C with the same operations in the
same order, so the C has the results of the module bit for bit. SyntaxError for any other line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from probtensor.export.expressions import c_expression, split_arguments, without_parentheses

INDENT = 4
COPIES = ("PT_ONCE_", "PT_LANES_")
_FUNCTION = r"cdef (\w+) (\w+)\((.*)\) noexcept nogil:$"
_LOCALS = r"cdef ([^=]+?[\w\]*]) (\w+(?: = \w+)?(?:, \w+)*)$"
_LOOP = r"for (\w+) in range\((.*)\):$"
_ARRAY = r"(.+)\[(\d+)\]$"


class Translated(NamedTuple):
    """The functions of a module as C.

    once      uses of the macros of pt_loops.h that make copies of functions
    random    whether it draws random numbers
    routines  names of the matrix routines that it calls
    """

    text: str = ""
    once: tuple[str, ...] = ()
    random: bool = False
    routines: tuple[str, ...] = ()


def translated(source: str, prefix: str) -> Translated:
    """The functions of a module as static C functions, with `prefix` before their names."""
    rows = _joined(source.splitlines())
    names = {found[2] for row in rows if (found := re.match(_FUNCTION, row))}
    texts = [_Function(block, prefix, names).text() for block in _blocks(rows)]
    return Translated(
        text="\n".join(texts),
        once=tuple(row.strip() for row in rows if row.strip().startswith(COPIES)),
        random='extern from "pt_random.h"' in source,
        routines=_routines(rows),
    )


def _joined(lines: Sequence[str]) -> list[str]:
    """The lines, with those inside of parentheses joined to one."""
    rows: list[str] = []
    depth = 0
    for line in lines:
        if depth:
            rows[-1] += f" {line.strip()}"
        else:
            rows.append(line)
        if not line.lstrip().startswith("#"):
            depth += line.count("(") - line.count(")")
    return rows


def _routines(rows: Sequence[str]) -> tuple[str, ...]:
    found: list[str] = []
    for row in rows:
        module, cimport, names = row.partition(" cimport ")
        if cimport and module.startswith("from cython_ext."):
            found += names.split(", ")
    return tuple(found)


def _blocks(rows: Sequence[str]) -> list[list[str]]:
    """The lines of each function."""
    found: list[list[str]] = []
    inside = False
    for row in rows:
        if row and not row.startswith(" "):
            inside = bool(re.match(_FUNCTION, row))
            if inside:
                found.append([])
        if inside and row.strip():
            found[-1].append(row)
    return found


class _Function:
    """One function: its lines in Cython, and those in C."""

    def __init__(self, rows: list[str], prefix: str, names: set[str]) -> None:
        self.rows, self.prefix, self.names = rows, prefix, names
        self.lines: list[str] = []
        self.depths: list[int] = []  # of the blocks that are open

    def text(self) -> str:
        result, name, parameters = re.match(_FUNCTION, self.rows[0]).groups()
        arguments = [_declared(*text.rsplit(" ", 1)) for text in parameters.split(", ")]
        head = f"static {result} {self.prefix}{name}({', '.join(arguments)})"
        self.lines = [*_wrapped(head), "{"]
        body = self.rows[1:]
        self._declare(body)
        for row in body:
            depth = (len(row) - len(row.lstrip())) // INDENT
            self._close(depth, row.strip())
            self._row(row.strip(), depth)
        self._close(0, "")
        return "\n".join([*self.lines, "}", ""])

    def _declare(self, body: Sequence[str]) -> None:
        """Declare the locals that are not only counted by loops, which declare their own."""
        counted = {found[1] for row in body if (found := re.match(_LOOP, row.strip()))}
        if any(row.endswith(" or status") for row in body):
            self._line(1, "int failed;")
        assigned = {row.split()[0] for row in body if re.match(r" *\w+ [-+*]?= ", row)}
        for row in body:
            found = re.match(_LOCALS, row.strip())
            if not found:
                continue
            kind, names = found[1], found[2].split(", ")
            kept = [n for n in names if n not in counted or n in assigned]
            if kept:
                self._line(1, f"{_locals(kind, kept)};")

    def _line(self, depth: int, text: str) -> None:
        self.lines.append(" " * (INDENT * depth) + text)

    def _close(self, depth: int, row: str) -> None:
        """Close the blocks that end before a line of this depth."""
        while self.depths and self.depths[-1] >= depth:
            closed = self.depths.pop()
            if closed == depth and row.startswith(("else:", "elif ")):
                return  # the brace is on the line of the else
            self._line(closed, "}")

    def _open(self, depth: int, head: str) -> None:
        self._line(depth, f"{head} {{")
        self.depths.append(depth)

    def _expression(self, text: str) -> str:
        return c_expression(text, self.prefix, self.names)

    def _condition(self, text: str) -> str:
        return without_parentheses(self._expression(text))

    def _row(self, row: str, depth: int) -> None:
        if row.startswith("cdef "):
            return
        if row.startswith("#"):
            self._line(depth, f"/* {row[1:].strip().replace('/*', '/ *')} */")
        elif row.startswith("for "):
            self._loop(row, depth)
        elif row.startswith("if "):
            self._open(depth, f"if ({self._condition(row[3:-1])})")
        elif row.startswith("elif "):
            self._open(depth, f"}} else if ({self._condition(row[5:-1])})")
        elif row == "else:":
            self._open(depth, "} else")
        elif row == "while True:":
            self._open(depth, "for (;;)")
        elif row == "pass":
            self._line(depth, ";")
        elif row == "break":
            self._line(depth, "break;")
        elif row.startswith("return "):
            self._line(depth, f"return {self._expression(row[7:])};")
        else:
            self._statement(row, depth)

    def _loop(self, row: str, depth: int) -> None:
        var, inside = re.match(_LOOP, row).groups()
        bounds = [self._expression(part) for part in split_arguments(inside)]
        first = bounds[0] if len(bounds) > 1 else "0"
        end, step = bounds[-1] if len(bounds) < 3 else bounds[1], bounds[2:]
        start = f"int64_t {var} = {first}"
        if not re.match(r"\w+$", end):
            start, end = f"{start}, {var}_end = {end}", f"{var}_end"
        forward = f"{var} += {step[0]}" if step else f"{var}++"
        self._open(depth, f"for ({start}; {var} < {end}; {forward})")

    def _statement(self, row: str, depth: int) -> None:
        """An assignment, or a call for its effect."""
        found = re.match(r"(.+?) ([-+*]?=) (.+)$", row)
        if not found:
            self._line(depth, f"{self._expression(row)};")
            return
        left, sign, right = found.groups()
        several = right.split(" = ")  # a = b = 0.0
        target = " = ".join(self._expression(part) for part in (left, *several[:-1]))
        if several[-1].endswith(" or status"):
            call = self._expression(several[-1].removesuffix(" or status"))
            self._line(depth, f"failed = {call};")
            self._line(depth, "status = failed ? failed : status;")
            return
        self._line(depth, f"{target} {sign} {self._expression(several[-1])};")


def _declared(kind: str, name: str) -> str:
    """A parameter; `kind` may end with asterisks."""
    stem = kind.rstrip("*")
    return f"{stem} {'*' * (len(kind) - len(stem))}{name}"


def _locals(kind: str, names: Sequence[str]) -> str:
    """The declaration of locals of one type: a plain one, a pointer or an array."""
    array = re.match(_ARRAY, kind)
    if array:
        return f"{array[1]} {', '.join(f'{name}[{array[2]}]' for name in names)}"
    if kind.endswith("*"):
        return f"{kind[:-1]} {', '.join(f'*{name}' for name in names)}"
    return f"{kind} {', '.join(names)}"


def _wrapped(head: str) -> list[str]:
    """A long signature over several lines."""
    lines = [""]
    for piece in head.split(", "):
        if lines[-1] and len(lines[-1]) + len(piece) > 96:
            lines[-1] = lines[-1].rstrip()
            lines.append(" " * INDENT * 2)
        lines[-1] += f"{piece}, "
    lines[-1] = lines[-1].removesuffix(", ")
    return lines
