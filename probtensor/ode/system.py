"""A differential equation as a graph: the slopes of a state, traced once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.dataclass import replace as replace_fields
from probtensor.graph.node import GraphError, Node, as_tensor, line_of, new_input
from probtensor.graph.symbolic import refusal
from probtensor.graph.walk import replace
from probtensor.ops.loops.trace import is_weak
from probtensor.ops.loops.trees import Tree, filled, leaves, structure
from probtensor.process import computed_once
from probtensor.rules.derivatives import stabilized
from probtensor.transform.autodiff import push_forward
from probtensor.transform.facts import constant_of
from probtensor.transform.jacobians import stacked_jacobian
from probtensor.types import promote

MAX_SCALARS = 16  # a state of fewer elements is scalars: they stay in registers


@dataclass(frozen=True)
class State:
    """The state of an equation: a structure of tensors, as a list of parts.

    tree    the structure
    first   the initial tensors, of one float dtype
    counts  for each of them the number of parts, one for each element; None: it is one part
    """

    tree: Tree
    first: tuple[Node, ...]
    counts: tuple[int | None, ...]

    @classmethod
    def of(cls, y0: Tree) -> State:
        """The state that begins with y0: tensors of few elements have a part for each of them. A
        list of numbers is a vector."""
        tree = as_tensor(y0) if is_weak(y0) else y0
        given = [as_tensor(y) for y in leaves(tree)]
        if not given:
            raise refusal("ode.solve: y0 has no tensors", "it is the state at the first time",
                          kind=GraphError)  # fmt: skip
        floats = [y.dtype for y in given if y.type.is_float] or ["float64"]
        first = tuple(ops.astype(y, promote(*floats)) for y in given)
        return cls(tree, first, tuple(map(_scalars_in, first)))

    @property
    def dtype(self) -> str:
        """The dtype of all parts."""
        return self.first[0].dtype

    def parts(self, tensors: Sequence[Node]) -> list[Node]:
        """The parts of tensors of the types of the state."""
        found = []
        for y, count in zip(tensors, self.counts, strict=True):
            if count is None:
                found.append(y)
                continue
            flat = ops.reshape(y, (count,)) if y.ndim > 1 else y
            found.extend(flat[k] for k in range(count))
        return found

    def whole(self, parts: Sequence[Node], batch: int = 0) -> Tree:
        """The structure of parts that have `batch` further leading axes."""
        left, found = list(parts), []
        for y, count in zip(self.first, self.counts):
            if count is None:
                found.append(left.pop(0))
                continue
            flat = ops.stack(left[:count], axis=batch)
            left = left[count:]
            found.append(ops.reshape(flat, (*flat.shape[:batch], *y.shape)) if y.ndim > 1 else flat)
        return filled(self.tree, found)


def _scalars_in(y: Node) -> int | None:
    """The number of scalars that a tensor is split into; None if it is not."""
    count = y.size
    return count if y.ndim and isinstance(count, int) and 0 < count <= MAX_SCALARS else None


@dataclass(frozen=True)
class System:
    """dy/dt = f(t, y): the slopes of the parts of y, as a graph of inputs t and y."""

    time: Node
    parts: tuple[Node, ...]
    slopes: tuple[Node, ...]

    def __call__(self, t: Node, y: Sequence[Node]) -> list[Node]:
        """The slopes at other values of t and y."""
        return replace(self.slopes, self._values(t, y))

    def derivatives(
        self, t: Node, y: Sequence[Node]
    ) -> tuple[list[Node | None], list[list[Node | None]]]:
        """(df/dt, df/dy) of the parts at other values of t and y: for each slope its derivative by
        t, and those by the parts of y, with the axes of the slope first; None for zeros."""
        rate, *columns = zip(*self._jacobian)
        flat = [x for x in (*rate, *(x for column in columns for x in column)) if x is not None]
        known = dict(zip(flat, replace(flat, self._values(t, y))))
        rows = zip(*columns, strict=True)
        return [known.get(x) for x in rate], [[known.get(x) for x in row] for row in rows]

    @computed_once
    def _jacobian(self) -> list[list[Node | None]]:
        """For each slope the derivatives by t and by the parts of y."""
        return [[_derivative(x, z) for z in (self.time, *self.parts)] for x in self.slopes]

    def _values(self, t: Node, y: Sequence[Node]) -> dict[Node, Node]:
        return dict(zip((self.time, *self.parts), (t, *y), strict=True))


def _derivative(x: Node, z: Node) -> Node | None:
    """dx/dz, with the axes of x first; None if it is zero."""
    found = push_forward(x, z, ops.ones_like(z)) if not z.ndim else stacked_jacobian(x, z)
    return None if constant_of(found) == 0 else found


def traced(fun: Callable[..., Tree], y0: Tree, args: Sequence[object]) -> tuple[System, State]:
    """The system that `fun(t, y, *args)` describes, and its initial state."""
    state = State.of(y0)
    time = new_input("t", state.dtype, ())
    wholes = [new_input(y.name, y.dtype, y.shape) for y in state.first]
    slopes = _slopes(fun(time, filled(state.tree, wholes), *args), state)
    # Elements of a slope whose size only a call can tell are not computed one by one.
    same = [x.shape == y.shape for x, y in zip(slopes, state.first)]
    counts = (n if s else None for n, s in zip(state.counts, same))
    state = replace_fields(state, counts=tuple(counts))
    parts = [new_input(x.name, x.dtype, x.shape) for x in state.parts(state.first)]
    slopes = replace(slopes, dict(zip(wholes, leaves(state.whole(parts)))))
    return System(time, tuple(parts), tuple(stabilized(state.parts(slopes), [time, *parts]))), state


def _slopes(found: Tree, state: State) -> list[Node]:
    """What a function gave, as a slope for each tensor of the state; GraphError if it is none."""
    if structure(found) != structure(state.tree):
        found = _as_vector(found, state)
    slopes = [as_tensor(x) for x in leaves(found)]
    for x, y in zip(slopes, state.first, strict=True):
        pairs = [(n, m) for n, m in zip(x.shape, y.shape) if n != m]
        differ = any(isinstance(n, int) and isinstance(m, int) for n, m in pairs)
        if x.ndim != y.ndim or x.dtype == "bool" or differ:
            raise GraphError(
                f"ode.solve: fun gives a slope of type {x.type} for a state of type {y.type}\n"
                f"  at {line_of(x)}\n  fun(t, y) returns dy/dt, in the shape of y"
            )
    return [ops.astype(x, state.dtype) for x in slopes]


def _as_vector(found: Tree, state: State) -> Tree:
    """A list of scalars as the slope of a vector, as SciPy takes it; GraphError for others."""
    if len(state.first) == 1 and isinstance(found, (list, tuple)) and state.first[0].ndim == 1:
        return filled(state.tree, [ops.stack(found)])
    raise refusal(
        f"ode.solve: fun gives {structure(found)}, but y is {structure(state.tree)}",
        "fun(t, y) returns the slope of y, in the structure of y",
        kind=GraphError,
    )
