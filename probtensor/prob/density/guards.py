"""Restrictions of densities within a potential, as guards of the whole density of a model."""

from __future__ import annotations

import math
from collections.abc import Mapping

from probtensor import ops
from probtensor.graph import Node, made_by, toposort
from probtensor.graph.walk import rebuild
from probtensor.prob.density.logp import Conditions, Restriction, SupportCheck
from probtensor.transform.facts import constant_of

# A density without its restrictions, and these.
Restricted = tuple[Node, list[Restriction]]
# Ops whose result is -inf if any operand is -inf and the others are numbers.
_PROPAGATE_NEG_INF = (
    ops.Add, ops.Sum, ops.BroadcastTo, ops.ExpandDims, ops.DropAxes, ops.Reshape, ops.Transpose,
    ops.Cast,
)  # fmt: skip


def lift_guards(
    term: Node, restricted: Mapping[Node, Restricted], conditions: Conditions, line: str
) -> Node:
    """A term of the log density without the restrictions of the densities that it is a sum of.
    These become guards of the whole density, since a violated one makes the term -inf."""
    lifted: dict[Node, list[bool]] = {}
    stack = [term]
    while stack:
        node = stack.pop()
        if node in lifted:
            continue
        lifted[node] = [] if node in restricted else propagates_neg_inf(node)
        stack += [x for x, keeps in zip(node.inputs, lifted[node], strict=False) if keeps]
    done: dict[Node, Node] = {}
    for node in (x for x in toposort([term]) if x in lifted):
        if node in restricted:
            done[node], restrictions = restricted[node]
            for r in restrictions:
                conditions.guard(SupportCheck(r.what, r.value, r.inside, r.domain, line))
        elif any(lifted[node]):
            pairs = zip(node.inputs, lifted[node], strict=True)
            with made_by(node):
                done[node] = rebuild(node, tuple(done.get(x, x) if k else x for x, k in pairs))
    return done.get(term, term)


def propagates_neg_inf(node: Node) -> list[bool]:
    """For each input of a node: is the node -inf where the input is?"""
    if isinstance(node.op, ops.Mul):
        factors = [constant_of(x) for x in node.inputs]
        return [f is not None and 0 < f < math.inf for f in factors[::-1]]
    if isinstance(node.op, ops.Sub):
        return [True, False]
    return [isinstance(node.op, _PROPAGATE_NEG_INF)] * len(node.inputs)
