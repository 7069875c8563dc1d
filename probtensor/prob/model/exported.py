"""Posteriors as C in a folder: what `Posterior.export` hands to `export/`."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING

from probtensor import ops
from probtensor.compile import function
from probtensor.export.folder import Export, Request, write_export
from probtensor.export.model import ModelParts, ModelText, Variable
from probtensor.export.parts import Part
from probtensor.function.exported import NotBuilt, part_of
from probtensor.graph import Node, as_tensor, made_by
from probtensor.graph.node import new_input
from probtensor.prob.distributions.support import Interval, Support
from probtensor.prob.model.packed import Packed
from probtensor.types import size_value

if TYPE_CHECKING:
    from probtensor.prob.model.posterior import Posterior


def export_posterior(posterior: Posterior, request: Request) -> Export:
    """See `Posterior.export`."""
    model, name, lapack = posterior.model, request.name, bool(request.lapack)
    packed = Packed({v.name: v.value for v in (*model.free, *model.deterministic)})
    values, results = unconstrained(posterior)
    parts = ModelParts(
        density=part_of(posterior.function, "logp_grad", lapack=lapack),
        constrain=made(posterior, "constrain", model.q, model.at_q([packed.node]), lapack),
        unconstrain=made(posterior, "unconstrain", values, results, lapack),
        variables=tuple(variables(posterior)),
        about=(
            f"{name}, the posterior of {', '.join(posterior.names) or 'nothing'} given "
            f"{', '.join(posterior.observed)}",
        ),
    )
    return write_export(ModelText(name, parts, request.command), request)


def made(
    posterior: Posterior, name: str, argument: Node, outputs: Sequence[Node], lapack: bool
) -> Part:
    """Graphs of one argument and of data as a part of an export."""
    density = posterior.model.density(outputs)
    compiled = function(
        [argument, *density.inputs],
        list(density.outputs),
        name=name,
        target=NotBuilt(),
        on_unused_input="ignore",
    )
    bound = compiled.bind(posterior._binding.values(density), borrow=True)
    return part_of(bound, name, lapack=lapack)


def unconstrained(posterior: Posterior) -> tuple[Node, list[Node]]:
    """The values of the free variables as one input, and from it q, and whether each variable can
    have its value."""
    model = posterior.model
    total = sum(prod(v.shape) for v in model.free)
    values, start, replacements = new_input("values", "float64", (total,)), 0, {}
    for v in model.free:
        count = prod(v.shape)
        piece = ops.reshape(values[start : start + count], v.shape)
        replacements[v.value] = piece.astype(v.value.dtype)
        start += count
    pieces, inside = [], []
    for v in model.free:
        with made_by(v.variable):
            value = replacements[v.value]
            holds = v.support_with(replacements).contains(value)
            u = v.bijector_with(replacements).inverse(value).astype("float64")
            fits = ops.all(ops.isfinite(u))
            if holds is not None:
                fits = ops.logical_and(fits, ops.all(as_tensor(holds)))
            pieces.append(ops.ravel(u))
            inside.append(fits)
    if not pieces:
        return values, [ops.zeros((0,)), ops.zeros((0,), dtype="bool")]
    return values, [ops.concatenate(pieces), ops.stack(inside)]


def described(support: Support) -> str:
    """The values at which q is finite, in words."""
    if isinstance(support, Interval) and not (support.bounded_below or support.bounded_above):
        return "a finite number"
    return f"{support}, and not on its edge"


def variables(posterior: Posterior) -> list[Variable]:
    """The variables in the order of their values."""
    sizes = posterior._binding.sizes.values
    found = [
        Variable(
            v.name, tuple(v.shape), v.dims, tuple(v.u.shape),
            f"{v.name} must be {described(v.support)}\n  made at {v.line}",
        )
        for v in posterior.model.free
    ]  # fmt: skip
    return found + [
        Variable(d.name, tuple(size_value(n, sizes) for n in d.shape), d.dims)
        for d in posterior.model.deterministic
    ]
