"""Kidney stones (Charig et al. 1986): what is seen among patients, and what a treatment does.

Surgery was given to patients with large stones, which heal less often: it looks worse, and is
better for each kind of stone (Simpson's paradox). Run it with `python -m examples.intervention`.
"""

import numpy as np

import probtensor as pt

# Patients and those that recovered: rows small and large stones, columns puncture and surgery.
PATIENTS = np.array([[270, 87], [80, 263]])
RECOVERED = np.array([[234, 81], [55, 192]])
TREATMENTS = ("puncture", "surgery")


def data():
    """(large stone, surgery, recovered) of each of the 700 patients."""
    stone, treatment = (np.repeat(index.ravel(), PATIENTS.ravel()) for index in np.indices((2, 2)))
    place = np.concatenate([np.arange(count) for count in PATIENTS.ravel()])
    return stone, treatment, (place < RECOVERED[stone, treatment]).astype(int)


def exact():
    """P(recovery | do(treatment)) by the adjustment formula, with the shares of the patients."""
    return PATIENTS.sum(axis=1) / PATIENTS.sum() @ (RECOVERED / PATIENTS)


def variables():
    """Stone -> treatment, and both -> recovery."""
    share = pt.random.beta(1, 1, name="share_large")
    policy = pt.random.beta(1, 1, shape=2, name="policy")
    rate = pt.random.beta(1, 1, shape=(2, 2), name="rate")
    stone = pt.random.bernoulli(share, shape=PATIENTS.sum(), name="stone")
    treatment = pt.random.bernoulli(policy[stone], name="treatment")
    recovered = pt.random.bernoulli(rate[stone, treatment], name="recovered")
    return stone, treatment, recovered


def model():
    """All three are observed."""
    return pt.condition(dict(zip(variables(), data(), strict=True)))


def effects(idata, seed=2):
    """Posterior draws of the share that recovers under each treatment."""
    _, treatment, recovered = variables()
    found = []
    for k in range(len(TREATMENTS)):
        drawn = pt.sample_posterior_predictive(idata, pt.do(recovered, {treatment: k}), seed=seed)
        found.append(np.asarray(drawn.posterior_predictive["recovered"]).mean(axis=-1).ravel())
    return np.array(found)


def picture(idata):
    """Shares that recover: among the patients that were treated so, and under the treatment."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 2.6), layout="constrained")
    axes = figure.subplots()
    axes.violinplot(list(effects(idata)), positions=[0, 1], orientation="horizontal")
    axes.plot(RECOVERED.sum(axis=0) / PATIENTS.sum(axis=0), [0, 1], "C3o", label="seen")
    axes.plot(exact(), [0, 1], "ko", label="adjustment formula")
    axes.set(yticks=[0, 1], yticklabels=TREATMENTS, xlabel="share that recovers")
    axes.legend()
    return figure


def main(draws=1000, tune=1000, progress=True):
    """Sample, and print what is seen and what treatments do; returns the ArviZ object."""
    idata = pt.sample(model(), draws=draws, tune=tune, chains=4, seed=1, progress=progress)
    seen = RECOVERED.sum(axis=0) / PATIENTS.sum(axis=0)
    for name, share, draw in zip(TREATMENTS, seen, effects(idata), strict=True):
        print(f"{name:9} recovered: seen {share:.3f}, do {draw.mean():.3f} +- {draw.std():.3f}")
    return idata


if __name__ == "__main__":
    main()
