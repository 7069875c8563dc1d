"""Plans specialised for short sizes: loops over rows of a few elements get a static length.

A matrix of many short rows is best read once, by a thread for each row with its sums in registers,
which needs a static row length. So for calls with enough work the short sizes are substituted into
the plan, which is rendered and compiled again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from probtensor.dataclass import replace
from probtensor.kernel.ir import For, Stmt, blocks, walk
from probtensor.lower.plan import Plan
from probtensor.schedule.grid.flat import fixed
from probtensor.types import Size, size_names, size_substitute, size_value

MIN_STATIC_SIZE, MAX_STATIC_SIZE = 2, 48  # of a size that is substituted
MIN_NARROWED_ITERATIONS = 1 << 20  # of a loop that is worth compiling for


def short_sizes(plan: Plan, values: Mapping[str, int], least: int) -> dict[str, int]:
    """The short sizes, with their values, of loops with at least `least` iterations."""
    found: dict[str, int] = {}
    for kernel in plan.kernels:
        for stmt in kernel.body:
            if _iterations(stmt, values) < least:
                continue
            for part in walk((stmt,)):
                for name in sorted(size_names(part.extent)) if isinstance(part, For) else ():
                    if MIN_STATIC_SIZE <= values.get(name, 0) <= MAX_STATIC_SIZE:
                        found[name] = values[name]
    return _with_equals(plan, values, found)


def _with_equals(plan: Plan, values: Mapping[str, int], found: dict[str, int]) -> dict[str, int]:
    """With the names that size checks make equal, which shapes of buffers may use."""
    checks = [check for check in plan.size_checks if check.relation == "=="]
    pairs = [(str(check.left), str(check.right)) for check in checks]
    for left, right in [*pairs, *reversed(pairs)]:
        for one, other in ((left, right), (right, left)):
            if one in found and values.get(other) == found[one]:
                found[other] = found[one]
    return found


def _iterations(stmt: Stmt, values: Mapping[str, int]) -> int:
    """Iterations of the innermost body of a loop. Loops whose length depends on data count as
    one, and so do loops in order: their steps follow each other, however many there are."""
    parts = [part for body in blocks(stmt) for part in body]
    inner = max((_iterations(part, values) for part in parts), default=1)
    if not isinstance(stmt, For):
        return inner
    static = size_names(stmt.extent) <= values.keys()
    return (size_value(stmt.extent, values) if static else 1) * inner


def narrowed(plan: Plan, values: Mapping[str, int]) -> Plan:
    """The plan with numbers substituted for some sizes; its table of sizes is unchanged."""

    def shape(sizes: Sequence[Size]) -> tuple[Size, ...]:
        return tuple(size_substitute(n, values) for n in sizes)

    return replace(
        plan,
        buffers=tuple(replace(b, shape=shape(b.shape)) for b in plan.buffers),
        kernels=tuple(replace(k, body=fixed(k.body, values)) for k in plan.kernels),
    )
