"""A quarterly series with a level, a season and missing quarters, and its next three years.

The states (level and seasonal effects) are integrated out by the Kalman filter, missing quarters
too: three parameters are sampled. The data are simulated. Run it with
`python -m examples.state_space`.
"""

import arviz as az
import numpy as np

import probtensor as pt

QUARTERS, AHEAD = 120, 12
SIGMA = {"sigma_level": 0.3, "sigma_season": 0.05, "sigma_obs": 0.5}


def data(seed=6):
    """(12 quarters more than are observed; the observed ones, with 16 missing)."""
    rng = np.random.default_rng(seed)
    level = 20 + np.cumsum(rng.normal(0, SIGMA["sigma_level"], QUARTERS + AHEAD))
    season = np.tile([2.0, -1.0, 1.5, -2.5], (QUARTERS + AHEAD) // 4)
    y = level + season + rng.normal(0, SIGMA["sigma_obs"], QUARTERS + AHEAD)
    seen = y[:QUARTERS].copy()
    seen[40:50] = seen[[3, 17, 61, 75, 76, 99]] = np.nan
    return y, seen


def series():
    """Level and season, with unknown scales."""
    level, season, obs = (pt.random.half_normal(1, name=name) for name in SIGMA)
    first = pt.timeseries.local_level(level, obs, initial_mean=20, initial_sd=10)
    return first + pt.timeseries.seasonal(4, season, initial_sd=10)


def model():
    """(posterior, the years to come, the states)."""
    _, seen = data()
    own = series()
    y = own.series("y", QUARTERS)
    states = own.draw_states("states", seen)
    return pt.condition({y: seen}), own.forecast("ahead", seen, AHEAD), states


def picture(idata):
    """The data, the missing quarters as the states say, and the years to come."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    y, seen = data()
    found = idata.posterior_predictive
    signal = found["states"].values[..., 0] + found["states"].values[..., 1]
    for at, values in (
        (np.arange(QUARTERS), signal),
        (QUARTERS + np.arange(AHEAD), found["ahead"]),
    ):
        low, high = np.quantile(values, [0.05, 0.95], axis=(0, 1))
        axes.fill_between(at, low, high, color="C0", alpha=0.4)
    axes.plot(y, "C3.", ms=3, label="not seen")
    axes.plot(seen, "k.", ms=4, label="seen")
    axes.set(xlabel="quarter", ylabel="y")
    axes.legend()
    return figure


def main(draws=500, tune=500, progress=True):
    """Sample, forecast, print; returns the ArviZ object."""
    posterior, ahead, states = model()
    idata = pt.sample(posterior, draws=draws, tune=tune, chains=4, seed=1, progress=progress)
    print(az.summary(idata))
    found = pt.sample_posterior_predictive(idata, [ahead, states], seed=2)
    idata.update(found) if hasattr(idata, "update") else idata.extend(found)
    return idata


if __name__ == "__main__":
    main()
