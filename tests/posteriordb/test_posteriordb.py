"""Draws against the reference draws of posteriordb (Magnusson, Bürkner and Vehtari 2023).

A scalar agrees if its mean lies within five Monte Carlo standard errors (both sides' joined), its
sd within 10 %, and R-hat is below 1.01. The pack is read from $POSTERIORDB.
"""

import json

import arviz as az
import numpy as np
import pytest

import probtensor as pt
from tests.models.posteriordb import MODELS

MAX_Z, MAX_SD_ERROR, MAX_RHAT = 5.0, 0.10, 1.01


def load(folder, posterior):
    """(data, reference summaries by scalar) of a posterior."""
    name = posterior.partition("-")[0]
    data = json.loads((folder / "data" / f"{name}.json").read_text())
    reference = json.loads((folder / "reference" / f"{posterior}.json").read_text())
    return data, reference["scalars"]


def scalars(idata, names):
    """{"theta[1]": array (chain, draw)} for each entry of the named variables, counted from 1."""
    found = {}
    for name in names:
        values = np.asarray(idata.posterior[name])
        for index in np.ndindex(values.shape[2:]):
            label = ",".join(str(i + 1) for i in index)
            entry = values[(slice(None), slice(None), *index)]
            found[f"{name}[{label}]" if label else name] = entry
    return found


def disagreements(found, reference):
    """A row of text for each scalar that does not agree."""
    rows = []
    for name, expected in reference.items():
        x = found[name]
        error = np.hypot(float(az.mcse(x, method="mean")), expected["mcse_mean"])
        z = float((x.mean() - expected["mean"]) / error)
        ratio = float(x.std(ddof=1) / expected["sd"])
        rhat = float(az.rhat(x))
        good = abs(z) < MAX_Z and abs(ratio - 1) < MAX_SD_ERROR and rhat < MAX_RHAT
        if not good:
            ess = float(az.ess(x, method="bulk"))
            rows.append(f"{name}: z {z:.2f}, sd ratio {ratio:.3f}, R-hat {rhat:.4f}, ESS {ess:.0f}")
    return rows


SLOW = ("diamonds-diamonds", "earnings-logearn_interaction")
# Long chains of what others have: a regression of two years' data, one of two scales of an outcome.
LONG = ("nes1992-nes", "earnings-log10earn_height")
NAMES = [pytest.param(n, marks=pytest.mark.slow if n in SLOW + LONG else ()) for n in MODELS]


@pytest.mark.parametrize("posterior", NAMES)
def test_draws_agree_with_the_reference(posteriordb, posterior):
    model, draws = MODELS[posterior]
    data, reference = load(posteriordb, posterior)
    idata = pt.sample(model(data), draws=draws, tune=1000, chains=4, seed=1, progress=False)
    names = dict.fromkeys(scalar.partition("[")[0] for scalar in reference)
    assert not disagreements(scalars(idata, names), reference)


def test_a_shifted_posterior_would_be_noticed(posteriordb):
    """The comparison itself: draws with the reference's moments agree, shifted or wider ones do
    not, and chains that differ do not."""
    _, reference = load(posteriordb, "sblrc-blr")
    rng = np.random.default_rng(0)
    good = {k: rng.normal(v["mean"], v["sd"], size=(4, 2000)) for k, v in reference.items()}
    assert not disagreements(good, reference)
    name = next(iter(reference))
    sd, mean = reference[name]["sd"], reference[name]["mean"]
    assert disagreements({**good, name: good[name] + 0.3 * sd}, reference)
    assert disagreements({**good, name: mean + 1.2 * (good[name] - mean)}, reference)
    apart = good[name] + 0.5 * sd * np.array([[-1], [1], [-1], [1]])
    assert disagreements({**good, name: apart}, reference)
