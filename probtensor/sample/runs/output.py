"""Draws as an ArviZ object: groups, names, coordinates and attributes.

ArviZ 0.x takes one keyword per group and returns InferenceData; ArviZ 1.x takes one mapping of
groups and returns a DataTree. Only `to_arviz` depends on this.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from probtensor.sample.kernels.nuts import Traces
from probtensor.sample.kernels.protocol import LogpGrad
from probtensor.sample.runs.loading import downgrade_errors, load_arviz
from probtensor.sample.settings import Settings

Arviz = Any  # an InferenceData of ArviZ 0.x, a DataTree of 1.x; it is imported late
FLAGS = ("diverging", "reached_max_treedepth")
DIVERGENCES = "divergences"  # the group of what replays them


def to_arviz(
    groups: Mapping[str, Mapping[str, np.ndarray]],
    *,
    dims: Mapping[str, tuple[str, ...]],
    coords: Mapping[str, Sequence],
    attrs: Mapping[str, object],
) -> Arviz:
    """An InferenceData (ArviZ 0.x) or a DataTree (1.x) of these groups of arrays.

    Arrays of groups that hold draws begin with the axes (chain, draw). `attrs` describe the group
    `posterior` and, in ArviZ 1.x, the whole object.
    """
    arviz = load_arviz()
    with warnings.catch_warnings():
        downgrade_errors("default")
        # More chains than draws are intended on a device.
        warnings.filterwarnings("ignore", message="More chains", category=UserWarning)
        return _built(arviz, groups, dims, coords, attrs)


def _built(
    arviz: ModuleType,
    groups: Mapping[str, Mapping[str, np.ndarray]],
    dims: Mapping[str, tuple[str, ...]],
    coords: Mapping[str, Sequence],
    attrs: Mapping[str, object],
) -> Arviz:
    names = {name: list(found) for name, found in dims.items()}
    if int(arviz.__version__.split(".")[0]) >= 1:
        drawn = {name: groups[name] for name in groups if name != DIVERGENCES}
        result = arviz.from_dict(
            drawn,
            coords=coords,
            dims=names,
            save_warmup=True,
            attrs={"/": attrs} | {name: attrs for name in groups if name.endswith("posterior")},
        )
        for name in groups.keys() - drawn.keys():
            result[name] = type(result)(_dataset(groups[name]))
        return result
    # Groups that from_dict of ArviZ 0.x does not accept.
    late = {name: groups[name] for name in groups if name in ("log_prior", DIVERGENCES)}
    early = {name: groups[name] for name in groups if name not in late}
    result = arviz.from_dict(
        **early, coords=coords, dims=names, save_warmup=True, attrs=attrs, posterior_attrs=attrs
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*not defined in the InferenceData scheme.*")
        for name, arrays in late.items():
            replayed = name == DIVERGENCES
            draws = partial(arviz.dict_to_dataset, coords=coords, dims=names)
            result.add_groups({name: (_dataset if replayed else draws)(arrays)})
    return result


def _dataset(arrays: Mapping[str, np.ndarray]) -> object:
    """The data set of divergences: a row for each, and an axis of coordinates for vectors."""
    import xarray

    axes = ("divergence", "coordinate")
    labels = {"coordinate": arrays["coordinate"]}
    rows = {name: (axes[: x.ndim], x) for name, x in arrays.items() if name not in labels}
    return xarray.Dataset(rows, labels)


def groups_of(
    posterior: LogpGrad, settings: Settings, traces: Traces, chosen: list[int], draws: int
) -> dict[str, dict[str, np.ndarray]]:
    """The arrays of each group for the first `draws` kept iterations of the chosen chains."""
    warmup = min(settings.tune, draws) if settings.keep_warmup else 0
    groups = {}
    if warmup:
        part = slice(0, warmup)
        groups["warmup_posterior"] = variables(posterior, rows_of(traces.draws, chosen, part))
        groups["warmup_sample_stats"] = statistics(traces, chosen, part)
    part = slice(warmup, draws)
    groups["posterior"] = variables(posterior, rows_of(traces.draws, chosen, part))
    groups["sample_stats"] = statistics(traces, chosen, part)
    replayed = replayed_divergences(posterior, traces, chosen, part)
    if replayed is not None:
        groups[DIVERGENCES] = replayed
    groups |= bound_data(posterior)
    return groups


def bound_data(posterior: LogpGrad) -> dict[str, dict[str, np.ndarray]]:
    """The groups of what a posterior is bound to: observed and constant data, those it has."""
    groups = {}
    for group, name in (("observed_data", "observed"), ("constant_data", "constants")):
        arrays = getattr(posterior, name, None)
        if arrays:
            # Copies, since the posterior's own arrays are read-only and the result is the user's.
            groups[group] = {key: np.array(value) for key, value in arrays.items()}
    return groups


def rows_of(array: np.ndarray, chosen: list[int], part: slice) -> np.ndarray:
    """This part of the chosen chains; a view if all are chosen, as they nearly always are."""
    return array[:, part] if len(chosen) == len(array) else array[chosen, part]


def variables(posterior: LogpGrad, draws: np.ndarray) -> dict[str, np.ndarray]:
    """Values of all variables, [chains, draws, ...] each, for float64[chains, draws, dim]."""
    chains, length, dim = draws.shape
    expand = getattr(posterior, "expand", None)
    if expand is None:
        return {"q": draws}
    flat = expand(np.ascontiguousarray(draws).reshape(chains * length, dim))
    return {
        name: np.asarray(values).reshape(chains, length, *np.shape(values)[1:])
        for name, values in flat.items()
    }


def statistics(traces: Traces, chosen: list[int], part: slice) -> dict[str, np.ndarray]:
    """The sampler's statistics under ArviZ's names, [chains, draws] each: views of the records,
    since copies of millions of them would take longer than some samplers do."""
    records = rows_of(traces.records, chosen, part)
    found = {name: records[name] for name in records.dtype.names}
    for name in found.keys() & set(FLAGS):
        flags = found[name]
        found[name] = flags.view(bool) if flags.itemsize == 1 else flags.astype(bool)
    if traces.divergence_starts is not None:
        found["divergence_start"] = rows_of(traces.divergence_starts, chosen, part)
    return found


def replayed_divergences(
    posterior: LogpGrad, traces: Traces, chosen: list[int], part: slice
) -> dict[str, np.ndarray] | None:
    """What replays the first divergences of the chosen chains, a row for each: `chain`, `draw`,
    `n_steps` (leapfrog steps, negative backwards in time), `step_size`, and vectors: `position` and
    `momentum` at the start of the trajectory, `inverse_mass`; `coordinate` names their entries.
    None where nothing diverged."""
    if traces.divergences is None:
        return None
    length = part.stop - part.start
    found = [
        (row, chain, k)
        for row, chain in enumerate(chosen)
        for k, draw in enumerate(traces.divergences[chain, :, 0].tolist())
        if 0 <= draw < length
    ]
    if not found:
        return None
    rows, chains, places = (list(column) for column in zip(*found))
    draws, steps = traces.divergences[chains, places].T
    paths = traces.divergence_paths[chains, places]
    named = getattr(posterior, "variable_of", str)
    return {
        "chain": np.array(rows),
        "draw": draws,
        "n_steps": steps,
        "step_size": traces.records["step_size"][chains, part.start + draws],
        "position": paths[:, 0],
        "momentum": paths[:, 1],
        "inverse_mass": traces.inverse_mass[chains],
        "coordinate": np.array([str(named(i)) for i in range(posterior.dim)]),
    }


def axes_of(posterior: LogpGrad, settings: Settings) -> tuple[dict, dict]:
    """(dims, coords): names of the axes after (chain, draw), and their labels."""
    dims = dict(getattr(posterior, "dims", {}))
    coords = dict(getattr(posterior, "coords", {}))
    if settings.keep_divergences:
        axis = "coordinate"
        while axis in coords or axis in getattr(posterior, "names", ()):
            axis += "_"
        dims["divergence_start"] = (axis,)
        named = getattr(posterior, "variable_of", None)
        if named is not None:
            coords[axis] = [str(named(i)) for i in range(posterior.dim)]
    return dims, coords
