"""What holds of a strip."""

from __future__ import annotations

from probtensor.kernel.check import KernelError
from probtensor.kernel.ir import For
from probtensor.kernel.touch import expr_names, names_set
from probtensor.schedule.strips.forms import (
    Dot,
    RowsAdd,
    RowsDot,
    ScatterAdd,
    Strip,
    Stripped,
    Sum,
    names_in,
)


def check(strip: Strip, loop: For) -> None:
    """Raise KernelError unless

    - each accumulator of the loop stands in one segment;
    - the locals of an iteration that a segment reads are set in it before, or are wide and set in
      an earlier segment.
    """
    own = {name for stmt in loop.body for name in names_set(stmt)}
    wide, known = dict(strip.wide), set()
    placed = [acc.name for segment in strip.segments for acc in segment.accs]
    if sorted(placed) != sorted(acc.name for acc in loop.accs):
        raise KernelError(f"the loop over {strip.var} has other folds than its strip: {placed}")
    for k, segment in enumerate(strip.segments):
        mine: set[str] = set()
        for stmt in segment.body:
            _require(_read(stmt) & own - mine - known, k, strip)
            mine |= _set(stmt)
        read = {name for acc in segment.accs for name in expr_names(acc.term)}
        _require(read & own - mine - known, k, strip)
        known |= mine & wide.keys()


def _require(missing: set[str], k: int, strip: Strip) -> None:
    if missing:
        raise KernelError(
            f"segment {k} of the strip over {strip.var} reads {sorted(missing)}, which nothing "
            f"before it sets"
        )


def _read(stmt: Stripped) -> set[str]:
    weight = {stmt.weight.name} if isinstance(stmt, (RowsAdd, ScatterAdd)) else set()
    return names_in(stmt) | weight


def _set(stmt: Stripped) -> set[str]:
    match stmt:
        case Dot(result) | Sum(result) | RowsDot(result):
            return {result}
        case Strip(segments=segments):
            return {acc.name for segment in segments for acc in segment.accs}
        case RowsAdd() | ScatterAdd():
            return set()
    return set(names_set(getattr(stmt, "loop", stmt)))
