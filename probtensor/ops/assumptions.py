"""What is known of a tensor and cannot be seen in how it is computed."""

from __future__ import annotations

import numpy as np

from probtensor import ops  # noqa: F401
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor, make
from probtensor.ops.arrays.require import sized
from probtensor.ops.derivatives import SameValue
from probtensor.ops.kinds import op
from probtensor.ops.linalg.bands import counts_of_diagonals
from probtensor.ops.reductions.folds import described, flag
from probtensor.ops.samples import Sample
from probtensor.types import shape_text


def _positive_definite(rng: np.random.Generator) -> tuple[np.ndarray]:
    a = rng.normal(size=(3, 3))
    return (a @ a.T + np.eye(3),)


@op
class Assume(SameValue):
    """x, of which what is declared holds."""

    positive: bool = False
    nonnegative: bool = False
    lower_triangular: bool = False
    upper_triangular: bool = False
    diagonal: bool = False
    symmetric: bool = False
    positive_definite: bool = False
    orthogonal: bool = False
    permutation: bool = False
    tridiagonal: bool = False
    banded: tuple[int, int] | None = None
    positive_diagonal: bool = False
    samples = (Sample(_positive_definite, {"positive_definite": True}),)

    def vjp(self, g, out, x):
        return (g,)


@public
def assume(
    x: TensorLike,
    *,
    positive: bool = False,
    nonnegative: bool = False,
    lower_triangular: bool = False,
    upper_triangular: bool = False,
    diagonal: bool = False,
    symmetric: bool = False,
    positive_definite: bool = False,
    orthogonal: bool = False,
    permutation: bool = False,
    tridiagonal: bool = False,
    banded: tuple[int, int] | None = None,
    positive_diagonal: bool = False,
) -> Node:
    """`x` itself, declared to have properties that its expression does not show.

    positive, nonnegative: of all elements; rules that need a sign apply.
    lower_triangular, upper_triangular, diagonal, symmetric, positive_definite, orthogonal,
        permutation: of the matrices on the last two axes; linear algebra takes the cheapest way.
        Systems of a positive definite matrix and the logarithm of its determinant go through one
        Cholesky factor, those of a triangular matrix are substituted, those of an orthogonal one
        are products with its transpose.
    tridiagonal, banded: of matrices that are zero but for the main diagonal and one on each side,
        or banded=(l, u) below and above it; systems and determinants take a time proportional to
        the number of rows.
    positive_diagonal: with lower_triangular of a matrix L, the Cholesky factor of L @ L.mT.

    Nothing is checked: where a declaration is wrong, so is the result. Of a matrix declared
    positive definite one triangle is read; where it has no Cholesky factor, results are nan.

        cov = pt.assume(cov, positive_definite=True)
        total = y @ pt.linalg.inv(cov) @ y + pt.linalg.slogdet(cov).logabsdet

    Returns a tensor of the type of `x`, whose last two axes have one size if a property of matrices
    is declared: a ValueError of the call if they have not.
    Raises GraphError, a TypeError, for properties of matrices of what has fewer than two axes or is
    known not to be square, and where nothing is declared.

        >>> pt.assume([2.0, 4.0], positive=True).eval()
        array([2., 4.])
    """
    declared = {name: value for name, value in locals().items() if name not in ("x", "banded")}
    given = {name: flag(value, f"assume: {name}") for name, value in declared.items()}
    given["banded"] = None if banded is None else counts_of_diagonals("assume: banded", banded)
    node = as_tensor(x)
    if not any(given.values()):
        raise GraphError(f"assume: nothing is declared; choose among {', '.join(given)}")
    of_matrices = [name for name in list(given)[2:] if given[name]]  # a pair is true
    return make(Assume(**given), (_square(node, of_matrices[0]) if of_matrices else node,))


def _square(x: Node, declared: str) -> Node:
    """x with the law that its last two axes have one size. GraphError if they have not."""
    rows, columns = x.shape[-2:] if x.ndim >= 2 else (0, 1)
    if isinstance(rows, int) and isinstance(columns, int) and rows != columns:
        raise GraphError(
            f"assume: {declared} is said of square matrices, not of shape {shape_text(x.shape)}"
            f"{described(x)}"
        )
    size = columns if isinstance(columns, int) else rows
    return sized(x, (*x.shape[:-2], size, size), "assume")
