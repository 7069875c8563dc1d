"""Eigenvalues and singular values beside their vectors: one factorisation for both.

    svdvals(a), svd(a)  ->  svd(a)[1], svd(a)

The derivative of eigenvalues needs eigenvectors, so that a value and its derivative would compute
the values twice; those of a factorisation without vectors differ in roundings only.

This is a pass of its own, after differentiation, since it depends on what else is computed.
"""

from __future__ import annotations

from collections.abc import Sequence

from probtensor.graph.node import Node, make
from probtensor.graph.parts import Get
from probtensor.graph.walk import replace, toposort

# The factorisation that has what an op computes, by their names, and the places of its results.
WITH_VECTORS = {
    "singular_values": ("svd", (1,)),
    "eigvalsh": ("eigh", (0,)),
    "eigvals": ("eig", (0, 1)),
    "eigvals_banded": ("eig_banded", (0,)),
    "eigvalsh_tridiagonal": ("eigh_tridiagonal", (0,)),
    "complex_singular_values": ("complex_svd", (2,)),
    "complex_eigvalsh": ("complex_eigh", (0,)),
    "complex_eigvals": ("complex_eig", (0, 1)),
}
_FACTORS = {name for name, _ in WITH_VECTORS.values()}


def factor_once(outputs: Sequence[Node]) -> list[Node]:
    """The outputs with values of the factorisations that are there anyway."""
    order = toposort(outputs)
    factors = {(x.op.name, x.inputs): x for x in order if x.op.name in _FACTORS}
    changes: dict[Node, Node] = {}
    for node in order if factors else ():
        source = node.inputs[0] if isinstance(node.op, Get) else node
        name, places = WITH_VECTORS.get(source.op.name, ("", ()))
        factor = factors.get((name, source.inputs))
        if factor is not None and not isinstance(node.type, tuple):
            place = places[node.op.index] if source is not node else places[0]
            changes[node] = make(Get(place), (factor,))
    return replace(outputs, changes) if changes else list(outputs)
