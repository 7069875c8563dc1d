"""Start points of chains: draws of normal densities along paths to modes, where these are good."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from cython_ext import blas
from cython_ext.samplers import chain as native
from probtensor.dataclass import dataclass
from probtensor.sample.kernels.protocol import Context, LogpGrad
from probtensor.sample.paths.climb import climb
from probtensor.sample.paths.density import PointerDensity
from probtensor.sample.paths.normal import Factored
from probtensor.sample.runs.start import ATTEMPTS
from probtensor.sample.runs.threads import in_other_thread, parallel_for

FIRST_PATHS, PATHS = 6, 24
HISTORY, LENGTH, PATIENCE = 6, 200, 20  # of each path
BOUND_DRAWS, SCORE_DRAWS = 5, 20  # of each evidence bound; of the choice between paths
CANDIDATES = 8  # draws of which a chain takes one
WORTH_THREADS = 0.05  # seconds of a path
PATH_NUMBERS, CHAIN_NUMBERS = 1 << 20, 1 << 30  # purposes of random numbers


class Numbers:
    """Standard normal numbers that are a function of (seed, number, purpose) and of the order of
    the calls alone."""

    def __init__(self, seed: int, number: int, purpose: int) -> None:
        self.seed, self.number, self.purpose = seed, number, purpose

    def uniform(self, count: int) -> np.ndarray:
        """float64[count] on [0, 1)."""
        self.purpose += 1
        return native.uniforms(self.seed, self.number, self.purpose, count)

    def standard_normal(self, shape: tuple[int, int]) -> np.ndarray:
        """Numbers of this shape, by the method of Box and Muller (1958)."""
        count = shape[0] * shape[1]
        radius = np.sqrt(-2.0 * np.log1p(-self.uniform(count)))
        return (radius * np.cos(2.0 * np.pi * self.uniform(count))).reshape(shape)


@dataclass(frozen=True, eq=False)
class Path:
    """The best normal density of a path, and draws of it where the posterior's density is finite.

    points     float64[n, dim]
    lp         the posterior's log density there
    log_share  the logarithm of the share of all draws that these are
    mean       of the log ratios of the posterior's density to the normal one, with that share
    variance   of these ratios
    """

    normal: Factored
    points: np.ndarray
    lp: np.ndarray
    log_share: float
    mean: float
    variance: float


def starts_along_paths(
    posterior: LogpGrad, contexts: Sequence[Context], seed: int, chains: int
) -> list[np.ndarray | None]:
    """A start point for each chain; None, for a random one, where no path leads to one.

    Six paths of Pathfinder climb from random points, 18 more where one of them ends at a place that
    is poorer than the best one by more than the noise of its bound. Each chain takes one of their
    normal densities, and one of its draws. Paths with a lower bound than the best one are taken
    more seldom, by the difference in units of the variance of the best one's log ratios: so poor
    places, where the bound is hundreds lower, get no chain, and modes that may have similar mass
    get some each. Bounds are relative to the mean of the densities of all paths, so that several
    paths to one mode share its chains. Paths do not depend on the number of chains and of contexts,
    for a thread each, and chain i starts at the same point whatever these are.

    Where the density's function raises an error, all chains start at random, and tell of it if it
    is raised there.
    """
    densities = [PointerDensity(posterior, context) for context in contexts]
    try:
        with blas.OneThread(*blas.loaded()):
            paths = _paths(densities, seed, range(FIRST_PATHS))
            if not _agree(paths):
                paths += _paths(densities, seed, range(FIRST_PATHS, PATHS))
            found = [path for path in paths if path is not None]
            if not found:
                return [None] * chains
            noise = max(1.0, max(found, key=lambda path: path.mean).variance)
            scores = _bounds(found) / noise
            numbers = [Numbers(seed, chain, CHAIN_NUMBERS) for chain in range(chains)]
            return [
                _start(densities[0], found[_choice(scores, own)].normal, noise, own)
                for own in numbers
            ]
    except Exception:
        return [None] * chains


def _paths(densities: list[PointerDensity], seed: int, numbers: range) -> list[Path | None]:
    """The paths of these numbers, on threads if they take long."""
    found: dict[int, Path | None] = {}
    free = list(densities)

    def attempt(number: int) -> None:
        density = free.pop()
        found[number] = _path(density, seed, number)
        free.append(density)

    began = time.perf_counter()
    attempt(numbers[0])
    if len(densities) > 1 and time.perf_counter() - began > WORTH_THREADS:
        in_other_thread(lambda: parallel_for(attempt, numbers[1:], len(densities)))
    else:
        parallel_for(attempt, numbers[1:], 1)
    return [found[number] for number in numbers]


def _agree(paths: list[Path | None]) -> bool:
    """May all paths have led to places as good as the best one? The evidence of a path, were its
    log ratios normal, is that of its bound and half of their variance."""
    found = [path for path in paths if path is not None]
    best = max((path.mean for path in found), default=0.0)
    return len(found) == len(paths) and all(
        path.mean + max(1.0, path.variance) >= best for path in found
    )


def _path(density: PointerDensity, seed: int, number: int) -> Path | None:
    """The path of this number, from the first random point of finite density; None if there is no
    such point, or no normal density near it."""
    for attempt in range(ATTEMPTS):
        q = 4.0 * native.uniforms(seed, number, attempt, density.dim) - 2.0
        if np.isfinite(density.at(q)[0]):
            break
    else:
        return None
    numbers = Numbers(seed, number, PATH_NUMBERS)
    best, _ = climb(density, q, numbers, BOUND_DRAWS, HISTORY, LENGTH, PATIENCE)
    if best is None:
        return None
    points = best.normal.draw(numbers.standard_normal((SCORE_DRAWS, density.dim)))
    lp = density.rows(points)[0]
    inside = np.isfinite(lp)
    if not inside.any():
        return None
    points, lp, log_share = points[inside], lp[inside], float(np.log(inside.mean()))
    ratios = lp - best.normal.log_density(points)
    mean, variance = float(ratios.mean()) + log_share, float(ratios.var())
    return Path(best.normal, points, lp, log_share, mean, variance)


def _bounds(paths: list[Path]) -> np.ndarray:
    """The evidence bounds of paths relative to the mean of all their densities."""
    points = np.concatenate([path.points for path in paths])
    each = np.array([path.normal.log_density(points) for path in paths])
    mixed = np.logaddexp.reduce(each, axis=0) - np.log(len(paths))
    places = np.cumsum([len(path.points) for path in paths])[:-1]
    gaps = np.split(np.concatenate([path.lp for path in paths]) - mixed, places)
    return np.array([gap.mean() + path.log_share for gap, path in zip(gaps, paths)])


def _start(
    density: PointerDensity, normal: Factored, noise: float, numbers: Numbers
) -> np.ndarray | None:
    """One of some draws of a normal density; None where the posterior's is finite at none."""
    points = normal.draw(numbers.standard_normal((CANDIDATES, density.dim)))
    ratios = density.rows(points)[0] - normal.log_density(points)
    if not np.isfinite(ratios).any():
        return None
    return points[_choice(ratios / noise, numbers)]


def _choice(scores: np.ndarray, numbers: Numbers) -> int:
    """An index, with probabilities proportional to the exponentials of the scores."""
    weights = np.exp(scores - np.max(scores))
    return int(np.searchsorted(np.cumsum(weights), numbers.uniform(1)[0] * weights.sum(), "right"))
