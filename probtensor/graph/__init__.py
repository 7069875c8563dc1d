"""The tensor graph: immutable, interned nodes, and what can be done with them without knowing ops.

A `Node` is an op applied to nodes; its type and the user's line are fixed when it is made. Making
the same node twice gives the same object, so nodes are compared by `is` (`==` builds a node),
common subexpressions are shared from the start, and a rewrite that changes nothing returns the node
it was given. Nothing is set on a node afterwards: facts about nodes (bounds of their values, for
example) are in tables keyed by node. So there is no clone, no listener and no second graph.

    node.py      Op, Node, Const, Input, interning, operators; the fields of nodes, their table, and
                 the walks that are used most are compiled, in `cython_ext/graph.pyx`
    origin.py    where the user made a node
    symbolic.py  operations of Python that need a value, and the errors that refuse them
    sizes.py     operators of symbolic sizes that give tensors; sizes that are values of tensors
    parts.py     ops with several results: one node for all of them, and `Get` for each
    closed.py    functions of tensors as values, the bodies of loops
    resize.py    other sizes substituted for names of sizes, through a graph
    walk.py      orders, replacement, ancestors, iterative, so that depth is no limit; under which
                 conditions nodes are needed
    text.py      printing, parsing back
    law.py       size laws: what must hold of the sizes of a call
    evaluate.py  the NumPy meaning of a graph
    check.py     the verifier that runs around every pass

Rejected: a mutable graph with owners and clients (each pass then needs bookkeeping and undo), and
one node type for both tensors and loops (their invariants differ; see `kernel/`).
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
