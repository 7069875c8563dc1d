"""Convergence measures of Vehtari, Gelman, Simpson, Carpenter and Bürkner (2021), vectorised.

All take arrays whose first two axes are chains and draws, work on every other axis at once, and
return an array of the remaining shape. They agree with ArviZ; computing them here avoids ArviZ's
import and its loop over variables in short runs. Variables are processed in blocks that bound the
memory and fit a core's cache, in several threads, since NumPy sorts and transforms without the GIL.
"""

import functools

import numpy as np

from cython_ext.scalars import apply
from probtensor.process import numpy_part
from probtensor.sample.runs.threads import parallel_for

BLOCK_VALUES = 100_000
SUPERCHAIN_THRESHOLD = 128
SUPERCHAINS = 64


def convergence(draws, threads=1):
    """(R-hat, bulk ESS, tail ESS) together, with ranks computed once."""
    return tuple(_by_blocks(_all_three, draws, rows=3, threads=threads))


def superchain_size(chains):
    """Chains of a superchain, which share a start point: 1 below SUPERCHAIN_THRESHOLD chains."""
    return 1 if chains < SUPERCHAIN_THRESHOLD else -(-chains // SUPERCHAINS)


def nested(draws):
    """(nested R-hat, effective sample size) of many chains, float64[...] each.

    draws: float64[chains, draws, ...]. Nested R-hat is that of Margossian, Hoffman, Sountsov,
    Riou-Durand, Vehtari and Gelman (2024, Bayesian Analysis 19), with superchains of
    `superchain_size` consecutive chains; it needs no long chains. The effective sample size for the
    mean is computed from the chains' own means, whose spread is the Monte Carlo error: from 128
    chains on its relative error is about an eighth. One pass over the draws, no ranks; nan where
    these are not finite.
    """
    draws = np.asarray(draws, dtype=float)
    chains, length = draws.shape[:2]
    each = superchain_size(chains)
    means, variances = _mean_and_variance(draws)
    used = chains // each * each  # those of complete superchains
    grouped = means[:used].reshape(-1, each, *means.shape[1:])
    between_chains = grouped.var(axis=1, ddof=1) if each > 1 else np.zeros(grouped[:, 0].shape)
    within = between_chains + variances[:used].reshape(grouped.shape).mean(axis=1)
    with np.errstate(all="ignore"):
        between = grouped.mean(axis=1).var(axis=0, ddof=1)
        rhat = np.sqrt(1.0 + between / within.mean(axis=0))
        spread = means.var(axis=0, ddof=1)
        total = variances.mean(axis=0) * (length - 1) / length + spread
        return rhat, chains * total / spread


def _mean_and_variance(draws):
    """Those of each chain, [chains, ...] twice; of as many chains at a time as fit the cache."""
    chains, length = draws.shape[:2]
    means, variances = (np.empty((chains, *draws.shape[2:])) for _ in range(2))
    size = max(1, BLOCK_VALUES * chains // max(1, draws.size))
    for first in range(0, chains, size):
        piece = draws[first : first + size]
        part = means[first : first + size] = piece.mean(axis=1)
        offset = piece - part[:, None]
        variances[first : first + size] = np.einsum("cn...,cn...->c...", offset, offset)
    return means, variances / max(1, length - 1)


def rhat(draws):
    """Rank-normalised split R-hat: the larger of the bulk's and the folded draws'.

    draws: float64[chains, draws, ...]. nan with fewer than 2 chains or 4 draws, or if a draw is not
    finite.
    """
    return _by_blocks(lambda values: _rank_rhat(_split(values)), draws)[0]


def ess_bulk(draws):
    """Effective sample size of the rank-normalised draws; nan under 4 draws or if not finite."""
    return _by_blocks(lambda values: _plain_ess(_rank_normal(_split(values))), draws)[0]


def ess_tail(draws):
    """The smaller effective sample size of the 5 % and the 95 % quantile."""
    return _by_blocks(_tail_ess, draws)[0]


def ess_mean(draws):
    """Effective sample size for the mean: split chains, no rank normalisation."""
    return _by_blocks(lambda values: _plain_ess(_split(values)), draws)[0]


def mcse_mean(draws):
    """Monte Carlo standard error of the mean: the draws' deviation over sqrt(ess_mean)."""
    draws = np.asarray(draws, dtype=float)
    return draws.std(axis=(0, 1), ddof=1) / np.sqrt(ess_mean(draws))


def bfmi(energy):
    """Bayesian fraction of missing information, float64[chains] (Betancourt 2016, 1604.00695).

    energy: float64[chains, draws], the Hamiltonian at each draw.
    """
    energy = np.asarray(energy, dtype=float)
    with np.errstate(all="ignore"):
        steps = np.square(np.diff(energy, axis=1)).mean(axis=1)
        return steps / energy.var(axis=1, ddof=1)


def _by_blocks(measure, draws, rows=1, threads=1):
    """Apply `measure` to float64[variables, chains, draws] pieces; nan for variables whose
    draws are not all finite.

    `measure` gives float64[variables], or `rows` of them; the result is float64[rows, ...].
    """
    draws = np.asarray(draws, dtype=float)
    chains, length = draws.shape[:2]
    values = draws.reshape(chains, length, -1)
    count = values.shape[2]
    result = np.full((rows, count), np.nan)
    width = max(1, BLOCK_VALUES // max(1, chains * length))

    def block(start):
        piece = np.ascontiguousarray(values[:, :, start : start + width].transpose(2, 0, 1))
        finite = np.isfinite(piece).all(axis=(1, 2))
        with np.errstate(all="ignore"):  # threads do not inherit it
            found = measure(np.where(finite[:, None, None], piece, 0.0))
        result[:, start : start + width] = np.where(finite, found, np.nan)

    starts = range(0, count if length >= 4 else 0, width)
    parallel_for(block, starts, threads)
    return result.reshape(rows, *draws.shape[2:])


def _all_three(values):
    halves = _split(values)
    scores = _rank_normal(halves)
    return np.stack([_rank_rhat(halves, scores), _plain_ess(scores), _tail_ess(values)])


def _rank_rhat(halves, scores=None):
    """R-hat of split chains; `scores` are their normal scores, if computed already."""
    if halves.shape[1] < 4:
        return np.full(len(halves), np.nan)
    scores = _rank_normal(halves) if scores is None else scores
    folded = np.abs(halves - np.median(_flat(halves), axis=-1)[:, None, None])
    return np.maximum(_plain_rhat(scores), _plain_rhat(_rank_normal(folded)))


def _tail_ess(values):
    low, high = np.quantile(_flat(values), (0.05, 0.95), axis=-1)
    halves = _split(values)
    return np.minimum(
        _plain_ess((halves <= low[:, None, None]).astype(float)),
        _plain_ess((halves <= high[:, None, None]).astype(float)),
    )


def _split(values):
    """Halve each chain: [variables, chains, n] -> [variables, 2 chains, n // 2]."""
    half = values.shape[2] // 2
    return np.concatenate([values[:, :, :half], values[:, :, -half:]], axis=1)


def _flat(values):
    return values.reshape(len(values), -1)


@functools.lru_cache(maxsize=8)
def _normal_scores(size):
    """Normal quantiles of the ranks 1, 1.5, 2, ..., size, with Blom's offset of 3/8."""
    ranks = 1.0 + 0.5 * np.arange(2 * size - 1)
    return apply("pt_ndtri", (ranks - 0.375) / (size + 0.25))


def _rank_normal(values):
    """Replace draws by the normal scores of their ranks among all chains; ties share a rank."""
    flat = _flat(values)
    size = flat.shape[1]
    order = np.argsort(flat, axis=-1)
    ordered = np.take_along_axis(flat, order, axis=-1)
    index = np.arange(size)
    new = np.ones(flat.shape, dtype=bool)
    np.not_equal(ordered[:, 1:], ordered[:, :-1], out=new[:, 1:])
    first = np.maximum.accumulate(np.where(new, index, 0), axis=-1)
    ends = np.ones(flat.shape, dtype=bool)
    ends[:, :-1] = new[:, 1:]
    backwards = np.where(ends, index, size)[:, ::-1]
    last = np.minimum.accumulate(backwards, axis=-1)[:, ::-1]
    scores = np.empty_like(flat)
    np.put_along_axis(scores, order, _normal_scores(size)[first + last], axis=-1)
    return scores.reshape(values.shape)


def _plain_rhat(values):
    """Gelman and Rubin's ratio of [variables, chains, n] -> [variables]."""
    n = values.shape[2]
    between = n * values.mean(axis=2).var(axis=1, ddof=1)
    within = values.var(axis=2, ddof=1).mean(axis=1)
    return np.sqrt((between / within + n - 1) / n)


def _mean_autocovariance(values):
    """Autocovariance at each lag, averaged over chains: [variables, chains, n] -> [variables, n].

    The average is taken of the spectra, so that one inverse transform serves all chains.
    """
    n = values.shape[2]
    padded = 1 << (2 * n - 1).bit_length()
    centred = values - values.mean(axis=2, keepdims=True)
    spectrum = numpy_part("fft").rfft(centred, n=padded, axis=2)
    power = (spectrum.real**2 + spectrum.imag**2).mean(axis=1)
    return numpy_part("fft").irfft(power, n=padded, axis=1)[:, :n] / n


def _plain_ess(values):
    """Effective sample size by Geyer's initial monotone sequence: [variables, chains, n]."""
    variables, chains, n = values.shape
    covariance = _mean_autocovariance(values)
    within = covariance[:, 0] * n / (n - 1.0)
    total = within * (n - 1.0) / n
    if chains > 1:
        total = total + values.mean(axis=2).var(axis=1, ddof=1)
    correlation = 1.0 - (within[:, None] - covariance) / total[:, None]
    correlation[:, 0] = 1.0
    pairs = max(1, (n - 3) // 2 + 1)
    even = correlation[:, 0 : 2 * pairs : 2]
    sums = even + correlation[:, 1 : 2 * pairs : 2]
    # The sequence ends at the first pair whose sum is not positive, or at the last pair.
    stop = np.where((sums <= 0.0).any(axis=1), np.argmax(sums <= 0.0, axis=1), pairs - 1)
    used = np.arange(pairs) < stop[:, None]
    falling = np.where(used, np.minimum.accumulate(sums, axis=1), 0.0)
    rows = np.arange(variables)
    last_even = even[rows, stop]
    kept = (last_even > 0.0) | (sums[rows, stop] >= 0.0)
    time = -1.0 + 2.0 * falling.sum(axis=1) + np.where(kept, last_even, 0.0)
    size = chains * n
    result = size / np.maximum(time, 1.0 / np.log10(size))
    spread = values.max(axis=(1, 2)) - values.min(axis=(1, 2))
    return np.where(spread < np.finfo(float).resolution, float(size), result)
