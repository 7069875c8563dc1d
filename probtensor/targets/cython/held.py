"""What is the same in all iterations of a loop, where it would keep gcc from vectorising it.

gcc 12 vectorises no loop with a load of one element under a condition, and moves a load there if
only a branch reads it. Nor does it vectorise one in which a selection depends on such values alone:
the condition of a `where`, or a parameter of a function that treats its edges apart. So what is
loaded becomes locals before the loop, and what decides arrays with an element for each lane.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from probtensor.dataclass import dataclass, field
from probtensor.kernel.ir import Apply, Expr, For, Let, Load, Ref, Store, exprs_of
from probtensor.kernel.touch import expr_names, loads_of, names_set
from probtensor.schedule.strips.forms import Strip, VectorSegment

# Functions of several arguments that select by one of them alone, as that for 0 or infinity.
SELECTING = frozenset({
    "pt_beta_divergence", "pt_binomial_divergence", "pt_inverse_divergence", "pt_kl_div",
    "pt_kl_div_exp", "pt_log_ratio", "pt_log_share_ratio", "pt_poisson_divergence",
    "pt_poisson_slope", "pt_pow", "pt_power_divergence", "pt_share_divergence", "pt_share_drift",
    "pt_xexpy", "pt_xlog1py", "pt_xlogy",
})  # fmt: skip
BRANCHING = ("where", "maximum", "minimum")


@dataclass
class Held:
    """The expressions of a strip that become locals, and those that become arrays."""

    locals: dict[Expr, None] = field(default_factory=dict)
    arrays: dict[Expr, None] = field(default_factory=dict)


def held(
    loop: Strip, written: Collection[str], called: Collection[str], arrays: Collection[str] = ()
) -> Held:
    """What is held for the vector segments of a strip. `written` are the buffers that the kernel
    stores to, `called` functions that are not inlined, which take vectors as they are, and `arrays`
    locals of loops outside that are elements of arrays."""
    found = Held()
    vector = [segment for segment in loop.segments if isinstance(segment, VectorSegment)]
    exprs = [expr for segment in vector for expr in _exprs(segment)]
    if not any(_branches(expr) for expr in exprs):
        return found
    names = _set_in(loop, vector)

    def is_fixed(expr: Expr) -> bool:
        return not (expr_names(expr) & names or any(b in written for b in loads_of(expr)))

    def visit(expr: Expr) -> None:
        is_loaded = isinstance(expr, Load) or (isinstance(expr, Ref) and expr.name in arrays)
        if (is_loaded or isinstance(expr, Apply)) and is_fixed(expr):
            found.locals[expr] = None
        elif isinstance(expr, Apply):
            chooses = expr.fn == "where"
            selects = expr.fn in SELECTING and expr.fn not in called
            for k, arg in enumerate(expr.args):
                decides = selects or (chooses and k == 0)
                if decides and isinstance(arg, (Apply, Load, Ref)) and is_fixed(arg):
                    found.arrays[arg] = None
                else:
                    visit(arg)

    for expr in exprs:
        visit(expr)
    found.locals = {expr: None for expr in found.locals if expr not in found.arrays}
    return found


def chosen_numbers(loop: For, written: Collection[str]) -> list[Load]:
    """Of a loop of one iteration at a time without loops in it, the numbers in memory that are one
    of the values of a `where`; not those in `written`, the buffers that the kernel stores to."""
    if not all(isinstance(stmt, (Let, Store)) for stmt in loop.body):
        return []
    found: dict[Load, None] = {}

    def visit(expr: Expr, chosen: bool) -> None:
        if isinstance(expr, Load):
            fixed = not (expr_names(expr) or any(b in written for b in loads_of(expr)))
            if chosen and fixed:
                found[expr] = None
        elif isinstance(expr, Apply):
            for k, arg in enumerate(expr.args):
                visit(arg, chosen or (expr.fn == "where" and k > 0))

    for expr in (*(e for stmt in loop.body for e in exprs_of(stmt)), *(a.term for a in loop.accs)):
        visit(expr, False)
    return list(found)


def _branches(expr: Expr) -> bool:
    """Are there branches in its text, or in a function that it calls?"""
    if not isinstance(expr, Apply):
        return False
    return expr.fn in BRANCHING or expr.fn.startswith("pt_") or any(map(_branches, expr.args))


def _exprs(segment: VectorSegment) -> Iterator[Expr]:
    for stmt in segment.body:
        yield from exprs_of(stmt)
    yield from (acc.term for acc in segment.accs)


def _set_in(loop: Strip, segments: list[VectorSegment]) -> set[str]:
    """The names that differ between iterations in vector segments."""
    names = {loop.var, *dict(loop.wide), *(state.name for state in loop.states)}
    return names.union(*(names_set(stmt) for segment in segments for stmt in segment.body))
