"""Statements as CUDA C++, run by a group of threads: a thread, a warp or a block."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence

from probtensor.dataclass import dataclass, field
from probtensor.kernel.ir import (
    FOLDS,
    Acc,
    Apply,
    Call,
    Check,
    Choice,
    Expr,
    For,
    If,
    Let,
    Scan,
    Stmt,
    Store,
    exprs_of,
    walk,
    walk_expr,
)
from probtensor.kernel.text import name_of
from probtensor.kernel.touch import deep, expr_names, loads_of, names_read, names_set
from probtensor.kernel.touch import writes_of as writes
from probtensor.schedule.carry import widened
from probtensor.schedule.grid.flat import flattened
from probtensor.schedule.grid.folds import MAX_PRIVATE_ELEMENTS
from probtensor.schedule.grid.nests import nest, stores_of
from probtensor.schedule.grid.phases import Loops, PrivateCopy, Sync
from probtensor.targets.spell import (
    PLAIN,
    Speller,
    c_type,
    comment,
    factors,
    is_long,
    local_type,
    register_kind,
    unwrapped,
)
from probtensor.types import Size, dtype_of, size_names, size_product

# Functions with a float32 form in cuda/pt_float.cuh.
FLOAT32_FUNCTIONS = {
    f"pt_{name}": f"pt_{name}_f32"
    for name in (
        "exp", "expm1", "log", "log1p", "log2", "log10", "exp2", "sin", "cos", "tan", "sinh",
        "cosh", "tanh", "asin", "acos", "atan", "asinh", "acosh", "atanh", "cbrt", "erf", "erfc",
        "sigmoid", "softplus", "log_sigmoid",
    )
} | {"**": "pt_pow_f32", "maximum": "pt_maximum_f32", "minimum": "pt_minimum_f32"}  # fmt: skip
OF_ORDERING = (  # the first letters of the routines of cuda/pt_ordering.cuh, and the last ones
    "pt_sort", "pt_argsort", "pt_select", "pt_search", "pt_cumprod", "pt_cummax", "pt_recurrence",
), "_int64"  # fmt: skip
WRAPPING = ("+", "-", "*", "neg", "square")
SPELLINGS = {"not": "(!{})", "where": "({0} ? {1} : {2})"}
# Iterations up to which loops are unrolled. Loops over private copies always are: an array stays
# in registers only if its indices are static.
UNROLL_MAX = 16
UNROLL_MAX_SMALL, SMALL_BODY_OPERATIONS = 64, 4  # for bodies of few operations, as in products
ACCUMULATOR_TYPES = {"f": "double", "i": "long long", "u": "unsigned long long"}


@dataclass(kw_only=True)
class GroupText(Speller):
    """Writes statements for the group `g`. `names` are the C names of buffers, `private` the
    buffers of which each thread has a copy, `lane_variables` the loop variables that differ between
    lanes."""

    group: str = "thread"
    comments: bool = True
    names: dict[str, str] = field(default_factory=dict)
    private: dict[str, PrivateCopy] = field(default_factory=dict)
    lane_variables: frozenset[str] = frozenset()
    lines: list[str] = field(default_factory=list)
    origin: str = ""
    checks: bool = False
    routines: set[str] = field(default_factory=set)
    replicated: set[str] = field(default_factory=set)  # buffers that each lane has its own copy of
    deterministic: bool = False  # whether floats are not added atomically
    numbering: dict[str, frozenset[str]] = field(default_factory=dict)  # variables of flat loops

    plain = PLAIN | SPELLINGS
    cast = "(({}) {})"

    # Lines.

    def line(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text + self.mark)

    def comment(self, depth: int, origin: str) -> None:
        """The user's line, if it differs from that of the previous statement."""
        if not self.comments or not origin or origin == self.origin:
            return
        self.origin = origin
        self.line(depth, f"// {comment(origin, 97 - 4 * depth)}")

    # Spellings of CUDA C++.

    def _load(self, buffer: str, index: Size) -> str:
        return f"{self.names.get(buffer, buffer)}[{self._index(index)}]"

    def _apply(self, fn: str, texts: list[str], kind: str, dtype: str | None = None) -> str:
        if kind == "float32" and dtype in (None, "float32") and fn in FLOAT32_FUNCTIONS:
            return f"{FLOAT32_FUNCTIONS[fn]}({', '.join(map(unwrapped, texts))})"
        if fn in WRAPPING and _promotes_to_int(kind):
            # Signed overflow is undefined in C, and narrow integers are promoted to int; unsigned
            # arithmetic wraps, as in NumPy.
            wide = self.plain[fn].format(*(f"((uint64_t) {text})" for text in texts))
            return self.cast.format(c_type(dtype or kind), wide)
        return super()._apply(fn, texts, kind, dtype)

    def _pointer(self, buffer: str, index: Size) -> str:
        text, name = self._index(index), self.names.get(buffer, buffer)
        return name if text == "0" else f"{name} + {text}"

    # Statements by a group, with loop iterations distributed over its lanes.

    def group_body(self, body: Iterable[Stmt | Sync], depth: int) -> None:
        """Statements that all lanes of the group run."""
        for stmt in body:
            if self.group == "thread":
                self.thread_stmt(stmt, depth)
            else:
                self._group_stmt(stmt, depth)

    def _group_stmt(self, stmt: Stmt | Sync, depth: int) -> None:
        outside = self._begin(name_of(stmt))
        match stmt:
            case Sync():
                self.line(depth, "g.sync();")
            case Store(buffer) if buffer not in self.replicated:
                self.line(depth, "if (g.lane() == 0)")
                self.thread_stmt(stmt, depth + 1)
            case For():
                self._shared_loop(stmt, depth)
            case Scan():
                self._ordered_loop(stmt, depth, self._group_stmt)
            case Call(routine, origin=origin):
                self.comment(depth, origin)
                self.routines.add(routine)
                self.line(depth, f"{routine}(g, {self._arguments(stmt)});")
            case If():
                self._branch(stmt, depth, self._group_stmt)
            case _:
                self.thread_stmt(stmt, depth)
        self.mark = outside

    def _branch(self, stmt: If, depth: int, write: Callable[[Stmt | Sync, int], None]) -> None:
        """A branch, of which `write` writes the statements."""
        for choice in stmt.choices:
            kind = local_type(choice.dtype)
            self.locals[choice.name] = kind
            self.line(depth, f"{kind} {choice.name};")
        self.line(depth, f"if ({unwrapped(self._expr(stmt.condition))}) {{")
        self._branch_body(stmt.then, [(c, c.first) for c in stmt.choices], depth + 1, write)
        if stmt.otherwise or stmt.choices:
            self.line(depth, "} else {")
            ends = [(c, c.second) for c in stmt.choices]
            self._branch_body(stmt.otherwise, ends, depth + 1, write)
        self.line(depth, "}")

    def _branch_body(
        self,
        body: Iterable[Stmt | Sync],
        ends: Iterable[tuple[Choice, Expr]],
        depth: int,
        write: Callable[[Stmt | Sync, int], None],
    ) -> None:
        for inner in body:
            write(inner, depth)
        outside = self.mark
        for choice, value in ends:
            self._begin(choice.name)
            self.comment(depth, choice.origin)
            self.line(depth, f"{choice.name} = {unwrapped(self._expr(value))};")
        self.mark = outside

    def _shared_loop(self, loop: For, depth: int) -> None:
        loops, body, accs = nest(loop)
        copies = self._copies(body, loops)
        if self._is_sequential(body, loops, copies):
            self._loop_of_first_lane(loop, depth)
            return
        outer_variables = self.lane_variables
        self.lane_variables = outer_variables | {v for v, n in loops if n != 1}
        outer_private, self.private = self.private, self.private | copies
        for private in copies.values():
            self.open_private_copy(private, depth)
        self.open_accs(accs, depth)
        flat = self.flat_name(loops)
        self.numbering[flat] = frozenset(v for v, _ in loops)
        self.open_loop(flat, loops, depth, "g.lane()", "g.size()")
        self.iteration(loops, flat, body, accs, depth + 1)
        self.line(depth, "}")
        self.lane_variables, self.private = outer_variables, outer_private
        for private in copies.values():
            self._reduce_copies(private, depth)
        self._fold_over_lanes(accs, depth)

    def _loop_of_first_lane(self, loop: For, depth: int) -> None:
        """A loop whose iterations run in order. Its folds are results in every lane: those of the
        other lanes are identities."""
        self.open_accs(loop.accs, depth)
        self.line(depth, "if (g.lane() == 0) {")
        self._iterations(loop, depth + 1)
        self.line(depth, "}")
        self._fold_over_lanes(loop.accs, depth)

    def _fold_over_lanes(self, accs: Iterable[Acc], depth: int) -> None:
        for acc in accs:
            letter = register_kind(acc.term.dtype)
            op = FOLDS[acc.op].integer
            kind = local_type(acc.term.dtype)
            wide = ACCUMULATOR_TYPES[letter]
            self.line(depth, f"{acc.name} = ({kind}) g.{op}(({wide}) {acc.name});")

    def _copies(self, body: Sequence[Stmt], loops: Loops) -> dict[str, PrivateCopy]:
        """Short buffers that lanes reduce into, at indices independent of data: each lane has a
        copy, which needs no atomic operations."""
        variables = {v for v, n in loops if n != 1}
        computed = {name for stmt in walk(tuple(body)) for name in names_set(stmt)}
        counts = {b.name: size_product(b.shape) for b in self.plan.buffers}
        found: dict[str, PrivateCopy] = {}
        for store, _ in stores_of(body):
            names = size_names(store.index)
            if store.op is None or not variables - names or names & computed:
                continue
            count = counts.get(store.buffer)
            if not isinstance(count, int) or names & variables:
                return {}
            copy = PrivateCopy(store.buffer, count, store.op, store.expr.dtype)
            if found.setdefault(store.buffer, copy) != copy:
                return {}
        seen = {b for stmt in walk(tuple(body)) for e in exprs_of(stmt) for b in loads_of(e)}
        plain = {s.buffer for s, _ in stores_of(body) if s.op is None}
        fits = sum(private.count for private in found.values()) <= MAX_PRIVATE_ELEMENTS
        return found if fits and not (seen | plain) & found.keys() else {}

    def open_private_copy(self, private: PrivateCopy, depth: int) -> None:
        """Declare a thread's private copy of a buffer, initialised to the identity."""
        floating = dtype_of(private.dtype).is_float
        kind = "double" if floating else local_type(private.dtype)
        name = f"own_{private.buffer}"
        none = self._literal(FOLDS[private.op].identity(private.dtype), private.dtype)
        self.line(depth, f"{kind} {name}[{private.count}];")
        self.line(depth, "#pragma unroll")
        self.line(depth, f"for (int k = 0; k < {private.count}; k++)")
        self.line(depth + 1, f"{name}[k] = {none};")

    def _reduce_copies(self, private: PrivateCopy, depth: int) -> None:
        """Reduce the copies of all lanes into the buffer."""
        wide = ACCUMULATOR_TYPES[register_kind(private.dtype)]
        op, name = FOLDS[private.op].integer, self.names.get(private.buffer, private.buffer)
        total = f"(({c_type(private.dtype)}) all)"
        joined = self._apply(FOLDS[private.op].symbol, [f"{name}[k]", total], private.dtype)
        self.line(depth, "#pragma unroll")
        self.line(depth, f"for (int k = 0; k < {private.count}; k++) {{")
        self.line(depth + 1, f"const {wide} all = g.{op}(({wide}) own_{private.buffer}[k]);")
        self.line(depth + 1, "if (g.lane() == 0)")
        self.line(depth + 2, f"{name}[k] = {unwrapped(joined)};")
        self.line(depth, "}")

    def _is_sequential(self, body: Sequence[Stmt], loops: Loops, copies: Container[str]) -> bool:
        """Whether iterations may store to the same index, so that their order matters."""
        variables = {v for v, n in loops if n != 1}
        return any(
            isinstance(part, Store)
            and not part.unique
            and bool(variables - size_names(part.index))
            and (part.op is None or (part.buffer not in copies and self._is_inexact(part)))
            for part in walk(tuple(body))
        )

    def _is_inexact(self, store: Store) -> bool:
        """Whether the result of atomic updates would depend on timing, which is to be avoided."""
        floating = dtype_of(store.expr.dtype).is_float
        return self.deterministic and floating and store.op in ("add", "mul")

    # Loops with iterations distributed over threads.

    def flat_name(self, loops: Loops) -> str:
        """The variable of the flattened loop."""
        return loops[0][0] if len(loops) == 1 else f"t_{loops[0][0]}"

    def open_loop(self, flat: str, loops: Loops, depth: int, start: str, step: str) -> None:
        total = self.product(loops)
        self.locals[flat] = "int64_t"
        outside = self._begin(loops[0][0] if loops else flat)
        self.line(
            depth, f"for (int64_t {flat} = {start}; {flat} < {total}; {flat} += {step}) {{"
        )
        self.mark = outside

    def product(self, loops: Loops) -> str:
        """The number of iterations of nested loops."""
        return " * ".join(self._factor(n) for _, n in loops) or "1"

    def _factor(self, size: Size) -> str:
        text = self._index(size)
        return f"({text})" if " " in text else text

    def iteration(
        self, loops: Loops, flat: str, body: Sequence[Stmt], accs: Sequence[Acc], depth: int
    ) -> None:
        """One iteration of nested loops, by its flat index."""
        if len(loops) > 1:
            body = flattened(body, loops, flat)
            terms = flattened([Let(a.name, a.term) for a in accs], loops, flat)
            accs = [_with_term(a, t.expr) for a, t in zip(accs, terms, strict=True)]
            self.unpack(loops, flat, self.used_in(body, accs), depth)
        for stmt in body:
            self.thread_stmt(stmt, depth)
        self.accumulate(accs, size_product(n for _, n in loops), depth)

    def used_in(self, body: Sequence[Stmt], accs: Sequence[Acc]) -> set[str]:
        """Names that statements and folds read."""
        names = {name for stmt in body for name in names_read(stmt)}
        return names | {name for acc in accs for name in expr_names(acc.term)}

    def unpack(self, loops: Loops, flat: str, used: set[str], depth: int) -> None:
        """Compute the used loop variables from the flat index."""
        rest = flat
        for k in reversed(range(len(loops))):
            name, extent = loops[k]
            self.locals[name] = "int64_t"
            size = self._factor(extent)
            if name in used:
                value = rest if k == 0 else f"{rest} % {size}"
                self.line(depth, f"const int64_t {name} = {value};")
            if not used & {v for v, _ in loops[:k]}:
                for v, _ in loops[:k]:
                    self.locals[v] = "int64_t"
                return
            above = f"{flat}_{k}"
            self.line(depth, f"const int64_t {above} = {rest} / {size};")
            rest = above

    def open_accs(self, accs: Iterable[Acc], depth: int) -> None:
        outside = self.mark
        for acc in accs:
            self._begin(acc.name)
            self.comment(depth, acc.origin)
            kind = local_type(acc.term.dtype)
            self.locals[acc.name] = kind
            value = self._literal(acc.identity, acc.term.dtype)
            self.line(depth, f"{kind} {acc.name} = {value};")
        self.mark = outside

    def accumulate(self, accs: Iterable[Acc], iterations: Size, depth: int) -> None:
        """Accumulate one iteration into the folds of a loop with so many iterations."""
        outside = self.mark
        for acc in accs:
            self._begin(acc.name)
            self.comment(depth, acc.origin)
            product = factors(acc) if is_long(iterations) else None
            if product is not None:
                terms = ", ".join(unwrapped(self._expr(x)) for x in product)
                joined = f"pt_ma({terms}, {acc.name})"
            else:
                term = self._expr(acc.term)
                joined = self._apply(FOLDS[acc.op].symbol, [acc.name, term], acc.term.dtype)
            self.line(depth, f"{acc.name} = {unwrapped(joined)};")
        self.mark = outside

    # Statements by one thread.

    def thread_stmt(self, stmt: Stmt | Sync, depth: int) -> None:
        """A statement run by one thread, without synchronization."""
        outside = self._begin(name_of(stmt))
        match stmt:
            case Let(name, expr, origin):
                self.comment(depth, origin)
                kind = local_type(expr.dtype)
                self.locals[name] = kind
                self.line(depth, f"const {kind} {name} = {unwrapped(self._expr(expr))};")
            case Store():
                self._store(stmt, depth)
            case For():
                self._serial_loop(stmt, depth)
            case If():
                self._branch(stmt, depth, self.thread_stmt)
            case Scan():
                self._ordered_loop(stmt, depth, self.thread_stmt)
            case Check(condition, code):
                self.checks = True
                self.line(depth, f"if (!{self._expr(condition)})")
                self.line(depth + 1, f"*status = {code};")
            case Call():
                self._group_stmt(stmt, depth)
        self.mark = outside

    def _store(self, store: Store, depth: int) -> None:
        self.comment(depth, store.origin)
        expr, dtype = store.expr, store.expr.dtype
        name = self.names.get(store.buffer, store.buffer)
        if store.buffer in self.private:
            name = f"own_{store.buffer}"
            if dtype == "float32":
                expr, dtype = widened(expr), "float64"
        value = self._expr(expr)
        element = f"{name}[{self._index(store.index)}]"
        names = size_names(store.index)
        needs_atomic = self.lane_variables - names.union(*map(self._numbered_by, names))
        shared = needs_atomic and not store.unique
        if store.op and shared and store.buffer not in self.private:
            kind = c_type(dtype)
            self.line(depth, f"pt_atomic_{store.op}_{dtype}(&{element}, ({kind}) {value});")
        elif store.op == "add" and dtype_of(dtype).is_float:
            self.line(depth, f"{element} += {unwrapped(value)};")
        elif store.op:
            joined = self._apply(FOLDS[store.op].symbol, [element, value], dtype)
            self.line(depth, f"{element} = {unwrapped(joined)};")
        else:
            self.line(depth, f"{element} = {unwrapped(value)};")

    def _ordered_loop(
        self, scan: Scan, depth: int, write: Callable[[Stmt | Sync, int], None]
    ) -> None:
        """A loop in order. `write` writes a statement of it: one that all lanes of a group run
        together, or one that a thread runs. Every lane has the states, in registers."""
        outside = self.mark
        for state in scan.states:
            self._begin(state.name)
            self.comment(depth, state.origin)
            self._variable(state.name, state.dtype, unwrapped(self._expr(state.init)), depth)
        if scan.count is not None:
            self._begin(scan.count)
            self._variable(scan.count, "int64", "0", depth)
        self.mark = outside
        var = scan.var
        self.locals[var] = "int64_t"
        limit = "" if scan.extent is None else f" {var} < {self._index(scan.extent)}"
        self.line(depth, f"for (int64_t {var} = 0;{limit}; {var}++) {{")
        for stmt in scan.body:
            write(stmt, depth + 1)
        self._end_step(scan, depth + 1)
        self.line(depth, "}")

    def _variable(self, name: str, dtype: str, value: str, depth: int) -> None:
        kind = local_type(dtype)
        self.locals[name] = kind
        self.line(depth, f"{kind} {name} = {value};")

    def _end_step(self, scan: Scan, depth: int) -> None:
        """The end of an iteration: all states change at once, and the loop may stop."""
        names = {state.name for state in scan.states}
        stop = "" if scan.stop is None else unwrapped(self._expr(scan.stop))
        if scan.stop is not None and expr_names(scan.stop) & names:
            self._variable(f"{scan.var}_stop", "bool", stop, depth)
            stop = f"{scan.var}_stop"
        changed = [state for state in scan.states if getattr(state.next, "name", "") != state.name]
        ahead = any(expr_names(s.next) & names - {s.name} for s in changed)
        outside = self.mark
        for state in changed:
            self._begin(state.name)
            value = unwrapped(self._expr(state.next))
            if ahead:  # it is read by others after it changes
                self._variable(f"{state.name}_next", state.dtype, value, depth)
                continue
            self.line(depth, f"{state.name} = {value};")
        for state in changed if ahead else ():
            self._begin(state.name)
            self.line(depth, f"{state.name} = {state.name}_next;")
        self.mark = outside
        if scan.count is not None:
            self.line(depth, f"{scan.count} = {scan.var} + 1;")
        if stop:
            self.line(depth, f"if ({stop})")
            self.line(depth + 1, "break;")

    def _numbered_by(self, name: str) -> frozenset[str]:
        """The variables of loops whose iterations a variable numbers."""
        return self.numbering.get(name, frozenset())

    def _serial_loop(self, loop: For, depth: int) -> None:
        self.open_accs(loop.accs, depth)
        self._iterations(loop, depth)

    def _iterations(self, loop: For, depth: int) -> None:
        var, end = loop.var, self._index(loop.extent)
        self.locals[var] = "int64_t"
        over_private = any(buffer in self.private for buffer in writes(loop))
        unroll_max = UNROLL_MAX if _work(loop) > SMALL_BODY_OPERATIONS else UNROLL_MAX_SMALL
        if isinstance(loop.extent, int) and (over_private or loop.extent <= unroll_max):
            self.line(depth, "#pragma unroll")
        self.line(depth, f"for (int64_t {var} = 0; {var} < {end}; {var}++) {{")
        for stmt in loop.body:
            self.thread_stmt(stmt, depth + 1)
        self.accumulate(loop.accs, loop.extent, depth + 1)
        self.line(depth, "}")


def headers_of(routines: Iterable[str]) -> str:
    """The lines that include what routines need."""
    starts, end = OF_ORDERING
    ordering = {name for name in routines if name.startswith(starts) or name.endswith(end)}
    names = ["pt_linalg"] * bool(set(routines) - ordering) + ["pt_ordering"] * bool(ordering)
    return "".join(f'#include "{name}.cuh"\n' for name in names)


def _promotes_to_int(dtype: str) -> bool:
    """Whether arithmetic in C takes values of a dtype as signed integers."""
    described = dtype_of(dtype)
    return described.kind == "i" or (described.kind == "u" and described.bytes < 4)


def _work(loop: For) -> int:
    """Operations of one iteration; an inner loop counts as 100."""
    exprs = [e for stmt in deep(loop) for e in exprs_of(stmt)]
    work = sum(isinstance(part, Apply) for e in exprs for part in walk_expr(e))
    return work + 100 * any(isinstance(stmt, (For, Scan)) for stmt in loop.body)


def _with_term(acc: Acc, term) -> Acc:
    return Acc(acc.name, acc.op, acc.identity, term, acc.origin)
