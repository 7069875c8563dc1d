"""Distributions made of others, which are given as random variables without a name.

Such a variable is no variable of a model: its distribution becomes a field of another distribution,
and its inputs become parameters of that one, under names with a prefix.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from probtensor import ops
from probtensor.dataclass import dataclass, field
from probtensor.graph import GraphError, Node, line_of
from probtensor.prob.distributions.combined.held import absorbed_by, held
from probtensor.prob.distributions.combined.parts import Absorbed, SizedFields
from probtensor.prob.distributions.distribution import Distribution
from probtensor.prob.distributions.pathwise import moves
from probtensor.prob.distributions.support import Support
from probtensor.process import computed_once

# A distribution and the values of its parameters, which may be numbers of Python.
Held = tuple[Distribution, tuple]


@dataclass(frozen=True)
class Holder(Distribution, SizedFields):
    """The base of distributions with fields: sizes, and distributions that they are made of.

    `own` are the parameters of the distribution itself, `holds` maps fields that are distributions
    to the prefixes of their parameters, which follow in this order; `absorbed` are the variables
    that had these distributions.
    """

    absorbed: tuple[Absorbed, ...] = field(default=(), kw_only=True)

    own: ClassVar[Mapping[str, Support]] = {}
    holds: ClassVar[Mapping[str, str]] = {}

    def domains(self, part: str) -> Mapping[str, Support]:
        """The parameters of a held distribution, by the names that they have in it."""
        return getattr(self, part).parameters

    @computed_once
    def parameters(self) -> Mapping[str, Support]:
        found = dict(self.own)
        for part, prefix in self.holds.items():
            found |= {prefix + name: d for name, d in self.domains(part).items()}
        return found

    @computed_once
    def increasing(self) -> tuple[tuple[str, str, bool], ...]:
        return tuple(
            (prefix + less, prefix + more, equal)
            for part, prefix in self.holds.items()
            for less, more, equal in getattr(self, part).increasing
        )

    @property
    def has_atoms(self) -> bool:
        return any(getattr(self, part).has_atoms for part in self.holds)

    @property
    def smooth_draws(self) -> bool:
        return all(moves(getattr(self, part)) for part in self.holds)

    def split(self, parameters: Sequence) -> tuple[tuple, ...]:
        """The own parameters, and those of each held distribution."""
        start = len(self.own)
        parts = [tuple(parameters[:start])]
        for part in self.holds:
            stop = start + len(self.domains(part))
            parts.append(tuple(parameters[start:stop]))
            start = stop
        return tuple(parts)


def with_batch(variable: Node, what: str) -> Held:
    """As `held`, with a first parameter that has the batch of the variable. GraphError where there
    is no parameter to have it."""
    distribution, inputs = held(variable, what)
    batch = variable.op.batch
    if distribution.batch_shape(*(x.type for x in inputs)) == batch:
        return distribution, inputs
    if not inputs:
        raise GraphError(
            f"{what} has a shape of its own, and no parameters to carry it\n  made at "
            f"{line_of(variable)}\n  leave out its shape= and dims="
        )
    domain = next(iter(distribution.parameters.values()))
    event = inputs[0].shape[inputs[0].ndim - domain.event_ndim :]
    return distribution, (ops.broadcast_to(inputs[0], (*batch, *event)), *inputs[1:])


def absorbed_from(*variables: Node | None) -> tuple[Absorbed, ...]:
    """What a distribution that is made of those of these variables absorbs."""
    return tuple(x for v in variables if v is not None for x in absorbed_by(v))
