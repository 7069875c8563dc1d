"""Random typed graphs: every registered op, symbolic and fixed sizes, broadcasting, all dtypes.

A graph is grown node by node from a seed. Each new node is evaluated at once, and accepted if most
of its values are finite and moderate. Ops without a generic way to generate calls are called with
their own samples.
"""

from __future__ import annotations

import copy
import string
from collections import ChainMap
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cython_ext.scipy_special import is_scipy
from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph.evaluate import Value, Values, value_of
from probtensor.graph.node import GraphError, Node, make, new_input
from probtensor.graph.parts import parts
from probtensor.graph.sizes import measured_sizes
from probtensor.graph.walk import replace, toposort
from probtensor.ops.kinds import REGISTRY, Composite, Elementwise, Kind, Reduction, View
from probtensor.ops.random.draws import Draw
from probtensor.ops.reductions.composite import ArgExtreme, OverAxes
from probtensor.ops.special.incomplete_beta import OfBeta
from probtensor.rules import STABLE
from probtensor.testing.loops import random_loop
from probtensor.testing.reference import evaluate_numpy, size_names_of
from probtensor.testing.sound import example_values
from probtensor.transform.pattern import Var, instantiate
from probtensor.transform.rewrite import Rule
from probtensor.types import ShapeError, Size, TensorType, broadcast_shapes, dtype_of

MAX_ELEMENTS = 80
LARGEST = 1e6
CONSTANTS = (0.0, 1.0, -1.0, 2.0, 0.5, -0.5, 3.0, 1e-3)


@dataclass(frozen=True)
class RandomGraph:
    """Outputs, and arrays for all inputs (also those read for their sizes only)."""

    outputs: tuple[Node, ...]
    values: dict[Node, np.ndarray]
    seed: int


def random_graph(seed: int, nodes: int = 14, loops: bool = False) -> RandomGraph:
    """A graph of about so many nodes, with loops and branches or without, the same for the same
    seed."""
    grower = Grower(np.random.default_rng(seed))
    if loops:
        grower.ways += [(grower.loop, 4), (grower.choice, 3)]
    for _ in range(20 * nodes):
        if len(grower.grown) >= nodes:
            break
        grower.grow()
    return RandomGraph(tuple(grower.outputs()), grower.values, seed)


class Grower:
    """A pool of nodes with their values, and ways to make more of them."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.values: dict[Node, np.ndarray] = {}
        self.computed: dict[Node, np.ndarray] = {}
        self.pool: list[Node] = []
        self.grown: list[Node] = []
        self.names: dict[str, int] = {}
        self.depth = 0  # the number of loops in whose bodies it is
        n, m = (int(k) for k in rng.integers(2, 6, 2))
        first = self.input("float64", (None, None), (n, m))
        self.rows, self.columns = first.shape
        shapes = [
            ((), ()), ((self.rows,), (n,)), ((self.columns,), (m,)), ((3,), (3,)),
            ((self.rows, 1), (n, 1)), ((2, 3), (2, 3)), ((self.rows, 3), (n, 3)),
        ]  # fmt: skip
        for dtype in ("float64", "float64", "float64", "float32", "int64", "bool"):
            self.input(dtype, *shapes[rng.integers(len(shapes))])
        self.input("int64", (self.rows,), (n,))
        self.constants()
        # Each way with its weight.
        self.ways: list[tuple[Callable[[], Node | None], float]] = [
            (self.elementwise, 8), (self.reduction, 2), (self.view, 3), (self.slice, 1.5),
            (self.gather, 1.5), (self.write, 1.5), (self.contraction, 1.5), (self.composite, 1.5),
            (self.joined, 1), (self.from_sample, 1), (self.idiom, 2), (self.rule, 3),
        ]  # fmt: skip

    # Leaves.

    def input(self, dtype: str, shape: Sequence[Size | None], sizes: Sequence[int]) -> Node:
        node = new_input(f"x{len(self.values)}", dtype, shape)
        if dtype == "bool":
            value = self.rng.random(sizes) < 0.5
        elif dtype_of(dtype).is_float:
            value = 1.5 * self.rng.normal(size=sizes)
        else:
            value = self.rng.integers(-4, 5, sizes)
        return self.enter(node, np.asarray(value).astype(dtype))

    def enter(self, node: Node, value: np.ndarray) -> Node:
        self.values[node] = self.computed[node] = value
        self.names = size_names_of(self.values)
        self.pool.append(node)
        return node

    def constants(self) -> None:
        for value in self.rng.choice(CONSTANTS, 3, replace=False):
            self.pool.append(ops.constant(value))
        self.pool.append(ops.constant(self.rng.normal(size=3)))
        self.pool.append(ops.constant(self.rng.integers(0, 3, 2)))
        self.pool.append(ops.full((self.rows,), 1.0))
        for node in self.pool[-6:]:
            self.computed[node] = evaluate_numpy([node], self.values)[0]

    # Growing.

    def grow(self) -> None:
        ways, weights = zip(*self.ways, strict=True)
        way = ways[self.rng.choice(len(ways), p=np.array(weights) / sum(weights))]
        try:
            node = way()
        except (GraphError, ShapeError):
            return
        if node is not None and node not in self.computed:
            self.accept(node)

    def accept(self, node: Node) -> bool:
        """Add the node and its ancestors to the pool, unless the values are rejected."""
        fresh = [x for x in toposort([node]) if x not in self.computed]
        values = self.evaluated(fresh)
        arrays = [a for v in values for a in (v if isinstance(v, tuple) else (v,))]
        if any(value.size > MAX_ELEMENTS or value.ndim > 4 for value in arrays):
            return False
        if not _is_tame(values[-1]):
            return False
        self.computed.update(zip(fresh, values, strict=True))
        self.pool.append(node)
        self.grown.append(node)
        return True

    def outputs(self) -> list[Node]:
        """The nodes that nothing reads, latest first, three at most."""
        read = {x for node in toposort(self.grown) for x in node.inputs}
        free = [node for node in self.grown if node not in read]
        return free[::-1][:3] or self.pool[:1]

    def pick(self, test: Callable[[Node], bool] = lambda node: True) -> Node | None:
        """A random node for which the test is true; late nodes are more likely."""
        fitting = [node for node in self.pool if test(node)]
        if not fitting:
            return None
        weights = np.arange(1, len(fitting) + 1) + len(fitting)
        return fitting[self.rng.choice(len(fitting), p=weights / weights.sum())]

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    # Loops.

    def inside(self, values: dict[Node, np.ndarray], others: Sequence[Node]) -> Grower:
        """A grower of the body of a loop, whose pool is the parameters of the body, with their
        values in one step, and some nodes from outside. It makes no new inputs."""
        inner = copy.copy(self)
        inner.depth = self.depth + 1
        inner.computed = {**self.computed, **values}
        # Each way finds something to use among these.
        arrays = (np.array([2, 1]), np.array([0.5, -1.0, 2.0]), np.array([True, False]))
        constants = [ops.constant(c) for c in (*CONSTANTS[1:4], *arrays)]
        inner.pool = [*constants, *others, *values]
        inner.computed |= {node: node.op.array for node in constants}
        inner.grown = []
        ways = [(inner.elementwise, 8), (inner.reduction, 2), (inner.view, 2), (inner.slice, 1.5),
                (inner.gather, 1.5), (inner.contraction, 1.5), (inner.composite, 1.5),
                (inner.joined, 1), (inner.idiom, 3), (inner.choice, 2)]  # fmt: skip
        inner.ways = ways if inner.depth > 1 else [*ways, (inner.loop, 1.5)]
        return inner

    def loop(self) -> Node | None:
        """A result of a loop; the others join the pool too."""
        found = random_loop(self)
        for part in found[1:]:
            if part not in self.computed:
                self.accept(part)
        return found[0] if found else None

    def choice(self) -> Node | None:
        """A choice of one of two nodes, or of three, by a condition or an index."""
        first = self.pick()
        others = [x for x in self.pool if x.type == first.type and x is not first]
        selector = self.pick(lambda x: not x.ndim)
        if not others or selector is None:
            return None
        if selector.dtype == "int64" and self.chance(0.5):
            picked = self.rng.integers(len(others), size=1 + self.rng.integers(2))
            return ops.IfElse()(selector, first, *(others[k] for k in picked))
        condition = selector if selector.dtype == "bool" else ops.gt(selector, 0)
        return ops.IfElse()(condition, first, others[self.rng.integers(len(others))])

    # Calls of each kind.

    def elementwise(self) -> Node | None:
        kinds = _FREQUENT if self.chance(0.5) else _ELEMENTWISE
        kind = kinds[self.rng.integers(len(kinds))]
        if kind is ops.Cast:
            dtypes = ("float64", "float32", "int64", "int32", "bool")
            return ops.astype(self.pick(), dtypes[self.rng.integers(len(dtypes))])
        tests = {"float": _is_number, "same": _is_number, "bool": _is_number}
        test = tests.get(kind.dtypes, lambda x: not x.type.is_float)
        first = self.pick(test)
        operands = [first]
        while first is not None and len(operands) < kind.arity:
            operands.append(self.pick(lambda x: test(x) and _broadcast(x, *operands)))
        if any(x is None for x in operands):
            return None
        if kind is ops.Where:
            condition = self.pick(lambda x: x.dtype == "bool" and _broadcast(x, *operands))
            operands[0] = condition if condition is not None else first > 0
        if kind.needed is not None:
            position, low = kind.needed.position, kind.needed.low
            operands[position] = ops.maximum(operands[position], low)
        node = kind()(*operands)
        if not self.has_nan(node):
            return node
        return kind()(*(self.into_domain(kind, k, x) for k, x in enumerate(operands)))

    def evaluated(self, fresh: Sequence[Node]) -> list[Value]:
        """The values of nodes, each made of known ones and those before it."""
        found: Values = {}
        with np.errstate(all="ignore"):
            for node in fresh:
                if node.inputs:
                    known = ChainMap(found, self.computed)
                    names = self.names | measured_sizes(node, known)
                    found[node] = value_of(node, [known[x] for x in node.inputs], names)
                else:
                    found[node] = evaluate_numpy([node], self.values)[0]
        return list(found.values())

    def has_nan(self, node: Node) -> bool:
        fresh = [x for x in toposort([node]) if x not in self.computed]
        value = self.evaluated(fresh)[-1] if fresh else self.computed[node]
        return value.dtype.kind == "f" and bool(np.isnan(value).any())

    def into_domain(self, kind: type[Kind], position: int, x: Node) -> Node:
        """x mapped into the range of the op's own samples."""
        if not x.type.is_float:
            return x
        column = kind.samples[0].make(np.random.default_rng(0))[position]
        low, high = float(np.min(column)), float(np.max(column))
        return low + (high - low) * ops.sigmoid(x)

    def reduction(self) -> Node | None:
        kind = _REDUCTIONS[self.rng.integers(len(_REDUCTIONS))]
        truth = kind in (ops.All, ops.Any_)
        x = self.pick(lambda x: x.ndim > 0 and (x.dtype == "bool") == truth)
        empty = x is not None and 0 in self.computed[x].shape
        if x is None or (empty and kind.identity is None):
            return None
        return make(kind(self.axes(x)), (x,))

    def axes(self, x: Node) -> tuple[int, ...]:
        chosen = tuple(a for a in range(x.ndim) if self.chance(0.6))
        return chosen or (int(self.rng.integers(x.ndim)),)

    def view(self) -> Node | None:
        x = self.pick(lambda x: 0 < x.ndim < 4)
        axis = int(self.rng.integers(x.ndim))
        single = [a for a, n in enumerate(x.shape) if n == 1]
        ways = [
            lambda: ops.transpose(x, tuple(int(a) for a in self.rng.permutation(x.ndim))),
            lambda: ops.expand_dims(x, int(self.rng.integers(x.ndim + 1))),
            lambda: ops.reshape(x, (-1,)),
            lambda: ops.reshape(x, (1, -1)),
            lambda: ops.reshape(x, (*x.shape[:axis], -1)),
            lambda: ops.broadcast_to(x, (2, *x.shape)),
            lambda: ops.squeeze(x, tuple(single)),
            lambda: ops.broadcast_to(x, tuple(self.rows if n == 1 else n for n in x.shape)),
            lambda: ops.arange(x.shape[axis]),
            lambda: make(ops.Sized(self.computed[x].shape), (x,)),
            lambda: x[: self.rows - 1],
        ]
        return ways[self.rng.integers(len(ways))]()

    def slice(self) -> Node | None:
        x = self.pick(lambda x: x.ndim > 0)
        return x[self.key(x)]

    def key(self, x: Node) -> tuple:
        slices = (slice(None), slice(1, None), slice(None, None, -1), slice(None, -1),
                  slice(None, None, 2))  # fmt: skip
        # Only what is there can be picked out.
        picks = (slice(0, 1), 0, -1)
        found = []
        for n in self.computed[x].shape:
            keys = (*slices, *picks) if n else slices
            found.append(keys[self.rng.integers(len(keys))])
        return tuple(found)

    def index_array(self, size: Size) -> Node:
        """An array of valid indices into an axis of this size."""
        if isinstance(size, int) and self.chance(0.3):
            return ops.constant(self.rng.integers(-size, size, 3))
        return ops.mod(self.pick(lambda k: k.dtype == "int64" and k.ndim < 3), size)

    def gather(self) -> Node | None:
        x = self.pick(lambda x: 0 < x.ndim < 4 and 0 not in self.computed[x].shape)
        axis = int(self.rng.integers(x.ndim))
        index_array = self.index_array(x.shape[axis])
        mode = ("raise", "wrap", "clip")[self.rng.integers(3)]
        return ops.take(x, index_array, axis, mode=mode)

    def write(self) -> Node | None:
        x = self.pick(
            lambda x: 0 < x.ndim < 4 and x.type.is_float and 0 not in self.computed[x].shape
        )
        by_arrays = self.chance(0.6)
        key = self.index_array(x.shape[0]) if by_arrays else self.key(x)
        wanted = x[key]
        value = self.pick(lambda v: _is_number(v) and _fits_into(v, wanted))
        modes = ("set", "add", "max", "min")
        return getattr(x.at[key], modes[self.rng.integers(4)])(value)

    def contraction(self) -> Node | None:
        x = self.pick(lambda x: 0 < x.ndim < 3 and _is_number(x))
        y = self.pick(lambda y: 0 < y.ndim < 4 and _is_number(y))
        letters = string.ascii_lowercase[: x.ndim]
        spare = [*string.ascii_lowercase[x.ndim :]]
        second = ""
        for n in y.shape:
            same = [c for c, m in zip(letters, x.shape) if m == n and c not in second]
            second += same[0] if same and self.chance(0.8) else spare.pop(0)
        union = [*dict.fromkeys(letters + second)]
        remaining = [c for c in union if self.chance(0.5)]
        out = "".join(remaining[k] for k in self.rng.permutation(len(remaining)))
        return ops.contract(f"{letters},{second}->{out}", x, y)

    def composite(self) -> Node | None:
        kind = _COMPOSITES[self.rng.integers(len(_COMPOSITES))]
        x = self.pick(lambda x: x.ndim > 0 and x.type.is_float and 0 not in self.computed[x].shape)
        if issubclass(kind, OverAxes):
            return make(kind(self.axes(x)), (x,))
        if issubclass(kind, ArgExtreme):
            return make(kind(int(self.rng.integers(x.ndim))), (x,))
        parameters = kind.samples[0].parameters
        return make(kind(**parameters), (x,))

    def idiom(self) -> Node | None:
        """An expression that users write and rules match."""
        x = self.pick(lambda x: x.dtype == "float64")
        s = self.pick(lambda x: x.dtype == "float64" and x.ndim == 0)
        return _IDIOMS[self.rng.integers(len(_IDIOMS))](x, s)

    def rule(self) -> Node | None:
        """The left side of some rule, over nodes of the pool; or the example of one."""
        chosen = STABLE.rules[self.rng.integers(len(STABLE))]
        if chosen.lhs is None:
            return self.example(chosen)
        bound = {}
        for v in toposort([chosen.lhs]):
            if isinstance(v.op, Var):
                x = self.pick(lambda x, v=v: x.dtype == v.dtype and _broadcast(x, *bound.values()))
                if x is None:
                    return None
                bound[v.op.label] = _moved_into(x, chosen.over.get(v.op.label))
        return instantiate(chosen.lhs, bound)

    def example(self, chosen: Rule) -> Node | None:
        found = chosen.example()
        graphs = list(found) if isinstance(found, tuple) else [found]
        graph = graphs[self.rng.integers(len(graphs))]
        values = example_values([graph], int(self.rng.integers(1000)))
        self.values.update(values)
        self.computed.update(values)
        self.names = size_names_of(self.values)
        if not self.accept(graph):
            for x in values:
                del self.values[x], self.computed[x]
        return None

    def joined(self) -> Node | None:
        x = self.pick(lambda x: 0 < x.ndim < 4)
        axis = int(self.rng.integers(x.ndim))

        def beside(y: Node) -> bool:
            alike = y.dtype == x.dtype and y.ndim == x.ndim
            return alike and all(
                m == n for a, (m, n) in enumerate(zip(x.shape, y.shape)) if a != axis
            )

        y = self.pick(beside)
        if self.chance(0.3) and y.shape == x.shape:
            return ops.stack([x, y], axis)
        return ops.concatenate([x, y, x][: 2 + self.chance(0.3)], axis)

    def from_sample(self) -> Node | None:
        grown = (*_ELEMENTWISE, Reduction, View, *_COMPOSITES)  # each has a way of its own
        kinds = _kinds(Kind, () if self.chance(0.2) else grown)
        kinds = _kinds(Draw) if self.chance(0.3) else kinds
        kind = kinds[self.rng.integers(len(kinds))]
        sample = kind.samples[self.rng.integers(len(kind.samples))]
        arrays = [np.asarray(a) for a in sample.make(self.rng)]
        op = kind(**sample.parameters)
        inputs = [new_input(f"s{len(self.values) + k}", a.dtype, a.shape)
                  for k, a in enumerate(arrays)]  # fmt: skip
        node = make(op, inputs)
        for x, a in zip(inputs, arrays):
            self.values[x] = self.computed[x] = a
        accepted = [self.accept(part) for part in parts(node)]
        if not any(accepted):
            for x in inputs:
                del self.values[x], self.computed[x]
        return None


def _is_tame(value: np.ndarray) -> bool:
    if value.dtype.kind != "f" or not value.size:
        return True
    finite = np.isfinite(value)
    return bool(finite.mean() >= 0.7 and np.abs(value[finite]).max(initial=0) < LARGEST)


def _moved_into(x: Node, over: tuple[float, float] | None) -> Node:
    """x, made positive, negative or less than 1 if a rule holds only there."""
    low, high = over or (-1.0, 2.0)
    if x.dtype == "bool" or (low < 0 and high > 1):
        return x
    if high <= 0:
        return -ops.softplus(x)
    return ops.sigmoid(x) if high <= 1 else ops.softplus(x)


def _is_number(x: Node) -> bool:
    return x.dtype != "bool"


def _broadcast(*nodes: Node) -> bool:
    """Do the shapes fit for certain? (Two unknown sizes may differ in a call.)"""
    longest = max(x.ndim for x in nodes)
    for axis in range(1, longest + 1):
        sizes = [x.shape[-axis] for x in nodes if x.ndim >= axis]
        if len({n for n in sizes if n != 1}) > 1:
            return False
    return True


def _fits_into(value: Node, wanted: Node) -> bool:
    if not _broadcast(value, wanted) or value.ndim > wanted.ndim:
        return False
    return broadcast_shapes(value.shape, wanted.shape) == wanted.shape


def _kinds(base: type, without: tuple[type, ...] = ()) -> list[Any]:
    found = [c for _, c in sorted(REGISTRY.items()) if issubclass(c, base) and is_drawable(c)]
    return [c for c in found if not issubclass(c, without)]


def is_drawable(kind: type[Kind]) -> bool:
    """Whether an op may be in a random graph. Those of parts that are imported late are left out,
    so that a graph follows from its seed alone: their tests have them. So are functions of SciPy,
    which exports refuse."""
    own = kind.__module__.startswith("probtensor.ops.")
    return own and not is_scipy(getattr(kind, "c", None) or "")


def _takes_a_vector(kind: type[Kind]) -> bool:
    """Whether a tensor of any shape will do, and nothing else is needed."""
    try:
        kind(**kind.samples[0].parameters).infer(TensorType("float64", (3,)))
    except (TypeError, ValueError):
        return False
    return True


# Without those whose last two operands have the sum 1.
_ELEMENTWISE = _kinds(Elementwise, (Draw, OfBeta))
_FREQUENT = [
    ops.Add, ops.Sub, ops.Mul, ops.Div, ops.Neg, ops.Exp, ops.Log, ops.Square, ops.Sqrt, ops.Where,
    ops.Maximum, ops.Minimum, ops.Sigmoid, ops.Abs, ops.Cast, ops.Pow,
]  # fmt: skip
_IDIOMS: list[Callable[[Node, Node], Node]] = [
    lambda x, s: ops.log(1 + ops.exp(x)),
    lambda x, s: 1 / (1 + ops.exp(-x)),
    lambda x, s: ops.log(ops.sum(ops.exp(x))),
    lambda x, s: ops.exp(x) / ops.sum(ops.exp(x)),
    lambda x, s: -0.5 * ops.square((x - s) / (1 + s * s)),
    lambda x, s: ops.sum(-(x * s) / 3 - ops.log(1 + s * s)),
    lambda x, s: x * 2 * s / -4.0 + x,
    lambda x, s: (x + 1) - 1 + 0 * ops.sign(s),
    lambda x, s: ops.mean(x * s) + ops.var(x),
    lambda x, s: ops.where(x > s, x - s, s - x),
    lambda x, s: ops.sum(ops.transpose(x) * ops.broadcast_to(s, x.shape[::-1]), None),
    lambda x, s: ops.power(x, 3) - ops.power(ops.abs(x), 0.5),
    lambda x, s: ops.log(1 - ops.sigmoid(x)) * s,
    lambda x, s: x - ops.max(x) if x.ndim else x - s,
    lambda x, s: ops.reshape(ops.reshape(x, (-1,)) / (1 + s * s), x.shape),
    lambda x, s: ops.sum(x[x > s] * s) if x.ndim else x,
    lambda x, s: x.at[x > s].set(ops.square(x[x > s])) if x.ndim else s,
]
_REDUCTIONS = _kinds(Reduction)
_COMPOSITES = [c for c in _kinds(Composite) if _takes_a_vector(c)]


# Shrinking.


def shrink(graph: RandomGraph, fails: Callable[[RandomGraph], bool]) -> RandomGraph:
    """The smallest graph found for which `fails` still holds: fewer outputs, earlier nodes as
    outputs, inner nodes replaced by inputs that hold their values."""
    smaller = _smallest_prefix(graph, fails)
    while True:
        cut = _one_cut(smaller, fails)
        if cut is None:
            return smaller
        smaller = cut


def _smallest_prefix(graph: RandomGraph, fails: Callable[[RandomGraph], bool]) -> RandomGraph:
    for node in toposort(graph.outputs):
        if node.inputs:
            candidate = RandomGraph((node,), graph.values, graph.seed)
            if fails(candidate):
                return candidate
    for output in graph.outputs:
        candidate = RandomGraph((output,), graph.values, graph.seed)
        if fails(candidate):
            return candidate
    return graph


def _one_cut(graph: RandomGraph, fails: Callable[[RandomGraph], bool]) -> RandomGraph | None:
    """The graph with one inner node made an input, if it still fails; the latest one first."""
    for node in reversed(toposort(graph.outputs)):
        if not node.inputs or isinstance(node.type, tuple) or any(
            node is y for y in graph.outputs
        ):
            continue
        (value,) = evaluate_numpy([node], graph.values)
        stand_in = new_input(f"c{len(graph.values)}", node.dtype, node.shape)
        outputs = replace(graph.outputs, {node: stand_in})
        candidate = RandomGraph(tuple(outputs), {**graph.values, stand_in: value}, graph.seed)
        if len(toposort(outputs)) < len(toposort(graph.outputs)) and fails(candidate):
            return candidate
    return None
