"""Sizes in values: in tuples, dataclasses, and values that say themselves which sizes they have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from probtensor.dataclass import fields, is_dataclass
from probtensor.types.size import Atom, Dim, Size


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


def sourced_atoms(value: object) -> list[Atom]:
    """The atoms with a source in a size, or in a value that holds sizes: a tuple or a dataclass."""
    found: list[Atom] = []
    if Atom.sourced:
        _gather(value, found)
    return found


def _gather(value: object, found: list[Atom]) -> None:
    """Append these atoms, in order."""
    names = _looked_at(type(value))
    if names is not None:
        for name in names:
            _gather(getattr(value, name), found)
    elif isinstance(value, Dim):
        found += value.sourced
    elif isinstance(value, HoldsSizes):
        found += value.sourced_atoms()
    else:
        for part in value:
            if type(part) is not int:
                _gather(part, found)


# Fields of these names hold no sizes.
_WITHOUT_SIZES = {"dtype"}


@cache
def _looked_at(kind: type) -> tuple[str, ...] | None:
    """The fields of a class in which there may be sizes; None where it has them elsewhere."""
    if issubclass(kind, (Dim, HoldsSizes, tuple)):
        return None
    names = () if issubclass(kind, type) else field_names(kind)
    return tuple([name for name in names if name not in _WITHOUT_SIZES])


def sources(value: object) -> tuple:
    """What computes the sizes in such a value, where data decide them; each once."""
    found = sourced_atoms(value) if Atom.sourced else ()
    return tuple(dict.fromkeys([atom.source for atom in found])) if found else ()
