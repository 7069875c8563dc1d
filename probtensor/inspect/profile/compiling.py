"""Seconds of making a function: by stage, by pass and by rule."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from probtensor.dataclass import dataclass, field, replace
from probtensor.graph.node import Node
from probtensor.inspect.profile.rows import duration
from probtensor.inspect.subject import Subject
from probtensor.transform.passes import Pass, PassRecord, run
from probtensor.transform.rewrite import Rule, Ruleset

SHOWN = 12


def compile_times(function: Subject) -> Mapping[str, float]:
    """Seconds of each stage of making it so far, by name."""
    return {**function.compilation.timings, **function.compilation.built.timings}


@dataclass(frozen=True)
class RuleTime:
    """A rule: seconds of all attempts, how often it was tried, and how often it fired."""

    rule: str
    seconds: float
    tried: int
    fired: int


@dataclass(frozen=True)
class CompileProfile:
    """Where the time of making a function goes. Printed, it is a table.

    stages  seconds of each stage, as `Function.timings` has them
    passes  what each pass did, in order: `name`, `seconds`, `nodes_before`, `nodes_after`, `fired`
    rules   the rules that were tried, the slowest first
    """

    stages: Mapping[str, float]
    passes: tuple[PassRecord, ...]
    rules: tuple[RuleTime, ...]

    def __str__(self) -> str:
        rows = [f"{duration(s):>12}  {name}" for name, s in self.stages.items()]
        rows += ["", f"{'time':>12}  pass"]
        for p in self.passes:
            if p.seconds >= 1e-5:
                rows.append(f"{duration(p.seconds):>12}  {p.name}: {p.nodes_before} to "
                            f"{p.nodes_after} nodes")
        rows += ["", f"{'time':>12} {'tried':>7} {'fired':>6}  rule"]
        rows += [f"{duration(r.seconds):>12} {r.tried:>7} {r.fired:>6}  {r.rule}"
                 for r in self.rules[:SHOWN]]  # fmt: skip
        return "\n".join(rows)

    __repr__ = __str__


@dataclass
class _Clock:
    """The attempts of rules: seconds and times, by name."""

    seconds: dict[str, float] = field(default_factory=dict)
    tried: dict[str, int] = field(default_factory=dict)
    fired: dict[str, int] = field(default_factory=dict)

    def timed(self, rule: Rule) -> Rule:
        """The rule, which adds up its attempts here."""
        name, apply = rule.name, rule.apply

        def attempt(node: Node, facts: object) -> Node | None:
            began = time.perf_counter()
            found = apply(node, facts)
            spent = time.perf_counter() - began
            self.seconds[name] = self.seconds.get(name, 0.0) + spent
            self.tried[name] = self.tried.get(name, 0) + 1
            if found is not None and found is not node:
                self.fired[name] = self.fired.get(name, 0) + 1
            return found

        return replace(rule, apply=attempt)

    def rows(self) -> tuple[RuleTime, ...]:
        """The rules, the slowest first."""
        found = [
            RuleTime(name, s, self.tried[name], self.fired.get(name, 0))
            for name, s in self.seconds.items()
        ]
        return tuple(sorted(found, key=lambda row: -row.seconds))


def compile_profile(function: Subject) -> CompileProfile:
    """Run the passes of a function again, with a clock at each pass and each rule."""
    written, passes = function.compilation.lowered().passes.args
    clock = _Clock()
    log: list[PassRecord] = []
    run(_with_clock(passes, clock.timed), list(written), log=log)
    return CompileProfile(compile_times(function), tuple(log), clock.rows())


def _with_clock(passes: Sequence[Pass], timed: Callable[[Rule], Rule]) -> list[Pass]:
    return [
        replace(step, action=Ruleset(*map(timed, step.action)))
        if isinstance(step.action, Ruleset)
        else step
        for step in passes
    ]
