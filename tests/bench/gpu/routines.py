"""Factorisations and Fourier transforms by NVIDIA's libraries, against the same without them: on
the host with transfers, or in kernels of our own."""

from contextlib import contextmanager

import numpy as np

import probtensor as pt
from probtensor import device
from probtensor.targets.cuda import recipes
from tests.bench.gpu import clock, peers

TITLE = "Routines of libraries"
COLUMNS = (("case", "{}"),)
CELL = "{ms:.3f} ms"
NOTE = (
    "Arguments and results stay on the device. Without libraries Cholesky factors and triangular "
    "systems are kernels of our own, all else runs on the host with transfers. Where that is the "
    "quicker one, the limits in `targets/cuda/recipes.py` are too low."
)
TOLERANCE = 1e-8
LIMITS = ("LEAST_KERNEL", "LEAST_FACTOR", "LEAST_SPECTRUM")


def general(rng, *shape):
    return rng.standard_normal(shape)


def definite(rng, *shape):
    a = rng.standard_normal(shape)
    return a @ np.swapaxes(a, -1, -2) + shape[-1] * np.eye(shape[-1])


def gradient_of_factor(a):
    low = pt.linalg.cholesky(a)
    return pt.grad(pt.sum(pt.log(pt.linalg.diagonal(low))), a)


def same_if_turned(function):
    """What does not depend on the signs of vectors."""
    return lambda a: [abs(part) for part in function(a)]


# The function, its argument, the shapes for a device and for a rehearsal.
CASES = {
    "cholesky": (pt.linalg.cholesky, definite, [(1, 256), (1, 2048), (16, 512)], (2, 12)),
    "cholesky, gradient": (gradient_of_factor, definite, [(1, 512), (1, 2048)], (1, 12)),
    "solve, 16 columns": (
        lambda a: pt.linalg.solve(a, a[..., :16]), general, [(1, 64), (1, 1024), (4096, 8)], (2, 20)
    ),
    "inv": (pt.linalg.inv, general, [(1, 64), (1, 1024), (4096, 8)], (20, 8)),
    "qr": (same_if_turned(pt.linalg.qr), general, [(1, 64), (1, 1024)], (1, 12)),
    "eigh": (same_if_turned(pt.linalg.eigh), definite, [(1, 128), (1, 1024), (4096, 16)], (20, 8)),
    "svd": (same_if_turned(pt.linalg.svd), general, [(1, 128), (1, 512)], (1, 12)),
}  # fmt: skip
TRANSFORMS = {
    "fft": (pt.fft.fft, [(1, 1 << 10), (1, 1 << 20), (1000, 1009)], (2, 15)),
    "rfft, irfft": (lambda x: pt.fft.irfft(pt.fft.rfft(x)), [(1, 1 << 20), (1000, 1024)], (2, 16)),
    "fft2": (pt.fft.fft2, [(1, 1024, 1024), (100, 64, 64)], (2, 4, 5)),
}


def cases(setting):
    """(name, function, argument) of each size."""
    rng = np.random.default_rng(13)
    for name, (function, draw, shapes, tiny) in CASES.items():
        for batch, n in setting.size(shapes, [tiny]):
            yield f"{name}, {batch} of {n} x {n}", function, draw(rng, batch, n, n)
    for name, (function, shapes, tiny) in TRANSFORMS.items():
        for shape in setting.size(shapes, [tiny]):
            title = f"{name}, {shape[0]} of {' x '.join(map(str, shape[1:]))}"
            yield title, function, rng.standard_normal(shape)


@contextmanager
def without_libraries(driver):
    """The driver as where none of them is installed."""
    kept = {name: getattr(driver, name) for name in ("dense", "fourier")}
    vars(driver).update(dict.fromkeys(kept))
    try:
        yield
    finally:
        vars(driver).update(kept)


@contextmanager
def limits(setting):
    """In a rehearsal, small matrices are for libraries, too."""
    kept = {name: getattr(recipes, name) for name in LIMITS}
    vars(recipes).update(dict.fromkeys(kept, 2) if setting.dry else {})
    try:
        yield
    finally:
        vars(recipes).update(kept)


def compiled(function, value):
    x = pt.tensor("x", value.shape)
    found = function(x)
    outputs = found if isinstance(found, (list, tuple)) else [found]
    return pt.function([x], [y.transfer("cuda") for y in outputs], target="cuda")


def measure(setting):
    """Yields a record for each case and way of computing it."""
    driver = device.driver()
    for name, library in (("cuSOLVER", driver.dense), ("cuFFT", driver.fourier)):
        if library is None:
            yield {"missing": f"{name} is not installed"}
    with limits(setting):
        for title, function, value in cases(setting):
            yield {"starting": title}
            yield from one_case(setting, driver, title, function, value)


def one_case(setting, driver, title, function, value):
    """The records of one case; which way a call goes is settled at the first one."""
    there = device.device_array(value)
    runs, results = {}, {}
    for name in ("without libraries", peers.OURS):
        try:
            call = compiled(function, value)
            run = clock.Run(lambda call=call: call(there), lambda _: driver.synchronize())
            if name == peers.OURS:
                found, _ = clock.once(run)
            else:
                with without_libraries(driver):
                    found, _ = clock.once(run)
            results[name] = [abs(y.get()) for y in found]
            runs[name] = run
        except Exception as error:
            yield {"case": title, "contender": name, "error": peers.trouble_of(error)}
    if len(results) == 2:
        trouble = peers.disagreement(*results.values(), TOLERANCE)
        if trouble:
            yield {"case": title, "contender": peers.OURS, "error": trouble}
            del runs[peers.OURS]
    times = clock.compare(runs, setting.block_s, setting.rounds) if runs else {}
    for name, time in times.items():
        yield {"case": title, "contender": name, "ms": time.median * 1e3}
