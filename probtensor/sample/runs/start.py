"""Start points of chains, and the message if none is found."""

from collections.abc import Mapping

import numpy as np

from cython_ext.convert import number_array
from cython_ext.samplers import chain as native
from probtensor.sample.errors import SamplingError, density_failure
from probtensor.sample.kernels.protocol import Context, LogpGrad

ATTEMPTS = 100
REASON_LINES = 4
RANDOM = "random"
Start = np.ndarray | str | None  # a point, RANDOM, or what the kind of run has as default


def given_starts(posterior: LogpGrad, init: object, chains: int) -> list[Start]:
    """Read `init`: None, "random", {name: value}, float64[dim], float64[chains, dim], or an ArviZ
    object.

    Returns one `Start` for each chain. ValueError if the shape fits neither, or a
    value lies outside its support; KeyError for an unknown name; TypeError if they are not numbers
    in the host's memory.
    """
    if init is None or (isinstance(init, str) and init == RANDOM):
        return [init] * chains
    if isinstance(init, str):
        raise TypeError(
            'sample: init is {name: value}, an array of start points, "random" or an ArviZ object '
            f'with draws, not {init!r:.40}\n  the sampler adapts in one way only; leave init out '
            "for starts near modes"
        )
    if hasattr(init, "posterior"):
        return _spread_draws(posterior, init.posterior, chains)
    if isinstance(init, Mapping):
        if getattr(posterior, "unconstrain", None) is None:
            raise TypeError(
                "sample: init={name: value} needs a posterior that knows names; give an array of "
                f"shape ({posterior.dim},)"
            )
        try:
            values = posterior.unconstrain(init)
        except (TypeError, ValueError, KeyError) as error:
            raise type(error)(f"sample: init: {error.args[0]}") from None
    elif isinstance(init, (list, tuple)) and any(isinstance(x, Mapping) for x in init):
        raise TypeError(
            "sample: init takes one {name: value} for all chains, not a list of them; for a start "
            f"of each chain give float64[{chains}, {posterior.dim}], rows of "
            "posterior.unconstrain({name: value})"
        )
    else:
        values = init
    points = np.array(number_array(values, "sample: init"), dtype=float)
    if points.shape == (posterior.dim,):
        points = np.broadcast_to(points, (chains, posterior.dim))
    if points.shape != (chains, posterior.dim):
        raise ValueError(
            f"sample: init has shape {points.shape}; the posterior has {posterior.dim} coordinates "
            f"and there are {chains} chains\n  give {{name: value}}, or an array of shape "
            f"({posterior.dim},) for all chains or ({chains}, {posterior.dim}) for each"
        )
    return [np.array(point) for point in points]


def _spread_draws(posterior: LogpGrad, group: object, chains: int) -> list[np.ndarray]:
    """A draw of the group `posterior` of an ArviZ object for each chain, evenly spread over the
    draws of all its chains."""
    if getattr(posterior, "unconstrain", None) is None:
        raise TypeError(
            "sample: init with draws needs a posterior that knows names; give an array of shape "
            f"({posterior.dim},)"
        )
    names = getattr(posterior, "names", None) or list(group)
    missing = [name for name in names if name not in group]
    if missing:
        raise KeyError(f"sample: init has no draws of {', '.join(missing)}")
    values = {name: np.asarray(group[name].values) for name in names}
    of_chains, draws = next((x.shape[:2] for x in values.values()), (1, 1))
    if of_chains * draws == 0:
        raise ValueError("sample: init has no draws")
    flat = {name: x.reshape(of_chains * draws, *x.shape[2:]) for name, x in values.items()}
    points = [{name: x[row] for name, x in flat.items()} for row in _spread_rows(flat, chains)]
    try:
        return [np.array(posterior.unconstrain(point), dtype=float) for point in points]
    except (TypeError, ValueError, KeyError) as error:
        raise type(error)(f"sample: init: {error.args[0]}") from None


def _spread_rows(values: Mapping[str, np.ndarray], chains: int) -> list[int]:
    """Evenly spread rows of draws; where these are equal, as resampled ones may be, the next rows
    that differ from all before, as long as there are such."""
    columns = [np.empty((1, 0)), *(x.reshape(len(x), -1) for x in values.values())]
    matrix = np.concatenate(columns[len(columns) > 1 :], axis=1)
    count, chosen = len(matrix), []
    for row in ((2 * np.arange(chains) + 1) * count) // (2 * chains):
        new = np.ones(count, bool)
        for earlier in chosen:
            new &= (matrix != matrix[earlier]).any(axis=1)
        later = (np.flatnonzero(new) - row) % count
        chosen.append(int((row + (later.min() if len(later) else 0)) % count))
    return chosen


def find_start(
    posterior: LogpGrad, context: Context, given: Start, *, seed: int, chain: int
) -> np.ndarray:
    """A point of finite density and gradient, float64[dim].

    The given one; without one the first valid one of 100: from `posterior.initial` if there is such
    a method, else uniform on (-2, 2) in each coordinate, as in Stan. Attempt k of chain c is a
    function of (seed, c, k). SamplingError if none is valid.
    """
    exact = isinstance(given, np.ndarray)
    attempts = 1 if exact else ATTEMPTS
    for attempt in range(attempts):
        q = given if exact else _candidate(posterior, seed, chain, attempt)
        code, logp, gradient = native.evaluate_at(posterior.address, context.address, q)
        if code != 0:
            known = density_failure(context, code, f"at the start point of chain {chain}")
            raise known or SamplingError(
                f"the log density's function failed with code {code} at the start point of chain "
                f"{chain}\nthis is a fault of the compiled code or of its workspace"
            )
        if np.isfinite(logp) and np.isfinite(gradient).all():
            return q
    raise SamplingError(start_failure_message(posterior, q, logp, gradient, chain, attempts))


def _candidate(posterior: LogpGrad, seed: int, chain: int, attempt: int) -> np.ndarray:
    initial = getattr(posterior, "initial", None)
    if initial is None:
        return 4.0 * native.uniforms(seed, chain, attempt, posterior.dim) - 2.0
    key = int(native.uniforms(seed, chain, attempt, 1)[0] * 2.0**52)
    return np.array(initial(key, chain), dtype=float)


def start_failure_message(
    posterior: LogpGrad,
    q: np.ndarray,
    logp: float,
    gradient: np.ndarray,
    chain: int,
    attempts: int,
) -> str:
    """In at most eight lines: what is not finite, why, and what to do."""
    if np.isfinite(logp):
        bad = int(np.flatnonzero(~np.isfinite(gradient))[0])
        what = f"the gradient with respect to {variable_of(posterior, bad)} is {gradient[bad]}"
    else:
        what = f"the log density is {logp}"
    where = "the given init" if attempts == 1 else f"all {attempts} points tried, at the last one"
    lines = [f"chain {chain} cannot start: {what} at {where}"]
    diagnose = getattr(posterior, "diagnose", None)
    if diagnose is not None:
        lines += [f"  {line.strip()}" for line in str(diagnose(q)).splitlines()[:REASON_LINES]]
    lines.append("check that the data lie in the support of their distribution, or give init=")
    return "\n".join(lines)


def variable_of(posterior: LogpGrad, i: int) -> str:
    """The name of the variable that coordinate i belongs to, or q[i] if the posterior has none."""
    named = getattr(posterior, "variable_of", None)
    return str(named(i)) if named is not None else f"q[{i}]"
