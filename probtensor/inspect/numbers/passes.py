"""The graph before and after each pass of compilation, on the arguments of one call.

A pass may change the last bits of a result, and a stable form changes many: it is nearer to the
exact value. So a pass is to blame if its result is further from the value in longer precision than
what it was given, by more than the tolerance; and of its rules one is, if the result is right
without it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, groupby
from operator import is_

import numpy as np

from probtensor.dataclass import dataclass, replace
from probtensor.graph.node import GraphError, Node
from probtensor.graph.resize import Detached, detached
from probtensor.graph.walk import toposort
from probtensor.inspect.numbers.compare import TOLERANCES, ulps_apart
from probtensor.inspect.numbers.shadow import Shadow, numbers_for, size_of
from probtensor.inspect.replay import Evaluation, Level, compiled, level_of
from probtensor.inspect.subject import Subject
from probtensor.ops.complexes.pair import joined
from probtensor.ops.kinds import Random
from probtensor.transform.passes import Pass, run
from probtensor.transform.rewrite import RewriteError, RewriteLog, Rule, Ruleset, apply_rules

SLACK = 8.0  # times the error of what a pass was given: it is no worse up to this
MOST_RULES = 60  # of a pass, that are left out in turn


@dataclass(frozen=True)
class PassFault:
    """A pass that made a result worse.

    name          of the pass; `rule` is the rule in it that is at fault, `why` its reason, `where`
                  its place, and `lines` the user's lines at which it applied; empty where no rule
                  alone is
    result        the number of the result, and the `index` of its worst element
    before, after, exact
                  its value before and after the pass, and that in longer precision
    ulps          by how many units in the last place the pass changed it
    """

    name: str
    rule: str
    why: str
    where: str
    lines: tuple[str, ...]
    result: int
    index: tuple[int, ...]
    before: float
    after: float
    exact: float | None
    ulps: float

    def __str__(self) -> str:
        at = f"[{', '.join(map(str, self.index))}]" if self.index else ""
        rows = [
            f"pass {self.name!r} makes result {self.result}{at} wrong",
            f"{self.before!r} before it, {self.after!r} after it ({self.ulps:.3g} ulps apart)",
        ]
        rows += [f"in longer precision {self.exact!r}"] if self.exact is not None else []
        if self.rule:
            rows += [f"by the rule {self.rule}  ({self.where})", f"which says: {self.why}"]
            rows += [f"at {line}" for line in self.lines[:4]]
        return "\n  ".join(rows)


@dataclass(frozen=True)
class PassComparison:
    """What `Function.compare("passes", ...)` found; prints as text.

    fault    the first pass that made a result worse, or None
    changes  for each pass that changed a value its name and the largest change, in ulps
    """

    fault: PassFault | None
    changes: tuple[tuple[str, float], ...]

    @property
    def equal(self) -> bool:
        """Whether no pass made a result worse."""
        return self.fault is None

    def __str__(self) -> str:
        rows = [str(self.fault) if self.fault else "no pass makes a result worse"]
        rows += [f"  pass {name!r} changed a result by {ulps:.3g} ulps"
                 for name, ulps in self.changes]  # fmt: skip
        return "\n".join(rows)

    __repr__ = __str__


class _Judge:
    """Says how far outputs are from those of the graph as it was written, in longer precision."""

    def __init__(self, level: Level, outputs: Sequence[Node], rtol: float | None) -> None:
        self.rtols = TOLERANCES if rtol is None else dict.fromkeys(TOLERANCES, rtol)
        try:
            self.numbers = numbers_for(size_of(level))
        except ImportError:
            self.exact: list[np.ndarray | None] = [None] * len(outputs)
            return
        with self.numbers.context():
            values = Shadow(self.numbers).of(level)
        self.exact = [values[y] for y in outputs]

    def worse(self, before: np.ndarray, after: np.ndarray, k: int) -> np.ndarray:
        """Where output k has become worse."""
        if before.dtype.kind != "f":
            return np.asarray(before != after)
        rtol = self.rtols.get(str(before.dtype), 1e-9)
        if self.exact[k] is None:
            one = np.zeros(before.shape)
            with np.errstate(all="ignore"):
                two = np.abs(after - before) / np.maximum(np.abs(after), np.abs(before))
            two = np.where((before == after) | (np.isnan(before) & np.isnan(after)), 0.0, two)
            two = np.where(np.isnan(two), 1.0, two)
        else:
            with self.numbers.context():
                one = self.numbers.error(before, self.exact[k])
                two = self.numbers.error(after, self.exact[k])
        return two > SLACK * one + rtol


def compared(
    function: Subject, values: Sequence[np.ndarray], rtol: float | None
) -> PassComparison:
    """The comparison on the arrays of the plan's inputs. Rules that a user gave with the function
    come first; the exact values are those of the graph before them."""
    lowered, graph = function.compilation.lowered(), compiled(function)
    given = dict(zip(graph.inputs, values, strict=True))
    stretches = [(detached(lowered.written), lowered.steps)]
    asked = _asked(function)
    if asked is not None:
        stretches.insert(0, asked)
    judge, changes = None, []
    for plain, steps in stretches:
        names, current = list(plain.sources), [*plain.sources.values(), *plain.outputs]

        def level(outputs: Sequence[Node], names: list[str] = names) -> Level:
            sources = dict(zip(names, outputs[: len(names)], strict=True))
            return level_of(Evaluation(outputs[len(names) :], given, sources).run())

        start = level(current)
        judge = judge or _Judge(start, plain.outputs, rtol)
        before = [np.asarray(start.values[y]) for y in plain.outputs]
        for step in steps:
            made = run([step], current)
            if all(map(is_, made, current)):
                continue
            done = level(made)
            after = [np.asarray(done.values[y]) for y in made[len(names) :]]
            most = max((_change(a, b) for a, b in zip(before, after, strict=True)), default=0.0)
            if most:
                changes.append((step.name, most))
            bad = _first_worse(judge, before, after)
            if bad is not None:
                fault = _fault(step, current, level, judge, before, after, bad)
                return PassComparison(fault, tuple(changes))
            current, before = made, after
    return PassComparison(None, tuple(changes))


def _asked(function: Subject) -> tuple[Detached, list[Pass]] | None:
    """The graph before the rules that were given with a function, and these as passes; None where
    there are none, or where it draws, so that it has no value yet."""
    asked = getattr(function.program, "asked", None)
    if asked is None:
        return None
    outputs = list(map(joined, asked.outputs))
    if any(isinstance(x.op, Random) for x in toposort(outputs)):
        return None
    if [y.type for y in outputs] != [y.type for y in function.compilation.lowered().written]:
        return None
    rules = list(asked.rules) if isinstance(asked.rules, (list, tuple)) else [asked.rules]
    steps = []
    for kind, members in groupby(rules, lambda x: isinstance(x, (Rule, Ruleset))):
        if kind:
            parts = [x.rules if isinstance(x, Ruleset) else (x,) for x in members]
            steps.append(Pass("given rules", Ruleset(*dict.fromkeys(chain(*parts)))))
        else:
            steps += [x if isinstance(x, Pass) else Pass(getattr(x, "__name__", "given"), x)
                      for x in members]  # fmt: skip
    return detached(outputs), steps


def _change(a: np.ndarray, b: np.ndarray) -> float:
    if a.dtype.kind != "f" or not a.size:
        return 0.0
    return float(ulps_apart(a, b).max())


def _first_worse(
    judge: _Judge, before: Sequence[np.ndarray], after: Sequence[np.ndarray]
) -> tuple[int, tuple[int, ...]] | None:
    """The first output that has become worse, and the element; None if none has."""
    for k, (a, b) in enumerate(zip(before, after, strict=True)):
        bad = judge.worse(a, b, k)
        if bad.any():
            return k, tuple(map(int, np.unravel_index(np.argmax(bad), bad.shape)))
    return None


def _fault(
    step: Pass,
    outputs: list[Node],
    level: Callable[[Sequence[Node]], Level],
    judge: _Judge,
    before: Sequence[np.ndarray],
    after: Sequence[np.ndarray],
    bad: tuple[int, tuple[int, ...]],
) -> PassFault:
    k, index = bad
    exact = None if judge.exact[k] is None else float(judge.exact[k][index])
    found = PassFault(
        step.name, "", "", "", (), k, index, before[k][index].item(), after[k][index].item(), exact,
        _change(before[k][index], after[k][index]),
    )  # fmt: skip
    if not isinstance(step.action, Ruleset):
        return found

    def is_right(made: Sequence[Node]) -> bool:
        done = level(made)
        values = [np.asarray(done.values[y]) for y in made[len(made) - len(before) :]]
        return _first_worse(judge, before, values) is None

    guilty, lines = guilty_rule(step.action, outputs, is_right)
    if guilty is None:
        return found
    return replace(found, rule=guilty.name, why=guilty.why, where=guilty.line, lines=lines)


def guilty_rule(
    rules: Ruleset, outputs: list[Node], is_right: Callable[[Sequence[Node]], bool]
) -> tuple[Rule | None, tuple[str, ...]]:
    """The rule without which the others give a right result, and the user's lines at which it
    applied; None if it is not one rule alone."""
    log = RewriteLog()
    apply_rules(outputs, rules, log)
    fired: dict[str, dict[str, None]] = {}
    for name, line in log.fired:
        fired.setdefault(name, {})[line] = None
    for candidate in [r for r in rules if r.name in fired][:MOST_RULES]:
        rest = Ruleset(*[r for r in rules if r is not candidate])
        try:
            right = is_right(apply_rules(outputs, rest))
        except (GraphError, RewriteError):
            continue
        if right:
            return candidate, tuple(fired[candidate.name])
    return None, ()
