"""Products with sparse matrices that are known while a graph is translated.

A sparse matrix stays one of SciPy. Its product with a tensor, which adds up rows weighted by its
elements, is dense here also where PyTensor calls it sparse.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from probtensor import ops
from probtensor.graph import Node, as_tensor

VIEWS = {"Transpose": lambda x: x.T, "DenseFromSparse": lambda x: x}
PRODUCTS = ("StructuredDot", "TrueDot", "Dot", "SparseDot")


def is_sparse(apply: Any) -> bool:
    """Has a node of PyTensor to do with sparse matrices?"""
    variables = (*apply.inputs, *apply.outputs)
    return any(type(x.type).__name__ == "SparseTensorType" for x in variables)


def product(apply: Any, inputs: Sequence[Any]) -> Node | None:
    """The product of a sparse and a dense matrix, such a product transposed or as a dense one; None
    for any other node."""
    if len(inputs) == 1 and isinstance(inputs[0], Node) and type(apply.op).__name__ in VIEWS:
        return VIEWS[type(apply.op).__name__](inputs[0])
    if type(apply.op).__name__ not in PRODUCTS or len(inputs) != 2:
        return None
    x, y = inputs
    if hasattr(x, "tocoo") and isinstance(y, Node):
        return _times(x, y)
    if isinstance(x, Node) and hasattr(y, "tocoo"):
        return _times(y.T, x.T).T
    return None


def _times(matrix: Any, y: Node) -> Node:
    """matrix @ y."""
    found = matrix.tocoo()
    weights = as_tensor(np.asarray(found.data, "float64"))
    rows = y[as_tensor(found.col.astype("int64"))]
    weights = weights[(..., *[None] * (rows.ndim - 1))]
    return ops.segment_sum(rows * weights, found.row.astype("int64"), matrix.shape[0])
