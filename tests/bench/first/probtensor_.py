"""Ours; $PROBTENSOR_TARGET is the tier."""

import json
import os
from pathlib import Path

import numpy as np

import probtensor as pt
from tests.bench import cases
from tests.bench.contenders.probtensor_ import MODELS
from tests.bench.first.contenders import EULER_STEP, WIDTH, graph


def load(group, name):
    """`build() -> (function, size)` of a model or graph."""
    if group == "models":
        case = cases.load(name)
        return lambda: _conditioned(pt.condition(MODELS[name](case.data)))
    if group == "posteriors":
        from tests.models import posteriordb

        data = json.loads(_data(name).read_text())
        return lambda: _conditioned(posteriordb.MODELS[name][0](data))
    if group == "densities":
        return _density(name)
    kind, count = graph(name)
    return lambda: GRAPHS[kind](count)


def _data(name):
    return Path(os.environ["POSTERIORDB"]) / "data" / f"{name.partition('-')[0]}.json"


def _density(name):
    from tests.bench import densities

    rng = np.random.default_rng(20240501)

    def build():
        observed, potentials = densities.MODELS[name](rng)
        return _conditioned(pt.condition(observed, potentials=potentials))

    return build


def _conditioned(posterior):
    return posterior.logp_and_grad, posterior.dim


def chain(count):
    """Elementwise operations one after the other, and the sum of what they end in."""
    x = y = pt.vector("x")
    for k in range(count):
        y = (pt.sin(y), y * 1.01, y + 0.3)[k % 3]
    value = pt.sum(y)
    return pt.function([x], [value, pt.grad(value, x)]), WIDTH


def scalars(count):
    """Scalar variables with an observation each."""
    observed = {}
    for k in range(count):
        mu = pt.random.normal(0, 1, name=f"m{k}")
        observed[pt.random.normal(mu, 1.0, name=f"y{k}")] = 0.5 + k / count
    return _conditioned(pt.condition(observed))


def euler(count):
    """Prey and predators by unrolled steps of Euler, against constants."""
    th = pt.vector("th", shape=(6,))
    a, b, c, d, u, v = (th[k] for k in range(6))
    us, vs = [], []
    for _ in range(count):
        u, v = u + EULER_STEP * (a * u - b * u * v), v + EULER_STEP * (d * u * v - c * v)
        us.append(u)
        vs.append(v)
    value = pt.sum((pt.stack(us) - 1.0) ** 2) + pt.sum((pt.stack(vs) - 2.0) ** 2)
    return pt.function([th], [value, pt.grad(value, th)]), 6


GRAPHS = {"chain": chain, "scalars": scalars, "euler": euler}
