"""Loops whose iterations run in order, in strips: what does not depend on the states is computed
for all iterations of a strip before them, and what no state depends on after them.

    u = a + f(x[i]) + b * u, y[i] = g(u)     ->     vector: t = a + f(x[i])
                                                    serial: v = u; u = t + b * u
                                                    vector: y[i] = g(v)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from probtensor.dataclass import dataclass, replace
from probtensor.kernel.ir import (
    Acc,
    Apply,
    Expr,
    Let,
    Load,
    Ref,
    Scan,
    State,
    Stmt,
    Store,
    exprs_of,
    walk_expr,
)
from probtensor.kernel.simplify import coefficient
from probtensor.kernel.touch import expr_names, loads_of, names_read
from probtensor.schedule.strips.forms import (
    Recurrence,
    SerialSegment,
    Strip,
    Stripped,
    VectorSegment,
)
from probtensor.schedule.strips.inner import substituted, with_last_values

FEW = 24  # statements of a scan whose strips are long
WIDTHS = (128, 64)  # iterations of a strip with few statements, and of others
LEAST_GAIN = 3  # operations that an iteration must save
SHORTEST = 8  # iterations of a loop that is worth it


@dataclass(frozen=True)
class Parts:
    """The statements of an iteration before, with and after the states that change one by one, and
    the folds: the states that are sums."""

    before: tuple[Stmt, ...]
    core: tuple[Stripped, ...]
    after: tuple[Stmt, ...]
    states: tuple[State, ...]
    folds: tuple[Acc, ...]

    @property
    def wide(self) -> dict[str, str]:
        """The locals that another part than their own reads, with their dtypes."""
        if self.core and isinstance(self.core[0], Recurrence):
            routine = self.core[0]
            own = replace(self, core=(), states=()).wide
            return {**own, routine.result: "float64", routine.term.name: "float64"}
        found: dict[str, str] = {}
        ends = [state.next for state in self.states]
        terms = [acc.term for acc in self.folds]
        parts = ((self.before, ()), (self.core, ends), (self.after, terms))
        for body, more in parts:
            own = {stmt.name for stmt in body if isinstance(stmt, Let)}
            read = _read(body, more) - own
            for other, _ in parts:
                for stmt in other:
                    if isinstance(stmt, Let) and stmt.name in read:
                        found[stmt.name] = stmt.expr.dtype
        return found

    @property
    def gain(self) -> int:
        """The operations that run for a strip at once, less the elements read or set for it."""
        own = {stmt.name for stmt in self.before if isinstance(stmt, Let)}
        read = _read(self.core, [state.next for state in self.states]) & own
        later = _read(self.after, [acc.term for acc in self.folds])
        set_ = {stmt.name for stmt in self.core if isinstance(stmt, Let)} & later
        exprs = [expr for stmt in (*self.before, *self.after) for expr in exprs_of(stmt)]
        exprs += [acc.term for acc in self.folds]
        done = sum(_operations(expr) for expr in exprs) + len(self.folds)
        return done - len(read) - len(set_)


def scan_in_strips(scan: Scan) -> Strip | Scan:
    """The scan in strips if that pays, else the scan."""
    scan = with_last_values(scan)
    if scan.stop is not None or scan.count is not None or scan.extent is None:
        return scan
    if isinstance(scan.extent, int) and scan.extent < SHORTEST:
        return scan
    if not all(isinstance(s, Let) or (isinstance(s, Store) and s.op is None) for s in scan.body):
        return scan
    stored = Counter(stmt.buffer for stmt in scan.body if isinstance(stmt, Store))
    exprs = [e for stmt in scan.body for e in exprs_of(stmt)] + [s.next for s in scan.states]
    if any(buffer in stored for expr in exprs for buffer in loads_of(expr)):
        return scan
    divided = [_divided(scan, stored, later) for later in (True, False)]
    recurrences = [_recurrence(parts, scan.var, stored) for parts in divided]
    parts = next(filter(None, recurrences), None) or max(divided, key=lambda p: p.gain)
    if parts not in recurrences and parts.gain < LEAST_GAIN:
        return scan
    segments = (
        VectorSegment(parts.before),
        SerialSegment(parts.core),
        VectorSegment(parts.after, parts.folds),
    )
    if not parts.states and not parts.core:
        segments = (VectorSegment((*parts.before, *parts.after), parts.folds),)
    wide = tuple(parts.wide.items()) if len(segments) > 1 else ()
    width = WIDTHS[len(scan.body) > FEW]
    folded = {acc.name for acc in parts.folds}
    states = (*parts.states, *(state for state in scan.states if state.name in folded))
    return Strip(scan.var, scan.extent, width, segments, wide, ordered=True, states=states)


def _divided(scan: Scan, stored: Counter[str], later: bool) -> Parts:
    """The parts of a scan; without `later` nothing comes after the states."""
    folds = _folds(scan) if later else ()
    summed = {acc.name for acc in folds}
    states = tuple(state for state in scan.states if state.name not in summed)
    depends = {state.name for state in states}
    before: list[Stmt] = []
    rest: list[Stmt] = []
    for stmt in scan.body:
        if names_read(stmt) & depends or not _may_be_wide(stmt, scan.var, stored):
            rest.append(stmt)
            depends |= {stmt.name} if isinstance(stmt, Let) else set()
        else:
            before.append(stmt)
    needed = _read((), [state.next for state in states])
    core: list[Stmt] = []
    after: list[Stmt] = []
    for stmt in reversed(rest):
        simple = isinstance(stmt, Store) and (
            isinstance(stmt.expr, Ref) or not _may_be_wide(stmt, scan.var, stored)
        )
        if simple or not later or (isinstance(stmt, Let) and stmt.name in needed):
            core.append(stmt)
            needed |= names_read(stmt)
        else:
            after.append(stmt)
    names = {state.name: state for state in states}
    hoisted = _Hoisted(before, depends, scan.var)
    core = [_with_exprs(stmt, hoisted) for stmt in reversed(core)]
    states = tuple(replace(state, next=hoisted.expr(state.next)) for state in states)
    after.reverse()
    read = _read(after, [acc.term for acc in folds]) & names.keys()
    kept = [Let(f"{name}_{scan.var}", Ref(name, names[name].dtype)) for name in sorted(read)]
    values = {let.expr.name: Ref(let.name, let.expr.dtype) for let in kept}
    after = [_with(stmt, values) for stmt in after]
    folds = tuple(replace(acc, term=substituted(acc.term, values)) for acc in folds)
    return Parts(tuple(hoisted.lets), (*kept, *core), tuple(after), states, folds)


def _may_be_wide(stmt: Stmt, var: str, stored: Counter[str]) -> bool:
    """Whether a statement may run for all iterations before the next one does."""
    if isinstance(stmt, Let):
        return True
    return stored[stmt.buffer] == 1 and coefficient(stmt.index, var) not in (0, None)


def _folds(scan: Scan) -> tuple[Acc, ...]:
    """The states to which each iteration adds a term, and that nothing else reads."""
    read = _read(scan.body, ())
    found = []
    for state in scan.states:
        others = _read((), [s.next for s in scan.states if s is not state])
        term = _term(state)
        if term is not None and state.name not in read | others:
            found.append(Acc(state.name, "add", 0.0, term, state.origin))
    return tuple(found)


def _term(state: State) -> Expr | None:
    end = state.next
    if not isinstance(end, Apply) or end.fn not in ("+", "-") or end.dtype != "float64":
        return None
    first, second = end.args
    if first == Ref(state.name, "float64") and second.dtype == "float64":
        if state.name in expr_names(second):
            return None
        return second if end.fn == "+" else Apply("neg", (second,), "float64")
    return None


def _recurrence(parts: Parts, var: str, stored: Counter[str]) -> Parts | None:
    """The parts with a routine for the states, if these are one that each iteration multiplies by
    the same number, and adds a term to."""
    if len(parts.states) != 1:
        return None
    (state,) = parts.states
    current = Ref(state.name, "float64")
    values = {state.name: Ref(f"{state.name}_{var}", "float64")}
    later = []
    for stmt in parts.core:
        if stmt.expr != current:
            return None
        if isinstance(stmt, Store):
            if not _may_be_wide(stmt, var, stored):
                return None
            later.append(_with(stmt, values))
    end = state.next
    if not isinstance(end, Apply) or end.fn != "+" or end.dtype != "float64":
        return None
    changing = {state.name, var, *(s.name for s in parts.before if isinstance(s, Let))}
    for product, term in (end.args, end.args[::-1]):
        if not isinstance(product, Apply) or product.fn != "*" or current not in product.args:
            continue
        factor = product.args[1] if product.args[0] == current else product.args[0]
        kinds = {part.dtype for part in (*product.args, term)}
        if kinds != {"float64"} or expr_names(factor) & changing:
            continue
        if state.name in expr_names(term):
            continue
        named = Let(f"r_{var}", term)
        before = values[state.name]
        routine = Recurrence(before.name, state.name, factor, Ref(named.name, "float64"))
        after = (*later, *parts.after)
        return replace(parts, before=(*parts.before, named), core=(routine,), after=after)
    return None


class _Hoisted:
    """Statements before the states; `expr` moves operations there that no state is in."""

    def __init__(self, lets: Sequence[Stmt], depends: set[str], var: str) -> None:
        self.lets = list(lets)
        self.depends, self.var = depends, var
        self.known: dict[Expr, Ref] = {}
        own = [stmt for stmt in lets if isinstance(stmt, Let)]
        self.names = {stmt.name for stmt in own}
        self.loads = {stmt.name: stmt.expr for stmt in own if isinstance(stmt.expr, Load)}

    def expr(self, expr: Expr) -> Expr:
        """The expression, with locals for what is computed before."""
        if isinstance(expr, Ref):
            return self.loads.get(expr.name, expr)
        if not isinstance(expr, Apply):
            return expr
        read = expr_names(expr)
        if not read & self.depends:
            if not read & self.names and self.var not in read:
                return expr  # the same in all iterations
            if expr not in self.known:
                name = f"h{len(self.known)}_{self.var}"
                self.known[expr] = Ref(name, expr.dtype)
                self.lets.append(Let(name, expr))
            return self.known[expr]
        if expr.fn == "where":
            chosen = self.expr(expr.args[0])
            branches = [arg if loads_of(arg) else self.expr(arg) for arg in expr.args[1:]]
            return replace(expr, args=(chosen, *branches))
        return replace(expr, args=tuple(map(self.expr, expr.args)))


def _with_exprs(stmt: Stmt, hoisted: _Hoisted) -> Stmt:
    return replace(stmt, expr=hoisted.expr(stmt.expr))


def _with(stmt: Stmt, values: dict[str, Ref]) -> Stmt:
    return replace(stmt, expr=substituted(stmt.expr, values))


def _read(body: Iterable[Stmt], exprs: Iterable[Expr]) -> set[str]:
    """Names that statements and expressions read."""
    return set().union(*map(names_read, body), *map(expr_names, exprs))


def _operations(expr: Expr) -> int:
    return sum(isinstance(part, Apply) for part in walk_expr(expr))
