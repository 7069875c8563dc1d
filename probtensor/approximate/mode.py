"""`find_MAP`: the point of highest density."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from probtensor.approximate.density import Density
from probtensor.approximate.output import closing, variables_at
from probtensor.approximate.search import Maximum, Search
from probtensor.approximate.starts import check_posterior, given_start
from probtensor.calls import line_text, public
from probtensor.dataclass import dataclass
from probtensor.prob.bijectors.base import Identity
from probtensor.prob.model.posterior import Posterior
from probtensor.sample.checks import boolean
from probtensor.sample.diagnostics.warnings import issue
from probtensor.sample.kernels.protocol import LogpGrad

FAR = 36.0  # exp(-36) is rounding beside 1: a variable of this coordinate is at its bound


@dataclass(frozen=True, eq=False)
class Mode:
    """Where a density is highest, as `find_MAP` found it.

    values       {name: array} of free variables and deterministics; also `mode[name]`
    logp         the log density there, with log-Jacobians only if these were asked for
    q            the unconstrained point, float64[dim], as `pt.sample(posterior, init=mode.q)` takes
    converged    whether it is a mode up to rounding
    message      of the optimiser
    evaluations  of the log density, in all restarts
    hessian      the second derivatives of that log density at q, float64[dim, dim]; None unless
                 asked for
    """

    values: Mapping[str, np.ndarray]
    logp: float
    q: np.ndarray
    converged: bool
    message: str
    evaluations: int
    hessian: np.ndarray | None = None

    def __getitem__(self, name: str) -> np.ndarray:
        return self.values[name]

    def __repr__(self) -> str:
        state = "" if self.converged else ", not converged"
        return f"<mode of {', '.join(self.values)}: logp {self.logp:.6g}{state}>"


@public
def find_MAP(
    posterior: LogpGrad,
    start: Mapping[str, ArrayLike] | ArrayLike | Mode | None = None, *,
    method: str = "L-BFGS-B", maxiter: int = 5000, restarts: int = 1, seed: object = None,
    include_jacobian: bool = False, hessian: bool = False,
    options: Mapping[str, object] | None = None, progress: bool = True,
) -> Mode:  # fmt: skip
    """The point of highest posterior density, by an optimiser of SciPy with exact gradients.

    posterior  what `condition` returns; any `LogpGrad` with include_jacobian=True
    start      {name: value}, float64[dim] or a mode; by default 0 in the unconstrained space
    method     of scipy.optimize.minimize; those that use second derivatives get exact ones
    maxiter    iterations of each search
    restarts   searches; all but the first begin at points up to 1 from `start` in each
               unconstrained coordinate, or between -2 and 2 without one. The best mode is returned
    seed       of these points, as in `sample`
    include_jacobian  False: the mode of the density of the variables themselves, as in PyMC and in
               Stan's optimize; True: of the density on the unconstrained space, where normal
               approximations and samplers work. Where all variables are unbounded, both are one
    hessian    True: give the second derivatives there, too
    options    of the optimiser, as `minimize` takes them
    progress   False: without the line at the end

    Returns a frozen object with `values` ({name: array}, deterministics too; also `mode[name]`),
    `logp`, `q`, `converged`, `message`, `evaluations` and `hessian`. Values at the edge of their
    support, and searches that do not converge, get a SamplerWarning.
    Raises SamplingError where the density is not finite at the start, TypeError or ValueError for
    wrong settings.

        >>> p = pt.random.beta(3.0, 2.0, name="p")
        >>> y = pt.random.binomial(10, p, name="y")
        >>> mode = pt.find_MAP(pt.condition({y: 7}), progress=False)  # (3 + 7 - 1) / (5 + 10 - 2)
        >>> mode["p"].round(6)
        np.float64(0.692308)

    Source: Nocedal and Wright (2006), Numerical Optimization.
    """
    search = Search("find_MAP", method, maxiter, restarts, seed, options or {})
    return mode_of(posterior, start, search, include_jacobian, hessian, progress)


def mode_of(
    posterior: LogpGrad, start: object, search: Search, jacobian: bool, hessian: bool,
    progress: bool,
) -> Mode:  # fmt: skip
    """What `find_MAP` returns."""
    check_posterior("find_MAP", posterior, 0)
    density = density_of("find_MAP", posterior, "include_jacobian", jacobian)
    hessian = boolean("find_MAP", "hessian", hessian)
    (given,) = given_start("find_MAP", posterior, start)
    with closing("find_MAP", density, progress) as line:
        found = search.best(density, given)
        line.text = f"logp {found.value:.6g}{'' if found.converged else ', not converged'}"
    found = checked(posterior, found)
    second = density.hessian(found.q) if hessian else None
    values = variables_at(posterior, found.q)
    return Mode(
        values, found.value, found.q, found.converged, found.message, density.evaluations, second
    )


def density_of(what: str, posterior: LogpGrad, name: str, jacobian: object) -> Density:
    """The density with or without log-Jacobians, as the setting `name` says. TypeError where these
    are not known."""
    if not boolean(what, name, jacobian) and not isinstance(posterior, Posterior):
        raise TypeError(
            f"{what}: the log-Jacobians of {posterior!r:.40} are not known\n  at {line_text()}\n"
            f"  write {name}=True for its density as it is"
        )
    return Density(posterior, bool(jacobian))


def checked(posterior: LogpGrad, found: Maximum) -> Maximum:
    """The maximum, which has not converged where a variable went to the edge of its support; a
    warning says what is wrong."""
    gone = [posterior.variable_of(i) for i in at_edges(posterior, found.q)]
    if gone:
        names = ", ".join(gone[:3]) + (f" and {len(gone) - 3} more" if len(gone) > 3 else "")
        message = f"the density is highest, or has no bound, at the edge of the support of {names}"
        issue(
            f"find_MAP: {message}: there is no mode inside. Give a prior that is 0 at the edge, or "
            "find the mode with include_jacobian=True"
        )
        return Maximum(found.q, found.value, False, message)
    if not found.converged:
        issue(
            f"find_MAP: the search has not converged ({found.message}): raise maxiter, give "
            "start=, or rescale variables of very different sizes"
        )
    return found


def at_edges(posterior: LogpGrad, q: np.ndarray) -> list[int]:
    """The coordinates of bounded variables that are as far out as numbers go."""
    far = np.flatnonzero(np.abs(q) > FAR)
    if not len(far) or not isinstance(posterior, Posterior):
        return []
    bounded = [v for v in posterior.model.free if not isinstance(v.bijector, Identity)]
    return [int(i) for i in far if any(v.start <= i < v.stop for v in bounded)]
