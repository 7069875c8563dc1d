"""Ops that change the derivative but not the value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.dataclass import dataclass, replace
from probtensor.graph.closed import Closed, closed, parameter
from probtensor.graph.node import Node, TensorLike, as_tensor, make, new_input
from probtensor.ops.elementwise.elementary import cos
from probtensor.ops.kinds import Batch, Composite, Elementwise, op
from probtensor.ops.samples import Sample, reals
from probtensor.ops.size_laws import equal
from probtensor.types import SizeCheck, TensorType

CHECKPOINT = "checkpoint"  # the decorator, in messages


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
class GradScale(SameValue):
    """x; its gradient is multiplied by `factor`."""

    factor: float
    samples = (Sample(lambda rng: (rng.normal(size=(3, 4)),), {"factor": 2.5}, smooth=False),)

    def vjp(self, g, out, x):
        return (g * self.factor,)


@op
class ZeroGrad(SameValue):
    """x; its gradient is zeros, and not disconnected."""

    samples = (Sample(lambda rng: (rng.normal(size=(3, 4)),), smooth=False),)

    def vjp(self, g, out, x):
        return (ops.zeros_like(x),)


@op
class UndefinedGrad(SameValue):
    """x, through which no derivative may be taken."""

    samples = (Sample(lambda rng: (rng.normal(size=(3, 4)),), smooth=False),)
    differentiable: ClassVar[bool] = False
    no_derivative: ClassVar[str] = "its use is to have none"


@op
class ValueOf(Composite):
    """The value of `x`, with the derivatives of `like`, a tensor of the same value in theory: an
    iteration's result with the derivatives of an equation that it solves."""

    cut: ClassVar[tuple[int, ...]] = (0,)
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


def _pullback_of_sine() -> Closed:
    """(x, g) -> g cos(x), for the tests of `CustomVjp`."""
    own = [parameter(k, TensorType("float64", (3, 4))) for k in range(2)]
    return closed(own, (own[1] * cos(own[0]),))


@op
class CustomVjp(Composite):
    """The value of the first input; `pullback` gives the derivatives by the others.

    pullback  its parameters are the other inputs and a cotangent of the value, its outputs the
              gradients of those other inputs that `followed` has, by position
    what, of  the decorator and the user's function, for messages
    count     of its arguments, which are the first of the other inputs
    """

    pullback: Closed
    followed: tuple[int, ...]
    what: str = ""
    of: str = ""
    count: int = 0
    cut: ClassVar[tuple[int, ...]] = (0,)
    samples = (
        Sample(
            lambda rng: tuple(f(x) for x in [rng.normal(size=(3, 4))] for f in (np.sin, np.copy)),
            {"pullback": _pullback_of_sine(), "followed": (0,)},
            smooth=False,
        ),
    )

    def user_name(self) -> str:
        return f"{self.what or self.name} {self.of}".strip()

    @property
    def of_value(self) -> bool:
        """Whether the derivative is that of the value, computed again, not one of the user's."""
        return self.what == CHECKPOINT

    def infer(self, value: TensorType, *others: TensorType) -> TensorType:
        if len(others) != len(self.pullback.parameters) - 1:
            raise TypeError(f"takes {len(self.pullback.parameters)} inputs, not {len(others) + 1}")
        return value

    def numpy(self, value, *others):
        return np.asarray(value)

    def expand(self, value, *others):
        return value

    def vjp(self, g, out, value, *others):
        found: list[Node | None] = [None] * (1 + len(others))
        for k, gradient in zip(self.followed, self.pullback(*others, g), strict=True):
            found[1 + k] = gradient
        return found

    def batched(self, batch: Batch) -> Node:
        """A pullback of batches; the gradient of an input that all items share is summed by who
        asked for it."""
        given, items = [], {}
        for k, x in enumerate(self.pullback.parameters):
            is_cotangent = k == len(self.pullback.parameters) - 1
            if is_cotangent or batch.inputs[1 + k] is not None:
                items[x] = new_input(None, x.dtype, (batch.size, *x.shape))
                given.append(items[x])
            else:
                given.append(x)
        pulled = closed(given, batch.outputs(self.pullback.outputs, items))
        return make(replace(self, pullback=pulled), (batch.full(0), *batch.mixed()[1:]))


@op
class After(Elementwise):
    """x, computed after y is: a graph of it is not merged with the same graph of x."""

    arity, c = 2, "pt_after"
    for_users = False

    def call_text(self, operands: Sequence[str]) -> str:
        return operands[0]

    @staticmethod
    def numpy(x, y):
        return np.array(np.broadcast_arrays(x, y)[0])

    samples = reals(-3, 3, -3, 3, edges=(0.0, np.nan, np.inf, 1.0))

    def vjp(self, g, out, x, y):
        return g, None


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


@public
def grad_scale(x: TensorLike, multiplier: float) -> Node:
    """x, through which a gradient passes multiplied by a number.

    Returns a tensor of the type and value of x.
    Raises ValueError for a multiplier that is no number.

        >>> x = pt.scalar("x")
        >>> pt.grad(pt.grad_scale(x, -1.0)**2, x).eval({x: 3.0})
        array(-6.)
    """
    return make(GradScale(float(multiplier)), (as_tensor(x),))


@public
def zero_grad(x: TensorLike) -> Node:
    """x, whose gradient is zeros. Unlike with `stop_gradient`, a cost still depends on it, so that
    `grad` gives zeros without an error.

    Returns a tensor of the type and value of x.

        >>> x = pt.scalar("x")
        >>> pt.grad(pt.zero_grad(x)**2, x).eval({x: 3.0})
        array(0.)
    """
    return make(ZeroGrad(), (as_tensor(x),))


@public
def undefined_grad(x: TensorLike) -> Node:
    """x, through which no derivative may be taken: `grad` raises GraphError with this line.

    Returns a tensor of the type and value of x.

        >>> x = pt.scalar("x")
        >>> pt.undefined_grad(x).eval({x: 3.0})
        array(3.)
    """
    return make(UndefinedGrad(), (as_tensor(x),))
