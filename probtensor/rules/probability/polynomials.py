"""Logarithms of polynomials of probabilities: mixtures, guessing and lapse rates, products, powers.

For a probability a, a polynomial T of degree n in it is written in Bernstein's basis,

    T = sum_k b_k C(n, k) a^k (1 - a)^(n - k),      b_k = sum_i<=k C(k, i) / C(n, i) t_i

where t_i is the coefficient of a^i: for degree 1 it is (1 - a) T(0) + a T(1). The b_k are again
polynomials, in the other probabilities. A polynomial that is nonnegative for all probabilities in
[0, 1] becomes a sum of nonnegative products, so nothing cancels: the complement of c + (1 - c) p is
(1 - c) (1 - p). Its logarithm is computed from the logarithms of the probabilities and of their
complements. In this package `rest` stands for a complement 1 - p, or its logarithm.
(Farouki 2012, "The Bernstein polynomial basis: a centennial retrospective".)
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass, field
from probtensor.graph.node import Const, Node, make
from probtensor.rules.probability.cdfs import VIEWS, power_of, share_of, times_root2
from probtensor.transform.facts import FactTable, constant_of

# Terms of a polynomial, and its degree in one probability, at most; larger ones are not rewritten.
MAX_TERMS = 24
MAX_DEGREE = 4
# Literal weights add to 1 if their sum is within this many ulps of it.
SUM_ULPS = 2
# Exponents of terms are clipped to this. A larger one occurs only where the weight is 0.
MAX_EXPONENT = {"float64": 690.0, "float32": 85.0}
# Depth to which the expression of a probability is examined, so that a pass is linear in the graph.
MAX_DEPTH = 12

Poly = dict[tuple[int, ...], float]
Logs = Callable[[Node], tuple[Node, Node] | None]
ONE: Poly = {(): 1.0}


class _TooLong(Exception):
    """A polynomial of more than MAX_TERMS terms."""


def sum_of(p: Poly, q: Poly, factor: float, eps: float) -> Poly:
    """p + factor * q, without terms that cancel but for the rounding of literals."""
    total = dict(p)
    for term, value in q.items():
        old, other = total.get(term, 0.0), factor * value
        found = old + other
        if old and abs(found) <= SUM_ULPS * eps * abs(old):
            del total[term]
        else:
            total[term] = found
    return total


def product_of(p: Poly, q: Poly, eps: float) -> Poly:
    """p * q."""
    if len(p) * len(q) > 4 * MAX_TERMS:
        raise _TooLong
    total: Poly = {}
    for first, value in p.items():
        for second, other in q.items():
            total = sum_of(total, {tuple(sorted(first + second)): other}, value, eps)
    return total


@dataclass
class Expansion:
    """Nodes as polynomials in leaves; a leaf is identified by its index in `leaves`."""

    facts: FactTable
    eps: float
    leaves: list[Node] = field(default_factory=list)
    number: dict[Node, int] = field(default_factory=dict)
    known: dict[tuple[Node, tuple[Node, ...], int], Poly] = field(default_factory=dict)

    def of(self, node: Node, views: tuple[Node, ...] = (), depth: int = MAX_DEPTH) -> Poly:
        """The polynomial equal to `node` under `views`; it is not to be changed."""
        key = node, views, depth
        if key not in self.known:
            self.known[key] = self._of(node, views, depth)
        return self.known[key]

    def _of(self, node: Node, views: tuple[Node, ...], depth: int) -> Poly:
        value = constant_of(node)
        if value is not None:
            return {(): float(value)} if math.isfinite(value) else self.leaf(node, views)
        if depth <= 0:
            return self.leaf(node, views)
        found = self._of_sum_or_product(node, views, depth - 1)
        if found is None:
            found = self._of_link(node, views)
        if found is None:
            return self.leaf(node, views)
        if len(found) > MAX_TERMS:
            raise _TooLong
        return found

    def _of_sum_or_product(self, node: Node, views: tuple, depth: int) -> Poly | None:
        def of(x: Node) -> Poly:
            return self.of(x, views, depth)

        match node.op:
            case ops.Add():
                return self.sum(of(node.inputs[0]), of(node.inputs[1]))
            case ops.Sub():
                return self.sum(of(node.inputs[0]), of(node.inputs[1]), -1.0)
            case ops.Neg():
                return self.sum({}, of(node.inputs[0]), -1.0)
            case ops.Mul():
                return self.product(of(node.inputs[0]), of(node.inputs[1]))
            case ops.Div():
                divisor = constant_of(node.inputs[1])
                if divisor is not None and math.isfinite(divisor) and divisor != 0:
                    return {t: c / divisor for t, c in of(node.inputs[0]).items()}
                base, power = _small_power(node.inputs[1])
                if power > 1:
                    return self.product(of(node.inputs[0]), self.power(of(1 / base), power))
            case ops.Square() | ops.Pow():
                base, power = _small_power(node)
                if power > 1:
                    return self.power(of(base), power)
        if isinstance(node.op, VIEWS) and len(views) < 3:
            # The other inputs of a view (indices) are not expanded.
            return self.of(node.inputs[0], (node, *views), depth)
        return None

    def _of_link(self, node: Node, views: tuple) -> Poly | None:
        """Functions that are complements of each other, such as sigmoid(z) and sigmoid(-z), in
        terms of one of the two."""
        op = node.op
        if isinstance(op, (ops.Sigmoid, ops.Ndtr)):
            return self._mirrored(op, node.inputs[0], views)
        if isinstance(op, ops.Erfc):
            z = -times_root2(node.inputs[0], self.facts)
            return self.sum({}, self._mirrored(ops.Ndtr(), z, views), 2.0)
        if isinstance(op, ops.Erf):
            z = times_root2(node.inputs[0], self.facts)
            return self.sum({(): -1.0}, self._mirrored(ops.Ndtr(), z, views), 2.0)
        if isinstance(op, ops.Tanh):
            z = _doubled(node.inputs[0])
            return self.sum({(): -1.0}, self._mirrored(ops.Sigmoid(), z, views), 2.0)
        if isinstance(op, ops.Expm1):
            return self.sum({(): -1.0}, self.leaf(ops.exp(node.inputs[0]), views))
        if isinstance(op, ops.Div):
            return self._of_quotient(node, views)
        return None

    def _mirrored(self, op: ops.Op, z: Node, views: tuple) -> Poly:
        if isinstance(z.op, ops.Neg):
            return self.sum(ONE, self._mirrored(op, z.inputs[0], views), -1.0)
        if isinstance(z.op, (ops.Mul, ops.Div)):
            for index, factor in enumerate(z.inputs):
                value = constant_of(factor)
                if value is not None and value < 0:
                    parts = list(z.inputs)
                    parts[index] = ops.constant(-value, factor.dtype)
                    return self.sum(ONE, self.leaf(make(op, (z.op(*parts),)), views), -1.0)
        for opposite in _opposites(z):
            index = self.number.get(viewed(make(op, (opposite,)), views))
            if index is not None:
                return {(): 1.0, (index,): -1.0}
        return self.leaf(make(op, (z,)), views)

    def _of_quotient(self, node: Node, views: tuple) -> Poly | None:
        """c / (d + u) for literals c and d, as (c / d) times the leaf d / (d + u)."""
        if share_of(node, self.facts) is not None or not isinstance(node.inputs[1].op, ops.Add):
            return None
        above, total = constant_of(node.inputs[0]), node.inputs[1]
        for d, u in (total.inputs, total.inputs[::-1]):
            value = constant_of(d)
            if above is None or value is None or not 0 < value < math.inf:
                continue
            if not math.isfinite(above) or not self.facts.bounds(u).positive:
                continue
            return self.sum({}, self.leaf(d / total, views), above / value)
        return None

    def sum(self, p: Poly, q: Poly, factor: float = 1.0) -> Poly:
        return sum_of(p, q, factor, self.eps)

    def product(self, p: Poly, q: Poly) -> Poly:
        return product_of(p, q, self.eps)

    def power(self, p: Poly, power: int) -> Poly:
        total = p
        for _ in range(power - 1):
            total = self.product(total, p)
        return total

    def leaf(self, node: Node, views: tuple[Node, ...] = ()) -> Poly:
        node = viewed(node, views)
        index = self.number.setdefault(node, len(self.leaves))
        if index == len(self.leaves):
            self.leaves.append(node)
        return {(index,): 1.0}


def _small_power(node: Node) -> tuple[Node, int]:
    """(x, k) for x**k with an integer 2 <= k <= MAX_DEGREE; (node, 1) otherwise."""
    x, k = power_of(node) or (node, None)
    power = None if k is None else constant_of(k)
    return (x, int(power)) if power in range(2, MAX_DEGREE + 1) else (node, 1)


def viewed(node: Node, views: tuple[Node, ...]) -> Node:
    """`views` applied to a node, the first one innermost."""
    for view in views:
        source = ops.broadcast_to(node, view.inputs[0].shape)
        node = make(view.op, (source, *view.inputs[1:]))
    return node


def _opposites(z: Node) -> list[Node]:
    """Equivalent expressions of -z for a sum or difference z."""
    if isinstance(z.op, ops.Sub):
        first, second = z.inputs
        value = constant_of(first)
        found = [second - first]
        if value is not None:
            other = ops.constant(-value, first.dtype)
            found += [second + other, other + second]
        return found
    if not isinstance(z.op, ops.Add):
        return []
    pairs = ((z.inputs[0], z.inputs[1]), z.inputs[::-1])
    values = [(constant_of(literal), rest) for literal, rest in pairs]
    return [ops.constant(-value, z.dtype) - rest for value, rest in values if value is not None]


def _doubled(z: Node) -> Node:
    """2 z, simplified to x for z = x / 2."""
    if isinstance(z.op, ops.Mul):
        for factor, rest in (z.inputs, z.inputs[::-1]):
            if constant_of(factor) == 0.5:
                return rest
    if isinstance(z.op, ops.Div) and constant_of(z.inputs[1]) == 2:
        return z.inputs[0]
    return 2 * z


def bernstein(p: Poly, index: int, eps: float) -> list[Poly]:
    """The coefficients of p in Bernstein's basis, as a polynomial in the leaf with this index."""
    by_power: dict[int, Poly] = {}
    for term, value in p.items():
        rest = tuple(i for i in term if i != index)
        power = len(term) - len(rest)
        by_power.setdefault(power, {})[rest] = value
    n = max(by_power)
    found = []
    for k in range(n + 1):
        total: Poly = {}
        for i in range(k + 1):
            share = math.comb(k, i) / math.comb(n, i)
            total = sum_of(total, by_power.get(i, {}), share, eps)
        found.append(total)
    return found


# The logarithm.

# Ops whose operands are expanded, and links, which have leaves of their own, as quotients have.
_EXPANDED = frozenset({ops.Add, ops.Sub, ops.Neg, ops.Mul, ops.Div, ops.Square, ops.Pow})
_LINKS = frozenset({ops.Sigmoid, ops.Ndtr, ops.Erfc, ops.Erf, ops.Tanh, ops.Expm1})


@dataclass(frozen=True)
class _HasChances:
    """Tells, without an expansion, whether that of a node may have a leaf within [0, 1]; a frozen
    dataclass, so that `facts` caches its results."""

    facts: FactTable

    def __call__(self, p: Node) -> bool:
        level, seen, bounds = [p], {p}, self.facts.bounds
        for _ in range(MAX_DEPTH + 1):
            below: dict[Node, None] = {}
            for node in level:
                kind = node.op.__class__
                if kind in _LINKS or (kind is ops.Div and constant_of(node.inputs[1]) is None):
                    return True
                if node is not p and bounds(node).within(0, 1):
                    return True
                if kind in _EXPANDED:
                    for x in node.inputs:
                        below[x] = None
                elif isinstance(node.op, VIEWS):
                    below[node.inputs[0]] = None
            level = [x for x in below if x not in seen and constant_of(x) is None]
            seen.update(level)
        return False


@dataclass
class _Form:
    """Builds the logarithm of a polynomial from weights and the logarithms of its leaves."""

    expansion: Expansion
    logs: dict[int, tuple[Node, Node]]
    like: Node

    def weight(self, p: Poly) -> float | Node:
        """A polynomial in leaves without logarithms, as a float if it is a literal, else a node."""
        total: float | Node = p.get((), 0.0)
        # What is taken from a literal first, since 1 - a is exact for an indicator a.
        first = total
        for term, value in sorted(p.items(), key=lambda item: item[1] * first >= 0):
            if not term:
                continue
            factors = [self.expansion.leaves[i] for i in term]
            part = math.prod(factors[1:], start=factors[0])
            if isinstance(total, float):
                scaled = part if abs(value) == 1 else abs(value) * part
                lead = total if total else None
                total = scaled if lead is None else lead + scaled if value > 0 else lead - scaled
                total = -total if lead is None and value < 0 else total
            else:
                part = part if abs(value) == 1 else abs(value) * part
                total = total + part if value > 0 else total - part
        return total

    def cancels(self, p: Poly) -> bool:
        """May terms of a weight cancel that are no terms of the expression? So do a and -a * b, of
        a * (1 - b), where a may be large."""
        bounds = self.expansion.facts.bounds
        more, less = (
            {i for term, value in p.items() if value * sign > 0 for i in term} for sign in (1, -1)
        )
        both = [bounds(self.expansion.leaves[i]) for i in more & less]
        return not all(found.integral or found.within(-1, 1) for found in both)

    def log(self, p: Poly) -> list[tuple[float | Node, Node | None]] | None:
        """p as a sum of weight * exp(log), listed as (weight, log); a log of None is 0. None
        instead of a list if a literal weight is negative, or a weight cancels."""
        index = next((i for i in self.logs if any(i in term for term in p)), None)
        if index is None:
            if self.cancels(p):
                return None
            weight = self.weight(p)
            return None if isinstance(weight, float) and weight < 0 else [(weight, None)]
        log, rest = self.logs[index]
        found = []
        parts = bernstein(p, index, self.expansion.eps)
        degree = len(parts) - 1
        for k, part in enumerate(parts):
            inner = self.log(part)
            if inner is None:
                return None
            log_of_factors = _sum_of_logs(_multiple(k, log), _multiple(degree - k, rest))
            inner = [(w, l) for w, l in inner if not isinstance(w, float) or w]
            if not inner:
                continue
            scale = float(math.comb(degree, k))
            if len(inner) > 1 and self.is_nonnegative(inner):
                inner = [(1.0, self.joined(inner))]
            found += [(w if scale == 1 else scale * w, _sum_of_logs(log_of_factors, l))
                      for w, l in inner]  # fmt: skip
        return found or [(0.0, None)]

    def is_nonnegative(self, terms: list[tuple[float | Node, Node | None]]) -> bool:
        """Are all weights nonnegative for certain? Else the sum, which may be a part of another
        one, may be negative, and has no logarithm."""
        return all(
            w > 0 if isinstance(w, float) else self.expansion.facts.bounds(w).nonnegative
            for w, _ in terms
        )

    def joined(self, terms: list[tuple[float | Node, Node | None]]) -> Node:
        """log(sum of weight * exp(log))."""
        zero = ops.constant(0.0, self.like.dtype)
        terms = [(w, l) for w, l in terms if not isinstance(w, float) or w]
        if not terms:
            return ops.constant(-math.inf, self.like.dtype)
        if not self.is_nonnegative(terms):
            logs = [(w, zero if l is None else l) for w, l in terms]
            return log_of_weighed([(self._node(w), l) for w, l in logs])
        total = None
        for w, l in terms:
            log_of_term = _sum_of_logs(self._log_of_weight(w), l)
            log_of_term = zero if log_of_term is None else log_of_term
            total = log_of_term if total is None else ops.logaddexp(total, log_of_term)
        return total

    def _node(self, weight: float | Node) -> Node:
        return ops.constant(weight, self.like.dtype) if isinstance(weight, float) else weight

    def _log_of_weight(self, weight: float | Node) -> Node | None:
        if not isinstance(weight, float):
            return log_beside_one(weight)
        return None if weight == 1 else ops.constant(math.log(weight), self.like.dtype)


def log_beside_one(weight: Node) -> Node:
    """log(weight), by log1p for a weight 1 - c or 1 + c, where c may be tiny."""
    if isinstance(weight.op, (ops.Add, ops.Sub)) and constant_of(weight.inputs[0]) == 1:
        c = weight.inputs[1]
        return ops.log1p(c if isinstance(weight.op, ops.Add) else -c)
    return ops.log(weight)


def _multiple(k: int, log: Node) -> Node | None:
    return None if k == 0 else log if k == 1 else float(k) * log


def _sum_of_logs(first: Node | None, second: Node | None) -> Node | None:
    if first is None or second is None:
        return second if first is None else first
    return first + second


def _size_of_weight(w: Node) -> Node:
    """|w|, but for weights so small that exponents of their terms would exceed the largest one a
    larger number."""
    size, least = ops.abs(w), math.exp(1 - MAX_EXPONENT[w.dtype])
    value = constant_of(w)
    if value is not None and (value == 0 or abs(value) >= least):
        return size
    return ops.where(ops.eq(w, 0), 0, ops.maximum(size, least))


def log_of_weighed(terms: list[tuple[Node, Node]]) -> Node:
    """log(sum of w * exp(l)) for weights of any sign: nan where the sum is negative."""
    if len(terms) == 1:
        ((weight, log),) = terms
        return ops.log(weight) + log
    sizes = [ops.log(_size_of_weight(w)) + l for w, l in terms]
    top = sizes[0]
    for size in sizes[1:]:
        top = ops.maximum(top, size)
    # The result does not depend on the shift.
    shift = ops.stop_gradient(ops.where(ops.isinf(top), 0, top))
    total = None
    for w, l in terms:
        # The exponent exceeds this only where the weight is 0. Clipping avoids 0 * inf in second
        # derivatives.
        part = ops.xexpy(w, ops.minimum(l - shift, MAX_EXPONENT[w.dtype]))
        total = part if total is None else total + part
    return shift + ops.log(total)


@dataclass(frozen=True)
class _Expanded:
    """Gives the expansion of a node and its polynomial, None for a long one; a frozen dataclass, so
    that `facts` caches its results."""

    facts: FactTable

    def __call__(self, p: Node) -> tuple[Expansion, Poly | None]:
        expansion = Expansion(self.facts, float(np.finfo(p.dtype).eps))
        try:
            return expansion, expansion.of(p)
        except _TooLong:
            return expansion, None


def log_of_polynomial(
    p: Node, facts: FactTable, logs_of: Logs, rest: bool = False, cancels: bool = False
) -> Node | None:
    """log p, or log(1 - p) with `rest`, for a polynomial p in probabilities; None for any other p.
    `logs_of(a)` gives log a and log(1 - a) if they can be derived from the expression of a, else
    None. With `cancels`, None if all terms of the sum p are nonnegative."""
    if not facts.remember(p, _HasChances(facts)):
        return None
    expansion, poly = facts.remember(p, _Expanded(facts))
    if poly is None:
        return None
    if rest:
        poly = expansion.sum(ONE, poly, -1.0)
    if cancels and all(c >= 0 for c in poly.values()):
        return None
    # Infinite literals would meet others in weights, which their differences make nan.
    if any(isinstance(x.op, Const) and not np.isfinite(x.op.array).all() for x in expansion.leaves):
        return None
    # A leaf that has cancelled, or has a coefficient of 0, may be nan, which must propagate.
    if len({i for term, c in poly.items() if c for i in term}) < len(expansion.leaves):
        return None
    logs = {}
    for index, leaf in enumerate(expansion.leaves):
        if leaf is p or not any(index in term for term in poly):
            continue
        found = None
        if facts.bounds(leaf).within(0, 1):
            found = facts.remember(leaf, logs_of)
        if found is not None:
            logs[index] = found
            if any(term.count(index) > MAX_DEGREE for term in poly):
                return None
    if not logs:
        return None
    form = _Form(expansion, logs, p)
    terms = form.log(poly)
    return None if terms is None else ops.broadcast_to(form.joined(terms), p.shape)
