"""Sizes in values: in tuples, dataclasses, and values that say themselves which sizes they have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from probtensor.dataclass import fields, is_dataclass
from probtensor.types.size import Atom, Dim, Size, atoms_in


class HoldsSizes:
    """A value with sizes in it that are none of its fields, such as the body of an op."""

    def sourced_atoms(self) -> Iterable[Atom]:
        """The atoms with a source in these sizes."""
        raise NotImplementedError

    def resized(self, names: Mapping[str, Size]) -> HoldsSizes:
        """The value with sizes substituted for names, by key; itself if nothing changes."""
        raise NotImplementedError

    def size_names(self) -> set[str]:
        """The keys of the names in these sizes."""
        raise NotImplementedError


@cache
def field_names(kind: type) -> tuple[str, ...]:
    """The names of the fields of a dataclass; none for another class."""
    return tuple(f.name for f in fields(kind)) if is_dataclass(kind) else ()


def sourced_atoms(value: object) -> Iterable[Atom]:
    """The atoms with a source in a size, or in a value that holds sizes: a tuple or a dataclass."""
    if not Atom.sourced:
        return
    if isinstance(value, Dim):
        yield from (atom for atom in atoms_in(value) if atom.source is not None)
        return
    if isinstance(value, HoldsSizes):
        yield from value.sourced_atoms()
        return
    parts = value if isinstance(value, tuple) else ()
    if not isinstance(value, (tuple, type)):
        parts = [getattr(value, name) for name in field_names(type(value))]
    for part in parts:
        yield from sourced_atoms(part)


def sources(value: object) -> tuple:
    """What computes the sizes in such a value, where data decide them; each once."""
    if not Atom.sourced:
        return ()
    return tuple(dict.fromkeys(atom.source for atom in sourced_atoms(value)))
