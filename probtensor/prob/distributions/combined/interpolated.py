"""A density that is given at points, and linear between them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph import Const, Node, as_tensor
from probtensor.graph.node import TensorLike
from probtensor.prob.distributions.combined.parts import number_of
from probtensor.prob.distributions.discrete import chosen as at
from probtensor.prob.distributions.distribution import Distribution, element_indices
from probtensor.prob.distributions.support import REAL, Interval, Ordered, Support


@dataclass(frozen=True)
class Heights(Support):
    """Vectors (last axis) of non-negative entries, of which one is positive."""

    event_ndim: ClassVar[int] = 1

    def contains(self, x: TensorLike) -> TensorLike:
        node = isinstance(x, Node)
        every, some = (ops.all, ops.any) if node else (np.all, np.any)
        return every(x >= 0, axis=-1) & some(x > 0, axis=-1)

    def __str__(self) -> str:
        return "a vector of numbers >= 0 that are not all 0"


class Interpolated(Distribution):
    """A density that is proportional to `pdf_points` at `x_points`, which increase, and linear
    between them.

    Support: x_points[..., 0] <= x <= x_points[..., -1].
    Mean: the integral of x times the density, exact.
    Variance: the integral of (x - mean)**2 times the density, exact.
    Source: Devroye (1986), "Non-Uniform Random Variate Generation", II.2.7.
    """

    # A segment from x0 to x1, of width h, has a density p0 + (p1 - p0) t with t = (x - x0) / h, and
    # a probability h (p0 + p1) / 2.

    name = "interpolated"
    parameters: ClassVar = {"x_points": Ordered(), "pdf_points": Heights()}
    shown = ([0.0, 1.0, 3.0], [0.0, 2.0, 1.0])
    over = REAL

    def support(self, x_points, pdf_points):
        return Interval(end_of(x_points, 0), end_of(x_points, -1))

    def event_shape(self, *types):
        return ()

    def areas(self, x_points, pdf_points):
        """The areas of the segments."""
        heights = 0.5 * (pdf_points[..., 1:] + pdf_points[..., :-1])
        return heights * (x_points[..., 1:] - x_points[..., :-1])

    def segment(self, x, x_points):
        """The index of the segment that x lies in."""
        last = as_tensor(x_points.shape[-1]) - 2
        if x_points.ndim == 1:
            after = ops.searchsorted(x_points, x, side="right").astype("int64")
        else:
            after = ops.sum((x_points <= x[..., None]).astype("int64"), axis=-1)
        return ops.clip(after - 1, 0, last)

    def place(self, x, x_points, pdf_points):
        """(index of the segment, its width, t, the density at its ends)."""
        k = self.segment(x, x_points)
        low, high = at(x_points, k), at(x_points, k + 1)
        width = high - low
        return k, width, (x - low) / width, at(pdf_points, k), at(pdf_points, k + 1)

    def logpdf(self, x, x_points, pdf_points):
        _, _, t, first, last = self.place(x, x_points, pdf_points)
        total = ops.sum(self.areas(x_points, pdf_points), axis=-1)
        return ops.log(first * (1 - t) + last * t) - ops.log(total)

    def logcdf(self, x, x_points, pdf_points):
        k, width, t, first, last = self.place(x, x_points, pdf_points)
        areas = self.areas(x_points, pdf_points)
        before = at(sums_before(areas), k)
        own = width * t * (first + 0.5 * (last - first) * t)
        return ops.log(before + own) - ops.log(ops.sum(areas, axis=-1))

    def logccdf(self, x, x_points, pdf_points):
        k, width, t, first, last = self.place(x, x_points, pdf_points)
        areas = self.areas(x_points, pdf_points)
        after = at(ops.flip(sums_before(ops.flip(areas, axis=-1)), axis=-1), k)
        s = 1 - t
        own = width * s * (last + 0.5 * (first - last) * s)
        return ops.log(after + own) - ops.log(ops.sum(areas, axis=-1))

    def lower_quantile(self, log_p, x_points, pdf_points):
        areas = self.areas(x_points, pdf_points)
        before = sums_before(areas)
        wanted = ops.exp(log_p) * ops.sum(areas, axis=-1)
        # The segment in which the sum is reached; one without area reaches nothing.
        reached = (before + areas)[..., :-1] < wanted[..., None]
        k = ops.sum(reached.astype("int64"), axis=-1)
        low, high = at(x_points, k), at(x_points, k + 1)
        t = share(wanted - at(before, k), high - low, at(pdf_points, k), at(pdf_points, k + 1))
        return ops.minimum(low + t * (high - low), high)

    def upper_quantile(self, log_p, x_points, pdf_points):
        turned = -ops.flip(x_points, axis=-1), ops.flip(pdf_points, axis=-1)
        return -self.lower_quantile(log_p, *turned)

    def sample(self, key, shape, x_points, pdf_points):
        u = ops.draw_uniform(key, element_indices(shape))
        return self.lower_quantile(ops.log(u), x_points, pdf_points)

    def mean(self, x_points, pdf_points):
        return self.moment(1, x_points, pdf_points)

    def variance(self, x_points, pdf_points):
        middle = self.mean(x_points, pdf_points)
        return self.moment(2, x_points - middle[..., None], pdf_points)

    def moment(self, power: int, x_points, pdf_points):
        """The expectation of a power: on a segment, that of a polynomial of degree 3, which is
        exact by Simpson's rule."""
        width = x_points[..., 1:] - x_points[..., :-1]
        x0, x1, p0, p1 = (
            points[..., part]
            for points in (x_points, pdf_points)
            for part in (slice(None, -1), slice(1, None))
        )
        middle = (0.5 * (x0 + x1)) ** power * 0.5 * (p0 + p1)
        total = ops.sum(width * (x0**power * p0 + 4 * middle + x1**power * p1), axis=-1) / 6
        return total / ops.sum(self.areas(x_points, pdf_points), axis=-1)


def end_of(points: Node, index: int) -> object:
    """The first or the last of the points, as a number where it is one."""
    if isinstance(points.op, Const):
        return number_of(as_tensor(points.op.array[..., index]))
    return points[..., index]


def sums_before(areas: Node) -> Node:
    """The sum of the areas before each."""
    none = ops.zeros_like(areas[..., :1])
    return ops.concatenate([none, ops.cumsum(areas, axis=-1)[..., :-1]], axis=-1)


def share(area: Node, width: Node, first: Node, last: Node) -> Node:
    """The t up to which a segment has this area: the root of first t + (last - first) t^2 / 2 =
    area / width, written without cancellation."""
    wanted = ops.maximum(area, 0.0) / width
    root = ops.sqrt(ops.maximum(ops.square(first) + 2 * (last - first) * wanted, 0.0))
    below = first + root
    return ops.where(below > 0, 2 * wanted / ops.where(below > 0, below, 1.0), 0.0)
