"""Ops whose routines a device has, and those that run on the host."""

import re
from pathlib import Path

import pytest

from probtensor.lower import lower
from probtensor.ops.kinds import REGISTRY, Core
from probtensor.targets.base import BuildError
from probtensor.targets.cuda.batched import batched_program
from probtensor.targets.cuda.group import headers_of
from probtensor.targets.cuda.render import GEMM
from probtensor.testing import conform

HOST = sorted(n for n, cls in REGISTRY.items() if issubclass(cls, Core) and not cls.device)


@pytest.mark.parametrize("name", HOST)
def test_what_runs_on_the_host_is_part_of_no_kernel(name):
    case = next(conform.cases_of(REGISTRY[name]))
    called = case.op.routine.removeprefix("pt_")
    with pytest.raises(BuildError, match=f"{called} runs on the host.*\n  at .*test_ops.py"):
        batched_program(lower(case.inputs, [case.output]), [0], [])


def test_routines_of_a_device_are_those_that_ops_say_it_has():
    there = {}
    for name in ("pt_linalg", "pt_ordering"):
        text = (Path(__file__).parents[2] / "cuda" / f"{name}.cuh").read_text()
        found = re.findall(r"^PT_(?:OVER_BATCH|BY_LANE|BY_GROUP|SEARCH)\((pt_\w+),", text, re.M)
        found += re.findall(r"^static __device__ void (\w+)_grid\(", text, re.M)
        there |= dict.fromkeys(found, name)
    cores = [cls for cls in REGISTRY.values() if issubclass(cls, Core)]
    assert {cls.routine for cls in cores if cls.device} == there.keys() - GEMM.keys()
    for routine, name in there.items():
        assert headers_of([routine]) == f'#include "{name}.cuh"\n', routine
