"""Functions that take a value several times: even ones, and periodic ones. The density is the sum
over the places where the value is taken."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from probtensor import ops
from probtensor.dataclass import replace
from probtensor.graph import Node, as_tensor
from probtensor.prob.derived.derivation import Derivation, NotDerived, literal_value
from probtensor.prob.derived.law import Law, law_of_family, literal_like
from probtensor.prob.derived.rules.elementwise import UNARY, Monotone
from probtensor.prob.derived.rules.families import family_of_map
from probtensor.prob.distributions.continuous.positive import Exponential
from probtensor.prob.distributions.continuous.real import Cauchy, Normal
from probtensor.prob.distributions.support import Integers, Interval

# The most periods that a bounded support may extend over.
MOST_PERIODS = 64


def derive_even(d: Derivation, node: Node) -> Law | None:
    """abs, square, even powers, cosh of values of both signs: two places, x and -x."""
    law, position = d.one_random(node)
    even = _even_function(d, node, position)
    if even is None:
        return None
    f, low = even

    def density(y: Node) -> Node:
        x = f.inverse(y)
        both = ops.logaddexp(law.full(x), law.full(-x))
        if law.discrete:
            return ops.where(ops.eq(x, 0), law.full(x), both)
        return both + f.log_slope(x, y)

    if law.points:
        raise NotDerived("values with probabilities of their own are folded", node)
    if not law.independent:
        raise NotDerived("entries that depend on each other are folded", node)
    support = Interval(low, low_open=f.falls)
    if law.discrete:
        if not isinstance(node.op, ops.Abs) or not isinstance(law.support, Integers):
            raise NotDerived("an even function of discrete values of both signs", node,
                             "pt.abs of whole numbers is derived")  # fmt: skip
        support = Integers(0)
    known = law.lower is not None and law.upper is not None

    def outside(y: Node) -> Node:
        x = f.inverse(y)
        down = law.below(-x - 1) if law.discrete else law.below(-x)
        return ops.logaddexp(law.above(x), down)

    def between(y: Node) -> Node:
        x = f.inverse(y)
        return law.between(-x - 1 if law.discrete else -x, x)

    lower, upper = (outside, between) if f.falls else (between, outside)
    found = replace(
        law, dtype=node.dtype, density=density, support=support, lower=lower if known else None,
        upper=upper if known else None, quantile=None, family=None,
    )  # fmt: skip
    family = family_of_map(node.op, law, d.facts)
    if family is None:
        return found
    return law_of_family(*family, node.shape, node.dtype, like=found)


def _even_function(d: Derivation, node: Node, position: int) -> tuple[Monotone, float] | None:
    """(an even function of numbers x >= 0, its least value), which is the same at -x."""
    if isinstance(node.op, (ops.Abs, ops.Square, ops.Cosh)):
        return UNARY[type(node.op)], 1.0 if isinstance(node.op, ops.Cosh) else 0.0
    power = d.facts.constant(node.inputs[1]) if position == 0 else None
    if power is None or power != int(power) or power % 2 or power == 0:
        return None
    k = float(power)

    def log_slope(x: Node, y: Node) -> Node:
        return (1 / k - 1) * ops.log(y) - math.log(abs(k))

    return Monotone(lambda y: y ** (1 / k), log_slope, falls=k < 0), 0.0


Wrapped = Callable[[Node], Node]


def wrapped(law: Law, period: Node, node: Node) -> Wrapped:
    """The log density of the remainder of a law by a period, at any representative; NotDerived
    where there is no finite sum."""
    family = law.family
    if law.discrete or law.points or not law.independent:
        raise NotDerived("only independent continuous entries are wrapped", node)
    if family is not None and family.of(Normal):
        return lambda t: _wrapped_normal(t, *family.parameters, period)
    if family is not None and family.of(Cauchy):
        return lambda t: _wrapped_cauchy(t, *family.parameters, period)
    if family is not None and family.of(Exponential):
        return lambda t: _wrapped_exponential(t, *family.parameters, period)
    return _wrapped_interval(law, period, node)


def _wrapped_normal(t: Node, mu: Node, sigma: Node, period: Node) -> Node:
    """The wrapped normal density, by its series or, where that converges slowly, by the Fourier
    series (Mardia and Jupp 2000, "Directional Statistics", 3.5.7)."""
    z = t - mu
    z = z - period * ops.round(z / period)
    wide = sigma > 0.3 * period
    narrow = ops.where(wide, 0.3 * period, sigma)
    terms = [-0.5 * ops.square((z + k * period) / narrow) for k in range(-4, 5)]
    shape = terms[0].shape
    direct = ops.logsumexp(ops.stack([ops.broadcast_to(x, shape) for x in terms]), axis=0)
    direct = direct - ops.log(narrow) - 0.5 * math.log(2 * math.pi)
    spread = ops.where(wide, sigma, 0.5 * period) / period
    waves = as_tensor(0.0)
    for k in range(1, 6):
        decay = ops.exp(-2 * (math.pi * k) ** 2 * ops.square(spread))
        waves = waves + decay * ops.cos(2 * math.pi * k * (z / period))
    series = ops.log1p(2 * waves) - ops.log(period)
    return ops.where(wide, series, direct)


def _wrapped_cauchy(t: Node, mu: Node, sigma: Node, period: Node) -> Node:
    """The wrapped Cauchy density (Mardia and Jupp 2000, 3.5.11)."""
    rate = 2 * math.pi * sigma / period
    half = ops.sin(math.pi * ((t - mu) / period))
    # 1 + r^2 - 2 r cos = (1 - r)^2 + 4 r sin^2(half), for r = exp(-rate).
    gap = -ops.expm1(-rate)
    bottom = ops.square(gap) + 4 * ops.exp(-rate) * ops.square(half)
    return ops.log(-ops.expm1(-2 * rate)) - ops.log(bottom) - ops.log(period)


def _wrapped_exponential(t: Node, lam: Node, period: Node) -> Node:
    """The wrapped exponential density: a geometric sum."""
    t = t - period * ops.floor(t / period)
    return ops.log(lam) - lam * t - ops.log1mexp(-lam * period)


def _wrapped_interval(law: Law, period: Node, node: Node) -> Wrapped:
    """The sum over the periods that a bounded support extends over."""
    support = law.support
    ends = (support.low, support.high) if isinstance(support, Interval) else ()
    known = [literal_value(as_tensor(x)) for x in (*ends, period)]
    if not ends or any(x is None or not x.size for x in known):
        raise NotDerived(
            "the number of periods that its values extend over is not known here: the bounds of "
            "its values, or the period, are no literals", node,
            "make them numbers, or take a normal, cauchy or exponential variable",
        )  # fmt: skip
    first, last = np.min(known[0] / known[2]), np.max(known[1] / known[2])
    if not math.isfinite(last - first):
        raise NotDerived(
            "its values extend over infinitely many periods, whose sum is known for normal, "
            "cauchy and exponential variables", node,
            "use a bounded distribution",
        )  # fmt: skip
    if last - first > MOST_PERIODS:
        raise NotDerived(f"its values extend over more than {MOST_PERIODS} periods", node)

    def density(t: Node) -> Node:
        t = t - period * ops.floor(t / period)
        terms = [law.full(t + k * period) for k in range(math.floor(first), math.floor(last) + 1)]
        return ops.logsumexp(ops.stack(terms), axis=0)

    return density


def derive_remainder(d: Derivation, node: Node) -> Law | None:
    """mod(x, c) for a positive c: the wrapped density."""
    law, position = d.one_random(node)
    if position == 1 or not d.facts.bounds(node.inputs[1]).positive:
        raise NotDerived("the remainder is derived for a divisor known to be positive", node)
    period = node.inputs[1].astype(node.dtype)
    density = wrapped(law, period, node)
    number = d.facts.constant(period)
    high = period if number is None else number
    return replace(
        law, dtype=node.dtype, density=density, support=Interval(0.0, high, high_open=True),
        lower=None, upper=None, quantile=None, family=None,
    )  # fmt: skip


def derive_wave(d: Derivation, node: Node) -> Law | None:
    """sin, cos and tan: the wrapped density at the places of one period."""
    law, _ = d.one_random(node)
    turn = as_tensor(2 * math.pi).astype(node.dtype)
    if isinstance(node.op, ops.Tan):
        density = wrapped(law, 0.5 * math.pi * as_tensor(2.0).astype(node.dtype), node)

        def at(y: Node) -> Node:
            x = ops.arctan(y)
            return density(x) - ops.log1p_square(y, literal_like(1.0, y))

        support = Interval()
    else:
        around = wrapped(law, turn, node)

        def at(y: Node) -> Node:
            if isinstance(node.op, ops.Sin):
                x = ops.arcsin(y)
                both = ops.logaddexp(around(x), around(math.pi - x))
            else:
                x = ops.arccos(y)
                both = ops.logaddexp(around(x), around(-x))
            return both - 0.5 * (ops.log1p(y) + ops.log1p(-y))

        support = Interval(-1.0, 1.0)
    return replace(
        law, dtype=node.dtype, density=at, support=support, lower=None, upper=None, quantile=None,
        family=None,
    )  # fmt: skip
