"""The Polya-gamma distribution, by its Laplace transform cosh(sqrt(s / 2))**-h.

Density and tails are integrals of it along parabolas about its branch points, through or near the
saddle point, where nothing cancels; the values of the trapezoidal rule converge geometrically
(Weideman and Trefethen 2007, Mathematics of Computation 76:1341)."""

from __future__ import annotations

import math

import numpy as np

from probtensor import ops
from probtensor.graph import Const, Node, as_tensor
from probtensor.ops.branches.op import ifelse
from probtensor.prob.distributions.continuous.families import draw_uniform
from probtensor.prob.distributions.continuous.searches import FALL, inner, root_between
from probtensor.prob.distributions.distribution import Distribution, element_indices
from probtensor.prob.distributions.formulas import HALF_LOG_2PI, LOG_2
from probtensor.prob.distributions.support import POSITIVE, REAL

FIRST = math.pi**2 / 2  # minus the place of the first branch point
LEAST = 5.0  # the least x times the focal distance of a parabola
NODES = 64
EARLY = 1e-30  # the x / (h + 1) below which the first term of a series is all of the density


class PolyaGamma(Distribution):
    """Polya-gamma with shape `h` and tilt `z`: the sum of g_k / (2 pi**2 (k - 1/2)**2 + z**2 / 2)
    over k = 1, 2, ..., with g_k independent gamma(h, 1).

    Support: x > 0.
    Mean: h * tanh(z / 2) / (2 * z) for z != 0.
    Variance: h * (sinh(z) - z) / (4 * z**3 * cosh(z / 2)**2) for z != 0.
    Source: Polson, Scott and Windle (2013), "Bayesian inference for logistic models using
    Polya-Gamma latent variables", Journal of the American Statistical Association 108:1339.
    """

    name = "polya_gamma"
    parameters = {"h": POSITIVE, "z": REAL}
    defaults = {"h": 1.0, "z": 0.0}
    shown = (2.0, 1.0)
    over = POSITIVE

    def logpdf(self, x, h, z):
        early, at = apart_from_early(x, h)
        focus = ops.maximum(saddle_distance(at, h), LEAST / at)
        found = ops.where(early, log_first_term(x, h), log_inverse(at, h, focus, None))
        return found + tilt(x, h, z)

    def logcdf(self, x, h, z):
        early, at = apart_from_early(x, h)
        direct, lower, upper = self._tails(at, h, z)
        found = ops.where(direct, ops.log1mexp(upper), lower)
        return ops.where(early, log_below_first_term(x, h) + tilt(x, h, z), found)

    def logccdf(self, x, h, z):
        early, at = apart_from_early(x, h)
        direct, lower, upper = self._tails(at, h, z)
        found = ops.where(direct, upper, ops.log1mexp(lower))
        below = log_below_first_term(x, h) + tilt(x, h, z)
        return ops.where(early, ops.log1mexp(ops.minimum(below, -1e-300)), found)

    def _tails(self, x, h, z):
        """Whether the upper tail is integrated, and the logs of both, of which one has a meaning.
        The parabola passes the pole at z**2 / 2 at a distance."""
        pole, gap = self._pole(x, h, z)
        focus = saddle_distance(x, h)
        low = ops.maximum(ops.maximum(focus, LEAST / x), pole + gap)
        high = ops.minimum(ops.maximum(focus, LEAST / x), pole - ops.minimum(gap, 0.5 * pole))
        direct = (focus < pole) & (high * x >= LEAST)
        lower = ops.where(direct, pole + gap, low)
        lower = log_inverse(ops.where(direct, LEAST / pole, x), h, lower, pole)
        upper = log_inverse(x, h, ops.where(direct, high, 0.5 * pole), pole, above=True)
        extra = tilt(x, h, z)
        lower = ops.minimum(lower + ops.where(direct, 0.0, extra), -1e-300)
        return direct, lower, ops.minimum(upper + extra, -1e-300)

    def _pole(self, x, h, z):
        """The pole's distance from the branch point, and how far a parabola passes it."""
        excess = ops.maximum(x - self.mean(h, z), 0.0)
        gap = 1 / (0.4 * ops.sqrt(self.variance(h, z)) + excess / 3)
        return FIRST + 0.5 * ops.square(z), ops.stop_gradient(gap)

    def lower_quantile(self, log_p, h, z):
        return self._quantile(log_p, h, z, self.logcdf)

    def upper_quantile(self, log_p, h, z):
        return self._quantile(log_p, h, z, self.logccdf)

    def _quantile(self, log_p, h, z, tail):
        low, high = as_tensor(-300.0), as_tensor(300.0)
        start = ops.clip(ops.log(self.mean(h, z)), low, high)
        return ops.exp(root_between(
            lambda t: tail(ops.exp(t), h, z), lambda t: self.logpdf(ops.exp(t), h, z) + t, log_p,
            low, high, start, rising=tail != self.logccdf,
        ))  # fmt: skip

    def sample(self, key, shape, h, z):
        # Whole shapes by rejection, others by inversion, which takes a thousand times longer and
        # is left out where there are none.
        whole = ops.eq(h, ops.floor(h)) & (h >= 1) & (h <= ops.DrawPolyaGamma.most)
        known = is_whole(h.op.array) if isinstance(h.op, Const) else None
        if known is not None and not known:
            return self._inverted(key, shape, h, z)
        index = element_indices(shape)
        found = ops.draw_polya_gamma(key, index, ops.where(whole, h, 1.0), z)
        if known:
            return found
        other = ops.broadcast_to(self._inverted(key, shape, h, z), found.shape)
        other = ifelse(ops.all(whole), ops.zeros(found.shape), other.astype("float64"))
        return ops.where(whole, found, other)

    def _inverted(self, key, shape, h, z):
        """Draws by inversion of the lower tail alone, which has the precision of a uniform
        number."""
        return self._quantile(ops.log(draw_uniform(key, shape)), h, z, self._lower_tail)

    def _lower_tail(self, x, h, z):
        """The log of the lower tail, with the absolute error of a rounding."""
        pole, gap = self._pole(x, h, z)
        focus = ops.maximum(ops.maximum(saddle_distance(x, h), LEAST / x), pole + gap)
        return ops.minimum(log_inverse(x, h, focus, pole) + tilt(x, h, z), -1e-300)

    def mean(self, h, z):
        return 0.25 * h * tanh_ratio(0.5 * z)

    def variance(self, h, z):
        small = ops.abs(z) < 0.05
        y = ops.where(small, 1.0, ops.abs(z))
        fall = ops.exp(-y)
        # (sinh y - y) / cosh(y / 2)^2 without overflow.
        far = 2 * (-ops.expm1(-2 * y) - 2 * y * fall) / ops.square(1 + fall) / (4 * y**3)
        near = 1 / 24 - ops.square(z) / 120 + 17 * z**4 / 13440
        return h * ops.where(small, near, far)


def is_whole(h: np.ndarray) -> bool | None:
    """Whether shapes are all whole numbers that `draw_polya_gamma` takes, or none is; None for
    some."""
    whole = (h == np.floor(h)) & (h >= 1) & (h <= ops.DrawPolyaGamma.most)
    return bool(whole.all()) if whole.all() or not whole.any() else None


def tanh_ratio(y: Node) -> Node:
    """tanh(y) / y, 1 at 0."""
    small = ops.abs(y) < 1e-4
    inside = ops.where(small, 1.0, y)
    return ops.where(small, 1 - ops.square(y) / 3, ops.tanh(inside) / inside)


def tilt(x, h, z):
    """The log of the ratio of the densities with and without tilt."""
    return h * ops.log_cosh(0.5 * z) - 0.5 * ops.square(z) * x


def apart_from_early(x, h):
    """Whether x is so small that the first term of a series is the density, and a value in place of
    such an x."""
    early = x < EARLY * (h + 1)
    return early, ops.where(early, h + 1, x)


def log_first_term(x, h):
    """The log of 2**h a (2 pi x**3)**-0.5 exp(-a**2 / (2 x)) with a = h / 2, the first term of the
    density without tilt as a series for small x."""
    a = 0.5 * h
    return h * LOG_2 + ops.log(a) - HALF_LOG_2PI - 1.5 * ops.log(x) - 0.5 * a * (a / x)


def log_below_first_term(x, h):
    """The log of the integral of that up to x."""
    return (h + 1) * LOG_2 + ops.log_ndtr(-0.5 * h / ops.sqrt(x))


def saddle_distance(x: Node, h: Node) -> Node:
    """The distance of the saddle point of exp(s x) cosh(sqrt(s / 2))**-h from the branch point, a
    constant for derivatives: by Newton's steps from above for r w = tanh(w) or v = atan(r v), with
    r = 4 x / h, from the roots of Pade approximants."""
    r = ops.stop_gradient(4 * x / h)
    below = r < 1
    flat = ops.where(below, r, 0.5)
    pade = ops.sqrt(15 * (1 - flat) / ops.maximum(6 * flat - 1, 1e-300))
    w = ops.minimum(1 / flat, pade)
    steep = ops.where(below, 2.0, r)
    v = ops.sqrt(15 * (1 - 1 / steep) / (6 - 1 / steep))
    for _ in range(6):
        tanh = ops.tanh(w)
        w = w - (flat * w - tanh) / ops.maximum(flat - 1 + ops.square(tanh), 1e-12)
        change = v - ops.arctan(steep * v)
        v = v - change / ops.maximum(1 - 1 / (1 / steep + steep * ops.square(v)), 1e-12)
    # pi / 2 - v without cancellation.
    rest = ops.arctan2(1.0, steep * v)
    right = 2 * rest * (0.5 * math.pi + v)
    return ops.where(below, FIRST + 2 * ops.square(w), right)


def log_inverse(x: Node, h: Node, focus: Node, pole: Node | None, above: bool = False) -> Node:
    """Log of the integral of exp(s x) cosh(sqrt(s / 2))**-h / (2 pi i) along the parabola
    s = focus (1 + i u)**2 - FIRST; divided by s - pole + FIRST, or by minus it with `above`."""
    focus = ops.stop_gradient(focus)
    reach = ops.stop_gradient(ops.sqrt(FALL / (x * focus)))
    share = as_tensor(np.arange(NODES) / NODES).astype(x.dtype)
    weights = as_tensor(np.where(np.arange(NODES) == 0, 0.5, 1.0)).astype(x.dtype)
    u, distance = inner(reach) * share, inner(focus)
    size, angle = log_cosh_root(distance, u)
    first = size[..., :1]
    fall = -distance * ops.square(u) * inner(x) - inner(h) * (size - first)
    turn = 2 * distance * u * inner(x) - inner(h) * angle + ops.arctan(u)
    fall = fall + 0.5 * ops.log1p(ops.square(u))
    if pole is not None:
        real = distance * (1 - ops.square(u)) - inner(pole)
        imaginary = 2 * distance * u
        if above:
            real, imaginary = -real, -imaginary
        fall = fall - ops.log(ops.hypot(real, imaginary))
        turn = turn - ops.arctan2(imaginary, real)
    total = ops.sum(weights * ops.exp(fall) * ops.cos(turn), axis=-1)
    scale = ops.log(total * (reach * (2 / math.pi / NODES))) + ops.log(focus)
    return scale + (focus - FIRST) * x - h * first[..., 0]


def log_cosh_root(distance: Node, u: Node) -> tuple[Node, Node]:
    """The logs of the sizes, and the angles, of cosh(sqrt(s / 2)) at s = distance (1 + i u)**2 -
    FIRST, with u >= 0; the angles do not jump."""
    real, imaginary = 0.5 * (distance * (1 - ops.square(u)) - FIRST), distance * u
    # The root a + i b, without cancellation.
    size = ops.hypot(real, imaginary)
    larger = ops.sqrt(0.5 * (size + ops.abs(real)))
    smaller = imaginary / (2 * ops.maximum(larger, 1e-150))
    right = real >= 0
    a, b = ops.where(right, larger, smaller), ops.where(right, smaller, larger)
    fall = ops.exp(-2 * a)
    x, y = 1 + fall * ops.cos(2 * b), -fall * ops.sin(2 * b)
    near = distance * (1 + ops.square(u)) < 2
    far = ops.where(near, 1.0, ops.hypot(x, y))
    sizes = a - LOG_2 + ops.log(far)
    angles = b + ops.arctan2(y, ops.where(near, 1.0, x))
    # Near the branch point it is the sine of the distance e of the root from i pi / 2: with b - i a
    # for the root of -s / 2, e (pi / 2 + b - i a) = distance (1 + i u)**2 / 2.
    top, side = 0.5 * distance * (1 - ops.square(u)), distance * u
    below = 0.5 * math.pi + b
    norm = ops.square(below) + ops.square(a)
    e, f = (top * below - side * a) / norm, (side * below + top * a) / norm
    sine, cosine = ops.sin(e) * ops.cosh(f), ops.cos(e) * ops.sinh(f)
    close = ops.log(ops.where(near, ops.hypot(sine, cosine), 1.0))
    turned = ops.arctan2(cosine, ops.where(near, sine, 1.0))
    return ops.where(near, close, sizes), ops.where(near, turned, angles)
