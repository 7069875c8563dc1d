"""A profile of a function that is interpreted: each statement is timed as it runs."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from probtensor.dataclass import dataclass, field, replace
from probtensor.inspect.profile.code.marks import FOLD_NAMES, Part, mark_of, operation_of
from probtensor.inspect.subject import Subject
from probtensor.kernel.interp import Machine
from probtensor.kernel.ir import For, Kernel, Scan, Stmt, exprs_of, walk_expr
from probtensor.late import late
from probtensor.lower.plan import Plan
from probtensor.targets.base import Built

measure = late("probtensor.inspect.profile.measure")

RUNS = 20
SECONDS = 0.5


@dataclass
class Times:
    """Seconds of the plan, and of each part; the sizes of the last run."""

    total: float = 0.0
    parts: dict[Part, float] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    def add(self, part: Part, seconds: float) -> None:
        """Add time to a part."""
        self.parts[part] = self.parts.get(part, 0.0) + seconds


class _Timing(Machine):
    """An interpreter that adds up the time of each statement, without those inside it."""

    times: Times
    kernel = ""
    loop = -1
    loops = 0
    inside = 0.0  # seconds of statements inside the present one

    def run(self, kernel: Kernel) -> int:
        self.kernel = kernel.name
        return super().run(kernel)

    def _stmt(self, stmt: Stmt) -> None:
        top = self.loop < 0 and isinstance(stmt, (For, Scan))
        if top:
            self.loop, self.loops = self.loops, self.loops + 1
        outside, self.inside = self.inside, 0.0
        began = time.perf_counter()
        super()._stmt(stmt)
        spent = time.perf_counter() - began
        own = spent - self.inside
        self.inside = outside + spent
        for part, share in self._parts(stmt):
            self.times.add(part, own * share)
        if top:
            self.loop = -1

    def _parts(self, stmt: Stmt) -> list[tuple[Part, float]]:
        """What the time of a statement alone belongs to: its operations, which take about the same
        time each; those of a loop are the terms of its folds."""
        if isinstance(stmt, For):
            found = [(a.origin, FOLD_NAMES.get(a.op, a.op)) for a in stmt.accs if a.origin]
        elif isinstance(stmt, Scan):
            found = [(s.origin, "scan") for s in stmt.states if s.origin]
        else:
            found = [(getattr(stmt, "origin", ""), operation_of(stmt))]
        for expr in exprs_of(stmt):
            for part in walk_expr(expr):
                mark = mark_of(part)
                if mark is not None:
                    found.append(mark)
        found = found or [("", "loop")]
        return [(Part(self.kernel, line, op, self.loop), 1 / len(found)) for line, op in found]


def timed_interp(function: Subject, args: Sequence[ArrayLike], n: int | None) -> object:
    """The profile of a function of the target "interp"."""
    target = function.compilation.target
    build = getattr(target, "build_with", None)
    if build is None:
        raise TypeError(f"profile: target {target.name!r} has no kernels that can be timed")
    times = Times()
    plan = measure.marked_plan(function)
    inner = build(plan, type("Timing", (_Timing,), {"times": times})).run

    def run(arrays: list[np.ndarray | None], values: list[int]) -> int:
        times.sizes = {source.name: v for source, v in zip(plan.sizes, values)}
        began = time.perf_counter()
        status = inner(arrays, values)
        times.total += time.perf_counter() - began
        return status

    compilation = replace(function.compilation, built=Built(run))
    timed = function.with_compilation(compilation)
    timed(*args)
    once = max(times.total, 1e-9)
    times.total, times.parts = 0.0, {}
    count = n or max(1, min(RUNS, int(SECONDS / once)))
    call = measure.seconds_of_calls(lambda: timed(*args), count)
    return _made(function, plan, times, count, call)


def _made(function: Subject, plan: Plan, times: Times, count: int, call: float) -> object:
    works = measure.work_of(plan, times.sizes, "interp")
    found = measure.Found(parts={(0, part): s for part, s in times.parts.items()})
    parts = measure.shares_of(found, plan, works)
    made = measure.assembled(
        measure.Measured(plan, times.sizes, works, parts, times.total / count, call, count)
    )
    return replace(
        made, how="timed", target="interp", label=function.label,
        timings=measure.compile_times(function), peaks=measure.peaks(),
    )  # fmt: skip
