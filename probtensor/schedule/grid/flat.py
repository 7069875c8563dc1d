"""Several loops as one: places numbered in row-major order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from probtensor.kernel.ir import Stmt, map_indices
from probtensor.kernel.simplify import coefficient
from probtensor.types import Dim, Size, size_substitute


def flat_place(loops: Sequence[tuple[str, Size]]) -> Size:
    """The number of a turn of nested loops, given as (variable, extent), outermost first."""
    place: Size = 0
    for name, extent in loops:
        place = place * extent + Dim.name(name)
    return place


def flattened(
    body: Sequence[Stmt], loops: Sequence[tuple[str, Size]], flat: str
) -> tuple[Stmt, ...]:
    """The statements with `flat` in place of the loops' variables where an index is their number,
    up to a fixed distance."""
    whole = flat_place(loops)
    strides = []
    stride: Size = 1
    for name, extent in reversed(loops):
        strides.append((name, stride))
        stride = stride * extent

    def size(index: Size) -> Size:
        matching = all(coefficient(index, name) == factor for name, factor in strides)
        return index - whole + Dim.name(flat) if matching else index

    return tuple(map_indices(stmt, size) for stmt in body)


def fixed(body: Sequence[Stmt], names: Mapping[str, Size]) -> tuple[Stmt, ...]:
    """The statements with variables replaced in all indices."""
    return tuple(map_indices(stmt, lambda index: size_substitute(index, names)) for stmt in body)
