"""Visits to a doctor under six insurance plans: the RAND health insurance experiment.

20,190 person-years (Deb and Trivedi 2002), from the installed statsmodels. Counts of visits are
negative binomial; each plan has its own level, drawn from a common normal (partial pooling).

Run it with `python -m examples.rand_hmo`.
"""

import arviz as az
import numpy as np
from statsmodels.datasets import randhie

import probtensor as pt

COVARIATES = ["physlm", "disea", "hlthg", "hlthf", "hlthp"]


def data():
    """Visits, plan of each row, names of the plans, standardised covariates."""
    table = randhie.load_pandas().data
    rate = np.expm1(table["lncoins"]).round().astype(int)
    label = rate.astype(str) + "%" + np.where(table["idp"] == 1, " deductible", "")
    names, plan = np.unique(label.to_numpy(dtype=str), return_inverse=True)
    x = table[COVARIATES].to_numpy(dtype=float)
    return table["mdvis"].to_numpy(), plan, names.tolist(), (x - x.mean(0)) / x.std(0)


def model():
    """log E[visits] = level of the plan + health of the person."""
    visits, plan, names, x = data()
    mu = pt.random.normal(0, 2, name="mu")
    tau = pt.random.half_normal(1, name="tau")
    level = pt.random.normal(mu, tau, shape=len(names), name="level", dims="plan")
    beta = pt.random.normal(0, 1, shape=len(COVARIATES), name="beta", dims="covariate")
    alpha = pt.random.exponential(1, name="alpha")
    rate = pt.exp(level[plan] + x @ beta)
    y = pt.random.negative_binomial(rate, alpha, name="visits")
    return pt.condition({y: visits}, coords={"plan": names, "covariate": COVARIATES})


def main(draws=500, tune=500, progress=True):
    """Sample and print the posterior; returns the ArviZ object."""
    idata = pt.sample(model(), draws=draws, tune=tune, chains=4, seed=1, progress=progress)
    print(az.summary(idata, var_names=["mu", "tau", "alpha", "level", "beta"]))
    return idata


if __name__ == "__main__":
    main()
