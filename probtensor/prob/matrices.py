"""`pt.random`: distributions of matrices, and of vectors whose covariance is a Kronecker product,
with all parametrisations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from probtensor import ops
from probtensor.calls import line_text, public
from probtensor.graph import GraphError, Node
from probtensor.graph.node import TensorLike
from probtensor.late import late
from probtensor.prob.distributions.base import deterministic, random_variable, to_tensor
from probtensor.prob.distributions.continuous.positive import Gamma
from probtensor.prob.distributions.continuous.real import Normal
from probtensor.prob.distributions.multivariate import correlations, covariances, products
from probtensor.prob.distributions.multivariate.factors import gram
from probtensor.prob.distributions.parameters import (
    check_literal,
    check_size,
    exactly_one,
    square,
    variable_text,
)
from probtensor.prob.distributions.support import Interval
from probtensor.prob.vectors import checked_count, covariance_factor

bijectors = late("probtensor.prob.bijectors.matrices")

Dims = str | tuple[str, ...] | list[str] | None


class LKJCov(NamedTuple):
    """What `lkj_cov` gives."""

    chol: Node
    corr: Node
    stds: Node


@public
def lkj_corr(n: int, eta=1.0, *, shape=None, name=None, dims: Dims = None) -> Node:
    """Correlation matrices of `n` rows (last two axes) with the density det(R)**(eta - 1): uniform
    for eta = 1, near the identity for large eta. `lkj_cholesky` is computed faster.

    Support: correlation matrices; the density is that of the entries below the diagonal.
    Mean: the identity.
    Variance: 1 / (2 * eta + n - 1) of each entry beside the diagonal.
    Source: Lewandowski, Kurowicka and Joe (2009), "Generating random correlation matrices".
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.lkj_corr(3, 2.0), draws=5, seed=1).shape
        (5, 3, 3)
    """
    count = checked_count(variable_text("lkj_corr", name), "n", n)
    return random_variable(correlations.LKJCorr(count), (eta,), shape, name, dims)


@public
def lkj_cholesky(n: int, eta=1.0, *, shape=None, name=None, dims: Dims = None) -> Node:
    """Cholesky factors (last two axes) of correlation matrices of `n` rows with the distribution
    lkj_corr(n, eta); `lkj_corr_cholesky` of Stan.

    With standard deviations s, `s[:, None] * factor` is the `scale_tril` of a multivariate normal:
    `lkj_cov` does that. The logarithm of its diagonal and its systems need no other factor.

    Support: lower triangular matrices with a positive diagonal and rows of length 1; the density is
        that of the entries below the diagonal.
    Mean: none in closed form.
    Variance: none in closed form.
    Source: Lewandowski, Kurowicka and Joe (2009), "Generating random correlation matrices".
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.lkj_cholesky(3, 2.0), draws=5, seed=1).shape
        (5, 3, 3)
    """
    count = checked_count(variable_text("lkj_cholesky", name), "n", n)
    return random_variable(correlations.LKJCholesky(count), (eta,), shape, name, dims)


@public
def lkj_cov(n: int, eta, stds, *, name: str | None = None) -> LKJCov:
    """A covariance matrix of `n` rows from correlations lkj_corr(n, eta) and standard deviations
    `stds` (last axis), random variables most often: PyMC's LKJCholeskyCov.

    With a `name`, a model reports the factor of the covariance under it where it is used, and the
    factor of the correlations as NAME_factor; the correlations are called NAME_corr, and are
    reported where they are used or in `track=`.

    Support: Cholesky factors of covariance matrices.
    Mean: of correlations the identity.
    Variance: see `lkj_corr`.
    Source: Lewandowski, Kurowicka and Joe (2009), "Generating random correlation matrices".
    Returns a named tuple of tensors: `chol`, the lower Cholesky factor of the covariance; `corr`,
    the correlations; `stds`. Raises ValueError for a literal parameter outside its range, TypeError
    for too few or too many parameters, GraphError for shapes that do not fit.

        >>> stds = pt.random.half_normal(1.0, shape=3, name="stds")
        >>> chol, corr, stds = pt.random.lkj_cov(3, 2.0, stds, name="chol")
        >>> y = pt.random.multivariate_normal(0.0, chol, name="y")
        >>> pt.condition({y: np.ones(3)}, track=[corr]).deterministics
        ('chol', 'chol_corr')
    """
    what = variable_text("lkj_cov", name)
    count = checked_count(what, "n", n)
    lengths = check_literal(what, stds=stds)
    if not lengths.ndim or (isinstance(lengths.shape[-1], int) and lengths.shape[-1] != count):
        raise GraphError(
            f"{what}: stds must be a vector of {count} standard deviations, not of shape "
            f"{lengths.shape}\n  at {line_text()}"
        )
    batch = lengths.shape[:-1]
    label = f"{name}_factor" if name else None
    kind = correlations.LKJCholesky(count)
    factor = random_variable(kind, (eta,), (*batch, count, count) if batch else None, label, None)
    chol, corr = lengths[..., :, None] * factor, gram(factor)
    if name:
        chol, corr = deterministic(chol, name), deterministic(corr, f"{name}_corr")
    return LKJCov(chol, corr, lengths)


def scale_of(what: str, scale: TensorLike, scale_tril: TensorLike) -> Node:
    """The factor of the one that is given."""
    if exactly_one(what, scale=scale, scale_tril=scale_tril) == "scale":
        return covariance_factor("scale", scale, what)
    return square("scale_tril", scale_tril, what)


def degrees_of(what: str, nu: TensorLike, factor: Node) -> Node:
    """Degrees of freedom, which are more than the number of rows less 1."""
    rows = factor.shape[-1]
    low = float(rows - 1) if isinstance(rows, int) else 0.0
    return check_literal(what, domain=Interval(low, low_open=True), nu=nu)


@public
def wishart(nu, scale=None, *, scale_tril=None, shape=None, name=None, dims: Dims = None) -> Node:
    """Wishart matrices (last two axes) with `nu` degrees of freedom and the scale matrix `scale`,
    or its lower Cholesky factor `scale_tril`: nu times the sample covariance of nu normal vectors.

    Support: symmetric positive definite matrices of p rows; nu > p - 1.
    Mean: nu * scale.
    Variance: nu * (scale[i, j]**2 + scale[i, i] * scale[j, j]) of entry (i, j).
    Source: Muirhead (1982), "Aspects of Multivariate Statistical Theory", ch. 3.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.wishart(4.0, np.eye(2)), draws=5, seed=1).shape
        (5, 2, 2)
    """
    what = variable_text("wishart", name)
    factor = scale_of(what, scale, scale_tril)
    parameters = degrees_of(what, nu, factor), factor
    return random_variable(covariances.Wishart(), parameters, shape, name, dims)


@public
def wishart_cholesky(nu, scale=None, *, scale_tril=None, shape=None, name=None,
                     dims: Dims = None) -> Node:  # fmt: skip
    """Lower Cholesky factors (last two axes) of matrices with the distribution wishart(nu, scale).

    Support: lower triangular matrices of p rows with a positive diagonal; nu > p - 1.
    Mean: none in closed form.
    Variance: none in closed form.
    Source: Bartlett (1933), "On the theory of statistical regression".
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.wishart_cholesky(4.0, np.eye(2)), draws=5, seed=1).shape
        (5, 2, 2)
    """
    what = variable_text("wishart_cholesky", name)
    factor = scale_of(what, scale, scale_tril)
    parameters = degrees_of(what, nu, factor), factor
    return random_variable(covariances.WishartFactor(), parameters, shape, name, dims)


@public
def inverse_wishart(nu, scale=None, *, scale_tril=None, shape=None, name=None,
                    dims: Dims = None) -> Node:  # fmt: skip
    """Matrices (last two axes) whose inverses have the distribution wishart(nu, inv(scale)), with
    `nu` degrees of freedom and the scale matrix `scale`, or its lower Cholesky factor `scale_tril`.

    Support: symmetric positive definite matrices of p rows; nu > p - 1.
    Mean: scale / (nu - p - 1) for nu > p + 1.
    Variance: ((nu - p + 1) * scale[i, j]**2 + (nu - p - 1) * scale[i, i] * scale[j, j]) / ((nu - p)
        * (nu - p - 1)**2 * (nu - p - 3)) of entry (i, j) for nu > p + 3.
    Source: Muirhead (1982), "Aspects of Multivariate Statistical Theory", ch. 3.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.inverse_wishart(4.0, np.eye(2)), draws=5, seed=1).shape
        (5, 2, 2)
    """
    what = variable_text("inverse_wishart", name)
    factor = scale_of(what, scale, scale_tril)
    parameters = degrees_of(what, nu, factor), factor
    return random_variable(covariances.InverseWishart(), parameters, shape, name, dims)


@public
def inverse_wishart_cholesky(nu, scale=None, *, scale_tril=None, shape=None, name=None,
                             dims: Dims = None) -> Node:  # fmt: skip
    """Lower Cholesky factors (last two axes) of matrices with the distribution
    inverse_wishart(nu, scale).

    Support: lower triangular matrices of p rows with a positive diagonal; nu > p - 1.
    Mean: none in closed form.
    Variance: none in closed form.
    Source: Muirhead (1982), "Aspects of Multivariate Statistical Theory", ch. 3.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.inverse_wishart_cholesky(4.0, np.eye(2)), draws=5, seed=1).shape
        (5, 2, 2)
    """
    what = variable_text("inverse_wishart_cholesky", name)
    factor = scale_of(what, scale, scale_tril)
    parameters = degrees_of(what, nu, factor), factor
    return random_variable(covariances.InverseWishartFactor(), parameters, shape, name, dims)


@public
def wishart_bartlett(nu, scale=None, *, scale_tril=None, name: str | None = None) -> Node:
    """A matrix with the distribution wishart(nu, scale), made of independent variables: the
    non-centred form, which a sampler moves in. With a `name` these are called NAME_c, chi squared
    with nu - i degrees of freedom, and NAME_z, standard normal (Bartlett's decomposition), and the
    matrix is reported under the name.

    Support: symmetric positive definite matrices of p rows; nu > p - 1.
    Mean: nu * scale.
    Variance: nu * (scale[i, j]**2 + scale[i, i] * scale[j, j]) of entry (i, j).
    Source: Bartlett (1933), "On the theory of statistical regression".
    Returns a tensor that depends on two random variables. Raises ValueError for a literal parameter
    outside its range, TypeError for too few or too many parameters, GraphError for shapes that do
    not fit, or that are not known.

        >>> pt.draw(pt.random.wishart_bartlett(4.0, np.eye(2)), draws=5, seed=1).shape
        (5, 2, 2)
    """
    what = variable_text("wishart_bartlett", name)
    factor = scale_of(what, scale, scale_tril)
    rows = factor.shape[-1]
    if factor.ndim != 2 or not isinstance(rows, int):
        raise GraphError(
            f"{what}: the scale must be one matrix of known size, not of shape {factor.shape}\n"
            f"  at {line_text()}"
        )
    degrees = degrees_of(what, nu, factor) - ops.arange(rows).astype("float64")
    labels = (f"{name}_c", f"{name}_z") if name else (None, None)
    c = random_variable(Gamma(), (0.5 * degrees, 0.5), None, labels[0])
    z = random_variable(Normal(), (0.0, 1.0), (rows * (rows - 1) // 2,), labels[1])
    unit = ops.eye(rows, dtype="bool")
    below = bijectors.triangle(z, rows, False)
    a = bijectors.as_factor(ops.where(unit, ops.sqrt(c)[:, None], below))
    found = gram(bijectors.as_factor(ops.tril(factor) @ a))
    return deterministic(found, name) if name else found


@public
def matrix_normal(mu=0.0, row_chol=None, col_chol=None, *, row_cov=None, col_cov=None, shape=None,
                  name=None, dims: Dims = None) -> Node:  # fmt: skip
    """Normal matrices (last two axes) with mean `mu`, whose rows have the covariance `row_cov` and
    whose columns have `col_cov`: cov(x[i, j], x[k, l]) = row_cov[i, k] * col_cov[j, l]. Each may be
    given by its lower Cholesky factor, `row_chol` and `col_chol`.

    Support: all real matrices.
    Mean: mu.
    Variance: row_cov[i, i] * col_cov[j, j] of entry (i, j).
    Source: Gupta and Nagar (1999), "Matrix Variate Distributions", ch. 2.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> x = pt.random.matrix_normal(0.0, row_cov=np.eye(2), col_cov=np.eye(3))
        >>> pt.draw(x, draws=5, seed=1).shape
        (5, 2, 3)
    """
    what = variable_text("matrix_normal", name)
    factors, names = [], []
    for side, chol, cov in (("row", row_chol, row_cov), ("col", col_chol, col_cov)):
        given = {f"{side}_chol": chol, f"{side}_cov": cov}
        names.append(exactly_one(what, **given))
        if names[-1] == f"{side}_cov":
            factors.append(covariance_factor(f"{side}_cov", cov, what))
        else:
            factors.append(square(f"{side}_chol", chol, what))
    mean = to_tensor(f"mu of {what}", mu)
    if mean.ndim < 2:
        mean = ops.broadcast_to(mean, (factors[0].shape[-1], factors[1].shape[-1]))
    for axis, by, factor in zip((-2, -1), names, factors):
        check_size(what, "mu", mean, by, factor, axis)
    return random_variable(products.MatrixNormal(), (mean, *factors), shape, name, dims)


@public
def kronecker_normal(mu=0.0, covs: Sequence | None = None, *, chols: Sequence | None = None,
                     evds: Sequence | None = None, sigma=None, shape=None, name=None,
                     dims: Dims = None) -> Node:  # fmt: skip
    """Normal vectors (last axis) with mean `mu` and the covariance kron(K1, K2, ...) + sigma**2 * I
    of small matrices, as of a Gaussian process on a grid: their factors alone are computed.

    The matrices are given as `covs`, by their lower Cholesky factors `chols`, or by their
    eigenvalues and eigenvectors `evds`, a list of pairs as of `pt.linalg.eigh`.

    Support: all real vectors.
    Mean: mu.
    Variance: K1[i, i] * K2[j, j] * ... + sigma**2 of each entry.
    Source: Saatci (2011), "Scalable Inference for Structured Gaussian Process Models", ch. 5.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> x = pt.random.kronecker_normal(0.0, [np.eye(2), np.eye(3)], sigma=0.5)
        >>> pt.draw(x, draws=5, seed=1).shape
        (5, 6)
    """
    what = variable_text("kronecker_normal", name)
    chosen = exactly_one(what, covs=covs, chols=chols, evds=evds)
    parts = {"covs": covs, "chols": chols, "evds": evds}[chosen]
    if not isinstance(parts, (list, tuple)) or not 1 <= len(parts) <= len(products.LETTERS):
        raise GraphError(
            f"{what}: {chosen} must be a list of 1 to {len(products.LETTERS)} "
            f"{'pairs' if chosen == 'evds' else 'matrices'}, not {parts!r:.60}\n  at {line_text()}"
        )
    if sigma is None and chosen != "evds":
        make = covariance_factor if chosen == "covs" else square
        factors = [make(f"{chosen[:-1]}_{k}", part, what) for k, part in enumerate(parts)]
        mean = whole_mean(what, mu, factors)
        kind = products.KroneckerNormal(len(factors))
        return random_variable(kind, (mean, *factors), shape, name, dims)
    pairs = eigen_pairs(what, chosen, parts)
    mean = whole_mean(what, mu, [values for values, _ in pairs])
    flat = [x for pair in pairs for x in pair]
    kind = products.NoisyKroneckerNormal(len(pairs))
    noise = 0.0 if sigma is None else sigma
    return random_variable(kind, (mean, noise, *flat), shape, name, dims)


def eigen_pairs(what: str, chosen: str, parts: Sequence) -> list[tuple[Node, Node]]:
    """The eigenvalues and eigenvectors of the matrices of a Kronecker product."""
    pairs = []
    for k, part in enumerate(parts):
        label = f"{chosen[:-1]}_{k}"
        if chosen == "evds":
            if not isinstance(part, tuple) or len(part) != 2:
                raise GraphError(
                    f"{what}: evds[{k}] must be a pair of eigenvalues and eigenvectors, not "
                    f"{part!r:.60}\n  at {line_text()}"
                )
            values = to_tensor(f"eigenvalues of evds[{k}] of {what}", part[0])
            pairs.append((values, square(f"eigenvectors of evds[{k}]", part[1], what)))
            continue
        if chosen == "chols":
            matrix = gram(ops.tril(square(label, part, what)))
        else:
            covariance_factor(label, part, what)
            matrix = square(label, part, what)
        values, vectors = ops.eigh(matrix.astype("float64"))
        # Rounding may leave a value that is 0 below it.
        pairs.append((ops.maximum(values, 0.0), vectors))
    return pairs


def whole_mean(what: str, mu: TensorLike, parts: Sequence[Node]) -> Node:
    """The mean of a Kronecker product; GraphError for one of another size."""
    sizes = [part.shape[-1] for part in parts]
    node = to_tensor(f"mu of {what}", mu)
    known = all(isinstance(n, int) for n in sizes)
    if not known:
        raise GraphError(
            f"{what}: the sizes of the matrices must be known, not {sizes}\n  at {line_text()}"
        )
    whole = 1
    for n in sizes:
        whole *= n
    if node.ndim and node.shape[-1] != whole:
        raise GraphError(
            f"{what}: mu of shape {node.shape} does not fit matrices of {sizes} rows, which make "
            f"{whole}\n  at {line_text()}"
        )
    return node if node.ndim else ops.broadcast_to(node, (whole,))
