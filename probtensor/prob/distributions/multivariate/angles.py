"""Pairs of angles."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from probtensor import ops
from probtensor.graph import Node, as_tensor
from probtensor.ops.loops.whiles import while_loop
from probtensor.prob.distributions.continuous.circular import (
    concentration_rest,
    draw_angle,
    wrapped,
)
from probtensor.prob.distributions.continuous.searches import FALL, NODES, gauss_legendre, inner
from probtensor.prob.distributions.distribution import Distribution, element_indices
from probtensor.prob.distributions.formulas import LOG_2PI
from probtensor.prob.distributions.structured import CIRCULAR
from probtensor.prob.distributions.support import POSITIVE, REAL, Vector

CELLS = 64  # steps of the envelope that draws are taken from


class SineBivariateVonMises(Distribution):
    """exp(k cos(a) + l cos(b) + c sin(a) sin(b)) over its integral, for angles a and b from the
    locations, concentrations k and l and the correlation c.

    Given a, the angle b is von Mises about arctan2(c sin(a), l) with concentration r = hypot(l,
    c sin(a)) (Singh, Hnizdo and Demchuk 2002), so that the integral is one over a.
    """

    name = "sine_bivariate_von_mises"
    parameters = {
        "phi_loc": REAL,
        "psi_loc": REAL,
        "phi_concentration": POSITIVE,
        "psi_concentration": POSITIVE,
        "correlation": REAL,
    }
    over = Vector(CIRCULAR)

    def event_shape(self, *types):
        return (2,)

    def logpdf(self, x, phi_loc, psi_loc, phi_concentration, psi_concentration, correlation):
        own = Marginal.of(phi_concentration, psi_concentration, correlation)
        a, b = x[..., 0] - phi_loc, x[..., 1] - psi_loc
        side = correlation * ops.sin(a)
        beside = ops.sin(0.5 * (b - ops.arctan2(side, psi_concentration)))
        fall = own.fall(ops.abs(a) - own.peak) - 2 * own.second(a) * ops.square(beside)
        return fall - own.log_integral() - LOG_2PI

    def sample(self, key, shape, phi_loc, psi_loc, phi_concentration, psi_concentration,
               correlation):  # fmt: skip
        parameters = phi_concentration, psi_concentration, correlation
        k, l, c = (ops.astype(as_tensor(y), "float64") for y in parameters)
        own, index = Marginal.of(k, l, c), element_indices(shape[:-1])
        keys = [ops.key_fold(key, stream) for stream in range(3)]
        size = own.draw(keys[0], index)
        a = ops.where(ops.draw_uniform(keys[1], index) < 0.5, size, -size)
        side = c * ops.sin(a)
        turned = draw_angle(keys[2], index, ops.hypot(l, side))
        pair = phi_loc + a, psi_loc + ops.arctan2(side, l) + turned
        return wrapped(ops.stack(ops.broadcast_arrays(*pair), axis=-1))

    def mean(self, phi_loc, psi_loc, *parameters):
        """The mean directions."""
        return wrapped(ops.stack(ops.broadcast_arrays(phi_loc, psi_loc), axis=-1))

    def variance(self, phi_loc, psi_loc, phi_concentration, psi_concentration, correlation):
        """The circular variances."""

        def term(own, t):
            return 2 * ops.square(ops.sin(0.5 * (own.peak + t)))

        pair = phi_concentration, psi_concentration
        found = [Marginal.of(*y, correlation).expectation(term) for y in (pair, pair[::-1])]
        return ops.stack(ops.broadcast_arrays(*found), axis=-1)

    def mode(self, phi_loc, psi_loc, phi_concentration, psi_concentration, correlation):
        own = Marginal.of(phi_concentration, psi_concentration, correlation)
        a = own.peak
        b = ops.arctan2(correlation * ops.sin(a), psi_concentration)
        return wrapped(ops.stack(ops.broadcast_arrays(phi_loc + a, psi_loc + b), axis=-1))

    def entropy(self, phi_loc, psi_loc, phi_concentration, psi_concentration, correlation):
        own = Marginal.of(phi_concentration, psi_concentration, correlation)

        def term(own, t):
            return concentration_rest(own.second(own.peak + t)) - own.fall(t)

        return own.expectation(term) + own.log_integral() + LOG_2PI


class Marginal(NamedTuple):
    """The density of the first angle a, which is proportional to exp(h(a)) i0e(r(a)) with h =
    k cos(a) + r, a concave function of cos(a). Where c^2 > k l it has two modes, else one at 0."""

    k: Node  # the concentration of the first angle
    l: Node  # that of the second one
    c: Node
    two: Node  # whether there are two modes
    peak: Node  # a mode, at least 0
    height: Node  # r there, where there are two
    slope: Node  # hypot(k, c), where there are two

    @classmethod
    def of(cls, k: Node, l: Node, c: Node) -> Marginal:
        size = ops.abs(c)
        some = size > 0
        size = ops.where(some, size, 1.0)
        two = some & ((k / size) * (l / size) < 1)
        # Ratios to c, of parameters with one mode those of any with two.
        size = ops.where(two, size, 1.0)
        first, second = (ops.where(two, y, 0.5) / size for y in (k, l))
        wide, slope = ops.hypot(second, 1.0), ops.hypot(first, 1.0)
        product = first * second
        below = (1 - product) * (1 + product) / slope / slope
        v = ops.where(two, below / (1 + first * (wide / slope)), 0.0)
        # Its derivative is not finite where there is one.
        peak = ops.where(two, 2 * ops.arcsin(ops.sqrt(0.5 * ops.where(two, v, 0.5))), 0.0)
        return cls(k, l, c, two, peak, size * (wide / slope), size * slope)

    def inner(self) -> Marginal:
        """It with a last axis for nodes."""
        return Marginal(*map(inner, self))

    def second(self, a: Node) -> Node:
        """The concentration of the second angle, given the first one."""
        return ops.hypot(self.l, self.c * ops.sin(a))

    def fall(self, t: Node) -> Node:
        """h(peak + t) beside its maximum."""
        a = self.peak + t
        side, r = self.c * ops.sin(a), self.second(a)
        # How much cos(a) is less than at the mode.
        apart = 2 * ops.sin(0.5 * t) * ops.sin(self.peak + 0.5 * t)
        one = side * (side / (r + self.l)) - self.k * apart
        # The square of a difference, with two modes.
        far = self.slope * apart
        beside = ops.where(self.two, self.height + r + self.k * apart, 1.0)
        return ops.where(self.two, -far * (far / beside), one)

    def ends(self) -> tuple[Node, Node]:
        """The angles from the mode, up to 0 and pi, at which h falls by FALL, constants for
        derivatives: the roots of squared equations, where these are roots of r = h - k cos(a)."""
        k, l, c = self.k, self.l, self.c
        # With two modes, by the distance of cos(a) from the mode.
        ratio = 2 * self.height / FALL - ops.square(c / self.slope)
        root, scale = ops.sqrt(ops.maximum(ratio, 0.0)), FALL / self.slope
        found = []
        for sign in (-1.0, 1.0):
            u = scale * (k / self.slope + sign * root)
            valid = (ratio > 0) & (self.height + k * u > FALL)
            found.append(ops.where(valid, u, 2 * sign))
        # With one, by cos(a) itself.
        q = ops.hypot(k, c)
        b = (k / q) * ((l - FALL) / q) - ops.square(c / q)
        rest = (FALL / q) * ((2 * l - FALL) / q)
        root = ops.sqrt(ops.maximum(ops.square(b) + rest, 0.0))
        v = ops.where(b > 0, rest / ops.where(b > 0, b + root, 1.0), root - b)
        v = ops.where((2 * k > FALL) & (l - FALL + k * v > 0), v, 2.0)
        low, high = ops.where(self.two, found[0], 0.0), ops.where(self.two, found[1], v)
        return tuple(ops.stop_gradient(angle_between(self.peak, u)) for u in (low, high))

    def nodes(self) -> tuple[Node, Node]:
        """Angles from the mode, and weights of an integral over those between the ends, on a last
        axis. The angles themselves are constants for derivatives."""
        low, high = self.ends()
        middle = ops.where(self.two, 0.0, 0.5 * high)
        share, weights = (as_tensor(y).astype(high.dtype) for y in gauss_legendre(NODES))
        pairs = (low, middle), (middle, high)
        parts = [inner(start) + inner(end - start) * share for start, end in pairs]
        widths = [inner(end - start) * weights for start, end in pairs]
        moved = inner(ops.stop_gradient(self.peak) - self.peak)
        return ops.concatenate(parts, axis=-1) + moved, ops.concatenate(widths, axis=-1)

    def masses(self) -> tuple[Marginal, Node, Node]:
        """It with a last axis, angles from the mode, and the integral of its density over pieces
        about them."""
        own = self.inner()
        t, weights = self.nodes()
        return own, t, weights * ops.exp(own.fall(t)) * ops.i0e(own.second(own.peak + t))

    def log_integral(self) -> Node:
        """The log of the integral of exp(fall) i0e(r) over all angles."""
        return math.log(2) + ops.log(ops.sum(self.masses()[2], axis=-1))

    def expectation(self, function: Callable[[Marginal, Node], Node]) -> Node:
        """The expectation of function(self, t), even in the angle, for angles t from the mode."""
        own, t, mass = self.masses()
        share = mass / ops.sum(mass, axis=-1, keepdims=True)
        return ops.sum(share * function(own, t), axis=-1)

    def height_of_step(self, left: Node, right: Node) -> tuple[Node, Node]:
        """Above the density between two angles from the mode: the fall nearest to the mode, and the
        least r, at an end."""
        r = ops.minimum(self.second(self.peak + left), self.second(self.peak + right))
        return self.fall(ops.clip(0.0, left, right)), r

    def draw(self, key: Node, index: Node) -> Node:
        """Angles at least 0, one for each index: by rejection from steps above the density."""
        low, high = self.ends()
        edges = inner(low) + inner(high - low) * as_tensor(np.arange(CELLS + 1.0) / CELLS)
        top, r = self.inner().height_of_step(edges[..., :-1], edges[..., 1:])
        total = ops.cumsum(ops.exp(top) * ops.i0e(r), axis=-1)

        def tried(state):
            count, found, going = state
            fold = ops.key_fold(key, count)
            u, share, v = (ops.draw_uniform(ops.key_fold(fold, i), index) for i in range(3))
            below = total <= inner(u) * total[..., -1:]
            cell = ops.minimum(ops.sum(below.astype("float64"), axis=-1), CELLS - 1.0)
            left, right = (low + (high - low) * ((cell + i) / CELLS) for i in (0, 1))
            t = left + share * (right - left)
            top, r = self.height_of_step(left, right)
            ratio = ops.exp(self.fall(t) - top) * (ops.i0e(self.second(self.peak + t)) / ops.i0e(r))
            # Where the density is nan there is nothing to wait for.
            taken = going & ops.logical_not(v > ratio)
            found = ops.where(taken, self.peak + t, found)
            return count + 1, found, going & ops.logical_not(taken)

        start = as_tensor(0), 0.0 * index, ops.ones_like(index).astype("bool")
        return while_loop(lambda state: ops.any(state[2]), tried, start)[1]


def angle_between(a: Node, u: Node) -> Node:
    """How far from a the angle between 0 and pi is whose cosine is less by u, or the nearest to
    it."""
    v, cosine = 2 * ops.square(ops.sin(0.5 * a)), ops.cos(a)
    u = ops.clip(u, -v, 1 + cosine)
    end = ops.clip(v + u, 0.0, 2.0)
    sines = ops.sin(a) + ops.sqrt(end * (2 - end))
    rise = u * (cosine + 1 - end) / ops.where(sines > 0, sines, 1.0)
    return 2 * ops.sign(u) * ops.arcsin(ops.minimum(0.5 * ops.hypot(u, rise), 1.0))
