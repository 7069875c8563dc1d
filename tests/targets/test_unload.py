"""Code is unloaded when it is no longer referenced, and not before."""

import ctypes
import ctypes.util
import gc
import os
import shutil
import subprocess
import sys
import threading
import weakref

import numpy as np
import pytest

import probtensor as pt
from probtensor.targets.cython import loader, routines
from probtensor.targets.cython.native import module_of
from tests.targets.test_native import MODULE

linux = pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="reads /proc/self/maps")


def mappings(text=""):
    with open("/proc/self/maps") as file:
        return sum(text in row for row in file)


def memory():
    """Resident memory of this process in MiB."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    """The file of a module."""
    before = os.environ.get("PROBTENSOR_CACHE")
    os.environ["PROBTENSOR_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    path = module_of(MODULE.replace("{value}", "3.25"))[1]
    gc.collect()
    if before is None:
        del os.environ["PROBTENSOR_CACHE"]
    else:
        os.environ["PROBTENSOR_CACHE"] = before
    return path


def copies(module, folder, count):
    for k in range(count):
        yield shutil.copyfile(module, folder / f"{k}.so")


def value_of(library):
    result = ctypes.c_double()
    table = (ctypes.c_void_p * 1)(ctypes.addressof(result))
    ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(library.address)(table, None)
    return result.value


@linux
def test_modules_have_few_mappings_and_give_them_back(module, tmp_path):
    before = mappings()
    libraries = [loader.load_module(path) for path in copies(module, tmp_path, 50)]
    assert {value_of(library) for library in libraries} == {3.25}
    # 20,000 must fit in the 65,530 mappings that a process may have.
    assert mappings() - before <= 3 * len(libraries)
    del libraries
    assert mappings() <= before + 2


@linux
def test_a_function_that_is_dropped_is_unloaded(tmp_path):
    x = pt.vector("x")
    f = pt.function([x], pt.sum(x) * 6.8125)
    g = pt.function([x], pt.sum(x) * 6.8125)
    assert f([1.0]) == g([1.0]) == 6.8125
    name = os.path.basename(f.path)
    assert f.path == g.path
    held = weakref.ref(f.compilation.built.owner)
    del f
    gc.collect()
    assert g([2.0]) == 13.625 and held() is not None
    bound = g.bind({x: np.ones(3)})
    del g
    gc.collect()
    assert bound() == 3 * 6.8125
    del bound
    gc.collect()
    assert held() is None and mappings(name) == 0


def test_whoever_has_an_address_may_call_it(module):
    x = pt.vector("x")
    address = pt.function([x], pt.sum(x) * 6.8125).address
    gc.collect()
    values, result, sizes = np.ones(4), ctypes.c_double(), (ctypes.c_int64 * 1)(4)
    table = (ctypes.c_void_p * 2)(values.ctypes.data, ctypes.addressof(result))
    ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(address)(table, sizes)
    assert result.value == 4 * 6.8125


def test_a_context_keeps_the_code_it_runs():
    mu = pt.random.normal(0, 1.59375, name="mu")
    y = pt.random.normal(mu, 1, name="y")
    posterior = pt.condition({y: 0.5})
    q = np.array([0.25])
    expected = posterior.logp_and_grad(q)
    evaluate, context = posterior.logp_and_grad, posterior.context()
    pointer, argument = posterior.address, context.address
    del posterior
    gc.collect()
    assert evaluate(q)[0] == expected[0]
    logp, gradient = ctypes.c_double(), np.empty(1)
    call = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * 4)(pointer)
    assert call(argument, q.ctypes.data, gradient.ctypes.data, ctypes.addressof(logp)) == 0
    assert (logp.value, gradient[0]) == (expected[0], expected[1][0])


def test_code_that_another_thread_runs_stays(module):
    x = pt.vector("x")
    big, results = np.ones(3_000_000), []
    f = pt.function([x], pt.sum(pt.exp(pt.sin(x))) * 6.8125)
    expected = f(big)
    threads = [threading.Thread(target=lambda g: results.append(g(big)), args=(f,)) for _ in "ab"]
    for thread in threads:
        thread.start()
    del f, thread
    gc.collect()
    for thread in threads:
        thread.join()
    assert results == [expected, expected]


def test_a_file_that_is_no_module_is_an_error(tmp_path, module):
    (tmp_path / "junk.so").write_bytes(b"junk")
    with pytest.raises(ImportError, match="junk"):
        loader.load_module(tmp_path / "junk.so")
    with pytest.raises(ImportError, match="nothing"):
        loader.load_module(tmp_path / "nothing\udce9.so")
    with pytest.raises(ImportError, match="no plan"):
        loader.load_module(ctypes.util.find_library("m") or "libm.so.6")


def test_routines_are_called_through_pointers_of_the_right_signature():
    """What stands for linalg.pxd while a plan is translated is made of it."""
    found = routines.signatures("linalg")
    assert found["pt_lu"][:4] == (
        "const double* a", "double* factor", "int64_t* pivots", "int64_t* rows"
    )  # fmt: skip
    assert found["pt_gemm"][-1] == "int64_t b_transposed"
    for module in routines.MODULES:
        assert routines.signatures(module).keys() == loader.of_module(module).keys()
    assert "    void pt_cumsum(const double* x, double* out, int64_t batch, int64_t n)\n" in (
        routines.declarations("linalg")
    )
    assert "static void (*pt_cumsum)(const double*, double*, int64_t, int64_t);" in (
        routines.header("linalg")
    )


GROWTH = """
import gc, sys
import numpy as np, probtensor as pt
from tests.targets.test_unload import mappings, memory
x = pt.vector("x")
def build(k):
    assert pt.function([x], pt.sum(pt.exp(x)) * (k + 0.28125))(np.zeros(2)) == 2 * (k + 0.28125)
for k in range(20):
    build(k)
gc.collect()
before = mappings(), memory()
for k in range(20, 20 + int(sys.argv[1])):
    build(k)
gc.collect()
print(mappings() - before[0], memory() - before[1])
"""


@linux
@pytest.mark.slow
def test_building_many_functions_takes_no_room(tmp_path, root):
    environment = {**os.environ, "PROBTENSOR_CACHE": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", GROWTH, "200"], cwd=root, env=environment,
                         capture_output=True, text=True, timeout=1200)  # fmt: skip
    assert run.returncode == 0, run.stderr
    maps, grown = map(float, run.stdout.split())
    assert maps < 40
    assert grown < 200 * 0.05, "MiB, of 200 functions"


@linux
@pytest.mark.slow
def test_thousands_of_modules_at_once(module, tmp_path):
    """At most three mappings each, so that 20,000 fit in the 65,530 that a process has. The loader
    searches all of them at each load and unload, so fewer are made here."""
    before, room, count = mappings(), memory(), 5_000
    libraries = [loader.load_module(path) for path in copies(module, tmp_path, count)]
    assert value_of(libraries[0]) == value_of(libraries[-1]) == 3.25
    assert mappings() - before < 3.1 * count
    assert memory() - room < 0.1 * count
    libraries.clear()
    assert mappings() <= before + 20
