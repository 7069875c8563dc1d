"""The base class of distributions.

A `Distribution` states mathematics only: parameters with their supports, its own support, a draw as
a pure function of a key, log density, distribution function and quantiles, moments. All else is
implemented once for all of them (`base.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph import Node, as_tensor
from probtensor.graph.node import TensorLike
from probtensor.prob.distributions.support import REAL, Support
from probtensor.types import (
    Shape,
    ShapeError,
    Size,
    SizeCheck,
    TensorType,
    broadcast_shapes,
    shape_text,
    size_product,
)

LOG_HALF = math.log(0.5)
LOG_LEAST = -744.0  # below it exp is 0


class Unknown(Exception):
    """A distribution has no such thing, or no formula for it is known here; the message says which.
    Who asks for it on behalf of a user makes of it a GraphError, with the variable and its line."""


@dataclass(frozen=True)
class Distribution:
    """The base of all distributions. They have no fields: all instances of a class are equal.

    `parameters` maps each parameter to its support. `logpdf(x, *parameters)` may assume that all
    arguments lie in their supports; it gives one number per point. A model's density is zero where
    a parameter leaves its support, which is checked unless it can be proved not to happen.
    """

    name: ClassVar[str] = ""
    parameters: ClassVar[Mapping[str, Support]] = {}
    over: ClassVar[Support] = REAL
    indexes: ClassVar[bool] = False  # the value is used as an index, so it stays an integer
    improper: ClassVar[bool] = False  # the density has no finite integral
    has_atoms: ClassVar[bool] = False  # single real numbers have positive probability
    has_infinite: ClassVar[bool] = False  # an infinite value has positive probability
    # The support has a gap, over which draws jump as parameters change.
    has_gaps: ClassVar[bool] = False
    absorbed: ClassVar[tuple] = ()  # the variables whose distributions are parts of this one
    # Pairs of parameters of which the second is the larger one, and whether they may be equal.
    increasing: ClassVar[tuple[tuple[str, str, bool], ...]] = ()
    defaults: ClassVar[Mapping[str, float]] = {}  # of parameters that need not be given
    # Names of other parametrisations -> what makes the parameters of (text for messages, *values),
    # or (another class, its parameters).
    alternatives: ClassVar[Mapping[tuple[str, ...], Callable]] = {}
    shown: ClassVar[tuple[float, ...]] = ()  # parameters in the example of the documentation
    shown_event: ClassVar[tuple[int, ...]] = ()  # the event shape there
    # The parameters mu and sigma of mu + sigma z (with None for mu, of sigma z), for real and for
    # positive z; of exp(mu + sigma z) for a log-normal one.
    location_scale: ClassVar[tuple[str | None, str] | None] = None
    propagates_nan: ClassVar[bool] = False  # draws are nan for parameters out of range
    # Whether a draw is a smooth function of the parameters, and of numbers whose distributions do
    # not depend on these or that move with them (`pathwise.drawn`); with which ones it jumps.
    smooth_draws: ClassVar[bool] = False
    steps: ClassVar[tuple[str, ...]] = ()
    spreads_nan: ClassVar[bool] = True  # results are nan where a value or a parameter is
    takes_missing: ClassVar[bool] = False  # an observed nan is missing and is integrated out
    # The names of the axes of a point of each parameter, and of a value: axes of one name have one
    # size. Where nothing is said, all are called n.
    axes: ClassVar[Mapping[str, str]] = {}
    event: ClassVar[str] = ""

    def support(self, *parameters: Node) -> Support:
        """The support; `over` unless it depends on the parameters."""
        return self.over

    def logpdf(self, x: Node, *parameters: Node) -> Node:
        """Log density or log mass at `x` inside the support; one number per point."""
        raise Unknown(f"the density of {self.name} is not known here")

    def logcdf(self, x: Node, *parameters: Node) -> Node:
        """Log of the probability of values up to and including `x`, exact where it is small."""
        raise Unknown(f"the distribution function of {self.name} is not known here")

    def logccdf(self, x: Node, *parameters: Node) -> Node:
        """Log of the probability of values above `x`, exact where it is small."""
        raise Unknown(f"the distribution function of {self.name} is not known here")

    def lower_quantile(self, log_p: Node, *parameters: Node) -> Node:
        """The least value with a `logcdf` of at least `log_p`, which is at most log(1/2)."""
        raise Unknown(f"the quantiles of {self.name} are not known here")

    def upper_quantile(self, log_p: Node, *parameters: Node) -> Node:
        """The least value with a `logccdf` of at most `log_p`, which is at most log(1/2)."""
        raise Unknown(f"the quantiles of {self.name} are not known here")

    def log_between(self, low: Node | None, high: Node | None, *parameters: Node) -> Node:
        """Log of the probability of values from `low` to `high` inside the support; at most one of
        these may be None, for no bound. It is a difference in the tail in which both are smaller.
        """
        if low is None:
            return self.logcdf(high, *parameters)
        if high is None:
            return self.logccdf(low, *parameters)
        above = self.logcdf(low, *parameters) > LOG_HALF
        more = ops.where(above, self.logccdf(low, *parameters), self.logcdf(high, *parameters))
        less = ops.where(above, self.logccdf(high, *parameters), self.logcdf(low, *parameters))
        # A share below e^-340 is negligible, and its second derivative would be inf / inf.
        return more + ops.log1mexp(ops.maximum(less - more, -340.0))

    def sample_between(
        self,
        key: Node,
        shape: Sequence[Size],
        low: Node | None,
        high: Node | None,
        *parameters: Node,
    ) -> Node:
        """A draw, as by `sample`, of the distribution truncated to that interval."""
        u = ops.draw_uniform(key, element_indices(shape))
        return self.quantile_between(u, low, high, *parameters)

    def quantile_between(
        self, u: Node, low: Node | None, high: Node | None, *parameters: Node
    ) -> Node:
        """The value below which the distribution truncated to that interval has the probability
        `u`, found in the tail in which both bounds are."""
        none, one = as_tensor(-math.inf), as_tensor(0.0)
        below = none if low is None else self.logcdf(low, *parameters)
        upto = one if high is None else self.logcdf(high, *parameters)
        beyond = none if high is None else self.logccdf(high, *parameters)
        over = one if low is None else self.logccdf(low, *parameters)
        above = below > LOG_HALF
        more, less = ops.where(above, over, upto), ops.where(above, beyond, below)
        # A share of the interval is added to the smaller tail.
        share = ops.where(above, 1 - u, u)
        log_p = more + ops.log(share + (1 - share) * ops.exp(less - more))
        return self.quantile(log_p, above, *parameters)

    def quantile(self, log_p: Node, above: TensorLike, *parameters: Node) -> Node:
        """The quantile of the log of a probability of any size: below the value, or above it where
        `above` is true."""
        small = log_p <= LOG_HALF
        rest = ops.log1mexp(ops.where(small, -1.0, log_p))
        lower = ops.logical_xor(small, above)
        part = ops.where(small, log_p, rest)
        return ops.where(
            lower,
            self.lower_quantile(ops.where(lower, part, -1.0), *parameters),
            self.upper_quantile(ops.where(lower, -1.0, part), *parameters),
        )

    def sample(self, key: Node, shape: Sequence[Size], *parameters: Node) -> Node:
        """A draw of the given shape, a pure function of the key; undefined if a parameter lies
        outside its support. Discrete draws are float64, nan where there is no draw."""
        raise Unknown(f"{self.name} has no proper density, so it cannot be drawn from")

    def sized(self, event: tuple[Size, ...]) -> Distribution:
        """The distribution of points of this shape, for moments that depend on it where parameters
        do not give it."""
        return self

    def mean(self, *parameters: Node) -> Node:
        """The expectation; nan where there is none."""
        raise Unknown(f"no mean of {self.name} is known here")

    def variance(self, *parameters: Node) -> Node:
        """The variance of each entry; inf or nan where there is none."""
        raise Unknown(f"no variance of {self.name} is known here")

    def mode(self, *parameters: Node) -> Node:
        """A value of the highest density; nan where there is none."""
        raise Unknown(f"the mode of {self.name} is not known here")

    def entropy(self, *parameters: Node) -> Node:
        """The expectation of minus the log density, in nats."""
        raise Unknown(f"the entropy of {self.name} is not known here")

    @property
    def has_cdf(self) -> bool:
        """Whether there is a formula of the distribution function."""
        return type(self).logcdf is not Distribution.logcdf

    @property
    def event_ndim(self) -> int:
        return self.over.event_ndim

    @property
    def discrete(self) -> bool:
        return self.over.discrete

    def axis_names(self) -> dict[str, str]:
        """The names of the axes of a point of each parameter."""
        domains = self.parameters.items()
        return {name: self.axes.get(name, "n" * domain.event_ndim) for name, domain in domains}

    def event_names(self) -> str:
        """The names of the axes of a point of a value."""
        return self.event or "n" * self.event_ndim

    def event_shape(self, *types: TensorType) -> tuple:
        """The event shape; None for sizes that no parameter has."""
        sizes: dict[str, Size] = {}
        texts: dict[str, str] = {}
        for (label, names), t in zip(self.axis_names().items(), types, strict=True):
            own = f"{label} of shape {shape_text(t.shape)}"
            for name, n in zip(names, t.shape[t.ndim - len(names) :]):
                known, first = sizes.setdefault(name, n), texts.setdefault(name, own)
                if isinstance(n, int) and isinstance(known, int) and n != known:
                    raise ShapeError(f"{own} does not fit {first}")
        return tuple(sizes.get(name) for name in self.event_names())

    def size_laws(self, name: str, shape: Shape) -> Iterable[SizeCheck]:
        """What else must hold of the shape of a variable, which is called `name` in messages."""
        return ()

    def batch_shape(self, *types: TensorType) -> tuple:
        """The shape that the parameters broadcast to, without their own event axes."""
        if not any(t.shape for t in types):
            return ()
        domains = self.parameters.values()
        try:
            return broadcast_shapes(
                *(t.shape[: t.ndim - d.event_ndim] for t, d in zip(types, domains, strict=True))
            )
        except ShapeError as error:
            shapes = ", ".join(
                f"{name} {shape_text(t.shape)}"
                for name, t in zip(self.parameters, types, strict=True)
            )
            raise ShapeError(f"the parameters do not broadcast ({error}): {shapes}") from None


def element_indices(shape: Sequence[Size]) -> Node:
    """0, 1, 2, ... in the given shape: the counter of each entry of a draw."""
    return ops.reshape(ops.arange(size_product(shape)), tuple(shape))


def share_of(log_p: Node) -> Node:
    """exp(log_p), for quantiles of shares: nan where it is positive and underflows to 0."""
    lost = (log_p < LOG_LEAST) & ops.isfinite(log_p)
    return ops.where(lost, math.nan, ops.exp(log_p))
