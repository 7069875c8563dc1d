"""A curve of unknown form from 60 noisy points: a Gaussian process, exact.

The data are simulated, with a gap in the middle, so that the curve is known: it should lie in most
of the intervals. Run it with `python -m examples.gaussian_process`.
"""

import arviz as az
import numpy as np

import probtensor as pt

NEW = np.linspace(0, 10, 60)


def curve(x):
    """The truth."""
    return np.sin(x) + 0.3 * x


def data(seed=4):
    """(x, y): 60 points with noise of 0.3, none of them between 5 and 6.5."""
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.uniform(0, 5, 35), rng.uniform(6.5, 10, 25)])
    return x, curve(x) + rng.normal(0, 0.3, len(x))


def process():
    """The process, whose length and height are unknown, around an unknown line."""
    lengthscale = pt.random.inverse_gamma(5, 8, name="lengthscale")
    height = pt.random.half_normal(2, name="height")
    slope = pt.random.normal(0, 1, name="slope")
    return pt.gp.GP(pt.gp.matern52(lengthscale, height), pt.gp.linear_mean(slope))


def model():
    """(posterior, the curve at new points given the data)."""
    x, y = data()
    sigma = pt.random.half_normal(1, name="sigma")
    gp = process()
    seen = gp.marginal("y", x, noise=sigma)
    return pt.condition({seen: y}), gp.conditional("f", NEW, x, y, noise=sigma)


def picture(idata):
    """The data, the truth, and the intervals of the curve."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    low, high = np.quantile(idata.posterior_predictive["f"], [0.05, 0.95], axis=(0, 1))
    axes.fill_between(NEW, low, high, color="C0", alpha=0.3, label="90 %")
    axes.plot(NEW, curve(NEW), "C3", label="truth")
    axes.plot(*data(), "k.", label="data")
    axes.set(xlabel="x", ylabel="y")
    axes.legend()
    return figure


def main(draws=500, tune=500, progress=True):
    """Sample, draw the curve at new points, print; returns the ArviZ object."""
    posterior, f = model()
    idata = pt.sample(posterior, draws=draws, tune=tune, chains=4, seed=1, progress=progress)
    print(az.summary(idata))
    found = pt.sample_posterior_predictive(idata, f, seed=2)
    low, high = np.quantile(found.posterior_predictive["f"], [0.05, 0.95], axis=(0, 1))
    truth = curve(NEW)
    print(f"the curve is in {np.mean((low < truth) & (truth < high)):.0%} of the 90 % intervals")
    idata.update(found) if hasattr(idata, "update") else idata.extend(found)
    return idata


if __name__ == "__main__":
    main()
