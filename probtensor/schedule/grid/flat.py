"""Nested loops collapsed into one: iterations numbered in row-major order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from probtensor.kernel.ir import Stmt, map_indices
from probtensor.kernel.simplify import coefficient
from probtensor.types import Dim, Size, size_substitute


def flat_index(loops: Sequence[tuple[str, Size]]) -> Size:
    """The row-major number of an iteration of nested loops, which are given as (variable, extent),
    outermost first."""
    index: Size = 0
    for name, extent in loops:
        index = index * extent + Dim.name(name)
    return index


def flattened(
    body: Sequence[Stmt], loops: Sequence[tuple[str, Size]], flat: str
) -> tuple[Stmt, ...]:
    """The statements with `flat` in place of the loop variables in each index that is the row-major
    number of the iteration plus a loop-invariant offset."""
    number = flat_index(loops)
    strides = []
    stride: Size = 1
    for name, extent in reversed(loops):
        strides.append((name, stride))
        stride = stride * extent

    def size(index: Size) -> Size:
        matching = all(coefficient(index, name) == factor for name, factor in strides)
        return index - number + Dim.name(flat) if matching else index

    return tuple(map_indices(stmt, size) for stmt in body)


def fixed(body: Sequence[Stmt], names: Mapping[str, Size]) -> tuple[Stmt, ...]:
    """The statements with sizes substituted for variables in all indices."""
    return tuple(map_indices(stmt, lambda index: size_substitute(index, names)) for stmt in body)
