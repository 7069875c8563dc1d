"""Series whose values follow from those before: autoregressions, and GARCH volatilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from probtensor import ops
from probtensor.calls import line_text, public
from probtensor.dataclass import dataclass
from probtensor.graph import Const, GraphError, Node
from probtensor.graph.node import TensorLike
from probtensor.ops.loops.structured import scan
from probtensor.prob.distributions.base import random_variable, to_tensor
from probtensor.prob.distributions.continuous.real import Normal
from probtensor.prob.distributions.distribution import Distribution, element_indices
from probtensor.prob.distributions.formulas import HALF_LOG_2PI
from probtensor.prob.distributions.parameters import exactly_one, variable_text
from probtensor.prob.distributions.pathwise import drawn
from probtensor.prob.distributions.processes.held import Held, absorbed_from, with_batch
from probtensor.prob.distributions.processes.lengths import Series, length_of, over_time
from probtensor.prob.distributions.processes.parts import SeriesSupport
from probtensor.prob.distributions.support import (
    NONNEGATIVE,
    POSITIVE,
    REAL,
    REAL_VECTOR,
    Support,
    Vector,
)
from probtensor.types import Size, broadcast_shapes, promote_float

Dims = str | tuple[str, ...] | list[str] | None
FIRST_SCALE = 100.0  # the standard deviation of first values of which nothing is said
UNROLLED = 16  # orders up to which the lagged products are written out
NORMAL = Normal()


@dataclass(frozen=True)
class Autoregression(Series):
    """x[t] by a normal distribution with mean c + sum_k rho[k] x[t - 1 - k]; the first `order`
    values by `init`. With `constant`, c is the first coefficient; else it is 0. With `by_lag`, the
    last batch axis of `init` is that of the first values."""

    order: int
    constant: bool
    init: Distribution
    by_lag: bool

    name = "ar"
    own: ClassVar = {"rho": REAL_VECTOR, "sigma": POSITIVE}
    holds: ClassVar = {"init": "init_dist."}

    @property
    def lead(self) -> int:
        return self.order

    @property
    def over(self) -> SeriesSupport:
        return SeriesSupport(self.init.over, REAL, self.order)

    def axis_names(self) -> dict[str, str]:
        return {}  # no axis of a parameter is that of time

    def domains(self, part: str) -> Mapping[str, Support]:
        if not self.by_lag:
            return self.init.parameters
        return {name: Vector(d) for name, d in self.init.parameters.items()}

    @property
    def increasing(self) -> tuple:
        # Between vectors of bounds, which are literals, the order is checked already.
        return () if self.by_lag else Series.increasing.function(self)

    def _first(self, own):
        """The parameters of the first values, with their axis."""
        vectors = self.by_lag or self.init.event_ndim
        return own if vectors else over_time(own, self.init.parameters)

    def support(self, *parameters):
        first = self.init.support(*self._first(self.split(parameters)[1]))
        return SeriesSupport(first, REAL, self.order)

    def _means(self, x, rho):
        """The mean of each later value, from the values before it."""
        lags = rho[..., 1:] if self.constant else rho
        order, count = self.order, x.shape[-1] - self.order
        if order <= UNROLLED:
            parts = [
                lags[..., k, None] * x[..., order - 1 - k : order - 1 - k + count]
                for k in range(order)
            ]
            total = parts[0]
            for part in parts[1:]:
                total = total + part
        else:
            places = ops.arange(count)[:, None] + ops.arange(order - 1, -1, -1)[None, :]
            total = ops.sum(x[..., places] * lags[..., None, :], axis=-1)
        return total + rho[..., 0, None] if self.constant else total

    def logpdf(self, x, *parameters):
        (rho, sigma), first = self.split(parameters)
        start = self.init.logpdf(x[..., : self.order], *self._first(first))
        if not self.init.event_ndim:
            start = ops.sum(start, axis=-1)
        (sigma,) = over_time((sigma,), {"sigma": POSITIVE})
        later = NORMAL.logpdf(x[..., self.order :], self._means(x, rho), sigma)
        return start + ops.sum(later, axis=-1)

    def sample(self, key, shape, *parameters):
        (rho, sigma), first = self.split(parameters)
        batch = self.batch_of(shape)
        whole = (*batch, self.order)
        start = drawn(self.init, ops.key_fold(key, 0), whole, *self._first(first))
        start = ops.broadcast_to(start, whole)
        later = (*batch, self.length - self.order)
        noise = ops.draw_normal(ops.key_fold(key, 1), element_indices(later))
        (scale,) = over_time((sigma,), {"sigma": POSITIVE})
        moves = ops.broadcast_to(noise * scale, later)
        if self.constant:
            moves = moves + rho[..., 0, None]
        lags = rho[..., 1:] if self.constant else rho

        def step(last, move):
            x = ops.sum(last * lags, axis=-1) + move
            return ops.concatenate([x[..., None], last[..., :-1]], axis=-1), x

        _, found = scan(step, start[..., ::-1], ops.moveaxis(moves, -1, 0))
        return self.joined(start, ops.moveaxis(found, 0, -1))


@public
def ar(rho: TensorLike, sigma: TensorLike | None = None, *, tau: TensorLike | None = None,
       constant: bool = False, init_dist: Node | None = None, steps: Size | None = None,
       ar_order: int | None = None, shape=None, name: str | None = None,
       dims: Dims = None) -> Node:  # fmt: skip
    """An autoregressive series of order p: x[t] is normal with mean rho[0] * x[t - 1] + ... +
    rho[p - 1] * x[t - p] and standard deviation `sigma` (1 by default), or precision `tau`.

    rho        the p coefficients along the last axis; with `constant` one more in front, which is
               added to the mean
    init_dist  the distribution of the first p values, a random variable without a name, of numbers
               (its last axis, if it has one, is that of these values) or of vectors of length p:
               normal(0, 100) if it is not given
    steps      the number of values after those; the length is steps + p. Else `shape` or `dims`
               give it
    ar_order   p, where the size of rho is not known

    The batch, of `rho` without its last axis, `sigma` and `init_dist`, comes before time.

    Support: all real series that begin in the support of `init_dist`.
    Mean: none in closed form.
    Variance: none in closed form.
    Source: Hamilton (1994), "Time Series Analysis", 3.4 and 5.2.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, GraphError for shapes that do not fit and where nothing gives the length.

        >>> x = pt.random.ar([0.5, 0.2], 1.0, init_dist=pt.random.normal(0, 1), steps=8)
        >>> pt.draw(x, draws=5, seed=1).shape
        (5, 10)
    """
    what = variable_text("ar", name)
    scale = _scale_of(what, sigma, tau)
    coefficients = to_tensor(f"rho of {what}", rho)
    order = _order_of(what, coefficients, bool(constant), ar_order)
    first = (NORMAL, (0.0, FIRST_SCALE))
    if init_dist is not None:
        first = with_batch(init_dist, f"init_dist of {what}")
    length = length_of(what, order, 0, steps, shape, dims)
    first, start, by_lag = _first_values(what, first, order)
    distribution = Autoregression(
        length, order, bool(constant), first, by_lag, absorbed=absorbed_from(init_dist)
    )
    return random_variable(distribution, (coefficients, scale, *start), shape, name, dims)


def _scale_of(what: str, sigma: TensorLike | None, tau: TensorLike | None) -> TensorLike:
    """The standard deviation by itself or by the precision; 1 where neither is given."""
    if sigma is None and tau is None:
        return 1.0
    if exactly_one(what, sigma=sigma, tau=tau) == "sigma":
        return sigma
    return NORMAL.alternatives["mu", "tau"](what, 0.0, tau)[1]


def _order_of(what: str, rho: Node, constant: bool, given: int | None) -> int:
    """The number of lags."""
    if not rho.ndim:
        raise GraphError(
            f"rho of {what} is a number\n  at {line_text()}\n"
            "  its last axis is that of the lags: write [rho]"
        )
    size = rho.shape[-1]
    order = size - constant if isinstance(size, int) else given
    if order is None:
        raise GraphError(
            f"{what}: the number of lags is not known\n  at {line_text()}\n  give ar_order="
        )
    if given is not None and order != given:
        raise GraphError(f"{what}: rho has {order} lags, ar_order={given}\n  at {line_text()}")
    if order < 1:
        raise GraphError(f"{what}: rho has no lag\n  at {line_text()}")
    return int(order)


def _first_values(what: str, first: Held, order: int) -> tuple[Distribution, tuple, bool]:
    """The distribution of the first values, its parameters, and whether these have an axis of first
    values."""
    law, start = first
    vectors = law.event_ndim == 1
    if law.discrete or law.event_ndim > 1:
        raise GraphError(
            f"{what}: first values by {law.name} are no real numbers\n  at {line_text()}\n"
            "  give a distribution of numbers, or of vectors"
        )
    nodes = [x for x in start if isinstance(x, Node)]
    if vectors:
        size = law.event_shape(*(x.type for x in nodes))[0]
        if isinstance(size, int) and size != order:
            raise GraphError(
                f"{what}: init_dist is of vectors of length {size}, and rho has {order} "
                f"lag{'s' * (order != 1)}\n  at {line_text()}"
            )
        return law, start, False
    if not any(x.ndim for x in nodes):
        return law, start, False
    size = broadcast_shapes(*(x.shape for x in nodes))[-1]
    if isinstance(size, int) and size not in (1, order):
        raise GraphError(
            f"{what}: the last axis of init_dist has size {size}, and rho has {order} "
            f"lag{'s' * (order != 1)}\n  at {line_text()}"
        )
    if law.increasing and not all(isinstance(x.op, Const) for x in nodes):
        raise GraphError(
            f"{what}: bounds of its first values that differ between these must be literals\n"
            f"  at {line_text()}"
        )
    return law, tuple(x if x.ndim else ops.broadcast_to(x, (order,)) for x in nodes), True


@dataclass(frozen=True)
class Garch(Series):
    """x[t] by a normal distribution with mean 0 and variance v[t], where v[0] = initial_vol^2 and
    v[t] = omega + alpha_1 x[t - 1]^2 + beta_1 v[t - 1]."""

    name = "garch11"
    own: ClassVar = {
        "omega": POSITIVE,
        "alpha_1": NONNEGATIVE,
        "beta_1": NONNEGATIVE,
        "initial_vol": POSITIVE,
    }
    over = REAL_VECTOR

    def logpdf(self, x, omega, alpha_1, beta_1, initial_vol):
        batch = broadcast_shapes(
            *(p.shape for p in (omega, alpha_1, beta_1, initial_vol)), x.shape[:-1]
        )
        first = ops.broadcast_to(ops.square(initial_vol), batch)
        first = first.astype(promote_float(x.dtype, omega.dtype))

        def step(variance, value):
            return omega + alpha_1 * ops.square(value) + beta_1 * variance, variance

        variances = ops.moveaxis(scan(step, first, ops.moveaxis(x, -1, 0))[1], 0, -1)
        terms = ops.square(x) / variances + ops.log(variances)
        return ops.sum(-0.5 * terms - HALF_LOG_2PI, axis=-1)

    def sample(self, key, shape, omega, alpha_1, beta_1, initial_vol):
        noise = ops.moveaxis(ops.draw_normal(key, element_indices(shape)), -1, 0)
        variance = ops.broadcast_to(ops.square(initial_vol), self.batch_of(shape))

        def step(variance, z):
            x = ops.sqrt(variance) * z
            return omega + alpha_1 * ops.square(x) + beta_1 * variance, x

        variance = variance.astype(noise.dtype)
        return ops.moveaxis(scan(step, variance, noise)[1], 0, -1)

    def mean(self, omega, alpha_1, beta_1, initial_vol):
        return ops.zeros((self.length,), dtype=omega.dtype)

    def variance(self, omega, alpha_1, beta_1, initial_vol):
        growth = (alpha_1 + beta_1)[..., None]
        times = ops.arange(self.length).astype(growth.dtype)
        # The sum of a geometric series, also where the growth is 1.
        rate = ops.where(ops.eq(growth, 1), 0.5, growth)
        total = ops.where(ops.eq(growth, 1), times, (1 - rate**times) / (1 - rate))
        first = ops.square(initial_vol)[..., None]
        return growth**times * first + omega[..., None] * total


@public
def garch11(omega: TensorLike, alpha_1: TensorLike, beta_1: TensorLike, initial_vol: TensorLike, *,
            steps: Size | None = None, shape=None, name: str | None = None,
            dims: Dims = None) -> Node:  # fmt: skip
    """Returns of a changing volatility, GARCH(1, 1): x[t] is normal with mean 0 and variance
    v[t] = omega + alpha_1 * x[t - 1]**2 + beta_1 * v[t - 1].

    initial_vol  the standard deviation of x[0]
    steps        the number of values after that; the length is steps + 1. Else `shape` or `dims`
                 give it

    The series is stationary for alpha_1 + beta_1 < 1, which is not demanded. Parameters have the
    shape of the batch, which comes before the axis of time.

    Support: all real series.
    Mean: 0.
    Variance: g**t * initial_vol**2 + omega * (1 - g**t) / (1 - g), where g = alpha_1 + beta_1.
    Source: Bollerslev (1986), "Generalized autoregressive conditional heteroskedasticity",
    J. Econometrics 31:307.
    Returns a random variable, a float tensor. Raises ValueError for a literal parameter outside its
    range, GraphError for shapes that do not fit and where nothing gives the length.

        >>> x = pt.random.garch11(0.1, 0.2, 0.7, initial_vol=1.0, steps=9)
        >>> pt.draw(x, draws=5, seed=1).shape
        (5, 10)
    """
    what = variable_text("garch11", name)
    length = length_of(what, 1, 0, steps, shape, dims)
    parameters = omega, alpha_1, beta_1, initial_vol
    return random_variable(Garch(length), parameters, shape, name, dims)
