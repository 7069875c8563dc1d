"""The golden models on the CUDA target, at sizes that take each way of launching."""

import numpy as np
import pytest

from probtensor.targets.cuda.launches import CudaTarget
from tests.models.programs import MODELS, SIZES, arrays_of, plan_of
from tests.plans import interpret, run

pytestmark = pytest.mark.slow

CASES = [(model, sizes) for model in MODELS for sizes in SIZES[model.__name__]]


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
