"""Choices: mixtures by a random condition or index, and functions that are written in pieces."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass, replace
from probtensor.graph import Node, as_tensor
from probtensor.graph import replace as replaced
from probtensor.graph.node import make
from probtensor.ops.kinds import Elementwise
from probtensor.prob.derived.derivation import Derivation, NotDerived, require_shape
from probtensor.prob.derived.law import (
    Law,
    Members,
    independent,
    is_whole_line,
    joined_sources,
    law_of_given,
    same_support,
)
from probtensor.prob.derived.rules.counts import truth
from probtensor.prob.distributions.support import Integers, Interval, is_bound, is_number


@dataclass(frozen=True, eq=False)
class Component:
    """One of the values that are chosen from: random, or a given point (`law` is None)."""

    law: Law | None
    point: Node | None = None

    def full(self, y: Node) -> Node:
        """The log density, or 0 at the point."""
        if self.law is not None:
            return self.law.full(y)
        return ops.where(ops.eq(y, self.point), 0.0, -math.inf)

    def at_point(self, y: Node) -> Node | None:
        """Where a value is one with a probability of its own."""
        return ops.eq(y, self.point) if self.law is None else self.law.at_point(y)

    @property
    def points(self) -> tuple[Node, ...]:
        """The values that have a probability of their own."""
        return (self.point,) if self.law is None else self.law.points


def component(d: Derivation, node: Node, x: Node) -> Component:
    """An operand as a component of a choice of the shape of a node."""
    if d.is_given(x):
        return Component(None, x if x.type.is_float else x.astype("float64"))
    law = d.law(x)
    require_shape(law, node)
    if not law.independent:
        raise NotDerived("it chooses from entries that depend on each other", x)
    return Component(law)


def mixture(
    weights: Sequence[Node], parts: Sequence[Component], node: Node, laws: Sequence[Law],
    joint: bool, apart: bool = False,
) -> Law:  # fmt: skip
    """The law of a component that is chosen with log probabilities `weights`. With `joint` all
    entries are of one component; `apart` says that no two entries read the same of a variable."""
    random = [p.law for p in parts if p.law is not None]
    if not random:
        raise NotDerived("it chooses from given values", node, "observe what it is chosen by")
    discrete = {x.discrete for x in random}
    if len(discrete) > 1:
        raise NotDerived("it chooses from whole numbers and continuous values", node)
    counted = discrete == {True}
    if node.ndim and not joint and not apart:
        for k, a in enumerate(random):
            if not all(independent(a, b) or a.same_source(b) for b in random[:k]):
                raise NotDerived("it chooses from different entries of one variable", node)

    def mask(y: Node) -> Node | None:
        found = [m for m in (p.at_point(y) for p in parts) if m is not None]
        return None if not found else _any(found)

    def density(y: Node) -> Node:
        point = None if counted else mask(y)
        terms = []
        for weight, part in zip(weights, parts, strict=True):
            term = ops.broadcast_to(part.full(y), node.shape)
            if point is not None:
                own = part.at_point(y)
                own = ops.zeros(node.shape, "bool") if own is None else own
                # At a point with a probability, densities count as nothing.
                term = ops.where(ops.eq(point, own), term, -math.inf)
            terms.append((ops.sum(term) if joint else term) + weight)
        return ops.logsumexp(ops.stack(terms), axis=0)

    def tail(name: str) -> Callable | None:
        if joint or any(p.law is None or p.law.lower is None for p in parts):
            return None

        def found(y: Node) -> Node:
            terms = [
                ops.broadcast_to(getattr(p.law, name)(y), node.shape) + w
                for p, w in zip(parts, weights, strict=True)
            ]
            return ops.logsumexp(ops.stack(terms), axis=0)

        return found

    if joint and not counted and any(p.points for p in parts):
        raise NotDerived("one condition chooses vectors from given values", node)
    points = () if counted else tuple(x for p in parts for x in p.points)
    support = _joined_support(parts, node, counted)
    if joint:
        support = _joint_support(support, node, counted)
    return Law(
        node.shape, node.dtype, density, support, joined_sources(laws), lower=tail("below"),
        upper=tail("above"), event=tuple(range(node.ndim)) if joint else (), points=points,
        partial=any(x.partial for x in random),
    )  # fmt: skip


def _joint_support(held: object, node: Node, counted: bool) -> object:
    """The support of tensors whose entries lie in another one."""
    if is_whole_line(held):
        return held
    text = f"a tensor, each entry of it {held}"
    return Members(lambda y: ops.all(held.contains(y)), text, counted, node.ndim)


def _any(masks: Sequence[Node]) -> Node:
    found = masks[0]
    for m in masks[1:]:
        found = found | m
    return found


def _joined_support(parts: Sequence[Component], node: Node, counted: bool) -> object:
    """The union of supports: the interval of their ends if these are numbers and no gap matters."""
    supports = [p.law.support for p in parts if p.law is not None]
    plain = all(isinstance(s, (Interval, Integers)) and is_number(s.low, s.high) for s in supports)
    points = [p for p in parts if p.law is None]
    if not points and all(same_support(s, supports[0]) for s in supports):
        return supports[0]
    if plain and not counted and not points:
        # In a gap between the supports no part has a density.
        ends = [[np.asarray(x, "float64") for x in (s.low, s.high)] for s in supports]
        low = np.minimum.reduce([np.min(a) for a, _ in ends])
        high = np.maximum.reduce([np.max(b) for _, b in ends])
        return Interval(float(low), float(high))
    if (
        plain
        and not counted
        and any(not is_bound(s.low) and not is_bound(s.high) for s in supports)
    ):
        return Interval()

    def inside(y: Node) -> Node:
        masks = [s.contains(y) for s in supports]
        masks = [ops.ones(node.shape, "bool") if m is None else m for m in masks]
        return _any([*masks, *(p.at_point(y) for p in points)])

    texts = [str(s) for s in supports] + ["a given value" for _ in points[:1]]
    return Members(inside, " or ".join(dict.fromkeys(texts)), counted)


def derive_where(d: Derivation, node: Node) -> Law | None:
    """where(b, x, y): a mixture if b is random and independent of x and y, a choice if b is given;
    a function in pieces if all are functions of one variable."""
    condition, *values = node.inputs
    if d.is_given(condition):
        return _chosen(d, node, condition, values)
    if _is_nan_check(condition):
        return d.law(values[1])
    law = d.law(condition)
    known = [d.law(x) for x in values if not d.is_given(x)]
    for x in known:
        if not independent(law, x):
            return pieces(d, node)
    joint = law.shape == () and node.ndim > 0
    if not joint:
        require_shape(law, node)
    yes, no = truth(law, condition)
    parts = [component(d, node, x) for x in values]
    return mixture([yes, no], parts, node, [law, *known], joint)


def _is_nan_check(condition: Node) -> bool:
    """Is a condition that of a value that is nan, which has no probability?"""
    while isinstance(condition.op, (ops.Any_, ops.DropAxes, ops.ExpandDims, ops.LogicalOr)):
        condition = condition.inputs[0]
    return isinstance(condition.op, ops.IsNan)


def _chosen(d: Derivation, node: Node, condition: Node, values: Sequence[Node]) -> Law:
    """The law of what a given condition chooses."""
    known = d.value(condition)
    if known is not None and (known.all() or not known.any()):
        x = values[0] if known.all() else values[1]
        if d.is_given(x):
            raise NotDerived("it chooses a given value", node)
        law = d.law(x)
        require_shape(law, node)
        return law
    first, second = _chosen_laws(d, node, values)
    if not independent(first, second) and not first.same_source(second):
        raise NotDerived("it chooses from entries that depend on each other", node)
    if first.discrete != second.discrete:
        raise NotDerived("it chooses from whole numbers and continuous values", node)

    def each(name: str) -> Callable | None:
        return lambda y: ops.where(condition, *(getattr(x, name)(y) for x in (first, second)))

    known_tails = all(x.lower is not None and x.upper is not None for x in (first, second))
    points = [ops.where(condition, x, math.nan) for x in first.points]
    points += [ops.where(condition, math.nan, x) for x in second.points]
    support = first.support
    if not same_support(support, second.support):
        sides = [first.support, second.support]

        def inside(y: Node) -> Node:
            masks = [s.contains(y) for s in sides]
            full = [ops.ones(node.shape, "bool") if m is None else m for m in masks]
            return ops.where(condition, *full)

        support = Members(inside, f"{sides[0]}, or {sides[1]}", first.discrete)
    return Law(
        node.shape, node.dtype, each("full"), support, joined_sources([first, second]),
        lower=each("below") if known_tails else None, upper=each("above") if known_tails else None,
        points=tuple(points), dependent=first.dependent or second.dependent,
        partial=first.partial or second.partial,
    )  # fmt: skip


def _chosen_laws(d: Derivation, node: Node, values: Sequence[Node]) -> list[Law]:
    """The laws of both operands of a choice; given values have the probability 1."""
    parts = [component(d, node, x) for x in values]
    counted = any(p.law is not None and p.law.discrete for p in parts)
    return [
        law_of_given(ops.broadcast_to(x, node.shape), counted) if p.law is None else p.law
        for p, x in zip(parts, values, strict=True)
    ]


def derive_ifelse(d: Derivation, node: Node) -> Law | None:
    """ifelse: one choice for the whole tensor."""
    selector, *values = node.inputs
    if d.is_given(selector):
        if len(values) != 2 or selector.dtype != "bool":
            return None
        return _chosen(d, node, selector, values)
    known = [d.law(x) for x in values if not d.is_given(x)]
    law = d.law(selector)
    if not independent(law, *known):
        raise NotDerived("its condition and its branches are made of the same variable", node)
    if selector.dtype == "bool":
        weights = list(truth(law, selector))
    else:
        weights = _weights(law, len(values), selector)
    parts = [component(d, node, x) for x in values]
    return mixture(weights, parts, node, [law, *known], joint=node.ndim > 0)


def _weights(law: Law, count: int, node: Node) -> list[Node]:
    """Logs of the probabilities of the indices 0 ... count - 1."""
    if not law.discrete or not law.independent:
        raise NotDerived("its index is not made of independent whole numbers", node)
    indexes = law.family is not None and law.family.distribution.indexes
    numbers = [ops.broadcast_to(as_tensor(float(k)), law.shape) for k in range(count)]
    return [law.full(x.astype("int64") if indexes else x) for x in numbers]


def derive_picked(d: Derivation, node: Node) -> Law | None:
    """stack([x, y, ...])[i]: a mixture if i is random, the component i if it is given; also along
    another axis, and for indices that pick each column's own component, as x[i, arange(n)]."""
    x, *indices = node.inputs
    known = [d.value(i) for i in indices]
    if d.is_given(x) or sum(i is None for i in known) != 1:
        return None
    at = next(k for k, i in enumerate(known) if i is None)
    index, axis = indices[at], node.op.axes[at]
    law = d.law(x)
    if not law.independent or (len(indices) == 1 and index.shape != ()):
        raise NotDerived(
            "an index picks several entries, some perhaps twice", node,
            "use pt.where, which chooses entry by entry",
            vague=True,
        )  # fmt: skip
    count = law.shape[axis]
    if not isinstance(count, int):
        raise NotDerived("the number of its components is not known", node)

    def component_of(k: int) -> Law:
        places = list(indices)
        places[at] = ops.broadcast_to(as_tensor(k), index.shape)
        part = make(node.op, (x, *(as_tensor(d.value(i)) for i in places)))
        return _part(d, x, law, part)

    parts = [component_of(k) for k in range(count)]
    joint = node.ndim > 0 and index.shape == ()
    if not joint and tuple(index.shape) != tuple(node.shape):
        raise NotDerived("an index picks several rows of entries", node)
    if d.is_given(index):
        return _picked_by_given(index, parts, node, law)
    own = d.law(index)
    if not independent(own, law):
        raise NotDerived("its index and its values are made of the same variable", node)
    weights = _weights(own, count, index)
    return mixture(weights, [Component(p) for p in parts], node, [own, law], joint, apart=True)


def _picked_by_given(index: Node, parts: Sequence[Law], node: Node, law: Law) -> Law:
    """The component that a given index picks."""
    count = len(parts)
    if index.dtype == "bool":
        index = index.astype("int64")
    places = [index, *np.indices(index.shape)] if index.shape else [index]

    def each(name: str) -> Callable:
        def found(y: Node) -> Node:
            terms = [ops.broadcast_to(getattr(p, name)(y), node.shape) for p in parts]
            return ops.stack(terms)[tuple(places)]

        return found

    support = parts[0].support
    if not all(same_support(p.support, support) for p in parts):

        def inside(y: Node) -> Node:
            masks = [p.support.contains(y) for p in parts]
            full = [ops.ones((), "bool") if m is None else m for m in masks]
            full = [ops.broadcast_to(m, node.shape) for m in full]
            return ops.stack(full)[tuple(places)]

        text = " or ".join(dict.fromkeys(str(p.support) for p in parts))
        support = Members(inside, text, law.discrete)
    tails = all(p.lower is not None and p.upper is not None for p in parts)
    points = [
        ops.where(ops.eq(index, k) | ops.eq(index, k - count), x, math.nan)
        for k, p in enumerate(parts)
        for x in p.points
    ]
    return Law(
        node.shape, node.dtype, each("full"), support, dict.fromkeys(law.sources),
        lower=each("below") if tails else None, upper=each("above") if tails else None,
        points=tuple(points), partial=law.partial,
    )  # fmt: skip


def _part(d: Derivation, whole: Node, law: Law, part: Node) -> Law:
    """The law of one component."""
    return d.within(part, {whole: law}).law(part)


# Functions in pieces.


def pieces(d: Derivation, node: Node) -> Law:
    """where(c(x), f(x), g(x)): the density is the sum of those of the pieces, each of which counts
    where x lies on its side."""
    condition, *values = node.inputs
    variables = d.variables(node)
    if len(variables) != 1 or variables[0].shape != node.shape:
        raise NotDerived("its condition and its values are made of the same variable", node)
    x = variables[0]
    for between in _between(node, x, d):
        if not isinstance(between.op, Elementwise):
            raise NotDerived("its pieces are no functions of one entry", between)
    base = d.law(x)
    laws, points = [], []
    for value, holds in zip(values, (True, False), strict=True):
        side = _on_side(base, x, condition, holds)
        if d.is_given(value):
            mass = truth(d.law(condition), condition)[0 if holds else 1]
            points.append((value, mass))
            continue
        laws.append(d.within(value, {x: side}).law(value))

    def mask(y: Node) -> Node:
        return _any([ops.eq(y, c) for c, _ in points])

    def density(y: Node) -> Node:
        terms = [ops.broadcast_to(law.full(y), node.shape) for law in laws]
        if points and not base.discrete:
            terms = [ops.where(mask(y), -math.inf, t) for t in terms]
        terms += [ops.where(ops.eq(y, c), m, -math.inf) for c, m in points]
        return terms[0] if len(terms) == 1 else ops.logsumexp(ops.stack(terms), axis=0)

    def inside(y: Node) -> Node:
        return density(y) > -math.inf

    support = Members(inside, "a value that one of its pieces takes", base.discrete)
    return Law(
        node.shape, node.dtype, density, support, base.sources,
        points=() if base.discrete else tuple(c for c, _ in points),
    )  # fmt: skip


def _between(node: Node, x: Node, d: Derivation) -> list[Node]:
    """The random nodes from a variable to a node."""
    found, stack = {}, [node]
    while stack:
        top = stack.pop()
        if top is x or top in found or d.is_given(top):
            continue
        found[top] = None
        stack += top.inputs
    return list(found)


def _on_side(base: Law, x: Node, condition: Node, holds: bool) -> Law:
    """The density of a variable where a condition of it holds, and none elsewhere."""

    def density(v: Node) -> Node:
        value = v if v.dtype == x.dtype else v.astype(x.dtype)
        held = replaced([condition], {x: ops.broadcast_to(value, x.shape)})[0]
        return ops.where(held if holds else ops.logical_not(held), base.density(v), -math.inf)

    return replace(
        base, density=density, lower=None, upper=None, quantile=None, family=None,
        alike=lambda axis: False,
    )  # fmt: skip
