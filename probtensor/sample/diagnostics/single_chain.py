"""Signs within a single chain that it has not reached the typical set: it is stuck, its log
density has a trend, or differences of its energies are rounding errors.

R-hat and effective sample sizes compare draws with each other. They are nan for a coordinate that
never changes, and cannot detect chains that are all stuck in the same way.
"""

from collections.abc import Iterator

import numpy as np

from probtensor.sample.kernels.protocol import LogpGrad
from probtensor.sample.runs.start import variable_of

MIN_DRAWS = 10  # for a chain to be reported as stuck
EQUAL_RTOL = 1e-13  # draws that differ by less, relative to their size, count as one value
MIN_MOVE_RATE = 0.05  # of iterations that change the state
MIN_ACCEPTANCE = 0.01  # mean acceptance below which a chain rejects all proposals
MAX_DRIFT = 10.0  # of the log density, from the first quarter of the draws to the last
SPREADS = 3.0  # standard deviations that a drift must exceed
MAX_ENERGY_ROUNDING = 0.1  # rounding error of an energy; more makes acceptance meaningless
NAMED_CHAINS = 8
MAX_CHAINS, POINTS = 64, 20  # whose gradients are checked, at how many draws of each

ADVICE = "tune longer, rescale the variables, or start nearer with init="


def chains_text(chains: np.ndarray) -> str:
    """ "chain 2", or "chains 0, 1 and 5 more"."""
    numbers = ", ".join(str(chain) for chain in chains[:NAMED_CHAINS])
    more = f" and {chains.size - NAMED_CHAINS} more" if chains.size > NAMED_CHAINS else ""
    return f"chain{'s' if chains.size > 1 else ''} {numbers}{more}"


def low_acceptance_note(records: np.ndarray, chains: np.ndarray) -> str:
    """Why chains do not move: if all proposals are rejected, the step size, adapted elsewhere, is
    too large. "" if proposals are accepted."""
    names = records.dtype.names
    if "acceptance_rate" not in names or "step_size" not in names:
        return ""
    acceptance = records["acceptance_rate"][chains].mean(axis=1)
    worst = chains[int(np.argmin(acceptance))]
    if not acceptance.min() < MIN_ACCEPTANCE:
        return ""
    return (
        f" Chain {worst} refuses what it proposes (mean acceptance {acceptance.min():.2g}): its "
        f"step size of {np.median(records['step_size'][worst]):.3g}, learned elsewhere, is too "
        "long there; a higher target_accept makes it smaller."
    )


def stuck_chains(posterior: LogpGrad, draws: np.ndarray, records: np.ndarray) -> Iterator[str]:
    """Warnings of chains of float64[chains, draws, dim] with coordinates that never change, or that
    hardly ever move. None with fewer than MIN_DRAWS draws."""
    if draws.shape[1] < MIN_DRAWS:
        return
    high, low = draws.max(axis=1), draws.min(axis=1)
    still = high - low <= EQUAL_RTOL * np.maximum(np.abs(high), np.abs(low))
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
    rare = np.setdiff1d(np.flatnonzero(moves < MIN_MOVE_RATE), stuck)
    if rare.size:
        yield (
            f"{chains_text(rare)} hardly {'move' if rare.size > 1 else 'moves'}: in "
            f"{100 * moves[rare].min():.2g} % of the iterations."
            f"{low_acceptance_note(records, rare)} The draws do not show the posterior: {ADVICE}"
        )


def log_density_drift(lp: np.ndarray) -> Iterator[str]:
    """Warnings of chains of float64[chains, draws] whose log density has a trend: from the first
    quarter to the last it changes by more than MAX_DRIFT, and by more than it varies in both."""
    quarter = lp.shape[1] // 4
    early, late = lp[:, :quarter], lp[:, -quarter:]
    begins, ends = np.median(early, axis=1), np.median(late, axis=1)
    limit = np.maximum(MAX_DRIFT, SPREADS * (early.std(axis=1) + late.std(axis=1)))
    moving = np.flatnonzero(np.abs(ends - begins) > limit)
    if moving.size:
        many, first = moving.size > 1, moving[np.argmax(np.abs(ends - begins)[moving])]
        yield (
            f"{chains_text(moving)} {'have' if many else 'has'} not arrived: the log density of "
            f"chain {first} goes from about {begins[first]:.6g} to {ends[first]:.6g} over its "
            "draws. These are not draws from the posterior: tune longer, or start nearer with init="
        )


def energy_rounding(lp: np.ndarray) -> Iterator[str]:
    """Warnings of chains whose log density is so large that rounding hides differences of one."""
    error = np.abs(np.median(lp, axis=1)) * 2.0**-52
    blind = np.flatnonzero(error > MAX_ENERGY_ROUNDING)
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
    """Warnings of chains that still climb in one of the given coordinates, which mix badly.

    Near its mode a density of scale s has the gradient -(q - mode)/s**2. The change of the gradient
    along the draws gives s, and its mean then the distance to the mode in units of s. If half the
    square of that exceeds MAX_DRIFT, the log density can rise by more than that in this coordinate.
    """
    evaluate = getattr(posterior, "logp_and_grad", None)
    if evaluate is None or not coordinates.size:
        return
    found = []
    for chain in range(min(len(draws), MAX_CHAINS)):
        points = draws[chain, np.linspace(0, draws.shape[1] - 1, POINTS).astype(int)]
        grads = np.array([evaluate(np.ascontiguousarray(q))[1] for q in points])[:, coordinates]
        away = points[:, coordinates] - points[:, coordinates].mean(axis=0)
        mean = grads.mean(axis=0)
        curvature = -(away * grads).sum(axis=0) / (away**2).sum(axis=0)
        one_way = np.abs(mean) > SPREADS * grads.std(axis=0)
        gain = np.where(one_way & (curvature > 0.0), 0.5 * mean**2 / curvature, 0.0)
        if gain.max() > MAX_DRIFT:
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
