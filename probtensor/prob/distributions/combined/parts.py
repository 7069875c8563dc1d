"""The base class of distributions that are made of others."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar

from probtensor import ops
from probtensor.dataclass import dataclass, field, replace
from probtensor.graph import Const, Node, as_tensor
from probtensor.graph.resize import names_in
from probtensor.graph.sizes import resized
from probtensor.prob.distributions.distribution import Distribution
from probtensor.prob.distributions.formulas import log_of, times_log1m
from probtensor.prob.distributions.support import Support, Vector
from probtensor.process import computed_once
from probtensor.types import (
    Atom,
    HoldsSizes,
    Size,
    TensorType,
    field_names,
    sourced_atoms,
)


@dataclass(frozen=True)
class Absorbed:
    """A random variable whose distribution is a part of another one."""

    uid: str = field(repr=False)


class SizedFields(HoldsSizes):
    """A dataclass whose fields may be sizes, or distributions that have them."""

    def _fields(self) -> Mapping[str, object]:
        return {name: getattr(self, name) for name in field_names(type(self))}

    def sourced_atoms(self) -> Iterable[Atom]:
        return sourced_atoms(tuple(self._fields().values()))

    def resized(self, names: Mapping[str, Size]) -> SizedFields:
        pairs = [(name, resized(x, names), x) for name, x in self._fields().items()]
        changed = {name: new for name, new, old in pairs if new is not old}
        return replace(self, **changed) if changed else self

    def size_names(self) -> set[str]:
        return names_in(tuple(self._fields().values()))


@dataclass(frozen=True)
class Combined(Distribution, SizedFields):
    """A distribution made of others.

    label     its name
    parts     the other distributions
    prefixes  what comes before the names of the parameters of each part
    absorbed  the variables that had these distributions
    """

    label: str
    parts: tuple[Distribution, ...]
    prefixes: tuple[str, ...]
    absorbed: tuple[Absorbed, ...] = ()

    own: ClassVar[Mapping[str, Support]] = {}  # parameters of its own
    stacked: ClassVar[bool] = False  # whether a part has one batch axis more than the whole

    @property
    def name(self) -> str:
        return self.label

    @property
    def part(self) -> Distribution:
        """The first part, for distributions that have one."""
        return self.parts[0]

    @computed_once
    def parameters(self) -> Mapping[str, Support]:
        found = dict(self.own)
        for prefix, part in zip(self.prefixes, self.parts, strict=True):
            for name, domain in part.parameters.items():
                found[f"{prefix}{name}"] = Vector(domain) if self.stacked else domain
        return found

    @computed_once
    def increasing(self) -> tuple[tuple[str, str, bool], ...]:
        pairs = zip(self.prefixes, self.parts, strict=True)
        return self.own_order + tuple(
            (f"{prefix}{less}", f"{prefix}{more}", equal)
            for prefix, part in pairs
            for less, more, equal in part.increasing
        )

    @property
    def own_order(self) -> tuple[tuple[str, str, bool], ...]:
        """`increasing` of its own parameters."""
        return ()

    @property
    def has_cdf(self) -> bool:
        return all(part.has_cdf for part in self.parts)

    @property
    def has_atoms(self) -> bool:
        return any(part.has_atoms for part in self.parts)

    @property
    def has_gaps(self) -> bool:
        return any(part.has_gaps for part in self.parts)

    @property
    def over(self) -> Support:
        return self.part.over

    @property
    def indexes(self) -> bool:
        return all(part.indexes for part in self.parts)

    def of_parts(self, parameters: Sequence) -> Iterator[tuple[Distribution, tuple]]:
        """Each part with its parameters, of the parameters of the whole."""
        start = len(self.own)
        for part in self.parts:
            stop = start + len(part.parameters)
            yield part, tuple(parameters[start:stop])
            start = stop

    def of_part(self, parameters: Sequence) -> tuple:
        """The parameters of the first part."""
        return next(self.of_parts(parameters))[1]

    def event_shape(self, *types: TensorType) -> tuple:
        return self.part.event_shape(*self.of_part(types))

    def axis_names(self) -> dict[str, str]:
        found = dict.fromkeys(self.own, "")
        for prefix, part in zip(self.prefixes, self.parts, strict=True):
            found |= {f"{prefix}{name}": axes for name, axes in part.axis_names().items()}
        return found

    def event_names(self) -> str:
        return self.part.event_names()


def log_share(psi: Node) -> Node:
    """The log of a probability."""
    return log_of(psi)


def log_rest(psi: Node) -> Node:
    """log(1 - psi) of a probability."""
    return times_log1m(as_tensor(1.0).astype(psi.dtype), psi)


def given(density: Node, log_whole: Node) -> Node:
    """A log density given a set of this log probability; -inf where the set has none."""
    return ops.where(log_whole > -math.inf, density - log_whole, -math.inf)


def number_of(x: Node | float) -> Node | float:
    """A literal scalar as a number, any other node as it is."""
    if not isinstance(x, Node):
        return float(x)
    return float(x.op.array) if isinstance(x.op, Const) and not x.shape else x


def over_events(mask: Node, event_ndim: int) -> Node:
    """A mask of points, with axes to broadcast to their entries."""
    return mask[(..., *(None,) * event_ndim)] if event_ndim else mask


def chosen_of(masks: Sequence[Node], values: Sequence[Node]) -> Node:
    """The value whose mask is the first one that is true; the last value where none is."""
    found = values[-1]
    for mask, value in zip(reversed(masks), reversed(values[:-1]), strict=True):
        found = ops.where(mask, value, found)
    return found
