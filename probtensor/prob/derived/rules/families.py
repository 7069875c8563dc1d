"""Families of distributions that are closed under maps and sums: which distribution an expression
of variables that pt.random has is. Each entry is a theorem about distributions.

Source: Johnson, Kotz and Balakrishnan, "Continuous Univariate Distributions" (1994, 1995).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from probtensor import ops
from probtensor.graph import Node
from probtensor.graph.node import Op
from probtensor.prob.derived.law import Family, Law, literal_like
from probtensor.prob.distributions import discrete as dd
from probtensor.prob.distributions.continuous.bounded import Uniform
from probtensor.prob.distributions.continuous.lifetimes import Levy
from probtensor.prob.distributions.continuous.positive import (
    Exponential,
    Gamma,
    HalfCauchy,
    HalfNormal,
    InverseGamma,
    LogNormal,
)
from probtensor.prob.distributions.continuous.real import (
    Cauchy,
    Laplace,
    Logistic,
    Normal,
    StudentT,
)
from probtensor.prob.distributions.continuous.shares import ChiSquared
from probtensor.prob.distributions.continuous.skewed import ExGaussian, Gumbel
from probtensor.prob.distributions.distribution import Distribution
from probtensor.transform.facts import FactTable

Found = tuple[Distribution, tuple[Node, ...]]


def _location_scale(family: Family, a: Node, b: Node) -> Found:
    *shapes, mu, sigma = family.parameters
    return family.distribution, (*shapes, a * mu + b, ops.abs(a) * sigma)


def affine_family(family: Family, a: Node, b: Node, facts: FactTable) -> Found | None:
    """The distribution of a * x + b, if it is one that pt.random has."""
    p = family.parameters
    kind = type(family.distribution)
    if kind in (Normal, Cauchy, Laplace, Logistic, StudentT):
        return _location_scale(family, a, b)
    if kind is Uniform:
        ends = a * p[0] + b, a * p[1] + b
        if facts.bounds(a).positive:
            return family.distribution, ends
        if facts.bounds(a).nonpositive:
            return family.distribution, ends[::-1]
        return None
    if facts.constant(b) != 0 or not facts.bounds(a).positive:
        if kind is Gumbel and facts.bounds(a).positive:
            return _location_scale(family, a, b)
        return None
    if kind is Gamma:
        return family.distribution, (p[0], p[1] / a)
    if kind is ChiSquared:
        return Gamma(), (0.5 * p[0], 0.5 / a)
    if kind is Exponential:
        return family.distribution, (p[0] / a,)
    if kind is InverseGamma:
        return family.distribution, (p[0], p[1] * a)
    if kind is LogNormal:
        return family.distribution, (p[0] + ops.log(a), p[1])
    if kind in (HalfNormal, HalfCauchy):
        return family.distribution, (p[0] * a,)
    return None


def negated(family: Family, facts: FactTable) -> Found | None:
    """The distribution of -x, if it is one that pt.random has."""
    if not family.parameters:
        return None
    like = family.parameters[-1]
    return affine_family(family, literal_like(-1.0, like), literal_like(0.0, like), facts)


def is_zero(x: Node, facts: FactTable) -> bool:
    """Is a parameter 0 for certain?"""
    return facts.constant(x) == 0


def family_of_map(op: Op, law: Law, facts: FactTable, power: Node | None = None) -> Found | None:
    """The distribution of an elementary function of a variable, if it is one that pt.random has."""
    family = law.family
    if family is None:
        return None
    p, kind = family.parameters, type(family.distribution)
    match op:
        case ops.Neg():
            return negated(family, facts)
        case ops.Exp() if kind is Normal:
            return LogNormal(), p
        case ops.Log() if kind is LogNormal:
            return Normal(), p
        case ops.Pow() if kind is LogNormal and power is not None:
            return LogNormal(), (power * p[0], ops.abs(power) * p[1])
        case ops.Square() if kind is LogNormal:
            return LogNormal(), (2 * p[0], 2 * p[1])
        case ops.Sqrt() if kind is LogNormal:
            return LogNormal(), (0.5 * p[0], 0.5 * p[1])
        case ops.Div() if kind is LogNormal:
            return LogNormal(), (-p[0], p[1])
        case ops.Div() if kind is Gamma:
            return InverseGamma(), p
        case ops.Div() if kind is Cauchy and is_zero(p[0], facts):
            return Cauchy(), (p[0], 1 / p[1])
        case ops.Square() if kind is HalfNormal:
            return Gamma(), (literal_like(0.5, p[0]), 0.5 / ops.square(p[0]))
        case ops.Square() if kind is Normal and is_zero(p[0], facts):
            return Gamma(), (literal_like(0.5, p[1]), 0.5 / ops.square(p[1]))
        case ops.Abs() if kind is Normal and is_zero(p[0], facts):
            return HalfNormal(), (p[1],)
        case ops.Abs() if kind is Cauchy and is_zero(p[0], facts):
            return HalfCauchy(), (p[1],)
    return None


def equal(a: Node, b: Node, facts: FactTable) -> bool:
    """Are two given tensors equal for certain?"""
    if a is b:
        return True
    one, other = facts.constant(a), facts.constant(b)
    if one is not None and one == other:
        return True
    arrays = [getattr(x.op, "array", None) for x in (a, b)]
    return all(x is not None for x in arrays) and bool(np.array_equal(*arrays))


def norm(a: Node, b: Node) -> Node:
    """sqrt(a**2 + b**2) for positive numbers, without overflow."""
    most, least = ops.maximum(a, b), ops.minimum(a, b)
    return most * ops.sqrt(1 + ops.square(least / most))


def as_gamma(family: Family) -> Family:
    """A gamma distribution, also where it has another name."""
    p, kind = family.parameters, type(family.distribution)
    if kind is Exponential:
        return Family(Gamma(), (literal_like(1.0, p[0]), p[0]))
    if kind is ChiSquared:
        return Family(Gamma(), (0.5 * p[0], literal_like(0.5, p[0])))
    return family


def probability(family: Family) -> Family | None:
    """A count of trials with its number of trials and probability; None if it is none."""
    p, kind = family.parameters, type(family.distribution)
    if kind is dd.Bernoulli:
        return Family(dd.Binomial(), (literal_like(1.0, p[0]), p[0]))
    if kind is dd.BernoulliLogit:
        return Family(dd.BinomialLogit(), (literal_like(1.0, p[0]), p[0]))
    return family if kind in (dd.Binomial, dd.BinomialLogit) else None


def sum_family(x: Family, y: Family, facts: FactTable) -> Found | None:
    """The distribution of the sum of two independent variables, if pt.random has it."""
    for pair in ((x, y), (y, x)):
        found = _sum_family(*pair, facts)
        if found is not None:
            return found
    return None


def _sum_family(x: Family, y: Family, facts: FactTable) -> Found | None:
    p, q = x.parameters, y.parameters
    if x.of(Normal) and y.of(Normal):
        return Normal(), (p[0] + q[0], norm(p[1], q[1]))
    if x.of(Normal) and y.of(Exponential):
        return ExGaussian(), (p[0], p[1], 1 / q[0])
    if x.of(Cauchy) and y.of(Cauchy):
        return Cauchy(), (p[0] + q[0], p[1] + q[1])
    if x.of(dd.Poisson) and y.of(dd.Poisson):
        return dd.Poisson(), (p[0] + q[0],)
    if x.of(Levy) and y.of(Levy):
        return Levy(), (p[0] + q[0], ops.square(ops.sqrt(p[1]) + ops.sqrt(q[1])))
    first, second = as_gamma(x), as_gamma(y)
    if first.of(Gamma) and second.of(Gamma):
        (a, rate), (b, other) = first.parameters, second.parameters
        return (Gamma(), (a + b, rate)) if equal(rate, other, facts) else None
    first, second = probability(x), probability(y)
    if (
        first is not None
        and second is not None
        and type(first.distribution) is type(second.distribution)
    ):
        (n, share), (m, other) = first.parameters, second.parameters
        return (first.distribution, (n + m, share)) if equal(share, other, facts) else None
    return _sum_of_waits(x, y, facts)


def _sum_of_waits(x: Family, y: Family, facts: FactTable) -> Found | None:
    """The sum of two negative binomial counts with one probability."""
    p, q = x.parameters, y.parameters
    kinds = dd.NegativeBinomialProbability, dd.NegativeBinomial
    if x.of(kinds[0]) and y.of(kinds[0]):
        names = list(x.distribution.parameters)
        share, count = names.index("p"), 1 - names.index("p")
        if equal(p[share], q[share], facts):
            total = [p[count] + q[count], p[share]]
            return x.distribution, tuple(total if share else total[::-1])
    if x.of(kinds[1]) and y.of(kinds[1]) and all(map(lambda a, b: equal(a, b, facts), p, q)):
        return x.distribution, (2 * p[0], 2 * p[1])
    return None


Reduced = Callable[[Node], Node]


def total_family(family: Family, total: Reduced, count: Node, fixed: Callable, facts: FactTable,
                 ) -> Found | None:  # fmt: skip
    """The distribution of a sum over axes of independent entries, if pt.random has it.

    total   a parameter summed over the axes
    count   the number of entries
    fixed   a parameter without the axes; None where it varies along them
    """
    p = family.parameters
    if family.of(Normal):
        sigma = fixed(p[1])
        if sigma is not None:
            return Normal(), (total(p[0]), sigma * ops.sqrt(count.astype(sigma.dtype)))
        return Normal(), (total(p[0]), ops.sqrt(total(ops.square(p[1]))))
    if family.of(Cauchy):
        return Cauchy(), (total(p[0]), total(p[1]))
    if family.of(dd.Poisson):
        return dd.Poisson(), (total(p[0]),)
    if family.of(ChiSquared):
        return ChiSquared(), (total(p[0]),)
    gamma = as_gamma(family)
    if gamma.of(Gamma):
        rate = fixed(gamma.parameters[1])
        return None if rate is None else (Gamma(), (total(gamma.parameters[0]), rate))
    trials = probability(family)
    if trials is not None:
        share = fixed(trials.parameters[1])
        return None if share is None else (
            trials.distribution, (total(trials.parameters[0]), share)
        )  # fmt: skip
    if family.of(dd.NegativeBinomialProbability):
        names = list(family.distribution.parameters)
        k = names.index("p")
        share = fixed(p[k])
        if share is not None:
            found = [total(p[1 - k]), share]
            return family.distribution, tuple(found if k else found[::-1])
    return None
