"""The verifier of kernels: names set before use, accesses in bounds where that shows, no races."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set

from probtensor.kernel.ir import (
    Apply,
    Call,
    Check,
    Expr,
    For,
    IndexValue,
    Kernel,
    Let,
    Load,
    Ref,
    Stmt,
    Store,
    exprs_of,
    walk,
)
from probtensor.kernel.simplify import coefficient
from probtensor.kernel.touch import names_set
from probtensor.types import Dim, Size, size_names, size_substitute, terms_of


class KernelError(AssertionError):
    """A kernel that breaks the rules of the grammar: an error of lowering, never of the user."""


def check(kernel: Kernel, buffers: Mapping[str, Size], sizes: Iterable[str]) -> None:
    """Raise KernelError unless the kernel is sound.

    `buffers` gives the number of elements of each buffer, `sizes` the names of sizes.

    - every local, loop variable and size is set before it is read, and set once;
    - every access names a known buffer, and is not certain to leave it;
    - a plain store inside a loop goes to another place at each turn;
    - no turn of a loop reads what another turn of it stores.
    """
    _Checker(kernel, buffers, set(sizes)).run()


class _Checker:
    def __init__(self, kernel: Kernel, buffers: Mapping[str, Size], sizes: set[str]) -> None:
        self.kernel = kernel
        self.buffers = buffers
        self.known = sizes
        self.extents: dict[str, Size] = {}
        self.computed: set[str] = set()  # integer locals: their values are data

    def run(self) -> None:
        self._body(self.kernel.body)

    def _fail(self, message: str) -> None:
        raise KernelError(f"{self.kernel.name}: {message}")

    def _set(self, name: str) -> None:
        if name in self.known:
            self._fail(f"{name} is set twice")
        self.known.add(name)

    def _need(self, names: Iterable[str], where: object) -> None:
        missing = sorted(set(names) - self.known)
        if missing:
            self._fail(f"{', '.join(missing)} is read before it is set, in {where}")

    def _body(self, body: tuple[Stmt, ...]) -> None:
        for stmt in body:
            self._stmt(stmt)

    def _stmt(self, stmt: Stmt) -> None:
        match stmt:
            case For():
                self._loop(stmt)
            case Let(name, expr):
                self._expr(expr)
                self._set(name)
                if expr.dtype == "int64":
                    self.computed.add(name)
            case Store(buffer, index, expr):
                self._expr(expr)
                self._access(buffer, index, stmt)
                if stmt.op is None:
                    self._distinct(stmt)
            case Check():
                for expr in exprs_of(stmt):
                    self._expr(expr)
            case Call(numbers=numbers):
                for buffer, offset in stmt.pointers:
                    # The start of a buffer may be handed over even where it has no elements.
                    self._access(buffer, offset, stmt, certain=offset != 0)
                for number in numbers:
                    self._need(size_names(number), stmt)

    def _loop(self, loop: For) -> None:
        self._need(size_names(loop.extent), loop.var)
        self._set(loop.var)
        self.extents[loop.var] = loop.extent
        outside = set(self.known)
        self._body(loop.body)
        self._apart(loop)
        for acc in loop.accs:
            self._expr(acc.term)
        # What a turn has set is not to be read after it.
        self.known = outside - {loop.var}
        del self.extents[loop.var]
        for acc in loop.accs:
            self._set(acc.name)

    def _apart(self, loop: For) -> None:
        """Turns may run at once, so what one stores is for itself alone."""
        if loop.extent in (0, 1):
            return
        inside = list(walk(loop.body))
        stores = [stmt for stmt in inside if isinstance(stmt, Store)]
        written = {store.buffer for store in stores}
        exprs = [*(e for stmt in inside for e in exprs_of(stmt)), *(a.term for a in loop.accs)]
        loads = [x for e in exprs for x in loads_of(e) if x[0].buffer in written]
        inner = {stmt.var: stmt.extent for stmt in inside if isinstance(stmt, For)}
        for load, chosen in loads:
            for store in stores:
                own = store.buffer != load.buffer or self._own(loop, store, load, inner, chosen)
                if not own:
                    self._fail(
                        f"a turn of {loop.var} reads {load.buffer}[{load.index}], and another may "
                        f"store {store.buffer}[{store.index}]"
                    )

    def _own(
        self, loop: For, store: Store, load: Load, inner: Mapping[str, Size], chosen: bool
    ) -> bool:
        """Whether what a turn stores is apart from what other turns read: each turn has a stretch
        of its own, or one in each row, or the loop stores in one region and reads in another.

        A place in a stretch that is data, or a quotient, is taken to lie in it, and so is one that
        is read under a condition (`chosen`), as the parts of a join are.
        """
        step = coefficient(store.index, loop.var)
        if step is not None and step == coefficient(load.index, loop.var):
            turn = step * Dim.name(loop.var)
            row = step * loop.extent
            places = (_within_row(x.index - turn, row) for x in (store, load))
            if all(self._stays_within(place, step, inner) for place in places):
                return True
            inside = {*inner, *(name for stmt in walk(loop.body) for name in names_set(stmt))}
            stored, read = _without_common(store.index - turn, load.index - turn, inside)
            within = chosen and step != 0
            if self._stays_within(stored, step, inner) and (
                within or self._stays_within(read, step, inner)
            ):
                return True
        turns = {**inner, loop.var: loop.extent}
        others = {f"{name}'": extent for name, extent in turns.items()}
        read = size_substitute(load.index, {name: Dim.name(f"{name}'") for name in turns})
        gap, back = read - store.index, store.index - read
        return any(_is_never_negative(size - 1, turns | others) for size in (gap, back))

    def _stays_within(self, place: Size, step: Size, inner: Mapping[str, Size]) -> bool:
        atoms = [atom for product, _ in terms_of(place) for atom in product]
        if any(atom.args or atom.name in self.computed for atom in atoms):
            return step not in (0, 1)
        return _is_never_negative(place, inner) and _is_never_negative(step - 1 - place, inner)

    def _expr(self, expr: Expr, certain: bool = True) -> None:
        match expr:
            case Ref(name):
                self._need([name], expr)
            case IndexValue(index):
                self._need(size_names(index), expr)
            case Load(buffer, index):
                self._access(buffer, index, expr, certain)
            case Apply("where", (condition, *branches)):
                # What is read under a condition may lie outside where the condition fails.
                self._expr(condition, certain)
                for branch in branches:
                    self._expr(branch, False)
            case Apply(_, args):
                for arg in args:
                    self._expr(arg, certain)

    def _access(self, buffer: str, index: Size, where: object, certain: bool = True) -> None:
        if buffer not in self.buffers:
            self._fail(f"{buffer} is no buffer of the plan, in {where}")
        self._need(size_names(index), where)
        if not certain or size_names(index) & self.computed:
            return
        highest = size_substitute(index, {name: n - 1 for name, n in self.extents.items()})
        beyond = highest - self.buffers[buffer]
        if isinstance(beyond, int) and beyond >= 0 and self._rises(index):
            self._fail(f"{buffer} is left by {beyond + 1} elements, in {where}")

    def _rises(self, index: Size) -> bool:
        """Whether the index is largest at the last turn of each loop: no variable is taken away."""
        if not isinstance(index, Dim):
            return True
        return all(
            factor > 0 or not any(atom.args or atom.name in self.extents for atom in atoms)
            for atoms, factor in index.terms
        )

    def _distinct(self, store: Store) -> None:
        if size_names(store.index) & self.computed:
            return
        same = [var for var in self.extents if var not in size_names(store.index)]
        same = [var for var in same if self.extents[var] != 1]
        # A loop of no turns writes nothing.
        if same and 0 not in self.extents.values():
            self._fail(f"each turn of {', '.join(same)} writes the same place, in {store}")


def loads_of(expr: Expr, chosen: bool = False) -> Iterator[tuple[Load, bool]]:
    """The loads in an expression, and whether each is in a branch of a choice."""
    match expr:
        case Load():
            yield expr, chosen
        case Apply(name, (first, *rest)):
            yield from loads_of(first, chosen)
            for arg in rest:
                yield from loads_of(arg, chosen or name == "where")


def _within_row(place: Size, row: Size) -> Size:
    """A place less its terms that are whole rows, as i2 * n0 + n0 * 3 are of n0."""
    atoms, factor = terms_of(row)[0] if len(terms_of(row)) == 1 else ((), 0)
    if factor <= 0:
        return place
    kept: Size = 0
    for product, n in terms_of(place):
        rest = list(product)
        whole = n % factor == 0
        for atom in atoms:
            whole = whole and atom in rest
            if whole:
                rest.remove(atom)
        if not whole:
            kept = kept + (Dim(((product, n),)) if product else n % row if not atoms else n)
    return kept


def _without_common(a: Size, b: Size, inside: Set[str]) -> tuple[Size, Size]:
    """Two indices less what both have of terms without names that are set inside a loop."""
    common: Size = 0
    for atoms, factor in terms_of(a):
        term = Dim(((atoms, factor),)) if atoms else factor
        if not size_names(term) & inside and (atoms, factor) in terms_of(b):
            common = common + term
    return a - common, b - common


def _is_never_negative(size: Size, ranges: Mapping[str, Size]) -> bool:
    """Whether a size is shown to be 0 or more for all values of the variables. The extents of
    their loops are at least 1: else no turn does anything."""
    for name, extent in ranges.items():
        factor = coefficient(size, name)
        if factor is None:
            return False
        if factor == 0:
            continue
        if all(n >= 0 for _, n in terms_of(factor)):
            size = size_substitute(size, {name: 0})
        elif all(n <= 0 for _, n in terms_of(factor)):
            size = size_substitute(size, {name: extent - 1})
        else:
            return False
    names = {name for extent in ranges.values() for name in size_names(extent)}
    size = size_substitute(size, {name: Dim.name(name) + 1 for name in names})
    return all(factor >= 0 for _, factor in terms_of(size))
