"""The verifier of kernels: defined before use, not provably out of bounds, no races."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

from probtensor.kernel.ir import (
    Apply,
    Call,
    Check,
    Expr,
    For,
    If,
    IndexValue,
    Kernel,
    Let,
    Load,
    Ref,
    Scan,
    Stmt,
    Store,
    exprs_of,
    walk,
)
from probtensor.kernel.simplify import coefficient
from probtensor.kernel.touch import names_set
from probtensor.late import late
from probtensor.types import (
    Dim,
    Size,
    SizeCheck,
    never_negative,
    size_names,
    size_substitute,
    terms_of,
    where_positive,
)

trial = late("probtensor.kernel.trial")


class KernelError(AssertionError):
    """An invalid kernel: a bug of lowering, never an error of the user."""


def check(
    kernel: Kernel,
    buffers: Mapping[str, Size],
    sizes: Iterable[str],
    laws: Sequence[SizeCheck] = (),
) -> None:
    """Raise KernelError unless the kernel is sound.

    `buffers` gives the number of elements of each buffer, `sizes` the names of sizes, `laws` what
    each call checks of them.

    - every local, loop variable and size is set before it is read, and set once; none has the name
      of a buffer;
    - every access is to a buffer of the plan, and not provably out of bounds;
    - a store that does not combine writes a different element in each iteration of a loop;
    - no iteration of a loop reads what another iteration stores: by a proof, or else by a trial at
      small sizes.

    The last two hold for loops of type `For`; the iterations of a `Scan` run in order.
    """
    _Checker(kernel, buffers, frozenset(sizes), laws).run()


class _Checker:
    def __init__(
        self,
        kernel: Kernel,
        buffers: Mapping[str, Size],
        sizes: frozenset[str],
        laws: Sequence[SizeCheck],
    ) -> None:
        self.kernel = kernel
        self.laws = laws
        self.buffers = buffers
        self.sizes = sizes
        self.defined: dict[str, None] = {}  # in the order in which they were set
        self.extents: dict[str, Size] = {}
        self.ordered: set[str] = set()  # variables of loops whose iterations run in order
        self.computed: set[str] = set()  # integer locals, whose values are not known statically
        # Indices with the number of elements that they stay within, in the loops `extents`.
        self.within: set[tuple[Size, Size]] = set()

    def run(self) -> None:
        self._body(self.kernel.body)

    def _fail(self, message: str) -> None:
        raise KernelError(f"{self.kernel.name}: {message}")

    def _set(self, name: str) -> None:
        if name in self.defined or name in self.sizes:
            self._fail(f"{name} is set twice")
        if name in self.buffers:
            self._fail(f"{name} is set, and is a buffer")
        self.defined[name] = None

    def _leave(self, count: int) -> None:
        """Names set in a body are out of scope after it: only the first `count` remain."""
        while len(self.defined) > count:
            self.defined.popitem()

    def _require(self, names: Iterable[str], where: object) -> None:
        missing = [name for name in names if name not in self.defined and name not in self.sizes]
        if missing:
            missing = sorted(set(missing))
            self._fail(f"{', '.join(missing)} is read before it is set, in {where}")

    def _body(self, body: tuple[Stmt, ...]) -> None:
        for stmt in body:
            self._stmt(stmt)

    def _stmt(self, stmt: Stmt) -> None:
        if stmt.__class__ is Let:
            self._expr(stmt.expr)
            self._set(stmt.name)
            if stmt.expr.dtype == "int64":
                self.computed.add(stmt.name)
            return
        match stmt:
            case For():
                self._loop(stmt)
            case Scan():
                self._scan(stmt)
            case If():
                self._if(stmt)
            case Store(buffer, index, expr):
                self._expr(expr)
                self._access(buffer, index, stmt)
                if stmt.op is None:
                    self._check_overwrites(stmt)
            case Check():
                for expr in exprs_of(stmt):
                    self._expr(expr)
            case Call(numbers=numbers):
                for buffer, offset in stmt.pointers:
                    # An empty buffer has no element at offset 0, but a pointer to it is valid.
                    self._access(buffer, offset, stmt, certain=offset != 0)
                for number in numbers:
                    self._require(size_names(number), stmt)

    def _loop(self, loop: For) -> None:
        self._require(size_names(loop.extent), loop.var)
        outside = len(self.defined)
        self._set(loop.var)
        self.extents[loop.var] = loop.extent
        self.within.clear()
        self._body(loop.body)
        self._check_races(loop)
        for acc in loop.accs:
            self._expr(acc.term)
        self._leave(outside)
        del self.extents[loop.var]
        self.within.clear()
        for acc in loop.accs:
            self._set(acc.name)

    def _scan(self, scan: Scan) -> None:
        if scan.extent is not None:
            self._require(size_names(scan.extent), scan.var)
            self.extents[scan.var] = scan.extent
            self.within.clear()
        for state in scan.states:
            self._expr(state.init)
        outside = len(self.defined)
        self._set(scan.var)
        for state in scan.states:
            self._set(state.name)
        self.ordered.add(scan.var)
        self._body(scan.body)
        for state in scan.states:
            self._expr(state.next)
            if state.next.dtype != state.init.dtype:
                self._fail(f"{state.name} is {state.init.dtype} and becomes {state.next.dtype}")
        if scan.stop is not None:
            self._expr(scan.stop)
        self._leave(outside)
        self.ordered.discard(scan.var)
        self.extents.pop(scan.var, None)
        self.within.clear()
        for name in names_set(scan):
            self._set(name)
        if scan.count is not None:
            self.computed.add(scan.count)

    def _if(self, stmt: If) -> None:
        self._expr(stmt.condition)
        outside = len(self.defined)
        for body, is_first in ((stmt.then, True), (stmt.otherwise, False)):
            self._body(body)
            for choice in stmt.choices:
                self._expr(choice.first if is_first else choice.second)
            self._leave(outside)
        for choice in stmt.choices:
            self._set(choice.name)
            if choice.first.dtype != choice.second.dtype:
                kinds = f"{choice.first.dtype} or {choice.second.dtype}"
                self._fail(f"{choice.name} is {kinds}, by the branch taken")
            if choice.dtype == "int64":
                self.computed.add(choice.name)

    def _check_races(self, loop: For) -> None:
        """Iterations may run in parallel, so none may read what another stores."""
        if loop.extent in (0, 1):
            return
        body = list(walk(loop.body))
        stores: dict[str, list[Store]] = {}
        for stmt in body:
            # A buffer without elements is neither stored to nor read, in loops that are not run.
            if isinstance(stmt, Store) and self.buffers[stmt.buffer] != 0:
                stores.setdefault(stmt.buffer, []).append(stmt)
        exprs = [*(e for stmt in body for e in exprs_of(stmt)), *(a.term for a in loop.accs)]
        loads = [x for e in exprs for x in loads_of(e) if x[0].buffer in stores]
        inner = {stmt.var: stmt.extent for stmt in body if isinstance(stmt, For)}
        varying = {*inner, *(name for stmt in body for name in names_set(stmt))} if loads else set()
        for load, guarded in loads:
            for store in stores[load.buffer]:
                if self._disjoint(loop, store, load, inner, varying, guarded):
                    continue
                if self._was_tried(loop, store, load, inner):
                    continue
                self._fail(
                    f"an iteration of {loop.var} reads {load.buffer}[{load.index}], and another "
                    f"may store {store.buffer}[{store.index}]"
                )

    def _was_tried(
        self, loop: For, store: Store, load: Load, inner: Mapping[str, Size]
    ) -> bool:
        """Whether the loop was tried at small sizes, without a race."""
        outer = {name: extent for name, extent in self.extents.items() if name != loop.var}
        used = store.index, load.index, loop.extent, *inner.values(), *outer.values()
        names = {name for size in used for name in size_names(size)}
        if not names <= self.sizes | inner.keys() | self.extents.keys():
            return False  # computed: its value is not known
        around = (loop.var, loop.extent), inner, outer
        return trial.finds_no_race(store.index, load.index, *around, self.laws)

    def _disjoint(
        self,
        loop: For,
        store: Store,
        load: Load,
        inner: Mapping[str, Size],
        varying: set[str],
        guarded: bool,
    ) -> bool:
        """Whether no iteration reads an element that another iteration stores. Proved if

        - store and load have the same stride along the loop, and in every iteration both are within
          a block of that many elements, or within such a block of each row; or
        - all stores of the loop are below all its loads, or above them.

        An offset in a block that is computed, or a quotient, is assumed to be within the block, and
        so is one that is read under a condition (`guarded`), as the parts of a join are. The names
        `inner` and `varying` differ from iteration to iteration: loops, and all of them.
        """
        stride = coefficient(store.index, loop.var)
        if stride is not None and stride == coefficient(load.index, loop.var):
            start = stride * Dim.name(loop.var)
            row = stride * loop.extent
            offsets = (_offset_in_row(x.index - start, row) for x in (store, load))
            if all(self._is_in_block(offset, stride, inner) for offset in offsets):
                return True
            stored, read = _without_common(store.index - start, load.index - start, varying)
            assumed = guarded and stride != 0
            if self._is_in_block(stored, stride, inner) and (
                assumed or self._is_in_block(read, stride, inner)
            ):
                return True
        ranges = {**inner, loop.var: loop.extent}
        others = {f"{name}'": extent for name, extent in ranges.items()}
        read = size_substitute(load.index, {name: Dim.name(f"{name}'") for name in ranges})
        above, below = read - store.index, store.index - read
        return any(_is_never_negative(gap - 1, ranges | others) for gap in (above, below))

    def _is_in_block(self, offset: Size, length: Size, inner: Mapping[str, Size]) -> bool:
        """Whether 0 <= offset < length, proved or assumed (see `_disjoint`)."""
        atoms = [atom for product, _ in terms_of(offset) for atom in product]
        if any(atom.args or atom.name in self.computed for atom in atoms):
            return length not in (0, 1)
        is_fixed = inner.keys().isdisjoint(size_names(offset))
        if not _is_never_negative(offset, inner) and not (
            is_fixed and self._follows_from_laws(offset)
        ):
            return _fills(offset, length, inner)
        if _is_never_negative(length - 1 - offset, inner):
            return True
        highest = size_substitute(offset, {name: n - 1 for name, n in inner.items()})
        return self._follows_from_laws(length - 1 - highest)

    def _follows_from_laws(self, size: Size) -> bool:
        """Whether one of the size laws of the call shows that a size is never negative, as 128 <= n
        does for n - 128. Sizes are positive where a loop has iterations."""
        for law in self.laws:
            least = int(law.relation == "<")
            signs = (1, -1) if law.relation == "==" else (1,)
            positive = where_positive(law.right) - where_positive(law.left)
            for gap in (law.right - law.left - least, positive - least):
                if any(never_negative(size - sign * gap) for sign in signs):
                    return True
        return False

    def _expr(self, expr: Expr, certain: bool = True) -> None:
        kind = expr.__class__
        if kind is Apply:
            for k, arg in enumerate(expr.args):
                # A load in a branch may be out of bounds where the branch is not taken.
                self._expr(arg, certain and (k == 0 or expr.fn != "where"))
        elif kind is Ref:
            if expr.name not in self.defined and expr.name not in self.sizes:
                self._require([expr.name], expr)
        elif kind is Load:
            self._access(expr.buffer, expr.index, expr, certain)
        elif kind is IndexValue:
            self._require(size_names(expr.index), expr)

    def _access(self, buffer: str, index: Size, where: object, certain: bool = True) -> None:
        if buffer not in self.buffers:
            self._fail(f"{buffer} is no buffer of the plan, in {where}")
        count, names = self.buffers[buffer], size_names(index)
        if names:
            self._require(names, where)
        elif count.__class__ is int and index < count:
            return
        if not certain or names & self.computed or (index, count) in self.within:
            return
        highest = size_substitute(index, {name: n - 1 for name, n in self.extents.items()})
        beyond = highest - count
        # A loop without iterations reads and writes nothing.
        is_run = 0 not in self.extents.values()
        if is_run and isinstance(beyond, int) and beyond >= 0 and self._is_increasing(index):
            if self._is_refused():
                return
            self._fail(f"{buffer} is left by {beyond + 1} elements, in {where}")
        self.within.add((index, count))

    def _is_refused(self) -> bool:
        """Whether a law refuses all calls whose sizes are positive, as n == n - 1 does: of
        `x * y` and `x[1:] * y` where no size is broadcast. No loop has iterations then."""
        gaps = (
            where_positive(law.left) - where_positive(law.right)
            for law in self.laws
            if law.relation == "=="
        )
        return any(never_negative(gap - 1) or never_negative(-gap - 1) for gap in gaps)

    def _is_increasing(self, index: Size) -> bool:
        """Whether the index is largest in the last iteration of each loop: no term with a loop
        variable has a negative factor."""
        if not isinstance(index, Dim):
            return True
        return all(
            factor > 0 or not any(atom.args or atom.name in self.extents for atom in atoms)
            for atoms, factor in index.terms
        )

    def _check_overwrites(self, store: Store) -> None:
        names = size_names(store.index)
        if names & self.computed:
            return
        loops = self.extents.keys() - self.ordered - names
        same = [var for var in self.extents if var in loops and self.extents[var] != 1]
        if same and 0 not in self.extents.values():
            self._fail(f"all iterations of {', '.join(same)} write the same element, in {store}")


def loads_of(expr: Expr, guarded: bool = False) -> Iterator[tuple[Load, bool]]:
    """The loads in an expression, and whether each is in a branch of a `where`."""
    match expr:
        case Load():
            yield expr, guarded
        case Apply(name, (first, *rest)):
            yield from loads_of(first, guarded)
            for arg in rest:
                yield from loads_of(arg, guarded or name == "where")


def _offset_in_row(index: Size, row: Size) -> Size:
    """An index without its terms that are multiples of a row, as i2*n0 and 3*n0 are of n0."""
    atoms, factor = terms_of(row)[0] if len(terms_of(row)) == 1 else ((), 0)
    if factor <= 0:
        return index
    offset: Size = 0
    for product, n in terms_of(index):
        rest = list(product)
        is_multiple = n % factor == 0
        for atom in atoms:
            is_multiple = is_multiple and atom in rest
            if is_multiple:
                rest.remove(atom)
        if not is_multiple:
            offset = offset + (Dim(((product, n),)) if product else n % row if not atoms else n)
    return offset


def _without_common(a: Size, b: Size, varying: Set[str]) -> tuple[Size, Size]:
    """Two indices without their common loop-invariant terms: those with no name in `varying`."""
    common: Size = 0
    for atoms, factor in terms_of(a):
        term = Dim(((atoms, factor),)) if atoms else factor
        if not size_names(term) & varying and (atoms, factor) in terms_of(b):
            common = common + term
    return a - common, b - common


def _fills(offset: Size, length: Size, ranges: Mapping[str, Size]) -> bool:
    """Whether loops go over a block in the order of its elements: each steps over what the loops
    inside it go over, as i*n*m + j*m + k with j below n and k below m is within a block of n*m."""
    unit: Size = 1
    while not (isinstance(offset, int) and offset == 0):
        name = next((name for name in ranges if coefficient(offset, name) == unit), None)
        if name is None:
            return False
        offset, unit = size_substitute(offset, {name: 0}), unit * ranges[name]
    return unit == length


def _is_never_negative(size: Size, ranges: Mapping[str, Size]) -> bool:
    """Whether a size can be shown to be at least 0 for all values of the loop variables. Extents
    are taken to be at least 1, since a loop without iterations accesses nothing."""
    positive = {name: where_positive(extent) for name, extent in ranges.items()}
    return any(_is_bounded_below(size, extents) for extents in (positive, ranges))


def _is_bounded_below(size: Size, ranges: Mapping[str, Size]) -> bool:
    names = {name for extent in ranges.values() for name in size_names(extent)}
    filled = {name: Dim.name(name) + 1 for name in names}
    for name, extent in ranges.items():
        factor = coefficient(size, name)
        if factor is None:
            return False
        if factor == 0:
            continue
        if _has_sign(factor, ranges, filled):
            size = size_substitute(size, {name: 0})
        elif _has_sign(0 - factor, ranges, filled):
            size = size_substitute(size, {name: extent - 1})
        else:
            return False
    return never_negative(size) or never_negative(size_substitute(size, filled))


def _has_sign(factor: Size, ranges: Mapping[str, Size], filled: Mapping[str, Size]) -> bool:
    """Whether a stride along a loop is never negative where axes have elements, as n * (2*m - 1) is
    not: by its terms, as an extent, or for sizes from 1 on."""
    if all(n >= 0 for _, n in terms_of(factor)) or factor in ranges.values():
        return True
    return never_negative(size_substitute(factor, filled))
