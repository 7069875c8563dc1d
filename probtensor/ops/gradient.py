"""Ops that change the derivative but not the value. They expand into their argument."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.dataclass import dataclass
from probtensor.graph.node import Node, TensorLike, as_tensor, make
from probtensor.ops.kinds import Batch, Composite, op
from probtensor.ops.samples import Sample
from probtensor.ops.size_laws import equal
from probtensor.types import SizeCheck, TensorType


@dataclass(frozen=True)
class SameValue(Composite):
    """The argument itself, with another derivative; finite differences do not apply."""

    def infer(self, x: TensorType) -> TensorType:
        return x

    def numpy(self, x):
        return np.asarray(x)

    def expand(self, x):
        return x

    def batched(self, batch: Batch) -> Node:
        return make(self, batch.mixed())


@op
class StopGradient(SameValue):
    """x, taken as a constant by derivatives."""

    samples = (Sample(lambda rng: (rng.normal(size=(3, 4)),), smooth=False),)

    def vjp(self, g, out, x):
        return (None,)


@op
class GradClip(SameValue):
    """x; its gradient is clipped to `low` and `high`."""

    low: float
    high: float
    samples = (
        Sample(lambda rng: (rng.normal(size=(3, 4)),), {"low": -0.5, "high": 0.5}, smooth=False),
    )

    def vjp(self, g, out, x):
        return (ops.clip(g, self.low, self.high),)


@op
class ValueOf(Composite):
    """The value of `x`, with the derivatives of `like`, a tensor of the same value in theory: an
    iteration's result with the derivatives of an equation that it solves."""

    samples = (
        Sample(lambda rng: (rng.normal(size=(3, 4)), rng.normal(size=(3, 4))), smooth=False),
    )

    def infer(self, x: TensorType, like: TensorType) -> TensorType:
        pairs = [(n, m) for n, m in zip(x.shape, like.shape) if n != m]
        known = any(isinstance(n, int) and isinstance(m, int) for n, m in pairs)
        if x.dtype != like.dtype or x.ndim != like.ndim or known:
            raise TypeError(f"types {x} and {like} differ")
        return x

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        for n, m in zip(*(x.type.shape for x in node.inputs), strict=True):
            yield equal(n, m)

    def numpy(self, x, like):
        return np.asarray(x)

    def expand(self, x, like):
        return x

    def vjp(self, g, out, x, like):
        return (None, g)

    def batched(self, batch: Batch) -> Node:
        return make(self, (batch.full(0), batch.full(1)))


@public
def stop_gradient(x: TensorLike) -> Node:
    """x, through which no derivative passes (Theano's `disconnected_grad`).

    Returns a tensor of the type and value of x.

        >>> x = pt.scalar("x")
        >>> pt.grad(x * pt.stop_gradient(x), x).eval({x: 3.0})
        array(3.)
    """
    return make(StopGradient(), (as_tensor(x),))


def value_of(x: Node, like: Node) -> Node:
    """x, with the derivatives of `like`, which has the same type; see `ValueOf`."""
    return make(ValueOf(), (x, like))


disconnected_grad = stop_gradient


@public
def grad_clip(x: TensorLike, lower_bound: float, upper_bound: float) -> Node:
    """x, through which a gradient passes clipped to the bounds.

    Returns a tensor of the type and value of x.
    Raises ValueError for bounds that are no numbers.

        >>> x = pt.scalar("x")
        >>> pt.grad(pt.grad_clip(x, -1.0, 1.0)**2, x).eval({x: 3.0})
        array(1.)
    """
    return make(GradClip(float(lower_bound), float(upper_bound)), (as_tensor(x),))
