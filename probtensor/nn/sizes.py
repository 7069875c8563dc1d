"""Arguments that convolutions and pools share: numbers for each axis, what is around an input."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from probtensor import ops
from probtensor.graph.node import GraphError, Node
from probtensor.ops.arrays.require import asked_for
from probtensor.ops.reductions.folds import described, one_integer
from probtensor.types import Dim, Size, SizeCheck, size_max

Padding = int | str | Sequence
WORDS = ("valid", "same", "causal")


def each_of(what: str, name: str, given: object, rank: int, least: int = 1) -> tuple[int, ...]:
    """A number for all axes, or one for each, from `least` on; GraphError for anything else."""
    several = isinstance(given, (tuple, list, np.ndarray))
    values = tuple(given) if several else (given,) * rank
    if several and len(values) == 1:
        values *= rank
    if len(values) != rank:
        wanted = "one number" if rank == 1 else f"one number, or one for each of {rank} axes"
        raise GraphError(f"{what}: {name} is {wanted}, not {given!r:.60}")
    found = tuple(one_integer(v, f"{what}: {name}", tensors=False) for v in values)
    for n in found:
        if isinstance(n, Dim) or n < least:
            raise GraphError(f"{what}: {name} is a whole number from {least} on, not {n}")
    return found


def pads_of(
    what: str,
    padding: object,
    sizes: Sequence[Size],
    spans: Sequence[Size],
    strides: Sequence[int],
) -> list[tuple[Size, Size]]:
    """How many elements are put before and after each axis of an input."""
    rank = len(sizes)
    if isinstance(padding, str):
        if padding not in WORDS or (padding == "causal" and rank > 1):
            known = ", ".join(repr(word) for word in (WORDS if rank == 1 else WORDS[:2]))
            raise GraphError(f"{what}: padding is sizes or one of {known}, not {padding!r:.60}")
        if padding == "valid":
            return [(0, 0)] * rank
        if padding == "causal":
            return [(spans[0] - 1, 0)]
        return [_same(n, span, s) for n, span, s in zip(sizes, spans, strides)]
    entries = list(padding) if isinstance(padding, (tuple, list, np.ndarray)) else [padding] * rank
    pairs = any(isinstance(entry, (tuple, list, np.ndarray)) for entry in entries)
    if rank == 1 and not pairs and len(entries) == 2:
        entries = [entries]
    found = []
    for entry in entries if len(entries) == rank else [()]:
        both = tuple(entry) if isinstance(entry, (tuple, list, np.ndarray)) else (entry, entry)
        if len(both) != 2:
            raise GraphError(
                f"{what}: padding is a number, one for each of {rank} axes, a pair (before, after) "
                f"for each, or a word, not {padding!r:.60}"
            )
        found.append(each_of(what, "padding", both, 2, least=0))
    return found


def _same(n: Size, span: Size, stride: int) -> tuple[Size, Size]:
    """The elements around an axis that give ceil(n / stride) windows, the odd one behind."""
    last = (n + stride - 1) // stride - 1
    total = size_max(last * stride + span - n, 0) if stride > 1 else span - 1
    before = total // 2
    return before, total - before


def padded(
    what: str,
    x: Node,
    pads: Sequence[tuple[Size, Size]],
    spans: Sequence[Size],
    reaching: str,
    value: object = 0,
) -> Node:
    """x with elements around its last axes, which windows of these sizes are within."""
    first = x.ndim - len(pads)
    for k, ((before, after), span) in enumerate(zip(pads, spans)):
        n = x.shape[first + k] + before + after
        around = "" if (before, after) == (0, 0) else " with its padding"
        text = (f"the {reaching} reaches over ", span, " elements of axis ", first + k, around,
                ", which has ", n, "; padding makes it larger")  # fmt: skip
        if isinstance(n, int) and isinstance(span, int) and span > n:
            raise GraphError(
                f"{what}: the {reaching} reaches over {span} elements of axis {first + k}{around}, "
                f"which has {n}; padding makes it larger{described(x)}"
            )
        x = asked_for(x, what, SizeCheck(span, "<=", n, text))
    if all(isinstance(p, int) and p == 0 for pair in pads for p in pair):
        return x
    return ops.pad(x, [(0, 0)] * first + list(pads), constant_values=value)
