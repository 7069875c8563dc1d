"""Statements of a kernel as Cython: locals, stores, branches and loops in order."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence, Set

from probtensor.dataclass import dataclass, field, replace
from probtensor.kernel.check import loads_of
from probtensor.kernel.ir import (
    FOLDS,
    Acc,
    Choice,
    Expr,
    If,
    Kernel,
    Scan,
    Stmt,
    Store,
    blocks,
    exprs_of,
)
from probtensor.kernel.simplify import coefficient
from probtensor.kernel.touch import expr_names
from probtensor.schedule.strips.forms import Jammed, Strip, Stripped, name_of
from probtensor.targets.declare import CFunction, CName
from probtensor.targets.spell import Speller, c_type, comment, local_type, unwrapped


@dataclass(kw_only=True)
class StatementText(Speller):
    """Writes the statements of a kernel function, line by line."""

    kernel: Kernel
    comments: bool
    shared: Set[str] = frozenset()  # functions that loops call instead of inlining them
    lines: list[str] = field(default_factory=list)
    wide: dict[str, str] = field(default_factory=dict)  # local -> its element in the current lane
    held: dict[Expr, str] = field(default_factory=dict)  # computed before the loop -> its text
    routines: set[str] = field(default_factory=set)
    checks: bool = False
    origin: str = ""

    def parameters(self) -> list[tuple[str, str]]:
        """Buffer parameters with their types; those that are only read are const."""
        dtypes, written = self.plan.dtypes, set(self.kernel.writes)
        names = dict.fromkeys((*self.kernel.reads, *self.kernel.writes))
        found = []
        for name in names:
            mode = "out" if name in written else "in"
            kind = f"pt_{mode}_{dtypes[name]}"
            const = "const " if mode == "in" else ""
            self.used[kind] = CName(kind, f"ctypedef {const}{c_type(dtypes[name])}* {kind}")
            found.append((name, kind))
        return found

    # Lines.

    def _line(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text + self.mark)

    def _comment(self, depth: int, origin: str) -> None:
        """The user's line, if it differs from that of the previous statement."""
        if not self.comments or not origin or origin == self.origin:
            return
        self.origin = origin
        self._line(depth, f"# {comment(origin, 98 - 4 * depth)}")

    def _open_body(
        self, body: Iterable[Stripped], accs: Iterable[Acc], var: str, depth: int
    ) -> None:
        """The beginning of an iteration of a loop over `var`."""
        exprs = list(exprs_in(body))
        if loads_neighbours_under_conditions([*exprs, *(acc.term for acc in accs)], var):
            self._line(depth, f"{self._use('pt_not_vectorised', 'void')}()")

    # Statements.

    def _stmt(self, stmt: Stripped, depth: int) -> None:
        """Write a statement."""
        before = self._begin(name_of(stmt)) if self.within else ""
        self._statement(stmt, depth)
        self.mark = before

    @abstractmethod
    def _statement(self, stmt: Stripped, depth: int) -> None:
        """Write a statement, by its class."""

    @abstractmethod
    def _body(self, body: Iterable[Stripped], depth: int) -> None:
        """Write statements."""

    def _set(self, name: str, dtype: str, value: str, depth: int) -> None:
        if name not in self.wide:
            self.locals.setdefault(name, local_type(dtype))
        self._line(depth, f"{self._name(name)} = {value}")

    def _name(self, name: str) -> str:
        return self.wide.get(name, name)

    def _expr(self, expr: Expr) -> str:
        return (self.held.get(expr) if self.held else None) or super()._expr(expr)

    def _copy(self, function: CFunction) -> CFunction:
        if not self.loops:
            return replace(function, inline=False)
        if function.name in self.shared:
            return replace(function, inline=False, copy="lanes")
        return function

    def _store(self, store: Store, depth: int) -> None:
        self._comment(depth, store.origin)
        element = f"{store.buffer}[{self._index(store.index)}]"
        value = self._expr(store.expr)
        if store.op == "add":
            self._line(depth, f"{element} += {value}")
            return
        if store.op is not None:
            value = self._apply(FOLDS[store.op].symbol, [element, value], store.expr.dtype)
        self._line(depth, f"{element} = {value}")

    def _branch(self, stmt: If, depth: int) -> None:
        self._line(depth, f"if {unwrapped(self._expr(stmt.condition))}:")
        self._branch_body(stmt.then, [(c, c.first) for c in stmt.choices], depth + 1)
        if stmt.otherwise or stmt.choices:
            self._line(depth, "else:")
            ends = [(c, c.second) for c in stmt.choices]
            self._branch_body(stmt.otherwise, ends, depth + 1)

    def _branch_body(
        self, body: Sequence[Stripped], ends: Sequence[tuple[Choice, Expr]], depth: int
    ) -> None:
        self._body(body, depth)
        outside = self.mark
        for choice, value in ends:
            self._begin(choice.name)
            self._comment(depth, choice.origin)
            self._set(choice.name, choice.dtype, unwrapped(self._expr(value)), depth)
        self.mark = outside
        if not body and not ends:
            self._line(depth, "pass")

    def _scan(self, scan: Scan, depth: int) -> None:
        """A loop whose iterations run in order."""
        outside = self.mark
        for state in scan.states:
            self._begin(state.name)
            self._set(state.name, state.dtype, unwrapped(self._expr(state.init)), depth)
        self.mark = outside
        var = scan.var
        self.locals[var] = "int64_t"
        if scan.extent is None:
            self._line(depth, f"{var} = 0")
            self._line(depth, "while True:")
        else:
            self._line(depth, f"for {var} in range({self._index(scan.extent)}):")
        if scan.count is not None:
            self.locals[scan.count] = "int64_t"
            self.lines.insert(-1, "    " * depth + f"{scan.count} = 0")
        self.loops += 1
        self._body(scan.body, depth + 1)
        self._end_step(scan, depth + 1)
        self.loops -= 1

    def _end_step(self, scan: Scan, depth: int) -> None:
        """The end of an iteration: the states change, and the loop may stop."""
        lines = len(self.lines)
        names = {state.name for state in scan.states}
        stop = "" if scan.stop is None else unwrapped(self._expr(scan.stop))
        if scan.stop is not None and expr_names(scan.stop) & names:
            self._set(f"{scan.var}_stop", "bool", stop, depth)
            stop = f"{scan.var}_stop"
        ahead = any(expr_names(s.next) & names - {s.name} for s in scan.states)
        outside = self.mark
        for state in scan.states:
            self._begin(state.name)
            value, name = unwrapped(self._expr(state.next)), state.name
            if ahead:  # it is read by others after it changes
                name = f"{state.name}_next"
                self.locals[name] = local_type(state.dtype)
            if value != name:
                self._line(depth, f"{name} = {value}")
        if ahead:
            for state in scan.states:
                self._begin(state.name)
                self._line(depth, f"{state.name} = {state.name}_next")
        self.mark = outside
        if scan.extent is None:
            self._line(depth, f"{scan.var} += 1")
        if scan.count is not None:
            after = scan.var if scan.extent is None else f"{scan.var} + 1"
            self._begin(scan.count)
            self._line(depth, f"{scan.count} = {after}")
            self.mark = outside
        if stop:
            self._line(depth, f"if {stop}:")
            self._line(depth + 1, "break")
        if len(self.lines) == lines and not scan.body:
            self._line(depth, "pass")


def exprs_in(body: Iterable[Stripped]) -> Iterator[Expr]:
    """All expressions in statements, and in the strips and loops among them."""
    for stmt in body:
        match stmt:
            case Strip(segments=segments):
                for segment in segments:
                    yield from exprs_in(segment.body)
                    yield from (acc.term for acc in segment.accs)
            case Jammed(loop):
                yield from exprs_in((loop,))
            case _ if isinstance(stmt, Stmt):
                yield from exprs_of(stmt)
                for inner in blocks(stmt):
                    yield from exprs_in(inner)


def loads_neighbours_under_conditions(exprs: Iterable[Expr], var: str) -> bool:
    """Whether an iteration of a loop over `var` loads, in branches of a `where`, elements that are
    several apart from those of the next iteration, as rows of 3 are: where a C compiler unrolls the
    loop over a row, these are neighbouring loads under one condition."""
    guarded = (load for expr in exprs for load, is_guarded in loads_of(expr) if is_guarded)
    strides = (coefficient(load.index, var) for load in guarded)
    return any(isinstance(stride, int) and abs(stride) > 1 for stride in strides)
