"""Missing data: a regression whose outcomes and covariates have gaps, 300 people, simulated.

Outcomes are missing more often where the covariate is high, so the mean of those there are is too
low; the model knows the covariate and is not misled. Gaps are nan, and become free variables. Run
it with `python -m examples.missing_data`.
"""

import arviz as az
import numpy as np

import probtensor as pt

PEOPLE, INTERCEPT, SLOPE, SIGMA = 300, 1.0, 2.0, 0.5


def data(seed=1):
    """(covariate and outcome with gaps, the same without)."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0.5, 1.0, PEOPLE)
    y = rng.normal(INTERCEPT + SLOPE * x, SIGMA)
    y_gaps = rng.random(PEOPLE) < 1 / (1 + np.exp(-2 * x))
    x_gaps = (rng.random(PEOPLE) < 0.2) & ~y_gaps
    return np.where(x_gaps, np.nan, x), np.where(y_gaps, np.nan, y), x, y


def model():
    """A covariate with a distribution of its own, and a line through it."""
    x_seen, y_seen, _, _ = data()
    mean, spread = pt.random.normal(0, 2, name="mean"), pt.random.half_normal(2, name="spread")
    x = pt.random.normal(mean, spread, name="x", dims="person")
    line = pt.random.normal(0, 5, shape=2, name="line")
    sigma = pt.random.half_normal(2, name="sigma")
    y = pt.random.normal(line[0] + line[1] * x, sigma, name="y", dims="person")
    average = pt.deterministic(line[0] + line[1] * mean, name="average")
    return pt.condition({y: y_seen, x: x_seen}, track=[average])


def picture(idata):
    """What was seen, what was imputed, and what is true, with the line."""
    from matplotlib.figure import Figure

    x_seen, y_seen, x, y = data()
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    gaps = np.isnan(x_seen) | np.isnan(y_seen)
    found = {name: np.asarray(idata.posterior[name]).mean((0, 1)) for name in ("x", "y")}
    axes.plot(x[~gaps], y[~gaps], "k.", label="complete")
    axes.plot(x[gaps], y[gaps], ".", color="0.7", label="true, with a gap")
    axes.plot(found["x"][gaps], found["y"][gaps], "C0+", label="imputed, mean")
    axes.axhline(np.nanmean(y_seen), color="C3", lw=1, label="mean of the outcomes there are")
    axes.axhline(float(idata.posterior["average"].mean()), color="C0", lw=1, label="mean of all")
    axes.set(xlabel="covariate", ylabel="outcome")
    axes.legend(fontsize=8)
    return figure


def main(draws=1000, tune=1000, progress=True):
    """Sample and print the posterior; returns the ArviZ object."""
    posterior = model()
    idata = pt.sample(posterior, draws=draws, tune=tune, chains=4, seed=1, progress=progress)
    names = ["line", "sigma", "mean", "spread", "average"]
    print(az.summary(idata, var_names=names))
    return idata


if __name__ == "__main__":
    main()
