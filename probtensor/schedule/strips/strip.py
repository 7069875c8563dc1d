"""Loops cut into strips, so that a C compiler can vectorise them without reordering any sum itself.

A loop over n turns becomes a loop over strips of `width` turns. In a strip, statements are sorted
into segments: "lanes" segments hold straight-line statements whose turns are independent, and
become one inner loop that vectorises; "turns" segments hold what has to go turn by turn (scatters,
inner loops). Locals that cross from one segment to another are `wide`: arrays with a place for
each turn.
Accumulators get a place for each lane and are folded once, after the loop, in a fixed order: the
result does not depend on the compiler, and no flag has to allow it to reorder sums.

Some shapes are given to routines written by hand (`Linear`): rows of a matrix times a vector, its
transpose, and additions at places held in an index array.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from probtensor.kernel.ir import (
    Acc,
    Apply,
    Call,
    Carry,
    Check,
    Expr,
    For,
    Let,
    Load,
    Ref,
    Stmt,
    Store,
    exprs_of,
    walk_expr,
)
from probtensor.kernel.simplify import coefficient
from probtensor.kernel.touch import (
    buffers_of,
    expr_names,
    loads_of,
    names_read,
    names_set,
    writes_of,
)
from probtensor.schedule.carry import redirected
from probtensor.schedule.strips.jam import several_rows
from probtensor.types import Dim, Size, size_names

WIDTH = 64  # turns of a strip: eight AVX-512 registers of doubles, and 512 bytes a wide local


@dataclass(frozen=True)
class Segment:
    """Statements of one strip. `kind` is "lanes" (independent, one vector loop) or "turns".

    `accs` are the accumulators whose terms are added at the end of this segment's turns.
    """

    kind: str
    body: tuple[Stripped, ...]
    accs: tuple[Acc, ...] = ()


@dataclass(frozen=True)
class Strip:
    """A loop in strips. `wide` are locals with a place for each lane, with their dtypes; `carries`
    are those of the loop."""

    var: str
    extent: Size
    width: int
    segments: tuple[Segment, ...]
    wide: tuple[tuple[str, str], ...]
    carries: tuple[Carry, ...] = ()


@dataclass(frozen=True)
class Linear:
    """A routine over the turns of a strip, or over an inner loop.

    "pt_dot": `result` = sum over `extent` of two unit-stride loads.
    "pt_sum", "pt_sum_float32": `result` = sum over `extent` of a unit-stride load, in doubles.
    "pt_rows_dot": the same for each turn of the strip, `result` being wide.
    "pt_rows_add": into buffer `result` at `place`, the rows weighted by the wide local `weight`.
    "pt_scatter_add": into buffer `result` from `place` on, the wide local `weight`, each turn at
    the index that `matrix` holds.
    """

    routine: str
    result: str
    extent: Size
    matrix: Load
    step: Size
    vector: Load | None = None
    weight: Ref | None = None
    place: Size = 0
    var: str = ""


@dataclass(frozen=True)
class Jammed:
    """A loop of which `rows` is the body of several turns at once (`jam.ROWS`)."""

    loop: For
    rows: tuple[Stmt, ...]


Stripped = Stmt | Strip | Linear | Jammed


def strip(body: Sequence[Stmt]) -> tuple[Stripped, ...]:
    """The statements with their loops cut into strips where that pays."""
    return tuple(_loop(stmt) if isinstance(stmt, For) else stmt for stmt in body)


def _loop(loop: For) -> Stripped:
    if loop.carries:
        loop = replace(loop, body=redirected(loop.body, loop.carries))
    routine = _dot(loop) or _plain_sum(loop)
    if routine is not None:
        return routine
    nested = any(isinstance(stmt, (For, Call)) for stmt in loop.body)
    if _is_short(loop.extent):
        return replace(loop, body=strip(loop.body))
    if nested and not _worth_lanes(loop):
        rows = several_rows(loop)
        plain = replace(loop, body=strip(loop.body))
        return plain if rows is None else Jammed(plain, strip(rows))
    serial = any(_is_serial(stmt, loop.var) for stmt in loop.body)
    if not nested and not serial and not loop.accs:
        return loop  # it vectorises as it stands
    return _strip(loop)


def _is_short(extent: Size) -> bool:
    return isinstance(extent, int) and extent < 4


def _is_serial(stmt: Stmt, var: str) -> bool:
    """Whether two turns may touch one place, or the statement is no straight-line one."""
    if isinstance(stmt, (For, Call, Check)):
        return True
    return isinstance(stmt, Store) and coefficient(stmt.index, var) in (0, None)


def _worth_lanes(loop: For) -> bool:
    """Whether the straight-line part holds a function or division worth vectorising."""
    own = [stmt for stmt in loop.body if not isinstance(stmt, (For, Call))]
    terms = [expr for stmt in own for expr in exprs_of(stmt)] + [acc.term for acc in loop.accs]
    return any(
        isinstance(part, Apply) and (part.fn.startswith("pt_") or part.fn in ("/", "sqrt"))
        for term in terms
        for part in walk_expr(term)
    )


def _strip(loop: For) -> Strip:
    loop = replace(loop, body=_named_updates(loop))
    segments = _read_again(_place_accumulators(_segments(loop), loop.accs), loop.body)
    wide = _wide(segments)
    width = WIDTH
    if isinstance(loop.extent, int) and loop.extent < WIDTH:
        width = loop.extent
    names = dict(wide)
    done = tuple(
        s if s.kind == "lanes" else replace(s, body=_turns(s.body, loop, names)) for s in segments
    )
    return Strip(loop.var, loop.extent, width, done, wide, loop.carries)


def _named_updates(loop: For) -> tuple[Stmt, ...]:
    """What is added at computed places becomes a local, so that it is computed in lanes."""
    body: list[Stmt] = []
    for stmt in loop.body:
        if _is_update(stmt, loop.var) and not isinstance(stmt.expr, Ref):
            name = f"u{sum(isinstance(s, Store) for s in body)}_{loop.var}"
            body.append(Let(name, stmt.expr, stmt.origin))
            stmt = replace(stmt, expr=Ref(name, stmt.expr.dtype))
        body.append(stmt)
    return tuple(body)


def _is_update(stmt: Stmt, var: str) -> bool:
    return isinstance(stmt, Store) and stmt.op == "add" and _is_serial(stmt, var)


def _place_accumulators(segments: list[Segment], accs: Sequence[Acc]) -> list[Segment]:
    """Each accumulator goes to the first lanes segment in which its term is known: the locals it
    reads are set, and what it reads from memory is stored."""
    home: dict[str, int] = {}
    touched: dict[str, int] = {}
    for k, segment in enumerate(segments):
        for stmt in segment.body:
            home.update(dict.fromkeys(names_set(stmt), k))
            touched.update(dict.fromkeys(writes_of(stmt), k))
    for acc in accs:
        known = [home.get(name, 0) for name in expr_names(acc.term)]
        known += [touched.get(buffer, 0) for buffer in loads_of(acc.term)]
        earliest = max(known, default=0)
        lanes = [k for k in range(earliest, len(segments)) if segments[k].kind == "lanes"]
        if not lanes:
            lanes = [len(segments)]
            segments.append(Segment("lanes", ()))
        chosen = segments[lanes[0]]
        segments[lanes[0]] = replace(chosen, accs=(*chosen.accs, acc))
    return segments


def _segments(loop: For) -> list[Segment]:
    """Statements in order, each put into the first segment of its kind that may hold it."""
    segments: list[Segment] = []
    home: dict[str, int] = {}  # local -> segment
    touched: dict[str, int] = {}  # buffer -> last segment that stores to it
    for stmt in loop.body:
        kind = "turns" if _is_serial(stmt, loop.var) else "lanes"
        earliest = 0
        for name in names_read(stmt):
            earliest = max(earliest, home.get(name, 0))
        for buffer in buffers_of(stmt):
            earliest = max(earliest, touched.get(buffer, 0))
        k = next((k for k in range(earliest, len(segments)) if segments[k].kind == kind), None)
        if k is None:
            k = len(segments)
            segments.append(Segment(kind, ()))
        segments[k] = Segment(kind, (*segments[k].body, stmt))
        for name in names_set(stmt):
            home[name] = k
        for buffer in writes_of(stmt):
            touched[buffer] = k
    return segments


def _read_again(segments: list[Segment], body: Sequence[Stmt]) -> list[Segment]:
    """Plain reads of memory are repeated in each segment that needs them, not kept by lane.

    `body` has all statements in order; what a segment holds stays in that order.
    """
    stored = {buffer for stmt in body for buffer in writes_of(stmt)}
    reads = {
        stmt.name: stmt
        for stmt in body
        if isinstance(stmt, Let) and isinstance(stmt.expr, Load) and stmt.expr.buffer not in stored
    }
    done = []
    for segment in segments:
        own = [stmt for stmt in segment.body if getattr(stmt, "name", None) not in reads]
        needed = {name for stmt in own for name in names_read(stmt)}
        needed |= {name for acc in segment.accs for name in expr_names(acc.term)}
        for name, let in reversed(reads.items()):
            if name in needed:
                needed |= names_read(let)
        kept = {id(stmt) for stmt in own} | {id(reads[name]) for name in needed & reads.keys()}
        done.append(replace(segment, body=tuple(stmt for stmt in body if id(stmt) in kept)))
    return done


def _wide(segments: Sequence[Segment]) -> tuple[tuple[str, str], ...]:
    """Locals set in one segment and read in another."""
    dtypes: dict[str, str] = {}
    for segment in segments:
        for stmt in segment.body:
            if isinstance(stmt, Let):
                dtypes[stmt.name] = stmt.expr.dtype
            if isinstance(stmt, For):
                dtypes.update((acc.name, acc.term.dtype) for acc in stmt.accs)
    crossing: set[str] = set()
    for segment in segments:
        read = {name for stmt in segment.body for name in names_read(stmt)}
        read |= {name for acc in segment.accs for name in expr_names(acc.term)}
        crossing |= read - {name for stmt in segment.body for name in names_set(stmt)}
    return tuple((name, dtype) for name, dtype in dtypes.items() if name in crossing)


def _turns(body: Sequence[Stmt], loop: For, wide: dict[str, str]) -> tuple[Stripped, ...]:
    """What goes turn by turn, with routines for the shapes they know. Products of rows come first
    and additions last: each of them does all turns of the strip at once."""
    own = {name for stmt in loop.body for name in names_set(stmt)}
    stored = {buffer for stmt in body for buffer in writes_of(stmt)}
    indices = {
        stmt.name: stmt.expr
        for stmt in body
        if isinstance(stmt, Let)
        and isinstance(stmt.expr, Load)
        and stmt.expr.dtype in ("int64", "int32")
        and coefficient(stmt.expr.index, loop.var) == 1
    }
    found: list[Stripped] = []
    for stmt in body:
        special = None
        if isinstance(stmt, For):
            special = _rows(stmt, loop, wide)
        elif _is_update(stmt, loop.var):
            special = _scatter_add(stmt, loop.var, wide, indices)
        if special is not None and not _all_at_once(special, own, stored):
            special = None
        found.append(special or (_loop(stmt) if isinstance(stmt, For) else stmt))
    used = {name for s in found for name in _stripped_names(s)}
    kept = [s for s in found if not (isinstance(s, Let) and s.name in indices) or s.name in used]
    return tuple(sorted(kept, key=_rank))


def _all_at_once(routine: Linear, own: set[str], stored: set[str]) -> bool:
    """Whether one call may do all turns: its pointers are fixed by the first turn, and rows it
    reads before all else are not written in this segment. `own` are the locals of a turn."""
    if _linear_names(routine) & own:
        return False
    return routine.vector is None or not stored & {routine.matrix.buffer, routine.vector.buffer}


def _rank(stmt: Stripped) -> int:
    """Where in a segment a statement stands: its order among those of one rank is kept."""
    if not by_rows(stmt):
        return 1
    return 0 if stmt.routine == "pt_rows_dot" else 2


def by_rows(stmt: Stripped) -> bool:
    """Whether a statement does all turns of a strip at once."""
    return isinstance(stmt, Linear) and not stmt.routine.startswith(("pt_dot", "pt_sum"))


def _stripped_names(stmt: Stripped) -> set[str]:
    if isinstance(stmt, Linear):
        return _linear_names(stmt)
    if isinstance(stmt, Jammed):
        return names_read(stmt.loop).union(*(_stripped_names(row) for row in stmt.rows))
    return _strip_names(stmt) if isinstance(stmt, Strip) else names_read(stmt)


def _strip_names(inner: Strip) -> set[str]:
    names: set[str] = size_names(inner.extent)
    for segment in inner.segments:
        for stmt in segment.body:
            names |= _stripped_names(stmt)
        names |= {name for acc in segment.accs for name in expr_names(acc.term)}
    return names


def _linear_names(stmt: Linear) -> set[str]:
    names = size_names(stmt.extent) | size_names(stmt.matrix.index) | size_names(stmt.place)
    return names | (size_names(stmt.vector.index) if stmt.vector else set())


def _scatter_add(
    stmt: Store, var: str, wide: dict[str, str], indices: dict[str, Load]
) -> Linear | None:
    """buffer[index array[turn] + fixed] += wide local."""
    names = [name for name in size_names(stmt.index) if name in indices]
    if len(names) != 1 or coefficient(stmt.index, names[0]) != 1:
        return None
    if coefficient(stmt.index, var) != 0 or stmt.expr.dtype != "float64":
        return None
    if not isinstance(stmt.expr, Ref) or stmt.expr.name not in wide:
        return None
    return Linear(
        "pt_scatter_add",
        stmt.buffer,
        0,
        indices[names[0]],
        1,
        weight=stmt.expr,
        place=_without(stmt.index, names[0]),
        var=var,
    )


def _product(expr: Expr) -> tuple[Expr, Expr] | None:
    if isinstance(expr, Apply) and expr.fn == "*" and expr.dtype == "float64":
        return expr.args
    return None


def _dot(loop: For) -> Linear | None:
    """sum_j a[.. + j] * x[.. + j] over a loop with nothing else in it."""
    if loop.body or len(loop.accs) != 1 or loop.accs[0].op != "add":
        return None
    factors = _product(loop.accs[0].term)
    if factors is None or not all(isinstance(f, Load) for f in factors):
        return None
    if any(coefficient(f.index, loop.var) != 1 for f in factors):
        return None
    a, x = (replace(f, index=_without(f.index, loop.var)) for f in factors)
    return Linear("pt_dot", loop.accs[0].name, loop.extent, a, 0, vector=x)


def _plain_sum(loop: For) -> Linear | None:
    """sum_j a[.. + j] over a loop with nothing else in it."""
    if loop.body or len(loop.accs) != 1 or loop.accs[0].op != "add":
        return None
    match loop.accs[0].term:
        case Load(dtype="float64") as load:
            routine = "pt_sum"
        case Apply("cast", (Load(dtype="float32") as load,), "float64"):
            routine = "pt_sum_float32"
        case _:
            return None
    if coefficient(load.index, loop.var) != 1:
        return None
    first = replace(load, index=_without(load.index, loop.var))
    return Linear(routine, loop.accs[0].name, loop.extent, first, 0)


def _rows(stmt: For, outer: For, wide: dict[str, str]) -> Linear | None:
    dot = _dot(stmt)
    if dot is not None:
        return _rows_dot(dot, outer.var, wide)
    if stmt.accs or len(stmt.body) != 1 or not isinstance(stmt.body[0], Store):
        return None
    store = stmt.body[0]
    factors = _product(store.expr)
    if store.op != "add" or factors is None or coefficient(store.index, stmt.var) != 1:
        return None
    for weight, matrix in (factors, factors[::-1]):
        if not isinstance(weight, Ref) or weight.name not in wide or not isinstance(matrix, Load):
            continue
        step = coefficient(matrix.index, outer.var)
        if coefficient(matrix.index, stmt.var) != 1 or step in (None, 0):
            continue
        if coefficient(store.index, outer.var) != 0 or matrix.dtype != "float64":
            continue
        return Linear(
            "pt_rows_add",
            store.buffer,
            stmt.extent,
            replace(matrix, index=_without(matrix.index, stmt.var)),
            step,
            weight=weight,
            place=_without(store.index, stmt.var),
            var=outer.var,
        )
    return None


def _rows_dot(dot: Linear, var: str, wide: dict[str, str]) -> Linear | None:
    if dot.result not in wide:
        return None
    for matrix, vector in ((dot.matrix, dot.vector), (dot.vector, dot.matrix)):
        step = coefficient(matrix.index, var)
        if step not in (None, 0) and coefficient(vector.index, var) == 0:
            return replace(
                dot, routine="pt_rows_dot", matrix=matrix, vector=vector, step=step, var=var
            )
    return None


def _without(index: Size, var: str) -> Size:
    return index - Dim.name(var)
