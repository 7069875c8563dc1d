"""The forms of loops on a CPU: strips of segments, calls of routines, and jammed rows."""

from __future__ import annotations

from probtensor.dataclass import dataclass
from probtensor.kernel.ir import (
    Acc,
    Apply,
    Call,
    Carry,
    Expr,
    For,
    If,
    Let,
    Load,
    Ref,
    Scan,
    State,
    Stmt,
    Store,
    blocks,
    map_blocks,
    walk_expr,
)
from probtensor.kernel.text import name_of as name_of_statement
from probtensor.kernel.touch import expr_names, names_read
from probtensor.types import Size, size_names


@dataclass(frozen=True)
class VectorSegment:
    """Straight-line statements of a strip whose iterations are independent: one inner loop, which a
    C compiler vectorises. The terms of `accs` are combined at the end of each iteration."""

    body: tuple[Stmt, ...]
    accs: tuple[Acc, ...] = ()


@dataclass(frozen=True)
class SerialSegment:
    """Statements of a strip that run one iteration at a time. Routines for all iterations of the
    strip come before or after the other statements."""

    body: tuple[Stripped, ...]
    accs = ()


@dataclass(frozen=True)
class Strip:
    """A loop in strips of `width` iterations. `wide` are the names and dtypes of locals with an
    element for each iteration of a strip; `carries` are those of the loop. `ordered`: accumulators
    are folded one term after the other, not over lanes, and routines add row after row. Where
    `tile` is not 0, segments are functions of their own, and all vector segments together run a
    tile at a time. `states` are handed on from one iteration to the next, at the end of a serial
    segment; those that are accumulators begin with their first value, without blocks."""

    var: str
    extent: Size
    width: int
    segments: tuple[VectorSegment | SerialSegment, ...]
    wide: tuple[tuple[str, str], ...]
    carries: tuple[Carry, ...] = ()
    ordered: bool = False
    tile: int = 0
    states: tuple[State, ...] = ()


@dataclass(frozen=True)
class Dot:
    """`result` = sum over k < extent of left[k] * right[k] (`pt_dot`); the loads are for k = 0."""

    result: str
    extent: Size
    left: Load
    right: Load
    origin: str = ""

    @property
    def names(self) -> set[str]:
        """Names in its indices and extent."""
        return size_names(self.extent) | size_names(self.left.index) | size_names(self.right.index)


@dataclass(frozen=True)
class Sum:
    """`result` = sum over k < extent of terms[k], in double (`pt_sum`, `pt_sum_float32`)."""

    result: str
    extent: Size
    terms: Load
    origin: str = ""

    @property
    def names(self) -> set[str]:
        """Names in its indices and extent."""
        return size_names(self.extent) | size_names(self.terms.index)


@dataclass(frozen=True)
class RowsDot:
    """For all iterations of a strip: the wide local `result` = a row of `matrix` times `vector`
    (`pt_rows_dot`). `matrix` loads the first element of the row of iteration `var`; `stride` is the
    distance of two rows."""

    result: str
    extent: Size
    matrix: Load
    stride: Size
    vector: Load
    var: str
    origin: str = ""

    @property
    def names(self) -> set[str]:
        """Names in its indices and extent."""
        indices = size_names(self.matrix.index) | size_names(self.vector.index)
        return size_names(self.extent) | indices


@dataclass(frozen=True)
class RowsAdd:
    """For all iterations of a strip: `buffer`, from `offset` on, += a row of `matrix` times the
    wide local `weight` (`pt_rows_add`). `matrix` and `stride` are as in `RowsDot`."""

    buffer: str
    offset: Size
    extent: Size
    matrix: Load
    stride: Size
    weight: Ref
    var: str
    origin: str = ""

    @property
    def names(self) -> set[str]:
        """Names in its indices and extent."""
        return size_names(self.extent) | size_names(self.matrix.index) | size_names(self.offset)


@dataclass(frozen=True)
class ScatterAdd:
    """For all iterations of a strip: buffer[offset + index] += the wide local `weight`, where
    `index` is loaded (`pt_scatter_add`)."""

    buffer: str
    offset: Size
    index: Load
    weight: Ref
    var: str
    origin: str = ""

    @property
    def names(self) -> set[str]:
        """Names in its indices."""
        return size_names(self.index.index) | size_names(self.offset)


@dataclass(frozen=True)
class Recurrence:
    """For all iterations of a strip: the wide local `result` = the state `state`, which becomes its
    product with `factor` plus the wide local `term`. Only for an interpreter."""

    result: str
    state: str
    factor: Expr
    term: Ref

    @property
    def names(self) -> set[str]:
        """Names that it reads."""
        return expr_names(self.factor) | {self.term.name}


@dataclass(frozen=True)
class Jammed:
    """A loop, and `rows`, its body for `jam.ROWS` iterations together."""

    loop: For
    rows: tuple[Stripped, ...]


AtOnce = RowsDot | RowsAdd | ScatterAdd | Recurrence  # routines for all iterations of a strip
Routine = Dot | Sum | AtOnce
Stripped = Stmt | Strip | Routine | Jammed


def is_at_once(stmt: Stripped) -> bool:
    """Whether a statement is a routine for all iterations of a strip."""
    return isinstance(stmt, AtOnce)


def name_of(stmt: Stripped) -> str:
    """What a statement defines or writes, as in `kernel.text.name_of`."""
    match stmt:
        case Dot(result) | Sum(result) | RowsDot(result) | Recurrence(result):
            return result
        case RowsAdd(buffer) | ScatterAdd(buffer):
            return buffer
        case Strip(var):
            return var
        case Jammed(loop):
            return loop.var
    return name_of_statement(stmt)


def operations(stmt: Stripped) -> int:
    """The size of straight-line code for a compiler; 0 for other statements."""
    match stmt:
        case Let(expr=expr) | Store(expr=expr):
            return 1 + sum(isinstance(part, Apply) for part in walk_expr(expr))
        case Call():
            return 1
    return 0


def names_in(stmt: Stripped) -> set[str]:
    """Names that the indices, extents and expressions of a statement read."""
    match stmt:
        case Dot() | Sum() | RowsDot() | RowsAdd() | ScatterAdd() | Recurrence():
            return stmt.names
        case Jammed(loop, rows):
            return names_read(loop).union(*map(names_in, rows))
        case Strip(extent=extent, segments=segments, states=states):
            names = size_names(extent)
            for state in states:
                names = names | expr_names(state.init) | expr_names(state.next)
            for segment in segments:
                names = names.union(*map(names_in, segment.body))
                names |= {name for acc in segment.accs for name in expr_names(acc.term)}
            return names
        case For() | Scan() | If():
            names = names_read(map_blocks(stmt, lambda body: ()))
            return names.union(*(names_in(inner) for body in blocks(stmt) for inner in body))
    return names_read(stmt)
