"""Random variables that are parts of others: their distributions, without the variables."""

from __future__ import annotations

from collections.abc import Iterable

from probtensor.calls import line_text
from probtensor.graph import GraphError, Node, line_of
from probtensor.prob.distributions.base import Deterministic, RandomVariable, display_name
from probtensor.prob.distributions.combined.parts import Absorbed
from probtensor.prob.distributions.distribution import Distribution


def held(variable: object, what: str) -> tuple[Distribution, tuple[Node, ...]]:
    """The distribution of a random variable without a name, and its parameters: the variable is a
    part of another one, and no variable of a model.

    what: the part in messages, such as "comp_dists[0] of mixture 'x'"
    GraphError for what is no such variable.
    """
    op = variable.op if isinstance(variable, Node) else None
    if isinstance(op, Deterministic) or getattr(op, "label", None):
        name = op.label
        raise GraphError(
            f"{what} is called {name!r}, and a part of another variable is no variable of a "
            f"model\n  made at {line_of(variable)}\n  make it without name="
        )
    if type(op) is not RandomVariable:
        given = variable.described if isinstance(variable, Node) else repr(variable)
        raise GraphError(
            f"{what} must be a random variable made by pt.random, not {given:.60}\n"
            f"  at {line_text()}"
        )
    shown = display_name(op.distribution, None)
    if op.dims is not None:
        raise GraphError(
            f"{what} has dims, which are for variables of a model\n  made at {line_of(variable)}\n"
            f"  make {shown} without dims="
        )
    if op.constraint is not None:
        raise GraphError(
            f"{what} has a constraint\n  made at {line_of(variable)}\n  write "
            f"pt.random.truncated(pt.random.{shown}(...), lower, upper), or give constraint= to "
            "the whole"
        )
    if op.distribution.improper:
        raise GraphError(
            f"{what} is {shown}, which has no proper density\n  made at {line_of(variable)}"
        )
    return op.distribution, variable.inputs


def absorbed_by(variable: Node) -> tuple[Absorbed, ...]:
    """The variables that are no variables of a model once `variable` is a part of another one."""
    return (Absorbed(variable.op.uid), *variable.op.distribution.absorbed)


def check_parts(order: Iterable[Node]) -> None:
    """GraphError if a variable is a part of another one, and is used elsewhere too."""
    variables = [node for node in order if isinstance(node.op, RandomVariable)]
    owners = {part.uid: node for node in variables for part in node.op.distribution.absorbed}
    for node in variables if owners else ():
        owner = owners.get(node.op.uid)
        if owner is not None:
            raise GraphError(
                f"{display_name(node.op.distribution, None)} is a part of "
                f"{display_name(owner.op.distribution, owner.op.label)}, and used elsewhere too, "
                f"where it would be another variable\n  made at {line_of(node)}\n"
                f"  the variable that it is a part of made at {line_of(owner)}\n"
                "  make two variables, one for each use"
            )
