"""Plans with numbers for short sizes: the same results, and one reading of the data."""

import numpy as np
import pytest

import probtensor as pt
from probtensor.device.nvidia import MultiprocessorLimits
from probtensor.targets.cuda.launches import MAX_NARROWED_MODULES, CudaTarget
from probtensor.targets.cuda.narrow import narrowed, short_sizes
from probtensor.targets.cuda.render import render
from tests.gpu.test_compile import compile_all, needs_nvcc
from tests.models import programs as models
from tests.models.programs import arrays_of, plan_of
from tests.plans import interpret, run, sizes_of

CASES = [
    (models.logistic_regression, (700, 25)),
    pytest.param(models.logistic_regression, (700, 6), marks=pytest.mark.slow),
    pytest.param(models.logistic_regression, (300, 45), marks=pytest.mark.slow),
    (models.logistic_regression, (1, 2)),
    pytest.param(models.linear_regression, (700, 5), marks=pytest.mark.slow),
    pytest.param(models.varying_intercepts, (900, 17), marks=pytest.mark.slow),
    (models.item_response, (900, 17, 5)),
    (models.softmax_regression, (40, 7, 5)),
    (models.mixture, (300, 5)),
    (models.standardise, (2000, 3)),
]


def narrow_target(monkeypatch):
    """The target, with short sizes in every text."""
    monkeypatch.setattr("probtensor.targets.cuda.launches.MIN_NARROWED_ITERATIONS", 1)
    return CudaTarget()


@pytest.mark.parametrize(("model", "sizes"), CASES, ids=lambda x: getattr(x, "__name__", None))
def test_models_with_short_sizes_are_what_the_interpreter_says(
    model, sizes, device_driver, monkeypatch
):
    plan = plan_of(model)
    arrays = arrays_of(plan, sizes, np.random.default_rng(7))
    target = narrow_target(monkeypatch)
    assert short_sizes(plan, sizes_of(plan, arrays), 1)
    expected = interpret(plan, arrays)
    for order in ("", "3"):
        monkeypatch.setenv("CUDA_ON_HOST_ORDER", order)
        for one, other in zip(run(target, plan, arrays), expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-11)


def logistic(dtype):
    """Value and gradient over a matrix of unknown size."""
    x = pt.tensor("x", (None, None), dtype)
    y = pt.tensor("y", (x.shape[0],), dtype)
    w = pt.tensor("w", (x.shape[1],), dtype)
    eta = x @ w
    loss = pt.sum(pt.softplus(eta) - y * eta)
    return pt.function([x, y, w], [loss, pt.grad(loss, w)], target="interp").plan


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_long_matrix_of_short_rows_is_read_once(dtype):
    plan = logistic(dtype)
    known = {0: (10**7, 25), 1: (10**7,), 2: (25,)}
    values = {s.name: known[s.buffer][s.axis] for s in plan.sizes}
    short = short_sizes(plan, values, 1 << 20)
    assert set(short.values()) == {25} and len(short) == 2
    (launch,) = render(narrowed(plan, short)).launches
    assert launch.staged and set(launch.kernels) == {"thread"}
    assert len(render(plan).launches) > 1


@needs_nvcc
def test_rows_on_their_way_take_no_registers(tmp_path):
    sources = {}
    for dtype, d in (("float32", 25), ("float64", 25), ("float64", 24), ("float64", 45)):
        plan = logistic(dtype)
        values = {s.name: d if s.axis or s.buffer == 2 else 10**7 for s in plan.sizes}
        text = render(narrowed(plan, short_sizes(plan, values, 1 << 20))).source
        assert "pt_send_rows<" in text
        sources[f"{dtype}_{d}"] = text
    said = compile_all(sources, "-ptx", tmp_path)
    assert not any(said.values()), "\n".join(said.values())
    for name in sources:
        assert "cp.async" in (tmp_path / f"{name}.out").read_text()


def test_little_work_gets_no_text_of_its_own(device_driver):
    plan = logistic("float64")
    runner = CudaTarget().build(plan).run
    runner.sequence([700, 25, 700, 25][: len(plan.sizes)])
    assert not runner.narrowed


def test_texts_are_few(device_driver, monkeypatch):
    plan = logistic("float64")
    runner = narrow_target(monkeypatch).build(plan).run
    known = {0: (50, None), 1: (50,), 2: (None,)}
    for d in range(2, 5 + MAX_NARROWED_MODULES):
        runner.sequence([known[s.buffer][s.axis] or d for s in plan.sizes])
    assert len(runner.narrowed) == MAX_NARROWED_MODULES


@pytest.mark.parametrize(
    ("block", "registers", "shared", "blocks"),
    [(256, 32, 0, 8), (256, 40, 0, 6), (128, 128, 13636, 4), (128, 154, 26436, 3),
     (128, 32, 40960, 5), (32, 16, 0, 32), (1024, 64, 8192, 1), (1024, 255, 0, 1)],
)  # fmt: skip
def test_blocks_of_a_multiprocessor(block, registers, shared, blocks):
    hopper = MultiprocessorLimits(threads=2048, registers=65536, shared=233472, blocks=32)
    assert hopper.resident_blocks(block, registers, shared) == blocks
