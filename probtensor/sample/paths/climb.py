"""One path of Pathfinder: of the normal densities along an ascent the one of the highest evidence
bound (ELBO). Zhang, Carpenter, Gelman and Vehtari (2022), JMLR 23(306)."""

from __future__ import annotations

import numpy as np

from probtensor.dataclass import dataclass
from probtensor.sample.paths.ascent import Place, ascend
from probtensor.sample.paths.density import Surface
from probtensor.sample.paths.normal import Factored

PATIENCE = 100  # points of a path without a higher evidence bound, as where a density has no top


@dataclass(frozen=True, eq=False)
class Bound:
    """A normal density and its evidence bound."""

    elbo: float
    normal: Factored


def climb(
    density: Surface, q: np.ndarray, generator: np.random.Generator, draws: int, history: int,
    maxiter: int, patience: int = PATIENCE,
) -> tuple[Bound | None, str]:  # fmt: skip
    """(the best normal density along an ascent from q, why that ended); None if none of them lies
    where the density is finite.

    draws     of the generator, by which each evidence bound is estimated
    history   steps that an inverse Hessian is made of
    maxiter   steps at most
    patience  points without a higher evidence bound, after which the ascent ends
    """
    best: Bound | None = None
    worse, end = 0, ""
    for at in ascend(density, q, history, maxiter):
        if at.inverse.steps or at.end:
            bound = evidence_bound(density, at, generator.standard_normal((draws, density.dim)))
            if bound is not None and (best is None or bound.elbo > best.elbo):
                best, worse = bound, 0
            worse += best is not None
        end = at.end
        if worse > patience:
            break
    return best, end


def evidence_bound(density: Surface, at: Place, u: np.ndarray) -> Bound | None:
    """The normal density at a point of an ascent, with its evidence bound by standard normal
    numbers u, float64[n, dim]; None if there is none.

    Where the density is not finite at some of the draws, the bound is that of the normal density
    cut to where it is.
    """
    try:
        normal = at.inverse.normal(at.q + at.step)
    except np.linalg.LinAlgError:
        return None
    points = normal.draw(u)
    if not np.isfinite(points).all():
        return None
    lp, _ = density.rows(points)
    inside = np.isfinite(lp)
    if not inside.any():
        return None
    gaps = (lp - normal.log_density(points))[inside]
    return Bound(float(gaps.mean() + np.log(inside.mean())), normal)
