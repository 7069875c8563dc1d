"""Operations entry by entry: of two sparse matrices, of one and a dense operand."""

from __future__ import annotations

import numbers
from collections.abc import Callable

import numpy as np

from probtensor import ops
from probtensor.graph.node import OPERATORS, GraphError, Node, TensorLike, as_tensor
from probtensor.graph.symbolic import refusal
from probtensor.sparse.pattern import Pattern, index_node, of_flat_places
from probtensor.sparse.tensor import SparseTensor, is_sparse, numbered, taken

# Functions that are 0 at 0, which are applied to the data.
ZERO_AT_ZERO = (
    "arcsin", "arcsinh", "arctan", "arctanh", "ceil", "conj", "conjugate", "deg2rad", "expm1",
    "floor", "log1p", "rad2deg", "rint", "sign", "sin", "sinh", "sqrt", "tan", "tanh", "trunc",
)  # fmt: skip
HALF = 2**32
WAY_OUT = "A.toarray() is the dense matrix, for which everything is defined"


def not_zero_at_zero(what: str, a: SparseTensor) -> GraphError:
    """The error for an operation whose result would have no zeros between the entries."""
    return refusal(
        f"{what}: the result would not be 0 where {a.text} of shape {a.shape} has no entries",
        WAY_OUT,
        f"A.with_data(...) of A.data has other numbers at its {a.nnz} entries",
        kind=GraphError,
    )


def same_shape(what: str, a: SparseTensor, b: SparseTensor) -> None:
    """GraphError unless two matrices have one shape."""
    if a.shape != b.shape:
        raise refusal(
            f"{what}: shapes {a.shape} and {b.shape} of sparse tensors differ",
            "sparse tensors do not broadcast: give a dense vector, or stack them",
            kind=GraphError,
        )


def in_one_format(a: SparseTensor, b: SparseTensor) -> tuple[SparseTensor, SparseTensor]:
    """Both in the format of the first."""
    return a, b.asformat(a.format)


def united(
    a: SparseTensor, b: SparseTensor, function: Callable[[Node, Node], Node]
) -> SparseTensor:
    """A function that is 0 at (0, 0) of two matrices, at the places of either."""
    a, b = in_one_format(a, b)
    if a.pattern is b.pattern:
        return SparseTensor(a.pattern, function(a.data, b.data), a.format)
    # The sum of the numbers of their entries, of which one takes the upper half of the bits.
    both = numbered(a.pattern) + numbered(b.pattern) * HALF
    both.sort_indices()
    spread = [
        ops.zeros((both.nnz,), x.dtype).at[index_node(np.flatnonzero(own))].set(
            x.data, unique_indices=True
        )
        for x, own in ((a, both.data % HALF), (b, both.data // HALF))
    ]
    pattern = Pattern(both.shape, both.indptr, both.indices)
    return SparseTensor(pattern, function(*spread), a.format)


def common(a: SparseTensor, b: SparseTensor) -> SparseTensor:
    """The product of two matrices, at the places of both."""
    a, b = in_one_format(a, b)
    if a.pattern is b.pattern:
        return SparseTensor(a.pattern, a.data * b.data, a.format)
    found, first, second = np.intersect1d(
        a.pattern.places(), b.pattern.places(), assume_unique=True, return_indices=True
    )
    data = a.data[index_node(first)] * b.data[index_node(second)]
    return SparseTensor(of_flat_places(a.pattern.shape, found), data, a.format)


def at_entries(a: SparseTensor, value: TensorLike, what: str) -> TensorLike:
    """What of a dense operand stands at each entry; operands of fewer or larger axes broadcast.

    Numbers are returned as they are: those of Python leave the dtype of the entries.
    """
    x = as_tensor(value)
    if not x.ndim:
        return value
    rows, columns = a.shape
    sizes = (1, *x.shape)[-2:]
    wrong = [n for n, size in zip(sizes, a.shape) if isinstance(n, int) and n not in (1, size)]
    if x.ndim > 2 or wrong:
        raise refusal(
            f"{what}: {x.type} does not broadcast to the shape {a.shape} of a sparse tensor",
            f"{a.text}; {x.birthplace}",
            kind=GraphError,
        )
    if sizes[0] == 1 and sizes[1] == columns:
        return ops.reshape(x, (columns,))[a.column_node]
    if x.ndim == 2 and sizes[1] == 1 and sizes[0] == rows:
        return ops.reshape(x, (rows,))[a.row_node]
    return ops.broadcast_to(x, (rows, columns))[a.row_node, a.column_node]


def number_of(value: object) -> float | None:
    """A known real number, or None."""
    known = isinstance(value, (numbers.Real, np.bool_)) or (
        isinstance(value, np.ndarray) and not value.ndim and value.dtype.kind in "bifu"
    )
    return float(value) if known else None


def plus(a: SparseTensor, other: object, what: str = "+") -> SparseTensor | Node:
    """a + other: sparse of a sparse matrix, dense of a dense one."""
    if is_sparse(other):
        b = taken(other, what)
        same_shape(what, a, b)
        return united(a, b, OPERATORS["+"])
    if number_of(other) == 0:
        return a
    x = as_tensor(other)
    if not x.ndim:
        raise not_zero_at_zero(what, a)
    at_entries(a, x, what)  # refuses other shapes
    return ops.broadcast_to(x, a.shape) + a.toarray()


def minus(a: SparseTensor, other: object) -> SparseTensor | Node:
    """a - other: sparse of a sparse matrix, dense of a dense one."""
    if is_sparse(other):
        b = taken(other, "-")
        same_shape("-", a, b)
        return united(a, b, OPERATORS["-"])
    return plus(a, other if number_of(other) == 0 else -as_tensor(other), "-")


def multiply(a: SparseTensor, other: object) -> SparseTensor:
    """a * other: at the places of both, or of a alone for dense operands."""
    if is_sparse(other):
        b = taken(other, "*")
        same_shape("*", a, b)
        return common(a, b)
    return SparseTensor(a.pattern, a.data * at_entries(a, other, "*"), a.format)


def divide(a: SparseTensor, other: object) -> SparseTensor:
    """a / other for dense operands; places without entries stay 0 whatever they are divided by."""
    if is_sparse(other):
        raise not_zero_at_zero("/", a)
    return SparseTensor(a.pattern, a.data / at_entries(a, other, "/"), a.format)


def power(a: SparseTensor, n: object) -> SparseTensor:
    """a**n for a known number n above 0."""
    exponent = number_of(n)
    if exponent is None or not exponent > 0:
        raise refusal(
            f"**: the exponent of a sparse tensor is a number above 0, not {n!r:.40}",
            "A.with_data(A.data**n) raises the entries alone",
            kind=GraphError,
        )
    return SparseTensor(a.pattern, a.data**n, a.format)


ZERO_COMPARED: dict[str, Callable[[float], bool]] = {
    "==": lambda x: x == 0, "!=": lambda x: x != 0, "<": lambda x: x > 0, "<=": lambda x: x >= 0,
    ">": lambda x: x < 0, ">=": lambda x: x <= 0,
}  # fmt: skip


def compare(symbol: str, a: SparseTensor, other: object) -> SparseTensor:
    """A comparison with a sparse matrix, or with a number that 0 compares as false with."""
    if is_sparse(other):
        b = taken(other, symbol)
        same_shape(symbol, a, b)
        if ZERO_COMPARED[symbol](0.0):
            raise not_zero_at_zero(symbol, a)
        return united(a, b, OPERATORS[symbol])
    value = number_of(other)
    if value is None or ZERO_COMPARED[symbol](value):
        raise not_zero_at_zero(symbol, a)
    return SparseTensor(a.pattern, OPERATORS[symbol](a.data, other), a.format)


def extreme(name: str, a: SparseTensor, other: object) -> SparseTensor:
    """The larger or the smaller of two matrices, or of one and a number."""
    function = getattr(ops, name)
    if is_sparse(other):
        b = taken(other, name)
        same_shape(name, a, b)
        return united(a, b, function)
    value = number_of(other)
    if value is None or (value > 0 if name == "maximum" else value < 0) or value != value:
        raise not_zero_at_zero(name, a)
    return SparseTensor(a.pattern, function(a.data, other), a.format)
