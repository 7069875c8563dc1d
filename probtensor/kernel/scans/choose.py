"""Which loops are unrolled: those after which buffers of small states are scalars."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import NamedTuple

from probtensor.dataclass import dataclass
from probtensor.kernel.ir import (
    Apply,
    Call,
    Check,
    For,
    Let,
    Load,
    Scan,
    Stmt,
    Store,
    blocks,
    exprs_of,
    walk,
    walk_expr,
)
from probtensor.types import Size, size_names

MAX_ITERATIONS = 64  # of a nest that is unrolled
MAX_OPERATIONS = 400  # in the unrolled loops of one body: the C compiler takes 0.25 ms for each
MAX_ELEMENTS = 64  # of a buffer whose elements become scalars
SHORT = 4  # iterations; shorter loops are always unrolled, and folds up to twice as long
VECTOR = 8  # doubles of a vector; loops over whole vectors are as fast in memory


@dataclass(frozen=True)
class Storage:
    """A buffer of a plan, as far as a kernel's statements do not tell.

    private  whether nothing outside the kernel reads or writes it
    """

    dtype: str
    count: Size
    private: bool


class Access(NamedTuple):
    """A read or write of a buffer.

    nest      the `id` of the loop that may be unrolled around it; None if there is none
    fixed     whether its index is constant
    constant  whether its index is constant once that loop is unrolled
    order     whether it is inside a `Scan`
    loop      whether it is inside a loop that stays
    """

    buffer: str
    writes: bool
    fixed: bool
    constant: bool
    nest: int | None
    order: bool
    loop: bool

    def is_constant(self, unrolled: Set[int]) -> bool:
        """Whether its index is constant once these loops are unrolled."""
        return self.fixed or (self.constant and self.nest in unrolled)


@dataclass(frozen=True)
class Unrollable:
    """A loop that may be unrolled: what that costs, and the `id` of the `Scan` it stands in."""

    loop: For
    scan: int | None
    operations: int
    iterations: int


def chosen(body: Sequence[Stmt], storages: Mapping[str, Storage]) -> set[int]:
    """The `id` of each loop that is unrolled, outermost loops only.

    A loop is unrolled if it accesses an element that becomes a scalar, or is a short fold in a
    `Scan`. A buffer's elements become scalars if all its stores have constant indices then.
    """
    survey = _Survey(storages)
    survey.block(body, None, False)
    nests = survey.nests
    while True:
        found = _useful(nests, survey.accesses, storages)
        costly = _over_budget(found, nests)
        if costly is None:
            return found
        del nests[costly]


def _useful(
    nests: Mapping[int, Unrollable], accesses: Iterable[Access], storages: Mapping[str, Storage]
) -> set[int]:
    """The loops whose unrolling makes scalars, each buffer's only if all its stores are in loops
    that do."""
    found = set(nests)
    while True:
        small = promoted(accesses, found, storages)
        kept = {a.nest for a in accesses if a.nest in found and a.constant and a.buffer in small}
        kept |= {key for key in found if _is_short_fold(nests[key])}
        if kept == found:
            return found
        found = kept


def promoted(
    accesses: Iterable[Access], unrolled: Set[int], storages: Mapping[str, Storage]
) -> set[str]:
    """The buffers whose elements become scalars if these loops are unrolled: all stores have
    constant indices and are in no other loop than a `Scan`; some elements are loaded again, and
    some access is in a `Scan`."""
    written, loaded, ordered = set(), set(), set()
    unfit: set[str] = set()
    for access in accesses:
        constant = access.is_constant(unrolled)
        stays = access.loop or (access.nest is not None and access.nest not in unrolled)
        if access.writes:
            written.add(access.buffer)
            if stays or not constant:
                unfit.add(access.buffer)
        elif constant:
            loaded.add(access.buffer)
        if access.order:
            ordered.add(access.buffer)
    found = (written & loaded & ordered) - unfit
    return {name for name in found if _is_small(storages.get(name))}


def scalars(
    body: Sequence[Stmt], storages: Mapping[str, Storage]
) -> tuple[dict[str, Storage], frozenset[str]]:
    """The buffers whose elements become scalars without more unrolling, and those of them that
    statements read at other than constant indices."""
    survey = _Survey(storages)
    survey.block(body, None, False)
    names = promoted(survey.accesses, set(), storages)
    found = {name: storage for name, storage in storages.items() if name in names}
    return found, frozenset(
        access.buffer
        for access in survey.accesses
        if access.buffer in found and not access.writes and not access.fixed
    )


def _is_small(storage: Storage | None) -> bool:
    return storage is not None and isinstance(storage.count, int) and (
        0 < storage.count <= MAX_ELEMENTS
    )


def _is_short_fold(nest: Unrollable) -> bool:
    if nest.scan is None:
        return False
    return nest.iterations < SHORT or (bool(nest.loop.accs) and nest.iterations <= 2 * SHORT)


def _over_budget(found: Set[int], nests: Mapping[int, Unrollable]) -> int | None:
    """The costliest loop of a body that has too many operations; None if there is none."""
    totals: dict[int | None, int] = {}
    for key in found:
        nest = nests[key]
        totals[nest.scan] = totals.get(nest.scan, 0) + nest.operations
    over = [key for key in nests if key in found and totals[nests[key].scan] > MAX_OPERATIONS]
    return max(over, key=lambda key: nests[key].operations, default=None)


class _Survey:
    """The accesses of a kernel, and its loops that may be unrolled."""

    def __init__(self, storages: Mapping[str, Storage]) -> None:
        self.storages = storages
        self.accesses: dict[Access, None] = {}  # each once
        self.nests: dict[int, Unrollable] = {}

    def block(self, body: Sequence[Stmt], scan: int | None, loop: bool) -> None:
        for stmt in body:
            match stmt:
                case For() if not loop and _is_unrollable(stmt):
                    operations, iterations = _operations(stmt), _iterations(stmt)
                    self.nests[id(stmt)] = Unrollable(stmt, scan, operations, iterations)
                    for inner, variables in _inside((stmt,), frozenset()):
                        self._accesses(inner, variables, id(stmt), scan is not None, False)
                case For():
                    self._accesses(stmt, frozenset(), None, scan is not None, True)
                    self.block(stmt.body, scan, True)
                case Scan():
                    self._accesses(stmt, frozenset(), None, True, loop)
                    self.block(stmt.body, id(stmt), loop)
                case _:
                    self._accesses(stmt, frozenset(), None, scan is not None, loop)
                    for inner in blocks(stmt):
                        self.block(inner, scan, loop)

    def _accesses(
        self, stmt: Stmt, variables: frozenset[str], nest: int | None, order: bool, loop: bool
    ) -> None:
        """The accesses of a statement, without those of statements inside it."""

        def add(buffer: str, index: Size | None, writes: bool) -> None:
            fixed = isinstance(index, int)
            constant = index is not None and size_names(index) <= variables
            self.accesses[Access(buffer, writes, fixed, constant, nest, order, loop)] = None

        for expr in exprs_of(stmt):
            for part in walk_expr(expr):
                if isinstance(part, Load):
                    add(part.buffer, part.index, False)
        match stmt:
            case Store(buffer, index, op=op):
                add(buffer, index, True)
                if op is not None:
                    add(buffer, index, False)
            case Call():
                for buffer, _ in stmt.reads:
                    add(buffer, None, False)
                for buffer, _ in stmt.writes:
                    add(buffer, None, True)
            case For(carries=carries):
                for carry in carries:
                    add(carry.buffer, None, True)
                    add(carry.scratch, None, True)


def _inside(
    body: Sequence[Stmt], variables: frozenset[str]
) -> Iterator[tuple[Stmt, frozenset[str]]]:
    """The statements of a nest, each with the variables that its expressions may read."""
    for stmt in body:
        if isinstance(stmt, For):
            inner = variables | {stmt.var}
            yield stmt, inner
            yield from _inside(stmt.body, inner)
        else:
            yield stmt, variables


def _is_unrollable(loop: For) -> bool:
    """Whether a loop is short, with all loops in it, and has only statements that are repeated
    without loss: functions of many operations, and iterations that fill vectors, are faster as
    loops."""
    if not all(
        isinstance(stmt, (Let, Store, Check))
        or (isinstance(stmt, For) and isinstance(stmt.extent, int) and not stmt.carries)
        for stmt in walk((loop,))
    ):
        return False
    count = _iterations(loop)
    if count > MAX_ITERATIONS or _fills_vectors(loop):
        return False
    return count < 2 or not _has_functions(loop)


def _fills_vectors(loop: For) -> bool:
    """Whether the innermost loops have a multiple of the iterations of a vector."""
    return any(
        part.extent > 0 and part.extent % VECTOR == 0
        for part in walk((loop,))
        if isinstance(part, For) and not any(isinstance(inner, For) for inner in part.body)
    )


def _has_functions(loop: For) -> bool:
    return any(
        isinstance(part, Apply) and part.fn.startswith("pt_")
        for stmt in walk((loop,))
        for expr in exprs_of(stmt)
        for part in walk_expr(expr)
    )


def _iterations(loop: For) -> int:
    """The largest number of executions of a statement in a nest."""
    inner = [_iterations(stmt) for stmt in loop.body if isinstance(stmt, For)]
    return int(loop.extent) * max(inner, default=1)


def _operations(loop: For) -> int:
    """The operations of a nest, a store counted as one."""
    total = 0
    for stmt in loop.body:
        if isinstance(stmt, For):
            total += _operations(stmt)
        else:
            total += isinstance(stmt, Store)
            total += sum(map(_size, exprs_of(stmt)))
    total += sum(1 + _size(acc.term) for acc in loop.accs)
    return int(loop.extent) * total


def _size(expr: Apply) -> int:
    return sum(isinstance(part, Apply) for part in walk_expr(expr))
