"""Arrays for a model: converted, measured and checked once, before anything is computed of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cython_ext.convert import is_masked
from probtensor.graph import Node, line_of
from probtensor.prob.data import evaluate
from probtensor.prob.distribution import called, check_values, refused_values
from probtensor.prob.model import Density, Model
from probtensor.prob.sizes import Sizes, plain
from probtensor.prob.support import Integers


def host_array(value: Any, what: str, line: str) -> np.ndarray:
    """A value as an array. TypeError says `what` cannot be one: it may lie on a device."""
    try:
        return np.asarray(value)
    except TypeError as error:
        raise TypeError(f"{what}: {error}\n  at {line}") from None


def observed_array(variable: Node, value: Any) -> np.ndarray:
    """An observed value as an array; TypeError or ValueError says what it cannot be."""
    law = variable.op.distribution
    name, line = called(law, variable.op.label), line_of(variable)
    if isinstance(value, Node):
        raise TypeError(
            f"the observed value of {name} is a tensor; give an array, or for a dependence between "
            f"variables state a pt.potential\n  at {line}"
        )
    masked = is_masked(value) and bool(np.ma.getmaskarray(value).any())
    array = host_array(value, f"the observed value of {name}", line)
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"the observed value of {name} has dtype {array.dtype}; it must be numbers\n  at {line}"
        )
    missing = np.ma.getmaskarray(value) if masked else np.isnan(array)
    if missing.any():
        first = np.unravel_index(np.argmax(missing), array.shape)
        place = f"[{', '.join(map(str, first))}]" if first else ""
        count = int(missing.sum())
        raise ValueError(
            f"the observed value of {name} is missing at {place} ({count} missing in all): "
            f"missing values are not imputed\n  at {line}\n  leave these rows out of the model"
        )
    if law.discrete:
        check_values(f"the observed value of {name}", array, Integers(-np.inf), line)
    if array.ndim != variable.ndim:
        shape = ", ".join(plain(str(n)) for n in variable.shape)
        raise ValueError(
            f"the observed value of {name} has shape {array.shape}, the variable ({shape})\n"
            f"  at {line}\n  give shape= or dims= where the variable is made"
        )
    return array


class Binding:
    """Arrays for all inputs of a model, by node, with the sizes they give.

    ValueError where sizes contradict each other, or where a value lies outside its support.
    """

    def __init__(
        self,
        model: Model,
        arrays: Mapping[Node, np.ndarray],
        lengths: Mapping[str, int],
    ) -> None:
        self.model = model
        self.arrays: dict[Node, np.ndarray] = {}
        self.sizes = Sizes()
        for name, length in lengths.items():
            self.sizes.give(name, length, "coords")
        for node in model.inputs:
            array = np.asarray(arrays[node] if node in arrays else model.arrays[node])
            self.sizes.read(node.name or "data", node.shape, array.shape, line_of(node))
            self.arrays[node] = np.asarray(array, node.dtype, order="C")
        self._check_dims()
        self._check_values()

    def _check_dims(self) -> None:
        """Axes that share the name of a dim must have one length."""
        model = self.model
        for quantity in (*model.free, *model.observed, *model.deterministic):
            shape = self.sizes.shape(quantity.shape) if quantity.dims else ()
            for axis, (dim, n) in enumerate(zip(quantity.dims or (), shape, strict=True)):
                self.sizes.give(dim, n, f"axis {axis} of {quantity.name}", quantity.line)

    def _check_values(self) -> None:
        checks = self.model.checks
        outputs = [node for check in checks for node in (check.inside, check.value)]
        found = evaluate(outputs, self.arrays)
        for check, inside, values in zip(checks, found[::2], found[1::2], strict=True):
            if not np.all(inside):
                raise refused_values(check.what, values, inside, check.domain, check.line)

    def values(self, density: Density) -> dict[Node, np.ndarray]:
        """What a density's inputs are bound to, work on data alone done."""
        known = dict(zip(density.work, evaluate([*density.work.values()], self.arrays)))
        return {node: known.get(node, self.arrays.get(node)) for node in density.inputs}
