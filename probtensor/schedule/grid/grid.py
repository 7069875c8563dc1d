"""Kernels dealt out to a grid of threads: which loops run side by side, and what has to meet.

A kernel's outermost loops become phases, one launch each. In a phase every turn of the outer loops
stands alone: it belongs to one thread, or to a group of threads that share the loops inside it.

    Rows     turns side by side; folds over all turns meet at the end of the same launch
    Reduce   one fold for each of many places, both places and terms dealt out
    Once     a few scalars, by one thread
    Routine  a library routine

Scalars between loops are computed again by whoever needs them where that costs little, otherwise
passed on through memory. Stores that several turns combine into one place are, in order of
preference: a private copy for each thread (few places), a fold of its own (places known by loop
variables), atomic (places known by data). Where data decide which of several plain stores to one
place stays, the last turn wins, as in NumPy; and `deterministic` turns atomic sums of floats into
folds, so that results do not depend on timing. All of it is said in the grammar of `ir.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from probtensor.kernel.ir import (
    FOLDS,
    Acc,
    Apply,
    Call,
    Check,
    For,
    Kernel,
    Let,
    Lit,
    Load,
    Place,
    Ref,
    Stmt,
    Store,
    exprs_of,
    walk,
    walk_expr,
)
from probtensor.kernel.touch import buffers_of, expr_names, loads_of, names_read, names_set
from probtensor.kernel.touch import writes_of as writes
from probtensor.schedule.carry import widened
from probtensor.schedule.grid.flat import flat_place, flattened
from probtensor.schedule.grid.nests import nest, stores_of, term_by_term, without_ones
from probtensor.schedule.grid.phases import (
    Loops,
    Once,
    Phase,
    Private,
    Reduce,
    Routine,
    Rows,
    Schedule,
    Scratch,
    known_after,
    needed,
    statements,
    touched,
)
from probtensor.types import Dim, Size, dtype_of, size_names, size_product, size_substitute

LARGEST_PRIVATE = 48  # elements of private copies: what fits a thread's registers beside its work
SHORT = 16  # loops up to which one thread does all turns


def schedule(
    kernel: Kernel,
    elements: Mapping[str, Size],
    dtypes: Mapping[str, str],
    known: Mapping[str, int],
    deterministic: bool = False,
) -> Schedule:
    """The phases of a kernel. `elements` and `dtypes` describe its buffers, `known` are the sizes
    that have a value already."""
    return _Scheduler(kernel, elements, dtypes, known, deterministic).run()


@dataclass
class _Scheduler:
    kernel: Kernel
    elements: Mapping[str, Size]
    dtypes: Mapping[str, str]
    known: Mapping[str, int]
    deterministic: bool
    phases: list[Phase] = field(default_factory=list)
    scratch: list[Scratch] = field(default_factory=list)
    free: dict[str, Let] = field(default_factory=dict)  # scalars that may be computed again
    initial: dict[str, tuple[tuple[Stmt, ...], Lit]] = field(default_factory=dict)
    count: int = 0

    def run(self) -> Schedule:
        body = term_by_term(self.kernel.body)
        self.written = {buffer for stmt in body for buffer in writes(stmt)}
        self.locals = {name for stmt in walk(body) for name in names_set(stmt)}
        for stmt in body:
            if isinstance(stmt, Let) and self._is_free(stmt):
                self.free[stmt.name] = stmt
            elif isinstance(stmt, For):
                self._loop(stmt)
            elif isinstance(stmt, Call):
                self.phases.append(Routine(stmt))
            else:
                self._scalar(stmt)
        self._lend_scalars()
        self._pass_on()
        return Schedule(tuple(self.phases), tuple(self.scratch))

    def _fresh(self, letter: str) -> str:
        self.count += 1
        return f"{self.kernel.name}{letter}{self.count}"

    def _is_free(self, let: Let) -> bool:
        """Whether a scalar can be computed anywhere in the kernel with the same value."""
        if set(loads_of(let.expr)) & self.written:
            return False
        return expr_names(let.expr) & self.locals <= self.free.keys()

    def _scalar(self, stmt: Stmt) -> None:
        last = self.phases[-1] if self.phases else None
        if isinstance(last, Rows):
            self.phases[-1] = replace(last, after=(*last.after, stmt))
        elif isinstance(last, Once):
            self.phases[-1] = replace(last, body=(*last.body, stmt))
        else:
            self.phases.append(Once((stmt,)))

    # Loops.

    def _loop(self, loop: For) -> None:
        loops, body, accs = without_ones(*nest(loop))
        variables = {name for name, extent in loops if extent != 1}
        body, accs, after = self._settle_scalars(body, accs, variables)
        body, late = self._settle_data(loops, body)
        body, privates = self._settle_private(body, variables)
        body = body if privates else self._unmixed(body, variables)
        moved = [] if privates else self._crossed(body, variables)
        if moved and not accs and self._as_columns(loops, body):
            return
        busy = [stmt for stmt in body if not isinstance(stmt, Let)]
        if moved and (len(busy) > 1 or accs):
            body, later = self._fission(loops, body, moved)
            if accs or not all(isinstance(stmt, Let) for stmt in body):
                self._rows(loops, body, accs, privates, after)
            for second in later:
                self._loop(second)
        elif moved or accs or privates or late or not self._as_row_folds(loops, body):
            self._rows(loops, body, accs, privates, after)
        for more in late:
            self._loop(more)

    def _rows(
        self,
        loops: Loops,
        body: tuple[Stmt, ...],
        accs: tuple[Acc, ...],
        privates: tuple[Private, ...],
        after: tuple[Stmt, ...],
    ) -> None:
        flat = self._fresh("t") if len(loops) > 1 else loops[0][0]
        if len(loops) > 1:
            body = flattened(body, loops, flat)
            terms = flattened([Let(a.name, a.term) for a in accs], loops, flat)
            accs = tuple(replace(a, term=t.expr) for a, t in zip(accs, terms, strict=True))
        self.phases.append(Rows(loops, body, flat, accs, privates, (), after))
        match body:
            case (Store(buffer, index, Lit() as value, None),) if index == Dim.name(flat):
                if self._fill(loops, buffer):
                    self.initial[buffer] = (body, value)

    def _fill(self, loops: Loops, buffer: str) -> bool:
        """Whether loops have as many turns as a buffer has elements."""
        turns = size_product(n for _, n in loops)
        gap = turns - self.elements[buffer]
        return size_substitute(gap, self.known) == 0 if isinstance(gap, Dim) else gap == 0

    def _take_initial(self, buffer: str) -> Lit | None:
        """The value a buffer has been filled with, if nothing has touched it since; the filling is
        then left out."""
        body, value = self.initial.pop(buffer, (None, None))
        found = [k for k, phase in enumerate(self.phases) if getattr(phase, "body", 0) is body]
        if not found or self.phases[found[0]].after:
            return None
        if any(buffer in touched(phase) for phase in self.phases[found[0] + 1 :]):
            return None
        del self.phases[found[0]]
        return value

    def _settle_scalars(
        self, body: tuple[Stmt, ...], accs: tuple[Acc, ...], variables: set[str]
    ) -> tuple[tuple[Stmt, ...], tuple[Acc, ...], tuple[Stmt, ...]]:
        """Combining at one fixed place becomes a fold over all turns."""
        kept: list[Stmt] = []
        found = list(accs)
        after: list[Stmt] = []
        for stmt in body:
            fixed = isinstance(stmt, Store) and stmt.op and not (
                size_names(stmt.index) & (variables | self.locals)
            )
            if not fixed:
                kept.append(stmt)
                continue
            acc = self._fold_of(stmt)
            found.append(acc)
            whole = self.elements[stmt.buffer] == 1
            after.append(self._finished(stmt, Ref(acc.name, acc.term.dtype), whole))
        return tuple(kept), tuple(found), tuple(after)

    def _settle_private(
        self, body: tuple[Stmt, ...], variables: set[str]
    ) -> tuple[tuple[Stmt, ...], tuple[Private, ...]]:
        """Short buffers that all turns combine into, each place by loops of known length."""
        stores = [s for s, inner in stores_of(body) if self._in_place(s, variables)]
        buffers = dict.fromkeys(s.buffer for s in stores)
        lengths = [self.elements[buffer] for buffer in buffers]
        if not buffers or not all(isinstance(n, int) for n in lengths):
            return body, ()
        if sum(lengths) > LARGEST_PRIVATE or any(
            size_names(s.index) & variables for s in stores
        ):
            return body, ()
        ops = {s.buffer: s.op for s in stores}
        mixed = any(ops[s.buffer] != s.op for s in stores)
        reads = {b for stmt in walk(body) for e in exprs_of(stmt) for b in loads_of(e)}
        plain = {s.buffer for s, _ in stores_of(body) if s.op is None}
        if mixed or (reads | plain) & set(buffers):
            return body, ()
        privates = tuple(
            Private(b, self.elements[b], ops[b], self.dtypes[b], self._take_initial(b))
            for b in buffers
        )
        return body, privates

    def _in_place(self, store: Store, variables: set[str]) -> bool:
        """Whether several turns combine into one place that loop variables alone decide."""
        names = size_names(store.index)
        return bool(store.op and variables - names and not names & self.locals)

    def _crossed(self, body: Sequence[Stmt], variables: set[str]) -> list[Stmt]:
        """Statements in which turns combine into places that loop variables decide."""
        return [
            stmt
            for stmt in body
            if not (isinstance(stmt, For) and stmt.accs)
            and any(self._in_place(store, variables) for store, _ in stores_of((stmt,)))
        ]

    def _unmixed(self, body: Sequence[Stmt], variables: set[str]) -> tuple[Stmt, ...]:
        """Inner loops that fold and also combine into places become two loops each, unless what
        is combined needs folds of loops further in."""
        done: list[Stmt] = []
        for stmt in body:
            bare = replace(stmt, accs=()) if isinstance(stmt, For) else stmt
            if bare is stmt or not stmt.accs or not self._crossed((bare,), variables):
                done.append(stmt)
                continue
            stores = [s for s in stmt.body if self._crossed((s,), variables)]
            others = tuple(s for s in stmt.body if not any(s is other for other in stores))
            again = tuple(s for s in stmt.body if isinstance(s, Let) or s in stores)
            folds = {n for s in others if isinstance(s, For) for n in names_set(s)}
            if folds & {name for s in stores for name in names_read(s)}:
                done.append(stmt)
                continue
            done.append(replace(stmt, body=others))
            done.append(replace(stmt, body=again, accs=()))
        return tuple(done)

    def _fission(
        self, loops: Loops, body: Sequence[Stmt], moved: Sequence[Stmt]
    ) -> tuple[tuple[Stmt, ...], list[For]]:
        """The body without `moved`, and a loop over the same turns for each of those."""
        first = [stmt for stmt in body if not any(stmt is other for other in moved)]
        passed: dict[str, tuple[Store, Let]] = {}
        later = []
        for single in moved:
            again: dict[str, Stmt] = {}
            wanted = names_read(single)
            for stmt in reversed(first):
                names = [name for name in names_set(stmt) if name in wanted]
                if isinstance(stmt, Let) and names and self._is_cheap(stmt):
                    again[stmt.name] = stmt
                    wanted |= names_read(stmt)
                    continue
                for name in names:
                    if name not in passed:
                        passed[name] = self._through_memory(name, _dtype_of(stmt, name), loops)
                    again[name] = passed[name][1]
            second: tuple[Stmt, ...] = (*reversed(again.values()), single)
            for name, extent in reversed(loops):
                second = (For(name, extent, second),)
            later.append(second[0])
        return (*first, *(store for store, _ in passed.values())), later

    def _is_cheap(self, let: Let) -> bool:
        if set(loads_of(let.expr)) & self.written:
            return False
        work = [part for part in walk_expr(let.expr) if isinstance(part, Apply)]
        return len(work) <= 2 and not any(part.fn.startswith("pt_") for part in work)

    def _through_memory(self, name: str, dtype: str, loops: Loops) -> tuple[Store, Let]:
        memory = self._memory(dtype, size_product(n for _, n in loops))
        place = flat_place(loops)
        return Store(memory, place, Ref(name, dtype)), Let(name, Load(memory, place, dtype))

    def _memory(self, dtype: str, count: Size) -> str:
        name = self._fresh("s")
        self.scratch.append(Scratch(name, dtype, count))
        self.elements = {**self.elements, name: count}
        self.dtypes = {**self.dtypes, name: dtype}
        return name

    # Folds of their own.

    def _as_columns(self, loops: Loops, body: tuple[Stmt, ...]) -> bool:
        """Stores that combine over some of the loops, and nothing else: a fold for each place."""
        stores = [stmt for stmt in body if isinstance(stmt, Store)]
        lets = [stmt for stmt in body if isinstance(stmt, Let)]
        if len(stores) + len(lets) < len(body):
            return False
        variables = {name for name, _ in loops}
        kept = size_names(stores[0].index) & variables
        alike = all(
            s.op and size_names(s.index) & variables == kept and not size_names(s.index)
            & self.locals for s in stores
        )  # fmt: skip
        if not alike or not kept or len({s.buffer for s in stores}) < len(stores):
            return False
        own = tuple((name, n) for name, n in loops if name in kept)
        other = tuple((name, n) for name, n in loops if name not in kept)
        accs, each = [], []
        for store in stores:
            acc = self._fold_of(store)
            accs.append(acc)
            whole = store.index == flat_place(own) and self._fill(own, store.buffer)
            each.append(self._finished(store, Ref(acc.name, acc.term.dtype), whole))
        self.phases.append(Reduce(own, other, tuple(lets), tuple(accs), tuple(each)))
        return True

    def _fold_of(self, store: Store) -> Acc:
        """What a store combines, as a fold; sums and products of float32 are carried in float64."""
        term, dtype = store.expr, store.expr.dtype
        if dtype == "float32" and store.op in ("add", "mul"):
            dtype, term = "float64", widened(term)
        name = self._fresh("a")
        self.locals.add(name)
        return Acc(name, store.op, FOLDS[store.op].identity(dtype), term, store.origin)

    def _finished(self, store: Store, total: Ref, whole: bool) -> Store:
        """The total combined with what the place holds; `whole` if the stores fill the buffer."""
        dtype = store.expr.dtype
        value = total if total.dtype == dtype else Apply("cast", (total,), dtype)
        known = self._take_initial(store.buffer) if whole else None
        if known is None:
            return replace(store, expr=value)
        if known.value != FOLDS[store.op].identity(dtype):
            value = Apply(FOLDS[store.op].symbol, (known, value), dtype)
        return replace(store, expr=value, op=None)

    def _as_row_folds(self, loops: Loops, body: tuple[Stmt, ...]) -> bool:
        """One inner fold, with scalars before and after it."""
        inner = [k for k, stmt in enumerate(body) if isinstance(stmt, For)]
        if len(inner) != 1 or any(isinstance(stmt, (Call, Check)) for stmt in walk(body)):
            return False
        reduced, terms, accs = nest(body[inner[0]])
        long = not all(isinstance(n, int) for _, n in reduced)
        total = size_product(n for _, n in reduced)
        if not accs or not all(isinstance(stmt, Let) for stmt in terms):
            return False
        if not long and total <= SHORT:
            return False
        head, each = body[: inner[0]], body[inner[0] + 1 :]
        if not all(isinstance(stmt, Let) for stmt in head):
            return False
        self.phases.append(Reduce(loops, reduced, terms, accs, each, head))
        return True

    # Places that data decide.

    def _settle_data(
        self, loops: Loops, body: tuple[Stmt, ...]
    ) -> tuple[tuple[Stmt, ...], list[For]]:
        """Loops to add after this one, for stores whose order matters and is not kept."""
        late: list[For] = []
        variables = {name for name, extent in loops if extent != 1}

        def settled(stmts: Sequence[Stmt], around: Loops) -> tuple[Stmt, ...]:
            done: list[Stmt] = []
            for stmt in stmts:
                if isinstance(stmt, For):
                    inner = settled(stmt.body, (*around, (stmt.var, stmt.extent)))
                    done.append(replace(stmt, body=inner))
                elif isinstance(stmt, Store) and self._by_data(stmt, variables):
                    done += self._ordered(stmt, around, late)
                else:
                    done.append(stmt)
            return tuple(done)

        return settled(body, loops), late

    def _by_data(self, store: Store, variables: set[str]) -> bool:
        """Whether data decide the place of a store for which the order of turns matters."""
        names = size_names(store.index)
        if not names & self.locals or not variables - names:
            return False
        if store.op is None:
            return True
        inexact = dtype_of(store.expr.dtype).is_float and store.op in ("add", "mul")
        return self.deterministic and inexact

    def _ordered(self, store: Store, around: Loops, late: list[For]) -> list[Stmt]:
        """Store value and place of each turn; later, each place gathers what is meant for it."""
        dtype, buffer = store.expr.dtype, store.buffer
        count = size_product(n for _, n in around)
        place = flat_place(around)
        values = self._memory(dtype, count)
        here, turn, found = self._fresh("p"), self._fresh("q"), self._fresh("a")
        self.locals.add(found)
        value = Store(values, place, store.expr, None, store.origin)
        if store.op is None:
            last = self._memory("int64", self.elements[buffer])
            self._loop(For(turn, self.elements[buffer],
                           (Store(last, Dim.name(turn), Lit(-1, "int64")),)))  # fmt: skip
            won = Load(last, Dim.name(here), "int64")
            name = self._fresh("v")
            self.locals.add(name)
            safe = Apply("maximum", (won, Lit(0, "int64")), "int64")
            taken = Apply(
                "where",
                (Apply(">=", (won, Lit(0, "int64")), "bool"),
                 Load(values, Dim.name(name), dtype),
                 Load(buffer, Dim.name(here), dtype)),
                dtype,
            )  # fmt: skip
            write = Store(buffer, Dim.name(here), taken, None, store.origin)
            late.append(For(here, self.elements[buffer], (Let(name, safe), write)))
            return [value, Store(last, store.index, Place(place), "max", store.origin)]
        places = self._memory("int64", count)
        mine = Apply("==", (Load(places, Dim.name(turn), "int64"), Place(Dim.name(here))), "bool")
        none = Lit(FOLDS[store.op].identity(dtype), dtype)
        term = Apply("where", (mine, Load(values, Dim.name(turn), dtype), none), dtype)
        acc = Acc(found, store.op, none.value, term, store.origin)
        gather = replace(store, index=Dim.name(here), expr=Ref(found, dtype))
        late.append(For(here, self.elements[buffer], (For(turn, count, (), (acc,)), gather)))
        return [value, Store(places, place, Place(store.index))]

    # Scalars between phases.

    def _lend_scalars(self) -> None:
        """Scalars that stand alone ride with a loop: with an earlier one if what lies between does
        not mind, else with the next."""
        done: list[Phase] = []
        for phase in self.phases:
            if isinstance(phase, Once):
                k = self._earlier_rows(done, phase)
                if k is not None:
                    done[k] = replace(done[k], after=(*done[k].after, *phase.body))
                    continue
            before = done[-1] if done else None
            if isinstance(before, Once) and isinstance(phase, Rows) and _apart(before, phase):
                done.pop()
                phase = replace(phase, after=(*before.body, *phase.after))
            done.append(phase)
        self.phases = done

    def _earlier_rows(self, done: Sequence[Phase], scalars: Once) -> int | None:
        """The last loop after which the scalars can be computed, all later phases aside."""
        wanted = needed(scalars) & self.locals
        stored = {buffer for stmt in scalars.body for buffer in writes(stmt)}
        seen = {buffer for stmt in scalars.body for buffer in buffers_of(stmt)}
        for k in reversed(range(len(done))):
            phase = done[k]
            if isinstance(phase, Rows):
                return k
            written = {buffer for stmt in statements(phase) for buffer in writes(stmt)}
            late = wanted & set(known_after(phase)) or stored & set(touched(phase))
            if late or seen & written:
                return None
        return None

    def _pass_on(self) -> None:
        """Give every phase the scalars that it reads and does not compute."""
        home: dict[str, int] = {}
        for k, phase in enumerate(self.phases):
            names = needed(phase) & self.locals
            before = [self._receive(name, home[name]) for name in sorted(names & home.keys())]
            before += self._again(names - home.keys())
            if not isinstance(phase, Routine):
                self.phases[k] = replace(phase, before=tuple(before))
            for name in known_after(self.phases[k]):
                home.setdefault(name, k)

    def _again(self, names: set[str]) -> list[Stmt]:
        wanted, waiting = set(), list(names)
        while waiting:
            name = waiting.pop()
            if name in self.free and name not in wanted:
                wanted.add(name)
                waiting += expr_names(self.free[name].expr)
        return [let for name, let in self.free.items() if name in wanted]

    def _receive(self, name: str, k: int) -> Let:
        """Have phase k keep a scalar in memory; how to read it."""
        phase = self.phases[k]
        stmts = phase.body if isinstance(phase, Once) else (*phase.accs, *phase.after)
        dtype = next(
            s.term.dtype if isinstance(s, Acc) else s.expr.dtype
            for s in stmts
            if getattr(s, "name", None) == name
        )
        memory = self._memory(dtype, 1)
        keep = Store(memory, 0, Ref(name, dtype))
        if isinstance(phase, Once):
            self.phases[k] = replace(phase, body=(*phase.body, keep))
        else:
            self.phases[k] = replace(phase, after=(*phase.after, keep))
        return Let(name, Load(memory, 0, dtype))


def _dtype_of(stmt: Stmt, name: str) -> str:
    if isinstance(stmt, Let):
        return stmt.expr.dtype
    return next(acc.term.dtype for acc in stmt.accs if acc.name == name)


def _apart(scalars: Once, rows: Rows) -> bool:
    """Whether scalars that stand before a loop may as well be done after it."""
    stored = {buffer for stmt in scalars.body for buffer in writes(stmt)}
    seen = {buffer for stmt in scalars.body for buffer in buffers_of(stmt)}
    known = {name for stmt in scalars.body for name in names_set(stmt)}
    written = {buffer for stmt in rows.body for buffer in writes(stmt)}
    written |= {private.buffer for private in rows.privates}
    return not (stored & set(touched(rows)) or seen & written or known & needed(rows))
