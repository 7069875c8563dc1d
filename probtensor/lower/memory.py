"""Lifetimes of temporaries to offsets in one arena."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from probtensor.lower.plan import ALIGNMENT, Plan


def layout(plan: Plan, sizes: Mapping[str, int]) -> tuple[int, dict[int, int]]:
    """Bytes of the arena and the offset of each temp, for given sizes.

    Greedy best fit over live intervals, largest first: two temps share bytes only if no kernel
    needs both. Within a few percent of optimal for the shapes that come up, and short.
    """
    bytes_of = {
        k: _aligned(prod(plan.shape(k, sizes)) * plan.buffers[k].itemsize) for k in plan.lifetimes
    }
    placed: list[tuple[int, int, int]] = []  # offset, end, buffer
    offsets: dict[int, int] = {}
    for k in sorted(plan.lifetimes, key=lambda k: (-bytes_of[k], k)):
        first, last = plan.lifetimes[k]
        offset = 0
        for start, end, other in sorted(placed):
            born, dies = plan.lifetimes[other]
            if born <= last and first <= dies and start < offset + bytes_of[k] and offset < end:
                offset = end
        offsets[k] = offset
        placed.append((offset, offset + bytes_of[k], k))
    return max((end for _, end, _ in placed), default=0), offsets


def _aligned(size: int) -> int:
    return max(ALIGNMENT, -(-size // ALIGNMENT) * ALIGNMENT)
