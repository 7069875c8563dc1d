"""Stochastic volatility: daily returns, with a volatility that wanders from week to week.

The logarithm of the volatility is a Gaussian random walk of 200 weeks (Hull and White 1987). The
data are simulated, so that the answer is known. Run it with
`python -m examples.stochastic_volatility`.
"""

import arviz as az
import numpy as np

import probtensor as pt

WEEKS, DAYS, STEP = 200, 5, 0.2


def data(seed=14):
    """(returns [week, day] in per cent, log volatility of each week), with steps of 0.2."""
    rng = np.random.default_rng(seed)
    level = 0.2 + np.cumsum(rng.normal(0, STEP, WEEKS))
    return np.exp(level)[:, None] * rng.normal(size=(WEEKS, DAYS)), level


def model():
    """The walk begins near 0; its step is to be found."""
    returns, _ = data()
    step = pt.random.half_normal(0.5, name="step")
    level = pt.random.gaussian_random_walk(
        0.0, step, init_dist=pt.random.normal(0, 1), name="level", dims="week"
    )
    volatility = pt.deterministic(pt.exp(level), name="volatility", dims="week")
    y = pt.random.normal(0.0, volatility[:, None], name="return", shape=(WEEKS, DAYS))
    return pt.condition({y: returns}, coords={"week": np.arange(WEEKS)})


def picture(idata):
    """Returns, and the volatility with its interval of 90 % against the truth."""
    from matplotlib.figure import Figure

    returns, truth = data()
    low, mean, high = np.quantile(idata.posterior["volatility"], [0.05, 0.5, 0.95], axis=(0, 1))
    figure = Figure(figsize=(7, 3.4), layout="constrained")
    axes, weeks = figure.subplots(), np.arange(WEEKS)
    axes.plot(np.repeat(weeks, DAYS), np.abs(returns).ravel(), ".", color="0.7", ms=3)
    axes.fill_between(weeks, low, high, alpha=0.3, label="volatility, 90 %")
    axes.plot(weeks, mean, "C0")
    axes.plot(weeks, np.exp(truth), "C3", lw=1, label="truth")
    axes.set(xlabel="week", ylabel="|return|, per cent", yscale="log", ylim=(0.03, None))
    axes.legend()
    return figure


def main(draws=1000, tune=1000, progress=True):
    """Sample and print the posterior; returns the ArviZ object."""
    idata = pt.sample(model(), draws=draws, tune=tune, chains=4, seed=1, progress=progress)
    print(az.summary(idata, var_names=["step"]))
    return idata


if __name__ == "__main__":
    main()
