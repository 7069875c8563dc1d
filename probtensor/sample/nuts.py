"""The no-U-turn sampler: its settings, its arrays, and one chain of it.

Why "diag_grad" is the default metric. Least bulk effective size of a coordinate per 1000 gradients,
warm-up included, 4 chains of 1000 + 1000 iterations, means over 3 to 10 seeds, as

    Stan's windows with Stan's diagonal / this schedule with "diag" / with "diag_grad":

    eight schools, non-centred      30.9 /  39.3 /  39.0   regression, sblrc    7.1 /  9.2 / 15.5
    normal, scales from 1 to 1000    9.5 /  80.9 /  87.9   regression, kidiq    4.1 /  9.1 /  9.6
    normal, 50 correlated dims      18.4 /  23.2 /  23.8   logistic regression  105 /  119 /  127
    radon, varying slopes            1.8 /   3.6 /   5.0   item response, 2PL   1.5 /  1.8 /  2.4
"""

from dataclasses import dataclass

import numpy as np

from cython_ext import chain as native
from cython_ext.nuts import DEEPEST
from probtensor.sample.adapt import warmup_schedule
from probtensor.sample.errors import SamplingError
from probtensor.sample.protocol import Context, LogpGrad

METRICS = {"diag": native.Metric.DRAWS, "diag_grad": native.Metric.DRAWS_AND_GRADIENTS}
FINISHED, INTERRUPTED = native.Status.FINISHED, native.Status.INTERRUPTED


@dataclass(frozen=True)
class Nuts:
    """Settings of the sampler.

    draws, tune, target_accept, max_treedepth, keep_warmup: see `sample`.
    early_max_treedepth  the cap of the first tenth of the warm-up, where the metric is a guess
    metric               "diag_grad": a diagonal from the variances of draws and of gradients;
                         "diag": from those of the draws alone, regularised as in Stan
    max_energy_error     a trajectory whose energy rises by more diverges
    keep_divergences     add sample_stats.divergence_start: the unconstrained state before each
                         divergence, nan elsewhere
    """

    draws: int = 1000
    tune: int = 1000
    target_accept: float = 0.8
    max_treedepth: int = 10
    early_max_treedepth: int = 8
    metric: str = "diag_grad"
    max_energy_error: float = 1000.0
    keep_warmup: bool = False
    keep_divergences: bool = False

    def __post_init__(self) -> None:
        for name in ("draws", "tune"):
            if getattr(self, name) < 0:
                raise ValueError(f"sample: {name} must not be negative, not {getattr(self, name)}")
        if self.kept < 1:
            raise ValueError("sample: draws=0 keeps nothing; ask for draws or keep_warmup=True")
        if not 0.0 < self.target_accept < 1.0:
            raise ValueError(
                f"sample: target_accept lies between 0 and 1, not at {self.target_accept}"
            )
        if not 1 <= self.max_treedepth <= DEEPEST:
            raise ValueError(
                f"sample: max_treedepth lies between 1 and {DEEPEST}, not at {self.max_treedepth}"
            )
        if self.metric not in METRICS:
            raise ValueError(f"sample: metric is one of {sorted(METRICS)}, not {self.metric!r}")

    @property
    def iterations(self) -> int:
        """Iterations of a chain, warm-up included."""
        return self.tune + self.draws

    @property
    def kept(self) -> int:
        """Iterations that leave a draw behind."""
        return self.iterations if self.keep_warmup else self.draws


@dataclass(frozen=True)
class Traces:
    """What the chains write: rows of the first axis are chains, each written by one thread.

    draws float64[chains, kept, dim]; records native.RECORD[chains, kept]; divergence_starts as
    draws, nan where there was no divergence, or None; inverse_mass float64[chains, dim].
    """

    draws: np.ndarray
    records: np.ndarray
    divergence_starts: np.ndarray | None
    inverse_mass: np.ndarray


def new_traces(nuts: Nuts, chains: int, dim: int) -> Traces:
    """Arrays for `chains` chains."""
    shape = (chains, nuts.kept, dim)
    return Traces(
        draws=np.empty(shape),
        records=np.zeros(shape[:2], native.RECORD),
        divergence_starts=np.full(shape, np.nan) if nuts.keep_divergences else None,
        inverse_mass=np.ones((chains, dim)),
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

    Returns the number of iterations done, which is smaller than asked for only where `progress`
    was told to stop. The draws depend on posterior, settings, start, seed and chain alone.
    SamplingError where the chain cannot go on.
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
        inverse_mass=traces.inverse_mass[chain],
        progress=progress,
        metric=METRICS[nuts.metric],
        target_accept=nuts.target_accept,
        max_depth=nuts.max_treedepth,
        early_depth=min(nuts.early_max_treedepth, nuts.max_treedepth),
        early=nuts.tune // 10,
        max_error=nuts.max_energy_error,
    )
    if status not in (FINISHED, INTERRUPTED):
        raise SamplingError(explain(status, chain, done, code))
    return done


def explain(status: int, chain: int, done: int, code: int) -> str:
    """Why a chain that is neither finished nor interrupted ended."""
    if status == native.Status.DENSITY_FAILED:
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
