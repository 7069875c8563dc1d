"""Log densities of graphs: each random variable replaced by a value, its terms added up.

`logp` is the whole truth about one variable: -inf outside the support, nan for parameters that are
none. A model's density leaves out what is known to hold. A free variable comes out of its
bijector, so it lies in its support; what depends on data alone is checked once, when data are
bound; a parameter is checked in the density only where its formula would not turn to nan by itself
and its range cannot be shown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from probtensor import ops
from probtensor.graph import Const, GraphError, Node, as_tensor, line_of, replace
from probtensor.ops.kinds import Elementwise
from probtensor.prob.data import distinct
from probtensor.prob.distribution import (
    Deterministic,
    RandomVariable,
    called,
    shape_text,
)
from probtensor.prob.support import Interval, Support, Vector
from probtensor.transform.facts import Known
from probtensor.types import Dim, ShapeError, Size, broadcast_shapes, size_product


def logp(variable: Node, value: Any) -> Node:
    """Log density (log mass) of a random variable at `value`, one number a point.

    Elementwise over the variable's shape; a vector distribution gives one number a vector. -inf
    outside the support, nan where a parameter lies outside its range. The parameters may hold other
    random variables, which stay what they are. GraphError for anything but a random variable.
    """
    variable = unwrapped(variable)
    if not isinstance(variable.op, RandomVariable):
        raise GraphError(underivable(variable))
    value = as_tensor(value)
    name = called(variable.op.distribution, variable.op.label)
    try:
        fits = len(broadcast_shapes(value.shape, variable.shape)) == max(value.ndim, variable.ndim)
    except ShapeError:
        fits = False
    if not fits:
        raise GraphError(
            f"logp: the value has shape {shape_text(value.shape)}, {name} has "
            f"{shape_text(variable.shape)}\n  {name} made at {line_of(variable)}"
        )
    return full_density(variable.op, value, variable.inputs)


def unwrapped(node: Node) -> Node:
    """The expression behind names that `pt.deterministic` gave."""
    while isinstance(node.op, Deterministic):
        node = node.inputs[0]
    return node


def underivable(node: Node) -> str:
    """Why an expression has no density here."""
    what = node.name or node.op.text()
    return (
        f"{what} of type {node.type} is an expression, not a random variable, and densities of "
        f"expressions are not derived\n  made at {line_of(node)}\n  observe the variable inside "
        "it, or state the density with pt.potential"
    )


def typed_value(op: RandomVariable, x: Node, parameters: Sequence[Node]) -> Node:
    """The value in the dtype its formula reads: counts as floats, indices as integers."""
    law = op.distribution
    if law.indexes:
        return x.astype("int64")
    wanted = parameters[0].dtype if parameters else "float64"
    return x if x.type.is_float else x.astype(wanted)


def full_density(op: RandomVariable, x: Node, parameters: Sequence[Node]) -> Node:
    """The log density with all checks in it."""
    law = op.distribution
    x = typed_value(op, x, parameters)
    inside = op.support(*parameters).contains(x)
    if law.indexes and inside is not None:
        # An index out of range must not be followed, though its outcome is not used.
        x = ops.where(inside, x, 0)
    result = law.logpdf(x, *parameters)
    if inside is not None:
        result = ops.where(widened(inside, result), result, -math.inf)
    for domain, parameter in zip(law.parameters.values(), parameters, strict=True):
        valid = domain.contains(parameter)
        if valid is not None:
            result = ops.where(valid, result, math.nan)
    return result


def widened(condition: Node, result: Node) -> Node:
    """A condition on each vector of a support, for a result that has one number an entry too."""
    missing = result.ndim - condition.ndim
    return condition if missing <= 0 else condition[(..., *(None,) * missing)]


@dataclass(frozen=True)
class Check:
    """What bound data must satisfy: `value`, a graph of data alone, lies in `domain`; `inside` is
    the graph that tells."""

    what: str
    value: Node
    inside: Node
    domain: Support
    line: str


def density_terms(
    variable: Node,
    x: Node,
    parameters: Sequence[Node],
    only_data: Callable[[Node], bool],
    known: Known,
    free: bool,
) -> tuple[list[Node], list[Check]]:
    """Terms whose sum over all axes is the variable's log density, and checks of the data in it."""
    op = variable.op
    law, line = op.distribution, line_of(variable)
    name = called(law, op.label)
    x = typed_value(op, x, parameters)
    terms, checks = [], []
    for (label, domain), node in zip(law.parameters.items(), parameters, strict=True):
        inside = domain.contains(node)
        if isinstance(node.op, Const) or inside is None:
            continue
        if only_data(node):
            checks.append(Check(f"{label} of {name}", node, inside, domain, line))
        elif label in law.unchecked and not is_within(node, domain, known):
            terms.append(ops.where(inside, 0.0, math.nan))
    if not free:
        support = op.support(*parameters)
        inside = support.contains(x)
        if inside is not None and only_data(inside):
            checks.append(Check(f"the observed value of {name}", x, inside, support, line))
        elif inside is not None:
            terms.append(ops.where(inside, 0.0, -math.inf))
    return [law.logpdf(x, *parameters), *terms], checks


def is_within(node: Node, domain: Support, known: Known) -> bool:
    """Can it be shown that the values of a node lie in a support?"""
    if isinstance(domain, Vector):
        return is_within(node, domain.entries, known)
    if isinstance(domain, Interval):
        found = known.bounds(node)
        low = found.low > domain.low or (
            found.low == domain.low and (found.low_open or not domain.low_open)
        )
        high = found.high < domain.high or (
            found.high == domain.high and (found.high_open or not domain.high_open)
        )
        return (low or not domain.bounded_below) and (high or not domain.bounded_above)
    return isinstance(node.op, ops.Softmax)


def summed(
    terms: Sequence[Node], only_data: Callable[[Node], bool], counts: Sequence[Node] = ()
) -> Node:
    """The sum of terms over all their axes, as one fold for each shape.

    Sums inside a term are taken apart: what is the same along an axis is multiplied by its length
    instead of being added up, and what depends on data alone is kept apart from what does not.
    A term that is added and subtracted is dropped: a density may have 1 / x where the Jacobian of
    its bijector has x. A function of one observed count (`counts` are such inputs) and of scalars
    is summed over the distinct counts, each as often as it occurs.
    """
    groups: dict[tuple, dict[Node, int]] = {}
    for term in terms:
        for leaf, sign in addends(term):
            found = None if only_data(leaf) else count_in(leaf, counts)
            if found is not None:
                values, weights = distinct(found)
                leaf = weights * replace([leaf], {found: values})[0]
            own = term.shape if found is None else leaf.shape
            key = (only_data(leaf), leaf.shape, repeats(leaf.shape, own))
            times = groups.setdefault(key, {})
            times[leaf] = times.get(leaf, 0) + sign
    totals: dict[bool, list[Node]] = {False: [], True: []}
    for (of_data, shape, count), times in groups.items():
        node = combined(times)
        if node is None:
            continue
        total = ops.sum(node) if shape else node
        if isinstance(count, Dim):
            total = total * as_tensor(count).astype(total.dtype)
        elif count != 1:
            total = total * float(count)
        totals[of_data].append(total)
    parts = [reduce(ops.add, part) for part in totals.values() if part]
    return reduce(ops.add, parts) if parts else as_tensor(0.0)


def combined(times: Mapping[Node, int]) -> Node | None:
    """The sum of tensors, each so many times; None if nothing is left of it."""
    total = None
    for node, count in times.items():
        if not count:
            continue
        part = node if abs(count) == 1 else float(abs(count)) * node
        if total is None:
            total = part if count > 0 else -part
        else:
            total = total + part if count > 0 else total - part
    return total


def addends(term: Node) -> list[tuple[Node, int]]:
    """The operands of nested sums and differences with their signs, in order."""
    found: list[tuple[Node, int]] = []
    stack = [(term, 1)]
    while stack:
        node, sign = stack.pop()
        match node.op:
            case ops.Add():
                stack += [(node.inputs[1], sign), (node.inputs[0], sign)]
            case ops.Sub():
                stack += [(node.inputs[1], -sign), (node.inputs[0], sign)]
            case ops.Neg():
                stack.append((node.inputs[0], -sign))
            case ops.BroadcastTo():
                stack.append((node.inputs[0], sign))
            case _:
                found.append((node, sign))
    return found


def count_in(leaf: Node, counts: Sequence[Node]) -> Node | None:
    """The one observed count that a tensor is an elementwise function of, other arguments being
    scalars; None if there is no such count."""
    found = {}
    stack = [leaf]
    while stack:
        node = stack.pop()
        if node in counts:
            found[node] = None
        elif isinstance(node.op, Elementwise):
            stack.extend(x for x in node.inputs if x.shape)
        else:
            return None
    return next(iter(found)) if len(found) == 1 and leaf.shape else None


def repeats(own: Sequence[Size], whole: Sequence[Size]) -> Size:
    """How often a broadcast repeats each entry of a tensor."""
    kept = (1,) * (len(whole) - len(own)) + tuple(own)
    return size_product(n for n, m in zip(whole, kept, strict=True) if m == 1 and n != 1)
