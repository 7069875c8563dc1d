"""The base class of all kinds, and the decorators that register ops, operators and methods."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

import numpy as np

from probtensor.dataclass import dataclass
from probtensor.graph.evaluate import RunBody
from probtensor.graph.node import METHODS, OPERATORS, GraphError, Node, Op, line_of, make
from probtensor.ops.kinds.batch import Batch

REGISTRY: dict[str, type[Op]] = {}


def op(cls: type) -> type:
    """Class decorator: makes the op a frozen dataclass and registers it; TypeError if it is
    incomplete."""
    # Making a dataclass takes 0.5 ms, so it is skipped for ops without fields.
    if any(not str(kind).startswith("ClassVar") for kind in cls.__annotations__.values()):
        cls = dataclass(frozen=True)(cls)
    if cls.name in REGISTRY:
        raise TypeError(f"two ops are called {cls.name!r}")
    missing = [part for part in cls.needs if getattr(cls, part, None) is None]
    if missing:
        raise TypeError(f"op {cls.__name__} lacks {', '.join(missing)}")
    if not cls.has_code(cls):
        raise TypeError(f"op {cls.__name__} has no c, symbol, routine, element or expand")
    REGISTRY[cls.name] = cls
    return cls


def operator(symbol: str) -> Callable[[Callable], Callable]:
    """Decorator: the function behind an operator of Node ("+", "getitem", ...)."""

    def enter(function: Callable) -> Callable:
        OPERATORS[symbol] = function
        return function

    return enter


def method(function: Callable, name: str | None = None) -> Callable:
    """Decorator: a function of a tensor that is a method of Node as well."""
    METHODS[name or function.__name__] = function
    return function


@dataclass(frozen=True)
class Range:
    """An interval of values; an open end excludes the bound (for finite arguments)."""

    low: float = -np.inf
    high: float = np.inf
    low_open: bool = False
    high_open: bool = False


REAL = Range()
POSITIVE = Range(0.0, np.inf, low_open=True)
NONNEGATIVE = Range(0.0, np.inf)
UNIT = Range(0.0, 1.0)
OPEN_UNIT = Range(0.0, 1.0, low_open=True, high_open=True)


@dataclass(frozen=True)
class Facts:
    """Properties of an op: the range of its values, monotonicity, symmetry."""

    range: Range = REAL
    increasing: bool = False
    decreasing: bool = False
    commutative: bool = False
    associative: bool = False


@dataclass(frozen=True)
class Derivatives:
    """The derivatives of graphs, which ops with bodies receive: ops do not import `transform`.

    pull_back     `pull_back(outputs, wrt, cotangents)`: for each node of `wrt` the sum over the
                  outputs of cotangent . d output / d node; None where no output depends on it
                  through floats
    push_forward  `push_forward(outputs, wrt, tangents)`: for each output the sum over `wrt` of
                  d output / d node . tangent; None where it depends on none through floats
    """

    pull_back: Callable[[Sequence[Node], Sequence[Node], Sequence[Node]], list[Node | None]]
    push_forward: Callable[[Sequence[Node], Sequence[Node], Sequence[Node]], list[Node | None]]


class Kind(Op):
    """Base class of the kinds."""

    needs: ClassVar[tuple[str, ...]] = ("numpy", "samples")
    facts: ClassVar[Facts] = Facts()
    samples: ClassVar[object] = None
    linear: ClassVar[bool] = False  # in all inputs jointly: then jvp(t) = op(t)
    differentiable: ClassVar[bool] = True
    no_derivative: ClassVar[str] = ""  # why, where floats have none
    orders: ClassVar[str] = "any order"  # of the derivatives that it has

    numpy: ClassVar[Callable[..., np.ndarray]]

    @staticmethod
    def has_code(cls: type) -> bool:
        return True

    def values(self, *operands: np.ndarray) -> np.ndarray:
        """The value of the op, where it is known when a function is made; as `numpy`, which is the
        reference."""
        return self.numpy(*operands)

    def vjp(self, g: Node, out: Node, *inputs: Node) -> Sequence[Node | None]:
        """The gradient of each input, given the cotangent `g` of the output; None for none.

        A gradient may have the broadcast shape: the driver sums it to the shape of the input.
        """
        raise NotImplementedError(f"{self.name} has no derivative")

    def pulled(
        self,
        node: Node,
        cotangents: Sequence[Node | None],
        followed: Sequence[bool],
        derivatives: Derivatives,
    ) -> Sequence[Node | None]:
        """The gradient of each input of `node`, for an op with bodies (`has_bodies`), which has
        this method in place of `vjp`.

        cotangents  one for each result; None for zeros
        followed    for each input, whether its gradient is read; the others may be None
        """
        raise NotImplementedError(f"{self.name} has no derivative")

    def pushed(
        self, node: Node, tangents: Sequence[Node | None], derivatives: Derivatives
    ) -> Sequence[Node | None]:
        """The tangent of each result of `node`, for an op with bodies, from those of its inputs;
        None for zeros."""
        raise NotImplementedError(f"{self.name} has no derivative")

    def computed(self, inputs: Sequence[np.ndarray], run: RunBody) -> tuple[np.ndarray, ...]:
        """The meaning of an op with bodies, in terms of that of its bodies; as `numpy`, which it
        gives with `evaluate_body`."""
        raise NotImplementedError(f"{self.name} has no bodies")

    def elements_inside(self, node: Node) -> Iterator[tuple[Node, Node]]:
        """(parameter of a body, the input of which it is, or of which it holds elements), for
        parameters that have no other values."""
        yield from ()

    def values_inside(self, node: Node) -> Iterator[tuple[Node, Node, Node]]:
        """(parameter of a body, its first value outside, its next value in the body), for
        parameters that have these values only."""
        yield from ()

    def limited_inside(self, inputs: Sequence[Node], condition: Node) -> Node:
        """The node of these inputs, for an op with bodies whose effects and checks are there only
        if a bool scalar is true."""
        return make(self, inputs)

    def batched(self, batch: Batch) -> Node | tuple[Node, ...]:
        """The node for a batch of which at least one input has the batch axis. For an op with
        several results also these as a tuple, each with the batch as its leading axis."""
        raise GraphError(f"vmap: {self.name} cannot be batched, at {line_of(batch.node)}")
