"""Times a gradient, called from Python and through its pointer."""

import ctypes
import statistics
import time

import numpy as np

from tests.bench import native

BLOCK_SECONDS = 0.01


def _spread(samples):
    """Median and smallest of the blocks, in nanoseconds a call."""
    return {"median_ns": statistics.median(samples), "best_ns": min(samples)}


def _calls_in_block(run):
    """How many calls fill about a block, and the seconds they take."""
    calls = 1
    while (elapsed := run(calls)) < BLOCK_SECONDS * 1e9 and calls < 1 << 24:
        calls *= 2 if elapsed * 4 > BLOCK_SECONDS * 1e9 else 4
    return calls, elapsed * 1e-9


def measure(runs, budget):
    """Times several ways of calling, block by block in turn, so that all see the same machine.

    `runs` maps a name to `run(calls) -> nanoseconds`; `budget` is in seconds for each of them. The
    result maps each name to its median and smallest block, in nanoseconds a call.
    """
    sizes = {name: _calls_in_block(run) for name, run in runs.items()}
    longest = max(seconds for _, seconds in sizes.values())
    blocks = max(5, int(budget / max(BLOCK_SECONDS, longest)))
    samples = {name: [] for name in runs}
    for _ in range(blocks):
        for name, run in runs.items():
            calls = sizes[name][0]
            samples[name].append(run(calls) / calls)
    return {name: _spread(values) for name, values in samples.items()}


def python_run(function, points):
    """`run(calls) -> nanoseconds` over `function(q)`, alternating between two points."""

    def run(calls):
        first, second = points
        pairs = (calls + 1) // 2
        start = time.perf_counter_ns()
        for _ in range(pairs):
            function(first)
            function(second)
        return (time.perf_counter_ns() - start) * calls / (2 * pairs)

    return run


class PointerCaller:
    """Calls a `Pointer` through the C loop written for its signature."""

    def __init__(self, pointer, points):
        self.pointer = pointer
        self.points = np.ascontiguousarray(points, dtype=np.float64)
        self.gradient = np.empty(self.points.shape[1])
        self.logp = ctypes.c_double()
        self.loop = getattr(native.library("calls"), f"time_{pointer.kind}")
        self.loop.restype = ctypes.c_double
        self.loop.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
        self.loop.argtypes += [ctypes.c_void_p] * 3 + [ctypes.c_int64]

    def run(self, calls):
        """Nanoseconds that `calls` calls took; raises where one of them failed."""
        elapsed = self.loop(
            self.pointer.address,
            self.pointer.context,
            self.points.shape[1],
            self.points.ctypes.data,
            self.gradient.ctypes.data,
            ctypes.addressof(self.logp),
            calls,
        )
        if elapsed < 0:
            raise RuntimeError(f"the {self.pointer.kind} pointer reported an error")
        return elapsed

    def value(self):
        """(log density, gradient) at the first point."""
        self.run(1)
        return self.logp.value, self.gradient.copy()
