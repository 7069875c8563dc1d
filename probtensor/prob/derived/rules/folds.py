"""Reductions of independent entries: extremes, order statistics, sums."""

from __future__ import annotations

import math

from probtensor import ops
from probtensor.dataclass import replace
from probtensor.graph import Node, as_tensor
from probtensor.graph.parts import Get
from probtensor.prob.derived.derivation import Derivation, NotDerived, require_defined
from probtensor.prob.derived.law import Law, Members, law_of_family, literal_like, log_minus
from probtensor.prob.derived.rules.convolutions import total_of_few
from probtensor.prob.derived.rules.families import total_family
from probtensor.prob.distributions import discrete
from probtensor.prob.distributions.continuous.bounded import Uniform
from probtensor.prob.distributions.continuous.lifetimes import Weibull
from probtensor.prob.distributions.continuous.positive import Exponential, Gamma, LogNormal
from probtensor.prob.distributions.continuous.skewed import Gumbel
from probtensor.prob.distributions.support import Integers, Interval, is_number
from probtensor.rules.arithmetic.sums import drop_constant_axes, is_constant_along
from probtensor.types import size_product

# The most values with probabilities of their own that an extreme may take.
MOST_POINTS = 64


def entries_of(d: Derivation, x: Node) -> Law:
    """The law of independent entries that are reduced."""
    law = d.law(x)
    if not law.independent:
        raise NotDerived("its entries depend on each other", x)
    if any(isinstance(n, int) and n == 0 for n in law.shape):
        raise NotDerived("it has no entries", x)
    return law


def derive_extreme(d: Derivation, node: Node) -> Law | None:
    """max and min over axes, from the distribution functions of the entries."""
    law = entries_of(d, node.inputs[0])
    if law.dtype == "bool":
        raise NotDerived("truth values are reduced", node, "use pt.any or pt.all")
    return extreme_law(law, tuple(node.op.axes), isinstance(node.op, ops.Max), node)


def extreme_law(law: Law, axes: tuple[int, ...], largest: bool, node: Node) -> Law:
    """The law of the largest or smallest entry along axes."""
    require_defined(law, node)
    if law.lower is None or law.upper is None:
        raise NotDerived("the distribution function of its entries is not known here", node)
    points = _points_of_extreme(law, axes, node)

    def spread(x: Node) -> Node:
        return ops.broadcast_to(ops.expand_dims(x, axes), law.shape)

    # `inner` is the probability that entries are not beyond x, `outer` that they are.
    inner, outer = (law.below, law.above) if largest else (law.above, law.below)

    def density(x: Node) -> Node:
        s = spread(x)
        if not law.discrete and not points:
            return _density(s)
        before, upto = law.above(s), law.at_least(s)
        if largest:
            before, upto = law.before(s), law.below(s)
        if law.discrete:
            return _mass_of_extreme(law.full(s), before, upto, axes)
        at = law.at_point(s)
        mass = ops.where(at, law.full(s), -math.inf)
        own = _mass_of_extreme(mass, before, upto, axes)
        return ops.where(ops.any(at, axis=axes), own, _density(s))

    def _density(s: Node) -> Node:
        share, f = inner(s), law.full(s)
        none = ops.eq(share, -math.inf)
        share = ops.where(none, -1.0, share)
        found = ops.sum(share, axis=axes) + ops.logsumexp(f - share, axis=axes)
        return ops.where(ops.any(none, axis=axes), -math.inf, found)

    def inside_all(x: Node) -> Node:
        return ops.sum(inner(spread(x)), axis=axes)

    def beyond(x: Node) -> Node:
        s = spread(x)
        total = ops.sum(inner(s), axis=axes)
        near = total > -1e-16
        rest = log_minus(as_tensor(0.0), ops.where(near, -1.0, total))
        return ops.where(near, ops.logsumexp(outer(s), axis=axes), rest)

    tails = (inside_all, beyond) if largest else (beyond, inside_all)
    return Law(
        node.shape, node.dtype, density, _support_of_extreme(law, axes, spread, largest),
        law.sources, lower=tails[0], upper=tails[1], points=points,
    )  # fmt: skip


def _mass_of_extreme(mass: Node, before: Node, upto: Node, axes: tuple[int, ...]) -> Node:
    """Log of the probability that an extreme is a value: of all entries up to it, from their log
    masses there, without that of all before it, by the ratio of both."""
    none = ops.eq(before, -math.inf)
    held = ops.where(none, -1.0, before)
    excess = mass - held
    steps = ops.softplus(excess)
    total = ops.sum(steps, axis=axes)
    tiny = ops.all(excess < -37.0, axis=axes)
    gain = ops.where(
        tiny, ops.logsumexp(excess, axis=axes),
        total + ops.log1mexp(-ops.where(tiny, 1.0, total)),
    )  # fmt: skip
    some = ops.sum(held, axis=axes) + gain
    return ops.where(ops.any(none, axis=axes), ops.sum(upto, axis=axes), some)


def _points_of_extreme(law: Law, axes: tuple[int, ...], node: Node) -> tuple[Node, ...]:
    """The values of an extreme that have a probability of their own: those of all entries."""
    found: list[Node] = []
    for point in law.points:
        if is_constant_along(point, axes, law.ndim):
            found.append(drop_constant_axes(point, axes, law.ndim))
            continue
        count = size_product(law.shape[a] for a in axes)
        if not isinstance(count, int) or len(found) + count > MOST_POINTS:
            raise NotDerived(
                f"more than {MOST_POINTS} values with probabilities of their own are compared", node
            )
        front = ops.moveaxis(ops.broadcast_to(point, law.shape), axes, tuple(range(len(axes))))
        rows = ops.reshape(front, (count, *node.shape))
        found += [rows[k] for k in range(count)]
    return tuple(found)


def _support_of_extreme(law: Law, axes: tuple[int, ...], spread: object, largest: bool) -> object:
    """The support of an extreme: one interval where all entries have the same bounds."""
    support = law.support
    if isinstance(support, (Interval, Integers)):
        ends = []
        for end in (support.low, support.high):
            if is_number(end) or not end.shape:
                ends.append(end)
                continue
            wide = ops.broadcast_to(end, law.shape)
            ends.append((ops.max if largest else ops.min)(wide, axis=axes))
        return type(support)(*ends)

    def inside(x: Node) -> Node:
        return ops.any(support.contains(spread(x)), axis=axes)

    return Members(inside, str(support), support.discrete)


def derive_sorted(d: Derivation, node: Node) -> Law | None:
    """sort along the last axis of continuous entries with one distribution."""
    law = entries_of(d, node.inputs[0])
    last = law.ndim - 1
    if law.discrete or law.points or not law.alike(last):
        raise NotDerived(
            "it orders entries with distributions of their own, or whole numbers", node
        )
    n = as_tensor(law.shape[last]).astype("float64")

    def density(y: Node) -> Node:
        return ops.sum(ops.broadcast_to(law.full(y), law.shape), axis=-1) + ops.lgamma(n + 1)

    def inside(y: Node) -> Node:
        there = ops.all(y[..., 1:] >= y[..., :-1], axis=-1)
        held = law.support.contains(y)
        return there if held is None else there & ops.all(held, axis=-1)

    support = Members(inside, "a vector of increasing entries", event_ndim=1)
    return Law(node.shape, node.dtype, density, support, law.sources, event=(last,))


def derive_order_statistic(d: Derivation, node: Node) -> Law | None:
    """sort(x)[k], and the places that a median reads."""
    found = _place_in_order(d, node)
    if found is None:
        return None
    x, k = found
    law = entries_of(d, x)
    last = law.ndim - 1
    size = law.shape[last]
    if law.discrete or law.points or not law.alike(last) or not isinstance(size, int):
        raise NotDerived("it orders entries with distributions of their own, or whole numbers", x)
    require_defined(law, node)
    k = k % size
    scale = math.lgamma(size + 1) - math.lgamma(k + 1) - math.lgamma(size - k)

    def wide(y: Node) -> Node:
        return ops.broadcast_to(y, law.shape)

    def density(y: Node) -> Node:
        total = law.full(wide(y)) + scale
        total = total + k * law.below(wide(y)) if k else total
        total = total + (size - 1 - k) * law.above(wide(y)) if k < size - 1 else total
        return total[..., :1]

    support = law.support
    if not isinstance(support, (Interval, Integers)) or not is_number(support.low, support.high):
        support = Members(lambda y: law.support.contains(wide(y))[..., :1], str(law.support))
    return Law(node.shape, node.dtype, density, support, law.sources)


def _place_in_order(d: Derivation, node: Node) -> tuple[Node, int] | None:
    """(x, k) for a node that reads place k of the order of x along its last axis, as a slice of
    one entry."""
    if not isinstance(node.op, ops.Slice) or node.op.sizes[-1] != 1:
        return None
    x = node.inputs[0]
    if tuple(node.op.sizes[:-1]) != tuple(x.shape[:-1]) or not isinstance(node.op.starts[-1], int):
        return None
    if isinstance(x.op, (ops.Sort, ops.SortFloat32, ops.SortIntegers, ops.SortInt32)):
        return x.inputs[0], node.op.starts[-1]
    if isinstance(x.op, Get) and x.op.index == 0 and isinstance(x.inputs[0].op, ops.Select):
        values, places = x.inputs[0].inputs
        known = d.value(places)
        if known is not None:
            return values, int(known.ravel()[node.op.starts[-1]])
    return None


def derive_argmax(d: Derivation, node: Node) -> Law | None:
    """argmax of gumbel variables is categorical, argmin of exponential and weibull ones, too; of
    entries with one continuous distribution every index is equally likely."""
    law = entries_of(d, node.inputs[0])
    axis, family = node.op.axis, law.family
    largest = isinstance(node.op, ops.Argmax)
    if law.discrete or law.points:
        raise NotDerived("whole numbers may be equal", node)
    require_defined(law, node)
    logits = None
    if law.alike(axis):
        logits = ops.zeros(law.shape)
    elif family is not None and largest and family.of(Gumbel):
        mu, beta = family.parameters
        if is_constant_along(beta, (axis,), law.ndim):
            logits = mu / beta
    elif family is not None and not largest and family.of(Exponential):
        logits = ops.log(family.parameters[0])
    elif family is not None and not largest and family.of(Weibull):
        alpha, beta = family.parameters
        if is_constant_along(alpha, (axis,), law.ndim):
            logits = -alpha * ops.log(beta)
    if logits is None:
        raise NotDerived(
            "the index of an extreme has a known distribution for argmax of gumbel variables of "
            "one scale, argmin of exponential ones, and of weibull ones of one shape, and entries "
            "with one distribution", node,
        )  # fmt: skip
    logits = ops.moveaxis(ops.broadcast_to(logits, law.shape), axis, -1)
    sources = law.sources
    distribution = discrete.CategoricalLogit()
    return law_of_family(distribution, (logits,), node.shape, node.dtype, None, sources)


def derive_argsort(d: Derivation, node: Node) -> Law | None:
    """argsort along the last axis of entries with one continuous distribution: every permutation
    is equally likely."""
    law = entries_of(d, node.inputs[0])
    last = law.ndim - 1
    if law.discrete or law.points or not law.alike(last):
        raise NotDerived(
            "it orders entries with distributions of their own, or whole numbers", node
        )
    require_defined(law, node)
    size = as_tensor(law.shape[last])

    def density(y: Node) -> Node:
        n = size.astype("float64")
        return ops.broadcast_to(-ops.lgamma(n + 1), law.shape[:-1])

    def inside(y: Node) -> Node:
        places = ops.arange(law.shape[last]).astype(y.dtype)
        return ops.all(ops.eq(ops.sort(y, axis=-1), places), axis=-1)

    support = Members(inside, "a permutation of the indices", True, 1)
    return Law(
        node.shape, node.dtype, density, support, law.sources, event=(last,), free=False
    )  # fmt: skip


def derive_total(d: Derivation, node: Node) -> Law | None:
    """sum over axes of entries whose sum is a distribution that pt.random has."""
    law = entries_of(d, node.inputs[0])
    axes, rank = tuple(node.op.axes), law.ndim
    if law.family is None:
        return total_of_few(law, axes, node)
    count = as_tensor(size_product(law.shape[a] for a in axes)).astype("float64")

    def total(p: Node) -> Node:
        if is_constant_along(p, axes, rank):
            return drop_constant_axes(p, axes, rank) * count.astype(p.dtype)
        return ops.sum(ops.broadcast_to(p, law.shape), axis=axes)

    def fixed(p: Node) -> Node | None:
        if is_constant_along(p, axes, rank):
            return drop_constant_axes(p, axes, rank)
        value = d.facts.constant(p)
        return None if value is None else as_tensor(float(value)).astype(p.dtype)

    found = total_family(law.family, total, count, fixed, d.facts)
    if found is None:
        return total_of_few(law, axes, node)
    sources = law.sources
    return law_of_family(*found, node.shape, node.dtype, None, sources)


def derive_product(d: Derivation, node: Node) -> Law | None:
    """prod over axes of log_normal variables, and of uniform ones from 0 to 1."""
    law = entries_of(d, node.inputs[0])
    axes, family = tuple(node.op.axes), law.family
    count = as_tensor(size_product(law.shape[a] for a in axes)).astype(node.dtype)
    if family is None:
        return None
    sources = law.sources
    if family.of(LogNormal):
        mu, sigma = (ops.broadcast_to(p, law.shape) for p in family.parameters)
        p = ops.sum(mu, axis=axes), ops.sqrt(ops.sum(ops.square(sigma), axis=axes))
        return law_of_family(LogNormal(), p, node.shape, node.dtype, None, sources)
    unit = family.of(Uniform) and [d.facts.constant(p) for p in family.parameters]
    if unit != [0.0, 1.0]:
        return None
    gamma = Gamma()
    one = literal_like(1.0, node)

    def density(y: Node) -> Node:
        return gamma.logpdf(-ops.log(y), count, one) - ops.log(y)

    return Law(
        node.shape, node.dtype, density, Interval(0.0, 1.0, low_open=True), sources,
        lower=lambda y: gamma.logccdf(-ops.log(y), count, one),
        upper=lambda y: gamma.logcdf(-ops.log(y), count, one),
    )  # fmt: skip


def derive_running(d: Derivation, node: Node) -> Law | None:
    """cumsum and cumprod: each entry given the one before it."""
    law = entries_of(d, node.inputs[0])
    if law.points:
        raise NotDerived("values with probabilities of their own are accumulated", node)
    product = isinstance(node.op, (ops.Cumprod,))
    if product and law.discrete:
        raise NotDerived("a product of whole numbers", node)
    axis = -2 if type(node.op).__name__.startswith("CumsumColumns") else -1

    def steps(y: Node) -> tuple[Node, Node]:
        first = y[..., :1] if axis == -1 else y[..., :1, :]
        rest, before = (y[..., 1:], y[..., :-1]) if axis == -1 else (y[..., 1:, :], y[..., :-1, :])
        step = rest / before if product else rest - before
        # From an infinite entry, which has no density itself, every step is without density.
        step = ops.where(ops.isinf(before), before, step)
        return ops.concatenate([first, step], axis=axis), ops.concatenate(
            [ops.ones_like(first), before], axis=axis
        )

    def density(y: Node) -> Node:
        step, before = steps(y)
        found = law.full(step)
        return found - ops.log(ops.abs(before)) if product else found

    support = Interval()
    if law.discrete:
        support = Integers(-math.inf, math.inf)
        if not isinstance(law.support, Integers):
            support = Members(lambda y: ops.ones(node.shape, "bool"), str(law.support), True)
    found = replace(
        law, dtype=node.dtype, density=density, support=support, lower=None, upper=None,
        quantile=None, family=None, places=None, dependent=True, nearest=None,
        alike=lambda axis: False,
        sources=law.sources,
    )  # fmt: skip
    return found
