"""Zero-inflated counts: fish caught by 250 groups of visitors to a park, most of whom fish nothing.

Some groups do not fish at all; the catch of the others is Poisson, with more fish for larger
groups. The data are simulated, so that the answer is known. Run it with
`python -m examples.zero_inflated`.
"""

import arviz as az
import numpy as np

import probtensor as pt

GROUPS, INTERCEPT, SLOPE = 250, 0.3, 0.4
FISHING = np.array([0.7, -1.0])  # the log odds of fishing at all: with a camper, and without


def data(seed=13):
    """(people, camper, fish) of each group."""
    rng = np.random.default_rng(seed)
    people, camper = rng.integers(1, 5, GROUPS), rng.integers(0, 2, GROUPS)
    fishes = rng.random(GROUPS) < 1 / (1 + np.exp(-FISHING[1 - camper]))
    return people, camper, fishes * rng.poisson(np.exp(INTERCEPT + SLOPE * people))


def model():
    """The probability of fishing, and the mean catch of those who fish."""
    people, camper, fish = data()
    odds = pt.random.normal(0, 1.5, shape=2, name="odds", dims="kind")
    intercept = pt.random.normal(0, 1, name="intercept")
    slope = pt.random.normal(0, 1, name="slope")
    psi, mean = pt.sigmoid(odds)[1 - camper], pt.exp(intercept + slope * people)
    y = pt.random.zero_inflated_poisson(psi, mean, name="fish", dims="group")
    return pt.condition({y: fish}, coords={"kind": ["camper", "no camper"]})


def picture(idata):
    """The counts, and how many groups the model expects to catch so many."""
    from matplotlib.figure import Figure

    people, camper, fish = data()
    rows = {name: np.asarray(idata.posterior[name]) for name in ("odds", "intercept", "slope")}
    rng = np.random.default_rng(1)
    drawn = []
    for k in range(0, 1000, 10):
        odds, low, slope = (rows[name][0, k] for name in ("odds", "intercept", "slope"))
        fishes = rng.random(GROUPS) < 1 / (1 + np.exp(-odds[1 - camper]))
        drawn.append(np.bincount(fishes * rng.poisson(np.exp(low + slope * people)), minlength=41))
    low, middle, high = np.quantile([x[:16] for x in drawn], [0.05, 0.5, 0.95], axis=0)
    figure = Figure(figsize=(6, 3.4), layout="constrained")
    axes = figure.subplots()
    axes.bar(np.arange(16), np.bincount(fish, minlength=16)[:16], color="0.8", label="data")
    spread = [middle - low, high - middle]
    axes.errorbar(np.arange(16), middle, spread, fmt="C0o", label="model, 90 %")
    axes.set(xlabel="fish caught", ylabel="groups", yscale="log")
    axes.legend()
    return figure


def main(draws=1000, tune=1000, progress=True):
    """Sample and print the posterior; returns the ArviZ object."""
    idata = pt.sample(model(), draws=draws, tune=tune, chains=4, seed=1, progress=progress)
    print(az.summary(idata, var_names=["odds", "intercept", "slope"]))
    return idata


if __name__ == "__main__":
    main()
