"""What a machine can do at most, the processor or a device: the roofline beside a profile."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache

import numpy as np

from cython_ext import blas
from probtensor.dataclass import dataclass, replace
from probtensor.device import DeviceError, Driver
from probtensor.system import files
from probtensor.targets.cache import cache_folder
from probtensor.targets.cython.toolchain import cpu_identity

NOTE = "peaks-{}.txt"  # in the cache, for each kind of processor
PRODUCT = 384  # rows of the matrices that are multiplied
COPIED = 1 << 23  # doubles that are read and written: more than caches hold, mostly
REPEATS = 3
LEAST_SECONDS = 5e-3  # of work on a device that is timed
DEVICE_ROWS = 256, 4096  # of the matrices that a device multiplies: the first ones, and the last
DEVICE_BYTES = 1 << 22, 1 << 30  # that it copies
ROOM = 8  # the part of its free memory that they may take
HERE = "in one thread"


@dataclass(frozen=True)
class Peaks:
    """Flops a second in a matrix product of doubles, None where they are not known; bytes a second
    that are read and written in memory; and of what: one thread of the processor, or a device."""

    flops: float | None
    bandwidth: float
    of: str = HERE

    @property
    def ridge(self) -> float | None:
        """Flops for each byte from which on arithmetic is the limit, and not memory."""
        return None if self.flops is None else self.flops / self.bandwidth

    def bound(self, flops: float, moved: float) -> float:
        """The least seconds for so many flops and bytes; of the bytes alone, where flops a second
        are not known."""
        return max(flops / self.flops if self.flops else 0.0, moved / self.bandwidth)

    def __str__(self) -> str:
        speed = f"{1e-9 * self.bandwidth:.1f} GB/s {self.of}"
        if self.flops is None:
            return f"{speed}; its flops a second are not known, for want of cuBLAS"
        return (f"{1e-9 * self.flops:.1f} Gflop/s, {speed}; "
                f"below {self.ridge:.2g} flops a byte memory is the limit")  # fmt: skip


@cache
def peaks() -> Peaks:
    """Of this machine: measured once a process, in a tenth of a second. The cache keeps the best
    that was ever measured, since other programs may be running now."""
    return best_of(measured(), cpu_identity())


def peaks_of(driver: Driver) -> Peaks | None:
    """Of a device, as `peaks`; None where it has no memory left to measure it."""
    with suppress(DeviceError):
        return _peaks_of(driver)
    return None


@cache
def _peaks_of(driver: Driver) -> Peaks:
    now = measured_on(driver)
    return best_of(now, f"{driver.name} {driver.arch} {driver.ordinal} {now.flops is None}")


def best_of(now: Peaks, about: str) -> Peaks:
    """The best that was ever measured, and is so noted in the cache: now or before."""
    folder = cache_folder()
    name = NOTE.format(hashlib.sha256(about.encode()).hexdigest()[:16])
    before = replace(now, bandwidth=0.0)
    with suppress(OSError, ValueError, TypeError):
        flops, bandwidth = json.loads(files.read(folder / name))
        before = replace(now, flops=float(flops), bandwidth=float(bandwidth))
    flops = now.flops if now.flops is None else max(now.flops, before.flops or 0.0)
    best = replace(now, flops=flops, bandwidth=max(now.bandwidth, before.bandwidth))
    if best != before:
        with suppress(OSError):  # else it is lost
            noted = [best.flops or 0.0, best.bandwidth]
            files.write(folder, name, json.dumps(noted).encode())
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


def measured_on(driver: Driver) -> Peaks:
    """Measure a device: products and copies that are twice as large again and again, until they
    take a while. DeviceError where it has no memory for them."""
    free = driver.memory()[0]
    flops = None
    if driver.blas is not None:
        rate, rows, end = 0.0, *DEVICE_ROWS
        while rows <= end and 3 * 8 * rows**2 <= free // ROOM:
            seconds = _seconds_of_product(driver, rows)
            rate = max(rate, 2 * rows**3 / seconds)
            if seconds > LEAST_SECONDS:
                break
            rows *= 2
        flops = rate or None
    size, end = DEVICE_BYTES
    seconds = _seconds_of_copy(driver, size)
    while seconds < LEAST_SECONDS and size < end and 4 * size <= free // ROOM:
        size *= 2
        seconds = _seconds_of_copy(driver, size)
    return Peaks(flops, 2 * size / seconds, f"on {driver.name}")


def _seconds_of_product(driver: Driver, n: int) -> float:
    memory = driver.alloc(3 * 8 * n * n)
    driver.fill(memory.address, 0, memory.nbytes)
    a, b, c = (memory.address + 8 * n * n * k for k in range(3))
    return _seconds_on(
        driver, lambda: driver.blas.gemm("float64", 1, n, n, n, a, b, c, False, False)
    )


def _seconds_of_copy(driver: Driver, size: int) -> float:
    memory = driver.alloc(2 * size)
    driver.fill(memory.address, 0, memory.nbytes)
    return _seconds_on(driver, lambda: driver.copy(memory.address + size, memory.address, size))


def _seconds_on(driver: Driver, queue: Callable[[], None]) -> float:
    """The least seconds of work that is queued, with the device idle before."""

    def work() -> None:
        queue()
        driver.synchronize()

    work()
    return min(_seconds(work) for _ in range(REPEATS))
