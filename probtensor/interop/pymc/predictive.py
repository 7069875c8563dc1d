"""Predictive draws and log likelihoods of PyMC models: PyMC's own functions, compiled here.

PyMC says which variables are drawn again, after `pm.set_data` too, and what the result has; the
function that it calls for each draw is one of `mode="PROBTENSOR"`, with the draws of this library.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from probtensor.calls import line_text, public
from probtensor.graph import GraphError
from probtensor.interop.pymc.models import model_of
from probtensor.interop.pytensor.linker import mode_of


@public(name="interop.pymc.sample_posterior_predictive")
def sample_posterior_predictive(
    trace: Any, model: Any = None, *, target: object = None, **options: Any
) -> Any:
    """Draws of observed variables given draws of the others: `pm.sample_posterior_predictive`, its
    functions compiled here.

    trace    what `sample` or `pm.sample` returns
    model    a `pm.Model`; by default that of the context. After `pm.set_data` predictions are at
             the new data
    target   see `pt.function`
    options  the others of `pm.sample_posterior_predictive`: var_names, sample_vars, random_seed,
             predictions, extend_inferencedata, ...

    Returns what PyMC's function does: an ArviZ object with the group `posterior_predictive`, or
    `predictions`, of shape (chain, draw, *shape of the variable). What has no translation, as a
    distribution with draws in Python, PyMC computes, and a warning says so.
    Raises TypeError for `backend` and `compile_kwargs["mode"]`, and what PyMC's function raises.

        >>> import pymc as pm  # doctest: +SKIP
        >>> with model:  # doctest: +SKIP
        ...     pm.set_data({"x": [4.0, 5.0]})
        ...     found = sample_posterior_predictive(idata, predictions=True)
        >>> found.predictions["y"].sizes  # doctest: +SKIP
        Frozen({'chain': 4, 'draw': 1000, 'row': 2})
    """
    call = import_module("pymc.sampling.forward").sample_posterior_predictive
    return _compiled_here(call, target, options, trace, model=model_of(model))


@public(name="interop.pymc.sample_prior_predictive")
def sample_prior_predictive(
    draws: int = 500, model: Any = None, *, target: object = None, **options: Any
) -> Any:
    """Draws from the prior and of observed variables: `pm.sample_prior_predictive`, its function
    compiled here.

    draws    how many
    model    a `pm.Model`; by default that of the context
    target   see `pt.function`
    options  the others of `pm.sample_prior_predictive`: var_names, random_seed, ...

    Returns an ArviZ object with the groups `prior` and `prior_predictive`, of shape (1, draws,
    *shape of the variable).
    Raises TypeError for `backend` and `compile_kwargs["mode"]`, and what PyMC's function raises.

        >>> import pymc as pm  # doctest: +SKIP
        >>> with pm.Model() as model:  # doctest: +SKIP
        ...     mu = pm.Normal("mu", 0, 5)
        >>> sample_prior_predictive(9, model).prior["mu"].shape  # doctest: +SKIP
        (1, 9)
    """
    call = import_module("pymc.sampling.forward").sample_prior_predictive
    return _compiled_here(call, target, options, draws, model=model_of(model))


@public(name="interop.pymc.compute_log_likelihood")
def compute_log_likelihood(
    idata: Any, *, model: Any = None, target: object = None, **options: Any
) -> Any:
    """The log density of each observation, draw by draw: `pm.compute_log_likelihood`, its function
    compiled here.

    idata    what `sample` or `pm.sample` returns
    model    a `pm.Model`; by default that of the context
    target   see `pt.function`
    options  the others of `pm.compute_log_likelihood`: var_names, extend_inferencedata, ...

    Returns `idata` with the group `log_likelihood`, of shape (chain, draw, *shape of the variable),
    which `az.loo` reads.
    Raises TypeError for `backend` and `compile_kwargs["mode"]`, and what PyMC's function raises.

        >>> import arviz as az  # doctest: +SKIP
        >>> az.loo(compute_log_likelihood(idata, model=model)).elpd < 0  # doctest: +SKIP
        True
    """
    options.setdefault("progressbar", False)
    call = import_module("pymc.stats.log_density").compute_log_likelihood
    return _compiled_here(call, target, options, idata, model=model_of(model))


def compute_deterministics(
    dataset: Any, *, model: Any = None, target: object = None, **options: Any
) -> Any:
    """The deterministics of a model at draws: PyMC's function of this name, compiled here."""
    call = import_module("pymc.sampling.deterministic").compute_deterministics
    return _compiled_here(call, target, options, dataset, model=model_of(model))


def compute_log_prior(idata: Any, *, model: Any = None, target: object = None) -> Any:
    """`idata` with the group `log_prior`, the log density of each free variable: the function of
    PyMC of this name, compiled here."""
    call = import_module("pymc.stats.log_density").compute_log_prior
    return _compiled_here(call, target, {"progressbar": False}, idata, model=model_of(model))


def _compiled_here(
    call: Callable, target: object, options: dict[str, Any], *args: Any, model: Any
) -> Any:
    """A call of a function of PyMC that compiles, in our mode; in PyMC's where there is no
    translation."""
    own = dict(options.pop("compile_kwargs", None) or {})
    if options.pop("backend", None) is not None or "mode" in own:
        raise TypeError(
            f"interop.pymc.{call.__name__}: backend= and mode= have no meaning here\n  at "
            f"{line_text()}\n  leave them out: target= says how functions are compiled"
        )
    with _without_starts(model):
        try:
            return call(
                *args, model=model, compile_kwargs={**own, "mode": mode_of(target)}, **options
            )
        except GraphError as error:
            warnings.warn(
                f"interop.pymc.{call.__name__}: PyMC's default mode computes this, for "
                f"{str(error).splitlines()[0]}",
                stacklevel=4,
            )
            return call(*args, model=model, compile_kwargs=own, **options)


@contextmanager
def _without_starts(model: Any) -> Iterator[None]:
    """A block in which a model has no `initval=`: these say nothing of densities and draws, and
    PyMC copies no model that has them."""
    kept = dict(model.rvs_to_initial_values)
    try:
        for rv in kept:
            model.rvs_to_initial_values[rv] = None
        yield
    finally:
        for rv, value in kept.items():
            model.rvs_to_initial_values[rv] = value
