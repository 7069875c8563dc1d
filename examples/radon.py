"""Radon in homes, after Gelman and Hill (2006), chapter 12: intercept and slope vary by county.

The data are simulated with the shape of the Minnesota survey (919 homes, 85 counties), so that
the answer is known. Run it with `python -m examples.radon`.
"""

import arviz as az
import numpy as np

import probtensor as pt

HOMES, COUNTIES = 919, 85


def data(seed=3):
    """(log radon, floor, county): level 1.5 with sd 0.3, basement-to-floor -0.7 with sd 0.2."""
    rng = np.random.default_rng(seed)
    county = np.sort(rng.integers(COUNTIES, size=HOMES))
    floor = (rng.random(HOMES) < 0.17).astype(float)
    level = rng.normal(1.5, 0.3, COUNTIES)
    slope = rng.normal(-0.7, 0.2, COUNTIES)
    radon = rng.normal(level[county] + slope[county] * floor, 0.75)
    return radon, floor, county


def model():
    """Non-centred, because most counties have few homes."""
    radon, floor, county = data()
    mu = pt.random.normal(0, 10, shape=2, name="mu", dims="term")
    tau = pt.random.half_normal(1, shape=2, name="tau", dims="term")
    z = pt.random.normal(0, 1, shape=(2, COUNTIES), name="z", dims=("term", "county"))
    level = pt.deterministic(mu[0] + tau[0] * z[0], name="level", dims="county")
    slope = pt.deterministic(mu[1] + tau[1] * z[1], name="slope", dims="county")
    sigma = pt.random.half_normal(1, name="sigma")
    y = pt.random.normal(level[county] + slope[county] * floor, sigma, name="radon")
    coords = {"term": ["level", "slope"], "county": np.arange(COUNTIES)}
    return pt.condition({y: radon}, coords=coords)


def main(draws=1000, tune=1000, progress=True):
    """Sample and print the posterior; returns the ArviZ object."""
    idata = pt.sample(model(), draws=draws, tune=tune, chains=4, seed=1, progress=progress)
    print(az.summary(idata, var_names=["mu", "tau", "sigma"]))
    return idata


if __name__ == "__main__":
    main()
