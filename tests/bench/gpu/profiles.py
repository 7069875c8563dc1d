"""Where the time of our own functions goes, kernel by kernel."""

import numpy as np

import probtensor as pt
from tests.bench.gpu import logistic, peers, stream

TITLE = "Our kernels, one by one"
COLUMNS = (
    ("case", "{}"),
    ("dtype", "{}"),
    ("kernel", "{}"),
    ("ms", "{:.4f}"),
    ("% of the plan", "{:.0f}"),
)
NOTE = "As `f.profile(...)` tells: each kernel queued again and again by itself."


def rows_of(case, dtype, compiled, values):
    """A record for each kernel, and one for the whole call."""
    found = compiled.profile(*values)
    about = {"case": case, "dtype": dtype}
    yield about | {"kernel": "a call", "ms": 1e3 * found.call}
    for row in found.rows:
        yield about | {
            "kernel": row.kernel,
            "ms": 1e3 * row.seconds,
            "% of the plan": 100 * row.share,
        }


def measure(setting):
    """Yields the kernels of every case of `stream` and of the logistic regression."""
    ours = peers.Ours(setting.dry)
    n = setting.size(10**8, 1 << 12)
    for dtype in stream.DTYPES:
        arrays = stream.data(n, dtype)
        for case in stream.cases(n):
            yield {"starting": f"{case.title}, {dtype}"}
            values = [ours.put(array.reshape(case.shape)) for array in arrays[: case.inputs]]
            compiled = ours.compile(case.function, values)
            yield from rows_of(case.title, dtype, compiled, values)
        shape = setting.size((10**7, 25), (1003, 5))
        values = [ours.put(array) for array in logistic.data(*shape, dtype)]

        def with_gradient(xp, x, y, w):
            loss = logistic.loss_of(xp, x, y, w)
            return [loss, pt.grad(loss, w)]

        compiled = ours.compile(with_gradient, values)
        title = f"logistic regression {np.prod(shape):,}"
        yield from rows_of(title, dtype, compiled, values)
