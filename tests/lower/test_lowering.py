"""What lowering writes means what the graph means: every op, and graphs that fuse."""

import pytest

from probtensor.ops.kinds import REGISTRY, Composite
from probtensor.testing import conform
from tests.lower.running import evaluate

PRIMITIVE = sorted(name for name, cls in REGISTRY.items() if not issubclass(cls, Composite))


@pytest.mark.parametrize("name", PRIMITIVE)
def test_every_op_is_lowered(name):
    for case in conform.cases_of(REGISTRY[name]):
        conform.check_target(case, evaluate)
    if conform.takes_float32(REGISTRY[name]):
        for case in conform.cases_of(REGISTRY[name], "float32"):
            conform.check_target(case, evaluate)
