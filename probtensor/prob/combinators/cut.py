"""Truncated and censored variables, and observations that are intervals."""

from __future__ import annotations

import numpy as np

from probtensor.calls import line_text, public
from probtensor.graph import Const, GraphError, Node, as_tensor
from probtensor.graph.node import TensorLike
from probtensor.prob.combinators.parts import Dims, Part, Shape, of_dtype, part_of, variable_of
from probtensor.prob.distributions.base import to_tensor
from probtensor.prob.distributions.combined.cut import Censored, Cut, InInterval, Truncated
from probtensor.prob.distributions.parameters import variable_text


@public
def truncated(dist, lower=None, upper=None, *, shape: Shape = None, name: str | None = None,
              dims: Dims = None, constraint=None) -> Node:  # fmt: skip
    """`dist` given that its value lies from `lower` to `upper`: values outside were never recorded.

    dist          an unnamed random variable of real or whole numbers with a `pt.logcdf`
    lower, upper  numbers, arrays or tensors; None is no bound. Both belong to the interval

    Of real numbers it is what `constraint=pt.interval(lower, upper)` makes of dist; here it is a
    distribution, which may be a part of others, and of counts, too.

    Support: that of dist, from lower to upper.
    Mean: not known.
    Variance: not known.
    Source: Klein and Moeschberger (2003), "Survival Analysis", 3.4.
    Returns a random variable, a tensor of the kind of dist. Raises ValueError for literal bounds
    that are not in order or leave nothing, GraphError for a dist that is named, used elsewhere, or
    whose distribution function is not known.

        >>> y = pt.random.truncated(pt.random.poisson(2.0), lower=1)
        >>> pt.logp(y, [0, 1]).eval().round(6)
        array([     -inf, -1.161439])
    """
    what = variable_text("truncated", name)
    part = _tailed(dist, what)
    bounds = _bounds(what, lower, upper, part)
    _check_rest(what, part, bounds)
    return _cut(Truncated, "truncated", part, bounds, shape, name, dims, constraint)


@public
def censored(dist, lower=None, upper=None, *, shape: Shape = None, name: str | None = None,
             dims: Dims = None) -> Node:  # fmt: skip
    """`dist`, with values below `lower` recorded as lower, and values above `upper` as upper.

    dist          an unnamed random variable of real or whole numbers with a `pt.logcdf`
    lower, upper  numbers, arrays (one for each observation; infinite where it has none) or tensors;
                  whole numbers for counts; None is no bound

    An observation at a bound counts with the probability of all values beyond, one between them
    with the density: survival times that end with the study are
    `censored(pt.random.weibull(a, b), upper=ends)`, observed with the time, or with its end where
    the subject had survived it. The variable can be observed and drawn; it is no free variable of a
    model, since a bound has positive probability.

    Support: lower <= x <= upper.
    Mean: not known.
    Variance: not known.
    Source: Klein and Moeschberger (2003), "Survival Analysis", 3.5.
    Returns a random variable, a tensor of the kind of dist. Raises ValueError for literal bounds
    that are not in order, GraphError for a dist that is named, used elsewhere, or whose
    distribution function is not known.

        >>> y = pt.random.censored(pt.random.exponential(2.0), upper=3.0)
        >>> pt.logp(y, [1.0, 3.0]).eval().round(6)
        array([-1.306853, -6.      ])
    """
    what = variable_text("censored", name)
    part = _tailed(dist, what)
    bounds = _bounds(what, lower, upper, part)
    return _cut(Censored, "censored", part, bounds, shape, name, dims, None)


@public
def interval_censored(dist, lower, upper, *, shape: Shape = None, name: str | None = None,
                      dims: Dims = None) -> Node:  # fmt: skip
    """1 where a value of `dist` is above `lower` and at most `upper`, else 0. Data of which only
    intervals are known are observed as ones.

    dist          an unnamed random variable of real or whole numbers with a `pt.logcdf`
    lower, upper  numbers, arrays or tensors; -inf and inf where there is no bound

    Support: 0 and 1.
    Mean: the probability p of the interval.
    Variance: p * (1 - p).
    Source: Klein and Moeschberger (2003), "Survival Analysis", 3.3.
    Returns a random variable, an int64 tensor. Raises ValueError for literal bounds that are not in
    order, GraphError for a dist that is named, used elsewhere, or whose distribution function is
    not known.

        >>> y = pt.random.interval_censored(pt.random.normal(0, 1), [-np.inf, 1.0], [0.0, 2.0])
        >>> pt.logp(y, [1, 1]).eval().round(6)
        array([-0.693147, -1.995798])
    """
    what = variable_text("interval_censored", name)
    part = _tailed(dist, what)
    ends = _bounds(what, lower, upper, part)
    bounds = [x if x is not None else as_tensor(end)
              for x, end in zip(ends, (-np.inf, np.inf), strict=True)]  # fmt: skip
    kind = InInterval("interval_censored", (part.distribution,), ("dist.",), part.absorbed)
    return variable_of(kind, (*bounds, *part.inputs), [part.batch], shape, name, dims)


def _tailed(dist: object, what: str) -> Part:
    """A part of numbers with a known distribution function."""
    part = part_of(dist, f"dist of {what}")
    if part.distribution.event_ndim or not part.distribution.has_cdf:
        raise GraphError(
            f"dist of {what} is {part.distribution.name}, whose distribution function is not known "
            f"here\n  at {line_text()}\n  state the density with pt.random.custom or pt.potential"
        )
    return part


def _bounds(
    what: str, lower: TensorLike | None, upper: TensorLike | None, part: Part
) -> list[Node | None]:
    """The bounds, None where there is none. ValueError for literals that are not in order."""
    found: list[Node | None] = []
    for label, value, none in (("lower", lower, -np.inf), ("upper", upper, np.inf)):
        node = None if value is None else to_tensor(f"{label} of {what}", value)
        if node is not None and isinstance(node.op, Const):
            if np.isnan(node.op.array).any():
                raise ValueError(f"{label} of {what} must be a number, not nan\n  at {line_text()}")
            node = None if not node.shape and node.op.array == none else node
        found.append(None if node is None else of_dtype(value, [part]))
    if all(x is not None and isinstance(as_tensor(x).op, Const) for x in found):
        low, high = (as_tensor(x).op.array for x in found)
        try:
            fits = bool(np.all(low < high) if not part.distribution.discrete
                        else np.all(np.ceil(low) <= np.floor(high)))  # fmt: skip
        except ValueError:
            return found  # the shapes do not fit, which is said with those of all parameters
        if not fits:
            raise ValueError(
                f"{what}: lower={lower!r:.60} must be below upper={upper!r:.60}\n  at {line_text()}"
            )
    return found


def _check_rest(what: str, part: Part, bounds: list[Node | None]) -> None:
    """ValueError where literal bounds leave nothing of a support that is known."""
    over = part.distribution.support(*part.inputs)
    ends = [(bounds[0], over.high, np.greater_equal), (bounds[1], over.low, np.less_equal)]
    for bound, end, beyond in ends:
        literal = bound is not None and isinstance(as_tensor(bound).op, Const)
        if not literal or isinstance(end, Node):
            continue
        array = as_tensor(bound).op.array
        gone = beyond(array, end)
        if part.distribution.discrete:
            gone = gone & (array != end)
        if np.any(gone):
            raise ValueError(f"{what}: its bounds leave nothing of {over}\n  at {line_text()}")


def _cut(
    kind: type[Cut], label: str, part: Part, bounds: list[Node | None], shape: Shape,
    name: str | None, dims: Dims, constraint: object,
) -> Node:  # fmt: skip
    """The variable of a part with these bounds."""
    has = [x is not None for x in bounds]
    distribution = kind(label, (part.distribution,), ("dist.",), part.absorbed, *has)
    values = (*(x for x in bounds if x is not None), *part.inputs)
    return variable_of(distribution, values, [part.batch], shape, name, dims, constraint)
