"""Hamiltonian Monte Carlo of many points at once: moves that leave a density as it is.

Each point has a step size of its own, drawn from a wide range at each move, so that nothing needs
to be adapted and the move is exactly reversible whatever the density's scale is.
Source: Neal (2011), "MCMC using Hamiltonian dynamics", Handbook of MCMC, ch. 5.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Density = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
SMALLEST, LARGEST = -2.0, 0.2  # decimal logarithms of step sizes relative to the scales
STEPS = 8


def moved(
    density: Density, q: np.ndarray, scale: np.ndarray, rng: np.random.Generator, moves: int
) -> np.ndarray:
    """Points float64[n, dim] after some moves, each accepted or refused for each point.

    density  log density and gradient of rows: float64[n, dim] -> (float64[n], float64[n, dim])
    scale    float64[dim], about the spread of each coordinate
    """
    logp, slope = density(q)
    for _ in range(moves):
        step = 10 ** rng.uniform(SMALLEST, LARGEST, (len(q), 1)) * scale
        momentum = rng.normal(size=q.shape)
        start = logp - 0.5 * np.sum(momentum**2, axis=1)
        at, velocity, here, gradient = q, momentum, logp, slope
        with np.errstate(all="ignore"):
            for _ in range(int(rng.integers(1, STEPS + 1))):
                velocity = velocity + 0.5 * step * gradient
                at = at + step * velocity
                here, gradient = density(at)
                velocity = velocity + 0.5 * step * gradient
            end = here - 0.5 * np.sum(velocity**2, axis=1)
            keep = np.log(rng.uniform(size=len(q))) < end - start  # False where it is nan
        q = np.where(keep[:, None], at, q)
        logp = np.where(keep, here, logp)
        slope = np.where(keep[:, None], gradient, slope)
    return q


def spread(points: np.ndarray) -> np.ndarray:
    """The interquartile range of each column over that of a normal distribution; 1 where it has
    none."""
    if not points.size:
        return np.ones(points.shape[1:])
    low, high = np.nanquantile(points, [0.25, 0.75], axis=0)
    with np.errstate(all="ignore"):
        found = (high - low) / 1.349
    return np.where(np.isfinite(found) & (found > 0), found, 1.0)
