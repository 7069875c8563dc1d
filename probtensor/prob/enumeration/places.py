"""Places: indices along an axis as functions of the index of an element of another tensor."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence

from probtensor.dataclass import dataclass
from probtensor.graph.node import Node
from probtensor.types import Dim, Size

ARITHMETIC = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "//": operator.floordiv,
    "%": operator.mod,
}  # fmt: skip


class Place:
    """An index expression, with the arithmetic that `View.element` applies to indices."""

    def __add__(self, other: object) -> Place:
        return moved(self, other)

    __radd__ = __add__

    def __sub__(self, other: object) -> Place:
        return moved(self, -other) if _is_number(other) else _computed("-", self, other)

    def __rsub__(self, other: object) -> Place:
        return _computed("-", other, self)

    def __mul__(self, other: object) -> Place:
        return _computed("*", self, other)

    __rmul__ = __mul__

    def __floordiv__(self, other: object) -> Place:
        return _computed("//", self, other)

    def __mod__(self, other: object) -> Place:
        return _computed("%", self, other)

    def _unknown(self, other: object) -> Place:
        return ANYWHERE

    __lt__ = __le__ = __gt__ = __ge__ = _unknown


@dataclass(frozen=True)
class Axis(Place):
    """The index of an element along axis `axis`, plus `offset`."""

    axis: int
    offset: Size = 0


@dataclass(frozen=True)
class Fixed(Place):
    """One index for all elements."""

    value: Size


@dataclass(frozen=True, eq=False)
class Look(Place):
    """The element of an integer tensor at these places."""

    node: Node
    at: tuple[Place, ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Look) and self.node is other.node and self.at == other.at

    def __hash__(self) -> int:
        return hash((id(self.node), self.at))


@dataclass(frozen=True)
class Computed(Place):
    """Two places combined by an operator."""

    symbol: str
    left: Place
    right: Place


@dataclass(frozen=True)
class Anywhere(Place):
    """Any index: the element depends on all of the axis, or on which part is not known."""


ANYWHERE = Anywhere()
Access = tuple[Place, ...]  # one place for each axis of a variable


def _is_number(x: object) -> bool:
    return isinstance(x, (int, Dim)) and not isinstance(x, bool)


def placed(index: object) -> Place:
    """An index of `View.element` as a place."""
    if isinstance(index, Place):
        return index
    return Fixed(index) if _is_number(index) else ANYWHERE


def moved(place: Place, by: object) -> Place:
    """A place plus a number."""
    if isinstance(by, Fixed):
        by = by.value
    if isinstance(place, Fixed) and isinstance(by, Place):
        place, by = by, place.value
    if _is_number(by):
        if isinstance(by, int) and by == 0:
            return place
        if isinstance(place, Axis):
            return Axis(place.axis, place.offset + by)
        if isinstance(place, Fixed):
            return Fixed(place.value + by)
    return _computed("+", place, by)


def _computed(symbol: str, left: object, right: object) -> Place:
    """Two indices combined, in numbers where both are."""
    left, right = placed(left), placed(right)
    if ANYWHERE in (left, right):
        return ANYWHERE
    if isinstance(left, Fixed) and isinstance(right, Fixed):
        return Fixed(ARITHMETIC[symbol](left.value, right.value))
    return Computed(symbol, left, right)


def parts_of(place: Place) -> tuple[Place, ...]:
    """The places that a place is computed from."""
    if isinstance(place, Look):
        return place.at
    return (place.left, place.right) if isinstance(place, Computed) else ()


def axes_in(places: Sequence[Place]) -> set[int]:
    """The axes of the element that places depend on."""
    found: set[int] = set()
    for place in places:
        if isinstance(place, Axis):
            found.add(place.axis)
        found |= axes_in(parts_of(place))
    return found


def is_known(access: Access) -> bool:
    """Does an access name one entry for each element?"""
    return not any(isinstance(p, Anywhere) or not is_known(parts_of(p)) for p in access)


def rewritten(place: Place, change: Callable[[Place], Place | None]) -> Place | None:
    """A place with its parts replaced by what `change` gives for them, None for what it leaves to
    their own parts; None if a part has no replacement."""
    found = change(place)
    if found is not None or isinstance(place, Axis):
        return found
    own = [rewritten(p, change) for p in parts_of(place)]
    if any(p is None for p in own):
        return None
    if isinstance(place, Look):
        return Look(place.node, tuple(own))
    return Computed(place.symbol, *own) if isinstance(place, Computed) else place


def renumbered(access: Access, axes: Mapping[int, int]) -> Access:
    """An access whose axes of the element are named by other numbers."""

    def change(place: Place) -> Place | None:
        return Axis(axes[place.axis], place.offset) if isinstance(place, Axis) else None

    return tuple(rewritten(place, change) for place in access)
