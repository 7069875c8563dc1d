"""The example of a state space model forecasts what it has not seen."""

import numpy as np
import pytest


@pytest.mark.filterwarnings("ignore::probtensor.SamplerWarning")
def test_the_states_and_the_forecast_cover_what_was_not_seen():
    from examples import state_space

    idata = state_space.main(draws=100, tune=150, progress=False)
    y, seen = state_space.data()
    for name, value in state_space.SIGMA.items():
        draws = np.ravel(idata.posterior[name])
        assert np.quantile(draws, 0.005) < value < np.quantile(draws, 0.995), name
    found = idata.posterior_predictive
    low, high = np.quantile(found["ahead"], [0.025, 0.975], axis=(0, 1))
    assert np.mean((low < y[-12:]) & (y[-12:] < high)) >= 0.75
    signal = np.asarray(found["states"])[..., :2].sum(-1).mean((0, 1))
    gaps = np.isnan(seen)
    assert np.sqrt(np.mean((signal - y[: len(seen)])[gaps] ** 2)) < 1.2
