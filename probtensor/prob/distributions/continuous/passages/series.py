"""Densities and tails of the times at which a diffusion reaches one of two boundaries.

Times are in units of the squared distance of the boundaries here (u), drifts in units of one over
it (D), starts are the distances w and s = 1 - w from the boundary that is reached and from the
other. Small times have a series of normal tails, of images of the start, large ones a series of
sines (Feller 1968, "An Introduction to Probability Theory and Its Applications", vol. 1, 14.6);
between them, where u is 1/4, six terms of each are exact in double precision (Navarro and Fuss
2009, Journal of Mathematical Psychology 53:222; Gondan, Blurton and Kesselmeier 2014, the same
60:20; Blurton, Kesselmeier and Gondan 2012, the same 56:470).

Images come in pairs about centres 0, 2, 4 if the start is nearer to the boundary, and else 1, 3, 5,
at the distance h of the start from the nearer one. What a pair adds vanishes with h, and is found
without a difference where h is small."""

from __future__ import annotations

import math

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph import Node, as_tensor
from probtensor.graph.node import TensorLike
from probtensor.prob.distributions.continuous.searches import inner
from probtensor.prob.distributions.formulas import HALF_LOG_2PI

SWITCH = 0.25
LEAST = 1e-300  # the times below which nothing is reached
WAVES = np.arange(2.0, 7.0)
LATER = np.array([0.0, 1.0, 1.0])  # the pairs but the first
CLOSE = 0.05  # the h below which Taylor's series is used, in units in which a tail changes
NONE = 700.0  # exp of minus it is negligible
ROOT_HALF = math.sqrt(0.5)


@dataclass(frozen=True)
class Start:
    """The distances from the boundary that is reached and from the other one, with sum 1, and the
    drift towards the former."""

    w: Node
    s: Node
    drift: Node

    @property
    def nearer(self) -> Node:
        return self.w <= 0.5

    @property
    def h(self) -> Node:
        return ops.minimum(self.w, self.s)

    @property
    def speed(self) -> Node:
        return ops.where(self.drift < 0, -self.drift, self.drift)

    @property
    def against(self) -> Node:
        """The log of the ratio of what is reached against the drift, and along it."""
        return ops.where(self.drift < 0, 2 * self.drift, 0.0) * self.w

    def mirrored(self) -> Start:
        """The same for the other boundary."""
        return Start(self.s, self.w, -self.drift)

    def centres(self) -> Node:
        """The centres of pairs of images, along a last axis."""
        first = ops.where(self.nearer, 0.0, 1.0).astype(self.w.dtype)
        return inner(first) + as_tensor(2.0 * np.arange(3)).astype(self.w.dtype)


def log_chance(start: Start) -> Node:
    """Log of the probability that the boundary is the one that is reached."""
    d, s = start.speed, start.s
    return start.against + ops.log(s * (ops.exprel(-2 * d * s) / ops.exprel(-2 * d)))


def log_density(u: Node, start: Start) -> Node:
    """Log of the density of the times at which the boundary is reached."""
    early = u < SWITCH
    small = _early_density(ops.where(early, ops.maximum(u, LEAST), 0.5 * SWITCH), start)
    found = ops.where(early, small, _late_density(ops.where(early, 1.0, u), start))
    return ops.where(u > LEAST, found, -math.inf)


def log_before(u: Node, start: Start) -> Node:
    """Log of the probability that the boundary is reached until `u`."""
    early = u < SWITCH
    small = _early_before(ops.where(early, ops.maximum(u, LEAST), 0.5 * SWITCH), start)
    rest, chance = _late_after(ops.where(early, 1.0, u), start), log_chance(start)
    large = chance + ops.log1mexp(ops.minimum(rest - chance, -0.1))
    return ops.where(u > LEAST, ops.where(early, small, large), -math.inf)


def log_after(u: Node, start: Start) -> Node:
    """Log of the probability that the boundary is reached later than `u`."""
    early = u < SWITCH
    small = _early_after(ops.where(early, ops.maximum(u, LEAST), 0.5 * SWITCH), start)
    return ops.where(early, small, _late_after(ops.where(early, 1.0, u), start))


# Large times.


def _late_density(u: Node, start: Start) -> Node:
    return _late_scale(u, start) + ops.log(math.pi * _waves(u, start, 1.0))


def _late_after(u: Node, start: Start) -> Node:
    square = ops.square(ops.clip(start.drift, -1e150, 1e150))
    first, rates = square + math.pi**2, as_tensor((math.pi * WAVES) ** 2).astype(u.dtype)
    total = _waves(u, start, inner(first) / (inner(square) + rates))
    return _late_scale(u, start) + ops.log(2 * math.pi * total) - ops.log(first)


def _late_scale(u: Node, start: Start) -> Node:
    """Log of the first wave, without its constants."""
    fall = 0.5 * u * (ops.square(start.drift) + math.pi**2)
    return start.drift * start.w - fall + ops.log(ops.sin(math.pi * start.h))


def _waves(u: Node, start: Start, weights: TensorLike) -> Node:
    """The sum of weights * k sin(k pi w) exp(-k^2 pi^2 u / 2), divided by its first term."""
    k = as_tensor(WAVES).astype(u.dtype)
    signs = ops.where(inner(start.nearer), 1.0, as_tensor(np.where(WAVES % 2, 1.0, -1.0)))
    angle = math.pi * start.h
    rates = as_tensor((1 - WAVES * WAVES) * (0.5 * math.pi**2)).astype(u.dtype)
    terms = k * ops.sin(k * inner(angle)) * ops.exp(rates * inner(u)) * signs.astype(u.dtype)
    return 1 + ops.sum(weights * terms, axis=-1) / ops.sin(angle)


# Small times. Pairs of images stand along a last axis.


def _signs(start: Start) -> Node:
    """How pairs are added: the first one stands for the start itself where that is nearer."""
    return ops.where(inner(start.nearer), as_tensor(LATER), as_tensor(-np.ones(3)))


def _early_density(u: Node, start: Start) -> Node:
    w, h, c, t = inner(start.w), inner(start.h), start.centres(), inner(u)
    fall = ops.where(inner(start.nearer), c * (c - 2 * w), (c - 1) * (c - 1 + 2 * w)) / (2 * t)
    turn = ops.minimum(2 * c * h / t, NONE)
    pairs = c * ops.expm1(-turn) / h + (1 + ops.exp(-turn))
    pairs = _signs(start) * pairs * ops.exp(-ops.clip(fall, 0.0, NONE))
    total = ops.where(start.nearer, 1.0, 0.0) + ops.sum(pairs, axis=-1)
    score = start.w / ops.sqrt(u) - start.drift * ops.sqrt(u)
    scale = -HALF_LOG_2PI - 1.5 * ops.log(u) - 0.5 * ops.square(score)
    return ops.log(start.h) + ops.log(total) + scale


def _early_before(u: Node, start: Start) -> Node:
    images = Images(u, start, False)
    own = ops.where(start.nearer, images.single(), 0.0)
    pairs = ops.sum(_signs(start) * images.pairs(1.0), axis=-1)
    return start.against + images.scale + ops.log(own + pairs)


def _early_after(u: Node, start: Start) -> Node:
    images = Images(u, start, True)
    nearer, c, h = inner(start.nearer), start.centres(), inner(start.h)
    # Tails are taken on the side on which they are small, and the rest in closed form.
    beyond = inner(start.speed * u) < c - h
    side = ops.where(beyond, 1.0, -1.0)
    own = ops.where(start.nearer, images.single(), 0.0)
    pairs = ops.sum(-_signs(start) * side * images.pairs(side), axis=-1)
    # The first of these centres, of those that are used.
    used = beyond & (ops.logical_not(nearer) | as_tensor(LATER > 0))
    first = ops.min(ops.where(used, c, 6.0), axis=-1)
    rest = ops.where(first > 5.5, 0.0, images.rest(ops.minimum(first, 5.0)))
    # Rounding may leave nothing where the log is below -1e15.
    total = ops.maximum(own + pairs + ops.where(start.nearer, -rest, rest), 1e-300)
    return start.against + images.scale + ops.log(total)


class Images:
    """Tails of first passage times of one boundary at distances c, A + B or A - B with
    A = exp(-d c) ndtr(+-(d u - c) / sqrt(u)) and B = exp(d c) ndtr(-(d u + c) / sqrt(u)), of the
    times before u or after it, in units of exp(scale - d w)."""

    def __init__(self, u: Node, start: Start, after: bool) -> None:
        self.start, self.after = start, after
        root = ops.sqrt(u)
        score = start.w / root - start.speed * root
        self.scale = ops.log_ndtr(score if after else -score)
        self.own = start.speed, u, root, score, self.scale

    def at(self, w: Node, excess: TensorLike, side: TensorLike, own: tuple) -> tuple:
        """A and B at w + excess, and what exp(-(c^2 + d^2 u^2) / (2 u)) is in these units."""
        d, u, root, score, scale = own
        c = w + excess
        fall = excess * (c + w) / (2 * u) + 0.5 * ops.square(score) + scale
        fall = ops.exp(-ops.clip(fall, -NONE, NONE))
        reach = side * (d * root - c / root)
        far = reach < 0
        near = ops.log_ndtr(ops.where(far, 0.0, reach)) - d * excess - scale
        beyond = 0.5 * fall * ops.erfcx(-ROOT_HALF * ops.where(far, reach, 0.0))
        first = ops.where(far, beyond, ops.exp(ops.clip(near, -NONE, NONE)))
        return first, 0.5 * fall * ops.erfcx((d * root + c / root) * ROOT_HALF), fall

    def single(self) -> Node:
        """The tail at w."""
        d, _, root, *_ = self.own
        w = self.start.w
        second = self.at(w, 0.0, -1.0 if self.after else 1.0, self.own)[1]
        if not self.after:
            return 1 + second
        close = w * (d + 1 / root) < CLOSE
        near = 0.5 * self.taylor(0.0, w, w, -1.0, close, self.own)
        return ops.where(close, near, 1 - second)

    def pairs(self, side: TensorLike) -> Node:
        """The differences of the tails at c + h and c - h."""
        start, own = self.start, tuple(map(inner, self.own))
        nearer, w, h, c = inner(start.nearer), inner(start.w), inner(start.h), start.centres()
        d, u, *_ = own
        close = h * (d + 1 / u) < CLOSE
        # The first pair is not used where the start is nearer: a place where it is finite.
        less = ops.where(nearer, (c - 2 * w) * as_tensor(LATER), c - 1)
        more = ops.where(nearer, c, c - 1 + 2 * inner(start.s))
        upper, lower = (self.at(w, excess, side, own) for excess in (more, less))
        direct = (upper[0] - lower[0]) + side * (upper[1] - lower[1])
        return ops.where(close, self.taylor(c, w, h, side, close, own), direct)

    def taylor(
        self, c: TensorLike, w: Node, h: Node, side: TensorLike, close: Node, own: tuple
    ) -> Node:
        """That difference by the odd derivatives at c: of both parts second derivatives are d^2
        times them and a derivative of the normal density."""
        d, u, root, score, scale = (
            ops.where(close, x, other) for x, other in zip(own, (0.0, 1.0, 1.0, 0.0, 0.0))
        )
        h = ops.where(close, h, 0.0)
        first, second, fall = self.at(w, c - w, side, (d, u, root, score, scale))
        normal = 2 * side * fall * math.exp(-HALF_LOG_2PI) / root
        q = c * c / u
        slope = -d * (first - side * second) - normal
        total = h * slope
        hermite = (q - 1, q * (q - 6) + 3, q * (q * (q - 15) + 45) - 15)
        for k, value in enumerate(hermite):
            slope = ops.square(d) * slope - normal * value / u ** (k + 1)
            total = total + h ** (2 * k + 3) * slope / math.factorial(2 * k + 3)
        return 2 * total

    def rest(self, first: Node) -> Node:
        """2 sinh(d h) times the sum of exp(-d c) over the centres from `first` on."""
        d, h, w = self.start.speed, self.start.h, self.start.w
        log = -self.scale - d * (first - w - h)
        return ops.exp(ops.minimum(log, NONE)) * h * ops.exprel(-2 * d * h) / ops.exprel(-2 * d)
