"""A media mix model of PyMC-Marketing, sampled here (`pip install probtensor pymc-marketing`).

Sales by weeks and what was spent on two channels: the effect of a channel lasts some weeks
(adstock) and grows less than what is spent (saturation), and there is a yearly season. Only the
`with` line is not PyMC-Marketing's; all that it does with a fitted model works.
"""

import numpy as np

WEEKS = 100
NOISE = 0.2


def data(seed=0):
    """A table of weeks, and the sales."""
    import pandas as pd

    rng = np.random.default_rng(seed)
    week = pd.date_range("2022-01-03", periods=WEEKS, freq="W-MON")
    tv, web = rng.gamma(2, 1, WEEKS), rng.gamma(1, 2, WEEKS)
    table = pd.DataFrame({
        "date": week, "tv": tv, "web": web, "event": (rng.uniform(size=WEEKS) < 0.05) * 1.0,
    })  # fmt: skip
    season = 0.3 * np.sin(2 * np.pi * week.dayofyear / 365)
    sales = 5 + 2 * (1 - np.exp(-tv)) + web / (1 + web) + 0.5 * table.event + season
    return table, pd.Series(sales + NOISE * rng.normal(size=WEEKS), name="sales")


def model():
    """The model, plain PyMC-Marketing."""
    from pymc_marketing.mmm import GeometricAdstock, LogisticSaturation
    from pymc_marketing.mmm.multidimensional import MMM

    return MMM(
        date_column="date", channel_columns=["tv", "web"], control_columns=["event"],
        adstock=GeometricAdstock(l_max=8), saturation=LogisticSaturation(), yearly_seasonality=2,
        target_column="sales",
    )  # fmt: skip


def main(draws=1000, tune=1000, progress=True):
    """The fitted model, and an ArviZ object with draws."""
    from probtensor.interop import pymc as ptpm

    sales, (table, y) = model(), data()
    with ptpm.in_place_of_pymc():
        idata = sales.fit(
            table, y, draws=draws, tune=tune, chains=4, random_seed=1, progressbar=progress
        )
    return sales, idata


if __name__ == "__main__":
    try:
        import pymc_marketing  # noqa: F401
    except ImportError:
        raise SystemExit(
            "this example needs PyMC-Marketing: pip install 'probtensor[pymc]' pymc-marketing"
        ) from None
    import arviz as az

    fitted, found = main()
    print(az.summary(found, var_names=["adstock_alpha", "saturation_lam", "y_sigma"]))
