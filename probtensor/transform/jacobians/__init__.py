"""Jacobians as tensors.

    dense.py     all rows of reverse mode or all columns of forward mode, computed together
    sparsity.py  which elements may be other than 0, and which columns can share a product
"""

from probtensor.transform.jacobians.dense import stacked_jacobian
from probtensor.transform.jacobians.sparsity import checked_pattern, colors, dependences

__all__ = ["checked_pattern", "colors", "dependences", "stacked_jacobian"]
