"""The passes over a kernel with loops in order, one after the other."""

from __future__ import annotations

from collections.abc import Mapping

from probtensor.kernel.ir import Let, Scan, Stmt, exprs_of, indices_of, map_blocks, walk
from probtensor.kernel.scans.choose import Storage, chosen, scalars
from probtensor.kernel.scans.inplace import in_place
from probtensor.kernel.scans.promote import with_scalars
from probtensor.kernel.scans.substitute import Names
from probtensor.kernel.scans.unroll import unrolled
from probtensor.kernel.touch import expr_names
from probtensor.types import size_names


def with_small_states(
    body: tuple[Stmt, ...], storages: Mapping[str, Storage]
) -> tuple[Stmt, ...]:
    """The statements of a kernel with the small states of its loops in order as scalars, and the
    others updated in place. Statements without a `Scan` are returned as they are."""
    if not any(isinstance(stmt, Scan) for stmt in walk(body)):
        return body
    names = Names(body)
    loops = chosen(body, storages)
    if loops:
        body = unrolled(body, loops, names)
    found, in_memory = scalars(body, storages)
    body = with_scalars(body, found, in_memory, names)
    return without_unread(in_place(body, storages, names))


def without_unread(body: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
    """The statements without locals that nothing reads."""
    read: set[str] = set()
    return _read_in(body, read)


def _read_in(body: tuple[Stmt, ...], read: set[str]) -> tuple[Stmt, ...]:
    """The statements of a block whose locals are in `read`, or that define none; adds the names
    that they read. A local is defined before it is read, so the last statement comes first."""
    done: list[Stmt] = []
    for stmt in reversed(body):
        if isinstance(stmt, Let):
            if stmt.name in read:
                read.update(expr_names(stmt.expr))
                done.append(stmt)
            continue
        read.update(*map(expr_names, exprs_of(stmt)), *map(size_names, indices_of(stmt)))
        done.append(map_blocks(stmt, lambda inner: _read_in(inner, read)))
    return tuple(reversed(done))
