"""Maps onto supports of series, whose first values and later ones have bounds of their own."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import ClassVar

from probtensor import ops
from probtensor.calls import line_text
from probtensor.dataclass import dataclass
from probtensor.graph import GraphError, Node
from probtensor.prob.bijectors.base import Bijector, Identity
from probtensor.prob.bijectors.scalars import Constant
from probtensor.prob.distributions.processes.parts import SeriesSupport
from probtensor.prob.distributions.support import Support


@dataclass(frozen=True, eq=False)
class Series(Bijector):
    """The first values by one map, the later ones or their differences by another one."""

    event_ndim: ClassVar[int] = 1
    support: SeriesSupport
    first: Bijector
    later: Bijector

    @property
    def free(self) -> int:
        """The number of first values that are not known."""
        return 0 if isinstance(self.first, Constant) else self.support.lead

    def unconstrained_shape(self, shape):
        return (*shape[:-1], shape[-1] - self.support.lead + self.free)

    def parts(self, u: Node) -> tuple[Node, Node]:
        return u[..., : self.free], u[..., self.free :]

    def forward(self, u):
        first, later = self.parts(u)
        head = self.first.forward(first)
        if not self.free:
            head = ops.broadcast_to(head, (*u.shape[:-1], self.support.lead)).astype(u.dtype)
        x = ops.concatenate([head, self.later.forward(later)], axis=-1)
        return ops.cumsum(x, axis=-1) if self.support.differences else x

    def inverse(self, x):
        first, later = self.support.split(x)
        found = self.later.inverse(later)
        if not self.free:
            return found
        return ops.concatenate([self.first.inverse(first), found], axis=-1)

    def log_jacobian(self, u):
        maps = zip((self.first, self.later), self.parts(u))
        found = [slope for own, part in maps if (slope := own.log_jacobian(part)) is not None]
        totals = [ops.sum(slope, axis=-1) for slope in found]
        return reduce(ops.add, totals) if totals else None


def map_onto(support: SeriesSupport, bijector_for: Callable[[Support], Bijector]) -> Bijector:
    """The map onto the support of a series. GraphError where none is known."""
    if support.is_whole:
        return Identity()
    if not support.has_map:
        raise GraphError(
            f"{support} is free, and no map onto such values is known where bounds are random or "
            f"entries are vectors\n  at {line_text()}\n  make its innovations a variable, and sum "
            "them with pt.cumsum"
        )
    return Series(support, bijector_for(support.first), bijector_for(support.later))
