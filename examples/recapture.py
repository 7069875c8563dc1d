"""Birds that are marked, released and seen again: the Cormack-Jolly-Seber model.

The data are simulated like those of the European dipper (Lebreton et al. 1992): 280 birds in seven
years, with a flood that lowers survival twice. Whether a bird that is not seen is alive is not
known: its states are a chain of zeros and ones, which `pt.condition` sums out, bird by bird. Run it
with `python -m examples.recapture`.
"""

import arviz as az
import numpy as np

import probtensor as pt

YEARS, BIRDS = 7, 280
SURVIVAL = np.array([0.60, 0.45, 0.45, 0.60, 0.60, 0.60])
RECAPTURE = 0.9


def data(seed=1):
    """The year in which each bird is marked, and whether it is seen: (year, bird)."""
    rng = np.random.default_rng(seed)
    first = rng.integers(0, YEARS - 1, BIRDS)
    alive = np.zeros((YEARS, BIRDS), bool)
    alive[first, np.arange(BIRDS)] = True
    for t in range(1, YEARS):
        alive[t] |= alive[t - 1] & (rng.uniform(size=BIRDS) < SURVIVAL[t - 1])
    seen = alive & (rng.uniform(size=alive.shape) < RECAPTURE)
    seen[first, np.arange(BIRDS)] = True
    return first, seen


def model():
    """Survival from each year to the next, by year; one probability of being seen if alive."""
    first, seen = data()
    marked = np.arange(1, YEARS)[:, None] > first  # released before that year
    phi = pt.random.beta(1, 1, name="phi", dims="interval")
    p = pt.random.beta(1, 1, name="p")

    def year(alive, given):
        survives, is_marked = given
        stays, sees = pt.where(is_marked, survives, 1.0), pt.where(is_marked, p, 0.0)
        alive = pt.random.bernoulli(pt.where(alive == 1, stays, 0.0), name="alive")
        return alive, pt.random.bernoulli(pt.where(alive == 1, sees, 0.0), name="seen")

    _, y = pt.loop.scan(year, pt.ones((BIRDS,), "int64"), (phi, pt.as_tensor(marked)))
    intervals = [f"{1981 + t}-{82 + t}" for t in range(YEARS - 1)]
    return pt.condition({y: seen[1:] & marked}, coords={"interval": intervals})


def picture(idata):
    """Survival in each interval: the posterior, and the truth."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    phi = np.asarray(idata.posterior["phi"]).reshape(-1, YEARS - 1)
    axes.violinplot(phi, showextrema=False)
    axes.plot(np.arange(1, YEARS), SURVIVAL, "k_", ms=30, label="truth")
    axes.set(ylabel="survival", ylim=(0, 1))
    axes.set_xticks(range(1, YEARS), idata.posterior["interval"].values)
    axes.legend()
    return figure


def main(draws=500, tune=500, progress=True):
    """Sample, draw the states, and print how many birds are alive; returns the ArviZ object."""
    posterior = model()
    idata = pt.sample(posterior, draws=draws, tune=tune, chains=4, seed=1, progress=progress)
    print(az.summary(idata, var_names=["phi", "p"]))
    states = pt.recover_marginals(posterior, idata, seed=2)
    first, _ = data()
    released = np.arange(1, YEARS)[:, None] >= first
    count = (np.asarray(states.posterior["alive"]) * released).sum(-1).mean((0, 1))
    print("alive in each year from the second on:", count.round(1))
    return states


if __name__ == "__main__":
    main()
