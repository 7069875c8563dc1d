"""Whole numbers drawn from finite populations, and masses at one point."""

from __future__ import annotations

import math

from probtensor import ops
from probtensor.graph import Node
from probtensor.ops.kinds.elementwise import joint_shape
from probtensor.ops.loops.whiles import while_loop
from probtensor.prob.distributions.continuous.families import number
from probtensor.prob.distributions.discrete import Counted, log_choose_rest
from probtensor.prob.distributions.distribution import LOG_HALF, Distribution, element_indices
from probtensor.prob.distributions.parameters import check_literal
from probtensor.prob.distributions.support import COUNT, REAL, Integers, Point, is_number


class Hypergeometric(Counted):
    """The marked ones among `n` that are drawn without replacement from `N`, of which `k` are
    marked; or from `ngood` marked and `nbad` other ones, `nsample` of them (the names of NumPy).

    Support: max(0, n + k - N), ..., min(n, k).
    Mean: n * k / N.
    Variance: n * (k / N) * (1 - k / N) * (N - n) / (N - 1).
    Source: Johnson, Kemp and Kotz (2005), "Univariate Discrete Distributions", ch. 6.
    """

    name = "hypergeometric"
    parameters = {"N": COUNT, "k": COUNT, "n": COUNT}
    increasing = (("k", "N", True), ("n", "N", True))
    shown = (20, 7, 12)
    over = COUNT
    propagates_nan = True

    def support(self, N, k, n):
        low, high = ops.maximum(n - (N - k), 0.0), ops.minimum(n, k)
        if is_number(*map(number, (N, k, n))):
            whole, marked, drawn = (int(number(x)) for x in (N, k, n))
            return Integers(max(0, drawn - (whole - marked)), min(drawn, marked))
        return Integers(low, high)

    def logpdf(self, x, N, k, n):
        # Of the marked ones that are left where most are drawn, whose share is known to more
        # digits.
        most = n > N - n
        x, n = ops.where(most, k - x, x), ops.where(most, N - n, n)
        # The product of two binomial masses of probability n / N beside that of their sum, whose
        # deviance is 0.
        p, rest = n / ops.maximum(N, 1.0), N - k
        marked = log_choose_rest(k, x) - ops.binomial_divergence(x, k, p)
        others = log_choose_rest(rest, n - x) - ops.binomial_divergence(n - x, rest, p)
        return marked + others - log_choose_rest(N, n)

    def logcdf(self, x, N, k, n):
        below, tail, least, most = self._tails(x, N, k, n)
        value = ops.where(below, tail, ops.log1mexp(ops.minimum(tail, -1e-300)))
        return ops.where(x >= most, 0.0, ops.where(x < least, -math.inf, value))

    def logccdf(self, x, N, k, n):
        below, tail, least, most = self._tails(x, N, k, n)
        value = ops.where(below, ops.log1mexp(ops.minimum(tail, -1e-300)), tail)
        return ops.where(x >= most, -math.inf, ops.where(x < least, 0.0, value))

    def _tails(self, x, N, k, n):
        """Whether the lower tail is the smaller one, the log of the smaller one, and the ends of
        the support."""
        least, most = ops.maximum(n - (N - k), 0.0), ops.minimum(n, k)
        below = x < n * (k / ops.maximum(N, 1.0))
        # The tail on the side of the mean may be the larger one, near the median.
        tail = self._tail(x, below, True, N, k, n)
        larger = ops.stop_gradient(tail) > LOG_HALF
        below = ops.logical_xor(below, larger)
        tail = ops.where(larger, self._tail(x, below, larger, N, k, n), tail)
        return below, tail, least, most

    def _tail(self, x, below, wanted, N, k, n):
        """The log of a tail, where it is wanted."""
        least, most = ops.maximum(n - (N - k), 0.0), ops.minimum(n, k)
        first = ops.clip(ops.where(below, x, x + 1), least, most)
        total = ops.stop_gradient(_sum_outwards(first, below, wanted, N, k, n))
        return self.logpdf(first, N, k, n) + ops.log(total)

    def sample(self, key, shape, N, k, n):
        return ops.draw_hypergeometric(key, element_indices(shape), N, k, n)

    def mean(self, N, k, n):
        return n * (k / N)

    def variance(self, N, k, n):
        share = k / N
        spread = n * share * (1 - share) * ((N - n) / ops.maximum(N - 1, 1.0))
        return ops.where(N > 1, spread, 0.0)

    def mode(self, N, k, n):
        return ops.floor((n + 1) * ((k + 1) / (N + 2)))


def _sum_outwards(
    first: Node, below: Node, wanted: Node | bool, N: Node, k: Node, n: Node
) -> Node:
    """The sum of the masses from a count on, away from the mean or from near it, in units of its
    own mass; 1 where it is not wanted. Each mass is the one before it times a ratio that falls."""
    nodes = [ops.stop_gradient(ops.astype(x, "float64")) for x in (first, N, k, n)]
    shape = joint_shape([x.type for x in (*nodes, below)])
    first, N, k, n = (ops.broadcast_to(x, shape) for x in nodes)
    others = N - k - n

    def added(state):
        j, term, total = state
        down = j * (others + j) / ((k - j + 1) * (n - j + 1))
        up = (k - j) * (n - j) / ((j + 1) * (others + j + 1))
        term = term * ops.maximum(ops.where(below, down, up), 0.0)
        return ops.where(below, j - 1, j + 1), term, total + term

    def goes_on(state):
        _, term, total = state
        return ops.any(term > 2.0**-56 * total)

    one = ops.ones(shape)
    term = ops.where(wanted, one, 0.0)
    return while_loop(goes_on, added, (first, term, one))[2].astype(nodes[0].dtype)


class DiracDelta(Distribution):
    """All of the probability at the number `c`. Its log mass is 0 there. A free variable of a model
    has that value.

    Support: c.
    Mean: c.
    Variance: 0.
    Source: Gelman et al. (2013), "Bayesian Data Analysis", appendix A.
    """

    name = "dirac_delta"
    parameters = {"c": REAL}
    shown = (2.0,)
    over = Point(0.0)
    smooth_draws = True

    def support(self, c):
        return Point(number(c))

    def logpdf(self, x, c):
        return ops.zeros_like(x) + ops.zeros_like(c)

    def sample(self, key, shape, c):
        return ops.broadcast_to(c, tuple(shape))

    def mean(self, c):
        return c

    def variance(self, c):
        return ops.zeros_like(c)

    def mode(self, c):
        return c

    def entropy(self, c):
        return ops.zeros_like(c)


def _by_parts(what, ngood, nbad, nsample):
    ngood = check_literal(what, domain=COUNT, ngood=ngood)
    nbad = check_literal(what, domain=COUNT, nbad=nbad)
    return ngood + nbad, ngood, check_literal(what, domain=COUNT, nsample=nsample)


Hypergeometric.alternatives = {("ngood", "nbad", "nsample"): _by_parts}
