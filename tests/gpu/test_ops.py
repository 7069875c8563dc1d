"""Every op on the CUDA target, at edges too: generated kernels, run on the host where no GPU is."""

import pytest

from probtensor.lower import lower
from probtensor.ops.kinds import REGISTRY, Composite
from probtensor.targets.gpu import CudaTarget
from probtensor.testing import conform
from tests.gpu.plans import run

NAMES = sorted(name for name, cls in REGISTRY.items() if not issubclass(cls, Composite))
GROUPS = [NAMES[k::6] for k in range(6)]


def all_cases(names):
    for name in names:
        yield from conform.cases_of(REGISTRY[name])
        if conform.takes_float32(REGISTRY[name]):
            yield from conform.cases_of(REGISTRY[name], "float32")


def wrong_cases(target, names):
    """What differs from NumPy; one module holds the samples of many ops."""
    cases = list(all_cases(names))
    inputs = [x for case in cases for x in case.inputs]
    arrays = [a for case in cases for a in case.arrays]
    results = run(target, lower(inputs, [case.output for case in cases]), arrays)
    wrong = []
    for case, result in zip(cases, results, strict=True):
        try:
            conform.check_target(case, lambda *_, result=result: [result])
        except AssertionError as error:
            wrong.append(str(error))
    return wrong


@pytest.mark.parametrize("names", GROUPS, ids=lambda names: names[0])
def test_the_cuda_target_gives_what_numpy_gives(names, device_driver):
    wrong = wrong_cases(CudaTarget(), names)
    assert not wrong, "\n".join(wrong)
