"""`pt.bijectors`: maps from unconstrained numbers onto sets of values, to choose from by
`pt.condition(..., transforms={variable: bijector})`.

Every support has one without being asked: `Identity` for all numbers, `Lower`, `Upper` and `Logit`
within bounds, `Circular` for angles, `Ordered`, `LogRatio` for the simplex (`RowStochastic` and
`ColumnStochastic` for matrices of such), `ZeroSum`, `UnitVector`, `L1Ball`, and `CholeskyCorr`,
`Corr`, `CholeskyCov` and `Cov` for matrices. The others are to choose from, beside subclasses of
`Bijector` of your own. A bijector has `forward(u)`, `inverse(x)` and `log_jacobian(u)`, which take
and give tensors, and `unconstrained_shape(shape)`.
"""

from probtensor.calls import absent
from probtensor.prob.bijectors.base import Bijector, Chain, Identity
from probtensor.prob.bijectors.matrices import (
    CholeskyCorr,
    CholeskyCov,
    ColumnStochastic,
    Corr,
    Cov,
    RowStochastic,
)
from probtensor.prob.bijectors.scalars import Affine, Circular, Exp, Logit, Lower, Softplus, Upper
from probtensor.prob.bijectors.vectors import (
    L1Ball,
    LogRatio,
    Ordered,
    StickBreaking,
    UnitVector,
    ZeroSum,
)

__all__ = [
    "Affine",
    "Bijector",
    "Chain",
    "CholeskyCorr",
    "CholeskyCov",
    "Circular",
    "ColumnStochastic",
    "Corr",
    "Cov",
    "Exp",
    "Identity",
    "L1Ball",
    "LogRatio",
    "Logit",
    "Lower",
    "Ordered",
    "RowStochastic",
    "Softplus",
    "StickBreaking",
    "UnitVector",
    "Upper",
    "ZeroSum",
]
__getattr__ = absent("pt.bijectors", dict.fromkeys(__all__))
