"""`fit_advi`: the normal density of the highest evidence bound, by stochastic gradients.

The steps are Adam's (Kingma and Ba 2015), of sizes that fall by stages; what counts are means of
the iterates of a stage, as in Dhaka et al. (2020) and Welandawe et al. (2022). The
gradients are those of Roeder, Wu and Duvenaud (2017), whose noise is gone where both densities are
the same.

Everything is in coordinates in which a first normal density, the best one along four paths of
Pathfinder, is standard: so one step size serves variables of all scales.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from probtensor.approximate.density import Density
from probtensor.approximate.mode import Mode
from probtensor.approximate.output import closing, result, warn_of_draws
from probtensor.approximate.pathfinder import Run, starts_of, stream
from probtensor.approximate.pathfinder import Settings as PathSettings
from probtensor.approximate.starts import check_posterior
from probtensor.calls import line_text, public
from probtensor.dataclass import dataclass, field
from probtensor.sample.checks import check_memory, fraction, integer, seed_or_new, value_text
from probtensor.sample.diagnostics.warnings import issue
from probtensor.sample.errors import SamplingError
from probtensor.sample.kernels.protocol import LogpGrad
from probtensor.sample.paths.normal import HALF_LOG_TWO_PI, Dense, Factored
from probtensor.sample.paths.pareto import smoothed
from probtensor.sample.runs.output import Arviz

METHODS = ("advi", "fullrank_advi")
STEPS, DRAWS = 4, 5  # purposes of random numbers
BLOCK, BLOCKS, FEWEST_BLOCKS = 50, 24, 8  # steps of a block; blocks of a stage
CHECKS, SLACK = 200, 0.05  # draws of a bound that is compared; what a bound may fall
SHRINK = 1 / 3  # of the step size from stage to stage
MOMENTS = (0.9, 0.999)
PATHS, PATH_DRAWS, PATH_HISTORY, PATH_LENGTH = 4, 25, 6, 200


@public
def fit_advi(
    posterior: LogpGrad, draws: int = 1000, *,
    method: str = "advi", n: int = 20_000, samples: int = 10, learning_rate: float = 0.1,
    tolerance: float = 0.02, start: Mapping[str, ArrayLike] | ArrayLike | Mode | None = None,
    seed: object = None, progress: bool = True,
) -> Arviz:  # fmt: skip
    """Draws from the normal density on the unconstrained space that has the highest evidence bound
    (ELBO), found by stochastic gradients: automatic differentiation variational inference.

    posterior      what `condition` returns, or any `LogpGrad`
    draws          how many
    method         "advi": independent coordinates, whose spreads are too small where the posterior
                   is correlated; "fullrank_advi": any covariance, of some hundred coordinates
    n              steps at most
    samples        draws in each step
    learning_rate  the first step size, in standard deviations of the density it begins with
    tolerance      the search ends when a step size of a third moves no mean by more than this
                   share of a standard deviation, and no standard deviation by more than this share
    start          where paths to the density that it begins with start, as in `pathfinder`
    seed           as in `sample`
    progress       False: without the line at the end

    Returns an ArviZ object as `sample` does, with one chain. `sample_stats` has `lp`, the log
    density of each draw, and `lp_approx`, that of the approximation. Among `attrs`: `pareto_k`,
    `elbo`, `elbo_trace` (its estimate for each 50 steps), `steps` and `converged`. A `pareto_k`
    above 0.7 means that the draws are not those of the posterior. It gets a SamplerWarning, as does
    a search that ends at `n` steps.
    Raises SamplingError where the posterior has no finite density at a start, or at any of the
    draws of a step; TypeError or ValueError for wrong settings.

        >>> mu = pt.random.normal(0, 5, name="mu")
        >>> post = pt.condition({pt.random.normal(mu, 1.0, name="y"): 1.0})
        >>> idata = pt.fit_advi(post, seed=1, progress=False)
        >>> idata.posterior["mu"].shape, bool(idata.posterior.attrs["converged"])
        ((1, 1000), True)

    Source: Kucukelbir, Tran, Ranganath, Gelman and Blei (2017), JMLR 18(14).
    """
    settings = Settings("fit_advi", draws, method, n, samples, learning_rate, tolerance, seed)
    return fitted(posterior, start, settings, progress)


@dataclass(frozen=True, eq=False)
class Settings:
    """Settings of a fit, validated when they are made; see `fit_advi`."""

    what: str
    draws: int
    method: str
    n: int
    samples: int
    learning_rate: float
    tolerance: float
    seed: object

    def __post_init__(self) -> None:
        for name in ("draws", "n", "samples"):
            integer(self.what, name, getattr(self, name), 1)
        for name in ("learning_rate", "tolerance"):
            fraction(self.what, name, getattr(self, name))
        if not isinstance(self.method, str) or self.method not in METHODS:
            text = value_text(self.method)
            raise ValueError(f"{self.what}: method is one of {', '.join(METHODS)}, not {text}")
        object.__setattr__(self, "seed", seed_or_new(self.what, self.seed))


def fitted(posterior: LogpGrad, start: object, of: Settings, progress: bool) -> Arviz:
    """What `fit_advi` returns."""
    check_posterior(of.what, posterior)
    dim = posterior.dim
    rows = max(of.draws, dim if of.method == "fullrank_advi" else 0)
    check_memory(of.what, f"{rows} rows of {dim} coordinates", 24 * dim * rows)
    density = Density(posterior)
    with closing(of.what, density, progress) as line:
        first = first_normal(density, of, starts_of(of.what, posterior, start, PATHS))
        fit = Fit(density, first, of, stream(of.seed, 0, STEPS))
        fit.run()
        normal = fit.normal()
        points = normal.draw(stream(of.seed, 0, DRAWS).standard_normal((of.draws, dim)))
        lp, lp_approx = density.rows(points)[0], normal.log_density(points)
        _, k = smoothed(lp - lp_approx)
        elbo = float(np.mean(lp - lp_approx))
        line.text = f"{fit.steps} steps, ELBO {elbo:.6g}, Pareto k {k:.2f}"
    attrs = {
        "sampler": of.method, "sampling_time": line.seconds, "seed": of.seed, "draws": of.draws,
        "learning_rate": of.learning_rate, "tolerance": of.tolerance, "samples": of.samples,
        "steps": fit.steps, "converged": int(fit.converged), "pareto_k": k, "elbo": elbo,
        "elbo_trace": fit.trace, "evaluations": density.evaluations,
    }  # fmt: skip
    idata = result(posterior, points[None], {"lp": lp[None], "lp_approx": lp_approx[None]}, attrs)
    if not fit.converged:
        issue(f"{of.what}: {of.n} steps are not enough for tolerance={of.tolerance:g}: raise n=")
    other = 'method="fullrank_advi", ' if of.method == "advi" else ""
    warn_of_draws(of.what, lp, k, f"Try {other}pt.pathfinder, write the model another way")
    return idata


def first_normal(density: Density, of: Settings, starts: list) -> Factored:
    """The best normal density along some paths of Pathfinder."""
    settings = PathSettings(
        of.what, 1, PATHS, PATH_HISTORY, PATH_DRAWS, PATH_LENGTH, "psis", 1, of.seed
    )
    found = Run(density, settings, starts).all()
    density.evaluations += sum(path.evaluations for path in found)
    return max(found, key=lambda path: path.elbo).normal


@dataclass(eq=False)
class Fit:
    """A normal density that steps change.

    In coordinates z, where a point is first.mean + base(z), z = mean + scale @ u. Parameters are
    one vector: the mean, the logarithms of the (diagonal) scale, what is below the diagonal.
    """

    density: Density
    first: Factored
    of: Settings
    generator: Any
    steps: int = 0
    converged: bool = False
    trace: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        dim = self.density.dim
        self.full = self.of.method == "fullrank_advi"
        whole = self.first.draw(np.eye(dim)) - self.first.mean if self.full else None
        if self.full:
            # Lower triangular, so that what the steps change is that of the points, too.
            self.base = np.linalg.cholesky(whole.T @ whole)
            self.log_volume = float(np.log(np.diagonal(self.base)).sum())
            self.below = np.tril_indices(dim, -1)
        else:
            self.base = deviations(self.first)
            self.log_volume = float(np.log(self.base).sum())
        self.parameters = np.zeros(2 * dim + (len(self.below[0]) if self.full else 0))

    def scale_of(self, parameters: np.ndarray) -> np.ndarray:
        """The scale: a vector, or a lower triangular matrix."""
        dim = self.density.dim
        diagonal = np.exp(parameters[dim : 2 * dim])
        if not self.full:
            return diagonal
        scale = np.zeros((dim, dim))
        scale[self.below] = parameters[2 * dim :]
        scale[np.arange(dim), np.arange(dim)] = diagonal
        return scale

    def normal(self) -> Dense | Factored:
        """The density in the posterior's coordinates."""
        dim = self.density.dim
        mean, scale = self.parameters[:dim], self.scale_of(self.parameters)
        if self.full:
            return Dense(self.first.mean + self.base @ mean, self.base @ scale)
        centre = self.first.mean + self.base * mean
        return Factored(centre, self.base * scale, np.empty((dim, 0)), np.empty((0, 0)))

    def slope(self, parameters: np.ndarray) -> tuple[float, np.ndarray]:
        """(estimate of the evidence bound, its slope) by some draws."""
        from scipy.linalg import solve_triangular

        dim = self.density.dim
        scale = self.scale_of(parameters)
        u = self.generator.standard_normal((self.of.samples, dim))
        lp, slopes = self.density.rows(self.points(parameters, u))
        inside = np.isfinite(lp)
        if not inside.any():
            raise SamplingError(
                f"fit_advi: the posterior has no density at any of {self.of.samples} draws of step "
                f"{self.steps}\n  at {line_text()}\n  raise samples=, or use pt.sample"
            )
        if not inside.all():
            u, lp, slopes = u[inside], lp[inside], slopes[inside]
        if self.full:
            rise = slopes @ self.base + solve_triangular(scale, u.T, lower=True, trans="T").T
            by_scale = rise.T @ u / len(u)
            diagonal = np.diagonal(by_scale) * np.diagonal(scale)
            parts = [rise.mean(axis=0), diagonal, by_scale[self.below]]
        else:
            rise = slopes * self.base + u / scale
            parts = [rise.mean(axis=0), (rise * u).mean(axis=0) * scale]
        return float(lp.mean() + self.volume(parameters)), np.concatenate(parts)

    def run(self) -> None:
        """Stages of smaller and smaller steps, until one moves the density no more. One that ends
        at a lower evidence bound than it began with is taken back: its steps were too large."""
        u = self.generator.standard_normal((CHECKS, self.density.dim))
        moved, rate, bound = False, self.of.learning_rate, self.bound(self.parameters, u)
        while self.steps < self.of.n and not self.converged:
            means, settled = self.stage(rate)
            risen = self.bound(means, u)
            rate *= SHRINK
            if not risen > bound - SLACK:
                continue
            if settled and moved:
                self.converged = self.distance(self.parameters, means) <= self.of.tolerance
            self.parameters, moved, bound = means, True, max(risen, bound)

    def bound(self, parameters: np.ndarray, u: np.ndarray) -> float:
        """The evidence bound by these standard normal numbers; of a density cut to where the
        posterior has one."""
        lp = self.density.rows(self.points(parameters, u))[0]
        inside = np.isfinite(lp)
        if not inside.any():
            return -np.inf
        return float(lp[inside].mean() + np.log(inside.mean()) + self.volume(parameters))

    def points(self, parameters: np.ndarray, u: np.ndarray) -> np.ndarray:
        """The posterior's coordinates for standard normal numbers."""
        scale, middle = self.scale_of(parameters), parameters[: self.density.dim]
        z = middle + (u @ scale.T if self.full else u * scale)
        return self.first.mean + (z @ self.base.T if self.full else z * self.base)

    def volume(self, parameters: np.ndarray) -> float:
        """The entropy of the density."""
        dim = self.density.dim
        own = float(parameters[dim : 2 * dim].sum())
        return self.log_volume + own + dim * (HALF_LOG_TWO_PI + 0.5)

    def stage(self, rate: float) -> tuple[np.ndarray, bool]:
        """(mean of the parameters over the later half of a stage, whether it has settled)."""
        at, blocks, rates = self.parameters.copy(), [], np.full(len(self.parameters), rate)
        rates[2 * self.density.dim :] /= self.density.dim  # as many of these make one coordinate
        first, second = np.zeros(len(at)), np.zeros(len(at))
        count, settled = 0, False
        while self.steps < self.of.n and len(blocks) < BLOCKS and not settled:
            total, bounds = np.zeros(len(at)), []
            for _ in range(min(BLOCK, self.of.n - self.steps)):
                bound, slope = self.slope(at)
                count, self.steps = count + 1, self.steps + 1
                first = MOMENTS[0] * first + (1 - MOMENTS[0]) * slope
                second = MOMENTS[1] * second + (1 - MOMENTS[1]) * slope**2
                mean, square = first / (1 - MOMENTS[0] ** count), second / (1 - MOMENTS[1] ** count)
                at = at + rates * mean / (np.sqrt(square) + 1e-8)
                total += at
                bounds.append(bound)
            blocks.append(total / len(bounds))
            self.trace.append(float(np.mean(bounds)))
            if len(blocks) >= FEWEST_BLOCKS and len(blocks) % 4 == 0:
                half = blocks[len(blocks) // 2 :]
                middle = len(half) // 2
                early, late = np.mean(half[:middle], axis=0), np.mean(half[middle:], axis=0)
                settled = self.distance(early, late) <= self.of.tolerance
        return np.mean(blocks[len(blocks) // 2 :], axis=0), settled

    def distance(self, a: np.ndarray, b: np.ndarray) -> float:
        """How far two densities are apart: the largest difference of means, in standard deviations,
        or of logarithms of standard deviations."""
        dim = self.density.dim
        (mean, sd), (other, its) = self.moments(a), self.moments(b)
        ratios = np.abs(np.log(sd / its))
        return float(max((np.abs(mean - other) / its).max(), ratios.max())) if dim else 0.0

    def moments(self, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Means and standard deviations of the posterior's coordinates, from `first.mean`."""
        mean, scale = parameters[: self.density.dim], self.scale_of(parameters)
        if not self.full:
            return self.base * mean, self.base * scale
        return self.base @ mean, np.sqrt(((self.base @ scale) ** 2).sum(axis=1))


def deviations(normal: Factored) -> np.ndarray:
    """The standard deviation of each coordinate."""
    core = normal.core @ normal.core.T - np.eye(len(normal.core))
    return normal.scale * np.sqrt(1.0 + ((normal.basis @ core) * normal.basis).sum(axis=1))
