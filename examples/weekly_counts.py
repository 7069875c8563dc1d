"""Four years of weekly counts: a slow trend by basis functions (HSGP), and a yearly season.

A value of the trend is a product of 208 rows with 12 coefficients, where an exact Gaussian process
would factorise its covariance matrix. The data are simulated. Run it with
`python -m examples.weekly_counts`.
"""

import arviz as az
import numpy as np

import probtensor as pt

WEEKS = np.arange(208.0)


def truth():
    """The logarithm of the rate: a trend, and a season that repeats each year."""
    season = 0.4 * np.sin(2 * np.pi * WEEKS / 52.18) + 0.2 * np.cos(4 * np.pi * WEEKS / 52.18)
    return 2.5 + 0.4 * np.tanh((WEEKS - 110) / 30) + season


def data(seed=5):
    """Negative binomial counts with concentration 20."""
    rng = np.random.default_rng(seed)
    return rng.poisson(np.exp(truth()) * rng.gamma(20, 1 / 20, len(WEEKS)))


def model():
    """log E[count] = trend + season."""
    height = pt.random.half_normal(0.5, name="height")
    length = pt.random.inverse_gamma(6, 250, name="length")
    level = pt.random.normal(2, 1, name="level")
    trend = pt.gp.HSGP(pt.gp.exp_quad(length, height), m=12, c=1.5, X=WEEKS, mean=level)
    beta = pt.random.normal(0, 0.3, shape=6, name="beta")
    season = pt.basis.fourier(WEEKS, period=52.18, n=3) @ beta
    rate = pt.deterministic(trend.prior("trend", WEEKS) + season, name="log_rate")
    alpha = pt.random.exponential(0.1, name="alpha")
    y = pt.random.negative_binomial(pt.exp(rate), alpha, name="counts")
    return pt.condition({y: data()})


def picture(idata):
    """The counts, and the rate with its truth."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.plot(WEEKS, data(), "k.", ms=3)
    low, high = np.exp(np.quantile(idata.posterior["log_rate"], [0.05, 0.95], axis=(0, 1)))
    axes.fill_between(WEEKS, low, high, color="C0", alpha=0.4, label="90 %")
    axes.plot(WEEKS, np.exp(truth()), "C3", label="truth")
    axes.set(xlabel="week", ylabel="count")
    axes.legend()
    return figure


def main(draws=500, tune=500, progress=True):
    """Sample and print the posterior; returns the ArviZ object."""
    idata = pt.sample(model(), draws=draws, tune=tune, chains=4, seed=1, progress=progress)
    print(az.summary(idata, var_names=["level", "height", "length", "beta", "alpha"]))
    return idata


if __name__ == "__main__":
    main()
