"""Signs in the draws of one chain, without any other to compare with, that it is not where the
posterior's mass is: it stands still, still comes in, or moves on energies that are rounding errors.

R-hat and effective sizes compare draws with draws. They are nan for a coordinate that never changes
and say nothing of chains that are all stuck alike.
"""

from collections.abc import Iterator

import numpy as np

from probtensor.sample.kernels.protocol import LogpGrad
from probtensor.sample.runs.start import variable_of

FEWEST_MOVES = 10  # draws, for a chain to be told that it stands still
LAST_BITS = 1e-13  # draws this close, relative to their size, are one value
RARELY = 0.05  # of the iterations move the chain
REFUSED = 0.01  # a mean acceptance at which nothing is taken
DRIFT = 10.0  # of the log density, from the first quarter of the draws to the last
SPREADS = 3.0
ROUNDED = 0.1  # an error of energies that acceptance feels
NAMED_CHAINS = 8
MOST_CHAINS, POINTS = 64, 20  # whose slopes are looked at, and in how many draws of each

ADVICE = "tune longer, rescale the variables, or start nearer with init="


def chains_text(chains: np.ndarray) -> str:
    """ "chain 2", or "chains 0, 1 and 5 more"."""
    numbers = ", ".join(str(chain) for chain in chains[:NAMED_CHAINS])
    more = f" and {chains.size - NAMED_CHAINS} more" if chains.size > NAMED_CHAINS else ""
    return f"chain{'s' if chains.size > 1 else ''} {numbers}{more}"


def low_acceptance_note(records: np.ndarray, chains: np.ndarray) -> str:
    """Why chains stand: where all proposals are refused, the step size that was learned elsewhere
    is too long. "" where they are taken."""
    names = records.dtype.names
    if "acceptance_rate" not in names or "step_size" not in names:
        return ""
    acceptance = records["acceptance_rate"][chains].mean(axis=1)
    worst = chains[int(np.argmin(acceptance))]
    if not acceptance.min() < REFUSED:
        return ""
    return (
        f" Chain {worst} refuses what it proposes (mean acceptance {acceptance.min():.2g}): its "
        f"step size of {np.median(records['step_size'][worst]):.3g}, learned elsewhere, is too "
        "long there; a higher target_accept makes it smaller."
    )


def stuck_chains(posterior: LogpGrad, draws: np.ndarray, records: np.ndarray) -> Iterator[str]:
    """Chains of float64[chains, draws, dim] with coordinates that never change, or that hardly ever
    move at all. None where there are fewer than FEWEST_MOVES draws."""
    if draws.shape[1] < FEWEST_MOVES:
        return
    high, low = draws.max(axis=1), draws.min(axis=1)
    still = high - low <= LAST_BITS * np.maximum(np.abs(high), np.abs(low))
    stuck = np.flatnonzero(still.any(axis=1))
    if stuck.size:
        where = still[stuck[0]]
        first = variable_of(posterior, int(np.flatnonzero(where)[0]))
        which = f"{first} has one value in all draws"
        if where.sum() > 1:
            which = f"{where.sum()} of {where.size} coordinates have one value in all draws"
        yield (
            f"{chains_text(stuck)} {'stand' if stuck.size > 1 else 'stands'} still: {which} of "
            f"chain {stuck[0]} ({first} = {high[stuck[0]][where][0]:.6g})."
            f"{low_acceptance_note(records, stuck)} These are not draws from the posterior: "
            f"{ADVICE}"
        )
    moves = np.array([(chain[1:] != chain[:-1]).any(axis=1).mean() for chain in draws])
    rare = np.setdiff1d(np.flatnonzero(moves < RARELY), stuck)
    if rare.size:
        yield (
            f"{chains_text(rare)} hardly {'move' if rare.size > 1 else 'moves'}: in "
            f"{100 * moves[rare].min():.2g} % of the iterations."
            f"{low_acceptance_note(records, rare)} The draws do not show the posterior: {ADVICE}"
        )


def log_density_drift(lp: np.ndarray) -> Iterator[str]:
    """Chains of float64[chains, draws] whose log density still changes: from the first quarter to
    the last by more than DRIFT, and by more than it moves about within both."""
    quarter = lp.shape[1] // 4
    early, late = lp[:, :quarter], lp[:, -quarter:]
    begins, ends = np.median(early, axis=1), np.median(late, axis=1)
    limit = np.maximum(DRIFT, SPREADS * (early.std(axis=1) + late.std(axis=1)))
    moving = np.flatnonzero(np.abs(ends - begins) > limit)
    if moving.size:
        many, first = moving.size > 1, moving[np.argmax(np.abs(ends - begins)[moving])]
        yield (
            f"{chains_text(moving)} {'have' if many else 'has'} not arrived: the log density of "
            f"chain {first} goes from about {begins[first]:.6g} to {ends[first]:.6g} over its "
            "draws. These are not draws from the posterior: tune longer, or start nearer with init="
        )


def energy_rounding(lp: np.ndarray) -> Iterator[str]:
    """Chains whose log densities are so large that rounding hides differences of one."""
    error = np.abs(np.median(lp, axis=1)) * 2.0**-52
    blind = np.flatnonzero(error > ROUNDED)
    if blind.size:
        worst = blind[np.argmax(error[blind])]
        yield (
            f"{chains_text(blind)} {'move' if blind.size > 1 else 'moves'} by rounding errors: a "
            f"log density of about {np.median(lp[worst]):.3g} in chain {worst} is known to "
            f"{error[worst]:.2g} only. Start nearer with init=, or leave constants out of the log "
            "density"
        )


def gradient_trend(
    posterior: LogpGrad, draws: np.ndarray, coordinates: np.ndarray
) -> Iterator[str]:
    """Chains that are still on a slope in one of the given coordinates, which mix badly.

    Around its mode a density of scale s has the gradient -(q - mode)/s**2: its change along the
    draws gives s, and its mean then the distance left, in units of s. Where half the square of that
    exceeds DRIFT, the log density may rise by more than that in this coordinate alone.
    """
    evaluate = getattr(posterior, "logp_and_grad", None)
    if evaluate is None or not coordinates.size:
        return
    found = []
    for chain in range(min(len(draws), MOST_CHAINS)):
        points = draws[chain, np.linspace(0, draws.shape[1] - 1, POINTS).astype(int)]
        grads = np.array([evaluate(np.ascontiguousarray(q))[1] for q in points])[:, coordinates]
        away = points[:, coordinates] - points[:, coordinates].mean(axis=0)
        mean = grads.mean(axis=0)
        curvature = -(away * grads).sum(axis=0) / (away**2).sum(axis=0)
        one_way = np.abs(mean) > SPREADS * grads.std(axis=0)
        gain = np.where(one_way & (curvature > 0.0), 0.5 * mean**2 / curvature, 0.0)
        if gain.max() > DRIFT:
            found.append((float(gain.max()), chain, coordinates[int(np.argmax(gain))]))
    if found:
        gain, chain, coordinate = max(found)
        chains = np.array([chain for _, chain, _ in found])
        yield (
            f"{chains_text(chains)} {'have' if chains.size > 1 else 'has'} not arrived: all "
            f"draws of {variable_of(posterior, int(coordinate))} in chain {chain} are on one "
            f"slope of the density, up which its logarithm may rise by about {gain:.3g}. These "
            f"are not draws from the posterior: {ADVICE}"
        )
