"""Sums, products and ratios of two independent variables, and functions of one that is used
several times.

Sources of the ratios: Johnson, Kotz and Balakrishnan, "Continuous Univariate Distributions" (1994,
1995), chapters 17, 25, 27 and 28.
"""

from __future__ import annotations

import math

from probtensor import ops
from probtensor.dataclass import replace
from probtensor.graph import Node
from probtensor.prob.derived.derivation import Derivation, NotDerived, require_shape
from probtensor.prob.derived.law import (
    Family,
    Law,
    independent,
    joined_sources,
    law_of_family,
    literal_like,
)
from probtensor.prob.derived.rules.convolutions import (
    Few,
    few_numbers,
    sum_with_few,
    sum_with_uniform,
)
from probtensor.prob.derived.rules.elementwise import UNARY, image_law
from probtensor.prob.derived.rules.families import (
    as_gamma,
    equal,
    is_zero,
    negated,
    norm,
    sum_family,
)
from probtensor.prob.derived.rules.folds import extreme_law
from probtensor.prob.derived.rules.tensors.joins import joined
from probtensor.prob.distributions import discrete
from probtensor.prob.distributions.continuous.bounded import Beta, Uniform
from probtensor.prob.distributions.continuous.positive import (
    Exponential,
    Gamma,
    HalfCauchy,
    HalfNormal,
    LogNormal,
)
from probtensor.prob.distributions.continuous.real import Cauchy, Logistic, Normal, StudentT
from probtensor.prob.distributions.continuous.skewed import Gumbel
from probtensor.prob.distributions.support import Integers, Interval


def two_laws(d: Derivation, node: Node) -> tuple[Law, Law] | None:
    """The laws of two random operands that are independent of each other; None if one is given."""
    if any(map(d.is_given, node.inputs)):
        return None
    laws = [d.law(x) for x in node.inputs]
    if not independent(*laws):
        raise NotDerived(
            "its operands are made of the same variable", node,
            "an expression of one variable is derived if it is monotone, a linear one of normal "
            "variables always", vague=True,
        )  # fmt: skip
    for law in laws:
        require_shape(law, node)
        if not law.independent:
            raise NotDerived("its operands have entries that depend on each other", node)
    return laws[0], laws[1]


def _made(found: tuple, node: Node, laws: tuple[Law, Law]) -> Law:
    sources = joined_sources(laws)
    law = law_of_family(*found, node.shape, node.dtype, None, sources)
    return replace(law, alike=lambda axis: all(x.alike(axis) for x in laws))


def _own(density: object, support: object, node: Node, laws: tuple[Law, Law], lower: object = None,
         upper: object = None) -> Law:  # fmt: skip
    return Law(
        node.shape, node.dtype, density, support, joined_sources(laws), lower=lower, upper=upper,
        alike=lambda axis: all(x.alike(axis) for x in laws),
    )  # fmt: skip


def _refused(node: Node, laws: tuple[Law, Law], what: str) -> NotDerived:
    names = [x.family.distribution.name if x.family else "an expression" for x in laws]
    return NotDerived(
        f"the {what} of {names[0]} and {names[1]} has no known density, with these parameters",
        node,
        "name one of the variables, so that it is given, and a variable of the model",
    )


def derive_sum(d: Derivation, node: Node) -> Law | None:
    """x + y and x - y of independent variables."""
    laws = two_laws(d, node)
    if laws is None:
        return None
    x, y = (law.family for law in laws)
    minus = isinstance(node.op, ops.Sub)
    if x is not None and y is not None:
        law = (_known_difference if minus else _known_sum)(d, node, x, y, laws)
        if law is not None:
            return law
    law = _convolved(node, laws, -1 if minus else 1)
    if law is None:
        raise _refused(node, laws, "difference" if minus else "sum")
    return law


def _known_sum(d: Derivation, node: Node, x: Family, y: Family, laws: tuple[Law, Law],
               ) -> Law | None:  # fmt: skip
    """The sum of two families whose density has a formula."""
    found = sum_family(x, y, d.facts)
    if found is not None:
        return _made(found, node, laws)
    if x.of(Uniform) and y.of(Uniform):
        return _sum_of_uniforms(x, y, node, laws)
    if x.of(Exponential) and y.of(Exponential):
        return _sum_of_exponentials(x, y, node, laws)
    return None


def _known_difference(d: Derivation, node: Node, x: Family, y: Family, laws: tuple[Law, Law],
                      ) -> Law | None:  # fmt: skip
    """The difference of two families whose density has a formula."""
    found = negated(y, d.facts)
    if found is not None:
        return _known_sum(d, node, x, Family(*found), laws)
    law = _difference(d, node, x, y, laws)
    if law is not None:
        return law
    # x - y = -(y - x).
    found = negated(x, d.facts)
    found = None if found is None else sum_family(y, Family(*found), d.facts)
    if found is None:
        return None
    turned = UNARY[ops.Neg]
    return image_law(_made(found, node, laws), turned, lambda v: -v, node.dtype, ())


def _convolved(node: Node, laws: tuple[Law, Law], sign: int) -> Law | None:
    """x + y, or with `sign` -1 x - y, where one of both is of few numbers, or uniform."""
    x, y = laws
    if x.event or y.event:
        return None
    first, second = few_numbers(x), few_numbers(y)
    if second is not None and (first is None or len(second.logs) <= len(first.logs)):
        if sign < 0:
            second = Few(-(second.low + len(second.logs) - 1), second.logs[::-1])
        return sum_with_few(second, x, 1, node, laws)
    if first is not None:
        return sum_with_few(first, y, sign, node, laws)
    found = sum_with_uniform(x, y, sign, node, laws)
    if found is not None:
        return found
    if y.family is not None and y.family.of(Uniform) and sign < 0:
        a, b = y.family.parameters
        y = law_of_family(Uniform(), (-b, -a), node.shape, node.dtype, y)
    return sum_with_uniform(y, x, 1, node, laws)


def _sum_of_uniforms(x: Family, y: Family, node: Node, laws: tuple[Law, Law]) -> Law:
    """A trapezium: the length of what overlaps."""
    (a, b), (e, f) = x.parameters, y.parameters
    narrow = ops.minimum(b - a, f - e)
    wide = ops.maximum(b - a, f - e)
    low, high = a + e, b + f

    def density(s: Node) -> Node:
        length = ops.minimum(ops.minimum(s - low, high - s), narrow)
        return ops.log(length) - ops.log(narrow) - ops.log(wide)

    def below(s: Node) -> Node:
        t = ops.minimum(s - low, narrow)
        slope = ops.log(ops.square(t) / (2 * narrow * wide))
        middle = (0.5 * narrow + ops.maximum(s - low - narrow, 0.0)) / wide
        end = high - s
        top = ops.log1p(-ops.square(ops.minimum(end, narrow)) / (2 * narrow * wide))
        flat = ops.where(end < narrow, top, ops.log(middle))
        return ops.where(s - low < narrow, slope, flat)

    return _own(density, Interval(low, high), node, laws, below, lambda s: below(low + (high - s)))


def _sum_of_exponentials(x: Family, y: Family, node: Node, laws: tuple[Law, Law]) -> Law:
    """a b (exp(-a s) - exp(-b s)) / (b - a), also where a = b (hypoexponential)."""
    (a,), (b,) = x.parameters, y.parameters
    slow, fast = ops.minimum(a, b), ops.maximum(a, b)

    def density(s: Node) -> Node:
        shape = ops.log(s) + ops.log(ops.exprel(-(fast - slow) * s))
        return ops.log(a) + ops.log(b) - slow * s + shape

    def above(s: Node) -> Node:
        # exp(-slow s) + slow s exp(-slow s) (1 - exp(-g s)) / (g s), for the gap g.
        return -slow * s + ops.log1p(slow * s * ops.exprel(-(fast - slow) * s))

    return _own(density, Interval(0.0), node, laws, upper=above)


def _difference(
    d: Derivation, node: Node, x: Family, y: Family, laws: tuple[Law, Law]
) -> Law | None:
    """The differences that are no sums with a negated variable."""
    if x.of(Exponential) and y.of(Exponential):
        (a,), (b,) = x.parameters, y.parameters
        scale = ops.log(a) + ops.log(b) - ops.log(a + b)

        def density(t: Node) -> Node:
            return scale - ops.where(t > 0, a, -b) * t

        def below(t: Node) -> Node:
            down = ops.where(t < 0, t, 0.0)
            up = ops.where(t < 0, 0.0, t)
            high = ops.log1p(-(b / (a + b)) * ops.exp(-a * up))
            return ops.where(t < 0, ops.log(a) - ops.log(a + b) + b * down, high)

        def above(t: Node) -> Node:
            down = ops.where(t < 0, t, 0.0)
            up = ops.where(t < 0, 0.0, t)
            low = ops.log1p(-(a / (a + b)) * ops.exp(b * down))
            return ops.where(t < 0, low, ops.log(b) - ops.log(a + b) - a * up)

        return _own(density, Interval(), node, laws, below, above)
    if x.of(Gumbel) and y.of(Gumbel) and equal(x.parameters[1], y.parameters[1], d.facts):
        (a, scale), (b, _) = x.parameters, y.parameters
        return _made((Logistic(), (a - b, scale)), node, laws)
    if x.of(discrete.Poisson) and y.of(discrete.Poisson):
        (a,), (b,) = x.parameters, y.parameters
        root = 2 * ops.sqrt(a * b)

        def mass(k: Node) -> Node:
            # Skellam (1946); ive(n, z) is exp(-z) I_n(z).
            size = ops.abs(k)
            bessel = ops.log(ops.ive(size, root))
            return root - a - b + 0.5 * k * (ops.log(a) - ops.log(b)) + bessel

        return _own(mass, Integers(-math.inf, math.inf), node, laws)
    return None


def derive_product(d: Derivation, node: Node) -> Law | None:
    """x * y of log_normal variables, of normal ones around 0, of uniform ones from 0, of
    exponential ones."""
    laws = two_laws(d, node)
    if laws is None:
        return None
    x, y = (law.family for law in laws)
    if x is not None and y is not None and x.of(LogNormal) and y.of(LogNormal):
        (a, s), (b, t) = x.parameters, y.parameters
        return _made((LogNormal(), (a + b, norm(s, t))), node, laws)
    found = None if x is None or y is None else _special_product(d, node, x, y, laws)
    if found is None:
        raise _refused(node, laws, "product")
    return found


def _special_product(d: Derivation, node: Node, x: Family, y: Family, laws: tuple[Law, Law],
                     ) -> Law | None:  # fmt: skip
    """Products whose density is a logarithm or a Bessel function (Springer 1979, "The Algebra of
    Random Variables", chapter 4)."""
    p, q = x.parameters, y.parameters
    if x.of(Normal) and y.of(Normal) and is_zero(p[0], d.facts) and is_zero(q[0], d.facts):
        scale = ops.log(p[1]) + ops.log(q[1])

        def density(s: Node) -> Node:
            z = ops.abs(s) / p[1] / q[1]
            return ops.log(ops.k0e(z)) - z - scale - math.log(math.pi)

        return _own(density, Interval(), node, laws)
    if x.of(Exponential) and y.of(Exponential):
        rate = ops.log(p[0]) + ops.log(q[0])

        def density(s: Node) -> Node:
            z = 2 * ops.exp(0.5 * (rate + ops.log(s)))
            return ops.log(ops.k0e(z)) - z + rate + math.log(2)

        return _own(density, Interval(0.0, low_open=True), node, laws)
    if x.of(Uniform) and y.of(Uniform) and is_zero(p[0], d.facts) and is_zero(q[0], d.facts):
        high = p[1] * q[1]

        def left(s: Node) -> Node:
            return ops.log(high) - ops.log(s)

        gamma, two, one = Gamma(), literal_like(2.0, high), literal_like(1.0, high)
        return _own(
            lambda s: ops.log(left(s)) - ops.log(high), Interval(0.0, high, low_open=True), node,
            laws, lambda s: gamma.logccdf(left(s), two, one),
            lambda s: gamma.logcdf(left(s), two, one),
        )  # fmt: skip
    return None


def derive_ratio(d: Derivation, node: Node) -> Law | None:
    """x / y of log_normal, normal and gamma variables."""
    share = _share(d, node)
    if share is not None:
        return share
    laws = two_laws(d, node)
    if laws is None:
        return None
    x, y = (law.family for law in laws)
    student = _student(d, node)
    if student is not None:
        return student
    if x is None or y is None:
        raise _refused(node, laws, "ratio")
    if x.of(LogNormal) and y.of(LogNormal):
        (a, s), (b, t) = x.parameters, y.parameters
        return _made((LogNormal(), (a - b, norm(s, t))), node, laws)
    if x.of(Normal) and y.of(Normal):
        (a, s), (b, t) = x.parameters, y.parameters
        if is_zero(a, d.facts) and is_zero(b, d.facts):
            return _made((Cauchy(), (a, s / t)), node, laws)
    if x.of(HalfNormal) and y.of(HalfNormal):
        return _made((HalfCauchy(), (x.parameters[0] / y.parameters[0],)), node, laws)
    x, y = as_gamma(x), as_gamma(y)
    if x.of(Gamma) and y.of(Gamma):
        return _ratio_of_gammas(x, y, node, laws)
    if x.of(Uniform) and y.of(Uniform) and all(is_zero(f.parameters[0], d.facts) for f in (x, y)):
        return _ratio_of_uniforms(x.parameters[1] / y.parameters[1], node, laws)
    raise _refused(node, laws, "ratio")


def _ratio_of_uniforms(scale: Node, node: Node, laws: tuple[Law, Law]) -> Law:
    """The ratio of uniform variables from 0: flat up to that of their ends, then falling as the
    square."""
    size = ops.log(2 * scale)

    def density(t: Node) -> Node:
        return -size - 2 * ops.maximum(ops.log(t) - ops.log(scale), 0.0)

    def below(t: Node) -> Node:
        far = t > scale
        near = ops.log(ops.where(far, scale, t)) - size
        return ops.where(far, ops.log1p(-0.5 * scale / ops.where(far, t, scale)), near)

    def above(t: Node) -> Node:
        far = t > scale
        rest = ops.log1p(-0.5 * ops.where(far, scale, t) / scale)
        return ops.where(far, ops.log(0.5 * scale) - ops.log(t), rest)

    return _own(density, Interval(0.0), node, laws, below, above)


def _ratio_of_gammas(x: Family, y: Family, node: Node, laws: tuple[Law, Law]) -> Law:
    """x / y = odds(p) rate_y / rate_x for a beta share p: beta prime, F."""
    (a, r), (b, s) = x.parameters, y.parameters
    beta = Beta()
    offset = ops.log(r) - ops.log(s)

    def logit(t: Node) -> Node:
        return ops.log(t) + offset

    def density(t: Node) -> Node:
        z = logit(t)
        return a * ops.log_sigmoid(z) + b * ops.log_sigmoid(-z) - ops.lbeta(a, b) - ops.log(t)

    def below(t: Node) -> Node:
        return beta.logcdf(ops.sigmoid(logit(t)), a, b)

    def above(t: Node) -> Node:
        return beta.logcdf(ops.sigmoid(-logit(t)), b, a)

    support = Interval(0.0)
    return _own(density, support, node, laws, below, above)


def _share(d: Derivation, node: Node) -> Law | None:
    """x / (x + y) for gamma variables of one rate: beta."""
    top, bottom = node.inputs
    if not isinstance(bottom.op, ops.Add) or d.is_given(top):
        return None
    others = [x for x in bottom.inputs if x is not top]
    if len(others) != 1:
        return None
    other = others[0]
    if d.is_given(other):
        return None
    laws = d.law(top), d.law(other)
    if not independent(*laws) or any(x.family is None for x in laws):
        return None
    for law in laws:
        require_shape(law, node)
    x, y = (as_gamma(law.family) for law in laws)
    if not (x.of(Gamma) and y.of(Gamma)):
        return None
    (a, r), (b, s) = x.parameters, y.parameters
    if not equal(r, s, d.facts):
        return None
    return _made((Beta(), (a, b)), node, laws)


def _student(d: Derivation, node: Node) -> Law | None:
    """z / sqrt(g) for a normal z around 0 and a gamma g: student_t."""
    top, bottom = node.inputs
    if not isinstance(bottom.op, ops.Sqrt):
        return None
    laws = d.law(top), d.law(bottom.inputs[0])
    x, g = (law.family for law in laws)
    if x is None or g is None or not x.of(Normal) or not is_zero(x.parameters[0], d.facts):
        return None
    g = as_gamma(g)
    if not g.of(Gamma):
        return None
    a, b = g.parameters
    mu, sigma = x.parameters
    return _made((StudentT(), (2 * a, mu, sigma * ops.sqrt(b / a))), node, laws)


def derive_angle(d: Derivation, node: Node) -> Law | None:
    """arctan2 of normal variables around 0 with one scale: uniform from -pi to pi."""
    laws = two_laws(d, node)
    if laws is None:
        return None
    x, y = (law.family for law in laws)
    round_zero = all(
        f is not None and f.of(Normal) and is_zero(f.parameters[0], d.facts) for f in (x, y)
    )
    if not round_zero or not equal(x.parameters[1], y.parameters[1], d.facts):
        raise _refused(node, laws, "angle")
    ends = (literal_like(-math.pi, node), literal_like(math.pi, node))
    return _made((Uniform(), ends), node, laws)


def derive_larger(d: Derivation, node: Node) -> Law | None:
    """maximum and minimum of two independent variables; of one and itself, which is that one."""
    if node.inputs[0] is node.inputs[1]:
        return d.law(node.inputs[0])
    laws = two_laws(d, node)
    if laws is None:
        return None
    shape = (1, *node.shape)
    parts = [ops.reshape(x, shape) for x in node.inputs]
    both = ops.concatenate(parts, axis=0)
    inner = d.within(both, dict(zip(node.inputs, laws, strict=True)))
    law = joined([inner.law(x) for x in parts], 0, both)
    return extreme_law(law, (0,), isinstance(node.op, ops.Maximum), node)
