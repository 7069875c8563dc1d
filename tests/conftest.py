"""Shared fixtures: data, targets, a device that is there or not, and how hard builds are tried."""

import contextlib
import gc
import inspect
import os
import re
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

import probtensor.ode
import probtensor.optimize  # noqa: F401 - tests of all ops include those of these two
from probtensor import device
from probtensor.targets.cython import toolchain
from tests.device import fake_driver
from tests.device.host import HostDriver

ROOT = Path(__file__).resolve().parent.parent
DEVICE = "PROBTENSOR_TEST_DEVICE"
BUILDS = "PROBTENSOR_TEST_BUILDS"
GARBAGE = 40_000  # new objects before a search for garbage; 700 by default
FULL = toolchain.OPTIMISE[0]  # the level of users' builds
# Tests of results, not of the code that the C compiler makes: half of their time is its optimiser.
QUICK_BUILDS = {"errors", "export", "function", "fuzz", "gpu", "graph", "lower", "ode", "ops",
                "optimize", "prob", "rules", "testing", "transform"}  # fmt: skip

# Tests of native code, and of what is done with it. All others are of results, which are the same
# on the machine: they run on the default target, which starts a compiler only when it is asked.
NATIVE = {"bench", "golden", "targets"}
os.environ.setdefault("PROBTENSOR_BUILD", "never")
# Tests of results that must run where there is no compiler: in these folders and files all but
# those that ask for native code, by their target or by a word in their text.
WITHOUT_COMPILER = {"function", "sample", "test_examples.py", "test_readme.py"}
NATIVE_WORDS = re.compile(r"cython|cuda|\.address|\.profile\(|\.export\(")
COMPILED = {"device_driver", "library_path"}  # fixtures


def asks_for_native_code(item):
    """Whether a test compiles C or C++, as far as its target, fixtures and text tell."""
    given = item.callspec.params if hasattr(item, "callspec") else {}
    if {"cython", "cuda"} & {value for value in given.values() if isinstance(value, str)}:
        return True
    if COMPILED & set(item.fixturenames) or item.get_closest_marker("native"):
        return True
    return bool(NATIVE_WORDS.search(inspect.getsource(item.function)))


def pytest_collection_modifyitems(items):
    """Marks what runs on a device where there is one, so that `-m "gpu or device"` finds it, and
    what must run without a compiler."""
    for item in items:
        place = item.path.relative_to(ROOT / "tests").parts[0]
        if place in WITHOUT_COMPILER and not asks_for_native_code(item):
            item.add_marker(pytest.mark.without_compiler)
        on_target = getattr(item, "callspec", None) and item.callspec.params.get("target")
        if "device_driver" in getattr(item, "fixturenames", ()) or on_target == "cuda":
            item.add_marker(pytest.mark.device)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes():
    """The process that gives tests to others keeps all reports, and makes no garbage."""
    gc.disable()


def pytest_collection():
    """What collection makes lives to the end: the garbage collector need not look through it."""
    gc.disable()


def pytest_collection_finish():
    """From here on it looks at what tests make."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def root():
    """The top of the source tree."""
    return ROOT


@pytest.fixture(scope="session")
def posteriordb():
    """Folder of the posteriordb pack named by $POSTERIORDB; tests that need it skip without it."""
    folder = os.environ.get("POSTERIORDB")
    if not folder or not Path(folder).is_dir():
        pytest.skip("set POSTERIORDB to the folder of the posteriordb pack")
    return Path(folder)


def generators():
    """The random generators that modules of tests hold in variables, each once."""
    modules = [module for name, module in list(sys.modules.items()) if name.startswith("tests")]
    found = [value for module in modules for value in vars(module).values()]
    return list({id(g): g for g in found if isinstance(g, np.random.Generator)}.values())


@pytest.fixture(scope="session")
def seeded():
    """Those generators, after all modules of tests have been imported."""
    return generators()


@pytest.fixture(autouse=True)
def data_of_its_own(request, seeded):
    """Random data follow from the name of a test, not from the tests that ran before it."""
    name = zlib.crc32(request.node.nodeid.encode())
    states = {}
    for generator in seeded:
        bits = generator.bit_generator
        kind = type(bits), str(bits.seed_seq.entropy)
        if kind not in states:
            states[kind] = type(bits)([bits.seed_seq.entropy, name]).state
        bits.state = states[kind]


@pytest.fixture(scope="module", autouse=True)
def garbage(request):
    """Garbage is looked for rarely: with the usual threshold that takes a twentieth of the time of
    all tests. Not so where the order of prints is tested: an equal expression of an earlier test
    that is still there was made earlier. What earlier modules of tests left is not looked through
    again."""
    usual = gc.get_threshold()
    gc.collect()
    gc.freeze()
    if request.path.parent.relative_to(ROOT / "tests").parts[:1] != ("inspect",):
        gc.set_threshold(GARBAGE, *usual[1:])
    yield
    gc.set_threshold(*usual)


@pytest.fixture(scope="module", autouse=True)
def subnormals_live_on():
    """No module of tests may load code that makes subnormals zero for all that run after it."""
    yield
    tiny = np.array([2.0**-1074])
    assert (tiny * np.ones(1))[0] > 0, "subnormals are flushed to zero in this process"


@pytest.fixture(scope="session")
def one_driver():
    """The driver of this process. $PROBTENSOR_TEST_DEVICE=gpu insists on a device, =host on none.

    With =stand-in it is PyCUDA's, over the stand-in for NVIDIA's own. Without it a device is taken
    where there is one. Insisting matters where figures are made: a device that cannot be opened
    must fail those tests, not move them to the host.
    """
    choice = os.environ.get(DEVICE, "any")
    if choice not in ("any", "gpu", "host", "stand-in"):
        raise ValueError(f"${DEVICE} is 'gpu', 'host' or 'stand-in', not {choice!r}")
    if choice == "stand-in":
        return fake_driver.open_driver()
    if choice == "host":
        return HostDriver()
    try:
        return device.driver()
    except device.DeviceError:
        if choice == "gpu":
            raise
        return HostDriver()


@pytest.fixture
def device_driver(one_driver):
    """The driver of the process, in its place for one test."""
    before = device.use(one_driver)
    yield one_driver
    one_driver.synchronize()
    device.use(before)


@pytest.fixture
def real_device(device_driver):
    """The driver, in tests that mean nothing on the host; they skip where there is no device."""
    if isinstance(device_driver, HostDriver):
        pytest.skip("no CUDA device here")
    return device_driver


@pytest.fixture(params=["interp", "cython", "cuda"])
def target(request, monkeypatch):
    """Each target in turn, which functions are made for where nothing else is said. A test that
    has no use for all of them names its own: `@pytest.mark.parametrize("target", [...],
    indirect=True)`."""
    if request.param == "cuda":
        request.getfixturevalue("device_driver")
    monkeypatch.setenv("PROBTENSOR_TARGET", request.param)
    return request.param


@pytest.fixture(scope="module", autouse=True)
def native_code(request):
    """Modules of tests in NATIVE have target="cython" as the default."""
    folder = request.path.parent.relative_to(ROOT / "tests").parts
    if not set(folder[:1]) & NATIVE or folder[1:2] == ("auto",):
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        if "PROBTENSOR_TARGET" not in os.environ:
            patch.setenv("PROBTENSOR_TARGET", "cython")
        yield


@pytest.fixture(scope="module", autouse=True)
def builds(request):
    """Modules of tests in QUICK_BUILDS compile C with -O1; with $PROBTENSOR_TEST_BUILDS=full, as
    `make test-all` sets it, all tests compile it as users do."""
    choice = os.environ.get(BUILDS, "quick")
    if choice not in ("quick", "full"):
        raise ValueError(f"${BUILDS} is 'quick' or 'full', not {choice!r}")
    folder = request.path.parent.relative_to(ROOT / "tests").parts[:1]
    if choice == "full" or not set(folder) & QUICK_BUILDS:
        yield
        return
    with compiled_at("-O1"):
        yield


@pytest.fixture
def full_builds():
    """Compiles C as users do, for tests of other processes that must find what this one built."""
    with compiled_at(FULL):
        yield


@contextlib.contextmanager
def compiled_at(level):
    """Generated C is compiled at another level than users' inside."""
    before = toolchain.OPTIMISE
    toolchain.OPTIMISE = (level, *before[1:])
    toolchain.flags.cache_clear()
    try:
        yield
    finally:
        toolchain.OPTIMISE = before
        toolchain.flags.cache_clear()
