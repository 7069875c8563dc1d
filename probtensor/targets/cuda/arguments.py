"""What kernels are given: the structures that launches pack and modules declare."""

from __future__ import annotations

import functools

from probtensor.device.structs import Struct


@functools.lru_cache(maxsize=256)
def arguments(buffers: int, sizes: int, shared: int) -> Struct:
    """`pt_args`, the argument of every kernel of a plan: addresses of buffers, sizes, memory shared
    by phases, partial folds, counters of blocks, where a failed check leaves its number, and
    whether all addresses are multiples of 16."""
    return Struct(
        "pt_args",
        ("void *", "b", max(1, buffers)),
        ("long long", "n", max(1, sizes)),
        ("void *", "s", max(1, shared)),
        ("double *", "partial"),
        ("unsigned *", "counters"),
        ("int *", "status"),
        ("long long", "aligned"),
    )


@functools.lru_cache(maxsize=256)
def shared_data(buffers: int, sizes: int, temporaries: int) -> Struct:
    """`pt_data`, what all rows of a batched program share: addresses of buffers, sizes, offsets of
    temporaries in a workspace."""
    return Struct(
        "pt_data",
        ("void *", "b", max(1, buffers)),
        ("long long", "n", max(1, sizes)),
        ("long long", "o", max(1, temporaries)),
    )
