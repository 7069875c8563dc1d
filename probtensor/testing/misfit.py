"""Random graphs called with arrays of wrong sizes: every target must raise where NumPy raises.

A graph is grown as in `generate`, with more ops that have size laws, and then loosened: each axis
of each input becomes a symbolic size of its own, so that only size laws restrict the sizes. It is
called with arrays of its original sizes, where all targets must agree with NumPy, and with arrays
of other sizes. If NumPy, op by op, raises for those, or its result has another shape than the graph
promises, a target must raise; otherwise it must agree.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from probtensor import ops
from probtensor.compile import function
from probtensor.graph.law import size_laws, symbolic_sizes
from probtensor.graph.node import GraphError, Node, new_input
from probtensor.graph.text import to_text
from probtensor.graph.walk import inputs_of, replace, toposort
from probtensor.testing.generate import Grower, RandomGraph
from probtensor.testing.reference import evaluate_numpy, size_names_of
from probtensor.types import ShapeError

Call = Callable[[Sequence[np.ndarray]], Sequence[np.ndarray]]
# What a call may be refused with.
REFUSED = (ValueError, IndexError)
MOST_LINES = 10  # of a message: two checks that fail, of up to three sizes each


class SizeGrower(Grower):
    """Grows graphs with many size laws."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__(rng)
        self.ways.append((self.shaped, 12))

    def accept(self, node: Node) -> bool:
        # What is assumed of values need not hold for those of other sizes.
        assumes = any(isinstance(x.op, ops.assumptions.Assume) for x in toposort([node]))
        return not assumes and fits(node, self.values) and super().accept(node)

    def shaped(self) -> Node | None:
        """A function of NumPy's that asks something of sizes."""
        x = self.pick(lambda x: 0 < x.ndim < 3 and x.dtype == "float64")
        y = self.pick(lambda y: 0 < y.ndim < 3 and y.dtype == "float64")
        make = _SHAPERS[self.rng.integers(len(_SHAPERS))]
        with suppress(ValueError, IndexError, TypeError, ZeroDivisionError):
            # Unless it has no value at the sizes of this graph.
            self.accept(make(x, y, x.shape[0], y.shape[-1]))
        return None


_SHAPERS: list[Callable[[Node, Node, Any, Any], Node]] = [
    lambda x, y, n, m: ops.reshape(x, (3, 4)),
    lambda x, y, n, m: ops.reshape(x, (2, -1)),
    lambda x, y, n, m: ops.reshape(x, (m, -1)),
    lambda x, y, n, m: ops.reshape(x, y.shape),
    lambda x, y, n, m: ops.reshape(ops.reshape(x, (-1, 2)), x.shape),
    lambda x, y, n, m: ops.sum(ops.reshape(x, (m, n))),
    lambda x, y, n, m: ops.reshape(ops.sum(x), (1,) * y.ndim) + y,
    lambda x, y, n, m: ops.broadcast_to(x, (m, *x.shape)),
    lambda x, y, n, m: ops.broadcast_to(x, y.shape),
    lambda x, y, n, m: ops.broadcast_to(x, (2, 3)),
    lambda x, y, n, m: ops.squeeze(x, 0),
    lambda x, y, n, m: ops.squeeze(ops.expand_dims(x, 1)[:1], 0),
    lambda x, y, n, m: x[2],
    lambda x, y, n, m: x[-3] * 0.0,
    lambda x, y, n, m: x[m - 2],
    lambda x, y, n, m: x[: m - 2],
    lambda x, y, n, m: x[m - 2 :],
    lambda x, y, n, m: x[m - 2 : n - 1 : 2],
    lambda x, y, n, m: x[n - 1 : m - 3 : -1],
    lambda x, y, n, m: x[1:3][::-1],
    lambda x, y, n, m: x.at[1].set(0.0),
    lambda x, y, n, m: x.at[: m - 1].add(1.0),
    lambda x, y, n, m: x.at[1:3].set(y[:2]),
    lambda x, y, n, m: x.at[ops.arange(m)].add(1.0),
    lambda x, y, n, m: x.at[np.array([0, 1])].max(y),
    lambda x, y, n, m: ops.zeros((n - 2, 2)),
    lambda x, y, n, m: ops.full((n - 1, m - 1), 2.0),
    lambda x, y, n, m: ops.arange(n - 2) + 0.0 * ops.sum(y),
    lambda x, y, n, m: ops.repeat(x, m - 1, 0),
    lambda x, y, n, m: ops.tile(x, 2),
    lambda x, y, n, m: ops.tile(y, (m - 2, 1)),
    lambda x, y, n, m: ops.split(x, 2)[1],
    lambda x, y, n, m: ops.split(x, [1, m - 1])[1],
    lambda x, y, n, m: ops.stack([x, y]),
    lambda x, y, n, m: ops.concatenate([x, y], -1),
    lambda x, y, n, m: ops.where(x > 0, y, x),
    lambda x, y, n, m: x + y,
    lambda x, y, n, m: ops.where(True, y, x),
    lambda x, y, n, m: ops.diff(x, axis=0),
    lambda x, y, n, m: ops.cumsum(x, -1),
    lambda x, y, n, m: ops.diag(x, 1),
    lambda x, y, n, m: ops.trace(ops.outer(x, y)),
    lambda x, y, n, m: ops.matmul(x, y),
    lambda x, y, n, m: ops.tensordot(x, y, 1),
    lambda x, y, n, m: ops.inner(x, y),
    lambda x, y, n, m: ops.einsum("ii->i", ops.outer(x, y)),
    lambda x, y, n, m: ops.einsum("i,ij->j", x, y),
    lambda x, y, n, m: ops.take(x, ops.arange(m), 0, mode="clip"),
    lambda x, y, n, m: ops.take_along_axis(x, ops.argmax(y, 0, keepdims=True), 0),
    lambda x, y, n, m: ops.max(x, 0),
    lambda x, y, n, m: ops.softmax(x, -1) * ops.logsumexp(y),
    lambda x, y, n, m: ops.argmin(x, -1) * 1.0,
    lambda x, y, n, m: ops.cholesky(ops.outer(x, x) + ops.eye(m)),
    lambda x, y, n, m: ops.solve_triangular(ops.eye(n), y),
    lambda x, y, n, m: ops.as_tensor(n // (m - 1)) + ops.sum(x * 1.0) + ops.sum(y),
    lambda x, y, n, m: ops.reshape(x, (n // 2, 2)) if x.ndim == 1 else x,
    lambda x, y, n, m: ops.tril(x) if x.ndim == 2 else ops.mean(x),
]  # fmt: skip


def fits(node: Node, values: dict[Node, np.ndarray]) -> bool:
    """Do the sizes of some arrays obey the size laws of a graph, without broadcasting an axis that
    is not known to have size 1?"""
    order, names = toposort([node]), size_names_of(values)
    if any(not size.names() <= names.keys() for x in order for size in symbolic_sizes(x)):
        return False
    for law in size_laws(order, ()):
        try:
            law.verify(names)
        except REFUSED:
            return False
    return True


def size_graph(seed: int, nodes: int = 8) -> RandomGraph:
    """A loosened graph of about so many nodes, the same for the same seed."""
    rng = np.random.default_rng([seed, 7])
    grower = SizeGrower(rng)
    for _ in range(20 * nodes):
        if len(grower.grown) >= nodes:
            break
        grower.grow()
    whole = RandomGraph(tuple(grower.outputs()), grower.values, seed)
    return loosened(whole)


def loosened(graph: RandomGraph) -> RandomGraph:
    """The graph over inputs whose sizes are all symbolic and distinct, except sizes of 1. The graph
    itself if it is not valid then."""
    inputs = list(graph.values)
    changes = {}
    for x in inputs[1:]:  # the first gives the sizes in the graph their names
        shape = tuple(1 if isinstance(n, int) and n == 1 else None for n in x.shape)
        changes[x] = new_input(x.name, x.dtype, shape)
    try:
        outputs = replace(graph.outputs, changes)
    except (GraphError, ShapeError):
        return graph
    values = {changes.get(x, x): value for x, value in graph.values.items()}
    if not all(fits(y, values) for y in outputs):
        return graph
    used = {*inputs_of(outputs), inputs[0]}
    return RandomGraph(tuple(outputs), {x: v for x, v in values.items() if x in used}, graph.seed)


def misfits(graph: RandomGraph, count: int) -> Iterator[dict[Node, np.ndarray]]:
    """Arrays for all inputs, some with axes that are longer or shorter than required."""
    rng = np.random.default_rng([graph.seed, 11])
    axes = [(x, a) for x in graph.values for a, n in enumerate(x.shape) if not isinstance(n, int)]
    for _ in range(count if axes else 0):
        values = dict(graph.values)
        for k in rng.permutation(len(axes))[: rng.integers(1, 4)]:
            x, axis = axes[k]
            shape = list(values[x].shape)
            n = shape[axis]
            shape[axis] = int(rng.choice([0, 1, max(n - 1, 0), n + 1, n + 7]))
            values[x] = np.resize(values[x], shape)
        yield values


def expected(graph: RandomGraph, values: dict[Node, np.ndarray]) -> Any:
    """The result of a call by NumPy: the outputs, None if it raises, or the IndexError for an index
    out of bounds (a rule may remove the node that reads it)."""
    try:
        return evaluate_numpy(graph.outputs, values)
    except IndexError as error:
        return error
    except (ValueError, TypeError, ZeroDivisionError, GraphError):
        return None


def fuzz_sizes(
    count: int, seed: int = 0, *, target: str = "interp", batch: int = 20, each: int = 10
) -> Counter:
    """`check_sizes` of `count` graphs, from seeds `seed` on, `batch` of them in one function."""
    done: Counter = Counter()
    drawn = (size_graph(k) for k in itertools.count(seed))
    for first in range(0, count, batch):
        graphs = list(itertools.islice(drawn, min(batch, count - first)))
        inputs = [x for graph in graphs for x in graph.values]
        outputs = [y for graph in graphs for y in graph.outputs]
        call = function(inputs, outputs, target=target, on_unused_input="ignore")
        done += check_sizes(graphs, lambda arrays, call=call: call(*arrays), each)
    return done


class SizeFailure(AssertionError):
    """A call that should have been refused, or that gave other shapes or numbers than NumPy."""


def check_sizes(graphs: Sequence[RandomGraph], call: Call, each: int) -> Counter:
    """Call graphs that are one function with arrays that fit, and `each` times each with such that
    do not; SizeFailure says which went wrong. Returns how many calls were what.

    `call` takes arrays for the inputs of all graphs, and gives the outputs of all.
    """
    done: Counter = Counter()
    whole = [dict(graph.values) for graph in graphs]
    try:
        fitting = _called(call, whole)
    except REFUSED as error:
        shown = "\n".join(map(_shown, graphs, whole))
        raise SizeFailure(f"refused, though the sizes fit: {error}\n{shown}") from error
    _compared(graphs, whole, fitting)
    done["fit"] += len(graphs)
    for k, graph in enumerate(graphs):
        for values in misfits(graph, each):
            wanted = expected(graph, values)
            tried = [*whole[:k], values, *whole[k + 1 :]]
            try:
                found = _called(call, tried)
            except REFUSED as error:
                _require_message(graph, values, error)
                done["refused"] += 1
                continue
            if isinstance(wanted, IndexError):
                done["indices"] += 1
                continue
            if wanted is None:
                raise SizeFailure(f"taken, though NumPy refuses it: {_shown(graph, values)}")
            _compared(graphs, tried, found)
            done["taken"] += 1
    return done


def _called(call: Call, values: Sequence[dict[Node, np.ndarray]]) -> list[np.ndarray]:
    return list(call([array for given in values for array in given.values()]))


def _compared(graphs, values, found) -> None:
    for graph, given in zip(graphs, values, strict=True):
        results, found = found[: len(graph.outputs)], found[len(graph.outputs) :]
        wanted = evaluate_numpy(graph.outputs, given)
        for old, new in zip(wanted, results, strict=True):
            got = np.asarray(new)
            if got.shape != old.shape or got.dtype != old.dtype:
                raise SizeFailure(f"{old.shape} became {got.shape}: {_shown(graph, given)}")
            same = np.isclose(old, got, rtol=1e-6, atol=1e-6, equal_nan=True)
            # Stable forms are finite where what is written overflows.
            if not np.all(same | np.isinf(old) & np.isfinite(got)):
                raise SizeFailure(f"{old!r} became {got!r}: {_shown(graph, given)}")


def _require_message(graph: RandomGraph, values: dict, error: Exception) -> None:
    lines = str(error).splitlines()
    if len(lines) > MOST_LINES or not any(" at " in line for line in lines[1:]):
        text = f"a message without the line: {error}\n{_shown(graph, values)}"
        raise SizeFailure(text) from error


def _shown(graph: RandomGraph, values: dict[Node, np.ndarray]) -> str:
    shapes = "\n".join(f"  {x.name}: {x.type} = {v.shape}" for x, v in values.items())
    return f"seed {graph.seed}\n{to_text(graph.outputs, whole=True)}{shapes}"
