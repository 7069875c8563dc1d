"""`fit_laplace`: the normal density of the curvature at the mode."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from probtensor.approximate.density import Density
from probtensor.approximate.mode import Mode, density_of
from probtensor.approximate.output import closing, result, warn_of_draws
from probtensor.approximate.search import Search, newton
from probtensor.approximate.starts import check_posterior, given_start
from probtensor.calls import line_text, public
from probtensor.dataclass import replace
from probtensor.process import numpy_part
from probtensor.sample.checks import check_memory, integer
from probtensor.sample.diagnostics.warnings import issue
from probtensor.sample.errors import SamplingError
from probtensor.sample.kernels.protocol import LogpGrad
from probtensor.sample.paths.normal import HALF_LOG_TWO_PI, Dense
from probtensor.sample.paths.pareto import smoothed
from probtensor.sample.runs.output import Arviz
from probtensor.sample.runs.start import variable_of

METHOD, MAXITER = "L-BFGS-B", 10_000
FLAT = 1e-11  # the least curvature in units of the largest, both after scaling to a unit diagonal
NAMED = 4


@public
def fit_laplace(
    posterior: LogpGrad, draws: int = 1000, *,
    start: Mapping[str, ArrayLike] | ArrayLike | Mode | None = None, restarts: int = 4,
    seed: object = None, jacobian: bool = True, progress: bool = True,
) -> Arviz:  # fmt: skip
    """Draws from the normal density that has the posterior's mode and curvature there, on the
    unconstrained space: Laplace's approximation. It is exact for normal posteriors.

    posterior  what `condition` returns, or any `LogpGrad`
    draws      how many
    start      where the search for the mode begins, as in `find_MAP`
    restarts   searches where no `start` is given: the first one begins at 0, others between -2 and
               2 in each unconstrained coordinate; the highest mode counts
    seed       as in `sample`
    jacobian   False: mode and curvature of the density without log-Jacobians, so that the mode is
               that of `find_MAP`; the approximation is usually better with them
    progress   False: without the line at the end

    Returns an ArviZ object as `sample` does, with one chain. `sample_stats` has `lp`, the log
    density of each draw, and `lp_approx`, that of the approximation. Among `attrs`: `pareto_k` of
    the ratios of both, `log_evidence` (of the integral over all variables, with the jacobian) and
    `mode_logp`. A `pareto_k` above 0.7, which gets a SamplerWarning, means that the draws are not
    those of the posterior.
    Raises SamplingError where the density is not finite at the start, or is flat or has no bound in
    a direction at the end of the search, with the variables that this direction is made of;
    TypeError or ValueError for wrong settings.

        >>> mu = pt.random.normal(0, 5, name="mu")
        >>> post = pt.condition({pt.random.normal(mu, 1.0, name="y"): 1.0})
        >>> idata = pt.fit_laplace(post, seed=1, progress=False)
        >>> idata.posterior["mu"].shape, idata.posterior.attrs["pareto_k"]
        ((1, 1000), 0.0)

    Source: Tierney and Kadane (1986), JASA 81:82.
    """
    draws = integer("fit_laplace", "draws", draws, 1)
    search = Search("fit_laplace", METHOD, MAXITER, restarts, seed, {})
    return approximated(posterior, draws, start, search, jacobian, progress)


def approximated(
    posterior: LogpGrad, draws: int, start: object, search: Search, jacobian: bool, progress: bool
) -> Arviz:
    """What `fit_laplace` returns."""
    what, seed = search.what, search.seed
    check_posterior(what, posterior)
    density = density_of(what, posterior, "jacobian", jacobian)
    dim = posterior.dim
    check_memory(what, f"second derivatives by {dim} variables", 24 * dim * dim)
    (given,) = given_start(what, posterior, start)
    search = search if given is None else replace(search, restarts=1)
    with closing(what, density, progress, matrices=True) as line:
        found = search.best(density, given)
        normal, height = normal_at_mode(density, found.q)
        whole = density if density.jacobian else Density(posterior)
        u = numpy_part("random").default_rng([seed, 0]).standard_normal((draws, dim))
        points = normal.draw(u)
        lp, lp_approx = whole.rows(points)[0], normal.log_density(points)
        _, k = smoothed(lp - lp_approx)
        line.text = f"logp {height:.6g} at the mode, Pareto k {k:.2f}"
    if not found.converged:
        issue(f"{what}: the search for the mode has not converged: {found.message}")
    attrs = {
        "sampler": "laplace", "sampling_time": line.seconds, "seed": seed, "draws": draws,
        "pareto_k": k, "mode_logp": height, "evaluations": density.evaluations,
    }  # fmt: skip
    if density.jacobian:
        attrs["log_evidence"] = height + dim * HALF_LOG_TWO_PI + normal.log_volume
    statistics = {"lp": lp[None], "lp_approx": lp_approx[None]}
    idata = result(posterior, points[None], statistics, attrs)
    warn_of_draws(what, lp, k, "Try pt.pathfinder")
    return idata


def normal_at_mode(density: Density, q: np.ndarray) -> tuple[Dense, float]:
    """(the normal density of the curvature at the mode near q, the log density there), after
    Newton's steps to it."""
    from scipy.linalg import solve_triangular

    q, value, _ = newton(density, q)
    factor = factor_of(density.posterior, -density.hessian(q))
    inverse = solve_triangular(factor, np.eye(len(q)), lower=True)
    return Dense(q, np.linalg.cholesky(inverse.T @ inverse)), value


def factor_of(posterior: LogpGrad, curvature: np.ndarray) -> np.ndarray:
    """The Cholesky factor of the curvature of minus a log density. SamplingError that names the
    variables of a direction in which it is not positive."""
    if not np.isfinite(curvature).all():
        row = int(np.flatnonzero(~np.isfinite(curvature).all(axis=1))[0])
        raise SamplingError(
            f"fit_laplace: the second derivatives by {variable_of(posterior, row)} are not finite "
            f"at the mode\n  at {line_text()}\n  use pt.pathfinder or pt.sample"
        )
    diagonal = np.diagonal(curvature)
    flat = np.flatnonzero(~(diagonal > 0))
    if len(flat):
        names = ", ".join(variable_of(posterior, int(i)) for i in flat[:NAMED])
        lowest = float(diagonal[flat].min())
        raise SamplingError(not_a_mode(names, lowest))
    scale = np.sqrt(diagonal)
    correlations = curvature / scale / scale[:, None]
    values, vectors = np.linalg.eigh(correlations)
    if not values[0] > FLAT * values[-1]:
        shares = np.abs(vectors[:, 0])
        largest = [int(i) for i in np.argsort(-shares)[:NAMED] if shares[i] > 0.1 * shares.max()]
        names = ", ".join(variable_of(posterior, i) for i in largest)
        raise SamplingError(not_a_mode(names, float(values[0])))
    return scale[:, None] * np.linalg.cholesky(correlations)


def not_a_mode(names: str, lowest: float) -> str:
    """The message where a density has no curvature."""
    how = "flat" if abs(lowest) < 1e-6 else "not at a maximum"
    return (
        f"fit_laplace: where the search for the mode ended, the log density is {how} along {names} "
        f"(curvature {lowest:.3g}), so that no normal density fits it\n  at {line_text()}\n"
        "  if the data do not identify these, give them proper priors; if the density has no bound "
        "there, write the model another way, or use pt.pathfinder or pt.sample"
    )
