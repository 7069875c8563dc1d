"""`pt.sparse`: sparse matrices, by the names and signatures of scipy.sparse.

    pattern.py    `Pattern`: where a matrix has entries, interned by content
    tensor.py     `SparseTensor`: a pattern and the data of its entries, a tensor
    making.py     of data and places, of matrices of scipy.sparse and arrays; shared data
    products.py   with vectors, dense and sparse matrices
    entrywise.py  sums, products, comparisons; functions that are 0 at 0
    reductions.py sums, extremes, diagonals
    places.py     parts, stacks, blocks, triangles, diagonals
    functions.py  functions of the entries by name
    factor/       `pt.sparse.linalg`: Cholesky factors

The one idea: where entries are is known when the graph is made, what they are is a tensor. So a
sparse matrix is no type of the compiler: A @ x is `segment_sum(data * x[columns], rows)`, one loop
over the entries, and derivatives, simplification, all targets and samplers know it already. What
moves entries (indexing, stacking) is done by SciPy once, on their numbers, and is a gather of the
data afterwards.

Rejected: a kind of tensor with symbolic places, as in PyTensor, whose every op needs derivatives
and code of its own, and whose results have sizes that only a call knows; block formats, which are
compressed rows here.
"""

from probtensor.calls import absent
from probtensor.sparse import factor as linalg
from probtensor.sparse.functions import (
    FUNCTIONS,
    col_scale,
    find,
    issparse,
    row_scale,
    structured_pow,
)
from probtensor.sparse.making import (
    as_sparse,
    coo_array,
    csc_array,
    csr_array,
    shared,
)
from probtensor.sparse.places import (
    block_array,
    block_diag,
    diags_array,
    eye_array,
    hstack,
    kron,
    tril,
    triu,
    vstack,
)
from probtensor.sparse.products import dot, sampling_dot, usmm
from probtensor.sparse.tensor import SparseTensor

(
    abs, arcsin, arcsinh, arctan, arctanh, ceil, conj, conjugate, deg2rad, expm1, floor, log1p,
    rad2deg, rint, sign, sin, sinh, sqrt, tan, tanh, trunc, structured_exp, structured_log,
    structured_sigmoid,
) = FUNCTIONS.values()  # fmt: skip

__all__ = [
    "SparseTensor",
    "abs",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctanh",
    "as_sparse",
    "block_array",
    "block_diag",
    "ceil",
    "col_scale",
    "conj",
    "conjugate",
    "coo_array",
    "csc_array",
    "csr_array",
    "deg2rad",
    "diags_array",
    "dot",
    "expm1",
    "eye_array",
    "find",
    "floor",
    "hstack",
    "issparse",
    "kron",
    "linalg",
    "log1p",
    "rad2deg",
    "rint",
    "row_scale",
    "sampling_dot",
    "shared",
    "sign",
    "sin",
    "sinh",
    "sqrt",
    "structured_exp",
    "structured_log",
    "structured_pow",
    "structured_sigmoid",
    "tan",
    "tanh",
    "tril",
    "triu",
    "trunc",
    "usmm",
    "vstack",
]

_REASONS = {
    "csr_matrix": "write pt.sparse.csr_array, whose * is entry by entry",
    "csc_matrix": "write pt.sparse.csc_array, whose * is entry by entry",
    "coo_matrix": "write pt.sparse.coo_array, whose * is entry by entry",
    "csr_from_dense": "write pt.sparse.csr_array(array)",
    "csc_from_dense": "write pt.sparse.csc_array(array)",
    "as_sparse_variable": "write pt.sparse.as_sparse",
    "as_symbolic_sparse": "write pt.sparse.as_sparse",
    "dense_from_sparse": "write A.toarray()",
    "structured_dot": "write A @ x",
    "true_dot": "write A @ x",
    "csm_data": "write A.data",
    "csm_indices": "write A.indices",
    "csm_indptr": "write A.indptr",
    "csm_shape": "write A.shape",
    "cast": "write A.astype(dtype)",
    "transpose": "write A.T",
    "diag": "write A.diagonal()",
    "sp_sum": "write A.sum(axis)",
    "diags": "write pt.sparse.diags_array",
    "eye": "write pt.sparse.eye_array",
    "identity": "write pt.sparse.eye_array",
    "square_diagonal": "write pt.sparse.diags_array",
    "bmat": "write pt.sparse.block_array",
    "bsr_array": "blocks are entries like others: pt.sparse.csr_array",
    "bsr_matrix": "blocks are entries like others: pt.sparse.csr_array",
    "matrix": "give data and places: pt.sparse.csr_array((data, indices, indptr), shape=(m, n))",
    "remove0": "places are fixed: entries that are 0 stay",
}

__getattr__ = absent("pt.sparse", dict.fromkeys(__all__), reasons=_REASONS)
