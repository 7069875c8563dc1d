"""Warnings after a run: what is wrong with the draws, and what to do about it.

Limits are those of Vehtari et al. (2021) for R-hat and effective sample size, and of Betancourt
(2016) for the energy; many chains are compared as superchains (Margossian et al. 2024). All are
measured on the unconstrained coordinates: the transformations to the variables are monotone in each
coordinate, or nearly so, and ranks are invariant under these.
"""

import sys
import warnings
from collections.abc import Iterator

import numpy as np

from probtensor.calls import LIBRARY
from probtensor.sample.diagnostics import measures as diagnostics
from probtensor.sample.diagnostics.single_chain import (
    chains_text,
    energy_rounding,
    gradient_trend,
    log_density_drift,
    stuck_chains,
)
from probtensor.sample.errors import SamplerWarning
from probtensor.sample.kernels.protocol import LogpGrad
from probtensor.sample.runs.start import variable_of
from probtensor.sample.runs.threads import in_other_thread
from probtensor.sample.settings import Settings

RHAT_LIMIT = 1.01
ESS_PER_CHAIN = 100
ESS_POOLED = 400  # of all chains together, if they form superchains: as for four chains
BFMI_LIMIT = 0.3
FEWEST_DRAWS = 100
DEPTH_SHARE = 0.05
LOG_DENSITY_GAP = 10.0  # a density e^10 times lower
SPREADS = 3.0
NAMED_GUARDS = 3


def warn_about_draws(
    posterior: LogpGrad,
    settings: Settings,
    draws: np.ndarray,
    records: np.ndarray,
    threads: int = 1,
) -> None:
    """Issue a SamplerWarning for each problem of float64[chains, draws, dim].

    Only warnings turned into errors (`python -W error`) are raised: an exception in the checks
    themselves, such as MemoryError, becomes one more warning.
    """
    found: list[str] = []

    def check() -> None:
        with np.errstate(all="ignore"):
            found.extend(diagnostics_warnings(posterior, settings, draws, records, threads))

    try:
        in_other_thread(check)
    except Exception as error:
        found.append(f"the draws are there, but not all of them could be checked: {error!r:.200}")
    for text in found:
        issue(text)


def issue(text: str, kind: type[Warning] = SamplerWarning) -> None:
    """Warn at the line of the user."""
    stacklevel, frame = 1, sys._getframe(0)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(LIBRARY):
        stacklevel, frame = stacklevel + 1, frame.f_back
    try:
        warnings.warn(text, kind, stacklevel=stacklevel)
    except ValueError:
        # Raised by Python when it shows a warning and standard error is closed.
        if not getattr(sys.stderr, "closed", True):
            raise


def diagnostics_warnings(
    posterior: LogpGrad,
    settings: Settings,
    draws: np.ndarray,
    records: np.ndarray,
    threads: int = 1,
) -> Iterator[str]:
    """The text of each warning."""
    if draws.shape[1] == 0:
        return
    yield from _divergences(posterior, settings, records)
    if "reached_max_treedepth" in records.dtype.names:
        yield from _tree_depth(settings, records)
    yield from stuck_chains(posterior, draws, records)
    if draws.shape[1] >= FEWEST_DRAWS:
        yield from _low_mass_chains(draws, records)
        yield from log_density_drift(records["lp"])
        yield from energy_rounding(records["lp"])
        yield from _energy(records)
        yield from _mixing(posterior, draws, threads)


def _divergences(posterior: LogpGrad, settings: Settings, records: np.ndarray) -> Iterator[str]:
    diverging = records["diverging"] != 0
    count = int(diverging.sum())
    guarded = getattr(posterior, "guarded", ())
    if count and guarded:
        # The energy is infinite where the density is zero; some samplers record no largest error.
        known = "max_energy_error" in records.dtype.names
        beyond = np.isinf(records["max_energy_error"]) if known else True
        outside = int((diverging & beyond).sum())
        if outside:
            more = f" and {len(guarded) - NAMED_GUARDS} more" if len(guarded) > NAMED_GUARDS else ""
            yield (
                f"{outside} of {records.size} draws diverged where the density is zero: "
                f"{'; '.join(guarded[:NAMED_GUARDS])}{more}, and nothing keeps it there. Make it "
                "of something that cannot leave, such as pt.exp or pt.sigmoid of a variable, or "
                "give the variable a prior on that range, such as pt.random.half_normal"
            )
            count -= outside
    elif count and "max_energy_error" in records.dtype.names:
        edge = int((diverging & np.isinf(records["max_energy_error"])).sum())
        if 2 * edge > count:
            yield (
                f"{edge} of {records.size} draws diverged where the log density is not finite: it "
                "is -inf or nan there, or overflows. Trajectories do not see such an edge. Give "
                "the variable a constraint that keeps it inside, such as pt.interval, or a prior "
                "like pt.random.half_normal"
            )
            count -= edge
    if count:
        yield (
            f"{count} of {records.size} draws diverged: the sampler cannot follow the posterior "
            "where it curves most, and the draws miss that region. Raise target_accept above "
            f"{settings.target_accept:g}, or {_another_way(posterior)}"
        )


def _another_way(posterior: LogpGrad) -> str:
    """Advice on a posterior of strong curvature; on hierarchies only if the model has any."""
    pairs = getattr(posterior, "hierarchies", ())
    if not pairs:
        return (
            "write the model another way: with priors that rule out extreme values, or with "
            "variables whose scales do not depend on each other"
        )
    effect, scale = pairs[0]
    return (
        f"write the hierarchy with standardised effects: {effect}, whose scale is made of {scale}, "
        "with centered=False, or a variable of scale 1 that is multiplied by that scale; "
        "pt.reparametrize chooses"
    )


def _low_mass_chains(draws: np.ndarray, records: np.ndarray) -> Iterator[str]:
    """Warnings of chains whose log density stays far below that of the best one, as in a narrow
    valley or a minor mode: by more than LOG_DENSITY_GAP and by more than both vary.

    The best chain has the largest mass, not density: the median of the log density plus the log
    volume of its draws. A chain that is stuck in a narrow region or a spike has a volume of about 0
    and is reported itself.
    """
    lp = records["lp"]
    middle, spread = np.median(lp, axis=1), lp.std(axis=1)
    with np.errstate(divide="ignore"):
        mass = middle + np.log(draws.std(axis=1)).sum(axis=1)
    known = np.isfinite(mass)
    mass[~known] = -np.inf
    if known.any():
        best = int(np.argmax(mass))
    else:
        best = int(np.nanargmax(middle)) if not np.isnan(middle).all() else 0
    far = np.maximum(LOG_DENSITY_GAP, SPREADS * (spread + spread[best]))
    low = np.flatnonzero(middle[best] - middle > far)
    if low.size:
        many = low.size > 1
        yield (
            f"{chains_text(low)} {'stay' if many else 'stays'} far "
            f"below the others: a log density of about {middle[low].max():.6g}, where chain {best} "
            f"has {middle[best]:.6g}. {'They are' if many else 'It is'} not where the posterior's "
            "mass is: leave the draws out, and start nearer with init=, or at another seed"
        )
    narrow = known & (mass < mass[best] - LOG_DENSITY_GAP)
    high = np.flatnonzero((middle - middle[best] > far) & narrow)
    if high.size:
        many = high.size > 1
        yield (
            f"{chains_text(high)} {'stay' if many else 'stays'} in a narrow place far above the "
            f"others: a log density of about {middle[high].max():.6g}, where chain {best} has "
            f"{middle[best]:.6g}, but its draws fill so much more that their mass is about e^"
            f"{(mass[best] - mass[high]).min():.3g} times that. Leave the draws of "
            f"{chains_text(high)} out, and start nearer with init=, or at another seed"
        )


def _tree_depth(settings: Settings, records: np.ndarray) -> Iterator[str]:
    share = float(records["reached_max_treedepth"].mean())
    if share > DEPTH_SHARE:
        yield (
            f"{100 * share:.0f} % of the draws reached the maximum tree depth of "
            f"{settings.max_treedepth}: where a chain has arrived they are valid, but follow each "
            "other slowly. Rescale or decorrelate the variables, tune longer, or raise "
            "max_treedepth"
        )


def _energy(records: np.ndarray) -> Iterator[str]:
    found = diagnostics.bfmi(records["energy"])
    low = np.flatnonzero(found < BFMI_LIMIT)
    if low.size:
        yield (
            f"the energy moves too little from draw to draw in {chains_text(low)} (E-BFMI "
            f"{found[low].min():.2f}, below {BFMI_LIMIT:g}): heavy tails are explored slowly. "
            "Write the model another way, or tune longer"
        )


def _mixing(posterior: LogpGrad, draws: np.ndarray, threads: int) -> Iterator[str]:
    if diagnostics.superchain_size(len(draws)) > 1:
        rhat, size = diagnostics.nested(draws)
        wanted = ESS_POOLED
    else:
        rhat, bulk, tail = diagnostics.convergence(draws, threads)
        size = np.fmin(bulk, tail)
        wanted = ESS_PER_CHAIN * draws.shape[0]
    apart = np.flatnonzero(~(rhat <= RHAT_LIMIT) & ~np.isnan(rhat))
    if apart.size:
        worst = apart[np.argmax(rhat[apart])]
        yield (
            f"the chains disagree on {apart.size} of {rhat.size} coordinates (R-hat of "
            f"{variable_of(posterior, worst)} is {rhat[worst]:.3f}, above {RHAT_LIMIT:g}): they "
            "have not yet found the same distribution. Draw and tune more, or check whether the "
            "posterior has several modes or the model is not identified"
        )
        yield from gradient_trend(posterior, draws, apart)
    few = np.flatnonzero(size < wanted)
    if few.size:
        worst = few[np.argmin(size[few])]
        yield (
            f"{few.size} of {size.size} coordinates have an effective sample size below {wanted} "
            f"({variable_of(posterior, worst)} has {size[worst]:.0f}): means and intervals are "
            "uncertain. Draw more, or decorrelate the variables"
        )
