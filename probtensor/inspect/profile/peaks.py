"""What this machine can do at most: the roofline beside a profile."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache

import numpy as np

from cython_ext import blas
from probtensor.dataclass import dataclass
from probtensor.system import files
from probtensor.targets.cache import cache_folder
from probtensor.targets.cython.toolchain import cpu_identity

NOTE = "peaks-{}.txt"  # in the cache, for each kind of processor
PRODUCT = 384  # rows of the matrices that are multiplied
COPIED = 1 << 23  # doubles that are read and written: more than caches hold, mostly
REPEATS = 3


@dataclass(frozen=True)
class Peaks:
    """Flops a second of one thread, in a matrix product of doubles; bytes a second that it reads
    and writes in memory."""

    flops: float
    bandwidth: float

    @property
    def ridge(self) -> float:
        """Flops for each byte from which on arithmetic is the limit, and not memory."""
        return self.flops / self.bandwidth

    def bound(self, flops: float, moved: float) -> float:
        """The least seconds for so many flops and bytes."""
        return max(flops / self.flops, moved / self.bandwidth)

    def __str__(self) -> str:
        return (f"{1e-9 * self.flops:.1f} Gflop/s, {1e-9 * self.bandwidth:.1f} GB/s in one thread; "
                f"below {self.ridge:.2g} flops a byte memory is the limit")  # fmt: skip


@cache
def peaks() -> Peaks:
    """Of this machine: measured once a process, in a tenth of a second. The cache keeps the best
    that was ever measured, since other programs may be running now."""
    folder = cache_folder()
    name = NOTE.format(hashlib.sha256(cpu_identity().encode()).hexdigest()[:16])
    now, before = measured(), Peaks(0.0, 0.0)
    with suppress(OSError, ValueError, TypeError):
        flops, bandwidth = json.loads(files.read(folder / name))
        before = Peaks(float(flops), float(bandwidth))
    best = Peaks(max(now.flops, before.flops), max(now.bandwidth, before.bandwidth))
    if best != before:
        with suppress(OSError):  # else it is lost
            files.write(folder, name, json.dumps([best.flops, best.bandwidth]).encode())
    return best


def measured() -> Peaks:
    """Measure: the best of some repetitions."""
    a = np.ones((PRODUCT, PRODUCT))
    out = np.empty_like(a)
    with blas.OneThread(blas.of_numpy()):
        product = min(_seconds(lambda: np.matmul(a, a, out=out)) for _ in range(REPEATS))
    source, target = np.ones(COPIED), np.zeros(COPIED)
    copy = min(_seconds(lambda: np.copyto(target, source)) for _ in range(REPEATS))
    return Peaks(2 * PRODUCT**3 / product, 2 * 8 * COPIED / copy)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
