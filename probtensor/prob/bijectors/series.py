"""Maps onto supports of series, whose first values and later ones have bounds of their own."""

from __future__ import annotations

from collections.abc import Callable

from probtensor import ops
from probtensor.calls import line_text
from probtensor.dataclass import dataclass
from probtensor.graph import GraphError, Node
from probtensor.prob.bijectors.base import Bijector, Identity
from probtensor.prob.distributions.processes.parts import SeriesSupport
from probtensor.prob.distributions.support import Support


@dataclass(frozen=True, eq=False)
class Series(Bijector):
    """The first values by one map, the later ones or their differences by another one."""

    support: SeriesSupport
    first: Bijector
    later: Bijector

    def parts(self, u: Node) -> tuple[Node, Node]:
        lead = self.support.lead
        return u[..., :lead], u[..., lead:]

    def forward(self, u):
        first, later = self.parts(u)
        x = ops.concatenate([self.first.forward(first), self.later.forward(later)], axis=-1)
        return ops.cumsum(x, axis=-1) if self.support.differences else x

    def inverse(self, x):
        first, later = self.support.split(x)
        return ops.concatenate([self.first.inverse(first), self.later.inverse(later)], axis=-1)

    def log_jacobian(self, u):
        maps = zip((self.first, self.later), self.parts(u))
        found = [slope for own, part in maps if (slope := own.log_jacobian(part)) is not None]
        return sum((ops.sum(slope, axis=-1) for slope in found[1:]), ops.sum(found[0], axis=-1))


def map_onto(support: SeriesSupport, bijector_for: Callable[[Support], Bijector]) -> Bijector:
    """The map onto the support of a series. GraphError where none is known."""
    if support.is_whole:
        return Identity()
    if not support.is_fixed:
        raise GraphError(
            f"{support} is free, and no map onto such values is known where bounds are random or "
            f"entries are vectors\n  at {line_text()}\n  make its innovations a variable, and sum "
            "them with pt.cumsum"
        )
    return Series(support, bijector_for(support.first), bijector_for(support.later))
