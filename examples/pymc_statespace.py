"""A state space model of pymc-extras, sampled here: `pip install 'probtensor[pymc]' pymc-extras`.

A quarterly series with gaps: a level with a slope, a season, and errors of measurement. The Kalman
filter is PyMC's, a loop over the quarters; only the call of `sample` is not. pymc-extras takes the
result for smoothed states and forecasts.
"""

import numpy as np

QUARTERS = 60
SEASON = [1.0, -1.0, 0.5, -0.5]
NOISE = 0.3
MISSING = [5, 6, 20]


def data(seed=0):
    """The series, with nan where a quarter is missing."""
    import pandas as pd

    rng = np.random.default_rng(seed)
    level = np.cumsum(0.2 * rng.normal(size=QUARTERS))
    y = level + np.tile(SEASON, QUARTERS // 4) + NOISE * rng.normal(size=QUARTERS)
    y[MISSING] = np.nan
    return pd.DataFrame({"y": y}, index=pd.date_range("2005-01-01", periods=QUARTERS, freq="QS"))


def model():
    """The state space model and the PyMC model of its parameters, plain pymc-extras."""
    import pymc as pm
    import pytensor.tensor as at
    from pymc_extras.statespace import structural as st

    parts = (
        st.LevelTrend(order=2, innovations_order=[1, 1])
        + st.TimeSeasonality(season_length=4, innovations=False, name="season")
        + st.MeasurementError(name="noise")
    )
    space = parts.build(name="quarters", verbose=False)
    with pm.Model(coords=space.coords) as parameters:
        pm.Deterministic("P0", 0.1 * at.eye(space.k_states), dims=space.param_dims["P0"])
        for name in space.param_names:
            dims = space.param_dims.get(name)
            if name.startswith("sigma"):
                pm.Exponential(name, 2, dims=dims)
            elif name != "P0":
                pm.Normal(name, 0, 1, dims=dims)
        space.build_statespace_graph(data())
    return space, parameters


def main(draws=1000, tune=1000, progress=True):
    """The state space model, its PyMC model, and an ArviZ object with draws."""
    from probtensor.interop import pymc as ptpm

    space, parameters = model()
    idata = ptpm.sample(
        draws, tune=tune, random_seed=1, progressbar=progress, model=parameters
    )
    return space, parameters, idata


if __name__ == "__main__":
    try:
        import pymc_extras  # noqa: F401
    except ImportError:
        raise SystemExit(
            "this example needs pymc-extras: pip install 'probtensor[pymc]' pymc-extras"
        ) from None
    import arviz as az

    quarters, _, found = main()
    print(az.summary(found, var_names=["params_season", "sigma_level_trend", "sigma_noise"]))
    print(quarters.forecast(found, periods=8)["forecast_observed"].mean(("chain", "draw")))
