"""What the kernels of a plan do for given sizes: operations, calls of functions, memory.

Iterations are counted exactly where the extents of loops are known; a loop until a condition counts
once, and of a branch both sides count, so that such counts are estimates (`exact` is false). A
matrix product counts 2 m n k, a multiplication and an addition for each term; that of a matrix and
its own transpose half of it and the diagonal, where no more is computed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

from cython_ext import linalg
from probtensor.dataclass import dataclass, field
from probtensor.inspect.profile.code.marks import FOLD_NAMES, Part, mark_of, op_name, operation_of
from probtensor.kernel.ir import (
    Apply,
    Call,
    Expr,
    For,
    If,
    Kernel,
    Let,
    Load,
    Scan,
    Stmt,
    Store,
)
from probtensor.lower.plan import Plan
from probtensor.types import Size, dtype_of, size_names, size_value

# Cost of an operation in the time of an addition in a vector loop, about; of other functions 12.
COSTS = {
    "+": 1, "-": 1, "*": 1, "neg": 1, "abs": 1, "minimum": 1, "maximum": 1, "square": 1,
    "<": 1, "<=": 1, ">": 1, ">=": 1, "==": 1, "!=": 1, "and": 1, "or": 1, "not": 1, "where": 1,
    "cast": 1, "sign": 1, "isnan": 1, "isinf": 1, "&": 1, "|": 1, "^": 1, "~": 1, "<<": 1, ">>": 1,
    "floor": 1, "ceil": 1, "trunc": 1, "round": 1, "/": 4, "sqrt": 5, "%": 8, "//": 8, "**": 8,
}  # fmt: skip
FUNCTION_COST = {
    "pt_exp": 8, "pt_log": 10, "pt_log1p": 14, "pt_expm1": 12, "pt_tanh": 14, "pt_sin": 14,
    "pt_cos": 14, "pt_lgamma": 60, "pt_digamma": 60, "pt_erf": 20, "pt_erfc": 25, "pt_pow": 30,
}  # fmt: skip
OTHER_FUNCTION = 20
LOAD_COST, GATHER_COST, STORE_COST = 1, 4, 1
# Operations of routines on matrices, from their numbers (batch, then sizes), by name; of others
# only the memory is counted.
PRODUCTS = ("pt_gemm", "pt_gemm_float32", "pt_add_product", "pt_add_product_float32")
# Rows from which the product of a matrix and its own transpose is computed by half, where that is
# not from HALVED_FROM on: NumPy's always is, those of a GPU's library never are.
HALVED: dict[str, int | None] = {"interp": 1, "cuda": None}
CUBIC = {"pt_cholesky": 1 / 3, "pt_lu": 2 / 3, "pt_inv": 2.0, "pt_qr": 4 / 3, "pt_eigh": 9.0}
SOLVES = ("pt_solve_lower", "pt_solve_lower_transposed", "pt_solve_upper",
          "pt_solve_upper_transposed")  # fmt: skip


@dataclass
class Work:
    """What is done for a part, or for a kernel.

    flops  additions, multiplications, comparisons, divisions and roots of numbers
    calls  calls of functions, by name: their operations are not among the flops
    loads, stores  bytes that are read and written, each access counted
    cost   the time that this takes in units of an addition, about
    """

    flops: float = 0.0
    calls: dict[str, float] = field(default_factory=dict)
    loads: float = 0.0
    stores: float = 0.0
    cost: float = 0.0

    def add(self, other: Work) -> None:
        """Add what another part does."""
        self.flops += other.flops
        self.loads += other.loads
        self.stores += other.stores
        self.cost += other.cost
        for name, times in other.calls.items():
            self.calls[name] = self.calls.get(name, 0.0) + times


@dataclass
class KernelWork:
    """What a kernel does: in all, by part, and `bytes` of the buffers that it reads and writes,
    each counted once for reading and once for writing."""

    total: Work
    parts: dict[Part, Work]
    bytes: float
    exact: bool


def work_of(
    plan: Plan, sizes: Mapping[str, int], target: str = "cython"
) -> dict[str, KernelWork]:
    """What each kernel does, by its name, where the target of that name runs it."""
    return {kernel.name: _Counter(plan, kernel, sizes, target).count() for kernel in plan.kernels}


class _Counter:
    """Counts in one kernel."""

    def __init__(
        self, plan: Plan, kernel: Kernel, sizes: Mapping[str, int], target: str
    ) -> None:
        self.plan, self.kernel, self.target = plan, kernel, target
        self.values: dict[str, float] = dict(sizes)
        self.parts: dict[Part, Work] = {}
        self.exact = True
        self.loop, self.loops = -1, 0
        self.dtypes = plan.dtypes
        self.touched: dict[tuple[str, bool], float] = {}  # bytes of accesses, by buffer, is stored

    def count(self) -> KernelWork:
        self._body(self.kernel.body, 1.0)
        total = Work()
        for part in self.parts.values():
            total.add(part)
        sizes = {b.name: self._bytes_of(b.shape) * b.itemsize for b in self.plan.buffers}
        moved = sum(min(n, sizes.get(name, n)) for (name, _), n in self.touched.items())
        return KernelWork(total, self.parts, moved, self.exact)

    def _bytes_of(self, shape: tuple[Size, ...]) -> float:
        return float(prod(max(0.0, self._value(n)) for n in shape))

    def _value(self, size: Size) -> float:
        """A size; loop variables have their mean."""
        if isinstance(size, int):
            return size
        names = size_names(size)
        known = {name: self.values.get(name, 0) for name in names}
        if any(name not in self.values for name in names):
            self.exact = False
        if any(isinstance(n, float) for n in known.values()):
            known = {name: round(n) for name, n in known.items()}
        return size_value(size, known)

    def _work(self, line: str, op: str) -> Work:
        return self.parts.setdefault(Part(self.kernel.name, line, op, self.loop), Work())

    def _body(self, body: tuple[Stmt, ...], times: float) -> None:
        for stmt in body:
            self._stmt(stmt, times)

    def _stmt(self, stmt: Stmt, times: float) -> None:
        top = self.loop < 0 and isinstance(stmt, (For, Scan))
        if top:
            self.loop, self.loops = self.loops, self.loops + 1
        line, op = getattr(stmt, "origin", ""), operation_of(stmt)
        match stmt:
            case Let(expr=expr):
                self._expr(expr, line, op, times)
            case Store(buffer=buffer, expr=expr, op=fold):
                self._expr(expr, line, op, times)
                self._access(buffer, line, op, times, True)
                if fold is not None:
                    self._access(buffer, line, op, times, False)
                    self._work(line, op).flops += times
            case For():
                self._loop(stmt, times)
            case Scan():
                self._scan(stmt, times)
            case If(condition, then, otherwise, choices):
                self.exact = False
                self._expr(condition, choices[0].origin if choices else line, op, times)
                self._body(then, times)
                self._body(otherwise, times)
                for c in choices:
                    for side in (c.first, c.second):
                        self._expr(side, c.origin, op, times)
            case Call():
                self._call(stmt, times)
        if top:
            self.loop = -1

    def _loop(self, loop: For, times: float) -> None:
        extent = max(0.0, self._value(loop.extent))
        before = self.values.get(loop.var)
        self.values[loop.var] = max(0.0, (extent - 1) / 2)
        self._body(loop.body, times * extent)
        for acc in loop.accs:
            op = FOLD_NAMES.get(acc.op, acc.op)
            self._expr(acc.term, acc.origin, op, times * extent)
            work = self._work(acc.origin, op)
            work.flops += times * extent
            work.cost += times * extent
        self._restore(loop.var, before)

    def _scan(self, scan: Scan, times: float) -> None:
        if scan.extent is None or scan.stop is not None:
            self.exact = False
        extent = 1.0 if scan.extent is None else max(0.0, self._value(scan.extent))
        before = self.values.get(scan.var)
        self.values[scan.var] = max(0.0, (extent - 1) / 2)
        self._body(scan.body, times * extent)
        for state in scan.states:
            self._expr(state.next, state.origin, "copy", times * extent)
        self._restore(scan.var, before)

    def _restore(self, var: str, before: float | None) -> None:
        if before is None:
            self.values.pop(var, None)
        else:
            self.values[var] = before

    def _access(self, buffer: str, line: str, op: str, times: float, store: bool) -> None:
        size = dtype_of(self.dtypes.get(buffer, "float64")).bytes * times
        work = self._work(line, op)
        if store:
            work.stores += size
            work.cost += STORE_COST * times
        else:
            work.loads += size
            work.cost += LOAD_COST * times
        self.touched[buffer, store] = self.touched.get((buffer, store), 0.0) + size

    def _expr(self, expr: Expr, line: str, op: str, times: float) -> None:
        own, op = mark_of(expr) or (line, op)
        if isinstance(expr, Apply):
            self._apply(expr, own, times)
            for arg in expr.args:
                self._expr(arg, own, op_name(expr.fn), times)
        elif isinstance(expr, Load):
            self._access(str(expr.buffer), own, op, times, False)
            if size_names(expr.index) - self.values.keys():  # a local: the element is computed
                self._work(own, op).cost += (GATHER_COST - LOAD_COST) * times

    def _apply(self, expr: Apply, line: str, times: float) -> None:
        work, fn = self._work(line, op_name(expr.fn)), str(expr.fn)
        cost = COSTS.get(fn)
        if cost is None:
            work.calls[op_name(fn)] = work.calls.get(op_name(fn), 0.0) + times
            cost = FUNCTION_COST.get(fn, OTHER_FUNCTION)
        elif fn not in ("cast", "where", "and", "or", "not"):
            work.flops += times
        work.cost += cost * times

    def _call(self, call: Call, times: float) -> None:
        op = op_name(call.routine)
        work = self._work(call.origin, op)
        numbers = [max(0.0, self._value(n)) for n in call.numbers]
        flops = flops_of_call(call, numbers, self.target)
        sizes = {b.name: b for b in self.plan.buffers}
        moved = 0.0
        for store, pointers in ((False, call.reads), (True, call.writes)):
            for name, _ in pointers:
                buffer = sizes.get(name)
                if buffer is None:
                    continue
                size = self._bytes_of(buffer.shape) * buffer.itemsize
                self.touched[name, store] = self.touched.get((name, store), 0.0) + size * times
                moved += size
                if store:
                    work.stores += size * times
                else:
                    work.loads += size * times
        if flops is None:
            work.calls[op] = work.calls.get(op, 0.0) + times
            flops_for_cost = moved
        else:
            work.flops += flops * times
            flops_for_cost = flops
        work.cost += times * (flops_for_cost / 2 + moved / 8)


def flops_of_call(call: Call, numbers: Sequence[float], target: str = "cython") -> float | None:
    """The operations of one call of a routine on a target; None if they are not known."""
    routine = call.routine
    if routine in PRODUCTS and len(numbers) >= 4:
        batch, m, n, k = numbers[:4]
        if is_halved(call, numbers, target):
            return batch * n * (n + 1) * k
        own = 2 * m * n if routine.startswith("pt_add_product") else 0
        return batch * (2 * m * n * k + own)
    name = routine.removesuffix("_float32")
    if name in CUBIC and len(numbers) >= 2:
        return numbers[0] * CUBIC[name] * numbers[1] ** 3
    if name in SOLVES and len(numbers) >= 3:
        return numbers[0] * numbers[1] ** 2 * numbers[2]
    return None


def is_halved(call: Call, numbers: Sequence[float], target: str) -> bool:
    """Whether a product is that of a matrix and its own transpose, half of which is computed."""
    least = HALVED.get(target, linalg.HALVED_FROM)
    _, m, n, _, *transposed = numbers
    one, other = call.reads[:2]
    return (
        least is not None and call.routine.startswith("pt_gemm") and one == other
        and m == n >= least and len({*transposed}) == 2
    )  # fmt: skip
