"""Value and gradient of a logistic regression, against the time of reading its data once."""

import numpy as np

from tests.bench.gpu import clock, peers, stream

TITLE = "Logistic regression: value and gradient"
COLUMNS = (
    ("case", "{}"),
    ("dtype", "{}"),
    ("contender", "{}"),
    ("ms", "{:.3f}"),
    ("times one read by copy speed", "{:.2f}"),
    ("times the quickest sum of X", "{:.2f}"),
)
NOTE = (
    "One read of X: its bytes over the speed of the quickest copy of the same run; the sum of all "
    "its elements is timed beside it, by every contender. JAX differentiates by itself "
    "(value_and_grad, jit), the hand-written contenders use two matrix-vector products."
)
TOLERANCE = {"float32": 1e-3, "float64": 1e-9}


def by_hand(xp, x, y, w):
    """Loss and gradient as a person writes them with array operations."""
    eta = xp.matmul(x, w)
    loss = xp.sum(xp.logaddexp0(eta) - y * eta)
    return [loss, xp.matmul(xp.sigmoid(eta) - y, x)]


def loss_of(xp, x, y, w):
    """The loss alone, to be differentiated by the library."""
    eta = xp.matmul(x, w)
    return xp.sum(xp.logaddexp0(eta) - y * eta)


def ours(library, values):
    """Our derivative, compiled into one pass."""

    def function(xp, x, y, w):
        loss = loss_of(xp, x, y, w)
        return [loss, library.grad(loss, w)]

    return library.run(function, values)


def with_jax(library, values):
    """JAX's derivative with respect to the weights."""

    def function(w, x, y):
        return loss_of(library.xp, x, y, w)

    compiled = library.jax.jit(library.jax.value_and_grad(function))
    x, y, w = values
    return clock.Run(lambda: list(compiled(w, x, y)), lambda results: library.wait(results[-1]))


DERIVATIVES = {peers.OURS: ours, "jax": with_jax}


def data(n, d, dtype):
    """X [n, d], y [n] of zeros and ones, weights [d]."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal((n, d), dtype=np.float32)
    w = (0.3 * rng.standard_normal(d)).astype(np.float32)
    y = rng.random(n, dtype=np.float32) < 1 / (1 + np.exp(-x @ w))
    return [array.astype(dtype) for array in (x, y, 0.5 * w)]


def expected(values):
    """Loss and gradient by NumPy in float64, in parts that need little memory."""
    x, y, w = values
    loss, gradient = 0.0, np.zeros(len(w))
    xp = peers.Numpy(True).xp
    for start in range(0, len(y), 1 << 20):
        part = slice(start, start + (1 << 20))
        wide = (x[part].astype(np.float64), y[part].astype(np.float64), w.astype(np.float64))
        more, slope = by_hand(xp, *wide)
        loss, gradient = loss + more, gradient + slope
    return [loss, gradient]


def measure(setting):
    """Yields a record for each dtype and contender."""
    libraries, missing = peers.libraries(setting.dry)
    yield from ({"missing": words} for words in missing)
    n, d = setting.size((10**7, 25), (1003, 5))
    for dtype in ("float32", "float64"):
        values = data(n, d, dtype)
        _, bandwidth = stream.copy_bandwidth(setting, libraries, values[0])
        runs = {}
        about = {"case": f"{n:,} x {d}", "dtype": dtype}
        right = expected(values)
        for name, library in libraries.items():
            make = DERIVATIVES.get(name)
            try:
                held = [library.put(value) for value in values]
                run = make(library, held) if make else library.run(by_hand, held)
                results, _ = clock.once(run)
                found = [library.get(value) for value in results]
                trouble = peers.disagreement(right, found, TOLERANCE[dtype])
                total = library.run(stream.total, held[:1])
                clock.once(total)
            except Exception as error:
                trouble = peers.trouble_of(error)
            if trouble:
                yield about | {"contender": name, "error": trouble}
                continue
            runs |= {name: run, f"{name}, sum of X": total}
        times = clock.compare(runs, setting.block_s, setting.rounds) if runs else {}
        yield from figures(about, times, values[0].nbytes, bandwidth)


def figures(about, times, nbytes, bandwidth):
    """A record for each of the times."""
    sums = [time.median for name, time in times.items() if name.endswith("sum of X")]
    for name, time in times.items():
        yield about | {
            "contender": name,
            "ms": time.median * 1e3,
            "times one read by copy speed": time.median * bandwidth / nbytes,
            "times the quickest sum of X": time.median / min(sums),
        }
