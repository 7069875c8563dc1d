"""Data inputs, and computations that depend on data alone.

`data` makes an input with a default value and names of its axes. `split_data_work` removes from a
graph what needs to be computed only once per data set; `evaluate` computes it op by op, so that no
function is compiled for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from probtensor import ops
from probtensor.calls import line_text, public
from probtensor.dataclass import dataclass
from probtensor.graph import Const, GraphError, Input, Node, as_tensor, line_of, made_by, toposort
from probtensor.graph.evaluate import Value, value_of
from probtensor.graph.node import Frozen, TensorLike, make, new_input
from probtensor.graph.sizes import measured_sizes
from probtensor.ops.kinds import Contraction, Core, Elementwise, Kind, Random, Reduction, Scatter
from probtensor.prob.distributions.base import checked_dims, checked_name
from probtensor.prob.model.sizes import KnownSizes
from probtensor.process import new_uid
from probtensor.types import Dim, Size, TensorType, size_product

MAX_SMALL = 2**14  # elements of what is kept though it is larger than its data


@dataclass(frozen=True)
class Data(Input):
    """An input with a default value."""

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
        raise GraphError(f"{what} must be an array, not a graph\n  at {line_text()}")
    try:
        node = as_tensor(value)
    except GraphError as error:
        raise GraphError(f"{what}: {error}") from None
    if node.is_complex:
        raise GraphError(f"{what} is complex; give .real and .imag apart\n  at {line_text()}")
    array = node.op.array
    names = checked_dims(what, dims, array.ndim)
    sizes = [None] * array.ndim if names is None else [Dim.name(d) for d in names]
    shape = new_input(name, array.dtype, sizes)
    op = Data(name, shape.type, shape.op.uid, node.op.value, names)
    return make(op, ())


def default_of(node: Node) -> np.ndarray | None:
    """The default value of a data input; None for other inputs."""
    return node.op.default.array if isinstance(node.op, Data) else None


# Values.


def evaluate(outputs: Sequence[Node], values: Mapping[Node, np.ndarray]) -> list[np.ndarray]:
    """The outputs' values, those of scalar functions as compiled code has them, else by the NumPy
    meaning of each op; `values` says those of the inputs."""
    known, _ = evaluated(outputs, values)
    return [known[y] for y in outputs]


def evaluated(
    outputs: Sequence[Node], values: Mapping[Node, np.ndarray]
) -> tuple[dict[Node, np.ndarray], dict[str, int]]:
    """The values of all nodes that outputs need, as by `evaluate`, and the sizes by name."""
    sizes = KnownSizes()
    known: dict[Node, np.ndarray] = {}
    for node, array in values.items():
        sizes.read(node.name or "an input", node.shape, np.shape(array), line_of(node))
        known[node] = np.asarray(array, node.dtype)
    order = toposort(outputs)
    # Their number is a size that other nodes may need.
    first = toposort([node for node in order if isinstance(node.op, FROM_DATA)])
    with np.errstate(all="ignore"):
        for node in (*first, *order):
            if node in known:
                continue
            given = {**sizes.values, **measured_sizes(node, known)}
            known[node] = value_at(node, [known[x] for x in node.inputs], given)
            if isinstance(node.op, FROM_DATA):
                sizes.read(node.op.name, node.shape, known[node].shape, line_of(node))
    return known, sizes.values


def value_at(node: Node, arguments: Sequence[Value], sizes: Mapping[str, int]) -> Value:
    """One node's value from those of its inputs. Errors name the op and the user's line, as those
    of a compiled function do."""
    meaning = node.op.values if isinstance(node.op, Elementwise) else None
    try:
        result = value_of(node, arguments, sizes, meaning)
    except (ValueError, IndexError) as error:
        kind = IndexError if isinstance(error, IndexError) else ValueError
        raise kind(f"{node.op.user_name()}: {error}\n  at {line_of(node)}") from None
    if isinstance(node.type, tuple):
        pairs = zip(result, node.type, strict=True)
        return tuple(x.astype(kind.dtype, copy=False) for x, kind in pairs)
    return result.astype(node.dtype, copy=False)


TIMES, COLUMN = -1, -2


@dataclass(frozen=True)
class Distinct(Kind):
    """The distinct tuples of entries of several arrays, computed when data are bound: the entries
    of array number `part`, or with TIMES how often each tuple occurs, or with COLUMN the column it
    is in. For tables they are those of each column, concatenated.

    Their number is the symbolic size `size`, known only from the data.
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
    """The distinct tuples of entries of arrays, as one array each, and how often each occurs."""
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
    """(distinct tuples of entries of data inputs, how often they occur, their columns)."""
    names = " ".join(x.name or "data" for x in arrays)
    size = Dim.name(f"distinct {names}", " ".join(x.op.uid for x in arrays))
    parts = (*range(len(arrays)), TIMES, COLUMN)
    *values, times, columns = (make(Distinct(size, part), tuple(arrays)) for part in parts)
    return values, times, columns


FIRST, MEMBER, SIZE = 0, 1, 2


@dataclass(frozen=True)
class RowGroups(Kind):
    """The groups of equal rows of several arrays, computed when data are bound: the index of the
    first row of each (FIRST), the group that each row belongs to (MEMBER), or how many rows each
    group has (SIZE).

    Their number is the symbolic size `size`, known only from the data.
    """

    size: Dim
    part: int = FIRST

    def infer(self, *arrays: TensorType) -> TensorType:
        dtype = "float64" if self.part == SIZE else "int64"
        return TensorType(dtype, (arrays[0].shape[0] if self.part == MEMBER else self.size,))

    def numpy(self, *arrays):
        n = len(arrays[0])
        if not n:
            return np.empty(0, "float64" if self.part == SIZE else "int64")
        tables = [np.ascontiguousarray(x.reshape(n, -1)).view("uint8") for x in arrays]
        rows = np.concatenate(tables, axis=1)
        rows = rows.view(f"V{rows.shape[1]}").ravel()
        order = np.argsort(rows, kind="stable")
        new = np.ones(n, bool)
        new[1:] = rows[order[1:]] != rows[order[:-1]]
        first = order[new]
        if self.part == FIRST:
            return first
        if self.part == SIZE:
            return np.diff([*np.flatnonzero(new), n]).astype("float64")
        member = np.empty(n, "int64")
        member[order] = np.cumsum(new) - 1
        return member


@dataclass(frozen=True)
class RowsWhere(Kind):
    """The indices at which a condition on data holds, computed when data are bound. Their number is
    the symbolic size `size`, known only from the data."""

    size: Dim

    def infer(self, condition: TensorType) -> TensorType:
        return TensorType("int64", (self.size,))

    def numpy(self, condition):
        return np.flatnonzero(condition)


def rows_where(condition: Node) -> Node:
    """The indices at which a condition on data holds: a vector whose size only the data say."""
    size = Dim.name("chosen rows", new_uid())
    return make(RowsWhere(size), (condition,))


FROM_DATA = (Distinct, RowGroups, RowsWhere)  # whose number of elements only the data say


@dataclass(frozen=True)
class Column(Kind):
    """Entries `k` along an axis of a matrix of data, as an array of their own; all of it, if there
    is no axis."""

    axis: int | None = 1
    k: int = 0

    def infer(self, x: TensorType) -> TensorType:
        left = (n for axis, n in enumerate(x.shape) if axis != self.axis)
        return TensorType(x.dtype, tuple(left))

    def numpy(self, x):
        return x if self.axis is None else np.ascontiguousarray(np.take(x, self.k, self.axis))


def row_groups(arrays: Sequence[Node], size: Dim) -> tuple[Node, Node]:
    """(first row of each group of equal rows of data, group of each row); `size` is the number of
    groups."""
    first, member = (make(RowGroups(size, part), tuple(arrays)) for part in (FIRST, MEMBER))
    return first, member


def are_repeated_counts(array: np.ndarray | None) -> bool:
    """Are these integers >= 0 that on average occur four times or more in a column?"""
    if array is None or array.ndim not in (1, 2) or not array.size or array.dtype == "bool":
        return False
    if not np.all((array >= 0) & (array == np.floor(array))):
        return False
    ordered = np.sort(array, axis=0)  # np.unique would import numpy.ma, which takes 10 ms
    changes = np.count_nonzero(ordered[1:] != ordered[:-1])
    columns = array.shape[1] if array.ndim > 1 else 1
    return 4 * (changes + columns) <= array.size


def has_few_values(array: np.ndarray) -> bool:
    """Does each value of an array occur four times or more on average?"""
    ordered = np.sort(array, axis=None)
    return 4 * (1 + np.count_nonzero(ordered[1:] != ordered[:-1])) <= array.size


def literal(x: Node) -> np.ndarray | None:
    """The value of a tensor that is made of numbers alone; None for others."""
    if any(isinstance(node.op, (Input, Random)) for node in toposort([x])):
        return None
    return x.eval()


def depends_only_on(inputs: Iterable[Node]) -> Callable[[Node], bool]:
    """A cached predicate: does a node depend on these inputs and literals alone?"""
    known: dict[Node, bool] = dict.fromkeys(inputs, True)

    def test(node: Node) -> bool:
        stack = [] if node in known else [node]
        while stack:
            x = stack[-1]
            waiting = [y for y in x.needs if y not in known]
            if waiting:
                stack += waiting
                continue
            known[x] = not isinstance(x.op, Input) and all(map(known.__getitem__, x.needs))
            stack.pop()
        return known[node]

    return test


def split_data_work(
    outputs: Sequence[Node], inputs: Sequence[Node]
) -> tuple[list[Node], dict[Node, Node]]:
    """The outputs with subgraphs of data alone replaced by inputs: (outputs, {new input:
    subgraph}).

    Replaced are the largest such subgraphs that cost more than a few operations an element and are
    no larger than the data they depend on, or small.
    """
    once = work_on_data(toposort(outputs), inputs)
    if not once:
        return list(outputs), {}
    taken: dict[Node, Node] = {}
    done: dict[Node, Node] = {}
    for node in toposort(outputs, needs=lambda x: () if x in once else x.inputs):
        if node in once:
            done[node] = new_input(f"known{len(taken)}", node.dtype, node.shape)
            taken[done[node]] = node
            continue
        with made_by(node):
            same = all(done[x] is x for x in node.inputs)
            inside = tuple(done[x] for x in node.inputs)
            done[node] = node if same else make(node.op, inside, type(node))
    return [done[y] for y in outputs], taken


def work_on_data(order: Iterable[Node], inputs: Iterable[Node]) -> set[Node]:
    """The nodes, in topological order, that depend on these inputs and literals alone, and are
    worth computing once."""
    found: set[Node] = set()
    # For each node of data alone: whether it is costly, and the sizes of the data it depends on.
    facts: dict[Node, tuple[bool, dict[Size, None]]] = {
        x: (False, {size_product(x.shape): None}) for x in inputs
    }
    for node in order:
        if node in facts or isinstance(node.op, Input) or any(x not in facts for x in node.needs):
            continue
        costly = any(facts[x][0] for x in node.inputs) or is_work(node)
        read = {size: None for x in node.inputs for size in facts[x][1]}
        facts[node] = costly and bool(read), read
        if not facts[node][0] or isinstance(node.type, tuple):
            continue
        if fits(node, [*read]) or is_small_function(node) or takes_groups(node):
            found.add(node)
    return found


def is_work(node: Node) -> bool:
    """Does this op cost more than reading its result from memory?"""
    if isinstance(node.op, Elementwise):
        return node.op.c is not None or isinstance(node.op, (ops.Div, ops.Cast))
    return isinstance(node.op, (Reduction, Scatter, Core, Contraction, Column, *FROM_DATA))


def is_small_function(node: Node) -> bool:
    """Is it a function of the mathematical library of few elements, as a basis at given points is?
    Reading these costs less, though they may be more than the data they are made of."""
    size = size_product(node.shape)
    costly = isinstance(node.op, Elementwise) and node.op.c is not None
    return costly and isinstance(size, int) and size <= MAX_SMALL


def takes_groups(node: Node) -> bool:
    """Is it a row of data of each group of equal rows, or those where a condition holds, or a
    column?"""
    if not isinstance(node.op, ops.Gather):
        return isinstance(node.op, Column)
    return any(
        isinstance(x.op, RowsWhere) or (isinstance(x.op, RowGroups) and x.op.part == FIRST)
        for x in node.inputs[1:]
    )


def fits(node: Node, sizes: Sequence[Size]) -> bool:
    """Is a tensor known to be no larger than one of these sizes?"""
    size = size_product(node.shape)
    if size == 1 or size in sizes or isinstance(node.op, FROM_DATA):
        return True
    return isinstance(size, int) and any(isinstance(n, int) and size <= n for n in sizes)
