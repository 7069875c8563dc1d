"""Mixtures of distributions.

Formulas: McLachlan and Peel (2000), "Finite Mixture Models", 1.4. Probabilities are added as
logarithms, so that components may lie any distance apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import ClassVar

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph import Const, Node, as_tensor
from probtensor.prob.distributions.combined.anywhere import (
    density_at,
    hull,
    log_above,
    log_below,
    log_inside,
    typed,
)
from probtensor.prob.distributions.combined.parts import Combined, chosen_of, over_events
from probtensor.prob.distributions.combined.search import least_between, root_between
from probtensor.prob.distributions.distribution import Distribution, element_indices
from probtensor.prob.distributions.formulas import log_of
from probtensor.prob.distributions.pathwise import drawn, moves
from probtensor.prob.distributions.support import SIMPLEX, Integers, Interval, Support
from probtensor.types import TensorType

FEW = 8  # components of a stack whose terms are written out, so that none is stored

# A function of a part, a value and its parameters.
OfPart = Callable[[Distribution, Node, Sequence[Node]], Node]


@dataclass(frozen=True)
class Mixture(Combined):
    """Component k with probability w[..., k]. The components are its parts."""

    own: ClassVar = {"w": SIMPLEX}
    steps = ("w",)

    @property
    def over(self) -> Support:
        return hull([part.over for part in self.parts])

    @property
    def smooth_draws(self) -> bool:
        return all(map(moves, self.parts))

    def support(self, w, *parameters):
        pairs = self.of_parts((w, *parameters))
        return hull([part.support(*own) for part, own in pairs])

    def components(self, w: Node, parameters: Sequence[Node]) -> list:
        """(log weight, component, its parameters) of each."""
        logs = log_of(w)
        pairs = self.of_parts((w, *parameters))
        return [(logs[..., k], part, own) for k, (part, own) in enumerate(pairs)]

    def added(self, of_part: OfPart, x: Node, w: Node, parameters: Sequence[Node]) -> Node:
        """The log of the sum of weights times exp of a function of each component at `x`."""
        terms = [log + of_part(part, x, own) for log, part, own in self.components(w, parameters)]
        return log_sum(terms)

    def logpdf(self, x, w, *parameters):
        within = self.support(w, *parameters)
        return self.added(
            lambda part, x, own: density_at(part, typed(part, x), own, within), x, w, parameters
        )

    def logcdf(self, x, w, *parameters):
        within = self.support(w, *parameters)
        return self.added(lambda p, x, own: log_below(p, x, own, within), x, w, parameters)

    def logccdf(self, x, w, *parameters):
        within = self.support(w, *parameters)
        return self.added(lambda p, x, own: log_above(p, x, own, within), x, w, parameters)

    def log_between(self, low, high, w, *parameters):
        if low is None or high is None:
            return super().log_between(low, high, w, *parameters)
        terms = [log + log_inside(part, low, high, own)
                 for log, part, own in self.components(w, parameters)]  # fmt: skip
        return log_sum(terms)

    def lower_quantile(self, log_p, w, *parameters):
        parts = self.components(w, parameters)
        found = [part.lower_quantile(log_p, *own) for _, part, own in parts]
        return self.searched(found, log_p, w, parameters, above=False)

    def upper_quantile(self, log_p, w, *parameters):
        parts = self.components(w, parameters)
        found = [part.upper_quantile(log_p, *own) for _, part, own in parts]
        return self.searched(found, log_p, w, parameters, above=True)

    def searched(
        self, found: Sequence[Node], log_p: Node, w: Node, parameters: Sequence[Node], above: bool
    ) -> Node:
        """The quantile, which lies between the least and the largest one of the components."""
        low, high = reduce(ops.minimum, found), reduce(ops.maximum, found)
        rows = w[..., 0]  # the weights may have more batch axes than the components
        low, high = (x + ops.zeros_like(rows) for x in (low, high))
        log_p = ops.broadcast_to(log_p, ops.broadcast_shapes(log_p.shape, low.shape))

        def tail(x: Node) -> Node:
            function = self.logccdf if above else self.logcdf
            return function(x, w, *parameters)

        def density(x: Node) -> Node:
            return self.logpdf(x, w, *parameters)

        if not self.discrete:
            return root_between(low, high, tail, log_p, density, falls=above)

        def reached(x: Node) -> Node:
            # The search may look at a value below all.
            support = self.support(w, *parameters)
            at = ops.maximum(x, support.low)
            enough = tail(at) <= log_p if above else tail(at) >= log_p
            return enough & (x >= support.low)

        return least_between(low - 2, high + 1, reached)

    def sample(self, key, shape, w, *parameters):
        k = chosen_component(ops.key_fold(key, 0), shape, w, self.event_ndim)
        key, count = ops.key_fold(key, 1), len(self.parts)
        masks = [over_events(ops.eq(k, j), self.event_ndim) for j in range(count - 1)]
        owns = [own for _, own in self.of_parts((w, *parameters))]
        if all(part == self.part for part in self.parts):
            # The parameters of the component that is needed: only its value is drawn.
            domains = self.part.parameters.values()
            bare = [ops.eq(k, j) for j in range(count - 1)]
            picked = [
                chosen_of([over_events(m, domain.event_ndim) for m in bare], values)
                if any(value is not values[0] for value in values) else values[0]
                for domain, values in zip(domains, zip(*owns, strict=True), strict=True)
            ]  # fmt: skip
            return drawn(self.part, key, shape, *picked)
        values = [drawn(part, key, shape, *own)
                  for part, own in zip(self.parts, owns, strict=True)]  # fmt: skip
        return chosen_of(masks, values)

    def weighted(self, values: Sequence[Node], w: Node) -> Node:
        """The sum of values of the components, times their weights."""
        terms = [over_events(w[..., k], self.event_ndim) * x for k, x in enumerate(values)]
        return reduce(ops.add, terms)

    def mean(self, w, *parameters):
        means = [part.mean(*own) for part, own in self.of_parts((w, *parameters))]
        return self.weighted(means, w)

    def variance(self, w, *parameters):
        pairs = list(self.of_parts((w, *parameters)))
        middle = self.mean(w, *parameters)
        spreads = [part.variance(*own) + ops.square(part.mean(*own) - middle)
                   for part, own in pairs]  # fmt: skip
        return self.weighted(spreads, w)


@dataclass(frozen=True)
class StackedMixture(Mixture):
    """A mixture whose components are the entries along the last batch axis of one part: its
    parameters have one axis more, before those of a vector."""

    stacked: ClassVar[bool] = True

    def support(self, w, *parameters):
        own = self.part.support(*parameters)
        if not isinstance(own, (Interval, Integers)):
            return own
        ends = (("low", ops.min), ("high", ops.max))
        bounds = [reduced(getattr(own, end), fold) for end, fold in ends]
        if isinstance(own, Integers):
            return Integers(*bounds)
        return Interval(*bounds, own.low_open, own.high_open)

    def count(self, types: Sequence[TensorType]) -> int | None:
        """The number of components, if it is known and small."""
        count = types[0].shape[-1]
        return count if isinstance(count, int) and count <= FEW else None

    def components(self, w, parameters):
        count = self.count([w.type])
        logs = log_of(w)
        domains = list(self.part.parameters.values())
        return [
            (logs[..., k], self.part,
             [entry(p, k, d.event_ndim) for p, d in zip(parameters, domains, strict=True)])
            for k in range(count)
        ]  # fmt: skip

    def plain(self, parameters: Sequence[Node]) -> list[Node]:
        """The parameters of the part, where those that all components share are scalars again."""
        domains = self.part.parameters.values()
        return [
            entry(p, 0, d.event_ndim) if p.shape == (1,) and not d.event_ndim else p
            for p, d in zip(parameters, domains, strict=True)
        ]

    def spread(self, x: Node) -> Node:
        """A value with the axis of components."""
        return x[(..., None, *(slice(None),) * self.event_ndim)]

    def added(self, of_part, x, w, parameters):
        if self.count([w.type]) is not None:
            return super().added(of_part, x, w, parameters)
        x = self.spread(x)
        if self.part.indexes:  # an index of a row for each component
            x = ops.broadcast_to(x, (*x.shape[:-1], w.shape[-1]))
        return ops.logsumexp(log_of(w) + of_part(self.part, x, self.plain(parameters)), axis=-1)

    def log_between(self, low, high, w, *parameters):
        if low is None or high is None or self.count([w.type]) is not None:
            return super().log_between(low, high, w, *parameters)
        part = log_inside(self.part, low[..., None], high[..., None], self.plain(parameters))
        return ops.logsumexp(log_of(w) + part, axis=-1)

    def lower_quantile(self, log_p, w, *parameters):
        found = self.part.lower_quantile(log_p[..., None], *self.plain(parameters))
        return self.searched(ends_of(found), log_p, w, parameters, above=False)

    def upper_quantile(self, log_p, w, *parameters):
        found = self.part.upper_quantile(log_p[..., None], *self.plain(parameters))
        return self.searched(ends_of(found), log_p, w, parameters, above=True)

    def sample(self, key, shape, w, *parameters):
        k = chosen_component(ops.key_fold(key, 0), shape, w, self.event_ndim)
        domains = self.part.parameters.values()
        picked = [picked_entry(p, k, d.event_ndim)
                  for p, d in zip(parameters, domains, strict=True)]  # fmt: skip
        return drawn(self.part, ops.key_fold(key, 1), shape, *picked)

    def mean(self, w, *parameters):
        return self.weighted(self.part.mean(*self.plain(parameters)), w)

    def weighted(self, values, w):
        axis = -1 - self.event_ndim
        return ops.sum(over_events(w, self.event_ndim) * values, axis=axis)

    def variance(self, w, *parameters):
        own = self.plain(parameters)
        middle = self.spread(self.mean(w, *parameters))
        spreads = self.part.variance(*own) + ops.square(self.part.mean(*own) - middle)
        return self.weighted(spreads, w)

    def event_shape(self, *types: TensorType) -> tuple:
        return self.part.event_shape(*types[1:])


def log_sum(terms: Sequence[Node]) -> Node:
    """log(sum(exp(terms)))."""
    shape = ops.broadcast_shapes(*(x.shape for x in terms))
    if len(terms) == 1:
        return terms[0]
    return ops.logsumexp(ops.stack([ops.broadcast_to(x, shape) for x in terms]), axis=0)


def reduced(bound: object, fold: Callable[..., Node]) -> object:
    """The bound of all components."""
    if not isinstance(bound, Node) or not bound.ndim:
        return bound
    return fold(bound, axis=-1)


def ends_of(found: Node) -> tuple[Node, Node]:
    """The least and the largest of the values of all components."""
    return ops.min(found, axis=-1), ops.max(found, axis=-1)


def entry(p: Node, k: int, event_ndim: int) -> Node:
    """The parameter of component k; a literal again where it is one."""
    axis = p.ndim - 1 - event_ndim
    k = 0 if p.shape[axis] == 1 else k
    if isinstance(p.op, Const):
        return as_tensor(np.take(p.op.array, k, axis=axis))
    return p[(..., k, *(slice(None),) * event_ndim)]


def picked_entry(p: Node, k: Node, event_ndim: int) -> Node:
    """The parameter of the component k of each entry."""
    axis = p.ndim - 1 - event_ndim
    if p.shape[axis] == 1:
        return p[(..., 0, *(slice(None),) * event_ndim)]
    if not axis:
        return p[k]
    p = ops.broadcast_to(p, (*k.shape, *p.shape[axis:]))
    before = [
        ops.reshape(ops.arange(n), (n, *(1,) * (k.ndim - axis - 1)))
        for axis, n in enumerate(k.shape)
    ]
    return p[(*before, k)]


def chosen_component(key: Node, shape: Sequence, w: Node, event_ndim: int) -> Node:
    """The index of a component for each entry, by one uniform number: the number of cumulative
    weights below it."""
    batch = tuple(shape[: len(shape) - event_ndim])
    u = ops.draw_uniform(key, element_indices(batch))
    upto = ops.cumsum(w, axis=-1)
    below = upto[..., :-1] < (u * upto[..., -1])[..., None]
    return ops.sum(below.astype("int64"), axis=-1)
