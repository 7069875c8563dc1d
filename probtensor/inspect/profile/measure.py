"""A profile of one function on given arguments: times, and the parts that they belong to.

The code that runs is measured, and nothing else: samples of its plan say how its time is divided,
a clock says how long it takes. Where no samples can be taken, each kernel is built as a module of
its own and timed, and its time is divided among its lines by counts of their operations.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from numpy.typing import ArrayLike

from cython_ext.timing import Frame
from probtensor.dataclass import dataclass, replace
from probtensor.inspect.profile.advice import tips_for
from probtensor.inspect.profile.code.encoded import parts_of_program
from probtensor.inspect.profile.code.marks import Marked, Part, mark_of
from probtensor.inspect.profile.code.sampled import (
    Found,
    ModulePlace,
    ProgramPlace,
    Regions,
    kept,
    resolved,
    sampler,
)
from probtensor.inspect.profile.code.twin import twin_of
from probtensor.inspect.profile.compiling import compile_times
from probtensor.inspect.profile.counts import KernelWork, work_of
from probtensor.inspect.profile.memory import memory_of
from probtensor.inspect.profile.peaks import peaks
from probtensor.inspect.profile.rows import PROFILE_SECONDS, Profile, Row, runs_of
from probtensor.inspect.profile.stepped import timed_interp
from probtensor.inspect.subject import Subject
from probtensor.kernel.ir import Kernel, exprs_of, walk, walk_expr
from probtensor.lower.plan import Plan
from probtensor.ops.values.effects import quiet
from probtensor.targets.base import BuildError

ENOUGH = 30  # samples without which the time is divided by counts
MOST_RUNS = 1_000_000
CALLS = 2000
BATCHES = 3
PART = 4  # the plan and calls are timed without samples for a part of the runs


@quiet()
def profile(function: Subject, args: Sequence[ArrayLike], n: int | None) -> Profile:
    """Where the time goes on these arguments; see `Function.profile`."""
    n = runs_of(n)
    with unchanged(function):
        if callable(function.compilation.built.run):
            return timed_interp(function, args, n)
        return _measured(function, args, n)


class unchanged:
    """A block that leaves the shared variables of a function as they are."""

    def __init__(self, function: Subject) -> None:
        self.cells = [*(function.locked_cells or ())]

    def __enter__(self) -> None:
        self.values = [cell.value for cell in self.cells]

    def __exit__(self, *error: object) -> None:
        for cell, value in zip(self.cells, self.values, strict=True):
            cell.value = value


def _measured(function: Subject, args: Sequence[ArrayLike], n: int | None) -> Profile:
    frame = Frame(function, tuple(args))
    once = frame.time(function.code, 3)
    count = n or max(1, min(MOST_RUNS, int(PROFILE_SECONDS / max(once, 1e-8))))
    plan = marked_plan(function)
    sizes = {s.name: v for s, v in zip(plan.sizes, frame.sizes, strict=False)}
    works = work_of(plan, sizes)
    total = least(lambda k: frame.time(function.code, k), max(1, count // PART))
    found = sampled(function, plan, lambda: frame.time(function.code, count))
    if found is not None and found.count >= ENOUGH:
        how, samples = "sampled", found.count
        parts = shares_of(found, plan, works)
    else:
        how, samples = "estimated", 0
        parts = estimated(function, plan, works, frame, count)
    call = max(total, least(frame.time_calls, max(1, min(count // PART, CALLS))))
    made = assembled(Measured(plan, sizes, works, parts, total, call, count))
    made = replace(
        made, how=how, samples=samples, target=tier_of(function), label=function.label,
        timings=compile_times(function), peaks=peaks(),
    )  # fmt: skip
    return replace(made, tips=tips_for(made, function, args))


def least(seconds_of: Callable[[int], float], count: int) -> float:
    """The least seconds a run of some batches, of so many runs in all."""
    batches = min(BATCHES, count)
    return min(seconds_of(max(1, count // batches)) for _ in range(batches))


def tier_of(function: Subject) -> str:
    """The name of the target whose code runs."""
    built = function.compilation.built
    return getattr(built, "tier", function.compilation.target.name)


def marked_plan(function: Subject) -> Plan:
    """The plan of a function with marked operations."""
    with function.compilation.lines():
        return function.compilation.lowered().replan(marks=Marked())


# Samples.


def sampled(function: Subject, plan: Plan, run: Callable[[], object]) -> Found | None:
    """The samples of a run of a function's plan; None where none can be taken, or the code has no
    lines."""
    try:
        with sampler() as samples:
            run()
        regions = Regions()
        modules, programs = places_of(function, plan, regions)
    except (BuildError, OSError, RuntimeError):
        return None
    if not modules and not programs:
        return None
    seen = [sample for some in samples for sample in kept(some, regions)]
    return resolved(seen, modules, programs)


def places_of(
    function: Subject, plan: Plan, regions: Regions
) -> tuple[list[ModulePlace], list[ProgramPlace]]:
    """Where the code of a function is, of all that have run it. BuildError or OSError."""
    built = function.compilation.built
    modules: list[ModulePlace] = []
    programs: list[ProgramPlace] = []
    for one in (getattr(built, "first", None), getattr(built, "native", built)):
        if one is None:
            continue
        if one.program is not None:
            parts = parts_of_program(plan)
            if len(parts) == getattr(one.program, "length", -1):
                programs.append(ProgramPlace(parts, one.program.span[0]))
            continue
        region = regions.at(int(one.run))
        if region is not None and one.path:
            twin = twin_of(plan, one.source, one.path)
            modules += [ModulePlace(twin, region)] if twin.same else []
    return modules, programs


def shares_of(
    found: Found, plan: Plan, works: Mapping[str, KernelWork]
) -> dict[Part, float]:
    """The share of each part. What is in no line of a kernel, as the control of its loops, goes to
    its lines in proportion; what is in no kernel, to all of them."""
    known: dict[Part, float] = {}
    loose: dict[str, float] = {}
    for (_, part), seconds in found.parts.items():
        if part is not None and part.line:
            known[part] = known.get(part, 0.0) + seconds
        else:
            kernel = part.kernel if part is not None else ""
            loose[kernel] = loose.get(kernel, 0.0) + seconds
    for name, work in works.items():  # kernels of which no line was seen
        if not any(part.kernel == name for part in known):
            known |= divided(work, loose.pop(name, 0.0))
    for kernel, seconds in loose.items():
        own = {p: s for p, s in known.items() if kernel in ("", p.kernel)}
        within = sum(own.values())
        for part, s in own.items():
            known[part] += seconds * s / within if within else 0.0
    everything = sum(known.values()) or 1.0
    return {part: s / everything for part, s in known.items()}


# Counts.


def divided(work: KernelWork, seconds: float) -> dict[Part, float]:
    """The seconds of a kernel by part, in proportion to the costs of their operations; those of one
    that computes no element, evenly."""
    costs = {part: w.cost for part, w in work.parts.items() if part.line}
    if not any(costs.values()):
        costs = dict.fromkeys(costs, 1.0)
    total = sum(costs.values())
    return {part: seconds * cost / total for part, cost in costs.items()}


def estimated(
    function: Subject, plan: Plan, works: Mapping[str, KernelWork], frame: Frame, count: int
) -> dict[Part, float]:
    """The share of each part: kernels are built alone and timed, their lines are estimated."""
    built = function.compilation.built
    target = getattr(built, "running", function.compilation.target)
    seconds = [1.0]
    if len(plan.kernels) > 1:
        parts = [target.build(plan.alone(k)) for k in range(len(plan.kernels))]
        seconds = [frame.time(x.code, count, plan.stage_of(k)) for k, x in enumerate(parts)]
    return shares_by_counts(plan, works, seconds)


def shares_by_counts(
    plan: Plan, works: Mapping[str, KernelWork], seconds: Sequence[float]
) -> dict[Part, float]:
    """The share of each part, given the seconds of each kernel."""
    known: dict[Part, float] = {}
    total = sum(seconds) or 1.0
    for kernel, s in zip(plan.kernels, seconds):
        known |= divided(works[kernel.name], s / total)
    return known


# The result.


@dataclass(frozen=True)
class Measured:
    """What the tables of a profile are made of; `parts` are shares."""

    plan: Plan
    sizes: Mapping[str, int]
    works: Mapping[str, KernelWork]
    parts: Mapping[Part, float]
    total: float
    call: float
    count: int


def assembled(m: Measured) -> Profile:
    """The profile of what was measured."""
    seconds = {kernel.name: 0.0 for kernel in m.plan.kernels}
    for part, share in m.parts.items():
        seconds[part.kernel] = seconds.get(part.kernel, 0.0) + share * m.total
    everything = sum(seconds.values())
    if not everything and seconds:  # a plan without a line, as one that copies nothing
        seconds = dict.fromkeys(seconds, m.total / len(seconds))
        everything = m.total
    rows = []
    for kernel in m.plan.kernels:
        work = m.works[kernel.name]
        rows.append(Row(
            kernel.name, seconds[kernel.name], seconds[kernel.name] / (everything or 1.0),
            lines_of(kernel), work.total.flops, work.total.calls, work.bytes, work.exact,
        ))  # fmt: skip
    ordered = sorted(m.parts.items(), key=lambda item: -item[1])
    return Profile(
        total=m.total, call=m.call, count=m.count, rows=tuple(rows),
        parts=tuple((part, share * m.total) for part, share in ordered),
        memory=memory_of(m.plan, m.sizes),
    )  # fmt: skip


def by_kernels(
    function: Subject, values: Sequence[int], seconds: Sequence[float], total: float, count: int
) -> Profile:
    """The profile of a function on a device, of whose plan each kernel was timed; `values` are the
    plan's sizes."""
    plan = marked_plan(function)
    sizes = {s.name: v for s, v in zip(plan.sizes, values, strict=False)}
    works = work_of(plan, sizes, "cuda")
    parts = shares_by_counts(plan, works, seconds)
    made = assembled(Measured(plan, sizes, works, parts, total, total, count))
    return replace(made, target="cuda", label=function.label)


def lines_of(kernel: Kernel) -> tuple[str, ...]:
    """The user's lines that a kernel computes, in order."""
    found: dict[str, None] = {}
    for stmt in walk(kernel.body):
        found[getattr(stmt, "origin", "")] = None
        for acc in getattr(stmt, "accs", ()):
            found[acc.origin] = None
        for expr in exprs_of(stmt):
            for part in walk_expr(expr):
                mark = mark_of(part)
                if mark is not None:
                    found[mark[0]] = None
    found.pop("", None)
    return tuple(found)


def seconds_of_calls(call: Callable[[], object], count: int) -> float:
    """Seconds of one call, over so many."""
    began = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - began) / max(1, count)
