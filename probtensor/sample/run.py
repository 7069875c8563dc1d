"""`sample`: from a posterior to an ArviZ object."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from cython_ext.cpus import available_cpus
from probtensor.calls import public
from probtensor.late import late
from probtensor.sample.checks import (
    check_memory,
    integer,
    seed_or_new,
    value_text,
    with_user_line,
)
from probtensor.sample.diagnostics.measures import SUPERCHAIN_THRESHOLD
from probtensor.sample.diagnostics.warnings import issue, warn_about_draws
from probtensor.sample.kernels.nuts import Run
from probtensor.sample.kernels.protocol import LogpGrad
from probtensor.sample.runs.draws import Draws, attach
from probtensor.sample.runs.host import HostRun
from probtensor.sample.runs.interrupts import Interrupts
from probtensor.sample.runs.output import Arviz, rows_of, to_arviz
from probtensor.sample.runs.progress import Callback
from probtensor.sample.runs.start import Start, given_starts
from probtensor.sample.settings import Chees, Settings, settings_of
from probtensor.system.stages import quiet
from probtensor.version import __version__

if TYPE_CHECKING:
    from probtensor.sample.device.run import DeviceRun

device_runs = late("probtensor.sample.device.run")
ATTEMPTS = 5
STATISTICS = 14  # words of 8 bytes recorded with each draw


@public
def sample(
    posterior: LogpGrad, draws: int = 1000, tune: int = 1000, chains: int = 4,
    cores: int | None = None, seed: object = None, target_accept: float | None = None,
    max_treedepth: int = 10, progress: bool | Callback = True, keep_warmup: bool = False,
    init: Mapping[str, ArrayLike] | ArrayLike | Arviz | str | None = None, *, sampler: str = "nuts",
    metric: str = "diag_grad", early_max_treedepth: int = 8, keep_divergences: bool = False,
    pooled: bool | None = None,
) -> Arviz:  # fmt: skip
    """Draw from a posterior and return an ArviZ object.

    posterior      what `condition` returns, or any `LogpGrad`; with `pt.debug` in it, on the CPU
    draws, tune    iterations per chain that are kept, and those of the warm-up before them
    chains, cores  chains, and threads to run them on: by default one per CPU that this process
                   may use. Neither changes what chain i draws. Meanwhile BLAS has one thread
    seed           0 <= seed < 2**63, by default from the operating system. Same seed, same bits.
                   A numpy.random.Generator or SeedSequence is asked for such a number
    target_accept  mean acceptance the step size aims at, by default 0.9, and 0.651 for "chees"
    max_treedepth  a trajectory has at most 2**max_treedepth - 1 steps
    progress       True: bars, or one line without a terminal; False: silence; a function: called
                   with a list of ChainState about ten times a second
    keep_warmup    add the groups warmup_posterior and warmup_sample_stats
    init           {name: value}, float64[dim], float64[chains, dim], or draws (an ArviZ object);
                   "random": uniform on (-2, 2). By default near modes (random on a device)
    sampler        "nuts"; or "chees", for many chains on a device: one trajectory length for all
    pooled         with target="cuda": adapt one metric and step size for all chains; by default
                   from 128 chains on, and always for "chees"
    metric         "diag_grad": a diagonal from the variances of draws and of gradients; "diag":
                   from those of the draws alone, regularised as in Stan
    early_max_treedepth  that of the first tenth of the warm-up, while the metric is poor
    keep_divergences  add sample_stats.divergence_start: q before each divergence, else nan ("nuts")

    Returns an ArviZ object with `posterior` (arrays (chain, draw, *shape of variable)),
    `sample_stats` and `observed_data`.

    Ctrl-C stops the chains at their next leapfrog step and returns what they have drawn: the
    chains and common length that keep the most draws. `attrs["interrupted"]` then says how many
    these are. A second Ctrl-C changes nothing, a third one raises KeyboardInterrupt.
    No draw is lost: whatever exception ends a run after its first draw (that KeyboardInterrupt, one
    of a callback, a failing chain, no memory, no ArviZ, a SamplerWarning as an error) is raised as
    it is, with an attribute: `error.draws.to_arviz()`, and see `probtensor.sample.Draws`.
    Raises SamplingError if no start has a finite density or a chain cannot continue, TypeError or
    ValueError for wrong settings, KeyboardInterrupt if nothing was drawn. Warnings: SamplerWarning.

    Sources: Hoffman and Gelman (2014), JMLR 15:1593; Betancourt (2017), arXiv:1701.02434; for
    "chees" Hoffman, Radul and Sountsov (2021), AISTATS.

        >>> mu = pt.random.normal(0, 5, name="mu")
        >>> post = pt.condition({pt.random.normal(mu, 1.0, name="y"): 1.0})
        >>> pt.sample(post, draws=9, tune=9, chains=2, seed=1, progress=False).posterior["mu"].shape
        (2, 9)
    """
    options = {
        "draws": draws, "tune": tune, "max_treedepth": max_treedepth, "metric": metric,
        "early_max_treedepth": early_max_treedepth, "keep_warmup": keep_warmup,
        "keep_divergences": keep_divergences, "pooled": pooled, "target_accept": target_accept,
    }  # fmt: skip
    posterior = _where_chains_run(posterior, sampler, pooled)
    asked = _validated(posterior, sampler, options, chains, cores, seed, init, progress)
    return _run_and_collect(posterior, *asked, progress)


def _where_chains_run(posterior: LogpGrad, sampler: str, pooled: bool | None) -> LogpGrad:
    """The posterior that chains draw from: on the CPU if a part of a density on a device runs on
    the host, for which no kernel can wait. A warning says so."""
    of_device = sampler == Chees.name or pooled  # what only a device does is refused there
    part = None if of_device else getattr(posterior, "host_part", None)
    if part is None:
        return posterior
    name, line = part
    issue(
        f"sample: {name} runs on the host, and chains on a device are one kernel, which cannot "
        f"wait for it: these chains run on the CPU\n  at {line}",
        UserWarning,
    )
    return posterior.on_host()


def _validated(
    posterior: LogpGrad, *request: object
) -> tuple[Settings, int, int, list[Start]]:
    """What `_settings` gives for a request; its errors name the user's line."""
    try:
        return _settings(posterior, *request)
    except (TypeError, ValueError, KeyError, MemoryError) as error:
        raise with_user_line(error) from None


def _settings(
    posterior: LogpGrad,
    sampler: str,
    options: dict[str, object],
    chains: int,
    cores: int | None,
    seed: object,
    init: object,
    progress: object,
) -> tuple[Settings, int, int, list[Start]]:
    """(settings, threads, seed, start point or None of each chain), all validated."""
    _check_posterior(posterior)
    chains = integer("sample", "chains", chains, 1)
    cores = available_cpus() if cores is None else integer("sample", "cores", cores, 1)
    if options["pooled"] is None:
        options["pooled"] = _default_pooled(sampler, posterior, chains)
    settings = settings_of(sampler, **options)
    _check_target(posterior, settings)
    if not isinstance(progress, bool) and not callable(progress):
        raise TypeError(
            "sample: progress is True, False or a function of a list of ChainState, not "
            f"{value_text(progress)}\n  write progress=False for silence"
        )
    seed = seed_or_new("sample", seed)
    nbytes = chains * settings.kept * 8 * (posterior.dim + STATISTICS) + settings.tune
    arrays = f"{chains} chains of {settings.kept} draws of {posterior.dim} coordinates"
    check_memory("sample", arrays, nbytes)
    return settings, min(chains, cores), seed, given_starts(posterior, init, chains)


def _run_and_collect(
    posterior: LogpGrad,
    settings: Settings,
    threads: int,
    seed: int,
    starts: list[Start],
    progress: bool | Callback,
) -> Arviz:
    """Run the chains, collect the draws and warn of problems. Exceptions get the draws so far."""
    run = run_kind(posterior)(posterior, settings, threads, seed, starts, progress)
    collector = DrawCollector(
        posterior, settings, run, _attributes(settings, seed, threads, run.device)
    )
    interrupts = Interrupts(run.stop, tell=progress is True)
    # Two blocks, because an exception may also be raised while the inner one is being left: by the
    # restored handler, by a handler of the user, or by another thread.
    try:
        try:
            interrupts.install()
            run.go(interrupts)
            return _result(collector, threads, progress is False)
        except BaseException as error:
            interrupts.raising = False
            collector.save(error)
            raise
        finally:
            interrupts.restore()
    except BaseException as error:
        collector.save(error)
        raise


class DrawCollector:
    """Collects the draws of a run once: at its end, or for an exception."""

    def __init__(
        self, posterior: LogpGrad, settings: Settings, run: Run, attrs: dict[str, object]
    ) -> None:
        self.posterior = posterior
        self.settings = settings
        self.run = run
        self.attrs = attrs
        self.began = time.perf_counter()
        self.draws: Draws | None = None

    def gather(self) -> Draws:
        """The draws in the traces."""
        if self.draws is None:
            attrs = self.attrs | {"sampling_time": time.perf_counter() - self.began}
            run = self.run
            self.draws = Draws(self.posterior, self.settings, run.traces, run.done(), attrs)
        return self.draws

    def save(self, error: BaseException) -> None:
        """Attach the draws to an exception that is being raised; Ctrl-C is ignored meanwhile."""
        for _ in range(ATTEMPTS):
            with contextlib.suppress(KeyboardInterrupt):
                if self.draws is None:
                    self.run.stop()
                    self.run.rescue()
                attach(error, self.gather())
                return


def _result(collector: DrawCollector, threads: int, silent: bool) -> Arviz:
    """The ArviZ object, after warnings about the draws. KeyboardInterrupt if there is no draw."""
    draws = collector.gather()
    if not draws.any:
        raise KeyboardInterrupt("interrupted before the first draw")
    collector.run.prepare()
    with quiet(silent):  # the function from draws to variables may have to be compiled
        parts = draws.parts()
    draws.result = to_arviz(**parts)
    settings, traces, chosen = draws.settings, draws.traces, draws.chosen
    part = slice(min(settings.kept - settings.draws, draws.length), draws.length)
    warn_about_draws(
        draws.posterior,
        settings,
        rows_of(traces.draws, chosen, part),
        rows_of(traces.records, chosen, part),
        threads=threads,
    )
    return draws.result


def _default_pooled(sampler: str, posterior: object, chains: int) -> bool:
    """The default of `pooled`."""
    pooling = run_kind(posterior).supports_pooling
    return sampler == Chees.name or (pooling and chains >= SUPERCHAIN_THRESHOLD)


def run_kind(posterior: object) -> type[HostRun] | type[DeviceRun]:
    """The class of runs for a posterior, by where it is. TypeError if it is not a posterior."""
    if getattr(posterior, "on_device", False):
        return device_runs.DeviceRun
    if not isinstance(posterior, LogpGrad):
        raise TypeError(
            f"sample: draws are from a posterior, as pt.condition returns it, not {posterior!r:.60}"
        )
    return HostRun


def _check_posterior(posterior: object) -> None:
    run_kind(posterior)
    if posterior.dim < 1:
        raise ValueError("sample: this posterior has no free variables, so nothing to draw")


def _check_target(posterior: LogpGrad, settings: Settings) -> None:
    if settings.pooled and not run_kind(posterior).supports_pooling:
        asked = "sampler='chees'" if isinstance(settings, Chees) else "pooled=True"
        raise ValueError(
            f"sample: {asked} is for chains on a device, and this posterior is on the CPU\n"
            '  condition with target="cuda", or leave it out'
        )


def _attributes(settings: Settings, seed: int, threads: int, device: str) -> dict[str, object]:
    """Attributes to reproduce the run; all numbers and text."""
    attributes = {
        "created_at": datetime.now(UTC).isoformat(),
        "inference_library": "probtensor",
        "inference_library_version": __version__,
        "sampler": settings.name,
        "sampling_time": 0.0,
        "seed": seed,
        "draws": settings.draws,
        "tuning_steps": settings.tune,
        "cores": threads,
        "target_accept": settings.target_accept,
        "max_treedepth": settings.max_treedepth,
        "metric": settings.metric,
        "interrupted": "",
    }
    on_device = {"device": device, "pooled": int(settings.pooled)} if device else {}
    return attributes | on_device
