"""Models without reference draws against simulation (Talts et al. 2018): where parameters are drawn
from the prior and data given these, the rank of a parameter among draws of its posterior is
uniform."""

import numpy as np
import pytest

import probtensor as pt
from tests.models import time_series

REPLICATES, STEPS = 60, 40


def shares(model):
    """{parameter: shares of posterior draws below the value that the data were simulated with}."""
    posterior = model({"y": np.zeros(STEPS)})
    simulated = pt.sample_prior(posterior, draws=REPLICATES, seed=2)
    truth = {n: x.values[0] for n, x in simulated.prior.items() if x.ndim == 2}
    found = {name: [] for name in truth}
    for k, y in enumerate(simulated.prior_predictive["y"].values[0]):
        idata = pt.sample(
            posterior.with_data({"y": y}), draws=200, tune=200, chains=1, cores=1, seed=k,
            progress=False,
        )  # fmt: skip
        for name, values in truth.items():
            found[name].append(np.mean(idata.posterior[name].values < values[k]))
    return found


@pytest.mark.filterwarnings("ignore::probtensor.sample.SamplerWarning")
@pytest.mark.parametrize(
    "model",
    [
        time_series.arma11,
        time_series.local_level,
        pytest.param(time_series.michaelis_menten, marks=pytest.mark.slow),
    ],
)
def test_ranks_of_simulated_parameters_are_uniform(model):
    """Mean and variance of the shares, within 3 standard deviations for as many replicates."""
    for name, values in shares(model).items():
        u = np.array(values) - 0.5
        assert abs(u.mean()) < 3 * np.sqrt(1 / 12 / REPLICATES), name
        assert abs(np.mean(u**2) - 1 / 12) < 3 * np.sqrt(1 / 180 / REPLICATES), name
