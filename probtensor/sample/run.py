"""`sample`: from a posterior to an ArviZ object."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np

from cython_ext import blas
from cython_ext.chain import Progress
from cython_ext.cpus import available_cpus
from probtensor.calls import public
from probtensor.sample.diagnostics import MANY_CHAINS
from probtensor.sample.many import run_many
from probtensor.sample.nuts import Outcome, new_traces, run_chain
from probtensor.sample.output import axes_of, groups_of, load_arviz, rows_of, to_arviz
from probtensor.sample.progress import Callback, Watcher
from probtensor.sample.protocol import LogpGrad
from probtensor.sample.settings import Chees, Settings, settings_of
from probtensor.sample.start import find_start, given_starts
from probtensor.sample.threads import run_all
from probtensor.sample.warn import warn_of_trouble
from probtensor.system.stages import quiet
from probtensor.version import __version__

SEED_BITS = 63


@public
def sample(
    posterior: LogpGrad,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    cores: int | None = None,
    seed: int | None = None,
    target_accept: float | None = None,
    max_treedepth: int = 10,
    progress: bool | Callback = True,
    keep_warmup: bool = False,
    init: Mapping[str, Any] | np.ndarray | None = None,
    *,
    sampler: str = "nuts",
    metric: str = "diag_grad",
    early_max_treedepth: int = 8,
    keep_divergences: bool = False,
    pooled: bool | None = None,
) -> Any:
    """Draw from a posterior and return an ArviZ object.

    posterior      what `condition` returns, or any `LogpGrad`
    draws, tune    iterations per chain that are kept, and those of the warm-up before them
    chains, cores  chains, and threads to run them on: by default one per CPU that this process
                   may use. Neither changes what chain i draws. Meanwhile BLAS has one thread
    seed           0 <= seed < 2**63, by default from the operating system. Same seed, same bits
    target_accept  mean acceptance the step size aims at, by default 0.8, and 0.651 for "chees"
    max_treedepth  a trajectory has at most 2**max_treedepth - 1 steps
    progress       True: bars, or a line where no terminal looks; False: silence; a function: called
                   with a list of ChainState about ten times a second
    keep_warmup    add the groups warmup_posterior and warmup_sample_stats
    init           {name: value}, float64[dim] or float64[chains, dim]; by default uniform on
                   (-2, 2) in each unconstrained coordinate, with up to 100 attempts a chain
    sampler        "nuts"; or "chees", for many chains on a device: one trajectory length for all
    pooled         chains of a posterior with target="cuda", which all run there at once, learn one
                   metric and one step size together: by default from 128 on, and always for "chees"
    metric, early_max_treedepth, keep_divergences: see `settings.Settings`

    Ctrl-C stops the chains at their next leapfrog step and returns what they have drawn: as many
    chains of one length as keep the most draws. `attrs["interrupted"]` then says what is left.

    Raises SamplingError where no start has a finite density or a chain cannot go on, ValueError for
    settings that make no sense, KeyboardInterrupt where nothing was drawn yet. Warns with
    SamplerWarning of divergences, chains that disagree and the like.
    """
    settings = settings_of(
        sampler,
        target_accept,
        draws=draws,
        tune=tune,
        max_treedepth=max_treedepth,
        early_max_treedepth=early_max_treedepth,
        metric=metric,
        keep_warmup=keep_warmup,
        keep_divergences=keep_divergences,
        pooled=_pools(sampler, posterior, chains) if pooled is None else pooled,
    )
    seed = _checked(posterior, settings, chains, cores, seed)
    return _sampled(posterior, settings, chains, cores, seed, init, progress)


def _sampled(
    posterior: LogpGrad,
    settings: Settings,
    chains: int,
    cores: int | None,
    seed: int,
    init: object,
    progress: bool | Callback,
) -> Any:
    """Run, gather what was drawn, and say what is wrong with it."""
    threads = min(chains, cores or available_cpus())
    if _on_device(posterior):
        outcome = run_many(posterior, settings, chains, seed, init, progress)
    else:
        outcome = _run(posterior, settings, chains, init, seed, threads, progress)
    traces = outcome.traces
    chosen, length = _most_draws(settings, outcome.done)
    if length == 0:
        raise KeyboardInterrupt("interrupted before the first draw")
    attrs = _attributes(settings, seed, threads, outcome)
    if outcome.interrupted:
        attrs["interrupted"] = _what_is_left(chains, settings, chosen, length)
    with quiet(progress is False):  # what turns draws into values may have to be compiled
        groups = groups_of(posterior, settings, traces, chosen, length)
    dims, coords = axes_of(posterior, settings)
    result = to_arviz(groups, dims=dims, coords=coords, attrs=attrs)
    drawn = slice(min(settings.kept - settings.draws, length), length)
    warn_of_trouble(
        posterior,
        settings,
        rows_of(traces.draws, chosen, drawn),
        rows_of(traces.records, chosen, drawn),
        stacklevel=3,
        threads=threads,
    )
    return result


def _pools(sampler: str, posterior: object, chains: int) -> bool:
    """Whether chains learn together where nobody says."""
    return sampler == Chees.name or (_on_device(posterior) and chains >= MANY_CHAINS)


def _on_device(posterior: object) -> bool:
    return getattr(posterior, "on_device", False)


def _checked(
    posterior: LogpGrad, settings: Settings, chains: int, cores: int | None, seed: int | None
) -> int:
    """The seed, once all of these make sense."""
    if settings.pooled and not _on_device(posterior):
        asked = "sampler='chees'" if isinstance(settings, Chees) else "pooled=True"
        raise ValueError(
            f"sample: {asked} is for chains on a device, and this posterior is on the CPU\n"
            'condition with target="cuda", or leave it out'
        )
    if not _on_device(posterior) and not isinstance(posterior, LogpGrad):
        raise TypeError(
            f"sample: draws are from a posterior, as pt.condition returns it, not {posterior!r:.60}"
        )
    if posterior.dim < 1:
        raise ValueError("sample: this posterior has no free variables, so nothing to draw")
    if chains < 1 or (cores is not None and cores < 1):
        raise ValueError(f"sample: chains={chains} and cores={cores} must be at least 1")
    if seed is None:
        return secrets.randbits(SEED_BITS)
    if isinstance(seed, bool) or int(seed) != seed or not 0 <= seed < 2**SEED_BITS:
        raise ValueError(f"sample: seed is a whole number from 0 to 2**63 - 1, not {seed!r}")
    return int(seed)


def _run(
    posterior: LogpGrad,
    settings: Settings,
    chains: int,
    init: object,
    seed: int,
    threads: int,
    progress: bool | Callback,
) -> Outcome:
    """Run all chains on threads of this process."""
    traces = new_traces(settings, chains, posterior.dim)
    contexts = [posterior.context() for _ in range(chains)]
    starts = [
        find_start(posterior, contexts[chain], given, seed=seed, chain=chain)
        for chain, given in enumerate(given_starts(posterior, init, chains))
    ]
    progresses = [Progress() for _ in range(chains)]
    jobs = [
        partial(
            run_chain, posterior, contexts[chain], settings, traces, starts[chain],
            seed=seed, chain=chain, progress=progresses[chain],
        )
        for chain in range(chains)
    ]  # fmt: skip
    preparing = threading.Thread(target=_prepare_output, args=(posterior, starts[0]), daemon=True)
    preparing.start()
    watcher = Watcher(progresses, settings.tune, settings.iterations, progress)
    began = time.perf_counter()
    with blas.OneThread(*blas.loaded()):
        try:
            done, interrupted = run_all(jobs, threads, progresses, watcher.update)
            seconds = time.perf_counter() - began
        finally:
            watcher.close()
            preparing.join()
    return Outcome(traces, done, interrupted, seconds)


def _prepare_output(posterior: LogpGrad, q: np.ndarray) -> None:
    """Import ArviZ and compile what turns draws into variables while the chains run.

    A failure here is not lost: the same steps are taken again when the output is built.
    """
    with contextlib.suppress(Exception):
        load_arviz()
        posterior.expand(q[None, :])


def _most_draws(settings: Settings, done: Sequence[int]) -> tuple[list[int], int]:
    """(chains, kept iterations of each) so that all chosen chains are equally long and the draws
    after the warm-up, or failing those the kept ones, are as many as can be."""
    kept = np.array(done) - (settings.iterations - settings.kept)
    warmup = settings.kept - settings.draws
    goals = np.where((kept > warmup).any(), kept - warmup, kept)
    order = sorted(range(len(done)), key=lambda chain: -goals[chain])
    totals = [(rank + 1) * max(0, goals[chain]) for rank, chain in enumerate(order)]
    count = int(np.argmax(totals)) + 1
    chosen = sorted(order[:count])
    return chosen, max(0, int(kept[chosen].min()))


def _attributes(
    settings: Settings, seed: int, threads: int, outcome: Outcome
) -> dict[str, Any]:
    """What a reader of the file needs to run it again; all numbers and text."""
    attributes = {
        "created_at": datetime.now(UTC).isoformat(),
        "inference_library": "probtensor",
        "inference_library_version": __version__,
        "sampler": settings.name,
        "sampling_time": outcome.seconds,
        "seed": seed,
        "draws": settings.draws,
        "tuning_steps": settings.tune,
        "cores": threads,
        "target_accept": settings.target_accept,
        "max_treedepth": settings.max_treedepth,
        "metric": settings.metric,
        "interrupted": "",
    }
    there = {"device": outcome.device, "pooled": int(settings.pooled)} if outcome.device else {}
    return attributes | there


def _what_is_left(chains: int, settings: Settings, chosen: Sequence[int], length: int) -> str:
    return (
        f"interrupted: {len(chosen)} of {chains} chains, with the first {length} of "
        f"{settings.kept} iterations that were to be kept"
    )
