"""What may make a function faster: a few rules over its profile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike

from probtensor.graph.closed import with_bodies
from probtensor.graph.node import Node, line_of
from probtensor.graph.walk import toposort
from probtensor.inspect.profile.rows import Profile, duration, number, short
from probtensor.inspect.subject import Subject
from probtensor.targets.auto.cost import has_compiler

TINY_KERNELS, TINY_SECONDS = 8, 1e-6
RECOMPILED = 3
NEAR = 0.6  # of what memory can do


def tips_for(
    profile: Profile, function: Subject, args: Sequence[ArrayLike]
) -> tuple[str, ...]:
    """Advice on one function, which has been profiled on these arguments."""
    found = [*_copies(function, args), *_python(profile), *_kernels(profile), *_limits(profile)]
    found += _widened(toposort(function.compilation.lowered().written))
    if profile.target == "machine" and has_compiler():
        found.append("native code is not built yet: pt.function(..., build='now') builds it")
    others = len(getattr(function, "_broadcast", ()))
    if others >= RECOMPILED:
        found.append(f"it was compiled {others} more times for sizes 1 that are broadcast: declare "
                     "them, as in pt.tensor(shape=(1, None))")  # fmt: skip
    return tuple(found)


def _copies(function: Subject, args: Sequence[ArrayLike]) -> Iterator[str]:
    """Arguments that each call converts or copies."""
    for x, value in zip(function.inputs, args):
        node, name = x.variable, x.name or "an argument"
        if not isinstance(value, np.ndarray):
            if np.ndim(value):
                yield f"{name} is a {type(value).__name__}: each call makes an array of it"
        elif node.dtype.kind != "c" and value.dtype != node.dtype:
            yield f"{name} is {value.dtype}: each call converts {number(value.nbytes)}B"
        elif not value.flags.c_contiguous:
            yield (f"{name} is not C-contiguous: each call copies {number(value.nbytes)}B "
                   "(np.ascontiguousarray once, before)")  # fmt: skip


def _python(profile: Profile) -> Iterator[str]:
    if profile.python > profile.total:
        yield (f"{duration(profile.python)} of a call are Python, more than the plan takes: one "
               "call for many rows (pt.vmap), bound arrays (f.bind), or `f.address` from C")


def _kernels(profile: Profile) -> Iterator[str]:
    tiny = [row for row in profile.rows if row.seconds < TINY_SECONDS]
    if len(tiny) >= TINY_KERNELS:
        yield (f"{len(tiny)} of {len(profile.rows)} kernels take less than "
               f"{duration(TINY_SECONDS)} each: more rows at a time would use their loops")


def _limits(profile: Profile) -> Iterator[str]:
    if profile.peaks is None or not profile.rows:
        return
    top = max(profile.rows, key=lambda row: row.seconds)
    moved = (top.bytes or 0.0) / top.seconds if top.seconds else 0.0
    if top.bytes and moved > NEAR * profile.peaks.bandwidth and top.bytes > 1e7:
        yield (f"{top.kernel} moves {1e-9 * moved:.1f} GB/s, as this machine can: fewer bytes "
               "(float32, fewer passes over the data) make it faster, fewer flops do not")


def _widened(order: Sequence[Node]) -> Iterator[str]:
    """Lines at which float32 becomes float64, for an operand that is float64."""
    told: set[str] = set()
    for node in with_bodies(order):
        casts = [x for x in node.inputs if _widens(x)]
        if not casts or len(node.inputs) < 2:
            continue
        wide = [x for x in node.inputs if not _widens(x) and _dtype(x) == "float64"]
        line = line_of(node)
        if wide and line not in told:
            told.add(line)
            what = wide[0].name or ("a constant" if not wide[0].inputs else "an operand")
            yield (f"{short(line)}: float32 is widened, since {what} is float64 (made at "
                   f"{short(line_of(wide[0]))})")


def _widens(x: Node) -> bool:
    return len(x.inputs) == 1 and (
        type(x.op).__name__ == "Cast" and _dtype(x) == "float64"
        and _dtype(x.inputs[0]) == "float32"
    )  # fmt: skip


def _dtype(x: Node) -> str:
    return "" if isinstance(x.type, tuple) else str(x.type.dtype)
