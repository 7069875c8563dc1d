"""Sizes of axes: integers, or polynomials in names whose values only a call gives.

A size is an `int` or a `Dim`. A `Dim` is a polynomial with integer coefficients over atoms; an atom
is a name, or a floor division, minimum or maximum of other sizes. Polynomials have one canonical
form, so two sizes are equal exactly when their expansions are: `(n + 1) * m == m + n * m` holds,
and shapes can be compared while a graph is built.

The sizes of two inputs with the same name print alike and differ in the uid of the input. So tables
of values are indexed by the `key` of an atom; `str` is only for people.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, reduce
from operator import attrgetter
from types import FrameType
from typing import ClassVar

import numpy as np

from probtensor.dataclass import dataclass, field
from probtensor.process import computed_once


class ShapeError(ValueError):
    """Shapes that do not fit together."""


@dataclass(frozen=True)
class Atom:
    """What a `Dim` is a polynomial in: a name, or `name(args)` for //, min and max.

    `uid` is that of the input which the name is a size of; empty for all other names. `source` is
    what computes the value, where data decide it (`graph/sizes.py`); it is opaque here.
    """

    name: str
    args: tuple[Size, ...] = ()
    uid: str = ""
    source: object = field(default=None, compare=False, repr=False)
    sourced: ClassVar[bool] = False  # whether any atom with a source was ever made
    joined: ClassVar[bool] = False  # whether any atom was, that sizes broadcast to

    @staticmethod
    def made(name: str, args: tuple[Size, ...], uid: str, source: object) -> Atom:
        """The atom, which may have a source."""
        Atom.sourced |= source is not None
        Atom.joined |= name == JOINT
        return Atom(name, args, uid, source)

    def __reduce__(self) -> tuple:
        return Atom.made, (self.name, self.args, self.uid, self.source)

    def __hash__(self) -> int:
        return self._hash

    @computed_once
    def _hash(self) -> int:
        return hash((self.name, self.args, self.uid))

    @computed_once
    def key(self) -> str:
        """The text that identifies the atom: the key of its value in tables, and its sort key."""
        if not self.args:
            return f"{self.name}#{self.uid}" if self.uid else self.name
        return self.text(_key)

    def text(self, spelled: Callable[[Atom], str]) -> str:
        """The atom as text, with its names written by `spelled`."""
        if not self.args:
            return spelled(self)
        args = [size_text(arg, spelled) for arg in self.args]
        return f"({args[0]})//{args[1]}" if self.name == "//" else f"{self.name}({', '.join(args)})"

    def __str__(self) -> str:
        return self.text(_name)


_key, _name = attrgetter("key"), attrgetter("name")


@dataclass(frozen=True)
class Dim:
    """A symbolic size: a sum of `coefficient * product of atoms`, in canonical order.

    Supports +, -, * with sizes, and // and % by sizes (an exact quotient where there is one, else
    an atom). A comparison is a bool where it has the same result for all values of the names.
    Otherwise `==` compares the polynomials if library code calls it, and gives users a tensor,
    evaluated at each call. `graph/sizes.py` defines that, and the other operations that turn a size
    into a tensor.

        >>> n = pt.vector("x").shape[0]
        >>> pt.zeros((n, 2)).ndim
        2
    """

    terms: tuple[tuple[tuple[Atom, ...], int], ...]

    def __hash__(self) -> int:
        return self._hash

    @computed_once
    def _hash(self) -> int:
        return hash(self.terms)

    def __reduce__(self) -> tuple:
        return Dim, (self.terms,)  # hashes of strings differ between processes

    @staticmethod
    @lru_cache(4096)
    def name(name: str, uid: str = "") -> Dim:
        return Dim.of(Atom(name, (), uid))

    @staticmethod
    def of(atom: Atom) -> Dim:
        """The size that is one atom."""
        return Dim((((atom,), 1),))

    def __str__(self) -> str:
        return size_text(self, _name)

    __repr__ = __str__

    def __add__(self, other: Size) -> Size:
        if other.__class__ is int:
            return self._plus(other)
        if not is_size(other):
            return NotImplemented
        return from_terms(terms_of(self) + terms_of(other))

    def _plus(self, number: int) -> Dim:
        """The sum with an integer, which is the last term."""
        if not number:
            return self
        atoms, last = self.terms[-1]
        terms = self.terms if atoms else self.terms[:-1]
        number = number if atoms else number + last
        return Dim((*terms, ((), number)) if number else terms)

    def __mul__(self, other: Size) -> Size:
        if other.__class__ is int:
            if other in (0, 1):
                return self if other else 0
            return Dim(tuple([(atoms, factor * other) for atoms, factor in self.terms]))
        if not is_size(other):
            return NotImplemented
        return from_terms(
            (tuple(sorted(a + b, key=_key)), m * n)
            for a, m in self.terms
            for b, n in terms_of(other)
        )

    def __neg__(self) -> Size:
        return self * -1

    def __sub__(self, other: Size) -> Size:
        if not is_size(other):
            return NotImplemented
        return self + (-other)

    def __rsub__(self, other: Size) -> Size:
        return (-self) + other

    def __floordiv__(self, other: Size) -> Size:
        if not is_size(other):
            return NotImplemented
        return size_floordiv(self, other)

    def __rfloordiv__(self, other: Size) -> Size:
        return size_floordiv(other, self)

    def __mod__(self, other: Size) -> Size:
        return self - (self // other) * other

    __radd__, __rmul__ = __add__, __mul__

    def __eq__(self, other: object) -> object:
        same = self._same(other, sys._getframe(1))
        return self.undecided("__eq__", other) if same is None else same

    def __ne__(self, other: object) -> object:
        same = self._same(other, sys._getframe(1))
        if same is None:
            return self.undecided("__ne__", other)
        return same if same is NotImplemented else not same

    def _same(self, other: object, caller: FrameType) -> object:
        """Whether two sizes are equal; None where that depends on the call and a user compares."""
        if other.__class__ is Dim:
            if self.terms == other.terms:
                return True
        elif not isinstance(other, (int, float, np.number)):
            return NotImplemented
        # The library compares sizes in dicts, sets and shapes all the time: for its callers the
        # polynomials decide, which is fast.
        if caller.f_globals.get("__name__", "").partition(".")[0] == __name__.partition(".")[0]:
            return False
        if is_size(other):
            difference = self - other
            unequal = isinstance(difference, int) or _positive(difference) or _positive(-difference)
        else:
            unequal = not float(other).is_integer()
        return False if unequal else None

    def __lt__(self, other: object) -> object:
        return self._ordered("__lt__", other)

    def __le__(self, other: object) -> object:
        return self._ordered("__le__", other)

    def __gt__(self, other: object) -> object:
        return self._ordered("__gt__", other)

    def __ge__(self, other: object) -> object:
        return self._ordered("__ge__", other)

    def _ordered(self, relation: str, other: object) -> object:
        if not is_size(other):
            return NotImplemented
        more = self - other if relation in ("__gt__", "__ge__") else other - self
        if relation in ("__le__", "__ge__"):
            holds, fails = never_negative(more), _positive(-more)
        else:
            holds, fails = _positive(more), never_negative(-more)
        return holds if holds or fails else self.undecided(relation, other)

    def undecided(self, relation: str, other: object) -> object:
        """The result of a comparison that depends on the sizes of a call."""
        raise TypeError(f"{self} and {other} are not known while the graph is built")

    @computed_once
    def sourced(self) -> tuple[Atom, ...]:
        """The atoms with a source, outer ones first."""
        return tuple([atom for atom in atoms_in(self) if atom.source is not None])

    def names(self) -> frozenset[str]:
        """The keys of the names this size is computed from."""
        return self._names

    @computed_once
    def _names(self) -> frozenset[str]:
        found: set[str] = set()
        for atoms, _ in self.terms:
            for atom in atoms:
                if not atom.args:
                    found.add(atom.key)
                for arg in atom.args:
                    found |= size_names(arg)
        return frozenset(found)


_NO_NAMES: frozenset[str] = frozenset()
Size = int | Dim
Shape = tuple[Size, ...]


def size_text(size: Size, spelled: Callable[[Atom], str]) -> str:
    """A size as text in its canonical order, with its names written by `spelled`."""
    if not isinstance(size, Dim):
        return str(size)
    text = ""
    for atoms, factor in size.terms:
        parts = [atom.text(spelled) for atom in atoms]
        if abs(factor) != 1 or not parts:
            parts.insert(0, str(abs(factor)))
        sign = "-" if factor < 0 else "+"
        product = "*".join(parts)
        text += f" {sign} {product}" if text else f"{'-' if factor < 0 else ''}{product}"
    return text


def shape_text(shape: Iterable[Size]) -> str:
    """A shape as NumPy writes it, unknown sizes by name: `(3,)`, `(x.shape[0], 4)`."""
    sizes = list(map(str, shape))
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


def _joined_value(*sizes: int) -> int:
    """The size that sizes broadcast to."""
    return next((n for n in sizes if n != 1), 1)


JOINT = "broadcast"  # the name of the atoms that sizes broadcast to
_FUNCTIONS: dict[str, Callable] = {
    "//": lambda a, b: a // b, "min": min, "max": max, JOINT: _joined_value,
}  # fmt: skip


def is_size(value: object) -> bool:
    """Whether a value can be the size of an axis: an integer or a symbolic size."""
    return isinstance(value, (int, Dim, np.integer)) and not isinstance(value, bool)


def terms_of(size: Size) -> tuple[tuple[tuple[Atom, ...], int], ...]:
    """The terms of a size as a polynomial, as (atoms, factor)."""
    if isinstance(size, Dim):
        return size.terms
    return (((), int(size)),) if size else ()


def from_terms(terms: Iterable[tuple[tuple[Atom, ...], int]]) -> Size:
    """The sum of terms, in canonical form."""
    total: dict[tuple[Atom, ...], int] = {}
    for atoms, factor in terms:
        total[atoms] = total.get(atoms, 0) + factor
    nonzero = [(atoms, factor) for atoms, factor in total.items() if factor]
    if not nonzero:
        return 0
    if len(nonzero) == 1 and not nonzero[0][0]:
        return nonzero[0][1]
    # Longest products first, the constant last: the order people write them in.
    if len(nonzero) > 1:
        nonzero.sort(key=lambda term: (-len(term[0]), [a.key for a in term[0]]))
    return Dim(tuple(nonzero))


def _function(name: str, *args: Size) -> Size:
    return Dim.of(Atom(name, args))


def size_floordiv(top: Size, bottom: Size) -> Size:
    """top // bottom: the polynomial quotient if there is no remainder, else an opaque atom. Of an
    integer divisor, the quotient of the terms that are multiples of it, and an atom of the rest."""
    if bottom == 0:
        raise ShapeError(f"the size {top} // 0 is a division by zero")
    if isinstance(top, int) and isinstance(bottom, int):
        return top // bottom
    if bottom == 1:
        return top
    if isinstance(bottom, Dim) and top == bottom:
        return 1
    if isinstance(bottom, int):
        multiples = [(atoms, n // bottom) for atoms, n in terms_of(top) if n % bottom == 0]
        rest = from_terms([term for term in terms_of(top) if term[1] % bottom])
        if isinstance(rest, int):  # alone
            rest = rest // bottom
        else:
            rest = _function("//", rest, bottom)
        return from_terms(multiples) + rest if multiples else rest
    if len(bottom.terms) == 1:
        (divisor, factor) = terms_of(bottom)[0]
        quotient = []
        for atoms, coefficient in terms_of(top):
            rest = list(atoms)
            if coefficient % factor or any(rest.count(a) < divisor.count(a) for a in divisor):
                return _function("//", top, bottom)
            for atom in divisor:
                rest.remove(atom)
            quotient.append((tuple(rest), coefficient // factor))
        return from_terms(quotient)
    return _function("//", top, bottom)


def size_min(a: Size, b: Size) -> Size:
    """The smaller of two sizes: one of them where that is decidable, else an atom."""
    return _choose("min", a, b)


def size_max(a: Size, b: Size) -> Size:
    """The larger of two sizes: one of them where that is decidable, else an atom."""
    return _choose("max", a, b)


@lru_cache(4096)
def size_joint(*sizes: Size) -> Size:
    """The size that axes of these sizes broadcast to: the one that is not 1, if they differ.

    Different integers other than 1 are a ShapeError. Of symbolic sizes that are not the same, which
    may be 1 at a call, an atom.
    """
    found: dict[Size, None] = {}
    for size in sizes:
        atoms, factor = size.terms[0] if isinstance(size, Dim) else ((), 0)
        alone = factor == 1 and len(atoms) == 1 and len(size.terms) == 1
        found.update(dict.fromkeys(
            atoms[0].args if alone and atoms[0].name == JOINT else (size,)
        ))  # fmt: skip
    numbers = [n for n in found if isinstance(n, int) and n != 1]
    if len(numbers) > 1:
        raise ShapeError(f"{numbers[0]} and {numbers[1]}")
    others = [n for n in found if isinstance(n, Dim)]
    if numbers or len(others) < 2:
        return (numbers or others or [1])[0]
    args = tuple(sorted(others, key=lambda size: size_text(size, _key)))
    return Dim.of(Atom.made(JOINT, args, "", None))


def _choose(name: str, a: Size, b: Size) -> Size:
    difference = a - b
    if isinstance(difference, int):
        choose_a = difference <= 0 if name == "min" else difference >= 0
        return a if choose_a else b
    # Sizes are never negative, so 0 compares with any sum of names.
    for small, large in ((a, b), (b, a)):
        if small == 0 and _never_negative(large):
            return small if name == "min" else large
    return _function(name, *sorted((a, b), key=lambda size: size_text(size, _key)))


def _never_negative(size: Size) -> bool:
    return all(
        factor > 0 and all(map(_atom_never_negative, atoms)) for atoms, factor in terms_of(size)
    )


def _atom_never_negative(atom: Atom) -> bool:
    if not atom.args:
        return True
    signs = [_never_negative(arg) for arg in atom.args]
    return any(signs) if atom.name == "max" else all(signs)


def _positive(size: Size) -> bool:
    return never_negative(size - 1)


def never_negative(size: Size, depth: int = 6) -> bool:
    """Whether a size can be shown to be at least 0 for all values of its names.

    Minima, maxima and quotients are replaced by their bounds, one at a time, at most `depth` of
    those that have several.
    """
    if _never_negative(size):
        return True
    for position, (atoms, factor) in enumerate(terms_of(size) if depth else ()):
        atom, bounds = _product_bounds(atoms, factor)
        if not bounds:
            continue
        rest = from_terms(term for k, term in enumerate(terms_of(size)) if k != position)
        left = depth - (len(bounds) > 1)
        shown = (never_negative(rest + bound, left) for bound in bounds)
        # factor * min(a, b) equals factor * a or factor * b. If factor > 0 it is the smaller of
        # them, so both must do as a bound; if factor < 0 it is the larger, so one is enough.
        smaller = atom.name != "//" and (factor < 0) != (atom.name == "min")
        return all(shown) if smaller else any(shown)
    return False


def _bounds(atom: Atom, factor: int) -> tuple[Size, ...]:
    """Lower bounds of factor * atom; see `never_negative` for whether one or all are needed."""
    if not atom.args or atom.name == JOINT:
        return ()
    first, second = atom.args
    if atom.name != "//":
        return factor * first, factor * second
    if not isinstance(second, int) or second <= 0 or factor % second:
        return ()
    multiple = factor // second
    if factor < 0:
        return (first * multiple,)
    lowest = (first - (second - 1)) * multiple
    return (0, lowest) if _atom_never_negative(atom) else (lowest,)


def _product_bounds(atoms: tuple[Atom, ...], factor: int) -> tuple[Atom, tuple[Size, ...]]:
    """The first atom of a product that has bounds, where the others are never negative, and lower
    bounds of factor times the product; none if there is no such atom."""
    for k, atom in enumerate(atoms):
        rest = (*atoms[:k], *atoms[k + 1 :])
        if atom.args and all(map(_atom_never_negative, rest)):
            bounds = _bounds(atom, factor)
            return atom, tuple(b * Dim(((rest, 1),)) for b in bounds) if rest else bounds
    return atoms[0] if atoms else Atom("", ()), ()


def where_positive(size: Size) -> Size:
    """A simpler size that is equal wherever this one is positive: n - 1 for max(n - 1, 0)."""
    for atom in dict.fromkeys(atoms_in(size)):
        if atom.name == "max" and 0 in atom.args and _vanishes_with(size, atom):
            (other,) = (arg for arg in atom.args if arg != 0)
            return size_with(size, atom, other)
    return size


def _vanishes_with(size: Size, atom: Atom) -> bool:
    """Whether a size is 0 wherever an atom is 0."""
    try:
        return size_with(size, atom, 0) == 0
    except ShapeError:  # the atom is a divisor
        return False


def atoms_in(size: Size) -> Iterable[Atom]:
    """The atoms of a size, and those in their arguments, outer ones first."""
    for atoms, _ in terms_of(size):
        for atom in atoms:
            yield atom
            for arg in atom.args:
                yield from atoms_in(arg)


def size_with(size: Size, old: Atom, new: Size) -> Size:
    """The size with an atom replaced by another size."""

    def changed(atom: Atom) -> Size:
        if atom == old:
            return new
        args = (size_with(arg, old, new) for arg in atom.args)
        return SIZE_FUNCTIONS[atom.name](*args) if atom.args else Dim.of(atom)

    return with_atoms(size, changed)


def with_atoms(size: Size, value: Callable[[Atom], Size]) -> Size:
    """The polynomial with each of its atoms replaced by a size."""
    total: Size = 0
    for atoms, factor in terms_of(size):
        total = reduce(lambda product, atom: product * value(atom), atoms, factor) + total
    return total


@lru_cache(4096)
def size_quotients(size: Size) -> tuple[tuple[Size, Dim], ...]:
    """The quotients by symbolic sizes in a size, as (top, bottom), inner ones first."""
    if not any(atom.args for atoms, _ in terms_of(size) for atom in atoms):
        return ()
    found = [a.args for a in atoms_in(size) if a.name == "//" and isinstance(a.args[1], Dim)]
    return tuple(dict.fromkeys(found[::-1]))


def size_atoms(size: Size) -> set[Atom]:
    """The names a size depends on, as atoms."""
    return {atom for atom in atoms_in(size) if not atom.args}


def size_names(size: Size) -> frozenset[str]:
    """The keys of the names a size depends on; none for an int."""
    return size.names() if isinstance(size, Dim) else _NO_NAMES


def size_name(size: Size) -> str | None:
    """The key of the name if the size is a single name, else None."""
    if isinstance(size, Dim) and len(size.terms) == 1:
        atoms, factor = size.terms[0]
        if factor == 1 and len(atoms) == 1 and not atoms[0].args:
            return atoms[0].key
    return None


def size_value(size: Size, names: Mapping[str, int]) -> int:
    """The value of a size, given the values of its names by their keys."""
    if not isinstance(size, Dim):
        return int(size)
    total = 0
    for atoms, value in size.terms:
        for atom in atoms:
            if atom.args:
                value *= _FUNCTIONS[atom.name](*[size_value(arg, names) for arg in atom.args])
            else:
                value *= names[atom.key]
        total += value
    return total


def size_substitute(size: Size, names: Mapping[str, Size]) -> Size:
    """The same size with names, given by their keys, replaced by other sizes. With a key `JOINT`,
    sizes that broadcast are taken to be equal."""
    if not isinstance(size, Dim) or names.keys().isdisjoint(size.names()):
        return size
    terms: list[tuple[tuple[Atom, ...], int]] = []
    for atoms, factor in size.terms:
        kept, product = [], None
        for atom in atoms:
            if atom.args:
                args = [size_substitute(arg, names) for arg in atom.args]
                equal = atom.name == JOINT and JOINT in names
                found = args[0] if equal else SIZE_FUNCTIONS[atom.name](*args)
            else:
                found = names.get(atom.key)
            if found is None:
                kept.append(atom)
            else:
                product = found if product is None else product * found
        if product is None:
            terms.append((atoms, factor))
            continue
        for others, number in terms_of(product):
            joint = tuple(sorted([*kept, *others], key=_key)) if kept else others
            terms.append((joint, number * factor))
    return from_terms(terms)


SIZE_FUNCTIONS: dict[str, Callable[..., Size]] = {
    "//": size_floordiv, "min": size_min, "max": size_max, JOINT: size_joint,
}  # fmt: skip


def size_product(sizes: Iterable[Size]) -> Size:
    """The number of elements of a shape."""
    return reduce(lambda a, b: a * b, sizes, 1)
