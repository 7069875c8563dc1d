"""The verifier of kernels: names set before use, accesses in bounds where that shows, no races."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from probtensor.kernel.ir import (
    Apply,
    Call,
    Check,
    Expr,
    For,
    Kernel,
    Let,
    Load,
    Place,
    Ref,
    Stmt,
    Store,
    exprs_of,
)
from probtensor.kernel.simplify import substitute
from probtensor.types import Dim, Size, size_names


class KernelError(AssertionError):
    """A kernel that breaks the rules of the grammar: an error of lowering, never of the user."""


def check(kernel: Kernel, buffers: Mapping[str, Size], sizes: Iterable[str]) -> None:
    """Raise KernelError unless the kernel is sound.

    `buffers` gives the number of elements of each buffer, `sizes` the names of sizes.

    - every local, loop variable and size is set before it is read, and set once;
    - every access names a known buffer, and is not certain to leave it;
    - a plain store inside a loop goes to another place at each turn.
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
            case Call(args=args):
                for arg in args:
                    if isinstance(arg, tuple):
                        # The start of a buffer may be handed over even where it has no elements.
                        self._access(arg[0], arg[1], stmt, certain=arg[1] != 0)
                    else:
                        self._need(size_names(arg), stmt)

    def _loop(self, loop: For) -> None:
        self._need(size_names(loop.extent) | size_names(loop.start), loop.var)
        self._set(loop.var)
        self.extents[loop.var] = loop.extent
        outside = set(self.known)
        self._body(loop.body)
        for acc in loop.accs:
            self._expr(acc.term)
        # What a turn has set is not to be read after it.
        self.known = outside - {loop.var}
        del self.extents[loop.var]
        for acc in loop.accs:
            self._set(acc.name)

    def _expr(self, expr: Expr, certain: bool = True) -> None:
        match expr:
            case Ref(name):
                self._need([name], expr)
            case Place(index):
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
        highest = substitute(index, {name: n - 1 for name, n in self.extents.items()})
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
