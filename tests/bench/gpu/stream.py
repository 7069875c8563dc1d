"""Elementwise expressions and folds that memory bounds, as a share of the speed of a copy."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tests.bench.gpu import clock, peers

TITLE = "Elementwise expressions and folds over 10^8 elements"
COLUMNS = (("case", "{}"), ("dtype", "{}"))
CELL = "{ms:.3f} ms, {% of copy:.0f} %"
NOTE = (
    "Bytes count each input read once and each output written once; 100 % is the quickest plain "
    "copy of the same run. A fold over all elements is one number; shapes are rows x columns."
)
DTYPES = ("float32", "float64")
TOLERANCE = {"float32": 1e-4, "float64": 1e-10}
SMALL = 10_007
# Results up to this size are compared at full size too.
COMPARED_BYTES = 1 << 25


def affine(xp, x, y):
    return [x * 2 + y]


def bell(xp, x, y, z):
    return [xp.exp((x - y) * (y - x) * 0.5) / (z * z + 1)]


def five(xp, a, b, c, d, e):
    return [xp.tanh(a * b + c) * xp.sqrt(d) + xp.log1p(e)]


def total(xp, x):
    return [xp.sum(x)]


def largest(xp, x):
    return [xp.max(x)]


def total_of_exp(xp, x, y):
    return [xp.sum(xp.exp(-x) * y)]


def two_moments(xp, x):
    return [xp.sum(x), xp.sum(x * x)]


def row_sums(xp, x):
    return [xp.sum(x, 1)]


def column_sums(xp, x):
    return [xp.sum(x, 0)]


@dataclass(frozen=True)
class Case:
    """One expression of arrays of one shape."""

    title: str
    function: Callable
    inputs: int
    shape: tuple[int, ...]
    small: tuple[int, ...]

    def small_inputs(self, arrays):
        """Inputs of the small shape, out of one longer array for each."""
        count = int(np.prod(self.small))
        return [array[:count].reshape(self.small) for array in arrays[: self.inputs]]


def cases(n):
    """All cases over `n` elements; their small shapes fill no block evenly."""
    flat = ((n,), (min(n, SMALL),))
    side, wide = round(n**0.5), round(n**0.75)
    square, tall, lying = (side, side), (wide, n // wide), (n // wide, wide)
    line = [
        Case("2x + y", affine, 2, *flat),
        Case("exp(-(x-y)²/2) / (1+z²)", bell, 3, *flat),
        Case("tanh(ab+c) sqrt(d) + log1p(e)", five, 5, *flat),
        Case("sum x", total, 1, *flat),
        Case("max x", largest, 1, *flat),
        Case("sum y exp(-x)", total_of_exp, 2, *flat),
        Case("sum x and sum x²", two_moments, 1, *flat),
    ]
    small = {square: (61, 67), tall: (301, 13), lying: (13, 301)}
    for words, function in (("row sums", row_sums), ("column sums", column_sums)):
        for shape in small:
            title = f"{words} {shape[0]:,} x {shape[1]:,}"
            line.append(Case(title, function, 1, shape, small[shape]))
    return line


def copies(libraries, array):
    """({name: Run} of plain copies, and of `x + 1`, which moves as much; records of failures)."""
    runs, errors = {}, []
    for name, library in libraries.items():
        try:
            value = library.put(array)
            found = {f"{name}, x + 1": library.run(lambda xp, x: [x + 1], [value])}
            if name == peers.OURS:
                found[f"{name}, copy"] = our_copy(library, value)
            elif name != "jax":
                found[f"{name}, copy"] = their_copy(library, value)
            for run in found.values():
                clock.once(run)
        except Exception as error:
            errors.append({"case": "copies", "contender": name, "error": peers.trouble_of(error)})
            continue
        runs |= found
    return runs, errors


def our_copy(library, value):
    """The driver's own copy between two allocations."""
    kept = library.driver.alloc(value.nbytes)
    copy = library.driver.copy
    return clock.Run(lambda: copy(kept.address, value.address, value.nbytes), library.wait)


def their_copy(library, value):
    """A copy into an array that is there already."""
    kept = library.put(library.get(value))

    def copy():
        kept[...] = value
        return kept

    return clock.Run(copy, library.wait)


def copy_bandwidth(setting, libraries, array):
    """(records, bytes a second of the quickest copy of `array`, read and write both counted)."""
    runs, records = copies(libraries, array)
    times = clock.compare(runs, setting.block_s, setting.rounds)
    moved = 2 * array.nbytes
    quickest = max(moved / t.median for words, t in times.items() if words.endswith("copy"))
    for words, time in times.items():
        name, case = words.split(", ")
        records.append(record(case, array.dtype.name, name, time, moved, quickest))
    return records, quickest


def record(case, dtype, contender, time, moved, bandwidth):
    """One line of the report."""
    rate = moved / time.median
    return {
        "case": case,
        "dtype": dtype,
        "contender": contender,
        "ms": time.median * 1e3,
        "best ms": time.best * 1e3,
        "GB/s": rate / 1e9,
        "% of copy": 100 * rate / bandwidth,
    }


def data(n, dtype, count=5):
    """`count` arrays of n numbers between 0 and 1."""
    rng = np.random.default_rng(7)
    return [rng.random(n, dtype=dtype) for _ in range(count)]


def wrong_at_small_size(case, library, small, expected, dtype):
    """Why the contender has no figure, or None."""
    values = [library.put(array) for array in case.small_inputs(small)]
    found = [library.get(y) for y in library.prepare(case.function, values)()]
    return peers.disagreement(expected, found, TOLERANCE[dtype])


def finished(library, run):
    """(elements written by a call, its results if they are small enough to be compared)."""
    results, _ = clock.once(run)
    written = sum(int(np.prod(y.shape)) for y in results)
    small = sum(y.nbytes for y in results) <= COMPARED_BYTES
    return written, [library.get(y) for y in results] if small else None


def one_case(setting, case, libraries, held, small, bandwidth):
    """The records of a case; contenders that fail or disagree have an error in place of figures.

    held : {name: inputs on the device}; small : long arrays on the host, for the check.
    """
    dtype = small[0].dtype.name
    wide = [array.astype(np.float64) for array in case.small_inputs(small)]
    expected = case.function(peers.Numpy(True).xp, *wide)
    about = {"case": case.title, "dtype": dtype}
    runs, full = {}, {}
    for name, library in libraries.items():
        try:
            trouble = wrong_at_small_size(case, library, small, expected, dtype)
            run = library.run(case.function, held[name][: case.inputs])
            written, full[name] = finished(library, run)
        except Exception as error:
            trouble = peers.trouble_of(error)
        if trouble:
            yield about | {"contender": name, "error": trouble}
        else:
            runs[name] = run
    if not runs:
        return
    count = case.inputs * int(np.prod(case.shape)) + written
    moved = count * small[0].itemsize
    for name, time in clock.compare(runs, setting.block_s, setting.rounds).items():
        found = record(case.title, dtype, name, time, moved, bandwidth)
        if full.get(name) and full.get(peers.OURS):
            differs = peers.disagreement(full[peers.OURS], full[name], 100 * TOLERANCE[dtype])
            found |= {"differs from ours at full size": differs} if differs else {}
        yield found


def measure(setting):
    """Yields a record for each case, dtype and contender."""
    libraries, missing = peers.libraries(setting.dry)
    yield from ({"missing": words} for words in missing)
    n = setting.size(10**8, 1 << 12)
    for dtype in DTYPES:
        arrays = data(n, dtype)
        records, bandwidth = copy_bandwidth(setting, libraries, arrays[0])
        yield from records
        small = [array[:SMALL] for array in arrays]
        for group in by_shape(cases(n)):
            count = max(case.inputs for case in group)
            inputs = [array.reshape(group[0].shape) for array in arrays[:count]]
            held, able = {}, {}
            for name, library in libraries.items():
                try:
                    held[name] = [library.put(a) for a in inputs]
                except Exception as error:
                    about = {"case": group[0].title, "dtype": dtype, "contender": name}
                    yield about | {"error": peers.trouble_of(error)}
                    continue
                able[name] = library
            for case in group:
                yield from one_case(setting, case, able, held, small, bandwidth)


def by_shape(all_cases):
    """Cases that take the same data, together, in order of first appearance."""
    groups = {}
    for case in all_cases:
        groups.setdefault(case.shape, []).append(case)
    return list(groups.values())
