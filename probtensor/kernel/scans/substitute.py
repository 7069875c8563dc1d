"""Locals replaced by values in statements, and fresh names for locals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import is_

from probtensor.dataclass import replace
from probtensor.kernel.interp import OPERATORS
from probtensor.kernel.ir import (
    Apply,
    Call,
    Check,
    Expr,
    For,
    IndexValue,
    Let,
    Lit,
    Load,
    Ref,
    Stmt,
    Store,
    indices_of,
    map_indices,
    walk,
)
from probtensor.kernel.simplify import resimplify
from probtensor.kernel.touch import buffers_of, names_set
from probtensor.types import Dim, Size, dtype_of, size_names, size_substitute

# Local -> what is read in its place; those that indices read are int64.
Values = Mapping[str, Expr]

COMPARISONS = {"<", "<=", ">", ">=", "==", "!="}


class Names:
    """Names that a kernel does not use yet."""

    def __init__(self, body: Iterable[Stmt]) -> None:
        self.used: set[str] = set()
        self.counts: dict[str, int] = {}
        body = tuple(body)
        for stmt in body:
            self.used.update(buffers_of(stmt))
        indices: set[Size] = set()
        for stmt in walk(body):
            indices.update(indices_of(stmt))
            self.used.update(names_set(stmt))
            self.used.add(getattr(stmt, "var", ""))
        self.used.update(*map(size_names, indices))

    def fresh(self, name: str) -> str:
        """`name` with the next number that gives an unused name."""
        while True:
            count = self.counts.get(name, 0)
            self.counts[name] = count + 1
            found = f"{name}_{count}"
            if found not in self.used:
                self.used.add(found)
                return found


def index_at(index: Size, values: Values, bounds: Mapping[str, Size]) -> Size:
    """An index with locals replaced, its divisions simplified by the ranges of variables."""
    names = size_names(index) & values.keys() if values and isinstance(index, Dim) else None
    if not names:
        return index
    found = size_substitute(index, {name: _as_size(values[name]) for name in names})
    return resimplify(found, bounds)


def _as_size(value: Expr) -> Size:
    match value:
        case Lit(number):
            return int(number)
        case Ref(name):
            return Dim.name(name)
        case IndexValue(index):
            return index
    raise TypeError(f"an index cannot contain {value!r}")


def expr_at(expr: Expr, values: Values, bounds: Mapping[str, Size]) -> Expr:
    """An expression with locals replaced, and what is constant then evaluated."""
    match expr:
        case Ref(name):
            return values.get(name, expr)
        case IndexValue(index):
            found = index_at(index, values, bounds)
            return Lit(found, "int64") if isinstance(found, int) else IndexValue(found)
        case Load(buffer, index, dtype):
            found = index_at(index, values, bounds)
            return expr if found is index else Load(buffer, found, dtype)
        case Apply(args=args):
            return evaluated(with_args(expr, [expr_at(a, values, bounds) for a in args]))
    return expr


def with_args(expr: Apply, args: Sequence[Expr]) -> Apply:
    """The expression on other operands; itself on its own."""
    same = all(map(is_, args, expr.args))
    return expr if same else Apply(expr.fn, tuple(args), expr.dtype)


def evaluated(expr: Apply) -> Expr:
    """The value of a condition on literals, or the branch that it takes; else the expression.

    Only what has the same result in every target is evaluated: comparisons of integers, logic,
    the choice of a branch, and integers as floating-point numbers.
    """
    match expr:
        case Apply("where", (Lit(condition), first, second), dtype):
            chosen = first if condition else second
            return chosen if chosen.dtype == dtype else Apply("cast", (chosen,), dtype)
        case Apply("cast", (Lit(value, "int64" | "bool"),), "float64") if abs(value) < 2**53:
            return Lit(float(value), "float64")
        case Apply(fn, args, "bool") if args and all(
            isinstance(arg, Lit) and arg.dtype in ("int64", "bool") for arg in args
        ):
            if fn in COMPARISONS or fn in ("and", "or", "not"):
                return Lit(bool(OPERATORS[fn](*(arg.value for arg in args))), "bool")
    return expr


def statement_at(stmt: Stmt, values: Values, bounds: Mapping[str, Size]) -> Stmt:
    """A statement that is no loop with locals replaced in its indices and expressions."""
    match stmt:
        case Let(name, expr, origin):
            return Let(name, expr_at(expr, values, bounds), origin)
        case Store(buffer, index, expr, op, origin, unique):
            value = expr_at(expr, values, bounds)
            return Store(buffer, index_at(index, values, bounds), value, op, origin, unique)
        case Check(condition):
            return replace(stmt, condition=expr_at(condition, values, bounds))
        case Call():
            return map_indices(stmt, lambda index: index_at(index, values, bounds))
    raise TypeError(f"{type(stmt).__name__} has statements inside")


def head_at(loop: For, values: Values, bounds: Mapping[str, Size]) -> For:
    """A loop that is not unrolled, with locals replaced in its extent and carries."""
    bare = replace(loop, body=(), accs=())
    found = map_indices(bare, lambda index: index_at(index, values, bounds))
    return replace(found, body=loop.body, accs=loop.accs)


def converted(value: Expr, dtype: str) -> Expr:
    """A value as what a buffer of this dtype holds."""
    return value if value.dtype == dtype else Apply("cast", (value,), dtype)


def zero(dtype: str) -> Lit:
    """The literal 0 of a dtype."""
    if dtype == "bool":
        return Lit(False, dtype)
    return Lit(0.0 if dtype_of(dtype).is_float else 0, dtype)
