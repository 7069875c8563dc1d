"""What is known of the values of an expression: density, tails, support."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass, field, replace
from probtensor.graph import Node, as_tensor
from probtensor.graph import replace as replaced
from probtensor.ops.kinds import as_tensor_of
from probtensor.prob.distributions.discrete import Categorical, CategoricalLogit, chosen
from probtensor.prob.distributions.distribution import LOG_HALF, Distribution, Unknown
from probtensor.prob.distributions.domains import contained, is_within, or_nan
from probtensor.prob.distributions.formulas import merge_exponentials
from probtensor.prob.distributions.processes.parts import SeriesSupport
from probtensor.prob.distributions.structured import RealArray
from probtensor.prob.distributions.support import (
    Integers,
    Interval,
    Ordered,
    Support,
    Vector,
    is_bound,
    is_number,
)
from probtensor.prob.distributions.truncation import truncation_bounds
from probtensor.prob.distributions.urns import DiracDelta
from probtensor.prob.sequences.op import RandomSequence
from probtensor.prob.sequences.resolve import resolved
from probtensor.rules.arithmetic.sums import is_constant_along
from probtensor.transform.facts import FactTable
from probtensor.types import Shape

Function = Callable[[Node], Node]
# The most entries of a variable that are told apart by their places.
LARGEST = 4096


@dataclass(frozen=True, eq=False)
class Members(Support):
    """Values that a test admits: the supports of expressions that are no interval."""

    test: Function
    text: str
    discrete_values: bool = False
    event_ndim: int = 0

    def contains(self, x: Node) -> Node:
        return self.test(x)

    @property
    def discrete(self) -> bool:
        return self.discrete_values

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Family:
    """A distribution that pt.random has, with parameters that broadcast to the shape of a law."""

    distribution: Distribution
    parameters: tuple[Node, ...]

    def of(self, *kinds: type[Distribution]) -> bool:
        """Is the distribution exactly of one of these classes?"""
        return type(self.distribution) in kinds


@dataclass(frozen=True, eq=False)
class Law:
    """The distribution of the values of an expression, given what is given.

    density    log density at a value of the shape of the law, inside the support: one number an
               entry, without the axes `event`, whose entries have one density together
    lower      log of the probability of values up to x, inside the support; None if not known
    upper      that of values above x
    quantile   of (log of a probability, whether it is that of values above)
    sources    the variables that the values are made of, by uid, each with the places of the
               entries that are read; None for all
    places     the places of the entries in their only source, if these are known
    dependent  whether entries depend on each other though each has a density of its own: that
               given the entries before it
    points     values that have a probability of their own, in a law that is continuous elsewhere
    alike      whether all entries along an axis have one distribution
    free       whether the density of vectors is one of all entries, which move freely; otherwise
               some entries follow from others
    partial    whether values may be nan, with the rest of the probability
    nearest    of a discrete law whose values are no whole numbers: the value next to a number
    """

    shape: Shape
    dtype: str
    density: Function
    support: Support
    sources: Mapping[str, frozenset[int] | None]
    lower: Function | None = None
    upper: Function | None = None
    quantile: Callable[[Node, object], Node] | None = None
    event: tuple[int, ...] = ()
    dependent: bool = False
    points: tuple[Node, ...] = ()
    family: Family | None = None
    places: np.ndarray | None = field(default=None, repr=False)
    alike: Callable[[int], bool] = lambda axis: False
    free: bool = True
    partial: bool = False
    nearest: Function | None = None

    @property
    def discrete(self) -> bool:
        return self.support.discrete

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def independent(self) -> bool:
        """Are the entries independent, with densities of their own?"""
        return not self.event and not self.dependent

    @property
    def single_precision(self) -> bool:
        return self.dtype == "float32"

    def at_point(self, x: Node) -> Node | None:
        """Where a value has a probability of its own; None if none has."""
        masks = [is_at(x, point.astype(x.dtype)) for point in self.points]
        return reduce(ops.logical_or, masks) if masks else None

    def at_least(self, x: Node) -> Node:
        """Log of the probability of values from x on."""
        if self.discrete and isinstance(self.support, Integers):
            return self.above(ops.ceil(x) - 1 if x.type.is_float else x - 1)
        mass = self.full(x) if self.discrete else self.at_point(x)
        if mass is None or self.discrete:
            return self.above(x) if mass is None else ops.logaddexp(self.above(x), mass)
        return ops.logaddexp(self.above(x), ops.where(mass, self.full(x), -math.inf))

    def before(self, x: Node) -> Node:
        """Log of the probability of values below x."""
        if self.discrete and isinstance(self.support, Integers):
            return self.below(ops.ceil(x) - 1 if x.type.is_float else x - 1)
        at = None if self.discrete else self.at_point(x)
        if not self.discrete and at is None:
            return self.below(x)
        mass = self.full(x) if at is None else ops.where(at, self.full(x), -math.inf)
        return log_minus(self.below(x), mass)

    def somewhere(self) -> Node | None:
        """A value inside the support, a constant for derivatives; None if none is known."""
        support = self.support
        if not isinstance(support, (Interval, Integers)):
            return None
        dtype = self.dtype if self.dtype[:5] == "float" else "float64"
        ends = [
            ops.stop_gradient(as_tensor_of(x, dtype)) if is_bound(x) else None
            for x in (support.low, support.high)
        ]
        low, high = ends
        if low is not None and high is not None:
            middle = 0.5 * low + 0.5 * high
            middle = ops.where(ops.isinf(low), high - 1.0, middle)
            middle = ops.where(ops.isinf(high), low + 1.0, middle)
            middle = ops.where(ops.isinf(low) & ops.isinf(high), 0.5, middle)
            return ops.floor(middle) if support.discrete else middle
        if low is not None:
            return low + 1.0
        return as_tensor_of(1.0, dtype) if high is None else high - 1.0

    def full(self, x: Node) -> Node:
        """The log density at any value: -inf outside the support, nan for nan."""
        inside = self.support.contains(x)
        if inside is None:
            return self.density(x)
        inside = or_nan(inside, x, self.support)
        place = self.somewhere()
        if place is not None:
            x = ops.where(inside, x, place.astype(x.dtype))
        found = self.density(x)
        missing = found.ndim - inside.ndim
        return ops.where(
            inside[(..., *(None,) * missing)] if missing > 0 else inside, found, -math.inf
        )

    def below(self, x: Node) -> Node:
        """Log of the probability of values up to x, for any x."""
        return self._tail(x, self.lower, above=False)

    def above(self, x: Node) -> Node:
        """Log of the probability of values above x, for any x."""
        return self._tail(x, self.upper, above=True)

    def _tail(self, x: Node, function: Function | None, above: bool) -> Node:
        if function is None:
            raise Unknown("its distribution function is not known here")
        support = self.support
        if not isinstance(support, (Interval, Integers)):
            return function(x)
        x = ops.floor(x) if support.discrete and x.type.is_float else x
        under, over = ops.eq(x, -math.inf), ops.eq(x, math.inf)
        if is_bound(support.low):
            under = under | (x < as_tensor_of(support.low, x.dtype))
        if is_bound(support.high):
            over = over | (x >= as_tensor_of(support.high, x.dtype))
        place = self.somewhere()
        outside = under | over
        tail = function(ops.where(outside, place.astype(x.dtype), x))
        none, whole = (over, under) if above else (under, over)
        return ops.where(none, -math.inf, ops.where(whole, 0.0, tail))

    def between(self, low: Node, high: Node) -> Node:
        """Log of the probability of low < x <= high, for any numbers."""
        family = self.family
        if family is not None and not self.discrete and is_whole_line(self.support):
            share = family.distribution.log_between(low, high, *family.parameters)
            return ops.where(low < high, share, -math.inf)
        up = self.below(low) > LOG_HALF
        more = ops.where(up, self.above(low), self.below(high))
        less = ops.where(up, self.above(high), self.below(low))
        return log_minus(more, less)

    def same_source(self, other: Law) -> bool:
        """Do two laws read the same entries of one variable, in the same places?"""
        if set(self.sources) != set(other.sources) or len(self.sources) != 1:
            return False
        if self.places is None or other.places is None:
            return self.places is other.places
        return self.places.shape == other.places.shape and bool((self.places == other.places).all())


def is_at(x: Node, point: Node) -> Node:
    """Is a value a point, to within the rounding errors of what computed it?"""
    near = 1e-15 if x.dtype == "float64" else 5e-7
    close = ops.isfinite(point) & (ops.abs(x - point) <= near * ops.abs(point))
    return ops.eq(x, point) | close


def literal_like(value: float, x: Node) -> Node:
    """A number in the dtype of a float tensor."""
    return as_tensor(np.asarray(value, x.dtype))


def is_whole_line(support: Support) -> bool:
    """Is a support that of all real numbers?"""
    return isinstance(support, Interval) and not support.bounded_below | support.bounded_above


def same_support(a: Support, b: Support) -> bool:
    """Are two supports equal, with bounds that are numbers?"""
    kinds = Interval, Integers
    if not isinstance(a, kinds) or not isinstance(b, kinds):
        return False
    return is_number(a.low, a.high, b.low, b.high) and a == b


def log_minus(more: Node, less: Node) -> Node:
    """log(exp(more) - exp(less)) for more >= less, -inf where they are equal."""
    none = more <= less
    gap = ops.where(none, -1.0, less - ops.where(ops.eq(more, -math.inf), 0.0, more))
    gap = ops.where(none | ops.eq(less, -math.inf), -math.inf, gap)
    finite = ops.maximum(gap, -740.0)
    return ops.where(none, -math.inf, more + ops.where(gap < -740.0, 0.0, ops.log1mexp(finite)))


def independent(*laws: Law) -> bool:
    """Are laws made of different variables, or of different entries of one?"""
    for k, a in enumerate(laws):
        for b in laws[:k]:
            for uid in set(a.sources) & set(b.sources):
                mine, others = a.sources[uid], b.sources[uid]
                if mine is None or others is None or mine & others:
                    return False
    return True


def joined_sources(laws: Sequence[Law]) -> dict[str, frozenset[int] | None]:
    """The sources of several laws together."""
    found: dict[str, frozenset[int] | None] = {}
    for law in laws:
        for uid, places in law.sources.items():
            held = found.get(uid, frozenset())
            found[uid] = None if held is None or places is None else held | places
    return found


def law_of_family(
    distribution: Distribution, parameters: Sequence[Node], shape: Shape, dtype: str,
    like: Law | None = None, sources: Mapping | None = None,
) -> Law:  # fmt: skip
    """The law of a distribution that pt.random has; `like` is a law with the same places."""
    p = tuple(map(merge_exponentials, parameters))
    rank = len(shape)
    event = tuple(range(rank - distribution.event_ndim, rank))
    sources = like.sources if sources is None else sources
    counted = distribution.discrete and not distribution.indexes

    def typed(x: Node) -> Node:
        if distribution.indexes:
            return x.astype("int64")
        return x.astype(p[0].dtype if p else "float64") if counted or not x.type.is_float else x

    def alike(axis: int) -> bool:
        return not event and all(is_constant_along(x, (axis,), rank) for x in p)

    bounded = not event and not distribution.indexes
    if isinstance(distribution, (Categorical, CategoricalLogit)):
        return _law_of_index(distribution, p, shape, dtype, like, sources)
    return Law(
        shape,
        dtype,
        lambda x: distribution.logpdf(typed(x), *p),
        distribution.support(*p),
        sources,
        lower=(lambda x: distribution.logcdf(typed(x), *p)) if bounded else None,
        upper=(lambda x: distribution.logccdf(typed(x), *p)) if bounded else None,
        quantile=(lambda q, above: distribution.quantile(q, above, *p)) if bounded else None,
        event=event,
        family=Family(distribution, p),
        places=None if like is None else like.places,
        alike=alike,
        free=not event or _is_free(distribution.support(*p)),
    )


def _law_of_index(
    distribution: Distribution, p: Sequence[Node], shape: Shape, dtype: str, like: Law | None,
    sources: Mapping,
) -> Law:  # fmt: skip
    """The law of a categorical index, with the sums of the probabilities on both sides."""
    table = ops.softmax(p[0], axis=-1) if isinstance(distribution, CategoricalLogit) else p[0]
    start = ops.zeros_like(table[..., :1])
    behind = ops.flip(ops.cumsum(ops.flip(table, -1)[..., :-1], axis=-1), -1)
    sums = [ops.cumsum(table, axis=-1), ops.concatenate([behind, start], axis=-1)]

    def place(x: Node) -> Node:
        return ops.clip(x.astype("int64"), 0, table.shape[-1] - 1)

    def tail(total: Node) -> Function:
        return lambda x: ops.log(chosen(total, place(x)))

    return Law(
        shape,
        dtype,
        lambda x: distribution.logpdf(place(x), *p),
        distribution.support(*p),
        sources,
        lower=tail(sums[0]),
        upper=tail(sums[1]),
        family=Family(distribution, tuple(p)),
        places=None if like is None else like.places,
        alike=lambda axis: is_constant_along(p[0], (axis,), len(shape) + 1),
    )


def _is_free(support: Support) -> bool:
    """Do the entries of vectors move freely, so that a density is one of all of them?"""
    return not support.discrete and isinstance(support, (Vector, SeriesSupport, RealArray))


def law_of_given(node: Node, discrete: bool) -> Law:
    """The law of given values: each has the probability 1."""
    value = node if node.type.is_float else node.astype("float64")

    def there(y: Node) -> Node:
        return ops.eq(y, value)

    def density(y: Node) -> Node:
        return ops.where(there(y), 0.0, -math.inf)

    return Law(
        node.shape,
        node.dtype,
        density,
        Members(there, "a given value", discrete),
        {},
        lower=lambda y: ops.where(y >= value, 0.0, -math.inf),
        upper=lambda y: ops.where(y < value, 0.0, -math.inf),
        points=() if discrete else (value,),
    )


def law_of_variable(node: Node) -> Law:
    """The law of a random variable. Unknown if its constraint leaves an unknown probability."""
    op = node.op
    if isinstance(op, RandomSequence):
        return _law_of_sequence(node)
    if isinstance(op.distribution, DiracDelta) and op.constraint is None:
        own = op.parameters_of(node.inputs)
        return replace(
            law_of_given(ops.broadcast_to(own[0], node.shape), False),
            dtype=node.dtype, sources={op.uid: None},
        )  # fmt: skip
    places = None
    sizes = node.shape
    if all(isinstance(n, int) for n in sizes) and math.prod(sizes) <= LARGEST:
        places = np.arange(math.prod(sizes)).reshape(sizes)
    if op.distribution.has_atoms:
        raise Unknown(f"functions of {op.distribution.name}, which has points, are not derived")
    own = op.parameters_of(node.inputs)
    law = law_of_family(op.distribution, own, node.shape, node.dtype, None, {op.uid: None})
    held = None if places is None else frozenset(places.ravel().tolist())
    law = replace(law, places=places, sources={op.uid: held})
    return law if op.constraint is None else _truncated(node, law)


def _truncated(node: Node, law: Law) -> Law:
    """The law under `constraint=`."""
    op, distribution, p = node.op, node.op.distribution, law.family.parameters
    own = op.parameters_of(node.inputs)
    support = op.support(*node.inputs)
    share = op.log_probability(node, node.inputs)
    share = as_tensor(0.0) if share is None else share
    density = law.density
    if not isinstance(support, (Interval, Ordered)):
        raise Unknown(f"functions of variables that are {support} are not derived")
    if isinstance(support, Ordered):
        return replace(
            law,
            density=lambda x: ops.sum(density(x) - share, axis=-1),
            support=support, event=(node.ndim - 1,), family=None, lower=None, upper=None,
            quantile=None,
        )  # fmt: skip
    cuts = truncation_bounds(support, distribution.support(*p), support, node.dtype)

    def quantile(log_p: Node, above: object) -> Node:
        u = ops.where(above, -ops.expm1(log_p), ops.exp(log_p))
        return distribution.quantile_between(u, *cuts, *p)

    return replace(
        law,
        density=lambda x: density(x) - share,
        support=support,
        lower=lambda x: distribution.log_between(cuts[0], x, *p) - share,
        upper=lambda x: distribution.log_between(x, cuts[1], *p) - share,
        quantile=quantile,
        family=None,
        alike=lambda axis: (
            law.alike(axis)
            and all(is_constant_along(x, (axis,), node.ndim) for x in node.inputs[len(own) :])
        ),
    )


def where_within(bounds: Iterable[tuple[Support, Node]], density: Node) -> Node:
    """A log density where values are in their domains, -inf where one is outside."""
    facts = FactTable()
    for domain, value in bounds:
        if not is_within(value, domain, facts):
            valid = contained(value, domain, facts)
            if valid is not None:
                density = ops.where(or_nan(valid, value, domain), density, -math.inf)
    return density


def _law_of_sequence(node: Node) -> Law:
    """The law of the values of all steps of a loop: each given those before it."""

    def density(x: Node) -> Node:
        own = resolved(node)
        variable, bounded = own.variable, own.bounded
        given = {node: ops.broadcast_to(x.astype(node.dtype), node.shape)}
        inputs = replaced([*variable.inputs, *bounded], given)
        bounds = [
            (b.op.domain, y.inputs[0]) for b, y in zip(bounded, inputs[len(variable.inputs) :])
        ]
        p = variable.op.parameters_of(inputs[: len(variable.inputs)])
        distribution = variable.op.distribution
        found = distribution.logpdf(
            x if x.type.is_float else x.astype(p[0].dtype), *map(merge_exponentials, p)
        )
        bounds += list(zip(distribution.parameters.values(), p, strict=True))
        inside = distribution.support(*p).contains(x)
        if inside is not None:
            found = ops.where(inside, found, -math.inf)
        return where_within(bounds, found)

    op = node.op
    if op.constraint is not None or op.distribution.event_ndim:
        raise Unknown("sequences of vectors and sequences under constraint= are not transformed")
    over = op.distribution.over
    return Law(node.shape, node.dtype, density, over, {op.uid: None}, dependent=True)
