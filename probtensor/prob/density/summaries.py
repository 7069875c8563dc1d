"""Expectations, variances, modes and entropies of random variables, as graphs of their parameters,
and gradients of expectations over draws that have no derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from probtensor import ops
from probtensor.calls import line_text, public
from probtensor.graph import GraphError, Node, as_tensor, line_of, replace, toposort
from probtensor.graph.node import TensorLike
from probtensor.late import late
from probtensor.prob.density.cumulative import nan_outside
from probtensor.prob.density.logp import logp, unwrap_deterministic, without_bounds
from probtensor.prob.density.nans import nan_for_nan, nan_where_empty
from probtensor.prob.distributions.base import RandomVariable, display_name
from probtensor.prob.distributions.distribution import Unknown
from probtensor.prob.distributions.formulas import merge_exponentials
from probtensor.prob.distributions.support import Interval
from probtensor.prob.distributions.truncation import truncation_bounds
from probtensor.prob.sequences.op import RandomSequence
from probtensor.types import shape_text

truncated = late("probtensor.prob.distributions.continuous.truncated")
crosses = late("probtensor.prob.density.crosses")
divergences = late("probtensor.prob.density.divergences")


class Own:
    """A random variable and its parameters, as a function of this module needs them."""

    def __init__(self, what: str, variable: Node) -> None:
        if not isinstance(variable, Node):
            raise GraphError(f"{what}: takes a random variable, not {variable!r:.60}")
        variable = unwrap_deterministic(variable)
        op = variable.op
        if not isinstance(op, RandomVariable) or isinstance(op, RandomSequence):
            raise GraphError(
                f"{what}: {variable.described} is not a random variable that pt.random made\n"
                f"  made at {line_of(variable)}"
            )
        self.what, self.variable, self.distribution = what, variable, op.distribution
        self.inputs, self.bounded = without_bounds([*variable.inputs])
        own = op.parameters_of(self.inputs)
        self.parameters = tuple(map(merge_exponentials, own))

    @property
    def name(self) -> str:
        return display_name(self.distribution, self.variable.op.label)

    @property
    def by_parameters(self) -> str:
        """The variable and the names of its parameters."""
        return f"{self.name} by {', '.join(self.distribution.parameters)}"

    def refuse(self, reason: str) -> GraphError:
        return GraphError(
            f"{self.what}: {reason}\n  made at {line_of(self.variable)}\n  estimate it from draws, "
            "with pt.draw(variable, draws=...)"
        )

    def known(self, method: str) -> Node:
        """What the distribution states, of the truncated one under `constraint=`."""
        op = self.variable.op
        distribution = self.distribution.sized(op.event)
        if distribution.improper:
            raise self.refuse(f"{self.name} has no proper density")
        try:
            if op.constraint is None:
                return as_tensor(getattr(distribution, method)(*self.parameters))
            if not isinstance(op.constraint, Interval):
                raise Unknown(f"that of {self.name} under {op.constraint} is not known here")
            support = op.support(*self.inputs)
            own = distribution.support(*self.parameters)
            cuts = truncation_bounds(support, own, support, self.variable.dtype)
            found = truncated.known(distribution, method, *cuts, *self.parameters)
            return nan_where_empty(found, support)
        except Unknown as error:
            raise self.refuse(str(error)) from None

    def finished(self, result: Node, shape: Sequence) -> Node:
        """The result in the shape, nan where a parameter is nan or lies outside its range."""
        result = nan_for_nan(result, self.distribution, self.parameters)
        result = nan_outside(result, self.name, self.distribution, self.parameters, self.bounded)
        return ops.broadcast_to(result, tuple(shape))


@public
def expectation(variable: Node) -> Node:
    """The expectation of a random variable, as a function of its parameters; of angles their mean
    direction.

    Returns a float tensor of the shape of the variable: inf or nan where there is none, and nan for
    parameters outside their range. Raises GraphError for anything but a random variable, and where
    the expectation has no formula here, as those of most distributions under `constraint=`.

        >>> pt.expectation(pt.random.gamma(3.0, 2.0)).eval()
        array(1.5)
    """
    own = Own("expectation", variable)
    return own.finished(own.known("mean"), own.variable.shape)


@public
def variance(variable: Node) -> Node:
    """The variance of each entry of a random variable, as a function of its parameters; of angles
    the circular variance. (`pt.var` is that of an array.)

    Returns a float tensor of the shape of the variable: inf or nan where there is none, and nan for
    parameters outside their range. Raises GraphError for anything but a random variable, and where
    the variance has no formula here, as those of most distributions under `constraint=`.

        >>> pt.variance(pt.random.gamma(3.0, 2.0)).eval()
        array(0.75)
    """
    own = Own("variance", variable)
    return own.finished(own.known("variance"), own.variable.shape)


@public
def mode(variable: Node) -> Node:
    """A value of a random variable with the highest density, as a function of its parameters.

    Returns a float tensor of the shape of the variable, nan where there is none, and for parameters
    outside their range. Raises GraphError for anything but a random variable, and where the mode
    has no formula here.

        >>> pt.mode(pt.random.gamma(3.0, 2.0)).eval()
        array(1.)
    """
    own = Own("mode", variable)
    return own.finished(own.known("mode"), own.variable.shape)


@public
def entropy(variable: Node) -> Node:
    """The expectation of minus the log density of a random variable, in nats, as a function of its
    parameters.

    Returns a float tensor, one number a point: of the shape of the variable, without the axes of a
    vector; nan for parameters outside their range. Raises GraphError for anything but a random
    variable, and where the entropy has no formula here.

        >>> pt.entropy(pt.random.normal(0.0, 1.0)).eval()
        array(1.41893853)
    """
    own = Own("entropy", variable)
    return own.finished(own.known("entropy"), own.variable.op.batch)


@public
def kl_divergence(p: Node, q: Node) -> Node:
    """The divergence of Kullback and Leibler of a random variable from another one: the expectation
    of log p(x) - log q(x) over x of `p`, in nats, as a function of their parameters. It is known
    for most pairs of one distribution, among the distributions of positive numbers, and from normal
    and uniform variables.

    Returns a float tensor, one number a point, of the shape that the variables broadcast to; inf
    where values of `p` have no density under `q`, and nan for parameters outside their range.
    Raises GraphError for anything but random variables, for variables under `constraint=`, and for
    pairs of distributions whose divergence has no formula here.

        >>> pt.kl_divergence(pt.random.normal(0.0, 1.0), pt.random.normal(1.0, 1.0)).eval()
        array(0.5)
    """
    first, second = Own("kl_divergence", p), Own("kl_divergence", q)
    for own in (first, second):
        if own.variable.op.constraint is not None:
            raise own.refuse(f"that of {own.name} under constraint= is not known here")
    pair = [(type(own.distribution).__name__, own.parameters) for own in (first, second)]
    formula, parameters = divergences.formula_of(*pair)
    result = None if formula is None else formula(*parameters)
    if formula is None:
        result = crosses.divergence(first, *pair[1])
    one_kind = first.distribution.name == second.distribution.name
    names = [own.by_parameters if one_kind and formula is None else own.name
             for own in (first, second)]  # fmt: skip
    names = " from ".join(names)
    if formula is None and result is None:
        raise GraphError(
            f"kl_divergence: that of {names} has no formula here\n  at {line_text()}\n  estimate "
            "it: the mean of pt.logp(p, x) - pt.logp(q, x) over draws x of p"
        )
    if result is None:
        raise GraphError(
            f"kl_divergence: that of {names} is known for equal n alone\n  at {line_text()}"
        )
    shape = ops.broadcast_arrays(
        *(ops.zeros(own.variable.op.batch) for own in (first, second))
    )[0].shape  # fmt: skip
    for own in (second, first):
        result = own.finished(result, shape)
    return result


@public
def score_function(
    cost: TensorLike,
    variables: Sequence[Node] | None = None,
    baseline: TensorLike = 0.0,
    repetitions: int = 0,
) -> Node:
    """`cost`, a function of draws, with gradients that are unbiased for its expectation also where
    draws have none: `pt.grad` of the result adds, to the derivatives of `cost` itself, (cost -
    baseline) times those of the log density of what was drawn. Higher derivatives are unbiased too.

    cost         a float tensor
    variables    the random variables whose draws are held fixed; all that `cost` depends on and
                 whose draws have no derivatives (discrete ones, mixtures of vectors) by default
    baseline     numbers that do not depend on these draws, for a smaller variance: best near the
                 expectation of `cost`
    repetitions  how many of the first axes of `cost` are repetitions: there an entry depends on the
                 entries of the variables at the same place alone, or on variables without these
                 axes, so that it is not multiplied by the log densities of the others

    Returns a tensor of the value of `cost`. Raises GraphError for a cost that is no float tensor,
    for variables that are no random variables, whose density is not known, or with fewer or other
    axes than the repetitions.
    Source: Williams (1992), "Simple statistical gradient-following algorithms for connectionist
    reinforcement learning", Machine Learning 8:229; Foerster et al. (2018), "DiCE: the infinitely
    differentiable Monte Carlo estimator", International Conference on Machine Learning.

        >>> p = pt.scalar("p")
        >>> x = pt.random.bernoulli(p, shape=100)
        >>> gradient = pt.grad(pt.mean(pt.score_function(3.0 * x, repetitions=1)), p)
    """
    cost = as_tensor(cost)
    if not cost.type.is_float:
        raise GraphError(
            f"score_function: cost is a float tensor, not {cost.described} of type {cost.type}\n"
            f"  at {line_text()}"
        )
    if not isinstance(repetitions, int) or not 0 <= repetitions <= cost.ndim:
        raise GraphError(
            f"score_function: repetitions={repetitions!r:.60} is no number of axes of "
            f"{cost.described} of shape {shape_text(cost.shape)}\n  at {line_text()}"
        )
    if variables is None:
        found = [x for x in toposort([cost]) if isinstance(x.op, RandomVariable)]
        chosen = [x for x in found if not x.op.moves]
    else:
        chosen = [unwrap_deterministic(as_tensor(x)) for x in variables]
    for x in chosen:
        if not isinstance(x.op, RandomVariable):
            what = f"score_function: {x.described} is no random variable"
            raise GraphError(f"{what}\n  at {line_text()}")
    if not chosen:
        return cost
    held = {x: ops.stop_gradient(x) for x in chosen if x.type.is_float}
    terms = [_log_score(x, logp(x, held.get(x, x)), cost, repetitions) for x in chosen]
    cost, *terms = replace([cost, *terms], held)
    total = reduce(ops.add, terms)
    # Of the value 0, also where the density is not finite.
    change = ops.expm1(ops.where(ops.isfinite(total), total - ops.stop_gradient(total), 0.0))
    return cost + (cost - baseline) * change


def _log_score(variable: Node, density: Node, cost: Node, repetitions: int) -> Node:
    """The log density of a variable, summed over all axes but those of repetitions, to be broadcast
    to the axes of the cost."""
    lead = cost.shape[:repetitions]
    known = zip(density.shape, lead)
    differ = any(isinstance(n, int) and isinstance(m, int) and n != m for n, m in known)
    if density.ndim and (differ or density.ndim < repetitions):
        raise GraphError(
            f"score_function: {variable.described}, with a log density of shape "
            f"{shape_text(density.shape)}, does not have the repetitions of the cost, "
            f"{shape_text(lead)}, as its first axes\n  at {line_text()}"
        )
    if not density.ndim:
        return density
    total = ops.sum(density, axis=tuple(range(repetitions, density.ndim)))
    return ops.reshape(total, (*total.shape, *(1,) * (cost.ndim - repetitions)))
