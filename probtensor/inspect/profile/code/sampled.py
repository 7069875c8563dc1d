"""Samples of running code, and the part of a function that each is in.

A sample is in a module where its program counter is; else where the innermost return address on its
stack leads that follows a call of a module: then a routine or a function of a library runs, called
from there. In a program of the machine it is at the instruction whose address is in a register, or
on the stack: only the machine has addresses of instructions.
"""

from __future__ import annotations

import ctypes
import os
import re
import struct
import threading
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import NamedTuple

import numpy as np

from cython_ext import sampling
from cython_ext.machine import live_programs
from probtensor.dataclass import dataclass, field
from probtensor.inspect.profile.code.marks import Part
from probtensor.inspect.profile.code.twin import Twin, symbols

# Seconds between samples, of which one costs up to 50 us on virtual machines: of one function, and
# of a block, which is longer.
INTERVAL, BLOCK_INTERVAL = 1e-3, 2e-3
CAPACITY = 8192  # samples until they are taken
POLL_SECONDS = 0.01  # between two looks for new threads
POLLS = 25  # looks for threads until samples are taken, which costs up to 2 ms
INSTRUCTION_BYTES = 24  # of the machine: an address and four int32
CANDIDATES = 4  # return addresses that are looked at
GENERATED = re.compile(r"(?:^|/)(?:[0-9a-f]{16,}\.[0-9a-f]+|pt_[0-9a-f]{16})\.so")  # modules
MACHINE = "cython_ext/levels"  # in the path of the machine's own code
CALL_BYTES = 7  # of the longest call instruction


@contextmanager
def sampler(interval: float = INTERVAL) -> Iterator[list[np.ndarray]]:
    """A block of which this thread is sampled; the list has the samples afterwards. OSError or
    RuntimeError where no samples can be taken."""
    found: list[np.ndarray] = []
    sampling.begin(CAPACITY, interval)
    try:
        find_code()
        sampling.watch(sampling.this_thread())
        yield found
    finally:
        sampling.forget(0)
        found.append(sampling.take())
        sampling.end()


@dataclass
class Region:
    """Executable memory of a file. `base` is the address of the start of the file."""

    start: int
    end: int
    base: int
    path: str


class Regions:
    """The executable memory of this process. `stack` is where that of the main thread is."""

    def __init__(self) -> None:
        bases: dict[str, int] = {}
        self.all: list[Region] = []
        self.stack = (0, 0)
        for row in _maps():
            span, rights, offset, _, _, *path = row.split(maxsplit=5)
            start, end = (int(x, 16) for x in span.split("-"))
            name = path[0].strip() if path else ""
            if name == "[stack]":
                self.stack = (start, end)
            if name and int(offset, 16) == 0:
                bases[name] = start
            if "x" in rights:
                base = bases.get(name, start - int(offset, 16))
                self.all.append(Region(start, end, base, name))
        self.starts = [region.start for region in self.all]

    def at(self, address: int) -> Region | None:
        """The region of an address."""
        k = bisect_right(self.starts, address) - 1
        return self.all[k] if k >= 0 and address < self.all[k].end else None


def _maps() -> list[str]:
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()
    except OSError:
        return []


class Place:
    """Where code of one function is: `parts` of addresses in it."""

    def holds(self, address: int) -> bool:
        """Whether an address is in it."""
        raise NotImplementedError

    def parts(self, addresses: Sequence[int]) -> list[Part | None]:
        """The part at each address."""
        raise NotImplementedError


class ModulePlace(Place):
    """A native module in memory, which is mapped at `region`."""

    def __init__(self, twin: Twin, region: Region) -> None:
        self.twin, self.region = twin, region
        self.text = ctypes.string_at(region.start, region.end - region.start)

    def holds(self, address: int) -> bool:
        return self.region.start <= address < self.region.end

    def returns(self, address: int, outside: bool) -> bool:
        """Whether there is a call just before an address; `outside`: one by which the module is
        left, through a pointer or by a kernel. Others stand on the stack from before, in memory
        that the frames of libraries have not written to."""
        at = address - self.region.start
        before = self.text[max(0, at - CALL_BYTES) : at]
        if before[-5:-4] == b"\xe8":
            (distance,) = struct.unpack("<i", before[-4:])
            target = address + distance - self.region.base
            return not outside or self.twin.leaves(target)
        # FF /2: the call of a pointer, with all lengths of its operand.
        return any(
            len(before) >= k and before[-k] == 0xFF and (before[1 - k] >> 3) & 7 == 2
            for k in range(2, CALL_BYTES + 1)
        )

    def parts(self, addresses: Sequence[int]) -> list[Part | None]:
        return self.twin.parts([address - self.region.base for address in addresses])


class ProgramPlace(Place):
    """A program of the machine, by the address of its first instruction."""

    def __init__(self, parts: Sequence[Part | None], address: int) -> None:
        self.start, self._parts = address, parts
        self.end = address + INSTRUCTION_BYTES * len(parts)

    def holds(self, address: int) -> bool:
        return self.start <= address < self.end

    def parts(self, addresses: Sequence[int]) -> list[Part | None]:
        return [self._parts[(address - self.start) // INSTRUCTION_BYTES] for address in addresses]


class Seen(NamedTuple):
    """What is kept of a sample: the thread, the end of its time in nanoseconds, its seconds, the
    program counter, the words that may say where code of functions is, and the file and offset of
    the program counter."""

    thread: int
    wall: int
    spent: float
    pc: int
    words: tuple[int, ...]
    path: str
    offset: int


def kept(samples: np.ndarray, regions: Regions) -> list[Seen]:
    """What is kept of samples."""
    found = []
    for sample in samples:
        pc = int(sample["pc"])
        region = regions.at(pc)
        path, offset = (region.path, pc - region.base) if region else ("", 0)
        words = tuple(sample["words"][: int(sample["count"])].tolist())
        spent = 1e-9 * float(sample["spent"])
        thread, wall = int(sample["thread"]), int(sample["wall"])
        found.append(Seen(thread, wall, spent, pc, words, path, offset))
    return found


def find_code() -> Regions:
    """Tell the sampler where the code of functions is now: modules, and programs of the machine.
    Gives all regions."""
    regions = Regions()
    ranges = [(r.start, r.end) for r in regions.all if GENERATED.search(r.path)]
    sampling.set_ranges([*ranges, *(program.span for program in live_programs())])
    sampling.set_main_stack(*regions.stack)
    return regions


@dataclass
class Found:
    """Seconds of the samples: by place and part, and by file and offset for code that is in no
    place. `timeline` has (thread, end in nanoseconds, seconds, key) in order."""

    parts: dict[tuple[int, Part | None], float] = field(default_factory=dict)
    others: dict[tuple[str, int], float] = field(default_factory=dict)
    count: int = 0
    timeline: list[tuple[int, int, float, tuple]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Of all samples."""
        return sum(self.parts.values()) + sum(self.others.values())


def resolved(
    samples: Sequence[Seen], modules: Sequence[ModulePlace], programs: Sequence[ProgramPlace]
) -> Found:
    """What was found in samples, by their places: the numbers of modules, then programs."""
    found = Found(count=len(samples))
    places: list[Place] = [*modules, *programs]
    rows = [_places_of(sample, modules, programs) for sample in samples]
    wanted: dict[int, set[int]] = {}  # addresses of each place
    for row in rows:
        for place, address in row:
            wanted.setdefault(place, set()).add(address)
    known = {
        (place, address): part
        for place, addresses in wanted.items()
        for address, part in zip(addresses, places[place].parts([*addresses]), strict=True)
    }
    for sample, row in zip(samples, rows, strict=True):
        best = next((at for at in row if known[at] is not None), row[0] if row else None)
        if best is not None:
            key: tuple = (best[0], known[best])
            found.parts[key] = found.parts.get(key, 0.0) + sample.spent
        else:
            key = (sample.path, sample.offset)
            found.others[key] = found.others.get(key, 0.0) + sample.spent
        found.timeline.append((sample.thread, sample.wall, sample.spent, key))
    return found


def _places_of(
    sample: Seen, modules: Sequence[ModulePlace], programs: Sequence[ProgramPlace]
) -> list[tuple[int, int]]:
    """Where a sample may be, the likeliest first: the number of a place, and the address there."""
    found = [(k, sample.pc) for k, place in enumerate(modules) if place.holds(sample.pc)]
    outside = not found
    running: list[tuple[int, int]] = []  # instructions of programs
    for value in sample.words:
        for k, place in enumerate(modules):
            if place.holds(value) and place.returns(value, outside):
                found.append((k, value - 1))  # in the call, not behind it
        for k, program in enumerate(programs):
            if not found and program.holds(value):
                running.append((len(modules) + k, value))
        if running and MACHINE in sample.path:
            break  # it is in a register
        if len(found) >= CANDIDATES:
            break
    # Below a routine of a library its buffers have what earlier calls have left on the stack.
    return found or running[:1] * (MACHINE in sample.path) or running[-1:]


@cache
def names_in(path: str, offsets: tuple[int, ...]) -> tuple[str, ...]:
    """The functions at offsets in a file."""
    text = symbols(path, "-f", *map(hex, offsets))
    names = text.splitlines()[::2]
    return tuple((names + [""] * len(offsets))[: len(offsets)])


class Watch:
    """Samples all threads of the process until it is stopped; `samples` are what was seen."""

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self.samples: list[Seen] = []
        self.seen: set[int] = set()
        self.own: set[int] = set()  # the thread that polls
        self.ending = threading.Event()
        self.lost = 0.0

    def start(self) -> None:
        """Begin. OSError or RuntimeError where no samples can be taken."""
        sampling.begin(CAPACITY, self.interval)
        find_code()
        self.thread = threading.Thread(target=self._poll, name="probtensor-profile", daemon=True)
        self._watch_all()
        self.thread.start()

    def _poll(self) -> None:
        self.own.add(sampling.this_thread())
        sampling.forget(sampling.this_thread())
        polls = 0
        while not self.ending.wait(POLL_SECONDS):
            self._watch_all()
            polls += 1
            if polls % POLLS == 0:
                self._keep()

    def _keep(self) -> None:
        self.samples += kept(sampling.take(), find_code())

    def _watch_all(self) -> None:
        present = {int(name) for name in os.listdir("/proc/self/task")}
        for thread in self.seen - present:
            sampling.forget(thread)
        for thread in present - self.seen - self.own:
            sampling.watch(thread)
        self.seen = present

    def stop(self) -> None:
        """End."""
        self.ending.set()
        self.thread.join()
        sampling.forget(0)
        self._keep()
        self.lost = sampling.end()
