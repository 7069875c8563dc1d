"""Findings of `lint`, and their text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from probtensor.dataclass import dataclass

ERROR, WARNING, HINT = "error", "warning", "hint"
LEVELS = (ERROR, WARNING, HINT)


@dataclass(frozen=True)
class Finding:
    """One fault: `level` is "error", "warning" or "hint"; `rule` its name; `variables` the names
    it is about, with indices of entries; `line` where the first of them was made; `why` and
    `way_out` are sentences."""

    level: str
    rule: str
    variables: tuple[str, ...]
    line: str
    why: str
    way_out: str

    def __str__(self) -> str:
        head = f"{self.level}: {self.rule}: {', '.join(self.variables)}"
        rows = textwrap.wrap(self.why, 94) + textwrap.wrap(self.way_out, 94)
        return "\n    ".join([head, f"made at {self.line}", *rows])


@dataclass(frozen=True)
class Findings:
    """All findings about a model, the worst first: a sequence; true if there are any."""

    found: tuple[Finding, ...]

    @classmethod
    def sorted(cls, found: Iterable[Finding]) -> Findings:
        """Findings in order of their level."""
        return cls(tuple(sorted(found, key=lambda x: LEVELS.index(x.level))))

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)

    def __getitem__(self, k: int) -> Finding:
        return self.found[k]

    def __str__(self) -> str:
        if not self.found:
            return "nothing found"
        return "\n".join(map(str, self.found))

    __repr__ = __str__
