"""The trajectories that diverged, followed again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from cython_ext.samplers.leapfrog import trajectory
from probtensor.calls import line_text
from probtensor.dataclass import dataclass
from probtensor.sample.checks import integer

SAME = 1e-6  # relative and absolute error of a log density, which targets round differently


@dataclass(frozen=True, eq=False)
class Path:
    """A trajectory up to the step that diverged.

    chain, draw   the draw in whose iteration it was
    step_size     of the leapfrog steps, negative backwards in time; 0 where it is not known
    positions     float64[steps + 1, dim], of which the first is the draw before
    energies      float64[steps + 1]; the last is infinite where the density is not finite
    inverse_mass  float64[dim], the diagonal of the metric
    """

    chain: int
    draw: int
    step_size: float
    positions: np.ndarray
    energies: np.ndarray
    inverse_mass: np.ndarray

    @property
    def jump(self) -> int:
        """The step, counted from 0, in which the energy rose most."""
        with np.errstate(invalid="ignore"):
            rises = np.diff(self.energies)
        return int(np.argmax(np.where(np.isnan(rises), np.inf, rises)))


def group(idata: Any, name: str) -> Any:
    """A group of an ArviZ object; None where there is none."""
    try:
        return idata[name]
    except (KeyError, TypeError, AttributeError):
        return None


def count_of(idata: object) -> int:
    """How many draws diverged. ValueError for what is no result of `pt.sample`."""
    stats = group(idata, "sample_stats")
    if stats is None or "diverging" not in stats:
        raise ValueError(
            f"explain_divergences takes what pt.sample returned, with its group sample_stats, not "
            f"{type(idata).__name__}\n  at {line_text()}"
        )
    return int(np.sum(stats["diverging"].values))


def paths(posterior: Any, idata: object, limit: int) -> Iterator[Path]:
    """The first divergent trajectories of a run, those of all chains in turn, at most `limit`.

    ValueError where the draws are of another model or other data, or nothing of the divergences was
    recorded.
    """
    limit = integer("explain_divergences", "limit", limit, 1)
    found = group(idata, "divergences")
    if found is None:
        yield from _points(posterior, idata, limit)
        return
    records: Mapping[str, np.ndarray] = {name: found[name].values for name in found.data_vars}
    _check_dim(posterior, records["position"].shape[1])
    stats = group(idata, "sample_stats")
    if "lp" in stats:
        _check_density(posterior, records, stats["lp"])
    order = by_turns(records["chain"])[:limit]
    context = posterior.context()
    for row in order:
        steps, inverse_mass = int(records["n_steps"][row]), records["inverse_mass"][row]
        size = float(np.copysign(records["step_size"][row], steps))
        positions, _, energies = trajectory(
            posterior.address,
            context.address,
            *(np.array(x, order="C") for x in (records["position"][row], records["momentum"][row])),
            np.array(inverse_mass, order="C"),
            size,
            abs(steps),
        )
        chain, draw = int(records["chain"][row]), int(records["draw"][row])
        yield Path(chain, draw, size, positions, energies, inverse_mass)


def _check_density(posterior: Any, records: Mapping[str, np.ndarray], recorded: Any) -> None:
    """ValueError where the log density of a draw is not the one that was recorded."""
    for chain, draw, q in zip(records["chain"], records["draw"], records["position"], strict=True):
        try:
            then = float(recorded.sel(chain=chain, draw=draw - 1))
        except KeyError:  # of the warm-up, or of draws that were left out
            continue
        now = float(posterior.logp(np.array(q, order="C")))
        if not np.isclose(now, then, rtol=SAME, atol=SAME):
            raise ValueError(
                f"explain_divergences: draw {draw - 1} of chain {chain} has the log density "
                f"{now:.6g} here and had {then:.6g} in the run; the draws are of another model or "
                f"of other data\n  at {line_text()}"
            )
        return


def by_turns(chains: Sequence[int]) -> list[int]:
    """Rows so that the first of each chain come first, then the second ones."""
    seen: dict[int, int] = {}
    turns = []
    for row, chain in enumerate(np.asarray(chains).tolist()):
        seen[chain] = turn = seen.get(chain, -1) + 1
        turns.append((turn, row))
    return [row for _, row in sorted(turns)]


def _points(posterior: Any, idata: object, limit: int) -> Iterator[Path]:
    """Of a run that recorded no more than the state before each divergence."""
    stats = group(idata, "sample_stats")
    if "divergence_start" not in stats:
        raise ValueError(
            "explain_divergences: these draws diverged, but have no group `divergences`, which "
            "pt.sample adds on the CPU; chains on a device record the states with "
            f"keep_divergences=True\n  at {line_text()}"
        )
    starts = stats["divergence_start"].values
    _check_dim(posterior, starts.shape[-1])
    rows = np.argwhere(stats["diverging"].values)
    spread = np.nanvar(_unconstrained(starts), axis=0)
    for row in by_turns(rows[:, 0])[:limit]:
        chain, draw = rows[row].tolist()
        q = starts[chain, draw]
        size = float(stats["step_size"].values[chain, draw]) if "step_size" in stats else 0.0
        energy = np.array([-posterior.logp(q), np.inf])
        yield Path(chain, draw, size, np.array([q, q]), energy, np.where(spread > 0, spread, 1.0))


def _unconstrained(starts: np.ndarray) -> np.ndarray:
    return starts.reshape(-1, starts.shape[-1])


def _check_dim(posterior: Any, dim: int) -> None:
    if dim != posterior.dim:
        raise ValueError(
            f"explain_divergences: the draws have {dim} coordinates and this posterior has "
            f"{posterior.dim}; they are of another model\n  at {line_text()}"
        )
