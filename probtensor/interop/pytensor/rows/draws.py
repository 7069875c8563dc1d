"""Random variables: draws by the streams of this library.

A generator of PyTensor is a uint64 key here. Where it is not given, as in `translate`, a random
variable becomes one of `pt.random`, which `pt.draw` and the seed of a function decide.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from probtensor import ops
from probtensor.graph import Const, GraphError, Node, as_tensor
from probtensor.graph.sizes import size_of_value
from probtensor.interop.pytensor.translate import Translator, number, row, sizes_of, wide
from probtensor.late import late
from probtensor.transform.draws import lower_draws
from probtensor.types import Size, broadcast_shapes

random = late("probtensor.prob.random")


def _shifted(name: str) -> Callable[..., Node]:
    """loc + a positive variable of this scale."""
    return lambda loc, scale: loc + getattr(random, name)(scale)


def _triangular(low: Node, mode: Node, high: Node) -> Node:
    return random.triangular(low, mode, high)


# The class of the op -> a random variable, given the parameters of the op.
DRAWS: dict[str, Callable[..., Node]] = {
    "UniformRV": lambda low, high: random.uniform(low, high),
    "TriangularRV": _triangular,
    "BetaRV": lambda alpha, beta: random.beta(alpha, beta),
    "NormalRV": lambda mu, sigma: random.normal(mu, sigma),
    "HalfNormalRV": _shifted("half_normal"),
    "HalfCauchyRV": _shifted("half_cauchy"),
    "LogNormalRV": lambda mu, sigma: random.log_normal(mu, sigma),
    "GammaRV": lambda alpha, scale: random.gamma(alpha, 1 / scale),
    "ParetoRV": lambda alpha, m: random.pareto(alpha, m),
    "GumbelRV": lambda mu, beta: random.gumbel(mu, beta),
    "ExponentialRV": lambda scale: random.exponential(scale=scale),
    "WeibullRV": lambda alpha: random.weibull(alpha, 1.0),
    "LogisticRV": lambda mu, s: random.logistic(mu, s),
    "VonMisesRV": lambda mu, kappa: random.von_mises(mu, kappa),
    "PoissonRV": lambda mu: random.poisson(mu),
    "GeometricRV": lambda p: random.geometric(p),
    "HyperGeometricRV": lambda good, bad, n: random.hypergeometric(good + bad, good, n),
    "CauchyRV": lambda alpha, beta: random.cauchy(alpha, beta),
    "InvGammaRV": lambda alpha, beta: random.inverse_gamma(alpha, beta),
    "WaldRV": lambda mu, lam, alpha=0.0: random.wald(mu, lam, alpha),
    "TruncExponentialRV": lambda b, loc, scale: loc + scale * _truncated_exponential(b),
    "StudentTRV": lambda nu, mu, sigma: random.student_t(nu, mu, sigma),
    "BernoulliRV": lambda p: random.bernoulli(p),
    "LaplaceRV": lambda mu, b: random.laplace(mu, b),
    "BinomialRV": lambda n, p: random.binomial(n, p),
    "NegBinomialRV": lambda n, p: random.negative_binomial(n=n, p=p),
    "BetaBinomialRV": lambda n, alpha, beta: random.beta_binomial(n, alpha, beta),
    "GenGammaRV": lambda alpha, p, lambd: random.generalized_gamma(alpha, p, lambd),
    "IntegersRV": lambda low, high: random.discrete_uniform(low, high - 1),
    "CategoricalRV": lambda p: random.categorical(p),
    "DirichletRV": lambda alpha: random.dirichlet(alpha),
    "MultinomialRV": lambda n, p: random.multinomial(n, p),
    "MvNormalRV": lambda mu, cov: random.multivariate_normal(mu, cov=cov),
    # Of PyMC.
    "TruncatedNormalRV": lambda mu, sigma, low, high: random.truncated_normal(
        mu, sigma, lower=low, upper=high
    ),
    "SkewNormalRV": lambda mu, sigma, alpha: random.skew_normal(mu, sigma, alpha),
    "SkewStudentTRV": lambda a, b, mu, sigma: random.skew_student_t(a, b, mu, sigma),
    "RiceRV": lambda b, sigma: random.rice(b * sigma, sigma),
    "MoyalRV": lambda mu, sigma: random.moyal(mu, sigma),
    "PolyaGammaRV": lambda h, z: random.polya_gamma(h, z),
    "DiscreteUniformRV": lambda low, high: random.discrete_uniform(low, high),
    "MatrixNormalRV": lambda mu, rows, columns: random.matrix_normal(mu, rows, columns),
}  # fmt: skip


def _truncated_exponential(b: Node) -> Node:
    """The exponential distribution below `b`, by its quantiles."""
    return -ops.log1p(random.uniform(as_tensor(0.0), ops.ones(b.shape)) * ops.expm1(-b))


@row("RandomVariable")
def random_variable(
    t: Translator, apply: Any, key: Node | None, size: Node | None, *parameters: Node
) -> list[Node | None]:
    """A draw, and the key of what is drawn next."""
    op = apply.op
    found = SPECIAL.get(type(op).__name__)
    if found is None:
        names = [kind.__name__ for kind in type(op).__mro__ if kind.__name__ in DRAWS]
        if not names:
            raise GraphError(
                f"translate: draws of {op} ({type(op).__name__}) are not known here\n"
                "  draw it by another distribution, or give its value"
            )
        function, given = DRAWS[names[0]], _sized(op, size, parameters)
    else:
        function, given = lambda *xs: found(op, size, *xs), list(parameters)
    if key is None:
        return [None, function(*given).astype(wide(apply.outputs[1].type.dtype))]
    value = function(*given)
    first = ops.key_fold(key, np.uint64(0))
    (value,) = lower_draws([value], first, {x: x for x in given})
    following = ops.key_fold(key, np.uint64(1))
    return [following, value.astype(wide(apply.outputs[1].type.dtype))]


def _sized(op: Any, size: Node | None, parameters: tuple[Node, ...]) -> list[Node]:
    """The parameters, of which at least the first has all leading axes of the result: all that are
    numbers, as a draw may be of some of them alone."""
    axes = op.ndims_params
    if not any(axes):
        batch = broadcast_shapes(*(x.shape for x in parameters))
        batch = batch if size is None else tuple(map(_as_size, sizes_of(size)))
        return [ops.broadcast_to(x, batch) for x in parameters]
    if size is None:
        return list(parameters)
    first, *rest = parameters
    core = first.shape[first.ndim - axes[0] :]
    return [ops.broadcast_to(first, (*map(_as_size, sizes_of(size)), *core)), *rest]


def _as_size(n: Size | Node) -> Size:
    return size_of_value(n) if isinstance(n, Node) else n


def _permutation(op: Any, size: Node | None, x: Node) -> Node:
    """A random order of the first core axis."""
    axes = op.ndims_params[0]
    if not axes:
        x = ops.arange(number(x))
        axes = 1
    batch = x.shape[: x.ndim - axes] if size is None else tuple(map(_as_size, sizes_of(size)))
    n = x.shape[x.ndim - axes]
    order = ops.argsort(_uniforms((*batch, n)), axis=-1)
    return _entries(x, order, axes, batch)


def _uniforms(shape: tuple[Size, ...]) -> Node:
    return random.uniform(ops.zeros(shape), 1.0)


def _entries(x: Node, order: Node, axes: int, batch: tuple[Size, ...]) -> Node:
    """The entries of `x` along the first of its last axes, of each element of a batch in an order
    of its own."""
    rest = x.shape[x.ndim - axes + 1 :]
    x = ops.broadcast_to(x, (*batch, *x.shape[x.ndim - axes :]))
    order = order[(..., *[None] * (axes - 1))]
    order = ops.broadcast_to(order, (*order.shape[: len(batch) + 1], *rest))
    return ops.take_along_axis(x, order, axis=len(batch))


def _choice(op: Any, size: Node | None, a: Node, *rest: Node) -> Node:
    """Entries without replacement: those of the largest log p + g, with g standard Gumbel, are as
    if they were drawn one after the other in proportion to p."""
    *p, shape = rest
    if shape.ndim > 1:
        shape = shape[(0,) * (shape.ndim - 1)]
    wanted = tuple(map(_as_size, sizes_of(shape)))
    axes = op.ndims_params[0]
    if not axes and not isinstance(a.op, Const) and a.ndim:
        a = a[(0,) * a.ndim]
    table = a if axes else ops.arange(number(a))
    axes = max(axes, 1)
    batch = broadcast_shapes(table.shape[: table.ndim - axes], *(x.shape[:-1] for x in p))
    batch = batch if size is None else tuple(map(_as_size, sizes_of(size)))
    keys = -ops.log(-ops.log(_uniforms((*batch, table.shape[table.ndim - axes]))))
    keys = keys + ops.log(p[0]) if p else keys
    count = ops.prod(ops.stack(wanted)) if wanted else as_tensor(1)
    order = ops.argsort(-keys, axis=-1)[..., : number(count)]
    found = _entries(table, order, axes, batch)
    after = found.shape[len(batch) + 1 :]
    return ops.reshape(found, (*batch, *wanted, *after))


SPECIAL = {"PermutationRV": _permutation, "ChoiceWithoutReplacement": _choice}
