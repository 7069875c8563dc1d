"""The functions that loops call, because too many copies of them would be inlined.

A C compiler takes 40 to 90 ms for each inlined and vectorised copy of a function such as `pt_tanh`.
In few places that is worth it: the compiler shares work between functions of the same operand, and
constants stay in registers. A plan with many places has one copy of each function that occurs in
several, and vectorised loops call it for a vector at a time (`PT_SIMD` in pt_loops.h).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from probtensor.kernel.ir import Apply, For, Scan, Stmt, blocks, exprs_of, walk, walk_expr
from probtensor.lower.plan import Plan
from probtensor.targets.declare import function_of_doubles
from probtensor.targets.spell import CALLS, PLAIN

MOST_INLINED = 12  # copies in a plan, of all functions
MOST_OF_EACH = 2  # copies of a function in a plan with more than that
OPERATORS = {*PLAIN, *CALLS, "cast", "isinf"}


def shared_functions(plan: Plan) -> frozenset[str]:
    """The names of the functions that loops call."""
    places = Counter(name for kernel in plan.kernels for name in _in_loops(kernel.body))
    if places.total() <= MOST_INLINED:
        return frozenset()
    return frozenset(name for name, count in places.items() if count > MOST_OF_EACH)


def _in_loops(body: Iterable[Stmt]) -> Iterable[str]:
    """The functions of doubles in loops, once for each place."""
    for stmt in body:
        if isinstance(stmt, (For, Scan)):
            for part in walk((stmt,)):
                for expr in exprs_of(part):
                    yield from _functions(walk_expr(expr))
        else:
            for inner in blocks(stmt):
                yield from _in_loops(inner)


def _functions(parts: Iterable[object]) -> Iterable[str]:
    for part in parts:
        if (
            isinstance(part, Apply)
            and part.fn not in OPERATORS
            and function_of_doubles(part.fn, len(part.args)).header == "pt_loops.h"
        ):
            yield part.fn
