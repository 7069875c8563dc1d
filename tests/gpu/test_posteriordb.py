"""Densities of posteriordb's models on the device, for many chains and for one, against the CPU's;
and draws against the reference draws."""

import numpy as np
import pytest

import probtensor as pt
from tests.models.posteriordb import MODELS
from tests.posteriordb.test_posteriordb import SLOW, disagreements, load, scalars

# Regressions that differ from another one in their covariates.
ALIKE = {
    "earnings-earn_height",
    "nes1992-nes",
    "earnings-logearn_interaction",
    "earnings-log10earn_height",
    "kidiq-kidscore_interaction",
    "kidiq_with_mom_work-kidscore_mom_work",
    "mesquite-logmesquite_logva",
    "nes1972-nes",
}
DENSITIES = [
    pytest.param(name, marks=pytest.mark.slow if name in ALIKE else ())
    for name in MODELS
    if name not in SLOW
]
SAMPLED = [
    ("eight_schools-eight_schools_noncentered", {"draws": 2000, "chains": 8}),
    ("sblrc-blr", {"draws": 1000, "chains": 8}),
    ("arK-arK", {"draws": 500, "chains": 8}),
    (
        "eight_schools-eight_schools_noncentered",
        {"draws": 400, "chains": 64, "sampler": "chees"},
    ),
]


@pytest.mark.parametrize("posterior", DENSITIES)
def test_densities_are_those_of_the_cpu(posterior, posteriordb, device_driver, monkeypatch):
    data, _ = load(posteriordb, posterior)
    build, *_ = MODELS[posterior]
    here = build(data)
    monkeypatch.setenv("PROBTENSOR_TARGET", "cuda")
    there = build(data)
    assert there.on_device and not here.on_device
    points = np.random.default_rng(2).normal(size=(5, here.dim)) * 0.3
    expected = [here.logp_and_grad(q) for q in points]
    logp, gradient = there.batched(points)
    single = there.logp_and_grad(points[0])
    for found, (value, slope) in zip(
        [*zip(logp, gradient, strict=True), single], [*expected, expected[0]], strict=True
    ):
        np.testing.assert_allclose(found[0], value, rtol=1e-10)
        scale = np.abs(slope).max()
        np.testing.assert_allclose(found[1], slope, rtol=1e-8, atol=1e-10 * scale)


@pytest.mark.parametrize(
    ("posterior", "how"),
    [
        pytest.param(n, how, id=n, marks=pytest.mark.slow if k else ())
        for k, (n, how) in enumerate(SAMPLED)
    ],
)
def test_draws_agree_with_the_reference(posterior, how, posteriordb, device_driver, monkeypatch):
    data, reference = load(posteriordb, posterior)
    build, *_ = MODELS[posterior]
    monkeypatch.setenv("PROBTENSOR_TARGET", "cuda")
    idata = pt.sample(
        build(data), tune=500, seed=3, progress=False, **how
    )
    names = dict.fromkeys(scalar.partition("[")[0] for scalar in reference)
    # Short chains one behind the other: R-hat as it is used there needs long ones.
    found = {name: x.reshape(8, -1) for name, x in scalars(idata, names).items()}
    rows = disagreements(found, reference)
    assert not rows, "\n".join(rows)
