"""A disease map: cases in the 256 districts of a grid, whose risks are alike in neighbours.

Counts are Poisson, with the log of the relative risk of Besag's conditional autoregression (1974)
and a known share of people who work outdoors. The data are simulated, so that the answer is known.
Run it with `python -m examples.disease_map`.
"""

import arviz as az
import numpy as np

import probtensor as pt

SIDE = 16
EFFECT, ALPHA, TAU = 0.8, 0.97, 3.0


def neighbours():
    """The matrix of districts with a common border."""
    row, column = np.divmod(np.arange(SIDE**2), SIDE)
    distance = abs(row[:, None] - row) + abs(column[:, None] - column)
    return (distance == 1).astype(int)


def data(seed=2):
    """(cases, expected cases, share outdoors, log relative risk of each district)."""
    rng = np.random.default_rng(seed)
    W = neighbours()
    factor = np.linalg.cholesky(TAU * (np.diag(W.sum(0)) - ALPHA * W))
    field = np.linalg.solve(factor.T, rng.normal(size=SIDE**2))
    expected = rng.uniform(5, 40, SIDE**2)
    share = rng.normal(0, 0.5, SIDE**2)
    risk = EFFECT * share + field
    return rng.poisson(expected * np.exp(risk)), expected, share, risk


def model():
    """A conditional autoregression whose strength and precision are to be found."""
    cases, expected, share, _ = data()
    effect = pt.random.normal(0, 1, name="effect")
    alpha = pt.random.beta(4.0, 1.0, name="alpha")
    tau = pt.random.gamma(2.0, 0.5, name="tau")
    field = pt.random.car(0.0, neighbours(), alpha, tau, name="field", dims="district")
    risk = pt.deterministic(effect * share + field, name="risk", dims="district")
    y = pt.random.poisson(expected * pt.exp(risk), name="cases", dims="district")
    return pt.condition({y: cases})


def picture(idata):
    """Observed, estimated and true relative risk."""
    from matplotlib.figure import Figure

    cases, expected, _, risk = data()
    found = np.asarray(idata.posterior["risk"]).mean((0, 1))
    figure = Figure(figsize=(8, 2.8), layout="constrained")
    shown = {"cases / expected": np.log((cases + 0.5) / expected), "estimate": found, "truth": risk}
    for axes, (title, values) in zip(figure.subplots(1, 3), shown.items(), strict=True):
        image = axes.imshow(values.reshape(SIDE, SIDE), vmin=-2, vmax=2, cmap="RdBu_r")
        axes.set(title=title, xticks=[], yticks=[])
    figure.colorbar(image, ax=figure.axes, label="log relative risk")
    return figure


def main(draws=1000, tune=1000, progress=True):
    """Sample and print the posterior; returns the ArviZ object."""
    idata = pt.sample(model(), draws=draws, tune=tune, chains=4, seed=1, progress=progress)
    print(az.summary(idata, var_names=["effect", "alpha", "tau"]))
    return idata


if __name__ == "__main__":
    main()
