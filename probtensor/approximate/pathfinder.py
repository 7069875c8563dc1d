"""`pathfinder`: normal approximations along the ways of an optimiser to modes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cython_ext.cpus import available_cpus
from probtensor.approximate.density import Density
from probtensor.approximate.mode import Mode
from probtensor.approximate.output import closing, result, warn_of_draws
from probtensor.approximate.starts import check_posterior, given_start, start_near
from probtensor.calls import line_text, public
from probtensor.dataclass import dataclass
from probtensor.process import numpy_part
from probtensor.sample.checks import check_memory, integer, seed_or_new, value_text
from probtensor.sample.diagnostics.warnings import issue
from probtensor.sample.errors import SamplingError
from probtensor.sample.kernels.protocol import LogpGrad
from probtensor.sample.paths.climb import climb
from probtensor.sample.paths.normal import Factored
from probtensor.sample.paths.pareto import smoothed
from probtensor.sample.runs.output import Arviz
from probtensor.sample.runs.threads import in_other_thread, parallel_for

ELBO, DRAWS, CHOICE = 1, 2, 3  # purposes of random numbers
WORTH_THREADS = 2e-4  # seconds of an evaluation


@dataclass(frozen=True, eq=False)
class Path:
    """The best normal density along one path, its draws and the log densities of both there."""

    normal: Factored
    elbo: float
    draws: np.ndarray
    lp: np.ndarray
    end: str
    evaluations: int


@public
def pathfinder(
    posterior: LogpGrad, draws: int = 1000, *,
    paths: int = 4, history: int = 6, elbo_draws: int = 25, resample: str | None = "psis",
    start: Mapping[str, ArrayLike] | ArrayLike | Mode | None = None, seed: object = None,
    maxiter: int = 1000, threads: int | None = None, progress: bool = True,
) -> Arviz:  # fmt: skip
    """Draws by Pathfinder: L-BFGS climbs to modes, each of its points gives a normal density with
    the inverse Hessian so far, and of each path the one nearest to the posterior is kept, that of
    the highest evidence bound (ELBO).

    posterior   what `condition` returns, or any `LogpGrad`
    draws       how many
    paths       searches, each from a start of its own, as in `sample`
    history     steps that an inverse Hessian is made of
    elbo_draws  draws by which each evidence bound is estimated
    resample    "psis": of the draws of all paths, chosen with replacement by Pareto-smoothed
                importance weights. None: the draws of each path as a chain, without weights
    start       {name: value}, float64[dim], a mode, or float64[paths, dim]; a single one is for the
                first path, and others begin up to 1 from it in each coordinate
    seed        as in `sample`; path i is the same whatever the number of paths and threads
    maxiter     steps of a path
    threads     by default one per CPU where an evaluation takes long, else 1
    progress    False: without the line at the end

    Weights are relative to the mean of the densities of all paths, so that a path to a poor place
    gets none of them (in the paper: relative to the density of its own path).

    Returns an ArviZ object as `sample` does, with one chain; without `resample`, one for each path.
    `sample_stats` has `lp`, the log density of each draw, and `lp_approx`, that of the
    approximation. Among `attrs`: `pareto_k`, `elbo` (of each path) and `evaluations`. A `pareto_k`
    above 0.7, which gets a SamplerWarning, means that the draws are not those of the posterior.
    Raises SamplingError where no path finds an approximation, TypeError or ValueError for wrong
    settings.

        >>> mu = pt.random.normal(0, 5, name="mu")
        >>> post = pt.condition({pt.random.normal(mu, 1.0, name="y"): 1.0})
        >>> idata = pt.pathfinder(post, seed=1, progress=False)
        >>> idata.posterior["mu"].shape, idata.posterior.attrs["pareto_k"] < 0.7
        ((1, 1000), True)

    Source: Zhang, Carpenter, Gelman and Vehtari (2022), JMLR 23(306); the weights are Veach and
    Guibas' (1995) balance heuristic.
    """
    settings = Settings(
        "pathfinder", draws, paths, history, elbo_draws, maxiter, resample, threads, seed
    )
    return found_by_paths(posterior, start, settings, progress)


@dataclass(frozen=True, eq=False)
class Settings:
    """Settings of paths, validated when they are made; see `pathfinder`."""

    what: str
    draws: int
    paths: int
    history: int
    elbo_draws: int
    maxiter: int
    resample: object
    threads: int | None
    seed: object

    def __post_init__(self) -> None:
        for name in ("draws", "paths", "history", "elbo_draws", "maxiter"):
            integer(self.what, name, getattr(self, name), 1)
        if self.threads is not None:
            integer(self.what, "threads", self.threads, 1)
        if self.resample not in ("psis", None):
            text = value_text(self.resample)
            raise ValueError(f'{self.what}: resample is "psis" or None, not {text}')
        object.__setattr__(self, "seed", seed_or_new(self.what, self.seed))


def found_by_paths(posterior: LogpGrad, start: object, of: Settings, progress: bool) -> Arviz:
    """What `pathfinder` returns."""
    check_posterior(of.what, posterior)
    kept = f"{of.draws} draws of {posterior.dim} coordinates of each of {of.paths} paths"
    check_memory(of.what, kept, 16 * of.draws * of.paths * posterior.dim)
    density = Density(posterior)
    run = Run(density, of, starts_of(of.what, posterior, start, of.paths))
    with closing(of.what, density, progress) as line:
        found = run.all()
        points, statistics, k = chosen(found, of)
        density.evaluations += sum(path.evaluations for path in found)
        line.text = f"{len(found)} path{'s' * (len(found) != 1)}, Pareto k {k:.2f}"
    attrs = {
        "sampler": of.what, "sampling_time": line.seconds, "seed": of.seed, "draws": of.draws,
        "paths": of.paths, "history": of.history, "elbo_draws": of.elbo_draws,
        "resample": of.resample or "", "pareto_k": k, "elbo": [path.elbo for path in found],
        "evaluations": density.evaluations,
    }  # fmt: skip
    idata = result(posterior, points, statistics, attrs)
    advice = "Raise paths=, write the model another way"
    warn_of_draws(of.what, statistics["lp"], k, advice)
    return idata


def starts_of(
    what: str, posterior: LogpGrad, start: object, paths: int
) -> list[tuple[Any, bool]]:
    """For each path a given start or None, and whether it begins exactly there."""
    given = given_start(what, posterior, start, paths)
    each = isinstance(start, (list, tuple, np.ndarray)) and np.ndim(start) == 2
    return [(q, q is not None and (each or number == 0)) for number, q in enumerate(given)]


@dataclass(eq=False)
class Run:
    """The paths of one call."""

    density: Density
    of: Settings
    starts: list[tuple[Any, bool]]

    def all(self) -> list[Path]:
        """Every path that found an approximation, in order. SamplingError if none did."""
        threads = 1 if getattr(self.density.posterior, "on_device", False) else self.of.threads
        if threads is None:
            threads = available_cpus() if self.is_slow() else 1
        tried: list[Path | SamplingError | None] = [None] * len(self.starts)

        def attempt(number: int) -> None:
            try:
                tried[number] = self.path(number)
            except SamplingError as error:
                tried[number] = error

        numbers = range(len(self.starts))
        if threads > 1 and len(numbers) > 1:
            in_other_thread(lambda: parallel_for(attempt, numbers, threads))
        else:
            parallel_for(attempt, numbers, 1)
        found = [path for path in tried if isinstance(path, Path)]
        failed = [error for error in tried if not isinstance(error, Path)]
        if not found:
            self.path(0)  # once more, for an error with the user's line
            raise failed[0]
        if failed:
            text = str(failed[0]).split("\n")[0].removeprefix(f"{self.of.what}: ")
            issue(f"{self.of.what}: {len(failed)} of {len(tried)} paths found nothing: {text}")
        return found

    def is_slow(self) -> bool:
        """Do evaluations take so long that threads gain? They begin where the first path does."""
        before, began = self.density.evaluations, time.perf_counter()
        with contextlib.suppress(SamplingError):
            self.start(self.density, 0)
        seconds = time.perf_counter() - began
        return seconds > WORTH_THREADS * (self.density.evaluations - before)

    def start(self, density: Density, number: int) -> np.ndarray:
        """Where a path begins."""
        given, exact = self.starts[number]
        return start_near(self.of.what, density, given, self.of.seed, number, exact=exact)

    def path(self, number: int) -> Path:
        """One path: of the normal densities of all points that of the highest evidence bound."""
        density = self.density.copy()
        q = self.start(density, number)
        of, generator = self.of, stream(self.of.seed, number, ELBO)
        best, end = climb(density, q, generator, of.elbo_draws, of.history, of.maxiter)
        if best is None:
            raise SamplingError(
                f"{self.of.what}: no normal density along path {number} lies where the posterior "
                f"has one ({end})\n  at {line_text()}\n  give start=, or use pt.sample"
            )
        u = stream(self.of.seed, number, DRAWS).standard_normal((self.of.draws, density.dim))
        points = best.normal.draw(u)
        lp, _ = density.rows(points)
        return Path(best.normal, best.elbo, points, lp, end, density.evaluations)


def stream(seed: int, number: int, purpose: int) -> Any:
    """The random numbers of one path for a purpose."""
    return numpy_part("random").default_rng([seed, number, purpose])


def chosen(found: list[Path], of: Settings) -> tuple[np.ndarray, dict[str, np.ndarray], float]:
    """(draws of the result by chain, their statistics, Pareto k)."""
    points = np.concatenate([path.draws for path in found])
    lp = np.concatenate([path.lp for path in found])
    each = np.array([path.normal.log_density(points) for path in found])
    highest = each.max(axis=0)
    mixed = highest + np.log(np.exp(each - highest).mean(axis=0))
    if not np.isfinite(lp).any():
        raise SamplingError(
            f"pathfinder: the posterior has no density at any of {len(lp)} draws\n  at "
            f"{line_text()}\n  give start=, or use pt.sample"
        )
    weights, k = smoothed(lp - mixed)
    if of.resample is None:
        shape = (len(found), of.draws)
        statistics = {"lp": lp.reshape(shape), "lp_approx": mixed.reshape(shape)}
        return points.reshape(*shape, -1), statistics, k
    generator = stream(of.seed, 0, CHOICE)
    rows = generator.choice(len(points), size=of.draws, p=np.exp(weights))
    statistics = {"lp": lp[rows][None], "lp_approx": mixed[rows][None]}
    return points[rows][None], statistics, k
