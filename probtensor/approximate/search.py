"""Maxima of a log density by SciPy's optimisers."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

import numpy as np

from probtensor.approximate.density import Density
from probtensor.approximate.starts import start_near
from probtensor.dataclass import dataclass
from probtensor.sample.checks import integer, seed_or_new, value_text
from probtensor.sample.paths.ascent import CONVERGED, ascend

WITHOUT_GRADIENT = ("nelder-mead", "powell", "cobyla", "cobyqa")
WITH_HESSIAN = ("newton-cg", "dogleg", "trust-ncg", "trust-krylov", "trust-exact", "trust-constr")
WITH_GRADIENT = ("l-bfgs-b", "bfgs", "cg", "tnc", "slsqp")
METHODS = (*WITH_GRADIENT, *WITH_HESSIAN, *WITHOUT_GRADIENT)
# As exact as a log density is; SciPy's own defaults stop where it still rises in the 9th digit.
DEFAULTS = {"l-bfgs-b": {"ftol": 1e-14, "gtol": 1e-8, "maxcor": 20, "maxls": 50}}
HISTORY = 20
STEEP, MANY = 1e-3, 500  # where second derivatives are asked: a gradient; dimensions at most
NEWTON, NEAR, EXACT = 20, 1e-8, 1e-26  # steps; what the next one may gain, relative to the density
POLISHING = 1000


@dataclass(frozen=True, eq=False)
class Search:
    """The settings of searches for a mode, validated when they are made; see `find_MAP`."""

    what: str
    method: str
    maxiter: int
    restarts: int
    seed: object
    options: Mapping[str, object]

    def __post_init__(self) -> None:
        for name in ("maxiter", "restarts"):
            integer(self.what, name, getattr(self, name), 1)
        if not isinstance(self.method, str) or self.method.lower() not in METHODS:
            raise ValueError(
                f"{self.what}: method is one of SciPy's {', '.join(METHODS)}, not "
                f"{value_text(self.method)}"
            )
        object.__setattr__(self, "seed", seed_or_new(self.what, self.seed))

    def best(self, density: Density, given: np.ndarray | None) -> Maximum:
        """The highest of the maxima; the first search begins at what is given, or at 0."""
        found = []
        for number in range(self.restarts):
            exact = number == 0
            q = start_near(self.what, density, given, self.seed, number, exact=exact)
            found.append(maximum(density, q, self.method, self.options, self.maxiter))
        return max(found, key=lambda one: one.value)


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
    `options` and `rest`. Its end is tried by L-BFGS, which goes on where rounding or a stiff place
    ended the search; not with bounds or constraints."""
    from scipy.optimize import minimize

    if not density.dim:
        return Maximum(q, density.at(q)[0], True, "there is nothing to search")
    valley, name = Valley(density), str(method).lower()
    valley(q)
    limit = {"maxfun" if name == "tnc" else "maxiter": maxiter} if maxiter else {}
    asked = {**DEFAULTS.get(name, {}), **limit, **options}
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
    limit = asked.get("maxfun" if name == "tnc" else "maxiter")
    if limit is not None and getattr(found, "nfev" if name == "tnc" else "nit", 0) >= limit:
        return Maximum(best, value, False, f"the limit of {limit} iterations was reached")
    if not gradient:
        return Maximum(best, value, bool(found.success), str(found.message))
    *_, last = ascend(density, best, HISTORY, limit or POLISHING)
    if density.dim > MANY or (last.end == CONVERGED and np.abs(last.slope).max() <= STEEP):
        return Maximum(last.q, last.value, last.end == CONVERGED, last.end)
    # Variables of very different scales, or noise, as that of a solver at a stiff place, can end an
    # ascent where the density still rises: second derivatives tell.
    q, value, is_top = newton(density, last.q)
    end = CONVERGED if is_top else "the search ended where the density still rises"
    return Maximum(q, value, is_top, end)


def newton(density: Density, q: np.ndarray) -> tuple[np.ndarray, float, bool]:
    """(point, log density, whether it is a maximum up to rounding) after Newton's steps from a
    point near it, as many as there can be."""
    from scipy.linalg import cho_factor, cho_solve

    value, slope = density.at(q)
    for _ in range(NEWTON):
        try:
            factor = cho_factor(-density.hessian(q))
        except (np.linalg.LinAlgError, ValueError):
            return q, value, False
        step = cho_solve(factor, slope)
        gain = float(slope @ step)
        small = gain <= NEAR * max(1.0, abs(value))
        if gain <= EXACT * max(1.0, abs(value)):
            return q, value, True
        risen, changed = density.at(q + step)
        # Where rounding hides whether the density rises, the gradient tells it.
        falls = risen < value - 1e-9 * max(1.0, abs(value))
        if falls or changed @ cho_solve(factor, changed) >= gain:
            return q, value, small
        q, value, slope = q + step, risen, changed
    return q, value, small
