"""Small models with discrete variables, for tests of their sums: each gives what is observed, the
discrete variables with their ranges, and options of `condition`."""

import numpy as np

import probtensor as pt

r = pt.random


def base(k=3):
    """Weights, means and a scale."""
    w, mu = r.dirichlet(np.ones(k), name="w"), r.normal(0, 3, shape=k, name="mu")
    return w, mu, r.half_normal(1, name="s")


def transitions(k=3):
    return r.dirichlet(np.ones(k), shape=(k, k), name="P")


def states(first, step, length, **options):
    """The states of a chain that begins after `first`."""

    def body(state, _):
        state = step(state)
        return state, state

    return pt.loop.scan(body, first, length=length, **options)[1]


def mixture():
    w, mu, s = base()
    z = r.categorical(w, shape=4, name="z")
    return {r.normal(mu[z], s, name="y"): np.arange(4.0)}, {z: (0, 3)}


def one_class_for_all():
    w, mu, s = base()
    z = r.categorical(w, name="z")
    return {r.normal(mu[z], s, shape=4, name="y"): np.arange(4.0)}, {z: (0, 3)}


def factors_of_both_signs():
    """The class decides on which side of 0 an observed expression lies."""
    w, mu, s = base(2)
    z = r.categorical(w, shape=3, name="z")
    factor = mu[z] + 4.0 * z - 2.0
    return {factor * r.exponential(s, shape=3): np.array([0.4, -1.0, 3.0])}, {z: (0, 2)}


def grouped():
    w, mu, s = base()
    z = r.categorical(w, shape=3, name="z")
    group = pt.data(np.array([0, 2, 2, 1, 0]))
    return {r.normal(mu[z[group]], s, name="y"): np.arange(5.0)}, {z: (0, 3)}


def two_in_one_plate():
    w, mu, s = base()
    z, b = r.categorical(w, shape=3, name="z"), r.bernoulli(0.3, shape=3, name="b")
    return {r.normal(mu[z] + b, s, name="y"): np.arange(3.0)}, {z: (0, 3), b: (0, 2)}


def nested_plates():
    w, mu, s = base()
    c = r.categorical(w, shape=2, name="c")
    d = r.categorical(transitions(2)[c % 2][:, None], shape=(2, 2), name="d")
    y = r.normal(mu[c][:, None] + d, s, name="y")
    return {y: np.arange(4.0).reshape(2, 2)}, {c: (0, 3), d: (0, 2)}


def counts_of_ranges():
    p = r.beta(1, 1, name="p")
    n = r.binomial(np.array([1, 4, 2]), p, name="n")
    return {r.poisson(1.0 + n, name="y"): np.arange(3)}, {n: (0, 5)}


def population_sizes():
    p = r.beta(1, 1, name="p")
    n = r.discrete_uniform(0, 6, shape=2, name="n")
    y = r.binomial(n, p, shape=(3, 2), name="y")
    return {y: np.array([[2, 0], [3, 1], [1, 1]])}, {n: (0, 7)}


def counts_of_counts():
    p = r.beta(1, 1, name="p")
    k = r.binomial(3, p, name="k")
    b = r.binomial(k, 0.4, shape=2, name="b")
    return {r.normal(1.0 * b, 1.0, name="y"): np.arange(2.0)}, {k: (0, 4), b: (0, 4)}


def change_point():
    a, b = r.exponential(1.0, name="a"), r.exponential(1.0, name="b")
    tau = r.discrete_uniform(0, 6, name="tau")
    y = r.poisson(pt.where(pt.arange(6) < tau, a, b), name="y")
    return {y: np.array([3, 1, 4, 1, 5, 9])}, {tau: (0, 7)}


def chain():
    w, mu, s = base()
    p = transitions()
    first = r.categorical(w, name="first")
    z = pt.deterministic(states(first, lambda c: r.categorical(p[c], name="z"), 3), name="path")
    return {r.normal(mu[z], s, name="y"): np.arange(3.0)}, {first: (0, 3), z: (0, 3)}


def backward_chain():
    w, mu, s = base()
    p = transitions()
    first = r.categorical(w, name="first")
    z = states(first, lambda c: r.categorical(p[c], name="z"), 4, reverse=True)
    return {r.normal(mu[z], s, name="y"): np.arange(4.0)}, {first: (0, 3), z: (0, 3)}


def chains_of_two_kinds():
    """A batch of chains, whose kind and first states are unknown, with memory in the data."""
    w, mu, s = base(2)
    p = transitions(2)
    kind = r.bernoulli(0.4, shape=2, name="kind")
    first = r.categorical(w, shape=2, name="first")
    z = states(first, lambda c: r.categorical(p[c], name="z"), 2)
    y = r.normal(mu[z] + kind, pt.concatenate([pt.ones((1, 2)), 1.0 + z[:-1]]), name="y")
    start = r.normal(mu[first], s, name="start")
    data = {y: np.arange(4.0).reshape(2, 2), start: np.array([0.3, -1.0])}
    return data, {kind: (0, 2), first: (0, 2), z: (0, 2)}


def two_chains():
    """Chains with data that depend on both."""
    _, mu, s = base(2)
    p, q = transitions(2), r.dirichlet(np.ones(3), shape=(3, 3), name="Q")

    def step(carry, _):
        a, b = carry
        a, b = r.categorical(p[a], name="a"), r.categorical(q[b], name="b")
        return (a, b), (a, b)

    start = (pt.as_tensor(0), pt.as_tensor(1))
    _, (a, b) = pt.loop.scan(step, start, length=3)
    return {r.normal(mu[a] + 2.0 * b, s, name="y"): np.arange(3.0)}, {a: (0, 2), b: (0, 3)}


def survival():
    phi, p = r.beta(1, 1, shape=3, name="phi"), r.beta(1, 1, name="p")

    def step(alive, survives):
        z = r.bernoulli(survives * alive, name="z")
        return z, (z, r.bernoulli(p * z, name="y"))

    _, (z, y) = pt.loop.scan(step, pt.ones((2,), "int64"), phi)
    return {y: np.array([[1, 0], [0, 0], [0, 0]])}, {z: (0, 2)}


def survivors():
    """Counts in a loop, whose bound changes from step to step."""
    p, mu = r.beta(1, 1, name="p"), r.normal(0, 1, name="mu")
    n = states(pt.as_tensor(3), lambda n: r.truncated(r.binomial(n, p), upper=3, name="n"), 3)
    return {r.normal(mu * n, 1.0, name="y"): np.arange(3.0)}, {n: (0, 4)}


def switching_autoregression():
    _, mu, s = base()
    p = transitions()

    def step(carry, _):
        z, x = carry
        z = r.categorical(p[z], name="z")
        x = r.normal(mu[z] * x, s, name="x")
        return (z, x), (z, x)

    _, (z, x) = pt.loop.scan(step, (pt.as_tensor(0), 0.3), length=4)
    return {x: np.arange(4.0)}, {z: (0, 3)}


def differences():
    w, mu, s = base()
    z = r.categorical(w, shape=4, name="z")
    level = mu[z]
    return {r.normal(level[1:] - level[:-1], s, name="y"): np.arange(3.0)}, {z: (0, 3)}


def sum_of_all():
    w, mu, s = base()
    z = r.categorical(w, shape=4, name="z")
    return {r.normal(pt.sum(mu[z]), s, name="y"): 1.3}, {z: (0, 3)}


def grid():
    """Pairs of neighbours in a loop of four and a fifth, by a potential."""
    w, mu, s = base(2)
    z = r.categorical(w, shape=5, name="z")
    a, b = np.array([0, 1, 2, 3, 0]), np.array([1, 2, 3, 4, 2])
    term = pt.potential(0.7 * pt.eq(z[a], z[b]), name="alike")
    return {r.normal(mu[z], s, name="y"): np.arange(5.0)}, {z: (0, 2)}, {"potentials": [term]}


def judges():
    pi = r.dirichlet(np.ones(3), name="pi")
    theta = r.dirichlet(np.ones(3), shape=(2, 3, 3), name="theta")
    z = r.categorical(pi, shape=3, name="z")
    item, judge = pt.data(np.array([0, 0, 1, 2, 2, 1])), np.array([0, 1, 0, 0, 1, 1])
    y = r.categorical(theta[judge, z[item]], name="y")
    return {y: np.array([0, 0, 1, 2, 1, 1])}, {z: (0, 3)}


def transposed_and_reshaped():
    w, mu, s = base(2)
    z = r.categorical(w, shape=(2, 3), name="z")
    x, y = r.normal(mu[z.reshape(6)], 1.0, name="x"), r.normal(mu[z.T], s, name="y")
    return {y: np.arange(6.0).reshape(3, 2), x: np.arange(6.0)}, {z: (0, 2)}


def vectors():
    w, _, _ = base()
    m = r.normal(0, 1, shape=(3, 2), name="m")
    z = r.categorical(w, shape=4, name="z")
    y = r.multivariate_normal(m[z], 2.0 * np.eye(2), name="y")
    return {y: 0.3 * np.arange(8.0).reshape(4, 2)}, {z: (0, 3)}


def regressions():
    w, _, s = base()
    slopes = r.normal(0, 1, shape=(3, 2), name="slopes")
    z = r.categorical(w, shape=4, name="z")
    x = 0.3 * np.arange(8.0).reshape(4, 2)
    y = r.normal(pt.sum(slopes[z] * x, axis=1), s, name="y")
    return {y: np.arange(4.0)}, {z: (0, 3)}


def latent_numbers():
    w, mu, s = base()
    z = r.categorical(w, shape=3, name="z")
    x = r.normal(mu[z], 1.0, name="x")
    return {r.normal(x, s, name="y"): np.arange(3.0)}, {z: (0, 3)}


def invalid_in_some_states():
    w, mu, _ = base()
    z = r.categorical(w, shape=3, name="z")
    x, y = r.normal(0.0, mu[z], name="x"), r.normal(1.0, tau=mu[z], name="y")
    return {x: np.arange(3.0), y: np.arange(3.0)}, {z: (0, 3)}


def bounded_by_states():
    w, _, s = base()
    z = r.categorical(w, shape=3, name="z")
    y = r.uniform(0, (1.0 + z) * s, name="y")
    return {y: np.array([0.2, 0.5, 0.9])}, {z: (0, 3)}


PLATES = {"a": 2, "b": 3}
MOST_STATES = 800


def aligned(x, axes, target, rng):
    """A tensor over some plates as one over others: one entry of those that these lack."""
    for k in reversed(range(len(axes))):
        if axes[k] not in target:
            x = x[(slice(None),) * k + (int(rng.integers(PLATES[axes[k]])),)]
    kept = [a for a in axes if a in target]
    return x[tuple(slice(None) if a in kept else None for a in target)]


def drawn_axes(rng):
    return tuple(a for a in PLATES if rng.uniform() < 0.4)


def random_model(seed):
    """Discrete variables over plates, each with a distribution that depends on some before it; data
    that depend on several of them, at times by an index."""
    rng = np.random.default_rng(seed)
    found, discrete, states = [], {}, 1
    for k in range(int(rng.integers(2, 5))):
        axes, count = drawn_axes(rng), int(rng.integers(2, 4))
        shape = tuple(PLATES[a] for a in axes)
        states *= count ** int(np.prod(shape))
        if states > MOST_STATES and found:
            break
        logits = r.normal(0, 1, shape=count, name=f"base{k}")
        for other, own, n in found:
            if rng.uniform() < 0.6:
                table = r.normal(0, 1, shape=(n, count), name=f"from_{other.name}_to{k}")
                logits = logits + table[aligned(other, own, axes, rng)]
        z = r.categorical(logit_p=logits, shape=shape, name=f"z{k}")
        found.append((z, axes, count))
        discrete[z] = (0, count)
    given = {}
    for k in range(2):
        axes = drawn_axes(rng)
        shape, mean = tuple(PLATES[a] for a in axes), 0.0
        for z, own, n in found:
            if rng.uniform() < 0.7 or (k == 1 and z is found[-1][0]):
                level = r.normal(0, 1, shape=n, name=f"level{k}_{z.name}")
                mean = mean + level[aligned(z, own, axes, rng)]
        if len(axes) == 1 and rng.uniform() < 0.5:
            index = pt.data(rng.integers(0, shape[0], 4))
            mean = pt.broadcast_to(mean, shape)[index]
            shape = (4,)
        y = r.normal(mean, 1.0, shape=shape, name=f"y{k}")
        given[y] = rng.normal(size=shape)
    return given, discrete, {"track": [z for z, _, _ in found]}


QUICK = (
    mixture, grouped, nested_plates, counts_of_counts, population_sizes, chain,
    chains_of_two_kinds, survival, differences, grid, invalid_in_some_states,
    factors_of_both_signs, survivors,
)  # fmt: skip
SLOW = (
    two_in_one_plate, one_class_for_all, two_chains, counts_of_ranges, change_point, backward_chain,
    switching_autoregression, sum_of_all, judges, transposed_and_reshaped, vectors, regressions,
    latent_numbers, bounded_by_states,
)  # fmt: skip
