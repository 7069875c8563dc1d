"""Logistic regression on 10,000 simulated rows, then predictions for rows never seen.

Run it with `python -m examples.logistic_regression`.
"""

import numpy as np

import probtensor as pt

ROWS, COLUMNS = 10_000, 25


def data(rows, seed):
    """(covariates, outcomes, true weights); the weights are the same for every seed."""
    weights = np.random.default_rng(0).normal(0, 0.5, COLUMNS)
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, COLUMNS))
    return x, rng.random(rows) < 1 / (1 + np.exp(-x @ weights)), weights


def model():
    """(posterior, true weights)."""
    x, outcome, weights = data(ROWS, seed=1)
    w = pt.random.normal(0, 1, shape=COLUMNS, name="w", dims="column")
    y = pt.random.bernoulli(logit_p=x @ w, name="y")
    return pt.condition({y: outcome}, coords={"column": np.arange(COLUMNS)}), weights


def main(draws=1000, tune=1000, progress=True):
    """Sample; print how far the weights are from the truth, and the accuracy on new rows."""
    posterior, weights = model()
    idata = pt.sample(posterior, draws=draws, tune=tune, chains=4, seed=1, progress=progress)
    w = idata.posterior["w"].to_numpy().reshape(-1, COLUMNS)
    error = (w.mean(0) - weights) / w.std(0)
    print(f"errors of the weights in posterior sds: rms {np.sqrt(np.mean(error**2)):.2f}")
    x, outcome, _ = data(2_000, seed=2)
    probability = (1 / (1 + np.exp(-x @ w.T))).mean(1)
    print(f"accuracy on 2,000 new rows: {np.mean((probability > 0.5) == outcome):.3f}")
    return idata


if __name__ == "__main__":
    main()
