"""Our functions in place of PyMC's, for packages above PyMC that call these themselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from probtensor.calls import public
from probtensor.interop.pymc import predictive, sampling


@public(name="interop.pymc.in_place_of_pymc")
@contextmanager
def in_place_of_pymc(**settings: Any) -> Iterator[None]:
    """A block in which `pm.sample`, `pm.sample_prior_predictive`, `pm.sample_posterior_predictive`,
    `pm.compute_log_likelihood` and `pm.compute_deterministics` are those of this package, for all
    threads: what Bambi and PyMC-Marketing call when they fit.

    settings  arguments of `sample` for all its calls in the block: chains=, target=, ...

    Yields None. Raises what the functions of this package raise; PyMC's are back after the block.

        >>> import bambi  # doctest: +SKIP
        >>> model = bambi.Model("y ~ x + (1|g)", data)  # doctest: +SKIP
        >>> with in_place_of_pymc():  # doctest: +SKIP
        ...     idata = model.fit(draws=1000)
    """
    home = import_module("pymc")
    ours = {
        "sample": _sampler(settings),
        "sample_prior_predictive": predictive.sample_prior_predictive,
        "sample_posterior_predictive": predictive.sample_posterior_predictive,
        "compute_log_likelihood": predictive.compute_log_likelihood,
        "compute_deterministics": predictive.compute_deterministics,
    }
    theirs = {name: getattr(home, name) for name in ours}
    try:
        for name, own in ours.items():
            setattr(home, name, own)
        yield
    finally:
        for name, own in theirs.items():
            setattr(home, name, own)


def _sampler(settings: dict[str, Any]) -> Any:
    def sample(draws: int = 1000, **arguments: Any) -> Any:
        if arguments.get("nuts_sampler") == "pymc":  # what packages give by default
            del arguments["nuts_sampler"]
        return sampling.sample(draws, **{**arguments, **settings})

    return sample
