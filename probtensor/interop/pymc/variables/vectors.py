"""Rows of variables of vectors and matrices."""

from __future__ import annotations

from probtensor import ops
from probtensor.graph import Node
from probtensor.interop.pymc.variables import patterns
from probtensor.interop.pymc.variables.reading import Reading, Row, is_literal, squeezed
from probtensor.interop.pytensor.translate import value_by_literals


def _multivariate_normal(r: Reading) -> Node | None:
    mu, cov = r.parameters
    return r.made("multivariate_normal", r.node(mu), **_matrix(r, cov, True))


def _matrix(r: Reading, cov: object, by_inverse: bool) -> dict[str, Node]:
    """A covariance matrix by what it was made of."""
    factor = patterns.factor_of(cov)
    if factor is not None:
        return {"scale_tril": r.node(factor)}
    inverse = patterns.inverse_argument(cov) if by_inverse else None
    return {"cov": r.node(cov)} if inverse is None else {"tau": r.node(inverse)}


def _multivariate_student_t(r: Reading) -> Node | None:
    nu, mu, scale = r.parameters
    return r.made("multivariate_student_t", r.node(nu), r.node(mu), **_matrix(r, scale, False))


def _multinomial(r: Reading) -> Node | None:
    n, p = r.parameters
    logits = patterns.softmax_argument(p)
    if logits is not None:
        return r.made("multinomial", r.node(n), logit_p=r.node(logits))
    parts = patterns.ordered_parts(p, "logistic")
    if parts is not None:
        return r.made("ordered_multinomial", *map(r.tensor, parts), r.node(n))
    return r.made("multinomial", r.node(n), r.node(p))


def _stick_breaking_weights(r: Reading) -> Node | None:
    alpha, count = r.nodes()
    known = value_by_literals(count)
    if known is None:
        return None
    return r.made("stick_breaking_weights", alpha, int(known.flat[0]))


def _zero_sum_normal(r: Reading) -> Node | None:
    sigma, _ = r.nodes()
    axes = r.op.ndim_supp
    if any(n != 1 for n in sigma.shape[sigma.ndim - axes :]):
        return None
    return r.made("zero_sum_normal", squeezed(sigma, axes), n_zerosum_axes=axes)


def _lkj_cholesky(r: Reading) -> Node | None:
    """PyMC's variable is the Cholesky factor of the correlations."""
    n, eta = r.nodes()
    known = value_by_literals(n)
    return None if known is None else r.made("lkj_cholesky", int(known.flat[0]), eta)


def _wishart(r: Reading) -> Node | None:
    nu, factor = r.nodes()
    return r.made("wishart", nu, scale_tril=factor)


def _matrix_normal(r: Reading) -> Node | None:
    mu, rows, columns = r.nodes()
    return r.made("matrix_normal", mu, rows, columns)


def _kronecker_normal(r: Reading) -> Node | None:
    mu, sigma, *covs = r.nodes()
    noise = None if is_literal(sigma, 0) else sigma
    return r.made("kronecker_normal", mu, covs=covs, sigma=noise)


def _car(r: Reading) -> Node | None:
    mu, adjacency, alpha, tau, _ = r.nodes()
    known = value_by_literals(adjacency)
    if known is None or r.shape is None or len(r.shape) != 1:
        return None
    alpha, tau = (ops.reshape(x, ()) for x in (alpha, tau))
    return r.made("car", mu, _single(known), alpha, tau)


def _icar(r: Reading) -> Node | None:
    """PyMC's density has no factor of sigma, so that it is another one where sigma is random."""
    adjacency, sigma, stdev = r.nodes()
    known = value_by_literals(adjacency)
    if known is None or r.shape is None or len(r.shape) != 1:
        return None
    if value_by_literals(sigma) is None or not set(known.flat) <= {0, 1}:
        return None
    return r.made("icar", _single(known), sigma, stdev)


def _single(w: object) -> object:
    """The one matrix of an array with new leading axes."""
    return w.reshape(w.shape[-2:])


ROWS: dict[str, Row] = {
    "MvNormalRV": _multivariate_normal,
    "MvStudentTRV": _multivariate_student_t,
    "MultinomialRV": _multinomial,
    "StickBreakingWeightsRV": _stick_breaking_weights,
    "ZeroSumNormalRV": _zero_sum_normal,
    "LKJCorrRV": _lkj_cholesky,
    "WishartRV": _wishart,
    "MatrixNormalRV": _matrix_normal,
    "KroneckerNormalRV": _kronecker_normal,
    "CARRV": _car,
    "ICARRV": _icar,
}
