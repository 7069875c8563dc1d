"""Times of decisions: when a Wiener process with drift leaves an interval, and by which end."""

from __future__ import annotations

import math

from probtensor import ops
from probtensor.graph import Node, as_tensor
from probtensor.prob.distributions.continuous.families import draw_uniform, number
from probtensor.prob.distributions.continuous.passages.series import (
    Start,
    log_after,
    log_before,
    log_chance,
    log_density,
)
from probtensor.prob.distributions.continuous.searches import root_between
from probtensor.prob.distributions.distribution import LOG_HALF, Distribution
from probtensor.prob.distributions.formulas import log_of
from probtensor.prob.distributions.support import NONNEGATIVE, OPEN_UNIT, POSITIVE, REAL, Interval

END = 600.0  # of the logs of times among which quantiles are searched
PARAMETERS = {"alpha": POSITIVE, "tau": NONNEGATIVE, "beta": OPEN_UNIT, "delta": REAL}


def upper_start(alpha: Node, beta: Node, delta: Node) -> Start:
    """The start seen from the upper boundary."""
    return Start(1 - beta, as_tensor(beta), alpha * delta)


def scaled(t: Node, alpha: Node) -> Node:
    """A time after the start of the process, in units of its scale."""
    return t / alpha / alpha


def time_of(log_part: Node, above: Node, start: Start) -> Node:
    """The time until which, or after which where `above` is true, a boundary is reached with the
    probability exp(log_part); inf where it is not reached so often. Found in the smaller tail."""
    rest = log_part - log_chance(start)
    never = rest >= 0
    rest = ops.where(never, LOG_HALF, rest)
    small = rest <= LOG_HALF
    tail = log_chance(start) + ops.where(small, rest, ops.log1mexp(rest))
    beyond = ops.eq(small, above)
    way = ops.where(beyond, -1.0, 1.0)

    def log_tail(x: Node) -> Node:
        u = ops.exp(way * x)
        return ops.where(beyond, log_after(u, start), log_before(u, start))

    def log_slope(x: Node) -> Node:
        return log_density(ops.exp(way * x), start) + way * x

    middle = start.w * (2 - start.w) / (3 + start.w * start.speed)
    x = root_between(log_tail, log_slope, tail, as_tensor(-END), as_tensor(END),
                     way * ops.log(middle), rising=True)  # fmt: skip
    return ops.where(never, ops.where(above, 0.0, math.inf), ops.exp(way * x))


class Wiener(Distribution):
    """The time at which a diffusion reaches the upper one of two boundaries: `tau`, and then a
    Wiener process with drift `delta` and variance 1 that begins at alpha * beta, between boundaries
    at 0 and `alpha`. It is inf where the process ends at the lower boundary.

    The density is that of Stan: its integral is the probability of the upper boundary. What lacks
    is that of the value inf, which draws have with that probability, and which stands in data for
    a process that ended at the lower boundary at an unknown time. The time at the lower boundary
    has the density of `wiener(alpha, tau, 1 - beta, -delta)`. For both see `drift_diffusion`; with
    `constraint=pt.interval(high=...)` it is the time given that it is at most that.

    Support: x > tau, and inf.
    Mean: none.
    Variance: none.
    Source: Navarro and Fuss (2009), "Fast and accurate calculations for first-passage times in
    Wiener diffusion models", Journal of Mathematical Psychology 53:222.
    """

    name = "wiener"
    parameters = PARAMETERS
    shown = (1.5, 0.2, 0.5, 1.0)
    has_atoms = True
    has_infinite = True

    def support(self, alpha, tau, beta, delta):
        return Interval(number(tau), low_open=True)

    def logpdf(self, x, alpha, tau, beta, delta):
        start = upper_start(alpha, beta, delta)
        never = ops.isinf(x)
        at = scaled(ops.where(never, alpha, x - tau), alpha)
        found = log_density(at, start) - 2 * log_of(alpha)
        return ops.where(never, log_chance(start.mirrored()), found)

    def logcdf(self, x, alpha, tau, beta, delta):
        return log_before(scaled(x - tau, alpha), upper_start(alpha, beta, delta))

    def logccdf(self, x, alpha, tau, beta, delta):
        start = upper_start(alpha, beta, delta)
        after = log_after(scaled(x - tau, alpha), start)
        found = ops.logaddexp(log_chance(start.mirrored()), after)
        return ops.where(x > tau, found, 0.0)

    def lower_quantile(self, log_p, alpha, tau, beta, delta):
        start = upper_start(alpha, beta, delta)
        return tau + alpha * (alpha * time_of(log_p, as_tensor(False), start))

    def upper_quantile(self, log_p, alpha, tau, beta, delta):
        start = upper_start(alpha, beta, delta)
        other = log_chance(start.mirrored()) - log_p
        never = other >= 0
        part = log_p + ops.log1mexp(ops.where(never, -1.0, other))
        u = time_of(part, as_tensor(True), start)
        return ops.where(never, math.inf, tau + alpha * (alpha * u))

    def sample(self, key, shape, *parameters):
        return self.lower_quantile(ops.log(draw_uniform(key, shape)), *parameters)


class DriftDiffusion(Distribution):
    """The time at which a diffusion reaches one of two boundaries, with a sign that says which one:
    x at the upper boundary, -x at the lower one, as data of choices between two answers. The time
    is `tau`, and then that of a Wiener process with drift `delta` and variance 1 that begins at
    alpha * beta, between boundaries at 0 and `alpha`.

    Where x > 0, it has the density of `wiener(alpha, tau, beta, delta)` at x, else that of
    `wiener(alpha, tau, 1 - beta, -delta)` at -x. With `constraint=pt.interval(low=0.0)` it is the
    time given that the upper boundary is reached.

    Support: x < -tau and x > tau.
    Mean: none in closed form.
    Variance: none in closed form.
    Source: Ratcliff (1978), "A theory of memory retrieval", Psychological Review 85:59; Navarro and
    Fuss (2009), Journal of Mathematical Psychology 53:222.
    """

    name = "drift_diffusion"
    parameters = PARAMETERS
    shown = (1.5, 0.2, 0.5, 1.0)
    has_gaps = True

    def logpdf(self, x, alpha, tau, beta, delta):
        start, t = self._side(x > 0, alpha, beta, delta), ops.abs(x) - tau
        some = t > 0
        found = log_density(scaled(ops.where(some, t, alpha), alpha), start) - 2 * log_of(alpha)
        return ops.where(some, found, -math.inf)

    def _side(self, upper: Node, alpha: Node, beta: Node, delta: Node) -> Start:
        """The start seen from the upper boundary, or from the lower one."""
        one = upper_start(alpha, beta, delta)
        parts = ((one.w, one.s), (one.s, one.w), (one.drift, -one.drift))
        return Start(*(ops.where(upper, first, second) for first, second in parts))

    def logcdf(self, x, alpha, tau, beta, delta):
        return self._tail(x, -1.0, alpha, tau, beta, delta)

    def logccdf(self, x, alpha, tau, beta, delta):
        return self._tail(x, 1.0, alpha, tau, beta, delta)

    def _tail(self, x, sign, alpha, tau, beta, delta):
        """Log of the probability of values beyond x in the direction of `sign`: of later times at
        the boundary on that side, or of all times there and earlier ones at the other."""
        upper, t = x > 0, ops.abs(x) - tau
        some = t > 0
        u = scaled(ops.where(some, t, alpha), alpha)
        start = self._side(upper, alpha, beta, delta)
        there = upper if sign > 0 else ops.logical_not(upper)
        own, other = log_chance(start), log_chance(start.mirrored())
        after = ops.where(some, log_after(u, start), own)
        before = ops.where(some, log_before(u, start), -math.inf)
        return ops.where(there, after, ops.logaddexp(other, before))

    def lower_quantile(self, log_p, alpha, tau, beta, delta):
        start = upper_start(alpha, beta, delta).mirrored()
        return -self._beyond(log_p, start, alpha, tau)

    def upper_quantile(self, log_p, alpha, tau, beta, delta):
        return self._beyond(log_p, upper_start(alpha, beta, delta), alpha, tau)

    def _beyond(self, log_p: Node, start: Start, alpha: Node, tau: Node) -> Node:
        """The value beyond which, towards one boundary, there is the probability exp(log_p); it is
        negative at the other boundary."""
        rest = log_chance(start) - log_p
        there = rest >= 0
        part = ops.where(there, log_p, log_p + ops.log1mexp(ops.where(there, -1.0, rest)))
        other = start.mirrored()
        parts = ((start.w, other.w), (start.s, other.s), (start.drift, other.drift))
        side = Start(*(ops.where(there, first, second) for first, second in parts))
        x = tau + alpha * (alpha * time_of(part, there, side))
        return ops.where(there, x, -x)

    def sample(self, key, shape, *parameters):
        return self.lower_quantile(ops.log(draw_uniform(key, shape)), *parameters)
