"""Dose and response: 20 animals at 4 doses (Racine et al. 1986), and the dose that kills half.

The data of Gelman et al. (2013), "Bayesian Data Analysis", 3.7: a logistic curve in the log dose.
Run it with `python -m examples.dose_response`.
"""

import arviz as az
import numpy as np

import probtensor as pt

LOG_DOSE = np.array([-0.86, -0.30, -0.05, 0.73])  # log of g / ml
ANIMALS = np.array([5, 5, 5, 5])
DEATHS = np.array([0, 1, 3, 5])


def model():
    """A logistic curve with Gelman's normal priors; ld50 is the log dose of one half."""
    alpha = pt.random.normal(0, 2, name="alpha")
    beta = pt.random.normal(10, 10, constraint=pt.interval(low=0), name="beta")
    deaths = pt.random.binomial(
        ANIMALS, logit_p=alpha + beta * LOG_DOSE, name="deaths", dims="group"
    )
    ld50 = pt.deterministic(-alpha / beta, name="ld50")
    return pt.condition({deaths: DEATHS}, track=[ld50])


def exact(points=801):
    """The posterior means of alpha and beta, by a grid."""
    a, b = np.meshgrid(np.linspace(-6, 8, points), np.linspace(1e-3, 50, points), indexing="ij")
    eta = a[..., None] + b[..., None] * LOG_DOSE
    logp = np.sum(DEATHS * eta - ANIMALS * np.logaddexp(0, eta), axis=-1)
    logp += -0.5 * (a / 2) ** 2 - 0.5 * ((b - 10) / 10) ** 2
    weight = np.exp(logp - logp.max())
    weight /= weight.sum()
    return {"alpha": np.sum(weight * a), "beta": np.sum(weight * b)}


def picture(idata):
    """Curves of 50 draws, the data, and the posterior of the dose that kills half."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    dose = np.linspace(-1.5, 1.5, 200)
    alpha, beta = (np.ravel(idata.posterior[name])[::80] for name in ("alpha", "beta"))
    for a, b in zip(alpha[:50], beta[:50], strict=True):
        axes.plot(dose, 1 / (1 + np.exp(-a - b * dose)), color="C0", alpha=0.15)
    axes.plot(LOG_DOSE, DEATHS / ANIMALS, "ko")
    low, high = np.quantile(idata.posterior["ld50"], [0.05, 0.95])
    axes.plot([low, high], [0.5, 0.5], "C3", lw=3, label="ld50, 90 %")
    axes.set(xlabel="log dose (g / ml)", ylabel="share of deaths")
    axes.legend()
    return figure


def main(draws=1000, tune=1000, progress=True):
    """Sample and print the posterior; returns the ArviZ object."""
    idata = pt.sample(model(), draws=draws, tune=tune, chains=4, seed=1, progress=progress)
    print(az.summary(idata, var_names=["alpha", "beta", "ld50"]))
    return idata


if __name__ == "__main__":
    main()
