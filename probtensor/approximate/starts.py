"""Arguments that all approximations have: posteriors, start points."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cython_ext.convert import number_array
from cython_ext.samplers.chain import uniforms
from probtensor.approximate.density import Density
from probtensor.calls import line_text
from probtensor.sample.checks import value_text
from probtensor.sample.errors import SamplingError
from probtensor.sample.kernels.protocol import LogpGrad
from probtensor.sample.runs.start import ATTEMPTS, REASON_LINES, variable_of


def check_posterior(what: str, posterior: object, dim: int = 1) -> None:
    """TypeError for what is no posterior, ValueError for one of fewer than `dim` coordinates."""
    if not (getattr(posterior, "on_device", False) or isinstance(posterior, LogpGrad)):
        raise TypeError(
            f"{what}: the first argument is a posterior, as pt.condition returns it, not "
            f"{posterior!r:.60}"
        )
    if posterior.dim < dim:
        raise ValueError(f"{what}: this posterior has no free variables, so nothing to draw")


def given_start(what: str, posterior: LogpGrad, start: object, count: int = 1) -> list:
    """`count` start points: of {name: value}, float64[dim], float64[count, dim] or a `Mode`; None
    for each where none is given."""
    if start is None:
        return [None] * count
    start = getattr(start, "q", start)
    if isinstance(start, Mapping):
        if getattr(posterior, "unconstrain", None) is None:
            raise TypeError(
                f"{what}: start={{name: value}} needs a posterior that knows names; give an array "
                f"of shape ({posterior.dim},)"
            )
        try:
            start = posterior.unconstrain(start)
        except (TypeError, ValueError, KeyError) as error:
            text = str(error.args[0]).removeprefix(f"{what}: ")
            raise type(error)(f"{what}: start: {text}") from None
    elif isinstance(start, str):
        raise TypeError(f"{what}: start is {{name: value}} or an array, not {value_text(start)}")
    points = np.array(number_array(start, f"{what}: start"), dtype=float)
    if points.shape != (posterior.dim,) and (count == 1 or points.shape != (count, posterior.dim)):
        more = f", or ({count}, {posterior.dim}) for each path" if count > 1 else ""
        raise ValueError(
            f"{what}: start has shape {points.shape}, and the posterior has {posterior.dim} "
            f"coordinates\n  give {{name: value}} or an array of shape ({posterior.dim},){more}"
        )
    return [*np.array(np.broadcast_to(points, (count, posterior.dim)))]


def start_near(
    what: str, density: Density, given: np.ndarray | None, seed: int, number: int, exact: bool
) -> np.ndarray:
    """A point of finite density: the middle, which is `given` or 0, if `exact`; else one at most 1
    from what is given, or 2 from 0, in each coordinate, in up to 100 attempts. These are also made
    where the density is not finite at 0. SamplingError if none has a finite density.
    """
    jitter, middle = (2.0, np.zeros(density.dim)) if given is None else (1.0, given)
    first = int(exact)
    for attempt in range(-first, ATTEMPTS):
        q = middle
        if attempt >= 0:
            q = middle + jitter * (2.0 * uniforms(seed, number, attempt, density.dim) - 1.0)
        value, slope = density.at(q)
        if np.isfinite(value):
            return q
        if attempt < 0 and given is not None:
            raise SamplingError(failure(what, density.posterior, q, value, slope, "at the start"))
    where = f"at all {ATTEMPTS + first} points tried; at the last one"
    raise SamplingError(failure(what, density.posterior, q, value, slope, where))


def failure(
    what: str, posterior: LogpGrad, q: np.ndarray, value: float, slope: np.ndarray, where: str
) -> str:
    """The message about a point that is no start: what is not finite there, and why."""
    raw = posterior.logp_and_grad(q)[0]
    if np.isfinite(raw) and not np.isfinite(slope).all():
        bad = int(np.flatnonzero(~np.isfinite(slope))[0])
        value = f"the gradient with respect to {variable_of(posterior, bad)} is {slope[bad]}"
    else:
        value = f"the log density is {raw}"
    lines = [f"{what}: {value} {where}", f"  at {line_text()}"]
    diagnose = getattr(posterior, "diagnose", None)
    if diagnose is not None:
        lines += [f"  {line.strip()}" for line in str(diagnose(q)).splitlines()[:REASON_LINES]]
    lines.append("  check that the data lie in the support of their distribution, or give start=")
    return "\n".join(lines)
