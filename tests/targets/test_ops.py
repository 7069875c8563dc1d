"""Every op on the targets that compile, at edges too: one module holds the samples of many ops."""

import pytest

from probtensor import device
from probtensor.lower import lower
from probtensor.ops.kinds import REGISTRY, Composite
from probtensor.targets.cuda.launches import CudaTarget
from probtensor.targets.cython.native import CythonTarget
from probtensor.testing import conform
from tests.conftest import compiled_at
from tests.device.host import HostDriver
from tests.plans import run, run_at_address

NAMES = sorted(name for name, cls in REGISTRY.items() if not issubclass(cls, Composite))
GROUPS = [NAMES[k::3] for k in range(3)]
DEVICE_GROUPS = [NAMES[k::6] for k in range(6)]


def all_cases(names):
    """The samples of the ops, in both precisions."""
    for name in names:
        yield from conform.cases_of(REGISTRY[name])
        if conform.takes_float32(REGISTRY[name]):
            yield from conform.cases_of(REGISTRY[name], "float32")


def first_cases(names):
    """The first sample of each op."""
    for name in names:
        yield next(conform.cases_of(REGISTRY[name]))


def check(cases, run_plan):
    """What a plan of all cases gives is what NumPy gives."""
    inputs = [x for case in cases for x in case.inputs]
    arrays = [a for case in cases for a in case.arrays]
    results = run_plan(lower(inputs, [case.output for case in cases]), arrays)
    wrong = []
    for case, result in zip(cases, results, strict=True):
        try:
            conform.check_target(case, lambda *_, result=result: [result])
        except AssertionError as error:
            wrong.append(str(error))
    assert not wrong, "\n".join(wrong)


def on_cpu(plan, arrays):
    return run_at_address(CythonTarget(), plan, arrays)


@pytest.mark.parametrize("names", GROUPS, ids=lambda names: names[0])
def test_the_cython_target_gives_what_numpy_gives(names):
    """The C compiler's optimiser has most of the time, and the next tests."""
    with compiled_at("-O1"):
        check(list(all_cases(names)), on_cpu)


@pytest.mark.slow
def test_optimised_code_of_every_op_gives_what_numpy_gives():
    check(list(first_cases(NAMES)), on_cpu)


@pytest.mark.slow
@pytest.mark.parametrize("names", GROUPS, ids=lambda names: names[0])
def test_optimised_code_of_every_sample_gives_what_numpy_gives(names):
    check(list(all_cases(names)), on_cpu)


@pytest.fixture
def driver_of_large_modules(device_driver):
    """The device; on the host large modules are compiled in half of the time without -O1."""
    if not isinstance(device_driver, HostDriver):
        yield device_driver
        return
    before = device.use(HostDriver(optimize="-O0"))
    yield device.driver()
    device.use(before)


@pytest.mark.parametrize("names", DEVICE_GROUPS, ids=lambda names: names[0])
def test_the_cuda_target_gives_what_numpy_gives(names, driver_of_large_modules):
    check(list(all_cases(names)), lambda plan, arrays: run(CudaTarget(), plan, arrays))
