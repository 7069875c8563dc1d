"""Arrays of a model: converted, measured and checked once, before anything is computed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from cython_ext.convert import (
    frozen_copy,
    is_bare,
    is_masked,
    number_array,
    safe_array,
    safe_cast,
)
from probtensor.calls import line_text
from probtensor.graph import Node, line_of
from probtensor.graph.node import TensorLike
from probtensor.late import late
from probtensor.prob.distributions.base import check_values, display_name
from probtensor.prob.distributions.checked_draw import outside_support
from probtensor.prob.distributions.support import Integers, Interval
from probtensor.prob.model.data import evaluate
from probtensor.prob.model.graphs import Density, Model
from probtensor.prob.model.names import listed
from probtensor.prob.model.sizes import KnownSizes
from probtensor.process import numpy_part
from probtensor.types import Dim, shape_text

difflib = late("difflib")


class UnknownName(KeyError):
    """A KeyError that prints its message as it is, not its repr."""

    def __str__(self) -> str:
        return str(self.args[0])


class Finite(Interval):
    """All finite numbers."""

    def __str__(self) -> str:
        return "a finite number, for the density of no other is above zero"


def observed_array(variable: Node, value: TensorLike) -> np.ndarray:
    """A read-only copy of an observed value; TypeError or ValueError if it is not valid."""
    distribution = variable.op.distribution
    name, line = display_name(distribution, variable.op.label), line_of(variable)
    what = f"the observed value of {name}"
    if isinstance(value, Node):
        raise TypeError(
            f"{what} is a tensor; give an array, or for a dependence between variables state a "
            f"pt.potential\n  at {line}"
        )
    if is_masked(value) and distribution.takes_missing:
        value = value.astype("float64").filled(np.nan)
    if is_masked(value):
        refuse_missing(what, numpy_part("ma").getmaskarray(value), line)
    array = number_array(value, what, f"\n  at {line}")
    if not distribution.takes_missing:
        refuse_missing(what, np.isnan(array), line)
    if np.isinf(array).any() and not distribution.has_infinite:
        raise outside_support(what, array, np.isfinite(array), Finite(), line)
    if distribution.discrete:
        check_values(what, array, Integers(-np.inf), line)
    checked_shape(variable, array.shape)
    if not distribution.discrete:
        safe_cast(array, variable.dtype, is_bare(value), what, f"\n  at {line}")
    return frozen_copy(array)


def checked_shape(variable: Node, shape: tuple[int, ...]) -> None:
    """ValueError for an observed value with other axes than the variable."""
    if len(shape) != variable.ndim:
        name = display_name(variable.op.distribution, variable.op.label)
        raise ValueError(
            f"the observed value of {name} has shape {shape}, the variable "
            f"{shape_text(variable.shape)}\n  at {line_of(variable)}\n  give shape= or dims= where "
            "the variable is made"
        )


def refuse_missing(what: str, missing: np.ndarray, line: str) -> None:
    """ValueError that names the first of the missing values."""
    if not missing.any():
        return
    first = np.unravel_index(np.argmax(missing), missing.shape)
    position = f" at [{', '.join(map(str, first))}]" if first else ""
    count = int(missing.sum())
    raise ValueError(
        f"{what} is missing{position} ({count} missing in all): other data have all values\n"
        f"  at {line}\n  leave these rows out, or condition again: pt.condition makes free "
        "variables of missing values"
    )


def data_array(node: Node, value: TensorLike) -> np.ndarray:
    """A read-only copy of other data for a data input, converted to its dtype without loss."""
    try:
        array = safe_array(
            value, node.dtype, node.ndim, node.name or "data", line_of(node), copy=True
        )
    except TypeError as error:
        integral = node.dtype[:5] != "float" and "without loss" in str(error)
        fix = "\n  for fractions make it of floats: pt.data(np.asarray(x, float))"
        raise TypeError(f"{error}{fix * integral}") from None
    return frozen_copy(array, owned=True)


def checked_coords(coords: object) -> dict[str, np.ndarray]:
    """Labels by dim, copied. TypeError or ValueError for anything else."""
    if coords is None:
        return {}
    if not isinstance(coords, Mapping):
        raise TypeError(
            f"coords must be {{dim: labels}}, not {coords!r:.60}\n  at {line_text()}"
        )
    return {dim: checked_labels(dim, values) for dim, values in coords.items()}


def checked_labels(dim: object, values: object) -> np.ndarray:
    """The labels along a dim as a read-only one-dimensional array without duplicates."""
    if not isinstance(dim, str):
        raise TypeError(f"coords: {dim!r:.60} is no name of a dim\n  at {line_text()}")
    try:
        labels = np.asarray(values)
    except ValueError:
        labels = np.empty(())
    if labels.ndim != 1:
        raise ValueError(
            f"coords of dim {dim!r} must be a sequence of labels, not {values!r:.60}\n  at "
            f"{line_text()}"
        )
    listed_labels = labels.tolist()
    if len(set(map(str, listed_labels))) < len(listed_labels):
        seen: dict[str, int] = {}
        for k, label in enumerate(listed_labels):
            before = seen.setdefault(str(label), k)
            if before != k:
                raise ValueError(
                    f"coords of dim {dim!r} have the label {label!r} twice, at [{before}] and "
                    f"[{k}]\n  at {line_text()}\n  labels name the entries of an axis; make "
                    "each one "
                    "different, or leave them out to have 0, 1, 2, ..."
                )
    return frozen_copy(labels)


def check_known_dims(coords: Mapping[str, object], known: Iterable[str]) -> None:
    """ValueError for labels of a dim that a model does not have."""
    known = list(dict.fromkeys(known))
    for dim in coords:
        if dim not in known:
            close = difflib.get_close_matches(dim, known, 1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            raise ValueError(
                f"coords: nothing in this model has the dim {dim!r}; its dims are "
                f"{listed(known)}\n  at {line_text()}\n  {hint}Leave it out, name it in dims= "
                "of a "
                "variable, or add what has it by track="
            )


class Binding:
    """Arrays of all inputs of a model, by node, with the sizes they determine.

    ValueError if sizes contradict each other, or if a value lies outside its support, which need
    not be looked at if they are `checked` already.
    """

    def __init__(
        self,
        model: Model,
        arrays: Mapping[Node, np.ndarray],
        lengths: Mapping[str, int],
        checked: bool = False,
    ) -> None:
        self.model = model
        self.arrays: dict[Node, np.ndarray] = {}
        self.sizes = KnownSizes()
        for name, length in lengths.items():
            self.sizes.give(Dim.name(name), length, "coords")
        for node in model.inputs:
            array = arrays[node] if node in arrays else model.arrays[node]
            self.sizes.read(node.name or "data", node.shape, array.shape, line_of(node))
            # A view where nothing is converted: the arrays are read-only copies already.
            own = np.asarray(array, node.dtype, order="C").view()
            own.setflags(write=False)
            self.arrays[node] = own
        self._check_dims()
        if not checked:
            self._check_sizes()
            self._check_values()

    def _check_sizes(self) -> None:
        """Check the size laws of all ops of the model."""
        known = self.sizes.values
        for check in self.model.size_checks:
            if check.names() <= known.keys():
                check.verify(known)

    def _check_dims(self) -> None:
        """Check that axes with the same dim have the same length."""
        model = self.model
        for named in (*model.free, *model.observed, *model.deterministic):
            shape = self.sizes.shape(named.shape) if named.dims else ()
            for axis, (dim, n) in enumerate(zip(named.dims or (), shape, strict=True)):
                self.sizes.give(Dim.name(dim), n, f"axis {axis} of {named.name}", named.line)

    def _check_values(self) -> None:
        checks = self.model.checks
        outputs = [node for check in checks for node in (check.inside, check.value)]
        found = evaluate(outputs, self.arrays)
        for check, inside, values in zip(checks, found[::2], found[1::2], strict=True):
            if not np.all(inside):
                raise outside_support(check.what, values, inside, check.domain, check.line)

    def values(self, density: Density) -> dict[Node, np.ndarray]:
        """The values of a density's inputs, with what depends on data alone computed."""
        computed = dict(zip(density.work, evaluate([*density.work.values()], self.arrays)))
        return {node: computed.get(node, self.arrays.get(node)) for node in density.inputs}
