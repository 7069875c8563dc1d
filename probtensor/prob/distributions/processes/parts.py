"""The support of a series whose first values and later ones have supports of their own."""

from __future__ import annotations

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph import Node
from probtensor.graph.node import TensorLike
from probtensor.prob.distributions.support import Interval, Point, Support, Vector, is_number


@dataclass(frozen=True)
class SeriesSupport(Support):
    """Values along time whose first `lead` ones lie in `first`, and of which the later ones, or
    with `differences` their differences from the ones before, lie in `later`.

    Time is the last axis, or with `event_ndim` 2 the one before it. Bounds broadcast to parts of a
    value.
    """

    first: Support = Interval()
    later: Support = Interval()
    lead: int = 1
    differences: bool = False
    event_ndim: int = 1
    discrete: bool = False

    def split(self, x: TensorLike) -> tuple[TensorLike, TensorLike]:
        """The first values, and the later ones or their differences."""
        rest = (slice(None),) * (self.event_ndim - 1)
        first, later = x[(..., slice(self.lead), *rest)], x[(..., slice(self.lead, None), *rest)]
        if self.differences:
            later = later - x[(..., slice(self.lead - 1, -1), *rest)]
        return first, later

    @property
    def bounds(self) -> list[Node]:
        """The bounds that are tensors, which end with an axis of time."""
        names = ("low", "high", "value")
        ends = [getattr(s, name, None) for s in (self.first, self.later) for name in names]
        return [x for x in ends if isinstance(x, Node) and x.type.is_float]

    @property
    def is_whole(self) -> bool:
        """Does every real number lie in it?"""
        supports = [s.entries if isinstance(s, Vector) else s for s in (self.first, self.later)]
        return all(
            isinstance(s, Interval) and not s.bounded_below and not s.bounded_above
            for s in supports
        )

    @property
    def has_map(self) -> bool:
        """Are both parts intervals with bounds that are numbers, or is the first one a point?"""
        parts = [s for s in (self.first, self.later) if s is self.later or not isinstance(s, Point)]
        return self.event_ndim == 1 and all(
            isinstance(s, Interval) and is_number(s.low, s.high) for s in parts
        )

    def contains(self, x: TensorLike) -> TensorLike:
        inside = None
        for support, part in zip((self.first, self.later), self.split(x)):
            own = support.contains(part)
            if own is None:
                continue
            axes = tuple(range(support.event_ndim - self.event_ndim, 0))
            if axes:
                own = ops.all(own, axis=axes) if isinstance(x, Node) else np.all(own, axis=axes)
            inside = own if inside is None else inside & own
        return inside

    def __str__(self) -> str:
        of_later = "differences from the ones before" if self.differences else "later ones"
        return f"a series that begins with {self.first}, with {of_later} each {self.later}"
