"""Bijectors onto sets of vectors, along the last axis."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph import Node
from probtensor.graph.node import TensorLike
from probtensor.prob.bijectors.base import Bijector
from probtensor.prob.distributions.support import is_bound


@dataclass(frozen=True, eq=False)
class Ordered(Bijector):
    """x[0] = u[0], x[k] = x[k - 1] + exp(u[k]); with a lower bound x[0] = low + exp(u[0]).

    There is one bound per vector.

    >>> pt.bijectors.Ordered().forward(pt.zeros(3)).eval()
    array([0., 1., 2.])
    """

    low: TensorLike = -np.inf
    event_ndim: ClassVar[int] = 1

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

    >>> pt.bijectors.LogRatio().forward(pt.zeros(1)).eval()
    array([0.5, 0.5])
    """

    event_ndim: ClassVar[int] = 1

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


@dataclass(frozen=True, eq=False)
class StickBreaking(Bijector):
    """x[k] = p[k] * (1 - p[0]) ... (1 - p[k - 1]) with p[k] = sigmoid(u[k] - log(K - 1 - k)) and
    p[K - 1] = 1: the simplex, as in Stan up to version 2.36. At u = 0 all entries are equal.

    >>> pt.bijectors.StickBreaking().forward(pt.zeros(3)).eval()
    array([0.25, 0.25, 0.25, 0.25])
    """

    event_ndim: ClassVar[int] = 1

    def unconstrained_shape(self, shape):
        return (*shape[:-1], shape[-1] - 1)

    def logits(self, u):
        return u - np.log(np.arange(u.shape[-1], 0.0, -1.0))

    def forward(self, u):
        return ops.exp(self.logs(u))

    def logs(self, u):
        """log x."""
        broken = self.logits(u)
        kept, left = ops.log_sigmoid(broken), ops.cumsum(ops.log_sigmoid(-broken), axis=-1)
        shape = (*u.shape[:-1], 1)
        left = ops.concatenate([ops.zeros(shape, dtype=u.dtype), left], axis=-1)
        return left + ops.concatenate([kept, ops.zeros(shape, dtype=u.dtype)], axis=-1)

    def inverse(self, x):
        after = suffix_sum(x)[..., 1:]
        return ops.log(x[..., :-1]) - ops.log(after) + np.log(np.arange(x.shape[-1] - 1, 0.0, -1.0))

    def log_jacobian(self, u):
        # Of entry k by u[k]: x[k] (1 - p[k]).
        return ops.sum(self.logs(u)[..., :-1] + ops.log_sigmoid(-self.logits(u)), axis=-1)


@dataclass(frozen=True, eq=False)
class ZeroSum(Bijector):
    """Arrays that sum to 0 along each of the last `axes` axes, from arrays with one entry fewer
    along each. Lengths and angles are kept (a Householder reflection), so that log |dx/du| is 0.

    >>> abs(pt.bijectors.ZeroSum().forward(pt.as_tensor([1.0, 2.0])).eval().sum()) < 1e-12
    np.True_
    """

    axes: int = 1

    @property
    def event_ndim(self) -> int:
        return self.axes

    def unconstrained_shape(self, shape):
        first = len(shape) - self.axes
        return (*shape[:first], *(n - 1 for n in shape[first:]))

    def forward(self, u):
        for axis in range(-self.axes, 0):
            size = u.shape[axis] + 1
            sums = ops.sum(u, axis=axis, keepdims=True)
            step = sums * (1 / (size + math.sqrt(size)))
            u = ops.concatenate([u - step, sums * (-1 / math.sqrt(size))], axis=axis)
        return u

    def inverse(self, x):
        for axis in range(-self.axes, 0):
            size = x.shape[axis]
            last = ops.moveaxis(ops.moveaxis(x, axis, -1)[..., -1:], -1, axis)
            rest = ops.moveaxis(ops.moveaxis(x, axis, -1)[..., :-1], -1, axis)
            x = rest - last * (1 / (1 + math.sqrt(size)))
        return x

    def log_jacobian(self, u):
        return None


@dataclass(frozen=True, eq=False)
class UnitVector(Bijector):
    """x = u / |u|: the sphere. The density of |u| is that of a normal vector, so that directions
    keep theirs, which is one of areas.

    >>> pt.bijectors.UnitVector().forward(pt.as_tensor([3.0, 4.0])).eval()
    array([0.6, 0.8])
    """

    event_ndim: ClassVar[int] = 1
    on_surface: ClassVar[bool] = True

    def forward(self, u):
        # A factor changes nothing, so that the largest entry may be divided by. 0 has no direction.
        size = ops.stop_gradient(ops.max(ops.abs(u), axis=-1, keepdims=True))
        none = ops.eq(size, 0)
        scaled = u / ops.where(none, 1.0, size)
        first = ops.eq(ops.arange(u.shape[-1]), 0).astype(u.dtype)
        scaled = ops.where(none, first, scaled)
        return scaled / ops.sqrt(ops.sum(ops.square(scaled), axis=-1, keepdims=True))

    def inverse(self, x):
        return x

    def log_jacobian(self, u):
        # The density of |u| for a normal vector u, divided by |u|^(n - 1) of the area at |u|.
        half = 0.5 * u.shape[-1]
        scale = (half - 1) * math.log(2) + math.lgamma(half)
        return -0.5 * ops.sum(ops.square(u), axis=-1) - scale


@dataclass(frozen=True, eq=False)
class L1Ball(Bijector):
    """x[k] = t[k] (1 - |t[0]|) ... (1 - |t[k - 1]|) with t = tanh(u): vectors whose absolute values
    sum to at most 1.

    >>> pt.bijectors.L1Ball().forward(pt.as_tensor([0.0, 0.0])).eval()
    array([0., 0.])
    """

    event_ndim: ClassVar[int] = 1

    def log_left(self, u):
        """The logarithm of what each entry leaves of the sum, and of what is left before it."""
        own = math.log(2) - ops.softplus(2 * ops.abs(u))  # 1 - tanh |u| = 2 / (1 + exp(2 |u|))
        before = ops.cumsum(own[..., :-1], axis=-1)
        return own, ops.concatenate([ops.zeros_like(u[..., :1]), before], axis=-1)

    def forward(self, u):
        return ops.tanh(u) * ops.exp(self.log_left(u)[1])

    def inverse(self, x):
        size = ops.abs(x)
        left = 1 - ops.cumsum(size, axis=-1)
        return ops.sign(x) * 0.5 * ops.log1p(2 * size / left)

    def log_jacobian(self, u):
        return ops.sum(self.log_left(u)[1] - 2 * ops.log_cosh(u), axis=-1)


def zero_sum_basis(size: int) -> np.ndarray:
    """Orthonormal columns (size, size - 1) that span the vectors with sum 0 (Helmert, 1876)."""
    basis = np.zeros((size, size - 1))
    for k in range(1, size):
        basis[:k, k - 1] = 1
        basis[k, k - 1] = -k
        basis[:, k - 1] /= np.sqrt(k * (k + 1))
    return basis


def running_sum(x: Node) -> Node:
    """x[..., 0], x[..., 0] + x[..., 1], ...: for the short vectors of `Ordered`."""
    size = x.shape[-1]
    return ops.sum(ops.where(np.tri(size, dtype=bool), x[..., None, :], 0.0), axis=-1)


def suffix_sum(x: Node) -> Node:
    """Each entry with the sum of those after it, without differences."""
    return ops.flip(ops.cumsum(ops.flip(x, -1), axis=-1), -1)
