"""Simulation-based calibration: the sampler on data that the model makes.

Parameters are drawn from the prior and data given these; the rank of each parameter among draws of
its posterior is then uniform, whatever the model is, if density, draws and sampler are right.
Source: Talts, Betancourt, Simpson, Vehtari and Gelman (2018), arXiv:1804.06788; Modrak et al.
(2023), Bayesian Analysis, for the log likelihood as a quantity.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np

from probtensor.graph import line_of
from probtensor.prob.model.posterior import Posterior
from probtensor.process import numpy_part
from probtensor.sample import SamplerWarning, SamplingError, sample
from probtensor.testing.models.parts import Prior
from probtensor.testing.models.report import Check

RANK_DRAWS = 99
ENTRIES = 8  # of each variable


def ranks_of(
    posterior: Posterior, prior: Prior, simulations: int, tune: int, seed: int
) -> tuple[dict[str, np.ndarray], list[str]]:
    """({name: ranks int64[simulations, entries]}, reasons of runs that failed)."""
    free = {v.name: v.variable for v in posterior.model.free}
    places = {
        name: np.unique(np.linspace(0, rows[0].size - 1, min(ENTRIES, rows[0].size)).astype(int))
        for name, node in free.items()
        if (rows := prior.rows[node])[0].size
    }

    def run(k: int) -> dict[str, np.ndarray] | str:
        truth = prior.named(free, k)
        seen = prior.named({y.name: y.node for y in posterior.model.observed}, k)
        try:
            own = posterior.with_data(seen)
            start = own.unconstrain(truth)
            idata = sample(
                own, draws=4 * (RANK_DRAWS + 1), tune=tune, chains=1, cores=1, seed=seed + k,
                progress=False, init=start,
            )  # fmt: skip
        except (SamplingError, ValueError) as error:
            return str(error).splitlines()[0]
        draws = {name: np.asarray(idata.posterior[name])[0] for name in free}
        shown = {name: x.reshape(len(x), -1)[3 : 4 * RANK_DRAWS : 4] for name, x in draws.items()}
        return {
            name: np.sum(shown[name][:, at] < truth[name].reshape(-1)[at], axis=0)
            for name, at in places.items()
        }

    with warnings.catch_warnings():  # which is not for threads
        warnings.simplefilter("ignore", SamplerWarning)
        found = [run(k) for k in range(simulations)]
    good = [x for x in found if not isinstance(x, str)]
    ranks = {name: np.stack([x[name] for x in good]) for name in places} if good else {}
    return ranks, [x for x in found if isinstance(x, str)]


def calibration_checks(
    posterior: Posterior, ranks: dict[str, np.ndarray], failed: list[str], seed: int
) -> Iterator[Check]:
    """A test of uniform ranks for each free variable."""
    from scipy import stats

    rng = numpy_part("random").default_rng(seed)
    if failed:
        text = f"{len(failed)} simulations could not be sampled: {failed[0]}"
        count = len(failed) + max((len(x) for x in ranks.values()), default=0)
        yield Check("calibration", "model", text, "", False if len(failed) > 0.1 * count else None)
    lines = {v.name: line_of(v.variable) for v in posterior.model.free}
    for name, found in ranks.items():
        place = (found + rng.uniform(size=found.shape)) / (RANK_DRAWS + 1)
        tests = [
            stats.kstest(x, "uniform").pvalue
            for column in place.T
            for x in (column, np.abs(2 * column - 1))
        ]
        p = min(1.0, len(tests) * min(tests))
        text = f"ranks among {RANK_DRAWS} posterior draws of {len(found)} simulations, p = {p:.3g}"
        yield Check("calibration", name, text, lines[name], None, float(p))
