"""The grammar of kernels.

    Kernel(name, body)                        buffers are flat, row-major, named by the plan
    statement = Let(name, expr)               a new local value
              | Store(buffer, index, expr, op)    op None writes; any op of an Acc combines
              | For(var, extent, body, accs)  loop; after it, each accumulator holds its fold
              | Check(condition, code)        where false, the kernel's status becomes `code`
              | Call(routine, reads, writes, numbers)   a library routine on whole buffers
    expr      = Lit(value) | Ref(name) | IndexValue(index) | Load(buffer, index) | Apply(fn, args)

An index (and an extent) is an int or a polynomial `types.Dim` over loop variables, sizes and
integer locals. `IndexValue` makes an int64 value of one. Every expr has a dtype.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from probtensor.types import Size


@dataclass(frozen=True)
class Lit:
    """A number written in the text."""

    value: float | int | bool
    dtype: str


@dataclass(frozen=True)
class Ref:
    """A local: what a Let or an accumulator is called."""

    name: str
    dtype: str


@dataclass(frozen=True)
class IndexValue:
    """The value of an index, as an int64."""

    index: Size
    dtype: str = "int64"


@dataclass(frozen=True)
class Load:
    """One element of a buffer."""

    buffer: str
    index: Size
    dtype: str


@dataclass(frozen=True)
class Apply:
    """`fn` is an operator symbol that targets spell, or the name of a C function."""

    fn: str
    args: tuple[Expr, ...]
    dtype: str


Expr = Lit | Ref | IndexValue | Load | Apply


@dataclass(frozen=True)
class Let:
    """A new local, set once. `origin` is the user's line as file:line, here and below."""

    name: str
    expr: Expr
    origin: str = ""


@dataclass(frozen=True)
class Store:
    """Write an element (`op` None), or combine it with a value by an op of `Acc`."""

    buffer: str
    index: Size
    expr: Expr
    op: str | None = None
    origin: str = ""


@dataclass(frozen=True)
class Acc:
    """A fold carried by a loop: before it `identity`; each turn, `name = name op term`.

    `op` is "add", "mul", "max" or "min"; for bools "and" or "or".
    """

    name: str
    op: str
    identity: float | int | bool
    term: Expr
    origin: str = ""


NOT_GATHERED = 4  # additions of a short inner loop, which need no scratch memory of their own


@dataclass(frozen=True)
class Carry:
    """Sums that a loop adds up in memory: `count` elements of `buffer` from `first` on.

    A target may gather them in `scratch`, which has a double an element, and for float64 a second
    one for what rounding lost. `each` counts the additions to an element at one turn of the loop.
    A loop inside another one that has a carry for the same buffer has one of its own, for the sum
    that it makes at each of the outer turns: `within` is then the `each` of the outer carry, and it
    pays to gather only where that is large.
    `scattered` counts the additions of a scatter, where data decide which element one goes to;
    `each` is then how many one turn of the loop makes in all. The terms of `wide` sums may be added
    before they are rounded to `dtype`.
    """

    buffer: str
    dtype: str
    scratch: str
    first: Size
    count: Size
    scattered: Size | None = None
    each: Size = 1
    within: Size | None = None
    wide: bool = False


@dataclass(frozen=True)
class For:
    """Iterations `0 <= var < extent`. With accumulators it is a fold; `carries` are the sums in
    memory that it completes."""

    var: str
    extent: Size
    body: tuple[Stmt, ...]
    accs: tuple[Acc, ...] = ()
    carries: tuple[Carry, ...] = ()


@dataclass(frozen=True)
class Check:
    """Where the condition is false, the kernel returns `code`; it runs on nevertheless."""

    condition: Expr
    code: int


@dataclass(frozen=True)
class Call:
    """A routine called with pointers to what it reads, then to what it writes, then with integers.

    A pointer is (buffer, offset in elements). `device` is whether a GPU has the routine.
    """

    routine: str
    reads: tuple[tuple[str, Size], ...]
    writes: tuple[tuple[str, Size], ...]
    numbers: tuple[Size, ...]
    origin: str = ""
    device: bool = True

    @property
    def pointers(self) -> tuple[tuple[str, Size], ...]:
        """What is read, then what is written."""
        return (*self.reads, *self.writes)


Stmt = Let | Store | For | Check | Call


@dataclass(frozen=True)
class Kernel:
    """One function of a plan: its statements, and the buffers they read and write."""

    name: str
    body: tuple[Stmt, ...]
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()


def children(expr: Expr) -> tuple[Expr, ...]:
    """The expressions just below."""
    return expr.args if isinstance(expr, Apply) else ()


def walk_expr(expr: Expr) -> Iterator[Expr]:
    """The expression and all below it, outermost first."""
    stack = [expr]
    while stack:
        top = stack.pop()
        yield top
        stack.extend(reversed(children(top)))


def walk(body: tuple[Stmt, ...]) -> Iterator[Stmt]:
    """All statements, outermost first, in order."""
    for stmt in body:
        yield stmt
        if isinstance(stmt, For):
            yield from walk(stmt.body)


def exprs_of(stmt: Stmt) -> tuple[Expr, ...]:
    """The expressions a statement itself holds (not those of statements inside it)."""
    match stmt:
        case Let(_, expr) | Store(_, _, expr):
            return (expr,)
        case For(accs=accs):
            return tuple(acc.term for acc in accs)
        case Check(condition):
            return (condition,)
    return ()


def map_indices(stmt: Stmt, change: Callable[[Size], Size]) -> Stmt:
    """The statement with every index, extent, count and offset in it changed."""
    match stmt:
        case Let(expr=expr):
            return replace(stmt, expr=map_expr_indices(expr, change))
        case Store(index=index, expr=expr):
            return replace(stmt, index=change(index), expr=map_expr_indices(expr, change))
        case For(body=body, accs=accs):
            return replace(
                stmt,
                extent=change(stmt.extent),
                body=tuple(map_indices(inner, change) for inner in body),
                accs=tuple(replace(a, term=map_expr_indices(a.term, change)) for a in accs),
                carries=tuple(_map_carry(carry, change) for carry in stmt.carries),
            )
        case Check(condition):
            return replace(stmt, condition=map_expr_indices(condition, change))
        case Call(reads=reads, writes=writes, numbers=numbers):
            return replace(
                stmt,
                reads=tuple((buffer, change(offset)) for buffer, offset in reads),
                writes=tuple((buffer, change(offset)) for buffer, offset in writes),
                numbers=tuple(map(change, numbers)),
            )


def map_expr_indices(expr: Expr, change: Callable[[Size], Size]) -> Expr:
    """The expression with the index of every load changed."""
    match expr:
        case Load(index=index) | IndexValue(index=index):
            return replace(expr, index=change(index))
        case Apply(args=args):
            return replace(expr, args=tuple(map_expr_indices(arg, change) for arg in args))
    return expr


def _map_carry(carry: Carry, change: Callable[[Size], Size]) -> Carry:
    return replace(
        carry,
        first=change(carry.first),
        count=change(carry.count),
        scattered=None if carry.scattered is None else change(carry.scattered),
        each=change(carry.each),
        within=None if carry.within is None else change(carry.within),
    )


def indices_of(stmt: Stmt) -> Iterator[Size]:
    """The indices, extents and offsets of a statement itself, those in its expressions included
    (not those of statements inside it)."""
    match stmt:
        case Store(index=index):
            yield index
        case For(extent=extent):
            yield extent
        case Call(numbers=numbers):
            yield from (offset for _, offset in stmt.pointers)
            yield from numbers
    for expr in exprs_of(stmt):
        for part in walk_expr(expr):
            if isinstance(part, (Load, IndexValue)):
                yield part.index


@dataclass(frozen=True)
class FoldOp:
    """How two values of a fold are combined.

    `symbol` is the operator or function of `Apply`, `numpy` its meaning, `neutral` the identity:
    a number, or "lowest" or "highest" of the dtype. `integer` names the fold that does the same
    for the integers 0 and 1, as which targets fold bools.
    """

    name: str
    symbol: str
    numpy: Callable
    neutral: int | bool | str
    integer: str

    def identity(self, dtype: str) -> float | int | bool:
        """The neutral value in a dtype (that of its storage)."""
        if not isinstance(self.neutral, str):
            return np.dtype(dtype).type(self.neutral).item()
        lowest = self.neutral == "lowest"
        kind = np.dtype(dtype).kind
        if kind == "f":
            return float("-inf") if lowest else float("inf")
        if kind == "b":
            return not lowest
        info = np.iinfo(dtype)
        return int(info.min if lowest else info.max)


FOLDS = {
    op.name: op
    for op in (
        FoldOp("add", "+", np.add, 0, "add"),
        FoldOp("mul", "*", np.multiply, 1, "mul"),
        FoldOp("max", "maximum", np.maximum, "lowest", "max"),
        FoldOp("min", "minimum", np.minimum, "highest", "min"),
        FoldOp("and", "and", np.logical_and, True, "min"),
        FoldOp("or", "or", np.logical_or, False, "max"),
    )
}
