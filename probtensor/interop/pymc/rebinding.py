"""Other data for the posterior of a PyMC model.

Arrays of the sizes that the model had are bound to what is compiled. For other sizes the model is
translated once more, with symbolic sizes of `pm.Data`, and that posterior takes all later ones
without a compiler. Where the sizes of a model cannot be symbolic, it is translated for each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from probtensor.calls import line_text
from probtensor.dataclass import dataclass, field, replace
from probtensor.graph import GraphError, Node
from probtensor.interop.pymc.models import Translation
from probtensor.interop.pytensor.translate import Translator, literal, wide
from probtensor.interop.pytensor.xtensors import lowered
from probtensor.prob.model.binding import UnknownName
from probtensor.prob.model.posterior import Posterior
from probtensor.types import shape_text

PROBES = 3  # points at which the posterior with symbolic sizes is compared with the other


@dataclass(frozen=True, eq=False)
class ModelData:
    """The data of a PyMC model, and how to make its posterior.

    model   the model
    make    (translation) -> posterior
    arrays  {name: array}: what `pm.Data` were when the posterior was made, and what is given since
    shared  the posterior with symbolic sizes, once it is made: a list of none or one
    """

    model: Any
    make: Callable[[Translation], Posterior]
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    shared: list[Posterior | None] = field(default_factory=list)

    def with_data(
        self,
        posterior: Posterior,
        values: Mapping[object, object],
        coords: Mapping[str, Sequence] | None,
    ) -> Posterior:
        """The posterior given other data: {`pm.Data` or variable, or its name: array}."""
        data = {x.name: x for x in self.model.data_vars}
        observed = {y.name: self.model.rvs_to_values[y] for y in self.model.observed_RVs}
        new = {self._name(key, data, observed): np.asarray(x) for key, x in values.items()}
        self._check(new, data)
        arrays = {**self.arrays, **new}
        bound = {name: x for name, x in new.items() if name in posterior.constants}
        for name, value in observed.items():
            if name in new:
                bound[name] = new[name]
            elif name in posterior.observed and _reads(value, [data[x] for x in new if x in data]):
                bound[name] = _evaluated(value, {x: arrays[name] for name, x in data.items()})
        held = {**posterior.constants, **posterior.observed}
        fits = all(np.shape(held[name]) == np.shape(x) for name, x in bound.items())
        own = replace(self, arrays=arrays)
        bind = posterior.bound_to if fits else partial(own._resized, posterior)
        found = bind(bound, coords)
        found.source = own
        return found

    def _name(self, key: object, data: Mapping[str, Any], observed: Mapping[str, Any]) -> str:
        name = key if isinstance(key, str) else getattr(key, "name", None)
        if name not in data and name not in observed:
            raise UnknownName(
                f"{key!r:.60} is neither pm.Data nor an observed variable of the model\n  at "
                f"{line_text()}\n  it has {', '.join([*data, *observed])}"
            )
        return name

    def _check(self, new: Mapping[str, np.ndarray], data: Mapping[str, Any]) -> None:
        """ValueError for lengths of dims that differ, and for another number of axes."""
        lengths: dict[str, tuple[int, str]] = {}
        for name, x in data.items():
            array = np.asarray(new.get(name, self.arrays[name]))
            if array.ndim != x.type.ndim:
                raise ValueError(
                    f"with_data: {name} has {x.type.ndim} axes, and the new array the shape "
                    f"{shape_text(array.shape)}\n  at {line_text()}"
                )
            dims = self.model.named_vars_to_dims.get(name) or ()
            for dim, n in zip(dims, array.shape, strict=False):
                known = lengths.setdefault(dim, (n, name))
                if dim is not None and known[0] != n:
                    raise ValueError(
                        f"with_data: the dim {dim!r} has length {n} by {name}, and {known[0]} by "
                        f"{known[1]}\n  at {line_text()}\n  give new arrays for all data along it"
                    )

    def _resized(
        self,
        posterior: Posterior,
        bound: Mapping[str, np.ndarray],
        coords: Mapping[str, Sequence] | None,
    ) -> Posterior:
        """The posterior given data of other sizes."""
        general = self._general(posterior)
        if general is not None:
            try:
                held = {**posterior.constants, **posterior.observed, **bound}
                return general.bound_to(held, {**self._labels(posterior), **(coords or {})})
            except (GraphError, ValueError):  # a size that cannot change, or does not agree
                pass
        found = self.make(Translation(self.model, None, self.arrays))
        _check_free(posterior, found)
        return found.bound_to({k: x for k, x in bound.items() if k in found.observed}, coords)

    def _labels(self, posterior: Posterior) -> dict[str, Sequence]:
        """The labels of dims whose lengths have not changed."""
        lengths: dict[str, int] = {}
        for name, array in self.arrays.items():
            dims = self.model.named_vars_to_dims.get(name) or ()
            lengths |= dict(zip(dims, np.shape(array), strict=False))
        return {d: x for d, x in posterior.coords.items() if lengths.get(d, len(x)) == len(x)}

    def _general(self, posterior: Posterior) -> Posterior | None:
        """The posterior with symbolic sizes; None where there is none with the same density."""
        if not self.shared:
            try:
                found = self.make(Translation(self.model, None, self.arrays, generic=True))
                same = found.bound_to({**posterior.constants, **posterior.observed})
                self.shared.append(found if _agree(posterior, same) else None)
            except (GraphError, KeyError, TypeError, ValueError):
                self.shared.append(None)
        return self.shared[0]


def _reads(value: Any, changed: Sequence[Any]) -> bool:
    """Do observed values depend on data that change?"""
    from pytensor.graph.traversal import ancestors

    above = set(ancestors([value]))
    return any(x in above for x in changed)


def _evaluated(value: Any, arrays: Mapping[Any, np.ndarray]) -> np.ndarray:
    """Observed values at data."""
    known: dict[Any, Node] = {
        x: literal(np.asarray(a).astype(wide(x.type.dtype))) for x, a in arrays.items()
    }
    (value,), given = lowered([value], known)
    return np.asarray(Translator(given).node(value).eval())


def _agree(a: Posterior, b: Posterior) -> bool:
    if a.dim != b.dim or a.names != b.names:
        return False
    for k in range(PROBES):
        q = np.sin(np.arange(a.dim) + k) * 0.5
        x, y = a.logp(q), b.logp(q)
        if not np.isclose(x, y, rtol=1e-9, atol=1e-9, equal_nan=True):
            return False
    return True


def _check_free(old: Posterior, new: Posterior) -> None:
    """ValueError where free variables have other sizes."""
    shapes = [{v.name: tuple(v.shape) for v in p.model.free} for p in (old, new)]
    for name, shape in shapes[0].items():
        if shapes[1].get(name) != shape:
            raise ValueError(
                f"with_data: the free variable {name} has shape {shape_text(shape)}, and with "
                f"these data {shape_text(shapes[1].get(name, ()))}\n  at {line_text()}\n  that is "
                "another posterior: pm.set_data in the model, and take its posterior again"
            )
