"""A dozen graphs, each chosen for one thing that lowering must do well.

A model is (inputs, outputs, updates); none needs data, so that the text shows the program alone.
"""

import numpy as np

import probtensor as pt
from probtensor.types import size_value


def logistic_regression():
    """One pass over the rows yields the value and the gradient."""
    x, y, w = pt.matrix("x"), pt.vector("y"), pt.vector("w")
    logit = x @ w
    loss = pt.sum(y * logit - pt.log(1 + pt.exp(logit)))
    return [x, y, w], [loss, pt.grad(loss, w)], {}


def linear_regression():
    """A scale shared by all rows: two gradients from the same residuals."""
    x, y, w = pt.matrix("x"), pt.vector("y"), pt.vector("w")
    log_sigma = pt.scalar("log_sigma")
    error = (y - x @ w) * pt.exp(-log_sigma)
    logp = pt.sum(-0.5 * error**2 - log_sigma)
    return [x, y, w, log_sigma], [logp, *pt.grad(logp, [w, log_sigma])], {}


def varying_intercepts():
    """Gathers forward, scatters backward, in the loop over homes."""
    floor, radon, sigma = pt.vector("floor"), pt.vector("radon"), pt.scalar("sigma")
    county = pt.vector("county", dtype="int64")
    level, slope = pt.vector("level"), pt.vector("slope")
    error = (radon - level[county] - slope[county] * floor) / sigma
    logp = -0.5 * pt.sum(error**2)
    gradient = pt.grad(logp, [level, slope, sigma])
    return [floor, radon, county, level, slope, sigma], [logp, *gradient], {}


def item_response():
    """Two gathers with different indices into one logit."""
    person, item = pt.vector("person", dtype="int64"), pt.vector("item", dtype="int64")
    y, theta, a, b = pt.vector("y"), pt.vector("theta"), pt.vector("a"), pt.vector("b")
    logit = a[item] * (theta[person] - b[item])
    logp = pt.sum(y * logit - pt.softplus(logit))
    return [person, item, y, theta, a, b], [logp, *pt.grad(logp, [theta, a, b])], {}


def softmax_regression():
    """A fold within a fold: the normaliser of each row."""
    x, target, w = pt.matrix("x"), pt.matrix("target"), pt.matrix("w")
    scores = x @ w
    loss = pt.mean(pt.logsumexp(scores, axis=1) - pt.sum(target * scores, axis=1))
    return [x, target, w], [loss, pt.grad(loss, w)], {}


def mixture():
    """log-sum-exp over components for each observation, written naively."""
    y, mu, weight = pt.vector("y"), pt.vector("mu"), pt.vector("weight")
    terms = pt.log(weight) - 0.5 * (y[:, None] - mu) ** 2
    logp = pt.sum(pt.log(pt.sum(pt.exp(terms), axis=1)))
    return [y, mu, weight], [logp, *pt.grad(logp, [mu, weight])], {}


def autoregression():
    """Two shifted views of one series, read in one loop."""
    y, rho = pt.vector("y"), pt.scalar("rho")
    logp = -0.5 * pt.sum((y[1:] - rho * y[:-1]) ** 2)
    return [y, rho], [logp, pt.grad(logp, rho)], {}


def standardise():
    """Column means and variances, then one pass that uses both."""
    x = pt.matrix("x")
    return [x], [(x - pt.mean(x, axis=0)) / pt.sqrt(pt.var(x, axis=0) + 1e-9)], {}


def network_step():
    """A training step: large products, and updates of shared variables."""
    x, target = pt.matrix("x"), pt.matrix("target")
    hidden = pt.shared(np.zeros((784, 500)), name="hidden")
    out = pt.shared(np.zeros((500, 10)), name="out")
    scores = pt.tanh(x @ hidden) @ out
    loss = pt.mean(pt.logsumexp(scores, axis=1) - pt.sum(target * scores, axis=1))
    slopes = pt.grad(loss, [hidden, out])
    updates = {w: w - 0.1 * g for w, g in zip([hidden, out], slopes, strict=True)}
    return [x, target], [loss], updates


def curvature():
    """A second derivative: the product of a Hessian and a vector."""
    x, v = pt.vector("x"), pt.vector("v")
    f = pt.sum(pt.log1p(x**2) * pt.sin(x))
    return [x, v], [pt.hvp(f, x, v)], {}


def set_and_join():
    """Writes into slices, and a join of three pieces."""
    x, y = pt.vector("x"), pt.vector("y")
    return [x, y], [pt.concatenate([x.at[0].set(1.0), y[::-1], x.at[1:].add(2.0)])], {}


def counts():
    """lgamma and digamma of every row: a negative binomial with its dispersion."""
    y, mu, alpha = pt.vector("y"), pt.vector("mu"), pt.scalar("alpha")
    logp = pt.sum(
        pt.lgamma(y + alpha) - pt.lgamma(alpha) - pt.lgamma(y + 1)
        + alpha * pt.log(alpha / (mu + alpha)) + y * pt.log(mu / (mu + alpha))
    )  # fmt: skip
    return [y, mu, alpha], [logp, *pt.grad(logp, [mu, alpha])], {}


def eight_schools():
    """A small model in float64 with constants of known size, and its draws."""
    mu = pt.random.normal(0, 5, name="mu")
    tau = pt.random.half_cauchy(5, name="tau")
    z = pt.random.normal(0, 1, shape=8, name="z")
    return [], [pt.random.normal(mu + tau * z, 10.0, name="y")], {}


MODELS = (
    logistic_regression,
    linear_regression,
    varying_intercepts,
    item_response,
    softmax_regression,
    mixture,
    autoregression,
    standardise,
    network_step,
    curvature,
    set_and_join,
    counts,
    eight_schools,
)
# Values of the unknown sizes in order of first use: none, one, odd, more than a block or a chunk.
SIZES = {
    "logistic_regression": [(0, 3), (1, 1), (700, 5), (300, 70)],
    "linear_regression": [(0, 3), (700, 5), (300, 70)],
    "varying_intercepts": [(1, 2), (900, 17)],
    "item_response": [(1, 2, 2), (900, 17, 5)],
    "softmax_regression": [(1, 2, 3), (40, 7, 5), (10, 3, 1100)],
    "mixture": [(1, 1), (300, 5), (20, 1100)],
    "autoregression": [(2,), (1001,)],
    "standardise": [(1, 1), (70, 40), (3, 300), (2000, 3)],
    "network_step": [(3,)],
    "curvature": [(0,), (5,), (1001,)],
    "set_and_join": [(5,), (1001,)],
    "counts": [(1,), (600,)],
    "eight_schools": [()],
}


def plan_of(model):
    """The plan of a model."""
    inputs, outputs, updates = model()
    return pt.function(inputs, outputs, updates=updates, target="interp").plan


def arrays_of(plan, sizes, rng):
    """Inputs of those sizes. Integers are indices: small enough for any axis but the first."""
    names = [s.name for s in plan.sizes if s.value is None]
    known = dict(zip(names, (*sizes, *sizes[-1:] * len(names)), strict=False))
    known |= {s.name: s.value for s in plan.sizes if s.value is not None}
    for check in (c for c in plan.size_checks if c.relation == "=="):
        for one, other in ((check.left, check.right), (check.right, check.left)):
            if str(one) in known:
                known[str(one)] = size_value(other, known)
    bounds = {c.buffer: size_value(c.bound, known) for c in plan.index_checks}
    arrays = []
    for k in plan.inputs:
        buffer, shape = plan.buffers[k], plan.shape(k, known)
        if "int" in buffer.dtype:
            high = bounds.get(k, 1 << 40)
            arrays.append(rng.integers(-high if k in bounds else 0, high, shape))
        else:
            arrays.append(rng.normal(size=shape) ** 2 + 0.5)
    return arrays
