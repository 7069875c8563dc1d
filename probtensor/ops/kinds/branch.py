"""Branches: results of which one of several alternatives is computed.

There are two forms of one meaning. In a `Choice` the results of all alternatives are inputs, nodes
of the graph like any others: they can be differentiated with respect to, replaced, batched and
rewritten across the boundary of the branch. A `Branch` has alternatives as bodies: what it says is
that the others are not computed. Users' graphs have choices; `transform.branches` makes branches of
them, when a graph is compiled and while it is differentiated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass, field
from probtensor.graph.closed import Closed, closed
from probtensor.graph.evaluate import RunBody, evaluate_body
from probtensor.graph.node import Node, make, new_input
from probtensor.graph.parts import parts
from probtensor.graph.walk import taken
from probtensor.ops.kinds.base import Derivatives, Kind
from probtensor.ops.kinds.batch import Batch
from probtensor.ops.kinds.placeholders import limited_body
from probtensor.ops.size_laws import equal
from probtensor.types import ShapeError, Size, SizeCheck, TensorType, shape_text


def check_selector(kind: TensorType, count: int) -> None:
    """Raise unless a type is that of a selector of `count` alternatives."""
    if kind.shape or kind.dtype not in ("bool", "int64"):
        raise TypeError(f"a selector is a bool or an int64 scalar, not {kind}")
    if kind.dtype == "bool" and count > 2:
        raise TypeError(f"a bool selects one of 2 alternatives, not of {count}")


def joint_type(types: Sequence[TensorType]) -> TensorType:
    """The type of a result of which each alternative gives a value; sizes that one of them has as
    integers are these. Raises TypeError or ShapeError where the types certainly differ."""
    first = types[0]
    if any(t.dtype != first.dtype for t in types):
        kinds = " and ".join(dict.fromkeys(t.dtype for t in types))
        raise TypeError(f"the alternatives of a result are {kinds}")
    shape: list[Size] = []
    same = all(t.ndim == first.ndim for t in types)
    for sizes in zip(*(t.shape for t in types), strict=same):
        known = list(dict.fromkeys(n for n in sizes if isinstance(n, int)))
        same = same and len(known) <= 1
        shape.append(known[0] if known else sizes[0])
    if not same:
        shapes = " and ".join(dict.fromkeys(shape_text(t.shape) for t in types))
        raise ShapeError(f"the alternatives of a result have shapes {shapes}")
    return TensorType(first.dtype, tuple(shape))


def _same_shapes(types: Sequence[TensorType], joint: TensorType) -> Iterator[SizeCheck]:
    for own in types:
        for n, m in zip(own.shape, joint.shape, strict=True):
            yield equal(n, m, ": the alternatives of a result have one shape")


@dataclass(frozen=True)
class Choice(Kind):
    """One of the inputs after the first, the selector, which takes it (see `taken`). What only the
    others need is not computed. `label` is the user's name for it."""

    label: str | None = field(default=None, compare=False, repr=False)
    chooses: ClassVar[bool] = True

    def infer(self, *types: TensorType) -> TensorType:
        if len(types) < 2:
            raise TypeError("takes a selector and the alternatives")
        check_selector(types[0], len(types) - 1)
        return joint_type(types[1:])

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        yield from _same_shapes([x.type for x in node.inputs[1:]], node.type)

    def numpy(self, selector: np.ndarray, *values: np.ndarray) -> np.ndarray:
        return values[taken(selector, len(values))]

    def vjp(self, g: Node, out: Node, selector: Node, *values: Node) -> list[Node | None]:
        """The cotangent for the alternative that is taken, masked as that of `where`."""
        zero = ops.zeros_like(g)
        places = range(len(values))
        return [None, *(chosen(selector, [g if j == k else zero for j in places]) for k in places)]

    def pushed(
        self, node: Node, tangents: Sequence[Node | None], derivatives: Derivatives
    ) -> list[Node | None]:
        """The same choice of tangents."""
        found = _with_zeros(tangents[1:])
        return [None if found is None else self(node.inputs[0], *found)]

    def batched(self, batch: Batch) -> Node:
        """With a selector that all items share, the same choice of batches. With one for each item,
        all alternatives are computed, and `where` selects from them."""
        values = [batch.full(k) for k in range(1, len(batch.node.inputs))]
        if batch.first is None:
            return self(batch.node.inputs[0], *values)
        return chosen(batch.first, values)


def chosen(selector: Node, values: Sequence[Node]) -> Node:
    """The one of several tensors that the selector takes, element by element; its axes are the
    leading axes of the tensors."""
    axes = tuple(range(selector.ndim, values[0].ndim))
    selector = ops.expand_dims(selector, axes) if axes else selector
    if selector.dtype == "bool":
        return ops.where(selector, *values)
    found = values[-1]
    for k in reversed(range(len(values) - 1)):
        found = ops.where(selector <= k, values[k], found)
    return found


@dataclass(frozen=True)
class Branch(Kind):
    """The results of one of several bodies, which the selector takes (see `taken`); no other body
    is run.

    Inputs: the selector, then the parameters of all bodies. All bodies have the same parameters,
    of which each reads those that it needs.
    """

    bodies: tuple[Closed, ...]
    has_bodies: ClassVar[bool] = True

    def text(self) -> str:
        """The name alone: bodies have no short text."""
        return self.name

    def arguments(self, inputs: Sequence[Node]) -> list[tuple[Closed, dict[Node, Node]]]:
        """The bodies, each with the input that a parameter is."""
        return [(b, dict(zip(b.parameters, inputs[1:], strict=True))) for b in self.bodies]

    def results(self) -> list[tuple[Node, ...]]:
        """For each result, its value in each body."""
        return list(zip(*(body.outputs for body in self.bodies), strict=True))

    def infer(self, *types: TensorType) -> tuple[TensorType, ...]:
        check_selector(types[0], len(self.bodies))
        for body in self.bodies:
            if len(body.parameters) != len(types) - 1:
                raise TypeError(f"takes {len(body.parameters)} inputs beside the selector")
            for given, own in zip(types[1:], body.parameters, strict=True):
                _check_fits(given, own.type)
        return tuple(joint_type([x.type for x in values]) for values in self.results())

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        for values, joint in zip(self.results(), node.type, strict=True):
            yield from _same_shapes([x.type for x in values], joint)
        for x, own in zip(node.inputs[1:], self.bodies[0].parameters, strict=True):
            for n, m in zip(x.type.shape, own.type.shape, strict=True):
                yield equal(n, m, ": a value and what a branch was made for")

    def numpy(self, selector: np.ndarray, *values: np.ndarray) -> tuple[np.ndarray, ...]:
        """The results of the body that is taken."""
        return self.computed((selector, *values), evaluate_body)

    def computed(self, inputs: Sequence[np.ndarray], run: RunBody) -> tuple[np.ndarray, ...]:
        selector, *values = inputs
        return tuple(run(self.bodies[taken(selector, len(self.bodies))], values))

    def elements_inside(self, node: Node) -> Iterator[tuple[Node, Node]]:
        for body in self.bodies:
            yield from zip(body.parameters, node.inputs[1:], strict=True)

    # Derivatives.

    def pulled(
        self,
        node: Node,
        cotangents: Sequence[Node | None],
        followed: Sequence[bool],
        derivatives: Derivatives,
    ) -> list[Node | None]:
        """A branch with the same selector, each body of which computes what it needs of the
        results again."""
        selector, *outside = node.inputs
        given = [k for k, g in enumerate(cotangents) if g is not None]
        wrt = [k for k, x in enumerate(outside) if followed[k + 1] and x.type.is_float]
        weights = [_stand_in("cotangent", cotangents[k]) for k in given]
        own = [*self.bodies[0].parameters, *weights]

        def pull(body: Closed) -> list[Node | None]:
            return derivatives.pull_back(
                [body.outputs[k] for k in given], [body.parameters[k] for k in wrt], weights
            )

        found = self._mapped(pull, own, selector, [*outside, *(cotangents[k] for k in given)])
        gradients: list[Node | None] = [None] * len(node.inputs)
        for k, g in zip(wrt, found, strict=True):
            gradients[k + 1] = g
        return gradients

    def pushed(
        self, node: Node, tangents: Sequence[Node | None], derivatives: Derivatives
    ) -> list[Node | None]:
        """A branch with the same selector, each body of which pushes the tangents forward."""
        selector, *outside = node.inputs
        wrt = [k for k, t in enumerate(tangents[1:]) if t is not None]
        along = [_stand_in("tangent", tangents[k + 1]) for k in wrt]
        own = [*self.bodies[0].parameters, *along]

        def push(body: Closed) -> list[Node | None]:
            moving = [body.parameters[k] for k in wrt]
            return derivatives.push_forward(body.outputs, moving, along)

        return self._mapped(push, own, selector, [*outside, *(tangents[k + 1] for k in wrt)])

    def _mapped(
        self,
        change: Callable[[Closed], list[Node | None]],
        own: Sequence[Node],
        selector: Node,
        outside: Sequence[Node],
    ) -> list[Node | None]:
        """What `change` gives for each body, a graph over the inputs `own`, as results of one
        branch; zeros where it gives None for some bodies, and None where it does for all."""
        rows = [change(body) for body in self.bodies]
        columns = [_with_zeros(values) for values in zip(*rows, strict=True)]
        kept = [column for column in columns if column is not None]
        if not kept:
            return [None] * len(columns)
        bodies = tuple(closed(own, row) for row in zip(*kept, strict=True))
        results = iter(parts(make(type(self)(bodies), (selector, *outside))))
        return [None if column is None else next(results) for column in columns]

    def limited_inside(self, inputs: Sequence[Node], condition: Node) -> Node:
        return make(type(self)(tuple(map(limited_body, self.bodies))), (*inputs, condition))

    # Batches.

    def batched(self, batch: Batch) -> Node:
        """The results of the batched choices, as those of a branch with one body."""
        given = {x: b for x, b in zip(batch.node.inputs, batch.inputs) if b is not None}
        found = batch.outputs(opened(batch.node), given)
        return type(self)((closed(found, found),))(0, *found)


def _check_fits(given: TensorType, own: TensorType) -> None:
    """Raise unless a value of one type may be a parameter of another."""
    known = [(n, m) for n, m in zip(given.shape, own.shape)
             if isinstance(n, int) and isinstance(m, int)]  # fmt: skip
    if given.dtype != own.dtype or given.ndim != own.ndim or any(n != m for n, m in known):
        raise TypeError(f"a body is made for {own}, not for {given}")


def _stand_in(name: str, like: Node) -> Node:
    return new_input(name, like.dtype, like.shape)


def _with_zeros(values: Sequence[Node | None]) -> list[Node] | None:
    """Values with zeros in place of None; None if all are None."""
    like = next((x for x in values if x is not None), None)
    if like is None:
        return None
    return [ops.zeros(like.shape, like.dtype) if x is None else x for x in values]


def opened(branch: Node) -> list[Node]:
    """The results of a branch as choices."""
    selector, *outside = branch.inputs
    alternatives = [body(*outside) for body in branch.op.bodies]
    return [ops.IfElse()(selector, *values) for values in zip(*alternatives, strict=True)]
