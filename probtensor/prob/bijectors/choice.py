"""The bijector of each support."""

from __future__ import annotations

from probtensor.late import late
from probtensor.prob.bijectors.base import Bijector, Identity
from probtensor.prob.bijectors.scalars import Circular, Constant, Logit, Lower, Upper
from probtensor.prob.distributions import support as sets

matrices = late("probtensor.prob.bijectors.matrices")
series = late("probtensor.prob.bijectors.series")
processes = late("probtensor.prob.distributions.processes.parts")
sets_of_arrays = late("probtensor.prob.distributions.multivariate.supports")
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
    """The map onto one of the supports of multivariate/supports.py."""
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
