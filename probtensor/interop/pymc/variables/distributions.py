"""Random variables of PyMC as those of `pt.random`: one table by the class of the op.

A row is a function of a `Reading`, which has the parameters of the variable as PyMC's graph keeps
them: Exponential by its scale, Gamma by shape and scale, NegativeBinomial by n and p. `NAMED` are
the rows of functions that take the same parameters in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from probtensor.calls import public
from probtensor.graph import GraphError, Node
from probtensor.interop.pymc.variables import combined, scalars, vectors
from probtensor.interop.pymc.variables.reading import Reading, Row, variable_by
from probtensor.interop.pytensor.translate import Translator

Variable = Any  # of PyTensor
NAMED = {
    "AsymmetricLaplaceRV": "asymmetric_laplace(b, kappa, mu)",
    "BetaRV": "beta(alpha, beta)",
    "CauchyRV": "cauchy(mu, sigma)",
    "DiracDeltaRV": "dirac_delta(c)",
    "DirichletMultinomialRV": "dirichlet_multinomial(n, alpha)",
    "DirichletRV": "dirichlet(alpha)",
    "DiscreteUniformRV": "discrete_uniform(lower, upper)",
    "DiscreteWeibullRV": "discrete_weibull(q, beta)",
    "ExGaussianRV": "ex_gaussian(mu, sigma, nu)",
    "FlatRV": "flat()",
    "GeometricRV": "geometric(p)",
    "GumbelRV": "gumbel(mu, beta)",
    "HalfCauchyRV": "half_cauchy(sigma)",
    "HalfFlatRV": "half_flat()",
    "HalfStudentTRV": "half_student_t(nu, sigma)",
    "HyperGeometricRV": "hypergeometric(ngood, nbad, nsample)",
    "InvGammaRV": "inverse_gamma(alpha, beta)",
    "KumaraswamyRV": "kumaraswamy(a, b)",
    "LaplaceRV": "laplace(mu, b)",
    "LogNormalRV": "log_normal(mu, sigma)",
    "LogisticRV": "logistic(mu, s)",
    "MoyalRV": "moyal(mu, sigma)",
    "NormalRV": "normal(mu, sigma)",
    "ParetoRV": "pareto(alpha, m)",
    "PoissonRV": "poisson(mu)",
    "PolyaGammaRV": "polya_gamma(h, z)",
    "SkewNormalRV": "skew_normal(mu, sigma, alpha)",
    "SkewStudentTRV": "skew_student_t(a, b, mu, sigma)",
    "StudentTRV": "student_t(nu, mu, sigma)",
    "TriangularRV": "triangular(lower, c, upper)",
    "UniformRV": "uniform(low, high)",
    "VonMisesRV": "von_mises(mu, kappa)",
    "WaldRV": "wald(mu, lam, alpha)",
    "WeibullBetaRV": "weibull(alpha, beta)",
}


def _named(call: str) -> Row:
    """The row of a function whose parameters have these names in PyMC's order."""
    name, _, rest = call.partition("(")
    labels = [label for label in rest.rstrip(")").split(", ") if label]

    def own_row(r: Reading) -> Node | None:
        return r.made(name, **dict(zip(labels, r.nodes(), strict=True)))

    return own_row


ROWS: dict[str, Row] = {
    **{kind: _named(call) for kind, call in NAMED.items()},
    **scalars.ROWS,
    **vectors.ROWS,
    **combined.ROWS,
}


@public(name="interop.pymc.variables.distributions.distribution_of")
def distribution_of(
    translator: Translator,
    rv: Variable,
    *,
    name: str | None = None,
    shape: Sequence[int] | None = None,
) -> Node | None:
    """A random variable of PyMC as one of `pt.random`, or None where there is no counterpart.

    translator  the translator of the graph that `rv` is in, which knows the variables of the model
                that the parameters of `rv` depend on
    rv          a random variable of PyMC
    name        the name of the variable; None for one without a name, as a part of others
    shape       the shape of a value, by default that of `rv` where it is known

    Returns a random variable, a float tensor or an int64 tensor, with the density of `rv` for all
    values of the parameters; or None, also where parameters have no translation or are literals out
    of their range: what is wrong with these, the translation of the graph of the density says.

        >>> import pymc as pm  # doctest: +SKIP
        >>> rv = pm.Normal.dist(0.0, 2.0, shape=3)  # doctest: +SKIP
        >>> distribution_of(Translator({}), rv).op  # doctest: +SKIP
        normal
    """
    sizes = None if shape is None else tuple(shape)
    try:
        return variable_by(ROWS, translator, rv, name, sizes)
    except (GraphError, ValueError):
        return None  # what the graph of the density takes, or says why it does not
