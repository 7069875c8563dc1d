"""A model written in PyMC, sampled here: `pip install 'probtensor[pymc]'`.

Insects on sprayed plots: counts with more spread than Poisson's, by a negative binomial regression
on the logarithm of the dose, with a level for each block of plots. Only the call of `sample` is not
PyMC's; its result goes on to `pm.sample_posterior_predictive` and `az.loo`.
"""

import numpy as np

BLOCKS, PLOTS = 6, 20
LEVEL, SLOPE = 3.0, -0.8


def data(seed=3):
    """The block, the dose and the count of each plot."""
    rng = np.random.default_rng(seed)
    block = np.repeat(np.arange(BLOCKS), PLOTS)
    dose = np.tile(np.geomspace(0.5, 4, PLOTS), BLOCKS)
    mean = np.exp(LEVEL + 0.4 * rng.normal(size=BLOCKS)[block] + SLOPE * np.log(dose))
    return block, dose, rng.poisson(mean * rng.gamma(4, 1 / 4, mean.size))


def model():
    """The model, plain PyMC."""
    import pymc as pm

    block, dose, count = data()
    with pm.Model(coords={"block": np.arange(BLOCKS), "plot": np.arange(len(dose))}) as insects:
        of_plot = pm.Data("of_plot", block, dims="plot")
        log_dose = pm.Data("log_dose", np.log(dose), dims="plot")
        level = pm.Normal("level", 2, 2)
        spread = pm.HalfNormal("spread", 1)
        z = pm.Normal("z", 0, 1, dims="block")
        effect = pm.Deterministic("effect", level + spread * z, dims="block")
        slope = pm.Normal("slope", 0, 1)
        alpha = pm.Exponential("alpha", 0.2)
        mean = pm.math.exp(effect[of_plot] + slope * log_dose)
        pm.NegativeBinomial("count", mu=mean, alpha=alpha, observed=count, dims="plot")
    return insects


def main(draws=1000, tune=1000, progress=True):
    from probtensor.interop import pymc as ptpm

    insects = model()
    return ptpm.sample(
        draws, tune=tune, random_seed=1, progressbar=progress, model=insects,
        idata_kwargs={"log_likelihood": True},
    )  # fmt: skip


if __name__ == "__main__":
    import arviz as az

    found = main()
    print(az.summary(found, var_names=["level", "spread", "slope", "alpha", "effect"]))
    print(az.loo(found))
