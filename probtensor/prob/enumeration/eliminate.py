"""Sums over discrete variables: elimination, one variable after the other.

All factors that read an entry of a variable are added up, as one table for each of its entries; the
sum over the values of the entry (a logsumexp) is a new factor over the other variables in them.
Entries that share no factor are summed independently, so that the work is linear in their number.
The order is greedy: next is the variable whose table has the fewest elements for an entry. A
variable whose neighbouring entries share factors is a chain, see chains.py.

Source: Koller and Friedman (2009), "Probabilistic Graphical Models", ch. 9; for entries of arrays
Obermeyer et al. (2019), "Tensor variable elimination for plated factor graphs", ICML.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from math import inf, prod

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph.node import Node
from probtensor.prob.enumeration.factors import (
    Discrete,
    Entry,
    Factor,
    Source,
    access_in_cells,
    direct_axes,
    to_cells,
)
from probtensor.prob.enumeration.places import Access, Axis, axes_in, rewritten
from probtensor.types import Shape, Size

MAX_TABLE = 1_000_000  # elements of a table for one entry


@dataclass(frozen=True, eq=False)
class Cells:
    """All factors of the entries of a variable as one table: axes for the values of the variable,
    then for those of the entries of `others`, then those of its shape."""

    variable: Discrete
    table: Node
    others: tuple[Entry, ...]
    shape: Shape
    sources: frozenset[Source]

    @property
    def rank(self) -> int:
        return self.table.ndim - len(self.shape)


@dataclass(frozen=True, eq=False)
class Links:
    """A chain: besides the table of its entries (`unary`) one of pairs of neighbouring ones along
    `axis`, with axes for the values of the first and of the second. Both have the same others."""

    unary: Cells
    pairs: Cells
    axis: int


Step = Cells | Links
Combine = Callable[[Cells], Node]  # a fold of a table over the values of its variable


def over_values(fold: Callable[[Node, int], Node]) -> Combine:
    """A fold along an axis as one of tables over the values of their variable."""
    return lambda cells: fold(cells.table, 0)


class Stuck(Exception):
    """No variable can be eliminated; `variables` are those that are left, `size` is that of the
    smallest table that is too large, if that is the reason."""

    def __init__(self, variables: Sequence[Discrete], size: int | None = None) -> None:
        super().__init__()
        self.variables, self.size = list(variables), size


@dataclass(frozen=True, eq=False)
class Eliminated:
    """What elimination gives: factors without variables, and the steps in order."""

    factors: tuple[Factor, ...]
    steps: tuple[Step, ...]


def eliminated(
    variables: Sequence[Discrete],
    factors: Sequence[Factor],
    combine: Combine,
    chain: Callable[[Links], Node],
) -> Eliminated:
    """The factors with all variables summed out (by `combine`, and chains by `chain`, which gives a
    table without the axes of values and of the chain). Raises Stuck where that is not possible."""
    factors, waiting, steps = list(factors), list(variables), []
    while waiting:
        plans = [plan for v in waiting if (plan := plan_of(v, factors)) is not None]
        if not plans:
            raise Stuck(waiting)
        plan = min(plans, key=lambda plan: plan.cost)
        if plan.cost[1] > MAX_TABLE:
            raise Stuck(waiting, plan.cost[1])
        variable = plan.variable
        waiting.remove(variable)
        step, factor = _eliminate(plan, combine, chain)
        factors = [f for f in factors if variable not in f.variables]
        factors.append(factor)
        steps.append(step)
    return Eliminated(tuple(factors), tuple(steps))


@dataclass(frozen=True, eq=False)
class Plan:
    """How a variable can be eliminated: its factors, each with the accesses of the variable in it,
    and for each the accesses of others in terms of the entries; `axis` is that of a chain."""

    variable: Discrete
    rows: tuple[tuple[Factor, tuple[Access, ...], dict[Entry, Access]], ...]
    axis: int | None

    @property
    def cost(self) -> tuple[bool, int]:
        others = {(w, new) for _, _, moved in self.rows for (w, _), new in moved.items()}
        values = [self.variable.count, *(w.count for w, _ in others)]
        chain = self.axis is not None
        return chain, prod(values) * (self.variable.count if chain else 1)


def plan_of(variable: Discrete, factors: Sequence[Factor]) -> Plan | None:
    """How a variable is eliminated next; None if it cannot be."""
    own = [f for f in factors if variable in f.variables]
    axis = None
    for factor in own:
        accesses = factor.accesses(variable)
        if len(accesses) > 1:
            found = chain_axis(accesses)
            if found is None or (axis is not None and axis != found):
                return None
            axis = found
    rows = []
    for factor in own:
        accesses = tuple(sorted(factor.accesses(variable), key=lambda a: _offset(a, axis)))
        moved = _others(factor, variable, accesses[0], axis, len(accesses) > 1)
        if moved is None:
            return None
        rows.append((factor, accesses, moved))
    return Plan(variable, tuple(rows), axis)


def chain_axis(accesses: Sequence[Access]) -> int | None:
    """The axis along which two accesses are those of neighbours; None if they are not."""
    if len(accesses) != 2:
        return None
    differing = [k for k, (a, b) in enumerate(zip(*accesses, strict=True)) if a != b]
    if len(differing) != 1:
        return None
    a, b = (access[differing[0]] for access in accesses)
    near = isinstance(a, Axis) and isinstance(b, Axis) and a.axis == b.axis
    near = near and _is_one_step(a.offset - b.offset)
    return differing[0] if near else None


def _is_one_step(n: Size) -> bool:
    return isinstance(n, int) and abs(n) == 1


def _offset(access: Access, axis: int | None) -> int:
    """The offset along a chain, by which the first of two neighbours comes first."""
    place = access[axis] if axis is not None else None
    return place.offset if isinstance(place, Axis) and isinstance(place.offset, int) else 0


def _others(
    factor: Factor, variable: Discrete, access: Access, axis: int | None, pair: bool
) -> dict[Entry, Access] | None:
    """The accesses of the other variables of a factor in terms of the entries; None if there are
    none, or if they change along a chain."""
    shape = edge_shape(variable.shape, axis) if pair else variable.shape
    direct = direct_axes(factor, access, shape)
    found = {}
    for entry in factor.scope:
        if entry[0] is variable:
            continue
        new = access_in_cells(entry, factor, access, shape, direct)
        if new is None or (axis is not None and axis in axes_in(new)):
            return None
        if any(other[0] is entry[0] and to == new for other, to in found.items()):
            return None
        found[entry] = new
    return found


def edge_shape(shape: Shape, axis: int) -> Shape:
    """The shape of pairs of neighbours along an axis."""
    return tuple(n - 1 if k == axis else n for k, n in enumerate(shape))


def _eliminate(plan: Plan, combine: Combine, chain: Callable[[Links], Node]) -> tuple[Step, Factor]:
    """The step of a plan, and the factor over the other variables that it gives."""
    v, axis = plan.variable, plan.axis
    others = list(dict.fromkeys((w, new) for _, _, moved in plan.rows
                                for (w, _), new in moved.items()))  # fmt: skip
    single = [row for row in plan.rows if len(row[1]) == 1]
    cells = _joined(v, single, others, v.shape, 1)
    if axis is None:
        rest = combine(cells)
        shape, step = v.shape, cells
    else:
        pairs = [row for row in plan.rows if len(row[1]) == 2]
        edges = _joined(v, pairs, others, edge_shape(v.shape, axis), 2)
        step = Links(cells, edges, axis)
        rest = chain(step)
        shape = tuple(n for k, n in enumerate(v.shape) if k != axis)
        others = [(w, _without(access, axis)) for w, access in others]
    sources = frozenset().union(*(f.sources for f, _, _ in plan.rows))
    return step, Factor(rest, tuple(others), shape, sources)


def _without(access: Access, axis: int) -> Access:
    """An access in terms of entries without the axis of a chain."""

    def change(place):
        moved = isinstance(place, Axis) and place.axis > axis
        return Axis(place.axis - moved, place.offset) if isinstance(place, Axis) else None

    return tuple(rewritten(place, change) for place in access)


def _joined(
    variable: Discrete,
    rows: Sequence[tuple[Factor, tuple[Access, ...], dict[Entry, Access]]],
    others: Sequence[Entry],
    shape: Shape,
    own: int,
) -> Cells:
    """The sum of factors as a table over the entries, with `own` axes for the variable's values."""
    rank = own + len(others)
    totals, masks = [], []
    for factor, accesses, moved in rows:
        table = to_cells(factor, accesses[0], shape)
        order, present = [], []
        for access in accesses:
            order.append(factor.scope.index((variable, access)))
        for k, (w, new) in enumerate(others):
            entry = next((e for e, to in moved.items() if e[0] is w and to == new), None)
            if entry is not None:
                order.append(factor.scope.index(entry))
                present.append(own + k)
        count = len(factor.scope)
        table = ops.transpose(table, (*order, *range(count, table.ndim)))
        new_axes = tuple(k for k in range(own, rank) if k not in present)
        table = ops.expand_dims(table, new_axes) if new_axes else table
        (masks if factor.is_mask else totals).append(table)
    if not totals:
        totals = [ops.zeros((*(variable.count,) * own, *(1,) * (len(others) + len(shape))))]
    total = reduce(ops.add, totals)
    for mask in masks:
        total = ops.where(mask > 0, -inf, total)
    front = [variable.count if k < own else n for k, n in enumerate(total.shape[:rank])]
    total = ops.broadcast_to(total, (*front, *total.shape[rank:]))
    sources = frozenset().union(*(f.sources for f, _, _ in rows)) if rows else frozenset()
    return Cells(variable, total, tuple(others), shape, sources)
