"""Eight schools (Rubin 1981): does coaching raise test scores, and how much do schools differ?

Run it with `python -m examples.eight_schools`.
"""

import arviz as az
import numpy as np

import probtensor as pt

EFFECT = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
STANDARD_ERROR = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
SCHOOLS = ["Choate", "Deerfield", "Andover", "Exeter", "Hotchkiss", "Lawrence", "Paul", "Hermon"]


def model():
    """The non-centred form: z is standard normal whatever tau is, so no funnel arises."""
    mu = pt.random.normal(0, 5, name="mu")
    tau = pt.random.half_cauchy(5, name="tau")
    z = pt.random.normal(0, 1, shape=8, name="z", dims="school")
    theta = pt.deterministic(mu + tau * z, name="theta", dims="school")
    y = pt.random.normal(theta, STANDARD_ERROR, name="y", dims="school")
    return pt.condition({y: EFFECT}, coords={"school": SCHOOLS})


def main(draws=1000, tune=1000, progress=True):
    """Sample and print the posterior; returns the ArviZ object."""
    idata = pt.sample(model(), draws=draws, tune=tune, chains=4, seed=1, progress=progress)
    print(az.summary(idata, var_names=["mu", "tau", "theta"]))
    return idata


if __name__ == "__main__":
    main()
