"""Log densities of graphs: each random variable replaced by a value, its terms added up.

`logp` is the whole truth about one variable: -inf outside the support and for parameters that leave
their range, nan for what is nan. A model's density leaves out what is
known to hold. A free variable comes out of its bijector, so it lies in its support; what depends on
data alone is checked once, when data are bound; what can be shown to hold is not checked. What is
left, the guards, are conditions under which the density is what its formulas say, and zero
elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import ClassVar

from probtensor import ops
from probtensor.calls import public
from probtensor.graph import (
    Const,
    GraphError,
    Input,
    Node,
    as_tensor,
    line_of,
    made_by,
    replace,
    toposort,
)
from probtensor.graph.node import TensorLike, make
from probtensor.graph.walk import rebuild
from probtensor.ops.kinds import Composite, Elementwise
from probtensor.prob.density.sums import before_broadcast, of_sample
from probtensor.prob.distributions.base import (
    Bounded,
    Deterministic,
    RandomVariable,
    display_name,
)
from probtensor.prob.distributions.domains import (
    assume,
    contained,
    deciding,
    is_within,
    or_nan,
    widened,
)
from probtensor.prob.distributions.formulas import merge_exponentials
from probtensor.prob.distributions.support import Above, Interval, Support, is_number
from probtensor.prob.model.data import default_of, distinct
from probtensor.rules.arithmetic.sums import is_constant_along
from probtensor.transform.facts import FactTable
from probtensor.types import (
    Dim,
    Shape,
    ShapeError,
    Size,
    TensorType,
    broadcast_shapes,
    shape_text,
    size_product,
)

# Deviances that are computed in double precision and rounded (`in_double` in
# prob/distributions/discrete.py): in a sum they need not be.
COMPUTED_IN_DOUBLE = (ops.ShareDivergence, ops.PoissonDivergence)


@public
def logp(variable: Node, value: TensorLike) -> Node:
    """Log density (log mass) of a random variable at `value`, one number a point.

    Elementwise over the variable's shape; a vector distribution gives one number a vector. -inf
    outside the support, and where a parameter lies outside its range, as in a model; nan where the
    value or a parameter is nan. What the way a parameter is written shows is not checked: exp(s) is
    positive though it rounds to 0 at -800, and the density there is what its formula says. The
    parameters may hold other random variables, which stay what they are. GraphError for anything
    but a random variable.

        s = pt.scalar("s")
        pt.logp(pt.random.exponential(pt.exp(s)), 1.0)      # s - exp(s): -800 at s = -800

    Returns a float tensor of the shape that the variable and `value` broadcast to, without the axes
    of a vector. Raises GraphError as above; ValueError where shapes do not fit.

        >>> pt.logp(pt.random.normal(0.0, 1.0), 0.0).eval()
        array(-0.91893853)
    """
    if not isinstance(variable, Node):
        raise GraphError(f"logp: takes a random variable, not {variable!r:.60}")
    variable = unwrap_deterministic(variable)
    if not isinstance(variable.op, RandomVariable):
        raise GraphError(no_density_message(variable))
    value = as_tensor(value)
    name = display_name(variable.op.distribution, variable.op.label)
    try:
        fits = len(broadcast_shapes(value.shape, variable.shape)) == max(value.ndim, variable.ndim)
    except ShapeError:
        fits = False
    if not fits:
        raise GraphError(
            f"logp: the value has shape {shape_text(value.shape)}, {name} has "
            f"{shape_text(variable.shape)}\n  {name} made at {line_of(variable)}"
        )
    (value, *inputs), bounded = without_bounds([value, *variable.inputs])
    density = full_density(variable, value, inputs, has_value, bounded)
    if not any(isinstance(x.op, RandomVariable) for x in toposort([density])):
        return density
    op = DensityOf(variable.op, tuple(domain for domain, _ in bounded))
    return make(op, (density, value, *inputs, *(x for _, x in bounded)))


def unwrap_deterministic(node: Node) -> Node:
    """The expression behind names that `pt.deterministic` gave."""
    while isinstance(node.op, Deterministic):
        node = node.inputs[0]
    return node


def no_density_message(node: Node) -> str:
    """Why an expression has no density here."""
    what = node.name or node.op.text()
    return (
        f"{what} of type {node.type} is an expression, not a random variable, and densities of "
        f"expressions are not derived\n  made at {line_of(node)}\n  observe the variable inside "
        "it, or state the density with pt.potential"
    )


def typed_value(op: RandomVariable, x: Node, parameters: Sequence[Node]) -> Node:
    """The value in the dtype its formula reads: counts as floats, indices as integers."""
    distribution = op.distribution
    if distribution.indexes:
        return x.astype("int64")
    own = op.parameters_of(parameters)
    wanted = own[0].dtype if own else "float64"
    return x if x.type.is_float else x.astype(wanted)


@dataclass(frozen=True)
class DensityOf(Composite):
    """A log density whose value or parameters hold random variables, and what it is made of: the
    density, the value, the inputs of its variable, and values held to `bounds`.

    In a model these variables have values of which more is known, so it is made once more there:
    what comes out of a bijector needs no check, and is known by its logarithm if that is exp.
    """

    variable: RandomVariable
    bounds: tuple[Support, ...]
    linear: ClassVar[bool] = True

    def infer(self, density: TensorType, *others: TensorType) -> TensorType:
        return density

    def expand(self, density: Node, *others: Node) -> Node:
        return density

    def numpy(self, density, *others):
        return density

    def vjp(self, g, out, density, *others):
        return (g, *(None for _ in others))

    def over(self, inputs: Sequence[Node], known: FactTable) -> tuple[Node, list[Restriction]]:
        """The density in terms of other nodes in the places of its inputs, and its restrictions."""
        count = len(inputs) - len(self.bounds)
        _, x, *own = inputs[:count]
        bounded = [*zip(self.bounds, inputs[count:], strict=True)]
        return restricted(make(self.variable, own), x, own, has_value, bounded, known)


@dataclass(frozen=True)
class Restriction:
    """Where a density is more than zero: `value`, which is called `what`, lies in `domain` there,
    which `inside` tells."""

    what: str
    value: Node
    inside: Node
    domain: Support


def full_density(
    variable: Node,
    x: Node,
    inputs: Sequence[Node],
    is_fixed: Callable[[Node], bool],
    bounded: Sequence[tuple[Support, Node]] = (),
) -> Node:
    """The log density with all checks in it that facts do not decide: -inf where the value or a
    parameter lies outside of where it may; nan stays nan. For `is_fixed` see `normalised`;
    `bounded` are other nodes and where they may lie."""
    (x, *inputs), inner = without_bounds([x, *inputs])
    density, found = restricted(variable, x, inputs, is_fixed, [*bounded, *inner], FactTable())
    return apply_restrictions(density, found)


def apply_restrictions(density: Node, restrictions: Sequence[Restriction]) -> Node:
    """The density, and -inf where a restriction does not hold."""
    for r in restrictions:
        density = ops.where(r.inside, density, -math.inf)
    return density


def restricted(
    variable: Node,
    x: Node,
    inputs: Sequence[Node],
    is_fixed: Callable[[Node], bool],
    bounded: Sequence[tuple[Support, Node]],
    known: FactTable,
) -> tuple[Node, list[Restriction]]:
    """The log density, and the restrictions that facts do not decide."""
    op = variable.op
    distribution = op.distribution
    name = display_name(distribution, op.label)
    x = typed_value(op, x, inputs)
    support = op.support(*inputs)
    found = []
    # Nothing matters where one of these does not hold.
    for domain, value in bounded:
        found += restriction(f"a parameter of {name}", value, domain, known)
        assume(value, domain, known)
    inside = None if is_within(x, support, known) else support.contains(x)
    if distribution.indexes and inside is not None:
        # An index out of range must not be followed, though its outcome is not used.
        x = ops.where(inside, x, 0)
    parameters = op.parameters_of(inputs)
    result = normalised(
        variable, distribution.logpdf(x, *map(merge_exponentials, parameters)), inputs, is_fixed
    )
    if inside is not None:
        inside = widened(or_nan(inside, x, support), result)
        found.append(Restriction(f"the value of {name}", x, inside, support))
    for (label, domain), value in zip(distribution.parameters.items(), parameters):
        found += restriction(f"{label} of {name}", value, domain, known)
    return result, found


def restriction(what: str, value: Node, domain: Support, known: FactTable) -> list[Restriction]:
    """That a value lies in its domain, if facts do not show it."""
    valid = None if is_within(value, domain, known) else contained(value, domain, known)
    return [] if valid is None else [Restriction(what, value, or_nan(valid, value, domain), domain)]


def without_bounds(inputs: Sequence[Node]) -> tuple[list[Node], list[tuple[Support, Node]]]:
    """A value and parameters without the names and the checks inside them, and these checks."""
    done: dict[Node, Node] = {}
    bounded: list[tuple[Support, Node]] = []
    for node in toposort(inputs):
        if isinstance(node.op, RandomVariable):
            done[node] = node
            continue
        with made_by(node):
            done[node] = rebuild(node, tuple(done.get(x, x) for x in node.inputs))
        if isinstance(node.op, (Bounded, Deterministic)):
            done[node] = done[node].inputs[0]
        if isinstance(node.op, Bounded):
            bounded.append((node.op.domain, done[node]))
    return [done[x] for x in inputs], bounded


def normalised(
    variable: Node,
    density: Node,
    inputs: Sequence[Node],
    is_fixed: Callable[[Node], bool],
    observed: bool = False,
) -> Node:
    """The density over the probability of what `constraint=` leaves.

    Where that is not known it is a factor that no parameter changes, as long as all are fixed, and
    is left out. GraphError where it is not known and counts.
    """
    op = variable.op
    try:
        share = op.log_probability(variable, inputs)
    except NotImplementedError as error:
        if not observed and all(map(is_fixed, inputs)):
            return density
        name = display_name(op.distribution, op.label)
        why = "it is observed" if observed else "its parameters may vary"
        raise GraphError(
            f"{name}: constraint= leaves a probability that its density must be divided by, since "
            f"{why}:\n  it is not known, for {error}\n  made at {line_of(variable)}\n  state the "
            "density with pt.potential; known are those of intervals of normal, half_normal, "
            "log_normal,\n  cauchy, half_cauchy, laplace, logistic, exponential and uniform, and "
            "of orders of alike entries"
        ) from None
    return density if share is None else density - share


def has_value(node: Node) -> bool:
    """Is a tensor made of literals and data alone?"""
    leaves = [x for x in toposort([node]) if not x.inputs]
    known = all(not isinstance(x.op, Input) or default_of(x) is not None for x in leaves)
    return known and not any(isinstance(x.op, RandomVariable) for x in toposort([node]))


@dataclass(frozen=True)
class SupportCheck:
    """A condition: `value` lies in `domain`; `inside` is the graph that tells.

    It must hold of bound data where it depends on data alone; elsewhere it guards the density,
    which is zero where it does not hold.
    """

    what: str
    value: Node
    inside: Node
    domain: Support
    line: str


class Conditions:
    """What a density's formulas take for granted: the checks of data and the guards, found one
    after the other, each once."""

    def __init__(self, only_data: Callable[[Node], bool], known: FactTable) -> None:
        self.only_data = only_data
        self.known = known
        self.checks: list[SupportCheck] = []
        self.guards: list[SupportCheck] = []
        self._seen: set[Node] = set()

    def require(self, what: str, value: Node, domain: Support, line: str) -> None:
        """`value` must lie in `domain`."""
        if isinstance(value.op, Const) or is_within(value, domain, self.known):
            return
        part = deciding(value, domain, self.known)
        inside = domain.contains(part)
        if inside is not None:
            what = what if part is value else f"a factor of {what}"
            self.hold(SupportCheck(what, part, inside, domain, line))

    def hold(self, check: SupportCheck) -> None:
        """Note a condition that cannot be shown to hold."""
        if check.inside in self._seen:
            return
        if self.only_data(check.inside):
            self._seen.add(check.inside)
            self.checks.append(check)
        else:
            self.guard(check)
        # What depends on the value may rely on it from here on.
        assume(check.value, check.domain, self.known)

    def guard(self, check: SupportCheck) -> None:
        """Note where the density is zero, be it for data alone."""
        if check.inside not in self._seen:
            self._seen.add(check.inside)
            self.guards.append(check)

    def require_low_below_high(self, what: str, support: Support, line: str) -> None:
        """The lower bound of an interval must be below the upper one."""
        if not isinstance(support, Interval) or is_number(support.low, support.high):
            return
        if not support.bounded_below or not support.bounded_above:
            return
        low, high = as_tensor(support.low), as_tensor(support.high)
        least, most = self.known.bounds(high), self.known.bounds(low)
        apart = least.low_open or most.high_open
        if not (least.low > most.high or (least.low == most.high and apart)):
            self.hold(SupportCheck(f"the upper bound of {what}", high, low < high, Above(), line))


def density_of(
    variable: Node, x: Node, inputs: Sequence[Node], conditions: Conditions, free: bool
) -> Node:
    """The variable's log density where all conditions hold, which are added to `conditions`."""
    op, line = variable.op, line_of(variable)
    name = display_name(op.distribution, op.label)
    x = typed_value(op, x, inputs)
    parameters = op.named(inputs)
    for label, domain in op.distribution.parameters.items():
        conditions.require(f"{label} of {name}", parameters[label], domain, line)
    support = op.support(*inputs)
    conditions.require_low_below_high(name, support, line)
    if not free:
        inside = support.contains(x)
        if inside is not None:
            what = f"the observed value of {name}"
            conditions.hold(SupportCheck(what, x, inside, support, line))
    density = op.distribution.logpdf(x, *map(merge_exponentials, parameters.values()))
    return normalised(variable, density, inputs, conditions.only_data, not free)


def sum_terms(
    terms: Sequence[Node], only_data: Callable[[Node], bool], counts: Collection[Node] = ()
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
        for leaf, sign, count in addends_by_sample(term, only_data):
            if not only_data(leaf):
                leaf = by_distinct_counts(leaf, counts)
            key = (only_data(leaf), leaf.shape, count)
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


def addends(term: Node) -> list[tuple[Node, int, Shape, Size]]:
    """The operands of nested sums and differences, in order: (tensor, sign, shape, times), where
    the term has that tensor, repeated over the shape, so many times."""
    found: list[tuple[Node, int, Shape, Size]] = []
    stack: list[tuple[Node, int, Shape, Size]] = [(term, 1, term.shape, 1)]
    while stack:
        node, sign, shape, times = stack.pop()
        match node.op:
            case ops.Add() | ops.Sub():
                other = sign if isinstance(node.op, ops.Add) else -sign
                stack.append((node.inputs[1], other, shape, times))
                stack.append((node.inputs[0], sign, shape, times))
            case ops.Neg():
                stack.append((node.inputs[0], -sign, shape, times))
            case ops.BroadcastTo():
                stack.append((node.inputs[0], sign, shape, times))
            case ops.Cast() if isinstance(node.inputs[0].op, COMPUTED_IN_DOUBLE):
                stack.append((node.inputs[0], sign, shape, times))
            case ops.Sum() if isinstance(node.inputs[0].op, Elementwise):
                inner = node.inputs[0]
                times = size_product((times, repeats(node.shape, shape)))
                stack.append((inner, sign, inner.shape, times))
            case _:
                found.append((node, sign, shape, times))
    return found


def addends_by_sample(
    term: Node, only_data: Callable[[Node], bool]
) -> Iterator[tuple[Node, int, Size]]:
    """The operands of a term, with their signs and how many times their entries are in its sum:
    deviances of data with the same parameters give what is left of their sum."""
    for leaf, sign, shape, times in addends(term):
        if is_slope_of_data(leaf, only_data):
            continue
        sums = None
        if leaf.shape == shape and not only_data(leaf):
            sums = of_sample(leaf, only_data)
        if sums is None:
            yield leaf, sign, size_product((times, repeats(leaf.shape, shape)))
            continue
        total, sample = sums
        for part, own, whole, again in addends(ops.broadcast_to(total, sample.kept)):
            yield part, sign * own, size_product((times, again, repeats(part.shape, whole)))


def is_slope_of_data(leaf: Node, only_data: Callable[[Node], bool]) -> bool:
    """Is it a multiple of x - stop_gradient(x), 0 but for its slope in data x?"""
    factors = leaf.inputs if isinstance(leaf.op, ops.Mul) else (leaf,)
    differences = [f for f in factors if isinstance(f.op, ops.Sub) and only_data(f)]
    return any(
        isinstance(f.inputs[1].op, ops.StopGradient) and f.inputs[1].inputs[0] is f.inputs[0]
        for f in differences
    )


def by_distinct_counts(leaf: Node, counts: Collection[Node]) -> Node:
    """A tensor with the same sum, if one is a function of observed counts and of what does not vary
    along its rows: that function of the distinct counts of each column, times how often they occur.
    Any other tensor stays as it is."""
    found = counts_in(leaf, counts)
    if found is None:
        return leaf
    own, parameters = found
    values, times, columns = distinct(own)
    changes = dict(zip(own, values, strict=True))
    for x in parameters:
        once = before_broadcast(x)
        once = once[0] if once.ndim > 1 else once
        changes[x] = once[columns] if once.shape and once.shape[0] != 1 else ops.reshape(once, ())
    return times * replace([leaf], changes)[0]


def counts_in(leaf: Node, counts: Collection[Node]) -> tuple[list[Node], list[Node]] | None:
    """The observed counts that a tensor is an elementwise function of, and its other arguments,
    which are scalars or, for tables of counts, the same all along their rows; None where there are
    others."""
    found: dict[Node, None] = {}
    parameters: dict[Node, None] = {}
    stack = [leaf]
    while stack:
        node = stack.pop()
        if node in counts:
            found[node] = None
        elif leaf.ndim in (1, 2) and is_constant_along(before_broadcast(node), (0,), leaf.ndim):
            parameters[node] = None
        elif isinstance(node.op, Elementwise):
            stack.extend(x for x in node.inputs if x.shape)
        else:
            return None
    alike = all(count.shape == leaf.shape for count in found)
    return ([*found], [*parameters]) if found and alike else None


def repeats(own: Sequence[Size], whole: Sequence[Size]) -> Size:
    """How often a broadcast repeats each entry of a tensor."""
    kept = (1,) * (len(whole) - len(own)) + tuple(own)
    return size_product(n for n, m in zip(whole, kept, strict=True) if m == 1 and n != 1)
