"""Cholesky factors of sparse matrices, by the names of scikit-sparse's CHOLMOD."""

from __future__ import annotations

import numpy as np

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import GraphError, Node, TensorLike, make
from probtensor.graph.symbolic import refusal
from probtensor.ops.linalg.solving import columns_of
from probtensor.sparse.factor.ops import (
    SolveSparseLower,
    SolveSparseLowerTransposed,
    SparseCholesky,
    SparseCholeskyCotangent,
)
from probtensor.sparse.factor.order import Analysis, analysis_of
from probtensor.sparse.pattern import Pattern, index_node
from probtensor.sparse.tensor import SparseTensor, taken, with_rows


class Factor:
    """The Cholesky factor L of a sparse symmetric positive definite matrix A with its rows and
    columns in another order: L @ L.T == A[P][:, P], P being `P()`. `cholesky` makes it.

    n, nnz          rows, and entries of L
    logdet()        the log determinant of A
    solve_A(b)      x with A @ x == b, also `factor(b)`
    solve_L(b), solve_Lt(b)  x with L @ x == b, and with L.T @ x == b
    P()             int64[n]: the row of A that each row of L is of
    apply_P(b), apply_Pt(b)  b[P], and its inverse
    L()             the factor, a sparse tensor
    inverse_diagonal()  the diagonal of the inverse of A: variances, where A is a precision
    sample(z)       of standard normal numbers z normal ones with precision A: apply_Pt(solve_Lt(z))

    All are nan where A is not positive definite; b has n rows, and one or two axes.

        >>> A = pt.sparse.csr_array(np.array([[4.0, 1.0, 0.0], [1.0, 3.0, 0.0], [0.0, 0.0, 2.0]]))
        >>> factor = pt.sparse.linalg.cholesky(A)
        >>> factor.solve_A([1.0, 2.0, 4.0]).eval().round(6), round(float(factor.logdet().eval()), 4)
        (array([0.090909, 0.636364, 2.      ]), 3.091)
    """

    def __init__(self, analysis: Analysis, values: Node) -> None:
        self._of, self._values = analysis, values
        self.n, self.nnz = len(analysis.position), analysis.nnz

    def P(self) -> np.ndarray:
        """int64[n]: the row of A that each row of L is of."""
        return np.argsort(self._of.position)

    def apply_P(self, b: TensorLike) -> Node:
        """b[P]: the rows of b in the order of L."""
        return ops.take(self._rows("apply_P", b), index_node(self.P()), axis=0)

    def apply_Pt(self, b: TensorLike) -> Node:
        """The rows of b, which are in the order of L, in that of A."""
        return ops.take(self._rows("apply_Pt", b), index_node(self._of.position), axis=0)

    def L(self) -> SparseTensor:
        """The factor, a sparse tensor of the format "csc"."""
        pattern = Pattern((self.n, self.n), self._of.begins, self._of.rows)
        return SparseTensor(pattern, self._values, "csc")

    def logdet(self) -> Node:
        """The log determinant of A: a float64 scalar."""
        return 2.0 * ops.sum(ops.log(self._values[index_node(self._of.begins[:-1])]))

    def solve_L(self, b: TensorLike) -> Node:
        """x with L @ x == b."""
        return self._solved("solve_L", SolveSparseLower(), b)

    def solve_Lt(self, b: TensorLike) -> Node:
        """x with L.T @ x == b."""
        return self._solved("solve_Lt", SolveSparseLowerTransposed(), b)

    def solve_A(self, b: TensorLike) -> Node:
        """x with A @ x == b."""
        return self._system("solve_A", b)

    __call__ = solve_A

    def sample(self, z: TensorLike) -> Node:
        """x with the precision A, of standard normal numbers z of the shape of x: A is the inverse
        of the covariance of apply_Pt(solve_Lt(z))."""
        return self.apply_Pt(self.solve_Lt(self._rows("sample", z)))

    def inverse_diagonal(self) -> Node:
        """The diagonal of the inverse of A, float64[n], in about twice the time of the factor
        (the entries of the inverse at those of L are the derivatives of the log determinant)."""
        at = index_node(self._of.begins[:-1])
        slopes = ops.zeros((self.nnz,)).at[at].set(2.0 / self._values[at], unique_indices=True)
        found = make(SparseCholeskyCotangent(), (self._values, self._of.structure, slopes))
        return self.apply_Pt(found[at])

    def _system(self, what: str, b: TensorLike) -> Node:
        """`solve_A`, for a function whose name errors are to have."""
        return self.apply_Pt(self.solve_Lt(self.solve_L(self.apply_P(self._rows(what, b)))))

    def _rows(self, what: str, b: TensorLike) -> Node:
        """An operand with as many rows as A. GraphError for others."""
        x = ops.as_tensor(b) if not isinstance(b, Node) else b
        if x.ndim not in (1, 2) or (isinstance(x.shape[0], int) and x.shape[0] != self.n):
            raise refusal(
                f"{what}: expected a vector of {self.n} numbers or a matrix of as many rows, not "
                f"{x.type}",
                x.birthplace,
                kind=GraphError,
            )
        return with_rows(x, self.n)

    def _solved(self, what: str, op: SolveSparseLower, b: TensorLike) -> Node:
        columns, is_vector = columns_of(what, self._rows(what, b))
        found = op.apply(self._values, self._of.structure, columns, what=what)
        return ops.squeeze(found, -1) if is_vector else found


@public(name="sparse.linalg.cholesky")
def cholesky(A: object, *, ordering_method: str = "default") -> Factor:
    """The Cholesky factor of a sparse symmetric positive definite matrix, of which the lower
    triangle is read. Derivatives of any order are by the data of A.

    A                a sparse tensor or a matrix of scipy.sparse, (n, n)
    ordering_method  "default": an order of rows with few entries of the factor, by multiple minimum
                     degree; "natural": that of A

    Where the entries of the factor are is found when the graph is made, once for a pattern: 0.3 s
    for 10,000 nodes of a grid. The factor and its cotangent then take time by its operations.

    Returns a `Factor`, which solves systems and has the log determinant; nan where A is not
    positive definite.
    Raises GraphError, a TypeError, where A is not sparse or not square; ValueError for other
    orderings.

        >>> alpha = pt.scalar("alpha")
        >>> W = pt.sparse.csr_array(np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]))
        >>> Q = pt.sparse.eye_array(3) * 2.0 - alpha * W
        >>> f = pt.function([alpha], pt.sparse.linalg.cholesky(Q).logdet())
        >>> float(f(0.5).round(6)), float(np.log(2 * (4 - 2 * 0.25)).round(6))
        (1.94591, 1.94591)

    Source: Davis (2006), Direct Methods for Sparse Linear Systems, chapter 4; the cotangent is that
    of Murray (2016), arXiv:1602.07527, at the entries.
    """
    what = "sparse.linalg.cholesky"
    if ordering_method not in ("default", "natural"):
        raise refusal(
            f'{what}: ordering_method is "default" or "natural", not {ordering_method!r:.40}',
            kind=ValueError,
        )
    a = taken(A, what).tocsr()
    if a.shape[0] != a.shape[1]:
        raise refusal(f"{what}: needs a square matrix, not one of shape {a.shape}", kind=GraphError)
    analysis = analysis_of(a.pattern, ordering_method == "natural")
    chosen = ops.astype(a.data, "float64")[index_node(analysis.taken)]
    whole = ops.zeros((analysis.nnz,)).at[index_node(analysis.places)]
    values = make(SparseCholesky(), (whole.set(chosen, unique_indices=True), analysis.structure))
    return Factor(analysis, values)


@public(name="sparse.linalg.logdet")
def logdet(A: object) -> Node:
    """The log determinant of a sparse symmetric positive definite matrix; see `cholesky`.

    Returns a float64 scalar; nan where A is not positive definite.
    Raises what `cholesky` raises.

        >>> A = pt.sparse.csr_array(np.array([[4.0, 1.0], [1.0, 3.0]]))
        >>> round(float(pt.sparse.linalg.logdet(A).eval()), 6)
        2.397895
    """
    return cholesky(A).logdet()


@public(name="sparse.linalg.spsolve")
def spsolve(A: object, b: TensorLike, *, assume_a: str = "pos") -> Node:
    """x with A @ x == b, for a sparse symmetric positive definite matrix; see `cholesky`.

    A, b      sparse (n, n), and a vector (n,) or a matrix (n, k)
    assume_a  "pos"; there is no factor of other matrices

    Returns a float64 tensor of the shape of b; nan where A is not positive definite.
    Raises what `cholesky` raises; ValueError for another `assume_a`.

        >>> A = pt.sparse.csr_array(np.array([[4.0, 1.0], [1.0, 3.0]]))
        >>> pt.sparse.linalg.spsolve(A, [9.0, 5.0]).eval()
        array([2., 1.])
    """
    if assume_a != "pos":
        raise refusal(
            f'sparse.linalg.spsolve: assume_a is "pos", not {assume_a!r:.40}',
            "of other matrices write pt.linalg.solve(A.toarray(), b)",
            kind=ValueError,
        )
    return cholesky(A)._system("sparse.linalg.spsolve", b)
