"""`sample` with the arguments of `pm.sample`, and what belongs to it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from probtensor.calls import public
from probtensor.dataclass import dataclass
from probtensor.interop.pymc.arguments import (
    ELSEWHERE,
    check_idata_kwargs,
    check_names,
    checked_nuts,
    progress_of,
    refuse,
    seed_of,
)
from probtensor.interop.pymc.models import Translation, condition_of, model_of
from probtensor.interop.pymc.predictive import compute_log_likelihood, compute_log_prior
from probtensor.interop.pymc.starts import begin_at, starts_of
from probtensor.prob.enumeration.recover import recover_marginals
from probtensor.prob.model.posterior import Posterior
from probtensor.prob.predictive import log_likelihood as likelihood_of
from probtensor.sample.errors import SamplerWarning
from probtensor.sample.run import sample as draw
from probtensor.sample.runs.output import Arviz


@public(name="interop.pymc.sample")
def sample(
    draws: int = 1000, *, tune: int | None = None, chains: int | None = None,
    cores: int | None = None, random_seed: object = None, progressbar: object = True,
    quiet: bool = False, var_names: Sequence[str] | None = None, initvals: object = None,
    discard_tuned_samples: bool = True, compute_convergence_checks: bool = True,
    idata_kwargs: Mapping[str, object] | None = None, callback: object = None, model: Any = None,
    nuts: Mapping[str, object] | None = None, target_accept: float | None = None,
    max_treedepth: int | None = None, target: object = None, **others: Any,
) -> Arviz:  # fmt: skip
    """Draw from the posterior of a PyMC model; the arguments are those of `pm.sample`.

    draws, tune, chains, cores  as in `pm.sample`; by default 1000, 1000, 4, one thread per CPU
    random_seed     an integer, a list of one for each chain, a numpy Generator or a SeedSequence
    progressbar     False, True or a name of PyMC's bars; `callback` is as in `pt.sample`
    var_names       variables to keep, all by default
    initvals        {name: value}, of variables as the model has them or transformed (sigma_log__),
                    or a list of these for the chains; others begin at the `initval=` of the model,
                    or at random between -2 and 2 in the unconstrained space
    discard_tuned_samples  False adds the groups of the warm-up
    idata_kwargs    log_likelihood and log_prior (True or names), coords, dims, save_warmup
    nuts            {"target_accept": 0.95, "max_treedepth": 12}; both are arguments, too
    target          "auto", "cython", "machine", ...; see `pt.condition`

    Returns an ArviZ object as `pm.sample` does: posterior with dims and coords, deterministics,
    sample_stats, observed_data and constant_data. Discrete variables are summed out while the
    others are drawn, and are drawn afterwards, given these. `pm.sample_posterior_predictive`,
    `pm.compute_log_likelihood` and `az.loo` take it. docs/pymc.md has all arguments.
    Raises GraphError for a model, or TypeError for an argument, that has no counterpart here;
    ValueError for names that the model lacks, and for seeds and starts of another number of chains.

        >>> import pymc as pm  # doctest: +SKIP
        >>> with pm.Model() as model:  # doctest: +SKIP
        ...     mu = pm.Normal("mu", 0, 5)
        ...     pm.Normal("y", mu, 1, observed=[1.0, 2.0])
        >>> sample(model=model).posterior["mu"].shape  # doctest: +SKIP
        (4, 1000)
    """
    settings = {"target_accept": target_accept, "max_treedepth": max_treedepth}
    settings |= checked_nuts(others.pop("nuts_sampler_kwargs", None), nuts)
    refuse("sample", ELSEWHERE, others)
    model, extra = model_of(model), dict(idata_kwargs or {})
    check_names(model, var_names)
    check_idata_kwargs(model, extra)
    chains = 4 if chains is None else chains
    run = {
        "draws": draws, "tune": 1000 if tune is None else tune, "chains": chains, "cores": cores,
        "seed": seed_of(random_seed, chains), "progress": progress_of(progressbar, quiet, callback),
        "keep_warmup": not discard_tuned_samples and extra.pop("save_warmup", True) is not False,
        **{name: value for name, value in settings.items() if value is not None},
    }  # fmt: skip
    found = Translation(model, var_names)
    own = condition_of(found, target, None, bool(run["progress"]))
    if isinstance(chains, int) and chains > 0:
        begin_at(own, starts_of(own, model, initvals, chains))
    idata = _drawn(own, run, compute_convergence_checks)
    return completed(idata, found, own, var_names, extra)


def _drawn(own: Posterior, run: Mapping[str, Any], warned: bool) -> Arviz:
    """Draws, those of discrete variables too."""
    with warnings.catch_warnings():
        if not warned:
            warnings.simplefilter("ignore", SamplerWarning)
        idata = draw(own, **run)
    if own.marginalized:
        drawn = recover_marginals(own, idata, seed=run["seed"]).posterior
        kept = idata["posterior"].to_dataset()
        added = {name: x for name, x in drawn.data_vars.items() if name not in kept}
        idata["posterior"] = kept.assign(added)
    return idata


def completed(
    idata: Arviz,
    found: Translation,
    own: Posterior,
    var_names: Sequence[str] | None,
    options: Mapping[str, object],
) -> Arviz:
    """The result with what PyMC adds to it: data of variables whose density is a term, log
    densities on request, and the variables that are asked for."""
    from pymc.backends.arviz import (
        coords_and_dims_for_inferencedata,
        find_constants,
        find_observations,
    )

    model = found.model
    coords, dims = coords_and_dims_for_inferencedata(model)
    groups = {"observed_data": find_observations(model), "constant_data": find_constants(model)}
    for group, arrays in groups.items():
        if arrays:
            idata[group] = dataset(arrays, coords, dims)
    for option, group in (("log_likelihood", "log_likelihood"), ("log_prior", "log_prior")):
        asked = options.get(option, False)
        if asked is not False:
            idata = with_densities(idata, found, own, group)
            if not isinstance(asked, bool):
                idata[group] = idata[group].to_dataset()[list(asked)]  # type: ignore[call-overload]
    if var_names is not None:
        idata["posterior"] = idata["posterior"].to_dataset()[list(var_names)]
    return relabelled(idata, options.get("coords"), options.get("dims"))


def relabelled(idata: Arviz, coords: Any, dims: Any) -> Arviz:
    """The result with other names of axes, {variable: dims}, and other labels, {dim: labels}."""
    if not coords and not dims:
        return idata
    for group in idata.children:
        data = idata[group].to_dataset()
        for name, own in (dims or {}).items():
            if name in data:
                old = data[name].dims[data[name].ndim - len(own) :]
                array = data[name].drop_vars(old, errors="ignore")
                data = data.drop_vars(name).assign({name: array.rename(dict(zip(old, own)))})
        data = data.assign_coords({d: list(x) for d, x in (coords or {}).items() if d in data.dims})
        idata[group] = data
    return idata


def dataset(arrays: Mapping[str, object], coords: Any, dims: Any) -> Any:
    """Arrays without axes of draws as a dataset."""
    import arviz

    values = {name: np.asarray(x) for name, x in arrays.items()}
    return arviz.dict_to_dataset(values, coords=coords, dims=dims, sample_dims=[])


def with_densities(idata: Arviz, found: Translation, own: Posterior, group: str) -> Arviz:
    """The result with the log density of each observation, or of each free variable."""
    if found.external or own.marginalized:  # given the discrete variables, as they were drawn
        if group == "log_likelihood":
            return compute_log_likelihood(idata, model=found.model)
        return compute_log_prior(idata, model=found.model)
    idata[group] = likelihood_of(own, idata)[group]
    return idata


@public(name="interop.pymc.NUTS")
@dataclass(frozen=True)
class NUTS:
    """The sampler as an object, for `pm.sample(sampler=...)`. Its `sample_from_init` takes the
    model and the arguments of a run.

    target_accept  mean acceptance the step size aims at
    max_treedepth  a trajectory has at most 2**max_treedepth - 1 steps
    target         how the model is compiled; see `pt.condition`

        >>> sampler = NUTS(target_accept=0.95)
        >>> sampler.max_treedepth
        10
    """

    target_accept: float = 0.9
    max_treedepth: int = 10
    target: object = None

    def sample_from_init(
        self,
        *,
        model: Any,
        draws: int = 1000,
        tune: int = 1000,
        chains: int | None = None,
        cores: int | None = None,
        initvals: object = None,
        random_seed: object = None,
        progressbar: bool = True,
        discard_tuned_samples: bool = True,
        keep_warning_stat: bool = False,
        var_names: Sequence[str] | None = None,
        idata_kwargs: Mapping[str, object] | None = None,
        compute_convergence_checks: bool = True,
        compile_kwargs: object = None,
    ) -> Arviz:
        """Draws from the posterior of a model; arguments, result and errors are those of
        `sample`. `keep_warning_stat` and `compile_kwargs` have no effect."""
        return sample(
            draws, tune=tune, chains=chains, cores=cores, random_seed=random_seed,
            progressbar=progressbar, var_names=var_names, initvals=initvals,
            discard_tuned_samples=discard_tuned_samples, idata_kwargs=idata_kwargs,
            compute_convergence_checks=compute_convergence_checks, model=model,
            target_accept=self.target_accept, max_treedepth=self.max_treedepth, target=self.target,
        )  # fmt: skip
