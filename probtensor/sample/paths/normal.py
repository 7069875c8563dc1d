"""Normal densities over R^dim, by what makes their draws of standard normal numbers."""

from __future__ import annotations

import numpy as np

from probtensor.dataclass import dataclass

HALF_LOG_TWO_PI = 0.5 * float(np.log(2 * np.pi))


@dataclass(frozen=True, eq=False)
class Dense:
    """x = mean + factor @ u, with a lower triangular factor."""

    mean: np.ndarray
    factor: np.ndarray

    @property
    def log_volume(self) -> float:
        """The logarithm of the determinant of the factor."""
        return float(np.log(np.abs(np.diagonal(self.factor))).sum())

    def draw(self, u: np.ndarray) -> np.ndarray:
        """Points for standard normal numbers, float64[n, dim] each."""
        return self.mean + u @ self.factor.T

    def log_density(self, x: np.ndarray) -> np.ndarray:
        """The log density of points: float64[n]."""
        from scipy.linalg import solve_triangular

        u = solve_triangular(self.factor, (x - self.mean).T, lower=True)
        return standard(u.T) - self.log_volume


@dataclass(frozen=True, eq=False)
class Factored:
    """x = mean + scale * (u + basis @ (core - I) @ basis.T @ u): the covariance is a diagonal and
    a matrix of low rank. `basis` has orthonormal columns, `core` is lower triangular."""

    mean: np.ndarray
    scale: np.ndarray
    basis: np.ndarray
    core: np.ndarray

    @property
    def log_volume(self) -> float:
        """The logarithm of the determinant of the map."""
        return float(np.log(self.scale).sum() + np.log(np.diagonal(self.core)).sum())

    def draw(self, u: np.ndarray) -> np.ndarray:
        """Points for standard normal numbers, float64[n, dim] each."""
        inner = u @ self.basis
        return self.mean + self.scale * (u + (inner @ self.core.T - inner) @ self.basis.T)

    def log_density(self, x: np.ndarray) -> np.ndarray:
        """The log density of points: float64[n]."""
        z = (x - self.mean) / self.scale
        inner = z @ self.basis
        back = np.linalg.solve(self.core, inner.T).T
        return standard(z + (back - inner) @ self.basis.T) - self.log_volume


def standard(u: np.ndarray) -> np.ndarray:
    """The standard normal log density of each row."""
    return -0.5 * np.einsum("ij,ij->i", u, u) - HALF_LOG_TWO_PI * u.shape[1]
