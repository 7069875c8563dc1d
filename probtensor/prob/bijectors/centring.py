"""Coordinates that are relative to the location and scale of a variable's own prior.

The value is x = g(mu + sigma**(1 - c) (u - c mu)) for the coordinate u, where g is the identity for
real variables and exp for log-normal ones; for the absolute value of a symmetric variable
x = sigma**(1 - c) exp(u). With c = 1 the coordinate is the value (or its logarithm), with c = 0 it
is standard whatever mu and sigma are: the centred and the non-centred parametrisation
(Papaspiliopoulos, Roberts and Sköld 2007), and what lies between them (Gorinova, Moore and
Hoffman 2020).

The density of u is that of the variable at g(u) for the location c mu and the scale sigma**c, times
the slope of g. So nothing cancels in it, and with c = 0 the prior of u does not depend on mu and
sigma: the code is that of a model written with standard variables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from probtensor import ops
from probtensor.calls import line_text
from probtensor.dataclass import dataclass
from probtensor.graph import GraphError, Node, as_tensor, line_of
from probtensor.graph.node import Frozen
from probtensor.prob.bijectors.base import Bijector
from probtensor.prob.distributions.base import RandomVariable, broadcasts_to, display_name
from probtensor.prob.distributions.support import REAL, REAL_VECTOR
from probtensor.types import shape_text


class Preferred(Frozen):
    """A share that nobody asked for: it holds unless what is summed out decides the coordinates."""

    __slots__ = ()

    def __reduce__(self) -> tuple:
        return Preferred, (np.array(self.array),)


@dataclass(frozen=True, eq=False)
class Centring(Bijector):
    """The base: `location` and `scale` are nodes, `share` is c, one number or one an entry."""

    location: Node | None
    scale: Node
    share: np.ndarray

    @property
    def spread(self) -> Node:
        """sigma**(1 - c)."""
        return self.scale if not self.share.any() else self.scale ** (1 - self.share)

    @property
    def log_spread(self) -> Node:
        """log(sigma**(1 - c))."""
        log_scale = ops.log(self.scale)
        return (1 - self.share) * log_scale if self.share.any() else log_scale

    @property
    def held(self) -> Node | None:
        """c mu, the location of the coordinate; None where it is 0."""
        return self.share * self.location if self.share.any() else None

    def offset(self, u: Node) -> Node:
        """u - c mu."""
        return u if self.held is None else u - self.held

    def standard_parameters(self) -> tuple[Node, Node]:
        """Location and scale of the density of the coordinate."""
        if not self.share.any():
            return as_tensor(0.0), as_tensor(1.0)
        held = as_tensor(0.0) if self.location is None else self.held
        return held, self.scale**self.share

    def standard_value(self, u: Node) -> Node:
        """g(u)."""
        return u

    def standard_log_jacobian(self, u: Node) -> Node | None:
        """The log of the slope of g at u; None where it is 0."""
        return None


@dataclass(frozen=True, eq=False)
class CentredReal(Centring):
    """For real variables."""

    def forward(self, u):
        return self.location + self.spread * self.offset(u)

    def inverse(self, x):
        z = (x - self.location) / self.spread
        return z if self.held is None else self.held + z

    def log_jacobian(self, u):
        return ops.broadcast_to(self.log_spread, u.shape)


@dataclass(frozen=True, eq=False)
class CentredLog(CentredReal):
    """For log-normal variables."""

    def forward(self, u):
        return ops.exp(super().forward(u))

    def inverse(self, x):
        return super().inverse(ops.log(x))

    def log_jacobian(self, u):
        return CentredReal.forward(self, u) + self.log_spread

    def standard_value(self, u):
        return ops.exp(u)

    def standard_log_jacobian(self, u):
        return u


@dataclass(frozen=True, eq=False)
class CentredScale(Centring):
    """For the absolute values of variables that are symmetric about 0."""

    def forward(self, u):
        return self.spread * ops.exp(u)

    def inverse(self, x):
        return ops.log(x) - self.log_spread

    def log_jacobian(self, u):
        return u + self.log_spread

    def standard_value(self, u):
        return ops.exp(u)

    def standard_log_jacobian(self, u):
        return u


@dataclass(frozen=True, eq=False)
class CentredVector(Centring):
    """x = mu + L u for normal vectors, where c is 0 and L the lower factor of the covariance."""

    def forward(self, u):
        factor = ops.tril(self.scale)
        if factor.ndim == 2:
            return self.location + u @ ops.matrix_transpose(factor)
        return self.location + (factor @ u[..., None])[..., 0]

    def inverse(self, x):
        offset = (x - self.location)[..., None]
        factor = ops.broadcast_to(self.scale, (*offset.shape[:-2], *self.scale.shape[-2:]))
        return ops.solve_triangular(factor, offset, lower=True)[..., 0]

    def log_jacobian(self, u):
        heights = ops.log(ops.diagonal(self.scale, axis1=-2, axis2=-1))
        return ops.broadcast_to(ops.sum(heights, axis=-1), u.shape[:-1])

    def standard_parameters(self):
        size = self.scale.shape[-1]
        return ops.zeros((size,)), as_tensor(np.eye(size))


def centring_for(variable: Node, values: Mapping[Node, Node]) -> Centring:
    """The coordinates of a free variable with `centered=`, given the values of its inputs."""
    op: RandomVariable = variable.op
    distribution = op.distribution
    if type(op) is not RandomVariable:
        raise GraphError(
            f"{display_name(distribution, op.label)} is drawn in the steps of a loop, where "
            f"centered= has no meaning\n  made at {line_of(variable)}\n  loop over standard "
            "variables instead, and scale them in the step"
        )
    named = op.named([values[x] for x in variable.inputs])
    location, scale = distribution.location_scale
    own = None if location is None else named[location], named[scale], op.centering.array
    if distribution.over is REAL_VECTOR:
        return CentredVector(*own)
    if distribution.over is REAL:
        return CentredReal(*own)
    return CentredScale(*own) if location is None else CentredLog(*own)


def standard_density(
    op: RandomVariable, bijector: Centring, u: Node, inputs: Sequence[Node]
) -> Node:
    """The log density of the coordinate without the slope of g: that of the variable at g(u), for
    the standard parameters."""
    location, scale = op.distribution.location_scale
    own = dict(zip((location, scale), bijector.standard_parameters(), strict=True))
    named = {name: own.get(name, x) for name, x in op.named(inputs).items()}
    return op.distribution.logpdf(bijector.standard_value(u), *named.values())


def centering_of(op: RandomVariable, centered: object) -> Frozen | None:
    """How far each entry of a variable is centred in a sampler's coordinates, from 0 to 1; None for
    all of it. GraphError for a variable without location and scale, ValueError for numbers that are
    not between 0 and 1 or have another shape."""
    shown = display_name(op.distribution, op.label)
    try:
        given = np.array(centered, float)
    except (TypeError, ValueError):
        given = np.array(np.nan)
    if not np.all((given >= 0) & (given <= 1)):
        raise ValueError(
            f"{shown}: centered= is True, False or between 0 and 1, not {centered!r:.60}\n  at "
            f"{line_text()}"
        )
    if np.all(given == 1):
        return None
    pair = op.distribution.location_scale
    if pair is None or op.constraint is not None:
        why = "under constraint=" if pair else "and has no location and scale"
        raise GraphError(
            f"{shown}: centered= has a meaning for location-scale families; this variable is "
            f"{op.distribution.name} {why}\n  at {line_text()}\n  write it as a function of a "
            "standard variable: pt.deterministic(mu + sigma * z, name=...)"
        )
    if op.distribution.event_ndim and not np.all(given == 0):
        raise ValueError(
            f"{shown}: a vector is centred as a whole or not at all, not {centered!r:.60}\n  at "
            f"{line_text()}"
        )
    if not broadcasts_to(given.shape, op.batch):
        raise ValueError(
            f"{shown}: centered= has shape {given.shape}, which does not fit "
            f"{shape_text(op.batch)}\n  at {line_text()}"
        )
    return Frozen(given)
