"""Monotone functions of one variable, element by element: the density is that of the inverse, plus
the logarithm of the slope of the inverse; the tails are those of the inverse."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass, replace
from probtensor.graph import Node, as_tensor
from probtensor.prob.derived.derivation import Derivation, NotDerived, remade
from probtensor.prob.derived.law import (
    Law,
    Members,
    is_at,
    is_whole_line,
    law_of_family,
    literal_like,
    same_support,
)
from probtensor.prob.derived.rules.families import affine_family, family_of_map
from probtensor.prob.distributions.support import Integers, Interval, is_bound, is_number
from probtensor.rules.arithmetic.sums import is_constant_along
from probtensor.transform.facts import FactTable

LN2, LN10, LN_PI = math.log(2), math.log(10), math.log(math.pi)
LOG_ROOT_2PI = 0.5 * math.log(2 * math.pi)
REAL = Interval()


@dataclass(frozen=True, eq=False)
class Monotone:
    """A function y = f(x) that is monotone on `domain`.

    inverse    x of y
    log_slope  log |dx/dy| of (x, y)
    domain     where it is monotone
    falls      whether it falls; a node where that depends on given tensors
    """

    inverse: Callable[[Node], Node]
    log_slope: Callable[[Node, Node], Node]
    domain: Interval = REAL
    falls: bool | Node = False


def log_sinh(x: Node) -> Node:
    """log(sinh(x)) for x > 0."""
    return x + ops.log1mexp(-2 * x) - LN2


def _nothing(x: Node, y: Node) -> Node:
    return ops.zeros_like(y)


def _of(low: float, high: float) -> Interval:
    return Interval(low, high)


UNARY: dict[type, Monotone] = {
    ops.Neg: Monotone(lambda y: -y, _nothing, falls=True),
    ops.BitNot: Monotone(lambda y: -y - 1, _nothing, falls=True),
    ops.Exp: Monotone(ops.log, lambda x, y: -x),
    ops.Exp2: Monotone(ops.log2, lambda x, y: -LN2 * x - math.log(LN2)),
    ops.Expm1: Monotone(ops.log1p, lambda x, y: -x),
    ops.Log: Monotone(ops.exp, lambda x, y: y, _of(0.0, math.inf)),
    ops.Log2: Monotone(ops.exp2, lambda x, y: LN2 * y + math.log(LN2), _of(0.0, math.inf)),
    ops.Log10: Monotone(
        lambda y: ops.exp(LN10 * y), lambda x, y: LN10 * y + math.log(LN10), _of(0.0, math.inf)
    ),
    ops.Log1p: Monotone(ops.expm1, lambda x, y: y, _of(-1.0, math.inf)),
    ops.Sqrt: Monotone(ops.square, lambda x, y: ops.log(y) + LN2, _of(0.0, math.inf)),
    ops.Square: Monotone(
        ops.sqrt, lambda x, y: -0.5 * ops.log(y) - LN2, _of(0.0, math.inf)
    ),
    ops.Abs: Monotone(lambda y: y, _nothing, _of(0.0, math.inf)),
    ops.Cbrt: Monotone(
        lambda y: y * y * y, lambda x, y: 2 * ops.log(ops.abs(y)) + math.log(3)
    ),
    ops.Sinh: Monotone(ops.arcsinh, lambda x, y: -ops.log_cosh(x)),
    ops.Arcsinh: Monotone(ops.sinh, lambda x, y: ops.log_cosh(y)),
    ops.Cosh: Monotone(ops.arccosh, lambda x, y: -log_sinh(x), _of(0.0, math.inf)),
    ops.Arccosh: Monotone(ops.cosh, lambda x, y: log_sinh(y), _of(1.0, math.inf)),
    ops.Tanh: Monotone(ops.arctanh, lambda x, y: 2 * ops.log_cosh(x)),
    ops.Arctanh: Monotone(ops.tanh, lambda x, y: -2 * ops.log_cosh(y), _of(-1.0, 1.0)),
    ops.Arctan: Monotone(ops.tan, lambda x, y: ops.log1p_square(x, literal_like(1.0, x))),
    ops.Tan: Monotone(
        ops.arctan, lambda x, y: -ops.log1p_square(y, literal_like(1.0, y)),
        _of(-math.pi / 2, math.pi / 2),
    ),
    ops.Sin: Monotone(
        ops.arcsin, lambda x, y: -0.5 * (ops.log1p(-y) + ops.log1p(y)),
        _of(-math.pi / 2, math.pi / 2),
    ),
    ops.Cos: Monotone(
        ops.arccos, lambda x, y: -0.5 * (ops.log1p(-y) + ops.log1p(y)), _of(0.0, math.pi), True
    ),
    ops.Arcsin: Monotone(ops.sin, lambda x, y: ops.log(ops.cos(y)), _of(-1.0, 1.0)),
    ops.Arccos: Monotone(ops.cos, lambda x, y: ops.log(ops.sin(y)), _of(-1.0, 1.0), True),
    ops.Erf: Monotone(ops.erfinv, lambda x, y: ops.square(x) + 0.5 * LN_PI - LN2),
    ops.Erfc: Monotone(
        ops.erfcinv, lambda x, y: ops.square(x) + 0.5 * LN_PI - LN2, falls=True
    ),
    ops.Erfinv: Monotone(ops.erf, lambda x, y: LN2 - 0.5 * LN_PI - ops.square(y), _of(-1.0, 1.0)),
    ops.Erfcinv: Monotone(
        ops.erfc, lambda x, y: LN2 - 0.5 * LN_PI - ops.square(y), _of(0.0, 2.0), True
    ),
    ops.Ndtr: Monotone(ops.ndtri, lambda x, y: 0.5 * ops.square(x) + LOG_ROOT_2PI),
    ops.Ndtri: Monotone(
        ops.ndtr, lambda x, y: -0.5 * ops.square(y) - LOG_ROOT_2PI, _of(0.0, 1.0)
    ),
    ops.LogNdtr: Monotone(
        ops.ndtri_exp, lambda x, y: y + 0.5 * ops.square(x) + LOG_ROOT_2PI
    ),
    ops.NdtriExp: Monotone(
        ops.log_ndtr, lambda x, y: -0.5 * ops.square(y) - LOG_ROOT_2PI - x, _of(-math.inf, 0.0)
    ),
    ops.Sigmoid: Monotone(ops.logit, lambda x, y: ops.softplus(x) + ops.softplus(-x)),
    ops.Logit: Monotone(
        ops.sigmoid, lambda x, y: ops.log_sigmoid(y) + ops.log_sigmoid(-y), _of(0.0, 1.0)
    ),
    ops.Softplus: Monotone(
        lambda y: y + ops.log1mexp(-y), lambda x, y: -ops.log1mexp(-y)
    ),
    ops.LogSigmoid: Monotone(lambda y: y - ops.log1mexp(y), lambda x, y: -ops.log1mexp(y)),
    ops.Log1mexp: Monotone(
        ops.log1mexp, lambda x, y: y - x, _of(-math.inf, 0.0), True
    ),
}  # fmt: skip


# Functions that are nan outside of their domain, with the range that they have inside.
PARTIAL: dict[type, Interval] = {
    **dict.fromkeys((ops.Log, ops.Log2, ops.Log10, ops.Log1p, ops.Arctanh, ops.Logit), REAL),
    **dict.fromkeys((ops.Erfinv, ops.Erfcinv, ops.Ndtri, ops.NdtriExp), REAL),
    **dict.fromkeys((ops.Sqrt, ops.Arccosh), _of(0.0, math.inf)),
    ops.Log1mexp: _of(-math.inf, 0.0),
    ops.Arcsin: _of(-math.pi / 2, math.pi / 2),
    ops.Arccos: _of(0.0, math.pi),
}


def cut_to(law: Law, domain: Interval) -> Law:
    """The law of the values that lie in a domain, without the probability of the others."""
    low, high = (as_tensor(float(x)).astype(law.dtype) for x in (domain.low, domain.high))

    def inside(y: Node) -> Node:
        held = law.support.contains(y)
        there = (y >= low) & (y <= high)
        return there if held is None else there & held

    def density(y: Node) -> Node:
        return ops.where(inside(y) | ops.isnan(y), law.density(y), -math.inf)

    return replace(
        law, density=density, support=Members(inside, str(law.support)), lower=None, upper=None,
        quantile=None, family=None, partial=True,
    )  # fmt: skip


def partial_law(law: Law, node: Node, position: int, f: Monotone, low_high: Interval) -> Law:
    """The law of a function that is not defined for all values of its operand."""
    if law.points or not law.independent:
        raise NotDerived(
            f"{node.op.user_name()} of values that may lie outside of its domain is derived for "
            "independent values without probabilities of their own", node,
        )  # fmt: skip
    cut = cut_to(law, f.domain)
    found = mapped(cut, node, position, f)
    if is_whole_line(law.support):
        return replace(found, support=low_high)

    def inside(y: Node) -> Node:
        there = cut.support.contains(f.inverse(y))
        for bound, compare in ((low_high.low, ops.ge), (low_high.high, ops.le)):
            there = there & compare(y, bound) if is_bound(bound) else there
        return there

    text = f"{node.op.user_name()} of {law.support}"
    return replace(found, support=Members(inside, text))


def within(law: Law, domain: Interval, facts: FactTable) -> bool:
    """Do the values of a law lie in a domain for certain?"""
    support = law.support
    if not isinstance(support, (Interval, Integers)):
        return domain.low == -math.inf and domain.high == math.inf
    low, high = (
        facts.bounds(x).low if isinstance(x, Node) else float(np.min(x)) for x in (support.low,) * 2
    )
    high = support.high
    high = facts.bounds(high).high if isinstance(high, Node) else float(np.max(high))
    return low >= domain.low and high <= domain.high


def mapped(law: Law, node: Node, position: int, f: Monotone) -> Law:
    """The law of a node that is a monotone function of one of its operands, the others given."""
    if law.discrete:
        return _mapped_counts(law, node, position, f)
    given = [x for k, x in enumerate(node.inputs) if k != position]
    dtype = node.inputs[position].dtype
    return image_law(law, f, lambda x: remade(node, position, x.astype(dtype)), node.dtype, given)


def image_law(
    law: Law, f: Monotone, forward: Callable[[Node], Node], dtype: str, given: Sequence[Node]
) -> Law:
    """The law of a monotone function, `forward`, of a continuous law; `given` is what it reads."""
    falls = f.falls
    points = tuple(map(forward, law.points))

    def density(y: Node) -> Node:
        x = f.inverse(y)
        if law.dependent:
            # An entry out of range has no density, and the others one given any value of it.
            x = ops.where(ops.isnan(x) & ops.logical_not(ops.isnan(y)), _inner_point(f, x), x)
        slope = f.log_slope(x, y)
        for point, its_image in zip(law.points, points, strict=True):
            at = is_at(y, its_image) | ops.eq(x, point)
            x, slope = ops.where(at, point, x), ops.where(at, 0.0, slope)
        if law.event:
            slope = ops.sum(ops.broadcast_to(slope, law.shape), axis=law.event)
        found = law.density(x)
        # At the ends of the image the slope may be infinite.
        return ops.where(ops.eq(found, -math.inf), -math.inf, found + slope)

    tails = (None, None)
    if not law.points and law.lower is not None and law.upper is not None:
        tails = tuple(_within_range(law, f, forward, above) for above in (False, True))

    def quantile(log_p: Node, above: object) -> Node:
        return forward(law.quantile(log_p, ops.logical_xor(as_tensor(above), as_tensor(falls))))

    rank = len(law.shape)
    return replace(
        law,
        dtype=dtype,
        density=density,
        support=image(law, f, forward),
        lower=tails[0],
        upper=tails[1],
        quantile=None if law.quantile is None or tails[0] is None else quantile,
        points=points,
        family=None,
        alike=lambda axis: (
            law.alike(axis) and all(is_constant_along(x, (axis,), rank) for x in given)
        ),
    )


def _inner_point(f: Monotone, like: Node) -> Node:
    """A number in the domain of a function."""
    low, high = f.domain.low, f.domain.high
    outer = low + 0.5 if math.isfinite(low) else -0.5
    return literal_like(0.5 if low < 0.5 < high else outer, like)


def _within_range(law: Law, f: Monotone, forward: Callable, above: bool) -> Callable[[Node], Node]:
    """A tail of a monotone function of a law, also at values that it does not take."""
    tail = _tail(law, f, above)
    if isinstance(law.support, Interval):
        return tail  # the support of the result says which these are

    def found(y: Node) -> Node:
        out = ops.isnan(f.inverse(y)) & ops.logical_not(ops.isnan(y))
        under = y < forward(_inner_point(f, y))
        none = ops.logical_not(under) if above else under
        return ops.where(out, ops.where(none, -math.inf, 0.0), tail(y))

    return found


def _tail(law: Law, f: Monotone, above: bool) -> Callable[[Node], Node]:
    """A tail of a monotone function of a law."""

    def tail(y: Node) -> Node:
        x = f.inverse(y)
        if isinstance(f.falls, Node):
            return ops.where(f.falls, *(law.lower(x), law.upper(x))[:: 1 if above else -1])
        return law.upper(x) if above != f.falls else law.lower(x)

    return tail


def image(law: Law, f: Monotone, forward: Callable[[Node], Node]) -> Interval | Members:
    """The support of a monotone function of a law."""
    support = law.support
    if not isinstance(support, Interval):

        def inside(y: Node) -> Node:
            x = f.inverse(y)
            there = ops.logical_not(ops.isnan(x))
            there = ops.all(there, axis=law.event) if law.event else there
            held = support.contains(x)
            return there if held is None else there & held

        return Members(inside, f"the image of {support}", event_ndim=len(law.event))
    opens = [support.low_open, support.high_open]
    if isinstance(f.falls, Node):
        if not is_bound(support.low) and not is_bound(support.high):
            return support
        # Of an infinite end too: its sign is that of what is given.
        low, high = (forward(as_tensor(x)) for x in (support.low, support.high))
        return Interval(ops.where(f.falls, high, low), ops.where(f.falls, low, high))
    ends = [_end(x, forward, f.falls) for x in (support.low, support.high)]
    if f.falls:
        ends, opens = ends[::-1], opens[::-1]
    return Interval(*ends, *opens)


def _end(bound: object, forward: Callable[[Node], Node], falls: bool) -> object:
    """The image of an end of a support: a number where that is known."""
    if is_number(bound) and np.ndim(bound) == 0:
        made = forward(as_tensor(float(bound)))
        op, inputs = made.op, made.inputs
        if hasattr(op, "array"):
            return float(op.array)
        arrays = [x.op.array for x in inputs if hasattr(x.op, "array")]
        if len(arrays) == len(inputs) and not made.shape:
            with np.errstate(all="ignore"):
                return float(op.numpy(*arrays))
        if math.isinf(float(bound)):
            return -bound if falls else bound
        return made
    return forward(as_tensor(bound))


def _mapped_counts(law: Law, node: Node, position: int, f: Monotone) -> Law:
    """The law of a monotone function of whole numbers: each value has the probability of the
    number that it is the image of."""
    whole = isinstance(law.support, Integers)
    if not whole and law.nearest is None:
        raise NotDerived("a function of discrete values that are no whole numbers", node)

    def number(y: Node) -> Node:
        return ops.round(f.inverse(y)) if law.nearest is None else law.nearest(f.inverse(y))

    def image_of(x: Node) -> Node:
        return remade(node, position, x.astype(node.inputs[position].dtype))

    def inside(y: Node) -> Node:
        x = number(y)
        made = image_of(x).astype(y.dtype)
        near = 1e-12 if y.dtype == "float64" else 1e-5
        # The logarithm of 0 is a value, too.
        same = ops.eq(made, y) & ops.isfinite(x) if whole else ops.eq(made, y)
        there = same | (ops.abs(made - y) <= near * ops.abs(y)) & ops.isfinite(y)
        held = law.support.contains(x)
        return there if held is None else there & held

    support = Members(inside, f"the image of {law.support}", True)
    kept = whole and _keeps_whole(node, position)
    if kept:
        ends = [_shifted(node, position, x) for x in (law.support.low, law.support.high)]
        support = Integers(*(ends[::-1] if f.falls else ends))
    tails = (None, None)
    if not isinstance(f.falls, Node) and law.lower is not None and law.upper is not None:
        tails = _tails_of_counts(law, f)
    return replace(
        law,
        dtype=node.dtype,
        density=lambda y: law.density(number(y)),
        support=support,
        nearest=None if kept else lambda y: image_of(number(y)).astype(y.dtype),
        lower=tails[0],
        upper=tails[1],
        quantile=None,
        family=None,
    )


def _shifted(node: Node, position: int, bound: object) -> object:
    """A bound of whole numbers, shifted or negated as a node does."""
    if isinstance(node.op, ops.Neg):
        return -bound
    if isinstance(node.op, ops.BitNot):
        return -1 - bound
    other = node.inputs[1 - position]
    array = getattr(other.op, "array", None)
    other = float(array) if array is not None and not array.shape else as_float(other)
    if isinstance(node.op, ops.Add):
        return bound + other
    return bound - other if position == 0 else other - bound


def _keeps_whole(node: Node, position: int) -> bool:
    """Does a node shift or negate whole numbers by whole numbers?"""
    if isinstance(node.op, (ops.Neg, ops.BitNot)):
        return node.dtype != "bool"
    if not isinstance(node.op, (ops.Add, ops.Sub)):
        return False
    other = node.inputs[1 - position]
    array = getattr(other.op, "array", None)
    if array is not None:
        return bool(np.all(array == np.floor(array)))
    return other.dtype[:3] in ("int", "uin")


def _tails_of_counts(law: Law, f: Monotone) -> tuple[Callable, Callable]:
    """The tails of a monotone function of whole numbers."""

    def number(y: Node) -> Node:
        x = f.inverse(y)
        near = ops.round(x) if law.nearest is None else law.nearest(x)
        return ops.where(ops.abs(x - near) <= 1e-9 * ops.maximum(ops.abs(near), 1.0), near, x)

    if f.falls:
        return lambda y: law.at_least(number(y)), lambda y: law.before(number(y))
    return lambda y: law.below(number(y)), lambda y: law.above(number(y))


# Rules.


def derive_unary(d: Derivation, node: Node) -> Law | None:
    """A monotone function from the table, on the support."""
    law, position = d.one_random(node)
    f = UNARY[type(node.op)]
    if not within(law, f.domain, d.facts):
        if isinstance(node.op, (ops.Square, ops.Abs, ops.Cosh)) and within(
            law, Interval(-math.inf, 0.0), d.facts
        ):
            f = mirrored(f)
        elif type(node.op) in PARTIAL and not law.discrete and not law.event:
            return partial_law(law, node, position, f, PARTIAL[type(node.op)])
        else:
            raise NotDerived(
                f"{node.op.user_name()} is taken of values that may lie outside of "
                f"[{f.domain.low:g}, {f.domain.high:g}], where it is monotone",
                node,
                "use a distribution whose support lies inside",
                vague=True,
            )
    found = mapped(law, node, position, f)
    family = family_of_map(node.op, law, d.facts)
    if family is None:
        return found
    return law_of_family(*family, node.shape, node.dtype, like=found)


def mirrored(f: Monotone) -> Monotone:
    """An even function on the negative numbers."""
    return Monotone(
        lambda y: -f.inverse(y), lambda x, y: f.log_slope(-x, y), Interval(-math.inf, 0.0), True
    )


def sign_of(d: Derivation, a: Node) -> bool | Node:
    """Whether a given factor is negative: known, or decided by its value."""
    bounds = d.facts.bounds(a)
    if bounds.nonnegative:
        return False
    if bounds.nonpositive:
        return True
    return a < 0


def derive_affine(d: Derivation, node: Node) -> Law | None:
    """Sums with, and products and quotients by, a given tensor."""
    law, position = d.one_random(node)
    other = as_float(node.inputs[1 - position])
    one = literal_like(1.0, other)
    match node.op:
        case ops.Add():
            f = Monotone(lambda y: y - other, _nothing)
            a, b = one, other
        case ops.Sub() if position == 0:
            f = Monotone(lambda y: y + other, _nothing)
            a, b = one, -other
        case ops.Sub():
            f = Monotone(lambda y: other - y, _nothing, falls=True)
            a, b = literal_like(-1.0, other), other
        case ops.Mul():
            size = ops.log(ops.abs(as_float(other)))
            f = Monotone(lambda y: y / other, lambda x, y: -size, falls=sign_of(d, other))
            a, b = other, literal_like(0.0, other)
        case ops.Div() if position == 0:
            size = ops.log(ops.abs(as_float(other)))
            f = Monotone(lambda y: y * other, lambda x, y: size, falls=sign_of(d, other))
            a, b = 1 / other, literal_like(0.0, other)
        case _:
            return None
    found = mapped(law, node, position, f)
    family = None if law.family is None else affine_family(law.family, a, b, d.facts)
    if family is None:
        return found
    return law_of_family(*family, node.shape, node.dtype, like=found)


def as_float(x: Node) -> Node:
    """A tensor in a float dtype."""
    return x if x.type.is_float else x.astype("float64")


def derive_cast(d: Derivation, node: Node) -> Law | None:
    """A change of dtype that keeps the values."""
    law, _ = d.one_random(node)
    if node.dtype == "bool" and not same_support(law.support, Integers(0, 1)):
        raise NotDerived("a cast to bool of anything but 0 and 1", node, "compare: x != 0")
    if not law.discrete and node.dtype[:5] != "float":
        if node.dtype[:3] != "int":
            raise NotDerived("negative values that are cast to unsigned numbers wrap around", node)
        whole = ops.trunc(node.inputs[0])
        law = d.within(whole, {node.inputs[0]: law}).law(whole)
    return replace(law, dtype=node.dtype)


def derive_logaddexp(d: Derivation, node: Node) -> Law | None:
    """log(exp(x) + exp(c)) for a given c."""
    law, position = d.one_random(node)
    c = node.inputs[1 - position]
    f = Monotone(lambda y: y + ops.log1mexp(c - y), lambda x, y: -ops.log1mexp(c - y))
    found = mapped(law, node, position, f)
    if isinstance(law.support, Interval) and not law.support.bounded_below:
        found = replace(found, support=replace(found.support, low=c))
    return found
