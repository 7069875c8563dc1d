"""Distributions whose density a user writes."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph import Const, GraphError, Node, as_tensor, replace
from probtensor.graph.node import new_input
from probtensor.prob.distributions.distribution import Distribution, Unknown
from probtensor.prob.distributions.support import REAL, Support, Vector
from probtensor.rules.custom import custom_vjp
from probtensor.transform.autodiff import gradient
from probtensor.transform.draws import lower_draws
from probtensor.types import ShapeError, Size, TensorType, broadcast_shapes, shape_text


@dataclass(frozen=True)
class Custom(Distribution):
    """A distribution by functions of (value, *parameters) that give graphs.

    label        its name in messages
    names        of its parameters
    axes_of      the names of the axes of each parameter that are no batch axes
    core         the names of a value's own axes, or their sizes as text
    log_density  one number a point
    random       a function of the parameters and `shape` that gives random variables, or None
    log_tail     the log of the distribution function, or None
    whole        the support
    """

    label: str
    names: tuple[str, ...]
    axes_of: tuple[tuple[str, ...], ...]
    core: tuple[str, ...]
    log_density: Callable[..., Node]
    random: Callable[..., Node] | None
    log_tail: Callable[..., Node] | None
    whole: Support
    spreads_nan = False  # nan may mark what the functions leave out

    @property
    def name(self) -> str:
        return self.label

    @property
    def parameters(self) -> Mapping[str, Support]:
        return {name: reals(n) for name, n in zip(self.names, self.ndims, strict=True)}

    @property
    def ndims(self) -> list[int]:
        """The number of axes of each parameter that are no batch axes."""
        return [len(axes) for axes in self.axes_of]

    @property
    def over(self) -> Support:
        return self.whole

    @property
    def has_cdf(self) -> bool:
        return self.log_tail is not None

    @property
    def smooth_draws(self) -> bool:
        # What a user's function gives has the derivatives of any expression of random variables.
        return self.random is not None and not self.discrete

    def axis_names(self) -> dict[str, tuple[str, ...]]:
        return dict(zip(self.names, self.axes_of, strict=True))

    def event_names(self) -> tuple[str, ...]:
        return self.core

    def event_shape(self, *types: TensorType) -> tuple:
        sizes: dict[str, Size] = {}
        for label, names, t in zip(self.names, self.axes_of, types, strict=True):
            for name, n in zip(names, t.shape[t.ndim - len(names) :]):
                known = sizes.setdefault(name, n)
                if isinstance(n, int) and isinstance(known, int) and n != known:
                    raise ShapeError(
                        f"{label} of shape {shape_text(t.shape)} has {n} along {name}, another "
                        f"parameter {known}"
                    )
        return tuple(int(name) if name.isdigit() else sizes[name] for name in self.core)

    def logpdf(self, x, *parameters):
        return self.by_users("logp", self.log_density, x, parameters)

    def logcdf(self, x, *parameters):
        if self.log_tail is None:
            raise Unknown(f"{self.label} has no logcdf=")
        return self.by_users("logcdf", self.log_tail, x, parameters)

    def logccdf(self, x, *parameters):
        return ops.log1mexp(self.logcdf(x, *parameters))

    def by_users(self, what: str, function: Callable, x: Node, parameters: Sequence[Node]) -> Node:
        """What a user's function gives, one number a point."""
        found = as_tensor(function(x, *parameters))
        batches = [p.shape[: p.ndim - n] for p, n in zip(parameters, self.ndims, strict=True)]
        shape = broadcast_shapes(x.shape[: x.ndim - self.event_ndim], *batches)
        if isinstance(found.op, Const) and not found.shape:
            found = ops.broadcast_to(found, shape)
        if len(found.shape) != len(shape) or broadcast_shapes(found.shape, shape) != shape:
            raise GraphError(
                f"{what}= of {self.label} gives a tensor of shape {shape_text(found.shape)} for a "
                f"value of shape {shape_text(x.shape)}; it gives one number a point, of shape "
                f"{shape_text(shape)}"
            )
        return found if found.type.is_float else found.astype("float64")

    def sample(self, key, shape, *parameters):
        if self.random is None:
            raise Unknown(f"{self.label} has no random=, so it cannot be drawn from")
        found = as_tensor(self.random(*parameters, shape=tuple(shape)))
        (drawn,) = lower_draws([found], key)
        if len(drawn.shape) > len(shape):
            raise Unknown(
                f"random= of {self.label} gives a tensor of shape {shape_text(drawn.shape)}, not "
                f"{shape_text(shape)}"
            )
        drawn = ops.broadcast_to(drawn, tuple(shape))
        return drawn if drawn.type.is_float else drawn.astype("float64")


def fixed_draws(fn: Callable[..., Node], shape: tuple, seed: int) -> Callable[..., Node]:
    """The function of parameters that gives the draws of a program, `fn(*parameters, shape=shape)`,
    by one seed: a function of the parameters alone, with the derivatives of the draws."""
    key = ops.constant(np.uint64(seed))

    @custom_vjp
    def drawn(*own: Node) -> Node:
        return lower_draws([as_tensor(fn(*own, shape=shape))], key)[0]

    def pulled_back(own: Sequence[Node], g: Node) -> tuple[Node, ...]:
        fresh = [new_input(None, x.dtype, x.shape) for x in own]
        data = as_tensor(fn(*fresh, shape=shape))
        weight = new_input("weight", g.dtype, g.shape)
        slopes = gradient(ops.sum(weight * data), fresh, disconnected_inputs="ignore")
        # The data come first, so that their variables have the same streams.
        found = lower_draws([data, *slopes], key)[1:]
        return tuple(replace(found, dict(zip((*fresh, weight), (*own, g), strict=True))))

    drawn.defvjp(lambda *own: (drawn(*own), own), pulled_back)
    return drawn


def reals(ndim: int) -> Support:
    """Real numbers, vectors or matrices."""
    domain: Support = REAL
    for _ in range(ndim):
        domain = Vector(domain)
    return domain


def names_of(function: Callable, count: int, skipped: int = 1) -> tuple[str, ...]:
    """The names of the parameters of a function of (value, *parameters), or of these alone."""
    try:
        found = list(inspect.signature(function).parameters.values())[skipped:]
    except (TypeError, ValueError):
        found = []
    named = [p.name for p in found if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(named) < count:
        return tuple(f"parameters[{k}]" for k in range(count))
    return tuple(named[:count])


def read_signature(text: str, count: int) -> tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]:
    """The names of the axes of each parameter, and of a value, from a signature such as
    "(n),(n,n)->(n)". ValueError for a text that is none."""
    left, arrow, right = text.replace(" ", "").partition("->")
    groups = re.findall(r"\(([\w,]*)\)", left)
    exact = ",".join(f"({group})" for group in groups) == left
    if not arrow or not exact or not re.fullmatch(r"\([\w,]*\)", right):
        raise ValueError(f"signature={text!r} is not of the form '(n),(n,n)->(n)'")
    if len(groups) != count:
        raise ValueError(
            f"signature={text!r} is of {len(groups)} parameters, and {count} are given"
        )
    *axes, core = (tuple(filter(None, group.split(","))) for group in (*groups, right[1:-1]))
    for name in core:
        if not name.isdigit() and not any(name in names for names in axes):
            raise ValueError(f"signature={text!r}: no parameter has the size {name}")
    return tuple(axes), core
