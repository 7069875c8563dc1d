"""A model of a formula by Bambi, sampled here: `pip install 'probtensor[pymc]' bambi`.

Visits to a clinic by age and treatment: negative binomial counts, with a level and an effect of age
for each district, and a curve over the year by a spline. Only the `with` line is not Bambi's;
`model.predict` and the functions of ArviZ take the result.
"""

import numpy as np

DISTRICTS, PATIENTS = 8, 30
SLOPE, EFFECT = 0.6, -0.5


def data(seed=4):
    """A table of patients."""
    import pandas as pd

    rng = np.random.default_rng(seed)
    district = np.repeat(np.arange(DISTRICTS), PATIENTS)
    age, week = rng.normal(size=district.size), rng.uniform(0, 52, district.size)
    treated = rng.integers(0, 2, district.size)
    level = 0.8 + 0.5 * rng.normal(size=DISTRICTS)[district] + 0.4 * np.sin(week / 52 * 2 * np.pi)
    mean = np.exp(level + SLOPE * age + EFFECT * treated)
    return pd.DataFrame({
        "visits": rng.poisson(mean * rng.gamma(3, 1 / 3, mean.size)), "age": age, "week": week,
        "treated": np.where(treated, "yes", "no"), "district": [f"d{k}" for k in district],
    })  # fmt: skip


def model():
    """The model, plain Bambi."""
    import bambi

    formula = "visits ~ age * treated + bs(week, df=5) + (1 + age | district)"
    return bambi.Model(formula, data(), family="negativebinomial")


def main(draws=1000, tune=1000, progress=True):
    """The model with draws, and an ArviZ object of these."""
    from probtensor.interop import pymc as ptpm

    visits = model()
    with ptpm.in_place_of_pymc():
        idata = visits.fit(
            draws=draws, tune=tune, chains=4, random_seed=1, progressbar=progress,
            idata_kwargs={"log_likelihood": True},
        )  # fmt: skip
    return visits, idata


if __name__ == "__main__":
    try:
        import bambi  # noqa: F401
    except ImportError:
        raise SystemExit("this example needs Bambi: pip install 'probtensor[pymc]' bambi") from None
    import arviz as az

    fitted, found = main()
    print(az.summary(found, var_names=["Intercept", "age", "treated", "age:treated", "alpha"]))
    print(az.loo(found))
    fitted.predict(found, kind="response")
    print(found.posterior_predictive["visits"].mean(("chain", "draw")))
