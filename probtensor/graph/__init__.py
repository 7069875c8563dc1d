"""The tensor graph: immutable, interned nodes, and what can be done with them knowing no op.

A `Node` is an op applied to nodes; its type, and the user's line, are known at birth. Making the
same node twice gives the same object, so nodes are compared by `is` (`==` builds a node), common
subexpressions are shared from the start, and a rewrite that changes nothing returns the very node
it was given. Nothing is ever set on a node afterwards: facts about nodes (what is known of their
values) live in tables keyed by node. That one choice is what lets there be no clone, no listener
and no second graph.

    node.py      Op, Node, Const, Input, interning, operators
    origin.py    where the user made a node
    symbolic.py  what Python asks of a value, and how a node refuses it
    sizes.py     symbolic sizes among values
    parts.py     results in several parts: a node of all, and `Get`, a node of one
    walk.py      orders, replacement, ancestors: iterative, so that depth is no limit
    text.py      printing, parsing back, dot output
    law.py       size laws: what must hold of the sizes of a call
    evaluate.py  the NumPy meaning of a graph
    check.py     the verifier that runs around every pass

Rejected: a mutable graph with owners and clients (each pass then needs bookkeeping and undo), and
one node type for tensors and loops alike (its invariants differ; see `kernel/`).
"""

from probtensor.graph import sizes  # noqa: F401 (sizes get the operators of tensors)
from probtensor.graph.node import (
    Const,
    GraphError,
    Input,
    Node,
    Op,
    as_tensor,
    line_of,
    made_by,
    origin_of,
)
from probtensor.graph.walk import ancestors, inputs_of, replace, toposort

__all__ = [
    "Const",
    "GraphError",
    "Input",
    "Node",
    "Op",
    "ancestors",
    "as_tensor",
    "inputs_of",
    "line_of",
    "made_by",
    "origin_of",
    "replace",
    "toposort",
]
