"""Soundness of rules: both sides are compared with the exact value over the full range of floats.

A rule given by two patterns is tested at points; a rule written as a function on the graphs of its
example, and on graphs near them (`nearby`). Users may test their own rules: `faults(rule)` is empty
for a sound one. Requirements on the right side, for each element where the left side has a value:

    near       an error of at most SLACK times that of the left side, or `rule.ulps` ulps
    exact      the exact value if the left side is exact
    rounded    correctly rounded if a left side of + - * / is so for all elements tested
    undefined  nan if the value is undefined, and infinity if it is infinite

So a floor, a comparison, a difference of equal values or a logarithm near 1 of either side is the
same. With `rule.limits` the right side may be a limit at infinite arguments; with `rule.sums_first`
it may overflow where a sum that it forms first exceeds the largest number. With `rule.rounded_logs`
its error may be the effect of an error of one ulp in each of its logarithms, as for a deviance,
which is 0 where its logarithms are equal. With `rule.mixtures` its error may, on graphs near those
of the example, be a few ulps of 1, as for the logarithm of a mixture near 1. Signs of zeros are not
compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from probtensor import ops
from probtensor.graph.node import Const, Input, Node, make, new_input
from probtensor.graph.walk import toposort
from probtensor.inspect.exact.values import evaluate_exact, lost, ulps
from probtensor.ops.kinds import Contraction, Elementwise, Reduction, Scatter, View
from probtensor.testing.nearby import in_single, neighbours
from probtensor.testing.points import (
    column,
    combinations,
    example_values,
    graph_values,
    whole_range,
)
from probtensor.testing.reference import evaluate_numpy, size_names_of
from probtensor.transform.facts import Bounds, FactTable
from probtensor.transform.pattern import Match, Var, instantiate
from probtensor.transform.rewrite import RewriteLog, Rule, Ruleset, apply_rules
from probtensor.types import size_value

__all__ = ["example_values", "faults", "faults_between", "faults_nearby", "is_no_worse"]

# The error of the right side may be this many times that of the left side.
SLACK = 4.0
# Half an ulp, plus the rounding of the distance itself.
ROUNDED = 0.5 + 1e-9
# Rules with a larger tolerance than this need not preserve exact values.
LOOSE = 64.0
# Enough bits for the sum of the largest and the smallest number, or of exp(-800) and 1.
BITS, BITS_OF_FUNCTIONS = 2200, 1300
# Test domains for rules with conditions on facts: the widest that satisfies them, else `over`.
DOMAINS = ((-math.inf, math.inf), (-1.0, math.inf), (0.0, math.inf), (5e-324, math.inf))
DTYPES = ("float64", "float32")
SUMS = (Reduction, Contraction, Scatter, View)
# Positions of the operands that are summed, by the name of the op.
SUMMED = {"sum": (0,), "contract": (0,), "scatter": (0, 1), "cumsum": (0,)}
# Ops that round once, or not at all: a left side of these can be exact.
ALGEBRAIC = (
    ops.Add, ops.Sub, ops.Mul, ops.Div, ops.Sqrt, ops.Square, ops.Neg, ops.Abs, ops.Where,
    ops.Maximum, ops.Minimum, ops.Floor, ops.Ceil, ops.Trunc, ops.Cast, Var, Input, Const,
)  # fmt: skip


def faults(rule: Rule, seed: int = 0, few: bool = False) -> list[str]:
    """Messages about values at which the rule is unsound, or an example that it does not change;
    empty for a sound rule. With `few`, fewer values are tested."""
    if rule.lhs is not None:
        return [fault for dtype in DTYPES for fault in _faults_of_drawn(rule, dtype, seed, few)]
    found = []
    for graph in examples_of(rule):
        found += _faults_of_example(rule, graph, seed, few)
        single = in_single(graph)
        if single is not None and rule.name in fired(rule, single)[1]:
            found += _faults_of_example(rule, single, seed, few)
    return found


def examples_of(rule: Rule) -> list[Node]:
    """The graphs of the example of a rule."""
    found = rule.example()
    return list(found) if isinstance(found, (tuple, list)) else [found]


def faults_nearby(rule: Rule, seed: int = 0, limit: int = 10**9) -> tuple[list[str], int]:
    """Messages about graphs near the examples on which the rule is unsound, and the number of
    these graphs that it changed, `limit` at most. (It need not change any.)"""
    found: list[str] = []
    changed = 0
    for graph in neighbours(examples_of(rule), np.random.default_rng(seed)):
        if changed == limit:
            break
        try:
            (after,), names = fired(rule, graph)
        except Exception as error:
            found.append(f"{rule.name} raises at {graph!r}: {error!r}")
            continue
        if rule.name not in names or after is graph:
            continue
        changed += 1
        if after.type != graph.type:
            found.append(f"{rule.name}: {graph.type} became {after.type}")
            continue
        leave = _leave(rule) | {"mixtures": rule.mixtures}
        found += faults_between(graph, after, seed, few=True, **leave)
    return found, changed


def fired(rule: Rule, graph: Node) -> tuple[list[Node], set[str]]:
    """The graph rewritten by the rule, and the names of the rules that fired."""
    log = RewriteLog()
    after = apply_rules([graph], Ruleset(rule), log)
    return after, {name for name, _ in log.fired}


def _leave(rule: Rule) -> dict[str, Any]:
    return {"name": rule.name, "allowed": 4 * rule.ulps, "sums_first": rule.sums_first,
            "limits": rule.limits, "rounded_logs": rule.rounded_logs}  # fmt: skip


# Rules given by two patterns.


def _faults_of_drawn(rule: Rule, dtype: str, seed: int, few: bool) -> list[str]:
    rng = np.random.default_rng(seed)
    variables = [n for n in toposort([rule.lhs]) if isinstance(n.op, Var)]
    points = _points_of(rule, variables, dtype, rng, few)
    bound = {
        v.op.label: new_input(v.op.label, "bool" if v.dtype == "bool" else dtype, (len(points),))
        for v in variables
    }
    with np.errstate(all="ignore"):
        values = {
            x: np.array([point[k] for point in points]).astype(x.dtype)
            for k, x in enumerate(bound.values())
        }
    lhs = instantiate(rule.lhs, bound)
    rhs = instantiate(rule.rhs, bound)
    left, right, exact = _sides(lhs, rhs, values, len(points))
    good = _agreeing(left, right, exact, rule.ulps, _infinite_at(values, rule.limits))
    if left.dtype.kind == "f" and _is_algebraic(rule.lhs):
        good &= is_rounded_too(left, right, exact)
    if not good.all():
        good |= _unknown(lhs, values, exact)
    found = []
    for k in np.flatnonzero(~good):
        where = ", ".join(f"{n}={values[x][k]!r}" for n, x in bound.items())
        found.append(f"{rule.name} in {dtype} at {where}: {left[k]!r} became {right[k]!r}")
    return found


def _points_of(
    rule: Rule, variables: Sequence[Node], dtype: str, rng: Any, few: bool
) -> list[tuple]:
    """Points of the domain of a rule: all floats, or those that satisfy its conditions."""
    intervals, finite = _domain(rule, variables)
    if dtype == "float32" and not rule.everywhere:
        # exp in float32 overflows at about an eighth of the argument of float64.
        intervals = {n: (low / 9, high / 9) for n, (low, high) in intervals.items()}
    columns = [column(v, intervals.get(v.op.label, (-800.0, 800.0)), rng) for v in variables]
    if rule.given is not None and _wide(intervals, variables):
        columns = [[x for x in c if x is True or x is False or math.isfinite(x)] for c in columns]
    points = combinations(columns, rng, few)
    for point in whole_range(variables, dtype, rng, few) if variables else ():
        if all(_within(x, intervals.get(v.op.label), finite) for x, v in zip(point, variables)):
            points.append(point)
    # Finite nonzero numbers of float64 may be infinite or 0 in float32.
    with np.errstate(all="ignore"):
        rounded = [[np.asarray(x).astype(dtype) for x in p] for p in points]
    if any(low > 0 for low, _ in intervals.values()):
        points = [p for p, row in zip(points, rounded) if all(row)]
    return [p for p in points if not finite or all(map(_is_finite(dtype), p))]


def _is_finite(dtype: str) -> Callable[[Any], bool]:
    top = float(np.finfo(dtype).max)
    return lambda x: isinstance(x, bool) or abs(x) <= top


def _wide(intervals: dict, variables: Sequence[Node]) -> bool:
    return any(math.isinf(end) for pair in intervals.values() for end in pair)


def _within(x: Any, interval: tuple[float, float] | None, finite: bool) -> bool:
    if isinstance(x, bool) or interval is None:
        return True
    if math.isnan(x):
        return not finite
    return interval[0] <= x <= interval[1] and not (finite and math.isinf(x))


def _domain(rule: Rule, variables: Sequence[Node]) -> tuple[dict, bool]:
    """The interval of each variable, and whether values must be finite."""
    everywhere = dict.fromkeys([v.op.label for v in variables], DOMAINS[0])
    if rule.given is None:
        return everywhere if rule.everywhere else rule.over, False
    bound = {v.op.label: new_input(v.op.label, v.dtype, ()) for v in variables}
    for finite in (False, True):
        for low, high in DOMAINS:
            facts = FactTable()
            for x in bound.values():
                facts._bounds[x] = Bounds(low, high, finite=finite)
            if rule.given(Match(bound, facts)):
                return dict.fromkeys(bound, (low, high)), finite
    return rule.over, True


def _sides(lhs: Node, rhs: Any, values: dict, count: int) -> tuple[np.ndarray, ...]:
    left, *_ = evaluate_numpy([lhs], values)
    exact, *_ = evaluate_exact([lhs], values, bits=_bits(lhs))
    right = evaluate_numpy([rhs], values)[0] if isinstance(rhs, Node) else np.asarray(rhs)
    with np.errstate(all="ignore"):
        right = right.astype(left.dtype)
    return tuple(np.broadcast_to(side, (count,)) for side in (left, right, exact))


def _unknown(graph: Node, values: dict, exact: np.ndarray) -> np.ndarray:
    """Where the exact value is not available because bits were lost."""
    if graph.dtype[:5] != "float":
        return np.zeros(np.shape(exact), bool)
    return lost([graph], values, [exact], _bits(graph))[0]


def _infinite_at(values: dict, limits: bool) -> np.ndarray | bool:
    """Where an argument is infinite and none is nan, if `limits`; else False."""
    if not limits:
        return False
    floats = [v for v in values.values() if v.dtype.kind == "f"]
    return np.any(np.isinf(floats), axis=0) & ~np.any(np.isnan(floats), axis=0)


# Comparison.


def is_no_worse(
    left: np.ndarray,
    right: np.ndarray,
    exact: np.ndarray,
    allowed: float,
    at_limit: Any = False,
    strict: bool = True,
) -> np.ndarray:
    """Elementwise: may `right` replace `left`, given the exact values? If `strict`, it must be
    exact where `left` is.

    A true infinity or nan must be preserved (except `at_limit`), and so must an exact value. Where
    the left side has an infinite error (nan instead of a number), the right side may be anything.
    Where the value is undefined, a number on the left side must be preserved, or become nan.
    """
    tolerance = allowed * float(np.finfo(left.dtype).eps)
    with np.errstate(all="ignore"):
        error_left, error_right = ulps(left, exact), ulps(right, exact)
        same = np.isclose(left, right, rtol=tolerance, atol=0, equal_nan=True)
    good = (error_right <= np.maximum(allowed, SLACK * error_left)) | _rounds_to_infinity(
        right, exact, tolerance
    )
    if strict and allowed <= LOOSE:
        good &= (error_right == 0) | (error_left > 0)
    undefined = np.asarray(np.frompyfunc(lambda e: e != e, 1, 1)(exact), dtype=bool)
    return np.asarray(np.where(undefined, same | np.isnan(right), good) | at_limit)


def _rounds_to_infinity(right: np.ndarray, exact: np.ndarray, tolerance: float) -> np.ndarray:
    """Where `right` is infinite and the exact value is near the largest float, by the tolerance."""
    edge = float(np.finfo(right.dtype).max) * (1 - tolerance)
    near = np.frompyfunc(lambda value, e: abs(e) >= edge and (e > 0) == (value > 0), 2, 1)
    with np.errstate(all="ignore"):
        return np.asarray(np.isinf(right) & near(right, exact).astype(bool))


def is_rounded_too(left: np.ndarray, right: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Where `right` is correctly rounded, if `left` is so everywhere; else all True."""
    with np.errstate(all="ignore"):
        error_left, error_right = ulps(left, exact), ulps(right, exact)
    finite = np.isfinite(error_left)
    if not finite.any() or np.max(error_left[finite]) > ROUNDED:
        return np.ones(left.shape, bool)
    return ~finite | (error_right <= ROUNDED)


def _agreeing(
    left: np.ndarray,
    right: np.ndarray,
    exact: np.ndarray,
    allowed: float,
    at_limit: Any = False,
    strict: bool = True,
) -> np.ndarray:
    if left.dtype.kind != "f":
        return np.asarray(left == right)
    return is_no_worse(left, right, exact, allowed, at_limit, strict)


# Rules on graphs.


def _faults_of_example(rule: Rule, graph: Node, seed: int, few: bool) -> list[str]:
    log = RewriteLog()
    (after,) = apply_rules([graph], Ruleset(rule), log)
    if not any(name == rule.name for name, _ in log.fired):
        return [f"{rule.name} does not change its example {graph!r}"]
    if log.gave_up:
        return [f"{rule.name}: {log.gave_up}"]
    if after.type != graph.type:
        return [f"{rule.name}: {graph.type} became {after.type}"]
    return faults_between(graph, after, seed, few=few, **_leave(rule))


def faults_between(
    before: Node,
    after: Node,
    seed: int = 0,
    *,
    name: str = "the rewriting",
    allowed: float = 32.0,
    sums_first: bool = False,
    limits: bool = False,
    rounded_logs: bool = False,
    few: bool = False,
    strict: bool = True,
    mixtures: bool = False,
    values: Iterable[dict] | None = None,
) -> list[str]:
    """Messages about values, over the full range of floats, at which `after` may not replace
    `before`. If `strict`, it must be exact and correctly rounded where `before` is. With
    `mixtures`, errors of a few ulps of 1 are accepted."""
    given = graph_values([before, after], seed, few) if values is None else values
    rows = [row for at in given if (row := _evaluated(before, after, at, sums_first)) is not None]
    if not rows:
        return []
    left, right, exact, excused, floats = (list(part) for part in zip(*rows))
    infinite = [np.full(np.shape(side), _any_infinite(at) and limits) for side, at in
                zip(left, floats)]  # fmt: skip
    flat = [np.concatenate([np.ravel(a) for a in part]) for part in (left, right, exact, infinite)]
    # A sum of functions may be exact by chance.
    good = _agreeing(*flat[:3], allowed, flat[3], strict and _is_algebraic(before, SUMS))
    if strict and left[0].dtype.kind == "f" and _is_algebraic(before):
        good &= is_rounded_too(*flat[:3])
    good |= np.concatenate([np.ravel(e) for e in excused])
    if mixtures:
        good |= _beside_one(*flat[:3])
    if not good.all():
        good |= _within_noise(*_with_noise(before), before, floats, flat, good, left)
    if rounded_logs and not good.all():
        noisy, noise = _with_noisy_logs(before, after)
        good |= _within_noise(noisy, noise, after, floats, flat, good, left, separately=True)
    if not good.all():
        unknown = [_unknown(before, at, side) for at, side in zip(floats, exact)]
        good |= np.concatenate([np.ravel(part) for part in unknown])
    elements = [(row, k) for row, side in enumerate(left) for k in np.ndindex(np.shape(side))]
    found = []
    for k in np.flatnonzero(~good):
        row, index = elements[k]
        inputs = {x.name: np.asarray(v).tolist() for x, v in floats[row].items()}
        found.append(f"{name}, {before!r}, element {index}: {flat[0][k]!r} became {flat[1][k]!r} "
                     f"where {float(flat[2][k])!r} is right, at {inputs}"[:600])  # fmt: skip
    return found


def _beside_one(left: np.ndarray, right: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Where both sides are finite, and the error of the right one is a few ulps of 1."""
    with np.errstate(all="ignore"):
        error = np.frompyfunc(_distance, 2, 1)(right.astype(object), exact)
    numbers = np.isfinite(left) & np.isfinite(right)
    return np.asarray(error <= SLACK * float(np.finfo(left.dtype).eps), bool) & numbers


def _is_algebraic(graph: Node, others: tuple = ()) -> bool:
    return all(isinstance(n.op, (*ALGEBRAIC, *others)) for n in toposort([graph]))


def _bits(graph: Node) -> int:
    return BITS if _is_algebraic(graph, SUMS) else BITS_OF_FUNCTIONS


def _within_noise(
    noisy: Node,
    noise: list,
    graph: Node,
    at: Sequence[dict],
    flat: list,
    good: np.ndarray,
    left: list,
    separately: bool = False,
) -> np.ndarray:
    """Where the error of the right side is at most the effect of perturbing certain nodes of a
    graph by one ulp each (a sum that cancels may be formed in any order); computed for rows that
    are not good yet. If `separately`, the effects of single nodes are added, so that they cannot
    cancel."""
    if not noise or flat[0].dtype.kind != "f":
        return np.zeros(flat[0].shape, bool)
    rng = np.random.default_rng(0)
    eps = float(np.finfo(graph.dtype).eps)
    tolerances = []
    ends = np.cumsum([np.size(side) for side in left])
    for values, side, end in zip(at, left, ends):
        tolerance = np.zeros(np.shape(side), object)
        doubtful = not good[end - np.size(side) : end].all()
        still = {x: np.ones(shape(values)) for x, shape in noise}
        for k in range((len(noise) if separately else 3) if doubtful else 0):
            moving = noise[k : k + 1] if separately else noise
            shaken = {x: 1 + eps * rng.choice([-1.0, 1.0], shape(values)) for x, shape in moving}
            moved, exact = evaluate_exact([noisy, graph], values | still | shaken, _bits(graph))
            gap = np.frompyfunc(_distance, 2, 1)(moved, exact)
            tolerance = tolerance + gap if separately else np.maximum(tolerance, gap)
        tolerances.append(np.ravel(tolerance))
    with np.errstate(all="ignore"):
        error = np.frompyfunc(_distance, 2, 1)(flat[1].astype(object), flat[2])
    return np.asarray(error <= SLACK * np.concatenate(tolerances), bool) & np.isfinite(flat[1])


def _distance(a: Any, b: Any) -> Any:
    gap = abs(a - b)
    return gap if gap == gap else 0


def _with_noise(before: Node) -> tuple[Node, list]:
    """The graph with a factor at each term of its sums, and the factors with their shapes."""
    noise: list = []
    done: dict[Node, Node] = {}
    # Functions have rounding errors, which differences of them amplify.
    cancels = not _is_algebraic(before, SUMS)
    for node in toposort([before]):
        inputs = [done[x] for x in node.inputs]
        summed = SUMMED.get(node.op.name, ())
        if cancels and isinstance(node.op, (ops.Add, ops.Sub, ops.Log)):
            summed = range(len(inputs))
        for index in summed:
            inputs[index] = _shaken(inputs[index], noise)
        done[node] = make(node.op, tuple(inputs)) if inputs else node
    return done[before], noise


def _with_noisy_logs(before: Node, after: Node) -> tuple[Node, list]:
    """The right side with a factor at each logarithm that is not in the left side, and at the
    logarithms within its deviances; and the factors with their shapes."""
    noise: list = []
    done: dict[Node, Node] = {}
    written = set(toposort([before]))
    for node in toposort([after]):
        inputs = [done[x] for x in node.inputs]
        if isinstance(node.op, ops.KlDivExp):
            # The op computes log(a) itself.
            log_of_a = ops.log(ops.where(ops.eq(inputs[0], 0), 1, inputs[0]))
            inputs[1] = _shaken(inputs[1], noise) + (_shaken(log_of_a, noise) - log_of_a)
        found = make(node.op, tuple(inputs)) if inputs else node
        is_log = node.op.name.startswith("log") and node.type.is_float
        done[node] = _shaken(found, noise) if is_log and node not in written else found
    return done[after], noise


def _shaken(x: Node, noise: list) -> Node:
    """x times a factor near 1, which is added to `noise` with its shape."""
    if not x.type.is_float:
        return x
    factor = new_input(None, x.dtype, x.shape)
    noise.append((factor, _sized(x)))
    return x * factor


def _sized(x: Node) -> Callable[[dict], tuple[int, ...]]:
    return lambda values: tuple(size_value(n, size_names_of(values)) for n in x.shape)


def _any_infinite(at: dict) -> bool:
    floats = [v for v in at.values() if v.dtype.kind == "f"]
    return any(np.isinf(v).any() for v in floats)


def _evaluated(before: Node, after: Node, at: dict, sums_first: bool) -> tuple | None:
    """Both sides and the exact value; None if the left side raises, as for a bad index."""
    try:
        (left,) = evaluate_numpy([before], at)
    except (IndexError, ValueError, TypeError):
        return None
    (right,) = evaluate_numpy([after], at)
    if left.dtype.kind != "f":
        return left, right, left, np.zeros(left.shape, bool), at
    (exact,) = evaluate_exact([before], at, bits=_bits(before))
    excused = np.zeros(left.shape, bool)
    if sums_first and not np.isfinite(right).all():
        excused = ~np.isfinite(right) & _sums_overflow(before, after, at)
    return left, right, exact, excused, at


def _sums_overflow(before: Node, after: Node, at: dict) -> bool:
    """Does a sum that only the right side forms exceed the largest number?"""
    written = set(toposort([before]))
    sums = [n for n in toposort([after]) if n not in written and _is_sum(n)]
    if not sums:
        return False
    return any(
        abs(e) > float(np.finfo(n.dtype).max)
        for n, exact in zip(sums, evaluate_exact(sums, at, bits=BITS))
        for e in np.ravel(exact)
    )


def _is_sum(node: Node) -> bool:
    kinds = (Reduction, Contraction, Scatter)
    of_sum = isinstance(node.op, Elementwise) and any(isinstance(x.op, kinds) for x in node.inputs)
    return node.type.is_float and (isinstance(node.op, kinds) or of_sum)
