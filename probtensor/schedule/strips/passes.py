"""From loops to strips: the choice of a form for each loop, then the passes that make a strip."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence

from probtensor.dataclass import dataclass, replace
from probtensor.kernel.ir import (
    Acc,
    Apply,
    Call,
    Check,
    For,
    If,
    Let,
    Load,
    Ref,
    Scan,
    Stmt,
    Store,
    exprs_of,
    map_blocks,
    walk,
    walk_expr,
)
from probtensor.kernel.simplify import coefficient
from probtensor.kernel.touch import (
    buffers_of,
    expr_names,
    loads_of,
    locals_set,
    names_read,
    names_set,
    writes_of,
)
from probtensor.schedule.carry import BLOCK, redirected
from probtensor.schedule.strips.check import check
from probtensor.schedule.strips.forms import (
    AtOnce,
    Jammed,
    RowsDot,
    SerialSegment,
    Strip,
    Stripped,
    VectorSegment,
    names_in,
    operations,
)
from probtensor.schedule.strips.jam import several_rows
from probtensor.schedule.strips.routines import dot_of, index_of, rows_of, scatter_add_of, sum_of
from probtensor.schedule.strips.scans import scan_in_strips
from probtensor.schedule.strips.unroll import unrolled
from probtensor.types import Size

WIDTH = 64  # iterations of a strip: eight AVX-512 registers of doubles, 512 bytes per wide local
MIN_ITERATIONS = 4  # shorter loops are not cut
LONG = 400  # operations of straight-line code that is divided
MOST_OPERATIONS = 128  # of a piece of it
TILED_BYTES = 1 << 15  # of wide locals in a tile, for the first-level cache
NESTED = (For, Scan, If)  # statements with a body


def strip(body: Sequence[Stmt], ordered: bool = False) -> tuple[Stripped, ...]:
    """The statements with their loops cut into strips where that is faster. With `ordered`, for an
    interpreter, also loops that compiled code would run one iteration at a time."""
    done: list[Stripped] = []
    for stmt in body:
        if isinstance(stmt, Scan) and ordered:
            stmt = scan_in_strips(stmt)
        if isinstance(stmt, For):
            done.append(_form(stmt, ordered))
        elif isinstance(stmt, Strip):
            done.append(stmt)
        else:
            done.append(map_blocks(stmt, lambda inner: strip(inner, ordered)))
    return tuple(done)


def _form(loop: For, ordered: bool) -> Stripped:
    """The form of a loop: a routine, a strip, jammed rows, or the loop itself."""
    if loop.carries:
        loop = replace(loop, body=redirected(loop.body, loop.carries))
    routine = dot_of(loop) or sum_of(loop)
    if routine is not None:
        return routine
    nested = any(isinstance(stmt, (*NESTED, Call)) for stmt in loop.body)
    if _is_short(loop.extent):
        return replace(loop, body=strip(loop.body, ordered))
    if nested and not _worth_lanes(loop):
        rows = several_rows(loop)
        if ordered and rows is None:
            flat = unrolled(loop, MIN_ITERATIONS)
            if _has_own_sums(flat):
                return _in_strips(flat, BLOCK, ordered, in_order=True)
        plain = replace(loop, body=strip(loop.body, ordered))
        return plain if rows is None else Jammed(plain, strip(rows, ordered))
    compiled = loop
    if ordered and nested:
        loop = unrolled(loop, MIN_ITERATIONS)
    if loop is not compiled:  # routines add in another order: those of compiled code remain
        same = {_result(part) for part in _at_once(_in_strips(compiled, WIDTH, False))}
        return _in_strips(loop, WIDTH, ordered, routines=same)
    serial = any(_is_serial(stmt, loop.var) for stmt in loop.body)
    long = not ordered and _is_long(loop)
    if not nested and not serial and not loop.accs and not long:
        return loop  # the C compiler vectorises it
    return _in_strips(loop, WIDTH, ordered)


def _has_own_sums(loop: For) -> bool:
    """Whether parts of a loop may run for many iterations each, in the order of the iterations:
    no two statements store to one buffer, and blocks of sums end after `BLOCK` iterations."""
    kinds = [type(stmt) for stmt in walk(loop.body)]
    if {Scan, If, Call} & set(kinds) or kinds.count(Check) > 1:
        return False
    if any(carry.scatter_additions is not None or carry.additions != 1 for carry in loop.carries):
        return False
    stored: dict[str, list[Store]] = {}
    for stmt in walk(loop.body):
        if isinstance(stmt, Store):
            stored.setdefault(stmt.buffer, []).append(stmt)
    return all(map(are_apart, stored.values()))


def are_apart(stores: Sequence[Store]) -> bool:
    """Whether stores to a buffer may be done one for many iterations, then the next: nothing is
    combined, or the elements of an iteration have fixed distances."""
    if len(stores) == 1 or all(store.op is None for store in stores):
        return True
    first = stores[0].index
    distances = [store.index - first for store in stores]
    fixed = all(isinstance(distance, int) for distance in distances)
    return fixed and len(set(distances)) == len(distances)


def is_independent(loop: For) -> bool:
    """Whether the iterations of a loop may run together: straight-line code, without folds, that
    stores to different elements."""
    plain = all(isinstance(stmt, (Let, Store)) for stmt in loop.body)
    if not plain or loop.accs or loop.carries or _is_short(loop.extent):
        return False
    return not any(_is_serial(stmt, loop.var) for stmt in loop.body)


def _is_short(extent: Size) -> bool:
    return isinstance(extent, int) and extent < MIN_ITERATIONS


def _is_long(loop: For) -> bool:
    return sum(map(operations, loop.body)) > LONG


def _is_serial(stmt: Stmt, var: str) -> bool:
    """Whether iterations must run one at a time: two of them may store to the same element, or the
    statement is not straight-line code."""
    if isinstance(stmt, (*NESTED, Call, Check)):
        return True
    return isinstance(stmt, Store) and coefficient(stmt.index, var) in (0, None)


def _worth_lanes(loop: For) -> bool:
    """Whether the straight-line part contains a function or division worth vectorising."""
    straight = [stmt for stmt in loop.body if not isinstance(stmt, (*NESTED, Call))]
    terms = [expr for stmt in straight for expr in exprs_of(stmt)]
    terms += [acc.term for acc in loop.accs]
    return any(
        isinstance(part, Apply) and (part.fn.startswith("pt_") or part.fn in ("/", "sqrt"))
        for term in terms
        for part in walk_expr(term)
    )


# The passes from a loop to a strip.


@dataclass(frozen=True)
class Group:
    """Statements that become one segment, by their positions in the loop's body, in order."""

    serial: bool
    members: tuple[int, ...] = ()
    accs: tuple[Acc, ...] = ()


@dataclass(frozen=True)
class Draft:
    """A loop and what the passes have found: its groups in order, and the wide locals. A vector
    group has at most `most` operations."""

    loop: For
    groups: tuple[Group, ...] = ()
    wide: tuple[tuple[str, str], ...] = ()
    most: int = sys.maxsize

    def statements(self, group: Group) -> tuple[Stmt, ...]:
        """The statements of a group."""
        return tuple(self.loop.body[k] for k in group.members)


def name_updates(draft: Draft) -> Draft:
    """Name the terms added at computed indices, so that they are computed in a vector segment.

    g[k] += exp(x[i])   ->   u = exp(x[i]); g[k] += u
    """
    loop, body, stores = draft.loop, list[Stmt](), 0
    for stmt in loop.body:
        if _is_update(stmt, loop.var) and not isinstance(stmt.expr, Ref):
            name = f"u{stores}_{loop.var}"
            body.append(Let(name, stmt.expr, stmt.origin))
            stmt = replace(stmt, expr=Ref(name, stmt.expr.dtype))
        stores += isinstance(stmt, Store)
        body.append(stmt)
    return replace(draft, loop=replace(loop, body=tuple(body)))


def _is_update(stmt: Stmt, var: str) -> bool:
    return isinstance(stmt, Store) and stmt.op == "add" and _is_serial(stmt, var)


def group_statements(draft: Draft) -> Draft:
    """Put each statement, in order, into the earliest group of its kind (vector or serial) that is
    not before a group which sets a local it reads, or stores to a buffer it accesses. In long loops
    vector groups have a bounded size.

    [t = f(x[i]), g[k] += t, u = h(t), y[i] = u]   ->   vector [t, u, y[i]], serial [g[k] += t]
    """
    bounded = draft.most < sys.maxsize
    kinds: list[bool] = []  # of groups: whether they are serial
    members: list[list[int]] = []
    sizes: list[int] = []  # of the groups, in operations
    set_in: dict[str, int] = {}  # local -> group
    stored_in: dict[str, int] = {}  # buffer -> last group that stores to it
    for position, stmt in enumerate(draft.loop.body):
        serial = _is_serial(stmt, draft.loop.var)
        size = operations(stmt) if bounded else 0
        earliest = 0
        if len(kinds) > 1:
            for name in names_read(stmt):
                earliest = max(earliest, set_in.get(name, 0))
            for buffer in buffers_of(stmt):
                earliest = max(earliest, stored_in.get(buffer, 0))
        k = next(
            (
                k
                for k in range(earliest, len(kinds))
                if kinds[k] == serial and (serial or sizes[k] + size <= draft.most)
            ),
            len(kinds),
        )
        if k == len(kinds):
            kinds.append(serial)
            members.append([])
            sizes.append(0)
        sizes[k] += size
        members[k].append(position)
        set_in.update(dict.fromkeys(names_set(stmt), k))
        stored_in.update(dict.fromkeys(writes_of(stmt), k))
    groups = zip(kinds, map(tuple, members), strict=True)
    return replace(draft, groups=tuple(Group(*group) for group in groups))


def place_accumulators(draft: Draft) -> Draft:
    """Put each accumulator into the earliest vector group in which its term can be computed: not
    before the groups that set its locals or store to buffers it loads."""
    groups = list(draft.groups)
    if len(groups) == 1 and not groups[0].serial:
        return replace(draft, groups=(replace(groups[0], accs=draft.loop.accs),))
    accs: list[list[Acc]] = [[] for _ in groups]
    set_in: dict[str, int] = {}
    stored_in: dict[str, int] = {}
    for k, group in enumerate(groups):
        for stmt in draft.statements(group):
            set_in.update(dict.fromkeys(names_set(stmt), k))
            stored_in.update(dict.fromkeys(writes_of(stmt), k))
    for acc in draft.loop.accs:
        needed = [set_in.get(name, 0) for name in expr_names(acc.term)]
        needed += [stored_in.get(buffer, 0) for buffer in loads_of(acc.term)]
        earliest = max(needed, default=0)
        k = next((k for k in range(earliest, len(groups)) if not groups[k].serial), len(groups))
        if k == len(groups):
            groups.append(Group(serial=False))
            accs.append([])
        accs[k].append(acc)
    placed = zip(groups, map(tuple, accs), strict=True)
    return replace(draft, groups=tuple(replace(group, accs=found) for group, found in placed))


def repeat_reads(draft: Draft) -> Draft:
    """Repeat plain loads, and those of indices, in each group that reads them, so that they are not
    wide locals."""
    body = draft.loop.body
    stored = {buffer for stmt in body for buffer in writes_of(stmt)}
    reads = {
        stmt.name: k
        for k, stmt in enumerate(body)
        if isinstance(stmt, Let)
        and (isinstance(stmt.expr, Load) or index_of(stmt.expr) is not None)
        and stored.isdisjoint(loads_of(stmt.expr))
    }
    done, loads = [], set(reads.values())
    for group in draft.groups:
        members = set(group.members) - loads
        needed = {name for k in members for name in names_read(body[k])}
        needed |= {name for acc in group.accs for name in expr_names(acc.term)}
        for name, k in reversed(reads.items()):
            if name in needed:
                needed |= names_read(body[k])
        members |= {reads[name] for name in needed & reads.keys()}
        done.append(replace(group, members=tuple(sorted(members))))
    return replace(draft, groups=tuple(done))


def find_wide(draft: Draft) -> Draft:
    """Locals set in one group and read in another are wide."""
    if len(draft.groups) == 1:
        return draft
    dtypes: dict[str, str] = {}
    crossing: set[str] = set()
    for group in draft.groups:
        body = draft.statements(group)
        for stmt in body:
            dtypes.update(locals_set(stmt))
        read = {name for stmt in body for name in names_read(stmt)}
        read |= {name for acc in group.accs for name in expr_names(acc.term)}
        crossing |= read - {name for stmt in body for name in names_set(stmt)}
    wide = tuple((name, dtype) for name, dtype in dtypes.items() if name in crossing)
    return replace(draft, wide=wide)


STRIPS: tuple[Callable[[Draft], Draft], ...] = (
    name_updates,
    group_statements,
    place_accumulators,
    repeat_reads,
    find_wide,
)


def _at_once(strip: Strip) -> list[AtOnce]:
    """The routines of a strip that run all its iterations."""
    return [stmt for part in strip.segments for stmt in part.body if isinstance(stmt, AtOnce)]


def _result(routine: AtOnce) -> str:
    """The local or buffer that a routine computes."""
    return routine.result if isinstance(routine, RowsDot) else routine.buffer


def _in_strips(
    loop: For, width: int, ordered: bool, in_order: bool = False, routines: set[str] | None = None
) -> Strip:
    """A loop in strips of at most `width` iterations; `in_order` is as `Strip.ordered`, `routines`
    the `results` of
    `with_routines`."""
    long = not ordered and _is_long(loop)
    draft = Draft(loop, most=MOST_OPERATIONS if long else sys.maxsize)
    for step in STRIPS:
        draft = step(draft)
    loop = draft.loop
    if isinstance(loop.extent, int) and loop.extent < width:
        width = loop.extent
    segments = tuple(
        SerialSegment(
            with_routines(draft.statements(group), loop, dict(draft.wide), ordered, routines)
        )
        if group.serial
        else VectorSegment(draft.statements(group), group.accs)
        for group in draft.groups
    )
    tile = _tile(draft, width) if long else 0
    done = Strip(loop.var, loop.extent, width, segments, draft.wide, loop.carries, in_order, tile)
    check(done, loop)
    return done


def _tile(draft: Draft, width: int) -> int:
    """The lanes that the segments of a long strip compute together: a tile of the wide locals fits
    in the first-level cache, if possible. Serial segments need all lanes."""
    if any(group.serial for group in draft.groups):
        return width
    fitting = TILED_BYTES // (8 * max(len(draft.wide), 1))
    return next(lanes for lanes in (width, 32, 16, 8) if lanes <= max(fitting, 8))


def with_routines(
    body: Sequence[Stmt], loop: For, wide: dict[str, str], ordered: bool = False,
    results: set[str] | None = None,
) -> tuple[Stripped, ...]:  # fmt: skip
    """The statements of a serial segment, with routines where they match; if `results` are given,
    only those that compute one. `RowsDot` comes first, `RowsAdd` and `ScatterAdd` last, because
    each of them runs all iterations of the strip."""
    of_body = {name for stmt in loop.body for name in names_set(stmt)}
    stored = Counter(buffer for stmt in body for buffer in set(writes_of(stmt)))
    indices = {
        stmt.name: index
        for stmt in body
        if isinstance(stmt, Let)
        and (index := index_of(stmt.expr)) is not None
        and coefficient(index.index, loop.var) == 1
    }
    found: list[Stripped] = []
    for stmt in body:
        routine: AtOnce | None = None
        if isinstance(stmt, For):
            routine = rows_of(stmt, loop.var, wide)
        elif _is_update(stmt, loop.var):
            routine = scatter_add_of(stmt, loop.var, wide, indices)
        if routine is not None and not _is_movable(routine, of_body, stored):
            routine = None
        if routine is not None and results is not None and _result(routine) not in results:
            routine = None
        found += strip((stmt,), ordered) if routine is None else (routine,)
    used = {name for stmt in found for name in names_in(stmt)}
    live = [s for s in found if not (isinstance(s, Let) and s.name in indices) or s.name in used]
    return tuple(sorted(live, key=_rank))


def _is_movable(routine: AtOnce, of_body: set[str], stored: Counter[str]) -> bool:
    """Whether one call may run all iterations before or after the other statements: its pointers
    depend on no local of the loop's body, the segment does not store to the rows it reads, and it
    alone adds to its sums, whose terms would else come in another order. `stored` has the number of
    statements of the segment that store to each buffer."""
    if routine.names & of_body:
        return False
    if isinstance(routine, RowsDot):
        return not {routine.matrix.buffer, routine.vector.buffer} & stored.keys()
    return stored[routine.buffer] == 1


def _rank(stmt: Stripped) -> int:
    """The sort key of a statement in a serial segment; the sort is stable."""
    if not isinstance(stmt, AtOnce):
        return 1
    return 0 if isinstance(stmt, RowsDot) else 2
