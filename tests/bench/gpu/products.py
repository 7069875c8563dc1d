"""Matrix products against cuBLAS, called by PyTorch and CuPy."""

import numpy as np

from tests.bench.gpu import clock, peers

TITLE = "Matrix products"
COLUMNS = (("case", "{}"), ("dtype", "{}"))
CELL = "{ms:.3f} ms, {TFLOP/s:.1f} TFLOP/s"
NOTE = "TF32 off everywhere. PyTorch and CuPy call cuBLAS."
TOLERANCE = {"float32": 2e-5, "float64": 1e-12}


def product(xp, a, b):
    return [xp.matmul(a, b)]


def measure(setting):
    """Yields a record for each size, dtype and contender."""
    libraries, missing = peers.libraries(setting.dry)
    yield from ({"missing": words} for words in missing)
    rng = np.random.default_rng(11)
    for shape in setting.size([(4096, 4096, 4096), (4095, 1000, 333)], [(17, 19, 23)]):
        for dtype in ("float32", "float64"):
            m, k, n = shape
            a = rng.standard_normal((m, k)).astype(dtype)
            b = rng.standard_normal((k, n)).astype(dtype)
            yield from one_size(setting, libraries, a, b)


def one_size(setting, libraries, a, b):
    """The records of one product; sixteen rows of it are compared with NumPy's in float64."""
    (m, k), n = a.shape, b.shape[1]
    about = {"case": f"{m} x {k} by {k} x {n}", "dtype": a.dtype.name}
    expected = [a[:16].astype(np.float64) @ b.astype(np.float64)]
    runs = {}
    for name, library in libraries.items():
        try:
            run = library.run(product, [library.put(a), library.put(b)])
            (result,), _ = clock.once(run)
            found = [library.get(result)[:16]]
            trouble = peers.disagreement(expected, found, TOLERANCE[a.dtype.name])
        except Exception as error:
            trouble = peers.trouble_of(error)
        if trouble:
            yield about | {"contender": name, "error": trouble}
        else:
            runs[name] = run
    times = clock.compare(runs, 2 * setting.block_s, setting.rounds) if runs else {}
    for name, time in times.items():
        rate = 2 * m * n * k / time.median / 1e12
        yield about | {"contender": name, "ms": time.median * 1e3, "TFLOP/s": rate}
