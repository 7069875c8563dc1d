"""Arguments of PyMC's functions: what has a meaning here, and why the rest has none."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from probtensor.calls import line_text
from probtensor.process import numpy_part
from probtensor.sample.checks import SEED_BITS

COMPILED = "target= says how the model is compiled"
# {argument of pm.sample: (the values that mean what is done here anyway, what to know)}.
ELSEWHERE: dict[str, tuple[Callable[[Any], bool], str]] = {
    "step": (
        lambda x: False, "NUTS draws continuous variables (target_accept= and max_treedepth= are "
        "arguments here), discrete ones are summed out",
    ),
    "nuts_sampler": (lambda x: False, "this is the sampler"),
    "trace": (lambda x: False, "all draws are in the result, in memory"),
    "init": (
        lambda x: x in ("auto", "jitter+adapt_diag", "jitter+adapt_diag_grad"),
        "chains start near modes, or at initvals=, and the warm-up adapts a diagonal metric",
    ),
    "n_init": (lambda x: isinstance(x, int), "no start is looked for by ADVI"),
    "return_inferencedata": (lambda x: x is True, "the result is an ArviZ object"),
    "mp_ctx": (lambda x: False, "chains run in threads"),
    "backend": (lambda x: False, COMPILED),
    "compile_kwargs": (lambda x: not x, COMPILED),
    "jitter_max_retries": (
        lambda x: isinstance(x, int) and x <= 100, "a start is looked for 100 times a chain",
    ),
    "keep_warning_stat": (lambda x: x is False, "warnings are warnings of Python"),
    "blas_cores": (lambda x: x in ("auto", 1), "BLAS has one thread while chains run"),
    "progressbar_theme": (lambda x: False, "progressbar= is True, False or a name of PyMC's bars"),
}  # fmt: skip
MAP_ELSEWHERE: dict[str, tuple[Callable[[Any], bool], str]] = {
    "vars": (lambda x: False, "all free variables are optimised over"),
    "use_grad": (lambda x: x is True, "the gradient is always given to the optimizer"),
    "use_hess": (lambda x: x is False, "no Hessian is computed"),
    "use_hessp": (lambda x: x is False, "no Hessian is computed"),
    "compute_hessian": (
        lambda x: x is False, "no Hessian is computed; pm.find_hessian takes the result",
    ),
    "backend": (lambda x: False, COMPILED),
    "compile_kwargs": (lambda x: not x, COMPILED),
}  # fmt: skip
NUTS_OPTIONS = ("target_accept", "max_treedepth")
OF_IDATA = {
    "model": "the model is an argument of its own",
    "prior": "join the result of sample_prior_predictive to it",
    "posterior_predictive": "join the result of sample_posterior_predictive to it",
    "sample_dims": "these are chain and draw",
    "include_transformed": "posterior(model).unconstrain gives the values of one draw",
}
IDATA_OPTIONS = ("log_likelihood", "log_prior", "coords", "dims", "save_warmup")


def refuse(
    what: str,
    table: Mapping[str, tuple[Callable[[Any], bool], str]],
    others: Mapping[str, object],
) -> None:
    """TypeError for arguments of PyMC's that ask for something that is not done here."""
    for name, value in others.items():
        if name not in table:
            raise TypeError(f"interop.pymc.{what} has no argument {name!r}\n  at {line_text()}")
        same, reason = table[name]
        if value is not None and not same(value):
            raise TypeError(
                f"interop.pymc.{what}: {name}= has no meaning here: {value!r:.60}\n  at "
                f"{line_text()}\n  leave it out: {reason}"
            )


def checked_nuts(*given: Mapping[str, object] | None) -> dict[str, object]:
    """Options of the sampler from `nuts=` and `nuts_sampler_kwargs=`; TypeError for others."""
    found: dict[str, object] = {}
    for options in given:
        for name, value in (options or {}).items():
            if name not in NUTS_OPTIONS:
                raise TypeError(
                    f"interop.pymc.sample: nuts= has {name!r:.60}, which has no meaning here\n  at "
                    f"{line_text()}\n  it has {' and '.join(NUTS_OPTIONS)}; the metric and the "
                    "step size are adapted in one way"
                )
            found[name] = value
    return found


def check_idata_kwargs(model: Any, options: Mapping[str, object]) -> None:
    """TypeError for options of the result without a meaning; ValueError for names that are no
    observed or no free variable."""
    for name in options:
        if name in OF_IDATA or name not in IDATA_OPTIONS:
            reason = OF_IDATA.get(name, f"it takes {', '.join(IDATA_OPTIONS)}")
            raise TypeError(
                f"interop.pymc.sample: idata_kwargs has {name!r:.60}, which has no meaning here\n"
                f"  at {line_text()}\n  {reason}"
            )
    for option, variables in (
        ("log_likelihood", model.observed_RVs),
        ("log_prior", model.free_RVs),
    ):
        asked = options.get(option, False)
        names = [v.name for v in variables]
        for name in [] if isinstance(asked, bool) else asked:  # type: ignore[attr-defined]
            if name not in names:
                raise ValueError(
                    f"interop.pymc.sample: idata_kwargs has {option}=[{name!r:.60}], which is not "
                    f"among {', '.join(names) or 'no variables'}\n  at {line_text()}"
                )


def check_names(model: Any, var_names: Sequence[str] | None) -> None:
    """ValueError for variables that the model lacks."""
    known = [v.name for v in (*model.free_RVs, *model.deterministics)]
    for name in var_names or ():
        if name not in known:
            raise ValueError(
                f"interop.pymc.sample: var_names has {name!r:.60}, which is no free variable and "
                f"no deterministic of the model\n  at {line_text()}\n  it has {', '.join(known)}"
            )


def progress_of(progressbar: object, quiet: bool, callback: object) -> Any:
    """What `pt.sample` takes for how progress is shown."""
    if callback is not None:
        try:
            inspect.signature(callback).bind(None)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            raise TypeError(
                f"interop.pymc.sample: callback={callback!r:.60} must take one argument\n  at "
                f"{line_text()}\n  it is called about ten times a second with a list of the states "
                "of the chains, as in pt.sample, and not with each draw"
            ) from None
    return False if quiet else callback or bool(progressbar)


def seed_of(random_seed: object, chains: int) -> object:
    """A seed of `pt.sample`. Of a list, which has an integer for each chain, one is made."""
    if not isinstance(random_seed, (list, tuple, np.ndarray)) or np.ndim(random_seed) == 0:
        return random_seed
    given = np.asarray(random_seed)
    if given.dtype.kind not in "iu" or given.ndim != 1 or (given < 0).any():
        raise TypeError(
            f"interop.pymc: random_seed={random_seed!r:.60} is no list of whole numbers from 0 on\n"
            f"  at {line_text()}"
        )
    if len(given) != chains:
        raise ValueError(
            f"interop.pymc: random_seed has {len(given)} numbers, and there are {chains} chains\n"
            f"  at {line_text()}\n  give one number, or one for each chain"
        )
    sequence = numpy_part("random").SeedSequence([int(n) for n in given])
    return int(sequence.generate_state(1, np.uint64)[0]) >> (64 - SEED_BITS)
