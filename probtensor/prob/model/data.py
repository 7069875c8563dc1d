"""Data inputs, and what follows from data alone.

`data` makes an input that carries a value and names of its axes. `split_data_work` takes out of a
graph what need be computed only once a data set; `evaluate` computes it, by the NumPy meaning of
each op, which spares compiling a function for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph import Const, GraphError, Input, Node, as_tensor, line_of, made_by, toposort
from probtensor.graph.evaluate import value_of
from probtensor.graph.node import Frozen, TensorLike, make, new_input
from probtensor.ops.kinds import Contraction, Core, Elementwise, Kind, Reduction, Scatter
from probtensor.prob.distributions.base import checked_dims, checked_name, user_location
from probtensor.prob.model.sizes import KnownSizes
from probtensor.types import Dim, Size, TensorType, size_product


@dataclass(frozen=True)
class Data(Input):
    """An input that has a value unless it is given another one."""

    default: Frozen | None = None
    dims: tuple[str, ...] | None = None


@public
def data(
    value: TensorLike, name: str | None = None, dims: str | Sequence[str] | None = None
) -> Node:
    """An array that a model reads as data: `posterior.with_data({x: other})` exchanges it.

    The array is copied. Its sizes are symbolic, so other data may be longer or shorter; axes that
    share a name in `dims`, with other data or with variables, share their length. Numbers keep
    their dtype, and other data must fit in it: give floats, as in `np.asarray(x, float)`, where
    fractions may come later.

    Returns an input with a value: a tensor of the dtype of the array, with as many axes.
    Raises TypeError for anything but numbers, GraphError for wrong `dims`.

        >>> x = pt.data(np.array([1.0, 2.0]), name="x", dims="row")
        >>> pt.function([], x * 2)()
        array([2., 4.])
    """
    what = f"data {checked_name('data', name)!r}" if name is not None else "data"
    if isinstance(value, Node) and not isinstance(value.op, Const):
        raise GraphError(f"{what} must be an array, not a graph\n  at {user_location()}")
    try:
        node = as_tensor(value)
    except GraphError as error:
        raise GraphError(f"{what}: {error}") from None
    array = node.op.array
    names = checked_dims(what, dims, array.ndim)
    sizes = [None] * array.ndim if names is None else [Dim.name(d) for d in names]
    shape = new_input(name, array.dtype, sizes)
    op = Data(name, shape.type, shape.op.uid, node.op.value, names)
    return make(op, ())


def default_of(node: Node) -> np.ndarray | None:
    """The value a data input carries; None for other inputs."""
    return node.op.default.array if isinstance(node.op, Data) else None


# Values.


def evaluate(outputs: Sequence[Node], values: Mapping[Node, np.ndarray]) -> list[np.ndarray]:
    """The outputs' values by the NumPy meaning of each op; `values` says those of the inputs."""
    sizes = KnownSizes()
    known: dict[Node, np.ndarray] = {}
    for node, array in values.items():
        sizes.read(node.name or "an input", node.shape, np.shape(array), line_of(node))
        known[node] = np.asarray(array, node.dtype)
    order = toposort(outputs)
    for node in order:
        if isinstance(node.op, Distinct):
            # Their number is a size that other nodes may need before them.
            known[node] = value_at(node, [known[x] for x in node.inputs], sizes.values)
            sizes.read(node.op.name, node.shape, known[node].shape, line_of(node))
    with np.errstate(all="ignore"):
        for node in order:
            if node not in known:
                known[node] = value_at(node, [known[x] for x in node.inputs], sizes.values)
    return [known[y] for y in outputs]


def value_at(node: Node, arguments: Sequence[np.ndarray], sizes: Mapping[str, int]) -> np.ndarray:
    """One node's value from those of its inputs. What the op refuses is said with the user's line,
    as a compiled function says it."""
    meaning = log_gamma_array if isinstance(node.op, ops.Lgamma) else None
    try:
        result = value_of(node, arguments, sizes, meaning)
    except (ValueError, IndexError) as error:
        kind = IndexError if isinstance(error, IndexError) else ValueError
        raise kind(f"{node.op.user_name()}: {error}\n  at {line_of(node)}") from None
    return result.astype(node.dtype, copy=False)


def log_gamma_array(x: np.ndarray) -> np.ndarray:
    """log |Gamma(x)| without importing SciPy, which would take longer than all else that a model
    of counts does before its first gradient."""
    values, positions = np.unique(x, return_inverse=True)
    return np.array([log_gamma_of(v) for v in values])[positions].reshape(np.shape(x))


def log_gamma_of(x: float) -> float:
    """math.lgamma with infinity at the poles and past the largest number."""
    try:
        return math.lgamma(x)
    except (ValueError, OverflowError):
        return math.inf


TIMES, COLUMN = -1, -2


@dataclass(frozen=True)
class Distinct(Kind):
    """The distinct entries of arrays that are read together: those of the array with the number
    `part`, or how often each one occurs, or the column it is in; computed when data are bound. A
    table has those of one column after those of another.

    Their number is `size`, a name of its own, since only the data tell.
    """

    size: Dim
    part: int = 0

    def infer(self, *arrays: TensorType) -> TensorType:
        own = {TIMES: "float64", COLUMN: "int64"}
        return TensorType(own.get(self.part) or arrays[self.part].dtype, (self.size,))

    def numpy(self, *arrays):
        first = arrays[0]
        count = first.shape[1] if first.ndim > 1 else 1
        tables = [x.reshape(len(x), count) for x in arrays]
        found = [unique_rows([x[:, k] for x in tables]) for k in range(count)]
        if self.part == COLUMN:
            return np.repeat(np.arange(count), [len(times) for _, times in found])
        parts = [times if self.part == TIMES else rows[self.part] for rows, times in found]
        return np.concatenate(parts) if parts else np.empty(0)


def unique_rows(arrays: Sequence[np.ndarray]) -> tuple[Sequence[np.ndarray], np.ndarray]:
    """The entries of arrays at the first places of what they distinctly are together, and how often
    that occurs."""
    if len(arrays) == 1:
        values, times = np.unique(arrays[0], return_counts=True)
        return [values], times
    order = np.lexsort(arrays[::-1])
    ordered = [x[order] for x in arrays]
    new = np.ones(len(order), bool)
    for x in ordered:
        new[1:] &= x[1:] == x[:-1]
    new[1:] = ~new[1:]
    starts = np.flatnonzero(new)
    return [x[starts] for x in ordered], np.diff([*starts, len(order)])


def distinct(arrays: Sequence[Node]) -> tuple[list[Node], Node, Node]:
    """(distinct entries of data inputs read together, how often they occur, their columns)."""
    names = " ".join(x.name or "data" for x in arrays)
    size = Dim.name(f"distinct {names}", " ".join(x.op.uid for x in arrays))
    parts = (*range(len(arrays)), TIMES, COLUMN)
    *values, times, columns = (make(Distinct(size, part), tuple(arrays)) for part in parts)
    return values, times, columns


def are_repeated_counts(array: np.ndarray | None) -> bool:
    """Are these numbers from 0 on, whole, that mostly occur several times in a column?"""
    if array is None or array.ndim not in (1, 2) or not array.size or array.dtype == "bool":
        return False
    if not np.all((array >= 0) & (array == np.floor(array))):
        return False
    values = sum(len(np.unique(column)) for column in (array.T if array.ndim > 1 else [array]))
    return 4 * values <= array.size


def depends_only_on(inputs: Iterable[Node]) -> Callable[[Node], bool]:
    """A test: does a node depend on these inputs and literals alone? Answers are remembered."""
    known: dict[Node, bool] = dict.fromkeys(inputs, True)

    def test(node: Node) -> bool:
        if node not in known:
            for x in toposort([node]):
                if x not in known:
                    known[x] = not isinstance(x.op, Input) and all(known[y] for y in x.inputs)
        return known[node]

    return test


def split_data_work(
    outputs: Sequence[Node], inputs: Sequence[Node]
) -> tuple[list[Node], dict[Node, Node]]:
    """The outputs with what depends on data alone taken out: (outputs, {new input: its value}).

    Taken out are the largest such subgraphs that cost more than a few operations an element, and
    are no larger than the data they are made of.
    """
    only_data = depends_only_on(inputs)
    facts = work_of(toposort(outputs), set(inputs))
    taken: dict[Node, Node] = {}
    done: dict[Node, Node] = {}
    stack = list(outputs)
    while stack:
        node = stack[-1]
        if node in done:
            stack.pop()
            continue
        costly, largest = facts[node]
        if only_data(node) and costly and fits(node, largest):
            done[node] = new_input(f"known{len(taken)}", node.dtype, node.shape)
            taken[done[node]] = node
            continue
        waiting = [x for x in node.inputs if x not in done]
        if waiting:
            stack.extend(reversed(waiting))
            continue
        with made_by(node):
            same = all(done[x] is x for x in node.inputs)
            inside = tuple(done[x] for x in node.inputs)
            done[node] = node if same else make(node.op, inside, type(node))
    return [done[y] for y in outputs], taken


def work_of(order: Iterable[Node], inputs: set[Node]) -> dict[Node, tuple[bool, tuple]]:
    """For each node: is there work in it worth doing once, and sizes of the data it reads."""
    facts: dict[Node, tuple[bool, tuple]] = {}
    for node in order:
        costly = any(facts[x][0] for x in node.inputs) or is_work(node)
        read = {size: None for x in node.inputs for size in facts[x][1]}
        if node in inputs:
            read = {size_product(node.shape): None}
        facts[node] = costly and bool(read), tuple(read)
    return facts


def is_work(node: Node) -> bool:
    """Does this op cost more than reading its result back from memory would?"""
    if isinstance(node.op, Elementwise):
        return node.op.c is not None or isinstance(node.op, (ops.Div, ops.Cast))
    return isinstance(node.op, (Reduction, Scatter, Core, Contraction, Distinct))


def fits(node: Node, sizes: Sequence[Size]) -> bool:
    """Is a tensor no larger than one of these, as far as can be told?"""
    size = size_product(node.shape)
    if size == 1 or size in sizes or isinstance(node.op, Distinct):
        return True
    return isinstance(size, int) and any(isinstance(n, int) and size <= n for n in sizes)
