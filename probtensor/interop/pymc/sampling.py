"""`sample` with the arguments of `pm.sample`, and what belongs to it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from probtensor import ops
from probtensor.calls import line_text, public
from probtensor.compile import function
from probtensor.dataclass import dataclass
from probtensor.interop.pymc.models import Translation, condition_of, model_of, posterior
from probtensor.prob.enumeration.recover import recover_marginals
from probtensor.prob.model.posterior import Posterior
from probtensor.prob.predictive import log_likelihood as likelihood_of
from probtensor.sample.errors import SamplerWarning
from probtensor.sample.run import sample as draw
from probtensor.sample.runs.output import Arviz
from probtensor.transform.autodiff import gradient

# Arguments of pm.sample that choose another sampler or its parts, and what to write instead.
ELSEWHERE = {
    "step": "continuous variables are drawn by NUTS, discrete ones are summed out",
    "nuts_sampler": "this is the sampler",
    "trace": "all draws are in the result",
    "init": "the warm-up adapts a diagonal metric from draws and gradients",
    "n_init": "the warm-up adapts a diagonal metric from draws and gradients",
    "mp_ctx": "chains run in threads",
    "backend": "target= says how the model is compiled",
    "compile_kwargs": "target= says how the model is compiled",
    "jitter_max_retries": "a start is looked for 100 times a chain",
    "keep_warning_stat": "warnings are warnings of Python",
    "nuts_sampler_kwargs": "target_accept= and max_treedepth= are arguments",
    "blas_cores": "BLAS has one thread while chains run",
    "progressbar_theme": "progressbar= is True, False, or a function",
}


@public(name="interop.pymc.sample")
def sample(
    draws: int = 1000, *, tune: int | None = None, chains: int | None = None,
    cores: int | None = None, random_seed: object = None, progressbar: object = True,
    quiet: bool = False, var_names: Sequence[str] | None = None,
    initvals: Mapping[str, object] | None = None, discard_tuned_samples: bool = True,
    compute_convergence_checks: bool = True, return_inferencedata: bool = True,
    idata_kwargs: Mapping[str, object] | None = None, callback: object = None, model: Any = None,
    nuts: Mapping[str, object] | None = None, target_accept: float | None = None,
    max_treedepth: int = 10, target: object = None, **others: object,
) -> Arviz:  # fmt: skip
    """Draw from the posterior of a PyMC model; the arguments are those of `pm.sample`.

    draws, tune, chains, cores  as in `pm.sample`; by default 1000, 1000, 4, one thread per CPU
    random_seed     an integer, or a numpy Generator or SeedSequence
    progressbar     False or True; `callback` is called as the function of `pt.sample`
    var_names       variables to keep, all by default
    initvals        {name: value}, of variables as the model has them (not transformed); all chains
                    begin there, and at 0 in the unconstrained space for those that are left out
    discard_tuned_samples  False adds the groups of the warm-up
    idata_kwargs    {"log_likelihood": True} adds the log likelihood of each observation
    nuts            {"target_accept": 0.95, "max_treedepth": 12}, as in `pm.sample`
    target          "auto", "cython", "machine", ...; see `pt.condition`

    Returns an ArviZ object as `pm.sample` does: posterior with dims and coords, deterministics,
    sample_stats, observed_data and constant_data. Discrete variables are summed out while the
    others are drawn, and are drawn afterwards, given these. `pm.sample_posterior_predictive`,
    `pm.compute_log_likelihood` and `az.loo` take it.
    Raises GraphError for a model, or TypeError for an argument, that has no counterpart here;
    ValueError for `var_names` that the model lacks.

        >>> import pymc as pm  # doctest: +SKIP
        >>> with pm.Model() as model:  # doctest: +SKIP
        ...     mu = pm.Normal("mu", 0, 5)
        ...     pm.Normal("y", mu, 1, observed=[1.0, 2.0])
        >>> sample(model=model).posterior["mu"].shape  # doctest: +SKIP
        (4, 1000)
    """
    _refuse(others, return_inferencedata)
    settings = {"target_accept": target_accept, "max_treedepth": max_treedepth, **(nuts or {})}
    model = model_of(model)
    _refuse_names(model, var_names, idata_kwargs or {})
    found = Translation(model)
    progress = False if quiet else callback or bool(progressbar)
    own = condition_of(found, target, None, bool(progress))
    with warnings.catch_warnings():
        if not compute_convergence_checks:
            warnings.simplefilter("ignore", SamplerWarning)
        idata = draw(
            own, draws=draws, tune=1000 if tune is None else tune,
            chains=4 if chains is None else chains, cores=cores, seed=random_seed,
            progress=progress, keep_warmup=not discard_tuned_samples,
            init=None if initvals is None else start_of(own, initvals), **settings,
        )  # fmt: skip
    if own.marginalized:
        drawn = recover_marginals(own, idata, seed=random_seed).posterior
        kept = idata["posterior"].to_dataset()
        added = {name: x for name, x in drawn.data_vars.items() if name not in kept}
        idata["posterior"] = kept.assign(added)
    return completed(idata, found, own, var_names, dict(idata_kwargs or {}))


def _refuse(others: Mapping[str, object], return_inferencedata: bool) -> None:
    """TypeError for arguments of pm.sample that mean nothing here."""
    if not return_inferencedata:
        raise TypeError(
            f"interop.pymc.sample: return_inferencedata=False\n  at {line_text()}\n  the result is "
            "an ArviZ object"
        )
    for name, value in others.items():
        if name not in ELSEWHERE:
            raise TypeError(f"interop.pymc.sample has no argument {name!r}\n  at {line_text()}")
        if value is not None:
            raise TypeError(
                f"interop.pymc.sample: {name}= has no meaning here\n  at {line_text()}\n  leave it "
                f"out: {ELSEWHERE[name]}"
            )


def _refuse_names(
    model: Any, var_names: Sequence[str] | None, idata_kwargs: Mapping[str, object]
) -> None:
    """ValueError for variables that the model lacks, TypeError for options without a meaning."""
    known = [v.name for v in (*model.free_RVs, *model.deterministics)]
    for name in var_names or ():
        if name not in known:
            raise ValueError(
                f"interop.pymc.sample: var_names has {name!r:.60}, which is no free variable and "
                f"no deterministic of the model\n  at {line_text()}\n  it has {', '.join(known)}"
            )
    for name in idata_kwargs:
        if name != "log_likelihood":
            raise TypeError(
                f"interop.pymc.sample: idata_kwargs has {name!r:.60}, which has no meaning here\n"
                f"  at {line_text()}\n  only log_likelihood has one"
            )


def start_of(own: Posterior, initvals: Mapping[str, object]) -> np.ndarray:
    """The unconstrained point of initial values, 0 for what is left out."""
    if not isinstance(initvals, Mapping):
        raise TypeError(
            f"interop.pymc.sample: initvals={initvals!r:.60} is no dict\n  at {line_text()}\n  "
            "write {name: value}, one for all chains"
        )
    middle = own.constrain(np.zeros(own.dim))
    return own.unconstrain({**{name: middle[name] for name in own.names}, **initvals})


def completed(
    idata: Arviz,
    found: Translation,
    own: Posterior,
    var_names: Sequence[str] | None,
    options: dict[str, object],
) -> Arviz:
    """The result with what PyMC adds to it: data of variables whose density is a term, the log
    likelihood on request, and the variables that are asked for."""
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
    if options.pop("log_likelihood", False):
        idata = with_likelihood(idata, found, own)
    if var_names is not None:
        idata["posterior"] = idata["posterior"].to_dataset()[list(var_names)]
    return idata


def dataset(arrays: Mapping[str, object], coords: Any, dims: Any) -> Any:
    """Arrays without axes of draws as a dataset."""
    import arviz

    values = {name: np.asarray(x) for name, x in arrays.items()}
    return arviz.dict_to_dataset(values, coords=coords, dims=dims, sample_dims=[])


def with_likelihood(idata: Arviz, found: Translation, own: Posterior) -> Arviz:
    """The result with the log likelihood of each observation."""
    if found.external or own.marginalized:  # given the discrete variables, as they were drawn
        from pymc.stats.log_density import compute_log_likelihood

        return compute_log_likelihood(idata, model=found.model, progressbar=False)
    idata["log_likelihood"] = likelihood_of(own, idata)["log_likelihood"]
    return idata


@public(name="interop.pymc.find_MAP")
def find_MAP(
    method: str = "L-BFGS-B",
    *,
    initvals: Mapping[str, object] | None = None,
    progressbar: bool = True,
    model: Any = None,
    target: object = None,
    **optimizer_kwargs: object,
) -> dict[str, np.ndarray]:
    """The point of highest posterior density of a PyMC model, in its own variables (without the
    Jacobians of transforms), by `scipy.optimize.minimize`.

    method    of the minimizer, which takes `optimizer_kwargs` as its options
    initvals  {name: value} to begin at, of variables as the model has them; 0 in the unconstrained
              space for those that are left out

    Returns {name: value} for free variables and deterministics, arrays of their shapes and dtypes.
    Raises RuntimeError where the density is not finite at the start, GraphError for a model that
    has no counterpart here, and TypeError if there is no model.

        >>> import pymc as pm  # doctest: +SKIP
        >>> with pm.Model() as model:  # doctest: +SKIP
        ...     mu = pm.Normal("mu", 0, 1)
        ...     pm.Normal("y", mu, 1, observed=[1.0, 2.0])
        >>> find_MAP(model=model, progressbar=False)["mu"].round(6)  # doctest: +SKIP
        np.float64(1.0)
    """
    from scipy.optimize import minimize

    own = posterior(model, target=target, progress=progressbar)
    q = np.zeros(own.dim) if initvals is None else start_of(own, initvals)
    jacobian = log_jacobian(own)

    def objective(q: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = own.logp_and_grad(q)
        more, change = jacobian(q)
        return -(value - more), -(slope - change)

    if not np.isfinite(objective(q)[0]):
        raise RuntimeError(
            f"interop.pymc.find_MAP: the density is not finite at the start\n  at {line_text()}\n"
            f"{own.diagnose(q)}"
        )
    found = minimize(objective, q, jac=True, method=method, options=optimizer_kwargs)
    return own.constrain(found.x)


def log_jacobian(own: Posterior) -> Any:
    """(q) -> (sum of the log-Jacobians of the transforms, its gradient)."""
    inner = own.model
    parts = [v.bijector.log_jacobian(v.u) for v in inner.free]
    total = sum((ops.sum(x) for x in parts if x is not None), ops.as_tensor(0.0))
    (total,) = inner.at_q([total])
    (slope,) = gradient(total, [inner.q], disconnected_inputs="ignore")
    density = inner.density([total, slope])
    compiled = function(
        [inner.q, *density.inputs], [*density.outputs], target="machine", on_unused_input="ignore"
    )
    return compiled.bind(own._binding.values(density), borrow=True)


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
        initvals: Mapping[str, object] | None = None,
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
