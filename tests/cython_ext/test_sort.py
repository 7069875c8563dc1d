"""pt_sort.h, with vectors and without: every length and pattern, against NumPy."""

import ctypes
import subprocess

import numpy as np
import pytest

from probtensor.targets.base import BuildError
from probtensor.targets.cython.toolchain import compiler_command

SOURCE = """
#include "pt_sort.h"
void sorted(int64_t *keys, int64_t n) { pt_sort_keys(keys, n); }
void selected(int64_t *keys, int64_t n, const int64_t *places, int64_t count)
{ pt_select_keys(keys, n, places, count); }
void shallow(int64_t *keys, int64_t n, int64_t depth)
{ pt_quicksort(keys, n, 0, NULL, 0, pt_has_wide_sort(), (int) depth, 1); }
"""
POINTER = ctypes.POINTER(ctypes.c_int64)


@pytest.fixture(scope="module", params=["plain", "wide"])
def library(request, tmp_path_factory, root):
    """The functions by pointers and integers, and whether they use vectors where there are some."""
    try:
        command = compiler_command()
    except BuildError:
        pytest.skip("there is no C compiler")
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "sort.c").write_text(SOURCE)
    flags = ["-O1", "-shared", "-fPIC", "-fwrapv", f"-I{root}/cython_ext/include/host"]
    defined = ["-DPT_PLAIN_SORT"] if request.param == "plain" else []
    subprocess.run([*command, *flags, *defined, folder / "sort.c", "-o", folder / "sort.so"],
                   check=True, timeout=100)  # fmt: skip
    return ctypes.CDLL(str(folder / "sort.so"))


def call(function, keys, *others):
    arguments = [x.ctypes.data_as(POINTER) if isinstance(x, np.ndarray) else ctypes.c_int64(x)
                 for x in (keys, len(keys), *others)]  # fmt: skip
    function(*arguments)
    return keys


def patterns(n, rng):
    """Keys in several orders, with many ties, and at both ends of the range."""
    yield rng.integers(-(2**63), 2**63 - 1, n)
    yield rng.integers(0, 4, n)
    yield np.arange(n)
    yield np.arange(n)[::-1].copy()
    yield np.where(rng.random(n) < 0.5, np.iinfo("int64").max, np.iinfo("int64").min)
    yield np.minimum(np.arange(n), np.arange(n)[::-1])
    yield np.full(n, 7)


def test_sorting_and_selecting(library):
    rng = np.random.default_rng(0)
    for n in (*range(35), 63, 64, 65, 95, 96, 97, 127, 128, 129, 160, 200, 257, 1000, 5000):
        for keys in patterns(n, rng):
            ordered = np.sort(keys)
            np.testing.assert_array_equal(call(library.sorted, keys.copy()), ordered)
            if not n:
                continue
            places = np.unique(rng.integers(0, n, 3))
            found = call(library.selected, keys.copy(), places, len(places))
            np.testing.assert_array_equal(found[places], ordered[places])
            np.testing.assert_array_equal(np.sort(found), ordered)


def test_a_run_that_is_split_too_often_is_sorted_by_a_heap(library):
    rng = np.random.default_rng(1)
    for n in (17, 129, 1000):
        for depth in (0, 1, 3):
            for keys in patterns(n, rng):
                found = call(library.shallow, keys.copy(), depth)
                np.testing.assert_array_equal(found, np.sort(keys))
