"""Transforms of PyMC's free variables as bijectors: the unconstrained numbers are PyMC's own.

A transform whose map this library has becomes that bijector, whose density is computed with care in
the tails. Any other is `Translated`, by the graphs that PyMC makes of it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, ClassVar

import numpy as np

from probtensor import ops
from probtensor.calls import line_text, public
from probtensor.dataclass import dataclass
from probtensor.graph import GraphError, Node
from probtensor.interop.pymc.variables.reading import shape_of
from probtensor.interop.pytensor.translate import Translator, value_by_literals
from probtensor.prob.bijectors import public as known
from probtensor.prob.bijectors.base import Bijector
from probtensor.prob.bijectors.matrices import as_factor, rows_of_triangle

Variable = Any  # of PyTensor
Transform = Any  # of PyMC
HOME = "pymc"  # where the classes of the table are


@public(name="interop.pymc.transforms.bijector_of")
def bijector_of(transform: Transform | None, rv: Variable, translator: Translator) -> Bijector:
    """A transform of a free variable of a PyMC model as a bijector.

    transform   an entry of `model.rvs_to_transforms`; None is the identity
    rv          the random variable that it belongs to
    translator  the translator that knows the variables that the bounds of `transform` depend on

    Returns a bijector whose `forward(u)` is `transform.backward(u, *rv.owner.inputs)`. Raises
    GraphError for a graph that has no translation.

        >>> import pymc as pm  # doctest: +SKIP
        >>> rv = pm.HalfNormal.dist(1.0)  # doctest: +SKIP
        >>> transform = pm.distributions.transforms.log  # doctest: +SKIP
        >>> bijector_of(transform, rv, Translator({}))  # doctest: +SKIP
        Exp(low=0.0)
    """
    if transform is None:
        return known.Identity()
    found = _known(transform, rv, translator)
    return Translated(transform, rv, translator) if found is None else found


def _known(transform: Transform, rv: Variable, t: Translator) -> Bijector | None:
    """The bijector of a transform whose class has a row, if it has that map."""
    for kind in type(transform).__mro__:
        if kind.__module__.split(".")[0] != HOME:  # a class of the user's, with its own map
            return None
        if kind.__name__ in ROWS:
            return ROWS[kind.__name__](transform, rv, t)
    return None


def _interval(transform: Transform, rv: Variable, t: Translator) -> Bijector | None:
    """Between bounds, above one, below one, or all numbers. Where literal bounds are infinite for
    some entries only, the map is PyMC's."""
    ends = []
    tensor = import_module("pytensor.tensor")
    for bound in transform.args_fn(*rv.owner.inputs):
        node = None if bound is None else t.node(tensor.as_tensor(bound))
        array = None if node is None else value_by_literals(node)
        infinite = np.isinf(array) if array is not None else np.array(False)
        if infinite.any() and not infinite.all():
            return None
        single = array is not None and array.size == 1
        value = float(array.reshape(())) if single else node
        ends.append(None if node is None or infinite.all() else value)
    low, high = ends
    if low is None or high is None:
        if low is not None:
            return known.Lower(low)
        return known.Identity() if high is None else known.Upper(high)
    return known.Logit(low, high)


def _ordered(transform: Transform, rv: Variable, t: Translator) -> Bijector | None:
    if not transform.ascending:
        return None
    return known.Ordered(0.0) if transform.positive else known.Ordered()


def _zero_sum(transform: Transform, rv: Variable, t: Translator) -> Bijector | None:
    axes = {axis % rv.ndim for axis in transform.zerosum_axes}
    count = len(axes)
    return known.ZeroSum(count) if axes == {*range(rv.ndim - count, rv.ndim)} else None


def _chain(transform: Transform, rv: Variable, t: Translator) -> Bijector | None:
    """PyMC's list begins with the map of the value."""
    parts = [_known(part, rv, t) for part in transform.transform_list]
    if any(part is None for part in parts):
        return None
    return known.Chain(*parts[::-1])


def _correlations(transform: Transform, rv: Variable, t: Translator) -> Bijector | None:
    return None if transform.upper else SpiralCorr()


ROWS: dict[str, Callable[[Transform, Variable, Translator], Bijector | None]] = {
    "LogTransform": lambda *_: known.Exp(),
    "LogOddsTransform": lambda *_: known.Logit(),
    "LogExpM1": lambda *_: known.Softplus(),
    "IntervalTransform": _interval,
    "Ordered": _ordered,
    "SimplexTransform": lambda *_: CentredLogRatio(),
    "CircularTransform": lambda *_: Wrapped(),
    "CholeskyCovPacked": lambda *_: PackedFactor(),
    "CholeskyCovTransform": lambda *_: known.Cov(),
    "CholeskyCorrTransform": _correlations,
    "ZeroSumTransform": _zero_sum,
    "ChainedTransform": _chain,
}


@dataclass(frozen=True, eq=False)
class CentredLogRatio(Bijector):
    """x = softmax([u, -sum(u)]): the simplex, by all entries but the last of the logarithms minus
    their mean (Aitchison 1982). The density is that of the first K - 1 entries; its log-Jacobian is
    log(K) - K logsumexp([u, -sum(u)])."""

    event_ndim: ClassVar[int] = 1

    def unconstrained_shape(self, shape):
        return (*shape[:-1], shape[-1] - 1)

    def whole(self, u):
        """u with the entry that makes the sum 0."""
        return ops.concatenate([u, -ops.sum(u, axis=-1, keepdims=True)], axis=-1)

    def forward(self, u):
        return ops.softmax(self.whole(u), axis=-1)

    def inverse(self, x):
        logs = ops.log(x)
        return logs[..., :-1] - ops.mean(logs, axis=-1, keepdims=True)

    def log_jacobian(self, u):
        size = u.shape[-1] + 1
        return float(np.log(size)) - size * ops.logsumexp(self.whole(u), axis=-1)


@dataclass(frozen=True, eq=False)
class Wrapped(Bijector):
    """Angles by all numbers that differ from them by whole turns. The density on these numbers is
    periodic and has no integral, as in PyMC."""

    def forward(self, u):
        return ops.arctan2(ops.sin(u), ops.cos(u))

    def inverse(self, x):
        return x

    def log_jacobian(self, u):
        return None


@dataclass(frozen=True, eq=False)
class PackedFactor(Bijector):
    """The entries of a lower triangular matrix with a positive diagonal, row by row: exp(u) on the
    diagonal, and u below it."""

    event_ndim: ClassVar[int] = 1

    @staticmethod
    def _diagonal(count: int) -> np.ndarray:
        rows = np.arange(rows_of_triangle(count, True))
        return rows * (rows + 3) // 2

    def _on_diagonal(self, count: int) -> np.ndarray:
        found = np.zeros(count, bool)
        found[self._diagonal(count)] = True
        return found

    def forward(self, u):
        return ops.where(self._on_diagonal(u.shape[-1]), ops.exp(u), u)

    def inverse(self, x):
        on = self._on_diagonal(x.shape[-1])
        return ops.where(on, ops.log(ops.where(on, x, 1.0)), x)

    def log_jacobian(self, u):
        return ops.sum(u[..., self._diagonal(u.shape[-1])], axis=-1)


@dataclass(frozen=True, eq=False)
class SpiralCorr(Bijector):
    """Cholesky factors of correlation matrices: row i is [z, 1] divided by its length, with i
    numbers z. The numbers are put in a triangle as PyMC does, from both ends of it: the last row
    backwards, then the first row, the last but one backwards, ...

    The log-Jacobian of row i, counted from 0, is (i + 2) times the logarithm of its diagonal."""

    event_ndim: ClassVar[int] = 2

    @staticmethod
    def _places(size: int) -> tuple[np.ndarray, np.ndarray]:
        """Where the entries of u are in the rows of z, and those below the diagonal."""
        side = size - 1
        numbers = np.arange(size * side // 2)
        places = np.concatenate([numbers[side:], numbers[::-1]]).reshape(side, side)
        found = np.full((size, size), len(numbers))
        found[1:, :-1] = np.where(np.tri(side, dtype=bool), places, len(numbers))
        return found, np.tri(size, k=-1, dtype=bool)

    def unconstrained_shape(self, shape):
        return (*shape[:-2], shape[-1] * (shape[-1] - 1) // 2)

    def _rows(self, u):
        """Rows with a 1 on the diagonal, and the length of each, which does not overflow."""
        size = rows_of_triangle(u.shape[-1], False)
        places, _ = self._places(size)
        last = ops.zeros((*u.shape[:-1], 1), dtype=u.dtype)
        below = ops.concatenate([u, last], axis=-1)[..., places]
        rows = ops.where(np.eye(size, dtype=bool), 1.0, below)
        largest = ops.stop_gradient(ops.max(ops.abs(rows), axis=-1, keepdims=True))
        scaled = rows / largest
        lengths = ops.sqrt(ops.sum(ops.square(scaled), axis=-1, keepdims=True))
        return scaled / lengths, largest, lengths

    def forward(self, u):
        return as_factor(self._rows(u)[0])

    def inverse(self, x):
        size = x.shape[-1]
        places, below = self._places(size)
        order = np.argsort(places[below])
        rows, columns = (axis[order] for axis in np.nonzero(below))
        return x[..., rows, columns] / x[..., rows, rows]

    def log_jacobian(self, u):
        _, largest, lengths = self._rows(u)
        heights = -(ops.log(largest) + ops.log(lengths))[..., 0]
        return ops.sum(np.arange(2.0, 2.0 + heights.shape[-1]) * heights, axis=-1)


class Translated(Bijector):
    """A transform of PyMC by its own graphs: `backward` is `forward` here, and `log_jac_det` the
    log-Jacobian. GraphError if the sizes of the variable are not known."""

    def __init__(self, transform: Transform, rv: Variable, translator: Translator) -> None:
        self.transform, self.inputs = transform, tuple(rv.owner.inputs)
        shape = shape_of(translator, rv)
        if shape is None:
            raise GraphError(
                f"bijector_of: the shape of {rv} is not known, which {type(transform).__name__} "
                f"needs\n  at {line_text()}\n  give the variable a shape of numbers"
            )
        value = _variable(rv.type.dtype, shape)
        u = transform.forward(value, *self.inputs)
        sizes = shape_of(translator, u)
        if sizes is None:
            raise GraphError(
                f"bijector_of: the shape of the unconstrained {rv} by {type(transform).__name__} "
                f"is not known\n  at {line_text()}\n  write a transform whose sizes are numbers"
            )
        self.sizes = sizes
        own = _variable(rv.type.dtype, sizes)
        graphs = [u, transform.backward(own, *self.inputs), self._slope(own)]
        self.ndim = rv.ndim
        self._event_ndim = rv.ndim - graphs[2].ndim
        found = _known_above(graphs, translator)
        self.variables, self.nodes = tuple(found), tuple(found.values())

    @property
    def event_ndim(self) -> int:
        return self._event_ndim

    def __repr__(self) -> str:
        return f"Translated({type(self.transform).__name__})"

    def _slope(self, u: Variable) -> Variable:
        return self.transform.log_jac_det(u, *self.inputs)

    def _at(self, x: Node, make: Callable[[Variable], Variable]) -> Node:
        """A graph of PyTensor at a tensor."""
        own = _variable(x.dtype, tuple(n if isinstance(n, int) else None for n in x.shape))
        given = dict(zip(self.variables, self.nodes, strict=True))
        return Translator({**given, own: x}).node(make(own))

    def unconstrained_shape(self, shape):
        return (*shape[: len(shape) - self.ndim], *self.sizes)

    def forward(self, u):
        return self._at(u, lambda own: self.transform.backward(own, *self.inputs))

    def inverse(self, x):
        return self._at(x, lambda own: self.transform.forward(own, *self.inputs))

    def log_jacobian(self, u):
        return self._at(u, self._slope)


def _variable(dtype: str, shape: tuple[int | None, ...]) -> Variable:
    return import_module("pytensor.tensor").tensor(dtype=dtype, shape=shape)


def _known_above(graphs: list[Variable], t: Translator) -> dict[Variable, Node]:
    """The tensors that a translator knows of the variables that graphs are made of."""
    found: dict[Variable, Node] = {}
    seen, stack = set(), list(graphs)
    while stack:
        x = stack.pop()
        if x in seen:
            continue
        seen.add(x)
        if t.known.get(x) is not None:
            found[x] = t.known[x]
        elif x.owner is not None:
            stack += x.owner.inputs
    return found
