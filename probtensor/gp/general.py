"""Covariance functions that depend on where the inputs are, or on what they are mapped to."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.dataclass import dataclass
from probtensor.gp.covariance import (
    Constant,
    Covariance,
    as_covariance,
    as_inputs,
    checked_dims,
    column_differences,
    parameter,
)
from probtensor.graph.node import GraphError, Node, TensorLike
from probtensor.graph.symbolic import refusal
from probtensor.prob.distributions.base import check_values, to_tensor
from probtensor.prob.distributions.support import NONNEGATIVE, REAL, Integers, Support
from probtensor.prob.model.data import literal
from probtensor.types import shape_text


@dataclass(frozen=True, eq=False)
class Polynomial(Covariance):
    """(sum (x - center) (x' - center) + offset) ** degree."""

    center: Node
    offset: Node | None
    degree: int

    def between(self, x: Node, y: Node, same: bool) -> Node:
        center = self.center.astype(x.dtype)
        return self._raised((x - center) @ ops.matrix_transpose(y - center))

    def own(self, x: Node) -> Node:
        return self._raised(ops.sum(ops.square(x - self.center.astype(x.dtype)), axis=1))

    def _raised(self, product: Node) -> Node:
        product = product if self.offset is None else product + self.offset.astype(product.dtype)
        return product if self.degree == 1 else product**self.degree


@dataclass(frozen=True, eq=False)
class Brownian(Covariance):
    """min(x, x') of one coordinate."""

    scale: Node

    def between(self, x: Node, y: Node, same: bool) -> Node:
        left, right = self.times(x), self.times(y)
        return ops.square(self.scale) * ops.minimum(left[:, None], right[None, :])

    def own(self, x: Node) -> Node:
        return ops.square(self.scale) * self.times(x)

    def times(self, x: Node) -> Node:
        """The coordinate that is read. ValueError for numbers below 0."""
        return _checked("brownian", x[:, 0], NONNEGATIVE)


@dataclass(frozen=True, eq=False)
class Gibbs(Covariance):
    """exp_quad with a length scale that is a function of the inputs."""

    lengthscale: Callable[[Node], TensorLike]

    def lengths(self, x: Node) -> Node:
        """The length scales at inputs, of the shape (N, 1) or (N, D)."""
        found = as_inputs(self.lengthscale(x), "lengthscale of gibbs")
        known = [n for n in (found.shape[1], x.shape[1]) if isinstance(n, int)]
        if len(known) == 2 and known[0] not in (1, known[1]):
            raise refusal(
                f"gibbs: lengthscale gives {shape_text(found.shape)} for inputs of shape "
                f"{shape_text(x.shape)}",
                "it gives one number an input, or one for each of its coordinates",
                kind=GraphError,
            )
        return ops.broadcast_to(found, x.shape).astype(x.dtype)

    def between(self, x: Node, y: Node, same: bool) -> Node:
        a, b = self.lengths(x), self.lengths(x if same else y)
        gaps = column_differences(x, y)
        if gaps is None:
            gap = x[:, None, :] - y[None, :, :]
            return ops.exp(ops.sum(_gibbs_term(gap, a[:, None, :], b[None, :, :]), axis=2))
        terms = [_gibbs_term(g, a[:, d][:, None], b[:, d][None, :]) for d, g in enumerate(gaps)]
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return ops.exp(total)

    def own(self, x: Node) -> Node:
        return ops.ones((x.shape[0],), dtype=x.dtype)


def _gibbs_term(gap: Node, a: Node, b: Node) -> Node:
    """The logarithm of the factor of one coordinate. The first part is 0 exactly where a = b."""
    total = ops.square(a) + ops.square(b)
    return 0.5 * ops.log1p(-ops.square(a - b) / total) - ops.square(gap) / total


@dataclass(frozen=True, eq=False)
class Warped(Covariance):
    """A covariance function of mapped inputs."""

    base: Covariance
    warp: Callable[[Node], TensorLike]

    def mapped(self, x: Node) -> Node:
        """The inputs of the inner covariance function."""
        return as_inputs(self.warp(x), "the result of warp")

    def between(self, x: Node, y: Node, same: bool) -> Node:
        u = self.mapped(x)
        return self.base.matrix(u, u if same else self.mapped(y), same)

    def own(self, x: Node) -> Node:
        return self.base.variances(self.mapped(x))


@dataclass(frozen=True, eq=False)
class Scaled(Covariance):
    """f(x) k(x, x') f(x')."""

    base: Covariance
    factor: Callable[[Node], TensorLike]

    def factors(self, x: Node) -> Node:
        """f of each input, of the shape (N,)."""
        found = to_tensor("scaled: the result of func", self.factor(x))
        if found.ndim == 2 and found.shape[1] == 1:
            found = found[:, 0]
        if found.ndim > 1:
            raise refusal(
                f"scaled: func gives {shape_text(found.shape)}, not one number an input",
                kind=GraphError,
            )
        return ops.broadcast_to(found, (x.shape[0],))

    def matrix(self, x: Node, y: Node, same: bool) -> Node:
        f = self.factors(self.active(x))
        g = f if same else self.factors(self.active(y))
        return (f[:, None] * g[None, :]) * self.base.matrix(x, y, same)

    def variances(self, x: Node) -> Node:
        return ops.square(self.factors(self.active(x))) * self.base.variances(x)


@dataclass(frozen=True, eq=False)
class Coregion(Covariance):
    """B[x, x'] of one coordinate that is the number of an output."""

    table: Node

    def between(self, x: Node, y: Node, same: bool) -> Node:
        rows, columns = self.numbers(x), self.numbers(y)
        return self.table[rows[:, None], columns[None, :]]

    def own(self, x: Node) -> Node:
        k = self.numbers(x)
        return self.table[k, k]

    def numbers(self, x: Node) -> Node:
        """The numbers of the outputs. ValueError for literals that are none."""
        count = self.table.shape[0]
        most = count - 1 if isinstance(count, int) else np.inf
        return _checked("coregion", x[:, 0], Integers(0, most)).astype("int64")


@dataclass(frozen=True, eq=False)
class Kron(Covariance):
    """The product of covariance functions of consecutive groups of coordinates."""

    parts: tuple[Covariance, ...]
    stops: tuple[int, ...]

    def matrix(self, x: Node, y: Node, same: bool) -> Node:
        total = None
        for k, a, b in zip(self.parts, (0, *self.stops), self.stops):
            found = k.matrix(x[:, a:b], y[:, a:b], same)
            total = found if total is None else total * found
        return total

    def variances(self, x: Node) -> Node:
        total = None
        for k, a, b in zip(self.parts, (0, *self.stops), self.stops):
            found = k.variances(x[:, a:b])
            total = found if total is None else total * found
        return total


def _checked(name: str, x: Node, domain: Support) -> Node:
    """A coordinate of inputs; ValueError for literals outside of a domain."""
    values = literal(x)
    if values is not None:
        check_values(f"the input of {name}", np.asarray(values, float), domain)
    return x


@public(name="gp.constant")
def constant(c: TensorLike = 1.0):
    """The covariance c, a variance, of all pairs of inputs.

    Returns a `Covariance`. Raises GraphError, a TypeError, for a parameter that is no number,
    ValueError for a negative literal.

        >>> pt.gp.constant(2.0)([0.0, 1.0]).eval()
        array([[2., 2.],
               [2., 2.]])
    """
    return Constant(parameter("c of constant", c, 0, NONNEGATIVE))


@public(name="gp.linear")
def linear(center: TensorLike = 0.0, *, active_dims=None):
    """sum((x - center) * (x' - center)): straight lines through 0 at `center`.

    Returns a `Covariance`. Raises GraphError, a TypeError, for parameters of other shapes.
    Source: Rasmussen and Williams (2006), "Gaussian Processes for Machine Learning", 4.2.2.

        >>> pt.gp.linear()([1.0, 2.0]).eval()
        array([[1., 2.],
               [2., 4.]])
    """
    own = parameter("center of linear", center, 1, REAL)
    return Polynomial(own, None, 1, active_dims=checked_dims(active_dims))


@public(name="gp.polynomial")
def polynomial(
    degree: int, offset: TensorLike = 1.0, center: TensorLike = 0.0, *, active_dims=None
):
    """(sum((x - center) * (x' - center)) + offset) ** degree.

    Returns a `Covariance`. Raises GraphError, a TypeError, for parameters of other shapes and for
    a degree that is no whole number of at least 1; ValueError for a negative offset.
    Source: Rasmussen and Williams (2006), "Gaussian Processes for Machine Learning", 4.2.2.

        >>> pt.gp.polynomial(2)([1.0, 2.0]).eval()
        array([[ 4.,  9.],
               [ 9., 25.]])
    """
    if not isinstance(degree, int) or isinstance(degree, bool) or degree < 1:
        raise refusal(
            f"polynomial: degree={degree!r:.60} is not a whole number of at least 1",
            kind=GraphError,
        )
    own = parameter("center of polynomial", center, 1, REAL)
    shift = parameter("offset of polynomial", offset, 0, NONNEGATIVE)
    return Polynomial(own, shift, degree, active_dims=checked_dims(active_dims))


@public(name="gp.brownian")
def brownian(scale: TensorLike = 1.0, *, active_dims=0):
    """scale**2 * min(x, x') of one coordinate x >= 0: Brownian motion from 0 at time 0.

    Returns a `Covariance`. Raises GraphError, a TypeError, for a parameter that is no number.
    Source: Rasmussen and Williams (2006), "Gaussian Processes for Machine Learning", B.2.1.

        >>> pt.gp.brownian()([1.0, 2.0]).eval()
        array([[1., 1.],
               [1., 2.]])
    """
    own = parameter("scale of brownian", scale, 0, NONNEGATIVE)
    return Brownian(own, active_dims=checked_dims(active_dims))


@public(name="gp.gibbs")
def gibbs(lengthscale: Callable[[Node], TensorLike], *, active_dims=None):
    """exp_quad with a length scale that depends on the input, by the function `lengthscale`. It
    takes inputs of the shape (N, D) and gives the shape (N,), (N, 1) or (N, D), all positive.

    Returns a `Covariance`. Raises GraphError, a TypeError, for what is no function; and where it is
    used, for results of another shape.
    Source: Rasmussen and Williams (2006), "Gaussian Processes for Machine Learning", 4.32.

        >>> k = pt.gp.gibbs(lambda x: 1 + x[:, 0] ** 2)
        >>> k([0.0, 1.0]).eval().round(3)
        array([[1.   , 0.732],
               [0.732, 1.   ]])
    """
    return Gibbs(_function("gibbs: lengthscale", lengthscale),
                 active_dims=checked_dims(active_dims))  # fmt: skip


@public(name="gp.warped_input")
def warped_input(cov: Covariance, warp: Callable[[Node], TensorLike], *, active_dims=None):
    """cov(warp(x), warp(x')): `warp` takes inputs of the shape (N, D) and gives others.

    Returns a `Covariance`. Raises GraphError, a TypeError, for what is no function.
    Source: Rasmussen and Williams (2006), "Gaussian Processes for Machine Learning", 4.2.3.

        >>> pt.gp.warped_input(pt.gp.linear(), pt.exp)([0.0]).eval()
        array([[1.]])
    """
    found = as_covariance(cov), _function("warped_input: warp", warp)
    return Warped(*found, active_dims=checked_dims(active_dims))


@public(name="gp.wrapped_periodic")
def wrapped_periodic(cov: Covariance, period: TensorLike, *, active_dims=None):
    """A covariance function of positions on circles: of (sin(u), cos(u)), u = 2 pi x / period, of
    each coordinate.

    Returns a `Covariance`. Raises GraphError, a TypeError, for parameters of other shapes.
    Source: Rasmussen and Williams (2006), "Gaussian Processes for Machine Learning", 4.2.3.

        >>> k = pt.gp.wrapped_periodic(pt.gp.exp_quad(), 12.0)
        >>> k([0.0], [12.0, 6.0]).eval().round(3)
        array([[1.   , 0.135]])
    """
    own = parameter("period of wrapped_periodic", period, 1)

    def warp(x: Node) -> Node:
        turns = x / own.astype(x.dtype)
        angles = 2 * math.pi * (turns - ops.rint(turns))
        return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=1)

    return Warped(as_covariance(cov), warp, active_dims=checked_dims(active_dims))


@public(name="gp.scaled")
def scaled(cov: Covariance, func: Callable[[Node], TensorLike]):
    """func(x) * cov(x, x') * func(x'): `func` takes inputs of the shape (N, D) and gives (N,).

    Returns a `Covariance`. Raises GraphError, a TypeError, for what is no function; and where it is
    used, for results of another shape.
    Source: Rasmussen and Williams (2006), "Gaussian Processes for Machine Learning", 4.2.4.

        >>> pt.gp.scaled(pt.gp.exp_quad(), lambda x: x[:, 0])([1.0, 3.0]).eval().round(3)
        array([[1.   , 0.406],
               [0.406, 9.   ]])
    """
    return Scaled(as_covariance(cov), _function("scaled: func", func))


@public(name="gp.coregion")
def coregion(
    W: TensorLike | None = None,
    kappa: TensorLike | None = None,
    *,
    B: TensorLike | None = None,
    active_dims=0,
):
    """B[x, x'], where one coordinate of an input is the number 0, 1, ... of an output, and
    B = W @ W.mT + diag(kappa). Multiplied with another covariance function it makes a process of
    several outputs (the intrinsic model of coregionalisation).

    W      shape (outputs, rank)
    kappa  a positive vector, one number an output
    B      shape (outputs, outputs), instead of both

    Returns a `Covariance`. Raises GraphError, a TypeError, for other shapes, and if not either W
    and kappa or B are given.
    Source: Alvarez, Rosasco and Lawrence (2012), "Kernels for vector-valued functions", 4.2.

        >>> pt.gp.coregion([[1.0], [2.0]], [0.5, 0.5])([0, 1]).eval()
        array([[1.5, 2. ],
               [2. , 4.5]])
    """
    if (B is None) == (W is None) or (W is None) != (kappa is None):
        raise refusal("coregion: give W and kappa, or B", kind=GraphError)
    if B is not None:
        table = to_tensor("B of coregion", B)
    else:
        w, own = to_tensor("W of coregion", W), to_tensor("kappa of coregion", kappa)
        if w.ndim != 2 or own.ndim > 1:
            raise refusal(
                f"coregion: W of shape {shape_text(w.shape)} and kappa of shape "
                f"{shape_text(own.shape)}",
                "they have the shapes (outputs, rank) and (outputs,)",
                kind=GraphError,
            )
        table = w @ ops.matrix_transpose(w)
        table = table + ops.diag(ops.broadcast_to(own, (w.shape[0],)))
    if table.ndim != 2:
        raise refusal(f"coregion: B has shape {shape_text(table.shape)}", "it is a square matrix",
                      kind=GraphError)  # fmt: skip
    return Coregion(table, active_dims=checked_dims(active_dims))


@public(name="gp.kron")
def kron(covs: Sequence[Covariance], sizes: Sequence[int] | None = None):
    """The product of covariance functions of consecutive groups of coordinates, of `sizes`
    coordinates each (None: one each). On all combinations of points of the groups, the last ones
    changing fastest, its matrix is the Kronecker product of theirs.

    Returns a `Covariance`. Raises GraphError, a TypeError, for numbers that do not fit together.
    Source: Saatci (2012), "Scalable inference for structured Gaussian process models", 5.2.

        >>> k = pt.gp.kron([pt.gp.exp_quad(), pt.gp.linear()])
        >>> k([[0.0, 1.0], [0.0, 2.0]]).eval()
        array([[1., 2.],
               [2., 4.]])
    """
    parts = tuple(map(as_covariance, covs))
    counts = tuple(sizes) if sizes is not None else (1,) * len(parts)
    whole = all(isinstance(n, int) and n > 0 for n in counts)
    if not parts or len(counts) != len(parts) or not whole:
        raise refusal(
            f"kron: {len(parts)} covariance functions and sizes={sizes!r:.60}",
            "sizes has the number of coordinates of each",
            kind=GraphError,
        )
    return Kron(parts, tuple(sum(counts[: k + 1]) for k in range(len(counts))))


def _function(what: str, value: object) -> Callable:
    if not callable(value):
        raise refusal(f"{what} is a function of inputs, not {value!r:.60}", kind=GraphError)
    return value
