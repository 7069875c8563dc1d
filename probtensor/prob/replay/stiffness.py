"""Where a log density curves most at a point, which terms make it, and what it depends on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from probtensor.dataclass import dataclass

DENSE = 40  # coordinates up to which all curvatures are computed
SMALL = 1e-3  # step of first differences, in units of the length over which the density changes
LARGE = 0.1  # step of second differences
TRIES = 6

Gradient = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Stiffness:
    """The largest curvature of -log density at a point, in a metric.

    curvature    in the metric: a leapfrog step must be shorter than 2 / sqrt(curvature)
    direction    float64[dim], the unit vector of it in the metric
    change       float64[dim]: d log(curvature), for a change of each coordinate by its scale
    terms        the part of the curvature that each term of the density makes, largest first
    """

    curvature: float
    direction: np.ndarray
    change: np.ndarray
    terms: tuple[tuple[float, Any], ...] = ()

    @property
    def longest_step(self) -> float:
        return float(2 / np.sqrt(self.curvature)) if self.curvature > 0 else np.inf


def stiffness(posterior: Any, q: np.ndarray, inverse_mass: np.ndarray) -> Stiffness | None:
    """The stiffness of a posterior at q; None where its gradients near q are not finite."""
    scale = np.sqrt(inverse_mass)

    def gradient(point: np.ndarray) -> np.ndarray:
        return scale * posterior.logp_and_grad(point)[1]

    found = stiffest(gradient, q, scale)
    if found is None:
        return None
    curvature, direction = found
    h = LARGE / np.sqrt(max(curvature, 1.0))
    move = h * scale * direction
    ahead, here, behind = (gradient(q + move * side) for side in (1, 0, -1))
    with np.errstate(all="ignore"):
        change = -(ahead + behind - 2 * here) / (h * h * max(curvature, 1e-300))
    if not np.isfinite(change).all():
        change = np.zeros(len(q))
    sides = [posterior.terms(q + move * side).terms for side in (1, 0, -1)]
    terms = []
    for plus, zero, minus in zip(*sides) if len({len(x) for x in sides}) == 1 else ():
        with np.errstate(invalid="ignore"):
            terms.append((float(2 * zero.value - plus.value - minus.value) / (h * h), zero))
    terms.sort(key=lambda pair: -np.nan_to_num(pair[0], nan=-np.inf))
    return Stiffness(curvature, direction, change, tuple(terms))


def stiffest(
    gradient: Gradient, q: np.ndarray, scale: np.ndarray
) -> tuple[float, np.ndarray] | None:
    """(largest curvature, unit vector of it) by differences of gradients; the differences are
    taken over shorter steps until the curvature found explains them. None where none is finite."""
    h = SMALL
    found = None
    for _ in range(TRIES):
        try:
            curvature, direction = _largest(_product(gradient, q, scale, h), len(q))
        except FloatingPointError:
            h *= 1e-2
            continue
        found = curvature, direction
        wanted = SMALL / np.sqrt(max(curvature, 1.0))
        if h <= 2 * wanted:
            break
        h = wanted
    return found


def _product(
    gradient: Gradient, q: np.ndarray, scale: np.ndarray, h: float
) -> Callable[[np.ndarray], np.ndarray]:
    """v -> -(Hessian in the metric) v. FloatingPointError where a gradient is not finite."""

    def product(v: np.ndarray) -> np.ndarray:
        v = np.ravel(v)
        norm = np.linalg.norm(v)
        move = h * scale * v / norm
        found = (gradient(q - move) - gradient(q + move)) * (norm / (2 * h))
        if not np.isfinite(found).all():
            raise FloatingPointError
        return found

    return product


def _largest(product: Callable[[np.ndarray], np.ndarray], n: int) -> tuple[float, np.ndarray]:
    """The largest eigenvalue of a symmetric matrix given by its products, and its vector."""
    if n <= DENSE:
        matrix = np.array([product(row) for row in np.eye(n)])
        values, vectors = np.linalg.eigh(0.5 * (matrix + matrix.T))
        return float(values[-1]), vectors[:, -1]
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

    operator = LinearOperator((n, n), matvec=product, dtype=float)
    try:
        # From a fixed start, so that the explanation of a divergence is the same each time.
        values, vectors = eigsh(
            operator, k=1, which="LA", tol=1e-3, v0=np.ones(n), maxiter=50 * DENSE
        )
    except ArpackNoConvergence as error:
        if not len(error.eigenvalues):
            raise FloatingPointError from None
        values, vectors = error.eigenvalues, error.eigenvectors
    return float(values[-1]), vectors[:, -1]
