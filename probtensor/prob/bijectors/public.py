"""`pt.bijectors`: maps from unconstrained numbers onto sets of values, to choose from by
`pt.condition(..., transforms={variable: bijector})`.

Every support has one without being asked (`pt.condition` says which): this is for other ones, or
for your own subclass of `Bijector`. A bijector has `forward(u)`, `inverse(x)`, `log_jacobian(u)`
and `unconstrained_shape(shape)`; all but the last take and give tensors.
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
