"""The line and op of each instruction of a program of the machine.

The plan is encoded once more from its kernels with marked operations, by an assembler that notes
for which part each instruction is. The program is the same, instruction by instruction.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping

from probtensor.inspect.profile.code.marks import FOLD_NAMES, Part, mark_of, operation_of
from probtensor.kernel.ir import Acc, Expr, For, Scan
from probtensor.lower.plan import Plan
from probtensor.schedule.strips.forms import Jammed, Routine, Strip, Stripped
from probtensor.targets.machine.code import Assembler, Label, Value
from probtensor.targets.machine.statements import Statements
from probtensor.targets.machine.target import encode


class _Noting(Assembler):
    """Notes the part of each instruction."""

    def __init__(self, instructions: Mapping[str, int], sizes: int, buffers: int) -> None:
        super().__init__(instructions, sizes, buffers)
        self.present: Part | None = None
        self.noted: dict[int, tuple[object, Part | None]] = {}  # by the id of the line, kept alive
        self.parts: list[Part | None] = []

    def emit(self, *args: object, at: int = -1, **operands: object) -> None:
        super().emit(*args, at=at, **operands)
        line = self.scopes[at].lines[-1]
        self.noted[id(line)] = line, self.present

    def more(self, a: int = 0, b: int = 0, c: int = 0) -> None:
        super().more(a, b, c)
        line = self.scopes[-1].lines[-1]
        self.noted[id(line)] = line, self.present

    def code(self, begins: list[int]) -> tuple[array, array]:
        lines = [x for x in self.scopes[0].lines if x.__class__ is not Label]
        self.parts = [self.noted.get(id(line), (line, None))[1] for line in lines]
        return super().code(begins)


class _NotingStatements(Statements):
    """Encodes statements, and tells the assembler for which part."""

    kernel = ""
    outer = -1
    loops_seen = 0

    def body(self, body: Iterable[Stripped]) -> None:
        for stmt in body:
            top = self.code.depth == 0 and isinstance(stmt, (For, Scan, Strip, Jammed))
            if top:
                self.outer, self.loops_seen = self.loops_seen, self.loops_seen + 1
            self.statement(stmt)
            if top:
                self.outer = -1

    def statement(self, stmt: Stripped) -> None:
        before = self.code.present
        self.code.present = Part(
            self.kernel, getattr(stmt, "origin", ""), operation_of(stmt), self.outer
        )
        super().statement(stmt)
        self.code.present = before

    def expr(self, expr: Expr, into: int = -1) -> Value:
        mark = mark_of(expr)
        if mark is None:
            return super().expr(expr, into)
        before = self.code.present
        self.code.present = Part(self.kernel, *mark, self.outer)
        made = super().expr(expr, into)
        self.code.present = before
        return made

    def routine(self, stmt: Routine, turns: int = -1, ordered: bool = False) -> None:
        before = self.code.present
        origin = getattr(stmt, "origin", "")
        if origin:
            self.code.present = Part(self.kernel, origin, operation_of(stmt), self.outer)
        super().routine(stmt, turns, ordered)
        self.code.present = before

    def _fold(self, acc: Acc, lanes: int, width: int, fused: bool) -> None:
        with _During(self, acc):
            super()._fold(acc, lanes, width, fused)

    def _fold_in_order(self, acc: Acc, cell: int) -> None:
        with _During(self, acc):
            super()._fold_in_order(acc, cell)

    def _accumulate(self, acc: Acc, cell: int) -> None:
        with _During(self, acc):
            super()._accumulate(acc, cell)


class _During:
    """A block that encodes a fold."""

    def __init__(self, statements: _NotingStatements, acc: Acc) -> None:
        self.code = statements.code
        op = FOLD_NAMES.get(acc.op, acc.op)
        self.part = Part(statements.kernel, acc.origin, op, statements.outer)

    def __enter__(self) -> None:
        self.before, self.code.present = self.code.present, self.part

    def __exit__(self, *error: object) -> None:
        self.code.present = self.before


def parts_of_program(plan: Plan) -> list[Part | None]:
    """The part of each instruction of the program of a plan with marked operations."""
    names = iter([kernel.name for kernel in plan.kernels])
    made: list[_Noting] = []

    def assembler(instructions: Mapping[str, int], sizes: int, buffers: int) -> _Noting:
        made.append(_Noting(instructions, sizes, buffers))
        return made[-1]

    def encoder(code, sizes, pointers, dtypes) -> Statements:
        found = _NotingStatements(code, sizes, pointers, dtypes)
        found.kernel = next(names)
        return found

    encode(plan, assembler, encoder)
    return made[0].parts
