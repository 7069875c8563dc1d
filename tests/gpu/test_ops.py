"""Every op on the CUDA target, at edges too: generated kernels, run on the host where no GPU is."""

import re
from pathlib import Path

import pytest

from probtensor.lower import lower
from probtensor.ops.kinds import REGISTRY, Composite, Core
from probtensor.targets.base import BuildError
from probtensor.targets.cuda.batched import batched_program
from probtensor.targets.cuda.launches import CudaTarget
from probtensor.targets.cuda.render import GEMM, render
from probtensor.testing import conform
from tests.gpu.plans import run

HOST = sorted(n for n, cls in REGISTRY.items() if issubclass(cls, Core) and not cls.device)
NAMES = sorted(
    name
    for name, cls in REGISTRY.items()
    if not issubclass(cls, Composite) and name not in HOST
)
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


@pytest.mark.parametrize("name", HOST)
def test_what_runs_on_cpus_alone_says_so(name):
    case = next(conform.cases_of(REGISTRY[name]))
    called = case.op.routine.removeprefix("pt_")
    plan = lower(case.inputs, [case.output])
    with pytest.raises(BuildError, match=f"{called} runs on CPUs only.*\n  at .*test_ops.py"):
        render(plan)
    with pytest.raises(BuildError, match=f"{called} runs on CPUs only"):
        batched_program(plan, [0], [])


def test_routines_of_a_device_are_those_that_ops_say_it_has():
    text = (Path(__file__).parents[2] / "cuda" / "pt_linalg.cuh").read_text()
    there = set(re.findall(r"^PT_OVER_BATCH\((\w+),", text, re.MULTILINE))
    cores = [cls for cls in REGISTRY.values() if issubclass(cls, Core)]
    assert {cls.routine for cls in cores if cls.device} == there - GEMM.keys()
