"""Loops that no proof covers, tried at small sizes: does an iteration read what another stores?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from random import Random

import numpy as np

from probtensor.types import (
    Size,
    SizeCheck,
    size_names,
    size_substitute,
    size_value,
    terms_of,
)

SMALL = range(1, 6)  # sizes, of which all are tried for one or two names
SAMPLES = 12  # random values of more names, or of names in laws
ATTEMPTS = 40  # at such values
MOST_POINTS = 100_000  # iterations that are tried, for one sample
LARGEST = 1 << 40  # size that is looked for where a law asks for it
FUNCTIONS: dict[str, Callable[..., np.ndarray]] = {
    "//": np.floor_divide, "min": np.minimum, "max": np.maximum,
}  # fmt: skip


def finds_no_race(
    stored: Size,
    read: Size,
    loop: tuple[str, Size],
    inner: Mapping[str, Size],
    outer: Mapping[str, Size],
    laws: Sequence[SizeCheck],
) -> bool:
    """Whether a loop was run, and no iteration of it reads an element that another one stores, at
    small sizes that the laws allow.

    `loop` is the variable and the extent of the loop, `inner` and `outer` the loops in it and
    around it. False also where there is nothing to try: an index is computed, the laws allow no
    small sizes, or the loops have too many iterations.
    """
    var, extent = loop
    extents = {**outer, var: extent, **inner}
    used = (stored, read, *extents.values())
    names = {name for size in used for name in size_names(size)} - extents.keys()
    was_run = False
    for sizes in small_sizes(names, laws):
        known = {name: size_value(n, sizes) for name, n in extents.items()}
        if known[var] < 2:
            continue
        rng = Random(0)
        at = {name: rng.randrange(known[name]) for name in outer if known[name] > 0}
        if len(at) < len(outer):
            continue
        fixed = {**{name: n for name, n in sizes.items() if name in names}, **at}
        indices = [size_substitute(index, fixed) for index in (stored, read)]
        ranges = {var: known[var], **{name: known[name] for name in inner}}
        touched = [_elements(index, var, ranges) for index in indices]
        if None in touched:
            continue
        if _is_shared(*touched):
            return False
        was_run = True
    return was_run


Touched = tuple[np.ndarray, np.ndarray]  # elements, and iterations that touch them


def _elements(index: Size, var: str, ranges: Mapping[str, int]) -> Touched | None:
    """The elements at an index with the iterations of `var` that touch them; None if that cannot be
    told."""
    names = size_names(index) - {var}
    if not names <= ranges.keys():
        return None
    shape = [ranges[var], *(ranges[name] for name in sorted(names))]
    if np.prod(shape, dtype=float) > MOST_POINTS:
        return None
    axes = dict(zip([var, *sorted(names)], np.indices(shape, dtype=np.int64, sparse=True)))
    values = np.broadcast_to(_evaluated(index, axes), shape)
    iterations = np.broadcast_to(axes[var], shape)
    return values.ravel(), iterations.ravel()


def _evaluated(size: Size, axes: Mapping[str, np.ndarray]) -> np.ndarray | int:
    """A size for all values of the variables in it."""
    total: np.ndarray | int = 0
    for atoms, factor in terms_of(size):
        value: np.ndarray | int = factor
        for atom in atoms:
            if atom.args:
                found = FUNCTIONS[atom.name](*[_evaluated(arg, axes) for arg in atom.args])
            else:
                found = axes[atom.key]
            value = value * found
        total = total + value
    return total


def _is_shared(stored: Touched, read: Touched) -> bool:
    """Whether an iteration stores an element that another iteration reads."""
    elements = np.intersect1d(stored[0], read[0])
    if not elements.size:
        return False
    bounds = []
    for values, iterations in (stored, read):
        is_common = np.isin(values, elements)
        place = np.searchsorted(elements, values[is_common])
        first = np.full(elements.size, np.iinfo(np.int64).max)
        last = np.full(elements.size, -1)
        np.minimum.at(first, place, iterations[is_common])
        np.maximum.at(last, place, iterations[is_common])
        bounds += [first, last]
    return any((bounds[0] != other).any() for other in bounds[1:])


def small_sizes(names: Iterable[str], laws: Sequence[SizeCheck]) -> Iterator[dict[str, int]]:
    """Positive values of these names, and of those that laws relate to them, for which the laws
    hold; each once."""
    related = set(names)
    kept: list[SizeCheck] = []
    while True:
        more = [law for law in laws if law not in kept and _names(law) & related]
        if not more:
            break
        kept += more
        related |= {name for law in more for name in _names(law)}
    order, rng = sorted(related), Random(0)
    if len(order) <= 2 and not kept:
        yield from (dict(zip(order, values)) for values in product(SMALL, repeat=len(order)))
        return
    found: dict[tuple[int, ...], None] = {}
    for _ in range(ATTEMPTS):
        rng.shuffle(order)
        values = _drawn(order, kept, rng)
        key = tuple(values.get(name, 0) for name in sorted(related))
        if len(values) < len(order) or key in found:
            continue
        found[key] = None
        yield values
        if len(found) == SAMPLES:
            return


def _names(law: SizeCheck) -> frozenset[str]:
    return size_names(law.left) | size_names(law.right)


def _drawn(order: Sequence[str], laws: Sequence[SizeCheck], rng: Random) -> dict[str, int]:
    """A random value for each name in turn, up to the first for which the laws allow none of those
    that are tried."""
    values: dict[str, int] = {}
    for name in order:
        decided = [law for law in laws if name in _names(law) and _names(law) <= {*values, name}]
        asked = [n for law in decided for n in _turning_points(law, name, values)]
        for n in (*asked, *rng.sample(SMALL, len(SMALL))):
            if all(law.holds({**values, name: n}) for law in decided):
                values[name] = n
                break
        else:
            break
    return values


def _turning_points(law: SizeCheck, name: str, values: Mapping[str, int]) -> Sequence[int]:
    """Values of a name around that from which on the left of a law is not below its right any more,
    or not above it."""
    gap = law.left - law.right

    def at(n: int) -> bool:
        return size_value(gap, {**values, name: n}) >= 0

    low, high = 1, 1
    while at(high) == at(1):
        low, high = high, 2 * high
        if high > LARGEST:
            return ()
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if at(middle) == at(1) else (low, middle)
    return range(max(1, high - 2), high + 3)
