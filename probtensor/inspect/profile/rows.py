"""Seconds for each kernel of a function: the plan's kernels, each as a module of its own."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import ArrayLike

from cython_ext.timing import Frame
from probtensor.dataclass import dataclass, replace
from probtensor.inspect.subject import Subject
from probtensor.kernel.ir import Kernel, walk

PROFILE_SECONDS = 0.5


@dataclass(frozen=True)
class Row:
    """One kernel: seconds a call, its share, and the user's lines in it."""

    kernel: str
    seconds: float
    share: float
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Profile:
    """`total` seconds for one run of the plan, `call` for a call from Python, and the kernels."""

    total: float
    call: float
    count: int
    rows: tuple[Row, ...]

    def __str__(self) -> str:
        head = (
            f"{1e6 * self.call:.2f} us a call from Python, {1e6 * self.total:.2f} us of it in the "
            f"plan ({self.count} runs)"
        )
        rows = [head]
        for row in self.rows:
            rows.append(f"  {row.kernel:<5} {1e6 * row.seconds:10.2f} us {100 * row.share:5.1f} %")
            rows += [f"        {line}" for line in row.lines[:6]]
        return "\n".join(rows)

    __repr__ = __str__


def profile(function: Subject, args: Sequence[ArrayLike], n: int | None) -> Profile:
    """Time the plan and each of its kernels on these arguments; see `Function.profile`."""
    if callable(function.compilation.built.run):
        raise TypeError("profile needs target='cython': other targets have no kernels to time")
    function.require_one_stage()
    frame = Frame(function, tuple(args))
    once = frame.time(function.code, 1)
    built = function.compilation.built
    plan, target = function.plan, getattr(built, "running", function.compilation.target)
    parts = max(1, len(plan.kernels)) + 2
    count = n or max(1, min(100_000, int(PROFILE_SECONDS / parts / max(once, 1e-8))))
    total = frame.time(function.code, count)
    seconds = []
    for kernel in plan.kernels:
        part = target.build(replace(plan, kernels=(kernel,)))
        seconds.append(frame.time(part.code, count))
    kernels_total = sum(seconds) or 1.0
    rows = tuple(
        Row(kernel.name, s, s / kernels_total, lines_of(kernel))
        for kernel, s in zip(plan.kernels, seconds)
    )
    return Profile(total, frame.time_calls(count), count, rows)


def lines_of(kernel: Kernel) -> tuple[str, ...]:
    """The user's lines that a kernel computes, in order."""
    found: dict[str, None] = {}
    for stmt in walk(kernel.body):
        found[getattr(stmt, "origin", "")] = None
        for acc in getattr(stmt, "accs", ()):
            found[acc.origin] = None
    found.pop("", None)
    return tuple(found)
