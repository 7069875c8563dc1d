"""Random legal and illegal keys, as NumPy takes them and as tensors, with what they mean.

What a key writes is told by the places it reads: `places[key]` of the numbers of all elements, in
row-major order. NumPy itself does not say which of several writes to one place is the last.
"""

from dataclasses import dataclass, field

import numpy as np

from probtensor.graph.node import Node, new_input

SHAPES = [(), (1,), (4,), (7,), (0,), (3, 5), (4, 1), (2, 0), (3, 4, 2), (2, 3, 4), (5, 1, 3),
          (2, 3, 2, 3)]  # fmt: skip
BLOCKS = [(), (2,), (3,), (1,), (0,), (2, 3)]
INTEGERS = ("int64", "int64", "int64", "int32", "int8", "uint8", "uint64")
FAULTS = ("many", "dots", "step", "float", "mask", "number", "number", "array", "array")
MODES = ("set", "add", "multiply", "max", "min")


@dataclass
class Case:
    """A key of an array: `parts` for NumPy, `key` for the tensor `x`, `values` of its inputs."""

    x: Node
    a: np.ndarray
    parts: tuple
    key: object
    values: dict = field(default_factory=dict)

    @property
    def places(self):
        return np.asarray(np.arange(self.a.size).reshape(self.a.shape)[self.parts])

    def __str__(self):
        return f"{self.a.dtype}{list(self.a.shape)}[{self.parts!r}] by {self.key!r}"


class Keys:
    """A stream of random keys: the same for the same seed."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.count = 0

    def case(self, floats=False):
        """A legal key of a random tensor, of floats or of any numbers."""
        while True:
            found = self.proposed()
            if floats and found.a.dtype == "int64":
                continue
            try:
                found.places  # noqa: B018 - NumPy says whether the key is legal
            except IndexError:
                continue
            if self.is_settled():
                return found

    def is_settled(self):
        """Whether the index arrays broadcast by sizes that are known before the call."""
        joint = np.broadcast_shapes(*(shape for shape, _ in self.shapes))
        return all(known or shape[k] == joint[len(joint) - len(shape) + k]
                   for shape, fixed in self.shapes for k, known in enumerate(fixed))

    def proposed(self):
        """A key that is legal but for arrays that may not broadcast."""
        shape = SHAPES[self.rng.integers(len(SHAPES))]
        dtype = self.rng.choice(["float64", "float64", "float32", "int64"])
        a = np.asarray(self.rng.permutation(np.prod(shape, dtype=int)).reshape(shape) + 1)
        a = a.astype(dtype)
        values = {}
        x = self.tensor(a, values)
        return self.with_key(Case(x, a, (), (), values))

    def with_key(self, case):
        parts, key = [], []
        axis = 0
        advanced = self.chance(0.5)
        self.block = BLOCKS[self.rng.integers(len(BLOCKS))]
        # Of each array and mask, the shape of its indices, and which of its sizes are known.
        self.shapes = [((), ())]
        hole = self.chance(0.3)
        while axis < case.a.ndim and not self.chance(0.12):
            if hole and self.chance(0.4):
                hole = False
                used, part, symbolic = self.rng.integers(case.a.ndim - axis + 1), ..., ...
            else:
                used, part, symbolic = self.part(case, axis, advanced)
            parts.append(part)
            key.append(symbolic)
            axis += used
        if hole:
            parts.append(...)
            key.append(...)
        for _ in range(self.rng.integers(1, 3) if self.chance(0.3) else 0):
            self.insert(parts, key, None, None)
        if advanced and self.chance(0.05):
            flag = bool(self.chance(0.7))
            computed = self.chance(0.3)
            self.shapes.append(((int(flag),), (not computed,)))
            shown = self.tensor(np.array(flag), case.values) if computed else flag
            self.insert(parts, key, flag, shown)
        bare = len(key) == 1 and self.chance(0.7)
        case.parts, case.key = tuple(parts), key[0] if bare else tuple(key)
        return case

    def insert(self, parts, key, part, symbolic):
        place = self.rng.integers(len(parts) + 1)
        parts.insert(place, part)
        key.insert(place, symbolic)

    def part(self, case, axis, advanced):
        """How many axes a random part of a key takes, the part, and as a tensor."""
        n = case.a.shape[axis]
        kind = self.rng.random()
        if advanced and kind < 0.45:
            return self.array(case, n)
        if advanced and kind < 0.6:
            return self.mask(case, axis)
        if kind < 0.75 and n:
            return self.number(case, n)
        return self.slice(case, n)

    def number(self, case, n):
        i = int(self.rng.integers(-n, n))
        form = self.rng.integers(5)
        if form == 0:
            return 1, i, np.int32(i)
        if form == 1:
            return 1, i, np.array(i)
        if form == 2:
            return 1, i, self.tensor(np.array(i), case.values)
        return 1, i, i

    def slice(self, case, n):
        bounds = [None if self.chance(0.35) else int(self.rng.integers(-n - 3, n + 4))
                  for _ in range(2)]
        step = None if self.chance(0.5) else int(self.rng.choice([1, 2, 3, -1, -2, -3, 100, -9]))
        shown = [self.bound(case, b) for b in bounds]
        return 1, slice(*bounds, step), slice(*shown, step)

    def bound(self, case, b):
        """A bound as a number, a tensor without axes, or the size of one."""
        form = self.rng.random()
        if b is not None and form < 0.12:
            return self.tensor(np.array(b), case.values)
        if b is not None and form < 0.24 and b >= 0:
            return self.tensor(np.zeros(b), case.values, static=False).shape[0]
        return b

    def array(self, case, n):
        shape = self.block
        if shape and self.chance(0.3):
            shape = shape[1:] if self.chance(0.5) else (1,) * len(shape)
        if n == 0:
            shape = (0,)
        dtype = INTEGERS[self.rng.integers(len(INTEGERS))]
        low = 0 if dtype.startswith("u") else -n
        i = self.rng.integers(low, max(n, 1), shape).astype(dtype)
        form = self.rng.integers(4)
        shown = i.tolist() if form == 0 and dtype == "int64" else i
        if form > 1:
            shown = self.tensor(i, case.values)
        fixed = [True] * i.ndim if form < 2 else [isinstance(n, int) for n in shown.shape]
        self.shapes.append((i.shape, fixed))
        return 1, i, shown

    def mask(self, case, axis):
        count = int(self.rng.integers(1, case.a.ndim - axis + 1))
        shape = case.a.shape[axis : axis + count]
        mask = self.rng.random(shape) < 0.5
        form = self.rng.integers(4)
        self.shapes.append(((np.count_nonzero(mask),), (form < 2,)))
        if form == 0 and count == 1:
            return count, mask, mask.tolist() if mask.size else mask
        return count, mask, mask if form < 2 else self.tensor(mask, case.values)

    def tensor(self, array, values, static=None):
        """An input with a value: of fixed or of unknown sizes."""
        static = self.chance(0.5) if static is None else static
        self.count += 1
        shape = array.shape if static else [None] * array.ndim
        x = new_input(f"v{self.count}", array.dtype, shape)
        values[x] = array
        return x

    def chance(self, p):
        return self.rng.random() < p

    def illegal(self):
        """A key that NumPy refuses, and words of the error."""
        while True:
            case = self.case()
            if case.a.ndim and len(case.parts) and isinstance(case.key, tuple):
                break
        kinds = [k for k, part in enumerate(case.parts) if type(part) in (int, slice)]
        fault = FAULTS[self.rng.integers(len(FAULTS))] if kinds else "many"
        if fault == "many":
            return self.with_more(case, (0,) * (case.a.ndim + 1)), ("indices for",)
        if fault == "dots":
            return self.with_more(case, (..., ...)), ("more than one '...'",)
        place = kinds[self.rng.integers(len(kinds))]
        axis = self.axis_of(case, place)
        n = case.a.shape[axis]
        if fault == "step":
            return self.with_part(case, place, slice(0, 1, 0), slice(0, 1, 0)), ("nonzero integer",)
        if fault == "float":
            return self.with_part(case, place, 1.5, 1.5), ("integers or bools", "1.5")
        if fault == "mask":
            mask = np.ones(n + 2, bool)
            shown = self.tensor(mask, case.values) if self.chance(0.5) else mask
            words = f"size {n + 2}", f"axis {axis}", f"size {n}"
            return self.with_part(case, place, mask, shown), words
        wrong = int(self.rng.choice([n, n + 5, -n - 1, -n - 3]))
        joint = np.broadcast_shapes(*(shape for shape, _ in self.shapes))
        index = np.full(() if fault == "number" or 0 in joint else joint or (2,), wrong)
        shown = self.tensor(index, case.values) if self.chance(0.5) else index
        return self.with_part(case, place, index, shown), (str(wrong), f"axis {axis}", f"size {n}")

    def axis_of(self, case, place):
        """The axis that a part of a key indexes."""
        used = [axes_of(part) for part in case.parts]
        skipped = case.a.ndim - sum(used) if any(p is ... for p in case.parts[:place]) else 0
        return sum(used[:place]) + skipped

    def with_part(self, case, place, part, shown):
        parts = (*case.parts[:place], part, *case.parts[place + 1 :])
        key = (*case.key[:place], shown, *case.key[place + 1 :])
        return Case(case.x, case.a, parts, key, case.values)

    def with_more(self, case, more):
        return Case(case.x, case.a, (*case.parts, *more), (*case.key, *more), case.values)

    def written(self, case):
        """A value that broadcasts to the places of a key, as an array."""
        shape = list(case.places.shape)
        for axis in range(len(shape)):
            if self.chance(0.15):
                shape[axis] = 1
        if self.chance(0.3):
            shape = shape[self.rng.integers(len(shape) + 1) :]
        elif self.chance(0.1):
            shape = [1, *shape]
        low = 1 if case.a.dtype == "int64" else -4
        return np.asarray(self.rng.integers(low, 9, shape) + 0.5).astype(case.a.dtype)


def axes_of(part):
    """The number of axes that a part of a key indexes."""
    if part is None or part is ...:
        return 0
    return np.ndim(part) if np.asarray(part).dtype == bool else 1


def meant(case, value, mode):
    """The array with a value combined into the places of a key, one after the other."""
    combine = {"set": lambda old, new: new, "add": lambda old, new: old + new, "max": max,
               "multiply": lambda old, new: old * new, "min": min}[mode]  # fmt: skip
    out = case.a.copy().ravel()
    for place, new in zip(case.places.ravel(), spread(case, value).ravel(), strict=True):
        out[place] = combine(out[place], new)
    return out.reshape(case.a.shape)


def spread(case, value):
    """A value, repeated to the shape of the places."""
    extra = max(0, value.ndim - case.places.ndim)
    return np.broadcast_to(value.reshape(value.shape[extra:]), case.places.shape)


def meant_slopes(case, value, mode, weights):
    """The slopes of sum(weights * result) by the array and by the value. Equal extremes share."""
    a, w = case.a.ravel().astype("float64"), weights.ravel()
    new = spread(case, value).ravel().astype("float64")
    of_a, of_new = w.copy(), np.zeros(len(new))
    places = case.places.ravel()
    for place in set(places.tolist()):
        (here,) = np.nonzero(places == place)
        terms = np.array([a[place], *new[here]])
        if mode == "set":
            share = np.arange(len(terms)) == len(terms) - 1
        elif mode == "add":
            share = np.ones(len(terms))
        elif mode == "multiply":
            share = np.array([np.prod(np.delete(terms, k)) for k in range(len(terms))])
        else:
            share = terms == getattr(np, mode)(terms)
            share = share / share.sum()
        of_a[place] = w[place] * share[0]
        of_new[here] = w[place] * share[1:]
    return of_a.reshape(case.a.shape), gathered(of_new.reshape(case.places.shape), value.shape)


def gathered(slopes, shape):
    """Slopes by the repeated elements of a value, added up."""
    slopes = slopes.reshape((1,) * max(0, len(shape) - slopes.ndim) + slopes.shape)
    lead = slopes.ndim - len(shape)
    axes = (*range(lead), *(lead + k for k, n in enumerate(shape) if n == 1))
    return slopes.sum(axes).reshape(shape)
