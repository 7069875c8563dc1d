"""Survival with censoring: weeks of remission of leukemia under a drug (Freireich et al. 1963).

42 patients, half of them under 6-mercaptopurine; 12 of these were still in remission when last
seen. A Weibull model, in which the drug multiplies the hazard; Cox (1972) used the same data.
Run it with `python -m examples.survival`.
"""

import arviz as az
import numpy as np

import probtensor as pt

WEEKS = np.array(
    [6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35,
     1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23], float
)  # fmt: skip
ENDED = np.array([1] * 9 + [0] * 12 + [1] * 21, bool)  # else the patient was lost from sight
DRUG = np.array([1.0] * 21 + [0.0] * 21)


def model():
    """A time is observed up to the week in which a patient was last seen."""
    shape = pt.random.log_normal(0, 0.5, name="shape")
    base = pt.random.normal(0, 2, name="base")
    effect = pt.random.normal(0, 1, name="effect")
    # The hazard is multiplied by exp(effect): a scale is divided by exp(effect / shape).
    scale = pt.exp(-(base + effect * DRUG) / shape)
    limit = np.where(ENDED, np.inf, WEEKS)
    weeks = pt.random.censored(pt.random.weibull(shape, 10 * scale), upper=limit, name="weeks")
    median = 10 * pt.exp(-(base + effect * np.array([0.0, 1.0])) / shape) * np.log(2) ** (1 / shape)
    track = [pt.deterministic(median, name="median", dims="group")]
    return pt.condition({weeks: WEEKS}, track=track, coords={"group": ["placebo", "drug"]})


def kaplan_meier(weeks, ended):
    """(times, shares still in remission), by Kaplan and Meier (1958)."""
    times = np.unique(weeks[ended])
    left = [1 - np.sum(ended & (weeks == t)) / np.sum(weeks >= t) for t in times]
    return np.concatenate([[0], times]), np.concatenate([[1], np.cumprod(left)])


def picture(idata):
    """Posterior curves of survival, and the estimate of Kaplan and Meier."""
    from matplotlib.figure import Figure

    shape, base, effect = (
        np.ravel(idata.posterior[name])[::80][:, None] for name in ("shape", "base", "effect")
    )
    t = np.linspace(0, 36, 150)
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    for drug, color, name in ((0.0, "C3", "placebo"), (1.0, "C0", "6-mercaptopurine")):
        survival = np.exp(-((t / 10) ** shape) * np.exp(base + effect * drug))
        axes.fill_between(t, *np.quantile(survival, [0.05, 0.95], axis=0), color=color, alpha=0.2)
        axes.plot(t, np.median(survival, axis=0), color=color, label=name)
        group = DRUG == drug
        axes.step(*kaplan_meier(WEEKS[group], ENDED[group]), color=color, where="post", ls=":")
    axes.set(xlabel="weeks", ylabel="share in remission", ylim=(0, 1))
    axes.legend()
    return figure


def main(draws=1000, tune=1000, progress=True):
    """Sample and print the posterior; returns the ArviZ object."""
    idata = pt.sample(model(), draws=draws, tune=tune, chains=4, seed=1, progress=progress)
    print(az.summary(idata, var_names=["shape", "effect", "median"]))
    return idata


if __name__ == "__main__":
    main()
