"""A profile of whatever runs in a block: calls of functions, samplers, and Python between them."""

from __future__ import annotations

import gc
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from cython_ext.entry import Entry
from probtensor.calls import public
from probtensor.dataclass import dataclass
from probtensor.inspect.profile.code.marks import Part
from probtensor.inspect.profile.code.sampled import (
    BLOCK_INTERVAL,
    GENERATED,
    Found,
    ModulePlace,
    ProgramPlace,
    Regions,
    Seen,
    Watch,
    names_in,
    resolved,
)
from probtensor.inspect.profile.measure import marked_plan, places_of
from probtensor.inspect.profile.rows import (
    SHOWN,
    Line,
    Share,
    duration,
    line_rows,
    lines_of_parts,
)
from probtensor.inspect.subject import Subject
from probtensor.late import late
from probtensor.targets.base import BuildError

formats = late("probtensor.inspect.profile.formats")

MANGLED = re.compile(
    r"__pyx_[a-z]+_.*cython_ext_8samplers_\d+(?:nuts|chain|leapfrog|estimates)_(\w+)"
)
_NUMBERS = re.compile(r"(?:^|_)\d+(?=[A-Za-z])")  # lengths and numbers in the names of C
UNSEEN = "not sampled: beginnings and ends of threads, and the sampling"
LIBRARIES = (
    ("openblas", "BLAS and LAPACK"), ("libblas", "BLAS and LAPACK"), ("mkl", "BLAS and LAPACK"),
    ("libpython", "Python"), ("/python", "Python"), ("numpy", "NumPy"), ("scipy", "SciPy"),
    ("libc.so", "system"), ("libm.so", "system"), ("ld-linux", "system"), ("[vdso]", "system"),
    ("cython_ext/levels", "the machine"), ("cython_ext/", "calls: arguments and results"),
)  # fmt: skip


def _plain_name(symbol: str) -> str:
    """The name of a function of the samplers, given that of its symbol."""
    found = MANGLED.search(symbol)
    return _NUMBERS.sub(".", found[1]).strip(".") if found else "other"


@dataclass(frozen=True)
class FunctionShare:
    """What a function has taken: processor seconds in its plan, their share of all, and of each op
    of each line."""

    label: str
    seconds: float
    share: float
    parts: tuple[tuple[Part, float], ...]
    function: object

    @property
    def lines(self) -> tuple[Line, ...]:
        """The user's lines, the slowest first; shares are of this function."""
        return lines_of_parts(self.parts, self.seconds)


@public
class profiling:
    """A block whose running time is divided among what ran in it.

        with pt.profiling() as p:
            idata = pt.sample(posterior, draws=1000)
        print(p)

    Every thread is sampled, each `interval` seconds on average; compiled functions are not changed.
    After the block:

    seconds    processor seconds of all threads
    wall       seconds on the clock
    functions  compiled functions that ran, the slowest first: `label`, `seconds`, `share`, `lines`
    others     what else took time: Python, the sampler's own functions, copies of arguments
    samples    their number

    `seconds` is what the shares are of; a function that no longer exists at the end of the block is
    listed by the name of its module. `save(path)` writes the formats of `Profile.save`. Profiles
    cannot be nested: RuntimeError. OSError on systems on which threads cannot be sampled (all but
    Linux on x86-64 and ARM), and where another profiler uses SIGPROF.

        >>> x = pt.vector("x")
        >>> f = pt.function([x], pt.sum(pt.exp(x)))
        >>> with pt.profiling() as p:
        ...     value = f([0.0, 0.0])
        >>> bool(p.wall > 0)
        True
    """

    def __init__(self, *, interval: float = BLOCK_INTERVAL) -> None:
        if not 1e-5 <= interval <= 1.0:
            raise ValueError(f"profiling: interval is in seconds, from 1e-5 to 1, not {interval!r}")
        self._interval = interval
        self._done = False

    def __enter__(self) -> profiling:
        self._watch = Watch(self._interval)
        self._watch.start()
        self._began, self._processors = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *error: object) -> None:
        self._wall = time.perf_counter() - self._began
        self._spent = time.process_time() - self._processors
        self._watch.stop()
        self._resolve(self._watch.samples)
        self._done = True

    def _resolve(self, samples: list[Seen]) -> None:
        regions = Regions()
        owners: list[Subject] = []
        modules: list[ModulePlace] = []
        programs: list[ProgramPlace] = []
        of_modules, of_programs = [], []
        for function in _functions(samples, regions):
            try:
                some, others = places_of(function, marked_plan(function), regions)
            except (BuildError, OSError):
                continue
            fresh = [m for m in some if all(m.region.start != k.region.start for k in modules)]
            modules += fresh
            of_modules += [len(owners)] * len(fresh)
            programs += others
            of_programs += [len(owners)] * len(others)
            owners.append(function)
        found = resolved(samples, modules, programs)
        owner_of = [*of_modules, *of_programs]
        self._found, self._owners, self._owner_of = found, owners, owner_of
        self._labels = [_label(function) for function in owners]
        self._divide(found)

    def _divide(self, found: Found) -> None:
        """The tables, from what was found."""
        unseen = max(0.0, self._spent - found.seconds)
        total = self._total = found.seconds + unseen or 1.0
        by_owner: dict[int, dict[Part, float]] = {}
        for (place, part), seconds in found.parts.items():
            own = by_owner.setdefault(self._owner_of[place], {})
            part = part or Part("", "", "loops")
            own[part] = own.get(part, 0.0) + seconds
        made = []
        for owner, parts in by_owner.items():
            seconds = sum(parts.values())
            spread = sorted(_spread(parts).items(), key=lambda item: -item[1])
            made.append(FunctionShare(
                self._labels[owner], seconds, seconds / total, tuple(spread), self._owners[owner]
            ))  # fmt: skip
        self._functions = tuple(sorted(made, key=lambda f: -f.seconds))
        others: dict[str, float] = {}
        for name, seconds in _activities(found.others):
            others[name] = others.get(name, 0.0) + seconds
        if unseen:
            others[UNSEEN] = unseen
        ordered = sorted(others.items(), key=lambda item: -item[1])
        self._others = tuple(Share(name, s, s / total) for name, s in ordered)

    def _ended(self) -> None:
        if not self._done:
            raise RuntimeError("profiling: the block has not ended yet")

    @property
    def wall(self) -> float:
        """Seconds of the block on the clock."""
        self._ended()
        return self._wall

    @property
    def seconds(self) -> float:
        """Processor seconds of all threads."""
        self._ended()
        return self._total

    @property
    def samples(self) -> int:
        """The number of samples."""
        self._ended()
        return self._found.count

    @property
    def functions(self) -> tuple[FunctionShare, ...]:
        """The functions that ran, the slowest first."""
        self._ended()
        return self._functions

    @property
    def others(self) -> tuple[Share, ...]:
        """What ran beside the plans of functions, the slowest first."""
        self._ended()
        return self._others

    def terms(self, posterior: object) -> tuple[Share, ...]:
        """The terms of the density of a posterior, as `posterior.profile` divides it: seconds in
        this block. ValueError if its function did not run in it."""
        self._ended()
        own = posterior.function
        for row in self._functions:
            # A density that was found in the cache runs by another code than the function has.
            if row.function.code is own.code or row.function.plan is own.plan:
                return posterior.terms_of(row.lines)
        raise ValueError("profiling: the density of this posterior did not run in the block")

    def save(self, path: str | os.PathLike) -> Path:
        """Write it to a file, in the format that its name says; see `Profile.save`."""
        self._ended()
        path = Path(path)
        path.write_text(formats.text_for(self, path.name), encoding="utf-8")
        return path

    def events(self) -> Iterator[tuple[int, int, float, tuple[str, ...]]]:
        """The samples in order: thread, end in nanoseconds, seconds, and what ran, the outermost
        first."""
        self._ended()
        for thread, wall, spent, key in self._found.timeline:
            yield thread, wall, spent, self._stack(key)

    def _stack(self, key: tuple) -> tuple[str, ...]:
        if isinstance(key[0], int):
            label = self._labels[self._owner_of[key[0]]]
            return (label, *stack_of(key[1]))
        (name, _), *_ = _activities({key: 1.0})
        return (name,)

    def __str__(self) -> str:
        if not self._done:
            return "profiling: the block has not ended yet"
        rows = [f"{duration(self.seconds)} of processors in {duration(self._wall)} "
                f"({self.samples} samples)", "", f"{'time':>12} {'share':>7}"]  # fmt: skip
        named = [(f.seconds, f.share, f.label) for f in self._functions]
        named += [(o.seconds, o.share, o.name) for o in self._others]
        for seconds, share, name in sorted(named, reverse=True)[:SHOWN]:
            rows.append(f"{duration(seconds):>12} {100 * share:6.1f} %  {name}")
        for f in self._functions[:3]:
            rows += ["", f"{f.label}:", *line_rows(f.lines[:SHOWN])]
        return "\n".join(rows)

    __repr__ = __str__


def stack_of(part: Part | None) -> tuple[str, ...]:
    """The kernel, line and op of a part, as a stack."""
    if part is None or not part.line:
        return ("loops",)
    return part.kernel, part.line, part.op


def _label(function: Subject) -> str:
    return function.label if function.label != "function" else _where(function)


def _where(function: Subject) -> str:
    """A function without a name, by the first line of it."""
    for kernel in function.plan.kernels[::-1]:
        for stmt in kernel.body[::-1]:
            origin = getattr(stmt, "origin", "")
            if origin:
                return f"function of {origin.replace(chr(92), '/').rsplit('/', 1)[-1]}"
    return "function"


def _functions(samples: Iterable[Seen], regions: Regions) -> list[Subject]:
    """The compiled functions that may have run, one for each plan."""
    hit = {sample.path for sample in samples if GENERATED.search(sample.path)}
    for sample in samples:
        for word in sample.words:
            region = regions.at(word)
            if region is not None and GENERATED.search(region.path):
                hit.add(region.path)
    words = {word for sample in samples for word in sample.words}
    entries = [x for x in gc.get_objects() if isinstance(x, Entry) and hasattr(x, "compilation")]
    found: dict[int, Subject] = {}
    for x in entries:
        interpreted = callable(x.compilation.built.run)
        if not interpreted and id(x.code) not in found and _may_have_run(x, hit, words):
            found[id(x.code)] = x
    return list(found.values())


def _may_have_run(function: Subject, paths: set[str], words: set[int]) -> bool:
    built = function.compilation.built
    native = getattr(built, "native", built)
    if native is not None and getattr(native, "path", "") and any(
        os.path.basename(path) == os.path.basename(str(native.path)) for path in paths
    ):
        return True
    first = getattr(built, "first", None) or built
    program = getattr(first, "program", None)
    if program is None:
        return False
    start, end = program.span
    return any(start <= word < end for word in words)


def _spread(parts: Mapping[Part, float]) -> dict[Part, float]:
    """Seconds by part, what is in no line divided among the lines of its kernel."""
    known = {part: s for part, s in parts.items() if part.line}
    loose = {part: s for part, s in parts.items() if not part.line}
    if not known:
        return dict(parts)
    own = dict(known)
    for part, seconds in loose.items():
        mine = {p: s for p, s in own.items() if p.kernel == part.kernel} or own
        total = sum(mine.values())
        for p, s in mine.items():
            known[p] += seconds * s / total if total else 0.0
    return known


def _activities(others: Mapping[tuple[str, int], float]) -> Iterator[tuple[str, float]]:
    """What code outside of plans does, by its file and function, with the seconds."""
    for (path, offset), seconds in others.items():
        if "cython_ext/samplers" in path:
            (name,) = names_in(path, (offset,))
            yield f"sampler: {_plain_name(name)}", seconds
            continue
        known = (title for part, title in LIBRARIES if part in path)
        named = "a function that no longer exists" if GENERATED.search(path) else ""
        base = os.path.basename(path).split(".")[0]
        yield named or next(known, "") or (base and f"library {base}") or "system", seconds
