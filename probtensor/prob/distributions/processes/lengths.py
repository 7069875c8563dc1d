"""Lengths and axes of series: what all distributions of them share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from probtensor import ops
from probtensor.calls import line_text
from probtensor.dataclass import dataclass
from probtensor.graph import GraphError, Node
from probtensor.ops.arrays.views import size_tuple
from probtensor.prob.distributions.base import named_axes
from probtensor.prob.distributions.processes.held import Holder
from probtensor.prob.distributions.support import Support
from probtensor.types import Dim, Shape, Size, SizeCheck, TensorType, shape_text


@dataclass(frozen=True)
class Series(Holder):
    """The base of series: values along time, of which the first `lead` ones are given.

    Time is the axis before the `inner` axes of one value, and after those of the batch.
    """

    length: Size

    inner: ClassVar[int] = 0

    @property
    def lead(self) -> int:
        return 1

    def inner_shape(self, *types: TensorType) -> tuple:
        """The shape of the value at one time: by default that of the first parameter."""
        return types[0].shape[types[0].ndim - self.inner :] if self.inner else ()

    def event_names(self) -> str:
        return "t" + "n" * self.inner

    def event_shape(self, *types: TensorType) -> tuple:
        return (self.length, *self.inner_shape(*types))

    def size_laws(self, name: str, shape: Shape) -> Iterable[SizeCheck]:
        text = (f"{name} has shape ", shape, f", which does not hold {values_text(self.lead)}")
        yield SizeCheck(self.lead, "<=", self.length, text)

    def joined(self, *parts: Node) -> Node:
        """Parts of a value one after the other."""
        return ops.concatenate(list(parts), axis=-1 - self.inner)

    def batch_of(self, shape: Sequence[Size]) -> tuple:
        """The batch shape of a value."""
        return tuple(shape[: len(shape) - 1 - self.inner])


def over_time(parameters: Sequence[Node], domains: Mapping[str, Support]) -> tuple[Node, ...]:
    """Parameters with an axis of time after those of the batch; what has no batch broadcasts."""
    found = []
    for x, domain in zip(parameters, domains.values(), strict=True):
        axes = x.ndim - domain.event_ndim
        place = (slice(None),) * axes + (None,)
        found.append(x[place] if axes else x)
    return tuple(found)


def length_of(
    what: str,
    lead: int,
    inner: int,
    steps: object,
    shape: Size | Sequence[Size] | None,
    dims: str | Sequence[str] | None,
) -> Size:
    """The length of a series with `lead` first values: from its number of steps, its shape or its
    dims. GraphError where these do not agree or give none."""
    found: Size | None = None
    if steps is not None:
        (count,) = size_tuple((steps,))
        if not isinstance(count, Dim) and count < 0:
            raise GraphError(f"{what}: steps={steps!r} is below 0\n  at {line_text()}")
        found = count + lead
    if shape is not None:
        whole = size_tuple(tuple(shape) if isinstance(shape, (tuple, list)) else (shape,))
        if len(whole) <= inner:
            raise GraphError(
                f"{what}: shape={shape_text(whole)} has no axis of time\n  at {line_text()}"
            )
        own = whole[len(whole) - 1 - inner]
        if found is not None and found != own:
            raise GraphError(
                f"{what}: steps={steps!r} and {values_text(lead)} do not make "
                f"shape={shape_text(whole)}\n  at {line_text()}\n  give one of these two"
            )
        found = own
    names = named_axes(what, dims)
    if found is None and names is not None and len(names) > inner:
        found = Dim.name(names[len(names) - 1 - inner])
    if found is None:
        raise GraphError(
            f"{what}: nothing gives its length\n  at {line_text()}\n"
            "  give steps=, or shape= or dims= with an axis of time"
        )
    if not isinstance(found, Dim) and found < lead:
        raise GraphError(
            f"{what}: a length of {found} does not hold {values_text(lead)}\n  at {line_text()}"
        )
    return found


def values_text(lead: int) -> str:
    """The first values in messages."""
    return f"{lead} first value{'s' * (lead != 1)}"
