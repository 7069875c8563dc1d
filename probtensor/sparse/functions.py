"""Functions of sparse tensors by name: those that are 0 at 0, and structured ones, of the entries
alone."""

from __future__ import annotations

from collections.abc import Callable

from probtensor import ops
from probtensor.calls import public
from probtensor.graph.node import TensorLike, as_tensor
from probtensor.sparse.entrywise import ZERO_AT_ZERO
from probtensor.sparse.tensor import SparseTensor, is_sparse, taken

_DOC = """`pt.{own}` of the entries{zeros}.

    A  a sparse tensor or a matrix of scipy.sparse

    Returns a sparse tensor with the places of A.
    Raises GraphError, a TypeError, for what is not sparse.

        >>> S = pt.sparse.csr_array([[0.0, 0.5]])
        >>> pt.sparse.{name}(S).eval().nnz
        1
    """


def _function(name: str, own: str, zeros: str) -> Callable[[object], SparseTensor]:
    function = getattr(ops, own)

    def call(A: object) -> SparseTensor:
        a = taken(A, f"sparse.{name}")
        return a.with_data(function(a.data))

    call.__name__ = call.__qualname__ = name
    call.__module__ = __name__
    call.__doc__ = _DOC.format(name=name, own=own, zeros=zeros)
    return public(call, name=f"sparse.{name}")


_STRUCTURED = {"structured_" + own: own for own in ("exp", "log", "sigmoid")}
FUNCTIONS = {name: _function(name, name, ", as it is 0 at 0") for name in ("abs", *ZERO_AT_ZERO)}
FUNCTIONS |= {
    name: _function(name, own, " alone: places without one stay 0")
    for name, own in _STRUCTURED.items()
}


@public(name="sparse.structured_pow")
def structured_pow(A: object, y: TensorLike) -> SparseTensor:
    """A**y of the entries alone, for any y: a number, or a vector of one for each entry.

    Returns a sparse tensor with the places of A.
    Raises GraphError, a TypeError, for what is not sparse.

        >>> pt.sparse.structured_pow(pt.sparse.csr_array([[0.0, 2.0]]), -1).eval().toarray()
        array([[0. , 0.5]])
    """
    a = taken(A, "sparse.structured_pow")
    return a.with_data(a.data**y)


@public(name="sparse.row_scale")
def row_scale(x: object, s: TensorLike) -> SparseTensor:
    """Each row times a number of its own: diag(s) @ x.

    x, s  sparse (m, n) and a vector (m,)

    Returns a sparse tensor with the places of x.
    Raises GraphError, a TypeError, for what is not sparse or of another size.

        >>> pt.sparse.row_scale(pt.sparse.eye_array(2), [1.0, 3.0]).eval().diagonal()
        array([1., 3.])
    """
    return taken(x, "sparse.row_scale").multiply(as_tensor(s)[:, None])


@public(name="sparse.col_scale")
def col_scale(x: object, s: TensorLike) -> SparseTensor:
    """Each column times a number of its own: x @ diag(s).

    x, s  sparse (m, n) and a vector (n,)

    Returns a sparse tensor with the places of x.
    Raises GraphError, a TypeError, for what is not sparse or of another size.

        >>> pt.sparse.col_scale(pt.sparse.eye_array(2), [1.0, 3.0]).eval().diagonal()
        array([1., 3.])
    """
    return taken(x, "sparse.col_scale").multiply(as_tensor(s)[None, :])


@public(name="sparse.issparse")
def issparse(x: object) -> bool:
    """Whether x is a sparse tensor or a matrix or array of scipy.sparse.

    Returns a bool.

        >>> pt.sparse.issparse(pt.sparse.eye_array(2)), pt.sparse.issparse(np.eye(2))
        (True, False)
    """
    return is_sparse(x)


@public(name="sparse.find")
def find(A: object) -> tuple:
    """The places and the data of all entries; SciPy's function, but entries that are 0 are there,
    as their values are symbolic.

    Returns (rows, columns, data): int64[nnz] of NumPy twice, and a tensor.
    Raises GraphError, a TypeError, for what is not sparse.

        >>> pt.sparse.find(pt.sparse.eye_array(2))[0]
        array([0, 1])
    """
    a = taken(A, "sparse.find").tocsr()
    return a.pattern.rows, a.indices, a.data
