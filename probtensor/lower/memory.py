"""Lifetimes of temporaries to offsets in one arena."""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping
from math import prod

from probtensor.lower.plan import ALIGNMENT, Plan


def layout(plan: Plan, sizes: Mapping[str, int], stage: int = 0) -> tuple[int, dict[int, int]]:
    """Bytes of the arena of a stage and the offset of each of its temps, for given sizes.

    Greedy first fit, largest first: two temps may overlap in the arena only if their live ranges do
    not. In practice within a few percent of optimal.
    """
    temps = plan.temps(stage)
    bytes_of = {
        k: _aligned(prod(plan.shape(k, sizes)) * plan.buffers[k].itemsize) for k in temps
    }
    placed: list[tuple[int, int, int]] = []  # offset, end, buffer, in order
    offsets: dict[int, int] = {}
    for k in sorted(temps, key=lambda k: (-bytes_of[k], k)):
        first, last = plan.lifetimes[k]
        offset = 0
        for start, end, other in placed:
            if start >= offset + bytes_of[k]:
                break
            other_first, other_last = plan.lifetimes[other]
            if other_first <= last and first <= other_last and offset < end:
                offset = end
        offsets[k] = offset
        insort(placed, (offset, offset + bytes_of[k], k))
    return max((end for _, end, _ in placed), default=0), offsets


def _aligned(size: int) -> int:
    return max(ALIGNMENT, -(-size // ALIGNMENT) * ALIGNMENT)
