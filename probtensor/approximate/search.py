"""Maxima of a log density by SciPy's optimisers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

import numpy as np

from probtensor.approximate.ascent import CONVERGED, ascend
from probtensor.approximate.density import Density
from probtensor.dataclass import dataclass

WITHOUT_GRADIENT = ("nelder-mead", "powell", "cobyla", "cobyqa")
WITH_HESSIAN = ("newton-cg", "dogleg", "trust-ncg", "trust-krylov", "trust-exact", "trust-constr")
WITH_GRADIENT = ("l-bfgs-b", "bfgs", "cg", "tnc", "slsqp")
METHODS = (*WITH_GRADIENT, *WITH_HESSIAN, *WITHOUT_GRADIENT)
# As exact as a log density is; SciPy's own defaults stop where it still rises in the 9th digit.
DEFAULTS = {"l-bfgs-b": {"ftol": 1e-14, "gtol": 1e-8, "maxcor": 20, "maxls": 50}}
HISTORY = 20
POLISHING = 200


@dataclass(frozen=True, eq=False)
class Maximum:
    """Where a search ended."""

    q: np.ndarray
    value: float
    converged: bool
    message: str


class Valley:
    """Minus a log density for a minimizer: a cone rises where there is no density, so that a step
    that ends there is shortened. It keeps the best point."""

    def __init__(self, density: Density) -> None:
        self.density = density
        self.best: tuple[float, np.ndarray, np.ndarray] | None = None
        self.known: tuple[float, np.ndarray] | None = None  # the last finite point

    def __call__(self, q: np.ndarray) -> tuple[float, np.ndarray]:
        """(minus the log density, its gradient)."""
        value, slope = self.density.at(np.ascontiguousarray(q, dtype=float))
        if np.isfinite(value):
            if self.best is None or value > self.best[0]:
                self.best = value, np.array(q), slope
            return -value, -slope
        if self.best is None:
            return np.inf, np.zeros(len(q))
        value, middle, slope = self.best
        away = q - middle
        length = float(np.sqrt(away @ away)) or 1.0
        steep = float(np.sqrt(slope @ slope)) + 1.0
        return steep * length - value, steep * away / length

    def value(self, q: np.ndarray) -> float:
        """Minus the log density."""
        return self(q)[0]


def maximum(
    density: Density,
    q: np.ndarray,
    method: str,
    options: Mapping[str, object],
    maxiter: int | None = None,
    **rest: object,
) -> Maximum:
    """The maximum near a point of finite density, by `scipy.optimize.minimize`, which takes
    `options` and `rest`. L-BFGS goes on where rounding ended the search, if it has no bounds."""
    from scipy.optimize import minimize

    if not density.dim:
        return Maximum(q, density.at(q)[0], True, "there is nothing to search")
    valley, name = Valley(density), str(method).lower()
    valley(q)
    asked = {**DEFAULTS.get(name, {}), **({"maxiter": maxiter} if maxiter else {}), **options}
    if name == "l-bfgs-b" and maxiter and "maxfun" not in options:
        asked["maxfun"] = 20 * maxiter
    gradient = name not in WITHOUT_GRADIENT
    hessian: Callable | None = None
    if name in WITH_HESSIAN:
        hessian = lambda point: -density.hessian(np.array(point))  # noqa: E731
    with warnings.catch_warnings():
        # What these say is in the result.
        warnings.filterwarnings("ignore", category=RuntimeWarning, module="scipy")
        found = minimize(
            valley if gradient else valley.value, q, jac=gradient, hess=hessian, method=method,
            options=asked, **rest,
        )  # fmt: skip
    value, best, _ = valley.best
    if rest.get("bounds") is not None or rest.get("constraints"):
        return Maximum(np.array(found.x), -float(valley(found.x)[0]), found.success, found.message)
    limited = maxiter is not None and getattr(found, "nit", 0) >= maxiter
    if found.success or limited or not gradient:
        message = f"the limit of {maxiter} iterations was reached" if limited else found.message
        return Maximum(best, value, bool(found.success) and not limited, str(message))
    *_, last = ascend(density, best, HISTORY, min(maxiter or POLISHING, POLISHING))
    done = last.end == CONVERGED
    return Maximum(last.q, last.value, done, CONVERGED if done else str(found.message))
