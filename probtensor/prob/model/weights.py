"""Terms of a log density times a factor: `scaled`, and batches of larger data (`total_size=`).

The factor is the last input of a random variable. A term of a density is multiplied by it; draws,
`pt.logp` and `pt.log_likelihood` are those of the variable itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from probtensor import ops
from probtensor.calls import line_text, public
from probtensor.dataclass import replace
from probtensor.graph import Const, GraphError, Node, as_tensor, line_of, made_by
from probtensor.graph.node import TensorLike, make
from probtensor.graph.walk import replace as replaced
from probtensor.prob.density.logp import unwrap_deterministic
from probtensor.prob.distributions.base import (
    RandomVariable,
    broadcasts_to,
    check_values,
    display_name,
    to_tensor,
)
from probtensor.prob.distributions.support import Interval
from probtensor.prob.sequences.convert import as_sequence
from probtensor.prob.sequences.op import RandomSequence
from probtensor.types import shape_text


@public
def scaled(variable: Node, factor: TensorLike) -> Node:
    """A random variable whose log density is multiplied by `factor` in a model: a power of its
    density, as in power posteriors, in weighted data, and in tests of how much a prior matters.

    `factor` is a number >= 0, or an array or tensor of them that broadcasts to the variable without
    the axes of vectors. Of booleans it is a mask: entries where it is false add nothing. Draws,
    `pt.logp` and `pt.log_likelihood` do not change. Log-Jacobians are not multiplied.

    Returns the variable under the same name. Raises GraphError for anything but a random variable,
    for one of a loop, and for a shape that does not fit; ValueError for a negative number.

        >>> mu = pt.random.normal(0, 5, name="mu")
        >>> y = pt.random.normal(mu, 1.0, name="y")
        >>> half = pt.condition({pt.scaled(y, 0.5): 2.0})
        >>> float(np.round(half.terms([2.0]).terms[1].value, 6))  # -log(2 pi) / 4
        -0.459469
    """
    node = as_sequence(unwrap_deterministic(variable)) if isinstance(variable, Node) else variable
    if not isinstance(node, Node):
        raise GraphError(f"scaled: takes a random variable, not {node!r:.60}\n  at {line_text()}")
    if not isinstance(node.op, RandomVariable):
        raise GraphError(
            f"scaled: {node.described} is an expression, not a random variable\n"
            f"  at {line_text()}\n  state its weighted density: "
            "pt.potential(factor * pt.logp(expression, data))"
        )
    name = display_name(node.op.distribution, node.op.label)
    if isinstance(node.op, RandomSequence):
        raise GraphError(
            f"scaled: {name} is a variable of a loop\n  made at {line_of(node)}\n"
            "  state its weighted density: pt.potential(factor * pt.logp(variable, data))"
        )
    what = f"the factor of {name}"
    weight = to_tensor(what, factor)
    if weight.is_complex:
        raise GraphError(f"{what} must be real\n  at {line_text()}")
    if not broadcasts_to(weight.shape, node.op.batch):
        raise GraphError(
            f"{what} has shape {shape_text(weight.shape)}, which does not broadcast to "
            f"{shape_text(node.op.batch)}\n  {name} made at {line_of(node)}"
        )
    if isinstance(weight.op, Const) and weight.dtype != "bool":
        check_values(what, np.asarray(weight.op.array, float), Interval(0.0))
    if weight.dtype != "bool":
        weight = weight.astype(node.dtype if node.type.is_float else "float64")
    inputs = node.inputs
    if node.op.weighted:
        *inputs, before = node.inputs
        weight = _both(before, weight)
    with made_by(node):
        return make(replace(node.op, weighted=True), (*inputs, weight))


def _both(first: Node, second: Node) -> Node:
    """The factor of two factors."""
    if first.dtype == "bool":
        first, second = second, first
    if second.dtype == "bool":
        return ops.logical_and(first, second) if first.dtype == "bool" else first * second
    return first * second


def weighed(density: Node, inputs: Sequence[Node]) -> Node:
    """The term of a weighted variable: its log density times the factor; 0 where that is 0 or
    false, also where the density is 0."""
    weight = inputs[-1]
    if weight.dtype == "bool":
        return ops.where(weight, density, 0.0)
    product = weight.astype(density.dtype) * density
    number = weight.inputs[0] if isinstance(weight.op, ops.Div) else weight
    if isinstance(number.op, Const) and (number.op.array > 0).all():
        return product
    return ops.where(weight > 0, product, 0.0)


def with_total_size(
    observed: object, potentials: Sequence[Node], track: Sequence[Node], total_size: object
) -> tuple[dict[Node, object], list[Node], list[Node]]:
    """What `condition` is given, with the variables of `total_size` multiplied by the number of all
    rows over that of the observed ones."""
    if not isinstance(total_size, Mapping) or not isinstance(observed, Mapping):
        raise TypeError(
            f"condition: total_size= is {{observed variable: N}}, not {total_size!r:.60}\n  at "
            f"{line_text()}"
        )
    changes = {}
    for key, total in total_size.items():
        node = as_sequence(unwrap_deterministic(key)) if isinstance(key, Node) else key
        if not isinstance(node, Node) or not any(
            isinstance(x, Node) and as_sequence(unwrap_deterministic(x)) is node for x in observed
        ):
            raise GraphError(
                f"condition: total_size= has {key!r:.60}, which is not observed\n  at {line_text()}"
            )
        is_count = isinstance(total, (int, np.integer)) and not isinstance(total, bool)
        if not is_count or total < 1:
            raise ValueError(
                f"condition: total_size= of {node.name or 'a variable'} must be a number of rows, "
                f"not {total!r:.60}\n  at {line_text()}"
            )
        rows = as_tensor(node.shape[0]).astype("float64") if node.ndim else as_tensor(1.0)
        changes[node] = scaled(node, float(total) / rows)
    roots = [*observed, *potentials, *track]
    found = replaced(roots, changes) if all(isinstance(x, Node) for x in roots) else roots
    count = len(observed)
    values = dict(zip(found[:count], observed.values(), strict=True))
    return values, found[count : count + len(potentials)], found[count + len(potentials) :]
