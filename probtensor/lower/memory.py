"""Lifetimes of temporaries to offsets in one arena."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from probtensor.lower.plan import ALIGNMENT, Plan


def layout(plan: Plan, sizes: Mapping[str, int]) -> tuple[int, dict[int, int]]:
    """Bytes of the arena and the offset of each temp, for given sizes.

    Greedy first fit, largest first: two temps may overlap in the arena only if their live ranges do
    not. In practice within a few percent of optimal.
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
            other_first, other_last = plan.lifetimes[other]
            both_live = other_first <= last and first <= other_last
            if both_live and start < offset + bytes_of[k] and offset < end:
                offset = end
        offsets[k] = offset
        placed.append((offset, offset + bytes_of[k], k))
    return max((end for _, end, _ in placed), default=0), offsets


def _aligned(size: int) -> int:
    return max(ALIGNMENT, -(-size // ALIGNMENT) * ALIGNMENT)
