"""The node of a random variable: shapes, names, checks and messages, for all distributions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

import numpy as np

from probtensor import ops
from probtensor.calls import line_text, public
from probtensor.dataclass import dataclass, field, replace
from probtensor.graph import Const, GraphError, Node, as_tensor, line_of
from probtensor.graph.node import Frozen, TensorLike, make
from probtensor.late import late
from probtensor.ops.arrays.views import size_tuple
from probtensor.ops.kinds import Composite, Random, as_tensor_of, weak_operand
from probtensor.ops.size_laws import repeated_to
from probtensor.prob.distributions.checked_draw import (
    bound_requirements,
    checked_draw,
    order_requirements,
    order_text,
    outside_support,
    parameter_requirements,
)
from probtensor.prob.distributions.distribution import Distribution, Unknown
from probtensor.prob.distributions.pathwise import (
    draw_slopes,
    has_pathwise,
    moves,
    moving,
    why_fixed,
)
from probtensor.prob.distributions.support import (
    Interval,
    Ordered,
    Support,
    attach_bounds,
    detach_bounds,
    intersect,
)
from probtensor.prob.distributions.truncation import (
    NOT_EXCHANGEABLE,
    exchangeable,
    log_constraint_probability,
    sorted_entries,
    truncation_bounds,
)
from probtensor.process import new_uid
from probtensor.types import (
    Dim,
    ShapeError,
    Size,
    SizeCheck,
    TensorType,
    broadcast_shapes,
    promote_float,
    shape_text,
)

centring = late("probtensor.prob.bijectors.centring")


@dataclass(frozen=True)
class RandomVariable(Random):
    """A draw from a distribution whose parameters are the node's inputs.

    `uid` distinguishes two variables with equal fields and inputs; nothing visible depends on it.
    Bounds of `constraint` that are tensors are inputs too, after the parameters. The last input of
    a `weighted` variable is what its term of a log density is multiplied by. `centering` has for
    each entry how far a sampler's coordinates are centred (see `bijectors/centring.py`).
    """

    distribution: Distribution
    batch: tuple
    uid: str = field(repr=False)
    label: str | None = None
    dims: tuple[str, ...] | None = None
    constraint: Support | None = None
    event: tuple = ()  # the event shape, where parameters do not give it
    weighted: bool = False
    centering: Frozen | None = None
    complete: ClassVar[bool] = True

    def infer(self, *types: TensorType) -> TensorType:
        distribution = self.distribution
        types, bounds = self.parameters_of(types), self.bounds_of(types)
        for bound in bounds:
            # An ordered vector has one bound for all its entries.
            room = self.batch[: len(self.batch) - self.constraint.event_ndim]
            if not broadcasts_to(bound.shape, room):
                raise ShapeError(
                    f"a bound of shape {shape_text(bound.shape)} does not fit a variable of shape "
                    f"{shape_text(self.batch)}"
                )
        given = distribution.batch_shape(*types)
        if len(broadcast_shapes(self.batch, given)) != len(self.batch):
            raise ShapeError(
                f"shape {shape_text(self.batch)} has no room for parameters of shape "
                f"{shape_text(given)}"
            )
        for own in self._batches(types) if given else ():
            for n, m in zip(own[::-1], self.batch[::-1]):
                if isinstance(n, int) and isinstance(m, int) and n not in (1, m):
                    raise ShapeError(
                        f"shape {shape_text(self.batch)} does not hold parameters of shape "
                        f"{shape_text(own)}"
                    )
        event = self.event or distribution.event_shape(*types)
        dtype = "int64" if distribution.discrete else types[0].dtype if types else "float64"
        return TensorType(dtype, (*self.batch, *event))

    def parameters_of(self, inputs: Sequence[TensorLike]) -> tuple[TensorLike, ...]:
        """The inputs that are parameters of the distribution."""
        return tuple(inputs[: len(self.distribution.parameters)])

    def bounds_of(self, inputs: Sequence[TensorLike]) -> tuple[TensorLike, ...]:
        """The inputs that are bounds of the constraint."""
        return tuple(inputs[len(self.distribution.parameters) : len(inputs) - self.weighted])

    def _batches(self, types: Sequence[TensorType]) -> list[tuple]:
        """The batch shape of each parameter."""
        domains = self.distribution.parameters.values()
        return [t.shape[: t.ndim - d.event_ndim] for t, d in zip(types, domains, strict=True)]

    def requires(self, node: Node) -> Iterator[SizeCheck]:
        for check in self._requires(node):
            yield replace(check, message=(*check.message, f"\n  at {line_of(node)}"))

    def _requires(self, node: Node) -> Iterator[SizeCheck]:
        distribution, name = self.distribution, display_name(self.distribution, self.label)
        into = "which does not broadcast to that of the variable,"
        named = self.named(node.inputs)
        batches = self._batches([x.type for x in named.values()])
        for label, own in zip(named, batches, strict=True):
            yield from repeated_to(own, self.batch, f"{label} of {name} has shape", into)
        for bound in self.bounds_of(node.inputs):
            room = self.batch[: len(self.batch) - self.constraint.event_ndim]
            yield from repeated_to(bound.shape, room, f"a bound of {name} has shape", into)
        event = distribution.event_names()
        sizes = dict(zip(event, node.shape[node.ndim - len(event) :]))
        for label, names in distribution.axis_names().items():
            shape = named[label].shape
            for axis, n in zip(names, shape[len(shape) - len(names) :]):
                if axis in sizes:
                    text = (f"{label} of {name} has shape ", shape, ", the variable ", node.shape)
                    yield SizeCheck(n, "==", sizes[axis], text)
                sizes.setdefault(axis, n)
        yield from distribution.size_laws(name, node.shape)

    def named(self, inputs: Sequence[TensorLike]) -> dict[str, TensorLike]:
        """The parameters by name."""
        return dict(zip(self.distribution.parameters, self.parameters_of(inputs), strict=True))

    def support(self, *inputs: Node) -> Support:
        """The distribution's support, intersected with `constraint=`."""
        own = self.distribution.support(*self.parameters_of(inputs))
        return (
            own
            if self.constraint is None
            else intersect(own, attach_bounds(self.constraint, inputs))
        )

    def draw(self, variable: Node, key: Node, inputs: Sequence[Node]) -> Node:
        distribution = self.distribution
        try:
            value = self.drawn(variable, key, inputs)
        except Unknown as error:
            reason = str(error)
            if self.constraint is not None:
                held = attach_bounds(self.constraint, variable.inputs)
                reason = (
                    f"{display_name(distribution, self.label)} cannot be drawn under constraint=, "
                    f"as {held}: {reason}"
                )
            raise GraphError(f"{reason}\n  made at {line_of(variable)}") from None
        value = ops.broadcast_to(value, variable.shape)
        rows = zip(distribution.parameters, inputs, distribution.parameters.values(), strict=False)
        requirements = [
            *parameter_requirements(tuple(rows), distribution.discrete),
            *order_requirements(distribution, self.parameters_of(inputs)),
            *bound_requirements(self.support(*inputs)),
        ]
        return checked_draw(
            value, distribution, display_name(distribution, self.label), requirements
        ).astype(variable.dtype)

    def drawn(self, variable: Node, key: Node, inputs: Sequence[Node]) -> Node:
        """A draw under the constraint; parameters must lie in their supports."""
        distribution, shape, own = self.distribution, variable.shape, self.parameters_of(inputs)
        if self.constraint is None or distribution.improper:
            return moving(distribution, distribution.sample(key, shape, *own), own)
        support, held = distribution.support(*own), attach_bounds(self.constraint, inputs)
        if not isinstance(held, Ordered):
            low, high = truncation_bounds(held, support, intersect(support, held), variable.dtype)
        elif not exchangeable(variable):
            raise Unknown(NOT_EXCHANGEABLE)
        else:
            above = Interval(intersect(support, held).low)
            low, high = truncation_bounds(Interval(held.low), support, above, variable.dtype)
            low = low[..., None] if low is not None and low.ndim else low
        if low is None and high is None:
            value = moving(distribution, distribution.sample(key, shape, *own), own)
        else:
            value = distribution.sample_between(key, shape, low, high, *own)
            value = value if low is None else ops.maximum(value, low)
            value = value if high is None else ops.minimum(value, high)
        return sorted_entries(value) if isinstance(held, Ordered) else value

    def log_probability(self, variable: Node, inputs: Sequence[Node]) -> Node | None:
        """Log of the probability of the constrained set, per entry; see
        `log_constraint_probability`."""
        distribution, own = self.distribution, self.parameters_of(inputs)
        if self.constraint is None:
            return None
        support, held = distribution.support(*own), attach_bounds(self.constraint, inputs)
        return log_constraint_probability(
            distribution, held, support, intersect(support, held), variable, own
        )

    def text(self) -> str:
        return self.distribution.name

    def user_name(self) -> str:
        return self.distribution.name

    def call_text(self, operands: Sequence[str]) -> str:
        return f"{self.user_name()}({', '.join(operands)})"

    @property
    def differentiable(self) -> bool:
        """Whether draws have derivatives by the parameters."""
        return moves(self.distribution)

    @property
    def moves(self) -> bool:
        """Whether draws have derivatives by all parameters."""
        kind = self.distribution
        return self.differentiable and (has_pathwise(kind) or not kind.steps)

    @property
    def no_derivative(self) -> str:
        return why_fixed(self.distribution)

    def vjp(self, g, out, *inputs):
        shown = display_name(self.distribution, self.label)
        return (*draw_slopes(self, g, out, inputs, shown), *(None for _ in range(self.weighted)))


@dataclass(frozen=True)
class Deterministic(Composite):
    """The identity, which gives an expression a name and dims."""

    label: str
    dims: tuple[str, ...] | None = None
    linear: ClassVar[bool] = True

    def infer(self, x: TensorType) -> TensorType:
        return x

    def expand(self, x: Node) -> Node:
        return x

    def numpy(self, x):
        return x

    def vjp(self, g, out, x):
        return (g,)


@dataclass(frozen=True)
class Potential(Deterministic):
    """A named term of a log density."""

    label: str | None = None


@dataclass(frozen=True)
class Bounded(Composite):
    """A parameter of an alternative parametrisation: nan outside its domain, because the parameters
    computed from it may be valid nevertheless. A model uses the value and checks it separately."""

    what: str
    domain: Support

    def infer(self, x: TensorType) -> TensorType:
        return x

    def expand(self, x: Node) -> Node:
        inside = self.domain.contains(x)
        missing = x.ndim - inside.ndim
        return ops.where(inside[(..., *(None,) * missing)] if missing else inside, x, math.nan)

    def numpy(self, x):
        return np.where(self.domain.contains(x), x, math.nan) if not self.domain.event_ndim else x

    def refused(self, line, x):
        inside = self.domain.contains(x)
        return None if np.all(inside) else outside_support(self.what, x, inside, self.domain, line)

    def vjp(self, g, out, x):
        return (g,)


@public
def deterministic(
    expression: TensorLike, name: str, dims: str | Sequence[str] | None = None
) -> Node:
    """`expression` under a name: a model reports its value with each draw.

    Returns a tensor of the type of `expression`.
    Raises GraphError, a TypeError, for a name that is no text and for `dims` that are not one an
    axis.

        >>> z = pt.random.normal(0, 1, name="z")
        >>> theta = pt.deterministic(2 * z + 1, name="theta")
    """
    label = checked_name("deterministic", name)
    node = to_tensor(f"deterministic {label!r:.60}", expression)
    if label is None:
        raise GraphError(
            f"deterministic: needs a name under which it is reported\n  at {line_text()}"
        )
    return make(Deterministic(label, checked_dims(repr(label), dims, node.ndim)), (node,))


@public
def potential(expression: TensorLike, name: str | None = None) -> Node:
    """A term to add to the log density of a model: `condition(..., potentials=[...])`. It is summed
    over all axes.

    Returns a tensor of the type of `expression`.
    Raises GraphError, a TypeError, for a name that is no text.

        >>> z = pt.random.normal(0, 1, name="z")
        >>> penalty = pt.potential(-z**4, name="penalty")
    """
    term = to_tensor("potential" if name is None else f"potential {name!r:.60}", expression)
    if term.dtype == "bool":
        raise GraphError(
            f"potential: {term.described} is true or false, and a term of a log density is a "
            f"number\n  at {line_text()}\n  write pt.where(condition, 0.0, -np.inf) for a "
            "density of zero where the condition does not hold"
        )
    return make(Potential(checked_name("potential", name)), (term,))


def checked_name(what: str, name: object) -> str | None:
    """The name, which must be a string or None."""
    if name is not None and not isinstance(name, str):
        raise GraphError(f"{what}: name must be a string, not {name!r:.60}\n  at {line_text()}")
    return name


def random_variable(
    distribution: Distribution,
    parameters: Sequence[TensorLike],
    shape: Size | Sequence[Size] | None = None,
    name: str | None = None,
    dims: str | Sequence[str] | None = None,
    constraint: Support | None = None,
    centered: bool | float | np.ndarray = True,
) -> Node:
    """The node of a new random variable.

    `shape` is that of the value; without it the parameters' shape, extended to the left by the
    sizes of `dims`. What parameters do not give of the shape of a point are the last sizes of
    `shape`, or of `dims`. `centered` is true, false, or numbers between.
    Raises ValueError for literal parameters outside their support and GraphError where shapes do
    not fit, both naming the caller's line.
    """
    shown = display_name(distribution, name)
    named = [f"{label} of {shown}" for label in distribution.parameters]
    # A float becomes a tensor of any dtype, so that there is nothing to refuse yet.
    given = [
        None if type(value) is float else to_tensor(label, value)
        for label, value in zip(named, parameters, strict=True)
    ]
    domains = distribution.parameters.values()
    dtype, nodes = parameter_nodes(parameters, domains)
    for label, tensor, node, domain in zip(named, given, nodes, domains, strict=True):
        check_parameter(label, node if tensor is None else tensor, node, domain)
    literals = [node if tensor is None else tensor for node, tensor in zip(nodes, given)]
    check_order(distribution, shown, literals)
    name = checked_name(distribution.name, name)
    bounds = ()
    if constraint is not None:
        check_constraint(distribution, nodes, constraint, name)
        constraint, bounds = detach_bounds(constraint, len(nodes))
        bounds = tuple(as_tensor_of(bound, dtype) for bound in bounds)
    label = display_name(distribution, name)
    dims = named_axes(label, dims)
    try:
        types = [x.type for x in nodes]
        own = distribution.event_shape(*types)
        whole = value_shape(distribution, types, own, shape, dims)
    except ShapeError as error:
        raise GraphError(f"{label}: {error}\n  at {line_text()}") from None
    check_point(label, constraint, whole)
    batch = whole[: len(whole) - distribution.event_ndim]
    event = whole[len(batch) :] if None in own else ()
    uid = new_uid()
    dims = checked_dims(label, dims, len(whole))
    check_bounds(label, constraint, bounds, batch)
    op = RandomVariable(distribution, batch, uid, name, dims, constraint, event)
    op = op if centered is True else replace(op, centering=centring.centering_of(op, centered))
    return make(op, (*nodes, *bounds))


def check_bounds(
    label: str, constraint: Support | None, bounds: Sequence[Node], batch: Sequence[Size]
) -> None:
    """GraphError for a constraint, or bounds of it, that do not fit the shape of a variable."""
    room = len(batch) - (constraint.event_ndim if constraint else 0)
    if room < 0:
        raise GraphError(f"{label}: {constraint} needs an axis; give shape=\n  at {line_text()}")
    for bound in bounds:
        if not broadcasts_to(bound.shape, batch[:room]):
            raise GraphError(
                f"{label}: a bound of shape {shape_text(bound.shape)} does not fit a variable of "
                f"shape {shape_text(batch)}\n  at {line_text()}"
            )


def parameter_nodes(
    parameters: Sequence[TensorLike], domains: Iterable[Support]
) -> tuple[str, tuple[Node, ...]]:
    """The dtype that parameters have in common, and their nodes; indices stay whole numbers."""
    pairs = [*zip(parameters, domains, strict=True)]
    floats = [weak_operand(x) for x, domain in pairs if not domain.indexes]
    dtype = promote_float(*floats) if floats else "float64"
    return dtype, tuple(as_tensor_of(x, "int64" if d.indexes else dtype) for x, d in pairs)


def check_point(label: str, constraint: Support | None, shape: Sequence[Size]) -> None:
    """GraphError for a shape that has no point of a constraint."""
    problem = None if constraint is None else constraint.problem(shape)
    if problem is not None:
        raise GraphError(
            f"{label}: {constraint} {problem}, and shape={shape_text(shape)} is none\n  at "
            f"{line_text()}"
        )


def value_shape(
    distribution: Distribution,
    types: Sequence[TensorType],
    event: tuple,
    shape: Size | Sequence[Size],
    dims: str | Sequence[str] | None,
) -> tuple:
    """The shape of a variable's value from its parameters, the shape of its points (None for sizes
    that are not known), `shape=` and `dims=`."""
    joint = (*distribution.batch_shape(*types), *event)
    if shape is None:
        names = dims or ()
        if None in joint and len(names) < len(joint):
            raise ShapeError("its size is not known; give shape=, or dims= and their coords")
        missing = len(names) - len(joint)
        own = (Dim.name(names[missing + k]) if n is None else n for k, n in enumerate(joint))
        return (*(Dim.name(d) for d in names[: max(0, missing)]), *own)
    whole = size_tuple(tuple(shape) if isinstance(shape, (tuple, list)) else (shape,))
    if not all(isinstance(n, Dim) or n >= 0 for n in whole):
        raise ShapeError(f"shape={shape!r} is not made of sizes")
    if len(whole) < len(joint):
        raise ShapeError(f"shape={shape_text(whole)} has fewer than {len(joint)} axes")
    tail = whole[len(whole) - len(joint) :]
    joint = tuple(m if n is None else n for n, m in zip(joint, tail))
    points = zip(event, whole[len(whole) - len(event) :])
    wrong = any(isinstance(n, int) and isinstance(m, int) and n != m for n, m in points)
    if wrong or not broadcasts_to(joint, whole):
        raise ShapeError(
            f"shape={shape_text(whole)} does not hold parameters of shape {shape_text(joint)}"
        )
    return whole


def broadcasts_to(shape: Sequence[Size], whole: Sequence[Size]) -> bool:
    """Does a shape broadcast to `whole` without enlarging it?"""
    try:
        return broadcast_shapes(tuple(whole), tuple(shape)) == tuple(whole)
    except ShapeError:
        return False


def named_axes(label: str, dims: str | Sequence[str] | None) -> tuple[str, ...] | None:
    """`dims` as a tuple of distinct names."""
    if dims is None or isinstance(dims, str):
        return dims if dims is None else (dims,)
    names = tuple(dims) if isinstance(dims, (tuple, list)) else (dims,)
    wrong = [name for name in names if not isinstance(name, str)]
    if wrong:
        raise GraphError(
            f"{label}: dims= takes names of axes, not {repr(wrong[0])[:60]}\n  at {line_text()}"
        )
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise GraphError(
            f"{label}: dims= names {twice!r} twice in {names}; a dim names one axis of an array\n"
            f"  at {line_text()}\n  give the second axis a name of its own, with the same "
            "labels"
        )
    return names


def checked_dims(label: str, dims: str | Sequence[str] | None, ndim: int) -> tuple[str, ...] | None:
    """`dims` as a tuple with one name per axis."""
    names = named_axes(label, dims)
    if names is not None and len(names) != ndim:
        raise GraphError(
            f"{label} has {ndim} ax{'is' if ndim == 1 else 'es'}, dims= names {len(names)}: "
            f"{names}\n  at {line_text()}"
        )
    return names


def check_constraint(
    distribution: Distribution, parameters: Sequence[Node], constraint: Support, name: str | None
) -> None:
    """GraphError if a constraint is no support, or excludes all values of the distribution."""
    if not isinstance(constraint, Support):
        raise GraphError(
            f"{display_name(distribution, name)}: constraint={constraint!r} is no support; use "
            f"pt.interval(low, high) or pt.ordered()\n  at {line_text()}"
        )
    if type(constraint) not in (Interval, Ordered) and not distribution.improper:
        raise GraphError(
            f"{display_name(distribution, name)}: the probability of {constraint} is not known "
            f"under it\n  at {line_text()}\n  constraint= takes pt.interval(low, high) and "
            "pt.ordered() here; others are for pt.random.flat"
        )
    try:
        intersect(distribution.support(*parameters), constraint)
    except ValueError as error:
        raise GraphError(
            f"{display_name(distribution, name)}: {error}\n  at {line_text()}"
        ) from None


def to_tensor(what: str, value: TensorLike) -> Node:
    """A value as a tensor; errors begin with `what`."""
    try:
        return as_tensor(value)
    except GraphError as error:
        text = str(error)
        raise (error if text.startswith(what) else type(error)(f"{what}: {text}")) from None


def check_parameter(what: str, given: Node, node: Node, domain: Support) -> None:
    """Check that a parameter has enough axes, and that a literal lies in `domain`. `node` is
    `given` in the dtype of the distribution."""
    if node.ndim < domain.event_ndim:
        raise GraphError(
            f"{what} must be {domain}, not of shape {shape_text(node.shape)}\n  at {line_text()}"
        )
    if isinstance(given.op, Const):
        taken = given.op.array.astype(node.dtype)
        check_values(what, taken, domain)
        if domain.discrete and given.dtype[:3] in ("int", "uin"):
            with np.errstate(invalid="ignore"):
                exact = taken.astype(given.dtype) == given.op.array
            if not np.all(exact):
                kind = f"a whole number that {node.dtype} holds"
                raise outside_support(what, given.op.array, exact, kind, line_text())


def check_order(distribution: Distribution, shown: str, nodes: Sequence[Node]) -> None:
    """ValueError if two literals are not in the order that the distribution requires."""
    given = dict(zip(distribution.parameters, nodes))
    for less, more, equal in distribution.increasing:
        ops_of = given[less].op, given[more].op
        if all(isinstance(op, Const) for op in ops_of):
            low, high = (op.array for op in ops_of)
            try:
                inside = np.asarray(low <= high if equal else low < high)
            except ValueError:
                return  # the shapes do not fit, which is said with those of all parameters
            if not np.all(inside):
                what, text = f"{more} of {shown}", order_text(less, equal)
                high = np.broadcast_to(high, inside.shape)
                raise outside_support(what, high, inside, text, line_text())


def check_values(what: str, values: np.ndarray, domain: Support, line: str | None = None) -> None:
    """ValueError that names the first of `values` outside `domain`."""
    inside = domain.contains(values)
    if inside is None:
        inside = ~np.isnan(values)
    if inside is np.True_ or np.all(inside):  # the first for numbers, and quicker
        return
    raise outside_support(what, values, inside, domain, line or line_text())


def display_name(distribution: Distribution, name: str | None) -> str:
    """A variable in messages: its distribution and name."""
    return f"{distribution.name} {name!r}" if name else distribution.name
