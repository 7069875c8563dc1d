"""Profiles as files: speedscope, the trace format of Chrome and Perfetto, HTML, text.

The name of the file says which. All of them are made of `events()`: samples with the stack of what
ran, which is the function, its kernel, the user's line and the op.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Protocol

from probtensor.inspect.profile.page import page
from probtensor.inspect.profile.rows import short, text_of

SPEEDSCOPE = "https://www.speedscope.app/file-format-schema.json"

Interval = tuple[int, int, float, tuple[str, ...]]


class Events(Protocol):
    """A profile: its samples in order."""

    def events(self) -> Iterator[Interval]:
        """(thread, end in nanoseconds, seconds, what ran, the outermost first)."""
        ...


def text_for(profile: Events, name: str) -> str:
    """The text of a file with this name. ValueError for a name of no format."""
    for ending, write in FORMATS.items():
        if name.endswith(ending):
            return write(profile)
    raise ValueError(f"save: {name!r} ends with none of {', '.join(FORMATS)}")


def shown(frame: str) -> str:
    """A frame of a stack as people read it: a line of the user with its text."""
    text = text_of(frame)
    return f"{short(frame)}: {text}" if text else short(frame)


def speedscope(profile: Events) -> str:
    """For https://www.speedscope.app: sampled profiles, one for each thread, in nanoseconds."""
    frames: dict[str, int] = {}
    threads: dict[int, tuple[list, list]] = {}
    for thread, _, seconds, stack in profile.events():
        samples, weights = threads.setdefault(thread, ([], []))
        samples.append([frames.setdefault(frame, len(frames)) for frame in stack])
        weights.append(round(1e9 * seconds))
    made = [
        {
            "type": "sampled", "name": f"thread {k}" if len(threads) > 1 else "profile",
            "unit": "nanoseconds", "startValue": 0, "endValue": sum(weights),
            "samples": samples, "weights": weights,
        }
        for k, (samples, weights) in enumerate(threads.values())
    ]  # fmt: skip
    found = {
        "$schema": SPEEDSCOPE, "name": "ProbTensor", "exporter": "ProbTensor",
        "activeProfileIndex": 0, "shared": {"frames": [_frame(frame) for frame in frames]},
        "profiles": made,
    }  # fmt: skip
    return json.dumps(found)


def _frame(frame: str) -> dict[str, object]:
    file, _, line = frame.rpartition(":")
    place = {"file": file, "line": int(line)} if file and line.isdecimal() else {}
    return {"name": shown(frame), **place}


def trace(profile: Events) -> str:
    """For chrome://tracing and https://ui.perfetto.dev: complete events, nested, in microseconds;
    samples in a row with one stack are one event."""
    rows: list[dict[str, object]] = []
    open_: dict[int, list[tuple[str, float]]] = {}  # of each thread: frame, begin
    ends: dict[int, float] = {}
    first: float | None = None
    for thread, wall, seconds, stack in profile.events():
        end = 1e-3 * wall
        begin = end - 1e6 * seconds
        first = begin if first is None else first
        begin = max(begin, ends.get(thread, begin))
        current = open_.setdefault(thread, [])
        same = 0
        while same < min(len(stack), len(current)) and current[same][0] == stack[same]:
            same += 1
        rows += _closed(current[same:], thread, ends.get(thread, begin), first)
        del current[same:]
        current += [(frame, begin) for frame in stack[same:]]
        ends[thread] = end
    for thread, current in open_.items():
        rows += _closed(current, thread, ends[thread], first or 0.0)
    rows.sort(key=lambda row: (row["tid"], row["ts"], -row["dur"]))
    return json.dumps({"traceEvents": rows, "displayTimeUnit": "ns"})


def _closed(
    frames: list[tuple[str, float]], thread: int, end: float, first: float
) -> Iterator[dict[str, object]]:
    for frame, begin in frames:
        yield {
            "name": shown(frame), "cat": "probtensor", "ph": "X", "pid": 1, "tid": thread,
            "ts": round(begin - first, 3), "dur": round(max(0.0, end - begin), 3),
        }  # fmt: skip


FORMATS: dict[str, Callable[[Events], str]] = {
    ".speedscope.json": speedscope,
    ".trace.json": trace,
    ".html": page,
    ".txt": lambda profile: f"{profile}\n",
}
