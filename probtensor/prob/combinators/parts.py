"""What the functions of this package share: parts, and variables made of them."""

from __future__ import annotations

from collections.abc import Sequence

from probtensor.calls import line_text
from probtensor.dataclass import dataclass
from probtensor.graph import GraphError, Node, as_tensor
from probtensor.graph.node import TensorLike
from probtensor.ops.kinds import as_tensor_of, weak_operand
from probtensor.prob.distributions.base import named_axes, random_variable
from probtensor.prob.distributions.combined.held import absorbed_by, held
from probtensor.prob.distributions.combined.parts import Absorbed
from probtensor.prob.distributions.distribution import Distribution
from probtensor.prob.distributions.parameters import variable_text
from probtensor.prob.distributions.support import Support
from probtensor.types import Dim, ShapeError, broadcast_shapes, promote_float, shape_text

Dims = str | tuple[str, ...] | list[str] | None
Shape = int | Sequence[int] | None


@dataclass(frozen=True, eq=False)
class Part:
    """What a variable gives as a part: its distribution, parameters and batch shape."""

    distribution: Distribution
    inputs: tuple[TensorLike, ...]
    batch: tuple
    absorbed: tuple[Absorbed, ...]


def part_of(variable: object, what: str, atoms: bool = False) -> Part:
    """The part that a variable is; GraphError where it cannot be one. `atoms` says whether single
    real numbers may have positive probability."""
    distribution, inputs = held(variable, what)
    if distribution.has_atoms and not atoms:
        raise GraphError(
            f"{what} has single values of positive probability ({distribution.name})\n  at "
            f"{line_text()}\n  apply {distribution.name} last, to the rest"
        )
    return Part(distribution, inputs, variable.op.batch, absorbed_by(variable))


def variable_of(
    distribution: Distribution,
    parameters: Sequence[TensorLike],
    batches: Sequence[tuple],
    shape: Shape,
    name: str | None,
    dims: Dims,
    constraint: Support | None = None,
) -> Node:
    """The random variable of a combined distribution. Its shape has room for `batches`, those of
    the variables that became its parts."""
    if shape is None and any(batches):
        types = [as_tensor(x).type for x in parameters]
        what = variable_text(distribution.name, name)
        try:
            own = distribution.batch_shape(*types)
        except ShapeError as error:
            raise GraphError(f"{what}: {error}\n  at {line_text()}") from None
        try:
            batch = broadcast_shapes(own, *batches)
        except ShapeError as error:
            shapes = ", ".join(map(shape_text, (own, *batches)))
            raise GraphError(
                f"{what}: its parts do not broadcast ({error}): {shapes}\n  at {line_text()}"
            ) from None
        if batch != own:
            event = distribution.event_shape(*types) if distribution.event_ndim else ()
            names = named_axes(what, dims) or ()
            more = names[: max(0, len(names) - len(batch) - len(event))]
            shape = (*map(Dim.name, more), *batch, *event)
    return random_variable(distribution, parameters, shape, name, dims, constraint)


def of_dtype(value: TensorLike, parts: Sequence[Part]) -> TensorLike:
    """A list of Python numbers in the dtype of the parts; anything else as it is."""
    if not isinstance(value, (list, tuple)):
        return value
    inputs = [weak_operand(x) for part in parts for x in part.inputs]
    return as_tensor_of(value, promote_float(*inputs)) if inputs else value
