"""The verifier of kernels: defined before use, not provably out of bounds, no races."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from math import gcd

from probtensor.dataclass import replace
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
from probtensor.types import (
    Atom,
    Dim,
    Size,
    SizeCheck,
    from_terms,
    never_negative,
    size_names,
    size_substitute,
    size_with,
    terms_of,
    where_positive,
)

MOST_TERMS = 12  # of quotients of sizes


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
    - no iteration of a loop reads what another iteration stores.

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
        self.solved: list[tuple[Atom, Size]] | None = None  # None: not yet
        self.gaps: list[Size] | None = None  # never negative by laws
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
                place = loop, store, load, inner
                if any(self._disjoint(*x, varying, guarded) for x in self._with_laws(*place)):
                    continue
                self._fail(
                    f"an iteration of {loop.var} reads {load.buffer}[{load.index}], and another "
                    f"may store {store.buffer}[{store.index}]"
                )

    def _with_laws(
        self, loop: For, store: Store, load: Load, inner: Mapping[str, Size]
    ) -> Iterator[tuple[For, Store, Load, Mapping[str, Size]]]:
        """The arguments of `_disjoint`; then the same with sizes that laws show to be others."""
        yield loop, store, load, inner
        if self.solved is None:
            self.solved, self.gaps = solved(self.laws), None
        if self.solved:

            def known(size: Size) -> Size:
                return with_solved(size, self.solved)

            yield (
                replace(loop, extent=known(loop.extent)),
                replace(store, index=known(store.index)),
                replace(load, index=known(load.index)),
                {name: known(extent) for name, extent in inner.items()},
            )

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
            return _is_part(offset, length, inner, self._gaps())
        if _is_never_negative(length - 1 - offset, inner):
            return True
        if _is_part(offset, length, inner, self._gaps()):
            return True
        highest = size_substitute(offset, {name: n - 1 for name, n in inner.items()})
        return self._follows_from_laws(length - 1 - highest)

    def _gaps(self) -> list[Size]:
        """Sizes that laws show to be never negative: n - 6 where 6 <= n, or where n // 2 == 3."""
        if self.gaps is None:
            gaps = [law.right - law.left for law in self.laws if law.relation == "<="]
            for atom, value in self.solved or ():
                if atom.name == "//":
                    divided, divisor = atom.args
                    gaps.append(divided - divisor * value)
            self.gaps = [gap for gap in map(where_positive, gaps) if gap != 0]
        return self.gaps

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


def solved(laws: Iterable[SizeCheck]) -> list[tuple[Atom, Size]]:
    """Names of sizes, and quotients and extremes of them, each with the size that it is equal to by
    laws, in the order in which they are to be replaced: from n0 - n1 + 1 == 3 follows n0 = n1 + 2,
    and from n1 // 2 == 4 that n1 // 2 = 4."""
    found: list[tuple[Atom, Size]] = []
    for law in laws:
        if law.relation != "==":
            continue
        left, right = law.left, law.right
        if isinstance(right, int) and right > 0:
            left = where_positive(left)
        gap = with_solved(left - right, found)
        for atoms, factor in terms_of(gap):
            rest = gap - Dim(((atoms, factor),))
            if len(atoms) != 1 or any(n % factor for _, n in terms_of(rest)):
                continue
            if atoms[0].args or atoms[0].key not in size_names(rest):
                value = from_terms((product, n // -factor) for product, n in terms_of(rest))
                found = [(atom, size_with(x, atoms[0], value)) for atom, x in found]
                found.append((atoms[0], value))
                break
    return found


def with_solved(size: Size, found: Iterable[tuple[Atom, Size]]) -> Size:
    """A size with atoms replaced by what `solved` found."""
    for atom, value in found:
        size = size_with(size, atom, value)
    return size


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


def _is_part(
    offset: Size, length: Size, ranges: Mapping[str, Size], known: Sequence[Size] = ()
) -> bool:
    """Whether loops go over a part of a block of rows in the order of its elements, as
    (i + 1) n m + j m + k with i + 1 below l, j below n and k below m is within a block of l n m.

    From the inner loops outwards: what loops with smaller steps reach must be below the next step,
    and all of it below the length. `known` are sizes that are not negative.
    """
    count: dict[Size, Size] = {1: 0}  # by step, how many of them the loops go at most
    known = [*known]
    for name, extent in ranges.items():
        step = coefficient(offset, name)
        if step is None or (isinstance(step, int) and step < 0):
            return False
        if step != 0:
            count[step] = count.get(step, 0) + where_positive(extent) - 1
            known.append(where_positive(extent))
    rest = size_substitute(offset, dict.fromkeys(ranges, 0))
    steps = sorted(count, key=_order)
    for step in steps[:0:-1]:  # the part of the offset that is the same in all iterations
        times = _leading_quotient(rest, step)
        count[step] = count[step] + times
        rest = rest - step * times
    if not never_negative(rest):
        return False
    count[1] = count[1] + rest
    reaches: list[Size] = [0]  # bounds of what the loops so far reach: as they are, or rounded up
    for k, (step, following) in enumerate(zip(steps, [*steps[1:], where_positive(length)])):
        factors, is_below = (*steps[: k + 1], *known), False
        found: dict[Size, None] = {}
        for reach in [x + step * count[step] for x in reaches]:
            gap = following - 1 - reach
            found[reach] = None
            if never_negative(gap) or any(_is_multiple(gap, x) for x in factors):
                found[following - 1], is_below = None, True
        if not is_below and not never_negative(following - 1):
            return False
        reaches = list(found)
    return is_below


def _order(step: Size) -> tuple[int, int]:
    """Sorts steps by size, nearly: by the number of names and the factor of the leading term."""
    atoms, n = _leading(step)
    return len(atoms), abs(n)


def _leading_quotient(size: Size, step: Size) -> int:
    """How many times a step is in a size, by its leading term; 0 if it is not."""
    atoms, n = _leading(step)
    return max(0, dict(terms_of(size)).get(atoms, 0) // n)


def _is_multiple(size: Size, product: Size) -> bool:
    """Whether a size is a product, which is not negative, times a size that is not negative."""
    if isinstance(product, int) and product == 0:
        return isinstance(size, int) and size == 0
    left, quotient = size, 0
    common = gcd(*(n for _, n in terms_of(product)))
    product = from_terms((atoms, n // common) for atoms, n in terms_of(product))
    divisor, n = _leading(product)
    for _ in range(MOST_TERMS):
        if isinstance(left, int) and left == 0:
            return never_negative(quotient)
        atoms, m = _leading(left)
        rest = list(atoms)
        if m % n or any(rest.count(x) < divisor.count(x) for x in divisor):
            return False
        for x in divisor:
            rest.remove(x)
        part = Dim(((tuple(rest), m // n),)) if rest else m // n
        left, quotient = left - product * part, quotient + part
    return False


def _leading(size: Size) -> tuple[tuple[Atom, ...], int]:
    """The term with the most names, and of these that with the largest factor; not of 0."""
    return max(terms_of(size), key=lambda term: (len(term[0]), abs(term[1])))


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
