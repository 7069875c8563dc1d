"""Is a rule sound? Both sides are evaluated over its domain, edges first, beside the exact value.

A drawn rule is judged at points; a rule written as a function on the graphs of its example. Users
may judge rules of their own: `faults(rule)` is empty for a sound one.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from probtensor.graph.node import Node, SizeOf, new_input
from probtensor.graph.walk import inputs_of, toposort
from probtensor.testing.exact import evaluate_exact, ulps
from probtensor.testing.reference import evaluate_numpy
from probtensor.transform.pattern import Var, instantiate
from probtensor.transform.rewrite import Log, Rule, Ruleset, apply_rules
from probtensor.types import Dim, size_names, size_value

EDGES = (
    0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 1e-300, -1e-300, 5e-324, 1e-16, -1e-16, 1e-8, -1e-8,
    37.0, -37.0, 709.0, -709.0, 710.0, -710.0, 745.0, -745.0, 746.0, -746.0, 1e16, -1e16,
)  # fmt: skip
# A right side may be this many times as far off as the left one.
SLACK = 4.0
# Points of one rule: its edges (their products for several variables), then random ones.
POINTS = 60
# Every symbolic size of an example: two names may stand for one size.
SIZE = 3


def faults(rule: Rule, seed: int = 0) -> list[str]:
    """Where the rule is worse than what it replaces, or does nothing; empty for a sound rule."""
    if rule.lhs is not None:
        return _faults_of_drawn(rule, np.random.default_rng(seed))
    found = rule.example()
    graphs = list(found) if isinstance(found, (tuple, list)) else [found]
    return [fault for graph in graphs for fault in _faults_of_example(rule, graph, seed)]


def _faults_of_drawn(rule: Rule, rng: np.random.Generator) -> list[str]:
    variables = [n for n in toposort([rule.lhs]) if isinstance(n.op, Var)]
    columns = [_column(v, rule.over.get(v.op.label), rng) for v in variables]
    points = _points(columns, rng)
    bound = {v.op.label: new_input(v.op.label, v.dtype, (len(points),)) for v in variables}
    values = {
        bound[v.op.label]: np.array([point[k] for point in points], dtype=v.dtype)
        for k, v in enumerate(variables)
    }
    lhs = instantiate(rule.lhs, bound)
    rhs = instantiate(rule.rhs, bound)
    labels = [v.op.label for v in variables]
    left, right, exact = _sides(lhs, rhs, values, len(points))
    found = []
    good = _agreeing(left, right, exact, rule.ulps)
    for k, point in enumerate(points):
        if not good[k]:
            where = ", ".join(f"{n}={x!r}" for n, x in zip(labels, point, strict=True))
            found.append(f"{rule.name} at {where}: {left[k]!r} became {right[k]!r}")
    return found


def is_no_worse(left: np.ndarray, right: np.ndarray, exact: np.ndarray, allowed: float):
    """Where `right` is a fit replacement of `left`, place by place, given the exact values.

    A true infinity or nan must stay. Where the left side is wrong beyond measure (a nan for a
    number), the right one may be anything, but a number that stands for no value must stay too.
    """
    error_left, error_right = ulps(left, exact), ulps(right, exact)
    good = error_right <= np.maximum(allowed, SLACK * error_left)
    undefined = np.asarray(np.frompyfunc(lambda e: e != e, 1, 1)(exact), dtype=bool)
    same = np.isclose(left, right, rtol=allowed * 2.0**-52, atol=0, equal_nan=True)
    return good & (same | ~undefined)


def _sides(lhs: Node, rhs: Any, values: dict, count: int) -> tuple[np.ndarray, ...]:
    left, *_ = evaluate_numpy([lhs], values)
    exact, *_ = evaluate_exact([lhs], values)
    right = evaluate_numpy([rhs], values)[0] if isinstance(rhs, Node) else np.asarray(rhs)
    right = right.astype(left.dtype)
    return tuple(np.broadcast_to(side, (count,)) for side in (left, right, exact))


def _column(variable: Node, over: tuple[float, float] | None, rng) -> list[Any]:
    if variable.dtype == "bool":
        return [True, False]
    low, high = over or (-800.0, 800.0)
    edges = [low, high, *(e for e in EDGES if low < e < high)]
    edges += [np.nextafter(low, high), np.nextafter(high, low)]
    scales = np.exp(rng.uniform(np.log(1e-6), np.log(max(abs(low), abs(high)) + 1), 12))
    drawn = [*rng.uniform(low, high, 6), *scales, *-scales, *rng.uniform(-3, 3, 12)]
    return [float(x) for x in [*edges, *(x for x in drawn if low <= x <= high)]]


def _points(columns: Sequence[list[Any]], rng: np.random.Generator) -> list[tuple]:
    if not columns:
        return [()]
    if len(columns) == 1:
        return [(x,) for x in columns[0]]
    edges = [column[: 2 if column[0] is True else 12] for column in columns]
    grid = list(itertools.islice(itertools.product(*edges), 4 * POINTS))
    picked = [tuple(c[rng.integers(len(c))] for c in columns) for _ in range(POINTS)]
    return grid + picked


def _faults_of_example(rule: Rule, graph: Node, seed: int) -> list[str]:
    log = Log()
    (after,) = apply_rules([graph], Ruleset(rule), log)
    if not any(name == rule.name for name, _ in log.fired):
        return [f"{rule.name} does not change its example {graph!r}"]
    if log.gave_up:
        return [f"{rule.name}: {log.gave_up}"]
    if after.type != graph.type:
        return [f"{rule.name}: {graph.type} became {after.type}"]
    found = []
    for scale in (1.0, 30.0, 300.0):
        values = example_values([graph], seed, scale)
        found += _compared(rule, graph, after, values, scale)
    return found


def _agreeing(left: np.ndarray, right: np.ndarray, exact: np.ndarray, allowed: float):
    return left == right if left.dtype.kind != "f" else is_no_worse(left, right, exact, allowed)


def _compared(rule: Rule, before: Node, after: Node, values: dict, scale: float) -> list[str]:
    left, right = evaluate_numpy([before, after], values)
    (exact,) = evaluate_exact([before], values)
    good = np.asarray(_agreeing(left, right, exact, 4 * rule.ulps))
    return [
        f"{rule.name} at scale {scale}, place {place}: {left[place]!r} became {right[place]!r}"
        for place in np.ndindex(left.shape)
        if not good[place]
    ]


def example_values(outputs: Sequence[Node], seed: int, scale: float = 1.0) -> dict[Node, Any]:
    """Values for the inputs of graphs: normal floats of the scale, small whole numbers, bools.
    Inputs called `i` or `j` are indices: 0, 1 or 2."""
    rng = np.random.default_rng(seed)
    inputs = inputs_of(outputs)
    sizes: dict[str, int] = {}
    for size in [n for node in toposort(outputs) for n in _shape_of(node)]:
        for name in sorted(size_names(size)):
            sizes.setdefault(name, SIZE)
    # Sizes may be named after inputs that the graph does not read: these stand in for them.
    values = {new_input(None, "bool", (Dim.name(n),)): np.ones(sizes[n], bool) for n in sizes}
    for node in inputs:
        shape = tuple(size_value(n, sizes) for n in node.shape)
        if node.dtype == "bool":
            values[node] = rng.random(shape) < 0.5
        elif node.type.is_float:
            values[node] = (scale * rng.normal(size=shape)).astype(node.dtype)
        else:
            values[node] = rng.integers(0, 3, shape).astype(node.dtype)
    return values


def _shape_of(node: Node) -> tuple[int | Dim, ...]:
    if isinstance(node.op, SizeOf):
        return (node.op.size,)
    return () if isinstance(node.type, tuple) else node.shape
