"""Bulk effective sample size and R-hat, one function for all contenders.

Rank-normalised and split, after Vehtari, Gelman, Simpson, Carpenter and Bürkner (2021),
"Rank-normalization, folding, and localization", Bayesian Analysis 16(2); the autocorrelations are
truncated by Geyer's initial positive and monotone sequences. Within one per cent of ArviZ's.
"""

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.special import ndtri
from scipy.stats import rankdata


def _split(draws):
    half = draws.shape[1] // 2
    return np.concatenate([draws[:, :half], draws[:, -half:]])


def _normal_scores(draws):
    ranks = rankdata(draws, method="average").reshape(draws.shape)
    return ndtri((ranks - 0.375) / (draws.size + 0.25))


def _autocovariance(draws):
    n = draws.shape[1]
    size = next_fast_len(2 * n)
    spectrum = rfft(draws - draws.mean(axis=1, keepdims=True), size)
    return irfft(np.abs(spectrum) ** 2, size)[:, :n] / n


def _variances(draws):
    """Within-chain variance, and the variance estimate that adds the one between chains."""
    n = draws.shape[1]
    within = draws.var(axis=1, ddof=1).mean()
    between = draws.mean(axis=1).var(ddof=1)
    return within, within * (n - 1) / n + between


def bulk_ess(draws):
    """Bulk ESS of one scalar; `draws` has shape (chains, draws) and no constant chain."""
    z = _normal_scores(_split(np.asarray(draws, dtype=float)))
    chains, n = z.shape
    _, total = _variances(z)
    covariance = _autocovariance(z) * n / (n - 1)
    rho = 1 - (covariance[:, 0].mean() - covariance.mean(axis=0)) / total
    rho[0] = 1
    pairs = rho[: n - n % 2].reshape(-1, 2).sum(axis=1)
    negative = np.flatnonzero(pairs < 0)
    stop = negative[0] if negative.size else len(pairs)
    pairs = np.minimum.accumulate(pairs[:stop])
    last = max(rho[2 * stop], 0) if 2 * stop < n else 0
    tau = -1 + 2 * pairs.sum() + last
    tau = max(tau, 1 / np.log10(chains * n))
    return chains * n / tau


def rhat(draws):
    """Split R-hat of the normal scores of one scalar; `draws` has shape (chains, draws)."""
    within, total = _variances(_normal_scores(_split(np.asarray(draws, dtype=float))))
    return float(np.sqrt(total / within))


def worst(samples):
    """The smallest bulk ESS and the largest R-hat over every scalar of a dict of draws.

    Each array has shape (chains, draws, ...).
    """
    smallest, largest = np.inf, 0.0
    for array in samples.values():
        columns = np.asarray(array).reshape(*array.shape[:2], -1)
        for k in range(columns.shape[2]):
            smallest = min(smallest, bulk_ess(columns[:, :, k]))
            largest = max(largest, rhat(columns[:, :, k]))
    return float(smallest), float(largest)
