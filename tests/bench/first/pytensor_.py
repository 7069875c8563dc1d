"""PyTensor by its default linker, and PyMC where there are random variables."""

import pymc as pm
import pytensor
import pytensor.tensor as tensor

from tests.bench import cases
from tests.bench.contenders.pymc_ import Adapter
from tests.bench.first.contenders import EULER_STEP, WIDTH, graph


def load(group, name):
    """`build() -> (function, size)` of a model or graph."""
    if group == "models":
        case = cases.load(name)
        return lambda: (Adapter(case, "pymc").compile(), case.dim)
    kind, count = graph(name)
    return lambda: GRAPHS[kind](count)


def _compiled(x, value, size):
    return pytensor.function([x], [value, tensor.grad(value, x)], trust_input=True), size


def chain(count):
    x = y = tensor.dvector("x")
    for k in range(count):
        y = (tensor.sin(y), y * 1.01, y + 0.3)[k % 3]
    return _compiled(x, tensor.sum(y), WIDTH)


def scalars(count):
    with pm.Model() as model:
        for k in range(count):
            mu = pm.Normal(f"m{k}", 0, 1)
            pm.Normal(f"y{k}", mu, 1.0, observed=0.5 + k / count)
    return model.logp_dlogp_function(ravel_inputs=True), count


def euler(count):
    th = tensor.dvector("th")
    a, b, c, d, u, v = (th[k] for k in range(6))
    us, vs = [], []
    for _ in range(count):
        u, v = u + EULER_STEP * (a * u - b * u * v), v + EULER_STEP * (d * u * v - c * v)
        us.append(u)
        vs.append(v)
    value = tensor.sum((tensor.stack(us) - 1.0) ** 2) + tensor.sum((tensor.stack(vs) - 2.0) ** 2)
    return _compiled(th, value, 6)


GRAPHS = {"chain": chain, "scalars": scalars, "euler": euler}
