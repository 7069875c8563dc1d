"""Loops that a routine of `pt_loops.h` computes."""

from __future__ import annotations

from collections.abc import Container, Mapping

from probtensor.dataclass import replace
from probtensor.kernel.ir import Apply, Expr, For, Load, Ref, Store
from probtensor.kernel.simplify import coefficient
from probtensor.schedule.strips.forms import Dot, RowsAdd, RowsDot, ScatterAdd, Sum
from probtensor.types import Dim, Size, size_names


def dot_of(loop: For) -> Dot | None:
    """The dot product sum_j a[.. + j] * x[.. + j], if that is all a loop computes."""
    if loop.body or len(loop.accs) != 1 or loop.accs[0].op != "add":
        return None
    factors = _product(loop.accs[0].term)
    if factors is None or not all(isinstance(f, Load) for f in factors):
        return None
    if any(coefficient(f.index, loop.var) != 1 for f in factors):
        return None
    left, right = (_first(f, loop.var) for f in factors)
    return Dot(loop.accs[0].name, loop.extent, left, right, loop.accs[0].origin)


def sum_of(loop: For) -> Sum | None:
    """The sum sum_j a[.. + j], if that is all a loop computes."""
    if loop.body or len(loop.accs) != 1 or loop.accs[0].op != "add":
        return None
    match loop.accs[0].term:
        case Load(dtype="float64") as load:
            pass
        case Apply("cast", (Load(dtype="float32") as load,), "float64"):
            pass
        case _:
            return None
    if coefficient(load.index, loop.var) != 1:
        return None
    return Sum(loop.accs[0].name, loop.extent, _first(load, loop.var), loop.accs[0].origin)


def rows_of(inner: For, var: str, wide: Container[str]) -> RowsDot | RowsAdd | None:
    """The routine of an inner loop that, in each iteration of `var`, multiplies a row of a matrix
    by a vector, or adds a multiple of it."""
    dot = dot_of(inner)
    return _rows_add(inner, var, wide) if dot is None else _rows_dot(dot, var, wide)


def _rows_dot(dot: Dot, var: str, wide: Container[str]) -> RowsDot | None:
    if dot.result not in wide:
        return None
    for matrix, vector in ((dot.left, dot.right), (dot.right, dot.left)):
        stride = coefficient(matrix.index, var)
        if stride not in (None, 0) and coefficient(vector.index, var) == 0:
            return RowsDot(dot.result, dot.extent, matrix, stride, vector, var, dot.origin)
    return None


def _rows_add(inner: For, var: str, wide: Container[str]) -> RowsAdd | None:
    """buffer[.. + j] += wide local * matrix[row of var + j]."""
    if inner.accs or len(inner.body) != 1 or not isinstance(inner.body[0], Store):
        return None
    store = inner.body[0]
    factors = _product(store.expr)
    if store.op != "add" or factors is None or coefficient(store.index, inner.var) != 1:
        return None
    for weight, matrix in (factors, factors[::-1]):
        if not isinstance(weight, Ref) or weight.name not in wide or not isinstance(matrix, Load):
            continue
        stride = coefficient(matrix.index, var)
        if coefficient(matrix.index, inner.var) != 1 or stride in (None, 0):
            continue
        if coefficient(store.index, var) != 0 or matrix.dtype != "float64":
            continue
        offset, row = _without(store.index, inner.var), _first(matrix, inner.var)
        return RowsAdd(
            store.buffer, offset, inner.extent, row, stride, weight, var, store.origin
        )
    return None


def index_of(expr: Expr) -> Load | None:
    """The element of an array of int64 or int32 that an expression is, as an int64."""
    if isinstance(expr, Apply) and expr.fn == "cast" and expr.dtype == "int64":
        (expr,) = expr.args
    return expr if isinstance(expr, Load) and expr.dtype in ("int64", "int32") else None


def scatter_add_of(
    store: Store, var: str, wide: Container[str], indices: Mapping[str, Load]
) -> ScatterAdd | None:
    """buffer[index array[iteration] + offset] += wide local."""
    names = [name for name in size_names(store.index) if name in indices]
    if len(names) != 1 or coefficient(store.index, names[0]) != 1:
        return None
    if coefficient(store.index, var) != 0 or store.expr.dtype != "float64":
        return None
    if not isinstance(store.expr, Ref) or store.expr.name not in wide:
        return None
    offset = _without(store.index, names[0])
    return ScatterAdd(store.buffer, offset, indices[names[0]], store.expr, var, store.origin)


def _product(expr: Expr) -> tuple[Expr, Expr] | None:
    if isinstance(expr, Apply) and expr.fn == "*" and expr.dtype == "float64":
        return expr.args
    return None


def _first(load: Load, var: str) -> Load:
    """The load of the first iteration."""
    return replace(load, index=_without(load.index, var))


def _without(index: Size, var: str) -> Size:
    return index - Dim.name(var)
