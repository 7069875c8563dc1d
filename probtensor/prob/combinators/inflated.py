"""Zero-inflated and hurdle distributions."""

from __future__ import annotations

from collections.abc import Mapping

from probtensor.calls import line_text, public
from probtensor.graph import GraphError, Node
from probtensor.graph.node import TensorLike
from probtensor.prob.combinators.parts import Dims, Part, Shape, of_dtype, part_of, variable_of
from probtensor.prob.distributions.combined.inflated import AboveZero, Inflated
from probtensor.prob.distributions.combined.parts import Combined
from probtensor.prob.distributions.continuous.positive import Gamma, LogNormal
from probtensor.prob.distributions.declared import parameters_of
from probtensor.prob.distributions.discrete import Binomial, NegativeBinomial, Poisson
from probtensor.prob.distributions.distribution import Distribution
from probtensor.prob.distributions.parameters import exactly_one, variable_text


@public
def zero_inflated(psi=None, dist=None, *, gate=None, shape: Shape = None, name: str | None = None,
                  dims: Dims = None) -> Node:  # fmt: skip
    """With probability `psi` a value of `dist`, else 0: whole numbers with more zeros than `dist`
    has. `gate=` gives 1 - psi, the probability of the zeros that are added.

    dist: an unnamed random variable of whole numbers, such as `pt.random.poisson(3.0)`

    Support: that of dist, and 0.
    Mean: psi * m, where m is the mean of dist.
    Variance: psi * (v + (1 - psi) * m**2), where v is the variance of dist.
    Source: Lambert (1992), "Zero-Inflated Poisson Regression", Technometrics 34:1.
    Returns a random variable, an int64 tensor. Raises ValueError for a literal parameter outside
    its range, GraphError for a dist that is named, used elsewhere or of real numbers.

        >>> y = pt.random.zero_inflated(0.8, pt.random.geometric(0.5))
        >>> pt.logp(y, [0, 1]).eval().round(6)
        array([-1.609438, -0.916291])
    """
    what = variable_text("zero_inflated", name)
    part = part_of(dist, f"dist of {what}")
    if not part.distribution.over.discrete:
        raise GraphError(
            f"dist of {what} is of real numbers ({part.distribution.name}), which are 0 with "
            f"probability 0\n  at {line_text()}\n  a 0 or a value of it is pt.random.hurdle(psi, "
            "dist)"
        )
    return _inflated("zero_inflated", psi, gate, part, "dist.", shape, name, dims)


@public
def hurdle(psi=None, dist=None, *, gate=None, shape: Shape = None, name: str | None = None,
           dims: Dims = None) -> Node:  # fmt: skip
    """With probability `psi` a value of `dist` that is not 0, else 0. Counts are those of `dist`
    given that they are above 0. `gate=` gives 1 - psi, the probability of 0.

    dist: an unnamed random variable, of real numbers or of counts from 0 on

    Of real numbers the density at 0 is the probability 1 - psi, and elsewhere psi times that of
    dist; such a variable can be observed and drawn, and not be a free variable of a model.

    Support: that of dist, and 0.
    Mean: psi * m, where m is the mean of dist given that it is not 0.
    Variance: psi * (v + (1 - psi) * m**2), where v is its variance.
    Source: Mullahy (1986), "Specification and testing of some modified count data models",
    J. Econometrics 33:341.
    Returns a random variable, a tensor of the kind of dist. Raises ValueError for a literal
    parameter outside its range, GraphError for a dist that is named, used elsewhere, or of whole
    numbers that may be below 0.

        >>> y = pt.random.hurdle(0.4, pt.random.gamma(2.0, 1.0))
        >>> pt.logp(y, [0.0, 1.0]).eval().round(6)
        array([-0.510826, -1.916291])
    """
    part = part_of(dist, f"dist of {variable_text('hurdle', name)}")
    return _inflated("hurdle", psi, gate, _without_zero("hurdle", name, part), "dist.", shape, name,
                     dims)  # fmt: skip


@public
def zero_inflated_poisson(psi=None, mu=None, *, gate=None, shape: Shape = None,
                          name: str | None = None, dims: Dims = None) -> Node:  # fmt: skip
    """Poisson with mean `mu` with probability `psi`, else 0; `gate=` gives 1 - psi.

    Support: 0, 1, 2, ...
    Mean: psi * mu.
    Variance: psi * mu * (1 + (1 - psi) * mu).
    Source: Lambert (1992), "Zero-Inflated Poisson Regression", Technometrics 34:1.
    Returns a random variable, an int64 tensor. Raises ValueError for a literal parameter outside
    its range, TypeError for too few parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.zero_inflated_poisson(0.7, 3.0), draws=5, seed=1).shape
        (5,)
    """
    return _named("zero_inflated_poisson", Poisson, psi, gate, {"mu": mu}, shape, name, dims)


@public
def zero_inflated_binomial(psi=None, n=None, p=None, *, logit_p=None, gate=None,
                           shape: Shape = None, name: str | None = None,
                           dims: Dims = None) -> Node:  # fmt: skip
    """Successes among `n` of probability `p`, or sigmoid(logit_p), with probability `psi`, else 0;
    `gate=` gives 1 - psi.

    Support: 0, 1, ..., n.
    Mean: psi * n * p.
    Variance: psi * n * p * (1 - p + (1 - psi) * n * p).
    Source: Hall (2000), "Zero-Inflated Poisson and Binomial Regression", Biometrics 56:1030.
    Returns a random variable, an int64 tensor. Raises ValueError for a literal parameter outside
    its range, TypeError for too few parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.zero_inflated_binomial(0.7, 10, 0.3), draws=5, seed=1).shape
        (5,)
    """
    given = {"n": n, "p": p, "logit_p": logit_p}
    return _named("zero_inflated_binomial", Binomial, psi, gate, given, shape, name, dims)


@public
def zero_inflated_negative_binomial(psi=None, mu=None, alpha=None, *, n=None, p=None, gate=None,
                                    shape: Shape = None, name: str | None = None,
                                    dims: Dims = None) -> Node:  # fmt: skip
    """Negative binomial with mean `mu` and variance mu + mu**2 / alpha, or of failures before `n`
    successes of probability `p`, with probability `psi`, else 0; `gate=` gives 1 - psi.

    Support: 0, 1, 2, ...
    Mean: psi * mu.
    Variance: psi * (mu + mu**2 / alpha + (1 - psi) * mu**2).
    Source: Cameron and Trivedi (2013), "Regression Analysis of Count Data", 4.4.
    Returns a random variable, an int64 tensor. Raises ValueError for a literal parameter outside
    its range, TypeError for too few parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.zero_inflated_negative_binomial(0.7, 3.0, 2.0), draws=5, seed=1).shape
        (5,)
    """
    given = {"mu": mu, "alpha": alpha, "n": n, "p": p}
    return _named("zero_inflated_negative_binomial", NegativeBinomial, psi, gate, given, shape,
                  name, dims)  # fmt: skip


@public
def hurdle_poisson(psi=None, mu=None, *, gate=None, shape: Shape = None, name: str | None = None,
                   dims: Dims = None) -> Node:  # fmt: skip
    """With probability `psi` a count above 0, Poisson with mean `mu` given that it is above 0, else
    0; `gate=` gives 1 - psi.

    Support: 0, 1, 2, ...
    Mean: psi * mu / (1 - exp(-mu)).
    Variance: psi * (mu + mu**2) / (1 - exp(-mu)) - mean**2.
    Source: Mullahy (1986), "Specification and testing of some modified count data models",
    J. Econometrics 33:341.
    Returns a random variable, an int64 tensor. Raises ValueError for a literal parameter outside
    its range, TypeError for too few parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.hurdle_poisson(0.7, 3.0), draws=5, seed=1).shape
        (5,)
    """
    return _named("hurdle_poisson", Poisson, psi, gate, {"mu": mu}, shape, name, dims)


@public
def hurdle_negative_binomial(psi=None, mu=None, alpha=None, *, n=None, p=None, gate=None,
                             shape: Shape = None, name: str | None = None,
                             dims: Dims = None) -> Node:  # fmt: skip
    """With probability `psi` a count above 0, negative binomial as `pt.random.negative_binomial`
    with these parameters given that it is above 0, else 0; `gate=` gives 1 - psi.

    Support: 0, 1, 2, ...
    Mean: psi * mu / s, where s = 1 - (alpha / (mu + alpha))**alpha.
    Variance: psi * (mu + mu**2 / alpha + mu**2) / s - mean**2.
    Source: Cameron and Trivedi (2013), "Regression Analysis of Count Data", 4.3.
    Returns a random variable, an int64 tensor. Raises ValueError for a literal parameter outside
    its range, TypeError for too few parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.hurdle_negative_binomial(0.7, 3.0, 2.0), draws=5, seed=1).shape
        (5,)
    """
    given = {"mu": mu, "alpha": alpha, "n": n, "p": p}
    return _named("hurdle_negative_binomial", NegativeBinomial, psi, gate, given, shape, name, dims)


@public
def hurdle_gamma(psi=None, alpha=None, beta=None, *, mu=None, sigma=None, gate=None,
                 shape: Shape = None, name: str | None = None,
                 dims: Dims = None) -> Node:  # fmt: skip
    """With probability `psi` gamma with shape `alpha` and rate `beta`, or with mean `mu` and
    standard deviation `sigma`, else 0; `gate=` gives 1 - psi. It can be observed and drawn.

    Support: x >= 0, with a positive probability of 0.
    Mean: psi * alpha / beta.
    Variance: psi * (alpha + (1 - psi) * alpha**2) / beta**2.
    Source: Aitchison (1955), "On the Distribution of a Positive Random Variable Having a Discrete
    Probability Mass at the Origin", JASA 50:901.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.hurdle_gamma(0.7, 2.0, 1.0), draws=5, seed=1).shape
        (5,)
    """
    given = {"alpha": alpha, "beta": beta, "mu": mu, "sigma": sigma}
    return _named("hurdle_gamma", Gamma, psi, gate, given, shape, name, dims)


@public
def hurdle_log_normal(psi=None, mu=None, sigma=None, *, gate=None, shape: Shape = None,
                      name: str | None = None, dims: Dims = None) -> Node:  # fmt: skip
    """With probability `psi` log-normal, where `mu` and `sigma` are the mean and the standard
    deviation of the logarithm, else 0; `gate=` gives 1 - psi. It can be observed and drawn.

    Support: x >= 0, with a positive probability of 0.
    Mean: psi * exp(mu + sigma**2 / 2).
    Variance: psi * (exp(sigma**2) - psi) * exp(2 * mu + sigma**2).
    Source: Aitchison (1955), "On the Distribution of a Positive Random Variable Having a Discrete
    Probability Mass at the Origin", JASA 50:901.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.hurdle_log_normal(0.7, 0.0, 1.0), draws=5, seed=1).shape
        (5,)
    """
    given = {"mu": mu, "sigma": sigma}
    return _named("hurdle_log_normal", LogNormal, psi, gate, given, shape, name, dims)


def _named(
    label: str, kind: type[Distribution], psi: TensorLike, gate: TensorLike,
    given: Mapping[str, TensorLike], shape: Shape, name: str | None, dims: Dims,
) -> Node:  # fmt: skip
    """A variable of one distribution, whose parameters have their own names."""
    given = {key: value for key, value in given.items() if value is not None}
    found, values = parameters_of(kind, given, name, label)
    part = Part(found(), tuple(values), (), ())
    if label.startswith("hurdle"):
        part = _without_zero(label, name, part)
    return _inflated(label, psi, gate, part, "", shape, name, dims)


def _without_zero(label: str, name: str | None, part: Part) -> Part:
    """A part that is never 0."""
    distribution = part.distribution
    if not distribution.discrete:
        return part
    low = distribution.over.low
    if low < 0:
        raise GraphError(
            f"dist of {variable_text(label, name)} may be below 0 ({distribution.name})\n  at "
            f"{line_text()}\n  give a distribution of counts, or pt.random.zero_inflated"
        )
    if low > 0:
        return part
    above = AboveZero(distribution.name, (distribution,), ("",), part.absorbed)
    return Part(above, part.inputs, part.batch, part.absorbed)


def _inflated(
    label: str, psi: TensorLike, gate: TensorLike, part: Part, prefix: str, shape: Shape,
    name: str | None, dims: Dims,
) -> Node:  # fmt: skip
    """The variable of a part with a point mass at 0."""
    gated = exactly_one(variable_text(label, name), psi=psi, gate=gate) == "gate"
    given: Combined = Inflated(label, (part.distribution,), (prefix,), part.absorbed, gated)
    values = (of_dtype(gate if gated else psi, [part]), *part.inputs)
    return variable_of(given, values, [part.batch], shape, name, dims)
