"""The interface of bijectors, the identity, and chains of bijectors."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from probtensor import ops
from probtensor.calls import line_text
from probtensor.dataclass import dataclass
from probtensor.graph import GraphError, Node, replace
from probtensor.graph.node import new_input
from probtensor.prob.distributions.support import Support
from probtensor.transform.autodiff import gradient
from probtensor.types import size_product


class Bijector(ABC):
    """A map from unconstrained numbers onto a set of values: the base of all, also of your own.

    A subclass defines `forward(u)` and `inverse(x)`, both graphs of tensors with any leading axes.
    `log_jacobian(u)`, the logarithm of |dx/du| with one number a point, is derived for maps of
    single numbers; maps of vectors or matrices set `event_ndim`, the number of axes of a point, and
    define it, and `unconstrained_shape(shape)` where the shape of u is not that of the value.
    Attributes may be tensors that depend on other variables of a model.

    `pt.condition(..., transforms={variable: bijector})` samples a variable by it. The map must be
    onto the support of the variable; where its value lies outside, the density is zero.

        >>> class Sinh(pt.bijectors.Bijector):
        ...     def forward(self, u):
        ...         return pt.sinh(u)
        ...     def inverse(self, x):
        ...         return pt.arcsinh(x)
        >>> x = pt.random.cauchy(0, 1, name="x")
        >>> y = pt.random.normal(x, 1.0, name="y")
        >>> pt.condition({y: 1.0}, transforms={x: Sinh()}).constrain([1.0])["x"].round(3)
        np.float64(1.175)
    """

    event_ndim: ClassVar[int] = 0
    # The values have fewer dimensions than numbers, though there are as many unconstrained ones.
    on_surface: ClassVar[bool] = False

    def unconstrained_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        """The shape of `u` for a value of the given shape."""
        return tuple(shape)

    @abstractmethod
    def forward(self, u: Node) -> Node:
        """The value for an unconstrained point."""

    @abstractmethod
    def inverse(self, x: Node) -> Node:
        """The unconstrained point of a value."""

    def log_jacobian(self, u: Node) -> Node | None:
        """log |dx/du|, one number a point; None where it is 0 everywhere. Of maps of single numbers
        it is the logarithm of the derivative."""
        if self.event_ndim:
            raise GraphError(
                f"{type(self).__name__} maps arrays of {self.event_ndim} axes and has no "
                f"log_jacobian\n  at {line_text()}\n  define log_jacobian(u), the logarithm of "
                "|dx/du|; it is derived for maps of single numbers (event_ndim = 0) alone"
            )
        own = new_input("u", u.dtype, u.shape)
        slope = gradient(ops.sum(self.forward(own)), [own], disconnected_inputs="ignore")
        return replace([ops.log(ops.abs(slope[0]))], {own: u})[0]


@dataclass(frozen=True, eq=False)
class Identity(Bijector):
    """x = u.

    >>> pt.bijectors.Identity().forward(pt.as_tensor(2.0)).eval()
    array(2.)
    """

    def forward(self, u):
        return u

    def inverse(self, x):
        return x

    def log_jacobian(self, u):
        return None


class Chain(Bijector):
    """Several maps, one after the other: the first one takes the unconstrained point. One onto
    values of fewer dimensions than numbers, such as `ZeroSum` or `LogRatio`, is the last one, or
    only rearranged after.

    >>> chain = pt.bijectors.Chain(pt.bijectors.Exp(), pt.bijectors.Affine(1.0, 2.0))
    >>> chain.forward(pt.as_tensor(0.0)).eval()
    array(3.)
    """

    def __init__(self, *parts: Bijector) -> None:
        for part in parts:
            check_bijector("Chain", part)
        self.parts = parts

    def __repr__(self) -> str:
        return f"Chain({', '.join(map(repr, self.parts))})"

    def unconstrained_shape(self, shape):
        for part in self.parts[::-1]:
            shape = part.unconstrained_shape(shape)
        return tuple(shape)

    def forward(self, u):
        for part in self.parts:
            u = part.forward(u)
        return u

    def inverse(self, x):
        for part in self.parts[::-1]:
            x = part.inverse(x)
        return x

    def log_jacobian(self, u):
        found = []  # of each part, with the number of axes of its points
        flat = None
        for part in self.parts:
            slope, before = part.log_jacobian(u), u
            u = part.forward(u)
            if flat is not None and slope is not None:
                raise _after_a_surface(part, flat)
            if part.on_surface or _has_more_numbers(u, before):
                flat = part
            leading = u.ndim - part.event_ndim
            if slope is not None:
                slope = ops.broadcast_to(slope, u.shape[:leading])
            found.append((slope, leading))
        fewest = min((leading for _, leading in found), default=0)
        total = None
        for slope, leading in found:
            if slope is not None:
                part = ops.sum(slope, axis=tuple(range(fewest, leading)))
                total = part if total is None else total + part
        return total


def _has_more_numbers(x: Node, u: Node) -> bool:
    sizes = size_product(x.shape), size_product(u.shape)
    if all(isinstance(n, int) for n in sizes):
        return sizes[0] > sizes[1]
    return x.shape != u.shape and x.ndim >= u.ndim


def _after_a_surface(part: Bijector, flat: Bijector) -> GraphError:
    """The error of a part that stretches the values of one whose values are of fewer dimensions."""
    names = type(part).__name__, type(flat).__name__
    return GraphError(
        f"Chain: the volumes by {names[0]} after {names[1]} are not known: the values of {names[1]}"
        f" have fewer dimensions than numbers\n  at {line_text()}\n  put {names[0]} before it, "
        "where that is the same map, or define a Bijector of your own"
    )


def check_bijector(what: str, value: object) -> None:
    """GraphError for what is no bijector, such as its class."""
    if isinstance(value, Bijector):
        return
    is_class = isinstance(value, type) and issubclass(value, Bijector)
    way = f"make one: {value.__name__}(...)" if is_class else "see pt.bijectors"
    raise GraphError(f"{what}: {value!r:.60} is no bijector\n  at {line_text()}\n  {way}")


# Bijectors and supports hold nodes, in their attributes or in what these hold.


def nodes_in(value: object) -> Iterator[Node]:
    """The nodes that a bijector or a support holds."""
    if isinstance(value, Node):
        yield value
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from nodes_in(part)
    elif isinstance(value, (Bijector, Support)):
        for part in vars(value).values():
            yield from nodes_in(part)


def with_nodes(value: object, replacements: Mapping[Node, Node]) -> object:
    """A bijector or a support with other nodes in place of those that it is made of."""
    if isinstance(value, Node):
        return replace([value], replacements)[0]
    if isinstance(value, (tuple, list)):
        return type(value)(with_nodes(part, replacements) for part in value)
    if not isinstance(value, (Bijector, Support)) or next(nodes_in(value), None) is None:
        return value
    found = copy.copy(value)
    for name, part in vars(value).items():
        object.__setattr__(found, name, with_nodes(part, replacements))
    return found
