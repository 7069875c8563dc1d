"""`find_MAP`: the mode of a PyMC model."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from probtensor.approximate.density import Density
from probtensor.approximate.search import maximum
from probtensor.calls import line_text, public
from probtensor.interop.pymc.arguments import MAP_ELSEWHERE, refuse
from probtensor.interop.pymc.models import model_of, posterior
from probtensor.interop.pymc.sampling import dataset
from probtensor.interop.pymc.starts import start_of
from probtensor.prob.model.posterior import Posterior
from probtensor.process import numpy_part
from probtensor.sample.checks import seed_integer

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
    kept = {k: x for k, x in optimizer_kwargs.items() if k not in MAP_ELSEWHERE}
    refuse("find_MAP", MAP_ELSEWHERE, {k: x for k, x in optimizer_kwargs.items() if k not in kept})
    model = model_of(model)
    own = posterior(model, target=target, progress=bool(progressbar))
    density = Density(own, jacobian=False)
    q, _ = start_of(own, model, initvals)
    if jitter:
        q = jittered(density, q, jitter_max_retries, random_seed)
    if not np.isfinite(density.at(q)[0]):
        raise RuntimeError(
            f"interop.pymc.find_MAP: the density is not finite at the start\n  at {line_text()}\n"
            f"{own.diagnose(q)}"
        )
    options = {k: x for k, x in kept.items() if k not in OF_MINIMIZE}
    rest = {k: x for k, x in kept.items() if k in OF_MINIMIZE}
    found = maximum(density, q, method, options, **rest)
    if not found.converged:
        warnings.warn(f"interop.pymc.find_MAP: {found.message}", RuntimeWarning, stacklevel=2)
    return result_of(own, model, found.q, return_inferencedata)


def jittered(density: Density, middle: np.ndarray, tries: int, seed: object) -> np.ndarray:
    """A point near `middle` at which the density is finite, if one is found."""
    random = numpy_part("random").default_rng(seed_integer("find_MAP", seed))
    for _ in range(max(int(tries), 1)):
        q = middle + random.uniform(-1, 1, middle.shape)
        if np.isfinite(density.at(q)[0]):
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
