"""Varying slopes: waiting times in 20 cafes, mornings and afternoons (McElreath 2020, chapter 14).

Each cafe has its own intercept and slope, which are correlated: an LKJ prior on the correlation.
The data are simulated, so that the answer is known. Run it with
`python -m examples.varying_slopes`.
"""

import arviz as az
import numpy as np

import probtensor as pt

CAFES, VISITS = 20, 10
MEANS, SPREADS, CORRELATION, NOISE = np.array([3.5, -1.0]), np.array([1.0, 0.5]), -0.7, 0.5


def data(seed=7):
    """(cafe, afternoon, wait, coefficients [cafe, term])."""
    rng = np.random.default_rng(seed)
    cov = np.outer(SPREADS, SPREADS) * [[1, CORRELATION], [CORRELATION, 1]]
    coefficients = rng.multivariate_normal(MEANS, cov, size=CAFES)
    cafe = np.repeat(np.arange(CAFES), VISITS)
    afternoon = np.tile([0.0, 1.0], CAFES * VISITS // 2)
    mean = coefficients[cafe, 0] + coefficients[cafe, 1] * afternoon
    return cafe, afternoon, rng.normal(mean, NOISE), coefficients


def model():
    """Non-centred by the factor of the covariance."""
    cafe, afternoon, wait, _ = data()
    stds = pt.random.exponential(1.0, shape=2, name="stds", dims="term")
    chol, corr, _ = pt.random.lkj_cov(2, 2.0, stds, name="chol")
    mu = pt.random.normal([5.0, -1.0], [2.0, 0.5], name="mu", dims="term")
    z = pt.random.normal(0, 1, shape=(CAFES, 2), name="z", dims=("cafe", "term"))
    beta = pt.deterministic(mu + z @ chol.T, name="beta", dims=("cafe", "term"))
    sigma = pt.random.exponential(1.0, name="sigma")
    mean = beta[cafe, 0] + beta[cafe, 1] * afternoon
    y = pt.random.normal(mean, sigma, name="wait", dims="visit")
    rho = pt.deterministic(corr[0, 1], name="rho")
    return pt.condition({y: wait}, track=[rho], coords={"term": ["morning", "afternoon"]})


def picture(idata):
    """Intercepts and slopes: the truth, raw estimates of each cafe, and the posterior means."""
    from matplotlib.figure import Figure

    cafe, afternoon, wait, truth = data()
    raw = [[wait[(cafe == k) & (afternoon == t)].mean() for t in (0, 1)] for k in range(CAFES)]
    raw = np.array(raw)
    raw[:, 1] -= raw[:, 0]
    found = np.asarray(idata.posterior["beta"]).mean((0, 1))
    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    for a, b in zip(raw, found, strict=True):
        axes.annotate("", b, a, arrowprops={"arrowstyle": "->", "color": "0.7"})
    axes.plot(*truth.T, "k+", label="truth")
    axes.plot(*raw.T, "o", mfc="none", label="each cafe alone")
    axes.plot(*found.T, "C1o", label="posterior mean")
    axes.set(xlabel="wait in the morning (minutes)", ylabel="afternoon minus morning")
    axes.legend()
    return figure


def main(draws=1000, tune=1000, progress=True):
    """Sample and print the posterior; returns the ArviZ object."""
    idata = pt.sample(model(), draws=draws, tune=tune, chains=4, seed=1, progress=progress)
    print(az.summary(idata, var_names=["mu", "stds", "rho", "sigma"]))
    return idata


if __name__ == "__main__":
    main()
