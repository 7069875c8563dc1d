"""The grammar of kernels.

    Kernel(name, body)                        buffers are flat, row-major, named by the plan
    statement = Let(name, expr)               a new local value
              | Store(buffer, index, expr, op)    op None writes; any op of an Acc combines
              | For(var, extent, body, accs)  loop; after it, each accumulator holds its fold
              | Check(condition, code)        where false, the kernel's status becomes `code`
              | Call(routine, args)           a library routine on whole buffers
    expr      = Lit(value) | Ref(name) | Place(index) | Load(buffer, index) | Apply(fn, args)

An index (and an extent) is an int or a polynomial `types.Dim` over loop variables, sizes and
integer locals. `Place` makes an int64 value of one. Every expr has a dtype.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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
class Place:
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


Expr = Lit | Ref | Place | Load | Apply


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
    """Turns `start <= var < extent`. With accumulators it is a fold; `carries` are the sums in
    memory that it completes."""

    var: str
    extent: Size
    body: tuple[Stmt, ...]
    accs: tuple[Acc, ...] = ()
    start: Size = 0
    carries: tuple[Carry, ...] = ()


@dataclass(frozen=True)
class Check:
    """Where the condition is false, the kernel returns `code`; it runs on nevertheless."""

    condition: Expr
    code: int


@dataclass(frozen=True)
class Call:
    """A routine called with pointers to buffers (at an offset) and sizes, in the order given."""

    routine: str
    args: tuple[tuple[str, Size] | Size, ...]
    origin: str = ""


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


IDENTITY = {"add": 0, "mul": 1, "and": True, "or": False, "max": "lowest", "min": "highest"}


def identity(op: str, dtype: str) -> float | int | bool:
    """The neutral value of a fold in a dtype (that of its storage)."""
    known = IDENTITY[op]
    if not isinstance(known, str):
        return bool(known) if dtype == "bool" else float(known) if "float" in dtype else int(known)
    low = known == "lowest"
    if "float" in dtype:
        return float("-inf") if low else float("inf")
    if dtype == "bool":
        return not low
    bits = int(dtype.lstrip("uint"))
    if dtype.startswith("u"):
        return 0 if low else 2**bits - 1
    return -(2 ** (bits - 1)) if low else 2 ** (bits - 1) - 1
