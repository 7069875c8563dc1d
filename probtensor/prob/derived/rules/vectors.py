"""Parts of vectors that sum to a number, and functions of random matrices.

Source: Kotz, Balakrishnan and Johnson, "Continuous Multivariate Distributions" (2000), chapter 49;
Gupta and Nagar, "Matrix Variate Distributions" (2000), chapter 3.
"""

from __future__ import annotations

from probtensor import ops
from probtensor.graph import Node
from probtensor.prob.derived.derivation import Derivation, NotDerived, remade
from probtensor.prob.derived.law import Law, Members, law_of_family
from probtensor.prob.distributions.continuous.bounded import Beta
from probtensor.prob.distributions.counts import BetaBinomial
from probtensor.prob.distributions.discrete import Binomial
from probtensor.prob.distributions.multivariate.covariances import (
    InverseWishart,
    InverseWishartFactor,
    Wishart,
    WishartFactor,
)
from probtensor.prob.distributions.multivariate.shares import Dirichlet
from probtensor.prob.distributions.multivariate.tallies import DirichletMultinomial, Multinomial


def derive_part(d: Derivation, node: Node) -> Law | None:
    """Entries of a vector of shares, and one entry of a vector of tallies."""
    if d.is_given(node.inputs[0]):
        return None
    law = d.law(node.inputs[0])
    if law.family is None or not law.family.of(Dirichlet, Multinomial, DirichletMultinomial):
        return None
    op, last = node.op, law.ndim - 1
    if any(op.sizes[k] != n for k, n in enumerate(law.shape[:last])):
        raise NotDerived("rows of several vectors are selected together with entries", node)
    if law.family.of(Dirichlet):
        return _shares(node, law)
    if op.sizes[last] != 1:
        raise NotDerived("several entries of tallies are selected", node, "select one")
    n, weights = law.family.parameters
    n, kept = n[..., None], remade(node, 0, ops.broadcast_to(weights, law.shape))
    found = Binomial(), (n, kept)
    if law.family.of(DirichletMultinomial):
        rest = ops.sum(weights, axis=-1, keepdims=True) - kept
        found = BetaBinomial(), (n, kept, rest)
    return law_of_family(*found, node.shape, node.dtype, None, dict.fromkeys(law.sources))


def _shares(node: Node, law: Law) -> Law:
    """Entries of a dirichlet vector: one is beta, several have a density with the rest."""
    (alpha,) = law.family.parameters
    alpha = ops.broadcast_to(alpha, law.shape)
    whole = ops.sum(alpha, axis=-1, keepdims=True)
    op, last = node.op, law.ndim - 1
    kept = remade(node, 0, alpha)
    if op.sizes[last] == 1:
        distribution = Beta()
        sources = dict.fromkeys(law.sources)
        found = law_of_family(distribution, (kept, whole - kept), node.shape, node.dtype, None,
                              sources)  # fmt: skip
        return found
    rest = whole - ops.sum(kept, axis=-1, keepdims=True)

    def density(x: Node) -> Node:
        last_one = 1 - ops.sum(x, axis=-1, keepdims=True)
        both = ops.concatenate([kept, rest], axis=-1)
        return Dirichlet().logpdf(ops.concatenate([x, last_one], axis=-1), both)

    def inside(x: Node) -> Node:
        return ops.all(x > 0, axis=-1) & (ops.sum(x, axis=-1) < 1)

    support = Members(inside, "a vector of positive numbers with a sum below 1", event_ndim=1)
    return Law(node.shape, node.dtype, density, support, dict.fromkeys(law.sources), event=(last,))


def derive_inverse(d: Derivation, node: Node) -> Law | None:
    """The inverse of a Wishart matrix is inverse Wishart, and the other way round."""
    law = d.law(node.inputs[0])
    family = law.family
    if family is None or not family.of(Wishart, InverseWishart):
        raise NotDerived("inverses of wishart and inverse_wishart matrices are derived", node)
    nu, scale = family.parameters
    size = scale.shape[-1]
    root = ops.solve_triangular(ops.tril(scale), ops.eye(size, dtype=scale.dtype), lower=True)
    inverse = ops.cholesky(ops.matrix_transpose(root) @ root)
    other = InverseWishart() if family.of(Wishart) else Wishart()
    return law_of_family(other, (nu, inverse), node.shape, node.dtype, like=law)


def derive_factor(d: Derivation, node: Node) -> Law | None:
    """The Cholesky factor of a Wishart or inverse Wishart matrix."""
    law = d.law(node.inputs[0])
    family = law.family
    if family is None or not family.of(Wishart, InverseWishart):
        raise NotDerived("factors of wishart and inverse_wishart matrices are derived", node)
    factor = WishartFactor() if family.of(Wishart) else InverseWishartFactor()
    return law_of_family(factor, family.parameters, node.shape, node.dtype, like=law)
