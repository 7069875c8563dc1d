"""Derivatives of what solves an equation, by the implicit function theorem."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from probtensor import ops
from probtensor.graph.closed import Closed, closed, parameter
from probtensor.graph.node import Node, make, new_input
from probtensor.graph.walk import replace
from probtensor.ops.kinds import Batch, Composite, Derivatives, op
from probtensor.ops.loops.trace import body_of
from probtensor.ops.samples import Sample
from probtensor.transform.batch import vmap_nodes
from probtensor.types import TensorType


def _sample(*shapes: tuple[int, ...], axes: int) -> Sample:
    """The solution of x + a - tanh(x) = 0 for the tests of the op."""
    own = [parameter(k, TensorType("float64", shape)) for k, shape in enumerate(shapes)]
    x, a = own

    def draws(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        return tuple(rng.normal(size=shape) for shape in shapes)

    return Sample(draws, {"body": closed(own, (x + a - ops.tanh(x),)), "axes": axes}, smooth=False)


@op
class Implicit(Composite):
    """x, with the derivatives of the solution of body(x, ...) = 0, which it is.

    Inputs: x, then what else the body reads. The body has one result, of the type of x. Its
    elements are equations that depend on elements of x with the same indices along all axes but the
    last `axes`.

    Source of the derivative: Griewank and Walther (2008), "Evaluating Derivatives", 15.1.
    """

    body: Closed
    axes: int
    has_bodies: ClassVar[bool] = True
    samples = (_sample((3,), (3,), axes=0), _sample((2, 3), (3,), axes=1))

    def infer(self, *types: TensorType) -> TensorType:
        parameters = [x.type for x in self.body.parameters]
        if len(types) != len(parameters):
            raise TypeError(f"takes {len(parameters)} inputs, not {len(types)}")
        return types[0]

    def arguments(self, inputs: Sequence[Node]) -> list[tuple[Closed, dict[Node, Node]]]:
        """The body, with the input that each parameter is."""
        return [(self.body, dict(zip(self.body.parameters, inputs)))]

    def text(self) -> str:
        """The name alone: the body has no short text."""
        return self.name

    def numpy(self, x, *others):
        return np.asarray(x)

    def expand(self, x, *others):
        return x

    def pulled(
        self,
        node: Node,
        cotangents: Sequence[Node | None],
        followed: Sequence[bool],
        derivatives: Derivatives,
    ) -> list[Node | None]:
        (residual,), x, *others = self.body.outputs, *self.body.parameters
        weight = new_input("weight", residual.dtype, residual.shape)
        wrt = [p for p, f in zip(others, followed[1:], strict=True) if f]
        found = dict(zip(wrt, derivatives.pull_back([residual], wrt, [weight])))
        by_x = derivatives.pull_back([residual], [x], [weight])[0]
        at = self._at(node)
        solved = -self._solution(by_x, weight, at, cotangents[0], transposed=True)
        kept = {p: g for p, g in found.items() if g is not None}
        graphs = dict(zip(kept, replace(list(kept.values()), {**at, weight: solved})))
        return [None, *(graphs.get(p) for p in others)]

    def pushed(
        self, node: Node, tangents: Sequence[Node | None], derivatives: Derivatives
    ) -> list[Node | None]:
        (residual,), x, *others = self.body.outputs, *self.body.parameters
        pairs = [(p, t) for p, t in zip(others, tangents[1:], strict=True) if t is not None]
        along = [new_input("tangent", t.dtype, t.shape) for _, t in pairs]
        change = derivatives.push_forward([residual], [p for p, _ in pairs], along)[0]
        if change is None:
            return [None]
        weight = new_input("weight", residual.dtype, residual.shape)
        by_x = derivatives.pull_back([residual], [x], [weight])[0]
        at = self._at(node)
        change = replace([change], {**at, **dict(zip(along, (t for _, t in pairs)))})[0]
        return [-self._solution(by_x, weight, at, change, transposed=False)]

    def _at(self, node: Node) -> dict[Node, Node]:
        """The values of the parameters: x is the solution itself, whose derivatives are known."""
        return dict(zip(self.body.parameters, (node, *node.inputs[1:])))

    def _solution(
        self, by_x: Node | None, weight: Node, at: dict[Node, Node], right: Node, transposed: bool
    ) -> Node:
        """The solution of a linear system of the derivative of the equations by x, given the
        product of `weight` with that derivative."""
        if by_x is None:
            by_x = ops.zeros_like(weight)
        if not self.axes:
            return right / replace([by_x], {**at, weight: ops.ones_like(weight)})[0]
        first = weight.ndim - self.axes
        core = ops.zeros(weight.shape[first:], weight.dtype)
        count = core.size
        basis = ops.reshape(ops.eye(count, dtype=weight.dtype), (count, *core.shape))
        basis = ops.expand_dims(basis, tuple(range(1, 1 + first)))
        batch = ops.broadcast_to(basis, (count, *weight.shape))
        product = replace([by_x], at)[0]
        rows = vmap_nodes([product], {weight: batch})[0]
        flat = ops.reshape(rows, (*rows.shape[: 1 + first], count))
        matrix = ops.moveaxis(flat, 0, -2)
        column = ops.reshape(right, (*right.shape[:first], count, 1))
        found = ops.Solve(transposed)(matrix, column)
        return ops.reshape(found, right.shape)

    def batched(self, batch: Batch) -> Node:
        own = [
            x if k and b is None else new_input(x.name, x.dtype, (batch.size, *x.shape))
            for k, (x, b) in enumerate(zip(self.body.parameters, batch.inputs))
        ]
        pairs = zip(self.body.parameters, own)
        outputs = batch.outputs(self.body.outputs, {x: b for x, b in pairs if x is not b})
        inputs = (batch.full(0), *batch.mixed()[1:])
        return make(Implicit(closed(own, tuple(outputs)), self.axes), inputs)


def solution_of(x: Node, value: Node, residual: Node, axes: int) -> Node:
    """`value` with the derivatives of the solution of residual = 0, a graph of the input `x`; see
    `Implicit`."""
    body, outside = body_of([x], [residual])
    return make(Implicit(body, axes), (ops.stop_gradient(value), *outside))
