"""The grammar of kernels.

    Kernel(name, body)                        buffers are flat, row-major, named by the plan
    statement = Let(name, expr)               defines a local
              | Store(buffer, index, expr, op)    op None writes; any op of an Acc combines
              | For(var, extent, body, accs)  loop; after it, each accumulator is a local
              | Scan(var, extent, states, body)   loop whose iterations run in order
              | If(condition, then, otherwise, choices)   runs one of two bodies
              | Check(condition, code)        if false, the kernel's status becomes `code`
              | Call(routine, reads, writes, numbers)   a library routine on entire buffers
    expr      = Lit(value) | Ref(name) | IndexValue(index) | Load(buffer, index) | Apply(fn, args)

An index (and an extent) is an int or a polynomial `types.Dim` over loop variables, sizes and
integer locals. `IndexValue` is its value as an expr, an int64. Every expr has a dtype.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

import numpy as np

from probtensor.dataclass import dataclass, replace
from probtensor.types import Size, field_names


@dataclass(frozen=True)
class Lit:
    """A literal number."""

    value: float | int | bool
    dtype: str


@dataclass(frozen=True)
class Ref:
    """A local, defined by a Let or an accumulator, by name."""

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
    """An operator or function applied to arguments: `fn` is an operator symbol, which each target
    spells, or the name of a C function."""

    fn: str
    args: tuple[Expr, ...]
    dtype: str


Expr = Lit | Ref | IndexValue | Load | Apply


class Statement:
    """What statements share: `touch.touched` caches in them what they read and write."""

    touched: ClassVar[object] = None

    def __getstate__(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in field_names(type(self))}


@dataclass(frozen=True)
class Let(Statement):
    """The definition of a local. `origin` is the user's line as file:line, here and below."""

    name: str
    expr: Expr
    origin: str = ""


@dataclass(frozen=True)
class Store(Statement):
    """Write an element (`op` None), or combine a value into it by an op of `Acc`. `unique` promises
    that no two iterations store to one element."""

    buffer: str
    index: Size
    expr: Expr
    op: str | None = None
    origin: str = ""
    unique: bool = False


@dataclass(frozen=True)
class Acc:
    """A fold of a loop: `name = identity` before it, and `name = name op term` each iteration.

    `op` is "add", "mul", "max" or "min"; for bools "and" or "or".
    """

    name: str
    op: str
    identity: float | int | bool
    term: Expr
    origin: str = ""


NOT_GATHERED = 4  # an inner loop with at most so many additions needs no scratch memory


@dataclass(frozen=True)
class Carry:
    """Sums that a loop accumulates in memory: `count` elements of `buffer` from `offset` on.

    A target may accumulate them in `scratch`, which has one double per element, and for float64 a
    second one for the rounding error.

    scatter_additions  for a scatter, where data decide the element: the number of its additions
    additions          to an element in one iteration of the loop; of a scatter, all additions in
                       one iteration
    outer_additions    if a loop around this one has a carry of the same buffer: the `additions` of
                       that carry. This carry is then for the partial sums of one outer iteration,
                       and scratch memory pays only if `outer_additions` is large
    wide               whether terms may be added in double before they are rounded to `dtype`
    """

    buffer: str
    dtype: str
    scratch: str
    offset: Size
    count: Size
    scatter_additions: Size | None = None
    additions: Size = 1
    outer_additions: Size | None = None
    wide: bool = False


@dataclass(frozen=True)
class For(Statement):
    """A loop with `0 <= var < extent`. With accumulators it is a fold; `carries` are the sums in
    memory that are complete after it."""

    var: str
    extent: Size
    body: tuple[Stmt, ...]
    accs: tuple[Acc, ...] = ()
    carries: tuple[Carry, ...] = ()


@dataclass(frozen=True)
class State:
    """A local that a `Scan` passes from one iteration to the next: `init` in the first iteration,
    `next` of the one before in the others, and the last value after the loop. All `next` are
    evaluated at the end of an iteration, before any of these locals changes."""

    name: str
    init: Expr
    next: Expr
    origin: str = ""

    @property
    def dtype(self) -> str:
        """Its dtype."""
        return self.init.dtype


@dataclass(frozen=True)
class Scan(Statement):
    """A loop with 0 <= var < extent whose iterations run in order: one may read what the ones
    before it stored. Without an extent it has no limit.

    stop   a condition, evaluated at the end of an iteration, that makes it the last one
    count  a local with the number of iterations that were run, available after the loop
    """

    var: str
    extent: Size | None
    body: tuple[Stmt, ...]
    states: tuple[State, ...] = ()
    stop: Expr | None = None
    count: str | None = None


@dataclass(frozen=True)
class Choice:
    """A local that an `If` defines: `first` at the end of `then`, or `second` at the end of
    `otherwise`. Each may read the locals of its body."""

    name: str
    first: Expr
    second: Expr
    origin: str = ""

    @property
    def dtype(self) -> str:
        """Its dtype."""
        return self.first.dtype


@dataclass(frozen=True)
class If(Statement):
    """`then` if the condition holds, else `otherwise`; the other body is not run at all. After it,
    each choice is a local. All that run the statement together, the threads of a group, have the
    same value of the condition."""

    condition: Expr
    then: tuple[Stmt, ...]
    otherwise: tuple[Stmt, ...] = ()
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True)
class Check(Statement):
    """If the condition is false, the kernel returns `code`, after running to its end, to which the
    pass of failing.py brings loops until a condition."""

    condition: Expr
    code: int


@dataclass(frozen=True)
class Call(Statement):
    """A call of a routine: pointers to its inputs, then to its outputs, then integers.

    A pointer is (buffer, offset in elements). `device`: whether the routine exists for GPUs.
    """

    routine: str
    reads: tuple[tuple[str, Size], ...]
    writes: tuple[tuple[str, Size], ...]
    numbers: tuple[Size, ...]
    origin: str = ""
    device: bool = True

    @property
    def pointers(self) -> tuple[tuple[str, Size], ...]:
        """All pointers, in the order of the arguments."""
        return (*self.reads, *self.writes)


Stmt = Let | Store | For | Scan | If | Check | Call
STRAIGHT = frozenset({Let, Store, Check, Call})  # statements without a body


@dataclass(frozen=True)
class Kernel:
    """One function of a plan: its statements, and the buffers they read and write."""

    name: str
    body: tuple[Stmt, ...]
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()


def children(expr: Expr) -> tuple[Expr, ...]:
    """The direct subexpressions."""
    return expr.args if isinstance(expr, Apply) else ()


def walk_expr(expr: Expr) -> Sequence[Expr]:
    """The expression and all its subexpressions, outermost first."""
    if expr.__class__ is not Apply:
        return (expr,)
    found, stack = [], [expr]
    while stack:
        top = stack.pop()
        found.append(top)
        if top.__class__ is Apply:
            stack += top.args[::-1]
    return found


def walk(body: tuple[Stmt, ...]) -> Iterator[Stmt]:
    """All statements, outermost first, in order."""
    for stmt in body:
        yield stmt
        if stmt.__class__ not in STRAIGHT:
            for inner in blocks(stmt):
                yield from walk(inner)


def blocks(stmt: Stmt) -> tuple[tuple[Stmt, ...], ...]:
    """The bodies of a statement, in order."""
    if stmt.__class__ in STRAIGHT:
        return ()
    match stmt:
        case For(body=body) | Scan(body=body):
            return (body,)
        case If(then=then, otherwise=otherwise):
            return (then, otherwise)
    return ()


def map_blocks(
    stmt: Stmt, change: Callable[[tuple[Stmt, ...]], tuple[Stmt, ...]]
) -> Stmt:
    """The statement with each of its bodies changed."""
    match stmt:
        case For(body=body) | Scan(body=body):
            return replace(stmt, body=change(body))
        case If(then=then, otherwise=otherwise):
            return replace(stmt, then=change(then), otherwise=change(otherwise))
    return stmt


def exprs_of(stmt: Stmt) -> tuple[Expr, ...]:
    """The expressions of a statement, without those of statements inside it."""
    if stmt.__class__ is Let or stmt.__class__ is Store:
        return (stmt.expr,)
    match stmt:
        case For(accs=accs):
            return tuple(acc.term for acc in accs)
        case Scan(states=states, stop=stop):
            ends = () if stop is None else (stop,)
            return (*(s.init for s in states), *(s.next for s in states), *ends)
        case If(condition, choices=choices):
            return (condition, *(c.first for c in choices), *(c.second for c in choices))
        case Check(condition):
            return (condition,)
    return ()


def map_indices(stmt: Stmt, change: Callable[[Size], Size]) -> Stmt:
    """The statement with every index, extent, count and offset in it changed."""
    match stmt:
        case Let(name, expr, origin):
            changed = map_expr_indices(expr, change)
            return stmt if changed is expr else Let(name, changed, origin)
        case Store(buffer, index, expr, op, origin, unique):
            place, changed = change(index), map_expr_indices(expr, change)
            same = place is index and changed is expr
            return stmt if same else Store(buffer, place, changed, op, origin, unique)
        case For(body=body, accs=accs):
            return replace(
                stmt,
                extent=change(stmt.extent),
                body=tuple(map_indices(inner, change) for inner in body),
                accs=tuple(replace(a, term=map_expr_indices(a.term, change)) for a in accs),
                carries=tuple(_map_carry(carry, change) for carry in stmt.carries),
            )
        case Scan():
            return _map_scan(stmt, change)
        case If():
            return _map_if(stmt, change)
        case Check(condition):
            return replace(stmt, condition=map_expr_indices(condition, change))
        case Call(reads=reads, writes=writes, numbers=numbers):
            return replace(
                stmt,
                reads=tuple((buffer, change(offset)) for buffer, offset in reads),
                writes=tuple((buffer, change(offset)) for buffer, offset in writes),
                numbers=tuple(map(change, numbers)),
            )


def _map_scan(scan: Scan, change: Callable[[Size], Size]) -> Scan:
    return replace(
        scan,
        extent=None if scan.extent is None else change(scan.extent),
        body=tuple(map_indices(inner, change) for inner in scan.body),
        states=tuple(
            replace(
                state,
                init=map_expr_indices(state.init, change),
                next=map_expr_indices(state.next, change),
            )
            for state in scan.states
        ),
        stop=None if scan.stop is None else map_expr_indices(scan.stop, change),
    )


def _map_if(stmt: If, change: Callable[[Size], Size]) -> If:
    made = replace(
        stmt,
        condition=map_expr_indices(stmt.condition, change),
        choices=tuple(
            replace(
                choice,
                first=map_expr_indices(choice.first, change),
                second=map_expr_indices(choice.second, change),
            )
            for choice in stmt.choices
        ),
    )
    return map_blocks(made, lambda body: tuple(map_indices(inner, change) for inner in body))


def map_expr_indices(expr: Expr, change: Callable[[Size], Size]) -> Expr:
    """The expression with the index of every load changed."""
    kind = expr.__class__
    if kind is Apply:
        changed = None
        for k, arg in enumerate(expr.args):
            if arg.__class__ is Ref or arg.__class__ is Lit:
                continue
            made = map_expr_indices(arg, change)
            if made is not arg:
                changed = changed or [*expr.args]
                changed[k] = made
        return expr if changed is None else Apply(expr.fn, tuple(changed), expr.dtype)
    if kind is Load:
        index = change(expr.index)
        return expr if index is expr.index else Load(expr.buffer, index, expr.dtype)
    if kind is IndexValue:
        index = change(expr.index)
        return expr if index is expr.index else IndexValue(index, expr.dtype)
    return expr


def _map_carry(carry: Carry, change: Callable[[Size], Size]) -> Carry:
    scatter, outer = carry.scatter_additions, carry.outer_additions
    return replace(
        carry,
        offset=change(carry.offset),
        count=change(carry.count),
        scatter_additions=None if scatter is None else change(scatter),
        additions=change(carry.additions),
        outer_additions=None if outer is None else change(outer),
    )


def own_indices(stmt: Stmt) -> Sequence[Size]:
    """The indices, extents and offsets of a statement, without those of its expressions."""
    match stmt:
        case Store(index=index):
            return (index,)
        case For(extent=extent):
            return (extent,)
        case Scan(extent=extent) if extent is not None:
            return (extent,)
        case Call(numbers=numbers):
            return (*(offset for _, offset in stmt.pointers), *numbers)
    return ()


def indices_of(stmt: Stmt) -> Iterator[Size]:
    """The indices, extents and offsets of a statement and of its expressions, without those of
    statements inside it."""
    yield from own_indices(stmt)
    for expr in exprs_of(stmt):
        for part in walk_expr(expr):
            if isinstance(part, (Load, IndexValue)):
                yield part.index


@dataclass(frozen=True)
class FoldOp:
    """The operation that combines two values of a fold.

    `symbol` is its operator or function in `Apply`, `numpy` its meaning, `neutral` its identity: a
    number, or "lowest" or "highest" of the dtype. `integer` names the equivalent fold of the
    integers 0 and 1, which targets use for bools.
    """

    name: str
    symbol: str
    numpy: Callable
    neutral: int | bool | str
    integer: str

    def identity(self, dtype: str) -> float | int | bool:
        """The identity in a dtype."""
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
