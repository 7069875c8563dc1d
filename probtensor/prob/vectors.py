"""`pt.random`: distributions of vectors, with all parametrisations."""

from __future__ import annotations

import numpy as np

from probtensor import ops
from probtensor.calls import line_text, public
from probtensor.graph import Const, GraphError, Node, as_tensor
from probtensor.graph.node import TensorLike
from probtensor.ops.fourier.functions import rfft
from probtensor.prob.distributions.base import RandomVariable, random_variable, to_tensor
from probtensor.prob.distributions.multivariate import (
    angles,
    copulas,
    directions,
    normals,
    shares,
    tallies,
)
from probtensor.prob.distributions.parameters import (
    check_literal,
    check_size,
    exactly_one,
    lower_factor,
    square,
    variable_text,
)
from probtensor.prob.distributions.structured import CORR, checked_axes
from probtensor.prob.distributions.support import COVARIANCE, POSITIVE, SIMPLEX, Interval
from probtensor.process import numpy_part
from probtensor.transform.facts import FactTable
from probtensor.transform.linalg.low_rank import low_rank_parts
from probtensor.types import shape_text

Dims = str | tuple[str, ...] | list[str] | None


def covariance_factor(label: str, value: TensorLike, what: str) -> Node:
    """The Cholesky factor of a parameter that is a covariance."""
    square(label, value, what)
    return ops.cholesky(check_literal(what, domain=COVARIANCE, **{label: value}))


def vector_of(mean: TensorLike, like: Node, what: str, label: str = "mu", by: str = "") -> Node:
    """A mean, of which a number stands for a vector of the size of the last axis of `like`;
    GraphError for another size than that of `like` where that is a matrix called `by`."""
    node = to_tensor(f"{label} of {what}", mean)
    if not node.ndim:
        return ops.broadcast_to(node, like.shape[-1:])
    if by:
        check_size(what, label, node, by, like)
    return node


@public
def multivariate_normal(
    mu=0.0, scale_tril=None, *, cov=None, chol=None, precision=None, tau=None,
    shape=None, name=None, dims: Dims = None, centered=True,
) -> Node:  # fmt: skip
    """Normal vectors (last axis) with mean `mu` and covariance `cov`; or its lower Cholesky factor
    `scale_tril`, also called `chol`; or its inverse `precision`, also called `tau`. `shape`
    includes the last axis.

    A covariance that is written as a diagonal matrix plus `u @ u.mT`, with fewer than half as many
    columns as rows, is computed by `low_rank_multivariate_normal`.

    Support: all real vectors.
    Mean: mu.
    Variance: cov, or scale_tril @ scale_tril.mT, or inv(precision).
    Source: Kotz, Balakrishnan and Johnson (2000), "Continuous Multivariate Distributions", ch. 45.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> x = pt.random.multivariate_normal(0.0, cov=[[2.0, 1.0], [1.0, 2.0]])
        >>> pt.draw(x, draws=5, seed=1).shape
        (5, 2)
    """
    what = variable_text("multivariate_normal", name)
    given = {"scale_tril": scale_tril, "cov": cov, "chol": chol, "precision": precision, "tau": tau}
    chosen = exactly_one(what, **given)
    value = given[chosen]
    kind = normals.MultivariateNormal()
    if chosen == "cov":
        parts = low_rank_parts(as_tensor(cov), FactTable()) if isinstance(cov, Node) else None
        if parts is not None:
            mean = vector_of(mu, parts[1], what)
            kind = normals.LowRankMultivariateNormal()
            return random_variable(kind, (mean, *parts), shape, name, dims, centered=centered)
    if chosen in ("scale_tril", "chol"):
        factor = lower_factor(chosen, value, what)
    else:
        factor = covariance_factor(chosen, value, what)
        if chosen != "cov":
            kind = normals.MultivariateNormalPrecision()
    mean = vector_of(mu, factor, what, by=chosen)
    return random_variable(kind, (mean, factor), shape, name, dims, centered=centered)


mv_normal = multivariate_normal


@public
def multivariate_student_t(nu, mu=0.0, scale_tril=None, *, cov=None, shape=None, name=None,
                           dims: Dims = None) -> Node:  # fmt: skip
    """Student's t vectors (last axis) with `nu` degrees of freedom, location `mu` and the scale
    matrix `cov`, or its lower Cholesky factor `scale_tril`. `shape` includes the last axis.

    Support: all real vectors.
    Mean: mu for nu > 1.
    Variance: cov * nu / (nu - 2) for nu > 2.
    Source: Kotz and Nadarajah (2004), "Multivariate t Distributions and Their Applications".
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> x = pt.random.multivariate_student_t(4.0, 0.0, cov=[[2.0, 1.0], [1.0, 2.0]])
        >>> pt.draw(x, draws=5, seed=1).shape
        (5, 2)
    """
    what = variable_text("multivariate_student_t", name)
    chosen = exactly_one(what, scale_tril=scale_tril, cov=cov)
    by_cov = chosen == "cov"
    factor = covariance_factor("cov", cov, what) if by_cov else square(chosen, scale_tril, what)
    mean = vector_of(mu, factor, what, by=chosen)
    kind = normals.MultivariateStudentT()
    return random_variable(kind, (nu, mean, factor), shape, name, dims)


@public
def low_rank_multivariate_normal(loc, cov_factor, cov_diag, *, shape=None, name=None,
                                 dims: Dims = None) -> Node:  # fmt: skip
    """Normal vectors (last axis) with mean `loc` and covariance diag(cov_diag) + cov_factor @
    cov_factor.mT, for `cov_factor` of shape (n, k) with few columns k: in O(n k^2) operations.

    Support: all real vectors.
    Mean: loc.
    Variance: diag(cov_diag) + cov_factor @ cov_factor.mT.
    Source: Woodbury (1950), "Inverting Modified Matrices".
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> x = pt.random.low_rank_multivariate_normal(0.0, np.ones((9, 1)), np.ones(9))
        >>> pt.draw(x, draws=5, seed=1).shape
        (5, 9)
    """
    what = variable_text("low_rank_multivariate_normal", name)
    diagonal = to_tensor(f"cov_diag of {what}", cov_diag)
    factor = to_tensor(f"cov_factor of {what}", cov_factor)
    mean = loc
    if factor.ndim > 1:
        rows = factor[..., 0]
        diagonal, mean = (
            vector_of(x, rows, what, label) for x, label in ((diagonal, "cov_diag"), (loc, "loc"))
        )
    kind = normals.LowRankMultivariateNormal()
    return random_variable(kind, (mean, factor, diagonal), shape, name, dims)


@public
def zero_sum_normal(sigma=1.0, *, n_zerosum_axes: int = 1, shape=None, name=None,
                    dims: Dims = None) -> Node:  # fmt: skip
    """Normal arrays of standard deviation `sigma` that sum to 0 along each of the last
    `n_zerosum_axes` axes, whose sizes are those of `shape`, or of `dims`. What is left of
    independent normal variables when their sum is known to be 0.

    Support: arrays of sum 0 along each of these axes; the density is that of volumes there.
    Mean: 0.
    Variance: sigma**2 * (1 - 1 / n) of each entry, with one such factor for each axis of size n.
    Source: Kotz, Balakrishnan and Johnson (2000), "Continuous Multivariate Distributions", ch. 45.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> x = pt.random.zero_sum_normal(2.0, shape=4)
        >>> abs(pt.draw(x, seed=1).sum()) < 1e-12
        np.True_
    """
    what = variable_text("zero_sum_normal", name)
    kind = normals.ZeroSumNormal(checked_axes(f"{what}: n_zerosum_axes", n_zerosum_axes))
    return random_variable(kind, (sigma,), shape, name, dims)


@public
def multinomial(n, p=None, *, logit_p=None, shape=None, name=None, dims: Dims = None) -> Node:
    """Counts (last axis) of `n` independent choices with probabilities `p`, or softmax(logit_p).
    `shape` includes the last axis.

    Support: vectors of whole numbers with sum n.
    Mean: n * p.
    Variance: n * p * (1 - p) of each entry.
    Source: Johnson, Kotz and Balakrishnan (1997), "Discrete Multivariate Distributions", ch. 35.
    Returns a random variable, an int64 tensor. Raises ValueError for a literal parameter outside
    its range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.multinomial(10, [0.2, 0.3, 0.5]), draws=5, seed=1).sum(-1)
        array([10, 10, 10, 10, 10])
    """
    what = variable_text("multinomial", name)
    if exactly_one(what, p=p, logit_p=logit_p) == "logit_p":
        p = ops.softmax(to_tensor(f"logit_p of {what}", logit_p).astype("float64"), axis=-1)
    return random_variable(tallies.Multinomial(), (n, p), shape, name, dims)


@public
def dirichlet_multinomial(n, alpha, *, shape=None, name=None, dims: Dims = None) -> Node:
    """Counts (last axis) of `n` choices with probabilities that have the distribution
    dirichlet(alpha). `shape` includes the last axis.

    Support: vectors of whole numbers with sum n.
    Mean: n * alpha / a, where a = sum(alpha).
    Variance: n * (alpha / a) * (1 - alpha / a) * (n + a) / (1 + a) of each entry.
    Source: Johnson, Kotz and Balakrishnan (1997), "Discrete Multivariate Distributions", ch. 35.
    Returns a random variable, an int64 tensor. Raises ValueError for a literal parameter outside
    its range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.dirichlet_multinomial(10, [2.0, 3.0]), draws=5, seed=1).sum(-1)
        array([10, 10, 10, 10, 10])
    """
    return random_variable(tallies.DirichletMultinomial(), (n, alpha), shape, name, dims)


@public
def stick_breaking_weights(alpha, K: int, *, shape=None, name=None, dims: Dims = None) -> Node:
    """Weights (last axis, of size K + 1) of a Dirichlet process of concentration `alpha` that is
    cut off after `K` pieces: each piece is a share beta(1, alpha) of what those before it left,
    and the last entry is what is left after them.

    Support: vectors of positive numbers that sum to 1.
    Mean: (alpha / (1 + alpha))**k / (1 + alpha) of entry k < K, (alpha / (1 + alpha))**K of K.
    Variance: of entry k < K the mean of squares 2 * (alpha / (2 + alpha))**k / ((1 + alpha) * (2 +
        alpha)) less the square of the mean.
    Source: Sethuraman (1994), "A constructive definition of Dirichlet priors".
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> pt.draw(pt.random.stick_breaking_weights(2.0, 4), draws=5, seed=1).shape
        (5, 5)
    """
    what = variable_text("stick_breaking_weights", name)
    count = checked_count(what, "K", K)
    kind = shares.StickBreakingWeights(count)
    return random_variable(kind, (alpha,), shape, name, dims)


def checked_count(what: str, label: str, value: object, least: int = 1) -> int:
    """A whole number that is known while the graph is built."""
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= least:
        return int(value)
    raise GraphError(
        f"{what}: {label} must be a whole number from {least} on, not {value!r:.60}\n"
        f"  at {line_text()}\n  it is a size, and is no tensor"
    )


@public
def relaxed_one_hot_categorical(temperature, p=None, *, logit_p=None, shape=None, name=None,
                                dims: Dims = None) -> Node:  # fmt: skip
    """Vectors (last axis) near those with one 1, in place of a choice with probabilities `p`, or
    softmax(logit_p): softmax((log(p) + g) / temperature) with Gumbel variables g. They are near
    them for small temperatures.

    Support: vectors of positive numbers that sum to 1.
    Mean: none in closed form.
    Variance: none in closed form.
    Source: Maddison, Mnih and Teh (2017), "The Concrete Distribution", eq. 10.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> x = pt.random.relaxed_one_hot_categorical(0.5, [0.2, 0.3, 0.5])
        >>> pt.draw(x, draws=5, seed=1).shape
        (5, 3)
    """
    what = variable_text("relaxed_one_hot_categorical", name)
    if exactly_one(what, p=p, logit_p=logit_p) == "p":
        logit_p = ops.log(check_literal(what, domain=SIMPLEX, p=p))
    return random_variable(shares.RelaxedOneHot(), (temperature, logit_p), shape, name, dims)


@public
def uniform_direction(dim: int, *, shape=None, name=None, dims: Dims = None) -> Node:
    """Uniform unit vectors (last axis, of size `dim`): points on a sphere.

    Support: vectors of length 1; the density is that of areas on the sphere.
    Mean: 0.
    Variance: 1 / dim of each entry.
    Source: Mardia and Jupp (2000), "Directional Statistics", ch. 9.
    Returns a random variable, a float tensor. Raises TypeError for too few or too many parameters,
    GraphError for shapes that do not fit and a `dim` that is no whole number from 2 on.

        >>> (pt.draw(pt.random.uniform_direction(3), draws=5, seed=1) ** 2).sum(-1).round(12)
        array([1., 1., 1., 1., 1.])
    """
    count = checked_count(variable_text("uniform_direction", name), "dim", dim, least=2)
    return random_variable(directions.UniformDirection(count), (), shape, name, dims)


@public
def projected_normal(concentration, *, shape=None, name=None, dims: Dims = None) -> Node:
    """The directions (last axis) of normal vectors with mean `concentration` and the identity as
    covariance: unit vectors that are near its direction where it is long.

    Support: vectors of length 1; the density is that of areas on the sphere.
    Mean: none in closed form.
    Variance: none in closed form.
    Source: Mardia and Jupp (2000), "Directional Statistics", 9.3.3.
    Returns a random variable, a float tensor. Raises TypeError for too few or too many parameters,
    GraphError for shapes that do not fit and a last axis of a size that is not known.

        >>> pt.draw(pt.random.projected_normal([3.0, 0.0]), draws=5, seed=1).shape
        (5, 2)
    """
    what = variable_text("projected_normal", name)
    node = to_tensor(f"concentration of {what}", concentration)
    if node.ndim:
        known_size(what, "concentration", node, least=2)
    return random_variable(directions.ProjectedNormal(), (node,), shape, name, dims)


@public
def sine_bivariate_von_mises(
    phi_loc, psi_loc, phi_concentration, psi_concentration, correlation=None, *,
    weighted_correlation=None, shape=None, name=None, dims: Dims = None,
) -> Node:  # fmt: skip
    """Pairs of angles (last axis, phi and psi) that depend on each other as normal variables do
    where they are concentrated: with the density exp(k cos(a) + l cos(b) + c sin(a) sin(b)) over
    its integral, for a = phi - phi_loc, b = psi - psi_loc, the concentrations k and l and the
    correlation c, or `weighted_correlation`, which is c / sqrt(k * l). It has one mode, at the
    locations, where the weighted correlation is from -1 to 1, and two of equal height beyond.

    Support: -pi <= phi <= pi and -pi <= psi <= pi.
    Mean: none of numbers; the mean directions are phi_loc and psi_loc.
    Variance: none of numbers; `pt.variance` gives the circular ones.
    Source: Singh, Hnizdo and Demchuk (2002), "Probabilistic model for two dependent circular
    variables", Biometrika 89:719.
    Returns a random variable, a float tensor with a last axis of size 2. Raises ValueError for a
    literal parameter outside its range, TypeError for too few or too many parameters, GraphError
    for shapes that do not fit.

        >>> x = pt.random.sine_bivariate_von_mises(0.5, -1.0, 3.0, 2.0, weighted_correlation=0.5)
        >>> pt.draw(x, draws=5, seed=1).shape
        (5, 2)
    """
    what = variable_text("sine_bivariate_von_mises", name)
    given = {"correlation": correlation, "weighted_correlation": weighted_correlation}
    if exactly_one(what, **given) == "weighted_correlation":
        pair = {"phi_concentration": phi_concentration, "psi_concentration": psi_concentration}
        first, second = (check_literal(what, domain=POSITIVE, **{k: y}) for k, y in pair.items())
        weight = to_tensor(f"weighted_correlation of {what}", weighted_correlation)
        correlation = weight * ops.sqrt(first) * ops.sqrt(second)
    parameters = phi_loc, psi_loc, phi_concentration, psi_concentration, correlation
    return random_variable(angles.SineBivariateVonMises(), parameters, shape, name, dims)


def known_size(what: str, label: str, node: Node, least: int = 1) -> int:
    """The size of the last axis of a parameter; GraphError where it is not known, or too small."""
    size = node.shape[-1]
    if not isinstance(size, int) or size < least:
        raise GraphError(
            f"{what}: the last axis of {label} must have a size that is known and at least {least}"
            f", not shape {shape_text(node.shape)}\n  at {line_text()}"
        )
    return size


@public
def circulant_normal(loc=0.0, covariance_row=None, *, covariance_rfft=None, shape=None, name=None,
                     dims: Dims = None) -> Node:  # fmt: skip
    """Normal vectors (last axis) with mean `loc` and a circulant covariance, as of equidistant
    points on a circle, given by its first row, or by the real Fourier transform of that,
    `covariance_rfft`, its eigenvalues, which are positive. It is computed by Fourier transforms.

    Support: all real vectors.
    Mean: loc.
    Variance: covariance_row[0].
    Source: Rue and Held (2005), "Gaussian Markov Random Fields", 2.6.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit.

        >>> x = pt.random.circulant_normal(0.0, [2.0, 0.5, 0.1, 0.5])
        >>> pt.draw(x, draws=5, seed=1).shape
        (5, 4)
    """
    what = variable_text("circulant_normal", name)
    given = {"covariance_row": covariance_row, "covariance_rfft": covariance_rfft}
    if exactly_one(what, **given) == "covariance_row":
        row = to_tensor(f"covariance_row of {what}", covariance_row).astype("float64")
        if not row.ndim:
            raise GraphError(f"{what}: covariance_row must be a vector\n  at {line_text()}")
        known_size(what, "covariance_row", row)
        check_circulant(what, row)
        spectrum, mean = ops.real(rfft(row)), vector_of(loc, row, what, "loc")
        if isinstance(row.op, Const):
            spectrum = as_tensor(numpy_part("fft").rfft(row.op.array).real)
    else:
        spectrum = to_tensor(f"covariance_rfft of {what}", covariance_rfft)
        mean = to_tensor(f"loc of {what}", loc)
    size = known_size(what, "loc", mean) if mean.ndim else 0
    if not mean.ndim or not spectrum.ndim or spectrum.shape[-1] != size // 2 + 1:
        raise GraphError(
            f"{what}: loc of shape {shape_text(mean.shape)} does not fit a covariance_rfft of "
            f"shape {shape_text(spectrum.shape)}\n  at {line_text()}\n  it has n // 2 + 1 entries "
            "for n entries of loc"
        )
    return random_variable(normals.CirculantNormal(), (mean, spectrum), shape, name, dims)


def check_circulant(what: str, row: Node) -> None:
    """ValueError for a literal first row that is not that of a symmetric matrix."""
    if not isinstance(row.op, Const):
        return
    turned = np.roll(np.flip(row.op.array, -1), 1, -1)
    if not np.allclose(turned, row.op.array, rtol=1e-8, atol=1e-12):
        raise ValueError(
            f"{what}: covariance_row must be that of a symmetric matrix: entry k is entry n - k\n"
            f"  at {line_text()}"
        )


@public
def gaussian_copula(marginal, corr=None, *, corr_chol=None, shape=None, name=None,
                    dims: Dims = None) -> Node:  # fmt: skip
    """Vectors (last axis) whose entries have the distributions of `marginal`, and are functions of
    normal variables with the correlations `corr`, or their lower Cholesky factor `corr_chol`.

    `marginal` is a random variable of real numbers with a `pt.logcdf`, made for this purpose: it
    lends its distribution and its parameters, one for all entries or one each.

    Support: vectors whose entries lie in the support of `marginal`.
    Mean: that of `marginal`.
    Variance: that of `marginal`.
    Source: Song (2000), "Multivariate dispersion models generated from Gaussian copula".
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, TypeError for too few or too many parameters, GraphError for shapes that do not fit and
    for a `marginal` that is no such variable.

        >>> corr = [[1.0, 0.5], [0.5, 1.0]]
        >>> x = pt.random.gaussian_copula(pt.random.beta([2.0, 3.0], 1.5), corr)
        >>> pt.draw(x, draws=5, seed=1).shape
        (5, 2)
    """
    what = variable_text("gaussian_copula", name)
    if exactly_one(what, corr=corr, corr_chol=corr_chol) == "corr":
        square("corr", corr, what)
        factor = ops.cholesky(check_literal(what, domain=CORR, corr=corr))
    else:
        factor = square("corr_chol", corr_chol, what)
    op = marginal.op if isinstance(marginal, Node) else None
    fits = isinstance(op, RandomVariable) and op.constraint is None
    if not fits or not isinstance(op.distribution.over, Interval):
        raise GraphError(
            f"{what}: marginal must be a random variable of real numbers without constraint=, not "
            f"{marginal!r:.60}\n  at {line_text()}\n  such as pt.random.gamma(2.0, 1.0)"
        )
    size = factor.shape[-1]
    own = []
    for label, x in op.named(marginal.inputs).items():
        if x.ndim and x.shape[-1] not in (1, size):
            raise GraphError(
                f"{what}: {label} of shape {shape_text(x.shape)} does not fit correlations of "
                f"shape {shape_text(factor.shape)}\n  at {line_text()}"
            )
        own.append(ops.broadcast_to(x, (*x.shape[:-1], size)))
    kind = copulas.GaussianCopula(op.distribution)
    return random_variable(kind, (*own, factor), shape, name, dims)
