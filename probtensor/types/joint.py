"""Sizes that axes of different symbolic sizes broadcast to (`size_joint`): which they are made of,
and what they are where those are equal."""

from __future__ import annotations

from functools import lru_cache

from probtensor.types.size import JOINT, SIZE_FUNCTIONS, Atom, Dim, Size, atoms_in, with_atoms


def joints(size: Size) -> tuple[tuple[Size, ...], ...]:
    """The sizes that are broadcast together in a size, inner ones first."""
    return _joints(size) if Atom.joined and isinstance(size, Dim) else ()


@lru_cache(4096)
def _joints(size: Dim) -> tuple[tuple[Size, ...], ...]:
    return tuple(atom.args for atom in atoms_in(size) if atom.name == JOINT and atom.args)[::-1]


def without_joints(size: Size) -> Size:
    """The size where sizes that are broadcast together are equal: the first of them."""
    return _without(size) if joints(size) else size


@lru_cache(4096)
def _without(size: Dim) -> Size:
    def changed(atom: Atom) -> Size:
        if not atom.args:
            return Dim.of(atom)
        args = [without_joints(arg) for arg in atom.args]
        return args[0] if atom.name == JOINT else SIZE_FUNCTIONS[atom.name](*args)

    return with_atoms(size, changed)
