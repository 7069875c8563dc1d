"""Plans over sizes that are known: rows of a few numbers as loops of fixed length.

A matrix of many short rows is best read once, by a thread for each row that keeps what it sums in
registers. That takes a text with the length of the rows in it. So where there is much to do, the
short sizes of a call become part of the plan, which is then rendered and compiled once more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from probtensor.kernel.ir import For, Stmt, walk
from probtensor.lower.plan import Plan
from probtensor.schedule.grid.flat import fixed
from probtensor.types import Size, size_names, size_substitute, size_value

SHORTEST, LONGEST = 2, 48  # a size that may become part of a text
MUCH = 1 << 20  # turns of a loop from which on it is worth compiling for


def short_sizes(plan: Plan, values: Mapping[str, int], much: int) -> dict[str, int]:
    """The short sizes that loops of at least `much` turns run over, with their values."""
    found: dict[str, int] = {}
    for kernel in plan.kernels:
        for stmt in kernel.body:
            if _turns(stmt, values) < much:
                continue
            for part in walk((stmt,)):
                for name in sorted(size_names(part.extent)) if isinstance(part, For) else ():
                    if SHORTEST <= values.get(name, 0) <= LONGEST:
                        found[name] = values[name]
    return _with_equals(plan, values, found)


def _with_equals(plan: Plan, values: Mapping[str, int], found: dict[str, int]) -> dict[str, int]:
    """With the names that are checked to have the same value: a buffer's shape may hold those."""
    checks = [check for check in plan.size_checks if check.relation == "=="]
    pairs = [(str(check.left), str(check.right)) for check in checks]
    for left, right in [*pairs, *reversed(pairs)]:
        for one, other in ((left, right), (right, left)):
            if one in found and values.get(other) == found[one]:
                found[other] = found[one]
    return found


def _turns(stmt: Stmt, values: Mapping[str, int]) -> int:
    """How often the innermost body of a loop is done. Loops whose length is known only at run time
    count for one turn."""
    if not isinstance(stmt, For):
        return 1
    inner = max((_turns(part, values) for part in stmt.body), default=1)
    known = size_names(stmt.extent) <= values.keys()
    return (size_value(stmt.extent, values) if known else 1) * inner


def narrowed(plan: Plan, values: Mapping[str, int]) -> Plan:
    """The same plan with numbers in place of some of its sizes. Its table of sizes stays."""

    def shape(sizes: Sequence[Size]) -> tuple[Size, ...]:
        return tuple(size_substitute(n, values) for n in sizes)

    return replace(
        plan,
        buffers=tuple(replace(b, shape=shape(b.shape)) for b in plan.buffers),
        kernels=tuple(replace(k, body=fixed(k.body, values)) for k in plan.kernels),
    )
