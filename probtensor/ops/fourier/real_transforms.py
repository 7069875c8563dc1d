"""Ops of discrete cosine and sine transforms of types 1 to 4, along the last axis, without scale.

Source: Martucci (1994), IEEE Transactions on Signal Processing 42:1038.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from probtensor import ops
from probtensor.graph.node import Node
from probtensor.ops.fourier.transforms import has_points
from probtensor.ops.kinds import Core, op
from probtensor.ops.samples import Sample
from probtensor.types import SizeCheck

LENGTHS = tuple(Sample(lambda rng, s=s: (rng.normal(size=s),)) for s in ((5,), (2, 6), (3, 2)))


class RealTransform(Core):
    """A cosine or sine transform without scale along the last axis. `ends` are the elements that
    the transposed transform, of type `transposed`, weighs by 2 before (`doubled`) or 1/2 after."""

    core = "(n)->(n)"
    linear = True
    for_users = False
    rounding = 1.0
    samples = LENGTHS
    family: ClassVar[str]
    type: ClassVar[int]
    least: ClassVar[int] = 1

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        yield from super().requires(node)
        yield has_points(node.inputs[0].type.shape[-1], self.least)

    def numpy(self, x):
        import scipy.fft

        return getattr(scipy.fft, self.family)(x, self.type)

    def vjp(self, g, out, x):
        return (self.transposed(g),)

    def transposed(self, g: Node) -> Node:
        """The transposed matrix times g; those of sines of types 1 and 4 are symmetric."""
        return self(g)


def weighed(x: Node, factor: float, first: bool, last: bool) -> Node:
    """x with its first or last element, or both, along the last axis times a factor."""
    n = x.shape[-1]
    places = ops.arange(n)
    ends = [ops.eq(places, 0)] * first + [ops.eq(places, n - 1)] * last
    chosen = ends[0] if len(ends) == 1 else ops.logical_or(*ends)
    return x * ops.where(chosen, factor, 1.0)


@op
class Dct1(RealTransform):
    """x[0] + (-1)^k x[n-1] + 2 sum of the other x[j] cos(pi j k / (n - 1))."""

    family, type, routine, least = "dct", 1, "pt_dct1", 2

    def transposed(self, g: Node) -> Node:
        return weighed(self(weighed(g, 2.0, True, True)), 0.5, True, True)


@op
class Dct2(RealTransform):
    """2 sum of x[j] cos(pi k (2j + 1) / (2n))."""

    family, type, routine = "dct", 2, "pt_dct2"

    def transposed(self, g: Node) -> Node:
        return COSINES[3](weighed(g, 2.0, True, False))


@op
class Dct3(RealTransform):
    """x[0] + 2 sum of the other x[j] cos(pi (2k + 1) j / (2n))."""

    family, type, routine = "dct", 3, "pt_dct3"

    def transposed(self, g: Node) -> Node:
        return weighed(COSINES[2](g), 0.5, True, False)


@op
class Dct4(RealTransform):
    """2 sum of x[j] cos(pi (2k + 1) (2j + 1) / (4n))."""

    family, type, routine = "dct", 4, "pt_dct4"


@op
class Dst1(RealTransform):
    """2 sum of x[j] sin(pi (j + 1) (k + 1) / (n + 1))."""

    family, type, routine = "dst", 1, "pt_dst1"


@op
class Dst2(RealTransform):
    """2 sum of x[j] sin(pi (k + 1) (2j + 1) / (2n))."""

    family, type, routine = "dst", 2, "pt_dst2"

    def transposed(self, g: Node) -> Node:
        return SINES[3](weighed(g, 2.0, False, True))


@op
class Dst3(RealTransform):
    """(-1)^k x[n-1] + 2 sum of the other x[j] sin(pi (2k + 1) (j + 1) / (2n))."""

    family, type, routine = "dst", 3, "pt_dst3"

    def transposed(self, g: Node) -> Node:
        return weighed(SINES[2](g), 0.5, False, True)


@op
class Dst4(RealTransform):
    """2 sum of x[j] sin(pi (2k + 1) (2j + 1) / (4n))."""

    family, type, routine = "dst", 4, "pt_dst4"


COSINES = {1: Dct1(), 2: Dct2(), 3: Dct3(), 4: Dct4()}
SINES = {1: Dst1(), 2: Dst2(), 3: Dst3(), 4: Dst4()}
