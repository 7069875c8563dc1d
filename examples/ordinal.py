"""Ordinal regression: answers on a scale of 1 to 5, by an ordered logistic model (McCullagh 1980).

The data are simulated, so that the answer is known. Run it with `python -m examples.ordinal`.
"""

from itertools import pairwise

import arviz as az
import numpy as np

import probtensor as pt

PEOPLE, SLOPES = 500, np.array([1.0, -0.6])
CUTPOINTS = np.array([-2.0, -0.5, 0.4, 1.8])


def data(seed=11):
    """(two predictors of each person, answer 0 to 4)."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(PEOPLE, 2))
    latent = x @ SLOPES + rng.logistic(size=PEOPLE)
    return x, np.searchsorted(CUTPOINTS, latent)


def model():
    """The cutpoints increase, which `pt.ordered()` says."""
    x, answer = data()
    beta = pt.random.normal(0, 1, shape=2, name="beta", dims="predictor")
    cutpoints = pt.random.normal(0, 3, shape=4, constraint=pt.ordered(), name="cutpoints")
    y = pt.random.ordered_logistic(x @ beta, cutpoints, name="answer", dims="person")
    return pt.condition({y: answer}, coords={"predictor": ["age", "income"]})


def picture(idata):
    """Probabilities of the answers as the first predictor varies, with the shares in the data."""
    from matplotlib.figure import Figure

    x, answer = data()
    beta = np.asarray(idata.posterior["beta"]).reshape(-1, 2)[::20, 0]
    cuts = np.asarray(idata.posterior["cutpoints"]).reshape(-1, 4)[::20]
    grid = np.linspace(-2.5, 2.5, 60)
    below = 1 / (1 + np.exp(-(cuts[:, None, :] - beta[:, None, None] * grid[:, None])))
    bounds = np.concatenate([0 * below[..., :1], below, 0 * below[..., :1] + 1], axis=-1)
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    mean = np.diff(bounds, axis=-1).mean(axis=0)
    axes.stackplot(grid, mean.T, labels=[f"answer {k + 1}" for k in range(5)], alpha=0.7)
    bins = np.linspace(-2, 2, 9)
    for low, high in pairwise(bins):
        here = answer[(x[:, 0] >= low) & (x[:, 0] < high)]
        shares = np.cumsum(np.bincount(here, minlength=5))[:4] / len(here)
        axes.plot(np.full(4, (low + high) / 2), shares, "k.", ms=4)
    axes.set(xlabel="age (standardised)", ylabel="probability", xlim=(-2.5, 2.5), ylim=(0, 1))
    axes.legend(loc="upper left", fontsize="small")
    return figure


def main(draws=1000, tune=1000, progress=True):
    """Sample and print the posterior; returns the ArviZ object."""
    idata = pt.sample(model(), draws=draws, tune=tune, chains=4, seed=1, progress=progress)
    print(az.summary(idata, var_names=["beta", "cutpoints"]))
    return idata


if __name__ == "__main__":
    main()
