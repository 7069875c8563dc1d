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


def blocks(run, budget):
    """Calls `run(calls) -> nanoseconds` in blocks until `budget` seconds are spent."""
    calls = 1
    while (elapsed := run(calls)) < BLOCK_SECONDS * 1e9 and calls < 1 << 24:
        calls *= 2 if elapsed * 4 > BLOCK_SECONDS * 1e9 else 4
    blocks = max(3, int(budget / max(BLOCK_SECONDS, elapsed * 1e-9)))
    return _spread([run(calls) / calls for _ in range(blocks)])


def time_python(function, points, budget):
    """Nanoseconds of one call `function(q)`, alternating between two points."""

    def run(calls):
        first, second = points
        start = time.perf_counter_ns()
        for _ in range((calls + 1) // 2):
            function(first)
            function(second)
        elapsed = time.perf_counter_ns() - start
        return elapsed * calls / (2 * ((calls + 1) // 2))

    return blocks(run, budget)


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

    def time(self, budget):
        return blocks(self.run, budget)
