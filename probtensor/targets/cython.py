"""A plan as Cython: one pointer-only module, a function for each kernel, loops in strips."""

from __future__ import annotations

import linecache
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from probtensor.kernel.ir import (
    Acc,
    Apply,
    Call,
    Check,
    Expr,
    For,
    Kernel,
    Let,
    Lit,
    Load,
    Place,
    Ref,
    Store,
)
from probtensor.kernel.simplify import substitute
from probtensor.kernel.strip import Linear, Segment, Strip, Stripped, by_rows, strip
from probtensor.lower.plan import Plan
from probtensor.types import Atom, Dim, Size

HEAD = """\
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, binding=False, embedsignature=False, annotation_typing=False
from libc.stdint cimport (int8_t, int16_t, int32_t, int64_t,
                          uint8_t, uint16_t, uint32_t, uint64_t)
"""

LOCAL = {"float64": "double", "float32": "float", "bool": "int64_t"}
# How each operator is spelled for floats ("f"), signed ("i") and unsigned ("u") integers, bools.
PLAIN = {
    "+": "({} + {})", "-": "({} - {})", "*": "({} * {})", "/": "({} / {})", "neg": "(-{})",
    "<": "({} < {})", "<=": "({} <= {})", ">": "({} > {})", ">=": "({} >= {})",
    "==": "({} == {})", "!=": "({} != {})", "and": "({} & {})", "or": "({} | {})",
    "not": "(not {})", "&": "({} & {})", "|": "({} | {})", "^": "({} ^ {})", "~": "(~{})",
    "where": "({1} if {0} else {2})",
    "square": "({0} * {0})", "isnan": "({0} != {0})",
}  # fmt: skip
CALLS = {
    "//": ("pt_floor_div", "pt_ifloordiv", "pt_ufloordiv"),
    "%": ("pt_mod", "pt_imod", "pt_umod"),
    "**": ("pt_pow", "pt_ipow", "pt_upow"),
    "abs": ("fabs", "pt_iabs", ""),
    "sign": ("pt_sign", "pt_isign", "pt_usign"),
    "<<": ("", "pt_ishl", "pt_ushl"),
    ">>": ("", "pt_ishr", "pt_ushr"),
    "minimum": ("pt_minimum", "pt_iminimum", "pt_uminimum"),
    "maximum": ("pt_maximum", "pt_imaximum", "pt_umaximum"),
    "sqrt": ("sqrt", "", ""),
    "floor": ("floor", "", ""),
    "ceil": ("ceil", "", ""),
    "trunc": ("trunc", "", ""),
    "round": ("pt_round", "", ""),
}
FOLDS = {"and": "min", "or": "max"}  # bools are folded as the integers 0 and 1
COMBINE = {"add": "+", "mul": "*", "max": "maximum", "min": "minimum", "and": "and", "or": "or"}
ROUTINE_MODULE, ROUTINE = "cython_ext.linalg", "routine"
# Outside of loops a function is called, not inlined: each copy costs the C compiler 40 ms.
ONCE = "_once"


def render(plan: Plan, comments: bool = True) -> str:
    """The module text of a plan; with comments, each statement carries the user's line."""
    bodies = [_KernelText(plan, kernel, comments) for kernel in plan.kernels]
    functions = [body.text() for body in bodies]
    used = {name: call for body in bodies for name, call in body.used.items()}
    parts = [HEAD, _declarations(used), *functions, _entry(plan, bodies)]
    return "\n".join(parts)


def _declarations(used: dict[str, str]) -> str:
    """What the kernels take from the headers, and from the module of routines."""
    headers: dict[str, list[str]] = {"pt_loops.h": [], "pt_random.h": []}
    routines = []
    once: dict[str, str] = {}
    for name, call in sorted(used.items()):
        if call == ROUTINE:
            routines.append(name)
            continue
        if name.endswith(ONCE):
            once[f"    PT_ONCE_{call.count('double') - 1}({name.removesuffix(ONCE)})"] = (
                f"    {call} noexcept nogil"
            )
            continue
        header = "pt_random.h" if name.startswith(("pt_draw_", "pt_key_")) else "pt_loops.h"
        headers[header].append(f"    {call}")
    lines = []
    for header, calls in headers.items():
        if calls:
            lines += [f'cdef extern from "{header}" nogil:', *calls]
    if once:
        lines += ["cdef extern from *:", '    """', *once, '    """', *once.values()]
    if routines:
        lines.append(f"from {ROUTINE_MODULE} cimport {', '.join(routines)}")
    return "\n".join(lines) + "\n"


def _c_type(dtype: str) -> str:
    return {"float64": "double", "float32": "float", "bool": "uint8_t"}.get(dtype, f"{dtype}_t")


def _local_type(dtype: str) -> str:
    return LOCAL.get(dtype, f"{dtype}_t")


def _entry(plan: Plan, bodies: Sequence[_KernelText]) -> str:
    lines = ["cdef int pt_plan(void** b, const int64_t* n) noexcept nogil:"]
    lines.append("    cdef int status = 0")
    position = {buffer.name: k for k, buffer in enumerate(plan.buffers)}
    for body in bodies:
        args = [f"<{kind}> b[{position[name]}]" for name, kind in body.parameters()]
        call = f"{body.kernel.name}({', '.join([*args, 'n'])})"
        lines.append(f"    status = {call} or status" if body.checks else f"    {call}")
    lines += ["    return status", "", "", "address = <size_t> &pt_plan", ""]
    return "\n".join(lines)


@dataclass
class _KernelText:
    """Writes one kernel function."""

    plan: Plan
    kernel: Kernel
    comments: bool
    lines: list[str] = field(default_factory=list)
    locals: dict[str, str] = field(default_factory=dict)
    used: dict[str, str] = field(default_factory=dict)
    wide: dict[str, str] = field(default_factory=dict)  # local -> its lane variable
    checks: bool = False
    origin: str = ""
    lane_count: int = 0
    loops: int = 0  # how many loops the statement being written is in

    def text(self) -> str:
        self._body(strip(self.kernel.body), 1)
        result = "int" if self.checks else "void"
        args = [f"{kind} {name}" for name, kind in self.parameters()]
        head = f"cdef {result} {self.kernel.name}({', '.join([*args, 'const int64_t* n'])})"
        found = [_wrap(f"{head} noexcept nogil:")]
        found += _grouped(self.locals)
        if self.checks:
            found.append("    cdef int status = 0")
        found += self.lines or ["    pass"]
        if self.checks:
            found.append("    return status")
        return "\n".join(found) + "\n\n"

    def parameters(self) -> list[tuple[str, str]]:
        """Buffer parameters with their types; what is only read is const."""
        dtypes = {buffer.name: buffer.dtype for buffer in self.plan.buffers}
        names = dict.fromkeys((*self.kernel.reads, *self.kernel.writes))
        found = []
        for name in names:
            way = "out" if name in self.kernel.writes else "in"
            kind = f"pt_{way}_{dtypes[name]}"
            const = "const " if way == "in" else ""
            self.used[kind] = f"ctypedef {const}{_c_type(dtypes[name])}* {kind}"
            found.append((name, kind))
        return found

    # Statements.

    def _line(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def _comment(self, depth: int, origin: str) -> None:
        """The user's line, when it is another than that of the statement before."""
        if not self.comments or not origin or origin == self.origin:
            return
        self.origin = origin
        file, _, line = origin.rpartition(":")
        source = linecache.getline(file, int(line)).strip() if line.isdigit() else ""
        name = file.replace("\\", "/").rsplit("/", 1)[-1]
        self._line(depth, f"# {name}:{line}: {source}"[: 100 - 4 * depth])

    def _body(self, body: Iterable[Stripped], depth: int) -> None:
        for stmt in body:
            self._stmt(stmt, depth)

    def _stmt(self, stmt: Stripped, depth: int) -> None:
        match stmt:
            case Let(name, expr, origin):
                self._comment(depth, origin)
                self._set(name, expr.dtype, _unwrapped(self._expr(expr)), depth)
            case Store():
                self._store(stmt, depth)
            case For():
                self._for(stmt, depth)
            case Strip():
                self._strip(stmt, depth)
            case Linear():
                self._linear(stmt, depth)
            case Check(condition, code):
                self.checks = True
                self._line(depth, f"if not {self._expr(condition)}:")
                self._line(depth + 1, f"status = {code}")
            case Call(routine, args, origin):
                self._comment(depth, origin)
                self.used[routine] = ROUTINE
                texts = [self._argument(arg) for arg in args]
                self._line(depth, f"{routine}({', '.join(texts)})")

    def _set(self, name: str, dtype: str, value: str, depth: int) -> None:
        if name not in self.wide:
            self.locals.setdefault(name, _local_type(dtype))
        self._line(depth, f"{self._name(name)} = {value}")

    def _name(self, name: str) -> str:
        return f"{name}[{self.wide[name]}]" if name in self.wide else name

    def _store(self, store: Store, depth: int) -> None:
        self._comment(depth, store.origin)
        place = f"{store.buffer}[{self._index(store.index)}]"
        value = self._expr(store.expr)
        if store.op == "add":
            self._line(depth, f"{place} += {value}")
            return
        if store.op is not None:
            value = self._apply(COMBINE[store.op], [place, value], store.expr.dtype)
        self._line(depth, f"{place} = {value}")

    def _for(self, loop: For, depth: int) -> None:
        for acc in loop.accs:
            self._set(acc.name, acc.term.dtype, self._literal(acc.identity, acc.term.dtype), depth)
        self.locals[loop.var] = "int64_t"
        start = "" if loop.start == 0 else f"{self._index(loop.start)}, "
        self._line(depth, f"for {loop.var} in range({start}{self._index(loop.extent)}):")
        self.loops += 1
        self._body(loop.body, depth + 1)
        self._accumulate(loop.accs, depth + 1)
        self.loops -= 1
        if not loop.body and not loop.accs:
            self._line(depth + 1, "pass")

    def _accumulate(self, accs: Sequence[Acc], depth: int) -> None:
        for acc in accs:
            self._comment(depth, acc.origin)
            term = self._expr(acc.term)
            name = self._name(acc.name)
            joined = self._apply(COMBINE[acc.op], [name, term], acc.term.dtype)
            self._line(depth, f"{name} = {_unwrapped(joined)}")

    # Strips.

    def _strip(self, loop: Strip, depth: int) -> None:
        self.lane_count += 1
        mark = self.lane_count
        lane, count, base = f"l{mark}", f"m{mark}", f"s{mark}"
        for name in (lane, loop.var):
            self.locals[name] = "int64_t"
        accs = [acc for segment in loop.segments for acc in segment.accs]
        for name, dtype in loop.wide:
            self.locals[name] = f"{_local_type(dtype)}[{loop.width}]"
        self._open_lanes(accs, loop.width, lane, depth)
        whole = isinstance(loop.extent, int) and loop.extent == loop.width
        if whole:
            inner, first, turns = depth, "0", str(loop.width)
        else:
            self.locals[count] = self.locals[base] = "int64_t"
            extent = self._index(loop.extent)
            self._line(depth, f"for {base} in range(0, {extent}, {loop.width}):")
            width = loop.width
            self._line(depth + 1, f"{count} = {extent} - {base} if {extent} - {base} < {width} "
                                  f"else {width}")
            inner, first, turns = depth + 1, base, count
        self._lanes_of([name for name, _ in loop.wide] + [f"{a.name}_l" for a in accs], lane)
        self.loops += 1
        for segment in loop.segments:
            self._segment(segment, loop, lane, first, turns, inner)
        self.loops -= 1
        for name in [*dict(loop.wide), *(f"{a.name}_l" for a in accs)]:
            del self.wide[name]
        self._close_lanes(accs, loop.width, depth)

    def _lanes_of(self, names: Iterable[str], lane: str) -> None:
        self.wide.update(dict.fromkeys(names, lane))

    def _open_lanes(self, accs: Sequence[Acc], width: int, lane: str, depth: int) -> None:
        if not accs:
            return
        self._line(depth, f"for {lane} in range({width}):")
        for acc in accs:
            kind = _lane_type(acc.term.dtype)
            self.locals[f"{acc.name}_l"] = f"{_c_type(kind)}[{width}]"
            identity = self._literal(acc.identity, acc.term.dtype)
            self._line(depth + 1, f"{acc.name}_l[{lane}] = {identity}")

    def _close_lanes(self, accs: Sequence[Acc], width: int, depth: int) -> None:
        for acc in accs:
            kind = _lane_type(acc.term.dtype)
            prefix = {"float64": "", "int64": "i", "uint64": "u"}[kind]
            fold = f"pt_fold_{prefix}{FOLDS.get(acc.op, acc.op)}"
            c_type = _c_type(kind)
            self.used[fold] = f"{c_type} {fold}({c_type}*, int64_t)"
            value = f"{fold}({acc.name}_l, {width})"
            if acc.term.dtype != kind:
                value = f"<{_local_type(acc.term.dtype)}> {value}"
            self._set(acc.name, acc.term.dtype, value, depth)

    def _segment(
        self, segment: Segment, loop: Strip, lane: str, first: str, turns: str, depth: int
    ) -> None:
        for at_once, run in groupby(segment.body, by_rows):
            if at_once:
                for stmt in run:
                    self._linear(stmt, depth, first, turns)
            else:
                self._open_turns(loop, lane, first, turns, depth)
                self._body(run, depth + 1)
        if not segment.accs:
            return
        if not segment.body:
            self._open_turns(loop, lane, first, turns, depth)
        lanes = [replace(acc, name=f"{acc.name}_l") for acc in segment.accs]
        self._accumulate(lanes, depth + 1)

    def _open_turns(self, loop: Strip, lane: str, first: str, turns: str, depth: int) -> None:
        self._line(depth, f"for {lane} in range({turns}):")
        start = lane if first == "0" else f"{first} + {lane}"
        self._line(depth + 1, f"{loop.var} = {start}")

    def _linear(self, stmt: Linear, depth: int, first: str = "0", turns: str = "1") -> None:
        extent = self._index(stmt.extent)
        matrix = self._pointer(stmt.matrix.buffer, _at(stmt.matrix.index, stmt.var, first))
        if stmt.routine == "pt_dot":
            self.used["pt_dot"] = "double pt_dot(const double*, const double*, int64_t)"
            vector = self._pointer(stmt.vector.buffer, stmt.vector.index)
            self._set(stmt.result, "float64", f"pt_dot({matrix}, {vector}, {extent})", depth)
            return
        step = self._index(stmt.step)
        if stmt.routine == "pt_scatter_add":
            kind = stmt.matrix.dtype
            name = f"pt_scatter_add_{kind}"
            self.used[name] = f"void {name}(int64_t, const {kind}_t*, const double*, double*)"
            out = self._pointer(stmt.result, stmt.place)
            self._line(depth, f"{name}({turns}, {matrix}, {stmt.weight.name}, {out})")
            return
        if stmt.routine == "pt_rows_dot":
            self.used["pt_rows_dot"] = (
                "void pt_rows_dot(int64_t, int64_t, const double*, int64_t, const double*, double*)"
            )
            last = self._pointer(stmt.vector.buffer, stmt.vector.index)
            out = stmt.result
        else:
            self.used["pt_rows_add"] = (
                "void pt_rows_add(int64_t, int64_t, const double*, int64_t, const double*, double*)"
            )
            last = stmt.weight.name
            out = self._pointer(stmt.result, stmt.place)
        self._line(
            depth, f"{stmt.routine}({turns}, {extent}, {matrix}, {step}, {last}, {out})"
        )

    # Expressions.

    def _argument(self, arg: tuple[str, Size] | Size) -> str:
        return self._pointer(*arg) if isinstance(arg, tuple) else self._index(arg)

    def _pointer(self, buffer: str, index: Size) -> str:
        text = self._index(index)
        return buffer if text == "0" else f"{buffer} + {text}"

    def _index(self, size: Size) -> str:
        if not isinstance(size, Dim):
            return str(size)
        text = ""
        for atoms, factor in size.terms:
            parts = [self._atom(atom) for atom in atoms]
            if abs(factor) != 1 or not parts:
                parts.insert(0, str(abs(factor)))
            sign = "-" if factor < 0 else "+"
            joined = " * ".join(parts)
            text += f" {sign} {joined}" if text else ("-" if factor < 0 else "") + joined
        return text

    def _atom(self, atom: Atom) -> str:
        if not atom.args:
            if atom.name in self.wide:
                return self._name(atom.name)
            return atom.name if atom.name in self.locals else self._size(atom.name)
        args = [f"({self._index(arg)})" for arg in atom.args]
        if atom.name == "//":
            self.used["pt_ifloordiv"] = "int64_t pt_ifloordiv(int64_t, int64_t)"
            return f"pt_ifloordiv({', '.join(args)})"
        name = "pt_iminimum" if atom.name == "min" else "pt_imaximum"
        self.used[name] = f"int64_t {name}(int64_t, int64_t)"
        return f"{name}({', '.join(args)})"

    def _size(self, name: str) -> str:
        position = next(k for k, source in enumerate(self.plan.sizes) if source.name == name)
        return f"n[{position}]"

    def _literal(self, value: float | int | bool, dtype: str) -> str:
        if dtype == "bool":
            return str(int(value))
        if "float" not in dtype:
            return _integer(int(value))
        if value != value:
            self.used["NAN"] = "double NAN"
            return "NAN"
        if value in (float("inf"), float("-inf")):
            self.used["INFINITY"] = "double INFINITY"
            return "INFINITY" if value > 0 else "(-INFINITY)"
        text = repr(float(value))
        if dtype == "float32":  # else C would compute the whole expression in double
            return f"(<float> {text})"
        return f"({text})" if text.startswith("-") else text

    def _expr(self, expr: Expr) -> str:
        match expr:
            case Lit(value, dtype):
                return self._literal(value, dtype)
            case Ref(name):
                return self._name(name)
            case Place(index):
                text = self._index(index)
                return f"({text})" if " " in text else text
            case Load(buffer, index):
                return f"{buffer}[{self._index(index)}]"
            case Apply("cast", (inner,), dtype):
                return self._cast(inner, dtype)
            case Apply(fn, args, dtype):
                kind = args[-1].dtype if fn in ("where", "abs", "sign") else args[0].dtype
                return self._apply(fn, [self._expr(arg) for arg in args], kind, dtype)
        raise TypeError(f"not an expression: {expr!r}")

    def _cast(self, inner: Expr, dtype: str) -> str:
        text = self._expr(inner)
        if dtype == "bool":
            return f"({text} != 0)"
        return f"(<{_c_type(dtype)}> {text})"

    def _apply(self, fn: str, texts: list[str], kind: str, dtype: str | None = None) -> str:
        """`fn` applied to operand texts of dtype `kind`, with a result of `dtype`."""
        if fn == "isinf":
            self.used |= {"fabs": "double fabs(double)", "INFINITY": "double INFINITY"}
            return f"(fabs({texts[0]}) == INFINITY)"
        if fn in PLAIN:
            text = PLAIN[fn].format(*texts)
            small = dtype not in (None, "float64", "float32", "int64", "uint64", "bool")
            return f"(<{_c_type(dtype)}> {text})" if small and fn != "where" else text
        if fn in CALLS:
            column = 0 if "float" in kind else 2 if kind.startswith("u") else 1
            fn, wide = CALLS[fn][column], ("double", "int64_t", "uint64_t")[column]
            if not fn:
                return texts[0]
            self.used[fn] = f"{wide} {fn}({', '.join([wide] * len(texts))})"
        else:
            wide = "double"
            if self.loops == 0 and not fn.startswith(("pt_draw_", "pt_key_")):
                fn += ONCE
            self.used[fn] = _signature(fn, len(texts))
        call = f"{fn}({', '.join(texts)})"
        if dtype is not None and _c_type(dtype) != wide and dtype != "bool":
            return f"(<{_c_type(dtype)}> {call})"
        return call


def _grouped(names: dict[str, str]) -> list[str]:
    """Declarations of locals, many of one type a line."""
    lines: list[str] = []
    for kind in dict.fromkeys(names.values()):
        line = f"    cdef {kind} "
        for name in (n for n, k in names.items() if k == kind):
            if len(line) + len(name) > 96:
                lines.append(line.rstrip(", "))
                line = f"    cdef {kind} "
            line += f"{name}, "
        lines.append(line.rstrip(", "))
    return lines


def _signature(fn: str, count: int) -> str:
    """The C declaration of a function of doubles, or of a draw: key, index, then doubles."""
    if fn == "pt_key_fold":
        return "uint64_t pt_key_fold(uint64_t, uint64_t)"
    if fn.startswith("pt_draw_"):
        result = "uint64_t" if fn == "pt_draw_bits" else "double"
        rest = ["double"] * (count - 2)
        return f"{result} {fn}({', '.join(['uint64_t', 'uint64_t', *rest])})"
    return f"double {fn}({', '.join(['double'] * count)})"


def _integer(value: int) -> str:
    # The lowest int64 has no literal of its own in C.
    if value == -(2**63):
        return "(-9223372036854775807 - 1)"
    return f"({value})" if value < 0 else f"{value}U" if value >= 2**63 else str(value)


def _lane_type(dtype: str) -> str:
    if "float" in dtype:
        return "float64"
    return "uint64" if dtype.startswith("u") else "int64"


def _unwrapped(text: str) -> str:
    """Without outer parentheses, where they enclose the whole."""
    if not text.startswith("("):
        return text
    depth = 0
    for k, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if depth == 0:
            return text[1:-1] if k == len(text) - 1 else text
    return text


def _at(index: Size, var: str, first: str) -> Size:
    """The index at the first turn of a strip."""
    if not var:
        return index
    return substitute(index, {var: 0 if first == "0" else Dim.name(first)})


def _wrap(head: str) -> str:
    """A long signature over several lines."""
    lines = [""]
    for piece in head.split(", "):
        if len(lines[-1]) + len(piece) > 95:
            lines.append("        ")
        lines[-1] += f"{piece}, "
    return "\n".join(line.rstrip() for line in lines).rstrip(",")
