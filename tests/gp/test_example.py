"""The examples of processes find the curves that their data were simulated from."""

import numpy as np
import pytest

pytestmark = pytest.mark.filterwarnings("ignore::probtensor.SamplerWarning")


def test_a_curve_of_unknown_form():
    from examples import gaussian_process

    idata = gaussian_process.main(draws=80, tune=120, progress=False)
    low, high = np.quantile(idata.posterior_predictive["f"], [0.05, 0.95], axis=(0, 1))
    truth = gaussian_process.curve(gaussian_process.NEW)
    assert np.mean((low < truth) & (truth < high)) > 0.8
    assert abs(np.mean(idata.posterior["sigma"]) - 0.3) < 0.06


def test_a_trend_by_basis_functions():
    from examples import weekly_counts

    idata = weekly_counts.main(draws=80, tune=120, progress=False)
    low, high = np.quantile(idata.posterior["log_rate"], [0.05, 0.95], axis=(0, 1))
    truth = weekly_counts.truth()
    assert np.mean((low < truth) & (truth < high)) > 0.8
    beta = np.asarray(idata.posterior["beta"]).mean((0, 1))
    np.testing.assert_allclose(beta, [0.4, 0, 0, 0, 0.2, 0], atol=0.12)
