"""Bijectors onto sets of numbers."""

from __future__ import annotations

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph import Node, as_tensor
from probtensor.graph.node import TensorLike
from probtensor.prob.bijectors.base import Bijector
from probtensor.prob.distributions.formulas import log_of
from probtensor.prob.distributions.support import half_width, is_zero, log_width


@dataclass(frozen=True, eq=False)
class Lower(Bijector):
    """x = low + exp(u): numbers above a bound.

    >>> pt.bijectors.Lower(2.0).forward(pt.as_tensor(0.0)).eval()
    array(3.)
    """

    low: TensorLike

    def forward(self, u):
        return ops.exp(u) if is_zero(self.low) else self.low + ops.exp(u)

    def inverse(self, x):
        return ops.log(x if is_zero(self.low) else x - self.low)

    def log_jacobian(self, u):
        return u


@dataclass(frozen=True, eq=False)
class Exp(Lower):
    """x = exp(u): positive numbers.

    >>> pt.bijectors.Exp().inverse(pt.as_tensor(1.0)).eval()
    array(0.)
    """

    low: TensorLike = 0.0


@dataclass(frozen=True, eq=False)
class Upper(Bijector):
    """x = high - exp(u): numbers below a bound.

    >>> pt.bijectors.Upper(2.0).forward(pt.as_tensor(0.0)).eval()
    array(1.)
    """

    high: TensorLike

    def forward(self, u):
        return self.high - ops.exp(u)

    def inverse(self, x):
        return ops.log(self.high - x)

    def log_jacobian(self, u):
        return u


@dataclass(frozen=True, eq=False)
class Softplus(Bijector):
    """x = low + log(1 + exp(u)): numbers above a bound, which u is next to where both are large.

    >>> pt.bijectors.Softplus().forward(pt.as_tensor(50.0)).eval()
    array(50.)
    """

    low: TensorLike = 0.0

    def forward(self, u):
        return ops.softplus(u) if is_zero(self.low) else self.low + ops.softplus(u)

    def inverse(self, x):
        above = x if is_zero(self.low) else x - self.low
        return above + ops.log1mexp(-above)

    def log_jacobian(self, u):
        return ops.log_sigmoid(u)


@dataclass(frozen=True, eq=False)
class Logit(Bijector):
    """x = low + (high - low) / (1 + exp(-u)): numbers between two bounds.

    Computed from the nearer bound, so that it neither rounds past the other one nor loses precision
    of small numbers beside a large bound; and with half the width, which does not overflow.

    >>> pt.bijectors.Logit(2.0, 4.0).forward(pt.as_tensor(0.0)).eval()
    array(3.)
    """

    low: TensorLike = 0.0
    high: TensorLike = 1.0

    @property
    def is_unit(self) -> bool:
        one = not isinstance(self.high, Node) and self.high == 1
        return is_zero(self.low) and one

    def forward(self, u):
        if is_zero(self.low):
            return ops.sigmoid(u) if self.is_unit else self.high * ops.sigmoid(u)
        if is_zero(self.high):
            return self.low * ops.sigmoid(-u)
        low = u < 0
        half = half_width(self.low, self.high) * ops.sigmoid(ops.where(low, u, -u))
        return ops.where(low, self.low + half + half, self.high - half - half)

    def inverse(self, x):
        return ops.log(x - self.low) - ops.log(self.high - x)

    def log_jacobian(self, u):
        slope = u - 2 * ops.softplus(u)
        return slope if self.is_unit else slope + log_width(self.low, self.high)


@dataclass(frozen=True, eq=False)
class Affine(Bijector):
    """x = offset + multiplier * u, as Stan's offset and multiplier. Both may be other variables of
    the model: with `{theta: pt.bijectors.Affine(mu, tau)}` the sampler moves (theta - mu) / tau,
    the non-centred form of theta ~ normal(mu, tau).

    >>> pt.bijectors.Affine(1.0, 2.0).forward(pt.as_tensor(3.0)).eval()
    array(7.)
    """

    offset: TensorLike = 0.0
    multiplier: TensorLike = 1.0

    def forward(self, u):
        scaled = self.multiplier * u
        return scaled if is_zero(self.offset) else self.offset + scaled

    def inverse(self, x):
        return (x if is_zero(self.offset) else x - self.offset) / self.multiplier

    def log_jacobian(self, u):
        slope = log_of(as_tensor(self.multiplier), size=True)
        return ops.broadcast_to(slope.astype(u.dtype), u.shape)


@dataclass(frozen=True, eq=False)
class Circular(Bijector):
    """x = arctan2(u[..., 1], u[..., 0]): the angle of a point in the plane. The density of its
    distance from 0 is that of a normal vector, so that the angles keep theirs.

    >>> pt.bijectors.Circular().forward(pt.as_tensor([2.0, 0.0])).eval()
    array(0.)
    """

    def unconstrained_shape(self, shape):
        return (*shape, 2)

    def forward(self, u):
        return ops.arctan2(u[..., 1], u[..., 0])

    def inverse(self, x):
        return ops.stack([ops.cos(x), ops.sin(x)], axis=-1)

    def log_jacobian(self, u):
        return -0.5 * ops.sum(ops.square(u), axis=-1)


@dataclass(frozen=True, eq=False)
class Constant(Bijector):
    """x = value, of no unconstrained numbers.

    >>> pt.bijectors.scalars.Constant(2.0).forward(pt.zeros((0,))).eval()
    array(2.)
    """

    value: TensorLike

    def unconstrained_shape(self, shape):
        return (0,)

    def forward(self, u):
        return as_tensor(self.value)

    def inverse(self, x):
        return ops.zeros((0,))

    def log_jacobian(self, u):
        return None
