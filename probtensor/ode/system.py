"""A differential equation as a graph: the slopes of a state, traced once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from probtensor import ops
from probtensor.graph.node import GraphError, Node, as_tensor, line_of, new_input
from probtensor.graph.symbolic import refusal
from probtensor.graph.walk import replace
from probtensor.ops.loops.trace import is_weak
from probtensor.ops.loops.trees import Tree, filled, leaves, structure
from probtensor.rules.derivatives import stabilized
from probtensor.transform.autodiff import push_forward, stacked_jacobian
from probtensor.transform.facts import constant_of
from probtensor.types import promote

MAX_SCALARS = 16  # a state of fewer elements is scalars: they stay in registers


class State:
    """The state of an equation: a structure of tensors, as a list of parts.

    A tensor of a few elements has a part for each of them, a larger one is one part. A list of
    numbers is a vector.
    """

    def __init__(self, y0: Tree) -> None:
        y0 = as_tensor(y0) if is_weak(y0) else y0
        self.tree = y0
        given = [as_tensor(y) for y in leaves(y0)]
        if not given:
            raise refusal("ode.solve: y0 has no tensors", "it is the state at the first time",
                          kind=GraphError)  # fmt: skip
        self.dtype = promote("float64" if all(not y.type.is_float for y in given) else "float32",
                             *(y.dtype for y in given))  # fmt: skip
        self.first = [ops.astype(y, self.dtype) for y in given]
        self.names = [y.name for y in given]
        self.sizes = [self._count(y) for y in self.first]

    def _count(self, y: Node) -> int | None:
        """The number of scalars that a tensor is; None for one part."""
        count = 1
        for n in y.shape:
            if not isinstance(n, int):
                return None
            count *= n
        return count if y.ndim and 0 < count <= MAX_SCALARS else None

    def parts(self, tensors: Sequence[Node]) -> list[Node]:
        """The parts of tensors of the types of the state."""
        found = []
        for y, count in zip(tensors, self.sizes, strict=True):
            if count is None:
                found.append(y)
                continue
            flat = ops.reshape(y, (count,)) if y.ndim > 1 else y
            found.extend(flat[k] for k in range(count))
        return found

    def whole(self, parts: Sequence[Node], batch: int = 0) -> Tree:
        """The structure of parts that have `batch` further leading axes."""
        left, found = list(parts), []
        for y, count in zip(self.first, self.sizes):
            if count is None:
                found.append(left.pop(0))
                continue
            flat = ops.stack(left[:count], axis=batch)
            left = left[count:]
            found.append(ops.reshape(flat, (*flat.shape[:batch], *y.shape)) if y.ndim > 1 else flat)
        return filled(self.tree, found)


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

    @cached_property
    def _jacobian(self) -> list[list[Node | None]]:
        """For each slope the derivatives by t and by the parts of y."""
        return [[_derivative(x, z) for z in (self.time, *self.parts)] for x in self.slopes]

    def _values(self, t: Node, y: Sequence[Node]) -> dict[Node, Node]:
        return dict(zip((self.time, *self.parts), (t, *y), strict=True))


def _derivative(x: Node, z: Node) -> Node | None:
    """dx/dz, with the axes of x first; None if it is zero."""
    found = push_forward(x, z, ops.ones_like(z)) if not z.ndim else stacked_jacobian(x, z)
    return None if constant_of(found) == 0 else found


def traced(fun: Callable[..., Tree], state: State, args: Sequence[object]) -> System:
    """The system that `fun(t, y, *args)` describes."""
    time = new_input("t", state.dtype, ())
    parts = [new_input(x.name, x.dtype, x.shape) for x in state.parts(state.first)]
    found = fun(time, state.whole(parts), *args)
    if structure(found) != structure(state.tree):
        found = as_structure(found, state)
    slopes = []
    for y, x in zip(state.first, leaves(found), strict=True):
        x = as_tensor(x)
        if x.ndim != y.ndim or x.dtype == "bool":
            raise _wrong_slope(x, y)
        known = [(n, m) for n, m in zip(x.shape, y.shape) if n != m]
        if any(isinstance(n, int) and isinstance(m, int) for n, m in known):
            raise _wrong_slope(x, y)
        slopes.append(ops.astype(x, state.dtype))
    return System(time, tuple(parts), tuple(stabilized(state.parts(slopes), [time, *parts])))


def as_structure(found: Tree, state: State) -> Tree:
    """A list of scalars as the slope of a vector, as SciPy takes it; GraphError for others."""
    if len(state.first) == 1 and isinstance(found, (list, tuple)) and state.first[0].ndim == 1:
        return filled(state.tree, [ops.stack(found)])
    raise refusal(
        f"ode.solve: fun gives {structure(found)}, but y is {structure(state.tree)}",
        "fun(t, y) returns the slope of y, in the structure of y",
        kind=GraphError,
    )


def _wrong_slope(x: Node, y: Node) -> GraphError:
    return GraphError(
        f"ode.solve: fun gives a slope of type {x.type} for a state of type {y.type}\n"
        f"  at {line_of(x)}\n  fun(t, y) returns dy/dt, in the shape of y"
    )
