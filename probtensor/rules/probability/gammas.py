"""Differences of log gammas in naive code: lgamma(y + a) - lgamma(a) cancels for large a.

The terms are matched anywhere in a chain of sums. Arguments are compared as linear forms, so
(nu + 1) / 2 equals nu / 2 + 1 / 2, and sum(x + a) equals sum(x) + sum(a).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from probtensor import ops
from probtensor.graph.node import Const, Node, make
from probtensor.rules.arithmetic.algebra import SMALL
from probtensor.rules.probability.links import log_of, log_of_rest
from probtensor.transform.chain import Leaf, chain_leaves, regrow
from probtensor.transform.facts import FactTable, constant_of
from probtensor.transform.pattern import var
from probtensor.transform.rewrite import Ruleset, rewrite, rule

x, y = var("x"), var("y")
POSITIVE = (1e-140, 1e140)
DIFFERENCES = {
    ops.Lgamma: ops.log_rising_factorial,
    ops.Digamma: ops.digamma_difference,
    ops.Trigamma: ops.trigamma_difference,
}
WANTED = (*DIFFERENCES, ops.Lbeta, ops.LogRisingFactorial, ops.Sum)
# Terms of an argument, at most.
MAX_TERMS = 8

RATIOS = Ruleset(
    rule(
        ops.log(x / (x + y)), ops.log_share(x, y), over=POSITIVE, limits=True,
        why="the quotient rounds to 1 for x >> y, as in a negative binomial near a Poisson",
    ),
    rule(
        1 - x / (x + y), y / (x + y), over=POSITIVE, limits=True,
        why="cancellation for x >> y",
    ),
    rule(
        ops.log1p(-(x / (x + y))), ops.log_share(y, x), over=POSITIVE, limits=True,
        why="the quotient rounds to 1 for x >> y",
    ),
)  # fmt: skip


# Linear forms.

# Coefficients and a constant. The constant is exact, since it may be much larger than the terms.
Form = tuple[dict[Node, float], Fraction]


def linear(node: Node) -> Form | None:
    """({leaf: coefficient}, constant) for a node; None if it has more than MAX_TERMS terms."""
    terms: dict[Node, float] = {}
    constant = Fraction(0)
    stack = [(node, 1.0)]
    while stack:
        top, scale = stack.pop()
        value = constant_of(top)
        if value is not None:
            if not math.isfinite(scale * value):
                return None
            constant += Fraction(scale) * Fraction(value)
            continue
        parts = _parts(top)
        if parts is None:
            terms[top] = terms.get(top, 0.0) + scale
        else:
            stack += [(part, scale * factor) for part, factor in parts]
        if len(terms) + len(stack) > MAX_TERMS:
            return None
    return {leaf: c for leaf, c in terms.items() if c}, constant


def _parts(node: Node) -> list[tuple[Node, float]] | None:
    """The operands of a sum, or of a product with a literal, with their coefficients."""
    match node.op:
        case ops.Add():
            return [(node.inputs[0], 1.0), (node.inputs[1], 1.0)]
        case ops.Sub():
            return [(node.inputs[0], 1.0), (node.inputs[1], -1.0)]
        case ops.Neg():
            return [(node.inputs[0], -1.0)]
        case ops.Mul():
            for factor, rest in (node.inputs, node.inputs[::-1]):
                value = constant_of(factor)
                if value is not None:
                    return [(rest, float(value))]
        case ops.Div():
            value = constant_of(node.inputs[1])
            if value:
                return [(node.inputs[0], 1 / value)]
        case ops.Sum():
            inner = _parts(node.inputs[0])
            if inner is not None and all(part.shape == node.inputs[0].shape for part, _ in inner):
                return [(make(node.op, (part,)), factor) for part, factor in inner]
    return None


def difference(u: Node, v: Node) -> tuple[Node, bool] | None:
    """u - v as (node, False), or v - u as (node, True); None unless the difference is simpler than
    u and v because they have non-literal terms in common.

    All terms of the subtrahend must be terms of the other one, as for u = v + n: then v + n is u
    within a rounding. (Not so for u = s + p and v = s + q: v + (p - q) loses u where q is far
    larger.) A literal is a part of a literal within a factor of 2 (see `_is_near`), and of a sum
    that contains one."""
    first, second = linear(u), linear(v)
    if first is None or second is None:
        return _of_constants(u, v)
    shared = {leaf for leaf, c in first[0].items() if second[0].get(leaf) == c}
    if not shared:
        forms = sorted((first, second), key=lambda form: (len(form[0]), form[1]))
        if not _is_near(*(constant for _, constant in forms)) or forms[0][0]:
            return _of_constants(u, v)
    leaves = [leaf for leaf in {**first[0], **second[0]} if leaf not in shared]
    terms = [(leaf, first[0].get(leaf, 0.0) - second[0].get(leaf, 0.0)) for leaf in leaves]
    rest = first[1] - second[1]
    if len(terms) > 3 or any(leaf.dtype != u.dtype for leaf, _ in terms):
        return None
    extends = _is_part(second, first, shared)
    if not extends and not _is_part(first, second, shared):
        return None
    sign = 1.0 if extends else -1.0
    return _sum([(leaf, sign * c) for leaf, c in terms], sign * _rounded(rest), u), not extends


def _rounded(x: Fraction) -> float:
    try:
        return float(x)
    except OverflowError:
        return math.inf if x > 0 else -math.inf


def _is_near(low: float, high: float) -> bool:
    """Is low <= high <= 2 * low, so that high - low is exact (Sterbenz), with both large enough for
    the difference of their log gammas to cancel?"""
    return SMALL <= low <= high <= 2 * low


def _of_constants(u: Node, v: Node) -> tuple[Node, bool] | None:
    """`difference` of two arrays of literals that satisfy `_is_near` elementwise; else None."""
    if not (isinstance(u.op, Const) and isinstance(v.op, Const)) or u.dtype != v.dtype:
        return None
    try:
        first, second = np.broadcast_arrays(u.op.array, v.op.array)
    except ValueError:
        return None
    for low, high, flipped in ((second, first, False), (first, second, True)):
        if np.all((low >= SMALL) & (low <= high) & (high <= 2 * low)):
            return ops.constant(high - low, dtype=u.dtype), flipped
    return None


def _is_part(form: Form, form_of_whole: Form, shared: set[Node]) -> bool:
    """Has `form` only shared leaves, and a constant not larger than that of `form_of_whole`?"""
    return form[0].keys() <= shared and not abs(form[1]) > abs(form_of_whole[1])


def _sum(terms: Sequence[tuple[Node, float]], rest: float, like: Node) -> Node:
    total = None
    for leaf, c in sorted(terms, key=lambda term: term[1] < 0):
        part = leaf if abs(c) == 1 else abs(c) * leaf
        if total is None:
            total = part if c > 0 else -part
        else:
            total = total + part if c > 0 else total - part
    if total is None:
        return ops.constant(rest, dtype=like.dtype)
    return total + rest if rest else total


def is_sum_of(u: Node, a: Node, b: Node) -> float | None:
    """The value of u - a - b if it is a literal; else None."""
    forms = [linear(node) for node in (u, a, b)]
    if any(form is None for form in forms):
        return None
    (form_of_whole, constant), *parts = forms
    left = dict(form_of_whole)
    for terms, rest in parts:
        constant -= rest
        for leaf, c in terms.items():
            left[leaf] = left.get(leaf, 0.0) - c
    return None if any(left.values()) else _rounded(constant)


# Rules.


def _positive(name: str, *shape: int) -> Node:
    """A positive number, above the pole at 0, where inf - inf and its limit differ."""
    return ops.square(ops.tensor(name, shape or (3,))) + 0.5


def _pairs(node: Node, facts: FactTable) -> list[tuple[Leaf, Leaf]]:
    """Pairs (added, subtracted) of leaves of a chain of sums with an op in WANTED."""
    leaves = [leaf for leaf in facts.remember(node, chain_leaves) if type(leaf[1].op) in WANTED]
    return [(p, q) for p, q in itertools.permutations(leaves, 2) if q[2] and not p[2]]


def _difference_of(first: Node, second: Node, facts: FactTable) -> Node | None:
    """f(u) - f(v) for f in DIFFERENCES, or for sums of f over the same axes; else None."""
    if isinstance(first.op, ops.Sum):
        inner = first.inputs[0], second.inputs[0]
        if first.op != second.op or inner[0].shape != inner[1].shape:
            return None
        if type(inner[0].op) not in DIFFERENCES or type(inner[0].op) is not type(inner[1].op):
            return None
        found = _difference_of(*inner, facts)
        return None if found is None else make(first.op, (found,))
    if type(first.op) not in DIFFERENCES or first.op != second.op or not first.type.is_float:
        return None
    (u,), (v,) = first.inputs, second.inputs
    found = difference(u, v)
    if found is None:
        return None
    n, flipped = found
    start = u if flipped else v
    found = DIFFERENCES[type(first.op)](start, n)
    return _undefined_at_poles(-found if flipped else found, start, n, facts)


def _undefined_at_poles(found: Node, start: Node, n: Node, facts: FactTable) -> Node:
    """`found` = f(start + n) - f(start), but nan where both are the same infinity as written: at a
    pole with n = 0, where `found` is 0."""
    if facts.bounds(start).positive or facts.bounds(n).positive or facts.constant(n):
        return found
    pole = ops.logical_and(ops.le(start, 0), ops.eq(ops.floor(start), start))
    both = ops.logical_and(pole, ops.eq(n, 0))
    return found + ops.where(both, ops.constant(math.nan, dtype=found.dtype), 0)


def _examples_of_differences() -> tuple[Node, ...]:
    a, b, n = _positive("a"), _positive("b"), _positive("n")
    return (
        ops.lgamma(n + a) - ops.lgamma(a), ops.digamma(a) + n - ops.digamma(n + a) - b,
        ops.sum(ops.lgamma(n + a)) - ops.sum(ops.lgamma(a)),
        ops.lgamma(n + 300.0) - ops.lgamma(ops.constant(300.0)),
        a + ops.digamma(ops.constant(40.0)) - ops.digamma(ops.constant(40.5)),
    )  # fmt: skip


@rewrite(
    on=(ops.Add, ops.Sub),
    among=[*DIFFERENCES],
    operands=[*DIFFERENCES, ops.Sum],
    in_chain=True,
    example=_examples_of_differences,
    limits=True,
)
def difference_of_log_gammas(node: Node, facts: FactTable) -> Node | None:
    """lgamma(a + n) - lgamma(a) -> log_rising_factorial(a, n), and likewise for digamma and
    trigamma: cancellation for large a."""
    for (path, first, _), (other, second, _) in _pairs(node, facts):
        if type(first.op) is type(second.op):
            found = _difference_of(first, second, facts)
            if found is not None:
                return regrow(node, {path: found, other: None})
    return None


@rewrite(
    on=(ops.Add, ops.Sub),
    among=ops.Lgamma,
    limits=True,
    example=lambda: (lambda a, b, n: (
        ops.lgamma(a) + ops.lgamma(b) - ops.lgamma(a + b),
        ops.lgamma(n + 1) - ops.lgamma(a + 1) - ops.lgamma(n - a + 1),
        n - (ops.lgamma(a) + ops.lgamma(b)) + ops.lgamma(b + a + 1),
    ))(_positive("a"), _positive("b"), _positive("a") + _positive("n")),
)  # fmt: skip
def log_gammas_of_a_sum_and_its_parts(node: Node, facts: FactTable) -> Node | None:
    """lgamma(a) + lgamma(b) - lgamma(a + b) -> lbeta(a, b): cancellation for large a and b. Also if
    the argument is a + b + 1 or a + b - 1, with an additional logarithm, as in the logarithm of a
    binomial coefficient."""
    leaves = [leaf for leaf in facts.remember(node, chain_leaves) if type(leaf[1].op) is ops.Lgamma]
    if len(leaves) < 3:
        return None
    for total in leaves:
        others = [leaf for leaf in leaves if leaf[2] != total[2]]
        for p, q in itertools.combinations(others, 2):
            (u,), (a,), (b,) = (leaf[1].inputs for leaf in (total, p, q))
            rest = is_sum_of(u, a, b)
            # If a and b may have opposite signs, a + b may be 0, where lgamma(a + b + 1) is finite.
            positive = [facts.bounds(x).positive for x in (a, b)]
            if rest in (0.0, -1.0) or (rest == 1.0 and all(positive)):
                # It replaces the leaf p, and takes over its sign.
                found = _beta(u, a, b, rest)
                if not any(positive):
                    # inf - inf as written, where lbeta is infinite. A separate term, so that rules
                    # for differences of lbeta still match.
                    both = ops.logical_and(ops.eq(a, 0), ops.eq(b, 0))
                    found = found + ops.where(both, ops.constant(math.nan, dtype=a.dtype), 0)
                return regrow(node, {p[0]: found, q[0]: None, total[0]: None})
    return None


def _beta(u: Node, a: Node, b: Node, rest: float) -> Node:
    """lgamma(a) + lgamma(b) - lgamma(u) for u = a + b + rest."""
    beta = ops.lbeta(a, b)
    if rest == 0:
        return beta
    log = ops.log(ops.abs(u if rest < 0 else a + b))
    return beta + log if rest < 0 else beta - log


@rewrite(
    on=(ops.Add, ops.Sub),
    among=(ops.Lgamma, ops.LogRisingFactorial),
    limits=True,
    example=lambda: (lambda a, n: (
        ops.log_rising_factorial(a, n) - ops.lgamma(n),
        ops.lgamma(n + 1) - ops.log_rising_factorial(a, n),
    ))(_positive("a"), _positive("n")),
)  # fmt: skip
def rising_factorial_and_log_gamma(node: Node, facts: FactTable) -> Node | None:
    """lgamma(n) - log_rising_factorial(a, n) -> lbeta(a, n), and with lgamma(n + 1) the logarithm
    of a multiset coefficient: cancellation for large arguments."""
    for p, q in _pairs(node, facts):
        kinds = type(p[1].op), type(q[1].op)
        if kinds not in (PAIR, PAIR[::-1]):
            continue
        rise, single = (p, q) if kinds == PAIR else (q, p)
        a, n = rise[1].inputs
        (end,) = single[1].inputs
        rest = is_sum_of(end, n, ops.constant(0.0, dtype=n.dtype))
        if rest in (0.0, 1.0):
            found = -ops.log_multiset_coefficient(a, n) if rest else ops.lbeta(a, end)
            return regrow(node, {single[0]: found, rise[0]: None})
    return None


PAIR = (ops.LogRisingFactorial, ops.Lgamma)


@rewrite(
    on=(ops.Add, ops.Sub),
    among=ops.Lbeta,
    limits=True,
    example=lambda: (lambda a, b, n, m: (
        ops.lbeta(a + n, m + b) - ops.lbeta(a, b),
        ops.lbeta(n + 40.0, m + 9.0) - ops.lbeta(ops.constant(40.0), 9.0),
    ))(*(_positive(name) for name in "abnm")),
)
def difference_of_log_betas(node: Node, facts: FactTable) -> Node | None:
    """lbeta(a + n, b + m) - lbeta(a, b) -> lbeta_change(a, n, b, m), as in a beta-binomial:
    cancellation for large a and b."""
    for (path, first, _), (other, second, _) in _pairs(node, facts):
        if not (isinstance(first.op, ops.Lbeta) and isinstance(second.op, ops.Lbeta)):
            continue
        change = _change(first, second)
        if change is not None:
            return regrow(node, {path: change, other: None})
        change = _change(second, first)
        if change is not None:
            return regrow(node, {path: -change, other: None})
    return None


def _change(end: Node, start: Node) -> Node | None:
    """lbeta_change for end - start = lbeta(a + n, b + m) - lbeta(a, b); else None."""
    a, b = start.inputs
    for ends in (end.inputs, end.inputs[::-1]):
        n, m = _step(a, ends[0]), _step(b, ends[1])
        if n is not None and m is not None:
            return ops.lbeta_change(a, n, b, m)
    return None


def _step(start: Node, end: Node) -> Node | None:
    """end - start if all terms of `start` are terms of `end`; else None."""
    first, second = linear(start), linear(end)
    if first is None or second is None:
        return None
    has_all_terms = all(second[0].get(leaf) == c for leaf, c in first[0].items())
    if not has_all_terms or not 0 <= first[1] <= second[1]:
        return None
    if not first[0] and not _is_near(first[1], second[1]):
        return None
    found = difference(end, start)
    return None if found is None or found[1] else found[0]


@rewrite(
    on=(ops.KlDiv, ops.LogRatio),
    example=lambda: (
        ops.scaled_kl_div(_positive("x"), _positive("n"), ops.ndtr(ops.tensor("z", (3,)) / 300)),
        ops.log_ratio(_positive("x"), ops.softplus(ops.tensor("z", (3,)) / 300), 1),
    ),
    rounded_logs=True,
    limits=True,
)
def deviance_of_a_link(node: Node, facts: FactTable) -> Node | None:
    """kl_div(x, p) -> kl_div_exp(x, log p) if log p can be derived from the expression of the rate
    p, which may under- or overflow. The logarithms of large numbers are rounded. At infinite
    arguments the result is a limit."""
    a, b, x = node.inputs
    logs = [log_of(factor, facts) for factor in (b, x)]
    if logs == [None, None]:
        return None
    first, second = (
        ops.log(factor) if log is None else log for log, factor in zip(logs, (b, x), strict=True)
    )
    log = second if facts.constant(b) == 1 else first if facts.constant(x) == 1 else first + second
    if isinstance(node.op, ops.LogRatio):
        return ops.log(a) - log
    return _deviance(a, log, b * x)


# exp(l) and its derivatives neither overflow nor underflow for |l| below this.
EXP_RANGE = 600


def _deviance(a: Node, l: Node, product: Node) -> Node:
    """kl_div_exp(a, l) for l = log(product). For |l| > EXP_RANGE the terms are written out, so that
    their derivatives are right: one of them is infinite or negligible."""
    none = ops.eq(a, 0)
    plain = ops.where(none, 0, a * ((ops.log(ops.where(none, 1, a)) - l) - 1))
    above, below = l > EXP_RANGE, l < -EXP_RANGE
    middle = ops.where(ops.logical_or(above, below), 0, l)
    overflown = ops.logical_and(ops.isinf(product), a >= 0)
    past = ops.where(overflown, product - a, plain + product)
    # exp(l), not the product, whose factor 1 - p may be dominated by rounding. exp(-745) is 0.
    rest = ops.where(l < -745, 0, ops.exp(ops.clip(l, -745, -EXP_RANGE)))
    return ops.where(above, past, ops.where(below, plain + rest, ops.kl_div_exp(a, middle)))


@rewrite(
    on=ops.BinomialDivergence,
    example=lambda: (lambda x, m, z: ops.binomial_divergence(x, x + m, ops.ndtr(z / 300)))(
        _positive("x"), _positive("m"), ops.tensor("z", (3,))
    ),
    rounded_logs=True,
    limits=True,
)
def binomial_divergence_of_a_link(node: Node, facts: FactTable) -> Node | None:
    """The deviance of a binomial with a probability p given by a link, in terms of log p and
    log(1 - p), which do not underflow as p and 1 - p do. The logarithms of large counts are
    rounded, and at infinite arguments the result is a limit."""
    x, n, p = node.inputs
    log, rest = log_of(p, facts), log_of_rest(p, facts)
    if log is None and rest is None:
        return None
    log = ops.log(p) if log is None else log
    rest = ops.log1p(-p) if rest is None else rest
    log_n = ops.log(n)
    return _deviance(x, log_n + log, n * p) + _deviance(n - x, log_n + rest, n * (1 - p))


GAMMAS = RATIOS + Ruleset(
    deviance_of_a_link,
    binomial_divergence_of_a_link,
    log_gammas_of_a_sum_and_its_parts,
    difference_of_log_betas,
    rising_factorial_and_log_gamma,
    difference_of_log_gammas,
)
