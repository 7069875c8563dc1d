"""What a method of steps is, and the explicit method of Dormand and Prince."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from probtensor.dataclass import dataclass
from probtensor.graph.node import Node
from probtensor.ode.system import System


@dataclass(frozen=True)
class Trial:
    """A step that was tried: the state after it, the estimated error of each part, and what the
    next step begins with."""

    after: list[Node]
    errors: list[Node]
    kept: list[Node]


class Method(Protocol):
    """A method of one step with an estimate of its error.

    order  the error estimate is of the order of h ** order
    dense  how states at given times are found: by further steps from where the steps before them
           begin, all at once; or by steps that end there, if a step takes much to compile
    """

    order: int
    dense: bool

    def start(self, system: System, t: Node, y: Sequence[Node]) -> list[Node]:
        """What a step from (t, y) begins with, and a rejected one begins with again."""

    def trial(
        self, system: System, t: Node, y: Sequence[Node], h: Node, kept: Sequence[Node]
    ) -> Trial:
        """A step of size h."""

    def advanced(self, system: System, t: Node, y: Sequence[Node], h: Node) -> list[Node]:
        """The state after a step of size h, without an estimate."""


class DormandPrince:
    """Dormand-Prince 5(4): seven stages, of which the last is the first of the next step.

    Source: Dormand and Prince (1980), Journal of Computational and Applied Mathematics 6:19.
    """

    order, dense = 5, True
    C = (0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1)
    A = (
        (),
        (1 / 5,),
        (3 / 40, 9 / 40),
        (44 / 45, -56 / 15, 32 / 9),
        (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
        (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    )
    B = (35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84)
    E = (71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)

    def start(self, system: System, t: Node, y: Sequence[Node]) -> list[Node]:
        return system(t, y)

    def trial(
        self, system: System, t: Node, y: Sequence[Node], h: Node, kept: Sequence[Node]
    ) -> Trial:
        slopes = self._slopes(system, t, y, h, kept)
        after = moved(y, h, self.B, slopes)
        last = system(t + h, after)
        errors = [h * x for x in combined(self.E, [*slopes, last])]
        return Trial(after, errors, last)

    def advanced(self, system: System, t: Node, y: Sequence[Node], h: Node) -> list[Node]:
        return moved(y, h, self.B, self._slopes(system, t, y, h, system(t, y)))

    def _slopes(
        self, system: System, t: Node, y: Sequence[Node], h: Node, first: Sequence[Node]
    ) -> list[Sequence[Node]]:
        found = [first]
        for c, row in list(zip(self.C, self.A, strict=True))[1:]:
            found.append(system(t + c * h, moved(y, h, row, found)))
        return found


def combined(weights: Sequence[float], slopes: Sequence[Sequence[Node]]) -> list[Node]:
    """The sum of weights times slopes, part by part."""
    found = []
    for parts in zip(*slopes, strict=True):
        terms = [w * k for w, k in zip(weights, parts, strict=True) if w]
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        found.append(total)
    return found


def moved(
    y: Sequence[Node], h: Node, weights: Sequence[float], slopes: Sequence[Sequence[Node]]
) -> list[Node]:
    """y + h times the weighted sum of slopes. The last slope is added last, so that all else can be
    computed while that is."""
    found = list(y)
    if len(slopes) > 1:
        found = [a + h * b for a, b in zip(found, combined(weights[:-1], slopes[:-1]), strict=True)]
    size = h * weights[-1]
    return [a + size * b for a, b in zip(found, slopes[-1], strict=True)]
