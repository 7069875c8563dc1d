"""pt_sort.h and pt_select.h, with vectors and without: every length and pattern, against NumPy."""

import ctypes
import subprocess

import numpy as np
import pytest

from probtensor.ops.ordering.routines import partition_of
from probtensor.targets.base import BuildError
from probtensor.targets.cython.toolchain import compiler_command

SOURCE = """
#include "pt_ordering.h"
#define KEYS(bits, name) \\
    void sorted##bits(int##bits##_t *keys, int64_t n) { pt_sort_keys##name(keys, n); } \\
    void selected##bits(int##bits##_t *keys, int64_t n, const int64_t *places, int64_t count) \\
    { pt_select_keys##name(keys, n, places, count); } \\
    void shallow##bits(int##bits##_t *keys, int64_t n, int64_t depth) \\
    { pt_quicksort##name(keys, n, 0, NULL, 0, pt_sort_level(), (int) depth, 1); }
KEYS(64, )
KEYS(32, _32)
void floats64(double *x, int64_t n, double *out) { pt_sort(x, out, 1, n); }
void floats32(float *x, int64_t n, float *out) { pt_sort_float32(x, out, 1, n); }
#define PARTED(type, name, suffix) \\
    void parted_##name(type *x, int64_t n, type *out, const int64_t *places, int64_t count, \\
                       double *work) \\
    { pt_partitioned##suffix(x, places, out, work, 1, n, count); }
PARTED(double, float64, )
PARTED(float, float32, _float32)
PARTED(int64_t, int64, _int64)
PARTED(int32_t, int32, _int32)
#define CHOSEN(type, name, suffix) \\
    void chosen_##name(type *x, int64_t n, const int64_t *places, int64_t count, type *values, \\
                       int64_t *order, double *work) \\
    { pt_select##suffix(x, places, values, order, work, 1, n, count); }
CHOSEN(double, float64, )
CHOSEN(int64_t, int64, _int64)
"""


@pytest.fixture(scope="module", params=["plain", "avx2", "wide"])
def library(request, tmp_path_factory, root):
    """The functions by pointers and integers, and whether they use vectors where there are some."""
    try:
        command = compiler_command()
    except BuildError:
        pytest.skip("there is no C compiler")
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "sort.c").write_text(SOURCE)
    flags = ["-O1", "-shared", "-fPIC", "-fwrapv", f"-I{root}/cython_ext/include/host"]
    options = {"plain": ["-DPT_PLAIN_SORT"], "avx2": ["-DPT_SORT_MOST=1"], "wide": []}
    defined = options[request.param]
    subprocess.run([*command, *flags, *defined, folder / "sort.c", "-o", folder / "sort.so"],
                   check=True, timeout=100)  # fmt: skip
    return ctypes.CDLL(str(folder / "sort.so"))


def call(function, keys, *others):
    arguments = [x.ctypes.data_as(ctypes.c_void_p) if isinstance(x, np.ndarray)
                 else ctypes.c_int64(x) for x in (keys, len(keys), *others)]  # fmt: skip
    function(*arguments)
    return keys


def patterns(n, rng, dtype="int64"):
    """Keys in several orders, with many ties, and at both ends of the range."""
    ends = np.iinfo(dtype)
    yield rng.integers(ends.min, ends.max, n, dtype)
    yield rng.integers(0, 4, n).astype(dtype)
    yield np.arange(n, dtype=dtype)
    yield np.arange(n, dtype=dtype)[::-1].copy()
    yield np.where(rng.random(n) < 0.5, ends.max, ends.min).astype(dtype)
    yield np.minimum(np.arange(n), np.arange(n)[::-1]).astype(dtype)
    yield np.full(n, 7, dtype)


@pytest.mark.parametrize("bits", [64, 32])
def test_sorting_and_selecting(library, bits):
    rng = np.random.default_rng(0)
    sort, select = (getattr(library, f"{name}{bits}") for name in ("sorted", "selected"))
    lengths = 63, 64, 65, 95, 96, 97, 127, 128, 129, 160, 200, 255, 256, 257, 513, 1100, 5000
    for n in (*range(35), *lengths):
        for keys in patterns(n, rng, f"int{bits}"):
            ordered = np.sort(keys)
            np.testing.assert_array_equal(call(sort, keys.copy()), ordered)
            if not n:
                continue
            places = np.unique(rng.integers(0, n, 3))
            found = call(select, keys.copy(), places, len(places))
            np.testing.assert_array_equal(found[places], ordered[places])
            np.testing.assert_array_equal(np.sort(found), ordered)


@pytest.mark.parametrize("bits", [64, 32])
def test_floats_are_sorted_by_their_bits(library, bits):
    """The negative zeros before the others, and every nan last, as one nan."""
    rng, dtype = np.random.default_rng(4), f"float{bits}"
    for n in (0, 1, 7, 33, 300, 3000):
        x = rng.normal(size=n).astype(dtype)
        x[::5], x[1::5] = -0.0, 0.0
        x[2::7], x[3::7], x[4::9] = np.nan, -np.inf, -np.float64(np.nan)
        found = np.empty_like(x)
        call(getattr(library, f"floats{bits}"), x, found)
        zeros = found[found == 0]
        assert np.array_equal(found, np.sort(x), equal_nan=True)
        assert np.array_equal(np.signbit(zeros), np.sort(np.signbit(zeros))[::-1])


@pytest.mark.parametrize("bits", [64, 32])
def test_a_run_that_is_split_too_often_is_sorted_by_a_heap(library, bits):
    rng = np.random.default_rng(1)
    for n in (17, 129, 1000):
        for depth in (0, 1, 3):
            for keys in patterns(n, rng, f"int{bits}"):
                found = call(getattr(library, f"shallow{bits}"), keys.copy(), depth)
                np.testing.assert_array_equal(found, np.sort(keys))


def drawn_places(n):
    """Where pt_scattered draws a sample of 256."""
    state, places = 1, []
    for _ in range(256):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        places.append((state >> 32) * n >> 32)
    return places


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "int32"])
def test_partitions_keep_the_order_of_the_rest(library, dtype):
    """By a sample from 2,048 numbers on, also one that tells nothing of the others; a nan is last,
    and the signs of zeros stay."""
    rng = np.random.default_rng(2)
    for n in (1, 15, 130, 2047, 3001, 140000):
        drawn = 1000 * rng.normal(size=n)
        high, low = drawn.copy(), drawn.copy()
        high[drawn_places(n)], low[drawn_places(n)] = 1e9, -1e9
        absent = np.nan if dtype.startswith("float") else 5
        some = slice(None) if n < 9999 else slice(1)
        for x in (
            drawn, np.arange(n), np.where(drawn < 0, -1.0, 1.0) * rng.integers(0, 2, n),
            np.where(rng.random(n) < 0.6, absent, drawn), np.where(np.arange(n) < n // 2, drawn, 0),
            high, low,
        )[some]:  # fmt: skip
            given = x.astype(dtype)
            for places in ([n // 2], [0], [n - 1], [n, -1], [n - 1, 0, n // 2])[some]:
                out, work = np.empty_like(given), np.full(n + 4 * len(places) + 11, 7.0)
                call(getattr(library, f"parted_{dtype}"), given, out, np.array(places),
                     len(places), work)  # fmt: skip
                order = partition_of(given, np.array(places))
                assert out.tobytes() == given[order].tobytes()
                assert work[-1] == 7


@pytest.mark.parametrize("dtype", ["float64", "int64"])
def test_selections_are_those_of_a_stable_sort(library, dtype):
    """Neighbouring places, which are sorted, and places far apart; ties, and places of none."""
    rng = np.random.default_rng(3)
    absent = np.nan if dtype == "float64" else 5
    for n in (1, 5, 8, 9, 50, 2047, 5001):
        drawn = 1000 * rng.normal(size=n)
        for x in (
            drawn, rng.integers(0, 3, n), np.where(rng.random(n) < 0.6, absent, drawn),
            np.arange(n)[::-1], np.ones(n),
        ):  # fmt: skip
            given = x.astype(dtype)
            order = np.argsort(given, kind="stable")
            for count in (1, 2, 7, 40):
                middle = rng.integers(n) + np.arange(count)
                for places in (middle, middle[::-1] - 1, rng.integers(-1, n + 1, count)):
                    values, found = np.empty(count, dtype), np.empty(count, "int64")
                    work = np.full(4 * n + 9, 7.0)
                    call(getattr(library, f"chosen_{dtype}"), given, places.astype("int64"), count,
                         values, found, work)  # fmt: skip
                    there = (places >= 0) & (places < n)
                    meant = order[places[there]]
                    np.testing.assert_array_equal(found[there], meant)
                    np.testing.assert_array_equal(values[there], given[meant])
                    assert not found[~there].any() and work[-1] == 7
