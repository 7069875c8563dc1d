"""An autoregression of order two, and its forecast: what 150 values say of the 30 after them.

The data are simulated, so that the answer is known, and so is what came next. Run it with
`python -m examples.autoregression`.
"""

import arviz as az
import numpy as np

import probtensor as pt

SEEN, AHEAD = 150, 30
LAGS, CONSTANT, SIGMA = np.array([1.2, -0.5]), 0.6, 0.5


def data(seed=4):
    """180 values, the first of them near the mean of 2."""
    rng = np.random.default_rng(seed)
    x = list(rng.normal(2, 1, 2))
    for _ in range(SEEN + AHEAD - 2):
        x.append(CONSTANT + LAGS @ [x[-1], x[-2]] + rng.normal(0, SIGMA))
    return np.array(x)


def model():
    """(the posterior of the coefficients, the series after the values that were seen)."""
    constant = pt.random.normal(0, 2, name="constant")
    lags = pt.random.normal(0, 1, name="lags", dims="lag", shape=2)
    sigma = pt.random.half_normal(1, name="sigma")
    rho = pt.concatenate([constant[None], lags])
    start = pt.random.normal(0, 5)
    y = pt.random.ar(rho, sigma, constant=True, init_dist=start, name="y", dims="time")

    last = pt.random.dirac_delta(data()[SEEN - 2 : SEEN])
    ahead = pt.random.ar(rho, sigma, constant=True, init_dist=last, steps=AHEAD)
    posterior = pt.condition({y: data()[:SEEN]}, coords={"time": np.arange(SEEN)})
    return posterior, pt.deterministic(ahead[2:], name="ahead")


def picture(idata):
    """The last values seen, the forecast with its interval of 90 %, and what came."""
    from matplotlib.figure import Figure

    x, times = data(), np.arange(SEEN + AHEAD)
    found = idata.posterior_predictive["ahead"]
    low, mean, high = np.quantile(found, [0.05, 0.5, 0.95], axis=(0, 1))
    figure = Figure(figsize=(7, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.plot(times[90:SEEN], x[90:SEEN], "k", label="seen")
    axes.fill_between(times[SEEN:], low, high, alpha=0.3, label="forecast, 90 %")
    axes.plot(times[SEEN:], mean, "C0")
    axes.plot(times[SEEN:], x[SEEN:], "C3.", label="what came")
    axes.set(xlabel="time")
    axes.legend()
    return figure


def main(draws=1000, tune=1000, progress=True):
    """Sample, print the posterior and forecast; returns the ArviZ object with both."""
    posterior, ahead = model()
    idata = pt.sample(posterior, draws=draws, tune=tune, chains=4, seed=1, progress=progress)
    idata.extend(pt.sample_posterior_predictive(idata, ahead, seed=2))
    print(az.summary(idata, var_names=["constant", "lags", "sigma"]))
    return idata


if __name__ == "__main__":
    main()
