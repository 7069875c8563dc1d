"""The bijector of each support, and the values of those that are chosen otherwise."""

from __future__ import annotations

from probtensor.graph import GraphError, Node, line_of
from probtensor.late import late
from probtensor.prob.bijectors.base import Bijector, Identity
from probtensor.prob.bijectors.scalars import Circular, Constant, Logit, Lower, Upper
from probtensor.prob.distributions import support as sets
from probtensor.prob.distributions.base import display_name
from probtensor.types import shape_text

matrices = late("probtensor.prob.bijectors.matrices")
series = late("probtensor.prob.bijectors.series")
processes = late("probtensor.prob.distributions.processes.parts")
sets_of_arrays = late("probtensor.prob.distributions.structured")
vectors = late("probtensor.prob.bijectors.vectors")


def bijector_for(support: sets.Support) -> Bijector:
    """The map from unconstrained space onto a continuous support. TypeError for other ones."""
    match support:
        case sets.Vector(entries):
            return bijector_for(entries)
        case sets.Simplex():
            return vectors.LogRatio()
        case sets.Ordered(low):
            return vectors.Ordered(low)
        case sets.Point(value):
            return Constant(value)
    if type(support) is not sets.Interval:
        found = _of_arrays(support)
        if found is not None:
            return found
    if isinstance(support, sets.Interval):
        if support.bounded_below and support.bounded_above:
            return Logit(support.low, support.high)
        if support.bounded_below:
            return Lower(support.low)
        return Upper(support.high) if support.bounded_above else Identity()
    raise TypeError(f"no map from unconstrained space onto {support}")


def _of_arrays(support: sets.Support) -> Bijector | None:
    """The map onto one of the supports of structured/."""
    match support:
        case processes.SeriesSupport():
            return series.map_onto(support, bijector_for)
        case sets_of_arrays.Circular():
            return Circular()
        case sets_of_arrays.RealArray():
            return Identity()
        case sets_of_arrays.ZeroSum(axes):
            return vectors.ZeroSum(axes)
        case sets_of_arrays.UnitVector():
            return vectors.UnitVector()
        case sets_of_arrays.L1Ball():
            return vectors.L1Ball()
        case sets_of_arrays.Stochastic(columns):
            return matrices.ColumnStochastic() if columns else matrices.RowStochastic()
        case sets_of_arrays.CholeskyCorr():
            return matrices.CholeskyCorr()
        case sets_of_arrays.CholeskyCov():
            return matrices.CholeskyCov()
        case sets_of_arrays.Corr():
            return matrices.Corr()
        case sets_of_arrays.SymmetricCovariance():
            return matrices.Cov()
    return None


def value_of(bijector: Bijector, u: Node, variable: Node) -> Node:
    """The value that a chosen bijector gives; GraphError for one of another shape or kind."""
    kind, value = type(bijector).__name__, bijector.forward(u)
    if not isinstance(value, Node) or not value.type.is_float:
        got, wanted = f"{value!r:.60}", "a float tensor"
    elif value.shape != variable.shape:
        got, wanted = f"shape {shape_text(value.shape)}", f"shape {shape_text(variable.shape)}"
    else:
        return value
    name = display_name(variable.op.distribution, variable.op.label)
    raise GraphError(
        f"transforms=: {kind} gives {got} for {name}, which has {wanted}\n"
        f"  made at {line_of(variable)}\n  forward(u) gives the value for u of shape "
        f"{shape_text(u.shape)}, which unconstrained_shape(shape) says"
    )
