"""Sums of deviances over data, by sufficient statistics that depend on data alone.

The sum of a log(a / (b x)) + b x - a over data x with common a and b is the number of data times
its value at their geometric mean, plus a remainder that does not depend on a (an exponential family
has a sufficient statistic). The same holds for counts a with one rate, by their mean. Data form a
sample along the axes on which their parameters are constant: all axes for scalar parameters, the
rows of a table whose columns have their own parameters.
"""

from __future__ import annotations

from collections.abc import Callable

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph import Node, as_tensor
from probtensor.graph.node import Const
from probtensor.rules.arithmetic.sums import drop_constant_axes, is_constant_along
from probtensor.transform.facts import constant_of
from probtensor.types import Shape, size_product


@dataclass(frozen=True)
class Sample:
    """The shape of a tensor, and its axes along which the data have the same parameters."""

    shape: Shape
    axes: tuple[int, ...]

    @property
    def sample_shape(self) -> Shape:
        """The shape without the axes of the sample."""
        return tuple(n for axis, n in enumerate(self.shape) if axis not in self.axes)

    def sum(self, x: Node) -> Node:
        """The sums of a tensor over the sample."""
        return ops.sum(ops.broadcast_to(x, self.shape), self.axes)

    def expand(self, x: Node) -> Node:
        """A tensor of one entry per sample, with axes to broadcast to each of its data."""
        return ops.expand_dims(x, self.axes) if x.shape else x

    def shared_value(self, x: Node) -> Node | None:
        """A parameter with one entry per sample; None if it varies within samples."""
        x = before_broadcast(x)
        if not is_constant_along(x, self.axes, len(self.shape)):
            return None
        return drop_constant_axes(x, self.axes, len(self.shape))

    def count(self, like: Node) -> Node:
        """The number of data of a sample."""
        return as_tensor(size_product(self.shape[axis] for axis in self.axes)).astype(like.dtype)


def before_broadcast(x: Node) -> Node:
    """The tensor inside nested broadcasts."""
    while isinstance(x.op, ops.BroadcastTo):
        x = x.inputs[0]
    return x


def sample_of(leaf: Node, *parameters: Node) -> Sample | None:
    """The sample over all axes along which these parameters are constant; None without such
    axes."""
    axes = tuple(
        axis
        for axis, n in enumerate(leaf.shape)
        if n != 1
        and all(is_constant_along(before_broadcast(x), (axis,), leaf.ndim) for x in parameters)
    )
    return Sample(leaf.shape, axes) if axes else None


def varies(x: Node, sample: Sample) -> bool:
    """Does a tensor vary within a sample?"""
    return sample.shared_value(x) is None


def sum_over_sample(leaf: Node, only_data: Callable[[Node], bool]) -> tuple[Node, Sample] | None:
    """The sums of a deviance over the axes along which its parameters are constant, if its other
    operands are data; None for any other tensor."""
    if not leaf.shape or isinstance(leaf.op, Const):
        return None
    known = [only_data(x) for x in leaf.inputs]
    match leaf.op:
        case ops.PowerDivergence() if known[2]:
            return _of_power_divergence(leaf)
        case ops.BetaDivergence() if known[2]:
            return _of_beta_divergence(leaf)
        case ops.KlDiv() if known[0]:
            return _of_kl_div(leaf, known)
        case ops.BinomialDivergence() if known[0] and known[1]:
            return _of_binomial_divergence(leaf)
        case ops.KlDivExp():
            return _of_kl_div_exp(leaf, only_data)
        case ops.PoissonDivergence() if known[0]:
            return _of_poisson_divergence(leaf)
        case ops.ShareDivergence() if known[0] and known[1]:
            return _of_share_divergence(leaf)
    return None


def _of_power_divergence(leaf: Node) -> tuple[Node, Sample] | None:
    a, b, x = leaf.inputs
    sample = sample_of(leaf, a, b)
    if sample is None or not varies(x, sample):
        return None
    return sum_of_power_divergences(
        sample.shared_value(a), sample.shared_value(b), x, sample
    ), sample


def _of_beta_divergence(leaf: Node) -> tuple[Node, Sample] | None:
    a, b, x = leaf.inputs
    sample = sample_of(leaf, a, b)
    if sample is None or not varies(x, sample):
        return None
    a, b = sample.shared_value(a), sample.shared_value(b)
    return sum_of_power_divergences(a, a + b, x, sample) + sum_of_power_divergences(
        b, a + b, 1 - x, sample
    ), sample


def _of_kl_div(leaf: Node, known: list[bool]) -> tuple[Node, Sample] | None:
    counts = leaf.inputs[0]
    for rate, times in ((1, 2), (2, 1)):
        sample = sample_of(leaf, leaf.inputs[rate])
        if sample is not None and known[times] and varies(counts, sample):
            own = sample.shared_value(leaf.inputs[rate])
            return sum_of_kl_div(counts, own, leaf.inputs[times], sample), sample
    return None


def _of_binomial_divergence(leaf: Node) -> tuple[Node, Sample] | None:
    x, n, p = leaf.inputs
    sample = sample_of(leaf, p)
    return (
        None
        if sample is None
        else (sum_of_binomial_divergences(x, n, sample.shared_value(p), sample), sample)
    )


def _of_kl_div_exp(leaf: Node, only_data: Callable[[Node], bool]) -> tuple[Node, Sample] | None:
    a, l = leaf.inputs
    if not isinstance(l.op, (ops.Add, ops.Sub)) or not only_data(l.inputs[1]):
        return None
    sample = sample_of(leaf, a, l.inputs[0])
    if sample is None:
        return None
    sign = 1 if isinstance(l.op, ops.Add) else -1
    own = sample.shared_value(a), sample.shared_value(l.inputs[0])
    return sum_of_kl_div_exp(*own, sign * l.inputs[1], sample), sample


def _of_poisson_divergence(leaf: Node) -> tuple[Node, Sample] | None:
    x, d = leaf.inputs
    if not isinstance(d.op, ops.Sub) or d.inputs[1] is not ops.log(ops.maximum(x, 1)):
        return None
    sample = sample_of(leaf, d.inputs[0])
    if sample is None or not varies(x, sample):
        return None
    return sum_of_poisson_divergences(x, sample.shared_value(d.inputs[0]), sample), sample


def _of_share_divergence(leaf: Node) -> tuple[Node, Sample] | None:
    x, m, d = leaf.inputs
    if not isinstance(d.op, ops.Sub):
        return None
    sample = sample_of(leaf, d.inputs[0])
    odds = None if sample is None else pooled_log_odds(x, m, d, sample)
    return None if odds is None else (sum_of_share_divergences(x, m, odds, sample), sample)


def pooled_log_odds(x: Node, m: Node, d: Node, sample: Sample) -> Node | None:
    """The log odds of a sample, if d is these minus log(x / m), or the log of m times the odds
    minus log x; None for another form of d."""
    total = sample.shared_value(d.inputs[0])
    own = d.inputs[1]
    if isinstance(own.op, ops.LogRatio):
        above, below, unit = own.inputs
        same = above is ops.maximum(x, 1) and below in {m, ops.maximum(m, 1)}
        same = same and constant_of(unit) == 1
        return total if same else None
    times = sample.shared_value(m)
    if times is not None and own is ops.log(ops.maximum(x, 1)):
        return total - ops.log(times)
    return None


def sum_of_power_divergences(a: Node, b: Node, x: Node, sample: Sample) -> Node:
    """The sum of power_divergence(a, b, x). With g the geometric mean of x and r = log(x / g),
    whose sum is 0, b x contributes b g Sum (e^r - 1 - r) beyond the value at g."""
    x = ops.broadcast_to(x, sample.shape)
    zero = ops.eq(x, 0)
    inside = ops.where(zero, 1, x)
    zeros = sample.sum(ops.astype(zero, x.dtype))
    count = sample.count(x) - zeros
    logs = ops.where(zero, 0, ops.log(inside))
    mean = ops.exp(sample.sum(logs) / ops.maximum(count, 1))
    deviations = ops.where(zero, 0, ops.expm1mx(-ops.log_ratio(sample.expand(mean), inside, 1)))
    spread = mean * sample.sum(deviations)
    total = count * ops.scaled_kl_div(a, b, mean) + b * spread
    edge = ops.power_divergence(a, b, ops.zeros_like(b))
    return total + ops.where(zeros > 0, zeros * edge, 0)


def sum_of_kl_div_exp(a: Node, l: Node, x: Node, sample: Sample) -> Node:
    """The sum of kl_div_exp(a, l + x)."""
    count = sample.count(x)
    mean = sample.sum(x) / ops.maximum(count, 1)
    spread = sample.sum(ops.expm1mx(x - sample.expand(mean)))
    return count * ops.kl_div_exp(a, l + mean) + ops.exp(l + mean) * spread


def sum_of_kl_div(x: Node, rate: Node, times: Node, sample: Sample) -> Node:
    """The sum of kl_div(x, rate, times), by the maximum likelihood rate of the data."""
    counts, exposure = (sample.sum(v) for v in (x, times))
    own = ops.where(exposure > 0, counts / ops.where(exposure > 0, exposure, 1), 0)
    within = sample.sum(ops.scaled_kl_div(x, sample.expand(own), times))
    return within + ops.scaled_kl_div(counts, rate, exposure)


def sum_of_poisson_divergences(x: Node, l: Node, sample: Sample) -> Node:
    """The sum of Poisson divergences of counts with the same log rate l, by their mean."""
    total, count = sample.sum(x), sample.count(x)
    within = sample.sum(ops.scaled_kl_div(x, sample.expand(total / ops.maximum(count, 1)), 1))
    own = ops.log_ratio(ops.maximum(total, 1), count, 1)
    return within + ops.poisson_divergence(total, l - own)


def sum_of_binomial_divergences(x: Node, n: Node, p: Node, sample: Sample) -> Node:
    """The sum of binomial_divergence(x, n, p), by the data's fraction of successes."""
    successes, trials = (sample.sum(v) for v in (x, n))
    share = successes / ops.maximum(trials, 1)
    within = sample.sum(ops.binomial_divergence(x, n, sample.expand(share)))
    return within + ops.binomial_divergence(successes, trials, p)


def sum_of_share_divergences(x: Node, m: Node, odds: Node, sample: Sample) -> Node:
    """The sum of divergences of x successes and m failures at the same log odds, by the log odds of
    the data."""
    successes, failures = (sample.sum(v) for v in (x, m))
    total = successes + failures
    share = successes / ops.where(total > 0, total, 1)
    within = ops.binomial_divergence(x, x + m, sample.expand(share))
    least = ops.where(failures > 0, failures, 1)
    own = ops.log_ratio(ops.maximum(successes, 1), least, 1)
    between = ops.share_divergence(successes, failures, odds - own)
    return sample.sum(within) + between
