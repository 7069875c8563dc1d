"""Memory of one call: what its buffers take, and what holds the temporaries at their peak."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from probtensor.graph.node import line_of
from probtensor.inspect.profile.rows import Held, MemoryUse
from probtensor.lower.memory import layout
from probtensor.lower.plan import Plan


def memory_of(plan: Plan, sizes: Mapping[str, int]) -> MemoryUse:
    """The memory of a call with these sizes."""
    bytes_of = [prod(plan.shape(k, sizes)) * b.itemsize for k, b in enumerate(plan.buffers)]
    roles = {"input": 0, "output": 0, "constant": 0, "temp": 0}
    for k, buffer in enumerate(plan.buffers):
        roles[buffer.role] += bytes_of[k]
    arena = sum(layout(plan, sizes, stage)[0] for stage in range(len(plan.starts)))
    live = {
        kernel: [k for k, (first, last) in plan.lifetimes.items() if first <= kernel <= last]
        for kernel in range(len(plan.kernels))
    }
    at = max(live, key=lambda n: sum(bytes_of[k] for k in live[n]), default=0)
    held = [
        Held(plan.buffers[k].name, plan.buffers[k].role, bytes_of[k], line_of(plan.buffers[k].node))
        for k in live.get(at, ())
    ]
    name = plan.kernels[at].name if plan.kernels else ""
    held.sort(key=lambda h: -h.bytes)
    return MemoryUse(
        roles["input"], roles["output"], roles["constant"], arena, name, tuple(held)
    )
