"""The user's lines: numbers of lines, and the texts of the files that they are in."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator

MOST_LINES = 20_000  # of a file; of longer ones the page has the lines that made nodes


class Sources:
    """The lines that made nodes, numbered as they are met."""

    def __init__(self) -> None:
        self.lines: dict[tuple[str, int], int] = {}

    def line(self, file: str, line: int) -> int:
        """The number of a line; -1 for what is no line of the user."""
        if line <= 0 or file == "<unknown>":
            return -1
        return self.lines.setdefault((file, line), len(self.lines))

    def of_text(self, origin: str) -> int:
        """The number of a line that is written `file:line`; -1 if it is empty."""
        file, _, line = origin.rpartition(":")
        return self.line(file, int(line)) if line.isdecimal() else -1

    def known(self, origin: str) -> bool:
        """Whether a line that is written `file:line` has made a node."""
        file, _, line = origin.rpartition(":")
        return line.isdecimal() and (file, int(line)) in self.lines

    def data(self) -> dict[str, object]:
        """The lines as (file, line), and the files, those with the most lines first."""
        met: dict[str, int] = {}
        for file, _ in self.lines:
            met[file] = met.get(file, 0) + 1
        order = {file: k for k, file in enumerate(sorted(met, key=lambda f: (-met[f], f)))}
        used: dict[str, list[int]] = {}
        for file, line in self.lines:
            used.setdefault(file, []).append(line)
        return {
            "lines": [(order[file], line) for file, line in self.lines],
            "files": [_file(file, sorted(used[file])) for file in order],
        }


def _file(name: str, used: list[int]) -> dict[str, object]:
    """A file with the texts of its lines; without them where it cannot be read."""
    try:
        rows = [row.rstrip("\r\n") for row in linecache.getlines(name)]
    except (OSError, ValueError, SyntaxError):  # a name with a null byte, an encoding
        rows = []
    functions = list(_functions("\n".join(rows))) if rows else []
    found: dict[str, object] = {"path": name, "functions": functions}
    if rows and used[-1] <= len(rows) <= MOST_LINES:
        return found | {"text": rows}
    chosen = {n: rows[n - 1] if n <= len(rows) else "" for n in used}
    return found | {"text": None, "rows": chosen}


def _functions(text: str) -> Iterator[tuple[str, int, int]]:
    """The functions and classes of a file, each with its first and last line."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):  # a notebook's magic, an excerpt
        return
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name, node.lineno, node.end_lineno or node.lineno
