"""Cotangents of matrices of which one triangle is read, such as what `cholesky` factors.

The vjp of such an op is that of a symmetric matrix: half of the derivative by an element below the
diagonal is given to its mirror image. Where the matrix is known to be symmetric this is right, and
products with it stay symmetric. Elsewhere the element that is read gets both halves.
"""

from __future__ import annotations

from collections.abc import Sequence

from probtensor.graph.node import Node
from probtensor.ops.kinds import Core
from probtensor.ops.linalg.factors import of_lower
from probtensor.transform.facts import FactTable
from probtensor.transform.linalg.structure import structure_of


def pulled(
    node: Node, g: object, out: object, inputs: Sequence[Node], facts: FactTable
) -> list[Node | None]:
    """The vjp of a node at inputs, by the elements that it reads."""
    found = list(node.op.vjp(g, out, *inputs))
    if not isinstance(node.op, Core) or not node.op.mirrored:
        return found
    return [
        part if part is None or structure_of(x, facts).symmetric else of_lower(part)
        for part, x in zip(found, inputs, strict=True)
    ]

