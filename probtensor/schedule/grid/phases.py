"""The phases of a kernel on a grid of threads, made by the passes and rendered by a GPU target."""

from __future__ import annotations

from collections.abc import Mapping

from probtensor.dataclass import dataclass
from probtensor.kernel.ir import Acc, Call, For, Let, Lit, Load, Stmt, exprs_of, walk, walk_expr
from probtensor.kernel.touch import buffers_of, expr_names, loads_of, names_read, names_set
from probtensor.types import Dim, Size, size_names, size_product, size_substitute

Loops = tuple[tuple[str, Size], ...]  # variables with their extents, outermost first


@dataclass(frozen=True)
class Scratch:
    """A flat array through which phases of one kernel pass values."""

    name: str
    dtype: str
    count: Size


@dataclass(frozen=True)
class PrivateCopy:
    """A short buffer that all iterations combine into: each thread has a private copy, and at the
    end the copies are folded into the buffer; its previous value is `initial`, if given."""

    buffer: str
    count: int
    op: str
    dtype: str
    initial: Lit | None = None


@dataclass(frozen=True)
class Loop:
    """Nested loops that are not yet a phase: `body` in each iteration of `loops`, folds over all
    iterations, and `after`, which combines the folds into memory. `split`: whether a pass has moved
    some of its statements to other loops."""

    loops: Loops
    body: tuple[Stmt, ...]
    accs: tuple[Acc, ...] = ()
    privates: tuple[PrivateCopy, ...] = ()
    after: tuple[Stmt, ...] = ()
    split: bool = False

    @property
    def variables(self) -> set[str]:
        """The variables of loops with more than one iteration."""
        return {name for name, extent in self.loops if extent != 1}


@dataclass(frozen=True)
class Sync:
    """A barrier for the lanes of a group of threads; nothing for a single thread."""


@dataclass(frozen=True)
class MapPhase:
    """Independent iterations of `loops`. `flat` is the variable of their row-major number, if there
    are several loops. Every thread runs `before` first; one thread runs `after` at the end, when
    all iterations are done and folded."""

    loops: Loops
    body: tuple[Stmt | Sync, ...]
    flat: str
    accs: tuple[Acc, ...] = ()
    privates: tuple[PrivateCopy, ...] = ()
    before: tuple[Stmt, ...] = ()
    after: tuple[Stmt, ...] = ()

    @property
    def inner(self) -> tuple[Size, ...]:
        """Extents of the loops that a group of threads may divide."""
        if self.privates:
            return ()
        return tuple(stmt.extent for stmt in self.body if isinstance(stmt, For))


@dataclass(frozen=True)
class Reduce:
    """For each iteration of `outer`: `head`, then folds over all iterations of `reduced` (with
    `body` in each), then `each`, which reads the folds. `full` are buffers of which `each` combines
    into every element exactly once."""

    outer: Loops
    reduced: Loops
    body: tuple[Stmt, ...]
    accs: tuple[Acc, ...]
    each: tuple[Stmt, ...]
    head: tuple[Stmt, ...] = ()
    before: tuple[Stmt, ...] = ()
    full: tuple[str, ...] = ()

    @property
    def contiguous_terms(self) -> bool:
        """Whether neighbouring threads take neighbouring terms, and not neighbouring elements: so
        unless a load is contiguous along the elements only."""
        last = self.outer[-1][0]
        parts = [s for s in self.body for s in exprs_of(s)] + [a.term for a in self.accs]
        indices = [p.index for e in parts for p in walk_expr(e) if isinstance(p, Load)]
        along = [k for k in indices if last in size_names(k)]
        inner = self.reduced[-1][0]
        return not any(_stride(k, last) == 1 and _stride(k, inner) != 1 for k in along)


@dataclass(frozen=True)
class Once:
    """Statements run by one thread."""

    body: tuple[Stmt, ...]
    before: tuple[Stmt, ...] = ()


@dataclass(frozen=True)
class Routine:
    """A call of a library routine."""

    call: Call


@dataclass(frozen=True)
class Steps:
    """A loop in order as launches: `first` once, then `phases` for each `0 <= var < extent`, which
    are given `var`. Its states are passed through scratch memory: `memory` has its name by that of
    the state."""

    var: str
    extent: Size
    first: tuple[Phase, ...]
    phases: tuple[Phase, ...]
    memory: Mapping[str, str]


@dataclass(frozen=True)
class InOrder:
    """Statements that run in order, loops of type `Scan` and what is around them, by one group of
    threads, which divides the loops inside.

    steps  the same as launches for every step, where that is possible; each call decides by its
           sizes which of the two it runs
    work   the work of the loops of one step that a group or a grid can divide (`group/work.py`)
    alone  whether no group can run it, since it calls a routine that a GPU has not
    """

    body: tuple[Stmt | Sync, ...]
    steps: Steps | None = None
    work: tuple[Size, ...] = ()
    alone: bool = False


Phase = Loop | MapPhase | Reduce | Once | Routine | InOrder


@dataclass(frozen=True)
class Facts:
    """Facts about a kernel: its name, the element counts and dtypes of its buffers, the values of
    constant sizes, and whether results must not depend on timing."""

    kernel: str
    elements: Mapping[str, Size]
    dtypes: Mapping[str, str]
    constants: Mapping[str, int]
    deterministic: bool = False

    def fills(self, loops: Loops, buffer: str) -> bool:
        """Whether loops have as many iterations as a buffer has elements."""
        gap = size_product(n for _, n in loops) - self.elements[buffer]
        return size_substitute(gap, self.constants) == 0 if isinstance(gap, Dim) else gap == 0


@dataclass(frozen=True)
class Schedule:
    """The phases of a kernel in order, and the memory that they share.

    free     scalars that may be computed anywhere in the kernel: they read nothing it writes
    written  buffers that the kernel writes
    names    the number of names that the passes have made
    """

    facts: Facts
    phases: tuple[Phase, ...]
    scratch: tuple[Scratch, ...] = ()
    free: tuple[Let, ...] = ()
    written: frozenset[str] = frozenset()
    names: int = 0

    @property
    def locals(self) -> set[str]:
        """All locals that the phases set."""
        stmts = walk((*self.free, *(stmt for phase in self.phases for stmt in statements(phase))))
        found = {name for stmt in stmts for name in names_set(stmt)}
        return found | {acc.name for phase in self.phases for acc in folds(phase)}


def _stride(index: Size, name: str) -> Size:
    """The factor of the term of a polynomial that is a multiple of this variable alone."""
    if not isinstance(index, Dim):
        return 0
    factors = [f for atoms, f in index.terms if [a.name for a in atoms] == [name]]
    return factors[0] if factors else 0


def statements(phase: Phase) -> tuple[Stmt, ...]:
    """All statements of a phase in order, without those inside them."""
    match phase:
        case Loop():
            return (*phase.body, *phase.after)
        case MapPhase():
            return (*phase.before, *phase.body, *phase.after)
        case Reduce():
            return (*phase.before, *phase.head, *phase.body, *phase.each)
        case Once():
            return (*phase.before, *phase.body)
        case InOrder(body):
            return body
        case Routine(call):
            return (call,)


def folds(phase: Phase) -> tuple[Acc, ...]:
    """The folds over all iterations of a phase."""
    return phase.accs if isinstance(phase, (Loop, MapPhase, Reduce)) else ()


def touched(phase: Phase) -> list[str]:
    """Buffers that a phase reads or writes."""
    found = [buffer for stmt in statements(phase) for buffer in buffers_of(stmt)]
    return found + [buffer for acc in folds(phase) for buffer in loads_of(acc.term)]


def needed(phase: Phase) -> set[str]:
    """Names that a phase reads and does not set."""
    stmts = statements(phase)
    names = {name for stmt in stmts for name in names_read(stmt)}
    names |= {name for acc in folds(phase) for name in expr_names(acc.term)}
    found = {name for stmt in stmts for part in walk((stmt,)) for name in names_set(part)}
    return names - found - {acc.name for acc in folds(phase)}


def defined_after(phase: Phase) -> list[str]:
    """Scalars that are available to one thread at the end of a phase."""
    match phase:
        case MapPhase():
            return [a.name for a in phase.accs] + [n for s in phase.after for n in names_set(s)]
        case Once() | InOrder():
            return [name for stmt in phase.body for name in names_set(stmt)]
    return []
