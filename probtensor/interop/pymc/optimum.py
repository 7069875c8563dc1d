"""`find_MAP`: the mode of a PyMC model."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from probtensor import ops
from probtensor.calls import line_text, public
from probtensor.compile import function
from probtensor.interop.pymc.arguments import MAP_ELSEWHERE, refuse
from probtensor.interop.pymc.models import model_of, posterior
from probtensor.interop.pymc.sampling import dataset
from probtensor.interop.pymc.starts import start_of
from probtensor.prob.model.posterior import Posterior
from probtensor.process import numpy_part
from probtensor.sample.checks import seed_integer
from probtensor.transform.autodiff import gradient

OF_MINIMIZE = ("tol", "bounds", "constraints", "callback")  # arguments that are no options


@public(name="interop.pymc.find_MAP")
def find_MAP(
    method: str = "L-BFGS-B",
    *,
    initvals: Mapping[str, object] | None = None,
    jitter: bool | None = None,
    jitter_max_retries: int = 10,
    random_seed: object = None,
    progressbar: object = True,
    return_inferencedata: bool = False,
    model: Any = None,
    target: object = None,
    **optimizer_kwargs: object,
) -> Any:
    """The point of highest posterior density of a PyMC model, in its own variables (without the
    Jacobians of transforms), by `scipy.optimize.minimize`.

    method    of the minimizer, which takes `optimizer_kwargs` and the gradient
    initvals  {name: value} to begin at, as in `sample`; 0 in the unconstrained space for variables
              that are left out and have no `initval=`
    jitter    True adds numbers between -1 and 1 to the unconstrained start, as `random_seed` says;
              up to `jitter_max_retries` times where the density is not finite
    return_inferencedata  True: an ArviZ object with one draw in `posterior`

    Returns {name: value} for free variables, deterministics and transformed variables as PyMC names
    them, arrays of their shapes and dtypes.
    Raises RuntimeError where the density is not finite at the start, GraphError for a model that
    has no counterpart here, and TypeError if there is no model, and for arguments of `pm.find_MAP`
    without a counterpart. Warns where the minimizer has not converged.

        >>> import pymc as pm  # doctest: +SKIP
        >>> with pm.Model() as model:  # doctest: +SKIP
        ...     mu = pm.Normal("mu", 0, 1)
        ...     pm.Normal("y", mu, 1, observed=[1.0, 2.0])
        >>> find_MAP(model=model, progressbar=False)["mu"].round(6)  # doctest: +SKIP
        np.float64(1.0)
    """
    from scipy.optimize import minimize

    kept = {k: x for k, x in optimizer_kwargs.items() if k not in MAP_ELSEWHERE}
    refuse("find_MAP", MAP_ELSEWHERE, {k: x for k, x in optimizer_kwargs.items() if k not in kept})
    model = model_of(model)
    own = posterior(model, target=target, progress=bool(progressbar))
    objective = objective_of(own)
    q, _ = start_of(own, model, initvals)
    if jitter:
        q = jittered(objective, q, jitter_max_retries, random_seed)
    if not np.isfinite(objective(q)[0]):
        raise RuntimeError(
            f"interop.pymc.find_MAP: the density is not finite at the start\n  at {line_text()}\n"
            f"{own.diagnose(q)}"
        )
    options = {k: x for k, x in kept.items() if k not in OF_MINIMIZE}
    rest = {k: x for k, x in kept.items() if k in OF_MINIMIZE}
    found = minimize(objective, q, jac=True, method=method, options=options, **rest)
    if not found.success:
        warnings.warn(f"interop.pymc.find_MAP: {found.message}", RuntimeWarning, stacklevel=2)
    return result_of(own, model, found.x, return_inferencedata)


def jittered(objective: Any, middle: np.ndarray, tries: int, seed: object) -> np.ndarray:
    """A point near `middle` at which the objective is finite, if one is found."""
    random = numpy_part("random").default_rng(seed_integer("find_MAP", seed))
    for _ in range(max(int(tries), 1)):
        q = middle + random.uniform(-1, 1, middle.shape)
        if np.isfinite(objective(q)[0]):
            break
    return q


def result_of(own: Posterior, model: Any, q: np.ndarray, as_idata: bool) -> Any:
    """A point by the names of PyMC's, as a dict or as an ArviZ object with one draw."""
    values = own.constrain(q)
    if as_idata:
        import arviz
        from pymc.backends.arviz import coords_and_dims_for_inferencedata, find_observations

        coords, dims = coords_and_dims_for_inferencedata(model)
        one = {"posterior": {name: x[None, None] for name, x in values.items()}}
        idata = arviz.from_dict(one, coords=coords, dims=dims)
        idata["observed_data"] = dataset(find_observations(model), coords, dims)
        return idata
    for rv, value in model.rvs_to_values.items():
        place = next((v for v in own.model.free if v.name == rv.name), None)
        if place is not None and value.name != rv.name:
            values[value.name] = q[place.start : place.stop].reshape(place.u.shape)
    return values


def objective_of(own: Posterior) -> Any:
    """(q) -> (minus the log density of the variables of the model, its gradient)."""
    jacobian = log_jacobian(own)

    def objective(q: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = own.logp_and_grad(q)
        more, change = jacobian(q)
        return -(value - more), -(slope - change)

    return objective


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
