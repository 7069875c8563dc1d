"""The invariants of a strip."""

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

    - each accumulator of the loop is in exactly one segment;
    - each local of the loop body that a segment reads was set earlier in the segment, or is wide
      and was set in an earlier segment.
    """
    of_body = {name for stmt in loop.body for name in names_set(stmt)}
    wide, available = dict(strip.wide), set()
    accs = [acc.name for segment in strip.segments for acc in segment.accs]
    if sorted(accs) != sorted(acc.name for acc in loop.accs):
        raise KernelError(f"the loop over {strip.var} has other folds than its strip: {accs}")
    for k, segment in enumerate(strip.segments):
        of_segment: set[str] = set()
        for stmt in segment.body:
            _require((_read(stmt) & of_body) - of_segment - available, k, strip)
            of_segment |= _set(stmt)
        read = {name for acc in segment.accs for name in expr_names(acc.term)}
        _require((read & of_body) - of_segment - available, k, strip)
        available |= of_segment & wide.keys()


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
