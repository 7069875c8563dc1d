"""The no-U-turn sampler on the CPU: its arrays, and one chain of it.

Why "diag_grad" is the default metric. Least bulk effective size of a coordinate per 1000 gradients,
warm-up included, 4 chains of 1000 + 1000 iterations, means over 3 to 10 seeds, as

    Stan's windows with Stan's diagonal / this schedule with "diag" / with "diag_grad":

    eight schools, non-centred      30.9 /  39.3 /  39.0   regression, sblrc    7.1 /  9.2 / 15.5
    normal, scales from 1 to 1000    9.5 /  80.9 /  87.9   regression, kidiq    4.1 /  9.1 /  9.6
    normal, 50 correlated dims      18.4 /  23.2 /  23.8   logistic regression  105 /  119 /  127
    radon, varying slopes            1.8 /   3.6 /   5.0   item response, 2PL   1.5 /  1.8 /  2.4

Why distant starts are tempered (chain.pyx). Of 240 starts of posteriordb's arma-arma11, uniform on
(-2, 2) with log densities down to -1e114, all reach the typical set, with 7,000 gradients a chain;
without tempering 133 do, with 30,000 to 310,000, and with metric="diag" 215. So one start point a
chain is enough: the best of several would only place the starts nearer to each other, and make
R-hat less sensitive.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from cython_ext.samplers import chain as native
from probtensor.dataclass import dataclass
from probtensor.sample.adaptation.schedule import warmup_schedule
from probtensor.sample.errors import SamplingError, density_failure
from probtensor.sample.kernels.protocol import Context, LogpGrad
from probtensor.sample.runs.interrupts import Interrupts
from probtensor.sample.settings import METRICS, Nuts, Settings

REPLAYED = 20  # divergences of a chain that can be replayed
REPLAYED_NUMBERS = 2_000_000  # coordinates of these, in all
FINISHED, INTERRUPTED = native.Status.FINISHED, native.Status.INTERRUPTED
FAILED = native.Status.DENSITY_FAILED


@dataclass(frozen=True)
class Traces:
    """The arrays that chains write: rows of the first axis are chains, each written by one thread.

    draws float64[chains, kept, dim]; records a structure[chains, kept], whose fields are named as
    in sample_stats; divergence_starts as draws, nan where there was no divergence, or None;
    inverse_mass float64[chains, dim].

    Of the first divergences of each chain after the warm-up, so that they can be replayed:
    divergences int64[chains, most, 2], the draw (-1 where there is none) and the leapfrog steps,
    negative backwards in time; divergence_paths float64[chains, most, 2, dim], the position and the
    momentum from which these steps began. None where the sampler does not record them.
    """

    draws: np.ndarray
    records: np.ndarray
    divergence_starts: np.ndarray | None
    inverse_mass: np.ndarray
    divergences: np.ndarray | None = None
    divergence_paths: np.ndarray | None = None


class Run(Protocol):
    """Chains that are ready to run: start points are found and memory is allocated.

    traces       the host's arrays
    device       the device's name; "" on the CPU
    """

    traces: Traces
    device: str

    def go(self, interrupts: Interrupts) -> None:
        """All iterations, or those up to Ctrl-C."""

    def prepare(self) -> None:
        """Wait for the preparation of the output that runs beside the chains."""

    def done(self) -> list[int]:
        """The iterations of each chain whose draws are in the traces."""

    def rescue(self) -> None:
        """After an exception: copy into the traces, quickly, the draws that are not there yet."""

    def stop(self) -> None:
        """Request that the chains stop. Called by a signal handler."""


def new_traces(nuts: Settings, chains: int, dim: int) -> Traces:
    """Arrays for `chains` chains."""
    shape = (chains, nuts.kept, dim)
    most = min(nuts.draws, REPLAYED, max(1, REPLAYED_NUMBERS // dim))
    return Traces(
        draws=np.empty(shape),
        records=np.zeros(shape[:2], native.RECORD),
        divergence_starts=np.full(shape, np.nan) if nuts.keep_divergences else None,
        inverse_mass=np.ones((chains, dim)),
        divergences=np.full((chains, most, 2), -1),
        divergence_paths=np.empty((chains, most, 2, dim)),  # untouched memory is not resident
    )


def run_chain(
    posterior: LogpGrad,
    context: Context,
    nuts: Nuts,
    traces: Traces,
    start: np.ndarray,
    *,
    seed: int,
    chain: int,
    progress: native.Progress,
) -> int:
    """Run chain number `chain` from `start` into its rows of `traces`, without the GIL.

    Returns the number of iterations done, which is smaller than requested only if a stop was
    requested by `progress`. The draws depend on posterior, settings, start, seed and chain alone.
    SamplingError if the chain cannot continue.
    """
    starts = traces.divergence_starts
    status, done, code = native.run(
        posterior.address,
        context.address,
        seed=seed,
        chain=chain,
        start=start,
        schedule=warmup_schedule(nuts.tune),
        iterations=nuts.iterations,
        draws=traces.draws[chain],
        records=traces.records[chain],
        divergence_starts=None if starts is None else starts[chain],
        divergences=traces.divergences[chain],
        divergence_paths=traces.divergence_paths[chain],
        inverse_mass=traces.inverse_mass[chain],
        progress=progress,
        metric=METRICS[nuts.metric],
        target_accept=nuts.target_accept,
        max_depth=nuts.max_treedepth,
        early_depth=min(nuts.early_max_treedepth, nuts.max_treedepth),
        early=nuts.early,
        max_error=nuts.max_energy_error,
    )
    if status not in (FINISHED, INTERRUPTED):
        where = f"chain {chain} stopped at iteration {done}"
        known = density_failure(context, code, where) if status == FAILED else None
        reason = explain(status, chain, done, code) + wrong_slope(posterior, status, start)
        raise known or SamplingError(reason)
    return done


def wrong_slope(posterior: LogpGrad, status: int, start: np.ndarray) -> str:
    """The term whose gradient is not its slope, where no step was small enough; "" if none is."""
    check = getattr(posterior, "check_gradient", None)
    if status != native.Status.STEP_SIZE_VANISHED or check is None:
        return ""
    found = check(start)
    return "" if found else f"\n  {str(found).splitlines()[0]}"


def explain(status: int, chain: int, done: int, code: int) -> str:
    """Why a chain ended that was neither finished nor interrupted."""
    if status == FAILED:
        return (
            f"chain {chain} stopped at iteration {done}: the log density's function failed with "
            f"code {code}\nthis is a fault of the compiled code or of its workspace, not of the "
            "model's values"
        )
    if status == native.Status.STEP_SIZE_VANISHED:
        return (
            f"chain {chain} found no step size small enough at its start point\n"
            "the log density jumps there, or its gradient is not its slope\n"
            "check the model for steps, rounding or sorting, or give another init="
        )
    if status == native.Status.STEP_SIZE_EXPLODED:
        return (
            f"chain {chain} found no step size too large: the log density is flat in all "
            "directions\nthe posterior is not proper; give flat variables a prior"
        )
    return f"chain {chain} has not enough memory for its states; lower max_treedepth"
