"""Slow lines, memory hogs, divergences, bad starts and wrong defaults."""

import re
import warnings

import numpy as np

import probtensor as pt
from tests.inspect.faults import fault

X = pt.vector("x")
RNG = np.random.default_rng(2)


def slowest(outputs, *args, inputs=(X,)):
    """(line, text) of the slowest line of a profile."""
    report = pt.function([*inputs], outputs, target="machine").profile(*args)
    return report.lines[0].line, str(report)


@fault("slow")
def a_gamma_function_in_a_fused_loop():
    a = pt.sqrt(X * X + 1.0)
    b = pt.special.gammaln(a)  # here
    return slowest(pt.sum(b * X), RNG.normal(size=4000))


@fault("slow")
def a_product_that_is_not_needed_so_large():
    m = pt.matrix("m")
    big = m @ m.T @ m  # here
    return slowest([pt.max(big), pt.exp(X)], RNG.normal(size=(120, 120)), np.ones(100),
                   inputs=[m, X])  # fmt: skip


@fault("slow")
def a_bessel_function_in_a_step():
    s0 = pt.vector("s0")

    def step(s, x):
        u = pt.tanh(s) * 0.5
        v = pt.special.ive(1.5, s * s + 1.0)  # here
        return u + 0.01 * v * x, u

    last, _ = pt.loop.scan(step, s0, X)
    return slowest(last, RNG.normal(size=30), RNG.normal(size=30), inputs=[s0, X])


@fault("slow")
def a_sort_beside_cheap_work():
    order = pt.sort(X)  # here
    return slowest(pt.sum(order * pt.abs(X)), RNG.normal(size=20_000))


@fault("slow")
def a_power_in_a_gradient():
    y = pt.vector("y")
    a = pt.exp(X)
    cost = pt.sum(a * pt.special.gammainc(y, a))  # here
    return slowest(pt.grad(cost, X), RNG.normal(size=2000), np.full(2000, 2.5), inputs=[X, y])


def largest(outputs, *args, inputs=(X,)):
    """(line, text) of what holds most memory at the peak of a call."""
    report = pt.function([*inputs], outputs, target="machine").profile(*args, n=2)
    held = max(report.memory.held, key=lambda h: h.bytes)
    return held.line, str(report)


@fault("memory")
def an_outer_product_that_is_stored():
    table = pt.sort(X[:, None] * X[None, :], axis=1)  # here
    return largest(pt.sum(table[:, 0] * X), RNG.normal(size=150))


@fault("memory")
def a_sorted_copy():
    big = pt.matrix("big")
    copy = pt.sort(pt.exp(big), axis=1)  # here
    return largest(pt.sum(copy[:, 0] * X[0]), RNG.normal(size=(300, 200)), np.ones(3),
                   inputs=[big, X])  # fmt: skip


@fault("memory")
def a_factor_of_a_kernel_matrix():
    k = pt.exp(-0.5 * (X[:, None] - X[None, :]) ** 2) + pt.eye(X.shape[0])  # here
    return largest(pt.sum(pt.log(pt.diagonal(pt.linalg.cholesky(k)))), RNG.normal(size=120))


@fault("memory")
def all_steps_of_a_loop():
    s0 = pt.vector("s0")

    def step(v, s):
        return pt.tanh(s * v)

    states = pt.scan(step, sequences=[X], outputs_info=[s0])[0]  # here
    product = states @ states.T
    return largest(pt.sum(product * product), np.ones(100), np.ones(300), inputs=[X, s0])


def explained(posterior, **options):
    """(line, text) of why draws diverged."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        idata = pt.sample(posterior, progress=False, seed=1, **options)
    report = posterior.explain_divergences(idata, limit=5)
    lines = [d.line for d in report.divergences]
    return max(set(lines), key=lines.count), str(report)


@fault("divergence", "as log_sigma changes", "centered=False")
def a_funnel():
    log_sigma = pt.random.normal(0, 3, name="log_sigma")
    effects = pt.random.normal(0, pt.exp(log_sigma / 2), name="effects", shape=9)  # here
    y = pt.random.normal(effects[0], 5.0, name="y")
    return explained(pt.condition({y: 0.0}), target_accept=0.5)


@fault("divergence", "as sigma changes", "centered=False")
def eight_schools_centred():
    sigma = pt.random.half_normal(5.0, name="sigma")
    mu = pt.random.normal(0, 5, name="mu")
    theta = pt.random.normal(mu, sigma, name="theta", shape=8)  # here
    y = pt.random.normal(theta, np.array([15.0, 10, 16, 11, 9, 11, 10, 18]), name="y")
    return explained(pt.condition({y: np.array([28.0, 8, -3, 7, -1, 1, 18, 12])}))


@fault("divergence", "edge")
def an_edge_of_the_support():
    x = pt.random.normal(0.0, 1.0, name="x")
    edge = pt.potential(pt.log(x - 0.5), name="edge")  # here
    posterior = pt.condition({}, potentials=[edge])
    return explained(posterior, chains=2, draws=300, tune=200, init={"x": 1.0})


@fault("divergence", "wall")
def a_narrow_wall():
    x = pt.random.normal(0.0, 1.0, name="x")
    z = pt.random.normal(0.0, 1.0, name="z")
    wall = pt.potential(-pt.exp(40.0 * (x + z - 1.0)), name="wall")  # here
    return explained(pt.condition({}, potentials=[wall]), target_accept=0.4, chains=4)


def refused(make, **options):
    """(lines, text) of the error of a posterior that cannot be made, or of a run that cannot
    start."""
    try:
        pt.sample(make(), draws=5, tune=5, chains=1, seed=1, progress=False, **options)
    except (RuntimeError, ValueError) as error:
        return re.findall(r"\S+\.py:\d+", str(error)), str(error)
    raise AssertionError("the run started")


@fault("start", "entry [1]")
def data_outside_of_their_support():
    rate = pt.random.exponential(1.0, name="rate")
    y = pt.random.gamma(2.0, rate, name="y", shape=3)  # here
    return refused(lambda: pt.condition({y: [1.0, -2.0, 3.0]}))


@fault("start", "log")
def a_parameter_that_is_no_number():
    x = pt.random.normal(0.0, 1.0, name="x")
    mu = pt.log(-pt.exp(x))
    y = pt.random.normal(mu, 1.0, name="y")  # here
    return refused(lambda: pt.condition({y: 1.0}))


@fault("start", "step jumps")
def a_density_that_jumps_at_the_start():
    x = pt.random.normal(0.0, 1.0, name="x", shape=2)
    step = pt.potential(pt.where(pt.all(x == 0.0), 0.0, -10.0), name="step")  # here
    return refused(lambda: pt.condition({}, potentials=[step]), init={"x": np.zeros(2)})


def linted(posterior):
    """(lines, text) of the findings of `pt.lint`."""
    text = str(pt.lint(posterior))
    return re.findall(r"\S+\.py:\d+", text), text


@fault("default", "improper", "lonely")
def a_flat_prior_that_no_data_inform():
    lonely = pt.random.flat(name="lonely")  # here
    mu = pt.random.normal(0.0, 1.0, name="mu")
    y = pt.random.normal(mu + 0.0 * lonely, 1.0, name="y")
    return linted(pt.condition({y: 0.0}))


@fault("default", "not identified")
def two_parameters_for_one():
    a = pt.random.flat(name="a")  # here
    b = pt.random.flat(name="b")
    y = pt.random.normal(a + b, 1.0, name="y", shape=5)
    return linted(pt.condition({y: np.arange(5.0)}))


@fault("default", "leaves support")
def a_scale_with_a_prior_on_all_numbers():
    s = pt.random.normal(1.0, 1.0, name="s")
    y = pt.random.normal(0.0, s, name="y", shape=5)  # here
    return linted(pt.condition({y: np.arange(5.0)}))


@fault("default", "no derivative")
def a_rounded_parameter():
    t = pt.random.normal(0.0, 3.0, name="t")  # here
    y = pt.random.normal(pt.floor(t), 1.0, name="y", shape=5)
    return linted(pt.condition({y: np.arange(5.0)}))
