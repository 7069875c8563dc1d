"""Distribution functions and quantiles of random variables, truncated ones too."""

from __future__ import annotations

import math
from collections.abc import Sequence

from probtensor import ops
from probtensor.calls import public
from probtensor.graph import GraphError, Node, as_tensor, line_of
from probtensor.graph.node import TensorLike
from probtensor.late import late
from probtensor.ops.kinds import as_tensor_of
from probtensor.prob.density.logp import (
    check_value_shape,
    in_shape,
    restriction,
    typed_value,
    unwrap_deterministic,
    without_bounds,
)
from probtensor.prob.density.nans import nan_for_nan, nan_where_empty
from probtensor.prob.distributions.base import RandomVariable, display_name
from probtensor.prob.distributions.checked_draw import order_requirements
from probtensor.prob.distributions.distribution import Distribution, Unknown
from probtensor.prob.distributions.formulas import merge_exponentials
from probtensor.prob.distributions.support import Integers, Interval, Support, is_bound
from probtensor.prob.distributions.truncation import truncation_bounds
from probtensor.prob.sequences.convert import with_sequences
from probtensor.prob.sequences.op import RandomSequence
from probtensor.transform.facts import FactTable
from probtensor.types import promote_float

derived = late("probtensor.prob.derived.variable")


@public
def logcdf(variable: Node, value: TensorLike) -> Node:
    """Log of the probability that a random variable is at most `value`, exact where it is small.

    Elementwise over the variable's shape. -inf below the support and 0 above it; nan where the
    value or a parameter is nan, and where a parameter lies outside its range. A variable with
    `constraint=` has the truncated distribution.

    Returns a float tensor of the shape that the variable and `value` broadcast to. Raises
    GraphError for anything but a random variable of numbers, or an expression of some (see
    `pt.logp`), and where the distribution function is not known.

        >>> pt.logcdf(pt.random.normal(0.0, 1.0), -40.0).eval()
        array(-804.60844201)
    """
    return _Parts(variable, value, "logcdf").log_tail(above=False)


@public
def logccdf(variable: Node, value: TensorLike) -> Node:
    """Log of the probability that a random variable is above `value`, exact where it is small.

    Elementwise over the variable's shape; see `pt.logcdf`.

    Returns a float tensor of the shape that the variable and `value` broadcast to. Raises
    GraphError for anything but a random variable of numbers, or an expression of some (see
    `pt.logp`), and where the distribution function is not known.

        >>> pt.logccdf(pt.random.exponential(2.0), 400.0).eval()
        array(-800.)
    """
    return _Parts(variable, value, "logccdf").log_tail(above=True)


@public
def icdf(variable: Node, q: TensorLike) -> Node:
    """The quantile of a random variable: the least value that it is at most with probability `q`.

    Elementwise over the variable's shape. The ends of the support for 0 and 1; nan where q is none
    of 0 to 1, where it or a parameter is nan, and where a parameter lies outside its range. A
    variable with `constraint=` has the truncated distribution.

    Returns a float tensor of the shape that the variable and `q` broadcast to. Raises GraphError
    for anything but a random variable of numbers, or an expression of some (see `pt.logp`), and
    where its quantiles are not known.

        >>> pt.icdf(pt.random.exponential(2.0), 0.5).eval()
        array(0.34657359)
    """
    return _Parts(variable, q, "icdf").quantile()


class _Parts:
    """A random variable, a value or probability, and the parts of its distribution function."""

    def __init__(self, variable: Node, value: TensorLike, what: str) -> None:
        if not isinstance(variable, Node):
            raise GraphError(f"{what}: takes a random variable, not {variable!r:.60}")
        named, variable = variable, unwrap_deterministic(variable)
        if not isinstance(with_sequences([variable])[0].op, RandomVariable):
            variable = derived.derived_variable(named, what=what)
        op = variable.op
        if not isinstance(op, RandomVariable) or isinstance(op, RandomSequence):
            raise GraphError(
                f"{what}: {variable.described} is not a random variable that "
                f"pt.random made\n  made at {line_of(variable)}"
            )
        self.what, self.variable, self.distribution = what, variable, op.distribution
        value = as_tensor(value)
        check_value_shape(variable, value, what)
        (value, *self.inputs), self.bounded = without_bounds([value, *variable.inputs])
        own = op.parameters_of(self.inputs)
        self.parameters = tuple(map(merge_exponentials, own))
        self.support = op.support(*self.inputs)
        if not isinstance(self.support, (Interval, Integers)) or self.distribution.indexes:
            raise GraphError(
                f"{what}: {self._name} has values that are {self.support}, and a distribution "
                f"function is of numbers in no order but their own\n  made at {line_of(variable)}"
            )
        self.dtype = promote_float(value.dtype, *(x.dtype for x in own))
        self.value = value.astype(self.dtype)

    @property
    def _name(self) -> str:
        return display_name(self.distribution, self.variable.op.label)

    def _known(self, function, *args: Node | None) -> Node:
        try:
            return function(*args, *self.parameters)
        except Unknown as error:
            raise GraphError(
                f"{self.what}: {error}\n  made at {line_of(self.variable)}\n  estimate it from "
                "draws, with pt.draw(variable, draws=...)"
            ) from None

    def _cuts(self) -> tuple[Node | None, Node | None]:
        """The bounds of `constraint=`; None where it has none."""
        constraint = self.variable.op.constraint
        if constraint is None:
            return None, None
        own = self.distribution.support(*self.parameters)
        held = self.support
        return truncation_bounds(held, own, held, self.dtype)

    def log_tail(self, above: bool) -> Node:
        support, distribution = self.support, self.distribution
        x = ops.floor(self.value) if support.discrete else self.value
        low, high = (as_tensor_of(bound, x.dtype) for bound in (support.low, support.high))
        under = x < low if is_bound(support.low) else x < -math.inf
        over = (x > high if support.discrete else x >= high) if is_bound(support.high) else None
        over = ops.eq(x, math.inf) if over is None else over | ops.eq(x, math.inf)
        under = under | ops.eq(x, -math.inf)
        # Formulas are evaluated inside the support alone.
        inside = typed_value(
            self.variable.op, ops.where(under | over | ops.isnan(x), self._somewhere(), x),
            self.inputs,
        )  # fmt: skip
        cuts = self._cuts()
        if cuts == (None, None):
            function = distribution.logccdf if above else distribution.logcdf
            tail = self._known(function, inside)
        else:
            part = (inside, cuts[1]) if above else (cuts[0], inside)
            share = self._known(distribution.log_between, *part)
            tail = share - self._known(distribution.log_between, *cuts)
        tail = self._nan_for_nan(tail.astype(self.dtype))
        none, whole = (under, over) if not above else (over, under)
        tail = ops.where(none, -math.inf, ops.where(whole, 0.0, tail))
        return self._checked(ops.where(ops.isnan(x), math.nan, tail))

    def _somewhere(self) -> Node:
        """A value inside the support."""
        ends = self.support.low, self.support.high
        low, high = (as_tensor_of(end, self.value.dtype) if is_bound(end) else None for end in ends)
        if low is not None and high is not None:
            middle = 0.5 * low + 0.5 * high
            return ops.floor(middle) if self.support.discrete else middle
        if low is not None:
            return low + 1.0
        return as_tensor_of(0.0, self.value.dtype) if high is None else high - 1.0

    def quantile(self) -> Node:
        q = self.value
        valid = (q > 0) & (q < 1)
        p = ops.where(valid, q, 0.5)
        cuts = self._cuts()
        if cuts == (None, None):
            log_p = ops.log(p)
            found = self._known(self.distribution.quantile, log_p, as_tensor(False))
            if self.support.discrete:
                found = self._settled(found, log_p)
        else:
            found = self._known(self.distribution.quantile_between, p, *cuts)
        found = self._nan_for_nan(found.astype(self.dtype))
        low, high = (as_tensor_of(end, q.dtype) for end in (self.support.low, self.support.high))
        found = ops.where(ops.eq(q, 0), low, ops.where(ops.eq(q, 1), high, found))
        return self._checked(ops.where(valid | ops.eq(q, 0) | ops.eq(q, 1), found, math.nan))

    def _settled(self, found: Node, log_p: Node) -> Node:
        """A count that a rounding may have moved by one, moved back."""
        least = as_tensor_of(self.support.low, found.dtype)
        found = ops.maximum(found, least)
        before = ops.maximum(found - 1, least)
        enough = self._known(self.distribution.logcdf, before) >= log_p
        found = ops.where(enough & (found > least), before, found)
        short = self._known(self.distribution.logcdf, found) < log_p
        return ops.where(short, found + 1, found)

    def _nan_for_nan(self, formula: Node) -> Node:
        return nan_for_nan(formula, self.distribution, self.parameters)

    def _checked(self, result: Node) -> Node:
        """nan where a parameter lies outside its range, or bounds leave nothing."""
        if self.variable.op.constraint is not None:
            result = nan_where_empty(result, self.support)
        result = nan_outside(
            result, self._name, self.distribution, self.parameters, self.bounded
        )
        return in_shape(result, self.variable, self.value)


def nan_outside(
    result: Node, name: str, distribution: Distribution, parameters: Sequence[Node],
    bounded: Sequence[tuple[Support, Node]],
) -> Node:  # fmt: skip
    """A result, nan where a parameter of the variable `name`, or a value in `bounded`, lies outside
    its range."""
    facts = FactTable()
    pairs: list[tuple[str, object, Node]] = [("a parameter", d, x) for d, x in bounded]
    domains: Sequence = list(distribution.parameters.items())
    pairs += [(label, d, x) for (label, d), x in zip(domains, parameters)]
    needs = [need for label, domain, x in pairs
             for need in restriction(f"{label} of {name}", x, domain, facts)]  # fmt: skip
    for need in (*needs, *order_requirements(distribution, parameters)):
        missing = result.ndim - need.inside.ndim if distribution.event_ndim else 0
        inside = need.inside[(..., *(None,) * missing)] if missing > 0 else need.inside
        result = ops.where(inside, result, math.nan)
    return result
