"""The golden models on the CUDA target, at sizes that take each way of launching."""

import numpy as np
import pytest

import probtensor as pt
from probtensor.targets.cuda.launches import CudaTarget
from probtensor.types import size_value
from tests.golden.models import MODELS
from tests.gpu.plans import interpret, run

pytestmark = pytest.mark.slow

# Values of the unknown sizes in order of first use: none, one, odd, more than a block or a chunk.
SIZES = {
    "logistic_regression": [(0, 3), (1, 1), (700, 5), (300, 70)],
    "linear_regression": [(0, 3), (700, 5), (300, 70)],
    "varying_intercepts": [(1, 2), (900, 17)],
    "item_response": [(1, 2, 2), (900, 17, 5)],
    "softmax_regression": [(1, 2, 3), (40, 7, 5), (10, 3, 1100)],
    "mixture": [(1, 1), (300, 5), (20, 1100)],
    "autoregression": [(2,), (1001,)],
    "standardise": [(1, 1), (70, 40), (3, 300), (2000, 3)],
    "network_step": [(3,)],
    "curvature": [(0,), (5,), (1001,)],
    "set_and_join": [(5,), (1001,)],
    "counts": [(1,), (600,)],
    "eight_schools": [()],
}
CASES = [(model, sizes) for model in MODELS for sizes in SIZES[model.__name__]]


def plan_of(model):
    inputs, outputs, updates = model()
    return pt.function(inputs, outputs, updates=updates, target="interp").plan


def arrays_of(plan, sizes, rng):
    """Inputs of those sizes. Integers are indices: small enough for any axis but the first."""
    names = [s.name for s in plan.sizes if s.value is None]
    known = dict(zip(names, (*sizes, *sizes[-1:] * len(names)), strict=False))
    known |= {s.name: s.value for s in plan.sizes if s.value is not None}
    for check in (c for c in plan.size_checks if c.relation == "=="):
        for one, other in ((check.left, check.right), (check.right, check.left)):
            if str(one) in known:
                known[str(one)] = size_value(other, known)
    bounds = {c.buffer: size_value(c.bound, known) for c in plan.index_checks}
    arrays = []
    for k in plan.inputs:
        buffer, shape = plan.buffers[k], plan.shape(k, known)
        if "int" in buffer.dtype:
            high = bounds.get(k, 1 << 40)
            arrays.append(rng.integers(-high if k in bounds else 0, high, shape))
        else:
            arrays.append(rng.normal(size=shape) ** 2 + 0.5)
    return arrays


@pytest.mark.parametrize(
    ("model", "sizes"), CASES, ids=[f"{m.__name__}-{'x'.join(map(str, s))}" for m, s in CASES]
)
@pytest.mark.parametrize("deterministic", [False, True], ids=["atomic", "deterministic"])
def test_models_are_what_the_interpreter_says(
    model, sizes, deterministic, device_driver, monkeypatch
):
    plan = plan_of(model)
    arrays = arrays_of(plan, sizes, np.random.default_rng(4))
    expected = interpret(plan, arrays)
    for order in ("", "3"):
        monkeypatch.setenv("CUDA_ON_HOST_ORDER", order)
        found = run(CudaTarget(deterministic=deterministic), plan, arrays)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-11)
