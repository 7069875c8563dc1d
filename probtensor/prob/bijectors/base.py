"""Maps from unconstrained space onto a support, with log-Jacobians, chosen by `bijector_for`.

A bijector works on trailing event axes and any leading axes. `forward(u)` is the value,
`inverse(x)` the unconstrained point, `log_jacobian(u)` is log |dx/du|, one number a point of the
support: for vector supports it has the shape without the last axis. All three are graphs.

No value lies beyond a bound. It may round onto a bound where exp(u) is negligible beside it; a
density has its limit there. A value is computed from the nearer bound, so that it has the relative
precision of its distance to that bound.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph import Node
from probtensor.graph.node import TensorLike
from probtensor.late import late
from probtensor.prob.distributions.processes.parts import SeriesSupport
from probtensor.prob.distributions.support import (
    Interval,
    Ordered,
    Simplex,
    Support,
    Vector,
    half_width,
    is_bound,
    is_zero,
    log_width,
)

series = late("probtensor.prob.bijectors.series")


@dataclass(frozen=True, eq=False)
class Bijector:
    """The identity, and the interface of the others."""

    def unconstrained_shape(self, shape: Sequence[int]) -> tuple[int, ...]:
        """The shape of `u` for a value of the given shape."""
        return tuple(shape)

    def forward(self, u: Node) -> Node:
        return u

    def inverse(self, x: Node) -> Node:
        return x

    def log_jacobian(self, u: Node) -> Node | None:
        """log |dx/du|; None where it is 0 everywhere."""
        return None


@dataclass(frozen=True, eq=False)
class Lower(Bijector):
    """x = low + exp(u): numbers above a bound."""

    low: TensorLike

    def forward(self, u):
        return ops.exp(u) if is_zero(self.low) else self.low + ops.exp(u)

    def inverse(self, x):
        return ops.log(x if is_zero(self.low) else x - self.low)

    def log_jacobian(self, u):
        return u


@dataclass(frozen=True, eq=False)
class Upper(Bijector):
    """x = high - exp(u): numbers below a bound."""

    high: TensorLike

    def forward(self, u):
        return self.high - ops.exp(u)

    def inverse(self, x):
        return ops.log(self.high - x)

    def log_jacobian(self, u):
        return u


@dataclass(frozen=True, eq=False)
class Logit(Bijector):
    """x = low + (high - low) / (1 + exp(-u)): numbers between two bounds.

    Computed from the nearer bound, so that it neither rounds past the other one nor loses precision
    of small numbers beside a large bound; and with half the width, which does not overflow.
    """

    low: TensorLike
    high: TensorLike

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
class Increasing(Bijector):
    """x[0] = u[0], x[k] = x[k - 1] + exp(u[k]); with a lower bound x[0] = low + exp(u[0]).

    There is one bound per vector.
    """

    low: TensorLike = -np.inf

    @property
    def has_low(self) -> bool:
        return is_bound(self.low)

    @property
    def below(self) -> TensorLike:
        """The bound with an axis to broadcast to the entries of a vector."""
        varies = isinstance(self.low, Node) and self.low.shape
        return self.low[..., None] if varies else self.low

    def forward(self, u):
        steps = ops.exp(u if self.has_low else u[..., 1:])
        if not self.has_low:
            steps = ops.concatenate([u[..., :1], steps], axis=-1)
        return running_sum(steps) + (self.below if self.has_low else 0.0)

    def inverse(self, x):
        first = ops.log(x[..., :1] - self.below) if self.has_low else x[..., :1]
        return ops.concatenate([first, ops.log(x[..., 1:] - x[..., :-1])], axis=-1)

    def log_jacobian(self, u):
        return ops.sum(u if self.has_low else u[..., 1:], axis=-1)


@dataclass(frozen=True, eq=False)
class LogRatio(Bijector):
    """x = softmax(V u), V an orthonormal basis of the vectors with sum 0: the simplex.

    The isometric log ratio (Egozcue et al. 2003). Preferred to stick-breaking because it treats
    all entries alike: a flat or symmetric density stays symmetric, so a diagonal metric fits it.
    The density is that of the first K - 1 entries, and then |dx/du| = sqrt(K) prod(x): softmax
    after appending a 0 has the Jacobian prod(x), and u -> z[:-1] - z[-1] for z = V u has sqrt(K).
    """

    def unconstrained_shape(self, shape):
        return (*shape[:-1], shape[-1] - 1)

    def centred(self, u):
        basis = zero_sum_basis(u.shape[-1] + 1)
        return ops.sum(u[..., None, :] * basis, axis=-1)

    def forward(self, u):
        return ops.softmax(self.centred(u), axis=-1)

    def inverse(self, x):
        basis = zero_sum_basis(x.shape[-1])
        return ops.sum(ops.log(x)[..., :, None] * basis, axis=-2)

    def log_jacobian(self, u):
        # The log of prod(x) is sum(z) - K logsumexp(z), and sum(z) is 0.
        z = self.centred(u)
        size = u.shape[-1] + 1
        return 0.5 * float(np.log(size)) - size * ops.logsumexp(z, axis=-1)


def zero_sum_basis(size: int) -> np.ndarray:
    """Orthonormal columns (size, size - 1) that span the vectors with sum 0 (Helmert, 1876)."""
    basis = np.zeros((size, size - 1))
    for k in range(1, size):
        basis[:k, k - 1] = 1
        basis[k, k - 1] = -k
        basis[:, k - 1] /= np.sqrt(k * (k + 1))
    return basis


def running_sum(x: Node) -> Node:
    """x[..., 0], x[..., 0] + x[..., 1], ...: for the short vectors of `Increasing`."""
    size = x.shape[-1]
    return ops.sum(ops.where(np.tri(size, dtype=bool), x[..., None, :], 0.0), axis=-1)


def bijector_for(support: Support) -> Bijector:
    """The map from unconstrained space onto a continuous support."""
    match support:
        case Vector(entries):
            return bijector_for(entries)
        case Simplex():
            return LogRatio()
        case Ordered(low):
            return Increasing(low)
        case SeriesSupport():
            return series.map_onto(support, bijector_for)
        case Interval():
            if support.bounded_below and support.bounded_above:
                return Logit(support.low, support.high)
            if support.bounded_below:
                return Lower(support.low)
            return Upper(support.high) if support.bounded_above else Bijector()
    raise TypeError(f"no map from unconstrained space onto {support}")
