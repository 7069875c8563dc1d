"""Priors from statements about quantiles: `find_constrained_prior`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from probtensor import ops
from probtensor.calls import line_text, public
from probtensor.compile import function
from probtensor.graph import GraphError, Node
from probtensor.graph.node import new_input
from probtensor.prob.density.cumulative import logccdf, logcdf
from probtensor.prob.distributions.base import RandomVariable
from probtensor.rules import jacobian

CLOSE = 1e-6  # of the log odds of the probabilities
STEPS = 400


@public
def find_constrained_prior(
    distribution: Callable[..., Node],
    lower: float,
    upper: float,
    init_guess: Mapping[str, float],
    mass: float = 0.95,
    fixed_params: Mapping[str, float] | None = None,
    *,
    mass_below_lower: float | None = None,
) -> dict[str, float]:
    """The parameters with which a distribution has the probability `mass` between `lower` and
    `upper` (both included).

    distribution  a function of `pt.random`, with a `pt.logcdf`
    init_guess    the parameters to be found, with start values: one, or two
    fixed_params  the other parameters
    mass_below_lower  the probability below `lower`, by default half of what is not between; with
                  one parameter to be found only `mass` counts

    Returns {name: value} of all parameters, for `distribution(**found)`. Raises ValueError where no
    parameters have these probabilities, with the nearest that were found, and for bounds or masses
    that make no sense; GraphError where the distribution function is not known; TypeError for what
    is no distribution.

        >>> found = pt.find_constrained_prior(
        ...     pt.random.gamma, 0.5, 4.0, {"alpha": 2.0, "beta": 1.0}, mass=0.9)
        >>> x = pt.random.gamma(**found)
        >>> np.round([pt.icdf(x, 0.05).eval(), pt.icdf(x, 0.95).eval()], 6)
        array([0.5, 4. ])
    """
    guess, fixed = dict(init_guess), dict(fixed_params or {})
    tails = _tails(mass, mass_below_lower)
    if not lower < upper:
        raise ValueError(
            f"find_constrained_prior: lower={lower} must be below upper={upper}\n  at {line_text()}"
        )
    if len(guess) not in (1, 2):
        raise ValueError(
            f"find_constrained_prior: one or two parameters can be found from two bounds, not "
            f"{len(guess)}\n  at {line_text()}\n  give the others by fixed_params="
        )
    variable = distribution(**guess, **fixed)
    if not isinstance(getattr(variable, "op", None), RandomVariable) or variable.ndim:
        raise TypeError(
            f"find_constrained_prior: takes a function of pt.random and numbers as its parameters, "
            f"which give a single number\n  at {line_text()}"
        )
    maps = {name: _map_of(distribution, name, guess, fixed, lower, upper) for name in guess}
    start = np.array([maps[name][1](value) for name, value in guess.items()])
    step = variable.op.distribution.discrete
    evaluate = _residuals(distribution, maps, fixed, lower - step, upper, tails, len(guess))
    theta = _solved(evaluate, start)
    values = {name: float(maps[name][2](t)) for name, t in zip(guess, theta, strict=True)}
    found = values | {name: float(value) for name, value in fixed.items()}
    if not np.abs(evaluate(theta)[0]).max() < CLOSE:
        raise ValueError(_nearest(variable, distribution(**found), values, lower, upper, mass))
    return found


def _nearest(
    variable: Node, nearest: Node, values: Mapping[str, float], lower: float, upper: float,
    mass: float,
) -> str:  # fmt: skip
    """The message that no parameters were found, with the nearest ones."""
    distribution = variable.op.distribution
    below = np.exp(logcdf(nearest, lower - distribution.discrete).eval())
    above = np.exp(logccdf(nearest, upper).eval())
    text = ", ".join(f"{name}={value:.6g}" for name, value in values.items())
    return (
        f"find_constrained_prior: no {distribution.name} was found with {mass:.6g} between {lower} "
        f"and {upper}; the nearest, {text}, has {below:.4g} below and {above:.4g} above\n  at "
        f"{line_text()}\n  try another init_guess, or other bounds"
    )


def _tails(mass: float, below: float | None) -> tuple[float, float]:
    """The probabilities below and above the bounds."""
    if not 0 < mass < 1:
        raise ValueError(
            f"find_constrained_prior: mass={mass} must be between 0 and 1\n  at {line_text()}"
        )
    rest = 1 - mass
    below = rest / 2 if below is None else below
    if not 0 < below < rest:
        raise ValueError(
            f"find_constrained_prior: mass_below_lower={below} must be between 0 and "
            f"{rest:.6g}, which is not between the bounds\n  at {line_text()}"
        )
    return below, rest - below


def _map_of(
    distribution: Callable[..., Node], name: str, guess: Mapping[str, float],
    fixed: Mapping[str, float], lower: float, upper: float,
) -> tuple[Callable, Callable, Callable]:  # fmt: skip
    """(the value of a parameter from a real number, as a graph; the inverse; the same as numbers):
    by the numbers that the distribution refuses. The unit of others is that of the bounds."""

    def refused(value: float) -> bool:
        try:
            distribution(**{**guess, name: value}, **fixed)
        except (ValueError, GraphError):
            return True
        return False

    value = guess[name]
    if value > 0 and refused(-value):
        if value < 1 and refused(1.5):
            return (
                ops.sigmoid,
                lambda x: math.log(x) - math.log1p(-x),
                lambda t: 1 / (1 + np.exp(-t)),
            )
        return ops.exp, math.log, np.exp
    lengths = upper - lower, abs(value - lower), abs(value - upper)
    unit = float(max([x for x in lengths if np.isfinite(x)], default=1.0)) or 1.0
    return lambda t: t * unit, lambda x: x / unit, lambda t: t * unit


def _residuals(
    distribution: Callable[..., Node], maps: Mapping[str, tuple], fixed: Mapping[str, float],
    lower: float, upper: float, tails: tuple[float, float], count: int,
) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:  # fmt: skip
    """The log odds of the probabilities outside the bounds, less those that are wanted, and their
    Jacobian. Log odds have a slope wherever the parameters are, also where almost all of the
    probability is outside."""
    theta = new_input("theta", "float64", (count,))
    values = {name: maps[name][0](theta[k]) for k, name in enumerate(maps)}
    variable = distribution(**values, **fixed)
    below, above = logcdf(variable, lower), logccdf(variable, upper)
    right_of, left_of = logccdf(variable, lower), logcdf(variable, upper)
    if count == 2:
        wanted = np.log(tails) - np.log1p(np.negative(tails))
        found = ops.stack([below - right_of, above - left_of]) - wanted
    else:
        # A bound on the edge of the support has nothing beyond it, whatever the parameter is.
        start = function([theta], [below, above], target="machine")([0.0])
        edges = [value == -math.inf for value in start]
        if edges[0] or edges[1]:
            odds = above - left_of if edges[0] else below - right_of
        else:
            # By the tail in which the difference keeps its digits.
            right = left_of + ops.log1mexp(below - left_of)
            left = right_of + ops.log1mexp(above - right_of)
            inside = ops.where(below > right_of, left, right)
            odds = ops.logaddexp(below, above) - inside
        rest = sum(tails)
        found = ops.reshape(odds - (math.log(rest) - math.log1p(-rest)), (1,))
    compiled = function([theta], [found, jacobian(found, theta)], target="machine")
    return lambda t: tuple(map(np.asarray, compiled(np.asarray(t, float))))


def _solved(
    evaluate: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]], theta: np.ndarray
) -> np.ndarray:
    """A zero of the residuals, or where they are least, by damped Gauss-Newton steps (Levenberg and
    Marquardt)."""
    found, slope = evaluate(theta)
    damping = 1e-3
    for _ in range(STEPS):
        finite = np.isfinite(found).all() and np.isfinite(slope).all()
        if np.abs(found).max() < 1e-12 or not finite:
            break
        square = slope.T @ slope
        scale = np.diag(np.maximum(np.diag(square), 1e-12))
        step = np.linalg.solve(square + damping * scale, -slope.T @ found)
        step *= min(1.0, 2.0 / max(np.abs(step).max(), 1e-300))
        other = evaluate(theta + step)
        if np.isfinite(other[0]).all() and (other[0] ** 2).sum() < (found**2).sum():
            theta, (found, slope), damping = theta + step, other, max(damping / 5, 1e-12)
        else:
            damping *= 4
            if damping > 1e12:
                break
    return theta
