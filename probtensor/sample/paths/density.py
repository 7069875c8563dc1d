"""What ascents require of a log density, and the density of a posterior by its C function."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from cython_ext.samplers import chain as native
from probtensor.sample.errors import SamplingError, density_failure
from probtensor.sample.kernels.protocol import Context, LogpGrad


class Surface(Protocol):
    """A log density over R^dim with its gradient."""

    dim: int

    def at(self, q: np.ndarray) -> tuple[float, np.ndarray]:
        """(log density, gradient) at a point; -inf where one of them is not finite."""

    def rows(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(float64[n], float64[n, dim]) of n points, float64[n, dim]."""


class PointerDensity:
    """The density of a posterior in one context, called as chains call it. SamplingError where a
    check in it fails; an exception of a function of the user is raised as it is."""

    def __init__(self, posterior: LogpGrad, context: Context) -> None:
        self.dim = posterior.dim
        self.posterior = posterior
        self.context = context

    def at(self, q: np.ndarray) -> tuple[float, np.ndarray]:
        """See `Surface`."""
        # Both addresses may change when native code is ready.
        code, value, slope = native.evaluate_at(self.posterior.address, self.context.address, q)
        if code != 0:
            known = density_failure(self.context, code, "on the path to a start")
            raise known or SamplingError(f"the log density's function failed with code {code}")
        if not (np.isfinite(value) and np.isfinite(slope).all()):
            return -np.inf, slope
        return value, slope

    def rows(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Surface`."""
        values, slopes = np.empty(len(points)), np.empty(points.shape)
        for row, q in enumerate(points):
            values[row], slopes[row] = self.at(q)
        return values, slopes
