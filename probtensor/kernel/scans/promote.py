"""Elements of buffers as scalars (scalar replacement): loads become locals, and stores too.

    for i in order:                          s_0 = s[0]
      w[0] = s[0]*x[i]                ->     for i in order, with s_0:
      s[0] = w[0]                              w_0 = s_0*x[i]
      y[i] = s[0]                              y[i] = w_0
                                               s_0 = w_0
                                             s[0] = s_0

An element is a scalar if all stores to its buffer have constant indices. What an iteration of a
`Scan` reads of the one before is a `State`. Stores of a buffer that is private to the kernel are
dropped; those of others come once, at the end; and if statements that stay as they are read the
buffer (loops with computed indices, routines), stores are where they were, and only loads go.

Where a buffer stays in memory, a load of an element that was stored just before, at an equal
index, reads the local that was stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from probtensor.dataclass import dataclass, field, replace
from probtensor.kernel.ir import (
    FOLDS,
    Apply,
    Call,
    Choice,
    Expr,
    For,
    If,
    Let,
    Lit,
    Load,
    Ref,
    Scan,
    State,
    Stmt,
    Store,
    blocks,
    exprs_of,
    walk_expr,
)
from probtensor.kernel.scans.choose import Storage
from probtensor.kernel.scans.substitute import (
    Names,
    converted,
    evaluated,
    expr_at,
    head_at,
    index_at,
    statement_at,
    with_args,
    zero,
)
from probtensor.kernel.touch import deep, touched, writes_of
from probtensor.types import Size

Element = tuple[str, Size]


def with_scalars(
    body: tuple[Stmt, ...],
    scalars: Mapping[str, Storage],
    in_memory: frozenset[str],
    names: Names,
) -> tuple[Stmt, ...]:
    """The statements with the elements of buffers `scalars` as scalars. Stores to those of
    `in_memory` stay: statements read them at other than constant indices."""
    return _Promoter(scalars, in_memory, names).kernel(body)


@dataclass
class _Scope:
    """What is read in place of locals, and of elements that were stored or loaded before."""

    values: dict[str, Expr] = field(default_factory=dict)
    elements: dict[str, dict[Size, Expr]] = field(default_factory=dict)  # by buffer and index

    def inside(self) -> _Scope:
        """The same, for a block inside this one."""
        return _Scope(dict(self.values), {k: dict(found) for k, found in self.elements.items()})

    def find(self, element: Element) -> Expr | None:
        """The value of an element, if it is known."""
        return self.elements.get(element[0], {}).get(element[1])

    def set(self, element: Element, value: Expr) -> None:
        self.elements.setdefault(element[0], {})[element[1]] = value

    def forget(self, buffer: str, index: Size | None = None) -> None:
        """Drop the elements of a buffer that a store at an index may change: all but those at a
        constant distance from it."""
        found = self.elements.get(buffer, {})
        if isinstance(index, int) and all(isinstance(other, int) for other in found):
            found.pop(index, None)
            return
        for other in list(found):
            apart = None if index is None else other - index
            if not isinstance(apart, int) or apart == 0:
                del found[other]


class _Promoter:
    def __init__(
        self, scalars: Mapping[str, Storage], in_memory: frozenset[str], names: Names
    ) -> None:
        self.scalars = scalars
        self.in_memory = in_memory
        self.names = names
        self.origins: dict[Element, str] = {}

    def kernel(self, body: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
        """The statements of a kernel, and the stores at its end."""
        stored = dict.fromkeys(self._stored(body))
        returned = {
            element: None
            for element in stored
            if not self.scalars[element[0]].private and element[0] not in self.in_memory
        }
        scope = _Scope()
        done = self._block(body, scope, set(returned))
        for element in returned:
            value = scope.find(element)
            done.append(Store(*element, value, None, self.origins.get(element, "")))
        return tuple(done)

    # Statements.

    def _block(
        self,
        body: Sequence[Stmt],
        scope: _Scope,
        live: set[Element],
        ends: Sequence[Expr] = (),
    ) -> list[Stmt]:
        """The statements of a block; `live` are the scalars that are read after it, and `ends` the
        expressions that are evaluated at its end."""
        after = self._live_after(body, live)
        last = _last_loads(body, ends) if any(isinstance(s, Store) for s in body) else {}
        done: list[Stmt] = []
        for position, stmt in enumerate(body):
            match stmt:
                case Store():
                    again = last.get((stmt.buffer, stmt.index), -1) > position
                    done += self._store(stmt, scope, again)
                case For():
                    done.append(self._loop(stmt, scope))
                case Scan():
                    done.append(self._scan(stmt, scope, after[position]))
                case If():
                    done.append(self._if(stmt, scope, after[position]))
                case Let():
                    done += self._let(stmt, scope)
                case _:
                    done.append(self._read(stmt, scope))
                    for buffer in writes_of(stmt):
                        scope.forget(buffer)
        return done

    def _read(self, stmt: Stmt, scope: _Scope) -> Stmt:
        """A statement with elements and locals replaced by what they are."""
        if isinstance(stmt, Call):
            return statement_at(stmt, scope.values, {})
        (expr,) = exprs_of(stmt)  # of a `Check`
        return replace(stmt, condition=self._expr(expr, scope))

    def _let(self, let: Let, scope: _Scope) -> list[Stmt]:
        expr = self._expr(let.expr, scope)
        if isinstance(expr, (Lit, Ref)):
            scope.values[let.name] = expr
            return []
        return [let if expr is let.expr else Let(let.name, expr, let.origin)]

    def _store(self, store: Store, scope: _Scope, again: bool) -> list[Stmt]:
        """A store; `again` is whether the element is loaded later in the block."""
        index = index_at(store.index, scope.values, {})
        value, element = self._expr(store.expr, scope), (store.buffer, index)
        is_scalar = element[0] in self.scalars
        if store.op is not None and (is_scalar or scope.find(element) is not None):
            value = self._combined(store.op, element, value, scope)
        elif store.op is not None:
            scope.forget(*element)
            return [replace(store, index=index, expr=value)]
        if not is_scalar and not again:
            scope.forget(*element)
            return [replace(store, index=index, expr=value)]
        done: list[Stmt] = []
        if is_scalar:
            value = converted(value, self.scalars[store.buffer].dtype)
        if not isinstance(value, (Lit, Ref)):
            name = self.names.fresh(f"{store.buffer}_{index}" if is_scalar else store.buffer)
            done.append(Let(name, value, store.origin))
            value = Ref(name, value.dtype)
        scope.forget(*element)
        scope.set(element, value)
        self.origins[element] = store.origin
        if not is_scalar or store.buffer in self.in_memory:
            done.append(Store(store.buffer, index, value, None, store.origin))
        return done

    def _combined(self, op: str, element: Element, value: Expr, scope: _Scope) -> Expr:
        """The value that an element has after a value is combined into it."""
        before = self._element(element, value.dtype, scope)
        if isinstance(before, Lit) and before.value == FOLDS[op].identity(before.dtype):
            return value
        return Apply(FOLDS[op].symbol, (before, value), before.dtype)

    def _loop(self, loop: For, scope: _Scope) -> For:
        """A loop that is not unrolled, which stores to no scalar."""
        written = writes_of(loop)
        for buffer in written:
            scope.forget(buffer)
        head, inner = head_at(loop, scope.values, {}), scope.inside()
        body = self._block(loop.body, inner, set(), [acc.term for acc in loop.accs])
        accs = tuple(replace(acc, term=self._expr(acc.term, inner)) for acc in loop.accs)
        return replace(head, body=tuple(body), accs=accs)

    def _scan(self, scan: Scan, scope: _Scope, live: set[Element]) -> Scan:
        """A `Scan`, with a state for each element that an iteration, or what comes after the last
        one, reads of the iterations before."""
        stored = dict.fromkeys(self._stored(scan.body))
        needed = live | self._live_around(scan, live)
        carried = {element: self._initial(element, scope) for element in stored
                   if element in needed}  # fmt: skip
        written = [buffer for stmt in scan.body for buffer in writes_of(stmt)]
        extent = None if scan.extent is None else index_at(scan.extent, scope.values, {})
        inits = [self._expr(state.init, scope) for state in scan.states]
        for buffer in written:
            if buffer not in self.scalars:
                scope.forget(buffer)
        for element in stored:
            scope.forget(*element)
        inner = scope.inside()
        names = {element: self.names.fresh("_".join(map(str, element))) for element in carried}
        found = {element: Ref(names[element], init.dtype) for element, init in carried.items()}
        for element, value in found.items():
            inner.set(element, value)
        body = self._block(scan.body, inner, needed | self._ends(scan), _ends(scan))
        states = tuple(
            replace(state, init=init, next=self._expr(state.next, inner))
            for state, init in zip(scan.states, inits, strict=True)
        )
        states += tuple(
            State(names[element], init, inner.find(element), self.origins.get(element, ""))
            for element, init in carried.items()
        )
        stop = None if scan.stop is None else self._expr(scan.stop, inner)
        for element, value in found.items():
            scope.set(element, value)
        return replace(scan, extent=extent, body=tuple(body), states=states, stop=stop)

    def _if(self, stmt: If, scope: _Scope, live: set[Element]) -> If:
        """A branch, with a choice for each element that one of its bodies stores and that is read
        after it."""
        condition = self._expr(stmt.condition, scope)
        stored = dict.fromkeys(self._stored((stmt,)))
        before = {element: self._initial(element, scope) for element in stored if element in live}
        sides = []
        for body, ends in zip(blocks(stmt), _ends_of(stmt), strict=True):
            inner = scope.inside()
            for element, value in before.items():
                inner.set(element, value)
            done = self._block(body, inner, live | self._scalars(ends), ends)
            values = [self._expr(end, inner) for end in ends]
            sides.append((tuple(done), [*values, *(inner.find(element) for element in before)]))
        for buffer in writes_of(stmt):
            if buffer not in self.scalars:
                scope.forget(buffer)
        for element in stored:
            scope.forget(*element)
        names = [choice.name for choice in stmt.choices]
        for element, value in before.items():
            names.append(self.names.fresh("_".join(map(str, element))))
            scope.set(element, Ref(names[-1], value.dtype))
        origins = [choice.origin for choice in stmt.choices]
        origins += [self.origins.get(element, "") for element in before]
        (then, firsts), (otherwise, seconds) = sides
        choices = map(Choice, names, firsts, seconds, origins)
        return If(condition, then, otherwise, tuple(choices))

    # Elements.

    def _expr(self, expr: Expr, scope: _Scope) -> Expr:
        """An expression with the elements that are known in it as locals."""
        match expr:
            case Load(buffer, index, dtype):
                element = buffer, index_at(index, scope.values, {})
                return self._element(element, dtype, scope)
            case Apply(args=args):
                return evaluated(with_args(expr, [self._expr(a, scope) for a in args]))
        return expr_at(expr, scope.values, {})

    def _element(self, element: Element, dtype: str, scope: _Scope) -> Expr:
        """What is read in place of a load: of memory, if nothing was stored before."""
        found = scope.find(element)
        return Load(*element, dtype) if found is None else converted(found, dtype)

    def _initial(self, element: Element, scope: _Scope) -> Expr:
        """The value of an element before a `Scan`. Memory that is private to the kernel has no
        value before a store."""
        storage = self.scalars[element[0]]
        found = scope.find(element)
        if found is not None:
            return found
        return zero(storage.dtype) if storage.private else Load(*element, storage.dtype)

    def _stored(self, body: Sequence[Stmt]) -> Iterator[Element]:
        """The scalars that statements, or statements inside them, store."""
        for outer in body:
            if self.scalars.keys().isdisjoint(touched(outer).stores):
                continue
            for stmt in deep(outer):
                if isinstance(stmt, Store) and stmt.buffer in self.scalars:
                    yield stmt.buffer, stmt.index

    # Liveness.

    def _live_after(self, body: Sequence[Stmt], after: set[Element]) -> dict[int, set[Element]]:
        """The scalars that are read after each `Scan` and `If` of a block, by its position."""
        found: dict[int, set[Element]] = {}
        live = set(after)
        places = (k for k, stmt in enumerate(body) if isinstance(stmt, (Scan, If)))
        for position in range(len(body) - 1, next(places, len(body)) - 1, -1):
            if isinstance(body[position], (Scan, If)):
                found[position] = set(live)
            self._step_back(body[position], live)
        return found

    def _step_back(self, stmt: Stmt, live: set[Element]) -> None:
        """Make the scalars that are read after a statement those that are read in it before it
        stores them, or after it."""
        match stmt:
            case Store(buffer, index, op=None):
                live.discard((buffer, index))
            case Store(buffer, index):
                live.add((buffer, index))
            case Scan(states=states):
                live |= self._live_around(stmt, live)
                live |= self._scalars(state.init for state in states)
                return
            case If():
                branches = [live | self._scalars(ends) for ends in _ends_of(stmt)]
                for body, inner in zip(blocks(stmt), branches, strict=True):
                    for part in reversed(body):
                        self._step_back(part, inner)
                live.clear()
                live.update(*branches, self._scalars([stmt.condition]))
                return
        for load in touched(stmt).loads:
            if load.buffer in self.scalars:
                live.add((load.buffer, load.index))

    def _live_around(self, scan: Scan, after: set[Element]) -> set[Element]:
        """The scalars that are read in an iteration before it stores them."""
        found: set[Element] = set()
        while True:
            live = after | found | self._ends(scan)
            for stmt in reversed(scan.body):
                self._step_back(stmt, live)
            if live <= found:
                return found
            found |= live

    def _ends(self, scan: Scan) -> set[Element]:
        """The scalars that are read at the end of an iteration."""
        return self._scalars(_ends(scan))

    def _scalars(self, exprs: Iterable[Expr]) -> set[Element]:
        return {element for element in _loads(exprs) if element[0] in self.scalars}


def _last_loads(body: Sequence[Stmt], ends: Iterable[Expr]) -> dict[Element, int]:
    """The position in a block of the last statement that loads an element, also inside it; that of
    the end for what is evaluated there."""
    found: dict[Element, int] = {}
    for position, stmt in enumerate(body):
        found.update(dict.fromkeys(_elements(touched(stmt).loads), position))
    return found | dict.fromkeys(_loads(ends), len(body))


def _ends(scan: Scan) -> list[Expr]:
    """The expressions that are evaluated at the end of an iteration."""
    found = [state.next for state in scan.states]
    return found if scan.stop is None else [*found, scan.stop]


def _ends_of(stmt: If) -> tuple[list[Expr], list[Expr]]:
    """The expressions that are evaluated at the end of each body of a branch."""
    return [choice.first for choice in stmt.choices], [choice.second for choice in stmt.choices]


def _loads(exprs: Iterable[Expr]) -> Iterator[Element]:
    """The elements that expressions load."""
    for expr in exprs:
        yield from _elements([part for part in walk_expr(expr) if isinstance(part, Load)])


def _elements(loads: Iterable[Load]) -> Iterator[Element]:
    """The elements of loads."""
    return ((load.buffer, load.index) for load in loads)
