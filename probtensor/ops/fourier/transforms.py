"""Ops of discrete Fourier transforms, along the last axis or the last two, without scale.

Complex numbers are pairs of reals along one more axis, the last. A transform is linear: its
derivative is the transposed one, a transform backwards. Source: Cooley and Tukey (1965),
Mathematics of Computation 19:297; the routines are SciPy's (pocketfft, or ducc).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np

from probtensor import ops
from probtensor.graph.node import Node
from probtensor.ops.kinds import Core, op
from probtensor.ops.samples import Sample
from probtensor.ops.size_laws import equal
from probtensor.process import numpy_part
from probtensor.types import Size, SizeCheck


def _normal(*shapes: tuple[int, ...]) -> tuple[Sample, ...]:
    return tuple(Sample(lambda rng, s=s: (rng.normal(size=s),)) for s in shapes)


PAIRS = _normal((5, 2), (3, 4, 2), (2, 1, 2))
PLANES = _normal((3, 4, 2), (2, 3, 5, 2), (1, 1, 2))


def _complex(x: np.ndarray) -> np.ndarray:
    return x[..., 0] + 1j * x[..., 1]


def _pairs(z: np.ndarray) -> np.ndarray:
    return np.stack([z.real, z.imag], -1)


def has_points(n: Size, least: int = 1) -> SizeCheck:
    """The check that an axis has the least number of points of which there is a transform."""
    return SizeCheck(least, "<=", n, ("a transform of an axis of ", n, f" points, not {least}"))


class Transform(Core):
    """A transform without scale; `rank` is the number of axes, `least` the smallest size of the
    last one."""

    linear = True
    for_users = False
    rounding = 1.0
    rank: ClassVar[int] = 1
    least: ClassVar[int] = 1

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        yield from super().requires(node)
        sizes = node.inputs[0].type.shape
        if self.signature()[0][0][-1] == "c":
            yield equal(sizes[-1], 2, ": complex numbers are pairs")
            sizes = sizes[:-1]
        for n in sizes[len(sizes) - self.rank : -1]:
            yield has_points(n)
        yield has_points(sizes[-1], self.least)

    @property
    def axes(self) -> tuple[int, ...]:
        """The axes, counted from the end, without that of pairs."""
        return tuple(range(-self.rank, 0))


@op
class Fft(Transform):
    """sum over j of x[j] exp(-2 pi i j k / n), along the last axis of pairs."""

    core, routine = "(n,c)->(n,c)", "pt_fft"
    samples = PAIRS

    def numpy(self, x):
        return _pairs(numpy_part("fft").fftn(_complex(x), axes=self.axes))

    def vjp(self, g, out, x):
        return (BACKWARD[self.rank](g),)


@op
class Ifft(Transform):
    """sum over j of x[j] exp(2 pi i j k / n), along the last axis of pairs."""

    core, routine = "(n,c)->(n,c)", "pt_ifft"
    samples = PAIRS

    def numpy(self, x):
        return _pairs(numpy_part("fft").ifftn(_complex(x), axes=self.axes, norm="forward"))

    def vjp(self, g, out, x):
        return (FORWARD[self.rank](g),)


@op
class Fft2(Fft):
    """`Fft` along the last two axes."""

    core, routine, rank = "(m,n,c)->(m,n,c)", "pt_fft2", 2
    samples = PLANES


@op
class Ifft2(Ifft):
    """`Ifft` along the last two axes."""

    core, routine, rank = "(m,n,c)->(m,n,c)", "pt_ifft2", 2
    samples = PLANES


class OfReals(Transform):
    """A transform of reals to pairs."""

    def derived_sizes(self, sizes):
        return {"c": 2}


@op
class FftReal(OfReals):
    """`Fft` of reals."""

    core, routine = "(n)->(n,c)", "pt_fft_real"
    samples = _normal((5,), (3, 4), (2, 1))

    def numpy(self, x):
        return _pairs(numpy_part("fft").fftn(x, axes=self.axes))

    def vjp(self, g, out, x):
        return (BACKWARD[self.rank](g)[..., 0],)


@op
class FftReal2(FftReal):
    """`Fft2` of reals."""

    core, routine, rank = "(m,n)->(m,n,c)", "pt_fft_real2", 2
    samples = _normal((3, 4), (2, 4, 3), (1, 1))


@op
class Rfft(OfReals):
    """The first n // 2 + 1 results of `Fft` of reals; the others are their conjugates."""

    core, routine = "(n)->(h,c)", "pt_rfft"
    samples = _normal((6,), (3, 5), (2, 1))

    def derived_sizes(self, sizes):
        return {"h": sizes["n"] // 2 + 1, "c": 2}

    def numpy(self, x):
        return _pairs(numpy_part("fft").rfftn(x, axes=self.axes))

    def vjp(self, g, out, x):
        n = x.shape[-1]
        if not isinstance(n, int):
            # Even or odd: the transform of all frequencies, of which the others have no weight.
            rest = ops.zeros((*g.shape[:-2], n - g.shape[-2], 2))
            whole = ops.concatenate([g, rest], -2)
            return (ops.broadcast_to(BACKWARD[self.rank](whole)[..., 0], x.shape),)
        halved = g * _weights(n, 0.5)
        return ((EVEN if n % 2 == 0 else ODD)[self.rank](halved),)


def _weights(n: int, inner: float) -> np.ndarray:
    """Of the n // 2 + 1 frequencies, 1 for those that are their own conjugates, else `inner`."""
    found = np.full((n // 2 + 1, 1), inner)
    found[0] = 1
    if n % 2 == 0:
        found[-1] = 1
    return found


@op
class Rfft2(Rfft):
    """`Rfft` along the last axis, then `Fft` along the one before."""

    core, routine, rank = "(m,n)->(m,h,c)", "pt_rfft2", 2
    samples = _normal((3, 4), (2, 4, 3), (1, 1))


class HalfToReals(Transform):
    """The reals of which the pairs are the frequencies from 0 on: `Ifft` of these and of their
    conjugates. What their symmetry excludes, as an imaginary part at 0, is not read."""

    odd: ClassVar[int]

    def derived_sizes(self, sizes):
        return {"n": 2 * sizes["h"] - 2 + self.odd}

    def numpy(self, x):
        z = _complex(x)
        shape = [z.shape[a] for a in self.axes[:-1]]
        shape.append(2 * z.shape[-1] - 2 + self.odd)
        return numpy_part("fft").irfftn(z, shape, axes=self.axes, norm="forward")

    def vjp(self, g, out, x):
        found = HALF[self.rank](g)
        h = x.shape[-2]
        places = ops.expand_dims(ops.arange(h), 1)
        own = ops.eq(places, 0)
        if not self.odd:
            own = ops.logical_or(own, ops.eq(places, h - 1))
        return (ops.broadcast_to(found * ops.where(own, 1.0, 2.0), x.shape),)


@op
class IrfftEven(HalfToReals):
    """An even number of reals from the frequencies from 0 on."""

    core, routine, odd, least = "(h,c)->(n)", "pt_irfft_even", 0, 2
    samples = _normal((4, 2), (3, 3, 2), (2, 2, 2))


@op
class IrfftOdd(HalfToReals):
    """An odd number of reals from the frequencies from 0 on."""

    core, routine, odd = "(h,c)->(n)", "pt_irfft_odd", 1
    samples = _normal((4, 2), (3, 3, 2), (2, 1, 2))


@op
class Irfft2Even(HalfToReals):
    """`Ifft` along the axis before the last, then `IrfftEven` along the last."""

    core, routine, odd, rank, least = "(m,h,c)->(m,n)", "pt_irfft_even2", 0, 2, 2
    samples = _normal((3, 3, 2), (2, 4, 2, 2))


@op
class Irfft2Odd(HalfToReals):
    """`Ifft` along the axis before the last, then `IrfftOdd` along the last."""

    core, routine, odd, rank = "(m,h,c)->(m,n)", "pt_irfft_odd2", 1, 2
    samples = _normal((3, 3, 2), (2, 4, 1, 2))


# By the number of axes.
FORWARD = {1: Fft(), 2: Fft2()}
BACKWARD = {1: Ifft(), 2: Ifft2()}
OF_REALS = {1: FftReal(), 2: FftReal2()}
HALF = {1: Rfft(), 2: Rfft2()}
EVEN = {1: IrfftEven(), 2: Irfft2Even()}
ODD = {1: IrfftOdd(), 2: Irfft2Odd()}


def size_of(x: Node, axis: int) -> Size:
    """The size of an axis of pairs, counted from the end without that of pairs."""
    return x.shape[axis - 1]
