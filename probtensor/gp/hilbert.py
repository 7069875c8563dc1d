"""Gaussian processes approximated by basis functions (Hilbert space approximation)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.dataclass import dataclass, field
from probtensor.gp.covariance import (
    Constant,
    Covariance,
    Product,
    Sum,
    as_covariance,
    as_inputs,
    columns,
)
from probtensor.gp.means import Mean, mean_at
from probtensor.gp.process import part_name
from probtensor.gp.stationary import Periodic
from probtensor.graph import GraphError, Node, as_tensor
from probtensor.graph.node import TensorLike
from probtensor.graph.symbolic import refusal
from probtensor.prob.distributions.base import deterministic, to_tensor
from probtensor.prob.model.data import literal
from probtensor.prob.random import normal
from probtensor.types import shape_text


@public(name="gp.HSGP")
@dataclass(frozen=True, eq=False)
class HSGP:
    """A Gaussian process as a sum of sine waves on a box, with independent normal coefficients
    whose variances follow from the spectral density of the covariance function. A value at N
    inputs costs N * m operations, after the basis, which depends on the data alone.

    cov     exp_quad, matern12, matern32, matern52, their sums and multiples; or periodic of one
            coordinate, whose basis is that of its Fourier series, without L, c and center
    m       the number of basis functions of each coordinate that cov reads (its `active_dims`, the
            same of all of its parts); of one coordinate a number. For the periodic one the basis
            has 2 m - 1 functions
    L       half of the width of the box, of each of these; the process is 0 on its border, so
            that it must reach well beyond the inputs
    c       instead of L: the box is that of `X` times c, at least 1; 1.2 and more is recommended
    X       the inputs that c is for; with L they are not needed
    center  the middle of the box; None is the middle of X, or 0 without X
    mean    a number, or a function of inputs

    Raises GraphError, a TypeError, for shapes that do not fit together, and covariance functions
    without a spectral density.

    Source: Solin and Sarkka (2020), "Hilbert space methods for reduced-rank Gaussian process
    regression", Statistics and Computing 30:419; Riutort-Mayol et al. (2023), "Practical Hilbert
    space approximate Bayesian Gaussian processes", Statistics and Computing 33:17.

        >>> x = np.linspace(0, 10, 50)
        >>> gp = pt.gp.HSGP(pt.gp.matern52(lengthscale=2.0), m=20, c=1.5, X=x)
        >>> f = gp.prior("f", x)
        >>> pt.draw(f, draws=4, seed=1).shape
        (4, 50)
    """

    cov: Covariance
    m: int | Sequence[int]
    L: float | Sequence[float] | None = field(default=None, kw_only=True)
    c: float | None = field(default=None, kw_only=True)
    X: TensorLike | None = field(default=None, kw_only=True)
    center: TensorLike | None = field(default=None, kw_only=True)
    mean: TensorLike | Mean = field(default=0.0, kw_only=True)

    @public(name="HSGP.prior")
    def prior(self, name: str, X: TensorLike, z: TensorLike | None = None, *, dims=None) -> Node:
        """The values of the process at inputs as part of a model.

        z  standard normal coefficients, as of another call, so that both are values of one
           function: `f_new` at other inputs, for predictions. None makes variables `{name}_z`

        Returns a tensor of the shape (N,), a `pt.deterministic` of that name.

            >>> gp = pt.gp.HSGP(pt.gp.exp_quad(), m=10, L=5.0)
            >>> z = pt.random.normal(0, 1, shape=gp.size, name="z")
            >>> f, f_new = gp.prior("f", [0.0, 1.0], z), gp.prior("f_new", [2.0], z)
        """
        x = as_inputs(X, "X")
        basis, root = self.prior_linearized(X)
        if z is None:
            z = normal(0.0, 1.0, shape=(self.size,), name=part_name(name, "z"))
        given = to_tensor("HSGP.prior: z", z)
        if given.shape != (self.size,):
            raise refusal(
                f"HSGP.prior: z has shape {shape_text(given.shape)}, and there are {self.size} "
                "basis functions",
                kind=GraphError,
            )
        return deterministic(mean_at(self.mean, x) + basis @ (root * given), name, dims)

    @public(name="HSGP.prior_linearized")
    def prior_linearized(self, X: TensorLike) -> tuple[Node, Node]:
        """The basis functions at inputs, and the standard deviations of their coefficients.

        Returns a pair of tensors of the shapes (N, size) and (size,): the process is
        mean + basis @ (root * z).

            >>> basis, root = pt.gp.HSGP(pt.gp.exp_quad(), m=10, L=5.0).prior_linearized([0.0, 1.0])
            >>> basis.shape, root.shape
            ((2, 10), (10,))
        """
        x = as_inputs(X, "X")
        if isinstance(self.cov, Periodic):
            return self._periodic(self.cov.active(x))
        counts, read = self._counts(), self._coordinates(x)
        x = columns(x, read)
        if isinstance(x.shape[1], int) and x.shape[1] != len(counts):
            raise refusal(
                f"HSGP: m={self.m} is for {len(counts)} coordinates, and X has shape "
                f"{shape_text(x.shape)}" + ("" if read is None else f", active_dims={read}"),
                "give m for each coordinate, as m=(20, 20)",
                kind=GraphError,
            )
        center, widths = self._box(len(counts), read)
        if not isinstance(X, Node):
            _check_inside(x, center, widths)
        numbers = np.array(list(itertools.product(*(range(1, n + 1) for n in counts))), float)
        omega = as_tensor(math.pi / 2 * numbers) / widths
        basis = None
        for d in range(len(counts)):
            own = x[:, d] - center[d] + widths[d]
            wave = ops.sin(own[:, None] * omega[:, d][None, :]) / ops.sqrt(widths[d])
            basis = wave if basis is None else basis * wave
        return basis, ops.sqrt(as_covariance(self.cov).spectral_density(omega))

    def _coordinates(self, x: Node) -> tuple[int, ...] | None:
        """The coordinates that the covariance function reads; None for all of them."""
        found = _active_dims(as_covariance(self.cov))
        if isinstance(x.shape[1], int):
            every = tuple(range(x.shape[1]))
            found = {every if dims is None else dims for dims in found}
        if len(found) > 1:
            raise refusal(
                "HSGP: the parts of the covariance function read different coordinates",
                "make an HSGP of each part, and add their values",
                kind=GraphError,
            )
        return next(iter(found), None)

    @property
    def size(self) -> int:
        """The number of basis functions."""
        counts = self._counts()
        return 2 * counts[0] - 1 if isinstance(self.cov, Periodic) else math.prod(counts)

    def _counts(self) -> tuple[int, ...]:
        """m of each coordinate."""
        counts = (self.m,) if isinstance(self.m, int) else tuple(self.m)
        if not counts or not all(isinstance(n, (int, np.integer)) and n > 0 for n in counts):
            raise refusal(
                f"HSGP: m={self.m!r:.60} is no number of basis functions", kind=GraphError
            )
        return tuple(map(int, counts))

    def _box(self, count: int, read: tuple[int, ...] | None) -> tuple[Node, Node]:
        """The middle of the box, and half of its width along each coordinate that is read."""
        x = None if self.X is None else columns(as_inputs(self.X, "X of HSGP"), read)
        if (self.L is None) == (self.c is None) or (self.c is not None and x is None):
            raise refusal("HSGP: give L, or c and X", kind=GraphError)
        if self.c is not None and not self.c >= 1:
            raise refusal(f"HSGP: c={self.c} is below 1: the box lacks some of X", kind=ValueError)
        low, high = (None, None) if x is None else (ops.min(x, axis=0), ops.max(x, axis=0))
        if self.center is not None:
            center = ops.broadcast_to(to_tensor("HSGP: center", self.center), (count,))
        else:
            center = ops.zeros((count,)) if x is None else 0.5 * (low + high)
        if self.L is not None:
            widths = to_tensor("HSGP: L", self.L).astype("float64")
        else:
            widths = self.c * ops.maximum(high - center, center - low)
        return center, ops.broadcast_to(widths, (count,))

    def _periodic(self, x: Node) -> tuple[Node, Node]:
        """The Fourier series: exp((cos(u) - 1) / l**2) = sum of ive(k, 1 / l**2) cos(k u)."""
        own, (count,) = self.cov, self._counts()
        if own.period.ndim or own.lengthscale.ndim or x.shape[1] != 1:
            raise refusal("HSGP: periodic is for one coordinate", kind=GraphError)
        k = np.arange(count)
        turns = (2 * math.pi / own.period) * x
        waves = turns * as_tensor(k.astype(float))[None, :]
        basis = ops.concatenate([ops.cos(waves), ops.sin(waves[:, 1:])], axis=1)
        times = np.where(k == 0, 1.0, 2.0)
        power = ops.stack([ops.ive(int(j), 1 / ops.square(own.lengthscale)) for j in k])
        root = ops.sqrt(times * power)
        root = root if own.scale is None else own.scale * root
        return basis, ops.concatenate([root, root[1:]])


# Of the recommendations: the least number of basis functions is `share` * c * S / lengthscale, and
# the least c is `reach` * lengthscale / S, for inputs from -S to S.
RECOMMENDED = {"exp_quad": (1.75, 3.2), "matern52": (2.65, 4.1), "matern32": (3.42, 4.5)}


@public(name="gp.hsgp_parameters")
def hsgp_parameters(
    x_range: Sequence[float], lengthscale_range: Sequence[float], cov: str = "exp_quad"
) -> tuple[int, float]:
    """What is recommended for an `HSGP` of one coordinate: for inputs in a range, and length scales
    from a small to a large one.

    x_range            the least and the largest input
    lengthscale_range  the least and the largest length scale that the data may have
    cov                "exp_quad", "matern52" or "matern32"

    Returns a pair (m, c). Raises GraphError, a TypeError, for another `cov`, ValueError for numbers
    that are not in order.
    Source: Riutort-Mayol et al. (2023), "Practical Hilbert space approximate Bayesian Gaussian
    processes", Statistics and Computing 33:17, 4.2.

        >>> pt.gp.hsgp_parameters((0.0, 10.0), (1.0, 4.0))
        (23, 2.56)
    """
    if cov not in RECOMMENDED:
        raise refusal(f"hsgp_parameters: cov={cov!r:.60}", f"it is one of {', '.join(RECOMMENDED)}",
                      kind=GraphError)  # fmt: skip
    low, high = map(float, x_range)
    short, long = map(float, lengthscale_range)
    if not low < high or not 0 < short <= long:
        raise refusal(
            f"hsgp_parameters: x_range={x_range!r:.60} and lengthscale_range="
            f"{lengthscale_range!r:.60} are not in order",
            kind=ValueError,
        )
    share, reach = RECOMMENDED[cov]
    half = 0.5 * (high - low)
    c = max(reach * long / half, 1.2)
    return math.ceil(share * c * half / short), c


def _active_dims(cov: Covariance) -> set[tuple[int, ...] | None]:
    """The coordinates that the parts of a covariance function read."""
    if isinstance(cov, (Sum, Product)):
        return {dims for part in cov.parts for dims in _active_dims(part)}
    return set() if isinstance(cov, Constant) else {cov.active_dims}


def _check_inside(inputs: Node, center: Node, widths: Node) -> None:
    """ValueError for inputs of arrays outside a box of given numbers."""
    x, middle, half = map(literal, (inputs, center, widths))
    if middle is None or half is None:
        return
    beyond = np.abs(x - middle) > half
    if beyond.any():
        raise refusal(
            f"HSGP: the input {x[beyond.any(1)][0]} lies outside the box",
            "give a larger L, or c and X with the widest inputs",
            kind=ValueError,
        )
