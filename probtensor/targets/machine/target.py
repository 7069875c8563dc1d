"""The target that needs no compiler: a plan as a program of the prebuilt machine."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable

from cython_ext.machine import Program
from probtensor.lower.plan import Plan
from probtensor.schedule.strips.passes import strip
from probtensor.schedule.strips.text import to_text
from probtensor.targets.base import Built
from probtensor.targets.cython.loader import addresses
from probtensor.targets.machine.code import FIRST, Assembler
from probtensor.targets.machine.encoded import Encoded
from probtensor.targets.machine.levels import machine
from probtensor.targets.machine.statements import Statements


class MachineTarget:
    """Encodes plans as programs."""

    name = "machine"

    def build(self, plan: Plan) -> Built:
        """A plan as a program. BuildError where the machine lacks an instruction."""
        began = time.perf_counter()
        encoded = encode(plan)
        return _built(encoded, encoded.to_text(machine().names), began)

    def load(self, source: str) -> Built | None:
        """The program of a text that `Built.stored` was; None if it is not one of this machine."""
        began = time.perf_counter()
        encoded = Encoded.of_text(source, machine().names)
        return None if encoded is None else _built(encoded, source, began)

    def schedule(self, plan: Plan) -> str:
        """The strips of each kernel, as text."""
        strips = [(kernel.name, strip(kernel.body, ordered=True)) for kernel in plan.kernels]
        return "".join(to_text(name, body) for name, body in strips)


def _built(encoded: Encoded, text: str, began: float) -> Built:
    """The program, linked and ready to run."""
    cells = array("q", encoded.cells)
    if encoded.links:
        for name, address in addresses(encoded.links).items():
            cells[encoded.links[name]] = address
    program = Program(
        machine().table, machine().pairs, encoded.lines, encoded.starts, cells, encoded.registers,
        encoded.sizes, encoded.buffers, encoded.frame_bytes,
    )  # fmt: skip
    timings = {"encode": time.perf_counter() - began}
    return Built(machine().run, timings=timings, owner=program, program=program, stored=text)


def encode(
    plan: Plan,
    assembler: type[Assembler] = Assembler,
    encoder: Callable[..., Statements] = Statements,
) -> Encoded:
    """The program of a plan, not yet linked. `assembler` collects its instructions; `encoder`,
    given that, cells of sizes and buffers and their dtypes, encodes the statements of a kernel."""
    here = machine()
    sizes = {source.name: FIRST + k for k, source in enumerate(plan.sizes)}
    first = FIRST + len(plan.sizes)
    pointers = {buffer.name: first + k for k, buffer in enumerate(plan.buffers)}
    dtypes = {buffer.name: buffer.dtype for buffer in plan.buffers}
    code = assembler(here.instructions, len(plan.sizes), len(plan.buffers))
    begins = []
    for stage in range(len(plan.starts)):
        begins.append(len(code.scopes[0].lines))
        for kernel in plan.stage_kernels(stage):
            code.scopes[0].indices.clear()
            encoder(code, sizes, pointers, dtypes).body(strip(kernel.body, ordered=True))
        code.emit("end")
    lines, starts = code.code(begins)
    registers = array("q")
    for register in code.registers:
        registers.extend((register.cell, register.loads, code.cell_bytes + register.offset))
    return Encoded(
        lines, starts, array("q", code.cells), registers, dict(code.links),
        len(plan.sizes), len(plan.buffers), code.frame_bytes,
    )  # fmt: skip
