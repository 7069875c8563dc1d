"""Rows of variables of numbers that PyMC has by other parameters."""

from __future__ import annotations

from probtensor import ops
from probtensor.graph import Node
from probtensor.interop.pymc.variables import patterns
from probtensor.interop.pymc.variables.reading import Reading, Row, either, is_literal
from probtensor.interop.pytensor.translate import value_by_literals


def _half_normal(r: Reading) -> Node | None:
    loc, sigma = r.nodes()
    return r.made("half_normal", sigma) if is_literal(loc, 0) else None


def _exponential(r: Reading) -> Node | None:
    (scale,) = r.parameters
    rate = patterns.argument(scale, "Reciprocal")
    if rate is None:
        return r.made("exponential", scale=r.node(scale))
    return r.made("exponential", r.node(rate))


def _gamma(r: Reading) -> Node | None:
    alpha, scale = r.parameters
    rate = patterns.argument(scale, "Reciprocal")
    shape, rate = r.node(alpha), 1 / r.node(scale) if rate is None else r.node(rate)
    moments = moments_of_gamma(shape, rate)
    if moments is None:
        return r.made("gamma", shape, rate)
    return r.made("gamma", mu=moments[0], sigma=moments[1])


def moments_of_gamma(shape: Node, rate: Node) -> tuple[Node, Node] | None:
    """Mean and standard deviation, of which PyMC makes mu**2 / sigma**2 * sign(sigma) and
    mu / sigma**2."""
    if not isinstance(shape.op, ops.Mul) or not isinstance(rate.op, ops.Div):
        return None
    for ratio, sign in (shape.inputs, shape.inputs[::-1]):
        if not isinstance(ratio.op, ops.Div) or not isinstance(sign.op, ops.Sign):
            continue
        mu, (sigma,) = rate.inputs[0], sign.inputs
        squares = ratio.inputs
        if squares[0] is ops.square(mu) and squares[1] is ops.square(sigma) is rate.inputs[1]:
            return mu, sigma
    return None


def _truncated_normal(r: Reading) -> Node | None:
    mu, sigma, lower, upper = r.nodes()
    return r.made("truncated_normal", mu, sigma, bound(lower), bound(upper))


def bound(x: Node) -> Node | None:
    """A bound, None for one that is infinite everywhere."""
    array = value_by_literals(x)
    infinite = array is not None and (abs(array) == float("inf")).all()
    return None if infinite else x


def _bernoulli(r: Reading) -> Node | None:
    return either(r, r.parameters[0], "bernoulli")


def _binomial(r: Reading) -> Node | None:
    n, p = r.parameters
    return either(r, p, "binomial", n=r.node(n))


def _beta_binomial(r: Reading) -> Node | None:
    n, alpha, beta = r.nodes()
    return r.made("beta_binomial", n, alpha, beta)


def _negative_binomial(r: Reading) -> Node | None:
    n, p = r.parameters
    mu = patterns.mean_of_counts(n, p)
    if mu is None:
        return r.made("negative_binomial", n=r.node(n), p=r.node(p))
    return r.made("negative_binomial", r.node(mu), r.node(n))


def _categorical(r: Reading) -> Node | None:
    (p,) = r.parameters
    logits = patterns.softmax_argument(p)
    if logits is not None:
        return r.made("categorical", logit_p=r.node(logits))
    for link in ("logistic", "probit"):
        parts = patterns.ordered_parts(p, link)
        if parts is not None:
            return r.made(f"ordered_{link}", *map(r.tensor, parts))
    return r.made("categorical", r.node(p))


def _rice(r: Reading) -> Node | None:
    """PyMC's graph has b = nu / sigma."""
    b, sigma = r.parameters
    ratio = patterns.arguments(b, "TrueDiv")
    if ratio and patterns.same(ratio[1], sigma):
        return r.made("rice", r.node(ratio[0]), r.node(sigma))
    return r.made("rice", b=r.node(b), sigma=r.node(sigma))


def _interpolated(r: Reading) -> Node | None:
    x, pdf, _ = r.nodes()
    return r.made("interpolated", x, pdf)


ROWS: dict[str, Row] = {
    "HalfNormalRV": _half_normal,
    "ExponentialRV": _exponential,
    "GammaRV": _gamma,
    "TruncatedNormalRV": _truncated_normal,
    "BernoulliRV": _bernoulli,
    "BinomialRV": _binomial,
    "BetaBinomialRV": _beta_binomial,
    "NegBinomialRV": _negative_binomial,
    "CategoricalRV": _categorical,
    "RiceRV": _rice,
    "InterpolatedRV": _interpolated,
}
