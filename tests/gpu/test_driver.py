"""The runtime: with the real PyCUDA where it is installed, on a stand-in for NVIDIA's driver."""

import importlib.util
import os
import subprocess
import sys

import pytest

from tests.device.host import ROOT

needs_pycuda = pytest.mark.skipif(
    importlib.util.find_spec("pycuda") is None, reason="PyCUDA is not installed"
)


def python(*arguments, **variables):
    """A Python process in the root of the tree."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment | variables,
                          capture_output=True, text=True, timeout=300, check=False)  # fmt: skip


@needs_pycuda
@pytest.mark.parametrize(
    "checks", ["fake_driver_checks.py", pytest.param("test_functions.py", marks=pytest.mark.slow)]
)
def test_the_runtime_on_the_stand_in_driver(checks):
    done = python("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist",
                  f"tests/gpu/{checks}", PROBTENSOR_TEST_DEVICE="stand-in")  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout and "skipped" not in done.stdout, done.stdout


EXIT = """
import gc
import threading
import numpy as np
from tests.device import fake_driver
from probtensor import device
driver = fake_driver.open_driver()
device.use(driver)
kept = [device.device_array(np.ones(10)), driver.stream(), driver.event()]
thread = threading.Thread(target=lambda: kept.append(device.device_array(np.ones(10))))
thread.start()
thread.join()
cycle = [device.empty(5)]
cycle.append(cycle)
print("end")
"""


@needs_pycuda
def test_the_process_ends_well_with_arrays_alive():
    done = python("-c", EXIT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


BROKEN = EXIT.replace('print("end")', """
module = driver.module(driver.compile('extern "C" __global__ void traps() { __trap(); }'))
driver.launch(module.function("traps"), 1, 32, 0, b"")
with driver.capture(driver.stream()) as graph:
    pass
try:
    driver.synchronize()
except device.DeviceError:
    print("end")
""")


@needs_pycuda
def test_the_process_ends_well_with_a_broken_device():
    done = python("-c", BROKEN)
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


FORK = """
import os
import numpy as np
from tests.device import fake_driver
from probtensor import device
driver = fake_driver.open_driver()
device.use(driver)
x = device.device_array(np.ones(10))
child = os.fork()
try:
    x.get()
    print("works")
except device.DeviceError as error:
    print(error)
if child:
    os.waitpid(child, 0)
"""


@needs_pycuda
def test_a_forked_process_is_told_so():
    done = python("-c", FORK)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert "does not outlive a fork" in done.stdout and "works" in done.stdout


NOTHING = """
from tests.device import fake_driver
from probtensor import device
fake_driver.load()
try:
    device.driver()
except device.DeviceError as error:
    print(error)
print(device.is_available())
"""


@needs_pycuda
def test_a_driver_without_a_device():
    done = python("-c", NOTHING, FAKE_CUDA_DEVICES="0")
    assert "no CUDA device" in done.stdout and "False" in done.stdout, done.stdout + done.stderr


@needs_pycuda
def test_no_compiler_is_said_last():
    without = NOTHING.replace("fake_driver.load()", """fake_driver.load()
from probtensor.device import compiler
compiler.find_library = compiler.shutil.which = lambda *options: None""")
    done = python("-c", without)
    assert "neither NVRTC nor nvcc" in done.stdout, done.stdout + done.stderr


MISSING = """
import sys
{how}
import probtensor as pt
from probtensor import device
assert not device.is_available()
try:
    device.driver()
except device.DeviceError as error:
    print(error)
x = pt.scalar("x")
print(pt.function([x], x + 1)(2.0))
try:
    pt.function([x], x + 1, target="cuda")
except pt.BuildError as error:
    print(error)
"""


def test_without_pycuda_all_else_works():
    done = python("-c", MISSING.format(how="sys.modules['pycuda'] = None"))
    assert done.returncode == 0, done.stderr
    assert "PyCUDA is not installed: pip install 'probtensor[cuda]'" in done.stdout
    assert "3.0" in done.stdout
    assert "PROBTENSOR_TARGET=cython in the environment, gives the same on the CPU" in done.stdout


@needs_pycuda
def test_without_a_driver_it_is_said_so():
    done = python("-c", MISSING.format(how=""))
    if "Error" in done.stderr and "is_available" in done.stderr:
        pytest.skip("this machine has a driver and a device")
    assert "libcuda.so.1" in done.stdout and "install the driver" in done.stdout
