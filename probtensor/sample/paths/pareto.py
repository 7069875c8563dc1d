"""Pareto-smoothed importance weights, and the shape of their tail.

Vehtari, Simpson, Gelman, Yao and Gabry (2024), JMLR 25(72); the fit of the tail is that of Zhang
and Stephens (2009), Technometrics 51:316, with the weak prior of the former.
"""

from __future__ import annotations

import numpy as np

FEWEST = 5  # values of a tail
LIMIT = 0.7  # beyond it means by these weights cannot be relied on
PRIOR = 10.0  # of the shape: as many values at 0.5
NEGLIGIBLE = 1e-9


def smoothed(log_ratios: np.ndarray) -> tuple[np.ndarray, float]:
    """(log weights that sum to 1 as weights, Pareto k) of log importance ratios, float64[n].

    The largest ratios are replaced by quantiles of the generalized Pareto distribution that fits
    them. k is 0 where all of these are equal, inf where nearly all ratios are 0, and nan of too few
    ratios to say.
    """
    x = log_ratios - log_ratios.max()
    if x.min() > -NEGLIGIBLE:
        return np.full(len(x), -np.log(len(x))), 0.0
    count = int(np.ceil(min(len(x) / 5, 3 * np.sqrt(len(x)))))
    shape = np.nan
    if count >= FEWEST:
        shape = np.inf
        order = np.argsort(x, kind="stable")
        tail, below = order[-count:], np.exp(x[order[-count - 1]])
        above = np.exp(x[tail]) - below
        if x[tail[0]] > -NEGLIGIBLE:
            shape = 0.0  # the largest are all equal, as where a normal density is cut
        elif above[0] > 0 and np.isfinite(above).all():
            shape, scale = fitted(above)
            quantiles = pareto_quantiles((np.arange(count) + 0.5) / count, shape, scale)
            x = x.copy()
            x[tail] = np.minimum(np.log(quantiles + below), 0.0)
    return x - np.log(np.exp(x).sum()), float(shape)


def fitted(x: np.ndarray) -> tuple[float, float]:
    """(shape k, scale) of the generalized Pareto distribution of sorted positive values."""
    n, quarter = len(x), x[int(len(x) / 4 + 0.5) - 1]
    points = 30 + int(np.sqrt(n))
    grid = 1.0 / x[-1] + (1.0 - np.sqrt(points / (np.arange(1, points + 1) - 0.5))) / (3 * quarter)
    shapes = np.log1p(-grid[:, None] * x).mean(axis=1)
    profile = n * (np.log(-grid / shapes) - shapes - 1.0)
    weights = 1.0 / np.exp(profile - profile[:, None]).sum(axis=1)
    kept = weights >= 10 * np.finfo(float).eps
    rate = float((grid[kept] * weights[kept]).sum() / weights[kept].sum())
    shape = float(np.log1p(-rate * x).mean())
    scale = -shape / rate
    return (n * shape + PRIOR * 0.5) / (n + PRIOR), scale


def pareto_quantiles(p: np.ndarray, shape: float, scale: float) -> np.ndarray:
    """Quantiles of the generalized Pareto distribution."""
    if abs(shape) < 1e-12:
        return -scale * np.log1p(-p)
    return scale * np.expm1(-shape * np.log1p(-p)) / shape
