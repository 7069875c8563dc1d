"""Expressions and indices as text, for C, Cython and CUDA; subclasses override what differs."""

from __future__ import annotations

import linecache

from probtensor.dataclass import dataclass, field
from probtensor.kernel.ir import Acc, Apply, Call, Expr, IndexValue, Lit, Load, Ref
from probtensor.lower.plan import Plan
from probtensor.targets.declare import CFunction, CName, Declared, function_of_doubles
from probtensor.targets.marks import mark, with_mark
from probtensor.types import Atom, Dim, Size, dtype_of

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
    "gcd": ("", "pt_igcd", "pt_ugcd"),
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
# What floats made of integers are passed through, see pt_operators.h.
WHOLE = {"float64": "pt_whole", "float32": "pt_whole_f"}
MAX_UNFUSED_TERMS = 64  # of a sum of products, whose products are rounded


def c_type(dtype: str) -> str:
    """The C type of an element in memory."""
    return dtype_of(dtype).c


def local_type(dtype: str) -> str:
    """The C type of a local."""
    return LOCAL.get(dtype, f"{dtype}_t")


def register_kind(dtype: str) -> str:
    """The letter of the type in which values of a dtype are computed: "f" for double,
    "i" for int64 (bools too), "u" for uint64."""
    kind = dtype_of(dtype).kind
    return "i" if kind == "b" else kind


def escaped(text: str) -> str:
    """Text of the user as one line, safe in a comment of any language.

    Line breaks and unprintable characters are escaped as in Python; `*/` cannot occur. All text of
    the user in generated code must pass through this function.
    """
    if not text.isprintable():
        text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return text.replace("*/", "* /")


def user_text(file: str, line: int) -> str:
    """A line of the user's file; empty where it cannot be read."""
    try:
        return linecache.getline(file, line)
    except (OSError, ValueError, SyntaxError):  # e.g. a name with a null byte
        return ""


def comment(origin: str, width: int) -> str:
    """The user's line, `file:line`, with its text, as the body of a comment."""
    file, _, line = origin.rpartition(":")
    text = user_text(file, int(line)).strip() if line.isdecimal() else ""
    name = file.replace("\\", "/").rsplit("/", 1)[-1]
    found = escaped(f"{name}:{line}: {text}")[:width]
    # In C a backslash, also as the trigraph ??/, would join the next line to the comment.
    while found.rstrip().endswith(("\\", "??/")):
        found = found.rstrip()[:-1]
    return found


@dataclass
class Speller:
    """Writes expressions over the buffers and sizes of a plan. `used` collects the C functions,
    types and constants in the text, by name. If `within` names a kernel, lines end with the `mark`
    of the statement of it that is being written."""

    plan: Plan
    locals: dict[str, str] = field(default_factory=dict)
    used: dict[str, Declared] = field(default_factory=dict)
    loops: int = 0  # nesting depth of the statement being written
    within: str = ""
    mark: str = ""

    plain = PLAIN
    cast = "(<{}> {})"

    def _begin(self, name: str) -> str:
        """Mark the lines from here on; gives the mark before, to which `mark` is set again."""
        before = self.mark
        if self.within:
            self.mark = mark(self.within, name)
        return before

    def _finished(self, text: str) -> str:
        """The text of a kernel; lines that are no statement's get the mark of the kernel."""
        return with_mark(text, mark(self.within)) if self.within else text

    def _use(self, name: str, result: str, *args: str) -> str:
        """Declare a C function that the text calls; gives its name."""
        self.used[name] = CFunction(name, result, args)
        return name

    def _constant(self, name: str) -> str:
        """Declare a constant of type double; gives its name."""
        self.used[name] = CName(name, f"double {name}")
        return name

    def _arguments(self, call: Call) -> str:
        """The arguments of a routine."""
        pointers = [self._pointer(buffer, offset) for buffer, offset in call.pointers]
        return ", ".join([*pointers, *map(self._index, call.numbers)])

    def _pointer(self, buffer: str, index: Size) -> str:
        text = self._index(index)
        return buffer if text == "0" else f"{buffer} + {text}"

    def _index(self, size: Size) -> str:
        if not isinstance(size, Dim):
            return _integer(size)
        text = ""
        for atoms, factor in size.terms:
            parts = [self._atom(atom) for atom in atoms]
            if abs(factor) != 1 or not parts:
                parts.insert(0, _integer(abs(factor)))
            sign = "-" if factor < 0 else "+"
            joined = " * ".join(parts)
            text += f" {sign} {joined}" if text else ("-" if factor < 0 else "") + joined
        return text

    def _atom(self, atom: Atom) -> str:
        if not atom.args:
            is_local = atom.name in self.locals
            return self._name(atom.name) if is_local else self._size(atom.name)
        args = [f"({self._index(arg)})" for arg in atom.args]
        if atom.name == "//":
            name = "pt_ifloordiv"
        else:
            name = "pt_iminimum" if atom.name == "min" else "pt_imaximum"
        return f"{self._use(name, 'int64_t', 'int64_t', 'int64_t')}({', '.join(args)})"

    def _load(self, buffer: str, index: Size) -> str:
        return f"{buffer}[{self._index(index)}]"

    def _name(self, name: str) -> str:
        """The text that reads a local."""
        return name

    def _size(self, name: str) -> str:
        return f"n[{self.plan.size_positions[name]}]"

    def _literal(self, value: float | int | bool, dtype: str) -> str:
        if dtype == "bool":
            return str(int(value))
        if "float" not in dtype:
            return _integer(int(value), dtype)
        if value != value:
            return self._constant("NAN")
        if value in (float("inf"), float("-inf")):
            name = self._constant("INFINITY")
            return name if value > 0 else f"(-{name})"
        text = repr(float(value))
        if dtype == "float32":  # else C would evaluate the expression in double
            return self.cast.format('float', text)
        return f"({text})" if text.startswith("-") else text

    def _expr(self, expr: Expr) -> str:
        match expr:
            case Lit(value, dtype):
                return self._literal(value, dtype)
            case Ref(name):
                return self._name(name)
            case IndexValue(index):
                text = self._index(index)
                return f"({text})" if " " in text else text
            case Load(buffer, index):
                return self._load(buffer, index)
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
        made = self.cast.format(c_type(dtype), text)
        register = not isinstance(inner, (Load, Lit, IndexValue))
        if register and dtype in WHOLE and "int" in inner.dtype:
            return f"{self._use(WHOLE[dtype], c_type(dtype), c_type(dtype))}({made})"
        return made

    def _copy(self, function: CFunction) -> CFunction:
        """The function of doubles as the current statement calls it: inlined, or a copy of it."""
        return function

    def _apply(self, fn: str, texts: list[str], kind: str, dtype: str | None = None) -> str:
        """`fn` applied to operand texts of dtype `kind`, with a result of `dtype`."""
        if fn == "isinf":
            size, infinity = self._use("fabs", "double", "double"), self._constant("INFINITY")
            return f"({size}({texts[0]}) == {infinity})"
        if fn in self.plain:
            text = self.plain[fn].format(*texts)
            small = dtype not in (None, "float64", "float32", "int64", "uint64", "bool")
            narrow = small and fn != "where"
            return self.cast.format(c_type(dtype), text) if narrow else text
        if fn in CALLS:
            column = "fiu".index(register_kind(kind))
            fn, wide = CALLS[fn][column], ("double", "int64_t", "uint64_t")[column]
            if not fn:
                return texts[0]
            self._use(fn, wide, *[wide] * len(texts))
        else:
            wide, function = "double", function_of_doubles(fn, len(texts))
            if function.header == "pt_loops.h":
                function = self._copy(function)
            fn = function.symbol
            self.used[fn] = function
        call = f"{fn}({', '.join(texts)})"
        if dtype is not None and c_type(dtype) != wide and dtype != "bool":
            return self.cast.format(c_type(dtype), call)
        return call


def factors(acc: Acc) -> tuple[Expr, Expr] | None:
    """The factors of the term of a sum of doubles, if that is a product.

    A long sum may use fused multiply-add (`pt_ma`), which is more accurate. A short one does not,
    so that it equals the same sum written out by the user, whose products are rounded.
    """
    match acc:
        case Acc(op="add", term=Apply("*", (first, second), "float64")):
            return first, second
        case Acc(op="add", term=Apply("square", (root,), "float64")):
            return root, root
    return None


def is_long(iterations: Size) -> bool:
    """Whether a sum with so many iterations may use fused multiply-add."""
    return not isinstance(iterations, int) or iterations > MAX_UNFUSED_TERMS


def _integer(value: int, dtype: str = "int64") -> str:
    """A literal with the suffix for its width: without one, Cython makes a Python object of a
    literal over 32 bits, and C refuses one over 63 bits."""
    if value == -(2**63):  # C has no literal for it
        return "(-9223372036854775807LL - 1)"
    wide = not -(2**31) < value < 2**31
    suffix = ("ULL" if dtype_of(dtype).kind == "u" else "LL") if wide else ""
    return f"({value}{suffix})" if value < 0 else f"{value}{suffix}"


def unwrapped(text: str) -> str:
    """Without outer parentheses, if they enclose the entire text."""
    if not text.startswith("("):
        return text
    depth = 0
    for k, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if depth == 0:
            return text[1:-1] if k == len(text) - 1 else text
    return text
