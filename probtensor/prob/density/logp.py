"""Log densities of graphs: each random variable replaced by a value, and the sum of the terms.

`logp` is the full density of one variable: -inf outside the support and for parameters outside
theirs, nan for nan. The density of a model omits checks that are known to hold: a free variable is
the value of its bijector, so it lies in its support; what depends on data alone is checked once,
when data are bound; what can be proved is not checked. The remaining conditions are guards: where
one does not hold, the density is zero and its formulas are meaningless.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import ClassVar

from probtensor import ops
from probtensor.calls import public
from probtensor.dataclass import dataclass
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
from probtensor.graph.sizes import rebuilt
from probtensor.late import late
from probtensor.ops.kinds import Composite
from probtensor.ops.values.check import Checked
from probtensor.prob.density.nans import nan_for_nan
from probtensor.prob.distributions.base import (
    Bounded,
    Deterministic,
    RandomVariable,
    display_name,
)
from probtensor.prob.distributions.checked_draw import order_requirements
from probtensor.prob.distributions.distribution import Distribution, Unknown
from probtensor.prob.distributions.domains import (
    assume,
    contained,
    deciding,
    is_within,
    may_be_infinite,
    or_nan,
    widened,
)
from probtensor.prob.distributions.formulas import merge_exponentials
from probtensor.prob.distributions.support import Above, Interval, Support, is_number
from probtensor.prob.model.data import default_of
from probtensor.prob.sequences.convert import with_sequences
from probtensor.prob.sequences.op import RandomSequence
from probtensor.prob.sequences.resolve import resolved
from probtensor.transform.facts import FactTable
from probtensor.types import (
    ShapeError,
    TensorType,
    broadcast_shapes,
    promote_float,
    shape_text,
)

derived = late("probtensor.prob.derived.variable")


@public
def logp(variable: Node, value: TensorLike) -> Node:
    """Log density (log mass) of a random variable, or of an expression of some, at `value`.

    Elementwise over the variable's shape; a vector distribution gives one number a vector. -inf
    outside the support, at infinite numbers, and where a parameter lies outside its range, as in a
    model; nan where the value or a parameter is nan. What the way a parameter is written shows is
    not checked: exp(s) is positive though it rounds to 0 at -800, and the density there is what its
    formula says. The parameters may hold other random variables, which stay what they are.

    The density of an expression, such as `pt.exp(x)`, `x + y` or `pt.max(x)`, is derived by rules:
    that of its random variables without a name, given those with one (see docs/densities.md). Where
    a value has a probability of its own, as at the bounds of `pt.clip`, it is the log of that.

    The stacked values of a random variable of a loop are one, too: the density of each step given
    the values of the steps before it, and given other random variables of the loop.

        s = pt.scalar("s")
        pt.logp(pt.random.exponential(pt.exp(s)), 1.0)      # s - exp(s): -800 at s = -800

    Returns a float tensor of the shape that the variable and `value` broadcast to, without the axes
    of a vector. Raises GraphError for what is not made of random variables, for an expression whose
    density is not derived, with the reason, and where shapes do not fit.

        >>> pt.logp(pt.random.normal(0.0, 1.0), 0.0).eval()
        array(-0.91893853)
        >>> pt.logp(pt.exp(pt.random.normal(0.0, 1.0)), 2.0).eval()
        array(-1.85231222)
        >>> pt.logp(pt.clip(pt.random.normal(0.0, 1.0), -1.0, 1.0), 1.0).eval()
        array(-1.84102165)
    """
    if not isinstance(variable, Node):
        raise GraphError(f"logp: takes a random variable, not {variable!r:.60}")
    named, value = with_sequences([variable, as_tensor(value)])
    variable = unwrap_deterministic(named)
    if not isinstance(variable.op, RandomVariable):
        variable = derived.derived_variable(named, what="logp")
    check_value_shape(variable, value)
    own = resolved(variable)
    inputs, bounds = own.variable.inputs, own.bounded
    if own.variable is not variable:
        given = {variable: ops.broadcast_to(value.astype(variable.dtype), variable.shape)}
        inputs = replace(inputs, given)
        bounds = replace(bounds, given)
    variable = make(own.variable.op, tuple(inputs))
    (value, *inputs), bounded = without_bounds([value, *inputs])
    bounded += [(x.op.domain, x.inputs[0]) for x in bounds]
    density = full_density(variable, value, inputs, depends_on_data_only, bounded)
    if any(isinstance(x.op, RandomVariable) for x in toposort([density])):
        op = DensityOf(variable.op, tuple(domain for domain, _ in bounded))
        density = make(op, (density, value, *inputs, *(x for _, x in bounded)))
    return in_shape(density, variable, value)


def in_shape(result: Node, variable: Node, value: Node) -> Node:
    """A result of one number a point, in the shape that the variable and the value broadcast to."""
    if isinstance(variable.op, RandomSequence):
        return result
    whole = broadcast_shapes(value.shape, variable.shape)
    whole = whole[: len(whole) - variable.op.distribution.event_ndim]
    fits = result.shape == whole or result.ndim > len(whole)
    return result if fits else ops.broadcast_to(result, whole)


def check_value_shape(variable: Node, value: Node, what: str = "logp") -> None:
    """GraphError for a value of a shape that a variable does not have. A sequence, whose values a
    loop reads, has no further axes."""
    name = display_name(variable.op.distribution, variable.op.label)
    axes = max(value.ndim, variable.ndim)
    if isinstance(variable.op, RandomSequence):
        axes = variable.ndim
    try:
        fits = len(broadcast_shapes(value.shape, variable.shape)) == axes
    except ShapeError:
        fits = False
    if not fits:
        raise GraphError(
            f"{what}: the value has shape {shape_text(value.shape)}, {name} has "
            f"{shape_text(variable.shape)}\n  {name} made at {line_of(variable)}"
        )


def unwrap_deterministic(node: Node) -> Node:
    """The expression inside nested `pt.deterministic`."""
    while isinstance(node.op, Deterministic):
        node = node.inputs[0]
    return node


def typed_value(op: RandomVariable, x: Node, parameters: Sequence[Node]) -> Node:
    """The value in the dtype of its formula: counts as floats, indices as integers."""
    distribution = op.distribution
    if distribution.indexes:
        return x.astype("int64")
    own = op.parameters_of(parameters)
    wanted = own[0].dtype if own and own[0].type.is_float else "float64"
    return x if x.type.is_float else x.astype(wanted)


@dataclass(frozen=True)
class DensityOf(Composite):
    """A log density whose value or parameters contain random variables. Its inputs are the density,
    the value, the inputs of its variable, and nodes that must lie in `bounds`.

    A model builds the density again from the values of these variables, since more is known of
    them: the value of a bijector needs no check, and its logarithm is known if the bijector is exp.
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

    def over(self, inputs: Sequence[Node], facts: FactTable) -> tuple[Node, list[Restriction]]:
        """The density built from other inputs, with its restrictions."""
        count = len(inputs) - len(self.bounds)
        _, x, *own = inputs[:count]
        bounded = [*zip(self.bounds, inputs[count:], strict=True)]
        return restricted(make(self.variable, own), x, own, depends_on_data_only, bounded, facts)


@dataclass(frozen=True)
class Restriction:
    """A condition outside which a density is zero: `value`, named `what` in messages, lies in
    `domain`; `inside` is its mask."""

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
    """The log density with all checks that facts do not decide: -inf where the value or a parameter
    lies outside its support, and at infinite numbers; nan stays nan. For `is_fixed` see
    `normalised`; `bounded` are further nodes with their supports."""
    (x, *inputs), inner = without_bounds([x, *inputs])
    bounded = [*bounded, *inner]
    density, found = restricted(variable, x, inputs, is_fixed, bounded, FactTable(), finite=True)
    own = variable.op.parameters_of(inputs)
    density = nan_for_nan(density, variable.op.distribution, own, x)
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
    facts: FactTable,
    finite: bool = False,
) -> tuple[Node, list[Restriction]]:
    """The log density, and the restrictions that facts do not decide; with `finite` also to finite
    numbers, since formulas may be differences of infinite terms."""
    op = variable.op
    distribution = op.distribution
    name = display_name(distribution, op.label)
    support = op.support(*inputs)
    given, x = x, typed_value(op, x, inputs)
    found = []
    # The rest may assume these: where one does not hold, the density is -inf anyway.
    for domain, value in bounded:
        found += restriction(f"a parameter of {name}", value, domain, facts)
        assume(value, domain, facts)
    whole = not (distribution.indexes and given.type.is_float)
    inside = None if whole and is_within(x, support, facts) else support.contains(given)
    if distribution.indexes and inside is not None:
        # An index out of range must not be read, even if the result is not used.
        x = ops.where(inside, x, 0)
    parameters = op.parameters_of(inputs)
    density = formula_of(distribution, x, parameters)
    result = normalised(variable, density, inputs, is_fixed)
    if inside is not None:
        inside = widened(or_nan(inside, given, support), result)
        found.append(Restriction(f"the value of {name}", x, inside, support))
    # An improper density and points of an expression need not be 0 at infinity.
    proper = not (distribution.improper or distribution.has_atoms)
    if finite and proper and may_be_infinite(given, support, facts):
        wanted = ops.logical_not(ops.isinf(given))
        found.append(Restriction(f"the value of {name}", given, wanted, support))
    for (label, domain), value in zip(distribution.parameters.items(), parameters):
        found += restriction(f"{label} of {name}", value, domain, facts)
    for need in order_requirements(distribution, parameters):
        valid = or_nan(need.inside, need.value, need.domain)
        found.append(Restriction(f"{need.what} of {name}", need.value, valid, need.domain))
    return result, found


def restriction(what: str, value: Node, domain: Support, facts: FactTable) -> list[Restriction]:
    """The restriction that a value lies in its domain; none if facts prove it."""
    valid = None if is_within(value, domain, facts) else contained(value, domain, facts)
    return [] if valid is None else [Restriction(what, value, or_nan(valid, value, domain), domain)]


def without_bounds(inputs: Sequence[Node]) -> tuple[list[Node], list[tuple[Support, Node]]]:
    """A value and parameters with inner names and checks removed, and these checks."""
    done: dict[Node, Node] = {}
    bounded: list[tuple[Support, Node]] = []
    for node in toposort(inputs):
        if isinstance(node.op, RandomVariable):
            done[node] = node
            continue
        with made_by(node):
            done[node] = rebuilt(node, done)
        if isinstance(node.op, (Bounded, Deterministic)):
            done[node] = done[node].inputs[0]
        if isinstance(node.op, Bounded):
            bounded.append((node.op.domain, done[node]))
    return [done[x] for x in inputs], bounded


def formula_of(distribution: Distribution, x: Node, parameters: Sequence[Node]) -> Node:
    """The log density by the formula, in the dtype of the value and the parameters; the formula may
    compute with more digits."""
    density = distribution.logpdf(x, *map(merge_exponentials, parameters))
    dtype = promote_float(x.dtype, *(p.dtype for p in parameters))
    return density.astype(dtype) if dtype == "float32" else density


def normalised(
    variable: Node,
    density: Node,
    inputs: Sequence[Node],
    is_fixed: Callable[[Node], bool],
    observed: bool = False,
) -> Node:
    """The density divided by the probability of the constrained set (`constraint=`).

    If that probability has no formula it is left out as long as it is a constant, that is if all
    parameters are fixed. GraphError if it has no formula and is not constant.
    """
    op = variable.op
    try:
        share = op.log_probability(variable, inputs)
    except Unknown as error:
        if not observed and all(map(is_fixed, inputs)):
            return density
        name = display_name(op.distribution, op.label)
        why = "it is observed" if observed else "its parameters may vary"
        raise GraphError(
            f"{name}: constraint= leaves a probability that its density must be divided by, since "
            f"{why}:\n  it is not known, for {error}\n  made at {line_of(variable)}\n  state the "
            "density with pt.potential; known are those of intervals of distributions with a "
            "pt.logcdf,\n  and of orders of alike entries"
        ) from None
    return density if share is None else density - share


def depends_on_data_only(node: Node) -> bool:
    """Does a tensor depend on literals and data alone?"""
    leaves = [x for x in toposort([node]) if not x.inputs]
    valued = all(not isinstance(x.op, Input) or default_of(x) is not None for x in leaves)
    return valued and not any(isinstance(x.op, RandomVariable) for x in toposort([node]))


@dataclass(frozen=True)
class SupportCheck:
    """A condition: `value` lies in `domain`; `inside` is its mask.

    If it depends on data alone, bound data must satisfy it; otherwise it guards the density, which
    is zero where the condition does not hold. One that a user has written has its `check`, and the
    tensors that this shows, `shown`.
    """

    what: str
    value: Node
    inside: Node
    domain: Support
    line: str
    check: Checked | None = None
    shown: tuple[Node, ...] = ()


class Conditions:
    """The conditions that a density's formulas assume, collected without duplicates: checks of data
    and guards."""

    def __init__(self, only_data: Callable[[Node], bool], facts: FactTable) -> None:
        self.only_data = only_data
        self.facts = facts
        self.checks: list[SupportCheck] = []
        self.guards: list[SupportCheck] = []
        self._seen: set[Node] = set()

    def require(self, what: str, value: Node, domain: Support, line: str) -> None:
        """Require that `value` lies in `domain`, unless it is a literal or facts prove it."""
        if isinstance(value.op, Const) or is_within(value, domain, self.facts):
            return
        part = deciding(value, domain, self.facts)
        inside = domain.contains(part)
        if inside is not None:
            what = what if part is value else f"a factor of {what}"
            self.add(SupportCheck(what, part, inside, domain, line))

    def add(self, check: SupportCheck) -> None:
        """Add a condition that cannot be proved: as a check of data, or as a guard."""
        if check.inside in self._seen:
            return
        if self.only_data(check.inside):
            self._seen.add(check.inside)
            self.checks.append(check)
        else:
            self.guard(check)
        # Later conditions may assume this one.
        assume(check.value, check.domain, self.facts)

    def guard(self, check: SupportCheck) -> None:
        """Add a guard, even if it depends on data alone."""
        if check.inside not in self._seen:
            self._seen.add(check.inside)
            self.guards.append(check)

    def require_parameters(self, variable: Node, inputs: Sequence[Node]) -> None:
        """Require that the parameters of a variable lie in their supports."""
        op, line = variable.op, line_of(variable)
        name, parameters = display_name(op.distribution, op.label), op.named(inputs)
        for label, domain in op.distribution.parameters.items():
            self.require(f"{label} of {name}", parameters[label], domain, line)

    def require_low_below_high(self, what: str, support: Support, line: str) -> None:
        """Require that the lower bound of an interval is below the upper one."""
        if not isinstance(support, Interval) or is_number(support.low, support.high):
            return
        if not support.bounded_below or not support.bounded_above:
            return
        low, high = as_tensor(support.low), as_tensor(support.high)
        least, most = self.facts.bounds(high), self.facts.bounds(low)
        strict = least.low_open or most.high_open
        if not (least.low > most.high or (least.low == most.high and strict)):
            self.add(SupportCheck(f"the upper bound of {what}", high, low < high, Above(low), line))


def density_of(
    variable: Node, x: Node, inputs: Sequence[Node], conditions: Conditions, free: bool
) -> Node:
    """The variable's log density without checks; its conditions are added to `conditions`."""
    op, line = variable.op, line_of(variable)
    name = display_name(op.distribution, op.label)
    x = typed_value(op, x, inputs)
    parameters = op.named(inputs)
    conditions.require_parameters(variable, inputs)
    support = op.support(*inputs)
    conditions.require_low_below_high(name, support, line)
    if not free:
        inside = support.contains(x)
        if inside is not None:
            what = f"the observed value of {name}"
            conditions.add(SupportCheck(what, x, inside, support, line))
    density = formula_of(op.distribution, x, tuple(parameters.values()))
    return normalised(variable, density, inputs, conditions.only_data, not free)
