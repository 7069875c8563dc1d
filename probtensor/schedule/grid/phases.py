"""The phases of a kernel on a grid of threads: what `grid.py` makes and a GPU target renders."""

from __future__ import annotations

from dataclasses import dataclass

from probtensor.kernel.ir import Acc, Call, For, Lit, Load, Stmt, exprs_of, walk, walk_expr
from probtensor.kernel.touch import buffers_of, expr_names, loads_of, names_read, names_set
from probtensor.types import Dim, Size, size_names

Loops = tuple[tuple[str, Size], ...]  # variables with their extents, outermost first


@dataclass(frozen=True)
class Scratch:
    """A flat array that the phases of one kernel pass on to each other."""

    name: str
    dtype: str
    count: Size


@dataclass(frozen=True)
class Private:
    """A short buffer combined into by every turn: each thread has a copy, folded at the end into
    the buffer, or with `initial` in place of what the buffer held."""

    buffer: str
    count: int
    op: str
    dtype: str
    initial: Lit | None = None


@dataclass(frozen=True)
class Rows:
    """Turns of `loops`, numbered by `flat` where there are several. `before` is what every thread
    computes first, `after` what one thread does when all turns are done and folded."""

    loops: Loops
    body: tuple[Stmt, ...]
    flat: str
    accs: tuple[Acc, ...] = ()
    privates: tuple[Private, ...] = ()
    before: tuple[Stmt, ...] = ()
    after: tuple[Stmt, ...] = ()

    @property
    def inner(self) -> tuple[Size, ...]:
        """Extents of the loops that a group of threads may share."""
        if self.privates:
            return ()
        return tuple(stmt.extent for stmt in self.body if isinstance(stmt, For))


@dataclass(frozen=True)
class Reduce:
    """For each turn of `kept`: `head`, then folds over all turns of `reduced` (computing `body` at
    each), then `each`, which reads the folds."""

    kept: Loops
    reduced: Loops
    body: tuple[Stmt, ...]
    accs: tuple[Acc, ...]
    each: tuple[Stmt, ...]
    head: tuple[Stmt, ...] = ()
    before: tuple[Stmt, ...] = ()

    @property
    def rows(self) -> bool:
        """Whether neighbouring threads should take neighbouring terms, not places."""
        last = self.kept[-1][0]
        parts = [s for s in self.body for s in exprs_of(s)] + [a.term for a in self.accs]
        indices = [p.index for e in parts for p in walk_expr(e) if isinstance(p, Load)]
        along = [k for k in indices if last in size_names(k)]
        inner = self.reduced[-1][0]
        return not any(_stride(k, last) == 1 and _stride(k, inner) != 1 for k in along)


@dataclass(frozen=True)
class Once:
    """Statements done by one thread."""

    body: tuple[Stmt, ...]
    before: tuple[Stmt, ...] = ()


@dataclass(frozen=True)
class Routine:
    """A call of a library routine."""

    call: Call


Phase = Rows | Reduce | Once | Routine


@dataclass(frozen=True)
class Schedule:
    """The phases of a kernel in order, and the memory they share."""

    phases: tuple[Phase, ...]
    scratch: tuple[Scratch, ...]


def _stride(index: Size, name: str) -> Size:
    """The factor of a variable in a polynomial, as far as it enters alone."""
    if not isinstance(index, Dim):
        return 0
    alone = [f for atoms, f in index.terms if [a.name for a in atoms] == [name]]
    return alone[0] if alone else 0


def statements(phase: Phase) -> tuple[Stmt, ...]:
    """All statements of a phase at its own level, in order."""
    match phase:
        case Rows():
            return (*phase.before, *phase.body, *phase.after)
        case Reduce():
            return (*phase.before, *phase.head, *phase.body, *phase.each)
        case Once():
            return (*phase.before, *phase.body)
        case Routine(call):
            return (call,)


def _accs(phase: Phase) -> tuple[Acc, ...]:
    return phase.accs if isinstance(phase, (Rows, Reduce)) else ()


def touched(phase: Phase) -> list[str]:
    """Buffers a phase reads or writes."""
    found = [buffer for stmt in statements(phase) for buffer in buffers_of(stmt)]
    return found + [buffer for acc in _accs(phase) for buffer in loads_of(acc.term)]


def needed(phase: Phase) -> set[str]:
    """Names a phase reads and does not set."""
    stmts = statements(phase)
    names = {name for stmt in stmts for name in names_read(stmt)}
    names |= {name for acc in _accs(phase) for name in expr_names(acc.term)}
    own = {name for stmt in stmts for part in walk((stmt,)) for name in names_set(part)}
    return names - own - {acc.name for acc in _accs(phase)}


def known_after(phase: Phase) -> list[str]:
    """Scalars that one thread has when a phase is done."""
    match phase:
        case Rows():
            return [a.name for a in phase.accs] + [n for s in phase.after for n in names_set(s)]
        case Once():
            return [name for stmt in phase.body for name in names_set(stmt)]
    return []
