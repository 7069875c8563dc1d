"""Every op on the targets that compile, at edges too: one module holds the samples of many ops."""

import pytest

from probtensor import device
from probtensor.lower import lower
from probtensor.ops.kinds import REGISTRY, Composite
from probtensor.targets.cuda.launches import CudaTarget
from probtensor.targets.cython.native import CythonTarget
from probtensor.targets.machine.target import MachineTarget
from probtensor.testing import conform
from tests.conftest import compiled_at
from tests.device.host import HostDriver
from tests.plans import run, run_at_address, same_bits

NAMES = sorted(name for name, cls in REGISTRY.items() if not issubclass(cls, Composite))
GROUPS = [NAMES[k::3] for k in range(3)]


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


def results_of(cases, *runs):
    """What each way to run a plan gives for one of all cases."""
    inputs = [x for case in cases for x in case.inputs]
    arrays = [a for case in cases for a in case.arrays]
    plan = lower(inputs, [case.output for case in cases])
    return [run_plan(plan, arrays) for run_plan in runs]


def check(cases, results):
    """The results of the cases are what NumPy gives."""
    wrong = []
    for case, result in zip(cases, results, strict=True):
        try:
            conform.check_target(case, lambda *_, result=result: [result])
        except AssertionError as error:
            wrong.append(str(error))
    assert not wrong, "\n".join(wrong)


def on_cpu(plan, arrays):
    return run_at_address(CythonTarget(), plan, arrays)


def on_machine(plan, arrays):
    return run_at_address(MachineTarget(), plan, arrays)


@pytest.mark.parametrize("names", GROUPS, ids=lambda names: names[0])
def test_the_cython_target_gives_what_numpy_gives(names):
    """And the machine gives the same, bit for bit. The C compiler's optimiser has most of the time,
    and the next tests."""
    cases = list(all_cases(names))
    with compiled_at("-O1"):
        native, machine = results_of(cases, on_cpu, on_machine)
    check(cases, native)
    assert not [str(c) for c, a, b in zip(cases, machine, native) if not same_bits(a, b)]


@pytest.mark.slow
def test_optimised_code_of_every_op_gives_what_numpy_gives():
    cases = list(first_cases(NAMES))
    check(cases, *results_of(cases, on_cpu))


@pytest.mark.slow
@pytest.mark.parametrize("names", GROUPS, ids=lambda names: names[0])
def test_optimised_code_of_every_sample_gives_what_numpy_gives(names):
    cases = list(all_cases(names))
    check(cases, *results_of(cases, on_cpu))


@pytest.fixture
def driver_of_large_modules(device_driver):
    """The device; on the host large modules are compiled in half of the time without -O1."""
    if not isinstance(device_driver, HostDriver):
        yield device_driver
        return
    before = device.use(HostDriver(optimize="-O0"))
    yield device.driver()
    device.use(before)


@pytest.mark.parametrize("names", GROUPS, ids=lambda names: names[0])
def test_the_cuda_target_gives_what_numpy_gives(names, driver_of_large_modules):
    cases = list(all_cases(names))
    check(cases, *results_of(cases, lambda plan, arrays: run(CudaTarget(), plan, arrays)))
