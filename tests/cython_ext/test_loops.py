"""The loops written by hand in C, at every remainder and alignment.

Values are small whole numbers, so that sums are exact in any order and must agree to the last bit;
cells around each result must stay as they were.
"""

import ctypes
import itertools
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests.cython_ext.compiled import COMMON, INCLUDE, compiler, scratch

OFFSETS = range(8)  # doubles past a boundary of 64 bytes
SIZES = range(41)  # past two turns of the widest loop, with every remainder
GUARD = 12345.0
BUILDS = {"native": ("-march=native", "-mprefer-vector-width=512"), "baseline": ()}
FOLDS = {"add": np.add, "plain_add": np.add, "mul": np.multiply, "max": np.maximum,
         "min": np.minimum}  # fmt: skip


@cache
def library(build):
    """The exported loops, compiled with the flags of one build."""
    path = Path(scratch().name) / f"loops_{build}.so"
    source = Path(__file__).with_name("loops.c")
    command = [compiler(), *COMMON, "-ffp-contract=off", *BUILDS[build], f"-I{INCLUDE}",
               str(source), "-o", str(path), "-lm"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(path))


@pytest.fixture(params=BUILDS)
def loops(request):
    return library(request.param)


class Cells:
    """Arrays at a chosen distance from a boundary of 64 bytes, with guarded cells around them."""

    def __init__(self, offset):
        self.offset = offset
        self.guarded = []

    def of(self, values):
        """A copy of the values at the offset; `intact` watches the cells beside it."""
        values = np.asarray(values)
        room = np.full(values.size + 40, GUARD, values.dtype)
        start = (-room.ctypes.data // room.itemsize) % (64 // room.itemsize) + 8 + self.offset
        placed = room[start : start + values.size]
        placed[:] = values.reshape(-1)
        self.guarded.append((room, start, values.size))
        return placed

    def intact(self):
        return all(
            (room[:start] == room.dtype.type(GUARD)).all()
            and (room[start + size :] == room.dtype.type(GUARD)).all()
            for room, start, size in self.guarded
        )


def pointer(array):
    return ctypes.c_void_p(array.ctypes.data)


def call(function, *arguments, result=None):
    """A C function on integers, floats and arrays."""
    kinds = {int: ctypes.c_int64, float: ctypes.c_double}
    function.restype = result
    return function(*(kinds.get(type(a), pointer)(a) for a in arguments))


def whole(rng, *shape):
    """Whole numbers, none of them 0, so that a lost or doubled term shows."""
    return rng.integers(1, 1000, shape) * rng.choice([-1.0, 1.0], shape)


@pytest.mark.parametrize("name", FOLDS)
def test_folds_take_every_lane_once(loops, name):
    rng = np.random.default_rng(1)
    for lanes, offset in itertools.product(range(1, 70), OFFSETS):
        values = rng.choice([-2.0, -1.0, 1.0, 2.0], lanes) if name == "mul" else whole(rng, lanes)
        cells = Cells(offset)
        found = call(getattr(loops, f"fold_{name}"), cells.of(values), lanes,
                     result=ctypes.c_double)  # fmt: skip
        assert found == FOLDS[name].reduce(values), (lanes, offset)
        assert cells.intact()


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
@pytest.mark.parametrize("name", ["add", "mul", "max", "min"])
def test_folds_of_integers(loops, name, dtype):
    rng = np.random.default_rng(2)
    result = ctypes.c_int64 if dtype == "int64" else ctypes.c_uint64
    for lanes in range(1, 70):
        info = np.iinfo(dtype)
        values = rng.integers(info.min, info.max, lanes, dtype=dtype, endpoint=True)
        cells = Cells(lanes % 8)
        function = getattr(loops, f"fold_{dtype[0]}{name}")
        found = call(function, cells.of(values), lanes, result=result)
        assert found == FOLDS[name].reduce(values), lanes
        assert cells.intact()


@pytest.mark.parametrize("spoilt", [0, 1, 4, 7, 8, 15])
def test_folds_spread_nan(loops, spoilt):
    for name, lanes in itertools.product(("add", "max", "min"), (spoilt + 1, 16, 17, 32)):
        values = np.arange(1.0, lanes + 1)
        values[spoilt] = np.nan
        assert np.isnan(call(getattr(loops, f"fold_{name}"), values, lanes,
                             result=ctypes.c_double)), (name, lanes)  # fmt: skip


def test_dot_products(loops):
    rng = np.random.default_rng(3)
    for n, offset in itertools.product(SIZES, OFFSETS):
        a, x = whole(rng, n), whole(rng, n)
        here, there = Cells(offset), Cells((3 * offset + 1) % 8)
        assert call(loops.dot, here.of(a), there.of(x), n, result=ctypes.c_double) == a @ x


@pytest.mark.parametrize("gap", [0, 1, 3])
def test_rows_times_a_vector_and_back(loops, gap):
    rng = np.random.default_rng(4)
    for m, n, offset in itertools.product(range(10), (*range(19), 32, 33), (0, 1, 5)):
        a, x, r, g = whole(rng, m, n + gap), whole(rng, n), whole(rng, m), whole(rng, n)
        cells = Cells(offset)
        placed, out, sums = cells.of(a), cells.of(np.zeros(m)), cells.of(g)
        step = n + gap
        call(loops.rows_dot, m, n, placed, step, Cells(offset).of(x), out)
        call(loops.rows_add, m, n, placed, step, Cells(2).of(r), sums)
        np.testing.assert_array_equal(out, a[:, :n] @ x, err_msg=f"{m, n, offset}")
        np.testing.assert_array_equal(sums, g + r @ a[:, :n], err_msg=f"{m, n, offset}")
        assert cells.intact()


def runs():
    """Index lists: runs of one length after a start, and runs of one index with one or two others
    in them, which is where a window of eight is nearly but not all equal."""
    for length, start in itertools.product(range(1, 21), range(9)):
        head = [5, 3, 5, 1, 4, 1, 0, 2, 6][:start]
        yield np.array(head + [k % 7 for k in range(4) for _ in range(length)])
    for size in range(1, 21):
        for places in itertools.chain([()], itertools.combinations(range(size), 1),
                                      itertools.combinations(range(size), 2)):  # fmt: skip
            index = np.full(size, 4)
            index[list(places)] = 5
            yield index


@pytest.mark.parametrize("kind", ["int64", "int32"])
def test_scattered_additions_whatever_runs_there_are(loops, kind):
    rng = np.random.default_rng(5)
    function = getattr(loops, f"scatter_add_{kind}")
    for count, index in enumerate(runs()):
        values, before = whole(rng, index.size), whole(rng, 7)
        expected = before.copy()
        np.add.at(expected, index, values)
        cells = Cells(count % 8)
        found = cells.of(before)
        call(function, int(index.size), cells.of(index.astype(kind)), cells.of(values), found)
        np.testing.assert_array_equal(found, expected, err_msg=f"indices {index.tolist()}")
        assert cells.intact()


@pytest.mark.parametrize("kind", ["int64", "int32"])
def test_scattered_additions_of_random_groups(loops, kind):
    rng = np.random.default_rng(6)
    for size in range(64):
        index = rng.integers(0, 1 + size // 6 if size % 3 else 9, size)
        index = np.sort(index) if size % 3 else index
        values = whole(rng, size)
        expected = np.zeros(16)
        np.add.at(expected, index, values)
        cells = Cells(size % 8)
        found = cells.of(np.zeros(16))
        function = getattr(loops, f"scatter_add_{kind}")
        call(function, size, cells.of(index.astype(kind)), cells.of(values), found)
        np.testing.assert_array_equal(found, expected)
        assert cells.intact()


PADDED = [(n, offset) for n in range(0, 25, 4) for offset in OFFSETS]


@pytest.mark.parametrize(("n", "offset"), PADDED)
def test_loops_of_a_leapfrog_step(loops, n, offset):
    rng = np.random.default_rng(100 * n + offset)
    cells = Cells(offset)
    w, q, p, g = (whole(rng, n) for _ in range(4))
    w_at, q_at, p_at, g_at = (Cells(k).of(x) for k, x in zip((1, 2, 4, 7), (w, q, p, g)))
    q_out, p_out, v = (cells.of(np.zeros(n)) for _ in range(3))
    call(loops.kick_drift, n, 0.5, w_at, q_at, p_at, g_at, q_out, p_out)
    np.testing.assert_array_equal(p_out, p + 0.5 * g)
    np.testing.assert_array_equal(q_out, q + w * (p + 0.5 * g))
    energy = call(loops.velocity, n, w_at, p_at, v, result=ctypes.c_double)
    np.testing.assert_array_equal(v, w * p)
    assert energy == 0.5 * (p @ v)
    energy = call(loops.kick, n, 0.25, w_at, g_at, p_out, v, result=ctypes.c_double)
    np.testing.assert_array_equal(p_out, p + 0.75 * g)
    np.testing.assert_array_equal(v, w * p_out)
    assert energy == 0.5 * (p_out @ v)
    assert cells.intact()


@pytest.mark.parametrize(("n", "offset"), PADDED)
def test_loops_of_a_tree(loops, n, offset):
    rng = np.random.default_rng(100 * n + offset)
    a, b = whole(rng, n), whole(rng, n)
    for trial in range(6):
        first, last = whole(rng, n), whole(rng, n)
        cells = Cells(offset)
        rho = cells.of(np.zeros(n))
        ends = Cells(3).of(first), Cells(6).of(last)
        moving = call(loops.join, n, Cells(1).of(a), Cells(5).of(b), *ends, rho,
                      result=ctypes.c_int)  # fmt: skip
        np.testing.assert_array_equal(rho, a + b)
        right = first @ (a + b) > 0 and last @ (a + b) > 0
        assert moving == right, trial
        assert right == call(loops.still_moving, n, Cells(1).of(a), Cells(5).of(b), *ends,
                             result=ctypes.c_int)  # fmt: skip
        assert cells.intact()


@pytest.mark.parametrize("first", [-1.0, 0.0, 1.0])
@pytest.mark.parametrize("last", [-1.0, 0.0, 1.0])
def test_an_end_that_stands_still_does_not_move(loops, first, last):
    along, still = np.array([1.0, 0, 0, 0]), np.zeros(4)
    ends = np.array([first, 0, 0, 0]), np.array([last, 0, 0, 0])
    rho = np.zeros(4)
    expected = first > 0 and last > 0
    assert expected == call(loops.join, 4, along, still, *ends, rho, result=ctypes.c_int)
    assert expected == call(loops.still_moving, 4, still, along, *ends, result=ctypes.c_int)


@pytest.mark.parametrize(("n", "offset"), PADDED)
def test_running_moments(loops, n, offset):
    rng = np.random.default_rng(100 * n + offset)
    cells = Cells(offset)
    mean, square = cells.of(np.zeros(n)), cells.of(np.zeros(n))
    seen = whole(rng, 9, n)
    for count, x in enumerate(seen, 1):
        call(loops.welford, n, float(count), Cells(5).of(x), mean, square)
    np.testing.assert_allclose(mean, seen.mean(axis=0), rtol=1e-13, atol=1e-11)
    np.testing.assert_allclose(square, 9 * seen.var(axis=0), rtol=1e-12)
    assert cells.intact()
