"""What a profile has: seconds by kernel, loop, line and op; work, memory and advice beside them."""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from probtensor.dataclass import dataclass, field
from probtensor.graph.symbolic import refusal
from probtensor.inspect.profile.code.marks import Part
from probtensor.inspect.profile.peaks import Peaks
from probtensor.late import late
from probtensor.targets.spell import user_text

formats = late("probtensor.inspect.profile.formats")
pages = late("probtensor.inspect.profile.page")

PROFILE_SECONDS = 0.5  # time to measure for
SHOWN = 12  # lines in the text
HOW = {
    "sampled": "{} samples",
    "timed": "each statement timed",
    "estimated": "kernels timed one by one, lines in them by counts of operations",
}


@dataclass(frozen=True)
class Row:
    """One kernel: seconds a run, its share of the plan, and the user's lines in it.

    flops  additions, multiplications, comparisons, divisions and roots in a run; None if they are
           not known
    calls  calls of other functions in a run, by name: exp, lgamma
    bytes  of the buffers that it reads and writes
    exact  whether these are counts; else estimates, as for a loop until a condition
    """

    kernel: str
    seconds: float
    share: float
    lines: tuple[str, ...]
    flops: float | None = None
    calls: Mapping[str, float] = field(default_factory=dict)
    bytes: float | None = None
    exact: bool = True

    @property
    def intensity(self) -> float:
        """Flops for each byte."""
        return (self.flops or 0.0) / self.bytes if self.bytes else 0.0


@dataclass(frozen=True)
class Line:
    """One line of the user: seconds a run, its share of the plan, and seconds of each op."""

    line: str
    seconds: float
    share: float
    ops: Mapping[str, float]

    @property
    def text(self) -> str:
        """The line's text; empty where its file cannot be read."""
        return text_of(self.line)


@dataclass(frozen=True)
class Share:
    """Seconds a run of an op, a loop or a term, and its share of the plan."""

    name: str
    seconds: float
    share: float


@dataclass(frozen=True)
class Held:
    """A buffer at the peak of the temporaries: its bytes, what it is, and the line."""

    buffer: str
    role: str
    bytes: int
    line: str


@dataclass(frozen=True)
class MemoryUse:
    """Bytes of a call: of arguments, results, constants, of the arena of temporaries; `peak` is
    their sum, `held` the temporaries that live in the kernel `at`, the largest first."""

    inputs: int
    outputs: int
    constants: int
    arena: int
    at: str
    held: tuple[Held, ...]

    @property
    def peak(self) -> int:
        """Bytes of all of it."""
        return self.inputs + self.outputs + self.constants + self.arena


@dataclass(frozen=True)
class Profile:
    """Where the time of a function goes, in the code that runs it. Printed, it is a table.

    total    seconds of one run of the plan
    call     seconds of a call from Python: the rest is arguments and results
    count    runs that were timed
    rows     kernels, in their order
    parts    (part, seconds a run) of each op of each line in each loop: all tables are sums of it
    how      "sampled", "timed" or "estimated": see docs/debugging.md
    samples  their number
    memory   bytes of a call; None where they are not known
    peaks    what this machine can do; None if it has not been measured
    tips     what may make it faster, as text
    timings  seconds of each stage, pass and rule of making it, by name
    target   what ran: "cython", "machine", "interp" or "cuda"
    terms    of a posterior: the terms of its density
    """

    total: float
    call: float
    count: int
    rows: tuple[Row, ...]
    parts: tuple[tuple[Part, float], ...] = ()
    how: str = "estimated"
    samples: int = 0
    memory: MemoryUse | None = None
    peaks: Peaks | None = None
    tips: tuple[str, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)
    target: str = ""
    label: str = "function"
    terms: tuple[Share, ...] = ()

    @property
    def python(self) -> float:
        """Seconds of a call that are not in the plan."""
        return max(0.0, self.call - self.total)

    @property
    def lines(self) -> tuple[Line, ...]:
        """The user's lines, the slowest first."""
        return lines_of_parts(self.parts, self.total)

    @property
    def ops(self) -> tuple[Share, ...]:
        """The ops, the slowest first."""
        return self._by(lambda part: part.op)

    @property
    def loops(self) -> tuple[Share, ...]:
        """The outermost loops of each kernel, as k0.1, the slowest first; what stands outside of
        them is k0."""
        return self._by(lambda p: p.kernel if p.loop < 0 else f"{p.kernel}.{p.loop}")

    def _by(self, name: Callable[[Part], str]) -> tuple[Share, ...]:
        found: dict[str, float] = {}
        for part, seconds in self.parts:
            found[name(part)] = found.get(name(part), 0.0) + seconds
        return tuple(Share(n, s, self._share(s)) for n, s in _sorted(found).items())

    def _share(self, seconds: float) -> float:
        return seconds / self.total if self.total else 0.0

    def roof(self, row: Row) -> float | None:
        """The share that a kernel reaches of what this machine can do at most with so many flops
        and bytes: its roofline. Calls of functions are not in it, and data that caches hold are
        faster than the memory, so that it may be above 1. None where it is not known.

            >>> x = pt.vector("x")
            >>> found = pt.function([x], pt.sum(x * x)).profile(np.ones(100), n=2)
            >>> found.roof(found.rows[0]) > 0
            True
        """
        if self.peaks is None or not row.seconds or row.flops is None or row.bytes is None:
            return None
        return self.peaks.bound(row.flops, row.bytes) / row.seconds

    def save(self, path: str | os.PathLike) -> Path:
        """Write it to a file, in the format that its name says: `.speedscope.json` for
        https://www.speedscope.app, `.trace.json` for Chrome's chrome://tracing and Perfetto,
        `.html` a page that needs nothing else, `.txt` the text. Returns the path. ValueError for
        another name.

            >>> x = pt.vector("x")
            >>> pt.function([x], pt.sum(pt.exp(x))).profile([1.0, 2.0], n=2).save("x.html").name
            'x.html'
        """
        path = Path(path)
        path.write_text(formats.text_for(self, path.name), encoding="utf-8")
        return path

    def events(self) -> Iterator[tuple[int, int, float, tuple[str, ...]]]:
        """One run of the plan as if its parts ran one after the other, for `save`: thread, end in
        nanoseconds, seconds, and what ran, the outermost first."""
        at = 0.0
        order = {row.kernel: k for k, row in enumerate(self.rows)}
        for part, seconds in sorted(self.parts, key=lambda x: order.get(x[0].kernel, -1)):
            at += seconds
            yield 0, round(1e9 * at), seconds, (self.label, part.kernel, part.line, part.op)
        if self.python:
            end = round(1e9 * (at + self.python))
            yield 0, end, self.python, ("Python: arguments and results",)

    def _repr_html_(self) -> str:
        return pages.table(self)

    def __str__(self) -> str:
        return "\n".join(text_rows(self))

    __repr__ = __str__


def lines_of_parts(parts: Iterable[tuple[Part, float]], total: float) -> tuple[Line, ...]:
    """The user's lines of seconds by part, the slowest first; shares are of `total`."""
    found: dict[str, dict[str, float]] = {}
    for part, seconds in parts:
        ops = found.setdefault(part.line, {})
        ops[part.op] = ops.get(part.op, 0.0) + seconds
    made = []
    for line, ops in found.items():
        seconds = sum(ops.values())
        made.append(Line(line, seconds, seconds / total if total else 0.0, _sorted(ops)))
    return tuple(sorted(made, key=lambda row: -row.seconds))


def _sorted(found: Mapping[str, float]) -> dict[str, float]:
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def runs_of(n: object) -> int | None:
    """The number of runs that a user asks for; TypeError or ValueError for what is none."""
    if n is None:
        return None
    if isinstance(n, bool) or not hasattr(n, "__index__"):
        raise refusal(f"profile: n is a number of runs, not {n!r:.40}")
    if operator.index(n) < 1:
        raise refusal(f"profile: n is a number of runs, at least 1, not {n!r:.40}",
                      "without n as many run as take about half a second", kind=ValueError)
    return operator.index(n)


# Text.


def text_rows(profile: Profile) -> list[str]:
    """A profile as lines of text."""
    p = profile
    how = HOW[p.how].format(p.samples)
    rows = [
        f"{p.label}: {duration(p.call)} a call from Python, {duration(p.total)} of it in the plan "
        f"({p.target}, {p.count} runs, {how})"
    ]
    lines = p.lines
    if lines:
        rows += ["", f"{'time':>12} {'share':>7}  line", *line_rows(lines[:SHOWN])]
        rest = sum(row.seconds for row in lines[SHOWN:])
        if rest:
            rows.append(f"{duration(rest):>12} {100 * p._share(rest):6.1f} %  "
                        f"{len(lines) - SHOWN} more lines")
        rows.append(f"{duration(p.python):>12}          Python: arguments and results of a call")
    if p.terms:
        rows += ["", f"{'time':>12} {'share':>7}  term of the density"]
        rows += [f"{duration(t.seconds):>12} {100 * t.share:6.1f} %  {t.name}" for t in p.terms]
    rows += _kernel_rows(p)
    if p.memory is not None:
        rows += _memory_rows(p.memory)
    rows += [f"tip: {tip}" for tip in p.tips]
    return rows


def line_rows(lines: Iterable[Line]) -> list[str]:
    """Lines of the user as lines of text."""
    rows = []
    for row in lines:
        ops = ", ".join(
            f"{op} {100 * s / row.seconds:.0f} %" if len(row.ops) > 1 and row.seconds else op
            for op, s in [*row.ops.items()][:3]
        )
        where = short(row.line) if row.line else "(no line)"
        text = f"{where}: {row.text}" if row.text else where
        rows.append(f"{duration(row.seconds):>12} {100 * row.share:6.1f} %  {text}")
        rows.append(f"{'':24}{ops}")
    return rows


def _kernel_rows(p: Profile) -> list[str]:
    rows = ["", f"{'time':>12} {'share':>7}  {'kernel':<7} {'Gflop/s':>8} {'GB/s':>7} {'roof':>6}"
            "  work"]
    for row in p.rows:
        speed, roof = f"{'':>8} {'':>7}", p.roof(row)
        if row.flops is not None and row.bytes is not None and row.seconds:
            speed = f"{1e-9 * row.flops / row.seconds:8.2f} {1e-9 * row.bytes / row.seconds:7.2f}"
        speed += f" {'':>6}" if roof is None else f" {100 * roof:4.0f} %"
        work = []
        if row.flops:
            work.append(f"{number(row.flops).strip()} flops")
        work += [f"{number(n).strip()} {name}" for name, n in row.calls.items()]
        if row.bytes:
            work.append(f"{number(row.bytes)}B")
        mark = "" if row.exact else "about "
        rows.append(f"{duration(row.seconds):>12} {100 * row.share:6.1f} %  {row.kernel:<7} "
                    f"{speed}  {mark}{', '.join(work)}".rstrip())
        rows += [f"{'':24}{short(line)}" for line in row.lines[:6]]
    if p.peaks is not None:
        rows.append(f"this machine: {p.peaks}")
    return rows


def _memory_rows(memory: MemoryUse) -> list[str]:
    rows = ["", f"memory of a call: {number(memory.peak)}B: arguments {number(memory.inputs)}B, "
                f"results {number(memory.outputs)}B, constants {number(memory.constants)}B, "
                f"temporaries {number(memory.arena)}B"]  # fmt: skip
    rows += [
        f"  {number(h.bytes)}B in {h.buffer} at {memory.at}: {short(h.line)}"
        for h in memory.held[:5]
    ]
    return rows


def text_of(line: str) -> str:
    """The text of a line of the user, `file:line`."""
    file, _, number_of = line.rpartition(":")
    return user_text(file, int(number_of)).strip() if number_of.isdecimal() else ""


def short(line: str) -> str:
    """A line without the folder of its file."""
    return line.replace("\\", "/").rsplit("/", 1)[-1]


def duration(seconds: float) -> str:
    """Seconds as text."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}" if seconds < 100 * size else (
                f"{seconds / size:.0f} {unit}")
    return f"{1e9 * seconds:.3g} ns"


def number(count: float) -> str:
    """A large number as text: 1.5 M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count:.3g} "
