"""Models of time series by loops. Those of posteriordb take its data; names are those of its
reference draws."""

import numpy as np

import probtensor as pt

r = pt.random


def ar_k(data):
    """An autoregression of order K: each step reads the K values before it."""
    order, series = data["K"], pt.as_tensor(np.array(data["y"], float))
    alpha = r.normal(0, 10, name="alpha")
    beta = r.normal(0, 10, shape=order, name="beta")
    sigma = r.half_cauchy(2.5, name="sigma")

    def step(before, y):
        mean = alpha + pt.dot(beta, before)
        return pt.concatenate([y[None], before[:-1]]), mean

    _, mean = pt.loop.scan(step, series[:order][::-1], series[order:])
    return pt.condition({r.normal(mean, sigma, name="y"): np.array(data["y"][order:], float)})


def garch11(data):
    """The variance of a step from the residual and the variance of the step before."""
    series = np.array(data["y"], float)
    mu, alpha0 = r.flat(name="mu"), r.half_flat(name="alpha0")
    alpha1 = r.flat(name="alpha1", constraint=pt.interval(0, 1))
    beta1 = r.flat(name="beta1", constraint=pt.interval(0, 1 - alpha1))

    def step(variance, y):
        return alpha0 + alpha1 * (y - mu) ** 2 + beta1 * variance, variance

    _, variance = pt.loop.scan(step, pt.as_tensor(data["sigma1"] ** 2.0), pt.as_tensor(series))
    return pt.condition({r.normal(mu, pt.sqrt(variance), name="y"): series})


def _hidden(theta, emission_logp):
    """The density of a chain of hidden states whose first state has weight 1 in each state."""
    return pt.potential(pt.hmm.logp(pt.ones(2), pt.stack(theta), emission_logp), name="y")


def hmm_example(data):
    """Two hidden states with normal emissions."""
    theta = [r.dirichlet([1.0, 1.0], name=f"theta{k}") for k in (1, 2)]
    mu = r.normal([3.0, 10.0], 1, name="mu", constraint=pt.ordered(0.0))
    y = np.array(data["y"], float)
    emission_logp = pt.logp(r.normal(mu, 1, shape=(len(y), 2)), y[:, None])
    return pt.condition({}, potentials=[_hidden(theta, emission_logp)])


def hmm_drive(data):
    """Two hidden states with two exponential emissions each."""
    rows = np.array(data["alpha"], float)
    theta = [r.dirichlet(row, name=f"theta{k}") for k, row in enumerate(rows, 1)]
    phi = r.normal([0.0, 3.0], 1, name="phi", constraint=pt.ordered(0.0))
    rate = r.normal([0.0, 3.0], 1, name="lambda", constraint=pt.ordered(0.0))
    series = [np.array(data[name], float) for name in ("u", "v")]
    emission_logp = sum(
        pt.logp(r.exponential(k, shape=(len(x), 2)), x[:, None])
        for k, x in zip((phi, rate), series, strict=True)
    )
    return pt.condition({}, potentials=[_hidden(theta, emission_logp)])


def lotka_volterra(data):
    """Prey and predators, by the adaptive solver."""
    theta = r.normal(
        [1.0, 0.05, 1.0, 0.05], [0.5, 0.05, 0.5, 0.05], name="theta", constraint=pt.interval(low=0)
    )
    sigma = r.log_normal(-1, 1, shape=2, name="sigma")
    start = r.log_normal(np.log(10), 1, shape=2, name="z_init")

    def slope(t, z):
        prey, predators = z[0], z[1]
        return pt.stack([
            (theta[0] - theta[1] * predators) * prey,
            (theta[3] * prey - theta[2]) * predators,
        ])  # fmt: skip

    times = np.array(data["ts"], float)
    states = pt.ode.solve(slope, start, times, t0=0.0, rtol=1e-6, atol=1e-6).y
    first = r.log_normal(pt.log(start), sigma, name="y_init")
    later = r.log_normal(pt.log(states), sigma, name="y")
    return pt.condition({
        first: np.array(data["y_init"], float),
        later: np.array(data["y"], float),
    })  # fmt: skip


# Without reference draws: written as they generate data, and checked against simulation.


def arma11(data):
    """ARMA(1,1): the mean of a step reads the value and the error of the step before."""
    y = np.array(data["y"], float)
    mu, sigma = r.normal(0, 1, name="mu"), r.log_normal(0, 0.5, name="sigma")
    phi, theta = (r.uniform(-1, 1, name=name) for name in ("phi", "theta"))

    def step(before, error):
        mean = mu + phi * before + theta * error
        y = r.normal(mean, sigma, name="y")
        return y, y - mean

    (series, _), _ = pt.scan(step, outputs_info=[mu, 0.0], n_steps=len(y))
    return pt.condition({series: y})


def local_level(data):
    """A level that walks at random, and observations of it, drawn in one step."""
    y = np.array(data["y"], float)
    first = r.normal(0, 1, name="first")
    walk, noise = (r.log_normal(-1, 0.5, name=name) for name in ("walk", "noise"))

    def step(level, _):
        level = r.normal(level, walk, name="level")
        return level, r.normal(level, noise, name="y")

    _, series = pt.loop.scan(step, first, length=len(y))
    return pt.condition({series: y})


def michaelis_menten(data):
    """Elimination of one dose from one compartment, by the stiff solver."""
    vmax = r.log_normal(0.0, 0.5, name="vmax")
    km = r.log_normal(-1.0, 0.5, name="km")
    sigma = r.log_normal(-2.0, 0.5, name="sigma")
    times = np.linspace(0.25, 6.0, len(data["y"]))
    amount = pt.ode.solve(
        lambda t, c: -vmax * c / (km + c), 5.0, times, t0=0.0, method="rodas5p", atol=1e-9
    ).y
    y = r.normal(amount, sigma, name="y")
    return pt.condition({y: np.asarray(data["y"], float)})
