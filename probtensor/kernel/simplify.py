"""Index arithmetic: polynomials with floor divisions, simplified by the ranges of variables."""

from __future__ import annotations

from collections.abc import Mapping

from probtensor.kernel.ir import Apply, Expr, IndexValue
from probtensor.types import (
    SIZE_FUNCTIONS,
    Atom,
    Dim,
    Size,
    from_terms,
    size_floordiv,
    size_substitute,
    terms_of,
    with_atoms,
)

Bounds = Mapping[str, Size]  # variable -> extent: 0 <= variable < extent


class Index:
    """An index under construction: a polynomial with the ranges of its variables.

    Supports + - * // % with ints, sizes and other indices; comparisons give bool expressions.
    """

    __slots__ = ("bounds", "size")

    def __init__(self, size: Size, bounds: Bounds) -> None:
        self.size = size
        self.bounds = bounds

    def _with(self, size: Size) -> Index:
        return Index(size, self.bounds)

    def __add__(self, other: object) -> Index:
        return self._with(_plain(self) + _plain(other))

    def __mul__(self, other: object) -> Index:
        return self._with(_plain(self) * _plain(other))

    __radd__, __rmul__ = __add__, __mul__

    def __sub__(self, other: object) -> Index:
        return self._with(_plain(self) - _plain(other))

    def __rsub__(self, other: object) -> Index:
        return self._with(_plain(other) - _plain(self))

    def __neg__(self) -> Index:
        return self._with(-_plain(self))

    def __floordiv__(self, other: object) -> Index:
        return self._with(floordiv(_plain(self), _plain(other), self.bounds))

    def __mod__(self, other: object) -> Index:
        quotient = floordiv(_plain(self), _plain(other), self.bounds)
        return self._with(_plain(self) - quotient * _plain(other))

    def _compare(self, symbol: str, other: object) -> Expr:
        return Apply(symbol, (IndexValue(_plain(self)), IndexValue(_plain(other))), "bool")

    def __lt__(self, other: object) -> Expr:
        return self._compare("<", other)

    def __le__(self, other: object) -> Expr:
        return self._compare("<=", other)

    def __gt__(self, other: object) -> Expr:
        return self._compare(">", other)

    def __ge__(self, other: object) -> Expr:
        return self._compare(">=", other)

    def __eq__(self, other: object) -> Expr:
        return self._compare("==", other)

    def __ne__(self, other: object) -> Expr:
        return self._compare("!=", other)

    __hash__ = None


def _plain(value: object) -> Size:
    return value.size if isinstance(value, Index) else value


def floordiv(top: Size, bottom: Size, bounds: Bounds) -> Size:
    """top // bottom: the quotient of the terms divisible by `bottom`, plus that of the rest.

    The latter is 0 if 0 <= rest < bottom can be shown: with 0 <= j < m, (i*m + j) // m is i.
    Otherwise it is an opaque atom.
    """
    if bottom == 0:
        return 0  # an index along an axis of size 0, which is never used
    if isinstance(top, int) and isinstance(bottom, int):
        return top // bottom
    exact: Size = 0
    rest: Size = 0
    for term in terms_of(top):
        single = from_terms([term])
        quotient = size_floordiv(single, bottom)
        if quotient * bottom == single:
            exact = exact + quotient
        else:
            rest = rest + single
    if rest == 0:
        return exact
    if _below(rest, bottom, bounds):
        return exact
    return exact + size_floordiv(rest, bottom)


def _has_floor(size: Size) -> bool:
    if size.__class__ is not Dim:
        return False
    for atoms, _ in size.terms:
        for atom in atoms:
            if atom.name == "//":
                return True
    return False


def _below(size: Size, limit: Size, bounds: Bounds) -> bool:
    """Whether 0 <= size < limit can be shown from the ranges of the variables."""
    low, high = 0, size
    for atoms, factor in terms_of(size):
        if factor < 0 or any(a.args for a in atoms):
            return False
    if low > 0:
        return False
    for name, extent in bounds.items():
        high = size_substitute(high, {name: extent - 1})
    gap = limit - 1 - high
    if isinstance(gap, int):
        return gap >= 0
    # Inside a loop its extent is at least 1.
    return all(factor >= 0 for _, factor in terms_of(gap))


def coefficient(size: Size, name: str) -> Size | None:
    """The coefficient of a variable; 0 if it does not occur, None if the size is not linear in it.
    Of an index it is the stride along a loop."""
    if not isinstance(size, Dim):
        return 0
    found: Size = 0
    for atoms, factor in size.terms:
        others = []
        for atom in atoms:
            if atom.args:
                if name in Dim.of(atom).names():
                    return None
            elif atom.name == name and not atom.uid:
                continue
            others.append(atom)
        if len(atoms) - len(others) > 1:
            return None
        if len(others) < len(atoms):
            found = found + from_terms([(tuple(others), factor)])
    return found


def resimplify(size: Size, bounds: Bounds) -> Size:
    """The polynomial with its floor divisions simplified under these ranges."""
    if size.__class__ is not Dim or not _has_floor(size):
        return size

    def again(atom: Atom) -> Size:
        args = [resimplify(arg, bounds) for arg in atom.args]
        if atom.name == "//":
            return floordiv(args[0], args[1], bounds)
        return SIZE_FUNCTIONS[atom.name](*args) if args else Dim.of(atom)

    return with_atoms(size, again)
