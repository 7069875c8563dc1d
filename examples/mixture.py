"""Groups that nobody labelled: a mixture of three normal distributions.

The data are simulated: 300 lengths of fish of three ages. The age of each fish is a discrete
variable; `pt.condition` sums it out for each fish by itself, and the posterior probabilities of the
ages are known afterwards.

Run it with `python -m examples.mixture`.
"""

import arviz as az
import numpy as np

import probtensor as pt

WEIGHTS, MEANS, SCALE = [0.5, 0.3, 0.2], [20.0, 28.0, 34.0], 2.0
AGES = ["one year", "two years", "three years"]


def data(seed=4, count=300):
    """The age of each fish, and its length in centimetres."""
    rng = np.random.default_rng(seed)
    age = rng.choice(3, size=count, p=WEIGHTS)
    return age, rng.normal(np.array(MEANS)[age], SCALE)


def model():
    """Mean lengths increase with age, so that the ages have an order."""
    _, lengths = data()
    weight = pt.random.dirichlet(np.ones(3), name="weight", dims="age")
    mean = pt.random.normal(25, 10, shape=3, constraint=pt.ordered(), name="mean", dims="age")
    scale = pt.random.half_normal(5, name="scale")
    age = pt.random.categorical(weight, shape=len(lengths), name="fish")
    y = pt.random.normal(mean[age], scale, name="length")
    return pt.condition({y: lengths}, coords={"age": AGES})


def picture(idata):
    """The lengths, by their most probable age, and the densities of each age."""
    from matplotlib.figure import Figure

    _, lengths = data()
    p = np.exp(np.asarray(idata.posterior["lp_fish"])).mean((0, 1))
    weight, mean, scale = (
        np.asarray(idata.posterior[name]).mean((0, 1)) for name in ("weight", "mean", "scale")
    )
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    x = np.linspace(lengths.min(), lengths.max(), 200)
    groups = [lengths[p.argmax(-1) == k] for k in range(3)]
    axes.hist(groups, 40, density=True, stacked=True, alpha=0.5, label=AGES)
    for k in range(3):
        density = np.exp(-((x - mean[k]) ** 2) / (2 * scale**2)) / (scale * np.sqrt(2 * np.pi))
        axes.plot(x, weight[k] * density, f"C{k}")
    axes.set(xlabel="length (cm)", ylabel="density")
    axes.legend()
    return figure


def main(draws=500, tune=500, progress=True):
    """Sample, and print the posterior and how many ages are found; returns the ArviZ object."""
    posterior = model()
    idata = pt.sample(posterior, draws=draws, tune=tune, chains=4, seed=1, progress=progress)
    print(az.summary(idata, var_names=["weight", "mean", "scale"]))
    found = pt.recover_marginals(posterior, idata, seed=2, log_probabilities=True)
    p = np.exp(np.asarray(found.posterior["lp_fish"])).mean((0, 1))
    share = (p.argmax(-1) == data()[0]).mean()
    print(f"{share:.0%} of the fish have the age that is most probable")
    return found


if __name__ == "__main__":
    main()
