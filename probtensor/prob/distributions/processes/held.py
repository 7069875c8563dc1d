"""Distributions made of others, which are given as random variables without a name.

Such a variable is no variable of a model: its distribution becomes a field of another distribution,
and its inputs become parameters of that one, under names with a prefix.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from probtensor import ops
from probtensor.dataclass import dataclass, replace
from probtensor.graph import GraphError, Node, line_of
from probtensor.graph.resize import names_in
from probtensor.graph.sizes import resized
from probtensor.prob.distributions.combined.held import held
from probtensor.prob.distributions.distribution import Distribution
from probtensor.prob.distributions.support import Support
from probtensor.process import computed_once
from probtensor.types import Atom, HoldsSizes, Size, field_names, sourced_atoms

# A distribution and the values of its parameters, which may be numbers of Python.
Held = tuple[Distribution, tuple]


@dataclass(frozen=True)
class Holder(Distribution, HoldsSizes):
    """The base of distributions with fields: sizes, and distributions that they are made of.

    `own` are the parameters of the distribution itself, `holds` maps fields that are distributions
    to the prefixes of their parameters, which follow in this order.
    """

    own: ClassVar[Mapping[str, Support]] = {}
    holds: ClassVar[Mapping[str, str]] = {}

    def domains(self, field: str) -> Mapping[str, Support]:
        """The parameters of a held distribution, by the names that they have in it."""
        return getattr(self, field).parameters

    @computed_once
    def parameters(self) -> Mapping[str, Support]:
        found = dict(self.own)
        for field, prefix in self.holds.items():
            found |= {prefix + name: d for name, d in self.domains(field).items()}
        return found

    @computed_once
    def increasing(self) -> tuple[tuple[str, str, bool], ...]:
        return tuple(
            (prefix + less, prefix + more, equal)
            for field, prefix in self.holds.items()
            for less, more, equal in getattr(self, field).increasing
        )

    def split(self, parameters: Sequence) -> tuple[tuple, ...]:
        """The own parameters, and those of each held distribution."""
        start = len(self.own)
        parts = [tuple(parameters[:start])]
        for field in self.holds:
            stop = start + len(self.domains(field))
            parts.append(tuple(parameters[start:stop]))
            start = stop
        return tuple(parts)

    def _fields(self) -> Mapping[str, object]:
        return {name: getattr(self, name) for name in field_names(type(self))}

    def sourced_atoms(self) -> Iterable[Atom]:
        return sourced_atoms(tuple(self._fields().values()))

    def resized(self, names: Mapping[str, Size]) -> Holder:
        pairs = [(name, resized(x, names), x) for name, x in self._fields().items()]
        changed = {name: new for name, new, old in pairs if new is not old}
        return replace(self, **changed) if changed else self

    def size_names(self) -> set[str]:
        return names_in(tuple(self._fields().values()))


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
