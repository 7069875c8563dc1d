"""What a density does where a parameter leaves its range or a check of the user fails: it is zero,
or the call raises, or nothing is checked.

The choice goes with the graph of a model, as a potential without a value, so all that is made of a
posterior has it: with other data, by a handler, from a pickle, recalled from the cache.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING

from probtensor import ops
from probtensor.dataclass import dataclass
from probtensor.graph import Node, line_of, toposort
from probtensor.graph.node import GraphError, made_by, make
from probtensor.graph.symbolic import refusal
from probtensor.ops.values.check import Checked, without_checks
from probtensor.prob.density.logp import Conditions, SupportCheck
from probtensor.prob.distributions.base import Potential
from probtensor.prob.distributions.support import Support

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

MODES = ("-inf", "raise", False)


@dataclass(frozen=True)
class Policy(Potential):
    """The potential that says what is done; see the module."""

    mode: str = "-inf"


@dataclass(frozen=True)
class Told(Support):
    """What a check of the user asks for, by its message."""

    message: str

    def contains(self, x: ArrayLike) -> ArrayLike:
        raise NotImplementedError("the condition of a check is a graph")

    def __str__(self) -> str:
        return f"such that its check holds ({self.message})"


def policy(checks: str | bool) -> list[Node]:
    """The potential for a choice; none for the usual one. ValueError for what is no choice."""
    if not any(checks is mode or (isinstance(mode, str) and checks == mode) for mode in MODES):
        raise refusal(f"condition: checks= is '-inf', 'raise' or False, not {checks!r:.40}",
                      kind=ValueError)  # fmt: skip
    if checks == "-inf":
        return []
    return [make(Policy(None, mode=checks or "none"), (ops.as_tensor(0.0),))]


def split_policy(potentials: Sequence[Node]) -> tuple[list[Node], str]:
    """The potentials without those that say what is done, and what is done."""
    modes = [x.op.mode for x in potentials if isinstance(x.op, Policy)]
    return [x for x in potentials if not isinstance(x.op, Policy)], modes[-1] if modes else "-inf"


def guard_checks(
    checked: Sequence[Node], values: Mapping[Node, Node], unknown: Sequence[Node],
    conditions: Conditions,
) -> None:  # fmt: skip
    """Add the checks of the user to the guards of a density, in terms of `values`. GraphError for
    one that depends on a discrete variable that is summed out, which are `unknown`."""
    for node in checked:
        x, inside, *shown = (values[y] for y in node.inputs)
        reached = set(toposort([inside]))
        depends = next((z for z in unknown if z in reached), None)
        if depends is not None:
            raise GraphError(
                f"condition: the check {node.op.message!r:.60} depends on a discrete variable that "
                f"is summed out\n  at {line_of(node)}\n  observe the variable, or put "
                "checks='raise' or checks=False"
            )
        domain = Told(node.op.failure("").partition("\n")[0])
        what = node.op.label or node.op.what
        line = line_of(node)
        conditions.guard(SupportCheck(what, x, inside, domain, line, node.op, tuple(shown)))


def guarded(total: Node, guards: Sequence[SupportCheck], mode: str) -> Node:
    """A log density that is -inf where a guard does not hold, or raises there."""
    if not guards or mode == "none":
        return total
    if mode == "-inf":
        holds = [ops.all(guard.inside) for guard in guards]
        return ops.where(reduce(ops.logical_and, holds), total, -math.inf)
    for guard in guards:
        message = f"{guard.what} must be {guard.domain}".replace("{", "{{").replace("}", "}}")
        op = Checked(message, (guard.what,), guard.what, "", "ValueError")
        file, _, number = guard.line.rpartition(":")
        with made_by(None, (file, int(number) if number.isdecimal() else 0)):
            total = make(op, (total, guard.inside, guard.value))
    return total


def unchecked(total: Node, mode: str) -> Node:
    """A log density without the checks of the user, if nothing is checked."""
    return without_checks([total])[0] if mode == "none" else total


def is_guarded(node: Node, mode: str) -> bool:
    """Whether a node is a check that becomes a guard of the density."""
    return mode == "-inf" and isinstance(node.op, Checked)


