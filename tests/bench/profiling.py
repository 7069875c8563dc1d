"""The cost of profiles: calls of compiled functions with none, in a `pt.profiling` block, and after
a profile has been taken, in turns.

    python -m tests.bench.profiling [--rounds 15] [--check]

Ratios of processor time per call to that of the same function before, medians over the rounds with
quartiles: `block` in the block; `after` of an equal function, of which `f.profile` has been taken;
`again` without any profile, which shows the noise. `--check` fails where a block costs over 10 %.
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

import probtensor as pt

LIMIT = 1.10
SECONDS = 0.25


def regression():
    """A logistic regression of 1,000 rows with its gradient."""
    rng = np.random.default_rng(0)
    rows, hits = rng.normal(size=(1000, 10)), rng.uniform(size=1000) < 0.5
    b = pt.vector("b")
    eta = pt.constant(rows) @ b
    value = pt.sum(pt.where(hits, eta, 0.0) - pt.softplus(eta)) - 0.5 * pt.sum(b**2)
    return [b], [value, pt.grad(value, b)], [np.zeros(10)]


def chain():
    """Thirty elementwise steps on 20,000 elements with their gradient."""
    x = pt.vector("x")
    v = x
    for _ in range(30):
        v = pt.tanh(v) * 1.1 + 0.1 * x
    value = pt.sum(v)
    return [x], [value, pt.grad(value, x)], [np.linspace(-1, 1, 20_000)]


def one_sum():
    """One sum over 200,000 elements."""
    x = pt.vector("x")
    value = pt.sum(pt.exp(-(x**2)) + pt.log1p(x**2) * pt.sin(x))
    return [x], value, [np.linspace(-1, 1, 200_000)]


def process():
    """A Gaussian process of 150 points with its gradient: LAPACK."""
    x = np.sort(np.random.default_rng(0).uniform(0, 10, 150))
    q = pt.vector("q")
    gaps = (x[:, None] - x[None, :]) ** 2
    k = pt.exp(q[0] - 0.5 * gaps * pt.exp(-q[1])) + (pt.exp(q[2]) + 1e-6) * np.eye(150)
    factor = pt.linalg.cholesky(k)
    z = pt.linalg.solve_triangular(factor, np.sin(x), lower=True)
    value = -0.5 * pt.sum(z**2) - pt.sum(pt.log(pt.diagonal(factor)))
    return [q], [value, pt.grad(value, q)], [np.array([0.0, 0.0, -1.0])]


MODELS = {f.__name__: f for f in (regression, chain, one_sum, process)}


def per_call(f, args):
    """Processor seconds of a call, of this process."""
    calls, wall, spent = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - wall < SECONDS:
        for _ in range(10):
            f(*args)
        calls += 10
    return (time.process_time() - spent) / calls


def measured(made, rounds):
    """{what: ratios}, one of each round."""
    inputs, outputs, args = made()
    plain, watched = (pt.function(inputs, outputs, build="now") for _ in range(2))
    watched.profile(*args)
    found = {"block": [], "again": [], "after": []}
    per_call(plain, args)
    for _ in range(rounds):
        before = per_call(plain, args)
        with pt.profiling():
            inside = per_call(plain, args)
        after = per_call(watched, args)
        last = per_call(plain, args)
        usual = 0.5 * (before + last)
        found["block"].append(inside / usual)
        found["after"].append(after / usual)
        found["again"].append(last / before)
    return found


def main():
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    worst = 0.0
    for name, made in MODELS.items():
        found = measured(made, options.rounds)
        texts = []
        for what, ratios in found.items():
            low, middle, high = statistics.quantiles(ratios)
            texts.append(f"{what} {middle:.3f} ({low:.3f} to {high:.3f})")
        worst = max(worst, statistics.median(found["block"]))
        print(f"{name:12}" + " | ".join(texts), flush=True)
    if options.check and worst > LIMIT:
        raise SystemExit(f"a block with a profile costs {worst:.3f} times the time without")


if __name__ == "__main__":
    main()
