"""What a kernel means: its statements run one by one over NumPy buffers. Slow: the reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from probtensor.kernel.ir import (
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
    Stmt,
    Store,
)
from probtensor.types import Size, size_value


def _power(x, y):
    """Integers to integers; a negative power truncates the quotient."""
    if y >= 0:
        return np.power(x, y)
    unit = x if y % 2 else x * x
    return unit if unit * unit == 1 else unit * 0


# The operators every target spells; functions with C names come from the caller.
OPERATORS: dict[str, Callable] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.true_divide,
    "//": np.floor_divide,
    "%": np.remainder,
    "**": _power,
    "neg": np.negative,
    "abs": np.abs,
    "sign": np.sign,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
    "and": np.logical_and,
    "or": np.logical_or,
    "not": np.logical_not,
    "&": np.bitwise_and,
    "|": np.bitwise_or,
    "^": np.bitwise_xor,
    "~": np.invert,
    "<<": np.left_shift,
    ">>": np.right_shift,
    "minimum": np.minimum,
    "maximum": np.maximum,
    "sqrt": np.sqrt,
    "square": np.square,
    "floor": np.floor,
    "ceil": np.ceil,
    "trunc": np.trunc,
    "round": np.round,
    "isnan": np.isnan,
    "isinf": np.isinf,
}

COMBINE: dict[str, Callable] = {
    "add": np.add,
    "mul": np.multiply,
    "max": np.maximum,
    "min": np.minimum,
    "and": np.logical_and,
    "or": np.logical_or,
}


def _gemm(a, b, c, batch, m, n, k, a_turned, b_turned):
    left = a[: batch * m * k].reshape(batch, *((k, m) if a_turned else (m, k)))
    right = b[: batch * n * k].reshape(batch, *((n, k) if b_turned else (k, n)))
    left = np.swapaxes(left, 1, 2) if a_turned else left
    right = np.swapaxes(right, 1, 2) if b_turned else right
    c[: batch * m * n] = (left @ right).reshape(-1)


# The routines that lowering itself calls; those of ops come from the caller.
ROUTINES: dict[str, Callable] = {"pt_gemm": _gemm, "pt_gemm_float32": _gemm}


class Machine:
    """One run of a kernel. `functions` gives the NumPy meaning of each C function name, `routines`
    that of each library routine (called with views from the offsets on, and sizes)."""

    def __init__(
        self,
        buffers: Mapping[str, np.ndarray],
        sizes: Mapping[str, int],
        functions: Mapping[str, Callable],
        routines: Mapping[str, Callable] | None = None,
    ) -> None:
        self.buffers = buffers
        self.names: dict[str, object] = dict(sizes)
        self.functions = functions
        self.routines = {**ROUTINES, **(routines or {})}
        self.status = 0

    def run(self, kernel: Kernel) -> int:
        """Run the kernel; 0, or the code of the last check that failed."""
        with np.errstate(all="ignore"):
            self._body(kernel.body)
        return self.status

    def _body(self, body: tuple[Stmt, ...]) -> None:
        for stmt in body:
            self._stmt(stmt)

    def _stmt(self, stmt: Stmt) -> None:
        match stmt:
            case Let(name, expr):
                self.names[name] = self.value(expr)
            case Store(buffer, index, expr, op):
                self._store(buffer, self.place(index), self.value(expr), op)
            case For():
                self._loop(stmt)
            case Check(condition, code):
                if not self.value(condition):
                    self.status = code
            case Call(routine, args):
                given = [
                    self.buffers[arg[0]][self.place(arg[1]) :]
                    if isinstance(arg, tuple)
                    else self.place(arg)
                    for arg in args
                ]
                self.routines[routine](*given)

    def _store(self, buffer: str, place: int, value: object, op: str | None) -> None:
        array = self.buffers[buffer]
        if not 0 <= place < array.size:
            raise IndexError(f"store to {buffer}[{place}], which has {array.size} elements")
        array[place] = value if op is None else COMBINE[op](array[place], value)

    def _loop(self, loop: For) -> None:
        totals = [_scalar(acc.identity, acc.term.dtype) for acc in loop.accs]
        for turn in range(self.place(loop.start), self.place(loop.extent)):
            self.names[loop.var] = turn
            self._body(loop.body)
            for k, acc in enumerate(loop.accs):
                combined = COMBINE[acc.op](totals[k], self.value(acc.term))
                totals[k] = _scalar(combined, acc.term.dtype)
        for acc, total in zip(loop.accs, totals, strict=True):
            self.names[acc.name] = total

    def place(self, index: Size) -> int:
        return size_value(index, self.names)

    def value(self, expr: Expr) -> object:
        match expr:
            case Lit(value, dtype):
                return _scalar(value, dtype)
            case Ref(name):
                return self.names[name]
            case Place(index):
                return np.int64(self.place(index))
            case Load(buffer, index):
                array, place = self.buffers[buffer], self.place(index)
                if not 0 <= place < array.size:
                    raise IndexError(f"load of {buffer}[{place}], which has {array.size} elements")
                return array[place]
            case Apply("where", (condition, first, second), dtype):
                chosen = first if self.value(condition) else second
                return _scalar(self.value(chosen), dtype)
            case Apply("cast", (inner,), dtype):
                return np.asarray(self.value(inner)).astype(dtype)[()]
            case Apply(fn, args, dtype):
                function = OPERATORS.get(fn) or self.functions[fn]
                return _scalar(function(*(self.value(arg) for arg in args)), dtype)
        raise TypeError(f"not an expression: {expr!r}")


def _scalar(value: object, dtype: str) -> np.generic:
    return np.asarray(value).astype(dtype)[()]
