"""Parts of vectors that sum to a number, and functions of random matrices.

Source: Kotz, Balakrishnan and Johnson, "Continuous Multivariate Distributions" (2000), chapter 49;
Gupta and Nagar, "Matrix Variate Distributions" (2000), chapter 3.
"""

from __future__ import annotations

import math

import numpy as np

from probtensor import ops
from probtensor.dataclass import replace
from probtensor.graph import Node, as_tensor
from probtensor.graph.node import make
from probtensor.prob.derived.derivation import (
    Derivation,
    NotDerived,
    literal_value,
    remade,
    require_shape,
)
from probtensor.prob.derived.law import (
    Family,
    Law,
    Members,
    independent,
    joined_sources,
    law_of_family,
    literal_like,
)
from probtensor.prob.derived.rules.elementwise import Monotone, image_law
from probtensor.prob.derived.rules.families import as_gamma, equal
from probtensor.prob.distributions.continuous.bounded import Beta
from probtensor.prob.distributions.continuous.positive import Gamma, InverseGamma
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
from probtensor.prob.distributions.support import Interval
from probtensor.rules.arithmetic.sums import is_constant_along


def derive_part(d: Derivation, node: Node) -> Law | None:
    """Entries of a vector of shares, and one entry of a vector of tallies."""
    if d.is_given(node.inputs[0]):
        return None
    law = d.law(node.inputs[0])
    if law.family is None or not law.family.of(Dirichlet, Multinomial, DirichletMultinomial):
        return None
    op, last = node.op, law.ndim - 1
    if op.sizes[last] == law.shape[last] and op.steps[last] in (1, -1):
        return None
    if law.family.of(Dirichlet):
        return _shares(node, law)
    if op.sizes[last] != 1:
        raise NotDerived("several entries of tallies are selected", node, "select one")
    n, weights = law.family.parameters
    kept = remade(node, 0, ops.broadcast_to(weights, law.shape))
    n = _rows(op, ops.broadcast_to(n, law.shape[:-1]))[..., None]
    found = Binomial(), (n, kept)
    if law.family.of(DirichletMultinomial):
        whole = ops.sum(ops.broadcast_to(weights, law.shape), axis=-1)
        found = BetaBinomial(), (n, kept, _rows(op, whole)[..., None] - kept)
    return law_of_family(*found, node.shape, node.dtype, None, dict.fromkeys(law.sources))


def _rows(op: ops.Slice, x: Node) -> Node:
    """What a slice of vectors reads of a tensor that has a number for each vector."""
    return make(ops.Slice(op.starts[:-1], op.steps[:-1], op.sizes[:-1]), (x,)) if x.ndim else x


def _shares(node: Node, law: Law) -> Law:
    """Entries of a dirichlet vector: one is beta, several have a density with the rest."""
    (alpha,) = law.family.parameters
    alpha = ops.broadcast_to(alpha, law.shape)
    whole = _rows(node.op, ops.sum(alpha, axis=-1))[..., None]
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


# Random covariance matrices.


def _covariance(d: Derivation, node: Node) -> Family | None:
    """The family of a Wishart or inverse Wishart matrix; None for any other node."""
    if d.is_given(node):
        return None
    family = d.law(node).family
    return family if family is not None and family.of(Wishart, InverseWishart) else None


def derive_block(d: Derivation, node: Node) -> Law | None:
    """A block on the diagonal of a Wishart or inverse Wishart matrix is one, too; an entry of the
    diagonal has a gamma or inverse gamma distribution."""
    family = _covariance(d, node.inputs[0])
    if family is None:
        return None
    op, law = node.op, d.law(node.inputs[0])
    rows, columns = ((x[-2], x[-1]) for x in (op.starts, op.sizes))
    size = law.shape[-1]
    if (rows[0] != rows[1]) or columns[0] != columns[1] or op.steps[-2:] != (1, 1):
        raise NotDerived(
            "entries off the diagonal of a matrix are selected", node,
            "blocks on the diagonal are derived",
        )  # fmt: skip
    if columns[0] == size:
        return None
    nu, factor = family.parameters
    factor = ops.broadcast_to(ops.tril(factor), law.shape)
    outer = ops.Slice(op.starts[:-2], op.steps[:-2], op.sizes[:-2])
    nu = make(outer, (ops.broadcast_to(nu, law.shape[:-2]),)) if law.ndim > 2 else nu
    scale = remade(node, 0, factor @ ops.matrix_transpose(factor))
    if family.of(InverseWishart):
        nu = nu - as_tensor(size - columns[0]).astype(nu.dtype)
    sources = dict.fromkeys(law.sources)
    if columns[0] == 1:
        half = 0.5 * nu[..., None, None]
        found = Gamma(), (half, 0.5 / scale)
        if family.of(InverseWishart):
            found = InverseGamma(), (half, 0.5 * scale)
        return law_of_family(*found, node.shape, node.dtype, None, sources)
    parameters = nu, ops.cholesky(scale)
    kind = family.distribution
    return law_of_family(kind, parameters, node.shape, node.dtype, None, sources)


def derive_scaled(d: Derivation, node: Node) -> Law | None:
    """A Wishart or inverse Wishart matrix times, or divided by, a positive number."""
    position = 0 if not d.is_given(node.inputs[0]) else 1
    family = _covariance(d, node.inputs[position])
    if family is None or not d.is_given(node.inputs[1 - position]):
        return None
    c = node.inputs[1 - position]
    if isinstance(node.op, ops.Div) and position == 1:
        return None
    if c.shape and any(n != 1 for n in c.shape[-2:]):
        raise NotDerived("the entries of a covariance matrix have factors of their own", node)
    require_shape(d.law(node.inputs[position]), node)
    if not d.facts.bounds(c).positive:
        raise NotDerived("a covariance matrix has a factor not known to be positive", node)
    root = ops.sqrt(c.astype(node.dtype))
    root = 1 / root if isinstance(node.op, ops.Div) else root
    nu, factor = family.parameters
    parameters = nu, ops.tril(factor) * root
    return law_of_family(
        family.distribution, parameters, node.shape, node.dtype, d.law(node.inputs[position])
    )


def derive_sum_of_matrices(d: Derivation, node: Node) -> Law | None:
    """The sum of independent Wishart matrices with one scale is Wishart."""
    if any(map(d.is_given, node.inputs)):
        return None
    laws = [d.law(x) for x in node.inputs]
    families = [law.family for law in laws]
    if any(f is None or not f.of(Wishart) for f in families) or not independent(*laws):
        return None
    for law in laws:
        require_shape(law, node)
    (n, factor), (m, other) = (f.parameters for f in families)
    if not equal(factor, other, d.facts):
        raise NotDerived("the sum of wishart matrices with different scales is not derived", node)
    sources = joined_sources(laws)
    return law_of_family(Wishart(), (n + m, factor), node.shape, node.dtype, None, sources)


def derive_congruence(d: Derivation, node: Node) -> Law | None:
    """A @ W @ A.mT for a given A is Wishart, or for a square A inverse Wishart; a @ W @ a for a
    vector a is gamma, for Wishart W."""
    found = _sides(d, node)
    if found is None:
        return None
    left, middle, right = found
    family = _covariance(d, middle)
    if family is None or middle.ndim != 2:
        return None
    if not _same_matrix(left, right):
        raise NotDerived(
            "a covariance matrix is multiplied from both sides by different matrices", node,
            "A @ W @ A.mT is derived",
        )  # fmt: skip
    nu, factor = family.parameters
    root = left.astype(node.dtype) @ ops.tril(factor)
    sources = dict.fromkeys(d.law(middle).sources)
    rows = left.shape[0] if left.ndim > 1 else 1
    if family.of(InverseWishart) and not (left.ndim > 1 and left.shape[0] == left.shape[1]):
        raise NotDerived("a @ W @ a.mT of inverse_wishart is derived for square matrices", node)
    if not isinstance(rows, int) or not isinstance(left.shape[-1], int) or rows > left.shape[-1]:
        raise NotDerived("A has more rows than columns, so the values have no density", node)
    if left.ndim == 1:
        rate = 0.5 / ops.sum(ops.square(root))
        return law_of_family(Gamma(), (0.5 * nu, rate), node.shape, node.dtype, None, sources)
    scale = ops.cholesky(root @ ops.matrix_transpose(root))
    return law_of_family(
        family.distribution, (nu, scale), node.shape, node.dtype, None, sources
    )  # fmt: skip


def _sides(d: Derivation, node: Node) -> tuple[Node, Node, Node] | None:
    """(A, W, B) of A @ W @ B.mT, both given, for matrices or vectors A and B."""
    found: list[tuple[int | None, Node]] = []
    for _ in range(2):
        if not isinstance(node.op, ops.Contract):
            return None
        at = 1 if d.is_given(node.inputs[0]) else 0
        x, matrix = node.inputs[at], node.inputs[1 - at]
        letters = node.op.parts()
        own, given, out = letters[at], letters[1 - at], letters[2]
        shared = [c for c in own if c in given and c not in out]
        if not d.is_given(matrix) or len(own) > 2 or len(given) > 2 or len(shared) != 1:
            return None
        if out != own.replace(shared[0], given.replace(shared[0], "")):
            return None
        if len(given) == 2 and given.index(shared[0]) == 0:
            matrix = ops.matrix_transpose(matrix)
        found.append((own.index(shared[0]) if len(own) == 2 else None, matrix))
        node = x
    (last, one), (first, other) = found
    if first is None or last == first:
        return None
    return (other, node, one) if first == 0 else (one, node, other)


def _same_matrix(a: Node, b: Node) -> bool:
    """Are two given matrices the same for certain?"""
    if a is b:
        return True
    known = literal_value(a), literal_value(b)
    return all(x is not None for x in known) and bool(np.array_equal(*known))


def derive_determinant(d: Derivation, node: Node) -> Law | None:
    """det and log |det| of Wishart matrices of one or two rows: of two, 2 sqrt(|W| / |S|) is chi
    squared with 2 nu - 2 degrees of freedom (Wilks 1932)."""
    family = _covariance(d, node.inputs[0])
    if family is None:
        raise NotDerived("determinants of wishart and inverse_wishart matrices are derived", node)
    law = d.law(node.inputs[0])
    nu, factor = family.parameters
    size = law.shape[-1]
    if size not in (1, 2):
        raise NotDerived(
            "the determinant of a matrix of more than two rows is a product of three or more gamma "
            "variables, whose density has no closed form", node,
            "observe the Cholesky factor of the matrix, which is derived",
        )  # fmt: skip
    log_size = 2 * ops.sum(ops.log(ops.diagonal(factor, axis1=-2, axis2=-1)), axis=-1)
    inverse = family.of(InverseWishart)
    # log |W| = log_size + power log q, q gamma with the rate 1.
    alpha = 0.5 * nu if size == 1 else nu - 1
    base = law_of_family(
        Gamma(), (alpha, literal_like(1.0, nu)), node.shape, node.dtype, None,
        dict.fromkeys(law.sources),
    )  # fmt: skip
    power = size if not inverse else -size
    offset = log_size + (math.log(2) if size == 1 else 0.0) * (-1 if inverse else 1)
    is_log = isinstance(node.op, ops.LogAbsDet)

    def forward(x: Node) -> Node:
        value = offset + power * ops.log(x)
        return value if is_log else ops.exp(value)

    def inverse_of(y: Node) -> Node:
        return ops.exp(((y if is_log else ops.log(y)) - offset) / power)

    def log_slope(x: Node, y: Node) -> Node:
        value = y if is_log else ops.log(y)
        found = (value - offset) / power - math.log(abs(power))
        return found if is_log else found - value

    f = Monotone(inverse_of, log_slope, Interval(0.0), inverse)
    found = image_law(base, f, forward, node.dtype, (nu, factor))
    return replace(found, support=Interval() if is_log else Interval(0.0))


# Shares of a total.


def derive_normalised(d: Derivation, node: Node) -> Law | None:
    """g / sum(g) and softmax(log(g)) along the last axis, for gamma entries of one rate:
    dirichlet."""
    x = node.inputs[0]
    if isinstance(node.op, ops.Softmax):
        axes = {a % x.ndim for a in node.op.axes}
        if not isinstance(x.op, ops.Log):
            raise NotDerived(
                "softmax is derived of logarithms of gamma variables with one rate, where it is a "
                "dirichlet vector", node, "other vectors of shares need the density of a total",
            )  # fmt: skip
        x = x.inputs[0]
    else:
        axes = _axes_of_total(node.inputs[1], x)
    if axes is None or d.is_given(x):
        return None
    law = d.law(x)
    if axes != {law.ndim - 1} or law.family is None or not law.independent:
        return None
    gamma = as_gamma(law.family)
    if not gamma.of(Gamma):
        return None
    require_shape(law, node)
    alpha, rate = gamma.parameters
    if not is_constant_along(rate, (law.ndim - 1,), law.ndim):
        raise NotDerived("gamma variables with rates of their own are divided by their sum", node)
    alpha = ops.broadcast_to(alpha, law.shape)
    return law_of_family(Dirichlet(), (alpha,), node.shape, node.dtype, None, law.sources)


def _axes_of_total(total: Node, x: Node) -> set[int] | None:
    """The axes over which a node is the sum of another one, in a shape that divides it."""
    shape = total.shape
    while isinstance(total.op, (ops.BroadcastTo, ops.ExpandDims)):
        total = total.inputs[0]
    if not isinstance(total.op, ops.Sum) or total.inputs[0] is not x:
        return None
    axes = {a % x.ndim for a in total.op.axes}
    kept = tuple(1 if k in axes else n for k, n in enumerate(x.shape))
    aligned = x.ndim == 1 or tuple(shape) == kept or tuple(shape) == tuple(x.shape)
    return axes if aligned else None
