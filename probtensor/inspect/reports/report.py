"""The compile report: each rewrite by the user's line, why it was made, and what it saved."""

from __future__ import annotations

import linecache
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress

import numpy as np

from probtensor.dataclass import dataclass
from probtensor.graph.node import Node
from probtensor.graph.resize import detached
from probtensor.inspect import trace as traces
from probtensor.inspect.reports.arguments import given_values, sampled_values, sizes_of
from probtensor.inspect.reports.costs import Cost, Costs, change, difference
from probtensor.inspect.reports.values import Scope
from probtensor.inspect.reports.witness import Judged, judge
from probtensor.inspect.subject import Subject
from probtensor.inspect.trace import BODIES, Step, Trace

SHOWN = 4  # names of sizes that are listed


@dataclass(frozen=True)
class Row:
    """One rule on one of the user's lines.

    line    file and line, `text` what stands there
    rule    the rule, or the pass where that is a function; `why` its reason, `source` where it is
    stages  the passes that applied it; `count` how often they did; `steps` their numbers
    before, after  the cost of what was replaced, and of what replaced it, in one call; None of a
            function that changed the graph at once, whose cost is that of its pass
    """

    line: str
    text: str
    rule: str
    why: str
    source: str
    stages: tuple[str, ...]
    count: int
    steps: tuple[int, ...]
    before: Cost | None
    after: Cost | None


@dataclass(frozen=True, eq=False)
class Report:
    """The compile report of a function.

    rows     each rule on each line, in the order of the lines
    passes   (name, cost before, cost after) of each pass that changed the graph
    trace    every rewrite, to be stepped through
    before, after  the cost of the graph as it was written, and as it is computed
    assumed  the sizes that were not known, which count as 100
    judged   the numeric witness, if it was asked for: `judged.first` is the first rewrite that
             changed a value by more than rounding
    """

    label: str
    rows: tuple[Row, ...]
    passes: tuple[tuple[str, Cost, Cost], ...]
    trace: Trace
    before: Cost
    after: Cost
    assumed: tuple[str, ...]
    judged: Judged | None = None

    def __str__(self) -> str:
        total = sum(row.count for row in self.rows)
        rules = len({row.rule for row in self.rows})
        rows = [
            f"compile report of {self.label}: {total} rewrite{'s' * (total != 1)} by "
            f"{rules} rule{'s' * (rules != 1)} in "
            f"{len(self.trace.stages)} passes",
            f"cost of a call: {change(self.before, self.after)}{self._assumed()}",
        ]
        rows += [f"  {name:<14} {change(*costs)}" for name, *costs in self.passes]
        line = None
        for row in self.rows:
            if row.line != line:
                rows.append(f"{row.line}{f'  {row.text}' if row.text else ''}")
                line = row.line
            where = ", ".join(row.stages)
            costs = "" if row.before is None else f"  {change(row.before, row.after)}"
            rows.append(f"  {row.count:>4} x {row.rule}  [{where}]{costs}")
            rows.append(f"         {row.why}")
        if self.judged is not None:
            rows.append(str(self.judged))
        return "\n".join(rows)

    __repr__ = __str__

    def _assumed(self) -> str:
        if not self.assumed:
            return ""
        more = len(self.assumed) - SHOWN
        names = ", ".join(self.assumed[:SHOWN]) + (f" and {more} more" if more > 0 else "")
        return f" (of size 100: {names})"


def report(
    function: Subject,
    args: tuple = (),
    kwargs: Mapping[str, object] | None = None,
    witness: bool = False,
    *,
    earlier: Trace | None = None,
    more: Mapping[Node, np.ndarray] | None = None,
    label: str = "",
) -> Report:
    """The report of a function. Arguments give the sizes, and the values of the witness, which are
    sampled without them; `earlier` is the trace of what came before the function, over inputs of
    which `more` has the values."""
    trace = traces.record(function)
    if earlier is not None:
        trace = traces.joined(earlier, trace)
    values: dict[Node, np.ndarray] = {}
    if args or kwargs or (witness and not function.inputs):
        values = given_values(function, args, kwargs or {})
    elif witness:
        values = _sampled(function)
    values = {**values, **(more or {})}
    sizes = _measured(function, values) if witness or args or kwargs else sizes_of(values)
    judged = judge(trace, values, sizes) if witness else None
    costs = Costs(sizes)
    rows = _rows(trace, costs)
    passes = tuple(
        (stage.name, costs.of_graph(stage.before), costs.of_graph(stage.after))
        for stage in trace.stages
        if stage.count
    )
    lowered = function.compilation.lowered()
    first = function.program.graph or lowered.written
    asked = getattr(function.program, "asked", None)
    if asked is not None:
        first = asked.outputs
    before, after = costs.of_graph(first), costs.of_graph(lowered.outputs)
    assumed = sorted({name.partition("#")[0] for name in costs.assumed})
    return Report(
        label or function.label, rows, passes, trace, before, after, tuple(assumed), judged
    )


def _sampled(function: Subject) -> dict[Node, np.ndarray]:
    """Values at random for which the graph as it was given has finite values."""
    asked = getattr(function.program, "asked", None)
    written = function.compilation.lowered().written
    graph = written if asked is None else asked.outputs

    def works(values: Mapping[Node, np.ndarray]) -> bool:
        for outputs in dict.fromkeys((graph, written)):
            scope = Scope(dict(values), sizes_of(values))
            with suppress(Exception):  # what an op raises for values that it is not made for
                return all(np.isfinite(scope.value(y)).all() for y in outputs)
        return False

    return sampled_values(function, graph, works)


def _measured(function: Subject, values: Mapping[Node, np.ndarray]) -> dict[str, int]:
    """The values of sizes that data decide, by the names that they have in the passes."""
    plain = detached(function.compilation.lowered().written)
    scope = Scope(dict(values), sizes_of(values))
    for name, source in plain.sources.items():
        scope.sizes[name] = int(scope.value(source))
    return scope.sizes


def _rows(trace: Trace, costs: Costs) -> tuple[Row, ...]:
    groups: dict[tuple[str, str], list[Step]] = {}
    for step in trace:
        if step.rule != BODIES:
            groups.setdefault((step.line, step.rule), []).append(step)
    rows = [_row(steps, costs) for steps in groups.values()]
    return tuple(sorted(rows, key=lambda row: (_place(row.line), row.steps)))


def _place(line: str) -> tuple[str, int]:
    file, _, number = line.rpartition(":")
    return file, int(number) if number.isdigit() else 0


def _row(steps: Sequence[Step], costs: Costs) -> Row:
    before, after = (Cost(), Cost()) if all(step.equal for step in steps) else (None, None)
    for step in steps if before is not None else ():
        one, other = difference(step.node, step.after, costs)
        before, after = before + one, after + other
    first = steps[0]
    return Row(
        _short(first.line), _source_line(first.line), first.rule, first.why, first.source,
        tuple(dict.fromkeys(step.stage for step in steps)), len(steps),
        tuple(step.number for step in steps), before, after,
    )  # fmt: skip


def _short(line: str) -> str:
    """A file below the working folder by its path from there."""
    file, _, number = line.rpartition(":")
    here = os.getcwd() + os.sep
    return f"{file.removeprefix(here)}:{number}"


def _source_line(line: str) -> str:
    """What stands in the user's file at a line."""
    file, number = line.rpartition(":")[::2]
    return linecache.getline(file, int(number)).strip() if number.isdigit() else ""
