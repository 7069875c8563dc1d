"""Expressions with probabilities of their own: comparisons, roundings, censoring."""

from __future__ import annotations

import math

from probtensor import ops
from probtensor.dataclass import replace
from probtensor.graph import Node, as_tensor
from probtensor.prob.derived.derivation import (
    Derivation,
    NotDerived,
    require_defined,
    require_shape,
)
from probtensor.prob.derived.law import (
    Law,
    Members,
    joined_sources,
    law_of_family,
    log_minus,
    same_support,
)
from probtensor.prob.distributions import discrete
from probtensor.prob.distributions.support import (
    BINARY,
    Integers,
    Interval,
    is_number,
    larger,
    smaller,
)


def truth_law(log_true: Node, log_false: Node, node: Node, sources: dict) -> Law:
    """The law of true and false, from the logarithms of their probabilities."""
    sure = ops.eq(log_true, -math.inf) | ops.eq(log_false, -math.inf)
    logit = ops.where(sure, 0.0, log_true) - ops.where(sure, 0.0, log_false)
    ends = ops.where(ops.eq(log_true, -math.inf), -math.inf, math.inf)
    like = Law(node.shape, node.dtype, lambda v: v, BINARY, sources)
    family = law_of_family(
        discrete.BernoulliLogit(), (ops.where(sure, ends, logit),), node.shape, node.dtype, like
    )
    return replace(
        family,
        density=lambda v: ops.where(ops.ne(v, 0), log_true, log_false),
        support=BINARY,
        lower=lambda v: ops.where(v < 1, log_false, 0.0),
        upper=lambda v: ops.where(v < 1, log_true, -math.inf),
        quantile=None,
    )


def derive_compared(d: Derivation, node: Node) -> Law | None:
    """x > c, x >= c, x < c, x <= c: true with the probability of a tail."""
    if not any(map(d.is_given, node.inputs)):
        x, y = node.inputs
        difference = ops.sub(x, y) if not d.law(x).discrete else ops.sub(
            x.astype("float64"), y.astype("float64")
        )  # fmt: skip
        law = d.within(difference, {x: d.law(x), y: d.law(y)}).law(difference)
        return _compared(law, node, as_tensor(0.0), type(node.op))
    law, position = d.one_random(node)
    kind = type(node.op)
    if position == 1:
        kind = {ops.Gt: ops.Lt, ops.Ge: ops.Le, ops.Lt: ops.Gt, ops.Le: ops.Ge}[kind]
    return _compared(law, node, node.inputs[1 - position], kind)


def _compared(law: Law, node: Node, c: Node, kind: type) -> Law:
    if not law.independent:
        raise NotDerived("entries that depend on each other are compared", node)
    if law.dtype == "bool":
        raise NotDerived("truth values are compared", node, "use pt.logical_not, or pt.where")
    require_defined(law, node)
    c = c if c.type.is_float else c.astype("float64")
    if kind in (ops.Ge, ops.Lt):
        high, low = law.at_least(c), law.before(c)
    else:
        high, low = law.above(c), law.below(c)
    pair = (high, low) if kind in (ops.Gt, ops.Ge) else (low, high)
    return truth_law(*pair, node, law.sources)


def derive_equal(d: Derivation, node: Node) -> Law | None:
    """x == c and x != c for whole numbers."""
    law, position = d.one_random(node)
    if not law.discrete or not law.independent:
        raise NotDerived("a continuous value is equal to another with probability 0", node)
    c = node.inputs[1 - position]
    c = c if law.family is not None and law.family.distribution.indexes else c.astype("float64")
    same = law.full(ops.broadcast_to(c, law.shape))
    other = ops.where(
        ops.eq(same, 0.0), -math.inf, ops.log1mexp(ops.where(ops.eq(same, 0.0), -1.0, same))
    )
    pair = (same, other) if isinstance(node.op, ops.Eq) else (other, same)
    return truth_law(*pair, node, law.sources)


def truth(law: Law, node: Node) -> tuple[Node, Node]:
    """Logs of the probabilities that a tensor of truth values is true, and false."""
    if not same_support(law.support, BINARY) or not law.independent:
        raise NotDerived("its operand is not a tensor of independent truth values", node)
    one = ops.broadcast_to(as_tensor(1.0), law.shape)
    return law.density(one), law.density(ops.zeros_like(one))


def derive_not(d: Derivation, node: Node) -> Law | None:
    """Negation of truth values."""
    law, _ = d.one_random(node)
    yes, no = truth(law, node)
    return truth_law(no, yes, node, law.sources)


def derive_both(d: Derivation, node: Node) -> Law | None:
    """logical_and and logical_or of independent truth values."""
    laws = [d.law(x) for x in node.inputs if not d.is_given(x)]
    from_given = [x for x in node.inputs if d.is_given(x)]
    for law in laws:
        require_shape(law, node)
    if len(laws) == 2 and set(laws[0].sources) & set(laws[1].sources):
        raise NotDerived("both operands are made of the same variable", node)
    pairs = [truth(law, node) for law in laws]
    pairs += [
        tuple(ops.where(c, a, b) for a, b in ((0.0, -math.inf), (-math.inf, 0.0)))
        for c in from_given
    ]
    if isinstance(node.op, ops.LogicalOr):
        pairs = [p[::-1] for p in pairs]
    all_of = pairs[0][0] + pairs[1][0]
    rest = log_minus(as_tensor(0.0), all_of)
    # Not both: the first is not, or it is and the second is not.
    some = ops.logaddexp(pairs[0][1], pairs[0][0] + pairs[1][1])
    rest = ops.where(some < -0.7, some, rest)
    found = (all_of, rest) if isinstance(node.op, ops.LogicalAnd) else (rest, all_of)
    return truth_law(*found, node, joined_sources(laws))


def derive_all(d: Derivation, node: Node) -> Law | None:
    """all and any of independent truth values, over axes."""
    law = d.law(node.inputs[0])
    yes, no = truth(law, node)
    if isinstance(node.op, ops.Any_):
        yes, no = no, yes
    axes = node.op.axes
    total = ops.sum(yes, axis=axes)
    # The rest: log1mexp of the total, or where that is almost 0 the sum of the small ones.
    small = ops.logsumexp(no, axis=axes)
    rest = ops.where(total > -1e-16, small, log_minus(as_tensor(0.0), total))
    found = (total, rest) if isinstance(node.op, ops.All) else (rest, total)
    return truth_law(*found, node, law.sources)


STEPS = {
    ops.Floor: (0.0, 1.0),
    ops.Ceil: (-1.0, 0.0),
    ops.Round: (-0.5, 0.5),
}


def derive_rounded(d: Derivation, node: Node) -> Law | None:
    """floor, ceil and round: a whole number has the probability of its interval."""
    law, _ = d.one_random(node)
    if law.discrete and isinstance(law.support, Integers):
        return law
    if law.discrete or law.points or not law.independent:
        return None
    down, up = STEPS[type(node.op)]

    def density(k: Node) -> Node:
        return law.between(k + down, k + up)

    return replace(
        law,
        dtype=node.dtype,
        density=density,
        support=Integers(-math.inf, math.inf),
        lower=lambda k: law.below(k + up),
        upper=lambda k: law.above(k + up),
        quantile=None,
        family=None,
    )


def derive_trunc(d: Derivation, node: Node) -> Law | None:
    """trunc: the whole number next to 0 on the same side."""
    law, _ = d.one_random(node)
    if law.discrete or law.points or not law.independent:
        return None

    def density(k: Node) -> Node:
        low = ops.where(k > 0, k, k - 1.0)
        high = ops.where(k < 0, k, k + 1.0)
        return law.between(low, high)

    return replace(
        law, dtype=node.dtype, density=density, support=Integers(-math.inf, math.inf), lower=None,
        upper=None, quantile=None, family=None,
    )  # fmt: skip


def derive_censored(d: Derivation, node: Node) -> Law | None:
    """maximum and minimum with a given tensor: the values beyond it are put on it."""
    given = [x for x in node.inputs if d.is_given(x)]
    if not given:
        return None
    law, position = d.one_random(node)
    if not law.independent:
        raise NotDerived("entries that depend on each other are censored", node)
    c = node.inputs[1 - position]
    c = c if c.type.is_float else c.astype("float64")
    raised = isinstance(node.op, ops.Maximum)
    mass = law.below(c) if raised else law.at_least(c)

    def density(y: Node) -> Node:
        return ops.where(ops.eq(y, c), mass, law.full(y))

    def nearest(y: Node) -> Node:
        own = ops.round(y) if law.nearest is None else law.nearest(y)
        return ops.where(ops.abs(own - y) < ops.abs(c - y), own, c)

    def quantile(log_p: Node, above: object) -> Node:
        return (ops.maximum if raised else ops.minimum)(law.quantile(log_p, above), c)

    return replace(
        law,
        dtype=node.dtype,
        density=density,
        support=_cut_support(law, c, raised),
        lower=(lambda y: ops.where(y < c, -math.inf, law.below(y))) if raised else (
            lambda y: ops.where(y < c, law.below(y), 0.0)),
        upper=(lambda y: ops.where(y < c, 0.0, law.above(y))) if raised else (
            lambda y: ops.where(y < c, law.above(y), -math.inf)),
        quantile=None if law.quantile is None else quantile,
        family=None,
        points=() if law.discrete else (*law.points, c),
        nearest=nearest if law.discrete else None,
        alike=lambda axis: law.alike(axis) and not c.shape,
    )  # fmt: skip


def _cut_support(law: Law, c: Node, raised: bool) -> object:
    """The support of a censored value, c included."""
    support = law.support
    bound = c
    if hasattr(c.op, "array") and not c.shape:
        bound = float(c.op.array)
    whole = not law.discrete or (is_number(bound) and bound == math.floor(bound))
    if not isinstance(support, (Interval, Integers)) or not whole:

        def inside(y: Node) -> Node:
            there = support.contains(y)
            beyond = y > c if raised else y < c
            return ops.eq(y, c) | (beyond if there is None else there & beyond)

        return Members(inside, f"{support}, cut at a bound", law.discrete)
    low, high = support.low, support.high
    if raised:
        low, high = larger(low, bound), larger(high, bound) if is_number(high, bound) else high
    else:
        low, high = smaller(low, bound) if is_number(low, bound) else low, smaller(high, bound)
    return type(support)(low, high)
