"""Regressions beside the generalized linear model functions of Stan (`bernoulli_logit_glm`, ...).

    python -m tests.bench.glm [names] [--rounds 5]

Stan has a function of its own for each, with value and gradient by hand; here the density is
written with `X @ beta`, and fusion makes one pass over X of it. 5,000 rows, 20 columns. A figure is
the median over rounds of the fastest call of value and gradient from Python, in microseconds, on
one core. The log densities must have the same difference between two points.
"""

import importlib.util
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

import probtensor as pt
from tests.bench.linalg import print_measured

ROWS, COLUMNS = 5000, 20
R = pt.random


def bernoulli_logit(mean, rng):
    return R.bernoulli(logit_p=mean), rng.integers(0, 2, ROWS)


def poisson_log(mean, rng):
    return R.poisson(pt.exp(mean)), rng.poisson(1.0, ROWS)


def neg_binomial_2_log(mean, rng):
    phi = R.exponential(1.0, name="phi")
    return R.negative_binomial(mu=pt.exp(mean), alpha=phi), rng.poisson(rng.gamma(1, 1, ROWS))


def normal_id(mean, rng):
    sigma = R.exponential(1.0, name="sigma")
    return R.normal(mean, sigma), rng.normal(size=ROWS)


def ordered_logistic(mean, rng):
    cuts = R.normal(0, 1, shape=3, name="cuts", constraint=pt.ordered())
    return R.ordered_logistic(mean, cuts), rng.integers(0, 4, ROWS)


def categorical_logit(mean, rng):
    return R.categorical(logit_p=mean), rng.integers(0, 4, ROWS)


MODELS = {
    "bernoulli_logit": bernoulli_logit,
    "poisson_log": poisson_log,
    "neg_binomial_2_log": neg_binomial_2_log,
    "normal_id": normal_id,
    "ordered_logistic": ordered_logistic,
    "categorical_logit": categorical_logit,
}
# Further parameters and their priors, and the arguments behind x of the function of Stan.
STAN = {
    "bernoulli_logit": ("", "", "alpha, beta"),
    "poisson_log": ("", "", "alpha, beta"),
    "neg_binomial_2_log": ("real<lower=0> phi;", "phi ~ exponential(1);", "alpha, beta, phi"),
    "normal_id": ("real<lower=0> sigma;", "sigma ~ exponential(1);", "alpha, beta, sigma"),
    "ordered_logistic": ("ordered[3] cuts;", "cuts ~ normal(0, 1);", "beta, cuts"),
    "categorical_logit": ("", "", "alpha, beta"),
}
PROGRAM = """
data {{
  int N, D;
  matrix[N, D] x;
  {outcome} y;
}}
parameters {{
  {parameters}
}}
model {{
  {priors}
  y ~ {name}_glm(x, {arguments});
}}
"""
WHOLE = ("ordered_logistic", "categorical_logit")  # whose outcomes are numbered from 1


def sizes(name):
    """The shapes of the intercept, if there is one, and of the slopes."""
    if name == "categorical_logit":
        return (4,), (COLUMNS, 4)
    return (None if name == "ordered_logistic" else ()), (COLUMNS,)


def program(name):
    """The Stan program of a regression."""
    more, prior, arguments = STAN[name]
    outcome = "vector[N]" if name == "normal_id" else "array[N] int"
    parameters, priors = ["vector[D] beta;"], ["beta ~ normal(0, 1);"]
    if name == "categorical_logit":
        parameters = ["vector[4] alpha;", "matrix[D, 4] beta;"]
        priors = ["alpha ~ normal(0, 1);", "to_vector(beta) ~ normal(0, 1);"]
    elif name != "ordered_logistic":
        parameters.insert(0, "real alpha;")
        priors.insert(0, "alpha ~ normal(0, 1);")
    return PROGRAM.format(
        outcome=outcome, name=name, arguments=arguments,
        parameters="\n  ".join([*parameters, more]), priors="\n  ".join([*priors, prior]),
    )  # fmt: skip


def ours(name, x):
    """(the posterior, the outcomes) of a regression."""
    first, slopes = sizes(name)
    alpha = R.normal(0, 1, shape=first, name="alpha") if first is not None else 0.0
    beta = R.normal(0, 1, shape=slopes, name="beta")
    rng = np.random.default_rng(2)
    variable, y = MODELS[name](alpha + pt.data(x, name="x") @ beta, rng)
    return pt.condition({variable: y}, target="cython"), y


def calls(name):
    """{library: value and gradient at one point}, after a comparison of the densities."""
    x = np.random.default_rng(1).normal(size=(ROWS, COLUMNS)) / COLUMNS
    posterior, y = ours(name, x)
    functions = {"probtensor": posterior.logp_and_grad}
    if importlib.util.find_spec("stanli"):
        import stanli

        data = {"N": ROWS, "D": COLUMNS, "x": x, "y": y + (name in WHOLE)}
        model = stanli.Model(stan_code=program(name), data=data)
        functions["stanli"] = model.log_prob_grad
    else:
        print("  stanli is not installed: make bench")
    points = [np.full(posterior.dim, at) for at in (0.1, 0.2)]
    changes = [float(f(points[1])[0]) - float(f(points[0])[0]) for f in functions.values()]
    np.testing.assert_allclose(changes, changes[0], 1e-8)
    return {key: lambda f=f, q=points[0]: f(q) for key, f in functions.items()}


def main():
    print_measured("tests.bench.glm", __doc__, MODELS, calls)


if __name__ == "__main__":
    main()
