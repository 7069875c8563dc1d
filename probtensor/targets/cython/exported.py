"""The exported function of a module: the calls of its kernels, stage by stage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from probtensor.kernel.ir import Kernel
from probtensor.lower.plan import Plan


class Body(Protocol):
    """The function of a kernel, as it is called."""

    kernel: Kernel
    checks: bool

    def parameters(self) -> Sequence[tuple[str, str]]:
        """Its buffers, with their types."""


def exported(plan: Plan, bodies: Sequence[Body]) -> str:
    """The text of `pt_plan`. The number of the stage stands after the sizes, if there are several
    stages."""
    lines = ["cdef int pt_plan(void** b, const int64_t* n) noexcept nogil:"]
    lines.append("    cdef int status = 0")
    if not plan.staged:
        lines += _calls(plan, bodies, "    ")
    for stage in range(len(plan.starts) if plan.staged else 0):
        lines.append(f"    {'elif' if stage else 'if'} n[{len(plan.sizes)}] == {stage}:")
        first, *last = plan.starts[stage : stage + 2]
        calls = _calls(plan, bodies[first : last[0] if last else None], "        ")
        lines += list(calls) or ["        pass"]
    lines += ["    return status", "", "", "address = <size_t> &pt_plan", ""]
    return "\n".join(lines)


def _calls(plan: Plan, bodies: Sequence[Body], pad: str) -> Iterator[str]:
    position = {buffer.name: k for k, buffer in enumerate(plan.buffers)}
    for body in bodies:
        args = [f"<{kind}> b[{position[name]}]" for name, kind in body.parameters()]
        call = f"{body.kernel.name}({', '.join([*args, 'n'])})"
        yield f"{pad}status = {call} or status" if body.checks else f"{pad}{call}"
