"""The reference meaning of kernels: a slow interpreter over NumPy buffers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from probtensor.kernel.ir import (
    FOLDS,
    Apply,
    Call,
    Carry,
    Check,
    Expr,
    For,
    If,
    IndexValue,
    Kernel,
    Let,
    Lit,
    Load,
    Ref,
    Scan,
    Stmt,
    Store,
)
from probtensor.types import Size, dtype_of, size_value


def _power(x, y):
    """An integer power; for y < 0, 1 / x**-y truncated to an integer, and 0 where x == 0."""
    if y >= 0:
        return np.power(x, y)
    unit = x if y % 2 else x * x
    return unit if unit * unit == 1 else unit * 0


# The operators that every target spells; functions with C names are given by the caller.
OPERATORS: dict[str, Callable] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.true_divide,
    "//": np.floor_divide,
    "%": np.remainder,
    "**": _power,
    "gcd": np.gcd,
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

def _product(a, b, batch, m, n, k, a_transposed, b_transposed):
    left = a[: batch * m * k].reshape(batch, *((k, m) if a_transposed else (m, k)))
    right = b[: batch * n * k].reshape(batch, *((n, k) if b_transposed else (k, n)))
    left = np.swapaxes(left, 1, 2) if a_transposed else left
    right = np.swapaxes(right, 1, 2) if b_transposed else right
    return (left @ right).reshape(-1)


def _gemm(a, b, c, *numbers):
    product = _product(a, b, *numbers)
    c[: product.size] = product


def _add_product(a, b, scale, base, c, *numbers):
    product = _product(a, b, *numbers)
    c[: product.size] = base[: product.size] + scale[0] * product


# The routines that lowering itself calls; those of ops are given by the caller.
ROUTINES: dict[str, Callable] = {
    "pt_gemm": _gemm, "pt_gemm_float32": _gemm,
    "pt_add_product": _add_product, "pt_add_product_float32": _add_product,
}  # fmt: skip


class Machine:
    """The interpreter's state. `functions` maps C function names to NumPy functions, `routines`
    maps names of routines to functions of arrays (views from the offsets on) and integers."""

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
        self.sums: dict[str, tuple[int, np.ndarray, np.ndarray]] = {}

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
                self._store(buffer, self.integer(index), self.value(expr), op)
            case For():
                self._loop(stmt)
            case Scan():
                self._scan(stmt)
            case If():
                self._if(stmt)
            case Check(condition, code):
                if not self.value(condition):
                    self.status = code
            case Call(routine, numbers=numbers):
                arrays = [self.buffers[b][self.integer(offset) :] for b, offset in stmt.pointers]
                self.routines[routine](*arrays, *map(self.integer, numbers))

    def _store(self, buffer: str, index: int, value: object, op: str | None) -> None:
        array = self.buffers[buffer]
        if op == "add" and buffer in self.sums:
            self._add(buffer, index, value)
            return
        if not 0 <= index < array.size:
            raise IndexError(f"store to {buffer}[{index}], which has {array.size} elements")
        array[index] = value if op is None else FOLDS[op].numpy(array[index], value)

    def _loop(self, loop: For) -> None:
        totals = [_scalar(acc.identity, acc.term.dtype) for acc in loop.accs]
        errors = [0.0] * len(totals)
        before = self.sums
        carries = [carry for carry in loop.carries if carry.outer_additions is None]
        self.sums = before | {carry.buffer: self._sums(carry) for carry in carries}
        for iteration in range(self.integer(loop.extent)):
            self.names[loop.var] = iteration
            self._body(loop.body)
            for k, acc in enumerate(loop.accs):
                term = self.value(acc.term)
                combined = _scalar(FOLDS[acc.op].numpy(totals[k], term), acc.term.dtype)
                if acc.op == "add" and dtype_of(acc.term.dtype).is_float:
                    errors[k] += _error(totals[k], term, combined)
                totals[k] = combined
        for acc, total, error in zip(loop.accs, totals, errors, strict=True):
            exact = _scalar(_corrected(total, error), acc.term.dtype) if error else total
            self.names[acc.name] = exact
        for carry in carries:
            first, sums, error = self.sums[carry.buffer]
            self.buffers[carry.buffer][first : first + sums.size] = _corrected(sums, error)
        self.sums = before

    def _scan(self, scan: Scan) -> None:
        for state in scan.states:
            self.names[state.name] = self.value(state.init)
        limit = None if scan.extent is None else self.integer(scan.extent)
        iteration, stopped = 0, False
        while not stopped and (limit is None or iteration < limit):
            self.names[scan.var] = iteration
            self._body(scan.body)
            stopped = scan.stop is not None and bool(self.value(scan.stop))
            following = [self.value(state.next) for state in scan.states]
            self.names.update(zip([state.name for state in scan.states], following, strict=True))
            iteration += 1
        if scan.count is not None:
            self.names[scan.count] = np.int64(iteration)

    def _if(self, stmt: If) -> None:
        holds = bool(self.value(stmt.condition))
        self._body(stmt.then if holds else stmt.otherwise)
        for choice in stmt.choices:
            self.names[choice.name] = self.value(choice.first if holds else choice.second)

    def _sums(self, carry: Carry) -> tuple[int, np.ndarray, np.ndarray]:
        """(offset of the first sum, the sums as doubles, their rounding errors)."""
        first = self.integer(carry.offset)
        sums = self.buffers[carry.buffer][first : first + self.integer(carry.count)].astype("f8")
        return first, sums, np.zeros_like(sums)

    def _add(self, buffer: str, index: int, value: object) -> None:
        first, sums, errors = self.sums[buffer]
        before = sums[index - first]
        sums[index - first] += value
        errors[index - first] += _error(before, np.float64(value), sums[index - first])

    def integer(self, size: Size) -> int:
        """The value of an index, extent or count."""
        return size_value(size, self.names)

    def value(self, expr: Expr) -> object:
        match expr:
            case Apply():
                return self._applied(expr)
            case Load(buffer, index):
                array, k = self.buffers[buffer], self.integer(index)
                if not 0 <= k < array.size:
                    raise IndexError(f"load of {buffer}[{k}], which has {array.size} elements")
                return array[k]
            case Ref(name):
                return self.names[name]
            case Lit(value, dtype):
                return _scalar(value, dtype)
            case IndexValue(index):
                return np.int64(self.integer(index))
        raise TypeError(f"not an expression: {expr!r}")

    def _applied(self, expr: Apply) -> object:
        fn, args = expr.fn, expr.args
        if fn == "where":
            condition, first, second = args
            return _scalar(self.value(first if self.value(condition) else second), expr.dtype)
        if fn == "cast":
            (inner,) = args
            return np.asarray(self.value(inner)).astype(expr.dtype)[()]
        function = OPERATORS.get(fn) or self.functions[fn]
        return _scalar(function(*[self.value(arg) for arg in args]), expr.dtype)


_SCALARS = {np.dtype(kind).name: kind for kind in (np.float64, np.float32, np.int64, np.bool_)}


def _error(a, b, total):
    """The rounding error of total = a + b (Knuth 1969)."""
    part = total - a
    return (a - (total - part)) + (b - part)


def _corrected(total, error):
    """A sum with its rounding error added. Where the sum is not finite, neither is the error, which
    is then ignored."""
    return np.where(np.isfinite(error) & (error != 0), total + error, total)


def _scalar(value: object, dtype: str) -> np.generic:
    if type(value) is _SCALARS.get(dtype):
        return value
    return np.asarray(value).astype(dtype)[()]
